//! The Okta API of a company, over HTTP or HTTPS on a port of this machine.
//!
//! Served are the reading endpoints that describe users, groups, applications, machine clients, administrators,
//! policies, devices, settings and the system log, with the paging, limits, errors and oddities of the real service.
//! A page larger than documented is refused. Links name the organisation's public host, never
//! the address that is listened on: a client that follows them literally leaves the simulator.

mod answer;
mod clients;
mod connection;
mod directory;
mod faults;
mod filter;
mod jose;
mod limits;
mod lists;
mod log;
mod oauth;
mod ownership;
mod render;
mod roles;
mod routes;
mod schedule;
mod scopes;
mod settings;
mod sign_in;
mod spoil;
mod targets;
mod tls;
mod transport;
mod write;

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use self::{connection::Listener, routes::Api};
pub use self::{
    faults::{Action, Fault, Faults},
    limits::RateLimits,
    oauth::OAuthApp,
    tls::Tls,
};
use crate::{
    company::{AUDITOR, Company, SERVICE_ACCOUNT},
    id::base62,
    rng::{scramble, scramble_text},
};

/// How a company is served.
#[derive(Clone, Debug)]
pub struct OktaOptions {
    /// The address to listen on. Port 0 takes any free port.
    pub listen: SocketAddr,
    /// The API token to accept; without one it is made from the company's seed.
    pub token: Option<String>,
    /// Which organisation's rate limits apply.
    pub rate_limits: RateLimits,
    /// How long a rate-limit window lasts. The real one lasts a minute.
    pub window: Duration,
    /// The part of each rate limit that this token may use.
    pub share: f64,
    /// How long every answer takes.
    pub latency: Duration,
    /// How many requests may be in flight before more are refused.
    pub concurrency: Option<u32>,
    /// Whether the token belongs to a read-only administrator, who may not read who holds which role, nor who is in a
    /// group that gives a role, nor what clients were granted.
    pub read_only_admin: bool,
    /// How groups spell the flag that says whether they give a role.
    pub admin_flag: AdminFlag,
    /// Whether the organisation bought realms and authorization servers. Without it they answer 401, and users have
    /// no realm.
    pub licensed: bool,
    /// What goes wrong.
    pub faults: Faults,
    /// HTTPS instead of plain HTTP.
    pub tls: Option<Tls>,
    /// Whether large answers are compressed for clients that accept it.
    pub gzip: bool,
    /// A service app that is accepted besides the API token.
    pub oauth: Option<OAuthApp>,
    /// How many seconds the server's clock is ahead; negative if it is behind.
    pub clock_skew_seconds: i64,
}

impl Default for OktaOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: None,
            rate_limits: RateLimits::Off,
            window: Duration::from_mins(1),
            share: 0.5,
            latency: Duration::ZERO,
            concurrency: None,
            read_only_admin: false,
            admin_flag: AdminFlag::HasAdminPrivilege,
            licensed: false,
            faults: Faults::default(),
            tls: None,
            gzip: false,
            oauth: None,
            clock_skew_seconds: 0,
        }
    }
}

/// The spellings of a group's flag that were seen or announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminFlag {
    /// `hasAdminPrivilege`: what is usually sent.
    HasAdminPrivilege,
    /// `hasAdminPrivlege`, as the published schema has it.
    HasAdminPrivlege,
    /// `hasAdminPrivileges`, as a release note had it.
    HasAdminPrivileges,
}

impl AdminFlag {
    fn as_str(self) -> &'static str {
        match self {
            Self::HasAdminPrivilege => "hasAdminPrivilege",
            Self::HasAdminPrivlege => "hasAdminPrivlege",
            Self::HasAdminPrivileges => "hasAdminPrivileges",
        }
    }
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct OktaServer {
    address: SocketAddr,
    ca_pem: Option<String>,
    api: Arc<Api>,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl OktaServer {
    /// Starts to serve `company`. Fails when the address cannot be listened on.
    pub async fn start(company: Arc<Company>, options: OktaOptions) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let (acceptor, ca_pem) = options.tls.as_ref().map(tls::acceptor).transpose()?.unzip();
        let api = Arc::new(Api::new(company, options));
        let (stop, mut stopped) = watch::channel(false);
        let service =
            routes::router(Arc::clone(&api)).into_make_service_with_connect_info::<connection::Cut>();
        let task = tokio::spawn(async move {
            axum::serve(Listener::new(listener, acceptor), service)
                .with_graceful_shutdown(async move {
                    // An error means that the server was dropped, which stops it as well.
                    let _ = stopped.wait_for(|stop| *stop).await;
                })
                .await
        });
        Ok(Self { address, ca_pem, api, stop, task })
    }

    /// The base address, without a slash at the end.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of the authority that vouches for the server, as PEM, if it speaks HTTPS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The API token that is accepted.
    pub fn token(&self) -> &str {
        self.api.token()
    }

    /// How many requests arrived so far, by method and path template, refused ones included.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.api.requests()
    }

    /// How many requests were refused because a rate limit or the concurrency limit was reached.
    pub fn refused(&self) -> u64 {
        self.api.refused()
    }

    /// How many requests came over which version of HTTP: `HTTP/1.1` and `HTTP/2.0`.
    pub fn requests_by_protocol(&self) -> BTreeMap<String, u64> {
        self.api.traffic.requests_by_protocol()
    }

    /// How many answers were compressed.
    pub fn gzip_answers(&self) -> u64 {
        self.api.traffic.gzip_answers()
    }

    /// Stops accepting connections, lets open requests finish, and returns.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // Connections that clients keep open must not hold the shutdown back for ever.
        if tokio::time::timeout(Duration::from_secs(2), self.wait()).await.is_err() {
            self.task.abort();
        }
    }

    /// Waits until the server ends by itself, which it does only on an error.
    pub async fn wait(&mut self) -> io::Result<()> {
        if self.task.is_finished() {
            return Ok(());
        }
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

/// The token made from a company's seed: 42 characters, starting with `00`.
fn token_for(company: &Company) -> String {
    let part = |number: u64| base62(scramble(company.spec.seed ^ scramble_text("token") ^ number), 10);
    format!("00{}{}{}{}", part(1), part(2), part(3), part(4))
}

/// Whose token it is (user index).
fn owner_of_token(company: &Company, read_only_admin: bool) -> u32 {
    let login = crate::company::login(if read_only_admin { AUDITOR } else { SERVICE_ACCOUNT });
    company.users.iter().position(|user| user.login == login).unwrap_or_default() as u32
}
