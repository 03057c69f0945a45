//! The handle.

use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

use base::Ids;

use crate::folder::Folder;
use crate::limits::LIST_ITEMS_MAX;
use crate::medium::{Medium, run};
use crate::memory::Memory;
use crate::seal::{Blob, Sealer};
use crate::{BlobError, BlobId, Reader, Writer};

/// Where blobs are kept; clones share it. Needs a tokio runtime, for its pool of threads that may block.
#[derive(Clone)]
pub struct Blobs {
    medium: Arc<dyn Medium>,
    ids: Ids,
}

impl Blobs {
    /// Opens a folder, or makes it. One process at a time: a second one gets [`BlobError::Locked`]. Blocks
    /// while it looks after the folder.
    pub fn open(folder: &Path, ids: Ids) -> Result<Blobs, BlobError> {
        Ok(Blobs { medium: Arc::new(Folder::open(folder)?), ids })
    }

    /// Keeps blobs in memory, up to this many bytes with their checksums (about 64 in a mebibyte, and 24 a blob).
    pub fn in_memory(ids: Ids, bytes_max: u64) -> Blobs {
        Blobs { medium: Arc::new(Memory::new(bytes_max)), ids }
    }

    /// Keeps blobs on a medium of one's own, such as a disk that fails on purpose.
    pub fn on(medium: Arc<dyn Medium>, ids: Ids) -> Blobs {
        Blobs { medium, ids }
    }

    /// The same operations for threads that may wait.
    pub fn blocking(&self) -> Blocking<'_> {
        Blocking(self)
    }

    /// Whether a call may wait for a disk.
    pub fn waits(&self) -> bool {
        self.medium.waits()
    }

    /// Begins a new blob.
    pub async fn create(&self) -> Result<Writer, BlobError> {
        let blobs = self.clone();
        let sealer = run(self.waits(), move || blobs.blocking().create()).await?;
        Ok(Writer::new(sealer, self.waits()))
    }

    /// Reads the part of the range that lies within the blob; `..` is all of it.
    pub async fn read(&self, id: BlobId, range: impl RangeBounds<u64>) -> Result<Reader, BlobError> {
        Ok(Reader::new(self.open_blob(id).await?, range, self.waits()))
    }

    /// In bytes.
    pub async fn length(&self, id: BlobId) -> Result<u64, BlobError> {
        Ok(self.open_blob(id).await?.stored().length)
    }

    /// Durable when it returns. Readers that are open go on, and the room is free when the last of them is gone.
    pub async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        let blobs = self.clone();
        let removed = run(self.waits(), move || blobs.blocking().delete(&[id])).await?;
        if removed.is_empty() { Err(BlobError::NotFound(id)) } else { Ok(()) }
    }

    /// The ids after the given one, in order, at most `limit` and at most [`LIST_ITEMS_MAX`]. Fewer than that is
    /// the end. For scrubbing, and for finding blobs that no record refers to.
    pub async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError> {
        let blobs = self.clone();
        run(self.waits(), move || blobs.blocking().list(after, limit)).await
    }

    async fn open_blob(&self, id: BlobId) -> Result<Blob, BlobError> {
        let blobs = self.clone();
        run(self.waits(), move || blobs.blocking().open(id)).await
    }
}

/// Operations on the thread of the caller, which waits for the disk. For engines that put more into one visit to the
/// blocking pool than this crate knows of.
pub struct Blocking<'a>(&'a Blobs);

impl Blocking<'_> {
    pub fn create(&self) -> Result<Sealer, BlobError> {
        let id = BlobId::draw(&self.0.ids);
        Ok(Sealer::new(id, self.0.medium.create(id)?))
    }

    pub fn open(&self, id: BlobId) -> Result<Blob, BlobError> {
        Blob::new(id, Arc::from(self.0.medium.open(id)?))
    }

    /// Deletes those that there are, and says which these were. Durable when it returns.
    pub fn delete(&self, ids: &[BlobId]) -> Result<Vec<BlobId>, BlobError> {
        self.0.medium.delete(ids)
    }

    /// As [`Blobs::list`].
    pub fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError> {
        self.0.medium.list(after, limit.min(LIST_ITEMS_MAX))
    }
}
