//! What a sync in progress has learned about one fact of a scope.

use serde::{Deserialize, Serialize};
use sightline_core::Record;

/// What was learned about a fact; `R` is a record, owned or borrowed. The stored form of what a step found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reading<R = Record> {
    /// It is there.
    Read(R),
    /// It is gone; its key.
    Absent(String),
    /// It was gone and is there again: nothing from before adds to it.
    Again(R),
}

impl Reading {
    /// The key of the fact.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Read(record) | Self::Again(record) => record.key(),
            Self::Absent(key) => key.clone(),
        }
    }

    /// Combines it with what was learned before about the same fact.
    pub(crate) fn over(self, older: &Self) -> Self {
        match (self, older) {
            (Self::Read(record), Self::Read(before)) => Self::Read(record.over(before)),
            (Self::Read(record), Self::Again(before)) => Self::Again(record.over(before)),
            (Self::Read(record), Self::Absent(_)) => Self::Again(record),
            (new, _) => new,
        }
    }
}
