//! The append-only, segmented log that all queues share.
//!
//! Appending only fills a buffer, under a lock that is held for a copy and a checksum. One thread
//! ([`commit`]) writes what has gathered and syncs it, so that one sync serves everyone who came in the
//! meantime; [`durable`] is how they wait for it. Segments are files of one size with their room reserved
//! beforehand, and the next one (the spare) is made before it is needed: whether there is room is therefore known
//! *before* a state change, and a full disk is an answer, not an accident.

mod append;
mod commit;
mod durable;
mod fetch;
mod record;
mod recover;
mod scan;
mod sidecar;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Ids;
use parking_lot::{Condvar, Mutex};

pub use append::Appender;
pub use durable::Durable;
pub use fetch::Fetch;
pub use record::{Key, LastReceive, MessageHead, Parts, Record};

use crate::error::EngineError;
use crate::message::Usage;
use medium::{Medium, MediumFile};

/// No record takes more, besides its group's name and its body.
pub const RECORD_OVERHEAD_BYTES: usize = record::HEAD_BYTES_MAX + record::FRAME_BYTES;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub segment: u32,
    pub offset: u32,
    pub length: u32,
}

/// What a state change has to leave free, so that on a full disk there is room for those that make room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// Half a segment, in which messages can be received and deleted.
    ForReceives,
    /// A fifth, so that what was received can still be deleted.
    ForDeletions,
    /// A little, so that a queue can still be purged or dropped.
    ForPurges,
    Nothing,
}

impl Reserve {
    fn bytes(self, segment_bytes: u32) -> u32 {
        match self {
            Reserve::ForReceives => segment_bytes / 2,
            Reserve::ForDeletions => segment_bytes / 5,
            Reserve::ForPurges => segment_bytes / 64,
            Reserve::Nothing => 0,
        }
    }
}

pub struct Log {
    medium: Arc<dyn Medium>,
    ids: Ids,
    state: Mutex<State>,
    /// There is something to commit, or nothing will ever be again.
    appended: Condvar,
    /// A spare was made, or could not be.
    spare_made: Condvar,
    /// There may be work for the keeper.
    nudged: Condvar,
    pub durable: Durable,
    next_sequence: AtomicU64,
    /// How long a commit waits for company.
    gather: Duration,
    segment_bytes: u32,
}

struct State {
    segments: BTreeMap<u32, Segment>,
    /// The segment that is appended to; 0 before the first append ever.
    current: u32,
    /// Where the next record goes in it.
    end: u32,
    /// The current segment is closed, and the next append opens another.
    sealed: bool,
    /// The crc of the last record.
    link: u32,
    spare: Spare,
    /// Not yet written, in order.
    pending: Vec<Chunk>,
    /// Being written.
    writing: Arc<Vec<Chunk>>,
    /// Buffers to be used again.
    empty: Vec<Vec<u8>>,
    /// Counts appended records; the position that durability is measured in.
    appended: u64,
    nudged: bool,
    stopping: bool,
}

/// What is known of a segment besides its bytes.
struct Segment {
    file: Arc<dyn MediumFile>,
    /// Messages that exist and whose record is here.
    live: u32,
    live_bytes: u64,
    /// Queues whose configuration is here.
    queues: u32,
    /// How many deduplication ids are here, and until when they are remembered.
    dedups: u32,
    dedup_until: i64,
    sealed: bool,
    /// Its sidecar is on disk.
    indexed: bool,
}

impl Segment {
    fn new(file: Arc<dyn MediumFile>) -> Segment {
        Segment {
            file,
            live: 0,
            live_bytes: 0,
            queues: 0,
            dedups: 0,
            dedup_until: 0,
            sealed: false,
            indexed: false,
        }
    }
}

impl Segment {
    /// What rewriting the segment would write.
    fn useful_bytes(&self, now: i64) -> u64 {
        let dedups = if self.dedup_until > now { u64::from(self.dedups) } else { 0 };
        self.live_bytes + dedups * DEDUP_RECORD_BYTES
    }
}

/// About the size of a deduplication id's own record.
const DEDUP_RECORD_BYTES: u64 = 70;

enum Spare {
    None,
    Making,
    Ready(Arc<dyn MediumFile>),
    /// The disk was full when last tried.
    Blocked,
}

/// A run of records for one segment.
struct Chunk {
    segment: u32,
    start: u32,
    bytes: Vec<u8>,
    file: Arc<dyn MediumFile>,
}

fn segment_name(id: u32) -> String {
    format!("{id:08x}.log")
}

fn sidecar_name(id: u32) -> String {
    format!("{id:08x}.index")
}

/// A segment that the keeper may do something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    pub segment: u32,
    /// Nothing in it is needed any more.
    pub dead: bool,
}

impl Log {
    pub fn segment_bytes(&self) -> u32 {
        self.segment_bytes
    }

    /// The next segment is made once the current one has less than this left.
    fn spare_below(&self) -> u32 {
        self.segment_bytes / 4 * 3
    }

    /// A number no message had before.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a message may have that sequence number.
    pub fn has_given(&self, sequence: u64) -> bool {
        sequence < self.next_sequence.load(Ordering::Relaxed)
    }

    pub fn is_closing(&self) -> bool {
        self.state.lock().stopping
    }

    pub fn usage(&self) -> Usage {
        let state = self.state.lock();
        let spare = u64::from(matches!(state.spare, Spare::Ready(_)));
        Usage {
            segments: state.segments.len(),
            disk_bytes: (state.segments.len() as u64 + spare) * u64::from(self.segment_bytes),
            live_bytes: state.segments.values().map(|segment| segment.live_bytes).sum(),
        }
    }

    /// The position of the last appended record.
    pub fn position(&self) -> u64 {
        self.state.lock().appended
    }

    pub fn nudge_keeper(&self) {
        self.state.lock().nudged = true;
        self.nudged.notify_one();
    }

    /// Waits for a nudge or until `period` is over. `false` means that the log is closing.
    pub fn wait_for_work(&self, period: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.nudged && !state.stopping {
            self.nudged.wait_for(&mut state, period);
        }
        state.nudged = false;
        !state.stopping
    }

    /// Makes the threads end, once everything appended is committed.
    pub fn close(&self) {
        self.state.lock().stopping = true;
        self.appended.notify_all();
        self.nudged.notify_all();
        self.spare_made.notify_all();
    }

    /// Makes the next segment, if it will soon be needed. Called by the keeper.
    pub fn make_spare(&self) {
        let id = {
            let mut state = self.state.lock();
            let needed = state.current != 0 && state.room(self.segment_bytes) < self.spare_below();
            if !needed || !matches!(state.spare, Spare::None | Spare::Blocked) {
                return;
            }
            state.spare = Spare::Making;
            state.current + 1
        };
        let made = self.create_segment(id).and_then(|file| {
            file.settle(u64::from(self.segment_bytes))?;
            Ok(file)
        });
        self.state.lock().spare = match made {
            Ok(file) => Spare::Ready(file),
            Err(error) => {
                tracing::warn!(%error, "no room for another segment of the queue log");
                Spare::Blocked
            }
        };
        self.spare_made.notify_all();
    }

    fn create_segment(&self, id: u32) -> Result<Arc<dyn MediumFile>, EngineError> {
        let file = self.medium.create(&segment_name(id), u64::from(self.segment_bytes))?;
        self.medium.sync_names()?;
        Ok(file)
    }

    /// Closes the current segment if all that is left in it is of no use and it is large.
    pub fn rotate_if_dead(&self) {
        let mut log = self.append();
        let state = &log.state;
        let dead = state.segments.get(&state.current).is_some_and(|segment| segment.live == 0);
        let large =
            state.current != 0 && state.room(self.segment_bytes) < self.spare_below() && !state.sealed;
        if dead && large && state.segments.len() == 1 && matches!(state.spare, Spare::Ready(_)) {
            log.rotate();
        }
    }

    /// Sealed segments that still lack their sidecar; written segments only.
    pub fn index_sealed(&self) {
        let found: Vec<_> = {
            let state = self.state.lock();
            let unwritten = |id: u32| state.unwritten().any(|chunk| chunk.segment == id);
            let lacking = state
                .segments
                .iter()
                .filter(|(id, segment)| segment.sealed && !segment.indexed && !unwritten(**id));
            lacking.map(|(id, segment)| (*id, Arc::clone(&segment.file))).collect()
        };
        for (id, file) in found {
            match sidecar::write(&*self.medium, id, &*file) {
                Ok(()) => {
                    if let Some(segment) = self.state.lock().segments.get_mut(&id) {
                        segment.indexed = true;
                    }
                }
                // Without it the next start is slower, no more. The next pass tries again.
                Err(error) => {
                    tracing::warn!(%error, segment = id, "the index of a log segment was not written")
                }
            }
        }
    }

    /// The oldest segment, if it is of no use any more, or if so much of the disk is that rewriting it pays.
    pub fn oldest_to_drop(&self, now: i64) -> Option<Oldest> {
        let state = self.state.lock();
        let (id, segment) = state.segments.first_key_value()?;
        if !segment.sealed || state.segments.len() < 2 {
            return None;
        }
        let no_messages = segment.live == 0 && segment.dedup_until <= now;
        let useful_bytes: u64 = state.segments.values().map(|segment| segment.useful_bytes(now)).sum();
        let disk_bytes = state.segments.len() as u64 * u64::from(self.segment_bytes);
        let wasteful = disk_bytes > useful_bytes / 4 * 7 + 2 * u64::from(self.segment_bytes);
        let dead = no_messages && segment.queues == 0;
        (no_messages || wasteful).then_some(Oldest { segment: *id, dead })
    }

    /// Lets go of the oldest segment, or makes it the spare. What it held must be elsewhere, durably.
    pub fn drop_oldest(&self, id: u32) -> Result<(), EngineError> {
        let (segment, next) = {
            let mut state = self.state.lock();
            let (oldest, segment) = state.segments.first_key_value().expect("there is an oldest segment");
            assert!(
                *oldest == id && segment.live == 0 && segment.sealed,
                "a segment in use was to be dropped"
            );
            let segment = state.segments.remove(&id).expect("it was just seen");
            let wanted = state.room(self.segment_bytes) < self.spare_below();
            let reuse = wanted && matches!(state.spare, Spare::None | Spare::Blocked);
            if reuse {
                state.spare = Spare::Making;
            }
            (segment, reuse.then_some(state.current + 1))
        };
        // Someone may still be reading from it; then its bytes must stay as they are.
        let unread = Arc::strong_count(&segment.file) == 1;
        let outcome = match next {
            Some(next) if unread => self.medium.rename(&segment_name(id), &segment_name(next)),
            _ => self.medium.remove(&segment_name(id)),
        };
        let outcome = outcome.and_then(|()| {
            if segment.indexed {
                self.medium.remove(&sidecar_name(id))?;
            }
            // Before any younger segment goes: its deletions must never outlive themselves.
            self.medium.sync_names()
        });
        if next.is_some() {
            let reused = unread && outcome.is_ok();
            self.state.lock().spare = if reused { Spare::Ready(segment.file) } else { Spare::None };
            self.spare_made.notify_all();
        }
        outcome.map_err(|error| self.fail(&error))
    }

    /// All heads of a sealed segment, in order.
    pub fn heads(&self, id: u32, mut visit: impl FnMut(Record, Location)) -> Result<(), EngineError> {
        let file = {
            let state = self.state.lock();
            Arc::clone(&state.segments.get(&id).expect("the keeper alone drops segments").file)
        };
        let mut each = |record: &Record, location: Location| visit(*record, location);
        if sidecar::read(&*self.medium, id, &mut each).is_some() {
            return Ok(());
        }
        scan::whole(&*file, id, &mut each).map(drop)
    }

    /// The index found these in use, at start.
    pub fn count_live(&self, segment: u32, messages: u32, bytes: u64) {
        self.state.lock().count_live(segment, messages, bytes);
    }

    /// As [`Log::count_live`], for a deduplication id.
    pub fn count_dedup(&self, segment: u32, until: i64) {
        if let Some(segment) = self.state.lock().segments.get_mut(&segment) {
            segment.dedups += 1;
            segment.dedup_until = segment.dedup_until.max(until);
        }
    }

    pub fn count_queue(&self, segment: u32) {
        if let Some(segment) = self.state.lock().segments.get_mut(&segment) {
            segment.queues += 1;
        }
    }

    fn fail(&self, error: &std::io::Error) -> EngineError {
        let why: Arc<str> = error.to_string().into();
        tracing::error!(%error, "the queue log stopped");
        self.durable.stop(Arc::clone(&why));
        EngineError::Stopped(why)
    }
}

impl State {
    /// What is left of the current segment.
    fn room(&self, segment_bytes: u32) -> u32 {
        if self.current == 0 || self.sealed {
            return 0;
        }
        // A segment may have been made when segments were larger.
        segment_bytes.saturating_sub(self.end + scan::SEAL_BYTES)
    }

    fn count_live(&mut self, segment: u32, messages: u32, bytes: u64) {
        let segment = self.segments.get_mut(&segment).expect("a segment with live messages is kept");
        segment.live += messages;
        segment.live_bytes += bytes;
    }

    fn unwritten(&self) -> impl Iterator<Item = &Chunk> {
        self.writing.iter().chain(&self.pending)
    }
}
