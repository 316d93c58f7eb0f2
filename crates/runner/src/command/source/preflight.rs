//! Asking what a credential may read, and saying it.

use serde::Serialize;
use sightline_core::source::{Canary, Verdict};
use sightline_core::time::{Clock, SystemClock};
use sightline_core::{Check, DynSource, ErrorKind, Info, Preflight};

use crate::failure::{FAILED, Failure, INTERRUPTED, REFUSED};
use crate::kept::Datasets;
use crate::output::{Columns, count, json, line, note};
use crate::world::{Opened, World, source_named};

/// What a check of the credential found.
#[derive(Serialize)]
pub(crate) struct Checked {
    pub(crate) preflight: Preflight,
    /// Requests that it took.
    requests: u64,
    /// Datasets that are switched off.
    off: Vec<String>,
    #[serde(skip)]
    info: &'static Info,
}

/// Checks the stored credential again.
pub(super) async fn check(world: &World, name: &str, as_json: bool) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let record = source_named(&store, name)?;
    let opened = world.open_stored(&store, &World::vault(&store)?, &record)?;
    // A check may wait for a rate limit, and nobody has to wait for it.
    drop(store);
    let datasets = Datasets::of(&record.settings);
    let checked = tokio::select! {
        checked = Checked::of(&opened, &datasets) => checked?,
        () = world.cancel.cancelled() => return Err(Failure::new("stopped").code(INTERRUPTED)),
    };
    if checked.preflight.tenant.id != record.tenant.id {
        return Err(Failure::new(format!(
            "{} is now another organisation: {} instead of {}",
            record.address, checked.preflight.tenant.id, record.tenant.id
        )));
    }
    if as_json {
        json(&checked)?;
    } else {
        checked.show()?;
    }
    checked.verdict()
}

impl Checked {
    /// Asks; waits for a rate limit instead of failing, because it passes by itself.
    pub(super) async fn of(opened: &Opened, datasets: &Datasets) -> Result<Self, Failure> {
        let preflight = patient_preflight(&*opened.source).await?;
        let info = opened.source.info();
        Ok(Self {
            preflight,
            requests: opened.governor.usage().values().map(|bucket| bucket.requests).sum(),
            off: datasets.off(info).into_iter().collect(),
            info,
        })
    }

    /// Says what will be seen and what not.
    pub(crate) fn show(&self) -> Result<(), Failure> {
        let Preflight { tenant, address, credential_owner, checks, canaries, warnings } = &self.preflight;
        let owner = credential_owner.as_deref().unwrap_or("no person");
        line(format!("{address} (org {}), credential of {owner}", tenant.id))?;
        let mut columns = Columns::new(&["dataset", "verdict", "without it", "needs"]);
        for Check { dataset, verdict, .. } in checks {
            let Some(dataset) = self.info.dataset(dataset) else { continue };
            let is_off = self.off.iter().any(|off| off == dataset.id);
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
        line(format!("This check made {}.", count(self.requests, "request", "requests")))
    }

    /// Fails unless all that is required may be read and nothing is missing that must be there.
    fn verdict(&self) -> Result<(), Failure> {
        let required =
            |check: &&Check| self.info.dataset(&check.dataset).is_some_and(|dataset| dataset.required);
        if let Some(check) =
            self.preflight.checks.iter().filter(required).find(|check| check.verdict != Verdict::Allowed)
        {
            let code = if matches!(check.verdict, Verdict::Refused(_)) { REFUSED } else { FAILED };
            return Err(Failure::new(format!(
                "{} is required and cannot be read for certain: {}: {}",
                check.dataset,
                check.verdict.phrase(),
                check.detail
            ))
            .code(code));
        }
        match self.preflight.canaries.iter().find(|canary| canary.found == Some(false)) {
            Some(missing) => Err(Failure::new(format!("not found: {}", missing.sought)).hint(
                "the credential sees only a part of the organisation, and nothing marks what is missing",
            )),
            None => Ok(()),
        }
    }
}

async fn patient_preflight(source: &dyn DynSource) -> Result<Preflight, Failure> {
    loop {
        match source.preflight().await {
            Err(error) => match error.kind() {
                ErrorKind::RateLimited { until } => {
                    let pause = until.since(SystemClock.now());
                    note(format!("the rate limit is used up; waiting {} s", pause.as_secs() + 1));
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error.into()),
            },
            Ok(preflight) => return Ok(preflight),
        }
    }
}
