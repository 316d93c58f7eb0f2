//! `cargo xtask shots`: pictures of every page of the web application.

use std::path::PathBuf;

use clap::Args;

use crate::{Failure, Result, cargo, run_to_end};

/// It has everything that is needed: a simulated company, the server, and a browser that is driven.
const TEST: &str = "browser::shots::every_page";

#[derive(Debug, Args)]
pub(crate) struct Shots {
    /// Where to write them
    #[arg(long, value_name = "DIR", default_value = "target/shots")]
    out: PathBuf,
}

pub(crate) fn run(shots: &Shots) -> Result<()> {
    let out = std::path::absolute(&shots.out)
        .map_err(|error| Failure::new(format!("{} is no place: {error}", shots.out.display())))?;
    let mut command = cargo();
    command.args(["test", "--package", "sightline-tests", "--test", "tests", "--"]);
    command.args(["--exact", TEST]).env("SIGHTLINE_SHOTS", &out);
    run_to_end(&mut command, "cargo test")?;
    // Without a browser the test passes, and there is nothing to look at.
    if !out.is_dir() {
        return Err(Failure::new("no pictures were taken: install chromium and chromium-driver"));
    }
    println!("The pictures are in {}.", out.display());
    Ok(())
}
