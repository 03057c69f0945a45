//! Keys as bytes, in the order in which DynamoDB hands items out.
//!
//! A key is the hash of its partition key (8 bytes), the partition key's attributes, then the sort key's. So one
//! partition is one range, sorted by its sort key; partitions lie in the order of the hash, which is why a scan comes
//! in no order that a user could rely on, and why a segment of a parallel scan is a range of that hash.
//! An entry of an index has the item's own key behind its own, since several items may have the same key there.
//!
//! Each part says its type and where it ends: strings and binaries have their zero bytes escaped (`00` is `00 ff`) and
//! end with `00 00`, which sorts before everything that goes on; numbers are as [`Number::write_ordered`] has them.
//! Global secondary indexes may have up to four attributes in either half.

use std::borrow::Cow;

use bytes::Bytes;
use twox_hash::XxHash3_64;

use crate::error::Damaged;
use crate::number::Number;
use crate::value::{Value, ValueType};

const HASH_BYTES: usize = 8;

const BINARY: u8 = 1;
const NUMBER: u8 = 2;
const STRING: u8 = 3;

const ESCAPED_ZERO: [u8; 2] = [0, 0xff];
const END: [u8; 2] = [0, 0];

/// One attribute of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyValue<'a> {
    String(&'a str),
    Number(Number),
    Binary(&'a [u8]),
}

/// The condition on the last attribute of the sort key that has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeCondition {
    Equal(Value),
    Less(Value),
    LessOrEqual(Value),
    Greater(Value),
    GreaterOrEqual(Value),
    /// Both included.
    Between(Value, Value),
    BeginsWith(Value),
}

/// Keys from `start`, which is included, up to `end`, which is not; without an end, to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub start: Vec<u8>,
    pub end: Option<Vec<u8>>,
}

impl<'a> KeyValue<'a> {
    /// `None` for what cannot be a key.
    pub fn of(value: &'a Value) -> Option<KeyValue<'a>> {
        match value {
            Value::String(text) => Some(KeyValue::String(text)),
            Value::Number(number) => Some(KeyValue::Number(*number)),
            Value::Binary(bytes) => Some(KeyValue::Binary(bytes)),
            _ => None,
        }
    }

    pub fn to_value(self) -> Value {
        match self {
            KeyValue::String(text) => Value::String(text.to_owned()),
            KeyValue::Number(number) => Value::Number(number),
            KeyValue::Binary(bytes) => Value::Binary(Bytes::copy_from_slice(bytes)),
        }
    }

    pub fn value_type(self) -> ValueType {
        match self {
            KeyValue::String(_) => ValueType::String,
            KeyValue::Number(_) => ValueType::Number,
            KeyValue::Binary(_) => ValueType::Binary,
        }
    }

    /// By which DynamoDB limits keys: 2,048 for a partition key, 1,024 for a sort key.
    pub fn byte_count(self) -> usize {
        match self {
            KeyValue::String(text) => text.len(),
            KeyValue::Number(_) => 0,
            KeyValue::Binary(bytes) => bytes.len(),
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        self.write_open(out);
        if !matches!(self, KeyValue::Number(_)) {
            out.extend_from_slice(&END);
        }
    }

    /// Without an end, so that others may begin like this.
    fn write_open(self, out: &mut Vec<u8>) {
        match self {
            KeyValue::String(text) => {
                out.push(STRING);
                write_escaped(text.as_bytes(), out);
            }
            KeyValue::Binary(bytes) => {
                out.push(BINARY);
                write_escaped(bytes, out);
            }
            KeyValue::Number(number) => {
                out.push(NUMBER);
                number.write_ordered(out);
            }
        }
    }
}

/// The beginning that all keys of a partition share, and no other key has.
pub fn partition(hash: &[KeyValue<'_>]) -> Vec<u8> {
    let mut key = Vec::with_capacity(64);
    key.extend_from_slice(&[0; HASH_BYTES]);
    hash.iter().for_each(|value| value.write(&mut key));
    let hash = XxHash3_64::oneshot(&key[HASH_BYTES..]);
    key[..HASH_BYTES].copy_from_slice(&hash.to_be_bytes());
    key
}

/// The key of an item in its table.
pub fn item_key(hash: KeyValue<'_>, range: Option<KeyValue<'_>>) -> Vec<u8> {
    let mut key = partition(&[hash]);
    range.iter().for_each(|value| value.write(&mut key));
    key
}

/// The key of an item's entry in an index.
pub fn index_key(hash: &[KeyValue<'_>], range: &[KeyValue<'_>], item_key: &[u8]) -> Vec<u8> {
    let mut key = partition(hash);
    range.iter().for_each(|value| value.write(&mut key));
    key.extend_from_slice(item_key);
    key
}

/// The attributes of a key: `parts` of them, and what lies behind: the item's own key in an entry of an index.
pub fn decode(key: &[u8], parts: usize) -> Result<(Vec<Value>, &[u8]), Damaged> {
    let mut rest = key.get(HASH_BYTES..).ok_or(Damaged)?;
    let mut values = Vec::with_capacity(parts);
    for _ in 0..parts {
        let (kind, behind) = rest.split_first().ok_or(Damaged)?;
        let (value, behind) = match *kind {
            NUMBER => {
                let (number, behind) = Number::read_ordered(behind)?;
                (Value::Number(number), behind)
            }
            STRING => {
                let (text, behind) = read_escaped(behind)?;
                (Value::String(String::from_utf8(text.into_owned()).map_err(|_| Damaged)?), behind)
            }
            BINARY => {
                let (bytes, behind) = read_escaped(behind)?;
                (Value::Binary(Bytes::from(bytes.into_owned())), behind)
            }
            _ => return Err(Damaged),
        };
        values.push(value);
        rest = behind;
    }
    Ok((values, rest))
}

/// All keys of a partition whose sort key begins with `equal` and then fits the condition. In an index, all entries of
/// each such key.
pub fn range(hash: &[KeyValue<'_>], equal: &[KeyValue<'_>], condition: Option<&RangeCondition>) -> KeyRange {
    let mut prefix = partition(hash);
    equal.iter().for_each(|value| value.write(&mut prefix));
    let within = |value: &Value, closed: bool| {
        let mut key = prefix.clone();
        match KeyValue::of(value) {
            Some(value) if closed => value.write(&mut key),
            Some(value) => value.write_open(&mut key),
            None => {}
        }
        key
    };
    let (start, end) = match condition {
        None => (prefix.clone(), after(prefix)),
        Some(RangeCondition::Equal(value)) => (within(value, true), after(within(value, true))),
        Some(RangeCondition::Less(value)) => (prefix.clone(), Some(within(value, true))),
        Some(RangeCondition::LessOrEqual(value)) => (prefix.clone(), after(within(value, true))),
        Some(RangeCondition::Greater(value)) => match after(within(value, true)) {
            Some(start) => (start, after(prefix)),
            None => (prefix.clone(), Some(prefix)),
        },
        Some(RangeCondition::GreaterOrEqual(value)) => (within(value, true), after(prefix)),
        Some(RangeCondition::Between(low, high)) => (within(low, true), after(within(high, true))),
        Some(RangeCondition::BeginsWith(value)) => (within(value, false), after(within(value, false))),
    };
    KeyRange { start, end }
}

/// The keys of one segment of a parallel scan. All segments together are everything, and none overlaps another.
pub fn segment(segment: u32, total: u32) -> KeyRange {
    let border = |index: u32| {
        let hash = (u128::from(index) << 64) / u128::from(total.max(1));
        u64::try_from(hash).ok().map(|hash| hash.to_be_bytes().to_vec())
    };
    let start = if segment == 0 { Some(Vec::new()) } else { border(segment) };
    KeyRange {
        start: start.unwrap_or_else(|| vec![0xff; HASH_BYTES + 1]),
        end: border(segment.saturating_add(1)),
    }
}

/// The first key that does not begin with `prefix` and sorts behind it; none when nothing can.
pub fn after(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

fn write_escaped(mut bytes: &[u8], out: &mut Vec<u8>) {
    while let Some(at) = memchr::memchr(0, bytes) {
        out.extend_from_slice(&bytes[..at]);
        out.extend_from_slice(&ESCAPED_ZERO);
        bytes = &bytes[at + 1..];
    }
    out.extend_from_slice(bytes);
}

fn read_escaped(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Damaged> {
    let mut unescaped: Option<Vec<u8>> = None;
    let mut from = 0;
    loop {
        let zero = from + memchr::memchr(0, &bytes[from..]).ok_or(Damaged)?;
        let piece = &bytes[from..zero];
        from = zero + 2;
        match bytes.get(zero + 1) {
            Some(0xff) => {
                let kept = unescaped.get_or_insert_default();
                kept.extend_from_slice(piece);
                kept.push(0);
            }
            Some(0) => {
                let found = match unescaped {
                    None => Cow::Borrowed(piece),
                    Some(mut kept) => {
                        kept.extend_from_slice(piece);
                        Cow::Owned(kept)
                    }
                };
                return Ok((found, &bytes[from..]));
            }
            _ => return Err(Damaged),
        }
    }
}
