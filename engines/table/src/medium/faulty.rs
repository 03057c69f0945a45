//! A disk in memory that keeps synced and unsynced apart, counts its steps, and loses power on request.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::medium::{Medium, MediumFile};

/// What a crash keeps or loses as a whole.
const SECTOR_BYTES: usize = 512;

/// Clones are the same disk.
#[derive(Clone, Default)]
pub struct Faulty(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    synced_names: BTreeMap<String, u64>,
    next_file: u64,
    /// Creations, writes, removals and syncs so far.
    steps: u64,
    /// The power goes before this step.
    crash_at: Option<u64>,
    room_bytes: Option<u64>,
}

#[derive(Clone, Default)]
struct File {
    synced: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

/// What a crash leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remains {
    Nothing,
    Everything,
    /// Some sectors, told by a seed: disks reorder and tear.
    Some(u64),
}

impl Faulty {
    pub fn new() -> Faulty {
        Faulty::default()
    }

    pub fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    pub fn crash_at(&self, step: u64) {
        self.0.lock().crash_at = Some(step);
    }

    pub fn set_room_bytes(&self, bytes: Option<u64>) {
        self.0.lock().room_bytes = bytes;
    }

    /// The names of all files and how long they are, for choosing a byte to flip.
    pub fn files(&self) -> Vec<(String, usize)> {
        let state = self.0.lock();
        state.names.iter().map(|(name, id)| (name.clone(), state.files[id].current.len())).collect()
    }

    /// The bytes of a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let state = self.0.lock();
        state.files[&state.names[name]].current.clone()
    }

    pub fn flip(&self, name: &str, offset: usize, bits: u8) {
        let mut state = self.0.lock();
        let id = state.names[name];
        let file = state.files.get_mut(&id).expect("a name has its file");
        file.current[offset] ^= bits;
        file.synced = file.current.clone();
    }

    /// The disk as the next start finds it.
    pub fn after_crash(&self, remains: Remains) -> Faulty {
        let state = self.0.lock();
        let names =
            if remains == Remains::Nothing { state.synced_names.clone() } else { state.names.clone() };
        let mut chance = match remains {
            Remains::Some(seed) => seed | 1,
            _ => 1,
        };
        let mut files = BTreeMap::new();
        for id in names.values() {
            let mut bytes = state.files[id].synced.clone();
            for (offset, data) in &state.files[id].unsynced {
                for (nth, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    // xorshift: enough chance for a test, from a seed.
                    chance ^= chance << 13;
                    chance ^= chance >> 7;
                    chance ^= chance << 17;
                    let keeps = match remains {
                        Remains::Nothing => false,
                        Remains::Everything => true,
                        Remains::Some(_) => chance & 1 == 0,
                    };
                    if keeps {
                        put(&mut bytes, offset + nth * SECTOR_BYTES, sector);
                    }
                }
            }
            files.insert(*id, File { synced: bytes.clone(), current: bytes, unsynced: Vec::new() });
        }
        let next_file = state.next_file;
        let state = State { files, synced_names: names.clone(), names, next_file, ..State::default() };
        Faulty(Arc::new(Mutex::new(state)))
    }

    fn step(&self) -> io::Result<parking_lot::MutexGuard<'_, State>> {
        let mut state = self.0.lock();
        if state.crash_at.is_some_and(|at| state.steps >= at) {
            return Err(io::Error::other("the power is gone"));
        }
        state.steps += 1;
        Ok(state)
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl Medium for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str, reserve: u64) -> io::Result<Arc<dyn MediumFile>> {
        let mut state = self.step()?;
        if state.room_bytes.is_some_and(|room| room < reserve) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.next_file += 1;
        let id = state.next_file;
        let zeros = vec![0; reserve as usize];
        state.files.insert(id, File { synced: zeros.clone(), current: zeros, unsynced: Vec::new() });
        state.names.insert(name.to_owned(), id);
        Ok(Arc::new(FaultyFile { disk: self.clone(), id }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let id = *self.0.lock().names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(FaultyFile { disk: self.clone(), id }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.step()?.names.remove(name);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.step()?;
        state.synced_names = state.names.clone();
        Ok(())
    }

    fn room_bytes(&self) -> u64 {
        self.0.lock().room_bytes.unwrap_or(u64::MAX)
    }
}

struct FaultyFile {
    disk: Faulty,
    id: u64,
}

impl MediumFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let file = state.files.get_mut(&self.id).expect("files stay while the disk does");
        put(&mut file.current, offset as usize, bytes);
        file.unsynced.push((offset as usize, bytes.to_vec()));
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.0.lock();
        let bytes = &state.files[&self.id].current;
        let from = bytes.len().min(offset as usize);
        let count = buffer.len().min(bytes.len() - from);
        buffer[..count].copy_from_slice(&bytes[from..from + count]);
        Ok(count)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.step()?;
        let file = state.files.get_mut(&self.id).expect("files stay while the disk does");
        file.unsynced.clear();
        file.synced = file.current.clone();
        Ok(())
    }
}
