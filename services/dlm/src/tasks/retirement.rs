//! What becomes of backups that a schedule keeps no longer: they are deleted, or go to the archive and are deleted there.
//!
//! Surprising: where retention goes by age, the last backup of a volume or an instance stays until there is another, and
//! for good if there is none: only default policies that extend deletion take it too.

use base::Timestamp;
use ec2_api::{
    DeleteSnapshot, DeleteSnapshotInput, DeregisterImage, DeregisterImageInput, ModifySnapshotTier,
    ModifySnapshotTierInput, TargetStorageTier,
};
use service::AsService;

use super::snapshots::{GONE, Standing, completed};
use super::{Work, fast_restores, making, role, targets};
use crate::error::Error;
use crate::limits::FOLLOW_UP_PERIOD;
use crate::model::kinds::Kind;
use crate::model::retention::{self, Keep};
use crate::records::{Due, MADE, MadeRecord};

/// Images that are gone, and those that an owner put into the recycle bin.
const GONE_IMAGES: [&str; 2] = ["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"];
/// Images and people with locks need them: they are kept, and tried again at the next run.
const NEEDED: [&str; 2] = ["InvalidSnapshot.InUse", "OperationNotPermitted"];
/// There are too many on their way.
const CROWDED: &str = "ResourceLimitExceeded";
/// Its owner archived it before.
const ELSEWHERE: &str = "IncorrectState";

type Made = (String, MadeRecord);

/// Gives up what the schedule keeps no longer: also of volumes that are gone.
pub async fn give_up(work: &Work<'_>, ec2: &AsService) -> Result<(), Error> {
    let Some(keep) = work.schedule.retain_rule.as_ref().and_then(Keep::of) else { return Ok(()) };
    let made = making::made(work).await?;
    for of_one in made.chunk_by(|(_, one), (_, other)| one.target == other.target) {
        let (archived, standard): (Vec<&Made>, Vec<&Made>) =
            of_one.iter().partition(|(_, record)| record.archived.is_some());
        give_up_of(work, ec2, keep, &standard).await?;
        empty_archive(work, ec2, &archived).await?;
    }
    Ok(())
}

/// Of one resource, the oldest first.
async fn give_up_of(
    work: &Work<'_>,
    ec2: &AsService,
    keep: Keep<'_>,
    standard: &[&Made],
) -> Result<(), Error> {
    // An instance's volumes are backed up together, and one count is of all of them.
    let mut moments: Vec<Timestamp> = standard.iter().map(|(_, record)| record.at).collect();
    moments.dedup();
    let now = work.dlm.clock.now();
    let mut given_up = retention::expired(keep, &moments, now);
    let is_all = given_up == moments.len();
    if let (true, Some((_, record))) = (is_all, standard.last())
        && matches!(keep, Keep::Younger(..))
        && !keep.is_nothing()
        && !takes_the_last(work, ec2, &record.target).await?
    {
        given_up = given_up.saturating_sub(1);
    }
    let Some(last) = given_up.checked_sub(1).map(|at| moments[at]) else { return Ok(()) };
    for (key, record) in standard.iter().filter(|(_, record)| record.at <= last) {
        if work.schedule.archive_rule.is_some() {
            let what = Due::Archive { snapshot: record.id.clone(), since: now };
            making::later(work, now, what).await?;
        } else if delete(work, ec2, &record.id).await? {
            forget(work, key).await?;
        }
    }
    Ok(())
}

/// "Up to, but not including, the last one", unless the policy extends deletion and the resource or the policy is gone.
async fn takes_the_last(work: &Work<'_>, ec2: &AsService, target: &str) -> Result<bool, Error> {
    Ok(work.policy.extends_deletion()
        && (!work.policy.enabled || !targets::is_there(work, ec2, target).await?))
}

/// Deletes what was in the archive for long enough.
async fn empty_archive(work: &Work<'_>, ec2: &AsService, archived: &[&Made]) -> Result<(), Error> {
    let rule = work.schedule.archive_rule.as_ref();
    let tier = rule.map(|rule| &rule.retain_rule.retention_archive_tier);
    let Some(keep) = tier.and_then(Keep::in_archive) else { return Ok(()) };
    let since: Vec<Timestamp> = archived.iter().filter_map(|(_, record)| record.archived).collect();
    let given_up = retention::expired(keep, &since, work.dlm.clock.now());
    for (key, record) in &archived[..given_up] {
        if delete(work, ec2, &record.id).await? {
            forget(work, key).await?;
        }
    }
    Ok(())
}

async fn forget(work: &Work<'_>, key: &str) -> Result<(), Error> {
    let place = &work.due.place();
    Ok(work.dlm.store.transact(|tx| async move { MADE.delete(&tx, place, key).await }).await?)
}

/// Deletes a snapshot, or an image with its snapshots. Whether it is gone now.
pub async fn delete(work: &Work<'_>, ec2: &AsService, id: &str) -> Result<bool, Error> {
    let result = match work.kind {
        Kind::Images => {
            let input = DeregisterImageInput {
                image_id: id.to_owned(),
                delete_associated_snapshots: Some(true),
                ..DeregisterImageInput::default()
            };
            ec2.call(DeregisterImage, input).await.map(drop)
        }
        Kind::Volumes | Kind::Instances | Kind::Shared => {
            let input = DeleteSnapshotInput { snapshot_id: id.to_owned(), dry_run: None };
            ec2.call(DeleteSnapshot, input).await.map(drop)
        }
    };
    match result {
        Ok(()) => Ok(true),
        Err(fault) if fault.code() == GONE || GONE_IMAGES.contains(&fault.code()) => Ok(true),
        Err(fault) if NEEDED.contains(&fault.code()) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

/// Sends a snapshot to the archive once it is completed.
pub async fn archive(work: &Work<'_>, snapshot: &str, since: Timestamp) -> Result<(), Error> {
    let made = making::made(work).await?;
    let found = made.iter().find(|(_, record)| record.id == snapshot && record.archived.is_none());
    let (Some((key, record)), Some(_)) = (found, work.schedule.archive_rule.as_ref()) else { return Ok(()) };
    let ec2 = role::assume(work, work.due.region).await?;
    match completed(work, &ec2, snapshot, since).await? {
        Standing::Completed(_) => {}
        Standing::Later => return Ok(()),
        Standing::Gone => return forget(work, key).await,
    }
    fast_restores::disable(work, &ec2, key, record).await?;
    let input = ModifySnapshotTierInput {
        snapshot_id: snapshot.to_owned(),
        storage_tier: Some(TargetStorageTier::Archive),
        dry_run: None,
    };
    let now = work.dlm.clock.now();
    match ec2.call(ModifySnapshotTier, input).await {
        Ok(_) => {}
        Err(fault) if fault.code() == ELSEWHERE => {}
        Err(fault) if NEEDED.contains(&fault.code()) => return Ok(()),
        Err(fault) if fault.code() == CROWDED => {
            return making::later(work, now + FOLLOW_UP_PERIOD, work.due.what.clone()).await;
        }
        Err(fault) => return Err(fault.into()),
    }
    making::change(work, key, |record| record.archived = Some(now)).await?;
    let made = making::made(work).await?;
    let is_there = |(_, one): &&Made| one.target == record.target && one.archived.is_some();
    empty_archive(work, &ec2, &made.iter().filter(is_there).collect::<Vec<_>>()).await
}
