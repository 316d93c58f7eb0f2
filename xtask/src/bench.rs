//! `cargo xtask bench`: what takes how long.

use clap::{Args, ValueEnum};

use crate::okta::Okta;
use crate::{Failure, Result, cargo, machine, run_to_end};

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure [default: everything]
    what: Option<What>,
    #[command(flatten)]
    okta: Okta,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Syncs of simulated companies: time, memory, requests, disk, and time under rate limits
    Okta,
    /// Keeping a company: commits, sealing, reading
    Store,
    /// Answering: who can reach what, and why
    Graph,
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let chosen = bench.what.as_ref().map_or(What::value_variants(), std::slice::from_ref);
    if !chosen.contains(&What::Okta) && !bench.okta.is_default() {
        return Err(Failure { message: "what else was asked for is for `bench okta`".to_owned(), code: 2 });
    }
    for (at, what) in chosen.iter().enumerate() {
        if at > 0 {
            println!();
        }
        match what {
            What::Okta => bench.okta.measure()?,
            What::Store => measure_package("sightline-store", "store")?,
            What::Graph => measure_package("sightline-graph", "graph")?,
        }
    }
    Ok(())
}

/// Runs the bench of a package, which prints its own figures.
fn measure_package(package: &str, bench: &str) -> Result<()> {
    let args = ["bench", "--quiet", "--package", package, "--bench", bench];
    let what = format!("cargo {}", args.join(" "));
    // Built first: the load that is told is that of others.
    run_to_end(cargo().args(args).arg("--no-run"), &what)?;
    println!("machine    {}\ncommand    {what}\n", machine::describe());
    run_to_end(cargo().args(args), &what)
}
