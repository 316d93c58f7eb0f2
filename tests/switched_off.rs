//! Datasets that a person switched off or on.

use crate::everything::company;
use crate::harness::{Home, SimSetup};

#[test]
fn what_is_switched_off_is_not_asked_for() {
    let setup = SimSetup::of(company());
    let sim = setup.start();
    let home = Home::connected_with(&sim, &["--without", "devices", "--without", "group_rules"]);
    let setup = setup.port(sim.port);
    drop(sim.stop());
    let sim = setup.start();
    home.run(&["sync", "--json"]).ok();
    home.run(&["sync", "--json"]).ok();
    let served = sim.stop();
    for path in [
        "/api/v1/devices",
        "/api/v1/groups/rules",
        "/api/v1/groups/{id}/owners",
        "/api/v1/users/{id}/factors",
    ] {
        assert_eq!(served.of(path), 0, "{path}");
    }
    let off = |dataset: &str| (dataset.to_owned(), "switched_off".to_owned());
    assert_eq!(home.gaps(), [off("devices"), off("group_rules")]);
    let told = home.run(&["gaps"]).ok().stdout;
    assert!(told.contains("switched off") && told.contains("from which devices people sign in"), "{told}");
    let told = home.run(&["list", "devices"]).ok();
    assert!(told.stderr.contains("switched off"), "{told:?}");

    // Switched on, it is read by the next sync, and of the factors only those of admins.
    let sim = setup.start();
    home.run(&["source", "set", "Okta", "--with", "devices", "--with", "factors"]).ok();
    home.run(&["sync", "--json", "--full"]).ok();
    let served = sim.stop();
    let company = setup.company();
    assert_eq!(home.gaps(), [off("group_rules")]);
    assert_eq!(home.list("devices").len() as u64, company.truth().counts().devices);
    assert_eq!(served.of("/api/v1/users/{id}/factors"), company.truth().counts().role_holders);
}
