//! Who may what: every call of the API and every page, for every role, and other people's things.

use std::collections::BTreeMap;

use serde_json::Value;
use sightline_sim::company::ADA;

use super::{is_known, make_token, token_in, web};
use crate::harness::{Ask, Home, SimSetup, Web, tiny};

/// Roles by what they may, the least first; `anybody` needs no role.
const ROLES: [&str; 4] = ["anybody", "viewer", "auditor", "admin"];

/// Calls of the API, with the least role that may make them. What is not here has to be decided first.
const CALLS: [(&str, &str); 48] = [
    ("GET /openapi.json", "anybody"),
    ("GET /accounts", "viewer"),
    ("GET /accounts/{source}/{id}", "viewer"),
    ("GET /accounts/{source}/{id}/access", "viewer"),
    ("GET /accounts/{source}/{id}/access/{app}", "viewer"),
    ("GET /accounts/{source}/{id}/history", "viewer"),
    ("GET /groups", "viewer"),
    ("GET /groups/{source}/{id}", "viewer"),
    ("GET /groups/{source}/{id}/history", "viewer"),
    ("GET /groups/{source}/{id}/members", "viewer"),
    ("GET /apps", "viewer"),
    ("GET /apps/{source}/{id}", "viewer"),
    ("GET /apps/{source}/{id}/access", "viewer"),
    ("GET /apps/{source}/{id}/history", "viewer"),
    ("GET /admins", "viewer"),
    ("GET /service-apps", "viewer"),
    ("GET /changes", "viewer"),
    ("GET /changes/access", "viewer"),
    ("GET /changes/roles", "viewer"),
    ("GET /gaps", "viewer"),
    ("GET /summary", "viewer"),
    ("GET /connectors", "viewer"),
    ("GET /events", "viewer"),
    ("GET /me", "viewer"),
    ("GET /audit", "auditor"),
    ("GET /tokens", "viewer"),
    ("POST /tokens", "viewer"),
    ("DELETE /tokens/{id}", "viewer"),
    ("GET /users", "admin"),
    ("POST /users", "admin"),
    ("GET /users/{id}", "admin"),
    ("PATCH /users/{id}", "admin"),
    ("DELETE /users/{id}", "admin"),
    ("POST /users/{id}/link", "admin"),
    ("GET /sources", "viewer"),
    ("POST /sources", "admin"),
    ("POST /sources/check", "admin"),
    ("GET /sources/{id}", "viewer"),
    ("PATCH /sources/{id}", "admin"),
    ("DELETE /sources/{id}", "admin"),
    ("POST /sources/{id}/check", "admin"),
    ("PUT /sources/{id}/credential", "admin"),
    ("POST /sources/{id}/sync", "admin"),
    ("POST /sources/{id}/cancel", "admin"),
    ("POST /sources/{id}/pause", "admin"),
    ("POST /sources/{id}/resume", "admin"),
    ("GET /sources/{id}/snapshots", "viewer"),
    ("GET /sources/{id}/failed-syncs", "viewer"),
];

/// Pages, with the least role that sees them.
const PAGES: [(&str, &str); 23] = [
    ("/sign-in", "anybody"),
    ("/", "viewer"),
    ("/access", "viewer"),
    ("/accounts", "viewer"),
    ("/groups", "viewer"),
    ("/apps", "viewer"),
    ("/admins", "viewer"),
    ("/activity", "viewer"),
    ("/changes", "viewer"),
    ("/groups/1/none/history", "viewer"),
    ("/oidc/start", "anybody"),
    ("/gaps", "viewer"),
    ("/sources", "viewer"),
    ("/sources/1", "viewer"),
    ("/accounts/1/none", "viewer"),
    ("/settings/profile", "viewer"),
    ("/settings/tokens", "viewer"),
    ("/settings/audit", "auditor"),
    ("/settings/users", "admin"),
    ("/sources/new", "admin"),
    ("/sources/new/okta", "admin"),
    ("/sources/1/credential", "admin"),
    ("/nothing", "anybody"),
];

/// Forms of pages, with the least role that may send them; what they are about is not there.
const FORMS: [(&str, &str); 14] = [
    ("/settings/tokens/99/remove", "viewer"),
    ("/settings/users", "admin"),
    ("/settings/users/99/role", "admin"),
    ("/settings/users/99/disable", "admin"),
    ("/settings/users/99/enable", "admin"),
    ("/settings/users/99/remove", "admin"),
    ("/settings/users/99/link", "admin"),
    ("/sources/new/okta", "admin"),
    ("/sources/create", "admin"),
    ("/sources/99/sync", "admin"),
    ("/sources/99/pause", "admin"),
    ("/sources/99/change", "admin"),
    ("/sources/99/remove", "admin"),
    ("/sources/99/credential", "admin"),
];

fn may(role: &str, least: &str) -> bool {
    let rank = |role: &str| ROLES.iter().position(|known| *known == role).unwrap();
    rank(role) >= rank(least)
}

/// A server on a company, so that there is something to see.
fn with_company() -> (crate::harness::Sim, Web) {
    let sim = SimSetup::of(tiny(421)).start();
    let web = Web::of(&sim);
    (sim, web)
}

#[test]
fn every_call_is_for_those_who_may_make_it() {
    let (_sim, web) = with_company();
    let table: BTreeMap<&str, &str> = CALLS.into_iter().collect();
    let document = web.get("/api/v1/openapi.json").is(200).json();
    let calls: Vec<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let named: Vec<String> = calls.iter().map(|(method, path)| format!("{method} {path}")).collect();
    let undecided: Vec<_> = named.iter().filter(|call| !table.contains_key(call.as_str())).collect();
    assert!(undecided.is_empty(), "nobody has said who may make these: {undecided:?}");
    assert_eq!(named.len(), table.len(), "some are not there any more");

    let sessions: BTreeMap<&str, _> = ROLES[1..].iter().map(|role| (*role, web.sign_in(role))).collect();
    let readers: BTreeMap<&str, _> =
        sessions.iter().map(|(role, session)| (*role, make_token(&web, session, "reader", "read"))).collect();
    let manager = make_token(&web, &sessions["admin"], "manager", "manage");
    for (method, path) in calls {
        let least = table[format!("{method} {path}").as_str()];
        // Nothing that is there is changed by whoever may change it.
        let number = if method == "GET" { "1" } else { "99" };
        let path = format!(
            "/api/v1{}",
            path.replace("{source}", "1").replace("{id}", number).replace("{app}", "none")
        );
        if path.ends_with("/events") {
            web.get(&path).is(401);
            continue;
        }
        for role in ROLES {
            let plain = Ask::new(&method, &path);
            let by_session =
                sessions.get(role).map_or_else(|| plain.clone(), |session| session.call(&method, &path));
            let by_token =
                readers.get(role).map_or_else(|| plain.clone(), |token| plain.clone().token(token));
            let status = web.send(&by_session).status;
            let refused = if role == "anybody" { 401 } else { 403 };
            if may(role, least) {
                assert!(
                    ![401, 403].contains(&status) && status < 500,
                    "{role} may not {method} {path}: {status}"
                );
            } else {
                assert_eq!(status, refused, "{role} may {method} {path}");
            }
            // A token that only reads changes nothing, whoever has it.
            let status = web.send(&by_token).status;
            if may(role, least) && (method == "GET") {
                assert!(
                    ![401, 403].contains(&status) && status < 500,
                    "{role} may not {method} {path}: {status}"
                );
            } else {
                assert_eq!(status, refused, "the token of {role} may {method} {path}");
            }
        }
        let status = web.send(&Ask::new(&method, &path).token(&manager)).status;
        assert!(
            ![401, 403].contains(&status) && status < 500,
            "the manager may not {method} {path}: {status}"
        );
        for wrong in
            ["", "x", &manager[..manager.len() - 1], &format!("{manager}x"), &sessions["admin"].secret]
        {
            let status = web.send(&Ask::new(&method, &path).token(wrong)).status;
            let expected = least != "anybody" || path.ends_with("openapi.json");
            assert!(status == 401 && expected, "{method} {path} with a wrong token: {status}");
        }
    }
}

#[test]
fn every_page_is_for_those_who_may_see_it() {
    let (_sim, web) = with_company();
    let sessions: BTreeMap<&str, _> = ROLES[1..].iter().map(|role| (*role, web.sign_in(role))).collect();
    for (path, least) in PAGES {
        for role in ROLES {
            let ask = sessions.get(role).map_or_else(|| Ask::get(path), |session| session.get(path));
            let reply = web.send(&ask);
            if may(role, least) {
                assert!([200, 303, 404].contains(&reply.status), "{role} does not see {path}: {reply:?}");
                let leads_away = reply.header("location").is_some_and(|to| to.starts_with("/sign-in"));
                assert!(!leads_away, "{role} does not see {path}: {reply:?}");
            } else if role == "anybody" {
                assert_eq!(reply.status, 303, "{path}: {reply:?}");
                assert!(reply.header("location").unwrap().starts_with("/sign-in?next="), "{reply:?}");
            } else {
                assert_eq!(reply.status, 403, "{role} sees {path}");
                assert!(reply.body.contains(&format!("this needs the role {least}")), "{reply:?}");
            }
        }
    }
    for (path, least) in FORMS {
        web.send(&Ask::post(path).form(&[])).is(303);
        for (role, session) in &sessions {
            let status = web.send(&session.form(path, &[])).status;
            assert_eq!(status == 403, !may(role, least), "{role}: {path}: {status}");
            assert!(status < 500, "{role}: {path}: {status}");
        }
    }
    // Nobody is offered what is refused.
    let offers = |role: &str, path: &str, text: &str| web.send(&sessions[role].get(path)).body.contains(text);
    for (path, text) in
        [("/sources", "Add New App"), ("/sources/1", "Sync now"), ("/", "href=\"/settings/users\"")]
    {
        for role in &ROLES[1..] {
            assert_eq!(offers(role, path, text), *role == "admin", "{role}: {path}: {text}");
        }
    }
}

#[test]
fn nobody_gets_at_the_tokens_of_others() {
    let web = web();
    let [admin, auditor, viewer] = ["admin", "auditor", "viewer"].map(|role| web.sign_in(role));
    let tokens = [&admin, &auditor, &viewer].map(|session| make_token(&web, session, "mine-alone", "read"));
    let id = |session: &crate::harness::Session| {
        let page = web.send(&session.get("/settings/tokens"));
        page.between("/settings/tokens/", "/remove").unwrap().parse::<u64>().unwrap()
    };
    let (auditors, viewers) = (id(&auditor), id(&viewer));
    assert_ne!(auditors, viewers);
    // Each sees one, an administrator all.
    let count = |session: &crate::harness::Session| {
        web.send(&session.get("/settings/tokens")).body.matches("mine-alone<").count()
    };
    assert_eq!([count(&admin), count(&auditor), count(&viewer)], [3, 1, 1]);
    for theirs in [1, 2, 3, 99].into_iter().filter(|other| *other != viewers) {
        let reply = web.send(&viewer.form(&format!("/settings/tokens/{theirs}/remove"), &[])).is(404);
        assert!(reply.body.contains(&format!("there is no API token {theirs}")), "{reply:?}");
    }
    assert!(tokens.iter().all(|token| is_known(&web, token)), "a token is gone");
    web.send(&viewer.form(&format!("/settings/tokens/{viewers}/remove"), &[])).is(303);
    web.send(&admin.form(&format!("/settings/tokens/{auditors}/remove"), &[])).is(303);
    assert_eq!(tokens.map(|token| is_known(&web, &token)), [true, false, false]);
    // Only administrators have anything to manage, and a token makes no token.
    web.send(&auditor.form("/settings/tokens", &[("name", "more"), ("scope", "manage")])).is(403);
    let manager = make_token(&web, &admin, "manager", "manage");
    let ask = Ask::post("/settings/tokens").token(&manager).form(&[("name", "more"), ("scope", "manage")]);
    let reply = web.send(&ask);
    assert!(reply.status == 403 && token_in(&reply).is_none(), "{reply:?}");
}

#[test]
fn nobody_creates_what_another_has_typed() {
    let sim = SimSetup::of(tiny(422)).start();
    let home = Home::new();
    home.add_user("second", "admin");
    let web = Web::with_users(home);
    let (admin, second) = (web.sign_in("admin"), web.sign_in("second"));
    let fields = [("domain", sim.url.as_str()), ("token", sim.token.as_str())];
    let page = web.send(&admin.form("/sources/new/okta", &fields)).is(200);
    let draft = page.between("name=\"draft\" value=\"", "\"").unwrap();
    web.send(&second.form("/sources/create", &[("draft", draft)])).is(410);
    assert_eq!(web.send(&admin.get("/api/v1/sources")).json(), Value::Array(Vec::new()));
    web.send(&admin.form("/sources/create", &[("draft", draft)])).is(303);
    web.send(&admin.form("/sources/create", &[("draft", draft)])).is(410);
}

/// Whether any attributes are there as the provider sent them.
fn has_raw(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            ["raw", "profile"].contains(&name.as_str()) && !value.is_null() || has_raw(value)
        }),
        Value::Array(all) => all.iter().any(has_raw),
        _ => false,
    }
}

#[test]
fn raw_attributes_are_for_auditors() {
    let setup = SimSetup::of(tiny(425));
    let ada = setup.company().person(ADA).unwrap().id.to_string();
    let sim = setup.start();
    let web = Web::of(&sim);
    let [admin, auditor, viewer] = ["admin", "auditor", "viewer"].map(|role| web.sign_in(role));
    for (session, sees) in [(&admin, true), (&auditor, true), (&viewer, false)] {
        let page = web.send(&session.get(&format!("/accounts/1/{ada}"))).is(200);
        assert_eq!(page.body.contains("Raw attributes"), sees);
        let call = web.send(&session.get(&format!("/api/v1/accounts/1/{ada}"))).is(200).json();
        assert_eq!(has_raw(&call), sees, "{call}");
    }
}
