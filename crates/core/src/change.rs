//! What the source's log says was changed.

use serde::{Deserialize, Serialize};

use crate::Time;

/// Somebody or something in an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// What it is, in the provider's word: `User`, `UserGroup`, `AppInstance`.
    pub kind: String,
    /// The provider's id.
    pub id: String,
    /// Name for people, as it was then.
    pub name: Option<String>,
}

/// One change, as the source's log tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The provider's id of the event.
    pub id: String,
    /// When it was done.
    pub time: Time,
    /// What was done, in the provider's word: `group.user_membership.add`.
    pub kind: String,
    /// Whether it was done; an attempt that failed changed nothing.
    pub succeeded: bool,
    /// Who did it.
    pub actor: Option<Party>,
    /// To whom or what.
    pub targets: Vec<Party>,
}
