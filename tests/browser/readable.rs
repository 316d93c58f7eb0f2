//! Every page in every dress: what browsers complain about, whether everything can be read, named and reached.

use serde_json::{Value, json};

use super::driver::{self, Browser};
use super::{World, pages, sign_in};

/// What is wrong with the page that is shown, whatever it shows.
const FLAWS: &str = include_str!("flaws.js");

#[track_caller]
fn has_no_flaw(browser: &Browser, dress: &str) {
    let flaws = browser.script(FLAWS, &[]);
    let flaws: Vec<String> = serde_json::from_value(flaws).unwrap();
    assert!(flaws.is_empty(), "{} {dress}: {flaws:#?}", browser.path());
}

/// Makes a page worse in ways that have to be found.
const WORSE: &str = "
    const add = (name, set) => document.querySelector('main').append(Object.assign(document.createElement(name), set));
    add('h1', { textContent: 'Another' });
    add('input', { name: 'unlabelled' });
    add('p', { textContent: 'Pale', id: 'pale' });
    document.getElementById('pale').style.color = 'rgb(150 150 150 / 90%)';
    add('p', { textContent: 'Wide', id: 'wide' });
    document.getElementById('wide').style.width = '4000px';";

#[test]
fn flaws_are_found() {
    if !driver::is_there() {
        return;
    }
    let world = World::new();
    let browser = Browser::start(&world.web.base);
    sign_in(&browser, "viewer");
    has_no_flaw(&browser, "as it is");
    browser.script(WORSE, &[]);
    let flaws: Vec<String> = serde_json::from_value(browser.script(FLAWS, &[])).unwrap();
    for flaw in ["2 first headings", "no label: input", "pixels wide", "of p#pale"] {
        assert!(flaws.iter().any(|found| found.contains(flaw)), "{flaw} is not found: {flaws:#?}");
    }
    assert_eq!(flaws.len(), 4, "{flaws:#?}");
    browser.script("console.error('spoken')", &[]);
    assert!(browser.console().iter().any(|told| told.message.contains("spoken")), "the console is not heard");
}

#[test]
fn every_page_is_readable_in_both_themes_and_at_both_widths() {
    if !driver::is_there() {
        return;
    }
    let world = World::new();
    let browser = Browser::start(&world.web.base);
    for theme in ["light", "dark"] {
        browser.prefer(theme);
        browser.open("/sign-in");
        has_no_flaw(&browser, theme);
    }
    sign_in(&browser, "admin");
    let pages = pages(&world.company);
    for (width, height) in [(1280, 900), (390, 844)] {
        browser.set_size(width, height);
        for page in &pages {
            browser.open(page);
            for theme in ["light", "dark"] {
                browser.prefer(theme);
                has_no_flaw(&browser, &format!("{theme} {width}"));
            }
        }
    }
    browser.complains_about_nothing_but(&[]);
    for missing in ["/nothing/here", "/accounts/1/none", "/sources/99", "/accounts?as_of=yesterdayish"] {
        browser.open(missing);
        has_no_flaw(&browser, missing);
    }
    browser.complains_about_nothing_but(&[400, 404]);
}

/// The background of the page, as it is seen.
fn background(browser: &Browser) -> Value {
    browser.script("return getComputedStyle(document.body).backgroundColor", &[])
}

#[test]
fn the_theme_is_the_systems_until_somebody_chooses_one() {
    if !driver::is_there() {
        return;
    }
    let world = World::new();
    let browser = Browser::start(&world.web.base);
    sign_in(&browser, "viewer");
    browser.prefer("light");
    let light = background(&browser);
    browser.prefer("dark");
    let dark = background(&browser);
    assert_ne!(light, dark);
    browser.click("Light theme");
    browser.wait("the light theme", |browser| background(browser) == light);
    browser.prefer("light");
    browser.click("Dark theme");
    browser.wait("the dark theme", |browser| background(browser) == dark);
    // It stays, on other pages and when nobody is signed in.
    browser.click("Groups");
    browser.is_at("Groups");
    assert_eq!(background(&browser), dark);
    browser.click("Sign out");
    browser.is_at("Sign in");
    assert_eq!(background(&browser), dark);
    browser.complains_about_nothing_but(&[]);
}

#[test]
fn on_a_telephone_everything_is_reached_by_the_menu() {
    if !driver::is_there() {
        return;
    }
    let world = World::new();
    let browser = Browser::start(&world.web.base);
    browser.set_size(390, 844);
    sign_in(&browser, "admin");
    let titles = browser.script(
        "return [...document.querySelectorAll('details.menu nav a')].map(one => [one.textContent, one.pathname])",
        &[],
    );
    let titles: Vec<(String, String)> = serde_json::from_value(titles).unwrap();
    assert!(titles.len() > 10, "{titles:?}");
    for (_, path) in titles {
        assert!(!browser.shows("details.menu nav a"), "the menu is open on {}", browser.path());
        browser.click_on("details.menu > summary");
        browser.click_on(&format!("details.menu nav a[href='{path}']"));
        browser.wait(&path, |browser| browser.path() == path && !browser.text("h1").is_empty());
        let fits = browser.script("return document.documentElement.scrollWidth <= innerWidth", &[]);
        assert_eq!(fits, json!(true), "{path} is wider than the screen");
    }
    browser.click_on("details.menu > summary");
    browser.click("Sign out");
    browser.is_at("Sign in");
}
