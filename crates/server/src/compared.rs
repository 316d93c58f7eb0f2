//! Pairs of snapshots, compared: what changed, told kind by kind.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sightline_answer::{
    AccessChange, ByAnswer, ChangeAnswer, ChangeWord, DiffAnswer, EntityRef, Gain, HistoryAnswer, Known,
    RoleChange, SealTimes, When, kind_word,
};
use sightline_core::{EntityKind, SnapshotNumber};
use sightline_store::StoreError;

use crate::app::{App, Shared};
use crate::problem::Problem;
use crate::view::View;

/// Comparisons that are kept: each holds every fact that differs.
pub(crate) const COMPARISONS: usize = 6;
/// Time lines that are kept.
pub(crate) const HISTORIES: usize = 24;
/// So many snapshots a time line goes back unless more is asked for.
pub(crate) const LOOKED_AT: usize = 30;
/// A page does not wait longer for an answer than this; it says so and asks again.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);
/// A program waits until it has one.
pub(crate) const LONG: Duration = Duration::from_mins(10);

/// A data source, and the earlier and the later of two of its snapshots.
pub(crate) type Pair = (u64, SnapshotNumber, SnapshotNumber);
/// What a time line is of: a data source, a thing, and the first and the last snapshot.
pub(crate) type Line = (u64, EntityKind, String, SnapshotNumber, SnapshotNumber);

/// Two snapshots, compared.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) answer: DiffAnswer,
    /// The changes that people are told, by the word of their kind: places in the answer.
    told: BTreeMap<String, Vec<usize>>,
    /// The places of changes that an event tells of, by their keys.
    by_key: HashMap<String, usize>,
    /// Facts of which only stamps or counts differ.
    pub(crate) stamps: u64,
    /// Access that was gained and lost.
    pub(crate) access: (usize, usize),
    /// Admin roles that were gained and lost.
    pub(crate) roles: (usize, usize),
}

/// Whether a field belongs to the raw attributes of a thing, which only auditors and administrators see.
pub(crate) fn is_raw(field: &str) -> bool {
    matches!(field.split('.').next(), Some("raw" | "profile"))
}

/// What happened to something, for those who do not see raw attributes; none where everybody may be told the same.
pub(crate) fn told_without_raw<'f>(
    name: &str,
    fields: impl Iterator<Item = &'f str> + Clone,
) -> Option<String> {
    if !fields.clone().any(is_raw) {
        return None;
    }
    let mut others: Vec<String> =
        fields.filter(|field| !is_raw(field)).map(|field| field.replace('_', " ")).collect();
    others.push("attributes that auditors see".to_owned());
    Some(format!("{name}: changed {}", others.join(", ")))
}

/// The sentence about a change, for those who see raw attributes or do not.
pub(crate) fn told(change: &ChangeAnswer, sees_raw: bool) -> String {
    let name = change.names.first().map_or(change.key.as_str(), |end| end.name.as_str());
    let fields = change.fields.iter().map(|field| field.name.as_str());
    let cut = if sees_raw { None } else { told_without_raw(name, fields) };
    cut.unwrap_or_else(|| change.told.clone())
}

/// Kinds of facts that come by the thousand and change nothing about who can reach what.
const OF_USE: [&str; 3] = ["usage", "log", "log-window"];

impl Comparison {
    fn of(answer: DiffAnswer) -> Self {
        let (mut told, mut stamps) = (BTreeMap::<String, Vec<usize>>::new(), 0);
        for (at, change) in answer.changes.iter().enumerate() {
            let kind = kind_word(&change.kind);
            if change.told_again || change.what == ChangeWord::Moved {
                continue;
            }
            if change.churn && !OF_USE.contains(&kind.as_str()) {
                stamps += 1;
                continue;
            }
            told.entry(kind).or_default().push(at);
        }
        for places in told.values_mut() {
            places.sort_by(|a, b| answer.changes[*a].told.cmp(&answer.changes[*b].told));
        }
        let with_event = answer.changes.iter().enumerate().filter(|(_, change)| change.by.is_some());
        let by_key = with_event.map(|(at, change)| (change.key.clone(), at)).collect();
        let gained = answer.access.iter().filter(|access| access.what == Gain::Gained).count();
        let held = answer.roles.iter().filter(|role| role.what == Gain::Gained).count();
        let (access, roles) = ((gained, answer.access.len() - gained), (held, answer.roles.len() - held));
        Self { answer, told, by_key, stamps, access, roles }
    }

    /// Kinds of facts that changed, and how many of each did; those of use come last.
    pub(crate) fn kinds(&self) -> Vec<(&str, usize)> {
        let mut kinds: Vec<_> =
            self.told.iter().map(|(kind, places)| (kind.as_str(), places.len())).collect();
        kinds.sort_by_key(|(kind, _)| OF_USE.contains(kind));
        kinds
    }

    /// Kinds of facts that people look at without asking for them.
    pub(crate) fn main_kinds(&self) -> impl Iterator<Item = (&str, usize)> {
        self.kinds().into_iter().filter(|(kind, _)| !OF_USE.contains(kind))
    }

    /// How many facts of a kind changed.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.told.get(kind).map_or(0, Vec::len)
    }

    /// Changes of a kind.
    pub(crate) fn changes(&self, kind: &str) -> impl ExactSizeIterator<Item = &ChangeAnswer> {
        let places = self.told.get(kind).map_or(&[][..], Vec::as_slice);
        places.iter().map(|at| &self.answer.changes[*at])
    }

    /// The event that tells of the first of several changes, named by their keys, that one tells of.
    pub(crate) fn event_behind(&self, keys: &[String]) -> Option<&ByAnswer> {
        let at = keys.iter().find_map(|key| self.by_key.get(key))?;
        self.answer.changes[*at].by.as_ref()
    }

    /// Access that was gained or lost.
    pub(crate) fn access(&self, what: Gain) -> impl Iterator<Item = &AccessChange> {
        self.answer.access.iter().filter(move |access| access.what == what)
    }

    /// Admin roles that were gained or lost.
    pub(crate) fn roles(&self, what: Gain) -> impl Iterator<Item = &RoleChange> {
        self.answer.roles.iter().filter(move |role| role.what == what)
    }
}

/// A snapshot, where it is loaded, or else just as long as it is needed.
enum Side {
    Loaded(Arc<View>),
    Read(Box<Known>),
}

impl Side {
    fn of(app: &App, source_id: u64, number: SnapshotNumber) -> Result<Self, Problem> {
        if let Some(view) = app.snapshots().loaded(source_id, number) {
            return Ok(Self::Loaded(view));
        }
        let record = app.source(source_id)?;
        let snapshots = app.store().all_snapshots(source_id)?;
        let times = SealTimes::of(&snapshots);
        let meta = snapshots.into_iter().find(|meta| meta.number == number);
        let meta = meta.ok_or(StoreError::NoSuchSnapshot { number })?;
        let chosen = sightline_answer::Chosen { record, meta, times };
        Ok(Self::Read(Box::new(Known::load(app.store(), chosen)?)))
    }

    fn known(&self) -> &Known {
        match self {
            Self::Loaded(view) => &view.known,
            Self::Read(known) => known,
        }
    }
}

/// The snapshots of a data source that are to be compared: the last two where nothing else is asked for.
pub(crate) fn pair(
    app: &App,
    source_id: u64,
    from: Option<&When>,
    to: Option<&When>,
) -> Result<Pair, Problem> {
    let name = app.source(source_id)?.name;
    let found = sightline_answer::pairs(app.store(), Some(&name), from, to, app.now())?;
    let pair = found.pairs.first().map(|(from, to)| (source_id, from.meta.number, to.meta.number));
    pair.ok_or_else(|| Problem::internal("finding snapshots to compare"))
}

fn compare(app: &App, (source_id, from, to): Pair) -> Result<Comparison, Problem> {
    let (from, to) = (Side::of(app, source_id, from)?, Side::of(app, source_id, to)?);
    let info = app.host().info(&app.source(source_id)?.connector)?;
    Ok(Comparison::of(DiffAnswer::between(app.store(), from.known(), to.known(), info)?))
}

const COMPARING: &str = "comparing snapshots";

/// Two snapshots, compared; none where that takes longer than somebody wants to wait.
pub(crate) async fn comparison(
    app: &Shared,
    pair: Pair,
    patience: Duration,
) -> Result<Option<Arc<Comparison>>, Problem> {
    app.comparisons().within(patience, app, COMPARING, &pair, move |app| compare(app, pair)).await
}

/// Sees to it that two snapshots are compared.
pub(crate) fn prepare(app: &Shared, pair: Pair) -> Result<(), Problem> {
    app.comparisons().prepare(app, COMPARING, &pair, move |app| compare(app, pair))
}

/// Compares the last two snapshots of a data source, where it has two.
pub(crate) fn prepare_last(app: &Shared, source_id: u64) {
    let prepared = pair(app, source_id, None, None).and_then(|pair| prepare(app, pair));
    if let Err(problem) = prepared {
        tracing::debug!(source_id, detail = problem.detail, "the last two snapshots are not compared");
    }
}

/// What a time line begins and ends with: the last snapshots, or those since a point in time.
pub(crate) fn span(
    app: &App,
    source_id: u64,
    since: Option<&When>,
) -> Result<(SnapshotNumber, SnapshotNumber), Problem> {
    let record = app.source(source_id)?;
    let snapshots = app.store().snapshots(source_id)?;
    let Some(last) = snapshots.last() else {
        return Err(Problem::not_found(format!("{} has not been read yet", record.name)));
    };
    let first = match since {
        None => snapshots.iter().rev().take(LOOKED_AT).next_back(),
        Some(when) => {
            let found =
                when.among(&snapshots, app.now()).map_err(|why| Problem::not_found(why).field("since"))?;
            match (found, when) {
                (None, When::Number(_)) => {
                    return Err(Problem::not_found(format!("{} has no {when}", record.name)).field("since"));
                }
                // Nothing is known of the time before the first one.
                (None, _) => snapshots.first(),
                (found, _) => found,
            }
        }
    };
    Ok((first.map_or(last.number, |meta| meta.number), last.number))
}

fn walk(app: &App, (source_id, kind, id, first, last): &Line) -> Result<HistoryAnswer, Problem> {
    let side = Side::of(app, *source_id, *last)?;
    let (store, known) = (app.store(), side.known());
    let entity: Option<EntityRef> = sightline_answer::entity_with_id(store, known, *kind, id)?;
    let missing = || Problem::not_found(format!("there is and was no such {}", kind_word(kind.word())));
    let entity = entity.ok_or_else(missing)?;
    let info = app.host().info(&app.source(*source_id)?.connector)?;
    let since = When::Number(*first);
    Ok(HistoryAnswer::of(store, known, entity, Some(&since), app.now(), info)?)
}

/// What happened to something; none where that takes longer than somebody wants to wait.
pub(crate) async fn history(
    app: &Shared,
    line: Line,
    patience: Duration,
) -> Result<Option<Arc<HistoryAnswer>>, Problem> {
    let asked = line.clone();
    let make = move |app: &App| walk(app, &asked);
    app.histories().within(patience, app, "following snapshots", &line, make).await
}
