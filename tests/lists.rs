//! Lists and pages of the web application: narrowed down, taken out and shown as the company is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sightline_sim::company::DEPARTMENTS;

use crate::harness::{Home, SimSetup, Web, encoded, list, text, tiny};

/// The logins of a list of accounts, all its pages.
fn logins(web: &Web, session: &crate::harness::Session, query: &str) -> BTreeSet<String> {
    let page = web.send(&session.get(&format!("/api/v1/accounts?limit=500&{query}"))).is(200).json();
    assert_eq!(page["next"], Value::Null);
    list(&page["items"]).iter().map(|account| text(account, "login").to_owned()).collect()
}

#[test]
fn accounts_are_narrowed_down_by_department() {
    let setup = SimSetup::of(tiny(431));
    let company = setup.company();
    let web = Web::of(&setup.start());
    let viewer = web.sign_in("viewer");
    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for user in company.users.iter().filter(|user| !user.deleted) {
        let department = DEPARTMENTS[usize::from(user.department)].name;
        expected.entry(department).or_default().insert(user.login.clone());
    }
    let all = logins(&web, &viewer, "");
    assert_eq!(expected.values().flatten().cloned().collect::<BTreeSet<_>>(), all);
    assert!(expected.len() > 1, "all are in one department");
    for (department, of_company) in &expected {
        let found = logins(&web, &viewer, &format!("department={}", encoded(department)));
        assert_eq!(found, *of_company, "{department}");
    }
    // Every profile of this company tells one.
    assert_eq!(logins(&web, &viewer, &format!("department={}", encoded("(not told)"))), BTreeSet::new());
    assert_eq!(logins(&web, &viewer, "department=Alchemy"), BTreeSet::new());

    let page = web.send(&viewer.get("/api/v1/accounts?limit=1")).is(200).json();
    for (department, count) in page["facets"]["department"].as_object().unwrap() {
        let found = logins(&web, &viewer, &format!("department={}", encoded(department)));
        assert_eq!(count.as_u64().unwrap(), found.len() as u64, "{department}");
    }
}

/// Whoever may look at a list may take it out: page by page it can be read anyway. That it was is in the audit log.
#[test]
fn whoever_sees_a_list_takes_it_out_and_the_log_tells() {
    let setup = SimSetup::of(tiny(432));
    let web = Web::of(&setup.start());
    let viewer = web.sign_in("viewer");
    let expected = logins(&web, &viewer, "status=active");
    let file = web.send(&viewer.get("/accounts?status=active&format=json")).is(200);
    let rows = file.json();
    let found: BTreeSet<String> = list(&rows).iter().map(|row| text(row, "login").to_owned()).collect();
    assert_eq!(found, expected);
    let file = web.send(&viewer.get("/accounts?status=active&format=csv")).is(200);
    assert_eq!(file.body.trim_end().lines().count(), expected.len() + 1);
    let auditor = web.sign_in("auditor");
    let log = web.send(&auditor.get("/api/v1/audit")).is(200).body;
    assert!(
        log.contains("list.export") && log.contains(&format!("accounts ({} rows)", expected.len())),
        "{log}"
    );
}

#[test]
fn an_account_is_shown_with_its_devices() {
    let setup = SimSetup::of(tiny(433));
    let company = setup.company();
    let sim = setup.start();
    let web = Web::with_users(Home::synced_with(&sim));
    let viewer = web.sign_in("viewer");
    let mut seen = 0;
    for user in company.users.iter().filter(|user| !user.deleted) {
        let devices: Vec<_> = company
            .truth()
            .devices()
            .into_iter()
            .filter(|device| device.users.iter().any(|(id, _)| *id == user.id.to_string()))
            .collect();
        if seen > 5 && !devices.is_empty() {
            continue;
        }
        let page = web.send(&viewer.get(&format!("/accounts/1/{}", user.id))).is(200);
        assert_eq!(page.body.contains("id=\"devices\""), !devices.is_empty(), "{}", user.login);
        for device in &devices {
            assert!(page.body.contains(&device.device_id), "{}: {device:?}", user.login);
            seen += 1;
        }
    }
    assert!(seen > 0, "nobody has a device");
}
