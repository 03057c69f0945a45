//! Deleting received messages, and changing how long they stay hidden.

use std::time::Duration;

use queue_engine::{Receipt, SettleError};
use service::Call;
use sqs_api::{
    ChangeMessageVisibilityInput, ChangeMessageVisibilityOutput, DeleteMessageInput, DeleteMessageOutput,
};

use super::open;
use crate::Sqs;
use crate::directory::Queue;
use crate::error::Error;
use crate::limits::VISIBILITY_SECONDS_MAX;
use crate::model::handle;

pub async fn delete_message(
    sqs: &Sqs,
    call: &Call,
    input: DeleteMessageInput,
) -> Result<DeleteMessageOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    delete_all(sqs, &queue, &[&input.receipt_handle]).await?.pop().expect("one answer an entry")?;
    Ok(DeleteMessageOutput {})
}

pub async fn change_message_visibility(
    sqs: &Sqs,
    call: &Call,
    input: ChangeMessageVisibilityInput,
) -> Result<ChangeMessageVisibilityOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    let change = (input.receipt_handle.as_str(), input.visibility_timeout);
    change_all(sqs, &queue, &[change]).await?.pop().expect("one answer an entry")?;
    Ok(ChangeMessageVisibilityOutput {})
}

/// Deletes messages by their handles; the answers are in the order of the handles.
pub async fn delete_all(sqs: &Sqs, queue: &Queue, handles: &[&str]) -> Result<Vec<Result<(), Error>>, Error> {
    let parsed: Vec<_> = handles.iter().map(|handle| read_handle(handle, queue)).collect();
    let receipts: Vec<Receipt> = parsed.iter().flatten().copied().collect();
    let settled = sqs.engine.delete_batch(queue.id(), &receipts).await?;
    Ok(answers(parsed, settled, |settled, index| match settled {
        // Deleting what is gone already succeeds, and on a standard queue so does any handle ever given out.
        Err(SettleError::Gone) => Ok(()),
        Err(SettleError::Expired | SettleError::NotInFlight) if !queue.is_fifo() => Ok(()),
        other => other.map_err(|error| Error::settle(error, handles[index])),
    }))
}

/// Sets the visibility timeouts of messages, in seconds from now.
pub async fn change_all(
    sqs: &Sqs,
    queue: &Queue,
    changes: &[(&str, i32)],
) -> Result<Vec<Result<(), Error>>, Error> {
    let parse = |(handle, seconds): &(&str, i32)| {
        if !(0..=VISIBILITY_SECONDS_MAX).contains(seconds) {
            let reason = "Must be between 0 and 43200, if provided.";
            return Err(Error::invalid_value(seconds, "VisibilityTimeout", reason));
        }
        let receipt = read_handle(handle, queue)?;
        Ok((receipt, Duration::from_secs(u64::from(seconds.unsigned_abs()))))
    };
    let parsed: Vec<_> = changes.iter().map(parse).collect();
    let accepted: Vec<(Receipt, Duration)> = parsed.iter().flatten().copied().collect();
    let settled = sqs.engine.change_visibility_batch(queue.id(), &accepted).await?;
    Ok(answers(parsed, settled, |settled, index| {
        settled.map_err(|error| Error::settle(error, changes[index].0))
    }))
}

fn read_handle(handle: &str, queue: &Queue) -> Result<Receipt, Error> {
    if handle.is_empty() { Err(Error::missing("ReceiptHandle")) } else { handle::parse(handle, queue.id()) }
}

/// Puts the engine's answers in the places of the entries that reached it.
fn answers<T>(
    parsed: Vec<Result<T, Error>>,
    settled: Vec<Result<(), SettleError>>,
    translate: impl Fn(Result<(), SettleError>, usize) -> Result<(), Error>,
) -> Vec<Result<(), Error>> {
    let mut settled = settled.into_iter();
    let place = |(index, entry): (usize, Result<T, Error>)| {
        entry.and_then(|_| translate(settled.next().expect("one answer an entry"), index))
    };
    parsed.into_iter().enumerate().map(place).collect()
}
