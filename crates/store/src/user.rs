//! Those who use Sightline itself: no accounts of data sources.

use std::fmt;

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};
use sightline_core::{Secret, Time};

use crate::audit::{self, AuditNote};
use crate::codec;
use crate::error::{Result, StoreError};
use crate::open::Store;
use crate::tables::{META_NEXT_USER, USERS, next_id, open_if_there};
use crate::{api_token, session};

/// Longest name of a user or an API token, in characters.
const MAX_NAME_CHARS: usize = 100;

/// What somebody who uses Sightline may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Everything.
    Admin,
    /// Reads everything, the audit log included.
    Auditor,
    /// Reads what was read from data sources.
    Viewer,
}

impl UserRole {
    /// Its word: `admin`, `auditor`, `viewer`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
        }
    }
}

impl fmt::Display for UserRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What is kept of a password, a string in PHC format such as `$argon2id$…`: made and checked elsewhere, never printed.
#[derive(Debug, Clone)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Takes hold of a string in PHC format.
    pub fn new(phc: impl Into<String>) -> Self {
        Self(Secret::new(phc))
    }

    /// The string itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Whether it is the same string: a password is not checked with this.
impl PartialEq for PasswordHash {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for PasswordHash {}

/// An account at an identity provider with which somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OidcSubject {
    /// The provider's `iss`.
    pub issuer: String,
    /// Its `sub`, which the provider gives to nobody else.
    pub subject: String,
}

impl OidcSubject {
    /// The host of the provider, for people.
    pub fn host(&self) -> &str {
        let rest = self.issuer.split_once("://").map_or(self.issuer.as_str(), |(_, rest)| rest);
        rest.split(['/', '?', '#']).next().unwrap_or(rest)
    }
}

/// A user who is to be added.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name to sign in with; no two differ only in upper and lower case.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// What the user may do.
    pub role: UserRole,
    /// What is kept of the password; without one the user does not sign in with a password.
    pub password: Option<PasswordHash>,
    /// The account at the identity provider; no two have the same.
    pub oidc_subject: Option<OidcSubject>,
    /// When the user is added.
    pub created: Time,
}

/// A user as it is kept; not what is sent to anybody, which is why it cannot be serialized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The id in this store; never used again after the user was removed.
    pub id: u64,
    /// The name to sign in with; no two differ only in upper and lower case.
    pub name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// What the user may do.
    pub role: UserRole,
    /// What is kept of the password.
    pub password: Option<PasswordHash>,
    /// The account at the identity provider; no two have the same.
    pub oidc_subject: Option<OidcSubject>,
    /// When the user was added.
    pub created: Time,
    /// Whether the user may not sign in, and whatever the user has signed in with no longer counts.
    pub disabled: bool,
    /// When the last session of the user began.
    pub last_sign_in: Option<Time>,
}

impl UserRecord {
    const fn administers(&self) -> bool {
        matches!(self.role, UserRole::Admin) && !self.disabled
    }
}

/// How a user is written down.
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    email: Option<String>,
    role: UserRole,
    password: Option<String>,
    oidc_subject: Option<OidcSubject>,
    created: Time,
    disabled: bool,
    last_sign_in: Option<Time>,
}

impl Store {
    /// Adds a user; the note goes to the audit log with it.
    pub fn add_user(&self, new: NewUser, note: &AuditNote) -> Result<UserRecord> {
        self.write(|txn| {
            let user = UserRecord {
                id: next_id(txn, META_NEXT_USER)?,
                name: new.name,
                email: new.email,
                role: new.role,
                password: new.password,
                oidc_subject: new.oidc_subject,
                created: new.created,
                disabled: false,
                last_sign_in: None,
            };
            put(txn, &user)?;
            audit::append(txn, note)?;
            Ok(user)
        })
    }

    /// Every user, in the order in which they were added.
    pub fn users(&self) -> Result<Vec<UserRecord>> {
        match open_if_there(&self.begin_read()?, USERS)? {
            Some(table) => all(&table),
            None => Ok(Vec::new()),
        }
    }

    /// The user with this id.
    pub fn user(&self, user_id: u64) -> Result<UserRecord> {
        let table = open_if_there(&self.begin_read()?, USERS)?;
        get(&table.ok_or_else(|| no_such(user_id))?, user_id)
    }

    /// The user with this name, in upper or lower case.
    pub fn find_user(&self, name: &str) -> Result<Option<UserRecord>> {
        Ok(self.users()?.into_iter().find(|user| is_same_name(&user.name, name)))
    }

    /// The user with this account at an identity provider.
    pub fn find_user_by_subject(&self, subject: &OidcSubject) -> Result<Option<UserRecord>> {
        Ok(self.users()?.into_iter().find(|user| user.oidc_subject.as_ref() == Some(subject)))
    }

    /// Changes what is kept about a user, but for the id; the note goes to the audit log with it.
    ///
    /// The sessions of a user end when the password changes, the user is disabled, or the account at the identity provider
    /// goes or is another one. The last administrator who is not disabled stays one.
    pub fn update_user(
        &self,
        user_id: u64,
        note: &AuditNote,
        change: impl FnOnce(&mut UserRecord),
    ) -> Result<UserRecord> {
        self.write(|txn| {
            let before = require(txn, user_id)?;
            let mut user = before.clone();
            change(&mut user);
            user.id = user_id;
            keep_an_admin(txn, &before, Some(&user))?;
            put(txn, &user)?;
            let is_unlinked = before.oidc_subject.is_some() && user.oidc_subject != before.oidc_subject;
            if user.disabled || user.password != before.password || is_unlinked {
                session::remove_all_of(txn, user_id, None)?;
            }
            audit::append(txn, note)?;
            Ok(user)
        })
    }

    /// Removes a user with all sessions and API tokens, unless it is the last administrator who is not disabled; the note
    /// goes to the audit log with it.
    pub fn remove_user(&self, user_id: u64, note: &AuditNote) -> Result<UserRecord> {
        self.write(|txn| {
            let user = require(txn, user_id)?;
            keep_an_admin(txn, &user, None)?;
            txn.open_table(USERS)?.remove(user_id)?;
            session::remove_all_of(txn, user_id, None)?;
            api_token::remove_all_of(txn, user_id)?;
            audit::append(txn, note)?;
            Ok(user)
        })
    }
}

/// The user, who must exist and not be disabled.
pub(crate) fn require_enabled(txn: &WriteTransaction, user_id: u64) -> Result<UserRecord> {
    let user = require(txn, user_id)?;
    if user.disabled { Err(StoreError::UserDisabled { name: user.name }) } else { Ok(user) }
}

/// Writes down that a session of a user began.
pub(crate) fn signed_in(txn: &WriteTransaction, user: UserRecord, at: Time) -> Result<()> {
    put(txn, &UserRecord { last_sign_in: Some(at), ..user })
}

/// Fails unless the text can be the name of a user or an API token: what is seen is what it is.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.trim() != name {
        "it begins or ends with a space"
    } else if name.chars().any(char::is_control) {
        "it has control characters"
    } else if name.chars().count() > MAX_NAME_CHARS {
        "it has more than 100 characters"
    } else {
        return Ok(());
    };
    Err(StoreError::NotAName { reason })
}

fn is_same_name(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Fails where the change would leave nobody who may do everything.
fn keep_an_admin(txn: &WriteTransaction, before: &UserRecord, after: Option<&UserRecord>) -> Result<()> {
    if !before.administers() || after.is_some_and(UserRecord::administers) {
        return Ok(());
    }
    let users = all(&txn.open_table(USERS)?)?;
    if users.iter().any(|user| user.id != before.id && user.administers()) {
        return Ok(());
    }
    Err(StoreError::LastAdmin { name: before.name.clone() })
}

fn require(txn: &WriteTransaction, user_id: u64) -> Result<UserRecord> {
    get(&txn.open_table(USERS)?, user_id)
}

fn get(table: &impl ReadableTable<u64, &'static [u8]>, user_id: u64) -> Result<UserRecord> {
    match table.get(user_id)? {
        Some(row) => from_row(user_id, row.value()),
        None => Err(no_such(user_id)),
    }
}

fn all(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<UserRecord>> {
    let mut users = Vec::new();
    for row in table.iter()? {
        let (id, value) = row?;
        users.push(from_row(id.value(), value.value())?);
    }
    Ok(users)
}

fn put(txn: &WriteTransaction, user: &UserRecord) -> Result<()> {
    check_name(&user.name)?;
    let mut table = txn.open_table(USERS)?;
    for other in all(&table)?.into_iter().filter(|other| other.id != user.id) {
        if is_same_name(&other.name, &user.name) {
            return Err(StoreError::UserNameTaken { name: other.name });
        }
        if user.oidc_subject.is_some() && other.oidc_subject == user.oidc_subject {
            return Err(StoreError::SubjectTaken { name: other.name });
        }
    }
    table.insert(user.id, to_row(user)?.as_slice())?;
    Ok(())
}

fn to_row(user: &UserRecord) -> Result<Vec<u8>> {
    let UserRecord { id: _, name, email, role, password, oidc_subject, created, disabled, last_sign_in } =
        user.clone();
    let password = password.map(|hash| hash.expose().to_owned());
    codec::to_json_row(&Row { name, email, role, password, oidc_subject, created, disabled, last_sign_in })
}

fn from_row(id: u64, bytes: &[u8]) -> Result<UserRecord> {
    let Row { name, email, role, password, oidc_subject, created, disabled, last_sign_in } =
        codec::from_json_row(bytes, || format!("user {id}"))?;
    let password = password.map(PasswordHash::new);
    Ok(UserRecord { id, name, email, role, password, oidc_subject, created, disabled, last_sign_in })
}

fn no_such(user_id: u64) -> StoreError {
    StoreError::NoSuchUser { user: user_id.to_string() }
}
