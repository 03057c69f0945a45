//! How large an item is, by DynamoDB's rules ("DynamoDB item sizes and formats"): what the limit of 400 KB, the 1 MiB
//! of a page and all capacities are counted by. It is not how many bytes we keep.
//!
//! Names and strings count their UTF-8 bytes, binaries their bytes, nothing and booleans one byte, lists and maps three
//! and one more an element. A number counts one byte for two digits, and one; the digits pair up from the decimal
//! point, so that `12` is smaller than `1.2`, and a minus sign is one more, up to 21 bytes in all.

use crate::number::Number;
use crate::value::{Item, Value};

const NESTED_OVERHEAD_BYTES: usize = 3;
const ELEMENT_OVERHEAD_BYTES: usize = 1;
const NUMBER_BYTES_MAX: usize = 21;

pub fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

pub fn value_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => number_bytes(number),
        Value::String(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        Value::List(values) => {
            NESTED_OVERHEAD_BYTES
                + values.iter().map(|value| ELEMENT_OVERHEAD_BYTES + value_bytes(value)).sum::<usize>()
        }
        Value::Map(values) => {
            NESTED_OVERHEAD_BYTES + values.len() * ELEMENT_OVERHEAD_BYTES + item_bytes(values)
        }
        Value::StringSet(set) => set.iter().map(String::len).sum(),
        Value::NumberSet(set) => set.iter().map(number_bytes).sum(),
        Value::BinarySet(set) => set.iter().map(bytes::Bytes::len).sum(),
    }
}

fn number_bytes(number: &Number) -> usize {
    if number.is_zero() {
        return 1;
    }
    // A pair's two digits stand at an odd and the even power of ten below it.
    let first_stands_alone = number.magnitude() % 2 == 0;
    let pairs = (number.digits() as usize + usize::from(first_stands_alone)).div_ceil(2);
    (1 + pairs + usize::from(number.is_negative())).min(NUMBER_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_pairs_of_digits_from_the_decimal_point() {
        for (text, bytes) in [
            ("0", 1),
            ("1", 2),
            ("12", 2),
            ("123", 3),
            ("1.2", 3),
            ("-1", 3),
            ("0.01", 2),
            ("0.1", 2),
            ("1000000", 2),
            ("12345678901234567890123456789012345678", 20),
            ("1.2345678901234567890123456789012345678", 21),
            ("-1.2345678901234567890123456789012345678", 21),
        ] {
            assert_eq!(number_bytes(&Number::parse(text).unwrap()), bytes, "{text}");
        }
    }

    #[test]
    fn an_item_counts_names_and_values() {
        // The example of the documentation: 11 + 1 and 10 + 1 bytes.
        let item = Item::from([
            ("shirt-color".to_owned(), Value::from("R")),
            ("shirt-size".to_owned(), Value::from("M")),
        ]);
        assert_eq!(item_bytes(&item), 23);
        let list = Value::List(vec![Value::Null, Value::from("ab")]);
        assert_eq!(value_bytes(&list), 3 + (1 + 1) + (1 + 2));
        assert_eq!(value_bytes(&Value::List(Vec::new())), 3);
        assert_eq!(
            value_bytes(&Value::Map(Item::from([("k".to_owned(), Value::Bool(true))]))),
            3 + 1 + 1 + 1
        );
    }
}
