//! How the log looks on disk.
//!
//! ```text
//! frame    length 4 ‖ crc 4 ‖ link 4 ‖ kind 1 ‖ zeros 3 ‖ sequence 8 ‖ acknowledged 8 ‖ payload ‖ zeros to a multiple of 8
//! ```
//!
//! Little-endian. The checksum (CRC-32C) starts from the segment's number and covers all but itself. The link is the
//! checksum of the frame before, so that frames are a chain. `acknowledged` is the last sequence number that was
//! synced before this frame was written: a frame that cannot be read, with such a one behind it, was once whole, and
//! is damage; with none behind it, it is a write that a crash has torn, which nobody was told of.

use bytes::Bytes;

use crate::seal::value_bytes;
use crate::space::{Delta, SpaceId};

pub const FRAME_BYTES: usize = 32;
const ALIGNMENT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Begins a segment; its sequence is the last before it.
    Header = 1,
    /// A change, whole.
    Change = 2,
    /// Says what has been synced, when nothing else does.
    Mark = 3,
    /// Ends a segment.
    Seal = 4,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: Kind,
    pub sequence: u64,
    pub acknowledged: u64,
}

/// What the chain of a segment begins with.
pub fn first_link(segment: u64) -> u32 {
    crc32c::crc32c(&segment.to_le_bytes())
}

/// A frame without payload, to be closed.
pub fn empty_frame() -> Vec<u8> {
    vec![0; FRAME_BYTES]
}

/// Fills in the head of a frame whose payload is in its place. Returns its checksum, the next frame's link.
pub fn close(bytes: &mut [u8], frame: Frame, link: u32, segment: u64) -> u32 {
    debug_assert!(bytes.len().is_multiple_of(ALIGNMENT), "frames are aligned");
    let length = u32::try_from(bytes.len()).expect("a change is far smaller than 4 GiB");
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes[8..12].copy_from_slice(&link.to_le_bytes());
    bytes[12..16].copy_from_slice(&[frame.kind as u8, 0, 0, 0]);
    bytes[16..24].copy_from_slice(&frame.sequence.to_le_bytes());
    bytes[24..32].copy_from_slice(&frame.acknowledged.to_le_bytes());
    let crc = checksum(bytes, segment);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    crc
}

fn checksum(bytes: &[u8], segment: u64) -> u32 {
    let crc = crc32c::crc32c_append(first_link(segment), &bytes[..4]);
    crc32c::crc32c_append(crc, &bytes[8..])
}

/// A whole frame at the beginning of `bytes`, wherever it belongs in the chain.
pub fn read(bytes: &[u8], segment: u64) -> Option<(Frame, u32, &[u8])> {
    let length = word(bytes, 0)? as usize;
    if length < FRAME_BYTES || length > bytes.len() || !length.is_multiple_of(ALIGNMENT) {
        return None;
    }
    let bytes = &bytes[..length];
    let kind = match bytes[12] {
        1 => Kind::Header,
        2 => Kind::Change,
        3 => Kind::Mark,
        4 => Kind::Seal,
        _ => return None,
    };
    if word(bytes, 4)? != checksum(bytes, segment) {
        return None;
    }
    Some((Frame { kind, sequence: long(bytes, 16)?, acknowledged: long(bytes, 24)? }, word(bytes, 8)?, bytes))
}

/// The checksum of a frame that was read.
pub fn crc(frame: &[u8]) -> u32 {
    word(frame, 4).expect("a frame that was read has a head")
}

/// Whether somewhere behind `from` there is a frame that says that more than `sequence` was synced.
pub fn acknowledges_more(bytes: &[u8], from: usize, segment: u64, sequence: u64) -> bool {
    let mut at = from.next_multiple_of(ALIGNMENT);
    while at + FRAME_BYTES <= bytes.len() {
        if let Some((frame, _, _)) = read(&bytes[at..], segment)
            && frame.acknowledged > sequence
        {
            return true;
        }
        at += ALIGNMENT;
    }
    false
}

/// One write, as it is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// `old` is the length of key and value before, if there was one.
    Put {
        space: SpaceId,
        key: Bytes,
        stored: Bytes,
        old: Option<u32>,
    },
    Delete {
        space: SpaceId,
        key: Bytes,
        old: Option<u32>,
    },
    Append {
        space: SpaceId,
        place: u32,
        stored: Bytes,
    },
}

const NO_OLD: u32 = u32::MAX;

impl Op {
    pub fn space(&self) -> SpaceId {
        match self {
            Op::Put { space, .. } | Op::Delete { space, .. } | Op::Append { space, .. } => *space,
        }
    }

    /// What it does to its space's counts.
    pub fn delta(&self) -> Delta {
        let (before, after) = match self {
            Op::Put { key, stored, old, .. } => (*old, Some(key.len() + value_bytes(stored))),
            Op::Delete { old, .. } => (*old, None),
            Op::Append { stored, .. } => (None, Some(crate::write::APPEND_KEY_BYTES + value_bytes(stored))),
        };
        Delta {
            entries: i64::from(after.is_some()) - i64::from(before.is_some()),
            bytes: after.map_or(0, |bytes| bytes as i64) - before.map_or(0, i64::from),
        }
    }

    /// Of what was there before.
    pub fn replaced_bytes(&self) -> u64 {
        match self {
            Op::Put { old, .. } | Op::Delete { old, .. } => old.map_or(0, u64::from),
            Op::Append { .. } => 0,
        }
    }

    /// What it takes in the log.
    pub fn log_bytes(&self) -> usize {
        match self {
            Op::Put { key, stored, .. } => 21 + key.len() + stored.len(),
            Op::Delete { key, .. } => 17 + key.len(),
            Op::Append { stored, .. } => 17 + stored.len(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let head = |out: &mut Vec<u8>, kind: u8, space: SpaceId, words: &[u32]| {
            out.push(kind);
            out.extend_from_slice(&space.0.to_le_bytes());
            words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        };
        match self {
            Op::Put { space, key, stored, old } => {
                head(out, 0, *space, &[old.unwrap_or(NO_OLD), key.len() as u32, stored.len() as u32]);
                out.extend_from_slice(key);
                out.extend_from_slice(stored);
            }
            Op::Delete { space, key, old } => {
                head(out, 1, *space, &[old.unwrap_or(NO_OLD), key.len() as u32]);
                out.extend_from_slice(key);
            }
            Op::Append { space, place, stored } => {
                head(out, 2, *space, &[*place, stored.len() as u32]);
                out.extend_from_slice(stored);
            }
        }
    }
}

/// A change's frame, to be closed.
pub fn encode_change(ops: &[Op]) -> Vec<u8> {
    let bytes: usize = ops.iter().map(Op::log_bytes).sum();
    let length = (FRAME_BYTES + 4 + bytes).next_multiple_of(ALIGNMENT);
    let mut frame = Vec::with_capacity(length);
    frame.resize(FRAME_BYTES, 0);
    frame.extend_from_slice(&(ops.len() as u32).to_le_bytes());
    ops.iter().for_each(|op| op.write(&mut frame));
    frame.resize(length, 0);
    frame
}

/// The writes of a change's frame; `None` if they are none that this version knows.
pub fn decode_change(frame: &[u8]) -> Option<Vec<Op>> {
    let mut input = Input(&frame[FRAME_BYTES..]);
    let count = input.word()?;
    (0..count).map(|_| input.op()).collect()
}

struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn op(&mut self) -> Option<Op> {
        let kind = self.take(1)?[0];
        let space = SpaceId(long(self.take(8)?, 0)?);
        let first = self.word()?;
        let old = (first != NO_OLD).then_some(first);
        match kind {
            0 => {
                let (key, stored) = (self.word()? as usize, self.word()? as usize);
                Some(Op::Put { space, key: self.bytes(key)?, stored: self.bytes(stored)?, old })
            }
            1 => {
                let key = self.word()? as usize;
                Some(Op::Delete { space, key: self.bytes(key)?, old })
            }
            2 => {
                let stored = self.word()? as usize;
                Some(Op::Append { space, place: first, stored: self.bytes(stored)? })
            }
            _ => None,
        }
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn word(&mut self) -> Option<u32> {
        word(self.take(4)?, 0)
    }

    fn bytes(&mut self, count: usize) -> Option<Bytes> {
        self.take(count).map(Bytes::copy_from_slice)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|four| u32::from_le_bytes(four.try_into().expect("they are four")))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8).map(|eight| u64::from_le_bytes(eight.try_into().expect("they are eight")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops() -> Vec<Op> {
        let bytes = Bytes::from_static;
        vec![
            Op::Put { space: SpaceId(1), key: bytes(b"key"), stored: bytes(b"\0value"), old: None },
            Op::Put { space: SpaceId(1), key: bytes(b""), stored: bytes(b"\0"), old: Some(0) },
            Op::Delete { space: SpaceId(u64::MAX), key: bytes(b"key"), old: Some(8) },
            Op::Delete { space: SpaceId(2), key: bytes(b"key"), old: None },
            Op::Append { space: SpaceId(3), place: 7, stored: bytes(b"\0appended") },
        ]
    }

    #[test]
    fn a_change_reads_back_and_a_cut_or_flipped_one_does_not() {
        let mut bytes = encode_change(&ops());
        let frame = Frame { kind: Kind::Change, sequence: 9, acknowledged: 8 };
        let link = close(&mut bytes, frame, 5, 3);
        let (read_frame, read_link, whole) = read(&bytes, 3).unwrap();
        assert_eq!((read_frame, read_link, crc(whole)), (frame, 5, link));
        assert_eq!(decode_change(whole).unwrap(), ops());
        assert!(read(&bytes, 4).is_none(), "it belongs to its segment");
        assert!(read(&bytes[..bytes.len() - 1], 3).is_none());
        for position in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[position] ^= 1;
            assert!(read(&bad, 3).is_none(), "byte {position}");
        }
    }

    #[test]
    fn counts_follow_from_the_log_alone() {
        let deltas: Vec<_> = ops().iter().map(|op| (op.delta().entries, op.delta().bytes)).collect();
        assert_eq!(deltas, [(1, 8), (0, 0), (-1, -8), (0, 0), (1, 20)]);
    }
}
