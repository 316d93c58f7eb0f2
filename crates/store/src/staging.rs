//! What steps found, as it is kept until the sync is sealed.

use sightline_core::Absent;

use crate::codec::{FOR_SHORT, Packer};
use crate::dictionary::Dictionary;
use crate::edges::{Edges, Tables};
use crate::error::Result;
use crate::progress::StepOutcome;
use crate::rows::{self, PUT, REMOVE};
use crate::seal::put_said;

/// What a step found of its scope.
pub(crate) struct Staged {
    /// Rows, packed; empty when there are none.
    pub(crate) rows: Vec<u8>,
    /// Edges, packed; empty when there are none.
    pub(crate) edges: Vec<u8>,
}

impl Staged {
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.edges.is_empty()
    }
}

/// Packs what steps found.
pub(crate) struct Stager {
    packer: Packer,
    value: Vec<u8>,
}

impl Stager {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { packer: Packer::new(FOR_SHORT)?, value: Vec::new() })
    }

    /// Packs what a step found; ids that are new get numbers.
    pub(crate) fn stage(&mut self, outcome: &StepOutcome, dictionary: &mut Dictionary) -> Result<Staged> {
        let mut edges = Edges::default();
        let mut tables = Tables::default();
        let parent = outcome.scope.parent.as_deref();
        let others = match parent {
            Some(parent) => edges.take(parent, &outcome.records, &mut tables, dictionary),
            None => outcome.records.iter().collect(),
        };
        for record in others {
            if let Some((_, id)) = record.entity() {
                dictionary.names.intern(id);
            }
            self.value.clear();
            self.value = rows::encode(record, std::mem::take(&mut self.value))?;
            let key = record.key();
            self.packer.push(|bytes| put_said(bytes, PUT, &key, &self.value))?;
        }
        for absent in &outcome.absent {
            if parent.is_some_and(|parent| edges.take_absent(parent, absent, dictionary)) {
                continue;
            }
            if let Absent::Fact(key) = absent {
                self.packer.push(|bytes| put_said(bytes, REMOVE, key, &[]))?;
            }
        }
        let rows = self.packer.finish()?;
        let edges = edges.pack(&mut self.packer, &tables, dictionary)?;
        Ok(Staged { rows, edges })
    }
}
