//! Faults beyond those of a broken line: bent links, refusals, objects that go, and schedules drawn at random.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sightline_sim::{
    OktaOptions,
    company::{ENG, GITHUB},
    okta::{Action, Fault, Faults},
};

use crate::{
    client::{Answer, Client},
    company, serve, text,
};

fn options(faults: &Value) -> OktaOptions {
    OktaOptions { faults: serde_json::from_value(faults.clone()).unwrap(), ..OktaOptions::default() }
}

fn next(answer: &Answer) -> Option<String> {
    answer.links().into_iter().find(|(relation, _)| relation == "next").map(|(_, address)| address)
}

#[test]
fn links_to_the_next_page_can_be_bent() {
    let path = "/api/v1/users";
    let faults = json!([
        { "path": path, "nth": 2, "action": "next_link_elsewhere" },
        { "path": path, "nth": 3, "action": "next_link_without_parameters" },
        { "path": path, "nth": 4, "action": "next_link_wrong_path" },
        { "path": path, "nth": 5, "action": "empty_first_page" },
    ]);
    let (_, running) = serve(60, options(&faults));
    let mut client = running.client();
    let mut get = || client.get("/api/v1/users?limit=5&filter=status+eq+%22ACTIVE%22");
    let whole = get();
    let link = next(&whole).unwrap();
    let cursor = link.split(['?', '&']).find(|part| part.starts_with("after=")).unwrap().to_owned();
    for expected in [
        link.replace("https://alderfinch.okta.com/", "https://evil.example/"),
        format!("https://alderfinch.okta.com/api/v1/users?{cursor}"),
        link.replace("/api/v1/users?", "/api/v1/groups?"),
    ] {
        let bent = get();
        assert_eq!(next(&bent).unwrap(), expected);
        assert_eq!(
            (bent.links().len(), &bent.links()[0]),
            (2, &whole.links()[0]),
            "the link to itself is right"
        );
        assert_eq!(bent.list(), whole.list());
    }
    let empty = get();
    assert!(empty.list().is_empty() && next(&empty).is_none());
    assert_eq!(next(&get()).unwrap(), link, "all is well again");
}

#[test]
fn links_in_bodies_can_be_bent_as_well() {
    let path = "/api/v1/iam/assignees/users";
    let faults = json!([
        { "path": path, "nth": 2, "action": "next_link_elsewhere" },
        { "path": path, "nth": 3, "action": "next_link_without_parameters" },
        { "path": path, "nth": 4, "action": "next_link_wrong_path" },
        { "path": path, "nth": 5, "action": "empty_first_page" },
    ]);
    let (_, running) = serve(60, options(&faults));
    let mut client = running.client();
    let mut get = || client.get("/api/v1/iam/assignees/users?limit=2").json();
    let whole = get();
    let link = text(&whole["_links"]["next"], "href").to_owned();
    let cursor = link.split(['?', '&']).find(|part| part.starts_with("after=")).unwrap().to_owned();
    for expected in [
        link.replace("https://alderfinch.okta.com/", "https://evil.example/"),
        format!("https://alderfinch.okta.com{path}?{cursor}"),
        link.replace(path, "/api/v1/groups"),
    ] {
        let bent = get();
        assert_eq!(text(&bent["_links"]["next"], "href"), expected);
        assert_eq!((&bent["value"], &bent["_links"]["self"]), (&whole["value"], &whole["_links"]["self"]));
    }
    let empty = get();
    assert_eq!((&empty["value"], empty["_links"].get("next")), (&json!([]), None));
}

#[test]
fn refusals_come_with_their_headers_and_do_not_count_as_ours() {
    let faults = json!([
        { "path": "/api/v1/groups", "nth": 1, "action": "rate_limit" },
        { "path": "/api/v1/groups", "nth": 2, "action": "too_many_at_once" },
        { "path": "/api/v1/groups", "nth": 3, "action": "not_json" },
    ]);
    let (_, running) = serve(20, options(&faults));
    let mut client = running.client();
    for limit in ["1000000", "0"] {
        let refused = client.get("/api/v1/groups");
        assert_eq!((refused.status, text(&refused.json(), "errorCode")), (429, "E0000047"));
        assert_eq!(refused.header("x-rate-limit-limit"), limit);
        assert_eq!(refused.header("x-rate-limit-remaining"), "0");
        let date = jiff::fmt::rfc2822::parse(&refused.header("date")).unwrap().timestamp().as_second();
        let reset: i64 = refused.header("x-rate-limit-reset").parse().unwrap();
        // Both are rounded, and the header with the date is renewed once a second.
        assert!((1..=4).contains(&(reset - date)), "{}", reset - date);
    }
    let strange = client.get("/api/v1/groups");
    assert_eq!((strange.status, strange.header("content-type").as_str()), (200, "application/json"));
    assert_eq!(strange.body, b"Internal error");
    assert_eq!(client.get("/api/v1/groups").status, 200);
    assert_eq!(running.server().refused(), 0);
}

#[test]
fn an_object_vanishes_after_it_was_listed() {
    let company = company(60);
    let (eng, github) = (company.group(ENG).unwrap().id, company.app(GITHUB).unwrap().id);
    let user = company.users[company.live[3] as usize].id;
    let vanish = |path: &str, id: sightline_sim::Id| json!({ "path": path, "nth": 1, "action": { "vanish": { "id": id } } });
    let faults =
        json!([vanish("/api/v1/groups", eng), vanish("/api/v1/apps", github), vanish("/api/v1/users", user)]);
    let (_, running) = serve(60, options(&faults));
    let mut client = running.client();
    let below = [
        (format!("/api/v1/groups/{eng}/users"), "(UserGroup)"),
        (format!("/api/v1/groups/{eng}"), "(UserGroup)"),
        (format!("/api/v1/apps/{github}/users"), "(AppInstance)"),
        (format!("/api/v1/apps/{github}/groups/{eng}"), "(AppInstance)"),
        (format!("/api/v1/users/{user}/roles"), "(User)"),
    ];
    for (path, _) in &below {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    for (list, id) in [("groups", eng), ("apps", github), ("users", user)] {
        let listed = client.get(&format!("/api/v1/{list}?limit=200")).list();
        assert!(listed.iter().any(|object| text(object, "id") == id.as_str()), "{list}");
    }
    for (path, kind) in &below {
        let answer = client.get(path);
        let error = answer.json();
        assert_eq!((answer.status, text(&error, "errorCode")), (404, "E0000007"), "{path}");
        assert!(text(&error, "errorSummary").ends_with(kind), "{path}: {error}");
    }
    let other = company.groups.iter().find(|group| group.id != eng).unwrap().id;
    assert_eq!(client.get(&format!("/api/v1/groups/{other}/users")).status, 200);
}

/// Whether a fault leaves nothing that a client could take for the answer.
fn breaks(fault: &Fault) -> bool {
    use Action::{CloseConnection, Html, NotJson, Status, Truncate};
    matches!(fault.action, Status { .. } | Truncate | CloseConnection | Html | NotJson)
}

#[test]
fn random_schedules_can_be_replayed_and_got_over() {
    let mut kinds = BTreeMap::<String, usize>::new();
    for seed in 0..50 {
        let faults = Faults::random(seed, 120);
        assert_eq!(faults.0.len(), 120);
        assert_eq!(Faults::random(seed, 120), faults);
        assert_ne!(Faults::random(seed + 1, 120), faults);
        let written = serde_json::to_string(&faults).unwrap();
        assert_eq!(serde_json::from_str::<Faults>(&written).unwrap(), faults);
        let mut broken = BTreeMap::<&str, (u64, u64)>::new();
        for fault in &faults.0 {
            let times = fault.times.unwrap();
            assert!(
                fault.path.starts_with("/api/v1/") && fault.nth.unwrap() >= 1 && (1..=3).contains(&times)
            );
            let kind = serde_json::to_value(&fault.action).unwrap();
            let kind = kind.as_str().or_else(|| kind.as_object()?.keys().next().map(String::as_str)).unwrap();
            *kinds.entry(kind.to_owned()).or_default() += 1;
            if breaks(fault) {
                let (answers, bodies) = broken.entry(fault.path.as_str()).or_default();
                *answers += times;
                *bodies += times * u64::from(matches!(fault.action, Action::Html | Action::NotJson));
            }
        }
        assert!(broken.values().all(|&(answers, bodies)| answers <= 3 && bodies <= 1), "{seed}: {broken:?}");
        assert!(broken.len() > 10, "{seed}: {broken:?}");
    }
    for kind in [
        "status",
        "truncate",
        "close_connection",
        "html",
        "not_json",
        "hang",
        "rate_limit",
        "too_many_at_once",
    ] {
        assert!(kinds.contains_key(kind), "{kind} never happens: {kinds:?}");
    }
    assert!(!kinds.contains_key("empty_page") && !kinds.contains_key("gone"), "{kinds:?}");
}

/// One page, asked for until it is there: at most four times for answers that are none, longer for rate limits.
fn patiently(client: &mut Client, path: &str) -> Answer {
    let mut broken = 0;
    loop {
        match client.try_request("GET", path, true) {
            Ok(answer) if answer.status == 429 => {}
            Ok(answer) if answer.status == 200 && serde_json::from_slice::<Value>(&answer.body).is_ok() => {
                return answer;
            }
            _ => broken += 1,
        }
        assert!(broken <= 3, "{path}");
    }
}

#[test]
fn a_patient_reader_gets_over_random_faults() {
    let (plain, running) = serve(60, OktaOptions::default());
    let mut client = running.client();
    let lists = ["/api/v1/users", "/api/v1/groups", "/api/v1/apps"];
    let expected: Vec<Vec<Value>> = lists.map(|path| client.walk(&format!("{path}?limit=9"))).into();
    let groups: Vec<_> =
        plain.groups.iter().map(|group| format!("/api/v1/groups/{}/users", group.id)).collect();
    let members: Vec<Vec<Value>> = groups.iter().map(|path| client.get(path).list()).collect();
    let mut broken = 0;
    for seed in 0..4 {
        let faults = Faults::random(seed, 200);
        broken +=
            faults.0.iter().filter(|fault| lists.contains(&fault.path.as_str()) && breaks(fault)).count();
        let (_, running) = serve(60, OktaOptions { faults, ..OktaOptions::default() });
        let mut client = running.client();
        for (path, expected) in lists.iter().zip(&expected) {
            let mut found = Vec::new();
            let mut page = format!("{path}?limit=9");
            loop {
                let answer = patiently(&mut client, &page);
                found.extend(answer.list());
                let Some(link) = next(&answer) else { break };
                // Nothing but the cursor is taken from a link.
                let cursor = link.split(['?', '&']).find(|part| part.starts_with("after=")).unwrap();
                page = format!("{path}?limit=9&{cursor}");
            }
            assert_eq!(&found, expected, "seed {seed}: {path}");
        }
        for (path, expected) in groups.iter().zip(&members) {
            assert_eq!(&patiently(&mut client, path).list(), expected, "seed {seed}: {path}");
        }
    }
    assert!(broken > 0, "no schedule breaks these lists");
}
