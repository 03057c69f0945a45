//! A sealed segment's heads in one small file, so that a start need not read the payloads.
//!
//! It can be made again from its segment at any time; one that is missing, cut or damaged costs time, nothing
//! else.

use crate::error::EngineError;
use crate::log::record::{Record, VERSION};
use crate::log::scan::{self, End};
use crate::log::{Location, sidecar_name};
use medium::Medium;
use medium::MediumFile;

const MAGIC: &[u8; 8] = b"fogindex";
/// Magic, version, segment, next sequence, length of the heads.
const FRONT_BYTES: usize = 8 + 4 + 4 + 8 + 4;
/// More than this is not a length, but damage.
const HEADS_BYTES_MAX: u32 = 256 << 20;

/// Makes the sidecar of a sealed segment, durably.
pub fn write(medium: &dyn Medium, segment: u32, file: &dyn MediumFile) -> Result<(), EngineError> {
    let mut out = vec![0; FRONT_BYTES];
    let end = scan::whole(file, segment, &mut |record, at| {
        out.extend_from_slice(&at.offset.to_le_bytes());
        out.extend_from_slice(&at.length.to_le_bytes());
        record.write(&mut out);
    })?;
    let heads = (out.len() - FRONT_BYTES) as u32;
    out[..8].copy_from_slice(MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[12..16].copy_from_slice(&segment.to_le_bytes());
    out[16..24].copy_from_slice(&end.next_sequence.to_le_bytes());
    out[24..28].copy_from_slice(&heads.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    let sidecar = medium.create(&sidecar_name(segment), 0)?;
    sidecar.write_at(&out, 0)?;
    sidecar.sync()?;
    medium.sync_names()?;
    Ok(())
}

/// Visits all heads, in order; `None` if there is no good sidecar (and then none was visited).
pub fn read(medium: &dyn Medium, segment: u32, visit: &mut dyn FnMut(&Record, Location)) -> Option<End> {
    let file = medium.open(&sidecar_name(segment)).ok()?;
    let mut front = [0; FRONT_BYTES];
    if file.read_at(&mut front, 0).ok()? < FRONT_BYTES || !front.starts_with(MAGIC) {
        return None;
    }
    let word = |at: usize| u32::from_le_bytes(front[at..at + 4].try_into().expect("four bytes"));
    if word(8) != VERSION || word(12) != segment || word(24) > HEADS_BYTES_MAX {
        return None;
    }
    let mut bytes = vec![0; FRONT_BYTES + word(24) as usize + 4];
    if file.read_at(&mut bytes, 0).ok()? < bytes.len() {
        return None;
    }
    let (held, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(held) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut heads = &held[FRONT_BYTES..];
    while !heads.is_empty() {
        let (offset, rest) = heads.split_first_chunk().expect("the checksum says that it is whole");
        let (length, rest) = rest.split_first_chunk().expect("the checksum says that it is whole");
        let (record, read) = Record::read(rest).expect("the checksum says that it is whole");
        let (offset, length) = (u32::from_le_bytes(*offset), u32::from_le_bytes(*length));
        visit(&record, Location { segment, offset, length });
        heads = &rest[read..];
    }
    let next_sequence = u64::from_le_bytes(front[16..24].try_into().expect("eight bytes"));
    Some(End { end: 0, link: 0, sealed: true, next_sequence })
}
