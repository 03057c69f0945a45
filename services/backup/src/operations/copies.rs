//! Copy jobs: started, shown, listed. What they do is in `tasks::copies`.

use backup_api::*;
use base::Timestamp;
use service::{Ask, Call, ClientTokens, Kept, Repetition};
use store::Tx;

use super::jobs::{bad_token, is, is_own, newest, within};
use super::lists::{self, Asked};
use super::points::allowed;
use super::{may_pass, vault};
use crate::Backup;
use crate::error::Error;
use crate::model::arns::{self, Made};
use crate::model::{check, lifecycle};
use crate::records::{COPIES, CopyRecord, Due, Place, PointRecord, later, place_of};

const TOKENS: ClientTokens = ClientTokens { operation: "backup.StartCopyJob" };

/// Writes a copy job down, to begin at once. It is the source's account and region that it belongs to.
pub async fn put_new(
    tx: &Tx,
    place: &Place,
    id: &str,
    (point, action, role): (&PointRecord, &CopyAction, &str),
    by_job: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let source = &point.shown;
    let shown = CopyJob {
        account_id: Some(place.0.to_string()),
        copy_job_id: Some(id.to_owned()),
        source_backup_vault_arn: source.backup_vault_arn.clone(),
        source_recovery_point_arn: source.recovery_point_arn.clone(),
        destination_backup_vault_arn: Some(action.destination_backup_vault_arn.clone()),
        destination_vault_type: Some(VaultType::BackupVault.to_string()),
        destination_recovery_point_lifecycle: action.lifecycle.clone(),
        resource_arn: source.resource_arn.clone(),
        resource_type: source.resource_type.clone(),
        creation_date: Some(now),
        state: Some(CopyJobState::Created),
        backup_size_in_bytes: source.backup_size_in_bytes,
        iam_role_arn: Some(role.to_owned()),
        created_by: source.created_by.clone().filter(|_| by_job.is_some()),
        created_by_backup_job_id: by_job.map(str::to_owned),
        is_parent: Some(false),
        ..CopyJob::default()
    };
    COPIES.put(tx, place, id, &CopyRecord { shown: Kept(shown), began: None }).await?;
    Ok(later(tx, now, place, Due::Copy { id: id.to_owned() }).await?)
}

pub async fn start_copy_job(
    backup: &Backup,
    call: &Call,
    input: StartCopyJobInput,
) -> Result<StartCopyJobOutput, Error> {
    let destination = check::destination(&input.destination_backup_vault_arn)?;
    input.lifecycle.as_ref().map_or(Ok(()), lifecycle::check)?;
    let there = place_of(&destination).filter(|there| there.0 == call.account);
    let there = &there.ok_or_else(|| Error::NotImplemented("the copy to another account".to_owned()))?;
    let (vault_name, arn) = (input.source_backup_vault_name.as_str(), input.recovery_point_arn.as_str());
    let (point, _) = allowed(backup, call, vault_name, arn, "StartCopyJob").await?;
    if !matches!(Made::parse(arn), Some(Made::Snapshot(_))) {
        return Err(Error::Request(NOT_COPIED.to_owned()));
    }
    let into = arns::vault_of(&destination).unwrap_or_default();
    backup.store.read(|tx| async move { vault(&tx, there, into).await.map(drop) }).await?;
    let ask = Ask {
        prefix: "backup",
        action: "CopyIntoBackupVault",
        resource: Some(&destination),
        keys: &[],
        input: None,
    };
    backup.aws.require(call, &ask).await?;
    may_pass(backup, call, &input.iam_role_arn).await?;
    let action = CopyAction {
        lifecycle: input.lifecycle,
        destination_backup_vault_arn: input.destination_backup_vault_arn,
    };
    let parameters = &format!("{arn} {vault_name} {action:?} {}", input.iam_role_arn);
    let (scope, id, token) = (call.scope(), &backup.ids.uuid(), input.idempotency_token.as_deref());
    let what = (&point, &action, input.iam_role_arn.as_str());
    let made = backup.store.transact(|tx| async move {
        if let Some(token) = token {
            match TOKENS.check(&tx, scope, token, parameters, call.now).await? {
                Repetition::First => TOKENS.remember(&tx, scope, token, parameters, id, call.now).await?,
                Repetition::Again(answer) => return Ok(answer),
                Repetition::Mismatch | Repetition::TooLong => return Err(bad_token()),
            }
        }
        put_new(&tx, &scope, id, what, None, call.now).await?;
        Ok(id.clone())
    });
    let id = made.await?;
    let job = find(backup, call, &id).await?;
    backup.due.nudge();
    Ok(StartCopyJobOutput { copy_job_id: Some(id), creation_date: job.creation_date, is_parent: Some(false) })
}

/// Tables' own backups stay where they are; those that AWS Backup manages whole are not here.
pub const NOT_COPIED: &str =
    "Copying recovery points of DynamoDB needs advanced DynamoDB backup, which is not enabled";

async fn find(backup: &Backup, call: &Call, id: &str) -> Result<CopyJob, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move { COPIES.get(&tx, scope, id).await }).await?;
    found
        .map(|record| record.shown.0)
        .ok_or_else(|| Error::NotFound(format!("Cannot find copy job with ID {id}")))
}

pub async fn describe_copy_job(
    backup: &Backup,
    call: &Call,
    input: DescribeCopyJobInput,
) -> Result<DescribeCopyJobOutput, Error> {
    Ok(DescribeCopyJobOutput { copy_job: Some(find(backup, call, &input.copy_job_id).await?) })
}

pub async fn list_copy_jobs(
    backup: &Backup,
    call: &Call,
    input: ListCopyJobsInput,
) -> Result<ListCopyJobsOutput, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move { lists::all(&tx, &COPIES, scope, "").await }).await?;
    let mut jobs: Vec<CopyJob> = found.into_iter().map(|(_, record)| record.shown.0).collect();
    jobs.retain(|job| {
        is(&job.resource_arn, &input.by_resource_arn)
            && is(&job.state, &input.by_state)
            && is(&job.resource_type, &input.by_resource_type)
            && is(&job.destination_backup_vault_arn, &input.by_destination_vault_arn)
            && is(&job.source_recovery_point_arn, &input.by_source_recovery_point_arn)
            && is(&job.parent_job_id, &input.by_parent_job_id)
            && is(&job.message_category, &input.by_message_category)
            && is_own(call, &input.by_account_id)
            && within(job.creation_date, input.by_created_after, input.by_created_before)
            && within(job.completion_date, input.by_complete_after, input.by_complete_before)
    });
    let asked = Asked { operation: "ListCopyJobs", most: input.max_results, token: input.next_token };
    let (page, next_token) =
        lists::page(backup, call, asked, jobs, |job| newest(job.creation_date, job.copy_job_id.as_deref()))?;
    Ok(ListCopyJobsOutput { copy_jobs: Some(page), next_token })
}
