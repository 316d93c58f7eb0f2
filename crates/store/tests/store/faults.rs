//! Writing that fails or ends at any moment: what was committed is whole, what was not is not there.
//!
//! The database runs on a file in memory that loses power, or is full, at the n-th thing that is done to it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use sightline_core::Snapshot;
use sightline_store::{Store, StoreError};
use tempfile::TempDir;

use crate::acts::{ACTS, Act, KEPT, expected, facts, step};
use crate::made::*;

/// A file in memory, and what has been written to it since it was last made durable.
#[derive(Debug, Default)]
struct Disk {
    /// What would be read.
    now: Vec<u8>,
    /// What survives a loss of power.
    durable: Vec<u8>,
    /// Writes since then: where and what, or the length that was set.
    unsynced: Vec<Write>,
    /// How much is done before the fault.
    left: u64,
    fault: Fault,
    done: u64,
}

#[derive(Debug, Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Len(usize),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// Nothing is done any more.
    Power,
    /// No room: writing and growing fail, reading and shrinking do not.
    Full,
    /// Writing fails and works again afterwards.
    Once,
}

#[derive(Debug, Clone, Default)]
struct Backend(Arc<Mutex<Disk>>);

impl Disk {
    /// Counts something that is done to the file; fails where the fault is due.
    fn tick(&mut self, grows: bool) -> io::Result<()> {
        self.done += 1;
        if self.fault == Fault::None || self.left > 0 {
            self.left = self.left.saturating_sub(1);
            return Ok(());
        }
        match self.fault {
            Fault::Full if !grows => Ok(()),
            Fault::Full => Err(io::ErrorKind::StorageFull.into()),
            Fault::Once => {
                self.fault = Fault::None;
                Err(io::Error::other("the disk did not answer"))
            }
            _ => Err(io::Error::other("no power")),
        }
    }

    fn apply(bytes: &mut Vec<u8>, write: &Write) {
        match write {
            Write::Len(len) => bytes.resize(*len, 0),
            Write::Bytes(at, data) => {
                if bytes.len() < at + data.len() {
                    bytes.resize(at + data.len(), 0);
                }
                bytes[*at..at + data.len()].copy_from_slice(data);
            }
        }
    }

    /// What is on the disk after a loss of power: of what was not made durable any part, in any order.
    fn after_power_loss(&self, seed: u64) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let mut rng = Rng(seed | 1);
        for write in &self.unsynced {
            match (rng.below(4), write) {
                (0, _) => {}
                // Cut in the middle, at the end of a sector.
                (1, Write::Bytes(at, data)) if data.len() > 512 => {
                    let sectors = rng.below(data.len() as u64 / 512) as usize;
                    Self::apply(&mut bytes, &Write::Bytes(*at, data[..sectors * 512].to_vec()));
                }
                _ => Self::apply(&mut bytes, write),
            }
        }
        bytes
    }
}

impl redb::StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let disk = self.0.lock().unwrap();
        if disk.fault == Fault::Power && disk.left == 0 {
            return Err(io::Error::other("no power"));
        }
        let at = offset as usize;
        let bytes = disk.now.get(at..at + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        let grows = len as usize > disk.now.len();
        disk.tick(grows)?;
        let write = Write::Len(len as usize);
        Disk::apply(&mut disk.now, &write);
        disk.unsynced.push(write);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.tick(false)?;
        disk.durable = disk.now.clone();
        disk.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.0.lock().unwrap();
        disk.tick(true)?;
        let write = Write::Bytes(offset as usize, data.to_vec());
        Disk::apply(&mut disk.now, &write);
        disk.unsynced.push(write);
        Ok(())
    }
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

impl Backend {
    fn holding(bytes: &[u8]) -> Self {
        let (now, durable) = (bytes.to_vec(), bytes.to_vec());
        Self(Arc::new(Mutex::new(Disk { now, durable, ..Disk::default() })))
    }

    fn fails_after(&self, left: u64, fault: Fault) {
        let mut disk = self.0.lock().unwrap();
        (disk.left, disk.fault) = (left, fault);
    }

    fn done(&self) -> u64 {
        self.0.lock().unwrap().done
    }
}

/// All that can be seen of a store.
type Seen = (Vec<String>, BTreeMap<u64, Snapshot>, Option<sightline_store::SyncInProgress>);

fn look(store: &Store, source: u64) -> Seen {
    let names = store.sources().unwrap().into_iter().map(|source| source.name).collect();
    let numbers = store.snapshots(source).unwrap().into_iter().map(|meta| meta.number);
    let snapshots = numbers.map(|number| (number, store.snapshot(source, number).unwrap())).collect();
    (names, snapshots, store.resume(source).unwrap())
}

/// A store before the acts, and what is seen of an undisturbed one before and after each transaction of them.
struct Script {
    dir: TempDir,
    start: Vec<u8>,
    /// What is seen before each act, and after the last.
    states: Vec<Seen>,
    /// Things done to the file by the end of each act.
    ends: Vec<u64>,
}

fn script() -> Script {
    let dir = TempDir::new().unwrap();
    let disk = Backend::default();
    let store = Store::open_on(disk.clone(), dir.path()).unwrap();
    add_source(&store, "acme");
    drop(store);
    let start = disk.0.lock().unwrap().now.clone();
    let disk = Backend::holding(&start);
    let mut store = Store::open_on(disk.clone(), dir.path()).unwrap();
    let (mut states, mut ends) = (vec![look(&store, 1)], Vec::new());
    for act in ACTS {
        act.run(&mut store, 1).unwrap();
        states.push(look(&store, 1));
        ends.push(disk.done());
    }
    Script { dir, start, states, ends }
}

/// Runs the acts until one fails; gives how many succeeded.
fn run_until_fault(store: &mut Store) -> (usize, Option<StoreError>) {
    for (index, act) in ACTS.iter().enumerate() {
        if let Err(error) = act.run(store, 1) {
            return (index, Some(error));
        }
    }
    (ACTS.len(), None)
}

/// Checks what is left after a fault in the act with this index: the state before it or after it, or between the two
/// transactions of those acts that have two.
#[track_caller]
fn is_whole(script: &Script, acts_done: usize, bytes: &[u8], what: &str) {
    let mut store = Store::open_on(Backend::holding(bytes), script.dir.path())
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let seen = look(&store, 1);
    let before = &script.states[acts_done];
    let after = script.states.get(acts_done + 1).unwrap_or(before);
    let between = match ACTS.get(acts_done) {
        Some(Act::Read) => {
            (&seen.0, &seen.1) == (&before.0, &before.1)
                && seen.2.as_ref().is_some_and(|sync| sync.tasks.len() == 2 && sync.scopes.is_empty())
        }
        Some(Act::Sources) => seen.0 == ["acme", "passing"] && (&seen.1, &seen.2) == (&before.1, &before.2),
        _ => false,
    };
    assert!(seen == *before || seen == *after || between, "{what}: {seen:?}");

    // It goes on: the sync that was interrupted is finished, and its snapshot is the one that was to be.
    if seen.0.len() > 1 {
        store.remove_source(store.source_named("passing").unwrap().id).unwrap();
    }
    let next = store.latest(1).unwrap().map_or(1, |meta| meta.number + 1);
    if !store.has_sync_in_progress(1).unwrap() {
        store.begin_sync(1, time(1), true, &["1".to_owned(), "2".to_owned()]).unwrap();
    }
    let tasks = store.resume(1).unwrap().unwrap().tasks;
    for (task, _) in tasks {
        store.commit_steps(1, &[step(task, next)]).unwrap();
    }
    store.seal(1, next, time(2), &rules()).unwrap();
    let is_right = |store: &Store| {
        let found = store.snapshot(1, next).unwrap();
        assert!(facts(&found) == expected(next), "{what}: snapshot {next} is another one");
    };
    is_right(&store);
    // What was begun of giving up snapshots is finished.
    Act::Prune.run(&mut store, 1).unwrap();
    Act::Compact.run(&mut store, 1).unwrap();
    is_right(&store);
    assert!(store.snapshots(1).unwrap().len() <= KEPT, "{what}");
}

/// Every so manieth moment is looked at; `cargo xtask crash` looks at all.
fn stride() -> usize {
    std::env::var("SIGHTLINE_FAULT_STRIDE").ok().and_then(|stride| stride.parse().ok()).unwrap_or(5)
}

#[test]
fn a_loss_of_power_at_any_moment_costs_at_most_what_was_under_way() {
    let script = script();
    let last = *script.ends.last().unwrap();
    let mut met = [0_u64; ACTS.len() + 1];
    for point in (0..=last).step_by(stride()) {
        let disk = Backend::holding(&script.start);
        // The acts of the undisturbed store were counted from its opening.
        disk.fails_after(point, Fault::Power);
        let Ok(mut store) = Store::open_on(disk.clone(), script.dir.path()) else {
            let bytes = disk.0.lock().unwrap().after_power_loss(point);
            is_whole(&script, 0, &bytes, &format!("while opening, at {point}"));
            continue;
        };
        let (acts_done, _) = run_until_fault(&mut store);
        met[acts_done] += 1;
        for seed in [point * 2 + 1, point * 7919 + 3] {
            let bytes = disk.0.lock().unwrap().after_power_loss(seed);
            is_whole(&script, acts_done, &bytes, &format!("at {point} of {last}, seed {seed}"));
        }
        drop(store);
    }
    assert!(last > 150, "only {last} moments");
    for (act, met) in ACTS.iter().zip(met) {
        assert!(met > 0, "only {met} moments of {act:?} were met");
    }
}

#[test]
fn a_full_disk_is_said_and_harms_nothing() {
    let script = script();
    let last = *script.ends.last().unwrap();
    let mut refused = 0;
    for point in (0..last).step_by(stride()) {
        let fault = if (point / stride() as u64).is_multiple_of(2) { Fault::Full } else { Fault::Once };
        let disk = Backend::holding(&script.start);
        disk.fails_after(point, fault);
        let Ok(mut store) = Store::open_on(disk.clone(), script.dir.path()) else { continue };
        let (acts_done, error) = run_until_fault(&mut store);
        if let Some(error) = &error {
            let what = format!("{fault:?} at {point}: {error:?}");
            let StoreError::Io { doing: "write", path, source } = error else { panic!("{what}") };
            assert!(path.ends_with("sightline.redb"), "{what}");
            if fault == Fault::Full {
                assert_eq!(source.kind(), io::ErrorKind::StorageFull, "{what}");
                assert!(error.hint().unwrap().contains("make room"), "{what}");
            }
            // The same store says so again rather than going on with what it does not know.
            let again = store.begin_sync(1, time(1), true, &[]).unwrap_err();
            let expected = matches!(
                again,
                StoreError::NotWritten { .. } | StoreError::Io { .. } | StoreError::SyncInProgress { .. }
            );
            assert!(expected, "{what}, then {again:?}");
            refused += 1;
        }
        drop(store);
        let bytes = disk.0.lock().unwrap().now.clone();
        is_whole(&script, acts_done, &bytes, &format!("{fault:?} at {point}"));
    }
    assert!(refused > 15, "only {refused} writes failed");
}
