//! `sightline list` and `sightline export`.

use serde::Serialize;
use sightline_core::{Fact, GroupOrigin, HoldingScope, Observed, Record, Scope, Snapshot, Time};
use sightline_graph::Graph;

use crate::answer::{AdminLine, ViaAnswer};
use crate::cli::{Export, Format, List, Listing};
use crate::command::gaps::reminder;
use crate::failure::Failure;
use crate::output::{Columns, json, json_line, note, number};
use crate::world::{World, graphs, nothing_read, selected};

/// An entity with where it is known from.
#[derive(Serialize)]
struct EntityLine<'a, T> {
    source: &'a str,
    #[serde(flatten)]
    entity: &'a T,
    first_seen: u64,
    last_seen: u64,
    stale: bool,
}

pub(crate) fn run(world: &World, list: &List) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    if list.what == Listing::Admins {
        return admins(&graphs(&store, list.source.as_deref())?, list.format);
    }
    let mut snapshots = Vec::new();
    for record in selected(&store, list.source.as_deref())? {
        if let Some(meta) = store.latest(record.id)? {
            snapshots.push(store.snapshot(record.id, meta.number)?);
        }
    }
    if snapshots.is_empty() {
        return Err(nothing_read());
    }
    match list.what {
        Listing::Accounts => accounts(&snapshots, list.format),
        Listing::Groups => groups(&snapshots, list.format),
        Listing::Apps => apps(&snapshots, list.format),
        Listing::Roles | Listing::Admins => roles(&snapshots, list.format),
    }
}

fn entities<'a, T>(
    snapshots: &'a [Snapshot],
    pick: impl Fn(&'a Record) -> Option<&'a T>,
) -> Vec<EntityLine<'a, T>> {
    let mut lines = Vec::new();
    for snapshot in snapshots {
        for fact in &snapshot.facts {
            if let Some(entity) = pick(&fact.record) {
                lines.push(EntityLine {
                    source: &snapshot.source,
                    entity,
                    first_seen: fact.first_seen,
                    last_seen: fact.last_seen,
                    stale: snapshot.is_stale(fact),
                });
            }
        }
    }
    lines
}

/// Prints entities in the form that was asked for; gaps of their listing are told on standard error whatever it is.
fn show<T: Serialize>(
    snapshots: &[Snapshot],
    dataset: &str,
    lines: &[EntityLine<'_, T>],
    format: Format,
    names: &[&'static str],
    row: impl Fn(&EntityLine<'_, T>) -> Vec<String>,
) -> Result<(), Failure> {
    for snapshot in snapshots {
        for gap in snapshot.gaps().filter(|gap| gap.scope.dataset == dataset) {
            note(format!("not complete [{}]: {}: {}", snapshot.source, gap.reason.phrase(), gap.detail));
        }
    }
    if format.json {
        return json(&lines);
    }
    let mut columns = Columns::new(names);
    columns.rows = lines.iter().map(row).collect();
    if format.csv {
        return columns.csv();
    }
    columns.table()
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn time(value: &Observed<Option<Time>>) -> String {
    match value {
        Observed::Known(Some(time)) => time.to_string(),
        Observed::Known(None) => "never".to_owned(),
        Observed::Unknown(why) => format!("unknown: {why}"),
    }
}

fn counted(value: &Observed<u64>) -> String {
    match value {
        Observed::Known(count) => number(*count),
        Observed::Unknown(_) => "unknown".to_owned(),
    }
}

fn accounts(snapshots: &[Snapshot], format: Format) -> Result<(), Failure> {
    let lines = entities(
        snapshots,
        |record| if let Record::Account(account) = record { Some(account) } else { None },
    );
    let names =
        ["login", "name", "status", "raw status", "department", "title", "last sign-in", "id", "source"];
    show(snapshots, "users", &lines, format, &names, |line| {
        let account = line.entity;
        vec![
            account.login.clone(),
            account.name.clone(),
            account.status.word().to_owned(),
            account.raw_status.clone(),
            text(account.department.as_ref()),
            text(account.title.as_ref()),
            time(&account.last_sign_in),
            account.id.clone(),
            line.source.to_owned(),
        ]
    })
}

fn groups(snapshots: &[Snapshot], format: Format) -> Result<(), Failure> {
    let lines =
        entities(snapshots, |record| if let Record::Group(group) = record { Some(group) } else { None });
    let names = ["name", "origin", "members", "applications", "description", "id", "source"];
    show(snapshots, "groups", &lines, format, &names, |line| {
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

fn apps(snapshots: &[Snapshot], format: Format) -> Result<(), Failure> {
    let lines =
        entities(snapshots, |record| if let Record::Resource(app) = record { Some(app) } else { None });
    let names = ["label", "catalogue name", "status", "sign-on mode", "for everyone", "id", "source"];
    show(snapshots, "apps", &lines, format, &names, |line| {
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

fn roles(snapshots: &[Snapshot], format: Format) -> Result<(), Failure> {
    let lines = entities(snapshots, |record| if let Record::Role(role) = record { Some(role) } else { None });
    let names = ["label", "kind", "description", "id", "source"];
    show(snapshots, "roles", &lines, format, &names, |line| {
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

fn admins(graphs: &[Graph], format: Format) -> Result<(), Failure> {
    let lines: Vec<AdminLine> = graphs
        .iter()
        .flat_map(|graph| {
            graph.admins().into_iter().map(|holding| AdminLine::of(graph, &holding)).collect::<Vec<_>>()
        })
        .collect();
    if format.json || format.csv {
        for gap in graphs.iter().flat_map(Graph::gaps_hiding_admins) {
            note(format!("not complete: {}: {}; {}", gap.scope, gap.reason.phrase(), gap.consequence));
        }
    }
    if format.json {
        return json(&lines);
    }
    let mut columns = Columns::new(&["login", "status", "role", "reaches", "through", "source"]);
    for admin in &lines {
        let through = match &admin.via {
            ViaAnswer::Direct => "direct".to_owned(),
            ViaAnswer::Group { group } => group.name.clone(),
            ViaAnswer::UnseenGroup => "a group that was not seen".to_owned(),
        };
        let inactive = if admin.active { "" } else { " (not in force)" };
        columns.rows.push(vec![
            admin.account.login.clone(),
            admin.account.status.word().to_owned(),
            format!("{}{inactive}", admin.label),
            reaches(graphs, &admin.source, &admin.scope),
            through,
            admin.source.clone(),
        ]);
    }
    if format.csv {
        return columns.csv();
    }
    columns.table()?;
    graphs.iter().try_for_each(|graph| reminder(graph, &graph.gaps_hiding_admins()))
}

/// What a role reaches, with names for ids where they are known.
fn reaches(graphs: &[Graph], source: &str, scope: &HoldingScope) -> String {
    let graph = graphs.iter().find(|graph| graph.about().source == source);
    match scope {
        HoldingScope::Org => "whole organisation".to_owned(),
        HoldingScope::Set(id) => format!("resource set {id}"),
        HoldingScope::Unknown(why) => format!("unknown: {why}"),
        HoldingScope::Targets(targets) => {
            let name = |target: &String| {
                let (kind, id) = target.split_once('/')?;
                let graph = graph?;
                match kind {
                    "group" => graph.group_with_id(id).map(|group| graph.group(group).name.clone()),
                    "resource" => graph.resource_with_id(id).map(|app| graph.resource(app).label.clone()),
                    _ => None,
                }
            };
            targets
                .iter()
                .map(|target| name(target).unwrap_or_else(|| target.clone()))
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

pub(crate) fn export(world: &World, export: &Export) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        source: &'a str,
        snapshot: u64,
        key: String,
        scope: Option<&'a Scope>,
        #[serde(flatten)]
        fact: FactLine<'a>,
    }
    #[derive(Serialize)]
    struct FactLine<'a> {
        first_seen: u64,
        last_seen: u64,
        stale: bool,
        record: &'a Record,
    }
    let store = world.store_to_read()?;
    let mut any = false;
    for record in selected(&store, export.source.as_deref())? {
        let Some(meta) = store.latest(record.id)? else { continue };
        any = true;
        let snapshot = store.snapshot(record.id, meta.number)?;
        for fact in &snapshot.facts {
            let Fact { record, first_seen, last_seen, scope } = fact;
            json_line(&Line {
                source: &snapshot.source,
                snapshot: snapshot.number,
                key: record.key(),
                scope: snapshot.scopes.get(*scope as usize).map(|state| &state.scope),
                fact: FactLine {
                    first_seen: *first_seen,
                    last_seen: *last_seen,
                    stale: snapshot.is_stale(fact),
                    record,
                },
            })?;
        }
    }
    if any { Ok(()) } else { Err(nothing_read()) }
}
