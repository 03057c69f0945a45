//! Tells the other regions of a global table what is written in this one: first all items that were there before the
//! replica was, then the log of writes, in its order and again and again until it was taken. What is told twice does no
//! harm, since only a later write replaces one.

use std::sync::Arc;

use base::Region;
use bytes::Bytes;
use service::{Pass, Task};
use table_engine::{Direction, SpaceId, Write};

use super::{PERIOD, REPLICAS, after, limit, sooner, table_of, work_of};
use crate::DynamoDB;
use crate::directory::{ReplicationTarget, TableView};
use crate::error::Error;
use crate::limits::{OUTDATED_WAIT, REPLICATION_PAUSE};
use crate::model::action::{self, Action, Verb};
use crate::model::history::{Origin, Sent, Version};
use crate::operations::replicas::sent_key;
use crate::operations::saving;
use crate::records::{ReplicaRecord, ReplicaStatus, SENT, SentRecord, TableStatus};

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.replicas", PERIOD, dynamodb.replicating.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let mut outcome = Pass::Done;
    for (key, work) in work_of(dynamodb, REPLICAS).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        let (Some(replication), Some(target)) = (&view.record.replication, view.replication) else {
            continue;
        };
        outcome = sooner(outcome, Pass::Again(REPLICATION_PAUSE));
        if dynamodb.directory.is_outdated(&view.record.id) {
            outcome = sooner(outcome, Pass::Again(OUTDATED_WAIT));
            continue;
        }
        let mut least: Option<Option<Vec<u8>>> = None;
        for replica in &replication.replicas {
            let (went_on, sent) = one(dynamodb, &view, target, replica).await?;
            if went_on {
                outcome = sooner(outcome, Pass::More);
            }
            least = Some(least.map_or(sent.clone(), |least| least.min(sent)));
        }
        if let Some(Some(sent)) = least {
            trim(dynamodb, target.log, &sent).await?;
        }
    }
    Ok(outcome)
}

/// Tells one region something; whether there is more, and what of the log it knows by now.
async fn one(
    dynamodb: &DynamoDB,
    view: &Arc<TableView>,
    target: ReplicationTarget,
    replica: &ReplicaRecord,
) -> Result<(bool, Option<Vec<u8>>), Error> {
    let region = replica.region;
    let before = state(dynamodb, view, region).await?;
    let mut state = before.clone();
    let there = dynamodb.directory.find((view.account, region), &view.name).await?;
    let Some(there) = there.filter(|there| there.replication.is_some()) else {
        return Ok((false, state.sent));
    };
    let is_more = match replica.status {
        ReplicaStatus::Creating => copy(dynamodb, view, target, &there, &mut state).await?,
        ReplicaStatus::Active => send(dynamodb, target.log, &there, &mut state).await?,
    };
    let (place, key, kept) = (view.place(), sent_key(&view.record.id, region), &state);
    let key = key.as_str();
    if state != before {
        dynamodb.store.transact(|tx| async move { SENT.put(&tx, &place, key, kept).await }).await?;
    }
    if replica.status == ReplicaStatus::Creating && !is_more {
        finish(dynamodb, view, &there, region).await?;
        return Ok((true, state.sent));
    }
    Ok((is_more, state.sent))
}

async fn state(dynamodb: &DynamoDB, view: &TableView, region: Region) -> Result<SentRecord, Error> {
    let (place, key) = (view.place(), sent_key(&view.record.id, region));
    let key = key.as_str();
    let found = dynamodb.store.read(|tx| async move { SENT.get(&tx, &place, key).await }).await?;
    Ok(found.unwrap_or_default())
}

/// Copies some of the items that were there; whether there are more.
async fn copy(
    dynamodb: &DynamoDB,
    view: &TableView,
    target: ReplicationTarget,
    there: &Arc<TableView>,
    state: &mut SentRecord,
) -> Result<bool, Error> {
    let range = after(state.copied.as_deref());
    let page = dynamodb.engine.scan(view.items, &range, Direction::Forward, limit()).await?;
    for (key, bytes) in &page.pairs {
        let version = dynamodb.engine.get(target.versions, key).await?;
        let version = version.and_then(|bytes| Version::decode(&bytes)).map(|version| version.origin);
        // What has no version was written before there was a replica.
        let origin = version.unwrap_or(Origin { at: view.record.created, region: view.region });
        apply(dynamodb, there, origin, key, Some(bytes)).await?;
        state.copied = Some(key.to_vec());
    }
    Ok(page.more)
}

/// Sends some of the log; whether there is more.
async fn send(
    dynamodb: &DynamoDB,
    log: SpaceId,
    there: &Arc<TableView>,
    state: &mut SentRecord,
) -> Result<bool, Error> {
    let page = dynamodb.engine.scan(log, &after(state.sent.as_deref()), Direction::Forward, limit()).await?;
    for (key, bytes) in &page.pairs {
        let sent = Sent::decode(bytes).ok_or_else(|| Error::internal("a replication log is damaged"))?;
        let new = sent.new.map(Bytes::copy_from_slice);
        apply(dynamodb, there, sent.origin, sent.key, new.as_ref()).await?;
        state.sent = Some(key.to_vec());
    }
    Ok(page.more)
}

async fn apply(
    dynamodb: &DynamoDB,
    there: &Arc<TableView>,
    origin: Origin,
    key: &[u8],
    new: Option<&Bytes>,
) -> Result<(), Error> {
    let key = Bytes::copy_from_slice(key);
    let action = match new {
        Some(bytes) => Action::put(there.clone(), key, action::decode(bytes)?),
        None => Action::new(there.clone(), key, Verb::Delete),
    };
    saving::replicate(dynamodb, origin, dynamodb.clock.now(), action).await?;
    Ok(())
}

/// The replica has all that was there before it, and can be used.
async fn finish(
    dynamodb: &DynamoDB,
    view: &TableView,
    there: &TableView,
    region: Region,
) -> Result<(), Error> {
    dynamodb
        .directory
        .change(there, |record| {
            record.status = TableStatus::Active;
            Ok(())
        })
        .await?;
    dynamodb
        .directory
        .change(view, |record| {
            let replicas = record.replication.iter_mut().flat_map(|replication| &mut replication.replicas);
            let mut is_busy = false;
            for replica in replicas {
                if replica.region == region {
                    replica.status = ReplicaStatus::Active;
                }
                is_busy |= replica.status == ReplicaStatus::Creating;
            }
            if !is_busy {
                record.status = TableStatus::Active;
            }
            Ok(())
        })
        .await
}

/// Deletes what every region has been told.
async fn trim(dynamodb: &DynamoDB, log: SpaceId, sent: &[u8]) -> Result<(), Error> {
    let page = dynamodb.engine.scan(log, &after(None), Direction::Forward, limit()).await?;
    let known: Vec<Write> = page
        .pairs
        .iter()
        .take_while(|(key, _)| key[..] <= *sent)
        .map(|(key, _)| Write::Delete { space: log, key: key.clone() })
        .collect();
    if known.is_empty() {
        return Ok(());
    }
    dynamodb.engine.change(Vec::new(), |_| Ok::<_, Error>((known, ()))).await?
}
