//! When each data source is read next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// Next runs of data sources, by id: each on its interval, jittered so that many of them don't start together.
#[derive(Debug)]
pub struct Schedule {
    interval: Duration,
    next: BTreeMap<u64, Instant>,
    running: BTreeSet<u64>,
    /// Running, and due again as soon as that ends.
    again: BTreeSet<u64>,
    failures: BTreeMap<u64, u32>,
}

impl Schedule {
    /// A schedule with this time between the end of a sync and the start of the next.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: BTreeMap::new(),
            running: BTreeSet::new(),
            again: BTreeSet::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Takes in the data sources that exist now: new ones run soon, removed ones no more.
    pub fn set_sources(&mut self, ids: impl IntoIterator<Item = u64>) {
        let ids: Vec<u64> = ids.into_iter().collect();
        self.next.retain(|id, _| ids.contains(id));
        for id in ids {
            // Spread over a tenth of the interval, a minute at the most: a restart must not hit all sources at once.
            let spread = (self.interval / 10).min(Duration::from_mins(1));
            self.next.entry(id).or_insert_with(|| Instant::now() + spread.mul_f64(fastrand::f64()));
        }
    }

    /// The data source that is due next, and when.
    pub fn next(&self) -> Option<(u64, Instant)> {
        let waiting = self.next.iter().filter(|(id, _)| !self.running.contains(id));
        waiting.map(|(id, at)| (*id, *at)).min_by_key(|(_, at)| *at)
    }

    /// When the data source is due; none when it is not read by itself, or runs.
    pub fn at(&self, id: u64) -> Option<Instant> {
        self.next.get(&id).copied().filter(|_| !self.running.contains(&id))
    }

    /// Makes a data source due at once, or as soon as it has run where it runs, and forgets that it failed.
    pub fn now(&mut self, id: u64) {
        self.failures.remove(&id);
        if self.running.contains(&id) {
            self.again.insert(id);
        }
        self.next.insert(id, Instant::now());
    }

    /// Reads a data source by itself no more.
    pub fn remove(&mut self, id: u64) {
        self.next.remove(&id);
        self.again.remove(&id);
        self.failures.remove(&id);
    }

    /// Takes a data source out while it runs.
    pub fn start(&mut self, id: u64) {
        self.running.insert(id);
    }

    /// Sets the next run after one has ended; failures are tried again sooner at first, then ever later.
    pub fn finished(&mut self, id: u64, succeeded: bool) {
        let wait = if succeeded {
            self.failures.remove(&id);
            self.interval.mul_f64(0.9 + fastrand::f64() * 0.2)
        } else {
            let failures = self.failures.entry(id).or_default();
            *failures += 1;
            let soon = Duration::from_secs(30).saturating_mul(1 << (*failures - 1).min(10));
            soon.min(self.interval.max(Duration::from_hours(1))).mul_f64(0.8 + fastrand::f64() * 0.4)
        };
        self.running.remove(&id);
        let wait = if self.again.remove(&id) { Duration::ZERO } else { wait };
        // What was taken out of the schedule meanwhile stays out.
        if let Some(next) = self.next.get_mut(&id) {
            *next = Instant::now() + wait;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn every_source_runs_soon_and_then_on_its_interval() {
        let mut schedule = Schedule::new(HOUR);
        schedule.set_sources([1, 2]);
        let (first, at) = schedule.next().unwrap();
        assert!(at <= Instant::now() + Duration::from_mins(1));
        schedule.start(first);
        schedule.set_sources([1, 2]);
        let (second, _) = schedule.next().unwrap();
        assert_ne!(first, second, "a source that runs is not due");
        schedule.start(second);
        schedule.finished(first, true);
        let (next, at) = schedule.next().unwrap();
        let wait = at - Instant::now();
        assert_eq!(next, first);
        assert!(wait >= HOUR.mul_f64(0.9) && wait <= HOUR.mul_f64(1.1), "{wait:?}");
        schedule.set_sources([second]);
        assert_ne!(schedule.next().map(|(id, _)| id), Some(first), "removed");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_tried_again_ever_later() {
        let mut schedule = Schedule::new(HOUR);
        schedule.set_sources([1]);
        let mut last = Duration::ZERO;
        for _ in 0..5 {
            schedule.finished(1, false);
            let wait = schedule.next().unwrap().1 - Instant::now();
            assert!(wait > last, "{wait:?} after {last:?}");
            last = wait.mul_f64(1.2 / 1.2);
        }
        schedule.finished(1, true);
        schedule.finished(1, false);
        assert!(schedule.next().unwrap().1 - Instant::now() < Duration::from_mins(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wanted_or_taken_out_during_a_run_is_so_after_it() {
        let mut schedule = Schedule::new(HOUR);
        schedule.set_sources([1, 2]);
        for id in [1, 2] {
            schedule.start(id);
            assert_eq!(schedule.at(id), None);
        }
        schedule.now(1);
        schedule.remove(2);
        assert_eq!(schedule.next(), None, "both run");
        schedule.finished(1, true);
        schedule.finished(2, true);
        assert_eq!(schedule.at(1), Some(Instant::now()));
        assert_eq!(schedule.at(2), None);
        schedule.start(1);
        schedule.finished(1, true);
        assert!(schedule.at(1).unwrap() >= Instant::now() + HOUR.mul_f64(0.9), "wanted once");
    }
}
