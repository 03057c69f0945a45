//! What keeps the bytes: a folder, memory, or the simulated disk of a test. A medium knows ids and bytes; checksums
//! are above it, in `seal.rs`.
//!
//! The calls may block. `run` keeps them off the threads that serve requests.

use std::io::{self, IoSlice};
use std::panic;

use tokio::task::spawn_blocking;

use crate::{BlobError, BlobId};

pub trait Medium: Send + Sync + 'static {
    /// Whether calls wait for a disk, and so have to run on the blocking pool.
    fn waits(&self) -> bool;

    /// Begins a blob that nobody can see until it is published.
    fn create(&self, id: BlobId) -> Result<Box<dyn Draft>, BlobError>;

    fn open(&self, id: BlobId) -> Result<Box<dyn Source>, BlobError>;

    /// Says which of them there were. Durable when it returns, also for those that were gone already. Sources that
    /// are open stay readable.
    fn delete(&self, ids: &[BlobId]) -> Result<Vec<BlobId>, BlobError>;

    /// The first `limit` ids after the given one, in order.
    fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError>;
}

/// A blob being written. Dropping it removes it.
pub trait Draft: Send {
    /// All of the pieces, in order.
    fn append(&mut self, pieces: &mut [IoSlice<'_>]) -> Result<(), BlobError>;

    /// Makes the blob visible under its id, and durable.
    fn publish(self: Box<Self>) -> Result<(), BlobError>;
}

/// A published blob, opened.
pub trait Source: Send + Sync {
    fn size(&self) -> io::Result<u64>;

    /// So many bytes, or `UnexpectedEof`.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

/// Runs work where it may wait. Work goes on to its end even if the caller stops waiting for it.
pub(crate) async fn run<T: Send + 'static>(
    waits: bool,
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    if !waits {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(error) => Err(BlobError::Io(io::Error::other(error))),
        },
    }
}
