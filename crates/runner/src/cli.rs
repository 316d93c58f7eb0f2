//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sightline_answer::When;

/// Who can reach what in your identity systems, how Sightline knows, and what it could not see.
#[derive(Debug, Parser)]
#[command(name = "sightline", version, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done · 1 failed · 2 wrong input · 3 credential refused · 4 provider not reachable \
    · 5 store not usable · 6 needs confirmation · 7 not found · 130 stopped"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Where everything is kept [default: the platform's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Configuration file [default: config/sightline.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What to log to standard error: error, warn, info, debug, trace, or a filter by module
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Try it: a simulated company is connected and read, and questions about it are answered
    Demo(Demo),
    /// Add, show and remove data sources, and replace their credentials
    #[command(subcommand)]
    Source(Source),
    /// Read data sources and seal a snapshot of each
    Sync(Sync),
    /// List what the last snapshots hold, or earlier ones
    List(List),
    /// Who can reach an application, direct or through which groups, and when they last used it
    Who(Who),
    /// What an account can reach
    What(What),
    /// Why an account can reach an application: every path, where it is known from, and what would remove it
    Why(Why),
    /// What changed between two snapshots, what access that gave or took, and who did it
    #[command(
        after_help = "Exit codes: 0 whether anything changed or not · 2 wrong input · 7 no such snapshot"
    )]
    Diff(Diff),
    /// What happened to an account, a group or an application, the newest first
    History(History),
    /// What could not be seen, why, and what that hides
    Gaps(Gaps),
    /// Every fact of the last snapshot, one JSON object per line
    Export(Export),
    /// Run the web application and the API, and read every data source on its interval, until stopped
    Serve(Serve),
    /// Add, list, change and remove those who may use Sightline itself
    #[command(subcommand)]
    User(User),
    /// Who did what with Sightline, the newest first; `sightline doctor` checks that nothing of it was changed
    Audit(Audit),
    /// Give up snapshots that need no longer be kept, as set under [history], and make the file smaller
    #[command(
        after_help = "Every snapshot is kept for history.keep_all_days, then the last of each day for \
        history.keep_daily_days, then the last of each month. The newest always stays, and no answer of one that is \
        kept changes. `sightline serve` does this by itself, but for making the file smaller."
    )]
    Prune(Prune),
    /// Copy everything that is kept, as of one moment, to a file, also while it is used
    #[command(
        after_help = "The credentials in the file are encrypted. Their key is not in it and is needed to use them: \
        keep vault.key of the data directory, or what SIGHTLINE_KEY holds, in another place. Without the key the \
        snapshots can be read, and the credentials have to be given again."
    )]
    Backup(Backup),
    /// Make the store from a backup, in a data directory in which nothing is kept
    #[command(
        after_help = "The backup is checked first. Put the key that belongs to it into the data directory as \
        vault.key (mode 0600), or give it in SIGHTLINE_KEY."
    )]
    Restore(Restore),
    /// Check the store: its file, every snapshot, the sync in progress, the credentials; nothing is changed
    #[command(
        after_help = "Exit codes: 0 intact · 5 damaged, or in use in a way that cannot be shared · 7 nothing is stored"
    )]
    Doctor(Doctor),
    /// Run a simulated provider
    #[command(subcommand)]
    Sim(Sim),
}

/// What somebody who uses Sightline may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything
    Admin,
    /// Reads everything, the audit log included
    Auditor,
    /// Reads what was read from data sources
    Viewer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Add somebody who may use Sightline
    Add(UserAdd),
    /// List those who may use Sightline
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change what somebody may do, the name, the e-mail address or the password, disable somebody, or link somebody to
    /// an account at the identity provider
    #[command(
        after_help = "A new password, --disable, --unlink and another --link end every session of the user."
    )]
    Set(UserSet),
    /// Remove somebody, with all sessions and API tokens
    Remove {
        /// Name to sign in with
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UserAdd {
    /// Name to sign in with, in upper or lower case
    pub(crate) name: String,
    /// What the user may do
    #[arg(long, value_enum)]
    pub(crate) role: Role,
    /// E-mail address
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Take the password from this file, or from standard input: - [default: none, so that the user does
    /// not sign in with a password]
    #[arg(long, value_name = "FILE|-")]
    pub(crate) password_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UserSet {
    /// Name to sign in with
    pub(crate) name: String,
    /// What the user may do
    #[arg(long, value_enum)]
    pub(crate) role: Option<Role>,
    /// E-mail address
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Another name to sign in with
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) new_name: Option<String>,
    /// Take a new password from this file, or from standard input: -
    #[arg(long, value_name = "FILE|-")]
    pub(crate) password_file: Option<PathBuf>,
    /// Do not let the user sign in any more
    #[arg(long)]
    pub(crate) disable: bool,
    /// Let the user sign in again
    #[arg(long, conflicts_with = "disable")]
    pub(crate) enable: bool,
    /// Let the user sign in with this account at the identity provider: its subject, as the provider calls it
    /// and the audit log shows it
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) link: Option<String>,
    /// Do not let the user sign in with the account at the identity provider any more
    #[arg(long, conflicts_with = "link")]
    pub(crate) unlink: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// How many entries to list at most
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) limit: usize,
    /// Only entries before this number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) before: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address to listen on [default: 127.0.0.1:7733]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Let data sources be added that are simulators on this machine
    #[arg(long)]
    pub(crate) allow_loopback_http: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Only this data source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Only say what would be given up
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// People of the simulated company
    #[arg(long, default_value_t = 250)]
    pub(crate) people: u32,
    /// The same seed gives the same company
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// End after the answers, instead of opening the web application on the company
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// Connect a data source: checks the credential, says what will be seen and what not, and keeps both
    Add(Add),
    /// List data sources
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a data source: its settings, its last snapshot, its gaps
    Show {
        /// Name of the data source
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask again what the credential of a data source may read, without reading it: nothing is stored
    #[command(
        after_help = "Exit codes: 0 all that is required may be read and every list holds what it must \
        · 1 a list lacks what it must hold · 3 credential refused"
    )]
    Check {
        /// Name of the data source
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Change what is read of a data source, its name, or who answers for it
    Set(Set),
    /// Replace the credential of a data source; the old one stays unless the new one is for the same system and works
    Rotate {
        /// Name of the data source
        name: String,
        #[command(flatten)]
        credential: CredentialFlags,
    },
    /// Erase a data source with everything that was read from it, its credential included
    Remove {
        /// Name of the data source
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The connector: okta
    pub(crate) connector: String,
    /// Address of the system: `acme.okta.com`, an issuer URI or a custom domain
    #[arg(long)]
    pub(crate) domain: String,
    #[command(flatten)]
    pub(crate) credential: CredentialFlags,
    #[command(flatten)]
    pub(crate) datasets: DatasetFlags,
    /// Name for people [default: the connector's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// E-mail address of who answers for it
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Allow a simulator on this machine: plain HTTP, or HTTPS with an authority of `http.extra_roots`
    #[arg(long)]
    pub(crate) allow_loopback_http: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a data source is read with: an API token, or the key of an OAuth service application.
#[derive(Debug, Default, Args)]
pub(crate) struct CredentialFlags {
    #[command(flatten)]
    pub(crate) secret: SecretFrom,
    /// Client id of an OAuth service application, whose private key is given by one of the key flags
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Id of the key, where the application has several
    #[arg(long, value_name = "KID")]
    pub(crate) key_id: Option<String>,
    /// Ask for this OAuth scope only, such as okta.users.read; repeatable [default: all that are needed]
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
}

/// Where the secret comes from; never from the command line, which others on the machine can read.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct SecretFrom {
    /// Take an API token from this environment variable
    #[arg(long, value_name = "VAR")]
    pub(crate) token_env: Option<String>,
    /// Take an API token from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Take an API token from standard input
    #[arg(long)]
    pub(crate) token_stdin: bool,
    /// Take the private key of --client-id (PEM or JWK) from this environment variable
    #[arg(long, value_name = "VAR")]
    pub(crate) key_env: Option<String>,
    /// Take the private key of --client-id (PEM or JWK) from this file
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Take the private key of --client-id (PEM or JWK) from standard input
    #[arg(long)]
    pub(crate) key_stdin: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct DatasetFlags {
    /// Read this dataset, which is not read by default; repeatable (`source show` lists all)
    #[arg(long = "with", value_name = "DATASET")]
    pub(crate) with: Vec<String>,
    /// Do not read this dataset; repeatable
    #[arg(long = "without", value_name = "DATASET")]
    pub(crate) without: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Set {
    /// Name of the data source
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) datasets: DatasetFlags,
    /// E-mail address of who answers for it
    #[arg(long)]
    pub(crate) email: Option<String>,
    /// Another name for people
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) new_name: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Sync {
    /// Names of data sources [default: all]
    pub(crate) names: Vec<String>,
    /// Forget an interrupted sync and read everything anew
    #[arg(long)]
    pub(crate) full: bool,
    /// Accept that far fewer objects are found than last time
    #[arg(long)]
    pub(crate) accept_drop: bool,
    /// Only say how many requests a sync would make and how long it would take
    #[arg(long, conflicts_with_all = ["full", "accept_drop"])]
    pub(crate) plan: bool,
    /// Print a JSON object for each data source
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listing {
    /// Logins
    Accounts,
    /// Groups
    Groups,
    /// Applications
    Apps,
    /// What puts accounts into groups
    Rules,
    /// Who owns which group
    Owners,
    /// Groups that are copied into applications
    Pushes,
    /// Admin roles
    Roles,
    /// Who holds which admin role, directly or through a group
    Admins,
    /// Sets of things that admin roles are limited to
    ScopeSets,
    /// Applications that act without a person: their roles, scopes and credentials
    ServiceApps,
    /// API tokens, secrets, keys and integrations, never their values
    Credentials,
    /// Second factors of accounts
    Factors,
    /// Policies
    Policies,
    /// Devices
    Devices,
    /// Identity providers that are trusted
    IdentityProviders,
    /// Everything else that is set up
    Settings,
    /// What the log says was changed, the newest first
    Changes,
}

/// What a question is answered from.
#[derive(Debug, Default, Args)]
pub(crate) struct Which {
    /// Only this data source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// As it was then: a date (2026-06-30, its end in UTC), an instant (2026-06-30T12:00:00Z), an age (2h, 3d, 2w) or a
    /// snapshot (#12) [default: now]
    #[arg(long, value_name = "WHEN")]
    pub(crate) as_of: Option<When>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// What to list
    pub(crate) what: Listing,
    /// How many changes to list at most [default: 100]
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, Args)]
#[group(multiple = false)]
pub(crate) struct Format {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print CSV
    #[arg(long)]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Who {
    /// Label or id of an application
    pub(crate) app: String,
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct What {
    /// Login, e-mail address, name or id of an account
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Login, e-mail address, name or id of an account
    pub(crate) account: String,
    /// Label or id of an application
    pub(crate) app: String,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Kinds of facts, by what their keys begin with, or by a better word.
pub(crate) const KINDS: [&str; 28] = [
    "account",
    "group",
    "rule",
    "app",
    "role",
    "membership",
    "assignment",
    "admin",
    "scope-set",
    "set-member",
    "permission",
    "ownership",
    "credential",
    "api-grant",
    "push",
    "factor",
    "link",
    "policy",
    "policy-rule",
    "governance",
    "device",
    "device-use",
    "identity-provider",
    "trust-use",
    "setting",
    "usage",
    "log",
    "log-window",
];

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// From when: a date, an instant, an age or a snapshot, as for --as-of [default: the snapshot before the last]
    pub(crate) from: Option<When>,
    /// Until when [default: the last snapshot]
    pub(crate) to: Option<When>,
    /// Only facts of this kind, without their consequences; repeatable
    #[arg(long = "kind", value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(KINDS))]
    pub(crate) kinds: Vec<String>,
    /// List everything: use, the log, and facts of which only stamps and counts changed as well
    #[arg(long)]
    pub(crate) all: bool,
    /// Only this data source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Login, e-mail address, name, label or id, also of what is gone
    pub(crate) entity: String,
    /// Only what happened since: a date, an instant, an age or a snapshot, as for --as-of [default: the first snapshot]
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<When>,
    /// Only this data source
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Gaps {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) which: Which,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write; only this user can read it
    pub(crate) file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sim {
    /// The Okta API of a simulated company
    Okta(SimOkta),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Limits {
    /// No limits
    Off,
    /// Those of a workforce org
    Workforce,
    /// Those of a free developer org
    Integrator,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct SimOkta {
    /// Where to listen, such as 127.0.0.1:8080; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Accounts
    #[arg(long, default_value_t = 250)]
    pub(crate) people: u32,
    /// Groups [default: in proportion]
    #[arg(long)]
    pub(crate) groups: Option<u32>,
    /// Applications [default: in proportion]
    #[arg(long)]
    pub(crate) apps: Option<u32>,
    /// Pairs of user and group, without Everyone [default: in proportion]
    #[arg(long)]
    pub(crate) memberships: Option<u64>,
    /// Users of all applications together [default: in proportion]
    #[arg(long)]
    pub(crate) assignments: Option<u64>,
    /// The same seed gives the same company
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What the company takes for the present time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<jiff::Timestamp>,
    /// Rounds in which the company changed since --now, 20 seconds each
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) rounds: u32,
    /// People of a thousand whom a round touches
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) permille: u32,
    /// Events of each round that get into the log at the end of the next round
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) late_events: u32,
    /// Events of each round that never get into the log
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) lost_events: u32,
    /// Events of each round that are in the log twice
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) duplicate_events: u32,
    /// Rate limits
    #[arg(long, value_enum, default_value_t = Limits::Off)]
    pub(crate) rate_limits: Limits,
    /// Length of a rate-limit window
    #[arg(long, default_value_t = 60, value_name = "N")]
    pub(crate) window_secs: u64,
    /// Part of each limit that the token may use
    #[arg(long, default_value_t = 0.5)]
    pub(crate) share: f64,
    /// Time that every answer takes
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) latency_ms: u64,
    /// The token that is accepted [default: made from the seed]
    #[arg(long)]
    pub(crate) token: Option<String>,
    /// Refuse admin roles, as for a token of a read-only administrator
    #[arg(long)]
    pub(crate) read_only_admin: bool,
    /// Serve realms and authorization servers, which an org has to buy
    #[arg(long)]
    pub(crate) licensed: bool,
    /// Faults to play, JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    /// Speak HTTPS and HTTP/2, with a certificate authority made for this run
    #[arg(long, requires = "ca_out")]
    pub(crate) tls: bool,
    /// Where to write the certificate of that authority, PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,
    /// Compress large answers for clients that accept it
    #[arg(long)]
    pub(crate) gzip: bool,
    /// A service app that is accepted besides the token, JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) oauth: Option<PathBuf>,
    /// Seconds that the server's clock is ahead; negative if it is behind
    #[arg(long, default_value_t = 0, value_name = "N", allow_negative_numbers = true)]
    pub(crate) clock_skew_secs: i64,
}
