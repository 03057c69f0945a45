//! Reading a range of a blob.

use std::collections::VecDeque;
use std::ops::{Bound, Range, RangeBounds};

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};

use crate::limits::{CHUNK_BYTES, CHUNKS_AT_ONCE};
use crate::medium::run;
use crate::seal::{Blob, SEAL_BYTES, Stored};
use crate::{BlobError, BlobId};

/// Gives the bytes of a range in order, each verified. Goes on to work when the blob is deleted meanwhile.
pub struct Reader {
    blob: Blob,
    /// What is still to be given.
    left: Range<u64>,
    /// What was read with the chunk before it: whole chunks, or what is left of the first.
    ready: VecDeque<Bytes>,
    waits: bool,
}

impl Reader {
    pub(crate) fn new(blob: Blob, range: impl RangeBounds<u64>, waits: bool) -> Reader {
        let left = within(range, blob.stored().length);
        Reader { blob, left, ready: VecDeque::new(), waits }
    }

    pub fn id(&self) -> BlobId {
        self.blob.stored().id
    }

    /// The whole blob, not only the range.
    pub fn stored(&self) -> Stored {
        self.blob.stored()
    }

    /// The bytes that are still to come.
    pub fn left_bytes(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next bytes, at most a chunk and never none; `None` at the end of the range. A call that fails or is
    /// cancelled loses nothing: the next one reads the same bytes.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        if self.ready.is_empty() && !self.left.is_empty() {
            self.fetch().await?;
        }
        let Some(bytes) = self.ready.pop_front() else { return Ok(None) };
        self.left.start += bytes.len() as u64;
        Ok(Some(bytes))
    }

    async fn fetch(&mut self) -> Result<(), BlobError> {
        let chunk_bytes = CHUNK_BYTES as u64;
        let first = self.left.start / chunk_bytes;
        let chunks = first..self.left.end.div_ceil(chunk_bytes).min(first + CHUNKS_AT_ONCE as u64);
        let (blob, wanted) = (self.blob.clone(), chunks.clone());
        let (bytes, good) = run(self.waits, move || {
            let bytes = blob.read_unverified(wanted.clone())?;
            let mut good = 0;
            for (index, chunk) in wanted.zip(bytes.chunks(CHUNK_BYTES + SEAL_BYTES)) {
                match blob.verify(index, chunk) {
                    Ok(()) => good += 1,
                    // What comes before the damage is given first; then the damage is met again.
                    Err(_) if good > 0 => break,
                    Err(error) => return Err(error),
                }
            }
            Ok((Bytes::from(bytes), good))
        })
        .await?;
        for (at, index) in chunks.take(good).enumerate() {
            let start = index * chunk_bytes;
            let end = self.left.end.min(start + self.blob.chunk_bytes(index) as u64);
            let wanted = self.left.start.max(start) - start..end - start;
            let at = at * (CHUNK_BYTES + SEAL_BYTES);
            self.ready.push_back(bytes.slice(at + wanted.start as usize..at + wanted.end as usize));
        }
        Ok(())
    }

    /// As a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static {
        try_unfold(self, async |mut reader| Ok(reader.next().await?.map(|bytes| (bytes, reader))))
    }
}

/// The part of a range that lies within a blob of this length.
fn within(range: impl RangeBounds<u64>, length: u64) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => length,
    };
    let end = end.min(length);
    start.min(end)..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_blob() {
        assert_eq!(within(.., 10), 0..10);
        assert_eq!(within(3..7, 10), 3..7);
        assert_eq!(within(3..=7, 10), 3..8);
        assert_eq!(within(9..100, 10), 9..10);
        assert_eq!(within(0..=u64::MAX, 10), 0..10);
        assert!(within(10..20, 10).is_empty());
        #[expect(clippy::reversed_empty_ranges, reason = "the caller may have been handed one")]
        let reversed = within(7..3, 10);
        assert!(reversed.is_empty());
    }
}
