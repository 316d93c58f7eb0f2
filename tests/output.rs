//! What is printed: for people, for spreadsheets and for pipes; and the demonstration, which is the first thing that
//! anybody sees.

use std::process::Stdio;

use serde_json::json;
use sightline_sim::company::{ADA, GITHUB, ODD_NAME, login};

use crate::harness::{Case, Home, SimSetup, closed_port, fault, list, text, tiny};

/// The fields of CSV, read by the letter of RFC 4180.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let row = rows.last_mut().unwrap();
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => row.last_mut().unwrap().extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(String::new()),
            '\n' if !quoted => rows.push(vec![String::new()]),
            '\r' if !quoted => {}
            c => row.last_mut().unwrap().push(c),
        }
    }
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last line has no end");
    rows
}

#[test]
fn tables_and_csv_say_what_json_says() {
    let sim = SimSetup::of(tiny(91)).start();
    let home = Home::synced_with(&sim);
    let accounts = home.list("accounts");
    let rows = csv(&home.run(&["list", "accounts", "--csv"]).ok().stdout);
    assert_eq!(rows[0][..3], ["login", "name", "status"]);
    assert_eq!(rows.len(), accounts.len() + 1);
    for (row, account) in rows[1..].iter().zip(&accounts) {
        assert_eq!(row.len(), rows[0].len());
        assert_eq!((row[0].as_str(), row[1].as_str()), (text(account, "login"), text(account, "name")));
        assert_eq!(row[3], text(account, "raw_status"));
    }
    let odd = accounts.iter().find(|account| text(account, "login") == login(ODD_NAME)).unwrap();
    assert!(text(odd, "name").contains('"') && text(odd, "name").contains(','), "{odd}");
    for what in ["groups", "apps", "roles", "admins"] {
        let lines = home.list(what).len();
        assert!(lines > 0, "no {what}");
        assert_eq!(csv(&home.run(&["list", what, "--csv"]).ok().stdout).len(), lines + 1, "{what}");
        let table = home.run(&["list", what]).ok().stdout;
        assert_eq!(table.lines().count(), lines + 1, "{what}: {table}");
    }
    for (command, name) in [("who", GITHUB), ("what", ADA)] {
        let answer = home.run(&[command, name, "--json"]).json();
        let rows = csv(&home.run(&[command, name, "--csv"]).ok().stdout);
        assert_eq!(rows.len(), list(&answer["access"]).len() + 1, "{command}");
    }
}

#[test]
fn text_of_a_provider_cannot_act_on_a_terminal_or_a_spreadsheet() {
    let case = Case::new(92);
    let evil = json!({"id": "00uEvil", "status": "ACTIVE",
        "profile": {"login": "=cmd|' /C calc'!A0", "displayName": "\u{1b}]0;gone\u{7}\u{1b}[2J\nSecond line"}});
    case.sync(&json!([{"path": "/api/v1/users", "query": "filter", "action": {"odd_object": evil}}])).ok();
    for args in [
        &["list", "accounts"][..],
        &["what", "00uEvil"],
        &["who", "Slack"],
        &["why", "00uEvil", "Slack"],
        &["why", "00uEvil", "GitHub"],
        // Suggests it.
        &["what", "=cmd|' /C calc'!A00"],
    ] {
        let output = case.home.run(args);
        let told = format!("{}{}", output.stdout, output.stderr);
        assert!(!told.contains(['\u{1b}', '\u{7}']), "{args:?} lets control characters through");
        assert!(args[1] == "Slack" || told.contains("=cmd"), "{args:?} is not about it: {told}");
    }
    let rows = csv(&case.home.run(&["list", "accounts", "--csv"]).ok().stdout);
    assert!(rows.iter().any(|row| row[0].starts_with("'=cmd")), "{rows:?}");
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '@'])), "{rows:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sim = SimSetup::of(tiny(93)).start();
    let home = Home::synced_with(&sim);
    let mut command = home.command(&["export"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{output:?}");
}

#[test]
fn the_demonstration_shows_answers_and_leaves_nothing_behind() {
    let home = Home::new();
    let scratch = home.path().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let told =
        home.run_bare(&[("TMPDIR", scratch.to_str().unwrap())], &["demo", "--once", "--people", "60"]).ok();
    for words in [
        "sightline who GitHub",
        "sightline why",
        "sightline gaps",
        "snapshot 1 sealed",
        "from snapshot 1 of",
        "Access gained",
        "Access lost",
        "group members of it-admins: denied, before and after",
        "denied",
        "can reach",
    ] {
        assert!(told.stdout.contains(words), "no {words:?} in {}", told.stdout);
    }
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "something is left behind");
    assert!(!home.data().exists());
}

#[test]
fn a_simulator_that_is_started_wrongly_says_so() {
    let home = Home::new();
    let missing = home.path().join("missing.json");
    let wrong = home.file("wrong.json", r#"[{"path": "*", "action": "explode"}]"#);
    let sim = SimSetup::of(tiny(94)).start();
    let taken = format!("127.0.0.1:{}", sim.port);
    let free = format!("127.0.0.1:{}", closed_port());
    let check = |args: &[&str], error: &str| {
        home.run_bare(&[], &[&["sim", "okta", "--people", "30"], args].concat()).fails(2, error, "");
    };
    check(&["--listen", &free, "--faults", missing.to_str().unwrap()], "missing.json");
    check(&["--listen", &free, "--faults", &wrong], "not a list of faults");
    check(&["--listen", &free, "--share", "0"], "--share");
    check(&["--listen", &free, "--window-secs", "0"], "--window-secs");
    check(&["--listen", &taken], "cannot listen on");
}

#[test]
fn what_is_not_complete_is_never_left_out_of_a_table() {
    let case = Case::new(95);
    let refused = json!({"status": {"code": 403, "error_code": "E0000006"}});
    case.sync(&json!([fault("/api/v1/iam/roles", &refused), fault("/api/v1/logs", &refused)])).ok();
    for format in [&[][..], &["--json"], &["--csv"]] {
        let told = case.home.run(&[&["list", "roles"], format].concat()).ok();
        let roles = told.stderr;
        assert!(
            roles.contains("not complete [Okta]: denied") && roles.contains("/api/v1/iam/roles"),
            "{roles}"
        );
    }
    let who = case.home.run(&["who", GITHUB]).ok().stdout;
    assert!(who.contains("unknown"), "last use is not known: {who}");
    assert!(!who.contains("not since"), "unread activity is told as unused: {who}");
}
