//! Whether an item's time is over, and the entries by which such items are found: each item that has a time has one, under
//! the time and its key, so that those whose time comes lie at the beginning of what is not over yet.
//!
//! Surprising: only a number counts, in whole seconds since 1970, and an item that expired more than five years ago is
//! kept, as such a time is taken for a mistake. Reference: "Using time to live (TTL) in DynamoDB" of the guide.

use base::Timestamp;
use bytes::Bytes;
use item_engine::{Item, Value};
use table_engine::{KeyRange, Write};

use crate::directory::ExpiryTarget;
use crate::limits::EXPIRY_AGE_MAX;
use crate::model::indexing::Side;

/// When an item's time is over, in seconds since 1970. Nothing where it has no such time: people write 0 for never.
pub fn seconds(item: &Item, attribute: &str) -> Option<u64> {
    let Some(Value::Number(number)) = item.get(attribute) else { return None };
    let text = number.to_string();
    let whole = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole);
    whole.parse().ok().filter(|seconds| *seconds > 0)
}

pub fn is_over(item: &Item, attribute: &str, now: Timestamp) -> bool {
    let (first, end) = over(now);
    seconds(item, attribute).is_some_and(|seconds| seconds >= first && seconds < end)
}

/// The times that are over now: from the first one on, and below the second.
fn over(now: Timestamp) -> (u64, u64) {
    let end = u64::try_from(now.as_secs()).unwrap_or(0) + 1;
    (end.saturating_sub(EXPIRY_AGE_MAX.as_secs()), end)
}

/// The entries of items whose time is over, the oldest first.
pub fn entries_over(now: Timestamp) -> KeyRange {
    let (first, end) = over(now);
    KeyRange::between(first.to_be_bytes().to_vec(), end.to_be_bytes().to_vec())
}

/// The key of an item's entry, whose value is empty.
pub fn entry_key(seconds: u64, item_key: &[u8]) -> Bytes {
    [&seconds.to_be_bytes()[..], item_key].concat().into()
}

/// The time of an entry, and the key of its item.
pub fn of_entry(key: &Bytes) -> Option<(u64, Bytes)> {
    let seconds = key.first_chunk::<8>()?;
    Some((u64::from_be_bytes(*seconds), key.slice(8..)))
}

/// What a change of an item does to its entry.
pub fn writes(
    target: &ExpiryTarget,
    key: &[u8],
    old: Option<Side<'_>>,
    new: Option<Side<'_>>,
) -> impl Iterator<Item = Write> {
    let time = |side: Option<Side<'_>>| side.and_then(|side| seconds(side.item, &target.attribute));
    let (old, new, space) = (time(old), time(new), target.space);
    let (old, new) = if old == new { (None, None) } else { (old, new) };
    let gone = old.map(|seconds| Write::Delete { space, key: entry_key(seconds, key) });
    let made = new.map(|seconds| Write::Put { space, key: entry_key(seconds, key), value: Bytes::new() });
    gone.into_iter().chain(made)
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
            (number("-5"), false),
            (Value::String("1700000000".to_owned()), false),
        ] {
            let item = Item::from([("ttl".to_owned(), value.clone())]);
            assert_eq!(is_over(&item, "ttl", now), expected, "{value:?}");
            assert!(!is_over(&item, "other", now));
            let range = entries_over(now);
            let is_found = seconds(&item, "ttl").is_some_and(|seconds| {
                let key = entry_key(seconds, b"key");
                assert_eq!(of_entry(&key), Some((seconds, Bytes::from_static(b"key"))));
                key >= range.start && range.end.is_some_and(|end| key < end)
            });
            assert_eq!(is_found, expected, "the entry of {value:?}");
        }
    }
}
