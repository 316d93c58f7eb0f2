//! One polite HTTP client for connectors.
//!
//! - HTTPS only, except to this machine when that is explicitly allowed; never a redirect, never a private address.
//! - Every call asks the [`Budget`](sightline_core::budget::Budget) first and reports the rate-limit headers to it.
//! - A page's next link gives query parameters, never a host or a path.
//! - Failures that may pass are tried again with growing, jittered waits; refusals are named by the connector.
//! - Nothing of a body, a credential or a query reaches a log or an error.

mod address;
mod client;
mod failure;
mod paging;

pub use address::{Address, AddressError};
pub use client::{Auth, Client, Page, Refusal, Request};
pub use paging::{Cursor, next_link};
