//! The one thread that writes packs: everything that is ready, then one sync, then everyone is told.

use std::io::IoSlice;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::EngineError;
use crate::limits::{COMMIT_BYTES_MAX, COMMIT_FRAMES_MAX, LOT_BYTES};
use crate::medium::MediumFile;
use crate::packs::append::{Fill, Slot};
use crate::packs::frame::{HEADER_BYTES, Header, Kind, START_BYTES, Spot, seal};
use crate::packs::{Pack, PackState, Packs, name};

/// The pack that is written to.
struct Open {
    pack: Arc<Pack>,
    file: Arc<dyn MediumFile>,
    /// How far there is room for certain.
    reserved: u64,
}

impl Packs {
    /// Commits until the packs are closed and nothing is left.
    pub fn commit_forever(&self) {
        let mut open: Option<Open> = None;
        // A pack that nothing can be added to: what was sealed for it is refused.
        let mut broken: Option<(u32, EngineError)> = None;
        while let Some(slots) = self.next_commit() {
            let pack = slots[0].spot.pack;
            let done = match &broken {
                Some((number, error)) if *number == pack => Err(error.clone()),
                _ => self.commit(&slots, &mut open),
            };
            match done {
                Ok(()) => {
                    for slot in slots {
                        if let Fill::Content(content) = slot.fill {
                            // If nobody waits any more, the draft comes back and is dropped.
                            let _unwanted = content.answer.send(Ok(content.draft));
                        }
                    }
                }
                Err(error) => {
                    if broken.as_ref().is_none_or(|(number, _)| *number != pack) {
                        tracing::warn!(pack, %error, "objects could not be written");
                    }
                    broken = Some((pack, error.clone()));
                    self.give_up(pack, open.take_if(|open| open.pack.number == pack));
                    refuse(slots, &error);
                }
            }
        }
        if let Some(open) = open {
            self.close_pack(&open);
        }
    }

    /// Waits for the first in the queue, and takes as many as are ready and of one pack.
    fn next_commit(&self) -> Option<Vec<Slot>> {
        let mut queue = self.queue.lock();
        loop {
            match queue.slots.front() {
                Some(slot) if !matches!(slot.fill, Fill::Reserved) => break,
                None if queue.stopping => return None,
                _ => self.ready.wait(&mut queue),
            }
        }
        let mut slots: Vec<Slot> = Vec::new();
        let mut bytes = 0;
        while let Some(slot) = queue.slots.front() {
            let is_ready = !matches!(slot.fill, Fill::Reserved);
            let fits = slots.len() < COMMIT_FRAMES_MAX && bytes + slot.length as usize <= COMMIT_BYTES_MAX;
            let is_same_pack = slots.first().is_none_or(|first| first.spot.pack == slot.spot.pack);
            if !is_ready || !is_same_pack || (!fits && !slots.is_empty()) {
                break;
            }
            bytes += slot.length as usize;
            slots.extend(queue.slots.pop_front());
            queue.first_ticket += 1;
        }
        Some(slots)
    }

    fn commit(&self, slots: &[Slot], open: &mut Option<Open>) -> Result<(), EngineError> {
        let first = slots[0].spot;
        if open.as_ref().is_none_or(|open| open.pack.number != first.pack) {
            if let Some(before) = open.take() {
                self.close_pack(&before);
            }
            *open = Some(self.create_pack(first.pack)?);
        }
        let open = open.as_mut().expect("it was just opened if it was not");
        let last = slots.last().expect("a commit has something in it");
        let end = last.spot.offset + last.length;
        self.make_room(open, end)?;
        self.write(&*open.file, slots)?;
        open.file.sync()?;
        let mut state = open.pack.state.lock();
        state.end = end;
        let padding = slots.iter().filter(|slot| matches!(slot.fill, Fill::Padding));
        state.padding += padding.map(|slot| slot.length).sum::<u32>();
        Ok(())
    }

    /// One write for what is together; padding is only a header and leaves a gap behind.
    fn write(&self, file: &dyn MediumFile, slots: &[Slot]) -> Result<(), EngineError> {
        let headers: Vec<[u8; HEADER_BYTES]> =
            slots.iter().enumerate().map(|(index, slot)| self.header(slot, index == 0)).collect();
        let mut pieces: Vec<IoSlice<'_>> = Vec::with_capacity(2 * slots.len());
        let mut start = slots[0].spot.offset;
        for (slot, header) in slots.iter().zip(&headers) {
            pieces.push(IoSlice::new(header));
            match &slot.fill {
                Fill::Content(content) => pieces.push(IoSlice::new(&content.bytes[HEADER_BYTES..])),
                _ => {
                    file.write_at(&mut pieces, u64::from(start))?;
                    pieces.clear();
                    start = slot.spot.offset + slot.length;
                }
            }
        }
        Ok(file.write_at(&mut pieces, u64::from(start))?)
    }

    fn header(&self, slot: &Slot, first_of_commit: bool) -> [u8; HEADER_BYTES] {
        let header = match &slot.fill {
            Fill::Content(content) if !first_of_commit => {
                return *content.bytes.first_chunk().expect("a frame begins with its header");
            }
            Fill::Content(content) => content.header,
            _ => {
                let length = slot.length - HEADER_BYTES as u32;
                Header { kind: Kind::Padding, first_of_commit, length, checksum: 0 }
            }
        };
        Header { first_of_commit, ..header }.encode(&self.engine, slot.spot)
    }

    /// Its name is synced before anything is written to it, so that its number is used once.
    fn create_pack(&self, number: u32) -> Result<Open, EngineError> {
        let name = name(number);
        let file = self.medium.create(&name)?;
        let pack = Arc::new(Pack { number, state: Mutex::default() });
        let mut open = Open { pack, file, reserved: 0 };
        let start = Header { kind: Kind::Start, first_of_commit: true, length: 0, checksum: 0 };
        let start = start.encode(&self.engine, Spot { pack: number, offset: 0 });
        let begun = self
            .make_room(&mut open, START_BYTES)
            .and_then(|()| Ok(self.medium.sync_names()?))
            .and_then(|()| Ok(open.file.write_at(&mut [IoSlice::new(&start)], 0)?));
        if let Err(error) = begun {
            drop(open);
            // The half-made file must not hold the little room that is left.
            self.medium.remove(&name)?;
            return Err(error);
        }
        open.pack.state.lock().end = START_BYTES;
        self.keep_open(number, &open.file);
        self.packs.write().insert(number, Arc::clone(&open.pack));
        Ok(open)
    }

    /// A lot at a time, or, if there is no room for so much, what is needed.
    fn make_room(&self, open: &mut Open, end: u32) -> Result<(), EngineError> {
        let end = u64::from(end);
        if end <= open.reserved {
            return Ok(());
        }
        let lot = end.next_multiple_of(u64::from(LOT_BYTES)).min(u64::from(self.pack_bytes)).max(end);
        open.reserved = match open.file.reserve(lot).map_err(EngineError::from) {
            Ok(()) => lot,
            Err(EngineError::DiskFull) => {
                open.file.reserve(end)?;
                end
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// Cuts off what was reserved and not used, and writes the seal. Where that fails, the next start does it.
    fn close_pack(&self, open: &Open) {
        let PackState { end, padding, .. } = {
            let mut state = open.pack.state.lock();
            state.closed = true;
            PackState { end: state.end, padding: state.padding, ..PackState::default() }
        };
        let seal = seal(padding, &self.engine, Spot { pack: open.pack.number, offset: end });
        let sealed = open
            .file
            .truncate(u64::from(end))
            .and_then(|()| open.file.write_at(&mut [IoSlice::new(&seal)], u64::from(end)))
            .and_then(|()| open.file.sync());
        if let Err(error) = sealed {
            tracing::warn!(pack = open.pack.number, %error, "a pack could not be sealed");
        }
    }

    /// Nothing is added to this pack any more, since what is behind its end is unknown.
    fn give_up(&self, pack: u32, open: Option<Open>) {
        {
            let mut queue = self.queue.lock();
            if queue.pack == Some(pack) {
                queue.pack = None;
            }
        }
        if let Some(open) = open {
            self.close_pack(&open);
        }
    }
}

fn refuse(slots: Vec<Slot>, error: &EngineError) {
    for slot in slots {
        if let Fill::Content(content) = slot.fill {
            // It is nowhere, so there is nothing to free.
            content.draft.keep();
            let _unwanted = content.answer.send(Err(error.clone()));
        }
    }
}
