//! The simulated Okta as an upstream, and its truth in the words of the schema: from the simulator's own model, never
//! with code of the connector.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use sightline_core::{Scope, Time};
use sightline_sim::company::{
    self, Company, CompanySpec, EVERYONE, EventKind, GroupKind, Holder, Role, RoleScope, SignOnMode, Status,
    Subject,
};
use sightline_sim::okta::{Action, Fault as SimFault, Faults};
use sightline_sim::{OktaOptions, OktaServer};
use sightline_testkit::{Fault, Running, Samples, Size, Strange, Trouble, Truth, TruthFact, Upstream, World};

/// When the simulated companies are looked at.
const NOW: i64 = 1_780_000_000;

/// The simulated Okta.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedOkta {
    /// Of these sizes instead of the usual ones.
    pub(crate) spec: Option<CompanySpec>,
}

struct RunningOkta {
    company: Arc<Company>,
    server: OktaServer,
}

/// The company of a world: sixty people, or as many as make two pages of users and of groups.
pub(crate) fn spec_of(world: &World) -> CompanySpec {
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    let sizes = match world.size {
        Size::Tiny => CompanySpec {
            people: 60,
            groups: 16,
            apps: 13,
            memberships: 250,
            assignments: 420,
            ..CompanySpec::for_people(60, world.seed, now)
        },
        Size::Paged => CompanySpec {
            people: 230,
            groups: 205,
            apps: 13,
            memberships: 300,
            assignments: 600,
            ..CompanySpec::for_people(230, world.seed, now)
        },
    };
    CompanySpec {
        rounds: world.rounds,
        late_events: world.quirks.late,
        lost_events: world.quirks.lost,
        duplicate_events: world.quirks.twice,
        ..sizes
    }
}

#[async_trait]
impl Upstream for SimulatedOkta {
    async fn start(&self, world: &World) -> Box<dyn Running> {
        let spec = match self.spec {
            Some(spec) => CompanySpec { seed: world.seed, rounds: world.rounds, ..spec },
            None => spec_of(world),
        };
        let company = Arc::new(Company::generate(spec));
        let faults = Faults(world.faults.iter().map(sim_fault).collect());
        let options = OktaOptions { faults, ..OktaOptions::default() };
        let server = OktaServer::start(company.clone(), options).await.unwrap();
        Box::new(RunningOkta { company, server })
    }

    fn samples(&self) -> Samples {
        samples()
    }
}

#[async_trait]
impl Running for RunningOkta {
    fn settings(&self) -> Value {
        json!({"domain": self.server.url(), "token": self.server.token()})
    }

    fn now(&self) -> Time {
        Time::from_millis(self.company.now())
    }

    fn truth(&self) -> Truth {
        truth_of(&self.company)
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.server.requests()
    }

    async fn stop(self: Box<Self>) {
        drop(self.server);
    }
}

/// A fault of the kit as the simulator has it.
fn sim_fault(fault: &Fault) -> SimFault {
    let status = |code: u16, error_code: &str| Action::Status {
        code,
        error_code: Some(error_code.to_owned()),
        body: None,
    };
    let action = match &fault.trouble {
        Trouble::Denied => status(403, "E0000006"),
        Trouble::NotLicensed => status(401, "E0000015"),
        Trouble::NotFound => status(404, "E0000008"),
        Trouble::NotAllowed => status(405, "E0000022"),
        Trouble::Refused(text) => Action::Status {
            code: 400,
            error_code: None,
            body: Some(json!({"errorCode": "E0000001", "errorSummary": text}).to_string()),
        },
        Trouble::Failing(code) => status(*code, "E0000009"),
        Trouble::Truncated => Action::Truncate,
        Trouble::Closed => Action::CloseConnection,
        Trouble::Late(millis) => Action::Hang(*millis),
        Trouble::Html => Action::Html,
        Trouble::NotData => Action::NotJson,
        Trouble::RateLimited => Action::RateLimit,
        Trouble::TooManyAtOnce => Action::TooManyAtOnce,
        Trouble::Revoked => Action::RevokeToken,
        Trouble::Nothing => Action::EmptyFirstPage,
        Trouble::Instead(body) => {
            Action::Status { code: 200, error_code: None, body: Some(body.to_string()) }
        }
        Trouble::OddObject(object) => Action::OddObject(object.clone()),
        Trouble::RepeatedCursor => Action::RepeatCursor,
        Trouble::LinkElsewhere => Action::NextLinkElsewhere,
        Trouble::LinkBare => Action::NextLinkWithoutParameters,
        Trouble::LinkWrongPath => Action::NextLinkWrongPath,
        Trouble::Vanishes(id) => Action::Vanish { id: id.clone() },
    };
    // The simulator names what stands for an id below a role by itself.
    let path = fault.path.replace("/roles/{part}/", "/roles/{role}/");
    let times = fault.times.or(fault.from.map(|_| u64::MAX));
    SimFault { path, query: None, nth: fault.from, times, action }
}

fn time(millis: i64) -> Value {
    json!(Time::from_millis(millis))
}

fn time_or_null(millis: Option<i64>) -> Value {
    millis.map_or(Value::Null, time)
}

/// What a perfect reader finds in the company.
pub(crate) fn truth_of(company: &Company) -> Truth {
    let mut truth = Truth {
        whole_kinds: ["account", "group", "rule", "resource", "membership", "assignment", "holding", "usage"]
            .into(),
        ..Truth::default()
    };
    accounts(company, &mut truth);
    groups(company, &mut truth);
    apps(company, &mut truth);
    holdings(company, &mut truth);
    usage(company, &mut truth);
    truth
}

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
    // The same role may be given twice; it is held once.
    let mut held: BTreeMap<String, TruthFact> = BTreeMap::new();
    for assignment in &company.role_assignments {
        let role = match assignment.role {
            Role::Standard(role) => role.to_owned(),
            Role::Custom(role) => company.custom_roles[role as usize].id.to_string(),
        };
        let targets = |kind: &str, ids: Vec<String>| {
            let ids: BTreeSet<String> = ids.into_iter().map(|id| format!("{kind}/{id}")).collect();
            format!("targets/{}", ids.into_iter().collect::<Vec<_>>().join(","))
        };
        let limited = matches!(assignment.role, Role::Standard(role) if LIMITED.contains(&role));
        let scope = match &assignment.scope {
            RoleScope::Org => "org".to_owned(),
            RoleScope::Groups(groups) => {
                let ids = groups.iter().map(|group| company.groups[*group as usize].id.to_string());
                targets("group", ids.collect())
            }
            RoleScope::Apps(apps) => {
                let ids = apps.iter().map(|app| company.apps[*app as usize].id.to_string());
                targets("resource", ids.collect())
            }
            RoleScope::ResourceSet(set) => {
                format!("set/{}", company.resource_sets[*set as usize].id)
            }
        };
        let mut note = |holder: String, how: &str, scope: &str, dataset: &str, id: String| {
            let fact = TruthFact {
                scope: Scope::under(dataset, id),
                fields: json!({"role": role, "inherited": how == "inherited", "active": true}),
                where_unlimited: (limited && how == "direct" && scope == "org")
                    .then(|| format!("holding/{holder}/{role}/{how}/unknown")),
            };
            held.insert(format!("holding/{holder}/{role}/{how}/{scope}"), fact);
        };
        match assignment.holder {
            Holder::User(user) => {
                let id = company.users[user as usize].id.to_string();
                note(format!("account/{id}"), "direct", &scope, "user_roles", id);
            }
            Holder::Group(group) => {
                let id = company.groups[group as usize].id.to_string();
                note(format!("group/{id}"), "direct", &scope, "group_roles", id);
                // Okta does not say again at every member that a role that may be limited is not.
                let at_members = if limited && scope == "org" { "unknown" } else { &scope };
                for member in company.members(group) {
                    let id = company.users[*member as usize].id.to_string();
                    note(format!("account/{id}"), "inherited", at_members, "user_roles", id);
                }
            }
        }
    }
    truth.facts.extend(held);
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

/// Objects as Okta might send them one day.
fn samples() -> Samples {
    let user = |id: &str, more: Value| {
        let mut user = json!({"id": id, "status": "ACTIVE", "profile": {"login": "odd@example.com"}});
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        user
    };
    let strange = |name, path, object: Value, kind: &str, fields| {
        let key = format!("{kind}/{}", object["id"].as_str().unwrap());
        let empty = |part: &str| {
            let path = format!("{path}/{}/{part}", object["id"].as_str().unwrap());
            Fault::always(path, Trouble::Instead(json!([])))
        };
        let besides = ["users", "groups", "roles"].map(empty).into();
        Strange { name, path, object, key, fields, besides }
    };
    let (users, groups, apps) = ("/api/v1/users", "/api/v1/groups", "/api/v1/apps");
    Samples {
        unserved: vec!["client_roles"],
        // Okta stamps none of them; its counts and last sign-ins are those of the last full read.
        untold: vec![("account", "last_sign_in"), ("group", "member_count"), ("group", "resource_count")],
        never_empty: vec![users, groups],
        paged: vec![users, groups, "/api/v1/logs"],
        ends_with_its_cursor: vec!["/api/v1/logs"],
        limits: vec![
            "/api/v1/users/{id}/roles/{part}/targets/groups",
            "/api/v1/users/{id}/roles/{part}/targets/catalog/apps",
            "/api/v1/groups/{id}/roles/{part}/targets/groups",
            "/api/v1/groups/{id}/roles/{part}/targets/catalog/apps",
        ],
        strange: vec![
            strange(
                "a status that nobody knows",
                users,
                user("00uODD1", json!({"status": "HIBERNATED"})),
                "account",
                json!({"status": "unknown", "raw_status": "HIBERNATED", "login": "odd@example.com"}),
            ),
            strange(
                "fields of other types, and a null for a profile",
                users,
                user(
                    "00uODD2",
                    json!({"created": 5, "type": "x", "lastLogin": {"at": 1}, "profile": null, "new": []}),
                ),
                "account",
                json!({"login": "00uODD2", "raw_status": "ACTIVE", "created": null}),
            ),
            strange(
                "a last sign-in that is no time is not never",
                users,
                user("00uODD3", json!({"lastLogin": "soon"})),
                "account",
                json!({"last_sign_in": {"unknown": "Okta sent a last sign-in that is no time"}}),
            ),
            strange(
                "a group of a type that nobody knows",
                groups,
                json!({"id": "00gODD1", "type": "SHARED_GROUP", "profile": {"name": "odd"}, "extra": 1}),
                "group",
                json!({"name": "odd", "origin": {"unknown": "SHARED_GROUP"}, "everyone": false}),
            ),
            strange(
                "an application with a status and a kind that nobody knows",
                apps,
                json!({"id": "0oaODD1", "status": "DORMANT", "label": "odd", "signOnMode": "TELEPATHY", "settings": {}}),
                "resource",
                json!({"status": "unknown", "raw_status": "DORMANT", "sign_on_mode": "TELEPATHY"}),
            ),
        ],
        secretive: vec![
            (
                apps,
                json!({
                    "id": "0oaSECRET", "label": "secretive", "status": "ACTIVE", "name": "oidc_client",
                    "credentials": {"oauthClient": {"client_id": "0oaSECRET", "client_secret": "sEcReT-of-an-app"}},
                    "settings": {"app": {"password": "sEcReT-of-an-app"}},
                }),
                "sEcReT-of-an-app",
            ),
            (
                users,
                user(
                    "00uSECRET",
                    json!({"credentials": {
                        "password": {"value": "sEcReT-of-a-user"},
                        "recovery_question": {"question": "?", "answer": "sEcReT-of-a-user"},
                        "provider": {"type": "OKTA"},
                    }}),
                ),
                "sEcReT-of-a-user",
            ),
        ],
        crooked: vec![
            (groups, json!({"id": "../users/00uX", "type": "OKTA_GROUP", "profile": {"name": "crooked"}})),
            (groups, json!({"id": "..", "type": "OKTA_GROUP", "profile": {"name": "crooked"}})),
            (apps, json!({"id": "x/../../logs", "label": "crooked", "status": "ACTIVE"})),
            (apps, json!({"id": "x?limit=1#", "label": "crooked", "status": "ACTIVE"})),
            ("/api/v1/iam/assignees/users", json!({"id": "me/../../groups"})),
        ],
    }
}
