//! The tables of the database.
//!
//! Keys are integers or the byte strings of [`crate::keys`]; every value that is not a bare number or text begins with
//! the version of its encoding.

use redb::{
    Key, ReadOnlyTable, ReadTransaction, ReadableTable, TableDefinition, TableError, TableHandle, Value,
    WriteTransaction,
};

use crate::error::{Result, StoreError};

/// Format of the store that this version writes.
pub(crate) const FORMAT: u32 = 3;

/// Facts about the store itself, by name.
pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Name in [`META`]: the format, four bytes, little-endian.
pub(crate) const META_FORMAT: &str = "format";
/// Name in [`META`]: the id of the next data source, eight bytes, little-endian.
pub(crate) const META_NEXT_SOURCE: &str = "next_source";
/// Name in [`META`]: the id of the next user, likewise.
pub(crate) const META_NEXT_USER: &str = "next_user";
/// Name in [`META`]: the id of the next API token, likewise.
pub(crate) const META_NEXT_API_TOKEN: &str = "next_api_token";
/// Name in [`META`]: the number of the newest entry of the audit log, eight bytes, little-endian, and its hash.
pub(crate) const META_AUDIT_HEAD: &str = "audit_head";
/// Name in [`META`]: a known text, encrypted with the key of the vault.
pub(crate) const META_KEY_CHECK: &str = "key_check";

/// Data sources, by id.
pub(crate) const SOURCES: TableDefinition<u64, &[u8]> = TableDefinition::new("sources");
/// Encrypted credentials, by data source and field.
pub(crate) const CREDENTIALS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("credentials");

/// The sync in progress of a data source.
pub(crate) const SYNCS: TableDefinition<u64, &[u8]> = TableDefinition::new("syncs");
/// Its tasks, JSON, by data source and task id.
pub(crate) const TASKS: TableDefinition<(u64, u64), &str> = TableDefinition::new("tasks");
/// Tasks for the next sync, JSON, by data source, the sync that left them, and order.
pub(crate) const LATER: TableDefinition<(u64, u64, u64), &str> = TableDefinition::new("later");
/// Numbers that the steps of the sync in progress added, by data source and name.
pub(crate) const NUMBERS: TableDefinition<&[u8], u64> = TableDefinition::new("numbers");
/// How often the sync in progress met an unknown field, by data source and field.
pub(crate) const DRIFT: TableDefinition<&[u8], u64> = TableDefinition::new("drift");
/// What the sync in progress knows about a scope, by data source and scope.
pub(crate) const PROGRESS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("progress");
/// Names by number, by data source and order: see [`crate::dictionary`].
pub(crate) const NAMES: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("names");
/// Rows that the sync in progress has read and found absent, by data source, scope, step and piece.
pub(crate) const STAGED: TableDefinition<&[u8], &[u8]> = TableDefinition::new("staged");
/// Edges that the sync in progress has read and found absent, by data source, scope, step and piece.
pub(crate) const STAGED_EDGES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("staged_edges");
/// Entities of which the last that the sync in progress heard is that they are gone, by data source and `kind/ID`.
pub(crate) const ABSENT: TableDefinition<&[u8], &[u8]> = TableDefinition::new("absent");

/// Sealed snapshots, by data source and number.
pub(crate) const SNAPSHOTS: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("snapshots");
/// States of a scope, by data source, scope and the snapshot that the state begins with.
pub(crate) const VERSIONS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("versions");
/// Rows of a scope, by data source, scope, the snapshot that wrote them, and piece: all of them, or what is different
/// since the snapshot before that wrote some.
pub(crate) const CONTENT: TableDefinition<&[u8], &[u8]> = TableDefinition::new("content");
/// Edges of a scope, likewise.
pub(crate) const EDGES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("edges");
/// The entities of a scope in the newest snapshot, by data source, scope, 0, and piece.
pub(crate) const ENTITIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("entities");

/// What was counted of snapshots, by data source and number.
pub(crate) const FIGURES: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("figures");

/// Syncs that sealed no snapshot, by data source and order.
pub(crate) const FAILED_SYNCS: TableDefinition<(u64, u64), &[u8]> = TableDefinition::new("failed_syncs");

/// Those who use Sightline itself, by id.
pub(crate) const USERS: TableDefinition<u64, &[u8]> = TableDefinition::new("users");
/// Their sessions, by the hash of the secret.
pub(crate) const SESSIONS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("sessions");
/// Their API tokens, by the hash of the secret.
pub(crate) const API_TOKENS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("api_tokens");
/// The audit log, by number: see [`crate::audit`].
pub(crate) const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");

/// Something that is done with every table.
pub(crate) trait ForTable {
    /// Does it with one.
    fn each<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<()>;
}

/// Every table: this is the one list of them.
pub(crate) fn for_all(visitor: &mut impl ForTable) -> Result<()> {
    visitor.each(META)?;
    visitor.each(SOURCES)?;
    visitor.each(SYNCS)?;
    visitor.each(TASKS)?;
    visitor.each(LATER)?;
    visitor.each(SNAPSHOTS)?;
    visitor.each(NAMES)?;
    for table in [NUMBERS, DRIFT] {
        visitor.each(table)?;
    }
    for table in [CREDENTIALS, PROGRESS, STAGED, STAGED_EDGES, ABSENT, VERSIONS, CONTENT, EDGES, ENTITIES] {
        visitor.each(table)?;
    }
    for_added(visitor)
}

/// The tables that came when stores of this format were in use: a writer makes them, and to a reader they are empty where
/// they are missing.
///
/// They are no reason for another format: an earlier build reads, syncs and checks all it knows without them. It only
/// refuses to back the store up, because it counts the tables, which is better than a copy without the users.
const ADDED: [&str; 6] = ["users", "sessions", "api_tokens", "audit", "figures", "failed_syncs"];

fn for_added(visitor: &mut impl ForTable) -> Result<()> {
    visitor.each(USERS)?;
    visitor.each(SESSIONS)?;
    visitor.each(API_TOKENS)?;
    visitor.each(AUDIT)?;
    visitor.each(FIGURES)?;
    visitor.each(FAILED_SYNCS)
}

struct Create<'t>(&'t WriteTransaction);

impl ForTable for Create<'_> {
    fn each<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        self.0.open_table(table)?;
        Ok(())
    }
}

/// Creates every table, so that readers never meet a missing one.
pub(crate) fn create_all(txn: &WriteTransaction) -> Result<()> {
    for_all(&mut Create(txn))
}

/// Creates the tables that came later; another one that is missing is damage, which must not be papered over.
pub(crate) fn create_added(txn: &WriteTransaction) -> Result<()> {
    for_added(&mut Create(txn))
}

/// Whether the store has the tables that came later.
pub(crate) fn has_added(txn: &ReadTransaction) -> Result<bool> {
    Ok(txn.list_tables()?.filter(|table| ADDED.contains(&table.name())).count() == ADDED.len())
}

/// Opens a table to read it; none where it is one that came later and the store has never been written to since.
pub(crate) fn open_if_there<K: Key + 'static, V: Value + 'static>(
    txn: &ReadTransaction,
    table: TableDefinition<'static, K, V>,
) -> Result<Option<ReadOnlyTable<K, V>>> {
    match txn.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(name)) if ADDED.contains(&name.as_str()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Takes the next id of a kind, which is never used again; `name` is where [`META`] keeps it.
pub(crate) fn next_id(txn: &WriteTransaction, name: &str) -> Result<u64> {
    let mut meta = txn.open_table(META)?;
    let id = match meta.get(name)? {
        Some(row) => {
            let bytes = row.value().try_into();
            u64::from_le_bytes(bytes.map_err(|_| StoreError::damaged(format!("the number {name}")))?)
        }
        None => 1,
    };
    meta.insert(name, (id + 1).to_le_bytes().as_slice())?;
    Ok(id)
}
