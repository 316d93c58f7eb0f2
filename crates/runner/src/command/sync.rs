//! `sightline sync`: reading data sources now, or saying what that would cost.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_answer::{count, number, source_named};
use sightline_core::source::ForecastLine;
use sightline_core::time::{Clock, SystemClock};
use sightline_store::SourceRecord;
use sightline_sync::kept::{Expected, ExpectedFrom, Standing};
use sightline_sync::{Host, HostError, Outcome, SyncOptions, SyncReport};

use crate::cli::Sync;
use crate::failure::Failure;
use crate::output::{Columns, json_line, line};
use crate::progress::Progress;
use crate::world::World;

pub(crate) async fn run(world: &World, sync: &Sync) -> Result<(), Failure> {
    let store = world.store_to_write(if sync.plan { "sync --plan" } else { "sync" })?;
    let records = if sync.names.is_empty() {
        let mut records = store.sources()?;
        records.retain(|record| !Standing::of(&record.settings).disconnected);
        records
    } else {
        sync.names.iter().map(|name| source_named(&store, name)).collect::<Result<_, _>>()?
    };
    if records.is_empty() {
        return Err(Failure::new("there are no data sources yet")
            .code(crate::failure::NOT_FOUND)
            .hint("connect one with `sightline source add`, or try `sightline demo --once`"));
    }
    let host = world.host(store)?;
    let options = SyncOptions { full: sync.full, accept_drop: sync.accept_drop, ..SyncOptions::default() };
    let mut first_failure = None;
    for record in &records {
        let outcome = if sync.plan {
            plan(&host, record, sync.json).await
        } else {
            match run_one(world, &host, record, options.clone(), sync.json).await {
                Ok(outcome) if sync.json => {
                    json_line(&Measured { outcome: &outcome, peak_memory_bytes: peak_memory_bytes() })
                }
                Ok(outcome) => show_report(&outcome).and_then(|()| show_peak_memory()),
                Err(failure) => Err(failure),
            }
        };
        if let Err(failure) = outcome {
            // One data source that fails must not keep the others from being read.
            if let Some(earlier) = first_failure.replace(failure) {
                let _ = Failure::report(&earlier);
            }
            if world.cancel.is_cancelled() {
                break;
            }
        }
    }
    first_failure.map_or(Ok(()), Err)
}

/// Reads one data source.
pub(crate) async fn run_one(
    world: &World,
    host: &Host,
    record: &SourceRecord,
    options: SyncOptions,
    quiet: bool,
) -> Result<Outcome, Failure> {
    let started = SystemClock.now();
    let opened = host.open_stored(record)?;
    let progress = Progress::new(&record.name, quiet);
    let watch = |event| progress.show(&event);
    let outcome = host.sync(record, &opened, options, &watch, world.cancel.clone()).await;
    progress.finish();
    if let Err(error) = &outcome {
        host.keep_failure(record.id, started, error).await;
    }
    outcome.map_err(|error| not_read(&record.name, &error))
}

/// Why a data source was not read.
pub(crate) fn not_read(name: &str, error: &HostError) -> Failure {
    match error {
        HostError::Sync(error) => Failure::from(error).context(name),
        error => error.into(),
    }
}

/// What a sync did, for people.
pub(crate) fn show_report(outcome: &Outcome) -> Result<(), Failure> {
    let report = &outcome.report;
    let requests = outcome.requests();
    line(format!(
        "{}: snapshot {} sealed after {:.1} s and {}; read {}{}",
        report.source,
        report.snapshot,
        report.seconds,
        count(requests, "request", "requests"),
        if report.full { "everything" } else { "what has changed" },
        if report.resumed { " (went on with an interrupted sync)" } else { "" }
    ))?;
    let mut columns = Columns::new(&["dataset", "records", "added", "removed", "changed"]);
    for (dataset, records) in &report.records {
        let change = report.changes.get(dataset);
        // What was not read has nothing to tell; nor has a listing that only leads to others.
        let moved = change.is_some_and(|change| change.added + change.removed + change.changed > 0);
        if *records == 0 && !moved {
            continue;
        }
        let shown = |value: Option<u64>| value.map(number).unwrap_or_default();
        columns.rows.push(vec![
            dataset.replace('_', " "),
            number(*records),
            shown(change.map(|change| change.added)),
            shown(change.map(|change| change.removed)),
            shown(change.map(|change| change.changed)),
        ]);
    }
    columns.table()?;
    show_requests(report, outcome.expected.as_ref())?;
    let refused: u64 = report.requests.values().map(|bucket| bucket.refused).sum();
    if refused > 0 {
        line(format!(
            "{} refused for the rate limit and made again.",
            count(refused, "request was", "requests were")
        ))?;
    }
    if !report.drift.is_empty() {
        line(format!(
            "{} that this version does not know: {}.",
            count(report.drift.len() as u64, "field", "fields"),
            {
                let names: Vec<_> = report.drift.keys().take(5).map(String::as_str).collect();
                names.join(", ")
            }
        ))?;
    }
    if report.gaps.is_empty() {
        return line("Everything that was asked for was read completely.");
    }
    line(format!(
        "{} not read completely; see `sightline gaps`.",
        count(report.gaps.len() as u64, "part was", "parts were")
    ))
}

/// Requests by bucket, against what was expected.
fn show_requests(report: &SyncReport, expected: Option<&Expected>) -> Result<(), Failure> {
    let mut buckets: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (bucket, used) in &report.requests {
        buckets.entry(bucket).or_default().0 = used.requests;
    }
    for (bucket, requests) in expected.iter().flat_map(|expected| &expected.requests) {
        buckets.entry(bucket).or_default().1 = *requests;
    }
    let phrase = |(bucket, (made, expected)): (&str, (u64, u64)), is_known: bool| {
        let against = if is_known { format!(" of {}", number(expected)) } else { String::new() };
        format!("{bucket} {}{against}", number(made))
    };
    let phrases: Vec<_> = buckets.into_iter().map(|bucket| phrase(bucket, expected.is_some())).collect();
    if phrases.is_empty() {
        return Ok(());
    }
    let against = match expected.map(|expected| expected.from) {
        None => "",
        Some(ExpectedFrom::Plan) => " (of what the last plan said)",
        Some(ExpectedFrom::LastFullSync) => " (of what the last full sync made)",
    };
    line(format!("Requests{against}: {}.", phrases.join(", ")))
}

/// What a sync did and what it took.
#[derive(Serialize)]
struct Measured<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// Most memory that this process has held so far, the syncs before this one included; none where the system does
    /// not tell.
    peak_memory_bytes: Option<u64>,
}

fn show_peak_memory() -> Result<(), Failure> {
    peak_memory_bytes().map_or(Ok(()), |bytes| line(format!("peak memory {} MB", number(bytes / 1_000_000))))
}

/// The most resident memory of this process, in bytes.
fn peak_memory_bytes() -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    peak_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// The peak in what Linux says of a process, in bytes; the kernel counts in units of 1024 bytes and calls them kB.
fn peak_in(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1024)
}

#[derive(Serialize)]
struct Plan {
    source: String,
    requests: BTreeMap<String, BucketPlan>,
    lines: Vec<ForecastLine>,
    total_requests: u64,
    /// Whether the number follows from what was read, except for the length of the log.
    exact: bool,
    /// Least time under the limits that are known; none while a limit is not.
    seconds: Option<u64>,
    /// Requests that the plan itself made.
    spent: u64,
}

#[derive(Serialize)]
struct BucketPlan {
    requests: u64,
    /// Requests per window that we allow ourselves.
    per_window: Option<u64>,
    seconds: Option<u64>,
}

/// Okta's windows last a minute.
const WINDOW_SECONDS: u64 = 60;

async fn plan(host: &Host, record: &SourceRecord, as_json: bool) -> Result<(), Failure> {
    let store = host.store();
    let opened = host.open_stored(record)?;
    let last = match store.latest(record.id)? {
        Some(meta) => Some(store.tallies(record.id, meta.number)?),
        None => None,
    };
    let forecast = opened.forecast(last.as_ref()).await;
    let forecast = forecast.map_err(|error| Failure::from(error).context(&record.name))?;
    let mut requests: BTreeMap<String, BucketPlan> = BTreeMap::new();
    for forecast in &forecast.lines {
        let per_window = opened.governor.per_window(&forecast.bucket);
        let bucket = requests.entry(forecast.bucket.clone()).or_insert(BucketPlan {
            requests: 0,
            per_window,
            seconds: None,
        });
        bucket.requests += forecast.requests;
        // The first window opens with the first call, so only the further ones are waited for.
        bucket.seconds =
            per_window.map(|calls| (bucket.requests.div_ceil(calls.max(1)).max(1) - 1) * WINDOW_SECONDS);
    }
    let known = requests.values().all(|bucket| bucket.seconds.is_some());
    let plan = Plan {
        source: record.name.clone(),
        total_requests: forecast.lines.iter().map(|line| line.requests).sum(),
        exact: forecast.lines.iter().all(|line| line.exact || line.dataset == "activity"),
        seconds: if known { requests.values().filter_map(|bucket| bucket.seconds).max() } else { None },
        spent: opened.requests(),
        lines: forecast.lines,
        requests,
    };
    let counted = plan.requests.iter().map(|(bucket, plan)| (bucket.clone(), plan.requests)).collect();
    host.expect(record.id, counted, ExpectedFrom::Plan).await?;
    if as_json { json_line(&plan) } else { show_plan(&plan) }
}

fn show_plan(plan: &Plan) -> Result<(), Failure> {
    let least = if plan.exact { "" } else { "at least " };
    line(format!(
        "{}: a full sync makes {least}{}",
        plan.source,
        count(plan.total_requests, "request", "requests")
    ))?;
    let mut columns = Columns::new(&["dataset", "bucket", "requests", ""]);
    for line in &plan.lines {
        let exact = if line.exact { "" } else { "at least" };
        columns.rows.push(vec![
            line.dataset.replace('_', " "),
            line.bucket.clone(),
            number(line.requests),
            exact.to_owned(),
        ]);
    }
    columns.table()?;
    line("")?;
    let mut columns = Columns::new(&["bucket", "requests", "a minute", "seconds"]);
    for (bucket, plan) in &plan.requests {
        let shown = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), number);
        columns.rows.push(vec![
            bucket.clone(),
            number(plan.requests),
            shown(plan.per_window),
            shown(plan.seconds),
        ]);
    }
    columns.table()?;
    match plan.seconds {
        Some(0) => line("\nIt fits into the first window of every bucket: no waiting for rate limits."),
        Some(seconds) => line(format!("\nIt waits at least {} s for rate limits.", number(seconds))),
        None => line("\nHow long it waits is not known: a limit has not been seen yet."),
    }?;
    line(format!("This plan made {}.", count(plan.spent, "request", "requests")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_found_among_what_the_kernel_says() {
        let status = "Name:\tsightline\nVmPeak:\t  900000 kB\nVmHWM:\t   70000 kB\nVmRSS:\t   60000 kB\n";
        assert_eq!(peak_in(status), Some(71_680_000));
        assert_eq!(peak_in("VmRSS:\t   60000 kB\n"), None);
        assert_eq!(peak_in("VmHWM:\t   lots kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_a_peak() {
        let held = vec![1_u8; 64 << 20];
        let peak = peak_memory_bytes().unwrap();
        assert!(peak >= held.len() as u64, "{peak}");
    }
}
