//! Progress as it happens: server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _};
use sightline_sync::{Happened, SourceEvent};
use tokio::sync::broadcast::error::RecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::App;
use crate::app::Shared;
use crate::auth::Viewer;
use crate::connected::SourceAnswer;
use crate::parameters::NoParameters;
use crate::problem::Problem;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What happens to data sources, as server-sent events until the client leaves: first how each of them is now.
///
/// The events `changed`, `started`, `progress` and `ended` carry a data source as JSON; `removed` carries its id;
/// `missed` says that the client was too slow and has to ask for everything again.
#[utoipa::path(get, path = "/events", tag = "Data sources", responses(
    (status = 200, content_type = "text/event-stream", description = "Events.", body = String),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn events(app: App, _: Viewer, _: NoParameters) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let app = app.0;
    let receiver = app.supervisor().subscribe();
    // Whoever has just loaded a page does not know what happened between that and now.
    let sources = SourceAnswer::all(&app).unwrap_or_default();
    let now = sources.into_iter().filter_map(|source| {
        let json = serde_json::to_string(&source).ok()?;
        Some(Ok(Event::default().event("changed").data(json)))
    });
    let stop = app.stop().clone();
    let stream = futures_util::stream::unfold((app, receiver), move |(app, mut receiver)| {
        let stop = stop.clone();
        async move {
            let next = tokio::select! {
                () = stop.cancelled() => return None,
                next = receiver.recv() => next,
            };
            let event = match next {
                Ok(event) => told(&app, &event),
                Err(RecvError::Lagged(_)) => Event::default().event("missed").data("{}"),
                Err(RecvError::Closed) => return None,
            };
            Some((Ok(event), (app, receiver)))
        }
    });
    Sse::new(futures_util::stream::iter(now.collect::<Vec<_>>()).chain(stream))
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(20)))
}

fn told(app: &Shared, event: &SourceEvent) -> Event {
    let name = match event.happened {
        Happened::Changed => "changed",
        Happened::Started => "started",
        Happened::Progress => "progress",
        Happened::Ended => "ended",
    };
    let source = match &event.state {
        Some(state) => app
            .source(event.source_id)
            .and_then(|record| SourceAnswer::with_state(app, &record, Some(state)))
            .ok(),
        None => None,
    };
    match source.and_then(|source| serde_json::to_string(&source).ok()) {
        Some(json) => Event::default().event(name).data(json),
        None => Event::default().event("removed").data(format!("{{\"id\":{}}}", event.source_id)),
    }
}
