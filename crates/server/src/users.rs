//! Who uses this server and with which API tokens: what pages and programs do alike.

use std::collections::BTreeSet;
use std::time::Duration;

use sightline_core::Secret;
use sightline_store::{
    ApiToken, AuditNote, NewApiToken, NewUser, SecretHash, StoreError, TokenScope, UserRecord, UserRole,
};

use crate::app::App;
use crate::auth::{By, Identity, Purpose, new_secret};
use crate::problem::Problem;

/// How API tokens begin, so that people and scanners recognise one.
const TOKEN_PREFIX: &str = "sl_";
/// For how many days an API token may be good.
pub(crate) const LONGEST_TOKEN: u64 = 730;

/// A role by its word.
pub(crate) fn role_named(word: &str) -> Result<UserRole, Problem> {
    let roles = [UserRole::Admin, UserRole::Auditor, UserRole::Viewer];
    let named = roles.into_iter().find(|role| role.word() == word);
    named.ok_or_else(|| Problem::wrong("the role is admin, auditor or viewer").field("role"))
}

/// What is wrong with a name is said of the field that holds it.
fn about_name(error: StoreError) -> Problem {
    let is_name = matches!(error, StoreError::NotAName { .. } | StoreError::UserNameTaken { .. });
    let problem = Problem::from(error);
    if is_name { problem.field("name") } else { problem }
}

/// Adds a user, who chooses a password with the link, which is good for one use.
pub(crate) fn add_user_with_link(
    app: &App,
    identity: &Identity,
    name: &str,
    email: Option<&str>,
    role: UserRole,
) -> Result<(UserRecord, String), Problem> {
    let name = name.trim().to_owned();
    let note = AuditNote { detail: Some(role.word().to_owned()), ..identity.did_to(app, "user.add", &name) };
    let new = NewUser {
        name,
        email: email.map(|email| email.trim().to_owned()).filter(|email| !email.is_empty()),
        role,
        password: None,
        oidc_subject: None,
        created: app.now(),
    };
    let user = app.store().add_user(new, &note).map_err(about_name)?;
    let link = app.link(Purpose::Password { user_id: user.id })?;
    Ok((user, link))
}

/// Changes what a user may do, or whether the user may sign in; what is not given stays as it is.
pub(crate) fn change_user(
    app: &App,
    identity: &Identity,
    id: u64,
    role: Option<UserRole>,
    disabled: Option<bool>,
) -> Result<UserRecord, Problem> {
    let user = app.store().user(id)?;
    let action = match (role, disabled) {
        (None, None) => return Ok(user),
        (Some(_), None) => "user.role",
        (None, Some(true)) => "user.disable",
        (None, Some(false)) => "user.enable",
        (Some(_), Some(true)) => "user.role_and_disable",
        (Some(_), Some(false)) => "user.role_and_enable",
    };
    let note = AuditNote {
        detail: role.map(|role| role.word().to_owned()),
        ..identity.did_to(app, action, user.name)
    };
    let changed = app.store().update_user(id, &note, |user| {
        user.role = role.unwrap_or(user.role);
        user.disabled = disabled.unwrap_or(user.disabled);
    })?;
    Ok(changed)
}

/// Removes a user with all sessions and API tokens.
pub(crate) fn remove_user(app: &App, identity: &Identity, id: u64) -> Result<(), Problem> {
    let user = app.store().user(id)?;
    app.store().remove_user(id, &identity.did_to(app, "user.remove", user.name))?;
    Ok(())
}

/// Takes away the account at the identity provider that a user signs in with.
pub(crate) fn unlink_user(app: &App, identity: &Identity, id: u64) -> Result<(), Problem> {
    let user = app.store().user(id)?;
    let note = AuditNote {
        detail: user.oidc_subject.map(|own| format!("from subject {} at {}", own.subject, own.issuer)),
        ..identity.did_to(app, "user.unlink", user.name)
    };
    app.store().update_user(id, &note, |user| user.oidc_subject = None)?;
    Ok(())
}

/// A link for one use with which a user chooses a password.
pub(crate) fn password_link(
    app: &App,
    identity: &Identity,
    id: u64,
) -> Result<(UserRecord, String), Problem> {
    let user = app.store().user(id)?;
    app.store().append_audit(&identity.did_to(app, "user.link", &user.name))?;
    let link = app.link(Purpose::Password { user_id: id })?;
    Ok((user, link))
}

/// The tokens that somebody may see: their own, an administrator's all.
pub(crate) fn visible_tokens(app: &App, identity: &Identity) -> Result<Vec<ApiToken>, Problem> {
    let is_admin = identity.is_at_least(UserRole::Admin);
    let mut tokens = app.store().api_tokens()?;
    tokens.retain(|token| is_admin || token.user_id == identity.user.id);
    Ok(tokens)
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
    let note = identity.did_to(app, "api_token.add", name.trim());
    let token = app.store().add_api_token(new, &note).map_err(about_name)?;
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
