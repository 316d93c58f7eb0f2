//! Guessing passwords.

use super::web;
use crate::harness::{Ask, Home, PASSWORD, Reply, Web};

const FREE: usize = 5;
const SHARED: usize = 50;

#[test]
fn guessing_becomes_slow_for_the_name_and_for_the_address() {
    let mut home = Home::new();
    home.set("SIGHTLINE_SERVER__BEHIND_PROXY", "true");
    let web = Web::with_users(home);
    let attempt = |from: &str, name: &str, password: &str| {
        let ask = Ask::post("/sign-in").form(&[("name", name), ("password", password)]);
        web.send(&ask.header("x-forwarded-for", from))
    };
    let is_refused = |reply: Reply| {
        let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{reply:?}");
        assert!(reply.body.contains("Too many wrong passwords"), "{reply:?}");
        assert_eq!(reply.session_cookie(), None);
        reply.is(429);
    };
    for _ in 0..FREE {
        attempt("192.0.2.1", "viewer", "a wrong password").is(401);
    }
    // The right password is refused as well, or guessing would go on; whatever else the client says of where it is.
    is_refused(attempt("192.0.2.1", "viewer", PASSWORD));
    is_refused(attempt("192.0.2.2", "VIEWER", PASSWORD));
    // Others are not in the way of it, neither elsewhere nor where it came from: many share an address.
    attempt("192.0.2.2", "auditor", PASSWORD).is(303);
    attempt("192.0.2.1", "auditor", PASSWORD).is(303);
    // Nobody learns which names there are.
    let (known, unknown) = (attempt("192.0.2.4", "admin", "wrong"), attempt("192.0.2.4", "nobody", "wrong"));
    let words = |reply: &Reply| reply.between("role=\"alert\">", "</div>").unwrap().to_owned();
    assert_eq!((known.status, words(&known)), (unknown.status, words(&unknown)));
    for _ in 0..FREE {
        attempt("192.0.2.5", "nobody", "a wrong password");
    }
    is_refused(attempt("192.0.2.6", "nobody", "a wrong password"));
    // Who tries many names from one address is slowed down all the same, and says in vain that it is somewhere else.
    let names = (0..SHARED).map(|at| format!("somebody {at}"));
    for name in names {
        attempt("203.0.113.9, 192.0.2.7", &name, "a wrong password").is(401);
    }
    is_refused(attempt("203.0.113.10, 192.0.2.7", "admin", PASSWORD));
    attempt("192.0.2.7, 203.0.113.10", "admin", PASSWORD).is(303);
}

#[test]
fn the_current_password_is_not_guessed_by_a_stolen_session_either() {
    let web = web();
    let session = web.sign_in("viewer");
    let fields = [("current", "a wrong password"), ("password", PASSWORD), ("again", PASSWORD)];
    for _ in 0..FREE {
        let reply = web.send(&session.form("/settings/profile", &fields)).is(422);
        assert!(reply.body.contains("the current password is wrong"), "{reply:?}");
    }
    let right =
        [("current", PASSWORD), ("password", "an entirely new one"), ("again", "an entirely new one")];
    let reply = web.send(&session.form("/settings/profile", &right));
    assert!(reply.body.contains("too many wrong passwords"), "{reply:?}");
    assert!(session.is_known(&web), "the password was changed");
}
