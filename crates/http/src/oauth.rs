//! Access tokens for a program that acts for itself: client credentials (RFC 6749), a signed assertion instead of a
//! password (RFC 7523), and tokens that are bound to a key of ours where the server wants that (RFC 9449).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde_json::{Value, json};
use sightline_core::budget::Call;
use sightline_core::{Error, ErrorKind, Result, Secret, Time};
use url::Url;
use zeroize::Zeroizing;

use crate::client::sensitive;
use crate::failure::{redirect, web_page};
use crate::jws::{self, Proof, ProofKey};
use crate::scopes::ScopeSearch;
use crate::wire::{ATTEMPTS, Patience, Received, Unanswered, Wire};
use crate::{PrivateKey, TokenRefusal};

/// How long an assertion is good for.
const ASSERTION_LIFETIME: Duration = Duration::from_mins(5);
/// What is left of a token when it is renewed, or a fifth of its lifetime where that is less.
const RENEWAL_MARGIN: Duration = Duration::from_mins(10);
/// Lifetime of a token whose answer does not say it.
const ASSUMED_LIFETIME: Duration = Duration::from_mins(5);
/// Between two attempts at renewing a token that is still good.
const RENEWAL_PAUSE: Duration = Duration::from_mins(1);
/// A token with less left may have expired when it arrives.
const SHORTEST_USE: Duration = Duration::from_secs(10);
/// Clocks that differ by less are no reason for a refusal.
const TOLERATED_SKEW_MILLIS: u64 = 5000;
const NONCE_HEADER: &str = "dpop-nonce";
/// Answers in a row that ask for a nonce.
const NONCES: u32 = 2;

/// What a client of a token endpoint is made of.
#[derive(Debug)]
pub struct OAuthSettings {
    /// The path of the token endpoint at the address of the client: `/oauth2/v1/token`.
    pub token_path: &'static str,
    /// The rate-limit bucket that its calls fall in.
    pub bucket: &'static str,
    /// The id of the client.
    pub client_id: String,
    /// Its private key, see [`PrivateKey::parse`].
    pub key: Secret,
    /// The id under which the public half is registered; that of the JWK where it is not given.
    pub key_id: Option<String>,
    /// What to ask for. Scopes that are not granted are left out, see
    /// [`Client::granted_scopes`](crate::Client::granted_scopes).
    pub scopes: Vec<String>,
    /// Whether to prove possession of a key from the first call on, and not only when the server asks for it.
    pub start_with_proof: bool,
    /// Turns an answer that is no token into an error; [`name_token_refusal`](crate::name_token_refusal) fits every
    /// provider.
    pub name_refusal: fn(&TokenRefusal) -> Error,
}

/// A client of a token endpoint, with its key already understood.
pub struct OAuth {
    token_path: &'static str,
    bucket: &'static str,
    client_id: String,
    key: PrivateKey,
    scopes: Vec<String>,
    start_with_proof: bool,
    name_refusal: fn(&TokenRefusal) -> Error,
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth")
            .field("client_id", &self.client_id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl OAuth {
    /// Checks the settings and reads the key; whatever is wrong is an [`ErrorKind::Config`].
    pub fn new(settings: OAuthSettings) -> Result<Self> {
        let client_id = settings.client_id.trim().to_owned();
        if client_id.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no client id was given"));
        }
        let key_id = settings.key_id.as_deref().map(str::trim).filter(|key_id| !key_id.is_empty());
        let key = PrivateKey::parse_named(&settings.key, key_id)?;
        if settings.scopes.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no scopes are asked for"));
        }
        let OAuthSettings { token_path, bucket, scopes, start_with_proof, name_refusal, .. } = settings;
        Ok(Self { token_path, bucket, client_id, key, scopes, start_with_proof, name_refusal })
    }
}

/// A token that was granted.
#[derive(Debug)]
pub(crate) struct AccessToken {
    secret: Secret,
    /// The key it is bound to, if it is.
    key: Option<Arc<ProofKey>>,
    granted_at: Time,
    lifetime: Duration,
    scopes: BTreeSet<String>,
}

impl AccessToken {
    pub(crate) const fn scopes(&self) -> &BTreeSet<String> {
        &self.scopes
    }

    pub(crate) const fn needs_proof(&self) -> bool {
        self.key.is_some()
    }

    fn left(&self, now: Time) -> Duration {
        self.lifetime.saturating_sub(now.since(self.granted_at))
    }

    fn is_good(&self, now: Time) -> bool {
        self.left(now) >= SHORTEST_USE.min(self.lifetime / 5)
    }

    fn is_due(&self, now: Time) -> bool {
        self.left(now) < RENEWAL_MARGIN.min(self.lifetime / 5)
    }
}

/// The tokens of one client at one host.
#[derive(Debug)]
pub(crate) struct Session {
    oauth: Arc<OAuth>,
    wire: Wire,
    state: Mutex<State>,
    /// Held by the one who gets a token.
    gate: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Arc<AccessToken>>,
    /// Set once the server has asked for proofs.
    proof_key: Option<Arc<ProofKey>>,
    nonce: Option<String>,
    /// What to ask for, where that is less than what is wanted.
    allowed: Option<Vec<String>>,
    /// Tokens that were asked for, whether they were granted or not.
    asked: u64,
    /// How the last one failed, for those who waited for it.
    failure: Option<(ErrorKind, String, Option<String>)>,
    /// A renewal failed: not again before.
    renew_after: Time,
}

/// An answer to a request for scopes.
enum Asked {
    Granted(AccessToken),
    /// Not these scopes, or not all of them.
    NotAllowed(Error),
}

#[derive(Deserialize)]
struct Granted {
    token_type: String,
    access_token: Secret,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    scope: Option<String>,
}

impl Session {
    pub(crate) fn new(oauth: Arc<OAuth>, wire: Wire) -> Self {
        Self { oauth, wire, state: Mutex::default(), gate: tokio::sync::Mutex::new(()) }
    }

    /// A token that is good for a while; gets one where there is none, renews it when its end is near.
    ///
    /// Whoever comes while one is being got waits for that one, and fails with it.
    pub(crate) async fn token(&self) -> Result<Arc<AccessToken>> {
        let now = self.wire.cx.clock.now();
        let (token, asked, renew_after) = {
            let state = self.state();
            (state.token.clone(), state.asked, state.renew_after)
        };
        match token.filter(|token| token.is_good(now)) {
            Some(token) if !token.is_due(now) || now < renew_after => Ok(token),
            Some(token) => self.renew(token, now).await,
            None => self.first(asked).await,
        }
    }

    /// Renews a token that is still good: nobody waits for it, and it may fail for a while.
    async fn renew(&self, token: Arc<AccessToken>, now: Time) -> Result<Arc<AccessToken>> {
        let Ok(_held) = self.gate.try_lock() else { return Ok(token) };
        let newest = self.state().token.clone();
        if let Some(newest) = newest.filter(|newest| !Arc::ptr_eq(newest, &token)) {
            return Ok(newest);
        }
        match self.replace().await {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Unavailable
                        | ErrorKind::Overloaded
                        | ErrorKind::Protocol
                        | ErrorKind::RateLimited { .. }
                ) =>
            {
                tracing::warn!(%error, "the access token was not renewed; it is good for a while yet");
                self.state().renew_after = now.after(RENEWAL_PAUSE);
                Ok(token)
            }
            renewed => renewed,
        }
    }

    /// Gets a token, or waits for the one that somebody else is getting.
    async fn first(&self, asked: u64) -> Result<Arc<AccessToken>> {
        let _held = if let Ok(held) = self.gate.try_lock() {
            held
        } else {
            // The budget may have set a place aside for this caller. Kept while waiting, it could be the very place that
            // the call for the token waits for; asking for another one gives it back.
            drop(self.wire.cx.budget.acquire(self.call()).await);
            self.gate.lock().await
        };
        {
            let now = self.wire.cx.clock.now();
            let state = self.state();
            if let Some(token) = state.token.as_ref().filter(|token| token.is_good(now)) {
                return Ok(token.clone());
            }
            if let Some((kind, text, hint)) = state.failure.as_ref().filter(|_| state.asked > asked) {
                let error = Error::new(kind.clone(), text);
                return Err(match hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                });
            }
        }
        self.replace().await
    }

    /// Forgets a token that was refused, unless there is a newer one already.
    pub(crate) fn discard(&self, refused: &Arc<AccessToken>) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            state.token = None;
        }
    }

    /// Adds the token to a call of this URL, and the proof that it is ours where it is bound to a key.
    pub(crate) fn sign(
        &self,
        builder: RequestBuilder,
        token: &AccessToken,
        url: &Url,
        nonce: Option<&str>,
    ) -> Result<RequestBuilder> {
        let Some(key) = &token.key else {
            return Ok(builder.header(AUTHORIZATION, sensitive("Bearer", &token.secret)?));
        };
        let now = self.wire.server_now();
        let token = &token.secret;
        let proof = key.prove(&Proof { method: "GET", url, now, nonce, token: Some(token.expose()) })?;
        Ok(builder.header(AUTHORIZATION, sensitive("DPoP", token)?).header("DPoP", proof))
    }

    /// The nonce that the server wants in proofs.
    pub(crate) fn nonce(&self) -> Option<String> {
        self.state().nonce.clone()
    }

    /// Keeps the nonce of an answer that carries one.
    pub(crate) fn learn_nonce(&self, headers: &HeaderMap) {
        if let Some(nonce) = headers.get(NONCE_HEADER).and_then(|nonce| nonce.to_str().ok()) {
            self.state().nonce = Some(nonce.to_owned());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is a single assignment: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) -> Call {
        Call { bucket: self.oauth.bucket, template: self.oauth.token_path }
    }

    /// Gets a token and keeps it; the gate is held meanwhile.
    async fn replace(&self) -> Result<Arc<AccessToken>> {
        let result = self.obtain().await;
        let mut state = self.state();
        state.asked += 1;
        match result {
            Ok(token) => {
                let token = Arc::new(token);
                state.token = Some(token.clone());
                state.failure = None;
                Ok(token)
            }
            Err(error) => {
                let hint = error.hint_text().map(str::to_owned);
                state.failure = Some((error.kind().clone(), error.message().to_owned(), hint));
                Err(error)
            }
        }
    }

    /// Gets a token for as many of the wanted scopes as the server grants.
    async fn obtain(&self) -> Result<AccessToken> {
        let wanted = &self.oauth.scopes;
        let allowed = self.state().allowed.clone();
        let refused = match self.ask(allowed.as_ref().unwrap_or(wanted)).await? {
            Asked::Granted(token) => return Ok(self.noted(token)),
            Asked::NotAllowed(error) => error,
        };
        // What was allowed once may no longer be, and more may be now.
        let mut last = None;
        let mut search = ScopeSearch::new(wanted.clone());
        while let Some(question) = search.next_question() {
            let answer = self.ask(&question).await?;
            search.learn(matches!(answer, Asked::Granted(_)));
            if let Asked::Granted(token) = answer {
                last = Some((question, token));
            }
        }
        let granted = search.into_granted();
        let token = match last {
            None => return Err(refused),
            Some((asked, token)) if asked.len() == granted.len() => token,
            Some(_) => match self.ask(&granted).await? {
                Asked::Granted(token) => token,
                Asked::NotAllowed(error) => return Err(error),
            },
        };
        self.state().allowed = Some(granted);
        Ok(self.noted(token))
    }

    /// Says which scopes are missing.
    fn noted(&self, token: AccessToken) -> AccessToken {
        let missing: Vec<&str> = self
            .oauth
            .scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| !token.scopes.contains(*scope))
            .collect();
        if !missing.is_empty() {
            tracing::info!(scopes = missing.join(" "), "scopes that are not granted");
        }
        token
    }

    /// Asks for these scopes, again where that may help, with a new assertion each time.
    async fn ask(&self, scopes: &[String]) -> Result<Asked> {
        let host = self.wire.address.host();
        let mut patience = Patience::default();
        let mut nonces = 0;
        let mut corrected = false;
        if self.oauth.start_with_proof {
            self.start_proofs()?;
        }
        loop {
            let key = self.state().proof_key.clone();
            let mut skew = 0;
            let received = self.wire.exchange(self.call(), |http| {
                skew = self.wire.skew_millis().unwrap_or(0);
                self.request(http, scopes, key.as_deref())
            });
            let received = match received.await {
                Ok(received) => received,
                Err(Unanswered::Failed(error)) => return Err(error),
                Err(Unanswered::Again(error)) => {
                    patience.again(self.oauth.token_path, error, ATTEMPTS).await?;
                    continue;
                }
            };
            self.learn_nonce(&received.headers);
            match received.status {
                200..=299 if received.is_html() => return Err(web_page(host)),
                200..=299 => return self.understand(received, scopes, key).map(Asked::Granted),
                300..=399 => return Err(redirect(host)),
                429 => {
                    let until = received.again_at;
                    let text = format!("the rate limit of {} is used up until {until}", self.oauth.bucket);
                    return Err(Error::new(ErrorKind::RateLimited { until }, text));
                }
                _ => {}
            }
            let refusal = self.refusal(&received);
            let has_nonce = received.headers.contains_key(NONCE_HEADER);
            let clock_was_off = || {
                let known = self.wire.skew_millis().unwrap_or(0);
                known.abs_diff(skew) > TOLERATED_SKEW_MILLIS
            };
            match refusal.error.as_str() {
                "invalid_dpop_proof" if key.is_none() => self.start_proofs()?,
                "use_dpop_nonce" if has_nonce && nonces < NONCES => {
                    nonces += 1;
                    self.start_proofs()?;
                }
                // The answer told the server's time.
                "invalid_client" | "invalid_dpop_proof" if !corrected && clock_was_off() => corrected = true,
                "invalid_scope" | "access_denied" => {
                    return Ok(Asked::NotAllowed((self.oauth.name_refusal)(&refusal)));
                }
                _ => {
                    let error = (self.oauth.name_refusal)(&refusal);
                    if !error.may_pass() {
                        return Err(error);
                    }
                    patience.again(self.oauth.token_path, error, ATTEMPTS).await?;
                }
            }
        }
    }

    fn start_proofs(&self) -> Result<()> {
        if self.state().proof_key.is_none() {
            let key = Arc::new(ProofKey::new()?);
            self.state().proof_key = Some(key);
        }
        Ok(())
    }

    fn refusal(&self, received: &Received) -> TokenRefusal {
        let refusal = TokenRefusal::read(received.status, &received.body, self.wire.address.host());
        let clock_skew = self.wire.skew_millis().map(|skew| -skew / 1000);
        TokenRefusal { key_id: self.oauth.key.key_id().map(str::to_owned), clock_skew, ..refusal }
    }

    /// A request with an assertion, and perhaps a proof, that were never sent before: the server takes each only once.
    fn request(
        &self,
        http: &reqwest::Client,
        scopes: &[String],
        key: Option<&ProofKey>,
    ) -> Result<RequestBuilder> {
        let url = self.wire.address.at(self.oauth.token_path);
        let now = self.wire.server_now();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", &scopes.join(" "))
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", &self.assertion(&url, now)?)
            .finish();
        let mut builder = http
            .post(url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        if let Some(key) = key {
            let nonce = self.nonce();
            let proof = Proof { method: "POST", url: &url, now, nonce: nonce.as_deref(), token: None };
            builder = builder.header("DPoP", key.prove(&proof)?);
        }
        Ok(builder)
    }

    fn assertion(&self, url: &Url, now: Time) -> Result<String> {
        let key = &self.oauth.key;
        let mut header = json!({ "typ": "JWT", "alg": key.algorithm() });
        if let Some(key_id) = key.key_id() {
            header["kid"] = key_id.into();
        }
        let seconds = |time: Time| time.millis().div_euclid(1000);
        let claims = json!({
            "iss": self.oauth.client_id,
            "sub": self.oauth.client_id,
            "aud": url.as_str(),
            "iat": seconds(now),
            "exp": seconds(now.after(ASSERTION_LIFETIME)),
            "jti": jws::fresh_id()?,
        });
        jws::sign(&header, &claims, |message| key.sign(message))
    }

    /// Reads a token out of an answer, which is wiped afterwards.
    fn understand(
        &self,
        received: Received,
        asked: &[String],
        key: Option<Arc<ProofKey>>,
    ) -> Result<AccessToken> {
        let host = self.wire.address.host();
        let body = Zeroizing::new(received.body);
        // What serde_json says may quote the answer, so it is left out.
        let granted: Granted = serde_json::from_slice(&body).map_err(|_| {
            Error::new(
                ErrorKind::Protocol,
                format!("{host} granted a token in a form that is not understood"),
            )
        })?;
        let key = match (granted.token_type.to_ascii_lowercase().as_str(), key) {
            ("bearer", _) => None,
            ("dpop", Some(key)) => Some(key),
            _ => {
                let text = format!("{host} granted a token of a type that was not asked for");
                return Err(Error::new(ErrorKind::Protocol, text));
            }
        };
        sensitive("Bearer", &granted.access_token)?;
        let seconds = match &granted.expires_in {
            Value::String(text) => text.trim().parse().ok(),
            number => number.as_u64(),
        };
        let scopes = match &granted.scope {
            Some(scopes) => scopes.split_ascii_whitespace().map(str::to_owned).collect(),
            // Without a word about it, it is what was asked for.
            None => asked.iter().cloned().collect(),
        };
        Ok(AccessToken {
            secret: granted.access_token,
            key,
            granted_at: self.wire.cx.clock.now(),
            lifetime: seconds.map_or(ASSUMED_LIFETIME, Duration::from_secs),
            scopes,
        })
    }
}
