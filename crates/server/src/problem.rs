//! What is answered when something cannot be done: RFC 9457 for programs, a page with the same words for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sightline_answer::AnswerError;
use sightline_store::StoreError;
use sightline_sync::{FailureKind, HostError};
use utoipa::ToSchema;

/// Why something was not done, as RFC 9457 has it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of problem it is; `about:blank` where the status says all.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub(crate) kind: &'static str,
    /// The kind in a few words.
    pub(crate) title: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// What exactly happened.
    pub(crate) detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) hint: Option<String>,
    /// Which field of what was sent is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) field: Option<String>,
    /// Seconds after which it may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) retry_after: Option<u32>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            field: None,
            retry_after: None,
        }
    }

    /// What was sent is wrong.
    pub(crate) fn wrong(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// What was asked for is not there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Who asks may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Nobody is signed in.
    pub(crate) fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "nobody is signed in")
            .hint("sign in, or send an API token: Authorization: Bearer …")
    }

    /// It takes so long that nobody is told.
    pub(crate) fn too_slow() -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "the answer is still being made");
        problem.retry_after = Some(30);
        problem
    }

    /// Something went wrong that is nobody's fault but ours; what exactly is in the log.
    pub(crate) fn internal(doing: &str) -> Self {
        tracing::error!(doing, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{doing} failed, which is a bug"))
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn hint_if(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    #[must_use]
    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // Where a person is shown a page, it is made from this.
        response.extensions_mut().insert(self);
        response
    }
}

/// The longest text that is taken over from what was answered without being a problem.
const LONGEST_TEXT: usize = 4096;

/// Makes a problem of an answer that says only in plain text, or in nothing but its status, that something was refused: of
/// what is refused before a handler is asked, such as a method that an address does not have or a body that is too large.
pub(crate) async fn told(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_plain = kind.is_none_or(|kind| kind.starts_with("text/plain"));
    let is_told = response.extensions().get::<Problem>().is_some() || !is_plain;
    if is_told || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, LONGEST_TEXT).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "this address has no such method".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "what was sent is too large".to_owned(),
        _ if text.trim().is_empty() => "the request was refused".to_owned(),
        _ => text.trim().to_owned(),
    };
    let mut response = Problem::new(status, detail).into_response();
    // Which methods there are, and the like.
    for (name, value) in &parts.headers {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = match &error {
            StoreError::NoSuchSource { .. }
            | StoreError::NoSuchUser { .. }
            | StoreError::NoSuchToken { .. }
            | StoreError::NoSuchSnapshot { .. }
            | StoreError::Pruned { .. } => StatusCode::NOT_FOUND,
            StoreError::NameTaken { .. }
            | StoreError::UserNameTaken { .. }
            | StoreError::SubjectTaken { .. }
            | StoreError::LastAdmin { .. }
            | StoreError::UserDisabled { .. }
            | StoreError::LargeDrop { .. } => StatusCode::CONFLICT,
            StoreError::NotAName { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store could not be used");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.to_string()).hint_if(error.hint())
    }
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        let status = match error {
            AnswerError::Store(error) => return error.into(),
            AnswerError::NothingRead
            | AnswerError::NoSuchSource { .. }
            | AnswerError::NoSuchSnapshot(_)
            // What lies in the future has no snapshot either.
            | AnswerError::NoSuchTime(_)
            | AnswerError::NoneFits { .. } => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.to_string()).hint_if(error.hint())
    }
}

impl From<&HostError> for Problem {
    fn from(error: &HostError) -> Self {
        let status = match error.kind() {
            FailureKind::NeedsConfirmation | FailureKind::Conflict => StatusCode::CONFLICT,
            FailureKind::CredentialRejected | FailureKind::Input => StatusCode::UNPROCESSABLE_ENTITY,
            FailureKind::Unavailable => StatusCode::BAD_GATEWAY,
            FailureKind::NotFound => StatusCode::NOT_FOUND,
            FailureKind::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut text = error.text();
        for cause in error.causes() {
            text.push_str(&format!(": {cause}"));
        }
        Self::new(status, text).hint_if(error.hint())
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Self::from(&error)
    }
}
