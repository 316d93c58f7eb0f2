//! What differs between two snapshots of a data source.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use sightline_answer::{AccessChange, ChangeAnswer, DiffGap, Gain, RoleChange, SnapshotStamp, kind_word};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::entities::PageParams;
use super::{App, tagged, tagged_for};
use crate::app::Shared;
use crate::auth::Viewer;
use crate::compared::{Comparison, LONG, Pair, comparison, pair};
use crate::lists::{Cursor, paging};
use crate::parameters::{AsOf, LARGEST, Parameters};
use crate::problem::Problem;
use crate::rows::SourceRef;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(changes)).routes(routes!(access)).routes(routes!(roles))
}

/// Which snapshots are compared.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameters that are read")]
struct PairParams {
    /// The data source, by id.
    #[param(minimum = 1)]
    source: u64,
    /// The earlier snapshot: a date, an instant, an age such as `3d`, or its number; the last but one where nothing is given.
    #[param(value_type = Option<AsOf>, inline)]
    from: Option<String>,
    /// The later snapshot; the last one where nothing is given.
    #[param(value_type = Option<AsOf>, inline)]
    to: Option<String>,
}

/// A page of a comparison.
struct Asked {
    comparison: Arc<Comparison>,
    pair: Pair,
    source: SourceRef,
    from: usize,
    limit: usize,
}

impl Asked {
    /// Takes what is compared and which page of it is wanted; the caller has taken everything else.
    async fn of(app: &Shared, mut parameters: Parameters) -> Result<Self, Problem> {
        let missing = || Problem::wrong("which data source? give its id").field("source");
        let source = parameters.number("source", 1..=LARGEST)?.ok_or_else(missing)?;
        let (from, to) = (parameters.when("from")?, parameters.when("to")?);
        let (limit, cursor) = paging(&mut parameters)?;
        parameters.done()?;
        let name = app.source(source)?.name;
        let (pair, after) = match cursor {
            None => (pair(app, source, from.as_ref(), to.as_ref())?, 0),
            // The next page is of the same comparison, whatever was sealed meanwhile.
            Some(Cursor { snapshots, after }) => match snapshots[..] {
                [(one, from), (other, to)] if one == source && other == source && from <= to => {
                    ((source, from, to), after)
                }
                _ => return Err(Problem::not_found("this list does not go on there").field("cursor")),
            },
        };
        let comparison = comparison(app, pair, LONG).await?.ok_or_else(Problem::too_slow)?;
        Ok(Self { comparison, pair, source: SourceRef { id: source, name }, from: after, limit })
    }

    /// A page of something that was found, how much there is in all, and where to go on.
    fn page<T: Serialize>(&self, all: impl Iterator<Item = T>) -> Page<T> {
        let (mut items, mut total) = (Vec::new(), 0);
        for (at, one) in all.enumerate() {
            if at >= self.from && items.len() < self.limit {
                items.push(one);
            }
            total = at + 1;
        }
        let end = self.from.saturating_add(self.limit);
        let (source, from, to) = self.pair;
        let next = (end < total)
            .then(|| Cursor { snapshots: vec![(source, from), (source, to)], after: end }.encode());
        let diff = &self.comparison.answer;
        Page { source: self.source.clone(), from: diff.from, to: diff.to, items, total: total as u64, next }
    }
}

/// A page of what differs between two snapshots.
#[derive(Debug, Serialize, ToSchema)]
struct Page<T> {
    /// The data source.
    source: SourceRef,
    /// The earlier snapshot.
    from: SnapshotStamp,
    /// The later snapshot.
    to: SnapshotStamp,
    /// What differs.
    items: Vec<T>,
    /// How many there are in all.
    total: u64,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// A page of the facts that differ between two snapshots.
#[derive(Debug, Serialize, ToSchema)]
struct ChangesPage<'a> {
    #[serde(flatten)]
    page: Page<&'a ChangeAnswer>,
    /// Facts that differ, by kind, without those that only tell of stamps and counts.
    kinds: BTreeMap<&'a str, u64>,
    /// What could not be read on one side or both, so that what was taken away there does not show.
    gaps: &'a [DiffGap],
    /// Why the log may not tell who did something; null where it was read completely.
    #[schema(required = true)]
    log_unread: Option<&'a str>,
}

/// Facts that differ between two snapshots, each with who did it, page by page.
///
/// The raw attributes that they hold are null for everybody but auditors and administrators.
#[utoipa::path(get, path = "/changes", tag = "Changes", params(PairParams, PageParams,
    ("kind" = Option<String>, Query, description = "Only facts of this kind: one of `kinds` of the answer."),
    ("all" = Option<bool>, Query, description = "Whether everything is listed: use, the log, facts of which only stamps or counts differ, and what another list tells again."),
), responses(
    (status = 200, body = ChangesPage),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn changes(
    app: App,
    Viewer(identity): Viewer,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let kind = parameters.text("kind");
    let all = parameters.word("all", &[("true", true), ("false", false)])?.unwrap_or_default();
    let asked = Asked::of(&app, parameters).await?;
    let comparison = &*asked.comparison;
    let of_kind = |word: &str| kind.as_deref().is_none_or(|kind| kind == word);
    let page = if all {
        let changes = comparison.answer.changes.iter();
        asked.page(changes.filter(|change| of_kind(&kind_word(&change.kind))))
    } else if let Some(kind) = &kind {
        asked.page(comparison.changes(kind))
    } else {
        asked.page(comparison.main_kinds().flat_map(|(kind, _)| comparison.changes(kind)))
    };
    let answer = ChangesPage {
        page,
        kinds: comparison.kinds().into_iter().map(|(kind, count)| (kind, count as u64)).collect(),
        gaps: &comparison.answer.gaps,
        log_unread: comparison.answer.log_unread.as_deref(),
    };
    tagged_for(&identity, &headers, &answer)
}

/// What became of it.
const GAINS: [(&str, Gain); 2] = [("gained", Gain::Gained), ("lost", Gain::Lost)];

/// Access that accounts gained and lost between two snapshots, page by page.
#[utoipa::path(get, path = "/changes/access", tag = "Changes", params(PairParams, PageParams,
    ("what" = Option<Gain>, Query, description = "Only what was gained, or only what was lost."),
), responses(
    (status = 200, body = Page<AccessChange>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn access(
    app: App,
    _: Viewer,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let what = parameters.word("what", &GAINS)?;
    let asked = Asked::of(&app, parameters).await?;
    let access = asked.comparison.answer.access.iter();
    tagged(&headers, &asked.page(access.filter(|access| what.is_none_or(|what| access.what == what))))
}

/// Admin roles that were gained and lost between two snapshots, page by page.
#[utoipa::path(get, path = "/changes/roles", tag = "Changes", params(PairParams, PageParams,
    ("what" = Option<Gain>, Query, description = "Only what was gained, or only what was lost."),
), responses(
    (status = 200, body = Page<RoleChange>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn roles(
    app: App,
    _: Viewer,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let what = parameters.word("what", &GAINS)?;
    let asked = Asked::of(&app, parameters).await?;
    let roles = asked.comparison.answer.roles.iter();
    tagged(&headers, &asked.page(roles.filter(|role| what.is_none_or(|what| role.what == what))))
}
