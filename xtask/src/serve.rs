//! The web application under load, while a sync runs: the release build in a process of its own, with this program as the
//! readers on the same machine.

mod client;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use crate::figures::{Row, Spread, markdown, number};
use crate::okta::{Company, Program, Simulator};
use crate::{Failure, Result, machine};
use client::Client;

/// What `bench serve` measures.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct ServeBench {
    #[command(flatten)]
    company: Company,
    /// Readers at the same time
    #[arg(long, default_value_t = READERS, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    readers: u32,
    /// Seconds of load
    #[arg(long, default_value_t = SECONDS, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Measure this program [default: the release build]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

const READERS: u32 = 64;
const SECONDS: u64 = 30;
/// The limits of a paying org, and the share of them that a token has by default.
const LIMITS: &[&str] = &["--rate-limits", "workforce", "--share", "0.5"];
/// Times that each page is asked for by itself.
const ALONE: u32 = 15;
const PASSWORD: &str = "a password of the measurement";

impl Default for ServeBench {
    fn default() -> Self {
        Self { company: Company::default(), readers: READERS, seconds: SECONDS, program: None }
    }
}

/// The server, which ends with this value.
struct Served {
    child: Child,
    address: SocketAddr,
    set_up: String,
    _stdout: BufReader<ChildStdout>,
}

impl Served {
    fn start(program: &Program, data: &Path) -> Result<Self> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(format!("`sightline serve` failed: {error}"));
        let mut child = program
            .command()
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let stdout = child.stdout.take().ok_or_else(|| failed(&"it has no output"))?;
        let mut stdout = BufReader::new(stdout);
        let mut set_up = None;
        while set_up.is_none() {
            let mut said = String::new();
            if stdout.read_line(&mut said).map_err(|error| failed(&error))? == 0 {
                let _ = child.kill();
                return Err(failed(&"it said no link"));
            }
            let link = said.trim();
            set_up = link
                .starts_with("http://")
                .then(|| link.to_owned())
                .filter(|link| link.contains("/welcome/"));
        }
        let link = set_up.unwrap_or_default();
        let rest = link.trim_start_matches("http://");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let address = host.parse().map_err(|error| failed(&error))?;
        Ok(Self { child, address, set_up: format!("/{path}"), _stdout: stdout })
    }

    /// Makes the administrator; gives the cookie of the session.
    fn sign_in(&self) -> Result<String> {
        let failed = |what: String| Failure::new(format!("the administrator could not be made: {what}"));
        let mut client = Client::new(self.address, None).map_err(|error| failed(error.to_string()))?;
        let password = PASSWORD.replace(' ', "+");
        let form = format!("name=bench&email=&password={password}&again={password}");
        let answer = client
            .post(&self.set_up, "application/x-www-form-urlencoded", "", &form)
            .map_err(|error| failed(error.to_string()))?;
        answer.cookie.ok_or_else(|| failed(format!("status {}", answer.status)))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a reader has seen.
#[derive(Default)]
struct Seen {
    /// Milliseconds of every answer.
    millis: Vec<f64>,
    failures: u64,
}

impl ServeBench {
    /// Measures and prints.
    pub(crate) fn measure(&self) -> Result<()> {
        let program = Program::new(self.program.as_deref())?;
        let company = self.company.large();
        println!("machine    {}", machine::describe());
        println!(
            "program    sightline serve; it shares the machine with {} readers and the simulator",
            self.readers
        );
        println!("company    {}", company.describe());
        println!(
            "sync       everything is read anew meanwhile, from the simulator with {}",
            LIMITS.join(" ")
        );
        let data = program.scratch().join("served");
        let start = Timestamp::now().as_second() - 30;
        let start = Timestamp::from_second(start).map_err(|error| Failure::new(error.to_string()))?;
        let arguments = |further: &[&str]| {
            let mut arguments = company.arguments();
            arguments.extend(["--now".to_owned(), start.to_string()]);
            arguments.extend(further.iter().map(|&argument| argument.to_owned()));
            arguments
        };
        let simulator = Simulator::start(&program, "127.0.0.1:0", &arguments(&[]))?;
        let listen = simulator.address().to_owned();
        program.connect(&data, &simulator)?;
        program.sync(&data, &simulator)?;
        drop(simulator);
        let _simulator = Simulator::start(&program, &listen, &arguments(LIMITS))?;
        let begun = Instant::now();
        let served = Served::start(&program, &data)?;
        let cookie = served.sign_in()?;
        let failed = |error: std::io::Error| Failure::new(format!("the server could not be asked: {error}"));
        let mut client = Client::new(served.address, Some(&cookie)).map_err(failed)?;
        // The first page waits until the snapshot is loaded.
        client.get("/accounts").map_err(failed)?;
        let loaded = begun.elapsed().as_secs_f64();
        read_everything(&mut client)?;
        let pages = pages(&mut client)?;
        let mut rows = vec![Row::title("one reader, while a sync runs")];
        for (name, paths) in &pages {
            let mut millis = Vec::new();
            for at in 0..ALONE {
                let begun = Instant::now();
                let answer = client.get(&paths[at as usize % paths.len()]).map_err(failed)?;
                if answer.status != 200 {
                    return Err(Failure::new(format!("{name}: status {}", answer.status)));
                }
                millis.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
            rows.push(Row::of(&format!("{name}, ms"), millis, 1, Some(50.0)));
        }
        rows.push(Row::of("from the start to the first page, seconds", [loaded], 2, None));
        rows.extend(self.load(&served, &cookie, &pages));
        println!("\n{}", markdown(&rows));
        Ok(())
    }

    /// All readers at once.
    fn load(&self, served: &Served, cookie: &str, pages: &[(&'static str, Vec<String>)]) -> Vec<Row> {
        let paths: Vec<&str> = mix(pages);
        let (stop, syncing, looks) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
        let begun = Instant::now();
        let (mut all, mut failures) = (Vec::new(), 0);
        thread::scope(|threads| {
            let readers: Vec<_> = (0..self.readers)
                .map(|reader| {
                    let (stop, paths) = (&stop, &paths);
                    threads.spawn(move || read(served.address, cookie, paths, reader as usize * 7, stop))
                })
                .collect();
            // Whether the sync runs all the while.
            while begun.elapsed() < Duration::from_secs(self.seconds) {
                thread::sleep(Duration::from_secs(1));
                looks.fetch_add(1, Ordering::Relaxed);
                if is_syncing(served.address, cookie) {
                    syncing.fetch_add(1, Ordering::Relaxed);
                }
            }
            stop.store(true, Ordering::Relaxed);
            for reader in readers {
                match reader.join() {
                    Ok(seen) => {
                        all.extend(seen.millis);
                        failures += seen.failures;
                    }
                    Err(_) => failures += 1,
                }
            }
        });
        let seconds = begun.elapsed().as_secs_f64();
        all.sort_by(f64::total_cmp);
        let at = |share: f64| {
            all.get(((all.len() as f64 * share) as usize).min(all.len().saturating_sub(1))).copied()
        };
        let rate = all.len() as f64 / seconds;
        let shown = if rate < 1000.0 { format!("**{}: under**", number(rate, 0)) } else { number(rate, 0) };
        let mut rows = vec![
            Row::title(format!("{} readers, while a sync runs", self.readers)),
            Row::new("requests a second (at least 1,000)", &shown, None),
        ];
        for (name, share, most) in [
            ("half of the answers, ms", 0.5, None),
            ("p99, ms", 0.99, Some(150.0)),
            ("the slowest, ms", 1.0, None),
        ] {
            rows.push(Row::of(name, at(share), 1, most));
        }
        rows.push(Row::measured(
            "requests that failed",
            Spread { median: failures as f64, least: failures as f64, most: failures as f64 },
            0,
            Some(crate::figures::Bound::of(0.0, 0)),
        ));
        let (syncing, looks) = (syncing.load(Ordering::Relaxed), looks.load(Ordering::Relaxed));
        rows.push(Row::new("seconds in which the sync ran", &format!("{syncing} of {looks}"), None));
        rows
    }
}

fn read(address: SocketAddr, cookie: &str, paths: &[&str], first: usize, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let Ok(mut client) = Client::new(address, Some(cookie)) else {
        seen.failures += 1;
        return seen;
    };
    let mut at = first;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match client.get(paths[at % paths.len()]) {
            Ok(answer) if answer.status == 200 && !answer.body.is_empty() => {
                seen.millis.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
            _ => {
                seen.failures += 1;
                match Client::new(address, Some(cookie)) {
                    Ok(fresh) => client = fresh,
                    Err(_) => return seen,
                }
            }
        }
        at += 1;
    }
    seen
}

fn json(client: &mut Client, path: &str) -> Result<Value> {
    let answer = client.get(path).map_err(|error| Failure::new(format!("{path}: {error}")))?;
    serde_json::from_slice(answer.body).map_err(|error| Failure::new(format!("{path}: {error}")))
}

fn is_syncing(address: SocketAddr, cookie: &str) -> bool {
    let Ok(mut client) = Client::new(address, Some(cookie)) else { return false };
    json(&mut client, "/api/v1/sources").is_ok_and(|sources| sources[0]["state"] == "syncing")
}

/// Starts a sync that reads everything anew; one that runs already, which read only what has changed, is ended first.
fn read_everything(client: &mut Client) -> Result<()> {
    let page = client.get("/sources").map_err(|error| Failure::new(error.to_string()))?;
    let text = String::from_utf8_lossy(page.body).into_owned();
    let csrf = text.split("name=\"csrf-token\" content=\"").nth(1).and_then(|rest| rest.split('"').next());
    let csrf = csrf.ok_or_else(|| Failure::new("the page has no token for its forms"))?;
    let header = format!("X-CSRF-Token: {csrf}\r\n");
    for _ in 0..120 {
        let answer = client
            .post("/api/v1/sources/1/sync", "application/json", &header, "{\"full\":true}")
            .map_err(|error| Failure::new(error.to_string()))?;
        if answer.status == 202 {
            return Ok(());
        }
        client
            .post("/api/v1/sources/1/cancel", "application/json", &header, "")
            .map_err(|error| Failure::new(error.to_string()))?;
        thread::sleep(Duration::from_millis(500));
    }
    Err(Failure::new("the sync could not be started"))
}

/// Pages of each kind, from what the API lists.
fn pages(client: &mut Client) -> Result<Vec<(&'static str, Vec<String>)>> {
    let mut entities = Vec::new();
    let mut words = Vec::new();
    for kind in ["accounts", "groups", "apps"] {
        let mut paths = Vec::new();
        let mut cursor = String::new();
        for _ in 0..3 {
            let list = json(client, &format!("/api/v1/{kind}?limit=200{cursor}"))?;
            for item in list["items"].as_array().into_iter().flatten() {
                let (source, id) = (&item["source"]["id"], item["id"].as_str().unwrap_or_default());
                paths.push(format!("/{kind}/{source}/{id}"));
                if kind == "accounts"
                    && let Some(word) = item["name"].as_str().and_then(|name| name.split(' ').next())
                {
                    words.push(word.to_lowercase());
                }
            }
            match list["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        entities.push((kind, paths));
    }
    words.sort_unstable();
    words.dedup();
    let own = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
    let mut pages = vec![
        ("a list", own(&["/accounts", "/groups", "/apps", "/admins", "/accounts?status=active"])),
        (
            "a list, sorted",
            own(&["/accounts?sort=-unused", "/accounts?sort=-last_sign_in", "/apps?sort=-accounts"]),
        ),
        ("a search", words.iter().map(|word| format!("/accounts?q={word}")).collect()),
    ];
    let titles = [("accounts", "an account"), ("groups", "a group"), ("apps", "an application")];
    for ((_, paths), (_, title)) in entities.into_iter().zip(titles) {
        pages.push((title, paths));
    }
    pages.push(("the overview", own(&["/"])));
    Ok(pages)
}

/// A mix of lists and entities, with the overview left out: the same number of each kind.
fn mix<'p>(pages: &'p [(&'static str, Vec<String>)]) -> Vec<&'p str> {
    let kinds: Vec<&Vec<String>> =
        pages.iter().filter(|(name, _)| *name != "the overview").map(|(_, paths)| paths).collect();
    let rounds = kinds.iter().map(|paths| paths.len()).max().unwrap_or(0).min(400);
    let mut mixed = Vec::new();
    for round in 0..rounds {
        for paths in &kinds {
            mixed.push(paths[round % paths.len()].as_str());
        }
    }
    mixed
}
