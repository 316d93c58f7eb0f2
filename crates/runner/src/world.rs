//! What every command works with: settings, connectors, the store and its data sources.

use std::sync::Arc;
use std::time::Duration;

use sightline_answer::{Choice, Chosen, Known};
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Info, Registry};
use sightline_store::{OpenMode, OpenOptions, SourceRecord, Store, StoreError};
use sightline_sync::{GovernorOptions, Host, HostOptions};
use tokio_util::sync::CancellationToken;

use crate::cli::Which;
use crate::failure::{Failure, NOT_FOUND};
use crate::output::note;
use crate::settings::Settings;

/// What every command works with.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
}

impl World {
    /// Opens the store for writing; the command names us to others that find it held.
    pub(crate) fn store_to_write(&self, command: &str) -> Result<Arc<Store>, Failure> {
        let options = OpenOptions::new(OpenMode::Write).command(format!("sightline {command}"));
        Ok(Arc::new(Store::open_with(&self.settings.data_dir, &options)?))
    }

    /// Opens the store for reading, also while another process writes.
    pub(crate) fn store_to_read(&self) -> Result<Store, Failure> {
        let open = |mode| {
            Store::open_with(&self.settings.data_dir, &OpenOptions::new(mode).command("sightline (reading)"))
        };
        match open(OpenMode::Read) {
            // The last writer was killed: opening to write puts the store in order.
            Err(StoreError::Unclean) => Ok(open(OpenMode::Write)?),
            Err(StoreError::Missing { dir }) => {
                Err(Failure::new(format!("nothing is stored in {} yet", dir.display())).code(NOT_FOUND).hint(
                    "connect a data source with `sightline source add`, or try `sightline demo --once`",
                ))
            }
            other => Ok(other?),
        }
    }

    /// What connects and reads the data sources of a store.
    pub(crate) fn host(&self, store: Arc<Store>) -> Result<Host, Failure> {
        // Whoever may start this program may reach this machine.
        self.host_that_may(store, true)
    }

    /// The same, and whether data sources may be added that are simulators on this machine.
    pub(crate) fn host_that_may(
        &self,
        store: Arc<Store>,
        allow_loopback_http: bool,
    ) -> Result<Host, Failure> {
        let vault = Arc::new(store.unlock(Settings::vault_key()?)?);
        let settings = &self.settings;
        Ok(Host::new(HostOptions {
            registry: self.registry.clone(),
            store,
            vault,
            governor: GovernorOptions {
                max_in_flight: settings.sync.max_in_flight,
                reserve: settings.sync.reserve,
            },
            extra_roots_pem: settings.extra_roots()?,
            retention: settings.history.retention(),
            allow_loopback_http,
            interval: Duration::from_mins(u64::from(settings.sync.interval_minutes)),
            clock: Arc::new(SystemClock),
            cancel: self.cancel.clone(),
            waits: |pause| note(format!("the rate limit is used up; waiting {} s", pause.as_secs() + 1)),
        }))
    }

    /// The same of the store, opened for writing.
    pub(crate) fn host_to_write(&self, command: &str) -> Result<Host, Failure> {
        self.host(self.store_to_write(command)?)
    }
}

/// What the connector of a data source is and reads.
pub(crate) fn info(world: &World, record: &SourceRecord) -> Result<&'static Info, Failure> {
    Ok(world.registry.get(&record.connector)?.info)
}

/// Graphs of the snapshots that a question is answered from.
pub(crate) fn graphs(store: &Store, which: &Which) -> Result<Vec<Known>, Failure> {
    let load = |chosen| Ok(Known::load(store, chosen)?);
    chosen(store, which)?.into_iter().map(load).collect()
}

/// The snapshots that a question is answered from. What that leaves out and what it chose is told on standard error.
pub(crate) fn chosen(store: &Store, which: &Which) -> Result<Vec<Chosen>, Failure> {
    let Choice { chosen, notes } =
        sightline_answer::chosen(store, which.source.as_deref(), which.as_of.as_ref(), SystemClock.now())?;
    notes.iter().for_each(note);
    Ok(chosen)
}
