//! Queue attributes: reading and setting them.

use std::collections::BTreeMap;
use std::time::Duration;

use identity::policy::{Kind, Pins, Policy};
use service::Call;
use sqs_api::{
    GetQueueAttributesInput, GetQueueAttributesOutput, SetQueueAttributesInput, SetQueueAttributesOutput,
};

use super::{config, dead_letters, open};
use crate::Sqs;
use crate::directory::Queue;
use crate::error::Error;
use crate::records::QUEUES;

pub async fn get_queue_attributes(
    sqs: &Sqs,
    call: &Call,
    input: GetQueueAttributesInput,
) -> Result<GetQueueAttributesOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    let wanted = input.attribute_names.unwrap_or_default();
    let all = wanted.iter().any(|name| name.as_str() == "All");
    let mut map = everything(sqs, &queue)?;
    map.retain(|name, _| all || wanted.iter().any(|wanted| wanted.as_str() == name));
    if let Some(policy) = map.get_mut("Policy") {
        let shown = sqs.aws.shown(policy, &queue.record.pins).await;
        *policy = shown.map_err(|fault| Error::Internal(fault.into()))?;
    }
    Ok(GetQueueAttributesOutput { attributes: (!map.is_empty()).then_some(map) })
}

/// What can be set and what can only be read.
fn everything(sqs: &Sqs, queue: &Queue) -> Result<BTreeMap<String, String>, Error> {
    let mut map = queue.record.attributes.to_map();
    let counts = sqs.engine.counts(queue.id())?;
    let read_only = [
        ("QueueArn", queue.arn().to_string()),
        ("CreatedTimestamp", queue.record.created.as_secs().to_string()),
        ("LastModifiedTimestamp", queue.record.modified.as_secs().to_string()),
        ("ApproximateNumberOfMessages", counts.visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
    ];
    map.extend(read_only.map(|(name, value)| (name.to_owned(), value)));
    Ok(map)
}

pub async fn set_queue_attributes(
    sqs: &Sqs,
    call: &Call,
    input: SetQueueAttributesInput,
) -> Result<SetQueueAttributesOutput, Error> {
    if input.attributes.is_empty() {
        return Err(Error::missing("Attribute.Name"));
    }
    let queue = open(sqs, call, &input.queue_url).await?;
    let scope = (queue.account, queue.region);
    let (scope, name, changes) = (&scope, queue.name.as_str(), &input.attributes);
    let pins = &pins(sqs, changes).await?;
    let attributes = sqs
        .store
        .transact(|tx| async move {
            let mut record = QUEUES.get(&tx, scope, name).await?.ok_or(Error::QueueDoesNotExist)?;
            let before = record.attributes.clone();
            record.attributes.apply(changes)?;
            if let Some(pins) = pins {
                record.pins.clone_from(pins);
            }
            record.modified = call.now;
            dead_letters::link(&tx, *scope, name, Some(&before), &record.attributes).await?;
            QUEUES.put(&tx, scope, name, &record).await?;
            Ok::<_, Error>(record.attributes)
        })
        .await?;
    sqs.directory.forget(queue.account, queue.region, name);
    let config = config(&attributes);
    sqs.engine.set_config(queue.id(), config).await?;
    // A queue's delay is retroactive for FIFO queues only (Developer Guide, "Delay queues").
    if attributes.fifo.is_some() && changes.keys().any(|name| name.as_str() == "DelaySeconds") {
        sqs.engine.redelay(queue.id(), Duration::from_secs(u64::from(attributes.delay))).await?;
    }
    Ok(SetQueueAttributesOutput {})
}

/// Whom the policy among the attributes names, if there is one; nothing if it is to stay as it is. One that cannot be
/// read is refused elsewhere.
pub async fn pins(sqs: &Sqs, changes: &BTreeMap<String, String>) -> Result<Option<Pins>, Error> {
    let Some(text) = changes.get("Policy") else { return Ok(None) };
    match Policy::parse(Kind::Resource, text) {
        Ok(policy) => {
            let pins = sqs.aws.pins(&policy).await;
            pins.map(Some).map_err(|fault| Error::Internal(fault.into()))
        }
        Err(_) => Ok(Some(Pins::new())),
    }
}
