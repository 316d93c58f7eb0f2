//! The same organisation and the same questions in SQLite, with the tables and indexes that one would give them.
//!
//! Ids are replaced by numbers, edges are in tables ordered by their keys, and everything stays in a generous cache:
//! what is compared with is a SQLite that is used well.

pub(crate) mod rows;

mod history;
mod questions;
mod tables;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params_from_iter};

use crate::child::timed;
use crate::organisation::{Organisation, Page};
use crate::scratch::disk_bytes;
use crate::{Failure, Result};
use tables::{Numbers, TABLES, Table};

/// Pages that are stored together, as the store does.
const BATCH: usize = 10;

/// The few accounts that cannot sign in, so that the others need not be looked at one by one.
const BARRED: &str = "CREATE INDEX account_barred ON account(n) WHERE NOT able";

/// A database with an organisation.
pub(crate) struct Sqlite {
    dir: PathBuf,
    db: Connection,
    numbers: Numbers,
}

impl Sqlite {
    /// An empty one in a directory of its own.
    fn new(dir: PathBuf, with_history: bool) -> Result<Self> {
        std::fs::create_dir(&dir)
            .map_err(|error| Failure::new(format!("cannot make {}: {error}", dir.display())))?;
        let db = Connection::open(dir.join("organisation.sqlite"))?;
        // A commit is durable, as it is in the store; the log is written back when 400 MB have come together.
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 100000;
             PRAGMA cache_size = -1048576; PRAGMA temp_store = MEMORY;",
        )?;
        for table in TABLES {
            db.execute_batch(&table.create(with_history))?;
        }
        Ok(Self { dir, db, numbers: Numbers::default() })
    }

    /// An organisation in its first state, without history, and the seconds that this took: in one transaction, the
    /// indexes and what the planner knows made afterwards.
    pub(crate) fn load(organisation: &Organisation, scratch: &Path) -> Result<(Self, f64)> {
        let mut sqlite = Self::new(scratch.join("sqlite"), false)?;
        sqlite.db.execute_batch("BEGIN")?;
        let inserting = sqlite.insert(organisation.full(0), "", &[], "SAVEPOINT batch", "RELEASE batch")?;
        let (indexed, indexing) = timed(|| -> Result<()> {
            for table in TABLES {
                sqlite.db.execute_batch(&table.index(false))?;
            }
            sqlite.db.execute_batch(BARRED)?;
            // Without its numbers the planner finds some answers in a thousand times as long.
            Ok(sqlite.db.execute_batch("COMMIT; ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")?)
        });
        indexed?;
        Ok((sqlite, inserting + indexing))
    }

    /// Inserts everything of these pages with these values behind, into tables whose names begin like this, with these
    /// statements around every batch of pages; gives the seconds.
    fn insert(
        &mut self,
        mut pages: impl Iterator<Item = Page>,
        prefix: &str,
        behind: &[i64],
        before: &str,
        after: &str,
    ) -> Result<f64> {
        let mut all = 0.0;
        let statements: Vec<String> = TABLES.iter().map(|table| table.insert(prefix, behind)).collect();
        loop {
            let batch: Vec<Page> = pages.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let (outcome, seconds) = timed(|| -> Result<()> {
                self.db.execute_batch(before)?;
                for record in batch.into_iter().flat_map(|page| page.records) {
                    if let Some((table, row)) = Table::row(record, &mut self.numbers) {
                        self.db.prepare_cached(&statements[table])?.execute(params_from_iter(row))?;
                    }
                }
                Ok(self.db.execute_batch(after)?)
            });
            outcome?;
            all += seconds;
        }
        Ok(all)
    }

    /// Bytes on the disk, once the log is written back.
    fn bytes(&self) -> Result<u64> {
        self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        disk_bytes(&self.dir)
            .map_err(|error| Failure::new(format!("the database could not be measured: {error}")))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(format!("SQLite failed: {error}"))
    }
}

#[cfg(test)]
mod tests;
