//! Snapshots of volumes. Their locks, tiers and fast restores lie beside them (`snapshot_states.rs`).

use base::{AccountId, Timestamp};
use ec2_api::{CreateVolumePermission, Snapshot, SnapshotState};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::instances::PlaceRecord;
use super::{Place, Resource};
use crate::kind::{Kind, SNAPSHOT};
use crate::model::filter::Values;
use crate::model::snapshots;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    pub id: String,
    /// Without its tags and its storage tier: those are added when it is shown.
    pub shown: Kept<Snapshot>,
    /// The data key of an encrypted snapshot, as KMS sealed it.
    pub key: Option<SealedKey>,
    /// Who may create volumes from it, besides its owner.
    pub permissions: Vec<Kept<CreateVolumePermission>>,
    /// The snapshot it lies on top of, where it was written block by block.
    pub parent: Option<String>,
    /// The engine was told; before, nothing is known of it there.
    pub begun: bool,
    /// What only this snapshot holds, when it was completed: that is paid for.
    pub own_bytes: Option<u64>,
}

/// A data key of 256 bits that KMS sealed. EC2 may have it opened by a grant which bears the name of `bound_to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    /// The KMS key's.
    pub key_arn: String,
    pub sealed: Vec<u8>,
    /// The volume or snapshot that it was made for: `aws:ebs:id` of its encryption context.
    pub bound_to: String,
    /// Whose volume or snapshot that is.
    pub owner: AccountId,
}

impl Versioned for SnapshotRecord {
    const VERSION: u16 = 1;
}

impl SnapshotRecord {
    pub fn gib(&self) -> i64 {
        self.shown.volume_size.map_or(0, i64::from)
    }

    pub fn state(&self) -> SnapshotState {
        self.shown.state.clone().unwrap_or(SnapshotState::Pending)
    }

    /// When it was; nothing for one that is pending or failed.
    pub fn completed(&self) -> Option<Timestamp> {
        self.shown.completion_time.filter(|_| self.state() == SnapshotState::Completed)
    }

    pub fn permissions(&self) -> Vec<CreateVolumePermission> {
        self.permissions.iter().map(|permission| permission.0.clone()).collect()
    }
}

impl Resource for SnapshotRecord {
    const TABLE: Table<Place, SnapshotRecord> = Table::new("ec2.snapshots");
    const KIND: &'static Kind = &SNAPSHOT;
    const FILTERS: &'static [&'static str] = snapshots::FILTERS;

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        snapshots::value(&self.shown, name)
    }
}

/// Where every snapshot is, by its id: ARNs of snapshots name no account.
pub const SNAPSHOT_PLACES: Table<(), PlaceRecord> = Table::new("ec2.snapshot-places");

/// Those that others may create volumes from, as `us-east-1/snap-…`.
pub const SHARED_SNAPSHOTS: Table<(), PlaceRecord> = Table::new("ec2.shared-snapshots");
