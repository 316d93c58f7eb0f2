//! `sightline serve`: every data source on its interval, until stopped.

use std::sync::Arc;
use std::time::Duration;

use sightline_store::{SourceRecord, Store, Vault};
use sightline_sync::{Schedule, SyncOptions};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::command::prune;
use crate::command::sync::{Outcome, run_one, show_report};
use crate::failure::Failure;
use crate::output::{line, note};
use crate::world::World;

/// A sync that has ended: which data source, and how.
type Ended = (u64, Result<Outcome, Failure>);

pub(crate) async fn run(world: &World) -> Result<(), Failure> {
    let store = world.store_to_write("serve")?;
    let vault = Arc::new(World::vault(&store)?);
    let interval = Duration::from_mins(u64::from(world.settings.sync.interval_minutes));
    // Nobody else can add or remove one while the store is held here.
    let sources = store.sources()?;
    let mut schedule = Schedule::new(interval);
    schedule.set_sources(sources.iter().map(|source| source.id));
    let minutes = interval.as_secs() / 60;
    line(format!(
        "Serving {}; every data source is read every {minutes} min. Stop with Ctrl-C.",
        store.dir().display()
    ))?;
    if sources.is_empty() {
        note("no data sources yet: stop, connect one with `sightline source add`, and serve again");
    }
    let mut running: JoinSet<Ended> = JoinSet::new();
    loop {
        let due = schedule.next().map(|(id, at)| (id, at.max(Instant::now())));
        tokio::select! {
            () = world.cancel.cancelled() => break,
            Some(ended) = running.join_next() => finish(&mut schedule, ended)?,
            () = until(due.map(|(_, at)| at)) => {
                let record = due.and_then(|(id, _)| sources.iter().find(|source| source.id == id));
                let Some(record) = record else { continue };
                schedule.start(record.id);
                running.spawn(read(world.clone(), store.clone(), vault.clone(), record.clone()));
            }
        }
    }
    // Each of them stops by itself, with what it has read stored.
    while running.join_next().await.is_some() {}
    line("Stopped; an unfinished sync goes on with the next start.")
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn read(world: World, store: Arc<Store>, vault: Arc<Vault>, record: SourceRecord) -> Ended {
    let options = SyncOptions { verify: true, ..SyncOptions::default() };
    let outcome = run_one(&world, &store, &vault, &record, options, false).await;
    if outcome.is_ok() {
        let (id, retention) = (record.id, world.settings.history.retention());
        let pruned = tokio::task::spawn_blocking(move || prune::after_sync(&store, &record, retention)).await;
        match pruned {
            Ok(Ok(0)) => {}
            Ok(Ok(given_up)) => tracing::info!(source_id = id, given_up, "gave up snapshots"),
            // The sync itself is sealed all the same, and the next one tries again.
            Ok(Err(failure)) => {
                let _ = failure.report();
            }
            Err(_) => return (id, Err(Failure::new("giving up snapshots ended in a panic, which is a bug"))),
        }
        return (id, outcome);
    }
    (record.id, outcome)
}

fn finish(schedule: &mut Schedule, ended: Result<Ended, tokio::task::JoinError>) -> Result<(), Failure> {
    let (id, outcome) = ended.map_err(|_| Failure::new("a sync ended in a panic, which is a bug"))?;
    match outcome {
        Ok(outcome) => {
            schedule.finished(id, true);
            show_report(&outcome)
        }
        // The last snapshot stays in force. What waits for a person is not helped by haste.
        Err(failure) => {
            schedule.finished(id, failure.needs_confirmation());
            let _ = failure.report();
            Ok(())
        }
    }
}
