//! Showing how a sync goes: one moving line on a terminal, plain lines elsewhere.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sightline_answer::number;
use sightline_core::Gap;
use sightline_sync::Event;

use crate::output::{is_terminal, note};

/// How often plain output says where it is.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Shows how a sync goes, on standard error.
pub(crate) struct Progress {
    source: String,
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    records: BTreeMap<String, u64>,
    requests: u64,
    gaps: u64,
    last_line: Instant,
}

/// Datasets that a line names.
const SHOWN_DATASETS: usize = 6;
/// Gaps that are shown one by one while a sync runs; all of them are in its report.
const SHOWN_GAPS: u64 = 5;

impl Progress {
    pub(crate) fn new(source: &str, quiet: bool) -> Self {
        let bar = (is_terminal() && !quiet).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg} [{elapsed}]") {
                bar.set_style(style);
            }
            bar.set_prefix(source.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let state = State { records: BTreeMap::new(), requests: 0, gaps: 0, last_line: Instant::now() };
        Self { source: source.to_owned(), bar, state: Mutex::new(state) }
    }

    /// Shows what happened.
    pub(crate) fn show(&self, event: &Event) {
        let Ok(mut state) = self.state.lock() else { return };
        match event {
            Event::Started { number, resumed, .. } => {
                let how = if *resumed { "going on with" } else { "beginning" };
                self.say(&format!("{how} sync {number}"));
            }
            Event::Step { dataset, records, requests, open, .. } => {
                state.records.insert(dataset.clone(), *records);
                state.requests = *requests;
                let line = format!("{}, {} tasks left", state.line(), number(*open as u64));
                match &self.bar {
                    Some(bar) => bar.set_message(line),
                    None if state.last_line.elapsed() > PLAIN_EVERY => {
                        state.last_line = Instant::now();
                        self.say(&line);
                    }
                    None => {}
                }
            }
            Event::Waiting { buckets, pause } => {
                let line =
                    format!("waiting {} s for the rate limit of {}", pause.as_secs() + 1, buckets.join(", "));
                match &self.bar {
                    Some(bar) => bar.set_message(format!("{}; {line}", state.line())),
                    None if pause.as_secs() > 2 => self.say(&line),
                    None => {}
                }
            }
            Event::Gap(gap) => {
                state.gaps += 1;
                if state.gaps <= SHOWN_GAPS {
                    self.say(&gap_line(gap));
                } else if state.gaps == SHOWN_GAPS + 1 {
                    self.say("further gaps are in the report");
                }
            }
            Event::Sealing => {
                let line = format!("{}, sealing", state.line());
                match &self.bar {
                    Some(bar) => bar.set_message(line),
                    None => self.say(&line),
                }
            }
            _ => {}
        }
    }

    /// Takes the moving line away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, line: &str) {
        let line = format!("{}: {line}", self.source);
        match &self.bar {
            Some(bar) => bar.suspend(|| note(line)),
            None => note(line),
        }
    }
}

impl State {
    fn line(&self) -> String {
        // The largest say how far it is; all of them would fill the screen.
        let mut records: Vec<_> = self.records.iter().filter(|(_, records)| **records > 0).collect();
        records.sort_by_key(|(_, records)| std::cmp::Reverse(**records));
        let more = records.len().saturating_sub(SHOWN_DATASETS);
        let mut parts: Vec<String> = records
            .iter()
            .take(SHOWN_DATASETS)
            .map(|(dataset, records)| format!("{} {}", dataset.replace('_', " "), number(**records)))
            .collect();
        if more > 0 {
            parts.push(format!("{more} more"));
        }
        parts.push(format!("{} requests", number(self.requests)));
        parts.join(" · ")
    }
}

/// A gap in a line.
pub(crate) fn gap_line(gap: &Gap) -> String {
    format!("not seen: {} ({}): {}; {}", gap.scope, gap.reason.phrase(), gap.detail, gap.consequence)
}
