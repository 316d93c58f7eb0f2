//! Random syncs against a model that keeps everything in plain maps and knows only the rules.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sightline_core::{Absent, EntityKind, Gap, Principal, Record, Scope};
use sightline_store::{Mark, StepOutcome, StoreError};

use crate::made::*;

/// A fact with the syncs that first and last saw it.
type Fact = (Record, u64, u64);

#[derive(Debug, Clone, Default, PartialEq)]
struct ScopeModel {
    complete: Option<u64>,
    gap: Option<Gap>,
    facts: BTreeMap<String, Fact>,
}

type State = BTreeMap<Scope, ScopeModel>;

type Numbers = BTreeMap<String, u64>;

/// What is known of a sealed sync besides its state.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    full: bool,
    numbers: Numbers,
}

/// One step: a scope, what was read of it and found absent, how it was marked, and what it added up.
#[derive(Debug, Clone)]
struct PlannedStep {
    scope: Scope,
    records: Vec<Record>,
    absent: Vec<Absent>,
    mark: Option<Mark>,
    full: bool,
    numbers: Vec<(String, u64)>,
}

#[derive(Debug, Clone)]
struct PlannedSync {
    steps: Vec<PlannedStep>,
    /// Steps per transaction.
    batch: usize,
    full: bool,
    abandon: bool,
    reopen: bool,
    /// Snapshots to give up after it, by their order from the oldest.
    prune: Vec<usize>,
}

fn parents() -> BTreeMap<String, EntityKind> {
    rules().parents
}

fn scopes() -> Vec<Scope> {
    let mut scopes = vec![
        listing("users"),
        listing("more_users"),
        listing("groups"),
        listing("activity"),
        listing("mixed"),
        listing("devices"),
        under("device_users", "d0"),
        under("device_users", "d1"),
    ];
    for group in ["g0", "g1", "g2"] {
        scopes.push(under("members", group));
        scopes.push(under("group_roles", group));
    }
    for role in ["r0", "r1", "r2"] {
        scopes.push(under("holders", role));
    }
    scopes.push(under("unruled", "g0"));
    scopes.push(under("app_users", "a0"));
    scopes.push(under("app_users", "a/1"));
    scopes.push(under("app_mixed", "a0"));
    scopes
}

/// A record that may be in the scope, picked by small numbers so that the same facts come again and again.
fn record_in(scope: &Scope, pick: u8, other: u8, version: u8) -> Record {
    let parent = scope.parent.clone().unwrap_or_default();
    let name = format!("v{version}");
    let user = format!("u{pick}");
    match scope.dataset.as_str() {
        "users" | "more_users" => account(&user, &name),
        "groups" => group(&format!("g{}", pick % 3), &name),
        "activity" => used(
            &user,
            &format!("a{}", other % 2),
            i64::from(version),
            i64::from(version + other),
            u64::from(other),
        ),
        "mixed" if pick.is_multiple_of(2) => account(&user, &name),
        "mixed" => member(&format!("g{}", other % 3), &user),
        "members" | "unruled" => member(&parent, &user),
        "app_users" => assigned(&parent, Principal::Account(user), version * 8 + other * 2 + pick / 3),
        // Both kinds of edges, and some that are not about the parent or not about an account.
        "app_mixed" => match pick {
            0 => member(&parent, &format!("u{other}")),
            1 => assigned("a9", Principal::Account(format!("u{other}")), version),
            2 => assigned(&parent, Principal::Group(format!("g{other}")), version),
            _ => assigned(&parent, Principal::Account(format!("u{other}")), version),
        },
        "group_roles" => role(&format!("r{}", pick % 3), &name),
        "holders" => holds(&parent, &user),
        "devices" => device(&format!("d{}", pick % 2), &name),
        "device_users" => uses(&parent, &user),
        other => panic!("no records for {other}"),
    }
}

fn absent_in(scope: &Scope, what: u8, pick: u8, other: u8) -> Absent {
    match what {
        0..=3 => Absent::Fact(record_in(scope, pick, other, 0).key()),
        4 => Absent::Entity(EntityKind::Group, format!("g{}", pick % 3)),
        5 => Absent::Entity(EntityKind::Role, format!("r{}", pick % 3)),
        6 => Absent::Entity(EntityKind::Device, format!("d{}", pick % 2)),
        _ => Absent::Entity(EntityKind::Account, format!("u{pick}")),
    }
}

fn step() -> impl Strategy<Value = PlannedStep> {
    let scope = proptest::sample::select(scopes());
    let picks = proptest::collection::vec((0_u8..5, 0_u8..4, 0_u8..2), 0..6);
    let absences = (0_usize..4).prop_flat_map(|many| {
        // Most steps find nothing absent.
        proptest::collection::vec((0_u8..8, 0_u8..5, 0_u8..4), 0..=many.saturating_sub(1))
    });
    let names = proptest::sample::select(vec!["seen", "admins", "shrunk.users"]);
    let numbers = proptest::collection::vec((names.prop_map(str::to_owned), 0_u64..3), 0..2);
    (scope, picks, absences, 0_u8..13, proptest::bool::weighted(0.03), numbers).prop_map(
        |(scope, picks, absences, mark, full, numbers)| {
            let records = picks
                .into_iter()
                .map(|(pick, other, version)| record_in(&scope, pick, other, version))
                .collect();
            let absent = absences
                .into_iter()
                .map(|(what, pick, other)| absent_in(&scope, what, pick, other))
                .collect();
            let mark = match mark {
                0..=4 => Some(Mark::Complete),
                5 => Some(Mark::Empty),
                6 | 7 => Some(Mark::Gap(gap(&scope))),
                8 | 9 => Some(Mark::Part),
                10 if scope.parent.is_some() => Some(Mark::Gone),
                11 => Some(Mark::Onward),
                _ => None,
            };
            PlannedStep { scope, records, absent, mark, full, numbers }
        },
    )
}

fn planned_sync() -> impl Strategy<Value = PlannedSync> {
    let steps = proptest::collection::vec(step(), 0..14);
    let rarely = || proptest::bool::weighted(0.1);
    let prune = proptest::collection::vec(0_usize..8, 0..3);
    let prune =
        (proptest::bool::weighted(0.3), prune).prop_map(|(any, which)| if any { which } else { vec![] });
    (steps, 1_usize..5, proptest::bool::weighted(0.3), rarely(), rarely(), prune).prop_map(
        |(steps, batch, full, abandon, reopen, prune)| PlannedSync {
            steps,
            batch,
            full,
            abandon,
            reopen,
            prune,
        },
    )
}

/// Whether the last that was heard of the entity is that it is gone; inside a step that is heard last.
fn is_absent(steps: &[PlannedStep], kind: EntityKind, id: &str) -> bool {
    let absence = Absent::Entity(kind, id.to_owned());
    let absent = steps.iter().rposition(|step| step.absent.contains(&absence));
    let read =
        steps.iter().rposition(|step| step.records.iter().any(|record| record.entity() == Some((kind, id))));
    absent.is_some() && absent >= read
}

/// What is known of a sync that was sealed after another one.
fn know(before: &Known, sync: &PlannedSync) -> Known {
    let full = sync.full || sync.steps.iter().any(|step| step.full);
    let mut added = Numbers::new();
    for (name, number) in sync.steps.iter().flat_map(|step| &step.numbers) {
        *added.entry(name.clone()).or_default() += number;
    }
    let mut numbers = if full { Numbers::new() } else { before.numbers.clone() };
    numbers.remove("shrunk.users");
    numbers.extend(added);
    Known { full, numbers }
}

fn mark_of(steps: &[PlannedStep], scope: &Scope) -> Option<Mark> {
    let marks: Vec<&Mark> =
        steps.iter().filter(|step| step.scope == *scope).filter_map(|step| step.mark.as_ref()).collect();
    let last = |wanted: &dyn Fn(&Mark) -> bool| {
        marks.iter().rev().find(|mark| wanted(mark)).map(|&mark| mark.clone())
    };
    last(&|mark| *mark == Mark::Gone)
        .or_else(|| last(&|mark| matches!(mark, Mark::Gap(_))))
        .or_else(|| last(&|mark| matches!(mark, Mark::Complete | Mark::Empty)))
        .or_else(|| last(&|_| true))
}

fn entities(state: &State) -> BTreeSet<(EntityKind, String)> {
    let facts = state.values().flat_map(|scope| scope.facts.values());
    facts.filter_map(|(record, ..)| record.entity().map(|(kind, id)| (kind, id.to_owned()))).collect()
}

/// The next state by the rules: all scopes are decided on their own, then what has lost its parent is taken away again
/// and again until nothing more goes.
fn seal(before: &State, steps: &[PlannedStep], number: u64) -> State {
    let parent_of = |scope: &Scope| Some((*parents().get(&scope.dataset)?, scope.parent.clone()?));
    let touched: BTreeSet<Scope> = steps
        .iter()
        .filter(|step| step.mark.is_some() || !step.records.is_empty())
        .map(|step| step.scope.clone())
        .collect();
    let mut gone: BTreeSet<(EntityKind, String)> = touched
        .iter()
        .filter(|scope| mark_of(steps, scope) == Some(Mark::Gone))
        .filter_map(parent_of)
        .collect();
    for absent in steps.iter().flat_map(|step| &step.absent) {
        if let Absent::Entity(kind, id) = absent
            && is_absent(steps, *kind, id)
        {
            gone.insert((*kind, id.clone()));
        }
    }

    let mut after = before.clone();
    let mut whole = BTreeSet::new();
    let known = steps.iter().map(|step| &step.scope).filter(|scope| before.contains_key(*scope));
    for scope in known.chain(&touched).collect::<BTreeSet<_>>() {
        let mark = mark_of(steps, scope);
        let is_whole = matches!(mark, Some(Mark::Complete | Mark::Empty));
        let state = after.entry(scope.clone()).or_default();
        let old = state.facts.clone();
        if is_whole {
            whole.insert(scope.clone());
            state.facts.clear();
        }
        for step in steps.iter().filter(|step| step.scope == *scope) {
            for record in &step.records {
                let key = record.key();
                let first = old.get(&key).map_or(number, |(_, first, _)| *first);
                let record = match state.facts.get(&key) {
                    Some((earlier, ..)) => record.clone().over(earlier),
                    None => record.clone(),
                };
                state.facts.insert(key, (record, first, number));
            }
            for absent in &step.absent {
                if let Absent::Fact(key) = absent {
                    state.facts.remove(key);
                }
            }
        }
        match mark {
            Some(Mark::Complete | Mark::Empty | Mark::Onward) => {
                (state.complete, state.gap) = (Some(number), None);
            }
            Some(Mark::Part) => {
                let earlier = before.get(scope);
                if earlier.is_none_or(|earlier| earlier.complete.is_some() && earlier.gap.is_none()) {
                    state.complete = Some(number);
                }
            }
            Some(Mark::Gap(gap)) => state.gap = Some(gap),
            Some(Mark::Gone) => {
                after.remove(scope);
            }
            None => {}
        }
    }
    // A listing proves an absence when every scope that has or had things of the kind was read completely.
    let holds = |scope: &Scope, kind: EntityKind| {
        let read = steps.iter().filter(|step| step.scope == *scope).flat_map(|step| &step.records);
        let old = before.get(scope).into_iter().flat_map(|state| state.facts.values().map(|fact| &fact.0));
        read.chain(old).any(|record| record.entity().is_some_and(|(of, _)| of == kind))
    };
    let all: BTreeSet<Scope> = before.keys().chain(&touched).cloned().collect();
    let listed = |kind| {
        let holders: Vec<&Scope> = all.iter().filter(|scope| holds(scope, kind)).collect();
        !holders.is_empty() && holders.iter().all(|scope| whole.contains(scope))
    };
    for state in after.values_mut() {
        state.facts.retain(|_, (record, ..)| {
            let is_gone = |kind, id: &str| gone.contains(&(kind, id.to_owned()));
            !refers_to(record, &is_gone) && record.entity().is_none_or(|(kind, id)| !is_gone(kind, id))
        });
    }
    let earlier = entities(before);
    loop {
        let there = entities(&after);
        let count = after.len();
        after.retain(|scope, _| match parent_of(scope) {
            Some(parent) if gone.contains(&parent) => false,
            Some(parent) => there.contains(&parent) || !(earlier.contains(&parent) || listed(parent.0)),
            None => true,
        });
        if after.len() == count {
            return after;
        }
    }
}

/// Whether a relation refers to one of these; what was done stays whatever becomes of it.
fn refers_to(record: &Record, is_one: &dyn Fn(EntityKind, &str) -> bool) -> bool {
    match record {
        Record::Membership(edge) => {
            is_one(EntityKind::Group, &edge.group) || is_one(EntityKind::Account, &edge.account)
        }
        Record::Holding(edge) => {
            is_one(EntityKind::Role, &edge.role) || is_one(edge.principal.kind(), edge.principal.id())
        }
        Record::Assignment(edge) => {
            is_one(EntityKind::Resource, &edge.resource) || is_one(edge.principal.kind(), edge.principal.id())
        }
        Record::DeviceUse(edge) => {
            is_one(EntityKind::Device, &edge.device) || is_one(EntityKind::Account, &edge.account)
        }
        _ => false,
    }
}

fn dangling(state: &State) -> BTreeMap<String, u64> {
    let there = entities(state);
    let has = |kind, id: &str| there.contains(&(kind, id.to_owned()));
    let mut counts = BTreeMap::new();
    for (scope, model) in state {
        for (record, ..) in model.facts.values() {
            let complete = match record {
                Record::Membership(edge) => {
                    has(EntityKind::Group, &edge.group) && has(EntityKind::Account, &edge.account)
                }
                Record::Holding(edge) => {
                    has(EntityKind::Role, &edge.role) && has(edge.principal.kind(), edge.principal.id())
                }
                Record::Assignment(edge) => {
                    has(EntityKind::Resource, &edge.resource)
                        && has(edge.principal.kind(), edge.principal.id())
                }
                Record::Usage(usage) => {
                    has(EntityKind::Account, &usage.account)
                        && usage.resource.as_ref().is_none_or(|id| has(EntityKind::Resource, id))
                }
                Record::DeviceUse(edge) => {
                    has(EntityKind::Device, &edge.device) && has(EntityKind::Account, &edge.account)
                }
                _ => true,
            };
            if !complete {
                *counts.entry(scope.dataset.clone()).or_default() += 1;
            }
        }
    }
    counts
}

/// Added, removed, changed and total facts per dataset, leaving out datasets with nothing at all.
fn changes(before: &State, after: &State) -> BTreeMap<String, (u64, u64, u64, u64)> {
    let mut changes: BTreeMap<String, (u64, u64, u64, u64)> = BTreeMap::new();
    let nothing = ScopeModel::default();
    for scope in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.get(scope).unwrap_or(&nothing), after.get(scope).unwrap_or(&nothing));
        let change = changes.entry(scope.dataset.clone()).or_default();
        change.0 += new.facts.keys().filter(|key| !old.facts.contains_key(*key)).count() as u64;
        change.1 += old.facts.keys().filter(|key| !new.facts.contains_key(*key)).count() as u64;
        let differs =
            |(key, fact): &(&String, &Fact)| old.facts.get(*key).is_some_and(|older| older.0 != fact.0);
        change.2 += new.facts.iter().filter(differs).count() as u64;
        change.3 += new.facts.len() as u64;
    }
    changes.retain(|_, change| *change != (0, 0, 0, 0));
    changes
}

fn run(made: &Made, sync: &PlannedSync) -> u64 {
    let tasks: Vec<String> = sync.steps.iter().map(|step| step.scope.to_string()).collect();
    let row = made.store.begin_sync(made.source, time(1), sync.full, &tasks).unwrap();
    let outcomes: Vec<StepOutcome> = sync
        .steps
        .iter()
        .enumerate()
        .map(|(id, step)| StepOutcome {
            records: step.records.clone(),
            absent: step.absent.clone(),
            full: step.full,
            tallies: step.numbers.clone(),
            marks: step.mark.iter().map(|mark| (step.scope.clone(), mark.clone())).collect(),
            ..outcome(id as u64, step.scope.clone())
        })
        .collect();
    for batch in outcomes.chunks(sync.batch) {
        made.store.commit_steps(made.source, batch).unwrap();
    }
    row.number
}

fn check(made: &Made, number: u64, state: &State) -> Result<(), TestCaseError> {
    let snapshot = made.store.snapshot(made.source, number).unwrap();
    let mut read = State::new();
    for scope in &snapshot.scopes {
        let model = ScopeModel { complete: scope.complete, gap: scope.gap.clone(), facts: BTreeMap::new() };
        read.insert(scope.scope.clone(), model);
    }
    for fact in &snapshot.facts {
        let scope = &snapshot.scopes[fact.scope as usize].scope;
        let facts = &mut read.get_mut(scope).unwrap().facts;
        facts.insert(fact.record.key(), (fact.record.clone(), fact.first_seen, fact.last_seen));
    }
    prop_assert_eq!(&read, state, "snapshot {}", number);
    let order: Vec<(u32, String)> =
        snapshot.facts.iter().map(|fact| (fact.scope, fact.record.key())).collect();
    prop_assert!(order.is_sorted_by(|a, b| a < b), "facts are in order, each once");
    prop_assert!(snapshot.scopes.is_sorted_by(|a, b| a.scope < b.scope));
    for scope in &snapshot.scopes {
        prop_assert_eq!(scope.facts, state[&scope.scope].facts.len() as u64);
    }
    prop_assert_eq!(&snapshot.dangling, &dangling(state), "snapshot {}", number);
    prop_assert_eq!(&made.store.scopes(made.source, number).unwrap(), &snapshot.scopes);
    check_parts(made, number, &snapshot)
}

/// Facts that are asked for alone or by kind are those of the snapshot, and what is not there is not found.
fn check_parts(made: &Made, number: u64, snapshot: &sightline_core::Snapshot) -> Result<(), TestCaseError> {
    let keys: BTreeSet<String> = snapshot.facts.iter().map(|fact| fact.record.key()).collect();
    let by_place: BTreeMap<(u32, String), &sightline_core::Fact> =
        snapshot.facts.iter().map(|fact| ((fact.scope, fact.record.key()), fact)).collect();
    for (at, state) in (0..).zip(&snapshot.scopes) {
        for key in &keys {
            let found = made.store.fact(made.source, number, &state.scope, key).unwrap();
            let found = found.map(|fact| sightline_core::Fact { scope: at, ..fact });
            prop_assert_eq!(
                found.as_ref(),
                by_place.get(&(at, key.clone())).copied(),
                "{} in {}",
                key,
                state.scope
            );
        }
    }
    for kinds in [&["account", "membership"][..], &["assignment"], &["holding", "device_use", "role"], &[]] {
        let is_wanted = |fact: &sightline_core::Fact| {
            kinds.iter().any(|kind| fact.record.key().split('/').next() == Some(*kind))
        };
        let mut found = Vec::new();
        let scopes = made.store.visit_kinds(made.source, number, kinds, |fact| found.push(fact)).unwrap();
        prop_assert_eq!(&scopes, &snapshot.scopes);
        let expected: Vec<_> = snapshot.facts.iter().filter(|fact| is_wanted(fact)).cloned().collect();
        prop_assert_eq!(found, expected);
    }
    Ok(())
}

/// The differences between two states are those that the store tells, and laid over the first they give the second.
fn check_diff(made: &Made, from: u64, to: u64, history: &[State]) -> Result<(), TestCaseError> {
    let facts = |state: &State| -> BTreeMap<(Scope, String), (Record, u64)> {
        let scopes = state.iter();
        scopes
            .flat_map(|(scope, model)| {
                model.facts.iter().map(|(key, fact)| ((scope.clone(), key.clone()), (fact.0.clone(), fact.1)))
            })
            .collect()
    };
    let (before, after) = (facts(&history[from as usize]), facts(&history[to as usize]));
    let mut patched = before.clone();
    let mut told = 0;
    let mut wrong = None;
    made.store
        .diff(made.source, from, to, |change| {
            let Some(fact) = change.after.as_ref().or(change.before.as_ref()) else { return };
            let place = (change.scope.clone(), fact.record.key());
            told += 1;
            let old = change.before.as_ref().map(|fact| (fact.record.clone(), fact.first_seen));
            let new = change.after.as_ref().map(|fact| (fact.record.clone(), fact.first_seen));
            if old.as_ref() != before.get(&place)
                || new.as_ref().map(|new| &new.0) == old.as_ref().map(|old| &old.0)
            {
                wrong = Some(change.clone());
            }
            match new {
                Some(new) => patched.insert(place, new),
                None => patched.remove(&place),
            };
        })
        .unwrap();
    prop_assert_eq!(wrong, None);
    let records = |facts: BTreeMap<(Scope, String), (Record, u64)>| -> BTreeMap<(Scope, String), Record> {
        facts.into_iter().map(|(place, (record, _))| (place, record)).collect()
    };
    let (before, after) = (records(before), records(after));
    let differ = before.iter().filter(|(place, record)| after.get(*place) != Some(record)).count()
        + after.keys().filter(|place| !before.contains_key(*place)).count();
    prop_assert_eq!(told, differ);
    prop_assert_eq!(records(patched), after);
    Ok(())
}

/// Enough for every build; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_snapshot_is_what_the_rules_say(syncs in proptest::collection::vec(planned_sync(), 1..9)) {
        let mut made = made();
        let mut history = vec![State::new()];
        let mut knowledge = vec![Known::default()];
        let mut pruned: BTreeSet<u64> = BTreeSet::new();
        for sync in &syncs {
            let before = history.last().unwrap();
            let number = run(&made, sync);
            prop_assert_eq!(number, history.len() as u64);
            if sync.reopen {
                made = made.reopened();
            }
            prop_assert!(made.store.has_sync_in_progress(made.source).unwrap());
            let known = know(knowledge.last().unwrap(), sync);
            prop_assert_eq!(made.store.resume(made.source).unwrap().unwrap().row.full, known.full);
            if sync.abandon {
                made.store.abandon_sync(made.source).unwrap();
                continue;
            }
            knowledge.push(known);
            let after = seal(before, &sync.steps, number);
            let report = made.store.seal(made.source, number, time(2), &rules()).unwrap();
            let mut reported: BTreeMap<_, _> = report
                .datasets
                .iter()
                .map(|(dataset, change)| (dataset.clone(), (change.added, change.removed, change.changed, change.total)))
                .collect();
            reported.retain(|_, change| *change != (0, 0, 0, 0));
            prop_assert_eq!(reported, changes(before, &after));
            prop_assert_eq!(report.scopes, after.len() as u64);
            prop_assert_eq!(report.gaps, after.values().filter(|scope| scope.gap.is_some()).count() as u64);
            check(&made, number, &after)?;
            history.push(after);
            prop_assert!(!made.store.has_sync_in_progress(made.source).unwrap());
            let last_full = made.store.last_full(made.source).unwrap().map_or(0, |meta| meta.number);
            let expected = knowledge.iter().rposition(|known| known.full).unwrap_or(0);
            prop_assert_eq!(last_full, expected as u64);
            // The newest is asked for as well, and stays.
            let given_up: Vec<u64> =
                sync.prune.iter().map(|&at| at as u64 + 1).filter(|&at| at < history.len() as u64).collect();
            if !given_up.is_empty() {
                made.store.prune(made.source, &given_up).unwrap();
                pruned.extend(given_up.into_iter().filter(|&at| at + 1 < history.len() as u64));
                check(&made, number, history.last().unwrap())?;
            }
        }
        let metas = made.store.all_snapshots(made.source).unwrap();
        let kept: Vec<u64> = made.store.snapshots(made.source).unwrap().iter().map(|meta| meta.number).collect();
        let numbers = 1..history.len() as u64;
        prop_assert_eq!(&kept, &numbers.filter(|number| !pruned.contains(number)).collect::<Vec<_>>());
        let stored: Vec<Known> =
            metas.into_iter().map(|meta| Known { full: meta.full, numbers: meta.tallies.0 }).collect();
        prop_assert_eq!(&stored, &knowledge[1..]);
        for &number in &pruned {
            let given_up = matches!(made.store.snapshot(made.source, number), Err(StoreError::Pruned { .. }));
            prop_assert!(given_up);
        }
        for &number in &kept {
            check(&made, number, &history[number as usize])?;
            for &other in &kept {
                check_diff(&made, number, other, &history)?;
            }
        }
    }
}
