//! `sightline gaps`: what could not be seen, why, and what that hides.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_core::{Gap, GapReason};

use crate::cli::Gaps;
use crate::failure::Failure;
use crate::output::{Columns, json, line, number};
use crate::world::{World, nothing_read, selected};

#[derive(Serialize)]
struct GapLine<'a> {
    source: &'a str,
    snapshot: u64,
    #[serde(flatten)]
    gap: &'a Gap,
}

pub(crate) fn run(world: &World, gaps: &Gaps) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let mut snapshots = Vec::new();
    for record in selected(&store, gaps.source.as_deref())? {
        if let Some(meta) = store.latest(record.id)? {
            snapshots.push(store.snapshot(record.id, meta.number)?);
        }
    }
    if snapshots.is_empty() {
        return Err(nothing_read());
    }
    let lines: Vec<_> = snapshots
        .iter()
        .flat_map(|snapshot| {
            snapshot.gaps().map(|gap| GapLine { source: &snapshot.source, snapshot: snapshot.number, gap })
        })
        .collect();
    if gaps.json {
        return json(&lines);
    }
    if lines.is_empty() {
        return line("No gaps: everything that was asked for was read completely.");
    }
    table(lines.iter().map(|line| (line.source, line.gap)))
}

/// Gaps of one dataset and reason are one line, so that a thousand denied groups don't bury the rest.
pub(crate) fn table<'a>(gaps: impl Iterator<Item = (&'a str, &'a Gap)>) -> Result<(), Failure> {
    let mut grouped: BTreeMap<(&str, &str, &str, &str), Vec<&Gap>> = BTreeMap::new();
    for (source, gap) in gaps {
        let needs = match &gap.reason {
            GapReason::Denied { permission } => permission.as_deref().unwrap_or_default(),
            _ => "",
        };
        grouped.entry((source, &gap.scope.dataset, gap.reason.phrase(), needs)).or_default().push(gap);
    }
    for ((source, dataset, reason, needs), gaps) in grouped {
        let parts = if gaps.len() == 1 {
            gaps[0].scope.to_string()
        } else {
            format!("{dataset} of {}", number(gaps.len() as u64))
        };
        line(format!("{parts}: {reason} [{source}]"))?;
        line(format!("  what happened  {}", gaps[0].detail))?;
        line(format!("  what it hides  {}", gaps[0].consequence))?;
        if !needs.is_empty() {
            line(format!("  would need     {needs}"))?;
        }
        if gaps.len() > 1 {
            let shown: Vec<_> = gaps.iter().filter_map(|gap| gap.scope.parent.as_deref()).take(5).collect();
            let more = if gaps.len() > 5 { ", …" } else { "" };
            line(format!("  for            {}{more}", shown.join(", ")))?;
        }
    }
    Ok(())
}

/// A reminder under an answer that gaps may hide more.
pub(crate) fn reminder(gaps: &[Gap]) -> Result<(), Failure> {
    if gaps.is_empty() {
        return Ok(());
    }
    line("\nNot seen, and may hide more:")?;
    let mut columns = Columns::new(&["what", "why", "what it hides"]);
    for gap in gaps.iter().take(10) {
        columns.rows.push(vec![
            gap.scope.to_string(),
            gap.reason.phrase().to_owned(),
            gap.consequence.clone(),
        ]);
    }
    columns.table()?;
    if gaps.len() > 10 {
        line(format!("and {} more: sightline gaps", number(gaps.len() as u64 - 10)))?;
    }
    Ok(())
}
