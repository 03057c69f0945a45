//! How content is cut into chunks, and how these are sealed: the same in packs and in files.
//!
//! ```text
//! chunk   content, 65,504 bytes (the last one 0 to 65,504) ‖ tag of the inner layer ‖ tag of the outer layer, or zeros
//! nonce   zeros ‖ the chunk's index, 4 bytes big-endian ‖ 1 for the last chunk, 0 for the others
//! ```
//!
//! This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", 2015): chunks that are missing, moved, added, or cut off at the end do not open.
//! Empty content has one chunk without content, so it is authenticated as well.

use std::ops::Range;

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use crate::limits::{CHUNK_BYTES, CONTENT_BYTES, LAYERS_MAX, TAG_BYTES};

/// What a chunk has besides its content.
pub const TAGS_BYTES: usize = LAYERS_MAX * TAG_BYTES;

/// How many chunks content of this length has.
pub fn chunks(length: u64) -> u64 {
    length.div_ceil(CONTENT_BYTES as u64).max(1)
}

/// What content of this length takes up when it is sealed.
pub fn sealed_bytes(length: u64) -> u64 {
    length + chunks(length) * TAGS_BYTES as u64
}

/// The length of the content that takes up so much when it is sealed.
pub fn content_bytes(sealed: u64) -> u64 {
    sealed.saturating_sub(sealed.div_ceil(CHUNK_BYTES as u64) * TAGS_BYTES as u64)
}

/// The length of a chunk with its tags.
pub fn chunk_bytes(length: u64, index: u64) -> usize {
    let content = length.saturating_sub(index * CONTENT_BYTES as u64).min(CONTENT_BYTES as u64);
    content as usize + TAGS_BYTES
}

/// The chunks that a range is in. The range is not empty, unless the content is.
pub fn chunks_of(range: &Range<u64>) -> Range<u64> {
    let first = range.start / CONTENT_BYTES as u64;
    first..range.end.div_ceil(CONTENT_BYTES as u64).max(first + 1)
}

/// The part of a chunk's content that is in the range.
pub fn part_of(range: &Range<u64>, index: u64) -> Range<usize> {
    let start = index * CONTENT_BYTES as u64;
    let end = start + CONTENT_BYTES as u64;
    let within = range.start.max(start)..range.end.min(end).max(start);
    (within.start - start) as usize..(within.end - start) as usize
}

/// The chunk does not open: it is damaged, or the keys are others.
#[derive(Debug, PartialEq, Eq)]
pub struct Unopened;

/// The keys of one extent.
pub struct ChunkKeys {
    inner: LessSafeKey,
    outer: Option<LessSafeKey>,
}

impl ChunkKeys {
    pub fn new(inner: LessSafeKey, outer: Option<LessSafeKey>) -> ChunkKeys {
        ChunkKeys { inner, outer }
    }

    /// Seals a chunk in its place; its last [`TAGS_BYTES`] are for the tags.
    pub fn seal(&self, index: u64, is_last: bool, chunk: &mut [u8]) {
        let content = chunk.len() - TAGS_BYTES;
        assert!(chunk.len() <= CHUNK_BYTES, "a chunk has its size");
        seal_layer(&self.inner, index, is_last, &mut chunk[..content + TAG_BYTES]);
        match &self.outer {
            Some(outer) => seal_layer(outer, index, is_last, chunk),
            None => chunk[content + TAG_BYTES..].fill(0),
        }
    }

    /// Opens a chunk in its place. Afterwards the content is at its start, or nothing of use is anywhere.
    pub fn open(&self, index: u64, is_last: bool, chunk: &mut [u8]) -> Result<(), Unopened> {
        let Some(inner_end) = chunk.len().checked_sub(TAG_BYTES).filter(|end| *end >= TAG_BYTES) else {
            return Err(Unopened);
        };
        match &self.outer {
            Some(outer) => open_layer(outer, index, is_last, chunk)?,
            None if chunk[inner_end..].iter().any(|byte| *byte != 0) => return Err(Unopened),
            None => {}
        }
        open_layer(&self.inner, index, is_last, &mut chunk[..inner_end])
    }
}

/// Seals all but the last [`TAG_BYTES`], which become the tag.
fn seal_layer(key: &LessSafeKey, index: u64, is_last: bool, bytes: &mut [u8]) {
    let (content, tag_at) = bytes.split_at_mut(bytes.len() - TAG_BYTES);
    let tag = key
        .seal_in_place_separate_tag(nonce(index, is_last), Aad::empty(), content)
        .expect("a chunk is far shorter than the 64 GiB of AES-GCM");
    tag_at.copy_from_slice(tag.as_ref());
}

fn open_layer(key: &LessSafeKey, index: u64, is_last: bool, bytes: &mut [u8]) -> Result<(), Unopened> {
    let opened = key.open_in_place(nonce(index, is_last), Aad::empty(), bytes);
    opened.map(|_content| ()).map_err(|_unspecified| Unopened)
}

fn nonce(index: u64, is_last: bool) -> Nonce {
    let index = u32::try_from(index).expect("the longest content has fewer chunks");
    let mut bytes = [0; NONCE_LEN];
    bytes[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&index.to_be_bytes());
    bytes[NONCE_LEN - 1] = u8::from(is_last);
    Nonce::assume_unique_for_key(bytes)
}

/// Lays content out in chunks, with room for the tags, and seals them. `before` bytes are left free in front.
pub fn seal_all(keys: &ChunkKeys, content: &[u8], before: usize, capacity: usize) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(capacity);
    sealed.resize(before, 0);
    let last = chunks(content.len() as u64) - 1;
    for index in 0..=last {
        let start = index as usize * CONTENT_BYTES;
        let end = content.len().min(start + CONTENT_BYTES);
        let at = sealed.len();
        sealed.extend_from_slice(&content[start..end]);
        sealed.resize(sealed.len() + TAGS_BYTES, 0);
        keys.seal(index, index == last, &mut sealed[at..]);
    }
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extent::Place;
    use crate::keys::{ContentKey, ContentKeys};
    use crate::limits::LENGTH_BYTES_MAX;

    const PLACE: Place = Place::Pack { pack: 1, offset: 32 };

    fn keys(layers: usize, place: &Place) -> ChunkKeys {
        let key = |byte| ContentKey::new([byte; 32]);
        let keys = if layers == 1 { ContentKeys::one(key(1)) } else { ContentKeys::two(key(1), key(2)) };
        keys.for_place(&[9; 16], place)
    }

    #[test]
    fn sizes_follow_from_the_length_alone() {
        let full = CONTENT_BYTES as u64;
        for (length, count, bytes) in [
            (0, 1, 32),
            (1, 1, 33),
            (full, 1, CHUNK_BYTES as u64),
            (full + 1, 2, CHUNK_BYTES as u64 + 33),
            (2 * full, 2, 2 * CHUNK_BYTES as u64),
        ] {
            assert_eq!((chunks(length), sealed_bytes(length)), (count, bytes), "{length}");
            let sum: usize = (0..count).map(|index| chunk_bytes(length, index)).sum();
            assert_eq!((sum as u64, content_bytes(bytes)), (bytes, length));
            for layers in [1, 2] {
                let sealed = seal_all(&keys(layers, &PLACE), &vec![7; length as usize], 0, 0);
                assert_eq!(sealed.len() as u64, bytes);
            }
        }
        assert!(chunks(LENGTH_BYTES_MAX) <= u64::from(u32::MAX));
        assert!(sealed_bytes(LENGTH_BYTES_MAX) <= blobs::limits::BLOB_BYTES_MAX);
    }

    #[test]
    fn ranges_are_found_in_their_chunks() {
        let full = CONTENT_BYTES as u64;
        for (range, found) in [
            (0..0, vec![(0, 0..0)]),
            (0..1, vec![(0, 0..1)]),
            (full - 1..full, vec![(0, CONTENT_BYTES - 1..CONTENT_BYTES)]),
            (full - 1..full + 1, vec![(0, CONTENT_BYTES - 1..CONTENT_BYTES), (1, 0..1)]),
            (full..2 * full, vec![(1, 0..CONTENT_BYTES)]),
        ] {
            let parts: Vec<_> = chunks_of(&range).map(|index| (index, part_of(&range, index))).collect();
            assert_eq!(parts, found, "{range:?}");
        }
    }

    #[test]
    fn a_chunk_opens_whole_in_its_place_and_with_its_keys_only() {
        for layers in [1, 2] {
            let content: Vec<u8> = (0..100).collect();
            let sealed = seal_all(&keys(layers, &PLACE), &content, 0, 0);
            let open = |keys: &ChunkKeys, index, is_last, bytes: &[u8]| {
                let mut bytes = bytes.to_vec();
                keys.open(index, is_last, &mut bytes).map(|()| bytes[..100].to_vec())
            };
            assert_eq!(open(&keys(layers, &PLACE), 0, true, &sealed), Ok(content));
            assert_eq!(open(&keys(layers, &PLACE), 1, true, &sealed), Err(Unopened));
            assert_eq!(open(&keys(layers, &PLACE), 0, false, &sealed), Err(Unopened));
            assert_eq!(open(&keys(3 - layers, &PLACE), 0, true, &sealed), Err(Unopened));
            let elsewhere = Place::Pack { pack: 1, offset: 64 };
            assert_eq!(open(&keys(layers, &elsewhere), 0, true, &sealed), Err(Unopened));
            assert_eq!(keys(layers, &PLACE).open(0, true, &mut [0; 31]), Err(Unopened));
            for position in 0..sealed.len() {
                let mut bad = sealed.clone();
                bad[position] ^= 1;
                assert_eq!(open(&keys(layers, &PLACE), 0, true, &bad), Err(Unopened), "byte {position}");
            }
        }
    }
}
