//! Things: accounts, groups, rules, resources, roles.
//!
//! Every `id` is the provider's immutable id and is unique per data source and kind.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Observed, RawJson, Time};

/// What kind of thing an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A login in one data source.
    Account,
    /// A set of accounts.
    Group,
    /// What puts accounts into groups.
    Rule,
    /// Anything that is reached.
    Resource,
    /// A set of administrative privileges.
    Role,
    /// A set of resources that roles are limited to.
    ScopeSet,
    /// What something proves to be itself with.
    Credential,
    /// What is asked of people before they get in.
    Policy,
    /// Somebody else whose word about people is taken.
    Trust,
    /// A device that people sign in from.
    Device,
}

impl EntityKind {
    /// The word for it in keys, commands and pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Group => "group",
            Self::Rule => "rule",
            Self::Resource => "resource",
            Self::Role => "role",
            Self::ScopeSet => "scope_set",
            Self::Credential => "credential",
            Self::Policy => "policy",
            Self::Trust => "trust",
            Self::Device => "device",
        }
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Whether an account can be used, over all providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Can sign in.
    Active,
    /// Created, never activated.
    Pending,
    /// Locked after failed attempts; may unlock by itself or by an administrator.
    Locked,
    /// Barred by an administrator, can be restored with everything it had.
    Suspended,
    /// Deactivated for good: a leaver.
    Deactivated,
    /// A status that this version does not know; treated as able to sign in, because unknown is not "no".
    Unknown,
}

impl AccountStatus {
    /// Whether a person can sign in with it today.
    pub const fn can_sign_in(self) -> bool {
        matches!(self, Self::Active | Self::Unknown)
    }

    /// The word for it in output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Locked => "locked",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Unknown => "unknown",
        }
    }
}

/// A login in one data source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The provider's id.
    pub id: String,
    /// The name used to sign in.
    pub login: String,
    /// Status, over all providers.
    pub status: AccountStatus,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// Display name of the person or machine.
    pub name: String,
    /// E-mail addresses, the primary one first.
    pub emails: Vec<String>,
    /// When it was created.
    pub created: Option<Time>,
    /// When it was first activated.
    pub activated: Option<Time>,
    /// When its status last changed.
    pub status_changed: Option<Time>,
    /// Last sign-in to the provider; `Known(None)` means never.
    pub last_sign_in: Observed<Option<Time>>,
    /// When its password was last changed.
    pub password_changed: Option<Time>,
    /// When the provider last touched it.
    pub last_updated: Option<Time>,
    /// The manager as the profile names them: an id, a login or an e-mail address.
    pub manager: Option<String>,
    /// Department, as the profile has it.
    pub department: Option<String>,
    /// Job title, as the profile has it.
    pub title: Option<String>,
    /// Kind of worker (`employee`, `contractor`, `service`), as the profile has it.
    pub account_type: Option<String>,
    /// The provider's type of the account, by id.
    pub type_id: Option<String>,
    /// The part of the organisation that it is kept in, by id.
    pub realm: Option<String>,
    /// Who checks its password (`OKTA`, `ACTIVE_DIRECTORY`, `FEDERATION`).
    pub credential_provider: Option<String>,
    /// The whole profile.
    pub profile: RawJson,
}

/// Where a group is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupOrigin {
    /// Made and kept in the data source.
    Native,
    /// Imported from an application or directory; its members cannot be changed here.
    Imported,
    /// Kept by the provider itself, such as *Everyone*.
    BuiltIn,
    /// An origin that this version does not know, in the provider's word.
    Unknown(String),
}

/// A set of accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The provider's id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Where it is kept.
    pub origin: GroupOrigin,
    /// The resource it was imported from.
    pub source_resource: Option<String>,
    /// Whether every account that is not deactivated is a member, so that no membership edges exist.
    pub everyone: bool,
    /// Members, by the provider's own count.
    pub member_count: Observed<u64>,
    /// Resources assigned to it, by the provider's own count.
    pub resource_count: Observed<u64>,
    /// When it was created.
    pub created: Option<Time>,
    /// When its profile last changed.
    pub last_updated: Option<Time>,
    /// When its members last changed.
    pub last_membership_updated: Option<Time>,
    /// The whole profile.
    pub profile: RawJson,
}

/// What puts accounts into groups.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The provider's id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Whether it is in force.
    pub active: bool,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// The condition, in the provider's expression language.
    pub expression: Option<String>,
    /// Groups it puts accounts into.
    pub target_groups: Vec<String>,
    /// Accounts it never touches.
    pub excluded_accounts: Vec<String>,
    /// Groups whose members it never touches.
    pub excluded_groups: Vec<String>,
}

/// Whether a resource can be reached at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceStatus {
    /// In use.
    Active,
    /// Switched off: nobody reaches it, assignments stay.
    Inactive,
    /// A status that this version does not know; treated as active.
    Unknown,
}

/// Anything that is reached: an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Name in the provider's catalogue.
    pub catalog_name: Option<String>,
    /// Status, over all providers.
    pub status: ResourceStatus,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// How people sign on (`SAML_2_0`, `OPENID_CONNECT`); none for directories.
    pub sign_on_mode: Option<String>,
    /// Provisioning features that are switched on.
    pub features: Vec<String>,
    /// Whether everyone may use it without any assignment; unknown where the setting was not readable.
    pub implicit_assignment: Observed<bool>,
    /// The id that it signs in with itself, for applications that do.
    pub client_id: Option<String>,
    /// Whether it acts by itself, without a person: a service application.
    pub service: bool,
    /// When it was created.
    pub created: Option<Time>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
    /// The rest, without secrets and links.
    pub raw: RawJson,
}

/// A set of administrative privileges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// The provider's id: a type (`SUPER_ADMIN`) or the id of a custom role.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the organisation made it.
    pub custom: bool,
}

/// The span of time that the activity of a data source was read for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityWindow {
    /// Start: nothing is known of what was done before.
    pub since: Time,
    /// End: the log was read up to here.
    pub until: Time,
}
