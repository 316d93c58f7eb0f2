//! Applications, who may use them, and which groups are copied into them.

use serde::Deserialize;
use serde_json::value::RawValue;
use sightline_core::{
    Assignment, AssignmentOrigin, Observed, Principal, Push, RawJson, Record, Resource, ResourceStatus, Time,
};

use crate::decode::{kept, lenient, lenient_object, lenient_texts, redact, time};
use crate::map::{Href, filled, id_at_end};
use crate::{credential, posture};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppView {
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sign_on_mode: Option<String>,
    #[serde(default, deserialize_with = "lenient_texts")]
    features: Vec<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
    #[serde(default)]
    settings: Option<serde_json::Value>,
    #[serde(default)]
    credentials: Option<serde_json::Value>,
}

/// An application: typed id, status and times, the rest kept as it came, so that no kind of application is lost.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct OktaApp(serde_json::Value);

impl OktaApp {
    /// None where the object has no id and so is no application.
    pub(crate) fn id(&self) -> Option<&str> {
        self.0.get("id").and_then(serde_json::Value::as_str).filter(|id| !id.is_empty())
    }

    /// When it was last changed, where Okta says so.
    pub(crate) fn changed(&self) -> Option<Time> {
        self.0.get("lastUpdated").and_then(serde_json::Value::as_str).and_then(Time::parse)
    }

    /// Whether it signs in by itself, without a person.
    pub(crate) fn is_service(&self) -> bool {
        self.0["settings"]["oauthClient"]["application_type"] == "service"
    }

    /// Its features as Okta names them; none where Okta did not send them.
    pub(crate) fn features(&self) -> Option<Vec<&str>> {
        let features = self.0.get("features")?.as_array()?;
        Some(features.iter().filter_map(serde_json::Value::as_str).collect())
    }

    /// The application and what Okta sends with it: its credentials, and the policy that decides who gets in.
    pub(crate) fn into_records(self) -> Vec<Record> {
        let Some(id) = self.id().map(str::to_owned) else { return Vec::new() };
        let mut records = credential::of_app(&self.0, &id);
        records.extend(posture::governance_of(&self.0, &id));
        let Some(app) = self.into_record() else { return Vec::new() };
        records.insert(0, app);
        records
    }

    fn into_record(mut self) -> Option<Record> {
        let id = self.id()?.to_owned();
        let service = self.is_service();
        let view: AppView = serde_json::from_str(&self.0.to_string()).ok()?;
        let raw_status = view.status.unwrap_or_else(|| "(none)".to_owned());
        let implicit = match &view.settings {
            Some(serde_json::Value::Object(settings)) => match settings.get("implicitAssignment") {
                // Left out by every kind of application that cannot have it.
                None | Some(serde_json::Value::Null) => Observed::Known(false),
                Some(serde_json::Value::Bool(implicit)) => Observed::Known(*implicit),
                Some(_) => {
                    Observed::Unknown("Okta sent an implicitAssignment that is no yes or no".to_owned())
                }
            },
            _ => Observed::Unknown("Okta sent no settings".to_owned()),
        };
        redact(&mut self.0);
        if let Some(fields) = self.0.as_object_mut() {
            fields.remove("_embedded");
        }
        Some(Record::Resource(Box::new(Resource {
            label: filled(view.label).or_else(|| filled(view.name.clone())).unwrap_or_else(|| id.clone()),
            catalog_name: filled(view.name),
            status: match raw_status.as_str() {
                "ACTIVE" => ResourceStatus::Active,
                "INACTIVE" | "DELETED" => ResourceStatus::Inactive,
                _ => ResourceStatus::Unknown,
            },
            raw_status,
            sign_on_mode: view.sign_on_mode,
            features: view.features,
            implicit_assignment: implicit,
            client_id: view
                .credentials
                .and_then(|credentials| credentials["oauthClient"]["client_id"].as_str().map(str::to_owned)),
            service,
            created: view.created,
            last_updated: view.last_updated,
            raw: RawJson::from_value(&self.0),
            id,
        })))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppUser {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    scope: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    external_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    sync_state: Option<String>,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
    #[serde(default, deserialize_with = "lenient_object")]
    credentials: Option<AppCredentials>,
    #[serde(default, rename = "_links", deserialize_with = "lenient_object")]
    links: Option<AppUserLinks>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AppCredentials {
    #[serde(default, deserialize_with = "lenient")]
    user_name: Option<String>,
}

#[derive(Deserialize)]
struct AppUserLinks {
    #[serde(default, deserialize_with = "lenient_object")]
    group: Option<Href>,
}

impl AppUser {
    pub(crate) fn into_record(self, app: &str) -> Record {
        let group =
            || self.links.and_then(|links| links.group).and_then(|group| id_at_end(group.href.as_deref()?));
        Record::Assignment(Assignment {
            resource: app.to_owned(),
            origin: match self.scope.as_deref() {
                Some("USER") => AssignmentOrigin::Direct,
                Some("GROUP") => AssignmentOrigin::Group(group()),
                other => AssignmentOrigin::Unknown(other.unwrap_or("(none)").to_owned()),
            },
            principal: Principal::Account(self.id),
            raw_status: self.status,
            user_name: self.credentials.and_then(|credentials| credentials.user_name),
            external_id: self.external_id,
            sync_state: self.sync_state,
            priority: None,
            since: self.created,
            last_updated: self.last_updated,
            profile: kept(self.profile),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppGroup {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    priority: Option<i64>,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
}

impl AppGroup {
    pub(crate) fn into_record(self, app: &str) -> Record {
        Record::Assignment(Assignment {
            resource: app.to_owned(),
            principal: Principal::Group(self.id),
            origin: AssignmentOrigin::Direct,
            raw_status: None,
            user_name: None,
            external_id: None,
            sync_state: None,
            priority: self.priority,
            since: None,
            last_updated: self.last_updated,
            profile: kept(self.profile),
        })
    }
}

/// A group that is copied into an application.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupPush {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    source_group_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    target_group_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
}

impl GroupPush {
    /// None where it does not name the group.
    pub(crate) fn into_record(self, app: &str) -> Option<Record> {
        Some(Record::Push(Box::new(Push {
            resource: app.to_owned(),
            group: self.source_group_id?,
            target_group: self.target_group_id,
            raw_status: self.status.unwrap_or_else(|| "(none)".to_owned()),
            last_updated: self.last_updated,
            id: self.id,
        })))
    }
}
