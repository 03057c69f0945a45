//! Deletes items whose time is over: as DynamoDB does, some while after, and as the service's own deletions in the
//! stream. What it costs follows from what expires: writes keep an entry for each item that has a time, under that time
//! ([`crate::model::expiry`]), and only those that are over are looked at.
//!
//! Where time to live was just switched on, or was on before there were such entries, they are made first: as an index is
//! filled, once nobody is left who writes without them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use item_engine::Item;
use service::{Nudge, Pass, Task};
use table_engine::{Direction, SpaceId, Write};

use super::{TIME_TO_LIVE, keys_after, limit, sooner, table_of, work_of};
use crate::DynamoDB;
use crate::directory::{ExpiryTarget, TableView};
use crate::error::Error;
use crate::limits::{OUTDATED_WAIT, PUTS_AT_ONCE_MAX, TTL_PERIOD};
use crate::model::{action, expiry};
use crate::operations::making::take_spaces;
use crate::operations::saving;
use crate::records::{ExpiryRecord, ExpiryState, TABLES, Ttl};

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.time-to-live", TTL_PERIOD, Nudge::default(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let mut outcome = Pass::Done;
    for (key, work) in work_of(dynamodb, TIME_TO_LIVE).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        if view.record.encryption.inaccessible.is_none() {
            outcome = sooner(outcome, step(dynamodb, &view).await?);
        }
    }
    Ok(outcome)
}

async fn step(dynamodb: &DynamoDB, view: &Arc<TableView>) -> Result<Pass, Error> {
    let (Some(record), Some(target)) = (&view.record.expiry, &view.expiry) else {
        begin(dynamodb, view).await?;
        return Ok(Pass::More);
    };
    let is_more = expire(dynamodb, view, target).await?;
    let ExpiryState::Filling { after } = &record.state else {
        return Ok(if is_more { Pass::More } else { Pass::Done });
    };
    if dynamodb.directory.is_outdated(&view.record.id) {
        return Ok(Pass::Again(OUTDATED_WAIT));
    }
    let state = match fill(dynamodb, view, target, after.as_deref()).await? {
        Some(last) => ExpiryState::Filling { after: Some(last.to_vec()) },
        None => ExpiryState::Ready,
    };
    let set = dynamodb.directory.change(view, |record| {
        // It may have been switched off meanwhile, and on again.
        if let Some(expiry) = record.expiry.as_mut().filter(|expiry| SpaceId(expiry.space) == target.space) {
            expiry.state = state.clone();
        }
        Ok(())
    });
    match set.await {
        // The table was deleted meanwhile.
        Err(Error::ResourceNotFound(_)) => Ok(Pass::Done),
        set => set.map(|()| Pass::More),
    }
}

/// Gives a table a space for the entries. Writes keep them from the moment they see it.
async fn begin(dynamodb: &DynamoDB, view: &TableView) -> Result<(), Error> {
    let (place, name, id) = (view.place(), view.name.as_str(), view.record.id.as_str());
    dynamodb
        .store
        .transact(|tx| async move {
            let Some(mut record) = TABLES.get(&tx, &place, name).await?.filter(|record| record.id == id)
            else {
                return Ok(());
            };
            if let (Ttl::Enabled { attribute, .. }, None) = (&record.ttl, &record.expiry) {
                let space = take_spaces(&tx, 1).await?.start;
                let state = ExpiryState::Filling { after: None };
                record.expiry = Some(ExpiryRecord { attribute: attribute.clone(), space, state });
                TABLES.put(&tx, &place, name, &record).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
    dynamodb.directory.forget(place, name);
    Ok(())
}

/// Makes the entries of some items that were there before; the last of these, if there are more.
async fn fill(
    dynamodb: &DynamoDB,
    view: &TableView,
    target: &ExpiryTarget,
    after: Option<&[u8]>,
) -> Result<Option<Bytes>, Error> {
    let (keys, last) = keys_after(dynamodb, view, after).await?;
    if keys.is_empty() {
        return Ok(None);
    }
    let locked = keys.clone();
    let decide = |found: &[Option<Bytes>]| {
        let mut writes = Vec::new();
        for ((_, key), bytes) in locked.iter().zip(found) {
            let Some(bytes) = bytes else { continue };
            if let Some(seconds) = expiry::seconds(&action::decode(bytes)?, &target.attribute) {
                let key = expiry::entry_key(seconds, key);
                writes.push(Write::Put { space: target.space, key, value: Bytes::new() });
            }
        }
        Ok::<_, Error>((writes, ()))
    };
    dynamodb.engine.change(keys, decide).await??;
    Ok(last)
}

/// Deletes some of the items whose time is over; whether there are more.
async fn expire(dynamodb: &DynamoDB, view: &Arc<TableView>, target: &ExpiryTarget) -> Result<bool, Error> {
    let now = dynamodb.clock.now();
    let range = expiry::entries_over(now);
    let page = dynamodb.engine.scan(target.space, &range, Direction::Forward, limit()).await?;
    let delete = |(entry, _): (Bytes, Bytes)| async move {
        let Some((seconds, key)) = expiry::of_entry(&entry) else {
            return Err(Error::internal("an entry of a time to live is cut"));
        };
        let attribute = target.attribute.clone();
        let still = move |item: &Item| expiry::is_over(item, &attribute, now);
        if saving::expire(dynamodb, view.clone(), key.clone(), now, still).await? {
            return Ok(true);
        }
        forget(dynamodb, view, target, (seconds, key)).await?;
        Ok(false)
    };
    let deletes = stream::iter(page.pairs.into_iter().map(delete)).buffer_unordered(PUTS_AT_ONCE_MAX);
    let deleted: Vec<bool> = deletes.try_collect().await?;
    // Where nothing could be deleted, the next pass has the same before it, and has time.
    Ok(page.more && deleted.contains(&true))
}

/// Takes an entry away that is not its item's: who wrote before the table was seen to have entries may have left one.
async fn forget(
    dynamodb: &DynamoDB,
    view: &TableView,
    target: &ExpiryTarget,
    (seconds, key): (u64, Bytes),
) -> Result<(), Error> {
    let entry = expiry::entry_key(seconds, &key);
    let decide = |found: &[Option<Bytes>]| {
        let item = found[0].as_ref().map(|bytes| action::decode(bytes)).transpose()?;
        let is_own = item.is_some_and(|item| expiry::seconds(&item, &target.attribute) == Some(seconds));
        let gone = (!is_own).then_some(Write::Delete { space: target.space, key: entry });
        Ok::<_, Error>((gone.into_iter().collect(), ()))
    };
    dynamodb.engine.change(vec![(view.items, key)], decide).await?
}
