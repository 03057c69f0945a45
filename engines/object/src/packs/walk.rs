//! Walking over a pack, frame by frame, from its headers; and finding the way again behind a damaged one.

use crate::error::EngineError;
use crate::keys::EngineId;
use crate::limits::WALK_BYTES;
use crate::medium::MediumFile;
use crate::packs::frame::{HEADER_BYTES, Header, Kind, Spot};

pub enum Step {
    Frame {
        offset: u32,
        header: Header,
        /// Whether what follows the header is what was written; not looked at, and true, unless asked for.
        intact: bool,
    },
    /// There is no frame up to here, or none that can be told.
    Gap { offset: u32, length: u32 },
}

pub struct Walk<'a> {
    file: &'a dyn MediumFile,
    engine: &'a EngineId,
    pack: u32,
    at: u32,
    end: u32,
    verifies: bool,
    window: Vec<u8>,
    window_start: u32,
}

impl<'a> Walk<'a> {
    /// From a frame's start to `end`.
    pub fn new(file: &'a dyn MediumFile, engine: &'a EngineId, from: Spot, end: u32) -> Walk<'a> {
        let (pack, at) = (from.pack, from.offset);
        Walk { file, engine, pack, at, end, verifies: false, window: Vec::new(), window_start: at }
    }

    pub fn verifying(self) -> Walk<'a> {
        Walk { verifies: true, ..self }
    }

    pub fn at(&self) -> u32 {
        self.at
    }

    /// Goes on there, where a frame has to start.
    pub fn skip_to(&mut self, offset: u32) {
        self.at = offset;
    }

    pub fn next(&mut self) -> Result<Option<Step>, EngineError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let offset = self.at;
        let Some(header) = self.header(offset)? else {
            self.at = self.find_header()?;
            return Ok(Some(Step::Gap { offset, length: self.at - offset }));
        };
        let length = HEADER_BYTES as u64 + header.body_bytes();
        let fits = u64::from(offset) + length <= u64::from(self.end);
        let intact = fits && (!self.verifies || self.is_intact(offset, &header)?);
        self.at = if fits { offset + length as u32 } else { self.end };
        Ok(Some(Step::Frame { offset, header, intact }))
    }

    fn is_intact(&mut self, offset: u32, header: &Header) -> Result<bool, EngineError> {
        if header.kind != Kind::Content {
            return Ok(true);
        }
        let length = header.body_bytes() as usize;
        let body = self.bytes(offset + HEADER_BYTES as u32, length)?;
        Ok(body.len() == length && crc32c::crc32c(body) == header.checksum)
    }

    fn header(&mut self, offset: u32) -> Result<Option<Header>, EngineError> {
        let (engine, pack) = (self.engine, self.pack);
        let bytes = self.bytes(offset, HEADER_BYTES)?;
        Ok(Header::decode(bytes, engine, Spot { pack, offset }))
    }

    /// The next place where a frame starts, or the end.
    fn find_header(&mut self) -> Result<u32, EngineError> {
        let mut offset = self.at.saturating_add(HEADER_BYTES as u32);
        while offset < self.end {
            if self.header(offset)?.is_some() {
                return Ok(offset);
            }
            offset = offset.saturating_add(HEADER_BYTES as u32);
        }
        Ok(self.end)
    }

    /// So many bytes, or what there is of them.
    fn bytes(&mut self, offset: u32, length: usize) -> Result<&[u8], EngineError> {
        let within = |walk: &Walk<'_>| {
            let start = offset.checked_sub(walk.window_start)? as usize;
            (start + length <= walk.window.len()).then_some(start)
        };
        if within(self).is_none() {
            self.window = self.file.read_at(u64::from(offset), length.max(WALK_BYTES))?;
            self.window_start = offset;
        }
        let start = (offset - self.window_start) as usize;
        Ok(&self.window[start..self.window.len().min(start + length)])
    }
}
