//! `sightline gaps`: what could not be seen, why, and what that hides.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_core::{Gap, GapReason, Scope, Time};
use sightline_graph::Graph;

use crate::cli::Gaps;
use crate::failure::Failure;
use crate::output::{Columns, json, line, number};
use crate::world::{Known, World, graphs};

#[derive(Serialize)]
struct GapLine<'a> {
    source: &'a str,
    snapshot: u64,
    sealed: Time,
    #[serde(flatten)]
    gap: &'a Gap,
}

pub(crate) fn run(world: &World, gaps: &Gaps) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &gaps.which)?;
    if gaps.json {
        let lines: Vec<_> = found
            .iter()
            .flat_map(|Known { graph, .. }| {
                let about = graph.about();
                let line = |gap| GapLine {
                    source: &about.source,
                    snapshot: about.number,
                    sealed: about.sealed,
                    gap,
                };
                graph.gaps().map(line)
            })
            .collect();
        return json(&lines);
    }
    if found.iter().all(|known| known.graph.gaps().next().is_none()) {
        return line("No gaps: everything that was asked for was read completely.");
    }
    found.iter().try_for_each(|known| table(&known.graph))
}

/// What a scope is, with the name of its parent where that is known: `group members of it-admins`.
pub(crate) fn phrase(scope: &Scope, graph: &Graph) -> String {
    let dataset = scope.dataset.replace('_', " ");
    match &scope.parent {
        None => dataset,
        Some(id) => format!("{dataset} of {}", name(id, graph)),
    }
}

/// The name of a group, resource, account, role or scope set; its id where it is not known.
fn name(id: &str, graph: &Graph) -> String {
    let group = || graph.group_with_id(id).map(|group| graph.group(group).name.clone());
    let resource = || graph.resource_with_id(id).map(|resource| graph.resource(resource).label.clone());
    let account = || graph.account_with_id(id).map(|account| graph.account(account).login.to_owned());
    let role = || graph.role(id).map(|role| role.label.clone());
    let set = || graph.scope_set(id).map(|set| set.label.clone());
    group().or_else(resource).or_else(account).or_else(role).or_else(set).unwrap_or_else(|| id.to_owned())
}

/// Gaps of one dataset and reason are one entry, so that a thousand denied groups don't bury the rest.
pub(crate) fn table(graph: &Graph) -> Result<(), Failure> {
    let mut grouped: BTreeMap<(&str, &str, &str), Vec<&Gap>> = BTreeMap::new();
    for gap in graph.gaps() {
        let needs = match &gap.reason {
            GapReason::Denied { permission } => permission.as_deref().unwrap_or_default(),
            _ => "",
        };
        grouped.entry((&gap.scope.dataset, gap.reason.phrase(), needs)).or_default().push(gap);
    }
    for ((dataset, reason, needs), gaps) in grouped {
        let what = match gaps.as_slice() {
            [gap] => phrase(&gap.scope, graph),
            many => format!("{} of {}", dataset.replace('_', " "), number(many.len() as u64)),
        };
        line(format!("{what}: {reason} [{}]", graph.about().source))?;
        line(format!("  what happened  {}", gaps[0].detail))?;
        line(format!("  what it hides  {}", gaps[0].consequence))?;
        if !needs.is_empty() {
            line(format!("  would need     {needs}"))?;
        }
        if gaps.len() > 1 {
            let parents = gaps.iter().filter_map(|gap| gap.scope.parent.as_deref());
            let shown: Vec<_> = parents.take(5).map(|id| name(id, graph)).collect();
            let more = if gaps.len() > 5 { ", …" } else { "" };
            line(format!("  for            {}{more}", shown.join(", ")))?;
        }
    }
    Ok(())
}

/// A reminder under an answer that gaps may hide more.
pub(crate) fn reminder(graph: &Graph, gaps: &[&Gap]) -> Result<(), Failure> {
    if gaps.is_empty() {
        return Ok(());
    }
    line("\nNot seen, and may hide more:")?;
    let mut columns = Columns::new(&["what", "why", "what it hides"]);
    for gap in gaps.iter().take(10) {
        let what = phrase(&gap.scope, graph);
        columns.rows.push(vec![what, gap.reason.phrase().to_owned(), gap.consequence.clone()]);
    }
    columns.table()?;
    if gaps.len() > 10 {
        line(format!("and {} more: sightline gaps", number(gaps.len() as u64 - 10)))?;
    }
    Ok(())
}
