//! How a blob is laid out, and how it is verified: the same on every medium.
//!
//! ```text
//! chunk 0 ‖ seal 0 ‖ chunk 1 ‖ seal 1 ‖ … ‖ footer
//! seal    crc32c of the chunk, the blob's id and the chunk's index
//! footer  "FOGBLOB1" ‖ length, 8 bytes ‖ crc32c of the content, 4 bytes ‖ crc32c of all this and the blob's id
//! ```
//!
//! Every chunk but the last has `CHUNK_BYTES`, and numbers are little-endian. The seals stand beside their chunks
//! rather than in a table, because a table would have to be held in memory while a blob is written, and read
//! whole before a range of it can be verified. Id and index are in the seal so that a chunk or a file in the
//! wrong place is noticed as well.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use crate::limits::{BLOB_BYTES_MAX, CHUNK_BYTES, CHUNKS_AT_ONCE};
use crate::medium::{Draft, Source};
use crate::{BlobError, BlobId, Damage};

/// What follows every chunk.
pub const SEAL_BYTES: usize = 4;
const FOOTER_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"FOGBLOB1";

/// What is handed to the medium at once.
const LOT_BYTES: usize = CHUNKS_AT_ONCE * CHUNK_BYTES;

/// A blob as it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: BlobId,
    /// In bytes.
    pub length: u64,
    /// CRC-32C of the whole content, the one that S3 calls CRC32C.
    pub checksum: u32,
}

/// What a blob of this length takes up.
pub fn stored_bytes(length: u64) -> u64 {
    length + length.div_ceil(CHUNK_BYTES as u64) * SEAL_BYTES as u64 + FOOTER_BYTES as u64
}

/// Cuts what is written into chunks and seals them. Its calls may block; [`crate::Writer`] is for those who must not
/// wait.
///
/// Nobody sees the blob before [`Sealer::finish`], and dropping the sealer removes it. After a failure it is of no use.
pub struct Sealer {
    draft: Box<dyn Draft>,
    id: BlobId,
    /// What does not fill a lot of [`CHUNKS_AT_ONCE`] chunks yet.
    pending: Vec<u8>,
    /// What has been handed to the medium.
    sealed_bytes: u64,
    checksum: u32,
}

impl Sealer {
    pub(crate) fn new(id: BlobId, draft: Box<dyn Draft>) -> Sealer {
        Sealer { draft, id, pending: Vec::new(), sealed_bytes: 0, checksum: 0 }
    }

    pub fn id(&self) -> BlobId {
        self.id
    }

    /// In bytes, so far.
    pub fn length(&self) -> u64 {
        self.sealed_bytes + self.pending.len() as u64
    }

    /// Whether so many bytes can be pushed without a write to the medium.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        bytes < LOT_BYTES - self.pending.len()
    }

    /// Appends. Whole lots of [`CHUNKS_AT_ONCE`] chunks are written as they are; what lies between is collected.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        if bytes.len() as u64 > BLOB_BYTES_MAX - self.length() {
            return Err(BlobError::TooLong { max: BLOB_BYTES_MAX });
        }
        while !bytes.is_empty() {
            if self.pending.is_empty() && bytes.len() >= LOT_BYTES {
                let (lot, later) = bytes.split_at(LOT_BYTES);
                self.seal(lot, &[])?;
                bytes = later;
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(LOT_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == LOT_BYTES {
                self.seal_pending(&[])?;
            }
        }
        Ok(())
    }

    /// Durable, and then visible, when it returns.
    pub fn finish(mut self) -> Result<Stored, BlobError> {
        let checksum = crc32c::crc32c_append(self.checksum, &self.pending);
        let stored = Stored { id: self.id, length: self.length(), checksum };
        self.seal_pending(&footer(&stored))?;
        debug_assert_eq!(self.checksum, checksum, "the checksums of the chunks add up");
        self.draft.publish()?;
        Ok(stored)
    }

    fn seal_pending(&mut self, footer: &[u8]) -> Result<(), BlobError> {
        let mut pending = std::mem::take(&mut self.pending);
        self.seal(&pending, footer)?;
        pending.clear();
        self.pending = pending;
        Ok(())
    }

    /// Writes at most a lot, each chunk with its seal.
    fn seal(&mut self, lot: &[u8], footer: &[u8]) -> Result<(), BlobError> {
        let mut seals = [[0; SEAL_BYTES]; CHUNKS_AT_ONCE];
        for (chunk, out) in lot.chunks(CHUNK_BYTES).zip(&mut seals) {
            let checksum = crc32c::crc32c(chunk);
            *out = seal(checksum, self.id, self.sealed_bytes / CHUNK_BYTES as u64);
            self.sealed_bytes += chunk.len() as u64;
            self.checksum = combine(self.checksum, checksum, chunk.len());
        }
        let chunks = lot.chunks(CHUNK_BYTES).zip(&seals).flat_map(|(chunk, seal)| [chunk, seal]);
        let mut pieces: Vec<IoSlice<'_>> = chunks.chain([footer]).map(IoSlice::new).collect();
        self.draft.append(&mut pieces)
    }
}

/// A blob that is open for reading, by calls that may block; [`crate::Reader`] is for those who must not wait. It stays
/// readable when the blob is deleted meanwhile.
#[derive(Clone)]
pub struct Blob {
    source: Arc<dyn Source>,
    stored: Stored,
}

impl Blob {
    /// Reads and verifies the footer.
    pub(crate) fn new(id: BlobId, source: Arc<dyn Source>) -> Result<Blob, BlobError> {
        let corrupt = |damage| BlobError::Corrupt { id, damage };
        let size = source.size()?;
        let start = size.checked_sub(FOOTER_BYTES as u64).ok_or(corrupt(Damage::Size))?;
        let bytes = source.read_at(start, FOOTER_BYTES).map_err(|error| cut_short(error, id))?;
        let (length, checksum) = (number(&bytes[8..16]), number(&bytes[16..20]) as u32);
        let stored = Stored { id, length, checksum };
        if bytes != footer(&stored) {
            return Err(corrupt(Damage::Footer));
        }
        if length > BLOB_BYTES_MAX || size != stored_bytes(length) {
            return Err(corrupt(Damage::Size));
        }
        Ok(Blob { source, stored })
    }

    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// The length of a chunk without its seal: only the last one's is another.
    pub fn chunk_bytes(&self, index: u64) -> usize {
        let start = index * CHUNK_BYTES as u64;
        assert!(start < self.stored.length, "a chunk within the blob is asked for");
        (self.stored.length - start).min(CHUNK_BYTES as u64) as usize
    }

    /// Reads and verifies chunks, each followed by its seal.
    pub fn read(&self, chunks: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let bytes = self.read_unverified(chunks.clone())?;
        for (index, chunk) in chunks.zip(bytes.chunks(CHUNK_BYTES + SEAL_BYTES)) {
            self.verify(index, chunk)?;
        }
        Ok(bytes)
    }

    /// As [`Blob::read`], for those who have better means to verify, such as the tags of authenticated encryption.
    pub fn read_unverified(&self, chunks: Range<u64>) -> Result<Vec<u8>, BlobError> {
        let Some(last) = chunks.end.checked_sub(1).filter(|last| *last >= chunks.start) else {
            return Ok(Vec::new());
        };
        let full = (last - chunks.start) as usize * (CHUNK_BYTES + SEAL_BYTES);
        let length = full + self.chunk_bytes(last) + SEAL_BYTES;
        let offset = chunks.start * (CHUNK_BYTES + SEAL_BYTES) as u64;
        self.source.read_at(offset, length).map_err(|error| cut_short(error, self.stored.id))
    }

    /// Whether a chunk, followed by its seal, is what was written.
    pub fn verify(&self, index: u64, sealed: &[u8]) -> Result<(), BlobError> {
        let (chunk, found) = sealed.split_at(sealed.len().saturating_sub(SEAL_BYTES));
        if found != seal(crc32c::crc32c(chunk), self.stored.id, index) {
            let damage = Damage::Chunk { offset: index * CHUNK_BYTES as u64 };
            return Err(BlobError::Corrupt { id: self.stored.id, damage });
        }
        Ok(())
    }
}

/// The checksum of two pieces from theirs. What the first one's becomes by so many zeros is linear in its bits, so for
/// full chunks it is put together from those of single bits; finding it anew takes longer than sealing the chunk.
fn combine(first: u32, second: u32, second_bytes: usize) -> u32 {
    static SHIFTED: LazyLock<[u32; 32]> =
        LazyLock::new(|| std::array::from_fn(|bit| crc32c::crc32c_combine(1 << bit, 0, CHUNK_BYTES)));
    if second_bytes != CHUNK_BYTES {
        return crc32c::crc32c_combine(first, second, second_bytes);
    }
    let bits = SHIFTED.iter().enumerate().filter(|(bit, _)| first >> bit & 1 == 1);
    bits.fold(second, |combined, (_, shifted)| combined ^ shifted)
}

fn seal(checksum: u32, id: BlobId, index: u64) -> [u8; SEAL_BYTES] {
    let checksum = crc32c::crc32c_append(checksum, id.as_bytes());
    crc32c::crc32c_append(checksum, &index.to_le_bytes()).to_le_bytes()
}

fn footer(stored: &Stored) -> [u8; FOOTER_BYTES] {
    let mut bytes = [0; FOOTER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&stored.length.to_le_bytes());
    bytes[16..20].copy_from_slice(&stored.checksum.to_le_bytes());
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..20]), stored.id.as_bytes());
    bytes[20..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn cut_short(error: io::Error, id: BlobId) -> BlobError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => BlobError::Corrupt { id, damage: Damage::Size },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::medium::Medium;
    use crate::memory::Memory;
    use base::Ids;

    #[test]
    fn a_blob_cannot_grow_beyond_the_longest() {
        let id = BlobId::draw(&Ids::seeded(1));
        let mut sealer = Sealer::new(id, Memory::new(1 << 20).create(id).unwrap());
        sealer.sealed_bytes = BLOB_BYTES_MAX - 2;
        sealer.push(b"ab").unwrap();
        assert!(matches!(sealer.push(b"c"), Err(BlobError::TooLong { .. })));
    }

    #[test]
    fn the_checksum_of_two_pieces_is_that_of_both_together() {
        let bytes: Vec<u8> = (0..2 * CHUNK_BYTES).map(|index| (index * 7 / 3) as u8).collect();
        for length in [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1] {
            let (first, second) = bytes.split_at(bytes.len() - length);
            let combined = combine(crc32c::crc32c(first), crc32c::crc32c(second), length);
            assert_eq!(combined, crc32c::crc32c(&bytes));
        }
    }

    #[test]
    fn a_chunk_is_good_in_its_own_place_only() {
        let ids = Ids::seeded(1);
        let (id, other) = (BlobId::draw(&ids), BlobId::draw(&ids));
        assert_ne!(seal(7, id, 0), seal(7, id, 1));
        assert_ne!(seal(7, id, 0), seal(7, other, 0));
    }
}
