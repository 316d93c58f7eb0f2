//! From the first start to the first answers: the whole journey, in one go.

use std::collections::BTreeSet;

use serde_json::json;
use sightline_sim::Company;
use sightline_sim::company::{ADA, GITHUB, login};
use sightline_sim::expect::PathKind;

use super::driver::{self, Browser};
use crate::harness::{Home, PASSWORD, Sim, SimSetup, Web, fault};
use crate::incremental::company as changing;

const SEED: u64 = 411;
/// One answer of the first sync comes so late: there is time to watch it.
const LATE_MS: u64 = 15_000;
const WRONG: &str = "00wRoNgWrOnGwRoNgWrOnGwRoNgWrOnGwRoNgWrOn0";

#[test]
fn from_the_first_start_to_the_first_answers() {
    if !driver::is_there() {
        return;
    }
    let mut setup = SimSetup::of(changing(SEED)).flags(&["--read-only-admin"]);
    let before = setup.company();
    let github = before.app(GITHUB).unwrap().id.to_string();
    setup =
        setup.faults(json!([fault(&format!("/api/v1/apps/{github}/users"), &json!({ "hang": LATE_MS }))]));
    let sim = setup.start();
    setup = setup.port(sim.port);
    let mut home = Home::new();
    home.keep_secret(&sim.token);
    home.keep_secret(WRONG);
    // Only what is asked for is read.
    home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "600");
    let web = Web::start(home);
    let browser = Browser::start(&web.base);

    becomes_the_administrator(&browser, &web);
    browser.click("Sign out");
    browser.is_at("Sign in");
    browser.fill("Name", "Grace Hopper");
    browser.fill("Password", "not the right password");
    browser.click("Sign in");
    browser.sees("The name or the password is wrong.");
    browser.fill("Password", PASSWORD);
    browser.click("Sign in");
    browser.is_at("Overview");
    browser.sees("Nothing is connected yet.");
    browser.complains_about_nothing_but(&[401]);

    adds_the_company(&browser, &sim);
    watches_the_first_sync(&browser);
    sees_what_is_connected(&browser, &before);
    finds_a_person_and_why(&browser, &before);
    sees_what_is_unused(&browser, &before);

    drop(sim.stop());
    setup.spec.rounds = 3;
    setup.faults = json!([]);
    let _sim = setup.start();
    looks_back(&browser, &before, &setup.company());

    browser.click("Sign out");
    browser.is_at("Sign in");
    browser.open("/accounts");
    browser.is_at("Sign in");
    browser.complains_about_nothing_but(&[]);
    drop(browser);
    let (output, _) = web.stop();
    assert!(output.stderr.is_empty() || !output.stderr.contains("ERROR"), "{output:?}");
}

fn becomes_the_administrator(browser: &Browser, web: &Web) {
    browser.open("/");
    browser.is_at("Sign in");
    browser.sees("Open the link that sightline serve printed when it started.");
    let link = web.set_up.as_deref().unwrap();
    browser.open(link);
    browser.is_at("Set up Sightline");
    browser.fill("Name", "Grace Hopper");
    browser.fill("E-mail (optional)", "grace@example.com");
    browser.fill("Password", PASSWORD);
    browser.fill("The password again", "another password entirely");
    browser.click("Create the administrator");
    browser.sees("The two passwords differ.");
    assert_eq!(browser.value("Name"), "Grace Hopper");
    assert_eq!(browser.value("E-mail (optional)"), "grace@example.com");
    browser.fill("Password", PASSWORD);
    browser.fill("The password again", PASSWORD);
    browser.click("Create the administrator");
    // What comes first is to connect something.
    browser.is_at("Add New App");
    browser.sees("Grace Hopper");
    browser.open(link);
    browser.sees("this link has been used, or is too old");
    browser.complains_about_nothing_but(&[410, 422]);
}

fn adds_the_company(browser: &Browser, sim: &Sim) {
    browser.click("Data sources");
    browser.is_at("Data sources");
    browser.click("Add New App");
    browser.is_at("Add New App");
    browser.click("Connect Okta");
    browser.is_at("Add Okta");
    let asked = browser.texts("form[action='/sources/new/okta'] label");
    let expected = [
        "Domain",
        "API token",
        "Token",
        "OAuth service app",
        "Integration name (optional)",
        "Owner e-mail (optional)",
    ];
    assert_eq!(asked, expected);
    browser.choose("OAuth service app");
    browser.wait("the fields of a service app", |browser| browser.shows("textarea#private_key"));
    assert!(!browser.shows("#token"), "both credentials are asked for");
    browser.choose("API token");
    browser.wait("the field of a token", |browser| browser.shows("#token"));

    let domain = |typed: &str, told: &str| {
        browser.fill("Domain", typed);
        let fix = || browser.text("[data-fix=domain]");
        browser.wait(told, |_| fix() == told);
    };
    domain("acme.okta.com", "");
    domain(" HTTPS://Acme.okta.com/oauth2/default/ ", "using acme.okta.com");
    domain("https://acme-admin.okta.com/admin/dashboard", "using acme.okta.com");
    domain("acme", "Did you mean acme.okta.com, acme.oktapreview.com or acme.okta-emea.com?");
    browser.fill("Token", "00T1234567890abcdefg");
    browser.sees("That is the token's id from the list. The value is shown only once, at creation.");

    // The address of the issuer is what people have in front of them.
    let issuer = format!("{}/oauth2/default", sim.url);
    browser.fill("Domain", &issuer);
    browser.fill("Token", WRONG);
    browser.fill("Integration name (optional)", "Okta of Alder & Finch");
    browser.fill("Owner e-mail (optional)", "owner@alderfinch.example");
    browser.click("Check the credential");
    browser.sees("rejected");
    assert_eq!(browser.value("Domain"), issuer);
    assert_eq!(browser.value("Token"), "");
    assert_eq!(browser.value("Integration name (optional)"), "Okta of Alder & Finch");
    assert_eq!(browser.value("Owner e-mail (optional)"), "owner@alderfinch.example");
    let page = browser.script("return document.documentElement.outerHTML", &[]);
    assert!(!page.as_str().unwrap().contains(WRONG), "the token came back");

    browser.fill("Token", &format!(" SSWS {} ", sim.token));
    browser.click("Check the credential");
    browser.sees("What will not be seen");
    browser.sees(&format!("Using {} for {issuer}.", sim.url));
    let unseen =
        browser.text("section[aria-label='What will not be seen'], [aria-label='What will not be seen']");
    assert!(unseen.contains("admin access of people is not tracked"), "{unseen}");
    let lost = browser.texts("[aria-label='What will not be seen'] td[data-label='Without it']");
    let granted = browser.texts("[aria-label='What will not be seen'] td[data-label='How to grant it']");
    assert!(
        !lost.is_empty() && lost.iter().chain(&granted).all(|text| !text.is_empty()),
        "{lost:?} {granted:?}"
    );
    let page = browser.script("return document.documentElement.outerHTML", &[]);
    assert!(!page.as_str().unwrap().contains(&sim.token), "the token came back");
    browser.complains_about_nothing_but(&[422]);
    assert_eq!(browser.value("Integration name (optional)"), "Okta of Alder & Finch");
    browser.click("Create");
    browser.is_at("Okta of Alder & Finch");
}

/// What the page of a data source says of a sync changes while nobody does anything.
fn watches_the_first_sync(browser: &Browser) {
    browser.script("window.sameSince = 'then'", &[]);
    let is_same = |browser: &Browser| browser.script("return window.sameSince ?? ''", &[]) == "then";
    let line = |browser: &Browser| browser.text("[data-progress] [data-live=line]");
    let is_counted = |line: &str| line.contains("request") && line.contains(|c: char| c.is_ascii_digit());
    let mut seen: Vec<String> = Vec::new();
    browser.wait("progress", |browser| {
        let now = line(browser);
        if is_counted(&now) && !seen.contains(&now) {
            seen.push(now);
        }
        seen.len() > 1
    });
    let datasets = browser.texts("[data-live=datasets] .chip");
    assert!(datasets.iter().any(|dataset| dataset.starts_with("users")), "{datasets:?}");
    assert!(browser.text("[data-live=state]").contains("syncing"));
    assert!(is_same(browser), "the page was loaded again for that");
    // When it has ended, the page is made anew by itself.
    browser.wait("the end of the sync", |browser| browser.text("[data-live=state]") == "degraded");
    browser.sees("complete");
    assert!(!is_same(browser), "the page is the one from before");
    // What could not be read is neither complete nor none.
    let rows = browser.texts("[aria-label='What is read'] tbody tr");
    let read = |title: &str| rows.iter().find(|row| row.lines().next() == Some(title)).unwrap();
    assert!(read("users").contains("complete"), "{rows:?}");
    for title in ["admins", "admin roles of users", "admin roles"] {
        let row = read(title);
        assert!(row.contains("not known") && !row.contains("complete"), "{row}");
    }
}

fn sees_what_is_connected(browser: &Browser, company: &Company) {
    let counts = company.truth().counts();
    browser.click("Data sources");
    browser.is_at("Data sources");
    let rows = browser.texts("[aria-label='Connected apps'] tbody tr");
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert!(row.contains("Okta of Alder & Finch") && row.contains("owner@alderfinch.example"), "{row}");
    let cell = |name: &str| browser.text(&format!("[aria-label='Connected apps'] td[data-label='{name}']"));
    assert_eq!(cell("Accounts"), counts.accounts.to_string());
    assert_eq!(cell("Groups"), counts.groups.to_string());
    assert_eq!(cell("Applications"), counts.apps.to_string());
    assert!(cell("State").starts_with("degraded") && cell("State").to_lowercase().contains("role"), "{row}");

    browser.click("Admins");
    browser.is_at("Admins");
    // What could not be read is no empty list.
    browser.sees("See the gaps");
    browser.click("See the gaps");
    browser.is_at("Gaps");
    browser.sees("admin access of people is not tracked");
    browser.complains_about_nothing_but(&[]);
}

/// The ways of somebody to something, as the company has them, each by a word that tells it from the others.
fn ways_between(company: &Company, user: &str, app: &str) -> Vec<String> {
    let reached = company.truth().what(user).into_iter().find(|reached| reached.app_id == app).unwrap();
    let name = |path: &PathKind| match path {
        PathKind::Group { group_id } => {
            company.groups.iter().find(|group| group.id.as_str() == group_id).unwrap().name.clone()
        }
        PathKind::Direct => "direct".to_owned(),
        PathKind::Implicit => "everyone".to_owned(),
    };
    reached.paths.iter().map(name).collect()
}

fn finds_a_person_and_why(browser: &Browser, company: &Company) {
    let ada = company.person(ADA).unwrap();
    let reached = company.truth().what(ada.id.as_str());
    browser.click("Accounts");
    browser.is_at("Accounts");
    let rows = |browser: &Browser| browser.texts("[aria-label='Accounts'] tbody tr");
    assert!(rows(browser).len() > 1);
    // The list follows what is typed.
    browser.fill("Search", &login(ADA)[..6]);
    browser.wait("one account", |browser| rows(browser).len() == 1);
    assert!(browser.path().starts_with("/accounts?q="), "{}", browser.path());
    browser.click(&login(ADA));
    browser.is_at("Ada Lovelace");
    let able = reached.iter().filter(|reached| reached.can_sign_in).count();
    browser.sees(&format!("Can reach {able} applications"));
    let mut shown = browser.texts("#access td[data-label=Application]");
    shown.sort();
    let mut expected: Vec<_> = reached.iter().map(|reached| reached.label.clone()).collect();
    expected.sort();
    assert_eq!(shown, expected);

    browser.click("Explain an access");
    browser.is_at("Access");
    assert_eq!(browser.value("Account"), login(ADA));
    browser.fill("Application", GITHUB);
    browser.click("Explain");
    browser.sees("What would remove it");
    let github = company.app(GITHUB).unwrap();
    let groups = ways_between(company, ada.id.as_str(), github.id.as_str());
    let verdict = browser.text("main h2");
    assert!(verdict.contains(&login(ADA)) && verdict.contains("can reach GitHub"), "{verdict}");
    let drawn = browser.text("svg.drawing");
    let told = browser.texts("ol > li");
    assert_eq!(told.len(), groups.len(), "{told:?}");
    for group in &groups {
        assert!(drawn.contains(group.as_str()), "{group} is not drawn: {drawn}");
        assert!(told.iter().any(|path| path.contains(group.as_str())), "{group} is not told: {told:?}");
    }
    // Whatever is done has to end every way.
    let acts = browser.text("main");
    let acts = acts.split_once("What would remove it").unwrap().1;
    assert!(groups.iter().all(|group| acts.contains(group.as_str())), "{groups:?}: {acts}");
    browser.complains_about_nothing_but(&[]);
}

fn sees_what_is_unused(browser: &Browser, company: &Company) {
    let truth = company.truth();
    let pairs = truth.effective_pairs();
    let used = truth.last_uses().into_iter().filter(|used| {
        let who = truth.who(&used.app_id);
        who.iter().any(|reach| reach.user_id == used.user_id && reach.can_sign_in)
    });
    let unused = pairs - used.count() as u64;
    browser.click("Activity");
    browser.is_at("Activity");
    let grouped = |number: u64| -> String {
        if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
    };
    browser.sees(&format!("{} of {} accesses were not used in the window", grouped(unused), grouped(pairs)));
    assert!(browser.shows("svg.drawing"));
    browser.complains_about_nothing_but(&[]);
}

/// Reads the company again after it has changed, and looks at it as it was.
fn looks_back(browser: &Browser, before: &Company, after: &Company) {
    let able = |company: &Company, app: &str| {
        company.truth().who(app).iter().filter(|reach| reach.can_sign_in).count()
    };
    let (app, then, now) = before
        .apps
        .iter()
        .filter(|app| !app.deleted)
        .map(|app| (app, able(before, app.id.as_str()), able(after, app.id.as_str())))
        .find(|(_, then, now)| then != now && *then > 1 && *now > 1)
        .unwrap();
    browser.click("Data sources");
    browser.click("Okta of Alder & Finch");
    browser.is_at("Okta of Alder & Finch");
    browser.click("Sync now");
    // A small company loses much at once: nothing is believed before somebody has confirmed it.
    browser.sees("check the credential's permissions");
    let history = || browser.texts("[aria-label='Sync history'] tbody tr");
    assert!(history().len() == 2 && history()[0].contains("failed"), "{:?}", history());
    browser.click("The drop is real: read it again");
    browser.wait("the second snapshot", |_| history().len() == 3);
    sees_what_changed(browser, before, after);
    browser.click("Applications");
    browser.is_at("Applications");
    browser.fill("Search", &app.label);
    browser.click("Search");
    browser.click(&app.label);
    browser.is_at(&app.label);
    let told = |count: usize| format!("{count} accounts can reach it");
    let heading = |browser: &Browser| browser.text("#who-title");
    assert_eq!(heading(browser), told(now));
    browser.fill("As of", "1");
    browser.click("Look");
    browser.wait(&told(then), |browser| browser.path().contains("as_of=1"));
    browser.is_at(&app.label);
    assert_eq!(heading(browser), told(then));
    // The time goes along.
    browser.click("Overview");
    browser.wait("the overview as it was", |browser| browser.path() == "/?as_of=1");
    browser.complains_about_nothing_but(&[]);
}

/// Who can use what: accounts and applications.
fn accesses(company: &Company) -> BTreeSet<(String, String)> {
    let truth = company.truth();
    let of = |app: &str| -> Vec<_> {
        truth
            .who(app)
            .into_iter()
            .filter(|reach| reach.can_sign_in)
            .map(|reach| (reach.login, app.to_owned()))
            .collect()
    };
    company.apps.iter().filter(|app| !app.deleted).flat_map(|app| of(app.id.as_str())).collect()
}

fn sees_what_changed(browser: &Browser, before: &Company, after: &Company) {
    let (then, now) = (accesses(before), accesses(after));
    let (gained, lost) = (now.difference(&then).count(), then.difference(&now).count());
    assert!(gained > 1 && lost > 1, "{gained} {lost}");
    browser.click("Changes");
    browser.is_at("Changes");
    browser.sees("from snapshot 1 of");
    let chips = browser.texts("[aria-label='What changed'] .chip");
    for (kind, count) in [("access gained", gained), ("access lost", lost)] {
        let told = format!("{kind} {count}");
        assert!(chips.iter().any(|chip| chip.replace('\n', " ") == told), "no {told:?}: {chips:?}");
    }
    browser.click("access gained");
    browser.sees(&format!("{gained} accesses gained"));
    let rows = browser.texts("[aria-label='Access'] tbody td[data-label=Account] a");
    let logins: BTreeSet<_> = now.difference(&then).map(|(login, _)| login.as_str()).collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| logins.contains(row.as_str())), "{rows:?}");
    browser.complains_about_nothing_but(&[]);
}
