//! The embedded engine: redb with our own group commit.
//!
//! redb has one writer and syncs at each commit, which alone gives a few hundred commits a second. So
//! transactions are decided here, in memory, within microseconds, and one thread carries them to the file in
//! groups, each one redb transaction with one sync:
//!
//! 1. A transaction reads from a redb snapshot, with what is decided but not yet in it laid over (`snapshot`).
//! 2. It commits: if nothing it read has changed since, it gets the next sequence number, and its writes become
//!    visible to later transactions (`sequencer`). Conflicts are thus found at once, without waiting for a sync.
//! 3. The committer takes everything that waits, writes it as one redb transaction, syncs, and answers all
//!    (`committer`). A transaction is therefore answered only after all that it has read is synced.
//! 4. If the disk fails, everything since the last sync is undone, all of it unanswered, and the file is opened
//!    again in place: redb refuses to go on after an I/O error.

mod committer;
mod medium;
mod sequencer;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::Ids;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use redb::TableDefinition;
use tokio::sync::Semaphore;

use crate::StoreError;
use crate::engine::{Commit, Engine, Snapshot, View, Waiting, write_bytes};
use crate::limits::{CACHE_BYTES_DEFAULT, WAITING_BYTES_MAX};
use crate::watch::Watches;

use committer::Committer;
use medium::{Folder, Medium, Memory};
use sequencer::Sequencer;

/// All keys and values.
const DATA: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("data");
/// One entry, the sequence number of the last commit: it tells whether a commit that failed has happened.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const SEQUENCE: &str = "sequence";

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Memory for pages of the database. The operating system caches the file as well, so this can be small.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { cache_bytes: CACHE_BYTES_DEFAULT }
    }
}

pub(crate) struct Embedded {
    sequencer: Arc<Sequencer>,
    watches: Arc<Watches>,
    ids: Ids,
    /// Room for writes that wait for the disk, in KiB.
    room: Arc<Semaphore>,
    committer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Embedded {
    pub fn in_folder(folder: &Path, options: Options) -> Result<Embedded, StoreError> {
        Embedded::open(Box::new(Folder::open(folder, options)?))
    }

    pub fn in_memory(options: Options) -> Result<Embedded, StoreError> {
        Embedded::open(Box::new(Memory(options)))
    }

    fn open(medium: Box<dyn Medium>) -> Result<Embedded, StoreError> {
        let watches = Arc::new(Watches::default());
        let (sequencer, committer) = Committer::open(medium, watches.clone())?;
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || committer.run())?;
        Ok(Embedded {
            sequencer,
            watches,
            ids: Ids::system(),
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX / 1024)),
            committer: Arc::new(Mutex::new(Some(thread))),
        })
    }
}

impl Engine for Embedded {
    fn snapshot(&self, view: View) -> Waiting<'_, Arc<dyn Snapshot>> {
        let snapshot = snapshot::take(&self.sequencer, view);
        async move { snapshot }.boxed()
    }

    fn commit(&self, commit: Commit) -> Waiting<'_, ()> {
        async move {
            let bytes: usize = commit.writes.iter().map(write_bytes).sum();
            // Without writes there is nothing that could fill the memory.
            let kibibytes = if commit.writes.is_empty() { 0 } else { bytes as u32 / 1024 + 1 };
            let permit =
                self.room.clone().acquire_many_owned(kibibytes).await.map_err(|_| StoreError::Closed)?;
            match self.sequencer.decide(commit, permit)? {
                None => Ok(()),
                Some(answer) => answer.await.unwrap_or(Err(StoreError::Closed)),
            }
        }
        .boxed()
    }

    fn watches(&self) -> &Arc<Watches> {
        &self.watches
    }

    fn ids(&self) -> &Ids {
        &self.ids
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.sequencer.close();
        let committer = self.committer.clone();
        async move {
            let ended = tokio::task::spawn_blocking(move || join(&committer)).await;
            ended.expect("joining a thread does not panic");
        }
        .boxed()
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.sequencer.close();
        join(&self.committer);
    }
}

fn join(committer: &Mutex<Option<JoinHandle<()>>>) {
    // Held while joining, so that a second caller returns only when the files are free as well.
    let mut committer = committer.lock();
    if let Some(thread) = committer.take()
        && thread.join().is_err()
    {
        tracing::error!("the store's committer had panicked");
    }
}
