//! How requests came and how answers are packed.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
};

use axum::http::{HeaderMap, Version, header, request::Parts};
use flate2::{Compression, write::GzEncoder};

/// Counts by the way that bytes took.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    http1: AtomicU64,
    http2: AtomicU64,
    gzip: AtomicU64,
}

impl Traffic {
    pub(super) fn count(&self, request: &Parts) {
        let counter = if request.version == Version::HTTP_2 { &self.http2 } else { &self.http1 };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_gzip(&self) {
        self.gzip.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn requests_by_protocol(&self) -> BTreeMap<String, u64> {
        [("HTTP/1.1", &self.http1), ("HTTP/2.0", &self.http2)]
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count.load(Ordering::Relaxed)))
            .filter(|&(_, count)| count > 0)
            .collect()
    }

    pub(super) fn gzip_answers(&self) -> u64 {
        self.gzip.load(Ordering::Relaxed)
    }
}

/// Whether a client takes compressed answers.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
            let refused = quality.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f64));
            name.trim().eq_ignore_ascii_case("gzip") && !refused
        })
}

/// The compressed form of a body; `None` if it is too small to pay.
pub(super) fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    if body.len() < FEWEST_BYTES {
        return None;
    }
    let mut packed = GzEncoder::new(Vec::with_capacity(body.len() / 6), Compression::fast());
    packed.write_all(body).ok()?;
    packed.finish().ok()
}

const FEWEST_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_accepts_gzip_gets_it() {
        for (value, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("deflate", false),
            ("gzip;q=0", false),
            ("x-gzipped", false),
        ] {
            let headers = [(header::ACCEPT_ENCODING, value.parse().unwrap())].into_iter().collect();
            assert_eq!(accepts_gzip(&headers), expected, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
