//! Writes JSON straight from typed values into bytes.

use base::Timestamp;
use base64::Engine;
use schema::{ByteStream, Document, Entries, EventStream, Items, Member, Structure, TimestampFormat, Writer};
use serde::Serialize;

use crate::limits::RESERVED_BYTES_MAX;
use crate::text;

/// Writes JSON values one after the other onto its bytes.
pub(crate) struct JsonWriter<'a> {
    pub out: &'a mut Vec<u8>,
}

impl JsonWriter<'_> {
    /// Writes a structure, leaving out the members that `keep` refuses because they go elsewhere.
    pub fn members(&mut self, value: &dyn Structure, keep: fn(&Member) -> bool) {
        self.out.push(b'{');
        let mut first = true;
        value.visit(&mut |member, value| {
            if keep(member) {
                self.key(&mut first, member.wire_name);
                value.write(self, member);
            }
        });
        self.out.push(b'}');
    }

    /// A key that holds nothing to escape, after a comma where one is due.
    fn key(&mut self, first: &mut bool, name: &str) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// One more member at the end of an object that was just written, for the names and messages of errors.
    pub fn insert(&mut self, name: &str, value: &str) {
        let end = self.out.pop();
        assert_eq!(end, Some(b'}'), "only an object takes a member");
        let mut first = self.out.last() == Some(&b'{');
        self.key(&mut first, name);
        self.scalar(value);
        self.out.push(b'}');
    }

    /// A string. Most hold nothing to escape, which is seen at a glance.
    fn text(&mut self, value: &str) {
        if has_escapes(value.as_bytes()) {
            return self.scalar(value);
        }
        self.out.reserve(value.len() + 2);
        self.out.push(b'"');
        self.out.extend_from_slice(value.as_bytes());
        self.out.push(b'"');
    }

    fn scalar(&mut self, value: impl Serialize) {
        serde_json::to_writer(&mut *self.out, &value).expect("scalars are JSON and memory takes them");
    }
}

/// Whether a string is more than its bytes in quotes. Many bytes are looked at before it is decided, which the compiler
/// makes one step of.
fn has_escapes(text: &[u8]) -> bool {
    const AT_ONCE: usize = 32;
    let is_escaped = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    text.chunks(AT_ONCE).any(|chunk| chunk.iter().fold(false, |found, byte| found | is_escaped(byte)))
}

impl Writer for JsonWriter<'_> {
    fn null(&mut self, _: &'static Member) {
        self.out.extend_from_slice(b"null");
    }

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.scalar(value);
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        match text::special(f64::from(value)) {
            Some(name) => self.scalar(name),
            None => self.scalar(value),
        }
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        match text::special(value) {
            Some(name) => self.scalar(name),
            None => self.scalar(value),
        }
    }

    fn string(&mut self, _: &'static Member, value: &str) {
        self.text(value);
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.out.push(b'"');
        let start = self.out.len();
        self.out.resize(start + value.len().div_ceil(3) * 4, 0);
        text::BASE64
            .encode_slice(value, &mut self.out[start..])
            .expect("base64 takes four bytes for each three, and they are there");
        self.out.push(b'"');
    }

    fn timestamp(&mut self, at: &'static Member, value: Timestamp) {
        match at.timestamp_format_or(TimestampFormat::EpochSeconds) {
            TimestampFormat::EpochSeconds => {
                self.out.extend_from_slice(text::format_epoch(value).as_bytes());
            }
            other => self.scalar(text::format_timestamp(value, other)),
        }
    }

    fn document(&mut self, _: &'static Member, value: &Document) {
        self.scalar(value);
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        self.members(value, |_| true);
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        let element = at.shape.element();
        self.out.push(b'[');
        for (index, item) in items.each.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let start = self.out.len();
            item.write(self, element);
            if index == 0 {
                // The others are probably about as long, and a buffer that grows is copied.
                let length = (self.out.len() - start + 1).saturating_mul(items.len);
                self.out.reserve(length.min(RESERVED_BYTES_MAX));
            }
        }
        self.out.push(b']');
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (_, value_at) = at.shape.entry();
        self.out.push(b'{');
        for (index, (key, value)) in entries.each.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.text(key);
            self.out.push(b':');
            value.write(self, value_at);
        }
        self.out.push(b'}');
    }

    fn stream(&mut self, at: &'static Member, value: &ByteStream) {
        let bytes = value.whole().expect("only a payload streams, and a payload is no JSON");
        self.blob(at, &bytes);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("{} is written as frames, not as JSON", at.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_as_serde_writes_them() {
        let long = "0123456789".repeat(20);
        for text in ["", "plain", "\u{7f}ä\u{2028}", "\"", "\\", "\n", "\u{1f}", &long] {
            for before in [0, 31, 32, 33, 200] {
                let text = [&long[..before], text].concat();
                let mut out = Vec::new();
                JsonWriter { out: &mut out }.text(&text);
                assert_eq!(String::from_utf8(out).ok(), serde_json::to_string(&text).ok());
            }
        }
    }
}
