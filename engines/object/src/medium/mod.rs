//! What packs and journals are written on: a folder, memory, or a disk that fails on purpose.
//!
//! The engine asks little, so that a crash can be simulated to the letter: named files that are written and read at
//! offsets, and two kinds of sync, of a file's bytes and of the names. What was not synced may be lost.

mod faulty;
mod file;
mod memory;

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;

pub use faulty::Faulty;
pub use file::Folder;
pub use memory::Memory;

/// Holes are made of whole blocks of this size, on every medium.
pub const BLOCK_BYTES: u32 = 4096;

pub trait Medium: Send + Sync + 'static {
    /// Whether calls wait for a disk, and so have to be made by threads that may.
    fn waits(&self) -> bool;
    /// The names of all files.
    fn list(&self) -> io::Result<Vec<String>>;
    /// A new file; there is none of the name.
    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>>;
    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creations, renames and removals durable.
    fn sync_names(&self) -> io::Result<()>;
    /// What a file takes up on the disk.
    fn disk_bytes(&self, name: &str) -> io::Result<u64>;
}

pub trait MediumFile: Send + Sync + 'static {
    fn size(&self) -> io::Result<u64>;
    /// Makes the file at least this long, where the medium can so that writing up to there cannot find the disk full.
    fn reserve(&self, end: u64) -> io::Result<()>;
    fn write_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;
    /// So many bytes, or what the file has of them.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// As `read_at`, if that takes no waiting for the disk.
    fn read_cached(&self, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>>;
    /// Makes the bytes written so far durable.
    fn sync(&self) -> io::Result<()>;
    fn truncate(&self, size: u64) -> io::Result<()>;
    /// Gives whole blocks back; they read as zeros from now on, or, after a crash, as they were.
    fn punch(&self, range: Range<u64>) -> io::Result<()>;
}
