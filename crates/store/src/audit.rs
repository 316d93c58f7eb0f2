//! The audit log: who did what with Sightline. Entries are added and never changed or removed.
//!
//! An entry is a row and the SHA-256 over the hash of the entry before it, its number and the row: who changes or removes
//! one breaks the chain there. The newest number and hash are kept apart as well, so that the end cannot be cut off
//! unseen. Against somebody who writes the whole chain anew only a copy elsewhere helps.

use std::cmp::Ordering;

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sightline_core::Time;

use crate::codec;
use crate::error::{Result, StoreError};
use crate::open::Store;
use crate::tables::{AUDIT, META, META_AUDIT_HEAD, open_if_there};

/// Longer texts are cut: some come from people who have not signed in.
const MAX_TEXT_BYTES: usize = 1000;
const HASH_BYTES: usize = 32;
/// What the first entry follows.
const START: Head = Head { number: 0, hash: [0; HASH_BYTES] };

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// Somebody who was signed in.
    User {
        /// The user's id.
        id: u64,
        /// The name at that time.
        name: String,
    },
    /// A program with an API token.
    Token {
        /// The token's id.
        id: u64,
        /// Its name.
        name: String,
        /// The name of its user at that time.
        user: String,
    },
    /// Sightline itself, or who runs it: the command line.
    System,
    /// Somebody who was not signed in.
    Anonymous,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not allowed.
    Refused,
    /// It was tried and did not work.
    Failed,
}

impl Outcome {
    /// Its word: `done`, `refused`, `failed`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What is to be written to the audit log: never a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditNote {
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Actor,
    /// What, as a word for the kind of thing and one for the act: `source.add`, `session.refused`.
    pub action: String,
    /// To what: the name of a data source, a user, a token.
    pub target: Option<String>,
    /// What else there is to know.
    pub detail: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The address of who asked for it.
    pub address: Option<String>,
}

impl AuditNote {
    /// Something that was done; the other fields are set where they are known.
    pub fn done(at: Time, actor: Actor, action: impl Into<String>) -> Self {
        Self {
            at,
            actor,
            action: action.into(),
            target: None,
            detail: None,
            outcome: Outcome::Done,
            address: None,
        }
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its number: the first is 1, and each is one more than the one before.
    pub number: u64,
    /// What was written.
    #[serde(flatten)]
    pub note: AuditNote,
}

impl Store {
    /// Adds an entry to the audit log, and says its number.
    ///
    /// Changes to users, sessions and tokens take their note themselves: it is written if and only if they are done.
    pub fn append_audit(&self, note: &AuditNote) -> Result<u64> {
        self.write(|txn| append(txn, note))
    }

    /// The newest entries of the audit log, the newest first, of those before a number where one is given.
    pub fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditEntry>> {
        let Some(table) = open_if_there(&self.begin_read()?, AUDIT)? else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for row in table.range(..before.unwrap_or(u64::MAX))?.rev().take(limit) {
            let (number, value) = row?;
            let number = number.value();
            let (note, _) = split(value.value()).ok_or_else(|| broken(number, CHANGED))?;
            let note = codec::from_json_row(note, || format!("entry {number} of the audit log"))?;
            entries.push(AuditEntry { number, note });
        }
        Ok(entries)
    }

    /// How many entries the audit log has.
    pub fn audit_count(&self) -> Result<u64> {
        match open_if_there(&self.begin_read()?, AUDIT)? {
            Some(table) => Ok(table.len()?),
            None => Ok(0),
        }
    }

    /// Checks that every entry is what was written and follows the one before it, and says how many there are;
    /// [`StoreError::AuditBroken`] names the first that is not.
    pub fn verify_audit(&self) -> Result<u64> {
        verify(&self.begin_read()?)
    }
}

const CHANGED: &str = "is not what was written, or does not follow the one before it";
const MISSING: &str = "is missing";
const BEYOND: &str = "is beyond the ends that were written down";

/// Where the log ends.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
    number: u64,
    hash: [u8; HASH_BYTES],
}

impl Head {
    fn read(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Self> {
        let Some(row) = meta.get(META_AUDIT_HEAD)? else { return Ok(START) };
        let damaged = || StoreError::damaged("the end of the audit log");
        let (number, hash) = row.value().split_first_chunk().ok_or_else(damaged)?;
        Ok(Self { number: u64::from_le_bytes(*number), hash: hash.try_into().map_err(|_| damaged())? })
    }

    fn write(self, txn: &WriteTransaction) -> Result<()> {
        let mut row = self.number.to_le_bytes().to_vec();
        row.extend_from_slice(&self.hash);
        txn.open_table(META)?.insert(META_AUDIT_HEAD, row.as_slice())?;
        Ok(())
    }

    /// Where the log ends with one more row.
    fn after(self, number: u64, row: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.hash);
        hash.update(number.to_le_bytes());
        hash.update(row);
        Self { number, hash: hash.finalize().into() }
    }
}

/// Adds an entry as part of another change.
pub(crate) fn append(txn: &WriteTransaction, note: &AuditNote) -> Result<u64> {
    let mut note = note.clone();
    for text in [&mut note.target, &mut note.detail, &mut note.address].into_iter().flatten() {
        cut(text);
    }
    let mut row = codec::to_json_row(&note)?;
    let head = Head::read(&txn.open_table(META)?)?;
    let mut table = txn.open_table(AUDIT)?;
    let last = table.last()?.map_or(0, |(number, _)| number.value());
    // They are the same. If they are not, the check-up says so, and nothing that is left is written over.
    let head = head.after(head.number.max(last) + 1, &row);
    row.extend_from_slice(&head.hash);
    table.insert(head.number, row.as_slice())?;
    head.write(txn)?;
    Ok(head.number)
}

fn verify(txn: &ReadTransaction) -> Result<u64> {
    let end = Head::read(&txn.open_table(META)?)?;
    let mut head = START;
    if let Some(table) = open_if_there(txn, AUDIT)? {
        for row in table.iter()? {
            let (number, value) = row?;
            let (number, expected) = (number.value(), head.number + 1);
            if number != expected {
                // The first is 1.
                return Err(if number == 0 { broken(number, BEYOND) } else { broken(expected, MISSING) });
            }
            let (row, hash) = split(value.value()).ok_or_else(|| broken(number, CHANGED))?;
            head = head.after(number, row);
            if head.hash != *hash {
                return Err(broken(number, CHANGED));
            }
        }
    }
    match head.number.cmp(&end.number) {
        Ordering::Less => Err(broken(head.number + 1, MISSING)),
        Ordering::Greater => Err(broken(end.number + 1, BEYOND)),
        Ordering::Equal if head != end => Err(broken(end.number, CHANGED)),
        Ordering::Equal => Ok(head.number),
    }
}

/// The row of an entry, and its hash.
fn split(value: &[u8]) -> Option<(&[u8], &[u8; HASH_BYTES])> {
    value.split_last_chunk()
}

fn broken(number: u64, what: &'static str) -> StoreError {
    StoreError::AuditBroken { number, what }
}

fn cut(text: &mut String) {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push('…');
    }
}
