//! `sightline serve`: every data source on its interval, until stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sightline_sync::{Event, Finished, Supervisor, Watch};
use tokio::sync::mpsc::{self, UnboundedSender};

use crate::command::sync::{not_read, show_report};
use crate::failure::Failure;
use crate::output::{line, note};
use crate::progress::Progress;
use crate::world::World;

/// A sync that has ended: the name of the data source, and how.
type Ended = (String, Finished);

pub(crate) async fn run(world: &World) -> Result<(), Failure> {
    let host = world.host_to_write("serve")?;
    let minutes = world.settings.sync.interval_minutes;
    line(format!(
        "Serving {}; every data source is read every {minutes} min. Stop with Ctrl-C.",
        host.store().dir().display()
    ))?;
    // Nobody else can add one while the store is held here.
    if host.store().sources()?.is_empty() {
        note("no data sources yet: stop, connect one with `sightline source add`, and serve again");
    }
    let (ended, mut reports) = mpsc::unbounded_channel();
    let shown = Arc::new(Shown { progress: Mutex::default(), ended });
    let supervisor = Supervisor::start_watched(host, shown)?;
    loop {
        tokio::select! {
            biased;
            () = world.cancel.cancelled() => break,
            Some((name, finished)) = reports.recv() => report(&name, &finished)?,
        }
    }
    // Each of them stops by itself, with what it has read stored.
    supervisor.shutdown().await;
    line("Stopped; an unfinished sync goes on with the next start.")
}

fn report(name: &str, finished: &Finished) -> Result<(), Failure> {
    if let Some(error) = &finished.not_pruned {
        let _ = Failure::from(&**error).report();
    }
    match &finished.outcome {
        Ok(outcome) => show_report(outcome),
        // The last snapshot stays in force.
        Err(error) => {
            let _ = not_read(name, error).report();
            Ok(())
        }
    }
}

/// Shows how syncs go, and hands on how they ended.
struct Shown {
    progress: Mutex<BTreeMap<u64, Progress>>,
    ended: UnboundedSender<Ended>,
}

impl Watch for Shown {
    fn during(&self, source_id: u64, source_name: &str, event: &Event) {
        if let Ok(mut progress) = self.progress.lock() {
            progress.entry(source_id).or_insert_with(|| Progress::new(source_name, false)).show(event);
        }
    }

    fn ended(&self, source_id: u64, source_name: &str, finished: &Finished) {
        if let Ok(mut progress) = self.progress.lock()
            && let Some(progress) = progress.remove(&source_id)
        {
            progress.finish();
        }
        // Nobody reads any more once everything is stopped.
        let _ = self.ended.send((source_name.to_owned(), finished.clone()));
    }
}
