//! An image on its way into an object, as whoever asked for it. Begun again after a crash it writes the object anew, and
//! takes back what was written of it before.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use s3_api::CreateMultipartUploadInput;

use super::disks_in::{disk_trouble, disks};
use super::objects::{Upload, abort};
use super::{Left, Trouble, settle};
use crate::Ec2;
use crate::error::Error;
use crate::limits::{PAGE_MAX, TRANSFERRED_PART_BYTES_MAX, TRANSFERS_LOOK_TIME};
use crate::model::transfers::images::snapshots_of;
use crate::model::transfers::stored::{StoredImage, StoredSnapshot, Writer};
use crate::operations::disk_keys;
use crate::operations::transfers::store_image::forget_old;
use crate::records::images::ImageRecord;
use crate::records::snapshots::SnapshotRecord;
use crate::records::stored_images::{STORE_TASKS, StoreState, StoreTaskRecord};
use crate::records::{Place, Resource};
use crate::resources;

pub async fn advance(ec2: &Ec2, place: &Place, queued: &str, key: &str) -> Result<Left, Error> {
    let found = ec2.store.read(|tx| async move { STORE_TASKS.get(&tx, place, key).await }).await?;
    let Some(record) = found.filter(|record| record.state == StoreState::InProgress) else {
        forget_old(ec2, place).await?;
        return settle(ec2, queued).await;
    };
    let percent = Mutex::new(0);
    let outcome = tokio::select! {
        outcome = store_now(ec2, place, key, &record, &percent) => outcome,
        failed = tell(ec2, place, key, &percent) => return failed.map(|()| Left::More),
    };
    let over = match outcome {
        Ok(()) => (StoreState::Completed, None),
        Err(Trouble::Final(why)) => (StoreState::Failed, Some(why)),
        Err(Trouble::Passing(error)) => return Err(error),
    };
    change(ec2, place, key, &|record| {
        (record.state, record.why) = over.clone();
        record.percent = if over.0 == StoreState::Completed { 100 } else { record.percent };
    })
    .await?;
    Ok(Left::More)
}

/// Writes down how far it is.
async fn tell(ec2: &Ec2, place: &Place, key: &str, percent: &Mutex<u8>) -> Result<(), Error> {
    loop {
        ec2.clock.sleep(TRANSFERS_LOOK_TIME).await;
        let now = *percent.lock();
        change(ec2, place, key, &|record| record.percent = record.percent.max(now)).await?;
    }
}

async fn change(
    ec2: &Ec2,
    place: &Place,
    key: &str,
    how: &(dyn Fn(&mut StoreTaskRecord) + Sync),
) -> Result<(), Error> {
    let changed = ec2.store.transact(|tx| async move {
        let Some(mut record) = STORE_TASKS.get(&tx, place, key).await? else { return Ok(()) };
        how(&mut record);
        Ok::<_, Error>(STORE_TASKS.put(&tx, place, key, &record).await?)
    });
    changed.await
}

async fn store_now(
    ec2: &Ec2,
    place: &Place,
    key: &str,
    record: &StoreTaskRecord,
    percent: &Mutex<u8>,
) -> Result<(), Trouble> {
    let (stored, snapshots) = described(ec2, place, &record.image).await?;
    let client = ec2.aws.as_caller(&record.call).via("ec2.amazonaws.com");
    let (bucket, object) = (&record.object.bucket, &record.object.key);
    if let Some(upload) = &record.upload {
        abort(&client, bucket, object, upload).await;
    }
    let input = CreateMultipartUploadInput {
        bucket: bucket.clone(),
        key: object.clone(),
        content_type: Some("application/octet-stream".to_owned()),
        metadata: Some(metadata(record, &stored)),
        tagging: tagging(&record.tags),
        ..CreateMultipartUploadInput::default()
    };
    let mut upload = Upload::begin(&client, input, TRANSFERRED_PART_BYTES_MAX).await?;
    let id = upload.id.clone();
    change(ec2, place, key, &|record| record.upload = Some(id.clone())).await?;
    let written = write(ec2, place, &stored, &snapshots, &mut upload, percent).await;
    match written {
        Ok(()) => upload.complete().await,
        Err(error) => {
            abort(&client, bucket, object, &id).await;
            Err(error)
        }
    }
}

async fn write(
    ec2: &Ec2,
    place: &Place,
    stored: &StoredImage,
    snapshots: &[SnapshotRecord],
    upload: &mut Upload<'_>,
    percent: &Mutex<u8>,
) -> Result<(), Trouble> {
    let broken = |error: std::io::Error| Trouble::Passing(Error::Internal(Box::new(error)));
    let (mut writer, start) =
        Writer::begin(stored).map_err(|why| Trouble::Passing(Error::Internal(why.into())))?;
    upload.write(&start).await?;
    let driver = disks(ec2)?;
    for (number, snapshot) in snapshots.iter().enumerate() {
        let key = disk_keys::open(ec2, place, snapshot.key.as_ref()).await?;
        let end = u64::try_from(snapshot.gib()).unwrap_or(1).max(1) * 2_048;
        let mut from = 0;
        loop {
            let page = driver.blocks(&snapshot.id, from, PAGE_MAX).await.map_err(disk_trouble)?;
            let Some((last, _)) = page.last_key_value() else { break };
            from = last + 1;
            for block in page.into_keys() {
                let bytes = driver.block(&snapshot.id, key.as_ref(), block).await.map_err(disk_trouble)?;
                let Some(bytes) = bytes.filter(|bytes| bytes.iter().any(|byte| *byte != 0)) else { continue };
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                // Packing takes the processor for a while; others are let in between.
                tokio::task::yield_now().await;
                upload.write(&writer.block(number, block, &bytes).map_err(broken)?).await?;
                let own = 100 * block.min(end) / end;
                let all = (number as u64 * 100 + own) / snapshots.len() as u64;
                *percent.lock() = u8::try_from(all.min(99)).unwrap_or(99);
            }
        }
    }
    upload.write(&writer.end()).await
}

/// What is kept of the image besides its blocks, and its snapshots.
async fn described(
    ec2: &Ec2,
    place: &Place,
    id: &str,
) -> Result<(StoredImage, Vec<SnapshotRecord>), Trouble> {
    let read = ec2.store.read(|tx| async move {
        let Some(image) = ImageRecord::TABLE.get(&tx, place, id).await? else { return Ok(None) };
        let tags = resources::tags(&tx, place, id).await?;
        let (mut snapshots, mut records) = (Vec::new(), Vec::new());
        for snapshot in snapshots_of(&image.shown) {
            let Some(record) = SnapshotRecord::TABLE.get(&tx, place, &snapshot).await? else {
                return Ok(None);
            };
            snapshots.push(StoredSnapshot {
                id: snapshot.clone(),
                gib: record.gib(),
                description: record.shown.description.clone(),
                tags: resources::tags(&tx, place, &snapshot).await?,
            });
            records.push(record);
        }
        Ok::<_, Error>(Some((StoredImage { image: image.shown, tags, snapshots }, records)))
    });
    let gone = || Trouble::Final("The image or one of its snapshots is not there any more".to_owned());
    read.await?.ok_or_else(gone)
}

/// "AMI name, AMI description, AMI registration date, AMI owner account, and a timestamp for the store operation".
fn metadata(record: &StoreTaskRecord, stored: &StoredImage) -> BTreeMap<String, String> {
    let image = &stored.image;
    // Headers have no other letters.
    let plain = |text: Option<&String>| {
        let signs = text.map(String::as_str).unwrap_or_default().chars();
        signs.map(|sign| if (' '..='~').contains(&sign) { sign } else { '?' }).collect::<String>()
    };
    BTreeMap::from([
        ("ami-name".to_owned(), plain(image.name.as_ref())),
        ("ami-description".to_owned(), plain(image.description.as_ref())),
        ("ami-registration-date".to_owned(), plain(image.creation_date.as_ref())),
        ("ami-owner-account".to_owned(), plain(image.owner_id.as_ref())),
        ("ami-store-date".to_owned(), record.started.to_iso8601()),
    ])
}

/// As a query, as S3 takes the tags of a new object.
fn tagging(tags: &[(String, String)]) -> Option<String> {
    let encoded = |text: &str| {
        let mut out = String::new();
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    out.push(char::from(byte))
                }
                _ => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    };
    let pairs: Vec<String> =
        tags.iter().map(|(key, value)| format!("{}={}", encoded(key), encoded(value))).collect();
    (!pairs.is_empty()).then(|| pairs.join("&"))
}
