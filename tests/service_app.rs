//! A service app in place of a person's token: its key, its scopes, its role, and tokens that do not last.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{
    Facts, Home, Output, Sim, SimSetup, assert_same, licensed, list, reference, timeless, tiny,
};

macro_rules! key {
    ($name:literal) => {
        include_str!(concat!("../crates/http/testdata/", $name))
    };
}

const RSA_PEM: &str = key!("rsa2048.pkcs8.pem");
const RSA_JWK: &str = key!("rsa2048.jwk.json");
const P256_PEM: &str = key!("prime256v1.pkcs8.pem");
const P256_JWK: &str = key!("prime256v1.jwk.json");
const P384_JWK: &str = key!("secp384r1.jwk.json");

const CLIENT: &str = "0oa9serviceAppOfTests";

/// What a reader asks for at most, as the provider documents it.
const SCOPES: [&str; 28] = [
    "okta.agentPools.read",
    "okta.apiTokens.read",
    "okta.appGrants.read",
    "okta.apps.read",
    "okta.authenticators.read",
    "okta.authorizationServers.read",
    "okta.behaviors.read",
    "okta.clients.read",
    "okta.deviceAssurance.read",
    "okta.devices.read",
    "okta.eventHooks.read",
    "okta.groups.read",
    "okta.idps.read",
    "okta.inlineHooks.read",
    "okta.linkedObjects.read",
    "okta.logStreams.read",
    "okta.logs.read",
    "okta.networkZones.read",
    "okta.oauthIntegrations.read",
    "okta.orgs.read",
    "okta.policies.read",
    "okta.realms.read",
    "okta.roles.read",
    "okta.schemas.read",
    "okta.threatInsights.read",
    "okta.trustedOrigins.read",
    "okta.userTypes.read",
    "okta.users.read",
];

/// The public half of a key.
fn public(jwk: &str) -> Value {
    let mut key: Value = serde_json::from_str(jwk).unwrap();
    let parts = key.as_object_mut().unwrap();
    parts.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    key
}

/// A simulator that has a service app with these settings.
struct Served {
    setup: SimSetup,
    sim: Sim,
    _dir: TempDir,
}

fn serve(setup: SimSetup, jwk: &str, settings: &Value, more: &[&str]) -> Served {
    let mut app = json!({"client_id": CLIENT, "public_keys": {"keys": [public(jwk)]}, "scopes": SCOPES});
    for (name, value) in settings.as_object().unwrap() {
        app[name] = value.clone();
    }
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("app.json");
    std::fs::write(&file, app.to_string()).unwrap();
    let setup = setup.flags(&[&["--oauth", file.to_str().unwrap()], more].concat());
    let sim = setup.start();
    Served { setup: setup.port(sim.port), sim, _dir: dir }
}

/// A home that shows nothing of this key.
fn home_with(key: &str) -> Home {
    let mut home = Home::new();
    if key.contains("BEGIN") {
        for line in key.lines().filter(|line| !line.starts_with("-----") && line.len() > 20) {
            home.keep_secret(line);
        }
    } else {
        let key: Value = serde_json::from_str(key).unwrap();
        for part in ["d", "p", "q", "dp", "dq", "qi"] {
            if let Some(secret) = key[part].as_str() {
                home.keep_secret(secret);
            }
        }
    }
    home.file("key", key);
    home
}

fn add(home: &Home, sim: &Sim, more: &[&str]) -> Output {
    let key = home.path().join("key");
    let key = key.to_str().unwrap();
    let start = ["source", "add", "okta", "--domain", &sim.url, "--allow-loopback-http", "--key-file", key];
    home.run(&[&start[..], &["--client-id", CLIENT], more].concat())
}

/// Facts without what tells whose credential it is.
fn anyones(facts: Facts) -> Facts {
    let mut facts = timeless(facts);
    facts.retain(|key, _| !key.starts_with("setting/credential_reach/"));
    facts
}

#[track_caller]
fn nothing_is_stored(home: &Home) {
    assert_eq!(home.run(&["source", "list", "--json"]).json(), json!([]));
}

#[test]
fn every_key_and_every_proof_reads_what_a_token_reads() {
    let spec = tiny(101);
    let expected = anyones(reference(spec));
    for (key, jwk, settings, trace) in [
        (RSA_PEM, RSA_JWK, json!({}), true),
        (P256_JWK, P256_JWK, json!({"dpop": true, "nonce": true}), true),
        (P256_PEM, P256_JWK, json!({"dpop": true}), false),
        (RSA_JWK, RSA_JWK, json!({"dpop": true, "nonce": true}), false),
        (P384_JWK, P384_JWK, json!({}), false),
    ] {
        let Served { sim, _dir, .. } = serve(SimSetup::of(spec), jwk, &settings, &[]);
        let home = home_with(key);
        add(&home, &sim, &[]).ok();
        let log = if trace { "trace" } else { "warn" };
        let report = home.run(&["sync", "--json", "--log", log]).json();
        assert_eq!(licensed(list(&report["gaps"])), [], "{settings}");
        assert_same(&format!("facts with {settings}"), &anyones(home.facts()), &expected);
        let quiet = home.run(&["sync", "--json"]).json();
        assert_eq!(quiet["full"], false, "the same rights are taken for others: {quiet}");
        home.run(&["source", "check", "Okta"]).ok();
        home.run(&["source", "show", "Okta", "--json"]).ok();
        let served = sim.stop();
        let tokens = served.requests["POST /oauth2/v1/token"];
        assert!(tokens <= 4 * 3, "{tokens} tokens for four commands: {served:?}");
    }
}

#[test]
fn a_key_or_a_client_that_is_not_the_right_one_is_told_with_where_it_is_mended() {
    let Served { sim, _dir, .. } = serve(SimSetup::of(tiny(102)), RSA_JWK, &json!({}), &[]);
    let home = home_with(P256_PEM);
    add(&home, &sim, &[]).fails(3, "client_assertion", "Public keys");
    nothing_is_stored(&home);
    let home = home_with(RSA_PEM);
    add(&home, &sim, &["--key-id", "no-such-key"]).fails(3, "no key with the kid", "--key-id");
    let key = home.path().join("key");
    let key = key.to_str().unwrap();
    let other = ["source", "add", "okta", "--domain", &sim.url, "--allow-loopback-http", "--key-file", key];
    home.run(&[&other[..], &["--client-id", "0oaSomebodyElse00000"]].concat()).fails(
        3,
        "client_id",
        "check the client id",
    );
    home.run(&[&other[..], &["--client-id", " "]].concat()).fails(2, "--client-id is empty", "");
    nothing_is_stored(&home);
    for (text, error) in [
        ("", "key"),
        ("no key at all", "key"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "cut off"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "no private part"),
    ] {
        let home = Home::new();
        home.file("key", text);
        let output = add(&home, &sim, &[]);
        output.fails(2, error, "");
        nothing_is_stored(&home);
    }
}

#[test]
fn scopes_that_were_not_granted_cost_only_what_they_are_for() {
    let granted = ["okta.users.read", "okta.groups.read", "okta.apps.read", "okta.logs.read"];
    for drop in [true, false] {
        let settings = json!({"scopes": granted, "drop_unknown_scopes": drop});
        let Served { setup, sim, _dir } = serve(SimSetup::of(tiny(103)), RSA_JWK, &settings, &[]);
        let home = home_with(RSA_PEM);
        let added = add(&home, &sim, &[]).ok();
        let told = &added.stdout;
        for (dataset, verdict) in [
            ("users ", "allowed"),
            ("groups ", "allowed"),
            ("applications ", "allowed"),
            ("sign-on activity ", "allowed"),
            ("policies ", "denied"),
            ("admins ", "denied"),
            ("API tokens ", "denied"),
            ("devices and their users ", "denied"),
        ] {
            let row = told.lines().find(|line| line.starts_with(dataset)).unwrap();
            assert!(row.contains(verdict), "drop {drop}: {row}");
            if verdict == "denied" {
                assert!(row.contains("okta."), "no scope is named: {row}");
            }
        }
        let all = format!("{told}{}", added.stderr);
        assert!(all.contains("was not granted") && all.contains("okta.policies.read"), "{all}");

        home.run(&["sync", "--json"]).ok();
        let gaps = home.run(&["gaps", "--json"]).json();
        let denied: Vec<&Value> =
            list(&gaps).iter().filter(|gap| gap["reason"]["denied"].is_object()).collect();
        assert!(denied.iter().any(|gap| gap["scope"]["dataset"] == "role_assignees"), "{gaps}");
        let mine = |fact: &Value| {
            let of = ["users", "groups", "apps", "app_users", "app_groups", "activity"];
            of.contains(&fact["scope"]["dataset"].as_str().unwrap())
        };
        let facts: Facts = anyones(home.facts()).into_iter().filter(|(_, fact)| mine(fact)).collect();
        let expected = anyones(reference(setup.spec)).into_iter().filter(|(_, fact)| mine(fact)).collect();
        assert_same("facts of what was granted", &facts, &expected);
    }
    let settings = json!({"scopes": ["okta.users.read", "okta.groups.read", "okta.logs.read"]});
    let Served { sim, _dir, .. } = serve(SimSetup::of(tiny(103)), RSA_JWK, &settings, &[]);
    let home = home_with(RSA_PEM);
    add(&home, &sim, &[]).fails(3, "may not read /api/v1/apps", "");
    nothing_is_stored(&home);
}

#[test]
fn a_service_app_without_a_role_is_not_connected() {
    let settings = json!({"no_admin_role": true});
    let Served { sim, _dir, .. } = serve(SimSetup::of(tiny(104)), RSA_JWK, &settings, &[]);
    let home = home_with(RSA_PEM);
    add(&home, &sim, &[]).fails(3, "empty list of users", "Admin roles tab");
    nothing_is_stored(&home);
}

#[test]
fn a_clock_that_is_wrong_is_told_and_costs_nothing() {
    let expected = anyones(reference(tiny(105)));
    for (skew, settings) in [("600", json!({})), ("-600", json!({"dpop": true, "nonce": true}))] {
        let flags = ["--clock-skew-secs", skew];
        let Served { sim, _dir, .. } = serve(SimSetup::of(tiny(105)), P256_JWK, &settings, &flags);
        let home = home_with(P256_JWK);
        let added = add(&home, &sim, &[]).ok();
        let said = format!("{}{}", added.stdout, added.stderr);
        let off = ["599", "600", "601"].map(|off| format!("clock is {off} s off"));
        assert!(off.iter().any(|off| said.contains(off)), "{said}");
        home.run(&["sync", "--json"]).ok();
        assert_same(&format!("facts with a skew of {skew} s"), &anyones(home.facts()), &expected);
    }
}

#[test]
fn tokens_that_last_seconds_are_renewed_on_the_way() {
    let settings = json!({"token_seconds": 3, "dpop": true, "nonce": true});
    let setup = SimSetup::of(tiny(106)).latency_ms(350);
    let Served { setup, sim, _dir } = serve(setup, P256_JWK, &settings, &[]);
    let home = home_with(P256_JWK);
    add(&home, &sim, &[]).ok();
    drop(sim.stop());
    let sim = setup.start();
    let report = home.run(&["sync", "--json"]).json();
    let served = sim.stop();
    assert_eq!(licensed(list(&report["gaps"])), []);
    assert!(served.requests["POST /oauth2/v1/token"] >= 3, "{served:?}");
    assert_same("facts", &anyones(home.facts()), &anyones(reference(setup.spec)));
}

#[test]
fn a_key_that_is_taken_away_meanwhile_stops_the_sync_and_a_new_one_goes_on() {
    let spec = tiny(107);
    let Served { setup, sim, _dir } = serve(SimSetup::of(spec), RSA_JWK, &json!({}), &[]);
    let home = home_with(RSA_PEM);
    add(&home, &sim, &[]).ok();
    home.run(&["sync", "--json"]).ok();
    let before = home.facts();
    drop(sim.stop());
    let with_new_key = SimSetup::of(spec).port(setup.port.unwrap());
    let Served { sim, _dir, .. } = serve(with_new_key, P256_JWK, &json!({}), &[]);
    home.run(&["sync", "--json"]).fails(3, "client_assertion", "Public keys");
    assert_eq!(home.facts(), before);
    home.file("key", P256_PEM);
    let key = home.path().join("key");
    home.run(&["source", "rotate", "Okta", "--key-file", key.to_str().unwrap()]).ok();
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!(report["full"], false, "the same app has the same rights: {report}");
    // From a person's token to an app is another reach: everything is read anew.
    let mut home = home;
    home.keep_secret(&sim.token);
    home.set(crate::harness::TOKEN_VAR, &sim.token);
    home.run(&["source", "rotate", "Okta", "--token-env", crate::harness::TOKEN_VAR]).ok();
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!(report["full"], true, "{report}");
    assert_same("facts", &unseen(home.facts()), &unseen(before));
}

/// Facts without which sync saw them, and whose credential it was.
fn unseen(facts: Facts) -> Facts {
    let mut facts = anyones(facts);
    for fact in facts.values_mut() {
        fact["last_seen"].take();
        fact["snapshot"].take();
    }
    facts
}
