//! Secrets: shown once or never, and in no log, page, answer or file.

use std::fs;
use std::path::Path;

use super::{ANOTHER, make_token, web};
use crate::harness::{Ask, Home, PASSWORD, Session, SimSetup, Web, tiny};

const WRONG: &str = "00wRoNgWrOnGwRoNgWrOnGwRoNgWrOnGwRoNgWrOn1";

/// Every file below a directory, with what is in it.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn no_secret_is_logged_stored_in_the_clear_or_shown_again() {
    let sim = SimSetup::of(tiny(423)).start();
    let mut home = Home::new();
    home.set("SIGHTLINE_LOG", "trace");
    let web = Web::start(home);
    let link = web.set_up.clone().unwrap();
    let set_up = link.strip_prefix("/welcome/").unwrap().to_owned();
    let fields = [("name", "grace"), ("password", PASSWORD), ("again", PASSWORD)];
    let admin = Session::of(&web, &web.send(&Ask::post(&link).form(&fields)).is(303));
    let wrong = [("domain", sim.url.as_str()), ("token", WRONG)];
    let refused = web.send(&admin.form("/sources/new/okta", &wrong)).is(422);
    let right = [("domain", sim.url.as_str()), ("token", sim.token.as_str())];
    let page = web.send(&admin.form("/sources/new/okta", &right)).is(200);
    let draft = page.between("name=\"draft\" value=\"", "\"").unwrap().to_owned();
    web.send(&admin.form("/sources/create", &[("draft", &draft)])).is(303);
    web.sync(&admin, 1);
    let rotated = web.send(&admin.form("/sources/1/credential", &[("token", WRONG)]));
    let token = make_token(&web, &admin, "robot", "manage");
    let made = web.send(&admin.get("/settings/tokens")).is(200);
    let user = web.send(&admin.form("/settings/users", &[("name", "ada"), ("role", "viewer")])).is(200);
    let link = user.between("<code>", "</code>").unwrap().rsplit('/').next().unwrap().to_owned();
    web.try_to_sign_in("grace", ANOTHER).is(401);

    let cookie = admin.secret.clone();
    let secrets = [PASSWORD, ANOTHER, WRONG, &set_up, &sim.token, &token, &link, &cookie].map(str::to_owned);
    let pages = [
        "/",
        "/sources",
        "/sources/1",
        "/sources/1/credential",
        "/sources/new/okta",
        "/settings/users",
        "/settings/tokens",
        "/settings/audit",
        "/settings/profile",
        "/gaps",
        "/api/v1/sources",
        "/api/v1/sources/1",
        "/api/v1/connectors",
        "/api/v1/sources/1/snapshots",
        "/api/v1/openapi.json",
    ]
    .map(|path| web.send(&admin.get(path)).is(200));
    for page in pages.iter().chain([&refused, &page, &rotated, &made]) {
        for secret in &secrets {
            assert!(!page.body.contains(secret.as_str()), "{secret} is on a page: {page:?}");
        }
    }
    let log = web.home.run(&["audit", "--json"]).ok().stdout;
    let (output, home) = web.stop();
    assert!(output.stderr.len() > 1000, "nothing was logged");
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "{secret} is in the audit log");
        assert!(!output.stderr.contains(secret.as_str()), "{secret} is in the log");
        let is_link = *secret == set_up;
        assert_eq!(output.stdout.contains(secret.as_str()), is_link, "{secret}: {}", output.stdout);
        for (path, bytes) in files(&home.data()) {
            let is_in = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_in, "{secret} is in {path}");
        }
    }
}

#[test]
fn the_first_link_is_good_for_one_administrator() {
    let web = Web::start(Home::new());
    let link = web.set_up.clone().unwrap();
    assert!(link.len() >= "/welcome/".len() + 43, "{link}");
    let fields = |name: &'static str| [("name", name), ("password", PASSWORD), ("again", PASSWORD)];
    web.send(&Ask::post(&link).form(&[("name", "x"), ("password", "short"), ("again", "short")])).is(422);
    web.send(&Ask::post(&link).form(&fields(""))).is(422);
    web.send(&Ask::post(&link).form(&fields("a\u{7}b"))).is(422);
    web.get(&link).is(200);
    web.send(&Ask::post(&link).form(&fields("grace"))).is(303);
    web.send(&Ask::post(&link).form(&fields("eve"))).is(410);
    web.get(&link).is(410);
    web.try_to_sign_in("eve", PASSWORD).is(401);
    let (_, home) = web.stop();
    // With somebody there, no start makes a link.
    let web = Web::start(home);
    assert_eq!(web.set_up, None);
    let (output, _) = web.stop();
    assert!(!output.stdout.contains("/welcome/"), "{output:?}");
}

#[test]
fn an_api_token_is_shown_once() {
    let web = web();
    let viewer = web.sign_in("viewer");
    let token = make_token(&web, &viewer, "report", "read");
    for path in ["/settings/tokens", "/settings/profile", "/settings/audit"] {
        for session in [&viewer, &web.sign_in("admin")] {
            let page = web.send(&session.get(path));
            assert!(!page.body.contains(&token) && !page.body.contains(&token[10..]), "{page:?}");
        }
    }
}
