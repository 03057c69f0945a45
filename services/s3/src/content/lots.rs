//! Reading a body in lots: what is worth a visit to another thread, and no more than an upload may hold in memory.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::stream::Fuse;
use futures_util::{Stream, StreamExt};
use object_engine::EngineError;
use schema::ByteStream;

use super::declared::too_large;
use crate::error::{Error, INCOMPLETE_BODY};
use crate::limits::{LOT_BYTES, PUT_BYTES_MAX};

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, std::io::Error>> + Send>>;

pub struct Lots {
    pieces: Fuse<Pieces>,
    /// What the sender said, where it did.
    announced: Option<u64>,
    /// So far.
    bytes: u64,
}

impl Lots {
    pub fn new(body: &ByteStream) -> Lots {
        Lots { announced: body.length(), pieces: body.take().fuse(), bytes: 0 }
    }

    /// So far; all of it, once the end was met.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next pieces, together about a lot; none at the end.
    pub async fn next(&mut self) -> Result<Vec<Bytes>, Error> {
        let mut lot = Vec::new();
        let mut lot_bytes = 0;
        while lot_bytes < LOT_BYTES
            && let Some(piece) = self.piece().await?
        {
            lot_bytes += piece.len();
            lot.push(piece);
        }
        Ok(lot)
    }

    /// All of a body that is known to be short. One that arrives in one piece is not copied.
    pub async fn all(&mut self) -> Result<Bytes, Error> {
        let first = self.piece().await?.unwrap_or_default();
        if self.announced == Some(self.bytes) {
            return match self.piece().await? {
                None => Ok(first),
                Some(_) => Err(self.differs()),
            };
        }
        let mut whole = BytesMut::from(first);
        while let Some(piece) = self.piece().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// The next piece that has bytes; nothing at the end, which is where it must be.
    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.pieces.next().await {
                None if self.announced.is_some_and(|announced| announced != self.bytes) => {
                    return Err(self.differs());
                }
                None => return Ok(None),
                Some(Err(error)) => return Err(broken(error)),
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.bytes += piece.len() as u64;
                    if self.announced.is_some_and(|announced| self.bytes > announced) {
                        return Err(self.differs());
                    }
                    if self.bytes > PUT_BYTES_MAX {
                        return Err(too_large(self.bytes));
                    }
                    return Ok(Some(piece));
                }
            }
        }
    }

    fn differs(&self) -> Error {
        let error = Error::new(&INCOMPLETE_BODY);
        let expected = self.announced.unwrap_or_default().to_string();
        error.with("NumberBytesExpected", expected).with("NumberBytesProvided", self.bytes.to_string())
    }
}

/// A body that breaks off is its sender's fault, unless it is content of ours that is being copied.
fn broken(error: std::io::Error) -> Error {
    let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<EngineError>());
    match ours {
        Some(ours) => ours.clone().into(),
        None => Error::new(&INCOMPLETE_BODY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::iter;

    fn body(pieces: &[&'static [u8]], length: u64) -> ByteStream {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        ByteStream::new(iter(pieces)).with_length(length)
    }

    #[tokio::test]
    async fn a_body_has_the_length_that_was_announced() {
        for pieces in [&[&b"abc"[..], b"def"][..], &[b"", b"abcdef", b""], &[b"a", b"", b"bcdef"]] {
            assert_eq!(Lots::new(&body(pieces, 6)).all().await.unwrap(), "abcdef");
            assert_eq!(Lots::new(&body(pieces, 6)).next().await.unwrap().concat(), b"abcdef");
            for wrong in [0, 3, 5, 7] {
                assert!(Lots::new(&body(pieces, wrong)).all().await.unwrap_err().is(&INCOMPLETE_BODY));
            }
        }
        assert!(Lots::new(&ByteStream::default()).all().await.unwrap().is_empty());
    }

    /// A stream may panic when it is asked again after its end.
    #[tokio::test]
    async fn a_body_is_not_asked_again_after_its_end() {
        let once = |length| {
            let piece = futures_util::stream::unfold(length > 0, |left| async move {
                left.then(|| (Ok(Bytes::from_static(b"abc")), false))
            });
            ByteStream::new(piece).with_length(length)
        };
        assert!(Lots::new(&once(0)).all().await.unwrap().is_empty());
        assert_eq!(Lots::new(&once(3)).all().await.unwrap(), "abc");
        let mut lots = Lots::new(&once(3));
        assert_eq!(lots.next().await.unwrap().concat(), b"abc");
        assert!(lots.next().await.unwrap().is_empty() && lots.next().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_lot_is_not_much_more_than_it_should_be() {
        let piece = Bytes::from(vec![7; LOT_BYTES / 3 + 1]);
        let pieces: Vec<_> = (0..7).map(|_| Ok(piece.clone())).collect();
        let mut lots = Lots::new(&ByteStream::new(iter(pieces)));
        let mut sizes = Vec::new();
        loop {
            let lot = lots.next().await.unwrap();
            if lot.is_empty() {
                break;
            }
            sizes.push(lot.len());
        }
        assert_eq!((sizes, lots.bytes()), (vec![3, 3, 1], 7 * piece.len() as u64));
    }
}
