//! Reads frames as events.

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::{HeaderValue, Message};
use base::Timestamp;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Fault, IncomingEvent, IncomingEvents, Kind, Malformed,
    Member, Notes, Protocol, Reader, Shape, read_members,
};

use super::is_stream;
use crate::fault::read::{Received, received};
use crate::format::Format;
use crate::limits::EVENT_FRAME_BYTES_MAX;
use crate::message::Body;
use crate::rest::{Part, PartReader};
use crate::shared::{Shared, Take};

/// One frame of an event stream.
#[derive(Clone, Debug)]
pub struct Frame(Message);

/// Takes the first frame off the front of `bytes`; nothing if it has not arrived as a whole.
///
/// # Errors
/// If what is there cannot become a frame: it claims too great a length, or a checksum is wrong.
pub fn decode(bytes: &mut BytesMut) -> Result<Option<Frame>, Malformed> {
    let Some(length) = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize) else {
        return Ok(None);
    };
    if !(FRAME_BYTES_MIN..=EVENT_FRAME_BYTES_MAX).contains(&length) {
        return Err(Malformed(format!("a frame cannot have {length} bytes")));
    }
    if bytes.len() < length {
        return Ok(None);
    }
    let message = read_message_from(bytes.split_to(length).freeze());
    message.map(|message| Some(Frame(message))).map_err(|error| Malformed(error.to_string()))
}

/// The lengths and the checksums alone.
const FRAME_BYTES_MIN: usize = 16;

impl Frame {
    /// A header that is text, such as `:event-type`.
    pub fn header(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            HeaderValue::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    pub fn payload(&self) -> &Bytes {
        self.0.payload()
    }

    fn value(&self, name: &str) -> Option<&HeaderValue> {
        self.0.headers().iter().find(|header| header.name().as_str() == name).map(|header| header.value())
    }
}

/// The events of a body as they arrive.
pub(crate) fn read(format: Format, union: &'static Shape, body: ByteStream) -> IncomingEvents {
    let state = (body.take(), BytesMut::new(), false);
    let events = futures_util::stream::unfold(state, move |(mut chunks, mut buffer, ended)| async move {
        if ended {
            return None;
        }
        loop {
            let next = match decode(&mut buffer) {
                Ok(Some(frame)) => event(format, union, frame),
                Ok(None) => match chunks.next().await {
                    Some(Ok(chunk)) => {
                        buffer.extend_from_slice(&chunk);
                        continue;
                    }
                    Some(Err(error)) => Err(Fault::internal(error)),
                    None if buffer.is_empty() => return None,
                    None => Err(bad_frame("the stream ends inside of a frame")),
                },
                Err(Malformed(text)) => Err(bad_frame(text)),
            };
            let failed = next.is_err();
            return Some((next, (chunks, buffer, failed)));
        }
    });
    events.boxed()
}

fn bad_frame(text: impl Into<String>) -> Fault {
    Fault::custom("SerializationException", 400, text.into())
}

/// What a frame means: an event that waits to be read, or a failure.
fn event(format: Format, union: &'static Shape, frame: Frame) -> Result<IncomingEvent, Fault> {
    match frame.header(":message-type") {
        Some("event") => {}
        Some("exception") => {
            let name = frame.header(":exception-type").unwrap_or("InternalFailure").to_owned();
            let Received { message, .. } = received(format, frame.payload()).unwrap_or_default();
            return Err(Fault::custom(name, 400, message.unwrap_or_default()));
        }
        _ => {
            let code = frame.header(":error-code").unwrap_or("InternalFailure").to_owned();
            return Err(Fault::custom(code, 500, frame.header(":error-message").unwrap_or_default()));
        }
    }
    let name = frame.header(":event-type").unwrap_or_default();
    if union.member_by_wire_name(name).is_none() {
        return Err(bad_frame(format!("{} has no event named {name}", union.name)));
    }
    Ok(Box::new(move |into| {
        let mut shared = Shared::default();
        let mut reader = FrameReader { format, frame: &frame, at: At::Union, shared: &mut shared };
        let read = read_members(into, &mut reader, None);
        // An event has no constraint that a service checks; an unreadable one ends the stream.
        shared.finish(read).map(drop).map_err(|malformed| bad_frame(malformed.to_string()))
    }))
}

/// Reads the body of an RPC protocol: the first event holds the other members, the rest is the stream.
pub(crate) fn read_rpc(
    protocol: Protocol,
    body: &Body,
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), Malformed> {
    let bytes = body.whole().ok_or_else(|| {
        Malformed("the first event has to be at hand before this protocol can be read".to_owned())
    })?;
    let mut rest = BytesMut::from(bytes.as_ref());
    let first = decode(&mut rest).map_err(|Malformed(text)| shared.syntax(text))?;
    let first = first.ok_or_else(|| shared.syntax("the stream has no first event"))?;
    let rest = Body::Bytes(rest.freeze());
    let at = At::Initial(&rest);
    take(&mut FrameReader { format: Format::of(protocol), frame: &first, at, shared })
}

/// One frame as a value.
struct FrameReader<'f, 's> {
    format: Format,
    frame: &'f Frame,
    at: At<'f>,
    shared: &'s mut Shared,
}

#[derive(Clone, Copy)]
enum At<'f> {
    /// The union whose member the frame's type names.
    Union,
    /// The event itself.
    Event,
    /// The structure that holds the stream, with the frames that follow.
    Initial(&'f Body),
    /// A header of the event.
    Header(&'f HeaderValue),
}

impl<'f> FrameReader<'f, '_> {
    fn with(&mut self, at: At<'f>, read: Take<'_>) -> Result<(), Malformed> {
        read(&mut FrameReader { format: self.format, frame: self.frame, at, shared: self.shared })
    }

    fn header(&self, at: &'static Member) -> Result<&'f HeaderValue, Malformed> {
        match self.at {
            At::Header(value) => Ok(value),
            _ => Err(mismatch(at)),
        }
    }

    /// Reads the payload as a document of the members that `keep` keeps.
    fn document_members(
        &mut self,
        shape: &'static Shape,
        keep: fn(&Member) -> bool,
        each: Each<'_>,
    ) -> Result<(), Malformed> {
        if self.frame.payload().is_empty() {
            return Ok(());
        }
        self.format.read(self.frame.payload(), self.shared, &mut |from| {
            from.structure(shape, None, &mut |index, from| {
                if keep(&shape.members()[index]) { each(index, from) } else { Ok(()) }
            })
        })
    }

    fn event_members(&mut self, shape: &'static Shape, each: Each<'_>) -> Result<(), Malformed> {
        for (index, member) in shape.members().iter().enumerate().filter(|(_, member)| member.event_header) {
            if let Some(value) = self.frame.value(member.wire_name) {
                self.with(At::Header(value), &mut |from| each(index, from))?;
            }
        }
        let payload = shape.members().iter().enumerate().find(|(_, member)| member.event_payload);
        let Some((index, member)) = payload else {
            return self.document_members(shape, |member| !member.event_header, each);
        };
        if matches!(member.shape.kind, Kind::Blob | Kind::String | Kind::Enum(_)) {
            let body = Body::Bytes(self.frame.payload().clone());
            let part = Part::Body(&body, self.format);
            let timestamps = schema::TimestampFormat::EpochSeconds;
            return each(index, &mut PartReader { part, timestamps, header: false, shared: self.shared });
        }
        if self.frame.payload().is_empty() {
            return Ok(());
        }
        self.format.read(self.frame.payload(), self.shared, &mut |from| each(index, from))
    }
}

fn mismatch(at: &'static Member) -> Malformed {
    Malformed(format!("{} has the wrong type for a header of an event", at.name))
}

impl Reader for FrameReader<'_, '_> {
    fn structure(
        &mut self,
        shape: &'static Shape,
        _: Option<&'static Member>,
        each: Each<'_>,
    ) -> Result<(), Malformed> {
        match self.at {
            At::Union => {
                let name = self.frame.header(":event-type").unwrap_or_default();
                match shape.member_by_wire_name(name) {
                    Some(index) => self.with(At::Event, &mut |from| each(index, from)),
                    None => Ok(()),
                }
            }
            At::Event => self.event_members(shape, each),
            At::Initial(rest) => {
                self.document_members(shape, |member| !is_stream(member), each)?;
                for (index, _) in shape.members().iter().enumerate().filter(|(_, member)| is_stream(member)) {
                    let part = Part::Body(rest, self.format);
                    let timestamps = schema::TimestampFormat::EpochSeconds;
                    each(index, &mut PartReader { part, timestamps, header: false, shared: self.shared })?;
                }
                Ok(())
            }
            At::Header(_) => Err(Malformed(format!("{} cannot be a header of an event", shape.name))),
        }
    }

    fn is_null(&self) -> bool {
        false
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        self.header(at)?.as_bool().map_err(|_| mismatch(at))
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        match self.header(at)? {
            HeaderValue::Byte(value) => Ok(i64::from(*value)),
            HeaderValue::Int16(value) => Ok(i64::from(*value)),
            HeaderValue::Int32(value) => Ok(i64::from(*value)),
            HeaderValue::Int64(value) => Ok(*value),
            _ => Err(mismatch(at)),
        }
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        crate::text::double(&self.string(at)?)
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        match self.header(at)? {
            HeaderValue::String(text) => Ok(text.as_str().to_owned()),
            _ => Err(mismatch(at)),
        }
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        self.header(at)?.as_byte_array().cloned().map_err(|_| mismatch(at))
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        let moment = self.header(at)?.as_timestamp().map_err(|_| mismatch(at))?;
        moment.to_millis().map(Timestamp::from_millis).map_err(|_| mismatch(at))
    }

    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed> {
        serde_json::from_str(&self.string(at)?).map_err(|_| mismatch(at))
    }

    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed> {
        Err(mismatch(at))
    }

    fn list(&mut self, at: &'static Member, _: EachItem<'_>) -> Result<(), Malformed> {
        Err(mismatch(at))
    }

    fn map(&mut self, at: &'static Member, _: EachEntry<'_>) -> Result<(), Malformed> {
        Err(mismatch(at))
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}
