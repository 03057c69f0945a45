//! Ids of multipart uploads. As with versions, the id leads to the record: it holds when the upload began.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::version::place_prefix;

/// An upload as a client names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadId {
    /// Microseconds since 1970.
    pub began: u64,
    pub tail: [u8; 16],
}

impl UploadId {
    pub fn parse(text: &str) -> Option<UploadId> {
        let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (began, tail) = bytes.split_at(8);
        Some(UploadId {
            began: u64::from_be_bytes(began.try_into().expect("split at eight")),
            tail: tail.try_into().expect("sixteen are left"),
        })
    }

    /// Where the upload lies in [`crate::records::UPLOADS`]: by key, older ones first.
    pub fn place(&self, key: &str) -> String {
        format!("{}{:016x}{}", place_prefix(key), self.began, self)
    }

    /// The id of the upload that lies there.
    pub fn of_place(place: &str) -> Option<UploadId> {
        let (_, began_and_id) = place.rsplit_once("\0\0")?;
        UploadId::parse(began_and_id.get(16..)?)
    }

    /// Where a part lies in [`crate::records::PARTS`].
    pub fn part(&self, number: u16) -> String {
        format!("{self}/{number:05}")
    }

    /// The beginning of the places of all its parts.
    pub fn parts(&self) -> String {
        format!("{self}/")
    }
}

impl std::fmt::Display for UploadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&self.began.to_be_bytes()[..], &self.tail].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_and_their_places_are_in_the_order_they_began_in() {
        let ids = [0, 1, 255, 1 << 40].map(|began| UploadId { began, tail: [0xff - began as u8; 16] });
        let places = ids.map(|id| id.place("a\0/b"));
        assert!(places.is_sorted(), "{places:?}");
        for (id, place) in ids.iter().zip(&places) {
            assert_eq!(UploadId::parse(&id.to_string()), Some(*id));
            assert_eq!(UploadId::of_place(place), Some(*id));
            assert!(id.part(9).starts_with(&id.parts()) && id.part(9) < id.part(10));
        }
        for text in ["", "x", "not an id", &"A".repeat(33)] {
            assert_eq!(UploadId::parse(text), None, "{text}");
        }
    }
}
