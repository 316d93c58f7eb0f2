//! One polite HTTP client for connectors.
//!
//! - HTTPS only, except to this machine when that is explicitly allowed; never a redirect, never a private address.
//! - Every call asks the [`Budget`](sightline_core::budget::Budget) first and reports the rate-limit headers to it.
//! - A page's next link gives query parameters, never a host or a path.
//! - Failures that may pass are tried again with growing, jittered waits; refusals are named by the connector.
//! - With OAuth the client gets and renews its access token itself, signed with a private key, bound to it where the
//!   server wants that (`DPoP`).
//! - Nothing of a body, a credential or a query reaches a log or an error.

mod address;
mod client;
mod failure;
mod jwk;
mod jws;
mod keys;
mod oauth;
mod paging;
mod refusal;
mod scopes;
mod wire;

#[cfg(test)]
mod exact_server;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod oauth_tests;
#[cfg(test)]
mod wire_tests;

pub use address::{Address, AddressError};
pub use client::{Auth, Client, Page, Refusal, Request};
pub use keys::PrivateKey;
pub use oauth::{OAuth, OAuthSettings};
pub use paging::{Cursor, next_link};
pub use refusal::{TokenRefusal, name_token_refusal};
