//! The web application in a real browser, on a simulated company: what a person sees, and what browsers complain about.
//!
//! What is right is computed from the company's own model, never by the program.

mod driver;
mod first_day;
mod keyboard;
mod no_script;
mod readable;
mod shots;

use std::sync::{Arc, Mutex, Weak};

use driver::Browser;
use serde_json::json;
use sightline_sim::Company;
use sightline_sim::company::{ADA, ENG, GITHUB, IT_ADMINS};

use crate::harness::{Home, PASSWORD, Sim, SimSetup, Web, encoded, fault, status, tiny};

/// A company that is connected and was read twice, and a web application with a user of each role.
///
/// Tests that change nothing share one; it ends with the last of them.
struct World {
    web: Web,
    company: Company,
    _sim: Sim,
}

impl World {
    fn new() -> Arc<Self> {
        static SHARED: Mutex<Weak<World>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(world) = shared.upgrade() {
            return world;
        }
        let world = Arc::new(Self::start());
        *shared = Arc::downgrade(&world);
        world
    }

    fn start() -> Self {
        let setup = SimSetup::of(tiny(412));
        let company = setup.company();
        let admins = company.group(IT_ADMINS).unwrap().id.to_string();
        // One thing cannot be read, so that pages have to say so.
        let refused = fault(&format!("/api/v1/groups/{admins}/users"), &status(403, "E0000006"));
        let sim = setup.faults(json!([refused])).start();
        let mut home = Home::synced_with(&sim);
        home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "600");
        let web = Web::with_users(home);
        // What is read soon after every start is read now, and nothing for hours then.
        web.sync(&web.sign_in("admin"), 1);
        Self { web, company, _sim: sim }
    }
}

/// Every page, with what it shows where it can show several things.
fn pages(company: &Company) -> Vec<String> {
    let id = |kind: &str, id: &str| format!("/{kind}/1/{}", encoded(id));
    let ada = company.person(ADA).unwrap().id.as_str();
    let github = company.app(GITHUB).unwrap().id.as_str();
    let mut pages: Vec<String> = [
        "/",
        "/access",
        "/accounts",
        "/accounts?q=ada",
        "/accounts?q=nobody-is-called-that",
        "/accounts?as_of=1",
        "/groups",
        "/apps",
        "/admins",
        "/activity",
        "/changes",
        "/changes?from=1&to=1",
        "/gaps",
        "/sources",
        "/sources/new",
        "/sources/new/okta",
        "/sources/1",
        "/sources/1/credential",
        "/settings/audit",
        "/settings/users",
        "/settings/tokens",
        "/settings/profile",
    ]
    .map(str::to_owned)
    .into();
    pages.push(id("accounts", ada));
    pages.push(format!("{}/history", id("accounts", ada)));
    pages.push(id("groups", company.group(ENG).unwrap().id.as_str()));
    pages.push(id("groups", company.group(IT_ADMINS).unwrap().id.as_str()));
    pages.push(id("apps", github));
    pages.push(format!("{}?use=unused", id("apps", github)));
    pages.push(format!("/access?account={ada}&app={github}"));
    pages.push(format!("/access?account={ada}"));
    pages.push(format!("/access?app={github}"));
    pages
}

/// Signs in by the form of the page.
#[track_caller]
fn sign_in(browser: &Browser, name: &str) {
    browser.open("/sign-in");
    browser.fill("Name", name);
    browser.fill("Password", PASSWORD);
    browser.click("Sign in");
    browser.is_at("Overview");
}
