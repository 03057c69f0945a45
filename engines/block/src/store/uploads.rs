//! Snapshots that are written block by block, from outside.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::draft::{self, Draft};
use super::error::refused;
use super::sectors::is_zero;
use super::segment::reseal;
use super::shared::{Shared, blocks, check_bytes, check_id};
use super::snapshots;
use super::table::{self, Footer, Table};
use super::{Key, StoreError, UploadSpec, files};
use crate::limits::BLOCK_BYTES;

const FOR_CHECK: &[u8] = b"check";

#[derive(Serialize, Deserialize)]
struct UploadRecord {
    volume_bytes: u64,
    /// Nothing, sealed for the snapshot: only its key opens it.
    check: Vec<u8>,
}

pub(crate) fn start(shared: &Arc<Shared>, spec: &UploadSpec) -> Result<(), StoreError> {
    check_id(&spec.id)?;
    check_bytes(spec.volume_bytes)?;
    let _catalogue = shared.catalogue()?;
    let folder = shared.snapshot_folder(&spec.id);
    if folder.exists() {
        return Ok(());
    }
    let temporary = shared.tables_folder().join(format!(".new-{}", spec.id));
    files::remove_folder(&temporary)?;
    files::make_folder(&temporary)?;
    let made = fill(shared, spec, &temporary).and_then(|()| {
        std::fs::rename(&temporary, &folder).map_err(refused("naming a snapshot"))?;
        files::sync_folder(&shared.tables_folder())
    });
    if made.is_err() {
        files::remove_folder(&temporary).ok();
    }
    made
}

fn fill(shared: &Shared, spec: &UploadSpec, folder: &std::path::Path) -> Result<(), StoreError> {
    let wrap = shared.keys.wrap(spec.key.as_ref(), &spec.id);
    if let Some((parent, key)) = &spec.parent {
        let source = shared.completed(parent)?;
        if source.footer.volume_bytes > spec.volume_bytes {
            return Err(StoreError::Invalid("a snapshot cannot be smaller than its parent".into()));
        }
        let from = shared.keys.wrap(key.as_ref(), parent);
        let ring = reseal(&source.footer.ring, &from, &wrap, parent)?;
        let footer = Footer { owner: spec.id.clone(), own: 0, ring, ..source.footer.clone() };
        table::write(folder, "base", shared.keys.mac(), footer, source.entries())?;
    }
    let check = wrap.seal(FOR_CHECK, &[0; 32])?;
    files::replace_record(folder, "upload", &UploadRecord { volume_bytes: spec.volume_bytes, check })
}

fn record(shared: &Shared, snapshot: &str) -> Result<UploadRecord, StoreError> {
    check_id(snapshot)?;
    let folder = shared.snapshot_folder(snapshot);
    if let Some(record) = files::read_record(&folder.join("upload"))? {
        return Ok(record);
    }
    if folder.exists() {
        return Err(StoreError::Invalid(format!(
            "{snapshot} is not written block by block, or not any more"
        )));
    }
    Err(StoreError::Absent(snapshot.to_owned()))
}

pub(crate) fn put(
    shared: &Arc<Shared>,
    snapshot: &str,
    key: Option<&Key>,
    block: u64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    if bytes.len() != BLOCK_BYTES {
        return Err(StoreError::Invalid(format!("a block has {BLOCK_BYTES} bytes")));
    }
    let record = record(shared, snapshot)?;
    let wrap = shared.keys.wrap(key, snapshot);
    wrap.open(FOR_CHECK, &record.check).ok_or_else(|| StoreError::Key(snapshot.to_owned()))?;
    let block = u32::try_from(block)
        .ok()
        .filter(|block| *block < blocks(record.volume_bytes))
        .ok_or_else(|| StoreError::Invalid("the block is behind the end of the volume".into()))?;
    let draft = {
        let mut uploads = shared.uploads.lock();
        match uploads.get(snapshot) {
            Some(draft) => draft.clone(),
            None => {
                let folder = shared.snapshot_folder(snapshot);
                let draft = Arc::new(Draft::open(&folder, &shared.segments_folder(), wrap)?);
                files::sync_folder(&folder)?;
                uploads.insert(snapshot.to_owned(), draft.clone());
                draft
            }
        }
    };
    if is_zero(bytes) {
        draft.zeros(block)?;
        return draft.sync_log();
    }
    draft.put_synced(block, shared.keys.name(bytes), &mut bytes.to_vec())
}

pub(crate) fn complete(shared: &Arc<Shared>, snapshot: &str) -> Result<(), StoreError> {
    if shared.table(snapshot)?.is_some() {
        return Ok(());
    }
    let record = record(shared, snapshot)?;
    let _catalogue = shared.catalogue()?;
    let folder = shared.snapshot_folder(snapshot);
    let base = Table::open(&folder.join("base"), snapshot, shared.keys.mac())?;
    let lines = draft::lines_in(&folder)?;
    lines.sync(&shared.segments_folder())?;
    let shared_ring = base.iter().flat_map(|base| base.footer.ring.iter());
    let ring: BTreeMap<u64, Vec<u8>> = shared_ring.chain(&lines.ring).cloned().collect();
    let seal = |id: u64| ring.get(&id).cloned().ok_or_else(|| StoreError::Broken(snapshot.to_owned()));
    snapshots::publish(shared, snapshot, record.volume_bytes, base.as_ref(), &lines.blocks, seal)?;
    shared.uploads.lock().remove(snapshot);
    Ok(())
}
