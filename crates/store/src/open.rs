//! Opening the store, and the one way to read and to write it.

use std::cmp::Ordering;
use std::fs::{self, OpenOptions as FileOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{
    Builder, CompactionError, ConcurrencyMode, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction,
    ReadableDatabase, StorageBackend, StorageError, WriteTransaction,
};
use sightline_core::time::{Clock, SystemClock};

use crate::dictionary::Dictionaries;
use crate::error::{Result, StoreError};
use crate::lock::{self, LockNote};
use crate::lookup::FirstKeys;
use crate::pages::check_pages;
use crate::tables::{self, FORMAT, META, META_FORMAT};

/// Name of the database in the data directory.
pub(crate) const FILE: &str = "sightline.redb";

/// Whether the store is only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Reads what is sealed, also while another process writes.
    Read,
    /// Reads and writes; one process at a time.
    Write,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Whether it is only read.
    pub mode: OpenMode,
    /// Bytes of the database that are kept in memory.
    pub cache_bytes: usize,
    /// Whether the file is compared with its checksums first, half a second for each gigabyte; without it a byte that has
    /// changed may lead to a wrong answer or a panic.
    pub check: bool,
    /// What this process is doing, for the message that another one shows: `sightline serve`.
    pub command: String,
}

impl OpenOptions {
    /// The usual way.
    pub fn new(mode: OpenMode) -> Self {
        Self { mode, cache_bytes: 32 * 1024 * 1024, check: true, command: "sightline".to_owned() }
    }

    /// Says what this process is doing.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }
}

/// The open store of a data directory.
///
/// It may be shared between threads; writes wait for each other, reads wait for nobody.
pub struct Store {
    dir: PathBuf,
    file: PathBuf,
    // Dropped before the database lets go of its lock: the note of the next writer is never removed.
    _note: Option<LockNote>,
    handle: Handle,
    pub(crate) dictionaries: Dictionaries,
    pub(crate) first_keys: FirstKeys,
}

enum Handle {
    Write(Database),
    Read(ReadOnlyDatabase),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a data directory; a writer creates both where they are missing.
    pub fn open(data_dir: impl AsRef<Path>, mode: OpenMode) -> Result<Self> {
        Self::open_with(data_dir, &OpenOptions::new(mode))
    }

    /// Opens the store in a data directory, as the options say.
    pub fn open_with(data_dir: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let dir = data_dir.as_ref();
        let file = dir.join(FILE);
        match options.mode {
            OpenMode::Read => Self::open_to_read(dir, &file, options),
            OpenMode::Write => Self::open_to_write(dir, &file, options),
        }
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of the database.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    fn open_to_write(dir: &Path, file: &Path, options: &OpenOptions) -> Result<Self> {
        create_dir(dir)?;
        create_file(file)?;
        if options.check {
            check_pages(file)?;
        }
        let database = with_fallback(|mode| builder(options, mode).create(file))
            .map_err(|error| open_error(error, dir, file))?;
        let note = LockNote::write(dir, &options.command, SystemClock.now());
        let store = Self {
            dir: dir.to_owned(),
            file: file.to_owned(),
            handle: Handle::Write(database),
            _note: Some(note),
            dictionaries: Dictionaries::default(),
            first_keys: FirstKeys::default(),
        };
        store.begin()
    }

    /// Opens a store that is kept elsewhere than in a file; its key is in the directory. For tests of what happens when
    /// writing fails.
    #[doc(hidden)]
    pub fn open_on(backend: impl StorageBackend, dir: &Path) -> Result<Self> {
        let options = OpenOptions::new(OpenMode::Write);
        let database = builder(&options, ConcurrencyMode::ExclusiveWriter).create_with_backend(backend);
        let file = dir.join(FILE);
        let database = database.map_err(|error| open_error(error, dir, &file))?;
        let handle = Handle::Write(database);
        let (dictionaries, first_keys) = (Dictionaries::default(), FirstKeys::default());
        Self { dir: dir.to_owned(), file, handle, _note: None, dictionaries, first_keys }.begin()
    }

    /// Makes a new database a store, and checks that an old one is.
    fn begin(self) -> Result<Self> {
        if self.is_blank()? {
            self.write(|txn| {
                tables::create_all(txn)?;
                txn.open_table(META)?.insert(META_FORMAT, FORMAT.to_le_bytes().as_slice())?;
                Ok(())
            })?;
            tracing::info!(dir = %self.dir.display(), format = FORMAT, "made a new store");
        }
        self.check_format()?;
        if !tables::has_added(&self.begin_read()?)? {
            self.write(tables::create_added)?;
        }
        Ok(self)
    }

    /// Opens a file to read it, whatever its name.
    pub(crate) fn open_to_read(dir: &Path, file: &Path, options: &OpenOptions) -> Result<Self> {
        if !file.exists() {
            return Err(StoreError::Missing { dir: dir.to_owned() });
        }
        if options.check {
            check_pages(file)?;
        }
        let database = with_fallback(|mode| builder(options, mode).open_read_only(file))
            .map_err(|error| open_error(error, dir, file))?;
        let store = Self {
            dir: dir.to_owned(),
            file: file.to_owned(),
            handle: Handle::Read(database),
            _note: None,
            dictionaries: Dictionaries::default(),
            first_keys: FirstKeys::default(),
        };
        if store.is_blank()? {
            return Err(StoreError::Missing { dir: dir.to_owned() });
        }
        store.check_format()?;
        Ok(store)
    }

    /// Whether the database has no tables: it is new, or was never finished.
    fn is_blank(&self) -> Result<bool> {
        Ok(self.begin_read()?.list_tables()?.next().is_none())
    }

    fn check_format(&self) -> Result<()> {
        let not_ours = || StoreError::NotAStore { path: self.file.clone() };
        let txn = self.begin_read()?;
        let meta = match txn.open_table(META) {
            Ok(meta) => meta,
            Err(redb::TableError::Storage(error)) => return Err(error.into()),
            Err(_) => return Err(not_ours()),
        };
        let row = redb::ReadableTable::get(&meta, META_FORMAT)?.ok_or_else(not_ours)?;
        let found = u32::from_le_bytes(row.value().try_into().map_err(|_| not_ours())?);
        match found.cmp(&FORMAT) {
            Ordering::Greater => Err(StoreError::Newer { found, supported: FORMAT }),
            Ordering::Less => Err(StoreError::Older { found, supported: FORMAT }),
            Ordering::Equal => Ok(()),
        }
    }

    /// Makes the file as small as what is in it; other processes must not be reading it.
    pub fn compact(&mut self) -> Result<()> {
        let Handle::Write(database) = &mut self.handle else { return Err(StoreError::ReadOnly) };
        match database.compact() {
            Ok(_) => Ok(()),
            Err(CompactionError::TransactionInProgress) => Err(StoreError::InUse),
            Err(error) => Err(StoreError::Database(Box::new(error.into())).writing(&self.file)),
        }
    }

    /// Whether this handle may write.
    pub(crate) const fn can_write(&self) -> bool {
        matches!(self.handle, Handle::Write(_))
    }

    /// One consistent view of everything that is committed.
    pub(crate) fn begin_read(&self) -> Result<ReadTransaction> {
        Ok(match &self.handle {
            Handle::Write(database) => database.begin_read()?,
            Handle::Read(database) => database.begin_read()?,
        })
    }

    /// Makes changes: all of them, durably, or none.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&WriteTransaction) -> Result<T>) -> Result<T> {
        let Handle::Write(database) = &self.handle else { return Err(StoreError::ReadOnly) };
        let write = || -> Result<T> {
            let mut txn = database.begin_write()?;
            // Opening after a crash then takes no time, however large the store is.
            txn.set_quick_repair(true);
            let result = change(&txn)?;
            txn.commit()?;
            Ok(result)
        };
        write().map_err(|error| error.writing(&self.file))
    }
}

fn builder(options: &OpenOptions, mode: ConcurrencyMode) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes).set_concurrency_mode(mode);
    builder
}

/// Lets readers in while one process writes, where the file system has the locks for it; otherwise one at a time.
fn with_fallback<T>(
    open: impl Fn(ConcurrencyMode) -> std::result::Result<T, DatabaseError>,
) -> std::result::Result<T, DatabaseError> {
    match open(ConcurrencyMode::SingleWriter) {
        Err(DatabaseError::Storage(StorageError::Unsupported)) => open(ConcurrencyMode::ExclusiveWriter),
        result => result,
    }
}

/// What it means that the database cannot be opened.
pub(crate) fn open_error(error: DatabaseError, dir: &Path, file: &Path) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => lock::busy(dir),
        DatabaseError::RepairAborted => StoreError::Unclean,
        DatabaseError::UpgradeRequired(_) => StoreError::NotAStore { path: file.to_owned() },
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            StoreError::NotAStore { path: file.to_owned() }
        }
        DatabaseError::Storage(StorageError::Io(error)) => StoreError::io("open", file)(error),
        DatabaseError::Storage(error) => error.into(),
        error => StoreError::Database(Box::new(error.into())),
    }
}

/// Makes the data directory, for this user only; one that exists is left as it is.
pub(crate) fn create_dir(dir: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(StoreError::io("create", dir))
}

/// Makes the file, for this user only; one that exists is left as it is.
fn create_file(file: &Path) -> Result<()> {
    match private_file().create_new(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::io("create", file)(error)),
    }
}

/// Options for writing a file that only this user can read.
pub(crate) fn private_file() -> FileOptions {
    let mut options = FileOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
