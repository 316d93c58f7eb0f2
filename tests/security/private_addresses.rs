//! A domain must not lead the server into its own network.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::harness::{Home, Web};

/// Something on this machine that nobody may be led to, and how often somebody came.
fn lair() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let came = Arc::new(AtomicUsize::new(0));
    let count = came.clone();
    thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, came)
}

#[test]
fn a_domain_leads_to_no_private_address() {
    let home = Home::new();
    home.add_user("admin", "admin");
    let web = Web::start_with(home, &[]);
    let admin = web.sign_in("admin");
    let (port, came) = lair();
    let at = |host: &str| {
        [format!("http://{host}:{port}"), format!("https://{host}:{port}"), format!("{host}:{port}")]
    };
    let mut domains: Vec<String> = [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "127.0.0.1.",
        "user@127.0.0.1",
        "acme.okta.com@127.0.0.1",
        "127.0.0.1#.okta.com",
        "127.0.0.1\\.okta.com",
    ]
    .iter()
    .flat_map(|host| at(host))
    .collect();
    domains.extend(
        [
            "169.254.169.254",
            "http://169.254.169.254/latest/meta-data/",
            "https://169.254.169.254",
            "10.0.0.1",
            "https://10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "[fd00::1]",
            "[fe80::1]",
            "https://[fc00::]",
            "file:///etc/passwd",
            "gopher://127.0.0.1",
            "unix:/run/x",
            "127.0.0.1",
            "https://127.0.0.1",
            "localhost",
        ]
        .map(str::to_owned),
    );
    for domain in &domains {
        let fields = [("domain", domain.as_str()), ("token", "00aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgHiJkLmN")];
        let page = web.send(&admin.form("/sources/new/okta", &fields)).is(422);
        assert!(page.body.contains("role=\"alert\""), "{domain}: {page:?}");
        let body =
            json!({ "connector": "okta", "settings": { "domain": domain, "token": "00aBcDeFgHiJkLm" } });
        web.send(&admin.call("POST", "/api/v1/sources/check").json(&body)).is(422);
        web.send(&admin.call("POST", "/api/v1/sources").json(&body)).is(422);
    }
    assert_eq!(came.load(Ordering::SeqCst), 0, "somebody was led to this machine");
    assert_eq!(web.send(&admin.get("/api/v1/sources")).json(), json!([]));
}
