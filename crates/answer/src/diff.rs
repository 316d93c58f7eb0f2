//! What differs between two snapshots, what access that gave or took, and who did it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sightline_core::{Change, Gap, Info, Record, Scope, ScopeState, Time};
use sightline_graph::Graph;
use sightline_graph::history::{Before, Log, net};
use sightline_store::{SourceRecord, Store};
use utoipa::ToSchema;

use crate::changes::Called;
use crate::choice::{names, none_then};
use crate::consequences::{Causes, access_changes, role_changes};
use crate::{
    AccessChange, AnswerError, ChangeAnswer, Chosen, Known, RoleChange, SealTimes, SnapshotStamp, When,
    kind_word, schema, scope_phrase, selected,
};

/// Pairs of snapshots to compare, one for each data source; never empty.
#[derive(Debug, Clone)]
pub struct Pairs {
    /// The earlier and the later one.
    pub pairs: Vec<(Chosen, Chosen)>,
    /// Which data sources are left out and why, in whole sentences.
    pub notes: Vec<String>,
}

/// The snapshots to compare of one data source or of all: by default the last two; with only `from` that and the last.
pub fn pairs(
    store: &Store,
    source: Option<&str>,
    from: Option<&When>,
    to: Option<&When>,
    now: Time,
) -> Result<Pairs, AnswerError> {
    let records = selected(store, source)?;
    if records.is_empty() {
        return Err(AnswerError::NothingRead);
    }
    let is_number = |when: Option<&When>| matches!(when, Some(When::Number(_)));
    if records.len() > 1 && (is_number(from) || is_number(to)) {
        return Err(numbered_each(&records));
    }
    let (mut pairs, mut left_out) = (Vec::new(), Vec::new());
    for record in &records {
        match pair(store, record, [from, to], now)? {
            Ok(pair) => pairs.push(pair),
            Err(why) => left_out.push(why),
        }
    }
    if pairs.is_empty() {
        return Err(AnswerError::NoSuchSnapshot(left_out.join("; ")));
    }
    let notes = left_out.into_iter().map(|why| format!("not included: {why}")).collect();
    Ok(Pairs { pairs, notes })
}

/// That the number of a snapshot means something else for each of several data sources.
pub(crate) fn numbered_each(records: &[SourceRecord]) -> AnswerError {
    let text = "each data source counts its own snapshots".to_owned();
    AnswerError::WhichSource { text, sources: names(records) }
}

/// The two snapshots, or why there are not two.
fn pair(
    store: &Store,
    record: &SourceRecord,
    ends: [Option<&When>; 2],
    now: Time,
) -> Result<Result<(Chosen, Chosen), String>, AnswerError> {
    let snapshots = store.snapshots(record.id)?;
    let times = SealTimes::of(&store.all_snapshots(record.id)?);
    let mut found = Vec::new();
    for when in ends.into_iter().flatten() {
        let Some(meta) = when.among(&snapshots, now).map_err(AnswerError::NoSuchTime)? else {
            return Ok(Err(none_then(&record.name, &snapshots, &times, when)));
        };
        found.push(meta);
    }
    let (from, to) = match (found.as_slice(), snapshots.as_slice()) {
        ([from, to], _) => (*from, *to),
        ([from], [.., to]) => (*from, to),
        ([], [.., from, to]) => (from, to),
        (_, []) => return Ok(Err(format!("{} has not been read yet", record.name))),
        _ => {
            let why =
                format!("{} has only one snapshot, so there is nothing to compare it with", record.name);
            return Ok(Err(why));
        }
    };
    if from.number > to.number {
        return Err(AnswerError::WrongOrder { from: from.number, to: to.number });
    }
    let chosen = |meta: &sightline_store::SnapshotMeta| Chosen {
        record: record.clone(),
        meta: meta.clone(),
        times: times.clone(),
    };
    Ok(Ok((chosen(from), chosen(to))))
}

/// What differs between two snapshots of a data source.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffAnswer {
    /// Name of the data source.
    pub source: String,
    /// The earlier snapshot.
    pub from: SnapshotStamp,
    /// The later snapshot.
    pub to: SnapshotStamp,
    /// Every fact that differs.
    pub changes: Vec<ChangeAnswer>,
    /// Access that accounts gained and lost by that.
    pub access: Vec<AccessChange>,
    /// Admin roles that were gained and lost by that.
    pub roles: Vec<RoleChange>,
    /// What could not be read on one side, and what that hides here.
    pub gaps: Vec<DiffGap>,
    /// Why the log may not tell who did something; null where it was read completely.
    #[schema(required = true)]
    pub log_unread: Option<String>,
}

/// A gap of one or both of two snapshots.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffGap {
    /// Whether the earlier snapshot has it.
    pub before: bool,
    /// Whether the later snapshot has it.
    pub after: bool,
    /// What was not read completely, why, and what that hides.
    #[serde(flatten)]
    #[schema(value_type = schema::Gap)]
    pub gap: Gap,
    /// What was not read, in a few words.
    #[serde(skip)]
    pub what: String,
}

impl DiffGap {
    /// Which of the snapshots have it, in a few words.
    pub const fn sides(&self) -> &'static str {
        match (self.before, self.after) {
            (true, false) => "before",
            (false, _) => "after",
            (true, true) => "before and after",
        }
    }
}

impl DiffAnswer {
    /// Compares two snapshots of a data source, the earlier one first. Its connector says what its datasets are.
    pub fn between(store: &Store, from: &Known, to: &Known, info: &Info) -> Result<Self, AnswerError> {
        let (before, after) = (from.graph.about(), to.graph.about());
        let mut called = Called::new([&to.graph, &from.graph]);
        let mut events: Vec<Change> = Vec::new();
        // What became known after the earlier snapshot, or was done after that was begun.
        let held_after = held(store, to, &mut called, &["change"], |change, first_seen| {
            if first_seen > before.number || change.time >= before.started {
                events.push(change);
            }
        })?;
        let held_before = held(store, from, &mut called, &[], |_, _| {})?;
        let mut raw = Vec::new();
        store.diff(to.source_id, before.number, after.number, |change| {
            raw.push((change.scope, change.before, change.after));
        })?;
        let deltas = net(raw, &held_before, &held_after);
        let scopes = (from.graph.scopes(), to.graph.scopes());
        let novelties = Before::new(scopes.0)
            .novelties(&deltas, |dataset| info.dataset(dataset).and_then(|dataset| dataset.listed_by));
        let log = Log::new(&events);
        let log_unread = log_unread(scopes.1);
        let silence = log_unread.as_deref().unwrap_or("no event of the log tells of it");
        let changes: Vec<ChangeAnswer> = deltas
            .iter()
            .zip(&novelties)
            .map(|(delta, novelty)| ChangeAnswer::of(delta, novelty, log.told(delta), silence, &called))
            .collect();
        let causes = Causes::of(&deltas, &novelties, &changes);
        Ok(Self {
            source: after.source.clone(),
            from: SnapshotStamp::of(&from.graph),
            to: SnapshotStamp::of(&to.graph),
            access: access_changes(&from.graph, &to.graph, &causes),
            roles: role_changes(&from.graph, &to.graph, &causes, &called),
            gaps: gaps(&from.graph, &to.graph),
            changes,
            log_unread,
        })
    }

    /// Leaves only facts of these kinds, if any are named, without consequences.
    pub fn keep_kinds(&mut self, kinds: &[String]) {
        if kinds.is_empty() {
            return;
        }
        self.keep_changes(|kind| kinds.iter().any(|wanted| wanted == kind));
        self.access.clear();
        self.roles.clear();
    }

    /// Leaves only changes of these kinds.
    pub fn keep_changes(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.changes.retain(|change| is_wanted(&kind_word(&change.kind)));
    }
}

/// The keys of the roles that are held in a snapshot, which two lists may tell. Learns besides what no graph knows by name,
/// and hands out events, where kinds of facts are added for that.
fn held(
    store: &Store,
    known: &Known,
    called: &mut Called<'_>,
    also: &[&str],
    mut event: impl FnMut(Change, u64),
) -> Result<BTreeSet<String>, AnswerError> {
    let kinds = [&["holding"], Called::UNKNOWN_TO_GRAPHS, also].concat();
    let mut held = BTreeSet::new();
    store.visit_kinds(known.source_id, known.graph.about().number, &kinds, |fact| match fact.record {
        Record::Holding(_) => {
            held.insert(fact.record.key());
        }
        Record::Change(change) => event(*change, fact.first_seen),
        record => called.learn(&record),
    })?;
    Ok(held)
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
fn gaps(before: &Graph, after: &Graph) -> Vec<DiffGap> {
    let mut gaps: BTreeMap<&Scope, DiffGap> = BTreeMap::new();
    for (graph, is_after) in [(after, true), (before, false)] {
        for gap in graph.gaps() {
            let known = gaps.entry(&gap.scope).or_insert_with(|| DiffGap {
                before: false,
                after: false,
                gap: gap.clone(),
                what: scope_phrase(&gap.scope, graph),
            });
            known.after |= is_after;
            known.before |= !is_after;
        }
    }
    gaps.into_values().collect()
}
