//! A process that is killed at any moment while it seals one sync after the other.
//!
//! `cargo xtask crash` runs it with many more kills.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sightline_store::{OpenMode, Store};
use tempfile::TempDir;

use crate::acts::{ACTS, Act, KEPT, expected, facts, step};
use crate::made::*;

/// Tells a process that it is the one to be killed, and in which data directory it works.
const VICTIM: &str = "SIGHTLINE_TEST_VICTIM";
const NAME: &str = "kill::what_was_sealed_is_whole_whenever_the_process_is_killed";
/// Kills after which a new store is begun, which keeps the number of snapshots small.
const KILLS_OF_A_STORE: u64 = 8;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// What the victim does: everything, again and again, saying what is sealed.
fn be_killed(dir: &str) {
    let mut store = Store::open(dir, OpenMode::Write).unwrap();
    let say = |what: &dyn Display| {
        println!("\n> {what}");
        std::io::stdout().flush().unwrap();
    };
    say(&"ready");
    for act in ACTS.iter().cycle() {
        act.run(&mut store, 1).unwrap();
        if *act == Act::Seal {
            say(&store.latest(1).unwrap().unwrap().number);
        }
    }
}

fn victim(dir: &Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(VICTIM, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line != "> ready\n" {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the victim did not begin");
    }
    (child, said)
}

/// Finishes what was interrupted, so that the next victim begins at the start of the acts.
fn go_on(store: &Store) -> u64 {
    if let Ok(passing) = store.source_named("passing") {
        store.remove_source(passing.id).unwrap();
    }
    let Some(sync) = store.resume(1).unwrap() else {
        return store.latest(1).unwrap().map_or(0, |meta| meta.number);
    };
    let number = sync.row.number;
    for (task, _) in sync.tasks {
        store.commit_steps(1, &[step(task, number)]).unwrap();
    }
    store.seal(1, number, time(2), &rules()).unwrap().number
}

#[test]
fn what_was_sealed_is_whole_whenever_the_process_is_killed() {
    if let Ok(dir) = std::env::var(VICTIM) {
        return be_killed(&dir);
    }
    let (kills, seed) = (setting("SIGHTLINE_KILLS", 200), setting("SIGHTLINE_KILL_SEED", 1));
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut below = move |end: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % end
    };
    let (mut sealed_in_all, mut in_the_middle) = (0, 0);
    let mut home = None;
    let mut last = 0;
    for kill in 0..kills {
        if kill % KILLS_OF_A_STORE == 0 {
            let Made { dir, store, .. } = made();
            drop(store);
            (home, last) = (Some(dir), 0);
        }
        let dir: &TempDir = home.as_ref().unwrap();
        let (mut child, mut said) = victim(dir.path());
        // Short and long waits alike: from microseconds to tens of milliseconds.
        let longest = 1 << below(16);
        std::thread::sleep(Duration::from_micros(below(longest + 1)));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        // A line that was cut off was not said.
        let lines = rest.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let reported =
            lines.filter_map(|line| line.trim().strip_prefix("> ")?.parse().ok()).max().unwrap_or(last);

        let what = format!("kill {kill} of seed {seed}");
        let store =
            Store::open(dir.path(), OpenMode::Write).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let metas = store.snapshots(1).unwrap();
        let found = metas.last().map_or(0, |meta| meta.number);
        assert!(found == reported || found == reported + 1, "{what}: {found} found, {reported} reported");
        let numbers: Vec<u64> = metas.iter().map(|meta| meta.number).collect();
        // Those that are given up are the oldest.
        assert!(numbers.is_sorted() && numbers.len() as u64 >= found.min(KEPT as u64), "{what}: {numbers:?}");
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{what}: {numbers:?}");
        in_the_middle += u64::from(store.has_sync_in_progress(1).unwrap());
        last = go_on(&store);
        for meta in store.snapshots(1).unwrap() {
            let number = meta.number;
            let snapshot = store.snapshot(1, number).unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert!(
                facts(&snapshot) == expected(number),
                "{what}: snapshot {number} of {found} is another one"
            );
        }
        sealed_in_all += last;
    }
    assert!(
        sealed_in_all > 0 && in_the_middle > 0,
        "{sealed_in_all} sealed, {in_the_middle} in the middle of a sync"
    );
}
