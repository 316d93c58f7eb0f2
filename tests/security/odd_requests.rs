//! Requests that no browser of ours sends: other paths, other names, too much, too slow.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::web;
use crate::harness::{Ask, PASSWORD, Reply, Web, encoded};

/// A slow client is cut off after a quarter of a minute; this is long after that.
const LONG_AFTER: Duration = Duration::from_mins(1);
/// As large as a request may be.
const LARGEST: usize = 256 * 1024;

#[test]
fn no_path_leads_out_of_what_is_served() {
    let web = web();
    let admin = web.sign_in("admin");
    let style = web.get("/sign-in").between("<link rel=\"stylesheet\" href=\"", "\"").unwrap().to_owned();
    let version = style.strip_prefix("/assets/").unwrap().split('/').next().unwrap().to_owned();
    assert!(web.get(&style).is(200).body.contains("--bg"));
    let up = ["..", "%2e%2e", "..%2f..", "..%5c..", "....", "%252e%252e", "..%c0%af..", "%00", "."];
    let files = ["etc/passwd", "etc%2fpasswd", "style.css", "Cargo.toml", "sightline.redb", "sightline.key"];
    for up in up {
        for file in files {
            for path in [
                format!("/assets/{up}/{file}"),
                format!("/assets/{version}/{up}/{file}"),
                format!("/assets/{version}/{up}%2f{file}"),
                format!("/assets/{up}/{up}/{up}/{up}/{file}"),
                format!("/{up}/{up}/{file}"),
                format!("/assets//{file}"),
            ] {
                let reply = web.get(&path);
                // What leads nowhere asks to sign in, or is not there.
                let is_nothing = [303, 400, 404].contains(&reply.status);
                assert!(is_nothing && !reply.body.contains("root:"), "{path}: {reply:?}");
            }
        }
    }
    for id in [
        "..%2f..%2fetc%2fpasswd",
        "..",
        "%2e%2e",
        "a%2fb",
        "1%2f..%2f2",
        "%00",
        "%0d%0aset-cookie:x=y",
        "-1",
        "1e9",
        "9999999999999999999999",
    ] {
        for path in [
            format!("/sources/{id}"),
            format!("/accounts/{id}/{id}"),
            format!("/accounts/1/{id}"),
            format!("/api/v1/sources/{id}"),
            format!("/api/v1/sources/{id}/snapshots"),
        ] {
            let reply = web.send(&admin.get(&path));
            assert!([400, 404].contains(&reply.status), "{path}: {reply:?}");
        }
    }
}

#[test]
fn nobody_is_sent_to_another_site() {
    let web = web();
    for next in [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\t/evil.example",
        " //evil.example",
        "/\r\n/evil.example",
        "/%0d%0aset-cookie:a=b\r\nset-cookie: a=b",
        "http:/\\evil.example",
        "@evil.example",
    ] {
        let fields = [("name", "viewer"), ("password", PASSWORD), ("next", next)];
        let reply = web.send(&Ask::post("/sign-in").form(&fields)).is(303);
        assert_eq!(reply.header("location"), Some("/"), "{next:?}");
        assert_eq!(reply.headers.iter().filter(|(name, _)| name == "set-cookie").count(), 1, "{reply:?}");
        let session = web.sign_in("viewer");
        let reply = web.send(&session.get(&format!("/sign-in?next={}", encoded(next)))).is(303);
        assert_eq!(reply.header("location"), Some("/"), "{next:?}");
        let reply = web.send(&session.form("/theme", &[("theme", "dark"), ("back", next)])).is(303);
        assert_eq!(reply.header("location"), Some("/"), "{next:?}");
        let page = web.get(&format!("/sign-in?next={}", encoded(next)));
        assert!(page.body.contains("name=\"next\" value=\"/\""), "{next:?}: {page:?}");
    }
    let fields = [("name", "viewer"), ("password", PASSWORD), ("next", "/accounts?q=a%0d%0ab")];
    let reply = web.send(&Ask::post("/sign-in").form(&fields)).is(303);
    assert_eq!(reply.header("location"), Some("/accounts?q=a%0d%0ab"));
}

#[test]
fn what_is_typed_gets_into_no_header_and_no_markup() {
    let web = web();
    let admin = web.sign_in("admin");
    for name in [
        "a\r\nset-cookie: evil=1",
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "{{ 7*7 }}",
    ] {
        let page = web.send(&admin.form("/settings/tokens", &[("name", name), ("scope", "read")]));
        assert!(page.header("set-cookie").is_none_or(|value| !value.contains("evil")), "{page:?}");
        let page =
            web.send(&admin.form("/settings/users", &[("name", name), ("role", "viewer"), ("email", name)]));
        let pages =
            ["/settings/users", "/settings/tokens", "/settings/audit"].map(|path| web.send(&admin.get(path)));
        for page in pages.iter().chain([&page]) {
            assert!(!page.body.contains("<script>alert") && !page.body.contains("<img"), "{page:?}");
            assert!(!page.headers.iter().any(|(name, _)| name == "evil"), "{page:?}");
        }
        let typed = encoded(name);
        for path in [
            format!("/accounts?q={typed}"),
            format!("/accounts?as_of={typed}"),
            format!("/accounts?{typed}={typed}"),
            format!("/access?account={typed}&app={typed}"),
            format!("/sign-in?next={typed}"),
            format!("/{typed}"),
            format!("/sources/new/{typed}"),
            format!("/api/v1/accounts?q={typed}&format=csv"),
            format!("/accounts?format=csv&q={typed}"),
        ] {
            let reply = web.send(&admin.get(&path));
            assert!(
                !reply.body.contains("<script>alert") && !reply.body.contains("<img src"),
                "{path}: {reply:?}"
            );
            assert!(!reply.headers.iter().any(|(_, value)| value.contains("evil")), "{path}: {reply:?}");
        }
    }
}

#[test]
fn a_server_on_this_machine_answers_to_no_other_name() {
    let web = web();
    let admin = web.sign_in("admin");
    let port = web.address.port();
    let to = |host: &str| web.send(&admin.get("/api/v1/sources").header("host", host));
    for host in
        ["127.0.0.1", "localhost", &format!("127.0.0.1:{port}"), &format!("LocalHost:{port}"), "[::1]"]
    {
        to(host).is(200);
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example:80",
        "",
        "a b",
        "127.0.0.1@evil.example",
    ] {
        let reply = to(host);
        assert!([400, 421].contains(&reply.status), "{host:?}: {reply:?}");
        assert!(reply.session_cookie().is_none(), "{host:?}: {reply:?}");
    }
    for path in ["/", "/sign-in", "/healthz", "/assets/x/style.css", "/api/v1/openapi.json", "/nothing"] {
        let reply = web.send(&Ask::get(path).header("host", "evil.example"));
        assert_eq!(reply.status, 421, "{path}: {reply:?}");
    }
    // A name beside the right one does not help, nor one in the request line.
    let two = admin.get("/api/v1/sources").header("host", "127.0.0.1").header("host", "evil.example");
    assert!([400, 421].contains(&web.send(&two).status));
    let forwarded = admin.get("/sign-in").header("x-forwarded-host", "evil.example");
    assert!(!web.send(&forwarded).body.contains("evil.example"));
}

#[test]
fn what_is_too_large_is_refused_before_it_is_read() {
    let web = web();
    let admin = web.sign_in("admin");
    for path in
        ["/sign-in", "/settings/users", "/sources/new/okta", "/api/v1/sources", "/api/v1/sources/check"]
    {
        // Announced: nothing of it is waited for.
        let session =
            if path.starts_with("/api") { admin.call("POST", path) } else { admin.on(Ask::post(path)) };
        let ask = session.header("content-length", "10000000000").header("content-type", "application/json");
        let mut stream = web.connect();
        stream.write_all(&ask.bytes(&web.address.to_string())).unwrap();
        let reply = Reply::read(&mut stream).unwrap();
        assert_eq!(reply.status, 413, "{path}: {reply:?}");
        // Not announced: it is read up to what is allowed.
        let ask = if path.starts_with("/api") { admin.call("POST", path) } else { admin.on(Ask::post(path)) };
        let ask = ask.header("transfer-encoding", "chunked").header("content-type", "application/json");
        let mut stream = web.connect();
        stream.write_all(&ask.bytes(&web.address.to_string())).unwrap();
        let piece = [b"4000\r\n".as_slice(), &[b'a'; 0x4000], b"\r\n"].concat();
        // A server that has answered stops listening.
        let sent = (0..1000).take_while(|_| stream.write_all(&piece).is_ok()).count() * 0x4000;
        let reply = Reply::read(&mut stream);
        if let Ok(reply) = reply {
            assert_eq!(reply.status, 413, "{path}: {reply:?}");
        }
        assert!(sent < 1000 * 0x4000, "{path}: all {sent} bytes were read");
    }
    // As large as it may be is no problem of its size.
    let mut body = json!({ "connector": "okta", "settings": { "domain": "" } }).to_string().into_bytes();
    body.resize(LARGEST, b' ');
    let mut ask = admin.call("POST", "/api/v1/sources/check");
    ask.body.clone_from(&body);
    assert_ne!(web.send(&ask).status, 413);
    ask.body.push(b' ');
    web.send(&ask).is(413);
    // Too many and too long headers, and too long an address.
    let long = "a".repeat(100_000);
    for ask in [admin.get("/").header("x-long", &long), admin.get(&format!("/accounts?q={long}"))] {
        let mut stream = web.connect();
        let _ = stream.write_all(&ask.bytes(&web.address.to_string()));
        if let Ok(reply) = Reply::read(&mut stream) {
            assert!([400, 414, 431].contains(&reply.status), "{}", reply.status);
        }
    }
    web.send(&admin.get("/")).is(200);
}

/// How long a connection is kept that goes on like this; what it was told.
fn cut_off(web: &Web, first: &[u8], then: &[u8]) -> (Duration, String) {
    let began = Instant::now();
    let mut stream = web.connect();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    stream.write_all(first).unwrap();
    let mut told = String::new();
    let mut buffer = [0; 4096];
    while began.elapsed() < LONG_AFTER {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => told.push_str(&String::from_utf8_lossy(&buffer[..read])),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                if stream.write_all(then).is_err() {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    (began.elapsed(), told)
}

#[test]
fn slow_clients_are_cut_off_and_in_nobodys_way() {
    let web = web();
    let admin = web.sign_in("admin");
    let host = web.address.to_string();
    let cookie = &admin.get("/").headers[0].1.clone();
    let head = format!("GET / HTTP/1.1\r\nhost: {host}\r\n");
    let body = |path: &str, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\ncookie: {cookie}\r\n{more}\r\nname="
        )
    };
    let csrf = format!("x-csrf-token: {}\r\n", admin.csrf);
    let slow: [(&str, String, &str); 6] = [
        ("says nothing", String::new(), ""),
        ("never ends its head", head.clone(), "x-more: 1\r\n"),
        ("stops in its head", head, ""),
        ("sends the body of a form byte by byte", body("/sign-in", ""), "a"),
        ("stops in the body of a form", body("/settings/users", ""), ""),
        ("stops in the body of a call", body("/api/v1/sources", &csrf), ""),
    ];
    thread::scope(|scope| {
        let clients: Vec<_> = slow
            .iter()
            .flat_map(|client| std::iter::repeat_n(client, 8))
            .map(|(what, first, then)| {
                let web = &web;
                scope.spawn(move || (*what, cut_off(web, first.as_bytes(), then.as_bytes())))
            })
            .collect();
        // Others are served meanwhile.
        while clients.iter().any(|client| !client.is_finished()) {
            web.send(&admin.get("/sources")).is(200);
            thread::sleep(Duration::from_millis(100));
        }
        for client in clients {
            let (what, (took, told)) = client.join().unwrap();
            assert!(took < LONG_AFTER, "who {what} was kept for {took:?}: {told}");
            assert!(
                told.is_empty() || told.contains(" 408 ") || told.contains(" 400 "),
                "who {what}: {told}"
            );
        }
    });
}
