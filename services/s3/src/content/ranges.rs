//! Content of which one part after another is read, as a query asks for them.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_engine::{ContentKeys, Extent, ObjectEngine};
use select_engine::RangeReader;
use service::Call;

use super::{CustomerKey, parts_of, pieces, unlock};
use crate::S3;
use crate::error::Error;
use crate::readers::Reading;
use crate::records::Content;

/// Content that its reader may decrypt. It stays on the disk as long as this lives.
pub struct Ranges {
    engine: ObjectEngine,
    keys: ContentKeys,
    extents: Vec<Extent>,
    reading: Reading,
}

impl Ranges {
    /// As [`super::open`], of all of it.
    pub async fn open(
        s3: &S3,
        call: &Call,
        reading: Reading,
        content: &Content,
        customer: Option<&CustomerKey>,
    ) -> Result<Ranges, Error> {
        let keys = unlock(s3, call, &content.encryption, customer).await?;
        Ok(Ranges { engine: s3.engine.clone(), keys, extents: content.extents.clone(), reading })
    }
}

impl RangeReader for Ranges {
    fn length(&self) -> u64 {
        self.extents.iter().map(|extent| extent.length).sum()
    }

    fn read(&self, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
        let parts = parts_of(&self.extents, &range);
        let reading = self.reading.clone();
        let pieces = pieces(self.engine.clone(), self.keys.clone(), parts);
        let held = pieces.map(move |piece| {
            let _held = &reading;
            piece.map_err(io::Error::other)
        });
        held.boxed()
    }
}
