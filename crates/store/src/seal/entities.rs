//! Which entities there are, before and after a sync.

use rustc_hash::FxHashSet;
use sightline_core::{EntityKind, Names, Record};

use crate::kind::{ENTITY_KINDS, Kind, Kinds, ends};

const BEFORE: u8 = 1;
const AFTER: u8 = 2;
const GONE: u8 = 4;

/// Entities that were met while sealing, by kind and the number of their id.
///
/// The id of everything that was ever read has a number.
#[derive(Debug)]
pub(super) struct Entities<'d> {
    names: &'d Names,
    met: [Vec<u8>; ENTITY_KINDS.len()],
    gone: FxHashSet<(EntityKind, String)>,
    gone_kinds: Kinds,
}

impl<'d> Entities<'d> {
    pub(super) fn new(names: &'d Names) -> Self {
        Self { names, met: Default::default(), gone: FxHashSet::default(), gone_kinds: Kinds::default() }
    }

    /// The number of an id, if it ever was an entity's or an edge's.
    pub(super) fn number(&self, id: &str) -> Option<u32> {
        self.names.find(id)
    }

    /// Notes an entity of the last snapshot.
    pub(super) fn was_there(&mut self, kind: EntityKind, number: u32) {
        self.note(kind, number, BEFORE);
    }

    /// Notes an entity of the snapshot that is made.
    pub(super) fn is_there(&mut self, kind: EntityKind, number: u32) {
        self.note(kind, number, AFTER);
    }

    /// Notes an entity of both.
    pub(super) fn stays(&mut self, kind: EntityKind, number: u32) {
        self.note(kind, number, BEFORE | AFTER);
    }

    /// Notes an entity that was found to have vanished.
    pub(super) fn has_vanished(&mut self, kind: EntityKind, id: &str) {
        if let Some(number) = self.number(id) {
            self.note(kind, number, GONE);
        }
        self.gone.insert((kind, id.to_owned()));
        self.gone_kinds.insert(Kind::describing(kind));
    }

    /// Whether it was met in the last snapshot.
    pub(super) fn was(&self, kind: EntityKind, id: &str) -> bool {
        self.number(id).is_some_and(|number| self.flags(kind, number) & BEFORE != 0)
    }

    /// Whether it was met in the snapshot that is made.
    pub(super) fn is(&self, kind: EntityKind, id: &str) -> bool {
        self.number(id).is_some_and(|number| self.is_number(kind, number))
    }

    /// Whether the entity with this number was met in the snapshot that is made.
    pub(super) fn is_number(&self, kind: EntityKind, number: u32) -> bool {
        self.flags(kind, number) & AFTER != 0
    }

    /// Whether it was found to have vanished.
    pub(super) fn is_gone(&self, kind: EntityKind, id: &str) -> bool {
        self.gone_kinds.contains(Kind::describing(kind)) && self.gone.contains(&(kind, id.to_owned()))
    }

    /// Whether the entity with this number was found to have vanished.
    pub(super) fn is_gone_number(&self, kind: EntityKind, number: u32) -> bool {
        self.gone_kinds.contains(Kind::describing(kind)) && self.flags(kind, number) & GONE != 0
    }

    /// The kinds of those that were found to have vanished.
    pub(super) const fn gone_kinds(&self) -> Kinds {
        self.gone_kinds
    }

    /// Whether anything is there that was not.
    pub(super) fn has_new(&self) -> bool {
        self.met.iter().flatten().any(|met| met & (BEFORE | AFTER) == AFTER)
    }

    /// Whether anything was there that is not.
    pub(super) fn has_lost(&self) -> bool {
        self.met.iter().flatten().any(|met| met & (BEFORE | AFTER) == BEFORE)
    }

    /// Whether the record is of something that was found to have vanished, or refers to it.
    ///
    /// What was done stays: it was done all the same.
    pub(super) fn goes(&self, record: &Record) -> bool {
        if self.gone.is_empty() || matches!(record, Record::Usage(_)) {
            return false;
        }
        let entity = record.entity().into_iter();
        entity.chain(ends(record).into_iter().flatten()).any(|(kind, id)| self.is_gone(kind, id))
    }

    /// Whether the record is a relation that refers to something that is not there.
    pub(super) fn leaves_dangling(&self, record: &Record) -> bool {
        ends(record).into_iter().flatten().any(|(kind, id)| !self.is(kind, id))
    }

    fn note(&mut self, kind: EntityKind, number: u32, flags: u8) {
        let met = &mut self.met[kind as usize];
        let at = number as usize;
        if met.len() <= at {
            met.resize(at + 1, 0);
        }
        met[at] |= flags;
    }

    fn flags(&self, kind: EntityKind, number: u32) -> u8 {
        self.met[kind as usize].get(number as usize).copied().unwrap_or(0)
    }
}
