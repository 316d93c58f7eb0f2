//! Syncs that fail are remembered: what is known is as old as the last snapshot, also after a restart.

use serde_json::json;

use crate::harness::{Home, SimSetup, Web, list, text, tiny};

#[test]
fn a_sync_that_failed_is_told_after_a_restart() {
    let setup = SimSetup::of(tiny(441));
    let sim = setup.start();
    let mut home = Home::synced_with(&sim);
    home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "600");
    let web = Web::with_users(home);
    let admin = web.sign_in("admin");
    web.wait_while_busy(&admin, 1);
    let failed = |web: &Web| web.send(&admin.get("/api/v1/sources/1/failed-syncs")).is(200).json();
    assert_eq!(failed(&web), json!([]));
    // Paused, it is not read by itself.
    web.send(&admin.call("POST", "/api/v1/sources/1/pause")).is(200);
    let (_, home) = web.stop();
    drop(sim.stop());
    home.run(&["sync"]).fails(4, "", "");

    let web = Web::start(home);
    let admin = web.sign_in("admin");
    let told = web.send(&admin.get("/api/v1/sources/1/failed-syncs")).is(200).json();
    let [only] = list(&told) else { panic!("{told}") };
    assert!(!text(only, "text").is_empty() && text(only, "started") <= text(only, "at"), "{only}");
    let source = web.send(&admin.get("/api/v1/sources/1")).is(200).json();
    assert_eq!(source["state"], json!("failing"));
    assert_eq!(source["failure"], *only);
    let page = web.send(&admin.get("/sources/1")).is(200);
    assert!(page.body.contains("badge bad\">failed"), "{}", page.body);

    // The next one that goes well is all that counts.
    let _sim = setup.port(sim_port(&source)).start();
    web.sync(&admin, 1);
    let source = web.send(&admin.get("/api/v1/sources/1")).is(200).json();
    assert_eq!((&source["state"], &source["failure"]), (&json!("paused"), &json!(null)));
    let told = web.send(&admin.get("/api/v1/sources/1/failed-syncs")).is(200).json();
    assert_eq!(list(&told).len(), 1);
}

/// The port of the company in the address of a data source.
fn sim_port(source: &serde_json::Value) -> u16 {
    text(source, "address").rsplit_once(':').unwrap().1.parse().unwrap()
}
