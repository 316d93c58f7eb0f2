//! Sign-ins that have begun: what has to be remembered until the browser comes back from the provider.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openidconnect::{Nonce, PkceCodeVerifier};
use sightline_core::Time;
use sightline_store::SecretHash;

/// A person types a password and looks for a second factor meanwhile.
pub(super) const KEPT: Duration = Duration::from_mins(10);
/// Of so many that have begun; who begins more pushes out the oldest.
const MOST: usize = 4096;
/// The same from one address: who floods pushes out their own first.
const MOST_FROM_ONE: usize = 128;

/// A sign-in that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    /// The secret in the cookie of the browser that has begun it.
    pub(super) browser: SecretHash,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
    /// The page to go on to.
    pub(super) next: String,
    pub(super) address: Option<String>,
    pub(super) at: Time,
}

/// What there is about a sign-in that is said to come back.
#[derive(Debug)]
pub(super) enum Taken {
    Begun(Begun),
    /// Another browser has begun it.
    Elsewhere,
    /// Nobody has begun it; it has come back already, or took too long.
    Unknown,
}

/// Sign-ins that have begun, by the hash of their `state`.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<SecretHash, Begun>>);

impl Pending {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<SecretHash, Begun>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn keep(&self, state: &str, begun: Begun) {
        self.with(|all| {
            all.retain(|_, other| other.at.after(KEPT) > begun.at);
            let from_there = all.values().filter(|other| other.address == begun.address).count();
            let crowded = from_there >= MOST_FROM_ONE;
            if crowded || all.len() >= MOST {
                let oldest = all
                    .iter()
                    .filter(|(_, other)| !crowded || other.address == begun.address)
                    .min_by_key(|(_, other)| other.at)
                    .map(|(state, _)| *state);
                oldest.and_then(|state| all.remove(&state));
            }
            all.insert(SecretHash::of(state), begun);
        });
    }

    /// What has begun with this `state`; it is used up, whoever asks: only who has begun it and the provider know it.
    pub(super) fn take(&self, state: &str, browser: Option<&str>, now: Time) -> Taken {
        let begun = self.with(|all| all.remove(&SecretHash::of(state)));
        match begun.filter(|begun| begun.at.after(KEPT) > now) {
            None => Taken::Unknown,
            Some(begun) if browser.map(SecretHash::of) == Some(begun.browser) => Taken::Begun(begun),
            Some(_) => Taken::Elsewhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(browser: &str, address: &str, at: Time) -> Begun {
        Begun {
            browser: SecretHash::of(browser),
            nonce: Nonce::new("n".to_owned()),
            verifier: PkceCodeVerifier::new("v".repeat(43)),
            next: "/".to_owned(),
            address: Some(address.to_owned()),
            at,
        }
    }

    #[test]
    fn a_sign_in_comes_back_once_in_time_and_to_its_own_browser() {
        let pending = Pending::default();
        let now = Time::parse("2026-06-30T00:00:00Z").unwrap();
        for state in ["a", "b", "c", "d"] {
            pending.keep(state, begun("mine", "10.0.0.1", now));
        }
        assert!(matches!(pending.take("a", Some("mine"), now.after(KEPT / 2)), Taken::Begun(_)));
        assert!(matches!(pending.take("a", Some("mine"), now), Taken::Unknown));
        assert!(matches!(pending.take("b", Some("yours"), now), Taken::Elsewhere));
        assert!(matches!(pending.take("b", Some("mine"), now), Taken::Unknown));
        assert!(matches!(pending.take("c", None, now), Taken::Elsewhere));
        assert!(matches!(pending.take("d", Some("mine"), now.after(KEPT)), Taken::Unknown));
        assert!(matches!(pending.take("", Some("mine"), now), Taken::Unknown));
    }

    #[test]
    fn who_floods_pushes_out_their_own() {
        let pending = Pending::default();
        let now = Time::parse("2026-06-30T00:00:00Z").unwrap();
        pending.keep("mine", begun("mine", "10.0.0.1", now));
        for turn in 0..1000 {
            let at = now.after(Duration::from_millis(turn));
            pending.keep(&format!("flood {turn}"), begun("x", "10.6.6.6", at));
        }
        assert_eq!(pending.with(|all| all.len()), 1 + MOST_FROM_ONE);
        for turn in 0..5000_u64 {
            let at = now.after(Duration::from_millis(turn));
            pending.keep(&format!("wide flood {turn}"), begun("x", &format!("10.7.{turn}"), at));
        }
        assert_eq!(pending.with(|all| all.len()), MOST);
    }
}
