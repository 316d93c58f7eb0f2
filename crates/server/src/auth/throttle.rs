//! How often somebody may guess a password.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sightline_core::Time;

/// Wrong guesses that cost nothing: people mistype.
const FREE: u32 = 5;
/// What the first guess after those has to wait; each further one twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// After this long without a wrong guess everything is forgotten.
const FORGET: Duration = Duration::from_hours(1);
/// Names and addresses that are remembered; more only where somebody floods.
const MOST: usize = 10_000;

/// Slows down who guesses: by the name that is tried and by the address that tries.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<String, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Time,
}

impl Failures {
    /// When the next guess is let through.
    fn until(self) -> Time {
        if self.count < FREE {
            return self.last;
        }
        let doubled = 2_u32.saturating_pow((self.count - FREE).min(16));
        self.last.after(FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT))
    }
}

impl Throttle {
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Failures>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long whoever tries has to wait; none where it may go on.
    pub(crate) fn wait(&self, keys: &[String], now: Time) -> Option<Duration> {
        self.with(|all| {
            let until = keys.iter().filter_map(|key| all.get(key)).map(|failures| failures.until()).max();
            until.filter(|until| *until > now).map(|until| until.since(now))
        })
    }

    /// Takes in a wrong guess.
    pub(crate) fn failed(&self, keys: &[String], now: Time) {
        self.with(|all| {
            if all.len() >= MOST {
                all.retain(|_, failures| failures.last.after(FORGET) > now);
            }
            for key in keys {
                let failures = all.entry(key.clone()).or_insert(Failures { count: 0, last: now });
                if failures.last.after(FORGET) < now {
                    failures.count = 0;
                }
                failures.count = failures.count.saturating_add(1);
                failures.last = now;
            }
        });
    }

    /// Takes in that somebody knew the password.
    pub(crate) fn succeeded(&self, keys: &[String]) {
        self.with(|all| {
            for key in keys {
                all.remove(key);
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
        let key = |text: &str| vec![text.to_owned()];
        let mut now = Time::parse("2026-06-30T00:00:00Z").unwrap();
        let mut guesses = 0;
        let end = now.after(Duration::from_hours(24));
        while now < end {
            if let Some(wait) = throttle.wait(&key("name ada"), now) {
                now = now.after(wait);
            } else {
                throttle.failed(&["name ada".to_owned(), "address 10.0.0.1".to_owned()], now);
                guesses += 1;
            }
        }
        assert!((100..120).contains(&guesses), "{guesses} guesses a day");
        assert!(
            throttle.wait(&key("address 10.0.0.1"), now).is_some()
                || throttle.wait(&key("name ada"), now).is_none()
        );
        assert_eq!(throttle.wait(&key("name grace"), now), None);
        throttle.succeeded(&key("name ada"));
        assert_eq!(throttle.wait(&key("name ada"), now), None);
    }
}
