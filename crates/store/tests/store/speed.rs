//! How long it takes; run with `--release --ignored --nocapture`.

use std::time::Instant;

use sightline_core::{Record, Scope};
use sightline_store::{Mark, StepOutcome, Store};

use crate::made::*;

struct Size {
    accounts: usize,
    groups: usize,
    members: usize,
    resources: usize,
    assignments: usize,
}

type Page = (Scope, Vec<Record>);

/// A scope in pages of 200.
fn paged(scope: Scope, count: usize, record: impl Fn(usize) -> Record) -> impl Iterator<Item = Page> {
    (0..count)
        .step_by(200)
        .map(move |from| (scope.clone(), (from..count.min(from + 200)).map(&record).collect()))
}

/// Every account, group and edge, one page at a time; every hundredth account has a name of this variant.
fn pages(size: &Size, variant: usize) -> impl Iterator<Item = Page> {
    let Size { accounts, groups, members, resources, assignments } = *size;
    let user = move |n: usize| format!("00u{:017}", n * 7919 % accounts);
    let name = move |n| if n % 100 == 0 { format!("Ann {n} {variant}") } else { format!("Ann {n}") };
    let group_id = |n| format!("00g{n:017}");
    let resource_id = |n| format!("00a{n:017}");
    let memberships = (0..groups).flat_map(move |g| {
        let id = group_id(g);
        let scope = under("members", &id);
        paged(scope, members / groups, move |m| member(&id, &user(m * 31 + g * 17)))
    });
    let edges = (0..resources).flat_map(move |r| {
        let id = resource_id(r);
        let scope = under("assigned", &id);
        paged(scope, assignments / resources, move |m| assigned(&id, &user(m * 13 + r * 7), "ACTIVE"))
    });
    paged(listing("users"), accounts, move |n| account(&user(n), &name(n)))
        .chain(paged(listing("groups"), groups, move |n| group(&group_id(n), "Staff")))
        .chain(paged(listing("apps"), resources, move |n| resource(&resource_id(n), "App")))
        .chain(memberships)
        .chain(edges)
}

fn read(store: &Store, source: u64, size: &Size, variant: usize) -> u64 {
    let tasks: Vec<String> =
        pages(size, variant).map(|(scope, _)| format!("{{\"page\":\"{scope}\"}}")).collect();
    let number = store.begin_sync(source, time(1), true, &tasks).unwrap().number;
    let mut outcomes = pages(size, variant).enumerate().map(|(id, (scope, records))| StepOutcome {
        records,
        marks: vec![(scope.clone(), Mark::Complete)],
        ..outcome(id as u64, scope)
    });
    let mut times = Vec::new();
    loop {
        let batch: Vec<StepOutcome> = outcomes.by_ref().take(8).collect();
        if batch.is_empty() {
            break;
        }
        let begun = Instant::now();
        store.commit_steps(source, &batch).unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("  {} batches of 8 steps: median {median:?}, worst {worst:?}", times.len());
    number
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn measure(size: &Size, whole_snapshot: bool) {
    let made = made();
    for variant in [0, 0, 1] {
        let number = read(&made.store, made.source, size, variant);
        println!("  before sealing: {}", memory());
        let begun = Instant::now();
        let report = made.store.seal(made.source, number, time(2), &rules()).unwrap();
        println!("sealed {number} in {:?}: {:?}; {}", begun.elapsed(), report.datasets, memory());
        let begun = Instant::now();
        let facts = if whole_snapshot {
            made.store.snapshot(made.source, number).unwrap().facts.len()
        } else {
            let mut count = 0;
            made.store.visit_facts(made.source, number, |_| count += 1).unwrap();
            count
        };
        println!("read {facts} facts back in {:?}", begun.elapsed());
        assert_eq!(facts as u64, report.datasets.values().map(|change| change.total).sum::<u64>());
    }
    let bytes = std::fs::metadata(made.dir.path().join("sightline.redb")).unwrap().len();
    println!("file {} MB", bytes / 1_000_000);
}

#[test]
#[ignore = "measures"]
fn a_company_of_ten_thousand() {
    let size = Size { accounts: 10_000, groups: 500, members: 100_000, resources: 100, assignments: 80_000 };
    measure(&size, true);
}

#[test]
#[ignore = "measures"]
fn a_company_of_a_hundred_thousand() {
    let size =
        Size { accounts: 100_000, groups: 5_000, members: 2_500_000, resources: 500, assignments: 2_000_000 };
    measure(&size, false);
}
