//! What a token endpoint says when it gives no token.

use serde::Deserialize;
use sightline_core::{Error, ErrorKind};

/// Of what the provider says, no more than this is kept.
const DESCRIPTION_CHARS: usize = 160;
/// Words longer than this are tokens or ids, nothing that a person reads.
const WORD_CHARS: usize = 60;
/// Seconds that clocks may differ before that is worth a word.
const NOTABLE_SKEW_SECS: i64 = 60;

/// An answer of the token endpoint that is no token, for the connector to name.
#[derive(Debug, Clone)]
pub struct TokenRefusal {
    /// HTTP status.
    pub status: u16,
    /// The `error` of the answer, such as `invalid_client`; empty where there was none.
    pub error: String,
    /// The first 160 characters of its `error_description`, without anything that looks like a token.
    pub description: String,
    /// The host that answered.
    pub host: String,
    /// The key id that was sent.
    pub key_id: Option<String>,
    /// Seconds that this machine's clock is ahead of the server's, where that is known.
    pub clock_skew: Option<i64>,
}

impl TokenRefusal {
    /// What a body says; one that is no JSON says nothing.
    pub(crate) fn read(status: u16, body: &[u8], host: &str) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Body {
            error: Option<String>,
            error_description: Option<String>,
        }
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        Self {
            status,
            error: readable(&body.error.unwrap_or_default()),
            description: readable(&body.error_description.unwrap_or_default()),
            host: host.to_owned(),
            key_id: None,
            clock_skew: None,
        }
    }

    /// What was said, for the end of an error's text: `invalid_client: The client is unknown.`
    pub fn said(&self) -> String {
        match (self.error.as_str(), self.description.as_str()) {
            ("", _) => format!("HTTP {}", self.status),
            (error, "") => error.to_owned(),
            (error, description) => format!("{error}: {description}"),
        }
    }
}

fn readable(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let words =
        words.map(|word| if word.contains("eyJ") || word.chars().count() > WORD_CHARS { "…" } else { word });
    words.collect::<Vec<_>>().join(" ").chars().take(DESCRIPTION_CHARS).collect()
}

/// Names a refusal in words that fit every provider.
pub fn name_token_refusal(refusal: &TokenRefusal) -> Error {
    let said = refusal.said();
    let host = &refusal.host;
    let (kind, text) = match (refusal.error.as_str(), refusal.status) {
        ("invalid_client" | "unauthorized_client", _) => {
            (ErrorKind::Auth, format!("{host} does not accept the client or its key ({said})"))
        }
        ("invalid_scope" | "access_denied", _) => {
            (ErrorKind::Auth, format!("{host} grants the client none of the scopes ({said})"))
        }
        ("invalid_dpop_proof" | "use_dpop_nonce", _) => {
            (ErrorKind::Auth, format!("{host} does not accept our proof of possession ({said})"))
        }
        ("temporarily_unavailable" | "server_error", _) | (_, 408 | 500..=599) => {
            (ErrorKind::Unavailable, format!("{host} gives no token at the moment ({said})"))
        }
        ("", 404 | 405) => (ErrorKind::Config, format!("{host} has no token endpoint there ({said})")),
        ("", 401 | 403) => (ErrorKind::Auth, format!("{host} gives no token ({said})")),
        ("", _) => (ErrorKind::Protocol, format!("{host} refuses a token without a reason ({said})")),
        _ => (ErrorKind::Config, format!("{host} refuses a token ({said})")),
    };
    let error = Error::new(kind, text);
    match hint(refusal) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn hint(refusal: &TokenRefusal) -> Option<String> {
    if let Some(skew) = refusal.clock_skew
        && skew.abs() > NOTABLE_SKEW_SECS
        && ["invalid_client", "invalid_dpop_proof"].contains(&refusal.error.as_str())
    {
        let side = if skew > 0 { "ahead of" } else { "behind" };
        return Some(format!("set this machine's clock: it is {} s {side} the server's", skew.abs()));
    }
    let description = refusal.description.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| description.contains(word));
    let key = match &refusal.key_id {
        Some(key_id) => format!("the key {key_id}"),
        None => "the key".to_owned(),
    };
    match (refusal.error.as_str(), refusal.status) {
        ("invalid_client", _)
            if has(&["expired", "'exp'", "'iat'", "issued in the future", "not yet valid"]) =>
        {
            Some("check this machine's clock".to_owned())
        }
        ("invalid_client", _) if has(&["audience", "'aud'"]) => {
            Some("check the address: use the one under which the provider knows this organisation".to_owned())
        }
        ("invalid_client", _) if has(&["kid", "signature", "jwks", "key"]) => {
            Some(format!("register the public half of {key} at the client, active, and check the key id"))
        }
        ("invalid_client", _)
            if has(&["client_id", "client id", "not found", "'iss'", "'sub'", "issuer", "subject"]) =>
        {
            Some("check the client id, and that the client is active in this organisation".to_owned())
        }
        ("invalid_client" | "unauthorized_client", _) => Some(format!(
            "check the client id, that the client is active and authenticates with a public key, and that the public \
             half of {key} is registered there"
        )),
        ("invalid_scope" | "access_denied", _) => {
            Some("grant the scopes to the client in the provider's console".to_owned())
        }
        ("invalid_dpop_proof", _) => Some("check this machine's clock".to_owned()),
        ("", 404 | 405) => Some("check the address".to_owned()),
        _ => None,
    }
}
