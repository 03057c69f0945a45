//! Taking a body in: it is hashed and written at the same time as the next of it is read, and what turns out not to be
//! what was declared is dropped with all that was written.
//!
//! Short bodies take a short way: one piece, hashed where it arrives, and one write that shares its sync with others.

use bytes::Bytes;
use futures_util::future::try_join3;
use object_engine::{Draft, Writer};
use schema::ByteStream;
use tokio::task::spawn_blocking;

use super::declared::Declared;
use super::encryption::Settled;
use super::hashing::{Hashed, Hashes};
use super::lots::Lots;
use crate::S3;
use crate::error::Error;
use crate::limits::{HASH_INLINE_BYTES_MAX, PACKED_BYTES_MAX};
use crate::model::checksum::Checksum;
use crate::model::etag::ETag;
use crate::records::Content;

/// A body that is on the disk. It belongs to nobody yet: dropped before [`Received::keep`], it is gone.
#[derive(Debug)]
pub struct Received {
    /// Without its extents, until they are kept.
    pub content: Content,
    /// In bytes.
    pub size: u64,
    /// The bytes of the entity tag: the content's MD5 or, where that must not show, random ones.
    pub md5: [u8; 16],
    pub etag: ETag,
    pub checksum: Option<Checksum>,
    /// What was to be computed besides.
    pub besides: Option<Checksum>,
    draft: Option<Draft>,
}

impl Received {
    /// The extents are ours from here on. To be called right before the transaction that refers to them; what is
    /// neither referred to nor freed after this is found by the sweep.
    pub fn keep(&mut self) {
        if let Some(draft) = self.draft.take() {
            self.content.extents.push(draft.keep());
        }
    }

    /// Gives the room back after the transaction has definitely failed.
    pub async fn free(mut self, s3: &S3) {
        drop(self.draft.take());
        if !self.content.extents.is_empty()
            && let Err(error) = s3.engine.free(&self.content.extents).await
        {
            tracing::warn!(%error, "content that was not needed after all is left for the sweep");
        }
    }
}

pub async fn receive(
    s3: &S3,
    settled: &Settled,
    declared: &Declared,
    body: &ByteStream,
) -> Result<Received, Error> {
    let needs_md5 = settled.has_md5_tags() || declared.has_md5();
    let hashes = Hashes::new(needs_md5, Some(declared.algorithm())).and(declared.besides());
    let announced = body.length();
    let is_short = announced.is_some_and(|length| length <= PACKED_BYTES_MAX);
    let mut lots = Lots::new(body);
    let (taken, hashes) = match is_short {
        true => take_short(s3, &mut lots, hashes).await?,
        false => {
            let writer = s3.engine.create(&settled.keys).expecting(announced.unwrap_or_default());
            write_long(s3, writer, &mut lots, hashes).await?
        }
    };
    let Hashed { md5, checksum, besides } = hashes.finish();
    let checksum = Some(declared.check(md5, checksum, body.trailers())?);
    let draft = match taken {
        Taken::Short(bytes) if bytes.is_empty() => None,
        Taken::Short(bytes) => Some(s3.engine.put(&settled.keys, bytes).await?),
        Taken::Long(writer) => Some(writer.finish().await?),
    };
    let md5 = md5.filter(|_| settled.has_md5_tags()).unwrap_or_else(|| s3.ids.bytes());
    let content = Content { extents: Vec::new(), encryption: settled.encryption.clone() };
    Ok(Received { content, size: lots.bytes(), md5, etag: ETag::Whole(md5), checksum, besides, draft })
}

/// What came of a body, before it is known to be what was declared.
enum Taken {
    Short(Bytes),
    Long(Writer),
}

async fn take_short(s3: &S3, lots: &mut Lots, hashes: Hashes) -> Result<(Taken, Hashes), Error> {
    let bytes = lots.all().await?;
    let hashes = hash(s3, hashes, vec![bytes.clone()], bytes.len()).await?;
    Ok((Taken::Short(bytes), hashes))
}

/// Writes and hashes a lot while the next is read.
async fn write_long(
    s3: &S3,
    mut writer: Writer,
    lots: &mut Lots,
    mut hashes: Hashes,
) -> Result<(Taken, Hashes), Error> {
    let mut lot = lots.next().await?;
    while !lot.is_empty() {
        let length = lot.iter().map(Bytes::len).sum();
        let hashing = hash(s3, hashes, lot.clone(), length);
        let writing = async {
            for piece in lot {
                writer.write(piece).await?;
            }
            Ok(())
        };
        (lot, hashes, ()) = try_join3(lots.next(), hashing, writing).await?;
    }
    Ok((Taken::Long(writer), hashes))
}

/// On another thread, if it takes longer than going there.
async fn hash(s3: &S3, mut hashes: Hashes, pieces: Vec<Bytes>, length: usize) -> Result<Hashes, Error> {
    let update = move || {
        pieces.iter().for_each(|piece| hashes.update(piece));
        // The pieces come back, so that they are freed by those who allocate the next ones.
        (hashes, pieces)
    };
    if length <= HASH_INLINE_BYTES_MAX {
        return Ok(update().0);
    }
    let _permit = s3.hashing.acquire().await.expect("nobody closes it");
    let (hashes, _pieces) = spawn_blocking(update).await.map_err(|error| Error::Internal(error.into()))?;
    Ok(hashes)
}
