//! What is checked before anything is connected: the truth about every dataset, in few requests.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::{Home, SimSetup, list, status, text, tiny};

/// A check takes seconds, whatever the organisation is.
const MOST_REQUESTS: u64 = 25;

/// What only who may read admin roles may read: by a dataset's name, the permission.
const OF_ADMINS: [(&str, &str); 7] = [
    ("roles", "okta.roles.read"),
    ("role_permissions", "okta.roles.read"),
    ("role_assignees", "okta.roles.read"),
    ("user_roles", "okta.roles.read"),
    ("scope_sets", "okta.roles.read"),
    ("set_resources", "okta.roles.read"),
    ("binding_members", "okta.roles.read"),
];

/// What is read of everything: it must be certain before anything is connected.
const CERTAIN: [&str; 16] = [
    "users",
    "groups",
    "group_members",
    "group_rules",
    "apps",
    "app_users",
    "app_groups",
    "api_tokens",
    "policies",
    "identity_providers",
    "network_zones",
    "authenticators",
    "devices",
    "log_streams",
    "activity",
    "changes",
];

fn word(verdict: &Value) -> String {
    match verdict {
        Value::String(word) => word.clone(),
        Value::Object(fields) => match &fields["refused"] {
            Value::String(reason) => reason.clone(),
            Value::Object(reason) => reason.keys().next().unwrap().clone(),
            other => panic!("not a reason: {other}"),
        },
        other => panic!("not a verdict: {other}"),
    }
}

/// The verdicts of a check by dataset, each with the permission that it names; the requests are counted by the simulator.
fn checked(setup: SimSetup) -> (BTreeMap<String, (String, Value)>, Value) {
    let sim = setup.start();
    let home = Home::connected_to(&sim);
    let setup = setup.port(sim.port);
    assert!(sim.stop().total() <= MOST_REQUESTS, "connecting took too many requests");
    let sim = setup.start();
    let told = home.run(&["source", "check", "Okta", "--json"]).json();
    let served = sim.stop();
    assert_eq!(told["requests"], served.total(), "{served:?}");
    assert!(served.total() <= MOST_REQUESTS, "{served:?}");
    assert!(served.requests.keys().all(|path| path.starts_with("GET ")), "{served:?}");
    let verdicts = list(&told["preflight"]["checks"]).iter().map(|check| {
        let permission = check["verdict"]["refused"]["denied"]["permission"].clone();
        (text(check, "dataset").to_owned(), (word(&check["verdict"]), permission))
    });
    (verdicts.collect(), told["preflight"].clone())
}

fn assert_canaries(preflight: &Value) {
    let canaries = list(&preflight["canaries"]);
    assert_eq!(canaries.len(), 3, "{canaries:?}");
    assert!(canaries.iter().all(|canary| canary["found"] == true), "{canaries:?}");
}

#[test]
fn a_super_administrator_may_read_everything_that_there_is() {
    let (verdicts, preflight) = checked(SimSetup::of(tiny(121)).flags(&["--licensed"]));
    for (dataset, (verdict, _)) in &verdicts {
        assert!(["allowed", "unknown"].contains(&verdict.as_str()), "{dataset}: {verdict}");
    }
    for dataset in CERTAIN.into_iter().chain(["roles", "role_assignees", "scope_sets"]) {
        assert_eq!(verdicts[dataset].0, "allowed", "{dataset}");
    }
    assert_canaries(&preflight);
    let warnings = preflight["warnings"].to_string();
    assert!(warnings.contains("Super Administrator"), "{warnings}");
}

#[test]
fn what_a_read_only_administrator_may_not_read_is_told_with_the_permission_for_it() {
    let (verdicts, preflight) = checked(SimSetup::of(tiny(122)).flags(&["--read-only-admin", "--licensed"]));
    for (dataset, permission) in OF_ADMINS {
        let (verdict, named) = &verdicts[dataset];
        assert_eq!(verdict, "denied", "{dataset}");
        let named = named.as_str().unwrap();
        assert!(named.starts_with(permission) && named.contains("Super Administrator"), "{dataset}: {named}");
    }
    let (verdict, named) = &verdicts["org_support"];
    assert!(verdict == "denied" && named.to_string().contains("okta.orgs.read"), "{verdict} {named}");
    let of_admins =
        |dataset: &str| dataset == "org_support" || OF_ADMINS.iter().any(|(of, _)| *of == dataset);
    for (dataset, (verdict, _)) in verdicts.iter().filter(|(dataset, _)| !of_admins(dataset)) {
        assert!(["allowed", "unknown"].contains(&verdict.as_str()), "{dataset}: {verdict}");
    }
    for dataset in CERTAIN {
        assert_eq!(verdicts[dataset].0, "allowed", "{dataset}");
    }
    assert_canaries(&preflight);
    let warnings = preflight["warnings"].to_string();
    assert!(!warnings.contains("inherits every right"), "{warnings}");
}

#[test]
fn each_refusal_has_its_verdict_and_what_is_required_stops() {
    let faults = json!([
        {"path": "/api/v1/policies", "action": status(403, "E0000006")},
        {"path": "/api/v1/devices", "action": status(401, "E0000015")},
        {"path": "/api/v1/zones", "action": status(404, "E0000008")},
        {"path": "/api/v1/logStreams", "action": status(500, "E0000009")},
        {"path": "/api/v1/idps", "action": "html"},
        {"path": "/api/v1/logs", "action": status(403, "E0000006")},
    ]);
    let (verdicts, _) = checked(SimSetup::of(tiny(123)).faults(faults));
    let expected = [
        ("policies", "denied"),
        ("policy_rules", "denied"),
        ("devices", "not_licensed"),
        ("authorization_servers", "not_licensed"),
        ("network_zones", "unsupported"),
        ("log_streams", "unknown"),
        ("identity_providers", "protocol"),
        ("activity", "denied"),
        ("changes", "denied"),
        ("users", "allowed"),
    ];
    for (dataset, verdict) in expected {
        assert_eq!(verdicts[dataset].0, verdict, "{dataset}");
    }
}

#[test]
fn each_canary_that_is_missing_is_told() {
    let empty = |path: &str, query: &str| {
        let nothing = json!({"status": {"code": 200, "body": "[]"}});
        json!([{"path": path, "query": query, "action": nothing}])
    };
    for (path, query, sought) in [
        ("/api/v1/groups", "BUILT_IN", "Everyone among groups"),
        ("/api/v1/apps", "saasure", "the admin console among applications"),
    ] {
        let setup = SimSetup::of(tiny(124));
        let sim = setup.start();
        let home = Home::connected_to(&sim);
        let setup = setup.port(sim.port);
        drop(sim.stop());
        let sim = setup.faults(empty(path, query)).start();
        let told = home.run(&["source", "check", "Okta"]);
        told.fails(1, sought, "only a part of the organisation");
        drop(sim);
    }
    // Somebody else in the place of the token's owner.
    let company = SimSetup::of(tiny(124)).company();
    let other = json!([{"id": company.users[0].id.to_string(), "status": "ACTIVE", "profile": {"login": "x@example.com"}}]);
    let body = json!({"status": {"code": 200, "body": other.to_string()}});
    let faults = json!([{"path": "/api/v1/users", "query": "filter", "action": body}]);
    let sim = SimSetup::of(tiny(124)).faults(faults).start();
    let home = Home::connected_to(&sim);
    home.run(&["source", "check", "Okta"]).fails(
        1,
        "the credential's owner among users",
        "only a part of the organisation",
    );
}
