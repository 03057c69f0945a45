//! The handle.

use std::ops::RangeBounds;
use std::path::Path;
use std::sync::Arc;

use base::Ids;

use crate::folder::Folder;
use crate::limits::LIST_ITEMS_MAX;
use crate::medium::{Medium, run};
use crate::memory::Memory;
use crate::seal::{Sealer, read_footer};
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

    /// Keeps blobs in memory, up to this many bytes with their checksums (about 16 in a mebibyte, and 24 a blob).
    pub fn in_memory(ids: Ids, bytes_max: u64) -> Blobs {
        Blobs { medium: Arc::new(Memory::new(bytes_max)), ids }
    }

    /// Begins a new blob.
    pub async fn create(&self) -> Result<Writer, BlobError> {
        let id = BlobId::draw(&self.ids);
        let sealer = self.run(move |medium| Ok(Sealer::new(id, medium.create(id)?))).await?;
        Ok(Writer::new(sealer, self.medium.waits()))
    }

    /// Reads the part of the range that lies within the blob; `..` is all of it.
    pub async fn read(&self, id: BlobId, range: impl RangeBounds<u64>) -> Result<Reader, BlobError> {
        let opened = self.run(move |medium| {
            let source = medium.open(id)?;
            let stored = read_footer(id, &*source)?;
            Ok((Arc::from(source), stored))
        });
        let (source, stored) = opened.await?;
        Ok(Reader::new(source, stored, range, self.medium.waits()))
    }

    /// In bytes.
    pub async fn length(&self, id: BlobId) -> Result<u64, BlobError> {
        Ok(self.run(move |medium| read_footer(id, &*medium.open(id)?)).await?.length)
    }

    /// Durable when it returns. Readers that are open go on, and the room is free when the last of them is gone.
    pub async fn delete(&self, id: BlobId) -> Result<(), BlobError> {
        self.run(move |medium| medium.delete(id)).await
    }

    /// The ids after the given one, in order, at most `limit` and at most [`LIST_ITEMS_MAX`]. Fewer than that is
    /// the end. For scrubbing, and for finding blobs that no record refers to.
    pub async fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError> {
        self.run(move |medium| medium.list(after, limit.min(LIST_ITEMS_MAX))).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Medium) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let medium = self.medium.clone();
        run(medium.waits(), move || work(&*medium)).await
    }
}
