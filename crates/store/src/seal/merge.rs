//! One scope: what was there before and what the sync has read, by key.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use sightline_core::{Record, SnapshotNumber};

use super::runs::{self, RUN_BYTES};
use super::{Sealing, Work};
use crate::codec::Packer;
use crate::error::Result;
use crate::kind::{Kind, Kinds};
use crate::read::{StoredFact, facts_of};
use crate::reading::Reading;

use super::entities::Entities;

/// The new facts of a scope, and how they differ from those before.
pub(super) struct Merge {
    /// The facts, packed.
    pub(super) blob: Vec<u8>,
    /// The kinds and ids of the entities among them, packed.
    pub(super) ids: Vec<u8>,
    /// Whether they are the same, provenance included, so that they need not be written.
    pub(super) same: bool,
    /// The sync that last saw the facts that do not tell themselves.
    pub(super) read: SnapshotNumber,
    /// Facts of each kind.
    pub(super) kinds: BTreeMap<u8, u64>,
    /// Edges whose ends are not there; counted only where no entities are in the scope.
    pub(super) dangling: u64,
    pub(super) added: u64,
    pub(super) removed: u64,
    pub(super) changed: u64,
}

impl Merge {
    /// Lays what was read of a scope over what was there before.
    pub(super) fn of(sealing: &mut Sealing<'_, '_>, work: &Work) -> Result<Self> {
        let Sealing { number, staged, content, packer, ids_packer, unpacker, met, .. } = sealing;
        let number = *number;
        let whole = work.is_whole();
        let read_before = work.before.as_ref().map_or(0, |version| version.read);
        let read = if whole || work.before.is_none() { number } else { read_before };
        let mut output = Output {
            packer,
            ids_packer,
            met,
            count_dangling: !work.kinds().meets(Kinds::ENTITIES),
            result: Self {
                blob: Vec::new(),
                ids: Vec::new(),
                same: work.before.is_some(),
                read,
                kinds: BTreeMap::new(),
                dangling: 0,
                added: 0,
                removed: 0,
                changed: 0,
            },
        };

        let mut stored = match &work.before {
            Some(version) => Some(facts_of(content, unpacker, &work.scope, &work.key, version)?),
            None => None,
        };
        let mut next_old = || -> Result<Option<(String, StoredFact)>> {
            let Some(fact) = stored.as_mut().and_then(Iterator::next).transpose()? else { return Ok(None) };
            Ok(Some((fact.0.key(), fact)))
        };
        let mut fresh = runs::staged(staged, unpacker, &work.scope, &work.key, RUN_BYTES)?;

        let mut old = next_old()?;
        let mut new = fresh.next().transpose()?;
        loop {
            let order = match (&old, &new) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) => old.cmp(new),
            };
            let old_fact = if order == Ordering::Greater { None } else { old.take() };
            let new_reading = if order == Ordering::Less { None } else { new.take() };
            if let Some((kind, id)) = old_fact.as_ref().and_then(|(_, fact)| fact.0.entity()) {
                output.met.was_there(kind, id);
            }
            match (old_fact, new_reading.map(|(_, reading)| reading)) {
                (Some(_), None) if whole => output.remove(),
                (Some((_, (record, first, last))), None) => output.keep(&record, first, last)?,
                (Some((_, fact)), Some(Reading::Read(record))) if !whole => {
                    output.renew(&record.over(&fact.0), &fact, number)?;
                }
                (Some((_, fact)), Some(Reading::Read(record) | Reading::Again(record))) => {
                    output.renew(&record, &fact, number)?;
                }
                (Some(_), Some(Reading::Absent(_))) => output.remove(),
                (None, Some(Reading::Read(record) | Reading::Again(record))) => {
                    output.add(&record, number)?;
                }
                (None, Some(Reading::Absent(_)) | None) => {}
            }
            if order != Ordering::Greater {
                old = next_old()?;
            }
            if order != Ordering::Less {
                new = fresh.next().transpose()?;
            }
        }
        output.finish()
    }
}

struct Output<'a> {
    packer: &'a mut Packer,
    ids_packer: &'a mut Packer,
    met: &'a mut Entities,
    count_dangling: bool,
    result: Merge,
}

impl Output<'_> {
    /// A fact that was not seen again, though everything was read, or was found absent.
    fn remove(&mut self) {
        self.result.removed += 1;
        self.result.same = false;
    }

    /// A fact that was not read again; `last` as it was stored.
    fn keep(&mut self, record: &Record, first: SnapshotNumber, last: SnapshotNumber) -> Result<()> {
        if self.is_gone(record) {
            self.remove();
            return Ok(());
        }
        self.put(record, first, last)
    }

    /// A fact that was there before and was read again.
    fn renew(&mut self, record: &Record, before: &StoredFact, number: SnapshotNumber) -> Result<()> {
        if self.is_gone(record) {
            self.remove();
            return Ok(());
        }
        let differs = *record != before.0;
        let last = self.last_seen(number);
        self.result.changed += u64::from(differs);
        self.result.same &= !differs && last == before.2;
        self.put(record, before.1, last)
    }

    /// A fact that was not there before.
    fn add(&mut self, record: &Record, number: SnapshotNumber) -> Result<()> {
        if self.is_gone(record) {
            return Ok(());
        }
        self.result.added += 1;
        self.result.same = false;
        self.put(record, number, self.last_seen(number))
    }

    fn is_gone(&self, record: &Record) -> bool {
        self.met.goes(record)
    }

    fn last_seen(&self, number: SnapshotNumber) -> SnapshotNumber {
        if number == self.result.read { 0 } else { number }
    }

    fn put(&mut self, record: &Record, first: SnapshotNumber, last: SnapshotNumber) -> Result<()> {
        if let Some((kind, id)) = record.entity() {
            self.met.is_there(kind, id);
            self.ids_packer.push(&(kind, id))?;
        }
        if self.count_dangling && self.met.leaves_dangling(record) {
            self.result.dangling += 1;
        }
        let Kind(kind) = Kind::of(record);
        *self.result.kinds.entry(kind).or_default() += 1;
        self.packer.push(&(record, first, last))
    }

    fn finish(mut self) -> Result<Merge> {
        self.result.blob = self.packer.finish()?;
        self.result.ids = self.ids_packer.finish()?;
        Ok(self.result)
    }
}
