//! Syncs in process, and what they left.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use sightline_core::time::Clock;
use sightline_core::{Context, Gap, Registration, Result, Scope, SnapshotNumber, Tenant, Time};
use sightline_store::{NewSource, OpenMode, SourceRecord, Store};
use sightline_sync::{Event, Governor, GovernorOptions, Sync, SyncError, SyncOptions, SyncReport};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::log::Log;
use crate::witness::{Noted, Witness, whole_text};
use crate::{Manner, Truth, Upstream, World};

/// A sync that takes this long never ends.
const PATIENCE: Duration = Duration::from_mins(2);

/// A connector and an upstream for it.
pub struct Kit {
    pub(crate) registration: &'static Registration,
    pub(crate) upstream: Arc<dyn Upstream>,
}

impl Kit {
    /// The kit for a connector.
    pub fn new(registration: &'static Registration, upstream: impl Upstream + 'static) -> Self {
        Self { registration, upstream: Arc::new(upstream) }
    }

    /// An empty store that the upstream is going to be read into.
    ///
    /// # Panics
    ///
    /// When there is no room for a store.
    pub fn bed(&self) -> Bed<'_> {
        let dir = tempfile::tempdir().expect("a folder for a store");
        let store = Store::open(dir.path(), OpenMode::Write).expect("a new store");
        let vault = store.unlock(None).expect("a new vault");
        let source = NewSource {
            name: "tested".to_owned(),
            connector: self.registration.info.id.to_owned(),
            tenant: Tenant { id: "tested".to_owned(), name: "tested".to_owned() },
            address: String::new(),
            settings: Value::Null,
            owner_email: None,
            added: Time::default(),
            allow_loopback_http: true,
        };
        let record = store.add_source(&vault, source, &BTreeMap::new()).expect("a data source");
        Bed { kit: self, store: Arc::new(store), record, _dir: dir }
    }

    /// Reads a world once, into an empty store.
    pub async fn read(&self, world: &World) -> Outcome {
        self.bed().sync(world, &How::default()).await
    }

    /// Reads a world that an earlier failure printed, undisturbed first and then as it is.
    ///
    /// # Panics
    ///
    /// When it is not the JSON of a world.
    pub async fn replay(&self, world: &str) -> Outcome {
        let world: World = serde_json::from_str(world).expect("the JSON of a world");
        let bed = self.bed();
        bed.sync(&world.with([]), &How::default()).await;
        bed.sync(&world, &How::full()).await
    }
}

/// A store with one data source, which is synced again and again.
pub struct Bed<'a> {
    kit: &'a Kit,
    store: Arc<Store>,
    record: SourceRecord,
    _dir: TempDir,
}

/// How a sync is run.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// What the loop is told.
    pub options: SyncOptions,
    /// How the data source is treated.
    pub manner: Manner,
    /// Whether time goes by while it runs; it stands still otherwise, so that equal worlds are read alike.
    pub exact_clock: bool,
    /// After so many stored batches it is stopped from outside.
    pub stop_after: Option<usize>,
    /// Datasets that are off by default and are read all the same.
    pub on: &'static [&'static str],
}

impl How {
    /// Everything is read anew.
    pub fn full() -> Self {
        Self { options: SyncOptions { full: true, ..SyncOptions::default() }, ..Self::default() }
    }
}

/// What a sync left.
#[derive(Debug)]
pub struct Outcome {
    /// The world that was read.
    pub world: World,
    /// What is true in it.
    pub truth: Truth,
    /// What the loop said; the text of an error that stopped it.
    pub result: Result<SyncReport, SyncError>,
    /// The facts of the newest snapshot, by key; none before the first.
    pub facts: BTreeMap<String, Fact>,
    /// What the newest snapshot could not read.
    pub gaps: Vec<Gap>,
    /// Number of the newest snapshot; zero before the first.
    pub snapshot: SnapshotNumber,
    /// Requests that arrived at the upstream, by method and path.
    pub requests: BTreeMap<String, u64>,
    /// Clauses that were broken on the way, and how.
    pub broken: Vec<(u8, String)>,
    /// Everything said, logged and stored by the sync.
    pub texts: Vec<String>,
    /// Steps that were run.
    pub steps: u64,
}

/// A fact of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The scope that it was read in.
    pub scope: Scope,
    /// Other scopes that it was read in as well.
    pub also: Vec<Scope>,
    /// The record's fields.
    pub fields: Value,
    /// The sync that first saw it.
    pub first_seen: SnapshotNumber,
    /// Whether its scope could not be read again since it was seen.
    pub stale: bool,
}

/// A clock that stands still.
#[derive(Debug)]
struct Standing(Time);

impl Clock for Standing {
    fn now(&self) -> Time {
        self.0
    }
}

/// A clock that starts at any moment and then goes on.
#[derive(Debug)]
struct Moving {
    from: Time,
    started: Instant,
}

impl Clock for Moving {
    fn now(&self) -> Time {
        self.from.after(self.started.elapsed())
    }
}

impl Bed<'_> {
    /// Starts the upstream, syncs it, and stops it.
    ///
    /// # Panics
    ///
    /// When the data source cannot be opened with the upstream's settings, or the store is damaged.
    pub async fn sync(&self, world: &World, how: &How) -> Outcome {
        let mut options = how.options.clone();
        let datasets = self.kit.registration.info.datasets.iter();
        let off_by_default = datasets.filter(|dataset| !dataset.on && !how.on.contains(&dataset.id));
        options.off.extend(off_by_default.map(|dataset| dataset.id.to_owned()));
        let log = Log::default();
        let listening = log.listen();
        let running = self.kit.upstream.start(world).await;
        let mut truth = running.truth();
        truth.facts.retain(|_, fact| !options.off.contains(&fact.scope.dataset));
        let settings = running.settings();
        let clock: Arc<dyn Clock> = if how.exact_clock {
            Arc::new(Moving { from: running.now(), started: Instant::now() })
        } else {
            Arc::new(Standing(running.now()))
        };
        let pace = GovernorOptions { reserve: 0.0, ..GovernorOptions::default() };
        let governor = Governor::new(pace, clock.clone());
        let cx = Context {
            allow_loopback_http: true,
            clock,
            budget: Arc::new(governor.clone()),
            extra_roots_pem: Vec::new(),
        };
        let (registration, again) = (self.kit.registration, (settings.clone(), cx.clone()));
        let open = Box::new(move || registration.open(again.0.clone(), &again.1));
        let noted = Arc::new(Mutex::new(Noted::default()));
        let witness = Witness {
            source: open().expect("the upstream's settings open the data source"),
            open,
            manner: how.manner,
            truth: truth.clone(),
            noted: noted.clone(),
        };
        let cancel = CancellationToken::new();
        let batches = AtomicUsize::new(0);
        let watch = |event: Event| {
            if let (Event::Step { .. }, Some(after)) = (&event, how.stop_after)
                && batches.fetch_add(1, Ordering::Relaxed) + 1 >= after
            {
                cancel.cancel();
            }
        };
        let sync = Sync {
            store: self.store.clone(),
            record: &self.record,
            source: Arc::new(witness),
            governor,
            cx: &cx,
            options,
            watch: &watch,
            cancel: cancel.clone(),
        };
        let result = tokio::time::timeout(PATIENCE, sync.run()).await;
        let requests = running.requests();
        running.stop().await;
        drop(listening);
        let result = result.unwrap_or_else(|_| panic!("the sync never ends: {}", json(world)));
        let noted = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
        let mut outcome = self.outcome(world, truth, result);
        if outcome.result.as_ref().is_ok_and(|report| !report.full) {
            outcome.truth.forget(&self.kit.upstream.samples().untold);
        }
        outcome.requests = requests;
        outcome.broken = noted.broken;
        outcome.texts.extend(noted.texts);
        outcome.texts.push(log.text());
        outcome.steps = noted.steps;
        outcome.look_for_secrets(&settings, &self.kit.registration.secret_fields());
        outcome
    }

    fn outcome(&self, world: &World, truth: Truth, result: Result<SyncReport, SyncError>) -> Outcome {
        let mut outcome = Outcome {
            world: world.clone(),
            truth,
            facts: BTreeMap::new(),
            gaps: Vec::new(),
            snapshot: 0,
            requests: BTreeMap::new(),
            broken: Vec::new(),
            texts: Vec::new(),
            steps: 0,
            result,
        };
        match &outcome.result {
            Ok(report) => outcome.texts.push(json(report)),
            Err(SyncError::Source(error)) => outcome.texts.push(whole_text(error)),
            Err(error) => outcome.texts.push(format!("{error} {error:?}")),
        }
        let Some(latest) = self.store.latest(self.record.id).expect("a readable store") else {
            return outcome;
        };
        let snapshot = self.store.snapshot(self.record.id, latest.number).expect("a readable snapshot");
        outcome.snapshot = latest.number;
        outcome.gaps = snapshot.gaps().cloned().collect();
        outcome.texts.push(json(&outcome.gaps));
        for fact in &snapshot.facts {
            let record = serde_json::to_value(&fact.record).expect("a record is JSON");
            outcome.texts.push(record.to_string());
            let fields = match record {
                Value::Object(kinds) => {
                    kinds.into_iter().next().map(|(_, fields)| fields).unwrap_or_default()
                }
                other => other,
            };
            let mut found = Fact {
                scope: snapshot.scopes[fact.scope as usize].scope.clone(),
                also: Vec::new(),
                fields,
                first_seen: fact.first_seen,
                stale: snapshot.is_stale(fact),
            };
            let key = fact.record.key();
            if let Some(mut other) = outcome.facts.remove(&key) {
                let kind = key.split('/').next().unwrap_or_default();
                if !outcome.truth.told_by_several.contains(kind) {
                    outcome.broken.push((2, format!("{key} is in the snapshot twice")));
                }
                // Of two readings the one that is not stale counts.
                if other.stale {
                    std::mem::swap(&mut other, &mut found);
                }
                other.also.extend([found.scope].into_iter().chain(found.also));
                found = other;
            }
            outcome.facts.insert(key, found);
        }
        outcome
    }
}

impl Outcome {
    fn look_for_secrets(&mut self, settings: &Value, fields: &[String]) {
        for field in fields {
            let Some(secret) = settings[field].as_str() else { continue };
            if let Some(text) = self.said(secret) {
                let text = text.replace(secret, "(the secret)").chars().take(300).collect::<String>();
                self.broken.push((10, format!("the setting {field} is told: {text}")));
            }
        }
        let others = self.requests.keys().filter(|call| !call.starts_with("GET ")).cloned();
        self.broken.extend(others.map(|call| (12, format!("{call} is no reading"))));
    }

    /// The first text of the sync that holds this one.
    pub fn said(&self, part: &str) -> Option<&str> {
        self.texts.iter().map(String::as_str).find(|text| text.contains(part))
    }
}

pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("({error})"))
}
