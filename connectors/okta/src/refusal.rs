//! What Okta's refusals mean.

use serde::Deserialize;
use sightline_core::{Error, ErrorKind};
use sightline_http::{Refusal, TokenRefusal, name_token_refusal};

use crate::datasets;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ErrorBody {
    error_code: String,
    error_summary: String,
}

/// Names an answer that is no success; only Okta's error code and summary are taken from its body.
pub(crate) fn name(refusal: &Refusal<'_>) -> Error {
    let body: ErrorBody = serde_json::from_slice(refusal.body).unwrap_or_default();
    let code = body.error_code.chars().take(20).collect::<String>();
    let said = if code.is_empty() {
        format!("HTTP {}", refusal.status)
    } else {
        format!("HTTP {} {code}", refusal.status)
    };
    let template = refusal.template;
    match (refusal.status, code.as_str()) {
        (401, "E0000015") => {
            Error::new(ErrorKind::NotLicensed, format!("{template} is a feature that this org does not have ({said})"))
        }
        (401, _) => Error::new(ErrorKind::Auth, format!("Okta rejected the token ({said})")).hint(
            "it is wrong, revoked, was not used for 30 days, or its owner was deactivated; create a new one in the Okta \
             admin console: Security > API > Tokens",
        ),
        (403, _) => {
            let summary = body.error_summary.chars().take(160).collect::<String>();
            let summary = if summary.is_empty() { String::new() } else { format!(": {summary}") };
            let needed = datasets::permission(template).map(str::to_owned);
            Error::new(ErrorKind::Forbidden { permission: needed }, format!("the token may not read {template} ({said}{summary})"))
        }
        // An object that was there a moment ago; without this code it is the path that does not exist.
        (404, "E0000007") | (410, _) => Error::new(ErrorKind::Gone, format!("the object is no longer there ({said})")),
        (404 | 405 | 501, _) => {
            Error::new(ErrorKind::Unsupported, format!("{} does not offer {template} ({said})", refusal.host))
        }
        // Okta answers so when a list takes too long.
        (408 | 500 | 504, _) => Error::new(ErrorKind::Overloaded, format!("Okta failed to answer {template} ({said})")),
        (500..=599, _) => Error::new(ErrorKind::Unavailable, format!("Okta failed to answer {template} ({said})")),
        _ => Error::new(ErrorKind::Rejected, format!("Okta did not accept the request for {template} ({said})")),
    }
}

/// Names a refusal of the token endpoint, with the place in the admin console where it is mended.
pub(crate) fn name_token(refusal: &TokenRefusal) -> Error {
    let description = refusal.description.to_ascii_lowercase();
    let hint = match refusal.error.as_str() {
        "invalid_client" if ["jwks", "key", "signature"].iter().any(|word| description.contains(word)) => {
            Some(
                "the service app does not have this key: Applications > the app > General > Client Credentials > Public \
             keys; add the public half, give its KID with --key-id, and press the outer Save",
            )
        }
        "invalid_client" => Some(
            "check the client id, that the app is active, and that its client authentication is \
             \"Public key / Private key\"; a key that was added counts only after the outer Save",
        ),
        "invalid_scope" | "access_denied" => Some(
            "none of the scopes is granted to the service app: Applications > the app > Okta API Scopes > Grant, as a \
             Super Administrator",
        ),
        _ => None,
    };
    let error = name_token_refusal(refusal);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_meaning() {
        let check = |status: u16, body: &str, expect: &ErrorKind| {
            let refusal =
                Refusal { status, template: "/api/v1/logs", body: body.as_bytes(), host: "acme.okta.com" };
            assert_eq!(name(&refusal).kind(), expect, "{status} {body}");
        };
        let forbidden =
            ErrorKind::Forbidden { permission: Some("okta.logs.read: Read-only Administrator".to_owned()) };
        check(401, r#"{"errorCode":"E0000011"}"#, &ErrorKind::Auth);
        check(401, r#"{"errorCode":"E0000015"}"#, &ErrorKind::NotLicensed);
        check(401, "<html>", &ErrorKind::Auth);
        check(403, r#"{"errorCode":"E0000006","errorSummary":"no"}"#, &forbidden);
        check(403, "", &forbidden);
        check(404, r#"{"errorCode":"E0000007"}"#, &ErrorKind::Gone);
        check(404, r#"{"errorCode":"E0000008"}"#, &ErrorKind::Unsupported);
        check(404, "not json", &ErrorKind::Unsupported);
        check(405, r#"{"errorCode":"E0000022"}"#, &ErrorKind::Unsupported);
        check(501, r#"{"errorCode":"E0000060"}"#, &ErrorKind::Unsupported);
        check(500, r#"{"errorCode":"E0000009"}"#, &ErrorKind::Overloaded);
        check(503, "<html>busy</html>", &ErrorKind::Unavailable);
        check(400, r#"{"errorCode":"E0000031"}"#, &ErrorKind::Rejected);
    }
}
