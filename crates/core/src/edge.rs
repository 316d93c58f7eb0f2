//! Relations: who is in which group, who is assigned to what, who holds which role, what was used.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EntityKind, RawJson, Time};

/// Who holds something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// An account, by id.
    Account(String),
    /// A group, by id.
    Group(String),
    /// A resource that acts by itself, such as a service application, by id.
    Resource(String),
}

impl Principal {
    /// The provider's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Account(id) | Self::Group(id) | Self::Resource(id) => id,
        }
    }

    /// What the id names.
    pub const fn kind(&self) -> EntityKind {
        match self {
            Self::Account(_) => EntityKind::Account,
            Self::Group(_) => EntityKind::Group,
            Self::Resource(_) => EntityKind::Resource,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind(), self.id())
    }
}

/// An account is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The group's id.
    pub group: String,
    /// The account's id.
    pub account: String,
}

/// How the provider says that an account came to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentOrigin {
    /// Assigned to this principal itself.
    Direct,
    /// Through a group; the provider may name the one that decides.
    Group(Option<String>),
    /// In a word that this version does not know.
    Unknown(String),
}

/// A principal may use a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The resource's id.
    pub resource: String,
    /// Who.
    pub principal: Principal,
    /// How the principal came to it.
    pub origin: AssignmentOrigin,
    /// Status in the provider's word, where it has one.
    pub raw_status: Option<String>,
    /// The name used at the resource.
    pub user_name: Option<String>,
    /// The account's id at the resource.
    pub external_id: Option<String>,
    /// Whether the resource has the account as the provider has it, in the provider's word.
    pub sync_state: Option<String>,
    /// Rank among several groups: the lowest decides.
    pub priority: Option<i64>,
    /// When it was made.
    pub since: Option<Time>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
    /// What the resource is told about the principal: roles, licences.
    pub profile: RawJson,
}

/// What a role reaches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldingScope {
    /// Everything in the organisation.
    Org,
    /// The resource set with this id.
    Set(String),
    /// Only these groups and applications, `group/ID` or `resource/ID` or `catalog/NAME`, sorted.
    Targets(Vec<String>),
    /// Not readable, and why: neither everything nor nothing.
    Unknown(String),
}

impl fmt::Display for HoldingScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Org => f.write_str("org"),
            Self::Set(id) => write!(f, "set/{id}"),
            Self::Targets(targets) => write!(f, "targets/{}", targets.join(",")),
            Self::Unknown(_) => f.write_str("unknown"),
        }
    }
}

/// A principal holds a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Who.
    pub principal: Principal,
    /// The role's id.
    pub role: String,
    /// The role's name for people, as the assignment has it.
    pub label: String,
    /// What it reaches.
    pub scope: HoldingScope,
    /// Whether the provider says that the principal has it only through a group.
    pub inherited: bool,
    /// Whether it is in force.
    pub active: bool,
    /// When it was made.
    pub since: Option<Time>,
}

/// An account names another one in a relation that the organisation defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The relation: `manager`, `assistant`.
    pub name: String,
    /// The account that has it.
    pub account: String,
    /// The account that it names.
    pub to: String,
}

/// A group is copied into a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// The resource's id.
    pub resource: String,
    /// The provider's id of the mapping.
    pub id: String,
    /// The group that is copied.
    pub group: String,
    /// The group there, as the provider knows it.
    pub target_group: Option<String>,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was last copied or changed.
    pub last_updated: Option<Time>,
}

/// What the log says an account did, rolled up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// The account's id.
    pub account: String,
    /// The resource's id; none for signing in to the provider itself.
    pub resource: Option<String>,
    /// First time inside the window that was read.
    pub first: Time,
    /// Last time.
    pub last: Time,
    /// How often, inside the window that was read.
    pub count: u64,
}

impl Usage {
    /// Adds what a later or an earlier part of the log says about the same account and resource.
    pub fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count += other.count;
    }
}

/// When an account last used a resource, and what an absence means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastUse {
    /// Used then.
    At(Time),
    /// Not used since this time; what was before is not known.
    NotSince(Time),
    /// Activity could not be read.
    Unknown(String),
    /// Never used: the account or the resource came to be at this time, and everything that was done since was read.
    Never(Time),
}
