//! Blobs in memory, for `--memory`.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::medium::{Draft, Medium, Source};
use crate::{BlobError, BlobId};

/// Blobs are kept in pieces of this size, so that one that grows is not copied again and again.
const PIECE_BYTES: usize = 64 * 1024;

pub(crate) struct Memory {
    published: Arc<Mutex<BTreeMap<BlobId, Arc<Pieces>>>>,
    room: Arc<Room>,
}

struct Room {
    used_bytes: AtomicU64,
    bytes_max: u64,
}

/// All pieces are full but the last. Gives its room back when the last reader lets go of it.
struct Pieces {
    room: Arc<Room>,
    size: u64,
    pieces: Vec<Vec<u8>>,
}

struct MemoryDraft {
    id: BlobId,
    pieces: Pieces,
    published: Arc<Mutex<BTreeMap<BlobId, Arc<Pieces>>>>,
}

impl Memory {
    pub fn new(bytes_max: u64) -> Memory {
        let room = Arc::new(Room { used_bytes: AtomicU64::new(0), bytes_max });
        Memory { published: Arc::default(), room }
    }
}

impl Medium for Memory {
    fn waits(&self) -> bool {
        false
    }

    fn create(&self, id: BlobId) -> Result<Box<dyn Draft>, BlobError> {
        let pieces = Pieces { room: self.room.clone(), size: 0, pieces: Vec::new() };
        Ok(Box::new(MemoryDraft { id, pieces, published: self.published.clone() }))
    }

    fn open(&self, id: BlobId) -> Result<Box<dyn Source>, BlobError> {
        let pieces = self.published.lock().get(&id).cloned().ok_or(BlobError::NotFound(id))?;
        Ok(Box::new(pieces))
    }

    fn delete(&self, ids: &[BlobId]) -> Result<Vec<BlobId>, BlobError> {
        // Each is freed after the lock is let go.
        let remove = |id: &&BlobId| {
            let removed = self.published.lock().remove(*id);
            removed.is_some()
        };
        Ok(ids.iter().filter(remove).copied().collect())
    }

    fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(self.published.lock().range((start, Bound::Unbounded)).map(|(id, _)| *id).take(limit).collect())
    }
}

impl Draft for MemoryDraft {
    fn append(&mut self, pieces: &mut [IoSlice<'_>]) -> Result<(), BlobError> {
        pieces.iter().try_for_each(|piece| self.pieces.append(piece))
    }

    fn publish(self: Box<Self>) -> Result<(), BlobError> {
        let MemoryDraft { id, pieces, published } = *self;
        let mut published = published.lock();
        if published.contains_key(&id) {
            return Err(BlobError::Io(io::ErrorKind::AlreadyExists.into()));
        }
        published.insert(id, Arc::new(pieces));
        Ok(())
    }
}

impl Pieces {
    fn append(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        let Pieces { room, size, pieces } = self;
        room.take(bytes.len() as u64)?;
        *size += bytes.len() as u64;
        while !bytes.is_empty() {
            if pieces.last().is_none_or(|piece| piece.len() == PIECE_BYTES) {
                pieces.push(Vec::new());
            }
            let piece = pieces.last_mut().expect("one was pushed if there was none");
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - piece.len()));
            piece.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }
}

impl Source for Arc<Pieces> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut index = (offset / PIECE_BYTES as u64) as usize;
        let mut start = (offset % PIECE_BYTES as u64) as usize;
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let piece = &self.pieces[index][start..];
            bytes.extend_from_slice(&piece[..piece.len().min(length - bytes.len())]);
            (index, start) = (index + 1, 0);
        }
        Ok(bytes)
    }
}

impl Room {
    fn take(&self, bytes: u64) -> Result<(), BlobError> {
        let add = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.bytes_max);
        match self.used_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(BlobError::Full),
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.room.used_bytes.fetch_sub(self.size, Ordering::Relaxed);
    }
}
