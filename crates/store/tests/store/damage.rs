//! A file of which bytes have changed: every answer is the right one or an error, and the check-up says what can still be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sightline_core::{Record, Snapshot};
use sightline_store::{OpenMode, Store, StoreError, check_up};
use tempfile::TempDir;

use crate::made::*;

/// A closed store with two data sources of three snapshots each, its bytes, and what it answers.
struct Sample {
    dir: TempDir,
    bytes: Vec<u8>,
    snapshots: BTreeMap<(u64, u64), Snapshot>,
}

fn sample() -> Sample {
    let Made { dir, store, .. } = made();
    add_source(&store, "other");
    let mut snapshots = BTreeMap::new();
    for source in [1, 2] {
        for n in 1..4_u64 {
            let accounts =
                (0..60).map(|id| account(&format!("u{id}"), &format!("v{n}"))).collect::<Vec<Record>>();
            let groups = (0..10).map(|id| group(&format!("g{id}"), &format!("v{}", n / 2))).collect();
            let mut reads = vec![whole(listing("users"), accounts), whole(listing("groups"), groups)];
            for id in 0..10 {
                let members = (0..12).map(|user| member(&format!("g{id}"), &format!("u{}", user * n)));
                reads.push(whole(under("members", &format!("g{id}")), members.collect()));
            }
            sync(&store, source, reads);
            snapshots.insert((source, n), store.snapshot(source, n).unwrap());
        }
        store.begin_sync(source, time(1), false, &["1".to_owned(), "2".to_owned()]).unwrap();
    }
    drop(store);
    let bytes = fs::read(dir.path().join("sightline.redb")).unwrap();
    Sample { dir, bytes, snapshots }
}

/// Where bytes are changed, the same ones in every run: the headers more often than by chance.
fn places(seed: u64, count: usize, len: usize) -> Vec<(usize, u8)> {
    let mut state = seed;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut places: Vec<_> = (0..count)
        .map(|index| {
            let within = if index % 4 == 0 { 512 } else { len };
            (next() as usize % within, 1 << (next() % 8))
        })
        .collect();
    // The flags and the two states that the database has: every bit of what is not covered by a checksum.
    places.extend((0..8).map(|bit| (9, 1 << bit)));
    places
}

/// Everything that the store answers, as text; the error when it gives none.
fn answers(store: &Store) -> Vec<Result<String, StoreError>> {
    let text = |answer: &dyn std::fmt::Debug| format!("{answer:?}");
    let mut answers = vec![store.sources().map(|answer| text(&answer))];
    for source in [1, 2] {
        answers.push(store.snapshots(source).map(|answer| text(&answer)));
        answers.push(store.latest(source).map(|answer| text(&answer)));
        for number in 1..4 {
            answers.push(store.snapshot(source, number).map(|answer| text(&answer)));
            answers.push(store.tallies(source, number).map(|answer| text(&answer)));
        }
        answers.push(store.resume(source).map(|answer| text(&answer)));
        answers.push(store.later_tasks(source).map(|answer| text(&answer)));
        let credential = store.unlock(None).and_then(|vault| store.credential(&vault, source));
        answers
            .push(credential.map(|fields| {
                text(&fields.values().map(sightline_core::Secret::expose).collect::<Vec<_>>())
            }));
    }
    answers
}

fn copy_with(sample: &Sample, bytes: &[u8]) -> TempDir {
    let copy = TempDir::new().unwrap();
    fs::copy(sample.dir.path().join("vault.key"), copy.path().join("vault.key")).unwrap();
    fs::write(copy.path().join("sightline.redb"), bytes).unwrap();
    copy
}

fn open(dir: &Path, mode: OpenMode) -> Result<Vec<Result<String, StoreError>>, StoreError> {
    Store::open(dir, mode).map(|store| answers(&store))
}

#[test]
fn no_answer_is_wrong_when_a_bit_of_the_file_has_changed() {
    let sample = sample();
    let right: Vec<String> =
        open(sample.dir.path(), OpenMode::Read).unwrap().into_iter().map(Result::unwrap).collect();
    let (mut unharmed, mut refused) = (0, 0);
    for (at, bit) in places(0x5EED, 160, sample.bytes.len()) {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= bit;
        for mode in [OpenMode::Read, OpenMode::Write] {
            let copy = copy_with(&sample, &bytes);
            match open(copy.path(), mode) {
                Err(error) => {
                    assert!(!matches!(error, StoreError::Missing { .. }), "byte {at}, bit {bit}");
                    refused += 1;
                }
                Ok(answers) => {
                    for (answer, right) in answers.into_iter().zip(&right) {
                        if let Ok(answer) = answer {
                            assert_eq!(answer, *right, "byte {at}, bit {bit}, {mode:?}");
                        }
                    }
                    unharmed += 1;
                }
            }
        }
    }
    // Most of a file is not in use at any time; what is in use is noticed.
    assert!(unharmed > 10 && refused > 10, "{unharmed} unharmed, {refused} refused");
}

#[test]
fn the_check_up_says_which_snapshots_can_still_be_read() {
    let sample = sample();
    let intact = check_up(sample.dir.path(), || Ok(None)).unwrap();
    assert!(intact.is_intact(), "{intact:?}");
    assert_eq!(intact.tables.len(), 24);
    let shown: Vec<(u64, Vec<u64>)> = intact
        .sources
        .unwrap()
        .iter()
        .map(|source| {
            let snapshots = source.snapshots.as_ref().unwrap();
            assert!(matches!(source.sync, Ok(Some((4, 2)))) && source.credential.is_ok());
            (source.source.id, snapshots.iter().map(|snapshot| snapshot.meta.number).collect())
        })
        .collect();
    assert_eq!(shown, [(1, vec![1, 2, 3]), (2, vec![1, 2, 3])]);

    let (mut found, mut left, mut lost, mut unsaid) = (0, 0, 0, 0);
    for (at, bit) in places(0xD0C, 120, sample.bytes.len()) {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= bit;
        let copy = copy_with(&sample, &bytes);
        let refused = matches!(open(copy.path(), OpenMode::Read), Err(StoreError::Damaged { .. }));
        let copy = copy_with(&sample, &bytes);
        let Ok(checkup) = check_up(copy.path(), || Ok(None)) else { continue };
        assert!(!refused || !checkup.is_intact(), "byte {at}, bit {bit}: {checkup:?}");
        assert_eq!(fs::read(copy.path().join("sightline.redb")).unwrap(), bytes, "nothing was written");
        found += u64::from(!checkup.is_intact());
        for source in checkup.sources.iter().flatten() {
            for snapshot in source.snapshots.iter().flatten() {
                if snapshot.condition.is_err() {
                    lost += 1;
                    continue;
                }
                left += 1;
                let Some(right) = sample.snapshots.get(&(source.source.id, snapshot.meta.number)) else {
                    continue;
                };
                let mut records: Vec<Record> = Vec::new();
                let options = sightline_store::OpenOptions {
                    check: false,
                    ..sightline_store::OpenOptions::new(OpenMode::Read)
                };
                // The flag that it was not closed may be what has changed.
                let Ok(store) = Store::open_with(copy.path(), &options) else { continue };
                store
                    .visit_facts(source.source.id, snapshot.meta.number, |fact| records.push(fact.record))
                    .unwrap();
                let expected: Vec<Record> = right.facts.iter().map(|fact| fact.record.clone()).collect();
                assert_eq!(records.len(), expected.len(), "byte {at}, bit {bit}: {}", snapshot.meta.number);
                // A change of a row's key may take away what a later snapshot changed, and no count shows that.
                unsaid += u64::from(records != expected);
            }
        }
    }
    assert!(unsaid * 50 < left, "of {left} snapshots that can be read {unsaid} are not what they were");
    assert!(found > 5 && left > 50 && lost > 0, "{found} damaged files, {left} snapshots left, {lost} lost");
}

#[test]
fn a_file_that_is_cut_off_or_emptied_is_damaged() {
    let sample = sample();
    let len = sample.bytes.len();
    for kept in [1, 100, 400, 4096, 5000, len / 2, len - 4096, len - 1] {
        let copy = copy_with(&sample, &sample.bytes[..kept]);
        for mode in [OpenMode::Read, OpenMode::Write] {
            let error = open(copy.path(), mode).unwrap_err();
            let expected = matches!(
                error,
                StoreError::Damaged { .. } | StoreError::NotAStore { .. } | StoreError::Io { .. }
            );
            assert!(expected, "{kept} of {len} bytes, {mode:?}: {error:?}");
        }
    }
}
