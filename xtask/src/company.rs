//! Syncs of a simulated company, with the release build of the program.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use clap::Args;
use serde_json::Value;

use crate::figures::{Spread, table};
use crate::scratch::{Scratch, copy_dir, disk_bytes};
use crate::{Failure, Result, cargo, machine};

/// The size of a company. None at all is the reference company; a part that is missing beside others is in proportion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Company {
    /// Accounts of the company [default: the reference company]
    #[arg(long, value_name = "N")]
    people: Option<u32>,
    /// Its groups
    #[arg(long, value_name = "N", requires = "people")]
    groups: Option<u32>,
    /// Its applications
    #[arg(long, value_name = "N", requires = "people")]
    apps: Option<u32>,
    /// Its pairs of user and group
    #[arg(long, value_name = "N", requires = "people")]
    memberships: Option<u64>,
    /// Its pairs of user and application
    #[arg(long, value_name = "N", requires = "people")]
    assignments: Option<u64>,
}

const REFERENCE: Company = Company {
    people: Some(10_000),
    groups: Some(500),
    apps: Some(100),
    memberships: Some(100_000),
    assignments: Some(80_000),
};

/// What the first sync of the reference company may take.
const SECONDS_BOUND: f64 = 2.0;
const PEAK_MB_BOUND: f64 = 100.0;

/// Bytes.
const MB: f64 = 1e6;

/// The variable that hands the token to the program.
const TOKEN_VAR: &str = "BENCH_TOKEN";

/// Measures and prints: first syncs, then one more that finds the company unchanged.
pub(crate) fn measure(company: &Company, runs: u32) -> Result<()> {
    let program = build()?;
    let scratch = Scratch::beside(&program)?;
    let company = if *company == Company::default() { &REFERENCE } else { company };
    let machine = machine::describe();
    let sim = Sim::start(&program, scratch.path(), company)?;

    let connected = scratch.path().join("connected");
    let add =
        ["source", "add", "okta", "--domain", &sim.url, "--token-env", TOKEN_VAR, "--allow-loopback-http"];
    run_program(&program, scratch.path(), &connected, &sim, &add)?;
    let mut first = Vec::new();
    let mut data = connected.clone();
    for run in 0..runs {
        data = scratch.path().join(format!("run-{run}"));
        copy_dir(&connected, &data)
            .map_err(|error| Failure::new(format!("the data directory could not be copied: {error}")))?;
        first.push(sync(&program, scratch.path(), &data, &sim)?);
    }
    let unchanged = sync(&program, scratch.path(), &data, &sim)?;

    println!("machine    {machine}");
    println!("simulator  sightline {}", company.arguments().join(" "));
    println!("command    sightline sync --json");
    println!();
    let mut rows =
        figures(&count_of(first.len(), "first sync", "first syncs"), &first, company == &REFERENCE);
    rows.extend(figures("unchanged company", &[unchanged], false));
    print!("{}", table(&["", "median", "least", "most", "bound"], &rows));
    Ok(())
}

/// What one sync took.
#[derive(Debug, Clone, PartialEq)]
struct Taken {
    /// From the start of the process to its end.
    seconds: f64,
    /// None where the system does not tell.
    peak_bytes: Option<u64>,
    requests: u64,
    records: u64,
    gaps: u64,
    /// Bytes of the data directory afterwards, as the file system allocates them.
    disk_bytes: u64,
}

fn sync(program: &Path, scratch: &Path, data: &Path, sim: &Sim) -> Result<Taken> {
    let begun = Instant::now();
    let text = run_program(program, scratch, data, sim, &["sync", "--json"])?;
    let seconds = begun.elapsed().as_secs_f64();
    let disk_bytes = disk_bytes(data)
        .map_err(|error| Failure::new(format!("the data directory could not be measured: {error}")))?;
    taken(&text, seconds, disk_bytes)
        .ok_or_else(|| Failure::new(format!("the report of `sync --json` lacks something: {text}")))
}

/// Reads the report of `sync --json`; none when it is not what is expected.
fn taken(report: &str, seconds: f64, disk_bytes: u64) -> Option<Taken> {
    let report: Value = serde_json::from_str(report).ok()?;
    let requests: Option<Vec<u64>> =
        report["requests"].as_object()?.values().map(|bucket| bucket["requests"].as_u64()).collect();
    let records: Option<Vec<u64>> = report["records"].as_object()?.values().map(Value::as_u64).collect();
    Some(Taken {
        seconds,
        peak_bytes: report["peak_memory_bytes"].as_u64(),
        requests: requests?.iter().sum(),
        records: records?.iter().sum(),
        gaps: report["gaps"].as_array()?.len() as u64,
        disk_bytes,
    })
}

/// Rows of the table for syncs of one kind.
fn figures(title: &str, syncs: &[Taken], bound: bool) -> Vec<Vec<String>> {
    let row = |name: &str, digits: usize, limit: Option<f64>, value: &dyn Fn(&Taken) -> Option<f64>| {
        let values: Option<Vec<f64>> = syncs.iter().map(value).collect();
        let mut row = vec![format!("  {name}")];
        match values.and_then(Spread::of) {
            Some(spread) if syncs.len() > 1 => {
                let values = [spread.median, spread.least, spread.most];
                row.extend(values.map(|value| format!("{value:.digits$}")));
            }
            Some(spread) => row.extend([format!("{:.digits$}", spread.median), String::new(), String::new()]),
            None => row.extend(["unknown".to_owned(), String::new(), String::new()]),
        }
        row.extend(limit.filter(|_| bound).map(|limit| format!("{limit:.0}")));
        row
    };
    vec![
        vec![title.to_owned()],
        row("seconds", 2, Some(SECONDS_BOUND), &|taken| Some(taken.seconds)),
        row("peak memory, MB", 1, Some(PEAK_MB_BOUND), &|taken| {
            taken.peak_bytes.map(|bytes| bytes as f64 / MB)
        }),
        row("requests", 0, None, &|taken| Some(taken.requests as f64)),
        row("records", 0, None, &|taken| Some(taken.records as f64)),
        row("gaps", 0, None, &|taken| Some(taken.gaps as f64)),
        row("on disk, MB", 1, None, &|taken| Some(taken.disk_bytes as f64 / MB)),
    ]
}

fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

impl Company {
    /// Arguments that make the program simulate it.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["sim", "okta", "--listen", "127.0.0.1:0"].map(str::to_owned).to_vec();
        let sizes = [
            ("--people", self.people.map(u64::from)),
            ("--groups", self.groups.map(u64::from)),
            ("--apps", self.apps.map(u64::from)),
            ("--memberships", self.memberships),
            ("--assignments", self.assignments),
        ];
        for (flag, size) in sizes {
            if let Some(size) = size {
                arguments.extend([flag.to_owned(), size.to_string()]);
            }
        }
        arguments
    }
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

/// The program in an environment that holds nothing it would heed, such as settings or a proxy.
fn command(program: &Path, scratch: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(scratch).env_clear().env("HOME", scratch).stdin(Stdio::null());
    // Without the second, Windows has no network.
    for name in ["PATH", "SystemRoot"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs a command that must succeed; gives what it printed.
fn run_program(program: &Path, scratch: &Path, data: &Path, sim: &Sim, args: &[&str]) -> Result<String> {
    let what = format!("sightline {}", args.join(" "));
    let output = command(program, scratch)
        .args(args)
        .arg("--data-dir")
        .arg(data)
        .env(TOKEN_VAR, &sim.token)
        .output()
        .map_err(|error| Failure::new(format!("`{what}` could not be started: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!("`{what}` failed: {}\n{}", output.status, said.trim_end())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A running simulator; it ends with this value.
struct Sim {
    child: Child,
    url: String,
    token: String,
    /// Open for as long as it runs, so that it can print.
    _stdout: BufReader<ChildStdout>,
}

impl Sim {
    /// Starts it and waits until it answers.
    fn start(program: &Path, scratch: &Path, company: &Company) -> Result<Self> {
        let mut child = command(program, scratch)
            .args(company.arguments())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("the simulator could not be started: {error}")))?;
        let stdout = child.stdout.take().map(BufReader::new);
        let ready = stdout.and_then(|mut stdout| {
            let mut line = String::new();
            stdout.read_line(&mut line).ok()?;
            let ready: Value = serde_json::from_str(&line).ok()?;
            let text = |name: &str| ready[name].as_str().map(str::to_owned);
            Some((text("url")?, text("token")?, stdout))
        });
        let Some((url, token, stdout)) = ready else {
            end(&mut child);
            return Err(Failure::new("the simulator did not say where it listens"));
        };
        Ok(Self { child, url, token, _stdout: stdout })
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_sync_is_read() {
        let report = r#"{"source":"Okta","snapshot":1,"requests":{"a":{"requests":40,"refused":1},"b":{"requests":2}},
            "records":{"users":10,"groups":5},"gaps":[{"scope":"x"}],"peak_memory_bytes":70000000}"#;
        let read = taken(report, 1.5, 4096).unwrap();
        let expected = Taken {
            seconds: 1.5,
            peak_bytes: Some(70_000_000),
            requests: 42,
            records: 15,
            gaps: 1,
            disk_bytes: 4096,
        };
        assert_eq!(read, expected);
        let unknown = report.replace("70000000", "null");
        assert_eq!(taken(&unknown, 1.5, 4096), Some(Taken { peak_bytes: None, ..expected }));
        // A figure that is not there must not become a zero.
        assert_eq!(taken(&report.replace(r#""requests":40"#, r#""calls":40"#), 1.5, 4096), None);
        assert_eq!(taken(&report.replace("gaps", "holes"), 1.5, 4096), None);
    }

    #[test]
    fn figures_stand_beside_their_bound() {
        let one = Taken {
            seconds: 1.5,
            peak_bytes: Some(70_000_000),
            requests: 42,
            records: 15,
            gaps: 0,
            disk_bytes: 1_500_000,
        };
        let other = Taken { seconds: 2.5, peak_bytes: None, ..one.clone() };
        let rows = figures("two", &[one.clone(), other], true);
        assert_eq!(rows[1], ["  seconds", "2.00", "1.50", "2.50", "2"]);
        assert_eq!(rows[2], ["  peak memory, MB", "unknown", "", "", "100"]);
        assert_eq!(rows[3], ["  requests", "42", "42", "42"]);
        let rows = figures("one", &[one], false);
        assert_eq!(rows[2], ["  peak memory, MB", "70.0", "", ""]);
        assert_eq!(rows[6], ["  on disk, MB", "1.5", "", ""]);
    }

    #[test]
    fn a_company_is_asked_for_by_what_is_known_of_it() {
        let company = Company { people: Some(50), assignments: Some(7), ..Company::default() };
        assert_eq!(
            company.arguments().join(" "),
            "sim okta --listen 127.0.0.1:0 --people 50 --assignments 7"
        );
    }

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
