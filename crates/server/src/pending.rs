//! Data sources that somebody is connecting: what was typed, between the check of a credential and *Create*.
//!
//! The credential stays here, so that no page ever carries it back to the browser.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sightline_core::Time;
use sightline_sync::{Checked, NewConnection};

/// What was typed is kept for so long.
const KEPT: Duration = Duration::from_mins(20);
/// Of so many that somebody began; the oldest is given up.
const MOST: usize = 64;

/// Something that somebody is connecting.
#[derive(Debug)]
pub(crate) struct Draft {
    /// Whose it is.
    pub(crate) user_id: u64,
    /// What is to be connected, its credential included.
    pub(crate) new: NewConnection,
    /// What the check found.
    pub(crate) checked: Checked,
    begun: Time,
}

/// Drafts by their ids.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<HashMap<String, Arc<Draft>>>);

impl Pending {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Arc<Draft>>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was checked, under this id.
    pub(crate) fn keep(&self, id: String, user_id: u64, new: NewConnection, checked: Checked, now: Time) {
        self.with(|all| {
            all.retain(|_, draft| draft.begun.after(KEPT) > now);
            if all.len() >= MOST {
                let oldest = all.iter().min_by_key(|(_, draft)| draft.begun).map(|(id, _)| id.clone());
                oldest.and_then(|id| all.remove(&id));
            }
            all.insert(id, Arc::new(Draft { user_id, new, checked, begun: now }));
        });
    }

    /// What somebody has begun; nobody gets at what another has typed.
    pub(crate) fn get(&self, id: &str, user_id: u64, now: Time) -> Option<Arc<Draft>> {
        let draft = self.with(|all| all.get(id).cloned())?;
        (draft.user_id == user_id && draft.begun.after(KEPT) > now).then_some(draft)
    }

    /// Forgets what was connected or given up.
    pub(crate) fn forget(&self, id: &str) {
        self.with(|all| all.remove(id));
    }
}
