//! What changed between two snapshots, and who did it.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use sightline_answer::{
    AccessChange, AccessReason, ByAnswer, ChangeAnswer, ChangeWord, DiffGap, EndAnswer, Gain, RoleChange,
};
use sightline_core::EntityKind;
use sightline_store::UserRole;

use super::Answer;
use super::lists::Chip;
use crate::app::Shared;
use crate::auth::Viewer;
use crate::compared::{Comparison, PATIENCE, Pair, comparison, pair, told};
use crate::layout::Frame;
use crate::lists::address;
use crate::parameters::{LARGEST, Parameters};
use crate::problem::Problem;
use crate::rows::entity_address;
use crate::table::{Badge, Cell, Column, Part, Table, Tone};
use crate::words;

/// Rows of a page of one kind of change.
const ROWS: usize = 50;
/// Rows of each kind where all kinds are shown.
const FIRST: usize = 5;
/// Gaps that are named.
const GAPS: usize = 12;
/// Seconds after which the page asks again for a comparison that is being made.
const AGAIN: u32 = 2;

#[derive(Template)]
#[template(path = "changes.html")]
struct ChangesPage {
    sources: Vec<(u64, String, bool)>,
    from: String,
    to: String,
    kind: Option<String>,
    periods: Vec<(&'static str, String, bool)>,
    problem: Option<Problem>,
    is_coming: bool,
    heading: String,
    chips: Vec<Chip>,
    remarks: Vec<String>,
    gaps: Vec<String>,
    parts: Vec<Part>,
    is_same: bool,
    nothing: &'static str,
    unlisted: String,
}

/// Consequences that are shown beside kinds of facts: as in an address, and for people.
const CONSEQUENCES: [(&str, &str); 4] = [
    ("access-gained", "access gained"),
    ("access-lost", "access lost"),
    ("roles-gained", "admin roles gained"),
    ("roles-lost", "admin roles lost"),
];

/// What is asked for.
struct Asked {
    source: Option<u64>,
    from: String,
    to: String,
    kind: Option<String>,
    after: usize,
}

impl Asked {
    /// The address of the same page with something else in it.
    fn address(&self, replaced: &[(&str, &str)]) -> String {
        let source = self.source.map(|id| id.to_string()).unwrap_or_default();
        let kind = self.kind.as_deref().unwrap_or_default();
        let mut all =
            vec![("source", source.as_str()), ("from", &self.from), ("to", &self.to), ("kind", kind)];
        for (name, value) in replaced {
            all.retain(|(other, _)| other != name);
            all.push((name, value));
        }
        all.retain(|(_, value)| !value.is_empty());
        address("/changes", &all)
    }
}

/// Where things are shown: those that are gone as of when they were there.
struct Places<'a> {
    pair: Pair,
    /// The newest snapshot that is loaded.
    newest: Option<u64>,
    comparison: &'a Comparison,
    /// Whether who looks at the page sees raw attributes.
    sees_raw: bool,
}

impl Places<'_> {
    fn of(&self, kind: &str, id: &str, is_gone: bool) -> String {
        let (source, from, to) = self.pair;
        let path = entity_address(kind, source, id);
        match (is_gone, self.newest) {
            (true, _) => address(&path, &[("as_of", from.to_string())]),
            (false, Some(newest)) if newest != to => address(&path, &[("as_of", to.to_string())]),
            _ => path,
        }
    }

    fn end(&self, end: &EndAnswer, is_gone: bool) -> (String, Option<String>) {
        let kind = match end.kind {
            EntityKind::Account => "accounts",
            EntityKind::Group => "groups",
            EntityKind::Resource => "apps",
            _ => return (end.name.clone(), None),
        };
        (end.name.clone(), Some(self.of(kind, &end.id, is_gone)))
    }

    /// Who did something, in words, or why that is not known.
    fn by(&self, because: &[String]) -> Cell {
        let unread = self.comparison.answer.log_unread.as_deref();
        let silence = unread.unwrap_or("no event of the log tells of it");
        by_cell(self.comparison.event_behind(because), Some(silence))
    }
}

/// Who did something and when.
pub(super) fn by_cell(by: Option<&ByAnswer>, unknown: Option<&str>) -> Cell {
    match by {
        Some(by) => {
            let with = if by.exact { String::new() } else { format!(", with {}", by.kind) };
            Cell::Detail {
                text: by.who.clone().unwrap_or_else(|| "nobody named".to_owned()),
                sub: format!("{}{with}", words::moment(by.time)),
            }
        }
        None => Cell::Unknown(unknown.unwrap_or_default().to_owned()),
    }
}

fn first_seen() -> Badge {
    Badge::new("seen for the first time", Tone::Unknown)
}

fn what_badge(change: &ChangeAnswer) -> Badge {
    match change.what {
        ChangeWord::Added if change.seen_for_the_first_time.is_some() => first_seen(),
        ChangeWord::Added => Badge::new("added", Tone::Good),
        ChangeWord::Removed => Badge::new("removed", Tone::Bad),
        ChangeWord::Changed | ChangeWord::Moved => Badge::new("changed", Tone::Info),
    }
}

fn changes_table(changes: &[&ChangeAnswer], places: &Places<'_>) -> Table {
    let row = |change: &&ChangeAnswer| {
        let is_gone = change.what == ChangeWord::Removed;
        let text = told(change, places.sees_raw);
        let told = match &change.seen_for_the_first_time {
            Some(why) => Cell::Detail { text, sub: why.clone() },
            None => Cell::text(text),
        };
        vec![
            Cell::Badges(vec![what_badge(change)]),
            told,
            Cell::Links(change.names.iter().map(|end| places.end(end, is_gone)).collect()),
            by_cell(change.by.as_ref(), change.by_unknown.as_deref()),
        ]
    };
    Table {
        name: "Facts that differ".to_owned(),
        columns: ["What", "What happened", "Concerns", "Who and when"].map(Column::new).to_vec(),
        rows: changes.iter().map(row).collect(),
        empty: "Nothing of this kind changed.".to_owned(),
    }
}

const fn reason_phrase(reason: AccessReason, what: Gain) -> &'static str {
    match (reason, what) {
        (AccessReason::Account, Gain::Gained) => "the account is new",
        (AccessReason::Account, Gain::Lost) => "the account is gone",
        (AccessReason::App, Gain::Gained) => "the application is new",
        (AccessReason::App, Gain::Lost) => "the application is gone",
        (AccessReason::Path, Gain::Gained) => "a new path",
        (AccessReason::Path, Gain::Lost) => "no path any more",
        (AccessReason::AccountStatus, _) => "the account's status",
        (AccessReason::AppStatus, _) => "the application's status",
    }
}

fn access_table(changes: &[&AccessChange], places: &Places<'_>) -> Table {
    let row = |access: &&AccessChange| {
        let is_gone = access.what == Gain::Lost;
        let mut badges = vec![Badge::new(reason_phrase(access.reason, access.what), Tone::Plain)];
        if access.seen_for_the_first_time {
            badges.insert(0, first_seen());
        }
        vec![
            Cell::Link {
                address: places.of("accounts", &access.account.id, is_gone),
                text: access.account.login.clone(),
                sub: Some(access.account.name.clone()),
            },
            Cell::link(places.of("apps", &access.app.id, is_gone), &access.app.name),
            Cell::Badges(badges),
            Cell::text(access.through.join(", ")),
            places.by(&access.because),
        ]
    };
    Table {
        name: "Access".to_owned(),
        columns: ["Account", "Application", "Because", "Through", "Who and when"].map(Column::new).to_vec(),
        rows: changes.iter().map(row).collect(),
        empty: "None that was seen.".to_owned(),
    }
}

fn roles_table(changes: &[&RoleChange], places: &Places<'_>) -> Table {
    let row = |role: &&RoleChange| {
        let is_gone = role.what == Gain::Lost;
        let holder = match (&role.account, &role.service_app) {
            (Some(account), _) => Cell::Link {
                address: places.of("accounts", &account.id, is_gone),
                text: account.login.clone(),
                sub: Some(account.name.clone()),
            },
            (None, Some(app)) => Cell::Link {
                address: places.of("apps", &app.id, is_gone),
                text: app.name.clone(),
                sub: Some("service application".to_owned()),
            },
            (None, None) => Cell::Unknown("not seen".to_owned()),
        };
        let through = match &role.through {
            Some(group) => Cell::link(places.of("groups", &group.id, is_gone), &group.name),
            None => Cell::text("direct"),
        };
        vec![
            holder,
            Cell::Detail { text: role.label.clone(), sub: format!("over {}", role.reach) },
            Cell::Badges(role.seen_for_the_first_time.then(first_seen).into_iter().collect()),
            through,
            places.by(&role.because),
        ]
    };
    Table {
        name: "Admin roles".to_owned(),
        columns: ["Holder", "Role", "", "Through", "Who and when"].map(Column::new).to_vec(),
        rows: changes.iter().map(row).collect(),
        empty: "None that was seen.".to_owned(),
    }
}

/// A part of the page with some of its rows: those of one page where it is asked for alone, otherwise the first.
fn part<T>(asked: &Asked, (kind, title): (&str, String), rows: &[T], table: impl Fn(&[T]) -> Table) -> Part {
    let mut part = Part::new(kind, title, table(&[]));
    let shown = if asked.kind.is_some() {
        part.cut(rows, asked.after, ROWS, |after| asked.address(&[("after", &after.to_string())]))
    } else {
        if rows.len() > FIRST {
            part.all = Some(asked.address(&[("kind", kind)]));
        }
        &rows[..rows.len().min(FIRST)]
    };
    part.table = table(shown);
    part
}

/// The part for a kind of change.
fn part_of(asked: &Asked, kind: &str, comparison: &Comparison, places: &Places<'_>) -> Part {
    let access = |what, word| {
        let rows: Vec<&AccessChange> = comparison.access(what).collect();
        let title = format!("{} {word}", words::count(rows.len(), "access", "accesses"));
        part(asked, (kind, title), &rows, |rows| access_table(rows, places))
    };
    let roles = |what, word| {
        let rows: Vec<&RoleChange> = comparison.roles(what).collect();
        let title = format!("{} {word}", words::count(rows.len(), "admin role", "admin roles"));
        part(asked, (kind, title), &rows, |rows| roles_table(rows, places))
    };
    match kind {
        "access-gained" => access(Gain::Gained, "gained"),
        "access-lost" => access(Gain::Lost, "lost"),
        "roles-gained" => roles(Gain::Gained, "gained"),
        "roles-lost" => roles(Gain::Lost, "lost"),
        kind => {
            let rows: Vec<&ChangeAnswer> = comparison.changes(kind).collect();
            let title = format!("{}: {}", kind_title(kind), words::count(rows.len(), "change", "changes"));
            part(asked, (kind, title), &rows, |rows| changes_table(rows, places))
        }
    }
}

/// A kind of fact as a heading.
fn kind_title(kind: &str) -> String {
    let text = kind.replace('-', " ");
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn count_of(kind: &str, comparison: &Comparison) -> usize {
    match kind {
        "access-gained" => comparison.access.0,
        "access-lost" => comparison.access.1,
        "roles-gained" => comparison.roles.0,
        "roles-lost" => comparison.roles.1,
        kind => comparison.count(kind),
    }
}

/// Gaps of one dataset, reason and side together.
fn gap_lines(gaps: &[DiffGap]) -> Vec<String> {
    let mut grouped: BTreeMap<(&str, &str, &str), Vec<&DiffGap>> = BTreeMap::new();
    for gap in gaps {
        let key = (gap.gap.scope.dataset.as_str(), gap.gap.reason.phrase(), gap.sides());
        grouped.entry(key).or_default().push(gap);
    }
    let line = |((dataset, reason, sides), gaps): (&(&str, &str, &str), &Vec<&DiffGap>)| {
        let what = match gaps.as_slice() {
            [gap] => gap.what.clone(),
            many => format!("{} of {}", dataset.replace('_', " "), words::number(many.len())),
        };
        format!("{what}: {reason}, {sides}")
    };
    let mut lines: Vec<String> = grouped.iter().take(GAPS).map(line).collect();
    if grouped.len() > GAPS {
        lines.push(format!("and {} more", grouped.len() - GAPS));
    }
    lines
}

fn fill(page: &mut ChangesPage, asked: &Asked, comparison: &Comparison, places: &Places<'_>) {
    let diff = &comparison.answer;
    page.heading = format!(
        "{}: from snapshot {} of {} to snapshot {} of {}",
        diff.source,
        diff.from.snapshot,
        words::moment(diff.from.sealed),
        diff.to.snapshot,
        words::moment(diff.to.sealed)
    );
    let consequences = CONSEQUENCES.iter().map(|(kind, text)| (*kind, (*text).to_owned()));
    let facts = comparison.kinds().into_iter().map(|(kind, _)| (kind, kind.replace('-', " ")));
    for (kind, text) in consequences.chain(facts) {
        let is_chosen = asked.kind.as_deref() == Some(kind);
        let count = count_of(kind, comparison);
        if count > 0 || is_chosen {
            let address = asked.address(&[("kind", if is_chosen { "" } else { kind })]);
            page.chips.push(Chip { text, count: words::number(count), address, is_chosen });
        }
    }
    page.parts = if let Some(kind) = &asked.kind {
        vec![part_of(asked, kind, comparison, places)]
    } else {
        let consequences = CONSEQUENCES.iter().map(|(kind, _)| *kind);
        let kinds = consequences.chain(comparison.main_kinds().map(|(kind, _)| kind));
        let some = kinds.filter(|kind| count_of(kind, comparison) > 0);
        some.map(|kind| part_of(asked, kind, comparison, places)).collect()
    };
    page.is_same = page.parts.is_empty();
    page.nothing = if diff.from.snapshot == diff.to.snapshot {
        "Both are the same snapshot: nothing was sealed in between."
    } else {
        "Nothing changed."
    };
    if let Some(why) = &diff.log_unread {
        page.remarks.push(format!("Who did it may not be known: {why}."));
    }
    page.gaps = gap_lines(&diff.gaps);
    if comparison.stamps > 0 {
        page.unlisted = format!(
            "Not listed: {} of which only stamps or counts differ, which follow from other changes.",
            words::count(comparison.stamps, "fact", "facts")
        );
    }
}

pub(crate) async fn show(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let mut asked = Asked {
        source: parameters.number("source", 1..=LARGEST)?,
        from: String::new(),
        to: String::new(),
        kind: parameters.text("kind"),
        after: parameters.number("after", 0..=usize::MAX)?.unwrap_or_default(),
    };
    let (from, from_text) = parameters.when_typed("from")?.unzip();
    let (to, to_text) = parameters.when_typed("to")?.unzip();
    parameters.done()?;
    (asked.from, asked.to) = (from_text.unwrap_or_default(), to_text.unwrap_or_default());
    app.snapshots().ready().await;
    let names = app.source_names()?;
    // Each data source counts its own snapshots; the first one is as good as any to begin with.
    let read: Vec<u64> = app.snapshots().newest().iter().map(|view| view.source_id()).collect();
    let source = asked.source.or_else(|| read.first().copied());
    asked.source = source;
    let period = |text, from: &str| {
        let is_chosen = asked.from == from && asked.to.is_empty();
        (text, asked.address(&[("from", from), ("to", "")]), is_chosen)
    };
    let periods = vec![
        period("last snapshot", ""),
        period("yesterday", "1d"),
        period("last week", "7d"),
        period("last month", "30d"),
    ];
    let sources = names.into_iter().filter(|(id, _)| read.contains(id) || source == Some(*id));
    let mut page = ChangesPage {
        sources: sources.map(|(id, name)| (id, name, source == Some(id))).collect(),
        from: asked.from.clone(),
        to: asked.to.clone(),
        kind: asked.kind.clone(),
        periods,
        problem: None,
        is_coming: false,
        heading: String::new(),
        chips: Vec::new(),
        remarks: Vec::new(),
        gaps: Vec::new(),
        parts: Vec::new(),
        is_same: false,
        nothing: "",
        unlisted: String::new(),
    };
    let mut frame = Frame::new(&identity, &headers, &uri);
    let mut status = StatusCode::OK;
    if let Some(source) = source {
        match compared(&app, source, from.as_ref(), to.as_ref()).await {
            Ok((pair, Some(comparison))) => {
                let newest = app.snapshots().newest().into_iter().find(|view| view.source_id() == source);
                let newest = newest.map(|view| view.number());
                let places =
                    Places { pair, newest, comparison: &comparison, sees_raw: frame.may(UserRole::Auditor) };
                fill(&mut page, &asked, &comparison, &places);
            }
            Ok((_, None)) => {
                page.is_coming = true;
                frame.reload_after = Some(AGAIN);
            }
            Err(problem) => {
                status = problem.status();
                page.problem = Some(problem);
            }
        }
    }
    frame.page_with(&app, status, "Changes", &page)
}

async fn compared(
    app: &Shared,
    source: u64,
    from: Option<&sightline_answer::When>,
    to: Option<&sightline_answer::When>,
) -> Result<(Pair, Option<std::sync::Arc<Comparison>>), Problem> {
    let pair = pair(app, source, from, to)?;
    Ok((pair, comparison(app, pair, PATIENCE).await?))
}
