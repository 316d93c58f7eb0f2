//! Answers about organisations in memory, and in SQLite.

mod timed;

use clap::Args;
use serde::{Deserialize, Serialize};
use sightline_core::Tenant;
use sightline_graph::{About, Graph};

use crate::child::{ask, tell, timed, timed_often};
use crate::figures::{Row, markdown};
use crate::organisation::{Organisation, Size};
use crate::scratch::Scratch;
use crate::sqlite::{self, Sqlite};
use crate::{Failure, Result, machine};
use timed::Timed;

/// What `bench graph` measures.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GraphBench {
    /// People of one organisation, the rest in proportion [default: 100000, then 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..))]
    people: Option<u32>,
    /// Leave out the comparison with SQLite
    #[arg(long)]
    no_sqlite: bool,
}

/// Builds a graph, asks it, and says what that took.
#[derive(Debug, Clone, Args)]
pub(crate) struct BuildGraph {
    people: u32,
}

/// What a graph took.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Built {
    /// From the first block to the graph, without the making of the blocks.
    build_seconds: f64,
    pairs: u64,
    pairs_seconds: Vec<f64>,
    /// The application with the most users, and one in the middle.
    apps: [Asked; 2],
    /// Pairs that the next state has and this one does not, and the other way round.
    changes: u64,
    compare_seconds: Vec<f64>,
    /// Before the graph of the next state was built as well.
    peak_bytes: Option<u64>,
}

/// What was asked about one application.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Asked {
    accounts: u64,
    who_seconds: Vec<f64>,
    paths: u64,
    why_seconds: Vec<f64>,
}

/// Repetitions of what is quick.
const TIMES: u32 = 5;
/// Bytes.
const MB: f64 = 1e6;

/// What may be taken at most; none where nothing was promised.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    build_seconds: Option<f64>,
    pairs_ms: Option<f64>,
    answer_ms: Option<f64>,
    peak_mb: Option<f64>,
}

impl Bounds {
    fn of(size: Size) -> Self {
        let answer_ms = Some(5.0);
        match size {
            Size::LARGE => Self { build_seconds: Some(0.3), pairs_ms: Some(30.0), answer_ms, peak_mb: None },
            Size::LARGEST => {
                Self { build_seconds: Some(3.0), pairs_ms: Some(300.0), answer_ms, peak_mb: Some(900.0) }
            }
            _ => Self::default(),
        }
    }
}

impl GraphBench {
    /// Measures and prints, tables for each organisation.
    pub(crate) fn measure(&self) -> Result<()> {
        println!("machine    {}", machine::describe());
        println!("program    release build of this one; each graph is built in a process of its own");
        let sizes = match self.people {
            Some(people) => vec![Size::of(people)],
            None => vec![Size::LARGE, Size::LARGEST],
        };
        for size in sizes {
            println!("\n### {}\n", size.describe());
            let built: Built = ask(&["bench", "build-graph", &size.people.to_string()])?;
            let mut rows = built.rows(&Bounds::of(size));
            if !self.no_sqlite {
                rows.extend(with_sqlite(size, &built)?);
            }
            print!("{}", markdown(&rows));
        }
        Ok(())
    }
}

fn with_sqlite(size: Size, built: &Built) -> Result<Vec<Row>> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::new(format!("this program cannot be found: {error}")))?;
    let scratch = Scratch::beside(&program)?;
    let (sqlite, _) = Sqlite::load(&Organisation::new(size, 0), scratch.path())?;
    let mut rows = vec![Row::title("the same questions to SQLite")];
    rows.extend(sqlite::rows::questions(&sqlite, size, Some(built.pairs))?);
    Ok(rows)
}

impl BuildGraph {
    pub(crate) fn run(&self) -> Result<()> {
        let size = Size::of(self.people);
        let organisation = Organisation::new(size, 1);
        let about = |number| About {
            source: "measured".to_owned(),
            tenant: Tenant { id: "00o1".to_owned(), name: "acme.example.com".to_owned() },
            number,
            started: Organisation::now(0),
            sealed: Organisation::now(0),
        };
        let mut builder = Timed::new(Graph::builder(about(1), organisation.scopes(0)));
        organisation.feed(0, &mut builder);
        let taken_in = builder.spent.as_secs_f64();
        let (graph, finished) = timed(|| builder.sink.finish());
        let build_seconds = taken_in + finished;
        let (pairs, pairs_seconds) = timed_often(TIMES, || graph.effective_pairs());
        let apps = [0, size.apps / 2].map(|app| {
            let app = graph.resource_with_id(&Organisation::app_id(app))?;
            let (found, who_seconds) = timed_often(TIMES, || graph.who(app));
            let found = found?;
            let account = found.iter().find(|access| access.paths.len() > 1).or(found.first())?.account;
            let (explanation, explaining) = timed_often(TIMES, || graph.why(account, app));
            let paths = explanation?.paths.len() as u64;
            let accounts = found.len() as u64;
            Some(Asked { accounts, who_seconds, paths, why_seconds: explaining })
        });
        let ([Some(largest), Some(middle)], Some(pairs)) = (apps, pairs) else {
            return Err(Failure::new("the graph does not know the applications"));
        };
        let peak_bytes = machine::peak_bytes();
        let mut builder = Graph::builder(about(2), organisation.scopes(1));
        organisation.feed(1, &mut builder);
        let later = builder.finish();
        let (changes, compare_seconds) =
            timed_often(TIMES, || Graph::gained_and_lost(&graph, &later).len() as u64);
        tell(&Built {
            build_seconds,
            pairs,
            pairs_seconds,
            apps: [largest, middle],
            changes: changes.unwrap_or(0),
            compare_seconds,
            peak_bytes,
        })
    }
}

impl Built {
    fn rows(&self, bounds: &Bounds) -> Vec<Row> {
        let ms = |seconds: &[f64]| seconds.iter().map(|seconds| seconds * 1e3).collect::<Vec<_>>();
        let mut rows = vec![
            Row::title(format!("in memory, median of {TIMES} (least to most)")),
            Row::of("building, seconds", [self.build_seconds], 2, bounds.build_seconds),
            Row::of("all pairs of account and application, ms", ms(&self.pairs_seconds), 1, bounds.pairs_ms),
            Row::of("pairs", [self.pairs as f64], 0, None),
        ];
        for (which, asked) in ["largest", "middle"].into_iter().zip(&self.apps) {
            let name = format!("who, {which} application, ms");
            rows.push(Row::of(&name, ms(&asked.who_seconds), 2, bounds.answer_ms));
            rows.push(Row::of("accounts found", [asked.accounts as f64], 0, None));
            let name = format!("why, an account and the {which} application, ms");
            rows.push(Row::of(&name, ms(&asked.why_seconds), 3, bounds.answer_ms));
            rows.push(Row::of("ways found", [asked.paths as f64], 0, None));
        }
        rows.push(Row::of(
            "pairs gained and lost from state to state, ms",
            ms(&self.compare_seconds),
            1,
            None,
        ));
        rows.push(Row::of("pairs that differ", [self.changes as f64], 0, None));
        let peak = self.peak_bytes.map(|bytes| bytes as f64 / MB);
        rows.push(Row::of("peak memory, MB", peak, 0, bounds.peak_mb));
        rows
    }
}
