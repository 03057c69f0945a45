//! Message move tasks: bringing dead letters back to life, in the background.

use base::{AccountId, Arn, Region, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use service::Call;
use sqs_api::{
    CancelMessageMoveTaskInput, CancelMessageMoveTaskOutput, ListMessageMoveTasksInput,
    ListMessageMoveTasksOutput, ListMessageMoveTasksResultEntry, StartMessageMoveTaskInput,
    StartMessageMoveTaskOutput,
};
use store::{Select, Tx, ordered};

use super::dead_letters;
use crate::Sqs;
use crate::error::Error;
use crate::limits::{MOVE_RATE_PER_SECOND_MAX, MOVE_TASK_RESULTS_MAX, MOVE_TASKS_KEPT_MAX};
use crate::model::batch::absent_if_empty;
use crate::records::{MOVE_TASKS, MoveState, MoveTaskRecord, RUNNING_MOVES, RunningMoveRecord};

type Place = (AccountId, Region);

pub fn by_start(_: &Sqs, _: &Call, input: &StartMessageMoveTaskInput) -> Result<Vec<Arn>, Error> {
    let source = queue_arn(&input.source_arn, "SourceArn")?;
    let destination =
        input.destination_arn.as_deref().map(|arn| queue_arn(arn, "DestinationArn")).transpose()?;
    Ok([Some(source), destination].into_iter().flatten().collect())
}

pub fn by_source(_: &Sqs, _: &Call, input: &ListMessageMoveTasksInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![queue_arn(&input.source_arn, "SourceArn")?])
}

pub fn by_handle(_: &Sqs, _: &Call, input: &CancelMessageMoveTaskInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![TaskHandle::parse(&input.task_handle)?.source])
}

fn queue_arn(text: &str, parameter: &str) -> Result<Arn, Error> {
    let arn = text.parse::<Arn>().ok().filter(|arn| arn.service() == "sqs");
    arn.ok_or_else(|| Error::invalid_value(text, parameter, "Must be the ARN of a queue."))
}

/// Names a task; opaque to clients.
struct TaskHandle {
    source: Arn,
    /// The key in [`MOVE_TASKS`].
    task: String,
}

impl TaskHandle {
    fn to_text(&self) -> String {
        STANDARD.encode(format!("{} {}", self.task, self.source))
    }

    fn parse(text: &str) -> Result<TaskHandle, Error> {
        let decoded = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let parts = decoded.as_deref().and_then(|decoded| decoded.split_once(' '));
        let handle = parts.and_then(|(task, source)| {
            Some(TaskHandle { task: task.to_owned(), source: source.parse().ok()? })
        });
        handle.ok_or_else(|| {
            Error::InvalidParameter(format!("Value {text} for parameter TaskHandle is invalid."))
        })
    }
}

pub async fn start_message_move_task(
    sqs: &Sqs,
    call: &Call,
    input: StartMessageMoveTaskInput,
) -> Result<StartMessageMoveTaskOutput, Error> {
    let rate = match input.max_number_of_messages_per_second {
        Some(rate) if !(1..=MOVE_RATE_PER_SECOND_MAX).contains(&rate) => {
            let reason = "Must be between 1 and 500, if provided.";
            return Err(Error::invalid_value(rate, "MaxNumberOfMessagesPerSecond", reason));
        }
        rate => rate.map(i32::unsigned_abs),
    };
    let missing = |parameter: &str| {
        Error::ResourceNotFound(format!(
            "The resource that you specified for the {parameter} parameter doesn't exist."
        ))
    };
    let source_arn = queue_arn(&input.source_arn, "SourceArn")?;
    let source = sqs.directory.find_arn(&source_arn).await?.ok_or_else(|| missing("SourceArn"))?;
    let destination = match input.destination_arn.as_deref().map(|arn| queue_arn(arn, "DestinationArn")) {
        None => None,
        Some(arn) => {
            let arn = arn?;
            let queue = sqs.directory.find_arn(&arn).await?.ok_or_else(|| missing("DestinationArn"))?;
            if queue.id() == source.id() {
                let reason = "Source queue arn and destination queue arn cannot be the same.";
                return Err(Error::invalid_value(arn, "DestinationArn", reason));
            }
            if queue.is_fifo() != source.is_fifo() {
                let reason = "Source and destination must be queues of the same type.";
                return Err(Error::invalid_value(arn, "DestinationArn", reason));
            }
            Some(arn)
        }
    };
    let task = MoveTaskRecord {
        source: source_arn,
        destination,
        rate_per_second: rate,
        started: call.now,
        moved: 0,
        to_move: sqs.engine.counts(source.id())?.visible as u64,
        state: MoveState::Running,
    };
    let (place, name, task) = ((source.account, source.region), source.name.as_str(), &task);
    let key = sqs.store.transact(|tx| async move { add_task(&tx, place, name, task).await }).await?;
    sqs.moves.nudge();
    let handle = TaskHandle { source: task.source.clone(), task: key };
    Ok(StartMessageMoveTaskOutput { task_handle: Some(handle.to_text()) })
}

async fn add_task(tx: &Tx, place: Place, source: &str, task: &MoveTaskRecord) -> Result<String, Error> {
    if !dead_letters::has_sources(tx, place, source).await? {
        let message = "Source queue must be configured as a Dead Letter Queue.";
        return Err(Error::InvalidParameter(message.to_owned()));
    }
    let earlier = tasks_of(tx, place, source).await?;
    if earlier.iter().any(|(_, task)| matches!(task.state, MoveState::Running | MoveState::Cancelling)) {
        let message = "There is already a task running. Only one active task is allowed for a source queue arn at \
                       a given time.";
        return Err(Error::InvalidParameter(message.to_owned()));
    }
    for (key, _) in earlier.iter().skip(MOVE_TASKS_KEPT_MAX - 1) {
        MOVE_TASKS.delete(tx, &place, key).await?;
    }
    let last = earlier.first().and_then(|(key, _)| key.rsplit('/').next()?.parse::<u64>().ok());
    let key = format!("{source}/{}", ordered(last.map_or(0, |last| last + 1)));
    MOVE_TASKS.put(tx, &place, &key, task).await?;
    let running = RunningMoveRecord { account: place.0, region: place.1, task: key.clone() };
    RUNNING_MOVES.put(tx, &(), &running_key(place, &key), &running).await?;
    Ok(key)
}

/// The key of a running task in [`RUNNING_MOVES`].
pub fn running_key(place: Place, task: &str) -> String {
    format!("{}/{}/{task}", place.0, place.1)
}

/// The tasks of a source queue, newest first.
async fn tasks_of(tx: &Tx, place: Place, source: &str) -> Result<Vec<(String, MoveTaskRecord)>, Error> {
    let prefix = format!("{source}/");
    let select = Select::prefix(&prefix).backward();
    Ok(MOVE_TASKS.scan(tx, &place, select, MOVE_TASKS_KEPT_MAX + 1).await?.records)
}

pub async fn list_message_move_tasks(
    sqs: &Sqs,
    _: &Call,
    input: ListMessageMoveTasksInput,
) -> Result<ListMessageMoveTasksOutput, Error> {
    let max = input.max_results.unwrap_or(1);
    if !(1..=MOVE_TASK_RESULTS_MAX).contains(&max) {
        let reason = "Value for parameter MaxResults must be between 1 and 10.";
        return Err(Error::invalid_value(max, "MaxResults", reason));
    }
    let arn = queue_arn(&input.source_arn, "SourceArn")?;
    let queue = sqs.directory.find_arn(&arn).await?.ok_or_else(|| {
        let message = "The resource that you specified for the SourceArn parameter doesn't exist.";
        Error::ResourceNotFound(message.to_owned())
    })?;
    let (place, name) = ((queue.account, queue.region), queue.name.as_str());
    let tasks = sqs.store.read(|tx| async move { tasks_of(&tx, place, name).await }).await?;
    let results = tasks.into_iter().take(max as usize).map(|(key, task)| to_entry(key, task));
    Ok(ListMessageMoveTasksOutput { results: absent_if_empty(results.collect()) })
}

fn to_entry(key: String, task: MoveTaskRecord) -> ListMessageMoveTasksResultEntry {
    let (status, failure_reason) = match &task.state {
        MoveState::Running => ("RUNNING", None),
        MoveState::Cancelling => ("CANCELLING", None),
        MoveState::Completed => ("COMPLETED", None),
        MoveState::Cancelled => ("CANCELLED", None),
        MoveState::Failed { reason } => ("FAILED", Some(reason.clone())),
    };
    let handle = TaskHandle { source: task.source.clone(), task: key };
    ListMessageMoveTasksResultEntry {
        task_handle: (task.state == MoveState::Running).then(|| handle.to_text()),
        status: Some(status.to_owned()),
        source_arn: Some(task.source.to_string()),
        destination_arn: task.destination.map(|arn| arn.to_string()),
        max_number_of_messages_per_second: task.rate_per_second.and_then(|rate| i32::try_from(rate).ok()),
        approximate_number_of_messages_moved: Some(task.moved as i64),
        approximate_number_of_messages_to_move: Some(task.to_move as i64),
        failure_reason,
        started_timestamp: Some(Timestamp::as_millis(task.started)),
    }
}

pub async fn cancel_message_move_task(
    sqs: &Sqs,
    _: &Call,
    input: CancelMessageMoveTaskInput,
) -> Result<CancelMessageMoveTaskOutput, Error> {
    let handle = TaskHandle::parse(&input.task_handle)?;
    let place = handle.source.account().zip(handle.source.region());
    let not_found = || Error::ResourceNotFound("Task does not exist.".to_owned());
    let (place, task) = (place.ok_or_else(not_found)?, handle.task.as_str());
    sqs.directory.find_arn(&handle.source).await?.ok_or_else(not_found)?;
    let moved = sqs
        .store
        .transact(|tx| async move {
            let mut record = MOVE_TASKS.get(&tx, &place, task).await?.ok_or_else(not_found)?;
            if record.state != MoveState::Running {
                return Err(Error::UnsupportedOperation("Only active tasks can be cancelled.".to_owned()));
            }
            record.state = MoveState::Cancelling;
            MOVE_TASKS.put(&tx, &place, task, &record).await?;
            Ok(record.moved)
        })
        .await?;
    sqs.moves.nudge();
    Ok(CancelMessageMoveTaskOutput { approximate_number_of_messages_moved: Some(moved as i64) })
}
