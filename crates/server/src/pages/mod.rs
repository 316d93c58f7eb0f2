//! The pages: what they show, and what their forms do.

mod access;
mod activity;
mod changes;
mod entity;
mod gaps;
pub(crate) mod gate;
mod history;
mod lists;
mod overview;
mod settings;
mod sources;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::app::Shared;
use crate::auth::Identity;
use crate::layout;
use crate::oidc;
use crate::problem::{Problem, told};
use crate::rows::{AccountRow, AdminRow, AppRow, GroupRow};

pub(crate) use lists::as_page;

/// What a page answers.
pub(crate) type Answer = Result<Response, Problem>;

/// All pages.
pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/sign-in", get(gate::sign_in_form).post(gate::sign_in))
        .route("/oidc/start", get(oidc::start))
        .route("/oidc/callback", get(oidc::callback))
        .route("/sign-out", post(gate::sign_out))
        .route("/welcome/{secret}", get(gate::welcome_form).post(gate::welcome))
        .route("/theme", post(gate::theme))
        .route("/", get(overview::show))
        .route("/access", get(access::explore))
        .route("/accounts/{source}/{id}", get(entity::account))
        .route("/groups/{source}/{id}", get(entity::group))
        .route("/apps/{source}/{id}", get(entity::app))
        .route("/accounts/{source}/{id}/history", get(history::account))
        .route("/groups/{source}/{id}/history", get(history::group))
        .route("/apps/{source}/{id}/history", get(history::app))
        .route("/activity", get(activity::show))
        .route("/changes", get(changes::show))
        .route("/gaps", get(gaps::show))
        .route("/settings/profile", get(settings::profile).post(settings::change_password))
        .route("/settings/users", get(settings::users).post(settings::add_user))
        .route("/settings/users/{id}/{action}", post(settings::act_on_user))
        .route("/settings/tokens", get(settings::tokens).post(settings::add_token))
        .route("/settings/tokens/{id}/remove", post(settings::remove_token))
        .route("/settings/audit", get(settings::audit))
        .route("/accounts", get(lists::page::<AccountRow>))
        .route("/groups", get(lists::page::<GroupRow>))
        .route("/apps", get(lists::page::<AppRow>))
        .route("/admins", get(lists::page::<AdminRow>))
        .route("/sources", get(sources::list))
        .route("/sources/new", get(sources::catalogue))
        .route("/sources/new/{connector}", get(sources::connect_form).post(sources::connect))
        .route("/sources/create", post(sources::create))
        .route("/sources/{id}", get(sources::show))
        .route("/sources/{id}/credential", get(sources::rotate_form).post(sources::rotate))
        .route("/sources/{id}/{action}", post(sources::act))
        .fallback(missing)
}

async fn missing() -> Problem {
    Problem::not_found("there is no such page")
}

/// Makes a page of what could not be done.
pub(crate) async fn problems_as_pages(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let uri = request.uri().clone();
    let identity = request.extensions().get::<Identity>().cloned();
    let response = told(next.run(request).await).await;
    let Some(problem) = response.extensions().get::<Problem>().cloned() else { return response };
    match layout::problem_page(&app, identity.as_ref(), &headers, &uri, &problem) {
        Ok(page) => page,
        Err(problem) => problem.into_response(),
    }
}
