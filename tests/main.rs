//! The real program, end to end: agreement with simulated companies, crashes, wrong inputs, unreadable parts, several
//! processes at one store, and the invariants of the workspace.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod agreement;
mod broken;
mod browser;
mod check;
mod cost;
mod crash;
mod docs;
mod durable;
mod everything;
mod failed;
mod fuzz;
mod harness;
mod history;
mod https;
mod incremental;
mod layering;
mod lists;
mod odd;
mod oidc;
mod output;
mod registry;
mod schemas;
mod secrets;
mod security;
mod service_app;
mod switched_off;
mod together;
mod unread;
mod users;
mod wrong_input;
