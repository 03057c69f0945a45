//! Snapshots of volumes, and of all volumes of an instance: made, and shared.

use base::Timestamp;
use ec2_api::{
    CreateSnapshot, CreateSnapshotInput, CreateSnapshots, CreateSnapshotsInput, DescribeSnapshots,
    DescribeSnapshotsInput, InstanceSpecification, ModifySnapshotAttribute, ModifySnapshotAttributeInput,
    OperationType, SnapshotAttributeName, SnapshotState, Tag,
};
use service::AsService;

use super::targets::{Target, left_out};
use super::{Work, making, role};
use crate::error::Error;
use crate::limits::{FOLLOW_UP_PERIOD, FOLLOW_UP_TIME_MAX};
use crate::model::kinds::Kind;
use crate::model::retention;
use crate::records::{Due, MadeRecord};

/// Snapshots that somebody deleted before us are as gone as we wanted them.
pub const GONE: &str = "InvalidSnapshot.NotFound";

pub async fn make(work: &Work<'_>, ec2: &AsService, target: &Target) -> Result<(), Error> {
    let at = work.dlm.clock.now();
    let tags = Some(vec![making::specification("snapshot", making::tags(work, target, at))]);
    let description = Some(making::description(work));
    let made = if work.kind == Kind::Instances {
        let parameters = work.details.parameters.as_ref();
        let left_out = left_out(work, ec2, &target.id).await?;
        let input = CreateSnapshotsInput {
            description,
            instance_specification: InstanceSpecification {
                instance_id: target.id.clone(),
                exclude_boot_volume: parameters.and_then(|it| it.exclude_boot_volume),
                exclude_data_volume_ids: (!left_out.is_empty()).then_some(left_out),
            },
            tag_specifications: tags,
            ..CreateSnapshotsInput::default()
        };
        let output = ec2.call(CreateSnapshots, input).await?;
        output.snapshots.into_iter().flatten().filter_map(|snapshot| snapshot.snapshot_id).collect()
    } else {
        let input = CreateSnapshotInput {
            description,
            volume_id: target.id.clone(),
            tag_specifications: tags,
            ..CreateSnapshotInput::default()
        };
        Vec::from_iter(ec2.call(CreateSnapshot, input).await?.snapshot_id)
    };
    for snapshot in made {
        let record = MadeRecord::new(snapshot, &target.id, at);
        making::keep(work, &record, follow_ups(work, &record)).await?;
        share(work, ec2, &record.id, true).await?;
    }
    Ok(())
}

/// What follows for a snapshot, besides its copies.
fn follow_ups(work: &Work<'_>, record: &MadeRecord) -> Vec<(Timestamp, Due)> {
    let mut follow_ups = Vec::new();
    for share in work.schedule.share_rules.iter().flatten() {
        let (interval, unit) = (share.unshare_interval, share.unshare_interval_unit.as_ref());
        if let Some((interval, unit)) = interval.zip(unit)
            && let Some(at) = retention::after(record.at, interval, unit)
        {
            follow_ups.push((at, Due::Unshare { snapshot: record.id.clone() }));
        }
    }
    if work.schedule.fast_restore_rule.is_some() {
        let what = Due::SpeedUp { snapshot: record.id.clone(), since: record.at };
        follow_ups.push((record.at, what));
    }
    follow_ups
}

/// Lets the accounts of the share rules make volumes of a snapshot, or no longer.
async fn share(work: &Work<'_>, ec2: &AsService, snapshot: &str, on: bool) -> Result<(), Error> {
    let rules = work.schedule.share_rules.iter().flatten();
    let accounts: Vec<String> = rules.flat_map(|rule| rule.target_accounts.clone()).collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let operation = if on { OperationType::Add } else { OperationType::Remove };
    let input = ModifySnapshotAttributeInput {
        attribute: Some(SnapshotAttributeName::CreateVolumePermission),
        operation_type: Some(operation),
        snapshot_id: snapshot.to_owned(),
        user_ids: Some(accounts),
        ..ModifySnapshotAttributeInput::default()
    };
    ec2.call(ModifySnapshotAttribute, input).await?;
    Ok(())
}

pub async fn unshare(work: &Work<'_>, snapshot: &str) -> Result<(), Error> {
    let ec2 = role::assume(work, work.due.region).await?;
    match share(work, &ec2, snapshot, false).await {
        Err(Error::Other(fault)) if fault.code() == GONE => Ok(()),
        other => other,
    }
}

/// A snapshot's state and tags; nothing of one that is gone.
async fn state(ec2: &AsService, snapshot: &str) -> Result<Option<(SnapshotState, Vec<Tag>)>, Error> {
    let input = DescribeSnapshotsInput {
        snapshot_ids: Some(vec![snapshot.to_owned()]),
        ..DescribeSnapshotsInput::default()
    };
    match ec2.call(DescribeSnapshots, input).await {
        Ok(output) => {
            let found = output.snapshots.into_iter().flatten().next();
            Ok(found.and_then(|snapshot| Some((snapshot.state?, snapshot.tags.unwrap_or_default()))))
        }
        Err(fault) if fault.code() == GONE => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// Whether something can be done with a snapshot that has to be completed for it.
pub enum Standing {
    Completed(Vec<Tag>),
    /// It is pending: what is due is looked at again a little later.
    Later,
    Gone,
}

/// # Errors
/// For a snapshot that failed, or that takes too long.
pub async fn completed(
    work: &Work<'_>,
    ec2: &AsService,
    snapshot: &str,
    since: Timestamp,
) -> Result<Standing, Error> {
    let Some((state, tags)) = state(ec2, snapshot).await? else { return Ok(Standing::Gone) };
    let now = work.dlm.clock.now();
    match state {
        SnapshotState::Completed => Ok(Standing::Completed(tags)),
        SnapshotState::Pending if now.since(since) < FOLLOW_UP_TIME_MAX => {
            making::later(work, now + FOLLOW_UP_PERIOD, work.due.what.clone()).await?;
            Ok(Standing::Later)
        }
        other => Err(Error::Invalid(format!("{snapshot} is not completed: its state is {other}"))),
    }
}
