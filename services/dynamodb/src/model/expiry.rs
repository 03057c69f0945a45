//! Whether an item's time is over.
//!
//! Surprising: only a number counts, in whole seconds since 1970, and an item that expired more than five years ago is
//! kept, as such a time is taken for a mistake. Reference: "Using time to live (TTL) in DynamoDB" of the guide.

use base::Timestamp;
use item_engine::{Item, Value};

use crate::limits::EXPIRY_AGE_MAX;

pub fn is_over(item: &Item, attribute: &str, now: Timestamp) -> bool {
    let Some(Value::Number(number)) = item.get(attribute) else { return false };
    let text = number.to_string();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    let Ok(seconds) = whole.parse::<i64>() else { return false };
    let oldest = now.as_secs() - EXPIRY_AGE_MAX.as_secs() as i64;
    seconds <= now.as_secs() && seconds > oldest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_of_the_last_five_years_are_over() {
        let now = Timestamp::from_secs(1_800_000_000);
        let number = |text: &str| Value::Number(text.parse().expect("it is a number"));
        for (value, expected) in [
            (number("1800000000"), true),
            (number("1799999999.5"), true),
            (number("1800000001"), false),
            (number("1600000000"), false),
            (number("0"), false),
            (Value::String("1700000000".to_owned()), false),
        ] {
            let item = Item::from([("ttl".to_owned(), value.clone())]);
            assert_eq!(is_over(&item, "ttl", now), expected, "{value:?}");
            assert!(!is_over(&item, "other", now));
        }
    }
}
