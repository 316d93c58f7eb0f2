//! Settings: defaults, then the configuration file, then `SIGHTLINE_*`, then flags.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use sightline_core::Secret;
use sightline_server::{OidcOptions, ServerOptions, TlsFiles};
use sightline_store::{Retention, UserRole};
use tracing_subscriber::filter::{LevelFilter, Targets};

use crate::cli::Cli;
use crate::failure::Failure;

/// Where the configuration file is looked for when none is named.
const DEFAULT_FILE: &str = "config/sightline.toml";

/// Everything that can be set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where everything is kept; empty for the platform's data directory.
    pub(crate) data_dir: PathBuf,
    /// What to log.
    pub(crate) log: String,
    pub(crate) sync: SyncSettings,
    pub(crate) history: HistorySettings,
    pub(crate) http: HttpSettings,
    pub(crate) server: ServerSettings,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSettings {
    /// The address that the web application and the API listen on.
    pub(crate) listen: SocketAddr,
    /// Certificates for HTTPS, PEM.
    pub(crate) tls_certificates: PathBuf,
    /// Their private key, PEM.
    pub(crate) tls_key: PathBuf,
    /// Whether a proxy in front speaks HTTPS with browsers.
    pub(crate) behind_proxy: bool,
    /// The address that people use, where it is another one.
    pub(crate) public_url: String,
    /// Minutes without use after which a session ends.
    pub(crate) session_idle_minutes: u32,
    /// Hours after which a session ends in any case.
    pub(crate) session_hours: u32,
    /// Sign-in with an OpenID Connect provider.
    pub(crate) oidc: OidcSettings,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSettings {
    /// The provider's address, as it calls itself; empty for none.
    pub(crate) issuer: String,
    /// The id of this server at the provider.
    pub(crate) client_id: String,
    /// Its secret.
    #[serde(default = "no_secret", skip_serializing, deserialize_with = "quiet_secret")]
    pub(crate) client_secret: Secret,
    /// A file that holds the secret.
    pub(crate) client_secret_file: PathBuf,
    /// What the button calls the provider; empty for its host.
    pub(crate) name: String,
    /// The scopes that are asked for.
    pub(crate) scopes: Vec<String>,
    /// Whether a user is linked at the first sign-in with the same verified address.
    pub(crate) link_by_email: bool,
    /// Whether somebody who is no user becomes one.
    pub(crate) create_users: bool,
    /// With which role.
    pub(crate) role: String,
    /// Domains of addresses that are linked and become users; empty for any.
    pub(crate) email_domains: Vec<String>,
    /// Hosts besides the issuer's that may be called.
    pub(crate) other_hosts: Vec<String>,
}

/// The variable that holds the client secret.
const CLIENT_SECRET_VAR: &str = "SIGHTLINE_OIDC_CLIENT_SECRET";

fn no_secret() -> Secret {
    Secret::new("")
}

/// Reads a secret without ever showing it: an error of another kind would quote what it found.
fn quiet_secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    use figment::value::Value;
    match <Value as Deserialize>::deserialize(deserializer) {
        Ok(Value::String(_, text)) => Ok(Secret::new(text)),
        _ => Err(serde::de::Error::custom("not a text in quotes")),
    }
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: no_secret(),
            client_secret_file: PathBuf::new(),
            name: String::new(),
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            link_by_email: false,
            create_users: false,
            role: String::new(),
            email_domains: Vec::new(),
            other_hosts: Vec::new(),
        }
    }
}

impl OidcSettings {
    /// What the server needs to know; none where no provider is set.
    fn options(&self, extra_roots_pem: Vec<Vec<u8>>) -> Result<Option<OidcOptions>, Failure> {
        if self.issuer.trim().is_empty() {
            return Ok(None);
        }
        if self.client_id.trim().is_empty() {
            return Err(Failure::usage("server.oidc.client_id is empty")
                .hint("give the id that the provider has for this application"));
        }
        let role = match self.role.trim() {
            "" => None,
            "viewer" => Some(UserRole::Viewer),
            "auditor" => Some(UserRole::Auditor),
            "admin" => {
                return Err(Failure::usage("server.oidc.role: nobody becomes an admin by signing in").hint(
                    "take viewer or auditor, and make admins of those who are to be ones under Users",
                ));
            }
            other => {
                return Err(Failure::usage(format!("server.oidc.role: there is no role {other:?}"))
                    .hint("take viewer or auditor"));
            }
        };
        if self.create_users && role.is_none() {
            return Err(Failure::usage("server.oidc.create_users needs server.oidc.role")
                .hint("say what new users may do: role = \"viewer\""));
        }
        Ok(Some(OidcOptions {
            issuer: self.issuer.trim().to_owned(),
            client_id: self.client_id.trim().to_owned(),
            client_secret: self.secret()?,
            name: Some(self.name.trim().to_owned()).filter(|name| !name.is_empty()),
            scopes: self.scopes.clone(),
            link_by_email: self.link_by_email,
            create_users: role.filter(|_| self.create_users),
            email_domains: self.email_domains.clone(),
            other_hosts: self.other_hosts.clone(),
            extra_roots_pem,
        }))
    }

    /// The client secret from the environment, a file or the settings; none for a public client.
    fn secret(&self) -> Result<Option<Secret>, Failure> {
        let is_set = !self.client_secret.expose().is_empty();
        let has_file = !self.client_secret_file.as_os_str().is_empty();
        let secret = match std::env::var(CLIENT_SECRET_VAR) {
            Ok(text) => Secret::new(text),
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(Failure::usage(format!("{CLIENT_SECRET_VAR} is not text")));
            }
            Err(std::env::VarError::NotPresent) if is_set && has_file => {
                return Err(Failure::usage(
                    "server.oidc.client_secret and server.oidc.client_secret_file exclude each other",
                ));
            }
            Err(std::env::VarError::NotPresent) if has_file => {
                crate::credential::read("client secret", None, Some(&self.client_secret_file))?
            }
            Err(std::env::VarError::NotPresent) => self.client_secret.clone(),
        };
        let secret = Secret::new(secret.expose().trim());
        match secret.expose() {
            "" if has_file => Err(Failure::usage(format!("{} is empty", self.client_secret_file.display()))),
            "" => Ok(None),
            _ => Ok(Some(secret)),
        }
    }
}

impl ServerSettings {
    /// How the server is run; calls of its own trust these authorities besides the system's.
    pub(crate) fn options(&self, extra_roots_pem: Vec<Vec<u8>>) -> Result<ServerOptions, Failure> {
        let given = |path: &PathBuf| Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
        let tls = match (given(&self.tls_certificates), given(&self.tls_key)) {
            (Some(certificates), Some(key)) => Some(TlsFiles { certificates, key }),
            (None, None) => None,
            _ => return Err(Failure::usage("server.tls_certificates and server.tls_key go together")),
        };
        let public_url = match self.public_url.trim() {
            "" => None,
            text => {
                let url = text.parse::<url::Url>().ok();
                let url = url.filter(|url| {
                    matches!(url.scheme(), "http" | "https")
                        && url.has_host()
                        && matches!(url.path(), "" | "/")
                });
                Some(url.ok_or_else(|| {
                    Failure::usage(format!("server.public_url: {text:?} is not an address"))
                        .hint("give the address that people use, such as https://sightline.acme.com")
                })?)
            }
        };
        Ok(ServerOptions {
            listen: self.listen,
            tls,
            behind_proxy: self.behind_proxy,
            public_url,
            session_idle: Duration::from_mins(u64::from(self.session_idle_minutes)),
            session_lasts: Duration::from_hours(u64::from(self.session_hours)),
            offer_loopback: false,
            oidc: self.oidc.options(extra_roots_pem)?,
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyncSettings {
    /// Minutes between the end of a sync and the start of the next.
    pub(crate) interval_minutes: u32,
    /// Calls in flight at once.
    pub(crate) max_in_flight: usize,
    /// Part of each rate-limit bucket that is left to others.
    pub(crate) reserve: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the settings, which stand alone in the environment"
)]
pub(crate) struct HistorySettings {
    /// Days for which every snapshot is kept.
    pub(crate) keep_all_days: u32,
    /// Days for which the last snapshot of each day is kept.
    pub(crate) keep_daily_days: u32,
    /// Days for which the last snapshot of each month is kept; 0: for ever.
    pub(crate) keep_monthly_days: u32,
}

impl HistorySettings {
    pub(crate) fn retention(&self) -> Retention {
        Retention {
            all_days: self.keep_all_days,
            daily_days: self.keep_daily_days,
            monthly_days: (self.keep_monthly_days > 0).then_some(self.keep_monthly_days),
        }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpSettings {
    /// Files with certificates of additional authorities, PEM.
    pub(crate) extra_roots: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::new(),
            log: "warn".to_owned(),
            sync: SyncSettings { interval_minutes: 60, max_in_flight: 10, reserve: 0.1 },
            history: HistorySettings { keep_all_days: 30, keep_daily_days: 365, keep_monthly_days: 0 },
            http: HttpSettings::default(),
            server: ServerSettings {
                listen: SocketAddr::from(([127, 0, 0, 1], 7733)),
                tls_certificates: PathBuf::new(),
                tls_key: PathBuf::new(),
                behind_proxy: false,
                public_url: String::new(),
                session_idle_minutes: 480,
                session_hours: 168,
                oidc: OidcSettings::default(),
            },
        }
    }
}

impl Settings {
    /// Reads all layers; a value that is wrong is named with where it stands.
    pub(crate) fn read(cli: &Cli) -> Result<Self, Failure> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        match &cli.config {
            Some(file) if !file.is_file() => {
                return Err(Failure::usage(format!("there is no configuration file {}", file.display())));
            }
            Some(file) => figment = figment.merge(Toml::file_exact(file)),
            None if Path::new(DEFAULT_FILE).is_file() => {
                figment = figment.merge(Toml::file_exact(DEFAULT_FILE));
            }
            None => {}
        }
        // Only names that are settings: SIGHTLINE_KEY and a variable that holds a token are none.
        let names = ["data_dir", "log", "sync", "history", "http", "server"];
        let env = Env::prefixed("SIGHTLINE_").split("__").lowercase(true).filter(move |name| {
            let name = name.as_str().to_ascii_lowercase();
            names.iter().any(|setting| name == *setting || name.starts_with(&format!("{setting}.")))
        });
        figment = figment.merge(env);
        if let Some(dir) = &cli.data_dir {
            figment = figment.merge(Serialized::default("data_dir", dir));
        }
        if let Some(log) = &cli.log {
            figment = figment.merge(Serialized::default("log", log));
        }
        let mut settings: Self = figment.extract().map_err(|error| wrong_setting(&error))?;
        if settings.data_dir.as_os_str().is_empty() {
            settings.data_dir = platform_data_dir()?;
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), Failure> {
        if !(0.0..1.0).contains(&self.sync.reserve) {
            return Err(Failure::usage("sync.reserve must be at least 0 and less than 1"));
        }
        if !(1..=75).contains(&self.sync.max_in_flight) {
            return Err(Failure::usage("sync.max_in_flight must be between 1 and 75"));
        }
        if self.sync.interval_minutes == 0 {
            return Err(Failure::usage("sync.interval_minutes must be at least 1"));
        }
        if self.server.session_idle_minutes == 0 || self.server.session_hours == 0 {
            return Err(Failure::usage(
                "server.session_idle_minutes and server.session_hours must be at least 1",
            ));
        }
        if self.log.parse::<Targets>().is_err() {
            return Err(Failure::usage(format!("log: {:?} is not a filter", self.log))
                .hint("use error, warn, info, debug or trace"));
        }
        Ok(())
    }

    /// A bare level is meant for this program; its libraries speak up only when something is wrong.
    pub(crate) fn log_filter(&self) -> Targets {
        match self.log.parse::<LevelFilter>() {
            Ok(level) => {
                Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("sightline", level)
            }
            Err(_) => self.log.parse().unwrap_or_default(),
        }
    }

    /// The key of the credentials, where the environment holds one.
    pub(crate) fn vault_key() -> Result<Option<sightline_store::Key>, Failure> {
        match std::env::var("SIGHTLINE_KEY") {
            Ok(text) => Ok(Some(sightline_store::Key::from_env(&text)?)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(_) => Err(Failure::usage("SIGHTLINE_KEY is not text")),
        }
    }

    pub(crate) fn extra_roots(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let read = |file: &PathBuf| {
            std::fs::read(file).map_err(|error| {
                Failure::usage(format!("http.extra_roots: cannot read {}: {error}", file.display()))
            })
        };
        self.http.extra_roots.iter().map(read).collect()
    }
}

fn platform_data_dir() -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy()
        .map_err(|_| Failure::usage("there is no home directory to keep data in").hint("give --data-dir"))?;
    Ok(base.data_dir().join("sightline"))
}

fn wrong_setting(error: &figment::Error) -> Failure {
    let place = error.metadata.as_ref().map(|metadata| match &metadata.source {
        Some(source) => format!(" in {source}"),
        None => format!(" in {}", metadata.name),
    });
    let path = error.path.join(".");
    let name = if path.is_empty() { String::new() } else { format!("{path}: ") };
    Failure::usage(format!("wrong setting{}: {name}{}", place.unwrap_or_default(), error.kind))
        .hint("config/sightline.toml of the project documents every setting")
}
