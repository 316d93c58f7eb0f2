//! `sightline who`, `what` and `why`.

use sightline_core::{AccountStatus, LastUse, Observed, RawJson, Time};
use sightline_graph::{AccountIx, AdminHolding, Explanation, Found, Graph, Holder, ResourceIx};
use sightline_store::Store;

use crate::answer::{
    AccessAnswer, AccessLine, AdminLine, CollateralAnswer, HopAnswer, HopFact, ManagerAnswer, SnapshotRef,
    StepAnswer, WhyAnswer, account_ref, block_phrase, implicit_note, last_use_phrase, reaches, resource_ref,
};
use crate::cli::{Format, What, Who, Why};
use crate::command::gaps::reminder;
use crate::failure::{Failure, NOT_FOUND};
use crate::output::{Columns, count, json, line, note};
use crate::seen::FactsSeen;
use crate::world::{Known, World, graphs};

/// Looks a name up in every graph; exactly one thing must fit.
fn find<'g, Ix: Copy>(
    graphs: &'g [Known],
    text: &str,
    what: &str,
    search: impl Fn(&Graph, &str) -> Found<Ix>,
    name: impl Fn(&Graph, Ix) -> String,
) -> Result<(&'g Known, Ix), Failure> {
    let mut hits: Vec<(&Known, Ix)> = Vec::new();
    let mut near: Vec<String> = Vec::new();
    for known in graphs {
        let graph = &known.graph;
        match search(graph, text) {
            Found::One(ix) => hits.push((known, ix)),
            Found::Many(all) => hits.extend(all.into_iter().map(|ix| (known, ix))),
            Found::None { suggestions } => near.extend(suggestions.into_iter().map(|ix| name(graph, ix))),
        }
    }
    match hits.as_slice() {
        [one] => Ok(*one),
        [] => {
            let failure = Failure::new(format!("no {what} is called {text:?}")).code(NOT_FOUND);
            Err(if near.is_empty() {
                failure
            } else {
                failure.hint(format!("did you mean {}?", near.join(", ")))
            })
        }
        many => {
            let names: Vec<_> = many
                .iter()
                .take(8)
                .map(|(Known { graph, .. }, ix)| format!("{} [{}]", name(graph, *ix), graph.about().source))
                .collect();
            let more = if many.len() > 8 { ", …" } else { "" };
            Err(Failure::usage(format!("{text:?} fits {} {what}s: {}{more}", many.len(), names.join(", ")))
                .hint("give more of the name, the id, or --source"))
        }
    }
}

fn find_app<'g>(graphs: &'g [Known], text: &str) -> Result<(&'g Known, ResourceIx), Failure> {
    let name = |graph: &Graph, ix| format!("{} ({})", graph.resource(ix).label, graph.resource(ix).id);
    find(graphs, text, "application", Graph::find_resource, name)
}

fn find_account<'g>(graphs: &'g [Known], text: &str) -> Result<(&'g Known, AccountIx), Failure> {
    let name = |graph: &Graph, ix| graph.account(ix).login.to_owned();
    find(graphs, text, "account", Graph::find_account, name)
}

fn snapshot_phrase(graph: &Graph) -> String {
    let about = graph.about();
    format!("{}, snapshot {} of {}", about.source, about.number, about.sealed)
}

pub(crate) fn who(world: &World, who: &Who) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &who.which)?;
    let (known, resource) = find_app(&found, &who.app)?;
    show_who(&store, known, resource, who.format, None)
}

/// Who can reach an application; `most` bounds the lines for a demonstration.
pub(crate) fn show_who(
    store: &Store,
    known: &Known,
    resource: ResourceIx,
    format: Format,
    most: Option<usize>,
) -> Result<(), Failure> {
    let graph = &known.graph;
    let seen = FactsSeen::around_resource(store, known, resource)?;
    let access: Vec<_> =
        graph.who(resource).iter().map(|access| AccessLine::of(graph, access, &seen)).collect();
    let gaps = graph.gaps_around_resource(resource);
    let notes: Vec<String> = implicit_note(graph, resource).into_iter().collect();
    if format.json {
        return json(&AccessAnswer {
            snapshot: SnapshotRef::of(graph),
            app: Some(resource_ref(graph, resource)),
            account: None,
            manager: None,
            access,
            roles: None,
            notes,
            gaps,
        });
    }
    let mut columns =
        Columns::new(&["account", "name", "access", "through", "since", "seen since", "last use"]);
    for access in &access {
        let since = access.since.map(Time::date).unwrap_or_default();
        columns.rows.push(vec![
            access.account.login.clone(),
            access.account.name.clone(),
            access.blocked.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}")),
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
    line(format!("{head}. [{}]\n", snapshot_phrase(graph)))?;
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
    show_what(&store, known, account, what.format)
}

/// What an account can reach.
pub(crate) fn show_what(
    store: &Store,
    known: &Known,
    account: AccountIx,
    format: Format,
) -> Result<(), Failure> {
    let graph = &known.graph;
    let seen = FactsSeen::around_account(store, known, account)?;
    let access: Vec<_> =
        graph.what(account).iter().map(|access| AccessLine::of(graph, access, &seen)).collect();
    let gaps = graph.gaps_around_account(account);
    let manager = ManagerAnswer::of(graph, account);
    let holds = |holding: &AdminHolding| holding.holder == Holder::Account(account);
    let roles: Vec<AdminLine> = graph
        .admins()
        .iter()
        .filter(|holding| holds(holding))
        .map(|holding| AdminLine::of(known, holding))
        .collect();
    let notes = unclear_settings(graph, account, &access);
    if format.json {
        return json(&AccessAnswer {
            snapshot: SnapshotRef::of(graph),
            app: None,
            account: Some(account_ref(graph, account)),
            manager,
            access,
            roles: Some(roles),
            notes,
            gaps,
        });
    }
    let mut columns = Columns::new(&["application", "access", "through", "since", "last use"]);
    for access in &access {
        columns.rows.push(vec![
            access.app.name.clone(),
            access.blocked.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}")),
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
        snapshot_phrase(graph)
    ))?;
    if let Some(manager) = &manager {
        line(format!("Manager: {}.", manager.phrase()))?;
    }
    line("")?;
    if !columns.rows.is_empty() {
        columns.table()?;
    }
    let held: Vec<&AdminLine> = roles.iter().filter(|role| role.active).collect();
    if !held.is_empty() {
        line("\nHolds admin roles:")?;
    }
    for role in held {
        let stale = role.provenance.seen.stale_phrase();
        line(format!("   - {}{stale} over {}", role.label, reaches(graph, &role.scope, SHOWN)))?;
        match &role.permissions {
            None => {}
            Some(Observed::Known(all)) => {
                let names = all.iter().map(|one| {
                    let limited =
                        if one.conditions == RawJson::default() { "" } else { " (under conditions)" };
                    format!("{}{limited}", one.name)
                });
                line(format!("       allows {}", names.collect::<Vec<_>>().join(", ")))?;
            }
            Some(Observed::Unknown(why)) => line(format!("       what it allows is unknown: {why}"))?,
        }
    }
    tell(&notes)?;
    reminder(graph, &gaps)
}

/// How many things are named where a table or a line would get too long.
const SHOWN: usize = 5;

/// That the account might reach further applications, because their settings were not readable.
fn unclear_settings(graph: &Graph, account: AccountIx, access: &[AccessLine]) -> Vec<String> {
    if graph.account(account).status == AccountStatus::Deactivated {
        return Vec::new();
    }
    let unclear: Vec<&str> = graph
        .resources()
        .filter(|(resource, _)| graph.may_be_for_everyone(*resource).is_some())
        .filter(|(_, resource)| !access.iter().any(|line| line.app.id == resource.id && line.can_reach))
        .map(|(_, resource)| resource.label.as_str())
        .collect();
    if unclear.is_empty() {
        return Vec::new();
    }
    let more = if unclear.len() > SHOWN { ", …" } else { "" };
    let named = unclear.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    vec![format!(
        "everyone might reach {} ({named}{more}): whether an assignment is needed is not known",
        count(unclear.len() as u64, "further application", "further applications")
    )]
}

fn tell(notes: &[String]) -> Result<(), Failure> {
    notes.iter().try_for_each(|note| line(format!("\nNot certain: {note}.")))
}

pub(crate) fn why(world: &World, why: &Why) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let found = graphs(&store, &why.which)?;
    let (known, account) = find_account(&found, &why.account)?;
    // An account and an application of different systems have nothing to do with each other.
    let (known, resource) = find_app(std::slice::from_ref(known), &why.app)?;
    show_why(known, &known.graph.why(account, resource), why.json)
}

/// Why an account reaches an application, or why not.
pub(crate) fn show_why(known: &Known, explanation: &Explanation, as_json: bool) -> Result<(), Failure> {
    let graph = &known.graph;
    let answer = WhyAnswer::of(known, explanation);
    if as_json {
        return json(&answer);
    }
    let (login, app) = (&answer.account.login, &answer.app.name);
    let blocked: Vec<_> = explanation.blocks.iter().map(|block| block_phrase(*block)).collect();
    let verdict = match (answer.can_reach, answer.paths.is_empty()) {
        (true, _) => {
            format!("{login} can reach {app} by {}", count(answer.paths.len() as u64, "path", "paths"))
        }
        (false, false) => format!("{login} is assigned to {app} but cannot reach it: {}", blocked.join(", ")),
        (false, true) => format!("{login} cannot reach {app}: no path is known"),
    };
    line(format!("{verdict}. [{}]", snapshot_phrase(graph)))?;
    line(format!("Last use: {}.", last_use_phrase(&answer.last_use)))?;
    for (index, path) in answer.paths.iter().enumerate() {
        line(format!("\n{}. {}", index + 1, path.line.phrase()))?;
        line(format!("   {} ({}, {})", answer.account.name, login, answer.account.status.word()))?;
        for hop in &path.hops {
            line(format!("   -> {}", hop_phrase(hop, app)))?;
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
        let others: Vec<_> = removal
            .choices
            .iter()
            .flatten()
            .filter(|choice| {
                !removal.steps.iter().any(|step| step.act == choice.act && step.group == choice.group)
            })
            .collect();
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
    reminder(graph, &answer.gaps.iter().collect::<Vec<_>>())
}

fn hop_phrase(hop: &HopAnswer, app: &str) -> String {
    let fact = match &hop.fact {
        HopFact::Membership { group, rules, cannot_leave } => {
            let how = match rules.as_slice() {
                _ if *cannot_leave => " (everyone is)".to_owned(),
                [] => String::new(),
                [rule] => {
                    let expression =
                        rule.expression.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
                    format!(" (rule {:?}{expression})", rule.name)
                }
                many => format!(
                    " (rules {})",
                    many.iter().map(|rule| format!("{:?}", rule.name)).collect::<Vec<_>>().join(", ")
                ),
            };
            format!("member of {}{how}", group.name)
        }
        HopFact::GroupAssignment { group, priority, .. } => {
            let priority = priority.map(|priority| format!(" (priority {priority})")).unwrap_or_default();
            format!("{} is assigned {app}{priority}", group.name)
        }
        HopFact::Assignment { status } => {
            let status =
                status.as_deref().map(|status| format!(" ({})", status.to_lowercase())).unwrap_or_default();
            format!("listed on {app}{status}")
        }
        HopFact::ImplicitSetting => format!("{app} needs no assignment"),
    };
    let since = hop.since.map(|since| format!(", since {}", since.date())).unwrap_or_default();
    format!("{fact}{since}   [{}]", hop.provenance.phrase())
}

fn step_details(step: &StepAnswer) -> Result<(), Failure> {
    if let Some(collateral) = collateral_phrase(&step.collateral) {
        line(format!("       also takes away {collateral}"))?;
    }
    for hindrance in &step.hindrances {
        line(format!("       but {hindrance}"))?;
    }
    Ok(())
}

fn collateral_phrase(collateral: &CollateralAnswer) -> Option<String> {
    let mut parts = Vec::new();
    if !collateral.apps.is_empty() {
        let names: Vec<_> = collateral.apps.iter().take(4).map(|app| app.name.as_str()).collect();
        let more = if collateral.apps.len() > 4 { ", …" } else { "" };
        parts.push(format!(
            "{} ({}{more})",
            count(collateral.apps.len() as u64, "other application", "other applications"),
            names.join(", ")
        ));
    }
    if !collateral.roles.is_empty() {
        parts.push(format!("the roles {}", collateral.roles.join(", ")));
    }
    if collateral.accounts > 0 {
        parts
            .push(format!("the access of {}", count(collateral.accounts, "other account", "other accounts")));
    }
    if collateral.unknown {
        parts.push("perhaps more that was not seen".to_owned());
    }
    if parts.is_empty() { None } else { Some(parts.join(", ")) }
}
