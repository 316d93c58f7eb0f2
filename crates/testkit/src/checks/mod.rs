//! The checks: what a connector has to do, clause by clause.

mod changes;
mod paging;
mod property;
mod reading;
mod refusals;
mod troubles;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use sightline_core::Scope;

use crate::bed::json;
use crate::compare::{Cover, differences};
use crate::{Kit, Outcome, World};

/// What a check says: nothing, or what differed.
pub type Verdict = Result<(), String>;

type Running<'a> = Pin<Box<dyn Future<Output = Verdict> + 'a>>;

/// One check.
pub struct Check {
    /// The clauses of `connectors/README.md` that it enforces.
    pub clauses: &'static [u8],
    /// What it is called.
    pub name: &'static str,
    run: for<'a> fn(&'a Kit) -> Running<'a>,
}

macro_rules! checks {
    ($($clauses:expr, $module:ident :: $name:ident;)*) => {
        &[$(Check {
            clauses: &$clauses,
            name: stringify!($name),
            run: |kit| Box::pin($module::$name(kit)),
        }),*]
    };
}

/// Every check, the longest first.
pub const CHECKS: &[Check] = checks! {
    [3, 4, 5, 9, 18, 20, 22, 23], property::whatever_goes_wrong_is_a_gap_and_closes_nothing;
    [9, 18], refusals::a_refused_dataset_costs_nothing_else;
    [9, 23], troubles::what_passes_costs_nothing;
    [21, 22], changes::what_has_changed_is_what_a_full_read_finds;
    [21, 22], changes::late_and_repeated_events_do_no_harm;
    [22], changes::lost_events_are_made_good_by_a_full_read;
    [1, 2, 10, 12, 20, 23], reading::steps_keep_the_rules;
    [1, 2, 22], reading::a_full_read_is_the_truth;
    [4, 14], reading::every_page_is_read;
    [23], reading::a_sync_takes_no_steps_in_vain;
    [3], reading::a_step_may_be_run_twice;
    [3], reading::a_step_needs_nothing_of_the_one_before;
    [7, 8], reading::what_is_strange_is_kept;
    [6], reading::an_odd_object_costs_that_object;
    [11], reading::secrets_are_never_kept;
    [17], reading::crooked_ids_become_no_paths;
    [15], reading::datasets_say_what_is_lost;
    [18], refusals::a_refused_part_is_a_gap_of_that_part;
    [9], refusals::a_refused_credential_stops_the_sync;
    [16], refusals::what_is_never_empty_is_not_believed_to_be;
    [10], refusals::bodies_are_never_told;
    [24], refusals::unread_limits_are_unknown;
    [19], paging::only_the_cursor_of_a_link_is_used;
    [5], paging::a_repeated_cursor_is_an_error;
    [3, 9], troubles::a_credential_that_is_revoked_meanwhile_costs_nothing;
    [3], troubles::an_interrupted_sync_goes_on;
    [9, 20], troubles::an_object_that_vanishes_takes_only_itself_along;
    [23], troubles::what_failed_is_read_by_the_next_sync;
};

/// Clauses that no check of this kit can see broken, and what keeps them.
pub const KEPT_ELSEWHERE: &[(u8, &str)] = &[(
    13,
    "whose host it is, is asked before a data source exists: tests of preflights and of the HTTP client's addresses",
)];

/// Threads that checks run on: most of their time they wait.
const THREADS: usize = 6;

impl Kit {
    /// Runs every check; says which failed, `clause 4: every_page_is_read: what differed`.
    pub fn run_all(&self) -> Vec<String> {
        let all: Vec<&Check> = CHECKS.iter().collect();
        self.run_these(&all)
    }

    /// Runs these checks; says which failed.
    pub fn run_these(&self, checks: &[&Check]) -> Vec<String> {
        let (next, failures) = (Mutex::new(checks.iter()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..THREADS.min(checks.len()) {
                scope.spawn(|| {
                    loop {
                        let check = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                        let Some(check) = check else { return };
                        if let Err(what) = self.run(check) {
                            let clauses: Vec<_> = check.clauses.iter().map(u8::to_string).collect();
                            let failure = format!("clause {}: {}: {what}", clauses.join(", "), check.name);
                            failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                        }
                    }
                });
            }
        });
        failures.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one check, on this thread.
    pub fn run(&self, check: &Check) -> Verdict {
        self.block_on((check.run)(self))
    }

    /// Runs something with this kit on this thread, as a check does.
    ///
    /// # Panics
    ///
    /// Inside an asynchronous runtime.
    pub fn block_on<T>(&self, run: impl Future<Output = T>) -> T {
        // What is logged is listened to by thread, so everything of a check stays on one.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let done = runtime.block_on(run);
        runtime.shutdown_background();
        done
    }
}

/// The check with this name.
///
/// # Panics
///
/// When there is none.
pub fn named(name: &str) -> &'static Check {
    CHECKS.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("there is no check {name}"))
}

impl Outcome {
    /// The truth and nothing but the truth, without a gap.
    pub fn is_whole(&self) -> Verdict {
        if let Err(error) = &self.result {
            return self.wrong(format!("the sync failed: {error}"));
        }
        self.agrees()?;
        if !self.gaps.is_empty() {
            let few = self.gaps.iter().take(4).map(|gap| format!("{}: {}", gap.scope, gap.detail));
            return self.wrong(format!("{} gaps: {}", self.gaps.len(), few.collect::<Vec<_>>().join("; ")));
        }
        Ok(())
    }

    /// No difference to the truth.
    pub fn agrees(&self) -> Verdict {
        self.none_of(&differences(&self.truth, &self.facts))
    }

    /// A snapshot was made, and everything that differs from the truth is covered by a gap.
    pub fn owns_up(&self, kit: &Kit) -> Verdict {
        if let Err(error) = &self.result {
            return self.wrong(format!("the sync failed: {error}"));
        }
        let cover = Cover::of(kit.registration.info, self);
        let full = self.result.as_ref().is_ok_and(|report| report.full);
        if !full && cover.lost_track() {
            return Ok(());
        }
        let unlimited: BTreeSet<&str> =
            self.truth.facts.values().filter_map(|fact| fact.where_unlimited.as_deref()).collect();
        let mut open = differences(&self.truth, &self.facts);
        open.retain(|difference| {
            !cover.covers(&difference.scope) && !unlimited.contains(difference.key.as_str())
        });
        self.none_of(&open)
    }

    /// No clause was broken on the way.
    pub fn keeps_the_rules(&self) -> Verdict {
        match self.broken.first() {
            None => Ok(()),
            Some((clause, what)) => self.wrong(format!("clause {clause}: {what}")),
        }
    }

    fn none_of(&self, differences: &[crate::compare::Difference]) -> Verdict {
        if differences.is_empty() {
            return Ok(());
        }
        let few: Vec<String> = differences
            .iter()
            .take(4)
            .map(|difference| format!("{} in {}: {}", difference.key, difference.scope, difference.what))
            .collect();
        let gaps: Vec<String> = self.gaps.iter().take(6).map(|gap| gap.scope.to_string()).collect();
        self.wrong(format!("{} facts differ: {}; gaps: {gaps:?}", differences.len(), few.join("; ")))
    }

    /// An error that tells the world it happened in.
    pub fn wrong(&self, what: impl std::fmt::Display) -> Verdict {
        Err(format!("{what}\n    world: {}", json(&self.world)))
    }

    fn gap(&self, scope: &Scope) -> Option<&sightline_core::Gap> {
        self.gaps.iter().find(|gap| gap.scope == *scope)
    }
}

/// Seeds of the worlds of the checks; any would do.
const SEED: u64 = 11;

fn tiny() -> World {
    World::of(SEED)
}

/// Paths that nothing is read from without which there is no snapshot.
fn optional_paths(kit: &Kit) -> Vec<&'static str> {
    let (required, optional): (Vec<_>, Vec<_>) =
        kit.registration.info.datasets.iter().partition(|dataset| dataset.required);
    let required: BTreeSet<&str> = required.into_iter().flat_map(|dataset| dataset.reads).copied().collect();
    let paths = optional.into_iter().flat_map(|dataset| dataset.reads).copied();
    paths.filter(|path| !required.contains(path)).collect()
}

/// A path with an id in the place of its placeholder.
fn with_id(path: &str, id: &str) -> String {
    path.replacen("{id}", id, 1)
}

fn that(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}
