//! A snapshot in blocks is the same graph as its facts one by one.

use std::collections::BTreeMap;
use std::fmt::Write;

use proptest::prelude::*;
use sightline_core::*;
use sightline_graph::{About, Graph};

use crate::properties::company;
use crate::support::snapshot;

/// Edges of one parent in one scope, by account.
type Edges<T> = BTreeMap<(u32, String), Vec<(String, Sighting, T)>>;

/// Feeds a snapshot with the edges of accounts in blocks, whose names are numbered in a shuffled order; an edge whose place
/// is picked stays a fact.
fn from_blocks(snapshot: &Snapshot, shuffle: u64, stays: impl Fn(usize) -> bool) -> Graph {
    let Snapshot { source, tenant, number, started, sealed, scopes, facts, .. } = snapshot.clone();
    let mut builder = Graph::builder(About { source, tenant, number, started, sealed }, scopes);
    let mut members: Edges<()> = Edges::new();
    let mut assigned: Edges<Assignment> = Edges::new();
    let mut texts = vec!["nobody".to_owned()];
    for (at, fact) in facts.into_iter().enumerate() {
        let sighting = Sighting { first_seen: fact.first_seen, last_seen: fact.last_seen };
        match fact.record {
            Record::Membership(edge) if !stays(at) => {
                let block = members.entry((fact.scope, edge.group)).or_default();
                if block.iter().all(|(account, ..)| *account != edge.account) {
                    texts.push(edge.account.clone());
                    block.push((edge.account, sighting, ()));
                    continue;
                }
                panic!("a scope holds an edge once");
            }
            Record::Assignment(edge) if !stays(at) && matches!(edge.principal, Principal::Account(_)) => {
                let account = edge.principal.id().to_owned();
                texts.push(account.clone());
                assigned
                    .entry((fact.scope, edge.resource.clone()))
                    .or_default()
                    .push((account, sighting, edge));
            }
            _ => builder.fact(fact),
        }
    }
    texts.sort_by_key(|text| {
        text.bytes().fold(shuffle, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    });
    let mut names = Names::default();
    for text in &texts {
        names.intern(text);
    }
    let number = |text: &str| names.find(text).expect("a name");
    builder.names(names.clone());
    for ((scope, group), mut edges) in members {
        edges.sort_by_key(|(account, ..)| number(account));
        let accounts: Vec<u32> = edges.iter().map(|(account, ..)| number(account)).collect();
        let mut sightings: Vec<Sighting> = edges.iter().map(|edge| edge.1).collect();
        sightings.sort_unstable();
        sightings.dedup();
        let seen: Vec<u32> =
            edges.iter().map(|edge| sightings.binary_search(&edge.1).expect("listed") as u32).collect();
        builder.members(MemberBlock {
            scope,
            group: &group,
            accounts: &accounts,
            seen: &seen,
            sightings: &sightings,
        });
    }
    for ((scope, resource), mut edges) in assigned {
        edges.sort_by_key(|(account, ..)| number(account));
        let accounts: Vec<u32> = edges.iter().map(|(account, ..)| number(account)).collect();
        let sightings: Vec<Sighting> = edges.iter().map(|edge| edge.1).collect();
        let places: Vec<u32> = (0..edges.len() as u32).collect();
        let since: Vec<Option<Time>> = edges.iter().map(|edge| edge.2.since).collect();
        let terms: Vec<AssignmentTerms> = edges
            .into_iter()
            .map(|(.., edge)| AssignmentTerms {
                origin: edge.origin,
                raw_status: edge.raw_status,
                sync_state: edge.sync_state,
                priority: edge.priority,
                profile: edge.profile,
            })
            .collect();
        builder.assignments(AssignmentBlock {
            scope,
            resource: &resource,
            accounts: &accounts,
            seen: &places,
            sightings: &sightings,
            agreed: &places,
            terms: &terms,
            since: &since,
        });
    }
    builder.finish()
}

/// Everything that the graph can be asked, as text.
fn everything(graph: &Graph) -> Result<String, std::fmt::Error> {
    let mut text = format!("{:?}\n{:?}\n", graph.about(), graph.summary());
    for (ix, account) in graph.accounts() {
        let seen = graph.account_provenance(ix);
        writeln!(text, "{ix:?} {account:?} {seen:?} {:?}", graph.last_sign_in(ix))?;
        writeln!(text, "{:?} {:?} {:?}", graph.groups_of(ix), graph.manager_of(ix), graph.what(ix))?;
        writeln!(text, "{:?}", graph.gaps_around_account(ix))?;
        for (resource, _) in graph.resources() {
            writeln!(text, "{:?} {:?}", graph.why(ix, resource), graph.last_use(ix, resource))?;
        }
    }
    for (ix, group) in graph.groups() {
        let rules: Vec<_> = graph.rules_into(ix).collect();
        writeln!(text, "{ix:?} {group:?} {:?} {rules:?}", graph.group_provenance(ix))?;
        writeln!(text, "{:?} {}", graph.members(ix), graph.member_count(ix))?;
    }
    for (ix, resource) in graph.resources() {
        writeln!(text, "{ix:?} {resource:?} {:?}", graph.resource_provenance(ix))?;
        writeln!(text, "{:?} {}", graph.who(ix), graph.reach_count(ix))?;
        writeln!(text, "{:?}", graph.gaps_around_resource(ix))?;
    }
    writeln!(text, "{:?} {:?} {:?}", graph.admins(), graph.gaps_hiding_admins(), graph.service_apps())?;
    Ok(text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn blocks_and_facts_make_the_same_graph(
        model in company(),
        twice in prop::collection::vec((any::<prop::sample::Index>(), 1_u64..8, 0_u64..3), 0..5),
        stale in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        shuffle in any::<u64>(),
        stays in any::<u64>(),
    ) {
        let scopes: Vec<Scope> = model.records.iter().map(crate::support::scope_of).collect();
        let gaps: BTreeMap<Scope, GapReason> =
            stale.iter().map(|at| (at.get(&scopes).clone(), GapReason::Unavailable)).collect();
        let mut snapshot = snapshot(&model.records, &gaps.into_iter().collect::<Vec<_>>());
        // Edges that another scope tells of as well, seen at other times and saying something else.
        let other = snapshot.scopes.len() as u32;
        snapshot.scopes.push(ScopeState {
            scope: Scope::listing("user_things"),
            complete: Some(7),
            gap: None,
            facts: 0,
        });
        let original = snapshot.facts.len();
        let mut told = std::collections::BTreeSet::new();
        for (at, last_seen, what) in twice {
            let at = at.index(original);
            let mut fact = snapshot.facts[at].clone();
            if !matches!(fact.record, Record::Membership(_) | Record::Assignment(_)) || !told.insert(at) {
                continue;
            }
            (fact.scope, fact.first_seen, fact.last_seen) = (other, 1, last_seen);
            if let Record::Assignment(edge) = &mut fact.record
                && matches!(edge.principal, Principal::Account(_))
            {
                edge.origin = [AssignmentOrigin::Direct, AssignmentOrigin::Group(None), edge.origin.clone()][what as usize].clone();
                edge.raw_status = [None, Some("INACTIVE".into()), Some("ACTIVE".into())][what as usize].clone();
            }
            snapshot.facts.push(fact);
        }
        let facts = Graph::build(snapshot.clone());
        let expected = everything(&facts).expect("text");
        let some = from_blocks(&snapshot, shuffle, |at| stays >> (at % 64) & 1 == 1);
        let all = from_blocks(&snapshot, !shuffle, |_| false);
        for blocks in [&some, &all] {
            prop_assert_eq!(facts.skipped(), blocks.skipped());
            for (one, other) in expected.lines().zip(everything(blocks).expect("text").lines()) {
                prop_assert_eq!(one, other);
            }
        }
        prop_assert_eq!(Graph::gained_and_lost(&facts, &some), Vec::new());
    }
}
