//! Data sources: one connected system each.

use std::collections::BTreeMap;

use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};
use sightline_core::{Secret, Tenant, Time};

use crate::codec;
use crate::error::{Result, StoreError};
use crate::keys;
use crate::open::Store;
use crate::tables::{
    ABSENT, CONTENT, CREDENTIALS, DRIFT, EDGES, ENTITIES, FAILED_SYNCS, FIGURES, LATER, META_NEXT_SOURCE,
    NAMES, NUMBERS, PROGRESS, SNAPSHOTS, SOURCES, STAGED, STAGED_EDGES, SYNCS, TASKS, VERSIONS, next_id,
};
use crate::vault::{Vault, put_credential};

/// A data source that is to be added.
#[derive(Debug, Clone)]
pub struct NewSource {
    /// Name for people; no two have the same.
    pub name: String,
    /// The connector's id.
    pub connector: String,
    /// Whose system it is.
    pub tenant: Tenant,
    /// The address that is used.
    pub address: String,
    /// The connector's settings without its secrets.
    pub settings: serde_json::Value,
    /// E-mail address of who answers for it.
    pub owner_email: Option<String>,
    /// When it was added.
    pub added: Time,
    /// Whether plain HTTP to this machine is allowed.
    pub allow_loopback_http: bool,
}

/// A data source as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Its id in this store; never used again after it was removed.
    pub id: u64,
    /// Name for people; no two have the same.
    pub name: String,
    /// The connector's id.
    pub connector: String,
    /// Whose system it is.
    pub tenant: Tenant,
    /// The address that is used.
    pub address: String,
    /// The connector's settings without its secrets.
    pub settings: serde_json::Value,
    /// E-mail address of who answers for it.
    pub owner_email: Option<String>,
    /// When it was added.
    pub added: Time,
    /// Whether plain HTTP to this machine is allowed.
    pub allow_loopback_http: bool,
}

impl Store {
    /// Adds a data source together with its credential.
    pub fn add_source(
        &self,
        vault: &Vault,
        new: NewSource,
        credential: &BTreeMap<String, Secret>,
    ) -> Result<SourceRecord> {
        self.write(|txn| {
            let id = next_id(txn, META_NEXT_SOURCE)?;
            let record = SourceRecord {
                id,
                name: new.name,
                connector: new.connector,
                tenant: new.tenant,
                address: new.address,
                settings: new.settings,
                owner_email: new.owner_email,
                added: new.added,
                allow_loopback_http: new.allow_loopback_http,
            };
            put(txn, &record)?;
            put_credential(txn, vault, id, credential)?;
            Ok(record)
        })
    }

    /// Every data source, in the order in which they were added.
    pub fn sources(&self) -> Result<Vec<SourceRecord>> {
        all(&self.begin_read()?.open_table(SOURCES)?)
    }

    /// The data source with this id.
    pub fn source(&self, source_id: u64) -> Result<SourceRecord> {
        get(&self.begin_read()?.open_table(SOURCES)?, source_id)
    }

    /// The data source with this name.
    pub fn source_named(&self, name: &str) -> Result<SourceRecord> {
        let found = self.sources()?.into_iter().find(|source| source.name == name);
        found.ok_or_else(|| StoreError::NoSuchSource { source_name: name.to_owned() })
    }

    /// Replaces what is kept about the data source with the same id; its credential stays.
    pub fn update_source(&self, record: &SourceRecord) -> Result<()> {
        self.write(|txn| {
            require(txn, record.id)?;
            put(txn, record)
        })
    }

    /// Replaces what is kept about the data source with the same id together with its credential.
    pub fn update_source_and_credential(
        &self,
        vault: &Vault,
        record: &SourceRecord,
        credential: &BTreeMap<String, Secret>,
    ) -> Result<()> {
        self.write(|txn| {
            require(txn, record.id)?;
            put(txn, record)?;
            put_credential(txn, vault, record.id, credential)
        })
    }

    /// Erases a data source with everything that was read from it, its credential included.
    pub fn remove_source(&self, source_id: u64) -> Result<()> {
        self.write(|txn| {
            require(txn, source_id)?;
            txn.open_table(SOURCES)?.remove(source_id)?;
            clear_sync(txn, source_id)?;
            let (from, to) = (keys::source(source_id), keys::after_source(source_id));
            for table in [CREDENTIALS, VERSIONS, CONTENT, EDGES, ENTITIES] {
                let mut table = txn.open_table(table)?;
                table.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |_, _| false)?;
            }
            let numbers = (source_id, 0)..=(source_id, u64::MAX);
            txn.open_table(SNAPSHOTS)?.retain_in::<(u64, u64), _>(numbers.clone(), |_, _| false)?;
            for table in [FIGURES, FAILED_SYNCS] {
                txn.open_table(table)?.retain_in::<(u64, u64), _>(numbers.clone(), |_, _| false)?;
            }
            txn.open_table(NAMES)?.retain_in::<(u64, u64), _>(numbers, |_, _| false)?;
            self.dictionaries.forget(source_id);
            let later = (source_id, 0, 0)..=(source_id, u64::MAX, u64::MAX);
            txn.open_table(LATER)?.retain_in::<(u64, u64, u64), _>(later, |_, _| false)?;
            Ok(())
        })
    }
}

/// Reads a data source.
pub(crate) fn get(table: &impl ReadableTable<u64, &'static [u8]>, source_id: u64) -> Result<SourceRecord> {
    match table.get(source_id)? {
        Some(row) => codec::from_json_row(row.value(), || format!("data source {source_id}")),
        None => Err(no_such(source_id)),
    }
}

/// Fails unless the data source exists.
pub(crate) fn require(txn: &WriteTransaction, source_id: u64) -> Result<()> {
    match txn.open_table(SOURCES)?.get(source_id)? {
        Some(_) => Ok(()),
        None => Err(no_such(source_id)),
    }
}

/// Removes everything of the sync in progress but the tasks that it collected for the next one.
pub(crate) fn clear_sync(txn: &WriteTransaction, source_id: u64) -> Result<()> {
    txn.open_table(SYNCS)?.remove(source_id)?;
    let tasks = (source_id, 0)..=(source_id, u64::MAX);
    txn.open_table(TASKS)?.retain_in::<(u64, u64), _>(tasks, |_, _| false)?;
    let (from, to) = (keys::source(source_id), keys::after_source(source_id));
    let range = from.as_slice()..to.as_slice();
    for table in [NUMBERS, DRIFT] {
        txn.open_table(table)?.retain_in::<&[u8], _>(range.clone(), |_, _| false)?;
    }
    for table in [PROGRESS, STAGED, STAGED_EDGES, ABSENT] {
        txn.open_table(table)?.retain_in::<&[u8], _>(range.clone(), |_, _| false)?;
    }
    Ok(())
}

fn all(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<SourceRecord>> {
    let mut sources = Vec::new();
    for row in table.iter()? {
        let (id, value) = row?;
        sources.push(codec::from_json_row(value.value(), || format!("data source {}", id.value()))?);
    }
    Ok(sources)
}

fn put(txn: &WriteTransaction, record: &SourceRecord) -> Result<()> {
    let mut table = txn.open_table(SOURCES)?;
    if all(&table)?.iter().any(|other| other.name == record.name && other.id != record.id) {
        return Err(StoreError::NameTaken { name: record.name.clone() });
    }
    table.insert(record.id, codec::to_json_row(record)?.as_slice())?;
    Ok(())
}

fn no_such(source_id: u64) -> StoreError {
    StoreError::NoSuchSource { source_name: source_id.to_string() }
}
