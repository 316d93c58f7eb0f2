//! Rate limits: fixed windows per bucket, opened by the first request in them.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::OktaOptions;
use crate::clock;

/// Which organisation's limits apply. Written in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateLimits {
    /// None: answers carry rate-limit headers that never run out.
    Off,
    /// Those of a paying organisation.
    Workforce,
    /// Those of a free developer organisation.
    Integrator,
}

/// Endpoints that share one limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bucket {
    /// Not limited.
    Free,
    Users,
    OneUser,
    Groups,
    OneGroup,
    /// The list and everything below one application.
    Apps,
    OneApp,
    Iam,
    Logs,
    /// Where OAuth tokens are given out.
    Token,
    /// Everything else.
    Rest,
}

impl Bucket {
    const COUNT: usize = 11;

    /// Requests per window of the whole organisation.
    fn limit(self, limits: RateLimits) -> u32 {
        let (workforce, integrator) = match self {
            Self::Free => (NO_LIMIT, NO_LIMIT),
            Self::Users => (600, 100),
            Self::OneUser => (2000, 100),
            Self::Groups | Self::OneApp => (500, 100),
            Self::OneGroup => (1000, 100),
            Self::Apps => (100, 20),
            // Not published; half of it was seen in answers to a token with the default share.
            Self::Iam => (200, 200),
            Self::Logs => (120, 20),
            Self::Token => (2000, 300),
            Self::Rest => (1200, 100),
        };
        match limits {
            RateLimits::Off => NO_LIMIT,
            RateLimits::Workforce => workforce,
            RateLimits::Integrator => integrator,
        }
    }
}

const NO_LIMIT: u32 = 1_000_000;

/// What the answer's rate-limit headers say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Seconds since 1970, rounded up.
    pub(super) reset: u64,
    pub(super) refused: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    opened: Option<(Instant, u64)>,
    used: u32,
}

#[derive(Debug)]
pub(super) struct Governor {
    windows: Mutex<[Window; Bucket::COUNT]>,
    limits: RateLimits,
    share: f64,
    length: Duration,
    skew_seconds: i64,
}

impl Governor {
    pub(super) fn new(options: &OktaOptions) -> Self {
        Self {
            windows: Mutex::default(),
            limits: options.rate_limits,
            share: options.share,
            length: options.window,
            skew_seconds: options.clock_skew_seconds,
        }
    }

    /// Counts a request.
    pub(super) fn admit(&self, bucket: Bucket) -> Standing {
        let limit = match self.limits {
            RateLimits::Off => NO_LIMIT,
            limits => ((f64::from(bucket.limit(limits)) * self.share) as u32).max(1),
        };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = &mut windows[bucket as usize];
        let now = Instant::now();
        let reset = match window.opened {
            Some((opened, reset)) if now < opened + self.length => reset,
            _ => {
                let reset = self.reset_after(self.length);
                *window = Window { opened: Some((now, reset)), used: 0 };
                reset
            }
        };
        let refused = window.used >= limit && self.limits != RateLimits::Off;
        if !refused {
            window.used = window.used.saturating_add(1);
        }
        Standing { limit, remaining: limit.saturating_sub(window.used), reset, refused }
    }

    /// What an answer says when too many requests are in flight: nothing about the bucket, try again in a second.
    pub(super) fn too_many_at_once(&self) -> Standing {
        self.used_up(0)
    }

    /// What an answer says when nothing is left of this limit until a second from now.
    pub(super) fn used_up(&self, limit: u32) -> Standing {
        Standing { limit, remaining: 0, reset: self.reset_after(Duration::from_secs(1)), refused: true }
    }

    fn reset_after(&self, wait: Duration) -> u64 {
        epoch_seconds_rounded_up(clock::skewed_now(self.skew_seconds) + wait)
    }
}

fn epoch_seconds_rounded_up(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}
