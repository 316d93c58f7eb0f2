//! One exchange with the service: asking the budget, sending, a bounded answer, and the difference of the clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, WWW_AUTHENTICATE};
use reqwest::redirect::Policy;
use reqwest::{Certificate, RequestBuilder};
use serde::Deserialize;
use sightline_core::budget::{Answer, Call, RateLimit};
use sightline_core::{Context, Error, ErrorKind, Result, Time};

use crate::Address;
use crate::address::PublicResolver;
use crate::failure::transport;

/// A slow list of a large organisation takes minutes.
const CALL_TIMEOUT: Duration = Duration::from_mins(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_mins(2);
/// A page of the largest lists is a few megabytes; more is not a page. Counted after decompression.
pub(crate) const MAX_BODY_BYTES: usize = 64 << 20;
/// More than this, and signed tokens are refused by a server that is exact.
const NOTABLE_SKEW: Duration = Duration::from_mins(5);
const UNKNOWN_SKEW: i64 = i64::MIN;
/// How often a call is made before it has failed.
pub(crate) const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The way to one service.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    inner: reqwest::Client,
    pub(crate) address: Address,
    pub(crate) cx: Context,
    clocks: Arc<Clocks>,
}

#[derive(Debug)]
struct Clocks {
    /// Milliseconds that the server's clock is ahead of ours, by the last answer that told its time.
    skew: AtomicI64,
    warned: AtomicBool,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The server's clock.
    pub(crate) date: Option<Time>,
    /// When the same call may be made again, for a refusal for the rate limit.
    pub(crate) again_at: Time,
}

/// No answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// It may pass.
    Again(Error),
    /// It will not.
    Failed(Error),
}

impl Wire {
    pub(crate) fn new(address: Address, cx: &Context) -> Result<Self> {
        // Another part of the program may have chosen the provider already: either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sightline/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .https_only(!address.is_loopback());
        if address.is_loopback() {
            builder = builder.no_proxy();
        } else {
            builder = builder.dns_resolver(PublicResolver { host: address.host().to_owned() });
        }
        for pem in &cx.extra_roots_pem {
            // A file that holds no certificate is no error to the parser, and no help to anybody.
            let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if certificates.is_empty() {
                let text = "a file of additional authorities holds no certificate in PEM";
                return Err(Error::new(ErrorKind::Config, text).hint("check `http.extra_roots`"));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let inner = builder.build().map_err(|error| {
            Error::new(ErrorKind::Config, "the HTTP client could not be made ready").caused_by(error)
        })?;
        let clocks = Clocks { skew: AtomicI64::new(UNKNOWN_SKEW), warned: AtomicBool::new(false) };
        Ok(Self { inner, address, cx: cx.clone(), clocks: Arc::new(clocks) })
    }

    /// How far the server's clock is ahead of ours, in milliseconds; unknown before an answer told its time.
    pub(crate) fn skew_millis(&self) -> Option<i64> {
        Some(self.clocks.skew.load(Ordering::Relaxed)).filter(|skew| *skew != UNKNOWN_SKEW)
    }

    /// The time by the server's clock, as far as it is known.
    pub(crate) fn server_now(&self) -> Time {
        let skew = self.skew_millis().unwrap_or(0);
        Time::from_millis(self.cx.clock.now().millis().saturating_add(skew))
    }

    /// Makes one call when the budget allows it; the request is made only then, because proofs of it grow old.
    pub(crate) async fn exchange(
        &self,
        call: Call,
        request: impl FnOnce(&reqwest::Client) -> Result<RequestBuilder>,
    ) -> Result<Received, Unanswered> {
        let permit = self.cx.budget.acquire(call).await;
        let started = Instant::now();
        let builder = request(&self.inner).map_err(Unanswered::Failed)?;
        let again = |error| Unanswered::Again(transport(&error, &self.address));
        let mut response = builder.send().await.map_err(again)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let date = date(&headers);
        if let Some(date) = date {
            self.learn_time(date);
        }
        let answer = Answer { status, rate_limit: rate_limit(&headers), date };
        let again_at = self.cx.budget.observe(call, answer);

        // A length is only a hint: it is bounded, and what comes may be compressed.
        let length = response.content_length().unwrap_or(0).min(4 << 20) as usize;
        let mut body = Vec::with_capacity(length);
        while let Some(chunk) = response.chunk().await.map_err(again)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                let text = format!("an answer is larger than {} MB", MAX_BODY_BYTES >> 20);
                return Err(Unanswered::Failed(Error::new(ErrorKind::Protocol, text)));
            }
            body.extend_from_slice(&chunk);
        }
        drop(permit);
        tracing::trace!(
            template = call.template,
            status,
            bytes = body.len(),
            elapsed_ms = started.elapsed().as_millis() as u64,
            request_id = headers.get("x-okta-request-id").and_then(|id| id.to_str().ok()),
            "called"
        );
        Ok(Received { status, headers, body, date, again_at })
    }

    fn learn_time(&self, date: Time) {
        let skew = date.millis().saturating_sub(self.cx.clock.now().millis());
        self.clocks.skew.store(skew, Ordering::Relaxed);
        let is_notable = u128::from(skew.unsigned_abs()) > NOTABLE_SKEW.as_millis();
        if is_notable && !self.clocks.warned.swap(true, Ordering::Relaxed) {
            let host = self.address.host();
            tracing::warn!(
                host,
                skew_secs = -skew / 1000,
                "this machine's clock is {} s off",
                skew.abs() / 1000
            );
        }
    }
}

/// How often a call that failed may be made again, with growing waits.
#[derive(Debug)]
pub(crate) struct Patience {
    attempt: u32,
    wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempt: 1, wait: FIRST_WAIT }
    }
}

impl Patience {
    /// Waits for the next attempt, or gives the error back where there were enough.
    pub(crate) async fn again(&mut self, template: &str, error: Error, attempts: u32) -> Result<()> {
        if self.attempt >= attempts {
            return Err(error);
        }
        let pause = jittered(self.wait);
        tracing::debug!(template, attempt = self.attempt, pause_ms = pause.as_millis() as u64, %error, "again");
        tokio::time::sleep(pause).await;
        self.wait *= 2;
        self.attempt += 1;
        Ok(())
    }
}

/// Between half of the wait and the whole, so that many clients don't come back at the same moment.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
}

impl Received {
    /// Whether this is a web page and so no answer of an API.
    pub(crate) fn is_html(&self) -> bool {
        let declared =
            self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        declared.starts_with("text/html") || self.body.trim_ascii_start().first() == Some(&b'<')
    }

    /// Whether the answer names this OAuth error, in its challenge or its body.
    pub(crate) fn names_error(&self, name: &str) -> bool {
        #[derive(Deserialize)]
        struct Body {
            error: String,
        }
        let challenges = self.headers.get_all(WWW_AUTHENTICATE).iter();
        challenges.filter_map(|value| value.to_str().ok()).any(|challenge| challenge.contains(name))
            || serde_json::from_slice::<Body>(&self.body).is_ok_and(|body| body.error == name)
    }
}

fn date(headers: &HeaderMap) -> Option<Time> {
    headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(Time::parse_http_date)
}

/// Reads the rate-limit headers; where a proxy doubled them, the smaller value holds.
fn rate_limit(headers: &HeaderMap) -> Option<RateLimit> {
    let smallest = |name: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).filter_map(|number| number.trim().parse::<u64>().ok()).min()
    };
    Some(RateLimit {
        limit: smallest("x-rate-limit-limit")?,
        remaining: smallest("x-rate-limit-remaining")?,
        reset: Time::from_secs(smallest("x-rate-limit-reset")? as i64),
    })
}
