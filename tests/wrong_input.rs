//! Whatever people type: one clear line that says what is wrong, one that says what to do, an exit code, nothing stored.

use serde_json::{Value, json};
use sightline_sim::company::{ADA, CONTRACTOR, GITHUB, LEAVER, NEW_HIRE, login};

use crate::harness::{Home, Output, SimSetup, TOKEN_VAR, answers_always, closed_port, list, text, tiny};

/// A token that looks like one.
const TOKEN: &str = "00fZ3mVq8kTzXw1RbNcLs5Yd7HgJp2AeUtQoIuKyMx";

fn home_with_token(token: &str) -> Home {
    let mut home = Home::new();
    if token.trim().len() > 8 {
        home.keep_secret(token.trim());
    }
    home.set(TOKEN_VAR, token);
    home
}

fn add(home: &Home, domain: &str, more: &[&str]) -> Output {
    let mut args = vec!["source", "add", "okta", "--domain", domain];
    if !more.iter().any(|flag| flag.starts_with("--token")) {
        args.extend(["--token-env", TOKEN_VAR]);
    }
    args.extend(more);
    home.run(&args)
}

#[track_caller]
fn nothing_is_stored(home: &Home) {
    assert_eq!(home.run(&["source", "list", "--json"]).json(), json!([]));
}

#[test]
fn each_wrong_domain_has_its_answer() {
    let home = home_with_token(TOKEN);
    let check = |domain: &str, error: &str, hint: &str| {
        add(&home, domain, &[]).fails(2, error, hint);
    };
    check("", "the domain is empty", "acme.okta.com");
    check("acme", "not a whole domain", "did you mean acme.okta.com");
    check("http://acme.okta.com", "not an HTTPS address", "HTTPS");
    check("ftp://acme.okta.com", "not an HTTPS address", "HTTPS");
    check("https://127.0.0.1", "not an Okta org", "acme.okta.com");
    check("https://[::1]", "not an Okta org", "acme.okta.com");
    check("https://localhost", "not an Okta org", "acme.okta.com");
    check("https://10.1.2.3", "IP address", "acme.okta.com");
    check("https://169.254.169.254", "IP address", "acme.okta.com");
    check("https://me:pw@acme.okta.com", "user name or password", "acme.okta.com");
    check("https://acme.okta.com:8443", "port", "leave it out");
    check("https://{yourOktaDomain}", "placeholder", "acme.okta.com");
    check("acme.okta.com.com", "ends twice in .com", "did you mean acme.okta.com?");
    check("okta.com", "names Okta itself", "acme.okta.com");
    check("https://", "not a domain", "acme.okta.com");
    // The exception for a simulator holds for this machine only.
    add(&home, "http://169.254.169.254", &["--allow-loopback-http"]).fails(
        2,
        "not an HTTPS address",
        "HTTPS",
    );
    add(&home, "http://127.0.0.1:1", &[]).fails(2, "not an HTTPS address", "--allow-loopback-http");
    nothing_is_stored(&home);
}

#[test]
fn each_wrong_token_has_its_answer() {
    let check = |token: &str, error: &str| {
        let home = home_with_token(token);
        add(&home, "acme.okta.com", &[]).fails(2, error, "");
        nothing_is_stored(&home);
    };
    check("   ", "the token is empty");
    check("SSWS ", "the token is empty");
    check("00Tabcdefghij1234567", "the token's id from the list, not its value");
    check("0oaabcdefghij1234567", "OAuth client id");
    check("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl", "JWT");
    check("-----BEGIN PRIVATE KEY-----", "that is a key");
    check("00abcdef ghijkl", "characters that no token has");
    check("00abcdéfghijkl", "characters that no token has");
}

#[test]
fn a_token_comes_from_where_the_flags_say() {
    let home = Home::new();
    add(&home, "acme.okta.com", &["--token-env", "NOT_THERE"]).fails(
        2,
        "the environment variable NOT_THERE is not set",
        "NOT_THERE",
    );
    add(&home, "acme.okta.com", &["--token-file", "not-there"]).fails(2, "not-there", "");
    add(&home, "acme.okta.com", &["--token-file", "."]).fails(2, "cannot read the token from .", "");
    let empty = home.file("empty", "\n");
    add(&home, "acme.okta.com", &["--token-file", &empty]).fails(2, "the token is empty", "Create token");
    add(&home, "acme.okta.com", &["--token-stdin"]).fails(2, "the token is empty", "Create token");
    for args in [
        &["source", "add", "okta", "--domain", "acme.okta.com"][..],
        &["source", "add", "okta", "--domain", "acme.okta.com", "--token-stdin", "--token-env", "X"],
        &["source", "add", "okta", "--token-stdin"],
        &["source", "add", "okta", "--domain", "acme.okta.com", "--token", TOKEN],
    ] {
        let output = home.run(args);
        assert_eq!(output.code, 2, "{output:?}");
        assert!(output.stderr.starts_with("error: "), "{output:?}");
    }
    nothing_is_stored(&home);

    let sim = SimSetup::of(tiny(31)).start();
    for (how, input) in [("file", ""), ("stdin", &*format!(" ssws {} \n", sim.token))] {
        let mut home = Home::new();
        home.keep_secret(&sim.token);
        let file = home.file("token", &format!("SSWS {}\n", sim.token));
        let mut args = vec!["source", "add", "okta", "--domain", &sim.url, "--allow-loopback-http"];
        match how {
            "file" => args.extend(["--token-file", &file]),
            _ => args.push("--token-stdin"),
        }
        home.run_with(&args, input).ok();
        assert_eq!(list(&home.run(&["source", "list", "--json"]).json()).len(), 1);
    }
}

#[test]
fn what_is_no_okta_org_is_refused() {
    let check = |head: &str, body: &str, code: i32, error: &str| {
        let home = home_with_token(TOKEN);
        let output = add(&home, &answers_always(head, body), &["--allow-loopback-http"]);
        output.fails(code, error, "");
        nothing_is_stored(&home);
    };
    let json = "200 OK\r\ncontent-type: application/json";
    check("404 Not Found", "{}", 2, "there is no Okta org at 127.0.0.1");
    check("200 OK\r\ncontent-type: text/html", "<html>Sign in</html>", 2, "is not an Okta org");
    check("302 Found\r\nlocation: https://evil.example/", "", 2, "is not an Okta org");
    check("401 Unauthorized", "", 3, "Okta rejected the token");
    check(json, r#"{"hello":"world"}"#, 2, "is not an Okta org");
    check(json, r#"{"id":"00oabcdef"#, 2, "is not an Okta org");
    check(json, "", 2, "is not an Okta org");
}

#[test]
fn who_does_not_answer_is_told_apart_from_who_refuses() {
    let home = home_with_token(TOKEN);
    let url = format!("http://127.0.0.1:{}", closed_port());
    add(&home, &url, &["--allow-loopback-http"]).fails(
        4,
        "127.0.0.1 refused the connection",
        "check the address",
    );
    nothing_is_stored(&home);

    let sim = SimSetup::of(tiny(32)).start();
    add(&home, &sim.url, &["--allow-loopback-http"]).fails(3, "Okta rejected the token", "create a new one");
    nothing_is_stored(&home);
}

#[test]
fn each_trouble_on_the_way_has_its_text() {
    let home = home_with_token(TOKEN);
    add(&home, "sightline-tests.invalid", &[]).fails(
        4,
        "the name sightline-tests.invalid was not found",
        "this machine's DNS",
    );
    // Nobody is at the proxy, or it does not want to.
    let refuses = answers_always("403 Forbidden", "").replace("http://", "");
    for proxy in [format!("127.0.0.1:{}", closed_port()), refuses] {
        let mut home = home_with_token(TOKEN);
        home.set("HTTPS_PROXY", &format!("http://{proxy}"));
        let output = add(&home, "acme.okta.com", &[]);
        output.fails(4, "the proxy did not let us through to acme.okta.com", "HTTPS_PROXY");
        nothing_is_stored(&home);
    }
    // Somebody who hangs up.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    std::thread::spawn(move || silent.incoming().for_each(drop));
    add(&home, &url, &["--allow-loopback-http"]).fails(4, "the connection to 127.0.0.1 broke", "try again");
    nothing_is_stored(&home);
}

#[test]
fn a_busy_org_is_waited_for_and_a_refusal_is_told_in_its_own_words() {
    for action in ["rate_limit", "too_many_at_once"] {
        let faults = json!([{"path": "/api/v1/groups", "nth": 1, "times": 2, "action": action}]);
        let sim = SimSetup::of(tiny(44)).faults(faults).flags(&["--window-secs", "1"]).start();
        let home = home_with_token(&sim.token);
        home.add(&sim).ok();
        assert_eq!(list(&home.run(&["source", "list", "--json"]).json()).len(), 1, "{action}");
    }
    for code in ["E0000006", "E0000005", "E0000022"] {
        let said = json!({"errorCode": code, "errorSummary": "Said in their own words"}).to_string();
        let denied = json!({"status": {"code": 403, "body": said}});
        let sim = SimSetup::of(tiny(44)).faults(json!([{"path": "/api/v1/apps", "action": denied}])).start();
        let home = home_with_token(&sim.token);
        let told = home.add(&sim);
        told.fails(3, &format!("HTTP 403 {code}: Said in their own words"), "");
        nothing_is_stored(&home);
    }
}

#[test]
fn an_issuer_is_as_good_as_a_domain() {
    let sim = SimSetup::of(tiny(43)).start();
    let issuer = format!("  {}/oauth2/default/ ", sim.url.replace("http", "HTTP"));
    let home = home_with_token(&sim.token);
    add(&home, &issuer, &["--allow-loopback-http"]).ok();
    let stored = home.run(&["source", "show", "Okta", "--json"]).json();
    assert_eq!(text(&stored, "address"), sim.url);
    home.run(&["sync", "--json"]).ok();
}

#[test]
fn a_token_that_sees_nobody_is_refused() {
    let faults = json!([{"path": "/api/v1/users", "action": "empty_page"}]);
    let sim = SimSetup::of(tiny(33)).faults(faults).start();
    let home = home_with_token(&sim.token);
    home.add(&sim).fails(3, "empty list of users", "admin role");
    nothing_is_stored(&home);
}

#[test]
fn what_is_required_and_denied_is_told_before_anything_is_stored() {
    for path in ["/api/v1/users", "/api/v1/groups", "/api/v1/apps"] {
        let denied = json!({"status": {"code": 403, "error_code": "E0000006"}});
        let sim = SimSetup::of(tiny(34)).faults(json!([{"path": path, "action": denied}])).start();
        let home = home_with_token(&sim.token);
        home.add(&sim).fails(3, &format!("the token may not read {path}"), "");
        nothing_is_stored(&home);
    }
}

#[test]
fn what_is_optional_and_denied_is_told_and_the_rest_is_connected() {
    let sim = SimSetup::of(tiny(35)).flags(&["--read-only-admin"]).start();
    let home = home_with_token(&sim.token);
    let told = home.add(&sim).ok().stdout;
    let row = told.lines().find(|line| line.starts_with("admins ")).unwrap();
    assert!(row.contains("denied") && row.contains("admin access of people is not tracked"), "{told}");
    assert!(row.contains("okta.roles.read"), "{told}");
    let row = told.lines().find(|line| line.starts_with("users ")).unwrap();
    assert!(row.contains("allowed"), "{told}");

    home.run(&["sync", "--json"]).ok();
    let admins = home.run(&["list", "admins"]).ok().stdout;
    assert!(admins.contains("Not seen, and may hide more") && admins.contains("denied"), "{admins}");
    let gaps = home.gaps();
    assert!(gaps.iter().all(|(_, reason)| reason == "denied"), "{gaps:?}");
    assert!(gaps.iter().any(|(scope, _)| scope == "role_assignees"), "{gaps:?}");
}

#[test]
fn a_check_says_what_a_credential_still_sees_and_stores_nothing() {
    let whole = SimSetup::of(tiny(38)).start();
    let (port, home) = (whole.port, home_with_token(&whole.token));
    home.add(&whole).ok();
    let told = home.run(&["source", "check", "okta", "--json"]).json();
    assert!(list(&told["preflight"]["canaries"]).iter().all(|canary| canary["found"] == true), "{told}");
    let made = told["requests"].as_u64().unwrap();
    let shown = home.run(&["source", "check", "okta"]).ok().stdout;
    assert!(shown.contains(&format!("This check made {made} requests")), "{shown}");
    // Both checks and the one of `source add`.
    assert_eq!(whole.stop().total(), 3 * made);

    let cut = json!([{"path": "/api/v1/apps", "query": "saasure", "action": {"status": {"code": 200, "body": "[]"}}}]);
    let sim = SimSetup::of(tiny(38)).port(port).faults(cut).start();
    let told = home.run(&["source", "check", "Okta"]);
    told.fails(1, "the admin console among applications", "only a part of the organisation");
    drop(sim);
    let _other = SimSetup::of(tiny(38)).port(port).flags(&["--token", TOKEN]).start();
    home.run(&["source", "check", "Okta"]).fails(3, "Okta rejected the token", "");
    assert_eq!(home.run(&["source", "show", "Okta", "--json"]).json()["last_snapshot"], Value::Null);
}

#[test]
fn datasets_are_switched_by_name() {
    let sim = SimSetup::of(tiny(39)).start();
    let home = home_with_token(&sim.token);
    add(&home, &sim.url, &["--allow-loopback-http", "--without", "rules"]).fails(
        2,
        "no dataset",
        "group_rules",
    );
    add(&home, &sim.url, &["--allow-loopback-http", "--without", "users"]).fails(
        2,
        "cannot be switched off",
        "",
    );
    nothing_is_stored(&home);
    add(&home, &sim.url, &["--allow-loopback-http", "--without", "group_rules"]).ok();
    let is_on = |id: &str| {
        let shown = home.run(&["source", "show", "Okta", "--json"]).json();
        list(&shown["datasets"]).iter().find(|dataset| dataset["id"] == id).unwrap()["on"] == true
    };
    assert!(!is_on("group_rules") && is_on("activity"));
    home.run(&["sync", "--json"]).ok();
    assert!(home.gaps().contains(&("group_rules".to_owned(), "switched_off".to_owned())));
    home.run(&["list", "rules"]).ok();
    home.run(&["source", "set", "Okta"]).fails(2, "nothing to change", "--with");
    home.run(&["source", "set", "Okta", "--with", "nope"]).fails(2, "no dataset", "group_rules");
    home.run(&["source", "set", "okta", "--with", "group_rules", "--without", "activity", "--name", "Org"])
        .ok();
    home.run(&["source", "set", "Org", "--name", "Okta"]).ok();
    assert!(is_on("group_rules") && !is_on("activity"));
    home.run(&["sync", "--full", "--json"]).ok();
    assert!(!home.gaps().iter().any(|(scope, _)| scope == "group_rules"));
    assert!(!home.list("rules").is_empty());
}

#[test]
fn a_token_and_a_key_are_not_mixed() {
    let home = home_with_token(TOKEN);
    let check = |args: &[&str], error: &str, hint: &str| {
        let start = ["source", "add", "okta", "--domain", "acme.okta.com"];
        home.run(&[&start[..], args].concat()).fails(2, error, hint);
    };
    check(&["--token-env", TOKEN_VAR, "--client-id", "0oa1"], "go with a key", "--key-file");
    check(&["--token-env", TOKEN_VAR, "--scope", "okta.users.read"], "go with a key", "--key-file");
    check(&["--key-env", TOKEN_VAR], "needs the client id", "--client-id");
    check(
        &["--key-file", "not-there", "--client-id", "0oa1"],
        "cannot read the private key from not-there",
        "",
    );
    assert_eq!(home.run(&["source", "add", "okta", "--domain", "a.okta.com"]).code, 2);
    nothing_is_stored(&home);
}

#[test]
fn names_owners_and_organisations_are_checked() {
    let sim = SimSetup::of(tiny(36)).start();
    let home = home_with_token(&sim.token);
    for email in
        ["nobody", "a@b", "@example.com", "a b@example.com", "a@@example.com", "a@example.", "a@.com"]
    {
        add(&home, &sim.url, &["--allow-loopback-http", "--email", email]).fails(
            2,
            "not an e-mail address",
            "",
        );
    }
    add(&home, &sim.url, &["--allow-loopback-http", "--name", "  "]).fails(2, "--name is empty", "");
    home.run(&["source", "add", "github", "--domain", &sim.url, "--token-env", TOKEN_VAR]).fails(
        2,
        "there is no connector \"github\"",
        "okta",
    );
    nothing_is_stored(&home);

    let more = ["--allow-loopback-http", "--email", "iam@example.com"];
    add(&home, &sim.url, &more).ok();
    let stored = home.run(&["source", "list", "--json"]).json();
    assert_eq!(text(&stored[0], "owner_email"), "iam@example.com");
    home.add(&sim).fails(2, "already connected as \"Okta\"", "sightline sync");
    add(&home, &sim.url, &["--allow-loopback-http", "--name", "Another"]).fails(2, "already connected", "");
    assert_eq!(home.run(&["source", "list", "--json"]).json(), stored);

    // Another organisation cannot have the name, and gets one of its own when it is given none.
    let other = SimSetup::of(tiny(37)).flags(&["--token", TOKEN]).start();
    let mut home = home;
    home.set(TOKEN_VAR, TOKEN);
    add(&home, &other.url, &["--allow-loopback-http", "--name", "OKTA"]).fails(
        2,
        "already a data source",
        "",
    );
    assert_eq!(home.run(&["source", "list", "--json"]).json(), stored);
    home.add(&other).ok();
    let sources = home.run(&["source", "list", "--json"]).json();
    let names: Vec<_> = list(&sources).iter().map(|source| text(source, "name")).collect();
    assert_eq!(names, ["Okta", "Okta 127.0.0.1"]);
}

#[test]
fn unknown_names_are_answered_with_near_ones() {
    let sim = SimSetup::of(tiny(38)).start();
    let home = Home::synced_with(&sim);
    for args in [
        &["sync", "Oktaa"][..],
        &["source", "show", "Oktaa"],
        &["source", "remove", "Oktaa"],
        &["list", "accounts", "--source", "Oktaa"],
        &["who", GITHUB, "--source", "Oktaa"],
    ] {
        home.run(args).fails(7, "there is no data source \"Oktaa\"", "Okta");
    }
    home.run(&["who", "Githbu"]).fails(7, "no application is called \"Githbu\"", "GitHub");
    home.run(&["what", "ada.lovelave"]).fails(7, "no account is called \"ada.lovelave\"", ADA);
    home.run(&["why", "ada.lovelave", GITHUB]).fails(7, "no account is called", ADA);
    home.run(&["why", ADA, "Githbu"]).fails(7, "no application is called", "GitHub");
    home.run(&["who", ""]).fails(7, "no application is called", "");
    home.run(&["what", "alderfinch"]).fails(2, "fits 60 accounts", "--source");
    home.run(&["list", "everything"]);
    for args in
        [&["list", "everything"][..], &["who"], &["frobnicate"], &["list", "accounts", "--json", "--csv"]]
    {
        assert_eq!(home.run(args).code, 2, "{args:?}");
    }
    // Any case finds a data source.
    home.run(&["source", "show", "oKTA"]).ok();
}

#[test]
fn why_answers_also_for_those_who_cannot() {
    let sim = SimSetup::of(tiny(39)).start();
    let home = Home::synced_with(&sim);
    let told = home.run(&["why", &login(LEAVER), GITHUB]).ok().stdout;
    assert!(told.contains("is assigned to GitHub but cannot reach it: account deactivated"), "{told}");
    let told = home.run(&["why", &login(NEW_HIRE), "Payroll Export Service"]).ok().stdout;
    assert!(told.contains("cannot reach Payroll Export Service: no path is known"), "{told}");
    let told = home.run(&["why", &login(CONTRACTOR), GITHUB]).ok().stdout;
    let expected = SimSetup::of(tiny(39)).company();
    let github = expected.app(GITHUB).unwrap();
    let reach = expected.truth().who(github.id.as_str());
    let contractor = reach.iter().find(|reach| reach.login == login(CONTRACTOR));
    let verdict = match contractor.map_or(0, |reach| reach.paths.len()) {
        0 => "cannot reach GitHub".to_owned(),
        1 => "can reach GitHub by 1 path.".to_owned(),
        more => format!("can reach GitHub by {more} paths"),
    };
    assert!(told.contains(&verdict), "{told}");
}

#[test]
fn wrong_settings_are_named_with_where_they_stand() {
    let mut home = Home::new();
    let file = home.file("wrong.toml", "[sync]\nreserv = 1\n");
    let output = home.run(&["source", "list", "--config", &file]);
    output.fails(2, "reserv", "");
    assert!(output.stderr.contains("wrong.toml"), "{output:?}");
    let file = home.file("type.toml", "[sync]\nmax_in_flight = \"many\"\n");
    let output = home.run(&["source", "list", "--config", &file]);
    output.fails(2, "sync.max_in_flight", "");
    assert!(output.stderr.contains("type.toml"), "{output:?}");
    let file = home.file("broken.toml", "[sync\n");
    assert!(home.run(&["source", "list", "--config", &file]).fails(2, "", "").stderr.contains("broken.toml"));
    home.run(&["source", "list", "--config", "nowhere.toml"]).fails(
        2,
        "no configuration file nowhere.toml",
        "",
    );
    home.run(&["source", "list", "--log", "=="]).fails(2, "not a filter", "use error, warn");
    for (name, value, error) in [
        ("SIGHTLINE_SYNC__RESERVE", "abc", "sync.reserve"),
        ("SIGHTLINE_SYNC__RESERVE", "1.0", "sync.reserve must be"),
        ("SIGHTLINE_SYNC__RESERVE", "-0.1", "sync.reserve must be"),
        ("SIGHTLINE_SYNC__MAX_IN_FLIGHT", "0", "sync.max_in_flight must be"),
        ("SIGHTLINE_SYNC__MAX_IN_FLIGHT", "76", "sync.max_in_flight must be"),
        ("SIGHTLINE_SYNC__INTERVAL_MINUTES", "0", "sync.interval_minutes must be"),
        ("SIGHTLINE_SYNC__INTERVAL_MINUTES", "-5", "sync.interval_minutes"),
    ] {
        home.set(name, value);
        let output = home.run(&["source", "list", "--json"]);
        output.fails(2, error, "");
        home.unset(name);
    }
    home.set("SIGHTLINE_SYNC__RESERV", "0.5");
    home.run(&["source", "list", "--json"]).fails(2, "reserv", "");
}

#[test]
fn settings_come_from_the_file_the_environment_and_the_flags_in_this_order() {
    let home = Home::new();
    let file = home.file("ok.toml", "data_dir = \"from-file\"\n[sync]\nreserve = 0.5\n");
    // Without the flag that all other tests give.
    let run = |env: &[(&str, &str)], args: &[&str]| home.run_bare(env, args);
    let made = |output: Output| {
        output.fails(7, "there are no data sources yet", "source add");
        std::fs::read_dir(home.path())
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.starts_with("from-"))
            .inspect(|name| std::fs::remove_dir_all(home.path().join(name)).unwrap())
            .collect::<Vec<_>>()
    };
    let env = [("SIGHTLINE_DATA_DIR", "from-env")];
    assert_eq!(made(run(&[], &["sync", "--config", &file])), ["from-file"]);
    assert_eq!(made(run(&env, &["sync", "--config", &file])), ["from-env"]);
    assert_eq!(made(run(&env, &["sync", "--config", &file, "--data-dir", "from-flag"])), ["from-flag"]);
}

#[test]
fn a_wrong_key_opens_nothing() {
    let sim = SimSetup::of(tiny(40)).start();
    let mut home = Home::synced_with(&sim);
    let before = home.facts();
    let other_key = "0f".repeat(32);
    home.keep_secret(&other_key);
    home.set("SIGHTLINE_KEY", &other_key);
    home.run(&["sync"]).fails(5, "the key does not open this store", "the key that this store was made with");
    home.set("SIGHTLINE_KEY", "not a key");
    home.run(&["sync"]).fails(2, "not a key", "32 bytes");
    home.unset("SIGHTLINE_KEY");

    let key_file = home.data().join("vault.key");
    set_mode(&key_file, 0o644);
    home.run(&["sync"]).fails(5, "can be read by others (mode 644)", "chmod 600");
    set_mode(&key_file, 0o600);
    std::fs::rename(&key_file, home.path().join("vault.key")).unwrap();
    home.run(&["sync"]).fails(5, "vault.key is missing", "backup");
    // What was read needs no key.
    assert_eq!(home.facts(), before);
    std::fs::rename(home.path().join("vault.key"), &key_file).unwrap();
    home.run(&["sync", "--json"]).ok();
}

#[test]
fn a_key_of_ones_own_leaves_no_key_file() {
    let sim = SimSetup::of(tiny(41)).start();
    let mut home = home_with_token(&sim.token);
    let key = "a7".repeat(32);
    home.keep_secret(&key);
    home.set("SIGHTLINE_KEY", &key);
    home.add(&sim).ok();
    home.run(&["sync", "--json"]).ok();
    assert!(!home.data().join("vault.key").exists());
    home.unset("SIGHTLINE_KEY");
    home.run(&["sync"]).fails(5, "vault.key is missing", "give the key");
}

#[cfg(unix)]
fn set_mode(file: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_no_store_is_left_alone() {
    let home = Home::new();
    std::fs::write(home.data(), "a file").unwrap();
    for args in [&["sync"][..], &["source", "remove", "Okta"]] {
        let output = home.run(args);
        assert_eq!(output.code, 5, "{output:?}");
        assert!(output.stderr.starts_with("error: ") && output.stderr.contains("data"), "{output:?}");
    }
    assert_eq!(std::fs::read_to_string(home.data()).unwrap(), "a file");

    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    let file = home.data().join("sightline.redb");
    let garbage = "not a database ".repeat(1000);
    std::fs::write(&file, &garbage).unwrap();
    for args in [&["sync"][..], &["list", "accounts"], &["source", "list"]] {
        home.run(args).fails(5, "is not a Sightline store", "another data directory");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), garbage);
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_made_is_named() {
    // Nobody can make a directory there, not even who may write everywhere.
    let home = Home::new();
    let output = home.run_bare(&[], &["sync", "--data-dir", "/proc/sightline"]);
    output.fails(5, "cannot create /proc/sightline", "");
}

#[test]
fn an_empty_home_says_what_to_do() {
    let home = Home::new();
    for args in [
        &["list", "accounts"][..],
        &["list", "admins", "--json"],
        &["who", GITHUB],
        &["what", ADA],
        &["why", ADA, GITHUB],
        &["gaps"],
        &["export"],
    ] {
        home.run(args).fails(7, "nothing is stored in", "sightline source add");
    }
    home.run(&["sync"]).fails(7, "there are no data sources yet", "sightline source add");
    nothing_is_stored(&home);

    let sim = SimSetup::of(tiny(42)).start();
    let home = Home::connected_to(&sim);
    for args in [&["list", "accounts"][..], &["who", GITHUB], &["gaps"], &["export"]] {
        home.run(args).fails(7, "no data source has been read yet", "sightline sync");
    }
    let shown = home.run(&["source", "show", "Okta", "--json"]).json();
    assert_eq!((&shown["last_snapshot"], &shown["sync_in_progress"]), (&Value::Null, &json!(false)));
}
