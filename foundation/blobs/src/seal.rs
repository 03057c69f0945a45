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

use std::io;

use crate::limits::{BLOB_BYTES_MAX, CHUNK_BYTES};
use crate::medium::{Draft, Source};
use crate::{BlobError, BlobId, Damage};

const SEAL_BYTES: usize = 4;
const FOOTER_BYTES: usize = 24;
const MAGIC: &[u8; 8] = b"FOGBLOB1";

/// A blob as it was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: BlobId,
    /// In bytes.
    pub length: u64,
    /// CRC-32C of the whole content, the one that S3 calls CRC32C.
    pub checksum: u32,
}

/// Cuts what is written into chunks and seals them.
pub(crate) struct Sealer {
    draft: Box<dyn Draft>,
    id: BlobId,
    /// The chunk that is not full yet.
    pending: Vec<u8>,
    /// Of the chunks before it.
    sealed_bytes: u64,
    checksum: u32,
}

impl Sealer {
    pub fn new(id: BlobId, draft: Box<dyn Draft>) -> Sealer {
        Sealer { draft, id, pending: Vec::new(), sealed_bytes: 0, checksum: 0 }
    }

    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Whether so many bytes can be pushed without a write to the medium.
    pub fn has_room(&self, bytes: usize) -> bool {
        bytes < CHUNK_BYTES - self.pending.len()
    }

    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), BlobError> {
        let length = self.sealed_bytes + self.pending.len() as u64;
        if bytes.len() as u64 > BLOB_BYTES_MAX - length {
            return Err(BlobError::TooLong { max: BLOB_BYTES_MAX });
        }
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == CHUNK_BYTES {
                self.seal_pending()?;
            }
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<Stored, BlobError> {
        if !self.pending.is_empty() {
            self.seal_pending()?;
        }
        let stored = Stored { id: self.id, length: self.sealed_bytes, checksum: self.checksum };
        self.draft.append(&footer(&stored))?;
        self.draft.publish()?;
        Ok(stored)
    }

    fn seal_pending(&mut self) -> Result<(), BlobError> {
        let length = self.pending.len();
        let checksum = crc32c::crc32c(&self.pending);
        let seal = seal(checksum, self.id, self.sealed_bytes / CHUNK_BYTES as u64);
        self.pending.extend_from_slice(&seal);
        self.draft.append(&self.pending)?;
        self.pending.clear();
        self.sealed_bytes += length as u64;
        self.checksum = crc32c::crc32c_combine(self.checksum, checksum, length);
        Ok(())
    }
}

/// Reads and verifies the footer.
pub(crate) fn read_footer(id: BlobId, source: &dyn Source) -> Result<Stored, BlobError> {
    let corrupt = |damage| BlobError::Corrupt { id, damage };
    let size = source.size()?;
    let start = size.checked_sub(FOOTER_BYTES as u64).ok_or(corrupt(Damage::Size))?;
    let mut bytes = [0; FOOTER_BYTES];
    source.read_at(start, &mut bytes).map_err(|error| cut_short(error, id))?;
    let (length, checksum) = (number(&bytes[8..16]), number(&bytes[16..20]) as u32);
    let stored = Stored { id, length, checksum };
    if bytes != footer(&stored) {
        return Err(corrupt(Damage::Footer));
    }
    let seals = length.div_ceil(CHUNK_BYTES as u64) * SEAL_BYTES as u64;
    if size != length + seals + FOOTER_BYTES as u64 {
        return Err(corrupt(Damage::Size));
    }
    Ok(stored)
}

/// Reads and verifies one chunk.
pub(crate) fn read_chunk(stored: &Stored, source: &dyn Source, index: u64) -> Result<Vec<u8>, BlobError> {
    let start = index * CHUNK_BYTES as u64;
    assert!(start < stored.length, "a chunk within the blob is asked for");
    let length = (stored.length - start).min(CHUNK_BYTES as u64) as usize;
    let mut bytes = vec![0; length + SEAL_BYTES];
    let offset = start + index * SEAL_BYTES as u64;
    source.read_at(offset, &mut bytes).map_err(|error| cut_short(error, stored.id))?;
    let (chunk, found) = bytes.split_at(length);
    if found != seal(crc32c::crc32c(chunk), stored.id, index) {
        return Err(BlobError::Corrupt { id: stored.id, damage: Damage::Chunk { offset: start } });
    }
    bytes.truncate(length);
    Ok(bytes)
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
    fn a_chunk_is_good_in_its_own_place_only() {
        let ids = Ids::seeded(1);
        let (id, other) = (BlobId::draw(&ids), BlobId::draw(&ids));
        assert_ne!(seal(7, id, 0), seal(7, id, 1));
        assert_ne!(seal(7, id, 0), seal(7, other, 0));
    }
}
