//! Volumes and snapshots as files. Synchronous; everything may be called from many threads.
//!
//! ```text
//! store                     what the store is known by
//! zones/<zone>/<volume>/    volume (a record), data (sparse, encrypted sectors), live and map (which blocks it has
//!                           itself), base (the table of the snapshot it was made from)
//! snapshots/tables/<id>/    table; or log, while it is being written; or failed
//! snapshots/segments/       files of encrypted blocks, which tables share
//! snapshots/begun/          calls whose snapshots are still being copied
//! ```
//!
//! A zone is lost by removing its folder: snapshots lean on nothing in it.
//!
//! Four invariants carry everything else:
//! - *What is answered is on disk*, but for a volume's writes, which are with [`Volume::sync`].
//! - *A map never runs ahead of the data it vouches for* (`map`).
//! - *Tables are whole.* Each names all blocks of its snapshot, so any may be removed; a block is given back when no
//!   table and no log names it (`sweep`). If one of them cannot be read, nothing is given back.
//! - *Damage is never returned.* Blocks of snapshots are authenticated, and bound to the place they are in.

mod direct;
mod draft;
mod error;
mod files;
mod keys;
mod map;
mod pending;
mod sectors;
mod segment;
mod shared;
mod snapshots;
mod sweep;
mod table;
mod uploads;
mod verify;
mod volume;
mod volumes;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub use error::StoreError;
use shared::Shared;
pub use verify::VerifyReport;
pub use volume::Volume;

/// A key of 256 bits.
pub type Key = [u8; 32];

/// What a store is opened with.
#[derive(Clone)]
pub struct Settings {
    /// What is given no key of its own is encrypted under this.
    pub master: Key,
    /// Tells this start of the host from others, so that what only the page cache holds is not believed after a power
    /// cut. Without one, the kernel is asked (`/proc/sys/kernel/random/boot_id`).
    pub boot: Option<[u8; 16]>,
}

/// Everything a volume is made from.
#[derive(Clone)]
pub struct VolumeSpec {
    pub id: String,
    pub bytes: u64,
    pub zone: String,
    pub key: Option<Key>,
    /// What it begins with, and that snapshot's key.
    pub snapshot: Option<(String, Option<Key>)>,
}

/// What a snapshot is begun with that is written block by block.
#[derive(Clone)]
pub struct UploadSpec {
    pub id: String,
    pub volume_bytes: u64,
    pub key: Option<Key>,
    pub parent: Option<(String, Option<Key>)>,
}

/// How far a snapshot is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    Absent,
    /// So much of a hundred is copied.
    Pending(u8),
    /// Blocks it names, and bytes of them that no earlier snapshot of the volume has.
    Completed {
        blocks: u64,
        own_bytes: u64,
    },
    Failed(String),
}

/// Volumes and snapshots in a folder. Clones share them. Several processes may have the same folder open; a volume is
/// open in one of them.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

impl Store {
    /// Opens what is in a folder, or begins there. Cleans up what a crash left, and gives back blocks that nobody names.
    /// Snapshots that were being copied when the host went down have failed afterwards.
    pub fn open(folder: &Path, settings: Settings) -> Result<Store, StoreError> {
        let store = Store(Arc::new(Shared::open(folder, &settings)?));
        store.0.clean_up()?;
        Ok(store)
    }

    /// Makes a volume. Nothing is copied: what it begins with is read from the snapshot's blocks. Again is as once.
    pub fn create_volume(&self, spec: &VolumeSpec) -> Result<(), StoreError> {
        volumes::create(&self.0, spec)
    }

    /// Grows a volume, open or not. A size that it has or is beyond changes nothing.
    pub fn grow(&self, id: &str, bytes: u64) -> Result<(), StoreError> {
        volumes::grow(&self.0, id, bytes)
    }

    /// Removes a volume that nobody has open, and whose snapshots are copied. One that is not there is removed.
    pub fn remove_volume(&self, id: &str) -> Result<(), StoreError> {
        volumes::remove(&self.0, id)
    }

    /// Opens a volume for this process. Who has it open already in this process shares it.
    pub fn open_volume(&self, id: &str, key: Option<&Key>) -> Result<Arc<Volume>, StoreError> {
        volumes::open(&self.0, id, key)
    }

    /// Fixes what all these volumes hold in this moment, one for all. Writers wait for no disk meanwhile. The blocks are
    /// to be copied with [`Store::snapshot_run`], or for each volume after it was opened again. Again is as once.
    pub fn snapshot_begin(&self, volumes: &[(Arc<Volume>, String, Option<Key>)]) -> Result<(), StoreError> {
        pending::begin(&self.0, volumes)
    }

    /// Copies what a snapshot still lacks, in the calling thread and one more. Writers go on. Its volume has to be open
    /// in this process ([`StoreError::Busy`] else). After an error the snapshot is as before, and may be run again.
    pub fn snapshot_run(&self, snapshot: &str) -> Result<(), StoreError> {
        pending::run(&self.0, snapshot)
    }

    pub fn snapshot_state(&self, snapshot: &str) -> Result<SnapshotState, StoreError> {
        snapshots::state(&self.0, snapshot)
    }

    /// Removes a snapshot in any state. Blocks that others name stay. One that a younger snapshot leans on, whose blocks
    /// are still being copied, waits for that.
    pub fn remove_snapshot(&self, snapshot: &str) -> Result<(), StoreError> {
        snapshots::remove(&self.0, snapshot)
    }

    /// Copies a completed snapshot: under the same key it shares all blocks, under another they are encrypted anew, in
    /// the calling thread. If it did not end, it is asked again: the state of the copy is absent then. Again is as once.
    pub fn copy_snapshot(
        &self,
        source: (&str, Option<&Key>),
        copy: (&str, Option<&Key>),
    ) -> Result<(), StoreError> {
        snapshots::copy(&self.0, source, copy)
    }

    /// Begins a snapshot that is written block by block, from nothing or from another. Again is as once.
    pub fn start_upload(&self, spec: &UploadSpec) -> Result<(), StoreError> {
        uploads::start(&self.0, spec)
    }

    /// Writes a block of 512 KiB, synced.
    pub fn put_block(
        &self,
        snapshot: &str,
        key: Option<&Key>,
        block: u64,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        uploads::put(&self.0, snapshot, key, block, bytes)
    }

    /// No block is written any more. Again is as once.
    pub fn complete_upload(&self, snapshot: &str) -> Result<(), StoreError> {
        uploads::complete(&self.0, snapshot)
    }

    /// A block of a completed snapshot, or nothing where it is zeros.
    pub fn block(
        &self,
        snapshot: &str,
        key: Option<&Key>,
        block: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        snapshots::block(&self.0, snapshot, key, block)
    }

    /// Blocks of a completed snapshot from one on, in order, with the names of their content: equal names, equal content.
    pub fn blocks(
        &self,
        snapshot: &str,
        from: u64,
        limit: usize,
    ) -> Result<BTreeMap<u64, [u8; 16]>, StoreError> {
        snapshots::blocks(&self.0, snapshot, from, limit)
    }

    /// The volumes and the snapshots that there are, in any state.
    pub fn kept(&self) -> Result<(Vec<String>, Vec<String>), StoreError> {
        Ok((self.0.volumes()?.into_iter().map(|(id, _)| id).collect(), self.0.snapshots()?))
    }

    /// Reads all blocks of all snapshots and compares them with their checksums, without any key; `progress` is told how
    /// many of how many are done.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport, StoreError> {
        verify::verify(&self.0, progress)
    }
}
