//! Items as lines of JSON, in the form of exports and imports: `{"Item": {"pk": {"S": "a"}}}`.
//!
//! Numbers are texts, so that no digit is lost; binaries are base64.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use item_engine::{Item, Number, Value};
use serde_json::{Map, Value as Json, json};

pub fn shown(item: &Item) -> Json {
    Json::Object(item.iter().map(|(name, value)| (name.clone(), shown_value(value))).collect())
}

fn shown_value(value: &Value) -> Json {
    let base64 = |bytes: &Bytes| STANDARD.encode(bytes);
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(truth) => json!({ "BOOL": truth }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Binary(bytes) => json!({ "B": base64(bytes) }),
        Value::List(values) => json!({ "L": values.iter().map(shown_value).collect::<Vec<_>>() }),
        Value::Map(values) => {
            let values: Map<String, Json> =
                values.iter().map(|(name, value)| (name.clone(), shown_value(value))).collect();
            json!({ "M": values })
        }
        Value::StringSet(texts) => json!({ "SS": texts }),
        Value::NumberSet(numbers) => {
            json!({ "NS": numbers.iter().map(Number::to_string).collect::<Vec<_>>() })
        }
        Value::BinarySet(all) => json!({ "BS": all.iter().map(base64).collect::<Vec<_>>() }),
    }
}

/// The item in a line of an import; nothing if it is not one.
pub fn read_line(line: &str) -> Option<Item> {
    let line: Json = serde_json::from_str(line).ok()?;
    read(line.get("Item")?)
}

pub fn read(item: &Json) -> Option<Item> {
    item.as_object()?.iter().map(|(name, value)| Some((name.clone(), read_value(value)?))).collect()
}

fn read_value(value: &Json) -> Option<Value> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    let (kind, value) = object.iter().next()?;
    let binary = |value: &Json| STANDARD.decode(value.as_str()?).ok().map(Bytes::from);
    let number = |value: &Json| value.as_str()?.parse::<Number>().ok();
    Some(match kind.as_str() {
        "NULL" => Value::Null,
        "BOOL" => Value::Bool(value.as_bool()?),
        "N" => Value::Number(number(value)?),
        "S" => Value::String(value.as_str()?.to_owned()),
        "B" => Value::Binary(binary(value)?),
        "L" => Value::List(value.as_array()?.iter().map(read_value).collect::<Option<_>>()?),
        "M" => Value::Map(read(value)?),
        "SS" => {
            let text = |value: &Json| value.as_str().map(str::to_owned);
            Value::StringSet(set(value, text)?)
        }
        "NS" => Value::NumberSet(set(value, number)?),
        "BS" => Value::BinarySet(set(value, binary)?),
        _ => return None,
    })
}

fn set<T: Ord>(values: &Json, read: impl Fn(&Json) -> Option<T>) -> Option<BTreeSet<T>> {
    let values = values.as_array().filter(|values| !values.is_empty())?;
    values.iter().map(read).collect()
}

/// The item in a line of comma-separated values. Keys have the types that the table says; everything else is a text, and
/// what is empty is left out.
pub fn read_csv(fields: &[String], header: &[String], kinds: &BTreeMap<String, char>) -> Option<Item> {
    let mut item = Item::new();
    for (name, field) in header.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
        let value = match kinds.get(name) {
            Some('N') => Value::Number(field.parse().ok()?),
            Some('B') => Value::Binary(STANDARD.decode(field).ok()?.into()),
            _ => Value::String(field.clone()),
        };
        item.insert(name.clone(), value);
    }
    Some(item)
}

/// Splits a line at its delimiters; a field in quotes may have some, and its quotes are doubled.
pub fn split_csv(line: &str, delimiter: char) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        let field = fields.last_mut().expect("there is one from the beginning");
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => quoted = true,
            character if character == delimiter && !quoted => fields.push(String::new()),
            character => field.push(character),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_read_back_from_their_lines() {
        let line = json!({ "Item": {
            "pk": { "S": "a" }, "n": { "N": "12345678901234567890123456789012345678" }, "b": { "B": "AAE=" },
            "l": { "L": [{ "NULL": true }, { "BOOL": false }] }, "m": { "M": { "x": { "SS": ["p", "q"] } } },
            "ns": { "NS": ["1", "2"] }, "bs": { "BS": ["AA=="] },
        } });
        let item = read_line(&line.to_string()).expect("it is an item");
        assert_eq!(json!({ "Item": shown(&item) }), line);
        for wrong in ["", "{}", r#"{"Item": {"a": {"S": 1}}}"#, r#"{"Item": {"a": {"SS": []}}}"#] {
            assert_eq!(read_line(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lines_of_csv_are_split_and_typed() {
        assert_eq!(split_csv(r#"a,"b,c","say ""x""",d"#, ','), ["a", "b,c", r#"say "x""#, "d"]);
        let header = ["pk".to_owned(), "n".to_owned(), "empty".to_owned()];
        let kinds = BTreeMap::from([("pk".to_owned(), 'S'), ("n".to_owned(), 'N')]);
        let fields = ["a".to_owned(), "7".to_owned(), String::new()];
        let item = read_csv(&fields, &header, &kinds).expect("it is an item");
        assert_eq!(item.len(), 2);
        assert_eq!(item["n"], Value::Number("7".parse().expect("it is a number")));
        assert_eq!(read_csv(&["a".to_owned(), "x".to_owned()], &header, &kinds), None);
    }
}
