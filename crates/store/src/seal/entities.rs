//! Which entities there are, before and after a sync.

use rustc_hash::FxHashSet;
use sightline_core::{EntityKind, Record};

use crate::kind::{Kind, ends};

/// A set of entities.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Entities([FxHashSet<Box<str>>; 5]);

impl Entities {
    pub(crate) fn insert(&mut self, kind: EntityKind, id: &str) {
        let set = &mut self.0[Kind::describing(kind).0 as usize];
        if !set.contains(id) {
            set.insert(id.into());
        }
    }

    pub(crate) fn contains(&self, kind: EntityKind, id: &str) -> bool {
        self.0[Kind::describing(kind).0 as usize].contains(id)
    }

    /// Whether everything in the other set is in this one.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(ours, theirs)| theirs.is_subset(ours))
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        (0_u8..).zip(&self.0).filter(|(_, set)| !set.is_empty()).map(|(kind, _)| Kind(kind))
    }

    /// Whether the record is a relation that refers to something that is not in the set.
    pub(crate) fn leaves_dangling(&self, record: &Record) -> bool {
        ends(record).into_iter().flatten().any(|(kind, id)| !self.contains(kind, id))
    }
}
