//! Without a mouse: everything is reached, in an order, and it shows where one is.

use super::World;
use super::driver::{self, Browser};
use crate::harness::PASSWORD;
use fantoccini::key::Key;

/// What can be reached with the keyboard, and is shown; a group of radio buttons is reached once.
const REACHABLE: &str = "
    const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex=\"0\"]')];
    const there = all.filter((one) => one.type !== 'hidden' && !one.disabled && one.checkVisibility({ visibilityProperty: true })
        && !(one.type === 'radio' && !one.checked));
    there.forEach((one, at) => { one.dataset.at = at; });
    return there.length;";
/// Where the focus is, and whether it shows.
const FOCUS: &str = "
    const one = document.activeElement;
    const box = one.getBoundingClientRect();
    return {
        name: `${one.tagName} ${one.id} ${one.textContent.trim().slice(0, 30)}`,
        shows: getComputedStyle(one).outlineStyle !== 'none',
        seen: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight,
    };";
/// Notes where the focus goes, and whether it shows there.
const NOTE: &str = "
    window.noted = [];
    document.activeElement.blur();
    getSelection().removeAllRanges();
    document.addEventListener('focusin', (event) => {
        const one = event.target;
        const style = getComputedStyle(one);
        const shows = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        const name = `${one.tagName} ${one.id} ${one.textContent.trim().slice(0, 30)}`;
        window.noted.push([Number(one.dataset.at ?? -1), shows, name]);
    });";

/// Goes through the page with the tabulator: everything is reached once, in the order of the page, and shows it.
#[track_caller]
fn reaches_everything(browser: &Browser, path: &str) {
    browser.open(path);
    let count = browser.script(REACHABLE, &[]).as_u64().unwrap() as usize;
    assert!(count > 1, "{path}");
    browser.script(NOTE, &[]);
    browser.keys(&char::from(Key::Tab).to_string().repeat(count));
    let noted: Vec<(i64, bool, String)> =
        serde_json::from_value(browser.script("return window.noted", &[])).unwrap();
    assert_eq!(noted.len(), count, "{path}: {noted:?}");
    for (at, (reached, shows, name)) in noted.iter().enumerate() {
        assert_eq!(*reached, at as i64, "{path}: {name}");
        assert!(shows, "{path}: that the focus is at {name} is not shown");
    }
}

#[test]
fn everything_is_reached_and_done_without_a_mouse() {
    if !driver::is_there() {
        return;
    }
    let world = World::new();
    let browser = Browser::start(&world.web.base);
    // The first field has the focus already.
    browser.open("/sign-in");
    browser.keys("admin");
    browser.press(Key::Tab);
    browser.keys(PASSWORD);
    browser.press(Key::Enter);
    browser.is_at("Overview");

    // The first thing leads past the navigation.
    browser.press(Key::Tab);
    let focus = browser.script(FOCUS, &[]);
    assert!(
        focus["name"].as_str().unwrap().contains("Skip to the content") && focus["seen"] == true,
        "{focus}"
    );
    browser.press(Key::Enter);
    assert_eq!(browser.script("return document.activeElement.id", &[]), "main");
    browser.press(Key::Tab);
    let inside = "return document.querySelector('main').contains(document.activeElement)";
    assert_eq!(browser.script(inside, &[]), true);

    for path in [
        "/",
        "/admins",
        "/access?account=ada.lovelace&app=GitHub",
        "/sources",
        "/sources/new/okta",
        "/sources/1",
    ] {
        reaches_everything(&browser, path);
    }
    for path in ["/settings/users", "/settings/tokens", "/settings/profile"] {
        reaches_everything(&browser, path);
    }

    // Searching, and going to what was found.
    browser.open("/accounts");
    browser.script("document.querySelector('#q').focus()", &[]);
    browser.keys("ada.lovelace");
    browser.press(Key::Enter);
    browser.wait("one account", |browser| browser.texts("[aria-label='Accounts'] tbody tr").len() == 1);
    browser.script("document.querySelector('tbody a').focus()", &[]);
    browser.press(Key::Enter);
    browser.is_at("Ada Lovelace");
    browser.complains_about_nothing_but(&[]);

    // On a small screen the menu opens and closes.
    browser.set_size(390, 844);
    browser.open("/groups");
    browser.script("document.querySelector('details.menu > summary').focus()", &[]);
    browser.press(Key::Enter);
    browser.wait("the menu", |browser| browser.shows("details.menu nav a"));
    browser.press(Key::Enter);
    browser.wait("no menu", |browser| !browser.shows("details.menu nav a"));
    reaches_everything(&browser, "/sources/1");
}
