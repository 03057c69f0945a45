//! The values of the language, and how they compare.
//!
//! Nested values (objects and lists) are kept as the JSON they are written in: most queries look at one path of a
//! record and pass the rest on.

mod cast;
mod decimal;
pub(crate) mod json;
mod like;
mod number;
mod pattern;
mod timestamp;

use std::borrow::Cow;
use std::cmp::Ordering;

pub(crate) use cast::{Type, cast};
pub(crate) use decimal::Decimal;
pub(crate) use like::Like;
pub(crate) use number::{Arithmetic, apply, negate, parse_number};
pub(crate) use pattern::Pattern;
pub(crate) use timestamp::{Part, SqlTimestamp};

use crate::error::SelectError;

#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    /// What a path that leads nowhere gives. Not written to JSON, and nothing in CSV.
    Missing,
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Float(f64),
    String(Cow<'a, str>),
    Timestamp(SqlTimestamp),
    /// An object or a list, as JSON.
    Nested(Cow<'a, str>),
}

impl Value<'_> {
    /// NULL or MISSING.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Value::Missing | Value::Null)
    }

    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Value::Missing => Value::Missing,
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Int(value) => Value::Int(value),
            Value::Decimal(value) => Value::Decimal(value),
            Value::Float(value) => Value::Float(value),
            Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Value::Timestamp(value) => Value::Timestamp(value),
            Value::Nested(json) => Value::Nested(Cow::Owned(json.into_owned())),
        }
    }

    /// The same value, borrowed.
    pub(crate) fn borrowed(&self) -> Value<'_> {
        match self {
            Value::String(text) => Value::String(Cow::Borrowed(text)),
            Value::Nested(json) => Value::Nested(Cow::Borrowed(json)),
            other => other.clone_scalar(),
        }
    }

    fn clone_scalar(&self) -> Value<'static> {
        match self {
            Value::Missing => Value::Missing,
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(value) => Value::Int(*value),
            Value::Decimal(value) => Value::Decimal(value.clone()),
            Value::Float(value) => Value::Float(*value),
            Value::Timestamp(value) => Value::Timestamp(value.clone()),
            Value::String(_) | Value::Nested(_) => unreachable!("text is borrowed"),
        }
    }

    pub(crate) fn string(text: impl Into<String>) -> Value<'static> {
        Value::String(Cow::Owned(text.into()))
    }

    /// As the text of a CSV field, and as what CAST to a string gives.
    pub(crate) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Value::Missing | Value::Null => Cow::Borrowed(""),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Decimal(value) => Cow::Owned(value.to_string()),
            Value::Float(value) => Cow::Owned(number::float_to_text(*value)),
            Value::String(text) => Cow::Borrowed(text),
            Value::Timestamp(value) => Cow::Owned(value.to_string()),
            Value::Nested(json) => Cow::Borrowed(json),
        }
    }

    /// For the log.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Missing => "MISSING",
            Value::Null => "NULL",
            Value::Bool(_) => "BOOL",
            Value::Int(_) => "INT",
            Value::Decimal(_) => "DECIMAL",
            Value::Float(_) => "FLOAT",
            Value::String(_) => "STRING",
            Value::Timestamp(_) => "TIMESTAMP",
            Value::Nested(json) => {
                if json.starts_with('[') {
                    "LIST"
                } else {
                    "STRUCT"
                }
            }
        }
    }
}

/// Whether two known values are the same. Values of different types are not (`NULLIF(1, '1')` gives 1); numbers
/// are of one type here.
pub(crate) fn equal(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::String(one), Value::String(other)) => one == other,
        (Value::Timestamp(one), Value::Timestamp(other)) => one.instant() == other.instant(),
        (Value::Nested(one), Value::Nested(other)) => json::compact(one) == json::compact(other),
        _ => number::compare(one, other) == Some(Ordering::Equal),
    }
}

/// The order of two known values; those of different types have none, which is an error, as in PartiQL.
pub(crate) fn order(one: &Value<'_>, other: &Value<'_>) -> Result<Ordering, SelectError> {
    let ordered = match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (Value::Timestamp(one), Value::Timestamp(other)) => Some(one.instant().cmp(&other.instant())),
        _ => number::compare(one, other),
    };
    ordered.ok_or_else(|| {
        SelectError::cannot_evaluate(format!("{} and {} have no order", one.kind(), other.kind()))
    })
}
