//! The loop over the tasks of one data source, from the first call to the sealed snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sightline_core::{
    Context, Coverage, DynSource, Error, ErrorKind, Gap, GapReason, Info, RawTask, Scope, SnapshotNumber,
    SoFar, Step, Tallies, Time,
};
use sightline_store::{
    DatasetChange, Mark, SealReport, SealRules, SourceRecord, StepOutcome, Store, StoreError, SyncInProgress,
};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::governor::{BucketUse, Governor, Wait};
use crate::worklist::{Open, Work, Worklist};

/// An answer that breaks the protocol may have been cut on the way: worth another try, but not many.
const PROTOCOL_ATTEMPTS: u32 = 3;
/// A refusal for the rate limit that lasts this long has another cause than ourselves, and is a failure.
const PATIENCE: Duration = Duration::from_mins(30);
/// How long changes are followed before everything is read anew.
const FULL_EVERY: Duration = Duration::from_hours(24);
/// The same where every hour a share of everything is read again.
const FULL_EVERY_WHEN_VERIFIED: Duration = Duration::from_hours(7 * 24);
/// Shares of everything, one for each hour of a day.
const SHARES: u32 = 24;
/// A sync that was interrupted longer ago starts anew: its first half would be too old for its second.
const RESUME_WITHIN: Duration = Duration::from_hours(24);

/// How a sync is run.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// Forget an interrupted sync and read everything anew, instead of what has changed.
    pub full: bool,
    /// Read a share of everything again besides what has changed, as much as is due since the last sync: all of it once
    /// a day.
    pub verify: bool,
    /// Datasets that are not read.
    pub off: BTreeSet<String>,
    /// Seal even if far fewer objects were found than last time.
    pub accept_drop: bool,
}

/// What happens during a sync, for people who watch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// It began, or goes on where an interrupted one was.
    Started {
        /// Number of the snapshot that it will become.
        number: SnapshotNumber,
        /// Whether it goes on.
        resumed: bool,
        /// Whether everything is read, and not only what has changed.
        full: bool,
    },
    /// A step was stored.
    Step {
        /// The dataset that was read.
        dataset: String,
        /// Its records so far.
        records: u64,
        /// Calls so far.
        requests: u64,
        /// Tasks that are known and not done.
        open: usize,
        /// Whether everything is read, and not only what has changed: that may turn out on the way.
        full: bool,
    },
    /// Everything that could go on waits for a rate limit.
    Waiting {
        /// The buckets.
        buckets: Vec<&'static str>,
        /// How long.
        pause: Duration,
    },
    /// Something could not be read.
    Gap(Gap),
    /// Everything is read.
    Sealing,
}

/// What a sync did.
#[derive(Debug, Clone, Serialize)]
pub struct SyncReport {
    /// Name of the data source.
    pub source: String,
    /// Number of the snapshot.
    pub snapshot: SnapshotNumber,
    /// Whether an interrupted sync was finished.
    pub resumed: bool,
    /// Whether everything was read, and not only what has changed.
    pub full: bool,
    /// Time from start to seal, in this process.
    pub seconds: f64,
    /// Calls made, by rate-limit bucket, in this process.
    pub requests: BTreeMap<String, BucketUse>,
    /// Records read, by dataset.
    pub records: BTreeMap<String, u64>,
    /// What changed against the last snapshot, by dataset.
    pub changes: BTreeMap<String, Change>,
    /// Edges whose ends were not seen, by dataset.
    pub dangling: BTreeMap<String, u64>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Fields that this version does not know, with how often they were met.
    pub drift: BTreeMap<String, u64>,
}

/// What changed in one dataset: numbers of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Not there before.
    pub added: u64,
    /// No longer there.
    pub removed: u64,
    /// There before with another content.
    pub changed: u64,
    /// There now.
    pub total: u64,
}

impl From<DatasetChange> for Change {
    fn from(change: DatasetChange) -> Self {
        let DatasetChange { added, removed, changed, total } = change;
        Self { added, removed, changed, total }
    }
}

/// Why a sync ended without a snapshot; what was stored before is untouched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The source could not be read.
    #[error(transparent)]
    Source(#[from] Error),
    /// The store could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was stopped from outside; the next sync goes on from there.
    #[error("stopped; the next sync goes on from here")]
    Cancelled,
    /// A step did not end properly.
    #[error("a step ended in a panic, which is a bug")]
    Panicked,
}

/// One sync of one data source.
pub struct Sync<'a> {
    /// Where it is stored.
    pub store: Arc<Store>,
    /// Which data source.
    pub record: &'a SourceRecord,
    /// The data source, opened with the governor as its budget.
    pub source: Arc<dyn DynSource>,
    /// Decides the pace.
    pub governor: Governor,
    /// What else the source was given.
    pub cx: &'a Context,
    /// How it is run.
    pub options: SyncOptions,
    /// Told what happens.
    pub watch: &'a (dyn Fn(Event) + std::marker::Sync),
    /// Stops it.
    pub cancel: CancellationToken,
}

/// A step that was run, before it is stored.
type Ran = (Work, Result<Step<RawTask>, Error>);

/// State of the loop.
struct Loop<'a> {
    sync: Sync<'a>,
    info: &'static Info,
    worklist: Worklist,
    so_far: SoFar,
    full: bool,
    gaps: BTreeMap<Scope, Gap>,
    running: JoinSet<Ran>,
    /// Steps that were run and are not stored: they still take their place, so that a crash costs one step each.
    ran: Vec<Ran>,
    drift: BTreeMap<String, u64>,
    /// Whether the gaps of what is switched off are noted.
    told_off: bool,
    places: usize,
    started: Instant,
}

impl Sync<'_> {
    /// Reads the data source and seals a snapshot.
    ///
    /// Goes on with an interrupted sync where there is one. Every batch of steps is stored before the next ones start;
    /// an error leaves the sync where it is, and the last snapshot in force.
    pub async fn run(self) -> Result<SyncReport, SyncError> {
        let started = Instant::now();
        let mut state = Loop::new(self, started);
        let mut begun = state.begin().await?;
        (state.sync.watch)(Event::Started { number: begun.number, resumed: begun.resumed, full: state.full });
        let mut sealed = None;
        if begun.resumed && state.worklist.len() == 0 {
            // Everything was read: only the seal is missing, unless it was held for a confirmation. Then what was read
            // may be what was wrong, and is read anew.
            sealed = match state.seal(begun.number).await {
                Err(SyncError::Store(StoreError::LargeDrop { .. })) => {
                    state.abandon().await?;
                    begun = state.begin().await?;
                    None
                }
                sealed => Some(sealed?),
            };
        }
        let sealed = if let Some(sealed) = sealed {
            sealed
        } else {
            match state.work().await {
                // A cursor that has died meanwhile: what was begun cannot be finished.
                Err(SyncError::Source(error)) if begun.resumed && *error.kind() == ErrorKind::Rejected => {
                    tracing::warn!(source = state.sync.record.name, %error, "starting anew");
                    state.abandon().await?;
                    begun = state.begin().await?;
                    state.work().await?;
                }
                outcome => outcome?,
            }
            (state.sync.watch)(Event::Sealing);
            state.seal(begun.number).await?
        };
        let Loop { sync, info, so_far, full, gaps, drift, .. } = state;
        tracing::info!(source = sync.record.name, snapshot = begun.number, gaps = gaps.len(), "sealed");
        Ok(SyncReport {
            source: sync.record.name.clone(),
            snapshot: begun.number,
            resumed: begun.resumed,
            full,
            seconds: started.elapsed().as_secs_f64(),
            requests: sync.governor.usage(),
            records: info
                .datasets
                .iter()
                .map(|dataset| (dataset.id.to_owned(), so_far.tallies.get(dataset.id)))
                .collect(),
            changes: sealed.datasets.into_iter().map(|(dataset, change)| (dataset, change.into())).collect(),
            dangling: sealed.dangling,
            gaps: gaps.into_values().collect(),
            drift,
        })
    }
}

/// Which sync is run.
struct Begun {
    number: SnapshotNumber,
    resumed: bool,
}

impl<'a> Loop<'a> {
    fn new(sync: Sync<'a>, started: Instant) -> Self {
        Self {
            info: sync.source.info(),
            worklist: Worklist::default(),
            so_far: SoFar::default(),
            full: true,
            gaps: BTreeMap::new(),
            running: JoinSet::new(),
            ran: Vec::new(),
            drift: BTreeMap::new(),
            told_off: false,
            places: sync.governor.places(),
            started,
            sync,
        }
    }

    /// Takes up an interrupted sync, or begins one.
    async fn begin(&mut self) -> Result<Begun, SyncError> {
        let now = self.sync.cx.clock.now();
        let id = self.sync.record.id;
        let last = blocking(&self.sync.store, move |store| match store.latest(id)? {
            Some(meta) => store.tallies(id, meta.number),
            None => Ok(Tallies::default()),
        });
        self.so_far.last = Arc::new(last.await?);
        if let Some(progress) = blocking(&self.sync.store, move |store| store.resume(id)).await? {
            let too_old = now.since(progress.row.started) > RESUME_WITHIN;
            let number = progress.row.number;
            if self.sync.options.full || too_old {
                tracing::info!(source = self.sync.record.name, too_old, "starting anew");
            } else {
                match self.restore(progress) {
                    Ok(()) => return Ok(Begun { number, resumed: true }),
                    Err(error) => tracing::warn!(source = self.sync.record.name, %error, "starting anew"),
                }
            }
            self.abandon().await?;
        }
        let (tasks, full) = self.first_tasks(now).await?;
        self.full = full;
        let json: Vec<String> = tasks.iter().map(|task| task.json.clone()).collect();
        let row = blocking(&self.sync.store, move |store| store.begin_sync(id, now, full, &json)).await?;
        for (task_id, task) in (0..).zip(tasks) {
            self.worklist.add(task_id, task);
        }
        Ok(Begun { number: row.number, resumed: false })
    }

    /// Goes on where an interrupted sync was; all of it, or nothing when a task is not understood.
    fn restore(&mut self, progress: SyncInProgress) -> Result<(), Error> {
        let tasks =
            progress.tasks.iter().map(|(task_id, json)| Ok((*task_id, self.sync.source.restore(json)?)));
        let tasks: Vec<(u64, RawTask)> = tasks.collect::<Result<_, Error>>()?;
        for (task_id, task) in tasks {
            self.worklist.add(task_id, task);
        }
        self.so_far.tallies = Arc::new(progress.tallies);
        self.full = progress.row.full;
        self.drift = progress.drift;
        let gaps = progress.scopes.into_iter().filter_map(|(scope, progress)| match progress.mark {
            Some(Mark::Gap(gap)) => Some((scope, gap)),
            _ => None,
        });
        self.gaps = gaps.collect();
        Ok(())
    }

    /// Forgets the sync in progress.
    async fn abandon(&mut self) -> Result<(), SyncError> {
        let id = self.sync.record.id;
        blocking(&self.sync.store, move |store| store.abandon_sync(id)).await?;
        self.worklist = Worklist::default();
        self.so_far.tallies = Arc::new(Tallies::default());
        self.gaps.clear();
        self.drift.clear();
        Ok(())
    }

    /// What a sync starts from, and whether that reads everything: what the last sync left, or the plan.
    async fn first_tasks(&self, now: Time) -> Result<(Vec<RawTask>, bool), SyncError> {
        let id = self.sync.record.id;
        let (kept, last_full, last) = blocking(&self.sync.store, move |store| {
            Ok((store.later_tasks(id)?, store.last_full(id)?, store.latest(id)?))
        })
        .await?;
        let is_off = |dataset: &str| self.sync.options.off.contains(dataset);
        let is_followed = !self.info.datasets.iter().any(|dataset| dataset.follows && is_off(dataset.id));
        let full_every = if self.sync.options.verify { FULL_EVERY_WHEN_VERIFIED } else { FULL_EVERY };
        let is_recent = last_full.is_some_and(|meta| now.since(meta.started) < full_every);
        let source = &self.sync.source;
        let restored = kept.iter().map(|json| source.restore(json)).collect::<Result<Vec<RawTask>, Error>>();
        let (tasks, full) = match restored {
            Err(error) => {
                tracing::warn!(source = self.sync.record.name, %error, "tasks of the last sync are dropped");
                (source.plan(&[])?, true)
            }
            Ok(mut tasks) if !self.sync.options.full && is_recent && is_followed && !tasks.is_empty() => {
                if let Some(last) = last.filter(|_| self.sync.options.verify) {
                    for share in due_shares(last.started, now) {
                        tasks.extend(source.verify(share, SHARES)?);
                    }
                }
                let mut known = BTreeSet::new();
                tasks.retain(|task| known.insert(task.json.clone()));
                (tasks, false)
            }
            Ok(_) => (source.plan(&kept)?, true),
        };
        let on = tasks.into_iter().filter(|task| !is_off(&task.about.scope.dataset));
        Ok((on.collect(), full))
    }

    /// Runs and stores steps until none is left.
    async fn work(&mut self) -> Result<(), SyncError> {
        loop {
            let wait = self.start_steps();
            if self.running.is_empty() && self.ran.is_empty() {
                match wait {
                    None if self.worklist.len() == 0 => return Ok(()),
                    None => {
                        tracing::warn!(source = self.sync.record.name, "tasks wait for each other");
                        self.worklist.release_waiting();
                    }
                    Some(wait) => self.wait(wait).await?,
                }
                continue;
            }
            if let Some(ran) = self.next_ran(wait).await? {
                self.ran.push(ran);
            }
            while let Some(ran) = self.running.try_join_next() {
                self.ran.push(ran.map_err(|_| SyncError::Panicked)?);
            }
            self.store_steps().await?;
        }
    }

    /// Starts as many steps as there are places and budget for; says what the others wait for.
    fn start_steps(&mut self) -> Option<Wait> {
        let mut wait = None;
        'places: while self.running.len() < self.places {
            for bucket in self.worklist.buckets() {
                match self.sync.governor.take(bucket) {
                    Ok(place) => {
                        let Some(work) = self.worklist.pop(bucket) else { continue };
                        let (source, so_far) = (self.sync.source.clone(), self.so_far.clone());
                        self.running.spawn(async move {
                            let result = Governor::with_place(place, source.step(&work.task, &so_far)).await;
                            (work, result)
                        });
                        wait = None;
                        continue 'places;
                    }
                    Err(Wait::Until(until)) => {
                        wait = Some(match wait {
                            Some(Wait::Until(other)) => Wait::Until(until.min(other)),
                            _ => Wait::Until(until),
                        });
                    }
                    Err(Wait::ForAnswer) => wait = wait.or(Some(Wait::ForAnswer)),
                }
            }
            break;
        }
        wait
    }

    async fn wait(&self, wait: Wait) -> Result<(), SyncError> {
        if let Wait::Until(until) = wait {
            let pause = until.saturating_duration_since(Instant::now());
            (self.sync.watch)(Event::Waiting { buckets: self.worklist.buckets(), pause });
        }
        tokio::select! {
            () = self.sync.governor.wait(wait) => Ok(()),
            () = self.sync.cancel.cancelled() => Err(SyncError::Cancelled),
        }
    }

    /// The next step that ends; none when a bucket has budget again before that.
    async fn next_ran(&mut self, wait: Option<Wait>) -> Result<Option<Ran>, SyncError> {
        if self.running.is_empty() {
            return Ok(None);
        }
        let budget = async {
            match wait {
                Some(wait) => self.sync.governor.wait(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ran = self.running.join_next() => match ran {
                Some(ran) => Ok(Some(ran.map_err(|_| SyncError::Panicked)?)),
                None => Ok(None),
            },
            () = budget => Ok(None),
            () = self.sync.cancel.cancelled() => {
                // What ran is stored; what still runs is run again by the next sync.
                self.running.abort_all();
                self.store_steps().await?;
                Err(SyncError::Cancelled)
            }
        }
    }

    /// Stores the steps that were run, in one transaction, and makes their tasks ready.
    async fn store_steps(&mut self) -> Result<(), SyncError> {
        if self.ran.is_empty() {
            return Ok(());
        }
        let mut outcomes = Vec::new();
        let mut done: Vec<(Work, Vec<RawTask>)> = Vec::new();
        let mut fatal = None;
        for (mut work, result) in std::mem::take(&mut self.ran) {
            match self.outcome(&mut work, result) {
                Ok((outcome, then)) => {
                    outcomes.push(outcome);
                    done.push((work, then));
                }
                Err(Verdict::Again) => self.worklist.put(work),
                Err(Verdict::Stop(error)) => fatal = fatal.or(Some(error)),
            }
        }
        if !outcomes.is_empty() {
            self.commit(outcomes, done).await?;
        }
        match fatal {
            None => Ok(()),
            Some(error) => {
                self.running.abort_all();
                Err(error.into())
            }
        }
    }

    async fn commit(
        &mut self,
        mut outcomes: Vec<StepOutcome>,
        done: Vec<(Work, Vec<RawTask>)>,
    ) -> Result<(), SyncError> {
        self.mark_finished_scopes(&mut outcomes, &done);
        if let Some(first) = outcomes.first_mut().filter(|_| !self.told_off) {
            self.told_off = true;
            for (scope, reason) in self.switched_off() {
                let detail = "the data source's settings say that it is not to be read".to_owned();
                first.marks.push((scope.clone(), self.gap(scope, reason, detail)));
            }
        }
        let mut tallies = (*self.so_far.tallies).clone();
        for outcome in &outcomes {
            tallies.add(&outcome.scope.dataset, outcome.records.len() as u64);
            for (name, count) in &outcome.tallies {
                tallies.add(name, *count);
            }
            for field in &outcome.drift {
                *self.drift.entry(field.clone()).or_default() += 1;
            }
        }
        self.so_far.tallies = Arc::new(tallies);
        let id = self.sync.record.id;
        let datasets: BTreeSet<String> =
            outcomes.iter().map(|outcome| outcome.scope.dataset.clone()).collect();
        let added = blocking(&self.sync.store, move |store| store.commit_steps(id, &outcomes)).await?;
        for ((work, then), ids) in done.into_iter().zip(added) {
            for (task_id, next) in ids.into_iter().zip(then) {
                self.worklist.add_after(&work, task_id, next);
            }
            self.worklist.done(&work.task);
        }
        let requests = self.sync.governor.usage().values().map(|bucket| bucket.requests).sum();
        let open = self.worklist.len() + self.running.len();
        for dataset in datasets {
            let records = self.so_far.tallies.get(&dataset);
            (self.sync.watch)(Event::Step { dataset, records, requests, open, full: self.full });
        }
        tracing::debug!(
            source = self.sync.record.name,
            open,
            elapsed_ms = self.started.elapsed().as_millis() as u64,
            "stored"
        );
        Ok(())
    }

    /// Marks the scopes of which these steps leave no task: only then is anything known about what was not seen.
    ///
    /// A scope that was read as a whole is complete even while single facts of it are still read again.
    fn mark_finished_scopes(&self, outcomes: &mut [StepOutcome], done: &[(Work, Vec<RawTask>)]) {
        let mut changes: BTreeMap<&Scope, Open> = BTreeMap::new();
        for (Work { task, .. }, then) in done {
            changes.entry(&task.about.scope).or_default().count(task, -1);
            for next in then {
                changes.entry(&next.about.scope).or_default().count(next, 1);
            }
        }
        for (outcome, (Work { task, .. }, _)) in outcomes.iter_mut().zip(done).rev() {
            let scope = &task.about.scope;
            let Some(change) = changes.remove(scope) else { continue };
            let before = self.worklist.open_in(scope);
            let left = Open { all: before.all + change.all, whole: before.whole + change.whole };
            let mark = if before.whole > 0 && left.whole == 0 {
                Mark::Complete
            } else if left.all > 0 {
                continue;
            } else {
                match task.about.coverage {
                    Coverage::Whole => Mark::Complete,
                    Coverage::Part => Mark::Part,
                    Coverage::Onward => Mark::Onward,
                }
            };
            outcome.marks.push((scope.clone(), mark));
        }
    }

    /// What is to be stored of a step, and the tasks it leads to.
    fn outcome(
        &mut self,
        work: &mut Work,
        result: Result<Step<RawTask>, Error>,
    ) -> Result<(StepOutcome, Vec<RawTask>), Verdict> {
        let scope = work.task.about.scope.clone();
        let mut marks = Vec::new();
        let step = match result {
            Ok(step) => step,
            Err(error) => {
                let mark = self.judge(work, error)?;
                let later = self.read_again_next_time(&work.task, &mark);
                marks.push((scope.clone(), mark));
                Step { later, ..Step::default() }
            }
        };
        let task = &work.task;
        for finding in step.gaps {
            marks.push((finding.scope.clone(), self.gap(finding.scope, finding.reason, finding.detail)));
        }
        let mut then = step.then;
        let mut led_to = BTreeSet::new();
        then.retain(|next| {
            let repeats = self.worklist.knows(next) || !led_to.insert(next.json.clone());
            if work.leads_back_to(next) {
                let detail = format!("{} leads back to a page that was read before", task.label);
                marks.push((scope.clone(), self.gap(scope.clone(), GapReason::Protocol, detail)));
            }
            !repeats && !self.is_off(&next.about.scope.dataset)
        });
        self.full |= step.full;
        for empty in step.empty {
            marks.push((empty, Mark::Empty));
        }
        let outcome = StepOutcome {
            task_id: work.id,
            scope,
            records: step.records,
            then: then.iter().map(|next| next.json.clone()).collect(),
            later: step.later.into_iter().map(|later| later.json).collect(),
            marks,
            tallies: step.tallies,
            drift: step.drift,
            absent: step.absent,
            full: step.full,
        };
        Ok((outcome, then))
    }

    fn is_off(&self, dataset: &str) -> bool {
        self.sync.options.off.contains(dataset)
    }

    /// What is switched off and would be missed: what is usually read, and what was read before.
    fn switched_off(&self) -> Vec<(Scope, GapReason)> {
        let missed = self.info.datasets.iter().filter(|dataset| {
            self.is_off(dataset.id) && (dataset.on || self.so_far.last.get(dataset.id) > 0)
        });
        missed.map(|dataset| (Scope::listing(dataset.id), GapReason::SwitchedOff)).collect()
    }

    /// What the next sync tries again of a scope that could not be read: it may not be among what will have changed.
    ///
    /// A part that is denied stays denied until the credential's rights change, which is noticed by itself.
    fn read_again_next_time(&self, task: &RawTask, mark: &Mark) -> Vec<RawTask> {
        let Mark::Gap(gap) = mark else { return Vec::new() };
        let may_pass = matches!(gap.reason, GapReason::Unavailable | GapReason::Protocol);
        if !may_pass && task.about.scope.parent.is_some() {
            return Vec::new();
        }
        self.sync.source.anew(task).into_iter().collect()
    }

    /// What an error means for the task's scope, or for the whole sync.
    fn judge(&mut self, work: &mut Work, error: Error) -> Result<Mark, Verdict> {
        let scope = &work.task.about.scope;
        match error.kind() {
            ErrorKind::RateLimited { .. } => {
                let since = *work.refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() < PATIENCE {
                    return Err(Verdict::Again);
                }
                let error = Error::new(ErrorKind::Unavailable, error.message());
                return self.judge_for_good(scope, &work.task.label, error);
            }
            ErrorKind::Protocol if work.attempts + 1 < PROTOCOL_ATTEMPTS => {
                work.attempts += 1;
                return Err(Verdict::Again);
            }
            ErrorKind::Gone => return Ok(Mark::Gone),
            _ => {}
        }
        self.judge_for_good(scope, &work.task.label, error)
    }

    /// A gap, or the end of the sync where the dataset is required.
    fn judge_for_good(&mut self, scope: &Scope, label: &str, error: Error) -> Result<Mark, Verdict> {
        let required = scope.parent.is_none()
            && self.info.dataset(&scope.dataset).is_some_and(|dataset| dataset.required);
        match error.gap_reason() {
            Some(reason) if !required => {
                tracing::info!(source = self.sync.record.name, scope = %scope, %error, "not read");
                Ok(self.gap(scope.clone(), reason, error.message().to_owned()))
            }
            _ => Err(Verdict::Stop(error.context(format_args!("reading {label}")))),
        }
    }

    fn gap(&mut self, scope: Scope, reason: GapReason, detail: String) -> Mark {
        let consequence = self.info.dataset(&scope.dataset).map_or("", |dataset| dataset.lost).to_owned();
        let gap = Gap { scope: scope.clone(), reason, detail, consequence };
        if self.gaps.insert(scope, gap.clone()).is_none() {
            (self.sync.watch)(Event::Gap(gap.clone()));
        }
        Mark::Gap(gap)
    }

    async fn seal(&self, number: SnapshotNumber) -> Result<SealReport, SyncError> {
        let (id, now) = (self.sync.record.id, self.sync.cx.clock.now());
        let mut rules = SealRules::default();
        for dataset in self.info.datasets {
            if let Some(parent) = dataset.parent {
                rules.parents.insert(dataset.id.to_owned(), parent);
            }
            if let Some(listing) = dataset.listed_by {
                rules.listings.insert(dataset.id.to_owned(), listing.to_owned());
            }
        }
        if self.sync.options.accept_drop {
            rules.max_drop = None;
        }
        blocking(&self.sync.store, move |store| store.seal(id, number, now, &rules)).await
    }
}

/// The shares whose hours have begun since the last sync.
fn due_shares(last: Time, now: Time) -> Vec<u32> {
    let hour = |time: Time| time.millis().div_euclid(3_600_000);
    let begun = (hour(now) - hour(last)).clamp(0, i64::from(SHARES));
    (hour(now) - begun + 1..=hour(now)).map(|hour| hour.rem_euclid(i64::from(SHARES)) as u32).collect()
}

/// What becomes of a step that failed, when it is not stored as a gap.
enum Verdict {
    Again,
    Stop(Error),
}

/// Uses the store on a thread where blocking is allowed.
async fn blocking<T: Send + 'static>(
    store: &Arc<Store>,
    work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, SyncError> {
    let store = store.clone();
    let done = tokio::task::spawn_blocking(move || work(&store)).await.map_err(|_| SyncError::Panicked)?;
    Ok(done?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_is_due_once_a_day_whatever_the_interval() {
        let start = Time::from_secs(1_767_225_600);
        for minutes in [6, 15, 60, 90, 360, 1440] {
            let mut counts = [0_u32; SHARES as usize];
            let mut last = start;
            for turn in 1..=(4 * 24 * 60 / minutes) {
                let now = start.after(Duration::from_mins(turn * minutes));
                for share in due_shares(last, now) {
                    counts[share as usize] += 1;
                }
                last = now;
            }
            assert_eq!(counts, [4; SHARES as usize], "every {minutes} minutes");
        }
        // After a long pause everything is due, and nothing twice.
        let due = due_shares(start, start.after(Duration::from_hours(1000)));
        let all: BTreeSet<u32> = due.iter().copied().collect();
        assert_eq!((due.len(), all.len()), (SHARES as usize, SHARES as usize));
    }
}
