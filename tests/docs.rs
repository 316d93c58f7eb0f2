//! What the documentation tells people to type is understood, and the shipped configuration is the default.

use std::collections::BTreeMap;
use std::fs;

use crate::harness::Home;
use crate::layering::root;

/// Defaults of the settings, by name, as they would be written.
const DEFAULTS: [(&str, &str); 27] = [
    ("data_dir", "\"\""),
    ("log", "\"warn\""),
    ("sync.interval_minutes", "60"),
    ("sync.max_in_flight", "10"),
    ("sync.reserve", "0.1"),
    ("history.keep_all_days", "30"),
    ("history.keep_daily_days", "365"),
    ("history.keep_monthly_days", "0"),
    ("http.extra_roots", "[]"),
    ("server.listen", "\"127.0.0.1:7733\""),
    ("server.tls_certificates", "\"\""),
    ("server.tls_key", "\"\""),
    ("server.behind_proxy", "false"),
    ("server.public_url", "\"\""),
    ("server.session_idle_minutes", "480"),
    ("server.session_hours", "168"),
    ("server.oidc.issuer", "\"\""),
    ("server.oidc.client_id", "\"\""),
    ("server.oidc.client_secret", "\"\""),
    ("server.oidc.client_secret_file", "\"\""),
    ("server.oidc.name", "\"\""),
    ("server.oidc.scopes", "[\"openid\", \"profile\", \"email\"]"),
    ("server.oidc.link_by_email", "false"),
    ("server.oidc.create_users", "false"),
    ("server.oidc.role", "\"\""),
    ("server.oidc.email_domains", "[]"),
    ("server.oidc.other_hosts", "[]"),
];

#[test]
fn the_shipped_configuration_names_every_setting_with_its_default() {
    let file = root().join("config/sightline.toml");
    let text = fs::read_to_string(&file).unwrap();
    let home = Home::new();
    home.run(&["source", "list", "--json", "--config", file.to_str().unwrap()]).ok();

    let mut section = String::new();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        // A default that is written down may be commented out.
        let line = line.trim().trim_start_matches("# ").trim_start_matches('#');
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, value)) = line.split_once(" = ")
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            let value = value.split(" #").next().unwrap_or_default().trim();
            found.insert(format!("{section}{name}"), value.to_owned());
        }
    }
    let defaults = DEFAULTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(found, BTreeMap::from(defaults));
}

#[test]
fn commands_in_the_readme_are_understood() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let home = Home::new();
    let mut inside = false;
    let mut understood = 0;
    for line in text.lines() {
        if let Some(language) = line.trim().strip_prefix("```") {
            inside = !inside && language == "sh";
            continue;
        }
        let command = line.trim().trim_start_matches("$ ").split(" #").next().unwrap_or_default();
        let arguments = match command.split_once(" -- ") {
            Some((cargo, arguments)) if cargo.starts_with("cargo run") => arguments,
            _ => match command.split_once("sightline ") {
                Some((path, arguments)) if !path.contains(' ') => arguments,
                _ => continue,
            },
        };
        if !inside {
            continue;
        }
        let arguments = words(arguments);
        // With it a command is checked and not run.
        let args: Vec<&str> = arguments.iter().map(String::as_str).chain(["--help"]).collect();
        let output = home.run_bare(&[], &args);
        assert_eq!(output.code, 0, "`{command}`: {}", output.stderr);
        understood += 1;
    }
    assert!(understood > 0, "the README tells nobody how to start");
}

/// The words of a command line, with quoted ones kept together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (turn, part) in line.split('"').enumerate() {
        if turn % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
