//! `sightline user`: those who may use Sightline itself.

use std::io::IsTerminal;
use std::path::Path;

use serde::Serialize;
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Secret, Time};
use sightline_server::password::{self, PasswordError};
use sightline_store::{Actor, AuditNote, NewUser, OidcSubject, PasswordHash, Store, UserRecord, UserRole};
use sightline_sync::check_email;

use crate::cli::{Role, User, UserAdd, UserSet};
use crate::credential;
use crate::failure::{FAILED, Failure, NOT_FOUND};
use crate::output::{Columns, json, line};
use crate::world::World;

pub(crate) fn run(world: &World, command: User) -> Result<(), Failure> {
    match command {
        User::Add(add) => self::add(world, add),
        User::List { json } => list(world, json),
        User::Set(set) => change(world, set),
        User::Remove { name } => {
            let store = world.store_to_write("user remove")?;
            let user = user_named(&store, &name)?;
            store.remove_user(user.id, &note("user.remove", &user.name, Vec::new()))?;
            line(format!("Removed {:?} with all sessions and API tokens.", user.name))
        }
    }
}

/// A user as JSON: whether there is a password, and nothing of it.
#[derive(Serialize)]
struct UserLine<'a> {
    id: u64,
    name: &'a str,
    email: Option<&'a str>,
    role: UserRole,
    disabled: bool,
    has_password: bool,
    oidc_subject: Option<&'a OidcSubject>,
    created: Time,
    last_sign_in: Option<Time>,
}

impl<'a> UserLine<'a> {
    fn of(user: &'a UserRecord) -> Self {
        Self {
            id: user.id,
            name: &user.name,
            email: user.email.as_deref(),
            role: user.role,
            disabled: user.disabled,
            has_password: user.password.is_some(),
            oidc_subject: user.oidc_subject.as_ref(),
            created: user.created,
            last_sign_in: user.last_sign_in,
        }
    }

    fn signs_in_with(&self) -> String {
        match (self.has_password, self.oidc_subject.map(OidcSubject::host)) {
            (true, Some(host)) => format!("password, {host}"),
            (true, None) => "password".to_owned(),
            (false, Some(host)) => host.to_owned(),
            (false, None) => "nothing yet".to_owned(),
        }
    }
}

fn add(world: &World, add: UserAdd) -> Result<(), Failure> {
    add.email.as_deref().map_or(Ok(()), check_email)?;
    let password = add.password_file.as_deref().map(|file| take_password(file, &add.name)).transpose()?;
    let store = world.store_to_write("user add")?;
    let role = UserRole::from(add.role);
    let with = if password.is_some() { "with a password" } else { "without a password" };
    let note = note("user.add", &add.name, vec![format!("role {role}"), with.to_owned()]);
    let new = NewUser {
        name: add.name,
        email: add.email,
        role,
        password,
        oidc_subject: None,
        created: SystemClock.now(),
    };
    let user = store.add_user(new, &note)?;
    if add.json {
        return json(&UserLine::of(&user));
    }
    line(format!("Added {:?} as {role}.", user.name))?;
    if user.password.is_none() {
        line(format!(
            "There is no password yet: set one with `sightline user set {:?} --password-file FILE`",
            user.name
        ))?;
    }
    Ok(())
}

fn list(world: &World, as_json: bool) -> Result<(), Failure> {
    // Where nothing was ever stored an empty list is the truth.
    let is_there = world.settings.data_dir.join("sightline.redb").exists();
    let users = if is_there { world.store_to_read()?.users()? } else { Vec::new() };
    let lines: Vec<_> = users.iter().map(UserLine::of).collect();
    if as_json {
        return json(&lines);
    }
    if lines.is_empty() {
        return line("No users yet. Add the first with `sightline user add NAME --role admin`.");
    }
    let mut columns =
        Columns::new(&["name", "role", "state", "e-mail", "signs in with", "added", "last sign-in"]);
    for user in &lines {
        columns.rows.push(vec![
            user.name.to_owned(),
            user.role.to_string(),
            if user.disabled { "disabled" } else { "enabled" }.to_owned(),
            user.email.unwrap_or_default().to_owned(),
            user.signs_in_with(),
            user.created.to_string(),
            user.last_sign_in.map_or_else(|| "never".to_owned(), |time| time.to_string()),
        ]);
    }
    columns.table()
}

fn change(world: &World, set: UserSet) -> Result<(), Failure> {
    let UserSet { name, role, email, new_name, password_file, disable, enable, link, unlink } = set;
    if role.is_none()
        && email.is_none()
        && new_name.is_none()
        && password_file.is_none()
        && !disable
        && !enable
        && link.is_none()
        && !unlink
    {
        return Err(Failure::usage("nothing to change was given")
            .hint("give --role, --email, --name, --password-file, --disable, --enable, --link or --unlink"));
    }
    let link = link.map(|subject| account(world, subject)).transpose()?;
    email.as_deref().map_or(Ok(()), check_email)?;
    let store = world.store_to_write("user set")?;
    let user = user_named(&store, &name)?;
    let will_be_called = new_name.as_deref().unwrap_or(&user.name);
    let password = password_file.as_deref().map(|file| take_password(file, will_be_called)).transpose()?;
    let role = role.map(UserRole::from);
    let changes = [
        role.map(|role| format!("role {role}")),
        email.as_ref().map(|email| format!("e-mail {email}")),
        new_name.as_ref().map(|name| format!("name {name}")),
        password.as_ref().map(|_| "a new password".to_owned()),
        disable.then(|| "disabled".to_owned()),
        enable.then(|| "enabled".to_owned()),
        link.as_ref().map(|link| format!("linked to subject {} at {}", link.subject, link.issuer)),
        unlink.then(|| "unlinked from the identity provider".to_owned()),
    ];
    let changes: Vec<String> = changes.into_iter().flatten().collect();
    let told = changes.join(", ");
    let user = store.update_user(user.id, &note("user.change", &user.name, changes), |user| {
        user.role = role.unwrap_or(user.role);
        user.email = email.or(user.email.take());
        user.name = new_name.unwrap_or_else(|| std::mem::take(&mut user.name));
        user.password = password.or(user.password.take());
        user.disabled = (user.disabled || disable) && !enable;
        user.oidc_subject = link.or(user.oidc_subject.take()).filter(|_| !unlink);
    })?;
    line(format!("Changed {:?}: {told}.", user.name))
}

/// An account at the provider of the settings.
fn account(world: &World, subject: String) -> Result<OidcSubject, Failure> {
    let issuer = world.settings.server.oidc.issuer.trim();
    if issuer.is_empty() {
        return Err(
            Failure::usage("--link: no identity provider is set").hint("set server.oidc.issuer first")
        );
    }
    if subject.is_empty() || subject.trim() != subject || subject.chars().any(char::is_control) {
        return Err(Failure::usage(format!("--link: {subject:?} is not the subject of an account"))
            .hint("take it from the provider, or from the audit log after a sign-in that was refused"));
    }
    Ok(OidcSubject { issuer: issuer.to_owned(), subject })
}

/// What is kept of the password on the first line of a file, or of standard input.
fn take_password(file: &Path, user_name: &str) -> Result<PasswordHash, Failure> {
    let file = (file != Path::new("-")).then_some(file);
    if file.is_none() && std::io::stdin().is_terminal() {
        return Err(Failure::usage("the password would be seen while it is typed").hint(
            "type it unseen and hand it over: read -rs P; printf %s \"$P\" | sightline user … --password-file -",
        ));
    }
    let text = credential::read("password", None, file)?;
    let mut lines = text.expose().lines();
    let password = Secret::new(lines.next().unwrap_or_default());
    if lines.next().is_some() {
        return Err(Failure::usage("what holds the password has several lines")
            .hint("put nothing else into it than the password"));
    }
    let refused = |error: PasswordError| match error {
        PasswordError::NotHashed => Failure::new(error.to_string()).code(FAILED),
        error => Failure::usage(error.to_string()).hint(format!(
            "take at least {} characters: some words that nobody else would join",
            password::MIN_CHARS
        )),
    };
    password::check(&password, user_name).map_err(refused)?;
    password::hash(&password).map_err(refused)
}

/// The user with this name, whatever its case.
fn user_named(store: &Store, name: &str) -> Result<UserRecord, Failure> {
    if let Some(user) = store.find_user(name)? {
        return Ok(user);
    }
    let users = store.users()?;
    let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
    let hint = if names.is_empty() {
        "there are no users yet; add one with `sightline user add`".to_owned()
    } else {
        format!("users: {}", names.join(", "))
    };
    Err(Failure::new(format!("there is no user {name:?}")).code(NOT_FOUND).hint(hint))
}

/// Whoever may start this program on the data directory is not asked for a name: it is the system that acts.
pub(crate) fn note(action: &str, target: &str, mut details: Vec<String>) -> AuditNote {
    details.push("on the command line".to_owned());
    AuditNote {
        target: Some(target.to_owned()),
        detail: Some(details.join(", ")),
        ..AuditNote::done(SystemClock.now(), Actor::System, action)
    }
}

impl From<Role> for UserRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
            Role::Viewer => Self::Viewer,
        }
    }
}
