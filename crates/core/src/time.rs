//! Instants, with the lenient parsing that provider data needs.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant in UTC with millisecond precision.
///
/// Human-readable formats hold it as RFC 3339 (`2026-01-31T08:00:00.000Z`), binary formats as milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The instant this many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The instant this many whole seconds after 1970-01-01T00:00:00Z.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with any offset, and the zone-less `2026-03-05 08:36:29.0` that some endpoints send, as UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Some(Self(timestamp.as_millisecond()));
        }
        let civil = text.parse::<DateTime>().ok()?;
        let timestamp = TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(Self(timestamp.as_millisecond()))
    }

    /// Reads the `Date` header of an HTTP answer (`Sun, 29 Mar 2026 13:52:12 GMT`).
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let parsed = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
        Some(Self(parsed.timestamp().as_millisecond()))
    }

    /// This instant moved into the past.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.as_millis() as i64))
    }

    /// This instant moved into the future.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.as_millis() as i64))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// The date alone, `2026-01-31`, for people.
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
            Self::parse(&text).ok_or_else(|| de::Error::custom(format_args!("not a time: {text:?}")))
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// Where the current time comes from, so that tests and simulations can set it.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The current time.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        Time::from_millis(Timestamp::now().as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_format_that_providers_send() {
        let new_year = Time::from_secs(1_767_225_600);
        for text in [
            "2026-01-01T00:00:00.000Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01 00:00:00.0",
            "2026-01-01 00:00:00",
            "2025-12-31T19:00:00-05:00",
            " 2026-01-01T00:00:00.000Z ",
        ] {
            assert_eq!(Time::parse(text), Some(new_year), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1767225600"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
        assert_eq!(Time::parse_http_date("Thu, 01 Jan 2026 00:00:00 GMT"), Some(new_year));
    }

    #[test]
    fn prints_what_it_reads() {
        let time = Time::from_millis(1_767_225_600_123);
        assert_eq!(time.to_string(), "2026-01-01T00:00:00.123Z");
        assert_eq!(Time::parse(&time.to_string()), Some(time));
        assert_eq!(time.date(), "2026-01-01");
    }
}
