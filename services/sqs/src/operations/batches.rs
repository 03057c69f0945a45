//! The batch forms: rules for the whole, then each entry as its single form, failing alone.

use queue_engine::NewMessage;
use service::Call;
use sqs_api::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchInput, ChangeMessageVisibilityBatchOutput,
    ChangeMessageVisibilityBatchResultEntry, DeleteMessageBatchInput, DeleteMessageBatchOutput,
    DeleteMessageBatchResultEntry, SendMessageBatchInput, SendMessageBatchOutput,
    SendMessageBatchRequestEntry, SendMessageBatchResultEntry, SendMessageInput,
};

use super::messages::Outgoing;
use super::open;
use super::settle::{change_all, delete_all};
use crate::Sqs;
use crate::error::Error;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::model::batch::{absent_if_empty, check_ids, failed};

pub async fn send_message_batch(
    sqs: &Sqs,
    call: &Call,
    input: SendMessageBatchInput,
) -> Result<SendMessageBatchOutput, Error> {
    check_ids(input.entries.iter().map(|entry| entry.id.as_str()), "SendMessageBatchRequestEntry")?;
    let bytes = input.entries.iter().map(entry_bytes).sum();
    if bytes > MESSAGE_BYTES_MAX {
        return Err(Error::BatchTooLong { bytes });
    }
    let queue = open(sqs, call, &input.queue_url).await?;
    let key = sqs.encryption.for_sending(call, &queue).await?;
    let mut failures = Vec::new();
    let mut accepted = Vec::with_capacity(input.entries.len());
    for entry in input.entries {
        let (id, message) = split(entry);
        match Outgoing::new(call, &queue, key.as_deref(), message) {
            Ok(outgoing) => accepted.push((id, outgoing)),
            Err(error) => failures.push(failed(&id, error)),
        }
    }
    let messages: Vec<NewMessage<'_>> = accepted.iter().map(|(_, outgoing)| outgoing.message()).collect();
    let sent = sqs.engine.send_batch(queue.id(), &messages).await?;
    let successes = accepted.into_iter().zip(sent).map(|((id, outgoing), sent)| {
        let answer = outgoing.answer(&queue, sent);
        SendMessageBatchResultEntry {
            id,
            message_id: answer.message_id.unwrap_or_default(),
            md5_of_message_body: answer.md5_of_message_body.unwrap_or_default(),
            md5_of_message_attributes: answer.md5_of_message_attributes,
            md5_of_message_system_attributes: answer.md5_of_message_system_attributes,
            sequence_number: answer.sequence_number,
        }
    });
    Ok(SendMessageBatchOutput {
        successful: absent_if_empty(successes.collect()),
        failed: absent_if_empty(failures),
    })
}

/// What an entry counts towards the size of the batch: its body and its attributes.
fn entry_bytes(entry: &SendMessageBatchRequestEntry) -> usize {
    let attributes = entry.message_attributes.iter().flatten().map(|(name, value)| {
        let text = value.string_value.as_ref().map_or(0, String::len);
        let binary = value.binary_value.as_ref().map_or(0, |bytes| bytes.len());
        name.len() + value.data_type.len() + text + binary
    });
    entry.message_body.len() + attributes.sum::<usize>()
}

/// An entry as the input of the single form, which has the same members.
fn split(entry: SendMessageBatchRequestEntry) -> (String, SendMessageInput) {
    let message = SendMessageInput {
        queue_url: String::new(),
        message_body: entry.message_body,
        delay_seconds: entry.delay_seconds,
        message_attributes: entry.message_attributes,
        message_system_attributes: entry.message_system_attributes,
        message_deduplication_id: entry.message_deduplication_id,
        message_group_id: entry.message_group_id,
    };
    (entry.id, message)
}

pub async fn delete_message_batch(
    sqs: &Sqs,
    call: &Call,
    input: DeleteMessageBatchInput,
) -> Result<DeleteMessageBatchOutput, Error> {
    check_ids(input.entries.iter().map(|entry| entry.id.as_str()), "DeleteMessageBatchRequestEntry")?;
    let queue = open(sqs, call, &input.queue_url).await?;
    let handles: Vec<&str> = input.entries.iter().map(|entry| entry.receipt_handle.as_str()).collect();
    let answers = delete_all(sqs, &queue, &handles).await?;
    let (ids, failed) = part(input.entries.iter().map(|entry| entry.id.as_str()), answers);
    let successful = ids.into_iter().map(|id| DeleteMessageBatchResultEntry { id });
    Ok(DeleteMessageBatchOutput {
        successful: absent_if_empty(successful.collect()),
        failed: absent_if_empty(failed),
    })
}

pub async fn change_message_visibility_batch(
    sqs: &Sqs,
    call: &Call,
    input: ChangeMessageVisibilityBatchInput,
) -> Result<ChangeMessageVisibilityBatchOutput, Error> {
    const ENTRY: &str = "ChangeMessageVisibilityBatchRequestEntry";
    check_ids(input.entries.iter().map(|entry| entry.id.as_str()), ENTRY)?;
    let queue = open(sqs, call, &input.queue_url).await?;
    // An entry without a timeout makes its message visible at once.
    let changes: Vec<(&str, i32)> = input
        .entries
        .iter()
        .map(|entry| (entry.receipt_handle.as_str(), entry.visibility_timeout.unwrap_or(0)))
        .collect();
    let answers = change_all(sqs, &queue, &changes).await?;
    let (ids, failed) = part(input.entries.iter().map(|entry| entry.id.as_str()), answers);
    let successful = ids.into_iter().map(|id| ChangeMessageVisibilityBatchResultEntry { id });
    Ok(ChangeMessageVisibilityBatchOutput {
        successful: absent_if_empty(successful.collect()),
        failed: absent_if_empty(failed),
    })
}

/// Parts the entries that succeeded from those that failed.
fn part<'a>(
    ids: impl Iterator<Item = &'a str>,
    answers: Vec<Result<(), Error>>,
) -> (Vec<String>, Vec<BatchResultErrorEntry>) {
    let (mut successful, mut failures) = (Vec::new(), Vec::new());
    for (id, answer) in ids.zip(answers) {
        match answer {
            Ok(()) => successful.push(id.to_owned()),
            Err(error) => failures.push(failed(id, error)),
        }
    }
    (successful, failures)
}
