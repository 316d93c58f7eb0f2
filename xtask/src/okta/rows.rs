//! The rows of a company's table, from what was measured.

use super::minimum::{Difference, Floor, Least};
use super::report::Taken;
use crate::figures::{Bound, Row, Spread, number};

/// Requests of a first sync, against the fewest.
pub(super) const RATIO_BOUND: f64 = 1.02;
/// Seconds under limits, against the floor.
const FLOOR_BOUND: f64 = 1.05;
/// Requests of a sync that finds nothing changed, without those that list the applications.
const QUIET_REQUESTS: u64 = 12;
/// Applications on a page of their list; it is read in every sync.
const APPS_PAGE: u64 = 200;
/// What the first sync of the reference company may take.
const SECONDS_BOUND: f64 = 2.0;
/// See [`SECONDS_BOUND`].
const PEAK_MB_BOUND: f64 = 100.0;

/// Bytes.
const MB: f64 = 1e6;

/// A first sync under limits, and the floor of its time.
pub(super) struct Limited {
    pub(super) taken: Taken,
    pub(super) floor: Option<Floor>,
    pub(super) window_secs: u64,
}

/// First syncs without limits. Time and memory have bounds in the reference company only.
pub(super) fn first(syncs: &[Taken], least: u64, is_reference: bool) -> Vec<Row> {
    let bound = |most: f64| is_reference.then(|| Bound::of(most, 0));
    let ratios = syncs.iter().map(|taken| taken.requests() as f64 / least as f64);
    let mut rows = vec![
        Row::title(match syncs.len() {
            1 => "first sync".to_owned(),
            runs => format!("first sync, median of {runs} (least to most)"),
        }),
        seconds(syncs, bound(SECONDS_BOUND)),
        peak(syncs, bound(PEAK_MB_BOUND)),
        requests(syncs, None),
        row("fewest requests possible", syncs[..1].iter().map(|_| Some(least as f64)), 0, None),
        row("requests / fewest possible", ratios.map(Some), 3, Some(Bound::of(RATIO_BOUND, 2))),
    ];
    for (name, digits, value) in [
        ("records", 0, (|taken| taken.records as f64) as fn(&Taken) -> f64),
        ("gaps", 0, |taken| taken.gaps as f64),
        ("on disk, MB", 1, |taken| taken.disk_bytes as f64 / MB),
    ] {
        rows.push(row(name, syncs.iter().map(|taken| Some(value(taken))), digits, None));
    }
    rows
}

/// A sync that finds nothing changed.
pub(super) fn quiet(title: &str, taken: &Taken, apps: u64, is_bound: bool) -> Vec<Row> {
    let most = QUIET_REQUESTS + apps.div_ceil(APPS_PAGE);
    let syncs = std::slice::from_ref(taken);
    vec![
        Row::title(titled(title, taken)),
        seconds(syncs, None),
        peak(syncs, None),
        requests(syncs, is_bound.then(|| Bound::of(most as f64, 0))),
    ]
}

/// A sync that finds some things changed.
pub(super) fn changed(taken: &Taken, dirty: u64, apps: u64) -> Vec<Row> {
    let quiet = QUIET_REQUESTS + apps.div_ceil(APPS_PAGE);
    let bound = Bound {
        most: (dirty + quiet) as f64,
        shown: format!(
            "{} ({} things changed + {quiet})",
            number((dirty + quiet) as f64, 0),
            number(dirty as f64, 0)
        ),
    };
    let syncs = std::slice::from_ref(taken);
    vec![
        Row::title(titled("1 % of the people touched", taken)),
        seconds(syncs, None),
        peak(syncs, None),
        requests(syncs, Some(bound)),
    ]
}

/// A first sync under limits.
pub(super) fn limited(limited: &Limited) -> Vec<Row> {
    let syncs = std::slice::from_ref(&limited.taken);
    let mut rows = vec![
        Row::title(format!("first sync under limits, in windows of {} s", limited.window_secs)),
        seconds(syncs, None),
    ];
    match &limited.floor {
        Some(floor) if floor.seconds > 0 => {
            let Floor { seconds, bucket, usable } = floor;
            rows.push(row(
                &format!("fewest seconds possible ({bucket}: {usable} calls in a window)"),
                [Some(*seconds as f64)],
                0,
                None,
            ));
            let ratio = limited.taken.seconds / *seconds as f64;
            rows.push(row("seconds / fewest possible", [Some(ratio)], 3, Some(Bound::of(FLOOR_BOUND, 2))));
        }
        _ => rows.push(Row::new("fewest seconds possible: no window has to be waited for", "0", None)),
    }
    rows.push(requests(syncs, None));
    rows.push(row("refused requests", [Some(limited.taken.refused() as f64)], 0, Some(Bound::of(0.0, 0))));
    rows.push(peak(syncs, None));
    rows
}

/// Where requests differ from the fewest possible, a line for each rate limit.
pub(super) fn explain(differences: &[Difference]) -> String {
    let mut text = String::from("Requests by rate limit, where they are not the fewest possible:\n\n");
    for Difference { bucket, made, least, datasets } in differences {
        let parts: Vec<String> =
            datasets.iter().map(|(dataset, least)| format!("{dataset} {least}")).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
        text.push_str(&format!("- {bucket}: {made} made, {least} necessary{parts}\n"));
    }
    text
}

pub(super) fn sum(least: &[Least]) -> u64 {
    least.iter().map(|least| least.requests).sum()
}

fn titled(title: &str, taken: &Taken) -> String {
    if taken.full { format!("{title} (everything was read again)") } else { title.to_owned() }
}

fn seconds(syncs: &[Taken], bound: Option<Bound>) -> Row {
    row("seconds", syncs.iter().map(|taken| Some(taken.seconds)), 2, bound)
}

fn peak(syncs: &[Taken], bound: Option<Bound>) -> Row {
    let peaks = syncs.iter().map(|taken| taken.peak_bytes.map(|bytes| bytes as f64 / MB));
    row("peak memory, MB", peaks, 1, bound)
}

fn requests(syncs: &[Taken], bound: Option<Bound>) -> Row {
    row("requests", syncs.iter().map(|taken| Some(taken.requests() as f64)), 0, bound)
}

/// A row of values of which none may be missing.
fn row(
    name: &str,
    values: impl IntoIterator<Item = Option<f64>>,
    digits: usize,
    bound: Option<Bound>,
) -> Row {
    let values: Option<Vec<f64>> = values.into_iter().collect();
    match values.and_then(Spread::of) {
        Some(spread) => Row::measured(name, spread, digits, bound),
        None => Row::new(name, "unknown", bound),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::report::Bucket;
    use super::*;
    use crate::figures::markdown;

    fn taken(seconds: f64, requests: u64) -> Taken {
        Taken {
            seconds,
            peak_bytes: Some(70_000_000),
            full: false,
            buckets: BTreeMap::from([("apps".to_owned(), Bucket { requests, limit: Some(50), refused: 1 })]),
            records: 1500,
            gaps: 0,
            disk_bytes: 1_500_000,
        }
    }

    #[test]
    fn first_syncs_stand_beside_their_bounds() {
        let syncs = [taken(1.5, 1020), Taken { peak_bytes: None, ..taken(3.5, 1040) }];
        let expected = "\
| first sync, median of 2 (least to most) | measured | bound |
|---|--:|--:|
| seconds | **2.50 (1.50 to 3.50): over** | 2 |
| peak memory, MB | unknown | 100 |
| requests | 1,030 (1,020 to 1,040) | |
| fewest requests possible | 1,000 | |
| requests / fewest possible | **1.030 (1.020 to 1.040): over** | 1.02 |
| records | 1,500 | |
| gaps | 0 | |
| on disk, MB | 1.5 | |
";
        assert_eq!(markdown(&first(&syncs, 1000, true)), expected);
        let elsewhere = markdown(&first(&syncs[..1], 1000, false));
        assert!(elsewhere.contains("| seconds | 1.50 | |\n"), "{elsewhere}");
        assert!(elsewhere.contains("| requests / fewest possible | 1.020 | 1.02 |\n"), "{elsewhere}");
    }

    #[test]
    fn pages_of_applications_are_allowed_in_every_sync() {
        let requests = |apps: u64| {
            let text = markdown(&quiet("the same again", &taken(1.0, 14), apps, true));
            text.lines().last().unwrap().to_owned()
        };
        assert_eq!(requests(200), "| requests | **14: over** | 13 |");
        assert_eq!(requests(201), "| requests | 14 | 14 |");
        let text = markdown(&changed(&taken(1.0, 1017), 1001, 800));
        assert!(text.ends_with("| requests | 1,017 | 1,017 (1,001 things changed + 16) |\n"), "{text}");
    }

    #[test]
    fn a_sync_that_read_everything_says_so() {
        let rows = quiet("the same again", &Taken { full: true, ..taken(1.0, 14) }, 1, false);
        assert!(markdown(&rows).starts_with("| the same again (everything was read again) |"));
    }

    #[test]
    fn time_under_limits_stands_beside_the_floor() {
        let under = |seconds: u64| Limited {
            taken: taken(42.6, 130),
            floor: Some(Floor { seconds, bucket: "apps".to_owned(), usable: 45 }),
            window_secs: 20,
        };
        let text = markdown(&limited(&under(40)));
        assert!(text.contains("| fewest seconds possible (apps: 45 calls in a window) | 40 | |\n"), "{text}");
        assert!(text.contains("| seconds / fewest possible | **1.065: over** | 1.05 |\n"), "{text}");
        assert!(text.contains("| refused requests | **1: over** | 0 |\n"), "{text}");
        let text = markdown(&limited(&under(0)));
        assert!(text.contains("no window has to be waited for | 0 | |\n"), "{text}");
    }

    #[test]
    fn more_requests_than_necessary_are_explained() {
        let differences = [Difference {
            bucket: "users".to_owned(),
            made: 36,
            least: 32,
            datasets: vec![("users", 6), ("user_roles", 26)],
        }];
        let text = explain(&differences);
        assert!(text.ends_with("- users: 36 made, 32 necessary (users 6, user_roles 26)\n"), "{text}");
    }
}
