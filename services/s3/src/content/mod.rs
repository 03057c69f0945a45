//! The content of objects, on its way in and out: hashed and compared with what its sender declared, encrypted with
//! the keys its bucket or its sender asked for, and decrypted for those who may.
//!
//! Nothing is kept of a body that is not what its sender said. What [`receive`] gives back is on the disk, but belongs
//! to nobody until [`Received::keep`]: dropped before that, it is gone.

mod customer_key;
mod declared;
mod encryption;
mod hashing;
mod kms;
mod lots;
mod managed;
mod members;
mod ranges;
mod receive;

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, iter};
use object_engine::{ContentKeys, EngineError, Extent, ObjectEngine};
use schema::ByteStream;
use service::Call;

use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::limits::READ_AT_ONCE_BYTES_MAX;
use crate::readers::Reading;
use crate::records::Content;

pub use customer_key::{CustomerHeaders, CustomerKey};
pub use declared::Declared;
pub use encryption::{
    EncryptionHeaders, EncryptionShown, EncryptionWish, Settled, admit, check_customer, settle, unlock,
};
pub use hashing::{combine, digest};
pub use kms::Kms;
pub use managed::Managed;
pub use members::{checksum_headers, show_checksum};
pub use ranges::Ranges;
pub use receive::Received;

/// What a request says about the content it brings.
#[derive(Debug)]
pub struct Wish {
    pub encryption: EncryptionWish,
    pub declared: Declared,
}

/// Takes a body in for a key of a bucket. All of it is on the disk, and is what was declared, when this returns.
pub async fn receive(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    wish: Wish,
    body: &ByteStream,
) -> Result<Received, Error> {
    let settled = settle(s3, call, bucket, key, &wish.encryption).await?;
    receive_under(s3, &settled, &wish.declared, body).await
}

/// The same where the encryption was settled before: for the parts of an upload.
pub async fn receive_under(
    s3: &S3,
    settled: &Settled,
    declared: &Declared,
    body: &ByteStream,
) -> Result<Received, Error> {
    receive::receive(s3, settled, declared, body).await
}

/// A range of content, decrypted. The caller's permission to decrypt is asked for first. `reading` was entered
/// ([`crate::readers`]) before the object was looked up; it is held until the stream is at its end, or dropped.
pub async fn open(
    s3: &S3,
    call: &Call,
    reading: Reading,
    content: &Content,
    customer: Option<&CustomerKey>,
    range: Range<u64>,
) -> Result<ByteStream, Error> {
    let keys = unlock(s3, call, &content.encryption, customer).await?;
    read(s3, reading, &keys, content, range).await
}

/// As [`open`], with keys that were unlocked before.
pub async fn read(
    s3: &S3,
    reading: Reading,
    keys: &ContentKeys,
    content: &Content,
    range: Range<u64>,
) -> Result<ByteStream, Error> {
    let size = content.extents.iter().map(|extent| extent.length).sum();
    let range = range.start.min(size)..range.end.min(size);
    let length = range.end.saturating_sub(range.start);
    if length == 0 {
        return Ok(ByteStream::default());
    }
    let mut parts = parts_of(&content.extents, &range);
    if length <= READ_AT_ONCE_BYTES_MAX {
        return Ok(ByteStream::from(read_at_once(s3, keys, &parts, length).await?));
    }
    // The beginning is read before the answer is, so that an object that cannot be read is an error.
    let (extent, within) = parts.remove(0);
    let first = s3.engine.read(&extent, keys, within).await?.into_stream();
    let pieces = first.chain(pieces(s3.engine.clone(), keys.clone(), parts));
    let pieces = pieces.map(move |piece| {
        let _held = &reading;
        piece.map_err(std::io::Error::other)
    });
    Ok(ByteStream::new(pieces).with_length(length))
}

/// Parts of extents, one after the other, each opened when the one before is at its end.
fn pieces(
    engine: ObjectEngine,
    keys: ContentKeys,
    parts: Vec<(Extent, Range<u64>)>,
) -> BoxStream<'static, Result<Bytes, EngineError>> {
    let readers = iter(parts).then(move |(extent, within)| {
        let (engine, keys) = (engine.clone(), keys.clone());
        async move { Ok::<_, EngineError>(engine.read(&extent, &keys, within).await?.into_stream()) }
    });
    readers
        .flat_map(|reader| -> BoxStream<'static, Result<Bytes, EngineError>> {
            match reader {
                Ok(pieces) => pieces.boxed(),
                Err(error) => iter([Err(error)]).boxed(),
            }
        })
        .boxed()
}

/// Short ranges are read before the answer begins, so that damage is an error and not an answer that breaks off.
async fn read_at_once(
    s3: &S3,
    keys: &ContentKeys,
    parts: &[(Extent, Range<u64>)],
    length: u64,
) -> Result<Bytes, Error> {
    let mut gathered: Option<BytesMut> = None;
    for (extent, within) in parts {
        let mut reader = s3.engine.read(extent, keys, within.clone()).await?;
        while let Some(piece) = reader.next().await? {
            if piece.len() as u64 == length {
                return Ok(piece);
            }
            gathered
                .get_or_insert_with(|| BytesMut::with_capacity(length as usize))
                .extend_from_slice(&piece);
        }
    }
    Ok(gathered.unwrap_or_default().freeze())
}

/// Which part of which extents a range is.
fn parts_of(extents: &[Extent], range: &Range<u64>) -> Vec<(Extent, Range<u64>)> {
    let mut parts = Vec::new();
    let mut before = 0;
    for extent in extents {
        let end = before + extent.length;
        if range.start < end && before < range.end {
            let within = range.start.max(before) - before..range.end.min(end) - before;
            parts.push((extent.clone(), within));
        }
        before = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_engine::Place;

    fn extent(pack: u32, length: u64) -> Extent {
        Extent { place: Place::Pack { pack, offset: 0 }, length }
    }

    #[test]
    fn a_range_is_found_in_the_extents_it_crosses() {
        let extents = [extent(1, 10), extent(2, 5), extent(3, 10)];
        let found = |range: Range<u64>| -> Vec<(u64, Range<u64>)> {
            let parts = parts_of(&extents, &range).into_iter();
            parts.map(|(extent, within)| (extent.length, within)).collect()
        };
        assert_eq!(found(0..25), vec![(10, 0..10), (5, 0..5), (10, 0..10)]);
        assert_eq!(found(9..11), vec![(10, 9..10), (5, 0..1)]);
        assert_eq!(found(10..15), vec![(5, 0..5)]);
        assert_eq!(found(24..25), vec![(10, 9..10)]);
        assert!(found(25..25).is_empty());
    }
}
