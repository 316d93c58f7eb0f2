//! Pictures of every page, for people to look at: `cargo xtask shots`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use serde_json::json;
use sightline_sim::CompanySpec;
use sightline_sim::company::IT_ADMINS;
use tempfile::TempDir;

use super::driver::{self, Browser};
use super::{pages, sign_in};
use crate::harness::{Home, SimSetup, Web, fault, now, status};

/// Where pictures are to be put.
const DIRECTORY: &str = "SIGHTLINE_SHOTS";
/// Each is a snapshot, so that there is a history to look at.
const ROUNDS: u32 = 4;
/// Longer pages are cut off.
const HIGHEST: u64 = 2600;
/// What a picture is called, how wide the screen is, and what the system says about colours.
const DRESSES: [(&str, u32, &str); 3] =
    [("light", 1280, "light"), ("dark", 1280, "dark"), ("390", 390, "light")];

/// Takes pictures of the page that is shown, in every dress.
#[track_caller]
fn take(browser: &Browser, directory: &Path, name: &str) {
    for (dress, width, scheme) in DRESSES {
        browser.prefer(scheme);
        browser.set_size(width, 900);
        let height = browser.script("return document.documentElement.scrollHeight", &[]).as_u64().unwrap();
        browser.set_size(width, height.clamp(900, HIGHEST) as u32);
        let picture = browser.picture();
        assert!(picture.starts_with(b"\x89PNG") && picture.len() > 5_000, "{name}: {} bytes", picture.len());
        fs::write(directory.join(format!("{name}-{dress}.png")), picture).unwrap();
    }
    browser.set_size(1280, 900);
}

/// A name for a picture of what is at this path.
fn named(path: &str) -> String {
    let words: Vec<&str> = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        // Ids say nothing to anybody.
        .filter(|word| word.len() < 16 || !word.contains(|letter: char| letter.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() { "overview".to_owned() } else { words.join("-") }
}

#[test]
fn every_page() {
    if !driver::is_there() {
        return;
    }
    // Where nobody asks for the pictures, it is tested that they can be taken.
    let scratch = TempDir::new().unwrap();
    let directory = std::env::var_os(DIRECTORY).map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&directory).unwrap();
    let start = now() - SignedDuration::from_secs(300 + 20 * i64::from(ROUNDS));
    let mut setup = SimSetup::of(CompanySpec { permille: 20, ..CompanySpec::for_people(250, 1, start) });
    let admins = setup.company().group(IT_ADMINS).unwrap().id.to_string();
    setup = setup.faults(json!([fault(&format!("/api/v1/groups/{admins}/users"), &status(403, "E0000006"))]));
    let mut sim = setup.start();
    setup = setup.port(sim.port);
    let mut home = Home::connected_to(&sim);
    for round in 0..=ROUNDS {
        setup.spec.rounds = round;
        drop(sim.stop());
        sim = setup.start();
        home.run(&["sync", "--accept-drop", "--json"]).ok();
    }
    home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "600");
    let web = Web::with_users(home);
    let browser = Browser::start(&web.base);
    browser.open("/sign-in");
    take(&browser, &directory, "sign-in");
    sign_in(&browser, "admin");
    let mut names = BTreeSet::new();
    for path in pages(&setup.company()) {
        browser.open(&path);
        assert!(!browser.text("h1").is_empty(), "{path}");
        let mut name = named(&path);
        if !names.insert(name.clone()) {
            name.push_str("-again");
        }
        take(&browser, &directory, &name);
    }
    browser.open("/sources/new/okta");
    browser.fill("Domain", &sim.url);
    browser.fill("Token", &sim.token);
    browser.click("Check the credential");
    browser.sees("What will be seen");
    take(&browser, &directory, "preflight");
    browser.complains_about_nothing_but(&[]);
}
