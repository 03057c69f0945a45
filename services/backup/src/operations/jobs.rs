//! Backup jobs: started on demand, shown, listed, stopped. What they do is in `tasks::backups`.

use std::time::Duration;

use backup_api::*;
use base::Timestamp;
use service::{Call, ClientTokens, Kept, Repetition, TagChange};
use store::Tx;

use super::authorise::arn_of;
use super::lists::{self, Asked};
use super::{may_pass, tags, vault};
use crate::Backup;
use crate::error::Error;
use crate::limits::{COMPLETION_WINDOW_MINUTES, START_WINDOW_MINUTES};
use crate::model::arns::{self, Resource};
use crate::model::{check, lifecycle};
use crate::records::{Due, JOBS, JobRecord, Place, Tags, later};

const TOKENS: ClientTokens = ClientTokens { operation: "backup.StartBackupJob" };

/// What a job is to do.
pub struct Wish<'a> {
    pub vault: &'a str,
    pub resource: &'a str,
    pub kind: &'static str,
    pub role: &'a str,
    pub lifecycle: Option<Lifecycle>,
    pub start_minutes: i64,
    pub completion_minutes: i64,
    pub tags: Tags,
    pub copies: Vec<CopyAction>,
    pub created_by: Option<RecoveryPointCreator>,
}

pub fn minutes(count: i64) -> Duration {
    Duration::from_secs(60 * u64::try_from(count).unwrap_or(0))
}

/// Writes a job down, to begin at once.
pub async fn put_new(tx: &Tx, place: &Place, id: &str, wish: &Wish<'_>, now: Timestamp) -> Result<(), Error> {
    let shown = BackupJob {
        account_id: Some(place.0.to_string()),
        backup_job_id: Some(id.to_owned()),
        backup_vault_name: Some(wish.vault.to_owned()),
        backup_vault_arn: Some(arns::vault(place.0, place.1, wish.vault).to_string()),
        vault_type: Some(VaultType::BackupVault.to_string()),
        recovery_point_lifecycle: wish.lifecycle.clone(),
        resource_arn: Some(wish.resource.to_owned()),
        resource_type: Some(wish.kind.to_owned()),
        creation_date: Some(now),
        initiation_date: Some(now),
        state: Some(BackupJobState::Created),
        percent_done: Some("0.0".to_owned()),
        iam_role_arn: Some(wish.role.to_owned()),
        created_by: wish.created_by.clone(),
        start_by: Some(now + minutes(wish.start_minutes)),
        is_parent: Some(false),
        ..BackupJob::default()
    };
    let record = JobRecord {
        shown: Kept(shown),
        tags: wish.tags.clone(),
        completion_minutes: wish.completion_minutes,
        copies: wish.copies.iter().cloned().map(Kept).collect(),
        source: None,
        attempted: None,
    };
    JOBS.put(tx, place, id, &record).await?;
    Ok(later(tx, now, place, Due::Job { id: id.to_owned() }).await?)
}

pub async fn start_backup_job(
    backup: &Backup,
    call: &Call,
    input: StartBackupJobInput,
) -> Result<StartBackupJobOutput, Error> {
    if input.logically_air_gapped_backup_vault_arn.is_some() {
        return Err(Error::NotImplemented("LogicallyAirGappedBackupVaultArn".to_owned()));
    }
    if input.backup_options.as_ref().is_some_and(|options| !options.is_empty()) {
        return Err(Error::NotImplemented("BackupOptions".to_owned()));
    }
    if input.index == Some(Index::Enabled) {
        return Err(Error::NotImplemented("Index".to_owned()));
    }
    let resource = Resource::parse(&input.resource_arn)?;
    let arn = arn_of(&input.resource_arn)?;
    if arn.account() != Some(call.account) || arn.region() != Some(call.region) {
        return Err(Error::Invalid(format!("{arn} is not a resource of this account and Region")));
    }
    check::windows(input.start_window_minutes, input.complete_window_minutes)?;
    input.lifecycle.as_ref().map_or(Ok(()), lifecycle::check)?;
    let mut own = Tags::new();
    let given = TagChange::Put(input.recovery_point_tags.clone().unwrap_or_default());
    given.apply(&mut own).map_err(|fault| tags::refused(&fault))?;
    may_pass(backup, call, &input.iam_role_arn).await?;
    let parameters = &format!("{input:?} {own:?}");
    let wish = &Wish {
        vault: &input.backup_vault_name,
        resource: &input.resource_arn,
        kind: resource.kind.as_str(),
        role: &input.iam_role_arn,
        lifecycle: input.lifecycle.clone(),
        start_minutes: input.start_window_minutes.unwrap_or(START_WINDOW_MINUTES),
        completion_minutes: input.complete_window_minutes.unwrap_or(COMPLETION_WINDOW_MINUTES),
        tags: own,
        copies: Vec::new(),
        created_by: None,
    };
    let (scope, token, id) = (call.scope(), input.idempotency_token.as_deref(), &backup.ids.uuid());
    let made = backup.store.transact(|tx| async move {
        vault(&tx, &scope, wish.vault).await?;
        if let Some(token) = token {
            match TOKENS.check(&tx, scope, token, parameters, call.now).await? {
                Repetition::First => {
                    TOKENS.remember(&tx, scope, token, parameters, id, call.now).await?;
                }
                Repetition::Again(answer) => return Ok(answer),
                Repetition::Mismatch | Repetition::TooLong => return Err(bad_token()),
            }
        }
        put_new(&tx, &scope, id, wish, call.now).await?;
        Ok(id.clone())
    });
    let id = made.await?;
    let job = find(backup, call, &id).await?;
    backup.due.nudge();
    Ok(StartBackupJobOutput {
        backup_job_id: Some(id),
        recovery_point_arn: None,
        creation_date: job.shown.creation_date,
        is_parent: Some(false),
    })
}

pub fn bad_token() -> Error {
    Error::Invalid("The idempotency token was used with other parameters, or is too long".to_owned())
}

async fn find(backup: &Backup, call: &Call, id: &str) -> Result<JobRecord, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move { JOBS.get(&tx, scope, id).await }).await?;
    found.ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Error {
    Error::NotFound(format!("Cannot find Backup job with ID {id}"))
}

pub async fn describe_backup_job(
    backup: &Backup,
    call: &Call,
    input: DescribeBackupJobInput,
) -> Result<DescribeBackupJobOutput, Error> {
    let job = find(backup, call, &input.backup_job_id).await?.shown.0;
    Ok(DescribeBackupJobOutput {
        account_id: job.account_id,
        backup_job_id: job.backup_job_id,
        backup_vault_name: job.backup_vault_name,
        recovery_point_lifecycle: job.recovery_point_lifecycle,
        backup_vault_arn: job.backup_vault_arn,
        vault_type: job.vault_type,
        recovery_point_arn: job.recovery_point_arn,
        is_encrypted: job.is_encrypted,
        encryption_key_arn: job.encryption_key_arn,
        resource_arn: job.resource_arn,
        creation_date: job.creation_date,
        completion_date: job.completion_date,
        state: job.state,
        status_message: job.status_message,
        percent_done: job.percent_done,
        backup_size_in_bytes: job.backup_size_in_bytes,
        iam_role_arn: job.iam_role_arn,
        created_by: job.created_by,
        resource_type: job.resource_type,
        bytes_transferred: job.bytes_transferred,
        expected_completion_date: job.expected_completion_date,
        start_by: job.start_by,
        is_parent: job.is_parent,
        resource_name: job.resource_name,
        initiation_date: job.initiation_date,
        message_category: job.message_category,
        ..DescribeBackupJobOutput::default()
    })
}

/// Whether a moment lies between two, where they are given.
pub fn within(at: Option<Timestamp>, after: Option<Timestamp>, before: Option<Timestamp>) -> bool {
    after.is_none_or(|after| at.is_some_and(|at| at >= after))
        && before.is_none_or(|before| at.is_some_and(|at| at <= before))
}

/// Whether something is what was asked for, where that is given.
pub fn is<T: PartialEq>(have: &Option<T>, asked: &Option<T>) -> bool {
    asked.is_none() || have == asked
}

/// The accounts of others are nobody's to see; `*` is an organisation's, which is the caller's alone here.
pub fn is_own(call: &Call, asked: &Option<String>) -> bool {
    asked.as_ref().is_none_or(|asked| asked == "*" || *asked == call.account.to_string())
}

pub async fn list_backup_jobs(
    backup: &Backup,
    call: &Call,
    input: ListBackupJobsInput,
) -> Result<ListBackupJobsOutput, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move { lists::all(&tx, &JOBS, scope, "").await }).await?;
    let mut jobs: Vec<BackupJob> = found.into_iter().map(|(_, record)| record.shown.0).collect();
    jobs.retain(|job| {
        is(&job.resource_arn, &input.by_resource_arn)
            && is(&job.state, &input.by_state)
            && is(&job.backup_vault_name, &input.by_backup_vault_name)
            && is(&job.resource_type, &input.by_resource_type)
            && is(&job.parent_job_id, &input.by_parent_job_id)
            && is(&job.message_category, &input.by_message_category)
            && is_own(call, &input.by_account_id)
            && within(job.creation_date, input.by_created_after, input.by_created_before)
            && within(job.completion_date, input.by_complete_after, input.by_complete_before)
    });
    let asked = Asked { operation: "ListBackupJobs", most: input.max_results, token: input.next_token };
    let (page, next_token) = lists::page(backup, call, asked, jobs, |job| {
        newest(job.creation_date, job.backup_job_id.as_deref())
    })?;
    Ok(ListBackupJobsOutput { backup_jobs: Some(page), next_token })
}

/// A position that puts the newest first.
pub fn newest(at: Option<Timestamp>, id: Option<&str>) -> String {
    let millis = at.map_or(0, Timestamp::as_millis);
    format!("{:020} {}", i64::MAX - millis, id.unwrap_or_default())
}

/// Whatever it has made goes with it.
pub async fn stop_backup_job(
    backup: &Backup,
    call: &Call,
    input: StopBackupJobInput,
) -> Result<StopBackupJobOutput, Error> {
    let (scope, id) = (&call.scope(), input.backup_job_id.as_str());
    let stopped = backup.store.transact(|tx| async move {
        let mut job = JOBS.get(&tx, scope, id).await?.ok_or_else(|| missing(id))?;
        let shown = &mut job.shown.0;
        match &shown.state {
            Some(BackupJobState::Created | BackupJobState::Pending | BackupJobState::Running) => {}
            other => {
                let state = other.as_ref().map(ToString::to_string).unwrap_or_default();
                return Err(Error::Request(format!(
                    "Backup job {id} cannot be stopped: its state is {state}"
                )));
            }
        }
        shown.state = Some(BackupJobState::Aborting);
        JOBS.put(&tx, scope, id, &job).await?;
        Ok(later(&tx, call.now, scope, Due::Job { id: id.to_owned() }).await?)
    });
    stopped.await?;
    backup.due.nudge();
    Ok(StopBackupJobOutput {})
}
