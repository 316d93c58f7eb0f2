//! Asking for permission to call, and telling what came back: the seam between HTTP and the rate governor.

use std::any::Any;
use std::fmt;

use async_trait::async_trait;

use crate::Time;

/// One call that is about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// The rate-limit bucket that the connector expects it to fall in.
    pub bucket: &'static str,
    /// The path with placeholders, `/api/v1/groups/{id}/users`.
    pub template: &'static str,
}

/// Rate-limit headers of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Calls allowed per window.
    pub limit: u64,
    /// Calls left in this window.
    pub remaining: u64,
    /// When the window ends, by the server's clock.
    pub reset: Time,
}

/// What an answer says about the budget.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Rate-limit headers, where there were any.
    pub rate_limit: Option<RateLimit>,
    /// The server's clock, where it told it.
    pub date: Option<Time>,
}

/// The right to have one call in flight; dropping it gives the place back.
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] Option<Box<dyn Any + Send + Sync>>);

impl Permit {
    /// A permit that gives back what it holds when dropped.
    pub fn holding(guard: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(guard)))
    }

    /// A permit that holds nothing.
    pub const fn free() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// Who decides when a call may be made.
#[async_trait]
pub trait Budget: Send + Sync + fmt::Debug {
    /// Waits until the call may be made, and counts it.
    async fn acquire(&self, call: Call) -> Permit;

    /// Learns from an answer; says when the same call may be made again, for an answer that was a refusal (429).
    fn observe(&self, call: Call, answer: Answer) -> Time;
}
