//! `sightline doctor`: what of the store is intact, what is not, and what to do.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json as value};
use sightline_answer::{count, number};
use sightline_store::{Checkup, Pages, SnapshotCheckup, SourceCheckup, StoreError, check_up};

use crate::cli::Doctor;
use crate::command::backup::megabytes;
use crate::failure::{Failure, NOT_FOUND, STORE};
use crate::output::{json, line};
use crate::settings::Settings;
use crate::world::World;

/// Less room than this on the disk is worth a word, whatever the size of the store.
const SMALL_ROOM_BYTES: u64 = 200_000_000;

/// Something to see to: what, and what to do about it.
#[derive(Debug, Serialize)]
struct Remark {
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Remark {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: Some(hint.into()) }
    }

    fn of(about: &str, error: &StoreError) -> Self {
        Self { what: format!("{about}: {error}"), hint: error.hint() }
    }
}

pub(crate) fn run(world: &World, doctor: &Doctor) -> Result<(), Failure> {
    let dir = &world.settings.data_dir;
    Settings::vault_key()?;
    let key = || Ok(Settings::vault_key().unwrap_or(None));
    let checkup = quietly(|| check_up(dir, key)).map_err(|error| match error {
        StoreError::Missing { dir } => {
            Failure::new(format!("nothing is stored in {} yet", dir.display())).code(NOT_FOUND)
        }
        error => error.into(),
    })?;
    let free = free_bytes(dir);
    let damage = damage(&checkup);
    let remarks = remarks(&checkup, free);
    if doctor.json {
        let is_certain = checkup.pages.is_ok();
        let sources = checkup.sources.iter().flatten().map(|found| source_json(found, is_certain));
        let sources: Vec<Value> = sources.collect();
        json(&value!({
            "intact": checkup.is_intact(),
            "file": checkup.file,
            "bytes": checkup.bytes,
            "free_bytes": free,
            "pages": match &checkup.pages {
                Ok(Pages::AsWritten) => "intact",
                Ok(Pages::BeingWritten) => "being written",
                Err(_) => "damaged",
            },
            "audit_log": match &checkup.audit {
                Ok(entries) => value!({ "intact": true, "entries": entries }),
                Err(StoreError::AuditBroken { number, .. }) => value!({ "intact": false, "broken_at": number }),
                Err(_) => value!({ "intact": false }),
            },
            "sources": sources,
            "damage": damage,
            "remarks": remarks,
        }))?;
    } else {
        show(&checkup, free)?;
        for Remark { what, hint } in damage.iter().chain(&remarks) {
            line(format!("\n{what}"))?;
            if let Some(hint) = hint {
                line(format!("  what to do  {hint}"))?;
            }
        }
    }
    if checkup.is_intact() {
        return if doctor.json { Ok(()) } else { line("\nEverything that is stored is intact.") };
    }
    let parts = count(damage.len() as u64, "part", "parts");
    Err(Failure::new(format!("the store is damaged: {parts} of it")).code(STORE).hint(what_to_do(&checkup)))
}

/// The database may panic over a page that makes no sense, which is then told as damage and not as a panic.
fn quietly<T>(act: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = act();
    std::panic::set_hook(hook);
    result
}

/// Everything that is damaged.
fn damage(checkup: &Checkup) -> Vec<Remark> {
    let mut damage = Vec::new();
    let mut told = |what: String| damage.push(Remark { what, hint: None });
    if let Err(error) = &checkup.pages {
        told(format!("The file is not as it was written: {error}"));
    }
    if let Err(error) = &checkup.sources {
        told(format!("The data sources cannot be read: {error}"));
    }
    for (name, rows) in &checkup.tables {
        if let Err(error) = rows {
            told(format!("The table {name}: {error}"));
        }
    }
    if let Err(error) = &checkup.audit {
        damage.push(Remark::of("The audit log", error));
    }
    for found in checkup.sources.iter().flatten() {
        damage_of(found, &mut damage);
    }
    damage
}

fn damage_of(found: &SourceCheckup, damage: &mut Vec<Remark>) {
    let name = &found.source.name;
    if let Err(error) = &found.snapshots {
        damage.push(Remark { what: format!("{name}: its snapshots: {error}"), hint: None });
    }
    for snapshot in found.snapshots.iter().flatten() {
        if let Err(error) = &snapshot.condition {
            let what = format!("{name}: snapshot {} cannot be read whole: {error}", snapshot.meta.number);
            damage.push(Remark { what, hint: None });
        }
    }
    if let Err(error) = &found.sync {
        damage.push(Remark::new(
            format!("{name}: the sync in progress cannot go on: {error}"),
            format!("`sightline sync --full {name}` forgets it and reads everything anew"),
        ));
    }
    if let Err(error @ StoreError::Damaged { .. }) = &found.credential {
        damage.push(Remark::new(
            format!("{name}: the credential: {error}"),
            format!("give it again with `sightline source rotate {name}`"),
        ));
    }
}

/// What is no damage and yet has to be seen to.
fn remarks(checkup: &Checkup, free: Option<u64>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if let Ok(Pages::BeingWritten) = checkup.pages {
        remarks.push(Remark::new(
            "The file was being written all the time: its pages were not compared with their checksums.",
            "ask again when no sync runs; everything that is stored was read all the same",
        ));
    }
    // The key is one for all of them, and told once.
    let locked = checkup.sources.iter().flatten().find_map(|found| match &found.credential {
        Err(error) if !matches!(error, StoreError::Damaged { .. }) => Some(error),
        _ => None,
    });
    if let Some(error) = locked {
        remarks.push(Remark::of("The credentials cannot be used", error));
    }
    for (path, mode) in &checkup.exposed {
        remarks.push(Remark::new(
            format!("Others on this machine can read {} (mode {mode:03o}).", path.display()),
            format!("chmod 600 {}", path.display()),
        ));
    }
    if let Some(free) = free.filter(|free| *free < checkup.bytes.max(SMALL_ROOM_BYTES)) {
        remarks.push(Remark::new(
            format!("Only {} are free on the disk.", megabytes(free)),
            "make room: a sync that finds none stops, and what it has read so far stays",
        ));
    }
    remarks
}

fn show(checkup: &Checkup, free: Option<u64>) -> Result<(), Failure> {
    let free = free.map(|free| format!(", {} free", megabytes(free))).unwrap_or_default();
    line(format!("{} ({}{free})", checkup.file.display(), megabytes(checkup.bytes)))?;
    let rows: u64 = checkup.tables.iter().filter_map(|(_, rows)| rows.as_ref().ok()).sum();
    line(format!(
        "  pages        {}",
        match &checkup.pages {
            Ok(Pages::AsWritten) => "all as they were written",
            Ok(Pages::BeingWritten) => "being written",
            Err(_) => "damaged",
        }
    ))?;
    line(format!("  tables       {}, {}", checkup.tables.len(), count(rows, "row", "rows")))?;
    line(match &checkup.audit {
        Ok(entries) => format!("  audit log    {}, none changed", count(*entries, "entry", "entries")),
        Err(_) => "  audit log    changed or damaged".to_owned(),
    })?;
    for found in checkup.sources.iter().flatten() {
        show_source(found, checkup.pages.is_ok())?;
    }
    Ok(())
}

fn show_source(found: &SourceCheckup, is_certain: bool) -> Result<(), Failure> {
    line(format!("\n{}", found.source.name))?;
    if let Ok(snapshots) = &found.snapshots {
        let (whole, broken): (Vec<_>, Vec<_>) =
            snapshots.iter().partition(|snapshot| snapshot.condition.is_ok());
        let word = if is_certain { "intact" } else { "can still be read" };
        line(format!("  snapshots    {} {word}{}", number(whole.len() as u64), numbers_of(&whole)))?;
        if !broken.is_empty() {
            line(format!("  damaged      {}{}", number(broken.len() as u64), numbers_of(&broken)))?;
        }
    }
    if let Ok(Some((sync, tasks))) = &found.sync {
        line(format!("  in progress  sync {sync}, {} left", count(*tasks as u64, "task", "tasks")))?;
    }
    line(format!(
        "  credential   {}",
        if found.credential.is_ok() { "can be decrypted" } else { "cannot be used" }
    ))
}

/// The numbers of snapshots, where they are few.
fn numbers_of(snapshots: &[&SnapshotCheckup]) -> String {
    const SHOWN: usize = 12;
    let numbers: Vec<_> = snapshots.iter().take(SHOWN).map(|found| found.meta.number.to_string()).collect();
    match snapshots.len() {
        0 => String::new(),
        1..=SHOWN => format!(": {}", numbers.join(", ")),
        _ => format!(": {}, …", numbers.join(", ")),
    }
}

fn source_json(found: &SourceCheckup, is_certain: bool) -> Value {
    let snapshots: Vec<Value> = found
        .snapshots
        .iter()
        .flatten()
        .map(|snapshot| {
            value!({
                "number": snapshot.meta.number,
                "sealed": snapshot.meta.sealed,
                "facts": snapshot.meta.facts,
                "readable": snapshot.condition.is_ok(),
                "intact": is_certain && snapshot.condition.is_ok(),
            })
        })
        .collect();
    let sync = match &found.sync {
        Ok(Some((sync, tasks))) => value!({ "number": sync, "tasks_left": tasks, "intact": true }),
        Ok(None) => Value::Null,
        Err(_) => value!({ "intact": false }),
    };
    value!({
        "name": found.source.name,
        "snapshots": snapshots,
        "sync_in_progress": sync,
        "credential_opens": found.credential.is_ok(),
    })
}

fn what_to_do(checkup: &Checkup) -> String {
    let whole = checkup
        .sources
        .iter()
        .flatten()
        .any(|found| found.snapshots.iter().flatten().any(|snapshot| snapshot.condition.is_ok()));
    let kept = if whole {
        "keep a copy of the file: what can be read of it may be of use"
    } else {
        "keep a copy of the file"
    };
    format!(
        "stop every sightline and {kept}; check the disk; then restore a backup into a new data directory with \
         `sightline restore`, or connect the data sources again there"
    )
}

/// Room on the disk of a directory for this user, where the system says it.
#[cfg(unix)]
fn free_bytes(dir: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(dir).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free_bytes(_dir: &Path) -> Option<u64> {
    None
}
