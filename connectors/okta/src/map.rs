//! From Okta's words to the normalized schema.

use serde::Deserialize;
use serde_json::value::RawValue;
use sightline_core::{
    Account, AccountStatus, Assignment, AssignmentOrigin, Group, GroupOrigin, Holding, HoldingScope,
    Membership, Observed, Principal, RawJson, Record, Resource, ResourceStatus, Role, Rule, Time,
};

use crate::decode::{kept, lenient, lenient_object, lenient_texts, redact, time};
use crate::task::TargetKind;

/// Fields of each object that this version knows; others are reported as drift.
pub(crate) mod known {
    pub(crate) const USER: &[&str] = &[
        "id",
        "status",
        "created",
        "activated",
        "statusChanged",
        "lastLogin",
        "lastUpdated",
        "passwordChanged",
        "type",
        "realmId",
        "transitioningToStatus",
        "profile",
        "credentials",
        "_links",
        "_embedded",
    ];
    pub(crate) const GROUP: &[&str] = &[
        "id",
        "created",
        "lastUpdated",
        "lastMembershipUpdated",
        "objectClass",
        "type",
        "profile",
        "source",
        "_links",
        "_embedded",
    ];
    pub(crate) const RULE: &[&str] = &[
        "id",
        "type",
        "status",
        "name",
        "created",
        "lastUpdated",
        "conditions",
        "actions",
        "allGroupsValid",
        "_embedded",
    ];
    pub(crate) const APP: &[&str] = &[
        "id",
        "orn",
        "name",
        "label",
        "status",
        "lastUpdated",
        "created",
        "accessibility",
        "visibility",
        "features",
        "signOnMode",
        "credentials",
        "settings",
        "profile",
        "licensing",
        "universalLogout",
        "_links",
        "_embedded",
    ];
    pub(crate) const APP_USER: &[&str] = &[
        "id",
        "externalId",
        "created",
        "lastUpdated",
        "scope",
        "status",
        "statusChanged",
        "passwordChanged",
        "syncState",
        "lastSync",
        "credentials",
        "profile",
        "_links",
        "_embedded",
    ];
    pub(crate) const APP_GROUP: &[&str] =
        &["id", "lastUpdated", "priority", "profile", "_links", "_embedded"];
    pub(crate) const ROLE_ASSIGNMENT: &[&str] = &[
        "id",
        "label",
        "type",
        "status",
        "created",
        "lastUpdated",
        "assignmentType",
        "role",
        "resource-set",
        "_links",
        "_embedded",
    ];
    pub(crate) const ROLE: &[&str] =
        &["id", "label", "description", "created", "lastUpdated", "isCloneable", "_links", "permissions"];
    pub(crate) const ASSIGNEE: &[&str] = &["id", "orn", "_links"];
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OktaUser {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    activated: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    status_changed: Option<Time>,
    /// Left out by some answers, null for "never".
    #[serde(default)]
    last_login: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    password_changed: Option<Time>,
    #[serde(default, rename = "type", deserialize_with = "lenient_object")]
    kind: Option<UserType>,
    #[serde(default, deserialize_with = "lenient")]
    realm_id: Option<String>,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient_object")]
    credentials: Option<Credentials>,
}

#[derive(Deserialize)]
struct UserType {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    #[serde(default, deserialize_with = "lenient_object")]
    provider: Option<Provider>,
}

#[derive(Deserialize)]
struct Provider {
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(default, deserialize_with = "lenient")]
    login: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    second_email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    last_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    manager: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    manager_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    department: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    title: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    user_type: Option<String>,
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn account_status(raw: &str) -> AccountStatus {
    match raw {
        "ACTIVE" | "PASSWORD_EXPIRED" | "RECOVERY" => AccountStatus::Active,
        "STAGED" | "PROVISIONED" | "ACTIVATING" => AccountStatus::Pending,
        "LOCKED_OUT" => AccountStatus::Locked,
        "SUSPENDED" => AccountStatus::Suspended,
        "DEPROVISIONED" => AccountStatus::Deactivated,
        _ => AccountStatus::Unknown,
    }
}

impl OktaUser {
    pub(crate) fn is_deactivated(&self) -> bool {
        self.status.as_deref() == Some("DEPROVISIONED")
    }

    pub(crate) fn into_record(self) -> Record {
        let profile: Profile =
            self.profile.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let raw_status = self.status.unwrap_or_else(|| "(none)".to_owned());
        let login = filled(profile.login).unwrap_or_else(|| self.id.clone());
        let whole_name =
            [filled(profile.first_name), filled(profile.last_name)].into_iter().flatten().collect::<Vec<_>>();
        let name = filled(profile.display_name)
            .or_else(|| if whole_name.is_empty() { None } else { Some(whole_name.join(" ")) })
            .unwrap_or_else(|| login.clone());
        let last_sign_in = match self.last_login.as_deref().map(RawValue::get) {
            None => Observed::Known(None),
            Some(text) => match serde_json::from_str::<String>(text).ok().and_then(|text| Time::parse(&text))
            {
                Some(time) => Observed::Known(Some(time)),
                None => Observed::Unknown("Okta sent a last sign-in that is no time".to_owned()),
            },
        };
        Record::Account(Box::new(Account {
            status: account_status(&raw_status),
            raw_status,
            name,
            emails: [filled(profile.email), filled(profile.second_email)].into_iter().flatten().collect(),
            created: self.created,
            activated: self.activated,
            status_changed: self.status_changed,
            last_sign_in,
            password_changed: self.password_changed,
            last_updated: self.last_updated,
            manager: filled(profile.manager_id).or_else(|| filled(profile.manager)),
            department: filled(profile.department),
            title: filled(profile.title),
            account_type: filled(profile.user_type),
            type_id: self.kind.and_then(|kind| kind.id),
            realm: self.realm_id,
            credential_provider: self.credentials.and_then(|c| c.provider).and_then(|provider| provider.kind),
            profile: kept(self.profile),
            login,
            id: self.id,
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OktaGroup {
    pub(crate) id: String,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_updated: Option<Time>,
    #[serde(default, deserialize_with = "time")]
    last_membership_updated: Option<Time>,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient_object")]
    source: Option<GroupSource>,
    #[serde(default, rename = "_embedded", deserialize_with = "lenient_object")]
    embedded: Option<GroupEmbedded>,
}

#[derive(Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: String,
}

#[derive(Deserialize)]
struct GroupSource {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
}

#[derive(Deserialize)]
struct GroupEmbedded {
    #[serde(default, deserialize_with = "lenient_object")]
    stats: Option<Stats>,
}

/// Counts of a group.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) users_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) apps_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient")]
    has_admin_privilege: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    has_admin_privlege: Option<bool>,
    #[serde(default, deserialize_with = "lenient")]
    has_admin_privileges: Option<bool>,
}

impl Stats {
    /// Whether the group carries an admin role; Okta's answers, its reference and its release notes each spell the
    /// field in another way.
    pub(crate) fn is_admin(&self) -> Option<bool> {
        self.has_admin_privilege.or(self.has_admin_privlege).or(self.has_admin_privileges)
    }
}

#[derive(Default, Deserialize)]
struct GroupProfile {
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
}

impl OktaGroup {
    pub(crate) fn stats(&self) -> Option<Stats> {
        self.embedded.as_ref().and_then(|embedded| embedded.stats)
    }

    /// When it or its members were last changed, where Okta says so.
    pub(crate) fn changed(&self) -> Option<Time> {
        self.last_updated.max(self.last_membership_updated)
    }

    fn profile(&self) -> GroupProfile {
        self.profile.as_deref().and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// *Everyone* holds every user that is not deactivated; Okta has other built-in groups too.
    pub(crate) fn is_everyone(&self) -> bool {
        self.kind.as_deref() == Some("BUILT_IN") && self.profile().name.as_deref() == Some("Everyone")
    }

    pub(crate) fn into_record(self) -> Record {
        let everyone = self.is_everyone();
        let profile = self.profile();
        let stats = self.stats();
        let count = |count: Option<u64>| {
            count.map_or_else(|| Observed::Unknown("Okta did not send its count".to_owned()), Observed::Known)
        };
        Record::Group(Box::new(Group {
            name: filled(profile.name).unwrap_or_else(|| self.id.clone()),
            description: filled(profile.description),
            origin: match self.kind.as_deref() {
                Some("OKTA_GROUP") => GroupOrigin::Native,
                Some("APP_GROUP") => GroupOrigin::Imported,
                Some("BUILT_IN") => GroupOrigin::BuiltIn,
                other => GroupOrigin::Unknown(other.unwrap_or("(none)").to_owned()),
            },
            source_resource: self.source.and_then(|source| source.id),
            everyone,
            member_count: count(stats.and_then(|stats| stats.users_count)),
            resource_count: count(stats.and_then(|stats| stats.apps_count)),
            created: self.created,
            last_updated: self.last_updated,
            last_membership_updated: self.last_membership_updated,
            profile: kept(self.profile),
            id: self.id,
        }))
    }
}

/// A member of a group: a whole user, of which only the id is news.
#[derive(Deserialize)]
pub(crate) struct Member {
    id: String,
}

impl Member {
    pub(crate) fn into_record(self, group: &str) -> Record {
        Record::Membership(Membership { group: group.to_owned(), account: self.id })
    }
}

#[derive(Deserialize)]
pub(crate) struct OktaRule {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient_object")]
    conditions: Option<RuleConditions>,
    #[serde(default, deserialize_with = "lenient_object")]
    actions: Option<RuleActions>,
}

#[derive(Default, Deserialize)]
struct RuleConditions {
    #[serde(default, deserialize_with = "lenient_object")]
    expression: Option<RuleExpression>,
    #[serde(default, deserialize_with = "lenient_object")]
    people: Option<RulePeople>,
}

#[derive(Deserialize)]
struct RuleExpression {
    #[serde(default, deserialize_with = "lenient")]
    value: Option<String>,
}

#[derive(Default, Deserialize)]
struct RulePeople {
    #[serde(default, deserialize_with = "lenient_object")]
    users: Option<Excluded>,
    #[serde(default, deserialize_with = "lenient_object")]
    groups: Option<Excluded>,
}

#[derive(Deserialize)]
struct Excluded {
    #[serde(default, deserialize_with = "lenient_texts")]
    exclude: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleActions {
    #[serde(default, deserialize_with = "lenient_object")]
    assign_user_to_groups: Option<RuleTargets>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleTargets {
    #[serde(default, deserialize_with = "lenient_texts")]
    group_ids: Vec<String>,
}

impl OktaRule {
    pub(crate) fn into_record(self) -> Record {
        let raw_status = self.status.unwrap_or_else(|| "(none)".to_owned());
        let conditions = self.conditions.unwrap_or_default();
        let people = conditions.people.unwrap_or_default();
        Record::Rule(Box::new(Rule {
            name: filled(self.name).unwrap_or_else(|| self.id.clone()),
            active: raw_status == "ACTIVE",
            raw_status,
            expression: conditions.expression.and_then(|expression| expression.value),
            target_groups: self
                .actions
                .and_then(|actions| actions.assign_user_to_groups)
                .map(|targets| targets.group_ids)
                .unwrap_or_default(),
            excluded_accounts: people.users.map(|users| users.exclude).unwrap_or_default(),
            excluded_groups: people.groups.map(|groups| groups.exclude).unwrap_or_default(),
            id: self.id,
        }))
    }
}

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

    /// Whether this provisioning feature is switched on.
    pub(crate) fn has_feature(&self, feature: &str) -> bool {
        self.0["features"].as_array().is_some_and(|features| features.iter().any(|named| named == feature))
    }

    pub(crate) fn into_record(mut self) -> Option<Record> {
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
    group: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(default, deserialize_with = "lenient")]
    href: Option<String>,
}

/// The last segment of a link's path is an id; the link itself is never followed.
fn id_at_end(href: &str) -> Option<String> {
    let path = href.split(['?', '#']).next()?;
    let id = path.trim_end_matches('/').rsplit('/').next()?;
    let plain = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    plain.then(|| id.to_owned())
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

/// Standard admin roles; custom ones are listed by Okta, these are not.
const STANDARD_ROLES: [(&str, &str); 13] = [
    ("ACCESS_CERTIFICATIONS_ADMIN", "Access Certifications Administrator"),
    ("ACCESS_REQUESTS_ADMIN", "Access Requests Administrator"),
    ("API_ACCESS_MANAGEMENT_ADMIN", "API Access Management Administrator"),
    ("APP_ADMIN", "Application Administrator"),
    ("GROUP_MEMBERSHIP_ADMIN", "Group Membership Administrator"),
    ("HELP_DESK_ADMIN", "Help Desk Administrator"),
    ("MOBILE_ADMIN", "Mobile Administrator"),
    ("ORG_ADMIN", "Organization Administrator"),
    ("READ_ONLY_ADMIN", "Read-only Administrator"),
    ("REPORT_ADMIN", "Report Administrator"),
    ("SUPER_ADMIN", "Super Administrator"),
    ("USER_ADMIN", "Group Administrator"),
    ("WORKFLOWS_ADMIN", "Workflows Administrator"),
];

/// The standard roles as facts.
pub(crate) fn standard_roles() -> impl Iterator<Item = Record> {
    STANDARD_ROLES.iter().map(|(id, label)| {
        Record::Role(Role {
            id: (*id).to_owned(),
            label: (*label).to_owned(),
            description: None,
            custom: false,
        })
    })
}

#[derive(Deserialize)]
pub(crate) struct CustomRole {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    description: Option<String>,
}

impl CustomRole {
    pub(crate) fn into_record(self) -> Record {
        Record::Role(Role {
            label: filled(self.label).unwrap_or_else(|| self.id.clone()),
            description: filled(self.description),
            custom: true,
            id: self.id,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleAssignment {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    label: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "lenient")]
    assignment_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    role: Option<String>,
    #[serde(default, rename = "resource-set", deserialize_with = "lenient")]
    resource_set: Option<String>,
    #[serde(default, rename = "_embedded", deserialize_with = "lenient_object")]
    embedded: Option<RoleEmbedded>,
}

#[derive(Deserialize)]
struct RoleEmbedded {
    #[serde(default, deserialize_with = "lenient_object")]
    targets: Option<Targets>,
}

/// Kept as they came: a list that is missing and one that is empty mean different things.
#[derive(Deserialize)]
struct Targets {
    #[serde(default)]
    groups: serde_json::Value,
    #[serde(default)]
    catalog: serde_json::Value,
}

/// An assignment of a role, and which targets still have to be asked for.
pub(crate) struct RoleHeld {
    pub(crate) holding: Holding,
    /// Where Okta did not send the targets of a role that may be limited: what limits it, and the assignment's id.
    pub(crate) ask: Option<(TargetKind, String)>,
}

impl RoleAssignment {
    /// None where the object names neither a type nor a role.
    pub(crate) fn into_held(self, principal: Principal) -> Option<RoleHeld> {
        let kind = self.kind.unwrap_or_default();
        let is_custom = kind == "CUSTOM" || kind.is_empty();
        let role = if is_custom { self.role.clone() } else { Some(kind.clone()) };
        let role = role.or_else(|| filled(Some(kind.clone())))?;
        // On a group its own roles say GROUP too; on a user it means that a group brought them.
        let inherited =
            matches!(principal, Principal::Account(_)) && self.assignment_type.as_deref() == Some("GROUP");
        let embedded = self.embedded.and_then(|embedded| embedded.targets);
        let (scope, limited_by) = match (self.resource_set, TargetKind::of(&kind)) {
            (Some(set), _) => (HoldingScope::Set(set), None),
            (None, Some(limited_by)) => match embedded.and_then(|targets| limited_by.pick(&targets)) {
                Some(targets) => (scope_of(targets), None),
                // The group that brings it tells; asking for every member would be a call for each.
                None if inherited => {
                    (HoldingScope::Unknown("it is that of the group's role".to_owned()), None)
                }
                None => (HoldingScope::Unknown("Okta did not send the targets".to_owned()), Some(limited_by)),
            },
            (None, None) if is_custom => {
                (HoldingScope::Unknown("Okta did not name the resource set".to_owned()), None)
            }
            (None, None) if STANDARD_ROLES.iter().any(|(id, _)| *id == kind) => (HoldingScope::Org, None),
            (None, None) => {
                (HoldingScope::Unknown(format!("{kind} is not a role that this version knows")), None)
            }
        };
        let holding = Holding {
            principal,
            label: filled(self.label).unwrap_or_else(|| role.clone()),
            scope,
            role,
            inherited,
            active: self.status.as_deref().is_none_or(|status| status == "ACTIVE"),
            since: self.created,
        };
        Some(RoleHeld { holding, ask: limited_by.zip(filled(self.id)) })
    }
}

impl TargetKind {
    /// What may limit a standard role of this type; none where it always reaches the whole org.
    fn of(role_type: &str) -> Option<Self> {
        match role_type {
            "APP_ADMIN" => Some(Self::Apps),
            "USER_ADMIN" | "HELP_DESK_ADMIN" | "GROUP_MEMBERSHIP_ADMIN" => Some(Self::Groups),
            _ => None,
        }
    }

    fn pick(self, targets: &Targets) -> Option<Vec<String>> {
        match self {
            Self::Groups => group_targets(&targets.groups),
            Self::Apps => app_targets(&targets.catalog["apps"]),
        }
    }

    /// The targets in an answer that lists only them.
    pub(crate) fn listed(self, list: &serde_json::Value) -> Option<Vec<String>> {
        match self {
            Self::Groups => group_targets(list),
            Self::Apps => app_targets(list),
        }
    }
}

/// Groups, `group/ID`; none where it is no list, or holds something else too.
fn group_targets(list: &serde_json::Value) -> Option<Vec<String>> {
    let name = |group: &serde_json::Value| group["id"].as_str().map(|id| format!("group/{id}"));
    list.as_array()?.iter().map(name).collect()
}

/// Applications: one instance (with an id) or every instance of a catalogue entry (with a name only); none where it is
/// no list, or holds something else too.
fn app_targets(list: &serde_json::Value) -> Option<Vec<String>> {
    let name = |app: &serde_json::Value| match (app["id"].as_str(), app["name"].as_str()) {
        (Some(id), _) => Some(format!("resource/{id}")),
        (None, Some(name)) => Some(format!("catalog/{name}")),
        (None, None) => None,
    };
    list.as_array()?.iter().map(name).collect()
}

/// No targets mean no limits: the empty list is the wide case.
pub(crate) fn scope_of(mut targets: Vec<String>) -> HoldingScope {
    targets.sort();
    targets.dedup();
    if targets.is_empty() { HoldingScope::Org } else { HoldingScope::Targets(targets) }
}
