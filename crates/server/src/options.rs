//! How the server is run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sightline_core::Secret;
use sightline_store::UserRole;
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
    /// The identity provider with which people sign in, besides passwords.
    pub oidc: Option<OidcOptions>,
}

/// Sign-in with an OpenID Connect provider.
#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// The provider's address, to the letter as it calls itself: HTTPS, or plain HTTP to this machine for tests.
    pub issuer: String,
    /// The id of this server at the provider.
    pub client_id: String,
    /// Its secret; none for a public client, which has PKCE alone.
    pub client_secret: Option<Secret>,
    /// What the button calls the provider; its host where none is given.
    pub name: Option<String>,
    /// The scopes that are asked for, besides `openid`.
    pub scopes: Vec<String>,
    /// Whether a user who is not linked yet is, at the first sign-in with the user's e-mail address, which the provider
    /// has to have verified.
    pub link_by_email: bool,
    /// The role with which somebody who is no user yet becomes one; none where users have to be there already.
    pub create_users: Option<UserRole>,
    /// The domains of e-mail addresses that are linked and become users; empty for any.
    pub email_domains: Vec<String>,
    /// Hosts besides the issuer's that may be called, for providers that spread over several: `name` or `name:port`.
    pub other_hosts: Vec<String>,
    /// Certificates of authorities to trust besides the system's, PEM.
    pub extra_roots_pem: Vec<Vec<u8>>,
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
            oidc: None,
        }
    }
}

impl ServerOptions {
    /// Fails, with what to do, where browsers would send passwords and sessions in the clear.
    pub(crate) fn check(&self) -> Result<(), ServerError> {
        let is_called_otherwise = self.behind_proxy || self.listen.ip().is_unspecified();
        if self.oidc.is_some() && self.public_url.is_none() && is_called_otherwise {
            return Err(ServerError::Oidc {
                reason: "the provider has to know where people come back to, and no server.public_url is set"
                    .to_owned(),
                hint:
                    "set server.public_url to the address that people use, such as https://sightline.acme.com"
                        .to_owned(),
            });
        }
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
    /// Sign-in with the identity provider cannot be set up.
    #[error("server.oidc: {reason}")]
    Oidc {
        /// Why not.
        reason: String,
        /// What to do.
        hint: String,
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
            Self::Oidc { hint, .. } => Some(hint.clone()),
            Self::Store(error) => error.hint(),
            _ => None,
        }
    }
}
