//! CAST. A value that has no such type at all is `InvalidCast`, a text that does not read as one `CastFailed`.

use std::borrow::Cow;

use super::number::{parse_decimal, parse_float};
use super::{Decimal, SqlTimestamp, Value};
use crate::error::{Code, SelectError};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Float,
    Decimal,
    String,
    Timestamp,
    Null,
    Missing,
}

impl Type {
    /// The names of the page "Data types", and those of SQL that mean the same.
    pub(crate) fn named(name: &str) -> Option<Type> {
        Some(match name.to_ascii_lowercase().as_str() {
            "bool" | "boolean" => Type::Bool,
            "int" | "integer" | "smallint" => Type::Int,
            "float" | "real" | "double" => Type::Float,
            "decimal" | "numeric" | "dec" => Type::Decimal,
            "string" | "char" | "character" | "varchar" => Type::String,
            "timestamp" => Type::Timestamp,
            "null" => Type::Null,
            "missing" => Type::Missing,
            _ => return None,
        })
    }

    /// For `x IS type`.
    pub(crate) fn describes(self, value: &Value<'_>) -> bool {
        matches!(
            (self, value),
            (Type::Bool, Value::Bool(_))
                | (Type::Int, Value::Int(_))
                | (Type::Float, Value::Float(_))
                | (Type::Decimal, Value::Decimal(_))
                | (Type::String, Value::String(_))
                | (Type::Timestamp, Value::Timestamp(_))
                | (Type::Missing, Value::Missing)
                | (Type::Null, Value::Null | Value::Missing)
        )
    }
}

pub(crate) fn cast<'a>(value: Value<'a>, to: Type) -> Result<Value<'a>, SelectError> {
    if value.is_unknown() {
        return Ok(value);
    }
    let text = match &value {
        Value::String(text) => text.trim(),
        _ => return cast_typed(value, to),
    };
    let read = match to {
        Type::String => return Ok(value),
        Type::Bool if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Type::Bool if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        Type::Int => text.strip_prefix('+').unwrap_or(text).parse().ok().map(Value::Int),
        Type::Float => parse_float(text).map(Value::Float),
        Type::Decimal => parse_decimal(text).map(Value::Decimal),
        Type::Timestamp => SqlTimestamp::parse(text).map(Value::Timestamp),
        Type::Bool | Type::Null | Type::Missing => None,
    };
    read.ok_or_else(|| SelectError::new(Code::CastFailed).because(format!("to {to:?}")))
}

/// Of anything but a string.
fn cast_typed<'a>(value: Value<'a>, to: Type) -> Result<Value<'a>, SelectError> {
    let failed = || SelectError::new(Code::CastFailed).because(format!("to {to:?}"));
    Ok(match (to, &value) {
        (Type::String, Value::Nested(_)) => return Err(Code::InvalidCast.into()),
        (Type::String, other) => Value::String(Cow::Owned(other.to_text().into_owned())),
        (Type::Bool, Value::Int(value)) => Value::Bool(*value != 0),
        (Type::Bool, Value::Float(value)) => Value::Bool(*value != 0.0),
        (Type::Bool, Value::Decimal(value)) => Value::Bool(!value.is_zero()),
        (Type::Int, Value::Bool(value)) => Value::Int(i64::from(*value)),
        (Type::Int, Value::Decimal(value)) => Value::Int(value.to_int().ok_or_else(failed)?),
        (Type::Int, Value::Float(value)) => Value::Int(whole(*value).ok_or_else(failed)?),
        (Type::Float, Value::Bool(value)) => Value::Float(f64::from(*value)),
        (Type::Float, Value::Int(value)) => Value::Float(*value as f64),
        (Type::Float, Value::Decimal(value)) => Value::Float(value.to_float()),
        (Type::Decimal, Value::Bool(value)) => Value::Decimal(Decimal::from(i64::from(*value))),
        (Type::Decimal, Value::Int(value)) => Value::Decimal(Decimal::from(*value)),
        (Type::Decimal, Value::Float(value)) => {
            Value::Decimal(Decimal::from_float(*value).ok_or_else(failed)?)
        }
        _ if to.describes(&value) => value,
        _ => return Err(Code::InvalidCast.into()),
    })
}

/// Cut after the point; `None` beyond 64 bits.
fn whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}
