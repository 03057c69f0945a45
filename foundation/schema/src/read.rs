//! Reading typed values from a protocol.

use std::collections::BTreeMap;

use base::Timestamp;
use bytes::Bytes;
use futures_util::StreamExt;

use crate::{
    ByteStream, Document, Events, IncomingEvents, Kind, Limits, Member, Notes, Shape, Structure, Why,
};

/// The input cannot be understood at all: not the right syntax, not the right type, too deep.
/// Constraint violations are not this; they are collected in [`Notes`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct Malformed(pub String);

/// One value on the wire, at a known place. Implemented by each protocol in `wire`.
///
/// A reader stands for one value and is read once. Inside `structure`, `list` and `map` the callback gets a reader
/// for each part. A part whose value is null is left out of structures; in lists and maps it arrives, and says so.
pub trait Reader {
    fn is_null(&self) -> bool;
    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed>;
    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed>;
    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed>;
    fn string(&mut self, at: &'static Member) -> Result<String, Malformed>;
    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed>;
    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed>;
    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed>;
    /// The body as it arrives; only at a streaming payload.
    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed>;
    /// Calls `each` with the index of every member that is there. Unknown members are skipped.
    fn structure(
        &mut self,
        shape: &'static Shape,
        at: Option<&'static Member>,
        each: Each<'_>,
    ) -> Result<(), Malformed>;
    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed>;
    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed>;
    /// The events that make up the body; only where the models have an event stream.
    fn events(&mut self, at: &'static Member) -> Result<IncomingEvents, Malformed> {
        Err(Malformed(format!("{} is no stream of events", at.name)))
    }
    fn notes(&mut self) -> &mut Notes;
}

pub type Each<'a> = &'a mut dyn FnMut(usize, &mut dyn Reader) -> Result<(), Malformed>;
pub type EachItem<'a> = &'a mut dyn FnMut(&mut dyn Reader) -> Result<(), Malformed>;
pub type EachEntry<'a> = &'a mut dyn FnMut(String, &mut dyn Reader) -> Result<(), Malformed>;

/// A type that can be read at a place.
pub trait ReadValue: Sized {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Self, Malformed>;
}

/// Reads all members of a structure and notes the required ones that are missing.
pub fn read_members(
    into: &mut dyn Structure,
    from: &mut dyn Reader,
    at: Option<&'static Member>,
) -> Result<(), Malformed> {
    let shape = into.shape();
    let mut seen = Seen::new(shape.members().len());
    from.structure(shape, at, &mut |index, from| {
        seen.add(index);
        from.notes().enter_member(shape.members()[index].name);
        into.set(index, from)?;
        from.notes().leave();
        Ok(())
    })?;
    if shape.is_union() && seen.count != 1 {
        let message = format!("{} must have exactly one member set, not {}", shape.name, seen.count);
        return Err(Malformed(message));
    }
    for (index, member) in shape.members().iter().enumerate() {
        if member.required && !seen.has(index) {
            let notes = from.notes();
            notes.enter_member(member.name);
            notes.add(None, Why::Missing);
            notes.leave();
        }
    }
    Ok(())
}

/// Which members were there. Few structures have more than 64, so the rest is on the heap.
struct Seen {
    low: u64,
    high: Vec<bool>,
    count: usize,
}

impl Seen {
    fn new(members: usize) -> Seen {
        Seen { low: 0, high: vec![false; members.saturating_sub(64)], count: 0 }
    }

    fn add(&mut self, index: usize) {
        self.count += usize::from(!self.has(index));
        match index.checked_sub(64) {
            None => self.low |= 1 << index,
            Some(above) => self.high[above] = true,
        }
    }

    fn has(&self, index: usize) -> bool {
        match index.checked_sub(64) {
            None => self.low & (1 << index) != 0,
            Some(above) => self.high[above],
        }
    }
}

impl<T: Structure + Default> ReadValue for T {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<T, Malformed> {
        let mut value = T::default();
        read_members(&mut value, from, Some(at))?;
        Ok(value)
    }
}

impl<T: ReadValue> ReadValue for Option<T> {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Option<T>, Malformed> {
        if from.is_null() { Ok(None) } else { T::read(from, at).map(Some) }
    }
}

impl<T: ReadValue> ReadValue for Vec<T> {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Vec<T>, Malformed> {
        let Kind::List { element, sparse, .. } = &at.shape.kind else {
            unreachable!("a Vec is generated only for lists, and {} is none", at.shape.name)
        };
        let mut items = Vec::new();
        from.list(at, &mut |from| {
            if from.is_null() && !sparse {
                return Ok(());
            }
            from.notes().enter_index(items.len());
            items.push(T::read(from, element)?);
            from.notes().leave();
            Ok(())
        })?;
        check_length(items.len(), at.shape, from.notes(), || "[...]".to_owned());
        Ok(items)
    }
}

impl<T: ReadValue> ReadValue for BTreeMap<String, T> {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<BTreeMap<String, T>, Malformed> {
        let Kind::Map { key: key_at, value: value_at, sparse, .. } = &at.shape.kind else {
            unreachable!("a map is generated only for maps, and {} is none", at.shape.name)
        };
        let mut entries = BTreeMap::new();
        from.map(at, &mut |key, from| {
            if from.is_null() && !sparse {
                return Ok(());
            }
            from.notes().enter_value();
            check_text(&key, key_at.shape, from.notes());
            let value = T::read(from, value_at)?;
            from.notes().leave();
            entries.insert(key, value);
            Ok(())
        })?;
        check_length(entries.len(), at.shape, from.notes(), || "{...}".to_owned());
        Ok(entries)
    }
}

impl ReadValue for String {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<String, Malformed> {
        let text = from.string(at)?;
        check_text(&text, at.shape, from.notes());
        Ok(text)
    }
}

impl ReadValue for bool {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<bool, Malformed> {
        from.boolean(at)
    }
}

impl ReadValue for i32 {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<i32, Malformed> {
        let number = i64::read(from, at)?;
        i32::try_from(number).map_err(|_| Malformed(format!("{number} is not a 32-bit integer")))
    }
}

impl ReadValue for i64 {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<i64, Malformed> {
        let number = from.integer(at)?;
        check_range(number as f64, at.shape, from.notes(), || number.to_string());
        Ok(number)
    }
}

impl ReadValue for f32 {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<f32, Malformed> {
        f64::read(from, at).map(|number| number as f32)
    }
}

impl ReadValue for f64 {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<f64, Malformed> {
        let number = from.double(at)?;
        check_range(number, at.shape, from.notes(), || number.to_string());
        Ok(number)
    }
}

impl ReadValue for Bytes {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Bytes, Malformed> {
        let bytes = from.blob(at)?;
        check_length(bytes.len(), at.shape, from.notes(), || format!("{} bytes", bytes.len()));
        Ok(bytes)
    }
}

impl ReadValue for Timestamp {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Timestamp, Malformed> {
        from.timestamp(at)
    }
}

impl ReadValue for Document {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Document, Malformed> {
        from.document(at)
    }
}

impl ReadValue for ByteStream {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<ByteStream, Malformed> {
        from.stream(at)
    }
}

impl<T: Structure + Default> ReadValue for Events<T> {
    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Events<T>, Malformed> {
        Ok(Events::new(from.events(at)?.map(|event| {
            let mut value = T::default();
            event?(&mut value)?;
            Ok(value)
        })))
    }
}

fn check_text(text: &str, shape: &'static Shape, notes: &mut Notes) {
    if let Kind::Enum(values) = &shape.kind {
        if !values.contains(&text) {
            notes.add(shown(shape, || text.to_owned()), Why::NotInEnum(values));
        }
        return;
    }
    if shape.limits.min.is_some() || shape.limits.max.is_some() {
        check_length(text.chars().count(), shape, notes, || text.to_owned());
    }
    if let Some(pattern) = shape.limits.pattern
        && !pattern.matches(text)
    {
        notes.add(shown(shape, || text.to_owned()), Why::Pattern(pattern.source));
    }
}

fn check_length(length: usize, shape: &'static Shape, notes: &mut Notes, value: impl Fn() -> String) {
    let Limits { min, max, .. } = &shape.limits;
    if let Some(min) = min
        && (length as f64) < *min
    {
        notes.add(shown(shape, &value), Why::LengthBelow(*min as u64));
    }
    if let Some(max) = max
        && (length as f64) > *max
    {
        notes.add(shown(shape, &value), Why::LengthAbove(*max as u64));
    }
}

fn check_range(number: f64, shape: &'static Shape, notes: &mut Notes, value: impl Fn() -> String) {
    let Limits { min, max, .. } = &shape.limits;
    if let Some(min) = min
        && number < *min
    {
        notes.add(shown(shape, &value), Why::Below(*min));
    }
    if let Some(max) = max
        && number > *max
    {
        notes.add(shown(shape, &value), Why::Above(*max));
    }
}

fn shown(shape: &Shape, value: impl Fn() -> String) -> Option<String> {
    (!shape.sensitive).then(value)
}
