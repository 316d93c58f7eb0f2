//! Where the server listens, how it says who it is, and what its answers tell browsers.

use std::io::Write;
use std::sync::Arc;

use rustls::pki_types::ServerName;

use super::web;
use crate::harness::{Ask, Home, Reply, Web};

/// What every answer carries, whatever it is.
const HEADERS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         frame-ancestors 'none'; base-uri 'none'",
    ),
];

#[track_caller]
fn is_guarded(what: &str, reply: &Reply) {
    for (name, value) in HEADERS {
        let found: Vec<_> = reply.headers.iter().filter(|(known, _)| known == name).collect();
        assert!(matches!(&found[..], [(_, only)] if only == value), "{what}: {name}: {reply:?}");
    }
    assert!(reply.header("cache-control").is_some(), "{what}: {reply:?}");
    assert!(
        reply.header("server").is_none() && reply.header("access-control-allow-origin").is_none(),
        "{reply:?}"
    );
}

#[test]
fn every_answer_tells_browsers_what_this_server_never_does() {
    let web = web();
    let admin = web.sign_in("admin");
    let style = web.get("/sign-in").between("<link rel=\"stylesheet\" href=\"", "\"").unwrap().to_owned();
    let etag = web.send(&admin.get("/api/v1/sources")).header("etag").unwrap().to_owned();
    let asks = [
        (200, Ask::get("/sign-in")),
        (200, admin.get("/")),
        (303, Ask::get("/accounts")),
        (404, admin.get("/nothing")),
        (404, Ask::get("/nothing")),
        (400, admin.get("/accounts?nothing=1")),
        (403, web.sign_in("viewer").get("/settings/users")),
        (405, admin.get("/sign-out")),
        (200, Ask::get(&style)),
        (404, Ask::get("/assets/x/style.css")),
        (200, Ask::get("/healthz")),
        (200, admin.get("/api/v1/sources")),
        (304, admin.get("/api/v1/sources").header("if-none-match", &etag)),
        (401, Ask::get("/api/v1/sources")),
        (403, admin.on(Ask::post("/api/v1/sources"))),
        (404, admin.get("/api/v1/nothing")),
        (405, admin.call("DELETE", "/api/v1/sources")),
        (400, admin.call("POST", "/api/v1/sources")),
        (413, admin.call("POST", "/api/v1/sources").header("content-length", "9999999999")),
        (421, admin.get("/").header("host", "evil.example")),
        (401, Ask::post("/sign-in").form(&[("name", "a"), ("password", "b")])),
        (410, Ask::get("/welcome/used")),
        (422, admin.form("/sources/new/okta", &[("domain", "x"), ("token", "y")])),
        (405, Ask::new("TRACE", "/")),
        (405, Ask::new("OPTIONS", "/api/v1/sources")),
    ];
    for (status, ask) in asks {
        let what = format!("{} {}", ask.method, ask.path);
        let reply = web.send(&ask);
        assert_eq!(reply.status, status, "{what}: {reply:?}");
        is_guarded(&what, &reply);
        if status < 300 && !ask.path.starts_with("/assets") {
            let kept = reply.header("cache-control").unwrap();
            assert!(kept == "no-store" || kept == "private, no-cache", "{what}: {kept}");
        }
    }
    // Events go on for ever: their head is enough.
    let mut stream = web.connect();
    stream.write_all(&admin.get("/api/v1/events").bytes(&web.address.to_string())).unwrap();
    let mut head = String::new();
    let mut byte = [0; 1];
    while !head.ends_with("\r\n\r\n") {
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        head.push(char::from(byte[0]));
    }
    is_guarded("events", &Reply::read(&mut head.as_bytes()).unwrap());
}

#[test]
fn the_cookie_of_a_session_is_for_this_server_alone() {
    let fields = [("name", "viewer"), ("password", crate::harness::PASSWORD)];
    let plain = web();
    let reply = plain.send(&Ask::post("/sign-in").form(&fields)).is(303);
    let cookie = reply.session_cookie().unwrap();
    let (value, flags) = cookie.split_once(';').unwrap();
    assert!(value.starts_with("sightline_session="), "{cookie}");
    assert_eq!(flags, " Path=/; HttpOnly; SameSite=Lax");
    assert!(reply.header("strict-transport-security").is_none());

    // Behind a proxy browsers speak HTTPS, and must not send it otherwise.
    let mut home = Home::new();
    home.set("SIGHTLINE_SERVER__BEHIND_PROXY", "true");
    let behind = Web::with_users(home);
    let reply = behind.send(&Ask::post("/sign-in").form(&fields)).is(303);
    let cookie = reply.session_cookie().unwrap();
    assert!(cookie.starts_with("__Host-sightline_session="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    assert_eq!(reply.header("strict-transport-security"), Some("max-age=31536000"));
    // A cookie without the prefix could have been set by somebody else.
    let secret = reply.session().unwrap();
    let with =
        |name: &str| behind.send(&Ask::get("/api/v1/sources").header("cookie", &format!("{name}={secret}")));
    with("__Host-sightline_session").is(200);
    with("sightline_session").is(401);
}

#[test]
fn nothing_is_served_in_the_clear_to_other_machines() {
    let home = Home::new();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        home.run(&["serve", "--listen", listen]).fails(
            2,
            "can be reached from other machines",
            "server.behind_proxy",
        );
    }
    let mut home = Home::new();
    home.set("SIGHTLINE_SERVER__TLS_CERTIFICATES", "only-one.pem");
    home.run(&["serve"]).fails(2, "server.tls_certificates and server.tls_key go together", "");
    home.set("SIGHTLINE_SERVER__TLS_KEY", "not-there.pem");
    let output = home.run(&["serve"]);
    assert!(output.code != 0 && output.stderr.contains("cannot be used"), "{output:?}");
}

/// A certificate of its own for this machine, and a home that serves with it.
fn with_certificate() -> (Home, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let mut home = Home::new();
    let certificates = home.file("certificate.pem", &made.cert.pem());
    let key = home.file("key.pem", &made.signing_key.serialize_pem());
    home.set("SIGHTLINE_SERVER__TLS_CERTIFICATES", &certificates);
    home.set("SIGHTLINE_SERVER__TLS_KEY", &key);
    let der = made.cert.der().clone();
    (home, der)
}

#[test]
fn with_a_certificate_it_speaks_https_and_only_that() {
    let (home, certificate) = with_certificate();
    let web = Web::with_users(home);
    assert!(web.base.starts_with("https://"), "{}", web.base);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let send = |ask: &Ask| {
        let name = ServerName::try_from("localhost").unwrap();
        let client = rustls::ClientConnection::new(config.clone(), name).unwrap();
        let mut stream = rustls::StreamOwned::new(client, web.connect());
        stream.write_all(&ask.bytes("localhost")).unwrap();
        Reply::read(&mut stream).unwrap()
    };
    let fields = [("name", "viewer"), ("password", crate::harness::PASSWORD)];
    let reply = send(&Ask::post("/sign-in").form(&fields)).is(303);
    let cookie = reply.session_cookie().unwrap();
    assert!(cookie.starts_with("__Host-sightline_session=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(reply.header("strict-transport-security"), Some("max-age=31536000"));
    is_guarded("https", &reply);
    let cookie = format!("__Host-sightline_session={}", reply.session().unwrap());
    send(&Ask::get("/api/v1/sources").header("cookie", &cookie)).is(200);
    // Whoever speaks plainly is not answered.
    let mut stream = web.connect();
    stream.write_all(&Ask::get("/sign-in").bytes("localhost")).unwrap();
    let mut told = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut told);
    assert!(!String::from_utf8_lossy(&told).contains("HTTP/"), "{told:?}");
}
