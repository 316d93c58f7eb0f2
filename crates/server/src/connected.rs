//! Data sources as they are told: state, freshness, what is read of them, how a sync goes.

use std::collections::BTreeMap;

use serde::Serialize;
use sightline_answer::schema;
use sightline_core::Time;
use sightline_core::source::Verdict;
use sightline_graph::Graph;
use sightline_store::{FailedSync, SnapshotMeta, SourceRecord};
use sightline_sync::kept::{Datasets, Expected, Standing};
use sightline_sync::{Activity, Checked, FailureKind, Finished, Progress, SourceState};
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::Problem;
use crate::table::Tone;

/// How a data source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Everything that is switched on was read completely.
    Healthy,
    /// Not everything could be read.
    Degraded,
    /// It is being read.
    Syncing,
    /// It is about to be read.
    Queued,
    /// The provider refuses the credential.
    CredentialFailing,
    /// The last sync sealed no snapshot, for another reason.
    Failing,
    /// A person has to confirm that far fewer objects are there than before.
    NeedsConfirmation,
    /// It is read only when somebody asks for it.
    Paused,
    /// It has no credential any more.
    Disconnected,
    /// It was never read.
    NeverRead,
}

impl State {
    pub(crate) const fn phrase(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Syncing => "syncing",
            Self::Queued => "queued",
            Self::CredentialFailing => "credential failing",
            Self::Failing => "failing",
            Self::NeedsConfirmation => "needs confirmation",
            Self::Paused => "paused",
            Self::Disconnected => "disconnected",
            Self::NeverRead => "never read",
        }
    }

    pub(crate) const fn tone(self) -> Tone {
        match self {
            Self::Healthy => Tone::Good,
            Self::Syncing | Self::Queued => Tone::Info,
            Self::Degraded | Self::NeedsConfirmation => Tone::Warn,
            Self::CredentialFailing | Self::Failing => Tone::Bad,
            Self::Paused | Self::Disconnected | Self::NeverRead => Tone::Plain,
        }
    }
}

/// A sealed snapshot of a data source.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SnapshotAnswer {
    /// Its number within the data source.
    pub(crate) number: u64,
    /// When its sync began.
    #[schema(value_type = schema::Instant)]
    pub(crate) started: Time,
    /// When it was sealed.
    #[schema(value_type = schema::Instant)]
    pub(crate) sealed: Time,
    /// Whether its sync read everything, and not only what had changed.
    pub(crate) full: bool,
    /// Facts in it.
    pub(crate) facts: u64,
    /// Parts of it that were not read completely.
    pub(crate) gaps: u64,
    /// Whether it was given up: it can no longer be asked.
    pub(crate) pruned: bool,
}

impl SnapshotAnswer {
    pub(crate) fn of(meta: &SnapshotMeta) -> Self {
        let SnapshotMeta { number, started, sealed, full, facts, gaps, pruned, .. } = *meta;
        Self { number, started, sealed, full, facts, gaps, pruned }
    }
}

/// Why a sync sealed no snapshot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct FailureAnswer {
    /// When it was started.
    #[schema(value_type = schema::Instant)]
    pub(crate) started: Time,
    /// When it ended.
    #[schema(value_type = schema::Instant)]
    pub(crate) at: Time,
    /// What happened.
    pub(crate) text: String,
    /// What to do about it.
    #[schema(required = true)]
    pub(crate) hint: Option<String>,
}

impl FailureAnswer {
    pub(crate) fn of(failed: FailedSync) -> Self {
        let FailedSync { started, ended, text, hint, .. } = failed;
        Self { started, at: ended, text, hint }
    }
}

/// What was read of a dataset so far.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DatasetProgress {
    /// The dataset's id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) title: String,
    /// Records so far.
    pub(crate) records: u64,
    /// Records of the last snapshot; null before the first.
    #[schema(required = true)]
    pub(crate) before: Option<u64>,
}

/// What was used of a rate limit.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct BucketAnswer {
    /// The rate-limit bucket.
    pub(crate) bucket: String,
    /// Calls made by this sync.
    pub(crate) requests: u64,
    /// Calls that the provider allows in each window; null before it has said so.
    #[schema(required = true)]
    pub(crate) limit: Option<u64>,
    /// Calls that it refused because the window was used up.
    pub(crate) refused: u64,
}

/// How far a running sync is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ProgressAnswer {
    /// When it was started.
    #[schema(value_type = schema::Instant)]
    pub(crate) started: Time,
    /// The number of the snapshot that it will become; null before its first call.
    #[schema(required = true)]
    pub(crate) snapshot: Option<u64>,
    /// Whether it goes on with an interrupted one.
    pub(crate) resumed: bool,
    /// Whether everything is read, and not only what has changed.
    pub(crate) full: bool,
    /// What it is doing, in a word: `starting`, `reading`, `waiting` or `sealing`.
    pub(crate) phase: &'static str,
    /// What was read, dataset by dataset.
    pub(crate) datasets: Vec<DatasetProgress>,
    /// Tasks that are known and not done.
    pub(crate) open_tasks: u64,
    /// Calls made.
    pub(crate) requests: u64,
    /// Calls that all of it is expected to make; null where that is not known.
    #[schema(required = true)]
    pub(crate) expected_requests: Option<u64>,
    /// The same by rate limit.
    pub(crate) buckets: Vec<BucketAnswer>,
    /// How many seconds it may still take, roughly; null where that cannot be said.
    #[schema(required = true)]
    pub(crate) seconds_left: Option<u64>,
    /// Until when it waits for a rate limit; null where it does not.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub(crate) waiting_until: Option<Time>,
    /// Parts that could not be read, so far.
    pub(crate) gaps: u64,
    /// The first of them, in words.
    pub(crate) gap_texts: Vec<String>,
}

impl ProgressAnswer {
    fn of(progress: &Progress, titles: &BTreeMap<&str, &str>) -> Self {
        let phase = match progress {
            Progress { sealing: true, .. } => "sealing",
            Progress { waiting_until: Some(_), .. } => "waiting",
            Progress { snapshot: None, .. } => "starting",
            _ => "reading",
        };
        let title =
            |id: &String| titles.get(id.as_str()).map_or_else(|| id.replace('_', " "), ToString::to_string);
        let datasets = progress.records.iter().map(|(id, records)| DatasetProgress {
            title: title(id),
            records: *records,
            before: progress.last.get(id).copied(),
            id: id.clone(),
        });
        let buckets = progress.requests.iter().map(|(bucket, used)| BucketAnswer {
            bucket: bucket.clone(),
            requests: used.requests,
            limit: used.limit,
            refused: used.refused,
        });
        let expected = progress.expected.as_ref().filter(|_| progress.full);
        Self {
            started: progress.started,
            snapshot: progress.snapshot,
            resumed: progress.resumed,
            full: progress.full,
            phase,
            datasets: datasets.collect(),
            open_tasks: progress.open,
            requests: progress.requests_made(),
            expected_requests: expected.map(|expected: &Expected| expected.requests.values().sum()),
            buckets: buckets.collect(),
            seconds_left: progress.seconds_left,
            waiting_until: progress.waiting_until,
            gaps: progress.gaps,
            gap_texts: progress.gap_texts.clone(),
        }
    }

    /// How far it is of a hundred, where that can be said.
    pub(crate) fn percent(&self) -> Option<u64> {
        let expected = self.expected_requests.filter(|expected| *expected > 0)?;
        Some((self.requests * 100 / expected).min(99))
    }
}

/// How much there is in the last snapshot.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CountsAnswer {
    /// Accounts.
    pub(crate) accounts: u64,
    /// Groups.
    pub(crate) groups: u64,
    /// Applications.
    pub(crate) apps: u64,
}

/// A connected system.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SourceAnswer {
    /// Its id in this store.
    pub(crate) id: u64,
    /// Its name.
    pub(crate) name: String,
    /// The connector that reads it.
    pub(crate) connector: String,
    /// The connector's name.
    pub(crate) connector_title: String,
    /// The address that is used.
    pub(crate) address: String,
    /// The provider's immutable id of the organisation.
    pub(crate) tenant_id: String,
    /// The organisation's name.
    pub(crate) tenant_name: String,
    /// The e-mail address of who answers for it.
    #[schema(required = true)]
    pub(crate) owner_email: Option<String>,
    /// When it was added.
    #[schema(value_type = schema::Instant)]
    pub(crate) added: Time,
    /// How it is.
    pub(crate) state: State,
    /// Datasets that were not read completely.
    pub(crate) degraded_by: Vec<String>,
    /// Whether it is read only when somebody asks for it.
    pub(crate) paused: bool,
    /// Its last snapshot; null before the first.
    #[schema(required = true)]
    pub(crate) last_snapshot: Option<SnapshotAnswer>,
    /// When everything was last read, and not only what had changed.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub(crate) last_full_read: Option<Time>,
    /// How much there is in the last snapshot; null before the first.
    #[schema(required = true)]
    pub(crate) counts: Option<CountsAnswer>,
    /// When it is read next; null while it is being read or is not read by itself.
    #[schema(value_type = Option<schema::Instant>, required = true)]
    pub(crate) next_run: Option<Time>,
    /// How far the sync is that runs; null where none does.
    #[schema(required = true)]
    pub(crate) progress: Option<ProgressAnswer>,
    /// Why the last sync sealed no snapshot; null where it did.
    #[schema(required = true)]
    pub(crate) failure: Option<FailureAnswer>,
    /// What a person should see to, in words.
    pub(crate) warnings: Vec<String>,
}

/// So long before its end a credential that nobody uses is spoken of.
const DAYS_AHEAD: u64 = 10;

/// That a credential may die because nobody uses it, such as that of a data source that was paused weeks ago.
fn disuse(unused_days: u32, last_used: Time, now: Time) -> Option<String> {
    let days = now.since(last_used).as_secs() / (24 * 60 * 60);
    let lasts = u64::from(unused_days);
    if days + DAYS_AHEAD <= lasts {
        return None;
    }
    let left = match lasts.saturating_sub(days) {
        0 => "it may be dead by now: re-check it".to_owned(),
        left => format!("read it within {}", crate::words::count(left, "day", "days")),
    };
    Some(format!(
        "Nothing was read for {days} days. A token that is not used for {lasts} days is revoked by the provider; {left}."
    ))
}

fn failure(finished: Option<&Finished>) -> Option<(FailureKind, FailureAnswer)> {
    let finished = finished?;
    let kind = finished.failure().filter(|kind| *kind != FailureKind::Stopped)?;
    let error = finished.outcome.as_ref().err()?;
    let (text, hint) = (error.text_with_causes(), error.hint());
    Some((kind, FailureAnswer { started: finished.started, at: finished.ended, text, hint }))
}

/// Why the last sync failed, where only the store knows it: it ran before this process was started.
fn earlier_failure(
    app: &App,
    record: &SourceRecord,
    newest: Option<&SnapshotMeta>,
) -> Result<Option<(FailureKind, FailureAnswer)>, Problem> {
    let failed = app.store().last_failed_sync(record.id)?;
    let failed = failed.filter(|failed| newest.is_none_or(|meta| failed.ended > meta.sealed));
    Ok(failed.map(|failed| (FailureKind::of_word(&failed.kind), FailureAnswer::of(failed))))
}

impl SourceAnswer {
    pub(crate) fn of(app: &App, record: &SourceRecord) -> Result<Self, Problem> {
        Self::with_state(app, record, app.supervisor().state(record.id).as_ref())
    }

    pub(crate) fn with_state(
        app: &App,
        record: &SourceRecord,
        state: Option<&SourceState>,
    ) -> Result<Self, Problem> {
        let store = app.store();
        let meta = store.latest(record.id)?;
        let standing = Standing::of(&record.settings);
        let failed = match failure(state.and_then(|state| state.last.as_ref())) {
            Some(failed) => Some(failed),
            None => earlier_failure(app, record, meta.as_ref())?,
        };
        let info = app.host().info(&record.connector).ok();
        let titles: BTreeMap<&str, &str> = info
            .iter()
            .flat_map(|info| info.datasets.iter())
            .map(|dataset| (dataset.id, dataset.title))
            .collect();
        let view = app.snapshots().newest().into_iter().find(|view| view.source_id() == record.id);
        let degraded_by = match &meta {
            Some(meta) if meta.gaps > 0 => {
                let scopes = match &view {
                    Some(view) if view.number() == meta.number => gap_datasets(view.graph().gaps()),
                    _ => {
                        let scopes = store.scopes(record.id, meta.number)?;
                        gap_datasets(scopes.iter().filter_map(|state| state.gap.as_ref()))
                    }
                };
                scopes
                    .iter()
                    .map(|id| titles.get(id.as_str()).map_or_else(|| id.clone(), ToString::to_string))
                    .collect()
            }
            _ => Vec::new(),
        };
        let last_used = [
            Some(record.added),
            meta.as_ref().map(|meta| meta.sealed),
            store.last_failed_sync(record.id)?.map(|failed| failed.ended),
        ];
        let last_used = last_used.into_iter().flatten().max().unwrap_or_default();
        let unused_days = info.filter(|_| !standing.disconnected).and_then(|info| info.unused_days);
        let warnings = unused_days.and_then(|days| disuse(days, last_used, app.now())).into_iter().collect();
        let activity = state.map(|state| &state.activity);
        let word = match (activity, &failed) {
            (Some(Activity::Running(_)), _) => State::Syncing,
            (Some(Activity::Queued), _) => State::Queued,
            _ if standing.disconnected => State::Disconnected,
            (_, Some((FailureKind::CredentialRejected, _))) => State::CredentialFailing,
            (_, Some((FailureKind::NeedsConfirmation, _))) => State::NeedsConfirmation,
            (_, Some(_)) => State::Failing,
            _ if standing.paused => State::Paused,
            _ if meta.is_none() => State::NeverRead,
            _ if !degraded_by.is_empty() => State::Degraded,
            _ => State::Healthy,
        };
        let progress = match activity {
            Some(Activity::Running(progress)) => Some(ProgressAnswer::of(progress, &titles)),
            _ => None,
        };
        Ok(Self {
            id: record.id,
            name: record.name.clone(),
            connector: record.connector.clone(),
            connector_title: info.map_or_else(|| record.connector.clone(), |info| info.title.to_owned()),
            address: record.address.clone(),
            tenant_id: record.tenant.id.clone(),
            tenant_name: record.tenant.name.clone(),
            owner_email: record.owner_email.clone(),
            added: record.added,
            state: word,
            degraded_by,
            paused: standing.paused,
            last_snapshot: meta.as_ref().map(SnapshotAnswer::of),
            last_full_read: store.last_full(record.id)?.map(|meta| meta.sealed),
            counts: view.map(|view| CountsAnswer {
                accounts: view.summary.accounts,
                groups: view.summary.groups,
                apps: view.summary.resources,
            }),
            next_run: state.and_then(|state| state.next_run),
            progress,
            failure: failed.map(|(_, failure)| failure),
            warnings,
        })
    }

    /// All of them.
    pub(crate) fn all(app: &App) -> Result<Vec<Self>, Problem> {
        let states = app.supervisor().states();
        let records = app.store().sources()?;
        records.iter().map(|record| Self::with_state(app, record, states.get(&record.id))).collect()
    }

    /// What a sync is doing, in a line.
    pub(crate) fn progress_phrase(&self) -> String {
        let Some(progress) = &self.progress else { return String::new() };
        match progress.phase {
            "sealing" => "making the snapshot".to_owned(),
            "starting" => "starting".to_owned(),
            "waiting" => match progress.waiting_until {
                Some(until) => format!("waiting for the rate limit until {}", crate::words::moment(until)),
                None => "waiting for the rate limit".to_owned(),
            },
            _ => match progress.expected_requests {
                Some(expected) => format!(
                    "{} of about {} requests",
                    crate::words::number(progress.requests),
                    crate::words::number(expected)
                ),
                None => crate::words::count(progress.requests, "request", "requests"),
            },
        }
    }
}

/// Datasets with gaps that nobody has asked for.
fn gap_datasets<'g>(gaps: impl Iterator<Item = &'g sightline_core::Gap>) -> Vec<String> {
    let wanted = gaps.filter(|gap| gap.reason != sightline_core::GapReason::SwitchedOff);
    let mut ids: Vec<String> = wanted.map(|gap| gap.scope.dataset.clone()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What is known of a dataset of a data source.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DatasetAnswer {
    /// Its id.
    pub(crate) id: &'static str,
    /// Its name.
    pub(crate) title: &'static str,
    /// Whether nothing is seen without it.
    pub(crate) required: bool,
    /// Whether it is read.
    pub(crate) on: bool,
    /// Records in the last snapshot.
    pub(crate) records: u64,
    /// Parts that were not read completely.
    pub(crate) gaps: u64,
    /// Why, for the first of them; null where there is none.
    #[schema(required = true)]
    pub(crate) reason: Option<String>,
    /// The permission that allows it, in the provider's words.
    pub(crate) permission: &'static str,
    /// What nobody can see without it.
    pub(crate) lost: &'static str,
}

/// The datasets of a data source.
pub(crate) fn datasets(
    app: &App,
    record: &SourceRecord,
    graph: Option<&Graph>,
) -> Result<Vec<DatasetAnswer>, Problem> {
    let info = app.host().info(&record.connector)?;
    let kept = Datasets::of(&record.settings);
    let scopes = graph.map_or(&[][..], Graph::scopes);
    let mut by_dataset: BTreeMap<&str, (u64, u64, Option<String>)> = BTreeMap::new();
    for state in scopes {
        let (records, gaps, reason) = by_dataset.entry(&state.scope.dataset).or_default();
        *records += state.facts;
        if let Some(gap) = &state.gap {
            *gaps += 1;
            reason.get_or_insert_with(|| format!("{}: {}", gap.reason.phrase(), gap.detail));
        }
    }
    let answer = |dataset: &'static sightline_core::source::DatasetInfo| {
        let (records, gaps, mut reason) = by_dataset.get(dataset.id).cloned().unwrap_or_default();
        // A dataset whose listing was refused has no gap of its own, and is no less unknown.
        let mut leading = info.datasets.iter().filter(|listing| {
            dataset.listed_by == Some(listing.id)
                || dataset.parent.is_some() && dataset.parent == listing.lists
        });
        if records == 0
            && gaps == 0
            && let Some((_, 1.., Some(why))) =
                leading.find_map(|listing| by_dataset.get(listing.id).filter(|(_, gaps, _)| *gaps > 0))
        {
            reason = Some(format!("nothing leads to it: {why}"));
        }
        DatasetAnswer {
            id: dataset.id,
            title: dataset.title,
            required: dataset.required,
            on: kept.is_on(dataset),
            records,
            gaps,
            reason,
            permission: dataset.permission,
            lost: dataset.lost,
        }
    };
    Ok(info.datasets.iter().map(answer).collect())
}

/// Whether a dataset can be read with a credential.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CheckAnswer {
    /// The dataset's id.
    pub(crate) dataset: String,
    /// Its name.
    pub(crate) title: String,
    /// What was answered: `allowed`, `switched off`, `unknown`, or why not.
    pub(crate) verdict: String,
    /// Whether it will be read.
    pub(crate) readable: bool,
    /// Whether nothing is seen without it.
    pub(crate) required: bool,
    /// What exactly was answered; empty where it can be read.
    pub(crate) detail: String,
    /// What nobody sees without it; null where it can be read.
    #[schema(required = true)]
    pub(crate) lost: Option<String>,
    /// The permission that allows it; null where it can be read.
    #[schema(required = true)]
    pub(crate) needs: Option<String>,
}

/// Something that has to be in a list, whatever the organisation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CanaryAnswer {
    /// What was looked for, and where.
    pub(crate) sought: String,
    /// Whether it was there; null where it could not be looked for.
    #[schema(required = true)]
    pub(crate) found: Option<bool>,
}

/// What a credential may read.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PreflightAnswer {
    /// The address that is used, which may differ from the one that was typed.
    pub(crate) address: String,
    /// The provider's immutable id of the organisation.
    pub(crate) tenant_id: String,
    /// The organisation's name.
    pub(crate) tenant_name: String,
    /// Whose credential it is, where the provider tells.
    #[schema(required = true)]
    pub(crate) credential_owner: Option<String>,
    /// What can be read, dataset by dataset.
    pub(crate) checks: Vec<CheckAnswer>,
    /// Proof that lists are not silently cut.
    pub(crate) canaries: Vec<CanaryAnswer>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
    /// Why it cannot be connected like that; null where it can.
    #[schema(required = true)]
    pub(crate) blocked: Option<String>,
    /// Calls that the check made.
    pub(crate) requests: u64,
}

impl PreflightAnswer {
    pub(crate) fn of(checked: &Checked) -> Self {
        let preflight = &checked.preflight;
        let check = |check: &sightline_core::Check| {
            let dataset = checked.info.dataset(&check.dataset);
            let is_off = checked.off.contains(&check.dataset);
            let readable = check.verdict == Verdict::Allowed && !is_off;
            let is_refused = matches!(check.verdict, Verdict::Refused(_));
            CheckAnswer {
                title: dataset.map_or_else(|| check.dataset.clone(), |dataset| dataset.title.to_owned()),
                verdict: if is_off { "switched off" } else { check.verdict.phrase() }.to_owned(),
                readable,
                required: dataset.is_some_and(|dataset| dataset.required),
                detail: check.detail.clone(),
                lost: dataset.filter(|_| is_refused).map(|dataset| dataset.lost.to_owned()),
                needs: dataset.filter(|_| is_refused).map(|dataset| dataset.permission.to_owned()),
                dataset: check.dataset.clone(),
            }
        };
        Self {
            address: preflight.address.clone(),
            tenant_id: preflight.tenant.id.clone(),
            tenant_name: preflight.tenant.name.clone(),
            credential_owner: preflight.credential_owner.clone(),
            checks: preflight.checks.iter().map(check).collect(),
            canaries: preflight
                .canaries
                .iter()
                .map(|canary| CanaryAnswer { sought: canary.sought.clone(), found: canary.found })
                .collect(),
            warnings: preflight.warnings.clone(),
            blocked: checked.verdict().err().map(|error| match error.hint() {
                Some(hint) => format!("{}: {hint}", error.text()),
                None => error.text(),
            }),
            requests: checked.requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_that_nobody_uses_is_spoken_of_before_it_dies() {
        let day = |day: i64| Time::from_millis(day * 24 * 60 * 60 * 1000);
        let told = |days: i64| disuse(30, day(100), day(100 + days));
        assert_eq!((told(0), told(20)), (None, None));
        assert!(told(21).unwrap().contains("for 21 days") && told(21).unwrap().contains("within 9 days"));
        assert!(told(29).unwrap().contains("within 1 day."));
        assert!(told(30).unwrap().contains("dead by now") && told(400).unwrap().contains("for 400 days"));
        // A clock that was set back is no reason to warn.
        assert_eq!(told(-5), None);
    }
}
