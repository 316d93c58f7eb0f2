//! Users, API tokens, the audit log, and what everybody may change about themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect};
use serde::Deserialize;
use sightline_core::Secret;
use sightline_store::{
    Actor, ApiToken, AuditNote, NewApiToken, NewUser, Outcome, SecretHash, Session, TokenScope, UserRecord,
    UserRole,
};

use super::Answer;
use crate::app::{App, Shared};
use crate::auth::{Admin, Auditor, By, Identity, Purpose, Viewer, check_csrf, new_secret, password};
use crate::layout::Frame;
use crate::lists::{address, pairs};
use crate::problem::Problem;
use crate::table::{Badge, Cell, Column, Table, Tone};

/// Entries of a page of the audit log.
const ENTRIES: usize = 100;
/// How API tokens begin, so that people and scanners recognise one.
const TOKEN_PREFIX: &str = "sl_";
/// For how many days an API token may be good.
const LONGEST_TOKEN: u64 = 730;

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
    let keys = [format!("name {}", identity.user.name.to_lowercase())];
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

/// A role by its word.
pub(crate) fn role_named(word: &str) -> Option<UserRole> {
    [UserRole::Admin, UserRole::Auditor, UserRole::Viewer].into_iter().find(|role| role.word() == word)
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
    let name = form.name.trim().to_owned();
    let typed = (form.name.as_str(), form.email.as_str());
    let Some(role) = role_named(&form.role) else {
        let problem = Problem::wrong("choose a role").field("role");
        return show_users(&app, &identity, &frame, Some(problem), None, typed);
    };
    let new = NewUser {
        name: name.clone(),
        email: Some(form.email.trim().to_owned()).filter(|email| !email.is_empty()),
        role,
        password: None,
        oidc_subject: None,
        created: app.now(),
    };
    let mut note = identity.did_to(&app, "user.add", &name);
    note.detail = Some(role.word().to_owned());
    match app.store().add_user(new, &note) {
        Ok(user) => {
            let link = app.link(Purpose::Password { user_id: user.id })?;
            show_users(&app, &identity, &frame, None, Some((name, link)), ("", ""))
        }
        Err(error) => show_users(&app, &identity, &frame, Some(error.into()), None, typed),
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
    let user = app.store().user(id)?;
    let store = app.store();
    let note = identity.did_to(&app, &format!("user.{action}"), &user.name);
    let done = match action.as_str() {
        "role" => match role_named(&form.role) {
            Some(role) => {
                let note = AuditNote { detail: Some(role.word().to_owned()), ..note };
                store.update_user(id, &note, |user| user.role = role).map(drop)
            }
            None => return Err(Problem::wrong("there is no such role").field("role")),
        },
        "disable" => store.update_user(id, &note, |user| user.disabled = true).map(drop),
        "enable" => store.update_user(id, &note, |user| user.disabled = false).map(drop),
        "remove" => store.remove_user(id, &note).map(drop),
        "unlink" => {
            let note = AuditNote {
                detail: user
                    .oidc_subject
                    .map(|own| format!("from subject {} at {}", own.subject, own.issuer)),
                ..note
            };
            store.update_user(id, &note, |user| user.oidc_subject = None).map(drop)
        }
        "link" => {
            store.append_audit(&note)?;
            let link = app.link(Purpose::Password { user_id: id })?;
            return show_users(&app, &identity, &frame, None, Some((user.name, link)), ("", ""));
        }
        other => return Err(Problem::not_found(format!("a user cannot be told to {other:?}"))),
    };
    match done {
        Ok(()) => Ok(Redirect::to("/settings/users").into_response()),
        Err(error) => show_users(&app, &identity, &frame, Some(error.into()), None, ("", "")),
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

/// The tokens that somebody may see: their own, an administrator's all.
pub(crate) fn visible_tokens(app: &App, identity: &Identity) -> Result<Vec<ApiToken>, Problem> {
    let is_admin = identity.is_at_least(UserRole::Admin);
    let mut tokens = app.store().api_tokens()?;
    tokens.retain(|token| is_admin || token.user_id == identity.user.id);
    Ok(tokens)
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

/// Makes an API token of a user; gives its secret, which is kept nowhere.
pub(crate) fn make_token(
    app: &App,
    identity: &Identity,
    name: &str,
    may_manage: bool,
    days: Option<u64>,
) -> Result<(ApiToken, Secret), Problem> {
    if may_manage && !identity.is_at_least(UserRole::Admin) {
        return Err(Problem::forbidden("only administrators have anything to manage").field("scope"));
    }
    if let By::Token { .. } = identity.by {
        return Err(Problem::forbidden("an API token cannot make another: sign in"));
    }
    if days.is_some_and(|days| days == 0 || days > LONGEST_TOKEN) {
        return Err(Problem::wrong(format!("a token is good for 1 to {LONGEST_TOKEN} days")).field("days"));
    }
    let secret = Secret::new(format!("{TOKEN_PREFIX}{}", new_secret()?.expose()));
    let mut scopes = BTreeSet::from([TokenScope::Read]);
    if may_manage {
        scopes.insert(TokenScope::Manage);
    }
    let now = app.now();
    let new = NewApiToken {
        hash: SecretHash::of(secret.expose()),
        user_id: identity.user.id,
        name: name.trim().to_owned(),
        scopes,
        created: now,
        expires: days.map(|days| now.after(Duration::from_hours(24 * days))),
        prefix: secret.expose().chars().take(6).collect(),
    };
    let token = app.store().add_api_token(new, &identity.did_to(app, "api_token.add", name.trim()))?;
    Ok((token, secret))
}

/// Takes an API token back: one's own, or as an administrator anybody's.
pub(crate) fn take_back_token(app: &App, identity: &Identity, id: u64) -> Result<(), Problem> {
    // Who may not see a token learns nothing about it, not even that it exists.
    let token = visible_tokens(app, identity)?.into_iter().find(|token| token.id == id);
    let token = token.ok_or_else(|| Problem::not_found(format!("there is no API token {id}")))?;
    app.store().remove_api_token(id, &identity.did_to(app, "api_token.remove", token.name))?;
    Ok(())
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
    let mut before = None;
    for (name, value) in pairs(uri.query()) {
        match name.as_str() {
            "before" => {
                let number =
                    value.parse().map_err(|_| Problem::wrong("before is not a number").field("before"))?;
                before = Some(number);
            }
            name => return Err(Problem::wrong(format!("there is no parameter {name:?}")).field(name)),
        }
    }
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
