//! Handlers for what is set up once for the whole organisation.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Call, Problem},
    filter::Value as Attribute,
    lists::{Sizes, everything, page, page_of_size},
    routes::{Api, not_licensed},
};
use crate::{
    clock::stamp_with_space,
    company::{Setting, SettingKind},
};

type Reply = Result<Answer, Problem>;

pub(super) fn authenticators(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::Authenticator)
}

pub(super) fn zones(api: &Api, call: &Call) -> Reply {
    paged(api, call, SettingKind::Zone, Sizes::new(1000, 1000))
}

pub(super) fn trusted_origins(api: &Api, call: &Call) -> Reply {
    paged(api, call, SettingKind::TrustedOrigin, Sizes::new(20, 200))
}

/// Identity providers, with the secrets of clients in plain text, as the real service sends them.
pub(super) fn identity_providers(api: &Api, call: &Call) -> Reply {
    paged(api, call, SettingKind::IdentityProvider, Sizes::new(20, 200))
}

pub(super) fn event_hooks(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::EventHook)
}

pub(super) fn inline_hooks(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::InlineHook)
}

pub(super) fn log_streams(api: &Api, call: &Call) -> Reply {
    paged(api, call, SettingKind::LogStream, Sizes::new(20, 200))
}

/// The size of a page of behaviors, which nobody can change.
const BEHAVIORS: usize = 10;

pub(super) fn behaviors(api: &Api, call: &Call) -> Reply {
    let behaviors: Vec<&Setting> = api.company.settings_of(SettingKind::Behavior).collect();
    let page = page_of_size(call, "behaviors", behaviors.len(), BEHAVIORS)?;
    let objects = behaviors[page.range.clone()].iter().map(|setting| object(api, call, setting)).collect();
    Ok(Answer::value(&Value::Array(objects)).with_links(page.links(api, call, &[])))
}

pub(super) fn device_assurances(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::DeviceAssurance)
}

pub(super) fn agent_pools(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::AgentPool)
}

pub(super) fn features(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::Feature)
}

pub(super) fn user_types(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::UserType)
}

pub(super) fn linked_object_definitions(api: &Api, call: &Call) -> Reply {
    in_one_piece(api, call, SettingKind::LinkedObject)
}

pub(super) fn realms(api: &Api, call: &Call) -> Reply {
    if !api.options.licensed {
        return not_licensed(api, call);
    }
    paged(api, call, SettingKind::Realm, Sizes::new(200, 200))
}

pub(super) fn authorization_servers(api: &Api, call: &Call) -> Reply {
    if !api.options.licensed {
        return not_licensed(api, call);
    }
    paged(api, call, SettingKind::AuthorizationServer, Sizes::new(200, 200))
}

/// The shares of tokens and clients in the rate limits. Which kind of principal is meant must be said.
pub(super) fn principal_rate_limits(api: &Api, call: &Call) -> Reply {
    let filter = call.get("filter").ok_or_else(|| Problem::invalid_parameter("filter", "must be given"))?;
    let limits: Vec<&Setting> = api.company.settings_of(SettingKind::PrincipalRateLimit).collect();
    let wanted = api.filtered(
        "principals",
        filter,
        &["principalType", "principalId"],
        &everything(limits.len()),
        |index, attribute| {
            limits[index as usize].body[attribute].as_str().map_or(Attribute::Missing, Attribute::text)
        },
    )?;
    let page = page(call, &format!("principals {filter}"), wanted.len(), Sizes::new(20, 50))?;
    let objects =
        wanted[page.range.clone()].iter().map(|&index| limits[index as usize].body.clone()).collect();
    Ok(Answer::value(&Value::Array(objects)).with_links(page.links(api, call, &[])))
}

/// How suspicious addresses are dealt with; its times look like nobody else's.
#[expect(clippy::unnecessary_wraps, reason = "the signature of all handlers")]
pub(super) fn threats(api: &Api, call: &Call) -> Reply {
    let created = stamp_with_space(api.company.spec.now.as_millisecond() / 1000 * 1000);
    let created = created.trim_end_matches(".0");
    Ok(Answer::value(&json!({
        "action": "audit", "excludeZones": [], "created": created, "lastUpdated": created,
        "_links": { "self": { "href": format!("{}{}", api.origin, call.path) } },
    })))
}

/// Whether the provider's support may sign in. Only the highest administrators may know.
pub(super) fn support_access(api: &Api, _: &Call) -> Reply {
    api.may_read_roles()?;
    let grant = format!("{}/api/v1/org/privacy/oktaSupport/grant", api.origin);
    Ok(Answer::value(&json!({
        "support": "DISABLED", "expiration": null, "caseNumber": null, "_links": { "grant": { "href": grant } },
    })))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of all handlers")]
pub(super) fn third_party_administrators(_: &Api, _: &Call) -> Reply {
    Ok(Answer::value(&json!({ "thirdPartyAdmin": false })))
}

/// Who is linked to a user by a relation: only addresses, and nothing about the relation itself.
pub(super) fn linked_objects(api: &Api, call: &Call) -> Reply {
    let company = &api.company;
    let user = api.find_user(call.parameter(0))?;
    let relation = call.parameter(1);
    let known = company.settings_of(SettingKind::LinkedObject).any(|definition| {
        definition.body["primary"]["name"] == relation || definition.body["associated"]["name"] == relation
    });
    if !known {
        return Err(Problem::not_found(relation, "LinkedObjectDefinition"));
    }
    let linked: Vec<Value> = company
        .linked_users(user, relation)
        .into_iter()
        .map(|user| {
            let address = format!("{}/api/v1/users/{}", api.origin, company.users[user as usize].id);
            json!({ "_links": { "self": { "href": address } } })
        })
        .collect();
    Ok(Answer::value(&linked.into()))
}

/// Lists that have no pages have no links either.
#[expect(clippy::unnecessary_wraps, reason = "what handlers give")]
fn in_one_piece(api: &Api, call: &Call, kind: SettingKind) -> Reply {
    let objects = api.company.settings_of(kind).map(|setting| object(api, call, setting)).collect();
    Ok(Answer::value(&Value::Array(objects)))
}

fn paged(api: &Api, call: &Call, kind: SettingKind, sizes: Sizes) -> Reply {
    let settings: Vec<&Setting> = api.company.settings_of(kind).collect();
    let page = page(call, &call.path, settings.len(), sizes)?;
    let objects = settings[page.range.clone()].iter().map(|setting| object(api, call, setting)).collect();
    Ok(Answer::value(&Value::Array(objects)).with_links(page.links(api, call, &[])))
}

fn object(api: &Api, call: &Call, setting: &Setting) -> Value {
    let mut object = setting.body.clone();
    object["_links"] = json!({ "self": { "href": format!("{}{}/{}", api.origin, call.path, setting.id) } });
    object
}
