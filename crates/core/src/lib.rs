//! The vocabulary of Sightline: what a connector reads and what everything else talks about.
//!
//! - [`time`], [`secret`], [`observed`], [`json`]: values.
//! - [`entity`], [`edge`], [`record`]: the normalized schema.
//! - [`scope`], [`snapshot`]: completeness and sealed state.
//! - [`error`], [`budget`], [`source`], [`registry`]: what a connector implements and what it is given.
//!
//! This crate does no I/O and knows neither a runtime, a store nor an HTTP client.

pub mod budget;
pub mod edge;
pub mod entity;
pub mod error;
pub mod json;
pub mod observed;
pub mod record;
pub mod registry;
pub mod scope;
pub mod secret;
pub mod snapshot;
pub mod source;
pub mod time;

pub use edge::{Assignment, AssignmentOrigin, Holding, HoldingScope, LastUse, Membership, Principal, Usage};
pub use entity::{
    Account, AccountStatus, ActivityWindow, EntityKind, Group, GroupOrigin, Resource, ResourceStatus, Role,
    Rule,
};
pub use error::{Error, ErrorKind, Result};
pub use json::RawJson;
pub use observed::Observed;
pub use record::Record;
pub use registry::{Registration, Registry};
pub use scope::{Coverage, Gap, GapReason, Scope};
pub use secret::Secret;
pub use snapshot::{Fact, ScopeState, Snapshot, SnapshotNumber};
pub use source::{
    About, Check, Context, DataSource, DatasetInfo, DynSource, Forecast, Info, Preflight, RawTask, Step,
    Tallies, Task, Tenant,
};
pub use time::Time;

/// What [`register!`] needs from crates that a connector does not depend on itself.
#[doc(hidden)]
pub mod private {
    pub use inventory;
}
