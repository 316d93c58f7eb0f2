//! `sightline serve`: every data source on its interval, until stopped.

use std::time::Duration;

use sightline_sync::{Schedule, SyncOptions};
use tokio::time::Instant;

use crate::command::sync::{run_one, show_report};
use crate::failure::Failure;
use crate::output::{line, note};
use crate::world::World;

/// How often new and removed data sources are noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

pub(crate) async fn run(world: &World) -> Result<(), Failure> {
    let store = world.store_to_write("serve")?;
    let vault = World::vault(&store)?;
    let interval = Duration::from_mins(u64::from(world.settings.sync.interval_minutes));
    let mut schedule = Schedule::new(interval);
    line(format!(
        "Serving {}; every data source is read every {} min. Stop with Ctrl-C.",
        store.dir().display(),
        interval.as_secs() / 60
    ))?;
    let mut told_empty = false;
    while !world.cancel.is_cancelled() {
        let sources = store.sources()?;
        schedule.set_sources(sources.iter().map(|source| source.id));
        let due = schedule.next();
        if due.is_none() && !told_empty {
            told_empty = true;
            note("no data sources yet: stop, connect one with `sightline source add`, and serve again");
        }
        let until =
            due.map_or_else(|| Instant::now() + LOOK_AGAIN, |(_, at)| at.min(Instant::now() + LOOK_AGAIN));
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = world.cancel.cancelled() => break,
        }
        let Some((id, at)) = due.filter(|(_, at)| *at <= Instant::now()) else { continue };
        let Some(record) = sources.iter().find(|source| source.id == id) else { continue };
        tracing::debug!(source = record.name, late_ms = at.elapsed().as_millis() as u64, "due");
        schedule.start(id);
        let outcome = run_one(world, &store, &vault, record, SyncOptions::default(), false).await;
        schedule.finished(id, outcome.is_ok());
        match outcome {
            Ok(report) => show_report(&report)?,
            Err(_) if world.cancel.is_cancelled() => break,
            // One sync that fails is tried again; the last snapshot stays in force.
            Err(failure) => {
                let _ = failure.report();
            }
        }
    }
    line("Stopped; an unfinished sync goes on with the next start.")
}
