//! `sightline diff`: what changed between two snapshots, what access that gave or took, and who did it.

mod consequences;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Change, Gap, Record, ScopeState, Snapshot};
use sightline_graph::Graph;
use sightline_graph::history::{Before, Log, holdings_of, net};
use sightline_store::{SnapshotMeta, SourceRecord, Store};

use crate::answer::{Called, ChangeAnswer, SnapshotStamp, kind_word};
use crate::cli::Diff;
use crate::command::gaps;
use crate::failure::{Failure, NOT_FOUND};
use crate::output::{count, json, line, note};
use crate::when::{SealTimes, When};
use crate::world::{World, info, none_then, nothing_read, selected};
use consequences::{AccessChange, Causes, RoleChange, access_changes, access_lines, role_changes};

/// How many lines of a part are shown unless everything is asked for.
const SHOWN: usize = 25;

pub(crate) fn run(world: &World, diff: &Diff) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let records = selected(&store, diff.source.as_deref())?;
    if records.is_empty() {
        return Err(nothing_read());
    }
    let is_number = |when: &Option<When>| matches!(when, Some(When::Number(_)));
    if records.len() > 1 && (is_number(&diff.from) || is_number(&diff.to)) {
        let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
        return Err(Failure::usage("each data source counts its own snapshots")
            .hint(format!("say whose with --source: {}", names.join(", "))));
    }
    let mut answers = Vec::new();
    let mut left_out = Vec::new();
    for record in &records {
        match ends(&store, record, diff)? {
            Ok((from, to)) => answers.push(compared(world, &store, record, &from, &to)?),
            Err(why) => left_out.push(why),
        }
    }
    if answers.is_empty() {
        return Err(Failure::new(left_out.join("; ")).code(NOT_FOUND));
    }
    for why in left_out {
        note(format!("not included: {why}"));
    }
    for answer in &mut answers {
        answer.keep_kinds(&diff.kinds);
    }
    if diff.json {
        return json(&answers);
    }
    let most = if diff.all { usize::MAX } else { SHOWN };
    answers.iter().try_for_each(|answer| answer.show(diff.all || !diff.kinds.is_empty(), most))
}

/// The two snapshots, or why there are not two.
fn ends(
    store: &Store,
    record: &SourceRecord,
    diff: &Diff,
) -> Result<Result<(SnapshotMeta, SnapshotMeta), String>, Failure> {
    let snapshots = store.snapshots(record.id)?;
    let now = SystemClock.now();
    let mut found = Vec::new();
    for when in [&diff.from, &diff.to].into_iter().flatten() {
        let Some(meta) = when.among(&snapshots, now).map_err(Failure::usage)? else {
            let times = SealTimes::of(&store.all_snapshots(record.id)?);
            return Ok(Err(none_then(record, &snapshots, &times, when)));
        };
        found.push(meta.clone());
    }
    let (from, to) = match (found.as_slice(), snapshots.as_slice()) {
        ([from, to], _) | ([from], [.., to]) | ([], [.., from, to]) => (from.clone(), to.clone()),
        (_, []) => return Ok(Err(format!("{} has not been read yet", record.name))),
        _ => {
            let why =
                format!("{} has only one snapshot, so there is nothing to compare it with", record.name);
            return Ok(Err(why));
        }
    };
    if from.number > to.number {
        return Err(Failure::usage(format!(
            "FROM is snapshot {}, which is later than TO, snapshot {}",
            from.number, to.number
        ))
        .hint("give the earlier one first"));
    }
    Ok(Ok((from, to)))
}

/// What differs between two snapshots of a data source.
#[derive(Debug, Serialize)]
pub(crate) struct DiffAnswer {
    source: String,
    from: SnapshotStamp,
    to: SnapshotStamp,
    changes: Vec<ChangeAnswer>,
    access: Vec<AccessChange>,
    roles: Vec<RoleChange>,
    /// What could not be read on one side, and what that hides here.
    gaps: Vec<GapAnswer>,
    /// Why the log may not tell who did something; null where it was read completely.
    log_unread: Option<String>,
    #[serde(skip)]
    gap_graphs: Option<Box<(Graph, Graph)>>,
}

#[derive(Debug, Serialize)]
struct GapAnswer {
    before: bool,
    after: bool,
    #[serde(flatten)]
    gap: Gap,
}

/// What is kept of a snapshot when its graph is built.
struct Loaded {
    graph: Graph,
    scopes: Vec<ScopeState>,
    holdings: BTreeSet<String>,
    log: Vec<Change>,
}

impl Loaded {
    /// `since` bounds the log: the events that became known after it, or were done after it was begun.
    fn of(snapshot: Snapshot, since: &SnapshotMeta, called: &mut Called) -> Self {
        let mut log = Vec::new();
        for fact in &snapshot.facts {
            called.learn(&fact.record);
            if let Record::Change(change) = &fact.record
                && (fact.first_seen > since.number || change.time >= since.started)
            {
                log.push((**change).clone());
            }
        }
        Self {
            scopes: snapshot.scopes.clone(),
            holdings: holdings_of(&snapshot),
            log,
            graph: Graph::build(snapshot),
        }
    }
}

/// Compares two snapshots of a data source.
pub(crate) fn compared(
    world: &World,
    store: &Store,
    record: &SourceRecord,
    from: &SnapshotMeta,
    to: &SnapshotMeta,
) -> Result<DiffAnswer, Failure> {
    let info = info(world, record)?;
    let mut called = Called::default();
    // What things are called now comes first.
    let after = Loaded::of(store.snapshot(record.id, to.number)?, from, &mut called);
    let before = Loaded::of(store.snapshot(record.id, from.number)?, from, &mut called);
    let mut raw = Vec::new();
    store.diff(record.id, from.number, to.number, |change| {
        raw.push((change.scope, change.before, change.after));
    })?;
    let deltas = net(raw, &before.holdings, &after.holdings);
    let novelties = Before::new(&before.scopes)
        .novelties(&deltas, |dataset| info.dataset(dataset).and_then(|dataset| dataset.listed_by));
    let log = Log::new(&after.log);
    let log_unread = log_unread(&after.scopes);
    let silence = log_unread.as_deref().unwrap_or("no event of the log tells of it");
    let changes: Vec<ChangeAnswer> = deltas
        .iter()
        .zip(&novelties)
        .map(|(delta, novelty)| ChangeAnswer::of(delta, novelty, log.told(delta), silence, &called))
        .collect();
    let causes = Causes::of(&deltas, &novelties, &changes);
    let mut answer = DiffAnswer {
        source: record.name.clone(),
        from: SnapshotStamp { snapshot: from.number, sealed: from.sealed },
        to: SnapshotStamp { snapshot: to.number, sealed: to.sealed },
        access: access_changes(&before.graph, &after.graph, &causes),
        roles: role_changes(&before.graph, &after.graph, &causes, &called),
        gaps: gap_answers(&before.scopes, &after.scopes),
        changes,
        log_unread,
        gap_graphs: None,
    };
    answer.gap_graphs = Some(Box::new((before.graph, after.graph)));
    Ok(answer)
}

/// Why the log may not tell who did something; none where it was read.
pub(crate) fn log_unread(scopes: &[ScopeState]) -> Option<String> {
    match scopes.iter().find(|state| state.scope.dataset == "changes" && state.scope.parent.is_none()) {
        None => Some("the log was not read".to_owned()),
        Some(ScopeState { gap: Some(gap), .. }) => {
            Some(format!("the log is a gap ({}): {}", gap.reason.phrase(), gap.detail))
        }
        Some(_) => None,
    }
}

/// What could not be read on either side, whatever it is; both sides of one scope are one.
fn gap_answers(before: &[ScopeState], after: &[ScopeState]) -> Vec<GapAnswer> {
    let mut gaps: BTreeMap<&sightline_core::Scope, GapAnswer> = BTreeMap::new();
    for (states, is_after) in [(after, true), (before, false)] {
        for gap in states.iter().filter_map(|state| state.gap.as_ref()) {
            let known = gaps.entry(&gap.scope).or_insert_with(|| GapAnswer {
                before: false,
                after: false,
                gap: gap.clone(),
            });
            known.after |= is_after;
            known.before |= !is_after;
        }
    }
    gaps.into_values().collect()
}

impl DiffAnswer {
    /// Leaves only facts of these kinds, if any are named, without consequences.
    fn keep_kinds(&mut self, kinds: &[String]) {
        if kinds.is_empty() {
            return;
        }
        self.keep_changes(|kind| kinds.iter().any(|wanted| wanted == kind));
        self.access.clear();
        self.roles.clear();
    }

    /// Leaves only changes of these kinds.
    pub(crate) fn keep_changes(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.changes.retain(|change| is_wanted(&kind_word(&change.kind)));
    }

    /// For people; `all` lists churn as well, `most` bounds the lines of each part.
    pub(crate) fn show(&self, all: bool, most: usize) -> Result<(), Failure> {
        let Self { source, from, to, .. } = self;
        if from.snapshot == to.snapshot {
            return line(format!("{source}: both are snapshot {} of {}", from.snapshot, from.sealed));
        }
        line(format!(
            "{source}: from snapshot {} of {} to snapshot {} of {}",
            from.snapshot, from.sealed, to.snapshot, to.sealed
        ))?;
        let listed =
            |change: &&ChangeAnswer| change.what != "moved" && !change.told_again && (all || !change.churn);
        let mut by_kind: BTreeMap<usize, Vec<&ChangeAnswer>> = BTreeMap::new();
        for change in self.changes.iter().filter(listed) {
            let place = crate::cli::KINDS.iter().position(|kind| *kind == kind_word(&change.kind));
            by_kind.entry(place.unwrap_or(usize::MAX)).or_default().push(change);
        }
        if by_kind.is_empty() {
            line("Nothing changed.")?;
        }
        for changes in by_kind.values_mut() {
            changes.sort_by(|a, b| a.told.cmp(&b.told));
            line("")?;
            part(changes.iter().map(|change| change.line()), most)?;
        }
        for (what, heading) in [("gained", "Access gained"), ("lost", "Access lost")] {
            let changes: Vec<_> = self.access.iter().filter(|access| access.what == what).collect();
            headed(heading, access_lines(&changes, all).into_iter(), most)?;
        }
        for (what, heading) in [("gained", "Admin roles gained"), ("lost", "Admin roles lost")] {
            let lines = self.roles.iter().filter(|role| role.what == what).map(RoleChange::line);
            headed(heading, lines, most)?;
        }
        self.show_remarks(all)
    }

    /// What is not listed, and what may be hidden.
    fn show_remarks(&self, all: bool) -> Result<(), Failure> {
        let mut remarks = Vec::new();
        let churn = self.changes.iter().filter(|change| change.churn && !change.told_again);
        let (mut uses, mut events, mut stamps) = (0, 0, 0);
        for change in churn {
            match change.kind.as_str() {
                "usage" => uses += 1,
                "change" => events += 1,
                "activity_window" => {}
                _ => stamps += 1,
            }
        }
        if !all && uses + events + stamps > 0 {
            remarks.push(format!(
                "Not listed: {}, {}, {} (--all lists them).",
                count(uses, "use", "uses"),
                count(events, "event of the log", "events of the log"),
                count(
                    stamps,
                    "fact with another stamp or count only",
                    "facts with other stamps or counts only"
                )
            ));
        }
        if let Some(why) = &self.log_unread {
            remarks.push(format!("Who did it may not be known: {why}."));
        }
        if !remarks.is_empty() {
            line("")?;
        }
        remarks.iter().try_for_each(line)?;
        let Some(graphs) = &self.gap_graphs else { return Ok(()) };
        if !self.gaps.is_empty() {
            line(
                "\nCould not be read on one side or both, so that what was taken away there does not show:",
            )?;
            let mut grouped: BTreeMap<(&str, &str, &str), Vec<&GapAnswer>> = BTreeMap::new();
            for gap in &self.gaps {
                grouped
                    .entry((&gap.gap.scope.dataset, gap.gap.reason.phrase(), gap.sides()))
                    .or_default()
                    .push(gap);
            }
            for ((dataset, reason, sides), gaps) in grouped {
                let what = match gaps.as_slice() {
                    [gap] => {
                        let graph = if gap.after { &graphs.1 } else { &graphs.0 };
                        gaps::phrase(&gap.gap.scope, graph)
                    }
                    many => format!("{} of {}", dataset.replace('_', " "), many.len()),
                };
                line(format!("  {what}: {reason}, {sides}"))?;
            }
        }
        Ok(())
    }
}

fn headed(heading: &str, lines: impl Iterator<Item = String>, most: usize) -> Result<(), Failure> {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    line(format!("\n{heading}:"))?;
    part(lines, most)
}

/// Some lines, and how many more there are.
fn part(lines: impl Iterator<Item = String>, most: usize) -> Result<(), Failure> {
    let mut more: u64 = 0;
    for (at, text) in lines.enumerate() {
        if at < most {
            line(text)?;
        } else {
            more += 1;
        }
    }
    if more > 0 {
        line(format!("… and {} more (--all, or --json)", crate::output::number(more)))
    } else {
        Ok(())
    }
}

impl GapAnswer {
    const fn sides(&self) -> &'static str {
        match (self.before, self.after) {
            (true, false) => "before",
            (false, _) => "after",
            (true, true) => "before and after",
        }
    }
}
