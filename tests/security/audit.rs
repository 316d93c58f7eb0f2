//! Every administrative act leaves a trace: who did what to what, and from where.

use serde_json::{Value, json};

use super::{ANOTHER, act_on_user, make_token};
use crate::harness::{Ask, Home, PASSWORD, Session, SimSetup, Web, list, text, tiny};

/// What was done since the start, the oldest first: who, what, to what, outcome.
#[track_caller]
fn acts(web: &Web) -> Vec<Value> {
    let log = web.home.run(&["audit", "--json"]).json();
    let act = |entry: &Value| {
        assert_eq!(entry["address"], "127.0.0.1", "{entry}");
        let actor = &entry["actor"];
        let who = if actor["token"].is_object() { &actor["token"]["user"] } else { &actor["user"]["name"] };
        json!([who, entry["action"], entry["target"], entry["outcome"]])
    };
    log.as_array().unwrap().iter().rev().map(act).collect()
}

#[test]
fn every_administrative_act_is_written_down() {
    let sim = SimSetup::of(tiny(424)).start();
    let web = Web::start(Home::new());
    let link = web.set_up.clone().unwrap();
    let fields = [("name", "grace"), ("password", PASSWORD), ("again", PASSWORD)];
    let admin = Session::of(&web, &web.send(&Ask::post(&link).form(&fields)).is(303));
    web.try_to_sign_in("grace", ANOTHER).is(401);

    let page = web.send(&admin.form("/settings/users", &[("name", "ada"), ("role", "viewer")])).is(200);
    let link = page.between("<code>", "</code>").unwrap().strip_prefix(&web.base).unwrap().to_owned();
    act_on_user(&web, &admin, "ada", "role", &[("role", "auditor")]).is(303);
    let reply = web.send(&Ask::post(&link).form(&[("password", ANOTHER), ("again", ANOTHER)])).is(303);
    let ada = Session::of(&web, &reply);
    make_token(&web, &ada, "report", "read");
    web.send(&ada.form("/settings/tokens/1/remove", &[])).is(303);
    web.send(&ada.form("/sign-out", &[])).is(303);
    act_on_user(&web, &admin, "ada", "disable", &[]).is(303);
    act_on_user(&web, &admin, "ada", "enable", &[]).is(303);
    act_on_user(&web, &admin, "ada", "link", &[]).is(200);
    act_on_user(&web, &admin, "ada", "remove", &[]).is(303);

    let fields = [("domain", sim.url.as_str()), ("token", sim.token.as_str())];
    let page = web.send(&admin.form("/sources/new/okta", &fields)).is(200);
    let draft = page.between("name=\"draft\" value=\"", "\"").unwrap();
    web.send(&admin.form("/sources/create", &[("draft", draft)])).is(303);
    web.sync(&admin, 1);
    for action in ["pause", "cancel", "resume", "full", "accept"] {
        web.wait_while_busy(&admin, 1);
        web.send(&admin.form(&format!("/sources/1/{action}"), &[])).is(303);
    }
    web.wait_while_busy(&admin, 1);
    web.send(&admin.form("/sources/1/change", &[("name", "Okta")])).is(303);
    web.send(&admin.form("/sources/1/dataset", &[("dataset", "factors"), ("on", "on")])).is(303);
    web.send(&admin.form("/sources/1/check", &[])).is(200);
    web.send(&admin.form("/sources/1/credential", &[("token", &sim.token)])).is(303);
    web.send(&admin.form("/sources/1/remove", &[("history", "erase")])).is(303);
    let token = make_token(&web, &admin, "robot", "manage");
    let settings = json!({ "domain": sim.url, "token": sim.token });
    let body = json!({ "connector": "okta", "settings": settings, "name": "Second" });
    web.send(&Ask::post("/api/v1/sources").token(&token).json(&body)).is(201);
    web.send(&Ask::new("DELETE", "/api/v1/sources/2?keep_history=true").token(&token)).is(204);

    let expected = [
        ["", "user.add", "grace"],
        ["grace", "session.begin", ""],
        ["", "session.begin", "grace"],
        ["grace", "user.add", "ada"],
        ["grace", "user.role", "ada"],
        ["ada", "user.password", ""],
        ["ada", "session.begin", ""],
        ["ada", "api_token.add", "report"],
        ["ada", "api_token.remove", "report"],
        ["ada", "session.end", ""],
        ["grace", "user.disable", "ada"],
        ["grace", "user.enable", "ada"],
        ["grace", "user.link", "ada"],
        ["grace", "user.remove", "ada"],
        ["grace", "source.add", "Okta"],
        ["grace", "source.sync", "Okta"],
        ["grace", "source.pause", "Okta"],
        ["grace", "source.cancel", "Okta"],
        ["grace", "source.resume", "Okta"],
        ["grace", "source.full", "Okta"],
        ["grace", "source.accept", "Okta"],
        ["grace", "source.change", "Okta"],
        ["grace", "source.dataset", "Okta"],
        ["grace", "source.check", "Okta"],
        ["grace", "source.rotate", "Okta"],
        ["grace", "source.erase", "Okta"],
        ["grace", "api_token.add", "robot"],
        ["grace", "source.add", "Second"],
        ["grace", "source.disconnect", "Second"],
    ];
    let acts = acts(&web);
    let told: Vec<[&str; 3]> =
        acts.iter().map(|act| [0, 1, 2].map(|at| act[at].as_str().unwrap_or_default())).collect();
    assert_eq!(told, expected);
    assert_eq!(acts.iter().filter(|act| act[3] != "done").count(), 1, "only the wrong password was refused");
    // The page shows the same, and the chain holds.
    let page = web.send(&admin.get("/settings/audit")).is(200);
    for act in &expected {
        assert!(page.body.contains(act[1]), "{act:?} is not on the page");
    }
    // What a credential could read when somebody decided is kept, and the credential is not.
    let (_, home) = web.stop();
    let log = home.run(&["audit", "--json"]).json();
    let checked = list(&log)
        .iter()
        .filter(|entry| ["source.add", "source.check", "source.rotate"].contains(&text(entry, "action")));
    let evidence: Vec<&str> = checked.map(|entry| text(entry, "detail")).collect();
    assert_eq!(evidence.len(), 4);
    assert!(evidence.iter().all(|detail| detail.contains(" parts can be read")), "{evidence:?}");
    let doctor = home.run(&["doctor", "--json"]).json();
    assert_eq!(doctor["audit_log"], json!({ "intact": true, "entries": expected.len() }));
    assert_eq!(
        text(&home.run(&["audit", "--json", "--limit", "1"]).json()[0], "action"),
        "source.disconnect"
    );
}
