//! A provider in memory, and the connector that reads it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sightline_core::budget::{Answer, Call, RateLimit};
use sightline_core::source::{DatasetInfo, Finding, ForecastLine, Verdict};
use sightline_core::{
    About, Account, AccountStatus, Check, Context, Coverage, DataSource, Error, ErrorKind, Forecast,
    GapReason, Info, Observed, Preflight, RawJson, Record, Result, Scope, Secret, SoFar, Step, Tallies, Task,
    Tenant, Time,
};
use tokio::sync::watch;

pub(crate) const PAGE: u64 = 10;
const WINDOW: Duration = Duration::from_mins(1);
const CALL: Call = Call { bucket: "users", template: "/users" };

static PROVIDERS: Mutex<BTreeMap<String, Arc<Provider>>> = Mutex::new(BTreeMap::new());

/// An organisation at the provider; each test has its own.
pub(crate) struct Provider {
    pub(crate) domain: String,
    tenant: Mutex<String>,
    token: Mutex<String>,
    users: AtomicU64,
    /// Parts of each page that cannot be read.
    pub(crate) findings: AtomicU64,
    pub(crate) panics: AtomicBool,
    /// Pages that are answered; others have to wait.
    open: watch::Sender<u64>,
    pages: Mutex<Vec<u64>>,
    limit: Mutex<Option<Window>>,
    /// Calls, answered or not.
    pub(crate) calls: AtomicU64,
    /// Calls beyond the limit.
    pub(crate) refused: AtomicU64,
    /// Checks that are refused for the rate limit before one is answered.
    pub(crate) busy: AtomicU64,
}

struct Window {
    limit: u64,
    used: u64,
    reset: Time,
}

impl Provider {
    pub(crate) fn new(domain: &str, users: u64) -> Arc<Self> {
        let provider = Arc::new(Self {
            domain: domain.to_owned(),
            tenant: Mutex::new(format!("org of {domain}")),
            token: Mutex::new("right".to_owned()),
            users: AtomicU64::new(users),
            findings: AtomicU64::new(0),
            panics: AtomicBool::new(false),
            open: watch::Sender::new(u64::MAX),
            pages: Mutex::default(),
            limit: Mutex::new(None),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            busy: AtomicU64::new(0),
        });
        let before = PROVIDERS.lock().unwrap().insert(domain.to_owned(), provider.clone());
        assert!(before.is_none(), "{domain} is that of another test");
        provider
    }

    pub(crate) fn token(&self) -> String {
        self.token.lock().unwrap().clone()
    }

    pub(crate) fn set_token(&self, token: &str) {
        token.clone_into(&mut self.token.lock().unwrap());
    }

    pub(crate) fn set_tenant(&self, tenant: &str) {
        tenant.clone_into(&mut self.tenant.lock().unwrap());
    }

    pub(crate) fn set_users(&self, users: u64) {
        self.users.store(users, Ordering::SeqCst);
    }

    /// Answers only so many pages of a list.
    pub(crate) fn answer_pages(&self, pages: u64) {
        self.open.send_replace(pages);
    }

    /// Allows only so many calls a minute from now on.
    pub(crate) fn set_limit(&self, limit: u64) {
        *self.limit.lock().unwrap() = Some(Window { limit, used: 0, reset: Time::default() });
    }

    /// The pages that were read since the last time this was asked.
    pub(crate) fn take_pages(&self) -> Vec<u64> {
        std::mem::take(&mut self.pages.lock().unwrap())
    }

    fn check_token(&self, token: &Secret) -> Result<()> {
        if token.expose() == *self.token.lock().unwrap() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Auth, "the token is not accepted").hint("make another"))
    }

    fn call(&self, now: Time) -> Answer {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut limit = self.limit.lock().unwrap();
        let rate_limit = limit.as_mut().map(|window| {
            if now >= window.reset {
                (window.used, window.reset) = (0, now.after(WINDOW));
            }
            window.used += 1;
            self.refused.fetch_add(u64::from(window.used > window.limit), Ordering::SeqCst);
            let remaining = window.limit.saturating_sub(window.used);
            RateLimit { limit: window.limit, remaining, reset: window.reset }
        });
        Answer { status: 200, rate_limit, date: Some(now) }
    }
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Config {
    domain: String,
    token: Secret,
}

/// The connector.
pub(crate) struct Acme {
    provider: Arc<Provider>,
    token: Secret,
    cx: Context,
}

const fn dataset(id: &'static str, required: bool) -> DatasetInfo {
    DatasetInfo {
        id,
        title: id,
        parent: None,
        listed_by: None,
        lists: None,
        required,
        on: true,
        follows: false,
        reads: &[],
        permission: "read",
        lost: "nobody is seen",
    }
}

/// A page of users.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Page(u64);

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {} of users", self.0)
    }
}

impl Task for Page {
    fn about(&self) -> About {
        let scope = Scope::listing("users");
        About { scope, coverage: Coverage::Whole, bucket: CALL.bucket, after: &[], rank: 0 }
    }

    fn anew(&self) -> Self {
        Self(0)
    }
}

impl DataSource for Acme {
    const INFO: &'static Info = &Info {
        id: "acme",
        title: "Acme",
        summary: "A provider in memory.",
        unused_days: Some(30),
        datasets: &[dataset("users", true), dataset("extras", false)],
    };
    type Config = Config;
    type Task = Page;

    fn open(config: Config, cx: &Context) -> Result<Self> {
        let provider = PROVIDERS.lock().unwrap().get(&config.domain).cloned();
        let missing = || Error::new(ErrorKind::Config, format!("there is no {:?}", config.domain));
        Ok(Self { provider: provider.ok_or_else(missing)?, token: config.token, cx: cx.clone() })
    }

    async fn preflight(&self) -> Result<Preflight> {
        let permit = self.cx.budget.acquire(CALL).await;
        let until = self.cx.budget.observe(CALL, self.provider.call(self.cx.clock.now()));
        drop(permit);
        if self.provider.busy.load(Ordering::SeqCst) > 0 {
            self.provider.busy.fetch_sub(1, Ordering::SeqCst);
            return Err(Error::new(ErrorKind::RateLimited { until: until.after(WINDOW) }, "too many"));
        }
        self.provider.check_token(&self.token)?;
        let id = self.provider.tenant.lock().unwrap().clone();
        let verdict = Verdict::Allowed;
        Ok(Preflight {
            tenant: Tenant { id, name: self.provider.domain.clone() },
            address: format!("https://{}", self.provider.domain),
            credential_owner: None,
            checks: vec![Check { dataset: "users".to_owned(), verdict, detail: String::new() }],
            canaries: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn plan(&self, _: Vec<Page>) -> Vec<Page> {
        assert!(!self.provider.panics.load(Ordering::SeqCst), "as it was told");
        vec![Page(0)]
    }

    async fn step(&self, Page(page): &Page, _: &SoFar) -> Result<Step<Page>> {
        let provider = &self.provider;
        let permit = self.cx.budget.acquire(CALL).await;
        let answer = provider.call(self.cx.clock.now());
        provider.open.subscribe().wait_for(|open| page < open).await.unwrap();
        self.cx.budget.observe(CALL, answer);
        drop(permit);
        provider.check_token(&self.token)?;
        provider.pages.lock().unwrap().push(*page);
        let users = provider.users.load(Ordering::SeqCst);
        let on_page = page * PAGE..users.min((page + 1) * PAGE);
        let more = on_page.end < users;
        let findings = provider.findings.load(Ordering::SeqCst);
        Ok(Step {
            records: on_page.map(account).collect(),
            then: if more { vec![Page(page + 1)] } else { Vec::new() },
            gaps: (0..findings).map(|number| finding(*page, number)).collect(),
            ..Step::default()
        })
    }

    async fn forecast(&self, _: Option<&Tallies>) -> Result<Forecast> {
        let line = |dataset: &str, requests| ForecastLine {
            dataset: dataset.to_owned(),
            bucket: "users".to_owned(),
            requests,
            exact: true,
        };
        let users = self.provider.users.load(Ordering::SeqCst);
        Ok(Forecast { lines: vec![line("users", users.div_ceil(PAGE)), line("extras", 3)] })
    }
}

fn finding(page: u64, number: u64) -> Finding {
    let scope = Scope::under("extras", format!("{page}-{number}"));
    Finding { scope, reason: GapReason::Unavailable, detail: "out of order".to_owned() }
}

fn account(number: u64) -> Record {
    Record::Account(Box::new(Account {
        id: format!("u{number}"),
        login: format!("u{number}@example.com"),
        status: AccountStatus::Active,
        raw_status: "active".to_owned(),
        name: format!("User {number}"),
        emails: Vec::new(),
        created: None,
        activated: None,
        status_changed: None,
        last_sign_in: Observed::Known(None),
        password_changed: None,
        last_updated: None,
        manager: None,
        department: None,
        title: None,
        account_type: None,
        type_id: None,
        realm: None,
        credential_provider: None,
        profile: RawJson::default(),
    }))
}
