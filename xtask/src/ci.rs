//! `cargo xtask ci`: every check, one after the other.

use std::time::Instant;

use clap::Args;

use crate::figures::table;
use crate::{Result, cargo, run_to_end};

#[derive(Debug, Args)]
pub(crate) struct Ci {
    /// Run the tests with cargo-nextest, as .config/nextest.toml says
    #[arg(long)]
    nextest: bool,
}

/// Which way of running tests a check belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tests {
    /// Both: it runs none.
    Either,
    /// Cargo's own.
    Cargo,
    Nextest,
}

/// A check: a Cargo command line.
#[derive(Debug)]
struct Check {
    line: &'static str,
    env: &'static [(&'static str, &'static str)],
    tests: Tests,
}

/// All checks, the quick ones first.
const CHECKS: [Check; 6] = [
    Check { line: "fmt --all --check", env: &[], tests: Tests::Either },
    Check { line: "clippy --workspace --all-targets -- -D warnings", env: &[], tests: Tests::Either },
    Check {
        line: "doc --workspace --no-deps",
        env: &[("RUSTDOCFLAGS", "-D warnings")],
        tests: Tests::Either,
    },
    Check { line: "test --workspace", env: &[], tests: Tests::Cargo },
    Check { line: "nextest run --workspace --profile ci", env: &[], tests: Tests::Nextest },
    // Nextest does not run the examples in the documentation.
    Check { line: "test --workspace --doc", env: &[], tests: Tests::Nextest },
];

pub(crate) fn run(ci: &Ci) -> Result<()> {
    let mut rows = Vec::new();
    let outcome = checks(ci.nextest).try_for_each(|check| {
        let what = what(check);
        println!("== {what}");
        let begun = Instant::now();
        let mut command = cargo();
        let outcome = run_to_end(command.args(check.line.split(' ')).envs(check.env.iter().copied()), &what);
        let word = if outcome.is_ok() { "ok" } else { "failed" };
        let seconds = format!("{:.1} s", begun.elapsed().as_secs_f64());
        println!("== {word} after {seconds}\n");
        rows.push(vec![what, word.to_owned(), seconds]);
        outcome
    });
    print!("{}", table(&["check", "", "time"], &rows));
    outcome
}

fn checks(nextest: bool) -> impl Iterator<Item = &'static Check> {
    let left_out = if nextest { Tests::Cargo } else { Tests::Nextest };
    CHECKS.iter().filter(move |check| check.tests != left_out)
}

/// A check as one would type it.
fn what(check: &Check) -> String {
    let mut what = String::new();
    for (name, value) in check.env {
        what.push_str(&format!("{name}=\"{value}\" "));
    }
    what + "cargo " + check.line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_run_once_whichever_way() {
        let lines = |nextest| checks(nextest).map(|check| check.line).collect::<Vec<_>>();
        let (plain, nextest) = (lines(false), lines(true));
        assert_eq!(plain[..3], nextest[..3]);
        assert_eq!(plain[3..], ["test --workspace"]);
        assert_eq!(nextest[3..], ["nextest run --workspace --profile ci", "test --workspace --doc"]);
    }

    #[test]
    fn a_check_is_shown_as_one_types_it() {
        let check = CHECKS.iter().find(|check| check.line.starts_with("doc")).unwrap();
        assert_eq!(what(check), "RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps");
    }
}
