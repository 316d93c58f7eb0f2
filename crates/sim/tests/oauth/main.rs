//! A service app: how it gets a token, what the token may do, and everything that is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod client;

use std::sync::Arc;

use client::{CLIENT, Client, Key, now, sha256, with};
use serde_json::{Value, json};
use sightline_sim::{Company, CompanySpec, OAuthApp, OktaOptions, OktaServer, Tls};

const SCOPES: [&str; 3] = ["okta.users.read", "okta.groups.read", "okta.apps.manage"];

/// The settings of an app whose first key is this one, as they would be written to a file.
fn app(key: &Key, settings: &Value) -> OAuthApp {
    let first = with(key.public.clone(), &json!({ "kid": "first" }));
    let second = with(Key::new("ES256").public, &json!({ "kid": "second" }));
    let plain = json!({ "client_id": CLIENT, "public_keys": { "keys": [first, second] }, "scopes": SCOPES });
    serde_json::from_value(with(plain, settings)).unwrap()
}

async fn serve(key: &Key, settings: &Value, options: OktaOptions) -> OktaServer {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let company = Arc::new(Company::generate(CompanySpec::for_people(20, 42, now)));
    OktaServer::start(company, OktaOptions { oauth: Some(app(key, settings)), ..options }).await.unwrap()
}

fn client<'a>(server: &'a OktaServer, key: &'a Key) -> Client<'a> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = server.ca_pem().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
    let http = reqwest::Client::builder().no_proxy().tls_certs_only(authority).build().unwrap();
    Client { http, server, key }
}

#[tokio::test]
async fn every_kind_of_key_gets_a_token() {
    for algorithm in ["RS256", "RS384", "RS512", "ES256", "ES384"] {
        let key = Key::new(algorithm);
        let server = serve(&key, &json!({}), OktaOptions::default()).await;
        let client = client(&server, &key);
        let answer = client.ask("okta.users.read", &client.assertion(&json!({}), &json!({})), None).await;
        assert_eq!(answer.status, 200, "{algorithm}: {answer:?}");
        assert_eq!(answer.text("token_type"), "Bearer");
        assert_eq!(answer.text("scope"), "okta.users.read");
        assert_eq!(answer.body["expires_in"], 3600);
        assert!(answer.headers.contains_key("x-rate-limit-limit"));
        let bearer = format!("Bearer {}", answer.text("access_token"));
        assert_eq!(
            client.get("/api/v1/users?limit=2", &bearer, None).await.body.as_array().unwrap().len(),
            2
        );
        let ssws = format!("SSWS {}", server.token());
        assert_eq!(client.get("/api/v1/users", &ssws, None).await.status, 200, "the API token stays valid");
        assert_eq!(server.requests()["POST /oauth2/v1/token"], 1);
    }
}

#[tokio::test]
async fn assertions_that_prove_nothing_are_refused() {
    let key = Key::new("ES256");
    let server = serve(&key, &json!({}), OktaOptions::default()).await;
    let client = client(&server, &key);
    for (header, claims) in [
        (json!({ "kid": "second" }), json!({})),
        (json!({ "kid": "third" }), json!({})),
        (json!({ "kid": null }), json!({})),
        (json!({ "alg": "RS256" }), json!({})),
        (json!({ "alg": "none" }), json!({})),
        (json!({}), json!({ "iss": "0oaSomebodyElse00000" })),
        (json!({}), json!({ "sub": "0oaSomebodyElse00000" })),
        (json!({}), json!({ "aud": "https://alderfinch.okta.com/oauth2/v1/token" })),
        (json!({}), json!({ "aud": server.url() })),
        (json!({}), json!({ "exp": now() - 10 })),
        (json!({}), json!({ "exp": now() + 3700 })),
        (json!({}), json!({ "exp": null })),
        (json!({}), json!({ "jti": null })),
    ] {
        let answer = client.ask("okta.users.read", &client.assertion(&header, &claims), None).await;
        assert_eq!(answer.refusal(), (401, "invalid_client"), "{header} {claims}");
    }
    let good = client.assertion(&json!({}), &json!({}));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forged =
        format!("{signed}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    for assertion in ["", "a.b.c", &forged] {
        assert_eq!(client.ask("okta.users.read", assertion, None).await.refusal(), (401, "invalid_client"));
    }
    // What was refused for its signature was not used up.
    assert_eq!(client.ask("okta.users.read", &good, None).await.status, 200);
    let again = client.ask("okta.users.read", &good, None).await;
    assert_eq!(again.refusal(), (401, "invalid_client"));
    assert!(again.text("error_description").contains("already been used"));

    let assertion = client.assertion(&json!({}), &json!({}));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form =
        [("grant_type", "password"), ("client_assertion_type", kind), ("client_assertion", &assertion)];
    assert_eq!(client.ask_with(&form, None).await.refusal(), (400, "unsupported_grant_type"));
    let form = [("grant_type", "client_credentials"), ("client_assertion", assertion.as_str())];
    assert_eq!(client.ask_with(&form, None).await.refusal(), (401, "invalid_client"));
}

#[tokio::test]
async fn without_an_app_nobody_gets_a_token() {
    let key = Key::new("ES256");
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let company = Arc::new(Company::generate(CompanySpec::for_people(20, 42, now)));
    let server = OktaServer::start(company, OktaOptions::default()).await.unwrap();
    let client = client(&server, &key);
    let answer = client.ask("okta.users.read", &client.assertion(&json!({}), &json!({})), None).await;
    assert_eq!(answer.refusal(), (401, "invalid_client"));
    assert_eq!(client.get("/api/v1/users", "Bearer nonsense", None).await.refusal(), (401, "E0000011"));
}

#[tokio::test]
async fn the_whole_dance_with_proofs_and_a_nonce() {
    // Over HTTP/2 the host of a request is in another place than over HTTP/1.1.
    for tls in [None, Some(Tls::default())] {
        let key = Key::new("RS256");
        let settings = json!({ "dpop": true, "nonce": true });
        let server = serve(&key, &settings, OktaOptions { tls, ..OktaOptions::default() }).await;
        let client = client(&server, &key);
        let own = Key::new("ES256");
        let ask = async |assertion: &str, proof: Option<&str>| {
            client.ask("okta.users.read", assertion, proof).await
        };
        let assertion = || client.assertion(&json!({}), &json!({}));

        let first = assertion();
        let answer = ask(&first, None).await;
        assert_eq!(answer.refusal(), (400, "invalid_dpop_proof"));
        assert_eq!(answer.text("error_description"), "The DPoP proof JWT header is missing.");
        let proof = client.token_proof(&own, &json!({}));
        assert_eq!(ask(&first, Some(&proof)).await.refusal(), (401, "invalid_client"), "it is used up");

        let second = assertion();
        let answer = ask(&second, Some(&client.token_proof(&own, &json!({})))).await;
        assert_eq!(answer.refusal(), (400, "use_dpop_nonce"));
        let nonce = answer.headers["dpop-nonce"].to_str().unwrap().to_owned();
        let proof = client.token_proof(&own, &json!({ "nonce": nonce }));
        assert_eq!(ask(&second, Some(&proof)).await.refusal(), (401, "invalid_client"), "it is used up");
        let wrong = client.token_proof(&own, &json!({ "nonce": "of another day" }));
        assert_eq!(ask(&assertion(), Some(&wrong)).await.refusal(), (400, "use_dpop_nonce"));

        let answer = ask(&assertion(), Some(&proof)).await;
        assert_eq!((answer.status, answer.text("token_type")), (200, "DPoP"), "{answer:?}");
        assert_eq!(
            ask(&assertion(), Some(&proof)).await.refusal(),
            (400, "invalid_dpop_proof"),
            "a proof is for once"
        );
        let token = answer.text("access_token");

        let htu = format!("{}/api/v1/users", server.url());
        let claims = json!({ "htm": "GET", "htu": htu, "ath": sha256(token) });
        let get = async |proof: Option<&str>| {
            client.get("/api/v1/users?limit=1", &format!("DPoP {token}"), proof).await
        };
        for _ in 0..2 {
            let answer = get(Some(&client.proof(&own, &json!({}), &claims))).await;
            assert_eq!((answer.status, answer.body.as_array().unwrap().len()), (200, 1));
        }
        let missing = get(None).await;
        assert_eq!(missing.refusal(), (400, "invalid_dpop_proof"));
        assert!(missing.headers["www-authenticate"].to_str().unwrap().starts_with("DPoP "));
        let used = client.proof(&own, &json!({}), &claims);
        assert_eq!(get(Some(&used)).await.status, 200);
        assert_eq!(get(Some(&used)).await.refusal(), (401, "invalid_dpop_proof"));
        let private = with(own.public.clone(), &json!({ "d": "AAAA" }));
        for (header, changes) in [
            (json!({ "typ": "jwt" }), json!({})),
            (json!({ "jwk": private }), json!({})),
            (json!({ "jwk": Key::new("ES256").public }), json!({})),
            (json!({ "jwk": null }), json!({})),
            (json!({ "alg": "ES384" }), json!({})),
            (json!({}), json!({ "htm": "POST" })),
            (json!({}), json!({ "htu": format!("{htu}?limit=1") })),
            (json!({}), json!({ "htu": format!("{}/api/v1/groups", server.url()) })),
            (json!({}), json!({ "iat": now() - 400 })),
            (json!({}), json!({ "iat": now() + 400 })),
            (json!({}), json!({ "iat": null })),
            (json!({}), json!({ "jti": null })),
            (json!({}), json!({ "ath": null })),
            (json!({}), json!({ "ath": sha256("another token") })),
        ] {
            let answer = get(Some(&client.proof(&own, &header, &with(claims.clone(), &changes)))).await;
            assert_eq!(answer.refusal(), (401, "invalid_dpop_proof"), "{header} {changes}");
        }
        let other = Key::new("ES256");
        let answer = get(Some(&client.proof(&other, &json!({}), &claims))).await;
        assert_eq!(answer.refusal(), (401, "invalid_dpop_proof"), "a key that the token is not bound to");
        let answer = client.get("/api/v1/users", &format!("Bearer {token}"), None).await;
        assert_eq!(answer.refusal(), (401, "E0000011"), "a bound token is no bearer token");
    }
}

#[tokio::test]
async fn a_proof_that_nobody_asked_for_binds_the_token() {
    let key = Key::new("ES384");
    let server = serve(&key, &json!({}), OktaOptions::default()).await;
    let client = client(&server, &key);
    let own = Key::new("ES256");
    let proof = client.token_proof(&own, &json!({}));
    let answer = client.ask("okta.users.read", &client.assertion(&json!({}), &json!({})), Some(&proof)).await;
    assert_eq!(answer.text("token_type"), "DPoP");
    let plain = client.token("okta.users.read").await;
    let claims =
        json!({ "htm": "GET", "htu": format!("{}/api/v1/users", server.url()), "ath": sha256(&plain) });
    let proof = client.proof(&own, &json!({}), &claims);
    let answer = client.get("/api/v1/users", &format!("DPoP {plain}"), Some(&proof)).await;
    assert_eq!(answer.refusal(), (401, "E0000011"), "a bearer token is not a bound one");
}

#[tokio::test]
async fn scopes_that_were_not_granted_are_refused_or_dropped() {
    let key = Key::new("ES256");
    let mixed = "okta.users.read okta.logs.read okta.groups.read";
    let ask = async |settings: Value, scope: &str| {
        let server = serve(&key, &settings, OktaOptions::default()).await;
        let client = client(&server, &key);
        client.ask(scope, &client.assertion(&json!({}), &json!({})), None).await
    };
    let drop = json!({ "drop_unknown_scopes": true });
    assert_eq!(ask(json!({}), mixed).await.refusal(), (400, "invalid_scope"));
    assert_eq!(ask(json!({}), "").await.refusal(), (400, "invalid_scope"));
    assert_eq!(ask(drop.clone(), "okta.logs.read").await.refusal(), (400, "access_denied"));
    let answer = ask(drop, mixed).await;
    assert_eq!((answer.status, answer.text("scope")), (200, "okta.users.read okta.groups.read"));
}

#[tokio::test]
async fn a_token_reads_what_its_scopes_name() {
    let key = Key::new("ES256");
    let server = serve(&key, &json!({}), OktaOptions::default()).await;
    let client = client(&server, &key);
    let bearer = format!("Bearer {}", client.token("okta.users.read okta.apps.manage").await);
    for (path, expected) in [
        ("/api/v1/users", None),
        ("/api/v1/apps", None),
        ("/api/v1/groups", Some((403, "E0000006"))),
        ("/api/v1/logs", Some((403, "E0000006"))),
        ("/api/v1/iam/assignees/users", Some((403, "E0000006"))),
        ("/api/v1/users/00u00000000000000000/roles", Some((403, "E0000006"))),
        ("/api/v1/users/00u00000000000000000/groups", Some((404, "E0000007"))),
        ("/api/v1/users/me", Some((403, "E0000005"))),
        ("/api/v1/nothing", Some((404, "E0000008"))),
    ] {
        let answer = client.get(path, &bearer, None).await;
        match expected {
            None => assert_eq!(answer.status, 200, "{path}"),
            Some(expected) => assert_eq!(answer.refusal(), expected, "{path}"),
        }
    }
}

#[tokio::test]
async fn an_app_without_an_admin_role_sees_an_empty_organisation() {
    let key = Key::new("ES256");
    let server = serve(&key, &json!({ "no_admin_role": true }), OktaOptions::default()).await;
    let client = client(&server, &key);
    let bearer = format!("Bearer {}", client.token("okta.users.read okta.groups.read").await);
    let users = client.get("/api/v1/users?limit=200", &bearer, None).await;
    assert_eq!((users.status, users.body), (200, json!([])));
    assert!(!users.headers.contains_key("link"));
    assert_eq!(client.get("/api/v1/groups", &bearer, None).await.refusal(), (403, "E0000006"));
    let ssws = format!("SSWS {}", server.token());
    assert!(!client.get("/api/v1/users", &ssws, None).await.body.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn tokens_expire() {
    let key = Key::new("ES256");
    let server = serve(&key, &json!({ "token_seconds": 0 }), OktaOptions::default()).await;
    let client = client(&server, &key);
    let bearer = format!("Bearer {}", client.token("okta.users.read").await);
    assert_eq!(client.get("/api/v1/users", &bearer, None).await.refusal(), (401, "E0000011"));
}

#[tokio::test]
async fn all_times_are_those_of_the_servers_clock() {
    for skew in [7200, -7200] {
        let key = Key::new("ES256");
        let options = OktaOptions { clock_skew_seconds: skew, ..OktaOptions::default() };
        let server = serve(&key, &json!({ "dpop": true }), options).await;
        let client = client(&server, &key);
        let own = Key::new("ES256");
        let proof = |time| client.token_proof(&own, &json!({ "iat": time }));
        let assertion = |time: i64| client.assertion(&json!({}), &json!({ "exp": time + 300 }));
        let refused = client.ask("okta.users.read", &assertion(now()), Some(&proof(now()))).await;
        assert_eq!(refused.refusal(), (401, "invalid_client"));
        let date = refused.headers["date"].to_str().unwrap();
        let date = jiff::fmt::rfc2822::parse(date).unwrap().timestamp().as_second();
        assert!((date - now() - skew).abs() < 60, "{date}");
        let reset: i64 = refused.headers["x-rate-limit-reset"].to_str().unwrap().parse().unwrap();
        assert!((0..=120).contains(&(reset - date)), "{reset} {date}");
        let refused = client.ask("okta.users.read", &assertion(date), Some(&proof(now()))).await;
        assert_eq!(refused.refusal(), (400, "invalid_dpop_proof"));
        let answer = client.ask("okta.users.read", &assertion(date), Some(&proof(date))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
