//! Writes scalars, and lists of them, as text: attributes, headers, labels and query parameters.

use base::Timestamp;
use schema::{
    ByteStream, Document, Entries, EventStream, Items, Member, Structure, TimestampFormat, WriteValue, Writer,
};

use crate::text;

/// Gathers the texts that a value is made of: one for a scalar, any number for a list.
pub(crate) struct ScalarWriter {
    texts: Vec<String>,
    entries: Vec<(String, Vec<String>)>,
    /// The format of timestamps that name none.
    timestamps: TimestampFormat,
    /// Headers carry JSON values as base64.
    header: bool,
}

impl ScalarWriter {
    /// The text of an XML attribute.
    pub fn text(value: &dyn WriteValue, at: &'static Member) -> String {
        Self::texts(value, at, TimestampFormat::Iso8601, false).pop().unwrap_or_default()
    }

    /// The texts of a label or of a query parameter.
    pub fn in_uri(value: &dyn WriteValue, at: &'static Member) -> Vec<String> {
        Self::texts(value, at, TimestampFormat::Iso8601, false)
    }

    /// The texts of a header.
    pub fn in_header(value: &dyn WriteValue, at: &'static Member) -> Vec<String> {
        Self::texts(value, at, TimestampFormat::HttpDate, true)
    }

    fn texts(
        value: &dyn WriteValue,
        at: &'static Member,
        timestamps: TimestampFormat,
        header: bool,
    ) -> Vec<String> {
        let mut to = ScalarWriter { texts: Vec::new(), entries: Vec::new(), timestamps, header };
        value.write(&mut to, at);
        to.texts
    }

    /// The keys and the texts of a map whose entries become headers or query parameters.
    pub fn entries(value: &dyn WriteValue, at: &'static Member) -> Vec<(String, Vec<String>)> {
        let timestamps = TimestampFormat::Iso8601;
        let mut to = ScalarWriter { texts: Vec::new(), entries: Vec::new(), timestamps, header: false };
        value.write(&mut to, at);
        to.entries
    }

    fn push(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }
}

impl Writer for ScalarWriter {
    fn null(&mut self, _: &'static Member) {}

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.push(if value { "true" } else { "false" });
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.push(value.to_string());
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        self.push(text::format_float(value));
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        self.push(text::format_double(value));
    }

    fn string(&mut self, at: &'static Member, value: &str) {
        if self.header && at.json_value {
            self.push(text::base64(value.as_bytes()));
        } else {
            self.push(value);
        }
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.push(text::base64(value));
    }

    fn timestamp(&mut self, at: &'static Member, value: Timestamp) {
        self.push(text::format_timestamp(value, at.timestamp_format_or(self.timestamps)));
    }

    fn document(&mut self, _: &'static Member, value: &Document) {
        self.push(value.to_string());
    }

    fn structure(&mut self, at: &'static Member, _: &dyn Structure) {
        unreachable!("the models put no structure where {} is", at.name);
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        let element = at.shape.element();
        for item in items.each {
            item.write(self, element);
        }
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (_, value_at) = at.shape.entry();
        for (key, value) in entries.each {
            value.write(self, value_at);
            let texts = std::mem::take(&mut self.texts);
            self.entries.push((key.to_owned(), texts));
        }
    }

    fn stream(&mut self, at: &'static Member, _: &ByteStream) {
        unreachable!("the models put no stream where {} is", at.name);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("the models put no events where {} is", at.name);
    }
}
