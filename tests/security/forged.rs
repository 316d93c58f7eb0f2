//! Requests that another site makes a browser send.

use super::{make_token, web};
use crate::harness::{Ask, Session, Web};

/// Every form of the pages, with what it needs to be taken for right.
const FORMS: [(&str, &[(&str, &str)]); 14] = [
    ("/settings/users", &[("name", "eve"), ("role", "admin")]),
    ("/settings/users/2/role", &[("role", "admin")]),
    ("/settings/users/2/disable", &[]),
    ("/settings/users/2/remove", &[]),
    ("/settings/users/2/link", &[]),
    ("/settings/tokens", &[("name", "eve"), ("scope", "manage")]),
    ("/settings/tokens/1/remove", &[]),
    ("/settings/profile", &[("current", "a"), ("password", "b"), ("again", "b")]),
    ("/sources/new/okta", &[("domain", "acme.okta.com"), ("token", "00abc")]),
    ("/sources/create", &[("draft", "x")]),
    ("/sources/1/sync", &[]),
    ("/sources/1/remove", &[]),
    ("/sources/1/credential", &[("token", "00abc")]),
    ("/sign-out", &[]),
];

/// What was done so far, by the audit log, without beginnings of sessions.
#[track_caller]
fn acts(web: &Web) -> usize {
    let log = web.home.run(&["audit", "--json"]).json();
    log.as_array().unwrap().iter().filter(|entry| entry["action"] != "session.begin").count()
}

#[test]
fn a_form_without_the_token_of_its_page_does_nothing() {
    let web = web();
    let (admin, other) = (web.sign_in("admin"), web.sign_in("admin"));
    make_token(&web, &admin, "mine", "read");
    let before = acts(&web);
    let wrong = ["", "x", &admin.csrf[1..], &format!("{}x", admin.csrf), &web.sign_in("viewer").csrf];
    for (path, fields) in FORMS {
        web.send(&admin.on(Ask::post(path).form(fields))).is(403);
        for csrf in wrong {
            let fields = [&[("csrf", csrf)], fields].concat();
            web.send(&admin.on(Ask::post(path).form(&fields))).is(403);
        }
    }
    // The token of another session of the same person is none either.
    assert_ne!(admin.csrf, other.csrf);
    for (path, fields) in FORMS {
        let fields = [&[("csrf", other.csrf.as_str())], fields].concat();
        web.send(&admin.on(Ask::post(path).form(&fields))).is(403);
    }
    assert_eq!(acts(&web), before, "something was done");
    assert!(admin.is_known(&web));
}

/// Headers of a request that another site makes a browser send.
const FOREIGN: [&[(&str, &str)]; 6] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site")],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
    &[("origin", "http://127.0.0.1:1")],
    &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
];

fn foreign(ask: &Ask, headers: &[(&str, &str)]) -> Ask {
    headers.iter().fold(ask.clone(), |ask, (name, value)| ask.header(name, value))
}

#[test]
fn what_a_browser_says_comes_from_elsewhere_is_refused_whatever_it_carries() {
    let web = web();
    let admin = web.sign_in("admin");
    let before = acts(&web);
    for headers in FOREIGN {
        for (path, fields) in FORMS {
            web.send(&foreign(&admin.form(path, fields), headers)).is(403);
        }
        web.send(&foreign(&admin.call("POST", "/api/v1/sources/1/sync"), headers)).is(403);
        web.send(&foreign(&admin.call("DELETE", "/api/v1/sources/1"), headers)).is(403);
        // Nobody is signed in as somebody else by another site.
        let fields = [("name", "viewer"), ("password", crate::harness::PASSWORD)];
        let reply = web.send(&foreign(&Ask::post("/sign-in").form(&fields), headers)).is(403);
        assert_eq!(reply.session_cookie(), None);
    }
    assert_eq!(acts(&web), before, "something was done");
    // Reading is what links do.
    web.send(&admin.get("/accounts").header("sec-fetch-site", "cross-site")).is(200);
    let own = web.base.clone();
    web.send(&admin.form("/settings/tokens", &[("name", "x"), ("scope", "read")]).header("origin", &own))
        .is(200);
}

#[test]
fn a_cookie_alone_changes_nothing_by_the_api() {
    let web = web();
    let admin = web.sign_in("admin");
    let before = acts(&web);
    let without = Session { csrf: String::new(), ..admin.clone() };
    for session in [&without, &Session { csrf: "x".to_owned(), ..admin.clone() }] {
        for (method, path) in [
            ("POST", "/api/v1/sources"),
            ("POST", "/api/v1/sources/check"),
            ("POST", "/api/v1/sources/1/sync"),
            ("PATCH", "/api/v1/sources/1"),
            ("PUT", "/api/v1/sources/1/credential"),
            ("DELETE", "/api/v1/sources/1"),
        ] {
            web.send(&session.call(method, path)).is(403);
        }
    }
    web.send(&admin.on(Ask::new("DELETE", "/api/v1/sources/1"))).is(403);
    assert_eq!(acts(&web), before, "something was done");
    // With it, what is not there is what is wrong; and a program with a token has no cookie that anybody could misuse.
    web.send(&admin.call("DELETE", "/api/v1/sources/1")).is(404);
    let token = make_token(&web, &admin, "robot", "manage");
    web.send(&Ask::new("DELETE", "/api/v1/sources/1").token(&token)).is(404);
}

#[test]
fn no_link_changes_anything() {
    let web = web();
    let admin = web.sign_in("admin");
    let before = acts(&web);
    for (path, _) in FORMS {
        let reply = web.send(&admin.get(&format!("{path}?csrf={}", admin.csrf)));
        assert!([200, 400, 404, 405].contains(&reply.status), "{path}: {reply:?}");
    }
    assert_eq!(acts(&web), before, "something was done");
    // A form that a page of another kind could send without asking is none.
    let text = format!("csrf={}&name=eve&role=admin", admin.csrf);
    let mut ask = admin.on(Ask::post("/settings/users")).header("content-type", "text/plain");
    ask.body = text.into_bytes();
    let reply = web.send(&ask);
    assert!((400..500).contains(&reply.status), "{reply:?}");
    assert_eq!(acts(&web), before, "something was done");
}
