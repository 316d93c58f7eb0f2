//! Completeness as data: what was read, and what could not be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A dataset, or the part of it under one parent: the unit of completeness.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The dataset's id, as the connector declares it.
    pub dataset: String,
    /// The id of the entity under which it is read; none for a listing of the whole data source.
    pub parent: Option<String>,
}

impl Scope {
    /// The whole dataset as one listing.
    pub fn listing(dataset: impl Into<String>) -> Self {
        Self { dataset: dataset.into(), parent: None }
    }

    /// The part of a dataset under one parent.
    pub fn under(dataset: impl Into<String>, parent: impl Into<String>) -> Self {
        Self { dataset: dataset.into(), parent: Some(parent.into()) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parent {
            Some(parent) => write!(f, "{}/{parent}", self.dataset),
            None => f.write_str(&self.dataset),
        }
    }
}

/// How much of its scope a task reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coverage {
    /// With its following pages everything: what was not seen is gone.
    Whole,
    /// Only additions or changes: what was not seen stays.
    Part,
    /// All that is new since it was last read, without a hole: with what was read before it is everything.
    Onward,
}

/// Why a scope was not read completely.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The credential may not read it.
    Denied {
        /// The permission that would allow it, in the provider's words.
        permission: Option<String>,
    },
    /// The organisation has not bought or switched on the feature.
    NotLicensed,
    /// The provider does not offer it.
    Unsupported,
    /// It could not be reached, or answered with errors until we gave up.
    Unavailable,
    /// The answer was not what the protocol promises.
    Protocol,
    /// Some objects could not be understood.
    Undecodable,
    /// The provider's own count says that there is more or less than it listed.
    CountMismatch,
    /// The data source's settings say that it is not to be read.
    SwitchedOff,
}

impl GapReason {
    /// A short phrase for people.
    pub const fn phrase(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::NotLicensed => "not licensed",
            Self::Unsupported => "not offered",
            Self::Unavailable => "unavailable",
            Self::Protocol => "bad answer",
            Self::Undecodable => "not understood",
            Self::CountMismatch => "count differs",
            Self::SwitchedOff => "switched off",
        }
    }
}

/// A scope that was not read completely, with the reason and the consequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What was not read completely.
    pub scope: Scope,
    /// Why.
    pub reason: GapReason,
    /// What exactly happened, for people; never a body or a credential.
    pub detail: String,
    /// What the gap hides.
    pub consequence: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_prints_its_dataset_and_parent() {
        assert_eq!(Scope::listing("users").to_string(), "users");
        assert_eq!(Scope::under("group_members", "g1").to_string(), "group_members/g1");
    }
}
