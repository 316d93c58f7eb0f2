//! How far a running sync is.

use std::collections::BTreeMap;
use std::time::Duration;

use sightline_core::{SnapshotNumber, Time};

use crate::governor::{BucketUse, Governor};
use crate::kept::Expected;
use crate::run::Event;

/// Gaps whose texts are kept while a sync runs; all of them are in its report.
const GAP_TEXTS: usize = 50;
/// How long the windows of rate limits last.
const WINDOW: Duration = Duration::from_mins(1);

/// How far a running sync is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// When it was started in this process.
    pub started: Time,
    /// Number of the snapshot that it will become; none before its first call.
    pub snapshot: Option<SnapshotNumber>,
    /// Whether it goes on with an interrupted one.
    pub resumed: bool,
    /// Whether everything is read, and not only what has changed.
    pub full: bool,
    /// Whether everything is read and the snapshot is being made.
    pub sealing: bool,
    /// Records so far, by dataset.
    pub records: BTreeMap<String, u64>,
    /// Records of the last snapshot, by dataset; empty before the first.
    pub last: BTreeMap<String, u64>,
    /// Tasks that are known and not done.
    pub open: u64,
    /// Requests made in this process, by rate-limit bucket.
    pub requests: BTreeMap<String, BucketUse>,
    /// Requests that a full sync is expected to make.
    pub expected: Option<Expected>,
    /// How much longer it may take, roughly; none where that cannot be said.
    pub seconds_left: Option<u64>,
    /// Until when everything that could go on waits for a rate limit.
    pub waiting_until: Option<Time>,
    /// Parts that could not be read, so far.
    pub gaps: u64,
    /// The first of them, in words.
    pub gap_texts: Vec<String>,
}

impl Progress {
    pub(crate) fn begun(started: Time) -> Self {
        Self {
            started,
            snapshot: None,
            resumed: false,
            full: false,
            sealing: false,
            records: BTreeMap::new(),
            last: BTreeMap::new(),
            open: 0,
            requests: BTreeMap::new(),
            expected: None,
            seconds_left: None,
            waiting_until: None,
            gaps: 0,
            gap_texts: Vec::new(),
        }
    }

    /// Requests of all buckets, made in this process.
    pub fn requests_made(&self) -> u64 {
        self.requests.values().map(|bucket| bucket.requests).sum()
    }

    /// Takes in what happened.
    pub(crate) fn note(&mut self, event: &Event, now: Time) {
        match event {
            Event::Started { number, resumed, full } => {
                self.snapshot = Some(*number);
                self.resumed = *resumed;
                self.full = *full;
            }
            Event::Step { dataset, records, open, full, .. } => {
                self.records.insert(dataset.clone(), *records);
                self.open = *open as u64;
                self.full = *full;
                self.waiting_until = None;
            }
            Event::Waiting { pause, .. } => self.waiting_until = Some(now.after(*pause)),
            Event::Gap(gap) => {
                self.gaps += 1;
                if self.gap_texts.len() < GAP_TEXTS {
                    let (scope, why) = (&gap.scope, gap.reason.phrase());
                    self.gap_texts.push(format!("{scope} ({why}): {}; {}", gap.detail, gap.consequence));
                }
            }
            Event::Sealing => {
                self.sealing = true;
                self.waiting_until = None;
            }
        }
    }

    /// This with what was asked so far, and how much longer it may take.
    pub(crate) fn now(&self, governor: Option<&Governor>, now: Time) -> Self {
        let mut progress = self.clone();
        if let Some(governor) = governor {
            progress.requests = governor.usage();
            progress.seconds_left = progress.seconds_left(governor, now);
        }
        progress
    }

    /// What is left of what was expected, at the pace so far, and no faster than the rate limits allow.
    fn seconds_left(&self, governor: &Governor, now: Time) -> Option<u64> {
        // The expectation is of a whole full sync: it says nothing of what changes take, or of half a sync.
        let expected = self.expected.as_ref().filter(|_| self.full && !self.resumed && !self.sealing)?;
        let made = |bucket: &str| self.requests.get(bucket).map_or(0, |used| used.requests);
        let (mut done, mut left, mut limited) = (0, 0, 0);
        for (bucket, &requests) in &expected.requests {
            let still = requests.saturating_sub(made(bucket));
            done += made(bucket);
            left += still;
            if let Some(calls) = governor.per_window(bucket) {
                // The last window is not waited for.
                let windows = still.div_ceil(calls.max(1)).max(1) - 1;
                limited = limited.max(windows * WINDOW.as_secs());
            }
        }
        if done == 0 || left == 0 {
            return None;
        }
        let at_this_pace = now.since(self.started).as_secs_f64() * left as f64 / done as f64;
        Some(limited.max(at_this_pace.ceil() as u64))
    }
}
