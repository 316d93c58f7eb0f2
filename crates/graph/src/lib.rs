//! Who can reach what, by which paths, and what would end it: pure, synchronous, in memory.
//!
//! A [`Graph`] is built once from the facts of a sealed snapshot ([`Builder`]) and is immutable and shared by all readers.
//!
//! - [`graph`]: the [`Graph`], its entities and how they are connected.
//! - [`find`]: from what a person typed to an account, a group or a resource.
//! - [`access`]: [`Graph::who`] and [`Graph::what`].
//! - [`evidence`]: which facts an answer rests on.
//! - [`explain`], [`removal`]: [`Graph::why`] and what would end it.
//! - [`admins`], [`administration`], [`service_apps`]: roles, what they allow and are limited to, and who acts without a
//!   person.
//! - [`compare`]: who reaches what in one graph and not in another.
//! - [`history`]: what became of facts between two snapshots, and who did it.
//! - [`reach`]: how much every account can reach, and how much of it is used.
//! - [`reporting`], [`usage`], [`summary`], [`gaps`]: managers, last use, totals, and what may be hidden.
//!
//! Facts are never invented and never dropped in silence: an edge whose end is unknown is counted in
//! [`Graph::skipped`], access that the provider reports without a visible path keeps a path that says so.
//!
//! This crate does no I/O.

pub mod access;
pub mod administration;
pub mod admins;
pub mod compare;
pub mod evidence;
pub mod explain;
pub mod find;
pub mod gaps;
pub mod graph;
pub mod history;
pub mod reach;
pub mod removal;
pub mod reporting;
pub mod service_apps;
pub mod summary;
pub mod usage;

mod accounts;
mod adjacency;
mod build;
mod index;
mod ways;

pub use access::{Access, Block, Path, PathKind};
pub use accounts::AccountSummary;
pub use administration::SetContents;
pub use admins::{AdminHolding, Holder, Via};
pub use build::Builder;
pub use compare::{ReachChange, ReachReason};
pub use explain::{ExplainedPath, Explanation, Hop, HopKind, NeededGroup};
pub use find::Found;
pub use graph::{About, Graph, Provenance, Skipped};
pub use index::{AccountIx, GroupIx, ResourceIx};
pub use reach::{Reach, Reached};
pub use removal::{Act, Alternatives, Collateral, Hindrance, Removal, RemovalStep};
pub use reporting::Manager;
pub use service_apps::{Power, ServiceApp};
pub use summary::Summary;
