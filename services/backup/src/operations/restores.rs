//! Restore jobs: started, shown, listed. What they do is in `tasks::restores`.

use backup_api::*;
use service::{Call, ClientTokens, Kept, Repetition};

use super::jobs::{bad_token, is, is_own, newest, within};
use super::lists::{self, Asked};
use super::may_pass;
use super::points::{allowed, missing};
use crate::Backup;
use crate::error::Error;
use crate::model::restoring;
use crate::records::{Due, POINTS, RESTORES, RestoreRecord, later};

const TOKENS: ClientTokens = ClientTokens { operation: "backup.StartRestoreJob" };

pub async fn start_restore_job(
    backup: &Backup,
    call: &Call,
    input: StartRestoreJobInput,
) -> Result<StartRestoreJobOutput, Error> {
    let (scope, arn) = (call.scope(), input.recovery_point_arn.as_str());
    let found = backup.store.read(|tx| async move { POINTS.get(&tx, &scope, arn).await }).await?;
    let found = found.ok_or_else(|| missing(arn))?;
    let (point, _) = allowed(backup, call, found.vault(), arn, "StartRestoreJob").await?;
    let kind = &point.shown.resource_type;
    if input.resource_type.is_some() && input.resource_type != *kind {
        return Err(Error::Invalid("ResourceType is not that of the recovery point".to_owned()));
    }
    restoring::check(arn, &input.metadata)?;
    let role = input.iam_role_arn.as_deref().ok_or(Error::Missing("IamRoleArn"))?;
    may_pass(backup, call, role).await?;
    let id = &backup.ids.uuid();
    let parameters = &format!("{arn} {:?} {role}", input.metadata);
    let copies_tags = input.copy_source_tags_to_restored_resource == Some(true);
    let fresh = &RestoreRecord {
        shown: Kept(RestoreJobsListMember {
            account_id: Some(call.account.to_string()),
            restore_job_id: Some(id.clone()),
            recovery_point_arn: Some(arn.to_owned()),
            source_resource_arn: point.shown.resource_arn.clone(),
            backup_vault_arn: point.shown.backup_vault_arn.clone(),
            creation_date: Some(call.now),
            status: Some(RestoreJobStatus::Pending),
            percent_done: Some("0.00%".to_owned()),
            backup_size_in_bytes: point.shown.backup_size_in_bytes,
            iam_role_arn: Some(role.to_owned()),
            resource_type: kind.clone(),
            recovery_point_creation_date: point.shown.creation_date,
            is_parent: Some(false),
            ..RestoreJobsListMember::default()
        }),
        metadata: input.metadata,
        tags: if copies_tags { point.tags } else { Default::default() },
        began: None,
    };
    let token = input.idempotency_token.as_deref();
    let made = backup.store.transact(|tx| async move {
        if let Some(token) = token {
            match TOKENS.check(&tx, scope, token, parameters, call.now).await? {
                Repetition::First => TOKENS.remember(&tx, scope, token, parameters, id, call.now).await?,
                Repetition::Again(answer) => return Ok(answer),
                Repetition::Mismatch | Repetition::TooLong => return Err(bad_token()),
            }
        }
        RESTORES.put(&tx, &scope, id, fresh).await?;
        later(&tx, call.now, &scope, Due::Restore { id: id.clone() }).await?;
        Ok(id.clone())
    });
    let id = made.await?;
    backup.due.nudge();
    Ok(StartRestoreJobOutput { restore_job_id: Some(id) })
}

async fn find(backup: &Backup, call: &Call, id: &str) -> Result<RestoreRecord, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move { RESTORES.get(&tx, scope, id).await }).await?;
    found.ok_or_else(|| Error::NotFound(format!("Cannot find restore job with ID {id}")))
}

pub async fn describe_restore_job(
    backup: &Backup,
    call: &Call,
    input: DescribeRestoreJobInput,
) -> Result<DescribeRestoreJobOutput, Error> {
    let job = find(backup, call, &input.restore_job_id).await?.shown.0;
    Ok(DescribeRestoreJobOutput {
        account_id: job.account_id,
        restore_job_id: job.restore_job_id,
        recovery_point_arn: job.recovery_point_arn,
        source_resource_arn: job.source_resource_arn,
        backup_vault_arn: job.backup_vault_arn,
        creation_date: job.creation_date,
        completion_date: job.completion_date,
        status: job.status,
        status_message: job.status_message,
        percent_done: job.percent_done,
        backup_size_in_bytes: job.backup_size_in_bytes,
        iam_role_arn: job.iam_role_arn,
        created_resource_arn: job.created_resource_arn,
        resource_type: job.resource_type,
        recovery_point_creation_date: job.recovery_point_creation_date,
        is_parent: job.is_parent,
        ..DescribeRestoreJobOutput::default()
    })
}

pub async fn get_restore_job_metadata(
    backup: &Backup,
    call: &Call,
    input: GetRestoreJobMetadataInput,
) -> Result<GetRestoreJobMetadataOutput, Error> {
    let record = find(backup, call, &input.restore_job_id).await?;
    Ok(GetRestoreJobMetadataOutput {
        restore_job_id: Some(input.restore_job_id),
        metadata: Some(record.metadata),
    })
}

async fn all(backup: &Backup, call: &Call) -> Result<Vec<RestoreJobsListMember>, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move { lists::all(&tx, &RESTORES, scope, "").await }).await?;
    Ok(found.into_iter().map(|(_, record)| record.shown.0).collect())
}

fn position(job: &RestoreJobsListMember) -> String {
    newest(job.creation_date, job.restore_job_id.as_deref())
}

pub async fn list_restore_jobs(
    backup: &Backup,
    call: &Call,
    input: ListRestoreJobsInput,
) -> Result<ListRestoreJobsOutput, Error> {
    let mut jobs = all(backup, call).await?;
    jobs.retain(|job| {
        is(&job.resource_type, &input.by_resource_type)
            && is(&job.status, &input.by_status)
            && is(&job.parent_job_id, &input.by_parent_job_id)
            && is_own(call, &input.by_account_id)
            && input.by_restore_testing_plan_arn.is_none()
            && within(job.creation_date, input.by_created_after, input.by_created_before)
            && within(job.completion_date, input.by_complete_after, input.by_complete_before)
    });
    let asked = Asked { operation: "ListRestoreJobs", most: input.max_results, token: input.next_token };
    let (page, next_token) = lists::page(backup, call, asked, jobs, position)?;
    Ok(ListRestoreJobsOutput { restore_jobs: Some(page), next_token })
}

pub async fn list_restore_jobs_by_protected_resource(
    backup: &Backup,
    call: &Call,
    input: ListRestoreJobsByProtectedResourceInput,
) -> Result<ListRestoreJobsByProtectedResourceOutput, Error> {
    let arn = Some(input.resource_arn);
    let mut jobs = all(backup, call).await?;
    let (after, before) =
        (input.by_recovery_point_creation_date_after, input.by_recovery_point_creation_date_before);
    jobs.retain(|job| {
        job.source_resource_arn == arn
            && is(&job.status, &input.by_status)
            && within(job.recovery_point_creation_date, after, before)
    });
    let asked = Asked {
        operation: "ListRestoreJobsByProtectedResource",
        most: input.max_results,
        token: input.next_token,
    };
    let (page, next_token) = lists::page(backup, call, asked, jobs, position)?;
    Ok(ListRestoreJobsByProtectedResourceOutput { restore_jobs: Some(page), next_token })
}
