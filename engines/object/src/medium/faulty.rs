//! A simulated disk that loses what was not synced, stops at a chosen step, fills up and breaks.
//!
//! The story it tells: power fails between two system calls. Bytes that were written but not synced are there or
//! not, sector by sector; names that were changed but not synced have changed up to some point, in order, as
//! journalling file systems do it. Everything synced is there. It keeps packs, journals and the files of large
//! content, so that one failure strikes all of them at once.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind, IoSlice};
use std::ops::Range;
use std::sync::Arc;

use base::Ids;
use blobs::{BlobError, BlobId};
use parking_lot::Mutex;

use crate::medium::{Medium, MediumFile};

const SECTOR_BYTES: usize = 512;

/// What precedes the names of blobs, and of those that are not finished.
const BLOB_PREFIX: &str = "blobs/";
const DRAFT_PREFIX: &str = "drafts/";

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
    broken_sync: bool,
    crashed: bool,
}

#[derive(Clone)]
enum NameChange {
    Set(String, u64),
    Rename(String, String),
    Remove(String),
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    /// Longer with zeros, or shorter.
    Resize(usize),
}

#[derive(Default, Clone)]
struct Inode {
    current: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    punched: u64,
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

    /// How many bytes all files may have together; none for no bounds.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.lock().capacity = bytes;
    }

    pub fn used_bytes(&self) -> u64 {
        self.0.lock().used()
    }

    /// From now on every sync of a file fails, as a dying disk does it, or does so no more.
    pub fn break_sync(&self, broken: bool) {
        self.0.lock().broken_sync = broken;
    }

    /// The names of all files, those of large content behind `blobs/`.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().names.keys().cloned().collect()
    }

    pub fn content(&self, name: &str) -> Vec<u8> {
        let disk = self.0.lock();
        disk.inodes[&disk.names[name]].current.clone()
    }

    /// Puts other bytes into a file, as a failing disk does it.
    pub fn set_content(&self, name: &str, content: Vec<u8>) {
        let mut disk = self.0.lock();
        let inode = disk.names[name];
        let inode = disk.inodes.get_mut(&inode).expect("a name leads to an inode");
        *inode = Inode { current: content.clone(), synced: content, ..Inode::default() };
    }

    /// What is on the disk after the power has come back; `chance` decides the fate of what was not synced.
    pub fn after_power_loss(&self, chance: &Ids) -> Faulty {
        let mut disk = self.0.lock();
        // What still runs on the old disk must not reach the new one, nor go on as if nothing had happened.
        disk.crash_at = Some(0);
        let mut names = disk.synced_names.clone();
        let kept = chance.below(disk.unsynced_names.len() as u64 + 1) as usize;
        for change in &disk.unsynced_names[..kept] {
            change.apply(&mut names);
        }
        // What a folder of blobs removes when it is opened.
        names.retain(|name, _| !name.starts_with(DRAFT_PREFIX));
        let inodes = disk.inodes.iter().map(|(id, inode)| (*id, inode.after_power_loss(chance))).collect();
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
    fn after_power_loss(&self, chance: &Ids) -> Inode {
        let mut bytes = self.synced.clone();
        for change in &self.unsynced {
            // All, none or some: the extremes deserve to be likely.
            let fate = chance.below(4);
            let kept = || fate == 0 || (fate > 1 && chance.below(2) == 0);
            match change {
                Change::Resize(size) => {
                    if kept() {
                        bytes.resize(*size, 0);
                    }
                }
                Change::Write(offset, written) => {
                    let mut at = 0;
                    while at < written.len() {
                        let end = (at + SECTOR_BYTES - (offset + at) % SECTOR_BYTES).min(written.len());
                        if kept() {
                            put(&mut bytes, offset + at, &written[at..end]);
                        }
                        at = end;
                    }
                }
            }
        }
        Inode { current: bytes.clone(), synced: bytes, unsynced: Vec::new(), punched: self.punched }
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::Write(offset, written) => put(&mut self.synced, offset, &written),
                Change::Resize(size) => self.synced.resize(size, 0),
            }
        }
    }

    fn used(&self) -> u64 {
        (self.current.len() as u64).saturating_sub(self.punched)
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

    fn used(&self) -> u64 {
        let inodes: std::collections::BTreeSet<u64> = self.names.values().copied().collect();
        inodes.iter().map(|inode| self.inodes[inode].used()).sum()
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    fn sync_names(&mut self) {
        self.synced_names = self.names.clone();
        self.unsynced_names.clear();
    }

    fn create(&mut self, name: &str) -> io::Result<u64> {
        self.step()?;
        if self.names.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::default());
        self.change_name(NameChange::Set(name.to_owned(), inode));
        Ok(inode)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.step()?;
        self.find(name)?;
        self.change_name(NameChange::Remove(name.to_owned()));
        Ok(())
    }

    fn sync(&mut self, inode: u64) -> io::Result<()> {
        self.step()?;
        if self.broken_sync {
            return Err(io::Error::other("the disk answers with an input/output error"));
        }
        self.inode(inode).sync();
        Ok(())
    }

    fn inode(&mut self, inode: u64) -> &mut Inode {
        self.inodes.get_mut(&inode).expect("inodes are kept")
    }

    /// Whether the files may grow by so much.
    fn grow(&self, bytes: u64) -> io::Result<()> {
        match self.capacity {
            Some(capacity) if bytes > 0 && self.used() + bytes > capacity => {
                Err(ErrorKind::StorageFull.into())
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, inode: u64, bytes: &[u8], offset: u64) -> io::Result<()> {
        let gone_before = self.crashed;
        let crash = self.step();
        let end = offset + bytes.len() as u64;
        self.grow(end.saturating_sub(self.inodes[&inode].current.len() as u64))?;
        let inode = self.inode(inode);
        if crash.is_ok() {
            put(&mut inode.current, offset as usize, bytes);
        }
        // The write during which the power fails may have reached the disk in part.
        if !gone_before {
            inode.unsynced.push(Change::Write(offset as usize, bytes.to_vec()));
        }
        crash
    }
}

impl Medium for Faulty {
    fn waits(&self) -> bool {
        false
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().names.keys().filter(|name| !name.contains('/')).cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        let inode = self.0.lock().create(name)?;
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
        self.0.lock().remove(name)
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        disk.sync_names();
        Ok(())
    }

    fn disk_bytes(&self, name: &str) -> io::Result<u64> {
        let disk = self.0.lock();
        Ok(disk.inodes[&disk.find(name)?].used())
    }
}

struct OnFaulty {
    disk: Faulty,
    inode: u64,
}

impl OnFaulty {
    fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        let disk = self.disk.0.lock();
        let held = &disk.inodes[&self.inode].current;
        let start = (offset as usize).min(held.len());
        held[start..held.len().min(start + length)].to_vec()
    }

    fn resize(&self, size: u64, only_longer: bool) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        let now = disk.inodes[&self.inode].current.len() as u64;
        if size == now || (only_longer && size < now) {
            return Ok(());
        }
        disk.step()?;
        disk.grow(size.saturating_sub(now))?;
        let inode = disk.inode(self.inode);
        inode.current.resize(size as usize, 0);
        inode.unsynced.push(Change::Resize(size as usize));
        Ok(())
    }
}

impl MediumFile for OnFaulty {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().inodes[&self.inode].current.len() as u64)
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        self.resize(end, true)
    }

    fn write_at(&self, pieces: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        self.disk.0.lock().write(self.inode, &bytes, offset)
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        Ok(self.read(offset, length))
    }

    fn read_cached(&self, offset: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.read(offset, length);
        Ok((bytes.len() == length).then_some(bytes))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.0.lock().sync(self.inode)
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.resize(size, false)
    }

    fn punch(&self, range: Range<u64>) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        disk.step()?;
        let inode = disk.inode(self.inode);
        let end = (range.end as usize).min(inode.current.len());
        let start = (range.start as usize).min(end);
        inode.current[start..end].fill(0);
        inode.punched += (end - start) as u64;
        inode.unsynced.push(Change::Write(start, vec![0; end - start]));
        Ok(())
    }
}

/// The files of large content, on the same disk.
impl blobs::medium::Medium for Faulty {
    fn waits(&self) -> bool {
        false
    }

    fn create(&self, id: BlobId) -> Result<Box<dyn blobs::medium::Draft>, BlobError> {
        let inode = self.0.lock().create(&format!("{DRAFT_PREFIX}{id}"))?;
        Ok(Box::new(FaultyDraft { file: OnFaulty { disk: self.clone(), inode }, id }))
    }

    fn open(&self, id: BlobId) -> Result<Box<dyn blobs::medium::Source>, BlobError> {
        let found = self.0.lock().find(&format!("{BLOB_PREFIX}{id}"));
        let inode = found.map_err(|_missing| BlobError::NotFound(id))?;
        Ok(Box::new(OnFaulty { disk: self.clone(), inode }))
    }

    fn delete(&self, ids: &[BlobId]) -> Result<Vec<BlobId>, BlobError> {
        let mut disk = self.0.lock();
        let mut removed = Vec::new();
        for id in ids {
            let name = format!("{BLOB_PREFIX}{id}");
            if disk.names.contains_key(&name) {
                disk.remove(&name)?;
                removed.push(*id);
            }
        }
        disk.step()?;
        disk.sync_names();
        Ok(removed)
    }

    fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError> {
        let disk = self.0.lock();
        let ids = disk.names.keys().filter_map(|name| name.strip_prefix(BLOB_PREFIX)?.parse().ok());
        Ok(ids.filter(|id| after.is_none_or(|after| *id > after)).take(limit).collect())
    }
}

struct FaultyDraft {
    file: OnFaulty,
    id: BlobId,
}

impl blobs::medium::Draft for FaultyDraft {
    fn append(&mut self, pieces: &mut [IoSlice<'_>]) -> Result<(), BlobError> {
        let size = MediumFile::size(&self.file)?;
        Ok(self.file.write_at(pieces, size)?)
    }

    fn publish(self: Box<Self>) -> Result<(), BlobError> {
        let mut disk = self.file.disk.0.lock();
        disk.sync(self.file.inode)?;
        disk.step()?;
        disk.change_name(NameChange::Set(format!("{BLOB_PREFIX}{}", self.id), self.file.inode));
        disk.step()?;
        disk.sync_names();
        Ok(())
    }
}

impl Drop for FaultyDraft {
    fn drop(&mut self) {
        // After a crash nothing can be removed, which is what the test is about.
        let _gone = self.file.disk.0.lock().remove(&format!("{DRAFT_PREFIX}{}", self.id));
    }
}

impl blobs::medium::Source for OnFaulty {
    fn size(&self) -> io::Result<u64> {
        MediumFile::size(self)
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(offset, length);
        if bytes.len() < length { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }
}
