//! Chores of this workspace: `cargo xtask ci` checks everything, `cargo xtask bench` measures.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal of a developer")]

mod bench;
mod child;
mod ci;
mod crash;
mod figures;
mod golden;
mod graph;
mod machine;
mod okta;
mod organisation;
mod scratch;
mod serve;
mod shots;
mod sqlite;
mod store;

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// Chores of this workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Check everything: format, lints, documentation, tests; stops at the first failure, with its exit code
    Ci(ci::Ci),
    /// Build for release, measure, and print the figures
    Bench(bench::Bench),
    /// Kill a process that seals syncs at many moments, fail at every write, and check that what was sealed is whole
    Crash(crash::Crash),
    /// Keep a small store of the present format, for the test that later versions read it
    Golden(golden::Golden),
    /// Write pictures of every page of the web application, on a simulated company: 1280 pixels wide in the light and in the
    /// dark theme, and 390; needs chromium and chromedriver
    Shots(shots::Shots),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Ci(ci) => ci::run(&ci),
        Chore::Bench(bench) => bench::run(&bench),
        Chore::Crash(crash) => crash::run(&crash),
        Chore::Golden(golden) => golden::run(&golden),
        Chore::Shots(shots) => shots::run(&shots),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why a chore could not be done.
#[derive(Debug)]
struct Failure {
    message: String,
    /// Exit code of this program.
    code: u8,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }
}

type Result<T, E = Failure> = std::result::Result<T, E>;

/// The Cargo that runs this program, at the root of the workspace.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}

/// Runs a command that prints for itself.
fn run_to_end(command: &mut Command, what: &str) -> Result<()> {
    let status =
        command.status().map_err(|error| Failure::new(format!("`{what}` could not be started: {error}")))?;
    if status.success() {
        return Ok(());
    }
    // A command that was ended by a signal has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure { message: format!("`{what}` failed: {status}"), code })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        for line in [
            "bench",
            "bench serve --readers 8",
            "bench okta --quick",
            "bench store --people 1000 --no-sqlite",
            "bench graph",
            "ci",
        ] {
            Cli::try_parse_from(format!("xtask {line}").split(' ')).unwrap();
        }
        // What belongs to one measurement says nothing about another.
        assert!(Cli::try_parse_from(["xtask", "bench", "graph", "--quick"]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_exit_code_of_a_command_that_fails_is_passed_on() {
        let failure = run_to_end(Command::new("sh").args(["-c", "exit 101"]), "a test").unwrap_err();
        assert_eq!(failure.code, 101);
        let failure = run_to_end(Command::new("sh").args(["-c", "kill -KILL $$"]), "a test").unwrap_err();
        assert_eq!(failure.code, 1);
        assert!(run_to_end(Command::new("sh").args(["-c", "exit 0"]), "a test").is_ok());
    }
}
