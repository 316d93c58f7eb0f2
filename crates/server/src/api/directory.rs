//! Lists of accounts, groups, applications and admin roles.

use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, tagged};
use crate::app::Shared;
use crate::auth::Viewer;
use crate::lists::{Found, ListParams, ListQuery};
use crate::pages::as_page;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::rows::{AccountRow, AdminRow, AppRow, GroupRow, Page, Row};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(accounts))
        .routes(routes!(groups))
        .routes(routes!(apps))
        .routes(routes!(admins))
}

/// What accounts are sorted by.
#[derive(Serialize, ToSchema)]
#[expect(dead_code, reason = "it only describes what `ListQuery` reads")]
pub(super) enum AccountSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "apps")]
    Apps,
    #[serde(rename = "-apps")]
    AppsDown,
    #[serde(rename = "unused")]
    Unused,
    #[serde(rename = "-unused")]
    UnusedDown,
    #[serde(rename = "last_sign_in")]
    LastSignIn,
    #[serde(rename = "-last_sign_in")]
    LastSignInDown,
    #[serde(rename = "created")]
    Created,
    #[serde(rename = "-created")]
    CreatedDown,
}

/// What groups are sorted by.
#[derive(Serialize, ToSchema)]
#[expect(dead_code, reason = "it only describes what `ListQuery` reads")]
pub(super) enum GroupSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "members")]
    Members,
    #[serde(rename = "-members")]
    MembersDown,
    #[serde(rename = "apps")]
    Apps,
    #[serde(rename = "-apps")]
    AppsDown,
}

/// What apps are sorted by.
#[derive(Serialize, ToSchema)]
#[expect(dead_code, reason = "it only describes what `ListQuery` reads")]
pub(super) enum AppSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "accounts")]
    Accounts,
    #[serde(rename = "-accounts")]
    AccountsDown,
    #[serde(rename = "unused")]
    Unused,
    #[serde(rename = "-unused")]
    UnusedDown,
}

/// What admins are sorted by.
#[derive(Serialize, ToSchema)]
#[expect(dead_code, reason = "it only describes what `ListQuery` reads")]
pub(super) enum AdminSort {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "-name")]
    NameDown,
    #[serde(rename = "since")]
    Since,
    #[serde(rename = "-since")]
    SinceDown,
}

async fn list<R: Row>(
    app: &Shared,
    parameters: Parameters,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let query = ListQuery::of(R::KIND, parameters)?;
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
        ("sort" = Option<AccountSort>, Query, description = "What to sort by; by name where nothing is given. A minus in front puts the last first."),
        ("status" = Option<String>, Query, description = "Only with this status."),
        ("access" = Option<String>, Query, description = "Only with this much of their access used."),
        ("admin" = Option<String>, Query, description = "Only those that hold an admin role, or only those that do not."),
        ("leaver" = Option<String>, Query, description = "Only those that are deactivated and still have a path, or only the others."),
        ("department" = Option<String>, Query, description = "Only of this department, `(not told)` for those whose profile tells none."),
        ("type" = Option<String>, Query, description = "Only of this type, likewise."),
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
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<AccountRow>(&app, parameters, &headers).await
}

/// Groups, by name.
#[utoipa::path(
    get,
    path = "/groups",
    tag = "Directory",
    params(
        ListParams,
        ("sort" = Option<GroupSort>, Query, description = "What to sort by; by name where nothing is given. A minus in front puts the last first."),
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
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<GroupRow>(&app, parameters, &headers).await
}

/// Applications, by name.
#[utoipa::path(
    get,
    path = "/apps",
    tag = "Directory",
    params(
        ListParams,
        ("sort" = Option<AppSort>, Query, description = "What to sort by; by name where nothing is given. A minus in front puts the last first."),
        ("status" = Option<String>, Query, description = "Only with this status."),
        ("sign_on" = Option<String>, Query, description = "Only with this way to sign on."),
    ),
    responses(
        (status = 200, body = Page<AppRow>),
        (status = 304, description = "Nothing has changed."),
        (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
    )
)]
async fn apps(app: App, _: Viewer, parameters: Parameters, headers: HeaderMap) -> Result<Response, Problem> {
    list::<AppRow>(&app, parameters, &headers).await
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
        ("sort" = Option<AdminSort>, Query, description = "What to sort by; by name where nothing is given. A minus in front puts the last first."),
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
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    list::<AdminRow>(&app, parameters, &headers).await
}
