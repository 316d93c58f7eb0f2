//! The time line of an account, a group or an application.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use sightline_answer::{ChangeWord, EventAnswer, HistoryAnswer, SnapshotStamp};
use sightline_core::EntityKind;
use sightline_store::UserRole;

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::{Identity, Viewer};
use crate::compared::{PATIENCE, history, span, told};
use crate::layout::Frame;
use crate::lists::address;
use crate::parameters::{Parameters, Path};
use crate::problem::Problem;
use crate::rows::entity_address;
use crate::words;

/// Events of a page.
const EVENTS: usize = 100;
/// Seconds after which the page asks again for a time line that is being made.
const AGAIN: u32 = 2;
/// So many times as many snapshots are looked through when somebody wants more.
const FURTHER: usize = 4;

/// Something that happened.
struct EventLine {
    class: &'static str,
    told: String,
    first_seen: Option<String>,
    by: String,
    links: Vec<(String, String)>,
}

/// What one snapshot has shown.
struct Step {
    heading: String,
    events: Vec<EventLine>,
}

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage {
    kind: &'static str,
    list: String,
    entity: String,
    title: String,
    lead: String,
    is_coming: bool,
    steps: Vec<Step>,
    range: String,
    previous: Option<String>,
    next: Option<String>,
    at_first: String,
    looked: String,
    more: Option<String>,
}

/// The list that things of a kind are in, as in an address and for people.
const fn list_of(kind: EntityKind) -> (&'static str, &'static str) {
    match kind {
        EntityKind::Group => ("groups", "Groups"),
        EntityKind::Resource => ("apps", "Applications"),
        _ => ("accounts", "Accounts"),
    }
}

pub(crate) async fn account(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    show(&app, &identity, (source, EntityKind::Account, id), &headers, &uri).await
}

pub(crate) async fn group(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    show(&app, &identity, (source, EntityKind::Group, id), &headers, &uri).await
}

pub(crate) async fn app(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    show(&app, &identity, (source, EntityKind::Resource, id), &headers, &uri).await
}

fn line(event: &EventAnswer, own: &str, source: u64, sees_raw: bool) -> EventLine {
    let class = match event.change.as_ref().map(|change| change.what) {
        Some(ChangeWord::Added) => "added",
        Some(ChangeWord::Removed) => "removed",
        Some(ChangeWord::Changed | ChangeWord::Moved) => "changed",
        None => "",
    };
    let change = event.change.as_ref();
    let by = if let Some(by) = &event.by {
        let who = by.who.as_deref().unwrap_or("nobody named");
        let with = if by.exact { String::new() } else { format!(", with {}", by.kind) };
        format!("{} by {who}{with}", words::moment(by.time))
    } else {
        let why = change.and_then(|change| change.by_unknown.as_deref()).unwrap_or_default();
        format!("who did it is not known: {why}")
    };
    let names = change.map_or(&[][..], |change| change.names.as_slice());
    let links = names.iter().filter(|end| end.id != own).filter_map(|end| {
        let list = match end.kind {
            EntityKind::Account | EntityKind::Group | EntityKind::Resource => list_of(end.kind).0,
            _ => return None,
        };
        // Also what is gone has a time line.
        Some((end.name.clone(), format!("{}/history", entity_address(list, source, &end.id))))
    });
    EventLine {
        class,
        told: change.map_or_else(|| event.told.clone(), |change| told(change, sees_raw)),
        first_seen: change.and_then(|change| change.seen_for_the_first_time.clone()),
        by,
        links: links.collect(),
    }
}

fn stamp(stamp: &SnapshotStamp) -> String {
    format!("snapshot {} of {}", stamp.snapshot, words::moment(stamp.sealed))
}

fn lead(answer: &HistoryAnswer) -> String {
    let since = match &answer.first {
        Some(_) if answer.before_the_first_sync => "There since before the first sync".to_owned(),
        Some(first) => format!("Seen in {}", stamp(first)),
        None => "Not seen in these snapshots".to_owned(),
    };
    match (&answer.last, answer.there) {
        (Some(last), true) => format!("{since}, and still in {}.", stamp(last)),
        (Some(last), false) => format!("{since}, gone after {}.", stamp(last)),
        (None, _) => format!("{since}."),
    }
}

fn steps(events: &[EventAnswer], own: &str, source: u64, sees_raw: bool) -> Vec<Step> {
    let mut steps: Vec<(u64, Step)> = Vec::new();
    for event in events {
        let number = event.until.snapshot;
        if steps.last().is_none_or(|(last, _)| *last != number) {
            let heading = format!("In {}, after {}", stamp(&event.until), stamp(&event.after));
            steps.push((number, Step { heading, events: Vec::new() }));
        }
        if let Some((_, step)) = steps.last_mut() {
            step.events.push(line(event, own, source, sees_raw));
        }
    }
    steps.into_iter().map(|(_, step)| step).collect()
}

fn counts(at_first: &BTreeMap<String, u64>) -> String {
    let one = |(kind, count): (&String, &u64)| {
        words::count(count, &kind.replace('-', " "), &format!("{}s", kind.replace('-', " ")))
    };
    at_first.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// How far was looked back, and the number of the snapshot from which on there would be more.
fn looked(app: &App, source: u64, first: u64) -> Result<(String, Option<u64>), Problem> {
    let snapshots = app.store().snapshots(source)?;
    let at = snapshots.partition_point(|meta| meta.number < first);
    let count = words::count(snapshots.len() - at, "snapshot was", "snapshots were");
    if at == 0 {
        return Ok((format!("The last {count} looked through: all that are kept."), None));
    }
    let further = snapshots.len().saturating_sub((snapshots.len() - at) * FURTHER);
    let of = words::number(snapshots.len());
    Ok((format!("The last {count} looked through, of {of}."), Some(snapshots[further].number)))
}

/// What it is called in the newest snapshot, where that has it.
fn name(app: &App, source: u64, kind: EntityKind, id: &str) -> Option<String> {
    let view = app.snapshots().newest().into_iter().find(|view| view.source_id() == source)?;
    let graph = view.graph();
    match kind {
        EntityKind::Group => Some(graph.group(graph.group_with_id(id)?).name.clone()),
        EntityKind::Resource => Some(graph.resource(graph.resource_with_id(id)?).label.clone()),
        _ => Some(graph.account(graph.account_with_id(id)?).login.to_owned()),
    }
}

async fn show(
    app: &Shared,
    identity: &Identity,
    (source, kind, id): (u64, EntityKind, String),
    headers: &HeaderMap,
    uri: &Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let (since, since_text) = parameters.when_typed("since")?.unzip();
    let after = parameters.number("after", 0..=usize::MAX)?.unwrap_or_default();
    parameters.done()?;
    let (first, last) = span(app, source, since.as_ref())?;
    let answer = history(app, (source, kind, id.clone(), first, last), PATIENCE).await?;
    let (place, title) = list_of(kind);
    let entity = entity_address(place, source, &id);
    let path = format!("{entity}/history");
    let (looked, further) = looked(app, source, first)?;
    let mut frame = Frame::new(identity, headers, uri);
    let mut page = HistoryPage {
        kind: title,
        list: format!("/{place}"),
        title: name(app, source, kind, &id).unwrap_or_else(|| id.clone()),
        lead: String::new(),
        is_coming: answer.is_none(),
        steps: Vec::new(),
        range: String::new(),
        previous: None,
        next: None,
        at_first: String::new(),
        looked,
        more: further.map(|number| address(&path, &[("since", number.to_string())])),
        entity,
    };
    match answer {
        None => frame.reload_after = Some(AGAIN),
        Some(answer) => {
            page.title.clone_from(&answer.entity.name);
            page.lead = lead(&answer);
            page.at_first = counts(&answer.at_first);
            let events = &answer.events;
            let from = after.min(events.len());
            let end = from.saturating_add(EVENTS).min(events.len());
            page.steps = steps(&events[from..end], &id, source, frame.may(UserRole::Auditor));
            let there = |after: usize| {
                let mut all =
                    vec![("since", since_text.clone().unwrap_or_default()), ("after", after.to_string())];
                all.retain(|(_, value)| !value.is_empty() && value != "0");
                address(&path, &all)
            };
            page.previous = (from > 0).then(|| there(from.saturating_sub(EVENTS)));
            page.next = (end < events.len()).then(|| there(end));
            if events.len() > EVENTS {
                page.range = format!(
                    "{}–{} of {}",
                    words::number((from + 1).min(end)),
                    words::number(end),
                    words::number(events.len())
                );
            }
        }
    }
    let title = format!("Time line of {}", page.title);
    frame.page(app, &title, &page)
}
