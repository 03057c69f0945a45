//! Writes XML straight from typed values.

use base::Timestamp;
use schema::{
    ByteStream, Document, Entries, EventStream, Items, Member, Structure, TimestampFormat, WriteValue, Writer,
};

use crate::names::Naming;
use crate::scalar::ScalarWriter;
use crate::text;

pub(crate) type Namespace = Option<(&'static str, Option<&'static str>)>;

pub(crate) struct XmlWriter {
    out: String,
    naming: Naming,
    /// The element that the value written next becomes.
    name: &'static str,
}

impl XmlWriter {
    /// With the line that S3, EC2 and Route 53 begin their documents with.
    pub fn with_declaration(naming: Naming) -> XmlWriter {
        XmlWriter { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), naming, name: "" }
    }

    pub fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// An element around what `inside` writes.
    pub fn element(&mut self, name: &str, namespace: Namespace, inside: impl FnOnce(&mut XmlWriter)) {
        self.start(name, namespace);
        self.out.push('>');
        inside(self);
        self.end(name);
    }

    pub fn text_element(&mut self, name: &str, text: &str) {
        self.text_element_in(name, None, text);
    }

    pub fn text_element_in(&mut self, name: &str, namespace: Namespace, text: &str) {
        self.element(name, namespace, |to| escape(text, &mut to.out));
    }

    /// A structure as an element, its attributes in the tag.
    pub fn structure_element(
        &mut self,
        name: &str,
        namespace: Namespace,
        value: &dyn Structure,
        keep: fn(&Member) -> bool,
    ) {
        self.start(name, namespace);
        value.visit(&mut |member, value| {
            if member.xml_attribute && keep(member) {
                self.attribute(self.naming.of(member), &ScalarWriter::text(value, member));
            }
        });
        self.out.push('>');
        self.members(value, keep);
        self.end(name);
    }

    /// The members of a structure that are elements.
    pub fn members(&mut self, value: &dyn Structure, keep: fn(&Member) -> bool) {
        value.visit(&mut |member, value| {
            if !member.xml_attribute && keep(member) {
                self.name = self.naming.in_structure(member);
                value.write(self, member);
            }
        });
    }

    fn start(&mut self, name: &str, namespace: Namespace) {
        self.out.push('<');
        self.out.push_str(name);
        match namespace {
            Some((uri, Some(prefix))) => self.attribute(&format!("xmlns:{prefix}"), uri),
            Some((uri, None)) if !uri.is_empty() => self.attribute("xmlns", uri),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        escape(value, &mut self.out);
        self.out.push('"');
    }

    fn scalar(&mut self, at: &'static Member, text: &str) {
        self.element(self.name, at.xml_namespace, |to| escape(text, &mut to.out));
    }
}

/// What would end the text early, or be changed by a parser on its way, becomes a reference.
fn escape(text: &str, out: &mut String) {
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        let reference = match byte {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\r' => "&#xD;",
            b'\n' => "&#xA;",
            b'\t' => "&#x9;",
            // No XML document can hold this one, not even as a reference.
            0 => "\u{fffd}",
            // Strictly, no XML 1.0 document can hold these; AWS sends them as references, and its clients read them.
            1..0x20 => {
                out.push_str(&text[plain..index]);
                out.push_str(&format!("&#x{byte:X};"));
                plain = index + 1;
                continue;
            }
            _ => continue,
        };
        out.push_str(&text[plain..index]);
        out.push_str(reference);
        plain = index + 1;
    }
    out.push_str(&text[plain..]);
}

impl Writer for XmlWriter {
    fn null(&mut self, at: &'static Member) {
        self.scalar(at, "");
    }

    fn boolean(&mut self, at: &'static Member, value: bool) {
        self.scalar(at, if value { "true" } else { "false" });
    }

    fn integer(&mut self, at: &'static Member, value: i64) {
        self.scalar(at, &value.to_string());
    }

    fn float(&mut self, at: &'static Member, value: f32) {
        self.scalar(at, &text::format_float(value));
    }

    fn double(&mut self, at: &'static Member, value: f64) {
        self.scalar(at, &text::format_double(value));
    }

    fn string(&mut self, at: &'static Member, value: &str) {
        self.scalar(at, value);
    }

    fn blob(&mut self, at: &'static Member, value: &[u8]) {
        self.scalar(at, &text::base64(value));
    }

    fn timestamp(&mut self, at: &'static Member, value: Timestamp) {
        let format = at.timestamp_format_or(TimestampFormat::Iso8601);
        self.scalar(at, &text::format_timestamp(value, format));
    }

    /// No model of these protocols has documents; see the reader.
    fn document(&mut self, at: &'static Member, value: &Document) {
        self.scalar(at, &value.to_string());
    }

    fn structure(&mut self, at: &'static Member, value: &dyn Structure) {
        self.structure_element(self.name, at.xml_namespace, value, |_| true);
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        let element = at.shape.element();
        if at.is_flattened() {
            let name = self.name;
            for item in items.each {
                self.name = name;
                item.write(self, element);
            }
            return;
        }
        self.element(self.name, at.xml_namespace, |to| {
            for item in items.each {
                to.name = to.naming.of(element);
                item.write(to, element);
            }
        });
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (key_at, value_at) = at.shape.entry();
        let entry = |to: &mut XmlWriter, key: &str, value: &dyn WriteValue| {
            to.name = to.naming.of(key_at);
            to.string(key_at, key);
            to.name = to.naming.of(value_at);
            value.write(to, value_at);
        };
        let name = self.name;
        if at.is_flattened() {
            for (key, value) in entries.each {
                self.element(name, at.xml_namespace, |to| entry(to, key, value));
            }
            return;
        }
        self.element(name, at.xml_namespace, |to| {
            for (key, value) in entries.each {
                to.element("entry", None, |to| entry(to, key, value));
            }
        });
    }

    fn stream(&mut self, at: &'static Member, value: &ByteStream) {
        let bytes = value.whole().expect("only a payload streams, and a payload is no XML");
        self.blob(at, &bytes);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("{} is written as frames, not as XML", at.name);
    }
}
