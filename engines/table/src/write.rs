//! What a change writes.

use bytes::Bytes;

use crate::space::SpaceId;

/// One write of a change. Of several writes of one key in a change, the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    Put {
        space: SpaceId,
        key: Bytes,
        value: Bytes,
    },
    /// Of a key that may well not be there.
    Delete {
        space: SpaceId,
        key: Bytes,
    },
    /// A new last entry of the space, under an [`AppendKey`]: for logs of changes.
    Append {
        space: SpaceId,
        value: Bytes,
    },
}

/// The key of what was appended: the sequence number of its change, and its place among what that change appended,
/// over all spaces. Both big-endian, so that the order of the keys is the order of the appends.
///
/// Sequence numbers grow for ever and have gaps. Whoever appends to a space for the first time can start reading at
/// the space's beginning; whoever has read up to a key goes on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendKey {
    pub sequence: u64,
    pub place: u32,
}

/// The length of an encoded [`AppendKey`].
pub const APPEND_KEY_BYTES: usize = 12;

impl AppendKey {
    pub fn encode(self) -> Bytes {
        let mut bytes = [0; APPEND_KEY_BYTES];
        bytes[..8].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[8..].copy_from_slice(&self.place.to_be_bytes());
        Bytes::copy_from_slice(&bytes)
    }

    /// `None` for what is no key of an append.
    pub fn decode(bytes: &[u8]) -> Option<AppendKey> {
        let bytes: &[u8; APPEND_KEY_BYTES] = bytes.try_into().ok()?;
        let (sequence, place) = bytes.split_first_chunk().expect("twelve bytes begin with eight");
        Some(AppendKey {
            sequence: u64::from_be_bytes(*sequence),
            place: u32::from_be_bytes(place.try_into().expect("four of twelve bytes are left")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_appends_sort_as_they_were_appended() {
        let keys = [(1, 0), (1, 1), (1, 256), (2, 0), (255, 9), (256, 0)];
        let keys: Vec<AppendKey> =
            keys.into_iter().map(|(sequence, place)| AppendKey { sequence, place }).collect();
        let encoded: Vec<Bytes> = keys.iter().map(|key| key.encode()).collect();
        assert!(encoded.is_sorted());
        for (key, encoded) in keys.iter().zip(&encoded) {
            assert_eq!(AppendKey::decode(encoded), Some(*key));
        }
        assert_eq!(AppendKey::decode(b"short"), None);
    }
}
