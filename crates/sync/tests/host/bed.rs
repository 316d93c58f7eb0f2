//! A store with its host, and waiting for what happens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sightline_core::time::Clock;
use sightline_core::{Registration, Registry, Secret, Time};
use sightline_store::{OpenMode, Retention, Store};
use sightline_sync::{
    Details, Finished, GovernorOptions, Happened, Host, HostOptions, NewConnection, SourceEvent, SourceState,
};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::provider::{Acme, Provider};

pub(crate) static ACME: Registration = Registration::of::<Acme>();
pub(crate) const INTERVAL: Duration = Duration::from_hours(1);

/// Goes with the runtime's own time, which stands still while anything is done.
#[derive(Debug)]
struct Watch(Instant);

impl Clock for Watch {
    fn now(&self) -> Time {
        Time::from_secs(1_767_225_600).after(self.0.elapsed())
    }
}

/// A store, and the host of its data sources.
pub(crate) struct Bed {
    pub(crate) host: Host,
    pub(crate) cancel: CancellationToken,
    dir: TempDir,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(Retention { all_days: 30, daily_days: 365, monthly_days: None })
    }

    pub(crate) fn with(retention: Retention) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cancel = CancellationToken::new();
        let host = Self::open(&dir, retention, cancel.clone());
        Self { host, cancel, dir }
    }

    fn open(dir: &TempDir, retention: Retention, cancel: CancellationToken) -> Host {
        let store = Arc::new(Store::open(dir.path(), OpenMode::Write).unwrap());
        let vault = Arc::new(store.unlock(None).unwrap());
        Host::new(HostOptions {
            registry: Registry::from_iter([&ACME]),
            store,
            vault,
            governor: GovernorOptions { max_in_flight: 4, reserve: 0.0 },
            extra_roots_pem: Vec::new(),
            retention,
            allow_loopback_http: false,
            interval: INTERVAL,
            clock: Arc::new(Watch(Instant::now())),
            cancel,
            waits: |_| {},
        })
    }

    /// Stops everything and begins anew with what is stored, as a restart does.
    pub(crate) fn restart(self) -> Self {
        self.cancel.cancel();
        let Self { host, dir, .. } = self;
        let retention = host.options().retention;
        drop(host);
        let cancel = CancellationToken::new();
        let host = Self::open(&dir, retention, cancel.clone());
        Self { host, cancel, dir }
    }
}

/// How the provider is connected.
pub(crate) fn new(provider: &Provider) -> NewConnection {
    NewConnection {
        connector: "acme".to_owned(),
        settings: json!({ "domain": provider.domain }),
        credential: token(&provider.token()),
        allow_loopback_http: false,
    }
}

pub(crate) fn token(token: &str) -> BTreeMap<String, Secret> {
    BTreeMap::from([("token".to_owned(), Secret::new(token))])
}

pub(crate) fn named(name: &str) -> Details {
    Details { name: Some(name.to_owned()), ..Details::default() }
}

/// The next event that this is true of.
pub(crate) async fn next_event(
    events: &mut Receiver<SourceEvent>,
    what: &str,
    is_it: impl Fn(&SourceEvent) -> bool,
) -> SourceEvent {
    let next = async {
        loop {
            let event = events.recv().await.unwrap();
            if is_it(&event) {
                return event;
            }
        }
    };
    // By the time of the runtime, which passes only when nothing happens any more.
    tokio::time::timeout(Duration::from_hours(1000), next).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// How the next sync of a data source ends.
pub(crate) async fn ended(events: &mut Receiver<SourceEvent>, id: u64) -> (Finished, SourceState) {
    let is_it = |event: &SourceEvent| event.source_id == id && event.happened == Happened::Ended;
    let state = next_event(events, "the end of a sync", is_it).await.state.unwrap();
    (state.last.clone().unwrap(), state)
}
