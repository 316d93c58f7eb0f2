//! What every command works with: settings, connectors, the store and opened data sources.

use std::collections::BTreeMap;
use std::sync::Arc;

use sightline_core::time::SystemClock;
use sightline_core::{Context, DynSource, Info, Registry, Secret};
use sightline_graph::Graph;
use sightline_store::{OpenMode, OpenOptions, SourceRecord, Store, StoreError, Vault};
use sightline_sync::{Governor, GovernorOptions};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, NOT_FOUND};
use crate::kept;
use crate::settings::Settings;

/// What every command works with.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) registry: Registry,
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
}

/// A data source that is ready to be read.
pub(crate) struct Opened {
    pub(crate) source: Arc<dyn DynSource>,
    pub(crate) governor: Governor,
    pub(crate) cx: Context,
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

    pub(crate) fn vault(store: &Store) -> Result<Vault, Failure> {
        Ok(store.unlock(Settings::vault_key()?)?)
    }

    /// Opens a data source with its settings and credential.
    pub(crate) fn open_source(
        &self,
        connector: &str,
        settings: &serde_json::Value,
        credential: &BTreeMap<String, Secret>,
        allow_loopback_http: bool,
    ) -> Result<Opened, Failure> {
        let registration = self.registry.get(connector)?;
        let clock = Arc::new(SystemClock);
        let options = GovernorOptions {
            max_in_flight: self.settings.sync.max_in_flight,
            reserve: self.settings.sync.reserve,
        };
        let governor = Governor::new(options, clock.clone());
        let cx = Context {
            allow_loopback_http,
            clock,
            budget: Arc::new(governor.clone()),
            extra_roots_pem: self.settings.extra_roots()?,
        };
        let mut config = kept::connector_settings(settings);
        if let Some(fields) = config.as_object_mut() {
            for (name, secret) in credential {
                fields.insert(name.clone(), secret.expose().into());
            }
        }
        Ok(Opened { source: registration.open(config, &cx)?.into(), governor, cx })
    }

    /// Opens a data source that is in the store.
    pub(crate) fn open_stored(
        &self,
        store: &Store,
        vault: &Vault,
        record: &SourceRecord,
    ) -> Result<Opened, Failure> {
        let credential = store.credential(vault, record.id)?;
        self.open_source(&record.connector, &record.settings, &credential, record.allow_loopback_http)
            .map_err(|failure| failure.context(&format!("data source {:?}", record.name)))
    }
}

/// What the connector of a data source is and reads.
pub(crate) fn info(world: &World, record: &SourceRecord) -> Result<&'static Info, Failure> {
    Ok(world.registry.get(&record.connector)?.info)
}

/// Graphs of the last snapshots: of one data source, or of all that have one.
pub(crate) fn graphs(store: &Store, only: Option<&str>) -> Result<Vec<Graph>, Failure> {
    let mut graphs = Vec::new();
    for record in selected(store, only)? {
        if let Some(meta) = store.latest(record.id)? {
            graphs.push(Graph::build(store.snapshot(record.id, meta.number)?));
        }
    }
    if graphs.is_empty() {
        return Err(nothing_read());
    }
    Ok(graphs)
}

/// One data source by name, or all.
pub(crate) fn selected(store: &Store, only: Option<&str>) -> Result<Vec<SourceRecord>, Failure> {
    match only {
        None => Ok(store.sources()?),
        Some(name) => Ok(vec![source_named(store, name)?]),
    }
}

/// The data source with this name, whatever its case.
pub(crate) fn source_named(store: &Store, name: &str) -> Result<SourceRecord, Failure> {
    let sources = store.sources()?;
    let found = sources.iter().find(|source| source.name.eq_ignore_ascii_case(name));
    found.cloned().ok_or_else(|| {
        let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
        let hint = if names.is_empty() {
            "there are no data sources yet; connect one with `sightline source add`".to_owned()
        } else {
            format!("data sources: {}", names.join(", "))
        };
        Failure::new(format!("there is no data source {name:?}")).code(NOT_FOUND).hint(hint)
    })
}

/// No snapshot to answer from.
pub(crate) fn nothing_read() -> Failure {
    Failure::new("no data source has been read yet")
        .code(NOT_FOUND)
        .hint("connect one with `sightline source add`, then run `sightline sync`")
}
