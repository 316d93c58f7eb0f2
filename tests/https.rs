//! The whole journey over HTTPS with an authority of one's own, HTTP/2 and compressed answers.

use serde_json::json;
use tempfile::TempDir;

use crate::harness::{
    Home, Sim, SimSetup, TOKEN_VAR, assert_same, licensed, list, reference, timeless, tiny,
};

/// A simulator that speaks HTTPS, and the file with the certificate of its authority.
struct Secure {
    sim: Sim,
    authority: String,
    _dir: TempDir,
}

fn secure(setup: SimSetup) -> Secure {
    let dir = TempDir::new().unwrap();
    let authority = dir.path().join("authority.pem").to_str().unwrap().to_owned();
    let sim = setup.flags(&["--tls", "--ca-out", &authority, "--gzip"]).start();
    assert!(sim.url.starts_with("https://"), "{}", sim.url);
    Secure { sim, authority, _dir: dir }
}

#[test]
fn over_https_everything_is_as_over_plain_http() {
    let setup = SimSetup::of(tiny(91));
    let expected = reference(setup.spec);
    let Secure { sim, authority, _dir } = secure(setup);
    let mut home = Home::new();
    home.keep_secret(&sim.token);
    home.set(TOKEN_VAR, &sim.token);
    let config = home.file("tls.toml", &format!("[http]\nextra_roots = [{authority:?}]\n"));
    home.add_with(&sim, &["--config", &config]).ok();
    let report = home.run(&["sync", "--json", "--config", &config]).json();
    assert_eq!(licensed(list(&report["gaps"])), []);
    assert_same("facts", &timeless(home.facts()), &expected);
    // The environment names it as well as the file.
    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", &format!("[{authority:?}]"));
    assert_eq!(home.run(&["sync", "--json"]).json()["full"], false);
    home.run(&["source", "check", "Okta"]).ok();

    let served = sim.stop();
    assert_eq!(served.protocols.keys().collect::<Vec<_>>(), ["HTTP/2.0"], "{served:?}");
    assert!(served.gzip_answers > 10, "{served:?}");
}

#[test]
fn an_authority_that_is_not_known_is_told_with_what_to_do() {
    let Secure { sim, authority, _dir } = secure(SimSetup::of(tiny(92)));
    let mut home = Home::new();
    home.keep_secret(&sim.token);
    home.set(TOKEN_VAR, &sim.token);
    home.add(&sim).fails(4, "127.0.0.1", "extra_roots");
    let told = home.add(&sim).stderr.to_lowercase();
    assert!(told.contains("certificate") || told.contains("tls"), "{told}");
    assert_eq!(home.run(&["source", "list", "--json"]).json(), json!([]));

    // The authority of another server does not help.
    let other = secure(SimSetup::of(tiny(93)));
    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", &format!("[{:?}]", other.authority));
    home.add(&sim).fails(4, "127.0.0.1", "extra_roots");
    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", "[\"not-there.pem\"]");
    home.add(&sim).fails(2, "http.extra_roots: cannot read not-there.pem", "");
    let garbage = home.file("garbage.pem", "no certificate");
    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", &format!("[{garbage:?}]"));
    home.add(&sim).fails(2, "holds no certificate in PEM", "http.extra_roots");

    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", &format!("[{authority:?}]"));
    home.add(&sim).ok();
    home.unset("SIGHTLINE_HTTP__EXTRA_ROOTS");
    home.run(&["sync"]).fails(4, "127.0.0.1", "extra_roots");
    assert_eq!(sim.stop().of("/api/v1/users"), 1, "something was asked before it was certain whom");
}

#[test]
fn answers_that_break_on_the_way_are_read_again_over_http_2_too() {
    let expected = reference(tiny(94));
    let faults = json!([
        {"path": "/api/v1/users", "nth": 2, "action": "truncate"},
        {"path": "/api/v1/groups", "nth": 2, "action": "close_connection"},
        {"path": "*", "nth": 40, "action": "close_connection"},
        {"path": "*", "nth": 60, "action": "truncate"},
    ]);
    let Secure { sim, authority, _dir } = secure(SimSetup::of(tiny(94)).faults(faults));
    let mut home = Home::new();
    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", &format!("[{authority:?}]"));
    home.set(TOKEN_VAR, &sim.token);
    home.add(&sim).ok();
    home.run(&["sync", "--json"]).ok();
    assert_eq!(home.gaps(), []);
    assert_same("facts", &timeless(home.facts()), &expected);
}
