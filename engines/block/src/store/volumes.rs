//! Volumes as folders: made, opened, grown, removed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::refused;
use super::keys;
use super::map::{Durable, Map};
use super::pending;
use super::segment::reseal;
use super::shared::{Shared, check_bytes, check_id};
use super::table::{self, Footer, Ring};
use super::volume::Volume;
use super::{Key, StoreError, VolumeSpec, files};

const VERSION: u8 = 1;
const CLOSING_TRIES_MAX: u32 = 500;
const CLOSING_PAUSE: Duration = Duration::from_millis(20);

/// What a volume's sectors' key is sealed for.
pub(crate) const FOR_DATA: &[u8] = b"data";

/// What is kept of a volume, besides what it holds.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct VolumeRecord {
    version: u8,
    pub(crate) id: String,
    pub(crate) bytes: u64,
    pub(crate) sealed: Vec<u8>,
    /// The volume's snapshots whose blocks later ones may share, oldest first, with the epochs that they ended.
    pub(crate) lineage: Vec<(u32, String)>,
    /// The keys of those snapshots' segments.
    pub(crate) ring: Ring,
}

impl VolumeRecord {
    pub(crate) fn with_bytes(&self, bytes: u64) -> VolumeRecord {
        VolumeRecord { bytes, ..self.clone() }
    }
}

pub(crate) fn read(folder: &Path) -> Result<VolumeRecord, StoreError> {
    let record: Option<VolumeRecord> = files::read_record(&folder.join("volume"))?;
    record
        .filter(|record| record.version == VERSION)
        .ok_or_else(|| StoreError::Broken(folder.display().to_string()))
}

pub(crate) fn create(shared: &Arc<Shared>, spec: &VolumeSpec) -> Result<(), StoreError> {
    check_id(&spec.id)?;
    check_id(&spec.zone)?;
    check_bytes(spec.bytes)?;
    let _catalogue = shared.catalogue()?;
    if shared.volume_folder(&spec.id)?.is_some() {
        return Ok(());
    }
    let zone = shared.zones_folder().join(&spec.zone);
    let folder = zone.join(format!(".new-{}", spec.id));
    files::remove_folder(&folder)?;
    files::make_folder(&folder)?;
    let made = fill(shared, spec, &folder).and_then(|()| {
        std::fs::rename(&folder, zone.join(&spec.id)).map_err(refused("naming a volume"))?;
        files::sync_folder(&zone)?;
        files::sync_folder(&shared.zones_folder())
    });
    if made.is_err() {
        files::remove_folder(&folder).ok();
    }
    made
}

fn fill(shared: &Arc<Shared>, spec: &VolumeSpec, folder: &Path) -> Result<(), StoreError> {
    let wrap = shared.keys.wrap(spec.key.as_ref(), &spec.id);
    let secret = Zeroizing::new(keys::random()?);
    let mut record = VolumeRecord {
        version: VERSION,
        id: spec.id.clone(),
        bytes: spec.bytes,
        sealed: wrap.seal(FOR_DATA, &secret)?,
        lineage: Vec::new(),
        ring: Ring::new(),
    };
    if let Some((snapshot, key)) = &spec.snapshot {
        let source = shared.completed(snapshot)?;
        if source.footer.volume_bytes > spec.bytes {
            return Err(StoreError::Invalid("a volume cannot be smaller than its snapshot".into()));
        }
        let from = shared.keys.wrap(key.as_ref(), snapshot);
        let ring = reseal(&source.footer.ring, &from, &wrap, snapshot)?;
        record.ring.clone_from(&ring);
        let footer = Footer { owner: spec.id.clone(), own: 0, ring, ..source.footer.clone() };
        table::write(folder, "base", shared.keys.mac(), footer, source.entries())?;
    }
    let data = files::open(&folder.join("data"))?;
    data.set_len(spec.bytes).and_then(|()| data.sync_all()).map_err(refused("making a volume"))?;
    // Without a map a volume is damaged, and not empty.
    Durable::write(folder, &Map::new(0), true)?;
    files::replace_record(folder, "volume", &record)
}

pub(crate) fn open(shared: &Arc<Shared>, id: &str, key: Option<&Key>) -> Result<Arc<Volume>, StoreError> {
    let folder = shared.volume_folder(id)?.ok_or_else(|| StoreError::Absent(id.to_owned()))?;
    let mut open = shared.open.lock();
    let record = read(&folder)?;
    let wrap = shared.keys.wrap(key, id);
    let secret = wrap.open(FOR_DATA, &record.sealed).ok_or_else(|| StoreError::Key(id.to_owned()))?;
    if let Some(volume) = open.get(id).and_then(std::sync::Weak::upgrade) {
        return Ok(volume);
    }
    // Who dropped it in this process a moment ago may still be closing it.
    let mut tries = if open.contains_key(id) { CLOSING_TRIES_MAX } else { 1 };
    let claimed = loop {
        tries -= 1;
        match claim(&folder, id) {
            Err(StoreError::Busy(_)) if tries > 0 => std::thread::sleep(CLOSING_PAUSE),
            claimed => break claimed?,
        }
    };
    // What was read before may have changed.
    let record = read(&folder)?;
    let volume = Arc::new(Volume::open(shared.clone(), folder, record, wrap, &secret, claimed)?);
    open.insert(id.to_owned(), Arc::downgrade(&volume));
    Ok(volume)
}

pub(crate) fn grow(shared: &Arc<Shared>, id: &str, bytes: u64) -> Result<(), StoreError> {
    check_bytes(bytes)?;
    let folder = shared.volume_folder(id)?.ok_or_else(|| StoreError::Absent(id.to_owned()))?;
    // Held, so that nobody opens it meanwhile.
    let mut open = shared.open.lock();
    if let Some(volume) = open.get_mut(id).and_then(|volume| volume.upgrade()) {
        drop(open);
        return volume.grow(bytes);
    }
    let lock = claim(&folder, id)?;
    let mut record = read(&folder)?;
    if bytes > record.bytes {
        let data = files::open(&folder.join("data"))?;
        data.set_len(bytes).and_then(|()| data.sync_all()).map_err(refused("growing a volume"))?;
        record.bytes = bytes;
        files::replace_record(&folder, "volume", &record)?;
    }
    drop(lock);
    Ok(())
}

/// Takes a volume for this process, until the file is closed.
pub(crate) fn claim(folder: &Path, id: &str) -> Result<std::fs::File, StoreError> {
    let lock = files::open(&folder.join("lock"))?;
    if files::claim(&lock)? {
        return Ok(lock);
    }
    Err(StoreError::Busy(format!("{id} is open in another process")))
}

pub(crate) fn remove(shared: &Arc<Shared>, id: &str) -> Result<(), StoreError> {
    let Some(folder) = shared.volume_folder(id)? else { return Ok(()) };
    let _catalogue = shared.catalogue()?;
    let open = shared.open.lock();
    if open.get(id).is_some_and(|volume| volume.strong_count() > 0) {
        return Err(StoreError::Busy(format!("{id} is open")));
    }
    let _lock = claim(&folder, id)?;
    if let Some(member) = pending::unfinished(shared)?.into_iter().find(|member| member.volume == id) {
        return Err(StoreError::Busy(format!("{} of {id} is still being copied", member.snapshot)));
    }
    let zone = folder.parent().expect("a volume is in a zone").to_path_buf();
    let gone = zone.join(format!(".gone-{id}"));
    files::remove_folder(&gone)?;
    std::fs::rename(&folder, &gone).map_err(refused("removing a volume"))?;
    files::sync_folder(&zone)?;
    drop(open);
    let segments = table::Table::open(&gone.join("base"), id, shared.keys.mac());
    files::remove_folder(&gone)?;
    // What cannot be read is left to the sweep over everything.
    let segments = segments.ok().flatten().map(|table| table.footer.ring).unwrap_or_default();
    shared.sweep(Some(&segments.into_iter().map(|(segment, _)| segment).collect()))
}
