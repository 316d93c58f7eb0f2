//! Handlers for how people sign in: policies, second factors and devices.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Call, Problem},
    directory::join,
    filter::Value as Attribute,
    lists::{Sizes, everything, page},
    routes::Api,
    write::Json,
};
use crate::{
    clock::stamp,
    company::{Device, Factor, FactorKind, POLICY_TYPES, Policy, PolicyRule},
};

type Reply = Result<Answer, Problem>;

/// The policies of one type in one piece.
pub(super) fn policies(api: &Api, call: &Call) -> Reply {
    let kind = call.get("type").ok_or_else(|| Problem::invalid_parameter("type", "must be given"))?;
    if !POLICY_TYPES.contains(&kind) {
        return Err(Problem::invalid_parameter("type", "no such type of policy"));
    }
    let policies: Vec<Value> = api.company.policies_of(kind).map(|it| policy(api, it)).collect();
    let link = format!("<{}/api/v1/policies?type={kind}>; rel=\"self\"", api.origin);
    Ok(Answer::value(&policies.into()).with_links(vec![link]))
}

fn policy(api: &Api, policy: &Policy) -> Value {
    let address = format!("{}/api/v1/policies/{}", api.origin, policy.id);
    let created = stamp(policy.created);
    let mut object = json!({
        "id": policy.id, "status": active_or_not(policy.active), "name": policy.name, "priority": policy.priority,
        "system": policy.system, "conditions": conditions(api, &policy.groups), "created": created,
        "lastUpdated": stamp(policy.last_updated), "type": policy.kind,
        "_links": { "self": { "href": address }, "rules": { "href": format!("{address}/rules") } },
    });
    if policy.kind == "ACCESS_POLICY" {
        object["_embedded"] = json!({ "resourceType": "APP" });
        object["_links"]["mappings"] = json!({ "href": format!("{address}/mappings") });
    }
    object
}

/// The rules of a policy in one piece. No links.
pub(super) fn policy_rules(api: &Api, call: &Call) -> Reply {
    let id = call.parameter(0);
    let policy = api.company.policies.iter().find(|policy| policy.id.as_str() == id);
    let policy = policy.ok_or_else(|| Problem::not_found(id, "Policy"))?;
    let rules: Vec<Value> = policy.rules.iter().map(|it| rule(api, policy, it)).collect();
    Ok(Answer::value(&rules.into()))
}

fn rule(api: &Api, policy: &Policy, rule: &PolicyRule) -> Value {
    let address = format!("{}/api/v1/policies/{}/rules/{}", api.origin, policy.id, rule.id);
    let access = if rule.allows { "ALLOW" } else { "DENY" };
    let (kind, actions) = match policy.kind {
        "OKTA_SIGN_ON" => {
            ("SIGN_ON", json!({ "signon": { "access": access, "requireFactor": rule.factors > 1 } }))
        }
        "ACCESS_POLICY" => {
            let mode = format!("{}FA", rule.factors);
            let method = json!({ "factorMode": mode, "type": "ASSURANCE", "reauthenticateIn": "PT12H" });
            ("ACCESS_POLICY", json!({ "appSignOn": { "access": access, "verificationMethod": method } }))
        }
        "PASSWORD" => ("PASSWORD", json!({ "passwordChange": { "access": access } })),
        kind => (kind, json!({})),
    };
    let created = stamp(rule.created);
    let mut conditions = conditions(api, &rule.groups);
    if !rule.system && conditions.is_null() {
        conditions =
            json!({ "people": { "users": { "exclude": [] } }, "network": { "connection": "ANYWHERE" } });
    }
    json!({
        "id": rule.id, "status": active_or_not(rule.active), "name": rule.name, "priority": rule.priority,
        "created": created, "lastUpdated": stamp(rule.last_updated), "system": rule.system, "conditions": conditions,
        "actions": actions, "type": kind, "_links": { "self": { "href": address } },
    })
}

fn conditions(api: &Api, groups: &[u32]) -> Value {
    if groups.is_empty() {
        return Value::Null;
    }
    let ids: Vec<_> = groups.iter().map(|&group| api.company.groups[group as usize].id).collect();
    json!({ "people": { "groups": { "include": ids } } })
}

fn active_or_not(active: bool) -> &'static str {
    if active { "ACTIVE" } else { "INACTIVE" }
}

/// The second factors of a user in one piece. No links.
pub(super) fn factors(api: &Api, call: &Call) -> Reply {
    let user = api.find_user(call.parameter(0))?;
    let factors: Vec<Value> = api.company.factors_of(user).iter().map(|it| factor(api, it)).collect();
    Ok(Answer::value(&factors.into()))
}

fn factor(api: &Api, factor: &Factor) -> Value {
    let user = &api.company.users[factor.user as usize];
    let (kind, provider) = factor.kind.as_strs();
    let profile = match factor.kind {
        FactorKind::Push => json!({
            "credentialId": user.login, "deviceType": "SmartPhone_IPhone", "name": "Phone", "platform": "IOS",
            "version": "18.0.0",
        }),
        FactorKind::Totp | FactorKind::GoogleTotp => json!({ "credentialId": user.login }),
        FactorKind::Sms => json!({ "phoneNumber": format!("+1555{:07}", factor.user) }),
        FactorKind::WebAuthn => json!({ "credentialId": factor.id, "authenticatorName": "Security key" }),
        FactorKind::Email => json!({ "email": user.login }),
    };
    let address = format!("{}/api/v1/users/{}", api.origin, user.id);
    let created = stamp(factor.created);
    json!({
        "id": factor.id, "factorType": kind, "provider": provider, "vendorName": provider,
        "status": if factor.active { "ACTIVE" } else { "PENDING_ACTIVATION" },
        "created": created, "lastUpdated": created, "profile": profile,
        "_links": {
            "self": { "href": format!("{address}/factors/{}", factor.id) }, "user": { "href": address },
        },
    })
}

const DEVICE_SEARCH: [&str; 4] = ["id", "status", "lastUpdated", "profile.platform"];

/// Devices, with their users where asked for: whole ones, or only who they are.
pub(super) fn devices(api: &Api, call: &Call) -> Reply {
    let devices = &api.company.devices;
    let list = match call.get("search") {
        None => (0..devices.len() as u32).collect(),
        Some(search) => api.filtered(
            "devices",
            search,
            &DEVICE_SEARCH,
            &everything(devices.len()),
            |index, attribute| {
                let device = &devices[index as usize];
                match attribute {
                    "id" => Attribute::text(device.id.as_str()),
                    "status" => Attribute::text(device.status),
                    "lastUpdated" => Attribute::Time(device.last_updated),
                    _ => Attribute::text(device.platform),
                }
            },
        )?,
    };
    let name = format!("devices {}", call.get("search").unwrap_or_default());
    let page = page(call, &name, list.len(), Sizes::new(200, 200))?;
    let body = join(&list[page.range.clone()], 1500, |json, index| {
        device(api, json, &devices[index as usize], call);
    });
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

/// The users of one device in one piece. No links.
pub(super) fn device_users(api: &Api, call: &Call) -> Reply {
    let id = call.parameter(0);
    let device = api.company.devices.iter().find(|device| device.id.as_str() == id);
    let device = device.ok_or_else(|| Problem::not_found(id, "UDDevice"))?;
    let mut json = Json::with_capacity(1000);
    users_of(api, &mut json, device, true);
    Ok(Answer::json(json))
}

fn device(api: &Api, json: &mut Json, device: &Device, call: &Call) {
    json.raw(r#"{"id":""#).id(device.id).raw(r#"","status":""#).raw(device.status);
    json.raw(r#"","created":"#).time(device.created).raw(r#","lastUpdated":"#).time(device.last_updated);
    json.raw(r#","profile":{"displayName":"#).string(&device.display_name);
    json.raw(r#","platform":""#)
        .raw(device.platform)
        .raw(r#"","serialNumber":"#)
        .string(&device.display_name);
    json.raw(r#","registered":true,"secureHardwarePresent":true,"osVersion":"18.5.0"}"#);
    json.raw(r#","resourceType":"UDDevice","resourceDisplayName":{"value":"#).string(&device.display_name);
    json.raw(r#","sensitive":false},"resourceId":""#).id(device.id).raw(r#"","resourceAlternateId":null"#);
    if call.expands("user") || call.expands("userSummary") {
        json.raw(r#","_embedded":{"users":"#);
        users_of(api, json, device, call.expands("user"));
        json.raw("}");
    }
    json.raw(r#","_links":{"self":{"href":""#).raw(&api.origin).raw("/api/v1/devices/").id(device.id);
    json.raw(r#""},"users":{"href":""#).raw(&api.origin).raw("/api/v1/devices/").id(device.id);
    json.raw(r#"/users"}}}"#);
}

fn users_of(api: &Api, json: &mut Json, device: &Device, whole: bool) {
    json.list(&device.users, |json, &(index, managed)| {
        json.raw(r#"{"managementStatus":""#).raw(if managed { "MANAGED" } else { "NOT_MANAGED" });
        json.raw(r#"","created":"#).time(device.created).raw(r#","screenLockType":"BIOMETRIC","user":"#);
        if whole {
            json.bytes(api.users.get(index));
        } else {
            json.raw(r#"{"id":""#).id(api.company.users[index as usize].id).raw(r#""}"#);
        }
        json.raw("}");
    });
}
