//! API tokens of users, kept by the hash of a secret that is shown once.

use std::collections::BTreeSet;

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};
use sightline_core::Time;

use crate::audit::{self, AuditNote};
use crate::codec;
use crate::error::{Result, StoreError};
use crate::open::Store;
use crate::secret_hash::SecretHash;
use crate::tables::{API_TOKENS, META_NEXT_API_TOKEN, next_id, open_if_there};
use crate::user;

/// What an API token is good for, within what its user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Asking.
    Read,
    /// Changing.
    Manage,
}

impl TokenScope {
    /// Its word: `read`, `manage`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }
}

/// An API token that is to be added.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// The hash of the secret.
    pub hash: SecretHash,
    /// Whose it is.
    pub user_id: u64,
    /// Name for people.
    pub name: String,
    /// What it is good for.
    pub scopes: BTreeSet<TokenScope>,
    /// When it is added.
    pub created: Time,
    /// When it ends.
    pub expires: Option<Time>,
    /// How the secret begins, by which its owner recognises it: six characters.
    pub prefix: String,
}

/// An API token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// The id in this store; never used again after the token was removed.
    pub id: u64,
    /// Whose it is.
    pub user_id: u64,
    /// Name for people.
    pub name: String,
    /// What it is good for.
    pub scopes: BTreeSet<TokenScope>,
    /// When it was added.
    pub created: Time,
    /// When it ends.
    pub expires: Option<Time>,
    /// When it was last used, as far as that was written down.
    pub last_used: Option<Time>,
    /// How the secret begins, by which its owner recognises it: six characters.
    pub prefix: String,
}

impl Store {
    /// Adds an API token of a user who is not disabled; the note goes to the audit log with it.
    pub fn add_api_token(&self, new: NewApiToken, note: &AuditNote) -> Result<ApiToken> {
        self.write(|txn| {
            user::check_name(&new.name)?;
            user::require_enabled(txn, new.user_id)?;
            let token = ApiToken {
                id: next_id(txn, META_NEXT_API_TOKEN)?,
                user_id: new.user_id,
                name: new.name,
                scopes: new.scopes,
                created: new.created,
                expires: new.expires,
                last_used: None,
                prefix: new.prefix,
            };
            let row = codec::to_json_row(&token)?;
            if txn.open_table(API_TOKENS)?.insert(&new.hash.0, row.as_slice())?.is_some() {
                // Nobody draws the same secret twice; it must not take the place of another one.
                let what = "the secret of an API token is in use".to_owned();
                return Err(StoreError::Unwritable { what });
            }
            audit::append(txn, note)?;
            Ok(token)
        })
    }

    /// The API token with this hash, unless it has ended by now; whether its user may still use it is kept with the user.
    pub fn api_token(&self, hash: SecretHash, now: Time) -> Result<Option<ApiToken>> {
        let Some(table) = open_if_there(&self.begin_read()?, API_TOKENS)? else { return Ok(None) };
        Ok(get(&table, hash)?.filter(|token| token.expires.is_none_or(|expires| expires > now)))
    }

    /// Every API token, in the order in which they were added, also those that have ended.
    pub fn api_tokens(&self) -> Result<Vec<ApiToken>> {
        let Some(table) = open_if_there(&self.begin_read()?, API_TOKENS)? else { return Ok(Vec::new()) };
        let mut tokens: Vec<_> = all(&table)?.into_iter().map(|(_, token)| token).collect();
        tokens.sort_by_key(|token| token.id);
        Ok(tokens)
    }

    /// Writes down when API tokens were last used; those that are gone stay gone.
    pub fn touch_api_tokens(&self, used: &[(SecretHash, Time)]) -> Result<()> {
        if used.is_empty() {
            return Ok(());
        }
        self.write(|txn| {
            let mut table = txn.open_table(API_TOKENS)?;
            for (hash, at) in used {
                let Some(mut token) = get(&table, *hash)? else { continue };
                token.last_used = token.last_used.max(Some(*at));
                table.insert(&hash.0, codec::to_json_row(&token)?.as_slice())?;
            }
            Ok(())
        })
    }

    /// Removes an API token; the note goes to the audit log with it.
    pub fn remove_api_token(&self, token_id: u64, note: &AuditNote) -> Result<ApiToken> {
        self.write(|txn| {
            let removed = remove_where(txn, |token| token.id == token_id)?.pop();
            let token = removed.ok_or(StoreError::NoSuchToken { id: token_id })?;
            audit::append(txn, note)?;
            Ok(token)
        })
    }
}

/// Removes the API tokens of a user.
pub(crate) fn remove_all_of(txn: &WriteTransaction, user_id: u64) -> Result<()> {
    remove_where(txn, |token| token.user_id == user_id).map(drop)
}

fn remove_where(txn: &WriteTransaction, is_over: impl Fn(&ApiToken) -> bool) -> Result<Vec<ApiToken>> {
    let mut table = txn.open_table(API_TOKENS)?;
    let mut removed = Vec::new();
    for (hash, token) in all(&table)?.into_iter().filter(|(_, token)| is_over(token)) {
        table.remove(&hash.0)?;
        removed.push(token);
    }
    Ok(removed)
}

fn get(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    hash: SecretHash,
) -> Result<Option<ApiToken>> {
    table.get(&hash.0)?.map(|row| from_row(row.value())).transpose()
}

fn all(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<(SecretHash, ApiToken)>> {
    let mut tokens = Vec::new();
    for row in table.iter()? {
        let (hash, value) = row?;
        tokens.push((SecretHash(*hash.value()), from_row(value.value())?));
    }
    Ok(tokens)
}

fn from_row(bytes: &[u8]) -> Result<ApiToken> {
    codec::from_json_row(bytes, || "an API token".to_owned())
}
