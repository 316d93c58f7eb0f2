//! Data sources: what is connected, how it goes, and connecting something new.

use std::collections::BTreeMap;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use sightline_core::Registration;
use sightline_store::UserRole;
use sightline_sync::{Details, SyncOptions};

use super::Answer;
use crate::api::{remove_source, replace_credential};
use crate::app::{App, Shared};
use crate::auth::{Admin, CSRF_FIELD, Identity, Viewer, check_csrf};
use crate::connected::{
    CheckAnswer, DatasetAnswer, FailureAnswer, PreflightAnswer, SnapshotAnswer, SourceAnswer,
    State as SourceState, datasets,
};
use crate::connecting::{Setting, connection, field_of, settings};
use crate::layout::Frame;
use crate::parameters::Path;
use crate::problem::Problem;
use crate::table::Tone;

/// Syncs that the page of a data source lists.
const SYNCS: usize = 25;
/// Names of what the form for a new data source asks besides the connector's settings.
const OWN_FIELDS: [&str; 4] = [CSRF_FIELD, "integration_name", "owner_email", "way"];

#[derive(Template)]
#[template(path = "sources.html")]
struct SourcesPage {
    sources: Vec<SourceAnswer>,
    may_manage: bool,
    now: sightline_core::Time,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    app.snapshots().ready().await;
    let frame = Frame::new(&identity, &headers, &uri);
    let page = SourcesPage {
        sources: SourceAnswer::all(&app)?,
        may_manage: frame.may(UserRole::Admin),
        now: app.now(),
    };
    frame.page(&app, "Data sources", &page)
}

#[derive(Template)]
#[template(path = "catalogue.html")]
struct CataloguePage {
    connectors: Vec<(&'static str, &'static str, &'static str, usize)>,
}

pub(crate) async fn catalogue(
    State(app): State<Shared>,
    Admin(identity): Admin,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let connectors = app.host().options().registry.iter().map(|registration| {
        let info = registration.info;
        (info.id, info.title, info.summary, info.datasets.len())
    });
    let page = CataloguePage { connectors: connectors.collect() };
    Frame::new(&identity, &headers, &uri).page(&app, "Add New App", &page)
}

/// A field of the form.
struct Field {
    setting: Setting,
    value: String,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    csrf: String,
    connector: &'static str,
    title: &'static str,
    /// Where the form goes.
    action: String,
    /// Fields that every way to connect has.
    common: Vec<Field>,
    /// The ways to connect, with their fields.
    ways: Vec<(String, bool, Vec<Field>)>,
    name: String,
    email: String,
    problem: Option<Problem>,
    /// Whether only a credential is asked for.
    is_rotation: bool,
    /// The name of the data source whose credential is replaced.
    source: String,
    back: String,
}

/// What is typed, but for the credential: that is never sent back.
fn form(
    connector: &'static Registration,
    typed: &BTreeMap<String, String>,
    problem: Option<Problem>,
    frame: &Frame,
) -> ConnectPage {
    let all = settings(connector);
    let wrong = problem.as_ref().and_then(|problem| {
        let text = format!("{} {}", problem.detail, problem.hint.as_deref().unwrap_or_default());
        problem.field.clone().or_else(|| field_of(&all, &text))
    });
    let chosen = typed.get("way").cloned();
    let mut common = Vec::new();
    let mut ways: Vec<(String, bool, Vec<Field>)> = Vec::new();
    for setting in all {
        let value = if setting.is_secret {
            String::new()
        } else {
            typed.get(&setting.name).cloned().unwrap_or_default()
        };
        let is_wrong = wrong.as_ref() == Some(&setting.name);
        let error = problem.as_ref().filter(|_| is_wrong).map(|problem| problem.detail.clone());
        let way = setting.way.clone();
        let field = Field { setting, value, error };
        match way {
            None => common.push(field),
            Some(way) => match ways.iter_mut().find(|(name, ..)| *name == way) {
                Some((.., fields)) => fields.push(field),
                None => ways.push((way, false, vec![field])),
            },
        }
    }
    let first = chosen.or_else(|| ways.first().map(|(name, ..)| name.clone()));
    for (name, is_open, _) in &mut ways {
        *is_open = Some(&*name) == first.as_ref();
    }
    ConnectPage {
        csrf: frame.csrf().to_owned(),
        connector: connector.info.id,
        title: connector.info.title,
        action: format!("/sources/new/{}", connector.info.id),
        common,
        ways,
        name: typed.get("integration_name").cloned().unwrap_or_default(),
        email: typed.get("owner_email").cloned().unwrap_or_default(),
        problem,
        is_rotation: false,
        source: String::new(),
        back: "/sources".to_owned(),
    }
}

fn registration(app: &App, connector: &str) -> Result<&'static Registration, Problem> {
    app.host()
        .options()
        .registry
        .get(connector)
        .map_err(|error| Problem::not_found(error.message().to_owned()))
}

pub(crate) async fn connect_form(
    State(app): State<Shared>,
    Admin(identity): Admin,
    Path(connector): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let registration = registration(&app, &connector)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let page = form(registration, &BTreeMap::new(), None, &frame);
    frame.page(&app, &format!("Add {}", registration.info.title), &page)
}

/// What a form sent, without what is not the connector's: the way that was not chosen, and our own fields.
fn typed_settings(all: &[Setting], typed: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let chosen = typed.get("way");
    let is_meant = |name: &str| {
        let setting = all.iter().find(|setting| setting.name == *name);
        setting
            .is_none_or(|setting| setting.way.is_none() || chosen.is_none() || setting.way.as_ref() == chosen)
    };
    typed
        .iter()
        .filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str()) && is_meant(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[derive(Template)]
#[template(path = "preflight.html")]
struct PreflightPage {
    csrf: String,
    connector: &'static str,
    title: String,
    draft: String,
    name: String,
    email: String,
    preflight: PreflightAnswer,
    seen: Vec<CheckAnswer>,
    unseen: Vec<CheckAnswer>,
    unknown: Vec<CheckAnswer>,
    problem: Option<Problem>,
    /// Whether this is a check of what is connected already.
    is_recheck: bool,
    back: String,
    typed_address: Option<String>,
}

fn preflight_page(preflight: PreflightAnswer, title: String) -> PreflightPage {
    let (seen, rest): (Vec<_>, Vec<_>) = preflight.checks.iter().cloned().partition(|check| check.readable);
    let (unseen, unknown) = rest.into_iter().partition(|check: &CheckAnswer| check.lost.is_some());
    PreflightPage {
        csrf: String::new(),
        connector: "",
        title,
        draft: String::new(),
        name: String::new(),
        email: String::new(),
        preflight,
        seen,
        unseen,
        unknown,
        problem: None,
        is_recheck: false,
        back: "/sources".to_owned(),
        typed_address: None,
    }
}

/// Checks what was typed, and shows what will be seen and what not, before anything is kept.
pub(crate) async fn connect(
    State(app): State<Shared>,
    Admin(identity): Admin,
    Path(connector): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Answer {
    check_csrf(identity.csrf(), typed.get(CSRF_FIELD).map_or("", String::as_str))?;
    let registration = registration(&app, &connector)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let all = settings(registration);
    let title = format!("Add {}", registration.info.title);
    let checked = async {
        let email = typed.get("owner_email").map_or("", |email| email.trim());
        if !email.is_empty() && !email.contains('@') {
            return Err(Problem::wrong(format!("{email:?} is not an e-mail address")).field("owner_email"));
        }
        let new = connection(&app, &connector, typed_settings(&all, &typed))?;
        let checked = app.host().check(&new).await?;
        Ok((new, checked))
    };
    let (new, checked) = match checked.await {
        Ok(checked) => checked,
        Err(problem) => {
            let status = problem.status();
            let page = form(registration, &typed, Some(problem), &frame);
            // What could not be reached is no fault of this server.
            let status =
                if status == StatusCode::BAD_GATEWAY { StatusCode::UNPROCESSABLE_ENTITY } else { status };
            return frame.page_with(&app, status, &title, &page);
        }
    };
    let draft = crate::auth::new_secret()?.expose().to_owned();
    let mut page = preflight_page(PreflightAnswer::of(&checked), title.clone());
    let typed_domain = typed.get("domain").map(|domain| domain.trim().to_owned());
    let used = page.preflight.address.clone();
    let bare = used.trim_start_matches("https://");
    page.typed_address = typed_domain.filter(|domain| domain != bare && *domain != used);
    app.pending().keep(draft.clone(), identity.user.id, new, checked, app.now());
    frame.csrf().clone_into(&mut page.csrf);
    page.connector = registration.info.id;
    page.draft = draft;
    page.name = typed.get("integration_name").cloned().unwrap_or_default();
    page.email = typed.get("owner_email").cloned().unwrap_or_default();
    page.back = format!("/sources/new/{connector}");
    frame.page(&app, &title, &page)
}

#[derive(Deserialize)]
pub(crate) struct Create {
    #[serde(default)]
    csrf: String,
    draft: String,
    #[serde(default)]
    integration_name: String,
    #[serde(default)]
    owner_email: String,
}

/// Keeps what was checked, and begins to read it.
pub(crate) async fn create(
    State(app): State<Shared>,
    Admin(identity): Admin,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<Create>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    let draft = app.pending().get(&form.draft, identity.user.id, app.now()).ok_or_else(|| {
        Problem::new(
            StatusCode::GONE,
            "what was typed is no longer kept: it was connected already, or is too old",
        )
        .hint("begin again with Add New App")
    })?;
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let details = Details {
        name: given(&form.integration_name),
        email: given(&form.owner_email),
        ..Details::default()
    };
    match app.supervisor().connect(draft.new.clone(), details).await {
        Ok((record, checked)) => {
            app.pending().forget(&form.draft);
            app.audit_checked(&identity, "source.add", &record.name, &checked)?;
            Ok(Redirect::to(&format!("/sources/{}", record.id)).into_response())
        }
        Err(error) => {
            let frame = Frame::new(&identity, &headers, &uri);
            let mut page = preflight_page(
                PreflightAnswer::of(&draft.checked),
                format!("Add {}", draft.checked.info.title),
            );
            frame.csrf().clone_into(&mut page.csrf);
            page.connector = draft.checked.info.id;
            page.draft = form.draft;
            page.name = form.integration_name;
            page.email = form.owner_email;
            page.back = format!("/sources/new/{}", page.connector);
            let problem = Problem::from(error);
            let (status, title) = (problem.status(), page.title.clone());
            page.problem = Some(problem);
            frame.page_with(&app, status, &title, &page)
        }
    }
}

/// How a sync ended.
enum SyncLine {
    Sealed(SnapshotAnswer),
    Failed(FailureAnswer),
}

/// How the last syncs of a data source ended, the newest first.
fn syncs(app: &App, id: u64) -> Result<Vec<SyncLine>, Problem> {
    let sealed = app.store().all_snapshots(id)?;
    let mut lines: Vec<_> =
        sealed.iter().map(|meta| (meta.sealed, SyncLine::Sealed(SnapshotAnswer::of(meta)))).collect();
    let failed = app.store().failed_syncs(id)?;
    lines
        .extend(failed.into_iter().map(|failed| (failed.ended, SyncLine::Failed(FailureAnswer::of(failed)))));
    lines.sort_by_key(|(ended, _)| *ended);
    Ok(lines.into_iter().rev().take(SYNCS).map(|(_, line)| line).collect())
}

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    csrf: String,
    source: SourceAnswer,
    datasets: Vec<DatasetAnswer>,
    /// Snapshots and failed syncs, the newest first.
    syncs: Vec<SyncLine>,
    gaps: Vec<sightline_answer::GapGroup>,
    may_manage: bool,
    now: sightline_core::Time,
    /// Whether the page is to be loaded again by itself where no script does more.
    is_busy: bool,
}

pub(crate) async fn show(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path(id): Path<u64>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let record = app.source(id)?;
    app.snapshots().ready().await;
    let frame = Frame::new(&identity, &headers, &uri);
    let view = app.snapshots().newest().into_iter().find(|view| view.source_id() == id);
    let graph = view.as_deref().map(crate::view::View::graph);
    let source = SourceAnswer::of(&app, &record)?;
    let page = SourcePage {
        csrf: frame.csrf().to_owned(),
        datasets: datasets(&app, &record, graph)?,
        syncs: syncs(&app, id)?,
        gaps: graph.map(sightline_answer::GapGroup::all).unwrap_or_default(),
        may_manage: frame.may(UserRole::Admin),
        now: app.now(),
        is_busy: matches!(source.state, SourceState::Syncing | SourceState::Queued),
        source,
    };
    let title = record.name.clone();
    frame.page(&app, &title, &page)
}

#[derive(Deserialize)]
pub(crate) struct Act {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    owner_email: String,
    #[serde(default)]
    history: String,
    #[serde(default)]
    dataset: String,
    #[serde(default)]
    on: String,
}

/// What the buttons of the page of a data source do.
pub(crate) async fn act(
    State(app): State<Shared>,
    Admin(identity): Admin,
    Path((id, action)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<Act>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    let record = app.source(id)?;
    let supervisor = app.supervisor();
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    match action.as_str() {
        "sync" => supervisor.sync_now(id, SyncOptions::default())?,
        "full" => supervisor.sync_now(id, SyncOptions { full: true, ..SyncOptions::default() })?,
        "accept" => supervisor.sync_now(id, SyncOptions { accept_drop: true, ..SyncOptions::default() })?,
        "cancel" => supervisor.cancel(id)?,
        "pause" => supervisor.pause(id).await?,
        "resume" => supervisor.resume(id).await?,
        "change" => {
            let details =
                Details { name: given(&form.name), email: given(&form.owner_email), ..Details::default() };
            app.host().change(id, details).await?;
        }
        "dataset" => {
            let dataset = vec![form.dataset.clone()];
            let (with, without) = if form.on == "on" { (dataset, Vec::new()) } else { (Vec::new(), dataset) };
            app.host().change(id, Details { with, without, ..Details::default() }).await?;
        }
        "check" => return recheck(&app, &identity, id, &headers, &uri).await,
        "remove" => {
            remove_source(&app, &identity, id, form.history != "erase").await?;
            return Ok(Redirect::to("/sources").into_response());
        }
        other => return Err(Problem::not_found(format!("a data source cannot be told to {other:?}"))),
    }
    app.audit(&identity, &format!("source.{action}"), &record.name)?;
    Ok(Redirect::to(&format!("/sources/{id}")).into_response())
}

async fn recheck(app: &Shared, identity: &Identity, id: u64, headers: &HeaderMap, uri: &Uri) -> Answer {
    let record = app.source(id)?;
    let checked = app.host().recheck(id).await?;
    app.audit_checked(identity, "source.check", &record.name, &checked)?;
    let mut page = preflight_page(PreflightAnswer::of(&checked), format!("What {} may read", record.name));
    page.is_recheck = true;
    page.back = format!("/sources/{id}");
    let title = page.title.clone();
    Frame::new(identity, headers, uri).page(app, &title, &page)
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Rotated {
    #[serde(default)]
    done: bool,
}

pub(crate) async fn rotate_form(
    State(app): State<Shared>,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    Query(query): Query<Rotated>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut frame = Frame::new(&identity, &headers, &uri);
    if query.done {
        frame.say(Tone::Good, "The credential was replaced.");
    }
    rotation(&app, &frame, id, &BTreeMap::new(), None)
}

fn rotation(
    app: &App,
    frame: &Frame,
    id: u64,
    typed: &BTreeMap<String, String>,
    problem: Option<Problem>,
) -> Answer {
    let record = app.source(id)?;
    let registration = registration(app, &record.connector)?;
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let mut page = form(registration, typed, problem, frame);
    page.action = format!("/sources/{id}/credential");
    page.is_rotation = true;
    page.source.clone_from(&record.name);
    page.back = format!("/sources/{id}");
    frame.page_with(app, status, &format!("New credential for {}", record.name), &page)
}

pub(crate) async fn rotate(
    State(app): State<Shared>,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    headers: HeaderMap,
    uri: Uri,
    Form(typed): Form<BTreeMap<String, String>>,
) -> Answer {
    check_csrf(identity.csrf(), typed.get(CSRF_FIELD).map_or("", String::as_str))?;
    let record = app.source(id)?;
    let all = settings(registration(&app, &record.connector)?);
    match replace_credential(&app, &identity, id, typed_settings(&all, &typed)).await {
        Ok(_) => Ok(Redirect::to(&format!("/sources/{id}")).into_response()),
        Err(problem) => rotation(&app, &Frame::new(&identity, &headers, &uri), id, &typed, Some(problem)),
    }
}
