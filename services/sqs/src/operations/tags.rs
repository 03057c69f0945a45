//! Tags of queues.

use service::{Call, TagChange};
use sqs_api::{
    ListQueueTagsInput, ListQueueTagsOutput, TagQueueInput, TagQueueOutput, UntagQueueInput, UntagQueueOutput,
};

use super::queues::tag_error;
use super::{open, update};
use crate::Sqs;
use crate::error::Error;

pub async fn tag_queue(sqs: &Sqs, call: &Call, input: TagQueueInput) -> Result<TagQueueOutput, Error> {
    if input.tags.is_empty() {
        return Err(Error::missing("Tags"));
    }
    let queue = open(sqs, call, &input.queue_url).await?;
    let change = TagChange::Put(input.tags);
    update(sqs, &queue, |record| {
        change.apply(&mut record.tags).map_err(|fault| tag_error(fault, &queue.name))
    })
    .await?;
    Ok(TagQueueOutput {})
}

pub async fn untag_queue(sqs: &Sqs, call: &Call, input: UntagQueueInput) -> Result<UntagQueueOutput, Error> {
    if input.tag_keys.is_empty() {
        let message = "Tag keys must be between 1 and 128 characters in length.";
        return Err(Error::InvalidParameter(message.to_owned()));
    }
    let queue = open(sqs, call, &input.queue_url).await?;
    let change = TagChange::Remove(input.tag_keys);
    update(sqs, &queue, |record| {
        change.apply(&mut record.tags).map_err(|fault| tag_error(fault, &queue.name))
    })
    .await?;
    Ok(UntagQueueOutput {})
}

pub async fn list_queue_tags(
    sqs: &Sqs,
    call: &Call,
    input: ListQueueTagsInput,
) -> Result<ListQueueTagsOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    let tags = queue.record.tags.clone();
    Ok(ListQueueTagsOutput { tags: (!tags.is_empty()).then_some(tags) })
}
