//! Backup jobs: they begin within their start window, are looked at until they are completed, and end as recovery points.

use backup_api::{BackupJob, BackupJobState as State, DescribeRecoveryPointOutput};
use base::Timestamp;
use service::Kept;

use super::sources::{self, Begun, Progress};
use super::{follow_up, reason, recovery, role};
use crate::Backup;
use crate::error::Error;
use crate::limits::RETRY_PERIOD;
use crate::model::arns::Resource;
use crate::model::lifecycle;
use crate::operations::jobs::minutes;
use crate::operations::points::{self, delete_made, expire_later};
use crate::operations::{copies, vault};
use crate::records::{Due, JOBS, JobRecord, POINTS, Place, PointRecord, later};

/// What passes by itself, so that a job that has not begun tries again.
const PASSING: [&str; 8] = [
    "IncorrectState",
    "LimitExceededException",
    "RequestLimitExceeded",
    "ResourceInUseException",
    "SnapshotCreationPerVolumeRateExceeded",
    "TableInUseException",
    "Throttling",
    "ThrottlingException",
];
const EXPIRED: &str = "Backup job expired before completion.";

/// A job while something is done for it.
struct Work<'a> {
    backup: &'a Backup,
    place: &'a Place,
    id: &'a str,
    job: JobRecord,
    now: Timestamp,
}

pub async fn run(backup: &Backup, place: &Place, id: &str) -> Result<(), Error> {
    let found = backup.store.read(|tx| async move { JOBS.get(&tx, place, id).await }).await?;
    let Some(job) = found else { return Ok(()) };
    let work = Work { backup, place, id, job, now: backup.clock.now() };
    match work.job.shown.state {
        Some(State::Created) => begin(&work).await,
        Some(State::Running) => follow(&work).await,
        Some(State::Aborting) => give_up(&work, State::Aborted, "Backup job was stopped.").await,
        _ => Ok(()),
    }
}

impl Work<'_> {
    fn shown(&self) -> &BackupJob {
        &self.job.shown
    }

    fn role(&self) -> &str {
        self.shown().iam_role_arn.as_deref().unwrap_or_default()
    }

    /// Changes the record if it is still in the state that this work found it in, and looks at it again then.
    async fn change(
        &self,
        again: Option<Timestamp>,
        change: impl Fn(&mut JobRecord) + Sync,
    ) -> Result<(), Error> {
        let (place, id, before, change) = (self.place, self.id, &self.job.shown.state, &change);
        let changed = self.backup.store.transact(|tx| async move {
            let Some(mut job) = JOBS.get(&tx, place, id).await? else { return Ok(()) };
            let is_as_found = job.shown.state == *before;
            let asked = job.shown.state.clone();
            change(&mut job);
            if !is_as_found {
                // It was stopped meanwhile, which stays so; what was made is known all the same.
                job.shown.0.state = asked;
            }
            JOBS.put(&tx, place, id, &job).await?;
            if let Some(at) = again {
                later(&tx, at, place, Due::Job { id: id.to_owned() }).await?;
            }
            Ok::<_, Error>(())
        });
        changed.await
    }

    async fn end(&self, state: State, message: &str) -> Result<(), Error> {
        let at = self.backup.clock.now();
        self.change(None, |job| {
            let shown = &mut job.shown.0;
            shown.state = Some(state.clone());
            shown.status_message = Some(message.to_owned());
            shown.message_category = Some(category(&state).to_owned());
            shown.completion_date = Some(at);
        })
        .await
    }
}

fn category(state: &State) -> &'static str {
    match state {
        State::Completed => "SUCCESS",
        State::Expired => "JOB_EXPIRED",
        State::Aborted => "ABORTED",
        _ => "FAILED",
    }
}

impl Work<'_> {
    fn name(&self) -> String {
        format!("awsbackup-{}", self.id)
    }

    /// What an earlier try has begun without its being known.
    async fn begun_before(&self) -> Result<Option<Begun>, Error> {
        recovery::find(self.backup, self.place, &self.job, &self.name()).await
    }
}

async fn begin(work: &Work<'_>) -> Result<(), Error> {
    if let Some(begun) = work.begun_before().await? {
        return has_begun(work, &begun).await;
    }
    if work.shown().start_by.is_some_and(|by| work.now > by) {
        return work.end(State::Expired, EXPIRED).await;
    }
    if let Err(why) = check_vault(work).await? {
        return work.end(State::Failed, &why).await;
    }
    attempt(work).await?;
    match start(work).await {
        Ok(begun) => has_begun(work, &begun).await,
        Err(Error::Other(fault)) if fault.status() >= 500 || PASSING.contains(&fault.code()) => {
            let message = fault.message().to_owned();
            let again = work.now + RETRY_PERIOD;
            work.change(Some(again), |job| job.shown.0.status_message = Some(message.clone())).await
        }
        Err(error) => work.end(State::Failed, &reason(error)?).await,
    }
}

async fn has_begun(work: &Work<'_>, begun: &Begun) -> Result<(), Error> {
    let began = work.backup.clock.now();
    let again = follow_up(None, began);
    work.change(Some(again), |job| note(job, begun, began)).await
}

/// Writes down that something may be made from now on, before it is.
async fn attempt(work: &Work<'_>) -> Result<(), Error> {
    if work.job.attempted.is_some() {
        return Ok(());
    }
    work.change(None, |job| job.attempted = Some(work.now)).await
}

/// The vault may be gone or locked since the job was written down.
async fn check_vault(work: &Work<'_>) -> Result<Result<(), String>, Error> {
    let (place, name) = (work.place, work.shown().backup_vault_name.as_deref().unwrap_or_default());
    let found = work.backup.store.read(|tx| async move { vault(&tx, place, name).await }).await;
    let held = match found {
        Ok(held) => held,
        Err(error) => return reason(error).map(Err),
    };
    let kept = lifecycle::delete_after(work.shown().recovery_point_lifecycle.as_ref());
    Ok(held.lock.map_or(Ok(()), |lock| lock.admits(kept)))
}

async fn start(work: &Work<'_>) -> Result<Begun, Error> {
    let shown = work.shown();
    let resource = Resource::parse(shown.resource_arn.as_deref().unwrap_or_default())?;
    let assumed = role::assume(work.backup, work.place, work.role()).await?;
    let client = assumed.client(work.place.1);
    sources::begin(&client, work.place.1, &resource, &work.job.tags, &work.name()).await
}

fn note(job: &mut JobRecord, begun: &Begun, at: Timestamp) {
    let shown = &mut job.shown.0;
    shown.state = Some(State::Running);
    shown.status_message = None;
    shown.initiation_date = Some(at);
    shown.recovery_point_arn = Some(begun.arn.clone());
    shown.backup_size_in_bytes = Some(begun.bytes);
    shown.encryption_key_arn.clone_from(&begun.key);
    shown.is_encrypted = Some(begun.is_encrypted);
    job.source = Some(begun.source.clone());
}

async fn follow(work: &Work<'_>) -> Result<(), Error> {
    let shown = work.shown();
    let arn = shown.recovery_point_arn.as_deref().unwrap_or_default();
    let assumed = match role::assume(work.backup, work.place, work.role()).await {
        Ok(assumed) => assumed,
        Err(error) => return work.end(State::Failed, &reason(error)?).await,
    };
    let progress = match sources::progress(&assumed.client(work.place.1), arn).await {
        Ok(progress) => progress,
        Err(Error::Other(fault)) if fault.status() >= 500 => Progress::Running(String::new()),
        Err(error) => Progress::Failed(reason(error)?),
    };
    match progress {
        Progress::Completed => complete(work).await,
        Progress::Failed(why) => give_up(work, State::Failed, &why).await,
        Progress::Running(percent) => {
            let ends = shown.initiation_date.map(|began| began + minutes(work.job.completion_minutes));
            if ends.is_some_and(|ends| work.now > ends) {
                return give_up(work, State::Expired, EXPIRED).await;
            }
            let again = follow_up(shown.initiation_date, work.now);
            work.change(Some(again), |job| job.shown.0.percent_done = Some(percent.clone())).await
        }
    }
}

/// Takes away what the job has made, also what it does not know of.
async fn give_up(work: &Work<'_>, state: State, why: &str) -> Result<(), Error> {
    let known = work.shown().recovery_point_arn.clone();
    let made = match known {
        Some(arn) => Some(arn),
        None => work.begun_before().await?.map(|begun| begun.arn),
    };
    let Some(arn) = made else { return work.end(state, why).await };
    let deleted = match role::assume(work.backup, work.place, work.role()).await {
        Ok(assumed) => {
            delete_made(&assumed.client(work.place.1), work.place.1, &arn).await.map_err(Error::from)
        }
        Err(error) => Err(error),
    };
    match deleted {
        Ok(()) => work.end(state, why).await,
        Err(Error::Other(fault))
            if PASSING.contains(&fault.code()) || fault.code() == "BackupInUseException" =>
        {
            work.change(Some(work.now + RETRY_PERIOD), |_| ()).await
        }
        Err(error) => {
            let problem = reason(error)?;
            work.end(state, &format!("{why} What it had made was not deleted: {problem}")).await
        }
    }
}

/// Writes the recovery point down, when it is to be deleted, and the copies that the rule asks for.
async fn complete(work: &Work<'_>) -> Result<(), Error> {
    let at = work.backup.clock.now();
    let ids: Vec<String> = work.job.copies.iter().map(|_| work.backup.ids.uuid()).collect();
    let (place, id, ids) = (work.place, work.id, &ids);
    let completed = work.backup.store.transact(|tx| async move {
        let Some(mut job) = JOBS.get(&tx, place, id).await? else { return Ok(()) };
        if job.shown.state != Some(State::Running) {
            return Ok(());
        }
        let shown = &mut job.shown.0;
        shown.state = Some(State::Completed);
        shown.percent_done = Some("100.0".to_owned());
        shown.completion_date = Some(at);
        shown.bytes_transferred = shown.backup_size_in_bytes;
        shown.message_category = Some(category(&State::Completed).to_owned());
        JOBS.put(&tx, place, id, &job).await?;
        let point = &point_of(place, &job, at);
        POINTS.put(&tx, place, point.arn(), point).await?;
        expire_later(&tx, place, point).await?;
        let role = job.shown.iam_role_arn.as_deref().unwrap_or_default();
        for (copy, copy_id) in job.copies.iter().zip(ids) {
            copies::put_new(&tx, place, copy_id, (point, &copy.0, role), Some(id), at).await?;
        }
        Ok::<_, Error>(())
    });
    completed.await
}

fn point_of(place: &Place, job: &JobRecord, at: Timestamp) -> PointRecord {
    let shown = &job.shown;
    let source = job.source.clone();
    let (tags, metadata) = source.map(|source| (source.tags, source.metadata)).unwrap_or_default();
    let point = DescribeRecoveryPointOutput {
        recovery_point_arn: shown.recovery_point_arn.clone(),
        resource_arn: shown.resource_arn.clone(),
        resource_type: shown.resource_type.clone(),
        created_by: shown.created_by.clone(),
        iam_role_arn: shown.iam_role_arn.clone(),
        creation_date: shown.creation_date,
        initiation_date: shown.initiation_date,
        completion_date: Some(at),
        backup_size_in_bytes: shown.backup_size_in_bytes,
        lifecycle: shown.recovery_point_lifecycle.clone(),
        encryption_key_arn: shown.encryption_key_arn.clone(),
        is_encrypted: shown.is_encrypted,
        ..DescribeRecoveryPointOutput::default()
    };
    let vault = shown.backup_vault_name.as_deref().unwrap_or_default();
    PointRecord { shown: Kept(points::new(place, vault, point)), tags, metadata }
}
