//! Handlers for the owners of groups and for groups that are pushed to applications.

use serde_json::{Value, json};

use super::{
    answer::{Answer, Call, Problem},
    lists::{Sizes, page},
    routes::Api,
};
use crate::{
    clock::{stamp_with_space, stamp_without_millis},
    company::{GroupOwner, Holder, PushMapping},
};

type Reply = Result<Answer, Problem>;

/// The owners of a group in one piece, without any link.
pub(super) fn owners(api: &Api, call: &Call) -> Reply {
    let group = api.find_group(call.parameter(0))?;
    let limit = Sizes::new(1000, 1000).of(call)?;
    if let Some(search) = call.get("search") {
        return Err(Problem::invalid_search(search));
    }
    let owners: Vec<Value> = api
        .company
        .owners
        .iter()
        .filter(|owner| owner.group == group)
        .take(limit)
        .map(|it| owner(api, it))
        .collect();
    Ok(Answer::value(&owners.into()))
}

fn owner(api: &Api, owner: &GroupOwner) -> Value {
    let company = &api.company;
    let (id, kind, name) = match owner.owner {
        Holder::User(user) => {
            let user = &company.users[user as usize];
            (user.id, "USER", format!("{} {}", user.first_name, user.last_name))
        }
        Holder::Group(group) => {
            let group = &company.groups[group as usize];
            (group.id, "GROUP", group.name.clone())
        }
    };
    json!({
        "id": id, "type": kind, "resolved": true, "originId": null, "originType": "OKTA_DIRECTORY",
        "displayName": name, "lastUpdated": stamp_with_space(owner.last_updated),
    })
}

/// The groups that an application gets. Applications that get none refuse the question.
pub(super) fn push_mappings(api: &Api, call: &Call) -> Reply {
    let company = &api.company;
    let index = api.find_app(call.parameter(0))?;
    if !company.apps[index as usize].gets_groups() {
        return Err(Problem::provisioning_not_supported());
    }
    let since = call.get("lastUpdated").map(str::parse::<jiff::Timestamp>).transpose();
    let since = since.map_err(|_| Problem::invalid_parameter("lastUpdated", "not a point in time"))?;
    let wanted: Vec<&PushMapping> = company
        .push_mappings_of(index)
        .iter()
        .filter(|mapping| since.is_none_or(|since| mapping.created >= since.as_millisecond()))
        .filter(|mapping| call.get("status").is_none_or(|status| mapping.status == status))
        .filter(|mapping| {
            let source = company.groups[mapping.source as usize].id;
            call.get("sourceGroupId").is_none_or(|wanted| source.as_str() == wanted)
        })
        .collect();
    let page = page(call, &call.path, wanted.len(), Sizes::new(100, 1000))?;
    let mappings: Vec<Value> = wanted[page.range.clone()].iter().map(|it| push_mapping(api, it)).collect();
    Ok(Answer::value(&mappings.into()).with_links(page.links(api, call, &[])))
}

fn push_mapping(api: &Api, mapping: &PushMapping) -> Value {
    let company = &api.company;
    let [source, target] = [mapping.source, mapping.target].map(|group| company.groups[group as usize].id);
    let app = company.apps[mapping.app as usize].id;
    let link = |collection: &str, id| json!({ "href": format!("{}/api/v1/{collection}/{id}", api.origin) });
    let created = stamp_without_millis(mapping.created);
    json!({
        "id": mapping.id, "status": mapping.status, "sourceGroupId": source, "targetGroupId": target,
        "created": created, "lastUpdated": created,
        "_links": {
            "app": link("apps", app), "sourceGroup": link("groups", source), "targetGroup": link("groups", target),
        },
    })
}
