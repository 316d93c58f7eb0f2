//! One error type for everything that reads a source, with the few kinds that the host acts on.

use std::error::Error as StdError;
use std::fmt;

use crate::{GapReason, Time};

/// The result of something that may fail to read a source.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the host does about an error; everything else is in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings are wrong: stop and ask a person.
    Config,
    /// The credential is not accepted: stop and ask a person.
    Auth,
    /// The credential may not read this: a gap.
    Forbidden {
        /// The permission that would allow it, in the provider's words.
        permission: Option<String>,
    },
    /// The organisation has not bought or switched on the feature: a gap.
    NotLicensed,
    /// The provider does not offer this: a gap.
    Unsupported,
    /// The rate limit is used up: wait, then the same again.
    RateLimited {
        /// When there is budget again.
        until: Time,
    },
    /// Not reachable or failing: tried again already, now a gap.
    Unavailable,
    /// It could not answer so much at once: may pass, and a smaller question may be answered.
    Overloaded,
    /// The object is no longer there: a tombstone.
    Gone,
    /// The answer breaks the protocol, perhaps because it was cut on the way: tried again, then a gap.
    Protocol,
    /// The request was not accepted as it is, and would not be the next time: a gap.
    Rejected,
}

/// Something that failed, as a lowercase fragment that completes "failed to …".
///
/// Its texts may be shown, logged and stored: they never hold a credential, a body or a personal detail.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind with this text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Adds what a person should do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts what was being done in front of the text.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What the host does about it.
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The text without the cause.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What a person should do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether the same call may succeed a little later.
    pub const fn may_pass(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::Overloaded)
    }

    /// Whether the source will not let this be read, now and later.
    pub const fn is_refusal(&self) -> bool {
        matches!(self.kind, ErrorKind::Forbidden { .. } | ErrorKind::NotLicensed | ErrorKind::Unsupported)
    }

    /// The reason of the gap that this error leaves; none for errors that stop a sync or need no gap.
    pub fn gap_reason(&self) -> Option<GapReason> {
        match &self.kind {
            ErrorKind::Forbidden { permission } => Some(GapReason::Denied { permission: permission.clone() }),
            ErrorKind::NotLicensed => Some(GapReason::NotLicensed),
            ErrorKind::Unsupported => Some(GapReason::Unsupported),
            ErrorKind::Unavailable | ErrorKind::Overloaded => Some(GapReason::Unavailable),
            ErrorKind::Protocol | ErrorKind::Rejected => Some(GapReason::Protocol),
            ErrorKind::Config | ErrorKind::Auth | ErrorKind::RateLimited { .. } | ErrorKind::Gone => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
