//! Copies of the store, and stores made from them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{ReadableDatabase, ReadableTableMetadata, TableHandle};
use sightline_store::{OpenMode, StepOutcome, Store, StoreError, UserRole, check_up, restore};
use tempfile::TempDir;

use crate::made::*;

/// Rows of each table of a database file.
fn tables(file: &Path) -> Vec<(String, u64)> {
    let copy = TempDir::new().unwrap();
    let copied = copy.path().join("copy.redb");
    fs::copy(file, &copied).unwrap();
    let database = redb::Database::open(&copied).unwrap();
    let txn = database.begin_read().unwrap();
    assert_eq!(txn.list_multimap_tables().unwrap().count(), 0);
    let mut tables: Vec<_> = txn
        .list_tables()
        .unwrap()
        .map(|table| {
            let name = table.name().to_owned();
            (name, txn.open_untyped_table(table).unwrap().len().unwrap())
        })
        .collect();
    tables.sort();
    tables
}

/// A store that has something in every table: two data sources with two snapshots and a sync in progress each.
fn full() -> Made {
    let made = made();
    add_source(&made.store, "other");
    for source in [1, 2] {
        fill(&made.store, source);
    }
    let ann = add_user(&made.store, "ann", UserRole::Admin);
    add_session(&made.store, ann.id, 1, 100);
    add_token(&made.store, ann.id, 2);
    made
}

fn fill(store: &Store, source: u64) {
    for n in 0..2 {
        let accounts = (0..40).map(|id| account(&format!("u{id}"), &format!("v{n}"))).collect();
        let members = (0..30).map(|id| member("g1", &format!("u{}", id + n))).collect();
        let groups = vec![group("g1", "one")];
        let reads = vec![
            whole(listing("users"), accounts),
            whole(listing("groups"), groups),
            whole(under("members", "g1"), members),
        ];
        sync(store, source, reads);
    }
    let figures = sightline_store::Figures::from([("accounts".to_owned(), 40)]);
    store.keep_figures(source, 2, &figures).unwrap();
    store.keep_failed_sync(source, &failed_sync(1)).unwrap();
    store.begin_sync(source, time(1), false, &["1".to_owned(), "2".to_owned()]).unwrap();
    let step = StepOutcome {
        records: vec![account("u2", "Ben")],
        then: vec!["3".to_owned()],
        later: vec!["4".to_owned()],
        tallies: vec![("seen".to_owned(), 1)],
        drift: vec!["users x".to_owned()],
        absent: vec![sightline_core::Absent::Entity(sightline_core::EntityKind::Account, "u9".to_owned())],
        ..outcome(0, listing("users"))
    };
    let edges = StepOutcome { records: vec![member("g1", "u1")], ..outcome(1, under("members", "g1")) };
    store.commit_steps(source, &[step, edges]).unwrap();
}

/// All that two stores answer is the same.
#[track_caller]
fn assert_same(one: &Store, other: &Store) {
    assert_eq!(one.users().unwrap(), other.users().unwrap());
    assert_eq!(one.api_tokens().unwrap(), other.api_tokens().unwrap());
    assert_eq!(one.audit(None, usize::MAX).unwrap(), other.audit(None, usize::MAX).unwrap());
    assert_eq!(one.verify_audit().unwrap(), other.verify_audit().unwrap());
    let sources = one.sources().unwrap();
    assert_eq!(sources, other.sources().unwrap());
    for source in sources {
        let id = source.id;
        let snapshots = one.snapshots(id).unwrap();
        assert_eq!(snapshots, other.snapshots(id).unwrap());
        for meta in snapshots {
            assert_eq!(one.snapshot(id, meta.number).unwrap(), other.snapshot(id, meta.number).unwrap());
        }
        assert_eq!(one.resume(id).unwrap(), other.resume(id).unwrap());
        assert_eq!(one.failed_syncs(id).unwrap(), other.failed_syncs(id).unwrap());
        assert_eq!(one.later_tasks(id).unwrap(), other.later_tasks(id).unwrap());
    }
}

#[test]
fn every_table_is_copied_whole_and_goes_on_where_the_store_was() {
    let made = full();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("copy");
    let copied = made.store.back_up(&file, false).unwrap();
    assert_eq!((copied.sources, copied.snapshots, copied.credential_fields), (2, 4, 2));
    assert_eq!(copied.bytes, fs::metadata(&file).unwrap().len());
    let mut expected = tables(&made.dir.path().join("sightline.redb"));
    for (table, rows) in &mut expected {
        assert!(*rows > 0, "nothing is in {table}, so that it is not seen whether it is copied");
        // Whoever was signed in is not signed in where the copy is restored.
        if table == "sessions" {
            *rows = 0;
        }
    }
    assert_eq!(tables(&file), expected);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");

    let home = TempDir::new().unwrap();
    let data = home.path().join("data");
    let restored = restore(&file, &data, "sightline restore").unwrap();
    assert_eq!(restored, copied);
    let store = Store::open(&data, OpenMode::Write).unwrap();
    assert_same(&store, &made.store);
    assert!(matches!(store.unlock(None), Err(StoreError::KeyMissing { .. })), "the key is not in the copy");
    fs::copy(made.dir.path().join("vault.key"), data.join("vault.key")).unwrap();
    let vault = store.unlock(None).unwrap();
    assert_eq!(store.credential(&vault, 2).unwrap()["token"].expose(), "00secret");
    store.commit_steps(1, &[outcome(2, listing("users"))]).unwrap();
    store.seal(1, 3, time(9), &rules()).unwrap();
    assert_eq!(add_source(&store, "third").id, 3);
    assert!(check_up(&data, || Ok(None)).unwrap().is_intact());
}

#[test]
fn a_copy_never_takes_the_place_of_users() {
    let made = full();
    let copies = TempDir::new().unwrap();
    let file = copies.path().join("copy");
    made.store.back_up(&file, false).unwrap();
    let data = copies.path().join("data");
    let store = Store::open(&data, OpenMode::Write).unwrap();
    add_user(&store, "ben", UserRole::Admin);
    drop(store);
    let refused = restore(&file, &data, "sightline restore").unwrap_err();
    assert!(matches!(refused, StoreError::Occupied { .. }), "{refused:?}");
    assert_eq!(Store::open(&data, OpenMode::Read).unwrap().users().unwrap()[0].name, "ben");
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_a_copy() {
    use std::os::unix::fs::PermissionsExt;
    let bits = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let made = made();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("copy");
    made.store.back_up(&file, false).unwrap();
    assert_eq!(bits(&file), 0o600);
    let data = dir.path().join("data");
    restore(&file, &data, "test").unwrap();
    assert_eq!((bits(&data), bits(&data.join("sightline.redb"))), (0o700, 0o600));
}

#[test]
fn what_is_there_is_not_replaced_unasked() {
    let made = full();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("copy");
    fs::write(&file, "precious").unwrap();
    assert!(matches!(made.store.back_up(&file, false), Err(StoreError::Occupied { .. })));
    assert_eq!(fs::read(&file).unwrap(), b"precious");
    made.store.back_up(&file, true).unwrap();
    // Never the store itself, not even when asked to.
    let own = made.dir.path().join("sightline.redb");
    assert!(matches!(made.store.back_up(&own, true), Err(StoreError::Occupied { .. })));
    let nowhere = dir.path().join("nowhere/copy");
    let error = made.store.back_up(&nowhere, false).unwrap_err();
    assert!(matches!(error, StoreError::Io { doing: "create", .. }), "{error:?}");

    // A store that holds something is not restored over; one that holds nothing is.
    let held = restore(&file, made.dir.path(), "test").unwrap_err();
    assert!(matches!(held, StoreError::Busy { .. }), "{held:?}");
    let used = TempDir::new().unwrap();
    add_source(&Store::open(used.path(), OpenMode::Write).unwrap(), "mine");
    let error = restore(&file, used.path(), "test").unwrap_err();
    assert!(matches!(error, StoreError::Occupied { .. }), "{error:?}");
    assert_eq!(Store::open(used.path(), OpenMode::Read).unwrap().sources().unwrap()[0].name, "mine");
    let empty = TempDir::new().unwrap();
    drop(Store::open(empty.path(), OpenMode::Write).unwrap());
    restore(&file, empty.path(), "test").unwrap();
    assert_same(&Store::open(empty.path(), OpenMode::Read).unwrap(), &made.store);
}

#[test]
fn what_is_no_whole_copy_is_not_restored() {
    let made = full();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("copy");
    made.store.back_up(&file, false).unwrap();
    let good = fs::read(&file).unwrap();
    let data = dir.path().join("data");
    let absent = dir.path().join("absent");
    assert!(matches!(restore(&absent, &data, "test"), Err(StoreError::Io { doing: "read", .. })));
    let mut half = good.clone();
    half.truncate(good.len() / 2);
    let mut zeros = good.clone();
    let len = zeros.len();
    zeros[len / 4..len / 2].fill(0);
    for bad in [half, zeros, b"no store".to_vec(), Vec::new()] {
        fs::write(&file, &bad).unwrap();
        let error = restore(&file, &data, "test").unwrap_err();
        let expected =
            matches!(error, StoreError::Damaged { .. } | StoreError::NotAStore { .. } | StoreError::Unclean);
        assert!(expected, "{} bytes: {error:?}", bad.len());
        assert!(!data.exists(), "nothing was made");
    }
}

#[test]
fn a_copy_is_of_one_moment_whatever_is_written_meanwhile() {
    let made = made();
    let dir = TempDir::new().unwrap();
    let done = AtomicBool::new(false);
    // Sync n has n accounts, all named after it.
    let read = |n: u64| {
        let accounts = (0..n).map(|id| account(&format!("u{id}"), &format!("v{n}"))).collect();
        vec![whole(listing("users"), accounts)]
    };
    let mut copies = 0;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1.. {
                sync(&made.store, made.source, read(n));
                if n > 5 && done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        // Beside the writer: in this process and, as another one would, through a file of its own.
        let reader = Store::open(made.dir.path(), OpenMode::Read).unwrap();
        for store in [&made.store, &reader, &made.store, &reader] {
            let file = dir.path().join(format!("copy {copies}"));
            store.back_up(&file, false).unwrap();
            let data = dir.path().join(format!("data {copies}"));
            restore(&file, &data, "test").unwrap();
            let copy = Store::open(&data, OpenMode::Read).unwrap();
            for meta in copy.snapshots(made.source).unwrap() {
                let snapshot = copy.snapshot(made.source, meta.number).unwrap();
                assert_eq!(snapshot.facts.len() as u64, meta.number);
            }
            assert!(check_up(&data, || Ok(None)).unwrap().is_intact());
            copies += 1;
        }
        done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    });
    assert_eq!(copies, 4);
}

/// Where a file system lacks the locks that let readers in, a writer keeps everyone out.
#[test]
fn a_store_that_is_held_for_one_process_alone_names_it() {
    let Made { dir, store, .. } = full();
    let file = dir.path().join("copy");
    store.back_up(&file, false).unwrap();
    drop(store);
    let alone = redb::Builder::new().open(dir.path().join("sightline.redb")).unwrap();
    let note = format!(
        r#"{{"pid":{},"command":"sightline serve","since":"2026-01-01T00:00:00.000Z"}}"#,
        std::process::id()
    );
    fs::write(dir.path().join("sightline.lock"), note).unwrap();
    let errors = [
        Store::open(dir.path(), OpenMode::Read).map(drop).unwrap_err(),
        Store::open(dir.path(), OpenMode::Write).map(drop).unwrap_err(),
        check_up(dir.path(), || Ok(None)).map(drop).unwrap_err(),
        restore(&file, dir.path(), "test").map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("in use by `sightline serve` (pid "), "{error:?}");
    }
    drop(alone);
    assert!(check_up(dir.path(), || Ok(None)).unwrap().is_intact());
}
