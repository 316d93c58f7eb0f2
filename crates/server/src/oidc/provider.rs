//! The provider: what it says about itself, and what it says about somebody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreErrorResponseType,
    CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
    CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    DiscoveryError, EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, TokenResponse as _, UserInfoError,
};
use sightline_core::Time;
use sightline_store::OidcSubject;
use tokio::sync::Mutex;
use url::Url;

use super::refusal::Refusal;
use super::wire::{Wire, WireError};
use crate::options::{OidcOptions, ServerError};
use crate::problem::Problem;

/// What the provider says about itself is asked again after so long.
const FRESH: Duration = Duration::from_hours(1);
/// Keys that are not known are asked for at most so often: anybody can make up the id of a key.
const RENEWED_AT_MOST: Duration = Duration::from_secs(10);
/// A provider that did not answer is asked again after so long.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A token that was made so much later, by our clock, is not believed: one of the clocks is wrong.
const SLACK: Duration = Duration::from_mins(5);
/// Longest code, subject and address that are taken on.
const MOST_BYTES: usize = 2048;

/// What a signature of an ID token may be made with: never nothing, and never the client secret, which both sides know.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type ReadyClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The provider, and what it has said about itself.
#[derive(Debug)]
pub(super) struct Provider {
    options: OidcOptions,
    issuer: IssuerUrl,
    wire: Wire,
    host: String,
    /// Held while the provider is asked, so that many who sign in at once ask once.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    metadata: Option<(Arc<CoreProviderMetadata>, Instant)>,
    failed: Option<(Refusal, Instant)>,
    renewed: Option<Instant>,
}

/// What a browser is sent to the provider with.
pub(super) struct Request {
    pub(super) state: String,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

/// An account at the provider, whose ID token has been checked.
pub(super) struct Account {
    pub(super) subject: OidcSubject,
    /// The e-mail address in the token, and whether the provider has verified it.
    email: Option<(String, bool)>,
    access_token: AccessToken,
    claims: CoreIdTokenClaims,
}

impl Provider {
    pub(super) fn new(options: OidcOptions) -> Result<Self, ServerError> {
        let (wire, host) = Wire::new(&options)?;
        let issuer = IssuerUrl::new(options.issuer.clone()).map_err(|error| ServerError::Oidc {
            reason: format!("issuer: {error}"),
            hint: "give the address of the provider".to_owned(),
        })?;
        Ok(Self { options, issuer, wire, host, known: Mutex::default() })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// What the provider says about itself, asked for where it is not known or old.
    pub(super) async fn metadata(&self) -> Result<Arc<CoreProviderMetadata>, Refusal> {
        let mut known = self.known.lock().await;
        if let Some((metadata, since)) = &known.metadata
            && since.elapsed() < FRESH
        {
            return Ok(metadata.clone());
        }
        if let Some((refusal, since)) = &known.failed
            && since.elapsed() < AFTER_FAILURE
        {
            return Err(refusal.clone());
        }
        self.discover(&mut known).await
    }

    /// The same, newer than what was known; none where that was asked for just before.
    async fn renewed(
        &self,
        old: &Arc<CoreProviderMetadata>,
    ) -> Result<Option<Arc<CoreProviderMetadata>>, Refusal> {
        let mut known = self.known.lock().await;
        if let Some((metadata, _)) = &known.metadata
            && !Arc::ptr_eq(metadata, old)
        {
            return Ok(Some(metadata.clone()));
        }
        if known.renewed.is_some_and(|since| since.elapsed() < RENEWED_AT_MOST) {
            return Ok(None);
        }
        known.renewed = Some(Instant::now());
        self.discover(&mut known).await.map(Some)
    }

    async fn discover(&self, known: &mut Known) -> Result<Arc<CoreProviderMetadata>, Refusal> {
        let found = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.wire).await;
        let checked = found.map_err(|error| self.not_discovered(error)).and_then(|metadata| {
            self.wire.check_for_browsers(metadata.authorization_endpoint().url())?;
            let endpoint =
                metadata.token_endpoint().ok_or_else(|| self.no_provider("it names no token endpoint"))?;
            self.wire.check(endpoint.url())?;
            Ok(metadata)
        });
        match checked {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                known.metadata = Some((metadata.clone(), Instant::now()));
                known.failed = None;
                Ok(metadata)
            }
            Err(refusal) => {
                known.failed = Some((refusal.clone(), Instant::now()));
                Err(refusal)
            }
        }
    }

    fn no_provider(&self, reason: impl Into<String>) -> Refusal {
        Refusal::NoProvider { host: self.host.clone(), reason: reason.into() }
    }

    /// What the provider sent is in none of the texts.
    fn not_discovered(&self, error: DiscoveryError<WireError>) -> Refusal {
        match error {
            DiscoveryError::Request(error) => error.into(),
            // The only thing that is compared is the name.
            DiscoveryError::Validation(_) => Refusal::OtherName,
            DiscoveryError::Response(status, ..) if status.is_success() => {
                self.no_provider("its answer is no JSON")
            }
            DiscoveryError::Response(status, ..) => self.no_provider(format!("status {}", status.as_u16())),
            DiscoveryError::Parse(error) => self.no_provider(format!("at {}", error.path())),
            _ => self.no_provider("its address cannot be called"),
        }
    }

    fn client(&self, metadata: &CoreProviderMetadata, redirect: RedirectUrl) -> ReadyClient {
        let secret =
            self.options.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let methods = metadata.token_endpoint_auth_methods_supported();
        // Who names no method takes the first of these.
        let auth_type = match methods {
            Some(methods)
                if !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                    && methods.contains(&CoreClientAuthMethod::ClientSecretPost) =>
            {
                AuthType::RequestBody
            }
            _ => AuthType::BasicAuth,
        };
        CoreClient::from_provider_metadata(
            metadata.clone(),
            ClientId::new(self.options.client_id.clone()),
            secret,
        )
        .set_redirect_uri(redirect)
        .set_auth_type(auth_type)
    }

    /// Where a browser is sent with this request.
    pub(super) fn authorize(
        &self,
        metadata: &CoreProviderMetadata,
        redirect: RedirectUrl,
        request: &Request,
        choose: bool,
    ) -> Url {
        let client = self.client(metadata, redirect);
        let (state, nonce) = (CsrfToken::new(request.state.clone()), request.nonce.clone());
        let mut asked = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
            .add_scopes(
                self.options.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new),
            )
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&request.verifier));
        if choose {
            asked = asked.add_prompt(CoreAuthPrompt::SelectAccount);
        }
        asked.url().0
    }

    /// Whose code this is.
    pub(super) async fn account(
        &self,
        code: String,
        nonce: &Nonce,
        verifier: PkceCodeVerifier,
        redirect: RedirectUrl,
        now: Time,
    ) -> Result<Account, Refusal> {
        if code.len() > MOST_BYTES {
            return Err(Refusal::NoCode);
        }
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, redirect);
        let request =
            client.exchange_code(AuthorizationCode::new(code)).map_err(|_| Refusal::NotUnderstood)?;
        let answer: CoreTokenResponse =
            request.set_pkce_verifier(verifier).request_async(&self.wire).await.map_err(not_exchanged)?;
        let token = answer.id_token().ok_or(Refusal::NoIdToken)?;
        let claims = match self.verify(&metadata, token, nonce, now) {
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                // The provider may have begun to sign with another key.
                let renewed = self.renewed(&metadata).await?.ok_or(Refusal::Signature)?;
                self.verify(&renewed, token, nonce, now)
            }
            other => other,
        };
        let claims = claims.map_err(|error| self.not_believed(&error))?;
        let subject = claims.subject().as_str();
        if subject.is_empty() || subject.len() > MOST_BYTES {
            return Err(Refusal::Token);
        }
        Ok(Account {
            subject: OidcSubject { issuer: self.options.issuer.clone(), subject: subject.to_owned() },
            email: claims.email().map(|email| (email.to_string(), claims.email_verified() == Some(true))),
            access_token: answer.access_token().clone(),
            claims: claims.clone(),
        })
    }

    fn verify<'t>(
        &self,
        metadata: &CoreProviderMetadata,
        token: &'t CoreIdToken,
        nonce: &Nonce,
        now: Time,
    ) -> Result<&'t CoreIdTokenClaims, ClaimsVerificationError> {
        let verifier = CoreIdTokenVerifier::new_public_client(
            ClientId::new(self.options.client_id.clone()),
            self.issuer.clone(),
            metadata.jwks().clone(),
        );
        let latest = now.after(SLACK).millis() / 1000;
        let verifier = verifier.set_allowed_algs(ALGORITHMS).set_issue_time_verifier_fn(move |made| {
            if made.timestamp() > latest { Err(FUTURE.to_owned()) } else { Ok(()) }
        });
        token.claims(&verifier, nonce)
    }

    fn not_believed(&self, error: &ClaimsVerificationError) -> Refusal {
        let skew_secs = self.wire.skew_secs();
        match error {
            ClaimsVerificationError::Expired(text) if text == FUTURE => Refusal::FromTheFuture { skew_secs },
            ClaimsVerificationError::Expired(_) => Refusal::Expired { skew_secs },
            ClaimsVerificationError::InvalidAudience(_) => Refusal::Audience,
            ClaimsVerificationError::InvalidIssuer(_) => Refusal::Issuer,
            ClaimsVerificationError::InvalidNonce(_) => Refusal::Nonce,
            ClaimsVerificationError::SignatureVerification(_) => Refusal::Signature,
            _ => Refusal::Token,
        }
    }

    /// The e-mail address of an account and whether the provider has verified it; asked for where the token does not
    /// tell, as tokens of Okta do not where they come with an access token.
    pub(super) async fn email(
        &self,
        account: &Account,
        redirect: RedirectUrl,
    ) -> Result<Option<(String, bool)>, Refusal> {
        let bounded = |email: Option<(String, bool)>| email.filter(|(email, _)| email.len() <= MOST_BYTES);
        if account.email.is_some() {
            return Ok(bounded(account.email.clone()));
        }
        let metadata = self.metadata().await?;
        let client = self.client(&metadata, redirect);
        let subject = account.claims.subject().clone();
        let Ok(request) = client.user_info(account.access_token.clone(), Some(subject)) else {
            return Ok(None);
        };
        let claims: CoreUserInfoClaims =
            request.request_async(&self.wire).await.map_err(|error| match error {
                UserInfoError::Request(error) => error.into(),
                UserInfoError::ClaimsVerification(_) => Refusal::Token,
                _ => Refusal::NotUnderstood,
            })?;
        Ok(bounded(claims.email().map(|email| (email.to_string(), claims.email_verified() == Some(true)))))
    }
}

/// How the check of the time at which a token was made says what it found.
const FUTURE: &str = "from the future";

/// What the provider sent is in none of the texts, but for the code of its refusal.
fn not_exchanged(
    error: RequestTokenError<WireError, openidconnect::StandardErrorResponse<CoreErrorResponseType>>,
) -> Refusal {
    match error {
        RequestTokenError::Request(error) => error.into(),
        RequestTokenError::ServerResponse(answer) => {
            let code = error_code(answer.error().as_ref());
            match code.as_str() {
                "invalid_client" | "unauthorized_client" | "unsupported_grant_type" | "invalid_scope" => {
                    Refusal::ServerRefused { code }
                }
                _ => Refusal::CodeRefused { code },
            }
        }
        _ => Refusal::NotUnderstood,
    }
}

/// The code of an error if it looks like one.
pub(super) fn error_code(code: &str) -> String {
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if !code.is_empty() && code.len() <= 64 && code.bytes().all(is_code) {
        code.to_owned()
    } else {
        "an error without a name".to_owned()
    }
}

/// A request with secrets that nobody had before.
pub(super) fn request() -> Result<Request, Problem> {
    let secret = || Ok::<_, Problem>(crate::auth::new_secret()?.expose().to_owned());
    Ok(Request { state: secret()?, nonce: Nonce::new(secret()?), verifier: PkceCodeVerifier::new(secret()?) })
}
