//! How the org is set up: policies, trusts, devices and other settings.

use serde::Deserialize;
use serde_json::Value;
use sightline_core::{
    Device, DeviceUse, Governance, Link, Policy, PolicyRule, RawJson, Record, Setting, Time, Trust, TrustUse,
};

use crate::decode::{lenient, lenient_object, redact, redact_texts, time};
use crate::map::{Href, filled, id_at_end};

/// An object that is kept whole, of which a few fields are understood.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Thing(pub(crate) Value);

impl Thing {
    /// A text that is not empty; none where it is missing or of another type.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        filled(self.0.get(name)?.as_str().map(str::to_owned))
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn time(&self, name: &str) -> Option<Time> {
        Time::parse(self.0.get(name)?.as_str()?)
    }

    /// Its name for people, in whichever field it stands.
    pub(crate) fn name(&self) -> Option<String> {
        let in_profile = |name: &str| filled(self.0["profile"][name].as_str().map(str::to_owned));
        let names = ["label", "displayName", "name"];
        names
            .iter()
            .find_map(|name| self.text(name))
            .or_else(|| names.iter().find_map(|name| in_profile(name)))
    }

    fn status(&self) -> String {
        self.text("status").unwrap_or_else(|| "(none)".to_owned())
    }

    /// The whole of it, without secrets, links and what Okta embeds of other objects.
    pub(crate) fn into_raw(self) -> RawJson {
        self.into_raw_without(redact)
    }

    fn into_raw_without(mut self, secrets: fn(&mut Value)) -> RawJson {
        secrets(&mut self.0);
        if let Some(fields) = self.0.as_object_mut() {
            fields.remove("_embedded");
        }
        RawJson::from_value(&self.0)
    }
}

/// The policy that decides who gets into an application; orgs of the older engine have none.
pub(crate) fn governance_of(app: &Value, id: &str) -> Option<Record> {
    let policy = id_at_end(app["_links"]["accessPolicy"]["href"].as_str()?)?;
    Some(Record::Governance(Governance { resource: id.to_owned(), policy }))
}

/// A policy of whichever type.
pub(crate) fn policy(policy: Thing) -> Option<Record> {
    let id = policy.text("id")?;
    Some(Record::Policy(Box::new(Policy {
        kind: policy.text("type").unwrap_or_else(|| "(none)".to_owned()),
        name: policy.name().unwrap_or_else(|| id.clone()),
        raw_status: policy.status(),
        system: policy.0["system"] == true,
        priority: policy.0["priority"].as_i64(),
        last_updated: policy.time("lastUpdated"),
        raw: policy.into_raw_without(redact_texts),
        id,
    })))
}

/// One case of a policy.
pub(crate) fn policy_rule(rule: Thing, policy: &str) -> Option<Record> {
    let id = rule.text("id")?;
    Some(Record::PolicyRule(Box::new(PolicyRule {
        policy: policy.to_owned(),
        name: rule.name().unwrap_or_else(|| id.clone()),
        raw_status: rule.status(),
        system: rule.0["system"] == true,
        priority: rule.0["priority"].as_i64(),
        raw: rule.into_raw_without(redact_texts),
        id,
    })))
}

/// An identity provider whose word about people is taken.
pub(crate) fn trust(idp: Thing) -> Option<Record> {
    let id = idp.text("id")?;
    Some(Record::Trust(Box::new(Trust {
        kind: idp.text("type").unwrap_or_else(|| "(none)".to_owned()),
        name: idp.name().unwrap_or_else(|| id.clone()),
        raw_status: idp.status(),
        created: idp.time("created"),
        last_updated: idp.time("lastUpdated"),
        raw: idp.into_raw(),
        id,
    })))
}

/// A user whom an identity provider knows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdpUser {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    external_id: Option<String>,
}

impl IdpUser {
    pub(crate) fn into_record(self, idp: &str) -> Record {
        let external_id = filled(self.external_id);
        Record::TrustUse(TrustUse { trust: idp.to_owned(), account: self.id, external_id })
    }
}

/// A device.
pub(crate) fn device(device: Thing) -> Option<Record> {
    let id = device.text("id")?;
    let platform = device.0["profile"]["platform"].as_str().map(str::to_owned);
    Some(Record::Device(Box::new(Device {
        name: device.name().unwrap_or_else(|| id.clone()),
        platform,
        raw_status: device.status(),
        created: device.time("created"),
        last_updated: device.time("lastUpdated"),
        raw: device.into_raw(),
        id,
    })))
}

/// Who uses a device, where Okta sent that with it; none where it did not say, or said it in a way that is not
/// understood.
pub(crate) fn embedded_users(device: &Thing) -> Option<Vec<Record>> {
    let id = device.text("id")?;
    let users = device.0["_embedded"]["users"].as_array()?;
    users.iter().map(|user| DeviceUser::deserialize(user).ok()?.into_record(&id)).collect()
}

/// A user of a device.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeviceUser {
    #[serde(default, deserialize_with = "time")]
    created: Option<Time>,
    #[serde(default, deserialize_with = "lenient")]
    management_status: Option<String>,
    #[serde(default, deserialize_with = "lenient_object")]
    user: Option<UserOfDevice>,
}

#[derive(Deserialize)]
struct UserOfDevice {
    #[serde(default, deserialize_with = "lenient")]
    id: Option<String>,
}

impl DeviceUser {
    /// None where it does not tell who it is.
    pub(crate) fn into_record(self, device: &str) -> Option<Record> {
        Some(Record::DeviceUse(DeviceUse {
            device: device.to_owned(),
            account: self.user?.id?,
            management: self.management_status,
            since: self.created,
        }))
    }
}

/// Anything else that is set up; `only` is its id where there is one of its kind and Okta gives it none.
pub(crate) fn setting(thing: Thing, kind: &str, only: Option<&str>) -> Option<Record> {
    let id = thing.text("id").or_else(|| only.map(str::to_owned)).filter(|_| thing.0.is_object())?;
    Some(Record::Setting(Box::new(Setting {
        kind: kind.to_owned(),
        name: thing.name().unwrap_or_else(|| id.clone()),
        raw_status: ["status", "support", "action"].iter().find_map(|name| thing.text(name)),
        last_updated: ["lastUpdated", "lastUpdate"].iter().find_map(|name| thing.time(name)),
        raw: thing.into_raw(),
        id,
    })))
}

/// A relation between users that the org has defined, by the name of its primary end.
pub(crate) fn relation(definition: &Thing) -> Option<String> {
    Some(definition.0["primary"]["name"].as_str()?.to_owned())
}

/// The definition of a relation.
pub(crate) fn linked_object(definition: Thing) -> Option<Record> {
    let name = relation(&definition)?;
    let title = filled(definition.0["primary"]["title"].as_str().map(str::to_owned));
    let mut record = setting(definition, "linked_object", Some(&name))?;
    if let Record::Setting(relation) = &mut record {
        relation.name = title.unwrap_or(name);
    }
    Some(record)
}

/// A user whom another one names in a relation: Okta sends the link only.
#[derive(Deserialize)]
pub(crate) struct LinkedUser {
    #[serde(default, rename = "_links", deserialize_with = "lenient_object")]
    links: Option<LinkedLinks>,
}

#[derive(Deserialize)]
struct LinkedLinks {
    #[serde(default, rename = "self", deserialize_with = "lenient_object")]
    this: Option<Href>,
}

impl LinkedUser {
    /// None where the link leads to no user.
    pub(crate) fn into_record(self, user: &str, relation: &str) -> Option<Record> {
        let to = id_at_end(self.links?.this?.href.as_deref()?)?;
        Some(Record::Link(Link { name: relation.to_owned(), account: user.to_owned(), to }))
    }
}
