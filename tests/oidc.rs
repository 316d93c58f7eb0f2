//! Sign-in with an OpenID Connect provider: the real server, a provider of our own, and a browser that follows nothing.

mod provider;

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use crate::harness::{Home, Running, SimSetup, closed_port, list, text, tiny};
use provider::{Browser, CLIENT_ID, CLIENT_SECRET, Key, Page, Provider, Twist, person};

const ANN: &str = "ann@acme.example";

/// A server that is set up for a provider, with some users, and where it is.
struct Served {
    home: Home,
    serve: Running,
    base: String,
}

/// Users, by name and e-mail; those with an exclamation mark are disabled.
fn home_with(users: &[(&str, &str)]) -> Home {
    let mut home = Home::new();
    home.keep_secret(CLIENT_SECRET);
    home.set("SIGHTLINE_OIDC_CLIENT_SECRET", CLIENT_SECRET);
    home.run(&["user", "add", "root", "--role", "admin"]).ok();
    for (name, email) in users {
        home.run(&["user", "add", name, "--role", "viewer", "--email", email.trim_end_matches('!')]).ok();
        if email.ends_with('!') {
            home.run(&["user", "set", name, "--disable"]).ok();
        }
    }
    home
}

fn serve(mut home: Home, issuer: &str, settings: &str) -> Served {
    let port = closed_port();
    home.set("SIGHTLINE_SERVER__LISTEN", &format!("127.0.0.1:{port}"));
    let config = format!("[server.oidc]\nissuer = {issuer:?}\nclient_id = {CLIENT_ID:?}\n{settings}\n");
    let config = home.file("oidc.toml", &config);
    let mut serve = home.start(&["serve", "--config", &config]);
    assert!(serve.wait_to_say("no data sources yet", Duration::from_secs(30)));
    Served { home, serve, base: format!("http://127.0.0.1:{port}") }
}

impl Served {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Begins to sign in, and goes to the provider; gives the address that it sends the browser back to.
    #[track_caller]
    fn go(&self, browser: &mut Browser, next: &str) -> String {
        let next: String = byte_serialize(next.as_bytes()).collect();
        let to_provider = browser.get(&self.at(&format!("/oidc/start?next={next}")));
        let back = Browser::default().get(to_provider.location());
        back.location().to_owned()
    }

    /// The whole way, in a browser that was never here.
    #[track_caller]
    fn sign_in(&self) -> (Browser, Page) {
        let mut browser = Browser::default();
        let back = self.go(&mut browser, "/gaps");
        let page = browser.get(&back);
        (browser, page)
    }

    /// Whether the browser is signed in.
    fn knows(&self, browser: &Browser) -> bool {
        browser.clone().get(&self.at("/settings/profile")).status == 200
    }

    #[track_caller]
    fn signs_in(&self) -> Browser {
        let (browser, page) = self.sign_in();
        assert_eq!(page.location(), "/gaps", "{page:?}");
        assert!(self.knows(&browser));
        browser
    }

    /// Checks that nobody is signed in, and what the page says.
    #[track_caller]
    fn refuses(&self, status: u16, words: &[&str]) {
        let (browser, page) = self.sign_in();
        says(&page, status, words);
        assert!(!browser.cookies.contains_key("sightline_session"), "{browser:?}");
        assert!(!self.knows(&browser));
    }

    /// The newest entry of the audit log: what was done, how it ended, the detail.
    fn newest_entry(&self) -> (String, String, String) {
        let entry = &self.home.run(&["audit", "--json", "--limit", "1"]).json()[0];
        let get = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (get("action"), get("outcome"), get("detail"))
    }

    #[track_caller]
    fn logged(&self, action: &str, outcome: &str, detail: &str) {
        let (done, ended, told) = self.newest_entry();
        assert_eq!((done.as_str(), ended.as_str()), (action, outcome), "{told}");
        assert!(told.contains(detail), "no {detail:?} in {told:?}");
    }

    fn user(&self, name: &str) -> Value {
        let users = self.home.run(&["user", "list", "--json"]).json();
        list(&users).iter().find(|user| user["name"] == name).cloned().unwrap_or_default()
    }

    /// Stops the server, and gives all that it has said.
    fn stop(self) -> String {
        self.stop_in_its_home().0
    }

    /// The same, and where it was.
    fn stop_in_its_home(mut self) -> (String, Home) {
        self.serve.child.terminate();
        let output = self.serve.end().ok();
        (output.stdout + &output.stderr, self.home)
    }
}

/// Checks that a page says that nobody is signed in, what happened, and where to go on.
#[track_caller]
fn says(page: &Page, status: u16, words: &[&str]) {
    assert_eq!(page.status, status, "{page:?}");
    for word in ["Not signed in", "/oidc/start?next="].iter().chain(words) {
        assert!(page.body.contains(word), "no {word:?} in {}", page.body);
    }
}

#[test]
fn a_user_is_linked_by_a_verified_address_and_then_known_by_the_subject() {
    let provider = Provider::start(Key::rsa());
    let home = home_with(&[("ann", "Ann@Acme.example")]);
    home.run(&["user", "set", "ann", "--role", "admin"]).ok();
    let served = serve(home, &provider.url, "link_by_email = true\nname = \"Acme ID\"");

    let page = Browser::default().get(&served.at("/sign-in?next=%2Fgaps"));
    assert!(
        page.body.contains("Sign in with Acme ID") && page.body.contains("/oidc/start?next=/gaps"),
        "{page:?}"
    );
    let mut browser = Browser::default();
    let to_provider = browser.get(&served.at("/oidc/start?next=%2Fgaps"));
    assert!(
        to_provider.headers["set-cookie"].contains("HttpOnly; SameSite=Lax; Max-Age=600"),
        "{to_provider:?}"
    );
    let back = Browser::default().get(to_provider.location()).location().to_owned();
    assert!(back.starts_with(&served.at("/oidc/callback?")), "{back}");
    let page = browser.get(&back);
    assert_eq!(page.location(), "/gaps");
    assert_eq!(page.headers["referrer-policy"], "no-referrer");
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["sightline_session"]);
    assert!(served.knows(&browser));
    served.logged("session.begin", "done", "with Acme ID");
    assert_eq!(served.user("ann")["oidc_subject"], json!({"issuer": provider.url, "subject": "u1"}));
    assert!(served.home.run(&["user", "list"]).ok().stdout.contains("127.0.0.1"));
    // Only what was needed was asked for; keys are kept.
    assert_eq!(served.signs_in().cookies.len(), 1);
    let called = provider.state().called.join(" ");
    assert_eq!(called, "/.well-known/openid-configuration /jwks /authorize /token /authorize /token",);

    // The address may be whatever it likes from here on, and be somebody else's.
    provider.person(person("u1", "root@acme.example", false));
    served.signs_in();
    provider.person(person("u2", ANN, true));
    served.refuses(403, &["linked to another account", "unlink it under Users"]);
    served.logged("session.begin", "refused", "subject u2 at http://127.0.0.1");
    assert_eq!(served.user("ann")["oidc_subject"]["subject"], "u1");

    // Whoever signs in gets a secret that nobody had before, whatever cookie the browser came with.
    provider.person(person("u1", ANN, true));
    let mut planted = Browser::default();
    planted.cookies.insert("sightline_session".to_owned(), "planted".to_owned());
    let back = served.go(&mut planted, "/");
    planted.get(&back);
    assert!(served.knows(&planted) && planted.cookies["sightline_session"] != "planted");

    // An administrator sees the link and ends it: sessions end with it.
    let users = browser.get(&served.at("/settings/users")).body;
    assert!(users.contains("127.0.0.1") && users.contains("u1") && users.contains("/unlink"), "{users}");
    let id = served.user("ann")["id"].as_u64().unwrap();
    let csrf = users.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let unlink = served.at(&format!("/settings/users/{id}/unlink"));
    assert_eq!(browser.post(&unlink, "csrf=forged").status, 403);
    assert!(served.knows(&browser));
    browser.post(&unlink, &format!("csrf={csrf}")).location();
    assert!(!served.knows(&browser) && !served.knows(&planted));
    served.logged("user.unlink", "done", "from subject u1 at http://127.0.0.1");
    assert_eq!(served.user("ann")["oidc_subject"], Value::Null);
    provider.person(person("u2", ANN, true));
    served.signs_in();
    assert_eq!(served.user("ann")["oidc_subject"]["subject"], "u2");
    served.stop();
}

#[test]
fn who_is_no_user_becomes_one_only_where_that_is_allowed() {
    let provider = Provider::start(Key::ec());
    let settings = "create_users = true\nrole = \"viewer\"\nemail_domains = [\"acme.example\"]";
    let served = serve(
        home_with(&[("ben@acme.example", "ben@elsewhere.example"), ("cy", "cy@acme.example")]),
        &provider.url,
        settings,
    );
    served.signs_in();
    served.signs_in();
    let ann = served.user(ANN);
    assert_eq!((text(&ann, "role"), text(&ann, "email")), ("viewer", ANN));
    assert_eq!(ann["has_password"], json!(false));
    let users = served.home.run(&["user", "list", "--json"]).json();
    assert_eq!(list(&users).len(), 4);
    let entries = served.home.run(&["audit", "--json"]).json();
    let added: Vec<_> = list(&entries).iter().filter(|entry| entry["target"] == ANN).collect();
    assert!(
        added.len() == 1 && text(added[0], "detail").contains("viewer, at the first sign-in"),
        "{added:?}"
    );

    let refused = |claims: Value, words: &[&str]| {
        provider.person(claims);
        served.refuses(403, words);
        // A sign-in that goes well makes up for those that did not.
        provider.person(person("u1", ANN, true));
        served.signs_in();
    };
    refused(person("u2", "dan@evil.example", true), &["certain domains", "dan@evil.example"]);
    refused(person("u2", "dan@acme.example.evil.example", true), &["certain domains"]);
    refused(person("u2", "dan@acme.example", false), &["has not verified", "dan@acme.example"]);
    refused(person("u2", "ben@acme.example", true), &["is called ben@acme.example, but has another"]);
    // One who is a user already is neither linked nor doubled.
    refused(person("u2", "cy@acme.example", true), &["not linked", "link_by_email"]);
    refused(person("u2", "<b>@evil.example", true), &["&#60;b&#62;@evil.example"]);
    assert_eq!(list(&served.home.run(&["user", "list", "--json"]).json()).len(), 4);
    served.stop();
}

#[test]
fn who_somebody_is_has_to_be_certain() {
    let provider = Provider::start(Key::ec());
    let users =
        [("ann", ANN), ("ben", "ben@acme.example!"), ("cy", "two@acme.example"), ("di", "TWO@acme.example")];
    let served = serve(home_with(&users), &provider.url, "link_by_email = true");
    let refused = |claims: Value, words: &[&str]| {
        provider.person(claims);
        served.refuses(403, words);
        provider.person(person("u1", ANN, true));
        served.signs_in();
    };
    provider.person(person("u1", ANN, false));
    served.refuses(403, &["has not verified that ann@acme.example is yours", "--link SUBJECT"]);
    served.logged("session.begin", "refused", "(subject u1 at ");
    assert_eq!(served.user("ann")["oidc_subject"], Value::Null);
    refused(json!({"sub": "u1", "email": ANN}), &["has not verified"]);
    refused(json!({"sub": "u2", "name": "ann", "preferred_username": "ann"}), &["does not say which e-mail"]);
    refused(
        person("u2", "nobody@acme.example", true),
        &["Nobody with the address nobody@acme.example", "add you"],
    );
    refused(person("u2", "two@acme.example", true), &["Several users"]);
    refused(person("u2", "ben@acme.example", true), &["The user ben is disabled"]);
    // The name of a user is no address, whoever verifies it.
    refused(person("u2", "ann", true), &["does not say which e-mail"]);
    // Thin tokens leave the address to the endpoint for claims, which has to speak of the same account.
    provider.state().user_info = json!({"sub": "u1", "email": "cy@acme.example", "email_verified": true});
    provider.person(json!({"sub": "u7"}));
    served.refuses(502, &["is not one that this server accepts"]);
    provider.state().user_info = json!({"email": "nobody@acme.example", "email_verified": true});
    refused(json!({"sub": "u7"}), &["Nobody with the address nobody@acme.example"]);
    // Text in the place of a yes, as some providers have it.
    provider.state().user_info = json!({"email": "two@acme.example", "email_verified": "true"});
    refused(json!({"sub": "u7"}), &["Several users"]);

    // Whoever is disabled afterwards stays out, by the subject too.
    let (_, home) = served.stop_in_its_home();
    home.run(&["user", "set", "ann", "--disable"]).ok();
    let served = serve(home, &provider.url, "link_by_email = true");
    served.refuses(403, &["The user ann is disabled"]);
    served.logged("session.begin", "refused", "The user ann is disabled");
    served.stop();
}

#[test]
fn without_permission_nobody_is_linked_but_by_an_administrator() {
    let provider = Provider::start(Key::ec());
    let home = home_with(&[("ann", ANN)]);
    home.run(&["user", "set", "ann", "--link", "u1"]).fails(
        2,
        "no identity provider is set",
        "server.oidc.issuer",
    );
    let mut home = {
        let served = serve(home, &provider.url, "");
        served.refuses(403, &["A user with the address ann@acme.example is here, but not linked"]);
        served.logged("session.begin", "refused", "subject u1 at");
        served.stop_in_its_home().1
    };
    home.set("SIGHTLINE_SERVER__OIDC__ISSUER", &provider.url);
    home.run(&["user", "set", "ann", "--link", " "]).fails(2, "is not the subject", "audit log");
    home.run(&["user", "set", "ann", "--link", "u1"]).ok();
    home.run(&["user", "set", "root", "--link", "u1"]).fails(2, "\"ann\"", "");
    // An address is not needed any more, and its domain does not matter.
    provider.person(json!({"sub": "u1"}));
    let served = serve(home, &provider.url, "email_domains = [\"other.example\"]");
    served.signs_in();
    let (_, home) = served.stop_in_its_home();
    home.run(&["user", "set", "ann", "--unlink"]).ok();
    assert!(home.run(&["user", "list"]).ok().stdout.contains("nothing yet"));
    assert_eq!(home.run(&["user", "set", "ann", "--unlink", "--link", "u2"]).code, 2);
}

#[test]
fn tokens_that_are_not_right_sign_nobody_in() {
    let provider = Provider::start(Key::ec());
    let served = serve(home_with(&[("ann", ANN)]), &provider.url, "link_by_email = true");
    served.signs_in();
    for (twist, status, words) in [
        (Twist::WrongNonce, 403, "belongs to another sign-in"),
        (Twist::NoNonce, 403, "belongs to another sign-in"),
        (Twist::WrongAudience, 502, "for another application"),
        (Twist::SecondAudience, 502, "for another application"),
        (Twist::WrongIssuer, 502, "from another provider"),
        (Twist::Expired, 502, "has expired already"),
        (Twist::FromTheFuture, 502, "from the future"),
        (Twist::OtherKey, 502, "not signed by the provider"),
        (Twist::Changed, 502, "not signed by the provider"),
        (Twist::AlgNone, 502, "not signed by the provider"),
        (Twist::Hmac, 502, "not signed by the provider"),
        (Twist::UnknownKey, 502, "not signed by the provider"),
        (Twist::NoIdToken, 502, "no ID token"),
        (Twist::RefusesCode, 403, "does not accept the code that it gave you: invalid_grant"),
    ] {
        provider.twist(twist);
        served.refuses(status, &[words]);
        let outcome = if status == 502 { "failed" } else { "refused" };
        served.logged("session.begin", outcome, words);
        provider.twist(Twist::None);
        served.signs_in();
    }
    for (twist, words) in [
        (Twist::RefusesClient, "refuses this server: invalid_client"),
        (Twist::NotJson, "not understood"),
        (Twist::Huge, "sent more than 512 kB"),
        (Twist::BrokenServer, "answered with status 503"),
        (Twist::RedirectsToken, "redirects to another place"),
    ] {
        provider.twist(twist);
        served.refuses(502, &[words]);
    }
    assert!(!provider.state().called.contains(&"/elsewhere".to_owned()));
    provider.twist(Twist::None);
    served.signs_in();
    let said = served.stop();
    assert!(
        said.contains("sign-in with the identity provider failed") && said.contains("invalid_client"),
        "{said}"
    );
}

#[test]
fn a_sign_in_comes_back_once_and_to_the_browser_that_began_it() {
    let provider = Provider::start(Key::ec());
    let served = serve(home_with(&[("ann", ANN)]), &provider.url, "link_by_email = true");
    let calls = || provider.state().called.iter().filter(|path| *path == "/token").count();

    let mut browser = Browser::default();
    let back = served.go(&mut browser, "/");
    let cookies = browser.cookies.clone();
    browser.get(&back).location();
    let before = calls();
    // The same again, with the cookie and without.
    let mut again = Browser { cookies };
    says(&again.get(&back), 400, &["finished before", "from the beginning"]);
    says(&Browser::default().get(&back), 400, &["finished before"]);

    // A link that somebody has sent: begun elsewhere, so whoever opens it is not signed in as the sender.
    let back = served.go(&mut Browser::default(), "/");
    says(&Browser::default().get(&back), 400, &["begun in another browser"]);
    served.logged("session.begin", "refused", "begun in another browser");
    let mut other = Browser::default();
    served.go(&mut other, "/");
    let back = served.go(&mut Browser::default(), "/");
    says(&other.get(&back), 400, &["begun in another browser"]);
    assert!(!served.knows(&other));

    // What was never begun, or comes back without what is needed.
    for path in
        ["", "?state=made-up&code=made-up", "?code=x", "?state=", "?state=a&state=b", "?error=access_denied"]
    {
        let page = Browser::default().get(&served.at(&format!("/oidc/callback{path}")));
        says(&page, 400, &["not known here"]);
    }
    let mut browser = Browser::default();
    let back = served.go(&mut browser, "/");
    let without_code =
        back.split('&').filter(|part| !part.starts_with("code=")).collect::<Vec<_>>().join("&");
    says(&browser.get(&without_code), 400, &["without a code"]);
    // An answer of another provider, where they say who they are.
    let mut browser = Browser::default();
    let back = served.go(&mut browser, "/");
    says(&browser.get(&format!("{back}&iss=https%3A%2F%2Fevil.example")), 400, &["was asked"]);
    assert_eq!(calls(), before, "a code was exchanged");

    served.signs_in();
    let mut browser = Browser::default();
    let back = served.go(&mut browser, "/gaps");
    let issuer: String = byte_serialize(provider.url.as_bytes()).collect();
    assert_eq!(browser.get(&format!("{back}&iss={issuer}")).location(), "/gaps");

    provider.state().error = Some(("access_denied", "<script>not assigned</script>"));
    let (_, page) = served.sign_in();
    says(&page, 403, &["access_denied", "assign this application", "&#60;script&#62;"]);
    assert!(!page.body.contains("<script>not"), "{page:?}");
    served.logged("session.begin", "refused", "access_denied");
    provider.state().error = Some(("<b>", ""));
    served.refuses(403, &["an error without a name"]);
    provider.state().error = None;

    // Who goes on and on has to wait.
    provider.twist(Twist::WrongNonce);
    let mut browser = Browser::default();
    for _ in 0..30 {
        let to_provider = browser.get(&served.at("/oidc/start"));
        if to_provider.status == 429 {
            break;
        }
        let back = Browser::default().get(to_provider.location()).location().to_owned();
        browser.get(&back);
    }
    let page = browser.get(&served.at("/oidc/start"));
    says(&page, 429, &["Too many sign-ins"]);
    assert!(page.headers.contains_key("retry-after"), "{page:?}");
    served.stop();
}

#[test]
fn nobody_is_led_to_another_site() {
    let provider = Provider::start(Key::ec());
    let served = serve(home_with(&[("ann", ANN)]), &provider.url, "link_by_email = true");
    let long = format!("/{}", "a".repeat(3000));
    for (next, goes_to) in [
        ("/accounts?q=ann&page=2", "/accounts?q=ann&page=2"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("javascript:alert(1)", "/"),
        (long.as_str(), "/"),
        ("", "/"),
    ] {
        let mut browser = Browser::default();
        let back = served.go(&mut browser, next);
        assert_eq!(browser.get(&back).location(), goes_to, "{next:?}");
        // Who is signed in already is led no further.
        let next: String = byte_serialize(next.as_bytes()).collect();
        assert_eq!(browser.get(&served.at(&format!("/oidc/start?next={next}"))).location(), goes_to);
    }
    // Under another name of this machine the cookie would be missing on the way back.
    let elsewhere = served.base.replace("127.0.0.1", "localhost");
    let page = Browser::default().get(&format!("{elsewhere}/oidc/start?next=%2Fgaps"));
    assert_eq!(page.location(), served.at("/oidc/start?next=%2Fgaps&moved=1"));
    // A proxy that hides the name does not make that go round and round.
    let page = Browser::default().get(&format!("{elsewhere}/oidc/start?next=%2Fgaps&moved=1"));
    assert!(page.location().starts_with(&provider.url), "{page:?}");
    served.stop();
}

#[test]
fn a_provider_that_cannot_be_used_is_told_with_what_to_do() {
    let port = closed_port();
    let issuer = format!("http://127.0.0.1:{port}");
    let served = serve(home_with(&[("ann", ANN)]), &issuer, "link_by_email = true");
    let start = || Browser::default().get(&served.at("/oidc/start"));
    let again = || {
        // A provider that has just failed is left alone for a moment.
        thread::sleep(Duration::from_millis(1100));
        start()
    };
    says(&start(), 502, &["127.0.0.1 cannot be reached", "server.oidc.issuer"]);
    // Passwords are as good as ever.
    assert_eq!(Browser::default().get(&served.at("/sign-in")).status, 200);

    let provider = Provider::start_at(port, Key::ec());
    let describes = |metadata: Value, words: &[&str]| {
        provider.state().metadata = metadata;
        says(&again(), 502, words);
    };
    describes(json!({"issuer": format!("{issuer}/")}), &["by another name", "slash"]);
    describes(json!({"issuer": "https://evil.example"}), &["by another name"]);
    describes(
        json!({"authorization_endpoint": "http://evil.example/"}),
        &["sends us to evil.example without HTTPS"],
    );
    describes(
        json!({"token_endpoint": "https://evil.example/t"}),
        &["sends us to evil.example", "other_hosts"],
    );
    describes(json!({"token_endpoint": null}), &["no token endpoint"]);
    describes(json!({"jwks_uri": "http://169.254.169.254/latest"}), &["169.254.169.254 without HTTPS"]);
    describes(json!({"jwks_uri": 5}), &["does not describe itself", "at jwks_uri"]);
    // Another service of this machine is not called either.
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    let inside = format!("http://{}", trap.local_addr().unwrap());
    let caught = Arc::new(AtomicUsize::new(0));
    let counter = caught.clone();
    thread::spawn(move || {
        for _ in trap.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    describes(json!({"jwks_uri": format!("{inside}/keys")}), &["sends us to 127.0.0.1"]);
    describes(json!({"token_endpoint": format!("{inside}/token")}), &["sends us to 127.0.0.1"]);
    provider.state().metadata = json!({"userinfo_endpoint": format!("{inside}/userinfo")});
    thread::sleep(Duration::from_millis(1100));
    provider.person(json!({"sub": "u1"}));
    served.refuses(502, &["sends us to 127.0.0.1"]);
    assert_eq!(caught.load(Ordering::SeqCst), 0);
    // It was out of order for a while, and nothing has to be done here.
    provider.person(person("u1", ANN, true));
    served.signs_in();
    // A key that is new is asked for once it is seen.
    {
        let mut state = provider.state();
        state.key = Key::ec();
        state.key_id = "key 2".to_owned();
    }
    served.signs_in();
    let entries = served.home.run(&["audit", "--json"]).json();
    let failed = list(&entries).iter().filter(|entry| entry["outcome"] != "done").count();
    assert_eq!(failed, 0, "the log of what people did is not for a provider that is down");
    let said = served.stop();
    assert!(said.contains("127.0.0.1 cannot be reached"), "{said}");
}

#[test]
fn the_authorities_of_the_settings_are_trusted_and_no_others() {
    let home = home_with(&[]);
    let authority = home.path().join("authority.pem").to_str().unwrap().to_owned();
    let sim = SimSetup::of(tiny(97)).flags(&["--tls", "--ca-out", &authority]).start();
    let served = serve(home, &sim.url, "");
    let page = Browser::default().get(&served.at("/oidc/start"));
    says(&page, 502, &["no trusted TLS connection to 127.0.0.1", "http.extra_roots"]);
    let (_, mut home) = served.stop_in_its_home();
    home.set("SIGHTLINE_HTTP__EXTRA_ROOTS", &format!("[{authority:?}]"));
    let served = self::serve(home, &sim.url, "");
    let page = Browser::default().get(&served.at("/oidc/start"));
    says(&page, 502, &["does not describe itself as an OpenID Connect provider (status 401)"]);
    served.stop();
}

#[test]
fn no_code_token_or_secret_is_in_a_log_or_a_file() {
    let provider = Provider::start(Key::ec());
    let mut home = home_with(&[("ann", ANN)]);
    // Everything that any library has to say.
    home.set("SIGHTLINE_LOG", "trace,sightline=trace");
    let served = serve(home, &provider.url, "link_by_email = true");
    served.signs_in();
    for twist in [Twist::OtherKey, Twist::NotJson, Twist::WrongNonce, Twist::RefusesClient] {
        provider.twist(twist);
        let (_, page) = served.sign_in();
        assert!((400..600).contains(&page.status));
        for secret in &provider.state().secrets {
            assert!(!page.body.contains(secret.as_str()), "{page:?}");
        }
    }
    provider.twist(Twist::None);
    provider.state().user_info = json!({"email": ANN, "email_verified": true});
    provider.person(json!({"sub": "u3"}));
    served.refuses(403, &["linked to another account"]);
    let audit = served.home.run(&["audit", "--json"]).ok().stdout;
    let data = served.home.data();
    let secrets = provider.state().secrets.clone();
    assert!(secrets.len() > 20, "{secrets:?}");
    let bytes = fs::read(data.join("sightline.redb")).unwrap();
    let said = served.stop();
    assert!(
        said.contains("called the identity provider") && said.contains("TRACE"),
        "nothing was logged: {said}"
    );
    for secret in secrets.iter().map(String::as_str).chain([CLIENT_SECRET, "Basic ", "Bearer "]) {
        assert!(!said.contains(secret), "the log shows {secret}");
        assert!(!audit.contains(secret), "the audit log shows {secret}");
        let is_stored = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!is_stored || secret.ends_with(' '), "the store holds {secret}");
    }
    // Addresses of people are not for the log either.
    assert!(!said.contains(ANN), "{said}");
}

#[test]
fn settings_that_cannot_be_meant_are_told_and_the_secret_is_not() {
    let mut home = Home::new();
    home.keep_secret("8675309");
    let check = |home: &Home, settings: &str, error: &str, hint: &str| {
        let config = home.file("oidc.toml", &format!("[server.oidc]\n{settings}\n"));
        home.run(&["serve", "--config", &config]).fails(2, error, hint);
    };
    let base = "issuer = \"https://idp.example\"\nclient_id = \"a\"\n";
    check(&home, "issuer = \"https://idp.example\"", "client_id is empty", "id");
    check(&home, "issuer = \"idp.example\"\nclient_id = \"a\"", "not an HTTPS address", "https://");
    check(&home, "issuer = \"http://idp.example\"\nclient_id = \"a\"", "not an HTTPS address", "https://");
    check(&home, &format!("{base}create_users = true"), "needs server.oidc.role", "viewer");
    check(&home, &format!("{base}role = \"admin\""), "nobody becomes an admin", "viewer");
    check(&home, &format!("{base}role = \"king\""), "no role \"king\"", "viewer");
    check(&home, &format!("{base}other_hosts = [\"https://a.example\"]"), "is not a host", "names alone");
    check(&home, &format!("{base}client_secret_file = \"not-there\""), "cannot read the client secret", "");
    let empty = home.file("empty", "\n");
    check(&home, &format!("{base}client_secret_file = {empty:?}"), "is empty", "");
    let both = format!("{base}client_secret = \"8675309\"\nclient_secret_file = {empty:?}");
    check(&home, &both, "exclude each other", "");
    for wrong in ["8675309", "[\"8675309\"]", "\"8675309", "86.75309 8675309", "{ a = \"8675309\" }"] {
        let config = home.file("oidc.toml", &format!("[server.oidc]\n{base}client_secret = {wrong}\n"));
        assert_eq!(home.run(&["user", "list", "--config", &config]).code, 2, "{wrong}");
    }
    let config = home.file("oidc.toml", &format!("[server.oidc]\n{base}"));
    home.set("SIGHTLINE_SERVER__BEHIND_PROXY", "true");
    home.run(&["serve", "--config", &config]).fails(2, "no server.public_url is set", "public_url");
    // Nothing is set up: there is no such page.
    let served = serve(Home::new(), "", "");
    assert_eq!(Browser::default().get(&served.at("/oidc/start")).status, 404);
    assert_eq!(Browser::default().get(&served.at("/oidc/callback?state=a&code=b")).status, 404);
    assert!(!Browser::default().get(&served.at("/sign-in")).body.contains("/oidc/"));
    served.stop();
}
