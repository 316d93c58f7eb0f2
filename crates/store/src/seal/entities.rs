//! Which entities there are, before and after a sync.

use rustc_hash::FxHashMap;
use sightline_core::{EntityKind, Record};

use crate::kind::{ENTITY_KINDS, Kind, Kinds, ends};

/// Entities that were met while sealing, by kind and id.
#[derive(Debug, Default)]
pub(super) struct Entities {
    met: [FxHashMap<Box<str>, Presence>; ENTITY_KINDS.len()],
    gone: Kinds,
}

/// Where an entity was met.
#[derive(Debug, Clone, Copy, Default)]
struct Presence {
    /// In the last snapshot.
    before: bool,
    /// In the one that is made.
    after: bool,
    /// Among those that were found to have vanished.
    gone: bool,
}

impl Entities {
    /// Notes an entity of the last snapshot.
    pub(super) fn was_there(&mut self, kind: EntityKind, id: &str) {
        self.note(kind, id, |met| met.before = true);
    }

    /// Notes an entity of the snapshot that is made.
    pub(super) fn is_there(&mut self, kind: EntityKind, id: &str) {
        self.note(kind, id, |met| met.after = true);
    }

    /// Notes an entity of both.
    pub(super) fn stays(&mut self, kind: EntityKind, id: &str) {
        self.note(kind, id, |met| (met.before, met.after) = (true, true));
    }

    /// Notes an entity that was found to have vanished.
    pub(super) fn has_vanished(&mut self, kind: EntityKind, id: &str) {
        self.note(kind, id, |met| met.gone = true);
        self.gone.insert(Kind::describing(kind));
    }

    /// Whether it was met in the last snapshot.
    pub(super) fn was(&self, kind: EntityKind, id: &str) -> bool {
        self.get(kind, id).before
    }

    /// Whether it was met in the snapshot that is made.
    pub(super) fn is(&self, kind: EntityKind, id: &str) -> bool {
        self.get(kind, id).after
    }

    /// Whether it was found to have vanished.
    pub(super) fn is_gone(&self, kind: EntityKind, id: &str) -> bool {
        self.gone.contains(Kind::describing(kind)) && self.get(kind, id).gone
    }

    /// The kinds of those that were found to have vanished.
    pub(super) const fn gone_kinds(&self) -> Kinds {
        self.gone
    }

    /// Whether anything is there that was not.
    pub(super) fn has_new(&self) -> bool {
        self.met.iter().flat_map(FxHashMap::values).any(|met| met.after && !met.before)
    }

    /// The ids of those that were there and are not.
    pub(super) fn lost(&self) -> impl Iterator<Item = &str> {
        let all = self.met.iter().flatten();
        all.filter(|(_, met)| met.before && !met.after).map(|(id, _)| &**id)
    }

    /// The ids of those that were found to have vanished.
    pub(super) fn gone(&self) -> impl Iterator<Item = &str> {
        let all = self.met.iter().flatten();
        all.filter(|(_, met)| met.gone).map(|(id, _)| &**id)
    }

    /// Whether the record is of something that was found to have vanished, or refers to it.
    ///
    /// What was done stays: it was done all the same.
    pub(super) fn goes(&self, record: &Record) -> bool {
        if self.gone == Kinds::default() || matches!(record, Record::Usage(_)) {
            return false;
        }
        let entity = record.entity().into_iter();
        entity.chain(ends(record).into_iter().flatten()).any(|(kind, id)| self.is_gone(kind, id))
    }

    /// Whether the record is a relation that refers to something that is not there.
    pub(super) fn leaves_dangling(&self, record: &Record) -> bool {
        ends(record).into_iter().flatten().any(|(kind, id)| !self.is(kind, id))
    }

    fn note(&mut self, kind: EntityKind, id: &str, note: impl FnOnce(&mut Presence)) {
        let met = &mut self.met[kind as usize];
        if let Some(presence) = met.get_mut(id) {
            return note(presence);
        }
        let mut presence = Presence::default();
        note(&mut presence);
        met.insert(id.into(), presence);
    }

    fn get(&self, kind: EntityKind, id: &str) -> Presence {
        self.met[kind as usize].get(id).copied().unwrap_or_default()
    }
}
