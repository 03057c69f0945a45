//! Snapshots of volumes, from the moment they fix until their blocks are copied.
//!
//! To fix a moment is to end an epoch in the maps of all volumes at once. Then the call is written down, one file for
//! all its snapshots: all of them are begun, or none is. A block that changed in the ended epochs is copied by whoever
//! runs the snapshot, or by the first who writes to it. Each block belongs to the oldest snapshot that needs it; younger
//! ones share it.
//!
//! When we are killed, the page cache has what was copied and the log that names it, and the snapshot goes on. A power
//! cut may have kept a later write and lost the copy of what it wrote over, so the snapshot has failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::direct::Aligned;
use super::draft::Draft;
use super::keys::{self, Wrap, for_segment};
use super::segment;
use super::shared::{Shared, blocks, check_id};
use super::snapshots;
use super::table::{Entry, Table};
use super::volume::{State, Volume};
use super::{Key, SnapshotState, StoreError, files};
use crate::limits::VOLUMES_AT_ONCE_MAX;

const FOR_SNAPSHOT: &[u8] = b"snapshot";
const COPIERS: usize = 2;

/// A call: all snapshots of one moment.
#[derive(Serialize, Deserialize)]
pub(crate) struct Group {
    /// The start of the host during which it was made.
    pub(crate) boot: [u8; 16],
    pub(crate) members: Vec<Member>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) volume: String,
    pub(crate) snapshot: String,
    /// The epoch that the moment ended.
    epoch: u32,
    /// The snapshot whose blocks it shares, and the epoch which that ended.
    after: u32,
    pub(crate) parent: Option<String>,
    bytes: u64,
    pub(crate) total: u64,
    /// What seals the keys of the snapshot, sealed for the volume.
    sealed: Vec<u8>,
}

pub(crate) struct Pending {
    pub(crate) snapshot: String,
    pub(crate) epoch: u32,
    after: u32,
    parent: Option<String>,
    bytes: AtomicU64,
    draft: Draft,
    /// A bit for each block that needs no copying any more.
    copied: Mutex<Vec<u64>>,
    done: AtomicU64,
    total: u64,
}

impl Pending {
    pub(crate) fn percent(&self) -> u8 {
        percent(self.done.load(Ordering::Relaxed), self.total)
    }

    fn is_copied(&self, block: u32) -> bool {
        self.copied.lock().get(block as usize / 64).is_some_and(|bits| bits >> (block % 64) & 1 == 1)
    }

    fn set_copied(&self, block: u32) {
        let mut copied = self.copied.lock();
        let index = block as usize / 64;
        if copied.len() <= index {
            copied.resize(index + 1, 0);
        }
        copied[index] |= 1 << (block % 64);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Copies a block, unless the snapshot it leans on has the same. Nobody changes the block meanwhile.
    fn copy(&self, volume: &Volume, block: u32, content: Option<Aligned>) -> Result<(), StoreError> {
        let (known, before) = self.before(volume, block)?;
        match content {
            None if known && before.is_none() => {}
            None => self.draft.zeros(block)?,
            Some(mut content) => {
                let name = volume.shared.keys.name(&content);
                if before.is_none_or(|before| before.name != name) {
                    self.draft.put(block, name, &mut content)?;
                }
            }
        }
        self.set_copied(block);
        Ok(())
    }

    /// What the snapshot it leans on has of a block, and whether that is known yet.
    fn before(&self, volume: &Volume, block: u32) -> Result<(bool, Option<Entry>), StoreError> {
        match &self.parent {
            None => Ok((true, volume.base().map_or(Ok(None), |base| base.find(block))?)),
            Some(parent) => match volume.shared.table(parent)? {
                Some(table) => Ok((true, table.find(block)?)),
                None => Ok((false, None)),
            },
        }
    }
}

/// How much of a hundred is done, of what is not done.
pub(crate) fn percent(done: u64, total: u64) -> u8 {
    let percent = (done * 100).checked_div(total).unwrap_or(0);
    percent.min(99) as u8
}

/// Copies a block that is about to be written over, if a snapshot needs it.
pub(crate) fn save(volume: &Volume, state: &State, block: u32, since: u32) -> Result<(), StoreError> {
    let Some(pending) = state.pending.iter().find(|pending| since <= pending.epoch) else { return Ok(()) };
    if since <= pending.after || pending.is_copied(block) {
        return Ok(());
    }
    pending.copy(volume, block, volume.content(state, block)?)
}

pub(crate) fn begin(
    shared: &Arc<Shared>,
    volumes: &[(Arc<Volume>, String, Option<Key>)],
) -> Result<(), StoreError> {
    if volumes.is_empty() || volumes.len() > VOLUMES_AT_ONCE_MAX {
        return Err(StoreError::Invalid(format!("snapshots are of 1 to {VOLUMES_AT_ONCE_MAX} volumes")));
    }
    let mut sorted: Vec<_> = volumes.iter().collect();
    sorted.sort_by_key(|(volume, ..)| volume.id());
    let twice = sorted.windows(2).any(|pair| pair[0].0.id() == pair[1].0.id());
    if twice || sorted.iter().any(|(volume, ..)| !Arc::ptr_eq(&volume.shared, shared)) {
        return Err(StoreError::Invalid("each volume is named once, and of this store".into()));
    }
    let _catalogue = shared.catalogue()?;
    let mut known = 0;
    for (_, snapshot, _) in volumes {
        check_id(snapshot)?;
        known += usize::from(shared.snapshot_folder(snapshot).exists());
    }
    if known == volumes.len() {
        return Ok(());
    }
    if known > 0 {
        return Err(StoreError::Invalid("some of the snapshots are there, and some are not".into()));
    }
    let mut begun = Vec::new();
    let done = sorted
        .iter()
        .try_for_each(|(volume, snapshot, key)| {
            begun.push((volume, Arc::new(prepare(shared, volume, snapshot, key.as_ref())?)));
            Ok(())
        })
        .and_then(|()| {
            fix(&begun);
            write_down(shared, &begun)
        });
    if done.is_err() {
        for (volume, pending) in &begun {
            volume.gate.write().pending.retain(|other| !Arc::ptr_eq(other, pending));
        }
        for (_, snapshot, _) in volumes {
            files::remove_folder(&shared.snapshot_folder(snapshot)).ok();
        }
    }
    done
}

/// The moment: nobody writes to any of the volumes, and their epochs end.
fn fix(begun: &[(&Arc<Volume>, Arc<Pending>)]) {
    let mut states: Vec<_> = begun.iter().map(|(volume, _)| volume.gate.write()).collect();
    for (state, (_, pending)) in states.iter_mut().zip(begun) {
        pending.bytes.store(state.bytes, Ordering::Relaxed);
        state.epoch = pending.epoch + 1;
        state.pending.push(pending.clone());
    }
}

/// Everything that can be done before the moment. The catalogue is held, so no epoch ends meanwhile.
fn prepare(
    shared: &Arc<Shared>,
    volume: &Volume,
    snapshot: &str,
    key: Option<&Key>,
) -> Result<Pending, StoreError> {
    let state = volume.gate.read();
    if state.epoch == u32::MAX {
        return Err(StoreError::Invalid("a volume has 4 billion snapshots at most".into()));
    }
    let parent = match state.pending.last() {
        Some(last) => Some((last.epoch, last.snapshot.clone())),
        None => {
            let lineage = volume.record.lock().lineage.clone();
            let mut lineage = lineage.into_iter().rev();
            lineage.find(|(_, id)| shared.snapshot_folder(id).join("table").exists())
        }
    };
    let (after, parent) = parent.map_or((0, None), |(epoch, id)| (epoch, Some(id)));
    let wrap = shared.keys.wrap(key, snapshot);
    Ok(Pending {
        snapshot: snapshot.to_owned(),
        epoch: state.epoch,
        after,
        parent,
        bytes: AtomicU64::new(state.bytes),
        draft: Draft::open(&shared.snapshot_folder(snapshot), &shared.segments_folder(), wrap)?,
        copied: Mutex::default(),
        done: AtomicU64::new(0),
        total: state.map.own().filter(|(_, since)| *since > after).count() as u64,
    })
}

fn write_down(shared: &Shared, begun: &[(&Arc<Volume>, Arc<Pending>)]) -> Result<(), StoreError> {
    let members = begun.iter().map(|(volume, pending)| {
        Ok(Member {
            volume: volume.id().to_owned(),
            snapshot: pending.snapshot.clone(),
            epoch: pending.epoch,
            after: pending.after,
            parent: pending.parent.clone(),
            bytes: pending.bytes.load(Ordering::Relaxed),
            total: pending.total,
            sealed: volume.wrap.seal(FOR_SNAPSHOT, pending.draft.wrap().secret())?,
        })
    });
    let group = Group { boot: shared.boot, members: members.collect::<Result<_, StoreError>>()? };
    files::sync_folder(&shared.tables_folder())?;
    let name = format!("{:016x}", u64::from_be_bytes(keys::random()?));
    files::replace_record(&shared.begun_folder(), &name, &group)
}

/// The calls that are written down.
pub(crate) fn groups(shared: &Shared) -> Result<Vec<(String, Group)>, StoreError> {
    let mut groups = Vec::new();
    for name in files::names(&shared.begun_folder())? {
        if let Some(group) = files::read_record(&shared.begun_folder().join(&name))? {
            groups.push((name, group));
        }
    }
    Ok(groups)
}

/// The snapshots that were begun, and are neither completed nor failed nor removed.
pub(crate) fn unfinished(shared: &Shared) -> Result<Vec<Member>, StoreError> {
    let members = groups(shared)?.into_iter().flat_map(|(_, group)| group.members);
    Ok(members.filter(|member| is_unfinished(shared, &member.snapshot)).collect())
}

pub(crate) fn is_unfinished(shared: &Shared, snapshot: &str) -> bool {
    let folder = shared.snapshot_folder(snapshot);
    folder.exists() && !folder.join("table").exists() && !folder.join("failed").exists()
}

/// Removes what is written down of calls that have nothing to do any more.
pub(crate) fn forget_finished(shared: &Shared) -> Result<(), StoreError> {
    for (name, group) in groups(shared)? {
        if !group.members.iter().any(|member| is_unfinished(shared, &member.snapshot)) {
            std::fs::remove_file(shared.begun_folder().join(name))
                .map_err(super::error::refused("removing a call"))?;
        }
    }
    Ok(())
}

/// The snapshots of a volume that are to be gone on with, oldest first.
pub(crate) fn of_volume(shared: &Shared, id: &str, wrap: &Wrap) -> Result<Vec<Arc<Pending>>, StoreError> {
    let mut members = unfinished(shared)?;
    members.retain(|member| member.volume == id);
    members.sort_by_key(|member| member.epoch);
    let resumed = members.into_iter().map(|member| {
        let secret = wrap.open(FOR_SNAPSHOT, &member.sealed).ok_or_else(|| StoreError::Key(id.to_owned()))?;
        let folder = shared.snapshot_folder(&member.snapshot);
        let pending = Pending {
            snapshot: member.snapshot,
            epoch: member.epoch,
            after: member.after,
            parent: member.parent,
            bytes: AtomicU64::new(member.bytes),
            draft: Draft::open(&folder, &shared.segments_folder(), Wrap::new(secret))?,
            copied: Mutex::default(),
            done: AtomicU64::new(0),
            total: member.total,
        };
        for block in pending.draft.lines()?.blocks.into_keys() {
            pending.set_copied(block);
        }
        Ok(Arc::new(pending))
    });
    resumed.collect()
}

/// The volume of this process that has the snapshot to copy.
pub(crate) fn volume_of(shared: &Shared, snapshot: &str) -> Option<(Arc<Volume>, Arc<Pending>)> {
    let open: Vec<_> = shared.open.lock().values().filter_map(std::sync::Weak::upgrade).collect();
    open.into_iter().find_map(|volume| {
        let pending =
            volume.gate.read().pending.iter().find(|pending| pending.snapshot == snapshot).cloned()?;
        Some((volume, pending))
    })
}

pub(crate) fn run(shared: &Arc<Shared>, snapshot: &str) -> Result<(), StoreError> {
    let Some((volume, wanted)) = volume_of(shared, snapshot) else {
        return match snapshots::state(shared, snapshot)? {
            SnapshotState::Completed { .. } => Ok(()),
            SnapshotState::Absent => Err(StoreError::Absent(snapshot.to_owned())),
            SnapshotState::Failed(why) => Err(StoreError::Invalid(why)),
            SnapshotState::Pending(_) => {
                Err(StoreError::Busy(format!("the volume of {snapshot} is not open here")))
            }
        };
    };
    let _running = volume.running.lock();
    // Older ones first: younger ones share their blocks.
    loop {
        let state = volume.gate.read();
        if !state.pending.iter().any(|pending| Arc::ptr_eq(pending, &wanted)) {
            return Ok(());
        }
        let first = state.pending[0].clone();
        drop(state);
        copy_blocks(&volume, &first)?;
        finish(shared, &volume, &first)?;
    }
}

fn copy_blocks(volume: &Volume, pending: &Pending) -> Result<(), StoreError> {
    let next = AtomicU32::new(0);
    let end = blocks(pending.bytes.load(Ordering::Relaxed));
    let copier = || {
        loop {
            let block = next.fetch_add(1, Ordering::Relaxed);
            if block >= end {
                return Ok(());
            }
            if pending.is_copied(block) {
                continue;
            }
            let copied = volume.with_changed(block, (pending.after, pending.epoch), |content| {
                if pending.is_copied(block) { Ok(()) } else { pending.copy(volume, block, content) }
            });
            if let Err(error) = copied {
                // The others stop as well.
                next.store(end, Ordering::Relaxed);
                return Err(error);
            }
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..COPIERS).map(|_| scope.spawn(copier)).collect();
        let own = copier();
        others.into_iter().fold(own, |done, other| {
            done.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    })
}

/// Everything is copied: makes it durable, then the table, then the call is forgotten.
fn finish(shared: &Arc<Shared>, volume: &Volume, pending: &Arc<Pending>) -> Result<(), StoreError> {
    pending.draft.sync()?;
    let _catalogue = shared.catalogue()?;
    let lines = pending.draft.lines()?;
    let parent = match &pending.parent {
        Some(parent) => Some(shared.completed(parent)?),
        None => None,
    };
    let start: Option<&Table> = parent.as_deref().or_else(|| volume.base());
    let mut record = volume.record.lock();
    let mut noted = record.clone();
    for (id, sealed) in &lines.ring {
        let secret = pending.draft.wrap().open(&for_segment(*id), sealed);
        let secret = secret.ok_or_else(|| StoreError::Key(pending.snapshot.clone()))?;
        noted.ring.retain(|(other, _)| other != id);
        noted.ring.push((*id, volume.wrap.seal(&for_segment(*id), &secret)?));
    }
    noted.ring.retain(|(id, _)| segment::path(&shared.segments_folder(), *id).exists());
    noted
        .lineage
        .retain(|(_, id)| *id != pending.snapshot && shared.snapshot_folder(id).join("table").exists());
    noted.lineage.push((pending.epoch, pending.snapshot.clone()));
    files::replace_record(volume.folder(), "volume", &noted)?;
    *record = noted;
    let ours: BTreeMap<u64, Vec<u8>> = lines.ring.iter().cloned().collect();
    let seal = |id: u64| match ours.get(&id) {
        Some(sealed) => Ok(sealed.clone()),
        None => {
            let sealed = record.ring.iter().find(|(other, _)| *other == id);
            let secret = sealed.and_then(|(_, sealed)| volume.wrap.open(&for_segment(id), sealed));
            let secret = secret.ok_or_else(|| StoreError::Broken(volume.id().to_owned()))?;
            pending.draft.wrap().seal(&for_segment(id), &secret)
        }
    };
    let bytes = pending.bytes.load(Ordering::Relaxed);
    snapshots::publish(shared, &pending.snapshot, bytes, start, &lines.blocks, seal)?;
    drop(record);
    volume.gate.write().pending.retain(|other| !Arc::ptr_eq(other, pending));
    forget_finished(shared)
}
