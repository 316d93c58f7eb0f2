//! Parts of a snapshot: one fact, or all facts of some kinds, without reading the rest.
//!
//! The rows of a scope are sorted by key and lie in frames, and the frames in pieces of one size. So the frame that can hold
//! a key is found by unpacking a few of them, whatever the size of the scope; and what they begin with is remembered, so that
//! in the end only one is unpacked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{ReadTransaction, ReadableTable};
use rustc_hash::FxHashMap;
use sightline_core::{Fact, Scope, ScopeState, Sighting, SnapshotNumber};

use crate::bytes::CUT_OFF;
use crate::codec::{self, CHECKSUM_BYTES, PIECE_BYTES, Unpacker};
use crate::dictionary::Dictionary;
use crate::edges::{EdgeKind, Tables};
use crate::error::{Result, StoreError};
use crate::keys;
use crate::kind::{Kind, Kinds};
use crate::open::Store;
use crate::read::{Version, VersionAt, fact_in, meta, state_of, versions_at};
use crate::rows::{REMOVE, Rows, TOUCH};
use crate::state::{Facts, StoredFact, place};
use crate::tables::{CONTENT, EDGES, NAMES, VERSIONS};

impl Store {
    /// One fact of a scope of a sealed snapshot, by its key; none where the scope holds no such fact. Its `scope` is
    /// meaningless here.
    ///
    /// Three milliseconds for one of a hundred thousand accounts, a tenth of that when others were asked for before; and as
    /// much for each later blob of changes that is as large as a frame: which of them names the fact is not known
    /// beforehand. Of members of a group and assignments to an application, which are kept as columns, those of the whole
    /// scope are unpacked.
    pub fn fact(
        &self,
        source_id: u64,
        number: SnapshotNumber,
        scope: &Scope,
        key: &str,
    ) -> Result<Option<Fact>> {
        let txn = self.begin_read()?;
        meta(&txn, source_id, number)?;
        let Some(at) = version_at(&txn, source_id, number, scope)? else { return Ok(None) };
        let within = |error: StoreError| error.within(&place(&at.scope, &at.version));
        let found = match row_at(&txn, &self.first_keys, &at, key.as_bytes()).map_err(within)? {
            Some(found) => Some(found),
            None => edge_at(&txn, source_id, &at, key)?,
        };
        Ok(found.map(|fact| fact_in(0, fact)))
    }

    /// Hands out the facts of one scope of a sealed snapshot, by key, without those that are kept as columns: members of a
    /// group and assignments to an application. Their `scope` is meaningless here.
    ///
    /// A scope of a few facts takes as long as one fact.
    pub fn visit_scope(
        &self,
        source_id: u64,
        number: SnapshotNumber,
        scope: &Scope,
        mut each: impl FnMut(Fact),
    ) -> Result<()> {
        let txn = self.begin_read()?;
        meta(&txn, source_id, number)?;
        let Some(at) = version_at(&txn, source_id, number, scope)? else { return Ok(()) };
        let (content, edges) = (txn.open_table(CONTENT)?, txn.open_table(EDGES)?);
        // Rows name nothing by number.
        let (unpacker, dictionary) = (Unpacker::new()?, Dictionary::default());
        let facts = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &dictionary };
        facts.visit_rows(&at.scope, &at.key, &at.version, |_, fact| each(fact_in(0, fact)))
    }

    /// Hands out the facts of some kinds of a sealed snapshot, scope by scope; gives all its scopes.
    ///
    /// A kind is what the keys of its facts begin with: `holding`, `change`. Scopes that hold none of them are not read.
    pub fn visit_kinds(
        &self,
        source_id: u64,
        number: SnapshotNumber,
        kinds: &[&str],
        mut each: impl FnMut(Fact),
    ) -> Result<Vec<ScopeState>> {
        let txn = self.begin_read()?;
        meta(&txn, source_id, number)?;
        let wanted: Kinds = kinds.iter().filter_map(|word| Kind::named(&word.replace('_', " "))).collect();
        let all = versions_at(&txn.open_table(VERSIONS)?, source_id, number)?;
        let (content, edges, unpacker) = (txn.open_table(CONTENT)?, txn.open_table(EDGES)?, Unpacker::new()?);
        let is_column = |version: &Version| wanted.meets(Kinds::COLUMNS) && version.in_columns != [0; 2];
        let dictionary = if all.iter().any(|at| is_column(&at.version)) {
            Dictionary::load(&txn.open_table(NAMES)?, &unpacker, source_id)?
        } else {
            Dictionary::default()
        };
        let facts = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &dictionary };
        for (number, at) in (0..).zip(&all).filter(|(_, at)| at.version.kinds().meets(wanted)) {
            let VersionAt { scope, key, version } = at;
            if is_column(version) {
                facts.visit(scope, key, version, |fact| {
                    if wanted.contains(Kind::of(&fact.record)) {
                        each(fact_in(number, fact));
                    }
                })?;
            } else if version.rows() > 0 {
                let within = |error: StoreError| error.within(&place(scope, version));
                let mut rows = facts.rows(scope, key, version)?;
                while let Some(row) = rows.row() {
                    if wanted.contains(row.kind()) {
                        let record = row.record().map_err(within)?;
                        each(fact_in(number, StoredFact { record, seen: version.seen(row.seen) }));
                    }
                    rows.advance().map_err(within)?;
                }
            }
        }
        Ok(all.iter().map(state_of).collect())
    }
}

/// The state of a scope in a sealed snapshot; none where it had none.
fn version_at(
    txn: &ReadTransaction,
    source_id: u64,
    number: SnapshotNumber,
    scope: &Scope,
) -> Result<Option<VersionAt>> {
    let key = keys::scope(source_id, scope);
    let newest = keys::numbered(&key, number);
    let versions = txn.open_table(VERSIONS)?;
    let Some(row) = versions.range(key.as_slice()..=newest.as_slice())?.next_back() else { return Ok(None) };
    let what = || format!("the state of {scope} in snapshot {number}");
    let version: Version = codec::from_row(row?.1.value(), what)?;
    Ok(version.present.then(|| VersionAt { scope: scope.clone(), key, version }))
}

/// A fact that is kept as a row: what the newest blob that names it says, down to the base.
fn row_at(
    txn: &ReadTransaction,
    first_keys: &FirstKeys,
    at: &VersionAt,
    key: &[u8],
) -> Result<Option<StoredFact>> {
    let version = &at.version;
    if version.rows() == 0 {
        return Ok(None);
    }
    let content = txn.open_table(CONTENT)?;
    let unpacker = Unpacker::new()?;
    let mut touched = None;
    let (base, newest) = version.blobs();
    let mut blobs = blob_numbers(&content, &at.key, base, newest)?;
    while let Some(number) = blobs.pop() {
        let blob = Blob { table: &content, key: keys::numbered(&at.key, number) };
        let rows = blob.rows_around(&unpacker, first_keys, key)?;
        let Some(row) = rows.as_ref().and_then(Rows::row).filter(|row| row.key == key) else { continue };
        match row.said {
            REMOVE => return Ok(None),
            TOUCH => touched = touched.or(Some(row.seen.last_seen)),
            _ => {
                let last_seen = touched.unwrap_or(row.seen.last_seen);
                let seen = version.seen(Sighting { last_seen, ..row.seen });
                return Ok(Some(StoredFact { record: row.record()?, seen }));
            }
        }
    }
    Ok(None)
}

/// A fact that is kept in columns.
fn edge_at(txn: &ReadTransaction, source_id: u64, at: &VersionAt, key: &str) -> Result<Option<StoredFact>> {
    let VersionAt { scope, key: scope_key, version } = at;
    if version.in_columns == [0; 2] {
        return Ok(None);
    }
    let (content, edges, unpacker) = (txn.open_table(CONTENT)?, txn.open_table(EDGES)?, Unpacker::new()?);
    let dictionary = Dictionary::load(&txn.open_table(NAMES)?, &unpacker, source_id)?;
    let facts = Facts { content: &content, edges: &edges, unpacker: &unpacker, dictionary: &dictionary };
    let mut tables = Tables::default();
    let edges = facts.edges(scope, scope_key, version, &mut tables)?;
    let mut of_scope = EdgeKind::BOTH.into_iter().flat_map(|kind| {
        let (facts, tables) = (&facts, &tables);
        edges.of(kind).iter().map(move |edge| facts.fact(kind, scope, edge, tables, version))
    });
    Ok(of_scope.find(|fact| fact.record.key() == key))
}

/// The numbers of the blobs of a scope from its base on, in their order.
fn blob_numbers(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    scope_key: &[u8],
    base: u64,
    newest: u64,
) -> Result<Vec<u64>> {
    let to = keys::after_pieces(&keys::numbered(scope_key, newest));
    let mut numbers = Vec::new();
    let mut next = base;
    loop {
        let from = keys::piece(&keys::numbered(scope_key, next), 0);
        if from >= to {
            return Ok(numbers);
        }
        let Some(row) = table.range(from.as_slice()..to.as_slice())?.next() else { return Ok(numbers) };
        let number = keys::number_at(row?.0.value(), scope_key.len())
            .ok_or_else(|| StoreError::damaged("the number of a piece"))?;
        numbers.push(number);
        next = number + 1;
    }
}

/// What frames that were unpacked once begin with, so that they need not be unpacked to see that a key is not in them.
#[derive(Debug, Default)]
pub(crate) struct FirstKeys(Mutex<FxHashMap<FrameId, Box<[u8]>>>);

/// More than this are not remembered: some megabytes.
const MOST_FIRST_KEYS: usize = 65_536;

/// Names a frame by its place and its checksum: what is written anew in the same place is another one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FrameId {
    blob: Vec<u8>,
    at: FrameAt,
    checksum: [u8; CHECKSUM_BYTES],
}

impl FirstKeys {
    fn lock(&self) -> MutexGuard<'_, FxHashMap<FrameId, Box<[u8]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the frame begins after a key; none where that is not known.
    fn is_after(&self, frame: &FrameId, key: &[u8]) -> Option<bool> {
        self.lock().get(frame).map(|first| **first > *key)
    }

    fn note(&self, frame: FrameId, first: &[u8]) {
        let mut known = self.lock();
        if known.len() >= MOST_FIRST_KEYS {
            known.clear();
        }
        known.insert(frame, first.into());
    }
}

/// A blob in its pieces, of which only some are read.
struct Blob<'t, T> {
    table: &'t T,
    /// The key that the keys of its pieces begin with.
    key: Vec<u8>,
}

/// Where a frame is in a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FrameAt {
    start: usize,
    len: usize,
}

impl<T: ReadableTable<&'static [u8], &'static [u8]>> Blob<'_, T> {
    /// The rows of the frame that can hold a key, standing at the first one that is not before it; none where every frame
    /// begins after it.
    fn rows_around<'u>(
        &self,
        unpacker: &'u Unpacker,
        first_keys: &FirstKeys,
        key: &[u8],
    ) -> Result<Option<Rows<'u>>> {
        let frames = self.frames()?;
        // The frame from which on all begin after the key.
        let (mut low, mut high) = (0, frames.len());
        let mut found: Option<(usize, Rows<'u>)> = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let frame = self.id(frames[middle])?;
            let is_after = if let Some(is_after) = first_keys.is_after(&frame, key) {
                is_after
            } else {
                let rows = self.rows(unpacker, frames[middle])?;
                let first = rows.row().ok_or(CUT_OFF)?.key;
                let is_after = first > key;
                first_keys.note(frame, first);
                if !is_after {
                    found = Some((middle, rows));
                }
                is_after
            };
            if is_after {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let Some(holder) = low.checked_sub(1) else { return Ok(None) };
        let mut rows = match found {
            Some((at, rows)) if at == holder => rows,
            _ => self.rows(unpacker, frames[holder])?,
        };
        while rows.row().is_some_and(|row| row.key < key) {
            rows.advance()?;
        }
        Ok(Some(rows))
    }

    /// Names a frame; it ends with its checksum.
    fn id(&self, at: FrameAt) -> Result<FrameId> {
        let mut end = Vec::with_capacity(CHECKSUM_BYTES);
        self.read(at.start + at.len - CHECKSUM_BYTES, CHECKSUM_BYTES, &mut end)?;
        let checksum = end.try_into().map_err(|_| CUT_OFF)?;
        Ok(FrameId { blob: self.key.clone(), at, checksum })
    }

    fn rows<'u>(&self, unpacker: &'u Unpacker, frame: FrameAt) -> Result<Rows<'u>> {
        let mut alone = vec![codec::VERSION];
        self.read(frame.start, frame.len, &mut alone)?;
        if alone.len() != frame.len + 1 {
            return Err(CUT_OFF.into());
        }
        Rows::new(unpacker.frames(alone))
    }

    /// The places of all frames: each begins with its length.
    fn frames(&self) -> Result<Vec<FrameAt>> {
        let mut frames = Vec::new();
        let mut start = 1;
        let mut head = Vec::with_capacity(codec::FRAME_HEAD);
        self.read(0, 1, &mut head)?;
        if head != [codec::VERSION] {
            return Err("unknown encoding".into());
        }
        loop {
            head.clear();
            self.read(start, codec::FRAME_HEAD, &mut head)?;
            if head.is_empty() {
                return Ok(frames);
            }
            let packed =
                head.first_chunk::<4>().filter(|_| head.len() == codec::FRAME_HEAD).ok_or(CUT_OFF)?;
            let len = codec::FRAME_HEAD + u32::from_le_bytes(*packed) as usize;
            frames.push(FrameAt { start, len });
            start += len;
        }
    }

    /// Appends bytes of the blob; fewer where it ends.
    fn read(&self, start: usize, len: usize, into: &mut Vec<u8>) -> Result<()> {
        let end = start + len;
        for index in start / PIECE_BYTES..end.div_ceil(PIECE_BYTES) {
            let Some(piece) = self.table.get(keys::piece(&self.key, index as u32).as_slice())? else {
                return Ok(());
            };
            let (piece, offset) = (piece.value(), index * PIECE_BYTES);
            let from = start.saturating_sub(offset).min(piece.len());
            let to = (end - offset).min(piece.len());
            into.extend_from_slice(&piece[from..to]);
        }
        Ok(())
    }
}
