//! Deletes items whose time is over: as DynamoDB does, some while after, and as the service's own deletions in the
//! stream. It goes through the tables with a time to live again and again, a bounded part of each at a time.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use item_engine::Item;
use service::{Nudge, Pass, Task};
use table_engine::{Direction, KeyRange, ScanLimit};

use super::{TIME_TO_LIVE, sooner, table_of, work_of};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX, TTL_PAUSE, TTL_PERIOD};
use crate::model::action;
use crate::model::expiry::is_over;
use crate::operations::saving;
use crate::records::Ttl;

/// How far the present round has come in each table, by the table's id.
pub type Rounds = HashMap<String, Bytes>;

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.time-to-live", TTL_PERIOD, Nudge::default(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let mut outcome = Pass::Done;
    for (key, work) in work_of(dynamodb, TIME_TO_LIVE).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        let Ttl::Enabled { attribute, .. } = &view.record.ttl else { continue };
        if view.record.encryption.inaccessible.is_none() && part(dynamodb, &view, attribute).await? {
            outcome = sooner(outcome, Pass::Again(TTL_PAUSE));
        }
    }
    Ok(outcome)
}

/// Looks at the next part of a table; whether there is more in this round.
async fn part(dynamodb: &DynamoDB, view: &Arc<TableView>, attribute: &str) -> Result<bool, Error> {
    let now = dynamodb.clock.now();
    let begun = dynamodb.expiring.lock().get(&view.record.id).cloned();
    let range = match &begun {
        Some(key) => KeyRange::all().beyond(key, Direction::Forward),
        None => KeyRange::all(),
    };
    let limit = ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX };
    let page = dynamodb.engine.scan(view.items, &range, Direction::Forward, limit).await?;
    let last = page.pairs.last().map(|(key, _)| key.clone()).filter(|_| page.more);
    for (key, bytes) in page.pairs {
        let item = action::decode(&bytes)?;
        if is_over(&item, attribute, now) {
            let attribute = attribute.to_owned();
            let still = move |item: &Item| is_over(item, &attribute, now);
            saving::expire(dynamodb, view.clone(), key, now, still).await?;
        }
    }
    let mut expiring = dynamodb.expiring.lock();
    let is_more = last.is_some();
    match last {
        Some(last) => drop(expiring.insert(view.record.id.clone(), last)),
        None => drop(expiring.remove(&view.record.id)),
    }
    Ok(is_more)
}
