//! Those who use Sightline itself, on the command line: who they are, what they may do, and who did what.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Home, list, text};

const PASSWORD: &str = "seven tall ships went east";

fn home() -> Home {
    let mut home = Home::new();
    // From here on every output is searched for it, and for what is kept of it.
    home.keep_secret(PASSWORD);
    home.keep_secret("$argon2");
    home
}

fn users(home: &Home) -> Vec<Value> {
    list(&home.run(&["user", "list", "--json"]).json()).to_vec()
}

fn actions(home: &Home) -> Vec<Value> {
    let entries = home.run(&["audit", "--json"]).json();
    list(&entries).iter().map(|entry| json!([entry["action"], entry["target"], entry["outcome"]])).collect()
}

#[test]
fn users_are_added_listed_changed_and_removed_and_the_log_tells() {
    let home = home();
    assert_eq!(users(&home), [] as [Value; 0]);
    assert!(home.run(&["user", "list"]).ok().stdout.contains("sightline user add"));
    home.run(&["audit"]).fails(7, "nothing is stored", "");

    let file = home.file("password", &format!("{PASSWORD}\n"));
    let add = ["user", "add", "Ann", "--role", "admin", "--email", "ann@example.com", "--json"];
    let ann = home.run(&[&add[..], &["--password-file", &file]].concat()).json();
    assert_eq!((text(&ann, "name"), text(&ann, "role")), ("Ann", "admin"));
    assert_eq!((&ann["has_password"], &ann["disabled"]), (&json!(true), &json!(false)));
    let told = home.run(&["user", "add", "ben", "--role", "viewer"]).ok().stdout;
    assert!(told.contains("Added \"ben\" as viewer") && told.contains("no password yet"), "{told}");
    assert_eq!(users(&home).len(), 2);
    let table = home.run(&["user", "list"]).ok().stdout;
    assert!(table.contains("nothing yet") && table.contains("ann@example.com"), "{table}");

    let set = ["user", "set", "BEN", "--role", "auditor", "--name", "benjamin", "--password-file", "-"];
    home.run_with(&set, PASSWORD).ok();
    home.run(&["user", "set", "benjamin", "--disable"]).ok();
    let ben = &users(&home)[1];
    assert_eq!((text(ben, "name"), text(ben, "role")), ("benjamin", "auditor"));
    assert_eq!((&ben["has_password"], &ben["disabled"]), (&json!(true), &json!(true)));
    home.run(&["user", "set", "benjamin", "--enable"]).ok();
    assert_eq!(users(&home)[1]["disabled"], json!(false));
    home.run(&["user", "remove", "Benjamin"]).ok();
    assert_eq!(users(&home).len(), 1);

    let expected = [
        json!(["user.remove", "benjamin", "done"]),
        json!(["user.change", "benjamin", "done"]),
        json!(["user.change", "benjamin", "done"]),
        json!(["user.change", "ben", "done"]),
        json!(["user.add", "ben", "done"]),
        json!(["user.add", "Ann", "done"]),
    ];
    assert_eq!(actions(&home), expected);
    let page = home.run(&["audit", "--json", "--limit", "2", "--before", "3"]).json();
    let numbers: Vec<_> = list(&page).iter().map(|entry| entry["number"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let newest = home.run(&["audit", "--limit", "1"]).ok();
    assert!(newest.stdout.contains("user.remove") && newest.stdout.contains("system"), "{newest:?}");
    assert!(newest.stderr.contains("5 entries are before them: list more with --before 6"), "{newest:?}");

    let doctor = home.run(&["doctor", "--json"]).json();
    assert_eq!(doctor["audit_log"], json!({ "intact": true, "entries": 6 }));
    let bytes = fs::read(home.data().join("sightline.redb")).unwrap();
    assert!(
        !bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()),
        "it is stored in plain"
    );
}

#[test]
fn whatever_is_wrong_is_said_and_nothing_is_stored() {
    let home = home();
    let good = home.file("good", PASSWORD);
    home.run(&["user", "add", "ann", "--role", "admin", "--password-file", &good]).ok();
    let add = |name: &str, more: &[&str], error: &str, hint: &str| {
        home.run(&[&["user", "add", name, "--role", "admin"], more].concat()).fails(2, error, hint);
    };
    add("ANN", &[], "there is already a user \"ann\"", "");
    add("", &[], "not a name: it is empty", "");
    add(" ben", &[], "not a name: it begins or ends with a space", "");
    add("ben", &["--email", "ben"], "--email: \"ben\" is not an e-mail address", "");
    add("ben", &["--password-file", "not-there"], "cannot read the password from not-there", "");
    let file = |text: &str| home.file("tried", text);
    add("ben", &["--password-file", &file("short")], "fewer than 12 characters", "at least 12");
    add("ben", &["--password-file", &file("")], "fewer than 12 characters", "");
    add("ben.of.the.hill", &["--password-file", &file("Ben.Of.The.Hill\n")], "is the name of the user", "");
    add(
        "ben",
        &["--password-file", &file("two lines of\ntext in a file\n")],
        "several lines",
        "nothing else",
    );
    let long = "a".repeat(2000);
    add("ben", &["--password-file", &file(&long)], "more than 1024 bytes", "");

    let set = |name: &str, more: &[&str], code: i32, error: &str, hint: &str| {
        home.run(&[&["user", "set", name], more].concat()).fails(code, error, hint);
    };
    set("ann", &[], 2, "nothing to change was given", "--role");
    set("ben", &["--disable"], 7, "there is no user \"ben\"", "users: ann");
    let last = "\"ann\" is the last administrator who is not disabled";
    set("ann", &["--disable"], 2, last, "make another user an administrator first");
    set("ann", &["--role", "viewer"], 2, last, "");
    home.run(&["user", "remove", "ann"]).fails(2, last, "another user");
    home.run(&["user", "remove", "ben"]).fails(7, "there is no user \"ben\"", "users: ann");
    for args in [
        &["user", "add", "ben"][..],
        &["user", "add", "ben", "--role", "king"],
        &["user", "set", "ann", "--disable", "--enable"],
        &["audit", "--limit", "many"],
    ] {
        assert_eq!(home.run(args).code, 2, "{args:?}");
    }
    assert_eq!(users(&home).len(), 1);
    assert_eq!(actions(&home), [json!(["user.add", "ann", "done"])]);
}

#[test]
fn while_serve_runs_the_log_is_read_and_users_are_not_changed() {
    let home = home();
    home.run(&["user", "add", "ann", "--role", "admin"]).ok();
    let mut serve = home.start(&["serve"]);
    assert!(serve.wait_to_say("no data sources yet", Duration::from_secs(30)));
    home.run(&["user", "set", "ann", "--email", "ann@example.com"]).fails(
        5,
        "the store is in use by `sightline serve`",
        "stop it",
    );
    assert_eq!(users(&home).len(), 1);
    assert_eq!(text(&home.run(&["audit", "--json", "--limit", "1"]).json()[0], "target"), "ann");
    assert!(serve.kill().is_none(), "it has ended by itself");
}
