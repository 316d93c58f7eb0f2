//! All together: figures, gaps, and what acts without a person.

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use sightline_answer::{GapGroup, ServiceAppLine, SnapshotRef, schema};
use sightline_core::Gap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, tagged, tagged_for};
use crate::app::Shared;
use crate::auth::Viewer;
use crate::figures::FiguresAnswer;
use crate::lists::At;
use crate::parameters::{AsOf, Parameters};
use crate::problem::Problem;
use crate::rows::SourceRef;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(summary)).routes(routes!(gaps)).routes(routes!(service_apps))
}

/// Which snapshots are asked.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameters that are read")]
struct AtParams {
    /// Only this data source, by id.
    #[param(minimum = 1)]
    source: Option<u64>,
    /// The answer of then: a date, an instant, an age such as `3d`, or the number of a snapshot.
    #[param(value_type = Option<AsOf>, inline)]
    as_of: Option<String>,
}

/// The figures of a data source.
#[derive(Debug, Serialize, ToSchema)]
struct SourceFigures {
    /// The data source.
    source: SourceRef,
    /// Which snapshot they rest on.
    snapshot: SnapshotRef,
    /// What was counted.
    figures: FiguresAnswer,
}

/// The figures that matter.
#[derive(Debug, Serialize, ToSchema)]
struct SummaryAnswer {
    /// Those of all data sources together; null while nothing was read.
    #[schema(required = true)]
    all: Option<FiguresAnswer>,
    /// Those of each data source that was read.
    sources: Vec<SourceFigures>,
}

/// The figures that matter, of each data source and in all, and how they went.
#[utoipa::path(get, path = "/summary", tag = "Directory", params(AtParams), responses(
    (status = 200, body = SummaryAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn summary(
    app: App,
    _: Viewer,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = At::of(&mut parameters)?;
    parameters.done()?;
    let views = at.views(&app).await?;
    let mut sources = Vec::new();
    for view in &views {
        sources.push(SourceFigures {
            source: SourceRef::of(view),
            snapshot: SnapshotRef::of(view.graph()),
            figures: FiguresAnswer::of(&app, std::slice::from_ref(view))?,
        });
    }
    let all = if views.is_empty() { None } else { Some(FiguresAnswer::of(&app, &views)?) };
    tagged(&headers, &SummaryAnswer { all, sources })
}

/// What could not be read of a data source.
#[derive(Debug, Serialize, ToSchema)]
struct SourceGaps {
    /// The data source.
    source: SourceRef,
    /// Which snapshot it rests on.
    snapshot: SnapshotRef,
    /// Gaps by dataset and reason.
    groups: Vec<GapGroup>,
    /// Every gap.
    #[schema(value_type = Vec<schema::Gap>)]
    gaps: Vec<Gap>,
    /// Edges that lead to something that was not seen, and take part in no answer.
    skipped_edges: u64,
}

/// What could not be read, why, and what that hides, of each data source that was read.
#[utoipa::path(get, path = "/gaps", tag = "Directory", params(AtParams), responses(
    (status = 200, body = Vec<SourceGaps>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn gaps(
    app: App,
    _: Viewer,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = At::of(&mut parameters)?;
    parameters.done()?;
    let views = at.views(&app).await?;
    let answer = views.iter().map(|view| SourceGaps {
        source: SourceRef::of(view),
        snapshot: SnapshotRef::of(view.graph()),
        groups: GapGroup::all(view.graph()),
        gaps: view.graph().gaps().cloned().collect(),
        skipped_edges: view.summary.skipped.total(),
    });
    tagged(&headers, &answer.collect::<Vec<_>>())
}

/// Service applications: what acts without a person, and what gives it power.
///
/// The raw attributes of their credentials are null for everybody but auditors and administrators.
#[utoipa::path(get, path = "/service-apps", tag = "Directory", params(AtParams), responses(
    (status = 200, body = Vec<ServiceAppLine>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn service_apps(
    app: App,
    Viewer(identity): Viewer,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let at = At::of(&mut parameters)?;
    parameters.done()?;
    let views = at.views(&app).await?;
    let lines: Vec<ServiceAppLine> = views.iter().flat_map(|view| ServiceAppLine::all(&view.known)).collect();
    tagged_for(&identity, &headers, &lines)
}
