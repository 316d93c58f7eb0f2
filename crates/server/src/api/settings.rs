//! Who uses this server: users, API tokens, the audit log, and who asks.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sightline_answer::schema;
use sightline_core::Time;
use sightline_store::{Actor, ApiToken, AuditEntry, TokenScope, UserRecord, UserRole};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{App, body, tagged};
use crate::app::Shared;
use crate::auth::{Admin, Auditor, By, Viewer};
use crate::parameters::{LARGEST, NoParameters, Parameters, Path};
use crate::problem::Problem;
use crate::users::{
    LONGEST_TOKEN, add_user_with_link, change_user, make_token, password_link, remove_user, take_back_token,
    visible_tokens,
};

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(users, add_user))
        .routes(routes!(user, change, remove))
        .routes(routes!(link))
        .routes(routes!(tokens, add_token))
        .routes(routes!(remove_token))
        .routes(routes!(audit))
}

/// What somebody may do.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UserRoleAnswer {
    /// Everything.
    Admin,
    /// Reads everything, the audit log included.
    Auditor,
    /// Reads what was read from data sources.
    Viewer,
}

impl From<UserRole> for UserRoleAnswer {
    fn from(role: UserRole) -> Self {
        match role {
            UserRole::Admin => Self::Admin,
            UserRole::Auditor => Self::Auditor,
            UserRole::Viewer => Self::Viewer,
        }
    }
}

impl From<UserRoleAnswer> for UserRole {
    fn from(role: UserRoleAnswer) -> Self {
        match role {
            UserRoleAnswer::Admin => Self::Admin,
            UserRoleAnswer::Auditor => Self::Auditor,
            UserRoleAnswer::Viewer => Self::Viewer,
        }
    }
}

/// A user of this server.
#[derive(Debug, Serialize, ToSchema)]
struct UserAnswer {
    /// The id; never used again after the user was removed.
    id: u64,
    /// The name to sign in with.
    name: String,
    /// E-mail address.
    #[schema(required = true)]
    email: Option<String>,
    /// What the user may do.
    role: UserRoleAnswer,
    /// Whether the user may not sign in, and sessions and API tokens of the user no longer count.
    disabled: bool,
    /// Whether the user signs in with a password.
    has_password: bool,
    /// Whether the user signs in with an account of an identity provider.
    has_identity_provider: bool,
    /// When the user was added.
    #[schema(value_type = schema::Instant)]
    created: Time,
    /// When the last session of the user began; null where none did.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    last_sign_in: Option<Time>,
}

impl From<UserRecord> for UserAnswer {
    fn from(user: UserRecord) -> Self {
        Self {
            id: user.id,
            role: user.role.into(),
            disabled: user.disabled,
            has_password: user.password.is_some(),
            has_identity_provider: user.oidc_subject.is_some(),
            created: user.created,
            last_sign_in: user.last_sign_in,
            name: user.name,
            email: user.email,
        }
    }
}

/// What somebody is known by.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KnownBy {
    /// A session of a browser.
    Session,
    /// An API token.
    Token,
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
struct MeAnswer {
    /// The user.
    #[serde(flatten)]
    user: UserAnswer,
    /// What the user is known by.
    known_by: KnownBy,
    /// Whether that is good for changing something, within what the user may do.
    may_change: bool,
}

/// Who asks, and what they may do.
#[utoipa::path(get, path = "/me", tag = "Users", responses(
    (status = 200, body = MeAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn me(Viewer(identity): Viewer, _: NoParameters, headers: HeaderMap) -> Result<Response, Problem> {
    let (known_by, may_change) = match identity.by {
        By::Session { .. } => (KnownBy::Session, true),
        By::Token { may_manage, .. } => (KnownBy::Token, may_manage),
    };
    tagged(&headers, &MeAnswer { user: identity.user.into(), known_by, may_change })
}

/// Every user, in the order in which they were added; for administrators.
#[utoipa::path(get, path = "/users", tag = "Users", responses(
    (status = 200, body = Vec<UserAnswer>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn users(app: App, _: Admin, _: NoParameters, headers: HeaderMap) -> Result<Response, Problem> {
    let users = app.store().users()?;
    tagged(&headers, &users.into_iter().map(UserAnswer::from).collect::<Vec<_>>())
}

/// Somebody who is to use this server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUserBody {
    /// The name to sign in with; no two differ only in upper and lower case.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// E-mail address.
    #[serde(default)]
    email: Option<String>,
    /// What the user may do.
    role: UserRoleAnswer,
}

/// A link for one use.
#[derive(Debug, Serialize, ToSchema)]
struct LinkAnswer {
    /// The user.
    user: UserAnswer,
    /// The link with which the user chooses a password: good for one use and three days, and told only now.
    link: String,
}

/// Adds a user, who chooses a password with the link of the answer; for administrators.
#[utoipa::path(post, path = "/users", tag = "Users", request_body = NewUserBody, responses(
    (status = 201, body = LinkAnswer, headers(("location" = String, description = "Where the user is."))),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why nobody was added."),
))]
async fn add_user(
    app: App,
    Admin(identity): Admin,
    _: NoParameters,
    sent: Bytes,
) -> Result<Response, Problem> {
    let NewUserBody { name, email, role } = body(&sent)?;
    let (user, link) = add_user_with_link(&app, &identity, &name, email.as_deref(), role.into())?;
    let location = format!("/api/v1/users/{}", user.id);
    let answer = LinkAnswer { user: user.into(), link };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(answer)).into_response())
}

/// A user; for administrators.
#[utoipa::path(get, path = "/users/{id}", tag = "Users", params(("id" = u64, Path, description = "The user's id.")), responses(
    (status = 200, body = UserAnswer),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn user(
    app: App,
    _: Admin,
    Path(id): Path<u64>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    tagged(&headers, &UserAnswer::from(app.store().user(id)?))
}

/// What is to be changed about a user; what is not given stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeUserBody {
    /// What the user may do.
    #[serde(default)]
    role: Option<UserRoleAnswer>,
    /// Whether the user may not sign in.
    #[serde(default)]
    disabled: Option<bool>,
}

/// Changes what a user may do, or whether the user may sign in; for administrators.
#[utoipa::path(patch, path = "/users/{id}", tag = "Users", params(("id" = u64, Path, description = "The user's id.")), request_body = ChangeUserBody, responses(
    (status = 200, body = UserAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why nothing was changed."),
))]
async fn change(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
    sent: Bytes,
) -> Result<Json<UserAnswer>, Problem> {
    let ChangeUserBody { role, disabled } = body(&sent)?;
    let user = change_user(&app, &identity, id, role.map(UserRole::from), disabled)?;
    Ok(Json(user.into()))
}

/// Removes a user with all sessions and API tokens; for administrators.
#[utoipa::path(delete, path = "/users/{id}", tag = "Users", params(("id" = u64, Path, description = "The user's id.")), responses(
    (status = 204, description = "The user was removed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why the user was not removed."),
))]
async fn remove(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<StatusCode, Problem> {
    remove_user(&app, &identity, id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link with which a user chooses a new password; for administrators.
#[utoipa::path(post, path = "/users/{id}/link", tag = "Users", params(("id" = u64, Path, description = "The user's id.")), responses(
    (status = 200, body = LinkAnswer),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no link."),
))]
async fn link(
    app: App,
    Admin(identity): Admin,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<Json<LinkAnswer>, Problem> {
    let (user, link) = password_link(&app, &identity, id)?;
    Ok(Json(LinkAnswer { user: user.into(), link }))
}

/// What an API token is good for, within what its owner may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TokenScopeAnswer {
    /// Asking.
    Read,
    /// Changing as well: only of administrators.
    Manage,
}

/// An API token: never its secret.
#[derive(Debug, Serialize, ToSchema)]
struct TokenAnswer {
    /// The id; never used again after the token was removed.
    id: u64,
    /// Name for people.
    name: String,
    /// The id of its owner.
    owner_id: u64,
    /// The name of its owner.
    owner: String,
    /// What it is good for.
    scopes: Vec<TokenScopeAnswer>,
    /// How its secret begins.
    prefix: String,
    /// When it was made.
    #[schema(value_type = schema::Instant)]
    created: Time,
    /// When it ends; null where it does not.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    expires: Option<Time>,
    /// When it was last used, as far as that was written down.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    last_used: Option<Time>,
}

impl TokenAnswer {
    fn of(token: ApiToken, owner: String) -> Self {
        let scope = |scope: TokenScope| match scope {
            TokenScope::Read => TokenScopeAnswer::Read,
            TokenScope::Manage => TokenScopeAnswer::Manage,
        };
        Self {
            id: token.id,
            name: token.name,
            owner_id: token.user_id,
            owner,
            scopes: token.scopes.into_iter().map(scope).collect(),
            prefix: token.prefix,
            created: token.created,
            expires: token.expires,
            last_used: token.last_used,
        }
    }
}

/// API tokens: one's own, and all of them for administrators.
#[utoipa::path(get, path = "/tokens", tag = "Users", responses(
    (status = 200, body = Vec<TokenAnswer>),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn tokens(
    app: App,
    Viewer(identity): Viewer,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    names.extend(app.store().users()?.into_iter().map(|user| (user.id, user.name)));
    let answer = visible_tokens(&app, &identity)?.into_iter().map(|token| {
        let owner = names.get(&token.user_id).cloned().unwrap_or_default();
        TokenAnswer::of(token, owner)
    });
    tagged(&headers, &answer.collect::<Vec<_>>())
}

/// An API token that is to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTokenBody {
    /// Name for people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it is good for: for asking where nothing is given.
    #[serde(default)]
    scope: Option<TokenScopeAnswer>,
    /// For how many days it is good; for ever where nothing is given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 730)]
    days: Option<u64>,
}

/// An API token that was made.
#[derive(Debug, Serialize, ToSchema)]
struct MadeToken {
    /// The token.
    token: TokenAnswer,
    /// Its secret: told only now, and kept nowhere.
    secret: String,
}

/// Makes an API token of who asks, who has to be signed in: a token cannot make another.
#[utoipa::path(post, path = "/tokens", tag = "Users", request_body = NewTokenBody, responses(
    (status = 201, body = MadeToken),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no token."),
))]
async fn add_token(
    app: App,
    Viewer(identity): Viewer,
    _: NoParameters,
    sent: Bytes,
) -> Result<Response, Problem> {
    let NewTokenBody { name, scope, days } = body(&sent)?;
    let (token, secret) = make_token(&app, &identity, &name, scope == Some(TokenScopeAnswer::Manage), days)?;
    let token = TokenAnswer::of(token, identity.user.name);
    let answer = MadeToken { token, secret: secret.expose().to_owned() };
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Takes an API token back: one's own, or as an administrator anybody's.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "Users", params(("id" = u64, Path, description = "The token's id.")), responses(
    (status = 204, description = "It was removed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why it was not removed."),
))]
async fn remove_token(
    app: App,
    Viewer(identity): Viewer,
    Path(id): Path<u64>,
    _: NoParameters,
) -> Result<StatusCode, Problem> {
    take_back_token(&app, &identity, id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum ActorAnswer {
    /// Somebody who was signed in.
    User {
        /// The user's id.
        id: u64,
        /// The name at that time.
        name: String,
    },
    /// A program with an API token.
    Token {
        /// The token's id.
        id: u64,
        /// Its name.
        name: String,
        /// The name of its owner at that time.
        owner: String,
    },
    /// Sightline itself, or who runs it.
    System,
    /// Somebody who was not signed in.
    Anonymous,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
struct EntryAnswer {
    /// Its number: the first is 1, and each is one more than the one before.
    number: u64,
    /// When.
    #[schema(value_type = schema::Instant)]
    at: Time,
    /// Who.
    actor: ActorAnswer,
    /// What, as a word for the kind of thing and one for the act: `source.add`.
    action: String,
    /// To what.
    #[schema(required = true)]
    target: Option<String>,
    /// What else there is to know.
    #[schema(required = true)]
    detail: Option<String>,
    /// How it ended: `done`, `refused` or `failed`.
    outcome: &'static str,
    /// The address of who asked for it.
    #[schema(required = true)]
    address: Option<String>,
}

impl From<AuditEntry> for EntryAnswer {
    fn from(AuditEntry { number, note }: AuditEntry) -> Self {
        let actor = match note.actor {
            Actor::User { id, name } => ActorAnswer::User { id, name },
            Actor::Token { id, name, user } => ActorAnswer::Token { id, name, owner: user },
            Actor::System => ActorAnswer::System,
            Actor::Anonymous => ActorAnswer::Anonymous,
        };
        Self {
            number,
            at: note.at,
            actor,
            action: note.action,
            target: note.target,
            detail: note.detail,
            outcome: note.outcome.word(),
            address: note.address,
        }
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditPage {
    /// Entries, the newest first.
    items: Vec<EntryAnswer>,
    /// How many there are in all.
    total: u64,
    /// What to give as `before` for the next page; null on the last.
    #[schema(required = true)]
    next: Option<u64>,
}

/// Which entries are asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes the parameters that are read")]
struct AuditParams {
    /// Only entries before this one, by number: `next` of the page before.
    #[param(minimum = 1)]
    before: Option<u64>,
    /// Entries of the page.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// Who did what with this server, the newest first; for auditors and administrators.
#[utoipa::path(get, path = "/audit", tag = "Users", params(AuditParams), responses(
    (status = 200, body = AuditPage),
    (status = 304, description = "Nothing has changed."),
    (status = "default", body = Problem, content_type = "application/problem+json", description = "Why there is no answer."),
))]
async fn audit(
    app: App,
    _: Auditor,
    mut parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let before = parameters.number("before", 1..=LARGEST)?;
    let limit = parameters.number("limit", 1..=500)?.unwrap_or(100);
    parameters.done()?;
    let entries = app.store().audit(before, limit)?;
    let next =
        entries.last().map(|entry| entry.number).filter(|number| *number > 1 && entries.len() == limit);
    let items = entries.into_iter().map(EntryAnswer::from).collect();
    tagged(&headers, &AuditPage { items, total: app.store().audit_count()?, next })
}

const _: () = assert!(LONGEST_TOKEN == 730, "the documented maximum of `days`");
