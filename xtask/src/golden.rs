//! `cargo xtask golden`: keeps a small store of the present format, which every later version has to read.

use clap::Args;

use crate::{Result, cargo, run_to_end};

#[derive(Debug, Args)]
pub(crate) struct Golden {}

pub(crate) fn run(_golden: &Golden) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--package", "sightline-store", "--test", "store", "--"]);
    command.args(["--exact", "golden::a_sample_of_every_format_is_read", "--nocapture"]);
    command.env("SIGHTLINE_MAKE_GOLDEN", "1");
    run_to_end(&mut command, "making the sample")?;
    println!(
        "Made in crates/store/tests/golden: commit it; once a version is released with it, it stays as it is."
    );
    Ok(())
}
