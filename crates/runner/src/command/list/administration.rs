//! Lists about administration: roles, who holds them, what they are limited to, and what acts without a person.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sightline_answer::{
    AdminLine, Known, SeenAnswer, ServiceAppLine, SetAnswer, SnapshotStamp, number, reaches,
};
use sightline_core::{CredentialKind, Gap, Record};
use sightline_graph::Graph;

use super::{Dated, Line, SHOWN, lines_with, show, text, time};
use crate::cli::Format;
use crate::command::gaps::reminder;
use crate::failure::Failure;
use crate::output::{Columns, json, note};

pub(super) fn roles(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Role(role) = record { Some(role) } else { None },
        |names, role| {
            // Null where it is not known, or is what the provider's name of the role says.
            let permissions = names.is_read(&role.id).then(|| {
                let all = names.under(&role.id).filter_map(|record| match record {
                    Record::Permission(permission) => Some(permission),
                    _ => None,
                });
                all.collect::<Vec<_>>()
            });
            BTreeMap::from([("permissions", json!(permissions))])
        },
    );
    let names = ["label", "kind", "description", "id", "source"];
    show(&lines, format, &names, |line| {
        let role = line.entity;
        vec![
            role.label.clone(),
            if role.custom { "custom" } else { "standard" }.to_owned(),
            text(role.description.as_ref()),
            role.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn admins(found: &[Known], format: Format) -> Result<(), Failure> {
    let lines: Vec<(&Graph, AdminLine)> = found
        .iter()
        .flat_map(|known| {
            let graph = &known.graph;
            graph.admins().into_iter().map(move |holding| (graph, AdminLine::of(known, &holding)))
        })
        .collect();
    if format.json || format.csv {
        for known in found {
            tell(&known.graph.gaps_hiding_admins());
        }
    }
    if format.json {
        return json(&lines.iter().map(|(_, line)| line).collect::<Vec<_>>());
    }
    let mut columns = Columns::new(&["who", "status", "role", "reaches", "through", "source"]);
    let most = if format.csv { usize::MAX } else { SHOWN };
    for (graph, admin) in &lines {
        let inactive = if admin.active { "" } else { " (not in force)" };
        columns.rows.push(vec![
            admin.who(),
            admin.status().to_owned(),
            format!("{}{inactive}{}", admin.label, admin.provenance.seen.stale_phrase()),
            reaches(graph, &admin.scope, most),
            admin.via.phrase(),
            admin.source.clone(),
        ]);
    }
    if format.csv {
        return columns.csv();
    }
    columns.table()?;
    found.iter().try_for_each(|known| reminder(&known.graph, known.graph.gaps_hiding_admins()))
}

fn tell(gaps: &[&Gap]) {
    for gap in gaps {
        note(format!("not complete: {}: {}; {}", gap.scope, gap.reason.phrase(), gap.consequence));
    }
}

pub(super) fn service_apps(found: &[Known], format: Format) -> Result<(), Failure> {
    let lines: Vec<(&Graph, ServiceAppLine)> = found
        .iter()
        .flat_map(|known| {
            let graph = &known.graph;
            graph.service_apps().into_iter().map(move |app| (graph, ServiceAppLine::of(known, app)))
        })
        .collect();
    if format.json || format.csv {
        for known in found {
            tell(&known.graph.gaps_around_service_apps());
        }
    }
    if format.json {
        return json(&lines.iter().map(|(_, line)| line).collect::<Vec<_>>());
    }
    let mut columns = Columns::new(&[
        "application",
        "status",
        "can act",
        "roles",
        "granted scopes",
        "credentials",
        "source",
    ]);
    let most = if format.csv { usize::MAX } else { SHOWN };
    for (graph, app) in &lines {
        let roles = app.roles.iter().map(|role| {
            let inactive = if role.active { "" } else { " (not in force)" };
            let stale = role.provenance.seen.stale_phrase();
            format!("{}{inactive}{stale} over {}", role.label, reaches(graph, &role.scope, most))
        });
        let grants = app.grants.iter().map(|grant| grant.scope.clone());
        let credentials = app.credentials.iter().map(|one| {
            let age = one.age_days.map(|days| format!(", {} days old", number(days))).unwrap_or_default();
            let status = one.credential.raw_status.as_deref().map(str::to_lowercase);
            let status = status.map(|status| format!(", {status}")).unwrap_or_default();
            format!("{}{age}{status}", kind_phrase(&one.credential.kind))
        });
        columns.rows.push(vec![
            app.app.name.clone(),
            app.raw_status.to_lowercase(),
            app.power.phrase(),
            listed(roles, app.roles_unread.as_deref(), most),
            listed(grants, app.grants_unread.as_deref(), most),
            listed(credentials, None, most),
            app.source.clone(),
        ]);
    }
    if format.csv {
        return columns.csv();
    }
    columns.table()?;
    found.iter().try_for_each(|known| reminder(&known.graph, known.graph.gaps_around_service_apps()))
}

/// Some things in a cell, and that there may be more.
fn listed(things: impl Iterator<Item = String>, unread: Option<&str>, most: usize) -> String {
    let mut things: Vec<String> = things.collect();
    if things.len() > most {
        let more = things.len() - most;
        things.truncate(most);
        things.push(format!("{more} more"));
    }
    match unread {
        Some(why) if things.is_empty() => things.push(format!("unknown: {why}")),
        Some(why) => things.push(format!("perhaps more: {why}")),
        None if things.is_empty() => things.push("none".to_owned()),
        None => {}
    }
    things.join(", ")
}

const fn kind_phrase(kind: &CredentialKind) -> &'static str {
    match kind {
        CredentialKind::ApiToken => "API token",
        CredentialKind::ClientSecret => "client secret",
        CredentialKind::Key => "key",
        CredentialKind::ApiIntegration => "API integration",
    }
}

pub(super) fn scope_sets(snapshots: Vec<Dated>, format: Format) -> Result<(), Failure> {
    // Provenance is that of the facts; what a set holds is put together by a graph.
    let provenance: BTreeMap<(String, String), SeenAnswer> = snapshots
        .iter()
        .flat_map(|Dated { snapshot, times }| {
            snapshot.facts.iter().filter_map(|fact| match &fact.record {
                Record::ScopeSet(set) => Some((
                    (snapshot.source.clone(), set.id.clone()),
                    SeenAnswer::of(fact.first_seen, fact.last_seen, snapshot.is_stale(fact), times),
                )),
                _ => None,
            })
        })
        .collect();
    let graphs: Vec<Graph> = snapshots.into_iter().map(|dated| Graph::build(dated.snapshot)).collect();
    let most = if format.csv { usize::MAX } else { SHOWN };
    let mut lines = Vec::new();
    let mut contents = BTreeMap::new();
    for graph in &graphs {
        let source = graph.about().source.as_str();
        for set in graph.scope_sets() {
            let answer = SetAnswer::of(graph, &set.id);
            contents.insert((source, set.id.as_str()), answer.contents(most));
            let seen = provenance.get(&(source.to_owned(), set.id.clone())).copied().unwrap_or_default();
            let snapshot = SnapshotStamp::of(graph);
            let more = BTreeMap::from([("holds", json!(answer.holds)), ("unread", json!(answer.unread))]);
            lines.push(Line { source, snapshot, entity: set, more, seen });
        }
    }
    let names = ["label", "description", "holds", "id", "source"];
    show(&lines, format, &names, |line| {
        let set = line.entity;
        vec![
            set.label.clone(),
            text(set.description.as_ref()),
            contents.get(&(line.source, set.id.as_str())).cloned().unwrap_or_default(),
            set.id.clone(),
            line.source.to_owned(),
        ]
    })
}

pub(super) fn credentials(snapshots: &[Dated], format: Format) -> Result<(), Failure> {
    let lines = lines_with(
        snapshots,
        |record| if let Record::Credential(credential) = record { Some(credential) } else { None },
        |names, credential| {
            let owner = credential.owner.as_deref().map_or(Value::Null, |owner| names.of_object(owner));
            BTreeMap::from([("owner_name", owner)])
        },
    );
    let names = ["kind", "name", "owner", "status", "created", "last updated", "expires", "id", "source"];
    show(&lines, format, &names, |line| {
        let credential = line.entity;
        let owner = line.told("owner_name");
        vec![
            kind_phrase(&credential.kind).to_owned(),
            credential.name.clone(),
            if owner.is_empty() { text(credential.owner.as_ref()) } else { owner },
            text(credential.raw_status.as_ref()).to_lowercase(),
            time(credential.created),
            time(credential.last_updated),
            time(credential.expires),
            credential.id.clone(),
            line.source.to_owned(),
        ]
    })
}
