//! Sessions of users, kept by the hash of a secret that only the browser has.

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};
use sightline_core::Time;

use crate::audit::{self, AuditNote};
use crate::codec;
use crate::error::{Result, StoreError};
use crate::open::Store;
use crate::secret_hash::SecretHash;
use crate::tables::{SESSIONS, open_if_there};
use crate::user;

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of its secret.
    pub hash: SecretHash,
    /// Whose it is.
    pub user_id: u64,
    /// When it began.
    pub created: Time,
    /// When it was last used, as far as that was written down.
    pub last_used: Time,
    /// When it ends, however much it is used.
    pub expires: Time,
}

#[derive(Serialize, Deserialize)]
struct Row {
    user_id: u64,
    created: Time,
    last_used: Time,
    expires: Time,
}

impl Store {
    /// Adds a session of a user who is not disabled, which is a sign-in; the note goes to the audit log with it.
    pub fn add_session(&self, session: &Session, note: &AuditNote) -> Result<()> {
        self.write(|txn| {
            let user = user::require_enabled(txn, session.user_id)?;
            user::signed_in(txn, user, session.created)?;
            add(txn, session)?;
            audit::append(txn, note)?;
            Ok(())
        })
    }

    /// The session with this hash, unless it has ended by now.
    pub fn session(&self, hash: SecretHash, now: Time) -> Result<Option<Session>> {
        let Some(table) = open_if_there(&self.begin_read()?, SESSIONS)? else { return Ok(None) };
        Ok(get(&table, hash)?.filter(|session| session.expires > now))
    }

    /// The sessions of a user, the oldest first, also those that have ended and were not yet cleared away.
    pub fn sessions_of(&self, user_id: u64) -> Result<Vec<Session>> {
        let Some(table) = open_if_there(&self.begin_read()?, SESSIONS)? else { return Ok(Vec::new()) };
        let mut sessions = all(&table)?;
        sessions.retain(|session| session.user_id == user_id);
        sessions.sort_by_key(|session| (session.created, session.hash));
        Ok(sessions)
    }

    /// Writes down when sessions were last used; those that are gone stay gone.
    pub fn touch_sessions(&self, used: &[(SecretHash, Time)]) -> Result<()> {
        if used.is_empty() {
            return Ok(());
        }
        self.write(|txn| {
            let mut table = txn.open_table(SESSIONS)?;
            for (hash, at) in used {
                let Some(mut session) = get(&table, *hash)? else { continue };
                session.last_used = session.last_used.max(*at);
                table.insert(&hash.0, to_row(&session)?.as_slice())?;
            }
            Ok(())
        })
    }

    /// Gives a session another secret, so that the one before no longer counts; false when there is no such session.
    pub fn rotate_session(&self, hash: SecretHash, new_hash: SecretHash) -> Result<bool> {
        self.write(|txn| {
            let Some(session) = get(&txn.open_table(SESSIONS)?, hash)? else { return Ok(false) };
            txn.open_table(SESSIONS)?.remove(&hash.0)?;
            add(txn, &Session { hash: new_hash, ..session })?;
            Ok(true)
        })
    }

    /// Ends a session, and writes the note to the audit log with it; false when there is no such session.
    pub fn remove_session(&self, hash: SecretHash, note: &AuditNote) -> Result<bool> {
        self.write(|txn| {
            let was_there = txn.open_table(SESSIONS)?.remove(&hash.0)?.is_some();
            if was_there {
                audit::append(txn, note)?;
            }
            Ok(was_there)
        })
    }

    /// Ends the sessions of a user, except one, and says how many; the note goes to the audit log with it.
    pub fn remove_sessions_of(
        &self,
        user_id: u64,
        except: Option<SecretHash>,
        note: &AuditNote,
    ) -> Result<u64> {
        self.write(|txn| {
            let removed = remove_all_of(txn, user_id, except)?;
            audit::append(txn, note)?;
            Ok(removed)
        })
    }

    /// Clears away the sessions that have ended by now, and says how many.
    pub fn remove_expired_sessions(&self, now: Time) -> Result<u64> {
        let Some(table) = open_if_there(&self.begin_read()?, SESSIONS)? else { return Ok(0) };
        // Mostly there is nothing to write.
        if all(&table)?.iter().all(|session| session.expires > now) {
            return Ok(0);
        }
        self.write(|txn| remove_where(txn, |session| session.expires <= now))
    }
}

/// Ends the sessions of a user, except one.
pub(crate) fn remove_all_of(txn: &WriteTransaction, user_id: u64, except: Option<SecretHash>) -> Result<u64> {
    remove_where(txn, |session| session.user_id == user_id && Some(session.hash) != except)
}

fn remove_where(txn: &WriteTransaction, is_over: impl Fn(&Session) -> bool) -> Result<u64> {
    let mut table = txn.open_table(SESSIONS)?;
    let over: Vec<Session> = all(&table)?.into_iter().filter(is_over).collect();
    for session in &over {
        table.remove(&session.hash.0)?;
    }
    Ok(over.len() as u64)
}

fn add(txn: &WriteTransaction, session: &Session) -> Result<()> {
    match txn.open_table(SESSIONS)?.insert(&session.hash.0, to_row(session)?.as_slice())? {
        None => Ok(()),
        // Nobody draws the same secret twice; it must not put one user in the place of another.
        Some(_) => Err(StoreError::Unwritable { what: "the secret of a session is in use".to_owned() }),
    }
}

fn get(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    hash: SecretHash,
) -> Result<Option<Session>> {
    table.get(&hash.0)?.map(|row| from_row(hash, row.value())).transpose()
}

fn all(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<Session>> {
    let mut sessions = Vec::new();
    for row in table.iter()? {
        let (hash, value) = row?;
        sessions.push(from_row(SecretHash(*hash.value()), value.value())?);
    }
    Ok(sessions)
}

fn to_row(session: &Session) -> Result<Vec<u8>> {
    let Session { hash: _, user_id, created, last_used, expires } = *session;
    codec::to_row(&Row { user_id, created, last_used, expires })
}

fn from_row(hash: SecretHash, bytes: &[u8]) -> Result<Session> {
    let Row { user_id, created, last_used, expires } = codec::from_row(bytes, || "a session".to_owned())?;
    Ok(Session { hash, user_id, created, last_used, expires })
}
