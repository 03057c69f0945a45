//! Copy jobs: a snapshot is copied into a vault of this or another region, in the role of the job.

use backup_api::{CopyJobState as State, DescribeRecoveryPointOutput};
use base::{Arn, Timestamp};
use ec2_api::{CopySnapshot, CopySnapshotInput};
use service::Kept;

use super::role::Assumed;
use super::sources::{self, Progress};
use super::{follow_up, reason, role};
use crate::Backup;
use crate::error::Error;
use crate::model::arns::{self, Made};
use crate::model::{check, lifecycle};
use crate::operations::copies::NOT_COPIED;
use crate::operations::points::{self, expire_later};
use crate::operations::vault;
use crate::records::{COPIES, CopyRecord, Due, POINTS, Place, PointRecord, VaultRecord, later, place_of};

/// A job while something is done for it.
struct Work<'a> {
    backup: &'a Backup,
    place: &'a Place,
    id: &'a str,
    job: CopyRecord,
    now: Timestamp,
}

pub async fn run(backup: &Backup, place: &Place, id: &str) -> Result<(), Error> {
    let found = backup.store.read(|tx| async move { COPIES.get(&tx, place, id).await }).await?;
    let Some(job) = found else { return Ok(()) };
    let work = Work { backup, place, id, job, now: backup.clock.now() };
    let done = match work.job.shown.state {
        Some(State::Created) => begin(&work).await,
        Some(State::Running) => follow(&work).await,
        _ => Ok(()),
    };
    match done {
        Ok(()) => Ok(()),
        Err(error) => end(&work, &reason(error)?).await,
    }
}

async fn change(
    work: &Work<'_>,
    again: Option<Timestamp>,
    change: impl Fn(&mut CopyRecord) + Sync,
) -> Result<(), Error> {
    let (place, id, change) = (work.place, work.id, &change);
    let changed = work.backup.store.transact(|tx| async move {
        let Some(mut job) = COPIES.get(&tx, place, id).await? else { return Ok(()) };
        change(&mut job);
        COPIES.put(&tx, place, id, &job).await?;
        if let Some(at) = again {
            later(&tx, at, place, Due::Copy { id: id.to_owned() }).await?;
        }
        Ok::<_, Error>(())
    });
    changed.await
}

async fn end(work: &Work<'_>, why: &str) -> Result<(), Error> {
    let at = work.backup.clock.now();
    change(work, None, |job| {
        let shown = &mut job.shown.0;
        shown.state = Some(State::Failed);
        shown.status_message = Some(why.to_owned());
        shown.message_category = Some("FAILED".to_owned());
        shown.completion_date = Some(at);
    })
    .await
}

/// Where a copy goes: the vault's ARN, its place and its record.
async fn destination(work: &Work<'_>) -> Result<(Arn, Place, VaultRecord), Error> {
    let arn = check::destination(work.job.shown.destination_backup_vault_arn.as_deref().unwrap_or_default())?;
    let there = place_of(&arn).filter(|there| there.0 == work.place.0);
    let there = there.ok_or_else(|| Error::NotImplemented("the copy to another account".to_owned()))?;
    let (place, name) = (&there, arns::vault_of(&arn).unwrap_or_default());
    let held = work.backup.store.read(|tx| async move { vault(&tx, place, name).await }).await?;
    Ok((arn, there, held))
}

async fn assumed<'a>(work: &Work<'a>) -> Result<Assumed<'a>, Error> {
    role::assume(work.backup, work.place, work.job.shown.iam_role_arn.as_deref().unwrap_or_default()).await
}

async fn source(work: &Work<'_>) -> Result<PointRecord, Error> {
    let (place, arn) = (work.place, work.job.shown.source_recovery_point_arn.as_deref().unwrap_or_default());
    let found = work.backup.store.read(|tx| async move { POINTS.get(&tx, place, arn).await }).await?;
    found.ok_or_else(|| points::missing(arn))
}

async fn begin(work: &Work<'_>) -> Result<(), Error> {
    let (arn, there, held) = destination(work).await?;
    let kept = lifecycle::delete_after(work.job.shown.destination_recovery_point_lifecycle.as_ref());
    held.lock.as_ref().map_or(Ok(()), |lock| lock.admits(kept)).map_err(Error::Request)?;
    let point = source(work).await?;
    let Some(Made::Snapshot(id)) = Made::parse(point.arn()) else {
        return Err(Error::Request(NOT_COPIED.to_owned()));
    };
    let role = assumed(work).await?;
    role.require("backup", "CopyIntoBackupVault", &arn).await?;
    let input = CopySnapshotInput {
        description: Some("This snapshot is created by the AWS Backup service.".to_owned()),
        // The key of the vault, where it has one of its own.
        encrypted: (held.key_arn.is_some() || point.shown.is_encrypted == Some(true)).then_some(true),
        kms_key_id: held.key_arn.clone(),
        source_region: work.place.1.to_string(),
        source_snapshot_id: id,
        tag_specifications: sources::specified("snapshot", &point.tags),
        ..CopySnapshotInput::default()
    };
    let made = role.client(there.1).call(CopySnapshot, input).await?.snapshot_id;
    let made = made.ok_or_else(|| Error::Internal("a new snapshot has no id".into()))?;
    let (made, at) = (arns::snapshot(there.1, &made).to_string(), work.backup.clock.now());
    change(work, Some(follow_up(None, at)), |job| {
        job.began = Some(at);
        let shown = &mut job.shown.0;
        shown.state = Some(State::Running);
        shown.destination_recovery_point_arn = Some(made.clone());
        shown.destination_encryption_key_arn.clone_from(&held.key_arn);
    })
    .await
}

async fn follow(work: &Work<'_>) -> Result<(), Error> {
    let (_, there, _) = destination(work).await?;
    let arn = work.job.shown.destination_recovery_point_arn.as_deref().unwrap_or_default();
    let client = assumed(work).await?.client(there.1);
    match sources::progress(&client, arn).await? {
        Progress::Failed(why) => end(work, &why).await,
        Progress::Running(_) => change(work, Some(follow_up(work.job.began, work.now)), |_| ()).await,
        Progress::Completed => complete(work, &there).await,
    }
}

async fn complete(work: &Work<'_>, there: &Place) -> Result<(), Error> {
    let (at, source) = (work.backup.clock.now(), source(work).await?);
    let job = &work.job.shown;
    let arn: Arn = check::destination(job.destination_backup_vault_arn.as_deref().unwrap_or_default())?;
    let vault_name = arns::vault_of(&arn).unwrap_or_default();
    let encrypted = job.destination_encryption_key_arn.is_some() || source.shown.is_encrypted == Some(true);
    let shown = DescribeRecoveryPointOutput {
        recovery_point_arn: job.destination_recovery_point_arn.clone(),
        source_backup_vault_arn: job.source_backup_vault_arn.clone(),
        created_by: job.created_by.clone(),
        iam_role_arn: job.iam_role_arn.clone(),
        creation_date: job.creation_date,
        initiation_date: work.job.began,
        completion_date: Some(at),
        lifecycle: job.destination_recovery_point_lifecycle.clone(),
        encryption_key_arn: job.destination_encryption_key_arn.clone(),
        is_encrypted: Some(encrypted),
        last_restore_time: None,
        status_message: None,
        ..source.shown.0.clone()
    };
    let point = &PointRecord {
        shown: Kept(points::new(there, vault_name, shown)),
        tags: source.tags,
        metadata: source.metadata,
    };
    let (place, id) = (work.place, work.id);
    let completed = work.backup.store.transact(|tx| async move {
        let Some(mut job) = COPIES.get(&tx, place, id).await? else { return Ok(()) };
        let shown = &mut job.shown.0;
        shown.state = Some(State::Completed);
        shown.completion_date = Some(at);
        shown.message_category = Some("SUCCESS".to_owned());
        COPIES.put(&tx, place, id, &job).await?;
        POINTS.put(&tx, there, point.arn(), point).await?;
        expire_later(&tx, there, point).await
    });
    completed.await
}
