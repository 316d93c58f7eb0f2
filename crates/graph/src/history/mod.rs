//! What became of facts between two snapshots, and who did it.
//!
//! - [`Delta`]: one fact that was added, removed or changed, and what that means.
//! - [`Before`]: how completely the earlier snapshot was read: what could not be seen then is not new.
//! - [`Log`]: who did it, as far as the log tells.

mod delta;
mod ends;
mod log;

pub use delta::{Before, Delta, FieldChange, Novelty, What, net};
pub use ends::{End, ends};
pub use log::{Log, Told};
