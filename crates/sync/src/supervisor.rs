//! Every data source of a host on its interval, until stopped.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sightline_core::Time;
use sightline_store::{SourceRecord, StoreError};
use tokio::sync::{Notify, broadcast};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{FailureKind, HostError};
use crate::governor::Governor;
use crate::host::{Details, Host, NewConnection, Outcome};
use crate::kept::{Expected, Standing};
use crate::opened::{Checked, Opened};
use crate::progress::Progress;
use crate::run::{Event, SyncOptions};
use crate::schedule::Schedule;

/// Events that a subscriber may be behind by.
const EVENTS: usize = 1024;
/// Least time between two events of the progress of one sync.
const EVENT_EVERY: Duration = Duration::from_millis(100);

/// What a data source is doing, when it is read next, and how its last sync ended.
#[derive(Debug, Clone)]
pub struct SourceState {
    /// What it is doing.
    pub activity: Activity,
    /// When it is read next; none while it is being read or is not read by itself.
    pub next_run: Option<Time>,
    /// How the last sync of this process ended.
    pub last: Option<Finished>,
}

/// What a data source is doing.
#[derive(Debug, Clone)]
pub enum Activity {
    /// It waits for its next run.
    Idle,
    /// It is about to be read.
    Queued,
    /// It is being read.
    Running(Box<Progress>),
    /// It is read only when somebody asks for it.
    Paused,
    /// It has no credential and cannot be read.
    Disconnected,
}

/// How a sync ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// When it was started in this process.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// What it did, or why there is no snapshot.
    pub outcome: Result<Arc<Outcome>, Arc<HostError>>,
    /// Why snapshots that need no longer be kept were not given up; the next sync tries again.
    pub not_pruned: Option<Arc<HostError>>,
}

impl Finished {
    /// What kind of failure it was; none for a sync that sealed a snapshot.
    pub fn failure(&self) -> Option<FailureKind> {
        self.outcome.as_ref().err().map(|error| error.kind())
    }
}

/// Something happened to a data source.
#[derive(Debug, Clone)]
pub struct SourceEvent {
    /// Its id.
    pub source_id: u64,
    /// What happened.
    pub happened: Happened,
    /// How it is now; none where it was removed.
    pub state: Option<SourceState>,
}

/// What happened to a data source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It was added, removed, paused, resumed, disconnected or queued.
    Changed,
    /// A sync started.
    Started,
    /// The sync is further.
    Progress,
    /// The sync ended.
    Ended,
}

/// Told everything that happens, at once and in order; its calls must be quick.
pub trait Watch: Send + Sync {
    /// Something happened during a sync.
    fn during(&self, source_id: u64, source_name: &str, event: &Event);
    /// A sync ended.
    fn ended(&self, source_id: u64, source_name: &str, finished: &Finished);
}

/// Reads every data source of a host on its interval; clones are the same supervisor.
///
/// It runs until [`Self::shutdown`] or until the host is stopped. A source that is asked for is read at once, beside the
/// others. A sync that is stopped keeps what it has read, and the next one goes on from there.
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

struct Shared {
    host: Host,
    watch: Option<Arc<dyn Watch>>,
    sources: Mutex<Sources>,
    /// The loop has something to look at.
    changed: Notify,
    events: broadcast::Sender<SourceEvent>,
    stop: CancellationToken,
    stopped: CancellationToken,
}

struct Sources {
    schedule: Schedule,
    by_id: BTreeMap<u64, Source>,
}

struct Source {
    name: String,
    standing: Standing,
    /// Somebody asked for a sync that has not started.
    asked: Option<SyncOptions>,
    /// It is about to be removed.
    held: bool,
    running: Option<Running>,
    last: Option<Finished>,
}

/// A sync that runs.
struct Running {
    cancel: CancellationToken,
    ended: CancellationToken,
    /// None until the source is opened.
    governor: Option<Governor>,
    progress: Progress,
    /// When the last event was sent.
    sent: Instant,
    /// Whether something happened since then.
    unsent: bool,
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("states", &self.states()).finish_non_exhaustive()
    }
}

impl Supervisor {
    /// Starts reading every data source of the host; must be called within a runtime.
    pub fn start(host: Host) -> Result<Self, HostError> {
        Self::start_with(host, None)
    }

    /// The same, with somebody who is told everything.
    pub fn start_watched(host: Host, watch: Arc<dyn Watch>) -> Result<Self, HostError> {
        Self::start_with(host, Some(watch))
    }

    fn start_with(host: Host, watch: Option<Arc<dyn Watch>>) -> Result<Self, HostError> {
        let mut sources =
            Sources { schedule: Schedule::new(host.options().interval), by_id: BTreeMap::new() };
        for record in host.store().sources()? {
            sources.by_id.insert(record.id, Source::new(&record));
        }
        let scheduled = sources.by_id.iter().filter(|(_, source)| source.reads_itself());
        sources.schedule.set_sources(scheduled.map(|(id, _)| *id).collect::<Vec<_>>());
        let shared = Arc::new(Shared {
            stop: host.options().cancel.child_token(),
            host,
            watch,
            sources: Mutex::new(sources),
            changed: Notify::new(),
            events: broadcast::Sender::new(EVENTS),
            stopped: CancellationToken::new(),
        });
        tokio::spawn(shared.clone().run());
        Ok(Self(shared))
    }

    /// The host whose data sources are read.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// How every data source is, by id.
    pub fn states(&self) -> BTreeMap<u64, SourceState> {
        let sources = self.0.lock();
        sources.by_id.keys().filter_map(|id| Some((*id, self.0.state(&sources, *id)?))).collect()
    }

    /// How a data source is; none where it does not exist.
    pub fn state(&self, id: u64) -> Option<SourceState> {
        self.0.state(&self.0.lock(), id)
    }

    /// What happens from now on. Of each sync its start and its end are told, and its progress ten times a second at the
    /// most; a subscriber that does not keep up misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<SourceEvent> {
        self.0.events.subscribe()
    }

    /// Reads a data source now, also one that is paused; fails while it is being read.
    pub fn sync_now(&self, id: u64, options: SyncOptions) -> Result<(), HostError> {
        let mut sources = self.0.lock();
        let source = sources.get_mut(id)?;
        let name = || source.name.clone();
        if source.standing.disconnected {
            return Err(HostError::Disconnected { name: name() });
        }
        if source.running.is_some() {
            return Err(HostError::Running { name: name() });
        }
        source.asked = Some(options);
        self.0.tell(&sources, id, Happened::Changed);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Stops the sync of a data source that runs or was asked for, if any; the next one goes on from there.
    pub fn cancel(&self, id: u64) -> Result<(), HostError> {
        let mut sources = self.0.lock();
        let source = sources.get_mut(id)?;
        if source.asked.take().is_some() {
            self.0.tell(&sources, id, Happened::Changed);
        } else if let Some(running) = &source.running {
            running.cancel.cancel();
        }
        Ok(())
    }

    /// Stops the sync of a data source, and starts none until it is resumed or asked for, also after a restart.
    pub async fn pause(&self, id: u64) -> Result<(), HostError> {
        self.whole(move |this| async move {
            this.take_in(&this.0.host.set_paused(id, true).await?);
            this.cancel(id)
        })
        .await
    }

    /// Reads a data source that was paused on its interval again, for the first time at once.
    pub async fn resume(&self, id: u64) -> Result<(), HostError> {
        self.whole(move |this| async move {
            this.take_in(&this.0.host.set_paused(id, false).await?);
            Ok(())
        })
        .await
    }

    /// Connects a data source, see [`Host::connect`], and reads it at once.
    pub async fn connect(
        &self,
        new: NewConnection,
        details: Details,
    ) -> Result<(SourceRecord, Checked), HostError> {
        let (record, checked) = self.0.host.connect(new, details).await?;
        self.take_in(&record);
        Ok((record, checked))
    }

    /// Takes in that a data source was added or given another credential: one that is not paused is read at once, or
    /// again as soon as the sync that runs has ended.
    pub async fn added(&self, id: u64) -> Result<(), HostError> {
        let record = self.0.host.blocking(move |host| Ok(host.store().source(id)?)).await?;
        self.take_in(&record);
        Ok(())
    }

    /// Stops the sync of a data source and removes it, see [`Host::remove`].
    pub async fn remove(&self, id: u64, keep_history: bool) -> Result<(), HostError> {
        self.whole(move |this| async move {
            let ended = {
                let mut sources = this.0.lock();
                let source = sources.get_mut(id)?;
                source.held = true;
                source.asked = None;
                source.running.as_ref().map(|running| {
                    running.cancel.cancel();
                    running.ended.clone()
                })
            };
            if let Some(ended) = ended {
                ended.cancelled().await;
            }
            let removed = this.0.host.remove(id, keep_history).await;
            let mut sources = this.0.lock();
            if removed.is_ok() {
                sources.schedule.remove(id);
            }
            if removed.is_ok() && !keep_history {
                sources.by_id.remove(&id);
            } else if let Some(source) = sources.by_id.get_mut(&id) {
                source.held = false;
                source.standing.disconnected |= removed.is_ok();
            }
            this.0.tell(&sources, id, Happened::Changed);
            this.0.changed.notify_one();
            removed
        })
        .await
    }

    /// Stops all syncs, with what they have read stored, and waits for them.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.stopped.cancelled().await;
    }

    /// Takes in how a data source is kept now; one that is read by itself is due at once.
    fn take_in(&self, record: &SourceRecord) {
        let mut sources = self.0.lock();
        let source = sources.by_id.entry(record.id).or_insert_with(|| Source::new(record));
        source.name.clone_from(&record.name);
        source.standing = Standing::of(&record.settings);
        if source.reads_itself() {
            sources.schedule.now(record.id);
        } else {
            sources.schedule.remove(record.id);
        }
        self.0.tell(&sources, record.id, Happened::Changed);
        self.0.changed.notify_one();
    }

    /// Does something to its end, also when nobody waits for that any more.
    async fn whole<F: Future<Output = Result<(), HostError>> + Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> F,
    ) -> Result<(), HostError> {
        tokio::spawn(work(self.clone())).await.map_err(|_| HostError::Panicked)?
    }
}

impl Sources {
    fn get_mut(&mut self, id: u64) -> Result<&mut Source, HostError> {
        let missing = || StoreError::NoSuchSource { source_name: id.to_string() };
        Ok(self.by_id.get_mut(&id).ok_or_else(missing)?)
    }
}

impl Source {
    fn new(record: &SourceRecord) -> Self {
        Self {
            name: record.name.clone(),
            standing: Standing::of(&record.settings),
            asked: None,
            held: false,
            running: None,
            last: None,
        }
    }

    fn reads_itself(&self) -> bool {
        !self.standing.paused && !self.standing.disconnected
    }
}

/// What a sync needs besides its options.
struct Ready {
    record: SourceRecord,
    opened: Opened,
    last: BTreeMap<String, u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Sources> {
        // A panic elsewhere leaves at worst a state that is told late.
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>) {
        let stopped = self.stopped.clone().drop_guard();
        let mut running = JoinSet::new();
        loop {
            let due = self.start_due(&mut running);
            let unsent = self.send_late();
            let next = [due, unsent].into_iter().flatten().min();
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(_) = running.join_next() => {}
                () = self.changed.notified() => {}
                () = until(next) => {}
            }
        }
        // Each of them stops by itself, with what it has read stored.
        while running.join_next().await.is_some() {}
        // The store is let go of before anybody is told.
        drop(self);
        drop(stopped);
    }

    /// Starts the syncs that are due or were asked for; gives when the next one is due.
    fn start_due(self: &Arc<Self>, syncs: &mut JoinSet<()>) -> Option<Instant> {
        let now = Instant::now();
        let mut sources = self.lock();
        let Sources { schedule, by_id } = &mut *sources;
        let mut started = Vec::new();
        let mut next: Option<Instant> = None;
        for (&id, source) in by_id.iter_mut() {
            if source.running.is_some() || source.held {
                continue;
            }
            let due = schedule.at(id);
            if source.asked.is_none() && due.is_none_or(|due| due > now) {
                next = [next, due].into_iter().flatten().min();
                continue;
            }
            // Whoever is here to read every day verifies day by day, instead of reading everything once a day.
            let options = SyncOptions { verify: true, ..source.asked.take().unwrap_or_default() };
            let cancel = self.stop.child_token();
            source.running = Some(Running {
                cancel: cancel.clone(),
                ended: CancellationToken::new(),
                governor: None,
                progress: Progress::begun(self.now()),
                sent: now,
                unsent: false,
            });
            schedule.start(id);
            started.push(id);
            syncs.spawn(self.clone().read(id, options, cancel));
        }
        for id in started {
            self.tell(&sources, id, Happened::Started);
        }
        next
    }

    /// Reads a data source, and takes in how that ended.
    async fn read(self: Arc<Self>, id: u64, options: SyncOptions, cancel: CancellationToken) {
        let started = self.now();
        // A task of its own, so that a panic is the end of one sync and not of all.
        let sync = tokio::spawn(self.clone().sync(id, options, cancel)).await;
        let outcome = sync.unwrap_or(Err(HostError::Panicked)).map(Arc::new).map_err(Arc::new);
        let mut not_pruned = None;
        if outcome.is_ok() {
            match self.host.give_up_expired(id).await {
                Ok(given_up) if given_up.is_empty() => {}
                Ok(given_up) => {
                    tracing::info!(source_id = id, given_up = given_up.len(), "gave up snapshots");
                }
                // The sync itself is sealed all the same, and the next one tries again.
                Err(error) => not_pruned = Some(Arc::new(error)),
            }
        }
        if let Err(error) = &outcome {
            self.host.keep_failure(id, started, error).await;
        }
        let finished = Finished { started, ended: self.now(), outcome, not_pruned };
        // What waits for a person is not helped by haste, and what a person stopped is not to be started again.
        let as_usual =
            matches!(finished.failure(), None | Some(FailureKind::NeedsConfirmation | FailureKind::Stopped));
        let mut sources = self.lock();
        sources.schedule.finished(id, as_usual);
        let Some(source) = sources.by_id.get_mut(&id) else { return };
        source.last = Some(finished.clone());
        let name = source.name.clone();
        let running = source.running.take();
        self.tell(&sources, id, Happened::Ended);
        drop(sources);
        if let Some(running) = running {
            running.ended.cancel();
        }
        if let Some(watch) = &self.watch {
            watch.ended(id, &name, &finished);
        }
    }

    async fn sync(
        self: Arc<Self>,
        id: u64,
        options: SyncOptions,
        cancel: CancellationToken,
    ) -> Result<Outcome, HostError> {
        let Ready { record, opened, last } = self.host.blocking(move |host| ready(host, id)).await?;
        if let Some(source) = self.lock().by_id.get_mut(&id) {
            source.name.clone_from(&record.name);
            if let Some(running) = &mut source.running {
                running.governor = Some(opened.governor.clone());
                running.progress.last = last;
                running.progress.expected = Expected::of(&record.settings);
            }
        }
        let watch = |event: Event| {
            self.note(id, &event);
            if let Some(watch) = &self.watch {
                watch.during(id, &record.name, &event);
            }
        };
        self.host.sync(&record, &opened, options, &watch, cancel).await
    }

    /// Takes in what happened during a sync.
    fn note(&self, id: u64, event: &Event) {
        let mut sources = self.lock();
        let source = sources.by_id.get_mut(&id);
        let Some(running) = source.and_then(|source| source.running.as_mut()) else { return };
        running.progress.note(event, self.now());
        let is_late = running.sent.elapsed() >= EVENT_EVERY;
        if is_late || matches!(event, Event::Started { .. } | Event::Sealing) {
            running.sent = Instant::now();
            running.unsent = false;
            self.tell(&sources, id, Happened::Progress);
        } else if !running.unsent {
            running.unsent = true;
            // What comes last before a long wait must not be kept back.
            self.changed.notify_one();
        }
    }

    /// Sends what was kept back for long enough; gives when more of it is to be sent.
    fn send_late(&self) -> Option<Instant> {
        let mut sources = self.lock();
        let mut next: Option<Instant> = None;
        let mut late = Vec::new();
        for (&id, source) in &mut sources.by_id {
            let Some(running) = source.running.as_mut().filter(|running| running.unsent) else { continue };
            let at = running.sent + EVENT_EVERY;
            if at > Instant::now() {
                next = [next, Some(at)].into_iter().flatten().min();
            } else {
                running.sent = Instant::now();
                running.unsent = false;
                late.push(id);
            }
        }
        for id in late {
            self.tell(&sources, id, Happened::Progress);
        }
        next
    }

    fn state(&self, sources: &Sources, id: u64) -> Option<SourceState> {
        let source = sources.by_id.get(&id)?;
        let now = Instant::now();
        let due = sources.schedule.at(id);
        let activity = match &source.running {
            Some(running) => {
                Activity::Running(Box::new(running.progress.now(running.governor.as_ref(), self.now())))
            }
            None if source.asked.is_some() => Activity::Queued,
            None if source.standing.disconnected => Activity::Disconnected,
            None if source.standing.paused => Activity::Paused,
            None if due.is_some_and(|due| due <= now) => Activity::Queued,
            None => Activity::Idle,
        };
        let due = if source.asked.is_some() { Some(now) } else { due };
        let next_run = due.filter(|_| source.running.is_none());
        Some(SourceState {
            activity,
            next_run: next_run.map(|due| self.now().after(due.saturating_duration_since(now))),
            last: source.last.clone(),
        })
    }

    /// Tells subscribers; while the sources are held, so that they hear it in order.
    fn tell(&self, sources: &Sources, id: u64, happened: Happened) {
        if self.events.receiver_count() > 0 {
            let event = SourceEvent { source_id: id, happened, state: self.state(sources, id) };
            // Nobody left to tell is no failure.
            let _ = self.events.send(event);
        }
    }

    fn now(&self) -> Time {
        self.host.options().clock.now()
    }
}

/// Opens a data source, with what its last snapshot held.
fn ready(host: &Host, id: u64) -> Result<Ready, HostError> {
    let store = host.store();
    let record = store.source(id)?;
    let opened = host.open_stored(&record)?;
    let mut last = BTreeMap::new();
    if let Some(meta) = store.latest(id)? {
        let tallies = store.tallies(id, meta.number)?;
        for dataset in opened.source.info().datasets {
            last.insert(dataset.id.to_owned(), tallies.get(dataset.id));
        }
    }
    Ok(Ready { record, opened, last })
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
