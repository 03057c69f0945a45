//! Taking content as it arrives: little is collected and packed, much goes to a file while it comes.

use std::sync::Arc;

use blobs::Sealer;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::draft::Draft;
use crate::engine::{Inner, joined, run};
use crate::error::EngineError;
use crate::extent::{Extent, Place};
use crate::keys::ContentKeys;
use crate::limits::{CHUNK_BYTES, CHUNKS_AT_ONCE, CONTENT_BYTES, LENGTH_BYTES_MAX, WRITES_AT_ONCE};
use crate::seal::{ChunkKeys, TAGS_BYTES};

/// Content on its way. Nobody sees it before [`Writer::finish`], and dropping the writer leaves nothing.
///
/// Holds a lot of [`CHUNKS_AT_ONCE`] chunks that fills, and one more only while that is being written, which few
/// writers do at a time.
pub struct Writer {
    inner: Arc<Inner>,
    keys: ContentKeys,
    length: u64,
    /// It was said that there will be more than is packed.
    will_be_much: bool,
    state: State,
}

enum State {
    /// Maybe it stays little.
    Little(Vec<u8>),
    Much(Box<Much>),
    /// An earlier call failed.
    Failed,
}

struct Much {
    inner: Arc<Inner>,
    lot: Lot,
    file: Work,
}

enum Work {
    Ready(Box<Open>),
    Busy(JoinHandle<Result<Box<Open>, EngineError>>),
    /// Writing it failed.
    Gone,
}

struct Open {
    sealer: Sealer,
    keys: ChunkKeys,
    /// Of the next chunk.
    index: u64,
}

/// Chunks with room for their tags; all are full but the last.
pub struct Lot(Vec<u8>);

/// Lots that were written, to be used again by whoever needs one.
#[derive(Default)]
pub struct Spares(Mutex<Vec<Lot>>);

impl Spares {
    fn take(&self) -> Lot {
        self.0.lock().pop().unwrap_or_else(Lot::new)
    }

    fn give_back(&self, lot: Lot) {
        let mut spares = self.0.lock();
        if spares.len() < WRITES_AT_ONCE {
            spares.push(lot);
        }
    }
}

const LOT_BYTES: usize = CHUNKS_AT_ONCE * CHUNK_BYTES;

impl Lot {
    fn new() -> Lot {
        Lot(Vec::with_capacity(LOT_BYTES))
    }

    fn is_full(&self) -> bool {
        self.0.len() >= LOT_BYTES - TAGS_BYTES
    }

    /// Takes what fits, and says how much that was.
    fn fill(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_full() {
            if self.0.len() % CHUNK_BYTES == CONTENT_BYTES {
                self.0.resize(self.0.len() + TAGS_BYTES, 0);
            }
            let room = CONTENT_BYTES - self.0.len() % CHUNK_BYTES;
            let now = room.min(bytes.len() - taken);
            self.0.extend_from_slice(&bytes[taken..taken + now]);
            taken += now;
        }
        taken
    }
}

impl Open {
    /// Seals the chunks of a lot, and writes them.
    fn write(&mut self, lot: &mut Lot, is_last: bool) -> Result<(), EngineError> {
        lot.0.resize(lot.0.len() + TAGS_BYTES, 0);
        let count = lot.0.len().div_ceil(CHUNK_BYTES);
        for (nth, chunk) in lot.0.chunks_mut(CHUNK_BYTES).enumerate() {
            self.keys.seal(self.index, is_last && nth + 1 == count, chunk);
            self.index += 1;
        }
        self.sealer.push(&lot.0)?;
        lot.0.clear();
        Ok(())
    }
}

impl Writer {
    pub(crate) fn new(inner: Arc<Inner>, keys: ContentKeys) -> Writer {
        Writer { inner, keys, length: 0, will_be_much: false, state: State::Little(Vec::new()) }
    }

    /// Says how many bytes will come, as far as anybody knows: much goes to its file from the first byte, rather than
    /// being collected until it turns out to be much, which many writers would do at the same time.
    #[must_use]
    pub fn expecting(self, length: u64) -> Writer {
        Writer { will_be_much: length > self.inner.packed_bytes_max as u64, ..self }
    }

    /// In bytes, so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends. What is written behind the caller's back may fail later: in the next call, or in
    /// [`Writer::finish`]. After a failure, every later call fails with [`EngineError::Abandoned`]. If the future is
    /// dropped before it is done, it is not known how much of the bytes was taken.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), EngineError> {
        let done = self.take(&bytes).await;
        if done.is_err() {
            self.state = State::Failed;
        }
        done
    }

    async fn take(&mut self, bytes: &Bytes) -> Result<(), EngineError> {
        if bytes.len() as u64 > LENGTH_BYTES_MAX - self.length {
            return Err(EngineError::TooLong);
        }
        self.length += bytes.len() as u64;
        if let State::Little(little) = &mut self.state {
            if !self.will_be_much && little.len() + bytes.len() <= self.inner.packed_bytes_max {
                little.extend_from_slice(bytes);
                return Ok(());
            }
            let little = std::mem::take(little);
            let mut much = Box::new(begin(Arc::clone(&self.inner), self.keys.clone()).await?);
            much.take(&little).await?;
            self.state = State::Much(much);
        }
        match &mut self.state {
            State::Much(much) => much.take(bytes).await,
            State::Little(_) | State::Failed => Err(EngineError::Abandoned),
        }
    }

    /// Makes the content durable. If the future is dropped before it is done, the content is freed, unless the
    /// process ends at this very moment; then the next sweep finds it.
    pub async fn finish(mut self) -> Result<Draft, EngineError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Little(little) => self.inner.pack(&Bytes::from(little), &self.keys).await,
            State::Much(much) => {
                let (mut open, mut lot) = much.last().await?;
                let (inner, length) = (Arc::clone(&self.inner), self.length);
                run(self.inner.files.blobs.waits(), move || {
                    open.write(&mut lot, true)?;
                    inner.files.spares.give_back(lot);
                    inner.files.making(open.sealer.id());
                    let stored = open.sealer.finish()?;
                    inner.files.made(stored.id, length);
                    Ok(Draft::new(&inner, Extent { place: Place::File { blob: stored.id }, length }))
                })
                .await
            }
            State::Failed => Err(EngineError::Abandoned),
        }
    }
}

async fn begin(inner: Arc<Inner>, keys: ContentKeys) -> Result<Much, EngineError> {
    let own = Arc::clone(&inner);
    let open = run(inner.files.blobs.waits(), move || {
        let sealer = own.files.blobs.blocking().create()?;
        let keys = keys.for_place(own.packs.engine(), &Place::File { blob: sealer.id() });
        Ok(Box::new(Open { sealer, keys, index: 0 }))
    });
    let file = Work::Ready(open.await?);
    Ok(Much { lot: inner.files.spares.take(), inner, file })
}

impl Much {
    /// A full lot stays until more comes, since the last chunk is sealed as the last.
    async fn take(&mut self, mut bytes: &[u8]) -> Result<(), EngineError> {
        while !bytes.is_empty() {
            if self.lot.is_full() {
                self.write_lot().await?;
            }
            let taken = self.lot.fill(bytes);
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Hands the lot over as soon as the one before it is written, and does not wait for it.
    async fn write_lot(&mut self) -> Result<(), EngineError> {
        let mut open = self.wait().await?;
        let files = &self.inner.files;
        if !files.blobs.waits() {
            open.write(&mut self.lot, false)?;
            self.file = Work::Ready(open);
            return Ok(());
        }
        let permit = Arc::clone(&files.writes).acquire_owned().await.expect("nobody closes it");
        // Only now: hundreds may wait for their turn, each with one lot.
        let mut lot = std::mem::replace(&mut self.lot, files.spares.take());
        let inner = Arc::clone(&self.inner);
        self.file = Work::Busy(spawn_blocking(move || {
            let _permit = permit;
            open.write(&mut lot, false)?;
            inner.files.spares.give_back(lot);
            Ok(open)
        }));
        Ok(())
    }

    /// Waits until nothing is being written, and takes the file.
    async fn wait(&mut self) -> Result<Box<Open>, EngineError> {
        if let Work::Busy(writing) = &mut self.file {
            let done = writing.await;
            self.file = Work::Gone;
            self.file = Work::Ready(joined(done)?);
        }
        match std::mem::replace(&mut self.file, Work::Gone) {
            Work::Ready(open) => Ok(open),
            Work::Busy(_) | Work::Gone => Err(EngineError::Abandoned),
        }
    }

    async fn last(mut self) -> Result<(Box<Open>, Lot), EngineError> {
        let open = self.wait().await?;
        Ok((open, self.lot))
    }
}
