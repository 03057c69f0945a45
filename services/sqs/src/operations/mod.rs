//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod attributes;
pub mod batches;
pub mod dead_letters;
pub mod messages;
pub mod move_tasks;
pub mod permissions;
pub mod queues;
pub mod receive;
pub mod settle;
pub mod tags;

use std::sync::Arc;

use base::AccountId;
use queue_engine::{Config, DedupScope};
use service::Call;

use crate::Sqs;
use crate::directory::Queue;
use crate::error::Error;
use crate::limits::IN_FLIGHT_MESSAGES_MAX;
use crate::model::address::QueueAddress;
use crate::model::attributes::Attributes;
use crate::records::{QUEUES, QueueRecord};

/// The queue that a URL names, for an operation on it.
async fn open(sqs: &Sqs, call: &Call, url: &str) -> Result<Arc<Queue>, Error> {
    let address = QueueAddress::parse(url)?;
    let account = address.account.unwrap_or(call.account);
    sqs.directory.find(account, call.region, &address.name).await?.ok_or(Error::QueueDoesNotExist)
}

/// The URL under which the caller reaches a queue: where the call came in.
fn url(call: &Call, account: AccountId, name: &str) -> String {
    format!("{}/{account}/{name}", call.source.endpoint)
}

/// What the engine needs to know of a queue's attributes.
fn config(attributes: &Attributes) -> Config {
    let base = if attributes.fifo.is_some() { Config::fifo() } else { Config::standard() };
    let per_group = attributes.fifo.is_some_and(|fifo| fifo.deduplication_per_group);
    Config {
        retention: std::time::Duration::from_secs(u64::from(attributes.retention)),
        dedup_scope: if per_group { DedupScope::MessageGroup } else { DedupScope::Queue },
        in_flight_max: IN_FLIGHT_MESSAGES_MAX,
        ..base
    }
}

/// Changes the record of a queue in one transaction. `change` may run again and has no other effects.
async fn update<T: Send>(
    sqs: &Sqs,
    queue: &Queue,
    change: impl Fn(&mut QueueRecord) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let scope = (queue.account, queue.region);
    let (scope, name, change) = (&scope, queue.name.as_str(), &change);
    let changed = sqs
        .store
        .transact(|tx| async move {
            let mut record = QUEUES.get(&tx, scope, name).await?.ok_or(Error::QueueDoesNotExist)?;
            let answer = change(&mut record)?;
            QUEUES.put(&tx, scope, name, &record).await?;
            Ok(answer)
        })
        .await;
    sqs.directory.forget(queue.account, queue.region, name);
    changed
}
