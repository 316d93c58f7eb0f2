//! The vocabulary of Sightline: what a connector reads and what everything else talks about.
//!
//! - [`time`], [`secret`], [`observed`], [`json`]: values.
//! - [`entity`], [`edge`], [`admin`], [`credential`], [`posture`], [`change`], [`record`]: the normalized schema.
//! - [`scope`], [`snapshot`], [`sink`]: completeness and sealed state.
//! - [`error`], [`budget`], [`source`], [`registry`]: what a connector implements and what it is given.
//!
//! This crate does no I/O and knows neither a runtime, a store nor an HTTP client.

pub mod admin;
pub mod budget;
pub mod change;
pub mod credential;
pub mod edge;
pub mod entity;
pub mod error;
pub mod json;
pub mod observed;
pub mod posture;
pub mod record;
pub mod registry;
pub mod scope;
pub mod secret;
pub mod sink;
pub mod snapshot;
pub mod source;
pub mod time;

pub use admin::{Ownership, Permission, ScopeSet, SetMember};
pub use change::{Change, Party};
pub use credential::{ApiGrant, Credential, CredentialKind, Factor};
pub use edge::{
    Assignment, AssignmentOrigin, Holding, HoldingScope, LastUse, Link, Membership, Principal, Push, Usage,
};
pub use entity::{
    Account, AccountStatus, ActivityWindow, EntityKind, Group, GroupOrigin, Resource, ResourceStatus, Role,
    Rule,
};
pub use error::{Error, ErrorKind, Result};
pub use json::RawJson;
pub use observed::Observed;
pub use posture::{Device, DeviceUse, Governance, Policy, PolicyRule, Setting, Trust, TrustUse};
pub use record::Record;
pub use registry::{Registration, Registry};
pub use scope::{Coverage, Gap, GapReason, Scope};
pub use secret::Secret;
pub use sink::{AssignmentBlock, AssignmentTerms, FactSink, MemberBlock, Names, Sighting};
pub use snapshot::{Fact, ScopeState, Snapshot, SnapshotNumber};
pub use source::{
    About, Absent, Check, Context, DataSource, DatasetInfo, DynSource, Forecast, Info, Preflight, RawTask,
    SoFar, Step, Tallies, Task, Tenant,
};
pub use time::Time;

/// What [`register!`] needs from crates that a connector does not depend on itself.
#[doc(hidden)]
pub mod private {
    pub use inventory;
}
