//! Volumes and snapshots as files: against a model, through crashes, rot and a full disk.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod crashes;
mod full;
mod model;
mod power;
mod rot;
mod sharing;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use fogbank_block::limits::BLOCK_BYTES;
use fogbank_block::store::{Key, Settings, Store, Volume, VolumeSpec};

pub const BLOCK: u64 = BLOCK_BYTES as u64;
pub const MASTER: Key = [7; 32];
pub const KEY: Key = [8; 32];
pub const BOOT: [u8; 16] = [1; 16];

pub fn store(folder: &Path) -> Store {
    store_after(folder, BOOT)
}

pub fn store_after(folder: &Path, boot: [u8; 16]) -> Store {
    Store::open(folder, Settings { master: MASTER, boot: Some(boot) }).unwrap()
}

pub fn spec(id: &str, bytes: u64) -> VolumeSpec {
    VolumeSpec { id: id.into(), bytes, zone: "a".into(), key: Some(KEY), snapshot: None }
}

/// A new volume, open.
pub fn volume(store: &Store, id: &str, bytes: u64) -> Arc<Volume> {
    store.create_volume(&spec(id, bytes)).unwrap();
    store.open_volume(id, Some(&KEY)).unwrap()
}

/// A new volume that begins with a snapshot, open.
pub fn restored(store: &Store, id: &str, bytes: u64, snapshot: &str) -> Arc<Volume> {
    let snapshot = Some((snapshot.to_owned(), Some(KEY)));
    store.create_volume(&VolumeSpec { snapshot, ..spec(id, bytes) }).unwrap();
    store.open_volume(id, Some(&KEY)).unwrap()
}

pub fn snapshot(store: &Store, volume: &Arc<Volume>, id: &str) {
    begin(store, volume, id);
    store.snapshot_run(id).unwrap();
}

pub fn begin(store: &Store, volume: &Arc<Volume>, id: &str) {
    store.snapshot_begin(&[(volume.clone(), id.into(), Some(KEY))]).unwrap();
}

/// All of a volume.
pub fn content(volume: &Volume) -> Vec<u8> {
    let mut bytes = vec![1; volume.bytes() as usize];
    volume.read_at(0, &mut bytes).unwrap();
    bytes
}

/// All of a snapshot, of a volume of so many bytes.
pub fn snapshot_content(store: &Store, id: &str, bytes: usize) -> Vec<u8> {
    let mut content = Vec::new();
    for block in 0..bytes.div_ceil(BLOCK_BYTES) as u64 {
        let found = store.block(id, Some(&KEY), block).unwrap();
        content.extend(found.unwrap_or_else(|| vec![0; BLOCK_BYTES]));
    }
    content.truncate(bytes);
    content
}

/// The room that all files below a folder take.
pub fn room(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let room = entries.map(|entry| match entry.metadata().unwrap() {
        metadata if metadata.is_dir() => room(&entry.path()),
        metadata => metadata.blocks() * 512,
    });
    room.sum()
}

/// What the disk has in this moment: as after a crash, since nothing is closed.
pub fn image(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let done = std::process::Command::new("cp")
        .args(["-a", "--sparse=always"])
        .arg(folder.join("."))
        .arg(copy.path())
        .status();
    assert!(done.unwrap().success());
    copy
}
