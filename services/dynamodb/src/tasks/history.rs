//! Trims the histories of tables with point-in-time recovery to their periods.

use std::sync::Arc;

use bytes::Bytes;
use service::{Nudge, Pass, Task};
use table_engine::{Direction, KeyRange, ScanLimit, SpaceId, Write};

use super::{HISTORY, sooner, table_of, work_of};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX, TRIM_PERIOD};
use crate::model::history::Undo;

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.history", TRIM_PERIOD, Nudge::default(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let mut outcome = Pass::Done;
    for (key, work) in work_of(dynamodb, HISTORY).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        if view.record.encryption.inaccessible.is_none() {
            outcome = sooner(outcome, trim(dynamodb, &view).await?);
        }
    }
    Ok(outcome)
}

async fn trim(dynamodb: &DynamoDB, view: &TableView) -> Result<Pass, Error> {
    let (Some(space), Some(recovery)) = (view.undo, &view.record.recovery) else { return Ok(Pass::Done) };
    let seconds = i64::from(recovery.days) * 24 * 3600;
    let oldest = dynamodb.clock.now().as_secs() - seconds;
    let limit = ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX };
    let page = dynamodb.engine.scan(space, &KeyRange::all(), Direction::Forward, limit).await?;
    let is_old = |bytes: &Bytes| Undo::decode(bytes).is_none_or(|undo| undo.at.as_secs() < oldest);
    let old: Vec<Write> = page
        .pairs
        .iter()
        .take_while(|(_, bytes)| is_old(bytes))
        .map(|(key, _)| Write::Delete { space, key: key.clone() })
        .collect();
    let goes_on = old.len() == page.pairs.len() && page.more;
    if !old.is_empty() {
        delete(dynamodb, old).await?;
    }
    Ok(if goes_on { Pass::More } else { Pass::Done })
}

async fn delete(dynamodb: &DynamoDB, writes: Vec<Write>) -> Result<(), Error> {
    dynamodb.engine.change(Vec::<(SpaceId, Bytes)>::new(), |_| Ok::<_, Error>((writes, ()))).await?
}
