//! What could not be seen, why, and what that hides.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use sightline_answer::{GapGroup, SnapshotRef};

use super::Answer;
use crate::app::Shared;
use crate::auth::Viewer;
use crate::layout::Frame;
use crate::lists::At;
use crate::parameters::Parameters;

/// The gaps of one snapshot.
struct SourceGaps {
    id: u64,
    name: String,
    snapshot: String,
    total: u64,
    gaps: Vec<GapGroup>,
    skipped: u64,
}

#[derive(Template)]
#[template(path = "gaps.html")]
struct GapsPage {
    sources: Vec<SourceGaps>,
    as_of: String,
}

pub(crate) async fn show(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let at = At::of(&mut parameters)?;
    parameters.done()?;
    let views = at.views(&app).await?;
    let sources = views.iter().map(|view| SourceGaps {
        id: view.source_id(),
        name: view.graph().about().source.clone(),
        snapshot: SnapshotRef::of(view.graph()).phrase(),
        total: view.summary.gaps,
        gaps: GapGroup::all(view.graph()),
        skipped: view.summary.skipped.total(),
    });
    let page = GapsPage { sources: sources.collect(), as_of: at.as_of_text.clone().unwrap_or_default() };
    Frame::new(&identity, &headers, &uri).page(&app, "Gaps", &page)
}
