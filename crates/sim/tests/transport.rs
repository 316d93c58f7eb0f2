//! HTTPS, HTTP/2 and compressed answers, as a real client negotiates them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{collections::BTreeMap, sync::Arc};

use reqwest::{ClientBuilder, Response, Version};
use serde_json::Value;
use sightline_sim::{
    Company, CompanySpec, OktaOptions, OktaServer, Tls,
    okta::{Action, Fault, Faults},
};

async fn serve(options: OktaOptions) -> OktaServer {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let company = Arc::new(Company::generate(CompanySpec::for_people(200, 42, now)));
    OktaServer::start(company, options).await.unwrap()
}

/// A client that trusts this server and no other.
fn trusting(server: &OktaServer) -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = server.ca_pem().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
    reqwest::Client::builder().no_proxy().tls_certs_only(authority)
}

async fn get(client: &reqwest::Client, server: &OktaServer, path: &str) -> reqwest::Result<Response> {
    let request = client.get(format!("{}{path}", server.url()));
    request.header("authorization", format!("SSWS {}", server.token())).send().await
}

fn counts(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn https_negotiates_http2() {
    let server = serve(OktaOptions { tls: Some(Tls::default()), ..OktaOptions::default() }).await;
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let client = trusting(&server).build().unwrap();
    let answers: Vec<Response> = {
        let (first, second) = tokio::join!(
            get(&client, &server, "/api/v1/users?limit=200"),
            get(&client, &server, "/api/v1/groups?limit=200")
        );
        vec![first.unwrap(), second.unwrap()]
    };
    for answer in answers {
        assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
        assert!(!serde_json::from_slice::<Vec<Value>>(&answer.bytes().await.unwrap()).unwrap().is_empty());
    }
    let old = trusting(&server).http1_only().build().unwrap();
    assert_eq!(get(&old, &server, "/api/v1/users").await.unwrap().version(), Version::HTTP_11);
    assert_eq!(server.requests_by_protocol(), counts(&[("HTTP/1.1", 1), ("HTTP/2.0", 2)]));
    let by_name = server.url().replace("127.0.0.1", "localhost");
    let named = client.get(format!("{by_name}/.well-known/okta-organization")).send().await.unwrap();
    assert_eq!(named.status(), 200);

    let stranger = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    assert!(get(&stranger, &server, "/api/v1/users").await.unwrap_err().is_connect());
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let unencrypted = server.url().replace("https:", "http:");
    assert!(plain.get(format!("{unencrypted}/api/v1/org")).send().await.is_err());
    // Neither of them keeps others from being answered.
    assert_eq!(get(&client, &server, "/api/v1/org").await.unwrap().status(), 200);
    server.shutdown().await;
}

#[tokio::test]
async fn http2_need_not_be_offered() {
    let server = serve(OktaOptions { tls: Some(Tls { http2: false }), ..OktaOptions::default() }).await;
    let client = trusting(&server).build().unwrap();
    assert_eq!(get(&client, &server, "/api/v1/users").await.unwrap().version(), Version::HTTP_11);
    assert_eq!(server.requests_by_protocol(), counts(&[("HTTP/1.1", 1)]));
}

#[tokio::test]
async fn a_handshake_that_never_comes_keeps_nobody_waiting() {
    let server = serve(OktaOptions { tls: Some(Tls::default()), ..OktaOptions::default() }).await;
    let address = server.url().strip_prefix("https://").unwrap().to_owned();
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let client = trusting(&server).build().unwrap();
    assert_eq!(get(&client, &server, "/api/v1/org").await.unwrap().status(), 200);
}

#[tokio::test]
async fn large_answers_are_compressed_for_who_accepts_it() {
    let server = serve(OktaOptions { gzip: true, ..OktaOptions::default() }).await;
    // One client unpacks by itself, the other shows what came.
    let unpacking = trusting(&server).build().unwrap();
    let bare = trusting(&server).no_gzip().build().unwrap();
    let path = "/api/v1/users?limit=200";
    let whole = get(&bare, &server, path).await.unwrap();
    assert!(!whole.headers().contains_key("content-encoding"));
    let whole = whole.bytes().await.unwrap();
    assert_eq!(server.gzip_answers(), 0);
    assert_eq!(get(&unpacking, &server, path).await.unwrap().bytes().await.unwrap(), whole);
    assert_eq!(server.gzip_answers(), 1);

    let request = bare.get(format!("{}{path}", server.url())).header("accept-encoding", "gzip");
    let packed = request.header("authorization", format!("SSWS {}", server.token())).send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "accept-encoding");
    let packed = packed.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() * 3 < whole.len(), "{} bytes", packed.len());

    // A small one is not worth it.
    get(&unpacking, &server, "/.well-known/okta-organization").await.unwrap();
    assert_eq!(server.gzip_answers(), 2);
}

#[tokio::test]
async fn nothing_is_compressed_unless_asked_for() {
    let server = serve(OktaOptions::default()).await;
    let client = trusting(&server).build().unwrap();
    assert_eq!(get(&client, &server, "/api/v1/users?limit=200").await.unwrap().status(), 200);
    assert_eq!(server.gzip_answers(), 0);
}

/// Breaks the second and the third answer of one list in all combinations of TLS, HTTP/2 and compression.
#[tokio::test]
async fn connections_break_off_however_they_are_wrapped() {
    let fault = |path: &str, nth, action| Fault {
        path: path.to_owned(),
        query: None,
        nth: Some(nth),
        times: None,
        action,
    };
    for tls in [None, Some(Tls { http2: false }), Some(Tls { http2: true })] {
        for gzip in [false, true] {
            let faults = Faults(vec![
                fault("/api/v1/users", 2, Action::Truncate),
                fault("/api/v1/users", 3, Action::CloseConnection),
                fault("/api/v1/users/{id}/groups", 1, Action::Truncate),
            ]);
            let server =
                serve(OktaOptions { tls: tls.clone(), gzip, faults, ..OktaOptions::default() }).await;
            // A client that tries nothing again by itself.
            let client = trusting(&server).retry(reqwest::retry::never()).build().unwrap();
            let mut outcomes = Vec::new();
            for _ in 0..4 {
                let whole = match get(&client, &server, "/api/v1/users?limit=200").await {
                    Ok(answer) => answer.bytes().await,
                    Err(error) => Err(error),
                };
                outcomes.push(whole.is_ok());
            }
            assert_eq!(outcomes, [true, false, false, true], "{tls:?} gzip {gzip}");
            // A small answer as well.
            let user = get(&client, &server, "/api/v1/users?limit=1").await.unwrap().bytes().await.unwrap();
            let user = serde_json::from_slice::<Value>(&user).unwrap();
            let path = format!("/api/v1/users/{}/groups", user[0]["id"].as_str().unwrap());
            let broken = match get(&client, &server, &path).await {
                Ok(answer) => answer.bytes().await,
                Err(error) => Err(error),
            };
            assert!(broken.is_err(), "{tls:?} gzip {gzip}");
        }
    }
}
