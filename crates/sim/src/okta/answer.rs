//! Requests as handlers see them, and their answers.

use serde_json::Value;

use super::write::Json;

/// A request that was let through.
pub(super) struct Call {
    /// The path as it came, not decoded.
    pub(super) path: String,
    /// The decoded path parameters, in order.
    pub(super) parameters: Vec<String>,
    /// The decoded query parameters, in order.
    pub(super) query: Vec<(String, String)>,
    /// A fault: the page is empty although there is more.
    pub(super) empty_page: bool,
    /// A fault: the next page is this page.
    pub(super) repeat_cursor: bool,
}

impl Call {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether `expand` names this, be it repeated or comma-joined.
    pub(super) fn expands(&self, name: &str) -> bool {
        self.query
            .iter()
            .any(|(key, value)| key == "expand" && value.split(',').any(|part| part.trim() == name))
    }

    /// The path parameter at this position.
    pub(super) fn parameter(&self, position: usize) -> &str {
        self.parameters.get(position).map_or("", String::as_str)
    }
}

/// An answer before rate-limit headers are added.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    /// One `Link` header line each.
    pub(super) links: Vec<String>,
}

impl Answer {
    pub(super) fn json(body: Json) -> Self {
        Self { status: 200, body: body.0, content_type: "application/json", links: Vec::new() }
    }

    /// An answer that is small or rarely asked for.
    pub(super) fn value(body: &Value) -> Self {
        Self::json(Json(body.to_string().into_bytes()))
    }

    pub(super) fn with_links(mut self, links: Vec<String>) -> Self {
        self.links = links;
        self
    }
}

/// An error answer.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    status: u16,
    code: String,
    summary: String,
    cause: Option<String>,
}

impl Problem {
    pub(super) fn new(status: u16, code: &str, summary: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), summary: summary.into(), cause: None }
    }

    fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(super) fn not_found(id: &str, kind: &str) -> Self {
        Self::new(404, "E0000007", format!("Not found: Resource not found: {id} ({kind})"))
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(404, "E0000008", "The requested path was not found")
    }

    pub(super) fn method_not_supported() -> Self {
        Self::new(405, "E0000022", "The endpoint does not support the provided HTTP method")
    }

    pub(super) fn invalid_token() -> Self {
        Self::new(401, "E0000011", "Invalid token provided")
    }

    pub(super) fn forbidden() -> Self {
        Self::new(403, "E0000006", "You do not have permission to perform the requested action")
    }

    pub(super) fn rate_limited() -> Self {
        Self::new(429, "E0000047", "API call exceeded rate limit due to too many requests.")
    }

    pub(super) fn provisioning_not_supported() -> Self {
        Self::new(400, "E0000001", "Api validation failed: feature").because("Provisioning is not supported.")
    }

    pub(super) fn invalid_cursor() -> Self {
        Self::new(400, "E0000029", "Invalid paging request.").because("Invalid cursor.")
    }

    pub(super) fn invalid_search(text: &str) -> Self {
        Self::new(400, "E0000031", "Invalid search criteria.").because(format!("Cannot evaluate: {text}"))
    }

    pub(super) fn invalid_parameter(name: &str, what: &str) -> Self {
        Self::new(400, "E0000001", format!("Api validation failed: {name}"))
            .because(format!("{name}: {what}"))
    }

    pub(super) fn into_answer(self, error_id: &str) -> Answer {
        let mut json = Json::with_capacity(256);
        json.raw(r#"{"errorCode":"#).string(&self.code).raw(r#","errorSummary":"#).string(&self.summary);
        json.raw(r#","errorLink":"#).string(&self.code).raw(r#","errorId":"#).string(error_id);
        json.raw(r#","errorCauses":"#).list(self.cause.iter(), |json, cause| {
            json.raw(r#"{"errorSummary":"#).string(cause).raw("}");
        });
        json.raw("}");
        Answer { status: self.status, ..Answer::json(json) }
    }
}
