//! What a perfect reader finds in a company, in the words of the schema: from the simulator's own model, never with code
//! of the connector.

mod setup;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sightline_core::{Scope, Time};
use sightline_sim::company::{
    self, Company, EVERYONE, EventKind, GroupKind, Holder, Role, RoleScope, SignOnMode, Status, Subject,
};
use sightline_sim::expect::Assignee;
use sightline_testkit::Truth;

fn time(millis: i64) -> Value {
    json!(Time::from_millis(millis))
}

fn time_or_null(millis: Option<i64>) -> Value {
    millis.map_or(Value::Null, time)
}

/// What a perfect reader finds in the company.
pub(crate) fn truth_of(company: &Company) -> Truth {
    let mut truth = Truth {
        whole_kinds: WHOLE.into_iter().collect(),
        told_by_several: BTreeSet::from(["holding"]),
        ..Truth::default()
    };
    accounts(company, &mut truth);
    groups(company, &mut truth);
    apps(company, &mut truth);
    holdings(company, &mut truth);
    usage(company, &mut truth);
    setup::add(company, &mut truth);
    truth
}

/// Kinds of facts that the truth has all of.
const WHOLE: [&str; 22] = [
    "account",
    "api_grant",
    "assignment",
    "credential",
    "device",
    "device_use",
    "governance",
    "group",
    "holding",
    "link",
    "membership",
    "ownership",
    "permission",
    "policy",
    "policy_rule",
    "push",
    "resource",
    "rule",
    "scope_set",
    "trust",
    "trust_use",
    "usage",
];

fn accounts(company: &Company, truth: &mut Truth) {
    for user in company.users.iter().filter(|user| !user.deleted) {
        let status = match user.status {
            Status::Active | Status::PasswordExpired | Status::Recovery => "active",
            Status::Staged | Status::Provisioned => "pending",
            Status::LockedOut => "locked",
            Status::Suspended => "suspended",
            Status::Deprovisioned => "deactivated",
        };
        let fields = json!({
            "id": user.id.to_string(),
            "login": user.login,
            "status": status,
            "raw_status": user.status.as_str(),
            "name": format!("{} {}", user.first_name, user.last_name),
            "department": company::DEPARTMENTS[user.department as usize].name,
            "title": user.title,
            "account_type": user.kind.as_str(),
            "manager": user.manager.map(|manager| &company.users[manager as usize].login),
            "credential_provider": if user.imported_from_directory { "ACTIVE_DIRECTORY" } else { "OKTA" },
            "created": time(user.created),
            "activated": time_or_null(user.activated),
            "status_changed": time_or_null(user.status_changed),
            "password_changed": time_or_null(user.password_changed),
            "last_updated": time(user.last_updated),
            "last_sign_in": {"known": time_or_null(user.last_login)},
        });
        truth.add(format!("account/{}", user.id), Scope::listing("users"), fields);
    }
}

fn groups(company: &Company, truth: &mut Truth) {
    for (index, group) in (0..).zip(&company.groups).filter(|(_, group)| !group.deleted) {
        let (origin, source) = match group.kind {
            GroupKind::BuiltIn => ("built_in", None),
            GroupKind::Native => ("native", None),
            GroupKind::Imported(app) => ("imported", Some(company.apps[app as usize].id.to_string())),
        };
        let apps = company
            .apps
            .iter()
            .filter(|app| !app.deleted && app.groups.iter().any(|assigned| assigned.group == index));
        let fields = json!({
            "name": group.name,
            "description": group.description,
            "origin": origin,
            "source_resource": source,
            "everyone": index == EVERYONE,
            "member_count": {"known": company.members(index).len()},
            "resource_count": {"known": apps.count()},
            "last_updated": time(group.last_updated),
            "last_membership_updated": time(group.last_membership_updated),
        });
        truth.add(format!("group/{}", group.id), Scope::listing("groups"), fields);
        // Whoever is in Everyone follows from the accounts.
        for member in group.members.iter().filter(|_| index != EVERYONE) {
            let account = &company.users[*member as usize].id;
            let key = format!("membership/{}/{account}", group.id);
            truth.add(key, Scope::under("group_members", group.id.to_string()), json!({}));
        }
    }
    for rule in &company.rules {
        let ids = |of: &[u32], id: &dyn Fn(usize) -> String| -> Vec<String> {
            of.iter().map(|index| id(*index as usize)).collect()
        };
        let fields = json!({
            "name": rule.name,
            "active": rule.status == "ACTIVE",
            "raw_status": rule.status,
            "expression": rule.expression,
            "target_groups": ids(&rule.groups, &|index| company.groups[index].id.to_string()),
            "excluded_accounts": ids(&rule.excluded, &|index| company.users[index].id.to_string()),
        });
        truth.add(format!("rule/{}", rule.id), Scope::listing("group_rules"), fields);
    }
}

fn apps(company: &Company, truth: &mut Truth) {
    for app in company.apps.iter().filter(|app| !app.deleted) {
        let fields = json!({
            "label": app.label,
            "catalog_name": app.name,
            "status": if app.active { "active" } else { "inactive" },
            "raw_status": if app.active { "ACTIVE" } else { "INACTIVE" },
            "sign_on_mode": app.sign_on_mode.map(SignOnMode::as_str),
            "implicit_assignment": {"known": app.implicit},
            "service": app.service,
            "created": time(app.created),
            "last_updated": time(app.last_updated),
        });
        truth.add(format!("resource/{}", app.id), Scope::listing("apps"), fields);
        for row in &app.users {
            let user = &company.users[row.user as usize];
            let origin = match row.via {
                None => json!("direct"),
                Some(group) => json!({"group": company.groups[group as usize].id.to_string()}),
            };
            let status = match (row.deprovisioned, app.provisioning) {
                (true, _) => "DEPROVISIONED",
                (_, true) => "PROVISIONED",
                _ => "ACTIVE",
            };
            let key = format!("assignment/{}/account/{}", app.id, user.id);
            let fields = json!({"origin": origin, "raw_status": status});
            truth.add(key, Scope::under("app_users", app.id.to_string()), fields);
        }
        for assigned in &app.groups {
            let group = &company.groups[assigned.group as usize];
            let key = format!("assignment/{}/group/{}", app.id, group.id);
            let fields = json!({"origin": "direct", "priority": assigned.priority});
            truth.add(key, Scope::under("app_groups", app.id.to_string()), fields);
        }
    }
}

/// Roles that may be limited to some groups or applications.
const LIMITED: [&str; 4] = ["APP_ADMIN", "USER_ADMIN", "HELP_DESK_ADMIN", "GROUP_MEMBERSHIP_ADMIN"];

fn holdings(company: &Company, truth: &mut Truth) {
    for role in &company.custom_roles {
        let fields = json!({"label": role.label, "description": role.description, "custom": true});
        truth.add(format!("role/{}", role.id), Scope::listing("roles"), fields);
    }
    for given in company.truth().permissions() {
        let key = format!("permission/{}/{}", given.role_id, given.label);
        truth.add(key, Scope::under("role_permissions", given.role_id), json!({"name": given.label}));
    }
    for assignment in &company.role_assignments {
        let role = role_id(company, assignment.role);
        let reach = reach_of(company, &assignment.scope);
        match assignment.holder {
            Holder::User(user) => {
                let id = company.users[user as usize].id.to_string();
                hold(
                    truth,
                    &format!("account/{id}"),
                    &role,
                    "direct",
                    &reach,
                    Scope::under("user_roles", id),
                );
            }
            Holder::Group(group) => {
                let id = company.groups[group as usize].id.to_string();
                hold(truth, &format!("group/{id}"), &role, "direct", &reach, Scope::under("group_roles", id));
                // Okta does not say again at every member that a role that may be limited is not.
                let is_silent = LIMITED.contains(&role.as_str()) && reach == "org";
                let at_members = if is_silent { "unknown" } else { &reach };
                for member in company.members(group) {
                    let id = company.users[*member as usize].id.to_string();
                    let scope = Scope::under("user_roles", &id);
                    hold(truth, &format!("account/{id}"), &role, "inherited", at_members, scope);
                }
            }
        }
    }
    for held in &company.client_roles {
        let id = company.apps[held.app as usize].id.to_string();
        let (role, reach) = (role_id(company, held.role), reach_of(company, &held.scope));
        hold(truth, &format!("resource/{id}"), &role, "direct", &reach, Scope::under("client_roles", id));
    }
    // The resource set says again who holds roles on it.
    for binding in company.truth().bindings() {
        let holder = match binding.assignee {
            Assignee::User(id) => format!("account/{id}"),
            Assignee::Group(id) => format!("group/{id}"),
            Assignee::Client(id) => format!("resource/{id}"),
        };
        let (reach, scope) =
            (format!("set/{}", binding.set_id), Scope::under("binding_members", binding.set_id));
        hold(truth, &holder, &binding.role_id, "direct", &reach, scope);
    }
}

/// Somebody holds a role: how, with which reach, and where that is read. The same role may be given twice; it is held
/// once.
fn hold(truth: &mut Truth, holder: &str, role: &str, how: &str, reach: &str, scope: Scope) {
    let key = format!("holding/{holder}/{role}/{how}/{reach}");
    if let Some(fact) = truth.facts.get_mut(&key) {
        if fact.scope != scope && !fact.also.contains(&scope) {
            fact.also.push(scope);
        }
        return;
    }
    let fields = json!({"role": role, "inherited": how == "inherited", "active": true});
    let asked_for = LIMITED.contains(&role) && how == "direct" && reach == "org";
    truth.add(key, scope, fields).where_unlimited =
        asked_for.then(|| format!("holding/{holder}/{role}/{how}/unknown"));
}

fn role_id(company: &Company, role: Role) -> String {
    match role {
        Role::Standard(role) => role.to_owned(),
        Role::Custom(role) => company.custom_roles[role as usize].id.to_string(),
    }
}

/// What a role reaches, as the last part of the key of who holds it.
fn reach_of(company: &Company, scope: &RoleScope) -> String {
    let targets = |kind: &str, ids: Vec<String>| {
        let ids: BTreeSet<String> = ids.into_iter().map(|id| format!("{kind}/{id}")).collect();
        format!("targets/{}", ids.into_iter().collect::<Vec<_>>().join(","))
    };
    match scope {
        RoleScope::Org => "org".to_owned(),
        RoleScope::Groups(groups) => {
            targets("group", groups.iter().map(|group| group_id(company, *group)).collect())
        }
        RoleScope::Apps(apps) => {
            let ids = apps.iter().map(|app| company.apps[*app as usize].id.to_string());
            targets("resource", ids.collect())
        }
        RoleScope::ResourceSet(set) => format!("set/{}", company.resource_sets[*set as usize].id),
    }
}

fn group_id(company: &Company, group: u32) -> String {
    company.groups[group as usize].id.to_string()
}

fn usage(company: &Company, truth: &mut Truth) {
    let mut rolled_up: BTreeMap<String, (i64, i64, u64)> = BTreeMap::new();
    for event in company.served_events().iter().filter(|event| event.success) {
        let Some(user) = company.users.get(event.actor as usize) else { continue };
        let key = match (event.kind, event.subject) {
            (EventKind::Sso, Subject::App(app)) => {
                format!("usage/{}/{}", user.id, company.apps[app as usize].id)
            }
            (EventKind::SessionStart, _) => format!("usage/{}", user.id),
            _ => continue,
        };
        let (first, last, count) = rolled_up.entry(key).or_insert((i64::MAX, 0, 0));
        (*first, *last) = ((*first).min(event.time), (*last).max(event.time));
        *count += 1;
    }
    for (key, (first, last, count)) in rolled_up {
        let fields = json!({"first": time(first), "last": time(last), "count": count});
        truth.add(key, Scope::listing("activity"), fields);
    }
}
