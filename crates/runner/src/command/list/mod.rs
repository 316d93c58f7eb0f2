//! `sightline list` and `sightline export`.

mod administration;
mod directory;
mod posture;

use std::collections::BTreeSet;

use serde::Serialize;
use sightline_answer::lists::{self, Line, Listed};
use sightline_answer::{Chosen, number};
use sightline_core::{Fact, Observed, Record, Scope, Time};
use sightline_sync::kept::Datasets;

use crate::cli::{Export, Format, List, Listing};
use crate::failure::Failure;
use crate::output::{Columns, json, json_line, note};
use crate::world::{World, chosen, graphs, info};

/// How many changes are listed unless something else is asked for.
const CHANGES: usize = 100;
/// How many things are named in a cell of a table.
const SHOWN: usize = 5;

pub(crate) fn run(world: &World, list: &List) -> Result<(), Failure> {
    if list.limit.is_some() && list.what != Listing::Changes {
        return Err(Failure::usage("--limit goes with `list changes` only"));
    }
    let store = world.store_to_read()?;
    let format = list.format;
    match list.what {
        Listing::Admins => return administration::admins(&graphs(&store, &list.which)?, format),
        Listing::ServiceApps => return administration::service_apps(&graphs(&store, &list.which)?, format),
        _ => {}
    }
    let Some(listing) = listing(list.what) else { return Ok(()) };
    let mut listed = Vec::new();
    for chosen in chosen(&store, &list.which)? {
        let info = info(world, &chosen.record)?;
        // What is switched off now says nothing about what was read then.
        let off = match list.which.as_of {
            None => Datasets::of(&chosen.record.settings).off(info),
            Some(_) => BTreeSet::new(),
        };
        listed.push((Listed::load(&store, chosen, listing)?, info, off));
    }
    for (listed, info, off) in &listed {
        listed.missing(info, off).iter().for_each(note);
    }
    let listed: Vec<Listed> = listed.into_iter().map(|(listed, ..)| listed).collect();
    match listing {
        lists::Listing::Accounts => directory::accounts(&listed, format),
        lists::Listing::Groups => directory::groups(&listed, format),
        lists::Listing::Apps => directory::apps(&listed, format),
        lists::Listing::Rules => directory::rules(&listed, format),
        lists::Listing::Owners => directory::owners(&listed, format),
        lists::Listing::Pushes => directory::pushes(&listed, format),
        lists::Listing::ScopeSets => administration::scope_sets(&listed, format),
        lists::Listing::Roles => administration::roles(&listed, format),
        lists::Listing::Credentials => administration::credentials(&listed, format),
        lists::Listing::Factors => posture::factors(&listed, format),
        lists::Listing::Policies => posture::policies(&listed, format),
        lists::Listing::Devices => posture::devices(&listed, format),
        lists::Listing::IdentityProviders => posture::identity_providers(&listed, format),
        lists::Listing::Settings => posture::settings(&listed, format),
        lists::Listing::Changes => posture::changes(&listed, format, list.limit.unwrap_or(CHANGES)),
    }
}

/// The list of facts that is meant; none for those that a graph answers.
const fn listing(what: Listing) -> Option<lists::Listing> {
    Some(match what {
        Listing::Admins | Listing::ServiceApps => return None,
        Listing::Accounts => lists::Listing::Accounts,
        Listing::Groups => lists::Listing::Groups,
        Listing::Apps => lists::Listing::Apps,
        Listing::Rules => lists::Listing::Rules,
        Listing::Owners => lists::Listing::Owners,
        Listing::Pushes => lists::Listing::Pushes,
        Listing::Roles => lists::Listing::Roles,
        Listing::ScopeSets => lists::Listing::ScopeSets,
        Listing::Credentials => lists::Listing::Credentials,
        Listing::Factors => lists::Listing::Factors,
        Listing::Policies => lists::Listing::Policies,
        Listing::Devices => lists::Listing::Devices,
        Listing::IdentityProviders => lists::Listing::IdentityProviders,
        Listing::Settings => lists::Listing::Settings,
        Listing::Changes => lists::Listing::Changes,
    })
}

/// Prints facts in the form that was asked for.
fn show<T: Serialize, M: Serialize>(
    lines: &[Line<T, M>],
    format: Format,
    names: &[&'static str],
    row: impl Fn(&Line<T, M>) -> Vec<String>,
) -> Result<(), Failure> {
    if format.json {
        return json(&lines);
    }
    let mut columns = Columns::new(names);
    columns.rows = lines.iter().map(row).collect();
    // In a table, only where there is something to tell.
    if format.csv || lines.iter().any(|line| line.seen.stale) {
        columns.names.push("stale, last seen");
        for (row, line) in columns.rows.iter_mut().zip(lines) {
            row.push(line.stale_since());
        }
    }
    if format.csv {
        return columns.csv();
    }
    columns.table()
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

fn time(value: Option<Time>) -> String {
    value.map(|time| time.to_string()).unwrap_or_default()
}

fn counted(value: &Observed<u64>) -> String {
    match value {
        Observed::Known(count) => number(*count),
        Observed::Unknown(_) => "unknown".to_owned(),
    }
}

pub(crate) fn export(world: &World, export: &Export) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Line<'a> {
        source: &'a str,
        snapshot: u64,
        sealed: Time,
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
    for Chosen { record, meta, .. } in chosen(&store, &export.which)? {
        let snapshot = store.snapshot(record.id, meta.number)?;
        for fact in &snapshot.facts {
            let Fact { record, first_seen, last_seen, scope } = fact;
            json_line(&Line {
                source: &snapshot.source,
                snapshot: snapshot.number,
                sealed: snapshot.sealed,
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
    Ok(())
}
