//! Writes the one member that is a whole body.

use base::Timestamp;
use schema::{
    ByteStream, Document, Entries, EventStream, Items, Member, Structure, TimestampFormat, WriteValue, Writer,
};

use crate::format::Format;
use crate::message::Body;
use crate::names::Naming;
use crate::xml::XmlWriter;
use crate::{events, json, text};

pub(crate) struct PayloadWriter {
    format: Format,
    written: Option<(Body, &'static str)>,
}

impl PayloadWriter {
    /// The body and its content type.
    pub fn write(value: &dyn WriteValue, at: &'static Member, format: Format) -> (Body, &'static str) {
        let mut to = PayloadWriter { format, written: None };
        value.write(&mut to, at);
        to.written.unwrap_or_else(|| (Body::empty(), format.content_type()))
    }

    fn text(&mut self, text: &str) {
        self.written = Some((text.as_bytes().to_vec().into(), "text/plain"));
    }

    fn json(&mut self, write: impl FnOnce(&mut json::JsonWriter<'_>)) {
        let mut out = Vec::new();
        write(&mut json::JsonWriter { out: &mut out });
        self.written = Some((out.into(), Format::Json.content_type()));
    }
}

impl Writer for PayloadWriter {
    fn null(&mut self, _: &'static Member) {}

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.text(if value { "true" } else { "false" });
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.text(&value.to_string());
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        self.text(&text::format_float(value));
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        self.text(&text::format_double(value));
    }

    fn string(&mut self, at: &'static Member, value: &str) {
        match (self.format, at.xml_namespace) {
            // A text that has a namespace is an element: S3's GetBucketLocation.
            (Format::Xml, Some(namespace)) => {
                let mut xml = XmlWriter::with_declaration(Naming::Wire);
                xml.text_element_in(at.wire_name, Some(namespace), value);
                self.written = Some((xml.finish().into(), self.format.content_type()));
            }
            _ => self.text(value),
        }
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.written = Some((value.to_vec().into(), "application/octet-stream"));
    }

    fn timestamp(&mut self, at: &'static Member, value: Timestamp) {
        self.text(&text::format_timestamp(value, at.timestamp_format_or(TimestampFormat::Iso8601)));
    }

    fn document(&mut self, at: &'static Member, value: &Document) {
        self.json(|to| to.document(at, value));
    }

    fn structure(&mut self, at: &'static Member, value: &dyn Structure) {
        let bytes = self.format.write(at.wire_name, at.xml_namespace, value, |_| true);
        self.written = Some((bytes.into(), self.format.content_type()));
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        self.json(|to| to.list(at, items));
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        self.json(|to| to.map(at, entries));
    }

    fn stream(&mut self, _: &'static Member, value: &ByteStream) {
        self.written = Some((value.clone().into(), "application/octet-stream"));
    }

    fn events(&mut self, at: &'static Member, value: EventStream) {
        let frames = events::write(self.format, at.shape, value);
        self.written = Some((frames.into(), events::CONTENT_TYPE));
    }
}
