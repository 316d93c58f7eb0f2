//! Lists about administration: roles, who holds them, what they are limited to, and what acts without a person.

use sightline_answer::lists::{self, Listed};
use sightline_answer::{AdminLine, Known, ServiceAppLine, number, reaches};
use sightline_core::{CredentialKind, Gap};
use sightline_graph::Graph;

use super::{SHOWN, show, text, time};
use crate::cli::Format;
use crate::command::gaps::reminder;
use crate::failure::Failure;
use crate::output::{Columns, json, note};

pub(super) fn roles(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::roles(listed);
    let names = ["label", "kind", "description", "id", "source"];
    show(&lines, format, &names, |line| {
        let role = line.entity;
        vec![
            role.label.clone(),
            if role.custom { "custom" } else { "standard" }.to_owned(),
            text(role.description.as_ref()),
            role.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn admins(found: &[Known], format: Format) -> Result<(), Failure> {
    let lines: Vec<(&Graph, AdminLine)> = found
        .iter()
        .flat_map(|known| AdminLine::all(known).into_iter().map(|line| (&known.graph, line)))
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
        .flat_map(|known| ServiceAppLine::all(known).into_iter().map(|line| (&known.graph, line)))
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

pub(super) fn scope_sets(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::scope_sets(listed);
    let most = if format.csv { usize::MAX } else { SHOWN };
    let names = ["label", "description", "holds", "id", "source"];
    show(&lines, format, &names, |line| {
        let set = &line.entity;
        vec![
            set.label.clone(),
            text(set.description.as_ref()),
            line.more.contents(most),
            set.id.clone(),
            line.source.clone(),
        ]
    })
}

pub(super) fn credentials(listed: &[Listed], format: Format) -> Result<(), Failure> {
    let lines = lists::credentials(listed);
    let names = ["kind", "name", "owner", "status", "created", "last updated", "expires", "id", "source"];
    show(&lines, format, &names, |line| {
        let credential = line.entity;
        vec![
            kind_phrase(&credential.kind).to_owned(),
            credential.name.clone(),
            text(line.more.owner_name.as_ref().or(credential.owner.as_ref())),
            text(credential.raw_status.as_ref()).to_lowercase(),
            time(credential.created),
            time(credential.last_updated),
            time(credential.expires),
            credential.id.clone(),
            line.source.clone(),
        ]
    })
}
