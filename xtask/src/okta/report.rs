//! What `sync --json` and the simulator say.

use std::collections::BTreeMap;

use serde_json::Value;

/// What one sync took.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taken {
    /// From the start of the process to its end.
    pub(super) seconds: f64,
    /// None where the system does not tell.
    pub(super) peak_bytes: Option<u64>,
    /// Whether it read everything.
    pub(super) full: bool,
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) records: u64,
    pub(super) gaps: u64,
    /// Bytes of the data directory afterwards, as the file system allocates them.
    pub(super) disk_bytes: u64,
}

/// What was used of a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) requests: u64,
    /// Calls of a window; none where no answer told.
    pub(super) limit: Option<u64>,
    pub(super) refused: u64,
}

impl Taken {
    /// Reads the report of `sync --json`; none when it is not what is expected.
    pub(super) fn read(report: &str, seconds: f64, disk_bytes: u64) -> Option<Self> {
        let report: Value = serde_json::from_str(report).ok()?;
        let buckets = report["requests"].as_object()?.iter().map(|(name, used)| {
            let bucket = Bucket {
                requests: used["requests"].as_u64()?,
                limit: used["limit"].as_u64(),
                refused: used["refused"].as_u64()?,
            };
            Some((name.clone(), bucket))
        });
        let records: Option<Vec<u64>> = report["records"].as_object()?.values().map(Value::as_u64).collect();
        Some(Self {
            seconds,
            peak_bytes: report["peak_memory_bytes"].as_u64(),
            full: report["full"].as_bool()?,
            buckets: buckets.collect::<Option<_>>()?,
            records: records?.iter().sum(),
            gaps: report["gaps"].as_array()?.len() as u64,
            disk_bytes,
        })
    }

    pub(super) fn requests(&self) -> u64 {
        self.buckets.values().map(|bucket| bucket.requests).sum()
    }

    pub(super) fn refused(&self) -> u64 {
        self.buckets.values().map(|bucket| bucket.refused).sum()
    }
}

/// What the simulator says when it answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ready {
    pub(super) url: String,
    pub(super) token: String,
    pub(super) apps: u64,
    /// The fewest requests by listing, as it wrote them.
    pub(super) requests_minimum: Value,
    pub(super) log_pages: u64,
    /// Things that the last round left changed; none without rounds.
    pub(super) dirty: Option<u64>,
}

impl Ready {
    /// None when it is not what is expected.
    pub(super) fn read(line: &str) -> Option<Self> {
        let ready: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            url: ready["url"].as_str()?.to_owned(),
            token: ready["token"].as_str()?.to_owned(),
            apps: ready["apps"].as_u64()?,
            requests_minimum: ready.get("requests_minimum")?.clone(),
            log_pages: ready["log_pages"].as_u64()?,
            dirty: ready["dirty"].as_u64(),
        })
    }

    /// Where it listens, such as 127.0.0.1:8080.
    pub(super) fn address(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, address)| address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_a_sync_is_read() {
        let report = r#"{"source":"Okta","snapshot":1,"full":true,"requests":{"a":{"requests":40,"limit":50,"refused":1},
            "b":{"requests":2,"limit":null,"refused":3}},"records":{"users":10,"groups":5},"gaps":[{"scope":"x"}],
            "peak_memory_bytes":70000000}"#;
        let read = Taken::read(report, 1.5, 4096).unwrap();
        let expected = Taken {
            seconds: 1.5,
            peak_bytes: Some(70_000_000),
            full: true,
            buckets: BTreeMap::from([
                ("a".to_owned(), Bucket { requests: 40, limit: Some(50), refused: 1 }),
                ("b".to_owned(), Bucket { requests: 2, limit: None, refused: 3 }),
            ]),
            records: 15,
            gaps: 1,
            disk_bytes: 4096,
        };
        assert_eq!(read, expected);
        assert_eq!((read.requests(), read.refused()), (42, 4));
        let unknown = report.replace("70000000", "null");
        assert_eq!(Taken::read(&unknown, 1.5, 4096), Some(Taken { peak_bytes: None, ..expected }));
        // A figure that is not there must not become a zero.
        for (there, other) in [(r#""requests":40"#, r#""calls":40"#), ("gaps", "holes"), ("full", "whole")] {
            assert_eq!(Taken::read(&report.replace(there, other), 1.5, 4096), None, "{there}");
        }
    }

    #[test]
    fn the_simulator_is_understood() {
        let line = r#"{"url":"http://127.0.0.1:4711","token":"t","pid":7,"apps":30,"requests_minimum":{"users":6},
            "log_pages":21,"dirty":12}"#;
        let ready = Ready::read(line).unwrap();
        assert_eq!(ready.address(), "127.0.0.1:4711");
        assert_eq!((ready.apps, ready.log_pages, ready.dirty), (30, 21, Some(12)));
        assert_eq!(ready.requests_minimum["users"], 6);
        assert_eq!(Ready::read(&line.replace("dirty", "clean")).unwrap().dirty, None);
        assert_eq!(Ready::read(&line.replace("log_pages", "pages")), None);
    }
}
