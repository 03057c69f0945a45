//! Keys out of items and requests: complete, of the right types, not empty, not too long.
//!
//! Surprising: an item that lacks its key, a key that lacks an attribute and a key condition of another type are three
//! different sentences, and the longest partition key's sentence lacks a space (`limit of2048 bytes`).

use item_engine::keys::{self, KeyValue};
use item_engine::{Item, Value};

use crate::directory::IndexView;
use crate::error::Error;
use crate::limits::{HASH_KEY_BYTES_MAX, RANGE_KEY_BYTES_MAX};
use crate::model::key_schema::{KeyAttribute, KeySchema, ScalarType};

/// Which half of a key an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Hash,
    Range,
}

impl Half {
    fn of(self, key: &KeySchema) -> impl Iterator<Item = &KeyAttribute> {
        let (hash, range) = match self {
            Half::Hash => (Some(key.hash_attributes()), None),
            Half::Range => (None, Some(key.range_attributes())),
        };
        hash.into_iter().flatten().chain(range.into_iter().flatten())
    }
}

/// How all sentences about empty keys begin.
pub const EMPTY_KEY: &str = "One or more parameter values are not valid.";

const NO_MATCH: &str = "The provided key element does not match the schema";
const INVALID: &str = "One or more parameter values were invalid: ";

/// The bytes of the key of an item that is to be put.
pub fn of_item(schema: &KeySchema, item: &Item) -> Result<Vec<u8>, Error> {
    for attribute in schema.attributes() {
        let name = &attribute.name;
        let Some(value) = item.get(name) else {
            return Err(invalid(format!("Missing the key {name} in the item")));
        };
        if !fits(attribute.kind, value) {
            let (expected, actual) = (attribute.kind.as_str(), value.value_type().code());
            return Err(invalid(format!(
                "Type mismatch for key {name} expected: {expected} actual: {actual}"
            )));
        }
    }
    check_contents(schema, item)?;
    Ok(bytes_of(schema, item))
}

/// The bytes of a key as requests give it: these attributes and no others.
pub fn of_key(schema: &KeySchema, key: &Item) -> Result<Vec<u8>, Error> {
    let count = schema.attributes().count();
    let matches =
        |attribute: &KeyAttribute| key.get(&attribute.name).is_some_and(|value| fits(attribute.kind, value));
    if key.len() != count || !schema.attributes().all(matches) {
        return Err(Error::Validation(NO_MATCH.to_owned()));
    }
    check_contents(schema, key)?;
    Ok(bytes_of(schema, key))
}

/// The bytes of a key that is known to be in the item, since it is stored.
pub fn bytes_of(schema: &KeySchema, item: &Item) -> Vec<u8> {
    let part = |attribute: &KeyAttribute| item.get(&attribute.name).and_then(KeyValue::of);
    let hash = part(&schema.hash).expect("the key was checked before it was stored");
    keys::item_key(hash, schema.range.as_ref().and_then(part))
}

/// The key of the item's entry in an index; none where the item is not in it.
pub fn in_index(index: &IndexView, item: &Item, item_key: &[u8]) -> Option<Vec<u8>> {
    let part = |attribute: &KeyAttribute| {
        let value = item.get(&attribute.name).filter(|value| fits(attribute.kind, value))?;
        KeyValue::of(value)
    };
    let schema = &index.key;
    let hash = part(&schema.hash)?;
    if schema.more_hash.is_empty() && schema.more_range.is_empty() {
        return match &schema.range {
            None => Some(keys::index_key(&[hash], &[], item_key)),
            Some(range) => Some(keys::index_key(&[hash], &[part(range)?], item_key)),
        };
    }
    let hash: Vec<KeyValue<'_>> = schema.hash_attributes().map(part).collect::<Option<_>>()?;
    let range: Vec<KeyValue<'_>> = schema.range_attributes().map(part).collect::<Option<_>>()?;
    Some(keys::index_key(&hash, &range, item_key))
}

pub fn fits(kind: ScalarType, value: &Value) -> bool {
    matches!(
        (kind, value),
        (ScalarType::S, Value::String(_))
            | (ScalarType::N, Value::Number(_))
            | (ScalarType::B, Value::Binary(_))
    )
}

/// Only the key's attributes, of an item that has them.
pub fn only_key(schema: &KeySchema, item: &Item) -> Item {
    let part = |attribute: &KeyAttribute| Some((attribute.name.clone(), item.get(&attribute.name)?.clone()));
    schema.attributes().filter_map(part).collect()
}

fn check_contents(schema: &KeySchema, item: &Item) -> Result<(), Error> {
    for attribute in schema.attributes() {
        let value = item.get(&attribute.name).expect("it was found before");
        if let Some(kind) = empty_kind(value) {
            return Err(Error::Validation(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an \
                 empty {kind} value. Key: {}",
                attribute.name
            )));
        }
    }
    let length = |attribute: &KeyAttribute| {
        item.get(&attribute.name).and_then(KeyValue::of).map_or(0, KeyValue::byte_count)
    };
    check_length(Half::Hash, length(&schema.hash))?;
    schema.range.as_ref().map_or(Ok(()), |range| check_length(Half::Range, length(range)))
}

fn check_length(half: Half, bytes: usize) -> Result<(), Error> {
    match half {
        Half::Hash if bytes > HASH_KEY_BYTES_MAX => Err(invalid(format!(
            "Size of hashkey has exceeded the maximum size limit of{HASH_KEY_BYTES_MAX} bytes"
        ))),
        Half::Range if bytes > RANGE_KEY_BYTES_MAX => Err(invalid(format!(
            "Aggregated size of all range keys has exceeded the size limit of {RANGE_KEY_BYTES_MAX} bytes"
        ))),
        _ => Ok(()),
    }
}

/// `string` or `binary`, of a value that is one and empty.
fn empty_kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) if text.is_empty() => Some("string"),
        Value::Binary(bytes) if bytes.is_empty() => Some("binary"),
        _ => None,
    }
}

/// Whether the attributes of an item that are keys of indexes can be that. `words` are those of the operation: an item
/// that is put has other sentences than one that is updated.
pub fn check_index_keys(
    indexes: &[IndexView],
    old: Option<&Item>,
    item: &Item,
    words: IndexKeyWords,
) -> Result<(), Error> {
    for index in indexes {
        for half in [Half::Hash, Half::Range] {
            let mut is_changed = false;
            for attribute in half.of(&index.key) {
                let Some(value) = item.get(&attribute.name) else { continue };
                // What an update leaves as it was is not looked at: the index may be younger than the item.
                if old.and_then(|old| old.get(&attribute.name)) != Some(value) {
                    check_index_key(index, attribute, value, words)?;
                    is_changed = true;
                }
            }
            if is_changed {
                check_index_length(&index.key, half, item, words)?;
            }
        }
    }
    Ok(())
}

/// The attributes of each half are limited together.
fn check_index_length(key: &KeySchema, half: Half, item: &Item, words: IndexKeyWords) -> Result<(), Error> {
    let values = half.of(key).filter_map(|attribute| item.get(&attribute.name).and_then(KeyValue::of));
    match (words, check_length(half, values.map(KeyValue::byte_count).sum())) {
        (IndexKeyWords::Update, Err(_)) => Err(Error::Validation(
            "The update expression attempted to update the secondary index key beyond allowed size limits"
                .to_owned(),
        )),
        (_, checked) => checked,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKeyWords {
    Put,
    Update,
}

fn check_index_key(
    index: &IndexView,
    attribute: &KeyAttribute,
    value: &Value,
    words: IndexKeyWords,
) -> Result<(), Error> {
    let (name, expected) = (&attribute.name, attribute.kind.as_str());
    if !fits(attribute.kind, value) {
        return Err(match words {
            IndexKeyWords::Put => invalid(format!(
                "Type mismatch for Index Key {name} Expected: {expected} Actual: {} IndexName: {}",
                value.value_type().code(),
                index.name
            )),
            IndexKeyWords::Update => Error::Validation(
                "The update expression attempted to update the secondary index key to unsupported type"
                    .to_owned(),
            ),
        });
    }
    if let Some(kind) = empty_kind(value) {
        return Err(Error::Validation(format!(
            "One or more parameter values are not valid. A value specified for a secondary index key is not \
             supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: {}, \
             IndexKey: {name}",
            index.name
        )));
    }
    Ok(())
}

fn invalid(reason: String) -> Error {
    Error::Validation([INVALID, &reason].concat())
}
