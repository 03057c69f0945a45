//! Packs and journals in a folder of a real file system.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::fs::FallocateFlags;
use rustix::io::{Errno, ReadWriteFlags};

use crate::error::EngineError;
use crate::medium::{Medium, MediumFile};

/// Held by the process that has the folder open; never removed.
const LOCK_NAME: &str = "lock";

/// Linux counts a file's blocks in this unit, whatever their size.
const STAT_BLOCK_BYTES: u64 = 512;

pub struct Folder {
    path: PathBuf,
    /// The folder itself, for syncing names.
    folder: File,
    /// Keeps a second process out for as long as this lives.
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing.
    pub fn open(path: &Path) -> Result<Folder, EngineError> {
        let is_new = !path.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if is_new && let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        let lock = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_NAME))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EngineError::Locked(path.display().to_string().into()));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        Ok(Folder { path: path.to_owned(), folder: File::open(path)?, _lock: lock })
    }
}

impl Medium for Folder {
    fn waits(&self) -> bool {
        true
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            // Content with files of its own is in a folder beside.
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
                && name != LOCK_NAME
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let mut options = OpenOptions::new();
        let file = options.create_new(true).read(true).write(true).mode(0o600).open(self.path.join(name))?;
        Ok(Arc::new(OnDisk(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path.join(name))?;
        Ok(Arc::new(OnDisk(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn disk_bytes(&self, name: &str) -> io::Result<u64> {
        Ok(std::fs::metadata(self.path.join(name))?.blocks() * STAT_BLOCK_BYTES)
    }
}

struct OnDisk(File);

impl MediumFile for OnDisk {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Reserved room makes a sync shorter besides: it finds the file's size as it was.
    fn reserve(&self, end: u64) -> io::Result<()> {
        let size = self.size()?;
        if end <= size {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), size, end - size) {
            Ok(()) => Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.0.set_len(end),
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, mut pieces: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        // Pieces without bytes at the front are passed, so that a write of nothing means a failure.
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            match rustix::io::pwritev(&self.0, pieces, offset) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut pieces, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = offset + bytes.len() as u64;
            match rustix::io::pread(&self.0, spare_capacity(&mut bytes), at) {
                Ok(0) => break,
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The allocator may have given more room than was asked for.
        bytes.truncate(length);
        Ok(bytes)
    }

    fn read_cached(&self, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; length];
        let mut slices = [IoSliceMut::new(&mut bytes)];
        // Every failure here only means that the patient way is taken, and that one reports it.
        match rustix::io::preadv2(&self.0, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok((read == length).then_some(bytes)),
            Err(_) => Ok(None),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.0.set_len(size)
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.0, flags, range.start, range.end - range.start) {
            // The room comes back with the whole pack then.
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
