//! Attribute values between the API and the item engine, and what DynamoDB says of those that are none.
//!
//! Surprising: the sentences on sets have AWS's own slips in them (`An string set  may not be empty`, `of type BS`), and
//! clients match on them. Whether a value names exactly one type is looked at after its content, so of `{"S": "a", "N":
//! "b"}` the number is what is complained about. Sources: BEHAVIOURS.md, "Values".

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dynamodb_api::AttributeValue;
use item_engine::{Item, Number, Value};

use crate::error::Error;
use crate::limits::VALUE_DEPTH_MAX;

pub type Attributes = BTreeMap<String, AttributeValue>;

const EMPTY: &str = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const AMBIGUOUS: &str = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
pub const TOO_DEEP: &str = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond \
                        supported limit";
const INVALID: &str = "One or more parameter values were invalid: ";

/// Reads all attributes of an item or a key.
pub fn item(attributes: Attributes) -> Result<Item, Error> {
    attributes.into_iter().map(|(name, given)| Ok((name, value(given)?))).collect()
}

/// Reads one value.
pub fn value(given: AttributeValue) -> Result<Value, Error> {
    read(given, 0)
}

fn read(given: AttributeValue, depth: usize) -> Result<Value, Error> {
    Ok(match given {
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::N(text) => Value::Number(parse(&text)?),
        AttributeValue::B(bytes) => Value::Binary(bytes),
        AttributeValue::BOOL(truth) => Value::Bool(truth),
        AttributeValue::NULL(true) => Value::Null,
        AttributeValue::NULL(false) => {
            return Err(invalid("Null attribute value types must have the value of true"));
        }
        AttributeValue::M(_) | AttributeValue::L(_) if depth >= VALUE_DEPTH_MAX => {
            return Err(Error::Validation(TOO_DEEP.to_owned()));
        }
        AttributeValue::M(entries) => Value::Map(map(entries, depth)?),
        AttributeValue::L(values) => {
            Value::List(values.into_iter().map(|value| read(value, depth + 1)).collect::<Result<_, _>>()?)
        }
        AttributeValue::SS(given) => string_set(given)?,
        AttributeValue::NS(given) => number_set(given)?,
        AttributeValue::BS(given) => binary_set(given)?,
        AttributeValue::Unset => return Err(Error::Validation(EMPTY.to_owned())),
        AttributeValue::Several(given) => return Err(ambiguous(given, depth)),
    })
}

/// Whether a value that an update made is nested no deeper than values may be.
pub fn check_depth(value: &Value) -> Result<(), Error> {
    if value.depth() > VALUE_DEPTH_MAX { Err(Error::Validation(TOO_DEEP.to_owned())) } else { Ok(()) }
}

/// Of several types at once: what is wrong with one of them, or that there are several.
fn ambiguous(mut given: Vec<AttributeValue>, depth: usize) -> Error {
    given.sort_by_key(|part| match part {
        AttributeValue::N(_) => 0,
        AttributeValue::NULL(_) => 1,
        AttributeValue::SS(_) => 2,
        AttributeValue::NS(_) => 3,
        AttributeValue::BS(_) => 4,
        AttributeValue::M(_) => 5,
        AttributeValue::L(_) => 6,
        _ => 7,
    });
    let wrong = given.into_iter().find_map(|part| read(part, depth).err());
    wrong.unwrap_or_else(|| Error::Validation(AMBIGUOUS.to_owned()))
}

fn map(entries: Attributes, depth: usize) -> Result<BTreeMap<String, Value>, Error> {
    entries.into_iter().map(|(name, given)| Ok((name, read(given, depth + 1)?))).collect()
}

fn invalid(reason: impl AsRef<str>) -> Error {
    Error::Validation([INVALID, reason.as_ref()].concat())
}

fn parse(text: &str) -> Result<Number, Error> {
    Number::parse(text).map_err(|error| Error::Validation(error.to_string()))
}

fn string_set(given: Vec<String>) -> Result<Value, Error> {
    if given.is_empty() {
        return Err(invalid("An string set  may not be empty"));
    }
    if given.iter().any(String::is_empty) {
        return Err(invalid("An string set may not have a empty string as a member"));
    }
    let set: BTreeSet<String> = given.iter().cloned().collect();
    if set.len() < given.len() {
        return Err(invalid(format!("Input collection [{}] contains duplicates.", given.join(", "))));
    }
    Ok(Value::StringSet(set))
}

fn number_set(given: Vec<String>) -> Result<Value, Error> {
    if given.is_empty() {
        return Err(invalid("An number set  may not be empty"));
    }
    let set = given.iter().map(|text| parse(text)).collect::<Result<BTreeSet<Number>, Error>>()?;
    if set.len() < given.len() {
        return Err(Error::Validation("Input collection contains duplicates".to_owned()));
    }
    Ok(Value::NumberSet(set))
}

fn binary_set(given: Vec<Bytes>) -> Result<Value, Error> {
    if given.is_empty() {
        return Err(invalid("Binary sets should not be empty"));
    }
    if given.iter().any(Bytes::is_empty) {
        return Err(invalid("Binary sets may not contain null or empty values"));
    }
    let set: BTreeSet<Bytes> = given.iter().cloned().collect();
    if set.len() < given.len() {
        let shown: Vec<String> = given.iter().map(|bytes| STANDARD.encode(bytes)).collect();
        return Err(invalid(format!(
            "Input collection [{}]of type BS contains duplicates.",
            shown.join(", ")
        )));
    }
    Ok(Value::BinarySet(set))
}

/// All attributes of an item, as clients see them.
pub fn attributes(item: Item) -> Attributes {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

/// One value, as clients see it.
pub fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::NULL(true),
        Value::Bool(value) => AttributeValue::BOOL(value),
        Value::Number(number) => AttributeValue::N(text(&number)),
        Value::String(text) => AttributeValue::S(text),
        Value::Binary(bytes) => AttributeValue::B(bytes),
        Value::List(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::Map(entries) => AttributeValue::M(attributes(entries)),
        Value::StringSet(set) => AttributeValue::SS(set.into_iter().collect()),
        Value::NumberSet(set) => AttributeValue::NS(set.iter().map(text).collect()),
        Value::BinarySet(set) => AttributeValue::BS(set.into_iter().collect()),
    }
}

fn text(number: &Number) -> String {
    let mut text = String::new();
    number.write_to(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn n(text: &str) -> AttributeValue {
        AttributeValue::N(text.to_owned())
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn refused(given: AttributeValue) -> String {
        match value(given) {
            Err(Error::Validation(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_type_comes_back_as_it_went() {
        let nested = Attributes::from([("a".to_owned(), s("")), ("b".to_owned(), n("-1.5"))]);
        for given in [
            s("text"),
            s(""),
            n("12345678901234567890123456789012345678"),
            AttributeValue::B(Bytes::from_static(b"\0\xff")),
            AttributeValue::SS(texts(&["a", "b"])),
            AttributeValue::NS(texts(&["1", "2.5"])),
            AttributeValue::BS(vec![Bytes::from_static(b"x")]),
            AttributeValue::M(nested),
            AttributeValue::L(vec![s("a"), n("1")]),
            AttributeValue::NULL(true),
            AttributeValue::BOOL(false),
        ] {
            assert_eq!(attribute(value(given.clone()).expect("it is a value")), given);
        }
    }

    #[test]
    fn what_is_no_value_is_refused_in_dynamodbs_words() {
        for (given, message) in [
            (AttributeValue::Unset, EMPTY),
            (AttributeValue::Several(vec![s("a"), n("1")]), AMBIGUOUS),
            (
                AttributeValue::Several(vec![s("a"), n("b")]),
                "The parameter cannot be converted to a numeric value: b",
            ),
            (n(""), "The parameter cannot be converted to a numeric value"),
            (
                AttributeValue::NULL(false),
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            ),
            (
                AttributeValue::SS(texts(&[])),
                "One or more parameter values were invalid: An string set  may not be empty",
            ),
            (
                AttributeValue::SS(texts(&["a", "a"])),
                "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
            ),
            (AttributeValue::NS(texts(&["1", "1.0"])), "Input collection contains duplicates"),
            (
                AttributeValue::BS(vec![Bytes::from_static(b"b"); 2]),
                "One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains \
                 duplicates.",
            ),
            (AttributeValue::L(vec![AttributeValue::Unset]), EMPTY),
        ] {
            assert_eq!(refused(given), message);
        }
    }

    #[test]
    fn maps_and_lists_nest_thirty_one_deep() {
        let wrap = |levels| (0..levels).fold(s("x"), |inner, _| AttributeValue::L(vec![inner]));
        assert!(value(wrap(31)).is_ok());
        assert_eq!(refused(wrap(32)), TOO_DEEP);
    }
}
