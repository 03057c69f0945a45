//! The write-ahead log: what makes a change durable, long before the tree writes its files.
//!
//! Segments of one size, reserved before they are written, one after the other. One thread writes; a whole group of
//! changes is one write and one sync. A segment goes when everything in it is in files of the tree.

pub mod frame;
mod recover;
mod segments;

use std::io;
use std::sync::Arc;

use crate::error::TableError;
use frame::{FRAME_BYTES, Frame, Kind, close, empty_frame, first_link};
use medium::MediumFile;
pub use segments::Segments;

pub struct Log {
    segments: Arc<Segments>,
    current: Option<Current>,
    /// The segment before the current one, with its last sequence number, until the current one is begun.
    sealed: Option<(u64, u64)>,
    /// The checksum of the last frame.
    link: u32,
    /// The last sequence number that is known to be synced.
    acknowledged: u64,
    /// Whether the last frame says so.
    is_marked: bool,
    buffer: Vec<u8>,
}

struct Current {
    id: u64,
    file: Arc<dyn MediumFile>,
    /// Where the next frame goes.
    end: u64,
    bytes: u64,
}

/// Why a group is not in the log.
#[derive(Debug)]
pub enum Unwritten {
    /// Nothing was written, and nothing is wrong.
    Full,
    /// What is on the disk is not known.
    Failed(io::Error),
}

/// A change to be written: its sequence number, and its frame as [`frame::encode_change`] made it.
pub struct Entry<'a> {
    pub sequence: u64,
    pub frame: &'a mut [u8],
}

/// Larger buffers are given back to the system after use.
const KEPT_BUFFER_BYTES: usize = 4 << 20;

impl Log {
    /// Writes changes in their order and syncs them.
    pub fn write<'a>(
        &mut self,
        entries: impl Iterator<Item = Entry<'a>>,
        bytes: usize,
    ) -> Result<(), Unwritten> {
        self.make_room(bytes)?;
        let current = self.current.as_mut().expect("there is room, so there is a segment");
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut last = self.acknowledged;
        if current.end == 0 {
            let mut header = empty_frame();
            let frame = Frame { kind: Kind::Header, sequence: last, acknowledged: last };
            self.link = close(&mut header, frame, first_link(current.id), current.id);
            buffer.extend_from_slice(&header);
        }
        for entry in entries {
            debug_assert!(entry.sequence > last, "sequence numbers grow");
            last = entry.sequence;
            let frame = Frame { kind: Kind::Change, sequence: last, acknowledged: self.acknowledged };
            self.link = close(entry.frame, frame, self.link, current.id);
            buffer.extend_from_slice(entry.frame);
        }
        current.file.write_at(&buffer, current.end).map_err(Unwritten::Failed)?;
        current.file.sync().map_err(Unwritten::Failed)?;
        current.end += buffer.len() as u64;
        self.acknowledged = last;
        self.is_marked = false;
        // Not sooner: a log always has a segment that was begun.
        if let Some((id, last)) = self.sealed.take() {
            self.segments.closed(id, last);
        }
        if buffer.capacity() <= KEPT_BUFFER_BYTES {
            self.buffer = buffer;
        }
        Ok(())
    }

    /// Says behind the last change that it was synced, so that damage to it can be told from a torn write. Without
    /// a sync, since it only has to be there when the change is.
    pub fn mark(&mut self) -> Result<(), Unwritten> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if self.is_marked || current.end == 0 || current.end + 2 * FRAME_BYTES as u64 > current.bytes {
            return Ok(());
        }
        let frame = Frame { kind: Kind::Mark, sequence: self.acknowledged, acknowledged: self.acknowledged };
        let mut mark = empty_frame();
        self.link = close(&mut mark, frame, self.link, current.id);
        current.file.write_at(&mark, current.end).map_err(Unwritten::Failed)?;
        current.end += FRAME_BYTES as u64;
        self.is_marked = true;
        Ok(())
    }

    pub fn is_marked(&self) -> bool {
        self.is_marked || self.current.is_none()
    }

    /// Leaves the log as the next start likes it.
    pub fn close(&mut self) -> Result<(), Unwritten> {
        self.mark()?;
        match &self.current {
            Some(current) if current.end > 0 => current.file.sync().map_err(Unwritten::Failed),
            _ => Ok(()),
        }
    }

    /// Makes sure of a segment that has room for so many bytes of changes and for its seal.
    fn make_room(&mut self, bytes: usize) -> Result<(), Unwritten> {
        let seal = FRAME_BYTES as u64;
        if let Some(current) = &self.current
            && current.end + bytes as u64 + 2 * seal <= current.bytes
        {
            return Ok(());
        }
        let (id, file, size) = self.segments.take(bytes as u64 + 3 * seal).map_err(|error| match error {
            TableError::Full => Unwritten::Full,
            TableError::Io(error) => Unwritten::Failed(io::Error::other(error)),
            other => Unwritten::Failed(io::Error::other(other)),
        })?;
        if let Some(current) = &mut self.current
            && current.end > 0
        {
            let frame =
                Frame { kind: Kind::Seal, sequence: self.acknowledged, acknowledged: self.acknowledged };
            let mut bytes = empty_frame();
            close(&mut bytes, frame, self.link, current.id);
            current.file.write_at(&bytes, current.end).map_err(Unwritten::Failed)?;
            // Recovery relies on all segments but the last to be whole.
            current.file.sync().map_err(Unwritten::Failed)?;
            self.sealed = Some((current.id, self.acknowledged));
        }
        self.current = Some(Current { id, file, end: 0, bytes: size });
        Ok(())
    }
}
