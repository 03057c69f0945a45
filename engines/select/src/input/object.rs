//! The object, as the engine reads it.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

/// An object of which any part can be read. Scan ranges and Parquet jump about in it.
pub trait RangeReader: Send + Sync + 'static {
    /// In bytes.
    fn length(&self) -> u64;

    /// The bytes of a range, which lies within the object, in pieces of any size.
    fn read(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>>;
}

/// An object that is in memory.
impl RangeReader for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let part = self.slice(range.start as usize..range.end as usize);
        stream::iter([Ok(part)]).boxed()
    }
}
