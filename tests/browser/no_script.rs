//! Without scripts: everything is read, and a data source is added.

use sightline_sim::company::{ADA, GITHUB, login};

use super::driver::{self, Browser, Setup};
use super::sign_in;
use crate::harness::{Home, SimSetup, Web, tiny};

#[test]
fn without_scripts_everything_is_read_and_a_data_source_is_added() {
    if !driver::is_there() {
        return;
    }
    let setup = SimSetup::of(tiny(413));
    let company = setup.company();
    let counts = company.truth().counts();
    let sim = setup.start();
    let mut home = Home::new();
    home.keep_secret(&sim.token);
    home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "600");
    let web = Web::with_users(home);
    let browser = Browser::start_with(&web.base, Setup { no_script: true });
    sign_in(&browser, "admin");
    browser.click("Add New App");
    browser.click("Connect Okta");
    browser.is_at("Add Okta");
    // A script would have hidden what belongs to the other kind of credential.
    assert!(browser.shows("#token") && browser.shows("#private_key"), "a script has run");
    browser.fill("Domain", &sim.url);
    browser.fill("Token", &sim.token);
    browser.click("Check the credential");
    browser.sees("What will be seen");
    browser.click("Create");
    browser.is_at("Okta");
    // The page is loaded anew by itself as long as something happens.
    browser.wait("the end of the first sync", |browser| browser.text("[data-live=state]") == "degraded");

    browser.click("Data sources");
    browser.is_at("Data sources");
    assert_eq!(browser.text("td[data-label=Accounts]"), counts.accounts.to_string());
    browser.click("Accounts");
    browser.fill("Search", ADA);
    browser.click("Search");
    browser.wait("one account", |browser| browser.texts("[aria-label='Accounts'] tbody tr").len() == 1);
    browser.click(&login(ADA));
    browser.is_at("Ada Lovelace");
    browser.click("Explain an access");
    browser.fill("Application", GITHUB);
    browser.click("Explain");
    browser.sees("What would remove it");
    assert!(browser.shows("svg.drawing"));
    for (link, heading) in [
        ("Groups", "Groups"),
        ("Applications", "Applications"),
        ("Admins", "Admins"),
        ("Activity", "Activity"),
        ("Gaps", "Gaps"),
        ("Overview", "Overview"),
    ] {
        browser.click(link);
        browser.is_at(heading);
    }
    browser.fill("As of", "1");
    browser.click("Look");
    browser.wait("the overview as it was", |browser| browser.path() == "/?as_of=1");
    browser.sees(&format!("{}", counts.accounts));
    // The menu of small screens needs no script either.
    browser.set_size(390, 844);
    browser.click_on("details.menu > summary");
    browser.click_on("details.menu nav a[href='/sources']");
    browser.is_at("Data sources");
    browser.click_on("details.menu > summary");
    browser.click("Sign out");
    browser.is_at("Sign in");
    browser.complains_about_nothing_but(&[]);
}
