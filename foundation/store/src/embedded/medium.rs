//! Where the database lives: a folder, or memory.
//!
//! A folder holds `lock` (held by the process that uses it), `format` (the version of the layout, as text) and
//! `store.redb`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, StorageError};
use rustix::fs::{Advice, fadvise, statvfs};

use super::Options;
use crate::StoreError;

pub(super) trait Medium: Send {
    fn open(&self, opening: Opening) -> Result<Database, StoreError>;

    /// The bytes that are left on the disk.
    fn room_bytes(&self) -> u64;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    First,
    /// After a failure: what the system has in its cache may not be what is on the disk.
    Again,
}

/// The layout that this code writes, and the newest that it reads.
const FORMAT: u32 = 1;
const FORMAT_PREFIX: &str = "fogbank store ";

pub(super) struct Folder {
    path: PathBuf,
    options: Options,
    /// Locked for as long as it is open.
    _lock: File,
}

impl Folder {
    pub fn open(path: &Path, options: Options) -> Result<Folder, StoreError> {
        fs::create_dir_all(path)?;
        let lock = lock(path)?;
        check_format(path)?;
        Ok(Folder { path: path.to_owned(), options, _lock: lock })
    }
}

impl Medium for Folder {
    fn open(&self, opening: Opening) -> Result<Database, StoreError> {
        let path = self.path.join("store.redb");
        if opening == Opening::Again {
            // A failed sync leaves pages in the cache that look clean and are not on the disk. Dropping them
            // makes redb's repair check what is really there.
            let file = File::open(&path)?;
            fadvise(&file, 0, None, Advice::DontNeed).map_err(io::Error::from)?;
        }
        if path.exists() {
            return builder(self.options).create(&path).map_err(opening_error);
        }
        // redb cannot open a file whose creation was cut short, so it gets its name when it is complete.
        let unfinished = self.path.join("store.redb.new");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let database = builder(self.options).create(&unfinished).map_err(opening_error)?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&self.path)?.sync_all()?;
        Ok(database)
    }

    fn room_bytes(&self) -> u64 {
        statvfs(&self.path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

pub(super) struct Memory(pub Options);

impl Medium for Memory {
    fn open(&self, _opening: Opening) -> Result<Database, StoreError> {
        builder(self.0).create_with_backend(InMemoryBackend::new()).map_err(opening_error)
    }

    fn room_bytes(&self) -> u64 {
        u64::MAX
    }
}

pub(super) fn builder(options: Options) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(options.cache_bytes);
    builder.set_repair_callback(|repair| {
        tracing::info!(
            percent = (repair.progress() * 100.0) as u32,
            "checking the store after an unclean stop"
        );
    });
    builder
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => {
            // Only for the message below, so a full disk does not matter.
            let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let process = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            Err(StoreError::Locked { folder: folder.to_owned(), process })
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn check_format(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join("format");
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if text.is_empty() {
        // A new folder, or one whose first start was cut short here.
        file.rewind()?;
        writeln!(file, "{FORMAT_PREFIX}{FORMAT}")?;
        return Ok(file.sync_all()?);
    }
    let found: Option<u32> = text.strip_prefix(FORMAT_PREFIX).and_then(|version| version.trim().parse().ok());
    match found {
        Some(found) if found <= FORMAT => Ok(()),
        Some(found) => {
            let what = format!("the folder {}", folder.display());
            Err(StoreError::NewerVersion { what, found, known: FORMAT })
        }
        None => Err(StoreError::Corrupt(format!("{} says {text:?}", path.display()))),
    }
}

pub(super) fn opening_error(error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::Storage(error) => storage_error(error),
        DatabaseError::DatabaseAlreadyOpen => StoreError::Corrupt("the database is opened twice".to_owned()),
        other => StoreError::Corrupt(other.to_string()),
    }
}

/// What an error of redb means to us. Reads from a database that was closed under them start again.
pub(super) fn storage_error(error: StorageError) -> StoreError {
    match error {
        StorageError::Io(error) => error.into(),
        StorageError::PreviousIo | StorageError::DatabaseClosed => StoreError::Conflict,
        other => StoreError::Corrupt(other.to_string()),
    }
}

pub(super) fn any_error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Io(error) => error.into(),
        redb::Error::PreviousIo | redb::Error::DatabaseClosed => StoreError::Conflict,
        other => StoreError::Corrupt(other.to_string()),
    }
}
