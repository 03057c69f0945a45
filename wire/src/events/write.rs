//! Writes events as frames.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::DateTime;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base::Timestamp;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use schema::{
    ByteStream, Document, Entries, EventStream, Fault, Items, Kind, Member, Protocol, Shape, Structure,
    Writer,
};

use super::is_stream;
use crate::fault::{is_further, message_name};
use crate::format::Format;
use crate::message::Body;
use crate::rest::PayloadWriter;
use crate::{cbor, json, text};

/// The body of an RPC protocol: the other members in a first event, then the events.
pub(crate) fn write_rpc(protocol: Protocol, output: &dyn Structure, initial: &'static str) -> Body {
    let format = Format::of(protocol);
    let payload = format.write("", None, output, |member| !is_stream(member));
    let first =
        frame(vec![text_header(":event-type", initial)], format.content_type(), payload.into(), "event");
    let mut streams = Vec::new();
    output.visit(&mut |member, value| {
        if is_stream(member) {
            streams.push(PayloadWriter::write(value, member, format).0.to_stream());
        }
    });
    let events = futures_util::stream::iter(streams).flat_map(|stream| stream.take());
    ByteStream::new(futures_util::stream::iter([Ok(first)]).chain(events)).into()
}

/// The frames of a stream of events.
pub(crate) fn write(format: Format, union: &'static Shape, events: EventStream) -> ByteStream {
    match events {
        Ok(events) => ByteStream::new(events.map(move |event| {
            Ok(match event {
                Ok(event) => event_frame(format, event.as_ref()),
                Err(fault) => fault_frame(format, union, &fault),
            })
        })),
        Err(fault) => ByteStream::from(fault_frame(format, union, &fault)),
    }
}

fn event_frame(format: Format, event: &dyn Structure) -> Bytes {
    let mut encoded = Bytes::new();
    event.visit(&mut |member, value| {
        let mut to = EventWriter { format, headers: Vec::new(), payload: None, header: None };
        value.write(&mut to, member);
        to.headers.insert(0, text_header(":event-type", member.wire_name));
        let (payload, content_type) = to.payload.unwrap_or_default();
        encoded = frame(to.headers, content_type, payload, "event");
    });
    encoded
}

fn fault_frame(format: Format, union: &'static Shape, fault: &Fault) -> Bytes {
    let modelled =
        union.members().iter().find(|member| [member.name, member.shape.name].contains(&fault.name()));
    let Some(member) = modelled else {
        let headers =
            vec![text_header(":error-code", fault.code()), text_header(":error-message", fault.message())];
        return frame(headers, "", Bytes::new(), "error");
    };
    let payload = match format {
        Format::Cbor => cbor::write_fault(fault.name(), fault),
        Format::Json | Format::Xml => {
            let mut out = Vec::new();
            let mut to = json::JsonWriter { out: &mut out };
            match fault.detail() {
                Some(detail) => to.members(detail, is_further),
                None => to.out.extend_from_slice(b"{}"),
            }
            to.insert(message_name(fault.detail()), fault.message());
            out
        }
    };
    let content_type = if format == Format::Cbor { format } else { Format::Json }.content_type();
    frame(vec![text_header(":exception-type", member.wire_name)], content_type, payload.into(), "exception")
}

fn text_header(name: &'static str, value: &str) -> Header {
    /// What the length of a header's value, two bytes with the sign unused, can say.
    const HEADER_VALUE_BYTES_MAX: usize = 32_767;
    let mut end = value.len().min(HEADER_VALUE_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    Header::new(name, HeaderValue::String(value[..end].to_owned().into()))
}

fn frame(mut headers: Vec<Header>, content_type: &'static str, payload: Bytes, kind: &'static str) -> Bytes {
    if !content_type.is_empty() {
        headers.push(text_header(":content-type", content_type));
    }
    headers.push(text_header(":message-type", kind));
    let mut encoded = BytesMut::new();
    match write_message_to(&Message::new_from_parts(headers, payload), &mut encoded) {
        Ok(()) => encoded.freeze(),
        // Only a header or a payload beyond the frame's own limits gets here; the client must learn of it.
        Err(error) => {
            let mut encoded = BytesMut::new();
            let headers = vec![
                text_header(":error-code", "InternalFailure"),
                text_header(":error-message", &error.to_string()),
                text_header(":message-type", "error"),
            ];
            write_message_to(&Message::new_from_parts(headers, Bytes::new()), &mut encoded)
                .expect("a frame of three short headers fits");
            encoded.freeze()
        }
    }
}

/// Writes one event, which is a structure, and the members of it that are headers.
struct EventWriter {
    format: Format,
    headers: Vec<Header>,
    payload: Option<(Bytes, &'static str)>,
    header: Option<HeaderValue>,
}

fn in_event_document(member: &Member) -> bool {
    !member.event_header && !member.event_payload
}

impl Writer for EventWriter {
    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        let shape = value.shape();
        if shape.members().iter().any(in_event_document) && !shape.members().iter().any(|m| m.event_payload) {
            let payload = self.format.write(shape.name, None, value, in_event_document);
            self.payload = Some((payload.into(), self.format.content_type()));
        }
        value.visit(&mut |member, value| {
            if member.event_payload {
                let (body, content_type) = PayloadWriter::write(value, member, self.format);
                let bytes = body.whole().expect("the payload of an event does not stream");
                self.payload = Some((bytes, content_type));
            } else if member.event_header {
                value.write(self, member);
                if let Some(header) = self.header.take() {
                    self.headers.push(Header::new(member.wire_name, header));
                }
            }
        });
    }

    fn null(&mut self, _: &'static Member) {}

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.header = Some(HeaderValue::Bool(value));
    }

    fn integer(&mut self, at: &'static Member, value: i64) {
        self.header = Some(match (&at.shape.kind, i32::try_from(value)) {
            (Kind::Integer, Ok(value)) => HeaderValue::Int32(value),
            _ => HeaderValue::Int64(value),
        });
    }

    fn float(&mut self, at: &'static Member, value: f32) {
        self.string(at, &text::format_float(value));
    }

    fn double(&mut self, at: &'static Member, value: f64) {
        self.string(at, &text::format_double(value));
    }

    fn string(&mut self, _: &'static Member, value: &str) {
        self.header = Some(HeaderValue::String(value.to_owned().into()));
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.header = Some(HeaderValue::ByteArray(Bytes::copy_from_slice(value)));
    }

    fn timestamp(&mut self, _: &'static Member, value: Timestamp) {
        self.header = Some(HeaderValue::Timestamp(DateTime::from_millis(value.as_millis())));
    }

    fn document(&mut self, at: &'static Member, value: &Document) {
        self.string(at, &value.to_string());
    }

    fn list(&mut self, at: &'static Member, _: Items<'_>) {
        unreachable!("the models put no list where {} is", at.name);
    }

    fn map(&mut self, at: &'static Member, _: Entries<'_>) {
        unreachable!("the models put no map where {} is", at.name);
    }

    fn stream(&mut self, at: &'static Member, _: &ByteStream) {
        unreachable!("the models put no stream where {} is", at.name);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("the models put no events where {} is", at.name);
    }
}
