//! What all requests share.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sightline_answer::HistoryAnswer;
use sightline_core::Time;
use sightline_store::{AuditNote, SourceRecord, Store, UserRole};
use sightline_sync::{Checked, Host, Supervisor};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::{Cookies, Identity, Purpose, Sessions, Throttle, Tickets};
use crate::catalog::{Selection, Wanted};
use crate::compared::{COMPARISONS, Comparison, HISTORIES, Line, Pair};
use crate::oidc::Oidc;
use crate::options::{ServerError, ServerOptions};
use crate::pending::Pending;
use crate::problem::Problem;
use crate::slow::Slow;
use crate::snapshots::Snapshots;

/// What all requests share, as handlers take it.
pub(crate) type Shared = Arc<App>;

/// Results of searches that are kept: people page through them.
const SELECTIONS: usize = 24;
/// Passwords that are checked at once: each takes 19 MB and a core for a while.
const PASSWORDS_AT_ONCE: usize = 2;
/// Answers that take seconds and are made at once: the rest of the machine is for everybody else.
const SLOW_AT_ONCE: usize = 1;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    supervisor: Supervisor,
    options: ServerOptions,
    bound: OnceLock<SocketAddr>,
    snapshots: Snapshots,
    sessions: Sessions,
    throttle: Throttle,
    tickets: Tickets,
    pending: Pending,
    oidc: Option<Oidc>,
    passwords: Semaphore,
    selections: Mutex<VecDeque<(SelectionKey, Arc<Selection>)>>,
    comparisons: Slow<Pair, Comparison>,
    histories: Slow<Line, HistoryAnswer>,
    stop: CancellationToken,
}

/// What a search was in, and what for: the kind of list, the snapshots, the question.
pub(crate) type SelectionKey = (&'static str, Vec<(u64, u64)>, Wanted);

impl App {
    pub(crate) fn new(
        supervisor: Supervisor,
        options: ServerOptions,
        stop: CancellationToken,
    ) -> Result<Self, ServerError> {
        let store = supervisor.host().store().clone();
        let at_once = Arc::new(Semaphore::new(SLOW_AT_ONCE));
        Ok(Self {
            snapshots: Snapshots::new(store),
            sessions: Sessions::new(options.session_idle, options.session_lasts)
                .map_err(|_| ServerError::Random)?,
            throttle: Throttle::default(),
            tickets: Tickets::default(),
            pending: Pending::default(),
            oidc: options.oidc.clone().map(Oidc::new).transpose()?,
            passwords: Semaphore::new(PASSWORDS_AT_ONCE),
            selections: Mutex::default(),
            comparisons: Slow::new(COMPARISONS, at_once.clone()),
            histories: Slow::new(HISTORIES, at_once),
            bound: OnceLock::new(),
            supervisor,
            options,
            stop,
        })
    }

    pub(crate) fn options(&self) -> &ServerOptions {
        &self.options
    }

    pub(crate) fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    pub(crate) fn host(&self) -> &Host {
        self.supervisor.host()
    }

    pub(crate) fn store(&self) -> &Store {
        self.host().store()
    }

    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    pub(crate) fn tickets(&self) -> &Tickets {
        &self.tickets
    }

    pub(crate) fn pending(&self) -> &Pending {
        &self.pending
    }

    /// Sign-in with an identity provider, where it is set up.
    pub(crate) fn oidc(&self) -> Option<&Oidc> {
        self.oidc.as_ref()
    }

    pub(crate) fn passwords(&self) -> &Semaphore {
        &self.passwords
    }

    /// Pairs of snapshots that were compared.
    pub(crate) fn comparisons(&self) -> &Slow<Pair, Comparison> {
        &self.comparisons
    }

    /// Time lines that were followed.
    pub(crate) fn histories(&self) -> &Slow<Line, HistoryAnswer> {
        &self.histories
    }

    /// Lets go of everything that was loaded or made of a data source.
    pub(crate) fn forget(&self, source_id: u64) {
        self.snapshots.forget(source_id);
        self.comparisons.forget(|(source, ..)| *source == source_id);
        self.histories.forget(|(source, ..)| *source == source_id);
    }

    /// Ends when the server stops: what would otherwise go on for ever ends with it.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(crate) fn cookies(&self) -> Cookies {
        Cookies { secure: self.options.is_secure() }
    }

    pub(crate) fn now(&self) -> Time {
        self.host().options().clock.now()
    }

    pub(crate) fn bind(&self, address: SocketAddr) {
        let _ = self.bound.set(address);
    }

    /// The address that people use, without a slash at the end.
    pub(crate) fn base(&self) -> String {
        self.options.base(self.bound.get().copied().unwrap_or(self.options.listen))
    }

    /// A link for one use.
    pub(crate) fn link(&self, purpose: Purpose) -> Result<String, Problem> {
        let secret = self.tickets.issue(purpose, self.now())?;
        Ok(format!("{}/welcome/{}", self.base(), secret.expose()))
    }

    /// Whether nobody administers this server yet.
    pub(crate) fn is_new(&self) -> Result<bool, Problem> {
        Ok(!self.store().users()?.iter().any(|user| user.role == UserRole::Admin && !user.disabled))
    }

    /// A data source by its id.
    pub(crate) fn source(&self, id: u64) -> Result<SourceRecord, Problem> {
        Ok(self.store().source(id)?)
    }

    /// Names of all data sources, by id.
    pub(crate) fn source_names(&self) -> Result<BTreeMap<u64, String>, Problem> {
        Ok(self.store().sources()?.into_iter().map(|source| (source.id, source.name)).collect())
    }

    /// What a search found, from before or anew.
    pub(crate) fn selection(
        &self,
        key: SelectionKey,
        select: impl FnOnce(&Wanted) -> Selection,
    ) -> Arc<Selection> {
        let lock = || self.selections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = lock().iter().find(|(known, _)| *known == key) {
            return found.clone();
        }
        let found = Arc::new(select(&key.2));
        let mut kept = lock();
        kept.push_back((key, found.clone()));
        if kept.len() > SELECTIONS {
            kept.pop_front();
        }
        found
    }

    /// Does something that takes a while and blocks.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let app = self.clone();
        tokio::task::spawn_blocking(move || work(&app)).await.map_err(|_| Problem::internal(doing))?
    }

    /// Writes an entry of the audit log, for what is kept nowhere else in the store.
    pub(crate) fn audit(
        &self,
        identity: &Identity,
        action: &str,
        target: impl Into<String>,
    ) -> Result<(), Problem> {
        self.store().append_audit(&identity.did_to(self, action, target))?;
        Ok(())
    }

    /// The same of something that a credential was checked for, with what it may read.
    pub(crate) fn audit_checked(
        &self,
        identity: &Identity,
        action: &str,
        target: &str,
        checked: &Checked,
    ) -> Result<(), Problem> {
        let detail = Some(checked.in_words());
        self.store().append_audit(&AuditNote { detail, ..identity.did_to(self, action, target) })?;
        Ok(())
    }
}
