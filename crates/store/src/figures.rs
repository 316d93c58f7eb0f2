//! Figures of snapshots: what was counted when a snapshot was loaded, to tell how numbers went without loading it again.

use std::collections::BTreeMap;

use sightline_core::SnapshotNumber;

use crate::codec;
use crate::error::Result;
use crate::open::Store;
use crate::tables::{FIGURES, open_if_there};

/// Numbers by their names.
pub type Figures = BTreeMap<String, u64>;

impl Store {
    /// Keeps what was counted of a snapshot, in the place of what was kept of it before.
    ///
    /// It is derived from the snapshot and no part of it: it may be missing, and outlives it when it is given up.
    pub fn keep_figures(&self, source_id: u64, number: SnapshotNumber, figures: &Figures) -> Result<()> {
        self.write(|txn| {
            let row = codec::to_row(figures)?;
            txn.open_table(FIGURES)?.insert((source_id, number), row.as_slice())?;
            Ok(())
        })
    }

    /// What was counted of the snapshots of a data source, the oldest first.
    pub fn figures(&self, source_id: u64) -> Result<Vec<(SnapshotNumber, Figures)>> {
        let Some(table) = open_if_there(&self.begin_read()?, FIGURES)? else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for row in table.range((source_id, 0)..=(source_id, u64::MAX))? {
            let (key, value) = row?;
            let number = key.value().1;
            all.push((
                number,
                codec::from_row(value.value(), || format!("the figures of snapshot {number}"))?,
            ));
        }
        Ok(all)
    }
}
