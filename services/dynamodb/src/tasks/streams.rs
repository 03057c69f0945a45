//! Time in streams: shards that were open for four hours get a child, records that are a day old are given back, and so
//! is a stream a day after it ended. Tokens of transactions that have no meaning any more go with it.

use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use service::{Nudge, Pass, Task};
use store::Tx;
use table_engine::{Direction, KeyRange, ScanLimit, SpaceId, TableError, Write};

use super::{STREAMS as WORK_KIND, done, place_of, sooner, work_of};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX, STREAM_PERIOD};
use crate::operations::making::drop_space;
use crate::operations::tokens::{self, TOKENS};
use crate::records::{Place, STREAMS, StreamRecord};
use crate::streams::{SHARDS, ShardsRecord, is_gone, is_trimmed, open};

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.streams", STREAM_PERIOD, Nudge::default(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let now = dynamodb.clock.now();
    let mut outcome = forget_tokens(dynamodb, now).await?;
    for (work, record) in work_of(dynamodb, WORK_KIND).await? {
        let place = place_of(&record);
        // The stream's label is the end of the work's key.
        let label = work.rsplit('/').next().unwrap_or_default();
        let key = format!("{}/{label}", record.table);
        let (place_ref, name) = (&place, key.as_str());
        let found = dynamodb.store.read(|tx| async move { STREAMS.get(&tx, place_ref, name).await }).await?;
        let Some(stream) = found else {
            done(dynamodb, &work).await?;
            continue;
        };
        if is_gone(&stream, now) {
            remove(dynamodb, place, &key, &stream, now).await?;
            done(dynamodb, &work).await?;
            continue;
        }
        if stream.encryption.inaccessible.is_some() {
            continue;
        }
        open(dynamodb, place, &stream).await?;
        roll(dynamodb, place, &key, now).await?;
        outcome = sooner(
            outcome,
            trim(dynamodb, SpaceId(stream.space), move |bytes| is_trimmed(bytes, now)).await?,
        );
    }
    Ok(outcome)
}

async fn roll(dynamodb: &DynamoDB, place: Place, key: &str, now: Timestamp) -> Result<(), Error> {
    let place = &place;
    let sequence = dynamodb.engine.snapshot().sequence();
    dynamodb
        .store
        .transact(|tx: Tx| async move {
            let Some(stream) = STREAMS.get(&tx, place, key).await? else { return Ok(()) };
            let known = SHARDS.get(&tx, place, key).await?;
            let mut shards = known.unwrap_or_else(|| ShardsRecord::first(&stream));
            if shards.roll(&stream, sequence, now) {
                SHARDS.put(&tx, place, key, &shards).await?;
            }
            Ok::<(), Error>(())
        })
        .await
}

async fn remove(
    dynamodb: &DynamoDB,
    place: Place,
    key: &str,
    stream: &StreamRecord,
    now: Timestamp,
) -> Result<(), Error> {
    let place = &place;
    dynamodb
        .store
        .transact(|tx: Tx| async move {
            STREAMS.delete(&tx, place, key).await?;
            SHARDS.delete(&tx, place, key).await?;
            drop_space(&tx, stream.space, &stream.table_id, now).await
        })
        .await?;
    dynamodb.dropping.nudge();
    Ok(())
}

/// Deletes entries from the beginning of a space, a bounded part at a time, until one is still wanted.
async fn trim(
    dynamodb: &DynamoDB,
    space: SpaceId,
    is_over: impl Fn(&[u8]) -> bool + Send,
) -> Result<Pass, Error> {
    let limit = ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX };
    let page = dynamodb.engine.scan(space, &KeyRange::all(), Direction::Forward, limit).await?;
    let over: Vec<Bytes> =
        page.pairs.iter().take_while(|(_, bytes)| is_over(bytes)).map(|(key, _)| key.clone()).collect();
    if over.is_empty() {
        return Ok(Pass::Done);
    }
    let is_more = page.more && over.len() == page.pairs.len();
    let deletes = over.into_iter().map(|key| Write::Delete { space, key }).collect();
    dynamodb.engine.change(Vec::new(), move |_| Ok::<_, Error>((deletes, ()))).await??;
    Ok(if is_more { Pass::More } else { Pass::Done })
}

/// Tokens lie in no order of time, so all of them are looked at.
async fn forget_tokens(dynamodb: &DynamoDB, now: Timestamp) -> Result<Pass, Error> {
    let limit = ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX };
    let mut range = KeyRange::all();
    loop {
        let page = match dynamodb.engine.scan(TOKENS, &range, Direction::Forward, limit).await {
            Ok(page) => page,
            // Nobody has used one yet.
            Err(TableError::NoSuchSpace(_) | TableError::NotOpen(_)) => return Ok(Pass::Done),
            Err(error) => return Err(error.into()),
        };
        for (key, bytes) in &page.pairs {
            if tokens::is_over(bytes, now) {
                let write = Write::Delete { space: TOKENS, key: key.clone() };
                let decide = move |found: &[Option<Bytes>]| {
                    // It may have been used again meanwhile.
                    let is_over = found[0].as_ref().is_none_or(|bytes| tokens::is_over(bytes, now));
                    Ok::<_, Error>((if is_over { vec![write] } else { Vec::new() }, ()))
                };
                dynamodb.engine.change(vec![(TOKENS, key.clone())], decide).await??;
            }
        }
        match page.pairs.last() {
            Some((last, _)) if page.more => range = range.beyond(last, Direction::Forward),
            _ => return Ok(Pass::Done),
        }
    }
}
