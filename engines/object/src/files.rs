//! Large content: a file each, whose bytes are sealed chunks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blobs::{BlobError, BlobId, Blobs, stored_bytes};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::error::EngineError;
use crate::extent::{Extent, Place};
use crate::limits::{GRACE_SECONDS_MAX, READS_AT_ONCE, WRITES_AT_ONCE};
use crate::seal::sealed_bytes;
use crate::writer::Spares;

pub struct Files {
    pub blobs: Blobs,
    /// Visits to threads that may wait, for reading.
    pub reads: Arc<Semaphore>,
    /// And for writing.
    pub writes: Arc<Semaphore>,
    pub spares: Spares,
    counted: Mutex<Counted>,
    /// What this process made of late, and when.
    made: Mutex<VecDeque<(Instant, BlobId)>>,
}

/// How many files there are. Those of earlier processes are counted in the background, in the order of their ids.
#[derive(Default)]
struct Counted {
    files: u64,
    bytes: u64,
    /// Of earlier processes', those up to here.
    up_to: Option<BlobId>,
    all: bool,
}

impl Files {
    pub fn new(blobs: Blobs) -> Files {
        let reads = Arc::new(Semaphore::new(READS_AT_ONCE));
        let writes = Arc::new(Semaphore::new(WRITES_AT_ONCE));
        Files {
            blobs,
            reads,
            writes,
            spares: Spares::default(),
            counted: Mutex::default(),
            made: Mutex::default(),
        }
    }

    /// Notes a file that is about to be finished, so that whoever counts passes it over, and one that was.
    pub fn making(&self, blob: BlobId) {
        let now = Instant::now();
        let mut made = self.made.lock();
        made.push_back((now, blob));
        let grace = Duration::from_secs(GRACE_SECONDS_MAX);
        while made.front().is_some_and(|(at, _)| now - *at > grace) {
            made.pop_front();
        }
    }

    /// Notes a file that was just finished.
    pub fn made(&self, blob: BlobId, length: u64) {
        self.making(blob);
        let mut counted = self.counted.lock();
        counted.files += 1;
        counted.bytes += stored_bytes(sealed_bytes(length));
    }

    /// Those of this process that were not there yet at that time.
    pub fn made_after(&self, then: Option<Instant>) -> Vec<BlobId> {
        let made = self.made.lock();
        let young = made.iter().rev().take_while(|(at, _)| then.is_none_or(|then| *at > then));
        young.map(|(_, blob)| *blob).collect()
    }

    /// Durable when it returns; may wait for the disk.
    pub fn free(&self, extents: &[Extent]) -> Result<(), EngineError> {
        let blobs: Vec<(BlobId, u64)> = extents.iter().filter_map(Extent::blob).collect();
        if blobs.is_empty() {
            return Ok(());
        }
        let ids: Vec<BlobId> = blobs.iter().map(|(id, _)| *id).collect();
        let mut counted = self.counted.lock();
        if counted.all {
            // Nobody counts any more, so nobody is confused.
            drop(counted);
            let removed = self.blobs.blocking().delete(&ids)?;
            counted = self.counted.lock();
            counted.forget(&blobs, &removed, |_| true);
        } else {
            let removed = self.blobs.blocking().delete(&ids)?;
            let own: Vec<BlobId> = self.made_after(None);
            let up_to = counted.up_to;
            counted
                .forget(&blobs, &removed, |id| own.contains(&id) || up_to.is_some_and(|up_to| id <= up_to));
        }
        Ok(())
    }

    /// Counts the files of earlier processes.
    pub fn count(&self) -> Result<(), EngineError> {
        loop {
            let mut counted = self.counted.lock();
            let page = self.blobs.blocking().list(counted.up_to, blobs::limits::LIST_ITEMS_MAX)?;
            let own = self.made_after(None);
            for id in &page {
                if own.contains(id) {
                    continue;
                }
                match self.blobs.blocking().open(*id) {
                    Ok(blob) => {
                        counted.files += 1;
                        counted.bytes += stored_bytes(blob.stored().length);
                    }
                    // Damage is for the scrubber.
                    Err(BlobError::NotFound(_) | BlobError::Corrupt { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let Some(last) = page.last() else {
                counted.all = true;
                return Ok(());
            };
            counted.up_to = Some(*last);
        }
    }

    /// How many files there are, and what they take up in bytes.
    pub fn usage(&self) -> (u64, u64) {
        let counted = self.counted.lock();
        (counted.files, counted.bytes)
    }
}

impl Counted {
    fn forget(
        &mut self,
        extents: &[(BlobId, u64)],
        removed: &[BlobId],
        was_counted: impl Fn(BlobId) -> bool,
    ) {
        for (id, length) in extents.iter().filter(|(id, _)| removed.contains(id) && was_counted(*id)) {
            tracing::trace!(%id, "a file of large content is gone");
            self.files = self.files.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(stored_bytes(sealed_bytes(*length)));
        }
    }
}

impl Extent {
    /// The file it has, if it has one, and the length of its content.
    pub(crate) fn blob(&self) -> Option<(BlobId, u64)> {
        match self.place {
            Place::File { blob } => Some((blob, self.length)),
            Place::Pack { .. } => None,
        }
    }
}
