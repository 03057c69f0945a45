//! An image on its way back from an object: its snapshots are written as the object is read. When all of it came and is
//! what was written, they are completed, and the image is available.

use std::collections::BTreeSet;

use ec2_api::{ImageState, SnapshotState, StateReason};
use futures_util::StreamExt;
use s3_api::{GetObject, GetObjectInput};

use super::disks_in::{disk_trouble, disks};
use super::objects::unwritable;
use super::{Left, Trouble};
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::{DataKey, DiskError, UploadSpec};
use crate::model::transfers::states::Stage;
use crate::model::transfers::stored::{Item, Reader};
use crate::operations::disk_keys;
use crate::operations::snapshot_making::{New, put_new};
use crate::operations::snapshots;
use crate::records::images::ImageRecord;
use crate::records::snapshots::SnapshotRecord;
use crate::records::stored_images::{RESTORES, RestoreRecord};
use crate::records::transfers::{DiskRecord, TRANSFERS};
use crate::records::{Place, Resource};
use crate::resources;

/// Blocks of 512 KiB in a GiB.
const BLOCKS_OF_A_GIB: u64 = 2_048;

pub async fn advance(ec2: &Ec2, place: &Place, queued: &str, id: &str) -> Result<Left, Error> {
    let found = ec2.store.read(|tx| async move {
        let restore = RESTORES.get(&tx, place, id).await?;
        Ok::<_, Error>((restore, ImageRecord::TABLE.get(&tx, place, id).await?))
    });
    let (restore, image) = found.await?;
    let Some(restore) = restore else { return super::settle(ec2, queued).await };
    let Some(image) = image else {
        // It was deregistered.
        return give_up(ec2, place, queued, id, &restore, "").await;
    };
    let outcome = match restore.disks.iter().all(|disk| disk.stage >= Stage::Sealed) {
        false => read_all(ec2, place, id, &restore).await.map(|()| false),
        true => are_completed(ec2, place, &restore).await,
    };
    match outcome {
        Ok(true) => finish(ec2, place, queued, id).await,
        Ok(false) => Ok(Left::Later),
        Err(Trouble::Final(why)) => give_up(ec2, place, queued, &image.id, &restore, &why).await,
        Err(Trouble::Passing(error)) => Err(error),
    }
}

async fn read_all(ec2: &Ec2, place: &Place, id: &str, restore: &RestoreRecord) -> Result<(), Trouble> {
    let mut keys = Vec::with_capacity(restore.disks.len());
    for disk in &restore.disks {
        keys.push(disk_keys::open(ec2, place, disk.key.as_ref()).await?);
    }
    begin(ec2, place, id, restore, &keys).await?;
    let input = GetObjectInput {
        bucket: restore.object.bucket.clone(),
        key: restore.object.key.clone(),
        if_match: restore.etag.clone(),
        ..GetObjectInput::default()
    };
    let s3 = ec2.aws.as_caller(&restore.call).via("ec2.amazonaws.com");
    let object = s3.call(GetObject, input).await.map_err(|fault| unwritable(&fault))?;
    let (mut reader, mut chunks) = (Reader::default(), object.body.unwrap_or_default().take());
    let driver = disks(ec2)?;
    loop {
        let refused = |why: String| Trouble::Final(format!("The object cannot be restored: {why}"));
        match reader.item().map_err(refused)? {
            Some(Item::End) => break,
            Some(Item::Image(_)) => {}
            Some(Item::Block { snapshot, block, bytes }) => {
                let number = snapshot as usize;
                let disk = restore.disks.get(number).filter(|disk| is_within(disk, block));
                let disk = disk.ok_or_else(|| refused("a block is outside its snapshot".to_owned()))?;
                let put = driver.put_block(&disk.snapshot, keys[number].as_ref(), block, bytes);
                put.await.map_err(disk_trouble)?;
            }
            None => match chunks.next().await {
                Some(Ok(chunk)) => reader.push(&chunk),
                Some(Err(error)) => return Err(Trouble::Passing(Error::Internal(Box::new(error)))),
                None => return Err(refused("it ends early".to_owned())),
            },
        }
    }
    stage(ec2, place, id, Stage::Sealed).await?;
    for disk in &restore.disks {
        driver.complete_upload(&disk.snapshot).await.map_err(disk_trouble)?;
    }
    ec2.disks.nudge();
    Ok(())
}

fn is_within(disk: &DiskRecord, block: u64) -> bool {
    block < u64::try_from(disk.gib.unwrap_or(0)).unwrap_or(0) * BLOCKS_OF_A_GIB
}

/// Begins all snapshots, in the engine first.
async fn begin(
    ec2: &Ec2,
    place: &Place,
    id: &str,
    restore: &RestoreRecord,
    keys: &[Option<DataKey>],
) -> Result<(), Trouble> {
    for (disk, key) in restore.disks.iter().zip(keys) {
        let spec = UploadSpec {
            id: disk.snapshot.clone(),
            volume_bytes: u64::try_from(disk.gib.unwrap_or(1)).unwrap_or(1) << 30,
            key: key.clone(),
            parent: None,
        };
        disks(ec2)?.start_upload(&spec).await.map_err(disk_trouble)?;
    }
    let call = &ec2.own_call(place.0, place.1);
    let begun = ec2.store.transact(|tx| async move {
        let Some(mut record) = RESTORES.get(&tx, place, id).await? else { return Ok(()) };
        for disk in record.disks.iter_mut().filter(|disk| disk.stage == Stage::Waiting) {
            let new = New {
                id: disk.snapshot.clone(),
                gib: disk.gib.unwrap_or(1),
                description: disk.description.clone().unwrap_or_default(),
                key: disk.key.clone(),
                parent: None,
                minutes: None,
                is_copy: false,
            };
            let tags = record.snapshot_tags.get(&disk.snapshot).cloned().unwrap_or_default();
            put_new(&tx, call, &new, &tags).await?;
            disk.stage = Stage::Writing;
        }
        Ok::<_, Error>(RESTORES.put(&tx, place, id, &record).await?)
    });
    Ok(begun.await?)
}

async fn stage(ec2: &Ec2, place: &Place, id: &str, stage: Stage) -> Result<(), Error> {
    let staged = ec2.store.transact(|tx| async move {
        let Some(mut record) = RESTORES.get(&tx, place, id).await? else { return Ok(()) };
        record.disks.iter_mut().for_each(|disk| disk.stage = stage);
        Ok::<_, Error>(RESTORES.put(&tx, place, id, &record).await?)
    });
    staged.await
}

/// Whether all snapshots are; the engine is told again of those that are not, after a crash.
async fn are_completed(ec2: &Ec2, place: &Place, restore: &RestoreRecord) -> Result<bool, Trouble> {
    let mut states = BTreeSet::new();
    for disk in &restore.disks {
        let id = disk.snapshot.as_str();
        let found = ec2.store.read(|tx| async move { SnapshotRecord::TABLE.get(&tx, place, id).await });
        let gone = || Trouble::Final(format!("The snapshot {id} is not there any more"));
        match found.await.map_err(Error::from)?.ok_or_else(gone)?.state() {
            SnapshotState::Completed => {}
            SnapshotState::Pending => {
                states.insert(id);
            }
            _ => return Err(Trouble::Final(format!("The snapshot {id} failed"))),
        }
    }
    for id in &states {
        match disks(ec2)?.complete_upload(id).await {
            Ok(()) | Err(DiskError::Absent(_)) => {}
            Err(error) => return Err(disk_trouble(error)),
        }
    }
    ec2.disks.nudge();
    Ok(states.is_empty())
}

async fn finish(ec2: &Ec2, place: &Place, queued: &str, id: &str) -> Result<Left, Error> {
    let finished = ec2.store.transact(|tx| async move {
        RESTORES.delete(&tx, place, id).await?;
        TRANSFERS.delete(&tx, &(), queued).await?;
        let Some(mut image) = ImageRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        image.shown.0.state = Some(ImageState::Available);
        resources::put(&tx, place, &image).await
    });
    finished.await?;
    Ok(Left::Nothing)
}

/// The image fails, for this reason, and its snapshots are taken away.
async fn give_up(
    ec2: &Ec2,
    place: &Place,
    queued: &str,
    id: &str,
    restore: &RestoreRecord,
    why: &str,
) -> Result<Left, Error> {
    for disk in &restore.disks {
        match disks(ec2)?.remove_snapshot(&disk.snapshot).await {
            Ok(()) | Err(DiskError::Absent(_)) => {}
            Err(error) => return Err(Error::Internal(Box::new(error))),
        }
    }
    let now = ec2.clock.now();
    let given_up = ec2.store.transact(|tx| async move {
        RESTORES.delete(&tx, place, id).await?;
        TRANSFERS.delete(&tx, &(), queued).await?;
        for disk in &restore.disks {
            if SnapshotRecord::TABLE.get(&tx, place, &disk.snapshot).await?.is_some() {
                crate::records::usage::snapshot(&tx, place, &disk.snapshot, 0, now).await?;
                snapshots::remove(&tx, place, &disk.snapshot).await?;
            }
        }
        let Some(mut image) = ImageRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let code = Some("Client.InvalidParameterValue".to_owned());
        image.shown.0.state = Some(ImageState::Failed);
        image.shown.0.state_reason = Some(StateReason { code, message: Some(why.to_owned()) });
        resources::put(&tx, place, &image).await
    });
    given_up.await?;
    ec2.disks.nudge();
    Ok(Left::Nothing)
}
