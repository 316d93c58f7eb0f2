//! The REST API, under `/api/v1`, and the document that describes it.

mod directory;
mod events;
mod sources;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::problem::Problem;

pub(crate) use sources::{remove_source, replace_credential};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sightline",
        description = "Who can reach what in an organisation's identity systems, how it is known, and what could not be \
            seen.\n\nEvery answer names the snapshots that it rests on. A value that could not be read is `{\"unknown\": \
            \"why\"}`, never false, zero or empty. Problems are told as RFC 9457 has it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    modifiers(&Credentials),
    security(("token" = []), ("session" = [])),
    tags(
        (name = "Directory", description = "Accounts, groups, applications and admin roles."),
        (name = "Data sources", description = "Connected systems, and how they are read.")
    )
)]
struct Api;

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme(
            "session",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("sightline_session"))),
        );
    }
}

fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(directory::routes())
        .merge(sources::routes())
        .merge(events::routes())
        .routes(routes!(openapi))
}

/// The document that describes the API.
pub(crate) fn document() -> Document {
    routes().to_openapi()
}

pub(crate) fn router() -> Router<Shared> {
    routes().split_for_parts().0.fallback(missing).method_not_allowed_fallback(wrong_method)
}

async fn missing() -> Problem {
    Problem::not_found("there is nothing at this address of the API")
        .hint("GET /api/v1/openapi.json describes it")
}

async fn wrong_method() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address has no such method")
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "Directory", security(()), responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
async fn openapi() -> Json<Document> {
    Json(document())
}

/// An answer that carries what it was made from, so that who has it already need not get it again.
pub(crate) fn tagged(headers: &HeaderMap, answer: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer).map_err(|_| Problem::internal("making an answer"))?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &body);
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..16]));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known =
        known.flat_map(|list| list.split(',')).any(|one| one.trim().trim_start_matches("W/") == tag);
    let cached = [(header::ETAG, tag), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, cached).into_response());
    }
    Ok((cached, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Reads a body, and says which part of it is wrong.
pub(crate) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        // The text of an error can quote what was sent, and that can be a credential.
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                let text = error.to_string();
                if text.contains("missing field") || text.contains("unknown field") {
                    text
                } else {
                    format!("a value has the wrong type, at line {} column {}", error.line(), error.column())
                }
            }
            _ => format!("it is no JSON, at line {} column {}", error.line(), error.column()),
        };
        Problem::wrong(format!("the body is wrong: {what}"))
    })
}

/// Used where a handler needs what all requests share.
pub(crate) type App = State<Shared>;
