//! Targets over DynamoDB's languages, and over the bytes that items, keys and numbers are.

use std::collections::BTreeMap;

use fogbank_item::expression::{
    Condition, KeyCondition, KeyPart, KeySchema, Kind, Placeholders, Projection, Update,
};
use fogbank_item::partiql::{self, Statement};
use fogbank_item::{Item, Number, Value, ValueType, encoding, keys, size};

/// The first byte says which kind of expression the text is. What is read is evaluated, over an item that has a value
/// of every type.
pub fn expressions(data: &[u8]) {
    let Some((kind, text)) = text_behind_a_byte(data) else { return };
    let mut placeholders = placeholders();
    let item = item();
    match kind % 5 {
        0 => told(Condition::parse(Kind::Condition, text, &mut placeholders).map(|read| {
            read.evaluate(&item);
        })),
        1 => told(Condition::parse(Kind::Filter, text, &mut placeholders).map(|read| {
            read.evaluate(&item);
        })),
        2 => told(KeyCondition::parse(text, &mut placeholders).and_then(|read| {
            let range = read.check(SCHEMA)?.key_range();
            assert!(!range.start.is_empty(), "a partition begins somewhere");
            Ok(())
        })),
        3 => told(Projection::parse(text, &mut placeholders).map(|read| {
            let shown = read.apply(&item);
            assert!(size::item_bytes(&shown) <= size::item_bytes(&item), "a part is no more than the whole");
            assert_eq!(shown, read.take(item.clone()), "both ways show the same");
        })),
        _ => told(Update::parse(text, &mut placeholders).and_then(|read| {
            let after = read.apply(&item)?;
            read.targets().apply(&after);
            Ok(())
        })),
    }
}

/// A statement with three parameters, or as many as it has.
pub fn statements(data: &[u8]) {
    let Some((count, text)) = text_behind_a_byte(data) else { return };
    let parameters: Vec<Value> = item().into_values().take(usize::from(count % 12)).collect();
    let statement = match partiql::parse(text, &parameters) {
        Ok(statement) => statement,
        Err(error) => return assert!(!error.message.is_empty(), "a refusal says why"),
    };
    let item = item();
    match statement {
        Statement::Select(select) | Statement::Exists(select) => {
            told(partiql::access(&select, SCHEMA));
            told(partiql::primary_key(select.condition.as_ref(), SCHEMA));
            if select.condition.is_none_or(|condition| condition.evaluate(&item)) {
                select.columns.apply(item);
            }
        }
        Statement::Insert(insert) => {
            assert_eq!(encoding::decode(&encoding::encode(&insert.item)).as_ref(), Ok(&insert.item));
        }
        Statement::Update(update) => {
            told(partiql::primary_key(Some(&update.condition), SCHEMA));
            told(update.update.apply(&item));
        }
        Statement::Delete(delete) => {
            told(partiql::primary_key(Some(&delete.condition), SCHEMA));
            delete.condition.evaluate(&item);
        }
    }
}

/// Bytes as an item, as a key, and as the text of a number: damaged ones are refused, others come back as they were.
pub fn values(data: &[u8]) {
    if let Ok(item) = encoding::decode(data) {
        let again = encoding::decode(&encoding::encode(&item));
        assert_eq!(again.as_ref(), Ok(&item), "what was read is written and read again");
        drop(encoding::decode_only(data, &["a", "pk"]));
        size::item_bytes(&item);
    }
    for parts in 1..4 {
        drop(keys::decode(data, parts));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(number) = Number::parse(text) {
        assert_eq!(Number::parse(&number.to_string()), Ok(number), "a number is what it is written as");
        drop((number.add(&number), number.subtract(&number), number.negated()));
    }
}

const HASH: [KeyPart<'static>; 1] = [KeyPart { name: "pk", value_type: ValueType::String }];
const RANGE: [KeyPart<'static>; 1] = [KeyPart { name: "sk", value_type: ValueType::Number }];
const SCHEMA: KeySchema<'static> = KeySchema { hash: &HASH, range: &RANGE };

fn text_behind_a_byte(data: &[u8]) -> Option<(u8, &str)> {
    let (first, rest) = data.split_first()?;
    Some((*first, std::str::from_utf8(rest).ok()?))
}

fn told<T>(result: Result<T, fogbank_item::ExpressionError>) {
    if let Err(error) = result {
        assert!(!error.message.is_empty(), "a refusal says why");
    }
}

fn item() -> Item {
    let list = Value::List(vec![number("1"), "two".into(), Value::Map(BTreeMap::new())]);
    let map = BTreeMap::from([(String::from("b"), list.clone())]);
    let entries = [
        ("pk", "p".into()),
        ("sk", number("7")),
        ("a", Value::Map(map)),
        ("b", Value::Binary(b"\x00\xff".as_slice().into())),
        ("l", list),
        ("n", number("-1.5E-3")),
        ("ns", Value::NumberSet([1_u64.into(), 2_u64.into()].into())),
        ("s", "text".into()),
        ("ss", Value::StringSet(["x".into(), "y".into()].into())),
        ("t", true.into()),
        ("z", Value::Null),
    ];
    entries.into_iter().map(|(name, value)| (String::from(name), value)).collect()
}

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).expect("a number"))
}

/// `#a` is the attribute `a` and `:a` its value, for every attribute.
fn placeholders() -> Placeholders {
    let item = item();
    let names = item.keys().map(|name| (format!("#{name}"), name.clone())).collect();
    let values = item.into_iter().map(|(name, value)| (format!(":{name}"), value)).collect();
    Placeholders::new(names, values)
}
