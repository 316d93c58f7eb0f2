//! How long answers take at the size of a large organisation.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/graph/support.rs"]
mod support;

use std::time::Instant;

use sightline_core::{AccountStatus, Fact, GroupOrigin, ResourceStatus, Scope, ScopeState, Snapshot, Tenant};
use sightline_graph::{Found, Graph};

use crate::support::{account, day, group, member, resource, to_account, to_group};

const ACCOUNTS: u64 = 100_000;
const GROUPS: u64 = 5_000;
const RESOURCES: u64 = 500;

/// Numbers that look random and are the same in every run.
fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

fn main() {
    let snapshot = organisation();
    println!(
        "{ACCOUNTS} accounts, {GROUPS} groups, {RESOURCES} applications: {} facts of {} bytes",
        snapshot.facts.len(),
        size_of::<Fact>()
    );
    let graph = once("build", || Graph::build(snapshot));
    let pairs = median("effective pairs", || graph.effective_pairs());
    let summary = median("summary", || graph.summary());
    assert_eq!(summary.effective_pairs, pairs);
    for (which, number) in [("an application", RESOURCES / 2), ("the application of everyone", 0)] {
        println!("  {which}");
        let resource = graph.resource_with_id(&app(number)).expect("an application of the organisation");
        let found = median("who", || graph.who(resource));
        let account =
            found.iter().find(|access| access.paths.len() > 1).expect("access by several paths").account;
        let reached = median("what", || graph.what(account));
        let why = median("why", || graph.why(account, resource));
        println!(
            "    {} accounts reach it; one of them reaches {} applications, and this one by {} paths",
            found.len(),
            reached.len(),
            why.paths.len()
        );
    }
    println!("  a login that is not there");
    let found = median("suggestions", || graph.find_account("00u0000000000009999x"));
    assert!(matches!(found, Found::None { .. }));
    let by_who: u64 = graph.resources().map(|(resource, _)| graph.who(resource).len() as u64).sum();
    assert_eq!(by_who, pairs, "each application's answer and the number of all pairs agree");
    println!("{pairs} effective pairs");
}

/// Repetitions of what is measured more than once.
const TIMES: usize = 5;

fn once<T>(what: &str, run: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let value = run();
    println!("    {what:<17}{:>10.2} ms", begun.elapsed().as_secs_f64() * 1e3);
    value
}

/// Measures several times; gives the last result.
fn median<T>(what: &str, run: impl Fn() -> T) -> T {
    let mut times = [0.0; TIMES];
    let mut last = None;
    for time in &mut times {
        let begun = Instant::now();
        last = Some(run());
        *time = begun.elapsed().as_secs_f64() * 1e3;
    }
    times.sort_by(f64::total_cmp);
    println!(
        "    {what:<17}{:>10.2} ms (least {:.2}, most {:.2})",
        times[TIMES / 2],
        times[0],
        times[TIMES - 1]
    );
    last.expect("it ran")
}

fn app(at: u64) -> String {
    format!("0oa{at:017}")
}

/// An organisation with three million memberships and two million direct assignments, the same in every run.
fn organisation() -> Snapshot {
    let who = |at: u64| format!("00u{at:017}");
    let to = |at: u64| format!("00g{at:017}");
    let mut scopes = vec![Scope::listing("a"), Scope::listing("g"), Scope::listing("r")];
    let mut facts = Vec::new();
    let mut push = |record, scope: usize| {
        facts.push(Fact { record, first_seen: 1, last_seen: 1, scope: scope as u32 });
    };
    (0..ACCOUNTS).for_each(|at| push(account(&who(at), AccountStatus::Active), 0));
    (0..GROUPS).for_each(|at| push(group(&to(at), GroupOrigin::Native, false), 1));
    (0..RESOURCES).for_each(|at| push(resource(&app(at), ResourceStatus::Active, false), 2));
    for at in 0..GROUPS {
        scopes.push(Scope::under("m", to(at)));
        for one in 0..600 {
            push(member(&who(mix(at * 1_000 + one) % ACCOUNTS), &to(at)), scopes.len() - 1);
        }
    }
    for at in 0..RESOURCES {
        scopes.push(Scope::under("u", app(at)));
        for one in 0..4_000 {
            push(to_account(&who(mix((1 << 40) + at * 10_000 + one) % ACCOUNTS), &app(at)), scopes.len() - 1);
        }
        scopes.push(Scope::under("h", app(at)));
        for one in 0..20 {
            push(to_group(&to(mix((1 << 50) + at * 100 + one) % GROUPS), &app(at)), scopes.len() - 1);
        }
    }
    push(group("everyone", GroupOrigin::BuiltIn, true), 1);
    // After the three listings and the groups' members come the users and then the groups of the first application.
    push(to_group("everyone", &app(0)), 3 + GROUPS as usize + 1);
    Snapshot {
        source: "size".into(),
        tenant: Tenant { id: "t".into(), name: "t".into() },
        number: 1,
        started: day(0),
        sealed: day(0),
        scopes: scopes
            .into_iter()
            .map(|scope| ScopeState { scope, complete: Some(1), gap: None, facts: 0 })
            .collect(),
        facts,
        dangling: std::collections::BTreeMap::new(),
    }
}
