//! A data source that is ready to be asked, and what a check of its credential found.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use sightline_core::source::Verdict;
use sightline_core::{Check, Context, DynSource, Error, ErrorKind, Forecast, Info, Preflight, Tallies};
use sightline_store::SourceRecord;
use tokio_util::sync::CancellationToken;

use crate::error::HostError;
use crate::governor::Governor;
use crate::kept::Datasets;

/// A data source that is ready to be read.
pub struct Opened {
    /// The data source.
    pub source: Arc<dyn DynSource>,
    /// Decides the pace of what is asked of it, and counts it.
    pub governor: Governor,
    /// What the source was given.
    pub cx: Context,
    /// Datasets that are switched on and off.
    pub datasets: Datasets,
    pub(crate) cancel: CancellationToken,
    pub(crate) waits: fn(Duration),
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("connector", &self.source.info().id).finish_non_exhaustive()
    }
}

impl Opened {
    /// Asks what the credential may read; waits for a rate limit instead of failing, because it passes by itself.
    pub async fn check(&self) -> Result<Checked, HostError> {
        let preflight = self.patiently(|| self.source.preflight()).await?;
        let info = self.source.info();
        Ok(Checked {
            preflight,
            requests: self.requests(),
            off: self.datasets.off(info).into_iter().collect(),
            info,
        })
    }

    /// Counts the calls of a full sync, those of datasets that are switched off left out; waits as [`Self::check`] does.
    pub async fn forecast(&self, last: Option<&Tallies>) -> Result<Forecast, HostError> {
        let mut forecast = self.patiently(|| self.source.forecast(last)).await?;
        let off: BTreeSet<String> = self.datasets.off(self.source.info());
        forecast.lines.retain(|line| !off.contains(&line.dataset));
        Ok(forecast)
    }

    /// Calls made so far.
    pub fn requests(&self) -> u64 {
        self.governor.usage().values().map(|bucket| bucket.requests).sum()
    }

    async fn patiently<T, F>(&self, ask: impl Fn() -> F + Send) -> Result<T, HostError>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let asked = async {
            loop {
                let error = match ask().await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => error,
                };
                let ErrorKind::RateLimited { until } = error.kind() else { return Err(error.into()) };
                let pause = until.since(self.cx.clock.now());
                (self.waits)(pause);
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            answer = asked => answer,
            () = self.cancel.cancelled() => Err(HostError::Stopped),
        }
    }
}

/// What a check of the credential found.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// What the source said.
    pub preflight: Preflight,
    /// Requests that it took.
    pub requests: u64,
    /// Datasets that are switched off.
    pub off: Vec<String>,
    /// What the connector is and reads.
    #[serde(skip)]
    pub info: &'static Info,
}

impl Checked {
    /// Fails unless all that is required may be read and nothing is missing that must be there.
    pub fn verdict(&self) -> Result<(), HostError> {
        let required =
            |check: &&Check| self.info.dataset(&check.dataset).is_some_and(|dataset| dataset.required);
        let mut checks = self.preflight.checks.iter().filter(required);
        if let Some(check) = checks.find(|check| check.verdict != Verdict::Allowed) {
            return Err(HostError::RequiredUnread(check.clone()));
        }
        match self.preflight.canaries.iter().find(|canary| canary.found == Some(false)) {
            Some(missing) => Err(HostError::PartHidden { sought: missing.sought.clone() }),
            None => Ok(()),
        }
    }

    /// What may be read, in a line, as evidence of the moment at which somebody decided.
    pub fn in_words(&self) -> String {
        let wanted: Vec<&Check> =
            self.preflight.checks.iter().filter(|check| !self.off.contains(&check.dataset)).collect();
        let title = |check: &Check| match self.info.dataset(&check.dataset) {
            Some(dataset) => dataset.title,
            None => "something else",
        };
        let with = |fits: fn(&Verdict) -> bool| wanted.iter().filter(move |check| fits(&check.verdict));
        let readable = with(|verdict| matches!(verdict, Verdict::Allowed)).count();
        let refused: Vec<String> = with(|verdict| matches!(verdict, Verdict::Refused(_)))
            .map(|check| format!("{} ({})", title(check), check.verdict.phrase()))
            .collect();
        let mut words = format!("{readable} of {} parts can be read", wanted.len());
        let unknown = wanted.len() - readable - refused.len();
        if unknown > 0 {
            words.push_str(&format!(", {unknown} only show when they are read"));
        }
        if !refused.is_empty() {
            words.push_str("; refused: ");
            words.push_str(&refused.join(", "));
        }
        words
    }

    /// Fails unless the organisation that answered is that of the data source.
    pub fn same_organisation(&self, record: &SourceRecord) -> Result<(), HostError> {
        let found = &self.preflight.tenant.id;
        if *found == record.tenant.id {
            return Ok(());
        }
        Err(HostError::OrganisationChanged {
            address: record.address.clone(),
            found: found.clone(),
            expected: record.tenant.id.clone(),
        })
    }
}
