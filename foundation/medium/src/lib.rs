//! What an engine's log is written on: a folder, memory, or a disk that fails on purpose.
//!
//! A log asks little, so that a crash can be simulated to the letter: named files that are written and read at
//! offsets, and two kinds of sync, of a file's bytes and of the names. What was not synced may be lost.

mod faulty;
mod file;
mod memory;

use std::io;
use std::sync::Arc;

pub use faulty::{Faulty, Remains};
pub use file::Folder;
pub use memory::Memory;

pub trait Medium: Send + Sync + 'static {
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new file with room for `reserve` bytes, all zero, so that writing within them cannot find the disk full. An
    /// existing file of the name is replaced.
    fn create(&self, name: &str, reserve: u64) -> io::Result<Arc<dyn MediumFile>>;
    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_names(&self) -> io::Result<()>;
    /// The bytes that are left on the disk.
    fn room_bytes(&self) -> u64;
}

pub trait MediumFile: Send + Sync + 'static {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills as much of `buffer` as the file has; returns how much that was.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Fills all of `buffer` if that takes no waiting for the disk; says whether it did.
    fn read_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool>;
    /// Makes the bytes written so far durable.
    fn sync(&self) -> io::Result<()>;
    /// Readies a new file's reserved room for writes whose syncs are short, where that takes anything.
    fn settle(&self, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
}

/// All of `buffer`, or an error that says that the file is too short.
pub fn read_exact(file: &dyn MediumFile, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    if file.read_at(buffer, offset)? < buffer.len() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ends before the record does"));
    }
    Ok(())
}
