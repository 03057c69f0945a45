//! A simulated disk that loses what was not synced, stops at a chosen step, fills up and breaks.
//!
//! The story it tells: power fails between two system calls. Bytes that were written but not synced are there or
//! not, sector by sector; names that were changed but not synced have changed up to some point, in order, as
//! journalling file systems do it. Everything synced is there.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::sync::Arc;

use base::Ids;
use parking_lot::Mutex;

use crate::{Medium, MediumFile};

const SECTOR_BYTES: usize = 512;

/// Clones are handles on the same disk.
#[derive(Clone, Default)]
pub struct Faulty(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    names: BTreeMap<String, u64>,
    synced_names: BTreeMap<String, u64>,
    unsynced_names: Vec<NameChange>,
    inodes: HashMap<u64, Inode>,
    next_inode: u64,
    steps: u64,
    crash_at: Option<u64>,
    capacity: Option<u64>,
    room_bytes: Option<u64>,
    broken_sync: bool,
    crashed: bool,
}

#[derive(Clone)]
enum NameChange {
    Set(String, u64),
    Rename(String, String),
    Remove(String),
}

#[derive(Default, Clone)]
struct Inode {
    current: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
    reserved: u64,
}

impl Faulty {
    pub fn new() -> Faulty {
        Faulty::default()
    }

    /// Everything from the step with this number on fails, as if the power were gone.
    pub fn crash_at(&self, step: u64) {
        self.0.lock().crash_at = Some(step);
    }

    /// Steps (changes and syncs) taken so far.
    pub fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    /// What is left on the disk from now on, whatever is reserved or given back; without a figure, what its capacity says.
    pub fn set_room_bytes(&self, bytes: Option<u64>) {
        self.0.lock().room_bytes = bytes;
    }

    /// How many bytes may be reserved in all.
    pub fn set_capacity(&self, bytes: u64) {
        self.0.lock().capacity = Some(bytes);
    }

    /// From now on every sync of a file fails, as a dying disk does it.
    pub fn break_sync(&self) {
        self.0.lock().broken_sync = true;
    }

    pub fn reserved_bytes(&self) -> u64 {
        self.0.lock().reserved()
    }

    /// The names of all files and how long they are, for choosing a byte to flip.
    pub fn files(&self) -> Vec<(String, usize)> {
        let disk = self.0.lock();
        disk.names.iter().map(|(name, inode)| (name.clone(), disk.inodes[inode].current.len())).collect()
    }

    /// The bytes of a file, as far as they were written.
    pub fn read(&self, name: &str) -> Vec<u8> {
        let disk = self.0.lock();
        disk.inodes[&disk.names[name]].current.clone()
    }

    /// Turns bits of a byte over, as a failing disk does it.
    pub fn flip(&self, name: &str, offset: usize, bits: u8) {
        let mut disk = self.0.lock();
        let inode = disk.names[name];
        let inode = disk.inodes.get_mut(&inode).expect("a name leads to an inode");
        inode.current[offset] ^= bits;
        inode.synced[offset] ^= bits;
    }

    pub fn remove_file(&self, name: &str) {
        let mut disk = self.0.lock();
        disk.names.remove(name);
        disk.synced_names.remove(name);
    }

    /// What is on the disk after the power has come back.
    pub fn after_power_loss(&self, remains: Remains<'_>) -> Faulty {
        let mut disk = self.0.lock();
        // What still runs on the old disk must not reach the new one, nor go on as if nothing had happened.
        disk.crash_at = Some(0);
        let mut names = disk.synced_names.clone();
        let kept = match remains {
            Remains::Nothing => 0,
            Remains::Everything => disk.unsynced_names.len(),
            Remains::Some(chance) => chance.below(disk.unsynced_names.len() as u64 + 1) as usize,
        };
        for change in &disk.unsynced_names[..kept] {
            change.apply(&mut names);
        }
        let inodes = disk.inodes.iter().map(|(id, inode)| (*id, inode.after_power_loss(remains))).collect();
        Faulty(Arc::new(Mutex::new(Disk {
            synced_names: names.clone(),
            names,
            inodes,
            next_inode: disk.next_inode,
            capacity: disk.capacity,
            ..Disk::default()
        })))
    }
}

/// What a loss of power leaves of what was not synced.
#[derive(Clone, Copy)]
pub enum Remains<'a> {
    Nothing,
    Everything,
    /// Some of it, sector by sector: disks reorder and tear.
    Some(&'a Ids),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            NameChange::Set(name, inode) => drop(names.insert(name.clone(), *inode)),
            NameChange::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
            NameChange::Remove(name) => drop(names.remove(name)),
        }
    }
}

impl Inode {
    fn after_power_loss(&self, remains: Remains<'_>) -> Inode {
        let mut bytes = self.synced.clone();
        for (offset, written) in &self.unsynced {
            // All, none or some: the extremes deserve to be likely.
            let fate = match remains {
                Remains::Nothing => 1,
                Remains::Everything => 0,
                Remains::Some(chance) => chance.below(4),
            };
            let mut at = 0;
            while at < written.len() {
                let end = (at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES).min(written.len());
                let keeps = match remains {
                    Remains::Some(chance) if fate > 1 => chance.below(2) == 0,
                    _ => fate == 0,
                };
                if keeps {
                    put(&mut bytes, offset + at, &written[at..end]);
                }
                at = end;
            }
        }
        Inode { current: bytes.clone(), synced: bytes, unsynced: Vec::new(), reserved: self.reserved }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    if bytes.len() < offset + written.len() {
        bytes.resize(offset + written.len(), 0);
    }
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

impl Disk {
    fn step(&mut self) -> io::Result<()> {
        if self.crash_at.is_some_and(|at| self.steps >= at) {
            self.crashed = true;
            return Err(io::Error::other("the power is gone"));
        }
        self.steps += 1;
        Ok(())
    }

    fn reserved(&self) -> u64 {
        self.names.values().map(|inode| self.inodes[inode].reserved).sum()
    }

    fn room(&self) -> u64 {
        let room = || self.capacity.map(|capacity| capacity.saturating_sub(self.reserved()));
        self.room_bytes.or_else(room).unwrap_or(u64::MAX)
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }
}

impl Medium for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str, reserve: u64) -> io::Result<Arc<dyn MediumFile>> {
        let mut disk = self.0.lock();
        disk.step()?;
        if disk.room() < reserve {
            return Err(ErrorKind::StorageFull.into());
        }
        let inode = disk.next_inode;
        disk.next_inode += 1;
        disk.inodes.insert(inode, Inode { reserved: reserve, ..Inode::default() });
        disk.change_name(NameChange::Set(name.to_owned(), inode));
        Ok(Arc::new(OnFaulty { disk: self.clone(), inode }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let inode = self.0.lock().find(name)?;
        Ok(Arc::new(OnFaulty { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        disk.find(from)?;
        disk.change_name(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        disk.find(name)?;
        disk.change_name(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        disk.synced_names = disk.names.clone();
        disk.unsynced_names.clear();
        Ok(())
    }

    fn room_bytes(&self) -> u64 {
        self.0.lock().room()
    }
}

struct OnFaulty {
    disk: Faulty,
    inode: u64,
}

impl MediumFile for OnFaulty {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        let gone_before = disk.crashed;
        let crash = disk.step();
        let inode = disk.inodes.get_mut(&self.inode).expect("inodes are kept");
        if crash.is_ok() {
            put(&mut inode.current, offset as usize, bytes);
        }
        // The write during which the power fails may have reached the disk in part.
        if !gone_before {
            inode.unsynced.push((offset as usize, bytes.to_vec()));
        }
        crash
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let disk = self.disk.0.lock();
        let inode = &disk.inodes[&self.inode];
        let held = &inode.current[inode.current.len().min(offset as usize)..];
        // Reserved room reads as zeros.
        let size = inode.current.len().max(inode.reserved as usize);
        let length = buffer.len().min(size.saturating_sub(offset as usize));
        let copied = length.min(held.len());
        buffer[..copied].copy_from_slice(&held[..copied]);
        buffer[copied..length].fill(0);
        Ok(length)
    }

    fn read_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        Ok(self.read_at(buffer, offset)? == buffer.len())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        disk.step()?;
        if disk.broken_sync {
            return Err(io::Error::other("the disk answers with an input/output error"));
        }
        let inode = disk.inodes.get_mut(&self.inode).expect("inodes are kept");
        for (offset, written) in std::mem::take(&mut inode.unsynced) {
            put(&mut inode.synced, offset, &written);
        }
        Ok(())
    }
}
