//! A small store of every format that was released is kept, and every later version reads it as it was.
//!
//! `tests/golden/format-N.redb.zst` is the store, `format-N.json` what it holds; `cargo xtask golden` makes both.

use std::fs;
use std::path::{Path, PathBuf};

use redb::{ReadableDatabase, TableDefinition};
use serde_json::{Value, json};
use sightline_store::{Key, OpenMode, SnapshotMeta, StepOutcome, Store};
use tempfile::TempDir;

use crate::made::*;

/// The first format that was released.
const FIRST: u32 = 3;
/// The key of all samples.
const KEY: &str = "5f1d0c9a3b7e48264fd1807bc25a9e63d4780f1e2b6c9a35870fe4d1c2b3a496";

fn key() -> Key {
    Key::from_env(KEY).unwrap()
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Makes a store that has something of everything.
fn make(dir: &Path) {
    let store = Store::open(dir, OpenMode::Write).unwrap();
    let vault = store.unlock(Some(key())).unwrap();
    for name in ["acme", "other"] {
        let source = store.add_source(&vault, new_source(name), &credential("00secret")).unwrap().id;
        for n in 0..3 {
            let name = format!("v{n}");
            let accounts = (0..20 + n).map(|id| account(&format!("u{id}"), &name)).collect();
            let members = (n..n + 9).map(|id| member("g1", &format!("u{id}"))).collect();
            let reads = vec![
                whole(listing("users"), accounts),
                whole(listing("groups"), vec![group("g1", &name), group("g2", "two")]),
                whole(under("members", "g1"), members),
                failed(under("members", "g2"), vec![member("g2", "u3")]),
                whole(listing("roles"), vec![role("r1", "Administrator")]),
                whole(under("holders", "r1"), vec![holds("r1", "u1"), holds("r1", "missing")]),
                whole(listing("devices"), vec![device("d1", "Laptop")]),
                whole(under("device_users", "d1"), vec![uses("d1", "u2")]),
                part(listing("activity"), vec![used("u1", "a1", 10 + i64::from(n), 20, 3)]),
            ];
            sync(&store, source, reads);
        }
        store
            .begin_sync(source, time(300), false, &["{\"task\":1}".to_owned(), "{\"task\":2}".to_owned()])
            .unwrap();
        let step = StepOutcome {
            records: vec![account("u2", "Ben")],
            then: vec!["{\"task\":3}".to_owned()],
            later: vec!["{\"task\":4}".to_owned()],
            tallies: vec![("seen".to_owned(), 1)],
            drift: vec!["users x".to_owned()],
            absent: vec![sightline_core::Absent::Entity(sightline_core::EntityKind::Group, "g2".to_owned())],
            ..outcome(0, listing("users"))
        };
        store.commit_steps(source, &[step]).unwrap();
    }
}

fn meta_of(meta: &SnapshotMeta) -> Value {
    let SnapshotMeta { number, started, sealed, full, tallies, drift, dangling, scopes, gaps, facts, .. } =
        meta;
    json!({
        "number": number, "started": started, "sealed": sealed, "full": full, "tallies": tallies, "drift": drift,
        "dangling": dangling, "scopes": scopes, "gaps": gaps, "facts": facts,
    })
}

/// All that a store holds.
fn export(store: &Store) -> Value {
    let vault = store.unlock(Some(key())).unwrap();
    let sources = store.sources().unwrap().into_iter().map(|source| {
        let id = source.id;
        let snapshots = store.snapshots(id).unwrap().into_iter().map(|meta| {
            let snapshot = store.snapshot(id, meta.number).unwrap();
            let scopes = snapshot.scopes.iter().map(|scope| {
                json!({ "scope": scope.scope.to_string(), "complete": scope.complete, "gap": scope.gap, "facts": scope.facts })
            });
            let facts = snapshot.facts.iter().map(|fact| {
                let scope = snapshot.scopes[fact.scope as usize].scope.to_string();
                json!([scope, fact.first_seen, fact.last_seen, fact.record])
            });
            json!({
                "meta": meta_of(&meta),
                "scopes": scopes.collect::<Vec<_>>(),
                "facts": facts.collect::<Vec<_>>(),
            })
        });
        let snapshots: Vec<Value> = snapshots.collect();
        let sync = store.resume(id).unwrap().map(|sync| {
            let scopes = sync.scopes.iter().map(|(scope, progress)| json!([scope.to_string(), progress.records]));
            json!({
                "number": sync.row.number, "started": sync.row.started, "full": sync.row.full, "tasks": sync.tasks,
                "tallies": sync.tallies, "drift": sync.drift, "scopes": scopes.collect::<Vec<_>>(),
            })
        });
        let fields = store.credential(&vault, id).unwrap();
        let fields: Vec<_> = fields.iter().map(|(name, secret)| (name, secret.expose().to_owned())).collect();
        json!({
            "source": source, "credential": fields, "snapshots": snapshots, "sync": sync,
            "later": store.later_tasks(id).unwrap(),
        })
    });
    Value::Array(sources.collect())
}

/// What the rest of the sync in progress gives, sealed.
fn go_on(store: &Store, source: u64) -> Value {
    let sync = store.resume(source).unwrap().unwrap();
    for (task, _) in sync.tasks {
        store.commit_steps(source, &[outcome(task, listing("users"))]).unwrap();
    }
    store.seal(source, sync.row.number, time(400), &rules()).unwrap();
    let snapshot = store.snapshot(source, sync.row.number).unwrap();
    let ben = snapshot.facts.iter().find(|fact| fact.record.key() == account("u2", "").key()).unwrap();
    json!([snapshot.facts.len(), ben.record])
}

/// The format of the stores that this version makes.
fn present_format() -> u32 {
    let dir = TempDir::new().unwrap();
    drop(Store::open(dir.path(), OpenMode::Write).unwrap());
    let database = redb::Database::open(dir.path().join("sightline.redb")).unwrap();
    let meta =
        database.begin_read().unwrap().open_table(TableDefinition::<&str, &[u8]>::new("meta")).unwrap();
    let row = redb::ReadableTable::get(&meta, "format").unwrap().unwrap();
    u32::from_le_bytes(row.value().try_into().unwrap())
}

fn pack(dir: &Path) -> (Vec<u8>, String) {
    make(dir);
    let packed = zstd::encode_all(fs::File::open(dir.join("sightline.redb")).unwrap(), 9).unwrap();
    let store = Store::open(dir, OpenMode::Read).unwrap();
    (packed, export(&store).to_string() + "\n")
}

fn check(packed: &[u8], text: &str) {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("sightline.redb"), zstd::decode_all(packed).unwrap()).unwrap();
    let expected: Value = serde_json::from_str(text).unwrap();
    // A writer may bring it to the present format; what it holds stays what it was.
    let store = Store::open(dir.path(), OpenMode::Write).unwrap();
    assert_eq!(export(&store), expected);
    for source in [1, 2] {
        let after = go_on(&store, source);
        let facts = expected[0]["snapshots"][2]["facts"].as_array().unwrap();
        // The group that is gone is one fact, and takes its one membership along.
        assert_eq!(after[0], facts.len() - 2);
        assert_eq!(after[1]["account"]["name"], "Ben", "{after}");
    }
    drop(store);
    let store = Store::open(dir.path(), OpenMode::Read).unwrap();
    assert_eq!(store.snapshots(1).unwrap().len(), 4);
}

#[test]
fn a_sample_of_every_format_is_read() {
    let dir = TempDir::new().unwrap();
    let (packed, text) = pack(dir.path());
    check(&packed, &text);
    let present = present_format();
    let file = |format: u32, kind: &str| samples().join(format!("format-{format}.{kind}"));
    if std::env::var_os("SIGHTLINE_MAKE_GOLDEN").is_some() {
        assert!(present >= FIRST, "format {present} is of no released version");
        let there = file(present, "json").exists();
        assert!(
            !there,
            "there is one of format {present}; remove it first if no version was released with it"
        );
        fs::create_dir_all(samples()).unwrap();
        fs::write(file(present, "redb.zst"), packed).unwrap();
        fs::write(file(present, "json"), text).unwrap();
    }
    for format in FIRST..=present {
        let packed = fs::read(file(format, "redb.zst"));
        let packed =
            packed.unwrap_or_else(|_| panic!("no sample of format {format}: `cargo xtask golden` makes it"));
        check(&packed, &fs::read_to_string(file(format, "json")).unwrap());
    }
}
