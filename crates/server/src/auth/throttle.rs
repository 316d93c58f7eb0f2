//! How often somebody may guess a password.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sightline_core::Time;

/// What the first guess after those has to wait; each further one twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// After this long without a wrong guess everything is forgotten.
const FORGET: Duration = Duration::from_hours(1);
/// Names and addresses that are remembered; more only where somebody floods.
const MOST: usize = 10_000;

/// What guesses are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Guesser {
    /// The name that is tried, in small letters.
    Name(String),
    /// The address that tries; many people may share it.
    Address(String),
    /// The address from which somebody comes back from the identity provider in vain; nothing is guessed there, but each
    /// time is written down.
    Provider(String),
}

impl Guesser {
    /// Whose password it is.
    pub(crate) fn name(name: &str) -> Self {
        Self::Name(name.to_lowercase())
    }

    /// Wrong guesses that cost nothing: people mistype.
    const fn free(&self) -> u32 {
        match self {
            Self::Name(_) => 5,
            Self::Provider(_) => 20,
            Self::Address(_) => 50,
        }
    }
}

/// Slows down who guesses: by the name that is tried and by the address that tries.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Guesser, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Time,
}

impl Failures {
    /// When the next guess is let through.
    fn until(self, free: u32) -> Time {
        if self.count < free {
            return self.last;
        }
        let doubled = 2_u32.saturating_pow((self.count - free).min(16));
        self.last.after(FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT))
    }
}

impl Throttle {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Guesser, Failures>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long whoever tries has to wait; none where it may go on.
    pub(crate) fn wait(&self, guessers: &[Guesser], now: Time) -> Option<Duration> {
        self.with(|all| {
            let until = guessers.iter().filter_map(|who| Some(all.get(who)?.until(who.free()))).max();
            until.filter(|until| *until > now).map(|until| until.since(now))
        })
    }

    /// Takes in a wrong guess.
    pub(crate) fn failed(&self, guessers: &[Guesser], now: Time) {
        self.with(|all| {
            if all.len() >= MOST {
                all.retain(|_, failures| failures.last.after(FORGET) > now);
            }
            for who in guessers {
                let failures = all.entry(who.clone()).or_insert(Failures { count: 0, last: now });
                if failures.last.after(FORGET) < now {
                    failures.count = 0;
                }
                failures.count = failures.count.saturating_add(1);
                failures.last = now;
            }
        });
    }

    /// Takes in that somebody knew the password.
    pub(crate) fn succeeded(&self, guessers: &[Guesser]) {
        self.with(|all| {
            for who in guessers {
                all.remove(who);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_becomes_slower_and_slower_for_names_and_for_addresses() {
        let throttle = Throttle::default();
        let name = |text: &str| vec![Guesser::name(text)];
        let address = [Guesser::Address("10.0.0.1".to_owned())];
        let mut now = Time::parse("2026-06-30T00:00:00Z").unwrap();
        let mut guesses = 0;
        let end = now.after(Duration::from_hours(24));
        while now < end {
            if let Some(wait) = throttle.wait(&name("Ada"), now) {
                now = now.after(wait);
            } else {
                throttle.failed(&[name("ada"), address.to_vec()].concat(), now);
                guesses += 1;
            }
        }
        assert!((100..120).contains(&guesses), "{guesses} guesses a day");
        // Whoever shares the address is slowed down only after many more.
        throttle.failed(&address, now);
        assert!(throttle.wait(&address, now).is_some());
        let fresh = Throttle::default();
        (0..20).for_each(|_| fresh.failed(&address, now));
        assert_eq!(fresh.wait(&address, now), None);
        assert_eq!(throttle.wait(&name("grace"), now), None);
        throttle.succeeded(&name("Ada"));
        assert_eq!(throttle.wait(&name("Ada"), now), None);
    }
}
