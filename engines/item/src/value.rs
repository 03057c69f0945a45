//! Values and items, as DynamoDB has them.
//!
//! Numbers are exact, strings are ordered by their UTF-8 bytes, sets have no order of their own and are kept sorted.
//! Sets are never empty and hold each element once; who makes a value sees to that (`ValidationException` otherwise).
//! See "Supported data types and naming rules in Amazon DynamoDB".

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::number::Number;

/// All attributes of an item by their names.
pub type Item = BTreeMap<String, Value>;

/// One attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Binary(Bytes),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    StringSet(BTreeSet<String>),
    NumberSet(BTreeSet<Number>),
    BinarySet(BTreeSet<Bytes>),
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueType {
    Null,
    Bool,
    Number,
    String,
    Binary,
    List,
    Map,
    StringSet,
    NumberSet,
    BinarySet,
}

impl Value {
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::Null => ValueType::Null,
            Value::Bool(_) => ValueType::Bool,
            Value::Number(_) => ValueType::Number,
            Value::String(_) => ValueType::String,
            Value::Binary(_) => ValueType::Binary,
            Value::List(_) => ValueType::List,
            Value::Map(_) => ValueType::Map,
            Value::StringSet(_) => ValueType::StringSet,
            Value::NumberSet(_) => ValueType::NumberSet,
            Value::BinarySet(_) => ValueType::BinarySet,
        }
    }

    /// The order of two scalars of the same type: numbers by value, strings and binaries by their bytes. `None` for
    /// everything else, where `<` and its like are never true.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(one), Value::Number(other)) => Some(one.cmp(other)),
            (Value::String(one), Value::String(other)) => Some(one.as_bytes().cmp(other.as_bytes())),
            (Value::Binary(one), Value::Binary(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }

    /// How many lists and maps lie inside each other: zero for what is neither.
    pub fn depth(&self) -> usize {
        let inner =
            |values: &mut dyn Iterator<Item = &Value>| 1 + values.map(Value::depth).max().unwrap_or_default();
        match self {
            Value::List(values) => inner(&mut values.iter()),
            Value::Map(values) => inner(&mut values.values()),
            _ => 0,
        }
    }
}

impl ValueType {
    pub const ALL: [ValueType; 10] = [
        ValueType::Null,
        ValueType::Bool,
        ValueType::Number,
        ValueType::String,
        ValueType::Binary,
        ValueType::List,
        ValueType::Map,
        ValueType::StringSet,
        ValueType::NumberSet,
        ValueType::BinarySet,
    ];

    /// As in requests and in most messages: `S`, `NS`, `BOOL`.
    pub fn code(self) -> &'static str {
        match self {
            ValueType::Null => "NULL",
            ValueType::Bool => "BOOL",
            ValueType::Number => "N",
            ValueType::String => "S",
            ValueType::Binary => "B",
            ValueType::List => "L",
            ValueType::Map => "M",
            ValueType::StringSet => "SS",
            ValueType::NumberSet => "NS",
            ValueType::BinarySet => "BS",
        }
    }

    /// As in the messages about ADD and DELETE: `STRING`, `BOOLEAN`.
    pub fn word(self) -> &'static str {
        match self {
            ValueType::Null => "NULL",
            ValueType::Bool => "BOOLEAN",
            ValueType::Number => "NUMBER",
            ValueType::String => "STRING",
            ValueType::Binary => "BINARY",
            ValueType::List => "LIST",
            ValueType::Map => "MAP",
            ValueType::StringSet => "STRING_SET",
            ValueType::NumberSet => "NUMBER_SET",
            ValueType::BinarySet => "BINARY_SET",
        }
    }

    pub fn from_code(code: &str) -> Option<ValueType> {
        ValueType::ALL.into_iter().find(|value_type| value_type.code() == code)
    }

    pub fn is_set(self) -> bool {
        matches!(self, ValueType::StringSet | ValueType::NumberSet | ValueType::BinarySet)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}
