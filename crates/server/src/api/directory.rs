//! Lists of accounts, groups, applications and admin roles.

use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, tagged};
use crate::app::Shared;
use crate::auth::Viewer;
use crate::lists::{Found, ListParams, ListQuery, pairs};
use crate::pages::as_page;
use crate::problem::Problem;
use crate::rows::{AccountRow, AdminRow, AppRow, GroupRow, Page, Row};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(accounts))
        .routes(routes!(groups))
        .routes(routes!(apps))
        .routes(routes!(admins))
}

async fn list<R: Row>(app: &Shared, query: Option<&str>, headers: &HeaderMap) -> Result<Response, Problem> {
    let query = ListQuery::parse(R::KIND, &pairs(query))?;
    let found = Found::of(app, R::KIND, &query).await?;
    tagged(headers, &as_page::<R>(&found))
}

/// Accounts, by login.
#[utoipa::path(
    get,
    path = "/accounts",
    tag = "Directory",
    params(
        ListParams,
        ("status" = Option<String>, Query, description = "Only with this status."),
        ("access" = Option<String>, Query, description = "Only with this much of their access used."),
        ("admin" = Option<String>, Query, description = "Only those that hold an admin role, or only those that do not."),
        ("leaver" = Option<String>, Query, description = "Only those that are deactivated and still have a path, or only the others."),
    ),
    responses(
        (status = 200, body = Page<AccountRow>),
        (status = 304, description = "Nothing has changed."),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
    )
)]
async fn accounts(
    app: App,
    _: Viewer,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<AccountRow>(&app, query.as_deref(), &headers).await
}

/// Groups, by name.
#[utoipa::path(
    get,
    path = "/groups",
    tag = "Directory",
    params(
        ListParams,
        ("origin" = Option<String>, Query, description = "Only those that are kept there."),
        ("rule" = Option<String>, Query, description = "Only those that a rule fills, or only those that none fills."),
    ),
    responses(
        (status = 200, body = Page<GroupRow>),
        (status = 304, description = "Nothing has changed."),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
    )
)]
async fn groups(
    app: App,
    _: Viewer,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<GroupRow>(&app, query.as_deref(), &headers).await
}

/// Applications, by name.
#[utoipa::path(
    get,
    path = "/apps",
    tag = "Directory",
    params(
        ListParams,
        ("status" = Option<String>, Query, description = "Only with this status."),
        ("sign_on" = Option<String>, Query, description = "Only with this way to sign on."),
    ),
    responses(
        (status = 200, body = Page<AppRow>),
        (status = 304, description = "Nothing has changed."),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
    )
)]
async fn apps(
    app: App,
    _: Viewer,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<AppRow>(&app, query.as_deref(), &headers).await
}

/// Admin roles, by who holds them.
///
/// A role that could not be read is not listed: see the gaps.
#[utoipa::path(
    get,
    path = "/admins",
    tag = "Directory",
    params(
        ListParams,
        ("role" = Option<String>, Query, description = "Only this role, by its name."),
        ("via" = Option<String>, Query, description = "Only those that are held that way."),
        ("reach" = Option<String>, Query, description = "Only those that reach so far."),
        ("status" = Option<String>, Query, description = "Only of holders with this status."),
    ),
    responses(
        (status = 200, body = Page<AdminRow>),
        (status = 304, description = "Nothing has changed."),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
    )
)]
async fn admins(
    app: App,
    _: Viewer,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<AdminRow>(&app, query.as_deref(), &headers).await
}
