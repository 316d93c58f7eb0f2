//! Links that are good for one use: the first administrator, a password for somebody, a demonstration.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sightline_core::{Secret, Time};
use sightline_store::SecretHash;

use super::sessions::new_secret;
use crate::problem::Problem;

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Making the first administrator.
    SetUp,
    /// Choosing a password for this user, who is signed in with it.
    Password { user_id: u64 },
    /// Signing in as this user at once: for demonstrations.
    SignIn { user_id: u64 },
}

impl Purpose {
    const fn lasts(self) -> Duration {
        match self {
            // For as long as nobody has used it: without it nobody gets in at all.
            Self::SetUp => Duration::from_hours(24 * 365),
            Self::Password { .. } => Duration::from_hours(72),
            Self::SignIn { .. } => Duration::from_hours(24),
        }
    }
}

/// The links that have not been used; they end with the process.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<HashMap<SecretHash, (Purpose, Time)>>);

impl Tickets {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<SecretHash, (Purpose, Time)>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new one; others for the same end.
    pub(crate) fn issue(&self, purpose: Purpose, now: Time) -> Result<Secret, Problem> {
        let secret = new_secret()?;
        self.with(|all| {
            all.retain(|_, (other, until)| *other != purpose && *until > now);
            all.insert(SecretHash::of(secret.expose()), (purpose, now.after(purpose.lasts())));
        });
        Ok(secret)
    }

    /// Makes a link good again that was used for nothing.
    pub(crate) fn give_back(&self, secret: &str, purpose: Purpose, now: Time) {
        self.with(|all| all.insert(SecretHash::of(secret), (purpose, now.after(purpose.lasts()))));
    }

    /// What a link is good for; it stays good.
    pub(crate) fn look(&self, secret: &str, now: Time) -> Option<Purpose> {
        self.with(|all| {
            all.get(&SecretHash::of(secret)).filter(|(_, until)| *until > now).map(|ticket| ticket.0)
        })
    }

    /// What a link is good for; it is used up.
    pub(crate) fn take(&self, secret: &str, now: Time) -> Option<Purpose> {
        self.with(|all| {
            all.remove(&SecretHash::of(secret)).filter(|(_, until)| *until > now).map(|ticket| ticket.0)
        })
    }
}
