//! The server: everything in the company can be read from it, with the manners and oddities of the real API.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod administration;
mod changes;
mod client;

mod cost;
mod everything;
mod faults;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use client::{Running, start};
use serde_json::Value;
use sightline_sim::{
    Company, CompanySpec, OktaOptions, RateLimits,
    company::{
        self, ADA, CUSTOM_ADMIN, EMPTY_GROUP, ENG, GITHUB, GROUP_ADMIN, HELP_DESK, LEAVER, ODD_NAME, Role,
        SLACK,
    },
    okta::{Action, Fault, Faults},
};

fn company(people: u32) -> Arc<Company> {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    Arc::new(Company::generate(CompanySpec::for_people(people, 42, now)))
}

fn serve(people: u32, options: OktaOptions) -> (Arc<Company>, Running) {
    let company = company(people);
    let running = start(Arc::clone(&company), options);
    (company, running)
}

/// The same company as it was made, and after some rounds of changes.
fn serve_twice(people: u32, options: &OktaOptions) -> [(Arc<Company>, Running); 2] {
    [0, 4].map(|rounds| {
        let spec = CompanySpec { rounds, permille: 40, ..company(people).spec };
        let company = Arc::new(Company::generate(spec));
        let running = start(Arc::clone(&company), options.clone());
        (company, running)
    })
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn a_full_read_finds_exactly_the_truth() {
    let (company, running) = serve(1500, OktaOptions::default());
    let mut client = running.client();
    let truth = company.truth();
    let counts = truth.counts();
    let mut statuses: BTreeMap<String, u64> = BTreeMap::new();
    for path in ["/api/v1/users?limit=200", "/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22"] {
        for user in client.walk(path) {
            *statuses.entry(text(&user, "status").to_owned()).or_default() += 1;
        }
    }
    assert_eq!(statuses, counts.accounts_by_status);

    let groups = client.walk("/api/v1/groups?limit=200&expand=stats,app");
    assert_eq!(groups.len() as u64, counts.groups);
    let mut memberships = 0;
    for group in &groups {
        let stats = &group["_embedded"]["stats"];
        let members = client.walk(&format!("/api/v1/groups/{}/users?limit=1000", text(group, "id")));
        assert_eq!(stats["usersCount"], members.len());
        let apps = client.walk(&format!("/api/v1/groups/{}/apps?limit=200", text(group, "id")));
        assert_eq!(stats["appsCount"], apps.len());
        assert!(members.iter().all(|member| text(member, "status") != "DEPROVISIONED"));
        if text(group, "type") == "BUILT_IN" {
            assert_eq!(members.len(), company.live.len());
        } else {
            memberships += members.len() as u64;
        }
    }
    assert_eq!(memberships, counts.memberships);
    assert_eq!(client.walk("/api/v1/groups/rules").len() as u64, counts.rules);

    let apps = client.walk("/api/v1/apps?limit=200");
    assert_eq!(apps.len() as u64, counts.apps);
    let mut scopes: BTreeMap<String, u64> = BTreeMap::new();
    let mut app_groups = 0;
    for app in &apps {
        let id = text(app, "id");
        for row in client.walk(&format!("/api/v1/apps/{id}/users?limit=500")) {
            assert_eq!(row["_links"]["group"].is_object(), text(&row, "scope") == "GROUP");
            *scopes.entry(text(&row, "scope").to_owned()).or_default() += 1;
        }
        app_groups += client.walk(&format!("/api/v1/apps/{id}/groups?limit=200")).len() as u64;
    }
    assert_eq!(scopes, counts.app_users_by_scope);
    assert_eq!(app_groups, counts.app_groups);

    let events = client.follow("/api/v1/logs?since=2025-11-01T00:00:00Z&limit=1000");
    assert_eq!(events.len() as u64, counts.events);

    let needed = truth.requests_minimum();
    let made = running.server().requests();
    assert_eq!(made["GET /api/v1/users"], needed.users);
    assert_eq!(made["GET /api/v1/groups"], needed.groups);
    assert_eq!(made["GET /api/v1/groups/rules"], needed.rules);
    assert_eq!(made["GET /api/v1/apps"], needed.apps);
    assert_eq!(made["GET /api/v1/apps/{id}/users"], needed.app_users);
    assert_eq!(made["GET /api/v1/apps/{id}/groups"], needed.app_groups);
}

#[test]
fn administrators_can_be_read_from_both_sides() {
    let (company, running) = serve(80, OktaOptions::default());
    let mut client = running.client();
    let holders = client.walk_body("/api/v1/iam/assignees/users", "value");
    assert_eq!(holders.len() as u64, company.truth().counts().role_holders);
    let mut found = BTreeSet::new();
    for holder in &holders {
        let id = text(holder, "id");
        let path = format!("/api/v1/users/{id}/roles?expand=targets/groups&expand=targets/catalog/apps");
        let answer = client.get(&path);
        assert!(answer.links().is_empty(), "roles come without any link");
        for role in answer.json().as_array().unwrap() {
            let name = role.get("role").unwrap_or(&role["type"]).as_str().unwrap().to_owned();
            let assignee = text(&role["_links"]["assignee"], "href");
            let via = (text(role, "assignmentType") == "GROUP")
                .then(|| assignee.rsplit('/').next().unwrap().to_owned());
            let targets = &role["_embedded"]["targets"];
            let mut ids: Vec<String> = [&targets["groups"], &targets["catalog"]["apps"]]
                .into_iter()
                .flat_map(|list| list.as_array().cloned().unwrap_or_default())
                .map(|target| text(&target, "id").to_owned())
                .collect();
            ids.sort();
            ids.extend(role.get("resource-set").map(|set| format!("set {}", set.as_str().unwrap())));
            found.insert((id.to_owned(), name, via, ids));
        }
    }
    let expected: BTreeSet<_> = company
        .truth()
        .admins()
        .into_iter()
        .map(|admin| {
            use sightline_sim::expect::AdminScope::{Org, ResourceSet, Targets};
            let ids = match admin.scope {
                Org => Vec::new(),
                Targets(targets) => targets,
                ResourceSet(set) => vec![format!("set {set}")],
            };
            (admin.user_id, admin.role, admin.via_group_id, ids)
        })
        .collect();
    assert_eq!(found, expected);

    // The members of custom role bindings, whose kind only the address tells.
    let mut bound = 0;
    for set in client.walk_body("/api/v1/iam/resource-sets", "resource-sets") {
        let set = text(&set, "id").to_owned();
        assert!(
            !client.walk_body(&format!("/api/v1/iam/resource-sets/{set}/resources"), "resources").is_empty()
        );
        for role in client.walk_body(&format!("/api/v1/iam/resource-sets/{set}/bindings"), "roles") {
            let role = text(&role, "id").to_owned();
            let path = format!("/api/v1/iam/resource-sets/{set}/bindings/{role}/members");
            bound += client.walk_body(&path, "members").len();
            let permissions = client.get(&format!("/api/v1/iam/roles/{role}/permissions")).json();
            assert!(!permissions["permissions"].as_array().unwrap().is_empty());
        }
    }
    let people = company.role_assignments.iter().map(|held| held.role);
    let clients = company.client_roles.iter().map(|held| held.role);
    let custom = people.chain(clients).filter(|role| matches!(role, Role::Custom(_)));
    assert_eq!(bound, custom.count());
    assert_eq!(client.walk_body("/api/v1/iam/roles", "roles").len(), 4);
    let greta = company.person(GROUP_ADMIN).unwrap().id;
    let targets = client.walk(&format!("/api/v1/users/{greta}/roles/KVJUKUS7IFCE2SKO/targets/groups"));
    assert_eq!(targets.len(), 2);
    assert!(company.person(CUSTOM_ADMIN).is_some() && company.person(HELP_DESK).is_some());
}

#[test]
fn lists_in_the_body_page_in_the_body() {
    let (company, running) = serve(80, OktaOptions::default());
    let mut client = running.client();
    let all = client.walk_body("/api/v1/iam/assignees/users", "value");
    let paged = client.walk_body("/api/v1/iam/assignees/users?limit=2", "value");
    assert_eq!(all, paged);
    assert!(all.len() > 4);
    let whole = client.get("/api/v1/iam/assignees/users").json();
    assert!(whole.get("_links").is_none(), "without a next page there are no links");
    let first = client.get("/api/v1/iam/assignees/users?limit=2");
    assert!(first.links().iter().all(|(relation, _)| relation != "next"), "the header has no next link");
    assert_eq!(client.get("/api/v1/iam/roles/unknown/permissions").status, 404);
    drop(company);
}

#[test]
fn links_are_two_header_lines_to_the_public_host() {
    let (_, running) = serve(300, OktaOptions::default());
    let mut client = running.client();
    let answer = client.get("/api/v1/users?limit=10&filter=status+eq+%22ACTIVE%22");
    let lines = answer.header_lines("link");
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        "<https://alderfinch.okta.com/api/v1/users?filter=status+eq+%22ACTIVE%22&limit=10>; rel=\"self\""
    );
    assert!(lines[1].starts_with("<https://alderfinch.okta.com/api/v1/users?after="), "{}", lines[1]);
    assert!(lines[1].ends_with("&filter=status+eq+%22ACTIVE%22&limit=10>; rel=\"next\""), "{}", lines[1]);
    // Cursors may need percent-encoding.
    assert!(client.get("/api/v1/groups?limit=3").links()[1].1.contains("%3D%3D"));
}

#[test]
fn the_next_page_of_application_users_forgets_to_expand() {
    let (company, running) = serve(300, OktaOptions::default());
    let mut client = running.client();
    let slack = company.app(SLACK).unwrap().id;
    let path = format!("/api/v1/apps/{slack}/users?expand=user&limit=7");
    let first = client.get(&path);
    assert!(first.json()[0]["_embedded"]["user"]["profile"].is_object());
    let next = first.links().into_iter().find(|(relation, _)| relation == "next").unwrap().1;
    assert!(!next.contains("expand"), "{next}");
    let second = client.get(next.strip_prefix("https://alderfinch.okta.com").unwrap());
    assert!(second.json()[0].get("_embedded").is_none());
    // Expanding again on our own finds everything.
    assert!(client.walk(&path).iter().all(|row| row["_embedded"]["user"].is_object()));
}

#[test]
fn pages_have_default_sizes_and_bad_parameters_are_refused() {
    let (company, running) = serve(1500, OktaOptions::default());
    let mut client = running.client();
    assert_eq!(client.get("/api/v1/users").list().len(), 200);
    assert_eq!(client.get("/api/v1/apps").list().len(), 20);
    let slack = company.app(SLACK).unwrap().id;
    assert_eq!(client.get(&format!("/api/v1/apps/{slack}/users")).list().len(), 50);
    assert_eq!(client.get(&format!("/api/v1/apps/{slack}/users?limit=500")).list().len(), 500);
    for (path, status, code) in [
        ("/api/v1/users?limit=many", 400, "E0000001"),
        ("/api/v1/users?limit=201", 400, "E0000001"),
        ("/api/v1/users?after=00u1testcursorvalue", 400, "E0000029"),
        ("/api/v1/users?filter=shoeSize+eq+%2244%22", 400, "E0000031"),
        ("/api/v1/users?search=status+eq", 400, "E0000031"),
        ("/api/v1/users/00u00000000000000000", 404, "E0000007"),
        ("/api/v1/groups/nonsense/users", 404, "E0000007"),
        ("/api/v1/no/such/path", 404, "E0000008"),
        ("/api/v1/authorizationServers", 401, "E0000015"),
        ("/api/v1/logs?since=2020-01-01T00:00:00Z", 400, "E0000053"),
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, status, "{path}");
        let error = answer.json();
        assert_eq!(error["errorCode"], code, "{path}");
        assert_eq!(error["errorLink"], code, "{path}");
        assert!(error["errorCauses"].is_array() && text(&error, "errorId").starts_with("oae"), "{path}");
    }
    // A cursor of one list means nothing in another one.
    let (_, next) = client.get("/api/v1/apps?limit=3").links().remove(1);
    let cursor = next.split("after=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert_eq!(client.get(&format!("/api/v1/users?after={cursor}")).status, 400);
    assert_eq!(client.request("DELETE", "/api/v1/users", true).status, 405);
}

#[test]
fn deactivated_people_hide_from_the_plain_list_only() {
    let (company, running) = serve(200, OktaOptions::default());
    let mut client = running.client();
    let leaver = company.person(LEAVER).unwrap().id.to_string();
    let has_leaver = |users: &[Value]| users.iter().any(|user| text(user, "id") == leaver);
    assert!(!has_leaver(&client.walk("/api/v1/users")));
    assert!(has_leaver(&client.walk("/api/v1/users?search=status+pr")));
    assert!(has_leaver(&client.walk("/api/v1/users?filter=status+eq+%22DEPROVISIONED%22")));
    assert!(has_leaver(&client.walk(&format!("/api/v1/users?search=id+eq+%22{leaver}%22"))));
    let eng = company.group(ENG).unwrap().id.to_string();
    assert!(!has_leaver(&client.walk(&format!("/api/v1/groups/{eng}/users"))));
    let groups = client.get(&format!("/api/v1/users/{leaver}/groups")).list();
    assert!(groups.iter().any(|group| text(group, "id") == eng), "the account never left the group");
    assert!(groups.iter().all(|group| text(group, "type") != "BUILT_IN"));
    let github = company.app(GITHUB).unwrap().id;
    assert!(has_leaver(&client.walk(&format!("/api/v1/apps/{github}/users"))));
}

#[test]
fn changed_objects_can_be_asked_for() {
    let (company, running) = serve(400, OktaOptions::default());
    let mut client = running.client();
    let mut stamps: Vec<i64> = company.users.iter().map(|user| user.last_updated).collect();
    stamps.sort_unstable();
    let since = stamps[stamps.len() - 30];
    let stamp = jiff::Timestamp::from_millisecond(since).unwrap();
    let expected = company.users.iter().filter(|user| user.last_updated >= since).count();
    let found = client.walk(&format!("/api/v1/users?search=lastUpdated+ge+%22{stamp}%22"));
    assert_eq!(found.len(), expected);
    let stamp = jiff::Timestamp::from_millisecond(company.groups[5].last_membership_updated).unwrap();
    let path = format!(
        "/api/v1/groups?filter=lastUpdated+ge+%22{stamp}%22+or+lastMembershipUpdated+ge+%22{stamp}%22&expand=stats"
    );
    let since = company.groups[5].last_membership_updated;
    let expected = company
        .groups
        .iter()
        .filter(|group| group.last_updated >= since || group.last_membership_updated >= since)
        .count();
    assert_eq!(client.walk(&path).len(), expected);
}

#[test]
fn people_are_found_by_id_and_login_and_survive_odd_names() {
    let (company, running) = serve(50, OktaOptions::default());
    let mut client = running.client();
    let ada = company.person(ADA).unwrap();
    let by_login = client.get(&format!("/api/v1/users/{}", ada.login.replace('@', "%40"))).json();
    assert_eq!(by_login, client.get(&format!("/api/v1/users/{}", ada.id)).json());
    assert_eq!(text(&by_login, "id"), ada.id.as_str());
    let odd = company.person(ODD_NAME).unwrap();
    let profile = client.get(&format!("/api/v1/users/{}", odd.id)).json()["profile"].clone();
    assert_eq!(text(&profile, "firstName"), odd.first_name);
    assert_eq!(text(&profile, "lastName"), odd.last_name);
    let owner = client.get("/api/v1/users/me").json();
    assert_eq!(text(&owner["profile"], "login"), company::login(company::SERVICE_ACCOUNT));
    let organisation = client.get("/.well-known/okta-organization").json();
    assert_eq!(text(&organisation, "id"), company.id.as_str());
    assert_eq!(text(&client.get("/api/v1/org").json(), "id"), company.id.as_str());
}

#[test]
fn requests_without_the_token_are_refused() {
    let (_, running) = serve(20, OktaOptions::default());
    let mut client = running.client();
    assert!(running.server().token().len() == 42 && running.server().token().starts_with("00"));
    let refused = client.request("GET", "/api/v1/users", false);
    assert_eq!((refused.status, refused.json()["errorCode"].as_str()), (401, Some("E0000011")));
    assert_eq!(client.request("GET", "/.well-known/okta-organization", false).status, 200);
}

#[test]
fn a_read_only_administrator_cannot_read_roles() {
    let (company, running) = serve(20, OktaOptions { read_only_admin: true, ..OktaOptions::default() });
    let mut client = running.client();
    let owner = client.get("/api/v1/users/me").json();
    assert_eq!(text(&owner["profile"], "login"), company::login(company::AUDITOR));
    for path in [
        format!("/api/v1/users/{}/roles", text(&owner, "id")),
        format!("/api/v1/groups/{}/roles", company.groups[4].id),
        "/api/v1/iam/assignees/users".to_owned(),
        "/api/v1/iam/roles".to_owned(),
    ] {
        let answer = client.get(&path);
        assert_eq!((answer.status, answer.json()["errorCode"].as_str()), (403, Some("E0000006")), "{path}");
    }
    assert_eq!(client.get("/api/v1/users").status, 200);
}

#[test]
fn rate_limits_are_windows_that_the_first_request_opens() {
    let window = Duration::from_millis(1500);
    let options = OktaOptions { rate_limits: RateLimits::Integrator, window, ..OktaOptions::default() };
    let (_, running) = serve(20, options);
    let mut client = running.client();
    // The free organisation allows 20 requests to applications; half of them are ours.
    let started = Instant::now();
    let mut resets = BTreeSet::new();
    for number in 0..10 {
        let answer = client.get("/api/v1/apps");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-rate-limit-limit"), "10");
        assert_eq!(answer.header("x-rate-limit-remaining"), (9 - number).to_string());
        resets.insert(answer.header("x-rate-limit-reset"));
        assert!(!answer.header("date").is_empty() && !answer.header("x-okta-request-id").is_empty());
    }
    assert_eq!(resets.len(), 1, "the window does not move");
    let refused = client.get("/api/v1/apps");
    assert!(started.elapsed() < window, "this machine is too slow for this test");
    assert_eq!((refused.status, refused.json()["errorCode"].as_str()), (429, Some("E0000047")));
    assert_eq!(refused.header("x-rate-limit-limit"), "10");
    assert_eq!(refused.header("x-rate-limit-remaining"), "0");
    let reset: u64 = refused.header("x-rate-limit-reset").parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!((now..=now + 3).contains(&reset));
    assert_eq!(running.server().refused(), 1);
    // Another bucket is not affected, and neither is the exact address of one application.
    assert_eq!(client.get("/api/v1/groups").header("x-rate-limit-limit"), "50");
    std::thread::sleep(window);
    assert_eq!(client.get("/api/v1/apps").header("x-rate-limit-remaining"), "9");
}

#[test]
fn too_many_requests_at_once_are_refused_without_a_bucket() {
    let options =
        OktaOptions { concurrency: Some(2), latency: Duration::from_millis(300), ..OktaOptions::default() };
    let (_, running) = serve(20, options);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..6).map(|_| scope.spawn(|| running.client().get("/api/v1/users?limit=1"))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty() && refused.len() < 6, "{} of 6 were refused", refused.len());
    for answer in refused {
        assert_eq!(answer.header("x-rate-limit-limit"), "0");
        assert_eq!(answer.header("x-rate-limit-remaining"), "0");
    }
}

#[test]
fn the_log_can_be_followed_and_read_in_part() {
    let (company, running) = serve(200, OktaOptions::default());
    let mut client = running.client();
    let all = client.follow("/api/v1/logs?since=2025-10-01T00:00:00Z");
    assert_eq!(all.len(), company.served_events().len());
    assert!(all.is_sorted_by_key(|event| text(event, "published").to_owned()));
    let uuids: BTreeSet<_> = all.iter().map(|event| text(event, "uuid")).collect();
    assert_eq!(uuids.len(), all.len());
    assert!(all.iter().any(|event| event["target"].is_null()));

    let filter = "eventType+eq+%22user.authentication.sso%22+or+eventType+sw+%22user.session.%22";
    let some = client.follow(&format!("/api/v1/logs?since=2025-10-01T00:00:00Z&limit=1000&filter={filter}"));
    let expected = all.iter().filter(|event| {
        let kind = text(event, "eventType");
        kind == "user.authentication.sso" || kind.starts_with("user.session.")
    });
    assert_eq!(some.len(), expected.count());

    // What was used last, found by the types of the targets.
    let mut last: BTreeMap<(String, String), String> = BTreeMap::new();
    for event in some.iter().filter(|event| event["outcome"]["result"] == "SUCCESS") {
        let app = event["target"].as_array().and_then(|targets| {
            targets
                .iter()
                .find(|target| text(target, "type") == "AppInstance")
                .map(|target| text(target, "id"))
        });
        if let (Some(app), "user.authentication.sso") = (app, text(event, "eventType")) {
            let key = (text(&event["actor"], "id").to_owned(), app.to_owned());
            last.insert(key, text(event, "published").to_owned());
        }
    }
    let expected: BTreeMap<_, _> = company
        .truth()
        .last_uses()
        .into_iter()
        .map(|used| {
            let stamp = jiff::Timestamp::from_millisecond(used.last_use_ms).unwrap();
            ((used.user_id, used.app_id), format!("{stamp:.3}"))
        })
        .collect();
    assert_eq!(last, expected);

    let bounded = client.walk("/api/v1/logs?since=2026-02-01T00:00:00Z&until=2026-02-08T00:00:00Z");
    let in_between = |event: &&Value| ("2026-02-01".."2026-02-08").contains(&text(event, "published"));
    assert_eq!(bounded.len(), all.iter().filter(in_between).count());
    assert!(!bounded.is_empty());
}

#[test]
fn a_full_last_page_of_groups_leads_to_an_empty_one() {
    let (company, running) = serve(20, OktaOptions::default());
    let mut client = running.client();
    let size = company.groups.len();
    assert_eq!(client.walk(&format!("/api/v1/groups?limit={size}")).len(), size);
    assert_eq!(running.server().requests()["GET /api/v1/groups"], 2);
}

fn fault(path: &str, nth: Option<u64>, action: Action) -> Fault {
    Fault { path: path.to_owned(), query: None, nth, times: None, action }
}

#[test]
fn faults_strike_where_they_are_told() {
    let empty = company(60).group(EMPTY_GROUP).unwrap().id;
    let faults = Faults(vec![
        fault("/api/v1/users", Some(2), Action::Status { code: 500, error_code: None, body: None }),
        fault("/api/v1/groups", Some(1), Action::Html),
        fault("/api/v1/groups", Some(2), Action::Truncate),
        fault("/api/v1/groups", Some(3), Action::CloseConnection),
        fault("/api/v1/groups", Some(4), Action::EmptyPage),
        fault("/api/v1/groups", Some(5), Action::RepeatCursor),
        fault("/api/v1/groups", Some(6), Action::OddObject(serde_json::json!({ "odd": true }))),
        fault("/api/v1/groups", Some(7), Action::Hang(200)),
        fault(&format!("/api/v1/groups/{empty}/users"), None, Action::Gone),
        fault("/api/v1/org", None, Action::RevokeToken),
    ]);
    let written = serde_json::to_string(&faults).unwrap();
    assert_eq!(serde_json::from_str::<Faults>(&written).unwrap(), faults);
    let (company, running) = serve(60, OktaOptions { faults, ..OktaOptions::default() });
    let mut client = running.client();
    let statuses: Vec<u16> = (0..3).map(|_| client.get("/api/v1/users").status).collect();
    assert_eq!(statuses, [200, 500, 200]);

    assert!(client.get("/api/v1/groups?limit=5").header("content-type").starts_with("text/html"));
    assert!(client.try_request("GET", "/api/v1/groups?limit=5", true).is_err(), "the body is cut off");
    assert!(client.try_request("GET", "/api/v1/groups?limit=5", true).is_err(), "no answer at all");
    let hollow = client.get("/api/v1/groups?limit=5");
    assert!(hollow.list().is_empty() && hollow.links().len() == 2);
    let stuck = client.get("/api/v1/groups?limit=5");
    let (_, next) = stuck.links().remove(1);
    let path = next.strip_prefix("https://alderfinch.okta.com").unwrap().to_owned();
    let odd = client.get(&path);
    assert_eq!(odd.list()[0]["odd"], true);
    assert_eq!(odd.list()[1..], stuck.list());
    let started = Instant::now();
    assert_eq!(client.get("/api/v1/groups?limit=5").status, 200);
    assert!(started.elapsed() >= Duration::from_millis(200));

    assert_eq!(client.get(&format!("/api/v1/groups/{empty}/users")).status, 404);
    let eng = company.group(ENG).unwrap().id;
    assert_eq!(client.get(&format!("/api/v1/groups/{eng}/users")).status, 200);
    assert_eq!(client.get("/api/v1/org").status, 401);
    assert_eq!(client.get("/api/v1/users").status, 401, "the token stays revoked");
}

#[test]
fn objects_have_the_size_of_real_ones() {
    let (company, running) = serve(600, OktaOptions::default());
    let mut client = running.client();
    let slack = company.app(SLACK).unwrap().id;
    for (path, low, high) in [
        ("/api/v1/users?limit=200".to_owned(), 600, 1100),
        ("/api/v1/groups?limit=200&expand=stats".to_owned(), 700, 1300),
        ("/api/v1/apps?limit=200".to_owned(), 1900, 3300),
        (format!("/api/v1/apps/{slack}/users?limit=500"), 800, 1200),
    ] {
        let answer = client.get(&path);
        let size = answer.body.len() / answer.list().len();
        assert!((low..high).contains(&size), "{path}: {size} bytes per object");
    }
}
