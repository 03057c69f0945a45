//! Packs: append-only files of small content.
//!
//! Places are given out in order under one lock, content is sealed for its place by whoever brings it, and one
//! thread writes what is ready, in the order of places, and syncs ([`append`], [`commit`]). Reading needs no lock
//! but for a look at what is free ([`fetch`]).

mod append;
mod commit;
mod fetch;
pub mod frame;
mod recover;
pub mod walk;

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, RwLock};
use tokio::sync::Semaphore;

use crate::error::EngineError;
use crate::keys::EngineId;
use crate::limits::{OPEN_PACKS_MAX, WAITING_BYTES_MAX};
use crate::medium::{BLOCK_BYTES, Medium, MediumFile};
use crate::packs::append::Queue;
use crate::packs::frame::{START_BYTES, Spot};
use crate::ranges::{Ranges, blocks_freed};

const NAME_PREFIX: &str = "pack-";

pub struct Packs {
    medium: Arc<dyn Medium>,
    engine: EngineId,
    pack_bytes: u32,
    queue: Mutex<Queue>,
    /// The first of the queue is ready, or the engine stops.
    ready: Condvar,
    /// Bytes that may still wait for their commit.
    room: Arc<Semaphore>,
    packs: RwLock<BTreeMap<u32, Arc<Pack>>>,
    /// Open files. What is dropped from here is opened again when it is needed.
    files: Mutex<HashMap<u32, Arc<dyn MediumFile>>>,
}

pub struct Pack {
    pub number: u32,
    pub state: Mutex<PackState>,
}

#[derive(Default)]
pub struct PackState {
    /// Behind the last frame that is on disk.
    pub end: u32,
    /// In frames that hold nothing.
    pub padding: u32,
    /// Nothing is appended any more.
    pub closed: bool,
    pub freed: Ranges,
}

/// A frame that is free, with its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    pub spot: Spot,
    pub length: u32,
}

impl Freed {
    fn end(&self) -> u64 {
        u64::from(self.spot.offset) + u64::from(self.length)
    }
}

/// What can be done now that frames are free.
#[derive(Default)]
pub struct Released {
    pub holes: Vec<(u32, Range<u64>)>,
    pub empty: Vec<u32>,
}

impl PackState {
    /// Whether nothing in it is needed any more.
    fn is_empty(&self) -> bool {
        let unneeded = self.freed.bytes() + u64::from(self.padding);
        self.closed && u64::from(START_BYTES) + unneeded >= u64::from(self.end)
    }

    /// Frames that are in use, in bytes.
    pub fn live_bytes(&self) -> u64 {
        let used = u64::from(self.end.saturating_sub(START_BYTES));
        used.saturating_sub(self.freed.bytes() + u64::from(self.padding))
    }

    pub fn is_free(&self, offset: u32) -> bool {
        self.freed.around(offset).is_some()
    }
}

fn name(pack: u32) -> String {
    format!("{NAME_PREFIX}{pack:08x}")
}

fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix(NAME_PREFIX).filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok()
}

impl Packs {
    /// Looks at every pack, and puts those in order that an earlier process did not close. What these hold that was
    /// torn is returned, so that it can be freed.
    pub fn open(
        medium: Arc<dyn Medium>,
        engine: EngineId,
        pack_bytes: u32,
    ) -> Result<(Packs, Vec<Freed>), EngineError> {
        let mut packs = BTreeMap::new();
        let mut torn = Vec::new();
        for number in medium.list()?.iter().filter_map(|name| number(name)) {
            let state = recover::recover(&*medium, &engine, number, &mut torn)?;
            packs.insert(number, Arc::new(Pack { number, state: Mutex::new(state) }));
        }
        let next = packs.last_key_value().map_or(0, |(number, _)| *number) + 1;
        let packs = Packs {
            medium,
            engine,
            pack_bytes,
            queue: Mutex::new(Queue::new(next)),
            ready: Condvar::new(),
            room: Arc::new(Semaphore::new(WAITING_BYTES_MAX)),
            packs: RwLock::new(packs),
            files: Mutex::default(),
        };
        Ok((packs, torn))
    }

    pub fn engine(&self) -> &EngineId {
        &self.engine
    }

    pub fn waits(&self) -> bool {
        self.medium.waits()
    }

    pub fn all(&self) -> Vec<Arc<Pack>> {
        self.packs.read().values().cloned().collect()
    }

    pub fn pack(&self, number: u32) -> Option<Arc<Pack>> {
        self.packs.read().get(&number).cloned()
    }

    pub fn disk_bytes(&self, pack: u32) -> Result<u64, EngineError> {
        match self.medium.disk_bytes(&name(pack)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            other => Ok(other?),
        }
    }

    /// The file of a pack, if it is open.
    fn open_file(&self, pack: u32) -> Option<Arc<dyn MediumFile>> {
        self.files.lock().get(&pack).cloned()
    }

    /// The file of a pack. May wait for the disk.
    pub fn file(&self, pack: u32) -> Result<Arc<dyn MediumFile>, EngineError> {
        if let Some(file) = self.open_file(pack) {
            return Ok(file);
        }
        let file = match self.medium.open(&name(pack)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(EngineError::NotFound),
            other => other?,
        };
        self.keep_open(pack, &file);
        Ok(file)
    }

    fn keep_open(&self, pack: u32, file: &Arc<dyn MediumFile>) {
        let mut files = self.files.lock();
        // Whichever: it is opened again if it is needed.
        if files.len() >= OPEN_PACKS_MAX
            && let Some(one) = files.keys().next().copied()
        {
            files.remove(&one);
        }
        files.insert(pack, Arc::clone(file));
    }

    /// Leaves out what is free already, gone with its pack, or never was.
    pub fn retain_used(&self, frames: &mut Vec<Freed>) {
        let packs = self.packs.read();
        frames.retain(|frame| {
            let Some(pack) = packs.get(&frame.spot.pack) else { return false };
            let state = pack.state.lock();
            frame.end() <= u64::from(state.end) && !state.is_free(frame.spot.offset)
        });
    }

    /// A frame that is known to be free was written, even if recovery found only a hole where it was.
    pub fn reach(&self, frames: &[Freed]) {
        let packs = self.packs.read();
        for frame in frames {
            if let Some(pack) = packs.get(&frame.spot.pack) {
                let mut state = pack.state.lock();
                state.end = state.end.max(u32::try_from(frame.end()).unwrap_or(u32::MAX));
            }
        }
    }

    /// From now on these frames are free. That has to be on disk already.
    pub fn release(&self, frames: &[Freed]) -> Released {
        let packs = self.packs.read();
        let mut released = Released::default();
        for frame in frames {
            let Some(pack) = packs.get(&frame.spot.pack) else { continue };
            let mut state = pack.state.lock();
            if frame.end() > u64::from(state.end) {
                continue;
            }
            let added = frame.spot.offset..frame.spot.offset + frame.length;
            let Some(merged) = state.freed.insert(added.clone()) else { continue };
            if let Some(hole) = blocks_freed(&merged, &added, BLOCK_BYTES) {
                released.holes.push((pack.number, hole));
            }
            if state.is_empty() {
                released.empty.push(pack.number);
            }
        }
        released
    }

    pub fn punch(&self, pack: u32, hole: Range<u64>) -> Result<(), EngineError> {
        Ok(self.file(pack)?.punch(hole)?)
    }

    /// Those in which nothing is needed.
    pub fn empty(&self) -> Vec<u32> {
        self.packs
            .read()
            .values()
            .filter(|pack| pack.state.lock().is_empty())
            .map(|pack| pack.number)
            .collect()
    }

    /// Removes a pack in which nothing is needed. The last one stays: its name keeps its number from being given
    /// to another.
    pub fn remove_if_empty(&self, number: u32) -> Result<bool, EngineError> {
        {
            let mut packs = self.packs.write();
            let Some(pack) = packs.get(&number) else { return Ok(false) };
            let is_last = packs.last_key_value().is_some_and(|(last, _)| *last == number);
            if is_last || !pack.state.lock().is_empty() {
                return Ok(false);
            }
            packs.remove(&number);
        }
        self.files.lock().remove(&number);
        self.medium.remove(&name(number))?;
        Ok(true)
    }

    pub fn sync_names(&self) -> Result<(), EngineError> {
        Ok(self.medium.sync_names()?)
    }
}
