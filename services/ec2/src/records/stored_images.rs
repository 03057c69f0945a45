//! Images on their way into an object, and back from one.

use std::collections::BTreeMap;

use base::Timestamp;
use ec2_api::StoreImageTaskResult;
use serde::{Deserialize, Serialize};
use service::Call;
use store::{Table, Versioned};

use super::Place;
use super::transfers::DiskRecord;
use crate::model::tags::Tags;
use crate::model::transfers::places::ObjectPlace;

/// What the keys of the queue begin with, which are no ids of resources.
pub const STORE: &str = "store/";
pub const RESTORE: &str = "restore/";

/// By image and moment, as `ami-…/00…`.
pub const STORE_TASKS: Table<Place, StoreTaskRecord> = Table::new("ec2.store-image-tasks");

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreState {
    InProgress,
    Completed,
    Failed,
}

impl StoreState {
    pub fn as_str(self) -> &'static str {
        match self {
            StoreState::InProgress => "InProgress",
            StoreState::Completed => "Completed",
            StoreState::Failed => "Failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreTaskRecord {
    /// Whoever asked for it: the object is written with that identity.
    pub call: Call,
    pub image: String,
    pub object: ObjectPlace,
    /// For the object.
    pub tags: Vec<(String, String)>,
    pub gib: i64,
    pub started: Timestamp,
    pub state: StoreState,
    pub percent: u8,
    pub why: Option<String>,
    /// The upload that is under way.
    pub upload: Option<String>,
}

impl Versioned for StoreTaskRecord {
    const VERSION: u16 = 1;
}

impl StoreTaskRecord {
    pub fn key(image: &str, started: Timestamp) -> String {
        format!("{image}/{:020}", started.as_millis())
    }

    pub fn shown(&self) -> StoreImageTaskResult {
        StoreImageTaskResult {
            ami_id: Some(self.image.clone()),
            task_start_time: Some(self.started),
            bucket: Some(self.object.bucket.clone()),
            s3object_key: Some(self.object.key.clone()),
            progress_percentage: Some(i32::from(self.percent)),
            store_task_state: Some(self.state.as_str().to_owned()),
            store_task_failure_reason: self.why.clone(),
        }
    }
}

/// Images that are restored, by their ids.
pub const RESTORES: Table<Place, RestoreRecord> = Table::new("ec2.image-restores");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestoreRecord {
    /// Whoever asked for it: the object is read with that identity.
    pub call: Call,
    pub object: ObjectPlace,
    /// The object is to be the same one when the work is begun again.
    pub etag: Option<String>,
    /// By the snapshots' ids.
    pub snapshot_tags: BTreeMap<String, Tags>,
    /// In the order of the object's snapshots.
    pub disks: Vec<DiskRecord>,
}

impl Versioned for RestoreRecord {
    const VERSION: u16 = 1;
}
