//! Reading content: what is packed is there at once, what has a file is read ahead of whoever takes it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use blobs::{Blob, BlobId, SEAL_BYTES};
use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::engine::{Inner, joined, run};
use crate::error::{Damage, EngineError};
use crate::extent::{Extent, Place};
use crate::files::Files;
use crate::keys::ContentKeys;
use crate::limits::{CHUNK_BYTES, CHUNKS_AT_ONCE, READ_AHEAD};
use crate::seal::{ChunkKeys, Unopened, chunk_bytes, chunks, chunks_of, part_of, sealed_bytes};

type Parts = VecDeque<Bytes>;

/// Gives the bytes of a range in order, every chunk authenticated before any of it is given. Goes on to work when
/// the extent is freed meanwhile. Holds about a mebibyte.
pub struct Reader {
    ready: Parts,
    rest: Option<Rest>,
}

/// What is not read yet, or being read.
struct Rest {
    file: Arc<OpenFile>,
    chunks: Range<u64>,
    under_way: VecDeque<JoinHandle<Result<Parts, EngineError>>>,
    reads: Arc<Semaphore>,
    waits: bool,
}

struct OpenFile {
    blob: Blob,
    keys: ChunkKeys,
    length: u64,
    range: Range<u64>,
}

impl Reader {
    pub(crate) fn of_parts(ready: Parts) -> Reader {
        Reader { ready, rest: None }
    }

    pub(crate) async fn of_file(
        inner: &Arc<Inner>,
        id: BlobId,
        length: u64,
        keys: &ContentKeys,
        range: Range<u64>,
    ) -> Result<Reader, EngineError> {
        let keys = keys.for_place(inner.packs.engine(), &Place::File { blob: id });
        let mut wanted = chunks_of(&range);
        let first = next_lot(&mut wanted);
        let (opener, waits) = (Arc::clone(inner), inner.files.blobs.waits());
        let reads = Arc::clone(&inner.files.reads);
        let permit = permit(&reads).await;
        let (file, ready) = run(waits, move || {
            let _permit = permit;
            let blob = opener.files.open(id, length)?;
            let file = OpenFile { blob, keys, length, range };
            let ready = file.read(first)?;
            Ok((Arc::new(file), ready))
        })
        .await?;
        let mut rest = Rest { file, chunks: wanted, under_way: VecDeque::new(), reads, waits };
        rest.read_ahead();
        Ok(Reader { ready, rest: Some(rest) })
    }

    /// The next bytes, at most a chunk of 64 KiB and never none; `None` at the end of the range, and after an error.
    /// A call that is cancelled loses nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, EngineError> {
        while self.ready.is_empty() {
            let Some(rest) = &mut self.rest else { break };
            match rest.next_lot().await {
                Ok(Some(parts)) => self.ready = parts,
                Ok(None) => self.rest = None,
                Err(error) => {
                    self.rest = None;
                    return Err(error);
                }
            }
        }
        Ok(self.ready.pop_front())
    }

    /// As a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, EngineError>> + Send + 'static {
        try_unfold(self, async |mut reader| Ok(reader.next().await?.map(|bytes| (bytes, reader))))
    }
}

async fn permit(reads: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    Arc::clone(reads).acquire_owned().await.expect("nobody closes it")
}

/// Takes as many chunks as are read at once.
fn next_lot(chunks: &mut Range<u64>) -> Range<u64> {
    let end = chunks.end.min(chunks.start + CHUNKS_AT_ONCE as u64);
    std::mem::replace(chunks, end..chunks.end).start..end
}

impl Rest {
    /// As far as others leave room for it.
    fn read_ahead(&mut self) {
        while self.waits && self.under_way.len() < READ_AHEAD && !self.chunks.is_empty() {
            let Ok(permit) = Arc::clone(&self.reads).try_acquire_owned() else { return };
            self.begin(permit);
        }
    }

    fn begin(&mut self, permit: OwnedSemaphorePermit) {
        let (file, lot) = (Arc::clone(&self.file), next_lot(&mut self.chunks));
        self.under_way.push_back(spawn_blocking(move || {
            let _permit = permit;
            file.read(lot)
        }));
    }

    async fn next_lot(&mut self) -> Result<Option<Parts>, EngineError> {
        if !self.waits {
            let lot = next_lot(&mut self.chunks);
            return if lot.is_empty() { Ok(None) } else { self.file.read(lot).map(Some) };
        }
        if self.under_way.is_empty() && !self.chunks.is_empty() {
            let permit = permit(&self.reads).await;
            self.begin(permit);
        }
        let Some(first) = self.under_way.front_mut() else { return Ok(None) };
        let done = first.await;
        self.under_way.pop_front();
        self.read_ahead();
        joined(done).map(Some)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        // What is being read is read to its end; what was not begun need not be.
        for one in &self.under_way {
            one.abort();
        }
    }
}

impl OpenFile {
    /// Reads chunks and opens them in their place.
    fn read(&self, lot: Range<u64>) -> Result<Parts, EngineError> {
        let id = self.blob.stored().id;
        let of_blob = |error| EngineError::of_blob(error, id, self.length);
        let mut read = self.blob.read_unverified(lot.clone()).map_err(of_blob)?;
        let last = chunks(self.length) - 1;
        let mut parts = Vec::with_capacity(CHUNKS_AT_ONCE);
        for (nth, index) in lot.enumerate() {
            let at = nth * (CHUNK_BYTES + SEAL_BYTES);
            let chunk = &mut read[at..at + chunk_bytes(self.length, index)];
            if self.keys.open(index, index == last, chunk) == Err(Unopened) {
                // What was opened is gone, so it is read again to find out whether the file or the keys are wrong.
                self.blob.read(index..index + 1).map_err(of_blob)?;
                return Err(EngineError::WrongKey);
            }
            let part = part_of(&self.range, index);
            parts.push(at + part.start..at + part.end);
        }
        let read = Bytes::from(read);
        Ok(parts.into_iter().filter(|part| !part.is_empty()).map(|part| read.slice(part)).collect())
    }
}

impl Files {
    /// May wait for the disk.
    fn open(&self, id: BlobId, length: u64) -> Result<Blob, EngineError> {
        let blob = self.blobs.blocking().open(id);
        let blob = blob.map_err(|error| EngineError::of_blob(error, id, length))?;
        if blob.stored().length != sealed_bytes(length) {
            let extent = Extent { place: Place::File { blob: id }, length };
            return Err(EngineError::Corrupt { extent, damage: Damage::Length });
        }
        Ok(blob)
    }

    /// Whether a file is what was written, by its checksums. May wait for the disk.
    pub fn verify(&self, id: BlobId, length: u64) -> Result<(), EngineError> {
        let blob = self.open(id, length)?;
        let mut left = 0..chunks(length);
        while !left.is_empty() {
            blob.read(next_lot(&mut left)).map_err(|error| EngineError::of_blob(error, id, length))?;
        }
        Ok(())
    }
}
