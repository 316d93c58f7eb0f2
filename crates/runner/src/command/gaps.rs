//! `sightline gaps`: what could not be seen, why, and what that hides.

use sightline_answer::{GapGroup, GapLine, Known, number, scope_phrase};
use sightline_core::Gap;
use sightline_graph::Graph;

use crate::cli::Gaps;
use crate::failure::Failure;
use crate::output::{Columns, json, line};
use crate::world::{World, graphs};

pub(crate) fn run(world: &World, gaps: &Gaps) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &gaps.which)?;
    if gaps.json {
        let lines: Vec<GapLine> = found.iter().flat_map(|Known { graph, .. }| GapLine::all(graph)).collect();
        return json(&lines);
    }
    if found.iter().all(|known| known.graph.gaps().next().is_none()) {
        return line("No gaps: everything that was asked for was read completely.");
    }
    found.iter().try_for_each(|known| table(&known.graph))
}

/// The gaps of a snapshot, with what each hides.
pub(crate) fn table(graph: &Graph) -> Result<(), Failure> {
    for gaps in GapGroup::all(graph) {
        line(format!("{}: {} [{}]", gaps.what, gaps.reason, graph.about().source))?;
        line(format!("  what happened  {}", gaps.detail))?;
        line(format!("  what it hides  {}", gaps.consequence))?;
        if let Some(needs) = &gaps.needs {
            line(format!("  would need     {needs}"))?;
        }
        if gaps.count > 1 {
            let more = if gaps.count > gaps.named.len() as u64 { ", …" } else { "" };
            line(format!("  for            {}{more}", gaps.named.join(", ")))?;
        }
    }
    Ok(())
}

/// A reminder under an answer that gaps may hide more.
pub(crate) fn reminder<'g>(
    graph: &Graph,
    gaps: impl IntoIterator<Item = &'g Gap, IntoIter: ExactSizeIterator>,
) -> Result<(), Failure> {
    let gaps = gaps.into_iter();
    let all = gaps.len() as u64;
    if all == 0 {
        return Ok(());
    }
    line("\nNot seen, and may hide more:")?;
    let mut columns = Columns::new(&["what", "why", "what it hides"]);
    for gap in gaps.take(10) {
        let what = scope_phrase(&gap.scope, graph);
        columns.rows.push(vec![what, gap.reason.phrase().to_owned(), gap.consequence.clone()]);
    }
    columns.table()?;
    if all > 10 {
        line(format!("and {} more: sightline gaps", number(all - 10)))?;
    }
    Ok(())
}
