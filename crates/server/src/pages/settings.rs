//! Users, API tokens, the audit log, and what everybody may change about themselves.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use sightline_core::Secret;
use sightline_store::{Actor, ApiToken, AuditNote, Outcome, Session, UserRecord, UserRole};

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::{Admin, Auditor, By, Guesser, Identity, Viewer, check_csrf, password};
use crate::layout::Frame;
use crate::lists::address;
use crate::parameters::{LARGEST, Parameters, Path};
use crate::problem::Problem;
use crate::table::{Badge, Cell, Column, Table, Tone};
use crate::users::{
    add_user_with_link, change_user, make_token, password_link, remove_user, role_named, take_back_token,
    unlink_user, visible_tokens,
};

/// Entries of a page of the audit log.
const ENTRIES: usize = 100;
#[derive(Template)]
#[template(path = "profile.html")]
struct ProfilePage {
    csrf: String,
    user: UserRecord,
    sessions: Vec<(Session, bool)>,
    problem: Option<Problem>,
    has_password: bool,
}

pub(crate) async fn profile(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut frame = Frame::new(&identity, &headers, &uri);
    if uri.query() == Some("done") {
        frame.say(Tone::Good, "The password was changed, and all other sessions have ended.");
    }
    show_profile(&app, &identity, &frame, None)
}

fn show_profile(app: &App, identity: &Identity, frame: &Frame, problem: Option<Problem>) -> Answer {
    let own = if let By::Session { hash, .. } = &identity.by { Some(*hash) } else { None };
    let now = app.now();
    let sessions =
        app.store().sessions_of(identity.user.id)?.into_iter().filter(|session| session.expires > now);
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let page = ProfilePage {
        csrf: frame.csrf().to_owned(),
        has_password: identity.user.password.is_some(),
        user: identity.user.clone(),
        sessions: sessions.map(|session| (session.clone(), Some(session.hash) == own)).collect(),
        problem,
    };
    frame.page_with(app, status, "Profile", &page)
}

#[derive(Deserialize)]
pub(crate) struct ChangePassword {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    current: String,
    password: Secret,
    again: Secret,
}

/// Changes one's own password; every other session ends, and this one gets another secret.
pub(crate) async fn change_password(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<ChangePassword>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let refuse = |text: String, field: &str| {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, text).field(field);
        show_profile(&app, &identity, &frame, Some(problem))
    };
    if form.password.expose() != form.again.expose() {
        return refuse("the two passwords differ".to_owned(), "again");
    }
    if let Err(weak) = password::check(&form.password, &identity.user.name) {
        return refuse(weak.to_string(), "password");
    }
    let keys = [Guesser::name(&identity.user.name)];
    if let Some(wait) = app.throttle().wait(&keys, app.now()) {
        return refuse(
            format!("too many wrong passwords: try again in {} seconds", wait.as_secs() + 1),
            "current",
        );
    }
    let permit = app.passwords().acquire().await.map_err(|_| Problem::internal("checking a password"))?;
    let (current, chosen) = (Secret::new(form.current), form.password.clone());
    let known = identity.clone();
    let changed = app
        .blocking("keeping a password", move |app| {
            if !password::verify(&current, known.user.password.as_ref()) {
                return Ok(false);
            }
            let hash = password::hash(&chosen).map_err(|_| Problem::internal("keeping a password"))?;
            let note = known.did(app, "user.password");
            // All sessions end with it, and this one begins anew.
            app.store().update_user(known.user.id, &note, |user| user.password = Some(hash))?;
            Ok(true)
        })
        .await?;
    drop(permit);
    if !changed {
        app.throttle().failed(&keys, app.now());
        return refuse("the current password is wrong".to_owned(), "current");
    }
    let note =
        AuditNote { detail: Some("after a new password".to_owned()), ..identity.did(&app, "session.begin") };
    let secret = app.sessions().begin(&app, &identity.user, &note)?;
    let mut response = Redirect::to("/settings/profile?done").into_response();
    let cookie = HeaderValue::from_str(&app.cookies().session(secret.expose()));
    response
        .headers_mut()
        .append(header::SET_COOKIE, cookie.map_err(|_| Problem::internal("setting a cookie"))?);
    Ok(response)
}

#[derive(Template)]
#[template(path = "users.html")]
struct UsersPage {
    csrf: String,
    users: Vec<UserRecord>,
    own: u64,
    problem: Option<Problem>,
    /// A link that was just made, and for whom.
    link: Option<(String, String)>,
    name: String,
    email: String,
}

pub(crate) async fn users(
    State(app): State<Shared>,
    Admin(identity): Admin,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let frame = Frame::new(&identity, &headers, &uri);
    show_users(&app, &identity, &frame, None, None, ("", ""))
}

fn show_users(
    app: &App,
    identity: &Identity,
    frame: &Frame,
    problem: Option<Problem>,
    link: Option<(String, String)>,
    typed: (&str, &str),
) -> Answer {
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let page = UsersPage {
        csrf: frame.csrf().to_owned(),
        users: app.store().users()?,
        own: identity.user.id,
        problem,
        link,
        name: typed.0.to_owned(),
        email: typed.1.to_owned(),
    };
    frame.page_with(app, status, "Users", &page)
}

#[derive(Deserialize)]
pub(crate) struct AddUser {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
}

/// Adds a user, who chooses a password with a link for one use.
pub(crate) async fn add_user(
    State(app): State<Shared>,
    Admin(identity): Admin,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<AddUser>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let added = role_named(&form.role)
        .and_then(|role| add_user_with_link(&app, &identity, &form.name, Some(&form.email), role));
    match added {
        Ok((user, link)) => show_users(&app, &identity, &frame, None, Some((user.name, link)), ("", "")),
        Err(problem) => show_users(&app, &identity, &frame, Some(problem), None, (&form.name, &form.email)),
    }
}

#[derive(Deserialize)]
pub(crate) struct ActOnUser {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    role: String,
}

/// What the buttons beside a user do.
pub(crate) async fn act_on_user(
    State(app): State<Shared>,
    Admin(identity): Admin,
    Path((id, action)): Path<(u64, String)>,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<ActOnUser>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let done = match action.as_str() {
        "role" => {
            let role = role_named(&form.role)?;
            change_user(&app, &identity, id, Some(role), None).map(drop)
        }
        "disable" => change_user(&app, &identity, id, None, Some(true)).map(drop),
        "enable" => change_user(&app, &identity, id, None, Some(false)).map(drop),
        "remove" => remove_user(&app, &identity, id),
        "unlink" => unlink_user(&app, &identity, id),
        "link" => {
            let (user, link) = password_link(&app, &identity, id)?;
            return show_users(&app, &identity, &frame, None, Some((user.name, link)), ("", ""));
        }
        other => return Err(Problem::not_found(format!("a user cannot be told to {other:?}"))),
    };
    match done {
        Ok(()) => Ok(Redirect::to("/settings/users").into_response()),
        Err(problem) => show_users(&app, &identity, &frame, Some(problem), None, ("", "")),
    }
}

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    csrf: String,
    tokens: Vec<(ApiToken, String)>,
    is_admin: bool,
    problem: Option<Problem>,
    /// The secret of a token that was just made: shown this once.
    made: Option<String>,
    now: sightline_core::Time,
}

pub(crate) async fn tokens(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let frame = Frame::new(&identity, &headers, &uri);
    show_tokens(&app, &identity, &frame, None, None)
}

fn show_tokens(
    app: &App,
    identity: &Identity,
    frame: &Frame,
    problem: Option<Problem>,
    made: Option<String>,
) -> Answer {
    let names: std::collections::BTreeMap<u64, String> =
        app.store().users()?.into_iter().map(|user| (user.id, user.name)).collect();
    let tokens = visible_tokens(app, identity)?
        .into_iter()
        .map(|token| {
            let owner = names.get(&token.user_id).cloned().unwrap_or_default();
            (token, owner)
        })
        .collect();
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let page = TokensPage {
        csrf: frame.csrf().to_owned(),
        tokens,
        is_admin: frame.may(UserRole::Admin),
        problem,
        made,
        now: app.now(),
    };
    frame.page_with(app, status, "API tokens", &page)
}

#[derive(Deserialize)]
pub(crate) struct AddToken {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    days: String,
}

pub(crate) async fn add_token(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    headers: HeaderMap,
    uri: Uri,
    Form(form): Form<AddToken>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    let frame = Frame::new(&identity, &headers, &uri);
    let days = match form.days.trim() {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Problem::wrong("the number of days is no number").field("days")),
    };
    let made = days.and_then(|days| make_token(&app, &identity, &form.name, form.scope == "manage", days));
    match made {
        Ok((_, secret)) => show_tokens(&app, &identity, &frame, None, Some(secret.expose().to_owned())),
        Err(problem) => show_tokens(&app, &identity, &frame, Some(problem), None),
    }
}

#[derive(Deserialize)]
pub(crate) struct Csrf {
    #[serde(default)]
    csrf: String,
}

pub(crate) async fn remove_token(
    State(app): State<Shared>,
    Viewer(identity): Viewer,
    Path(id): Path<u64>,
    Form(form): Form<Csrf>,
) -> Answer {
    check_csrf(identity.csrf(), &form.csrf)?;
    take_back_token(&app, &identity, id)?;
    Ok(Redirect::to("/settings/tokens").into_response())
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    table: Table,
    total: u64,
    older: Option<String>,
}

/// Who did something.
fn actor_cell(actor: &Actor) -> Cell {
    match actor {
        Actor::User { name, .. } => Cell::text(name),
        Actor::Token { name, user, .. } => {
            Cell::Detail { text: user.clone(), sub: format!("with the token {name}") }
        }
        Actor::System => Cell::text("Sightline"),
        Actor::Anonymous => Cell::text("not signed in"),
    }
}

pub(crate) async fn audit(
    State(app): State<Shared>,
    Auditor(identity): Auditor,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let mut parameters = Parameters::typed(uri.query())?;
    let before = parameters.number("before", 1..=LARGEST)?;
    parameters.done()?;
    let entries = app.store().audit(before, ENTRIES)?;
    let older = entries
        .last()
        .filter(|entry| entry.number > 1 && entries.len() == ENTRIES)
        .map(|entry| address("/settings/audit", &[("before", entry.number.to_string().as_str())]));
    let rows = entries
        .iter()
        .map(|entry| {
            let note = &entry.note;
            let tone = match note.outcome {
                Outcome::Done => Tone::Plain,
                Outcome::Refused => Tone::Warn,
                Outcome::Failed => Tone::Bad,
            };
            vec![
                Cell::Number(entry.number),
                Cell::Time(note.at),
                actor_cell(&note.actor),
                Cell::Badges(vec![Badge::new(note.action.clone(), tone)]),
                Cell::optional(note.target.as_deref()),
                Cell::optional(note.detail.as_deref()),
                Cell::text(note.outcome.word()),
                Cell::optional(note.address.as_deref()),
            ]
        })
        .collect();
    let page = AuditPage {
        table: Table {
            name: "Audit log".to_owned(),
            columns: vec![
                Column::number("Number"),
                Column::new("Time"),
                Column::new("Who"),
                Column::new("Did"),
                Column::new("To"),
                Column::new("Detail"),
                Column::new("Outcome"),
                Column::new("From"),
            ],
            rows,
            empty: "Nothing has happened yet.".to_owned(),
        },
        total: app.store().audit_count()?,
        older,
    };
    Frame::new(&identity, &headers, &uri).page(&app, "Audit log", &page)
}
