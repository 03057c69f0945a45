//! Writing typed values to a protocol.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;

use crate::{ByteStream, Document, EventStream, Events, Fault, Kind, Member, Structure};

/// One place on the wire that takes one value. Implemented by each protocol in `wire`.
pub trait Writer {
    fn null(&mut self, at: &'static Member);
    fn boolean(&mut self, at: &'static Member, value: bool);
    fn integer(&mut self, at: &'static Member, value: i64);
    fn float(&mut self, at: &'static Member, value: f32);
    fn double(&mut self, at: &'static Member, value: f64);
    fn string(&mut self, at: &'static Member, value: &str);
    fn blob(&mut self, at: &'static Member, value: &[u8]);
    fn timestamp(&mut self, at: &'static Member, value: Timestamp);
    fn document(&mut self, at: &'static Member, value: &Document);
    fn structure(&mut self, at: &'static Member, value: &dyn Structure);
    fn list(&mut self, at: &'static Member, items: Items<'_>);
    fn map(&mut self, at: &'static Member, entries: Entries<'_>);
    /// The body itself; only at a streaming payload.
    fn stream(&mut self, at: &'static Member, value: &ByteStream);
    /// The events that make up the body.
    fn events(&mut self, at: &'static Member, value: EventStream);
}

/// The items of a list, and how many there are.
pub struct Items<'a> {
    pub len: usize,
    pub each: &'a mut dyn Iterator<Item = &'a dyn WriteValue>,
}

/// The entries of a map, and how many there are.
pub struct Entries<'a> {
    pub len: usize,
    pub each: &'a mut dyn Iterator<Item = (&'a str, &'a dyn WriteValue)>,
}

/// A value that can be written at a place.
pub trait WriteValue {
    fn write(&self, to: &mut dyn Writer, at: &'static Member);
}

impl<T: Structure> WriteValue for T {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.structure(at, self);
    }
}

/// Null appears only in sparse lists and maps: absent members are never visited.
impl<T: WriteValue> WriteValue for Option<T> {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        match self {
            Some(value) => value.write(to, at),
            None => to.null(at),
        }
    }
}

impl<T: WriteValue> WriteValue for Vec<T> {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        let mut each = self.iter().map(|item| item as &dyn WriteValue);
        to.list(at, Items { len: self.len(), each: &mut each });
    }
}

impl<T: WriteValue> WriteValue for BTreeMap<String, T> {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        let mut each = self.iter().map(|(key, value)| (key.as_str(), value as &dyn WriteValue));
        to.map(at, Entries { len: self.len(), each: &mut each });
    }
}

impl WriteValue for String {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.string(at, self);
    }
}

impl WriteValue for bool {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.boolean(at, *self);
    }
}

impl WriteValue for i32 {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.integer(at, i64::from(*self));
    }
}

impl WriteValue for i64 {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.integer(at, *self);
    }
}

impl WriteValue for f32 {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.float(at, *self);
    }
}

impl WriteValue for f64 {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.double(at, *self);
    }
}

impl WriteValue for Bytes {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.blob(at, self);
    }
}

impl WriteValue for Timestamp {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.timestamp(at, *self);
    }
}

impl WriteValue for Document {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.document(at, self);
    }
}

impl WriteValue for ByteStream {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        to.stream(at, self);
    }
}

impl<T: Structure> WriteValue for Events<T> {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        assert!(matches!(at.shape.kind, Kind::Events { .. }), "{} is no event stream", at.name);
        let missing = || Fault::internal(format!("the events of {} were taken twice", at.name));
        to.events(at, self.take().ok_or_else(missing));
    }
}
