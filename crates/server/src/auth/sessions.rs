//! Sessions and API tokens: from a secret that was sent to who sent it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use sightline_core::{Secret, Time};
use sightline_store::{AuditNote, SecretHash, Session, StoreError, UserRecord};

use super::{By, Identity, may_manage};
use crate::app::App;
use crate::problem::Problem;

/// After this long a session gets another secret.
const ROTATE_AFTER: Duration = Duration::from_hours(1);
/// For this long the one before still counts: requests may be under way.
const GRACE: Duration = Duration::from_secs(30);

/// A secret that nobody guesses, as text that fits in a cookie, a header and a link.
pub(crate) fn new_secret() -> Result<Secret, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Problem::internal("drawing random bytes"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// The sessions that are in use.
pub(crate) struct Sessions {
    /// Signs the tokens of forms; another one with each start.
    key: hmac::Key,
    idle: Duration,
    lasts: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When sessions and tokens were last used; not written down yet.
    used: HashMap<SecretHash, Time>,
    tokens_used: HashMap<SecretHash, Time>,
    /// When a session got the secret that it has.
    since: HashMap<SecretHash, Time>,
    /// Secrets that were replaced: by which, and until when they still count.
    replaced: HashMap<SecretHash, (SecretHash, Time)>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("idle", &self.idle).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Sessions that end when they are not used for `idle`, and in any case after `lasts`.
    pub(crate) fn new(idle: Duration, lasts: Duration) -> Result<Self, Problem> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|_| Problem::internal("drawing random bytes"))?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), idle, lasts, state: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session of a user; gives the secret for its cookie.
    pub(crate) fn begin(&self, app: &App, user: &UserRecord, note: &AuditNote) -> Result<Secret, Problem> {
        let secret = new_secret()?;
        let now = app.now();
        let session = Session {
            hash: SecretHash::of(secret.expose()),
            user_id: user.id,
            created: now,
            last_used: now,
            expires: now.after(self.lasts),
        };
        app.store().add_session(&session, note)?;
        Ok(secret)
    }

    /// Who has this secret in a cookie; none where the session has ended or its user is disabled.
    pub(super) fn of_cookie(
        &self,
        app: &App,
        secret: &str,
        address: Option<String>,
    ) -> Result<Option<Identity>, Problem> {
        let now = app.now();
        let mut hash = SecretHash::of(secret);
        let last_used = {
            let state = self.lock();
            if let Some((new, until)) = state.replaced.get(&hash).filter(|(_, until)| *until > now) {
                let _ = until;
                hash = *new;
            }
            state.used.get(&hash).copied()
        };
        let Some(session) = app.store().session(hash, now)? else { return Ok(None) };
        let last_used = last_used.unwrap_or_default().max(session.last_used);
        if last_used.after(self.idle) < now {
            return Ok(None);
        }
        let Some(user) = enabled(app, session.user_id)? else { return Ok(None) };
        self.lock().used.insert(hash, now);
        let csrf = self.csrf(&session);
        Ok(Some(Identity { user, by: By::Session { hash, csrf }, address }))
    }

    /// Who has this API token; none where it has ended or its user is disabled.
    pub(super) fn of_token(
        &self,
        app: &App,
        secret: &str,
        address: Option<String>,
    ) -> Result<Option<Identity>, Problem> {
        let now = app.now();
        let hash = SecretHash::of(secret);
        let Some(token) = app.store().api_token(hash, now)? else { return Ok(None) };
        let Some(user) = enabled(app, token.user_id)? else { return Ok(None) };
        self.lock().tokens_used.insert(hash, now);
        let by = By::Token { id: token.id, may_manage: may_manage(&token.scopes), name: token.name };
        Ok(Some(Identity { user, by, address }))
    }

    /// What the forms of a session carry: the same as long as it lasts, whatever its secret is.
    fn csrf(&self, session: &Session) -> String {
        let text = format!("{} {}", session.user_id, session.created.millis());
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, text.as_bytes()))
    }

    /// Another secret for a session that has had its own for long; none while it is young.
    pub(super) fn rotated(&self, app: &App, hash: SecretHash) -> Result<Option<Secret>, StoreError> {
        let now = app.now();
        {
            let mut state = self.lock();
            // A session that was not seen since the start is of unknown age: it begins to count now.
            let since = *state.since.entry(hash).or_insert(now);
            if since.after(ROTATE_AFTER) > now {
                return Ok(None);
            }
            // Nobody else does it meanwhile.
            state.since.insert(hash, now);
        }
        self.rotate(app, hash)
    }

    /// Gives a session another secret at once; none where it has ended.
    pub(crate) fn rotate(&self, app: &App, hash: SecretHash) -> Result<Option<Secret>, StoreError> {
        let Ok(secret) = new_secret() else { return Ok(None) };
        let new = SecretHash::of(secret.expose());
        if !app.store().rotate_session(hash, new)? {
            return Ok(None);
        }
        let now = app.now();
        let mut state = self.lock();
        state.since.remove(&hash);
        state.used.remove(&hash);
        state.since.insert(new, now);
        state.used.insert(new, now);
        state.replaced.insert(hash, (new, now.after(GRACE)));
        Ok(Some(secret))
    }

    /// Writes down what was used since the last time, and clears away what has ended.
    pub(crate) fn write_down(&self, app: &App) -> Result<(), StoreError> {
        let now = app.now();
        let (used, tokens_used) = {
            let mut state = self.lock();
            state.replaced.retain(|_, (_, until)| *until > now);
            state.since.retain(|_, since| since.after(self.lasts) > now);
            (std::mem::take(&mut state.used), std::mem::take(&mut state.tokens_used))
        };
        let store = app.store();
        store.touch_sessions(&used.into_iter().collect::<Vec<_>>())?;
        store.touch_api_tokens(&tokens_used.into_iter().collect::<Vec<_>>())?;
        store.remove_expired_sessions(now)?;
        Ok(())
    }
}

fn enabled(app: &App, user_id: u64) -> Result<Option<UserRecord>, Problem> {
    match app.store().user(user_id) {
        Ok(user) => Ok(Some(user).filter(|user| !user.disabled)),
        Err(StoreError::NoSuchUser { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How the cookies of this server are called and guarded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    /// Whether browsers reach this server over HTTPS only.
    pub(crate) secure: bool,
}

impl Cookies {
    const fn name(self) -> &'static str {
        // The prefix makes browsers refuse a cookie that another host or an insecure page has set.
        if self.secure { "__Host-sightline_session" } else { "sightline_session" }
    }

    /// The cookie that holds the secret of a session.
    pub(crate) fn session(self, secret: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}", self.name())
    }

    /// The cookie that takes it away.
    pub(crate) fn gone(self) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", self.name())
    }

    /// The secret of a session in what a browser sent.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<String> {
        cookie(headers, self.name())
    }
}

/// The value of a cookie that a browser sent.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    sent.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use sightline_core::Registry;
    use sightline_core::time::Clock;
    use sightline_store::{Actor, NewUser, OpenMode, Retention, Store, UserRole};
    use sightline_sync::{GovernorOptions, Host, HostOptions, Supervisor};
    use tempfile::TempDir;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::options::ServerOptions;

    /// A clock that only moves when it is told to.
    #[derive(Debug, Default)]
    struct Hands(AtomicI64);

    impl Hands {
        fn move_on(&self, by: Duration) {
            self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
        }
    }

    impl Clock for Hands {
        fn now(&self) -> Time {
            Time::from_millis(1_800_000_000_000 + self.0.load(Ordering::SeqCst))
        }
    }

    const IDLE: Duration = Duration::from_hours(8);
    const LASTS: Duration = Duration::from_hours(24);

    fn app(clock: Arc<Hands>) -> (TempDir, App) {
        let dir = TempDir::new().unwrap();
        let store = Arc::new(Store::open(dir.path(), OpenMode::Write).unwrap());
        let vault = Arc::new(store.unlock(None).unwrap());
        let host = Host::new(HostOptions {
            registry: Registry::from_iter([]),
            store,
            vault,
            governor: GovernorOptions { max_in_flight: 1, reserve: 0.0 },
            extra_roots_pem: Vec::new(),
            retention: Retention { all_days: 1, daily_days: 1, monthly_days: None },
            allow_loopback_http: false,
            interval: Duration::from_hours(1),
            clock,
            cancel: CancellationToken::new(),
            waits: |_| {},
        });
        let supervisor = Supervisor::start(host).unwrap();
        let options = ServerOptions { session_idle: IDLE, session_lasts: LASTS, ..ServerOptions::default() };
        (dir, App::new(supervisor, options, CancellationToken::new()).unwrap())
    }

    fn user(app: &App) -> UserRecord {
        let role = UserRole::Admin;
        let name = "ann".to_owned();
        let user =
            NewUser { name, email: None, role, password: None, oidc_subject: None, created: app.now() };
        app.store().add_user(user, &note(app)).unwrap()
    }

    fn note(app: &App) -> AuditNote {
        AuditNote::done(app.now(), Actor::System, "test")
    }

    fn is_known(app: &App, secret: &Secret) -> bool {
        app.sessions().of_cookie(app, secret.expose(), None).unwrap().is_some()
    }

    #[tokio::test]
    async fn a_session_that_is_not_used_ends() {
        let clock = Arc::new(Hands::default());
        let (_dir, app) = app(clock.clone());
        let secret = app.sessions().begin(&app, &user(&app), &note(&app)).unwrap();
        let last = || app.sessions().of_cookie(&app, secret.expose(), None).unwrap();
        assert!(last().is_some());
        clock.move_on(IDLE);
        assert!(last().is_some(), "it ended before its time");
        // That it was used is known also when it has been written down.
        app.sessions().write_down(&app).unwrap();
        clock.move_on(IDLE);
        assert!(last().is_some(), "its last use was forgotten");
        clock.move_on(IDLE + Duration::from_secs(1));
        assert!(last().is_none(), "it goes on for ever");
    }

    #[tokio::test]
    async fn a_session_ends_however_much_it_is_used() {
        let clock = Arc::new(Hands::default());
        let (_dir, app) = app(clock.clone());
        let mut secret = app.sessions().begin(&app, &user(&app), &note(&app)).unwrap();
        let hour = Duration::from_hours(1);
        let mut secrets = 1;
        for _ in 0..LASTS.as_secs() / hour.as_secs() {
            assert!(is_known(&app, &secret));
            // Another secret does not make it another session.
            if let Some(new) = app.sessions().rotated(&app, SecretHash::of(secret.expose())).unwrap() {
                secret = new;
                secrets += 1;
            }
            clock.move_on(hour);
        }
        assert!(secrets > 10, "{secrets} secrets");
        assert!(!is_known(&app, &secret), "it goes on after its time");
        assert_eq!(app.store().sessions_of(1).unwrap().len(), 1);
        app.sessions().write_down(&app).unwrap();
        assert_eq!(app.store().sessions_of(1).unwrap(), [], "what has ended is not cleared away");
    }

    #[tokio::test]
    async fn a_secret_that_was_replaced_counts_for_moments_only() {
        let clock = Arc::new(Hands::default());
        let (_dir, app) = app(clock.clone());
        let old = app.sessions().begin(&app, &user(&app), &note(&app)).unwrap();
        let hash = SecretHash::of(old.expose());
        assert!(app.sessions().rotated(&app, hash).unwrap().is_none(), "it is young");
        clock.move_on(ROTATE_AFTER);
        let new = app.sessions().rotated(&app, hash).unwrap().unwrap();
        assert!(is_known(&app, &old) && is_known(&app, &new));
        clock.move_on(GRACE + Duration::from_secs(1));
        assert!(!is_known(&app, &old) && is_known(&app, &new));
    }
}
