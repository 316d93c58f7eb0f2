//! `cargo xtask bench`: what takes how long.

use std::ffi::OsString;

use clap::{Args, Subcommand};

use crate::graph::{self, GraphBench};
use crate::okta::Okta;
use crate::serve::ServeBench;
use crate::store::{self, StoreBench};
use crate::{Result, cargo, run_to_end};

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure [default: everything]
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Clone, Subcommand)]
enum What {
    /// Syncs of simulated companies: time, memory, requests, disk, and time under rate limits
    Okta(Okta),
    /// Keeping organisations and their history: time and disk of snapshots, opening them, and the same with SQLite
    Store(StoreBench),
    /// Answering: who can reach what, and why; time and memory, and the same with SQLite
    Graph(GraphBench),
    /// The web application under load, while a sync runs
    Serve(ServeBench),
    /// In a process of its own, so that its memory can be told
    #[command(hide = true)]
    OpenSnapshot(store::OpenSnapshot),
    /// In a process of its own, so that its memory can be told
    #[command(hide = true)]
    BuildGraph(graph::BuildGraph),
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    if let Some(what) = &bench.what {
        return measure(what, || std::env::args_os().skip(1).collect());
    }
    measure(&What::Okta(Okta::default()), Vec::new)?;
    println!();
    measure(&What::Serve(ServeBench::default()), Vec::new)?;
    for (what, word) in
        [(What::Store(StoreBench::default()), "store"), (What::Graph(GraphBench::default()), "graph")]
    {
        println!();
        measure(&what, || vec!["bench".into(), word.into()])?;
    }
    Ok(())
}

fn measure(what: &What, arguments: impl FnOnce() -> Vec<OsString>) -> Result<()> {
    match what {
        What::Okta(okta) => okta.measure(),
        What::Serve(serve) => serve.measure(),
        // What these measure runs in this program.
        _ if cfg!(debug_assertions) => run_in_release(arguments()),
        What::Store(store) => store.measure(),
        What::Graph(graph) => graph.measure(),
        What::OpenSnapshot(open) => open.run(),
        What::BuildGraph(build) => build.run(),
    }
}

/// Runs the release build of this program.
fn run_in_release(arguments: Vec<OsString>) -> Result<()> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--package", "sightline-xtask"]);
    // What ships does not use SQLite, so the profile of the release says nothing about it: it gets the best.
    for package in ["libsqlite3-sys", "rusqlite"] {
        command.args(["--config", &format!("profile.release.package.{package}.opt-level=3")]);
    }
    run_to_end(command.arg("--").args(arguments), "cargo run --release --package sightline-xtask")
}
