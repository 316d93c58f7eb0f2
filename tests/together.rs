//! Several processes at one data directory: readers beside a writer, one writer at a time, a scheduler that stops when
//! it is asked to.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sightline_sim::company::GITHUB;

use crate::harness::{Home, Output, Running, Sim, SimSetup, list, number, text, tiny};

/// Waits until the program says that this is so.
#[track_caller]
fn wait_until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + patience;
    while !holds() {
        assert!(Instant::now() < until, "not in {} s: {what}", patience.as_secs());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process holds the store: it leaves a note beside it.
fn is_held(home: &Home) -> bool {
    home.data().join("sightline.lock").exists()
}

#[track_caller]
fn names_the_holder(output: &Output, command: &str, holder: &Running) {
    output.fails(
        5,
        &format!("the store is in use by `{command}` (pid {})", holder.pid()),
        "wait until it is done",
    );
}

/// A reader beside a writer answers from the last snapshot, or says who is in the way.
#[track_caller]
fn reads_or_says_why(home: &Home, args: &[&str], expected: &Value, command: &str, holder: &Running) {
    let output = home.run(args);
    if output.code == 0 {
        assert_eq!(output.json(), *expected);
    } else {
        names_the_holder(&output, command, holder);
    }
}

#[test]
fn a_sync_leaves_readers_alone_and_keeps_writers_out() {
    let setup = SimSetup::of(tiny(71));
    let sim = setup.start();
    let home = Home::synced_with(&sim);
    let setup = setup.port(sim.port).latency_ms(500);
    drop(sim.stop());
    let sim = setup.start();
    let who = home.run(&["who", GITHUB, "--json"]).json();
    let accounts = home.run(&["list", "accounts", "--json"]).json();
    let sync = home.start(&["sync", "--json"]);
    wait_until("the sync holds the store", Duration::from_secs(10), || is_held(&home));

    names_the_holder(&home.run(&["sync"]), "sightline sync", &sync);
    names_the_holder(&home.run(&["source", "remove", "Okta"]), "sightline sync", &sync);
    names_the_holder(&home.add(&sim), "sightline sync", &sync);
    reads_or_says_why(&home, &["who", GITHUB, "--json"], &who, "sightline sync", &sync);
    reads_or_says_why(&home, &["list", "accounts", "--json"], &accounts, "sightline sync", &sync);

    let report = sync.end().json();
    assert_eq!(report["snapshot"], 2);
    assert!(!is_held(&home));
    let shown = home.run(&["source", "show", "Okta", "--json"]).json();
    assert_eq!(number(&shown["last_snapshot"], "number"), 2);
}

#[test]
fn a_store_is_backed_up_and_checked_while_a_sync_reads_and_seals() {
    let setup = SimSetup::of(tiny(79));
    let sim = setup.start();
    let home = Home::synced_with(&sim);
    let before = home.facts();
    let setup = setup.port(sim.port).latency_ms(20);
    drop(sim.stop());
    let _sim = setup.start();
    let mut sync = home.start(&["sync", "--full", "--json"]);
    wait_until("the sync holds the store", Duration::from_secs(10), || is_held(&home));
    let mut copies = Vec::new();
    while sync.child.wait_for(Duration::ZERO).is_none() {
        let file = home.path().join(format!("copy {}", copies.len()));
        let report = home.run(&["backup", file.to_str().unwrap(), "--json"]).json();
        copies.push((file, number(&report, "snapshots")));
        let doctor = home.run(&["doctor", "--json"]).json();
        assert_eq!(doctor["intact"], true, "{doctor}");
    }
    sync.end().ok();
    assert!(copies.len() > 1, "the sync was too quick");
    let after = home.facts();
    for (file, snapshots) in copies {
        let other = Home::new();
        other.run(&["restore", file.to_str().unwrap()]).ok();
        let doctor = other.run(&["doctor", "--json"]).json();
        assert_eq!(doctor["intact"], true, "{doctor}");
        let expected = if snapshots == 1 { &before } else { &after };
        assert_eq!(other.facts(), *expected, "a copy with {snapshots} snapshots");
    }
}

#[test]
fn a_note_of_a_dead_process_is_no_obstacle() {
    let sim = SimSetup::of(tiny(72)).latency_ms(50).start();
    let home = Home::connected_to(&sim);
    let sync = home.start(&["sync"]);
    wait_until("the sync holds the store", Duration::from_secs(10), || is_held(&home));
    thread::sleep(Duration::from_millis(200));
    assert!(sync.kill().is_none());
    assert!(is_held(&home), "a killed process takes its note along");
    home.run(&["sync", "--json"]).ok();
    assert!(!is_held(&home));
}

fn serving(home: &mut Home) -> Running {
    home.set("SIGHTLINE_SYNC__INTERVAL_MINUTES", "1");
    let serve = home.start(&["serve"]);
    wait_until("the scheduler holds the store", Duration::from_secs(10), || is_held(home));
    serve
}

/// Stops the scheduler as a service manager does.
#[track_caller]
fn stops(mut serve: Running) -> Output {
    let asked = Instant::now();
    serve.child.terminate();
    let output = serve.end().ok();
    assert!(asked.elapsed() < Duration::from_secs(5), "it took {:?}", asked.elapsed());
    assert!(output.stdout.contains("Stopped"), "{output:?}");
    output
}

#[test]
fn the_scheduler_reads_by_itself_and_stops_when_asked() {
    let sim = SimSetup::of(tiny(73)).start();
    let mut home = Home::connected_to(&sim);
    let mut serve = serving(&mut home);
    names_the_holder(&home.run(&["sync"]), "sightline serve", &serve);
    names_the_holder(&home.run(&["source", "remove", "Okta"]), "sightline serve", &serve);
    // The first sync comes within a tenth of the interval.
    assert!(serve.wait_to_say("sealing", Duration::from_secs(20)), "nothing was read in 20 s");
    thread::sleep(Duration::from_millis(500));
    let output = stops(serve);
    assert!(output.stdout.contains("Okta: snapshot 1 sealed"), "{output:?}");
    assert_eq!(home.list("accounts").len(), 60);
    assert!(!is_held(&home));
    home.run(&["sync", "--json"]).ok();
}

#[test]
fn a_scheduler_that_is_stopped_in_the_middle_of_a_sync_loses_nothing() {
    let setup = SimSetup::of(tiny(74));
    let sim = setup.start();
    let mut home = Home::connected_to(&sim);
    let setup = setup.port(sim.port).latency_ms(400);
    drop(sim.stop());
    let sim = setup.start();
    let mut serve = serving(&mut home);
    assert!(serve.wait_to_say("beginning sync 1", Duration::from_secs(20)), "it never began");
    thread::sleep(Duration::from_secs(1));
    stops(serve);
    drop(sim);
    home.run(&["list", "accounts"]).fails(7, "no data source has been read yet", "");
    let _sim = setup.latency_ms(0).start();
    let report = home.run(&["sync", "--json"]).json();
    assert_eq!((&report["snapshot"], &report["resumed"]), (&json!(1), &json!(true)));
}

#[test]
fn a_scheduler_without_data_sources_waits_and_stops() {
    let mut home = Home::new();
    let mut serve = serving(&mut home);
    assert!(serve.wait_to_say("no data sources yet", Duration::from_secs(10)));
    stops(serve);
}

#[test]
fn a_scheduler_survives_a_provider_that_is_away() {
    let setup = SimSetup::of(tiny(75));
    let sim = setup.start();
    let mut home = Home::synced_with(&sim);
    let before = home.facts();
    drop(sim.stop());
    let mut serve = serving(&mut home);
    assert!(serve.wait_to_say("refused the connection", Duration::from_secs(30)), "no failure was told");
    stops(serve);
    assert_eq!(home.facts(), before);
}

/// Two organisations at once.
struct Two {
    home: Home,
    sims: [Sim; 2],
}

fn two() -> Two {
    let sims =
        [SimSetup::of(tiny(76)).start(), SimSetup::of(tiny(77)).flags(&["--token", OTHER_TOKEN]).start()];
    let mut home = Home::connected_to(&sims[0]);
    home.keep_secret(OTHER_TOKEN);
    home.set(crate::harness::TOKEN_VAR, OTHER_TOKEN);
    let args = ["source", "add", "okta", "--domain", &sims[1].url, "--token-env", crate::harness::TOKEN_VAR];
    home.run(&[&args[..], &["--allow-loopback-http", "--name", "Second"]].concat()).ok();
    Two { home, sims }
}

const OTHER_TOKEN: &str = "00gT7yUiOpAsDfGhJkLzXcVbNm1qWe2rTy3uIo4pAs";

#[test]
fn one_data_source_that_fails_does_not_keep_the_others_from_being_read() {
    let Two { home, sims: [first, _second] } = two();
    drop(first.stop());
    let output = home.run(&["sync", "--json"]);
    output.fails(4, "Okta: reading", "");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((text(&report, "source"), number(&report, "snapshot")), ("Second", 1));
    assert_eq!(
        home.run(&["list", "accounts", "--json", "--source", "Second"]).json().as_array().map(Vec::len),
        Some(60)
    );
}

#[test]
fn what_fits_in_two_organisations_is_asked_back_and_removal_erases_one() {
    let Two { home, sims: _sims } = two();
    home.run(&["sync", "--json"]).ok();
    home.run(&["who", GITHUB]).fails(2, "fits 2 applications", "--source");
    for source in ["Okta", "Second"] {
        let answer = home.run(&["who", GITHUB, "--json", "--source", source]).json();
        assert_eq!(text(&answer["snapshot"], "source"), source);
    }
    assert_eq!(home.list("accounts").len(), 120);

    home.run(&["source", "remove", "Okta"]).ok();
    let sources = home.run(&["source", "list", "--json"]).json();
    assert_eq!(list(&sources).iter().map(|source| text(source, "name")).collect::<Vec<_>>(), ["Second"]);
    assert!(home.list("accounts").iter().all(|account| account["source"] == "Second"));
    home.run(&["list", "accounts", "--source", "Okta"]).fails(
        7,
        "there is no data source \"Okta\"",
        "Second",
    );
    home.run(&["who", GITHUB]).ok();
    home.run(&["source", "remove", "second"]).ok();
    assert_eq!(home.run(&["source", "list", "--json"]).json(), json!([]));
    for args in [&["who", GITHUB][..], &["list", "accounts"], &["export"], &["gaps"]] {
        home.run(args).fails(7, "no data source has been read yet", "");
    }
}
