//! Which snapshots are kept for how long.

use std::collections::BTreeSet;
use std::time::Duration;

use sightline_core::{SnapshotNumber, Time};

use crate::read::SnapshotMeta;

/// How long snapshots are kept: all of them, then the last one of each day, then the last one of each month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days for which every snapshot is kept.
    pub all_days: u32,
    /// Days for which the last snapshot of every day (UTC) is kept.
    pub daily_days: u32,
    /// Days for which the last snapshot of every month (UTC) is kept; none: for ever.
    pub monthly_days: Option<u32>,
}

impl Retention {
    /// The snapshots that need no longer be kept; never the newest.
    pub fn expired(&self, snapshots: &[SnapshotMeta], now: Time) -> Vec<SnapshotNumber> {
        let age = |meta: &SnapshotMeta| now.since(meta.sealed);
        let days = |days: u32| Duration::from_hours(24 * u64::from(days));
        let mut kept = BTreeSet::new();
        let (mut days_met, mut months_met) = (BTreeSet::new(), BTreeSet::new());
        for (place, meta) in snapshots.iter().rev().enumerate() {
            let date = meta.sealed.date();
            // The newest first: the last of a day is met before the others of that day.
            let last_of_month = months_met.insert(date.get(..7).unwrap_or_default().to_owned());
            let last_of_day = days_met.insert(date);
            let keeps_month = self.monthly_days.is_none_or(|kept| age(meta) <= days(kept));
            if place == 0
                || age(meta) <= days(self.all_days)
                || (last_of_day && age(meta) <= days(self.daily_days))
                || (last_of_month && keeps_month)
            {
                kept.insert(meta.number);
            }
        }
        snapshots.iter().map(|meta| meta.number).filter(|number| !kept.contains(number)).collect()
    }
}
