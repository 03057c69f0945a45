//! Ids of versions, and where versions lie in their table.
//!
//! An id is the version's order and sixteen random bytes, in base64 for URLs: 32 characters, opaque to clients. The
//! order in it leads straight to the record, and the random bytes make it nothing that can be guessed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::records::VersionTail;

/// What the API calls the version of an object that was written while the bucket had no versioning.
pub const NULL: &str = "null";

/// A version as a client names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionId {
    Null,
    Numbered { order: u64, tail: VersionTail },
}

impl VersionId {
    pub fn of(version: Option<VersionTail>, order: u64) -> VersionId {
        version.map_or(VersionId::Null, |tail| VersionId::Numbered { order, tail })
    }

    /// Nothing if it cannot be an id of ours: S3 says `Invalid version id specified` of such.
    pub fn parse(text: &str) -> Option<VersionId> {
        if text == NULL {
            return Some(VersionId::Null);
        }
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (order, tail) = bytes.split_at(8);
        let order = u64::from_be_bytes(order.try_into().expect("split at eight"));
        Some(VersionId::Numbered { order, tail: VersionTail(tail.try_into().expect("sixteen are left")) })
    }
}

impl std::fmt::Display for VersionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VersionId::Null => f.write_str(NULL),
            VersionId::Numbered { order, tail } => {
                let bytes = [&order.to_be_bytes()[..], &tail.0].concat();
                f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
            }
        }
    }
}

/// The beginning of the places of all versions of a key. The order of keys is kept, and no key's begins another's:
/// a zero character in a key is followed by a one, and two zeros end it.
pub fn place_prefix(key: &str) -> String {
    let mut place = escaped(key);
    place.push_str("\0\0");
    place
}

/// The beginning of the places of all keys that begin like this.
pub fn escaped(prefix: &str) -> String {
    prefix.replace('\0', "\0\u{1}")
}

/// Where a version lies in [`crate::records::VERSIONS`]: newer ones come first.
pub fn place(key: &str, order: u64) -> String {
    format!("{}{:016x}", place_prefix(key), !order)
}

/// The key that a place belongs to.
pub fn key_of(place: &str) -> Option<String> {
    let (key, _) = place.rsplit_once("\0\0")?;
    Some(key.replace("\0\u{1}", "\0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_has_32_characters() {
        let id = VersionId::of(Some(VersionTail([7; 16])), 1_800_000_000_000_000);
        assert_eq!(id.to_string().len(), 32);
        assert_eq!(VersionId::parse(&id.to_string()), Some(id));
        assert_eq!(VersionId::parse("null"), Some(VersionId::Null));
        for text in ["", "nul", "A", "not an id", &"A".repeat(33)] {
            assert_eq!(VersionId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn places_sort_by_key_and_then_newest_first() {
        let keys = ["", "a", "a\0", "a\0b", "a\u{1}", "a/b", "ab", "b"];
        let mut places = Vec::new();
        for key in keys {
            places.extend([9, 8, 1].map(|order| place(key, order)));
            assert_eq!(key_of(places.last().unwrap()).as_deref(), Some(key));
        }
        assert!(places.is_sorted(), "{places:?}");
    }
}
