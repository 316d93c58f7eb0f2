//! Sealing: a finished sync becomes a snapshot.
//!
//! Every scope is decided by its mark, what was read of it, and its state before. Scopes that hold entities come first,
//! parents before what is read under them; then it is known which entities there are, and the rest follows.

mod entities;
mod merge;
mod runs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use redb::{ReadableTable, ReadableTableMetadata, Table, WriteTransaction};
use rustc_hash::FxHashSet;
use sightline_core::{EntityKind, Gap, Record, Scope, SnapshotNumber, Tallies, Time};

use crate::bytes::{Reader, put_number};
use crate::codec::{self, Packer, Unpacker};
use crate::dictionary::Dictionary;
use crate::edges::Tables;
use crate::error::{Result, StoreError};
use crate::keys;
use crate::kind::{ENTITY_KINDS, Kind, Kinds};
use crate::open::Store;
use crate::progress::{Mark, absent_entities, all_progress, last_number, named_numbers, stored_sync};
use crate::read::{SnapshotMeta, Version, decode_meta, versions_at};
use crate::source::clear_sync;
use crate::state::Facts;
use crate::tables::{
    ABSENT, CONTENT, DRIFT, EDGES, ENTITIES, LATER, NAMES, NUMBERS, PROGRESS, SNAPSHOTS, STAGED,
    STAGED_EDGES, SYNCS, TASKS, VERSIONS,
};
use entities::Entities;
use merge::Merge;
pub(crate) use runs::put_said;

/// Names of numbers that tell only of the sync that added them up.
const OF_ONE_SYNC: &str = "shrunk.";
/// Scopes that are laid over those before until what differs is written.
const SCOPES_TOGETHER: usize = 64;
/// A kind with fewer facts may shrink by any part.
const SMALL_KIND: u64 = 50;

/// What sealing has to know about the connector and the caller's wishes.
#[derive(Debug, Clone)]
pub struct SealRules {
    /// The kind of entity that each dataset is read under; listings are not in it.
    pub parents: BTreeMap<String, EntityKind>,
    /// The listing that leads to the scopes of a dataset: those that a complete reading of it did not lead to are gone.
    pub listings: BTreeMap<String, String>,
    /// The part of a kind's facts that may vanish without a confirmation; none: any.
    pub max_drop: Option<f64>,
}

impl Default for SealRules {
    fn default() -> Self {
        Self { parents: BTreeMap::new(), listings: BTreeMap::new(), max_drop: Some(0.2) }
    }
}

/// What a snapshot changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealReport {
    /// Number of the snapshot.
    pub number: SnapshotNumber,
    /// Changes of each dataset.
    pub datasets: BTreeMap<String, DatasetChange>,
    /// Scopes in the snapshot.
    pub scopes: u64,
    /// Scopes of it that were not read completely.
    pub gaps: u64,
    /// Edges whose ends were not seen, per dataset.
    pub dangling: BTreeMap<String, u64>,
}

/// What a snapshot changed in one dataset: numbers of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DatasetChange {
    /// Not there before.
    pub added: u64,
    /// No longer there.
    pub removed: u64,
    /// There before with another content.
    pub changed: u64,
    /// There now.
    pub total: u64,
}

impl Store {
    /// Makes a snapshot of the sync in progress: all of it or nothing.
    ///
    /// After an error, a large drop included, the sync is still in progress and may be sealed again.
    pub fn seal(
        &self,
        source_id: u64,
        number: SnapshotNumber,
        sealed: Time,
        rules: &SealRules,
    ) -> Result<SealReport> {
        let load = || Dictionary::load(&self.begin_read()?.open_table(NAMES)?, &Unpacker::new()?, source_id);
        let report = self.dictionaries.add(source_id, load, |dictionary, _| {
            self.write(|txn| seal(txn, dictionary, source_id, (number, sealed), rules))
        })?;
        // Until the next sync nothing is added to it.
        self.dictionaries.forget(source_id);
        Ok(report)
    }
}

fn seal(
    txn: &WriteTransaction,
    dictionary: &Dictionary,
    source_id: u64,
    (number, sealed): (SnapshotNumber, Time),
    rules: &SealRules,
) -> Result<SealReport> {
    let sync = stored_sync(&txn.open_table(SYNCS)?, source_id)?.ok_or(StoreError::NoSync)?;
    if sync.row.number != number {
        return Err(StoreError::NoSync);
    }
    let tasks = txn.open_table(TASKS)?.range((source_id, 0)..=(source_id, u64::MAX))?.count() as u64;
    if tasks > 0 {
        return Err(StoreError::Unfinished { tasks });
    }
    let mut sealing = Sealing::begin(txn, dictionary, source_id, number, rules)?;
    sealing.seal_all([Tools::new()?, Tools::new()?])?;
    if let Some(max_drop) = rules.max_drop {
        check_drop(&sealing.done, max_drop)?;
    }
    let report = sealing.write_versions(txn)?;
    drop(sealing);
    let meta = SnapshotMeta {
        number,
        started: sync.row.started,
        sealed,
        full: sync.row.full,
        tallies: numbers_to_keep(txn, source_id, sync.row.full)?,
        drift: named_numbers(&txn.open_table(DRIFT)?, source_id)?,
        dangling: report.dangling.clone(),
        scopes: report.scopes,
        gaps: report.gaps,
        facts: report.datasets.values().map(|change| change.total).sum(),
        pruned: false,
    };
    txn.open_table(SNAPSHOTS)?.insert((source_id, number), codec::to_row(&meta)?.as_slice())?;
    let older = (source_id, 0, 0)..(source_id, number, 0);
    txn.open_table(LATER)?.retain_in::<(u64, u64, u64), _>(older, |_, _| false)?;
    clear_sync(txn, source_id)?;
    Ok(report)
}

/// The numbers that the steps added up; a sync that is not full leaves those that it did not add to as they were.
fn numbers_to_keep(txn: &WriteTransaction, source_id: u64, full: bool) -> Result<Tallies> {
    let numbers = named_numbers(&txn.open_table(NUMBERS)?, source_id)?;
    let snapshots = txn.open_table(SNAPSHOTS)?;
    let last = last_number(&snapshots, source_id)?;
    let Some(row) = snapshots.get((source_id, last))?.filter(|_| !full) else { return Ok(Tallies(numbers)) };
    let mut kept = decode_meta(row.value(), last)?.tallies;
    kept.0.retain(|name, _| !name.starts_with(OF_ONE_SYNC));
    kept.0.extend(numbers);
    Ok(kept)
}

/// A scope that is to be decided.
struct Work {
    scope: Scope,
    key: Vec<u8>,
    before: Option<Version>,
    mark: Option<Mark>,
    /// Kinds of the records that the sync has read of it.
    staged: Kinds,
    /// Whether the sync found facts of it absent.
    absences: bool,
}

impl Work {
    /// Kinds of facts that it has or may get.
    fn kinds(&self) -> Kinds {
        self.before.as_ref().map(Version::kinds).unwrap_or_default().with(self.staged)
    }

    /// Whether anything was learned about its facts.
    fn is_staged(&self) -> bool {
        self.staged != Kinds::default() || self.absences
    }

    fn is_whole(&self) -> bool {
        self.mark.as_ref().is_some_and(Mark::is_whole)
    }

    /// Whether its facts may differ from those before, whatever became of others.
    fn is_learned(&self) -> bool {
        self.is_staged() || self.is_whole()
    }
}

/// A scope that was decided.
struct Done {
    work: Work,
    after: Version,
    added: u64,
    removed: u64,
    changed: u64,
    /// Whether its facts were laid over each other; otherwise they are those from before.
    merged: bool,
    /// Whether its dangling edges were counted when all entities were known.
    counted: bool,
}

/// What each thread has of its own.
struct Tools {
    packer: Packer,
    unpacker: Unpacker,
}

impl Tools {
    fn new() -> Result<Self> {
        Ok(Self { packer: Packer::new(codec::FOR_LONG)?, unpacker: Unpacker::new()? })
    }
}

struct Sealing<'t, 'u> {
    number: SnapshotNumber,
    rules: &'t SealRules,
    staged: Table<'t, &'static [u8], &'static [u8]>,
    staged_edges: Table<'t, &'static [u8], &'static [u8]>,
    content: Table<'t, &'static [u8], &'static [u8]>,
    edges: Table<'t, &'static [u8], &'static [u8]>,
    /// Kinds and ids of the entities in scopes.
    entities: Table<'t, &'static [u8], &'static [u8]>,
    dictionary: &'u Dictionary,
    works: Vec<Work>,
    done: Vec<Done>,
    /// Entities of the last snapshot and of this one, as far as they were met, and those that were found to have vanished.
    met: Entities<'u>,
    /// Kinds of entities whose listings were all read completely.
    listed: Kinds,
    /// Datasets whose whole listing was read completely.
    complete_listings: BTreeSet<String>,
    /// Datasets whose whole listing could not be read, and why.
    failed_listings: BTreeMap<String, Gap>,
}

impl<'t, 'u> Sealing<'t, 'u> {
    fn begin(
        txn: &'t WriteTransaction,
        dictionary: &'u Dictionary,
        source_id: u64,
        number: SnapshotNumber,
        rules: &'t SealRules,
    ) -> Result<Self> {
        let last = last_number(&txn.open_table(SNAPSHOTS)?, source_id)?;
        let mut works = BTreeMap::new();
        for at in versions_at(&txn.open_table(VERSIONS)?, source_id, last)? {
            let scope = at.scope.clone();
            let before = Some(at.version);
            let staged = Kinds::default();
            let work = Work { scope: at.scope, key: at.key, before, mark: None, staged, absences: false };
            works.insert(scope, work);
        }
        for (scope, progress) in all_progress(&txn.open_table(PROGRESS)?, source_id)? {
            let is_read = progress.mark.is_some() || progress.records > 0;
            if !is_read && !works.contains_key(&scope) {
                // That something is not in it makes no scope.
                continue;
            }
            let work = works.entry(scope.clone()).or_insert_with(|| Work {
                key: keys::scope(source_id, &scope),
                scope,
                before: None,
                mark: None,
                staged: Kinds::default(),
                absences: false,
            });
            work.staged = progress.kinds();
            work.absences = progress.absences;
            work.mark = progress.mark;
        }
        let works: Vec<Work> = works.into_values().collect();
        let mut met = Entities::new(&dictionary.names);
        for (kind, id) in absent_entities(&txn.open_table(ABSENT)?, source_id)? {
            met.has_vanished(kind, &id);
        }
        for work in &works {
            if let (Some(Mark::Gone), Some((kind, parent))) = (&work.mark, parent_of(rules, &work.scope)) {
                met.has_vanished(kind, parent);
            }
        }
        let listed = kinds_listed(&works);
        let complete_listings = works
            .iter()
            .filter(|work| work.scope.parent.is_none() && work.is_whole())
            .map(|work| work.scope.dataset.clone())
            .collect();
        let failed_listings = works
            .iter()
            .filter_map(|work| match (&work.scope.parent, &work.mark) {
                (None, Some(Mark::Gap(gap))) => Some((work.scope.dataset.clone(), gap.clone())),
                _ => None,
            })
            .collect();
        Ok(Self {
            number,
            rules,
            staged: txn.open_table(STAGED)?,
            staged_edges: txn.open_table(STAGED_EDGES)?,
            content: txn.open_table(CONTENT)?,
            edges: txn.open_table(EDGES)?,
            entities: txn.open_table(ENTITIES)?,
            dictionary,
            works,
            done: Vec::new(),
            met,
            listed,
            complete_listings,
            failed_listings,
        })
    }

    fn seal_all(&mut self, mut tools: [Tools; 2]) -> Result<()> {
        let works = std::mem::take(&mut self.works);
        let (mut entities, relations): (Vec<_>, Vec<_>) =
            works.into_iter().partition(|work| work.kinds().meets(Kinds::ENTITIES));
        while !entities.is_empty() {
            let pending = entities.iter().fold(Kinds::default(), |all, work| all.with(work.kinds()));
            let (ready, blocked): (Vec<_>, Vec<_>) = entities.into_iter().partition(|work| {
                parent_of(self.rules, &work.scope)
                    .is_none_or(|(kind, _)| !pending.contains(Kind::describing(kind)))
            });
            // Kinds that are read under each other: no absence among them proves anything.
            let circular = ready.is_empty();
            let (now, later) = if circular { (blocked, ready) } else { (ready, blocked) };
            for work in now {
                let dropped = self.is_dropped(&work, !circular);
                self.seal_scope(work, dropped, &mut tools[0])?;
            }
            entities = later;
        }
        self.seal_relations(relations, &mut tools)?;
        self.recount_dangling(&tools[0].unpacker)
    }

    /// Seals scopes without entities: which there are is known, so that two threads may lay what was read over what was
    /// there, and one puts what they found where it belongs.
    fn seal_relations(&mut self, relations: Vec<Work>, tools: &mut [Tools; 2]) -> Result<()> {
        let mut relations = relations.into_iter();
        loop {
            let together: Vec<Work> = relations.by_ref().take(SCOPES_TOGETHER).collect();
            if together.is_empty() {
                return Ok(());
            }
            let merged = self.merge_relations(&together, tools)?;
            for (work, merged) in together.into_iter().zip(merged) {
                match merged {
                    Relations::Dropped => self.drop_scope(work, &tools[0].unpacker)?,
                    Relations::Kept(merged) => self.put(work, merged.map(|merged| *merged))?,
                }
            }
        }
    }

    /// What becomes of scopes without entities, in their order.
    fn merge_relations(&self, works: &[Work], [one, other]: &mut [Tools; 2]) -> Result<Vec<Relations>> {
        let next = AtomicUsize::new(0);
        let work = |tools: &mut Tools| -> Result<Vec<(usize, Relations)>> {
            let mut merged = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(work) = works.get(at) else { return Ok(merged) };
                merged.push((at, self.relations(work, tools)?));
            }
        };
        let mut merged = std::thread::scope(|threads| {
            let others = threads.spawn(|| work(other));
            let mut merged = work(one)?;
            merged.extend(others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            Ok::<_, StoreError>(merged)
        })?;
        merged.sort_unstable_by_key(|&(at, _)| at);
        Ok(merged.into_iter().map(|(_, merged)| merged).collect())
    }

    fn relations(&self, work: &Work, tools: &mut Tools) -> Result<Relations> {
        if self.is_dropped(work, true) {
            return Ok(Relations::Dropped);
        }
        let must_merge = work.is_learned() || self.loses_relations(work, &tools.unpacker)?;
        let merged = if must_merge { Some(Box::new(Merge::of(self, work, tools)?)) } else { None };
        Ok(Relations::Kept(merged))
    }

    fn is_dropped(&self, work: &Work, absence_counts: bool) -> bool {
        if work.mark == Some(Mark::Gone) || self.is_unlisted(work) {
            return true;
        }
        let Some((kind, parent)) = parent_of(self.rules, &work.scope) else { return false };
        let absent = absence_counts
            && !self.met.is(kind, parent)
            && (self.met.was(kind, parent) || self.listed.contains(Kind::describing(kind)));
        absent || self.met.is_gone(kind, parent)
    }

    /// Whether the listing that leads to scopes like this was read completely and did not lead to this one.
    fn is_unlisted(&self, work: &Work) -> bool {
        let was_met = work.mark.is_some() || work.is_staged();
        let listing = self.rules.listings.get(&work.scope.dataset);
        work.scope.parent.is_some()
            && !was_met
            && listing.is_some_and(|listing| self.complete_listings.contains(listing))
    }

    fn seal_scope(&mut self, work: Work, dropped: bool, tools: &mut Tools) -> Result<()> {
        if dropped {
            return self.drop_scope(work, &tools.unpacker);
        }
        let must_merge = work.is_learned()
            || !self.keeps_entities(&work, &tools.unpacker)?
            || self.loses_relations(&work, &tools.unpacker)?;
        let merged = if must_merge {
            let merged = Merge::of(self, &work, tools)?;
            self.note_entities(&work, &merged, tools)?;
            Some(merged)
        } else {
            None
        };
        self.put(work, merged)
    }

    /// Notes which entities of a scope there were and are, and keeps the latter for the next sync.
    ///
    /// To look up the numbers of those that stay would take longer than all else.
    fn note_entities(&mut self, work: &Work, merged: &Merge, tools: &mut Tools) -> Result<()> {
        let removed: FxHashSet<_> = merged.removed_entities.iter().copied().collect();
        let mut entities = self.entities_before(work, &tools.unpacker)?;
        entities.retain(|entity| removed.is_empty() || !removed.contains(entity));
        for &(kind, number) in &entities {
            self.met.stays(kind, number);
        }
        for &(kind, number) in &merged.removed_entities {
            self.met.was_there(kind, number);
        }
        for &(kind, number) in &merged.added_entities {
            self.met.is_there(kind, number);
        }
        if merged.added_entities.is_empty() && removed.is_empty() {
            return Ok(());
        }
        entities.extend_from_slice(&merged.added_entities);
        entities.sort_unstable_by_key(|&(kind, number)| (kind, number));
        self.forget_entities(&work.key)?;
        tools.packer.push(|bytes| put_entities(bytes, &entities))?;
        codec::put_blob(&mut self.entities, &keys::numbered(&work.key, 0), &tools.packer.finish()?)
    }

    /// Writes what differs.
    fn put(&mut self, work: Work, merged: Option<Merge>) -> Result<()> {
        // What an earlier scope of the same name wrote is not its own.
        let new = || Version { base: self.number, content: self.number, ..Version::default() };
        let mut after = Version { present: true, ..work.before.clone().unwrap_or_else(new) };
        match &work.mark {
            Some(Mark::Complete | Mark::Empty | Mark::Onward) => {
                after.complete = Some(self.number);
                after.gap = None;
            }
            // Changes vouch for a scope only as far as what they change was known.
            Some(Mark::Part) => {
                let was_known = match &work.before {
                    Some(before) => before.complete.is_some() && before.gap.is_none(),
                    None => true,
                };
                if was_known {
                    after.complete = Some(self.number);
                }
            }
            Some(Mark::Gap(gap)) => after.gap = Some(gap.clone()),
            // What only a listing leads to was not read because that listing was not.
            None if work.scope.parent.is_some() && !work.is_staged() => {
                let listing = self.rules.listings.get(&work.scope.dataset);
                if let Some(gap) = listing.and_then(|listing| self.failed_listings.get(listing)) {
                    after.gap = Some(Gap { scope: work.scope.clone(), ..gap.clone() });
                }
            }
            Some(Mark::Gone) | None => {}
        }
        let mut done =
            Done { work, after, added: 0, removed: 0, changed: 0, merged: merged.is_some(), counted: false };
        if let Some(merged) = merged {
            done.counted = !done.work.kinds().meets(Kinds::ENTITIES);
            self.put_facts(&mut done, merged)?;
        }
        self.done.push(done);
        Ok(())
    }

    fn put_facts(&mut self, done: &mut Done, merged: Merge) -> Result<()> {
        let Done { work, after, .. } = done;
        (done.added, done.removed, done.changed) = (merged.added, merged.removed, merged.changed);
        after.read = merged.read;
        after.kinds = merged.kinds;
        after.in_columns = merged.in_columns;
        after.dangling = merged.dangling;
        let bytes = (merged.rows.len() + merged.edges.len()) as u64;
        if merged.anew {
            (after.base, after.content) = (self.number, self.number);
            (after.base_bytes, after.changed_bytes, after.changes) = (bytes, 0, 0);
        } else if bytes > 0 {
            after.content = self.number;
            after.changed_bytes += bytes;
            after.changes += 1;
        }
        let row = keys::numbered(&work.key, self.number);
        codec::put_blob(&mut self.content, &row, &merged.rows)?;
        codec::put_blob(&mut self.edges, &row, &merged.edges)
    }

    /// Hands out the entities of a scope in the last snapshot.
    fn visit_entities(
        &self,
        work: &Work,
        before: &Version,
        unpacker: &Unpacker,
        mut each: impl FnMut(EntityKind, u32),
    ) -> Result<()> {
        let place = format!("the entities in {}", work.scope);
        let mut count = 0;
        for (_, blob) in codec::get_blobs(&self.entities, &work.key, 0..=0)? {
            let mut frames = unpacker.frames(blob);
            while frames.open().map_err(|error| error.within(&place))? {
                let mut reader = Reader::new(frames.get(), 0);
                while !reader.is_at_end() {
                    let (kind, numbers) = take_entities(&mut reader)?;
                    count += numbers.len() as u64;
                    for number in numbers {
                        each(kind, number);
                    }
                }
            }
        }
        if count == before.entities() {
            Ok(())
        } else {
            Err(StoreError::damaged(format!("{place}: {count} instead of {}", before.entities())))
        }
    }

    /// The entities of a scope in the last snapshot, sorted.
    fn entities_before(&self, work: &Work, unpacker: &Unpacker) -> Result<Vec<(EntityKind, u32)>> {
        let mut entities = Vec::new();
        if let Some(before) = work.before.as_ref().filter(|before| before.kinds().meets(Kinds::ENTITIES)) {
            self.visit_entities(work, before, unpacker, |kind, number| entities.push((kind, number)))?;
        }
        Ok(entities)
    }

    /// Notes the entities of a scope that was not read as staying; or only as known when one of them is gone.
    fn keeps_entities(&mut self, work: &Work, unpacker: &Unpacker) -> Result<bool> {
        let entities = self.entities_before(work, unpacker)?;
        let met = &mut self.met;
        if entities.iter().any(|&(kind, number)| met.is_gone_number(kind, number)) {
            return Ok(false);
        }
        for (kind, number) in entities {
            met.stays(kind, number);
        }
        Ok(true)
    }

    /// Whether relations of a scope that was not read refer to something that was found to have vanished.
    fn loses_relations(&self, work: &Work, unpacker: &Unpacker) -> Result<bool> {
        let Some(before) = work.before.as_ref().filter(|before| before.kinds().meets(Kinds::EDGES)) else {
            return Ok(false);
        };
        if self.met.gone_kinds() == Kinds::default() {
            return Ok(false);
        }
        let mut loses = false;
        self.visit_edges(work, before, unpacker, &mut |edge| {
            loses |= match edge {
                EdgeOrRecord::Edge(kind, parent, account) => {
                    self.met.is_gone(kind, parent) || self.met.is_gone_number(EntityKind::Account, account)
                }
                EdgeOrRecord::Record(record) => self.met.goes(record),
            };
        })?;
        Ok(loses)
    }

    /// Hands out the relations of a scope.
    fn visit_edges(
        &self,
        work: &Work,
        version: &Version,
        unpacker: &Unpacker,
        each: &mut dyn FnMut(EdgeOrRecord<'_>),
    ) -> Result<()> {
        let Work { scope, key, .. } = work;
        let facts = self.facts(unpacker);
        let edges = facts.edges(scope, key, version, &mut Tables::default())?;
        let parent = scope.parent.as_deref().unwrap_or_default();
        for edge in &edges.members {
            each(EdgeOrRecord::Edge(EntityKind::Group, parent, edge.account));
        }
        for edge in &edges.assignments {
            each(EdgeOrRecord::Edge(EntityKind::Resource, parent, edge.account));
        }
        facts.visit_rows(scope, key, version, |_, fact| each(EdgeOrRecord::Record(&fact.record)))
    }

    const fn facts<'a>(
        &'a self,
        unpacker: &'a Unpacker,
    ) -> Facts<'a, Table<'t, &'static [u8], &'static [u8]>> {
        Facts { content: &self.content, edges: &self.edges, unpacker, dictionary: self.dictionary }
    }

    /// Removes the entities of a scope, which are kept only for the next sync.
    fn forget_entities(&mut self, scope_key: &[u8]) -> Result<()> {
        let after = keys::after_scope(scope_key);
        Ok(self.entities.retain_in::<&[u8], _>(scope_key..after.as_slice(), |_, _| false)?)
    }

    fn drop_scope(&mut self, work: Work, unpacker: &Unpacker) -> Result<()> {
        let removed = work.before.as_ref().map_or(0, Version::facts);
        let entities = self.entities_before(&work, unpacker)?;
        for &(kind, number) in &entities {
            self.met.was_there(kind, number);
        }
        if !entities.is_empty() {
            self.forget_entities(&work.key)?;
        }
        self.done.push(Done {
            work,
            after: Version::default(),
            added: 0,
            removed,
            changed: 0,
            merged: false,
            counted: true,
        });
        Ok(())
    }

    /// Counts the dangling edges of scopes that were decided before all entities were known, and of those that were not
    /// read but whose ends may have come or gone.
    fn recount_dangling(&mut self, unpacker: &Unpacker) -> Result<()> {
        let (appeared, lost) = (self.met.has_new(), self.met.has_lost());
        let mut done = std::mem::take(&mut self.done);
        for done in &mut done {
            if done.counted || !done.after.kinds().meets(Kinds::EDGES) {
                continue;
            }
            let decided_early = done.merged && done.work.kinds().meets(Kinds::ENTITIES);
            let may_differ = lost || (appeared && done.after.dangling > 0);
            if !decided_early && !may_differ {
                continue;
            }
            let mut dangling = 0;
            self.visit_edges(&done.work, &done.after, unpacker, &mut |edge| {
                dangling += u64::from(match edge {
                    EdgeOrRecord::Edge(kind, parent, account) => {
                        !self.met.is(kind, parent) || !self.met.is_number(EntityKind::Account, account)
                    }
                    EdgeOrRecord::Record(record) => self.met.leaves_dangling(record),
                });
            })?;
            done.after.dangling = dangling;
        }
        self.done = done;
        Ok(())
    }

    fn write_versions(&mut self, txn: &WriteTransaction) -> Result<SealReport> {
        let mut versions = txn.open_table(VERSIONS)?;
        let mut report = SealReport {
            number: self.number,
            datasets: BTreeMap::new(),
            scopes: 0,
            gaps: 0,
            dangling: BTreeMap::new(),
        };
        for Done { work, after, added, removed, changed, .. } in &self.done {
            let differs = match &work.before {
                Some(before) => before != after,
                None => after.present,
            };
            if differs {
                let row = codec::to_row(after)?;
                versions.insert(keys::numbered(&work.key, self.number).as_slice(), row.as_slice())?;
            }
            let change = report.datasets.entry(work.scope.dataset.clone()).or_default();
            change.added += added;
            change.removed += removed;
            change.changed += changed;
            change.total += after.facts();
            report.scopes += u64::from(after.present);
            report.gaps += u64::from(after.gap.is_some());
            if after.dangling > 0 {
                *report.dangling.entry(work.scope.dataset.clone()).or_default() += after.dangling;
            }
        }
        tracing::debug!(
            number = self.number,
            scopes = report.scopes,
            gaps = report.gaps,
            rows = versions.len()?,
            "sealed a snapshot"
        );
        Ok(report)
    }
}

/// A relation: an edge by the kind and id of its parent and the number of its account, or any other record.
enum EdgeOrRecord<'a> {
    Edge(EntityKind, &'a str, u32),
    Record(&'a Record),
}

/// What becomes of a scope without entities.
enum Relations {
    Dropped,
    /// Its facts are these, or those from before.
    Kept(Option<Box<Merge>>),
}

/// Writes entities, which are sorted, kind by kind.
fn put_entities(bytes: &mut Vec<u8>, entities: &[(EntityKind, u32)]) {
    for of_kind in entities.chunk_by(|(a, _), (b, _)| a == b) {
        bytes.push(of_kind[0].0 as u8);
        put_number(bytes, of_kind.len() as u64);
        let mut last = 0;
        for &(_, number) in of_kind {
            put_number(bytes, u64::from(number - last));
            last = number;
        }
    }
}

fn take_entities(reader: &mut Reader<'_>) -> Result<(EntityKind, Vec<u32>)> {
    let kind = *ENTITY_KINDS.get(reader.byte()? as usize).ok_or("an unknown kind of entity")?;
    let mut last = 0_u32;
    let mut numbers = Vec::with_capacity(reader.count()?);
    for _ in 0..numbers.capacity() {
        last = last.checked_add(reader.small()?).ok_or("a number that is too large")?;
        numbers.push(last);
    }
    Ok((kind, numbers))
}

/// The entity that a scope is read under, where its kind is known.
fn parent_of<'s>(rules: &SealRules, scope: &'s Scope) -> Option<(EntityKind, &'s str)> {
    Some((*rules.parents.get(&scope.dataset)?, scope.parent.as_deref()?))
}

/// Kinds of entities for which every scope that holds some was read completely.
fn kinds_listed(works: &[Work]) -> Kinds {
    let listed = |kind: &Kind| {
        let mut holders = works.iter().filter(|work| work.kinds().contains(*kind)).peekable();
        holders.peek().is_some() && holders.all(Work::is_whole)
    };
    ENTITY_KINDS.map(Kind::describing).into_iter().filter(listed).collect()
}

/// Fails when much less of a kind is left in what was read completely or dropped.
fn check_drop(done: &[Done], max_drop: f64) -> Result<()> {
    // Facts of each kind before and after.
    let mut counts: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
    for Done { work, after, .. } in done {
        let may_lose = work.is_whole() || !after.present;
        for (&kind, &facts) in work.before.iter().flat_map(|before| &before.kinds) {
            let count = counts.entry(kind).or_default();
            count.0 += facts;
            count.1 += if may_lose { 0 } else { facts };
        }
        if may_lose {
            for (&kind, &facts) in &after.kinds {
                counts.entry(kind).or_default().1 += facts;
            }
        }
    }
    for (kind, (before, after)) in counts {
        if before >= SMALL_KIND && (after as f64) < before as f64 * (1.0 - max_drop) {
            return Err(StoreError::LargeDrop { kind: Kind(kind).word(), before, after });
        }
    }
    Ok(())
}
