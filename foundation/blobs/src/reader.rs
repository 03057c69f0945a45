//! Reading a range of a blob.

use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};

use crate::limits::CHUNK_BYTES;
use crate::medium::{Source, run};
use crate::seal::{Stored, read_chunk};
use crate::{BlobError, BlobId};

/// Gives the bytes of a range in order, each verified. Goes on to work when the blob is deleted meanwhile.
pub struct Reader {
    source: Arc<dyn Source>,
    stored: Stored,
    /// What is still to be read.
    left: Range<u64>,
    waits: bool,
}

impl Reader {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        stored: Stored,
        range: impl RangeBounds<u64>,
        waits: bool,
    ) -> Reader {
        Reader { source, stored, left: within(range, stored.length), waits }
    }

    pub fn id(&self) -> BlobId {
        self.stored.id
    }

    /// The whole blob, not only the range.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// The bytes that are still to come.
    pub fn left_bytes(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next bytes, at most a chunk and never none; `None` at the end of the range. A call that fails or is
    /// cancelled loses nothing: the next one reads the same bytes.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let index = self.left.start / CHUNK_BYTES as u64;
        let (stored, source) = (self.stored, self.source.clone());
        let chunk = Bytes::from(run(self.waits, move || read_chunk(&stored, &*source, index)).await?);
        let chunk_start = index * CHUNK_BYTES as u64;
        let chunk_end = chunk_start + chunk.len() as u64;
        let end = self.left.end.min(chunk_end);
        let bytes = chunk.slice((self.left.start - chunk_start) as usize..(end - chunk_start) as usize);
        self.left.start = end;
        Ok(Some(bytes))
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
