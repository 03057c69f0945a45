//! Whether a condition holds for an item.
//!
//! Types never mix: a number is not less than a string, it is nothing to it. What is not there equals nothing, not
//! even what is not there either; so `a <> :v` is true of an item without `a`, and `NOT a = :v` as well.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::condition::{Comparator, Condition, Operand};
use crate::number::Number;
use crate::value::{Item, Value};

impl Condition {
    pub fn evaluate(&self, item: &Item) -> bool {
        match self {
            Condition::And(conditions) => conditions.iter().all(|condition| condition.evaluate(item)),
            Condition::Or(conditions) => conditions.iter().any(|condition| condition.evaluate(item)),
            Condition::Not(condition) => !condition.evaluate(item),
            Condition::Compare { left, comparator, right } => {
                compare(left.value_in(item), *comparator, right.value_in(item))
            }
            Condition::Between { operand, low, high } => {
                let value = operand.value_in(item);
                compare(low.value_in(item), Comparator::LessOrEqual, value.clone())
                    && compare(value, Comparator::LessOrEqual, high.value_in(item))
            }
            Condition::In { operand, options } => {
                let value = operand.value_in(item);
                value.is_some() && options.iter().any(|option| option.value_in(item) == value)
            }
            Condition::Exists(path) => path.resolve(item).is_some(),
            Condition::NotExists(path) => path.resolve(item).is_none(),
            Condition::HasType { path, value_type } => {
                path.resolve(item).is_some_and(|value| value.value_type() == *value_type)
            }
            Condition::BeginsWith { operand, prefix } => {
                both(operand, prefix, item).is_some_and(|(value, prefix)| begins_with(&value, &prefix))
            }
            Condition::Contains { operand, element } => {
                both(operand, element, item).is_some_and(|(value, element)| contains(&value, &element))
            }
        }
    }
}

impl Operand {
    /// What it is for an item; nothing where a path leads nowhere, or has no size.
    pub fn value_in<'a>(&'a self, item: &'a Item) -> Option<Cow<'a, Value>> {
        match self {
            Operand::Path(path) => path.resolve(item).map(Cow::Borrowed),
            Operand::Value(value) => Some(Cow::Borrowed(value)),
            Operand::Size(operand) => {
                let size = size(&*operand.value_in(item)?)?;
                Some(Cow::Owned(Value::Number(Number::from(size as u64))))
            }
        }
    }
}

fn compare(left: Option<Cow<'_, Value>>, comparator: Comparator, right: Option<Cow<'_, Value>>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return comparator == Comparator::NotEqual };
    let order = match comparator {
        Comparator::Equal => return left == right,
        Comparator::NotEqual => return left != right,
        _ => left.compare(&right),
    };
    match comparator {
        Comparator::Less => order == Some(Ordering::Less),
        Comparator::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparator::Greater => order == Some(Ordering::Greater),
        _ => order.is_some_and(Ordering::is_ge),
    }
}

fn both<'a>(
    one: &'a Operand,
    other: &'a Operand,
    item: &'a Item,
) -> Option<(Cow<'a, Value>, Cow<'a, Value>)> {
    Some((one.value_in(item)?, other.value_in(item)?))
}

fn begins_with(value: &Value, prefix: &Value) -> bool {
    match (value, prefix) {
        (Value::String(text), Value::String(prefix)) => text.starts_with(prefix.as_str()),
        (Value::Binary(bytes), Value::Binary(prefix)) => bytes.starts_with(prefix),
        _ => false,
    }
}

fn contains(value: &Value, element: &Value) -> bool {
    match (value, element) {
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        (Value::Binary(bytes), Value::Binary(part)) => memchr::memmem::find(bytes, part).is_some(),
        (Value::StringSet(set), Value::String(text)) => set.contains(text),
        (Value::NumberSet(set), Value::Number(number)) => set.contains(number),
        (Value::BinarySet(set), Value::Binary(bytes)) => set.contains(bytes),
        (Value::List(values), element) => values.contains(element),
        _ => false,
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) if text.is_ascii() => Some(text.len()),
        Value::String(text) => Some(text.encode_utf16().count()),
        Value::Binary(bytes) => Some(bytes.len()),
        Value::List(values) => Some(values.len()),
        Value::Map(entries) => Some(entries.len()),
        Value::StringSet(set) => Some(set.len()),
        Value::NumberSet(set) => Some(set.len()),
        Value::BinarySet(set) => Some(set.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
