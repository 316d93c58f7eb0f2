//! Who asks, and whether they may: sessions, API tokens, roles, and requests that another site has forged.

mod origin;
pub mod password;
mod sessions;
mod throttle;
mod tickets;

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use sightline_store::{Actor, AuditNote, Outcome, SecretHash, TokenScope, UserRecord, UserRole};

use crate::app::{App, Shared};
use crate::problem::Problem;

pub(crate) use origin::check_host;
pub(crate) use sessions::{Cookies, Sessions, cookie, new_secret};
pub(crate) use throttle::{Guesser, Throttle};
pub(crate) use tickets::{Purpose, Tickets};

/// The header that carries the token against forged requests.
pub(crate) const CSRF_HEADER: &str = "x-csrf-token";
/// The field of a form that carries it.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// Somebody who is known, and how.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) user: UserRecord,
    pub(crate) by: By,
    /// Where the request came from, for the audit log.
    pub(crate) address: Option<String>,
}

/// What somebody is known by.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// A session, with the token that its forms carry.
    Session { hash: SecretHash, csrf: String },
    /// An API token.
    Token { id: u64, name: String, may_manage: bool },
}

impl Identity {
    /// The token that forms of this session carry; empty for API tokens, which have none.
    pub(crate) fn csrf(&self) -> &str {
        match &self.by {
            By::Session { csrf, .. } => csrf,
            By::Token { .. } => "",
        }
    }

    /// How this person stands in the audit log.
    pub(crate) fn actor(&self) -> Actor {
        let user = self.user.name.clone();
        match &self.by {
            By::Session { .. } => Actor::User { id: self.user.id, name: user },
            By::Token { id, name, .. } => Actor::Token { id: *id, name: name.clone(), user },
        }
    }

    /// An entry of the audit log: this was done.
    pub(crate) fn did(&self, app: &App, action: &str) -> AuditNote {
        AuditNote { address: self.address.clone(), ..AuditNote::done(app.now(), self.actor(), action) }
    }

    /// The same of something.
    pub(crate) fn did_to(&self, app: &App, action: &str, target: impl Into<String>) -> AuditNote {
        AuditNote { target: Some(target.into()), ..self.did(app, action) }
    }

    /// Whether it may do what a role may.
    pub(crate) fn is_at_least(&self, role: UserRole) -> bool {
        rank(self.user.role) >= rank(role)
    }
}

const fn rank(role: UserRole) -> u8 {
    match role {
        UserRole::Viewer => 0,
        UserRole::Auditor => 1,
        UserRole::Admin => 2,
    }
}

/// Where a request came from.
///
/// Behind a proxy it is the last address that the proxy itself has added: what stands before that the client wrote.
fn address_of(app: &App, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<String> {
    if app.options().behind_proxy {
        let told =
            headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        let last = told.and_then(|told| told.rsplit(',').next()).map(str::trim);
        if let Some(address) = last.and_then(|last| last.parse::<std::net::IpAddr>().ok()) {
            return Some(address.to_string());
        }
    }
    peer.map(|peer| peer.ip().to_string())
}

/// The address that a request came from, for what happens before anybody is known.
#[derive(Debug, Clone)]
pub(crate) struct From(pub(crate) Option<String>);

impl From {
    /// An entry of the audit log about somebody who is not known.
    pub(crate) fn note(&self, app: &App, action: &str, outcome: Outcome) -> AuditNote {
        AuditNote {
            at: app.now(),
            actor: Actor::Anonymous,
            action: action.to_owned(),
            target: None,
            detail: None,
            outcome,
            address: self.0.clone(),
        }
    }
}

/// Whether a program asks, and not a person: who is not known is told so, and not led to a page.
///
/// It is decided before routes take off the part of the path that they are below.
#[derive(Debug, Clone, Copy)]
struct IsApi(bool);

/// Finds out who asks, refuses what another site has forged, and gives sessions a new secret from time to time.
pub(crate) async fn authenticate(State(app): State<Shared>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let address = address_of(&app, request.headers(), peer);
    request.extensions_mut().insert(From(address.clone()));
    let is_api = IsApi(request.uri().path().starts_with("/api/"));
    request.extensions_mut().insert(is_api);
    if is_unsafe(request.method())
        && let Err(problem) = origin::check(request.headers())
    {
        return problem.into_response();
    }
    let identity = match identify(&app, request.headers(), address) {
        Ok(identity) => identity,
        Err(problem) => return problem.into_response(),
    };
    let mut new_cookie = None;
    if let Some(identity) = identity {
        if let By::Session { hash, .. } = &identity.by
            && request.method() == Method::GET
        {
            match app.sessions().rotated(&app, *hash) {
                Ok(secret) => new_cookie = secret.map(|secret| app.cookies().session(secret.expose())),
                Err(error) => return Problem::from(error).into_response(),
            }
        }
        request.extensions_mut().insert(identity);
    }
    let mut response = next.run(request).await;
    // Who signs out or in meanwhile has said already which cookie there is.
    if let Some(cookie) = new_cookie
        && !response.headers().contains_key(header::SET_COOKIE)
        && let Ok(value) = HeaderValue::from_str(&cookie)
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Who sent these headers: nobody who is known where they name nobody or a session that has ended; a token that is not
/// good is a problem, because whoever sends one relies on it.
fn identify(app: &App, headers: &HeaderMap, address: Option<String>) -> Result<Option<Identity>, Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|text| text.split_once(' '));
        let secret =
            bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret);
        let identity = match secret {
            Some(secret) => app.sessions().of_token(app, secret.trim(), address)?,
            None => None,
        };
        return identity.map(Some).ok_or_else(|| {
            Problem::signed_out()
                .hint("the API token is wrong, has expired or was removed, or its user is disabled")
        });
    }
    app.cookies().read(headers).map_or(Ok(None), |secret| app.sessions().of_cookie(app, &secret, address))
}

/// Somebody with a role, as a handler takes it; nobody with less gets to it.
macro_rules! role {
    ($(#[$doc:meta])* $name:ident, $role:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) Identity);

        impl FromRequestParts<Shared> for $name {
            type Rejection = Response;

            async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Response> {
                require(parts, $role).map(Self)
            }
        }
    };
}

role! {
    /// Anybody who is signed in.
    Viewer, UserRole::Viewer
}
role! {
    /// Who reads everything.
    Auditor, UserRole::Auditor
}
role! {
    /// Who may do everything.
    Admin, UserRole::Admin
}

#[expect(clippy::result_large_err, reason = "it is what an extractor answers with")]
fn require(parts: &Parts, role: UserRole) -> Result<Identity, Response> {
    // What has not come through `authenticate` gets the stricter answer.
    let is_api = parts.extensions.get::<IsApi>().is_none_or(|is_api| is_api.0);
    let Some(identity) = parts.extensions.get::<Identity>() else {
        if is_api {
            return Err(Problem::signed_out().into_response());
        }
        let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let next = if parts.method == Method::GET { next } else { "/" };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        return Err(Redirect::to(&format!("/sign-in?next={next}")).into_response());
    };
    if let By::Token { may_manage: false, .. } = identity.by
        && is_unsafe(&parts.method)
    {
        return Err(Problem::forbidden("this API token may only read").into_response());
    }
    if let By::Session { csrf, .. } = &identity.by
        && is_api
        && is_unsafe(&parts.method)
    {
        let sent = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        check_csrf(csrf, sent).map_err(IntoResponse::into_response)?;
    }
    if !identity.is_at_least(role) {
        return Err(Problem::forbidden(format!("this needs the role {}", role.word())).into_response());
    }
    Ok(identity.clone())
}

/// Fails unless a form or a script of our own pages sent the token that they carry.
pub(crate) fn check_csrf(expected: &str, sent: &str) -> Result<(), Problem> {
    let same = expected.len() == sent.len()
        && expected.bytes().zip(sent.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
    if same && !expected.is_empty() {
        return Ok(());
    }
    Err(Problem::forbidden("this page is too old, or the request did not come from it")
        .hint("load the page again, and repeat what you did"))
}

/// Whether a token may change something.
pub(crate) fn may_manage(scopes: &std::collections::BTreeSet<TokenScope>) -> bool {
    scopes.contains(&TokenScope::Manage)
}
