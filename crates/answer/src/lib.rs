//! What is asked of snapshots, and the answers in the shapes that programs rely on: the JSON of the command line and of
//! the REST API.
//!
//! - [`chosen`], [`Known`]: which snapshots a question is answered from, and their graphs; [`When`] is a point in time.
//! - [`find_account`], [`find_app`]: from what a person typed to one thing.
//! - [`AccessAnswer`] (who, what), [`WhyAnswer`], [`AdminLine`], [`ServiceAppLine`], [`GapLine`]: answered from a graph
//!   alone, without the store.
//! - [`DiffAnswer`]: what differs between two snapshots, what that led to, and who did it; [`HistoryAnswer`]: the same of one thing.
//! - [`RecordAnswer`]: all that is known of one thing, with its raw attributes.
//! - [`lists`]: what snapshots hold, line by line.
//!
//! Whoever shares a [`Known`] among many questions reads a snapshot once. Doc comments of shapes are written for users of
//! the API: they become the descriptions in its `OpenAPI` document.

mod access;
mod admins;
mod changes;
mod choice;
mod consequences;
mod diff;
mod error;
mod find;
mod gaps;
mod history;
pub mod lists;
mod record;
mod refs;
pub mod schema;
mod text;
mod when;
mod why;

pub use access::*;
pub use admins::*;
pub use changes::{ByAnswer, ChangeAnswer, ChangeWord, EndAnswer, FieldAnswer, SideAnswer, kind_word};
pub use choice::*;
pub use consequences::{AccessChange, AccessReason, Gain, RoleChange};
pub use diff::*;
pub use error::AnswerError;
pub use find::{find_account, find_app};
pub use gaps::*;
pub use history::*;
pub use record::RecordAnswer;
pub use refs::*;
pub use text::{count, number};
pub use when::{SealTimes, When};
pub use why::*;
