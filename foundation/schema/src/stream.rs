//! Bodies that are not held in memory: byte streams and event streams.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::{Fault, Structure};

type BytesResult = Result<Bytes, std::io::Error>;

/// A streaming body. Clones share one stream, which can be taken once.
///
/// A body that was announced with a length ends in an error if it is shorter or longer: whoever makes the stream sees
/// to that, so that a clean end means that all of it came.
#[derive(Clone)]
pub struct ByteStream(Arc<Shared>);

struct Shared {
    body: Mutex<Body>,
    length: Option<u64>,
    trailers: LateTrailers,
}

enum Body {
    Empty,
    Whole(Bytes),
    Chunks(BoxStream<'static, BytesResult>),
}

/// The headers that follow a body. Whoever makes the stream sets them before its end.
#[derive(Clone, Debug, Default)]
pub struct LateTrailers(Arc<Trailers>);

#[derive(Debug, Default)]
struct Trailers {
    announced: Vec<String>,
    values: OnceLock<Vec<(String, String)>>,
}

impl LateTrailers {
    /// Trailers of which it is known beforehand which there will be.
    pub fn announcing(names: Vec<String>) -> LateTrailers {
        LateTrailers(Arc::new(Trailers { announced: names, values: OnceLock::new() }))
    }

    /// Names are in lower case. Only the first call counts.
    pub fn set(&self, trailers: Vec<(String, String)>) {
        drop(self.0.values.set(trailers));
    }
}

impl ByteStream {
    pub fn new(chunks: impl Stream<Item = BytesResult> + Send + 'static) -> ByteStream {
        ByteStream::of(Body::Chunks(chunks.boxed()), None)
    }

    fn of(body: Body, length: Option<u64>) -> ByteStream {
        ByteStream(Arc::new(Shared { body: Mutex::new(body), length, trailers: LateTrailers::default() }))
    }

    /// Says how many bytes there will be.
    ///
    /// # Panics
    /// If the stream is shared already.
    #[must_use]
    pub fn with_length(mut self, length: u64) -> ByteStream {
        self.unshared().length = Some(length);
        self
    }

    /// Says where the trailers will be.
    ///
    /// # Panics
    /// If the stream is shared already.
    #[must_use]
    pub fn with_trailers(mut self, trailers: LateTrailers) -> ByteStream {
        self.unshared().trailers = trailers;
        self
    }

    fn unshared(&mut self) -> &mut Shared {
        Arc::get_mut(&mut self.0).expect("a stream is described before it is shared")
    }

    /// How many bytes the whole body has, where that is known beforehand; also after it was taken.
    pub fn length(&self) -> Option<u64> {
        self.0.length
    }

    /// The headers that followed the body, verified, with names in lower case; nothing before the stream has ended.
    pub fn trailers(&self) -> &[(String, String)] {
        self.0.trailers.0.values.get().map_or(&[], Vec::as_slice)
    }

    /// Which headers will follow the body, in lower case, where that is known beforehand.
    pub fn announced_trailers(&self) -> &[String] {
        &self.0.trailers.0.announced
    }

    /// The whole body, where it is at hand; `None` where it streams.
    pub fn whole(&self) -> Option<Bytes> {
        match &*self.lock() {
            Body::Empty => Some(Bytes::new()),
            Body::Whole(bytes) => Some(bytes.clone()),
            Body::Chunks(_) => None,
        }
    }

    /// Takes the stream out; a second taker finds it empty.
    pub fn take(&self) -> Pin<Box<dyn Stream<Item = BytesResult> + Send>> {
        match std::mem::replace(&mut *self.lock(), Body::Empty) {
            Body::Empty => futures_util::stream::empty().boxed(),
            Body::Whole(bytes) => futures_util::stream::iter([Ok(bytes)]).boxed(),
            Body::Chunks(chunks) => chunks,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Body> {
        self.0.body.lock().expect("no code panics while it holds this lock")
    }
}

/// An empty body.
impl Default for ByteStream {
    fn default() -> ByteStream {
        ByteStream::of(Body::Empty, Some(0))
    }
}

impl From<Bytes> for ByteStream {
    fn from(bytes: Bytes) -> ByteStream {
        let length = Some(bytes.len() as u64);
        ByteStream::of(if bytes.is_empty() { Body::Empty } else { Body::Whole(bytes) }, length)
    }
}

/// Two handles are equal when they share one stream, or hold the same bytes.
impl PartialEq for ByteStream {
    fn eq(&self, other: &ByteStream) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        let (one, two) = (self.whole(), other.whole());
        one.is_some() && one == two
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole() {
            Some(bytes) => write!(f, "ByteStream({} bytes)", bytes.len()),
            None => f.write_str("ByteStream(streaming)"),
        }
    }
}

/// Events as a protocol writes them; the outer error is a stream that is not there.
pub type EventStream = Result<BoxStream<'static, Result<Box<dyn Structure>, Fault>>, Fault>;

/// One event as it arrived, which reads itself into a value of the stream's union.
pub type IncomingEvent = Box<dyn FnOnce(&mut dyn Structure) -> Result<(), Fault> + Send>;

/// Events as a protocol reads them. An exception among them is an error, and ends the stream.
pub type IncomingEvents = BoxStream<'static, Result<IncomingEvent, Fault>>;

/// A stream of the events of one union, as a service's output holds it. Taken once, by the protocol.
pub struct Events<T>(Arc<Mutex<Option<TypedEvents<T>>>>);

type TypedEvents<T> = BoxStream<'static, Result<T, Fault>>;

impl<T: Structure> Events<T> {
    pub fn new(events: impl Stream<Item = Result<T, Fault>> + Send + 'static) -> Events<T> {
        Events(Arc::new(Mutex::new(Some(events.boxed()))))
    }

    pub fn take(&self) -> Option<BoxStream<'static, Result<Box<dyn Structure>, Fault>>> {
        let taken = self.0.lock().expect("no code panics while it holds this lock").take();
        taken.map(|events| {
            events.map(|event| event.map(|event| Box::new(event) as Box<dyn Structure>)).boxed()
        })
    }
}

impl<T> Clone for Events<T> {
    fn clone(&self) -> Self {
        Events(Arc::clone(&self.0))
    }
}

impl<T> Default for Events<T> {
    fn default() -> Self {
        Events(Arc::new(Mutex::new(None)))
    }
}

impl<T> PartialEq for Events<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_knows_its_length_before_and_its_trailers_after() {
        let late = LateTrailers::announcing(vec!["x-amz-checksum-crc32".to_owned()]);
        let pieces = futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]);
        let stream = ByteStream::new(pieces).with_length(3).with_trailers(late.clone());
        let clone = stream.clone();
        drop(stream.take());
        assert_eq!((clone.length(), clone.trailers()), (Some(3), &[][..]));
        assert_eq!(clone.announced_trailers(), ["x-amz-checksum-crc32"]);
        late.set(vec![("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())]);
        assert_eq!(clone.trailers()[0].1, "AAAAAA==");
        assert_eq!(ByteStream::from(Bytes::from_static(b"ab")).length(), Some(2));
        assert_eq!(ByteStream::default().length(), Some(0));
        assert_eq!(ByteStream::new(futures_util::stream::empty()).length(), None);
    }
}
