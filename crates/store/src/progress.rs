//! A sync in progress: its tasks, and what they have read so far.
//!
//! The tasks that are left are the checkpoint: every batch of steps is one durable transaction, so a sync that is
//! interrupted goes on where it was.

use std::collections::BTreeMap;

use redb::{ReadableTable, WriteTransaction};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sightline_core::{Absent, EntityKind, Gap, Record, Scope, SnapshotNumber, Tallies, Time};

use crate::codec::{self, Unpacker};
use crate::dictionary::Dictionary;
use crate::error::{Result, StoreError};
use crate::keys;
use crate::kind::{Kind, Kinds};
use crate::open::Store;
use crate::source::{clear_sync, require};
use crate::staging::{Staged, Stager};
use crate::tables::{
    ABSENT, DRIFT, LATER, NAMES, NUMBERS, PROGRESS, SNAPSHOTS, STAGED, STAGED_EDGES, SYNCS, TASKS,
};

/// A sync in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRow {
    /// Its number, and that of the snapshot it will become.
    pub number: SnapshotNumber,
    /// When it began.
    pub started: Time,
    /// Whether it reads everything anew.
    pub full: bool,
}

/// Where an interrupted sync stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncInProgress {
    /// Which sync.
    pub row: SyncRow,
    /// The tasks that are left, by id: in the order in which they were added.
    pub tasks: Vec<(u64, String)>,
    /// Records per dataset and per scope, and what the steps added.
    pub tallies: Tallies,
    /// Every scope that was read from or marked, sorted.
    pub scopes: Vec<(Scope, ScopeProgress)>,
    /// How often fields that this version does not know were met.
    pub drift: BTreeMap<String, u64>,
}

/// What a sync in progress knows about a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeProgress {
    /// What it was marked as, if anything.
    pub mark: Option<Mark>,
    /// Records that were read in it, the same fact counted every time.
    pub records: u64,
}

/// What a step found, as it is to be stored.
#[derive(Debug, Clone)]
pub struct StepOutcome {
    /// The task that was done.
    pub task_id: u64,
    /// The scope that the records belong to.
    pub scope: Scope,
    /// What was read.
    pub records: Vec<Record>,
    /// Further tasks of this sync, JSON.
    pub then: Vec<String>,
    /// Tasks that start the next sync, JSON.
    pub later: Vec<String>,
    /// What is certain to be gone, although its scope was not read as a whole: it was gone after `records` were read, and
    /// what a later step reads is there again.
    pub absent: Vec<Absent>,
    /// Whether what follows reads everything anew: the sync becomes a full one.
    pub full: bool,
    /// Scopes of which is now known how they were read.
    pub marks: Vec<(Scope, Mark)>,
    /// Numbers to add up.
    pub tallies: Vec<(String, u64)>,
    /// Fields that this version does not know.
    pub drift: Vec<String>,
}

/// How a scope was read.
///
/// Of several marks of one scope `Gone` wins over `Gap`, `Gap` over those that say that all of it was read, and these over
/// the others; among equals the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// All of it was read: what was not seen is gone.
    Complete,
    /// It is known to be empty without having been read.
    Empty,
    /// Not all of it could be read: what was not seen stays.
    Gap(Gap),
    /// What it is read under has vanished.
    Gone,
    /// All changes since the last time were read: what was not seen stays, and so does what could not be read before.
    Part,
    /// What is new was read without a hole: what was not seen stays, and nothing is missing.
    Onward,
}

impl Mark {
    const fn rank(&self) -> u8 {
        match self {
            Self::Part | Self::Onward => 0,
            Self::Complete | Self::Empty => 1,
            Self::Gap(_) => 2,
            Self::Gone => 3,
        }
    }

    /// Whether what was not seen is gone.
    pub(crate) const fn is_whole(&self) -> bool {
        matches!(self, Self::Complete | Self::Empty)
    }
}

/// The stored form of a sync in progress.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredSync {
    pub(crate) row: SyncRow,
    next_task: u64,
    next_step: u64,
}

/// The stored form of what is known about a scope.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct StoredProgress {
    pub(crate) mark: Option<Mark>,
    pub(crate) records: u64,
    kinds: Vec<u8>,
    /// Whether facts of it were found absent.
    pub(crate) absences: bool,
}

impl StoredProgress {
    /// The kinds of records that were read.
    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds.iter().copied().map(Kind).collect()
    }

    fn count(&mut self, records: &[Record]) {
        self.records += records.len() as u64;
        for record in records {
            let Kind(kind) = Kind::of(record);
            if !self.kinds.contains(&kind) {
                self.kinds.push(kind);
            }
        }
    }

    fn put_mark(&mut self, mark: &Mark) {
        if self.mark.as_ref().is_none_or(|before| mark.rank() >= before.rank()) {
            self.mark = Some(mark.clone());
        }
    }
}

impl Store {
    /// Begins a sync with these tasks; fails while another one of the data source is in progress.
    pub fn begin_sync(&self, source_id: u64, started: Time, full: bool, tasks: &[String]) -> Result<SyncRow> {
        self.write(|txn| {
            require(txn, source_id)?;
            if let Some(sync) = stored_sync(&txn.open_table(SYNCS)?, source_id)? {
                return Err(StoreError::SyncInProgress { number: sync.row.number });
            }
            let number = last_number(&txn.open_table(SNAPSHOTS)?, source_id)? + 1;
            let row = SyncRow { number, started, full };
            let mut sync = StoredSync { row: row.clone(), next_task: 0, next_step: 0 };
            add_tasks(txn, source_id, &mut sync, tasks)?;
            put_sync(txn, source_id, &sync)?;
            Ok(row)
        })
    }

    /// Whether a sync of the data source is in progress.
    pub fn has_sync_in_progress(&self, source_id: u64) -> Result<bool> {
        Ok(self.begin_read()?.open_table(SYNCS)?.get(source_id)?.is_some())
    }

    /// Where the sync of a data source stands; none when none is in progress.
    pub fn resume(&self, source_id: u64) -> Result<Option<SyncInProgress>> {
        let txn = self.begin_read()?;
        let Some(sync) = stored_sync(&txn.open_table(SYNCS)?, source_id)? else { return Ok(None) };
        let mut tasks = Vec::new();
        for row in txn.open_table(TASKS)?.range((source_id, 0)..=(source_id, u64::MAX))? {
            let (key, json) = row?;
            tasks.push((key.value().1, json.value().to_owned()));
        }
        let mut tallies = Tallies(named_numbers(&txn.open_table(NUMBERS)?, source_id)?);
        let mut scopes = Vec::new();
        for (scope, progress) in all_progress(&txn.open_table(PROGRESS)?, source_id)? {
            tally(&mut tallies, &scope, progress.records);
            scopes.push((scope, ScopeProgress { mark: progress.mark, records: progress.records }));
        }
        let drift = named_numbers(&txn.open_table(DRIFT)?, source_id)?;
        Ok(Some(SyncInProgress { row: sync.row, tasks, tallies, scopes, drift }))
    }

    /// Stores what steps found, all of it or nothing, durably; gives the ids of the tasks that each one added.
    pub fn commit_steps(&self, source_id: u64, outcomes: &[StepOutcome]) -> Result<Vec<Vec<u64>>> {
        // Compressing does not need the writer's lock.
        let load = || Dictionary::load(&self.begin_read()?.open_table(NAMES)?, &Unpacker::new()?, source_id);
        self.dictionaries.add(source_id, load, |dictionary, store_new| {
            let mut pack = Stager::new()?;
            let mut staged = Vec::with_capacity(outcomes.len());
            for outcome in outcomes {
                staged.push(pack.stage(outcome, dictionary)?);
            }
            self.write(|txn| {
                let mut sync = stored_sync(&txn.open_table(SYNCS)?, source_id)?.ok_or(StoreError::NoSync)?;
                store_new(dictionary, txn)?;
                let added = stage_steps(txn, source_id, &mut sync, outcomes, &staged)?;
                put_sync(txn, source_id, &sync)?;
                Ok(added)
            })
        })
    }

    /// Forgets the sync in progress and what it has read; the last snapshot and its later tasks stay.
    pub fn abandon_sync(&self, source_id: u64) -> Result<()> {
        self.write(|txn| {
            let sync = stored_sync(&txn.open_table(SYNCS)?, source_id)?.ok_or(StoreError::NoSync)?;
            let later = (source_id, sync.row.number, 0)..=(source_id, u64::MAX, u64::MAX);
            txn.open_table(LATER)?.retain_in::<(u64, u64, u64), _>(later, |_, _| false)?;
            clear_sync(txn, source_id)
        })
    }

    /// The tasks that the last sealed sync left for the next one, JSON.
    pub fn later_tasks(&self, source_id: u64) -> Result<Vec<String>> {
        let txn = self.begin_read()?;
        let number = last_number(&txn.open_table(SNAPSHOTS)?, source_id)?;
        let mut tasks = Vec::new();
        for row in txn.open_table(LATER)?.range((source_id, number, 0)..=(source_id, number, u64::MAX))? {
            tasks.push(row?.1.value().to_owned());
        }
        Ok(tasks)
    }
}

/// The sync in progress of a data source.
pub(crate) fn stored_sync(
    table: &impl ReadableTable<u64, &'static [u8]>,
    source_id: u64,
) -> Result<Option<StoredSync>> {
    let Some(row) = table.get(source_id)? else { return Ok(None) };
    codec::from_row(row.value(), || format!("the sync in progress of data source {source_id}")).map(Some)
}

/// What the sync in progress knows about its scopes, sorted.
pub(crate) fn all_progress(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    source_id: u64,
) -> Result<Vec<(Scope, StoredProgress)>> {
    let (from, to) = (keys::source(source_id), keys::after_source(source_id));
    let mut scopes = Vec::new();
    for row in table.range(from.as_slice()..to.as_slice())? {
        let (key, value) = row?;
        let (scope, _) = keys::parse_scope(key.value())
            .ok_or_else(|| StoreError::damaged("a scope of the sync in progress"))?;
        let progress = codec::from_row(value.value(), || format!("the progress of {scope}"))?;
        scopes.push((scope, progress));
    }
    Ok(scopes)
}

/// The numbers of a data source, by name.
pub(crate) fn named_numbers(
    table: &impl ReadableTable<&'static [u8], u64>,
    source_id: u64,
) -> Result<BTreeMap<String, u64>> {
    let (from, to) = (keys::source(source_id), keys::after_source(source_id));
    let mut numbers = BTreeMap::new();
    for row in table.range(from.as_slice()..to.as_slice())? {
        let (key, number) = row?;
        let name = keys::name_of(key.value()).ok_or_else(|| StoreError::damaged("the name of a number"))?;
        numbers.insert(name.to_owned(), number.value());
    }
    Ok(numbers)
}

/// Number of the newest snapshot of a data source; 0 before the first.
pub(crate) fn last_number(
    table: &impl ReadableTable<(u64, u64), &'static [u8]>,
    source_id: u64,
) -> Result<SnapshotNumber> {
    let mut rows = table.range((source_id, 0)..=(source_id, u64::MAX))?;
    Ok(rows.next_back().transpose()?.map_or(0, |(key, _)| key.value().1))
}

/// Adds the records of a scope to the numbers of its dataset and, under a parent, to its own.
pub(crate) fn tally(tallies: &mut Tallies, scope: &Scope, records: u64) {
    tallies.add(&scope.dataset, records);
    if scope.parent.is_some() {
        tallies.add(&scope.to_string(), records);
    }
}

fn stage_steps(
    txn: &WriteTransaction,
    source_id: u64,
    sync: &mut StoredSync,
    outcomes: &[StepOutcome],
    staged: &[Staged],
) -> Result<Vec<Vec<u64>>> {
    let mut numbers: BTreeMap<&str, u64> = BTreeMap::new();
    let mut drift: BTreeMap<&str, u64> = BTreeMap::new();
    let mut progress: FxHashMap<&Scope, StoredProgress> = FxHashMap::default();
    let mut added = Vec::with_capacity(outcomes.len());
    let mut progress_table = txn.open_table(PROGRESS)?;
    for (outcome, staged) in outcomes.iter().zip(staged) {
        if txn.open_table(TASKS)?.remove((source_id, outcome.task_id))?.is_none() {
            return Err(StoreError::NoSuchTask { task: outcome.task_id });
        }
        added.push(add_tasks(txn, source_id, sync, &outcome.then)?);
        let step = sync.next_step;
        sync.next_step += 1;
        put_later(txn, source_id, sync.row.number, &outcome.later)?;
        if !staged.is_empty() {
            let row = keys::numbered(&keys::scope(source_id, &outcome.scope), step);
            codec::put_blob(&mut txn.open_table(STAGED)?, &row, &staged.rows)?;
            codec::put_blob(&mut txn.open_table(STAGED_EDGES)?, &row, &staged.edges)?;
            let progress = entry(&mut progress, &progress_table, source_id, &outcome.scope)?;
            progress.count(&outcome.records);
            progress.absences |= outcome.absent.iter().any(|absent| matches!(absent, Absent::Fact(_)));
        }
        note_absent_entities(txn, source_id, outcome)?;
        sync.row.full |= outcome.full;
        for (scope, mark) in &outcome.marks {
            entry(&mut progress, &progress_table, source_id, scope)?.put_mark(mark);
        }
        for (name, number) in &outcome.tallies {
            *numbers.entry(name).or_default() += number;
        }
        for field in &outcome.drift {
            *drift.entry(field).or_default() += 1;
        }
    }
    for (scope, progress) in progress {
        let row = codec::to_row(&progress)?;
        progress_table.insert(keys::scope(source_id, scope).as_slice(), row.as_slice())?;
    }
    for (table, sums) in [(NUMBERS, numbers), (DRIFT, drift)] {
        let mut table = txn.open_table(table)?;
        for (name, number) in sums {
            let key = keys::named(source_id, name);
            let before = table.get(key.as_slice())?.map_or(0, |row| row.value());
            table.insert(key.as_slice(), before + number)?;
        }
    }
    Ok(added)
}

/// Keeps which entities are gone: steps are stored in their order, so the last word about an entity counts.
fn note_absent_entities(txn: &WriteTransaction, source_id: u64, outcome: &StepOutcome) -> Result<()> {
    let mut table = txn.open_table(ABSENT)?;
    let key = |kind: EntityKind, id: &str| keys::named(source_id, &format!("{kind}/{id}"));
    let (from, to) = (keys::source(source_id), keys::after_source(source_id));
    if table.range(from.as_slice()..to.as_slice())?.next().is_some() {
        for (kind, id) in outcome.records.iter().filter_map(Record::entity) {
            table.remove(key(kind, id).as_slice())?;
        }
    }
    for absent in &outcome.absent {
        if let Absent::Entity(kind, id) = absent {
            table.insert(key(*kind, id).as_slice(), codec::to_row(&(kind, id))?.as_slice())?;
        }
    }
    Ok(())
}

/// The entities of which the last that the sync in progress heard is that they are gone.
pub(crate) fn absent_entities(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    source_id: u64,
) -> Result<Vec<(EntityKind, String)>> {
    let (from, to) = (keys::source(source_id), keys::after_source(source_id));
    let mut entities = Vec::new();
    for row in table.range(from.as_slice()..to.as_slice())? {
        entities.push(codec::from_row(row?.1.value(), || "an entity that is gone".to_owned())?);
    }
    Ok(entities)
}

/// What is known about a scope, read once per batch.
fn entry<'p, 'o>(
    progress: &'p mut FxHashMap<&'o Scope, StoredProgress>,
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    source_id: u64,
    scope: &'o Scope,
) -> Result<&'p mut StoredProgress> {
    use std::collections::hash_map::Entry;
    Ok(match progress.entry(scope) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => {
            let stored = match table.get(keys::scope(source_id, scope).as_slice())? {
                Some(row) => codec::from_row(row.value(), || format!("the progress of {scope}"))?,
                None => StoredProgress::default(),
            };
            entry.insert(stored)
        }
    })
}

fn add_tasks(
    txn: &WriteTransaction,
    source_id: u64,
    sync: &mut StoredSync,
    tasks: &[String],
) -> Result<Vec<u64>> {
    let mut table = txn.open_table(TASKS)?;
    let mut ids = Vec::with_capacity(tasks.len());
    for task in tasks {
        let id = sync.next_task;
        sync.next_task += 1;
        table.insert((source_id, id), task.as_str())?;
        ids.push(id);
    }
    Ok(ids)
}

/// Keeps the later tasks of a step; their order is that of the steps and of the tasks inside each.
fn put_later(txn: &WriteTransaction, source_id: u64, number: u64, tasks: &[String]) -> Result<()> {
    if tasks.is_empty() {
        return Ok(());
    }
    let mut table = txn.open_table(LATER)?;
    let last =
        table.range((source_id, number, 0)..=(source_id, number, u64::MAX))?.next_back().transpose()?;
    let next = last.map_or(0, |(key, _)| key.value().2 + 1);
    for (index, task) in tasks.iter().enumerate() {
        table.insert((source_id, number, next + index as u64), task.as_str())?;
    }
    Ok(())
}

fn put_sync(txn: &WriteTransaction, source_id: u64, sync: &StoredSync) -> Result<()> {
    txn.open_table(SYNCS)?.insert(source_id, codec::to_row(sync)?.as_slice())?;
    Ok(())
}
