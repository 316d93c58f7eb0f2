//! An organisation in a store, brought there as a sync does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sightline_core::{Coverage, Secret, Tenant};
use sightline_graph::{About, Graph};
use sightline_store::{Mark, NewSource, OpenMode, SealReport, SealRules, StepOutcome, Store, StoreError};

use crate::child::timed;
use crate::organisation::{Changes, Organisation, Page};
use crate::scratch::disk_bytes;
use crate::{Failure, Result, machine};

/// Steps that are stored together, as the sync loop does when several end meanwhile.
const BATCH: usize = 10;

/// A data directory with one data source.
pub(super) struct Kept {
    dir: PathBuf,
    source_id: u64,
}

/// What one sync took inside the store.
pub(super) struct Synced {
    /// Storing the steps.
    pub(super) steps_seconds: f64,
    /// Of that, what the processor did; the rest is waiting for the disk. None where the system does not tell.
    pub(super) steps_processor_seconds: Option<f64>,
    /// What the disk alone takes to make as many commits durable.
    pub(super) disk_seconds: f64,
    pub(super) seal_seconds: f64,
    /// What the store did not do: making the records.
    pub(super) generating_seconds: f64,
    pub(super) records: u64,
    pub(super) commits: u64,
    pub(super) facts: u64,
}

impl Synced {
    pub(super) fn seconds(&self) -> f64 {
        self.steps_seconds + self.seal_seconds
    }
}

/// What opening a snapshot took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Opened {
    pub(super) seconds: f64,
    pub(super) peak_bytes: Option<u64>,
    /// Pairs of account and application, which took no part in the time.
    pub(super) pairs: u64,
}

impl Kept {
    /// A new one.
    pub(super) fn new(dir: PathBuf) -> Result<Self> {
        let store = Store::open(&dir, OpenMode::Write).map_err(failed("make a store"))?;
        let vault = store.unlock(None).map_err(failed("make a key"))?;
        let new = NewSource {
            name: "measured".to_owned(),
            connector: "okta".to_owned(),
            tenant: Tenant { id: "00o1".to_owned(), name: "acme.example.com".to_owned() },
            address: "https://acme.example.com".to_owned(),
            settings: serde_json::json!({}),
            owner_email: None,
            added: Organisation::now(0),
            allow_loopback_http: false,
        };
        let credential = BTreeMap::from([("token".to_owned(), Secret::new("none"))]);
        let source = store.add_source(&vault, new, &credential).map_err(failed("add a data source"))?;
        Ok(Self { dir, source_id: source.id })
    }

    /// The same in another directory.
    pub(super) fn copy_to(&self, dir: PathBuf) -> Result<Self> {
        crate::scratch::copy_dir(&self.dir, &dir)
            .map_err(|error| Failure::new(format!("the store could not be copied: {error}")))?;
        Ok(Self { dir, source_id: self.source_id })
    }

    /// Reads everything of a state.
    pub(super) fn sync_full(&self, organisation: &Organisation, state: u32) -> Result<Synced> {
        self.sync(organisation, state, true, organisation.full(state))
    }

    /// Reads what changed with a state.
    pub(super) fn sync_changes(&self, organisation: &Organisation, state: u32) -> Result<Synced> {
        self.sync(organisation, state, false, organisation.incremental(state))
    }

    fn sync(
        &self,
        organisation: &Organisation,
        state: u32,
        full: bool,
        mut pages: impl Iterator<Item = Page>,
    ) -> Result<Synced> {
        let store = Store::open(&self.dir, OpenMode::Write).map_err(failed("open the store"))?;
        let now = Organisation::now(state);
        let mut generating_seconds = 0.0;
        let mut next_batch = || {
            let (batch, seconds) = timed(|| pages.by_ref().take(BATCH).collect::<Vec<Page>>());
            generating_seconds += seconds;
            batch
        };
        let durable = crate::scratch::durable_seconds(&self.dir)
            .map_err(|error| Failure::new(format!("the disk could not be measured: {error}")))?;
        let begun = machine::thread_seconds();
        let mut dropping_seconds = 0.0;
        let mut batch = next_batch();
        // Each step adds the task of the page that comes a batch later, so that ids are numbers of pages.
        let tasks: Vec<String> = batch.iter().map(task).collect();
        let (row, mut steps_seconds) = timed(|| store.begin_sync(self.source_id, now, full, &tasks));
        let number = row.map_err(failed("begin a sync"))?.number;
        let (mut task_id, mut records, mut commits) = (0, 0, 0);
        while !batch.is_empty() {
            let following = next_batch();
            let mut then = following.iter().map(task);
            let outcomes: Vec<StepOutcome> = batch
                .into_iter()
                .zip(task_id..)
                .map(|(page, task_id)| outcome(page, task_id, then.next()))
                .collect();
            task_id += outcomes.len() as u64;
            records += outcomes.iter().map(|outcome| outcome.records.len() as u64).sum::<u64>();
            let (stored, seconds) = timed(|| store.commit_steps(self.source_id, &outcomes));
            stored.map_err(failed("store steps"))?;
            steps_seconds += seconds;
            commits += 1;
            dropping_seconds += timed(|| drop(outcomes)).1;
            batch = following;
        }
        // The system tells it only now and then, so that what storing took is what is left of all.
        let processor = begun.zip(machine::thread_seconds());
        let steps_processor_seconds =
            processor.map(|(begun, ended)| ended - begun - generating_seconds - dropping_seconds);
        let parents = Organisation::parents().map(|(dataset, kind)| (dataset.to_owned(), kind));
        let rules = SealRules { parents: BTreeMap::from(parents), ..SealRules::default() };
        let (report, seal_seconds) = timed(|| store.seal(self.source_id, number, now, &rules));
        let report = report.map_err(failed("seal"))?;
        if state > 0 {
            check(&report, organisation.changes(state))?;
        }
        let facts = report.datasets.values().map(|change| change.total).sum();
        Ok(Synced {
            steps_seconds,
            steps_processor_seconds,
            disk_seconds: durable * commits as f64,
            seal_seconds,
            generating_seconds,
            records,
            commits,
            facts,
        })
    }

    /// Bytes that a snapshot and everything before it take on the disk, as small as the database gets.
    pub(super) fn compacted_bytes(&self) -> Result<u64> {
        let compacted = self.copy_to(self.dir.with_extension("compacted"))?.dir;
        let compact = || -> std::result::Result<(), redb::Error> {
            let mut database = redb::Builder::new()
                .set_concurrency_mode(redb::ConcurrencyMode::SingleWriter)
                .create(compacted.join("sightline.redb"))?;
            while database.compact()? {}
            Ok(())
        };
        compact().map_err(|error| Failure::new(format!("the store could not be compacted: {error}")))?;
        let bytes = disk_bytes(&compacted);
        let _ = std::fs::remove_dir_all(&compacted);
        bytes.map_err(|error| Failure::new(format!("the store could not be measured: {error}")))
    }

    /// Bytes that the store takes on the disk as it is.
    pub(super) fn bytes(&self) -> Result<u64> {
        disk_bytes(&self.dir)
            .map_err(|error| Failure::new(format!("the store could not be measured: {error}")))
    }

    /// Opens a snapshot in a process of its own.
    pub(super) fn open_elsewhere(&self, number: u64) -> Result<Opened> {
        let dir = self.dir.to_str().ok_or_else(|| Failure::new("the build directory is no text"))?;
        let (source_id, number) = (self.source_id.to_string(), number.to_string());
        crate::child::ask(&["bench", "open-snapshot", dir, &source_id, &number])
    }
}

impl Opened {
    /// Opens a store and makes a graph of one of its snapshots.
    pub(super) fn measure(dir: &Path, source_id: u64, number: u64) -> Result<Self> {
        let (graph, seconds) = timed(|| {
            let store = Store::open(dir, OpenMode::Read)?;
            let builder = store.read_into(source_id, number, |source, meta, scopes| {
                let about = About {
                    source: source.name,
                    tenant: source.tenant,
                    number: meta.number,
                    started: meta.started,
                    sealed: meta.sealed,
                };
                Graph::builder(about, scopes)
            })?;
            Ok::<_, sightline_store::StoreError>(builder.finish())
        });
        let graph = graph.map_err(failed("open the snapshot"))?;
        let peak_bytes = machine::peak_bytes();
        Ok(Self { seconds, peak_bytes, pairs: graph.effective_pairs() })
    }
}

/// A store that says something else than what was changed is measured for nothing.
fn check(report: &SealReport, expected: Changes) -> Result<()> {
    let of = |dataset: &str| report.datasets.get(dataset).copied().unwrap_or_default();
    let (users, members, app_users) = (of("users"), of("group_members"), of("app_users"));
    let found = (
        users.changed,
        members.added + app_users.added,
        members.removed + app_users.removed,
        members.changed + app_users.changed,
    );
    let Changes { people, added, removed, altered, scopes: _ } = expected;
    if found == (people, added, removed, altered) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "the store found other changes than there are: {found:?} instead of {expected:?}"
    )))
}

/// Something like the checkpoint of a page.
fn task(page: &Page) -> String {
    let Page { scope, records, .. } = page;
    let after = records.first().map(sightline_core::Record::key).unwrap_or_default();
    format!(r#"{{"dataset":"{}","parent":"{}","after":"{after}"}}"#, scope.dataset, scope)
}

fn outcome(page: Page, task_id: u64, then: Option<String>) -> StepOutcome {
    let Page { scope, records, coverage, is_last } = page;
    let mark = match coverage {
        Coverage::Whole => Mark::Complete,
        Coverage::Part => Mark::Part,
        Coverage::Onward => Mark::Onward,
    };
    StepOutcome {
        task_id,
        marks: if is_last { vec![(scope.clone(), mark)] } else { Vec::new() },
        scope,
        records,
        then: then.into_iter().collect(),
        later: Vec::new(),
        absent: Vec::new(),
        full: false,
        tallies: Vec::new(),
        drift: Vec::new(),
    }
}

fn failed(what: &str) -> impl Fn(StoreError) -> Failure {
    move |error| Failure::new(format!("cannot {what}: {error}"))
}
