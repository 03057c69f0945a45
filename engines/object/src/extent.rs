//! Where content is. The caller keeps extents in its records, so they are small.

use std::fmt;

use blobs::BlobId;
use serde::{Deserialize, Serialize};

/// One piece of immutable content. Encoded compactly it takes 8 to 26 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Extent {
    pub place: Place,
    /// Of the content, in bytes.
    pub length: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A frame among others.
    Pack { pack: u32, offset: u32 },
    /// A file of its own.
    File { blob: BlobId },
}

/// The longest [`Place::binding`].
const BINDING_BYTES_MAX: usize = 17;

impl Place {
    /// Bytes that only this place has, for what is bound to it.
    pub(crate) fn binding(&self) -> ([u8; BINDING_BYTES_MAX], usize) {
        let mut bytes = [0; BINDING_BYTES_MAX];
        match self {
            Place::Pack { pack, offset } => {
                bytes[0] = b'P';
                bytes[1..5].copy_from_slice(&pack.to_le_bytes());
                bytes[5..9].copy_from_slice(&offset.to_le_bytes());
                (bytes, 9)
            }
            Place::File { blob } => {
                bytes[0] = b'F';
                bytes[1..].copy_from_slice(blob.as_bytes());
                (bytes, BINDING_BYTES_MAX)
            }
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the extent of {} bytes at {}", self.length, self.place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Pack { pack, offset } => write!(f, "pack {pack}, offset {offset}"),
            Place::File { blob } => write!(f, "file {blob}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Ids;

    #[test]
    fn extents_are_small_and_read_back() {
        let blob = BlobId::draw(&Ids::seeded(1));
        for (place, length, bytes_max) in [
            (Place::Pack { pack: 3, offset: 32 }, 4096, 8),
            (Place::Pack { pack: u32::MAX, offset: u32::MAX }, 1 << 18, 14),
            (Place::File { blob }, 8 << 20, 21),
            (Place::File { blob }, u64::MAX, 27),
        ] {
            let extent = Extent { place, length };
            let bytes = postcard::to_stdvec(&extent).unwrap();
            assert!(bytes.len() <= bytes_max, "{extent} takes {} bytes", bytes.len());
            assert_eq!(postcard::from_bytes::<Extent>(&bytes).unwrap(), extent);
            let text = serde_json::to_string(&extent).unwrap();
            assert_eq!(serde_json::from_str::<Extent>(&text).unwrap(), extent);
        }
    }
}
