//! What something or somebody proves to be itself with: never the value.

use serde::{Deserialize, Serialize};

use crate::{RawJson, Time};

/// What kind of credential it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// The provider's id.
    pub id: String,
    /// What it is.
    pub kind: CredentialKind,
    /// Name for people.
    pub name: String,
    /// Whose it is: `account/ID` or `resource/ID`.
    pub owner: Option<String>,
    /// Status in the provider's own word, where it has one.
    pub raw_status: Option<String>,
    /// What it may do, in the provider's words, where it says so itself.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: Option<Time>,
    /// When it was last used or changed, whichever the provider tells.
    pub last_updated: Option<Time>,
    /// When it stops working.
    pub expires: Option<Time>,
    /// The rest, without secrets and links.
    pub raw: RawJson,
}

/// An application was allowed to use a part of the provider's interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiGrant {
    /// The application's id.
    pub resource: String,
    /// What was allowed: `okta.users.read`.
    pub scope: String,
    /// Status in the provider's own word, where it has one.
    pub raw_status: Option<String>,
    /// Who allowed it: `account/ID`.
    pub granted_by: Option<String>,
    /// When.
    pub since: Option<Time>,
}

/// A second factor of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// The account's id.
    pub account: String,
    /// The provider's id.
    pub id: String,
    /// What it is, in the provider's word: `push`, `sms`, `webauthn`.
    pub kind: String,
    /// Who checks it, in the provider's word.
    pub provider: Option<String>,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was enrolled.
    pub created: Option<Time>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
}
