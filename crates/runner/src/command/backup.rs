//! `sightline backup` and `restore`: everything that is kept, in one file.

use serde::Serialize;
use sightline_answer::{count, number};
use sightline_store::{Copied, StoreError, restore as restore_store};

use crate::cli::{Backup, Restore};
use crate::failure::Failure;
use crate::output::{json, line};
use crate::settings::Settings;
use crate::world::World;

#[derive(Serialize)]
struct CopyLine<'a> {
    file: &'a str,
    bytes: u64,
    sources: u64,
    snapshots: u64,
    /// Whether the key that opens the credentials is at hand; none where there are no credentials.
    key: Option<&'static str>,
}

pub(crate) fn run(world: &World, backup: &Backup) -> Result<(), Failure> {
    let store = world.store_to_read()?;
    let copied = store.back_up(&backup.file, backup.force).map_err(|error| match error {
        StoreError::Occupied { .. } => {
            Failure::from(error).hint("name another file, or replace it with --force")
        }
        error => error.into(),
    })?;
    let file = backup.file.display().to_string();
    if backup.json {
        return json(&line_of(&file, &copied, (copied.credential_fields > 0).then_some("not in the backup")));
    }
    line(format!("Backed up {} to {file} ({}).", contents(&copied), megabytes(copied.bytes)))?;
    if copied.credential_fields == 0 {
        return Ok(());
    }
    let kept = if Settings::vault_key()?.is_some() {
        "the one in SIGHTLINE_KEY".to_owned()
    } else {
        store.dir().join("vault.key").display().to_string()
    };
    line(format!(
        "The credentials in it are encrypted, and their key is not in it: keep {kept} as well, in another place.\n\
         Restore with `sightline restore {file} --data-dir DIR` and put the key into DIR as vault.key."
    ))
}

pub(crate) fn restore(world: &World, restore: &Restore) -> Result<(), Failure> {
    let dir = &world.settings.data_dir;
    let copied = restore_store(&restore.file, dir, "sightline restore").map_err(|error| match error {
        StoreError::Occupied { path } => {
            let failure = Failure::from(StoreError::Occupied { path });
            failure.hint("a backup is only restored where nothing is kept: give another --data-dir, or move this one away")
        }
        error => error.into(),
    })?;
    // The store is there: whether its credentials can be used is another matter, and is told.
    let opens = match world.store_to_read()?.unlock(Settings::vault_key()?) {
        Err(error) if copied.credential_fields > 0 => Err(error),
        Ok(_) | Err(_) => Ok(()),
    };
    let file = restore.file.display().to_string();
    if restore.json {
        let key = if opens.is_ok() { "opens the credentials" } else { "does not open the credentials" };
        return json(&line_of(&file, &copied, (copied.credential_fields > 0).then_some(key)));
    }
    line(format!("Restored {} from {file} to {}.", contents(&copied), dir.display()))?;
    match opens {
        Ok(()) => line("`sightline sync` goes on from there."),
        Err(error) => line(format!(
            "Everything can be asked, but nothing can be read: {error}.\n\
             Put the key of the old store into {} (mode 0600), or give the credentials again with `sightline source rotate`.",
            dir.join("vault.key").display()
        )),
    }
}

fn line_of<'a>(file: &'a str, copied: &Copied, key: Option<&'static str>) -> CopyLine<'a> {
    let Copied { bytes, sources, snapshots, .. } = *copied;
    CopyLine { file, bytes, sources, snapshots, key }
}

fn contents(copied: &Copied) -> String {
    format!(
        "{} and {}",
        count(copied.sources, "data source", "data sources"),
        count(copied.snapshots, "snapshot", "snapshots")
    )
}

/// A size for people.
pub(crate) fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", number(bytes.div_ceil(1000))),
        _ => format!("{} MB", number(bytes.div_ceil(1_000_000))),
    }
}
