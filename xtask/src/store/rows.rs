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
