//! The handle, and what is behind it.

mod admin;
mod change;
mod open;
mod read;
mod verify;

use std::fs::File;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::committer::Queue;
use crate::keeper::Keeper;
use crate::locks::Locks;
use crate::log::Segments;
use crate::published::{Moment, Published};
use crate::seal::Nonces;
use crate::spaces::Spaces;
use crate::tree::Tree;
pub use verify::Verified;

/// How the engine works, where that is not fixed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Blocks of the tree's files that are kept in memory.
    pub cache_bytes: u64,
    /// Changes are kept in memory up to here before they become a file. Up to four such memories are there at a time
    /// while much is written.
    pub memtable_bytes: u64,
    /// One file of the log. A change that is larger gets a larger file.
    pub log_segment_bytes: u64,
    /// When less room is left on the disk, only deletes are accepted. Files are written and merged with it.
    pub reserve_bytes: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            cache_bytes: 128 << 20,
            memtable_bytes: 32 << 20,
            log_segment_bytes: 16 << 20,
            reserve_bytes: 512 << 20,
        }
    }
}

/// Where tables' bytes are kept; clones are the same engine. Needs a tokio runtime. When the last clone goes, what was
/// begun is finished, and what is open is closed.
///
/// Reads are done in place, without a thread of their own: they come from the engine's cache or the system's, and
/// handing them over would cost more than it frees.
#[derive(Clone)]
pub struct TableEngine(Arc<Running>);

/// One moment of all spaces, for as long as it lives. What was overwritten or dropped since keeps its room on the disk
/// as long, and the folder stays locked, also when the engine has gone.
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
    moment: Arc<Moment>,
}

pub(crate) struct Running {
    inner: Arc<Inner>,
    threads: Mutex<Threads>,
}

struct Threads {
    committer: Option<JoinHandle<()>>,
    keepers: Vec<JoinHandle<()>>,
    /// Where the files of an engine in memory are.
    temporary: Option<TempDir>,
}

pub(crate) struct Inner {
    pub settings: Settings,
    pub tree: Tree,
    pub spaces: Spaces,
    pub locks: Locks,
    pub published: Published,
    pub queue: Queue,
    pub keeper: Keeper,
    pub nonces: Nonces,
    /// None in memory, where nothing is written ahead.
    pub segments: Option<Arc<Segments>>,
    /// Of changes that wait for their commit, in KiB.
    pub room: Arc<Semaphore>,
    /// Of the folder. The last to go: what the tree still holds of files that were merged away is removed before.
    pub _lock: Option<File>,
}

impl Settings {
    /// What is overwritten or deleted is not looked for before it takes as much room.
    pub(crate) fn garbage_bytes_min(&self) -> u64 {
        2 * self.memtable_bytes
    }
}

impl TableEngine {
    /// What all changes that have been answered have left, and nothing of later ones.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { inner: Arc::clone(&self.0.inner), moment: self.0.inner.published.now() }
    }

    /// The bytes that the files of all spaces take on the disk, without the log.
    pub fn disk_bytes(&self) -> u64 {
        self.0.inner.tree.disk_bytes()
    }
}

impl Snapshot {
    /// All changes whose sequence number is lower are in it, and no others.
    pub fn sequence(&self) -> u64 {
        self.moment.at
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let threads = self.threads.get_mut();
        self.inner.queue.close();
        self.inner.tree.stop_merging();
        // The committer may still need the others to make room.
        if let Some(committer) = threads.committer.take() {
            join(committer);
        }
        self.inner.keeper.stop();
        threads.keepers.drain(..).for_each(join);
        drop(threads.temporary.take());
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the table engine had panicked");
    }
}
