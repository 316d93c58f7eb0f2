//! Random small companies: the graph says what the naive model says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sightline_core::*;
use sightline_graph::{Act, Block, Graph, Holder, Path, PathKind, Via};

use crate::naive::{Model, NaivePath};
use crate::support::{
    NUMBER, account, assigned, group, holds, member, resource, snapshot, to_account, to_group, used, window,
};

/// Ids 0..5 exist, 5 is unknown.
fn number() -> impl Strategy<Value = usize> {
    prop_oneof![20 => 0_usize..5, 1 => Just(5)]
}

fn account_status() -> impl Strategy<Value = AccountStatus> {
    prop_oneof![
        5 => Just(AccountStatus::Active),
        1 => Just(AccountStatus::Unknown),
        1 => Just(AccountStatus::Suspended),
        1 => Just(AccountStatus::Pending),
        2 => Just(AccountStatus::Deactivated),
    ]
}

fn origin() -> impl Strategy<Value = AssignmentOrigin> {
    prop_oneof![
        3 => Just(AssignmentOrigin::Direct),
        3 => number().prop_map(|group| AssignmentOrigin::Group(Some(format!("g{group}")))),
        1 => Just(AssignmentOrigin::Group(None)),
        1 => Just(AssignmentOrigin::Unknown("ODD".into())),
    ]
}

fn raw_status() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        4 => Just(None),
        4 => Just(Some("ACTIVE")),
        1 => Just(Some("SUSPENDED")),
        1 => Just(Some("INACTIVE")),
        1 => Just(Some("DEPROVISIONED")),
    ]
}

fn principal() -> impl Strategy<Value = Principal> {
    (any::<bool>(), number()).prop_map(|(is_group, number)| {
        if is_group {
            Principal::Group(format!("g{number}"))
        } else {
            Principal::Account(format!("a{number}"))
        }
    })
}

fn group_record() -> impl Strategy<Value = (GroupOrigin, bool)> {
    prop_oneof![
        6 => Just((GroupOrigin::Native, false)),
        1 => Just((GroupOrigin::Imported, false)),
        1 => Just((GroupOrigin::BuiltIn, false)),
        1 => Just((GroupOrigin::BuiltIn, true)),
    ]
}

prop_compose! {
    pub(crate) fn company()(
        accounts in prop::collection::vec(account_status(), 5),
        groups in prop::collection::vec(group_record(), 5),
        resources in prop::collection::vec((any::<u8>(), any::<u8>()), 5),
        memberships in prop::collection::vec((number(), number()), 0..14),
        assignments in prop::collection::vec((principal(), number(), origin(), raw_status()), 0..18),
        holdings in prop::collection::vec((principal(), 0..3, any::<bool>(), 0..4), 0..5),
        usage in prop::collection::vec((number(), number(), -80_i64..0), 0..5),
        read_activity in any::<bool>(),
        times in prop::collection::vec(prop::option::of(-120_i64..0), 24),
    ) -> Model {
        let mut records = Vec::new();
        records.extend(accounts.iter().enumerate().map(|(at, status)| account(&format!("a{at}"), *status)));
        records.extend(groups.into_iter().enumerate().map(|(at, (origin, everyone))| group(&format!("g{at}"), origin, everyone)));
        records.extend(resources.iter().enumerate().map(|(at, (status, implicit))| {
            let status = if *status < 40 { ResourceStatus::Inactive } else { ResourceStatus::Active };
            resource(&format!("r{at}"), status, *implicit < 30)
        }));
        records.extend(memberships.iter().map(|(who, group)| member(&format!("a{who}"), &format!("g{group}"))));
        records.extend(assignments.into_iter().map(|(principal, app, origin, status)| {
            let origin = if matches!(principal, Principal::Group(_)) { AssignmentOrigin::Direct } else { origin };
            assigned(principal, &format!("r{app}"), origin, status)
        }));
        records.extend(holdings.into_iter().map(|(principal, role, inherited, active)| {
            let inherited = inherited && matches!(principal, Principal::Account(_));
            holds(principal, &format!("role{role}"), inherited, active > 0)
        }));
        records.extend(usage.iter().map(|(who, app, at)| used(&format!("a{who}"), Some(&format!("r{app}")), crate::support::day(*at))));
        if read_activity {
            records.push(window());
        }
        let mut times = times.into_iter().cycle().map(|time| time.map(crate::support::day));
        for record in &mut records {
            match record {
                Record::Account(account) => account.created = times.next().flatten(),
                Record::Resource(resource) => resource.created = times.next().flatten(),
                Record::Assignment(edge) => edge.since = times.next().flatten(),
                _ => {}
            }
        }
        let mut by_key = BTreeMap::new();
        for record in records {
            by_key.insert(record.key(), record);
        }
        Model { records: by_key.into_values().collect() }
    }
}

pub(crate) fn build(model: &Model) -> Graph {
    Graph::build(snapshot(&model.records, &[]))
}

fn as_text(graph: &Graph, path: &Path) -> NaivePath {
    let text = match &path.kind {
        PathKind::Direct => "direct".to_owned(),
        PathKind::ThroughGroup { group } => format!("group {}", graph.group(*group).id),
        PathKind::Implicit => "implicit".to_owned(),
        PathKind::ThroughUnseenGroup { group } => format!("unseen {}", group.as_deref().unwrap_or("?")),
        PathKind::UnknownOrigin { word } => format!("unknown {word}"),
    };
    (text, path.in_force)
}

/// The model after an act on the account and the resource.
fn apply(model: &Model, graph: &Graph, act: &Act, who: &str, app: &str) -> Model {
    let of_row = |edge: &Assignment| edge.resource == app && edge.principal == Principal::Account(who.into());
    let gone = |record: &Record| match (act, record) {
        (Act::UnassignAccount, Record::Assignment(edge)) => {
            of_row(edge) && !matches!(edge.origin, AssignmentOrigin::Group(_))
        }
        (Act::LeaveUnseenGroup { .. }, Record::Assignment(edge)) => {
            of_row(edge) && matches!(edge.origin, AssignmentOrigin::Group(_))
        }
        (Act::LeaveGroup { group }, Record::Membership(edge)) => {
            edge.account == who && edge.group == graph.group(*group).id
        }
        (Act::UnassignGroup { group }, Record::Assignment(edge)) => {
            edge.resource == app && edge.principal == Principal::Group(graph.group(*group).id.clone())
        }
        _ => false,
    };
    let mut records: Vec<Record> = model.records.iter().filter(|record| !gone(record)).cloned().collect();
    if *act == Act::EndImplicit {
        for record in &mut records {
            if let Record::Resource(resource) = record
                && resource.id == app
            {
                resource.implicit_assignment = Observed::Known(false);
            }
        }
    }
    Model { records }
}

/// Everything that could be revoked to end an access, whether it helps or not.
fn all_acts(model: &Model, graph: &Graph) -> Vec<Act> {
    let mut acts = vec![Act::UnassignAccount, Act::EndImplicit, Act::LeaveUnseenGroup { group: None }];
    for (id, entity) in model.groups() {
        let group = graph.group_with_id(id).expect("a group of the model");
        acts.push(Act::UnassignGroup { group });
        if !entity.everyone && entity.origin != GroupOrigin::BuiltIn {
            acts.push(Act::LeaveGroup { group });
        }
    }
    acts
}

fn still_has_path(model: &Model, who: &str, app: &str, in_force_only: bool) -> bool {
    model.paths(who, app).iter().any(|(_, in_force)| *in_force || !in_force_only)
}

/// What the account loses besides the resource, and how many others that can sign in lose the resource.
fn losses(before: &Model, after: &Model, who: &str, app: &str) -> (BTreeSet<String>, BTreeSet<String>, u64) {
    let (had, has) = (before.in_force(), after.in_force());
    let lost: Vec<_> = had.difference(&has).collect();
    let resources =
        lost.iter().filter(|(account, lost)| account == who && lost != app).map(|(_, lost)| lost.clone());
    let others = lost.iter().filter(|(account, lost)| {
        account != who && lost == app && before.accounts()[account.as_str()].status.can_sign_in()
    });
    let roles = before.roles(who).difference(&after.roles(who)).map(|(_, label)| label.clone()).collect();
    (resources.collect(), roles, others.count() as u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn both_directions_and_the_totals_agree_with_the_naive_model(model in company()) {
        let graph = build(&model);
        let mut from_who = BTreeMap::new();
        let mut from_what = BTreeMap::new();
        for (ix, app) in graph.resources() {
            for access in graph.who(ix) {
                let paths: Vec<_> = access.paths.iter().map(|path| as_text(&graph, path)).collect();
                let set: BTreeSet<_> = paths.iter().cloned().collect();
                prop_assert_eq!(set.len(), paths.len(), "a path is told twice");
                from_who.insert((graph.account(access.account).id.to_owned(), app.id.clone()), (set, access.can_reach()));
            }
        }
        for (ix, who) in graph.accounts() {
            for access in graph.what(ix) {
                let set: BTreeSet<_> = access.paths.iter().map(|path| as_text(&graph, path)).collect();
                from_what.insert((who.id.to_owned(), graph.resource(access.resource).id.clone()), (set, access.can_reach()));
                let pair = graph.access(ix, access.resource);
                prop_assert_eq!(pair, Some(access));
            }
        }
        let mut expected = BTreeMap::new();
        for account in model.accounts().keys() {
            for app in model.resources().keys() {
                let paths = model.paths(account, app);
                if !paths.is_empty() {
                    let reach = model.can_reach(account, app);
                    expected.insert(((*account).to_owned(), (*app).to_owned()), (paths, reach));
                }
            }
        }
        prop_assert_eq!(&from_who, &expected);
        prop_assert_eq!(&from_what, &expected);
        let pairs = model.reach();
        prop_assert_eq!(graph.effective_pairs(), pairs.len() as u64);
        let counts: Vec<u64> = graph.resources().map(|(_, app)| pairs.iter().filter(|(_, to)| *to == app.id).count() as u64).collect();
        prop_assert_eq!(graph.reach_counts(), counts);
    }

    #[test]
    fn blocks_and_use_are_those_of_the_facts(model in company()) {
        let graph = build(&model);
        let read = model.records.iter().any(|record| matches!(record, Record::ActivityWindow(_)));
        let mut unused = 0;
        for (ix, app) in graph.resources() {
            for access in graph.who(ix) {
                let who = graph.account(access.account);
                let expected = match () {
                    () if !who.status.can_sign_in() => Some(Block::Account(who.status)),
                    () if app.status == ResourceStatus::Inactive => Some(Block::ResourceInactive),
                    () if !model.can_reach(who.id, &app.id) => Some(Block::AssignmentNotInForce),
                    () => None,
                };
                prop_assert_eq!(access.blocked, expected);
                let last = model.records.iter().find_map(|record| match record {
                    Record::Usage(usage) if usage.account == who.id && usage.resource.as_ref() == Some(&app.id) => Some(usage.last),
                    _ => None,
                });
                let last_use = match last {
                    Some(time) => LastUse::At(time),
                    None if read => model.unused_since(who.id, &app.id, crate::support::day(-90)),
                    None => LastUse::Unknown("activity was not read".into()),
                };
                unused += u64::from(access.can_reach() && last.is_none());
                prop_assert_eq!(graph.last_use(access.account, access.resource), last_use);
            }
        }
        let summary = graph.summary();
        let expected = if read { Observed::Known(unused) } else { Observed::Unknown("activity was not read".into()) };
        prop_assert_eq!(summary.unused_access, expected);
        let leavers = |counted: bool| {
            model.accounts().values().filter(|account| account.status == AccountStatus::Deactivated)
                .filter(|account| model.resources().keys().any(|app| still_has_path(&model, &account.id, app, counted)))
                .count() as u64
        };
        prop_assert_eq!(summary.leavers_with_assignments, leavers(false));
        prop_assert_eq!(summary.leavers_with_assignments_in_force, leavers(true));
    }

    #[test]
    fn what_a_path_rests_on_was_seen_as_its_facts_were(model in company(), sightings in prop::collection::vec((1..=NUMBER, 0..=NUMBER), 40)) {
        let mut facts = snapshot(&model.records, &[]);
        let mut by_key = BTreeMap::new();
        for (fact, (first, later)) in facts.facts.iter_mut().zip(sightings.into_iter().cycle()) {
            (fact.first_seen, fact.last_seen) = (first, (first + later).min(NUMBER));
            by_key.insert(fact.record.key(), (fact.first_seen, fact.last_seen));
        }
        let graph = Graph::build(facts);
        for (resource, app) in graph.resources() {
            for access in graph.who(resource) {
                let who = graph.account(access.account).id;
                for path in access.paths.iter() {
                    let rests_on = match &path.kind {
                        PathKind::Implicit => Vec::new(),
                        PathKind::ThroughGroup { group } => {
                            let group = graph.group(*group);
                            let everyone = model.groups()[group.id.as_str()].everyone;
                            let member = if everyone { format!("account/{who}") } else { format!("membership/{}/{who}", group.id) };
                            vec![member, format!("assignment/{}/group/{}", app.id, group.id)]
                        }
                        _ => vec![format!("assignment/{}/account/{who}", app.id)],
                    };
                    let first = rests_on.iter().map(|key| by_key[key].0).max();
                    let last = rests_on.iter().map(|key| by_key[key].1).min();
                    prop_assert_eq!(graph.path_seen(access.account, resource, &path.kind), first.zip(last));
                }
            }
        }
    }

    #[test]
    fn one_more_grant_takes_nothing_away(model in company(), who in 0..5, to in 0..5, app in 0..5, which in 0..3) {
        let (who, to, app) = (format!("a{who}"), format!("g{to}"), format!("r{app}"));
        let grant = match which {
            0 => member(&who, &to),
            1 => to_group(&to, &app),
            _ => to_account(&who, &app),
        };
        if model.records.iter().any(|record| record.key() == grant.key()) {
            return Ok(());
        }
        let mut more = model.clone();
        more.records.push(grant);
        let reach = |graph: &Graph| -> BTreeSet<(String, String)> {
            graph.resources().flat_map(|(ix, app)| {
                graph.who(ix).into_iter().filter(sightline_graph::Access::can_reach)
                    .map(|access| (graph.account(access.account).id.to_owned(), app.id.clone())).collect::<Vec<_>>()
            }).collect()
        };
        let (before, after) = (reach(&build(&model)), reach(&build(&more)));
        prop_assert!(before.is_subset(&after), "lost {:?}", before.difference(&after));
    }

    #[test]
    fn roles_are_flattened_over_groups(model in company()) {
        let graph = build(&model);
        let admins = graph.admins();
        let found: BTreeSet<_> = admins.iter().map(|holding| {
            let via = match holding.via {
                Via::Direct => "direct".to_owned(),
                Via::Group(group) => format!("group {}", graph.group(group).id),
                Via::InheritedUnseen => "unseen".to_owned(),
            };
            let Holder::Account(account) = holding.holder else { panic!("no account") };
            (graph.account(account).id.to_owned(), holding.role.clone(), via, holding.active)
        }).collect();
        prop_assert_eq!(found.len(), admins.len());
        prop_assert_eq!(found, model.admins());
    }

    #[test]
    fn why_agrees_with_access_and_says_what_would_give_it(model in company()) {
        let graph = build(&model);
        for (account, who) in graph.accounts() {
            for (resource, app) in graph.resources() {
                let why = graph.why(account, resource);
                prop_assert_eq!(&why.access, &graph.access(account, resource));
                prop_assert_eq!(why.paths.len(), model.paths(who.id, &app.id).len());
                prop_assert!(why.paths.iter().all(|path| !path.hops.is_empty()));
                prop_assert_eq!(why.blocks.is_empty() && !why.paths.is_empty(), model.can_reach(who.id, &app.id));
                for needed in &why.groups_that_would_give_it {
                    let mut joined = model.clone();
                    joined.records.push(member(who.id, &graph.group(needed.group).id));
                    prop_assert!(still_has_path(&joined, who.id, &app.id, true));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_removal_ends_the_access_and_nothing_smaller_or_cheaper_does(model in company()) {
        let graph = build(&model);
        let acts = all_acts(&model, &graph);
        for (account, who) in graph.accounts() {
            for (resource, app) in graph.resources() {
                let why = graph.why(account, resource);
                let Some(removal) = why.removal else { continue };
                let (who, app) = (who.id, app.id.as_str());
                let counted = still_has_path(&model, who, app, true);
                let start = model.without_derived_rows();
                let after = |acts: &[&Act]| {
                    acts.iter().fold(start.clone(), |model, act| apply(&model, &graph, act, who, app))
                };
                let chosen: Vec<&Act> = removal.steps.iter().map(|step| &step.act).collect();
                prop_assert!(!still_has_path(&after(&chosen), who, app, counted), "{chosen:?} leaves a path");

                let weight = |act: &Act| {
                    let (resources, roles, others) = losses(&start, &after(&[act]), who, app);
                    resources.len() as u64 + roles.len() as u64 + others
                };
                // Acts that end no path of this access cannot be part of a smallest set.
                let useful: Vec<&Act> = acts
                    .iter()
                    .filter(|act| after(&[act]).paths(who, app) != start.paths(who, app))
                    .collect();
                let mut best: Option<(usize, u64)> = None;
                for mask in 1_u32..1 << useful.len() {
                    let size = mask.count_ones() as usize;
                    if size > chosen.len() {
                        continue;
                    }
                    let some: Vec<&Act> =
                        useful.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, act)| *act).collect();
                    if !still_has_path(&after(&some), who, app, counted) {
                        let rank = (size, some.iter().map(|act| weight(act)).sum());
                        best = Some(best.map_or(rank, |best| best.min(rank)));
                    }
                }
                let rank = (chosen.len(), removal.steps.iter().map(|step| step.collateral.weight()).sum());
                prop_assert_eq!(best, Some(rank), "{} {} {:?}", who, app, removal);

                let (resources, roles, others) = losses(&start, &after(&chosen), who, app);
                let told: BTreeSet<String> =
                    removal.collateral.resources.iter().map(|lost| graph.resource(*lost).id.clone()).collect();
                prop_assert_eq!(told, resources);
                prop_assert_eq!(removal.collateral.roles.iter().cloned().collect::<BTreeSet<_>>(), roles);
                prop_assert_eq!(removal.collateral.accounts, others);
            }
        }
    }
}
