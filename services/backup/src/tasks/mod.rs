//! What jobs and plans do by the clock: [`DUE`] says what and when. Whatever is done looks at the record's state first, so
//! that a thing that is due twice is done once.

mod backups;
mod copies;
mod expiry;
mod recovery;
mod restores;
mod role;
mod rules;
mod sources;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use schema::Fault;
use service::{Pass, Task};
use store::Select;

use crate::Backup;
use crate::error::Error;
use crate::limits::{DUE_AT_ONCE_MAX, FOLLOW_UP_MAX, FOLLOW_UP_MIN, TASK_PERIOD};
use crate::records::{DUE, Due, DueRecord, due_at};

pub const PRINCIPAL: &str = "backup.amazonaws.com";

pub fn task(backup: &Arc<Backup>) -> Task {
    Task::of(
        backup,
        "backup.due",
        TASK_PERIOD,
        backup.due.clone(),
        |backup| async move { pass(&backup).await },
    )
}

async fn pass(backup: &Backup) -> Result<Pass, Error> {
    let now = backup.clock.now();
    let first = backup.store.read(|tx| async move { DUE.scan(&tx, &(), Select::ALL, DUE_AT_ONCE_MAX).await });
    for (key, due) in first.await?.records {
        let at = due_at(&key).ok_or_else(|| Error::Internal("something due has no time".into()))?;
        if at > now {
            break;
        }
        act(backup, at, &due).await?;
        let key = key.as_str();
        backup.store.transact(|tx| async move { DUE.delete(&tx, &(), key).await }).await?;
    }
    // What was done has most often planned something else, which comes before what was read.
    let next = backup.store.read(|tx| async move { DUE.scan(&tx, &(), Select::ALL, 1).await }).await?;
    let at = next.records.first().and_then(|(key, _)| due_at(key));
    let now = backup.clock.now();
    Ok(match at {
        None => Pass::Done,
        Some(at) if at <= now => Pass::More,
        Some(at) => Pass::Again(at.since(now)),
    })
}

async fn act(backup: &Backup, at: Timestamp, due: &DueRecord) -> Result<(), Error> {
    let place = &due.place();
    match &due.what {
        Due::Rule { plan, version, rule } => rules::run(backup, place, at, (plan, version, rule)).await,
        Due::Job { id } => backups::run(backup, place, id).await,
        Due::Copy { id } => copies::run(backup, place, id).await,
        Due::Restore { id } => restores::run(backup, place, id).await,
        Due::Expire { point } => expiry::run(backup, place, point).await,
    }
}

/// When something that has gone on since then is looked at again.
fn follow_up(since: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let passed: Duration = since.map_or(Duration::ZERO, |since| now.since(since));
    now + (passed / 10).clamp(FOLLOW_UP_MIN, FOLLOW_UP_MAX)
}

/// What a job is told to have failed of; what is ours alone is tried again by the task.
fn reason(error: Error) -> Result<String, Error> {
    match error {
        Error::StorageFull | Error::Internal(_) => Err(error),
        error => Ok(Fault::from(error).message().to_owned()),
    }
}
