//! Giving up snapshots without changing the others.
//!
//! A snapshot that is given up keeps its row, so that the time of the sync that first saw a fact is still known. What its
//! scopes wrote becomes part of what the next snapshot that is kept wrote.

use redb::{ReadableTable, Table, WriteTransaction};
use sightline_core::SnapshotNumber;

use crate::codec::{self, FOR_LONG, Packer, Unpacker};
use crate::dictionary::Dictionary;
use crate::edges::{Edges, Tables, edges_at};
use crate::error::{Result, StoreError};
use crate::keys;
use crate::open::Store;
use crate::read::{Version, decode_meta};
use crate::rows::{self, RowsAt};
use crate::tables::{CONTENT, EDGES, NAMES, SNAPSHOTS, VERSIONS};

/// Scopes that are put in order in one transaction.
const BATCH: usize = 500;

type Rows<'t> = Table<'t, &'static [u8], &'static [u8]>;

impl Store {
    /// Gives up sealed snapshots; the newest one stays whatever is asked for. The others do not change.
    ///
    /// An interrupted call is finished by the next one. The file becomes smaller by [`Store::compact`].
    pub fn prune(&self, source_id: u64, numbers: &[SnapshotNumber]) -> Result<()> {
        self.write(|txn| {
            let mut snapshots = txn.open_table(SNAPSHOTS)?;
            let newest = crate::progress::last_number(&snapshots, source_id)?;
            for &number in numbers.iter().filter(|&&number| number != newest) {
                let row = snapshots.get((source_id, number))?;
                let mut meta =
                    decode_meta(row.ok_or(StoreError::NoSuchSnapshot { number })?.value(), number)?;
                meta.pruned = true;
                snapshots.insert((source_id, number), codec::to_row(&meta)?.as_slice())?;
            }
            Ok(())
        })?;
        let unpacker = Unpacker::new()?;
        let dictionary = Dictionary::load(&self.begin_read()?.open_table(NAMES)?, &unpacker, source_id)?;
        let mut from = keys::source(source_id);
        loop {
            let next =
                self.write(|txn| Pruning::begin(txn, &unpacker, &dictionary, source_id)?.batch(&from))?;
            match next {
                Some(next) => from = next,
                None => return Ok(()),
            }
        }
    }
}

struct Pruning<'t, 'u> {
    source_id: u64,
    /// The snapshots that are kept, ascending.
    kept: Vec<SnapshotNumber>,
    versions: Rows<'t>,
    content: Rows<'t>,
    edges: Rows<'t>,
    unpacker: &'u Unpacker,
    dictionary: &'u Dictionary,
    packer: Packer,
}

impl<'t, 'u> Pruning<'t, 'u> {
    fn begin(
        txn: &'t WriteTransaction,
        unpacker: &'u Unpacker,
        dictionary: &'u Dictionary,
        source_id: u64,
    ) -> Result<Self> {
        let mut kept = Vec::new();
        for row in txn.open_table(SNAPSHOTS)?.range((source_id, 0)..=(source_id, u64::MAX))? {
            let (key, value) = row?;
            let number = key.value().1;
            if !decode_meta(value.value(), number)?.pruned {
                kept.push(number);
            }
        }
        Ok(Self {
            source_id,
            kept,
            versions: txn.open_table(VERSIONS)?,
            content: txn.open_table(CONTENT)?,
            edges: txn.open_table(EDGES)?,
            unpacker,
            dictionary,
            packer: Packer::new(FOR_LONG)?,
        })
    }

    /// Puts some scopes in order from a key on; gives where to go on, if there are more.
    fn batch(&mut self, from: &[u8]) -> Result<Option<Vec<u8>>> {
        let end = keys::after_source(self.source_id);
        let mut at = from.to_vec();
        for _ in 0..BATCH {
            let Some(row) = self.versions.range(at.as_slice()..end.as_slice())?.next() else {
                return Ok(None);
            };
            let damaged = || StoreError::damaged("the name of a scope in a snapshot");
            let (scope, len) = keys::parse_scope(row?.0.value()).ok_or_else(damaged)?;
            let scope_key = keys::scope(self.source_id, &scope);
            debug_assert_eq!(scope_key.len(), len, "keys are read back");
            let put = self.scope(&scope_key);
            put.map_err(|error| error.within(&format!("the facts of {scope}")))?;
            at = keys::after_scope(&scope_key);
        }
        Ok(Some(at))
    }

    fn scope(&mut self, scope_key: &[u8]) -> Result<()> {
        let mut versions = Vec::new();
        for row in self.versions.range(scope_key..keys::after_scope(scope_key).as_slice())? {
            let (key, value) = row?;
            let number = keys::number_at(key.value(), scope_key.len()).ok_or("a state without a number")?;
            versions.push((number, codec::from_row::<Version>(value.value(), || "a state".to_owned())?));
        }
        // A state is needed when a snapshot is kept that is not older than it, and older than the next one.
        let ends: Vec<u64> = versions.iter().skip(1).map(|&(number, _)| number).chain([u64::MAX]).collect();
        let mut needed = Vec::new();
        for ((number, version), end) in versions.into_iter().zip(ends) {
            let first = self.kept.partition_point(|&kept| kept < number);
            if self.kept.get(first).is_some_and(|&kept| kept < end) {
                needed.push((number, version));
            } else {
                self.versions.remove(keys::numbered(scope_key, number).as_slice())?;
            }
        }
        let mut written = self.written(scope_key)?;
        let mut at = 0;
        while at < needed.len() {
            let base = needed[at].1.base;
            let count = needed[at..].iter().take_while(|(_, version)| version.base == base).count();
            let last = needed[at + count - 1].1.content;
            let next = written.iter().position(|&number| number > last).unwrap_or(written.len());
            let mut of_base: Vec<u64> = written.drain(..next).collect();
            // What is older belongs to a base that no snapshot needs.
            let own = of_base.iter().position(|&number| number >= base).unwrap_or(of_base.len());
            for number in of_base.drain(..own) {
                self.remove(scope_key, number)?;
            }
            self.chain(scope_key, base, &of_base, &mut needed[at..at + count])?;
            at += count;
        }
        for number in written {
            self.remove(scope_key, number)?;
        }
        for (number, version) in needed {
            let row = codec::to_row(&version)?;
            let key = keys::numbered(scope_key, number);
            let is_same =
                self.versions.get(key.as_slice())?.is_some_and(|before| before.value() == row.as_slice());
            if !is_same {
                self.versions.insert(key.as_slice(), row.as_slice())?;
            }
        }
        Ok(())
    }

    /// The snapshots that wrote facts of a scope, ascending.
    fn written(&self, scope_key: &[u8]) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for table in [&self.content, &self.edges] {
            for row in table.range(scope_key..keys::after_scope(scope_key).as_slice())? {
                let key = row?.0;
                numbers.push(keys::number_at(key.value(), scope_key.len()).ok_or("facts without a number")?);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// Makes one of everything that was written for a state since the state before, from one base on.
    fn chain(
        &mut self,
        scope_key: &[u8],
        base: u64,
        written: &[u64],
        states: &mut [(u64, Version)],
    ) -> Result<()> {
        let mut contents: Vec<u64> = states.iter().map(|(_, version)| version.content).collect();
        contents.dedup();
        // The base is written anew where it is no state by itself.
        let new_base = contents.first().copied().unwrap_or(base);
        let mut sizes = Vec::new();
        let mut rest = written;
        for &content in &contents {
            let count = rest.iter().take_while(|&&number| number <= content).count();
            let (group, later) = rest.split_at(count);
            rest = later;
            if group.len() > 1 || group.first().is_some_and(|&number| number != content) {
                self.unite(scope_key, base, group, content, content == new_base)?;
            }
            sizes.push((content, self.size(scope_key, content)?));
        }
        for &number in rest {
            self.remove(scope_key, number)?;
        }
        for (_, version) in states {
            version.base = new_base;
            version.base_bytes = sizes.first().map_or(0, |&(_, size)| size);
            let changes =
                sizes.iter().skip(1).filter(|&&(number, size)| number <= version.content && size > 0);
            version.changes = changes.clone().count() as u32;
            version.changed_bytes = changes.map(|&(_, size)| size).sum();
        }
        Ok(())
    }

    /// Makes one of what several snapshots wrote.
    fn unite(&mut self, scope_key: &[u8], base: u64, group: &[u64], number: u64, whole: bool) -> Result<()> {
        let (Some(&first), Some(&last)) = (group.first(), group.last()) else { return Ok(()) };
        let mut tables = Tables::default();
        let (row_blob, edge_blob) = if whole {
            let mut all = RowsAt::open(&self.content, self.unpacker, scope_key, (base, last))?;
            while let Some(row) = all.row() {
                self.packer.push(|bytes| row.put(bytes))?;
                all.advance()?;
            }
            let rows = self.packer.finish()?;
            let blobs = (base, last);
            let edges = edges_at(&self.edges, self.unpacker, self.dictionary, scope_key, blobs, &mut tables)?;
            (rows, edges.pack(&mut self.packer, &tables, self.dictionary)?)
        } else {
            let blobs = codec::get_blobs(&self.content, scope_key, first..=last)?;
            let blobs = blobs.into_iter().map(|(_, blob)| blob).collect();
            let rows = rows::composed(self.unpacker, &mut self.packer, blobs)?;
            let mut edges = Edges::default();
            for (_, blob) in codec::get_blobs(&self.edges, scope_key, first..=last)? {
                edges.unpack(self.unpacker, blob, &mut tables, self.dictionary)?;
            }
            edges.settle(&mut tables);
            (rows, edges.pack(&mut self.packer, &tables, self.dictionary)?)
        };
        for &number in group {
            self.remove(scope_key, number)?;
        }
        let row = keys::numbered(scope_key, number);
        codec::put_blob(&mut self.content, &row, &row_blob)?;
        codec::put_blob(&mut self.edges, &row, &edge_blob)
    }

    fn remove(&mut self, scope_key: &[u8], number: u64) -> Result<()> {
        let row = keys::numbered(scope_key, number);
        let (from, to) = (keys::piece(&row, 0), keys::after_pieces(&row));
        for table in [&mut self.content, &mut self.edges] {
            table.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |_, _| false)?;
        }
        Ok(())
    }

    /// Bytes that a snapshot wrote of a scope.
    fn size(&self, scope_key: &[u8], number: u64) -> Result<u64> {
        let mut bytes = 0;
        for table in [&self.content, &self.edges] {
            bytes += codec::get_blobs(table, scope_key, number..=number)?
                .iter()
                .map(|(_, blob)| blob.len() as u64)
                .sum::<u64>();
        }
        Ok(bytes)
    }
}
