//! What every command works with: settings, connectors, the store and its data sources.

use std::sync::Arc;
use std::time::Duration;

use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Info, Registry, SnapshotNumber};
use sightline_graph::{About, Graph};
use sightline_store::{OpenMode, OpenOptions, SnapshotMeta, SourceRecord, Store, StoreError};
use sightline_sync::{GovernorOptions, Host, HostOptions};
use tokio_util::sync::CancellationToken;

use crate::cli::Which;
use crate::failure::{Failure, NOT_FOUND};
use crate::output::note;
use crate::settings::Settings;
use crate::when::{SealTimes, When};

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
            // Whoever may start this program may reach this machine.
            allow_loopback_http: true,
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

/// A snapshot that a question is answered from.
pub(crate) struct Chosen {
    pub(crate) record: SourceRecord,
    pub(crate) meta: SnapshotMeta,
    pub(crate) times: SealTimes,
}

/// The graph of a snapshot, with when the snapshots of its data source were sealed.
pub(crate) struct Known {
    pub(crate) graph: Graph,
    pub(crate) source_id: u64,
    pub(crate) times: SealTimes,
}

impl Known {
    pub(crate) fn load(store: &Store, chosen: Chosen) -> Result<Self, Failure> {
        let Chosen { record, meta, times } = chosen;
        let graph = graph(store, record.id, meta.number)?;
        Ok(Self { graph, source_id: record.id, times })
    }
}

/// The graph of a snapshot.
pub(crate) fn graph(store: &Store, source_id: u64, number: SnapshotNumber) -> Result<Graph, Failure> {
    let builder = store.read_into(source_id, number, |source, meta, scopes| {
        let about = About {
            source: source.name,
            tenant: source.tenant,
            number: meta.number,
            started: meta.started,
            sealed: meta.sealed,
        };
        Graph::builder(about, scopes)
    })?;
    Ok(builder.finish())
}

/// Graphs of the snapshots that a question is answered from.
pub(crate) fn graphs(store: &Store, which: &Which) -> Result<Vec<Known>, Failure> {
    chosen(store, which)?.into_iter().map(|chosen| Known::load(store, chosen)).collect()
}

/// The snapshots that a question is answered from: the last ones, or those in force at the time that was asked for; of
/// one data source, or of all that have one. What that leaves out and what it chose is told on standard error.
pub(crate) fn chosen(store: &Store, which: &Which) -> Result<Vec<Chosen>, Failure> {
    let records = selected(store, which.source.as_deref())?;
    let now = SystemClock.now();
    let mut found = Vec::new();
    let mut too_early = Vec::new();
    if let Some(when @ When::Number(_)) = &which.as_of
        && records.len() > 1
    {
        return Err(Failure::usage(format!("each data source has a {when} of its own"))
            .hint(format!("say whose with --source: {}", names(&records))));
    }
    for record in records {
        let snapshots = store.snapshots(record.id)?;
        let times = SealTimes::of(&store.all_snapshots(record.id)?);
        let meta = match &which.as_of {
            None => snapshots.last(),
            Some(when) => when.among(&snapshots, now).map_err(Failure::usage)?,
        };
        if let Some(meta) = meta.cloned() {
            if which.as_of.is_some() {
                note(format!("as of snapshot {} of {} [{}]", meta.number, meta.sealed, record.name));
            }
            found.push(Chosen { record, meta, times });
        } else if let Some(when) = &which.as_of {
            too_early.push(none_then(&record, &snapshots, &times, when));
        }
    }
    if found.is_empty() {
        return Err(match too_early.as_slice() {
            [] => nothing_read(),
            texts => Failure::new(texts.join("; ")).code(NOT_FOUND),
        });
    }
    for text in too_early {
        note(format!("not included: {text}"));
    }
    Ok(found)
}

/// That a data source had no such snapshot, and which ones it has.
pub(crate) fn none_then(
    record: &SourceRecord,
    snapshots: &[SnapshotMeta],
    times: &SealTimes,
    when: &When,
) -> String {
    let name = &record.name;
    if let When::Number(number) = when
        && let Some(sealed) = times.get(*number).filter(|_| !snapshots.is_empty())
    {
        return format!("{when} of {name}, of {sealed}, was not kept: how long is set under [history]");
    }
    match (snapshots, when) {
        ([], _) => format!("{name} has not been read yet"),
        ([only], When::Number(_)) => format!("{name} has no {when}: there is only {}", only.number),
        ([first, .., last], When::Number(_)) => {
            format!("{name} has no {when}: the first is {}, the last is {}", first.number, last.number)
        }
        ([first, ..], _) => {
            format!("{name} had no snapshot at {when}: the first is {} of {}", first.number, first.sealed)
        }
    }
}

fn names(records: &[SourceRecord]) -> String {
    records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>().join(", ")
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
