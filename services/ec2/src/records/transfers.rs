//! Disks and images on their way in and out: a task each, and the queue of those that something is to be done for.

use base::Timestamp;
use ec2_api::*;
use serde::{Deserialize, Serialize};
use store::{Table, Tx, Versioned};

use super::instances::PlaceRecord;
use super::snapshots::SealedKey;
use super::{Place, Resource};
use crate::error::Error;
use crate::ground::conversions::DiskFormat;
use crate::kind::{EXPORT_IMAGE_TASK, IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK, Kind};
use crate::model::filter::Values;
use crate::model::transfers::format_name;
use crate::model::transfers::places::ObjectPlace;
use crate::model::transfers::states::{Phase, Stage, Status};

/// Tasks that something is to be done for, by their ids.
pub const TRANSFERS: Table<(), PlaceRecord> = Table::new("ec2.transfers");

pub async fn enqueue(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    Ok(TRANSFERS.put(tx, &(), id, &PlaceRecord::of(place)).await?)
}

/// Tasks that are over, in the order in which they ended: each is shown for a while.
pub const ENDED: Table<(), PlaceRecord> = Table::new("ec2.transfers-ended");

/// The task is over: nothing is to be done for it until it is forgotten.
pub async fn end(tx: &Tx, place: &Place, id: &str, now: Timestamp) -> Result<(), Error> {
    TRANSFERS.delete(tx, &(), id).await?;
    let key = format!("{}/{id}", ended_key(now));
    Ok(ENDED.put(tx, &(), &key, &PlaceRecord::of(place)).await?)
}

/// What the keys of tasks begin with that ended in this moment: they are in order.
pub fn ended_key(at: Timestamp) -> String {
    format!("{:020}", at.as_millis())
}

/// Where a disk comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DiskSource {
    /// An object, and the URL that it was named by.
    Object {
        place: ObjectPlace,
        url: Option<String>,
    },
    Snapshot {
        id: String,
        key: Option<SealedKey>,
    },
}

/// One disk on its way in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiskRecord {
    /// The snapshot that it becomes.
    pub snapshot: String,
    /// That snapshot's data key.
    pub key: Option<SealedKey>,
    pub source: DiskSource,
    pub description: Option<String>,
    pub device: Option<String>,
    /// As it was said; afterwards, as it was found.
    pub format: Option<DiskFormat>,
    /// Of the object, so that it is the same one when the work is begun again.
    pub etag: Option<String>,
    /// Of the object.
    pub file_bytes: Option<u64>,
    /// Of the volume.
    pub gib: Option<i64>,
    pub stage: Stage,
}

impl DiskRecord {
    fn user_bucket(&self) -> Option<UserBucketDetails> {
        match &self.source {
            DiskSource::Object { place, url: None } => Some(UserBucketDetails {
                s3_bucket: Some(place.bucket.clone()),
                s3_key: Some(place.key.clone()),
            }),
            _ => None,
        }
    }

    fn url(&self) -> Option<String> {
        match &self.source {
            DiskSource::Object { url, .. } => url.clone(),
            DiskSource::Snapshot { .. } => None,
        }
    }

    fn shown_snapshot(&self) -> Option<String> {
        (self.stage > Stage::Waiting).then(|| self.snapshot.clone())
    }

    fn shown_size(&self) -> Option<f64> {
        self.file_bytes.map(|bytes| bytes as f64)
    }

    fn format_name(&self) -> Option<String> {
        self.format.map(|format| format_name(format).to_owned())
    }

    /// As a part of an image.
    fn detail(&self, status: Status) -> SnapshotDetail {
        let done = self.stage == Stage::Done;
        SnapshotDetail {
            description: self.description.clone(),
            device_name: self.device.clone(),
            disk_image_size: self.shown_size(),
            format: self.format_name(),
            snapshot_id: self.shown_snapshot(),
            status: Some(if done { "completed" } else { status.as_str() }.to_owned()),
            url: self.url(),
            user_bucket: self.user_bucket(),
            ..SnapshotDetail::default()
        }
    }
}

/// What imports of snapshots and of images have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Import {
    pub description: Option<String>,
    /// The name of the role that reads the objects.
    pub role: String,
    pub disks: Vec<DiskRecord>,
    pub status: Status,
    pub phase: Phase,
    /// Why it was cancelled or failed.
    pub why: Option<String>,
    pub percent: u8,
}

impl Import {
    pub fn new(description: Option<String>, role: String, disks: Vec<DiskRecord>) -> Import {
        Import {
            description,
            role,
            disks,
            status: Status::Active,
            phase: Phase::Pending,
            why: None,
            percent: Phase::Pending.percent(0, 1),
        }
    }

    pub fn message(&self) -> Option<String> {
        match self.status {
            Status::Active => Some(self.phase.as_str().to_owned()),
            Status::Deleting | Status::Deleted => self.why.clone(),
            Status::Completed => None,
        }
    }

    pub fn progress(&self) -> Option<String> {
        (self.status == Status::Active).then(|| self.percent.to_string())
    }

    /// What was begun is to be taken away, for this reason.
    pub fn give_up(&mut self, why: Option<String>) {
        self.status = Status::Deleting;
        self.why = why;
    }
}

/// An import of either kind.
pub trait ImportTask: Resource {
    fn import(&self) -> &Import;
    fn import_mut(&mut self) -> &mut Import;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotImportRecord {
    pub id: String,
    pub import: Import,
}

impl Versioned for SnapshotImportRecord {
    const VERSION: u16 = 1;
}

impl SnapshotImportRecord {
    pub fn shown(&self) -> SnapshotTaskDetail {
        let Import { disks, status, .. } = &self.import;
        let disk = disks.first();
        SnapshotTaskDetail {
            description: disk.and_then(|disk| disk.description.clone()),
            disk_image_size: disk.and_then(DiskRecord::shown_size),
            encrypted: Some(disk.is_some_and(|disk| disk.key.is_some())),
            format: disk.and_then(DiskRecord::format_name),
            kms_key_id: disk.and_then(|disk| disk.key.as_ref()).map(|key| key.key_arn.clone()),
            progress: self.import.progress(),
            snapshot_id: disk.and_then(DiskRecord::shown_snapshot).filter(|_| *status != Status::Deleted),
            status: Some(status.as_str().to_owned()),
            status_message: self.import.message(),
            url: disk.and_then(DiskRecord::url),
            user_bucket: disk.and_then(DiskRecord::user_bucket),
        }
    }
}

impl Resource for SnapshotImportRecord {
    const TABLE: Table<Place, SnapshotImportRecord> = Table::new("ec2.snapshot-imports");
    const KIND: &'static Kind = &IMPORT_SNAPSHOT_TASK;
    const FILTERS: &'static [&'static str] = &["task-state"];

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        (name == "task-state").then(|| vec![self.import.status.as_str().to_owned()])
    }
}

impl ImportTask for SnapshotImportRecord {
    fn import(&self) -> &Import {
        &self.import
    }

    fn import_mut(&mut self) -> &mut Import {
        &mut self.import
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageImportRecord {
    pub id: String,
    pub import: Import,
    /// The image that it became.
    pub image: Option<String>,
    /// As it was said; afterwards, as it was found.
    pub architecture: Option<String>,
    pub boot_mode: Option<String>,
}

impl Versioned for ImageImportRecord {
    const VERSION: u16 = 1;
}

impl ImageImportRecord {
    pub fn shown(&self) -> ImportImageTask {
        let Import { disks, status, description, .. } = &self.import;
        let key = disks.first().and_then(|disk| disk.key.as_ref());
        ImportImageTask {
            architecture: self.architecture.clone(),
            description: description.clone(),
            encrypted: Some(key.is_some()),
            image_id: self.image.clone(),
            import_task_id: Some(self.id.clone()),
            kms_key_id: key.map(|key| key.key_arn.clone()),
            license_type: Some("BYOL".to_owned()),
            platform: Some("Linux".to_owned()),
            progress: self.import.progress(),
            snapshot_details: Some(disks.iter().map(|disk| disk.detail(*status)).collect()),
            status: Some(status.as_str().to_owned()),
            status_message: self.import.message(),
            usage_operation: Some("RunInstances".to_owned()),
            boot_mode: self.boot_mode.as_deref().map(BootModeValues::from),
            ..ImportImageTask::default()
        }
    }
}

impl Resource for ImageImportRecord {
    const TABLE: Table<Place, ImageImportRecord> = Table::new("ec2.image-import-tasks");
    const KIND: &'static Kind = &IMPORT_IMAGE_TASK;
    const FILTERS: &'static [&'static str] = &["task-state"];

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        (name == "task-state").then(|| vec![self.import.status.as_str().to_owned()])
    }
}

impl ImportTask for ImageImportRecord {
    fn import(&self) -> &Import {
        &self.import
    }

    fn import_mut(&mut self) -> &mut Import {
        &mut self.import
    }
}

/// An image on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportRecord {
    pub id: String,
    pub image: String,
    pub description: Option<String>,
    pub format: DiskFormat,
    /// The name of the role that writes the object.
    pub role: String,
    pub bucket: String,
    pub prefix: String,
    /// Of the root, with its data key.
    pub snapshot: String,
    pub key: Option<SealedKey>,
    pub gib: i64,
    /// The upload that is under way.
    pub upload: Option<String>,
    pub status: Status,
    pub message: Option<String>,
    pub percent: u8,
}

impl Versioned for ExportRecord {
    const VERSION: u16 = 1;
}

impl ExportRecord {
    /// "The final destination is [s3_prefix][task id].[format]".
    pub fn object_key(&self) -> String {
        format!("{}{}.{}", self.prefix, self.id, format_name(self.format).to_ascii_lowercase())
    }

    pub fn give_up(&mut self, why: String) {
        self.status = Status::Deleting;
        self.message = Some(why);
    }

    pub fn shown(&self) -> ExportImageTask {
        let is_active = self.status == Status::Active;
        ExportImageTask {
            description: self.description.clone(),
            export_image_task_id: Some(self.id.clone()),
            image_id: Some(self.image.clone()),
            progress: is_active.then(|| self.percent.to_string()),
            s3_export_location: Some(ExportTaskS3Location {
                s3_bucket: Some(self.bucket.clone()),
                s3_prefix: Some(self.prefix.clone()).filter(|prefix| !prefix.is_empty()),
            }),
            status: Some(self.status.as_str().to_owned()),
            status_message: self.message.clone(),
            ..ExportImageTask::default()
        }
    }
}

impl Resource for ExportRecord {
    const TABLE: Table<Place, ExportRecord> = Table::new("ec2.image-exports");
    const KIND: &'static Kind = &EXPORT_IMAGE_TASK;
    const FILTERS: &'static [&'static str] = &["task-state"];

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        (name == "task-state").then(|| vec![self.status.as_str().to_owned()])
    }
}
