//! Syncs that sealed no snapshot, and why: what is known of a data source is as old as its last snapshot, and a person wants
//! to know since when and for what reason.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use sightline_core::Time;

use crate::codec;
use crate::error::Result;
use crate::open::Store;
use crate::source::require;
use crate::tables::{FAILED_SYNCS, open_if_there};

/// So many are kept of each data source, the newest.
const KEPT: u64 = 100;

/// A sync that sealed no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedSync {
    /// When it was started.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// What kind of failure it was, in a word that the caller understands.
    pub kind: String,
    /// What happened, for people.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Store {
    /// Keeps that a sync of a data source failed; of very many the oldest are forgotten.
    pub fn keep_failed_sync(&self, source_id: u64, failed: &FailedSync) -> Result<()> {
        self.write(|txn| {
            require(txn, source_id)?;
            let mut table = txn.open_table(FAILED_SYNCS)?;
            let last = table.range((source_id, 0)..=(source_id, u64::MAX))?.next_back().transpose()?;
            let order = last.map_or(1, |(key, _)| key.value().1 + 1);
            table.insert((source_id, order), codec::to_row(failed)?.as_slice())?;
            let forgotten = (source_id, 0)..=(source_id, order.saturating_sub(KEPT));
            table.retain_in::<(u64, u64), _>(forgotten, |_, _| false)?;
            Ok(())
        })
    }

    /// The syncs of a data source that failed, as far as they are kept, the oldest first.
    pub fn failed_syncs(&self, source_id: u64) -> Result<Vec<FailedSync>> {
        let Some(table) = open_if_there(&self.begin_read()?, FAILED_SYNCS)? else { return Ok(Vec::new()) };
        let mut failed = Vec::new();
        for row in table.range((source_id, 0)..=(source_id, u64::MAX))? {
            let what = || format!("a failed sync of data source {source_id}");
            failed.push(codec::from_row(row?.1.value(), what)?);
        }
        Ok(failed)
    }

    /// The last sync of a data source that failed, if one did.
    pub fn last_failed_sync(&self, source_id: u64) -> Result<Option<FailedSync>> {
        let Some(table) = open_if_there(&self.begin_read()?, FAILED_SYNCS)? else { return Ok(None) };
        let last = table.range((source_id, 0)..=(source_id, u64::MAX))?.next_back().transpose()?;
        let what = || format!("the last failed sync of data source {source_id}");
        last.map(|(_, row)| codec::from_row(row.value(), what)).transpose()
    }
}
