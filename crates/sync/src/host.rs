//! Connecting, checking, reading, changing and removing data sources.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use sightline_core::time::Clock;
use sightline_core::{Context, Info, Preflight, Registry, Secret, Time};
use sightline_store::{
    FailedSync, NewSource, Retention, SnapshotMeta, SourceRecord, Store, StoreError, Vault,
};
use tokio_util::sync::CancellationToken;

use crate::error::{FailureKind, HostError};
use crate::governor::{Governor, GovernorOptions};
use crate::kept::{self, Datasets, Expected, ExpectedFrom, Standing};
use crate::opened::{Checked, Opened};
use crate::run::{Event, Sync, SyncOptions, SyncReport};

/// What a host is made of.
#[derive(Debug)]
pub struct HostOptions {
    /// The connectors.
    pub registry: Registry,
    /// Where everything is kept; open for writing unless sources are only checked.
    pub store: Arc<Store>,
    /// Opens the credentials.
    pub vault: Arc<Vault>,
    /// How much of what a provider allows is used.
    pub governor: GovernorOptions,
    /// Certificates of additional authorities, PEM.
    pub extra_roots_pem: Vec<Vec<u8>>,
    /// How long snapshots are kept.
    pub retention: Retention,
    /// Whether new data sources may be given the right to plain HTTP to this machine: simulators and tests.
    pub allow_loopback_http: bool,
    /// Between the end of a sync and the start of the next.
    pub interval: Duration,
    /// The current time.
    pub clock: Arc<dyn Clock>,
    /// Stops checks, and syncs with what they have read stored.
    pub cancel: CancellationToken,
    /// Told that a check waits for a rate limit, and how long.
    pub waits: fn(Duration),
}

/// A system that is to be connected.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// The connector's id.
    pub connector: String,
    /// The connector's settings without its secrets.
    pub settings: Value,
    /// The secrets among its settings, by name.
    pub credential: BTreeMap<String, Secret>,
    /// Whether plain HTTP to this machine is allowed, where the host allows it.
    pub allow_loopback_http: bool,
}

/// What a person says about a data source; what is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Details {
    /// Name for people; a new one is called after its connector where none is given.
    pub name: Option<String>,
    /// E-mail address of who answers for it.
    pub email: Option<String>,
    /// Datasets to switch on.
    pub with: Vec<String>,
    /// Datasets to switch off.
    pub without: Vec<String>,
}

/// What a sync did, and what it was expected to take.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// What it did.
    #[serde(flatten)]
    pub report: SyncReport,
    /// Requests that a full sync was expected to make; none for a sync that was no full one, or went on with another.
    pub expected: Option<Expected>,
}

impl Outcome {
    /// Requests of all buckets.
    pub fn requests(&self) -> u64 {
        self.report.requests.values().map(|bucket| bucket.requests).sum()
    }
}

/// Connects, checks, reads, changes and removes the data sources of one store; clones are the same host.
///
/// What takes calls to a provider ends with [`HostError::Stopped`] when the host is stopped. A future that is dropped
/// leaves what is stored whole.
#[derive(Clone)]
pub struct Host(Arc<Shared>);

struct Shared {
    options: HostOptions,
    /// Held while a record is read, changed and written back.
    edits: Mutex<()>,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.0.options).finish()
    }
}

impl Host {
    /// A host of the data sources in a store.
    pub fn new(options: HostOptions) -> Self {
        Self(Arc::new(Shared { options, edits: Mutex::new(()) }))
    }

    /// What it was made of.
    pub fn options(&self) -> &HostOptions {
        &self.0.options
    }

    /// Where everything is kept.
    pub fn store(&self) -> &Arc<Store> {
        &self.0.options.store
    }

    /// What a connector is and reads.
    pub fn info(&self, connector: &str) -> Result<&'static Info, HostError> {
        Ok(self.0.options.registry.get(connector)?.info)
    }

    /// Opens a data source with its settings and credential; no I/O.
    pub fn open(
        &self,
        connector: &str,
        settings: &Value,
        credential: &BTreeMap<String, Secret>,
        allow_loopback_http: bool,
    ) -> Result<Opened, HostError> {
        let options = &self.0.options;
        let registration = options.registry.get(connector)?;
        let governor = Governor::new(options.governor, options.clock.clone());
        let cx = Context {
            allow_loopback_http,
            clock: options.clock.clone(),
            budget: Arc::new(governor.clone()),
            extra_roots_pem: options.extra_roots_pem.clone(),
        };
        let mut config = kept::connector_settings(settings);
        if let Some(fields) = config.as_object_mut() {
            for (name, secret) in credential {
                fields.insert(name.clone(), secret.expose().into());
            }
        }
        Ok(Opened {
            source: registration.open(config, &cx)?.into(),
            governor,
            cx,
            datasets: Datasets::of(settings),
            cancel: options.cancel.clone(),
            waits: options.waits,
        })
    }

    /// Opens a data source that is in the store; blocks for a moment.
    pub fn open_stored(&self, record: &SourceRecord) -> Result<Opened, HostError> {
        if Standing::of(&record.settings).disconnected {
            return Err(HostError::Disconnected { name: record.name.clone() });
        }
        let credential = self.store().credential(&self.0.options.vault, record.id)?;
        let SourceRecord { connector, settings, allow_loopback_http, name, .. } = record;
        self.open(connector, settings, &credential, *allow_loopback_http).map_err(|error| match error {
            HostError::Source(error) => error.context(format_args!("data source {name:?}")).into(),
            error => error,
        })
    }

    /// Finds out whose system it is and what the credential may read; nothing is kept.
    pub async fn check(&self, new: &NewConnection) -> Result<Checked, HostError> {
        self.open_new(new, &new.settings)?.check().await
    }

    /// Checks the credential and keeps the data source; nothing is kept when anything is wrong.
    pub async fn connect(
        &self,
        new: NewConnection,
        details: Details,
    ) -> Result<(SourceRecord, Checked), HostError> {
        if let Some(email) = &details.email {
            check_email(email)?;
        }
        if details.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
            return Err(HostError::NameEmpty);
        }
        let info = self.info(&new.connector)?;
        let mut settings = kept::connector_settings(&new.settings);
        let mut datasets = Datasets::default();
        datasets.switch(&details.with, &details.without, info)?;
        datasets.keep(&mut settings);
        let checked = self.open_new(&new, &settings)?.check().await?;
        let Preflight { tenant, address, .. } = checked.preflight.clone();
        let record = self
            .blocking(move |host| {
                let options = &host.0.options;
                let _held = host.0.edits.lock().unwrap_or_else(PoisonError::into_inner);
                let sources = options.store.sources()?;
                let same = |source: &&SourceRecord| {
                    source.connector == new.connector && source.tenant.id == tenant.id
                };
                if let Some(SourceRecord { id, name, .. }) = sources.iter().find(same) {
                    return Err(HostError::AlreadyConnected { id: *id, name: name.clone(), address });
                }
                let name = match &details.name {
                    Some(name) => free_name(name, &sources)?,
                    None if is_taken(info.title, &sources) => format!("{} {}", info.title, tenant.name),
                    None => info.title.to_owned(),
                };
                let allow_loopback_http = new.allow_loopback_http && options.allow_loopback_http;
                let kept = NewSource {
                    name,
                    connector: new.connector,
                    tenant,
                    address,
                    settings,
                    owner_email: details.email,
                    added: options.clock.now(),
                    allow_loopback_http,
                };
                Ok(options.store.add_source(&options.vault, kept, &new.credential)?)
            })
            .await?;
        Ok((record, checked))
    }

    /// Asks again what the stored credential may read; another organisation at the same address is an error.
    pub async fn recheck(&self, id: u64) -> Result<Checked, HostError> {
        let (record, opened) = self
            .blocking(move |host| {
                let record = host.store().source(id)?;
                let opened = host.open_stored(&record)?;
                Ok((record, opened))
            })
            .await?;
        let checked = opened.check().await?;
        checked.same_organisation(&record)?;
        Ok(checked)
    }

    /// Replaces the credential, and the connector's settings where some are given, if the new one works and is of the
    /// same organisation; the old one works until then. A data source that was disconnected is connected again.
    pub async fn replace_credential(
        &self,
        id: u64,
        settings: Option<Value>,
        credential: BTreeMap<String, Secret>,
    ) -> Result<Checked, HostError> {
        let record = self.blocking(move |host| Ok(host.store().source(id)?)).await?;
        let settings = settings.unwrap_or_else(|| record.settings.clone());
        let tried = kept::with_kept(&settings, &record.settings);
        let opened = self.open(&record.connector, &tried, &credential, record.allow_loopback_http)?;
        let checked = opened.check().await?;
        let Preflight { tenant, address, .. } = &checked.preflight;
        if tenant.id != record.tenant.id {
            return Err(HostError::OtherOrganisation {
                address: address.clone(),
                found: tenant.id.clone(),
                old_address: record.address,
                expected: record.tenant.id,
            });
        }
        self.edit(id, Some(credential), move |record| {
            record.settings = kept::with_kept(&settings, &record.settings);
            let standing = Standing { disconnected: false, ..Standing::of(&record.settings) };
            standing.keep(&mut record.settings);
            Ok(())
        })
        .await?;
        Ok(checked)
    }

    /// Removes a data source with its credential and everything that was read from it; or keeps what was read, which
    /// then still answers, and only erases the credential.
    ///
    /// No sync of it may be running: see [`Supervisor::remove`](crate::Supervisor::remove).
    pub async fn remove(&self, id: u64, keep_history: bool) -> Result<(), HostError> {
        if !keep_history {
            return self.blocking(move |host| Ok(host.store().remove_source(id)?)).await;
        }
        self.edit(id, Some(BTreeMap::new()), |record| {
            let standing = Standing { disconnected: true, ..Standing::of(&record.settings) };
            standing.keep(&mut record.settings);
            Ok(())
        })
        .await?;
        // What an unfinished sync has read is no history.
        self.blocking(move |host| {
            let store = host.store();
            if store.has_sync_in_progress(id)? {
                store.abandon_sync(id)?;
            }
            Ok(())
        })
        .await
    }

    /// Changes the name, who answers for it, or what is read.
    pub async fn change(&self, id: u64, details: Details) -> Result<SourceRecord, HostError> {
        if let Some(email) = &details.email {
            check_email(email)?;
        }
        let host = self.clone();
        self.edit(id, None, move |record| {
            let mut datasets = Datasets::of(&record.settings);
            datasets.switch(&details.with, &details.without, host.info(&record.connector)?)?;
            datasets.keep(&mut record.settings);
            if let Some(name) = &details.name {
                let mut others = host.store().sources()?;
                others.retain(|source| source.id != record.id);
                record.name = free_name(name, &others)?;
            }
            if details.email.is_some() {
                record.owner_email = details.email;
            }
            Ok(())
        })
        .await
    }

    /// Keeps whether a data source is paused; see [`Supervisor::pause`](crate::Supervisor::pause).
    pub async fn set_paused(&self, id: u64, paused: bool) -> Result<SourceRecord, HostError> {
        self.edit(id, None, move |record| {
            Standing { paused, ..Standing::of(&record.settings) }.keep(&mut record.settings);
            Ok(())
        })
        .await
    }

    /// Keeps what the next full sync is expected to take.
    pub async fn expect(
        &self,
        id: u64,
        requests: BTreeMap<String, u64>,
        from: ExpectedFrom,
    ) -> Result<(), HostError> {
        let counted = self.0.options.clock.now();
        self.edit(id, None, move |record| {
            Expected { requests, from, counted }.keep(&mut record.settings);
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Reads a data source and seals a snapshot; what is switched off is not read, whatever the options say.
    ///
    /// It stops, with what it has read stored, when `cancel` says so. What a full sync took is what the next one is
    /// expected to take.
    pub async fn sync(
        &self,
        record: &SourceRecord,
        opened: &Opened,
        options: SyncOptions,
        watch: &(dyn Fn(Event) + std::marker::Sync),
        cancel: CancellationToken,
    ) -> Result<Outcome, HostError> {
        let run = Sync {
            store: self.store().clone(),
            record,
            source: opened.source.clone(),
            governor: opened.governor.clone(),
            cx: &opened.cx,
            options: SyncOptions { off: opened.datasets.off(opened.source.info()), ..options },
            watch,
            cancel,
        };
        let report = run.run().await?;
        let mut expected = None;
        if report.full && !report.resumed {
            let id = record.id;
            expected =
                self.blocking(move |host| Ok(Expected::of(&host.store().source(id)?.settings))).await?;
            let requests = report.requests.iter().map(|(bucket, used)| (bucket.clone(), used.requests));
            self.expect(id, requests.collect(), ExpectedFrom::LastFullSync).await?;
        }
        Ok(Outcome { report, expected })
    }

    /// Keeps that a sync failed, so that whoever asks later is told; not one that was stopped from outside.
    ///
    /// Where that cannot be stored it is only logged: why the sync failed matters more.
    pub async fn keep_failure(&self, id: u64, started: Time, error: &HostError) {
        let kind = error.kind();
        if kind == FailureKind::Stopped {
            return;
        }
        let failed = FailedSync {
            started,
            ended: self.0.options.clock.now(),
            kind: kind.word().to_owned(),
            text: error.text_with_causes(),
            hint: error.hint(),
        };
        let kept = self.blocking(move |host| Ok(host.store().keep_failed_sync(id, &failed)?)).await;
        if let Err(error) = kept {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(source_id = id, error, "that the sync failed could not be stored");
        }
    }

    /// Gives up the snapshots of a data source that need no longer be kept; gives them.
    pub async fn give_up_expired(&self, id: u64) -> Result<Vec<SnapshotMeta>, HostError> {
        self.blocking(move |host| {
            let options = &host.0.options;
            let mut snapshots = options.store.snapshots(id)?;
            let expired = options.retention.expired(&snapshots, options.clock.now());
            if !expired.is_empty() {
                options.store.prune(id, &expired)?;
            }
            snapshots.retain(|meta| expired.contains(&meta.number));
            Ok(snapshots)
        })
        .await
    }

    /// Opens what is to be connected, with these settings.
    fn open_new(&self, new: &NewConnection, settings: &Value) -> Result<Opened, HostError> {
        let allow_loopback_http = new.allow_loopback_http && self.0.options.allow_loopback_http;
        self.open(&new.connector, settings, &new.credential, allow_loopback_http)
    }

    /// Changes what is kept about a data source as it is now, and its credential where one is given.
    async fn edit(
        &self,
        id: u64,
        credential: Option<BTreeMap<String, Secret>>,
        change: impl FnOnce(&mut SourceRecord) -> Result<(), HostError> + Send + 'static,
    ) -> Result<SourceRecord, HostError> {
        self.blocking(move |host| {
            let Shared { options: HostOptions { store, vault, .. }, edits } = &*host.0;
            let _held = edits.lock().unwrap_or_else(PoisonError::into_inner);
            let mut record = store.source(id)?;
            change(&mut record)?;
            match credential {
                Some(credential) => store.update_source_and_credential(vault, &record, &credential)?,
                None => store.update_source(&record)?,
            }
            Ok(record)
        })
        .await
    }

    /// Does work on a thread where blocking is allowed.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, HostError> {
        let host = self.clone();
        tokio::task::spawn_blocking(move || work(&host)).await.map_err(|_| HostError::Panicked)?
    }
}

/// A name that no data source has, without space around it.
fn free_name(name: &str, others: &[SourceRecord]) -> Result<String, HostError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(HostError::NameEmpty);
    }
    if is_taken(name, others) {
        return Err(StoreError::NameTaken { name: name.to_owned() }.into());
    }
    Ok(name.to_owned())
}

fn is_taken(name: &str, others: &[SourceRecord]) -> bool {
    others.iter().any(|source| source.name.eq_ignore_ascii_case(name))
}

/// Fails unless the text looks like an e-mail address.
pub fn check_email(email: &str) -> Result<(), HostError> {
    let valid = email.split_once('@').is_some_and(|(user, domain)| {
        !user.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    if valid && !email.contains(char::is_whitespace) && email.matches('@').count() == 1 {
        return Ok(());
    }
    Err(HostError::NotAnEmail { email: email.to_owned() })
}
