//! Organisations and their history in a store, and in SQLite.

mod kept;
mod rows;

use std::path::PathBuf;

use clap::Args;

use crate::figures::markdown;
use crate::organisation::{Organisation, Size};
use crate::scratch::Scratch;
use crate::sqlite;
use crate::{Failure, Result, machine};
use kept::{Kept, Opened};
use rows::Bounds;

/// What `bench store` measures.
#[derive(Debug, Clone, Args)]
pub(crate) struct StoreBench {
    /// People of one organisation, the rest in proportion [default: 100000, then 1000000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..))]
    people: Option<u32>,
    /// Snapshots after the first; of more than 100000 people only one is made, and no history in SQLite
    #[arg(long, default_value_t = SNAPSHOTS, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    snapshots: u32,
    /// Leave out the comparison with SQLite
    #[arg(long)]
    no_sqlite: bool,
}

/// Opens a snapshot and says what that took.
#[derive(Debug, Clone, Args)]
pub(crate) struct OpenSnapshot {
    dir: PathBuf,
    source_id: u64,
    number: u64,
}

const SNAPSHOTS: u32 = 30;
/// So often each snapshot is opened, where that does not take long.
const OPENINGS: u32 = 3;

impl Default for StoreBench {
    fn default() -> Self {
        Self { people: None, snapshots: SNAPSHOTS, no_sqlite: false }
    }
}

impl StoreBench {
    /// Measures and prints, tables for each organisation.
    pub(crate) fn measure(&self) -> Result<()> {
        println!("machine    {}", machine::describe());
        println!("program    release build of this one; snapshots are opened in a process of their own");
        println!("changed    1 % of the people and 1 % of the edges from snapshot to snapshot");
        let sizes = match self.people {
            Some(people) => vec![Size::of(people)],
            None => vec![Size::LARGE, Size::LARGEST],
        };
        for size in sizes {
            println!("\n### {}\n", size.describe());
            print!("{}", self.measure_one(size)?);
        }
        Ok(())
    }

    fn measure_one(&self, size: Size) -> Result<String> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::new(format!("this program cannot be found: {error}")))?;
        let scratch = Scratch::beside(&program)?;
        let with_history = size.people <= Size::LARGE.people;
        let further = if with_history { self.snapshots } else { 1 };
        let organisation = Organisation::new(size, further);
        let bounds = Bounds::of(size);

        let kept = Kept::new(scratch.path().join("kept"))?;
        let first = kept.sync_full(&organisation, 0)?;
        let (bytes, first_bytes) = (kept.bytes()?, kept.compacted_bytes()?);
        let mut rows = rows::first(&first, bytes, first_bytes, &bounds);

        if with_history {
            let other = kept.copy_to(scratch.path().join("read again"))?;
            let again = other.sync_full(&organisation, 1)?;
            let grown = other.compacted_bytes()?.saturating_sub(first_bytes);
            rows.extend(rows::read_again(&again, organisation.changes(1), grown, &bounds));
        }
        let mut synced = vec![kept.sync_changes(&organisation, 1)?];
        let grown = kept.compacted_bytes()?.saturating_sub(first_bytes);
        for state in 2..=further {
            synced.push(kept.sync_changes(&organisation, state)?);
        }
        let last_bytes = kept.compacted_bytes()?;
        rows.extend(rows::changes(&synced, organisation.changes(1), grown, &bounds));
        rows.extend(rows::history(further, first_bytes, last_bytes, &bounds));

        let openings = if with_history { OPENINGS } else { 1 };
        let open =
            |number: u64| (0..openings).map(|_| kept.open_elsewhere(number)).collect::<Result<Vec<_>>>();
        let (latest, oldest) = (open(u64::from(further) + 1)?, open(1)?);
        let pairs = oldest.first().map(|opened| opened.pairs);
        rows.extend(rows::opened(&latest, &oldest, further, &bounds));

        if !self.no_sqlite {
            rows.extend(sqlite::rows::kept(&organisation, scratch.path(), pairs)?);
            if with_history {
                rows.extend(sqlite::rows::history(&organisation, scratch.path())?);
            }
        }
        Ok(markdown(&rows))
    }
}

impl OpenSnapshot {
    pub(crate) fn run(&self) -> Result<()> {
        crate::child::tell(&Opened::measure(&self.dir, self.source_id, self.number)?)
    }
}
