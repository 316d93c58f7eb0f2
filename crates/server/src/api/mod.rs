//! The REST API, under `/api/v1`, and the document that describes it.

mod changes;
mod directory;
mod entities;
mod events;
mod settings;
mod sources;
mod summary;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sightline_store::UserRole;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::auth::Identity;
use crate::compared::{is_raw, told_without_raw};
use crate::parameters::NoParameters;
use crate::problem::{Problem, told};

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
    // Schemas that only parameters name.
    components(schemas(
        directory::AccountSort,
        directory::GroupSort,
        directory::AppSort,
        directory::AdminSort,
        entities::Use
    )),
    modifiers(&Credentials),
    security(("token" = []), ("session" = [])),
    tags(
        (name = "Directory", description = "Accounts, groups, applications and admin roles."),
        (name = "Access", description = "Who can reach what, and why."),
        (name = "Changes", description = "What changed, and who did it."),
        (name = "Data sources", description = "Connected systems, and how they are read."),
        (name = "Users", description = "Who uses this server, with which API tokens, and what they did.")
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
        .merge(summary::routes())
        .merge(directory::routes())
        .merge(entities::routes())
        .merge(changes::routes())
        .merge(sources::routes())
        .merge(events::routes())
        .merge(settings::routes())
        .routes(routes!(openapi))
}

/// The document that describes the API.
pub(crate) fn document() -> Document {
    routes().to_openapi()
}

pub(crate) fn router() -> Router<Shared> {
    let refused = |request, next: Next| async move { told(next.run(request).await).await };
    routes().split_for_parts().0.fallback(missing).layer(from_fn(refused))
}

async fn missing() -> Problem {
    Problem::not_found("there is nothing at this address of the API")
        .hint("GET /api/v1/openapi.json describes it")
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "Directory", security(()), responses(
    (status = 200, description = "OpenAPI 3.1", body = serde_json::Value),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn openapi(_: NoParameters) -> Json<Document> {
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

/// The same, without the raw attributes of things where who asks may not see them.
pub(crate) fn tagged_for(
    identity: &Identity,
    headers: &HeaderMap,
    answer: &impl Serialize,
) -> Result<Response, Problem> {
    if identity.is_at_least(UserRole::Auditor) {
        return tagged(headers, answer);
    }
    let mut value = serde_json::to_value(answer).map_err(|_| Problem::internal("making an answer"))?;
    without_raw(&mut value);
    tagged(headers, &value)
}

/// Takes away what only auditors and administrators see: the raw attributes of things, how they differ, and sentences that
/// tell it.
fn without_raw(value: &mut Value) {
    match value {
        Value::Object(object) => {
            let fields = object.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
            let fields = fields.iter().filter_map(|field| field.get("name").and_then(Value::as_str));
            let name = object.get("names").and_then(|names| names.get(0)?.get("name")?.as_str());
            if let Some(told) = told_without_raw(name.unwrap_or_default(), fields) {
                object.insert("told".to_owned(), told.into());
            }
            for (name, value) in object.iter_mut() {
                match value {
                    Value::Array(differing) if name == "fields" => differing
                        .retain(|field| !field.get("name").and_then(Value::as_str).is_some_and(is_raw)),
                    _ if is_raw(name) => *value = Value::Null,
                    _ => without_raw(value),
                }
            }
            // What happened is told by the change that it was.
            if let Some(told) = object.get("change").and_then(|change| change.get("told")).cloned() {
                object.insert("told".to_owned(), told);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_raw),
        _ => {}
    }
}

/// Reads a body, and says which part of it is wrong.
pub(crate) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // An array would be taken for the fields of an object in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::wrong("the body is wrong: it is an array, where an object is due"));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_the_one_that_was_reviewed() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let mut made = serde_json::to_string_pretty(&document()).unwrap();
        made.push('\n');
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == made,
            "the API is not what openapi.json says: run this test with UPDATE_OPENAPI=1 and look at the difference"
        );
    }

    #[test]
    fn everything_that_the_document_refers_to_is_in_it() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    for (name, value) in fields {
                        match value {
                            Value::String(to) if name == "$ref" => found.push(to.clone()),
                            other => references(other, found),
                        }
                    }
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = serde_json::to_value(document()).unwrap();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for to in found {
            assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to} is not there");
        }
    }

    #[test]
    fn a_body_is_an_object_and_what_is_wrong_with_it_is_told_without_quoting_it() {
        let read = |text: &str| body::<std::collections::BTreeMap<String, u8>>(text.as_bytes());
        assert_eq!(read("{\"a\":1}").unwrap()["a"], 1);
        for text in ["", "{", "[]", " [1]", "{\"a\":\"secret\"}"] {
            let problem = read(text).unwrap_err();
            assert_eq!(problem.status, 400, "{text}");
            assert!(!problem.detail.contains("secret"), "{}", problem.detail);
        }
    }

    #[test]
    fn raw_attributes_are_taken_away() {
        let change = |told: &str, fields: Value| serde_json::json!({"told": told, "names": [{"name": "ada"}], "fields": fields});
        let all = serde_json::json!([{"name": "title"}, {"name": "profile.salary"}, {"name": "raw"}]);
        let told = "ada: title a -> b; profile.salary 1 -> 2";
        let mut value = serde_json::json!({
            "fact": {"record": {"account": {"login": "ada", "profile": {"salary": 1}}}},
            "items": [change(told, all.clone()), change("ada: title a -> b", serde_json::json!([{"name": "title"}]))],
            "events": [{"told": told, "change": change(told, all)}],
            "credential": {"raw_status": "ACTIVE", "raw": {"x": 1}},
        });
        without_raw(&mut value);
        let left = serde_json::json!([{"name": "title"}]);
        let cut = "ada: changed title, attributes that auditors see";
        let expected = serde_json::json!({
            "fact": {"record": {"account": {"login": "ada", "profile": null}}},
            "items": [change(cut, left.clone()), change("ada: title a -> b", left.clone())],
            "events": [{"told": cut, "change": change(cut, left)}],
            "credential": {"raw_status": "ACTIVE", "raw": null},
        });
        assert_eq!(value, expected);
    }
}
