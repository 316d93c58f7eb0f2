//! Sealed snapshots, current and historic.
//!
//! A scope has a row for every snapshot that changed what is known about it. Its facts are written whole once, and then
//! only what changes, until that is as much again. Snapshot *n* is, for every scope, the newest row up to *n*.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender};

use redb::{ReadTransaction, ReadableTable};
use serde::{Deserialize, Serialize};
use sightline_core::{
    Fact, FactSink, Gap, Scope, ScopeState, Sighting, Snapshot, SnapshotNumber, Tallies, Time,
};

use crate::codec::{self, Unpacker};
use crate::dictionary::Dictionary;
use crate::error::{Result, StoreError};
use crate::keys;
use crate::kind::{Kind, Kinds};
use crate::open::Store;
use crate::progress::{last_number, tally};
use crate::source::{self, SourceRecord};
use crate::state::{Block, Facts, StoredFact};
use crate::tables::{CONTENT, EDGES, NAMES, SNAPSHOTS, SOURCES, VERSIONS};

/// Scopes whose edges are unpacked while rows are still read: megabytes, and enough to keep two cores busy.
const UNPACKED_AHEAD: usize = 128;
/// Rows after which what was unpacked is taken over.
const ROWS_BETWEEN: u64 = 256;

/// What one thread unpacks for another.
enum Unpacked {
    Names(Arc<Dictionary>),
    Block(u32, Block),
}

/// A sealed snapshot without its facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotMeta {
    /// Which state.
    pub number: SnapshotNumber,
    /// When its sync began to read.
    pub started: Time,
    /// When it was sealed.
    pub sealed: Time,
    /// Whether its sync read everything anew.
    pub full: bool,
    /// Numbers that the steps of its sync added up; unless that was a full one, those that it did not add to are the ones
    /// of the snapshot before, but for names that begin with `shrunk.`.
    pub tallies: Tallies,
    /// How often its sync met fields that this version does not know.
    pub drift: BTreeMap<String, u64>,
    /// Edges whose ends were not seen, per dataset.
    pub dangling: BTreeMap<String, u64>,
    /// Scopes in it.
    pub scopes: u64,
    /// Scopes of it that were not read completely.
    pub gaps: u64,
    /// Facts in it.
    pub facts: u64,
    /// Whether it was given up: only this row of it is left.
    pub pruned: bool,
}

/// The state of a scope from one snapshot on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Whether there is such a scope; the rest is empty otherwise.
    pub(crate) present: bool,
    /// The last sync that read it completely.
    pub(crate) complete: Option<SnapshotNumber>,
    /// Why the last attempt failed.
    pub(crate) gap: Option<Gap>,
    /// The snapshot that wrote all facts; 0 where there are none.
    pub(crate) base: SnapshotNumber,
    /// The last snapshot that wrote what had changed since.
    pub(crate) content: SnapshotNumber,
    /// So often was written what had changed.
    pub(crate) changes: u32,
    /// Bytes that the base takes.
    pub(crate) base_bytes: u64,
    /// Bytes that what changed since takes.
    pub(crate) changed_bytes: u64,
    /// The sync that last saw the facts that do not tell themselves.
    pub(crate) read: SnapshotNumber,
    /// Facts of each kind.
    pub(crate) kinds: BTreeMap<u8, u64>,
    /// How many of them are kept as columns: members, assignments.
    pub(crate) in_columns: [u64; 2],
    /// Edges whose ends were not seen.
    pub(crate) dangling: u64,
}

impl Version {
    pub(crate) fn facts(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// Facts that describe entities.
    pub(crate) fn entities(&self) -> u64 {
        self.kinds.iter().filter(|(kind, _)| Kind(**kind).is_entity()).map(|(_, facts)| facts).sum()
    }

    pub(crate) fn kinds(&self) -> Kinds {
        self.kinds.keys().copied().map(Kind).collect()
    }

    /// Facts that are kept as rows.
    pub(crate) fn rows(&self) -> u64 {
        self.facts().saturating_sub(self.in_columns.iter().sum())
    }

    /// The snapshots that wrote its facts: the first all of them, the others up to the last what had changed.
    pub(crate) const fn blobs(&self) -> (SnapshotNumber, SnapshotNumber) {
        (self.base, self.content)
    }

    /// Which syncs saw a fact that keeps these: the last complete reading saw all that were left.
    pub(crate) fn seen(&self, kept: Sighting) -> Sighting {
        Sighting { last_seen: kept.last_seen.max(self.read), ..kept }
    }
}

/// A scope with its state at a snapshot.
pub(crate) struct VersionAt {
    pub(crate) scope: Scope,
    /// The key that all its rows begin with.
    pub(crate) key: Vec<u8>,
    pub(crate) version: Version,
}

impl Store {
    /// Every sealed snapshot of a data source that can be read, the oldest first.
    pub fn snapshots(&self, source_id: u64) -> Result<Vec<SnapshotMeta>> {
        let mut snapshots = self.all_snapshots(source_id)?;
        snapshots.retain(|meta| !meta.pruned);
        Ok(snapshots)
    }

    /// Every snapshot of a data source that was ever sealed, the oldest first; those that were given up have no facts.
    pub fn all_snapshots(&self, source_id: u64) -> Result<Vec<SnapshotMeta>> {
        let txn = self.begin_read()?;
        let mut snapshots = Vec::new();
        for row in txn.open_table(SNAPSHOTS)?.range((source_id, 0)..=(source_id, u64::MAX))? {
            let (key, value) = row?;
            snapshots.push(decode_meta(value.value(), key.value().1)?);
        }
        Ok(snapshots)
    }

    /// The newest sealed snapshot of a data source; none before the first.
    pub fn latest(&self, source_id: u64) -> Result<Option<SnapshotMeta>> {
        let txn = self.begin_read()?;
        let number = last_number(&txn.open_table(SNAPSHOTS)?, source_id)?;
        if number == 0 { Ok(None) } else { meta(&txn, source_id, number).map(Some) }
    }

    /// The newest sealed snapshot of a data source whose sync read everything anew; none before the first.
    pub fn last_full(&self, source_id: u64) -> Result<Option<SnapshotMeta>> {
        let txn = self.begin_read()?;
        for row in txn.open_table(SNAPSHOTS)?.range((source_id, 0)..=(source_id, u64::MAX))?.rev() {
            let (key, value) = row?;
            let meta = decode_meta(value.value(), key.value().1)?;
            if meta.full {
                return Ok(Some(meta));
            }
        }
        Ok(None)
    }

    /// A sealed snapshot with all its facts.
    pub fn snapshot(&self, source_id: u64, number: SnapshotNumber) -> Result<Snapshot> {
        let txn = self.begin_read()?;
        let source = source::get(&txn.open_table(SOURCES)?, source_id)?;
        let meta = meta(&txn, source_id, number)?;
        let mut facts = Vec::with_capacity(meta.facts as usize);
        let scopes = visit(&txn, source_id, number, |fact| facts.push(fact))?;
        Ok(Snapshot {
            source: source.name,
            tenant: source.tenant,
            number,
            started: meta.started,
            sealed: meta.sealed,
            scopes,
            facts,
            dangling: meta.dangling,
        })
    }

    /// Hands out the facts of a sealed snapshot one by one, in the order of [`Snapshot::facts`]; gives its scopes.
    ///
    /// For what does not fit in memory, or need not be there all at once.
    pub fn visit_facts(
        &self,
        source_id: u64,
        number: SnapshotNumber,
        each: impl FnMut(Fact),
    ) -> Result<Vec<ScopeState>> {
        let txn = self.begin_read()?;
        meta(&txn, source_id, number)?;
        visit(&txn, source_id, number, each)
    }

    /// Hands a sealed snapshot over without making a record of every edge; gives its scopes before anything else.
    ///
    /// `begin` makes what takes the facts in.
    pub fn read_into<S: FactSink>(
        &self,
        source_id: u64,
        number: SnapshotNumber,
        begin: impl FnOnce(SourceRecord, SnapshotMeta, Vec<ScopeState>) -> S,
    ) -> Result<S> {
        let txn = self.begin_read()?;
        let source = source::get(&txn.open_table(SOURCES)?, source_id)?;
        let meta = meta(&txn, source_id, number)?;
        let (content, edges, names) =
            (txn.open_table(CONTENT)?, txn.open_table(EDGES)?, txn.open_table(NAMES)?);
        let all = versions_at(&txn.open_table(VERSIONS)?, source_id, number)?;
        let mut sink = begin(source, meta, all.iter().map(state_of).collect());
        let in_columns: Vec<u32> = (0..)
            .zip(&all)
            .filter(|(_, at)| at.version.in_columns != [0; 2])
            .map(|(scope, _)| scope)
            .collect();
        // Two threads unpack the edges, whoever comes first.
        let next = AtomicUsize::new(0);
        let next_in_columns = || in_columns.get(next.fetch_add(1, Ordering::Relaxed)).copied();
        let unpack_edges = |sender: &SyncSender<Result<Unpacked>>| -> Result<()> {
            let unpacker = Unpacker::new()?;
            let dictionary = Arc::new(Dictionary::load(&names, &unpacker, source_id)?);
            let facts =
                Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &dictionary };
            let mut is_heard = sender.send(Ok(Unpacked::Names(dictionary.clone()))).is_ok();
            while is_heard && let Some(scope) = next_in_columns() {
                let block = facts.block(&all[scope as usize])?;
                is_heard = sender.send(Ok(Unpacked::Block(scope, block))).is_ok();
            }
            Ok(())
        };
        std::thread::scope(|threads| {
            let (sender, received) = mpsc::sync_channel(UNPACKED_AHEAD);
            threads.spawn(move || {
                if let Err(error) = unpack_edges(&sender) {
                    // Nobody hears it when the rows could not be read either.
                    let _ = sender.send(Err(error));
                }
            });
            let known = OnceCell::new();
            let take = |unpacked: Result<Unpacked>, sink: &mut S| -> Result<()> {
                match unpacked? {
                    Unpacked::Names(dictionary) => {
                        sink.names(dictionary.names.clone());
                        // It comes once, before anything else.
                        let _ = known.set(dictionary);
                    }
                    Unpacked::Block(scope, block) => block.hand_over(scope, &all[scope as usize], sink),
                }
                Ok(())
            };
            let unpacker = Unpacker::new()?;
            // Rows name nothing by number.
            let nothing = Dictionary::default();
            let rows = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &nothing };
            let (mut count, mut taken) = (0_u64, Ok(()));
            for (scope, at) in (0..).zip(&all) {
                rows.visit_rows(&at.scope, &at.key, &at.version, |_, fact| {
                    sink.fact(fact_in(scope, fact));
                    count += 1;
                    // What was unpacked meanwhile is taken over now and then, so that the other thread need not wait.
                    while count.is_multiple_of(ROWS_BETWEEN)
                        && taken.is_ok()
                        && let Ok(unpacked) = received.try_recv()
                    {
                        taken = take(unpacked, &mut sink);
                    }
                })?;
            }
            taken?;
            // Then both unpack what is left.
            if known.get().is_none()
                && let Ok(first) = received.recv()
            {
                take(first, &mut sink)?;
            }
            if let Some(dictionary) = known.get() {
                let facts = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary };
                while let Some(scope) = next_in_columns() {
                    let at = &all[scope as usize];
                    facts.block(at)?.hand_over(scope, at, &mut sink);
                    while let Ok(unpacked) = received.try_recv() {
                        take(unpacked, &mut sink)?;
                    }
                }
            }
            for unpacked in received {
                take(unpacked, &mut sink)?;
            }
            Ok(sink)
        })
    }

    /// The scopes of a sealed snapshot, sorted, without their facts.
    pub fn scopes(&self, source_id: u64, number: SnapshotNumber) -> Result<Vec<ScopeState>> {
        let txn = self.begin_read()?;
        meta(&txn, source_id, number)?;
        Ok(versions_at(&txn.open_table(VERSIONS)?, source_id, number)?.iter().map(state_of).collect())
    }

    /// Facts per dataset and, under parents, per scope, together with [`SnapshotMeta::tallies`].
    pub fn tallies(&self, source_id: u64, number: SnapshotNumber) -> Result<Tallies> {
        let txn = self.begin_read()?;
        let mut tallies = meta(&txn, source_id, number)?.tallies;
        for at in versions_at(&txn.open_table(VERSIONS)?, source_id, number)? {
            tally(&mut tallies, &at.scope, at.version.facts());
        }
        Ok(tallies)
    }
}

/// The present scopes of a data source at a snapshot, sorted.
pub(crate) fn versions_at(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    source_id: u64,
    number: SnapshotNumber,
) -> Result<Vec<VersionAt>> {
    let (from, end) = (keys::source(source_id), keys::after_source(source_id));
    let mut rows = table.range(from.as_slice()..end.as_slice())?;
    let mut versions = Vec::new();
    let mut row = rows.next().transpose()?;
    // One walk over all rows: to look each scope up takes longer, most have few.
    while let Some((first, _)) = &row {
        let (scope, len) = keys::parse_scope(first.value())
            .ok_or_else(|| StoreError::damaged("the name of a scope in a snapshot"))?;
        let key = first.value()[..len].to_vec();
        let after = keys::after_scope(&key);
        let what = || format!("the state of {scope} in snapshot {number}");
        let mut newest = None;
        while let Some((key, version)) = row.take_if(|(key, _)| key.value() < after.as_slice()) {
            let since = keys::number_at(key.value(), len).ok_or_else(|| StoreError::damaged(what()))?;
            if since <= number {
                newest = Some(version);
            }
            row = rows.next().transpose()?;
        }
        let Some(newest) = newest else { continue };
        let version: Version = codec::from_row(newest.value(), what)?;
        if version.present {
            versions.push(VersionAt { scope, key, version });
        }
    }
    Ok(versions)
}

fn visit(
    txn: &ReadTransaction,
    source_id: u64,
    number: SnapshotNumber,
    mut each: impl FnMut(Fact),
) -> Result<Vec<ScopeState>> {
    let (content, edges, unpacker) = (txn.open_table(CONTENT)?, txn.open_table(EDGES)?, Unpacker::new()?);
    let dictionary = Dictionary::load(&txn.open_table(NAMES)?, &unpacker, source_id)?;
    let facts = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &dictionary };
    let mut scopes = Vec::new();
    for at in versions_at(&txn.open_table(VERSIONS)?, source_id, number)? {
        let scope = scopes.len() as u32;
        facts.visit(&at.scope, &at.key, &at.version, |fact| each(fact_in(scope, fact)))?;
        scopes.push(state_of(&at));
    }
    Ok(scopes)
}

pub(crate) fn fact_in(scope: u32, StoredFact { record, seen }: StoredFact) -> Fact {
    Fact { record, first_seen: seen.first_seen, last_seen: seen.last_seen, scope }
}

pub(crate) fn state_of(at: &VersionAt) -> ScopeState {
    let version = &at.version;
    ScopeState {
        scope: at.scope.clone(),
        complete: version.complete,
        gap: version.gap.clone(),
        facts: version.facts(),
    }
}

/// The row of a sealed snapshot.
pub(crate) fn meta(txn: &ReadTransaction, source_id: u64, number: SnapshotNumber) -> Result<SnapshotMeta> {
    let row = txn.open_table(SNAPSHOTS)?.get((source_id, number))?;
    let meta = decode_meta(row.ok_or(StoreError::NoSuchSnapshot { number })?.value(), number)?;
    if meta.pruned { Err(StoreError::Pruned { number, sealed: meta.sealed }) } else { Ok(meta) }
}

/// Decodes a snapshot's row.
pub(crate) fn decode_meta(bytes: &[u8], number: SnapshotNumber) -> Result<SnapshotMeta> {
    codec::from_row(bytes, || format!("snapshot {number}"))
}
