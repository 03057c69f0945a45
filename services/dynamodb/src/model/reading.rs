//! Stored bytes to what is answered, with as few steps between as there can be: without a projection, attributes are
//! made straight from the bytes.

use dynamodb_api::AttributeValue;
use item_engine::Damaged;
use item_engine::encoding::{self, Entries, ValueRef};
use item_engine::expression::Projection;

use crate::directory::TableView;
use crate::error::Error;
use crate::model::values::{self, Attributes};
use crate::model::writing::check_paths;

pub fn check_projected_keys(view: &TableView, projection: Option<&Projection>) -> Result<(), Error> {
    projection.map_or(Ok(()), |projection| check_paths(view, projection.paths().iter()))
}

/// An item as it is answered.
pub fn shown_item(bytes: &[u8], projection: Option<&Projection>) -> Result<Attributes, Error> {
    match projection {
        None => shown_whole(bytes).map(|(attributes, _)| attributes),
        Some(projection) => {
            let names: Vec<&str> = projection.attributes().collect();
            let item = encoding::decode_only(bytes, &names).map_err(Error::internal)?;
            Ok(values::attributes(projection.take(item)))
        }
    }
}

/// An item as it is answered, and its size by DynamoDB's rules.
pub fn shown_whole(bytes: &[u8]) -> Result<(Attributes, usize), Error> {
    let entries = encoding::attributes(bytes).map_err(Error::internal)?;
    let attributes = shown_entries(entries).map_err(Error::internal)?;
    Ok((attributes, stored_bytes(bytes)?))
}

/// The size of a stored item by DynamoDB's rules.
pub fn stored_bytes(bytes: &[u8]) -> Result<usize, Error> {
    encoding::item_bytes(bytes).map_err(Error::internal)
}

fn shown_entries(entries: Entries<'_>) -> Result<Attributes, Damaged> {
    entries.map(|entry| entry.and_then(|(name, value)| Ok((name.to_owned(), shown_value(&value)?)))).collect()
}

fn shown_value(value: &ValueRef<'_>) -> Result<AttributeValue, Damaged> {
    Ok(match value {
        ValueRef::String(text) => AttributeValue::S((*text).to_owned()),
        ValueRef::Map(entries) => AttributeValue::M(shown_entries(entries.clone())?),
        ValueRef::List(elements) => AttributeValue::L(
            elements.clone().map(|element| shown_value(&element?)).collect::<Result<_, _>>()?,
        ),
        other => values::attribute(other.to_value()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use item_engine::{Item, Number, Value, size};
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
