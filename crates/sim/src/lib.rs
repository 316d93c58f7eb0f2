//! A fake company and the Okta API that describes it.
//!
//! [`company`] invents an organisation from a seed: people, groups, applications, administrators and what they
//! did. On request it then changes in rounds, and its system log tells of most of it. [`expect`] says what a perfect
//! reader must find, computed from the model alone. [`okta`] serves the model over HTTP with the paging, rate limits,
//! errors and oddities of the real API, and with faults on request.
//!
//! The same seed and spec give the same company in every process and every build: all randomness comes from one
//! integer-only generator, and nothing iterates over a hash map.

pub mod company;
pub mod expect;
pub mod okta;

mod clock;
mod id;
mod rng;

pub use company::{Company, CompanySpec};
pub use id::Id;
pub use okta::{OAuthApp, OktaOptions, OktaServer, RateLimits, Tls};
