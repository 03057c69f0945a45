//! Writing a blob.

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::medium::run;
use crate::seal::Sealer;
use crate::{BlobError, BlobId, Stored};

/// A blob being written. Nobody sees it before [`Writer::commit`], and dropping the writer removes it.
pub struct Writer {
    /// None once a call has failed or was cancelled.
    sealer: Option<Sealer>,
    id: BlobId,
    waits: bool,
}

impl Writer {
    pub(crate) fn new(sealer: Sealer, waits: bool) -> Writer {
        Writer { id: sealer.id(), sealer: Some(sealer), waits }
    }

    /// The id the blob will have. Known early so that it can be recorded before it is committed.
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Appends. May be called with any number of bytes; few are collected, many are written a chunk at a time.
    ///
    /// After a failure, or if the future is dropped before it is done, the blob is given up, and every later
    /// call fails with [`BlobError::Abandoned`].
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let mut sealer = self.sealer.take().ok_or(BlobError::Abandoned)?;
        // Most callers write what a socket gave them, which is not worth a visit to another thread.
        let waits = self.waits && !sealer.has_room(bytes.len());
        let sealer = run(waits, move || {
            sealer.push(&bytes)?;
            Ok(sealer)
        });
        self.sealer = Some(sealer.await?);
        Ok(())
    }

    /// Makes the blob durable, then visible. If the future is dropped before it is done, the blob may exist or
    /// not; [`Writer::id`] tells which to look for.
    pub async fn commit(mut self) -> Result<Stored, BlobError> {
        let sealer = self.sealer.take().ok_or(BlobError::Abandoned)?;
        run(self.waits, move || sealer.finish()).await
    }
}

impl Drop for Writer {
    /// Removing a file of many gigabytes takes a while, so it is done elsewhere if there is an elsewhere. If the
    /// runtime is shutting down it drops the closure instead of running it, which comes to the same.
    fn drop(&mut self) {
        let Some(sealer) = self.sealer.take() else { return };
        if self.waits
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(sealer));
        }
    }
}
