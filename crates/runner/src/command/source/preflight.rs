//! Asking what a credential may read, and saying it.

use std::sync::Arc;

use sightline_answer::{count, source_named};
use sightline_core::source::{Canary, Verdict};
use sightline_core::{Check, Preflight};
use sightline_sync::Checked;

use crate::failure::Failure;
use crate::output::{Columns, json, line, note};
use crate::world::World;

/// Checks the stored credential again.
pub(super) async fn check(world: &World, name: &str, as_json: bool) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let record = source_named(&store, name)?;
    let host = world.host(Arc::new(store))?;
    let opened = host.open_stored(&record)?;
    // A check may wait for a rate limit, and nobody has to wait for it.
    drop(host);
    let checked = opened.check().await?;
    checked.same_organisation(&record)?;
    if as_json {
        json(&checked)?;
    } else {
        show(&checked)?;
    }
    Ok(checked.verdict()?)
}

/// Says what will be seen and what not.
pub(crate) fn show(checked: &Checked) -> Result<(), Failure> {
    let Preflight { tenant, address, credential_owner, checks, canaries, warnings } = &checked.preflight;
    let owner = credential_owner.as_deref().unwrap_or("no person");
    line(format!("{address} (org {}), credential of {owner}", tenant.id))?;
    let mut columns = Columns::new(&["dataset", "verdict", "without it", "needs"]);
    for Check { dataset, verdict, .. } in checks {
        let Some(dataset) = checked.info.dataset(dataset) else { continue };
        let is_off = checked.off.iter().any(|off| off == dataset.id);
        let phrase = if is_off { "switched off" } else { verdict.phrase() };
        let mut row = vec![dataset.title.to_owned(), phrase.to_owned()];
        match verdict {
            Verdict::Refused(_) => row.extend([dataset.lost.to_owned(), dataset.permission.to_owned()]),
            Verdict::Allowed | Verdict::Unknown => row.extend([String::new(), String::new()]),
        }
        columns.rows.push(row);
    }
    columns.table()?;
    if !canaries.is_empty() {
        line("")?;
    }
    for Canary { sought, found } in canaries {
        let found = match found {
            Some(true) => "found",
            Some(false) => "MISSING",
            None => "could not be looked for",
        };
        line(format!("{found}: {sought}"))?;
    }
    for warning in warnings {
        note(format!("warning: {warning}"));
    }
    line(format!("This check made {}.", count(checked.requests, "request", "requests")))
}
