//! `sightline history`: what happened to an account, a group or an application.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Change, EntityKind, Fact, Record, Snapshot, Time};
use sightline_graph::history::{Before, Delta, Log, Novelty, Told, What, ends, net};
use sightline_graph::{Found, Graph};
use sightline_store::{SnapshotMeta, SourceRecord, Store};

use crate::answer::{ByAnswer, Called, ChangeAnswer, SnapshotStamp, kind_word};
use crate::cli::History;
use crate::command::diff::log_unread;
use crate::failure::{Failure, NOT_FOUND};
use crate::output::{count, json, line, note};
use crate::when::{SealTimes, When};
use crate::world::{World, info, none_then, nothing_read, selected};

pub(crate) fn run(world: &World, history: &History) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let records = selected(&store, history.source.as_deref())?;
    if records.len() > 1 && matches!(history.since, Some(When::Number(_))) {
        let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
        return Err(Failure::usage("each data source counts its own snapshots")
            .hint(format!("say whose with --source: {}", names.join(", "))));
    }
    let mut pasts = Vec::new();
    for record in records {
        let snapshots = store.snapshots(record.id)?;
        if let Some(last) = snapshots.last() {
            let snapshot = store.snapshot(record.id, last.number)?;
            pasts.push(Past::new(record, snapshots, snapshot));
        }
    }
    if pasts.is_empty() {
        return Err(nothing_read());
    }
    let (past, entity) = find(&store, &mut pasts, &history.entity)?;
    let answer = answer(world, &store, past, entity, history.since.as_ref())?;
    if history.json { json(&answer) } else { answer.show() }
}

/// A data source with its snapshots.
struct Past {
    record: SourceRecord,
    snapshots: Vec<SnapshotMeta>,
    graph: Graph,
    called: Called,
}

impl Past {
    fn new(record: SourceRecord, snapshots: Vec<SnapshotMeta>, last: Snapshot) -> Self {
        let mut called = Called::default();
        last.facts.iter().for_each(|fact| called.learn(&fact.record));
        Self { record, snapshots, called, graph: Graph::build(last) }
    }

    fn pairs(&self) -> impl DoubleEndedIterator<Item = (&SnapshotMeta, &SnapshotMeta)> {
        self.snapshots.windows(2).map(|pair| (&pair[0], &pair[1]))
    }

    /// The accounts, groups and resources that are there no more or had another name, as they last were.
    fn gone(&self, store: &Store) -> Result<Graph, Failure> {
        let mut gone: BTreeMap<String, Fact> = BTreeMap::new();
        for (from, to) in self.pairs() {
            store.diff(self.record.id, from.number, to.number, |change| {
                let Some(before) = change.before else { return };
                let is_wanted =
                    matches!(before.record, Record::Account(_) | Record::Group(_) | Record::Resource(_));
                if is_wanted {
                    gone.insert(before.record.key(), before);
                }
            })?;
        }
        let about = self.graph.about();
        Ok(Graph::build(Snapshot {
            source: about.source.clone(),
            tenant: about.tenant.clone(),
            number: about.number,
            started: about.started,
            sealed: about.sealed,
            scopes: Vec::new(),
            facts: gone.into_values().collect(),
            dangling: BTreeMap::new(),
        }))
    }
}

/// What the history is of.
#[derive(Debug, Clone, Serialize)]
struct Entity {
    kind: EntityKind,
    id: String,
    name: String,
}

/// Looks a name up among what is there, then among what is gone; exactly one thing must fit.
fn find<'p>(store: &Store, pasts: &'p mut [Past], text: &str) -> Result<(&'p Past, Entity), Failure> {
    let mut near = Vec::new();
    for is_gone in [false, true] {
        let mut hits = Vec::new();
        for (at, past) in pasts.iter().enumerate() {
            let old = if is_gone { Some(past.gone(store)?) } else { None };
            let graph = old.as_ref().unwrap_or(&past.graph);
            let (found, suggestions) = matches(graph, text);
            hits.extend(found.into_iter().map(|entity| (at, entity)));
            near.extend(suggestions);
        }
        // What has just this name comes before what only contains it.
        let exact: Vec<_> = hits.iter().filter(|(_, entity)| entity.is_called(text)).cloned().collect();
        let hits = if exact.is_empty() { hits } else { exact };
        match hits.as_slice() {
            [] => {}
            [(at, entity)] => return Ok((&pasts[*at], entity.clone())),
            many => {
                let names: Vec<String> = many
                    .iter()
                    .take(8)
                    .map(|(at, entity)| {
                        let kind = kind_word(entity.kind.word());
                        format!("{kind} {} ({}) [{}]", entity.name, entity.id, pasts[*at].record.name)
                    })
                    .collect();
                let more = if many.len() > 8 { ", …" } else { "" };
                return Err(Failure::usage(format!(
                    "{text:?} fits {} things: {}{more}",
                    many.len(),
                    names.join(", ")
                ))
                .hint("give more of the name, the id, or --source"));
            }
        }
    }
    let failure = Failure::new(format!("no account, group or application is or was called {text:?}"));
    near.truncate(5);
    Err(match near.as_slice() {
        [] => failure,
        near => failure.hint(format!("did you mean {}?", near.join(", "))),
    }
    .code(NOT_FOUND))
}

impl Entity {
    fn is_called(&self, text: &str) -> bool {
        let text = text.trim();
        self.id == text || self.name.to_lowercase() == text.to_lowercase()
    }

    fn is_end_of(&self, record: &Record) -> bool {
        ends(record).contains(&(self.kind, self.id.as_str()))
    }
}

/// What fits a text in a graph, and what is near it.
fn matches(graph: &Graph, text: &str) -> (Vec<Entity>, Vec<String>) {
    fn sort<Ix>(found: Found<Ix>, of: impl Fn(Ix) -> Entity, hits: &mut Vec<Entity>, near: &mut Vec<String>) {
        match found {
            Found::One(ix) => hits.push(of(ix)),
            Found::Many(all) => hits.extend(all.into_iter().map(of)),
            Found::None { suggestions } => near.extend(suggestions.into_iter().map(|ix| of(ix).name).take(2)),
        }
    }
    let (mut hits, mut near) = (Vec::new(), Vec::new());
    let account = |ix| {
        let account = graph.account(ix);
        Entity { kind: EntityKind::Account, id: account.id.to_owned(), name: account.login.to_owned() }
    };
    let group = |ix| {
        let group = graph.group(ix);
        Entity { kind: EntityKind::Group, id: group.id.clone(), name: group.name.clone() }
    };
    let resource = |ix| {
        let app = graph.resource(ix);
        Entity { kind: EntityKind::Resource, id: app.id.clone(), name: app.label.clone() }
    };
    sort(graph.find_account(text), account, &mut hits, &mut near);
    sort(graph.find_group(text), group, &mut hits, &mut near);
    sort(graph.find_resource(text), resource, &mut hits, &mut near);
    (hits, near)
}

/// The time line of one thing.
#[derive(Debug, Serialize)]
struct HistoryAnswer {
    source: String,
    entity: Entity,
    /// Whether it is there now.
    there: bool,
    /// The first snapshot that had it, of those looked at.
    first: Option<SnapshotStamp>,
    /// The last one.
    last: Option<SnapshotStamp>,
    /// Whether the first sync of all found it, so that it may be older.
    before_the_first_sync: bool,
    /// What it was connected with in the first snapshot that was looked at, counted by kind.
    at_first: BTreeMap<String, u64>,
    /// The newest first.
    events: Vec<EventAnswer>,
}

/// One thing that happened.
#[derive(Debug, Serialize)]
struct EventAnswer {
    /// When the log says that it happened; null where it does not tell.
    at: Option<Time>,
    /// The last snapshot before.
    after: SnapshotStamp,
    /// The first snapshot that shows it.
    until: SnapshotStamp,
    told: String,
    by: Option<ByAnswer>,
    /// The fact that changed; null for an event that changed none that is kept.
    change: Option<ChangeAnswer>,
    #[serde(skip)]
    line: String,
}

fn stamp(meta: &SnapshotMeta) -> SnapshotStamp {
    SnapshotStamp { snapshot: meta.number, sealed: meta.sealed }
}

/// A change of the entity, with whether it is new, and the event that tells of it: whether of just that.
type Happened = (Delta, Novelty, Option<(Change, bool)>);

/// What two successive snapshots say about the entity.
struct Step<'m> {
    from: &'m SnapshotMeta,
    to: &'m SnapshotMeta,
    changes: Vec<Happened>,
    /// Events that name it and changed no fact.
    others: Vec<Change>,
    silence: String,
}

fn answer(
    world: &World,
    store: &Store,
    past: &Past,
    entity: Entity,
    since: Option<&When>,
) -> Result<HistoryAnswer, Failure> {
    let snapshots = past.snapshots.as_slice();
    let mut begin = 0;
    if let Some(when) = since {
        let times = SealTimes::of(&store.all_snapshots(past.record.id)?);
        let then = when.among(snapshots, SystemClock.now()).map_err(Failure::usage)?;
        match then {
            Some(meta) => begin = snapshots.partition_point(|other| other.number < meta.number),
            None if matches!(when, When::Number(_)) => {
                return Err(Failure::new(none_then(&past.record, snapshots, &times, when)).code(NOT_FOUND));
            }
            None => note(format!("{}; from there on", none_then(&past.record, snapshots, &times, when))),
        }
    }
    let mut steps = Vec::new();
    let mut state = State::at(store, past, &entity, &snapshots[begin])?;
    let at_first = state.counts.clone();
    let mut first = state.is_there.then(|| stamp(&snapshots[begin]));
    let mut last = first;
    let mut renames = Called::default();
    for pair in snapshots[begin..].windows(2) {
        let step = state.step(world, store, past, &entity, (&pair[0], &pair[1]), &mut renames)?;
        steps.push(step);
        if state.is_there {
            first = first.or_else(|| Some(stamp(&pair[1])));
            last = Some(stamp(&pair[1]));
        }
    }
    let mut called = past.called.clone();
    called.learn_from(renames);
    let called = &called;
    let mut events = Vec::new();
    for step in steps.iter().rev() {
        let mut of_step: Vec<EventAnswer> =
            step.changes.iter().map(|change| told_change(step, change, called)).collect();
        of_step.extend(step.others.iter().map(|event| told_event(step, event, called)));
        of_step.sort_by_key(|event| std::cmp::Reverse(event.at));
        events.extend(of_step);
    }
    Ok(HistoryAnswer {
        source: past.record.name.clone(),
        there: state.is_there,
        before_the_first_sync: first.is_some_and(|first| first.snapshot == 1),
        first,
        last,
        at_first,
        events,
        entity,
    })
}

/// What is known of the entity while its snapshots are walked through.
struct State {
    is_there: bool,
    counts: BTreeMap<String, u64>,
    /// How many lists tell of each role that it holds.
    holdings: BTreeMap<String, u64>,
    /// Events that were done while the last snapshot was being read.
    recent: Vec<Change>,
}

impl State {
    fn at(store: &Store, past: &Past, entity: &Entity, meta: &SnapshotMeta) -> Result<Self, Failure> {
        let mut state =
            Self { is_there: false, counts: BTreeMap::new(), holdings: BTreeMap::new(), recent: Vec::new() };
        store.visit_facts(past.record.id, meta.number, |fact| {
            if let Record::Change(change) = &fact.record {
                if change.time >= meta.started {
                    state.recent.push((**change).clone());
                }
            } else if fact.record.entity() == Some((entity.kind, entity.id.as_str())) {
                state.is_there = true;
            } else if !matches!(fact.record, Record::Usage(_)) && entity.is_end_of(&fact.record) {
                let key = fact.record.key();
                let kind = kind_word(key.split('/').next().unwrap_or_default());
                *state.counts.entry(kind).or_default() += 1;
                if matches!(fact.record, Record::Holding(_)) {
                    *state.holdings.entry(key).or_default() += 1;
                }
            }
        })?;
        Ok(state)
    }

    fn held(&self) -> BTreeSet<String> {
        self.holdings.iter().filter(|(_, lists)| **lists > 0).map(|(key, _)| key.clone()).collect()
    }

    /// Goes on to the next snapshot.
    fn step<'m>(
        &mut self,
        world: &World,
        store: &Store,
        past: &Past,
        entity: &Entity,
        (from, to): (&'m SnapshotMeta, &'m SnapshotMeta),
        renames: &mut Called,
    ) -> Result<Step<'m>, Failure> {
        let mut raw = Vec::new();
        let mut events = std::mem::take(&mut self.recent);
        let before = self.held();
        store.diff(past.record.id, from.number, to.number, |change| {
            let Some(record) = change.after.as_ref().or(change.before.as_ref()).map(|fact| &fact.record)
            else {
                return;
            };
            if let (Record::Change(event), true) = (record, change.after.is_some()) {
                events.push((**event).clone());
                return;
            }
            if let Some(before) = &change.before {
                renames.learn(&before.record);
            }
            let concerns = entity.is_end_of(record) && !matches!(record, Record::Usage(_));
            if concerns && matches!(record, Record::Holding(_)) {
                let lists = self.holdings.entry(record.key()).or_default();
                match (&change.before, &change.after) {
                    (None, Some(_)) => *lists += 1,
                    (Some(_), None) => *lists = lists.saturating_sub(1),
                    _ => {}
                }
            }
            // What is new tells whether what is read under it can be.
            if concerns || (change.before.is_none() && record.entity().is_some()) {
                raw.push((change.scope, change.before, change.after));
            }
        })?;
        let info = info(world, &past.record)?;
        let deltas = net(raw, &before, &self.held());
        let scopes = store.scopes(past.record.id, from.number)?;
        let novelties = Before::new(&scopes)
            .novelties(&deltas, |dataset| info.dataset(dataset).and_then(|dataset| dataset.listed_by));
        let log = Log::new(&events);
        let mut used: HashSet<String> = HashSet::new();
        let mut changes = Vec::new();
        for (delta, novelty) in deltas.into_iter().zip(novelties) {
            if !entity.is_end_of(delta.record()) || delta.told_again || delta.what == What::Moved {
                continue;
            }
            if delta.record().entity() == Some((entity.kind, entity.id.as_str())) {
                self.is_there = delta.what != What::Removed;
            }
            let told = log.told(&delta).map(|told| (told.event.clone(), told.exact));
            used.extend(told.iter().map(|(event, _)| event.id.clone()));
            if !delta.is_churn() {
                changes.push((delta, novelty, told));
            }
        }
        let names_it = |event: &&Change| event.targets.iter().any(|target| target.id == entity.id);
        let others = events
            .iter()
            .filter(names_it)
            .filter(|event| !used.contains(&event.id) && event.time >= from.started)
            .cloned()
            .collect();
        let silence = log_unread(&store.scopes(past.record.id, to.number)?);
        self.recent = events.into_iter().filter(|event| event.time >= to.started).collect();
        let silence = silence.unwrap_or_else(|| "no event of the log tells of it".to_owned());
        Ok(Step { from, to, changes, others, silence })
    }
}

fn told_change(step: &Step<'_>, (delta, novelty, told): &Happened, called: &Called) -> EventAnswer {
    let told = told.as_ref().map(|(event, exact)| Told { event, exact: *exact });
    let change = ChangeAnswer::of(delta, novelty, told, &step.silence, called);
    EventAnswer {
        at: told.map(|told| told.event.time),
        after: stamp(step.from),
        until: stamp(step.to),
        told: change.told.clone(),
        by: change.by.clone(),
        line: change.line(),
        change: Some(change),
    }
}

fn told_event(step: &Step<'_>, event: &Change, called: &Called) -> EventAnswer {
    let by = ByAnswer::of(event, true, called);
    let names: Vec<String> = event.targets.iter().map(|target| called.party(target)).collect();
    let failed = if event.succeeded { "" } else { ", which failed" };
    let told = format!("{} of {}{failed}", event.kind, names.join(", "));
    EventAnswer {
        at: Some(event.time),
        after: stamp(step.from),
        until: stamp(step.to),
        line: format!("* {:<12} {told}   [{}]", "log", by.phrase()),
        told,
        by: Some(by),
        change: None,
    }
}

impl HistoryAnswer {
    fn show(&self) -> Result<(), Failure> {
        let Entity { kind, id, name } = &self.entity;
        let phrase = |stamp: &SnapshotStamp| format!("snapshot {} of {}", stamp.snapshot, stamp.sealed);
        let since = match &self.first {
            Some(_) if self.before_the_first_sync => "there since before the first sync".to_owned(),
            Some(first) => format!("first seen in {}", phrase(first)),
            None => "not seen in these snapshots".to_owned(),
        };
        let last = match (&self.last, self.there) {
            (Some(last), true) => format!(", last seen in {}", phrase(last)),
            (Some(last), false) => format!(", gone after {}", phrase(last)),
            (None, _) => String::new(),
        };
        line(format!("{name} ({} {id}) [{}]: {since}{last}", kind_word(kind.word()), self.source))?;
        let mut shown = None;
        for event in &self.events {
            if shown != Some(event.until.snapshot) {
                shown = Some(event.until.snapshot);
                line(format!("\n{}, after {}", phrase(&event.until), phrase(&event.after)))?;
            }
            line(format!("  {}", event.line))?;
        }
        if self.events.is_empty() {
            line("\nNothing happened to it.")?;
        }
        if !self.at_first.is_empty() {
            let counts = self.at_first.iter().map(|(kind, number)| count(*number, kind, &format!("{kind}s")));
            line(format!("\nIn the first of these snapshots: {}.", counts.collect::<Vec<_>>().join(", ")))?;
        }
        Ok(())
    }
}
