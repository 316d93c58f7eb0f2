//! How long a store takes to keep whole companies, and how much memory and disk that needs.
//!
//! Full syncs of each company: the first, one that finds the same, and one that finds every hundredth account changed.
//! Then incremental ones: nothing, 50 groups, 50 accounts, and one account that is gone.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(clippy::unwrap_used, reason = "a measurement that fails has nothing to go on with")]

#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/store/made.rs"]
mod made;

use std::path::Path;
use std::time::{Duration, Instant};

use sightline_core::{
    Absent, Assignment, AssignmentOrigin, EntityKind, Observed, Principal, RawJson, Record, Resource,
    ResourceStatus, Scope,
};
use sightline_store::{DatasetChange, Mark, OpenMode, StepOutcome, Store};
use tempfile::TempDir;

use crate::made::{account, add_source, group, listing, member, outcome, rules, time, under};

fn main() {
    let size = Size { accounts: 6_000, groups: 300, members: 60_000, resources: 100, assignments: 48_000 };
    measure(&size, true);
    let size =
        Size { accounts: 100_000, groups: 5_000, members: 2_500_000, resources: 500, assignments: 2_000_000 };
    // All facts of it as values of their own would only measure the machine's memory.
    measure(&size, false);
}

/// Steps that are committed together, as a sync does.
const BATCH: usize = 8;

/// How many of each there are.
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

fn resource(id: &str, label: &str) -> Record {
    Record::Resource(Box::new(Resource {
        id: id.to_owned(),
        label: label.to_owned(),
        catalog_name: None,
        status: ResourceStatus::Active,
        raw_status: "ACTIVE".to_owned(),
        sign_on_mode: None,
        features: Vec::new(),
        implicit_assignment: Observed::Known(false),
        client_id: None,
        service: false,
        created: None,
        last_updated: None,
        raw: RawJson::default(),
    }))
}

fn assigned(resource: &str, account: &str, status: &str) -> Record {
    Record::Assignment(Assignment {
        resource: resource.to_owned(),
        principal: Principal::Account(account.to_owned()),
        origin: AssignmentOrigin::Direct,
        raw_status: Some(status.to_owned()),
        user_name: Some(format!("{account}@example.com")),
        external_id: None,
        priority: None,
        since: Some(time(5)),
        last_updated: None,
        sync_state: None,
        profile: RawJson::default(),
    })
}

/// Reads a company in one sync; gives its number and the time of each commit, sorted.
fn read(store: &Store, source: u64, size: &Size, variant: usize) -> (u64, Vec<Duration>) {
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
        let batch: Vec<StepOutcome> = outcomes.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let begun = Instant::now();
        store.commit_steps(source, &batch).unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    (number, times)
}

fn measure(size: &Size, whole_snapshot: bool) {
    println!(
        "{} accounts, {} groups, {} memberships, {} applications, {} assignments",
        size.accounts, size.groups, size.members, size.resources, size.assignments
    );
    // On the disk of the build: where temporary files go is memory on many machines, and a commit costs nothing there.
    let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Store::open(dir.path(), OpenMode::Write).unwrap();
    let source = add_source(&store, "acme").id;
    for (what, variant) in [("first sync", 0), ("unchanged", 0), ("1 % of accounts changed", 1)] {
        let (number, times) = read(&store, source, size, variant);
        println!("  {what}");
        let all: Duration = times.iter().sum();
        figure("commits", format!("{} of {BATCH} steps in {}", times.len(), shown(all)));
        let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
        figure("one commit", format!("median {}, longest {}", shown(median), shown(longest)));

        seal(&store, source, number, whole_snapshot);
        size_of(dir.path());
    }
    for (what, steps) in incremental(size) {
        println!("  {what}");
        let tasks = vec!["{}".to_owned(); steps.len()];
        let number = store.begin_sync(source, time(1), false, &tasks).unwrap().number;
        store.commit_steps(source, &steps).unwrap();
        seal(&store, source, number, whole_snapshot);
        size_of(dir.path());
    }
    // Of the largest company so far, which is this one.
    figure("peak memory", peak_memory().unwrap_or_else(|| "unknown".to_owned()));
}

/// Steps of syncs that read only what changed.
fn incremental(size: &Size) -> [(&'static str, Vec<StepOutcome>); 4] {
    let user = |n: usize| format!("00u{:017}", n * 7919 % size.accounts);
    let members = |g: usize| {
        let id = format!("00g{g:017}");
        let scope = under("members", &id);
        // One fewer than there were.
        let users = (1..size.members / size.groups).map(|m| member(&id, &user(m * 31 + g * 17)));
        let marks = vec![(scope.clone(), Mark::Complete)];
        StepOutcome { records: users.collect(), marks, ..outcome(g as u64, scope) }
    };
    let changed = StepOutcome {
        records: (0..50).map(|n| account(&user(n * 97), "Changed")).collect(),
        marks: vec![(listing("users"), Mark::Part)],
        ..outcome(0, listing("users"))
    };
    let gone = StepOutcome {
        absent: vec![Absent::Entity(EntityKind::Account, user(1))],
        ..outcome(0, listing("changes"))
    };
    [
        ("nothing changed", Vec::new()),
        ("50 groups read", (0..50).map(members).collect()),
        ("50 accounts changed", vec![changed]),
        ("one account gone", vec![gone]),
    ]
}

fn seal(store: &Store, source: u64, number: u64, whole_snapshot: bool) {
    let begun = Instant::now();
    let report = store.seal(source, number, time(2), &rules()).unwrap();
    figure("sealing", shown(begun.elapsed()));
    let total = |count: fn(&DatasetChange) -> u64| -> u64 { report.datasets.values().map(count).sum() };
    figure(
        "change",
        format!(
            "{} added, {} removed, {} changed, {} facts now",
            total(|change| change.added),
            total(|change| change.removed),
            total(|change| change.changed),
            total(|change| change.total)
        ),
    );

    let begun = Instant::now();
    let facts = if whole_snapshot {
        store.snapshot(source, number).unwrap().facts.len()
    } else {
        let mut count = 0;
        store.visit_facts(source, number, |_| count += 1).unwrap();
        count
    };
    figure(if whole_snapshot { "reading it" } else { "visiting it" }, shown(begun.elapsed()));
    assert_eq!(facts as u64, total(|change| change.total));
}

fn size_of(dir: &Path) {
    let bytes = std::fs::metadata(dir.join("sightline.redb")).unwrap().len();
    figure("file", format!("{:.1} MB", bytes as f64 / 1e6));
}

fn figure(name: &str, value: impl AsRef<str>) {
    println!("    {name:<14}{}", value.as_ref());
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The most memory that this process has held so far, where the system tells.
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{:.1} MB", kibibytes * 1024.0 / 1e6))
}
