//! Replacements of root volumes: tasks, each of one instance.

use base::Timestamp;
use ec2_api::{Image, ReplaceRootVolumeTask, ReplaceRootVolumeTaskState};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::volumes::AttachmentRecord;
use super::{Place, Resource};
use crate::kind::{Kind, REPLACE_ROOT_VOLUME_TASK};
use crate::model::filter::{Values, maybe};
use crate::model::tags::{Tags, shown as shown_tags};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootReplacementRecord {
    pub id: String,
    pub instance: String,
    pub started: Timestamp,
    pub completed: Option<Timestamp>,
    pub stage: Stage,
    /// What was asked for.
    pub image: Option<String>,
    pub snapshot: Option<String>,
    /// The volume that becomes the root.
    pub volume: String,
    /// It was made for this, and goes if the replacement fails.
    pub is_new: bool,
    /// How it is attached.
    pub attachment: AttachmentRecord,
    /// The volume that was the root, and how it was attached.
    pub replaced: String,
    pub replaced_attachment: AttachmentRecord,
    pub deletes: bool,
    /// What the instance shows of its new image.
    pub becomes: Option<Kept<Image>>,
}

/// How far a replacement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The replacement volume is being created.
    Pending,
    /// The machine is stopped, one volume goes, the other comes, the machine starts.
    InProgress,
    /// The machine starts again with what it had.
    Failing,
    Succeeded,
    Failed,
    /// What the instance had is not its any more.
    FailedDetached,
}

impl Stage {
    fn shown(self) -> ReplaceRootVolumeTaskState {
        match self {
            Stage::Pending => ReplaceRootVolumeTaskState::Pending,
            Stage::InProgress => ReplaceRootVolumeTaskState::InProgress,
            Stage::Failing => ReplaceRootVolumeTaskState::Failing,
            Stage::Succeeded => ReplaceRootVolumeTaskState::Succeeded,
            Stage::Failed => ReplaceRootVolumeTaskState::Failed,
            Stage::FailedDetached => ReplaceRootVolumeTaskState::FailedDetached,
        }
    }
}

impl RootReplacementRecord {
    pub fn shown(&self, tags: &Tags) -> ReplaceRootVolumeTask {
        ReplaceRootVolumeTask {
            replace_root_volume_task_id: Some(self.id.clone()),
            instance_id: Some(self.instance.clone()),
            task_state: Some(self.stage.shown()),
            start_time: Some(self.started.to_iso8601()),
            complete_time: self.completed.map(Timestamp::to_iso8601),
            tags: Some(shown_tags(tags)),
            image_id: self.image.clone(),
            snapshot_id: self.snapshot.clone(),
            delete_replaced_root_volume: Some(self.deletes),
        }
    }
}

impl Versioned for RootReplacementRecord {
    const VERSION: u16 = 1;
}

impl Resource for RootReplacementRecord {
    const TABLE: Table<Place, RootReplacementRecord> = Table::new("ec2.root-replacements");
    const KIND: &'static Kind = &REPLACE_ROOT_VOLUME_TASK;
    const FILTERS: &'static [&'static str] = &["instance-id"];

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "instance-id" => maybe(Some(&self.instance)),
            _ => None,
        }
    }
}
