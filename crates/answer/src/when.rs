//! Points in time as people type them, and the snapshots that were in force then.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use sightline_core::{SnapshotNumber, Time};
use sightline_store::SnapshotMeta;

/// What is accepted.
const FORMS: &str = "not a point in time: give a date (2026-06-30, its end in UTC), an instant \
    (2026-06-30T12:00:00Z), an age (2h, 3d, 2w) or the number of a snapshot (12 or #12)";

/// A point in time, or a snapshot by its number.
#[derive(Debug, Clone)]
pub enum When {
    /// This snapshot.
    Number(SnapshotNumber),
    /// The end of this day, UTC.
    Day(Date),
    /// This instant.
    At(Time),
    /// So long ago.
    Ago {
        /// As it was typed.
        text: String,
        /// How long.
        span: Span,
    },
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match digits.parse() {
                Ok(0) | Err(_) => Err(format!("there is no snapshot {digits}: they are counted from 1")),
                Ok(number) => Ok(Self::Number(number)),
            };
        }
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(Self::At(Time::from_millis(timestamp.as_millisecond())));
        }
        // A time of day without an offset would be read as a date.
        if text.len() == 10
            && let Ok(date) = text.parse::<Date>()
        {
            return Ok(Self::Day(date));
        }
        match text.parse::<Span>() {
            Ok(span) if !span.is_negative() && text.starts_with(|c: char| c.is_ascii_digit()) => {
                Ok(Self::Ago { text: text.to_owned(), span })
            }
            _ => Err(FORMS.to_owned()),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "snapshot {number}"),
            Self::Day(date) => write!(f, "the end of {date}"),
            Self::At(time) => write!(f, "{time}"),
            Self::Ago { text, .. } => write!(f, "{text} ago"),
        }
    }
}

impl When {
    /// The last instant that it means; none for the number of a snapshot. Fails with a text where it lies in the future
    /// or is out of range.
    pub fn instant(&self, now: Time) -> Result<Option<Time>, String> {
        let beyond = || format!("{self} is out of range");
        let at = |timestamp: Timestamp| Time::from_millis(timestamp.as_millisecond());
        let (start, end) = match self {
            Self::Number(_) => return Ok(None),
            Self::At(time) => (*time, *time),
            Self::Day(date) => {
                let midnight = date.to_datetime(jiff::civil::Time::midnight());
                let start = at(TimeZone::UTC.to_timestamp(midnight).map_err(|_| beyond())?);
                (start, start.after(Duration::from_hours(24)).before(Duration::from_millis(1)))
            }
            Self::Ago { span, .. } => {
                let now = Timestamp::from_millisecond(now.millis()).map_err(|_| beyond())?;
                // Days, weeks and months are those of UTC.
                let then = TimeZone::UTC.to_datetime(now).checked_sub(*span).map_err(|_| beyond())?;
                let then = at(TimeZone::UTC.to_timestamp(then).map_err(|_| beyond())?);
                (then, then)
            }
        };
        if start > now {
            return Err(format!("{self} has not come yet"));
        }
        Ok(Some(end))
    }

    /// The snapshot that was in force: the one with the number, or the newest that was sealed by then.
    pub fn among<'a>(
        &self,
        snapshots: &'a [SnapshotMeta],
        now: Time,
    ) -> Result<Option<&'a SnapshotMeta>, String> {
        let end = self.instant(now)?;
        Ok(match (self, end) {
            (Self::Number(number), _) => snapshots.iter().find(|meta| meta.number == *number),
            (_, end) => {
                snapshots.iter().filter(|meta| Some(meta.sealed) <= end).max_by_key(|meta| meta.number)
            }
        })
    }
}

/// When the snapshots of a data source were sealed.
#[derive(Debug, Clone, Default)]
pub struct SealTimes(BTreeMap<SnapshotNumber, Time>);

impl SealTimes {
    /// Those of every snapshot that was ever sealed.
    pub fn of(snapshots: &[SnapshotMeta]) -> Self {
        Self(snapshots.iter().map(|meta| (meta.number, meta.sealed)).collect())
    }

    /// When this one was; none where it is no longer kept.
    pub fn get(&self, number: SnapshotNumber) -> Option<Time> {
        self.0.get(&number).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    fn sealed(number: u64, at: &str) -> SnapshotMeta {
        SnapshotMeta {
            number,
            started: time(at),
            sealed: time(at),
            full: true,
            tallies: sightline_core::Tallies::default(),
            drift: BTreeMap::default(),
            dangling: BTreeMap::default(),
            scopes: 0,
            gaps: 0,
            facts: 0,
            pruned: false,
        }
    }

    #[test]
    fn every_form_finds_the_snapshot_that_was_in_force() {
        let snapshots = [
            sealed(1, "2026-06-29T23:59:59.999Z"),
            sealed(2, "2026-06-30T00:00:00Z"),
            sealed(3, "2026-06-30T23:59:59.999Z"),
            sealed(4, "2026-07-01T00:00:00Z"),
        ];
        let now = time("2026-07-02T12:00:00Z");
        for (text, expected) in [
            ("1", Some(1)),
            ("#4", Some(4)),
            ("5", None),
            ("2026-06-28", None),
            ("2026-06-29", Some(1)),
            ("2026-06-30", Some(3)),
            ("2026-07-02", Some(4)),
            ("2026-06-30T00:00:00Z", Some(2)),
            ("2026-06-30T02:00:00+02:00", Some(2)),
            ("2026-06-29T23:59:59Z", None),
            ("36h", Some(4)),
            ("37h", Some(2)),
            ("2d", Some(2)),
            ("2d 12h", Some(2)),
            ("2d 13h", None),
            ("1w", None),
            ("0h", Some(4)),
        ] {
            let when: When = text.parse().unwrap();
            let found = when.among(&snapshots, now).unwrap();
            assert_eq!(found.map(|meta| meta.number), expected, "{text}");
        }
    }

    #[test]
    fn nonsense_and_the_future_are_refused() {
        for text in [
            "",
            "yesterday",
            "30.06.2026",
            "2026-13-01",
            "2026-06-31",
            "#",
            "#x",
            "-3d",
            "3d ago",
            "0",
            "2026-06-30T12:00:00",
            "3 parsecs",
            "99999999999999999999",
        ] {
            assert!(text.parse::<When>().is_err(), "{text:?}");
        }
        let now = time("2026-07-02T12:00:00Z");
        for (text, fits) in [
            ("2026-07-02", true),
            ("2026-07-03", false),
            ("2026-07-02T12:00:00Z", true),
            ("2026-07-02T12:00:01Z", false),
            ("90000000d", false),
        ] {
            let when: Result<When, _> = text.parse();
            let fitted = when.and_then(|when| when.instant(now));
            assert_eq!(fitted.is_ok(), fits, "{text}: {fitted:?}");
        }
    }
}
