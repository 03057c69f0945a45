//! A disk in memory that keeps synced and unsynced writes apart, counts its steps, and fails on request.

use std::io;
use std::sync::Arc;

use base::Ids;
use parking_lot::Mutex;
use redb::{Database, StorageBackend};

use crate::StoreError;
use crate::embedded::Options;
use crate::embedded::medium::{Medium, Opening, builder, opening_error};

/// What a sector is: a crash keeps or loses it as a whole.
const SECTOR_BYTES: usize = 512;

/// Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What a crash leaves for certain.
    synced: Vec<u8>,
    /// What has been done since, in order.
    unsynced: Vec<Change>,
    /// What a reader sees.
    current: Vec<u8>,
    /// Writes, changes of length and syncs so far.
    steps: u64,
    /// The power goes before this step.
    crash_at: Option<u64>,
    /// The disk holds no more than this.
    capacity: Option<u64>,
    /// How many of the next syncs fail, each losing what it should have brought to the disk.
    failing_syncs: u32,
    /// Nothing works while this is set.
    broken: bool,
    /// Whether the database has been made; before that a crash leaves nothing, as in a folder, where the file
    /// gets its name when it is complete.
    is_made: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
}

/// What a crash leaves of the unsynced changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    Nothing,
    Everything,
    /// Some changes, and of the last ones only some sectors: disks reorder and tear.
    Some(u64),
}

impl Disk {
    pub fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    pub fn crash_at(&self, step: u64) {
        self.0.lock().crash_at = Some(step);
    }

    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    pub fn fail_syncs(&self, count: u32) {
        self.0.lock().failing_syncs = count;
    }

    pub fn set_broken(&self, broken: bool) {
        self.0.lock().broken = broken;
    }

    pub fn len_bytes(&self) -> u64 {
        self.0.lock().current.len() as u64
    }

    /// The disk as the next start finds it.
    pub fn after_crash(&self, remains: Remains) -> Disk {
        let state = self.0.lock();
        if !state.is_made {
            return Disk::default();
        }
        let mut left = state.synced.clone();
        match remains {
            Remains::Nothing => {}
            Remains::Everything => state.unsynced.iter().for_each(|change| change.apply(&mut left)),
            Remains::Some(seed) => {
                let ids = Ids::seeded(seed);
                for change in &state.unsynced {
                    change.apply_some(&mut left, &ids);
                }
            }
        }
        let state = State { synced: left.clone(), current: left, is_made: true, ..State::default() };
        Disk(Arc::new(Mutex::new(state)))
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Change::SetLen(len) => bytes.resize(*len, 0),
            Change::Write { offset, data } => write_at(bytes, *offset, data),
        }
    }

    fn apply_some(&self, bytes: &mut Vec<u8>, ids: &Ids) {
        match (self, ids.below(4)) {
            (Change::SetLen(_), _) | (_, 0) => self.apply(bytes),
            (_, 1) => {}
            (Change::Write { offset, data }, _) => {
                for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    if ids.below(2) == 0 {
                        write_at(bytes, offset + index * SECTOR_BYTES, sector);
                    }
                }
            }
        }
    }
}

fn write_at(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl State {
    fn step(&mut self) -> io::Result<()> {
        if self.broken || self.crash_at.is_some_and(|step| self.steps >= step) {
            return Err(io::Error::other("the disk does not answer"));
        }
        self.steps += 1;
        Ok(())
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.step()?;
        let end = match &change {
            Change::SetLen(len) => *len,
            Change::Write { offset, data } => offset + data.len(),
        };
        if self.capacity.is_some_and(|capacity| end as u64 > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        change.apply(&mut self.current);
        self.unsynced.push(change);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock();
        if state.broken {
            return Err(io::Error::other("the disk does not answer"));
        }
        let start = offset as usize;
        let found = state.current.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().change(Change::SetLen(len as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.0.lock();
        state.step()?;
        if state.failing_syncs > 0 {
            state.failing_syncs -= 1;
            state.unsynced.clear();
            state.current = state.synced.clone();
            return Err(io::Error::other("the sync failed"));
        }
        let changes = std::mem::take(&mut state.unsynced);
        for change in changes {
            change.apply(&mut state.synced);
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().change(Change::Write { offset: offset as usize, data: data.to_vec() })
    }
}

impl Medium for Disk {
    fn open(&self, _opening: Opening) -> Result<Database, StoreError> {
        let builder = builder(Options { cache_bytes: 1 << 20 });
        let database = builder.create_with_backend(self.clone()).map_err(opening_error)?;
        if !self.0.lock().is_made {
            self.sync_data()?;
            self.0.lock().is_made = true;
        }
        Ok(database)
    }

    fn room_bytes(&self) -> u64 {
        u64::MAX
    }
}
