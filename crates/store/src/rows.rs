//! Facts as rows: everything that is not kept as columns of edges.
//!
//! A row is what is said of a fact (an [`Op`], or that it is there *again*), its key, and where it is put the encoded record
//! and the syncs that saw it. Rows are compared as bytes: only what has to be understood is decoded.

use std::cmp::Ordering;
use std::ops::Range;

use redb::ReadableTable;
use sightline_core::{EntityKind, Record, Sighting, SnapshotNumber};

use crate::bytes::{Malformed, Reader, put_bytes, put_number};
use crate::codec::{self, Frames, Packer, Unpacker};
use crate::edges::Op;
use crate::error::{Result, StoreError};
use crate::kind::{ENTITY_KINDS, Kind};

/// What a row says of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// As in a block of edges.
    Op(Op),
    /// It was gone and is there again: nothing from before adds to it.
    Again,
}

impl Said {
    const fn byte(self) -> u8 {
        match self {
            Self::Op(op) => op as u8,
            Self::Again => 3,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match (Op::from_byte(byte), byte) {
            (Some(op), _) => Some(Self::Op(op)),
            (None, 3) => Some(Self::Again),
            (None, _) => None,
        }
    }
}

pub(crate) const PUT: Said = Said::Op(Op::Put);
pub(crate) const REMOVE: Said = Said::Op(Op::Remove);
pub(crate) const TOUCH: Said = Said::Op(Op::Touch);

/// A row; only what is put has a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) said: Said,
    pub(crate) key: &'a [u8],
    /// The encoded record.
    pub(crate) value: &'a [u8],
    pub(crate) seen: Sighting,
}

impl Row<'_> {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.said.byte());
        put_bytes(bytes, self.key);
        if matches!(self.said, PUT | Said::Again) {
            put_bytes(bytes, self.value);
        }
        put_number(bytes, self.seen.first_seen);
        put_number(bytes, self.seen.last_seen);
    }

    /// The kind of the fact: the number of the record's variant, which its encoding begins with.
    pub(crate) fn kind(&self) -> Kind {
        kind_of(self.value)
    }

    /// The entity that it describes, if it does.
    pub(crate) fn entity(&self) -> Option<(EntityKind, &str)> {
        let kind = ENTITY_KINDS.into_iter().find(|&kind| Kind::describing(kind) == self.kind())?;
        let key = std::str::from_utf8(self.key).ok()?;
        Some((kind, key.split_once('/')?.1))
    }

    pub(crate) fn record(&self) -> Result<Record> {
        decode(self.value)
    }
}

/// No sync.
pub(crate) const UNSEEN: Sighting = Sighting { first_seen: 0, last_seen: 0 };

pub(crate) fn kind_of(value: &[u8]) -> Kind {
    Kind(value.first().copied().unwrap_or(u8::MAX))
}

/// Encodes a record.
pub(crate) fn encode(record: &Record, into: Vec<u8>) -> Result<Vec<u8>> {
    postcard::to_extend(record, into).map_err(|error| StoreError::Unwritable { what: error.to_string() })
}

pub(crate) fn decode(value: &[u8]) -> Result<Record> {
    postcard::from_bytes(value).map_err(|error| StoreError::damaged(error.to_string()))
}

/// A new reading laid over an older one of the same fact; none when that changes nothing about the new one.
pub(crate) fn over(new: &[u8], older: &[u8]) -> Result<Option<Vec<u8>>> {
    const ADD_UP: [Kind; 2] = [Kind(8), Kind(9)];
    if !ADD_UP.contains(&kind_of(new)) {
        return Ok(None);
    }
    let record = decode(new)?.over(&decode(older)?);
    encode(&record, Vec::new()).map(Some)
}

/// Walks the rows of a blob.
pub(crate) struct Rows<'a> {
    frames: Frames<'a>,
    at: usize,
    row: Option<Place>,
}

#[derive(Debug, Clone)]
struct Place {
    said: Said,
    key: Range<usize>,
    value: Range<usize>,
    seen: Sighting,
}

impl<'a> Rows<'a> {
    /// Stands at the first row.
    pub(crate) fn new(frames: Frames<'a>) -> Result<Self> {
        let mut rows = Self { frames, at: 0, row: None };
        rows.advance()?;
        Ok(rows)
    }

    pub(crate) fn row(&self) -> Option<Row<'_>> {
        let place = self.row.as_ref()?;
        let plain = self.frames.get();
        Some(Row {
            said: place.said,
            key: &plain[place.key.clone()],
            value: &plain[place.value.clone()],
            seen: place.seen,
        })
    }

    pub(crate) fn advance(&mut self) -> Result<()> {
        self.row = None;
        while self.at >= self.frames.get().len() {
            if !self.frames.open()? {
                return Ok(());
            }
            self.at = 0;
        }
        let mut reader = Reader::new(self.frames.get(), self.at);
        let place = place(&mut reader)?;
        self.at = reader.at();
        self.row = Some(place);
        Ok(())
    }
}

fn place(reader: &mut Reader<'_>) -> Result<Place, Malformed> {
    let said = Said::from_byte(reader.byte()?).ok_or("an unknown change")?;
    let len = reader.bytes()?.len();
    let key = reader.at() - len..reader.at();
    let value = if matches!(said, PUT | Said::Again) {
        let len = reader.bytes()?.len();
        reader.at() - len..reader.at()
    } else {
        0..0
    };
    let seen = Sighting { first_seen: reader.number()?, last_seen: reader.number()? };
    Ok(Place { said, key, value, seen })
}

/// A row on its own.
#[derive(Debug, Clone)]
struct Owned {
    said: Said,
    key: Vec<u8>,
    value: Vec<u8>,
    seen: Sighting,
}

impl Owned {
    fn of(row: &Row<'_>) -> Self {
        Self { said: row.said, key: row.key.to_vec(), value: row.value.to_vec(), seen: row.seen }
    }

    fn row(&self) -> Row<'_> {
        Row { said: self.said, key: &self.key, value: &self.value, seen: self.seen }
    }
}

/// Walks the rows of a scope at a state, by key: those of the base, and what the later blobs change of them.
pub(crate) struct RowsAt<'a> {
    base: Rows<'a>,
    changes: std::iter::Peekable<std::vec::IntoIter<Owned>>,
    /// What the row that it stands at comes from.
    from: From,
}

#[derive(Debug)]
enum From {
    Base(Option<SnapshotNumber>),
    Change(Owned),
    End,
}

impl<'a> RowsAt<'a> {
    /// Opens the blobs of a scope from its base on.
    pub(crate) fn open(
        table: &impl ReadableTable<&'static [u8], &'static [u8]>,
        unpacker: &'a Unpacker,
        scope_key: &[u8],
        (base, newest): (u64, u64),
    ) -> Result<Self> {
        let mut blobs = codec::get_blobs(table, scope_key, base..=newest)?;
        let first = match blobs.first() {
            Some((number, _)) if *number == base => blobs.remove(0).1,
            _ => Vec::new(),
        };
        Self::over(unpacker, first, blobs.into_iter().map(|(_, blob)| blob).collect())
    }

    /// Walks a base and what blobs change of it, the earliest first.
    pub(crate) fn over(unpacker: &'a Unpacker, base: Vec<u8>, later: Vec<Vec<u8>>) -> Result<Self> {
        let changes = folded(unpacker, later)?;
        let base = Rows::new(unpacker.frames(base))?;
        let mut rows = Self { base, changes: changes.into_iter().peekable(), from: From::End };
        rows.settle()?;
        Ok(rows)
    }

    pub(crate) fn row(&self) -> Option<Row<'_>> {
        match &self.from {
            From::End => None,
            From::Change(change) => Some(change.row()),
            From::Base(touched) => self.base.row().map(|row| match touched {
                Some(last_seen) => Row { seen: Sighting { last_seen: *last_seen, ..row.seen }, ..row },
                None => row,
            }),
        }
    }

    pub(crate) fn advance(&mut self) -> Result<()> {
        if let From::Base(_) = self.from {
            self.base.advance()?;
        }
        self.settle()
    }

    /// Finds the next row that is there.
    fn settle(&mut self) -> Result<()> {
        loop {
            let order = match (self.base.row(), self.changes.peek()) {
                (None, None) => {
                    self.from = From::End;
                    return Ok(());
                }
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(row), Some(change)) => row.key.cmp(&change.key),
            };
            if order == Ordering::Less {
                self.from = From::Base(None);
                return Ok(());
            }
            let Some(change) = self.changes.next() else { continue };
            match (change.said, order) {
                (TOUCH, Ordering::Equal) => {
                    self.from = From::Base(Some(change.seen.last_seen));
                    return Ok(());
                }
                (PUT | Said::Again, _) => {
                    if order == Ordering::Equal {
                        self.base.advance()?;
                    }
                    self.from = From::Change(change);
                    return Ok(());
                }
                (_, Ordering::Equal) => self.base.advance()?,
                _ => {}
            }
        }
    }
}

/// What several blobs change one after the other, as one, by key.
fn folded(unpacker: &Unpacker, blobs: Vec<Vec<u8>>) -> Result<Vec<Owned>> {
    let mut changes: Vec<Owned> = Vec::new();
    let several = blobs.len() > 1;
    for blob in blobs {
        let mut rows = Rows::new(unpacker.frames(blob))?;
        while let Some(row) = rows.row() {
            changes.push(Owned::of(&row));
            rows.advance()?;
        }
    }
    if several {
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        changes.dedup_by(|later, earlier| {
            if later.key != earlier.key {
                return false;
            }
            match (later.said, earlier.said) {
                (TOUCH, PUT) => earlier.seen.last_seen = later.seen.last_seen,
                (TOUCH, REMOVE) => {}
                _ => std::mem::swap(later, earlier),
            }
            true
        });
    }
    Ok(changes)
}

/// What several blobs change one after the other, as one blob.
pub(crate) fn composed(unpacker: &Unpacker, packer: &mut Packer, blobs: Vec<Vec<u8>>) -> Result<Vec<u8>> {
    for change in &folded(unpacker, blobs)? {
        packer.push(|bytes| change.row().put(bytes))?;
    }
    packer.finish()
}
