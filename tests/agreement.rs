//! Against companies whose truth is known: every answer is that truth, at the price of the fewest requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::company::{self, Company, CompanySpec, GroupKind, Role, SignOnMode, Status};
use sightline_sim::expect::AdminScope;

use crate::cost::{first_sync_costs_the_least, plan_comes_true, quiet_costs_little};
use crate::harness::{
    Facts, Home, SimSetup, assert_same, licensed, list, millis, now, number, paths, text, true_paths,
};

/// People of the cast whose every answer is compared.
const CAST: [&str; 20] = [
    company::ADA,
    company::LEAVER,
    company::CLEAN_LEAVER,
    company::CONTRACTOR,
    company::SERVICE_ACCOUNT,
    company::ODD_NAME,
    company::NEW_HIRE,
    company::CHIEF,
    company::SUSPENDED,
    company::STAGED,
    company::PROVISIONED,
    company::LOCKED_OUT,
    company::PASSWORD_EXPIRED,
    company::RECOVERING,
    company::HELP_DESK,
    company::GROUP_ADMIN,
    company::APP_ADMIN,
    company::CUSTOM_ADMIN,
    company::AUDITOR,
    company::DORMANT,
];

/// A fifth of the size of its default proportions in groups and memberships, so that most groups are empty or small.
fn sparse() -> CompanySpec {
    CompanySpec { groups: 80, memberships: 300, ..CompanySpec::for_people(130, 7, now()) }
}

fn usual() -> CompanySpec {
    CompanySpec::for_people(280, 42, now())
}

/// A group of more than one page, more than one page of users and of groups, and applications of more than one page.
fn large() -> CompanySpec {
    CompanySpec {
        people: 1500,
        groups: 230,
        apps: 26,
        memberships: 14_000,
        assignments: 9_000,
        ..CompanySpec::for_people(1500, 2026, now())
    }
}

#[test]
fn a_sparse_company_is_told_as_it_is() {
    agrees(&sparse());
}

#[test]
fn a_usual_company_is_told_as_it_is() {
    agrees(&usual());
}

#[test]
fn a_company_of_many_pages_is_told_as_it_is() {
    let spec = large();
    let company = Company::generate(spec);
    assert!(company.groups.iter().any(|group| group.members.len() > 1000), "no group of two pages");
    assert!(company.apps.iter().any(|app| app.users.len() > 500), "no application of two pages");
    agrees(&spec);
}

fn agrees(spec: &CompanySpec) {
    let setup = SimSetup::of(*spec);
    let company = setup.company();
    let sim = setup.start();
    let home = Home::connected_to(&sim);
    let setup = setup.port(sim.port);
    // A new simulator counts from zero: what it served then is the sync alone.
    drop(sim.stop());
    let sim = setup.start();
    let report = home.run(&["sync", "--json"]).json();
    let first = sim.stop();
    assert_eq!(report["full"], true);
    assert_eq!(licensed(list(&report["gaps"])), []);
    assert_eq!(home.gaps(), []);

    accounts(&company, &home);
    groups(&company, &home);
    apps(&company, &home);
    roles(&company, &home);
    let last_uses = last_uses(&company);
    let window = home.facts()["activity_window"]["record"]["activity_window"].clone();
    who(&company, &home, &last_uses, &window);
    // Of many people a part tells as much as all of them.
    let every = if spec.people > 1000 { 3 } else { 1 };
    what(&company, &home, every);
    why(&company, &home, every);

    first_sync_costs_the_least(&company, &first);
    let before = home.facts();
    let sim = setup.start();
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!(report["full"], false);
    quiet_costs_little(&company, &sim.stop());
    a_later_sync_changes_nothing(&before, &home, &report);

    let sim = setup.start();
    let plan = home.run(&["sync", "--plan", "--json"]).json();
    assert_eq!(number(&plan, "spent"), sim.stop().total());
    let before = home.facts();
    let sim = setup.start();
    let report = home.run(&["sync", "--json", "--full"]).json();
    assert_eq!(report["full"], true);
    let served = sim.stop();
    a_later_sync_changes_nothing(&before, &home, &report);
    plan_comes_true(&plan, &served);
    // One call for what was used, one for what was changed.
    assert_eq!(served.of("/api/v1/logs"), 2, "the log is not gone on with: {served:?}");
}

#[test]
fn administrators_are_told_with_what_they_reach() {
    for spec in [sparse(), usual()] {
        let setup = SimSetup::of(spec);
        admins(&setup.company(), &Home::synced_with(&setup.start()));
    }
}

fn accounts(company: &Company, home: &Home) {
    let found: BTreeMap<_, _> = home
        .list("accounts")
        .iter()
        .map(|account| {
            let times = ["created", "activated", "status_changed", "password_changed", "last_updated"]
                .map(|name| millis(&account[name]));
            let words = ["login", "raw_status", "status", "department", "title", "account_type"]
                .map(|name| account[name].as_str().unwrap_or_default().to_owned());
            let last_sign_in = millis(&account["last_sign_in"]["known"]);
            assert!(account["last_sign_in"]["unknown"].is_null(), "{account}");
            (text(account, "id").to_owned(), (words, times, last_sign_in))
        })
        .collect();
    let expected = company
        .users
        .iter()
        .map(|user| {
            let status = match user.status {
                Status::Active | Status::PasswordExpired | Status::Recovery => "active",
                Status::Staged | Status::Provisioned => "pending",
                Status::LockedOut => "locked",
                Status::Suspended => "suspended",
                Status::Deprovisioned => "deactivated",
            };
            let times = [
                Some(user.created),
                user.activated,
                user.status_changed,
                user.password_changed,
                Some(user.last_updated),
            ];
            let department = company::DEPARTMENTS[user.department as usize].name;
            let words =
                [&*user.login, user.status.as_str(), status, department, user.title, user.kind.as_str()]
                    .map(str::to_owned);
            (user.id.to_string(), (words, times, user.last_login))
        })
        .collect();
    assert_same("accounts", &found, &expected);
}

fn groups(company: &Company, home: &Home) {
    let found: BTreeMap<_, _> = home
        .list("groups")
        .iter()
        .map(|group| {
            let words = [
                text(group, "name").to_owned(),
                group["description"].as_str().unwrap_or_default().to_owned(),
                text(group, "origin").to_owned(),
                group["source_resource"].as_str().unwrap_or_default().to_owned(),
            ];
            let counts = ["member_count", "resource_count"].map(|name| number(&group[name], "known"));
            (text(group, "id").to_owned(), (words, counts))
        })
        .collect();
    let expected = (0..)
        .zip(&company.groups)
        .map(|(index, group)| {
            let (origin, source) = match group.kind {
                GroupKind::BuiltIn => ("built_in", String::new()),
                GroupKind::Native => ("native", String::new()),
                GroupKind::Imported(app) => ("imported", company.apps[app as usize].id.to_string()),
            };
            let words = [
                group.name.clone(),
                group.description.clone().unwrap_or_default(),
                origin.to_owned(),
                source,
            ];
            let apps = company
                .apps
                .iter()
                .filter(|app| app.groups.iter().any(|assigned| assigned.group == index))
                .count();
            (group.id.to_string(), (words, [company.members(index).len() as u64, apps as u64]))
        })
        .collect();
    assert_same("groups", &found, &expected);
}

fn apps(company: &Company, home: &Home) {
    let found: BTreeMap<_, _> = home
        .list("apps")
        .iter()
        .map(|app| {
            let words = ["label", "catalog_name", "raw_status", "sign_on_mode"]
                .map(|name| app[name].as_str().unwrap_or_default().to_owned());
            (text(app, "id").to_owned(), (words, app["implicit_assignment"]["known"].as_bool()))
        })
        .collect();
    let expected = company
        .apps
        .iter()
        .map(|app| {
            let mode = app.sign_on_mode.map_or("", SignOnMode::as_str);
            let status = if app.active { "ACTIVE" } else { "INACTIVE" };
            let words = [&*app.label, &*app.name, status, mode].map(str::to_owned);
            (app.id.to_string(), (words, Some(app.implicit)))
        })
        .collect();
    assert_same("applications", &found, &expected);
}

fn roles(company: &Company, home: &Home) {
    let roles = home.list("roles");
    let custom: BTreeMap<String, String> = roles
        .iter()
        .filter(|role| role["custom"] == true)
        .map(|role| (text(role, "id").to_owned(), text(role, "label").to_owned()))
        .collect();
    let expected =
        company.custom_roles.iter().map(|role| (role.id.to_string(), role.label.to_owned())).collect();
    assert_same("custom roles", &custom, &expected);
    let known: BTreeSet<&str> = roles.iter().map(|role| text(role, "id")).collect();
    assert_eq!(known.len(), roles.len(), "a role is listed twice");
    for assignment in &company.role_assignments {
        if let Role::Standard(role) = assignment.role {
            assert!(known.contains(role), "{role} is held and not listed");
        }
    }
}

fn admins(company: &Company, home: &Home) {
    let listed = home.list("admins");
    let (people, services): (Vec<_>, Vec<_>) =
        listed.iter().partition(|admin| admin["service_app"].is_null());
    let found: Vec<_> = people
        .into_iter()
        .map(|admin| {
            let via = match text(&admin["via"], "kind") {
                "direct" => None,
                "group" => Some(text(&admin["via"]["group"], "id").to_owned()),
                other => panic!("held through {other}: {admin}"),
            };
            assert_eq!(admin["active"], true, "{admin}");
            (text(&admin["account"], "id").to_owned(), text(admin, "role").to_owned(), via, reach(admin))
        })
        .collect();
    let distinct: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "an admin is listed twice");
    let expected: BTreeSet<_> = company
        .truth()
        .admins()
        .into_iter()
        .map(|admin| (admin.user_id, admin.role, admin.via_group_id, admin.scope))
        .collect();
    assert_eq!(distinct, expected);

    let found: Vec<_> = services
        .into_iter()
        .map(|admin| {
            assert!(admin["account"].is_null() && admin["via"]["kind"] == "direct", "{admin}");
            (text(&admin["service_app"], "id").to_owned(), text(admin, "role").to_owned(), reach(admin))
        })
        .collect();
    let distinct: BTreeSet<_> = found.iter().cloned().collect();
    assert_eq!(distinct.len(), found.len(), "a service application is listed twice");
    let held = company.truth().client_roles().into_iter();
    assert_eq!(distinct, held.map(|held| (held.client_id, held.role, held.scope)).collect());
}

/// What an admin role is limited to, in the words of the truth.
fn reach(admin: &Value) -> AdminScope {
    match &admin["scope"] {
        Value::String(word) if word == "org" => AdminScope::Org,
        Value::Object(fields) if fields.contains_key("set") => {
            AdminScope::ResourceSet(text(&admin["scope"], "set").to_owned())
        }
        scope => {
            assert!(scope["targets"].is_array(), "{admin}");
            let id = |target: &Value| {
                target.as_str().unwrap().split_once('/').expect("a target with its kind").1.to_owned()
            };
            let mut ids: Vec<_> = list(&scope["targets"]).iter().map(id).collect();
            ids.sort();
            AdminScope::Targets(ids)
        }
    }
}

/// The last use, in milliseconds, by account and application.
type LastUses = BTreeMap<(String, String), i64>;

fn last_uses(company: &Company) -> LastUses {
    let uses = company.truth().last_uses();
    uses.into_iter().map(|used| ((used.user_id, used.app_id), used.last_use_ms)).collect()
}

/// The parts of an access line that truth knows: whether it works, and by which paths.
type Line = (bool, BTreeSet<String>);

fn line(access: &Value) -> Line {
    let can_reach = access["can_reach"].as_bool().unwrap();
    assert_eq!(can_reach, access["blocked"].is_null(), "{access}");
    (can_reach, paths(access))
}

fn who(company: &Company, home: &Home, last_uses: &LastUses, window: &Value) {
    let mut effective = 0;
    let created: BTreeMap<&str, i64> =
        company.users.iter().map(|user| (user.id.as_str(), user.created)).collect();
    for app in &company.apps {
        let id = app.id.to_string();
        let answer = home.run(&["who", &id, "--json"]).json();
        assert_eq!(text(&answer["app"], "name"), app.label);
        assert_eq!(list(&answer["gaps"]), &[] as &[Value]);
        let lines = list(&answer["access"]);
        let found: BTreeMap<_, _> =
            lines.iter().map(|access| (text(&access["account"], "id").to_owned(), line(access))).collect();
        assert_eq!(found.len(), lines.len(), "an account is listed twice for {}", app.label);
        let truth = company.truth().who(&id);
        let expected = truth
            .into_iter()
            .map(|reach| (reach.user_id, (reach.can_sign_in, true_paths(&reach.paths))))
            .collect();
        assert_same(&format!("who {}", app.label), &found, &expected);
        effective += found.values().filter(|(can_reach, _)| *can_reach).count() as u64;
        for access in lines {
            let used = last_uses.get(&(text(&access["account"], "id").to_owned(), id.clone()));
            let last = &access["last_use"];
            match used {
                Some(at) => assert_eq!(millis(&last["at"]), Some(*at), "{access}"),
                // Who or what came to be inside the window was never used: everything since then was read.
                None => match created[text(&access["account"], "id")].max(app.created) {
                    born if Some(born) >= millis(&window["since"]) => {
                        assert_eq!(millis(&last["never"]), Some(born), "{access}");
                    }
                    _ => assert_eq!(last["not_since"], window["since"], "{access}"),
                },
            }
        }
    }
    assert_eq!(effective, company.truth().effective_pairs());
}

fn what(company: &Company, home: &Home, every: usize) {
    let cast = CAST.iter().map(|name| company.person(name).unwrap());
    let others = company.users.iter().skip(CAST.len()).step_by(company.users.len() / 20);
    for (turn, user) in cast.chain(others).step_by(every).enumerate() {
        let name = if turn.is_multiple_of(2) { user.login.as_str() } else { user.id.as_str() };
        let answer = home.run(&["what", name, "--json"]).json();
        assert_eq!(text(&answer["account"], "id"), user.id.as_str());
        let lines = list(&answer["access"]);
        let found: BTreeMap<_, _> =
            lines.iter().map(|access| (text(&access["app"], "id").to_owned(), line(access))).collect();
        assert_eq!(found.len(), lines.len(), "an application is listed twice for {}", user.login);
        let truth = company.truth().what(user.id.as_str());
        let expected = truth
            .into_iter()
            .map(|reached| (reached.app_id, (reached.can_sign_in, true_paths(&reached.paths))))
            .collect();
        assert_same(&format!("what {}", user.login), &found, &expected);
    }
}

fn why(company: &Company, home: &Home, every: usize) {
    let github = company.app(company::GITHUB).unwrap();
    let truth = company.truth().who(github.id.as_str());
    for name in CAST.into_iter().step_by(every) {
        let user = company.person(name).unwrap();
        let answer = home.run(&["why", &user.login, company::GITHUB, "--json"]).json();
        let reach = truth.iter().find(|reach| reach.user_id == user.id.as_str());
        let expected = reach.map_or_else(BTreeSet::new, |reach| true_paths(&reach.paths));
        assert_eq!(paths(&answer), expected, "why {name}");
        assert_eq!(answer["can_reach"], reach.is_some_and(|reach| reach.can_sign_in), "why {name}");
        for path in list(&answer["paths"]) {
            hops_lead_there(path);
        }
        if reach.is_some() {
            removal_ends_every_path(&answer);
        } else {
            offered_groups_give_it(company, github, &answer);
        }
    }
}

/// A path through a group is a membership in it and its assignment; a direct one is an assignment.
fn hops_lead_there(path: &Value) {
    let hops: Vec<&str> = list(&path["hops"]).iter().map(|hop| text(hop, "fact")).collect();
    match text(path, "kind") {
        "direct" => assert_eq!(hops, ["assignment"], "{path}"),
        "implicit" => assert_eq!(hops, ["implicit_setting"], "{path}"),
        "group" => {
            assert_eq!(hops, ["membership", "group_assignment"], "{path}");
            for hop in list(&path["hops"]) {
                assert_eq!(hop["group"], path["group"], "{path}");
            }
        }
        other => panic!("a path of kind {other}: {path}"),
    }
    for hop in list(&path["hops"]) {
        assert_eq!(
            (number(&hop["provenance"], "first_seen"), &hop["provenance"]["stale"]),
            (1, &false.into())
        );
    }
}

/// The acts together end every path: each path has one that is about it.
fn removal_ends_every_path(answer: &Value) {
    let steps = list(&answer["removal"]["steps"]);
    for path in list(&answer["paths"]) {
        let ends = |step: &&Value| match text(path, "kind") {
            "direct" => text(step, "act") == "unassign_account",
            "group" => {
                ["leave_group", "unassign_group"].contains(&text(step, "act"))
                    && step["group"] == path["group"]
            }
            _ => true,
        };
        assert!(steps.iter().any(|step| ends(&step)), "nothing ends {path}: {answer}");
    }
}

/// Every group that is said to give an access is assigned to the application, and all that are assigned are said.
fn offered_groups_give_it(company: &Company, app: &company::App, answer: &Value) {
    let offered: BTreeSet<&str> = list(&answer["groups_that_would_give_it"])
        .iter()
        .map(|needed| text(&needed["group"], "id"))
        .collect();
    let assigned: BTreeSet<&str> =
        app.groups.iter().map(|assigned| company.groups[assigned.group as usize].id.as_str()).collect();
    assert_eq!(offered, assigned, "{answer}");
}

/// Only the end of what was read of the log moves on.
fn a_later_sync_changes_nothing(before: &Facts, home: &Home, report: &Value) {
    let snapshot = number(report, "snapshot");
    for (dataset, change) in report["changes"].as_object().unwrap() {
        let moved = u64::from(dataset == "activity");
        let found = ["added", "removed", "changed"].map(|name| number(change, name));
        assert_eq!(found, [0, 0, moved], "{dataset}");
    }
    let unmoved = |facts: &Facts| -> Facts {
        let mut facts = facts.clone();
        let window = facts.get_mut("activity_window").unwrap();
        window["record"]["activity_window"]["until"].take();
        for fact in facts.values_mut() {
            fact["last_seen"].take();
            fact["snapshot"].take();
        }
        facts
    };
    let after = home.facts();
    assert_same("facts of a later snapshot", &unmoved(&after), &unmoved(before));
    let until = |facts: &Facts| millis(&facts["activity_window"]["record"]["activity_window"]["until"]);
    assert!(until(&after) > until(before), "the log was not read on");
    for (key, fact) in &after {
        assert_eq!(number(fact, "first_seen"), 1, "{key}");
        // The log is only added to: what it said before is not read again.
        let is_of_log = key.starts_with("usage/") || key.starts_with("change/");
        if report["full"] == true && !is_of_log {
            assert_eq!(number(fact, "last_seen"), snapshot, "{key}");
        }
        assert_eq!(fact["stale"], false, "{key}");
    }
}
