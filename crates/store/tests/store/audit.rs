//! The audit log: what is written stays, and what is changed outside is found.

use std::path::Path;

use redb::{ReadableTable, TableDefinition};
use sightline_store::{Actor, AuditNote, NewUser, OpenMode, Outcome, Store, StoreError, UserRole, check_up};

use crate::made::*;

const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");

fn actors() -> [Actor; 4] {
    [
        Actor::System,
        Actor::Anonymous,
        Actor::User { id: 1, name: "ann".to_owned() },
        Actor::Token { id: 2, name: "export".to_owned(), user: "ann".to_owned() },
    ]
}

fn note_of(number: u64) -> AuditNote {
    AuditNote {
        target: Some(format!("source {number}")),
        detail: number.is_multiple_of(2).then(|| "é\n\u{1b}".to_owned()),
        outcome: [Outcome::Done, Outcome::Refused, Outcome::Failed][number as usize % 3],
        address: Some("2001:db8::1".to_owned()),
        ..AuditNote::done(time(number as i64), actors()[number as usize % 4].clone(), "source.add")
    }
}

/// A store with that many entries.
fn with_entries(count: u64) -> Made {
    let made = made();
    for number in 1..=count {
        assert_eq!(made.store.append_audit(&note_of(number)).unwrap(), number);
    }
    made
}

#[test]
fn entries_are_read_page_by_page_from_the_newest() {
    let made = with_entries(25).reopened();
    assert_eq!(made.store.audit_count().unwrap(), 25);
    let mut before = None;
    let mut expected = 25;
    loop {
        let page = made.store.audit(before, 7).unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        for entry in page {
            assert_eq!((entry.number, entry.note), (expected, note_of(expected)));
            expected -= 1;
        }
    }
    assert_eq!(expected, 0);
    assert_eq!(made.store.audit(None, 0).unwrap(), []);
    assert_eq!(made.store.append_audit(&note_of(26)).unwrap(), 26);
    assert_eq!(made.store.verify_audit().unwrap(), 26);
    assert_eq!(check_up(made.dir.path(), || Ok(None)).unwrap().audit.unwrap(), 26);
}

#[test]
fn a_note_is_written_if_and_only_if_its_change_is_done() {
    let Made { dir: _dir, store, .. } = made();
    let count = || store.audit_count().unwrap();
    let ann = add_user(&store, "ann", UserRole::Admin);
    assert_eq!(store.audit(None, 1).unwrap()[0].note, note("user.add"));
    assert!(store.add_user(new_user("ANN", UserRole::Viewer), &note("user.add")).is_err());
    assert!(store.remove_user(ann.id, &note("user.remove")).is_err());
    assert!(store.update_user(ann.id, &note("user.change"), |user| user.disabled = true).is_err());
    assert!(store.remove_api_token(1, &note("token.remove")).is_err());
    assert!(!store.remove_session(secret(1), &note("session.end")).unwrap());
    assert_eq!(count(), 1);
    store.update_user(ann.id, &note("user.change"), |user| user.email = None).unwrap();
    add_session(&store, ann.id, 1, 10);
    add_session(&store, ann.id, 2, 10);
    let token = add_token(&store, ann.id, 3);
    store.touch_sessions(&[(secret(1), time(1))]).unwrap();
    store.touch_api_tokens(&[(secret(3), time(1))]).unwrap();
    assert!(store.remove_session(secret(1), &note("session.end")).unwrap());
    assert_eq!(store.remove_sessions_of(ann.id, None, &note("session.end")).unwrap(), 1);
    store.remove_api_token(token.id, &note("token.remove")).unwrap();
    let actions: Vec<_> =
        store.audit(None, 100).unwrap().into_iter().rev().map(|entry| entry.note.action).collect();
    let expected = [
        "user.add",
        "user.change",
        "session.begin",
        "session.begin",
        "token.add",
        "session.end",
        "session.end",
        "token.remove",
    ];
    assert_eq!(actions, expected);
    assert_eq!(store.verify_audit().unwrap(), 8);
}

#[test]
fn long_texts_of_strangers_are_cut() {
    let Made { dir: _dir, store, .. } = made();
    let note = AuditNote { target: Some("é".repeat(1_000_000)), ..note("session.refused") };
    store.append_audit(&note).unwrap();
    let target = store.audit(None, 1).unwrap().remove(0).note.target.unwrap();
    assert_eq!(target, format!("{}…", "é".repeat(500)));
    store.verify_audit().unwrap();
}

/// Changes rows of the log behind the store's back, and says what the check-up finds.
#[track_caller]
fn found_after(count: u64, change: impl FnOnce(&redb::WriteTransaction)) -> (u64, String) {
    let Made { dir, store, .. } = with_entries(count);
    drop(store);
    let database = redb::Database::open(dir.path().join("sightline.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    change(&txn);
    txn.commit().unwrap();
    drop(database);
    let found = broken_at(dir.path());
    // What is written afterwards does not hide it, and nothing that was left is written over.
    let store = Store::open(dir.path(), OpenMode::Write).unwrap();
    let left = store.audit_count().unwrap();
    store.append_audit(&note_of(1)).unwrap();
    assert_eq!(store.audit_count().unwrap(), left + 1);
    assert!(broken_at(dir.path()).0 >= found.0);
    found
}

#[track_caller]
fn broken_at(dir: &Path) -> (u64, String) {
    let checkup = check_up(dir, || Ok(None)).unwrap();
    assert!(!checkup.is_intact());
    assert!(checkup.pages.is_ok(), "the database itself is whole");
    let error = checkup.audit.unwrap_err();
    let StoreError::AuditBroken { number, .. } = error else { panic!("{error:?}") };
    assert!(error.hint().is_some());
    (number, error.to_string())
}

fn row(txn: &redb::WriteTransaction, number: u64) -> Vec<u8> {
    txn.open_table(AUDIT).unwrap().get(number).unwrap().unwrap().value().to_vec()
}

fn put(txn: &redb::WriteTransaction, number: u64, row: &[u8]) {
    txn.open_table(AUDIT).unwrap().insert(number, row).unwrap();
}

fn remove(txn: &redb::WriteTransaction, number: u64) {
    txn.open_table(AUDIT).unwrap().remove(number).unwrap().unwrap();
}

#[test]
fn every_byte_that_is_changed_is_found_where_it_is() {
    let Made { dir, store, .. } = with_entries(3);
    drop(store);
    let file = dir.path().join("sightline.redb");
    let change = |number, change: &dyn Fn(&mut Vec<u8>)| {
        let database = redb::Database::open(&file).unwrap();
        let txn = database.begin_write().unwrap();
        let mut bytes = row(&txn, number);
        change(&mut bytes);
        put(&txn, number, &bytes);
        txn.commit().unwrap();
        bytes.len()
    };
    for number in 1..=3 {
        let length = change(number, &|_| ());
        // The version, what is said, and the hash.
        for at in [0, 1, 10, length / 2, length - 33, length - 32, length - 1] {
            change(number, &|bytes| bytes[at] ^= 1);
            let (found, text) = broken_at(dir.path());
            assert_eq!(found, number, "byte {at}");
            assert!(text.starts_with(&format!("entry {number} of the audit log")), "{text}");
            change(number, &|bytes| bytes[at] ^= 1);
        }
        assert!(check_up(dir.path(), || Ok(None)).unwrap().is_intact());
    }
}

#[test]
fn entries_that_are_removed_moved_or_made_up_are_found() {
    for number in [1, 4, 9, 10] {
        let (found, text) = found_after(10, |txn| remove(txn, number));
        assert_eq!((found, text), (number, format!("entry {number} of the audit log is missing")));
    }
    let cut_off = |txn: &redb::WriteTransaction| (6..=10).for_each(|number| remove(txn, number));
    assert_eq!(found_after(10, cut_off).0, 6);
    let swapped = |txn: &redb::WriteTransaction| {
        let (one, other) = (row(txn, 5), row(txn, 8));
        put(txn, 5, &other);
        put(txn, 8, &one);
    };
    assert_eq!(found_after(10, swapped).0, 5);
    let moved_up = |txn: &redb::WriteTransaction| {
        for number in 4..10 {
            put(txn, number, &row(txn, number + 1));
        }
        remove(txn, 10);
    };
    assert_eq!(found_after(10, moved_up).0, 4);
    assert_eq!(found_after(10, |txn| put(txn, 11, &row(txn, 10))).0, 11);
    assert_eq!(found_after(10, |txn| put(txn, 0, &row(txn, 10))).0, 0);
    assert_eq!(found_after(10, |txn| put(txn, 3, b"")).0, 3);
    let emptied = |txn: &redb::WriteTransaction| txn.open_table(AUDIT).unwrap().retain(|_, _| false).unwrap();
    assert_eq!(found_after(10, emptied).0, 1);
    let headless = |txn: &redb::WriteTransaction| {
        txn.open_table(META).unwrap().remove("audit_head").unwrap().unwrap();
    };
    assert_eq!(found_after(10, headless).0, 1);
}

#[test]
fn a_log_whose_table_is_gone_is_missed() {
    let Made { dir, store, .. } = with_entries(2);
    drop(store);
    let database = redb::Database::open(dir.path().join("sightline.redb")).unwrap();
    let txn = database.begin_write().unwrap();
    assert!(txn.delete_table(AUDIT).unwrap());
    txn.commit().unwrap();
    drop(database);
    assert_eq!(broken_at(dir.path()).0, 1);
}

#[test]
fn no_secret_is_shown_by_mistake() {
    let Made { dir: _dir, store, .. } = made();
    let phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA";
    let new: NewUser = new_user("ann", UserRole::Admin);
    let ann = store.add_user(new.clone(), &note("user.add")).unwrap();
    assert_eq!(ann.password.as_ref().unwrap().expose(), phc);
    let session = add_session(&store, ann.id, 1, 10);
    let shown = format!("{new:?} {ann:?} {session:?} {:#?} {:?}", ann.password, new_token(ann.id, 2));
    assert!(!shown.contains("argon2") && !shown.contains("aGFzaA"), "{shown}");
    assert!(shown.contains("SecretHash(…)"), "{shown}");
    let hash = format!("{:?}", secret(1).0);
    assert!(!shown.contains(&hash[1..20]), "{shown}");
}
