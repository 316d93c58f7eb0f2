//! `cargo xtask crash`: kills a process that seals syncs, again and again, lets the power fail at every write, and checks
//! what is left each time.

use clap::Args;
use jiff::Timestamp;

use crate::{Result, cargo, run_to_end};

#[derive(Debug, Args)]
pub(crate) struct Crash {
    /// How often
    #[arg(long, default_value_t = 2000)]
    kills: u64,
    /// The moments of the kills follow from it [default: another one every time]
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(crash: &Crash) -> Result<()> {
    let seed = crash.seed.unwrap_or_else(|| Timestamp::now().as_millisecond().unsigned_abs());
    println!("{} kills, seed {seed}", crash.kills);
    let mut command = cargo();
    command.args(["test", "--package", "sightline-store", "--test", "store", "--", "kill::", "faults::"]);
    command.env("SIGHTLINE_KILLS", crash.kills.to_string()).env("SIGHTLINE_KILL_SEED", seed.to_string());
    command.env("SIGHTLINE_FAULT_STRIDE", "1");
    run_to_end(&mut command, "the kills")
}
