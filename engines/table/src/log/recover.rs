//! Opening a log: what is there, whether it is whole, and where it goes on.
//!
//! Only the last segment may end in a torn write. All others were sealed and synced before their successor was begun,
//! so anything wrong with them is damage; and so is a frame of the last that cannot be read, if a later one says that
//! it had been synced. Damage is an error: going on would lose acknowledged changes without a word.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::TableError;
use crate::log::Log;
use crate::log::frame::{
    FRAME_BYTES, Frame, Kind, Op, acknowledges_more, close, crc, decode_change, empty_frame, first_link, read,
};
use crate::log::segments::{Segments, segment_id, segment_name};
use medium::Medium;

/// What reading a segment found.
struct End {
    at: usize,
    link: u32,
    is_sealed: bool,
    /// The last sequence number in it, or before it.
    last: u64,
}

impl Log {
    /// Visits the changes that are newer than `persisted`, in order, and gives the log ready to be written to.
    pub fn open(
        medium: Arc<dyn Medium>,
        segment_bytes: u64,
        persisted: u64,
        visit: &mut dyn FnMut(u64, Vec<Op>) -> Result<(), TableError>,
    ) -> Result<Log, TableError> {
        let mut ids = ids(&*medium)?;
        // The last ones may have been made and not begun, or begun in a way that nobody was told of: the spare, and the
        // one before it.
        let mut unbegun = Vec::new();
        while let Some(last) = ids.last().copied() {
            let bytes = read_all(&*medium, last)?;
            if read(&bytes, last).is_some() {
                break;
            }
            unbegun.push((last, bytes));
            ids.pop();
        }
        let mut closed = VecDeque::new();
        let mut before = None;
        for (nth, id) in ids.iter().copied().enumerate() {
            let bytes = read_all(&*medium, id)?;
            let is_last = nth + 1 == ids.len();
            let begin = header(&bytes, id)?;
            // The first segment that is left begins where the tree's files end, or earlier.
            if before.map_or(begin > persisted, |before| before != begin) {
                return Err(damaged(id, 0, "changes before it are missing"));
            }
            let mut end = scan(&bytes, id, begin, persisted, visit)?;
            if !end.is_sealed {
                if !is_last {
                    return Err(damaged(id, end.at, "a bad checksum before its end"));
                }
                if acknowledges_more(&bytes, end.at, id, end.last) {
                    return Err(damaged(id, end.at, "a bad checksum before changes that are whole"));
                }
                seal(&*medium, id, &mut end, bytes.len())?;
            }
            closed.push_back((id, end.last));
            before = Some(end.last);
        }
        for (id, bytes) in unbegun {
            if acknowledges_more(&bytes, 0, id, before.unwrap_or(persisted)) {
                return Err(damaged(id, 0, "no header"));
            }
            medium.remove(&segment_name(id))?;
        }
        if ids.is_empty() && persisted > 0 {
            return Err(TableError::Corrupt("the log is missing".into()));
        }
        let last = before.unwrap_or(persisted);
        let next = ids.last().map_or(1, |id| id + 1);
        let segments = Arc::new(Segments::new(medium, segment_bytes, closed, next));
        Ok(Log {
            segments,
            current: None,
            sealed: None,
            link: 0,
            acknowledged: last,
            is_marked: true,
            buffer: Vec::new(),
        })
    }

    pub fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    /// The last sequence number in it.
    pub fn last_sequence(&self) -> u64 {
        self.acknowledged
    }
}

/// The segments, in order and without gaps.
fn ids(medium: &dyn Medium) -> Result<Vec<u64>, TableError> {
    let mut ids: Vec<u64> = medium.list()?.iter().filter_map(|name| segment_id(name)).collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if pair[0] + 1 != pair[1] {
            return Err(damaged(pair[0] + 1, 0, "the segment is missing"));
        }
    }
    Ok(ids)
}

fn read_all(medium: &dyn Medium, id: u64) -> Result<Vec<u8>, TableError> {
    let file = medium.open(&segment_name(id))?;
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let count = file.read_at(&mut chunk, bytes.len() as u64)?;
        bytes.extend_from_slice(&chunk[..count]);
        if count < chunk.len() {
            return Ok(bytes);
        }
    }
}

/// The last sequence number before a segment.
fn header(bytes: &[u8], id: u64) -> Result<u64, TableError> {
    match read(bytes, id) {
        Some((frame, link, _)) if frame.kind == Kind::Header && link == first_link(id) => Ok(frame.sequence),
        _ => Err(damaged(id, 0, "no header")),
    }
}

fn scan(
    bytes: &[u8],
    id: u64,
    begin: u64,
    persisted: u64,
    visit: &mut dyn FnMut(u64, Vec<Op>) -> Result<(), TableError>,
) -> Result<End, TableError> {
    let mut end = End { at: 0, link: first_link(id), is_sealed: false, last: begin };
    while let Some((frame, link, whole)) = read(&bytes[end.at..], id) {
        if link != end.link {
            break;
        }
        if frame.kind == Kind::Change {
            end.last = frame.sequence;
            if frame.sequence > persisted {
                // Whole, and yet unknown: not a torn write.
                let ops =
                    decode_change(whole).ok_or_else(|| damaged(id, end.at, "an unknown kind of write"))?;
                visit(frame.sequence, ops)?;
            }
        }
        end.link = crc(whole);
        end.at += whole.len();
        if frame.kind == Kind::Seal {
            end.is_sealed = true;
            break;
        }
    }
    Ok(end)
}

/// Ends a segment where its last whole frame ends, so that nothing of a torn write can ever be taken for a frame.
fn seal(medium: &dyn Medium, id: u64, end: &mut End, bytes: usize) -> Result<(), TableError> {
    debug_assert!(end.at + FRAME_BYTES <= bytes, "room for the seal is always left");
    let file = medium.open(&segment_name(id))?;
    let frame = Frame { kind: Kind::Seal, sequence: end.last, acknowledged: end.last };
    let mut seal = empty_frame();
    close(&mut seal, frame, end.link, id);
    file.write_at(&seal, end.at as u64)?;
    // A killed process may have left changes unsynced; whoever sees them now may rely on them.
    file.sync()?;
    end.is_sealed = true;
    Ok(())
}

fn damaged(segment: u64, offset: usize, what: &str) -> TableError {
    TableError::Corrupt(format!("{} at byte {offset}: {what}", segment_name(segment)).into())
}
