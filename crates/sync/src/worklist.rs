//! Which task is next, and when a scope has been read completely.

use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use sightline_core::{Coverage, RawTask, Scope};
use tokio::time::Instant;

/// A task of the sync in progress.
#[derive(Debug)]
pub(crate) struct Work {
    /// Its id in the store.
    pub(crate) id: u64,
    pub(crate) task: RawTask,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Since when it is refused for the rate limit.
    pub(crate) refused_since: Option<Instant>,
}

impl PartialEq for Work {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Work {}

impl PartialOrd for Work {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Work {
    /// Long chains first; then the newest, so that what is begun is finished and the list stays short.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.task.about.rank, self.id).cmp(&(other.task.about.rank, other.id))
    }
}

/// Tasks that are not done, in memory; the store holds the same.
#[derive(Debug, Default)]
pub(crate) struct Worklist {
    ready: BTreeMap<&'static str, BinaryHeap<Work>>,
    /// Waiting for other datasets to be finished.
    waiting: Vec<Work>,
    /// Tasks of a dataset that are not done.
    open_datasets: FxHashMap<String, u64>,
    /// Tasks of a scope that are not done: all of them, and those that with others read the whole of it.
    open_scopes: FxHashMap<Scope, Open>,
    /// Hashes of all tasks that were ever added.
    known: FxHashSet<u64>,
    /// Hashes of those that are not done.
    open: FxHashSet<u64>,
}

/// Numbers of tasks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) all: i64,
    pub(crate) whole: i64,
}

impl Open {
    /// Counts a task in, or out.
    pub(crate) fn count(&mut self, task: &RawTask, by: i64) {
        self.all += by;
        if task.about.coverage == Coverage::Whole {
            self.whole += by;
        }
    }
}

fn hash(task: &RawTask) -> u64 {
    let mut hasher = FxHasher::default();
    task.json.hash(&mut hasher);
    hasher.finish()
}

impl Worklist {
    /// Whether the same task was added before: a list that leads back to itself.
    pub(crate) fn knows(&self, task: &RawTask) -> bool {
        self.known.contains(&hash(task))
    }

    /// Whether the same task is still to be done, or being done.
    pub(crate) fn is_open(&self, task: &RawTask) -> bool {
        self.open.contains(&hash(task))
    }

    /// Adds a task.
    pub(crate) fn add(&mut self, id: u64, task: RawTask) {
        self.known.insert(hash(&task));
        self.open.insert(hash(&task));
        *self.open_datasets.entry(task.about.scope.dataset.clone()).or_default() += 1;
        self.open_scopes.entry(task.about.scope.clone()).or_default().count(&task, 1);
        self.put(Work { id, task, attempts: 0, refused_since: None });
    }

    /// Puts a task back that is to be tried again.
    pub(crate) fn put(&mut self, work: Work) {
        if work.task.about.after.iter().any(|dataset| self.open_datasets.contains_key(*dataset)) {
            self.waiting.push(work);
        } else {
            self.ready.entry(work.task.about.bucket).or_default().push(work);
        }
    }

    /// Buckets with tasks that are ready, the one with the most urgent task first.
    pub(crate) fn buckets(&self) -> Vec<&'static str> {
        let mut buckets: Vec<(&Work, &'static str)> =
            self.ready.iter().filter_map(|(bucket, works)| Some((works.peek()?, *bucket))).collect();
        buckets.sort_by(|one, other| other.0.cmp(one.0));
        buckets.into_iter().map(|(_, bucket)| bucket).collect()
    }

    /// Takes the most urgent task of a bucket.
    pub(crate) fn pop(&mut self, bucket: &str) -> Option<Work> {
        self.ready.get_mut(bucket)?.pop()
    }

    /// Tasks of a scope that are not done.
    pub(crate) fn open_in(&self, scope: &Scope) -> Open {
        self.open_scopes.get(scope).copied().unwrap_or_default()
    }

    /// Notes that a task is done for good, and lets those go on that waited for its dataset.
    pub(crate) fn done(&mut self, task: &RawTask) {
        self.open.remove(&hash(task));
        let scope = &task.about.scope;
        if let Some(open) = self.open_scopes.get_mut(scope) {
            open.count(task, -1);
            if open.all == 0 {
                self.open_scopes.remove(scope);
            }
        }
        let Some(open) = self.open_datasets.get_mut(&scope.dataset) else { return };
        *open -= 1;
        if *open > 0 {
            return;
        }
        self.open_datasets.remove(&scope.dataset);
        for work in std::mem::take(&mut self.waiting) {
            self.put(work);
        }
    }

    /// Tasks that wait or are ready.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.ready.values().map(BinaryHeap::len).sum::<usize>()
    }

    /// Lets tasks go that wait for each other: a mistake of a connector must not hold a sync up for ever.
    pub(crate) fn release_waiting(&mut self) {
        for work in std::mem::take(&mut self.waiting) {
            self.ready.entry(work.task.about.bucket).or_default().push(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use sightline_core::About;

    use super::*;

    fn task(
        name: &str,
        dataset: &str,
        bucket: &'static str,
        rank: u8,
        after: &'static [&'static str],
    ) -> RawTask {
        let about = About { scope: Scope::listing(dataset), coverage: Coverage::Whole, bucket, after, rank };
        RawTask { json: format!("{name:?}"), label: name.to_owned(), about }
    }

    #[test]
    fn long_chains_come_first_and_then_the_newest() {
        let mut list = Worklist::default();
        list.add(1, task("users 1", "users", "users", 80, &[]));
        list.add(2, task("members a", "members", "groups", 50, &[]));
        list.add(3, task("members b", "members", "groups", 50, &[]));
        assert_eq!(list.buckets(), ["users", "groups"]);
        assert_eq!(list.pop("groups").map(|work| work.task.label), Some("members b".to_owned()));
        assert_eq!(list.pop("groups").map(|work| work.task.label), Some("members a".to_owned()));
        assert!(list.pop("groups").is_none());
    }

    #[test]
    fn a_task_waits_for_the_datasets_it_names() {
        let mut list = Worklist::default();
        let (first, second) =
            (task("users 1", "users", "users", 80, &[]), task("users 2", "users", "users", 80, &[]));
        list.add(1, first.clone());
        list.add(2, task("check", "members", "groups", 10, &["users"]));
        assert_eq!(list.buckets(), ["users"]);
        list.pop("users");
        list.add(3, second.clone());
        list.done(&first);
        assert_eq!(list.buckets(), ["users"], "the second page is not done");
        list.pop("users");
        assert_eq!(list.open_in(&Scope::listing("users")), Open { all: 1, whole: 1 });
        list.done(&second);
        assert_eq!(list.buckets(), ["groups"]);
    }

    #[test]
    fn a_task_that_was_there_before_is_known() {
        let mut list = Worklist::default();
        let page = task("page x", "users", "users", 80, &[]);
        assert!(!list.knows(&page));
        list.add(1, page.clone());
        list.pop("users");
        assert!(list.is_open(&page), "it is being done");
        list.done(&page);
        assert!(list.knows(&page) && !list.is_open(&page));
    }
}
