//! One account, group or application: all that is known of it, who can reach what, why, and what happened to it.

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use sightline_answer::{
    AccessAnswer, AccessLine, AccountRef, AdminLine, HistoryAnswer, ManagerAnswer, NamedRef, RecordAnswer,
    SnapshotRef, WhyAnswer, roles_of, schema,
};
use sightline_core::{EntityKind, Gap};
use sightline_graph::AccountIx;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, tagged, tagged_for};
use crate::app::Shared;
use crate::auth::{Identity, Viewer};
use crate::compared::{LONG, history, span};
use crate::lists::{At, Cursor, paging};
use crate::parameters::{AsOf, Parameters, Path};
use crate::problem::Problem;
use crate::rows::{AccountRow, AppRow, GroupRow, Row};
use crate::view::View;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(account))
        .routes(routes!(what))
        .routes(routes!(why))
        .routes(routes!(account_history))
        .routes(routes!(group))
        .routes(routes!(members))
        .routes(routes!(group_history))
        .routes(routes!(app))
        .routes(routes!(who))
        .routes(routes!(app_history))
}

/// Which snapshot is asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameter that is read")]
struct AsOfParams {
    /// The answer of then: a date, an instant, an age such as `3d`, or the number of a snapshot.
    #[param(value_type = Option<AsOf>, inline)]
    as_of: Option<String>,
}

/// Which page of a list is asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameters that are read")]
pub(super) struct PageParams {
    /// Where to go on: `next` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// Since when a history is told.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameter that is read")]
struct SinceParams {
    /// From which snapshot on: a date, an instant, an age such as `3d`, or its number; the last 30 where nothing is given.
    #[param(value_type = Option<AsOf>, inline)]
    since: Option<String>,
}

fn at(source: u64, parameters: &mut Parameters) -> Result<At, Problem> {
    let (as_of, as_of_text) = parameters.when_typed("as_of")?.unzip();
    Ok(At { source: Some(source), as_of, as_of_text })
}

/// A page of rows of one snapshot.
struct Paged {
    view: std::sync::Arc<View>,
    from: usize,
    limit: usize,
}

impl Paged {
    async fn of(
        app: &Shared,
        source: u64,
        at: &At,
        paging: (usize, Option<Cursor>),
    ) -> Result<Self, Problem> {
        let (limit, cursor) = paging;
        let Some(Cursor { snapshots, after }) = cursor else {
            return Ok(Self { view: at.view(app).await?, from: 0, limit });
        };
        // The next page is of the same snapshot, whatever was sealed meanwhile.
        let [(pinned, number)] = snapshots[..] else {
            return Err(Problem::not_found("no list goes on there").field("cursor"));
        };
        if pinned != source {
            return Err(Problem::not_found("this list does not go on there").field("cursor"));
        }
        Ok(Self { view: app.snapshots().get(source, number).await?, from: after, limit })
    }

    /// The rows of the page, and where to go on.
    fn cut<'r, T>(&self, rows: &'r [T]) -> (&'r [T], Option<String>) {
        let from = self.from.min(rows.len());
        let end = from.saturating_add(self.limit).min(rows.len());
        let next = Cursor { snapshots: vec![self.view.which()], after: end };
        (&rows[from..end], (end < rows.len()).then(|| next.encode()))
    }
}

/// All that was read of something, as the store has it.
fn record(app: &Shared, view: &View, kind: EntityKind, id: &str) -> Result<Option<RecordAnswer>, Problem> {
    Ok(RecordAnswer::of(app.store(), &view.known, kind, id)?)
}

/// An account with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct AccountDetails {
    /// Which snapshot it rests on.
    snapshot: SnapshotRef,
    /// What lists tell of it.
    #[serde(flatten)]
    row: AccountRow,
    /// Whom it reports to; null where its profile names nobody.
    #[schema(required = true)]
    manager: Option<ManagerAnswer>,
    /// The groups that it is in.
    member_of: Vec<NamedRef>,
    /// The admin roles that it holds, direct and through groups.
    roles: Vec<AdminLine>,
    /// All that was read of it, without what belongs to auditors and administrators for everybody else: `profile` is null
    /// then. Null where the snapshot does not say where it was read.
    #[schema(required = true)]
    fact: Option<RecordAnswer>,
    /// What could not be read and may hide more.
    #[schema(value_type = Vec<schema::Gap>)]
    gaps: Vec<Gap>,
}

/// An account.
#[utoipa::path(get, path = "/accounts/{source}/{id}", tag = "Directory", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the account."), AsOfParams), responses(
    (status = 200, body = AccountDetails),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn account(
    app: App,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    parameters.done()?;
    let view = at.view(&app).await?;
    let (graph, ix) = (view.graph(), view.account(&id)?);
    let answer = AccountDetails {
        snapshot: SnapshotRef::of(graph),
        row: AccountRow::at(&view, ix.index()),
        manager: ManagerAnswer::of(graph, ix),
        member_of: graph.groups_of(ix).into_iter().map(|group| NamedRef::group(graph, group)).collect(),
        roles: roles_of(&view.known, ix, &view.admins),
        fact: record(&app, &view, EntityKind::Account, &id)?,
        gaps: graph.gaps_around_account(ix).into_iter().cloned().collect(),
    };
    tagged_for(&identity, &headers, &answer)
}

/// What an account can reach, with all paths.
#[utoipa::path(get, path = "/accounts/{source}/{id}/access", tag = "Access", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the account."), AsOfParams), responses(
    (status = 200, body = AccessAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn what(
    app: App,
    _: Viewer,
    Path((source, id)): Path<(u64, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    parameters.done()?;
    let view = at.view(&app).await?;
    tagged(&headers, &AccessAnswer::what(&view.known, view.account(&id)?, &view.admins))
}

/// Why an account reaches an application, or why not, and what would change it.
#[utoipa::path(get, path = "/accounts/{source}/{id}/access/{app}", tag = "Access", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the account."), ("app" = String, Path, description = "The provider's id of the application."), AsOfParams), responses(
    (status = 200, body = WhyAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn why(
    app: App,
    _: Viewer,
    Path((source, id, app_id)): Path<(u64, String, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    parameters.done()?;
    let view = at.view(&app).await?;
    tagged(&headers, &WhyAnswer::of(&view.known, view.account(&id)?, view.app(&app_id)?))
}

/// An admin role that a group gives to its members.
#[derive(Debug, Serialize, ToSchema)]
struct GivenRole {
    /// The role's id.
    role: String,
    /// The role's name for people.
    label: String,
    /// What it reaches.
    #[schema(value_type = schema::HoldingScope)]
    scope: sightline_core::HoldingScope,
}

/// Why an account may be in a group.
#[derive(Debug, Serialize, ToSchema)]
struct FillingRule {
    /// The provider's id.
    id: String,
    /// Its name.
    name: String,
    /// The condition, in the provider's expression language.
    #[schema(required = true)]
    expression: Option<String>,
}

/// A group with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct GroupDetails {
    /// Which snapshot it rests on.
    snapshot: SnapshotRef,
    /// What lists tell of it.
    #[serde(flatten)]
    row: GroupRow,
    /// Rules that put accounts into it.
    filled_by: Vec<FillingRule>,
    /// Applications that it is assigned.
    gives: Vec<NamedRef>,
    /// Admin roles that it gives to its members.
    gives_roles: Vec<GivenRole>,
    /// All that was read of it, without what belongs to auditors and administrators for everybody else: `profile` is null
    /// then. Null where the snapshot does not say where it was read.
    #[schema(required = true)]
    fact: Option<RecordAnswer>,
    /// What could not be read under it.
    #[schema(value_type = Vec<schema::Gap>)]
    gaps: Vec<Gap>,
}

/// A group.
#[utoipa::path(get, path = "/groups/{source}/{id}", tag = "Directory", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the group."), AsOfParams), responses(
    (status = 200, body = GroupDetails),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn group(
    app: App,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    parameters.done()?;
    let view = at.view(&app).await?;
    let (graph, ix) = (view.graph(), view.group(&id)?);
    let rules = graph.rules_into(ix).map(|rule| FillingRule {
        id: rule.id.clone(),
        name: rule.name.clone(),
        expression: rule.expression.clone(),
    });
    let given = view.roles_given(ix).into_iter().map(|held| GivenRole {
        role: held.role.clone(),
        label: held.label.clone(),
        scope: held.scope.clone(),
    });
    let answer = GroupDetails {
        snapshot: SnapshotRef::of(graph),
        row: GroupRow::at(&view, ix.index()),
        filled_by: rules.collect(),
        gives: graph.resources_of_group(ix).into_iter().map(|app| NamedRef::app(graph, app)).collect(),
        gives_roles: given.collect(),
        fact: record(&app, &view, EntityKind::Group, &id)?,
        gaps: view.gaps_under(&id).cloned().collect(),
    };
    tagged_for(&identity, &headers, &answer)
}

/// A page of the members of a group.
#[derive(Debug, Serialize, ToSchema)]
struct MembersPage {
    /// Which snapshot it rests on.
    snapshot: SnapshotRef,
    /// The group.
    group: NamedRef,
    /// The members, by login.
    items: Vec<AccountRef>,
    /// How many there are in all, as far as could be read.
    total: u64,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
    /// What could not be read and may hide further members.
    #[schema(value_type = Vec<schema::Gap>)]
    gaps: Vec<Gap>,
}

/// The members of a group, page by page.
#[utoipa::path(get, path = "/groups/{source}/{id}/members", tag = "Directory", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the group."), AsOfParams, PageParams), responses(
    (status = 200, body = MembersPage),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn members(
    app: App,
    _: Viewer,
    Path((source, id)): Path<(u64, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    let paging = paging(&mut parameters)?;
    parameters.done()?;
    let page = Paged::of(&app, source, &at, paging).await?;
    let (graph, ix) = (page.view.graph(), page.view.group(&id)?);
    let members: Vec<AccountIx> = graph.members(ix);
    let (shown, next) = page.cut(&members);
    let answer = MembersPage {
        snapshot: SnapshotRef::of(graph),
        group: NamedRef::group(graph, ix),
        items: shown.iter().map(|account| AccountRef::of(graph, *account)).collect(),
        total: members.len() as u64,
        next,
        gaps: page.view.gaps_under(&id).cloned().collect(),
    };
    tagged(&headers, &answer)
}

/// An application with all that is known of it.
#[derive(Debug, Serialize, ToSchema)]
struct AppDetails {
    /// Which snapshot it rests on.
    snapshot: SnapshotRef,
    /// What lists tell of it.
    #[serde(flatten)]
    row: AppRow,
    /// Groups that it is assigned to.
    assigned_to: Vec<NamedRef>,
    /// Admin roles that it holds itself.
    roles: Vec<AdminLine>,
    /// All that was read of it, without what belongs to auditors and administrators for everybody else: `raw` is null
    /// then. Null where the snapshot does not say where it was read.
    #[schema(required = true)]
    fact: Option<RecordAnswer>,
    /// What could not be read and may hide more.
    #[schema(value_type = Vec<schema::Gap>)]
    gaps: Vec<Gap>,
}

/// An application.
#[utoipa::path(get, path = "/apps/{source}/{id}", tag = "Directory", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the application."), AsOfParams), responses(
    (status = 200, body = AppDetails),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn app(
    app: App,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    parameters.done()?;
    let view = at.view(&app).await?;
    let (graph, ix) = (view.graph(), view.app(&id)?);
    let answer = AppDetails {
        snapshot: SnapshotRef::of(graph),
        row: AppRow::at(&view, ix.index()),
        assigned_to: graph
            .groups_of_resource(ix)
            .into_iter()
            .map(|group| NamedRef::group(graph, group))
            .collect(),
        roles: view.roles_of_app(ix),
        fact: record(&app, &view, EntityKind::Resource, &id)?,
        gaps: graph.gaps_around_resource(ix).into_iter().cloned().collect(),
    };
    tagged_for(&identity, &headers, &answer)
}

/// A page of who can reach an application.
#[derive(Debug, Serialize, ToSchema)]
struct WhoPage {
    /// Which snapshot it rests on.
    snapshot: SnapshotRef,
    /// The application.
    app: NamedRef,
    /// Everyone and everything with a path, by login; also where none of the paths works.
    items: Vec<AccessLine>,
    /// How many there are in all, as far as could be read.
    total: u64,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
    /// What else makes the answer less than certain, for people.
    notes: Vec<String>,
    /// What could not be read and may hide more.
    #[schema(value_type = Vec<schema::Gap>)]
    gaps: Vec<Gap>,
}

/// Which accesses are asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "it only describes what is read")]
pub(super) enum Use {
    /// Only of those who can reach it and did not use it inside the window that activity was read for.
    Unused,
}

/// Who can reach an application, with all paths, page by page.
#[utoipa::path(get, path = "/apps/{source}/{id}/access", tag = "Access", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the application."), AsOfParams, PageParams, ("use" = Option<Use>, Query, description = "Only accesses that are used like that; all of them where nothing is given.")), responses(
    (status = 200, body = WhoPage),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn who(
    app: App,
    _: Viewer,
    Path((source, id)): Path<(u64, String)>,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = at(source, &mut parameters)?;
    let paging = paging(&mut parameters)?;
    let only_unused = parameters.word("use", &[("unused", true)])?.unwrap_or_default();
    parameters.done()?;
    let page = Paged::of(&app, source, &at, paging).await?;
    let ix = page.view.app(&id)?;
    let access = page.view.who(ix, only_unused);
    let (shown, next) = page.cut(&access);
    let AccessAnswer { snapshot, access: items, notes, gaps, .. } =
        AccessAnswer::of_app(&page.view.known, ix, shown);
    let app = NamedRef::app(page.view.graph(), ix);
    let answer = WhoPage { snapshot, app, items, total: access.len() as u64, next, notes, gaps };
    tagged(&headers, &answer)
}

async fn told(
    app: &Shared,
    identity: &Identity,
    (source, kind, id): (u64, EntityKind, String),
    mut parameters: Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let since = parameters.when("since")?;
    parameters.done()?;
    let (first, last) = span(app, source, since.as_ref())?;
    let answer = history(app, (source, kind, id, first, last), LONG).await?;
    let answer = answer.ok_or_else(Problem::too_slow)?;
    tagged_for(identity, headers, &*answer)
}

/// What happened to an account, the newest first, also where it is there no more.
#[utoipa::path(get, path = "/accounts/{source}/{id}/history", tag = "Changes", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the account."), SinceParams), responses(
    (status = 200, body = HistoryAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn account_history(
    app: App,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    told(&app, &identity, (source, EntityKind::Account, id), parameters, &headers).await
}

/// What happened to a group, the newest first, also where it is there no more.
#[utoipa::path(get, path = "/groups/{source}/{id}/history", tag = "Changes", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the group."), SinceParams), responses(
    (status = 200, body = HistoryAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn group_history(
    app: App,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    told(&app, &identity, (source, EntityKind::Group, id), parameters, &headers).await
}

/// What happened to an application, the newest first, also where it is there no more.
#[utoipa::path(get, path = "/apps/{source}/{id}/history", tag = "Changes", params(("source" = u64, Path, description = "The data source's id."), ("id" = String, Path, description = "The provider's id of the application."), SinceParams), responses(
    (status = 200, body = HistoryAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn app_history(
    app: App,
    Viewer(identity): Viewer,
    Path((source, id)): Path<(u64, String)>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    told(&app, &identity, (source, EntityKind::Resource, id), parameters, &headers).await
}
