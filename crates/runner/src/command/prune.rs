//! `sightline prune`: gives up snapshots that need no longer be kept.

use std::sync::Arc;

use serde::Serialize;
use sightline_answer::{count, selected};
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{SnapshotNumber, Time};
use sightline_store::{Retention, SourceRecord, Store};

use crate::cli::Prune;
use crate::command::user::note as audit_note;
use crate::failure::Failure;
use crate::output::{json, line};
use crate::world::World;

/// What is given up of a data source.
#[derive(Serialize)]
struct Pruned {
    source: String,
    kept: usize,
    given_up: Vec<Snapshot>,
}

#[derive(Serialize)]
struct Snapshot {
    number: SnapshotNumber,
    sealed: Time,
}

pub(crate) fn run(world: &World, prune: &Prune) -> Result<(), Failure> {
    let retention = world.settings.history.retention();
    let mut pruned = Vec::new();
    if prune.dry_run {
        let store = world.store_to_read()?;
        for record in selected(&store, prune.source.as_deref())? {
            pruned.push(expired(&store, &record, retention)?);
        }
    } else {
        let mut store = world.store_to_write("prune")?;
        for record in selected(&store, prune.source.as_deref())? {
            let given_up = give_up(&store, &record, retention)?;
            let details = vec![count(given_up.given_up.len() as u64, "snapshot", "snapshots")];
            store.append_audit(&audit_note("snapshot.give_up", &record.name, details))?;
            pruned.push(given_up);
        }
        if let Some(store) = Arc::get_mut(&mut store) {
            store.compact()?;
        }
    }
    if prune.json {
        return json(&pruned);
    }
    let (verb, kept) =
        if prune.dry_run { ("would be given up", "would be kept") } else { ("given up", "kept") };
    for Pruned { source, kept: left, given_up } in &pruned {
        let span = match (given_up.first(), given_up.last()) {
            (Some(first), Some(last)) => format!(" (from {} to {})", first.sealed.date(), last.sealed.date()),
            _ => String::new(),
        };
        let snapshots = count(given_up.len() as u64, "snapshot", "snapshots");
        line(format!("{source}: {snapshots} {verb}{span}, {left} {kept}."))?;
    }
    if pruned.is_empty() {
        line("There are no data sources yet.")?;
    }
    Ok(())
}

/// Gives up the snapshots of a data source that need no longer be kept.
fn give_up(store: &Store, record: &SourceRecord, retention: Retention) -> Result<Pruned, Failure> {
    let pruned = expired(store, record, retention)?;
    let numbers: Vec<SnapshotNumber> = pruned.given_up.iter().map(|snapshot| snapshot.number).collect();
    // Also where there is nothing new to give up: an interrupted call is finished.
    store.prune(record.id, &numbers)?;
    Ok(pruned)
}

fn expired(store: &Store, record: &SourceRecord, retention: Retention) -> Result<Pruned, Failure> {
    let snapshots = store.snapshots(record.id)?;
    let expired = retention.expired(&snapshots, SystemClock.now());
    let kept = snapshots.len() - expired.len();
    let given_up = snapshots
        .iter()
        .filter(|meta| expired.contains(&meta.number))
        .map(|meta| Snapshot { number: meta.number, sealed: meta.sealed })
        .collect();
    Ok(Pruned { source: record.name.clone(), kept, given_up })
}
