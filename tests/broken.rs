//! Answers that break on the way, come too often or lead in circles: tried again where that may help, and never believed.

use serde_json::{Value, json};
use sightline_sim::company::{ENG, GITHUB};

use crate::harness::{
    Case, Home, SimSetup, assert_same, fault, gap, number, only_these_are_stale, reference, status, timeless,
    tiny, unnumbered,
};

#[test]
fn what_breaks_on_the_way_is_read_again() {
    let spec = tiny(53);
    let expected = reference(spec);
    let actions = [
        json!("truncate"),
        json!("close_connection"),
        status(500, "E0000009"),
        status(502, "E0000009"),
        json!({"status": {"code": 503, "body": "<html>busy</html>"}}),
        json!("html"),
        json!({"hang": 300}),
    ];
    for seed in 0..3 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let case = Case::new(53);
        let mut faults: Vec<Value> = (0..8)
            .map(|_| {
                let action = &actions[rng.usize(..actions.len())];
                // A page of HTML is given another try, but not many.
                let times = if *action == "html" { 1 } else { rng.u64(1..=3) };
                json!({"path": "*", "nth": rng.u64(1..=70), "times": times, "action": action})
            })
            .collect();
        // The big lists as well, where much can be lost.
        for path in ["/api/v1/users", "/api/v1/groups", "/api/v1/apps", "/api/v1/logs"] {
            faults.push(json!({"path": path, "nth": 1, "action": actions[rng.usize(..5)]}));
        }
        let faults = json!(faults);
        case.sync(&faults).ok();
        assert_eq!(case.home.gaps(), [], "seed {seed}: {faults}");
        assert_same(&format!("seed {seed}: {faults}"), &timeless(case.home.facts()), &expected);
    }
}

#[test]
fn a_role_whose_targets_cannot_be_read_is_held_all_the_same() {
    let spec = tiny(57);
    let expected = reference(spec);
    let path = "/api/v1/groups/{id}/roles/{role}/targets/groups";

    // Bad once or twice is read again.
    let case = Case::new(57);
    case.sync(&json!([{"path": path, "nth": 1, "times": 2, "action": "html"}])).ok();
    assert_eq!(case.home.gaps(), []);
    assert_same("read again", &timeless(case.home.facts()), &expected);

    // Bad for good leaves a gap, and the role: neither the whole organisation nor nothing.
    for action in [json!("html"), json!("gone"), status(403, "E0000006"), status(400, "E0000031")] {
        let case = Case::new(57);
        case.sync(&json!([fault(path, &action)])).ok();
        let gaps = case.home.gaps();
        assert!(
            !gaps.is_empty() && gaps.iter().all(|(scope, _)| scope.starts_with("group_roles/")),
            "{gaps:?}"
        );
        let facts = case.home.facts();
        let held: Vec<_> = facts.values().filter(|fact| fact["scope"]["dataset"] == "group_roles").collect();
        let before = expected.values().filter(|fact| fact["scope"]["dataset"] == "group_roles").count();
        assert_eq!(held.len(), before, "{action}: no role is lost");
        let scope = |fact: &Value| fact["record"]["holding"]["scope"].clone();
        assert!(held.iter().any(|fact| scope(fact).get("unknown").is_some()), "{action}: {held:?}");
    }
}

#[test]
fn rate_limits_cost_time_and_nothing_else() {
    let setup = SimSetup::of(tiny(54)).flags(&["--rate-limits", "integrator", "--window-secs", "1"]);
    let sim = setup.start();
    let home = Home::connected_to(&sim);
    let report = home.run(&["sync", "--json"]).json();
    let told: u64 =
        report["requests"].as_object().unwrap().values().map(|bucket| number(bucket, "refused")).sum();
    let refused = sim.stop().refused;
    assert!(told <= refused, "{told} of {refused} refusals");
    assert_eq!(home.gaps(), []);
    assert_same("facts", &timeless(home.facts()), &reference(setup.spec));
}

#[test]
fn a_web_page_in_place_of_an_answer_is_a_gap_or_a_failure() {
    let case = Case::read(55);
    let before = case.home.facts();
    let path = |path: &str| json!([fault(path, &json!("html"))]);
    for required in ["/api/v1/users", "/api/v1/groups", "/api/v1/apps"] {
        case.sync_with(&path(required), &["--full"]).fails(4, "answered with a web page", "proxy");
        assert_eq!(case.home.facts(), before);
    }
    let group = case.group(ENG);
    case.sync_with(&path(&format!("/api/v1/groups/{group}/users")), &["--full"]).ok();
    assert_eq!(case.home.gaps(), [gap(&format!("group_members/{group}"), "protocol")]);
    only_these_are_stale(&case.home, &before, &[&format!("group_members/{group}")]);
}

#[test]
fn a_list_that_repeats_its_cursor_ends() {
    let case = Case::new(56);
    let app = case.app(GITHUB);
    let repeat = |path: &str| json!([fault(path, &json!("repeat_cursor"))]);
    case.sync(&repeat(&format!("/api/v1/apps/{app}/users"))).ok();
    assert_eq!(case.home.gaps(), [gap(&format!("app_users/{app}"), "protocol")]);
    assert_same("facts", &timeless(case.home.facts()), &reference(case.setup.spec));

    let case = Case::new(56);
    let _sim = case.start(&repeat("/api/v1/users"));
    case.home.run(&["sync"]).fails(4, "repeats its cursor", "");
}

#[test]
fn an_empty_list_of_users_is_not_believed() {
    let case = Case::read(57);
    let before = case.home.facts();
    let empty = json!([fault("/api/v1/users", &json!("empty_page"))]);
    case.reread(&empty).fails(3, "empty list of users", "admin role");
    assert_eq!(case.home.facts(), before);
    let case = Case::new(57);
    case.sync(&empty).fails(3, "empty list of users", "admin role");
    case.home.run(&["list", "accounts"]).fails(7, "no data source has been read yet", "");
}

#[test]
fn a_token_that_is_revoked_meanwhile_stops_the_sync_and_the_next_goes_on() {
    let case = Case::read(59);
    let before = case.home.facts();
    case.reread(&json!([{"path": "*", "nth": 30, "action": "revoke_token"}])).fails(
        3,
        "Okta rejected the token",
        "create a new one",
    );
    assert_eq!(case.home.facts(), before);
    assert_eq!(case.home.gaps(), []);
    let sim = case.start(&json!([]));
    let report = case.home.run(&["sync", "--json"]).json();
    assert_eq!((&report["snapshot"], &report["resumed"]), (&json!(2), &json!(true)));
    let rest = sim.stop().total();
    assert_same("facts", &unnumbered(case.home.facts()), &unnumbered(before));
    let sim = case.start(&json!([]));
    case.home.run(&["sync", "--json", "--full"]).ok();
    let whole = sim.stop().total();
    assert!(rest + 15 < whole, "{rest} requests to go on, {whole} for everything");
}

#[test]
fn what_stays_broken_is_a_gap_or_a_failure() {
    let case = Case::read(57);
    let before = case.home.facts();
    let group = case.group(ENG);
    let broken = |path: &str| json!([fault(path, &status(500, "E0000009"))]);
    case.reread(&broken(&format!("/api/v1/groups/{group}/users"))).ok();
    assert_eq!(case.home.gaps(), [gap(&format!("group_members/{group}"), "unavailable")]);
    only_these_are_stale(&case.home, &before, &[&format!("group_members/{group}")]);
    let before = case.home.facts();
    case.sync(&broken("/api/v1/apps")).fails(4, "Okta failed to answer /api/v1/apps", "");
    assert_eq!(case.home.facts(), before);
    // What was read until then need not be read again.
    let report = case.sync(&json!([])).json();
    assert_eq!((&report["snapshot"], &report["resumed"]), (&json!(3), &json!(true)));
    assert_eq!(case.home.gaps(), []);
}

#[test]
fn a_log_whose_cursor_has_died_is_read_on_from_a_time() {
    let case = Case::read(67);
    let before = case.home.facts();
    let dead =
        json!([{"path": "/api/v1/logs", "query": "after=", "nth": 1, "action": status(400, "E0000031")}]);
    case.sync(&dead).ok();
    assert_eq!(case.home.gaps(), []);
    let after = case.home.facts();
    for (key, fact) in &before {
        let Some(usage) = fact["record"].get("usage") else { continue };
        let now = &after[key]["record"]["usage"];
        // The log is read again from a little before: what was done then is not another use.
        assert_eq!(now, usage, "{key}");
    }
    let since = |facts: &crate::harness::Facts| {
        facts["activity_window"]["record"]["activity_window"]["since"].clone()
    };
    assert_eq!(since(&after), since(&before), "what was known of the time before is forgotten");
}

#[test]
fn a_log_that_breaks_in_the_middle_counts_nothing_twice() {
    let spec = tiny(69);
    let expected = reference(spec);
    for action in [status(400, "E0000031"), json!("html"), json!("truncate"), status(503, "E0000009")] {
        let case = Case::new(69);
        case.sync(&json!([{"path": "/api/v1/logs", "query": "after=", "nth": 1, "action": action}])).ok();
        assert_eq!(case.home.gaps(), [], "{action}");
        assert_same(&format!("facts after {action}"), &timeless(case.home.facts()), &expected);
    }
}
