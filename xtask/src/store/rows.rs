//! The rows of an organisation's tables, from what was measured.

use super::kept::{Opened, Synced};
use crate::figures::{Row, Spread, number};
use crate::organisation::{Changes, Size};

/// Bytes.
const MB: f64 = 1e6;
/// All snapshots together, against the first alone.
const HISTORY_BOUND: f64 = 2.0;
/// Opening the oldest snapshot, against the latest.
const OLDEST_BOUND: f64 = 2.0;

/// What may be taken at most; none where nothing was promised.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    first_seconds: Option<f64>,
    first_mb: Option<f64>,
    changes_seconds: Option<f64>,
    again_seconds: Option<f64>,
    grown_mb: Option<f64>,
    history: Option<f64>,
    open_seconds: Option<f64>,
    oldest: Option<f64>,
    open_mb: Option<f64>,
}

impl Bounds {
    pub(super) fn of(size: Size) -> Self {
        match size {
            Size::LARGE => Self {
                first_seconds: Some(1.5),
                first_mb: Some(60.0),
                changes_seconds: Some(0.1),
                again_seconds: Some(1.2),
                grown_mb: Some(2.0),
                history: Some(HISTORY_BOUND),
                open_seconds: Some(0.6),
                oldest: Some(OLDEST_BOUND),
                open_mb: None,
            },
            Size::LARGEST => Self { open_seconds: Some(6.0), open_mb: Some(900.0), ..Self::default() },
            _ => Self::default(),
        }
    }
}

/// The first snapshot.
pub(super) fn first(synced: &Synced, bytes: u64, compacted_bytes: u64, bounds: &Bounds) -> Vec<Row> {
    let mut rows = vec![Row::title("first snapshot")];
    rows.extend(times(std::slice::from_ref(synced), bounds.first_seconds));
    rows.push(Row::of("facts", [synced.facts as f64], 0, None));
    rows.push(Row::of("on disk as written, MB", [bytes as f64 / MB], 1, None));
    rows.push(Row::of("on disk, MB", [compacted_bytes as f64 / MB], 1, bounds.first_mb));
    rows
}

/// A further snapshot for which everything was read.
pub(super) fn read_again(synced: &Synced, changes: Changes, grown_bytes: u64, bounds: &Bounds) -> Vec<Row> {
    let mut rows = vec![Row::title("next snapshot, everything read again")];
    rows.extend(times(std::slice::from_ref(synced), bounds.again_seconds));
    rows.push(changed(changes));
    rows.push(Row::of("more on disk, MB", [grown_bytes as f64 / MB], 2, bounds.grown_mb));
    rows
}

/// Further snapshots for which only what had changed was read.
pub(super) fn changes(synced: &[Synced], changes: Changes, grown_bytes: u64, bounds: &Bounds) -> Vec<Row> {
    let mut rows = vec![Row::title(match synced.len() {
        1 => "next snapshot, what changed read".to_owned(),
        many => format!("next snapshot, what changed read, median of {many} (least to most)"),
    })];
    rows.extend(times(synced, bounds.changes_seconds));
    rows.push(changed(changes));
    rows.push(Row::of("more on disk, the first one, MB", [grown_bytes as f64 / MB], 2, bounds.grown_mb));
    rows
}

/// All snapshots together.
pub(super) fn history(further: u32, first_bytes: u64, last_bytes: u64, bounds: &Bounds) -> Vec<Row> {
    let grown = last_bytes.saturating_sub(first_bytes) as f64 / MB;
    vec![
        Row::title(format!("first snapshot and {further} more")),
        Row::of("on disk, MB", [last_bytes as f64 / MB], 1, None),
        Row::of("more for each, MB", [grown / f64::from(further)], 2, None),
        Row::of("on disk / first alone", [last_bytes as f64 / first_bytes as f64], 2, bounds.history),
    ]
}

/// From the closed store to a graph that answers.
pub(super) fn opened(latest: &[Opened], oldest: &[Opened], further: u32, bounds: &Bounds) -> Vec<Row> {
    let seconds = |opened: &[Opened]| Spread::of(opened.iter().map(|opened| opened.seconds));
    let ratio = match (seconds(latest), seconds(oldest)) {
        (Some(latest), Some(oldest)) => Some(oldest.median / latest.median),
        _ => None,
    };
    let peaks: Option<Vec<f64>> =
        latest.iter().map(|opened| opened.peak_bytes.map(|bytes| bytes as f64 / MB)).collect();
    vec![
        Row::title("opening a snapshot: reading it and making the graph"),
        Row::of("the latest, seconds", latest.iter().map(|opened| opened.seconds), 2, bounds.open_seconds),
        Row::of("peak memory, MB", peaks.unwrap_or_default(), 0, bounds.open_mb),
        Row::of(
            &format!("{further} before it, seconds"),
            oldest.iter().map(|opened| opened.seconds),
            2,
            None,
        ),
        Row::of(&format!("{further} before it / the latest"), ratio, 2, bounds.oldest),
    ]
}

fn times(synced: &[Synced], bound: Option<f64>) -> Vec<Row> {
    let each = |value: fn(&Synced) -> f64| synced.iter().map(value);
    vec![
        Row::of("storing steps, seconds", each(|synced| synced.steps_seconds), 3, None),
        Row::of(
            "of that the processor, seconds",
            synced
                .iter()
                .map(|synced| synced.steps_processor_seconds)
                .collect::<Option<Vec<_>>>()
                .unwrap_or_default(),
            3,
            None,
        ),
        Row::of(
            "the disk alone, making as many commits durable, seconds",
            each(|synced| synced.disk_seconds),
            3,
            None,
        ),
        Row::of("sealing, seconds", each(|synced| synced.seal_seconds), 3, None),
        Row::of("both, seconds", each(Synced::seconds), 3, bound),
        Row::of("records read", each(|synced| synced.records as f64), 0, None),
        Row::of("commits", each(|synced| synced.commits as f64), 0, None),
        Row::of(
            "making the records, not counted, seconds",
            each(|synced| synced.generating_seconds),
            3,
            None,
        ),
    ]
}

fn changed(changes: Changes) -> Row {
    let Changes { people, added, removed, altered, scopes } = changes;
    let [people, added, removed, altered, scopes] =
        [people, added, removed, altered, scopes].map(|count| number(count as f64, 0));
    let shown = format!(
        "{people} people; edges of {scopes} groups and applications: {added} added, {removed} removed, {altered} altered"
    );
    Row::new("changed", &shown, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::markdown;

    fn synced(steps_seconds: f64, seal_seconds: f64) -> Synced {
        Synced {
            steps_seconds,
            steps_processor_seconds: None,
            disk_seconds: 0.5,
            seal_seconds,
            generating_seconds: 9.0,
            records: 12,
            commits: 2,
            facts: 1_000,
        }
    }

    #[test]
    fn the_time_is_that_inside_the_store() {
        let text = markdown(&first(&synced(1.0, 0.75), 90_000_000, 50_000_000, &Bounds::of(Size::LARGE)));
        assert!(text.contains("| both, seconds | **1.750: over** | 1.5 |\n"), "{text}");
        assert!(text.contains("| on disk, MB | 50.0 | 60 |\n"), "{text}");
        let text = markdown(&first(&synced(1.0, 0.75), 90_000_000, 50_000_000, &Bounds::of(Size::of(7_000))));
        assert!(text.contains("| both, seconds | 1.750 | |\n"), "{text}");
    }

    #[test]
    fn what_all_snapshots_take_stands_beside_the_first() {
        let text = markdown(&history(10, 50_000_000, 110_000_000, &Bounds::of(Size::LARGE)));
        assert!(text.contains("| more for each, MB | 6.00 | |\n"), "{text}");
        assert!(text.contains("| on disk / first alone | **2.20: over** | 2 |\n"), "{text}");
    }

    #[test]
    fn the_oldest_is_compared_with_the_latest() {
        let opened = |seconds, peak_bytes| Opened { seconds, peak_bytes, pairs: 1 };
        let latest = [opened(2.0, Some(910_000_000)), opened(7.0, Some(910_000_000)), opened(3.0, None)];
        let text = markdown(&super::opened(&latest, &[opened(7.5, None)], 30, &Bounds::of(Size::LARGEST)));
        assert!(text.contains("| the latest, seconds | 3.00 (2.00 to 7.00) | 6 |\n"), "{text}");
        assert!(text.contains("| 30 before it / the latest | 2.50 | |\n"), "{text}");
        assert!(text.contains("| peak memory, MB | unknown | 900 |\n"), "{text}");
        let text =
            markdown(&super::opened(&latest[..1], &[opened(7.5, None)], 1, &Bounds::of(Size::LARGEST)));
        assert!(text.contains("| peak memory, MB | **910: over** | 900 |\n"), "{text}");
    }
}
