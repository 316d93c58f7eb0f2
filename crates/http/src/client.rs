//! The client: one call, with its permission, its retries and its next page.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LINK};
use reqwest::redirect::Policy;
use sightline_core::budget::{Answer, Call, RateLimit};
use sightline_core::{Context, Error, ErrorKind, Result, Secret, Time};

use crate::address::PublicResolver;
use crate::failure::transport;
use crate::paging::next_link;
use crate::{Address, Cursor};

/// A slow list of a large organisation takes minutes.
const CALL_TIMEOUT: Duration = Duration::from_mins(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence between two pieces of an answer.
const READ_TIMEOUT: Duration = Duration::from_mins(2);
/// A page of the largest lists is a few megabytes; more is not a page.
const MAX_BODY_BYTES: usize = 64 << 20;
const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// How calls are signed.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Not at all.
    None,
    /// `Authorization: SCHEME TOKEN`.
    Token {
        /// The scheme, `SSWS` or `Bearer`.
        scheme: &'static str,
        /// The token.
        token: Secret,
    },
}

/// One GET of a list or an object.
#[derive(Debug)]
pub struct Request<'a> {
    /// The path with placeholders, for logs and the budget.
    pub template: &'static str,
    /// The rate-limit bucket it should fall in.
    pub bucket: &'static str,
    /// The path.
    pub path: &'a str,
    /// Our own query parameters.
    pub query: &'a [(&'a str, String)],
    /// Where to go on.
    pub cursor: &'a Cursor,
    /// Whether the credential goes along; not before it is certain whose host it is.
    pub signed: bool,
}

/// A successful answer.
#[derive(Debug)]
pub struct Page {
    /// The body.
    pub body: Vec<u8>,
    /// Where the `Link` header says that the list goes on.
    pub next: Option<Cursor>,
    /// The server's clock.
    pub date: Option<Time>,
}

impl Page {
    /// Where the list goes on; a cursor that equals the one this page was asked with would never end and is an error.
    pub fn next_after(&self, asked: &Cursor) -> Result<Option<Cursor>> {
        match &self.next {
            Some(next) if next == asked => {
                Err(Error::new(ErrorKind::Protocol, "the list repeats its cursor instead of going on"))
            }
            next => Ok(next.clone()),
        }
    }
}

/// An answer that is no success, for the connector to name.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// HTTP status.
    pub status: u16,
    /// The path with placeholders.
    pub template: &'static str,
    /// The body; never to be shown as a whole.
    pub body: &'a [u8],
    /// The host that answered.
    pub host: &'a str,
}

/// A polite client for one service.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    address: Address,
    auth: Auth,
    cx: Context,
    name_refusal: fn(&Refusal<'_>) -> Error,
}

enum Attempt {
    Done(Page),
    Again(Error),
    Failed(Error),
}

impl Client {
    /// A client for this address; `name_refusal` turns an answer of the provider into an error.
    pub fn new(
        address: Address,
        auth: Auth,
        cx: &Context,
        name_refusal: fn(&Refusal<'_>) -> Error,
    ) -> Result<Self> {
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
            let certificate = reqwest::Certificate::from_pem(pem).map_err(|error| {
                Error::new(ErrorKind::Config, "an extra root certificate is not valid PEM").caused_by(error)
            })?;
            builder = builder.tls_certs_merge([certificate]);
        }
        let inner = builder.build().map_err(|error| {
            Error::new(ErrorKind::Config, "the HTTP client could not be made ready").caused_by(error)
        })?;
        Ok(Self { inner, address, auth, cx: cx.clone(), name_refusal })
    }

    /// Where it calls.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Makes one call, again where that may help.
    ///
    /// A refusal for the rate limit comes back at once as [`ErrorKind::RateLimited`], so that the caller can do
    /// something else meanwhile.
    pub async fn get(&self, request: &Request<'_>) -> Result<Page> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            match self.attempt(request).await {
                Attempt::Done(page) => return Ok(page),
                Attempt::Failed(error) => return Err(error),
                Attempt::Again(error) if attempt == ATTEMPTS => return Err(error),
                Attempt::Again(error) => {
                    let pause = jittered(wait);
                    tracing::debug!(template = request.template, attempt, pause_ms = pause.as_millis() as u64, %error, "again");
                    tokio::time::sleep(pause).await;
                    wait *= 2;
                    attempt += 1;
                }
            }
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> Attempt {
        let call = Call { bucket: request.bucket, template: request.template };
        let permit = self.cx.budget.acquire(call).await;
        let started = Instant::now();
        let mut url = self.address.at(request.path);
        let mut pairs = request.cursor.over(request.query).peekable();
        if pairs.peek().is_some() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let mut builder = self.inner.get(url).header(ACCEPT, "application/json");
        match self.authorization(request.signed) {
            Ok(Some(value)) => builder = builder.header(AUTHORIZATION, value),
            Ok(None) => {}
            Err(error) => return Attempt::Failed(error),
        }
        let mut response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Again(transport(&error, &self.address)),
        };
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let answer =
            Answer { status: status.as_u16(), rate_limit: rate_limit(&headers), date: date(&headers) };
        let again_at = self.cx.budget.observe(call, answer);

        // A length is only a hint: it is bounded, and what comes may be compressed.
        let length = response.content_length().unwrap_or(0).min(4 << 20) as usize;
        let mut body = Vec::with_capacity(length);
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY_BYTES => {
                    let text = format!("an answer is larger than {} MB", MAX_BODY_BYTES >> 20);
                    return Attempt::Failed(Error::new(ErrorKind::Protocol, text));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return Attempt::Again(transport(&error, &self.address)),
            }
        }
        drop(permit);
        tracing::trace!(
            template = request.template,
            status = status.as_u16(),
            bytes = body.len(),
            elapsed_ms = started.elapsed().as_millis() as u64,
            request_id = headers.get("x-okta-request-id").and_then(|id| id.to_str().ok()),
            "called"
        );

        let host = self.address.host();
        match status.as_u16() {
            200..=299 if is_html(&headers, &body) => Attempt::Failed(
                Error::new(
                    ErrorKind::Protocol,
                    format!("{host} answered with a web page where JSON was expected"),
                )
                .hint("check the address; a proxy or a sign-in page may stand in between"),
            ),
            200..=299 => {
                // A cursor may hold any text: a header that is not plain ASCII is still a link.
                let links: Vec<_> = headers
                    .get_all(LINK)
                    .iter()
                    .map(|value| String::from_utf8_lossy(value.as_bytes()))
                    .collect();
                let next = match next_link(links.iter().map(AsRef::as_ref)) {
                    None => None,
                    Some(link) => match Cursor::from_link(link, request.query) {
                        Some(cursor) => Some(cursor),
                        // The rest of the list must not be taken for its end.
                        None => {
                            return Attempt::Failed(Error::new(
                                ErrorKind::Protocol,
                                format!("the next page of {} cannot be asked for", request.template),
                            ));
                        }
                    },
                };
                Attempt::Done(Page { body, next, date: answer.date })
            }
            300..=399 => Attempt::Failed(
                Error::new(
                    ErrorKind::Protocol,
                    format!("{host} redirects to another place, which is never followed"),
                )
                .hint("use the address that the redirect leads to"),
            ),
            429 => Attempt::Failed(Error::new(
                ErrorKind::RateLimited { until: again_at },
                format!("the rate limit of {} is used up until {again_at}", request.bucket),
            )),
            code => {
                let refusal = Refusal { status: code, template: request.template, body: &body, host };
                let error = (self.name_refusal)(&refusal);
                if matches!(error.kind(), ErrorKind::Unavailable) {
                    Attempt::Again(error)
                } else {
                    Attempt::Failed(error)
                }
            }
        }
    }

    fn authorization(&self, signed: bool) -> Result<Option<HeaderValue>> {
        let Auth::Token { scheme, token } = &self.auth else { return Ok(None) };
        if !signed {
            return Ok(None);
        }
        let mut value = HeaderValue::try_from(format!("{scheme} {}", token.expose()))
            .map_err(|_| Error::new(ErrorKind::Auth, "the token has characters that no token has"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Between half of the wait and the whole, so that many clients don't come back at the same moment.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
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

fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.starts_with("text/html") || body.trim_ascii_start().first() == Some(&b'<')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use sightline_core::budget::{Budget, Permit};
    use sightline_core::time::SystemClock;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[derive(Debug)]
    struct NoLimit;

    #[async_trait]
    impl Budget for NoLimit {
        async fn acquire(&self, _: Call) -> Permit {
            Permit::free()
        }
        fn observe(&self, _: Call, answer: Answer) -> Time {
            answer.rate_limit.map(|limit| limit.reset).unwrap_or_default()
        }
    }

    fn name_refusal(refusal: &Refusal<'_>) -> Error {
        let kind = if refusal.status >= 500 { ErrorKind::Unavailable } else { ErrorKind::Gone };
        Error::new(kind, format!("status {}", refusal.status))
    }

    /// Serves the answers one after the other, a connection each, and hands back the request heads it saw.
    async fn serve(answers: Vec<String>) -> (Client, Arc<AtomicUsize>, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = Arc::new(AtomicUsize::new(0));
        let counter = served.clone();
        let heads = tokio::spawn(async move {
            let mut heads = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = vec![0; 8192];
                let read = stream.read(&mut buffer).await.unwrap();
                heads.push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                stream.write_all(answer.as_bytes()).await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
            }
            heads
        });
        let cx = Context {
            allow_loopback_http: true,
            clock: Arc::new(SystemClock),
            budget: Arc::new(NoLimit),
            extra_roots_pem: Vec::new(),
        };
        let auth = Auth::Token { scheme: "SSWS", token: Secret::new("very-secret") };
        let client = Client::new(Address::new(&url, true).unwrap(), auth, &cx, name_refusal).unwrap();
        (client, served, heads)
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    async fn get(client: &Client) -> Result<Page> {
        let query = [("limit", "2".to_owned())];
        let cursor = Cursor::default();
        client
            .get(&Request {
                template: "/list",
                bucket: "b",
                path: "/list",
                query: &query,
                cursor: &cursor,
                signed: true,
            })
            .await
    }

    #[tokio::test]
    async fn follows_a_link_by_its_parameters_only() {
        let links = "200 OK\r\nlink: <https://else.where/list?limit=2>; rel=\"self\"\r\nlink: <https://else.where/other?after=x%3D&limit=9>; rel=\"next\"";
        let (client, _, heads) = serve(vec![answer(links, "[]")]).await;
        let page = get(&client).await.unwrap();
        assert_eq!(page.next, Some(Cursor::after("x=")));
        assert!(page.next_after(&Cursor::after("x=")).is_err(), "a repeated cursor is an error");
        let heads = heads.await.unwrap();
        assert!(heads[0].starts_with("GET /list?limit=2 HTTP/1.1"), "{}", heads[0]);
        assert!(heads[0].to_ascii_lowercase().contains("authorization: ssws very-secret"));
    }

    #[tokio::test]
    async fn tries_again_after_failures_that_may_pass() {
        let cut = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 50\r\n\r\n[{\"id\"".to_owned();
        let (client, served, _) =
            serve(vec![answer("503 Busy", ""), cut, answer("500 Oh", "{}"), answer("200 OK", "[1]")]).await;
        assert_eq!(get(&client).await.unwrap().body, b"[1]");
        assert_eq!(served.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn refusals_are_not_tried_again() {
        for (head, kind) in [
            ("404 Not Found", ErrorKind::Gone),
            ("302 Found\r\nlocation: https://evil.example/", ErrorKind::Protocol),
        ] {
            let (client, served, _) = serve(vec![answer(head, "{}")]).await;
            let error = get(&client).await.unwrap_err();
            assert_eq!(*error.kind(), kind);
            assert_eq!(served.load(Ordering::SeqCst), 1);
            assert!(!format!("{error:?}{client:?}").contains("very-secret"));
        }
    }

    #[tokio::test]
    async fn a_web_page_is_no_answer() {
        let (client, _, _) = serve(vec![answer("200 OK\r\ncontent-type: text/html", "<html>")]).await;
        assert_eq!(*get(&client).await.unwrap_err().kind(), ErrorKind::Protocol);
    }

    #[tokio::test]
    async fn a_rate_limit_comes_back_with_its_end() {
        let head = "429 Too Many\r\nx-rate-limit-limit: 10\r\nx-rate-limit-remaining: 0\r\nx-rate-limit-reset: 1767225600";
        let (client, _, _) = serve(vec![answer(head, "{}")]).await;
        let error = get(&client).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::RateLimited { until: Time::from_secs(1_767_225_600) });
    }

    #[tokio::test]
    async fn nobody_listening_names_the_host() {
        let (client, _, heads) = serve(vec![]).await;
        heads.await.unwrap();
        let error = get(&client).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("127.0.0.1 refused the connection"), "{error}");
    }
}
