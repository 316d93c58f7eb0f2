//! Syncs that read only what changed: confirmed absences, partial readings, and what is kept of the last full sync.

use std::collections::BTreeMap;

use sightline_core::{Absent, EntityKind, Record, Scope};
use sightline_store::{DatasetChange, Mark, SealReport, StepOutcome, Store, StoreError};

use crate::made::*;

fn entity(kind: EntityKind, id: &str) -> Absent {
    Absent::Entity(kind, id.to_owned())
}

fn fact(record: &Record) -> Absent {
    Absent::Fact(record.key())
}

fn step(scope: Scope, records: Vec<Record>, absent: Vec<Absent>) -> StepOutcome {
    StepOutcome { records, absent, ..outcome(0, scope) }
}

fn marked(step: StepOutcome, mark: Mark) -> StepOutcome {
    StepOutcome { marks: vec![(step.scope.clone(), mark)], ..step }
}

/// Stores steps one by one, not to be sealed yet; gives the number of the sync.
fn stage(store: &Store, source: u64, full: bool, steps: Vec<StepOutcome>) -> u64 {
    let tasks = vec!["{}".to_owned(); steps.len()];
    let number = store.begin_sync(source, time(100), full, &tasks).unwrap().number;
    for (id, step) in steps.into_iter().enumerate() {
        store.commit_steps(source, &[StepOutcome { task_id: id as u64, ..step }]).unwrap();
    }
    number
}

fn incremental(made: &Made, steps: Vec<StepOutcome>) -> SealReport {
    let number = stage(&made.store, made.source, false, steps);
    made.store.seal(made.source, number, time(200), &rules()).unwrap()
}

/// The keys of the newest snapshot, by scope.
fn keys(made: &Made) -> Vec<String> {
    let number = made.store.latest(made.source).unwrap().unwrap().number;
    let snapshot = made.store.snapshot(made.source, number).unwrap();
    snapshot.facts.iter().map(|fact| fact.record.key()).collect()
}

fn small_company() -> Made {
    let made = made();
    sync(
        &made.store,
        made.source,
        vec![
            whole(listing("users"), vec![account("u1", "Ann"), account("u2", "Ben")]),
            whole(listing("groups"), vec![group("g1", "Staff"), group("g2", "Sales")]),
            whole(under("members", "g1"), vec![member("g1", "u1"), member("g1", "u2")]),
            whole(under("members", "g2"), vec![member("g2", "u1")]),
            whole(under("group_roles", "g1"), vec![role("r1", "Helpdesk")]),
            whole(under("holders", "r1"), vec![holds("r1", "u1")]),
        ],
    );
    made
}

#[test]
fn an_entity_that_is_gone_takes_everything_under_it() {
    let made = small_company();
    let report = incremental(
        &made,
        vec![marked(step(listing("changes"), vec![], vec![entity(EntityKind::Group, "g1")]), Mark::Part)],
    );
    assert_eq!(keys(&made), ["group/g2", "membership/g2/u1", "account/u1", "account/u2"]);
    let removed = |removed, total| DatasetChange { removed, total, ..DatasetChange::default() };
    for (dataset, expected) in [
        ("groups", removed(1, 1)),
        ("members", removed(2, 1)),
        ("group_roles", removed(1, 0)),
        ("holders", removed(1, 0)),
        ("users", removed(0, 2)),
    ] {
        assert_eq!(report.datasets[dataset], expected, "{dataset}");
    }
    // An account is kept in a listing and is an end of what others hold, which goes with it.
    let report =
        incremental(&made, vec![step(listing("changes"), vec![], vec![entity(EntityKind::Account, "u1")])]);
    assert_eq!(keys(&made), ["group/g2", "account/u2"]);
    assert_eq!(report.datasets["members"], removed(1, 0));
    assert_eq!(report.dangling, BTreeMap::new());
    // One that nobody knows changes nothing.
    let before = made.store.snapshot(made.source, 3).unwrap().facts;
    incremental(&made, vec![step(listing("changes"), vec![], vec![entity(EntityKind::Account, "u9")])]);
    assert_eq!(made.store.snapshot(made.source, 4).unwrap().facts, before);
}

#[test]
fn an_entity_that_a_later_step_reads_is_there_again() {
    let users = listing("users");
    let gone = || step(listing("changes"), vec![], vec![entity(EntityKind::Account, "u1")]);
    let back = || marked(step(users.clone(), vec![account("u1", "Anna")], vec![]), Mark::Part);
    for (steps, there) in [
        (vec![gone(), back()], true),
        (vec![back(), gone()], false),
        (vec![gone(), back(), gone()], false),
        (vec![back(), gone(), back()], true),
        // In one step the absence is the later word.
        (vec![StepOutcome { absent: gone().absent, ..back() }], false),
    ] {
        let made = small_company();
        incremental(&made, steps.clone());
        assert_eq!(keys(&made).contains(&"account/u1".to_owned()), there, "{steps:?}");
        // The same in one transaction.
        let made = small_company();
        let tasks = vec!["{}".to_owned(); steps.len()];
        let number = made.store.begin_sync(made.source, time(1), false, &tasks).unwrap().number;
        let numbered = |(id, step): (usize, &StepOutcome)| StepOutcome { task_id: id as u64, ..step.clone() };
        let batch: Vec<StepOutcome> = steps.iter().enumerate().map(numbered).collect();
        made.store.commit_steps(made.source, &batch).unwrap();
        made.store.seal(made.source, number, time(2), &rules()).unwrap();
        assert_eq!(keys(&made).contains(&"account/u1".to_owned()), there, "{steps:?}");
    }
}

#[test]
fn a_fact_that_is_gone_is_removed_from_its_own_scope_however_that_was_read() {
    let (g1, g2) = (under("members", "g1"), under("members", "g2"));
    let gone = || vec![fact(&member("g1", "u2"))];
    let counted = DatasetChange { removed: 1, total: 2, ..DatasetChange::default() };
    for mark in [Some(Mark::Part), Some(Mark::Gap(gap(&g1))), None] {
        let made = small_company();
        let mut step = step(g1.clone(), vec![], gone());
        step.marks = mark.into_iter().map(|mark| (g1.clone(), mark)).collect();
        let report = incremental(&made, vec![step]);
        assert_eq!(report.datasets["members"], counted);
        assert!(!keys(&made).contains(&"membership/g1/u2".to_owned()));
    }
    // Of another scope nothing is removed, and a scope that nobody has read is not made.
    let made = small_company();
    let elsewhere = vec![step(g2, vec![], gone()), step(under("members", "g9"), vec![], gone())];
    let report = incremental(&made, elsewhere);
    assert_eq!(report.datasets["members"], DatasetChange { total: 3, ..DatasetChange::default() });
    assert_eq!(report.scopes, 6);
}

#[test]
fn a_fact_that_a_later_step_reads_is_there_again_and_begins_anew() {
    let made = made();
    let activity = listing("activity");
    let usage = |count| used("u1", "a1", 5, 9, count);
    sync(&made.store, made.source, vec![part(activity.clone(), vec![usage(10)])]);
    let read = |count| step(activity.clone(), vec![usage(count)], vec![]);
    let gone = || step(activity.clone(), vec![], vec![fact(&usage(0))]);
    let counts = |made: &Made, number| -> Vec<u64> {
        let facts = made.store.snapshot(made.source, number).unwrap().facts;
        let count = |fact: &sightline_core::Fact| match &fact.record {
            Record::Usage(usage) => usage.count,
            other => panic!("{other:?}"),
        };
        facts.iter().map(count).collect()
    };
    incremental(&made, vec![read(1), gone(), read(2), read(3)]);
    assert_eq!(counts(&made, 2), [5]);
    incremental(&made, vec![read(1)]);
    assert_eq!(counts(&made, 3), [6]);
    let report = incremental(&made, vec![read(1), gone()]);
    assert!(counts(&made, 4).is_empty());
    assert_eq!(report.datasets["activity"], DatasetChange { removed: 1, ..DatasetChange::default() });
}

#[test]
fn absences_outlive_a_restart_and_go_with_an_abandoned_sync() {
    let absent = || {
        let absent = vec![entity(EntityKind::Group, "g2"), fact(&member("g1", "u2"))];
        vec![StepOutcome { full: true, ..step(under("members", "g1"), vec![], absent) }]
    };
    let made = small_company();
    let number = stage(&made.store, made.source, false, absent());
    let made = made.reopened();
    assert!(made.store.resume(made.source).unwrap().unwrap().row.full);
    made.store.seal(made.source, number, time(2), &rules()).unwrap();
    assert_eq!(made.store.latest(made.source).unwrap().unwrap().facts, 6);
    assert_eq!(made.store.last_full(made.source).unwrap().unwrap().number, 2);

    let made = small_company();
    stage(&made.store, made.source, false, absent());
    made.store.abandon_sync(made.source).unwrap();
    incremental(&made, vec![marked(step(listing("users"), vec![], vec![]), Mark::Part)]);
    assert_eq!(made.store.latest(made.source).unwrap().unwrap().facts, 9);
    assert_eq!(made.store.last_full(made.source).unwrap().unwrap().number, 1);
}

#[test]
fn a_partial_reading_vouches_for_no_more_than_was_known() {
    let users = listing("users");
    let state = |made: &Made, number| {
        let scopes = made.store.scopes(made.source, number).unwrap();
        let state = scopes.into_iter().find(|state| state.scope == users).unwrap();
        (state.complete, state.gap.is_some())
    };
    let changes = || vec![part(users.clone(), vec![account("u3", "Cas")])];

    // Never seen before: as an activity log begins.
    let made = made();
    sync(&made.store, made.source, changes());
    assert_eq!(state(&made, 1), (Some(1), false));
    // Complete before: stays complete.
    sync(&made.store, made.source, vec![whole(users.clone(), vec![account("u1", "Ann")])]);
    sync(&made.store, made.source, changes());
    assert_eq!(state(&made, 3), (Some(3), false));
    // A gap before: stays one, until all of it is read.
    sync(&made.store, made.source, vec![failed(users.clone(), vec![])]);
    sync(&made.store, made.source, changes());
    assert_eq!(state(&made, 5), (Some(3), true));
    let snapshot = made.store.snapshot(made.source, 5).unwrap();
    let old: Vec<bool> = snapshot.facts.iter().map(|fact| snapshot.is_stale(fact)).collect();
    assert_eq!(old, [true, false], "only what was read again is fresh");
    sync(&made.store, made.source, vec![whole(users.clone(), vec![account("u1", "Ann")])]);
    assert_eq!(state(&made, 6), (Some(6), false));

    // A gap from the start.
    let made = crate::made::made();
    sync(&made.store, made.source, vec![failed(users.clone(), vec![account("u1", "Ann")])]);
    sync(&made.store, made.source, changes());
    assert_eq!(state(&made, 2), (None, true));
    // Read from, never said to be complete.
    let made = crate::made::made();
    sync(&made.store, made.source, vec![Read(users.clone(), vec![account("u1", "Ann")], vec![])]);
    sync(&made.store, made.source, changes());
    assert_eq!(state(&made, 2), (None, false));
}

#[test]
fn numbers_of_the_last_full_sync_stay_until_they_are_counted_again() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let run = |full, numbers: &[(&str, u64)]| {
        let tallies = numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect();
        let number =
            stage(store, source, full, vec![StepOutcome { tallies, ..outcome(0, listing("users")) }]);
        store.seal(source, number, time(2), &rules()).unwrap();
        store.tallies(source, number).unwrap().0.into_iter().collect::<Vec<_>>()
    };
    let pairs = |numbers: &[(&str, u64)]| -> Vec<(String, u64)> {
        numbers.iter().map(|&(name, number)| (name.to_owned(), number)).collect()
    };
    run(true, &[("admins", 5), ("pages", 9), ("shrunk.users", 2)]);
    assert_eq!(run(false, &[("pages", 1)]), pairs(&[("admins", 5), ("pages", 1)]));
    assert_eq!(run(false, &[("shrunk.x", 1)]), pairs(&[("admins", 5), ("pages", 1), ("shrunk.x", 1)]));
    assert_eq!(run(false, &[("admins", 0)]), pairs(&[("admins", 0), ("pages", 1)]));
    assert_eq!(run(true, &[("pages", 3)]), pairs(&[("pages", 3)]));
}

#[test]
fn the_last_full_sync_is_found_behind_others() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let other = add_source(store, "other").id;
    assert_eq!(store.last_full(source).unwrap(), None);
    for (full, expected) in
        [(false, None), (true, Some(2)), (false, Some(2)), (false, Some(2)), (true, Some(5))]
    {
        assert!(!store.has_sync_in_progress(source).unwrap());
        let number = stage(store, source, full, vec![]);
        assert!(store.has_sync_in_progress(source).unwrap());
        assert!(!store.has_sync_in_progress(other).unwrap());
        store.seal(source, number, time(2), &rules()).unwrap();
        assert_eq!(store.last_full(source).unwrap().map(|meta| meta.number), expected);
    }
    assert_eq!(store.last_full(other).unwrap(), None);
}

#[test]
fn lost_ids_of_entities_are_noticed() {
    let Made { dir, store, source } = small_company();
    drop(store);
    {
        let database = redb::Database::open(dir.path().join("sightline.redb")).unwrap();
        let txn = database.begin_write().unwrap();
        {
            let ids: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("entities");
            let mut table = txn.open_table(ids).unwrap();
            assert!(table.pop_last().unwrap().is_some(), "those of the accounts");
        }
        txn.commit().unwrap();
    }
    let store = Store::open(dir.path(), sightline_store::OpenMode::Write).unwrap();
    let number = stage(&store, source, false, vec![]);
    let error = store.seal(source, number, time(2), &rules()).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { what } if what.contains("users")), "{error:?}");
    assert_eq!(store.snapshot(source, 1).unwrap().facts.len(), 9);
}
