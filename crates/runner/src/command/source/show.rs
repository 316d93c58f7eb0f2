//! Listing data sources, and showing one.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_answer::{count, graph, number, source_named};
use sightline_core::source::DatasetInfo;
use sightline_core::{Gap, ScopeState, Time};
use sightline_graph::Graph;
use sightline_store::{SnapshotMeta, SourceRecord, Store};
use sightline_sync::kept::{Datasets, Standing};

use crate::failure::Failure;
use crate::output::{Columns, json, line};
use crate::world::{World, info};

#[derive(Serialize)]
struct SourceLine<'a> {
    #[serde(flatten)]
    record: &'a SourceRecord,
    last_snapshot: Option<SnapshotMeta>,
    /// When everything was last read, and not only what had changed.
    last_full_read: Option<Time>,
    sync_in_progress: bool,
}

fn describe<'a>(store: &Store, record: &'a SourceRecord) -> Result<SourceLine<'a>, Failure> {
    Ok(SourceLine {
        last_snapshot: store.latest(record.id)?,
        last_full_read: store.last_full(record.id)?.map(|meta| meta.sealed),
        sync_in_progress: store.has_sync_in_progress(record.id)?,
        record,
    })
}

impl SourceLine<'_> {
    fn state(&self) -> String {
        match (&self.last_snapshot, self.sync_in_progress) {
            _ if Standing::of(&self.record.settings).disconnected => "disconnected".to_owned(),
            (None, false) => "never read".to_owned(),
            (None, true) => "first sync not finished".to_owned(),
            (Some(meta), _) if meta.gaps > 0 => count(meta.gaps, "gap", "gaps"),
            (Some(_), _) => "healthy".to_owned(),
        }
    }
}

pub(super) fn list(world: &World, as_json: bool) -> Result<(), Failure> {
    let store = match world.store_to_read() {
        Ok(store) => store,
        // Nothing was ever stored here: an empty list is the truth.
        Err(_) if !world.settings.data_dir.join("sightline.redb").exists() => {
            return if as_json {
                json(&[(); 0])
            } else {
                line("No data sources yet. Connect one with `sightline source add`.")
            };
        }
        Err(failure) => return Err(failure),
    };
    let records = store.sources()?;
    let lines: Vec<_> = records.iter().map(|record| describe(&store, record)).collect::<Result<_, _>>()?;
    if as_json {
        return json(&lines);
    }
    let mut columns =
        Columns::new(&["name", "connector", "address", "state", "last snapshot", "last full read", "facts"]);
    for source in &lines {
        let meta = source.last_snapshot.as_ref();
        columns.rows.push(vec![
            source.record.name.clone(),
            source.record.connector.clone(),
            source.record.address.clone(),
            source.state(),
            meta.map_or_else(String::new, |meta| format!("{} of {}", meta.number, meta.sealed)),
            source.last_full_read.map_or_else(String::new, |time| time.to_string()),
            meta.map_or_else(String::new, |meta| number(meta.facts)),
        ]);
    }
    columns.table()
}

/// A dataset of a data source.
#[derive(Serialize)]
struct DatasetLine {
    id: &'static str,
    title: &'static str,
    /// Whether it is read.
    on: bool,
    /// `complete`, `gap` or `never_read`.
    state: &'static str,
    /// Parts of it that were not read completely.
    gaps: u64,
    records: u64,
}

impl DatasetLine {
    fn of(dataset: &'static DatasetInfo, datasets: &Datasets, scopes: &[ScopeState]) -> Self {
        let own = || scopes.iter().filter(|state| state.scope.dataset == dataset.id);
        let gaps = own().filter(|state| state.gap.is_some()).count() as u64;
        // A scope that only marks what is switched off was never read.
        let was_read = own().any(|state| state.complete.is_some() || state.facts > 0);
        let is_on = datasets.is_on(dataset);
        Self {
            id: dataset.id,
            title: dataset.title,
            on: is_on,
            state: match (gaps > 0, was_read) {
                (true, true) => "gap",
                (true, false) if is_on => "gap",
                (false, true) => "complete",
                (_, false) => "never_read",
            },
            gaps,
            records: own().map(|state| state.facts).sum(),
        }
    }
}

pub(super) fn show(world: &World, name: &str, as_json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Shown<'a> {
        #[serde(flatten)]
        source: SourceLine<'a>,
        datasets: Vec<DatasetLine>,
        records: BTreeMap<String, u64>,
        gaps: Vec<Gap>,
    }
    let store = world.store_to_read()?;
    let record = source_named(&store, name)?;
    let source = describe(&store, &record)?;
    let graph = match &source.last_snapshot {
        Some(meta) => Some(graph(&store, record.id, meta.number)?),
        None => None,
    };
    let scopes = graph.as_ref().map_or(&[][..], Graph::scopes);
    let mut records: BTreeMap<String, u64> = BTreeMap::new();
    for state in scopes {
        *records.entry(state.scope.dataset.clone()).or_default() += state.facts;
    }
    let kept = Datasets::of(&record.settings);
    let datasets: Vec<DatasetLine> = info(world, &record)?
        .datasets
        .iter()
        .map(|dataset| DatasetLine::of(dataset, &kept, scopes))
        .collect();
    if as_json {
        let gaps = graph.iter().flat_map(Graph::gaps).cloned().collect();
        return json(&Shown { source, datasets, records, gaps });
    }
    line(format!("{} ({}, {})", record.name, record.connector, record.address))?;
    line(format!("  organisation    {} ({})", record.tenant.name, record.tenant.id))?;
    line(format!("  owner           {}", record.owner_email.as_deref().unwrap_or("not set")))?;
    line(format!("  added           {}", record.added))?;
    line(format!("  state           {}", source.state()))?;
    if let Some(meta) = &source.last_snapshot {
        line(format!("  snapshot        {} of {}, {} facts", meta.number, meta.sealed, number(meta.facts)))?;
    }
    if let Some(time) = source.last_full_read {
        line(format!("  last full read  {time}"))?;
    }
    line("")?;
    let mut columns = Columns::new(&["dataset", "read", "state", "records"]);
    for dataset in &datasets {
        let state = match dataset.state {
            "gap" => count(dataset.gaps, "gap", "gaps"),
            "never_read" => "never read".to_owned(),
            state => state.to_owned(),
        };
        let is_on = if dataset.on { "on" } else { "off" };
        columns.rows.push(vec![dataset.id.to_owned(), is_on.to_owned(), state, number(dataset.records)]);
    }
    columns.table()?;
    if let Some(graph) = graph.filter(|graph| graph.gaps().next().is_some()) {
        line("\nNot seen:")?;
        crate::command::gaps::table(&graph)?;
    }
    Ok(())
}
