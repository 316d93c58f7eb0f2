//! Times as the API writes them. Inside the crate a time is a number of milliseconds since 1970, UTC.

use std::time::{Duration, SystemTime};

pub(crate) const SECOND: i64 = 1000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The present time on a clock that is this many seconds ahead, or behind if they are negative.
pub(crate) fn skewed_now(seconds: i64) -> SystemTime {
    let (now, difference) = (SystemTime::now(), Duration::from_secs(seconds.unsigned_abs()));
    let skewed = if seconds < 0 { now.checked_sub(difference) } else { now.checked_add(difference) };
    skewed.unwrap_or(now)
}

/// A number of seconds since 1970 as `Sat, 31 Jan 2026 08:09:10 GMT`.
pub(crate) fn http_date(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}

/// Writes `2026-01-31T08:09:10.123Z`.
pub(crate) fn write_stamp(out: &mut Vec<u8>, time: i64) {
    write_to_seconds(out, time);
    out.push(b'.');
    digits(out, time.rem_euclid(SECOND), 3);
    out.push(b'Z');
}

/// Writes `2026-01-31T08:09:10Z`: some objects come without milliseconds.
pub(crate) fn write_stamp_without_millis(out: &mut Vec<u8>, time: i64) {
    write_to_seconds(out, time);
    out.push(b'Z');
}

fn write_to_seconds(out: &mut Vec<u8>, time: i64) {
    let (year, month, day) = civil(time.div_euclid(DAY));
    let rest = time.rem_euclid(DAY);
    for (value, width, separator) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (rest / HOUR, 2, b':'),
        (rest % HOUR / MINUTE, 2, b':'),
    ] {
        digits(out, value, width);
        out.push(separator);
    }
    digits(out, rest % MINUTE / SECOND, 2);
}

/// Year, month and day of a day number; counts in 400-year eras that start on 1 March, so that leap days come last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut left = value;
    for slot in out[start..].iter_mut().rev() {
        *slot = b'0' + (left % 10) as u8;
        left /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_agree_with_jiff() {
        let mut rng = crate::rng::Rng::new(1, "stamps");
        for _ in 0..5000 {
            let time = rng.between(0, 4_102_444_800_000);
            let mut written = Vec::new();
            write_stamp(&mut written, time);
            let parsed: jiff::Timestamp = std::str::from_utf8(&written).unwrap().parse().unwrap();
            assert_eq!(parsed.as_millisecond(), time);
            assert_eq!(written.len(), 24);
        }
    }
}
