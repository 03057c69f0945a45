//! What policies do by the clock: [`DUE`] says what and when, and every entry is done once.

mod copies;
mod events;
mod fast_restores;
mod images;
mod making;
mod recent;
mod retirement;
mod role;
mod run;
mod snapshots;
mod targets;

use std::sync::Arc;

use base::Timestamp;
use dlm_api::{GettablePolicyStateValues, PolicyDetails, Schedule};
use service::{Pass, Task};
use store::{Select, Tx};

use crate::Dlm;
use crate::error::Error;
use crate::limits::{DUE_AT_ONCE_MAX, EXTENDED_DELETION_TIME_MAX, TASK_PERIOD, WATCH_PERIOD};
use crate::model::kinds::{self, Kind};
use crate::operations::plan;
use crate::records::{self, DUE, Due, DueRecord, MADE, POLICIES, PolicyRecord, RETIRED, due_at, made_by};

pub const PRINCIPAL: &str = "dlm.amazonaws.com";

pub fn task(dlm: &Arc<Dlm>) -> Task {
    Task::of(dlm, "dlm.due", TASK_PERIOD, dlm.due.clone(), |dlm| async move { pass(&dlm).await })
}

async fn pass(dlm: &Dlm) -> Result<Pass, Error> {
    let now = dlm.clock.now();
    let first = dlm.store.read(|tx| async move { DUE.scan(&tx, &(), Select::ALL, DUE_AT_ONCE_MAX).await });
    let first = first.await?;
    for (key, due) in first.records {
        let at = due_at(&key).ok_or_else(|| Error::Internal("something due has no time".into()))?;
        if at > now {
            return Ok(Pass::Again(at.since(now)));
        }
        act(dlm, &key, at, &due).await?;
    }
    Ok(if first.next.is_some() { Pass::More } else { Pass::Done })
}

/// A policy and its schedule, while something is done for it.
struct Work<'a> {
    dlm: &'a Dlm,
    due: &'a DueRecord,
    /// When it was due.
    at: Timestamp,
    policy: &'a PolicyRecord,
    details: &'a PolicyDetails,
    kind: Kind,
    schedule: &'a Schedule,
}

/// Whether what is due is done still. A policy that was changed has planned anew; what follows up a backup goes on all
/// the same. One that is off does nothing, but let go of backups where it says so.
fn is_wanted(policy: &PolicyRecord, due: &DueRecord) -> bool {
    let only_lets_go = policy.extends_deletion() && matches!(due.what, Due::Run | Due::DropCopy { .. });
    (policy.enabled || only_lets_go) && (!due.what.is_regular() || policy.revision == due.revision)
}

/// Does one thing. What fails is told in the policy's state and not done again: the next run is.
async fn act(dlm: &Dlm, key: &str, at: Timestamp, due: &DueRecord) -> Result<(), Error> {
    let (place, id) = (&due.place(), due.policy.as_str());
    let found = dlm.store.read(|tx| async move { records::policy(&tx, place, id).await }).await?;
    let Some(policy) = &found.filter(|policy| is_wanted(policy, due)) else { return done(dlm, key).await };
    let schedules = policy.schedules();
    let (Some(details), Some(schedule)) = (policy.details(), schedules.get(due.schedule)) else {
        return done(dlm, key).await;
    };
    let work = Work { dlm, due, at, policy, details, kind: kinds::of(details)?, schedule };
    let result = match &due.what {
        Due::Run => run::run(&work).await,
        Due::Watch => events::watch(&work).await,
        Due::Copy { snapshot, target, rule, since } => {
            copies::copy(&work, snapshot, target, *rule, *since).await
        }
        Due::Unshare { snapshot } => snapshots::unshare(&work, snapshot).await,
        Due::DropCopy { region, snapshot } => copies::drop_copy(&work, region, snapshot).await,
        Due::SpeedUp { snapshot, since } => fast_restores::enable(&work, snapshot, *since).await,
        Due::SlowDown { snapshot } => fast_restores::end(&work, snapshot).await,
        Due::Archive { snapshot, since } => retirement::archive(&work, snapshot, *since).await,
    };
    let problem = match result {
        Ok(()) => None,
        Err(error @ (Error::StorageFull | Error::Internal(_))) => return Err(error),
        Err(error) => Some(schema::Fault::from(error).message().to_owned()),
    };
    finish(dlm, key, due, problem.as_deref()).await
}

async fn done(dlm: &Dlm, key: &str) -> Result<(), Error> {
    Ok(dlm.store.transact(|tx| async move { DUE.delete(&tx, &(), key).await }).await?)
}

/// Tells how it went, and plans the next run.
async fn finish(dlm: &Dlm, key: &str, due: &DueRecord, problem: Option<&str>) -> Result<(), Error> {
    let (place, id, now) = (&due.place(), due.policy.as_str(), dlm.clock.now());
    if let Some(problem) = problem {
        tracing::warn!(policy = id, problem, "a lifecycle policy could not do what was due");
    }
    let finished = dlm.store.transact(|tx| async move {
        DUE.delete(&tx, &(), key).await?;
        if let Some(policy) = RETIRED.get(&tx, place, id).await? {
            return retire(&tx, due, &policy, now).await;
        }
        let Some(mut policy) = POLICIES.get(&tx, place, id).await? else { return Ok(()) };
        let before = policy.clone();
        if policy.enabled && (problem.is_some() || due.what.is_regular()) {
            let state = match problem {
                Some(_) => GettablePolicyStateValues::Error,
                None => GettablePolicyStateValues::Enabled,
            };
            let message = problem.map_or_else(|| state.to_string(), str::to_owned);
            let shown = &mut policy.shown.0;
            shown.state = Some(state);
            shown.status_message = Some(message);
        }
        let is_current = policy.revision == due.revision;
        policy.watching |= is_current && problem.is_none() && due.what == Due::Watch;
        if policy != before {
            POLICIES.put(&tx, place, id, &policy).await?;
        }
        match &due.what {
            Due::Run if is_current => plan::next(&tx, place, id, &policy, due.schedule, now).await?,
            Due::Watch if is_current => plan::watch(&tx, place, id, &policy, now + WATCH_PERIOD).await?,
            _ => {}
        }
        Ok::<_, Error>(())
    });
    finished.await
}

/// A policy that was deleted runs on until its backups are gone, and copies of them as well.
async fn retire(tx: &Tx, due: &DueRecord, policy: &PolicyRecord, now: Timestamp) -> Result<(), Error> {
    let (place, id) = (&due.place(), due.policy.as_str());
    if due.what != Due::Run || policy.revision != due.revision {
        return Ok(());
    }
    let left = MADE.scan(tx, place, Select::prefix(&made_by(id)), 1).await?;
    let is_over = policy.shown.date_modified.is_none_or(|at| now.since(at) > EXTENDED_DELETION_TIME_MAX);
    match left.records.is_empty() && is_over {
        true => Ok(RETIRED.delete(tx, place, id).await?),
        false => Ok(plan::next(tx, place, id, policy, due.schedule, now).await?),
    }
}
