//! Data sources: connecting them, reading them, and reading them again on an interval.
//!
//! - [`Host`]: connects, checks, reads, changes and removes data sources, for whatever program it is part of.
//! - [`Supervisor`]: every data source of a host on its interval, until stopped; what goes on and what happened.
//! - [`Sync`]: the loop that turns a connector's tasks into a sealed snapshot, with its checkpoint after every step.
//! - [`Governor`]: how many calls may be made, per rate-limit bucket.
//! - `worklist`: which task is next, and when a scope has been read completely.
//! - [`Schedule`]: when each data source is due.
//! - [`kept`]: what the program keeps in a data source's settings.
//!
//! Nothing here knows a concrete connector or HTTP.

mod error;
mod governor;
mod host;
pub mod kept;
mod opened;
mod progress;
mod run;
mod schedule;
mod supervisor;
mod worklist;

pub use error::{FailureKind, HostError};
pub use governor::{BucketUse, Governor, GovernorOptions};
pub use host::{Details, Host, HostOptions, NewConnection, Outcome, check_email};
pub use opened::{Checked, Opened};
pub use progress::Progress;
pub use run::{Change, Event, Sync, SyncError, SyncOptions, SyncReport};
pub use schedule::Schedule;
pub use supervisor::{Activity, Finished, Happened, SourceEvent, SourceState, Supervisor, Watch};
