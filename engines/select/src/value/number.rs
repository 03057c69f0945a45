//! Numbers of three types: integers of 64 bits, decimals and floats. An operation is done in the widest of its
//! operands' types; integers do not turn into decimals when they overflow, and divide to integers, as in PartiQL.

use std::cmp::Ordering;

use super::{Decimal, Value};
use crate::error::{Code, SelectError};
use crate::limits::NUMBER_BYTES_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// Two numbers, in the wider of their types.
enum Pair {
    Ints(i64, i64),
    Decimals(Decimal, Decimal),
    Floats(f64, f64),
}

fn pair(one: &Value<'_>, other: &Value<'_>) -> Option<Pair> {
    Some(match (one, other) {
        (Value::Int(one), Value::Int(other)) => Pair::Ints(*one, *other),
        (Value::Float(one), _) => Pair::Floats(*one, to_float(other)?),
        (_, Value::Float(other)) => Pair::Floats(to_float(one)?, *other),
        _ => Pair::Decimals(to_decimal(one)?, to_decimal(other)?),
    })
}

fn to_float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Decimal(value) => Some(value.to_float()),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

fn to_decimal(value: &Value<'_>) -> Option<Decimal> {
    match value {
        Value::Int(value) => Some(Decimal::from(*value)),
        Value::Decimal(value) => Some(value.clone()),
        _ => None,
    }
}

/// `None` unless both are numbers.
pub(super) fn compare(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match pair(one, other)? {
        Pair::Ints(one, other) => Some(one.cmp(&other)),
        Pair::Decimals(one, other) => one.partial_cmp(&other),
        Pair::Floats(one, other) => one.partial_cmp(&other),
    }
}

/// Of two known values.
pub(crate) fn apply(
    operation: Arithmetic,
    one: &Value<'_>,
    other: &Value<'_>,
) -> Result<Value<'static>, SelectError> {
    let Some(pair) = pair(one, other) else {
        let kinds = format!("no arithmetic with {} and {}", one.kind(), other.kind());
        return Err(SelectError::cannot_evaluate(kinds));
    };
    match pair {
        Pair::Ints(one, other) => ints(operation, one, other).map(Value::Int),
        Pair::Decimals(one, other) => decimals(operation, &one, &other).map(Value::Decimal),
        Pair::Floats(one, other) => floats(operation, one, other).map(Value::Float),
    }
}

/// Infinity is no result: neither output could show it.
fn floats(operation: Arithmetic, one: f64, other: f64) -> Result<f64, SelectError> {
    let result = match operation {
        Arithmetic::Add => one + other,
        Arithmetic::Subtract => one - other,
        Arithmetic::Multiply => one * other,
        Arithmetic::Divide | Arithmetic::Modulo if other == 0.0 => return Err(by_zero()),
        Arithmetic::Divide => one / other,
        Arithmetic::Modulo => one % other,
    };
    if result.is_finite() { Ok(result) } else { Err(Code::NumberFormatError.into()) }
}

fn ints(operation: Arithmetic, one: i64, other: i64) -> Result<i64, SelectError> {
    let result = match operation {
        Arithmetic::Add => one.checked_add(other),
        Arithmetic::Subtract => one.checked_sub(other),
        Arithmetic::Multiply => one.checked_mul(other),
        Arithmetic::Divide | Arithmetic::Modulo if other == 0 => return Err(by_zero()),
        Arithmetic::Divide => one.checked_div(other),
        Arithmetic::Modulo => one.checked_rem(other),
    };
    result.ok_or_else(|| Code::IntegerOverflow.into())
}

fn decimals(operation: Arithmetic, one: &Decimal, other: &Decimal) -> Result<Decimal, SelectError> {
    match operation {
        Arithmetic::Add => one.add(other),
        Arithmetic::Subtract => one.subtract(other),
        Arithmetic::Multiply => one.multiply(other),
        Arithmetic::Divide | Arithmetic::Modulo if other.is_zero() => Err(by_zero()),
        Arithmetic::Divide => one.divide(other),
        Arithmetic::Modulo => one.remainder(other),
    }
}

fn by_zero() -> SelectError {
    SelectError::cannot_evaluate("division by zero")
}

/// Of a known value.
pub(crate) fn negate(value: &Value<'_>) -> Result<Value<'static>, SelectError> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or_else(|| Code::IntegerOverflow.into()),
        Value::Decimal(value) => Ok(Value::Decimal(value.negate())),
        Value::Float(value) => Ok(Value::Float(-value)),
        other => Err(SelectError::cannot_evaluate(format!("no minus before {}", other.kind()))),
    }
}

/// The number that a text is: an integer, with a point a decimal, with an exponent a float, as in Ion. Integers
/// beyond 64 bits are decimals. `None` if it is none, or too long.
pub(crate) fn parse_number(text: &str) -> Option<Value<'static>> {
    let kind = number_kind(text)?;
    match kind {
        NumberKind::Int => match text.strip_prefix('+').unwrap_or(text).parse() {
            Ok(value) => Some(Value::Int(value)),
            Err(_) => Decimal::parse(text).map(Value::Decimal),
        },
        NumberKind::Decimal => Decimal::parse(text).map(Value::Decimal),
        NumberKind::Float => parse_float(text).map(Value::Float),
    }
}

/// `None` if the text is no number, or one that is out of reach.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    number_kind(text)?;
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

pub(super) fn parse_decimal(text: &str) -> Option<Decimal> {
    number_kind(text)?;
    Decimal::parse(text)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NumberKind {
    Int,
    Decimal,
    Float,
}

/// `[+-] digits [. digits] [e [+-] digits]`, where one side of the point may be empty.
fn number_kind(text: &str) -> Option<NumberKind> {
    if text.len() > NUMBER_BYTES_MAX {
        return None;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let empty = whole.is_empty() && fraction.is_none_or(str::is_empty);
    if empty || !digits(whole) || !fraction.is_none_or(digits) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let fits = !exponent.is_empty() && exponent.len() <= 9 && digits(exponent);
        return fits.then_some(NumberKind::Float);
    }
    Some(if fraction.is_some() { NumberKind::Decimal } else { NumberKind::Int })
}

/// The shortest text that reads as the same float.
pub(super) fn float_to_text(value: f64) -> String {
    serde_json::to_string(&value).expect("a float can be written")
}
