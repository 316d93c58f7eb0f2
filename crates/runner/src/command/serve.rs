//! `sightline serve`: the web application and the API, and every data source on its interval, until stopped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sightline_server::Server;
use sightline_sync::{Event, Finished, Supervisor, Watch};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::cli::Serve;
use crate::command::sync::{not_read, show_report};
use crate::failure::Failure;
use crate::output::{line, note};
use crate::progress::Progress;
use crate::world::World;

/// A sync that has ended: the name of the data source, and how.
pub(crate) type Ended = (String, Finished);

pub(crate) async fn run(world: &World, serve: &Serve) -> Result<(), Failure> {
    let mut options = world.settings.server.options(world.settings.extra_roots()?)?;
    if let Some(listen) = serve.listen {
        options.listen = listen;
    }
    options.offer_loopback = serve.allow_loopback_http;
    let host = world.host_that_may(world.store_to_write("serve")?, serve.allow_loopback_http)?;
    let minutes = world.settings.sync.interval_minutes;
    let (shown, mut reports) = Shown::new();
    let dir = host.store().dir().display().to_string();
    let has_sources = !host.store().sources()?.is_empty();
    let supervisor = Supervisor::start_watched(host, Arc::new(shown))?;
    let server = match Server::bind(supervisor.clone(), options).await {
        Ok(server) => server,
        Err(error) => {
            supervisor.shutdown().await;
            return Err(error.into());
        }
    };
    line(format!("Serving {dir} at {}", server.base()))?;
    line(format!("Every data source is read every {minutes} min. Stop with Ctrl-C."))?;
    if let Some(link) = server.set_up_link()? {
        line(format!(
            "\nNobody administers this server yet. Open this link, which is good for one use:\n  {link}\n"
        ))?;
    }
    if !has_sources {
        note("no data sources yet: connect one with Add New App in the web application");
    }
    let serving = tokio::spawn(server.run(world.cancel.clone()));
    loop {
        tokio::select! {
            biased;
            () = world.cancel.cancelled() => break,
            Some((name, finished)) = reports.recv() => report(&name, &finished)?,
        }
    }
    // Each of them stops by itself, with what it has read stored.
    supervisor.shutdown().await;
    serving.await.map_err(|_| Failure::new("the web server ended in a panic, which is a bug"))??;
    line("Stopped; an unfinished sync goes on with the next start.")
}

pub(crate) fn report(name: &str, finished: &Finished) -> Result<(), Failure> {
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
pub(crate) struct Shown {
    progress: Mutex<BTreeMap<u64, Progress>>,
    ended: UnboundedSender<Ended>,
}

impl Shown {
    /// Somebody who is told, and what comes of it.
    pub(crate) fn new() -> (Self, UnboundedReceiver<Ended>) {
        let (ended, reports) = mpsc::unbounded_channel();
        (Self { progress: Mutex::default(), ended }, reports)
    }
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
