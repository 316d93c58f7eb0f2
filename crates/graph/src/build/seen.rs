//! Provenance while facts are taken in.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;
use sightline_core::{ScopeState, SnapshotNumber};

use crate::graph::Seen;

/// Provenance of all facts, each once.
pub(super) struct SeenTable {
    number: SnapshotNumber,
    gaps: Vec<bool>,
    table: Vec<Seen>,
    ids: FxHashMap<Seen, u32>,
    last: Option<(Seen, u32)>,
}

impl SeenTable {
    pub(super) fn new(number: SnapshotNumber, scopes: &[ScopeState]) -> Self {
        let gaps = scopes.iter().map(|state| state.gap.is_some()).collect();
        Self { number, gaps, table: Vec::new(), ids: FxHashMap::default(), last: None }
    }

    pub(super) fn intern(&mut self, first: SnapshotNumber, last: SnapshotNumber, scope: u32) -> u32 {
        let gap = self.gaps.get(scope as usize).copied().unwrap_or(false);
        let seen = Seen { first, last, scope, stale: last < self.number && gap };
        // Facts come in the order of their scopes: most have the provenance of the one before.
        if let Some((last, id)) = self.last
            && last == seen
        {
            return id;
        }
        let id = *self.ids.entry(seen).or_insert_with(|| {
            self.table.push(seen);
            self.table.len() as u32 - 1
        });
        self.last = Some((seen, id));
        id
    }

    pub(super) fn last_seen(&self, id: u32) -> SnapshotNumber {
        self.table[id as usize].last
    }

    /// Orders readings of one fact: what was seen last comes first; the same whatever the order they were taken in.
    pub(super) fn preference(&self, id: u32) -> (Reverse<SnapshotNumber>, SnapshotNumber, u32) {
        let seen = &self.table[id as usize];
        (Reverse(seen.last), seen.first, seen.scope)
    }

    /// For each id its place in the order of preference, and the id at each place.
    pub(super) fn ranks(&self) -> (Vec<u32>, Vec<u32>) {
        let mut order: Vec<u32> = (0..self.table.len() as u32).collect();
        order.sort_unstable_by_key(|&id| self.preference(id));
        let mut ranks = vec![0; order.len()];
        for (rank, &id) in order.iter().enumerate() {
            ranks[id as usize] = rank as u32;
        }
        (ranks, order)
    }

    pub(super) fn table(&self) -> &[Seen] {
        &self.table
    }

    pub(super) fn into_table(self) -> Vec<Seen> {
        self.table
    }
}
