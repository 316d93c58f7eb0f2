//! Administration: what roles allow, and what they are limited to.

use serde::{Deserialize, Serialize};

use crate::{RawJson, Time};

/// A named set of resources that roles are limited to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeSet {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// When it was created.
    pub created: Option<Time>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
}

/// A scope set holds something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetMember {
    /// The scope set's id.
    pub set: String,
    /// The provider's id of this entry.
    pub id: String,
    /// What it names: `group/ID`, `account/ID`, `resource/ID`, or the provider's own name for anything else.
    pub object: String,
    /// Whether it names what the object contains (the members of a group) and not the object itself.
    pub contents: bool,
    /// What limits it further; null where nothing does.
    pub conditions: RawJson,
}

/// A role allows something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    /// The role's id.
    pub role: String,
    /// The provider's name of it: `okta.users.read`.
    pub name: String,
    /// What limits it further; null where nothing does.
    pub conditions: RawJson,
}

/// A group has an owner, who decides about its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The group's id.
    pub group: String,
    /// Who owns it.
    pub owner: crate::Principal,
    /// The owner's name, as the provider has it.
    pub name: Option<String>,
    /// Where the ownership is kept: the provider itself or a directory.
    pub origin: Option<String>,
}
