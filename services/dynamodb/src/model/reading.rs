//! Stored bytes to what is answered, with as few steps between as there can be: without a projection, attributes are
//! made straight from the bytes.

use dynamodb_api::AttributeValue;
use item_engine::encoding::{self, Entries, ValueRef};
use item_engine::expression::Projection;
use item_engine::{Damaged, Number, Value, size};

use crate::directory::TableView;
use crate::error::Error;
use crate::model::action::decode;
use crate::model::values::{self, Attributes};
use crate::model::writing::check_paths;

pub fn check_projected_keys(view: &TableView, projection: Option<&Projection>) -> Result<(), Error> {
    projection.map_or(Ok(()), |projection| check_paths(view, projection.paths().iter()))
}

/// An item as it is answered.
pub fn shown_item(bytes: &[u8], projection: Option<&Projection>) -> Result<Attributes, Error> {
    match projection {
        None => shown_whole(bytes).map(|(attributes, _)| attributes),
        Some(projection) => Ok(values::attributes(projection.apply(&decode(bytes)?))),
    }
}

/// An item as it is answered, and its size by DynamoDB's rules.
pub fn shown_whole(bytes: &[u8]) -> Result<(Attributes, usize), Error> {
    let entries = encoding::attributes(bytes).map_err(Error::internal)?;
    let mut size = 0;
    let attributes = shown_entries(entries, &mut size).map_err(Error::internal)?;
    Ok((attributes, size))
}

/// The size of a stored item by DynamoDB's rules.
pub fn stored_bytes(bytes: &[u8]) -> Result<usize, Error> {
    let entries = encoding::attributes(bytes).map_err(Error::internal)?;
    sum_entries(entries).map_err(Error::internal)
}

fn sum_entries(entries: Entries<'_>) -> Result<usize, Damaged> {
    let mut sum = 0;
    for entry in entries {
        let (name, value) = entry?;
        sum += name.len() + sum_value(&value)?;
    }
    Ok(sum)
}

/// What a list or map counts for itself, besides what is in it.
fn nested_bytes(elements: usize) -> usize {
    size::value_bytes(&Value::List(Vec::new())) + elements
}

fn number_bytes(number: Number) -> usize {
    size::value_bytes(&Value::Number(number))
}

fn sum_value(value: &ValueRef<'_>) -> Result<usize, Damaged> {
    Ok(match value {
        ValueRef::Null | ValueRef::Bool(_) => 1,
        ValueRef::Number(number) => number_bytes(*number),
        ValueRef::String(text) => text.len(),
        ValueRef::Binary(bytes) => bytes.len(),
        ValueRef::Map(entries) => nested_bytes(entries.len()) + sum_entries(entries.clone())?,
        ValueRef::List(elements) => {
            let mut sum = nested_bytes(elements.len());
            for element in elements.clone() {
                sum += sum_value(&element?)?;
            }
            sum
        }
        ValueRef::StringSet(set) | ValueRef::NumberSet(set) | ValueRef::BinarySet(set) => {
            let mut sum = 0;
            for element in set.clone() {
                sum += sum_value(&element?)?;
            }
            sum
        }
    })
}

fn shown_entries(entries: Entries<'_>, size: &mut usize) -> Result<Attributes, Damaged> {
    // One by one: values of the API are large, and collecting them first would move each once more.
    let mut shown = Attributes::new();
    for entry in entries {
        let (name, value) = entry?;
        *size += name.len();
        shown.insert(name.to_owned(), shown_value(&value, size)?);
    }
    Ok(shown)
}

fn shown_value(value: &ValueRef<'_>, size: &mut usize) -> Result<AttributeValue, Damaged> {
    let mut shown = AttributeValue::default();
    match value {
        ValueRef::String(text) => {
            *size += text.len();
            shown.s = Some((*text).to_owned());
        }
        ValueRef::Map(entries) => {
            *size += nested_bytes(entries.len());
            shown.m = Some(shown_entries(entries.clone(), size)?);
        }
        ValueRef::List(elements) => {
            *size += nested_bytes(elements.len());
            let mut list = Vec::with_capacity(elements.len());
            for element in elements.clone() {
                list.push(shown_value(&element?, size)?);
            }
            shown.l = Some(list);
        }
        other => {
            *size += sum_value(other)?;
            return Ok(values::attribute(other.to_value()?));
        }
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use item_engine::Item;
    use std::collections::{BTreeMap, BTreeSet};

    fn item() -> Item {
        let text = |text: &str| Value::from(text);
        let number = |number: i64| Value::Number(Number::from(number));
        Item::from([
            ("pk".to_owned(), text("a")),
            ("n".to_owned(), number(-1234)),
            ("list".to_owned(), Value::List(vec![Value::Null, number(0), Value::List(Vec::new())])),
            ("map".to_owned(), Value::Map(BTreeMap::from([("x".to_owned(), Value::Bool(true))]))),
            ("set".to_owned(), Value::NumberSet(BTreeSet::from([Number::from(1i64), Number::from(22i64)]))),
            ("bin".to_owned(), Value::Binary(bytes::Bytes::from_static(b"\0\x01"))),
        ])
    }

    #[test]
    fn what_is_shown_of_stored_bytes_is_the_item_and_its_size() {
        let bytes = encoding::encode(&item());
        let (shown, size) = shown_whole(&bytes).expect("it was encoded");
        assert_eq!(shown, values::attributes(item()));
        assert_eq!(size, size::item_bytes(&item()));
        assert_eq!(stored_bytes(&bytes).expect("it was encoded"), size);
    }
}
