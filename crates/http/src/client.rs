//! The client: one call, with its permission, its retries and its next page.

use std::collections::BTreeSet;
use std::sync::Arc;

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LINK};
use sightline_core::budget::Call;
use sightline_core::{Context, Error, ErrorKind, Result, Secret, Time};

use crate::failure::{redirect, web_page};
use crate::oauth::{AccessToken, OAuth, Session};
use crate::paging::next_link;
use crate::wire::{ATTEMPTS, Patience, Received, Unanswered, Wire};
use crate::{Address, Cursor};

/// Calls that are made again with a nonce that the server gave, before and after a token was renewed.
const NONCES: u32 = 2;

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
    /// With an access token that the client gets for itself, and renews.
    OAuth(Arc<OAuth>),
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
    /// Whether the caller can ask for less at once where this is too much.
    pub shrinkable: bool,
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
    wire: Wire,
    credential: Credential,
    name_refusal: fn(&Refusal<'_>) -> Error,
}

#[derive(Debug, Clone)]
enum Credential {
    None,
    Token {
        scheme: &'static str,
        token: Secret,
    },
    /// Belongs to this client and its clones alone: a token never goes to another host.
    OAuth(Arc<Session>),
}

enum Attempt {
    Done(Page),
    Again(Error),
    Failed(Error),
    /// The server wants a nonce in the proof, and gave one.
    AgainWithNonce(Error),
    /// The access token was refused.
    AgainWithoutToken(Error, Arc<AccessToken>),
}

impl Client {
    /// A client for this address; `name_refusal` turns an answer of the provider into an error.
    pub fn new(
        address: Address,
        auth: Auth,
        cx: &Context,
        name_refusal: fn(&Refusal<'_>) -> Error,
    ) -> Result<Self> {
        let wire = Wire::new(address, cx)?;
        let credential = match auth {
            Auth::None => Credential::None,
            Auth::Token { scheme, token } => Credential::Token { scheme, token },
            Auth::OAuth(oauth) => Credential::OAuth(Arc::new(Session::new(oauth, wire.clone()))),
        };
        Ok(Self { wire, credential, name_refusal })
    }

    /// Where it calls.
    pub const fn address(&self) -> &Address {
        &self.wire.address
    }

    /// Seconds that this machine's clock is ahead of the server's, negative when it is behind; none before an answer
    /// told the server's time.
    pub fn clock_skew(&self) -> Option<i64> {
        Some(-self.wire.skew_millis()? / 1000)
    }

    /// The scopes that the access token carries, after getting one where there is none; none without OAuth.
    pub async fn granted_scopes(&self) -> Result<Option<BTreeSet<String>>> {
        match &self.credential {
            Credential::OAuth(session) => Ok(Some(session.token().await?.scopes().clone())),
            Credential::None | Credential::Token { .. } => Ok(None),
        }
    }

    /// Makes one call, again where that may help.
    ///
    /// A refusal for the rate limit comes back at once as [`ErrorKind::RateLimited`], so that the caller can do
    /// something else meanwhile. An access token that is refused is replaced once.
    pub async fn get(&self, request: &Request<'_>) -> Result<Page> {
        let mut patience = Patience::default();
        let mut nonces = 0;
        let mut replaced = false;
        loop {
            match self.attempt(request).await {
                Attempt::Done(page) => return Ok(page),
                Attempt::Again(error) => {
                    // Asked the same again, it would only have the same trouble.
                    let is_enough = request.shrinkable && *error.kind() == ErrorKind::Overloaded;
                    patience.again(request.template, error, if is_enough { 2 } else { ATTEMPTS }).await?;
                }
                Attempt::AgainWithNonce(_) if nonces < NONCES => nonces += 1,
                Attempt::AgainWithoutToken(_, refused) if !replaced => {
                    replaced = true;
                    if let Credential::OAuth(session) = &self.credential {
                        session.discard(&refused);
                    }
                }
                Attempt::Failed(error)
                | Attempt::AgainWithNonce(error)
                | Attempt::AgainWithoutToken(error, _) => return Err(error),
            }
        }
    }

    async fn attempt(&self, request: &Request<'_>) -> Attempt {
        // Before the budget is asked: a call that holds a place must not wait for a token that needs one.
        let token = match &self.credential {
            Credential::OAuth(session) if request.signed => match session.token().await {
                Ok(token) => Some((session, token)),
                Err(error) => return Attempt::Failed(error),
            },
            _ => None,
        };
        let mut url = self.wire.address.at(request.path);
        let mut pairs = request.cursor.over(request.query).peekable();
        if pairs.peek().is_some() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        let call = Call { bucket: request.bucket, template: request.template };
        let mut nonce = None;
        let received = self.wire.exchange(call, |http| {
            let builder = http.get(url.clone()).header(ACCEPT, "application/json");
            match &token {
                Some((session, token)) => {
                    nonce = session.nonce();
                    session.sign(builder, token, &url, nonce.as_deref())
                }
                None => self.authorize(builder, request.signed),
            }
        });
        let received = match received.await {
            Ok(received) => received,
            Err(Unanswered::Again(error)) => return Attempt::Again(error),
            Err(Unanswered::Failed(error)) => return Attempt::Failed(error),
        };
        let host = self.wire.address.host();
        if let Some((session, _)) = &token {
            session.learn_nonce(&received.headers);
        }
        match received.status {
            200..=299 if received.is_html() => Attempt::Failed(web_page(host)),
            200..=299 => {
                // A cursor may hold any text: a header that is not plain ASCII is still a link.
                let links: Vec<_> = received
                    .headers
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
                Attempt::Done(Page { body: received.body, next, date: received.date })
            }
            300..=399 => Attempt::Failed(redirect(host)),
            429 => Attempt::Failed(Error::new(
                ErrorKind::RateLimited { until: received.again_at },
                format!("the rate limit of {} is used up until {}", request.bucket, received.again_at),
            )),
            status => {
                let refusal = Refusal { status, template: request.template, body: &received.body, host };
                let error = (self.name_refusal)(&refusal);
                match token {
                    Some((session, token)) => refused(error, &received, session, token, nonce.as_deref()),
                    None if error.may_pass() => Attempt::Again(error),
                    None => Attempt::Failed(error),
                }
            }
        }
    }

    fn authorize(&self, builder: RequestBuilder, signed: bool) -> Result<RequestBuilder> {
        match &self.credential {
            Credential::Token { scheme, token } if signed => {
                Ok(builder.header(AUTHORIZATION, sensitive(scheme, token)?))
            }
            _ => Ok(builder),
        }
    }
}

/// What a refusal of a call with an access token leads to.
fn refused(
    error: Error,
    received: &Received,
    session: &Session,
    token: Arc<AccessToken>,
    nonce: Option<&str>,
) -> Attempt {
    if token.needs_proof() && matches!(received.status, 400 | 401) {
        let complains_about = |name: &str| received.names_error(name);
        let has_new_nonce = session.nonce().as_deref() != nonce;
        if has_new_nonce && (received.status == 401 || complains_about("use_dpop_nonce")) {
            return Attempt::AgainWithNonce(error);
        }
        if complains_about("invalid_dpop_proof") || complains_about("use_dpop_nonce") {
            // Not what the connector would name: nothing else can be read either.
            let error = Error::new(
                ErrorKind::Auth,
                format!("the proof of the access token was refused (HTTP {})", received.status),
            );
            return Attempt::AgainWithoutToken(error, token);
        }
    }
    match (error.kind(), received.status) {
        _ if error.may_pass() => Attempt::Again(error),
        // Some providers also answer so for features that are not there; the connector can tell.
        (ErrorKind::Auth, 401) => Attempt::AgainWithoutToken(error, token),
        _ => Attempt::Failed(error),
    }
}

/// The value of `Authorization`.
pub(crate) fn sensitive(scheme: &str, token: &Secret) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("{scheme} {}", token.expose()))
        .map_err(|_| Error::new(ErrorKind::Auth, "the token has characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use sightline_core::budget::{Answer, Budget, Permit};
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
                shrinkable: false,
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
