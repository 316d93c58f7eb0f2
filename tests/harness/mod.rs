//! Starts the real program: the simulated provider as one process, commands as others.
//!
//! What is started here ends when it is dropped. Every command is checked for what must hold whatever it does: it
//! ends in time, does not panic, and shows no credential.

mod case;
mod judge;
mod web;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sightline_sim::{Company, CompanySpec};
use tempfile::TempDir;

pub(crate) use case::*;
pub(crate) use judge::*;
pub(crate) use web::*;

const PROGRAM: &str = env!("CARGO_BIN_EXE_sightline-under-test");
/// No command of these tests has a reason to take longer.
const TIMEOUT: Duration = Duration::from_mins(2);
/// The variable that commands take the token from.
pub(crate) const TOKEN_VAR: &str = "ORG_TOKEN";

/// What simulated companies take for the present, the same in the whole run: a few minutes ahead, so that the 90 days of
/// log that the program asks for begin before those that the simulator serves.
pub(crate) fn now() -> jiff::Timestamp {
    static NOW: OnceLock<jiff::Timestamp> = OnceLock::new();
    *NOW.get_or_init(|| jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 300).unwrap())
}

/// A company of a size that is read in a moment.
pub(crate) fn tiny(seed: u64) -> CompanySpec {
    CompanySpec {
        people: 60,
        groups: 16,
        apps: 13,
        memberships: 250,
        assignments: 420,
        ..CompanySpec::for_people(60, seed, now())
    }
}

/// How a simulator is started.
pub(crate) struct SimSetup {
    pub(crate) spec: CompanySpec,
    /// None for any free one.
    pub(crate) port: Option<u16>,
    pub(crate) latency_ms: u64,
    pub(crate) faults: Value,
    pub(crate) flags: Vec<String>,
}

impl SimSetup {
    pub(crate) fn of(spec: CompanySpec) -> Self {
        Self { spec, port: None, latency_ms: 0, faults: json!([]), flags: Vec::new() }
    }

    pub(crate) fn faults(mut self, faults: Value) -> Self {
        self.faults = faults;
        self
    }

    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    pub(crate) fn latency_ms(mut self, latency_ms: u64) -> Self {
        self.latency_ms = latency_ms;
        self
    }

    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self
    }

    /// The company that this simulator serves.
    pub(crate) fn company(&self) -> Company {
        Company::generate(self.spec)
    }

    pub(crate) fn start(&self) -> Sim {
        let dir = TempDir::new().unwrap();
        let mut command = program(dir.path());
        let spec = &self.spec;
        let port = self.port.unwrap_or_else(closed_port);
        command.args(["sim", "okta", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--people", &spec.people.to_string(), "--groups", &spec.groups.to_string()]);
        command.args(["--apps", &spec.apps.to_string(), "--memberships", &spec.memberships.to_string()]);
        command.args(["--assignments", &spec.assignments.to_string(), "--seed", &spec.seed.to_string()]);
        command.args(["--rounds", &spec.rounds.to_string(), "--permille", &spec.permille.to_string()]);
        command.args(["--now", &spec.now.to_string(), "--latency-ms", &self.latency_ms.to_string()]);
        if self.faults != json!([]) {
            let file = dir.path().join("faults.json");
            fs::write(&file, self.faults.to_string()).unwrap();
            command.arg("--faults").arg(file);
        }
        command.args(&self.flags);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let child = Ends(child);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("the simulator said {line:?} instead of being ready: {error}"));
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Sim { url: text("url"), port, token: text("token"), child, stdout, _dir: dir }
    }
}

/// A running simulator.
pub(crate) struct Sim {
    pub(crate) url: String,
    pub(crate) port: u16,
    pub(crate) token: String,
    child: Ends,
    stdout: BufReader<ChildStdout>,
    _dir: TempDir,
}

/// What a simulator served: calls by path template, refusals for rate limits, calls by protocol, compressed answers.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) requests: BTreeMap<String, u64>,
    pub(crate) refused: u64,
    pub(crate) protocols: BTreeMap<String, u64>,
    pub(crate) gzip_answers: u64,
}

impl Served {
    pub(crate) fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// How often `GET path` was called.
    pub(crate) fn of(&self, path: &str) -> u64 {
        self.requests.get(&format!("GET {path}")).copied().unwrap_or(0)
    }
}

impl Sim {
    /// Stops it and says what it served.
    pub(crate) fn stop(mut self) -> Served {
        self.child.terminate();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let served: Value = serde_json::from_str(&line).unwrap();
        let counts = |name: &str| -> BTreeMap<String, u64> {
            let counts = served[name].as_object().unwrap();
            counts.iter().map(|(key, count)| (key.clone(), count.as_u64().unwrap())).collect()
        };
        Served {
            requests: counts("requests"),
            refused: number(&served, "refused"),
            protocols: counts("requests_by_protocol"),
            gzip_answers: number(&served, "gzip_answers"),
        }
    }
}

/// A child process that does not outlive its owner.
pub(crate) struct Ends(pub(crate) Child);

impl Ends {
    /// Asks it to end, as a service manager does.
    pub(crate) fn terminate(&mut self) {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(asked.success());
    }

    /// Waits for its end; none when it does not come in time.
    pub(crate) fn wait_for(&mut self, patience: Duration) -> Option<i32> {
        let until = Instant::now() + patience;
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            if Instant::now() > until {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program in a directory of its own, with nothing of this process's environment that it would heed.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    // Several tests serve at once: each takes any free port.
    command.current_dir(dir).env_clear().env("HOME", dir).env("SIGHTLINE_SERVER__LISTEN", "127.0.0.1:0");
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A data directory and whoever works in it.
pub(crate) struct Home {
    dir: TempDir,
    env: Vec<(String, String)>,
    /// What no output may show.
    secrets: Vec<String>,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), env: Vec::new(), secrets: Vec::new() }
    }

    /// A home in which the simulator's company is connected and not read yet.
    pub(crate) fn connected_to(sim: &Sim) -> Self {
        Self::connected_with(sim, &[])
    }

    /// The same, with further flags of `source add`.
    pub(crate) fn connected_with(sim: &Sim, flags: &[&str]) -> Self {
        let mut home = Self::new();
        home.keep_secret(&sim.token);
        home.set(TOKEN_VAR, &sim.token);
        home.add_with(sim, flags).ok();
        home
    }

    /// A home in which the simulator's company is connected and read.
    pub(crate) fn synced_with(sim: &Sim) -> Self {
        let home = Self::connected_to(sim);
        home.run(&["sync", "--json"]).ok();
        home
    }

    /// Connects the simulator's company.
    pub(crate) fn add(&self, sim: &Sim) -> Output {
        self.add_with(sim, &[])
    }

    /// The same, with further flags.
    pub(crate) fn add_with(&self, sim: &Sim, flags: &[&str]) -> Output {
        let add = ["source", "add", "okta", "--domain", &sim.url, "--token-env", TOKEN_VAR];
        self.run(&[&add[..], &["--allow-loopback-http"], flags].concat())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    pub(crate) fn keep_secret(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Where commands run.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where everything is kept.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Writes a file beside the data and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A command that is ready to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program(self.path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.args(args).arg("--data-dir").arg(self.data());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    /// Runs a command that reads this.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Output {
        self.start_with(args, input).end()
    }

    /// Runs a command to its end after this line of shell, such as a limit.
    pub(crate) fn run_under(&self, shell: &str, args: &[&str]) -> Output {
        let inner = self.command(args);
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{shell}; exec \"$0\" \"$@\"")).arg(inner.get_program());
        command.args(inner.get_args()).current_dir(self.path()).env_clear();
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.spawn(command, args, "").end()
    }

    /// Runs a command to its end without naming the data directory, in another environment.
    pub(crate) fn run_bare(&self, env: &[(&str, &str)], args: &[&str]) -> Output {
        let mut command = program(self.path());
        command.envs(env.iter().copied()).args(args);
        self.spawn(command, args, "").end()
    }

    /// Starts a command.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        self.start_with(args, "")
    }

    fn start_with(&self, args: &[&str], input: &str) -> Running {
        self.spawn(self.command(args), args, input)
    }

    fn spawn(&self, mut command: Command, args: &[&str], input: &str) -> Running {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read its input may close it first.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (prints, printed) = mpsc::channel();
        let (lines, said) = mpsc::channel();
        let out = thread::spawn(move || {
            let mut text = String::new();
            let mut before = 0;
            while stdout.read_line(&mut text)? > 0 {
                // Most commands are only read when they have ended.
                let _ = prints.send(text[before..].to_owned());
                before = text.len();
            }
            Ok(text)
        });
        thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
                // Nobody listens any more when the command was dropped.
                let _ = lines.send(std::mem::take(&mut line));
            }
        });
        Running {
            child: Ends(child),
            out: Some(out),
            printed,
            said,
            stderr: String::new(),
            what: args.join(" "),
            secrets: self.secrets.clone(),
        }
    }
}

/// A command that runs.
pub(crate) struct Running {
    pub(crate) child: Ends,
    out: Option<thread::JoinHandle<std::io::Result<String>>>,
    printed: mpsc::Receiver<String>,
    said: mpsc::Receiver<String>,
    stderr: String,
    what: String,
    secrets: Vec<String>,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    /// Ends it without warning, as a power cut does. Gives what it did when it had ended before.
    pub(crate) fn kill(mut self) -> Option<Output> {
        if self.child.0.try_wait().unwrap().is_some() {
            return Some(self.end());
        }
        self.child.0.kill().unwrap();
        self.child.0.wait().unwrap();
        None
    }

    /// Waits until it says something on standard error; false when it ended or time ran out before.
    pub(crate) fn wait_to_say(&mut self, text: &str, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while let Ok(line) = self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.stderr.push_str(&line);
            if line.contains(text) {
                return true;
            }
        }
        false
    }

    /// Waits until it prints a line that holds this, and gives that line; none when it ended or time ran out before.
    pub(crate) fn wait_to_print(&mut self, text: &str, patience: Duration) -> Option<String> {
        let until = Instant::now() + patience;
        while let Ok(line) = self.printed.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if line.contains(text) {
                return Some(line.trim().to_owned());
            }
        }
        None
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Output {
        let Some(code) = self.child.wait_for(TIMEOUT) else {
            panic!("`{}` did not end in {} s", self.what, TIMEOUT.as_secs());
        };
        let stdout = self.out.take().unwrap().join().unwrap().unwrap();
        while let Ok(line) = self.said.recv() {
            self.stderr.push_str(&line);
        }
        let output = Output { what: self.what, code, stdout, stderr: std::mem::take(&mut self.stderr) };
        for text in [&output.stdout, &output.stderr] {
            assert!(!text.contains("panicked at"), "{output:?}");
            for secret in &self.secrets {
                assert!(!text.contains(secret), "`{}` shows a credential: {output:?}", output.what);
            }
        }
        output
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) what: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// The output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// The JSON of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let output = self.ok();
        serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Checks a failure: its code, exactly one `error:` line with these words, and a `hint:` line where one is due.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, error: &str, hint: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        let lines = |start: &str| -> Vec<&str> {
            self.stderr.lines().filter_map(|line| line.strip_prefix(start)).collect()
        };
        let [said] = lines("error: ")[..] else { panic!("not one error line: {self:?}") };
        assert!(said.contains(error), "the error does not say {error:?}: {self:?}");
        match lines("hint: ")[..] {
            [said] => assert!(said.contains(hint), "the hint does not say {hint:?}: {self:?}"),
            ref other => assert!(hint.is_empty() && other.is_empty(), "no hint {hint:?}: {self:?}"),
        }
        self
    }
}

/// A port of this machine that nobody listens on, and that nobody else is given in this run.
///
/// It lies below the ports that the system hands out, so that a simulator finds it free when it comes back to it.
pub(crate) fn closed_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        // Two runs at once begin at different places.
        let port = 12_000 + (std::process::id() as u16 % 100 * 200 + turn) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A server that gives the same answer to everything, for as long as the test runs.
pub(crate) fn answers_always(head: &str, body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer =
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 8192];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}
