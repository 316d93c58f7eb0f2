//! How the server is run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

/// How the server is run.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The address to listen on; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Certificate and key for HTTPS.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy in front speaks HTTPS with browsers and says where requests come from.
    pub behind_proxy: bool,
    /// The address that people use, where it is not the one that is listened on.
    pub public_url: Option<Url>,
    /// A session that is not used for so long ends.
    pub session_idle: Duration,
    /// A session ends after so long, however much it is used.
    pub session_lasts: Duration,
    /// Whether the page for a new data source offers plain HTTP to this machine: demonstrations and tests.
    pub offer_loopback: bool,
}

/// Certificate and key of a server.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate and those that lead to its authority, PEM.
    pub certificates: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7733)),
            tls: None,
            behind_proxy: false,
            public_url: None,
            session_idle: Duration::from_hours(8),
            session_lasts: Duration::from_hours(24 * 7),
            offer_loopback: false,
        }
    }
}

impl ServerOptions {
    /// Fails, with what to do, where browsers would send passwords and sessions in the clear.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        if self.listen.ip().is_loopback() || self.tls.is_some() || self.behind_proxy {
            return Ok(());
        }
        Err(ServerError::Insecure { listen: self.listen })
    }

    /// Whether browsers reach this server over HTTPS only.
    pub(crate) fn is_secure(&self) -> bool {
        let public = self.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
        self.tls.is_some() || public || (self.behind_proxy && self.public_url.is_none())
    }

    /// The host that people use, where one is set.
    pub(crate) fn public_host(&self) -> Option<&str> {
        self.public_url.as_ref().and_then(Url::host_str)
    }

    /// The address that people use, without a slash at the end; `bound` is the one that is listened on.
    pub(crate) fn base(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("{}://{bound}", if self.tls.is_some() { "https" } else { "http" }),
        }
    }
}

/// Why the server cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// It would be reachable from elsewhere without HTTPS.
    #[error(
        "{listen} can be reached from other machines, and without HTTPS passwords would cross the network in the clear"
    )]
    Insecure {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("the certificate {} with the key {} cannot be used: {reason}", .files.certificates.display(), .files.key.display())]
    Tls {
        /// The files.
        files: TlsFiles,
        /// Why not.
        reason: String,
    },
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] sightline_store::StoreError),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

impl ServerError {
    /// What a person should do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Insecure { .. } => Some(
                "give server.tls_certificates and server.tls_key, set server.behind_proxy where a proxy speaks HTTPS, or \
                 listen on 127.0.0.1"
                    .to_owned(),
            ),
            Self::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                Some("another program listens there: stop it, or choose another port with --listen".to_owned())
            }
            Self::Tls { .. } => Some("both have to be PEM, and the key has to belong to the first certificate".to_owned()),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}
