//! What can go wrong with the store, in words for the person who runs it.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use sightline_core::{SnapshotNumber, Time};
use thiserror::Error;

use crate::bytes::Malformed;

/// The result of something that uses the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why the store could not do something, as a lowercase fragment that completes "failed to …".
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no store in the data directory, and it was opened for reading only.
    #[error("no store in {}", .dir.display())]
    Missing {
        /// The data directory.
        dir: PathBuf,
    },
    /// Another process holds the store.
    #[error("the store is in use{}", holder(*.pid, .command.as_deref(), *.since))]
    Busy {
        /// The process that holds it, where it said so and still runs.
        pid: Option<u32>,
        /// What that process is doing.
        command: Option<String>,
        /// Since when.
        since: Option<Time>,
    },
    /// The last process that wrote to the store was interrupted, and only a writer can put it in order.
    #[error("the store was not closed properly and is open for reading only")]
    Unclean,
    /// The file is not a store of this program.
    #[error("{} is not a Sightline store", .path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
    },
    /// A later version of the program wrote the store.
    #[error("the store has format {found}, this version reads formats up to {supported}")]
    Newer {
        /// Format of the store.
        found: u32,
        /// Newest format that this version reads.
        supported: u32,
    },
    /// An earlier version of the program wrote the store, in a format that is no longer read.
    #[error("the store has format {found}, this version reads only format {supported}")]
    Older {
        /// Format of the store.
        found: u32,
        /// The format that this version reads.
        supported: u32,
    },
    /// Something in the store cannot be read back.
    #[error("the store is damaged: {what}")]
    Damaged {
        /// What exactly.
        what: String,
    },
    /// The file system refused.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was tried: `create`, `read`.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be made smaller while somebody reads it.
    #[error("the store is being read")]
    InUse,
    /// There is something already that is not to be replaced.
    #[error("{} is there already", .path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// Writing failed before, and nothing more is written until the store is opened again.
    #[error("writing to {} has failed before", .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
    },
    /// The store was opened for reading only.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// The database refused.
    #[error("the database failed")]
    Database(#[source] Box<redb::Error>),
    /// A value could not be written down.
    #[error("a value cannot be stored: {what}")]
    Unwritable {
        /// What and why.
        what: String,
    },

    /// The key is not the one that the credentials were encrypted with.
    #[error("the key does not open this store")]
    WrongKey,
    /// The store holds credentials, but their key file is gone.
    #[error("the key file {} is missing", .path.display())]
    KeyMissing {
        /// Where it is expected.
        path: PathBuf,
    },
    /// Others on this machine can read the key file.
    #[error("the key file {} can be read by others (mode {mode:03o})", .path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not a key.
    #[error("not a key: {reason}")]
    KeyInvalid {
        /// What is wrong with it; never the text itself.
        reason: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandom,

    /// No data source has this id or name.
    #[error("no data source {source_name:?}")]
    NoSuchSource {
        /// The id or name.
        source_name: String,
    },
    /// Another data source has this name.
    #[error("there is already a data source {name:?}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No user has this id or name.
    #[error("no user {user:?}")]
    NoSuchUser {
        /// The id or name.
        user: String,
    },
    /// Another user has this name, in upper or lower case.
    #[error("there is already a user {name:?}")]
    UserNameTaken {
        /// The name of that user.
        name: String,
    },
    /// The account at the identity provider belongs to another user.
    #[error("that account of the identity provider signs in the user {name:?} already")]
    SubjectTaken {
        /// The name of that user.
        name: String,
    },
    /// Without this user nobody could administer Sightline.
    #[error("{name:?} is the last administrator who is not disabled")]
    LastAdmin {
        /// The name.
        name: String,
    },
    /// The user may not sign in.
    #[error("the user {name:?} is disabled")]
    UserDisabled {
        /// The name.
        name: String,
    },
    /// The text cannot be the name of a user or an API token.
    #[error("not a name: {reason}")]
    NotAName {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No API token has this id.
    #[error("no API token {id}")]
    NoSuchToken {
        /// The id.
        id: u64,
    },
    /// The audit log is not what was written.
    #[error("entry {number} of the audit log {what}")]
    AuditBroken {
        /// The first entry that is not right.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The data source has no snapshot with this number.
    #[error("no snapshot {number}")]
    NoSuchSnapshot {
        /// The number.
        number: SnapshotNumber,
    },
    /// The snapshot was given up.
    #[error("snapshot {number} of {sealed} was not kept")]
    Pruned {
        /// The number.
        number: SnapshotNumber,
        /// When it was sealed.
        sealed: Time,
    },

    /// The data source already has a sync in progress.
    #[error("sync {number} is still in progress")]
    SyncInProgress {
        /// Its number.
        number: SnapshotNumber,
    },
    /// The data source has no sync in progress, or not this one.
    #[error("no such sync in progress")]
    NoSync,
    /// The task is not, or no longer, among the tasks of the sync.
    #[error("task {task} is not part of the sync in progress")]
    NoSuchTask {
        /// Its id.
        task: u64,
    },
    /// A sync was to be sealed before all its tasks were done.
    #[error("the sync still has {tasks} tasks to do")]
    Unfinished {
        /// How many.
        tasks: u64,
    },
    /// Much less of a kind was read than before; nothing was sealed.
    #[error("{kind} facts would drop from {before} to {after}")]
    LargeDrop {
        /// The kind of fact: `account`, `membership`.
        kind: &'static str,
        /// How many there are in the last snapshot.
        before: u64,
        /// How many would be left.
        after: u64,
    },
}

impl StoreError {
    /// What a person should do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing { .. } => "connect a data source first, or name another data directory".to_owned(),
            Self::Busy { .. } => "wait until it is done, or stop it".to_owned(),
            Self::Unclean => {
                "run a command that writes, such as `sightline sync`; it puts the store in order".to_owned()
            }
            Self::NotAStore { .. } => "name another data directory, or move the file away".to_owned(),
            Self::Newer { .. } => "use the version of Sightline that wrote it, or a later one".to_owned(),
            Self::Older { .. } => {
                "made by an earlier version; its snapshots cannot be read by this one: use a new data directory (the \
                 data sources have to be connected again)"
                    .to_owned()
            }
            Self::Damaged { .. } => {
                "run `sightline doctor`, which says what is intact; restore the rest from a backup".to_owned()
            }
            Self::Occupied { .. } => "name another file or directory, or move this one away".to_owned(),
            Self::NotWritten { .. } => "see to what made it fail, then start again".to_owned(),
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    format!("make {} writable for this user, or name another data directory", path.display())
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    "make room for it; what was stored before is whole, and an unfinished sync goes on".to_owned()
                }
                _ => return None,
            },
            Self::WrongKey => "give the key that this store was made with".to_owned(),
            Self::KeyMissing { .. } => {
                "restore the key file from a backup, or give the key; without it remove the data sources and \
                 connect them again"
                    .to_owned()
            }
            Self::KeyExposed { path, .. } => format!("chmod 600 {}", path.display()),
            Self::KeyInvalid { .. } => "a key is 32 bytes, written as 64 hex digits or in base64".to_owned(),
            Self::Pruned { .. } => "ask for a snapshot that is kept; how long is set under [history]".to_owned(),
            Self::InUse => "try again when no other command reads the store".to_owned(),
            Self::LastAdmin { .. } => "make another user an administrator first".to_owned(),
            Self::AuditBroken { .. } => {
                "somebody, or a fault of the disk, has changed what is stored: keep a copy of the file, and compare \
                 the log with that of a backup"
                    .to_owned()
            }
            Self::SyncInProgress { .. } => "resume it, or abandon it".to_owned(),
            Self::LargeDrop { .. } => {
                "check the credential's permissions; if the drop is real, confirm it and seal again"
                    .to_owned()
            }
            _ => return None,
        })
    }

    /// Names the file where the file system did not let the database write.
    pub(crate) fn writing(self, file: &Path) -> Self {
        match self {
            Self::Database(error) => match *error {
                redb::Error::Io(error) => Self::io("write", file)(error),
                redb::Error::PreviousIo => Self::NotWritten { path: file.to_owned() },
                error => Self::Database(Box::new(error)),
            },
            error => error,
        }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    /// Says where something is that cannot be read back.
    pub(crate) fn within(self, place: &str) -> Self {
        match self {
            Self::Damaged { what } => Self::Damaged { what: format!("{place}: {what}") },
            other => other,
        }
    }

    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}

fn holder(pid: Option<u32>, command: Option<&str>, since: Option<Time>) -> String {
    let mut text = String::new();
    if let Some(command) = command {
        let _ = write!(text, " by `{command}`");
    }
    if let Some(pid) = pid {
        let _ = write!(text, " (pid {pid})");
    }
    if let Some(since) = since {
        let _ = write!(text, " since {since}");
    }
    if text.is_empty() {
        text.push_str(" by another process");
    }
    text
}

impl From<Malformed> for StoreError {
    fn from(what: Malformed) -> Self {
        Self::damaged(what)
    }
}

macro_rules! from_redb {
    ($($error:ty),* $(,)?) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                match redb::Error::from(error) {
                    redb::Error::Corrupted(what) => Self::Damaged { what },
                    error => Self::Database(Box::new(error)),
                }
            }
        })*
    };
}

from_redb!(
    redb::StorageError,
    redb::TableError,
    redb::TransactionError,
    redb::CommitError,
    redb::SetDurabilityError,
);
