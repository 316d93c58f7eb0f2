//! An OAuth service app: the endpoint that gives out tokens, and what a request with such a token may do.

use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, Method, header};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{
    answer::{Answer, Problem},
    jose::{Jwt, fingerprint, thumbprint},
    scopes,
    write::Json,
};
use crate::{
    id::base62,
    rng::{scramble, scramble_text},
};

/// Where tokens are given out.
pub(super) const TOKEN_PATH: &str = "/oauth2/v1/token";

/// A service app that may ask for tokens with a signed assertion (`private_key_jwt`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct OAuthApp {
    /// The client id.
    pub client_id: String,
    /// The registered public keys: a JWK set with RSA keys and EC keys on P-256 and P-384.
    pub public_keys: Value,
    /// The scopes that were granted to the app, such as `okta.users.read`.
    pub scopes: Vec<String>,
    /// Whether tokens are given out only with a proof of possession. A client may send one in any case.
    #[serde(default)]
    pub dpop: bool,
    /// Whether the token endpoint demands a nonce of its own in proofs.
    #[serde(default)]
    pub nonce: bool,
    /// How long a token is valid. The real lifetime is an hour, whatever was asked for.
    #[serde(default = "an_hour")]
    pub token_seconds: u32,
    /// Whether scopes that were not granted are left out of the token without a word, instead of refused.
    #[serde(default)]
    pub drop_unknown_scopes: bool,
    /// Whether the app has no admin role: the list of users is empty then, and everything else forbidden.
    #[serde(default)]
    pub no_admin_role: bool,
}

fn an_hour() -> u32 {
    3600
}

/// A request as far as its credentials matter.
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    /// The address that was called, without query.
    pub(super) address: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// The server's time, in seconds since 1970.
    pub(super) now: i64,
}

/// Why the token endpoint or a proof was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    error: &'static str,
    description: &'static str,
    /// The nonce that the next proof must have.
    pub(super) nonce: Option<String>,
}

impl Refusal {
    fn new(status: u16, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, nonce: None }
    }

    fn client(description: &'static str) -> Self {
        Self::new(401, "invalid_client", description)
    }

    pub(super) fn unknown_client() -> Self {
        Self::client("Invalid value for 'client_id' parameter.")
    }

    fn proof(description: &'static str) -> Self {
        Self::new(400, "invalid_dpop_proof", description)
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut json = Json::with_capacity(200);
        json.raw(r#"{"error":"#).string(self.error).raw(r#","error_description":"#);
        json.string(self.description).raw("}");
        Answer { status: self.status, ..Answer::json(json) }
    }

    /// The challenge that an endpoint of the API answers with.
    pub(super) fn challenge(&self) -> String {
        let Self { error, description, .. } = self;
        format!(
            r#"DPoP algs="RS256 RS384 RS512 ES256 ES384", error="{error}", error_description="{description}""#
        )
    }
}

/// A token that was given out.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Seconds since 1970, on the server's clock.
    expires: i64,
    scopes: Vec<String>,
    /// The thumbprint of the key that its requests must prove to have.
    bound_to: Option<String>,
    no_admin_role: bool,
}

/// The app and everything that it was given.
#[derive(Debug)]
pub(super) struct ServiceApp {
    app: OAuthApp,
    seed: u64,
    tokens: Mutex<FxHashMap<String, Grant>>,
    /// The ids of assertions and proofs that were seen.
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Until when, in seconds since 1970, an id is remembered.
    ids: FxHashMap<String, i64>,
    most: usize,
}

impl ServiceApp {
    pub(super) fn new(app: OAuthApp, seed: u64) -> Self {
        Self {
            app,
            seed: scramble(seed ^ scramble_text("oauth")),
            tokens: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// Answers a request for a token with this form as its body. A client that proved who it is has used up its
    /// assertion, also if it is refused.
    pub(super) fn give(&self, asked: &Asked<'_>, form: &[u8]) -> Result<Answer, Refusal> {
        let form: FxHashMap<String, String> = form_urlencoded::parse(form).into_owned().collect();
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        if field("grant_type") != "client_credentials" {
            return Err(Refusal::new(
                400,
                "unsupported_grant_type",
                "The authorization grant type is not supported by the authorization server.",
            ));
        }
        if field("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
            return Err(Refusal::client("The client_assertion_type is not supported."));
        }
        self.check_assertion(asked, field("client_assertion"))?;
        let key = self.check_token_proof(asked)?;
        let scopes = self.granted(field("scope"))?;
        let token = self.token(asked.now);
        let body = json!({
            "token_type": if key.is_some() { "DPoP" } else { "Bearer" },
            "expires_in": self.app.token_seconds,
            "access_token": token,
            "scope": scopes.join(" "),
        });
        let grant = Grant {
            expires: asked.now + i64::from(self.app.token_seconds),
            scopes,
            bound_to: key,
            no_admin_role: self.app.no_admin_role,
        };
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(token, grant);
        let mut json = Json::with_capacity(400);
        json.raw(&body.to_string());
        Ok(Answer::json(json))
    }

    fn check_assertion(&self, asked: &Asked<'_>, assertion: &str) -> Result<(), Refusal> {
        let jwt = Jwt::parse(assertion)
            .ok_or_else(|| Refusal::client("The client_assertion is missing or not a JWT."))?;
        if jwt.claim("iss") != Some(&self.app.client_id) || jwt.claim("sub") != Some(&self.app.client_id) {
            return Err(Refusal::unknown_client());
        }
        let keys = self.app.public_keys["keys"].as_array().map_or(&[][..], Vec::as_slice);
        let key = match (jwt.header("kid"), keys) {
            (Some(kid), keys) => keys.iter().find(|key| key["kid"] == kid),
            // Nothing to choose from.
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let key = key
            .ok_or_else(|| Refusal::client("The client has no key with the kid of the client_assertion."))?;
        if !jwt.is_signed_by(key) {
            return Err(Refusal::client("The client_assertion signature is invalid."));
        }
        if jwt.claim("aud") != Some(asked.address) {
            return Err(Refusal::client(
                "The audience claim for client_assertion must be the endpoint invoked for the request.",
            ));
        }
        match jwt.time("exp") {
            None => return Err(Refusal::client("The client_assertion has no expiration.")),
            Some(expires) if expires <= asked.now => {
                return Err(Refusal::client("The client_assertion token is expired."));
            }
            Some(expires) if expires > asked.now + 3600 => {
                return Err(Refusal::client(
                    "The client_assertion token has an expiration too far into the future.",
                ));
            }
            Some(_) => {}
        }
        let id = jwt.claim("jti").ok_or_else(|| Refusal::client("The client_assertion has no jti."))?;
        if !self.is_new(format!("assertion {id}"), asked.now, 3600) {
            return Err(Refusal::client("The client_assertion token has already been used."));
        }
        Ok(())
    }

    /// The thumbprint of the key that the request proves to have; `None` if it needs none and has none.
    fn check_token_proof(&self, asked: &Asked<'_>) -> Result<Option<String>, Refusal> {
        if !self.app.dpop && !asked.headers.contains_key("dpop") {
            return Ok(None);
        }
        let (proof, key) = self.check_proof(asked)?;
        if self.app.nonce {
            let day = asked.now.div_euclid(86_400);
            // A nonce is handed out for a day and good for three.
            if !(0..=3).any(|age| proof.claim("nonce") == Some(&self.nonce(day - age))) {
                return Err(Refusal {
                    nonce: Some(self.nonce(day)),
                    ..Refusal::new(
                        400,
                        "use_dpop_nonce",
                        "Authorization server requires nonce in DPoP proof.",
                    )
                });
            }
        }
        Ok(Some(key))
    }

    /// The proof of possession of a request and the thumbprint of its key.
    fn check_proof(&self, asked: &Asked<'_>) -> Result<(Jwt, String), Refusal> {
        let mut lines = asked.headers.get_all("dpop").iter();
        let (text, more) = (lines.next(), lines.next());
        let text = text
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| Refusal::proof("The DPoP proof JWT header is missing."))?;
        let proof = Jwt::parse(text)
            .filter(|proof| more.is_none() && proof.header("typ") == Some("dpop+jwt"))
            .ok_or_else(|| Refusal::proof("The DPoP proof JWT is malformed."))?;
        let key = proof.own_key().filter(|key| proof.is_signed_by(key)).and_then(thumbprint);
        let key = key.ok_or_else(|| Refusal::proof("The DPoP proof JWT signature is invalid."))?;
        if proof.claim("htm") != Some(asked.method.as_str()) {
            return Err(Refusal::proof("The DPoP proof JWT htm is not the method of the request."));
        }
        if proof.claim("htu") != Some(asked.address) {
            return Err(Refusal::proof("The DPoP proof JWT htu is not the address of the request."));
        }
        if proof.time("iat").is_none_or(|made| made.abs_diff(asked.now) > PROOF_SECONDS as u64) {
            return Err(Refusal::proof("The DPoP proof JWT was not issued within the last five minutes."));
        }
        if !proof
            .claim("jti")
            .is_some_and(|id| self.is_new(format!("proof {id}"), asked.now, 2 * PROOF_SECONDS))
        {
            return Err(Refusal::proof("The DPoP proof JWT jti is missing or was used before."));
        }
        Ok((proof, key))
    }

    /// The part of the wanted scopes that a token may have.
    fn granted(&self, wanted: &str) -> Result<Vec<String>, Refusal> {
        let wanted: Vec<&str> = wanted.split_whitespace().collect();
        if wanted.is_empty() {
            return Err(Refusal::new(
                400,
                "invalid_scope",
                "The request has no scope, and there is no default.",
            ));
        }
        let granted: Vec<String> =
            self.app.scopes.iter().filter(|scope| wanted.contains(&scope.as_str())).cloned().collect();
        if granted.len() < wanted.len() && !self.app.drop_unknown_scopes {
            return Err(Refusal::new(
                400,
                "invalid_scope",
                "One or more scopes are not configured for the authorization server resource.",
            ));
        }
        if granted.is_empty() {
            return Err(Refusal::new(400, "access_denied", "None of the requested scopes is allowed."));
        }
        Ok(granted)
    }

    /// What the token of a request to the API allows, if it has one in a form of OAuth.
    pub(super) fn admit(&self, asked: &Asked<'_>) -> Option<Result<Grant, Refusal>> {
        let value = asked.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        if scheme != "Bearer" && scheme != "DPoP" {
            return None;
        }
        let grant = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token).cloned()?;
        if grant.expires <= asked.now || grant.bound_to.is_some() != (scheme == "DPoP") {
            return None;
        }
        if let Some(bound_to) = &grant.bound_to {
            let proven = self.check_proof(asked).and_then(|(proof, key)| {
                if proof.claim("ath") != Some(&fingerprint(token)) {
                    Err(Refusal::proof("The DPoP proof JWT ath is not the hash of the access token."))
                } else if key != *bound_to {
                    Err(Refusal::proof(
                        "The DPoP proof JWT is signed by another key than the token is bound to.",
                    ))
                } else {
                    Ok(())
                }
            });
            if let Err(refusal) = proven {
                // Only a proof that is missing is a malformed request.
                let status = if asked.headers.contains_key("dpop") { 401 } else { refusal.status };
                return Some(Err(Refusal { status, ..refusal }));
            }
        }
        Some(Ok(grant))
    }

    /// Whether this id was not seen before. It is remembered for as long as what it belongs to could be valid.
    fn is_new(&self, id: String, now: i64, seconds: i64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.ids.len() >= seen.most {
            seen.ids.retain(|_, until| *until >= now);
            seen.most = (2 * seen.ids.len()).max(10_000);
        }
        seen.ids.insert(id, now + seconds).is_none()
    }

    fn nonce(&self, day: i64) -> String {
        base62(scramble(self.seed ^ day as u64), 22)
    }

    fn token(&self, now: i64) -> String {
        let number = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        let part = |part: u64| base62(scramble(self.seed ^ scramble(now as u64 ^ part) ^ number), 11);
        format!("oat{}{}{}{}", part(1), part(2), part(3), part(4))
    }
}

/// How old a proof may be, and how far ahead of the server's clock.
const PROOF_SECONDS: i64 = 300;

impl Grant {
    /// Why the app may not read this path, or what it gets instead of what is there; `None` if it may.
    pub(super) fn instead(&self, template: &str) -> Option<Result<Answer, Problem>> {
        if !scopes::needed(template).iter().all(|scope| self.has(scope)) {
            return Some(Err(Problem::forbidden()));
        }
        if template == "/api/v1/users/me" {
            return Some(Err(Problem::new(403, "E0000005", "Invalid session")));
        }
        if !self.no_admin_role {
            return None;
        }
        if template == "/api/v1/users" {
            let mut json = Json::with_capacity(2);
            json.raw("[]");
            return Some(Ok(Answer::json(json)));
        }
        Some(Err(Problem::forbidden()))
    }

    /// Whoever may manage may read as well.
    fn has(&self, scope: &str) -> bool {
        let manage = scope.strip_suffix(".read").map(|what| format!("{what}.manage"));
        self.scopes.iter().any(|granted| granted == scope || Some(granted) == manage.as_ref())
    }
}
