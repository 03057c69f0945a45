//! ModifySnapshotTier, RestoreSnapshotTier, DescribeSnapshotTierStatus. The rules are in `model/snapshot_tiers.rs`.

use std::collections::BTreeMap;

use ec2_api::*;
use service::Call;
use store::Tx;

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_STATE, INVALID_PARAMETER_COMBINATION, INVALID_SNAPSHOT_IN_USE, RESOURCE_LIMIT_EXCEEDED,
};
use crate::kind::SNAPSHOT;
use crate::limits::{ARCHIVALS_AT_ONCE_MAX, RESTORES_AT_ONCE_MAX, TEMPORARY_RESTORE_DAYS_MAX};
use crate::model::filter::{Filters, Values, maybe};
use crate::model::snapshot_tiers::{Standing, TierOperation, Tiering, is_restore_time, time_for};
use crate::model::tags;
use crate::records::images::ImageRecord;
use crate::records::snapshot_states::{self, TIERS, TierRecord};
use crate::records::snapshots::SnapshotRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// Where a snapshot stands; nothing for one that was never archived.
pub async fn standing(
    tx: &Tx,
    place: &Place,
    id: &str,
    now: base::Timestamp,
) -> Result<Option<Standing>, Error> {
    Ok(TIERS.get(tx, place, id).await?.map(|record| record.tiering.at(now)))
}

/// Refuses what cannot be done with a snapshot in the archive.
///
/// # Errors
/// `IncorrectState`
pub async fn check_usable(tx: &Tx, place: &Place, id: &str, now: base::Timestamp) -> Result<(), Error> {
    match standing(tx, place, id, now).await? {
        Some(standing) if !standing.is_usable() => {
            let message =
                format!("The snapshot '{id}' is archived and must be restored before it can be used.");
            Err(Error::new(&INCORRECT_STATE, message))
        }
        _ => Ok(()),
    }
}

/// How many of an account's snapshots are on such a way now.
async fn under_way(tx: &Tx, call: &Call, archiving: bool) -> Result<usize, Error> {
    let all = snapshot_states::all(tx, TIERS, &call.scope()).await?;
    let counted = all.iter().filter(|(_, record)| {
        (record.tiering.operation == TierOperation::Archive) == archiving
            && record.tiering.at(call.now).is_under_way()
    });
    Ok(counted.count())
}

pub async fn modify_snapshot_tier(
    ec2: &Ec2,
    call: &Call,
    input: ModifySnapshotTierInput,
) -> Result<ModifySnapshotTierOutput, Error> {
    match &input.storage_tier {
        None | Some(TargetStorageTier::Archive) => {}
        Some(TargetStorageTier::Unknown(other)) => {
            return Err(Error::invalid_value(other, "storageTier", "It must be archive."));
        }
    }
    let (id, place) = (input.snapshot_id.as_str(), &call.scope());
    let archived = ec2.store.transact(|tx| async move {
        let record = resources::get::<SnapshotRecord>(&tx, place, id).await?;
        if record.completed().is_none() {
            let message = format!("The snapshot '{id}' is not in the completed state.");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        let earlier = standing(&tx, place, id, call.now).await?;
        let is_elsewhere = |standing: Standing| {
            standing.is_under_way() || !standing.is_usable() || standing.goes_back.is_some()
        };
        if earlier.is_some_and(is_elsewhere) {
            let message = format!("The snapshot '{id}' is archived, or on its way to or from the archive.");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        check_free_of_images(&tx, place, id).await?;
        if under_way(&tx, call, true).await? >= ARCHIVALS_AT_ONCE_MAX {
            let message =
                format!("Too many snapshots are being archived. The limit is {ARCHIVALS_AT_ONCE_MAX}.");
            return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
        }
        let takes = time_for(record.gib());
        let tiering = Tiering { operation: TierOperation::Archive, started: call.now, takes, archived: None };
        Ok(TIERS.put(&tx, place, id, &TierRecord { tiering }).await?)
    });
    archived.await?;
    let tiering_start_time = Some(call.now);
    Ok(ModifySnapshotTierOutput { snapshot_id: Some(input.snapshot_id), tiering_start_time })
}

pub async fn restore_snapshot_tier(
    ec2: &Ec2,
    call: &Call,
    input: RestoreSnapshotTierInput,
) -> Result<RestoreSnapshotTierOutput, Error> {
    let operation = match (input.permanent_restore == Some(true), input.temporary_restore_days) {
        (true, None) => TierOperation::RestoreForGood,
        (false, Some(days)) if is_restore_time(days) => TierOperation::RestoreFor { days },
        (false, Some(days)) => {
            let why = format!("It must be between 1 and {TEMPORARY_RESTORE_DAYS_MAX} days.");
            return Err(Error::invalid_value(days, "temporaryRestoreDays", &why));
        }
        (true, Some(_)) => {
            let message = "TemporaryRestoreDays can't be specified for a permanent restore.";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        (false, None) => return Err(Error::missing("temporaryRestoreDays")),
    };
    let (id, place) = (input.snapshot_id.as_str(), &call.scope());
    let restored = ec2.store.transact(|tx| async move {
        let record = resources::get::<SnapshotRecord>(&tx, place, id).await?;
        let standing = standing(&tx, place, id, call.now).await?;
        let in_archive = standing.filter(|standing| !standing.is_usable() || standing.goes_back.is_some());
        let Some(standing) = in_archive.filter(|standing| !standing.is_under_way()) else {
            let message = format!("The snapshot '{id}' is not archived, or is being restored.");
            return Err(Error::new(&INCORRECT_STATE, message));
        };
        // One that is here for some days stays without another journey, for longer or for good.
        let takes = if standing.is_usable() { std::time::Duration::ZERO } else { time_for(record.gib()) };
        if !takes.is_zero() && under_way(&tx, call, false).await? >= RESTORES_AT_ONCE_MAX {
            let message =
                format!("Too many snapshots are being restored. The limit is {RESTORES_AT_ONCE_MAX}.");
            return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
        }
        let tiering = Tiering { operation, started: call.now, takes, archived: standing.archived };
        Ok(TIERS.put(&tx, place, id, &TierRecord { tiering }).await?)
    });
    restored.await?;
    Ok(RestoreSnapshotTierOutput {
        snapshot_id: Some(input.snapshot_id),
        restore_start_time: Some(call.now),
        restore_duration: input.temporary_restore_days,
        is_permanent_restore: Some(operation == TierOperation::RestoreForGood),
    })
}

/// "You can't archive snapshots that are associated with an Amazon EBS-backed AMI", unless that is disabled.
async fn check_free_of_images(tx: &Tx, place: &Place, id: &str) -> Result<(), Error> {
    let images: Vec<ImageRecord> = resources::all(tx, place).await?;
    let needs = |image: &&ImageRecord| {
        let mut mappings = image.shown.block_device_mappings.iter().flatten();
        image.shown.state != Some(ImageState::Disabled)
            && mappings.any(|one| one.ebs.as_ref().is_some_and(|ebs| ebs.snapshot_id.as_deref() == Some(id)))
    };
    match images.iter().find(needs) {
        None => Ok(()),
        Some(image) => {
            let message = format!("The snapshot '{id}' is currently in use by {}", image.id);
            Err(Error::new(&INVALID_SNAPSHOT_IN_USE, message))
        }
    }
}

const FILTERS: &[&str] = &["snapshot-id", "volume-id", "last-tiering-operation"];

fn value(shown: &SnapshotTierStatus, name: &str) -> Values {
    match name {
        "snapshot-id" => maybe(shown.snapshot_id.as_ref()),
        "volume-id" => maybe(shown.volume_id.as_ref()),
        "last-tiering-operation" => maybe(shown.last_tiering_operation_status.as_ref()),
        _ => None,
    }
}

/// Snapshots that were archived once are listed; the others have no status.
pub async fn describe_snapshot_tier_status(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSnapshotTierStatusInput,
) -> Result<DescribeSnapshotTierStatusOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let place = &call.scope();
    let found = ec2.store.read(|tx| async move {
        let mut tagged = resources::tags_of(&tx, place, &SNAPSHOT).await?;
        let mut found = Vec::new();
        for (id, record) in snapshot_states::all(&tx, TIERS, place).await? {
            if let Some(snapshot) = SnapshotRecord::TABLE.get(&tx, place, &id).await? {
                let tags = tagged.remove(&id).unwrap_or_default();
                found.push((shown(call, &snapshot, &record.tiering, &tags), tags));
            }
        }
        Ok::<_, Error>(found)
    });
    let mut statuses = Vec::new();
    for (shown, tags) in found.await? {
        if filters.admit(&tags, &|name| value(&shown, name))? {
            statuses.push(shown);
        }
    }
    let asked = Asked {
        operation: "DescribeSnapshotTierStatus",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |shown: &SnapshotTierStatus| shown.snapshot_id.clone().unwrap_or_default();
    let (statuses, next_token) = lists::page(ec2, call, asked, statuses, position)?;
    Ok(DescribeSnapshotTierStatusOutput { snapshot_tier_statuses: Some(statuses), next_token })
}

fn shown(
    call: &Call,
    snapshot: &SnapshotRecord,
    tiering: &Tiering,
    tagged: &BTreeMap<String, String>,
) -> SnapshotTierStatus {
    let standing = tiering.at(call.now);
    let detail = match tiering.operation {
        TierOperation::Archive => "Archival",
        TierOperation::RestoreForGood => "Permanent restore",
        TierOperation::RestoreFor { .. } => "Temporary restore",
    };
    let progress = if standing.is_under_way() { "is in progress" } else { "is complete" };
    SnapshotTierStatus {
        snapshot_id: snapshot.shown.snapshot_id.clone(),
        volume_id: snapshot.shown.volume_id.clone(),
        status: snapshot.shown.state.clone(),
        owner_id: Some(call.account.to_string()),
        tags: Some(tags::shown(tagged)),
        storage_tier: Some(standing.tier),
        last_tiering_start_time: Some(tiering.started),
        last_tiering_progress: Some(standing.percent),
        last_tiering_operation_status: Some(standing.status),
        last_tiering_operation_status_detail: Some(format!("{detail} {progress}.")),
        archival_complete_time: standing.archived,
        restore_expiry_time: standing.goes_back,
    }
}
