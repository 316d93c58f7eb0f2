//! Which snapshots a question is answered from.

use sightline_core::{SnapshotNumber, Time};
use sightline_graph::{About, Graph};
use sightline_store::{SnapshotMeta, SourceRecord, Store};

use crate::{AnswerError, SealTimes, When};

/// A snapshot that a question is answered from.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Its data source.
    pub record: SourceRecord,
    /// The snapshot.
    pub meta: SnapshotMeta,
    /// When it and the others of its data source were sealed.
    pub times: SealTimes,
}

/// The snapshots that a question is answered from; never empty.
#[derive(Debug, Clone)]
pub struct Choice {
    /// One for each data source that has such a one.
    pub chosen: Vec<Chosen>,
    /// What was chosen where a time was given, and what is left out, in whole sentences.
    pub notes: Vec<String>,
}

/// The graph of a snapshot, with when the snapshots of its data source were sealed: what most answers need, to be shared.
#[derive(Debug)]
pub struct Known {
    /// Who can reach what.
    pub graph: Graph,
    /// Whose snapshot it is.
    pub source_id: u64,
    /// When the snapshots of the data source were sealed.
    pub times: SealTimes,
}

impl Known {
    /// Reads a snapshot.
    pub fn load(store: &Store, chosen: Chosen) -> Result<Self, AnswerError> {
        let Chosen { record, meta, times } = chosen;
        let graph = graph(store, record.id, meta.number)?;
        Ok(Self { graph, source_id: record.id, times })
    }
}

/// The graph of a snapshot.
pub fn graph(store: &Store, source_id: u64, number: SnapshotNumber) -> Result<Graph, AnswerError> {
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

/// The snapshots that a question is answered from: the last ones, or those in force at the time that was asked for; of
/// one data source, or of all that have one.
pub fn chosen(
    store: &Store,
    source: Option<&str>,
    as_of: Option<&When>,
    now: Time,
) -> Result<Choice, AnswerError> {
    let records = selected(store, source)?;
    let (mut found, mut notes, mut too_early) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(when @ When::Number(_)) = as_of
        && records.len() > 1
    {
        let text = format!("each data source has a {when} of its own");
        return Err(AnswerError::WhichSource { text, sources: names(&records) });
    }
    for record in records {
        let snapshots = store.snapshots(record.id)?;
        let times = SealTimes::of(&store.all_snapshots(record.id)?);
        let meta = match as_of {
            None => snapshots.last(),
            Some(when) => when.among(&snapshots, now).map_err(AnswerError::NoSuchTime)?,
        };
        if let Some(meta) = meta.cloned() {
            if as_of.is_some() {
                notes.push(format!("as of snapshot {} of {} [{}]", meta.number, meta.sealed, record.name));
            }
            found.push(Chosen { record, meta, times });
        } else if let Some(when) = as_of {
            too_early.push(none_then(&record.name, &snapshots, &times, when));
        }
    }
    if found.is_empty() {
        return Err(match too_early.as_slice() {
            [] => AnswerError::NothingRead,
            texts => AnswerError::NoSuchSnapshot(texts.join("; ")),
        });
    }
    notes.extend(too_early.into_iter().map(|text| format!("not included: {text}")));
    Ok(Choice { chosen: found, notes })
}

/// That the data source with this name had no such snapshot, and which ones it has.
pub(crate) fn none_then(name: &str, snapshots: &[SnapshotMeta], times: &SealTimes, when: &When) -> String {
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

/// The names of data sources.
pub(crate) fn names(records: &[SourceRecord]) -> Vec<String> {
    records.iter().map(|record| record.name.clone()).collect()
}

/// One data source by name, or all.
pub fn selected(store: &Store, only: Option<&str>) -> Result<Vec<SourceRecord>, AnswerError> {
    match only {
        None => Ok(store.sources()?),
        Some(name) => Ok(vec![source_named(store, name)?]),
    }
}

/// The data source with this name, whatever its case.
pub fn source_named(store: &Store, name: &str) -> Result<SourceRecord, AnswerError> {
    let sources = store.sources()?;
    let found = sources.iter().find(|source| source.name.eq_ignore_ascii_case(name));
    found
        .cloned()
        .ok_or_else(|| AnswerError::NoSuchSource { name: name.to_owned(), sources: names(&sources) })
}
