//! The web application and the REST API over the data sources of a [`Supervisor`].
//!
//! - [`Server`]: what is served; [`ServerOptions`] say how.
//! - `pages`: what people see, made on the server, readable without scripts.
//! - `api`: what programs see, under `/api/v1`, described by an OpenAPI document that is made from the code.
//! - `auth`: who asks, and whether they may; `oidc`: whom an identity provider vouches for.
//! - `snapshots`, `view`, `catalog`: sealed snapshots, loaded once and shared by everybody who asks.

mod api;
mod app;
mod assets;
mod auth;
mod catalog;
mod compared;
mod connected;
mod connecting;
mod devices;
mod drawing;
mod figures;
mod layout;
mod lists;
mod oidc;
mod options;
mod pages;
mod parameters;
mod pending;
mod problem;
mod rows;
mod slow;
mod snapshots;
mod table;
mod users;
mod view;
mod words;

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use sightline_sync::{Happened, Supervisor};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

pub use auth::password;
pub use options::{OidcOptions, ServerError, ServerOptions, TlsFiles};

use app::{App, Shared};
use auth::Purpose;
use problem::Problem;

/// The largest request: a private key and some settings.
const LARGEST_BODY: usize = 256 * 1024;
/// A connection that does not say what it wants for so long is closed.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
/// The same of the head of each request.
const HEAD: Duration = Duration::from_secs(15);
/// The same of the body of a request.
const BODY: Duration = Duration::from_secs(15);
/// What is under way when the server stops gets so long.
const GRACE: Duration = Duration::from_secs(5);
/// Between two times that the use of sessions is written down.
const WRITE_DOWN: Duration = Duration::from_mins(1);

/// The web application and the API of the data sources of a supervisor.
pub struct Server {
    app: Shared,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Takes the address; nothing is answered before [`Self::run`].
    pub async fn bind(supervisor: Supervisor, options: ServerOptions) -> Result<Self, ServerError> {
        options.check()?;
        let listen = options.listen;
        let failed = |source| ServerError::Listen { listen, source };
        let listener = TcpListener::bind(listen).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let tls =
            match &options.tls {
                None => None,
                Some(files) => {
                    let config = RustlsConfig::from_pem_file(&files.certificates, &files.key).await;
                    Some(config.map_err(|error| ServerError::Tls {
                        files: files.clone(),
                        reason: error.to_string(),
                    })?)
                }
            };
        let app = Arc::new(App::new(supervisor, options, CancellationToken::new())?);
        app.bind(address);
        Ok(Self { app, listener, address, tls })
    }

    /// The address that is listened on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address that people use, without a slash at the end.
    pub fn base(&self) -> String {
        self.app.base()
    }

    /// A link for one use with which the first administrator is made; none where there is one.
    pub fn set_up_link(&self) -> Result<Option<String>, ServerError> {
        if !self.app.is_new().map_err(|_| ServerError::Random)? {
            return Ok(None);
        }
        self.app.link(Purpose::SetUp).map(Some).map_err(|_| ServerError::Random)
    }

    /// A link for one use with which this user is signed in at once: for demonstrations.
    pub fn sign_in_link(&self, user_id: u64) -> Result<String, ServerError> {
        self.app.link(Purpose::SignIn { user_id }).map_err(|_| ServerError::Random)
    }

    /// Answers until told to stop; what is under way then gets a few seconds.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ServerError> {
        let Self { app, listener, address, tls } = self;
        let failed = |source| ServerError::Listen { listen: address, source };
        let handle = Handle::new();
        let watching = tokio::spawn(keep_loaded(app.clone()));
        let writing = tokio::spawn(keep_written(app.clone()));
        let stopping = {
            let (app, handle, stop) = (app.clone(), handle.clone(), stop.clone());
            tokio::spawn(async move {
                stop.cancelled().await;
                // What would go on for ever ends first.
                app.stop().cancel();
                handle.graceful_shutdown(Some(GRACE));
            })
        };
        let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let served = match tls {
            None => {
                let mut server = axum_server::from_tcp(listener).map_err(failed)?.handle(handle);
                limit(server.http_builder());
                server.first_request_timeout(FIRST_REQUEST).serve(service).await
            }
            Some(tls) => {
                let mut server = axum_server::from_tcp_rustls(listener, tls).map_err(failed)?.handle(handle);
                limit(server.http_builder());
                server.first_request_timeout(FIRST_REQUEST).serve(service).await
            }
        };
        for task in [watching, writing, stopping] {
            task.abort();
        }
        let app = app.clone();
        // Nobody is left to tell when the last use of a session is not written down.
        let _ = tokio::task::spawn_blocking(move || app.sessions().write_down(&app)).await;
        served.map_err(failed)
    }
}

/// Slow clients do not hold connections.
fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder
        .http1()
        .timer(hyper_util::rt::TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(hyper_util::rt::TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .max_concurrent_streams(64)
        .max_header_list_size(32 * 1024);
}

/// Loads the newest snapshots, at first and whenever one was sealed.
async fn keep_loaded(app: Shared) {
    let mut events = app.supervisor().subscribe();
    refresh_all(&app).await;
    app.snapshots().set_ready();
    for source in app.store().sources().unwrap_or_default() {
        if let Err(problem) = app.snapshots().count_missing(source.id).await {
            tracing::warn!(
                source_id = source.id,
                detail = problem.detail,
                "earlier snapshots cannot be counted"
            );
        }
    }
    loop {
        match events.recv().await {
            Ok(event) if matches!(event.happened, Happened::Ended | Happened::Changed) => {
                refresh(&app, event.source_id).await;
            }
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => refresh_all(&app).await,
            Err(RecvError::Closed) => return,
        }
    }
}

async fn refresh_all(app: &Shared) {
    match app.store().sources() {
        Ok(sources) => {
            for source in sources {
                refresh(app, source.id).await;
            }
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "data sources cannot be read");
        }
    }
}

async fn refresh(app: &Shared, source_id: u64) {
    match app.snapshots().refresh(source_id).await {
        // What has changed is what people look at next.
        Ok(true) => compared::prepare_last(app, source_id),
        Ok(false) => {}
        Err(problem) => tracing::error!(
            source_id,
            detail = problem.detail,
            "a snapshot cannot be loaded; the one before is shown"
        ),
    }
}

/// Writes down now and then when sessions and API tokens were used.
async fn keep_written(app: Shared) {
    loop {
        tokio::time::sleep(WRITE_DOWN).await;
        let app = app.clone();
        let written = tokio::task::spawn_blocking(move || app.sessions().write_down(&app)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the use of sessions cannot be written down"
            );
        }
    }
}

fn router(app: Shared) -> Router {
    let pages = pages::router()
        .layer(from_fn(take_body))
        .layer(from_fn_with_state(app.clone(), pages::problems_as_pages));
    let served = Router::new()
        .merge(pages)
        .nest("/api/v1", api::router().layer(from_fn(take_body)))
        .layer(from_fn_with_state(app.clone(), auth::authenticate))
        // What needs nobody to be known comes before that.
        .route("/assets/{version}/{name}", axum::routing::get(assets::serve))
        .route("/healthz", axum::routing::get(async || "ok\n"))
        .layer(from_fn_with_state(app.clone(), auth::check_host))
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    let is_secure = app.options().is_secure();
    served.layer(from_fn(move |request, next| guard(is_secure, request, next))).with_state(app)
}

/// Takes a body whole, if it is not too large and does not take too long: handlers never wait for a slow client.
async fn take_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("a request is at most {} KB large", LARGEST_BODY / 1024),
        )
    };
    // What is announced to be too large is not even begun to be read.
    let announced =
        head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > LARGEST_BODY as u64) {
        return too_large().into_response();
    }
    match tokio::time::timeout(BODY, to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(head, Body::from(bytes))).await,
        Ok(Err(error)) if is_length_limit(&error) => too_large().into_response(),
        Ok(Err(_)) => Problem::wrong("the body of the request broke off").into_response(),
        Err(_) => {
            let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "the body of the request took too long");
            ([(header::CONNECTION, "close")], problem).into_response()
        }
    }
}

/// Whether a body could not be taken because it is too large.
fn is_length_limit(error: &axum::Error) -> bool {
    use std::error::Error as _;
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.to_string() == "length limit exceeded" {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Tells browsers what this server never does, so that they refuse it.
async fn guard(is_secure: bool, request: Request, next: Next) -> Response {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "same-origin");
    set(
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=()",
    );
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    // What is shown to one person is for nobody's cache.
    set(header::CACHE_CONTROL, "no-store");
    if is_secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}
