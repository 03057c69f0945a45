//! Giving out places, and handing in what goes there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::draft::Draft;
use crate::error::EngineError;
use crate::extent::{Extent, Place};
use crate::keys::ContentKeys;
use crate::limits::{GRACE_SECONDS_MAX, LOT_BYTES};
use crate::packs::Packs;
use crate::packs::frame::{HEADER_BYTES, Header, Kind, SEAL_BYTES, START_BYTES, Spot, footprint};
use crate::seal::seal_all;

/// How often it is noted how far the packs were.
const MARK_PERIOD: Duration = Duration::from_secs(1);

/// What waits for its commit, in the order of places.
pub struct Queue {
    /// The pack that places are given out in; none at first, and when it cannot go on.
    pub pack: Option<u32>,
    /// In that pack.
    pub next_offset: u32,
    pub next_pack: u32,
    pub slots: VecDeque<Slot>,
    /// The ticket of the first slot.
    pub first_ticket: u64,
    pub stopping: bool,
    /// When which place was the next, for telling old content from new.
    marks: VecDeque<(Instant, Spot)>,
}

pub struct Slot {
    pub spot: Spot,
    pub length: u32,
    pub fill: Fill,
}

pub enum Fill {
    /// Somebody is sealing what goes there.
    Reserved,
    /// Nothing goes there.
    Padding,
    Content(Box<Content>),
}

pub struct Content {
    /// The whole frame, with its header.
    pub bytes: Vec<u8>,
    pub header: Header,
    /// Given out with the answer; dropped, and thereby freed, if nobody waits for it any more.
    pub draft: Draft,
    pub answer: oneshot::Sender<Result<Draft, EngineError>>,
    _room: OwnedSemaphorePermit,
}

impl Queue {
    pub fn new(next_pack: u32) -> Queue {
        let first = Spot { pack: next_pack, offset: 0 };
        Queue {
            pack: None,
            next_offset: 0,
            next_pack,
            slots: VecDeque::new(),
            first_ticket: 0,
            stopping: false,
            marks: VecDeque::from([(Instant::now(), first)]),
        }
    }

    /// The next place for a frame of this length.
    fn reserve(&mut self, length: u32, pack_bytes: u32) -> (u64, Spot) {
        let lot_left = LOT_BYTES - self.next_offset % LOT_BYTES;
        let padding = if length > lot_left { lot_left } else { 0 };
        let needed = u64::from(self.next_offset) + u64::from(padding) + u64::from(length);
        let pack = match self.pack {
            Some(pack) if needed + u64::from(SEAL_BYTES) <= u64::from(pack_bytes) => {
                if padding > 0 {
                    self.push(Spot { pack, offset: self.next_offset }, padding, Fill::Padding);
                }
                pack
            }
            _ => self.begin_pack(),
        };
        let spot = Spot { pack, offset: self.next_offset };
        self.mark(Instant::now(), spot);
        (self.push(spot, length, Fill::Reserved), spot)
    }

    fn begin_pack(&mut self) -> u32 {
        let pack = self.next_pack;
        self.next_pack = pack.checked_add(1).expect("four thousand million packs are never written");
        self.pack = Some(pack);
        self.next_offset = START_BYTES;
        pack
    }

    fn push(&mut self, spot: Spot, length: u32, fill: Fill) -> u64 {
        self.slots.push_back(Slot { spot, length, fill });
        self.next_offset += length;
        self.first_ticket + self.slots.len() as u64 - 1
    }

    fn mark(&mut self, now: Instant, spot: Spot) {
        let is_due = self.marks.back().is_none_or(|(last, _)| now - *last >= MARK_PERIOD);
        if is_due {
            self.marks.push_back((now, spot));
        }
        // One mark that is old enough for any grace stays.
        while self.marks.get(1).is_some_and(|(at, _)| now - *at > Duration::from_secs(GRACE_SECONDS_MAX)) {
            self.marks.pop_front();
        }
    }

    fn slot(&mut self, ticket: u64) -> &mut Slot {
        let index = (ticket - self.first_ticket) as usize;
        self.slots.get_mut(index).expect("a reserved slot stays until it is filled")
    }
}

/// A place that has to be filled; it becomes padding if it is not.
struct Reserved<'a> {
    packs: &'a Packs,
    ticket: Option<u64>,
}

impl Reserved<'_> {
    fn fill(mut self, fill: Fill) {
        if let Some(ticket) = self.ticket.take() {
            self.packs.fill(ticket, fill);
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.packs.fill(ticket, Fill::Padding);
        }
    }
}

impl Packs {
    /// Appends content, at most [`crate::limits::PACKED_BYTES_MAX`], and returns when it is synced. Goes on to its
    /// end if nobody waits for it; then the draft is dropped.
    pub async fn append(
        &self,
        content: &Bytes,
        keys: &ContentKeys,
        draft: impl FnOnce(Extent) -> Draft,
    ) -> Result<Draft, EngineError> {
        let length = footprint(content.len() as u64);
        let room = Arc::clone(&self.room);
        let room = room.acquire_many_owned(length).await.map_err(|_closed| EngineError::Closed)?;
        let (answer, answered) = oneshot::channel();
        self.append_now(content, keys, draft, answer, room)?;
        answered.await.unwrap_or(Err(EngineError::Closed))
    }

    fn append_now(
        &self,
        content: &Bytes,
        keys: &ContentKeys,
        draft: impl FnOnce(Extent) -> Draft,
        answer: oneshot::Sender<Result<Draft, EngineError>>,
        room: OwnedSemaphorePermit,
    ) -> Result<(), EngineError> {
        let length = footprint(content.len() as u64);
        let (reserved, spot) = {
            let mut queue = self.queue.lock();
            if queue.stopping {
                return Err(EngineError::Closed);
            }
            let (ticket, spot) = queue.reserve(length, self.pack_bytes);
            (Reserved { packs: self, ticket: Some(ticket) }, spot)
        };
        let extent = Extent {
            place: Place::Pack { pack: spot.pack, offset: spot.offset },
            length: content.len() as u64,
        };
        let chunk_keys = keys.for_place(&self.engine, &extent.place);
        let mut bytes = seal_all(&chunk_keys, content, HEADER_BYTES, length as usize);
        let sealed = (bytes.len() - HEADER_BYTES) as u32;
        bytes.resize(length as usize, 0);
        let checksum = crc32c::crc32c(&bytes[HEADER_BYTES..]);
        let header = Header { kind: Kind::Content, first_of_commit: false, length: sealed, checksum };
        bytes[..HEADER_BYTES].copy_from_slice(&header.encode(&self.engine, spot));
        let content = Content { bytes, header, draft: draft(extent), answer, _room: room };
        reserved.fill(Fill::Content(Box::new(content)));
        Ok(())
    }

    fn fill(&self, ticket: u64, fill: Fill) {
        let mut queue = self.queue.lock();
        queue.slot(ticket).fill = fill;
        // Others wait until what is before them is ready. The first may be padding, which nobody fills.
        if queue.slots.front().is_some_and(|first| !matches!(first.fill, Fill::Reserved)) {
            self.ready.notify_one();
        }
    }

    /// Notes how far the packs are, for a later [`Packs::old_before`].
    pub fn mark(&self, now: Instant) {
        let mut queue = self.queue.lock();
        let offset = queue.next_offset;
        let spot = queue.pack.map(|pack| Spot { pack, offset });
        let spot = spot.unwrap_or(Spot { pack: queue.next_pack, offset: 0 });
        queue.marks.push_back((now, spot));
    }

    /// A place before which everything was given out by then. What earlier processes wrote always is.
    pub fn old_before(&self, then: Option<Instant>) -> Spot {
        let queue = self.queue.lock();
        let marks = queue.marks.iter();
        let found = then.and_then(|then| marks.take_while(|(at, _)| *at <= then).last());
        // The first mark is of the start, or so old that it counts as the start.
        found.or(queue.marks.front()).map(|(_, spot)| *spot).expect("one mark always stays")
    }

    /// Nothing is taken any more; what waits is committed.
    pub fn close(&self) {
        self.room.close();
        self.queue.lock().stopping = true;
        self.ready.notify_all();
    }
}
