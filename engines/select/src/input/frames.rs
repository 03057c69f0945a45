//! Bytes that wait for the end of the record they belong to.

use crate::error::SelectError;
use crate::limits::RECORD_BYTES_MAX;

#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// What is before it has been handed out.
    start: usize,
    /// Where in the object, unpacked, the buffer starts.
    offset: u64,
}

/// Where a record is in the buffer, and where in the object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub from: usize,
    pub to: usize,
    pub offset: u64,
}

impl Frames {
    pub(super) fn starting_at(offset: u64) -> Frames {
        Frames { offset, ..Frames::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.offset += self.start as u64;
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// The next so many bytes, after so many that are passed over; what follows them is passed over too.
    pub(super) fn take(&mut self, skip: usize, length: usize, delimiter: usize) -> Frame {
        let from = self.start + skip;
        let frame = Frame { from, to: from + length, offset: self.offset + from as u64 };
        self.start = from + length + delimiter;
        frame
    }

    pub(super) fn bytes(&self, frame: Frame) -> &[u8] {
        &self.buffer[frame.from..frame.to]
    }

    /// The text of a record, if it is UTF-8 and not too long.
    pub(super) fn text(&self, frame: Frame) -> Result<&str, SelectError> {
        let bytes = self.bytes(frame);
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(SelectError::record_too_long());
        }
        std::str::from_utf8(bytes)
            .map_err(|error| SelectError::encoding(frame.offset + error.valid_up_to() as u64))
    }

    /// Where in the object that starts which is pending.
    pub(super) fn position(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// Refuses to wait for more of a record that is too long already. Binary data shows as what it is.
    pub(super) fn check_pending(&self) -> Result<(), SelectError> {
        if self.pending().len() <= RECORD_BYTES_MAX {
            return Ok(());
        }
        Err(self.not_text().unwrap_or_else(SelectError::record_too_long))
    }

    /// The error that what is pending is no UTF-8, if so.
    pub(super) fn not_text(&self) -> Option<SelectError> {
        let error = std::str::from_utf8(self.pending()).err()?;
        error.error_len()?;
        Some(SelectError::encoding(self.position() + error.valid_up_to() as u64))
    }
}
