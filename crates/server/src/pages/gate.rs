//! Signing in and out, and links for one use.

use askama::Template;
use axum::Form;
use axum::extract::{Extension, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sightline_core::Secret;
use sightline_store::{Actor, AuditNote, NewUser, Outcome, UserRecord, UserRole};

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::{By, From, Guesser, Identity, Purpose, check_csrf, password};
use crate::layout::{THEME_COOKIE, gate};
use crate::parameters::Path;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    next: String,
    name: String,
    error: Option<String>,
    is_new: bool,
    oidc: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Next {
    next: Option<String>,
}

/// A path of this server to go on to; anything else leads to the first page.
///
/// A browser takes `//host` and `/\host` for another server.
pub(crate) fn local(next: Option<&str>) -> &str {
    match next {
        Some(path)
            if path.starts_with('/')
                && !path[1..].starts_with(['/', '\\'])
                && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') =>
        {
            path
        }
        _ => "/",
    }
}

pub(crate) async fn sign_in_form(
    State(app): State<Shared>,
    identity: Option<Extension<Identity>>,
    Query(query): Query<Next>,
    headers: HeaderMap,
) -> Answer {
    let next = local(query.next.as_deref());
    if identity.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    sign_in_page(&app, &headers, StatusCode::OK, next, "", None)
}

fn sign_in_page(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    next: &str,
    name: &str,
    error: Option<String>,
) -> Answer {
    let page = SignInPage {
        next: next.to_owned(),
        name: name.to_owned(),
        error,
        is_new: app.is_new()?,
        oidc: app.oidc().map(|oidc| oidc.name().to_owned()),
    };
    gate(headers, status, "Sign in", &page)
}

#[derive(Deserialize)]
pub(crate) struct SignIn {
    #[serde(default)]
    name: String,
    password: Secret,
    next: Option<String>,
}

/// Checks a name and a password; whoever guesses is slowed down, and learns from neither words nor time whether a name
/// exists.
pub(crate) async fn sign_in(
    State(app): State<Shared>,
    Extension(from): Extension<From>,
    headers: HeaderMap,
    Form(form): Form<SignIn>,
) -> Answer {
    let next = local(form.next.as_deref()).to_owned();
    let name = form.name.trim().to_owned();
    let mut keys = vec![Guesser::name(&name)];
    keys.extend(from.0.clone().map(Guesser::Address));
    let refuse = |status, text: String| sign_in_page(&app, &headers, status, &next, &name, Some(text));
    if let Some(wait) = app.throttle().wait(&keys, app.now()) {
        let seconds = wait.as_secs() + 1;
        let text = format!(
            "Too many wrong passwords: try again in {}.",
            crate::words::span(wait.max(std::time::Duration::from_secs(1)))
        );
        let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, text)?;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(response);
    }
    let permit = app.passwords().acquire().await.map_err(|_| Problem::internal("checking a password"))?;
    let tried = name.clone();
    let user = app
        .blocking("checking a password", move |app| {
            let user = app.store().find_user(&tried)?.filter(|user| !user.disabled);
            let hash = user.as_ref().and_then(|user| user.password.as_ref());
            let is_right = password::verify(&form.password, hash);
            Ok(user.filter(|_| is_right))
        })
        .await?;
    drop(permit);
    let Some(user) = user else {
        app.throttle().failed(&keys, app.now());
        let mut note = from.note(&app, "session.begin", Outcome::Refused);
        note.target = Some(name.chars().take(100).collect());
        app.store().append_audit(&note)?;
        return refuse(StatusCode::UNAUTHORIZED, "The name or the password is wrong.".to_owned());
    };
    // Whoever knows one password is not let off for guessing others.
    app.throttle().succeeded(&keys[..1]);
    begin(&app, &user, &from, &next, "with a password")
}

/// Begins a session, with a secret that nobody had before.
pub(crate) fn begin(app: &App, user: &UserRecord, from: &From, next: &str, how: &str) -> Answer {
    let actor = Actor::User { id: user.id, name: user.name.clone() };
    let note = AuditNote {
        detail: Some(how.to_owned()),
        address: from.0.clone(),
        ..AuditNote::done(app.now(), actor, "session.begin")
    };
    let secret = app.sessions().begin(app, user, &note)?;
    with_cookie(Redirect::to(local(Some(next))).into_response(), &app.cookies().session(secret.expose()))
}

pub(crate) fn with_cookie(mut response: Response, cookie: &str) -> Answer {
    let value = HeaderValue::from_str(cookie).map_err(|_| Problem::internal("setting a cookie"))?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

#[derive(Deserialize)]
pub(crate) struct SignOut {
    #[serde(default)]
    csrf: String,
}

pub(crate) async fn sign_out(
    State(app): State<Shared>,
    identity: Option<Extension<Identity>>,
    Form(form): Form<SignOut>,
) -> Answer {
    if let Some(Extension(identity)) = &identity
        && let By::Session { hash, csrf } = &identity.by
    {
        check_csrf(csrf, &form.csrf)?;
        app.store().remove_session(*hash, &identity.did(&app, "session.end"))?;
    }
    with_cookie(Redirect::to("/sign-in").into_response(), &app.cookies().gone())
}

#[derive(Deserialize)]
pub(crate) struct Theme {
    #[serde(default)]
    theme: String,
    back: Option<String>,
}

/// Keeps a theme in a cookie: nothing that anybody could misuse.
pub(crate) async fn theme(Form(form): Form<Theme>) -> Answer {
    let theme = if form.theme == "dark" { "dark" } else { "light" };
    let back = Redirect::to(local(form.back.as_deref())).into_response();
    with_cookie(back, &format!("{THEME_COOKIE}={theme}; Path=/; SameSite=Lax; Max-Age=31536000"))
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage {
    /// Whom the password is for; none for the first administrator, who chooses a name.
    user: Option<String>,
    name: String,
    email: String,
    error: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Welcome {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    password: Secret,
    again: Secret,
}

fn used_up() -> Problem {
    Problem::new(StatusCode::GONE, "this link has been used, or is too old")
        .hint("links are good for one use; an administrator makes new ones, and `sightline serve` prints one at its start while there is nobody yet")
}

/// The user of a link, where it is for one.
fn user_of(app: &App, purpose: Purpose) -> Result<Option<UserRecord>, Problem> {
    match purpose {
        Purpose::SetUp => Ok(None),
        Purpose::Password { user_id } | Purpose::SignIn { user_id } => Ok(Some(app.store().user(user_id)?)),
    }
}

pub(crate) async fn welcome_form(
    State(app): State<Shared>,
    Extension(from): Extension<From>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let purpose = app.tickets().look(&secret, app.now()).ok_or_else(used_up)?;
    let user = user_of(&app, purpose)?;
    if let (Purpose::SignIn { .. }, Some(user)) = (purpose, &user) {
        app.tickets().take(&secret, app.now()).ok_or_else(used_up)?;
        return begin(&app, user, &from, "/", "with a link for one use");
    }
    let page = WelcomePage {
        user: user.map(|user| user.name),
        name: String::new(),
        email: String::new(),
        error: None,
    };
    gate(&headers, StatusCode::OK, "Welcome", &page)
}

pub(crate) async fn welcome(
    State(app): State<Shared>,
    Extension(from): Extension<From>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Welcome>,
) -> Answer {
    let purpose = app.tickets().look(&secret, app.now()).ok_or_else(used_up)?;
    let user = user_of(&app, purpose)?;
    let name = user.as_ref().map_or_else(|| form.name.trim().to_owned(), |user| user.name.clone());
    let refuse = |text: String| {
        let page = WelcomePage {
            user: user.as_ref().map(|user| user.name.clone()),
            name: form.name.clone(),
            email: form.email.clone(),
            error: Some(text),
        };
        gate(&headers, StatusCode::UNPROCESSABLE_ENTITY, "Welcome", &page)
    };
    if form.password.expose() != form.again.expose() {
        return refuse("The two passwords differ.".to_owned());
    }
    if let Err(weak) = password::check(&form.password, &name) {
        return refuse(weak.to_string());
    }
    let permit = app.passwords().acquire().await.map_err(|_| Problem::internal("keeping a password"))?;
    let (email, chosen) = (form.email.trim().to_owned(), form.password.clone());
    let (known, source) = (user.clone(), from.clone());
    let kept = app
        .blocking("keeping a password", move |app| {
            let hash = password::hash(&chosen).map_err(|_| Problem::internal("keeping a password"))?;
            // From here on the link is used up, whoever else holds it.
            app.tickets().take(&secret, app.now()).ok_or_else(used_up)?;
            if let Some(user) = known {
                let actor = Actor::User { id: user.id, name: user.name.clone() };
                let mut note = AuditNote::done(app.now(), actor, "user.password");
                note.address = source.0;
                Ok(app.store().update_user(user.id, &note, |user| user.password = Some(hash))?)
            } else {
                let mut note = source.note(app, "user.add", Outcome::Done);
                note.target = Some(name.clone());
                note.detail = Some("the first administrator".to_owned());
                let new = NewUser {
                    name,
                    email: Some(email).filter(|email| !email.is_empty()),
                    role: UserRole::Admin,
                    password: Some(hash),
                    oidc_subject: None,
                    created: app.now(),
                };
                app.store().add_user(new, &note).map_err(|error| {
                    // The link stays good for another try.
                    app.tickets().give_back(&secret, purpose, app.now());
                    Problem::from(error)
                })
            }
        })
        .await;
    drop(permit);
    let kept = match kept {
        Err(problem) if matches!(problem.status, 409 | 422) => return refuse(problem.detail),
        kept => kept?,
    };
    let next = if matches!(purpose, Purpose::SetUp) { "/sources/new" } else { "/" };
    begin(&app, &kept, &from, next, "with a link for one use")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_to_another_server() {
        for (next, goes_to) in [
            (None, "/"),
            (Some("/accounts?q=a"), "/accounts?q=a"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("evil.example"), "/"),
            (Some("/\t/evil.example"), "/"),
            (Some("/a\r\nSet-Cookie: x=y"), "/"),
            (Some(""), "/"),
        ] {
            assert_eq!(local(next), goes_to, "{next:?}");
        }
    }
}
