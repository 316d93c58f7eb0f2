//! How the organisation is set up: policies, trusts, devices and other settings.

use serde::{Deserialize, Serialize};

use crate::{RawJson, Time};

/// What is asked of people before they get in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The provider's id.
    pub id: String,
    /// What it decides about, in the provider's word: `ACCESS_POLICY`, `PASSWORD`.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// Whether the provider made it.
    pub system: bool,
    /// Rank among those of its kind: the lowest is asked first.
    pub priority: Option<i64>,
    /// When it was last changed; a change of its rules does not show.
    pub last_updated: Option<Time>,
    /// The rest, without secrets and links.
    pub raw: RawJson,
}

/// One case of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyRule {
    /// The policy's id.
    pub policy: String,
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// Whether the provider made it.
    pub system: bool,
    /// Rank among the rules of its policy: the lowest is asked first.
    pub priority: Option<i64>,
    /// The rest, without secrets and links.
    pub raw: RawJson,
}

/// A policy decides who gets into a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Governance {
    /// The resource's id.
    pub resource: String,
    /// The policy's id.
    pub policy: String,
}

/// Somebody else whose word about people is taken: an identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trust {
    /// The provider's id.
    pub id: String,
    /// What it is, in the provider's word: `SAML2`, `OIDC`, `GOOGLE`.
    pub kind: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was created.
    pub created: Option<Time>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
    /// The rest, without secrets and links.
    pub raw: RawJson,
}

/// An account is known to an identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustUse {
    /// The identity provider's id.
    pub trust: String,
    /// The account's id.
    pub account: String,
    /// The account's id there.
    pub external_id: Option<String>,
}

/// A device that people sign in from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// The provider's id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Operating system, in the provider's word.
    pub platform: Option<String>,
    /// Status in the provider's own word.
    pub raw_status: String,
    /// When it was registered.
    pub created: Option<Time>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
    /// The rest, without secrets and links.
    pub raw: RawJson,
}

/// An account uses a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceUse {
    /// The device's id.
    pub device: String,
    /// The account's id.
    pub account: String,
    /// Whether the organisation manages the device, in the provider's word.
    pub management: Option<String>,
    /// Since when.
    pub since: Option<Time>,
}

/// Anything else that the organisation has set up, such as a network zone or a log stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is: `network_zone`, `log_stream`.
    pub kind: String,
    /// The provider's id, unique for its kind.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Status in the provider's own word, where it has one.
    pub raw_status: Option<String>,
    /// When it was last changed.
    pub last_updated: Option<Time>,
    /// The whole of it, without secrets and links.
    pub raw: RawJson,
}
