//! Sessions: nobody brings one along, and they end when they have to.

use super::{ANOTHER, act_on_user, is_known, make_token, web};
use crate::harness::{Ask, PASSWORD, Session, Web};

fn signing_in(name: &str) -> Ask {
    Ask::post("/sign-in").form(&[("name", name), ("password", PASSWORD)])
}

#[test]
fn a_session_that_was_planted_is_not_adopted() {
    let web = web();
    let attacker = web.sign_in("viewer");
    for planted in ["chosen-by-somebody-else", attacker.secret.as_str()] {
        let planted = Session { secret: planted.to_owned(), csrf: String::new() };
        let reply = web.send(&planted.on(signing_in("admin"))).is(303);
        let victim = Session::of(&web, &reply);
        assert_ne!(victim.secret, planted.secret);
        assert!(victim.is_known(&web));
    }
    // What was planted is worth what it was worth before.
    let chosen = Session { secret: "chosen-by-somebody-else".to_owned(), csrf: String::new() };
    assert!(!chosen.is_known(&web));
    let page = web.send(&attacker.get("/settings/users"));
    assert_eq!(page.status, 403, "the attacker has become the administrator");
    // The secret is another one every time.
    let (first, second) = (web.sign_in("admin"), web.sign_in("admin"));
    assert_ne!(first.secret, second.secret);
    assert!(first.secret.len() >= 43 && first.is_known(&web) && second.is_known(&web));
}

#[test]
fn a_changed_password_ends_every_session_and_begins_one() {
    let web = web();
    let (here, there) = (web.sign_in("viewer"), web.sign_in("viewer"));
    let other = web.sign_in("auditor");
    let change = |current: &str, new: &str, again: &str| {
        let fields = [("current", current), ("password", new), ("again", again)];
        web.send(&here.form("/settings/profile", &fields))
    };
    change("not the password", ANOTHER, ANOTHER).is(422);
    change(PASSWORD, ANOTHER, PASSWORD).is(422);
    change(PASSWORD, "short", "short").is(422);
    assert!(here.is_known(&web) && there.is_known(&web));
    let now = Session::of(&web, &change(PASSWORD, ANOTHER, ANOTHER).is(303));
    assert_ne!(now.secret, here.secret);
    assert!(now.is_known(&web) && other.is_known(&web));
    assert!(!here.is_known(&web) && !there.is_known(&web), "an old session goes on");
    web.try_to_sign_in("viewer", PASSWORD).is(401);
    web.try_to_sign_in("viewer", ANOTHER).is(303);
}

#[test]
fn a_session_that_was_ended_is_not_taken_up_again() {
    let web = web();
    let (session, other) = (web.sign_in("viewer"), web.sign_in("viewer"));
    let reply = web.send(&session.form("/sign-out", &[])).is(303);
    assert!(reply.session_cookie().unwrap().contains("Max-Age=0"), "{reply:?}");
    assert!(!session.is_known(&web) && other.is_known(&web));
    let page = web.send(&session.get("/accounts")).is(303);
    assert_eq!(page.header("location"), Some("/sign-in?next=%2Faccounts"));
}

#[test]
fn whoever_is_disabled_demoted_or_removed_is_so_at_once() {
    let web = web();
    let admin = web.sign_in("admin");
    let viewer = web.sign_in("viewer");
    let token = make_token(&web, &viewer, "report", "read");
    assert!(viewer.is_known(&web) && is_known(&web, &token));
    act_on_user(&web, &admin, "viewer", "disable", &[]).is(303);
    assert!(!viewer.is_known(&web) && !is_known(&web, &token));
    web.try_to_sign_in("viewer", PASSWORD).is(401);
    act_on_user(&web, &admin, "viewer", "enable", &[]).is(303);
    let viewer = web.sign_in("viewer");
    act_on_user(&web, &admin, "viewer", "remove", &[]).is(303);
    assert!(!viewer.is_known(&web) && !is_known(&web, &token));
    web.try_to_sign_in("viewer", PASSWORD).is(401);

    // What a token may do ends with what its owner may do.
    act_on_user(&web, &admin, "auditor", "role", &[("role", "admin")]).is(303);
    let second = web.sign_in("auditor");
    let token = make_token(&web, &second, "robot", "manage");
    let pause = |token: &str| web.send(&Ask::post("/api/v1/sources/99/pause").token(token)).status;
    assert_eq!(pause(&token), 404);
    act_on_user(&web, &admin, "auditor", "role", &[("role", "viewer")]).is(303);
    assert_eq!(pause(&token), 403);
    web.send(&second.get("/settings/users")).is(403);
    assert!(second.is_known(&web));
    // Nobody shuts everybody out.
    let refused = act_on_user(&web, &admin, "admin", "disable", &[]);
    assert!(refused.body.contains("last administrator"), "{refused:?}");
    assert!(admin.is_known(&web));
}

#[test]
fn a_link_for_a_password_is_good_for_one_use_and_ends_sessions() {
    let web = web();
    let (admin, viewer) = (web.sign_in("admin"), web.sign_in("viewer"));
    let link = |web: &Web| {
        let page = act_on_user(web, &admin, "viewer", "link", &[]).is(200);
        let link = page.between("<code>", "</code>").unwrap();
        link.strip_prefix(&web.base).unwrap().to_owned()
    };
    let (old, new) = (link(&web), link(&web));
    web.get(&old).is(410);
    let fields = [("password", ANOTHER), ("again", ANOTHER)];
    let reply = web.send(&Ask::post(&new).form(&fields)).is(303);
    assert!(Session::of(&web, &reply).is_known(&web));
    assert!(!viewer.is_known(&web));
    web.get(&new).is(410);
    web.send(&Ask::post(&new).form(&fields)).is(410);
    for guess in ["/welcome/", "/welcome/a", "/welcome/..%2f", "/welcome/%00"] {
        let reply = web.get(guess);
        assert!([404, 410, 400].contains(&reply.status), "{guess}: {reply:?}");
    }
}
