//! Objects that are not as expected: what can be understood is kept in the provider's own words, what cannot is a gap.

use serde_json::{Value, json};
use sightline_sim::company::{ADA, ENG, GITHUB, HELP_DESK, IT_ADMINS};

use crate::harness::{Case, assert_same, body, fault, gap, list, reference, timeless};

#[test]
fn one_object_that_is_not_understood_costs_that_object() {
    let case = Case::new(51);
    let (group, app) = (case.group(ENG), case.app(GITHUB));
    let (admins, user) = (case.group(IT_ADMINS), case.person(HELP_DESK));
    let odd = [json!(7), json!("nonsense"), json!({"name": "no id"}), json!(null), json!([[]])];
    let places = [
        ("/api/v1/users".to_owned(), "users".to_owned()),
        ("/api/v1/groups".to_owned(), "groups".to_owned()),
        ("/api/v1/groups/rules".to_owned(), "group_rules".to_owned()),
        ("/api/v1/apps".to_owned(), "apps".to_owned()),
        ("/api/v1/iam/roles".to_owned(), "roles".to_owned()),
        ("/api/v1/iam/assignees/users".to_owned(), "role_assignees".to_owned()),
        ("/api/v1/logs".to_owned(), "activity".to_owned()),
        (format!("/api/v1/groups/{group}/users"), format!("group_members/{group}")),
        (format!("/api/v1/apps/{app}/users"), format!("app_users/{app}")),
        (format!("/api/v1/apps/{app}/groups"), format!("app_groups/{app}")),
        (format!("/api/v1/groups/{admins}/roles"), format!("group_roles/{admins}")),
        (format!("/api/v1/users/{user}/roles"), format!("user_roles/{user}")),
    ];
    let faults: Vec<Value> = places
        .iter()
        .enumerate()
        .map(|(turn, (path, _))| {
            // Two walks go through the log.
            let query = if path == "/api/v1/logs" { "user.session.start" } else { "" };
            json!({"path": path, "query": query, "nth": 1, "action": {"odd_object": odd[turn % odd.len()]}})
        })
        .collect();
    case.sync(&json!(faults)).ok();
    let mut expected: Vec<_> = places.iter().map(|(_, scope)| gap(scope, "undecodable")).collect();
    expected.sort();
    assert_eq!(case.home.gaps(), expected);
    assert_same("facts", &timeless(case.home.facts()), &reference(case.setup.spec));
}

#[test]
fn odd_objects_that_can_be_understood_are_kept_with_their_own_words() {
    let case = Case::new(52);
    let times = [
        ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z"),
        ("2026-01-02T03:04:05.000+0200", "2026-01-02T01:04:05.000Z"),
        ("2026-01-02T03:04:05-05:30", "2026-01-02T08:34:05.000Z"),
        ("2026-01-02 03:04:05.0", "2026-01-02T03:04:05.000Z"),
    ];
    let mut odd: Vec<Value> = times
        .iter()
        .enumerate()
        .map(|(turn, (sent, _))| {
            json!({"id": format!("00uTime{turn}"), "status": "DEPROVISIONED", "created": sent, "lastLogin": sent,
                   "profile": {"login": format!("time{turn}@example.com"), "new_field": {"deep": [1]}}})
        })
        .collect();
    odd.extend([
        json!({"id": "00uStrange", "status": "HIBERNATING", "profile": {"login": "strange@example.com", "email": 5}}),
        json!({"id": "00uNulls", "status": null, "created": null, "lastLogin": null, "profile": null, "type": null}),
        json!({"id": "00uBare"}),
        json!({"id": "00uWrong", "status": 1, "created": "soon", "lastLogin": "yesterday", "profile": "none"}),
    ]);
    let faults = json!([
        {"path": "/api/v1/users", "query": "filter", "action": body(&json!(odd))},
        fault("/api/v1/apps/0oaOdd/users", &body(&json!([]))),
        fault("/api/v1/apps/0oaOdd/groups", &body(&json!([]))),
        fault("/api/v1/apps/0oaOdd/group-push/mappings", &body(&json!([]))),
        fault("/api/v1/apps", &json!({"odd_object": {"id": "0oaOdd", "status": "HALF_OPEN", "signOnMode": "TELEPATHY"}})),
        fault("/api/v1/groups", &json!({"odd_object": {"id": "00gOdd", "type": "MYSTERY_GROUP", "profile": {"name": null},
              "_embedded": {"stats": {"usersCount": 0, "hasAdminPrivilege": false}}}})),
    ]);
    case.sync(&faults).ok();
    let facts = case.home.facts();
    let account = |id: &str| &facts[&format!("account/{id}")]["record"]["account"];
    for (turn, (_, read)) in times.iter().enumerate() {
        let account = account(&format!("00uTime{turn}"));
        assert_eq!(account["created"], *read, "{account}");
        assert_eq!(account["last_sign_in"], json!({"known": read}), "{account}");
    }
    let strange = account("00uStrange");
    assert_eq!((&strange["raw_status"], &strange["status"]), (&json!("HIBERNATING"), &json!("unknown")));
    assert_eq!((&strange["login"], &strange["emails"]), (&json!("strange@example.com"), &json!([])));
    for id in ["00uNulls", "00uBare"] {
        assert_eq!(account(id)["status"], "unknown", "{id}");
        assert_eq!((&account(id)["login"], &account(id)["created"]), (&json!(id), &Value::Null));
        assert_eq!(account(id)["last_sign_in"], json!({"known": null}), "{id}");
    }
    assert_eq!(account("00uWrong")["created"], Value::Null);
    assert!(account("00uWrong")["last_sign_in"]["unknown"].is_string(), "a time that is none is not never");
    let app = &facts["resource/0oaOdd"]["record"]["resource"];
    assert_eq!((&app["raw_status"], &app["status"]), (&json!("HALF_OPEN"), &json!("unknown")));
    assert_eq!((&app["sign_on_mode"], &app["label"]), (&json!("TELEPATHY"), &json!("0oaOdd")));
    let group = &facts["group/00gOdd"]["record"]["group"];
    assert_eq!((&group["name"], &group["origin"]), (&json!("00gOdd"), &json!({"unknown": "MYSTERY_GROUP"})));
    // Okta counts the members of Everyone, and four of the odd accounts are not among them.
    assert_eq!(case.home.gaps(), [gap(&format!("group_members/{}", case.everyone()), "count_mismatch")]);
    // Somebody whose status is not known may be able to sign in.
    let answer = case.home.run(&["what", "00uStrange", "--json"]).json();
    assert!(list(&answer["access"]).iter().any(|access| access["can_reach"] == true), "{answer}");
}

#[test]
fn words_that_are_not_known_are_neither_no_nor_everything() {
    let case = Case::new(56);
    let (app, admins, ada) = (case.app(GITHUB), case.group(IT_ADMINS), case.person(ADA));
    let row = json!([{"id": ada, "scope": "TELEPORT", "status": "FLOATING"}]);
    let roles = json!([
        {"id": "ra1", "type": "FUTURE_ADMIN", "label": "Future", "status": "ACTIVE", "assignmentType": "GROUP"},
        {"id": "ra2", "type": "CUSTOM", "role": "cr0new", "label": "Boundless", "status": "ACTIVE"},
    ]);
    let faults = json!([
        fault(&format!("/api/v1/apps/{app}/users"), &body(&row)),
        fault(&format!("/api/v1/apps/{app}/groups"), &body(&json!([]))),
        fault(&format!("/api/v1/groups/{admins}/roles"), &body(&roles)),
    ]);
    case.sync(&faults).ok();
    let answer = case.home.run(&["who", GITHUB, "--json"]).json();
    let [access] = list(&answer["access"]) else { panic!("{answer}") };
    assert_eq!(access["account"]["id"], ada.as_str());
    assert_eq!(access["can_reach"], true, "what is not known is not a no: {access}");
    let path = &access["paths"][0];
    assert_eq!((&path["kind"], &path["word"]), (&json!("unknown_origin"), &json!("TELEPORT")));
    assert_eq!(path["assignment_status"], "FLOATING");

    let holdings = case.home.list("admins");
    for role in ["FUTURE_ADMIN", "cr0new"] {
        let held: Vec<_> = holdings
            .iter()
            .filter(|holding| holding["role"] == role && holding["via"]["group"]["id"] == admins.as_str())
            .collect();
        assert!(!held.is_empty(), "{role} is not held: {holdings:?}");
        for holding in held {
            assert!(holding["scope"]["unknown"].is_string(), "neither everything nor nothing: {holding}");
        }
    }
}
