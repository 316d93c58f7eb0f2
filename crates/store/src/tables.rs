//! The tables of the database.
//!
//! Keys are integers or the byte strings of [`crate::keys`]; every value that is not a bare number or text begins with
//! the version of its encoding.

use redb::{Key, TableDefinition, Value, WriteTransaction};

use crate::error::Result;

/// Format of the store that this version writes.
pub(crate) const FORMAT: u32 = 3;

/// Facts about the store itself, by name.
pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Name in [`META`]: the format, four bytes, little-endian.
pub(crate) const META_FORMAT: &str = "format";
/// Name in [`META`]: the id of the next data source, eight bytes, little-endian.
pub(crate) const META_NEXT_SOURCE: &str = "next_source";
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
    Ok(())
}

/// Creates every table, so that readers never meet a missing one.
pub(crate) fn create_all(txn: &WriteTransaction) -> Result<()> {
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
    for_all(&mut Create(txn))
}
