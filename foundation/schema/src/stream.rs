//! Bodies that are not held in memory: byte streams and event streams.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::{Fault, Structure};

type BytesResult = Result<Bytes, std::io::Error>;

/// A streaming body. Clones share one stream, which can be taken once.
#[derive(Clone, Default)]
pub struct ByteStream(Arc<Mutex<Body>>);

#[derive(Default)]
enum Body {
    #[default]
    Empty,
    Whole(Bytes),
    Chunks(BoxStream<'static, BytesResult>),
}

impl ByteStream {
    pub fn new(chunks: impl Stream<Item = BytesResult> + Send + 'static) -> ByteStream {
        ByteStream(Arc::new(Mutex::new(Body::Chunks(chunks.boxed()))))
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
        match std::mem::take(&mut *self.lock()) {
            Body::Empty => futures_util::stream::empty().boxed(),
            Body::Whole(bytes) => futures_util::stream::iter([Ok(bytes)]).boxed(),
            Body::Chunks(chunks) => chunks,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Body> {
        self.0.lock().expect("no code panics while it holds this lock")
    }
}

impl From<Bytes> for ByteStream {
    fn from(bytes: Bytes) -> ByteStream {
        ByteStream(Arc::new(Mutex::new(if bytes.is_empty() { Body::Empty } else { Body::Whole(bytes) })))
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
