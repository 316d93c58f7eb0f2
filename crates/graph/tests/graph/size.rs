//! How long it takes at the size of a large organisation: `cargo test --release -- --ignored --nocapture size`.

use std::time::Instant;

use sightline_core::*;
use sightline_graph::Graph;

use crate::support::*;

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

#[test]
#[ignore = "a measurement, for release builds"]
fn size() {
    let who = |at: u64| format!("00u{at:017}");
    let to = |at: u64| format!("00g{at:017}");
    let app = |at: u64| format!("0oa{at:017}");
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
    push(to_group("everyone", &app(0)), 4);
    println!("{} facts of {} bytes", facts.len(), size_of::<Fact>());
    let snapshot = Snapshot {
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
    };
    let timed =
        |what: &str, start: Instant| println!("{what}: {:.2} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let graph = Graph::build(snapshot);
    timed("build", start);
    for _ in 0..3 {
        let start = Instant::now();
        let pairs = graph.effective_pairs();
        timed(&format!("effective pairs ({pairs})"), start);
    }
    let start = Instant::now();
    let summary = graph.summary();
    timed("summary", start);
    for resource in [250, 0] {
        let resource = graph.resource_with_id(&app(resource)).unwrap();
        let start = Instant::now();
        let found = graph.who(resource);
        timed(&format!("who ({})", found.len()), start);
        let account = found.iter().find(|access| access.paths.len() > 1).unwrap().account;
        let start = Instant::now();
        let reached = graph.what(account);
        timed(&format!("what ({})", reached.len()), start);
        let start = Instant::now();
        let why = graph.why(account, resource);
        timed(&format!("why ({} paths)", why.paths.len()), start);
    }
    let start = Instant::now();
    let found = graph.find_account("00u0000000000009999x");
    timed("find with suggestions", start);
    assert!(matches!(found, sightline_graph::Found::None { .. }));
    let by_who: u64 = graph.resources().map(|(resource, _)| graph.who(resource).len() as u64).sum();
    assert_eq!(by_who, summary.effective_pairs);
}
