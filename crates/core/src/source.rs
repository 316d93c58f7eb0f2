//! What a connector implements: [`DataSource`], and what it is given and gives back.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::time::Clock;
use crate::{Coverage, EntityKind, Error, ErrorKind, GapReason, Record, Result, Scope};

/// What a connector is and reads.
#[derive(Debug)]
pub struct Info {
    /// Short id, used in commands and keys: `okta`.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Days without a call after which the provider may revoke a credential; none where none dies of disuse.
    pub unused_days: Option<u32>,
    /// What it reads.
    pub datasets: &'static [DatasetInfo],
}

impl Info {
    /// The dataset with this id.
    pub fn dataset(&self, id: &str) -> Option<&'static DatasetInfo> {
        self.datasets.iter().find(|dataset| dataset.id == id)
    }
}

/// A kind of thing that a connector reads.
#[derive(Debug)]
pub struct DatasetInfo {
    /// Short id: `group_members`.
    pub id: &'static str,
    /// Name for people: `group members`.
    pub title: &'static str,
    /// The kind of entity that it is read under; none for a listing. A part whose parent is gone is gone.
    pub parent: Option<EntityKind>,
    /// The listing that leads to its parts, where not every parent has one: parts that a complete reading of that
    /// listing did not lead to are gone.
    pub listed_by: Option<&'static str>,
    /// The kind of entity that it lists, where others are read under it: where it could not be read, nothing leads to them.
    pub lists: Option<EntityKind>,
    /// Whether a sync without it is worthless and fails.
    pub required: bool,
    /// Whether it is read unless a data source's settings say otherwise.
    pub on: bool,
    /// Whether it shows what has changed: without it every sync has to read everything.
    pub follows: bool,
    /// The paths that it is read from, with placeholders.
    pub reads: &'static [&'static str],
    /// The permission that allows it, in the provider's words.
    pub permission: &'static str,
    /// What nobody can see without it.
    pub lost: &'static str,
}

/// What a connector gets from its host.
#[derive(Debug, Clone)]
pub struct Context {
    /// Whether plain HTTP to this machine is allowed: simulators and tests.
    pub allow_loopback_http: bool,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Who decides when a call may be made.
    pub budget: Arc<dyn Budget>,
    /// Certificates of additional authorities, PEM.
    pub extra_roots_pem: Vec<Vec<u8>>,
}

/// Whose system a data source is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The provider's immutable id of the organisation.
    pub id: String,
    /// Name for people: its address.
    pub name: String,
}

/// What a check of the credential found, before anything is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// Whose system it is.
    pub tenant: Tenant,
    /// The address that is used, which may differ from the one that was typed.
    pub address: String,
    /// Whose credential it is, where the provider tells.
    pub credential_owner: Option<String>,
    /// What may be read, dataset by dataset.
    pub checks: Vec<Check>,
    /// Whether lists hold what every list of their kind holds: the proof that they are not silently cut.
    pub canaries: Vec<Canary>,
    /// What a person should know before they go on.
    pub warnings: Vec<String>,
}

/// Something that has to be in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// What was looked for, and in which list.
    pub sought: String,
    /// Whether it was there; none where it could not be looked for.
    pub found: Option<bool>,
}

/// Whether one dataset can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The dataset's id.
    pub dataset: String,
    /// What was answered.
    pub verdict: Verdict,
    /// What exactly, for people; empty when allowed.
    pub detail: String,
}

/// Whether something can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It can.
    Allowed,
    /// It cannot, and why.
    Refused(GapReason),
    /// Only a sync will tell.
    Unknown,
}

impl Verdict {
    /// A short phrase for people.
    pub const fn phrase(&self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused(reason) => reason.phrase(),
            Self::Unknown => "unknown",
        }
    }
}

/// A unit of work: usually one page of one listing.
pub trait Task: Serialize + DeserializeOwned + fmt::Display + Send + Sync + 'static {
    /// What the host has to know about it.
    fn about(&self) -> About;

    /// The task that reads its scope from the start: what a sync begins with when this one failed in the last.
    #[must_use]
    fn anew(&self) -> Self;
}

/// What the host has to know about a task before it runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What it reads.
    pub scope: Scope,
    /// How much of it.
    pub coverage: Coverage,
    /// The rate-limit bucket that its calls fall in.
    pub bucket: &'static str,
    /// Datasets of which no task may be left before this one runs.
    pub after: &'static [&'static str],
    /// Larger ones run first: long chains before fan-outs.
    pub rank: u8,
}

/// What one step found and what is to be done next.
#[derive(Debug)]
pub struct Step<T> {
    /// Facts, all of the task's own scope.
    pub records: Vec<Record>,
    /// Work of this sync.
    pub then: Vec<T>,
    /// Work that starts the next sync.
    pub later: Vec<T>,
    /// What is certain to be gone although its scope was not read as a whole.
    pub absent: Vec<Absent>,
    /// Whether what follows reads everything anew: the sync becomes a full one.
    pub full: bool,
    /// Scopes that need no call because what was read says that they are empty.
    pub empty: Vec<Scope>,
    /// Things inside this answer that could not be read or do not add up.
    pub gaps: Vec<Finding>,
    /// Numbers that later tasks want to know, added up over the sync.
    pub tallies: Vec<(String, u64)>,
    /// Fields that this version does not know, `endpoint field`.
    pub drift: Vec<String>,
}

impl<T> Default for Step<T> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            then: Vec::new(),
            later: Vec::new(),
            absent: Vec::new(),
            full: false,
            empty: Vec::new(),
            gaps: Vec::new(),
            tallies: Vec::new(),
            drift: Vec::new(),
        }
    }
}

/// Something that is certain to be gone: the source itself said so when it was asked for just that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// An entity, and with it everything that is read under it.
    Entity(EntityKind, String),
    /// A fact of the step's own scope, by [`Record::key`].
    Fact(String),
}

/// A part of a scope that a step could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What is not complete.
    pub scope: Scope,
    /// Why.
    pub reason: GapReason,
    /// What exactly, for people.
    pub detail: String,
}

/// Numbers of one sync: records per dataset (`users`) and what steps added; those of a snapshot also hold the records of
/// each scope under a parent (`group_members/00g…`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tallies(pub BTreeMap<String, u64>);

impl Tallies {
    /// The number under this name; zero when nothing was counted.
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// Adds to a number.
    pub fn add(&mut self, name: &str, count: u64) {
        match self.0.get_mut(name) {
            Some(number) => *number += count,
            None => {
                self.0.insert(name.to_owned(), count);
            }
        }
    }
}

/// Numbers that a step may decide by.
#[derive(Debug, Clone, Default)]
pub struct SoFar {
    /// Those of this sync: final for datasets that the task waited for.
    pub tallies: Arc<Tallies>,
    /// Those of the last snapshot; empty before the first.
    pub last: Arc<Tallies>,
}

/// How many calls a sync needs, before it is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// One line per dataset.
    pub lines: Vec<ForecastLine>,
}

/// The calls that one dataset needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastLine {
    /// The dataset's id.
    pub dataset: String,
    /// The rate-limit bucket of the calls.
    pub bucket: String,
    /// Number of calls.
    pub requests: u64,
    /// Whether the number follows from what was read; otherwise it is the least that can be.
    pub exact: bool,
}

/// A connector: code that can read one kind of system.
///
/// Authors write plain `async fn`. A step that is run twice does no harm; it holds no state between steps.
pub trait DataSource: Sized + Send + Sync + 'static {
    /// What it is and reads.
    const INFO: &'static Info;
    /// Its settings and credential; `Secret` fields are kept encrypted by the host.
    type Config: DeserializeOwned + JsonSchema;
    /// Its unit of work.
    type Task: Task;

    /// Checks the settings and gets ready; no I/O.
    fn open(config: Self::Config, cx: &Context) -> Result<Self>;

    /// Finds out whose system it is and what the credential may read: read-only, a few cheap calls.
    fn preflight(&self) -> impl Future<Output = Result<Preflight>> + Send;

    /// What a full sync starts from; `kept` are the tasks that the last sync left for this one.
    ///
    /// A sync that is not a full one starts from the kept tasks alone, and whatever they lead to.
    fn plan(&self, kept: Vec<Self::Task>) -> Vec<Self::Task>;

    /// One of so many shares of what no change proves: when all shares were read, everything was read again.
    ///
    /// Read beside the kept tasks, a share now and a share then, it ends whatever a lost event has left behind.
    fn verify(&self, _share: u32, _of: u32) -> Vec<Self::Task> {
        Vec::new()
    }

    /// Does one unit of work.
    fn step(
        &self,
        task: &Self::Task,
        so_far: &SoFar,
    ) -> impl Future<Output = Result<Step<Self::Task>>> + Send;

    /// Counts the calls of a full sync, reading only what it must; `last` holds the numbers of the last snapshot.
    fn forecast(&self, last: Option<&Tallies>) -> impl Future<Output = Result<Forecast>> + Send;
}

/// A task whose type is erased: its JSON, and what it says about itself.
#[derive(Debug, Clone)]
pub struct RawTask {
    /// The task, serialized.
    pub json: String,
    /// Its name for people and logs.
    pub label: String,
    /// What the host has to know.
    pub about: About,
}

impl RawTask {
    fn of<T: Task>(task: &T) -> Result<Self> {
        let json = serde_json::to_string(task).map_err(|error| {
            Error::new(ErrorKind::Protocol, format!("task {task} cannot be written down")).caused_by(error)
        })?;
        Ok(Self { json, label: task.to_string(), about: task.about() })
    }
}

/// A [`DataSource`] whose types are erased, for the host.
#[async_trait]
pub trait DynSource: Send + Sync {
    /// See [`DataSource::INFO`].
    fn info(&self) -> &'static Info;
    /// See [`DataSource::preflight`].
    async fn preflight(&self) -> Result<Preflight>;
    /// See [`DataSource::plan`]; kept tasks that this version does not understand are an error.
    fn plan(&self, kept: &[String]) -> Result<Vec<RawTask>>;
    /// See [`DataSource::verify`].
    fn verify(&self, _share: u32, _of: u32) -> Result<Vec<RawTask>> {
        Ok(Vec::new())
    }
    /// See [`Task::anew`].
    fn anew(&self, task: &RawTask) -> Result<RawTask>;
    /// Reads back a task that was written down, perhaps by an older version.
    fn restore(&self, json: &str) -> Result<RawTask>;
    /// See [`DataSource::step`].
    async fn step(&self, task: &RawTask, so_far: &SoFar) -> Result<Step<RawTask>>;
    /// See [`DataSource::forecast`].
    async fn forecast(&self, last: Option<&Tallies>) -> Result<Forecast>;
}

fn parse<T: Task>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| {
        Error::new(ErrorKind::Protocol, "a stored task is not understood by this version")
            .hint("run `sightline sync --full` to start the sync anew")
            .caused_by(error)
    })
}

fn erase<T: Task>(tasks: &[T]) -> Result<Vec<RawTask>> {
    tasks.iter().map(RawTask::of).collect()
}

#[async_trait]
impl<S: DataSource> DynSource for S {
    fn info(&self) -> &'static Info {
        S::INFO
    }

    async fn preflight(&self) -> Result<Preflight> {
        DataSource::preflight(self).await
    }

    fn plan(&self, kept: &[String]) -> Result<Vec<RawTask>> {
        let kept: Result<Vec<S::Task>> = kept.iter().map(|json| parse(json)).collect();
        erase(&DataSource::plan(self, kept?))
    }

    fn verify(&self, share: u32, of: u32) -> Result<Vec<RawTask>> {
        erase(&DataSource::verify(self, share, of))
    }

    fn anew(&self, task: &RawTask) -> Result<RawTask> {
        RawTask::of(&parse::<S::Task>(&task.json)?.anew())
    }

    fn restore(&self, json: &str) -> Result<RawTask> {
        RawTask::of(&parse::<S::Task>(json)?)
    }

    async fn step(&self, task: &RawTask, so_far: &SoFar) -> Result<Step<RawTask>> {
        let typed = parse::<S::Task>(&task.json)?;
        let step = DataSource::step(self, &typed, so_far).await?;
        Ok(Step {
            records: step.records,
            then: erase(&step.then)?,
            later: erase(&step.later)?,
            absent: step.absent,
            full: step.full,
            empty: step.empty,
            gaps: step.gaps,
            tallies: step.tallies,
            drift: step.drift,
        })
    }

    async fn forecast(&self, last: Option<&Tallies>) -> Result<Forecast> {
        DataSource::forecast(self, last).await
    }
}
