//! Properties of numbers, keys, encodings and parsers.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use bytes::Bytes;
use fogbank_item::encoding;
use fogbank_item::expression::{Condition, KeyCondition, Kind, Projection, Update};
use fogbank_item::keys::{self, KeyValue};
use fogbank_item::{Item, Number, NumberError, Value};
use proptest::prelude::*;

use crate::support::usual;

fn number_text() -> impl Strategy<Value = String> {
    // Often close to each other in size, so that sums fit.
    prop_oneof![
        "-?[0-9]{1,38}",
        "-?[0-9]{1,20}\\.[0-9]{1,18}",
        "-?[0-9]{1,3}E-?[0-9]{1,3}",
        "-?[1-9][0-9]{0,37}E-?[0-9]{1,2}"
    ]
}

fn number() -> impl Strategy<Value = Number> {
    number_text().prop_filter_map("out of range", |text| Number::parse(&text).ok())
}

fn value() -> impl Strategy<Value = Value> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number().prop_map(Value::Number),
        ".{0,20}".prop_map(Value::String),
        bytes().prop_map(Value::Binary),
        proptest::collection::btree_set(".{0,5}", 1..4).prop_map(Value::StringSet),
        proptest::collection::btree_set(number(), 1..4).prop_map(Value::NumberSet),
        proptest::collection::btree_set(bytes(), 1..4).prop_map(Value::BinarySet),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::btree_map(".{0,8}", inner, 0..5).prop_map(Value::Map),
        ]
    })
}

fn item() -> impl Strategy<Value = Item> {
    proptest::collection::btree_map(".{1,10}", value(), 0..6)
}

fn key_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[\\x00-\\x02a-c]{0,6}".prop_map(Value::String),
        number().prop_map(Value::Number),
        proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(255), any::<u8>()], 0..6)
            .prop_map(|bytes| Value::Binary(Bytes::from(bytes))),
    ]
}

/// What expressions are made of, in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("SET"),
        Just("REMOVE"),
        Just("ADD"),
        Just("DELETE"),
        Just("AND"),
        Just("OR"),
        Just("NOT"),
        Just("IN"),
        Just("BETWEEN"),
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just(","),
        Just("."),
        Just("="),
        Just("<"),
        Just("<>"),
        Just(">="),
        Just("+"),
        Just("-"),
        Just("a"),
        Just("b"),
        Just("#a"),
        Just(":s"),
        Just(":n"),
        Just(":l"),
        Just("size"),
        Just("contains"),
        Just("begins_with"),
        Just("attribute_exists"),
        Just("if_not_exists"),
        Just("list_append"),
        Just("0"),
        Just("12"),
        Just("é"),
        Just("#"),
        Just(":"),
    ];
    proptest::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn numbers_agree_with_big_decimals(one in number_text(), other in number_text()) {
        let (Ok(ours), Ok(ours_too)) = (Number::parse(&one), Number::parse(&other)) else { return Ok(()) };
        let (theirs, theirs_too) = (BigDecimal::from_str(&one).unwrap(), BigDecimal::from_str(&other).unwrap());
        prop_assert_eq!(BigDecimal::from_str(&ours.to_string()).unwrap(), theirs.clone());
        prop_assert_eq!(ours.cmp(&ours_too), theirs.cmp(&theirs_too));
        for (result, expected) in [
            (ours.add(&ours_too), &theirs + &theirs_too),
            (ours.subtract(&ours_too), &theirs - &theirs_too),
        ] {
            let expected = expected.normalized();
            match result {
                Ok(result) => prop_assert_eq!(BigDecimal::from_str(&result.to_string()).unwrap(), expected),
                Err(NumberError::TooPrecise) => prop_assert!(expected.digits() > 38),
                Err(error) => prop_assert!(matches!(error, NumberError::Overflow | NumberError::Underflow)),
            }
        }
    }

    #[test]
    fn numbers_are_read_back(number in number()) {
        prop_assert_eq!(Number::parse(&number.to_string()), Ok(number));
        let mut bytes = Vec::new();
        number.write_ordered(&mut bytes);
        prop_assert!(bytes.len() <= 22);
        prop_assert_eq!(Number::read_ordered(&bytes), Ok((number, &[][..])));
        bytes.clear();
        number.write_compact(&mut bytes);
        prop_assert_eq!(Number::read_compact(&bytes), Ok((number, &[][..])));
    }

    #[test]
    fn bytes_of_numbers_are_ordered_as_the_numbers(one in number(), other in number()) {
        let bytes = |number: Number| {
            let mut bytes = Vec::new();
            number.write_ordered(&mut bytes);
            bytes
        };
        prop_assert_eq!(bytes(one).cmp(&bytes(other)), one.cmp(&other));
    }

    #[test]
    fn keys_are_ordered_as_their_values(one in key_value(), other in key_value()) {
        let key = |value: &Value| keys::item_key(KeyValue::String("p"), KeyValue::of(value));
        if let Some(order) = one.compare(&other) {
            prop_assert_eq!(key(&one).cmp(&key(&other)), order);
        }
        let bytes = key(&one);
        let (values, rest) = keys::decode(&bytes, 2).unwrap();
        prop_assert_eq!(&values[1], &one);
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn items_are_read_back(item in item()) {
        prop_assert_eq!(encoding::decode(&encoding::encode(&item)), Ok(item));
    }

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), parts in 0..4usize) {
        let _ = encoding::decode(&bytes);
        let _ = keys::decode(&bytes, parts);
        let mut versioned = vec![1, 0];
        versioned.extend_from_slice(&bytes);
        let _ = encoding::decode(&versioned);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in prop_oneof![words(), ".{0,60}"], item in item()) {
        for kind in [Kind::Condition, Kind::Filter] {
            if let Ok(condition) = Condition::parse(kind, &text, &mut usual()) {
                condition.evaluate(&item);
            }
        }
        let _ = KeyCondition::parse(&text, &mut usual());
        let _ = Projection::parse(&text, &mut usual()).map(|projection| projection.apply(&item));
        let update = Update::parse(&format!("SET {text}"), &mut usual());
        for update in [update, Update::parse(&text, &mut usual())].into_iter().flatten() {
            prop_assert_eq!(update.apply(&item), update.apply_to(item.clone()));
        }
        let _ = Number::parse(&text);
    }

    #[test]
    fn taking_is_applying(item in item(), names in proptest::collection::vec(".{1,3}", 0..4)) {
        let projection = Projection::of_attributes(names);
        prop_assert_eq!(projection.apply(&item), projection.take(item));
    }
}
