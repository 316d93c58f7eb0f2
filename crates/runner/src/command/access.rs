//! `sightline who`, `what` and `why`.

use sightline_answer::{
    AccessAnswer, AdminLine, Known, PermissionAnswer, StepAnswer, WhyAnswer, count, find_account, find_app,
    last_use_phrase, reaches,
};
use sightline_core::{LastUse, Observed, Time};
use sightline_graph::{AccountIx, ResourceIx};

use crate::cli::{Format, What, Who, Why};
use crate::command::gaps::reminder;
use crate::failure::Failure;
use crate::output::{Columns, json, line, note};
use crate::world::{World, graphs};

pub(crate) fn who(world: &World, who: &Who) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &who.which)?;
    let (known, resource) = find_app(&found, &who.app)?;
    show_who(known, resource, who.format, None)
}

/// Who can reach an application; `most` bounds the lines for a demonstration.
pub(crate) fn show_who(
    known: &Known,
    resource: ResourceIx,
    format: Format,
    most: Option<usize>,
) -> Result<(), Failure> {
    let graph = &known.graph;
    let answer = AccessAnswer::who(known, resource);
    if format.json {
        return json(&answer);
    }
    let AccessAnswer { snapshot, access, notes, gaps, .. } = answer;
    let mut columns =
        Columns::new(&["account", "name", "access", "through", "since", "seen since", "last use"]);
    for access in &access {
        let since = access.since.map(Time::date).unwrap_or_default();
        columns.rows.push(vec![
            access.account.login.clone(),
            access.account.name.clone(),
            access.verdict_phrase(),
            access.path_phrases(),
            since,
            access.seen_since(),
            last_use_phrase(&access.last_use),
        ]);
    }
    if format.csv {
        notes.iter().for_each(note);
        return columns.csv();
    }
    let reach = access.iter().filter(|access| access.can_reach).count() as u64;
    let blocked = access.len() as u64 - reach;
    let unused = access
        .iter()
        .filter(|access| {
            access.can_reach && matches!(access.last_use, LastUse::NotSince(_) | LastUse::Never(_))
        })
        .count();
    let mut head =
        format!("{} can reach {}", count(reach, "account", "accounts"), graph.resource(resource).label);
    if blocked > 0 {
        head.push_str(&format!("; {} assigned but blocked", count(blocked, "is", "are")));
    }
    if unused > 0 {
        head.push_str(&format!(
            "; {} not used it in the window that was read",
            count(unused as u64, "has", "have")
        ));
    }
    line(format!("{head}. [{}]\n", snapshot.phrase()))?;
    let left = most.map_or(0, |most| columns.rows.len().saturating_sub(most));
    columns.rows.truncate(most.unwrap_or(usize::MAX));
    if !columns.rows.is_empty() {
        columns.table()?;
    }
    if left > 0 {
        line(format!("… and {left} more"))?;
    }
    tell(&notes)?;
    reminder(graph, &gaps)
}

pub(crate) fn what(world: &World, what: &What) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &what.which)?;
    let (known, account) = find_account(&found, &what.account)?;
    show_what(known, account, what.format)
}

/// What an account can reach.
pub(crate) fn show_what(known: &Known, account: AccountIx, format: Format) -> Result<(), Failure> {
    let graph = &known.graph;
    let answer = AccessAnswer::what(known, account, &known.graph.admins());
    if format.json {
        return json(&answer);
    }
    let AccessAnswer { snapshot, manager, access, roles, notes, gaps, .. } = answer;
    let mut columns = Columns::new(&["application", "access", "through", "since", "last use"]);
    for access in &access {
        columns.rows.push(vec![
            access.app.name.clone(),
            access.verdict_phrase(),
            access.path_phrases(),
            access.since.map(Time::date).unwrap_or_default(),
            last_use_phrase(&access.last_use),
        ]);
    }
    if format.csv {
        notes.iter().for_each(note);
        return columns.csv();
    }
    let reach = access.iter().filter(|access| access.can_reach).count() as u64;
    let who = graph.account(account);
    line(format!(
        "{} ({}, {}) can reach {}. [{}]",
        who.login,
        who.name,
        who.status.word(),
        count(reach, "application", "applications"),
        snapshot.phrase()
    ))?;
    if let Some(manager) = &manager {
        line(format!("Manager: {}.", manager.phrase()))?;
    }
    line("")?;
    if !columns.rows.is_empty() {
        columns.table()?;
    }
    let held: Vec<&AdminLine> = roles.iter().flatten().filter(|role| role.active).collect();
    if !held.is_empty() {
        line("\nHolds admin roles:")?;
    }
    for role in held {
        let stale = role.provenance.seen.stale_phrase();
        line(format!("   - {}{stale} over {}", role.label, reaches(graph, &role.scope, SHOWN)))?;
        match &role.permissions {
            None => {}
            Some(Observed::Known(all)) => {
                let names: Vec<String> = all.iter().map(PermissionAnswer::phrase).collect();
                line(format!("       allows {}", names.join(", ")))?;
            }
            Some(Observed::Unknown(why)) => line(format!("       what it allows is unknown: {why}"))?,
        }
    }
    tell(&notes)?;
    reminder(graph, &gaps)
}

/// How many things are named where a table or a line would get too long.
const SHOWN: usize = 5;

fn tell(notes: &[String]) -> Result<(), Failure> {
    notes.iter().try_for_each(|note| line(format!("\nNot certain: {note}.")))
}

pub(crate) fn why(world: &World, why: &Why) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &why.which)?;
    let (known, account) = find_account(&found, &why.account)?;
    // An account and an application of different systems have nothing to do with each other.
    let (known, resource) = find_app(std::slice::from_ref(known), &why.app)?;
    show_why(known, account, resource, why.json)
}

/// Why an account reaches an application, or why not.
pub(crate) fn show_why(
    known: &Known,
    account: AccountIx,
    resource: ResourceIx,
    as_json: bool,
) -> Result<(), Failure> {
    let answer = WhyAnswer::of(known, account, resource);
    if as_json {
        return json(&answer);
    }
    let (login, app) = (&answer.account.login, &answer.app.name);
    line(format!("{}. [{}]", answer.verdict(), answer.snapshot.phrase()))?;
    line(format!("Last use: {}.", last_use_phrase(&answer.last_use)))?;
    for (index, path) in answer.paths.iter().enumerate() {
        line(format!("\n{}. {}", index + 1, path.line.phrase()))?;
        line(format!("   {} ({}, {})", answer.account.name, login, answer.account.status.word()))?;
        for hop in &path.hops {
            line(format!("   -> {}   [{}]", hop.phrase(app), hop.provenance.phrase()))?;
        }
        if let Some(seen) = &path.line.seen {
            line(format!("   seen since {}", seen.since_phrase()))?;
        }
    }
    if let Some(removal) = &answer.removal {
        line(format!("\nWhat would remove it ({}):", count(removal.steps.len() as u64, "act", "acts")))?;
        for step in &removal.steps {
            line(format!("   - {}", step.phrase(app, login)))?;
            step_details(step)?;
        }
        let others: Vec<&StepAnswer> = removal.others().collect();
        if !others.is_empty() {
            line("   Instead of one of these:")?;
            for step in others {
                line(format!("   - {}", step.phrase(app, login)))?;
                step_details(step)?;
            }
        }
        if let Some(accesses) = removal.deactivate_account {
            line(format!(
                "   Or deactivate the account, which ends {}.",
                count(accesses, "access", "accesses")
            ))?;
        }
    }
    if !answer.groups_that_would_give_it.is_empty() {
        line("\nWhat would give it: a direct assignment, or one of these groups:")?;
        for needed in &answer.groups_that_would_give_it {
            line(format!("   - {} ({})", needed.group.name, count(needed.members, "member", "members")))?;
        }
    }
    tell(&answer.notes)?;
    reminder(&known.graph, &answer.gaps)
}

fn step_details(step: &StepAnswer) -> Result<(), Failure> {
    if let Some(collateral) = step.collateral.phrase() {
        line(format!("       also takes away {collateral}"))?;
    }
    for hindrance in &step.hindrances {
        line(format!("       but {hindrance}"))?;
    }
    Ok(())
}
