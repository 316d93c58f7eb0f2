//! The note beside the store that says which process holds it.
//!
//! The database's own lock decides; the note only makes the error message useful, and one left by a dead process is
//! ignored.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sightline_core::Time;

use crate::error::StoreError;

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pid: u32,
    command: String,
    since: Time,
}

/// Holds the note while the store is open for writing; removes it when dropped.
#[derive(Debug)]
pub(crate) struct LockNote {
    path: PathBuf,
}

impl LockNote {
    /// Writes the note. A note that cannot be written only makes another process's message poorer.
    pub(crate) fn write(dir: &Path, command: &str, since: Time) -> Self {
        let note = Note { pid: std::process::id(), command: command.to_owned(), since };
        let path = path(dir);
        let written = serde_json::to_vec(&note).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|bytes| fs::write(&path, bytes)) {
            tracing::warn!(%error, "the note beside the store cannot be written");
        }
        Self { path }
    }
}

impl Drop for LockNote {
    fn drop(&mut self) {
        // Nothing depends on it: a note that stays behind names a dead process.
        let _ = fs::remove_file(&self.path);
    }
}

/// The error for a store that another process holds.
pub(crate) fn busy(dir: &Path) -> StoreError {
    let note = fs::read(path(dir)).ok().and_then(|bytes| serde_json::from_slice::<Note>(&bytes).ok());
    match note.filter(|note| is_running(note.pid)) {
        Some(note) => {
            StoreError::Busy { pid: Some(note.pid), command: Some(note.command), since: Some(note.since) }
        }
        None => StoreError::Busy { pid: None, command: None, since: None },
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("sightline.lock")
}

#[cfg(target_os = "linux")]
fn is_running(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(not(target_os = "linux"))]
fn is_running(_pid: u32) -> bool {
    true
}
