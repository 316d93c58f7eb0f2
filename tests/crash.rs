//! A sync that is killed at any moment costs a few calls and nothing else: the next one goes on, and what is sealed in
//! the end is what an undisturbed sync would have sealed.

use std::thread;
use std::time::{Duration, Instant};

use sightline_sim::CompanySpec;

use crate::harness::{Facts, Home, SimSetup, assert_same, now, tiny};

/// Calls that a kill can cost: ten steps are in flight at once by default, and one of them may read eight pages of the
/// log.
const LOST_AT_MOST: u64 = 10 + 7;

fn company() -> CompanySpec {
    CompanySpec { groups: 50, apps: 20, ..CompanySpec::for_people(160, 11, now()) }
}

/// Facts without the moments at which they were read.
fn timeless(home: &Home) -> Facts {
    let mut facts = home.facts();
    let window = facts.get_mut("activity_window").unwrap();
    window["record"].take();
    facts
}

/// The first snapshot is either whole or not there.
#[track_caller]
fn is_sealed(home: &Home, reference: &Facts) -> bool {
    let listed = home.run(&["list", "accounts", "--json"]);
    if listed.code == 0 {
        assert_same("facts after a crash", &timeless(home), reference);
        return true;
    }
    listed.fails(7, "no data source has been read yet", "sightline sync");
    home.run(&["source", "list", "--json"]).ok();
    false
}

#[test]
fn a_first_sync_survives_being_killed_anywhere() {
    let setup = SimSetup::of(company()).latency_ms(10);
    let sim = setup.start();
    let home = Home::connected_to(&sim);
    let setup = setup.port(sim.port);
    drop(sim.stop());
    let sim = setup.start();
    let started = Instant::now();
    home.run(&["sync", "--json"]).ok();
    let duration = started.elapsed();
    let reference = timeless(&home);
    let undisturbed = sim.stop().total();

    let mut killed = 0;
    for seed in 0..8 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let sim = setup.start();
        let home = Home::connected_to(&sim);
        // What connecting costs is not the sync's.
        drop(sim.stop());
        let sim = setup.start();
        let mut kills = 0;
        for _ in 0..rng.u64(1..=3) {
            let running = home.start(&["sync", "--json"]);
            thread::sleep(duration.mul_f64(rng.f64()));
            if running.kill().is_some() {
                break;
            }
            kills += 1;
            if is_sealed(&home, &reference) {
                break;
            }
        }
        if home.run(&["list", "apps", "--json"]).code != 0 {
            let report = home.run(&["sync", "--json"]).json();
            assert_eq!(report["snapshot"], 1, "{report}");
        }
        assert_same(&format!("seed {seed}, {kills} kills"), &timeless(&home), &reference);
        let served = sim.stop();
        let total = served.total();
        assert!(total >= undisturbed, "seed {seed}: {total} of {undisturbed} requests");
        let most = undisturbed + kills * LOST_AT_MOST;
        assert!(
            total <= most,
            "seed {seed}: {total} requests after {kills} kills, at most {most}: {served:?}"
        );
        killed += kills;
    }
    assert!(killed >= 6, "only {killed} kills hit a running sync");
}

#[test]
fn a_sync_that_is_killed_while_it_seals_is_sealed_whole_or_not_at_all() {
    let setup = SimSetup::of(company());
    let sim = setup.start();
    let reference = timeless(&Home::synced_with(&sim));
    let mut unsealed = 0;
    for delay_ms in [0, 0, 1, 2, 4, 8, 16] {
        let home = Home::connected_to(&sim);
        let mut running = home.start(&["sync", "--json"]);
        assert!(running.wait_to_say("sealing", Duration::from_mins(1)), "it never sealed");
        thread::sleep(Duration::from_millis(delay_ms));
        drop(running.kill());
        if !is_sealed(&home, &reference) {
            unsealed += 1;
            let report = home.run(&["sync", "--json"]).json();
            assert_eq!((&report["snapshot"], &report["resumed"]), (&1.into(), &true.into()));
            assert_eq!(report["requests"].as_object().map(serde_json::Map::len), Some(0), "{report}");
        }
        assert_same("facts", &timeless(&home), &reference);
    }
    assert!(unsealed > 0, "every kill came too late");
}

#[test]
fn a_later_sync_that_is_killed_leaves_the_snapshot_in_force() {
    let setup = SimSetup::of(tiny(5)).latency_ms(20);
    let sim = setup.start();
    let home = Home::synced_with(&sim);
    let before = home.facts();
    for delay_ms in [40, 120] {
        let running = home.start(&["sync", "--json", "--full"]);
        thread::sleep(Duration::from_millis(delay_ms));
        assert!(running.kill().is_none(), "the sync was too quick");
        assert_same("facts after a killed second sync", &home.facts(), &before);
    }
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!(report["snapshot"], 2);
    assert_same("what was found", &kept(&home.facts()), &kept(&before));
}

#[test]
fn a_sync_of_changes_that_is_killed_is_gone_on_with() {
    let spec = crate::incremental::company(111);
    let first = SimSetup::of(spec);
    let changed = SimSetup::of(CompanySpec { rounds: 2, ..spec });
    let sim = changed.start();
    let reference = unseen(&Home::synced_with(&sim).facts());
    drop(sim.stop());
    let (mut killed, mut resumed) = (0, 0);
    for seed in 0..5 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let sim = first.start();
        let changed = SimSetup::of(changed.spec).port(sim.port).latency_ms(25);
        let home = Home::synced_with(&sim);
        let before = home.facts();
        drop(sim.stop());
        let sim = changed.start();
        for _ in 0..2 {
            let mut running = home.start(&["sync", "--json"]);
            running.wait_to_say("sync 2", Duration::from_secs(20));
            thread::sleep(Duration::from_millis(rng.u64(20..160)));
            if running.kill().is_some() {
                break;
            }
            killed += 1;
            let after = home.facts();
            if unseen(&after) != reference {
                assert_same("facts after a killed sync of changes", &after, &before);
            }
        }
        let report = home.run(&["sync", "--json"]).json();
        assert_eq!(report["full"], false, "seed {seed}: {report}");
        resumed += u64::from(report["resumed"] == true);
        assert_eq!(home.gaps(), []);
        assert_same(&format!("seed {seed}"), &unseen(&home.facts()), &reference);
        drop(sim.stop());
    }
    assert!(killed >= 5 && resumed >= 2, "{killed} kills hit a running sync, {resumed} were gone on with");
}

/// Facts without when they were seen, and without what changes untold.
fn unseen(facts: &Facts) -> Facts {
    let mut facts = crate::incremental::found(facts.clone());
    facts.remove("activity_window");
    facts
}

fn kept(facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    facts.get_mut("activity_window").unwrap()["record"].take();
    for fact in facts.values_mut() {
        fact["last_seen"].take();
        fact["snapshot"].take();
    }
    facts
}

#[test]
fn a_sync_that_is_stopped_says_so_and_is_gone_on_with() {
    let setup = SimSetup::of(tiny(6)).latency_ms(30);
    let sim = setup.start();
    let home = Home::connected_to(&sim);
    let mut running = home.start(&["sync", "--json"]);
    assert!(running.wait_to_say("beginning sync 1", Duration::from_mins(1)));
    thread::sleep(Duration::from_millis(100));
    running.child.terminate();
    running.end().fails(130, "stopped; the next sync goes on from here", "");
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!((&report["snapshot"], &report["resumed"]), (&1.into(), &true.into()));
    let reference = Home::synced_with(&sim);
    assert_same("facts", &timeless(&home), &timeless(&reference));
}
