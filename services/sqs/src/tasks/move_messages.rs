//! Works off message move tasks: a step of each running one a pass, at the rate it asks for.

use std::sync::Arc;
use std::time::Duration;

use queue_engine::Moved;
use service::{Pass, Task};
use store::Select;

use crate::Sqs;
use crate::error::Error;
use crate::limits::{MOVE_STEP_MESSAGES_MAX, MOVE_TASK_TIME_MAX};
use crate::operations::move_tasks::running_key;
use crate::records::{MOVE_TASKS, MoveState, MoveTaskRecord, RUNNING_MOVES, RunningMoveRecord};

const PERIOD: Duration = Duration::from_secs(60);
/// A task with a rate moves this part of a second's messages at a time.
const STEP: Duration = Duration::from_millis(100);
const RUNNING_AT_ONCE_MAX: usize = 100;

pub fn task(sqs: &Arc<Sqs>) -> Task {
    Task::of(sqs, "sqs.move-messages", PERIOD, sqs.moves.clone(), |sqs| async move { pass(&sqs).await })
}

async fn pass(sqs: &Sqs) -> Result<Pass, Error> {
    let running = sqs
        .store
        .read(|tx| async move { RUNNING_MOVES.scan(&tx, &(), Select::ALL, RUNNING_AT_ONCE_MAX).await })
        .await?
        .records;
    let mut outcome = Pass::Done;
    for (_, running) in running {
        let went_on = step(sqs, &running).await?;
        outcome = match (went_on, outcome) {
            (Step::Finished, outcome) => outcome,
            (Step::Unhurried, _) | (_, Pass::More) => Pass::More,
            (Step::Paced, _) => Pass::Again(STEP),
        };
    }
    Ok(outcome)
}

enum Step {
    Finished,
    /// There is more, and nothing says to wait.
    Unhurried,
    /// There is more, after a while.
    Paced,
}

async fn step(sqs: &Sqs, running: &RunningMoveRecord) -> Result<Step, Error> {
    let place = (running.account, running.region);
    let key = running.task.as_str();
    let Some(mut task) = sqs.store.read(|tx| async move { MOVE_TASKS.get(&tx, &place, key).await }).await?
    else {
        finish(sqs, running, None).await?;
        return Ok(Step::Finished);
    };
    if task.state == MoveState::Running {
        task.state = work(sqs, &mut task).await?;
    } else {
        task.state = MoveState::Cancelled;
    }
    finish(sqs, running, Some(&task)).await?;
    Ok(match (&task.state, task.rate_per_second) {
        (MoveState::Running, None) => Step::Unhurried,
        (MoveState::Running, Some(_)) => Step::Paced,
        _ => Step::Finished,
    })
}

/// Moves some messages, and returns the state the task is in then.
async fn work(sqs: &Sqs, task: &mut MoveTaskRecord) -> Result<MoveState, Error> {
    let failed = |reason: &str| Ok(MoveState::Failed { reason: reason.to_owned() });
    let Some(source) = sqs.directory.find_arn(&task.source).await? else {
        return failed("AWS.SimpleQueueService.NonExistentQueue");
    };
    let target = match &task.destination {
        None => None,
        Some(arn) => match sqs.directory.find_arn(arn).await? {
            Some(queue) => Some(queue.id()),
            None => return failed("AWS.SimpleQueueService.NonExistentQueue"),
        },
    };
    if sqs.clock.now().since(task.started) > MOVE_TASK_TIME_MAX {
        return failed("The task took longer than 36 hours.");
    }
    let limit = match task.rate_per_second {
        None => MOVE_STEP_MESSAGES_MAX,
        Some(rate) => allowance(task, rate, sqs.clock.now()),
    };
    if limit == 0 {
        return Ok(MoveState::Running);
    }
    let moved = sqs.engine.move_batch(source.id(), target, limit).await?;
    task.moved += moved.moved as u64;
    Ok(match moved {
        // What came from nowhere, or from a queue that is gone, cannot be sent back.
        Moved { target_unknown: true, .. } => {
            MoveState::Failed { reason: "CouldNotDetermineMessageSource".to_owned() }
        }
        Moved { moved: 0, .. } => MoveState::Completed,
        _ => MoveState::Running,
    })
}

/// How many more the task may have moved by now.
fn allowance(task: &MoveTaskRecord, rate_per_second: u32, now: base::Timestamp) -> usize {
    let passed = now.since(task.started) + STEP;
    let allowed = u64::from(rate_per_second) * passed.as_millis() as u64 / 1000;
    allowed.saturating_sub(task.moved).min(MOVE_STEP_MESSAGES_MAX as u64) as usize
}

/// Saves what a step came to. A cancellation that arrived meanwhile wins over going on.
async fn finish(sqs: &Sqs, running: &RunningMoveRecord, task: Option<&MoveTaskRecord>) -> Result<(), Error> {
    let place = (running.account, running.region);
    let key = running.task.as_str();
    sqs.store
        .transact(|tx| async move {
            let going_on = match (task, MOVE_TASKS.get(&tx, &place, key).await?) {
                (Some(task), Some(stored)) => {
                    let cancelling = stored.state == MoveState::Cancelling;
                    let state = match &task.state {
                        MoveState::Running if cancelling => MoveState::Cancelling,
                        state => state.clone(),
                    };
                    let saved = MoveTaskRecord { state, ..task.clone() };
                    MOVE_TASKS.put(&tx, &place, key, &saved).await?;
                    matches!(saved.state, MoveState::Running | MoveState::Cancelling)
                }
                _ => false,
            };
            if !going_on {
                RUNNING_MOVES.delete(&tx, &(), &running_key(place, key)).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(())
}
