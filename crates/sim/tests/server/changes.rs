//! Rounds of change as a client sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use sightline_sim::{
    Company, CompanySpec, OktaOptions,
    company::{POLICY_TYPES, SettingKind, What},
    expect::ChangeKind,
};

use crate::{
    client::{Client, Running, start},
    everything::SETTINGS,
    text,
};

fn spec(people: u32, rounds: u32) -> CompanySpec {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    CompanySpec { rounds, permille: 30, ..CompanySpec::for_people(people, 42, now) }
}

fn serve(spec: CompanySpec) -> (Arc<Company>, Running) {
    let company = Arc::new(Company::generate(spec));
    let running = start(Arc::clone(&company), OktaOptions::default());
    (company, running)
}

fn id(value: &Value) -> String {
    text(value, "id").to_owned()
}

/// Everything that lists show, by kind and ids.
type Lists = BTreeMap<(ChangeKind, Vec<String>), Value>;

fn without(mut value: Value, key: &str) -> Value {
    value.as_object_mut().unwrap().remove(key);
    value
}

fn roles(client: &mut Client, path: &str) -> Value {
    let mut roles: Vec<String> = client
        .get(path)
        .list()
        .iter()
        .map(|role| format!("{} {} {}", role["type"], role["role"], role["_links"]["assignee"]["href"]))
        .collect();
    roles.sort();
    json!(roles)
}

fn read(client: &mut Client) -> Lists {
    let mut lists = read_access(client);
    read_clients(client, &mut lists);
    read_sign_in(client, &mut lists);
    lists
}

fn read_access(client: &mut Client) -> Lists {
    use ChangeKind::{
        App, AppGroup, AppUser, CustomRole, Group, GroupRoles, GroupUser, ResourceSet, Rule, User, UserRoles,
    };
    let mut lists = Lists::new();
    for path in ["/api/v1/users", "/api/v1/users?filter=status+eq+%22DEPROVISIONED%22"] {
        for user in client.walk(path) {
            // A sign-in is no change.
            lists.insert((User, vec![id(&user)]), without(user, "lastLogin"));
        }
    }
    for group in client.walk("/api/v1/groups") {
        let key = id(&group);
        if group["type"] != "BUILT_IN" {
            for user in client.walk(&format!("/api/v1/groups/{key}/users")) {
                lists.insert((GroupUser, vec![key.clone(), id(&user)]), Value::Null);
            }
        }
        let given = roles(client, &format!("/api/v1/groups/{key}/roles"));
        if given != json!([]) {
            lists.insert((GroupRoles, vec![key.clone()]), given);
        }
        lists.insert((Group, vec![key]), without(group, "lastMembershipUpdated"));
    }
    for rule in client.walk("/api/v1/groups/rules") {
        lists.insert((Rule, vec![id(&rule)]), rule);
    }
    for app in client.walk("/api/v1/apps?limit=200") {
        let key = id(&app);
        for row in client.walk(&format!("/api/v1/apps/{key}/users?limit=500")) {
            let facts = json!([
                row["scope"],
                row["status"],
                row["created"],
                row["lastUpdated"],
                row["credentials"],
                row["_links"]["group"]["href"]
            ]);
            lists.insert((AppUser, vec![key.clone(), id(&row)]), facts);
        }
        for assigned in client.walk(&format!("/api/v1/apps/{key}/groups")) {
            let facts = json!([assigned["priority"], assigned["lastUpdated"]]);
            lists.insert((AppGroup, vec![key.clone(), id(&assigned)]), facts);
        }
        lists.insert((App, vec![key]), app);
    }
    for holder in client.walk_body("/api/v1/iam/assignees/users", "value") {
        let key = id(&holder);
        let held = roles(client, &format!("/api/v1/users/{key}/roles"));
        lists.insert((UserRoles, vec![key]), held);
    }
    for role in client.walk_body("/api/v1/iam/roles", "roles") {
        let key = id(&role);
        let permissions = client.get(&format!("/api/v1/iam/roles/{key}/permissions")).json();
        let permissions: Vec<_> =
            permissions["permissions"].as_array().unwrap().iter().map(|p| p["label"].clone()).collect();
        lists.insert((CustomRole, vec![key]), json!([role, permissions]));
    }
    for set in client.walk_body("/api/v1/iam/resource-sets", "resource-sets") {
        let key = id(&set);
        let path = format!("/api/v1/iam/resource-sets/{key}/resources");
        let resources: Vec<_> = client.walk_body(&path, "resources").iter().map(id).collect();
        lists.insert((ResourceSet, vec![key]), json!([set, resources]));
    }
    lists
}

/// Machine clients, owners and pushed groups.
fn read_clients(client: &mut Client, lists: &mut Lists) {
    use ChangeKind::{ApiToken, AppCredentials, AppGrant, AppPush, ClientRoles, GroupOwner};
    for group in client.walk("/api/v1/groups") {
        for owner in client.walk(&format!("/api/v1/groups/{}/owners", id(&group))) {
            // Names of owners may change.
            lists.insert((GroupOwner, vec![id(&group), id(&owner)]), owner["lastUpdated"].clone());
        }
    }
    for app in client.walk("/api/v1/apps?limit=200") {
        let key = id(&app);
        let path = |rest: &str| format!("/api/v1/apps/{key}/{rest}");
        if app["features"].as_array().unwrap().contains(&json!("GROUP_PUSH")) {
            for mapping in client.walk(&path("group-push/mappings")) {
                lists.insert((AppPush, vec![key.clone(), id(&mapping)]), mapping);
            }
        }
        let mut credentials = client.walk(&path("credentials/keys"));
        if app["credentials"]["oauthClient"].is_object() {
            for grant in client.walk(&path("grants")) {
                let facts = json!([grant["scopeId"], grant["source"], grant["created"]]);
                lists.insert((AppGrant, vec![key.clone(), id(&grant)]), facts);
            }
            credentials
                .extend(client.get(&path("credentials/jwks")).json()["keys"].as_array().cloned().unwrap());
            credentials.extend(client.walk(&path("credentials/secrets")));
            let held = roles(client, &format!("/oauth2/v1/clients/{key}/roles"));
            if held != json!([]) {
                lists.insert((ClientRoles, vec![key.clone()]), held);
            }
        }
        if !credentials.is_empty() {
            lists.insert((AppCredentials, vec![key.clone()]), json!(credentials));
        }
    }
    for token in client.walk("/api/v1/api-tokens") {
        lists.insert((ApiToken, vec![id(&token)]), token);
    }
}

/// Policies, second factors, devices and what is set up.
fn read_sign_in(client: &mut Client, lists: &mut Lists) {
    use ChangeKind::{Device, Policy, PolicyRule, Setting, UserFactor};
    for user in client.walk("/api/v1/users") {
        for factor in client.walk(&format!("/api/v1/users/{}/factors", id(&user))) {
            lists.insert((UserFactor, vec![id(&user), id(&factor)]), factor);
        }
    }
    for kind in POLICY_TYPES {
        for policy in client.walk(&format!("/api/v1/policies?type={kind}")) {
            let key = id(&policy);
            for rule in client.walk(&format!("/api/v1/policies/{key}/rules")) {
                lists.insert((PolicyRule, vec![key.clone(), id(&rule)]), rule);
            }
            lists.insert((Policy, vec![key]), policy);
        }
    }
    for device in client.walk("/api/v1/devices?expand=userSummary") {
        lists.insert((Device, vec![id(&device)]), device);
    }
    for kind in ["SSWS_TOKEN", "OAUTH_CLIENT"] {
        let path = format!("/api/v1/principal-rate-limits?filter=principalType+eq+%22{kind}%22");
        for limit in client.walk(&path) {
            lists.insert((Setting, vec![id(&limit)]), limit);
        }
    }
    let unlicensed = [SettingKind::LinkedObject, SettingKind::Realm, SettingKind::AuthorizationServer];
    for (_, path, _) in SETTINGS.iter().filter(|(kind, ..)| !unlicensed.contains(kind)) {
        for setting in client.walk(path) {
            lists.insert((Setting, vec![id(&setting)]), setting);
        }
    }
}

#[test]
fn the_lists_of_two_generations_differ_in_exactly_the_changes() {
    for (people, rounds) in [(60, 3), (300, 2)] {
        let mut before = read(&mut serve(spec(people, 0)).1.client());
        for round in 1..=rounds {
            let (company, running) = serve(spec(people, round));
            let after = read(&mut running.client());
            let mut found = BTreeSet::new();
            for (key, value) in &after {
                match before.get(key) {
                    None => found.insert((key.clone(), What::Added)),
                    Some(old) if old != value => found.insert((key.clone(), What::Changed)),
                    Some(_) => false,
                };
            }
            let gone = before.keys().filter(|key| !after.contains_key(*key));
            found.extend(gone.map(|key| (key.clone(), What::Removed)));
            let changes = company.truth().changes(round);
            let expected: BTreeSet<_> =
                changes.iter().map(|change| ((change.kind, change.ids.clone()), change.what)).collect();
            assert_eq!(expected.len(), changes.len(), "each thing once");
            let missing: Vec<_> = expected.difference(&found).collect();
            let surplus: Vec<_> = found.difference(&expected).collect();
            assert!(
                missing.is_empty() && surplus.is_empty(),
                "{people} people, round {round}: not seen {missing:?}, not told {surplus:?}"
            );
            before = after;
        }
    }
}

/// A time as a client writes it in an address, in another zone.
fn elsewhere(milliseconds: i64) -> String {
    let local = jiff::Timestamp::from_millisecond(milliseconds + 5 * 3_600_000).unwrap();
    local.to_string().replace('Z', "%2B05:00")
}

#[test]
fn probes_find_exactly_what_changed_since() {
    let (company, running) = serve(spec(300, 4));
    let mut client = running.client();
    let ids = |objects: Vec<Value>| -> BTreeSet<String> {
        objects.iter().map(|object| text(object, "id").to_owned()).collect()
    };
    for round in 1..=4 {
        let changes: Vec<_> = (round..=4).flat_map(|round| company.truth().changes(round)).collect();
        let there = |id: &String| {
            !changes.iter().any(|change| {
                matches!(change.kind, ChangeKind::User | ChangeKind::Group)
                    && change.what == What::Removed
                    && change.ids == [id.clone()]
            })
        };
        let of = |kinds: &[ChangeKind], event: &str| -> BTreeSet<String> {
            let fitting = changes.iter().filter(|change| {
                kinds.contains(&change.kind) && change.event_type.is_some_and(|name| name.starts_with(event))
            });
            fitting.map(|change| change.ids[0].clone()).filter(there).collect()
        };
        // Stamps are up to two seconds older than what they stand for.
        let since = company.start_of_round(round) - 2000;
        let stamp = jiff::Timestamp::from_millisecond(since).unwrap();
        let users = of(&[ChangeKind::User], "user.");
        let found = client.walk(&format!("/api/v1/users?search=lastUpdated+ge+%22{stamp}%22"));
        assert!(found.iter().any(|user| user["status"] == "DEPROVISIONED"));
        assert_eq!(ids(found), users);
        let stamp = elsewhere(since);
        assert_eq!(ids(client.walk(&format!("/api/v1/users?search=lastUpdated+ge+%22{stamp}%22"))), users);
        let path = format!(
            "/api/v1/users?search=status+eq+%22DEPROVISIONED%22+and+lastUpdated+ge+%22{stamp}%22&limit=2"
        );
        let gone: BTreeSet<String> = company
            .users
            .iter()
            .filter(|user| !user.is_live() && users.contains(user.id.as_str()))
            .map(|user| user.id.to_string())
            .collect();
        assert_eq!(ids(client.walk(&path)), gone);

        let stamp = elsewhere(since);
        let found = client.walk(&format!("/api/v1/devices?search=lastUpdated+ge+%22{stamp}%22&limit=2"));
        assert_eq!(ids(found), of(&[ChangeKind::Device], "device."));

        let mut groups = of(&[ChangeKind::Group], "group.");
        groups.extend(of(&[ChangeKind::GroupUser], "group.user_membership."));
        groups.insert(company.groups[0].id.to_string()); // somebody was hired
        let path = format!(
            "/api/v1/groups?filter=lastUpdated+ge+%22{stamp}%22+or+lastMembershipUpdated+ge+%22{stamp}%22&limit=200&expand=stats"
        );
        let found = client.walk(&path);
        assert!(found.iter().all(|group| group["_embedded"]["stats"]["usersCount"].is_number()));
        assert_eq!(ids(found), groups);
    }
}

#[test]
fn what_is_deleted_is_nowhere() {
    let (company, running) = serve(spec(300, 5));
    let mut client = running.client();
    let mut gone: BTreeMap<ChangeKind, Vec<String>> = BTreeMap::new();
    for change in (1..=5).flat_map(|round| company.truth().changes(round)) {
        if change.what == What::Removed {
            gone.entry(change.kind).or_default().push(change.ids.join("/"));
        }
    }
    let everything = read(&mut client);
    for (kind, path) in
        [(ChangeKind::User, "users"), (ChangeKind::Group, "groups"), (ChangeKind::App, "apps")]
    {
        assert!(gone[&kind].len() >= 5);
        for id in &gone[&kind] {
            let answer = client.get(&format!("/api/v1/{path}/{id}"));
            assert_eq!((answer.status, answer.json()["errorCode"].as_str()), (404, Some("E0000007")));
            assert!(!everything.keys().any(|(_, ids)| ids.contains(id)));
            if kind != ChangeKind::App {
                let search = format!("/api/v1/{path}?search=id+eq+%22{id}%22");
                assert!(client.walk(&search).is_empty());
            }
        }
    }
    for (kind, path) in [(ChangeKind::AppUser, "users"), (ChangeKind::AppGroup, "groups")] {
        for pair in &gone[&kind] {
            let (app, end) = pair.split_once('/').unwrap();
            let back = everything.contains_key(&(kind, vec![app.to_owned(), end.to_owned()]));
            let answer = client.get(&format!("/api/v1/apps/{app}/{path}/{end}"));
            assert_eq!(answer.status, if back { 200 } else { 404 });
            assert!(back || answer.json()["errorCode"] == "E0000007");
        }
        let there = everything.keys().filter(|(other, _)| *other == kind).step_by(40);
        for ids in there.map(|(_, ids)| ids) {
            let one = client.get(&format!("/api/v1/apps/{}/{path}/{}", ids[0], ids[1])).json();
            assert_eq!(text(&one, "id"), ids[1]);
        }
    }
    let counts = company.truth().counts();
    let count = |kind| everything.keys().filter(|(other, _)| *other == kind).count() as u64;
    assert_eq!(counts.accounts, count(ChangeKind::User));
    assert_eq!(counts.groups, count(ChangeKind::Group));
    assert_eq!(counts.memberships, count(ChangeKind::GroupUser));
    assert_eq!(counts.apps, count(ChangeKind::App));
    assert_eq!(counts.app_users, count(ChangeKind::AppUser));
    assert_eq!(counts.app_groups, count(ChangeKind::AppGroup));
    assert_eq!(counts.role_holders, count(ChangeKind::UserRoles));
    assert_eq!(counts.owners, count(ChangeKind::GroupOwner));
    assert_eq!(counts.push_mappings, count(ChangeKind::AppPush));
    assert_eq!(counts.grants, count(ChangeKind::AppGrant));
    assert_eq!(counts.api_tokens, count(ChangeKind::ApiToken));
    assert_eq!(counts.factors, count(ChangeKind::UserFactor));
    assert_eq!(counts.devices, count(ChangeKind::Device));
}

#[test]
fn a_cursor_of_the_log_outlives_the_server() {
    let flawed =
        |rounds| CompanySpec { late_events: 2, lost_events: 2, duplicate_events: 2, ..spec(200, rounds) };
    let path = "/api/v1/logs?since=2025-10-01T00:00:00Z&limit=500";
    let filtered = format!(
        "/api/v1/logs?limit=7&filter={}",
        "eventType+sw+%22group.%22+or+eventType+eq+%22user.lifecycle.deactivate%22"
    );
    let fits = |event: &Value| {
        let kind = text(event, "eventType");
        kind.starts_with("group.") || kind == "user.lifecycle.deactivate"
    };
    let mut cursors: [Option<String>; 2] = [None, None];
    let mut token = None;
    let mut so_far = Vec::new();
    for round in 0..=3 {
        let (company, running) = serve(flawed(round));
        assert_eq!(token.get_or_insert(running.server().token().to_owned()), running.server().token());
        let mut client = running.client();
        let all = client.follow(path);
        assert_eq!(all.len(), company.served_events().len());
        assert_eq!(all[..so_far.len()], so_far[..], "what was told is not told differently");
        let new = &all[so_far.len()..];
        let (everything, end) = client.follow_from(path, cursors[0].as_deref());
        let (some, end_of_some) = client.follow_from(&filtered, cursors[1].as_deref());
        cursors = [Some(end), Some(end_of_some)];
        if round > 0 {
            assert_eq!(everything, new);
            let expected: Vec<&Value> = new.iter().filter(|event| fits(event)).collect();
            assert!(expected.len() > 10);
            assert_eq!(some.iter().collect::<Vec<_>>(), expected);
        }
        if round > 1 {
            let mut uuids: Vec<&str> = all.iter().map(|event| text(event, "uuid")).collect();
            uuids.sort_unstable();
            let repeated = uuids.windows(2).filter(|pair| pair[0] == pair[1]).count();
            assert_eq!(repeated, 2 * round as usize);
            let start = jiff::Timestamp::from_millisecond(company.start_of_round(round)).unwrap();
            let late = new.iter().filter(|event| text(event, "published") < format!("{start:.3}").as_str());
            assert_eq!(late.count(), 2);
            // Read by the time of publishing, late events are where they belong.
            let until = "/api/v1/logs?since=2026-03-01T12:00:00Z&until=2026-03-01T13:00:00Z&limit=11";
            let bounded = client.walk(until);
            assert!(bounded.is_sorted_by_key(|event| text(event, "published").to_owned()));
            assert_eq!(
                bounded.len(),
                all.iter().filter(|e| text(e, "published") >= "2026-03-01T12:00:00").count()
            );
        }
        so_far = all;
    }
}

#[test]
fn events_name_what_changed_by_type() {
    let (company, running) = serve(spec(300, 3));
    let mut client = running.client();
    let events: BTreeMap<String, Value> = client
        .follow("/api/v1/logs?since=2026-03-01T12:00:00Z&limit=1000")
        .into_iter()
        .map(|event| (text(&event, "uuid").to_owned(), event))
        .collect();
    let mut first_types = BTreeSet::new();
    let mut by_the_system = 0;
    for change in (1..=3).flat_map(|round| company.truth().changes(round)) {
        let Some(uuid) = &change.event_uuid else { continue };
        let event = &events[uuid];
        assert_eq!(Some(text(event, "eventType")), change.event_type);
        assert_eq!(event["outcome"]["result"], "SUCCESS");
        let published: jiff::Timestamp = text(event, "published").parse().unwrap();
        assert_eq!(published.as_millisecond(), change.moment_ms);
        let targets = event["target"].as_array().unwrap();
        first_types.insert((change.event_type, text(&targets[0], "type").to_owned()));
        let system = event["actor"]["type"] == "SystemPrincipal";
        assert_eq!(event["transaction"]["type"], if system { "JOB" } else { "WEB" });
        by_the_system += usize::from(system);
        let has = |kind: &str, id: &str| {
            targets.iter().any(|target| text(target, "type") == kind && text(target, "id") == id)
        };
        let (first, second) = (&change.ids[0], change.ids.get(1).unwrap_or(&change.ids[0]));
        let named = match (change.kind, change.event_type.unwrap()) {
            // Whatever follows from a change to one end, or to a group that an application is assigned to.
            (ChangeKind::GroupUser, "user.lifecycle.deactivate")
            | (ChangeKind::AppUser, "user.lifecycle.delete.completed") => has("User", second),
            (ChangeKind::AppUser | ChangeKind::AppGroup, "application.lifecycle.delete")
            | (ChangeKind::AppUser, "group.application_assignment.remove")
            | (ChangeKind::App, _) => has("AppInstance", first),
            (ChangeKind::AppGroup, "group.lifecycle.delete") => has("UserGroup", second),
            (ChangeKind::AppUser, "group.lifecycle.delete") => targets.len() == 1,
            (ChangeKind::GroupUser, "group.lifecycle.delete")
            | (ChangeKind::Group | ChangeKind::GroupRoles, _) => has("UserGroup", first),
            (ChangeKind::AppUser, name) if name.starts_with("group.user_membership.") => has("User", second),
            // What has an event of its own is named whole.
            (ChangeKind::User | ChangeKind::UserRoles | ChangeKind::UserFactor, _) => has("User", first),
            (ChangeKind::GroupUser, _) => has("UserGroup", first) && has("User", second),
            (ChangeKind::AppUser, _) => {
                has("AppInstance", first)
                    && has("User", second)
                    && targets.iter().any(|target| text(target, "type") == "AppUser")
            }
            (ChangeKind::AppGroup, _) => has("AppInstance", first) && has("UserGroup", second),
            (ChangeKind::AppCredentials | ChangeKind::ClientRoles | ChangeKind::AppGrant, _) => {
                has("AppInstance", first)
            }
            // What goes with something deleted.
            (_, "user.lifecycle.deactivate" | "user.lifecycle.delete.completed") => {
                targets.len() == 1 && text(&targets[0], "type") == "User"
            }
            (_, "group.lifecycle.delete" | "application.lifecycle.delete") => targets.len() == 1,
            // The share in the rate limits that a token has.
            (ChangeKind::Setting, "system.api_token.create" | "system.api_token.revoke") => {
                targets.len() == 1 && text(&targets[0], "type") == "Token"
            }
            (ChangeKind::AppPush, _) => has("AppInstance", first) && targets.len() == 2,
            (ChangeKind::PolicyRule, _) => has("PolicyEntity", first) && has("PolicyRule", second),
            (_, _) => targets.iter().any(|target| text(target, "id") == first),
        };
        assert!(named, "{change:?} in {event}");
    }
    assert!(by_the_system > 20);
    let types = |name| first_types.iter().filter(|(event, _)| *event == Some(name)).count();
    assert!(types("group.user_membership.add") > 1 && types("application.user_membership.add") > 1);
    // A filter finds an event by any of its targets.
    let change = company.truth().changes(1).into_iter().find(|c| c.kind == ChangeKind::AppGroup).unwrap();
    for id in &change.ids {
        let path = format!("/api/v1/logs?since=2026-03-01T12:00:00Z&filter=target.id+eq+%22{id}%22");
        let found = client.follow(&path);
        assert!(found.iter().any(|event| Some(text(event, "uuid")) == change.event_uuid.as_deref()));
        assert!(found.iter().all(|event| event.to_string().contains(id.as_str())));
    }
}
