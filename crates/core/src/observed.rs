//! Values that may have been unreadable.

use serde::{Deserialize, Serialize};

/// A value that was read, or the reason why it could not be: unknown is never `false`, zero or empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// The source said so.
    Known(T),
    /// It could not be read, and why.
    Unknown(String),
}

impl<T> Observed<T> {
    /// The value, where it was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}
