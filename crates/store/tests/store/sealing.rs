//! Sealing: what stays, what goes, what is stale; damage.

use std::collections::BTreeMap;

use redb::{Database, ReadableTable, TableDefinition};
use sightline_core::Snapshot;
use sightline_store::{DatasetChange, Mark, OpenMode, SealRules, Store, StoreError};

use crate::made::*;

/// Every fact as `key first-last`, a `~` in front of stale ones.
fn facts(snapshot: &Snapshot) -> Vec<String> {
    let line = |fact: &sightline_core::Fact| {
        let stale = if snapshot.is_stale(fact) { "~" } else { "" };
        format!("{stale}{} {}-{}", fact.record.key(), fact.first_seen, fact.last_seen)
    };
    snapshot.facts.iter().map(line).collect()
}

/// Every scope as `scope complete facts`, a `!` behind those with a gap.
fn scopes(snapshot: &Snapshot) -> Vec<String> {
    let line = |state: &sightline_core::ScopeState| {
        let complete = state.complete.map_or("never".to_owned(), |number| number.to_string());
        let gap = if state.gap.is_some() { " !" } else { "" };
        format!("{} {complete} {}{gap}", state.scope, state.facts)
    };
    snapshot.scopes.iter().map(line).collect()
}

#[test]
fn a_complete_read_replaces_and_keeps_when_a_fact_was_first_seen() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let users = |names: &[(&str, &str)]| {
        vec![whole(listing("users"), names.iter().map(|(id, name)| account(id, name)).collect())]
    };
    sync(store, source, users(&[("u1", "Ann"), ("u2", "Ben"), ("u3", "Cas")]));
    let report = sync(store, source, users(&[("u4", "Dee"), ("u2", "Ben"), ("u3", "Cassandra")]));
    let change = DatasetChange { added: 1, removed: 1, changed: 1, total: 3 };
    assert_eq!(report.datasets, BTreeMap::from([("users".to_owned(), change)]));
    let second = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&second), ["account/u2 1-2", "account/u3 1-2", "account/u4 2-2"]);
    assert_eq!(second.facts[1].record, account("u3", "Cassandra"));
    assert_eq!((second.source.as_str(), second.tenant.id.as_str()), ("acme", "00o1"));
    assert_eq!((second.started, second.sealed), (time(100), time(200)));
    // Seen again after an interruption: first seen anew.
    sync(store, source, users(&[("u1", "Ann")]));
    let third = store.snapshot(source, 3).unwrap();
    assert_eq!(facts(&third), ["account/u1 3-3"]);
    assert_eq!(scopes(&third), ["users 3 1"]);
    // History stays as it was.
    assert_eq!(store.snapshot(source, 2).unwrap(), second);
    assert_eq!(
        facts(&store.snapshot(source, 1).unwrap()),
        ["account/u1 1-1", "account/u2 1-1", "account/u3 1-1"]
    );
    assert!(matches!(store.snapshot(source, 4), Err(StoreError::NoSuchSnapshot { number: 4 })));
    assert!(matches!(store.snapshot(source, 0), Err(StoreError::NoSuchSnapshot { number: 0 })));
}

#[test]
fn a_gap_removes_nothing_and_marks_what_was_not_seen_as_stale() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let users = listing("users");
    sync(store, source, vec![whole(users.clone(), vec![account("u1", "Ann"), account("u2", "Ben")])]);
    let report =
        sync(store, source, vec![failed(users.clone(), vec![account("u2", "Benny"), account("u3", "Cas")])]);
    assert_eq!(report.gaps, 1);
    let second = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&second), ["~account/u1 1-1", "account/u2 1-2", "account/u3 2-2"]);
    assert_eq!(second.facts[1].record, account("u2", "Benny"));
    assert_eq!(scopes(&second), ["users 1 3 !"]);
    assert_eq!(second.gaps().next(), Some(&gap(&users)));
    // A failure without any record, then a sync that does not touch the scope.
    sync(store, source, vec![failed(users.clone(), vec![])]);
    sync(store, source, vec![whole(listing("groups"), vec![])]);
    let fourth = store.snapshot(source, 4).unwrap();
    assert_eq!(facts(&fourth), ["~account/u1 1-1", "~account/u2 1-2", "~account/u3 2-2"]);
    assert_eq!(scopes(&fourth), ["groups 4 0", "users 1 3 !"]);
    // Read completely again: current again, and gone what is gone.
    sync(store, source, vec![whole(users, vec![account("u1", "Ann"), account("u3", "Cas")])]);
    let fifth = store.snapshot(source, 5).unwrap();
    assert_eq!(facts(&fifth), ["account/u1 1-5", "account/u3 2-5"]);
    assert_eq!(scopes(&fifth), ["groups 4 0", "users 5 2"]);
}

#[test]
fn a_gap_in_a_scope_that_was_never_read_is_kept() {
    let made = made();
    sync(&made.store, made.source, vec![failed(listing("users"), vec![])]);
    let snapshot = made.store.snapshot(made.source, 1).unwrap();
    assert_eq!(scopes(&snapshot), ["users never 0 !"]);
    assert_eq!(made.store.snapshots(made.source).unwrap()[0].gaps, 1);
}

#[test]
fn a_part_lays_changes_over_and_adds_up_usage() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let activity = listing("activity");
    sync(
        store,
        source,
        vec![part(activity.clone(), vec![used("u1", "a1", 10, 20, 2), used("u1", "a2", 5, 5, 1)])],
    );
    // Two pages of one sync tell of the same account.
    let pages = vec![
        Read(activity.clone(), vec![used("u1", "a1", 25, 25, 1)], vec![]),
        Read(
            activity.clone(),
            vec![used("u1", "a1", 30, 40, 4), used("u2", "a1", 30, 30, 1)],
            vec![(activity, Mark::Part)],
        ),
    ];
    sync(store, source, pages);
    let snapshot = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&snapshot), ["usage/u1/a1 1-2", "usage/u1/a2 1-1", "usage/u2/a1 2-2"]);
    assert_eq!(snapshot.facts[0].record, used("u1", "a1", 10, 40, 7));
    assert_eq!(scopes(&snapshot), ["activity 2 3"]);
    assert_eq!(snapshot.dangling, BTreeMap::from([("activity".to_owned(), 3)]));
}

#[test]
fn records_of_a_scope_that_was_never_marked_stay_without_vouching_for_it() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, vec![Read(listing("users"), vec![account("u1", "Ann")], vec![])]);
    sync(store, source, vec![Read(listing("users"), vec![account("u2", "Ben")], vec![])]);
    let snapshot = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&snapshot), ["account/u1 1-1", "account/u2 2-2"]);
    assert_eq!(scopes(&snapshot), ["users never 2"]);
}

fn groups_and_members() -> Vec<Read> {
    vec![
        whole(listing("users"), vec![account("u1", "Ann")]),
        whole(listing("groups"), vec![group("g1", "Staff"), group("g2", "Sales")]),
        whole(under("members", "g1"), vec![member("g1", "u1")]),
        whole(under("members", "g2"), vec![member("g2", "u1")]),
        whole(under("group_roles", "g1"), vec![role("r1", "Helpdesk")]),
        whole(under("holders", "r1"), vec![holds("r1", "u1")]),
    ]
}

#[test]
fn what_is_read_under_something_that_vanished_goes_with_it() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, groups_and_members());
    let before = store.snapshot(source, 1).unwrap();
    assert!(before.dangling.is_empty());
    // Only the listing is read; a role and its holders go with the group above them.
    let report = sync(store, source, vec![whole(listing("groups"), vec![group("g2", "Sales")])]);
    let after = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&after), ["group/g2 1-2", "membership/g2/u1 1-1", "account/u1 1-1"]);
    assert_eq!(scopes(&after), ["groups 2 1", "members/g2 1 1", "users 1 1"]);
    assert_eq!(
        report.datasets["members"],
        DatasetChange { removed: 1, total: 1, ..DatasetChange::default() }
    );
    assert_eq!(report.datasets["holders"], DatasetChange { removed: 1, ..DatasetChange::default() });
    assert_eq!(store.snapshot(source, 1).unwrap(), before);
    // It comes back.
    sync(store, source, groups_and_members());
    assert_eq!(facts(&store.snapshot(source, 3).unwrap()).len(), 7);
}

#[test]
fn nothing_goes_because_of_a_listing_that_failed() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, groups_and_members());
    sync(store, source, vec![failed(listing("groups"), vec![group("g2", "Sales")])]);
    assert_eq!(store.snapshot(source, 2).unwrap().facts.len(), 7);
    // Members of a group that no listing has named yet stay while the listing is not complete, and go when it is.
    let unlisted = || whole(under("members", "g9"), vec![member("g9", "u1")]);
    sync(store, source, vec![failed(listing("groups"), vec![]), unlisted()]);
    let third = store.snapshot(source, 3).unwrap();
    assert_eq!(third.dangling, BTreeMap::from([("members".to_owned(), 1)]));
    assert_eq!(third.facts.len(), 8);
    let listed = whole(listing("groups"), vec![group("g1", "Staff"), group("g2", "Sales")]);
    sync(store, source, vec![listed, unlisted()]);
    assert_eq!(store.snapshot(source, 4).unwrap().facts.len(), 7);
}

#[test]
fn a_parent_that_is_gone_takes_its_own_record_and_every_scope_under_it() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, groups_and_members());
    // The listing is not read in this sync.
    sync(store, source, vec![gone(under("members", "g1"))]);
    let second = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&second), ["group/g2 1-1", "membership/g2/u1 1-1", "account/u1 1-1"]);
    assert_eq!(scopes(&second), ["groups 1 1", "members/g2 1 1", "users 1 1"]);
    // It was still in the listing when that was read, and gone a moment later.
    let mut reads = groups_and_members();
    reads.push(gone(under("members", "g2")));
    sync(store, source, reads);
    let third = store.snapshot(source, 3).unwrap();
    assert_eq!(
        scopes(&third),
        ["group_roles/g1 3 1", "groups 3 1", "holders/r1 3 1", "members/g1 3 1", "users 3 1"]
    );
}

#[test]
fn what_a_complete_listing_no_longer_leads_to_goes_and_an_incomplete_one_proves_nothing() {
    let listings = BTreeMap::from([("holder_roles".to_owned(), "holders".to_owned())]);
    let rules = SealRules { listings, ..rules() };
    let made = made();
    let of = |holder: &str| under("holder_roles", holder);
    let all = || whole(listing("holders"), Vec::new());
    let seal = |reads| {
        let number = read_all(&made.store, made.source, reads);
        made.store.seal(made.source, number, time(200), &rules).unwrap();
        scopes(&made.store.snapshot(made.source, number).unwrap())
    };
    let both =
        seal(vec![all(), whole(of("a"), vec![member("g", "a")]), whole(of("b"), vec![member("g", "b")])]);
    assert_eq!(both.len(), 3, "{both:?}");
    let failed_listing =
        seal(vec![failed(listing("holders"), Vec::new()), whole(of("a"), vec![member("g", "a")])]);
    assert!(failed_listing.iter().any(|scope| scope.contains("holder_roles/b")), "{failed_listing:?}");
    let one = seal(vec![all(), failed(of("a"), Vec::new())]);
    assert!(one.iter().any(|scope| scope.contains("holder_roles/a")), "met, though not read: {one:?}");
    assert!(!one.iter().any(|scope| scope.contains("holder_roles/b")), "{one:?}");
}

#[test]
fn things_under_things_of_their_own_kind_are_not_dropped_by_absence() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let tree = || {
        vec![
            whole(listing("groups"), vec![group("g1", "Root")]),
            whole(under("nested", "g1"), vec![group("g2", "Inner")]),
            whole(under("nested", "g2"), vec![group("g3", "Innermost")]),
            whole(under("members", "g3"), vec![member("g3", "u1")]),
        ]
    };
    sync(store, source, tree());
    assert_eq!(store.snapshot(source, 1).unwrap().facts.len(), 4);
    sync(store, source, vec![gone(under("nested", "g2"))]);
    let second = store.snapshot(source, 2).unwrap();
    assert_eq!(facts(&second), ["group/g1 1-1"], "the members went with the innermost group");
}

#[test]
fn edges_dangle_until_their_ends_are_seen() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let dangling = |number| store.snapshot(source, number).unwrap().dangling;
    let reads = vec![
        whole(listing("groups"), vec![group("g1", "Staff")]),
        whole(under("members", "g1"), vec![member("g1", "u1"), member("g1", "u2")]),
    ];
    let report = sync(store, source, reads);
    assert_eq!(report.dangling, BTreeMap::from([("members".to_owned(), 2)]));
    sync(store, source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    assert_eq!(dangling(2), BTreeMap::from([("members".to_owned(), 1)]));
    sync(store, source, vec![whole(listing("users"), vec![account("u1", "Ann"), account("u2", "Ben")])]);
    assert!(dangling(3).is_empty());
    sync(store, source, vec![whole(listing("users"), vec![account("u2", "Ben")])]);
    assert_eq!(dangling(4), BTreeMap::from([("members".to_owned(), 1)]));
    assert_eq!(dangling(1), BTreeMap::from([("members".to_owned(), 2)]), "history stays as it was");
}

#[test]
fn edges_that_share_a_scope_with_entities_dangle_as_others_do() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let mixed = |records| vec![whole(listing("mixed"), records)];
    sync(store, source, mixed(vec![account("u1", "Ann"), member("g1", "u1"), member("g1", "u2")]));
    assert_eq!(store.snapshot(source, 1).unwrap().dangling, BTreeMap::from([("mixed".to_owned(), 2)]));
    sync(store, source, vec![whole(listing("groups"), vec![group("g1", "Staff")])]);
    assert_eq!(store.snapshot(source, 2).unwrap().dangling, BTreeMap::from([("mixed".to_owned(), 1)]));
    sync(store, source, mixed(vec![member("g1", "u1")]));
    assert_eq!(store.snapshot(source, 3).unwrap().dangling, BTreeMap::from([("mixed".to_owned(), 1)]));
}

#[test]
fn a_large_drop_is_held_until_it_is_confirmed() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let users = |count: usize| {
        vec![whole(listing("users"), (0..count).map(|n| account(&format!("u{n}"), "Ann")).collect())]
    };
    sync(store, source, users(100));
    let number = read_all(store, source, users(79));
    let progress = store.resume(source).unwrap();
    let cautious = SealRules { max_drop: Some(0.2), ..rules() };
    let error = store.seal(source, number, time(1), &cautious).unwrap_err();
    assert!(matches!(error, StoreError::LargeDrop { kind: "account", before: 100, after: 79 }), "{error:?}");
    assert_eq!(error.to_string(), "account facts would drop from 100 to 79");
    assert_eq!(store.resume(source).unwrap(), progress, "nothing happened");
    assert_eq!(store.latest(source).unwrap().unwrap().number, 1);
    let made = made.reopened();
    let store = &made.store;
    store.seal(source, number, time(1), &SealRules { max_drop: None, ..cautious.clone() }).unwrap();
    assert_eq!(store.snapshot(source, 2).unwrap().facts.len(), 79);
    // A small drop and a drop of few facts pass; so does any number of gaps.
    let number = read_all(store, source, users(64));
    store.seal(source, number, time(1), &cautious).unwrap();
    let number = read_all(store, source, vec![failed(listing("users"), vec![])]);
    store.seal(source, number, time(1), &cautious).unwrap();
    let number = read_all(store, source, users(52));
    store.seal(source, number, time(1), &cautious).unwrap();
    let number = read_all(store, source, users(49));
    store.seal(source, number, time(1), &cautious).unwrap();
    let number = read_all(store, source, users(0));
    store.seal(source, number, time(1), &cautious).unwrap();
    assert!(store.snapshot(source, 7).unwrap().facts.is_empty());
}

#[test]
fn a_drop_counts_against_all_facts_of_its_kind() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    let people = |group: &str, count: usize| (0..count).map(|n| member(group, &format!("u{n}"))).collect();
    let reads = vec![
        whole(listing("groups"), vec![group("g1", "Large"), group("g2", "Small")]),
        whole(under("members", "g1"), people("g1", 400)),
        whole(under("members", "g2"), people("g2", 60)),
    ];
    sync(store, source, reads);
    let cautious = SealRules { max_drop: Some(0.2), ..rules() };
    // One group of many is emptied: that is no reason to stop.
    let number = read_all(store, source, vec![whole(under("members", "g2"), vec![])]);
    store.seal(source, number, time(1), &cautious).unwrap();
    // The large one vanishes.
    let number = read_all(store, source, vec![whole(listing("groups"), vec![group("g2", "Small")])]);
    let error = store.seal(source, number, time(1), &cautious).unwrap_err();
    assert!(
        matches!(error, StoreError::LargeDrop { kind: "membership", before: 400, after: 0 }),
        "{error:?}"
    );
}

#[test]
fn only_the_finished_sync_in_progress_is_sealed() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    assert!(matches!(store.seal(source, 1, time(1), &rules()), Err(StoreError::NoSync)));
    store.begin_sync(source, time(1), true, &["a".to_owned(), "b".to_owned()]).unwrap();
    assert!(matches!(store.seal(source, 2, time(1), &rules()), Err(StoreError::NoSync)));
    let error = store.seal(source, 1, time(1), &rules()).unwrap_err();
    assert!(matches!(error, StoreError::Unfinished { tasks: 2 }), "{error:?}");
    assert_eq!(store.resume(source).unwrap().unwrap().tasks.len(), 2);
}

#[test]
fn tallies_hold_the_facts_of_the_snapshot_and_the_numbers_of_its_sync() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, groups_and_members());
    store.begin_sync(source, time(1), false, &["t".to_owned()]).unwrap();
    let step = sightline_store::StepOutcome {
        tallies: vec![("pages".to_owned(), 7)],
        drift: vec!["users shoeSize".to_owned()],
        records: vec![member("g1", "u1"), member("g1", "u2"), member("g1", "u2")],
        marks: vec![(under("members", "g1"), Mark::Complete)],
        ..outcome(0, under("members", "g1"))
    };
    store.commit_steps(source, &[step]).unwrap();
    store.seal(source, 2, time(2), &rules()).unwrap();
    let tallies = store.tallies(source, 2).unwrap();
    for (name, number) in [
        ("users", 1),
        ("groups", 2),
        ("members", 3),
        ("members/g1", 2),
        ("members/g2", 1),
        ("holders/r1", 1),
        ("pages", 7),
    ] {
        assert_eq!(tallies.get(name), number, "{name}");
    }
    assert_eq!(store.tallies(source, 1).unwrap().get("members/g1"), 1);
    let metas = store.snapshots(source).unwrap();
    assert_eq!(
        metas.iter().map(|meta| (meta.number, meta.full, meta.facts)).collect::<Vec<_>>(),
        [(1, true, 7), (2, false, 8)]
    );
    assert_eq!(metas[1].drift, BTreeMap::from([("users shoeSize".to_owned(), 1)]));
    assert_eq!(store.latest(source).unwrap().as_ref(), metas.last());
    assert!(matches!(store.tallies(source, 3), Err(StoreError::NoSuchSnapshot { number: 3 })));
}

#[test]
fn a_quiet_sync_writes_no_facts_again() {
    let made = made();
    let (store, source) = (&made.store, made.source);
    sync(store, source, groups_and_members());
    let content = |made: &Made| table_rows(made, "content");
    let first = content(&made);
    sync(&made.store, source, groups_and_members());
    assert_eq!(content(&made), first);
    assert_eq!(facts(&made.store.snapshot(source, 2).unwrap())[0], "role/r1 1-2");
    let versions = table_rows(&made, "versions").len();
    sync(&made.store, source, vec![]);
    assert_eq!(table_rows(&made, "versions").len(), versions, "nothing was read, nothing is written");
    let third = made.store.snapshot(source, 3).unwrap();
    assert_eq!(third.scopes, made.store.snapshot(source, 2).unwrap().scopes);
    assert!(third.facts.iter().all(|fact| fact.last_seen == 2));
}

const CONTENT: TableDefinition<&[u8], &[u8]> = TableDefinition::new("content");

/// The keys of a table, from a copy of the file.
fn table_rows(made: &Made, table: &str) -> Vec<Vec<u8>> {
    use redb::ReadableDatabase;
    let copy = tempfile::TempDir::new().unwrap();
    let file = copy.path().join("copy.redb");
    std::fs::copy(made.dir.path().join("sightline.redb"), &file).unwrap();
    let database = Database::open(&file).unwrap();
    let txn = database.begin_read().unwrap();
    let table = txn.open_table(TableDefinition::<&[u8], &[u8]>::new(table)).unwrap();
    table.iter().unwrap().map(|row| row.unwrap().0.value().to_vec()).collect()
}

#[test]
fn damaged_facts_are_an_error_that_names_their_scope() {
    for damage in ["flip", "cut", "remove"] {
        let Made { dir, store, source } = made();
        let many =
            (0..2000).map(|n| account(&format!("u{n}"), &format!("Ann {}", n * 7919 % 1000))).collect();
        sync(
            &store,
            source,
            vec![whole(listing("groups"), vec![group("g1", "Staff")]), whole(listing("users"), many)],
        );
        drop(store);
        {
            let database = Database::open(dir.path().join("sightline.redb")).unwrap();
            let txn = database.begin_write().unwrap();
            {
                let mut table = txn.open_table(CONTENT).unwrap();
                let (key, mut value) = {
                    let (key, value) = table.last().unwrap().unwrap();
                    (key.value().to_vec(), value.value().to_vec())
                };
                match damage {
                    "flip" => {
                        let middle = value.len() / 2;
                        value[middle] ^= 1;
                        table.insert(key.as_slice(), value.as_slice()).unwrap();
                    }
                    "cut" => {
                        value.pop();
                        table.insert(key.as_slice(), value.as_slice()).unwrap();
                    }
                    _ => drop(table.remove(key.as_slice()).unwrap()),
                }
            }
            txn.commit().unwrap();
        }
        let store = Store::open(dir.path(), OpenMode::Write).unwrap();
        let error = store.snapshot(source, 1).unwrap_err();
        assert!(
            matches!(&error, StoreError::Damaged { what } if what.contains("users")),
            "{damage}: {error:?}"
        );
        // The rest of the store is of use.
        assert_eq!(store.scopes(source, 1).unwrap().len(), 2);
        assert_eq!(store.snapshots(source).unwrap().len(), 1);
    }
}
