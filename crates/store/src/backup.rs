//! A copy of the store in one file, made while it is used, and a store made from such a copy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, Value, WriteTransaction,
};

use crate::error::{Result, StoreError};
use crate::open::{FILE, OpenMode, OpenOptions, Store, create_dir, open_error, private_file};
use crate::pages::check_pages;
use crate::tables::{CREDENTIALS, ForTable, SESSIONS, SNAPSHOTS, SOURCES, for_all, open_if_there};

/// What is in a copy of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Size of the copy.
    pub bytes: u64,
    /// Data sources.
    pub sources: u64,
    /// Sealed snapshots of all of them.
    pub snapshots: u64,
    /// Fields of credentials: they are encrypted, and the key is not in the copy.
    pub credential_fields: u64,
}

impl Store {
    /// Writes all that is committed, as of one moment, to a file of its own that only this user can read.
    ///
    /// The file appears when it is whole. One that is there already is only replaced when asked to. The key of the
    /// credentials is not in it, and neither are the sessions of users.
    pub fn back_up(&self, file: &Path, replace: bool) -> Result<Copied> {
        if is_same(file, self.file()) {
            return Err(StoreError::Occupied { path: file.to_owned() });
        }
        let place = Place::beside(file, replace)?;
        let from = self.begin_read()?;
        let database = Builder::new()
            .set_cache_size(COPY_CACHE_BYTES)
            .create(&place.draft)
            .map_err(|error| open_error(error, self.dir(), &place.draft))?;
        copy(&from, &database).map_err(|error| error.writing(&place.draft))?;
        let copied = contents(&database.begin_read()?)?;
        database.close().map_err(|error| open_error(error, self.dir(), &place.draft))?;
        // What is not the same as what was read is no copy.
        check_pages(&place.draft)?;
        place.fill(copied)
    }
}

/// Makes the store of a data directory from a copy, after having checked it; fails with [`StoreError::Occupied`] where
/// there are data sources or users already. The key of the credentials has to be put beside it.
pub fn restore(copy: &Path, data_dir: &Path, command: &str) -> Result<Copied> {
    if !copy.is_file() {
        return Err(StoreError::io("read", copy)(io::ErrorKind::NotFound.into()));
    }
    let from = Store::open_to_read(data_dir, copy, &OpenOptions::new(OpenMode::Read).command(command))?;
    let copied = contents(&from.begin_read()?)?;
    create_dir(data_dir)?;
    let file = data_dir.join(FILE);
    let is_there = fs::metadata(&file).is_ok_and(|metadata| metadata.len() > 0);
    if is_there {
        // Nobody may write to it meanwhile; whoever does is named.
        let there = Store::open_with(data_dir, &OpenOptions::new(OpenMode::Write).command(command))?;
        if !there.sources()?.is_empty() || !there.users()?.is_empty() {
            return Err(StoreError::Occupied { path: file });
        }
    }
    let place = Place::beside(&file, true)?;
    let copying = || -> io::Result<()> {
        let mut to = private_file().truncate(true).open(&place.draft)?;
        io::copy(&mut File::open(copy)?, &mut to)?;
        to.sync_all()
    };
    copying().map_err(StoreError::io("write", &place.draft))?;
    check_pages(&place.draft)?;
    place.fill(copied)
}

/// Most of a copy is written once and not read again.
const COPY_CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Where a file is to appear, and the draft beside it, which is removed unless it takes the place.
struct Place {
    file: PathBuf,
    draft: PathBuf,
    replace: bool,
}

impl Place {
    fn beside(file: &Path, replace: bool) -> Result<Self> {
        let place = Self {
            file: file.to_owned(),
            draft: file.with_added_extension(format!("{}.part", std::process::id())),
            replace,
        };
        place.check()?;
        private_file()
            .create(true)
            .truncate(true)
            .open(&place.draft)
            .map_err(StoreError::io("create", &place.draft))?;
        Ok(place)
    }

    fn check(&self) -> Result<()> {
        match fs::symlink_metadata(&self.file) {
            Ok(_) if !self.replace => Err(StoreError::Occupied { path: self.file.clone() }),
            _ => Ok(()),
        }
    }

    /// Puts the draft in its place, durably.
    fn fill(self, copied: Copied) -> Result<Copied> {
        self.check()?;
        let filling = || -> io::Result<u64> {
            let draft = File::open(&self.draft)?;
            draft.sync_all()?;
            fs::rename(&self.draft, &self.file)?;
            sync_dir(&self.file)?;
            Ok(draft.metadata()?.len())
        };
        let bytes = filling().map_err(StoreError::io("write", &self.file))?;
        Ok(Copied { bytes, ..copied })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It is gone when it has taken its place.
        let _ = fs::remove_file(&self.draft);
    }
}

/// Makes a change of names in the directory of a file durable.
fn sync_dir(file: &Path) -> io::Result<()> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Whether both names are of the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn copy(from: &ReadTransaction, database: &Database) -> Result<()> {
    let mut to = database.begin_write()?;
    to.set_quick_repair(true);
    let mut copy = Copy { from, to: &to, tables: 0 };
    for_all(&mut copy)?;
    let there = from.list_tables()?.count() + from.list_multimap_tables()?.count();
    if copy.tables != there {
        return Err(StoreError::damaged(format!("it has {there} tables instead of {}", copy.tables)));
    }
    to.commit()?;
    Ok(())
}

struct Copy<'t> {
    from: &'t ReadTransaction,
    to: &'t WriteTransaction,
    tables: usize,
}

impl ForTable for Copy<'_> {
    fn each<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        let Some(from) = open_if_there(self.from, table)? else { return Ok(()) };
        let mut to = self.to.open_table(table)?;
        self.tables += 1;
        // Whoever is signed in now is not to be signed in where the copy is restored one day.
        if redb::TableHandle::name(&table) == redb::TableHandle::name(&SESSIONS) {
            return Ok(());
        }
        for row in from.iter()? {
            let (key, value) = row?;
            to.insert(key.value(), value.value())?;
        }
        let (found, expected) = (to.len()?, from.len()?);
        if found != expected {
            let name = redb::TableHandle::name(&table);
            return Err(StoreError::damaged(format!(
                "table {name:?} has {found} rows instead of {expected}"
            )));
        }
        Ok(())
    }
}

fn contents(txn: &ReadTransaction) -> Result<Copied> {
    Ok(Copied {
        bytes: 0,
        sources: txn.open_table(SOURCES)?.len()?,
        snapshots: txn.open_table(SNAPSHOTS)?.len()?,
        credential_fields: txn.open_table(CREDENTIALS)?.len()?,
    })
}
