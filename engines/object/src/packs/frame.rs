//! How a pack is laid out.
//!
//! ```text
//! pack    start ‖ content, padding … ‖ seal, once the pack takes no more
//! frame   header, 16 bytes ‖ what the header announces ‖ zeros up to a multiple of 16
//! header  "fo" ‖ kind ‖ flags ‖ length of what follows ‖ its crc32c ‖ crc32c of all this, the engine, pack and offset
//! seal    header ‖ bytes of padding in the pack, 4 ‖ zeros, 12
//! ```
//!
//! Numbers are little-endian. A content frame carries sealed chunks, and its checksum is over them and the zeros. Of
//! padding only the header counts. Since the header's checksum covers where it is, neither
//! a frame in the wrong place nor what an earlier life of the disk block held is taken for one.

use crate::keys::EngineId;
use crate::seal::sealed_bytes;

pub const HEADER_BYTES: usize = 16;

/// What a pack starts with: a header that announces nothing.
pub const START_BYTES: u32 = HEADER_BYTES as u32;

/// What a closed pack ends with.
pub const SEAL_BYTES: u32 = 2 * HEADER_BYTES as u32;

const MAGIC: [u8; 2] = *b"fo";
const FIRST_OF_COMMIT: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Start = 1,
    Content = 2,
    Padding = 3,
    Seal = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    /// All frames before it were synced before it was written.
    pub first_of_commit: bool,
    /// Of what follows, in bytes, without the zeros at the end.
    pub length: u32,
    pub checksum: u32,
}

/// Where a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub pack: u32,
    pub offset: u32,
}

/// What content of this length takes up in a pack.
pub fn footprint(length: u64) -> u32 {
    let bytes = (HEADER_BYTES as u64 + sealed_bytes(length)).next_multiple_of(HEADER_BYTES as u64);
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Header {
    /// What follows, with the zeros at the end.
    pub fn body_bytes(&self) -> u64 {
        u64::from(self.length).next_multiple_of(HEADER_BYTES as u64)
    }

    pub fn encode(&self, engine: &EngineId, spot: Spot) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2] = self.kind as u8;
        bytes[3] = if self.first_of_commit { FIRST_OF_COMMIT } else { 0 };
        bytes[4..8].copy_from_slice(&self.length.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.checksum.to_le_bytes());
        let checksum = checksum(&bytes[..12], engine, spot);
        bytes[12..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// None if the bytes are no header, or not one of this place.
    pub fn decode(bytes: &[u8], engine: &EngineId, spot: Spot) -> Option<Header> {
        let bytes = bytes.first_chunk::<HEADER_BYTES>()?;
        if !bytes.starts_with(&MAGIC) || number(&bytes[12..]) != checksum(&bytes[..12], engine, spot) {
            return None;
        }
        let kind = match bytes[2] {
            1 => Kind::Start,
            2 => Kind::Content,
            3 => Kind::Padding,
            4 => Kind::Seal,
            _ => return None,
        };
        let (length, checksum) = (number(&bytes[4..8]), number(&bytes[8..12]));
        Some(Header { kind, first_of_commit: bytes[3] & FIRST_OF_COMMIT != 0, length, checksum })
    }
}

/// What closes a pack.
pub fn seal(padding: u32, engine: &EngineId, spot: Spot) -> [u8; SEAL_BYTES as usize] {
    let mut bytes = [0; SEAL_BYTES as usize];
    bytes[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&padding.to_le_bytes());
    let checksum = crc32c::crc32c(&bytes[HEADER_BYTES..]);
    let header = Header { kind: Kind::Seal, first_of_commit: false, length: HEADER_BYTES as u32, checksum };
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode(engine, spot));
    bytes
}

/// The padding that a pack's seal tells.
pub fn read_seal(bytes: &[u8], engine: &EngineId, spot: Spot) -> Option<u32> {
    let header = Header::decode(bytes, engine, spot)?;
    let body = bytes.get(HEADER_BYTES..SEAL_BYTES as usize)?;
    (header.kind == Kind::Seal && header.checksum == crc32c::crc32c(body)).then(|| number(&body[..4]))
}

fn checksum(bytes: &[u8], engine: &EngineId, spot: Spot) -> u32 {
    let checksum = crc32c::crc32c_append(crc32c::crc32c(bytes), engine);
    let checksum = crc32c::crc32c_append(checksum, &spot.pack.to_le_bytes());
    crc32c::crc32c_append(checksum, &spot.offset.to_le_bytes())
}

fn number(bytes: &[u8]) -> u32 {
    bytes[..4].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: EngineId = [3; 16];

    #[test]
    fn a_header_is_good_in_its_own_place_only() {
        let spot = Spot { pack: 7, offset: 160 };
        let header = Header { kind: Kind::Content, first_of_commit: true, length: 4128, checksum: 99 };
        let bytes = header.encode(&ENGINE, spot);
        assert_eq!(Header::decode(&bytes, &ENGINE, spot), Some(header));
        assert_eq!(Header::decode(&bytes, &ENGINE, Spot { offset: 176, ..spot }), None);
        assert_eq!(Header::decode(&bytes, &ENGINE, Spot { pack: 8, ..spot }), None);
        assert_eq!(Header::decode(&bytes, &[4; 16], spot), None);
        assert_eq!(Header::decode(&bytes[..15], &ENGINE, spot), None);
        for position in 0..HEADER_BYTES {
            let mut bad = bytes;
            bad[position] ^= 4;
            assert_eq!(Header::decode(&bad, &ENGINE, spot), None, "byte {position}");
        }
    }

    #[test]
    fn frames_begin_at_multiples_of_sixteen() {
        for (length, bytes) in [(0, 48), (1, 64), (16, 64), (17, 80), (4096, 4144)] {
            assert_eq!(footprint(length), bytes, "{length}");
        }
    }

    #[test]
    fn a_seal_tells_the_padding() {
        let spot = Spot { pack: 7, offset: 160 };
        let bytes = seal(1234, &ENGINE, spot);
        assert_eq!(read_seal(&bytes, &ENGINE, spot), Some(1234));
        for position in 0..bytes.len() {
            let mut bad = bytes;
            bad[position] ^= 1;
            assert_eq!(read_seal(&bad, &ENGINE, spot), None, "byte {position}");
        }
    }
}
