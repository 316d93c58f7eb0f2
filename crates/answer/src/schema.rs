//! The schemas of what `core` serializes: types that only describe its JSON, because `core` knows no `OpenAPI`.
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

/// Where a group is kept.
#[derive(Debug, Serialize, ToSchema)]
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

/// Whether an application can be reached at all.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceStatus {
    /// In use.
    Active,
    /// Switched off: nobody reaches it, assignments stay.
    Inactive,
    /// A status that this version does not know; treated as active.
    Unknown,
}

/// Who holds something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    /// An account, by id.
    Account(String),
    /// A group, by id.
    Group(String),
    /// An application that acts by itself, by id.
    Resource(String),
}

/// A login in one data source.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// The provider's id.
    pub id: String,
    /// The name used to sign in.
    pub login: String,
    /// Whether it can be used.
    pub status: AccountStatus,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// Display name of the person or machine.
    pub name: String,
    /// E-mail addresses, the primary one first.
    pub emails: Vec<String>,
    /// When it was created.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was first activated.
    #[schema(required = true)]
    pub activated: Option<Instant>,
    /// When its status last changed.
    #[schema(required = true)]
    pub status_changed: Option<Instant>,
    /// Last sign-in to the provider; known and null means never.
    pub last_sign_in: Observed<Option<Instant>>,
    /// When its password was last changed.
    #[schema(required = true)]
    pub password_changed: Option<Instant>,
    /// When the provider last touched it.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// The manager as the profile names them: an id, a login or an e-mail address.
    #[schema(required = true)]
    pub manager: Option<String>,
    /// Department, as the profile has it.
    #[schema(required = true)]
    pub department: Option<String>,
    /// Job title, as the profile has it.
    #[schema(required = true)]
    pub title: Option<String>,
    /// Kind of worker (`employee`, `contractor`), as the profile has it.
    #[schema(required = true)]
    pub account_type: Option<String>,
    /// The provider's type of the account, by id.
    #[schema(required = true)]
    pub type_id: Option<String>,
    /// The part of the organisation that it is kept in, by id.
    #[schema(required = true)]
    pub realm: Option<String>,
    /// Who checks its password (`OKTA`, `ACTIVE_DIRECTORY`).
    #[schema(required = true)]
    pub credential_provider: Option<String>,
    /// The whole profile, as the provider has it.
    pub profile: serde_json::Value,
}

/// A set of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    /// The provider's id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Description.
    #[schema(required = true)]
    pub description: Option<String>,
    /// Where it is kept.
    pub origin: GroupOrigin,
    /// The application that it was imported from, by id.
    #[schema(required = true)]
    pub source_resource: Option<String>,
    /// Whether every account that is not deactivated is a member.
    pub everyone: bool,
    /// Members, by the provider's own count.
    pub member_count: Observed<u64>,
    /// Applications assigned to it, by the provider's own count.
    pub resource_count: Observed<u64>,
    /// When it was created.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When its profile last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// When its members last changed.
    #[schema(required = true)]
    pub last_membership_updated: Option<Instant>,
    /// The whole profile, as the provider has it.
    pub profile: serde_json::Value,
}

/// What puts accounts into groups.
#[derive(Debug, Serialize, ToSchema)]
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
    #[schema(required = true)]
    pub expression: Option<String>,
    /// Groups that it puts accounts into, by id.
    pub target_groups: Vec<String>,
    /// Accounts that it never touches, by id.
    pub excluded_accounts: Vec<String>,
    /// Groups whose members it never touches, by id.
    pub excluded_groups: Vec<String>,
}

/// Anything that is reached: an application.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resource {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Name in the provider's catalogue.
    #[schema(required = true)]
    pub catalog_name: Option<String>,
    /// Whether it can be reached at all.
    pub status: ResourceStatus,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// How people sign on (`SAML_2_0`, `OPENID_CONNECT`).
    #[schema(required = true)]
    pub sign_on_mode: Option<String>,
    /// Provisioning features that are switched on.
    pub features: Vec<String>,
    /// Whether everyone may use it without an assignment.
    pub implicit_assignment: Observed<bool>,
    /// The id that it signs in with itself, for applications that do.
    #[schema(required = true)]
    pub client_id: Option<String>,
    /// Whether it acts by itself, without a person.
    pub service: bool,
    /// When it was created.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// The rest as the provider has it, without secrets and links.
    pub raw: serde_json::Value,
}

/// A set of administrative privileges.
#[derive(Debug, Serialize, ToSchema)]
pub struct Role {
    /// The provider's id: a type (`SUPER_ADMIN`) or the id of a custom role.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// What it is for.
    #[schema(required = true)]
    pub description: Option<String>,
    /// Whether the organisation made it.
    pub custom: bool,
}

/// Something that a role allows.
#[derive(Debug, Serialize, ToSchema)]
pub struct Permission {
    /// What limits it further, as the provider has it; null where nothing does.
    pub conditions: serde_json::Value,
    /// The provider's name of it: `okta.users.read`.
    pub name: String,
    /// The role's id.
    pub role: String,
}

/// A named set of resources that roles are limited to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeSet {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// What it is for.
    #[schema(required = true)]
    pub description: Option<String>,
    /// When it was created.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
}

/// A group has an owner, who decides about its members.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ownership {
    /// The group's id.
    pub group: String,
    /// Who owns it.
    pub owner: Principal,
    /// The owner's name, as the provider has it.
    #[schema(required = true)]
    pub name: Option<String>,
    /// Where the ownership is kept: the provider itself or a directory.
    #[schema(required = true)]
    pub origin: Option<String>,
}

/// A group is copied into an application.
#[derive(Debug, Serialize, ToSchema)]
pub struct Push {
    /// The application's id.
    pub resource: String,
    /// The provider's id of the mapping.
    pub id: String,
    /// The group that is copied, by id.
    pub group: String,
    /// The group there, as the provider knows it.
    #[schema(required = true)]
    pub target_group: Option<String>,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was last copied or changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
}

/// A second factor of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Factor {
    /// The account's id.
    pub account: String,
    /// The provider's id.
    pub id: String,
    /// What it is, in the provider's word: `push`, `sms`, `webauthn`.
    pub kind: String,
    /// Who checks it, in the provider's word.
    #[schema(required = true)]
    pub provider: Option<String>,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was enrolled.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
}

/// What is asked of people before they get in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Policy {
    /// The provider's id.
    pub id: String,
    /// What it decides about, in the provider's word: `ACCESS_POLICY`.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// Whether the provider made it.
    pub system: bool,
    /// Rank among those of its kind: the lowest is asked first.
    #[schema(required = true)]
    pub priority: Option<i64>,
    /// When it was last changed; a change of its rules does not show.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// The rest as the provider has it, without secrets and links.
    pub raw: serde_json::Value,
}

/// Somebody else whose word about people is taken: an identity provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trust {
    /// The provider's id.
    pub id: String,
    /// What it is, in the provider's word: `SAML2`, `OIDC`.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was created.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// The rest as the provider has it, without secrets and links.
    pub raw: serde_json::Value,
}

/// A device that people sign in from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Device {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Operating system, in the provider's word.
    #[schema(required = true)]
    pub platform: Option<String>,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was registered.
    #[schema(required = true)]
    pub created: Option<Instant>,
    /// When it was last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// The rest as the provider has it, without secrets and links.
    pub raw: serde_json::Value,
}

/// Anything else that the organisation has set up, such as a network zone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Setting {
    /// What it is: `network_zone`, `log_stream`.
    pub kind: String,
    /// The provider's id, unique for its kind.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word, where it has one.
    #[schema(required = true)]
    pub raw_status: Option<String>,
    /// When it was last changed.
    #[schema(required = true)]
    pub last_updated: Option<Instant>,
    /// The whole of it, without secrets and links.
    pub raw: serde_json::Value,
}

/// One change, as the provider's log tells it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// The provider's id of the event.
    pub id: String,
    /// When it was done.
    pub time: Instant,
    /// What was done, in the provider's word: `group.user_membership.add`.
    pub kind: String,
    /// Whether it was done; an attempt that failed changed nothing.
    pub succeeded: bool,
    /// Who did it.
    #[schema(required = true)]
    pub actor: Option<Party>,
    /// To whom or what.
    pub targets: Vec<Party>,
}
