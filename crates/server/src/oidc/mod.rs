//! Sign-in with an OpenID Connect provider: the authorization code flow, with PKCE, `state` and a nonce.
//!
//! - A browser is sent to the provider and comes back with a code. What it left with stays here, for ten minutes and one
//!   use, and a cookie binds it to that browser: nobody is signed in with what another has begun.
//! - The code is exchanged for an ID token, which `openidconnect` checks: who made it, for whom, when, for which request,
//!   signed by what. The provider is the only one that is called, see `wire`.
//! - `person`: which user that is. The session begins as with a password.
//! - Whatever fails ends in a page that says what happened and what to do. No code, token or secret is in a page, a log
//!   or the audit log.

mod pending;
mod person;
mod provider;
mod refusal;
mod wire;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use openidconnect::RedirectUrl;
use serde::Deserialize;
use sightline_core::Secret;
use sightline_store::{AuditNote, OidcSubject, StoreError, UserRecord};
use url::Url;

use crate::app::{App, Shared};
use crate::auth::{self, Guesser, Identity, cookie, new_secret};
use crate::layout::gate;
use crate::options::{OidcOptions, ServerError};
use crate::pages::Answer;
use crate::pages::gate::{begin, local, with_cookie};
use crate::problem::Problem;

use pending::{Begun, Pending, Taken};
use provider::{Provider, error_code};
use refusal::Refusal;

/// Longest path to go on to.
const MOST_NEXT: usize = 2000;
/// Longest explanation of a provider that is shown.
const MOST_TOLD: usize = 200;

/// Sign-in with a provider.
#[derive(Debug)]
pub(crate) struct Oidc {
    options: OidcOptions,
    name: String,
    provider: Provider,
    pending: Pending,
}

impl Oidc {
    pub(crate) fn new(options: OidcOptions) -> Result<Self, ServerError> {
        let provider = Provider::new(options.clone())?;
        let name = options.name.clone().unwrap_or_else(|| provider.host().to_owned());
        Ok(Self { options, name, provider, pending: Pending::default() })
    }

    /// What people call the provider.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Where somebody signs in from, as far as attempts that went wrong are counted: apart from guesses of passwords, for which
/// nobody is let off because of an account at the provider.
fn keys(from: &auth::From) -> [Guesser; 1] {
    [Guesser::Provider(from.0.clone().unwrap_or_default())]
}

/// The cookie that binds a sign-in to a browser.
fn cookie_name(app: &App) -> &'static str {
    // The prefix makes browsers refuse a cookie that another host or an insecure page has set.
    if app.cookies().secure { "__Host-sightline_oidc" } else { "sightline_oidc" }
}

/// `Lax`: the browser comes back from another site.
fn cookie_of(app: &App, value: &str, seconds: u64) -> String {
    let secure = if app.cookies().secure { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}", cookie_name(app))
}

fn set_up(app: &App) -> Result<&Oidc, Problem> {
    app.oidc().ok_or_else(|| {
        Problem::not_found("sign-in with an identity provider is not set up")
            .hint("config/sightline.toml of the project documents server.oidc")
    })
}

/// Where the provider sends browsers back to.
fn redirect(app: &App) -> Result<RedirectUrl, Problem> {
    RedirectUrl::new(format!("{}/oidc/callback", app.base()))
        .map_err(|_| Problem::internal("naming the way back from the provider"))
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Start {
    next: Option<String>,
    /// Whether the provider should ask which account.
    other: Option<String>,
    /// Whether the browser was sent to the address that people use already.
    moved: Option<String>,
}

/// Sends a browser to the provider.
pub(crate) async fn start(
    State(app): State<Shared>,
    identity: Option<Extension<Identity>>,
    Extension(from): Extension<auth::From>,
    query: Result<Query<Start>, QueryRejection>,
    headers: HeaderMap,
) -> Answer {
    let oidc = set_up(&app)?;
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let next = local(query.next.as_deref().filter(|next| next.len() <= MOST_NEXT));
    if identity.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    let choose = query.other.is_some();
    if query.moved.is_none()
        && let Some(base) = other_base(&app, &headers)
    {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let other = if choose { "&other=1" } else { "" };
        return Ok(Redirect::to(&format!("{base}/oidc/start?next={next}&moved=1{other}")).into_response());
    }
    let now = app.now();
    if let Some(wait) = app.throttle().wait(&keys(&from), now) {
        let wait = wait.max(std::time::Duration::from_secs(1));
        let mut response = page(oidc, &headers, &Refusal::TooMany { wait }, next)?;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
        return Ok(response);
    }
    let metadata = match oidc.provider.metadata().await {
        Ok(metadata) => metadata,
        Err(refusal) => return refuse(&app, oidc, &from, &headers, next, &refusal, None),
    };
    let request = provider::request()?;
    let address = oidc.provider.authorize(&metadata, redirect(&app)?, &request, choose);
    let browser = new_secret()?;
    let begun = Begun {
        browser: sightline_store::SecretHash::of(browser.expose()),
        nonce: request.nonce,
        verifier: request.verifier,
        next: next.to_owned(),
        address: from.0,
        at: now,
    };
    oidc.pending.keep(&request.state, begun);
    let response = Redirect::to(address.as_str()).into_response();
    with_cookie(response, &cookie_of(&app, browser.expose(), pending::KEPT.as_secs()))
}

/// The address that people use, where a browser has come to another one: the provider sends it to that address, where a
/// cookie of this one would be missing.
fn other_base(app: &App, headers: &HeaderMap) -> Option<String> {
    let base = app.base();
    let url = base.parse::<Url>().ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let authority = format!("{}{port}", url.host_str()?);
    let asked = headers.get(header::HOST)?.to_str().ok()?;
    (!asked.eq_ignore_ascii_case(&authority)).then_some(base)
}

/// What a browser comes back with.
#[derive(Default, Deserialize)]
pub(crate) struct Callback {
    #[serde(default)]
    state: String,
    code: Option<Secret>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

/// Takes a browser back from the provider.
pub(crate) async fn callback(
    State(app): State<Shared>,
    Extension(from): Extension<auth::From>,
    query: Result<Query<Callback>, QueryRejection>,
    headers: HeaderMap,
) -> Answer {
    let oidc = set_up(&app)?;
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let browser = cookie(&headers, cookie_name(&app));
    let mut next = "/".to_owned();
    let finished = match oidc.pending.take(&query.state, browser.as_deref(), app.now()) {
        Taken::Unknown => Err(Refusal::UnknownState.into()),
        Taken::Elsewhere => Err(Refusal::OtherBrowser.into()),
        Taken::Begun(begun) => {
            next.clone_from(&begun.next);
            finish(&app, oidc, &from, query, begun).await
        }
    };
    let mut response = match finished {
        Ok(user) => {
            app.throttle().succeeded(&keys(&from));
            begin(&app, &user, &from, &next, &format!("with {}", oidc.name()))?
        }
        Err(Stopped::Refused { refusal, who }) => {
            refuse(&app, oidc, &from, &headers, &next, &refusal, who.as_ref())?
        }
        Err(Stopped::Broken(problem)) => return Err(problem),
    };
    // The address holds the code: it goes nowhere from here.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    with_cookie(response, &cookie_of(&app, "", 0))
}

/// Why nobody was signed in.
enum Stopped {
    Refused {
        refusal: Refusal,
        /// The account at the provider, where it is known.
        who: Option<OidcSubject>,
    },
    Broken(Problem),
}

impl<R: Into<Refusal>> From<R> for Stopped {
    fn from(refusal: R) -> Self {
        Self::Refused { refusal: refusal.into(), who: None }
    }
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self::Broken(problem)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
    }
}

/// The user of what a browser came back with.
async fn finish(
    app: &App,
    oidc: &Oidc,
    from: &auth::From,
    query: Callback,
    begun: Begun,
) -> Result<UserRecord, Stopped> {
    // Providers that say who they are keep an answer of one from being taken for that of another (RFC 9207).
    if query.iss.is_some_and(|issuer| issuer != oidc.options.issuer) {
        return Err(Refusal::MixedUp.into());
    }
    if let Some(error) = query.error {
        let description = query.error_description.map(|text| {
            let text: String = text.chars().filter(|c| !c.is_control()).take(MOST_TOLD).collect();
            text.trim().to_owned()
        });
        let description = description.filter(|text| !text.is_empty());
        return Err(Refusal::ProviderSaid { code: error_code(&error), description }.into());
    }
    let code = query.code.filter(|code| !code.expose().is_empty()).ok_or(Refusal::NoCode)?;
    let way_back = redirect(app)?;
    let account = oidc
        .provider
        .account(code.expose().to_owned(), &begun.nonce, begun.verifier, way_back.clone(), app.now())
        .await?;
    person::user_of(app, oidc, from, &account, way_back).await.map_err(|stopped| match stopped {
        Stopped::Refused { refusal, .. } => Stopped::Refused { refusal, who: Some(account.subject) },
        broken @ Stopped::Broken(_) => broken,
    })
}

/// Writes down why somebody was not signed in, and says it.
fn refuse(
    app: &App,
    oidc: &Oidc,
    from: &auth::From,
    headers: &HeaderMap,
    next: &str,
    refusal: &Refusal,
    who: Option<&OidcSubject>,
) -> Answer {
    if refusal.is_about_the_provider() {
        tracing::warn!(host = oidc.provider.host(), reason = %refusal, "sign-in with the identity provider failed");
    }
    if refusal.is_audited() {
        app.throttle().failed(&keys(from), app.now());
        let who = who.map(|who| format!(" ({})", person::words(who))).unwrap_or_default();
        let note = AuditNote {
            detail: Some(format!("with {}: {refusal}{who}", oidc.name())),
            ..from.note(app, "session.begin", refusal.outcome())
        };
        app.store().append_audit(&note)?;
    }
    page(oidc, headers, refusal, next)
}

#[derive(Template)]
#[template(path = "oidc.html")]
struct RefusedPage<'a> {
    what: String,
    todo: String,
    next: &'a str,
    provider: &'a str,
    /// Whether to offer another account.
    other: bool,
}

fn page(oidc: &Oidc, headers: &HeaderMap, refusal: &Refusal, next: &str) -> Answer {
    let page = RefusedPage {
        what: refusal.to_string(),
        todo: refusal.todo(),
        next,
        provider: oidc.name(),
        other: refusal.is_about_the_account(),
    };
    let status: StatusCode = refusal.status();
    gate(headers, status, "Not signed in", &page)
}
