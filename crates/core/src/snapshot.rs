//! The sealed state of a data source, as the store hands it out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Gap, Record, Scope, Tenant, Time};

/// Number of a snapshot within its data source: 1, 2, 3, and so on; the sync that made it has the same number.
pub type SnapshotNumber = u64;

/// A record with its provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What is known.
    pub record: Record,
    /// The sync that first saw it, without an interruption since.
    pub first_seen: SnapshotNumber,
    /// The sync that last saw it.
    pub last_seen: SnapshotNumber,
    /// Index into [`Snapshot::scopes`] of the scope it was read in.
    pub scope: u32,
}

/// What is known about how completely a scope was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeState {
    /// Which scope.
    pub scope: Scope,
    /// The last sync that read it completely.
    pub complete: Option<SnapshotNumber>,
    /// Why the last attempt failed; its facts are stale.
    pub gap: Option<Gap>,
    /// Facts in it.
    pub facts: u64,
}

/// The sealed state of a data source after a sync; numbered and immutable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Name of the data source.
    pub source: String,
    /// Whose system it is.
    pub tenant: Tenant,
    /// Which state.
    pub number: SnapshotNumber,
    /// When its sync began to read.
    pub started: Time,
    /// When it was sealed.
    pub sealed: Time,
    /// Every scope ever read and still there, sorted.
    pub scopes: Vec<ScopeState>,
    /// Every fact, in the order of the scopes and by key inside each.
    pub facts: Vec<Fact>,
    /// Edges whose ends were not seen, per dataset.
    pub dangling: BTreeMap<String, u64>,
}

impl Snapshot {
    /// What could not be read.
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.scopes.iter().filter_map(|state| state.gap.as_ref())
    }

    /// Whether the fact is stale: its scope could not be read again since it was last seen.
    pub fn is_stale(&self, fact: &Fact) -> bool {
        fact.last_seen < self.number
            && self.scopes.get(fact.scope as usize).is_some_and(|state| state.gap.is_some())
    }
}
