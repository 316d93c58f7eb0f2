//! What a sync has read and found absent of one scope, sorted by key, within bounded memory.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::vec;

use redb::ReadableTable;
use sightline_core::Scope;

use crate::codec::{FOR_SHORT, Packer, Unpacker, Values};
use crate::error::{Result, StoreError};
use crate::keys;
use crate::reading::Reading;

/// Compressed bytes that are sorted in memory at once.
pub(crate) const RUN_BYTES: usize = 2 * 1024 * 1024;

/// What was learned of one scope by key, every key once.
pub(crate) enum Staged<'a> {
    /// There were few.
    InMemory(Sorted),
    /// There were many: sorted runs, compressed, the earliest first.
    InRuns(Vec<Run<'a>>),
}

/// A sorted run and its next reading.
pub(crate) struct Run<'a> {
    rest: Values<'a, Reading>,
    next: Option<(String, Reading)>,
}

impl Run<'_> {
    fn advance(&mut self) -> Result<()> {
        self.next = self.rest.next().transpose()?.map(|reading| (reading.key(), reading));
        Ok(())
    }
}

/// What is staged under a scope; several readings of one fact are laid over each other in the order of the steps.
pub(crate) fn staged<'a>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    unpacker: &'a Unpacker,
    scope: &Scope,
    scope_key: &[u8],
    run_bytes: usize,
) -> Result<Staged<'a>> {
    let what = || format!("what the sync in progress has read of {scope}");
    let mut sorter = Sorter::new(unpacker, run_bytes);
    let mut blob = Vec::new();
    let mut step = None;
    for row in table.range(scope_key..keys::after_scope(scope_key).as_slice())? {
        let (key, piece) = row?;
        let this =
            keys::number_at(key.value(), scope_key.len()).ok_or_else(|| StoreError::damaged(what()))?;
        if step != Some(this) {
            sorter.add(std::mem::take(&mut blob), what())?;
            step = Some(this);
        }
        blob.extend_from_slice(piece.value());
    }
    sorter.add(blob, what())?;
    sorter.finish(&what())
}

struct Sorter<'a> {
    unpacker: &'a Unpacker,
    packer: Option<Packer>,
    readings: Vec<Reading>,
    bytes: usize,
    runs: Vec<Vec<u8>>,
    run_bytes: usize,
}

impl<'a> Sorter<'a> {
    fn new(unpacker: &'a Unpacker, run_bytes: usize) -> Self {
        Self { unpacker, packer: None, readings: Vec::new(), bytes: 0, runs: Vec::new(), run_bytes }
    }

    fn add(&mut self, blob: Vec<u8>, what: String) -> Result<()> {
        if blob.is_empty() {
            return Ok(());
        }
        if self.bytes >= self.run_bytes {
            self.close_run()?;
        }
        self.bytes += blob.len();
        for reading in self.unpacker.read::<Reading>(blob, what) {
            self.readings.push(reading?);
        }
        Ok(())
    }

    fn finish(mut self, what: &str) -> Result<Staged<'a>> {
        if self.runs.is_empty() {
            return Ok(Staged::InMemory(Sorted::new(self.readings)));
        }
        self.close_run()?;
        let mut runs = Vec::with_capacity(self.runs.len());
        for blob in self.runs {
            let mut run = Run { rest: self.unpacker.read(blob, what.to_owned()), next: None };
            run.advance()?;
            runs.push(run);
        }
        Ok(Staged::InRuns(runs))
    }

    fn close_run(&mut self) -> Result<()> {
        let mut packer = match self.packer.take() {
            Some(packer) => packer,
            None => Packer::new(FOR_SHORT)?,
        };
        for (_, reading) in Sorted::new(std::mem::take(&mut self.readings)) {
            packer.push(&reading)?;
        }
        self.runs.push(packer.finish()?);
        self.packer = Some(packer);
        self.bytes = 0;
        Ok(())
    }
}

/// Readings by key; those of the same fact become one.
///
/// Only the keys are sorted: readings are large, and moving them about takes longer than everything else.
pub(crate) struct Sorted {
    order: Peekable<vec::IntoIter<(String, u32)>>,
    readings: Vec<Option<Reading>>,
}

impl Sorted {
    fn new(readings: Vec<Reading>) -> Self {
        let mut order: Vec<(String, u32)> = readings.iter().map(Reading::key).zip(0..).collect();
        // Equal keys stay in the order of the steps.
        order.sort_unstable();
        Self { order: order.into_iter().peekable(), readings: readings.into_iter().map(Some).collect() }
    }

    fn take(&mut self, index: u32) -> Option<Reading> {
        self.readings.get_mut(index as usize).and_then(Option::take)
    }
}

impl Iterator for Sorted {
    type Item = (String, Reading);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, index) = self.order.next()?;
        let mut reading = self.take(index)?;
        while let Some((_, index)) = self.order.next_if(|(next, _)| *next == key) {
            reading = self.take(index)?.over(&reading);
        }
        Some((key, reading))
    }
}

impl Iterator for Staged<'_> {
    type Item = Result<(String, Reading)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::InMemory(readings) => readings.next().map(Ok),
            Self::InRuns(runs) => next_of(runs).transpose(),
        }
    }
}

/// Takes the smallest key from all runs that have it, later runs over earlier ones.
fn next_of(runs: &mut [Run<'_>]) -> Result<Option<(String, Reading)>> {
    let mut first: Option<&str> = None;
    let mut holders: Vec<usize> = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let Some((key, _)) = &run.next else { continue };
        match first.map_or(Ordering::Less, |first| key.as_str().cmp(first)) {
            Ordering::Less => {
                first = Some(key);
                holders.clear();
                holders.push(index);
            }
            Ordering::Equal => holders.push(index),
            Ordering::Greater => {}
        }
    }
    let mut result: Option<(String, Reading)> = None;
    for index in holders {
        let run = &mut runs[index];
        if let Some((key, reading)) = run.next.take() {
            result = Some(match result {
                Some((_, before)) => (key, reading.over(&before)),
                None => (key, reading),
            });
        }
        run.advance()?;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use sightline_core::{Record, Time, Usage};

    use super::*;

    fn used(account: u8, first: i64, count: u64) -> Record {
        let (first, last) = (Time::from_secs(first), Time::from_secs(first + 1));
        Record::Usage(Usage { account: format!("u{account}"), resource: None, first, last, count })
    }

    proptest! {
        /// Every third count is that of an absence.
        #[test]
        fn many_small_runs_give_what_one_large_one_gives(
            steps in proptest::collection::vec(
                proptest::collection::vec((0_u8..20, 0_i64..5, 1_u64..4), 0..8), 0..12),
            run_bytes in proptest::sample::select(vec![1_usize, 60, 100_000]),
        ) {
            let mut expected: BTreeMap<String, Vec<Option<Record>>> = BTreeMap::new();
            let unpacker = Unpacker::new().unwrap();
            let mut packer = Packer::new(FOR_SHORT).unwrap();
            let mut sorter = Sorter::new(&unpacker, run_bytes);
            for step in steps {
                for (account, first, count) in step {
                    let record = used(account, first, count);
                    let heard = expected.entry(record.key()).or_default();
                    if count == 3 {
                        packer.push(&Reading::<&Record>::Absent(record.key())).unwrap();
                        heard.push(None);
                    } else {
                        packer.push(&Reading::Read(&record)).unwrap();
                        heard.push(Some(record));
                    }
                }
                sorter.add(packer.finish().unwrap(), "test".to_owned()).unwrap();
            }
            let sorted: Result<Vec<_>> = sorter.finish("test").unwrap().collect();
            let expected = expected.into_iter().map(|(key, heard)| {
                let since = heard.iter().rposition(Option::is_none).map_or(0, |absence| absence + 1);
                let last = heard[since..].iter().flatten().cloned().reduce(|sum, next| next.over(&sum));
                let reading = match last {
                    None => Reading::Absent(key.clone()),
                    Some(record) if since > 0 => Reading::Again(record),
                    Some(record) => Reading::Read(record),
                };
                (key, reading)
            });
            prop_assert_eq!(sorted.unwrap(), expected.collect::<Vec<_>>());
        }
    }
}
