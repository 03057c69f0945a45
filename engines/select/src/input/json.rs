//! Records of JSON: the values of the root level, one a line or one after the other.

use super::frames::Frames;
use crate::error::SelectError;
use crate::format::JsonType;
use crate::limits::{JSON_LOOK_BYTES, RECORD_BYTES_MAX};
use crate::value::json;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug)]
pub(crate) struct JsonReader {
    kind: JsonType,
    frames: Frames,
    /// Up to where no end of a line is, or up to where a value was found unfinished.
    searched: usize,
    partial: bool,
}

impl JsonReader {
    pub(crate) fn new(kind: JsonType) -> JsonReader {
        JsonReader::starting_at(kind, 0, false)
    }

    /// From somewhere in the object, where a line may be under way.
    pub(crate) fn starting_at(kind: JsonType, offset: u64, partial: bool) -> JsonReader {
        JsonReader { kind, frames: Frames::starting_at(offset), searched: 0, partial }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
    }

    /// The next value and where it starts. `ended`: nothing more will be pushed.
    pub(crate) fn next(&mut self, ended: bool) -> Result<Option<(&str, u64)>, SelectError> {
        match self.kind {
            JsonType::Lines => self.line(ended),
            JsonType::Document => self.value(ended),
        }
    }

    fn line(&mut self, ended: bool) -> Result<Option<(&str, u64)>, SelectError> {
        loop {
            let pending = self.frames.pending();
            let end = memchr::memchr(b'\n', &pending[self.searched..]).map(|end| self.searched + end);
            let frame = match end {
                Some(end) => self.frames.take(0, end, 1),
                None if ended && !pending.is_empty() => {
                    let length = pending.len();
                    self.frames.take(0, length, 0)
                }
                None => {
                    self.searched = pending.len();
                    self.frames.check_pending()?;
                    return Ok(None);
                }
            };
            self.searched = 0;
            let line = self.frames.bytes(frame);
            let blank = line.iter().all(u8::is_ascii_whitespace);
            if std::mem::take(&mut self.partial) || blank {
                continue;
            }
            let text = self.frames.text(frame)?.trim_ascii().trim_start_matches('\u{feff}');
            json::check(text)?;
            return Ok(Some((text, frame.offset)));
        }
    }

    fn value(&mut self, ended: bool) -> Result<Option<(&str, u64)>, SelectError> {
        let pending = self.frames.pending();
        let marked = self.frames.position() == 0 && pending.starts_with(BYTE_ORDER_MARK);
        let mark = if marked { BYTE_ORDER_MARK.len() } else { 0 };
        let blank = mark + pending[mark..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = &pending[blank..];
        if rest.is_empty() {
            self.frames.take(blank, 0, 0);
            return Ok(None);
        }
        // To look for an end again pays when there is twice as much to look at.
        if !ended && rest.len() < (self.searched * 2).max(JSON_LOOK_BYTES) {
            self.frames.check_pending()?;
            return Ok(None);
        }
        let end = match json::end_of_value(rest) {
            Err(error) => return Err(self.frames.not_text().unwrap_or(error)),
            Ok(end) => end,
        };
        // A number at the end may go on.
        let closed = |end: usize| end < rest.len() || matches!(rest.last(), Some(b'}' | b']' | b'"'));
        match end {
            Some(end) if ended || closed(end) => {
                self.searched = 0;
                let frame = self.frames.take(blank, end, 0);
                Ok(Some((self.frames.text(frame)?, frame.offset)))
            }
            _ if ended => {
                let cut = SelectError::json("the object ends within a value");
                Err(self.frames.not_text().unwrap_or(cut))
            }
            _ => {
                self.searched = rest.len().min(RECORD_BYTES_MAX / 2);
                self.frames.check_pending()?;
                Ok(None)
            }
        }
    }
}
