//! Lists of who and what there is: accounts, groups, applications, and what moves between them.

use std::collections::BTreeMap;

use serde_json::json;
use sightline_answer::{ManagerAnswer, SeenAnswer, SnapshotStamp};
use sightline_core::{Account, GroupOrigin, Observed, Record, Snapshot, Time};
use sightline_graph::{AccountIx, Graph};

use super::{Dated, Line, counted, lines, lines_with, show, text, time};
use crate::cli::Format;
use crate::failure::Failure;

pub(super) fn accounts(snapshots: Vec<Dated>, format: Format) -> Result<(), Failure> {
    let graphs: Vec<_> = snapshots
        .into_iter()
        .map(|dated| {
            let (graph, accounts) = with_accounts(dated.snapshot);
            (graph, accounts, dated.times)
        })
        .collect();
    let mut lines = Vec::new();
    for (graph, accounts, times) in &graphs {
        for (&ix, account) in accounts {
            let manager = ManagerAnswer::of(graph, ix);
            let id = manager.as_ref().and_then(|manager| manager.account.as_ref()).map(|account| &account.id);
            let unresolved = manager.as_ref().and_then(|manager| manager.unresolved.as_ref());
            let seen = graph.account_provenance(ix);
            lines.push(Line {
                source: &graph.about().source,
                snapshot: SnapshotStamp::of(graph),
                entity: account,
                more: BTreeMap::from([("manager_id", json!(id)), ("manager_unresolved", json!(unresolved))]),
                seen: SeenAnswer::of(seen.first_seen, seen.last_seen, seen.stale, times),
            });
        }
    }
    let names =
        ["login", "name", "status", "raw status", "department", "title", "last sign-in", "id", "source"];
    show(&lines, format, &names, |line| {
        let account = line.entity;
        vec![
            account.login.clone(),
            account.name.clone(),
            account.status.word().to_owned(),
            account.raw_status.clone(),
            text(account.department.as_ref()),
            text(account.title.as_ref()),
            last_sign_in(&account.last_sign_in),
            account.id.clone(),
            line.source.to_owned(),
        ]
    })
}

/// A graph of the accounts alone, and all that is known of each, which no graph keeps.
fn with_accounts(snapshot: Snapshot) -> (Graph, BTreeMap<AccountIx, Account>) {
    let mut accounts = snapshot;
    accounts.facts.retain(|fact| matches!(fact.record, Record::Account(_)));
    let mut facts: Vec<(u64, Account)> = Vec::new();
    for fact in &accounts.facts {
        if let Record::Account(account) = &fact.record {
            facts.push((fact.last_seen, account.as_ref().clone()));
        }
    }
    let graph = Graph::build(accounts);
    // Of two readings of one account the one that was seen last counts.
    facts.sort_by_key(|(last_seen, _)| *last_seen);
    let known =
        facts.into_iter().filter_map(|(_, account)| Some((graph.account_with_id(&account.id)?, account)));
    let known = known.collect();
    (graph, known)
}

fn last_sign_in(value: &Observed<Option<Time>>) -> String {
    match value {
        Observed::Known(Some(time)) => time.to_string(),
        Observed::Known(None) => "never".to_owned(),
        Observed::Unknown(why) => format!("unknown: {why}"),
    }
}

pub(super) fn groups(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines(snapshots, |record| if let Record::Group(group) = record { Some(group) } else { None });
    let names = ["name", "origin", "members", "applications", "description", "id", "source"];
    show(&lines, format, &names, |line| {
        let group = line.entity;
        let origin = match &group.origin {
            GroupOrigin::Native => "native",
            GroupOrigin::Imported => "imported",
            GroupOrigin::BuiltIn => "built-in",
            GroupOrigin::Unknown(word) => word,
        };
        vec![
            group.name.clone(),
            origin.to_owned(),
            counted(&group.member_count),
            counted(&group.resource_count),
            text(group.description.as_ref()),
            group.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn apps(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines(snapshots, |record| if let Record::Resource(app) = record { Some(app) } else { None });
    let names = ["label", "catalogue name", "status", "sign-on mode", "for everyone", "id", "source"];
    show(&lines, format, &names, |line| {
        let app = line.entity;
        let everyone = match &app.implicit_assignment {
            Observed::Known(true) => "yes",
            Observed::Known(false) => "",
            Observed::Unknown(_) => "unknown",
        };
        vec![
            app.label.clone(),
            text(app.catalog_name.as_ref()),
            app.raw_status.to_lowercase(),
            text(app.sign_on_mode.as_ref()),
            everyone.to_owned(),
            app.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn rules(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Rule(rule) = record { Some(rule) } else { None },
        |names, rule| {
            let groups: Vec<_> = rule
                .target_groups
                .iter()
                .map(|id| names.get("group", id).as_str().unwrap_or(id).to_owned())
                .collect();
            BTreeMap::from([("target_group_names", json!(groups))])
        },
    );
    let names =
        ["name", "status", "puts into", "condition", "excluded accounts", "excluded groups", "id", "source"];
    show(&lines, format, &names, |line| {
        let rule = line.entity;
        let groups = line.more["target_group_names"].as_array().into_iter().flatten();
        vec![
            rule.name.clone(),
            rule.raw_status.to_lowercase(),
            groups.filter_map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
            text(rule.expression.as_ref()),
            rule.excluded_accounts.len().to_string(),
            rule.excluded_groups.len().to_string(),
            rule.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn owners(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Ownership(owner) = record { Some(owner) } else { None },
        |names, edge| {
            let group = names.get("group", &edge.group);
            BTreeMap::from([("group_name", group), ("owner_name", names.of_object(&edge.owner.to_string()))])
        },
    );
    let names = ["group", "owner", "kind", "kept in", "group id", "owner id", "source"];
    show(&lines, format, &names, |line| {
        let edge = line.entity;
        let known = line.told("owner_name");
        vec![
            line.told("group_name"),
            if known.is_empty() { text(edge.name.as_ref()) } else { known },
            edge.owner.kind().to_string(),
            text(edge.origin.as_ref()),
            edge.group.clone(),
            edge.owner.id().to_owned(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn pushes(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Push(push) = record { Some(push) } else { None },
        |names, push| {
            BTreeMap::from([
                ("group_name", names.get("group", &push.group)),
                ("app_label", names.get("resource", &push.resource)),
            ])
        },
    );
    let names = ["group", "application", "status", "last updated", "group there", "id", "source"];
    show(&lines, format, &names, |line| {
        let push = line.entity;
        vec![
            line.told("group_name"),
            line.told("app_label"),
            push.raw_status.to_lowercase(),
            time(push.last_updated),
            text(push.target_group.as_ref()),
            push.id.clone(),
            line.source.to_owned(),
        ]
    })
}
