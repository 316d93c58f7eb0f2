//! History as one usually keeps it: a row says from which sync on it is true, and up to which.

use std::path::Path;

use super::Sqlite;
use super::tables::{TABLES, Table};
use crate::Result;
use crate::child::timed;
use crate::organisation::{Organisation, Page};

impl Sqlite {
    /// An organisation in its first state, with room for further ones, and the seconds that this took: with a commit for
    /// every batch of pages, as a sync does.
    pub(super) fn load_with_history(organisation: &Organisation, scratch: &Path) -> Result<(Self, f64)> {
        let mut sqlite = Self::new(scratch.join("sqlite history"), true)?;
        for table in TABLES {
            sqlite.db.execute_batch(&table.index(true))?;
        }
        let seconds = sqlite.insert(organisation.full(0), "", &[1], "BEGIN", "COMMIT")?;
        Ok((sqlite, seconds))
    }

    /// Stores what a further sync read; gives the seconds.
    ///
    /// Everything goes into tables beside; rows that are not among them any more, or not as they were, are ended, and new
    /// ones begin. What is under a parent that was not read stays.
    pub(super) fn sync(&mut self, pages: impl Iterator<Item = Page>, number: i64) -> Result<f64> {
        let staging = self.insert(pages, "read_", &[], "BEGIN", "COMMIT")?;
        let (outcome, seconds) = timed(|| -> Result<()> {
            let txn = self.db.transaction()?;
            for table in TABLES {
                for statement in [table.end(), table.begin()] {
                    txn.execute(&statement, [number])?;
                }
                txn.execute(&format!("DELETE FROM read_{}", table.name), [])?;
            }
            Ok(txn.commit()?)
        });
        outcome?;
        Ok(staging + seconds)
    }

    /// Reads every row of a state; gives how many edges of accounts there are.
    pub(super) fn read_at(&self, number: i64) -> Result<u64> {
        let mut edges = 0;
        for table in TABLES {
            let columns = table.columns().collect::<Vec<_>>().join(", ");
            let mut select = self.db.prepare(&format!(
                "SELECT {columns} FROM {} WHERE seq_from <= ?1 AND (seq_to IS NULL OR seq_to > ?1)",
                table.name
            ))?;
            let count = select.column_count();
            let mut rows = select.query([number])?;
            while let Some(row) = rows.next()? {
                for column in 0..count {
                    std::hint::black_box(row.get_ref(column)?);
                }
                edges += u64::from(["membership", "assignment"].contains(&table.name));
            }
        }
        Ok(edges)
    }
}

impl Table {
    /// Ends what was read under the same parents, but not, or not as it was.
    fn end(&self) -> String {
        let Self { name, keys, .. } = self;
        let parent = keys[0];
        let same: Vec<String> =
            self.columns().map(|column| format!("new.{column} IS {name}.{column}")).collect();
        format!(
            "UPDATE {name} SET seq_to = ?1 WHERE seq_to IS NULL
                 AND {parent} IN (SELECT {parent} FROM read_{name})
                 AND NOT EXISTS (SELECT 1 FROM read_{name} AS new WHERE {})",
            same.join(" AND ")
        )
    }

    /// Begins what was read and is not there.
    fn begin(&self) -> String {
        let Self { name, keys, .. } = self;
        let columns = self.columns().collect::<Vec<_>>().join(", ");
        let same: Vec<String> = keys.iter().map(|key| format!("old.{key} = new.{key}")).collect();
        format!(
            "INSERT INTO {name}({columns}, seq_from)
             SELECT {columns}, ?1 FROM read_{name} AS new
             WHERE NOT EXISTS (SELECT 1 FROM {name} AS old WHERE {} AND old.seq_to IS NULL)",
            same.join(" AND ")
        )
    }
}
