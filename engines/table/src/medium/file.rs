//! The log in a folder of a real file system.
//!
//! Room is reserved with fallocate, so that a write neither finds the disk full nor changes the file's size. Where the
//! file system cannot reserve, zeros are written instead.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use crate::medium::{Medium, MediumFile};

pub struct Folder {
    path: PathBuf,
    /// The folder itself, for syncing names.
    folder: File,
}

impl Folder {
    /// Makes the folder where it is missing.
    pub fn open(path: &Path) -> io::Result<Folder> {
        std::fs::create_dir_all(path)?;
        Ok(Folder { path: path.to_owned(), folder: File::open(path)? })
    }
}

impl Medium for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn create(&self, name: &str, reserve: u64) -> io::Result<Arc<dyn MediumFile>> {
        let path = self.path.join(name);
        let file = OpenOptions::new().create(true).read(true).write(true).truncate(true).open(&path)?;
        if let Err(error) = reserve_room(&file, reserve) {
            drop(file);
            // The half-made file must not hold the little room that is left.
            std::fs::remove_file(&path)?;
            return Err(error);
        }
        Ok(Arc::new(OnDisk(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let file = OpenOptions::new().read(true).write(true).open(self.path.join(name))?;
        Ok(Arc::new(OnDisk(file)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn room_bytes(&self) -> u64 {
        statvfs(&self.path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn reserve_room(file: &File, bytes: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => {}
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(file, 0, bytes)?,
        Err(error) => return Err(error.into()),
    }
    file.sync_all()
}

fn write_zeros(file: &File, start: u64, end: u64) -> io::Result<()> {
    let zeros = vec![0; (end - start).min(1 << 20) as usize];
    let mut at = start;
    while at < end {
        let piece = zeros.len().min((end - at) as usize);
        file.write_all_at(&zeros[..piece], at)?;
        at += piece as u64;
    }
    Ok(())
}

/// A commit waits behind one lot at most: about two milliseconds of writing.
const SETTLED_AT_ONCE_BYTES: usize = 2 << 20;

struct OnDisk(File);

impl MediumFile for OnDisk {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.0.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(more) => done += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    /// Reserved blocks that were never written are marked as such, so the first write to each changes the file
    /// system's metadata, and its sync waits for the journal. Zeros first, in small lots.
    fn settle(&self, bytes: u64) -> io::Result<()> {
        for start in (0..bytes).step_by(SETTLED_AT_ONCE_BYTES) {
            write_zeros(&self.0, start, bytes.min(start + SETTLED_AT_ONCE_BYTES as u64))?;
            self.0.sync_data()?;
        }
        Ok(())
    }
}
