//! Syncs in progress: tasks, staging, tallies, later tasks.

use std::collections::BTreeMap;

use sightline_core::Tallies;
use sightline_store::{Mark, ScopeProgress, StepOutcome, StoreError, SyncRow};

use crate::made::*;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn a_sync_goes_on_where_it_was() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    assert_eq!(store.resume(source).unwrap(), None);
    let row = store.begin_sync(source, time(7), true, &strings(&["users", "groups"])).unwrap();
    assert_eq!(row, SyncRow { number: 1, started: time(7), full: true });
    let again = store.begin_sync(source, time(8), false, &[]);
    assert!(matches!(again, Err(StoreError::SyncInProgress { number: 1 })));

    let g1 = under("members", "g1");
    let ids = store
        .commit_steps(
            source,
            &[
                StepOutcome {
                    records: vec![account("u1", "Ann"), account("u2", "Ben")],
                    then: strings(&["users 2"]),
                    tallies: vec![("admins".to_owned(), 2), ("zero".to_owned(), 0)],
                    drift: strings(&["users shoeSize", "users shoeSize"]),
                    ..outcome(0, listing("users"))
                },
                StepOutcome {
                    records: vec![group("g1", "Staff")],
                    then: strings(&["members g1", "members g2"]),
                    later: strings(&["since groups"]),
                    marks: vec![(listing("groups"), Mark::Complete), (under("members", "g2"), Mark::Empty)],
                    tallies: vec![("admins".to_owned(), 3)],
                    ..outcome(1, listing("groups"))
                },
            ],
        )
        .unwrap();
    assert_eq!(ids, [vec![2], vec![3, 4]]);
    let failed = StepOutcome {
        records: vec![member("g1", "u1")],
        marks: vec![(g1.clone(), Mark::Gap(gap(&g1)))],
        ..outcome(3, g1.clone())
    };
    assert_eq!(store.commit_steps(source, &[failed]).unwrap(), [Vec::<u64>::new()]);

    let made = made.reopened();
    let progress = made.store.resume(source).unwrap().unwrap();
    assert_eq!(progress.row, row);
    assert_eq!(progress.tasks, [(2, "users 2".to_owned()), (4, "members g2".to_owned())]);
    let tallies = [
        ("admins", 5),
        ("zero", 0),
        ("users", 2),
        ("groups", 1),
        ("members", 1),
        ("members/g1", 1),
        ("members/g2", 0),
    ];
    let tallies = tallies.map(|(name, number)| (name.to_owned(), number));
    assert_eq!(progress.tallies, Tallies(BTreeMap::from(tallies)));
    assert_eq!(progress.drift, BTreeMap::from([("users shoeSize".to_owned(), 2)]));
    let scope = |mark, records| ScopeProgress { mark, records };
    assert_eq!(
        progress.scopes,
        [
            (listing("groups"), scope(Some(Mark::Complete), 1)),
            (g1.clone(), scope(Some(Mark::Gap(gap(&g1))), 1)),
            (under("members", "g2"), scope(Some(Mark::Empty), 0)),
            (listing("users"), scope(None, 2)),
        ]
    );
    assert!(made.store.later_tasks(source).unwrap().is_empty(), "not before it is sealed");
}

#[test]
fn a_batch_with_an_unknown_task_changes_nothing() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let step = |id| StepOutcome { records: vec![account("u1", "Ann")], ..outcome(id, listing("users")) };
    assert!(matches!(store.commit_steps(source, &[step(0)]), Err(StoreError::NoSync)));
    store.begin_sync(source, time(7), true, &strings(&["a", "b"])).unwrap();
    let before = store.resume(source).unwrap();
    for batch in [[step(0), step(0)], [step(0), step(9)]] {
        let error = store.commit_steps(source, &batch).unwrap_err();
        assert!(matches!(error, StoreError::NoSuchTask { task: 0 | 9 }), "{error:?}");
        assert_eq!(store.resume(source).unwrap(), before);
    }
}

#[test]
fn the_worst_mark_of_a_scope_wins_and_then_the_last() {
    let scope = under("members", "g1");
    let other_gap = sightline_core::Gap { detail: "403".to_owned(), ..gap(&scope) };
    let (gap, other) = (Mark::Gap(gap(&scope)), Mark::Gap(other_gap));
    for (marks, expected) in [
        (vec![Mark::Complete, Mark::Part], Mark::Complete),
        (vec![Mark::Part, Mark::Onward], Mark::Onward),
        (vec![Mark::Part, Mark::Complete], Mark::Complete),
        (vec![Mark::Complete, gap.clone()], gap.clone()),
        (vec![gap.clone(), Mark::Complete], gap.clone()),
        (vec![gap.clone(), Mark::Part, other.clone(), Mark::Empty], other.clone()),
        (vec![Mark::Gone, gap.clone(), Mark::Complete], Mark::Gone),
    ] {
        let made = made();
        let tasks: Vec<String> = marks.iter().map(|_| "t".to_owned()).collect();
        made.store.begin_sync(made.source, time(1), true, &tasks).unwrap();
        for (id, mark) in marks.into_iter().enumerate() {
            let step =
                StepOutcome { marks: vec![(scope.clone(), mark)], ..outcome(id as u64, scope.clone()) };
            made.store.commit_steps(made.source, &[step]).unwrap();
        }
        let progress = made.store.resume(made.source).unwrap().unwrap();
        assert_eq!(progress.scopes[0].1.mark, Some(expected));
    }
}

#[test]
fn later_tasks_are_those_of_the_last_sealed_sync() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let run = |later: &[&[&str]]| {
        let tasks: Vec<String> = later.iter().map(|_| "t".to_owned()).collect();
        let number = store.begin_sync(source, time(1), true, &tasks).unwrap().number;
        for (id, later) in later.iter().enumerate() {
            let step = StepOutcome { later: strings(later), ..outcome(id as u64, listing("users")) };
            store.commit_steps(source, &[step]).unwrap();
        }
        number
    };
    let number = run(&[&["z", "a"], &[], &["m"]]);
    store.seal(source, number, time(2), &rules()).unwrap();
    assert_eq!(store.later_tasks(source).unwrap(), ["z", "a", "m"]);
    run(&[&["never"]]);
    store.abandon_sync(source).unwrap();
    assert_eq!(store.later_tasks(source).unwrap(), ["z", "a", "m"]);
    let number = run(&[&["b"]]);
    assert_eq!(number, 2);
    assert_eq!(store.later_tasks(source).unwrap(), ["z", "a", "m"]);
    store.seal(source, number, time(2), &rules()).unwrap();
    assert_eq!(store.later_tasks(source).unwrap(), ["b"]);
    let number = run(&[&[]]);
    store.seal(source, number, time(2), &rules()).unwrap();
    assert!(store.later_tasks(source).unwrap().is_empty());
}

#[test]
fn an_abandoned_sync_leaves_no_trace() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    read_all(store, source, vec![whole(listing("users"), vec![account("u2", "Ben")])]);
    store.abandon_sync(source).unwrap();
    assert!(matches!(store.abandon_sync(source), Err(StoreError::NoSync)));
    assert_eq!(store.resume(source).unwrap(), None);
    // What was staged does not slip into the next sync.
    sync(store, source, vec![part(listing("users"), vec![account("u3", "Cas")])]);
    let keys: Vec<_> =
        store.snapshot(source, 2).unwrap().facts.iter().map(|fact| fact.record.key()).collect();
    assert_eq!(keys, ["account/u1", "account/u3"]);
}
