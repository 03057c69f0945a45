//! The snapshots of the cloud's own images: each is filled with its image's disk when somebody needs it for the first
//! time, and is a snapshot like any other from then on.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use block_engine::Block;
use block_engine::store::{SnapshotState, UploadSpec};
use ec2::{BLOCK_BYTES, DiskError, Root};
use futures_util::{StreamExt, TryStreamExt, stream};
use image_engine::disk::{Size, data_blocks};
use parking_lot::Mutex;

use super::Host;
use super::disks::told;
use super::images;
use crate::limits::{FILLED_AT_ONCE, FILLING_LOOK_TIME, FILLING_LOOKS_MAX};

const NO_INSTANCES: &str = "This cloud runs no instances ([instances] driver), and has no images.";

#[derive(Default)]
pub struct Filling {
    filled: Mutex<BTreeSet<String>>,
    /// One at a time: the others may be of the same image.
    working: tokio::sync::Mutex<()>,
}

impl Filling {
    /// Returns when the snapshot is complete, if it is one of the cloud's own images; at once for any other.
    pub async fn fill(&self, block: &Block, host: Option<&Host>, snapshot: &str) -> Result<(), DiskError> {
        if self.filled.lock().contains(snapshot) {
            return Ok(());
        }
        let Some(root) = ec2::root_of_snapshot(snapshot) else { return Ok(()) };
        let _alone = self.working.lock().await;
        if self.filled.lock().contains(snapshot) {
            return Ok(());
        }
        match block.snapshot_state(snapshot).await.map_err(told)? {
            SnapshotState::Completed { .. } => {}
            state => {
                if state != SnapshotState::Absent {
                    // What was broken off may be of another version of the image.
                    block.remove_snapshot(snapshot).await.map_err(told)?;
                }
                let host = host.ok_or_else(|| DiskError::Lacking(NO_INSTANCES.to_owned()))?;
                write(block, host, snapshot, &root).await?;
            }
        }
        self.filled.lock().insert(snapshot.to_owned());
        Ok(())
    }
}

async fn write(block: &Block, host: &Host, snapshot: &str, root: &Root) -> Result<(), DiskError> {
    let failed = |error: &dyn std::fmt::Display| DiskError::Failed(error.to_string());
    let engines = host.engines().await.map_err(|error| failed(&error))?;
    let image = images::root(&engines.images, root).await.map_err(|error| failed(&error))?;
    let gib = u64::try_from(ec2::ROOT_GIBIBYTES).unwrap_or_default();
    let making = engines.images.disk(&image, Size::Bytes(gib << 30), Arc::new(images::told));
    let disk = making.await.map_err(|error| failed(&error))?;
    let spec = UploadSpec { id: snapshot.to_owned(), volume_bytes: disk.bytes, key: None, parent: None };
    block.start_upload(&spec).await.map_err(told)?;
    let path = disk.path.clone();
    let looked = tokio::task::spawn_blocking(move || data_blocks(&path, BLOCK_BYTES)).await;
    let ranges = looked.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let file = Arc::new(File::open(&disk.path).map_err(|error| failed(&error))?);
    let written = stream::iter(ranges.into_iter().flatten()).map(|number| {
        let file = file.clone();
        async move {
            let read = tokio::task::spawn_blocking(move || read(&file, number)).await;
            let bytes = read.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
            match bytes.iter().any(|byte| *byte != 0) {
                true => block.put_block(snapshot, None, number, &bytes).await.map_err(told),
                false => Ok(()),
            }
        }
    });
    written.buffer_unordered(FILLED_AT_ONCE).try_collect::<()>().await?;
    block.complete_upload(snapshot).await.map_err(told)?;
    for _ in 0..FILLING_LOOKS_MAX {
        match block.snapshot_state(snapshot).await.map_err(told)? {
            SnapshotState::Completed { .. } => return Ok(()),
            SnapshotState::Failed(why) => return Err(DiskError::Failed(why)),
            SnapshotState::Pending(_) | SnapshotState::Absent => tokio::time::sleep(FILLING_LOOK_TIME).await,
        }
    }
    Err(DiskError::Failed(format!("the snapshot {snapshot} was not completed in time")))
}

/// A block of a disk; the last one may be shorter there.
fn read(file: &File, number: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(BLOCK_BYTES).unwrap_or_default()];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], number * BLOCK_BYTES + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(bytes)
}
