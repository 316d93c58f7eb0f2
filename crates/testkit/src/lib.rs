//! The conformance kit: what every connector has to do, checked against an upstream that states its own truth.
//!
//! A connector brings an [`Upstream`]: a server that can be started with a [`World`] (a seed, how often it has changed,
//! what goes wrong) and that says what a perfect reader would find in it. The kit syncs it in process, with the real
//! store and the real loop, and compares.
//!
//! - [`Upstream`], [`World`], [`Fault`], [`Truth`]: what is read, and what is true.
//! - [`Kit`], [`Bed`], [`Outcome`]: syncs, and what they left.
//! - [`CHECKS`]: the checks, each with the clauses of `connectors/README.md` that it enforces; [`Kit::run_all`].
//! - [`compare`]: what differs from the truth, and which gaps own up to it.
//!
//! Every failure prints the world it happened in as JSON, which [`Kit::replay`] takes.

mod bed;
pub mod checks;
pub mod compare;
mod log;
pub mod schedule;
mod upstream;
mod witness;

pub use bed::{Bed, Fact, How, Kit, Outcome};
pub use checks::{CHECKS, Check, KEPT_ELSEWHERE};
pub use upstream::{
    Fault, Quirks, Running, Samples, Size, Strange, Trouble, Truth, TruthFact, Upstream, World,
};
pub use witness::Manner;
