//! The schemas of what `core` serializes: types that only describe its JSON, because `core` knows no OpenAPI.
//!
//! Nothing is made of them; a test compares what they say with what is written.

use serde::Serialize;
use utoipa::ToSchema;

/// An instant in UTC with milliseconds: `2026-01-31T08:00:00.000Z`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Instant(pub String);

/// Whether an account can be used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Can sign in.
    Active,
    /// Created, never activated.
    Pending,
    /// Locked after failed attempts.
    Locked,
    /// Barred by an administrator, can be restored with everything it had.
    Suspended,
    /// Deactivated for good: a leaver.
    Deactivated,
    /// A status that this version does not know; treated as able to sign in.
    Unknown,
}

/// What kind of thing an id names.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityKind {
    /// A login in one data source.
    Account,
    /// A set of accounts.
    Group,
    /// What puts accounts into groups.
    Rule,
    /// Anything that is reached: an application.
    Resource,
    /// A set of administrative privileges.
    Role,
    /// A set of resources that roles are limited to.
    ScopeSet,
    /// What something proves to be itself with.
    Credential,
    /// What is asked of people before they get in.
    Policy,
    /// Somebody else whose word about people is taken: an identity provider.
    Trust,
    /// A device that people sign in from.
    Device,
}

/// When an account last used an application, and what an absence means.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LastUse {
    /// Used then.
    At(Instant),
    /// Not used since then, the start of what was read; nothing is known of the time before.
    NotSince(Instant),
    /// Not known, and why.
    Unknown(String),
    /// Never used: the account or the application came to be at this time, and everything that was done since was read.
    Never(Instant),
}

/// A value that was read, or the reason why it could not be.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Observed<T> {
    /// The source said so.
    Known(T),
    /// It could not be read, and why.
    Unknown(String),
}

/// A dataset, or the part of it under one parent: the unit of completeness.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scope {
    /// The dataset's id.
    pub dataset: String,
    /// The id of what it is read under; null for a listing of the whole data source.
    #[schema(required = true)]
    pub parent: Option<String>,
}

/// Why a scope was not read completely.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The credential may not read it.
    Denied {
        /// The permission that would allow it, in the provider's words.
        #[schema(required = true)]
        permission: Option<String>,
    },
    /// The organisation has not bought or switched on the feature.
    NotLicensed,
    /// The provider does not offer it.
    Unsupported,
    /// It could not be reached, or answered with errors until it was given up.
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

/// A scope that was not read completely, with the reason and the consequence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gap {
    /// What was not read completely.
    pub scope: Scope,
    /// Why.
    pub reason: GapReason,
    /// What exactly happened, for people.
    pub detail: String,
    /// What the gap hides.
    pub consequence: String,
}

/// What a role reaches.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldingScope {
    /// Everything in the organisation.
    Org,
    /// The resource set with this id.
    Set(String),
    /// Only these groups and applications: `group/ID`, `resource/ID` or `catalog/NAME`.
    Targets(Vec<String>),
    /// Not readable, and why: neither everything nor nothing.
    Unknown(String),
}

/// Somebody or something in an event of the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Party {
    /// What it is, in the provider's word: `User`, `UserGroup`.
    pub kind: String,
    /// The provider's id.
    pub id: String,
    /// Name for people, as it was then.
    #[schema(required = true)]
    pub name: Option<String>,
}

/// What kind of credential it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A token for the provider's own interface, with the rights of its owner.
    ApiToken,
    /// A shared secret of an application.
    ClientSecret,
    /// A key of an application.
    Key,
    /// An integration from the provider's catalogue that was given access to the provider's interface.
    ApiIntegration,
}

/// A credential that no person types: what is known of it, never its value.
#[derive(Debug, Serialize, ToSchema)]
pub struct Credential {
    /// The provider's id.
    pub id: String,
    /// What it is.
    pub kind: CredentialKind,
    /// Name for people.
    pub name: String,
    /// Whose it is: `account/ID` or `resource/ID`.
    #[schema(required = true)]
    pub owner: Option<String>,
    /// Status in the provider's own word, where it has one.
    #[schema(required = true)]
    pub raw_status: Option<String>,
    /// What it may do, in the provider's words, where it says so itself.
    pub scopes: Vec<String>,
    /// When it was made.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was last used or changed, whichever the provider tells.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// When it stops working.
    #[schema(required = true)]
    pub expires: Option<Instant>,
    /// The rest as the provider has it, without secrets and links.
    pub raw: serde_json::Value,
}

/// An application was allowed to use a part of the provider's interface.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiGrant {
    /// The application's id.
    pub resource: String,
    /// What was allowed: `okta.users.read`.
    pub scope: String,
    /// Status in the provider's own word, where it has one.
    #[schema(required = true)]
    pub raw_status: Option<String>,
    /// Who allowed it: `account/ID`.
    #[schema(required = true)]
    pub granted_by: Option<String>,
    /// When.
    #[schema(required = true)]
    pub since: Option<Instant>,
}
