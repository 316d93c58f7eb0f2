//! The program that is measured, and the simulator in it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::report::{Ready, Taken};
use crate::scratch::{Scratch, disk_bytes};
use crate::{Failure, Result, cargo};

/// The variable that hands the token to the program.
const TOKEN_VAR: &str = "BENCH_TOKEN";

/// The program and a directory for what it writes.
pub(crate) struct Program {
    path: PathBuf,
    scratch: Scratch,
}

impl Program {
    /// This file, or else one that is built for release.
    pub(crate) fn new(given: Option<&Path>) -> Result<Self> {
        let Some(given) = given else {
            let path = build()?;
            return Ok(Self { scratch: Scratch::beside(&path)?, path });
        };
        let found = |error| Failure::new(format!("cannot find {}: {error}", given.display()));
        let path = given.canonicalize().map_err(found)?;
        // Where that program lies, nothing else may belong.
        let ours = std::env::current_exe().map_err(found)?;
        Ok(Self { path, scratch: Scratch::beside(&ours)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Connects a data directory with the simulator.
    pub(crate) fn connect(&self, data: &Path, simulator: &Simulator) -> Result<()> {
        let url = &simulator.ready.url;
        let add =
            ["source", "add", "okta", "--domain", url, "--token-env", TOKEN_VAR, "--allow-loopback-http"];
        self.run(data, simulator, &add).map(drop)
    }

    /// Reads what the simulator serves into a data directory.
    pub(crate) fn sync(&self, data: &Path, simulator: &Simulator) -> Result<Taken> {
        let begun = Instant::now();
        let text = self.run(data, simulator, &["sync", "--json"])?;
        let seconds = begun.elapsed().as_secs_f64();
        let disk_bytes = disk_bytes(data)
            .map_err(|error| Failure::new(format!("the data directory could not be measured: {error}")))?;
        Taken::read(&text, seconds, disk_bytes)
            .ok_or_else(|| Failure::new(format!("the report of `sync --json` lacks something: {text}")))
    }

    /// Runs a command that must succeed; gives what it printed.
    fn run(&self, data: &Path, simulator: &Simulator, args: &[&str]) -> Result<String> {
        let what = format!("sightline {}", args.join(" "));
        let output = self
            .command()
            .args(args)
            .arg("--data-dir")
            .arg(data)
            .env(TOKEN_VAR, &simulator.ready.token)
            .output()
            .map_err(|error| Failure::new(format!("`{what}` could not be started: {error}")))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(Failure::new(format!("`{what}` failed: {}\n{}", output.status, said.trim_end())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The program in an environment that holds nothing it would heed, such as settings or a proxy.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        let scratch = self.scratch.path();
        command.current_dir(scratch).env_clear().env("HOME", scratch).stdin(Stdio::null());
        // Without the second, Windows has no network.
        for name in ["PATH", "SystemRoot"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }
}

/// A running simulator; it ends with this value.
pub(crate) struct Simulator {
    pub(super) ready: Ready,
    child: Child,
    /// Open for as long as it runs, so that it can print.
    _stdout: BufReader<ChildStdout>,
}

impl Simulator {
    /// Starts it and waits until it answers.
    pub(crate) fn start(program: &Program, listen: &str, arguments: &[String]) -> Result<Self> {
        let mut child = program
            .command()
            .args(["sim", "okta", "--listen", listen])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("the simulator could not be started: {error}")))?;
        let stdout = child.stdout.take().map(BufReader::new);
        let ready = stdout.and_then(|mut stdout| {
            let mut line = String::new();
            stdout.read_line(&mut line).ok()?;
            Some((Ready::read(&line)?, stdout))
        });
        let Some((ready, stdout)) = ready else {
            end(&mut child);
            return Err(Failure::new("the simulator did not say where it listens and what there is to read"));
        };
        Ok(Self { ready, child, _stdout: stdout })
    }
}

impl Simulator {
    /// The address that it listens on.
    pub(crate) fn address(&self) -> &str {
        self.ready.address()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Builds the program for release; gives its path.
fn build() -> Result<PathBuf> {
    let args = ["build", "--release", "--package", "sightline-runner", "--bin", "sightline"];
    let output = cargo()
        .args(args)
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Failure::new(format!("cargo could not be started: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(format!("`cargo {}` failed: {}", args.join(" "), output.status)));
    }
    executable(&String::from_utf8_lossy(&output.stdout), "sightline")
        .ok_or_else(|| Failure::new("cargo did not say where it put the program"))
}

/// The path of a program in the messages of Cargo.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let found = message["reason"] == "compiler-artifact" && message["target"]["name"] == name;
        message["executable"].as_str().filter(|_| found).map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"sightline_runner"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"sightline"},"executable":"/x/release/sightline"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "sightline"), Some(PathBuf::from("/x/release/sightline")));
        assert_eq!(executable(messages, "other"), None);
    }
}
