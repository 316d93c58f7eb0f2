//! Numbers and times as people read them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sightline_core::Time;

/// A value, or a reference to one: templates hand out both.
pub(crate) trait Plain<T> {
    /// The value.
    fn plain(&self) -> T;
}

impl Plain<u64> for u64 {
    fn plain(&self) -> u64 {
        *self
    }
}

impl Plain<u64> for usize {
    fn plain(&self) -> u64 {
        *self as u64
    }
}

impl Plain<Time> for Time {
    fn plain(&self) -> Time {
        *self
    }
}

impl<T, P: Plain<T> + ?Sized> Plain<T> for &P {
    fn plain(&self) -> T {
        (**self).plain()
    }
}

/// A number with its thousands set apart: `12,400`.
pub(crate) fn number(number: impl Plain<u64>) -> String {
    let digits = number.plain().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 account`, `12,400 accounts`.
pub(crate) fn count(count: impl Plain<u64>, one: &str, many: &str) -> String {
    let count = count.plain();
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// A point in time to the minute, in UTC.
pub(crate) fn moment(time: impl Plain<Time>) -> String {
    let time = time.plain();
    match Timestamp::from_millisecond(time.millis()) {
        Ok(timestamp) => TimeZone::UTC.to_datetime(timestamp).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => time.to_string(),
    }
}

/// How long ago something was, roughly.
pub(crate) fn ago(time: impl Plain<Time>, now: impl Plain<Time>) -> String {
    let (time, now) = (time.plain(), now.plain());
    if time > now {
        return moment(time);
    }
    format!("{} ago", span(now.since(time)))
}

/// When something is due: `now`, `in 5 minutes`.
pub(crate) fn due(at: impl Plain<Time>, now: impl Plain<Time>) -> String {
    let (at, now) = (at.plain(), now.plain());
    if at <= now { "now".to_owned() } else { format!("in {}", span(at.since(now))) }
}

/// How long something took.
pub(crate) fn between(from: impl Plain<Time>, to: impl Plain<Time>) -> String {
    span(to.plain().since(from.plain()))
}

/// How many seconds something takes.
pub(crate) fn seconds(seconds: impl Plain<u64>) -> String {
    span(Duration::from_secs(seconds.plain()))
}

/// How long something takes or lies ahead, roughly.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => count(seconds, "second", "seconds"),
        60..3600 => count(seconds / 60, "minute", "minutes"),
        3600..86_400 => count(seconds / 3600, "hour", "hours"),
        _ => count(seconds / 86_400, "day", "days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_read_well() {
        assert_eq!(number(0_u64), "0");
        assert_eq!(number(999_u64), "999");
        assert_eq!(number(1000_u64), "1,000");
        assert_eq!(number(12_345_678_u64), "12,345,678");
        assert_eq!(count(1_u64, "gap", "gaps"), "1 gap");
        assert_eq!(span(Duration::from_secs(59)), "59 seconds");
        assert_eq!(span(Duration::from_secs(7300)), "2 hours");
        let time = Time::parse("2026-06-30T10:05:59Z").unwrap();
        assert_eq!(moment(time), "2026-06-30 10:05");
        assert_eq!(ago(time, time.after(Duration::from_hours(50))), "2 days ago");
    }
}
