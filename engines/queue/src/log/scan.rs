//! Reading a segment from its beginning, record by record.

use crate::error::EngineError;
use crate::limits::RECORD_BYTES_MAX;
use crate::log::record::{FRAME_BYTES, Frame, Record, VERSION};
use crate::log::{Location, segment_name};
use medium::MediumFile;

/// A seal is a frame and one byte.
pub const SEAL_BYTES: u32 = FRAME_BYTES as u32 + 1;

/// How much is read at a time; at least one record of the largest size.
const WINDOW_BYTES: usize = 2 * RECORD_BYTES_MAX;

/// Where a scan ended: at a seal, or at the first bytes that do not continue the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub end: u32,
    pub link: u32,
    pub sealed: bool,
    pub next_sequence: u64,
}

/// What a segment begins with; `None` if it was never begun (or is a reused file that was not).
pub fn header(file: &dyn MediumFile, segment: u32) -> Result<Option<u64>, EngineError> {
    let mut bytes = [0; 64];
    let read = file.read_at(&mut bytes, 0)?;
    let Some(frame) = Frame::read(&bytes[..read]) else { return Ok(None) };
    if frame.length > read || !frame.holds(&bytes[..frame.length]) || frame.link != segment {
        return Ok(None);
    }
    match Record::read(&bytes[FRAME_BYTES..frame.length]) {
        Some((Record::Header { version, .. }, _)) if version > VERSION => {
            Err(EngineError::TooNew { found: version, known: VERSION })
        }
        Some((Record::Header { segment: own, next_sequence, .. }, _)) if own == segment => {
            Ok(Some(next_sequence))
        }
        _ => Ok(None),
    }
}

/// Visits every record after the header, up to the end of the chain.
pub fn scan(
    file: &dyn MediumFile,
    segment: u32,
    visit: &mut dyn FnMut(&Record, Location),
) -> Result<End, EngineError> {
    let mut window = Window { file, bytes: vec![0; WINDOW_BYTES], start: 0, filled: 0 };
    let mut end = End { end: 0, link: segment, sealed: false, next_sequence: 0 };
    while !end.sealed {
        let Some(frame) = Frame::read(window.at(end.end, FRAME_BYTES)?) else { break };
        if frame.length > RECORD_BYTES_MAX || frame.link != end.link {
            break;
        }
        let record = window.at(end.end, frame.length)?;
        if !frame.holds(record) {
            break;
        }
        let Some((head, _)) = Record::read(&record[FRAME_BYTES..]) else {
            // Whole, and yet unknown: not a torn write.
            return Err(damaged(segment, end.end, "an unknown kind of record"));
        };
        match head {
            Record::Header { next_sequence, .. } => end.next_sequence = next_sequence,
            Record::Seal => end.sealed = true,
            _ => {
                let location = Location { segment, offset: end.end, length: frame.length as u32 };
                visit(&head, location);
            }
        }
        end.link = frame.crc;
        end.end += frame.length as u32;
    }
    Ok(end)
}

/// As [`scan`], for a segment that must be whole.
pub fn whole(
    file: &dyn MediumFile,
    segment: u32,
    visit: &mut dyn FnMut(&Record, Location),
) -> Result<End, EngineError> {
    let end = scan(file, segment, visit)?;
    if end.sealed { Ok(end) } else { Err(damaged(segment, end.end, "a bad checksum before the end")) }
}

pub fn damaged(segment: u32, offset: u32, what: &str) -> EngineError {
    EngineError::Corrupt(format!("{} at byte {offset}: {what}", segment_name(segment)).into())
}

struct Window<'a> {
    file: &'a dyn MediumFile,
    bytes: Vec<u8>,
    start: u32,
    filled: usize,
}

impl Window<'_> {
    /// `length` bytes at `offset`, or fewer where the file ends.
    fn at(&mut self, offset: u32, length: usize) -> Result<&[u8], EngineError> {
        let mut within = (offset - self.start) as usize;
        if within + length > self.filled {
            self.filled = self.file.read_at(&mut self.bytes, u64::from(offset))?;
            self.start = offset;
            within = 0;
        }
        Ok(&self.bytes[within..(within + length).min(self.filled)])
    }
}
