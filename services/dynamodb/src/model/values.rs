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
    match count(&given) {
        0 => Err(Error::Validation(EMPTY.to_owned())),
        1 => single(given, depth),
        _ => Err(ambiguous(given, depth)),
    }
}

/// Whether a value that an update made is nested no deeper than values may be.
pub fn check_depth(value: &Value) -> Result<(), Error> {
    if value.depth() > VALUE_DEPTH_MAX { Err(Error::Validation(TOO_DEEP.to_owned())) } else { Ok(()) }
}

fn count(given: &AttributeValue) -> usize {
    let AttributeValue { s, n, b, ss, ns, bs, m, l, null, bool } = given;
    [
        s.is_some(),
        n.is_some(),
        b.is_some(),
        ss.is_some(),
        ns.is_some(),
        bs.is_some(),
        m.is_some(),
        l.is_some(),
    ]
    .into_iter()
    .chain([null.is_some(), bool.is_some()])
    .filter(|there| *there)
    .count()
}

fn single(given: AttributeValue, depth: usize) -> Result<Value, Error> {
    let AttributeValue { s, n, b, ss, ns, bs, m, l, null, bool } = given;
    if let Some(text) = s {
        return Ok(Value::String(text));
    }
    if let Some(text) = n {
        return parse(&text).map(Value::Number);
    }
    if let Some(bytes) = b {
        return Ok(Value::Binary(bytes));
    }
    if let Some(value) = bool {
        return Ok(Value::Bool(value));
    }
    if let Some(is_null) = null {
        let words = "Null attribute value types must have the value of true";
        return if is_null { Ok(Value::Null) } else { Err(invalid(words)) };
    }
    if (m.is_some() || l.is_some()) && depth >= VALUE_DEPTH_MAX {
        return Err(Error::Validation(TOO_DEEP.to_owned()));
    }
    if let Some(entries) = m {
        return map(entries, depth).map(Value::Map);
    }
    if let Some(values) = l {
        return values
            .into_iter()
            .map(|value| read(value, depth + 1))
            .collect::<Result<_, _>>()
            .map(Value::List);
    }
    match (ss, ns, bs) {
        (Some(given), ..) => string_set(given),
        (_, Some(given), _) => number_set(given),
        (_, _, Some(given)) => binary_set(given),
        (None, None, None) => Err(Error::Validation(EMPTY.to_owned())),
    }
}

/// Of several types at once: what is wrong with one of them, or that there are several.
fn ambiguous(given: AttributeValue, depth: usize) -> Error {
    let AttributeValue { n, ss, ns, bs, m, l, null, .. } = given;
    let none = AttributeValue::default;
    let parts = [
        n.map(|n| AttributeValue { n: Some(n), ..none() }),
        null.map(|null| AttributeValue { null: Some(null), ..none() }),
        ss.map(|ss| AttributeValue { ss: Some(ss), ..none() }),
        ns.map(|ns| AttributeValue { ns: Some(ns), ..none() }),
        bs.map(|bs| AttributeValue { bs: Some(bs), ..none() }),
        m.map(|m| AttributeValue { m: Some(m), ..none() }),
        l.map(|l| AttributeValue { l: Some(l), ..none() }),
    ];
    let wrong = parts.into_iter().flatten().find_map(|part| single(part, depth).err());
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
    let mut shown = Attributes::new();
    for (name, value) in item {
        shown.insert(name, attribute(value));
    }
    shown
}

/// One value, as clients see it.
pub fn attribute(value: Value) -> AttributeValue {
    let mut shown = AttributeValue::default();
    match value {
        Value::Null => shown.null = Some(true),
        Value::Bool(value) => shown.bool = Some(value),
        Value::Number(number) => shown.n = Some(text(&number)),
        Value::String(text) => shown.s = Some(text),
        Value::Binary(bytes) => shown.b = Some(bytes),
        Value::List(values) => shown.l = Some(values.into_iter().map(attribute).collect()),
        Value::Map(entries) => shown.m = Some(attributes(entries)),
        Value::StringSet(set) => shown.ss = Some(set.into_iter().collect()),
        Value::NumberSet(set) => shown.ns = Some(set.iter().map(text).collect()),
        Value::BinarySet(set) => shown.bs = Some(set.into_iter().collect()),
    }
    shown
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
        AttributeValue { s: Some(text.to_owned()), ..AttributeValue::default() }
    }

    fn n(text: &str) -> AttributeValue {
        AttributeValue { n: Some(text.to_owned()), ..AttributeValue::default() }
    }

    fn texts(values: &[&str]) -> Option<Vec<String>> {
        Some(values.iter().map(|value| (*value).to_owned()).collect())
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
            AttributeValue { b: Some(Bytes::from_static(b"\0\xff")), ..AttributeValue::default() },
            AttributeValue { ss: texts(&["a", "b"]), ..AttributeValue::default() },
            AttributeValue { ns: texts(&["1", "2.5"]), ..AttributeValue::default() },
            AttributeValue { bs: Some(vec![Bytes::from_static(b"x")]), ..AttributeValue::default() },
            AttributeValue { m: Some(nested), ..AttributeValue::default() },
            AttributeValue { l: Some(vec![s("a"), n("1")]), ..AttributeValue::default() },
            AttributeValue { null: Some(true), ..AttributeValue::default() },
            AttributeValue { bool: Some(false), ..AttributeValue::default() },
        ] {
            assert_eq!(attribute(value(given.clone()).expect("it is a value")), given);
        }
    }

    #[test]
    fn what_is_no_value_is_refused_in_dynamodbs_words() {
        let empty = AttributeValue::default;
        for (given, message) in [
            (empty(), EMPTY),
            (AttributeValue { s: Some("a".into()), n: Some("1".into()), ..empty() }, AMBIGUOUS),
            (
                AttributeValue { s: Some("a".into()), n: Some("b".into()), ..empty() },
                "The parameter cannot be converted to a numeric value: b",
            ),
            (n(""), "The parameter cannot be converted to a numeric value"),
            (
                AttributeValue { null: Some(false), ..empty() },
                "One or more parameter values were invalid: Null attribute value types must have the value of true",
            ),
            (
                AttributeValue { ss: texts(&[]), ..empty() },
                "One or more parameter values were invalid: An string set  may not be empty",
            ),
            (
                AttributeValue { ss: texts(&["a", "a"]), ..empty() },
                "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
            ),
            (AttributeValue { ns: texts(&["1", "1.0"]), ..empty() }, "Input collection contains duplicates"),
            (
                AttributeValue { bs: Some(vec![Bytes::from_static(b"b"); 2]), ..empty() },
                "One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains \
                 duplicates.",
            ),
            (AttributeValue { l: Some(vec![empty()]), ..empty() }, EMPTY),
        ] {
            assert_eq!(refused(given), message);
        }
    }

    #[test]
    fn maps_and_lists_nest_thirty_one_deep() {
        let wrap = |levels| {
            (0..levels)
                .fold(s("x"), |inner, _| AttributeValue { l: Some(vec![inner]), ..AttributeValue::default() })
        };
        assert!(value(wrap(31)).is_ok());
        assert_eq!(refused(wrap(32)), TOO_DEEP);
    }
}
