//! Why something that a person asked of a data source was not done.

use std::error::Error as StdError;

use sightline_core::source::{Check, Verdict};
use sightline_core::{Error, ErrorKind};
use sightline_store::StoreError;

use crate::kept::SwitchError;
use crate::run::SyncError;

/// Why something was not done; nothing was changed unless it says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The source could not be opened or asked.
    #[error(transparent)]
    Source(#[from] Error),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sync ended without a snapshot.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A dataset cannot be switched on or off.
    #[error(transparent)]
    Datasets(#[from] SwitchError),
    /// A name for a data source is needed.
    #[error("the name is empty")]
    NameEmpty,
    /// The text is no e-mail address.
    #[error("{email:?} is not an e-mail address")]
    NotAnEmail {
        /// The text.
        email: String,
    },
    /// The organisation is connected already.
    #[error("{address} is already connected as {name:?}")]
    AlreadyConnected {
        /// Id of the data source.
        id: u64,
        /// Its name.
        name: String,
        /// The address of the organisation.
        address: String,
    },
    /// The new credential is for another organisation than the old one.
    #[error("the new credential is for {address} ({found}), not for {old_address} ({expected})")]
    OtherOrganisation {
        /// The address that the new one is for.
        address: String,
        /// The id of its organisation.
        found: String,
        /// The address of the data source.
        old_address: String,
        /// The id of its organisation.
        expected: String,
    },
    /// Another organisation answers where the data source was.
    #[error("{address} is now another organisation: {found} instead of {expected}")]
    OrganisationChanged {
        /// The address of the data source.
        address: String,
        /// The id of the organisation that answers.
        found: String,
        /// The id of the data source's organisation.
        expected: String,
    },
    /// What nothing is seen without cannot be read for certain.
    #[error("{} is required and cannot be read for certain: {}: {}", .0.dataset, .0.verdict.phrase(), .0.detail)]
    RequiredUnread(Check),
    /// What must be in every complete list is not there.
    #[error("not found: {sought}")]
    PartHidden {
        /// What was looked for, and in which list.
        sought: String,
    },
    /// The data source has no credential any more.
    #[error("{name:?} is disconnected")]
    Disconnected {
        /// Its name.
        name: String,
    },
    /// A sync of the data source is running.
    #[error("{name:?} is being read already")]
    Running {
        /// Its name.
        name: String,
    },
    /// It was stopped from outside.
    #[error("stopped; nothing was kept")]
    Stopped,
    /// The work did not end properly.
    #[error("the work ended in a panic, which is a bug")]
    Panicked,
}

/// What kind of failure it is, as far as a program acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// Far fewer objects were found than last time: a person has to confirm that they are gone.
    NeedsConfirmation,
    /// The provider refuses the credential, or does not let it read what is required.
    CredentialRejected,
    /// The provider cannot be reached or does not answer properly.
    Unavailable,
    /// What was given is wrong.
    Input,
    /// It does not fit what is there: connected already, being read, of another organisation, a name that is taken.
    Conflict,
    /// The data source does not exist.
    NotFound,
    /// It was stopped from outside.
    Stopped,
    /// Something else, such as the store.
    Other,
}

impl FailureKind {
    const WORDS: [(Self, &str); 8] = [
        (Self::NeedsConfirmation, "needs_confirmation"),
        (Self::CredentialRejected, "credential_rejected"),
        (Self::Unavailable, "unavailable"),
        (Self::Input, "input"),
        (Self::Conflict, "conflict"),
        (Self::NotFound, "not_found"),
        (Self::Stopped, "stopped"),
        (Self::Other, "other"),
    ];

    /// It in a word, as it is stored.
    pub fn word(self) -> &'static str {
        Self::WORDS.into_iter().find(|(kind, _)| *kind == self).map_or("other", |(_, word)| word)
    }

    /// The kind that a word means; a word of another version is something else.
    pub fn of_word(word: &str) -> Self {
        Self::WORDS.into_iter().find(|(_, known)| *known == word).map_or(Self::Other, |(kind, _)| kind)
    }
}

impl HostError {
    /// What kind of failure it is.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Source(error) | Self::Sync(SyncError::Source(error)) => of_source(error),
            Self::Store(error) | Self::Sync(SyncError::Store(error)) => of_store(error),
            Self::Sync(SyncError::Cancelled) | Self::Stopped => FailureKind::Stopped,
            Self::Datasets(_) | Self::NameEmpty | Self::NotAnEmail { .. } => FailureKind::Input,
            Self::AlreadyConnected { .. }
            | Self::OtherOrganisation { .. }
            | Self::OrganisationChanged { .. }
            | Self::Disconnected { .. }
            | Self::Running { .. } => FailureKind::Conflict,
            Self::RequiredUnread(Check { verdict: Verdict::Refused(_), .. }) | Self::PartHidden { .. } => {
                FailureKind::CredentialRejected
            }
            Self::RequiredUnread(_) | Self::Sync(SyncError::Panicked) | Self::Panicked => FailureKind::Other,
        }
    }

    /// What was not done and why, in a line.
    pub fn text(&self) -> String {
        self.to_string()
    }

    /// The same with what led to it, in a line.
    pub fn text_with_causes(&self) -> String {
        let mut text = self.text();
        for cause in self.causes() {
            text.push_str(": ");
            text.push_str(&cause);
        }
        text
    }

    /// What a person should do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Source(error) | Self::Sync(SyncError::Source(error)) => {
                error.hint_text().map(ToOwned::to_owned)
            }
            Self::Store(error) | Self::Sync(SyncError::Store(error)) => error.hint(),
            Self::Datasets(error) => error.hint(),
            Self::AlreadyConnected { name, .. } => Some(format!("read {name:?}, or replace its credential")),
            Self::OtherOrganisation { .. } => {
                Some("the old one was kept; connect the other system as a data source of its own".to_owned())
            }
            Self::PartHidden { .. } => Some(
                "the credential sees only a part of the organisation, and nothing marks what is missing"
                    .to_owned(),
            ),
            Self::Disconnected { .. } => Some("give it a credential to read it again".to_owned()),
            Self::Running { .. } => Some("wait until it is done, or stop it".to_owned()),
            _ => None,
        }
    }

    /// What led to it, the nearest first.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes
    }
}

fn of_source(error: &Error) -> FailureKind {
    match error.kind() {
        ErrorKind::Config => FailureKind::Input,
        ErrorKind::Auth | ErrorKind::Forbidden { .. } | ErrorKind::NotLicensed => {
            FailureKind::CredentialRejected
        }
        _ => FailureKind::Unavailable,
    }
}

fn of_store(error: &StoreError) -> FailureKind {
    match error {
        StoreError::LargeDrop { .. } => FailureKind::NeedsConfirmation,
        StoreError::NoSuchSource { .. } | StoreError::Missing { .. } => FailureKind::NotFound,
        StoreError::NameTaken { .. } => FailureKind::Conflict,
        _ => FailureKind::Other,
    }
}
