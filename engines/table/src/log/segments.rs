//! The files of the log, as the writer, who fills them, and the keeper, who makes and removes them, share them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::error::TableError;
use medium::{Medium, MediumFile};

pub struct Segments {
    medium: Arc<dyn Medium>,
    segment_bytes: u64,
    state: Mutex<State>,
    made: Condvar,
}

struct State {
    /// Sealed segments and the last sequence number in each, from the oldest.
    closed: VecDeque<(u64, u64)>,
    spare: Spare,
    /// The segment that the writer will take next.
    next: u64,
    /// Whether it has taken one: a log that is only opened needs no spare.
    is_used: bool,
}

enum Spare {
    None,
    Making,
    Ready(Arc<dyn MediumFile>),
}

pub fn segment_name(id: u64) -> String {
    format!("{id:012x}.log")
}

pub fn segment_id(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()
}

impl Segments {
    pub fn new(
        medium: Arc<dyn Medium>,
        segment_bytes: u64,
        closed: VecDeque<(u64, u64)>,
        next: u64,
    ) -> Segments {
        let state = Mutex::new(State { closed, spare: Spare::None, next, is_used: false });
        Segments { medium, segment_bytes, state, made: Condvar::new() }
    }

    pub fn medium(&self) -> &Arc<dyn Medium> {
        &self.medium
    }

    /// The next segment, with room for so many bytes at least: its number, its file, and its size.
    pub fn take(&self, bytes: u64) -> Result<(u64, Arc<dyn MediumFile>, u64), TableError> {
        let mut state = self.state.lock();
        while matches!(state.spare, Spare::Making) {
            self.made.wait(&mut state);
        }
        let id = state.next;
        let size = bytes.max(self.segment_bytes).next_multiple_of(4096);
        let file = match std::mem::replace(&mut state.spare, Spare::None) {
            Spare::Ready(file) if bytes <= self.segment_bytes => file,
            // A change that is larger than a segment gets a larger one, instead of the spare of the same number.
            _ => self.create(id, size)?,
        };
        state.next = id + 1;
        state.is_used = true;
        Ok((id, file, if bytes <= self.segment_bytes { self.segment_bytes } else { size }))
    }

    pub fn wants_spare(&self) -> bool {
        matches!(self.state.lock().spare, Spare::None)
    }

    pub fn closed(&self, id: u64, last_sequence: u64) {
        self.state.lock().closed.push_back((id, last_sequence));
    }

    /// Makes the segment after the current one, if there is none. For the keeper.
    pub fn make_spare(&self) -> Result<(), TableError> {
        let id = {
            let mut state = self.state.lock();
            if !state.is_used || !matches!(state.spare, Spare::None) {
                return Ok(());
            }
            state.spare = Spare::Making;
            state.next
        };
        let made = self.create(id, self.segment_bytes).and_then(|file| {
            file.settle(self.segment_bytes)?;
            Ok(file)
        });
        let mut state = self.state.lock();
        let (spare, result) = match made {
            Ok(file) => (Spare::Ready(file), Ok(())),
            Err(error) => (Spare::None, Err(error)),
        };
        state.spare = spare;
        self.made.notify_all();
        result
    }

    /// Removes the segments in which nothing is newer than this sequence number.
    pub fn retire(&self, persisted: u64) -> io::Result<()> {
        let mut removed = false;
        loop {
            let id = match self.state.lock().closed.front() {
                Some((id, last)) if *last <= persisted => *id,
                _ => break,
            };
            self.medium.remove(&segment_name(id))?;
            self.state.lock().closed.pop_front();
            removed = true;
        }
        if removed { self.medium.sync_names() } else { Ok(()) }
    }

    fn create(&self, id: u64, bytes: u64) -> Result<Arc<dyn MediumFile>, TableError> {
        let file = self.medium.create(&segment_name(id), bytes)?;
        self.medium.sync_names()?;
        Ok(file)
    }
}
