//! Snapshots that do not come from a volume: copies, and those written block by block.

use ec2_api::{SSEType, Snapshot, SnapshotState, TransferType};
use service::{Call, Kept};
use store::Tx;

use super::disk_keys;
use crate::Ec2;
use crate::error::Error;
use crate::ground::disks::{DataKey, Disks};
use crate::model::tags::Tags;
use crate::records::instances::PlaceRecord;
use crate::records::snapshots::{SNAPSHOT_PLACES, SealedKey, SnapshotRecord};
use crate::records::volumes::mark_busy;
use crate::records::{Place, Resource};
use crate::resources;

/// What snapshots show that come from no volume.
pub const NO_VOLUME: &str = "vol-ffffffff";

/// What is said of a new snapshot.
#[derive(Clone, Debug)]
pub struct New {
    pub id: String,
    pub gib: i64,
    pub description: String,
    pub key: Option<SealedKey>,
    pub parent: Option<String>,
    /// Of a copy: `CompletionDurationMinutes`.
    pub minutes: Option<i32>,
    pub is_copy: bool,
}

/// A new data key.
pub struct Made {
    pub record: SealedKey,
    pub plain: DataKey,
}

/// What keeps the blocks.
pub fn disks(ec2: &Ec2) -> Result<&dyn Disks, Error> {
    let lacking = || Error::Internal("this cloud runs without a driver for disks".into());
    ec2.disk_driver.as_deref().ok_or_else(lacking)
}

/// Keeps a new snapshot that is pending. The engine knows already of one that is written block by block.
pub async fn put_new(tx: &Tx, call: &Call, new: &New, tags: &Tags) -> Result<(), Error> {
    let place = &call.scope();
    let transfer = match new.minutes {
        Some(_) => TransferType::TimeBased,
        None => TransferType::Standard,
    };
    let shown = Snapshot {
        snapshot_id: Some(new.id.clone()),
        volume_id: Some(NO_VOLUME.to_owned()),
        state: Some(SnapshotState::Pending),
        progress: Some("0%".to_owned()),
        start_time: Some(call.now),
        owner_id: Some(call.account.to_string()),
        description: Some(new.description.clone()),
        volume_size: i32::try_from(new.gib).ok(),
        encrypted: Some(new.key.is_some()),
        kms_key_id: new.key.as_ref().map(|key| key.key_arn.clone()),
        completion_duration_minutes: new.minutes,
        transfer_type: new.is_copy.then_some(transfer),
        sse_type: new.key.as_ref().map(|_| SSEType::SseKms),
        ..Snapshot::default()
    };
    let record = SnapshotRecord {
        id: new.id.clone(),
        shown: Kept(shown),
        key: new.key.clone(),
        permissions: Vec::new(),
        parent: new.parent.clone(),
        // A copy is begun after it is kept.
        begun: !new.is_copy,
        own_bytes: None,
    };
    SNAPSHOT_PLACES.put(tx, &(), &new.id, &PlaceRecord::of(place)).await?;
    mark_busy(tx, place, &new.id).await?;
    resources::create(tx, place, &record, tags).await
}

/// The engine knows of a copy now.
pub async fn begun(ec2: &Ec2, place: &Place, id: &str) -> Result<(), Error> {
    let told = ec2.store.transact(|tx| async move {
        let Some(mut record) = SnapshotRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.begun = true;
        mark_busy(&tx, place, id).await?;
        resources::put(&tx, place, &record).await
    });
    told.await
}

/// A pending snapshot becomes an error, for this reason.
pub async fn fail(ec2: &Ec2, place: &Place, id: &str, why: &str) -> Result<(), Error> {
    let failed = ec2.store.transact(|tx| async move {
        let Some(mut record) = SnapshotRecord::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        if record.state() != SnapshotState::Pending {
            return Ok(());
        }
        record.shown.0.state = Some(SnapshotState::Error);
        record.shown.0.state_message = Some(why.to_owned());
        resources::put(&tx, place, &record).await
    });
    failed.await?;
    ec2.images.nudge();
    Ok(())
}

/// How many copies to a region are under way.
pub async fn pending_copies(tx: &Tx, place: &Place) -> Result<usize, Error> {
    let all: Vec<SnapshotRecord> = resources::all(tx, place).await?;
    let is_copy =
        |one: &&SnapshotRecord| one.state() == SnapshotState::Pending && one.shown.transfer_type.is_some();
    Ok(all.iter().filter(is_copy).count())
}

/// A data key for a new snapshot: what is kept of it, and what the engine is given.
pub async fn make_key(ec2: &Ec2, call: &Call, id: &str, kms_key: &str) -> Result<Made, Error> {
    let record = disk_keys::seal(ec2, call, kms_key, id).await?;
    let plain = disk_keys::open_as_caller(ec2, call, &record).await?;
    Ok(Made { record, plain })
}
