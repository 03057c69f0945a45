//! Appending: the short critical section that every state change passes through.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;

use crate::error::EngineError;
use crate::limits::DEDUP_MILLIS;
use crate::log::record::{FRAME_BYTES, HEAD_BYTES_MAX, MessageHead, Record, VERSION, close_frame};
use crate::log::scan::SEAL_BYTES;
use crate::log::{Chunk, Location, Log, Reserve, Segment, Spare, State, segment_name};

impl Log {
    /// Opens the critical section. Queue locks are taken before it, never within.
    pub fn append(&self) -> Appender<'_> {
        Appender { log: self, state: self.state.lock() }
    }
}

pub struct Appender<'a> {
    log: &'a Log,
    pub(super) state: MutexGuard<'a, State>,
}

impl Appender<'_> {
    /// Makes sure that `bytes` more will find room and leave the reserve behind; changes nothing if not.
    pub fn admit(&mut self, bytes: usize, reserve: Reserve) -> Result<(), EngineError> {
        if let Some(stopped) = self.log.durable.stopped() {
            return Err(stopped);
        }
        let segment_bytes = self.log.segment_bytes;
        let reserve = reserve.bytes(segment_bytes);
        let needed = u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(reserve);
        loop {
            if self.state.current != 0 && self.state.room(segment_bytes) >= needed {
                return Ok(());
            }
            match self.state.spare {
                Spare::Ready(_) if self.state.current != 0 => return Ok(()),
                Spare::Ready(_) => self.open_next(),
                // Without any segment nobody else tries again.
                Spare::Blocked if self.state.current == 0 => self.make_spare_now()?,
                Spare::Blocked => return Err(EngineError::Full),
                Spare::Making => self.log.spare_made.wait(&mut self.state),
                Spare::None => self.make_spare_now()?,
            }
        }
    }

    /// The keeper was too slow, or this is the first append ever.
    fn make_spare_now(&mut self) -> Result<(), EngineError> {
        match self.log.create_segment(self.state.current + 1) {
            Ok(file) => {
                self.state.spare = Spare::Ready(file);
                Ok(())
            }
            Err(error) => {
                self.state.spare = Spare::Blocked;
                Err(error)
            }
        }
    }

    /// A message, with its tail. It counts as live until [`Appender::release`].
    pub fn message(&mut self, head: &MessageHead, group: &[u8], body: &[u8]) -> Location {
        debug_assert_eq!(usize::from(head.group_length), group.len(), "the head tells the group's length");
        let location = self.write(HEAD_BYTES_MAX + group.len() + body.len(), |out| {
            Record::Message(*head).write(out);
            out.extend_from_slice(group);
            out.extend_from_slice(body);
        });
        self.state.count_live(location.segment, 1, u64::from(location.length));
        if head.dedup.is_some() {
            self.remember_dedup(location.segment, head.sent_at);
        }
        location
    }

    /// Any other record.
    pub fn note(&mut self, record: &Record) -> Location {
        let location = self.write(HEAD_BYTES_MAX, |out| record.write(out));
        match record {
            Record::Queue { .. } => self.segment(location.segment).queues += 1,
            Record::Dedup { sent_at, .. } => self.remember_dedup(location.segment, *sent_at),
            _ => {}
        }
        location
    }

    fn remember_dedup(&mut self, segment: u32, sent_at: i64) {
        let segment = self.segment(segment);
        segment.dedups += 1;
        segment.dedup_until = segment.dedup_until.max(sent_at + DEDUP_MILLIS);
    }

    /// The message whose record is there exists no more, or has another record now.
    pub fn release(&mut self, location: Location) {
        let segment = self.segment(location.segment);
        segment.live -= 1;
        segment.live_bytes -= u64::from(location.length);
        if segment.live == 0 && segment.sealed {
            self.nudge();
        }
    }

    /// As [`Appender::release`], for a queue's configuration.
    pub fn release_queue(&mut self, segment: u32) {
        self.segment(segment).queues -= 1;
    }

    fn segment(&mut self, id: u32) -> &mut Segment {
        self.state.segments.get_mut(&id).expect("a segment with something in use is kept")
    }

    /// Everything appended so far.
    pub fn position(&self) -> u64 {
        self.state.appended
    }

    fn nudge(&mut self) {
        self.state.nudged = true;
        self.log.nudged.notify_one();
    }

    fn write(&mut self, bytes_at_most: usize, fill: impl FnOnce(&mut Vec<u8>)) -> Location {
        if (self.state.room(self.log.segment_bytes) as usize) < bytes_at_most + FRAME_BYTES {
            self.rotate();
        }
        let state = &mut *self.state;
        let segment_bytes = self.log.segment_bytes;
        let room_before = state.room(segment_bytes);
        let link = state.link;
        let chunk = chunk_for(state);
        let start = chunk.bytes.len();
        chunk.bytes.extend_from_slice(&[0; FRAME_BYTES]);
        fill(&mut chunk.bytes);
        let crc = close_frame(&mut chunk.bytes, start, link);
        let length = (chunk.bytes.len() - start) as u32;
        let location = Location { segment: state.current, offset: state.end, length };
        state.link = crc;
        state.end += length;
        state.appended += 1;
        if room_before >= self.log.spare_below() && state.room(segment_bytes) < self.log.spare_below() {
            self.nudge();
        }
        location
    }

    /// Closes the current segment, if there is one, and opens the spare.
    pub(super) fn rotate(&mut self) {
        let state = &mut *self.state;
        if state.current != 0 && !state.sealed {
            let link = state.link;
            let chunk = chunk_for(state);
            let start = chunk.bytes.len();
            chunk.bytes.extend_from_slice(&[0; FRAME_BYTES]);
            Record::Seal.write(&mut chunk.bytes);
            close_frame(&mut chunk.bytes, start, link);
            debug_assert_eq!(chunk.bytes.len() - start, SEAL_BYTES as usize, "a seal has one size");
            state.appended += 1;
            state.sealed = true;
            let current = state.current;
            state.segments.get_mut(&current).expect("the current segment is kept").sealed = true;
        }
        self.open_next();
        self.nudge();
    }

    fn open_next(&mut self) {
        let state = &mut *self.state;
        let Spare::Ready(file) = mem::replace(&mut state.spare, Spare::None) else {
            panic!("admission makes sure of a spare before {} is full", segment_name(state.current));
        };
        state.current += 1;
        state.end = 0;
        state.sealed = false;
        // The chain starts anew; the nonce keeps an earlier life of the file from continuing it.
        state.link = state.current;
        let current = state.current;
        state.segments.insert(current, Segment::new(file));
        let header = Record::Header {
            version: VERSION,
            segment: current,
            nonce: self.log.ids.number(),
            next_sequence: self.log.next_sequence.load(Ordering::Relaxed),
        };
        self.write(HEAD_BYTES_MAX, |out| header.write(out));
    }
}

/// Where the next record's bytes go.
fn chunk_for(state: &mut State) -> &mut Chunk {
    if state.pending.last().is_none_or(|chunk| chunk.segment != state.current) {
        let file = Arc::clone(&state.segments[&state.current].file);
        let bytes = state.empty.pop().unwrap_or_default();
        state.pending.push(Chunk { segment: state.current, start: state.end, bytes, file });
    }
    state.pending.last_mut().expect("one was just pushed")
}

impl Drop for Appender<'_> {
    fn drop(&mut self) {
        if !self.state.pending.is_empty() {
            self.log.appended.notify_one();
        }
    }
}
