//! Bytes to items, in place as far as possible.

use bytes::Bytes;

use super::{BINARY, BINARY_SET, FALSE, LIST, MAP, NULL, NUMBER, NUMBER_SET, STRING, STRING_SET, TRUE};
use crate::error::Damaged;
use crate::limits::ENCODED_NESTING_MAX;
use crate::number::Number;
use crate::value::{Value, ValueType};

/// The attributes of an item: names and values, sorted by name.
pub type Attributes<'a> = Entries<'a>;

/// A value where it lies.
#[derive(Debug, Clone)]
pub enum ValueRef<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(&'a str),
    Binary(&'a [u8]),
    List(Elements<'a>),
    Map(Entries<'a>),
    StringSet(Elements<'a>),
    NumberSet(Elements<'a>),
    BinarySet(Elements<'a>),
}

/// The elements of a list or set, one after the other.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    rest: &'a [u8],
    left: usize,
    /// Of a set: its elements carry no type of their own.
    kind: Option<u8>,
    nesting: usize,
}

/// The names and values of a map or item, one after the other.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    left: usize,
    nesting: usize,
}

impl<'a> ValueRef<'a> {
    pub fn value_type(&self) -> ValueType {
        match self {
            ValueRef::Null => ValueType::Null,
            ValueRef::Bool(_) => ValueType::Bool,
            ValueRef::Number(_) => ValueType::Number,
            ValueRef::String(_) => ValueType::String,
            ValueRef::Binary(_) => ValueType::Binary,
            ValueRef::List(_) => ValueType::List,
            ValueRef::Map(_) => ValueType::Map,
            ValueRef::StringSet(_) => ValueType::StringSet,
            ValueRef::NumberSet(_) => ValueType::NumberSet,
            ValueRef::BinarySet(_) => ValueType::BinarySet,
        }
    }

    pub fn to_value(&self) -> Result<Value, Damaged> {
        Ok(match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(value) => Value::Bool(*value),
            ValueRef::Number(number) => Value::Number(*number),
            ValueRef::String(text) => Value::String((*text).to_owned()),
            ValueRef::Binary(bytes) => Value::Binary(Bytes::copy_from_slice(bytes)),
            ValueRef::List(elements) => {
                let mut values = Vec::with_capacity(elements.len());
                for element in elements.clone() {
                    values.push(element?.to_value()?);
                }
                Value::List(values)
            }
            ValueRef::Map(entries) => Value::Map(super::collect(entries.clone(), |_| true)?),
            ValueRef::StringSet(set) => Value::StringSet(set.collect_with(|element| match element {
                ValueRef::String(text) => Some(text.to_owned()),
                _ => None,
            })?),
            ValueRef::NumberSet(set) => Value::NumberSet(set.collect_with(|element| match element {
                ValueRef::Number(number) => Some(number),
                _ => None,
            })?),
            ValueRef::BinarySet(set) => Value::BinarySet(set.collect_with(|element| match element {
                ValueRef::Binary(bytes) => Some(Bytes::copy_from_slice(bytes)),
                _ => None,
            })?),
        })
    }

    /// A value and what lies behind it.
    fn read(bytes: &'a [u8], nesting: usize) -> Result<(ValueRef<'a>, &'a [u8]), Damaged> {
        let (kind, rest) = bytes.split_first().ok_or(Damaged)?;
        ValueRef::read_as(*kind, rest, nesting)
    }

    fn read_as(kind: u8, rest: &'a [u8], nesting: usize) -> Result<(ValueRef<'a>, &'a [u8]), Damaged> {
        Ok(match kind {
            NULL => (ValueRef::Null, rest),
            FALSE => (ValueRef::Bool(false), rest),
            TRUE => (ValueRef::Bool(true), rest),
            NUMBER => {
                let (number, rest) = Number::read_compact(rest)?;
                (ValueRef::Number(number), rest)
            }
            STRING => {
                let (text, rest) = read_text(rest)?;
                (ValueRef::String(text), rest)
            }
            BINARY => {
                let (bytes, rest) = read_bytes(rest)?;
                (ValueRef::Binary(bytes), rest)
            }
            MAP => {
                let (content, rest) = read_sized(rest)?;
                (ValueRef::Map(Entries::read(content, nesting + 1)?), rest)
            }
            LIST | STRING_SET | NUMBER_SET | BINARY_SET => {
                let (content, rest) = read_sized(rest)?;
                let of = |element| Elements::read(content, element, nesting + 1);
                let value = match kind {
                    LIST => ValueRef::List(of(None)?),
                    STRING_SET => ValueRef::StringSet(of(Some(STRING))?),
                    NUMBER_SET => ValueRef::NumberSet(of(Some(NUMBER))?),
                    _ => ValueRef::BinarySet(of(Some(BINARY))?),
                };
                (value, rest)
            }
            _ => return Err(Damaged),
        })
    }
}

impl<'a> Elements<'a> {
    fn read(content: &'a [u8], kind: Option<u8>, nesting: usize) -> Result<Elements<'a>, Damaged> {
        let (left, rest) = read_count(content, nesting)?;
        Ok(Elements { rest, left, kind, nesting })
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.left
    }

    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    fn collect_with<T, C: FromIterator<T>>(
        &self,
        convert: impl Fn(ValueRef<'a>) -> Option<T>,
    ) -> Result<C, Damaged> {
        self.clone().map(|element| convert(element?).ok_or(Damaged)).collect()
    }

    fn step(&mut self) -> Result<ValueRef<'a>, Damaged> {
        let (value, rest) = match self.kind {
            Some(kind) => ValueRef::read_as(kind, self.rest, self.nesting)?,
            None => ValueRef::read(self.rest, self.nesting)?,
        };
        self.rest = rest;
        check_end(self.left, rest)?;
        Ok(value)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<ValueRef<'a>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let step = self.step();
        if step.is_err() {
            self.left = 0;
        }
        Some(step)
    }
}

impl<'a> Entries<'a> {
    pub(super) fn new(content: &'a [u8]) -> Result<Entries<'a>, Damaged> {
        Entries::read(content, 0)
    }

    fn read(content: &'a [u8], nesting: usize) -> Result<Entries<'a>, Damaged> {
        let (left, rest) = read_count(content, nesting)?;
        Ok(Entries { rest, left, nesting })
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.left
    }

    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    fn step(&mut self) -> Result<(&'a str, ValueRef<'a>), Damaged> {
        let (name, rest) = read_text(self.rest)?;
        let (value, rest) = ValueRef::read(rest, self.nesting)?;
        self.rest = rest;
        check_end(self.left, rest)?;
        Ok((name, value))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(&'a str, ValueRef<'a>), Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let step = self.step();
        if step.is_err() {
            self.left = 0;
        }
        Some(step)
    }
}

/// Bytes behind the last element are damage.
fn check_end(left: usize, rest: &[u8]) -> Result<(), Damaged> {
    if left == 0 && !rest.is_empty() { Err(Damaged) } else { Ok(()) }
}

/// How many elements follow: no more than there are bytes, each of them has at least one.
fn read_count(content: &[u8], nesting: usize) -> Result<(usize, &[u8]), Damaged> {
    let (count, rest) = read_length(content)?;
    if count > rest.len() || (count == 0 && !rest.is_empty()) || nesting > ENCODED_NESTING_MAX {
        return Err(Damaged);
    }
    Ok((count, rest))
}

fn read_sized(bytes: &[u8]) -> Result<(&[u8], &[u8]), Damaged> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Damaged)?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(Damaged)
}

fn read_bytes(bytes: &[u8]) -> Result<(&[u8], &[u8]), Damaged> {
    let (length, rest) = read_length(bytes)?;
    rest.split_at_checked(length).ok_or(Damaged)
}

fn read_text(bytes: &[u8]) -> Result<(&str, &[u8]), Damaged> {
    let (bytes, rest) = read_bytes(bytes)?;
    Ok((std::str::from_utf8(bytes).map_err(|_| Damaged)?, rest))
}

pub(super) fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), Damaged> {
    let mut length = 0usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((length, &bytes[index + 1..]));
        }
    }
    Err(Damaged)
}
