//! What happened to an account, a group or an application.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use sightline_core::{
    AssignmentBlock, Change, EntityKind, Fact, FactSink, Info, MemberBlock, Names, Record, Snapshot, Time,
};
use sightline_graph::history::{Before, Delta, Log, Novelty, Told, What, ends, net};
use sightline_graph::{Found, Graph};
use sightline_store::{SnapshotMeta, Store};
use utoipa::ToSchema;

use crate::changes::Called;
use crate::choice::none_then;
use crate::diff::{log_unread, numbered_each};
use crate::find::several_fit;
use crate::{
    AnswerError, ByAnswer, ChangeAnswer, Chosen, Known, SealTimes, SnapshotStamp, When, chosen, kind_word,
    schema, selected,
};

/// The last snapshots of one data source or of all, among which something is looked for whose history is asked for.
pub fn lasts(store: &Store, source: Option<&str>, since: Option<&When>) -> Result<Vec<Chosen>, AnswerError> {
    if matches!(since, Some(When::Number(_))) {
        let records = selected(store, source)?;
        if records.len() > 1 {
            return Err(numbered_each(&records));
        }
    }
    Ok(chosen(store, source, None, Time::default())?.chosen)
}

/// An account, a group or an application, that is there or was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EntityRef {
    /// What it is.
    #[schema(value_type = schema::EntityKind)]
    pub kind: EntityKind,
    /// The provider's id.
    pub id: String,
    /// Name for people, now or as it last was.
    pub name: String,
}

impl EntityRef {
    fn is_called(&self, text: &str) -> bool {
        let text = text.trim();
        self.id == text || self.name.to_lowercase() == text.to_lowercase()
    }

    fn is_end_of(&self, record: &Record) -> bool {
        ends(record).contains(&(self.kind, self.id.as_str()))
    }
}

/// The account, group or application with an id, from the last snapshot or from what is gone; none where there never was one.
pub fn entity_with_id(
    store: &Store,
    known: &Known,
    kind: EntityKind,
    id: &str,
) -> Result<Option<EntityRef>, AnswerError> {
    let in_graph = |graph: &Graph| {
        let name = Called::new([graph]).find(kind, id).map(str::to_owned);
        name.map(|name| EntityRef { kind, id: id.to_owned(), name })
    };
    match in_graph(&known.graph) {
        Some(entity) => Ok(Some(entity)),
        None => Ok(in_graph(&gone(store, known)?)),
    }
}

/// The one account, group or application that a login, a name, a label or an id fits: among what is there, then among
/// what is gone. The graphs are those of the last snapshots.
pub fn find_entity<'k, K: Borrow<Known>>(
    store: &Store,
    graphs: &'k [K],
    text: &str,
) -> Result<(&'k Known, EntityRef), AnswerError> {
    let mut near = Vec::new();
    for is_gone in [false, true] {
        let mut hits: Vec<(&Known, EntityRef)> = Vec::new();
        for known in graphs.iter().map(Borrow::borrow) {
            let old = if is_gone { Some(gone(store, known)?) } else { None };
            let (found, suggestions) = matches(old.as_ref().unwrap_or(&known.graph), text);
            hits.extend(found.into_iter().map(|entity| (known, entity)));
            near.extend(suggestions);
        }
        // What has just this name comes before what only contains it.
        let exact: Vec<_> = hits.iter().filter(|(_, entity)| entity.is_called(text)).cloned().collect();
        let mut hits = if exact.is_empty() { hits } else { exact };
        match hits.as_slice() {
            [] => {}
            [_] => return Ok(hits.remove(0)),
            many => {
                let names = many.iter().map(|(known, EntityRef { kind, id, name })| {
                    format!("{} {name} ({id}) [{}]", kind_word(kind.word()), known.graph.about().source)
                });
                return Err(several_fit(text, "things", names));
            }
        }
    }
    near.truncate(5);
    let text = format!("no account, group or application is or was called {text:?}");
    Err(AnswerError::NoneFits { text, near })
}

/// The accounts, groups and resources that are there no more or had another name, as they last were.
fn gone(store: &Store, known: &Known) -> Result<Graph, AnswerError> {
    let mut gone: BTreeMap<String, Fact> = BTreeMap::new();
    for pair in store.snapshots(known.source_id)?.windows(2) {
        store.diff(known.source_id, pair[0].number, pair[1].number, |change| {
            let Some(before) = change.before else { return };
            let is_wanted =
                matches!(before.record, Record::Account(_) | Record::Group(_) | Record::Resource(_));
            if is_wanted {
                gone.insert(before.record.key(), before);
            }
        })?;
    }
    let about = known.graph.about();
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

/// What fits a text in a graph, and what is near it.
fn matches(graph: &Graph, text: &str) -> (Vec<EntityRef>, Vec<String>) {
    fn sort<Ix>(
        found: Found<Ix>,
        of: impl Fn(Ix) -> EntityRef,
        hits: &mut Vec<EntityRef>,
        near: &mut Vec<String>,
    ) {
        match found {
            Found::One(ix) => hits.push(of(ix)),
            Found::Many(all) => hits.extend(all.into_iter().map(of)),
            Found::None { suggestions } => near.extend(suggestions.into_iter().map(|ix| of(ix).name).take(2)),
        }
    }
    let (mut hits, mut near) = (Vec::new(), Vec::new());
    let account = |ix| {
        let account = graph.account(ix);
        EntityRef { kind: EntityKind::Account, id: account.id.to_owned(), name: account.login.to_owned() }
    };
    let group = |ix| {
        let group = graph.group(ix);
        EntityRef { kind: EntityKind::Group, id: group.id.clone(), name: group.name.clone() }
    };
    let resource = |ix| {
        let app = graph.resource(ix);
        EntityRef { kind: EntityKind::Resource, id: app.id.clone(), name: app.label.clone() }
    };
    sort(graph.find_account(text), account, &mut hits, &mut near);
    sort(graph.find_group(text), group, &mut hits, &mut near);
    sort(graph.find_resource(text), resource, &mut hits, &mut near);
    (hits, near)
}

/// What happened to an account, a group or an application.
#[derive(Debug, Serialize, ToSchema)]
pub struct HistoryAnswer {
    /// Name of the data source.
    pub source: String,
    /// What the history is of.
    pub entity: EntityRef,
    /// Whether it is there now.
    pub there: bool,
    /// The first snapshot that had it, of those looked at.
    #[schema(required = true)]
    pub first: Option<SnapshotStamp>,
    /// The last one.
    #[schema(required = true)]
    pub last: Option<SnapshotStamp>,
    /// Whether the first sync of all found it, so that it may be older.
    pub before_the_first_sync: bool,
    /// What it was connected with in the first snapshot that was looked at, counted by kind.
    pub at_first: BTreeMap<String, u64>,
    /// The newest first.
    pub events: Vec<EventAnswer>,
    /// From where on was looked, where that is not what was asked for, in a whole sentence.
    #[serde(skip)]
    pub note: Option<String>,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventAnswer {
    /// When the log says that it happened; null where it does not tell.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub at: Option<Time>,
    /// The last snapshot before.
    pub after: SnapshotStamp,
    /// The first snapshot that shows it.
    pub until: SnapshotStamp,
    /// What happened, in a sentence for people.
    pub told: String,
    /// The event of the log that tells of it.
    #[schema(required = true)]
    pub by: Option<ByAnswer>,
    /// The fact that changed; null for an event that changed none that is kept.
    #[schema(required = true)]
    pub change: Option<ChangeAnswer>,
    /// The whole line, for people.
    #[serde(skip)]
    pub line: String,
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

/// What the steps of a history have in common.
struct Walk<'w> {
    store: &'w Store,
    source_id: u64,
    info: &'w Info,
    entity: &'w EntityRef,
}

impl HistoryAnswer {
    /// What happened to something, since a time or a snapshot, or since the first one that is kept. The graph is that of the
    /// last snapshot; the connector says what its datasets are.
    pub fn of(
        store: &Store,
        known: &Known,
        entity: EntityRef,
        since: Option<&When>,
        now: Time,
        info: &Info,
    ) -> Result<Self, AnswerError> {
        let source_id = known.source_id;
        let snapshots = store.snapshots(source_id)?;
        let (begin, note) = begin(store, known, &snapshots, since, now)?;
        let walk = Walk { store, source_id, info, entity: &entity };
        let mut steps = Vec::new();
        let mut state = State::at(&walk, &snapshots[begin])?;
        let at_first = state.counts.clone();
        let mut first = state.is_there.then(|| SnapshotStamp::of_meta(&snapshots[begin]));
        let mut last = first;
        let mut called = Called::new([&known.graph]);
        let number = known.graph.about().number;
        store.visit_kinds(source_id, number, Called::UNKNOWN_TO_GRAPHS, |fact| called.learn(&fact.record))?;
        for pair in snapshots[begin..].windows(2) {
            steps.push(state.step(&walk, (&pair[0], &pair[1]), &mut called)?);
            if state.is_there {
                first = first.or_else(|| Some(SnapshotStamp::of_meta(&pair[1])));
                last = Some(SnapshotStamp::of_meta(&pair[1]));
            }
        }
        let called = &called;
        let mut events = Vec::new();
        for step in steps.iter().rev() {
            let mut of_step: Vec<EventAnswer> =
                step.changes.iter().map(|change| told_change(step, change, called)).collect();
            of_step.extend(step.others.iter().map(|event| told_event(step, event, called)));
            of_step.sort_by_key(|event| std::cmp::Reverse(event.at));
            events.extend(of_step);
        }
        Ok(Self {
            source: known.graph.about().source.clone(),
            there: state.is_there,
            before_the_first_sync: first.is_some_and(|first| first.snapshot == 1),
            first,
            last,
            at_first,
            events,
            note,
            entity,
        })
    }
}

/// The place of the snapshot to begin with, and why it is not the one that was asked for.
fn begin(
    store: &Store,
    known: &Known,
    snapshots: &[SnapshotMeta],
    since: Option<&When>,
    now: Time,
) -> Result<(usize, Option<String>), AnswerError> {
    let Some(when) = since else { return Ok((0, None)) };
    if let Some(meta) = when.among(snapshots, now).map_err(AnswerError::NoSuchTime)? {
        return Ok((snapshots.partition_point(|other| other.number < meta.number), None));
    }
    let times = SealTimes::of(&store.all_snapshots(known.source_id)?);
    let why = none_then(&known.graph.about().source, snapshots, &times, when);
    if matches!(when, When::Number(_)) {
        return Err(AnswerError::NoSuchSnapshot(why));
    }
    Ok((0, Some(format!("{why}; from there on"))))
}

/// What is known of the entity while its snapshots are walked through.
#[derive(Default)]
struct State {
    is_there: bool,
    counts: BTreeMap<String, u64>,
    /// How many lists tell of each role that it holds.
    holdings: BTreeMap<String, u64>,
    /// Events that were done while the last snapshot was being read.
    recent: Vec<Change>,
    /// Ids of events that were told of already: what was done while a snapshot was being read may belong to the next one.
    told: HashSet<String>,
}

/// Takes a snapshot in to see what concerns the entity.
struct Looking<'e> {
    entity: &'e EntityRef,
    started: Time,
    /// The number of the entity's name, where it is an account that has edges.
    number: Option<u32>,
    state: State,
}

impl Looking<'_> {
    /// Edges of a group or of an application, by the kind of fact.
    fn edges(&mut self, kind: &str, parent: (EntityKind, &str), accounts: &[u32]) {
        let concerned = if parent == (self.entity.kind, self.entity.id.as_str()) {
            accounts.len()
        } else {
            usize::from(self.number.is_some_and(|number| accounts.binary_search(&number).is_ok()))
        };
        if concerned > 0 {
            *self.state.counts.entry(kind_word(kind)).or_default() += concerned as u64;
        }
    }
}

impl FactSink for Looking<'_> {
    fn fact(&mut self, fact: Fact) {
        let Self { entity, started, state, .. } = self;
        if let Record::Change(change) = fact.record {
            if change.time >= *started {
                state.recent.push(*change);
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
    }

    fn names(&mut self, names: Names) {
        self.number =
            (self.entity.kind == EntityKind::Account).then(|| names.find(&self.entity.id)).flatten();
    }

    fn members(&mut self, block: MemberBlock<'_>) {
        self.edges("membership", (EntityKind::Group, block.group), block.accounts);
    }

    fn assignments(&mut self, block: AssignmentBlock<'_>) {
        self.edges("assignment", (EntityKind::Resource, block.resource), block.accounts);
    }
}

impl State {
    fn at(walk: &Walk<'_>, meta: &SnapshotMeta) -> Result<Self, AnswerError> {
        let looking = walk.store.read_into(walk.source_id, meta.number, |_, _, _| Looking {
            entity: walk.entity,
            started: meta.started,
            number: None,
            state: Self::default(),
        })?;
        Ok(looking.state)
    }

    fn held(&self) -> BTreeSet<String> {
        self.holdings.iter().filter(|(_, lists)| **lists > 0).map(|(key, _)| key.clone()).collect()
    }

    /// Goes on to the next snapshot.
    fn step<'m>(
        &mut self,
        walk: &Walk<'_>,
        (from, to): (&'m SnapshotMeta, &'m SnapshotMeta),
        called: &mut Called<'_>,
    ) -> Result<Step<'m>, AnswerError> {
        let Walk { store, source_id, info, entity } = *walk;
        let mut raw = Vec::new();
        let mut events = std::mem::take(&mut self.recent);
        let before = self.held();
        store.diff(source_id, from.number, to.number, |change| {
            let Some(record) = change.after.as_ref().or(change.before.as_ref()).map(|fact| &fact.record)
            else {
                return;
            };
            if let (Record::Change(event), true) = (record, change.after.is_some()) {
                events.push((**event).clone());
                return;
            }
            if let Some(before) = &change.before {
                called.learn(&before.record);
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
        let deltas = net(raw, &before, &self.held());
        let scopes = store.scopes(source_id, from.number)?;
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
        self.told.extend(used);
        let mut others: Vec<Change> = Vec::new();
        for event in events.iter().filter(names_it).filter(|event| event.time >= from.started) {
            if self.told.insert(event.id.clone()) {
                others.push(event.clone());
            }
        }
        let silence = log_unread(&store.scopes(source_id, to.number)?);
        self.recent = events.into_iter().filter(|event| event.time >= to.started).collect();
        let silence = silence.unwrap_or_else(|| "no event of the log tells of it".to_owned());
        Ok(Step { from, to, changes, others, silence })
    }
}

fn told_change(step: &Step<'_>, (delta, novelty, told): &Happened, called: &Called<'_>) -> EventAnswer {
    let told = told.as_ref().map(|(event, exact)| Told { event, exact: *exact });
    let change = ChangeAnswer::of(delta, novelty, told, &step.silence, called);
    EventAnswer {
        at: told.map(|told| told.event.time),
        after: SnapshotStamp::of_meta(step.from),
        until: SnapshotStamp::of_meta(step.to),
        told: change.told.clone(),
        by: change.by.clone(),
        line: change.line(),
        change: Some(change),
    }
}

fn told_event(step: &Step<'_>, event: &Change, called: &Called<'_>) -> EventAnswer {
    let by = ByAnswer::of(event, true, called);
    let names: Vec<String> = event.targets.iter().map(|target| called.party(target)).collect();
    let failed = if event.succeeded { "" } else { ", which failed" };
    let told = format!("{} of {}{failed}", event.kind, names.join(", "));
    EventAnswer {
        at: Some(event.time),
        after: SnapshotStamp::of_meta(step.from),
        until: SnapshotStamp::of_meta(step.to),
        line: format!("* {:<12} {told}   [{}]", "log", by.phrase()),
        told,
        by: Some(by),
        change: None,
    }
}
