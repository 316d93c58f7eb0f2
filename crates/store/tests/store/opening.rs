//! Opening: permissions, other processes, other formats, interrupted writers.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use redb::TableDefinition;
use sightline_store::{OpenMode, OpenOptions, Store, StoreError, UserRecord, UserRole, check_up, restore};
use tempfile::TempDir;

use crate::made::*;

#[cfg(unix)]
fn mode_of(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_what_is_made() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("deep/data");
    let store = Store::open(&data, OpenMode::Write).unwrap();
    store.unlock(None).unwrap();
    assert_eq!(mode_of(&data), 0o700);
    assert_eq!(mode_of(&data.join("sightline.redb")), 0o600);
    assert_eq!(mode_of(&data.join("vault.key")), 0o600);
}

#[test]
fn a_reader_makes_nothing() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    assert!(matches!(Store::open(&data, OpenMode::Read), Err(StoreError::Missing { .. })));
    assert!(!data.exists());
}

#[test]
fn a_reader_sees_what_the_writer_commits_and_cannot_write() {
    let made = made();
    let reader = Store::open(made.dir.path(), OpenMode::Read).unwrap();
    assert_eq!(reader.latest(made.source).unwrap(), None);
    sync(&made.store, made.source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    assert_eq!(reader.snapshot(made.source, 1).unwrap().facts.len(), 1);
    assert!(matches!(reader.remove_source(made.source), Err(StoreError::ReadOnly)));
    assert!(matches!(reader.begin_sync(made.source, time(1), true, &[]), Err(StoreError::ReadOnly)));
    // The reader keeps the file open while the writer goes and another one comes.
    let made = made.reopened();
    sync(&made.store, made.source, vec![whole(listing("users"), vec![])]);
    assert_eq!(reader.latest(made.source).unwrap().unwrap().number, 2);
}

#[test]
fn a_second_writer_is_told_who_holds_the_store() {
    let dir = TempDir::new().unwrap();
    let options = OpenOptions::new(OpenMode::Write).command("sightline serve");
    let store = Store::open_with(dir.path(), &options).unwrap();
    let error = Store::open(dir.path(), OpenMode::Write).unwrap_err();
    let StoreError::Busy { pid, command, since } = &error else { panic!("{error:?}") };
    assert_eq!(*pid, Some(std::process::id()));
    assert_eq!(command.as_deref(), Some("sightline serve"));
    assert!(since.is_some());
    assert!(error.to_string().contains("`sightline serve` (pid "), "{error}");
    // A note of a process that is no longer there is not repeated.
    let note = dir.path().join("sightline.lock");
    fs::write(&note, r#"{"pid":4194399,"command":"sightline sync","since":"2026-01-01T00:00:00.000Z"}"#)
        .unwrap();
    let error = Store::open(dir.path(), OpenMode::Write).unwrap_err();
    assert!(matches!(&error, StoreError::Busy { pid: None, command: None, .. }), "{error:?}");
    drop(store);
    fs::write(&note, "left behind").unwrap();
    Store::open(dir.path(), OpenMode::Write).unwrap();
    assert!(!note.exists(), "the note goes with the writer");
}

/// Tells a process that it is the other one, and in which data directory.
const OTHER_PROCESS: &str = "SIGHTLINE_TEST_DIR";

/// What the other process does: it starts a sync, commits half of it, and waits for a line.
fn be_the_other_process(dir: &str) {
    let options = OpenOptions::new(OpenMode::Write).command("sightline sync");
    let store = Store::open_with(dir, &options).unwrap();
    let source = store.sources().unwrap()[0].id;
    store.begin_sync(source, time(1), true, &["a".to_owned(), "b".to_owned()]).unwrap();
    let step = sightline_store::StepOutcome {
        records: (0..2000).map(|n| account(&format!("u{n}"), "Ann")).collect(),
        ..outcome(0, listing("users"))
    };
    store.commit_steps(source, &[step]).unwrap();
    println!("ready");
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

/// Starts this program again with the test that knows how to be the other process.
fn start_other_process(dir: &std::path::Path) -> std::process::Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "opening::another_process_is_named_and_may_be_killed_at_any_time", "--nocapture"])
        .env(OTHER_PROCESS, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("ready")), "the other process failed");
    child
}

#[test]
fn another_process_is_named_and_may_be_killed_at_any_time() {
    if let Ok(dir) = std::env::var(OTHER_PROCESS) {
        return be_the_other_process(&dir);
    }
    let Made { dir, store, source } = made();
    drop(store);
    let mut other = start_other_process(dir.path());
    let error = Store::open(dir.path(), OpenMode::Write).unwrap_err();
    let StoreError::Busy { pid, command, .. } = error else { panic!("{error:?}") };
    assert_eq!((pid, command.as_deref()), (Some(other.id()), Some("sightline sync")));
    let reader = Store::open(dir.path(), OpenMode::Read).unwrap();
    assert_eq!(reader.resume(source).unwrap().unwrap().tasks, [(1, "b".to_owned())]);
    drop(reader);
    other.kill().unwrap();
    other.wait().unwrap();

    // A reader may have to wait for a writer that puts the store in order; a writer never has to.
    match Store::open(dir.path(), OpenMode::Read) {
        Ok(reader) => assert!(reader.resume(source).unwrap().is_some()),
        Err(error) => assert!(matches!(error, StoreError::Unclean), "{error:?}"),
    }
    let store = Store::open(dir.path(), OpenMode::Write).unwrap();
    let progress = store.resume(source).unwrap().unwrap();
    assert_eq!(progress.tasks, [(1, "b".to_owned())]);
    assert_eq!(progress.tallies.get("users"), 2000);
    let last = sightline_store::StepOutcome {
        marks: vec![(listing("users"), sightline_store::Mark::Complete)],
        ..outcome(1, listing("users"))
    };
    store.commit_steps(source, &[last]).unwrap();
    store.seal(source, 1, time(2), &rules()).unwrap();
    assert_eq!(store.snapshot(source, 1).unwrap().facts.len(), 2000);
}

#[test]
fn a_copy_of_the_file_taken_while_it_is_open_works() {
    let made = made();
    sync(&made.store, made.source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    made.store.begin_sync(made.source, time(1), false, &["t".to_owned()]).unwrap();
    let copy = TempDir::new().unwrap();
    fs::copy(made.dir.path().join("sightline.redb"), copy.path().join("sightline.redb")).unwrap();
    let store = Store::open(copy.path(), OpenMode::Write).unwrap();
    assert_eq!(store.snapshot(made.source, 1).unwrap(), made.store.snapshot(made.source, 1).unwrap());
    assert_eq!(store.resume(made.source).unwrap(), made.store.resume(made.source).unwrap());
}

/// Makes a store of another format in a directory.
fn store_of_format(format: u32) -> TempDir {
    let made = made();
    sync(&made.store, made.source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    let Made { dir, store, .. } = made;
    drop(store);
    let database = redb::Database::open(dir.path().join("sightline.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    let meta: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
    txn.open_table(meta).unwrap().insert("format", format.to_le_bytes().as_slice()).unwrap();
    txn.commit().unwrap();
    dir
}

#[test]
fn another_format_is_refused_and_left_alone() {
    for format in [1, 7] {
        let dir = store_of_format(format);
        let before = contents(dir.path());
        for mode in [OpenMode::Write, OpenMode::Read] {
            let error = Store::open(dir.path(), mode).unwrap_err();
            let hint = error.hint().unwrap();
            if format == 7 {
                assert!(matches!(error, StoreError::Newer { found: 7, supported: 3 }), "{error:?}");
                assert_eq!(error.to_string(), "the store has format 7, this version reads formats up to 3");
            } else {
                assert!(matches!(error, StoreError::Older { found: 1, supported: 3 }), "{error:?}");
                assert_eq!(error.to_string(), "the store has format 1, this version reads only format 3");
                assert!(hint.contains("use a new data directory"), "{hint}");
            }
            assert_eq!(contents(dir.path()), before);
        }
    }
}

/// The tables that came after the first stores of format 3.
const ADDED: [&str; 6] = ["users", "sessions", "api_tokens", "audit", "figures", "failed_syncs"];

fn table_names(file: &std::path::Path) -> Vec<String> {
    use redb::{ReadableDatabase, TableHandle};
    let database = redb::Database::open(file).unwrap();
    let txn = database.begin_read().unwrap();
    txn.list_tables().unwrap().map(|table| table.name().to_owned()).collect()
}

#[test]
fn a_store_from_before_there_were_users_is_read_checked_and_copied_and_gets_their_tables_from_a_writer() {
    let Made { dir, store, source } = made();
    sync(&store, source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
    drop(store);
    let file = dir.path().join("sightline.redb");
    let database = redb::Database::open(&file).unwrap();
    let txn = database.begin_write().unwrap();
    for name in ADDED {
        let tables: Vec<_> = txn.list_tables().unwrap().collect();
        let table = tables.into_iter().find(|table| redb::TableHandle::name(table) == name).unwrap();
        assert!(txn.delete_table(table).unwrap());
    }
    txn.commit().unwrap();
    drop(database);

    // Nothing is missing to a reader, and it makes nothing.
    let reader = Store::open(dir.path(), OpenMode::Read).unwrap();
    assert_eq!(reader.users().unwrap(), []);
    assert!(matches!(reader.user(1), Err(StoreError::NoSuchUser { .. })));
    assert_eq!(reader.find_user("ann").unwrap(), None);
    assert_eq!(reader.session(secret(1), time(1)).unwrap(), None);
    assert_eq!(reader.sessions_of(1).unwrap(), []);
    assert_eq!(reader.remove_expired_sessions(time(1)).unwrap(), 0);
    assert_eq!(reader.api_token(secret(1), time(1)).unwrap(), None);
    assert_eq!(reader.api_tokens().unwrap(), []);
    assert_eq!(reader.audit(None, 10).unwrap(), []);
    assert_eq!(reader.figures(1).unwrap(), []);
    assert_eq!(reader.failed_syncs(source).unwrap(), []);
    assert_eq!(reader.last_failed_sync(source).unwrap(), None);
    assert_eq!((reader.audit_count().unwrap(), reader.verify_audit().unwrap()), (0, 0));
    let copies = TempDir::new().unwrap();
    let copy = copies.path().join("copy");
    reader.back_up(&copy, false).unwrap();
    assert!(matches!(reader.append_audit(&note("source.add")), Err(StoreError::ReadOnly)));
    drop(reader);
    let checkup = check_up(dir.path(), || Ok(None)).unwrap();
    assert!(checkup.is_intact(), "{checkup:?}");
    assert_eq!(table_names(&file).len(), 18);
    restore(&copy, &copies.path().join("data"), "sightline restore").unwrap();

    for data in [dir.path(), &copies.path().join("data")] {
        let store = Store::open(data, OpenMode::Write).unwrap();
        let ann = add_user(&store, "ann", UserRole::Admin);
        add_session(&store, ann.id, 1, 100);
        assert_eq!(store.snapshot(source, 1).unwrap().facts.len(), 1);
        drop(store);
        assert_eq!(table_names(&data.join("sightline.redb")).len(), 24);
        assert_eq!(
            Store::open(data, OpenMode::Read).unwrap().users().unwrap(),
            [UserRecord { last_sign_in: Some(time(0)), ..ann }]
        );
        assert!(check_up(data, || Ok(None)).unwrap().is_intact());
    }
}

#[test]
fn another_table_that_is_missing_is_never_made_anew() {
    let dir = made().dir;
    let file = dir.path().join("sightline.redb");
    let database = redb::Database::open(&file).unwrap();
    let txn = database.begin_write().unwrap();
    for name in ["versions", "users"] {
        let tables: Vec<_> = txn.list_tables().unwrap().collect();
        let table = tables.into_iter().find(|table| redb::TableHandle::name(table) == name).unwrap();
        assert!(txn.delete_table(table).unwrap());
    }
    txn.commit().unwrap();
    drop(database);
    drop(Store::open(dir.path(), OpenMode::Write).unwrap());
    let names = table_names(&file);
    assert!(names.contains(&"users".to_owned()) && !names.contains(&"versions".to_owned()), "{names:?}");
    assert!(!check_up(dir.path(), || Ok(None)).unwrap().is_intact());
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    for garbage in ["SQLite format 3\0 and so on".repeat(1000), "short".to_owned()] {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("sightline.redb");
        fs::write(&file, &garbage).unwrap();
        for mode in [OpenMode::Write, OpenMode::Read] {
            let error = Store::open(dir.path(), mode).unwrap_err();
            assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
        }
        assert_eq!(fs::read(&file).unwrap(), garbage.as_bytes());
    }
    // The same database, other tables.
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("sightline.redb");
    {
        let database = redb::Database::create(&file).unwrap();
        let txn = database.begin_write().unwrap();
        let other: TableDefinition<u64, u64> = TableDefinition::new("other");
        txn.open_table(other).unwrap().insert(1, 2).unwrap();
        txn.commit().unwrap();
    }
    let error = Store::open(dir.path(), OpenMode::Write).unwrap_err();
    assert!(matches!(error, StoreError::NotAStore { .. }), "{error:?}");
}

#[test]
fn what_cannot_be_written_is_said_with_its_path() {
    // Permissions do not stop every user; a file in the way stops everyone.
    let dir = TempDir::new().unwrap();
    let in_the_way = dir.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let error = Store::open(in_the_way.join("data"), OpenMode::Write).unwrap_err();
    assert!(matches!(error, StoreError::Io { doing: "create", .. }), "{error:?}");
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_directory_that_is_read_only_is_said_with_a_hint() {
    use std::os::unix::fs::PermissionsExt;
    let dir = TempDir::new().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let administrator = fs::write(dir.path().join("probe"), "").is_ok();
    let result = Store::open(dir.path(), OpenMode::Write);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    if administrator {
        return;
    }
    let error = result.unwrap_err();
    assert!(matches!(error, StoreError::Io { doing: "create", .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("writable"), "{error:?}");
}

#[test]
fn sources_are_kept_and_removed_with_everything_of_theirs() {
    let made = made();
    let other = add_source(&made.store, "other").id;
    assert_eq!((made.source, other), (1, 2));
    let vault = made.store.unlock(None).unwrap();
    let taken = made.store.add_source(&vault, new_source("acme"), &credential("x"));
    assert!(matches!(taken, Err(StoreError::NameTaken { .. })));

    let mut record = made.store.source_named("acme").unwrap();
    assert_eq!(record.settings, new_source("acme").settings);
    record.owner_email = None;
    made.store.update_source(&record).unwrap();
    assert_eq!(made.store.source(made.source).unwrap(), record);
    record.name = "other".to_owned();
    assert!(matches!(made.store.update_source(&record), Err(StoreError::NameTaken { .. })));

    for source in [made.source, other] {
        sync(&made.store, source, vec![whole(listing("users"), vec![account("u1", "Ann")])]);
        // What is counted is kept by number, the last word counts, and it goes with its data source.
        for count in [7, source] {
            let figures = sightline_store::Figures::from([("accounts".to_owned(), count)]);
            made.store.keep_figures(source, 1, &figures).unwrap();
        }
        // Of syncs that failed the last hundred are kept.
        for ended in 1..=103 {
            made.store.keep_failed_sync(source, &failed_sync(ended)).unwrap();
        }
        let kept = made.store.failed_syncs(source).unwrap();
        assert_eq!((kept.len(), &kept[0]), (100, &failed_sync(4)));
        assert_eq!(made.store.last_failed_sync(source).unwrap(), Some(failed_sync(103)));
        made.store.begin_sync(source, time(1), false, &["t".to_owned()]).unwrap();
        let step = sightline_store::StepOutcome {
            records: vec![account("u2", "Ben")],
            then: vec!["n".to_owned()],
            later: vec!["l".to_owned()],
            tallies: vec![("seen".to_owned(), 1)],
            drift: vec!["users x".to_owned()],
            absent: vec![sightline_core::Absent::Entity(
                sightline_core::EntityKind::Account,
                "u9".to_owned(),
            )],
            ..outcome(0, listing("users"))
        };
        made.store.commit_steps(source, &[step]).unwrap();
    }
    let kept = made.store.figures(other).unwrap();
    assert_eq!(kept, [(1, sightline_store::Figures::from([("accounts".to_owned(), other)]))]);
    let rows_of_one = rows(&made);
    let ann = add_user(&made.store, "ann", UserRole::Admin);
    add_session(&made.store, ann.id, 1, 100);
    add_token(&made.store, ann.id, 2);
    made.store.remove_source(made.source).unwrap();
    assert_eq!(made.store.users().unwrap().len(), 1, "those who use Sightline belong to no source");
    assert_eq!(made.store.sessions_of(ann.id).unwrap().len(), 1);
    assert_eq!(made.store.api_tokens().unwrap().len(), 1);
    assert_eq!(made.store.audit_count().unwrap(), 3);
    assert_eq!(
        rows(&made),
        rows_of_one / 2,
        "nothing of the removed source is left, nothing of the other one lost"
    );
    assert!(matches!(made.store.snapshot(made.source, 1), Err(StoreError::NoSuchSource { .. })));
    assert_eq!(made.store.snapshot(other, 1).unwrap().facts.len(), 1);
    assert_eq!(made.store.credential(&vault, other).unwrap()["token"].expose(), "00secret");
    assert_eq!(made.store.figures(made.source).unwrap(), []);
    assert_eq!(made.store.failed_syncs(made.source).unwrap(), []);
    let kept = made.store.keep_failed_sync(made.source, &failed_sync(1));
    assert!(matches!(kept, Err(StoreError::NoSuchSource { .. })), "{kept:?}");
    made.store.remove_source(other).unwrap();
    assert_eq!(add_source(&made.store, "acme").id, 3, "an id is never used again");
}

/// The names of all files and tables, and the rows of those tables whose keys are bytes or texts.
fn contents(dir: &std::path::Path) -> Vec<String> {
    use redb::{ReadableDatabase, ReadableTable, TableHandle};
    let mut contents: Vec<String> =
        fs::read_dir(dir).unwrap().map(|file| format!("{:?}", file.unwrap().file_name())).collect();
    contents.sort();
    let copy = TempDir::new().unwrap();
    let file = copy.path().join("copy.redb");
    fs::copy(dir.join("sightline.redb"), &file).unwrap();
    let database = redb::Database::open(&file).unwrap();
    let txn = database.begin_read().unwrap();
    for table in txn.list_tables().unwrap() {
        contents.push(table.name().to_owned());
        let bytes: TableDefinition<&[u8], &[u8]> = TableDefinition::new(table.name());
        let texts: TableDefinition<&str, &[u8]> = TableDefinition::new(table.name());
        if let Ok(table) = txn.open_table(bytes) {
            let rows = table.iter().unwrap().map(|row| row.unwrap());
            contents.extend(rows.map(|(key, value)| format!("{:?} {:?}", key.value(), value.value())));
        } else if let Ok(table) = txn.open_table(texts) {
            let rows = table.iter().unwrap().map(|row| row.unwrap());
            contents.extend(rows.map(|(key, value)| format!("{} {:?}", key.value(), value.value())));
        }
    }
    contents
}

/// Rows that belong to data sources, over all tables.
fn rows(made: &Made) -> u64 {
    use redb::{ReadableDatabase, ReadableTableMetadata, TableHandle};
    let copy = TempDir::new().unwrap();
    let file = copy.path().join("copy.redb");
    fs::copy(made.dir.path().join("sightline.redb"), &file).unwrap();
    let database = redb::Database::open(&file).unwrap();
    let txn = database.begin_read().unwrap();
    let tables: Vec<_> = txn.list_tables().unwrap().collect();
    assert_eq!(tables.len(), 24);
    let others = ["meta", "users", "sessions", "api_tokens", "audit"];
    let of_sources = tables.into_iter().filter(|table| !others.contains(&table.name()));
    of_sources.map(|table| txn.open_untyped_table(table).unwrap().len().unwrap()).sum()
}
