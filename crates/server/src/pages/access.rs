//! The access explorer: an account and an application, or either alone.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use sightline_answer::{
    AccessAnswer, AccessLine, AnswerError, Known, PathAnswer, StepAnswer, WhyAnswer, find_account, find_app,
};

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::Viewer;
use crate::drawing;
use crate::layout::Frame;
use crate::lists::{At, address};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::rows::{entity_address, status_badge};
use crate::table::{Badge, Cell, Column, Table, Tone};
use crate::view::View;
use crate::words;

/// Rows of one answer that a page shows.
const ROWS: usize = 200;

#[derive(Template)]
#[template(path = "access.html")]
struct AccessPage {
    account: String,
    app: String,
    as_of: String,
    problem: Option<Problem>,
    heading: String,
    snapshot: String,
    table: Option<Table>,
    more: Option<String>,
    why: Option<WhyPart>,
    notes: Vec<String>,
    gaps: Vec<String>,
}

/// An act that would end an access.
struct ActLine {
    text: String,
    takes_away: Option<String>,
    hindrances: Vec<String>,
}

impl ActLine {
    fn of(step: &StepAnswer, app: &str, account: &str) -> Self {
        Self {
            text: step.phrase(app, account),
            takes_away: step.collateral.phrase(),
            hindrances: step.hindrances.clone(),
        }
    }
}

/// One path, fact by fact.
struct PathPart {
    title: String,
    is_on: bool,
    hops: Vec<(String, String)>,
    seen: String,
}

/// Why somebody reaches something, or why not.
pub(super) struct WhyPart {
    can_reach: bool,
    account: (String, String, Badge),
    app: (String, String),
    last_use: String,
    drawing: String,
    paths: Vec<PathPart>,
    removal: Vec<ActLine>,
    others: Vec<ActLine>,
    deactivate: Option<String>,
    would_give: Vec<(String, String, String)>,
}

impl WhyPart {
    pub(super) fn of(view: &View, why: &WhyAnswer) -> Self {
        let (login, app) = (why.account.login.as_str(), why.app.name.as_str());
        let source = view.source_id();
        let part = |path: &sightline_answer::ExplainedPathAnswer| PathPart {
            title: path.line.phrase(),
            is_on: path.line.in_force,
            hops: path.hops.iter().map(|hop| (hop.phrase(app), hop.provenance.phrase())).collect(),
            seen: path.line.seen.as_ref().map(sightline_answer::SeenAnswer::since_phrase).unwrap_or_default(),
        };
        let act = |step: &StepAnswer| ActLine::of(step, app, login);
        let removal = why.removal.as_ref();
        Self {
            can_reach: why.can_reach,
            account: (
                login.to_owned(),
                entity_address("accounts", source, &why.account.id),
                status_badge(why.account.status),
            ),
            app: (app.to_owned(), entity_address("apps", source, &why.app.id)),
            last_use: sightline_answer::last_use_phrase(&why.last_use),
            drawing: drawing::paths(why),
            paths: why.paths.iter().map(part).collect(),
            removal: removal.iter().flat_map(|removal| removal.steps.iter().map(act)).collect(),
            others: removal.iter().flat_map(|removal| removal.others().map(act)).collect(),
            deactivate: removal.and_then(|removal| removal.deactivate_account).map(|accesses| {
                format!(
                    "Or deactivate the account, which ends {}.",
                    words::count(accesses, "access", "accesses")
                )
            }),
            would_give: why
                .groups_that_would_give_it
                .iter()
                .map(|needed| {
                    let members = words::count(needed.members, "member", "members");
                    (needed.group.name.clone(), entity_address("groups", source, &needed.group.id), members)
                })
                .collect(),
        }
    }
}

/// What is looked for.
#[derive(Debug)]
struct Asked {
    account: String,
    app: String,
    at: At,
}

fn asked(query: Option<&str>) -> Result<Asked, Problem> {
    let mut parameters = Parameters::typed(query)?;
    let at = At::of(&mut parameters)?;
    let mut text = |name| parameters.text(name).map(|text| text.trim().to_owned()).unwrap_or_default();
    let asked = Asked { account: text("account"), app: text("app"), at };
    parameters.done()?;
    Ok(asked)
}

/// How paths go, each linked to its group.
pub(super) fn path_cell(source: u64, line: &AccessLine) -> Cell {
    let named = |path: &sightline_answer::PathLine| {
        let address = match &path.path {
            PathAnswer::Group { group } => Some(entity_address("groups", source, &group.id)),
            _ => None,
        };
        (path.phrase(), address)
    };
    Cell::Links(line.paths.iter().map(named).collect())
}

/// Whether an access works.
pub(super) fn verdict_cell(line: &AccessLine) -> Cell {
    match &line.blocked {
        None => Cell::badge("can reach", Tone::Good),
        Some(why) => Cell::Badges(vec![Badge::new(format!("blocked: {why}"), Tone::Plain)]),
    }
}

/// When an access was last used.
pub(super) fn last_use_cell(line: &AccessLine) -> Cell {
    use sightline_core::LastUse;
    match &line.last_use {
        LastUse::Unknown(why) => Cell::Unknown(why.clone()),
        LastUse::At(_) => Cell::text(sightline_answer::last_use_phrase(&line.last_use)),
        LastUse::NotSince(_) | LastUse::Never(_) => {
            Cell::Badges(vec![Badge::new(sightline_answer::last_use_phrase(&line.last_use), Tone::Warn)])
        }
    }
}

/// Who can reach an application, as a table.
pub(super) fn who_table(view: &View, lines: &[AccessLine], empty: &str) -> Table {
    let source = view.source_id();
    let columns = ["Account", "Access", "Through", "Seen since", "Last use", ""];
    let row = |line: &AccessLine| {
        vec![
            Cell::Link {
                address: entity_address("accounts", source, &line.account.id),
                text: line.account.login.clone(),
                sub: Some(line.account.name.clone()),
            },
            verdict_cell(line),
            path_cell(source, line),
            Cell::text(line.seen_since()),
            last_use_cell(line),
            why_cell(view, line),
        ]
    };
    Table {
        name: "Who can reach it".to_owned(),
        columns: columns.map(Column::new).to_vec(),
        rows: lines.iter().map(row).collect(),
        empty: empty.to_owned(),
    }
}

/// What an account can reach, as a table.
pub(super) fn what_table(view: &View, lines: &[AccessLine]) -> Table {
    let source = view.source_id();
    let columns = ["Application", "Access", "Through", "Since", "Last use", ""];
    let row = |line: &AccessLine| {
        vec![
            Cell::link(entity_address("apps", source, &line.app.id), &line.app.name),
            verdict_cell(line),
            path_cell(source, line),
            Cell::time(line.since),
            last_use_cell(line),
            why_cell(view, line),
        ]
    };
    Table {
        name: "What it can reach".to_owned(),
        columns: columns.map(Column::new).to_vec(),
        rows: lines.iter().map(row).collect(),
        empty: "No path to any application was seen.".to_owned(),
    }
}

fn why_cell(view: &View, line: &AccessLine) -> Cell {
    let source = view.source_id().to_string();
    let number = view.number().to_string();
    let pairs = [
        ("account", line.account.id.as_str()),
        ("app", line.app.id.as_str()),
        ("source", source.as_str()),
        ("as_of", number.as_str()),
    ];
    Cell::link(address("/access", &pairs), "Why")
}

/// What could not be read and may hide more, in words.
pub(super) fn gap_lines<'g>(
    view: &View,
    gaps: impl IntoIterator<Item = &'g sightline_core::Gap>,
) -> Vec<String> {
    let mut lines: Vec<String> = gaps
        .into_iter()
        .map(|gap| {
            format!(
                "{}: {}; {}",
                sightline_answer::scope_phrase(&gap.scope, view.graph()),
                gap.reason.phrase(),
                gap.consequence
            )
        })
        .collect();
    lines.dedup();
    lines
}

pub(crate) async fn explore(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let asked = asked(uri.query())?;
    let views = asked.at.views(&app).await?;
    let frame = Frame::new(&identity, &headers, &uri);
    let mut page = AccessPage {
        account: asked.account.clone(),
        app: asked.app.clone(),
        as_of: asked.at.as_of_text.clone().unwrap_or_default(),
        problem: None,
        heading: String::new(),
        snapshot: String::new(),
        table: None,
        more: None,
        why: None,
        notes: Vec::new(),
        gaps: Vec::new(),
    };
    let mut status = StatusCode::OK;
    if let Err(error) = fill(&app, &mut page, &views) {
        let problem = Problem::from(error);
        status = problem.status();
        page.problem = Some(problem);
    }
    frame.page_with(&app, status, "Access", &page)
}

fn fill(_: &App, page: &mut AccessPage, views: &[Arc<View>]) -> Result<(), AnswerError> {
    if page.account.is_empty() && page.app.is_empty() {
        return Ok(());
    }
    if views.is_empty() {
        return Err(AnswerError::NothingRead);
    }
    let known: Vec<&Known> = views.iter().map(|view| &view.known).collect();
    let view_of = |known: &Known| views.iter().find(|view| view.source_id() == known.source_id);
    if page.account.is_empty() {
        let (known, resource) = find_app(&known, &page.app)?;
        let Some(view) = view_of(known) else { return Ok(()) };
        let access = known.graph.who(resource);
        let shown = AccessAnswer::of_app(known, resource, &access[..access.len().min(ROWS)]);
        let able = access.iter().filter(|access| access.can_reach()).count() as u64;
        let label = known.graph.resource(resource).label.clone();
        page.heading = format!("{} can reach {label}", words::count(able, "account", "accounts"));
        page.table = Some(who_table(view, &shown.access, "Nobody has a path to it that was seen."));
        if access.len() > ROWS {
            page.more = Some(entity_address("apps", view.source_id(), &known.graph.resource(resource).id));
        }
        page.notes = shown.notes;
        page.gaps = gap_lines(view, &shown.gaps);
        page.snapshot = shown.snapshot.phrase();
        return Ok(());
    }
    let (known, account) = find_account(&known, &page.account)?;
    let Some(view) = view_of(known) else { return Ok(()) };
    if page.app.is_empty() {
        let shown = AccessAnswer::what(known, account, &view.admins);
        let able = shown.access.iter().filter(|access| access.can_reach).count() as u64;
        let login = known.graph.account(account).login;
        page.heading = format!("{login} can reach {}", words::count(able, "application", "applications"));
        page.table = Some(what_table(view, &shown.access));
        page.notes = shown.notes;
        page.gaps = gap_lines(view, &shown.gaps);
        page.snapshot = shown.snapshot.phrase();
        return Ok(());
    }
    // An account and an application of different systems have nothing to do with each other.
    let own = [known];
    let (known, resource) = find_app(&own, &page.app)?;
    let why = WhyAnswer::of(known, account, resource);
    page.heading = why.verdict();
    page.why = Some(WhyPart::of(view, &why));
    page.gaps = gap_lines(view, &why.gaps);
    page.notes.clone_from(&why.notes);
    page.snapshot = why.snapshot.phrase();
    // What was an id becomes a name that can be read and changed.
    page.account = why.account.login;
    page.app = why.app.name;
    Ok(())
}
