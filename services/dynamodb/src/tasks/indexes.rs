//! Fills indexes that were added to a table, and takes those away that were deleted.
//!
//! Writes keep a new index from the moment they see it. Those that began before do not, so the filling begins when none
//! of them is left; then every item is looked at once while it is locked, and its entry is made. That may happen twice
//! and to entries that are there already, so a crash does no harm.

use std::sync::Arc;

use bytes::Bytes;
use service::{Pass, Task};
use table_engine::Write;

use super::{INDEXES, PERIOD, done, keys_after, sooner, table_of, work_of};
use crate::DynamoDB;
use crate::directory::{IndexView, TableView};
use crate::error::Error;
use crate::limits::OUTDATED_WAIT;
use crate::operations::{saving, update_table};
use crate::records::{IndexStatus, TableStatus};

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.indexes", PERIOD, dynamodb.indexing.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let mut outcome = Pass::Done;
    for (key, work) in work_of(dynamodb, INDEXES).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        outcome = sooner(outcome, step(dynamodb, &key, &view).await?);
    }
    Ok(outcome)
}

async fn step(dynamodb: &DynamoDB, key: &str, view: &Arc<TableView>) -> Result<Pass, Error> {
    let busy = view.record.indexes.iter().find(|index| index.status != IndexStatus::Active);
    let Some(busy) = busy else {
        dynamodb
            .directory
            .change(view, |record| {
                record.status = TableStatus::Active;
                Ok(())
            })
            .await?;
        done(dynamodb, key).await?;
        return Ok(Pass::Done);
    };
    if dynamodb.directory.is_outdated(&view.record.id) {
        return Ok(Pass::Again(OUTDATED_WAIT));
    }
    match &busy.status {
        IndexStatus::Active => {}
        IndexStatus::Deleting => {
            update_table::remove_index(dynamodb, view, &busy.name, dynamodb.clock.now()).await?;
        }
        IndexStatus::Backfilling { after } => {
            let index = view.index(&busy.name).expect("an index that is being filled is in the view");
            let next = fill(dynamodb, view, index, after.as_deref()).await?;
            let status = match next {
                Some(after) => IndexStatus::Backfilling { after: Some(after.to_vec()) },
                None => IndexStatus::Active,
            };
            set_status(dynamodb, view, &busy.name, status).await?;
        }
    }
    Ok(Pass::More)
}

/// Makes the entries of some items; the last of them, if there are more.
async fn fill(
    dynamodb: &DynamoDB,
    view: &TableView,
    index: &IndexView,
    after: Option<&[u8]>,
) -> Result<Option<Bytes>, Error> {
    let (keys, last) = keys_after(dynamodb, view, after).await?;
    if keys.is_empty() {
        return Ok(None);
    }
    let locked = keys.clone();
    let decide = |found: &[Option<Bytes>]| {
        let mut writes: Vec<Write> = Vec::with_capacity(found.len());
        for ((_, key), bytes) in locked.iter().zip(found) {
            if let Some(bytes) = bytes {
                writes.extend(saving::index_entry(view, index, key, bytes)?);
            }
        }
        Ok::<_, Error>((writes, ()))
    };
    dynamodb.engine.change(keys, decide).await??;
    Ok(last)
}

async fn set_status(
    dynamodb: &DynamoDB,
    view: &TableView,
    name: &str,
    status: IndexStatus,
) -> Result<(), Error> {
    dynamodb
        .directory
        .change(view, |record| {
            // It may have been deleted meanwhile.
            let found = record
                .indexes
                .iter_mut()
                .find(|index| index.name == name && matches!(index.status, IndexStatus::Backfilling { .. }));
            if let Some(index) = found {
                index.status = status.clone();
            }
            Ok(())
        })
        .await
}
