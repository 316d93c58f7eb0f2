//! What a sync has read and found absent of one scope, sorted by key, within bounded memory.

use std::ops::Range;

use redb::ReadableTable;

use crate::bytes::Reader;
use crate::codec::{self, FOR_SHORT, Frames, Packer, Unpacker};
use crate::edges::Op;
use crate::error::Result;
use crate::rows::{self, PUT, REMOVE, Row, Rows, Said, UNSEEN};

/// Bytes that are sorted in memory at once.
pub(crate) const RUN_BYTES: usize = 4 * 1024 * 1024;

/// What was learned of one scope by key, every key once.
pub(crate) struct Staged<'a> {
    /// Sorted runs, the earliest first.
    runs: Vec<Rows<'a>>,
    /// The runs that hold the smallest key.
    holders: Vec<usize>,
    /// What these say together, where that is not what the last of them says.
    combined: Option<(Said, Vec<u8>)>,
}

impl<'a> Staged<'a> {
    /// What is staged under a scope; several readings of one fact are laid over each other in the order of the steps.
    pub(crate) fn open(
        table: &impl ReadableTable<&'static [u8], &'static [u8]>,
        unpacker: &'a Unpacker,
        scope_key: &[u8],
        run_bytes: usize,
    ) -> Result<Self> {
        let mut sorter = Sorter::new(unpacker, run_bytes);
        for (_, blob) in codec::get_blobs(table, scope_key, 0..=u64::MAX >> 8)? {
            sorter.add(blob)?;
        }
        sorter.finish()
    }

    /// What was learned of the smallest key that is left; only what is put has a value.
    pub(crate) fn row(&self) -> Option<Row<'_>> {
        let last = self.runs.get(*self.holders.last()?)?.row()?;
        Some(match &self.combined {
            Some((said, value)) => Row { said: *said, value, ..last },
            None => last,
        })
    }

    pub(crate) fn advance(&mut self) -> Result<()> {
        for run in std::mem::take(&mut self.holders) {
            self.runs[run].advance()?;
        }
        self.settle()
    }

    fn settle(&mut self) -> Result<()> {
        self.combined = None;
        for (index, run) in self.runs.iter().enumerate() {
            let Some(row) = run.row() else { continue };
            let first = self.holders.first().and_then(|&holder| self.runs[holder].row());
            match first.map(|first| row.key.cmp(first.key)) {
                Some(std::cmp::Ordering::Greater) => {}
                Some(std::cmp::Ordering::Equal) => self.holders.push(index),
                _ => self.holders = vec![index],
            }
        }
        if self.holders.len() > 1 {
            let rows = self.holders.iter().filter_map(|&run| self.runs[run].row());
            self.combined = Some(combine(rows.map(|row| (row.said, row.value)))?);
        }
        Ok(())
    }
}

/// Lays what was said of one fact over each other, the earliest first.
fn combine<'v>(mut said: impl Iterator<Item = (Said, &'v [u8])>) -> Result<(Said, Vec<u8>)> {
    let Some((mut what, value)) = said.next() else { return Ok((REMOVE, Vec::new())) };
    let mut value = value.to_vec();
    for (new, new_value) in said {
        (what, value) = match (new, what) {
            (PUT, PUT | Said::Again) => {
                (what, rows::over(new_value, &value)?.unwrap_or_else(|| new_value.to_vec()))
            }
            (PUT, Said::Op(_)) => (Said::Again, new_value.to_vec()),
            (new, _) => (new, new_value.to_vec()),
        };
    }
    Ok((what, value))
}

struct Sorter<'a> {
    unpacker: &'a Unpacker,
    /// Made for the first run that does not stay in memory.
    packer: Option<Packer>,
    plain: Vec<u8>,
    rows: Vec<(Said, Range<u32>, Range<u32>)>,
    runs: Vec<Vec<u8>>,
    run_bytes: usize,
}

impl<'a> Sorter<'a> {
    const fn new(unpacker: &'a Unpacker, run_bytes: usize) -> Self {
        Self { unpacker, packer: None, plain: Vec::new(), rows: Vec::new(), runs: Vec::new(), run_bytes }
    }

    fn add(&mut self, blob: Vec<u8>) -> Result<()> {
        let mut frames = self.unpacker.frames(blob);
        while frames.open()? {
            if self.plain.len() >= self.run_bytes {
                let run = self.sorted()?;
                self.close_run(&run)?;
            }
            let start = self.plain.len();
            self.plain.extend_from_slice(frames.get());
            self.note(start)?;
        }
        Ok(())
    }

    /// Notes where the rows are that begin at this place.
    fn note(&mut self, start: usize) -> Result<(), crate::bytes::Malformed> {
        let mut reader = Reader::new(&self.plain, start);
        while !reader.is_at_end() {
            let said = match reader.byte()? {
                0 => PUT,
                byte if byte == Op::Remove as u8 => REMOVE,
                _ => return Err("an unknown reading"),
            };
            let len = reader.bytes()?.len();
            let key = (reader.at() - len) as u32..reader.at() as u32;
            let mut value = 0..0;
            if said == PUT {
                let len = reader.bytes()?.len();
                value = (reader.at() - len) as u32..reader.at() as u32;
            }
            reader.number()?;
            reader.number()?;
            self.rows.push((said, key, value));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Staged<'a>> {
        let last = self.sorted()?;
        let mut runs = Vec::with_capacity(self.runs.len() + 1);
        let packed = std::mem::take(&mut self.runs).into_iter().map(|blob| self.unpacker.frames(blob));
        for frames in packed.chain([Frames::plain(last)]) {
            runs.push(Rows::new(frames)?);
        }
        let mut staged = Staged { runs, holders: Vec::new(), combined: None };
        staged.settle()?;
        Ok(staged)
    }

    /// The rows that were added since the last run, sorted, every key once.
    fn sorted(&mut self) -> Result<Vec<u8>> {
        let plain = std::mem::take(&mut self.plain);
        let mut rows = std::mem::take(&mut self.rows);
        let at = |range: &Range<u32>| &plain[range.start as usize..range.end as usize];
        // A stable sort: what was said of one fact stays in its order.
        rows.sort_by(|(_, a, _), (_, b, _)| at(a).cmp(at(b)));
        let mut sorted = Vec::with_capacity(plain.len());
        for same in rows.chunk_by(|(_, a, _), (_, b, _)| at(a) == at(b)) {
            let (said, key, value) = &same[0];
            let combined;
            let (said, value) = if same.len() == 1 {
                (*said, at(value))
            } else {
                combined = combine(same.iter().map(|(said, _, value)| (*said, at(value))))?;
                (combined.0, combined.1.as_slice())
            };
            Row { said, key: at(key), value, seen: UNSEEN }.put(&mut sorted);
        }
        Ok(sorted)
    }

    /// Puts a sorted run aside.
    fn close_run(&mut self, run: &[u8]) -> Result<()> {
        let mut packer = match self.packer.take() {
            Some(packer) => packer,
            None => Packer::new(FOR_SHORT)?,
        };
        let mut at = 0;
        while at < run.len() {
            let mut reader = Reader::new(run, at);
            let said = reader.byte()?;
            reader.bytes()?;
            if said != Op::Remove as u8 {
                reader.bytes()?;
            }
            reader.number()?;
            reader.number()?;
            packer.push(|bytes| bytes.extend_from_slice(&run[at..reader.at()]))?;
            at = reader.at();
        }
        self.runs.push(packer.finish()?);
        self.packer = Some(packer);
        Ok(())
    }
}

/// Writes what a step said of a fact.
pub(crate) fn put_said(bytes: &mut Vec<u8>, said: Said, key: &str, value: &[u8]) {
    debug_assert!(matches!(said, PUT | REMOVE), "a step reads or misses");
    Row { said, key: key.as_bytes(), value, seen: UNSEEN }.put(bytes);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use sightline_core::{Record, Time, Usage};

    use super::*;
    use crate::rows::{decode, encode};

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
                        packer.push(|bytes| put_said(bytes, REMOVE, &record.key(), &[])).unwrap();
                        heard.push(None);
                    } else {
                        let value = encode(&record, Vec::new()).unwrap();
                        packer.push(|bytes| put_said(bytes, PUT, &record.key(), &value)).unwrap();
                        heard.push(Some(record));
                    }
                }
                sorter.add(packer.finish().unwrap()).unwrap();
            }
            let mut staged = sorter.finish().unwrap();
            let mut found = Vec::new();
            while let Some(row) = staged.row() {
                let record = (row.said != REMOVE).then(|| decode(row.value).unwrap());
                found.push((String::from_utf8(row.key.to_vec()).unwrap(), row.said, record));
                staged.advance().unwrap();
            }
            let expected = expected.into_iter().map(|(key, heard)| {
                let since = heard.iter().rposition(Option::is_none).map_or(0, |absence| absence + 1);
                let last = heard[since..].iter().flatten().cloned().reduce(|sum, next| next.over(&sum));
                let said = match last {
                    None => REMOVE,
                    Some(_) if since > 0 => Said::Again,
                    Some(_) => PUT,
                };
                (key, said, last)
            });
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }
}
