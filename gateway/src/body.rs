//! Bodies: gathered within limits, streamed to services that take streams, and thrown away when refused.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http::{HeaderMap, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use identity::post_policy::FormError;
use identity::sigv4::{AuthError, PayloadVerifier};
use parking_lot::Mutex;
use schema::{ByteStream, LateTrailers};
use service::Tasks;

use crate::connection::InFlight;
use crate::limits::{DISCARD_TIME_MAX, DISCARDED_BYTES_MAX};

/// Why a body could not be had.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    Paused,
    /// The connection ended, or the framing is wrong.
    Broken,
}

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    pub bytes_max: usize,
    pub pause_max: Duration,
}

/// A request's body, or what is left of it.
///
/// When it is dropped before its end, the rest is read and thrown away, so that the client is not cut off while it
/// still writes and gets to read the answer. Only a client that waits for leave to send is left waiting.
pub(crate) struct Unread {
    body: Option<Incoming>,
    /// The client sends nothing before it is told `100 Continue`, which happens when reading begins.
    waits: bool,
    tasks: Tasks,
}

impl Unread {
    pub fn new(body: Incoming, headers: &HeaderMap, tasks: &Tasks) -> Unread {
        let expect = headers.get(header::EXPECT);
        let waits = expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        Unread { body: Some(body), waits, tasks: tasks.clone() }
    }

    /// Hands the body on.
    pub fn take(&mut self) -> Unread {
        Unread { body: self.body.take(), waits: self.waits, tasks: self.tasks.clone() }
    }

    /// Its length, where it was announced.
    pub fn announced(&self) -> Option<u64> {
        self.body.as_ref().map_or(Some(0), |body| body.size_hint().exact())
    }

    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Gathers the body. One that arrives in one piece is not copied.
    pub async fn gather(&mut self, limits: BodyLimits) -> Result<Bytes, BodyError> {
        let announced = self.announced();
        if announced == Some(0) {
            return Ok(Bytes::new());
        }
        if announced.is_some_and(|bytes| bytes > limits.bytes_max as u64) {
            return Err(BodyError::TooLarge);
        }
        let first = self.next(limits.pause_max).await?.unwrap_or_default();
        if announced == Some(first.len() as u64) {
            return Ok(first);
        }
        // What is announced may never come, so the buffer grows with what arrives.
        let mut whole = BytesMut::from(first);
        while let Some(piece) = self.next(limits.pause_max).await? {
            if whole.len() + piece.len() > limits.bytes_max {
                return Err(BodyError::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// The next piece of data; trailers are of no interest.
    async fn next(&mut self, pause_max: Duration) -> Result<Option<Bytes>, BodyError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        self.waits = false;
        loop {
            let frame = tokio::time::timeout(pause_max, body.frame()).await.map_err(|_| BodyError::Paused)?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(BodyError::Broken),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream() && !self.waits) {
            self.tasks.spawn(discard(body));
        }
    }
}

async fn discard(mut body: Incoming) {
    let read = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
            if left == 0 {
                break;
            }
        }
    };
    // A body that takes longer is dropped, and its connection with it.
    drop(tokio::time::timeout(DISCARD_TIME_MAX, read).await);
}

/// Why a streamed body broke off; set before the service sees its end.
#[derive(Clone, Default)]
pub(crate) struct StreamOutcome(Arc<Mutex<Option<StreamError>>>);

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("the client stopped sending")]
    Paused,
    #[error("the body ended early")]
    Broken,
    #[error(transparent)]
    Signature(#[from] AuthError),
    /// It is a form, or the file in one, and that is wrong.
    #[error("the form is not as it shall be: {0:?}")]
    Form(FormError),
}

impl StreamOutcome {
    pub fn error(&self) -> Option<StreamError> {
        self.0.lock().clone()
    }

    /// The first error counts.
    pub fn note(&self, error: StreamError) {
        self.0.lock().get_or_insert(error);
    }
}

/// A body for a service that reads it piece by piece. Its signature is checked as it comes, and the end arrives
/// only when it is right and all of it was there.
pub(crate) fn stream(
    body: Unread,
    verifier: PayloadVerifier,
    pause_max: Duration,
) -> (ByteStream, StreamOutcome) {
    let outcome = StreamOutcome::default();
    let length = verifier.decoded_bytes().or(body.announced());
    let trailers = LateTrailers::announcing(verifier.announced_trailers().to_vec());
    let state = Streaming {
        body,
        verifier: Some(verifier),
        pause_max,
        outcome: outcome.clone(),
        ready: Vec::new(),
        left: length,
        trailers: trailers.clone(),
    };
    let chunks = futures_util::stream::unfold(state, |mut state| async move {
        let item = state.next().await?;
        if let Err(error) = &item {
            state.outcome.note(error.clone());
        }
        Some((item.map_err(std::io::Error::other), state))
    });
    let stream = ByteStream::new(chunks.fuse()).with_trailers(trailers);
    (length.into_iter().fold(stream, ByteStream::with_length), outcome)
}

struct Streaming {
    body: Unread,
    /// Taken at the end.
    verifier: Option<PayloadVerifier>,
    pause_max: Duration,
    outcome: StreamOutcome,
    /// Payload that is ready, the last piece first.
    ready: Vec<Bytes>,
    /// What is yet to come of a payload whose length was announced.
    left: Option<u64>,
    trailers: LateTrailers,
}

impl Streaming {
    async fn next(&mut self) -> Option<Result<Bytes, StreamError>> {
        loop {
            if let Some(piece) = self.ready.pop() {
                if let Some(left) = self.left {
                    let Some(left) = left.checked_sub(piece.len() as u64) else {
                        return Some(Err(self.fail(StreamError::Broken)));
                    };
                    self.left = Some(left);
                }
                return Some(Ok(piece));
            }
            let verifier = self.verifier.as_mut()?;
            let failed = match self.body.next(self.pause_max).await {
                Ok(Some(piece)) => {
                    let ready = &mut self.ready;
                    let pushed = verifier.push(piece, &mut |payload| ready.push(payload));
                    self.ready.reverse();
                    match pushed {
                        Ok(()) => continue,
                        Err(error) => error.into(),
                    }
                }
                Ok(None) => match self.verifier.take()?.finish() {
                    Ok(_) if self.left.is_some_and(|left| left > 0) => StreamError::Broken,
                    Ok(trailers) => {
                        self.trailers.set(trailers.0);
                        return None;
                    }
                    Err(error) => error.into(),
                },
                Err(BodyError::Paused) => StreamError::Paused,
                Err(_) => StreamError::Broken,
            };
            return Some(Err(self.fail(failed)));
        }
    }

    /// Nothing comes after an error.
    fn fail(&mut self, error: StreamError) -> StreamError {
        self.verifier = None;
        self.ready.clear();
        error
    }
}

/// The body of a response. It counts as a request under way until it is written or given up.
pub(crate) struct ReplyBody {
    content: Content,
    _in_flight: Option<InFlight>,
}

enum Content {
    Whole(Bytes),
    /// With what is left of a length that is known.
    Stream(BoxStream<'static, Result<Bytes, std::io::Error>>, Option<u64>),
}

impl ReplyBody {
    pub fn new(body: wire::Body, in_flight: Option<InFlight>) -> ReplyBody {
        let content = match body {
            wire::Body::Bytes(bytes) => Content::Whole(bytes),
            wire::Body::Stream(stream) => match stream.whole() {
                Some(bytes) => Content::Whole(bytes),
                None => Content::Stream(stream.take(), stream.length()),
            },
        };
        ReplyBody { content, _in_flight: in_flight }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match &mut self.get_mut().content {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Stream(chunks, left) => chunks.as_mut().poll_next(context).map_ok(|piece| {
                *left = left.map(|left| left.saturating_sub(piece.len() as u64));
                Frame::data(piece)
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(_, Some(left)) => SizeHint::with_exact(*left),
            Content::Stream(_, None) => SizeHint::default(),
        }
    }
}
