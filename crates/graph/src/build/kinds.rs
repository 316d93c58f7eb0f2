//! What assignments have in common, while they are taken in.

use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use sightline_core::AssignmentOrigin;

use super::seen::SeenTable;
use crate::graph::{AssignmentKind, Origin};

/// Where assignments come from and their status: each combination once, and each with every provenance once.
#[derive(Default)]
pub(super) struct Kinds {
    manners: Vec<(Origin, Option<Arc<str>>)>,
    manner_ids: FxHashMap<(Origin, Option<Arc<str>>), u32>,
    table: Vec<AssignmentKind>,
    ids: FxHashMap<(u32, u32), u32>,
    last: Option<((u32, u32), u32)>,
}

impl Kinds {
    /// The number of an origin with a status.
    pub(super) fn manner(&mut self, origin: &AssignmentOrigin, status: Option<&str>) -> u32 {
        let origin = match origin {
            AssignmentOrigin::Direct => Origin::Direct,
            AssignmentOrigin::Group(group) => Origin::Group(group.as_deref().map(Arc::from)),
            AssignmentOrigin::Unknown(word) => Origin::Unknown(word.as_str().into()),
        };
        let manner = (origin, status.map(Arc::from));
        if let Some(&id) = self.manner_ids.get(&manner) {
            return id;
        }
        let id = self.manners.len() as u32;
        self.manners.push(manner.clone());
        self.manner_ids.insert(manner, id);
        id
    }

    /// The number of a manner with a provenance.
    pub(super) fn kind(&mut self, manner: u32, seen: u32) -> u32 {
        let key = (manner, seen);
        if let Some((last, id)) = self.last
            && last == key
        {
            return id;
        }
        let id = *self.ids.entry(key).or_insert_with(|| {
            let (origin, status) = &self.manners[manner as usize];
            self.table.push(AssignmentKind {
                origin: origin.clone(),
                status: status.clone(),
                in_force: in_force(status.as_deref()),
                seen,
            });
            self.table.len() as u32 - 1
        });
        self.last = Some((key, id));
        id
    }

    pub(super) fn into_table(self) -> Vec<AssignmentKind> {
        self.table
    }
}

/// Orders assignments of one account to one resource: what was seen last and counts comes first; the same whatever the
/// order they were taken in.
pub(super) fn preference(one: &AssignmentKind, other: &AssignmentKind, seen: &SeenTable) -> Ordering {
    let key = |kind: &AssignmentKind| (seen.preference(kind.seen).0, !kind.in_force);
    let rest = |kind: &AssignmentKind| seen.preference(kind.seen);
    key(one)
        .cmp(&key(other))
        .then_with(|| one.origin.cmp(&other.origin))
        .then_with(|| rest(one).cmp(&rest(other)))
        .then_with(|| one.status.cmp(&other.status))
}

/// Whether an assignment counts, by the provider's word for its status.
pub(super) fn in_force(raw_status: Option<&str>) -> bool {
    !raw_status.is_some_and(|status| {
        ["DEPROVISIONED", "INACTIVE"].iter().any(|word| status.eq_ignore_ascii_case(word))
    })
}
