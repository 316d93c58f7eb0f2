//! Who can reach what, by which paths, and what would end it: pure, synchronous, in memory.
//!
//! A [`Graph`] is built once from a sealed [`sightline_core::Snapshot`] and is immutable and shared by all readers.
//!
//! - [`graph`]: the [`Graph`], its entities and how they are connected.
//! - [`find`]: from what a person typed to an account, a group or a resource.
//! - [`access`]: [`Graph::who`] and [`Graph::what`].
//! - [`explain`], [`removal`]: [`Graph::why`] and what would end it.
//! - [`admins`], [`usage`], [`summary`], [`gaps`]: roles, last use, totals, and what may be hidden.
//!
//! Facts are never invented and never dropped in silence: an edge whose end is unknown is counted in
//! [`Graph::skipped`], access that the provider reports without a visible path keeps a path that says so.
//!
//! This crate does no I/O.

pub mod access;
pub mod admins;
pub mod explain;
pub mod find;
pub mod gaps;
pub mod graph;
pub mod removal;
pub mod summary;
pub mod usage;

mod adjacency;
mod build;
mod index;

pub use access::{Access, Block, Path, PathKind};
pub use admins::{AdminHolding, Via};
pub use explain::{ExplainedPath, Explanation, Hop, HopKind, NeededGroup};
pub use find::Found;
pub use graph::{Graph, Provenance, Skipped};
pub use index::{AccountIx, GroupIx, ResourceIx};
pub use removal::{Act, Alternatives, Collateral, Hindrance, Removal, RemovalStep};
pub use summary::Summary;
