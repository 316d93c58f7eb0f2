//! The sync loop: what turns a connector's tasks into a sealed snapshot.
//!
//! - [`Governor`]: how many calls may be made, per rate-limit bucket.
//! - `worklist`: which task is next, and when a scope has been read completely.
//! - [`Sync`]: the loop, with its checkpoint after every step.
//! - [`Schedule`]: every data source on its interval.
//!
//! Nothing here knows a concrete connector or HTTP.

mod governor;
mod run;
mod schedule;
mod worklist;

pub use governor::{BucketUse, Governor, GovernorOptions};
pub use run::{Change, Event, Sync, SyncError, SyncOptions, SyncReport};
pub use schedule::Schedule;
