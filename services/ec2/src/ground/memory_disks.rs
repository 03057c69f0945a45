//! Disks in memory: blocks are kept in maps, keys are compared and encrypt nothing. For clouds
//! that keep nothing, and for tests of what is around disks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use service::{BoxFuture, Nudge};

use super::disks::{
    Attachment, BLOCK_BYTES, DataKey, DiskError, Disks, Incident, KeptDisks, Pace, SnapshotSpec,
    SnapshotState, UploadSpec, VolumeSpec,
};
use crate::model::images::Root;
use crate::model::images::catalogue::{ROOT_GIBIBYTES, root_of_snapshot};

#[derive(Default)]
pub struct MemoryDisks(Mutex<Inner>);

type Blocks = BTreeMap<u64, Arc<Vec<u8>>>;

#[derive(Default)]
struct Inner {
    volumes: BTreeMap<String, Volume>,
    snapshots: BTreeMap<String, Snapshot>,
    attached: BTreeMap<String, Attachment>,
    /// Volumes that their machines have open.
    open: BTreeSet<String>,
    incidents: Vec<Incident>,
    watching: Option<Nudge>,
    /// No snapshot is completed meanwhile.
    is_held: bool,
    failing: Option<String>,
    failing_at_devices: Option<String>,
    /// Detachments, in order, with whether they were forced.
    detached: Vec<(String, bool)>,
}

struct Volume {
    spec: VolumeSpec,
    blocks: Blocks,
}

struct Snapshot {
    volume: Option<String>,
    key: Option<DataKey>,
    blocks: Blocks,
    own_bytes: u64,
    volume_bytes: u64,
    stage: Stage,
    rotten: BTreeSet<u64>,
}

#[derive(Clone, PartialEq)]
enum Stage {
    Uploading,
    Copying,
    Done,
}

impl Inner {
    fn check(&self) -> Result<(), DiskError> {
        self.failing.as_ref().map_or(Ok(()), |reason| Err(DiskError::Failed(reason.clone())))
    }

    fn volume(&mut self, id: &str) -> Result<&mut Volume, DiskError> {
        self.volumes.get_mut(id).ok_or_else(|| DiskError::Absent(id.to_owned()))
    }

    fn snapshot(&mut self, id: &str) -> Result<&mut Snapshot, DiskError> {
        if let Some(root) = root_of_snapshot(id).filter(|_| !self.snapshots.contains_key(id)) {
            self.snapshots.insert(id.to_owned(), of_image(&root));
        }
        self.snapshots.get_mut(id).ok_or_else(|| DiskError::Absent(id.to_owned()))
    }

    /// Completes what is being copied, unless that is held up.
    fn copy(&mut self) {
        if self.is_held {
            return;
        }
        let copying = self.snapshots.values_mut().filter(|snapshot| snapshot.stage == Stage::Copying);
        let mut any = false;
        for snapshot in copying {
            snapshot.stage = Stage::Done;
            any = true;
        }
        if any {
            self.watching.iter().for_each(Nudge::nudge);
        }
    }

    /// The blocks of `blocks` that the latest snapshot of the volume does not have.
    fn own_bytes(&self, volume: &str, blocks: &Blocks) -> u64 {
        let earlier: Vec<&Blocks> = self
            .snapshots
            .values()
            .filter(|snapshot| snapshot.volume.as_deref() == Some(volume))
            .map(|snapshot| &snapshot.blocks)
            .collect();
        let is_new = |(index, bytes): &(&u64, &Arc<Vec<u8>>)| {
            !earlier.iter().any(|known| known.get(index).is_some_and(|known| Arc::ptr_eq(known, bytes)))
        };
        blocks.iter().filter(is_new).count() as u64 * BLOCK_BYTES
    }
}

/// A snapshot of one of the cloud's own images: its one block says which.
fn of_image(root: &Root) -> Snapshot {
    Snapshot {
        volume: None,
        key: None,
        blocks: Blocks::from([(0, Arc::new(format!("{root:?}").into_bytes()))]),
        own_bytes: BLOCK_BYTES,
        volume_bytes: u64::try_from(ROOT_GIBIBYTES).unwrap_or_default() << 30,
        stage: Stage::Done,
        rotten: BTreeSet::new(),
    }
}

fn unlocked(is: Option<&DataKey>, given: Option<&DataKey>, what: &str) -> Result<(), DiskError> {
    match is == given {
        true => Ok(()),
        false => Err(DiskError::Failed(format!("the key does not open {what}"))),
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(async move { value })
}

impl MemoryDisks {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Snapshots stay pending until this is called with `false`.
    pub fn hold_copying(&self, is_held: bool) {
        self.with(|inner| {
            inner.is_held = is_held;
            inner.copy();
        });
    }

    /// Everything but reading fails from now on, for this reason, or goes well again.
    pub fn fail(&self, reason: Option<&str>) {
        self.with(|inner| inner.failing = reason.map(str::to_owned));
    }

    /// Volumes cannot be attached from now on, for this reason, or can again.
    pub fn fail_attaching(&self, reason: Option<&str>) {
        self.with(|inner| inner.failing_at_devices = reason.map(str::to_owned));
    }

    /// A block of a snapshot does not hold any more what was written.
    pub fn rot(&self, snapshot: &str, block: u64) {
        self.with(|inner| {
            if let Some(found) = inner.snapshots.get_mut(snapshot) {
                found.rotten.insert(block);
                inner.incidents.push(Incident::Rot { snapshot: snapshot.to_owned(), block });
            }
            inner.watching.iter().for_each(Nudge::nudge);
        });
    }

    /// The host's disk is full for this volume's writers, or is not any more.
    pub fn fill(&self, volume: &str, is_full: bool) {
        let volume = volume.to_owned();
        self.with(|inner| {
            let incident = if is_full { Incident::Full { volume } } else { Incident::FullNoMore { volume } };
            inner.incidents.push(incident);
            inner.watching.iter().for_each(Nudge::nudge);
        });
    }

    /// What serves a volume under its machine dies.
    pub fn lose(&self, volume: &str) {
        self.with(|inner| {
            inner.attached.remove(volume);
            inner.incidents.push(Incident::Lost { volume: volume.to_owned() });
            inner.watching.iter().for_each(Nudge::nudge);
        });
    }

    /// The guest mounts a volume, or unmounts it: only by force it is detached meanwhile.
    pub fn set_open(&self, volume: &str, is_open: bool) {
        self.with(|inner| match is_open {
            true => {
                inner.open.insert(volume.to_owned());
            }
            false => {
                inner.open.remove(volume);
                inner.watching.iter().for_each(Nudge::nudge);
            }
        });
    }

    /// As a guest writes a block of a volume.
    pub fn write(&self, volume: &str, block: u64, bytes: &[u8]) {
        self.with(|inner| {
            if let Some(found) = inner.volumes.get_mut(volume) {
                found.blocks.insert(block, Arc::new(bytes.to_vec()));
            }
        });
    }

    /// As a guest reads a block of a volume.
    pub fn read(&self, volume: &str, block: u64) -> Option<Vec<u8>> {
        self.with(|inner| inner.volumes.get(volume)?.blocks.get(&block).map(|bytes| bytes.to_vec()))
    }

    /// What a volume was made from, and its size now.
    pub fn spec(&self, volume: &str) -> Option<VolumeSpec> {
        self.with(|inner| inner.volumes.get(volume).map(|found| found.spec.clone()))
    }

    /// How a volume is attached.
    pub fn attachment(&self, volume: &str) -> Option<Attachment> {
        self.with(|inner| inner.attached.get(volume).cloned())
    }

    /// Detachments so far, in order, with whether they were forced.
    pub fn detachments(&self) -> Vec<(String, bool)> {
        self.with(|inner| inner.detached.clone())
    }

    /// The host was restarted: nothing is attached any more.
    pub fn lose_attachments(&self) {
        self.with(|inner| inner.attached.clear());
    }
}

impl Disks for MemoryDisks {
    fn lacking(&self) -> Option<String> {
        None
    }

    fn create<'a>(&'a self, spec: &'a VolumeSpec) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            if inner.volumes.contains_key(&spec.id) {
                return Ok(());
            }
            let blocks = match &spec.snapshot {
                None => Blocks::new(),
                Some((id, key)) => {
                    let found = inner.snapshot(id)?;
                    unlocked(found.key.as_ref(), key.as_ref(), id)?;
                    if let Some(block) = found.rotten.first() {
                        return Err(DiskError::Damaged { snapshot: id.clone(), block: *block });
                    }
                    found.blocks.clone()
                }
            };
            inner.volumes.insert(spec.id.clone(), Volume { spec: spec.clone(), blocks });
            Ok(())
        }))
    }

    fn grow<'a>(&'a self, volume: &'a str, bytes: u64) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            let found = inner.volume(volume)?;
            found.spec.bytes = found.spec.bytes.max(bytes);
            Ok(())
        }))
    }

    fn pace<'a>(&'a self, volume: &'a str, pace: Option<Pace>) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            if let Some(attachment) = inner.attached.get_mut(volume) {
                attachment.pace = pace;
            }
            Ok(())
        }))
    }

    fn attach<'a>(&'a self, attachment: &'a Attachment) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            if let Some(reason) = &inner.failing_at_devices {
                return Err(DiskError::Failed(reason.clone()));
            }
            let id = attachment.volume.as_str();
            let key = inner.volume(id)?.spec.key.clone();
            unlocked(key.as_ref(), attachment.key.as_ref(), id)?;
            match inner.attached.get(id) {
                Some(known) if known.machine != attachment.machine => {
                    Err(DiskError::Failed(format!("{id} is attached to {}", known.machine)))
                }
                _ => {
                    inner.attached.insert(id.to_owned(), attachment.clone());
                    Ok(())
                }
            }
        }))
    }

    fn detach<'a>(
        &'a self,
        volume: &'a str,
        machine: &'a str,
        force: bool,
    ) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            let is_there = inner.attached.get(volume).is_some_and(|known| known.machine == machine);
            if !is_there {
                return Ok(());
            }
            if inner.open.contains(volume) && !force {
                return Err(DiskError::Busy(volume.to_owned()));
            }
            inner.open.remove(volume);
            inner.attached.remove(volume);
            inner.detached.push((volume.to_owned(), force));
            Ok(())
        }))
    }

    fn remove<'a>(&'a self, volume: &'a str) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            if inner.attached.contains_key(volume) {
                return Err(DiskError::Busy(volume.to_owned()));
            }
            inner.volumes.remove(volume);
            Ok(())
        }))
    }

    fn snapshot<'a>(&'a self, volumes: &'a [SnapshotSpec]) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            for spec in volumes {
                let key = inner.volume(&spec.volume)?.spec.key.clone();
                unlocked(key.as_ref(), spec.key.as_ref(), &spec.volume)?;
            }
            for spec in volumes.iter() {
                if inner.snapshots.contains_key(&spec.snapshot) {
                    continue;
                }
                let volume = inner.volume(&spec.volume)?;
                let (blocks, volume_bytes) = (volume.blocks.clone(), volume.spec.bytes);
                let made = Snapshot {
                    volume: Some(spec.volume.clone()),
                    key: spec.snapshot_key.clone(),
                    own_bytes: inner.own_bytes(&spec.volume, &blocks),
                    blocks,
                    volume_bytes,
                    stage: Stage::Copying,
                    rotten: BTreeSet::new(),
                };
                inner.snapshots.insert(spec.snapshot.clone(), made);
            }
            inner.copy();
            Ok(())
        }))
    }

    fn snapshot_state<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<SnapshotState, DiskError>> {
        ready(self.with(|inner| {
            Ok(match inner.snapshots.get(snapshot) {
                None => SnapshotState::Absent,
                Some(found) if found.stage == Stage::Done => {
                    SnapshotState::Completed { blocks: found.blocks.len() as u64, own_bytes: found.own_bytes }
                }
                Some(found) if found.stage == Stage::Copying => SnapshotState::Pending(50),
                Some(_) => SnapshotState::Pending(0),
            })
        }))
    }

    fn copy_snapshot<'a>(
        &'a self,
        source: (&'a str, Option<&'a DataKey>),
        copy: (&'a str, Option<&'a DataKey>),
    ) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            if inner.snapshots.contains_key(copy.0) {
                return Ok(());
            }
            let found = inner.snapshot(source.0)?;
            unlocked(found.key.as_ref(), source.1, source.0)?;
            if let Some(block) = found.rotten.first() {
                return Err(DiskError::Damaged { snapshot: source.0.to_owned(), block: *block });
            }
            let made = Snapshot {
                volume: None,
                key: copy.1.cloned(),
                own_bytes: found.blocks.len() as u64 * BLOCK_BYTES,
                blocks: found.blocks.clone(),
                volume_bytes: found.volume_bytes,
                stage: Stage::Copying,
                rotten: BTreeSet::new(),
            };
            inner.snapshots.insert(copy.0.to_owned(), made);
            inner.copy();
            Ok(())
        }))
    }

    fn remove_snapshot<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            inner.snapshots.remove(snapshot);
            Ok(())
        }))
    }

    fn start_upload<'a>(&'a self, spec: &'a UploadSpec) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            if inner.snapshots.contains_key(&spec.id) {
                return Ok(());
            }
            let blocks = match &spec.parent {
                None => Blocks::new(),
                Some((id, key)) => {
                    let found = inner.snapshot(id)?;
                    unlocked(found.key.as_ref(), key.as_ref(), id)?;
                    found.blocks.clone()
                }
            };
            let made = Snapshot {
                volume: None,
                key: spec.key.clone(),
                blocks,
                own_bytes: 0,
                volume_bytes: spec.volume_bytes,
                stage: Stage::Uploading,
                rotten: BTreeSet::new(),
            };
            inner.snapshots.insert(spec.id.clone(), made);
            Ok(())
        }))
    }

    fn put_block<'a>(
        &'a self,
        snapshot: &'a str,
        key: Option<&'a DataKey>,
        block: u64,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            let found = inner.snapshot(snapshot)?;
            unlocked(found.key.as_ref(), key, snapshot)?;
            if found.stage != Stage::Uploading || block >= found.volume_bytes.div_ceil(BLOCK_BYTES) {
                return Err(DiskError::Failed(format!("no block {block} can be written to {snapshot}")));
            }
            found.own_bytes += BLOCK_BYTES;
            found.blocks.insert(block, Arc::new(bytes));
            Ok(())
        }))
    }

    fn complete_upload<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<(), DiskError>> {
        ready(self.with(|inner| {
            inner.check()?;
            let found = inner.snapshot(snapshot)?;
            if found.stage == Stage::Uploading {
                found.stage = Stage::Copying;
            }
            inner.copy();
            Ok(())
        }))
    }

    fn block<'a>(
        &'a self,
        snapshot: &'a str,
        key: Option<&'a DataKey>,
        block: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, DiskError>> {
        ready(self.with(|inner| {
            let found = inner.snapshot(snapshot)?;
            unlocked(found.key.as_ref(), key, snapshot)?;
            if found.rotten.contains(&block) {
                return Err(DiskError::Damaged { snapshot: snapshot.to_owned(), block });
            }
            Ok(found.blocks.get(&block).map(|bytes| bytes.to_vec()))
        }))
    }

    fn blocks<'a>(
        &'a self,
        snapshot: &'a str,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<BTreeMap<u64, [u8; 16]>, DiskError>> {
        ready(self.with(|inner| {
            let found = inner.snapshot(snapshot)?;
            let name = |bytes: &[u8]| {
                let mut name = [0; 16];
                name.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..16]);
                name
            };
            let some = found.blocks.range(from..).take(limit);
            Ok(some.map(|(block, bytes)| (*block, name(bytes))).collect())
        }))
    }

    fn kept(&self) -> BoxFuture<'_, Result<KeptDisks, DiskError>> {
        ready(self.with(|inner| {
            Ok((inner.volumes.keys().cloned().collect(), inner.snapshots.keys().cloned().collect()))
        }))
    }

    fn watched_by(&self, nudge: Nudge) {
        self.with(|inner| inner.watching = Some(nudge));
    }

    fn incidents(&self) -> Vec<Incident> {
        self.with(|inner| std::mem::take(&mut inner.incidents))
    }
}
