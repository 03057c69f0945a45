//! Items written as text, and placeholders as pairs.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use fogbank_item::expression::{Condition, Kind, Placeholders, Update};
use fogbank_item::{ExpressionError, Item, Number, Value};

pub fn number(text: &str) -> Number {
    Number::parse(text).expect("it is a number")
}

pub fn n(text: &str) -> Value {
    Value::Number(number(text))
}

pub fn s(text: &str) -> Value {
    Value::from(text)
}

pub fn b(bytes: &[u8]) -> Value {
    Value::Binary(Bytes::copy_from_slice(bytes))
}

pub fn l(values: impl IntoIterator<Item = Value>) -> Value {
    Value::List(values.into_iter().collect())
}

pub fn m<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(item(entries))
}

pub fn ss<const N: usize>(texts: [&str; N]) -> Value {
    Value::StringSet(texts.into_iter().map(str::to_owned).collect::<BTreeSet<_>>())
}

pub fn ns<const N: usize>(numbers: [&str; N]) -> Value {
    Value::NumberSet(numbers.into_iter().map(number).collect::<BTreeSet<_>>())
}

pub fn bs<const N: usize>(parts: [&[u8]; N]) -> Value {
    Value::BinarySet(parts.into_iter().map(Bytes::copy_from_slice).collect::<BTreeSet<_>>())
}

pub fn item<const N: usize>(attributes: [(&str, Value); N]) -> Item {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub fn placeholders<const N: usize, const V: usize>(
    names: [(&str, &str); N],
    values: [(&str, Value); V],
) -> Placeholders {
    let names: BTreeMap<_, _> =
        names.into_iter().map(|(key, name)| (key.to_owned(), name.to_owned())).collect();
    Placeholders::new(names, item(values))
}

/// One value of each type, and names that need placeholders.
pub fn usual() -> Placeholders {
    placeholders(
        [("#a", "a"), ("#b", "b"), ("#odd", "a.b"), ("#status", "status")],
        [
            (":s", s("abc")),
            (":t", s("b")),
            (":n", n("5")),
            (":m", n("7")),
            (":b", b(&[1, 2])),
            (":bool", Value::Bool(true)),
            (":null", Value::Null),
            (":l", l([n("1"), s("x")])),
            (":map", m([("k", n("1"))])),
            (":ss", ss(["a", "b"])),
            (":ns", ns(["1", "2"])),
            (":bs", bs([&[1], &[2]])),
            (":S", s("S")),
            (":X", s("X")),
            (":empty", s("")),
        ],
    )
}

pub fn condition(text: &str) -> Result<Condition, ExpressionError> {
    Condition::parse(Kind::Condition, text, &mut usual())
}

pub fn update(text: &str) -> Result<Update, ExpressionError> {
    Update::parse(text, &mut usual())
}

/// What the first `Err` says.
pub fn message<T>(result: Result<T, ExpressionError>) -> String {
    match result {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.message,
    }
}
