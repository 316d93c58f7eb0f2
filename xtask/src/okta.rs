//! Syncs of simulated companies, with the release build of the program.

mod company;
mod minimum;
mod program;
mod report;
mod rows;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::figures::markdown;
use crate::scratch::copy_dir;
use crate::{Failure, Result, machine};
pub(crate) use company::Company;
use company::REFERENCE;
pub(crate) use program::{Program, Simulator};
use report::Taken;
use rows::{Limited, RATIO_BOUND};

/// What `bench okta` measures.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub(crate) struct Okta {
    #[command(flatten)]
    company: Company,
    /// First syncs to measure, each with a data directory of its own; more than 10000 people are read once
    #[arg(long, default_value_t = RUNS, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Leave out the company of 100000 and what is measured under rate limits
    #[arg(long)]
    quick: bool,
    /// Seconds of a rate-limit window [default: 20 for 1000 people, 10 for 10000, 2 for more]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    window_secs: Option<u64>,
    /// Measure this program [default: the release build]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// First syncs of each company, unless somebody says otherwise.
const RUNS: u32 = 3;
/// The limits of a paying org, and the share of them that a token has by default.
const LIMITS: &[&str] = &["--rate-limits", "workforce", "--share", "0.5"];
/// One round of change that touches one person of a hundred.
const CHANGED: &[&str] = &["--rounds", "1", "--permille", "10"];
/// The simulator places a round into these seconds of its own time.
const ROUND_SECONDS: i64 = 20;

impl Default for Okta {
    fn default() -> Self {
        Self { company: Company::default(), runs: RUNS, quick: false, window_secs: None, program: None }
    }
}

impl Okta {
    /// Measures and prints, a table for each company.
    pub(crate) fn measure(&self) -> Result<()> {
        let program = Program::new(self.program.as_deref())?;
        println!("machine    {}", machine::describe());
        println!(
            "program    {}; it shares the machine with the simulator",
            match &self.program {
                None => "release build".to_owned(),
                Some(_) => program.path().display().to_string(),
            }
        );
        println!("simulator  sightline sim okta --now START SIZES");
        println!("command    sightline sync --json");
        println!("changed    the simulator anew with {}", CHANGED.join(" "));
        if !self.quick {
            println!("limits     the simulator anew with {} --window-secs N;", LIMITS.join(" "));
            println!("           the windows are shortened so that this ends: real ones last 60 s");
        }
        for company in self.company.chosen(self.quick) {
            let text = self.measure_one(&program, &company)?;
            println!("\n### {}\n\n{text}", company.describe());
        }
        Ok(())
    }

    fn measure_one(&self, program: &Program, company: &Company) -> Result<String> {
        // The same for every simulator of this company, so that they agree. Of its own for each company: changes are
        // placed right after this time, and are looked for since the last sync.
        let start = now();
        let arguments = |further: &[&str]| {
            let mut arguments = company.arguments();
            arguments.extend(["--now".to_owned(), start.to_string()]);
            arguments.extend(further.iter().map(|&argument| argument.to_owned()));
            arguments
        };
        let home = program.scratch().join(format!("{start}").replace(':', "-"));
        std::fs::create_dir(&home)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", home.display())))?;
        let connected = home.join("connected");
        let fresh = |name: &str| -> Result<PathBuf> {
            let data = home.join(name);
            copy_dir(&connected, &data)
                .map_err(|error| Failure::new(format!("the data directory could not be copied: {error}")))?;
            Ok(data)
        };

        let simulator = Simulator::start(program, "127.0.0.1:0", &arguments(&[]))?;
        let ready = simulator.ready.clone();
        let least = minimum::least(&ready.requests_minimum, ready.log_pages)
            .map_err(|field| Failure::new(format!("what the simulator says is not understood: {field}")))?;
        program.connect(&connected, &simulator)?;
        let runs = if company.is_large() { 1 } else { self.runs };
        let mut first = Vec::new();
        let mut data = connected.clone();
        for run in 0..runs {
            data = fresh(&format!("run-{run}"))?;
            first.push(program.sync(&data, &simulator)?);
        }
        let quiet: [Taken; 2] = [program.sync(&data, &simulator)?, program.sync(&data, &simulator)?];
        drop(simulator);

        // What happens in the log must have happened.
        wait_until(start.as_second() + 2 * ROUND_SECONDS);
        let simulator = Simulator::start(program, ready.address(), &arguments(CHANGED))?;
        let (dirty, apps) = (simulator.ready.dirty, simulator.ready.apps);
        let dirty = dirty.ok_or_else(|| Failure::new("the simulator did not say how much has changed"))?;
        let changed = program.sync(&data, &simulator)?;
        drop(simulator);

        let mut rows = vec![rows::first(&first, rows::sum(&least), *company == REFERENCE)];
        rows.push(rows::quiet(
            "the same again, with the last minutes of the log",
            &quiet[0],
            ready.apps,
            false,
        ));
        rows.push(rows::quiet("the same again, nothing changed", &quiet[1], ready.apps, true));
        rows.push(rows::changed(&changed, dirty, apps));
        if !self.quick {
            let window_secs = self.window_secs.unwrap_or(company.window_secs());
            let window = window_secs.to_string();
            let limits = [LIMITS, &["--window-secs", &window]].concat();
            let simulator = Simulator::start(program, ready.address(), &arguments(&limits))?;
            let taken = program.sync(&fresh("limited")?, &simulator)?;
            let floor = minimum::floor(&taken.buckets, window_secs);
            rows.push(rows::limited(&Limited { taken, floor, window_secs }));
        }
        let mut text = markdown(&rows.concat());
        let most = first.iter().max_by_key(|taken| taken.requests());
        if let Some(most) =
            most.filter(|most| most.requests() as f64 > RATIO_BOUND * rows::sum(&least) as f64)
        {
            text.push('\n');
            text.push_str(&rows::explain(&minimum::differences(&least, &most.buckets)));
        }
        // The next company needs the room.
        let _ = std::fs::remove_dir_all(&home);
        Ok(text)
    }
}

/// The present time in whole seconds.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn wait_until(second: i64) {
    let left = second + 1 - Timestamp::now().as_second();
    if let Ok(left @ 1..) = u64::try_from(left) {
        eprintln!("waiting {left} s until the round of change is over");
        std::thread::sleep(Duration::from_secs(left));
    }
}
