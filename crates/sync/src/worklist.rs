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
    /// Hashes of the tasks of the same scope that led here, one after the other.
    chain: Vec<u64>,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Since when it is refused for the rate limit.
    pub(crate) refused_since: Option<Instant>,
}

impl Work {
    /// Whether a task that this one leads to was read on the way here: a list that leads back to itself never ends.
    pub(crate) fn leads_back_to(&self, next: &RawTask) -> bool {
        next.json == self.task.json || self.chain.contains(&hash(next))
    }

    /// The tasks of its scope that lead to what comes after this one.
    fn chain_to(&self, next: &RawTask) -> Vec<u64> {
        if next.about.scope != self.task.about.scope {
            return Vec::new();
        }
        self.chain.iter().copied().chain([hash(&self.task)]).collect()
    }
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
    /// Whether the same task was added before: an object that is listed twice leads twice to its parts.
    pub(crate) fn knows(&self, task: &RawTask) -> bool {
        self.known.contains(&hash(task))
    }

    /// Adds a task that a sync begins with or that an interrupted one left.
    pub(crate) fn add(&mut self, id: u64, task: RawTask) {
        self.insert(id, task, Vec::new());
    }

    /// Adds a task that a step led to.
    pub(crate) fn add_after(&mut self, from: &Work, id: u64, task: RawTask) {
        let chain = from.chain_to(&task);
        self.insert(id, task, chain);
    }

    fn insert(&mut self, id: u64, task: RawTask, chain: Vec<u64>) {
        self.known.insert(hash(&task));
        *self.open_datasets.entry(task.about.scope.dataset.clone()).or_default() += 1;
        self.open_scopes.entry(task.about.scope.clone()).or_default().count(&task, 1);
        self.put(Work { id, task, chain, attempts: 0, refused_since: None });
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
        assert!(list.knows(&page), "it is being done");
        list.done(&page);
        assert!(list.knows(&page));
    }

    #[test]
    fn a_list_leads_back_to_itself_when_a_page_comes_twice_on_one_way() {
        let mut list = Worklist::default();
        let page = |name: &str| task(name, "users", "users", 80, &[]);
        let pop = |list: &mut Worklist| list.pop("users").unwrap();
        list.add(1, page("one"));
        let one = pop(&mut list);
        list.add_after(&one, 2, page("two"));
        let two = pop(&mut list);
        assert!(two.leads_back_to(&page("one")) && two.leads_back_to(&page("two")));
        assert!(!two.leads_back_to(&page("three")));
    }

    #[test]
    fn two_ways_to_one_task_do_not_lead_back() {
        let mut list = Worklist::default();
        let targets = task("targets of a role", "roles", "groups", 50, &[]);
        list.add(1, targets.clone());
        list.pop("groups");
        list.done(&targets);
        list.add(2, task("roles, again after an interruption", "roles", "groups", 50, &[]));
        let again = list.pop("groups").unwrap();
        assert!(list.knows(&targets) && !again.leads_back_to(&targets));
    }
}
