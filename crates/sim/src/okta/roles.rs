//! Handlers for administrator roles.

use super::{
    answer::{Answer, Call, Problem},
    directory::join,
    lists::{Page, Sizes, page},
    render::href,
    routes::Api,
    write::Json,
};
use crate::{
    company::{Holder, Role, RoleAssignment, RoleScope, SetResource},
    id::Id,
};

type Reply = Result<Answer, Problem>;

/// The roles of a user: direct ones and those of the user's groups. No links.
pub(super) fn user_roles(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let user = api.find_user(call.parameter(0))?;
    let assignments = roles_of_user(api, user);
    Ok(Answer::json(join(&assignments, 400, |json, assignment| role(api, json, assignment, call))))
}

/// The roles that a group gives to its members. No links.
pub(super) fn group_roles(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let group = api.find_group(call.parameter(0))?;
    let assignments = roles_of_group(api, group);
    Ok(Answer::json(join(&assignments, 400, |json, assignment| role(api, json, assignment, call))))
}

pub(super) fn user_target_groups(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let assignments = roles_of_user(api, api.find_user(call.parameter(0))?);
    target_groups(api, call, named_scope(call, scopes(&assignments))?)
}

pub(super) fn user_target_apps(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let assignments = roles_of_user(api, api.find_user(call.parameter(0))?);
    target_apps(api, call, named_scope(call, scopes(&assignments))?)
}

pub(super) fn group_target_groups(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let assignments = roles_of_group(api, api.find_group(call.parameter(0))?);
    target_groups(api, call, named_scope(call, scopes(&assignments))?)
}

pub(super) fn group_target_apps(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let assignments = roles_of_group(api, api.find_group(call.parameter(0))?);
    target_apps(api, call, named_scope(call, scopes(&assignments))?)
}

fn roles_of_user(api: &Api, user: u32) -> Vec<&RoleAssignment> {
    api.company
        .role_assignments
        .iter()
        .filter(|assignment| match assignment.holder {
            Holder::User(holder) => holder == user,
            Holder::Group(group) => api.company.members(group).binary_search(&user).is_ok(),
        })
        .collect()
}

fn roles_of_group(api: &Api, group: u32) -> Vec<&RoleAssignment> {
    api.company
        .role_assignments
        .iter()
        .filter(|assignment| assignment.holder == Holder::Group(group))
        .collect()
}

fn scopes<'a>(assignments: &[&'a RoleAssignment]) -> impl Iterator<Item = (&'a str, &'a RoleScope)> {
    assignments.iter().map(|assignment| (assignment.id.as_str(), &assignment.scope))
}

pub(super) fn target_groups(api: &Api, call: &Call, scope: &RoleScope) -> Reply {
    let groups = match scope {
        RoleScope::Groups(groups) => groups.as_slice(),
        _ => &[],
    };
    let page = page(call, &call.path, groups.len(), Sizes::new(20, 200))?;
    let body = join(&groups[page.range.clone()], 900, |json, group| api.group(json, group, false, false));
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

pub(super) fn target_apps(api: &Api, call: &Call, scope: &RoleScope) -> Reply {
    let apps = match scope {
        RoleScope::Apps(apps) => apps.as_slice(),
        _ => &[],
    };
    let page = page(call, &call.path, apps.len(), Sizes::new(20, 200))?;
    let body = join(&apps[page.range.clone()], 300, |json, app| target_app(api, json, app));
    Ok(Answer::json(body).with_links(page.links(api, call, &[])))
}

/// What the assignment that a call names is limited to.
pub(super) fn named_scope<'a>(
    call: &Call,
    mut assignments: impl Iterator<Item = (&'a str, &'a RoleScope)>,
) -> Result<&'a RoleScope, Problem> {
    let wanted = call.parameter(1);
    let found = assignments.find(|&(id, _)| id == wanted).map(|(_, scope)| scope);
    found.ok_or_else(|| Problem::not_found(wanted, "RoleAssignment"))
}

fn role(api: &Api, json: &mut Json, assignment: &RoleAssignment, call: &Call) {
    let held = Held {
        id: &assignment.id,
        role: assignment.role,
        scope: &assignment.scope,
        created: assignment.created,
        assignment_type: match assignment.holder {
            Holder::User(_) => "USER",
            Holder::Group(_) => "GROUP",
        },
        assignee: address(api, assignment.holder),
    };
    held_role(api, json, &held, call);
}

/// The path of who holds a role.
fn address(api: &Api, holder: Holder) -> String {
    match holder {
        Holder::User(user) => format!("/api/v1/users/{}", api.company.users[user as usize].id),
        Holder::Group(group) => format!("/api/v1/groups/{}", api.company.groups[group as usize].id),
    }
}

/// A role and who holds it, be it a person, a group or a client.
pub(super) struct Held<'a> {
    pub(super) id: &'a str,
    pub(super) role: Role,
    pub(super) scope: &'a RoleScope,
    pub(super) created: i64,
    pub(super) assignment_type: &'static str,
    /// The path of the holder.
    pub(super) assignee: String,
}

pub(super) fn held_role(api: &Api, json: &mut Json, held: &Held<'_>, call: &Call) {
    let company = &api.company;
    json.raw(r#"{"id":"#).string(held.id);
    match held.role {
        Role::Standard(kind) => {
            json.raw(r#","label":"#).string(standard_label(kind)).raw(r#","type":"#).string(kind);
        }
        Role::Custom(role) => {
            let role = &company.custom_roles[role as usize];
            json.raw(r#","role":""#)
                .id(role.id)
                .raw(r#"","label":"#)
                .string(role.label)
                .raw(r#","type":"CUSTOM""#);
        }
    }
    json.raw(r#","status":"ACTIVE","created":"#).time(held.created);
    json.raw(r#","lastUpdated":"#).time(held.created).raw(r#","assignmentType":""#);
    json.raw(held.assignment_type).raw("\"");
    if let RoleScope::ResourceSet(set) = held.scope {
        json.raw(r#","resource-set":""#).id(company.resource_sets[*set as usize].id).raw("\"");
    }
    embedded_targets(api, json, held.scope, call);
    json.raw(r#","_links":{"assignee":{"href":""#).raw(&api.origin).raw(&held.assignee).raw(r#""}"#);
    if let (Role::Custom(role), RoleScope::ResourceSet(set)) = (held.role, held.scope) {
        json.raw(r#","resource-set":"#);
        href(json, &api.admin_origin, "iam/resource-sets", company.resource_sets[*set as usize].id, "");
        json.raw(r#","permissions":"#);
        href(json, &api.admin_origin, "iam/roles", company.custom_roles[role as usize].id, "/permissions");
    }
    json.raw("}}");
}

fn embedded_targets(api: &Api, json: &mut Json, scope: &RoleScope, call: &Call) {
    match scope {
        RoleScope::Groups(groups) if call.expands("targets/groups") => {
            json.raw(r#","_embedded":{"targets":{"groups":"#);
            json.list(groups, |json, &group| api.group(json, group, false, false)).raw("}}");
        }
        RoleScope::Apps(apps) if call.expands("targets/catalog/apps") => {
            json.raw(r#","_embedded":{"targets":{"catalog":{"apps":"#);
            json.list(apps, |json, &app| target_app(api, json, app)).raw("}}}");
        }
        _ => {}
    }
}

/// An application instance as a role's target: its label is called name here.
fn target_app(api: &Api, json: &mut Json, app: u32) {
    let app = &api.company.apps[app as usize];
    json.raw(r#"{"name":"#).string(&app.label).raw(r#","status":""#);
    json.raw(if app.active { "ACTIVE" } else { "INACTIVE" }).raw(r#"","id":""#).id(app.id);
    json.raw(r#"","_links":{"self":"#);
    href(json, &api.origin, "apps", app.id, "");
    json.raw("}}");
}

pub(super) fn standard_label(kind: &str) -> &'static str {
    match kind {
        "SUPER_ADMIN" => "Super Administrator",
        "APP_ADMIN" => "Application Administrator",
        "USER_ADMIN" => "Group Administrator",
        "HELP_DESK_ADMIN" => "Help Desk Administrator",
        "GROUP_MEMBERSHIP_ADMIN" => "Group Membership Administrator",
        "READ_ONLY_ADMIN" => "Read-only Administrator",
        "REPORT_ADMIN" => "Report Administrator",
        _ => "Administrator",
    }
}

/// Every user who holds a role, also through a group. Paging is in the body.
pub(super) fn assignees(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let holders = &api.role_holders;
    let page = page(call, "assignees", holders.len(), IAM)?;
    let mut json = join_under("value", &holders[page.range.clone()], |json, &user| {
        let id = api.company.users[user as usize].id;
        json.raw(r#"{"id":""#).id(id).raw(r#"","orn":"orn:okta:directory:"#).id(api.company.id);
        json.raw(":users:").id(id).raw(r#"","_links":{"self":"#);
        href(json, &api.origin, "users", id, "");
        json.raw(r#","roles":"#);
        href(json, &api.origin, "users", id, "/roles");
        json.raw("}}");
    });
    // Without a next page there are no links at all.
    if page.next.is_some() {
        in_body_links(api, &mut json, call, &page, &[]);
    }
    json.raw("}");
    Ok(Answer::json(json).with_links(self_link(api, call, &page)))
}

/// Custom roles only: the standard ones are not listed.
pub(super) fn custom_roles(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let roles = &api.company.custom_roles;
    let page = page(call, "custom roles", roles.len(), IAM)?;
    let mut json = join_under("roles", &roles[page.range.clone()], |json, role| {
        json.raw(r#"{"id":""#).id(role.id).raw(r#"","label":"#).string(role.label);
        json.raw(r#","isCloneable":true,"description":"#).string(role.description);
        json.raw(r#","created":"#).time(role.created).raw(r#","lastUpdated":"#).time(role.last_updated);
        json.raw(r#","_links":{"permissions":"#);
        href(json, &api.admin_origin, "iam/roles", role.id, "/permissions");
        json.raw(r#","self":"#);
        href(json, &api.admin_origin, "iam/roles", role.id, "");
        json.raw("}}");
    });
    in_body_links(api, &mut json, call, &page, &[]);
    json.raw("}");
    Ok(Answer::json(json).with_links(self_link(api, call, &page)))
}

pub(super) fn permissions(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let wanted = call.parameter(0);
    let role =
        api.company.custom_roles.iter().find(|role| role.id.as_str() == wanted || role.label == wanted);
    let role = role.ok_or_else(|| Problem::not_found(wanted, "CustomRole"))?;
    let mut json = join_under("permissions", &role.permissions, |json, permission| {
        json.raw(r#"{"label":"#).string(permission.label).raw(r#","created":"#).time(role.created);
        json.raw(r#","lastUpdated":"#).time(role.created).raw(r#","conditions":"#);
        match permission.condition {
            None => {
                json.raw("null");
            }
            Some(condition) => {
                json.raw(if condition.include { r#"{"include":"# } else { r#"{"exclude":"# });
                json.raw(r#"{"okta:ResourceAttribute/User/Profile":"#);
                json.list(condition.attributes, |json, attribute| {
                    json.string(attribute);
                });
                json.raw("}}");
            }
        }
        json.raw(r#","_links":{"role":"#);
        href(json, &api.admin_origin, "iam/roles", role.id, "");
        json.raw("}}");
    });
    json.raw("}");
    Ok(Answer::json(json))
}

pub(super) fn resource_sets(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let sets = &api.company.resource_sets;
    let page = page(call, "resource sets", sets.len(), IAM)?;
    let mut json = join_under("resource-sets", &sets[page.range.clone()], |json, set| {
        json.raw(r#"{"id":""#).id(set.id).raw(r#"","label":"#).string(set.label);
        json.raw(r#","description":"#).string(set.description).raw(r#","created":"#).short_time(set.created);
        json.raw(r#","lastUpdated":"#).short_time(set.last_updated).raw(r#","_links":{"bindings":"#);
        href(json, &api.origin, "iam/resource-sets", set.id, "/bindings");
        json.raw(r#","self":"#);
        href(json, &api.origin, "iam/resource-sets", set.id, "");
        json.raw(r#","resources":"#);
        href(json, &api.origin, "iam/resource-sets", set.id, "/resources");
        json.raw("}}");
    });
    in_body_links(api, &mut json, call, &page, &[]);
    json.raw("}");
    Ok(Answer::json(json).with_links(self_link(api, call, &page)))
}

pub(super) fn resources(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let company = &api.company;
    let index = find_set(api, call)?;
    let set = &company.resource_sets[index];
    let page = page(call, &call.path, set.resources.len(), IAM)?;
    let mut json = join_under("resources", &set.resources[page.range.clone()], |json, &resource| {
        // Nothing is in a set twice.
        let (number, kind, collection, id, suffix) = match resource {
            SetResource::Group(group) => {
                (group * 3, ":groups:", "groups", company.groups[group as usize].id, "")
            }
            SetResource::MembersOf(group) => {
                let id = company.groups[group as usize].id;
                (group * 3 + 1, ":groups:", "groups", id, ":contained_resources")
            }
            SetResource::App(app) => (app * 3 + 2, ":apps:", "apps", company.apps[app as usize].id, ""),
        };
        let service = if collection == "apps" { "orn:okta:idp:" } else { "orn:okta:directory:" };
        json.raw(r#"{"id":""#).id(Id::new(company.spec.seed, "ire", (index as u32) << 28 | number));
        json.raw(r#"","orn":""#).raw(service).id(company.id).raw(kind);
        if let SetResource::App(app) = resource {
            json.text(&company.apps[app as usize].name).raw(":");
        }
        json.id(id)
            .raw(suffix)
            .raw(r#"","created":"#)
            .time(set.created)
            .raw(r#","lastUpdated":"#)
            .time(set.created);
        json.raw(r#","_links":{"self":"#);
        href(json, &api.origin, collection, id, "");
        json.raw("}}");
    });
    in_body_links(api, &mut json, call, &page, &[("resource-set", "iam/resource-sets", set.id)]);
    json.raw("}");
    Ok(Answer::json(json).with_links(self_link(api, call, &page)))
}

/// The roles that are bound to a resource set.
pub(super) fn bindings(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let index = find_set(api, call)?;
    let set = api.company.resource_sets[index].id;
    let mut bound: Vec<u32> = bindings_of(api, index).iter().map(|binding| binding.role).collect();
    bound.sort_unstable();
    bound.dedup();
    let page = page(call, &call.path, bound.len(), IAM)?;
    let mut json = join_under("roles", &bound[page.range.clone()], |json, &role| {
        let role = api.company.custom_roles[role as usize].id;
        json.raw(r#"{"id":""#).id(role).raw(r#"","_links":{"self":"#);
        binding_href(api, json, set, role, "");
        json.raw(r#","members":"#);
        binding_href(api, json, set, role, "/members");
        json.raw("}}");
    });
    in_body_links(api, &mut json, call, &page, &[("resource-set", "iam/resource-sets", set)]);
    json.raw("}");
    Ok(Answer::json(json).with_links(self_link(api, call, &page)))
}

/// Who holds a role on a resource set; only the address says whether it is a user, a group or a client.
pub(super) fn binding_members(api: &Api, call: &Call) -> Reply {
    api.may_read_roles()?;
    let index = find_set(api, call)?;
    let wanted = call.parameter(1);
    let mut members = bindings_of(api, index);
    members.retain(|binding| {
        let role = &api.company.custom_roles[binding.role as usize];
        role.id.as_str() == wanted || role.label == wanted
    });
    if members.is_empty() {
        return Err(Problem::not_found(wanted, "CustomRole"));
    }
    let page = page(call, &call.path, members.len(), IAM)?;
    let mut json = join_under("members", &members[page.range.clone()], |json, member| {
        json.raw(r#"{"id":"#).string(member.id).raw(r#","created":"#).time(member.created);
        json.raw(r#","lastUpdated":"#).time(member.created).raw(r#","_links":{"self":{"href":""#);
        json.raw(&api.origin).raw(&member.assignee).raw(r#""}}}"#);
    });
    in_body_links(api, &mut json, call, &page, &[]);
    json.raw("}");
    Ok(Answer::json(json).with_links(self_link(api, call, &page)))
}

const IAM: Sizes = Sizes::new(100, 100);

fn find_set(api: &Api, call: &Call) -> Result<usize, Problem> {
    let wanted = call.parameter(0);
    let sets = &api.company.resource_sets;
    let index = sets.iter().position(|set| set.id.as_str() == wanted || set.label == wanted);
    // The real error names an internal class.
    index.ok_or_else(|| Problem::not_found(wanted, "IAMPolicy"))
}

/// A custom role on a resource set, and who holds it.
struct Binding<'a> {
    id: &'a str,
    role: u32,
    created: i64,
    /// The path of the holder.
    assignee: String,
}

/// Those of people and groups, then those of clients.
fn bindings_of(api: &Api, set: usize) -> Vec<Binding<'_>> {
    let company = &api.company;
    let wanted = RoleScope::ResourceSet(set as u32);
    let people = company
        .role_assignments
        .iter()
        .filter(|held| held.scope == wanted)
        .map(|held| (&held.id, held.role, held.created, address(api, held.holder)));
    let clients = company.client_roles.iter().filter(|held| held.scope == wanted).map(|held| {
        let client = format!("/oauth2/v1/clients/{}", company.apps[held.app as usize].id);
        (&held.id, held.role, held.created, client)
    });
    people
        .chain(clients)
        .filter_map(|(id, role, created, assignee)| match role {
            Role::Custom(role) => Some(Binding { id, role, created, assignee }),
            Role::Standard(_) => None,
        })
        .collect()
}

fn binding_href(api: &Api, json: &mut Json, set: Id, role: Id, rest: &str) {
    json.raw(r#"{"href":""#)
        .raw(&api.origin)
        .raw("/api/v1/iam/resource-sets/")
        .id(set)
        .raw("/bindings/")
        .id(role);
    json.raw(rest).raw(r#""}"#);
}

/// `{"key":[…]`, still open.
fn join_under<T>(key: &str, items: &[T], mut each: impl FnMut(&mut Json, &T)) -> Json {
    let mut json = Json::with_capacity(items.len() * 500 + 200);
    json.raw("{").string(key).raw(":").list(items, |json, item| each(json, item));
    json
}

/// `,"_links":{…}` with the address of the next page, if there is one.
fn in_body_links(api: &Api, json: &mut Json, call: &Call, page: &Page, more: &[(&str, &str, Id)]) {
    json.raw(r#","_links":{"self":{"href":"#)
        .string(&page.address(api, call, call.get("after"), &[]))
        .raw("}");
    for &(name, collection, id) in more {
        json.raw(",").string(name).raw(":");
        href(json, &api.origin, collection, id, "");
    }
    if let Some(next) = &page.next {
        json.raw(r#","next":{"href":"#).string(&page.address(api, call, Some(next), &[])).raw("}");
    }
    json.raw("}");
}

/// Lists whose paging is in the body have a `Link` to themselves, but never one to the next page.
fn self_link(api: &Api, call: &Call, page: &Page) -> Vec<String> {
    vec![format!("<{}>; rel=\"self\"", page.address(api, call, call.get("after"), &[]))]
}
