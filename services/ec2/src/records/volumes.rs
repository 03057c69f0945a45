//! Volumes: what was asked for, and how far it has come.
//!
//! What a volume is shown as changes in few places: `operations/volumes` and `tasks/volumes.rs`. A root volume is a
//! volume like any other, whose device is the root device's name of its instance's image.

use base::Timestamp;
use ec2_api::{Volume, VolumeModification};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Select, Table, Tx, Versioned};

use super::instances::PlaceRecord;
use super::snapshots::SealedKey;
use super::{Place, Resource};
use crate::error::Error;
use crate::kind::{Kind, VOLUME};
use crate::limits::{ATTACHED_VOLUMES_MAX, PAGE_MAX};
use crate::model::filter::Values;
use crate::model::volumes::{self, State};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VolumeRecord {
    pub id: String,
    /// Without its state, attachments and tags: those are added when it is shown.
    pub shown: Kept<Volume>,
    pub state: State,
    /// When the state began.
    pub since: Timestamp,
    pub attachment: Option<AttachmentRecord>,
    /// The data key of an encrypted volume, as KMS sealed it.
    pub key: Option<SealedKey>,
    /// That of the snapshot which it begins with, while the volume is being created.
    pub snapshot_key: Option<SealedKey>,
    /// The last change of its size, type or pace.
    pub modification: Option<Kept<VolumeModification>>,
    /// When changes began within the last day.
    pub modified: Vec<Timestamp>,
    /// `autoEnableIO`
    pub auto_enable_io: bool,
    /// The host's disk is full, and whoever writes waits, since then.
    pub stalled: Option<Timestamp>,
    /// What it is served by was lost under its instance: what was not synced may be missing.
    #[serde(default)]
    pub doubt: Option<Doubt>,
}

/// Data that may be inconsistent. The volume is out of use until somebody, or its own setting, says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doubt {
    pub since: Timestamp,
    /// Since when it is used again.
    pub ended: Option<Timestamp>,
    /// By `autoEnableIO`, at once.
    pub by_itself: bool,
    /// It is still to be given to its instance again.
    pub returns: bool,
}

/// A volume on its way to an instance, there, or on its way back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachmentRecord {
    pub instance: String,
    /// `/dev/sdf`, as the caller named it.
    pub device: String,
    pub at: Timestamp,
    pub delete_on_termination: bool,
    pub step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    Attaching,
    Attached,
    Detaching {
        /// Whoever has it open loses it.
        forced: bool,
    },
    /// The guest has it mounted: it is still being detached.
    Busy,
}

impl Versioned for VolumeRecord {
    const VERSION: u16 = 1;
}

impl VolumeRecord {
    pub fn gib(&self) -> i32 {
        self.shown.size.unwrap_or_default()
    }

    pub fn bytes(&self) -> u64 {
        u64::try_from(self.gib()).unwrap_or_default() << 30
    }

    pub fn zone(&self) -> &str {
        self.shown.availability_zone.as_deref().unwrap_or_default()
    }

    /// Whether it is out of use since its data may be inconsistent.
    pub fn is_cut(&self) -> bool {
        self.doubt.as_ref().is_some_and(|doubt| doubt.ended.is_none())
    }

    pub fn is_attached_to(&self, instance: &str) -> bool {
        self.attachment.as_ref().is_some_and(|attachment| attachment.instance == instance)
    }
}

impl Resource for VolumeRecord {
    const TABLE: Table<Place, VolumeRecord> = Table::new("ec2.volumes");
    const KIND: &'static Kind = &VOLUME;
    const FILTERS: &'static [&'static str] = volumes::FILTERS;

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        volumes::value(self, name)
    }
}

/// Where every volume is, by its id.
pub const VOLUME_PLACES: Table<(), PlaceRecord> = Table::new("ec2.volume-places");

/// Volumes and snapshots that the disks' task has something to do for, by their ids: those without a record are to be
/// taken away.
pub const BUSY_DISKS: Table<(), PlaceRecord> = Table::new("ec2.busy-disks");

/// The volumes of instances, as `i-…/vol-…`.
pub const ATTACHED: Table<Place, AttachedRecord> = Table::new("ec2.attached-volumes");

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttachedRecord {}

impl Versioned for AttachedRecord {
    const VERSION: u16 = 1;
}

pub fn attached_key(instance: &str, volume: &str) -> String {
    format!("{instance}/{volume}")
}

/// The volumes that an instance has, gets or loses, by their ids.
pub async fn of_instance(tx: &Tx, place: &Place, instance: &str) -> Result<Vec<VolumeRecord>, Error> {
    let prefix = attached_key(instance, "");
    let page = ATTACHED.scan(tx, place, Select::prefix(&prefix), ATTACHED_VOLUMES_MAX).await?;
    let mut found = Vec::new();
    for (key, _) in page.records {
        found.extend(VolumeRecord::TABLE.get(tx, place, &key[prefix.len()..]).await?);
    }
    Ok(found)
}

/// Changes a volume's record, and what follows from it.
pub async fn put(tx: &Tx, place: &Place, record: &VolumeRecord) -> Result<(), Error> {
    Ok(VolumeRecord::TABLE.put(tx, place, &record.id, record).await?)
}

/// Gives the disks' task something to do for a volume or snapshot.
pub async fn mark_busy(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    Ok(BUSY_DISKS.put(tx, &(), id, &PlaceRecord::of(place)).await?)
}

/// A page of all volumes there are, of all accounts and regions.
pub async fn some_places(
    tx: &Tx,
    after: Option<&str>,
) -> Result<(Vec<(String, PlaceRecord)>, Option<String>), Error> {
    let page = VOLUME_PLACES.scan(tx, &(), Select::ALL.after(after), PAGE_MAX).await?;
    Ok((page.records, page.next))
}
