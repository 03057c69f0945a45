//! Fills tables that are restored: with the items of a backup, or with those of another table as they were.
//!
//! A table as it was is made in two steps, both out of one snapshot: its items as they are, and then, from the latest
//! back to the moment that is wanted, what each write replaced. Everything is put through the one function that changes
//! items, so that indexes agree, and putting it twice does no harm, so that a crash does not either.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use service::{Pass, Task};
use table_engine::{Direction, KeyRange, ScanLimit, Snapshot, SpaceId};

use super::{PERIOD, RESTORE, done, table_of, work_of};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX, PUTS_AT_ONCE_MAX};
use crate::model::action::{self, Action, Verb};
use crate::model::history::Undo;
use crate::operations::saving::{self, Stamp, Wants};
use crate::operations::tables::{self, Leave};
use crate::records::{BACKUPS, BackupRecord, Origin, Place, TableStatus};

/// Writes of one moment may have been committed in another order than their times, by less than this.
const DISORDER: Duration = Duration::from_secs(60);

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.restore", PERIOD, dynamodb.restoring.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    for (key, work) in work_of(dynamodb, RESTORE).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        let origin = view.record.restored.as_ref().map(|restored| restored.origin.clone());
        match origin {
            Some(Origin::Backup { place, key: backup }) => {
                from_backup(dynamodb, &view, place, &backup).await?;
            }
            Some(Origin::Table { place, name, table_id, at }) => {
                let source = dynamodb.directory.find(place, &name).await?;
                match source.filter(|source| source.record.id == table_id) {
                    Some(source) => from_table(dynamodb, &view, &source, at).await?,
                    // Its source was deleted meanwhile, and there is nothing to restore from.
                    None => tables::delete(dynamodb, &view, dynamodb.clock.now(), Leave::Nothing).await?,
                }
            }
            None => {}
        }
        finish(dynamodb, &view).await?;
        done(dynamodb, &key).await?;
    }
    Ok(Pass::Done)
}

async fn finish(dynamodb: &DynamoDB, view: &TableView) -> Result<(), Error> {
    let finished = dynamodb.directory.change(view, |record| {
        record.status = TableStatus::Active;
        if let Some(restored) = &mut record.restored {
            restored.in_progress = false;
        }
        Ok(())
    });
    match finished.await {
        // It was deleted meanwhile.
        Err(Error::ResourceNotFound(_)) => Ok(()),
        other => other,
    }
}

async fn from_backup(
    dynamodb: &DynamoDB,
    view: &Arc<TableView>,
    place: Place,
    key: &str,
) -> Result<(), Error> {
    let found = dynamodb.store.read(|tx| async move { BACKUPS.get(&tx, &place, key).await }).await?;
    let Some(backup) = found else { return Ok(()) };
    let table_key = dynamodb.directory.keys.open(place, &backup.table.encryption).await?;
    let from = SpaceId(backup.space);
    dynamodb.engine.create_space(from, table_key.of_space(backup.space)).await?;
    copy(dynamodb, &dynamodb.engine.snapshot(), from, view).await?;
    dynamodb
        .store
        .transact(|tx| async move {
            if let Some(backup) = BACKUPS.get(&tx, &place, key).await? {
                let released = BackupRecord { restoring: Vec::new(), ..backup };
                BACKUPS.put(&tx, &place, key, &released).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

async fn from_table(
    dynamodb: &DynamoDB,
    view: &Arc<TableView>,
    source: &TableView,
    at: Timestamp,
) -> Result<(), Error> {
    let snapshot = dynamodb.engine.snapshot();
    copy(dynamodb, &snapshot, source.items, view).await?;
    let Some(undo) = source.undo else { return Ok(()) };
    let mut range = KeyRange::all();
    loop {
        let page = snapshot.scan(undo, &range, Direction::Backward, page_limit()).await?;
        let Some((last, _)) = page.pairs.last() else { return Ok(()) };
        range = range.beyond(last, Direction::Backward);
        let mut is_over = !page.more;
        let mut before: BTreeMap<Bytes, Option<Bytes>> = BTreeMap::new();
        for (_, bytes) in &page.pairs {
            let undo = Undo::decode(bytes).ok_or_else(|| Error::internal("a history is damaged"))?;
            if undo.at > at {
                // Of several, the earliest write tells what there was.
                let old = undo.old.map(Bytes::copy_from_slice);
                before.insert(Bytes::copy_from_slice(undo.key), old);
            }
            is_over |= undo.at + DISORDER < at;
        }
        put_all(dynamodb, view, before).await?;
        if is_over {
            return Ok(());
        }
    }
}

fn page_limit() -> ScanLimit {
    ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX }
}

/// Puts all items of a space into a table that has the same key.
async fn copy(
    dynamodb: &DynamoDB,
    snapshot: &Snapshot,
    from: SpaceId,
    view: &Arc<TableView>,
) -> Result<(), Error> {
    let mut range = KeyRange::all();
    loop {
        let page = snapshot.scan(from, &range, Direction::Forward, page_limit()).await?;
        let Some((last, _)) = page.pairs.last() else { return Ok(()) };
        range = range.beyond(last, Direction::Forward);
        let items = page.pairs.into_iter().map(|(key, bytes)| (key, Some(bytes)));
        put_all(dynamodb, view, items).await?;
        if !page.more {
            return Ok(());
        }
    }
}

/// Puts and deletes items of different keys, many at a time.
pub async fn put_all(
    dynamodb: &DynamoDB,
    view: &Arc<TableView>,
    items: impl IntoIterator<Item = (Bytes, Option<Bytes>)>,
) -> Result<(), Error> {
    let now = dynamodb.clock.now();
    let put = |(key, bytes): (Bytes, Option<Bytes>)| async move {
        let action = match bytes {
            Some(bytes) => Action::put(view.clone(), key, action::decode(&bytes)?),
            None => Action::new(view.clone(), key, Verb::Delete),
        };
        saving::save(dynamodb, Stamp::caller(now), action, Wants::default()).await.map(drop)
    };
    let items: Vec<_> = items.into_iter().collect();
    stream::iter(items.into_iter().map(put)).buffer_unordered(PUTS_AT_ONCE_MAX).try_collect::<()>().await
}
