//! CreateRestoreImageTask: an object that CreateStoreImageTask wrote becomes an image and its snapshots. The image is
//! `pending` until all of it is read, as whoever asked for it.

use std::collections::BTreeMap;

use ec2_api::*;
use futures_util::StreamExt;
use s3_api::{GetObject, GetObjectInput};
use schema::Fault;
use service::{Call, Kept};

use super::new_snapshot;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::kind::{IMAGE, SNAPSHOT};
use crate::limits::{ATTACHED_VOLUMES_MAX, IMPORTED_GIB_MAX, STORED_DESCRIPTION_BYTES_MAX};
use crate::model::filter::with_millis;
use crate::model::images::Root;
use crate::model::tags::Tags;
use crate::model::transfers::places::ObjectPlace;
use crate::model::transfers::states::Stage;
use crate::model::transfers::stored::{Item, Reader, StoredImage};
use crate::operations::images;
use crate::operations::tags::of_new;
use crate::operations::volumes::driver;
use crate::records::images::ImageRecord;
use crate::records::stored_images::{RESTORE, RESTORES, RestoreRecord};
use crate::records::transfers::{DiskRecord, DiskSource, enqueue};

pub async fn create_restore_image_task(
    ec2: &Ec2,
    call: &Call,
    input: CreateRestoreImageTaskInput,
) -> Result<CreateRestoreImageTaskOutput, Error> {
    const OPERATION: &str = "CreateRestoreImageTask";
    let specifications = input.tag_specifications.as_deref();
    let of_image = of_new(ec2, call, OPERATION, specifications, &IMAGE, &[&SNAPSHOT]).await?;
    let of_snapshots = of_new(ec2, call, OPERATION, specifications, &SNAPSHOT, &[&IMAGE]).await?;
    driver(ec2)?;
    let object = ObjectPlace { bucket: input.bucket, key: input.object_key };
    let (stored, etag) = described(ec2, call, &object).await?;
    let name = input.name.or_else(|| stored.image.name.clone()).unwrap_or_default();
    images::check_name(&name)?;
    let (mut disks, mut ids) = (Vec::new(), BTreeMap::new());
    for snapshot in &stored.snapshots {
        let (id, key) = new_snapshot(ec2, call, None, None).await?;
        ids.insert(snapshot.id.clone(), id.clone());
        disks.push(DiskRecord {
            snapshot: id,
            key,
            source: DiskSource::Object { place: object.clone(), url: None },
            description: snapshot.description.clone(),
            device: None,
            format: None,
            etag: etag.clone(),
            file_bytes: None,
            gib: Some(snapshot.gib),
            stage: Stage::Waiting,
        });
    }
    let tags = disks.iter().zip(&stored.snapshots);
    let snapshot_tags = tags.map(|(disk, stored)| (disk.snapshot.clone(), both(&stored.tags, &of_snapshots)));
    let id = &IMAGE.new_id(&ec2.ids);
    let restore = &RestoreRecord {
        call: call.clone(),
        object: object.clone(),
        etag,
        snapshot_tags: snapshot_tags.collect(),
        disks,
    };
    let image = restored(call, id, name, &stored, &ids);
    let place = &call.scope();
    let record = &ImageRecord {
        id: id.clone(),
        shown: Kept(image),
        root: Root::Volume,
        launch_permissions: Vec::new(),
        uefi_data: None,
    };
    let tags = &both(&stored.tags, &of_image);
    // Its snapshots are not there yet.
    let kept = ec2.store.transact(|tx| async move {
        images::check_name_is_free(&tx, place, &record.shown).await?;
        RESTORES.put(&tx, place, id, restore).await?;
        enqueue(&tx, place, &format!("{RESTORE}{id}")).await?;
        images::keep(&tx, place, record, tags).await
    });
    kept.await?;
    ec2.transfers.nudge();
    Ok(CreateRestoreImageTaskOutput { image_id: Some(id.clone()) })
}

/// Tags that were stored, and those that are given now, which win.
fn both(stored: &Tags, given: &Tags) -> Tags {
    let own = stored.iter().filter(|(key, _)| !key.starts_with("aws:"));
    own.chain(given).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What the object says of its image, which its beginning tells, and the object's ETag.
async fn described(
    ec2: &Ec2,
    call: &Call,
    object: &ObjectPlace,
) -> Result<(StoredImage, Option<String>), Error> {
    let ObjectPlace { bucket, key } = object;
    let refused = |why: &str| {
        let message = format!("The object {bucket}/{key} cannot be restored: {why}");
        Error::new(&INVALID_PARAMETER_VALUE, message)
    };
    let input = GetObjectInput {
        bucket: bucket.clone(),
        key: key.clone(),
        range: Some(format!("bytes=0-{}", STORED_DESCRIPTION_BYTES_MAX + 64)),
        ..GetObjectInput::default()
    };
    let s3 = ec2.aws.as_caller(call).via("ec2.amazonaws.com");
    let start = s3.call(GetObject, input).await.map_err(|fault| match fault.status() {
        400..=499 => refused(fault.message()),
        _ => Error::Other(fault),
    })?;
    let (mut reader, mut chunks) = (Reader::default(), start.body.unwrap_or_default().take());
    let stored = loop {
        if let Some(item) = reader.item().map_err(|why| refused(&why))? {
            break item;
        }
        match chunks.next().await {
            Some(chunk) => reader.push(&chunk.map_err(|error| Error::Other(Fault::internal(error)))?),
            None => return Err(refused("it ends early")),
        }
    };
    let Item::Image(stored) = stored else { return Err(refused("it does not begin with an image")) };
    let is_good = |gib: i64| (1..=IMPORTED_GIB_MAX).contains(&gib);
    if stored.snapshots.is_empty()
        || stored.snapshots.len() > ATTACHED_VOLUMES_MAX
        || !stored.snapshots.iter().all(|snapshot| is_good(snapshot.gib))
    {
        return Err(refused("its snapshots are no snapshots of volumes"));
    }
    Ok((*stored, start.e_tag))
}

/// The image as it was, as one of the caller's own.
fn restored(
    call: &Call,
    id: &str,
    name: String,
    stored: &StoredImage,
    ids: &BTreeMap<String, String>,
) -> Image {
    let mut mappings = stored.image.block_device_mappings.clone().unwrap_or_default();
    for ebs in mappings.iter_mut().filter_map(|mapping| mapping.ebs.as_mut()) {
        ebs.snapshot_id = ebs.snapshot_id.as_ref().and_then(|old| ids.get(old).cloned());
        (ebs.kms_key_id, ebs.encrypted) = (None, Some(false));
    }
    Image {
        image_id: Some(id.to_owned()),
        image_location: Some(format!("{}/{name}", call.account)),
        name: Some(name),
        block_device_mappings: Some(mappings),
        state: Some(ImageState::Pending),
        state_reason: None,
        owner_id: Some(call.account.to_string()),
        image_owner_alias: None,
        creation_date: Some(with_millis(call.now)),
        public: Some(false),
        public_ssm_parameter_name: None,
        deprecation_time: None,
        source_image_id: None,
        source_image_region: None,
        source_instance_id: None,
        tags: None,
        ..stored.image.0.clone()
    }
}
