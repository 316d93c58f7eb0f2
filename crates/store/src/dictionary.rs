//! Ids by number: what edges name accounts by.
//!
//! A data source's dictionary only grows: a number stands for the same text for ever. It holds the ids of all entities
//! that were read, those that edges refer to, and the names that accounts use at resources.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use redb::{ReadableTable, WriteTransaction};
use sightline_core::Names;

use crate::bytes::{Reader, put_bytes, put_number};
use crate::codec::{FOR_LONG, Packer, Unpacker};
use crate::error::{Result, StoreError};
use crate::tables::NAMES;

/// No number.
pub(crate) const NONE: u32 = u32::MAX;

/// The dictionary of a data source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dictionary {
    pub(crate) names: Names,
    /// By the number of an account: the name that it uses at most resources.
    handles: Vec<u32>,
    /// So many names are stored.
    stored: u32,
    /// Accounts whose handle is not stored.
    new_handles: Vec<u32>,
    rows: u64,
}

impl Dictionary {
    /// The number of the name that the account uses at most resources.
    pub(crate) fn handle(&self, account: u32) -> u32 {
        self.handles.get(account as usize).copied().unwrap_or(NONE)
    }

    /// The numbers of the names that accounts use at a resource, [`NONE`] without a name; the first one that an account is
    /// met with becomes its handle.
    pub(crate) fn user_names<'n>(
        &mut self,
        accounts: &[u32],
        names: impl Iterator<Item = Option<&'n str>> + Clone,
    ) -> Vec<u32> {
        // Nearly all are handles: as in `intern_all`, each turn is made for all of them before the next one.
        let mut numbers: Vec<u32> = accounts.iter().map(|&account| self.handle(account)).collect();
        let is_handle = |(name, &handle): (Option<&str>, &u32)| name == Some(self.names.get(handle));
        let known: Vec<bool> = names.clone().zip(&numbers).map(|of| *of.1 != NONE && is_handle(of)).collect();
        for (((number, name), &account), known) in numbers.iter_mut().zip(names).zip(accounts).zip(known) {
            match name {
                None => *number = NONE,
                Some(_) if known => {}
                Some(name) => *number = self.user_name(account, name),
            }
        }
        numbers
    }

    fn user_name(&mut self, account: u32, name: &str) -> u32 {
        let number = self.names.intern(name);
        if self.handle(account) == NONE {
            self.set_handle(account, number);
            self.new_handles.push(account);
        }
        number
    }

    fn set_handle(&mut self, account: u32, number: u32) {
        let at = account as usize;
        if self.handles.len() <= at {
            self.handles.resize(at + 1, NONE);
        }
        self.handles[at] = number;
    }

    /// Reads the dictionary of a data source, to know what numbers stand for.
    pub(crate) fn load(
        table: &impl ReadableTable<(u64, u64), &'static [u8]>,
        unpacker: &Unpacker,
        source_id: u64,
    ) -> Result<Self> {
        let mut dictionary = Self::default();
        for row in table.range((source_id, 0)..=(source_id, u64::MAX))? {
            let (key, blob) = row?;
            if key.value().1 != dictionary.rows {
                return Err(StoreError::damaged("the names: some are missing"));
            }
            dictionary.rows += 1;
            let read = dictionary.read_row(unpacker, blob.value().to_vec());
            read.map_err(|error| error.within("the names"))?;
        }
        dictionary.stored = dictionary.names.len() as u32;
        Ok(dictionary)
    }

    fn read_row(&mut self, unpacker: &Unpacker, blob: Vec<u8>) -> Result<()> {
        let mut frames = unpacker.frames(blob);
        while frames.open()? {
            let mut reader = Reader::new(frames.get(), 0);
            for _ in 0..reader.count()? {
                let name = std::str::from_utf8(reader.bytes()?).map_err(|_| "a name that is no text")?;
                self.names.push(name);
            }
            for _ in 0..reader.count()? {
                let (account, handle) = (reader.small()?, reader.small()?);
                if account.max(handle) as usize >= self.names.len() {
                    return Err("a number without a name".into());
                }
                self.set_handle(account, handle);
            }
        }
        Ok(())
    }

    /// Stores what is new.
    fn store(&mut self, txn: &WriteTransaction, source_id: u64) -> Result<()> {
        let count = self.names.len() as u32;
        if count == self.stored && self.new_handles.is_empty() {
            return Ok(());
        }
        let mut packer = Packer::new(FOR_LONG)?;
        packer.push(|bytes| {
            put_number(bytes, u64::from(count - self.stored));
            for number in self.stored..count {
                put_bytes(bytes, self.names.get(number).as_bytes());
            }
            put_number(bytes, self.new_handles.len() as u64);
            for &account in &self.new_handles {
                put_number(bytes, u64::from(account));
                put_number(bytes, u64::from(self.handle(account)));
            }
        })?;
        txn.open_table(NAMES)?.insert((source_id, self.rows), packer.finish()?.as_slice())?;
        self.rows += 1;
        self.stored = count;
        self.new_handles.clear();
        Ok(())
    }
}

/// The dictionaries that are being added to; only the process that writes has any.
#[derive(Debug, Default)]
pub(crate) struct Dictionaries(Mutex<BTreeMap<u64, Arc<Mutex<Dictionary>>>>);

impl Dictionaries {
    /// Adds to a dictionary and stores what is new with what `change` does; nothing of it is kept when that fails.
    pub(crate) fn add<T>(
        &self,
        source_id: u64,
        load: impl FnOnce() -> Result<Dictionary>,
        change: impl FnOnce(
            &mut Dictionary,
            &dyn Fn(&mut Dictionary, &WriteTransaction) -> Result<()>,
        ) -> Result<T>,
    ) -> Result<T> {
        let shared = self.all().entry(source_id).or_default().clone();
        let mut dictionary = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if dictionary.rows == 0 && dictionary.names.is_empty() {
            let mut loaded = load()?;
            if !loaded.names.index() {
                return Err(StoreError::damaged("the names: one has two numbers"));
            }
            *dictionary = loaded;
        }
        let store = |dictionary: &mut Dictionary, txn: &WriteTransaction| dictionary.store(txn, source_id);
        let result = change(&mut dictionary, &store);
        if result.is_err() {
            // It may name what was not stored.
            *dictionary = Dictionary::default();
        }
        result
    }

    /// Lets go of a dictionary that nothing is added to for now.
    pub(crate) fn forget(&self, source_id: u64) {
        self.all().remove(&source_id);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Mutex<Dictionary>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
