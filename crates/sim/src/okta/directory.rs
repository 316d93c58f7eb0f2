//! Handlers for the organisation, its users, groups and applications.

use std::{borrow::Cow, sync::Arc};

use super::{
    answer::{Answer, Call, Problem},
    filter::Value,
    lists::{Page, Sizes, page},
    owner_of_token,
    render::{self, group_type},
    routes::Api,
    write::Json,
};
use crate::{
    company::{App, COMPANY_NAME, DEPARTMENTS, SUBDOMAIN, SignOnMode},
    id::Id,
};

type Reply = Result<Answer, Problem>;

#[expect(clippy::unnecessary_wraps, reason = "the signature of all handlers")]
pub(super) fn well_known(api: &Api, _: &Call) -> Reply {
    let mut json = Json::with_capacity(400);
    json.raw(r#"{"id":""#).id(api.company.id).raw(r#"","cell":"ok7","_links":{"organization":{"href":""#);
    json.raw(&api.origin).raw(r#""}},"pipeline":"idx","settings":{"analyticsCollectionEnabled":false,"bugReportingEnabled":true,"omEnabled":false}}"#);
    Ok(Answer::json(json))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of all handlers")]
pub(super) fn org(api: &Api, _: &Call) -> Reply {
    let mut json = Json::with_capacity(700);
    json.raw(r#"{"id":""#).id(api.company.id).raw(r#"","subdomain":"#).string(SUBDOMAIN);
    json.raw(r#","companyName":"#).string(COMPANY_NAME);
    json.raw(r#","status":"ACTIVE","expiresAt":null,"created":"2019-04-13T05:55:29.000Z","lastUpdated":"2024-08-31T08:48:47.000Z","website":"https://alderfinch.example","phoneNumber":"","endUserSupportHelpURL":"","supportPhoneNumber":"","address1":null,"address2":null,"city":null,"state":null,"country":null,"postalCode":null,"_links":{"preferences":{"href":""#);
    json.raw(&api.origin).raw(r#"/api/v1/org/preferences"},"contacts":{"href":""#);
    json.raw(&api.origin).raw(r#"/api/v1/org/contacts"}}}"#);
    Ok(Answer::json(json))
}

const USER_FILTER: [&str; 7] = [
    "status",
    "lastUpdated",
    "id",
    "profile.login",
    "profile.email",
    "profile.firstName",
    "profile.lastName",
];
const USER_SEARCH: [&str; 14] = [
    "status",
    "lastUpdated",
    "id",
    "profile.login",
    "profile.email",
    "profile.firstName",
    "profile.lastName",
    "profile.department",
    "profile.title",
    "profile.userType",
    "created",
    "activated",
    "statusChanged",
    "type.id",
];

pub(super) fn users(api: &Api, call: &Call) -> Reply {
    let (name, list) = match (call.get("search"), call.get("filter"), call.get("q")) {
        (None, None, None) => ("users".to_owned(), Arc::clone(&api.live)),
        (Some(search), None, None) => {
            (format!("users search {search}"), filtered_users(api, search, &USER_SEARCH)?)
        }
        (None, Some(filter), None) => {
            (format!("users filter {filter}"), filtered_users(api, filter, &USER_FILTER)?)
        }
        _ => {
            return Err(Problem::invalid_parameter(
                "search",
                "this combination of parameters is not supported",
            ));
        }
    };
    let page = page(call, &name, list.len(), Sizes::new(200, 200))?;
    let body = join(&list[page.range.clone()], 700, |json, index| {
        json.bytes(api.users.get(index));
    });
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

fn filtered_users(api: &Api, filter: &str, attributes: &[&str]) -> Result<Arc<[u32]>, Problem> {
    let company = &api.company;
    api.filtered("users", filter, attributes, &api.all_users, |index, attribute| {
        let user = &company.users[index as usize];
        match attribute {
            "status" => Value::text(user.status.as_str()),
            "id" => Value::text(user.id.as_str()),
            "lastUpdated" => Value::Time(user.last_updated),
            "created" => Value::Time(user.created),
            "activated" => Value::time(user.activated),
            "statusChanged" => Value::time(user.status_changed),
            "profile.login" | "profile.email" => Value::text(&user.login),
            "profile.firstName" => Value::text(&user.first_name),
            "profile.lastName" => Value::text(&user.last_name),
            "profile.department" => Value::text(DEPARTMENTS[user.department as usize].name),
            "profile.title" => Value::text(user.title),
            "profile.userType" => Value::text(user.kind.as_str()),
            "type.id" => Value::Text(Cow::Owned(Id::new(company.spec.seed, "oty", 0).to_string())),
            _ => Value::Missing,
        }
    })
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of all handlers")]
pub(super) fn me(api: &Api, _: &Call) -> Reply {
    Ok(whole_user(api, owner_of_token(&api.company, api.options.read_only_admin)))
}

pub(super) fn user(api: &Api, call: &Call) -> Reply {
    Ok(whole_user(api, api.find_user(call.parameter(0))?))
}

fn whole_user(api: &Api, index: u32) -> Answer {
    let mut json = Json::with_capacity(1500);
    render::whole_user(&mut json, &api.company, &api.origin, index);
    Answer::json(json)
}

/// All groups of one user in one piece: its only link is to itself. Shows what deactivated people never left.
pub(super) fn user_groups(api: &Api, call: &Call) -> Reply {
    let user = api.find_user(call.parameter(0))?;
    let groups: Vec<u32> = api
        .all_groups
        .iter()
        .copied()
        .filter(|&group| {
            api.company.members(group).binary_search(&user).is_ok()
                || api.company.groups[group as usize].former_members.contains(&user)
        })
        .collect();
    let body = join(&groups, 900, |json, index| api.group(json, index, false, false));
    let everything = Page { range: 0..groups.len(), limit: 200, next: None };
    Ok(Answer::json(body).with_links(everything.links(api, call, &[])))
}

const GROUP_FILTER: [&str; 5] = ["id", "type", "lastUpdated", "lastMembershipUpdated", "created"];

pub(super) fn groups(api: &Api, call: &Call) -> Reply {
    let company = &api.company;
    let (stats, app) = (call.expands("stats"), call.expands("app"));
    if let Some(start) = call.get("q") {
        // A search by name comes in one piece, without any link.
        let limit = Sizes::new(200, 10_000).of(call)?;
        let found: Vec<u32> = api
            .all_groups
            .iter()
            .copied()
            .filter(|&index| company.groups[index as usize].name.starts_with(start))
            .take(limit)
            .collect();
        return Ok(Answer::json(join(&found, 900, |json, index| api.group(json, index, stats, app))));
    }
    let filter = call.get("filter").or(call.get("search"));
    let list = match filter {
        None => Arc::clone(&api.all_groups),
        Some(filter) => {
            api.filtered("groups", filter, &GROUP_FILTER, &api.all_groups, |index, attribute| {
                let group = &company.groups[index as usize];
                match attribute {
                    "id" => Value::text(group.id.as_str()),
                    "type" => Value::text(group_type(group.kind)),
                    "lastUpdated" => Value::Time(group.last_updated),
                    "lastMembershipUpdated" => Value::Time(group.last_membership_updated),
                    "created" => Value::Time(group.created),
                    _ => Value::Missing,
                }
            })?
        }
    };
    let name = format!("groups {}", filter.unwrap_or_default());
    let page = page(call, &name, list.len(), Sizes::new(200, 10_000))?.unaware_of_its_end(&name);
    let body = join(&list[page.range.clone()], 1000, |json, index| api.group(json, index, stats, app));
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn group(api: &Api, call: &Call) -> Reply {
    let index = api.find_group(call.parameter(0))?;
    let mut json = Json::with_capacity(1000);
    api.group(&mut json, index, call.expands("stats"), call.expands("app"));
    Ok(Answer::json(json))
}

pub(super) fn group_users(api: &Api, call: &Call) -> Reply {
    let group = api.find_group(call.parameter(0))?;
    let members = api.company.members(group);
    let page = page(call, &call.path, members.len(), Sizes::new(1000, 1000))?;
    let body = join(&members[page.range.clone()], 700, |json, index| {
        json.bytes(api.users.get(index));
    });
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn group_apps(api: &Api, call: &Call) -> Reply {
    let group = api.find_group(call.parameter(0))?;
    let apps = &api.apps_of_group[group as usize];
    let page = page(call, &call.path, apps.len(), Sizes::new(20, 200))?;
    let body = join(&apps[page.range.clone()], 3000, |json, index| {
        json.bytes(api.apps.get(index));
    });
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn rules(api: &Api, call: &Call) -> Reply {
    let page = page(call, "rules", api.company.rules.len(), Sizes::new(50, 200))?.unaware_of_its_end("rules");
    let indices: Vec<u32> = page.range.clone().map(|index| index as u32).collect();
    let body = join(&indices, 600, |json, index| api.rule(json, index));
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn rule(api: &Api, call: &Call) -> Reply {
    let id = call.parameter(0);
    let index = api.company.rules.iter().position(|rule| rule.id.as_str() == id);
    let index = index.ok_or_else(|| Problem::not_found(id, "GroupRule"))?;
    let mut json = Json::with_capacity(600);
    api.rule(&mut json, index as u32);
    Ok(Answer::json(json))
}

const APP_FILTER: [&str; 4] = ["status", "name", "id", "label"];

pub(super) fn apps(api: &Api, call: &Call) -> Reply {
    let company = &api.company;
    let list = match call.get("filter") {
        None => Arc::clone(&api.all_apps),
        Some(filter) => api.filtered("apps", filter, &APP_FILTER, &api.all_apps, |index, attribute| {
            let app = &company.apps[index as usize];
            match attribute {
                "status" => Value::text(if app.active { "ACTIVE" } else { "INACTIVE" }),
                "name" => Value::text(&app.name),
                "id" => Value::text(app.id.as_str()),
                "label" => Value::text(&app.label),
                _ => Value::Missing,
            }
        })?,
    };
    let name = format!("apps {}", call.get("filter").unwrap_or_default());
    let page = page(call, &name, list.len(), Sizes::new(20, 200))?;
    let body = join(&list[page.range.clone()], 3000, |json, index| {
        json.bytes(api.apps.get(index));
    });
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn app(api: &Api, call: &Call) -> Reply {
    let mut json = Json::with_capacity(3000);
    json.bytes(api.apps.get(api.find_app(call.parameter(0))?));
    Ok(Answer::json(json))
}

pub(super) fn app_users(api: &Api, call: &Call) -> Reply {
    let index = api.find_app(call.parameter(0))?;
    let app = &api.company.apps[index as usize];
    let with_user = call.expands("user");
    let page = page(call, &call.path, app.users.len(), Sizes::new(50, 500))?;
    let body =
        join(&app.users[page.range.clone()], 1000, |json, row| api.app_user(json, index, &row, with_user));
    // The link to the next page forgets to expand.
    Ok(Answer::json(body).with_links(page.links(api, call, &["expand"])))
}

pub(super) fn app_user(api: &Api, call: &Call) -> Reply {
    let index = api.find_app(call.parameter(0))?;
    let app = &api.company.apps[index as usize];
    let user = api.find_user(call.parameter(1))?;
    let row = app.users.iter().find(|row| row.user == user);
    let row = row.ok_or_else(|| Problem::not_found(call.parameter(1), "AppUser"))?;
    let mut json = Json::with_capacity(1000);
    api.app_user(&mut json, index, row, call.expands("user"));
    Ok(Answer::json(json))
}

pub(super) fn app_groups(api: &Api, call: &Call) -> Reply {
    let app = found_app(api, call)?;
    let with_group = call.expands("group");
    let page = page(call, &call.path, app.groups.len(), Sizes { fewest: 20, default: 20, most: 200 })?;
    let body =
        join(&app.groups[page.range.clone()], 500, |json, group| api.app_group(json, app, group, with_group));
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn app_group(api: &Api, call: &Call) -> Reply {
    let app = found_app(api, call)?;
    let group = api.find_group(call.parameter(1))?;
    let assigned = app.groups.iter().find(|assigned| assigned.group == group);
    let assigned =
        assigned.ok_or_else(|| Problem::not_found(call.parameter(1), "ApplicationGroupAssignment"))?;
    let mut json = Json::with_capacity(500);
    api.app_group(&mut json, app, *assigned, call.expands("group"));
    Ok(Answer::json(json))
}

/// Provisioning settings exist only where accounts are pushed.
pub(super) fn app_features(api: &Api, call: &Call) -> Reply {
    let app = found_app(api, call)?;
    if !app.provisioning || app.sign_on_mode == Some(SignOnMode::Bookmark) {
        return Err(Problem::not_found(app.id.as_str(), "AppInstance"));
    }
    let mut json = Json::with_capacity(200);
    json.raw(r#"[{"name":"USER_PROVISIONING","status":"ENABLED","description":"Pushes accounts","capabilities":{"create":{"lifecycleCreate":{"status":"ENABLED"}}}}]"#);
    Ok(Answer::json(json))
}

fn found_app<'a>(api: &'a Api, call: &Call) -> Result<&'a App, Problem> {
    Ok(&api.company.apps[api.find_app(call.parameter(0))? as usize])
}

/// A JSON array of `items`, about `size` bytes each.
pub(super) fn join<T: Copy>(items: &[T], size: usize, mut each: impl FnMut(&mut Json, T)) -> Json {
    let mut json = Json::with_capacity(items.len() * size + 2);
    json.list(items, |json, &item| each(json, item));
    json
}
