//! Which queues send their dead letters where.

use base::{AccountId, Arn, Region};
use service::Call;
use sqs_api::{ListDeadLetterSourceQueuesInput, ListDeadLetterSourceQueuesOutput};
use store::{Select, Tx};

use super::queues::{page_position, page_size};
use super::{open, url};
use crate::Sqs;
use crate::error::Error;
use crate::model::attributes::Attributes;
use crate::model::batch::absent_if_empty;
use crate::model::redrive::{RedrivePolicy, refused};
use crate::records::{DEAD_LETTER_SOURCES, QUEUES, SourceRecord};

type Place = (AccountId, Region);

fn key(target: &str, source: &str) -> String {
    format!("{target}/{source}")
}

/// Checks a changed redrive policy and keeps the index of sources in step with it.
pub async fn link(
    tx: &Tx,
    place: Place,
    source: &str,
    before: Option<&Attributes>,
    after: &Attributes,
) -> Result<(), Error> {
    let old = before.and_then(|attributes| attributes.redrive.as_ref());
    if old == after.redrive.as_ref() {
        return Ok(());
    }
    if let Some(old) = old {
        DEAD_LETTER_SOURCES.delete(tx, &place, &key(old.target.resource(), source)).await?;
    }
    if let Some(redrive) = &after.redrive {
        check(tx, place, source, redrive, after.fifo.is_some()).await?;
        let key = key(redrive.target.resource(), source);
        DEAD_LETTER_SOURCES.put(tx, &place, &key, &SourceRecord {}).await?;
    }
    Ok(())
}

async fn check(
    tx: &Tx,
    place: Place,
    source: &str,
    redrive: &RedrivePolicy,
    fifo: bool,
) -> Result<(), Error> {
    let fail = |reason: &str| Err(refused("RedrivePolicy", &redrive.to_text(), reason));
    let target = &redrive.target;
    if target.account() != Some(place.0) || target.region() != Some(place.1) {
        return fail("Dead-letter target owner should be same as the source.");
    }
    if target.resource() == source {
        return Ok(());
    }
    let Some(record) = QUEUES.get(tx, &place, target.resource()).await? else {
        return fail("Dead letter target does not exist.");
    };
    if record.attributes.fifo.is_some() != fifo {
        return fail("Dead-letter queue must be same type of queue as the source.");
    }
    let source = Arn::regional("sqs", place.1, place.0, source);
    match &record.attributes.redrive_allow {
        Some(allow) if !allow.allows(&source) => {
            fail("The dead-letter queue's redrive allow policy does not permit this source queue.")
        }
        _ => Ok(()),
    }
}

/// Takes a queue that is deleted out of the index.
pub async fn unlink(tx: &Tx, place: Place, source: &str, attributes: &Attributes) -> Result<(), Error> {
    if let Some(redrive) = &attributes.redrive {
        DEAD_LETTER_SOURCES.delete(tx, &place, &key(redrive.target.resource(), source)).await?;
    }
    Ok(())
}

/// Whether any queue sends its dead letters to this one.
pub async fn has_sources(tx: &Tx, place: Place, target: &str) -> Result<bool, Error> {
    let listing = DEAD_LETTER_SOURCES.scan(tx, &place, Select::prefix(&key(target, "")), 1).await?;
    Ok(!listing.records.is_empty())
}

pub async fn list_dead_letter_source_queues(
    sqs: &Sqs,
    call: &Call,
    input: ListDeadLetterSourceQueuesInput,
) -> Result<ListDeadLetterSourceQueuesOutput, Error> {
    const OPERATION: &str = "ListDeadLetterSourceQueues";
    let limit = page_size(input.max_results)?;
    let after = page_position(sqs, call, OPERATION, input.next_token.as_deref())?;
    let queue = open(sqs, call, &input.queue_url).await?;
    let (place, prefix) = ((queue.account, queue.region), key(&queue.name, ""));
    let (place, prefix, after) = (&place, prefix.as_str(), after.as_deref());
    let listing = sqs
        .store
        .read(|tx| async move {
            let select = Select::prefix(prefix).after(after);
            DEAD_LETTER_SOURCES.scan(&tx, place, select, limit).await
        })
        .await?;
    let names = listing.records.iter().map(|(key, _)| &key[prefix.len()..]);
    Ok(ListDeadLetterSourceQueuesOutput {
        queue_urls: absent_if_empty(names.map(|name| url(call, queue.account, name)).collect()),
        next_token: listing
            .next
            .filter(|_| input.max_results.is_some())
            .map(|next| sqs.pages.make(OPERATION, call.account, &next)),
    })
}
