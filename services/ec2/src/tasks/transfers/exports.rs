//! An image on its way out: its root is taken out of the snapshot into a file, which is made one of another format and
//! written to the bucket by the role.
//!
//! Begun again after a crash it writes the object anew, and takes back what was written of it before.

use s3_api::CreateMultipartUploadInput;

use super::disks_in::{take_out, trouble};
use super::objects::{Upload, abort};
use super::{Left, Trouble, settle};
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::BLOCK_BYTES;
use crate::limits::{
    TRANSFERRED_PART_BYTES_MAX, TRANSFERRED_PART_BYTES_MIN, TRANSFERRED_PARTS_MAX, TRANSFERS_LOOK_TIME,
};
use crate::model::transfers::states::Status;
use crate::operations::disk_keys;
use crate::operations::transfers::role;
use crate::records::transfers::{ExportRecord, end};
use crate::records::{Place, Resource};
use crate::resources;

/// How far it is: the message, and the percentage.
struct Progress {
    now: parking_lot::Mutex<(&'static str, u8)>,
    /// Held while an upload is begun and written down: an export that is cancelled meanwhile goes on until both are done,
    /// or nobody would know what is to be taken back.
    beginning: tokio::sync::Mutex<()>,
}

impl Progress {
    fn set(&self, message: &'static str, percent: u8) {
        *self.now.lock() = (message, percent);
    }
}

pub async fn advance(ec2: &Ec2, place: &Place, id: &str) -> Result<Left, Error> {
    let found = ec2.store.read(|tx| async move { ExportRecord::TABLE.get(&tx, place, id).await }).await?;
    let Some(record) = found else { return settle(ec2, id).await };
    match record.status {
        Status::Completed | Status::Deleted => settle(ec2, id).await,
        Status::Deleting => take_back(ec2, place, &record).await,
        Status::Active => {
            let progress =
                Progress { now: parking_lot::Mutex::new(("validating", 0)), beginning: Default::default() };
            let outcome = tokio::select! {
                outcome = export(ec2, place, &record, &progress) => outcome,
                cancelled = watch(ec2, place, id, &progress) => {
                    cancelled?;
                    return Ok(Left::More);
                }
            };
            ec2.conversions.forget(id).await;
            match outcome {
                Ok(()) => change(ec2, place, id, &|record| {
                    record.status = Status::Completed;
                    record.message = None;
                    record.upload = None;
                })
                .await
                .map(|()| Left::Nothing),
                Err(Trouble::Final(why)) => {
                    change(ec2, place, id, &|record| record.give_up(why.clone())).await.map(|()| Left::More)
                }
                Err(Trouble::Passing(error)) => Err(error),
            }
        }
    }
}

async fn export(ec2: &Ec2, place: &Place, record: &ExportRecord, progress: &Progress) -> Result<(), Trouble> {
    let (draft, key) = (record.id.as_str(), record.object_key());
    let client = role::assume(ec2, place, &record.role).await?;
    if let Some(upload) = &record.upload {
        abort(&client, &record.bucket, &key, upload).await;
    }
    let bytes = u64::try_from(record.gib).unwrap_or(1) << 30;
    ec2.conversions.forget(draft).await;
    ec2.conversions.begin(draft, bytes).await.map_err(trouble)?;
    let data_key = disk_keys::open(ec2, place, record.key.as_ref()).await?;
    take_out(ec2, (&record.snapshot, data_key.as_ref()), draft, bytes, &|block| {
        progress.set("converting", percent(0, 50, block, bytes / BLOCK_BYTES));
    })
    .await?;
    let length = ec2.conversions.give_out(draft, record.format).await.map_err(trouble)?;
    let input = CreateMultipartUploadInput { bucket: record.bucket.clone(), key, ..Default::default() };
    let beginning = progress.beginning.lock().await;
    let mut upload = Upload::begin(&client, input, part_bytes(length)).await?;
    note_upload(ec2, place, &record.id, &upload.id).await?;
    drop(beginning);
    progress.set("uploading", 60);
    let mut from = 0;
    while from < length {
        let piece = ec2.conversions.given(draft, from, TRANSFERRED_PART_BYTES_MIN).await.map_err(trouble)?;
        if piece.is_empty() {
            return Err(Trouble::Final("ServerError: The file ended early".to_owned()));
        }
        upload.write(&piece).await?;
        from += piece.len() as u64;
        progress.set("uploading", percent(60, 99, from, length));
    }
    upload.complete().await
}

fn percent(start: u64, end: u64, done: u64, total: u64) -> u8 {
    let part = (end - start) * done.min(total) / total.max(1);
    u8::try_from(start + part).unwrap_or(99)
}

/// Parts are as small as their greatest number allows.
fn part_bytes(length: u64) -> usize {
    let least = length.div_ceil(TRANSFERRED_PARTS_MAX as u64);
    usize::try_from(least).unwrap_or(usize::MAX).clamp(TRANSFERRED_PART_BYTES_MIN, TRANSFERRED_PART_BYTES_MAX)
}

/// Writes down how far it is, and returns when it is not to go on.
async fn watch(ec2: &Ec2, place: &Place, id: &str, progress: &Progress) -> Result<(), Error> {
    loop {
        ec2.clock.sleep(TRANSFERS_LOOK_TIME).await;
        let (message, percent) = *progress.now.lock();
        let goes_on = ec2.store.transact(|tx| async move {
            let Some(mut record) = ExportRecord::TABLE.get(&tx, place, id).await? else { return Ok(false) };
            if record.status != Status::Active {
                return Ok(false);
            }
            if record.percent < percent {
                (record.percent, record.message) = (percent, Some(message.to_owned()));
                resources::put(&tx, place, &record).await?;
            }
            Ok::<_, Error>(true)
        });
        if !goes_on.await? {
            let _begun = progress.beginning.lock().await;
            return Ok(());
        }
    }
}

/// Writes down which upload was begun, also of one that was cancelled meanwhile: it is taken back.
async fn note_upload(ec2: &Ec2, place: &Place, id: &str, upload: &str) -> Result<(), Error> {
    let noted = ec2.store.transact(|tx| async move {
        let Some(mut record) = ExportRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.upload = Some(upload.to_owned());
        resources::put(&tx, place, &record).await
    });
    noted.await
}

/// Changes the record of one that is still active.
async fn change(
    ec2: &Ec2,
    place: &Place,
    id: &str,
    how: &(dyn Fn(&mut ExportRecord) + Sync),
) -> Result<(), Error> {
    let now = ec2.clock.now();
    let changed = ec2.store.transact(|tx| async move {
        let Some(mut record) = ExportRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.status != Status::Active {
            return Ok(());
        }
        how(&mut record);
        if record.status == Status::Completed {
            end(&tx, place, id, now).await?;
        }
        resources::put(&tx, place, &record).await
    });
    changed.await
}

/// "The request removes all artifacts of the export, including any partially-created Amazon S3 objects."
async fn take_back(ec2: &Ec2, place: &Place, record: &ExportRecord) -> Result<Left, Error> {
    ec2.conversions.forget(&record.id).await;
    if let Some(upload) = &record.upload {
        match role::assume(ec2, place, &record.role).await {
            Ok(client) => abort(&client, &record.bucket, &record.object_key(), upload).await,
            Err(error) => tracing::warn!(task = record.id, %error, "parts of an export stay behind"),
        }
    }
    let (id, now) = (record.id.as_str(), ec2.clock.now());
    let gone = ec2.store.transact(|tx| async move {
        end(&tx, place, id, now).await?;
        let Some(mut record) = ExportRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.status = Status::Deleted;
        record.upload = None;
        resources::put(&tx, place, &record).await
    });
    gone.await?;
    Ok(Left::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_few_enough_for_an_object() {
        for (length, expected) in [(0, 8 << 20), (1 << 30, 8 << 20), (200 << 30, 21_474_837)] {
            assert_eq!(part_bytes(length), expected);
        }
        assert_eq!(part_bytes(1 << 50), TRANSFERRED_PART_BYTES_MAX);
        assert_eq!(percent(60, 99, 1, 1), 99);
    }
}
