//! How a command fails: a text, what to do about it, and an exit code.

use std::error::Error as StdError;
use std::io::Write;
use std::process::ExitCode;

use sightline_answer::AnswerError;
use sightline_core::ErrorKind;
use sightline_core::source::Verdict;
use sightline_store::StoreError;
use sightline_sync::kept::SwitchError;
use sightline_sync::{HostError, SyncError};

use crate::output::printable;

/// Something went wrong that no other code describes.
pub(crate) const FAILED: u8 = 1;
/// The command line, a setting or an input is wrong. (The same code that wrong flags give.)
pub(crate) const USAGE: u8 = 2;
/// The provider refuses the credential, or does not let it read what is required.
pub(crate) const REFUSED: u8 = 3;
/// The provider cannot be reached or does not answer properly.
pub(crate) const UNREACHABLE: u8 = 4;
/// The store cannot be used: another process holds it, its key is wrong, it is damaged.
pub(crate) const STORE: u8 = 5;
/// A person has to confirm.
pub(crate) const CONFIRM: u8 = 6;
/// What was asked for does not exist.
pub(crate) const NOT_FOUND: u8 = 7;
/// Stopped by a signal.
pub(crate) const INTERRUPTED: u8 = 130;

/// A command that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    causes: Vec<String>,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, causes: Vec::new(), code: FAILED }
    }

    /// A wrong command line, setting or input.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(message).code(USAGE)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    fn hint_if(self, hint: Option<impl Into<String>>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    #[must_use]
    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    fn caused_by(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut next = error.source();
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// Puts what was being done in front.
    #[must_use]
    pub(crate) fn context(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// Prints it to standard error and gives its exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let mut text = format!("error: {}\n", self.message);
        for cause in &self.causes {
            text.push_str(&format!("  because: {cause}\n"));
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
        // Nobody left to tell when standard error is closed.
        let _ = std::io::stderr().write_all(printable(&text).as_bytes());
        ExitCode::from(self.code)
    }
}

impl From<&sightline_core::Error> for Failure {
    fn from(error: &sightline_core::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Config => USAGE,
            ErrorKind::Auth | ErrorKind::Forbidden { .. } | ErrorKind::NotLicensed => REFUSED,
            _ => UNREACHABLE,
        };
        Self::new(error.message()).code(code).caused_by(error).hint_if(error.hint_text())
    }
}

impl From<sightline_core::Error> for Failure {
    fn from(error: sightline_core::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let code = match error {
            StoreError::LargeDrop { .. } => CONFIRM,
            StoreError::NoSuchSource { .. }
            | StoreError::NoSuchUser { .. }
            | StoreError::NoSuchToken { .. }
            | StoreError::Missing { .. } => NOT_FOUND,
            StoreError::NameTaken { .. }
            | StoreError::KeyInvalid { .. }
            | StoreError::UserNameTaken { .. }
            | StoreError::SubjectTaken { .. }
            | StoreError::LastAdmin { .. }
            | StoreError::NotAName { .. } => USAGE,
            _ => STORE,
        };
        let hint = match error {
            StoreError::LargeDrop { .. } => Some(
                "what was stored before stays in force; if the drop is real, confirm it with `sightline sync --accept-drop`"
                    .to_owned(),
            ),
            _ => error.hint(),
        };
        Self::new(error.to_string()).code(code).caused_by(error).hint_if(hint)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<AnswerError> for Failure {
    /// In the words of the command line.
    fn from(error: AnswerError) -> Self {
        let failure = Self::new(error.to_string()).code(if error.is_not_found() { NOT_FOUND } else { USAGE });
        match &error {
            AnswerError::Store(error) => error.into(),
            AnswerError::NothingRead => {
                failure.hint("connect one with `sightline source add`, then run `sightline sync`")
            }
            AnswerError::NoSuchSource { sources, .. } if sources.is_empty() => {
                failure.hint("there are no data sources yet; connect one with `sightline source add`")
            }
            AnswerError::SeveralFit(_) => failure.hint("give more of the name, the id, or --source"),
            AnswerError::WhichSource { sources, .. } => {
                failure.hint(format!("say whose with --source: {}", sources.join(", ")))
            }
            error => failure.hint_if(error.hint()),
        }
    }
}

impl From<&SyncError> for Failure {
    fn from(error: &SyncError) -> Self {
        match error {
            SyncError::Source(error) => error.into(),
            SyncError::Store(error) => error.into(),
            SyncError::Cancelled => Self::new(error.to_string()).code(INTERRUPTED),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<&HostError> for Failure {
    /// In the words of the command line.
    fn from(error: &HostError) -> Self {
        let (text, hint) = (error.to_string(), error.hint());
        match error {
            HostError::Source(error) => error.into(),
            HostError::Store(error) => error.into(),
            HostError::Sync(error) => error.into(),
            HostError::Datasets(SwitchError::Both { dataset }) => {
                Self::usage(format!("{dataset} cannot be both --with and --without"))
            }
            HostError::Datasets(_) => Self::usage(text).hint_if(hint),
            HostError::NameEmpty => Self::usage("--name is empty"),
            HostError::NotAnEmail { .. } => Self::usage(format!("--email: {text}")),
            HostError::AlreadyConnected { name, .. } => Self::usage(text).hint(format!(
                "read it with `sightline sync {name:?}`, or replace its credential with `sightline source rotate {name:?} …`"
            )),
            HostError::OtherOrganisation { .. } => Self::usage(text)
                .hint("the old one was kept; connect the other system with `sightline source add`"),
            HostError::Disconnected { name } => Self::usage(text)
                .hint(format!("give it a credential with `sightline source rotate {name:?} …`")),
            HostError::RequiredUnread(check) => {
                let is_refused = matches!(check.verdict, Verdict::Refused(_));
                Self::new(text).code(if is_refused { REFUSED } else { FAILED })
            }
            HostError::Stopped => Self::new(text).code(INTERRUPTED),
            _ => Self::new(text).hint_if(hint),
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::from(&error)
    }
}

impl From<sightline_server::ServerError> for Failure {
    fn from(error: sightline_server::ServerError) -> Self {
        use sightline_server::ServerError;
        let code = match &error {
            ServerError::Insecure { .. }
            | ServerError::Listen { .. }
            | ServerError::Tls { .. }
            | ServerError::Oidc { .. } => USAGE,
            ServerError::Store(_) => STORE,
            _ => FAILED,
        };
        Self::new(error.to_string()).code(code).caused_by(&error).hint_if(error.hint())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
