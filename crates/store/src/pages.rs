//! Whether the pages of the file are what the database wrote.
//!
//! The database keeps a checksum of every page in the page above it, and compares them only when it repairs a file after
//! a crash. Here it is made to, on a view of the file to which nothing is written: a byte that has changed is an error
//! before anything is read, and never a wrong answer.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::{Builder, DatabaseError, StorageBackend, StorageError};

use crate::error::{Result, StoreError};

/// Bytes at the start of the file that change with every commit.
const HEADER_BYTES: usize = 320;
/// Where its flags are.
const FLAGS: usize = 9;
const SECOND_IS_NEWEST: u8 = 1;
const WAS_NOT_CLOSED: u8 = 2;
/// What is written is kept in blocks of this size.
const BLOCK_BYTES: usize = 4096;
/// Pages that are kept in memory meanwhile: each is looked at once or twice.
const CACHE_BYTES: usize = 4 * 1024 * 1024;
/// A repair that has come so far has found that the newest state is damaged.
const FELL_BACK: std::ops::Range<f64> = 0.1..0.5;

/// What the pages of a store are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Each is what the database wrote.
    AsWritten,
    /// Another process replaced some while they were looked at: it checked them itself when it began.
    BeingWritten,
}

/// Checks every page that the newest state consists of; fails with [`StoreError::Damaged`].
pub(crate) fn check_pages(file: &Path) -> Result<Pages> {
    let read = |error| StoreError::io("read", file)(error);
    let before = header(file).map_err(read)?;
    if before.is_empty() {
        return Ok(Pages::AsWritten);
    }
    match check(View::open(file).map_err(read)?, &before) {
        Err(StoreError::Damaged { .. }) if header(file).map_err(read)? != before => Ok(Pages::BeingWritten),
        other => other.map(|()| Pages::AsWritten),
    }
}

fn check(view: View, header: &[u8]) -> Result<()> {
    let was_closed = header.get(FLAGS).is_some_and(|flags| flags & WAS_NOT_CLOSED == 0);
    if was_closed && is_set_back(header) {
        return Err(damaged("its newest state is not the one that it names"));
    }
    let fell_back = Rc::new(Cell::new(false));
    let noted = fell_back.clone();
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).set_repair_callback(
        move |repair| {
            // After a crash the newest state may be half written, and then it was not committed.
            if was_closed && FELL_BACK.contains(&repair.progress()) {
                noted.set(true);
                repair.abort();
            }
        },
    );
    match builder.create_with_backend(view) {
        Err(DatabaseError::RepairAborted) if fell_back.get() => {
            Err(damaged("a page of its newest state is not what was written"))
        }
        Err(DatabaseError::Storage(StorageError::Corrupted(what))) => Err(damaged(&what)),
        // Where it is not ours, or of another version, opening it says so better.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::damaged(format!("its file: {what}"))
}

/// Whether a file that was closed names the older of its two states: no checksum covers the bit that says which.
///
/// The other one may be newer where both have the same tables: the database tidies up after a commit.
fn is_set_back(header: &[u8]) -> bool {
    let state = |slot: usize| header.get(64 + 128 * slot..64 + 128 * (slot + 1));
    let (Some(flags), Some(first), Some(second)) = (header.get(FLAGS), state(0), state(1)) else {
        return false;
    };
    let (newest, other) = if flags & SECOND_IS_NEWEST == 0 { (first, second) } else { (second, first) };
    let number = |state: &[u8]| state[56..64].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let tables = 8..32;
    number(newest) < number(other) && newest[tables.clone()] != other[tables]
}

/// The start of the file; empty where there is nothing to check yet.
fn header(file: &Path) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    match File::open(file) {
        Ok(file) => file.take(HEADER_BYTES as u64).read_to_end(&mut header)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(header)
}

/// A file that is only read; what is written to the view stays in memory.
#[derive(Debug)]
pub(crate) struct View(Mutex<Contents>);

#[derive(Debug)]
struct Contents {
    file: File,
    file_len: u64,
    len: u64,
    /// Blocks that were written, by number.
    written: BTreeMap<u64, Vec<u8>>,
}

impl View {
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let file = File::open(file)?;
        let len = file.metadata()?.len();
        Ok(Self(Mutex::new(Contents { file, file_len: len, len, written: BTreeMap::new() })))
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    /// Reads from the file; zeros after its end.
    fn read_file(&mut self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = self.file_len.min(self.len).saturating_sub(offset).min(out.len() as u64) as usize;
        let (from_file, after) = out.split_at_mut(there);
        after.fill(0);
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(from_file)
    }

    fn blocks(offset: u64, len: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, usize)> {
        let end = offset + len as u64;
        let block = BLOCK_BYTES as u64;
        (offset / block..end.div_ceil(block)).map(move |number| {
            let from = (number * block).max(offset);
            let to = ((number + 1) * block).min(end);
            ((number), (from - offset) as usize..(to - offset) as usize, (from - number * block) as usize)
        })
    }
}

impl StorageBackend for View {
    fn len(&self) -> io::Result<u64> {
        Ok(self.contents().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut contents = self.contents();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > contents.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        contents.read_file(offset, out)?;
        if contents.written.is_empty() {
            return Ok(());
        }
        for (number, range, at) in Contents::blocks(offset, out.len()) {
            if let Some(block) = contents.written.get(&number) {
                let len = range.len();
                out[range].copy_from_slice(&block[at..at + len]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut contents = self.contents();
        // What is cut off does not come back when the file grows again.
        contents.file_len = contents.file_len.min(len);
        contents.written.retain(|number, _| number * (BLOCK_BYTES as u64) < len);
        contents.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut contents = self.contents();
        for (number, range, at) in Contents::blocks(offset, data.len()) {
            let mut block = contents.written.remove(&number).unwrap_or_default();
            if block.is_empty() {
                block.resize(BLOCK_BYTES, 0);
                contents.read_file(number * BLOCK_BYTES as u64, &mut block)?;
            }
            block[at..at + range.len()].copy_from_slice(&data[range]);
            contents.written.insert(number, block);
        }
        Ok(())
    }
}
