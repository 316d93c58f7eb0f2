//! A check-up of the whole store: what of it is intact, and what is not.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{
    Key as RowKey, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle, Value,
};
use sightline_core::SnapshotNumber;

use crate::error::{Result, StoreError};
use crate::open::{FILE, OpenMode, OpenOptions, Store};
use crate::pages::{Pages, View, check_pages};
use crate::read::SnapshotMeta;
use crate::source::SourceRecord;
use crate::tables::{ForTable, for_all, open_if_there};
use crate::vault::Key;

/// How a store was found. What could not be read is an error in its place, and the rest was looked at all the same.
#[derive(Debug)]
pub struct Checkup {
    /// The file of the store.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether every page is what the database wrote.
    pub pages: Result<Pages>,
    /// Rows of every table, all of them read.
    pub tables: Vec<(String, Result<u64>)>,
    /// Its data sources.
    pub sources: Result<Vec<SourceCheckup>>,
    /// The entries of the audit log, where each is what was written and follows the one before it;
    /// [`StoreError::AuditBroken`] names the first that does not.
    pub audit: Result<u64>,
    /// Files that others on this machine can read, with their permission bits.
    pub exposed: Vec<(PathBuf, u32)>,
}

/// How a data source was found.
#[derive(Debug)]
pub struct SourceCheckup {
    /// What is kept about it.
    pub source: SourceRecord,
    /// Its snapshots, the oldest first.
    pub snapshots: Result<Vec<SnapshotCheckup>>,
    /// The sync in progress, and how many tasks it has left.
    pub sync: Result<Option<(SnapshotNumber, usize)>>,
    /// Whether its credential can be decrypted with the key.
    pub credential: Result<()>,
}

/// How a snapshot was found.
#[derive(Debug)]
pub struct SnapshotCheckup {
    /// What is known about it as a whole.
    pub meta: SnapshotMeta,
    /// Whether it could be read whole and holds as many facts, scopes and gaps as it should: certain together with
    /// [`Checkup::pages`]; where pages are damaged, what it says may still be what an older snapshot said.
    pub condition: Result<()>,
}

impl Checkup {
    /// Whether nothing that was stored is damaged. Files that others can read are no damage, nor is a key that is not
    /// there.
    pub fn is_intact(&self) -> bool {
        let sources = match &self.sources {
            Ok(sources) => sources.iter().all(SourceCheckup::is_intact),
            Err(_) => false,
        };
        sources
            && self.pages.is_ok()
            && self.audit.is_ok()
            && self.tables.iter().all(|(_, rows)| rows.is_ok())
    }
}

impl SourceCheckup {
    fn is_intact(&self) -> bool {
        let snapshots = match &self.snapshots {
            Ok(snapshots) => snapshots.iter().all(|snapshot| snapshot.condition.is_ok()),
            Err(_) => false,
        };
        snapshots && self.sync.is_ok() && !matches!(self.credential, Err(StoreError::Damaged { .. }))
    }
}

/// Checks the store of a data directory without changing it, also while another process writes.
///
/// The key is needed for credentials only; without one it is the key file's. Fails where there is no store to look at.
pub fn check_up(data_dir: &Path, key: impl Fn() -> Result<Option<Key>>) -> Result<Checkup> {
    let file = data_dir.join(FILE);
    let metadata = fs::metadata(&file).map_err(|_| StoreError::Missing { dir: data_dir.to_owned() })?;
    let mut checkup = Checkup {
        bytes: metadata.len(),
        pages: pages(&file),
        tables: Vec::new(),
        sources: Ok(Vec::new()),
        audit: Ok(0),
        exposed: exposed(data_dir),
        file,
    };
    let mut patient = Patient { dir: data_dir, file: &checkup.file, store: None };
    match patient.ask(Store::sources) {
        // No store of ours, or one that is held: there is nothing to say about its contents.
        Err(error) if !is_damage(&error) && !hides_damage(&error, &checkup.pages) => return Err(error),
        Err(error) => checkup.sources = Err(error),
        Ok(sources) => {
            let sources = sources.into_iter().map(|source| patient.source(source, &key, &checkup.pages));
            checkup.sources = Ok(sources.collect());
        }
    }
    checkup.audit = patient.ask(Store::verify_audit);
    let looked = for_all(&mut Tables { patient: &mut patient, found: &mut checkup.tables });
    patient.let_go();
    looked?;
    Ok(checkup)
}

/// Whether a file only seems to be no store of ours, because what would show that it is one is damaged.
fn hides_damage(error: &StoreError, pages: &Result<Pages>) -> bool {
    matches!(error, StoreError::NotAStore { .. }) && matches!(pages, Err(StoreError::Damaged { .. }))
}

fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged { .. } | StoreError::Database(_))
}

/// Looks again when a writer was in the way.
fn pages(file: &Path) -> Result<Pages> {
    const TIMES: usize = 4;
    let mut last = Ok(Pages::BeingWritten);
    for _ in 0..TIMES {
        match catch_unwind(AssertUnwindSafe(|| check_pages(file))) {
            Ok(Ok(Pages::BeingWritten)) => last = Ok(Pages::BeingWritten),
            Ok(found) => return found,
            // A page that a writer replaces meanwhile may make no sense.
            Err(_) => last = Err(StoreError::damaged("a page of it makes no sense")),
        }
    }
    last
}

/// A store of which anything may be damaged: the database may panic over a page that makes no sense.
struct Patient<'a> {
    dir: &'a Path,
    file: &'a Path,
    store: Option<Store>,
}

impl Patient<'_> {
    fn ask<T>(&mut self, question: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let Self { dir, file, store } = self;
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let store = match store {
                Some(store) => store,
                None => store.insert(open(dir, file)?),
            };
            question(store)
        }));
        answer.unwrap_or_else(|_| {
            // What else it holds is not to be trusted after a panic.
            self.let_go();
            Err(StoreError::damaged("a page of it makes no sense"))
        })
    }

    /// Closes it, which looks at its pages as well.
    fn let_go(&mut self) {
        let store = self.store.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(store)));
    }

    fn source(
        &mut self,
        source: SourceRecord,
        key: &impl Fn() -> Result<Option<Key>>,
        pages: &Result<Pages>,
    ) -> SourceCheckup {
        let id = source.id;
        let snapshots = self.ask(|store| store.snapshots(id)).map(|metas| {
            let look = |meta| SnapshotCheckup { condition: self.snapshot(id, &meta), meta };
            let mut snapshots: Vec<_> = metas.into_iter().map(look).collect();
            if pages.is_ok() {
                // Nothing is wrong: it was given up meanwhile.
                snapshots.retain(|snapshot| {
                    !matches!(
                        snapshot.condition,
                        Err(StoreError::NoSuchSnapshot { .. }
                            | StoreError::NoSuchSource { .. }
                            | StoreError::Pruned { .. })
                    )
                });
            }
            snapshots
        });
        let sync = self.ask(|store| {
            store.later_tasks(id)?.iter().try_for_each(|task| check_task(task))?;
            let Some(sync) = store.resume(id)? else { return Ok(None) };
            sync.tasks.iter().try_for_each(|(_, task)| check_task(task))?;
            Ok(Some((sync.row.number, sync.tasks.len())))
        });
        let credential = self.ask(|store| {
            let vault = store.unlock(key()?)?;
            store.credential(&vault, id).map(drop)
        });
        SourceCheckup { source, snapshots, sync, credential }
    }

    fn snapshot(&mut self, source_id: u64, meta: &SnapshotMeta) -> Result<()> {
        let mut facts = 0;
        let scopes = self.ask(|store| store.visit_facts(source_id, meta.number, |_| facts += 1))?;
        let gaps = scopes.iter().filter(|scope| scope.gap.is_some()).count() as u64;
        for (what, found, expected) in [
            ("facts", facts, meta.facts),
            ("scopes", scopes.len() as u64, meta.scopes),
            ("gaps", gaps, meta.gaps),
        ] {
            if found != expected {
                return Err(StoreError::damaged(format!(
                    "snapshot {} has {found} {what} instead of {expected}",
                    meta.number
                )));
            }
        }
        Ok(())
    }
}

/// Opens it to read; where only a writer could put it in order, looks at what that would give.
fn open(dir: &Path, file: &Path) -> Result<Store> {
    let options =
        OpenOptions { check: false, ..OpenOptions::new(OpenMode::Read).command("sightline doctor") };
    match Store::open_to_read(dir, file, &options) {
        Err(StoreError::Unclean) => {
            Store::open_on(View::open(file).map_err(StoreError::io("read", file))?, dir)
        }
        other => other,
    }
}

fn check_task(task: &str) -> Result<()> {
    let parsed: serde_json::Result<serde::de::IgnoredAny> = serde_json::from_str(task);
    parsed.map(drop).map_err(|error| StoreError::damaged(format!("a task of a sync: {error}")))
}

struct Tables<'a, 'p> {
    patient: &'a mut Patient<'p>,
    found: &'a mut Vec<(String, Result<u64>)>,
}

impl ForTable for Tables<'_, '_> {
    fn each<K: RowKey + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        let rows = self.patient.ask(|store| walk(&store.begin_read()?, table));
        self.found.push((table.name().to_owned(), rows));
        Ok(())
    }
}

/// Reads every row; fails unless there are as many as there should be, in order.
fn walk<K: RowKey + 'static, V: Value + 'static>(
    txn: &ReadTransaction,
    table: TableDefinition<'static, K, V>,
) -> Result<u64> {
    let Some(rows) = open_if_there(txn, table)? else { return Ok(0) };
    let mut found = 0;
    let mut before: Option<Vec<u8>> = None;
    for row in rows.iter()? {
        let (key, value) = row?;
        let (key, _) = (K::as_bytes(&key.value()).as_ref().to_vec(), value.value());
        if before.is_some_and(|before| K::compare(&before, &key).is_ge()) {
            return Err(StoreError::damaged(format!("table {:?} is out of order", table.name())));
        }
        before = Some(key);
        found += 1;
    }
    let expected = rows.len()?;
    if found != expected {
        return Err(StoreError::damaged(format!(
            "table {:?} has {found} rows instead of {expected}",
            table.name()
        )));
    }
    Ok(found)
}

#[cfg(unix)]
fn exposed(dir: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let places = [dir.join(FILE), dir.join("vault.key")];
    let mode = |place: &PathBuf| Some(fs::metadata(place).ok()?.permissions().mode() & 0o777);
    let modes = places.into_iter().filter_map(|place| Some((mode(&place)?, place)));
    modes.filter(|(mode, _)| mode & 0o077 != 0).map(|(mode, place)| (place, mode)).collect()
}

#[cfg(not(unix))]
fn exposed(_dir: &Path) -> Vec<(PathBuf, u32)> {
    Vec::new()
}
