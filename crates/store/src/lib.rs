//! Everything that is kept, in one embedded database: data sources and their credentials, syncs in progress,
//! snapshots and their history, and who uses Sightline and did what with it.
//!
//! - [`Store`]: the open store; [`OpenOptions`] say how it is opened.
//! - [`Vault`] and [`Key`]: credentials are encrypted at rest with a key that is kept beside the store or given.
//! - [`SourceRecord`], [`NewSource`]: data sources.
//! - [`StepOutcome`], [`Mark`], [`SyncInProgress`]: a sync in progress is durable after every batch of steps.
//! - [`SealRules`], [`SealReport`]: a finished sync becomes a snapshot, all of it or nothing.
//! - [`SnapshotMeta`]: sealed snapshots, current and historic; [`FactChange`]: what differs between two.
//! - [`UserRecord`], [`Session`], [`ApiToken`]: those who use Sightline itself; [`AuditEntry`]: what they did.
//! - [`Store::back_up`] and [`restore`]: a copy of everything in one file; [`check_up`]: what of it all is intact.
//!
//! Calls block; a caller in an asynchronous runtime runs them on a thread where blocking is allowed.

mod api_token;
mod audit;
mod backup;
mod bytes;
mod codec;
mod dictionary;
mod diff;
mod edges;
mod error;
mod failed_sync;
mod figures;
mod keys;
mod kind;
mod lock;
mod lookup;
mod open;
mod pages;
mod progress;
mod prune;
mod read;
mod retention;
mod rows;
mod seal;
mod secret_hash;
mod session;
mod source;
mod staging;
mod state;
mod tables;
mod user;
mod vault;
mod verify;

pub use api_token::{ApiToken, NewApiToken, TokenScope};
pub use audit::{Actor, AuditEntry, AuditNote, Outcome};
pub use backup::{Copied, restore};
pub use diff::FactChange;
pub use error::{Result, StoreError};
pub use failed_sync::FailedSync;
pub use figures::Figures;
pub use open::{OpenMode, OpenOptions, Store};
pub use pages::Pages;
pub use progress::{Mark, ScopeProgress, StepOutcome, SyncInProgress, SyncRow};
pub use read::SnapshotMeta;
pub use retention::Retention;
pub use seal::{DatasetChange, SealReport, SealRules};
pub use secret_hash::SecretHash;
pub use session::Session;
pub use source::{NewSource, SourceRecord};
pub use user::{NewUser, OidcSubject, PasswordHash, UserRecord, UserRole};
pub use vault::{Key, Vault};
pub use verify::{Checkup, SnapshotCheckup, SourceCheckup, check_up};
