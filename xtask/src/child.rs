//! Measurements in a process of their own, which says what it found in a line of JSON.

use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, Result};

/// Runs this program with these arguments; gives what it says.
pub(crate) fn ask<T: DeserializeOwned>(arguments: &[&str]) -> Result<T> {
    let what = arguments.join(" ");
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("`{what}` failed: {error}"));
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = Command::new(program);
    let output = command.args(arguments).stderr(Stdio::inherit()).output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))
}

/// Says what was found, to the process that asked.
pub(crate) fn tell(found: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(found).map_err(|error| Failure::new(error.to_string()))?;
    println!("{text}");
    Ok(())
}

/// The value of a function and the seconds that it took.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let begun = Instant::now();
    let value = run();
    (value, begun.elapsed().as_secs_f64())
}

/// The last value of a function and the seconds of each of some runs.
pub(crate) fn timed_often<T>(times: u32, mut run: impl FnMut() -> T) -> (Option<T>, Vec<f64>) {
    let mut last = None;
    let seconds = (0..times).map(|_| {
        let (value, seconds) = timed(&mut run);
        last = Some(value);
        seconds
    });
    let seconds = seconds.collect();
    (last, seconds)
}
