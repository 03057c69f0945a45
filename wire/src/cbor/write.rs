//! Writes CBOR straight from typed values, with definite lengths.

use base::Timestamp;
use minicbor::Encoder;
use minicbor::data::Tag;
use schema::{ByteStream, Document, Entries, EventStream, Fault, Items, Member, Structure, Writer};

use crate::fault::{is_further, message_name};

/// A structure as a body.
pub(crate) fn write(value: &dyn Structure) -> Vec<u8> {
    let mut to = CborWriter::new();
    to.members(value, |_| true, 0);
    to.finish()
}

/// An error as a body: its name, its message and its further members.
pub(crate) fn write_fault(type_name: &str, fault: &Fault) -> Vec<u8> {
    let mut to = CborWriter::new();
    match fault.detail() {
        Some(detail) => to.members(detail, is_further, 2),
        None => to.put(|to| to.map(2).map(drop)),
    }
    to.put(|to| to.str("__type")?.str(type_name).map(drop));
    to.put(|to| to.str(message_name(fault.detail()))?.str(fault.message()).map(drop));
    to.finish()
}

pub(crate) struct CborWriter(Encoder<Vec<u8>>);

type Encoded = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

impl CborWriter {
    pub fn new() -> CborWriter {
        CborWriter(Encoder::new(Vec::with_capacity(256)))
    }

    pub fn finish(self) -> Vec<u8> {
        self.0.into_writer()
    }

    fn put(&mut self, put: impl FnOnce(&mut Encoder<Vec<u8>>) -> Encoded) {
        put(&mut self.0).expect("memory takes all that is written");
    }

    /// Writes a structure whose map has room for `more` entries that the caller writes behind it.
    pub fn members(&mut self, value: &dyn Structure, keep: fn(&Member) -> bool, more: u64) {
        let mut count = more;
        value.visit(&mut |member, _| count += u64::from(keep(member)));
        self.put(|to| to.map(count).map(drop));
        value.visit(&mut |member, value| {
            if keep(member) {
                self.put(|to| to.str(member.name).map(drop));
                value.write(self, member);
            }
        });
    }
}

impl Writer for CborWriter {
    fn null(&mut self, _: &'static Member) {
        self.put(|to| to.null().map(drop));
    }

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.put(|to| to.bool(value).map(drop));
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.put(|to| to.i64(value).map(drop));
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        self.put(|to| to.f32(value).map(drop));
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        self.put(|to| to.f64(value).map(drop));
    }

    fn string(&mut self, _: &'static Member, value: &str) {
        self.put(|to| to.str(value).map(drop));
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.put(|to| to.bytes(value).map(drop));
    }

    fn timestamp(&mut self, _: &'static Member, value: Timestamp) {
        self.put(|to| {
            to.tag(Tag::new(1))?;
            match value.as_millis() % 1000 {
                0 => to.i64(value.as_secs()).map(drop),
                _ => to.f64(value.as_millis() as f64 / 1000.0).map(drop),
            }
        });
    }

    fn document(&mut self, at: &'static Member, value: &Document) {
        match value {
            Document::Null => self.null(at),
            Document::Bool(value) => self.boolean(at, *value),
            Document::String(value) => self.string(at, value),
            Document::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => self.integer(at, integer),
                (None, double) => self.double(at, double.unwrap_or(f64::NAN)),
            },
            Document::Array(items) => {
                self.put(|to| to.array(items.len() as u64).map(drop));
                for item in items {
                    self.document(at, item);
                }
            }
            Document::Object(entries) => {
                self.put(|to| to.map(entries.len() as u64).map(drop));
                for (key, value) in entries {
                    self.string(at, key);
                    self.document(at, value);
                }
            }
        }
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        self.members(value, |_| true, 0);
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        self.put(|to| to.array(items.len as u64).map(drop));
        for item in items.each {
            item.write(self, at.shape.element());
        }
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (key_at, value_at) = at.shape.entry();
        self.put(|to| to.map(entries.len as u64).map(drop));
        for (key, value) in entries.each {
            self.string(key_at, key);
            value.write(self, value_at);
        }
    }

    fn stream(&mut self, at: &'static Member, value: &ByteStream) {
        let bytes = value.whole().expect("this protocol has no streaming bytes");
        self.blob(at, &bytes);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("{} is written as frames, not as CBOR", at.name);
    }
}
