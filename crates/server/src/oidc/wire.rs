//! Calls to the identity provider: to its own host and those that an administrator has named, wherever answers point.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, StatusCode};
use sightline_core::Time;
use sightline_core::time::{Clock as _, SystemClock};
use thiserror::Error;
use url::{Host, Origin, Url};

use crate::options::{OidcOptions, ServerError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A person waits for it.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A set of keys is a few kilobytes. Counted after decompression.
const MAX_BODY_BYTES: usize = 512 * 1024;
const UNKNOWN: i64 = i64::MIN;

/// Why there is no answer that could be used, as a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum WireError {
    #[error("The provider sends us to {host}, which is not its own host")]
    OtherHost { host: String },
    #[error("The provider sends us to {host} without HTTPS")]
    NotHttps { host: String },
    #[error("{host} cannot be reached ({reason})")]
    Unreachable { host: String, reason: String },
    #[error("{host} did not answer in time")]
    Silent { host: String },
    #[error("There is no trusted TLS connection to {host} ({reason})")]
    NotTrusted { host: String, reason: String },
    #[error("{host} answered with status {status}")]
    Failing { host: String, status: u16 },
    #[error("{host} redirects to another place, which is never followed")]
    Redirected { host: String },
    #[error("{host} sent more than {} kB", MAX_BODY_BYTES / 1024)]
    TooLarge { host: String },
    #[error("A call to the provider could not be made")]
    NotMade,
}

impl WireError {
    /// What to do.
    pub(super) fn todo(&self) -> String {
        match self {
            Self::OtherHost { host } => format!(
                "If the provider's documentation names {host} as well, an administrator adds it to \
                 server.oidc.other_hosts."
            ),
            Self::NotHttps { .. } | Self::Redirected { .. } => {
                "An administrator checks server.oidc.issuer against the provider's documentation.".to_owned()
            }
            Self::NotTrusted { .. } => {
                "If a proxy inspects TLS here, or the provider has an authority of its own, an administrator adds the \
                 authority with http.extra_roots."
                    .to_owned()
            }
            _ => "Try again in a while. If it stays like this, an administrator checks server.oidc.issuer, the network \
                  and the provider."
                .to_owned(),
        }
    }
}

/// Where calls may go.
#[derive(Debug)]
struct Allowed {
    origins: Vec<Origin>,
    /// Whether the issuer is on this machine without HTTPS: then its endpoints may be as well.
    plain: bool,
}

impl Allowed {
    fn check(&self, url: &Url) -> Result<(), WireError> {
        self.check_for_browsers(url)?;
        let has_credentials = !url.username().is_empty() || url.password().is_some();
        if self.origins.contains(&url.origin()) && !has_credentials {
            return Ok(());
        }
        Err(WireError::OtherHost { host: host_of(url) })
    }

    fn check_for_browsers(&self, url: &Url) -> Result<(), WireError> {
        if url.scheme() == "https" || (self.plain && is_loopback_http(url)) {
            return Ok(());
        }
        Err(WireError::NotHttps { host: host_of(url) })
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn is_loopback_http(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
}

/// The way to one provider.
pub(super) struct Wire {
    client: Client,
    allowed: Allowed,
    /// Milliseconds that the provider's clock is ahead of ours, by its last answer.
    skew: AtomicI64,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}

impl Wire {
    /// The way to the provider of these options, and its host.
    pub(super) fn new(options: &OidcOptions) -> Result<(Self, String), ServerError> {
        let failed = |reason: String, hint: &str| ServerError::Oidc { reason, hint: hint.to_owned() };
        let issuer = options.issuer.parse::<Url>().ok();
        let issuer = issuer.filter(|url| {
            (url.scheme() == "https" || is_loopback_http(url))
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let Some(issuer) = issuer else {
            return Err(failed(
                format!("issuer: {:?} is not an HTTPS address of a provider", options.issuer),
                "give the address as the provider's documentation has it, such as https://acme.okta.com",
            ));
        };
        let mut origins = vec![issuer.origin()];
        for other in &options.other_hosts {
            let url = format!("https://{other}").parse::<Url>().ok();
            let found =
                url.filter(|url| url.path() == "/" && url.query().is_none() && url.fragment().is_none());
            origins.push(found.map(|url| url.origin()).ok_or_else(|| {
                failed(
                    format!("other_hosts: {other:?} is not a host"),
                    "give names alone, such as www.example.com",
                )
            })?);
        }
        let plain = is_loopback_http(&issuer);
        // Another part of the program may have chosen the provider of cryptography already: either is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("sightline/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .https_only(!plain);
        if plain {
            builder = builder.no_proxy();
        }
        for pem in &options.extra_roots_pem {
            let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if certificates.is_empty() {
                return Err(failed(
                    "a file of additional authorities holds no certificate in PEM".to_owned(),
                    "check http.extra_roots",
                ));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|_| {
            failed("the HTTP client could not be made ready".to_owned(), "check http.extra_roots")
        })?;
        let wire = Self { client, allowed: Allowed { origins, plain }, skew: AtomicI64::new(UNKNOWN) };
        Ok((wire, host_of(&issuer)))
    }

    /// Fails unless this may be called.
    pub(super) fn check(&self, url: &Url) -> Result<(), WireError> {
        self.allowed.check(url)
    }

    /// Fails unless a browser may be sent there: whoever answers learns what the provider is asked.
    pub(super) fn check_for_browsers(&self, url: &Url) -> Result<(), WireError> {
        self.allowed.check_for_browsers(url)
    }

    /// How many seconds the provider's clock is ahead of ours, as far as it has told.
    pub(super) fn skew_secs(&self) -> Option<i64> {
        Some(self.skew.load(Ordering::Relaxed)).filter(|skew| *skew != UNKNOWN).map(|skew| skew / 1000)
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, WireError> {
        let mut request = reqwest::Request::try_from(request).map_err(|_| WireError::NotMade)?;
        self.check(request.url())?;
        if let Some(credential) = request.headers_mut().get_mut(AUTHORIZATION) {
            credential.set_sensitive(true);
        }
        let host = host_of(request.url());
        let path = request.url().path().to_owned();
        let failed = |error| transport(&error, &host);
        let mut response = self.client.execute(request).await.map_err(failed)?;
        let status = response.status();
        tracing::debug!(host, path, status = status.as_u16(), "called the identity provider");
        self.learn_time(response.headers());
        if status.is_redirection() {
            return Err(WireError::Redirected { host });
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(WireError::Failing { host, status: status.as_u16() });
        }
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(WireError::TooLarge { host });
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    fn learn_time(&self, headers: &HeaderMap) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(Time::parse_http_date);
        if let Some(date) = date {
            self.skew.store(date.millis().saturating_sub(SystemClock.now().millis()), Ordering::Relaxed);
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = WireError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, WireError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.exchange(request))
    }
}

/// Names a failure of the transport; nothing of the request is in it.
fn transport(error: &reqwest::Error, host: &str) -> WireError {
    let mut chain = String::new();
    let mut reason = "the connection broke".to_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        reason = cause.to_string();
        chain.push_str(&reason.to_ascii_lowercase());
        next = cause.source();
    }
    let host = host.to_owned();
    if ["certificate", "tls", "handshake", "unknownissuer"].iter().any(|word| chain.contains(word)) {
        WireError::NotTrusted { host, reason }
    } else if error.is_timeout() || chain.contains("timed out") {
        WireError::Silent { host }
    } else {
        WireError::Unreachable { host, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(issuer: &str, other_hosts: &[&str]) -> OidcOptions {
        OidcOptions {
            issuer: issuer.to_owned(),
            client_id: "sightline".to_owned(),
            client_secret: None,
            name: None,
            scopes: Vec::new(),
            link_by_email: false,
            create_users: None,
            email_domains: Vec::new(),
            other_hosts: other_hosts.iter().map(|host| (*host).to_owned()).collect(),
            extra_roots_pem: Vec::new(),
        }
    }

    #[test]
    fn an_issuer_is_an_https_address_or_on_this_machine() {
        for (issuer, host) in [
            ("https://acme.okta.com", Some("acme.okta.com")),
            ("https://acme.okta.com/oauth2/default", Some("acme.okta.com")),
            ("https://10.0.0.5:8443/realms/acme", Some("10.0.0.5")),
            ("http://127.0.0.1:8080", Some("127.0.0.1")),
            ("http://localhost:8080", Some("localhost")),
            ("http://acme.okta.com", None),
            ("http://10.0.0.5", None),
            ("http://127.0.0.1.evil.example", None),
            ("https://me:pw@acme.okta.com", None),
            ("https://acme.okta.com/?a=b", None),
            ("https://acme.okta.com/#a", None),
            ("acme.okta.com", None),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            let found = Wire::new(&options(issuer, &[])).ok().map(|(_, host)| host);
            assert_eq!(found.as_deref(), host, "{issuer}");
        }
    }

    #[test]
    fn only_the_provider_and_named_hosts_are_called() {
        for (issuer, other, url, allowed) in [
            ("https://idp.example", &[][..], "https://idp.example/token", true),
            ("https://idp.example", &[], "https://IDP.example:443/token", true),
            ("https://idp.example", &[], "https://idp.example:8443/token", false),
            ("https://idp.example", &[], "http://idp.example/token", false),
            ("https://idp.example", &[], "https://idp.example.evil.example/token", false),
            ("https://idp.example", &[], "https://me@idp.example/token", false),
            ("https://idp.example", &[], "https://169.254.169.254/latest", false),
            ("https://idp.example", &[], "http://127.0.0.1/token", false),
            ("https://idp.example", &["keys.example", "b.example:8443"], "https://keys.example/k", true),
            ("https://idp.example", &["keys.example", "b.example:8443"], "https://b.example:8443/k", true),
            ("https://idp.example", &["keys.example", "b.example:8443"], "https://b.example/k", false),
            ("http://127.0.0.1:80", &[], "http://127.0.0.1/token", true),
            ("http://127.0.0.1:80", &[], "http://127.0.0.1:81/token", false),
            ("http://127.0.0.1:80", &[], "http://169.254.169.254/latest", false),
        ] {
            let (wire, _) = Wire::new(&options(issuer, other)).unwrap();
            assert_eq!(wire.check(&url.parse().unwrap()).is_ok(), allowed, "{issuer} {other:?} {url}");
        }
        for other in ["https://a.example", "a.example/path", "", "a b"] {
            assert!(Wire::new(&options("https://idp.example", &[other])).is_err(), "{other}");
        }
    }
}
