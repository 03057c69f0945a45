//! Snapshots in the bin.

use base::{Arn, Timestamp};
use ec2_api::*;
use service::Call;
use store::Tx;

use std::time::Duration;

use super::list;
use crate::Ec2;
use crate::error::Error;
use crate::kind::SNAPSHOT;
use crate::operations::lists::Asked;
use crate::operations::snapshot_finding::arn;
use crate::records::instances::PlaceRecord;
use crate::records::recycle_bin::{BinRecord, put_in, take_out};
use crate::records::snapshot_states::{TIERS, forget};
use crate::records::snapshots::{SHARED_SNAPSHOTS, SnapshotRecord};
use crate::records::{Place, Resource};

pub fn by_restore(
    _: &Ec2,
    call: &Call,
    input: &RestoreSnapshotFromRecycleBinInput,
) -> Result<Vec<Arn>, Error> {
    SNAPSHOT.check(&input.snapshot_id)?;
    Ok(vec![arn(call, &input.snapshot_id)])
}

pub fn by_list(_: &Ec2, call: &Call, _: &ListSnapshotsInRecycleBinInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, "*")])
}

/// Others see it no longer, and fast restores of it end; its tier stays.
pub async fn retain(
    tx: &Tx,
    place: &Place,
    record: &SnapshotRecord,
    now: Timestamp,
    time: Duration,
) -> Result<(), Error> {
    let id = record.id();
    let tier = TIERS.get(tx, place, id).await?;
    forget(tx, place, id).await?;
    if let Some(tier) = tier {
        TIERS.put(tx, place, id, &tier).await?;
    }
    SHARED_SNAPSHOTS.delete(tx, &(), &format!("{}/{id}", place.1)).await?;
    put_in(tx, place, record, now, time).await
}

/// Shared again with whom it was shared before.
pub async fn restore_snapshot_from_recycle_bin(
    ec2: &Ec2,
    call: &Call,
    input: RestoreSnapshotFromRecycleBinInput,
) -> Result<RestoreSnapshotFromRecycleBinOutput, Error> {
    let (place, id) = (&call.scope(), input.snapshot_id.as_str());
    let restored = ec2.store.transact(|tx| async move {
        let found = take_out::<SnapshotRecord>(&tx, place, id).await?;
        let record = found.ok_or_else(|| SNAPSHOT.missing(id))?;
        if !record.permissions.is_empty() {
            let key = format!("{}/{id}", place.1);
            SHARED_SNAPSHOTS.put(&tx, &(), &key, &PlaceRecord::of(place)).await?;
        }
        Ok::<_, Error>(record)
    });
    let shown = restored.await?.shown.0;
    Ok(RestoreSnapshotFromRecycleBinOutput {
        snapshot_id: shown.snapshot_id,
        description: shown.description,
        encrypted: shown.encrypted,
        owner_id: shown.owner_id,
        progress: shown.progress,
        start_time: shown.start_time,
        state: shown.state,
        volume_id: shown.volume_id,
        volume_size: shown.volume_size,
        ..RestoreSnapshotFromRecycleBinOutput::default()
    })
}

pub async fn list_snapshots_in_recycle_bin(
    ec2: &Ec2,
    call: &Call,
    input: ListSnapshotsInRecycleBinInput,
) -> Result<ListSnapshotsInRecycleBinOutput, Error> {
    let asked = Asked {
        operation: "ListSnapshotsInRecycleBin",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let (found, next_token) = list::<SnapshotRecord>(ec2, call, input.snapshot_ids, asked).await?;
    let info = |one: BinRecord<SnapshotRecord>| SnapshotRecycleBinInfo {
        snapshot_id: Some(one.record.id.clone()),
        recycle_bin_enter_time: Some(one.from),
        recycle_bin_exit_time: Some(one.until),
        description: one.record.shown.description.clone(),
        volume_id: one.record.shown.volume_id.clone(),
    };
    let snapshots = Some(found.into_iter().map(info).collect());
    Ok(ListSnapshotsInRecycleBinOutput { snapshots, next_token })
}
