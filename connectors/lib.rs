//! All connectors, one line each.
//!
//! A Cargo dependency alone links nothing, and silently: a connector that is listed in `Cargo.toml` and not named here
//! does not compile, and a program that says `use sightline_connectors as _;` has them all.

#![deny(unused_crate_dependencies)]

pub use sightline_okta as okta;
