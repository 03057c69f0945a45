//! Copies the items of a table into its backup, from the snapshot that was taken when the backup was asked for.
//!
//! A snapshot is of this process alone; if that has gone meanwhile, the copy begins anew with the table as it is.

use std::sync::Arc;

use service::{Pass, Task};
use table_engine::{Direction, KeyRange, ScanLimit, Snapshot, SpaceId, Write};

use super::{BACKUP, PERIOD, done, place_of, work_of};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::{PASS_BYTES_MAX, PASS_ITEMS_MAX};
use crate::operations::backups::backup_key;
use crate::operations::making::{drop_space, take_spaces};
use crate::records::{BACKUPS, BackupRecord, Place, WorkRecord};

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.backup", PERIOD, dynamodb.backing_up.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    for (key, work) in work_of(dynamodb, BACKUP).await? {
        let id = key.rsplit('/').next().unwrap_or_default();
        copy(dynamodb, &work, id).await?;
        done(dynamodb, &key).await?;
    }
    Ok(Pass::Done)
}

/// Copies all there is; a page at a time, so that others come in between.
async fn copy(dynamodb: &DynamoDB, work: &WorkRecord, id: &str) -> Result<(), Error> {
    let (place, key) = (place_of(work), backup_key(&work.table, id));
    let Some(backup) = read(dynamodb, place, &key).await?.filter(|backup| !backup.is_complete) else {
        return Ok(());
    };
    let snapshot = dynamodb.snapshots.lock().remove(id);
    let (snapshot, backup) = match snapshot {
        Some(snapshot) => (snapshot, backup),
        None => (dynamodb.engine.snapshot(), begin_anew(dynamodb, place, &key, backup).await?),
    };
    let table_key = dynamodb.directory.keys.open(place, &backup.table.encryption).await?;
    let to = SpaceId(backup.space);
    dynamodb.engine.create_space(to, table_key.of_space(backup.space)).await?;
    copy_all(dynamodb, &snapshot, SpaceId(backup.table.items), to).await?;
    let (bytes, items) = (dynamodb.engine.space_bytes(to)?, dynamodb.engine.space_entries(to)?);
    let (complete, key) = (&BackupRecord { is_complete: true, bytes, items, ..backup }, key.as_str());
    dynamodb
        .store
        .transact(|tx| async move {
            // It may have been deleted meanwhile, and its space with it.
            if BACKUPS.get(&tx, &place, key).await?.is_some() {
                BACKUPS.put(&tx, &place, key, complete).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

async fn read(dynamodb: &DynamoDB, place: Place, key: &str) -> Result<Option<BackupRecord>, Error> {
    Ok(dynamodb.store.read(|tx| async move { BACKUPS.get(&tx, &place, key).await }).await?)
}

/// What was copied from a snapshot that is lost cannot be told from what has been deleted since.
async fn begin_anew(
    dynamodb: &DynamoDB,
    place: Place,
    key: &str,
    backup: BackupRecord,
) -> Result<BackupRecord, Error> {
    let (now, backup) = (dynamodb.clock.now(), &backup);
    dynamodb
        .store
        .transact(|tx| async move {
            let space = take_spaces(&tx, 1).await?.start;
            drop_space(&tx, backup.space, &backup.table.id, now).await?;
            let backup = BackupRecord { space, ..backup.clone() };
            BACKUPS.put(&tx, &place, key, &backup).await?;
            Ok::<_, Error>(backup)
        })
        .await
}

/// Copies a space as it was at the moment of the snapshot.
pub async fn copy_all(
    dynamodb: &DynamoDB,
    snapshot: &Snapshot,
    from: SpaceId,
    to: SpaceId,
) -> Result<(), Error> {
    let limit = ScanLimit { entries: PASS_ITEMS_MAX, bytes: PASS_BYTES_MAX };
    let mut range = KeyRange::all();
    loop {
        let page = snapshot.scan(from, &range, Direction::Forward, limit).await?;
        let Some((last, _)) = page.pairs.last() else { return Ok(()) };
        let next = range.beyond(last, Direction::Forward);
        let writes: Vec<Write> =
            page.pairs.into_iter().map(|(key, value)| Write::Put { space: to, key, value }).collect();
        dynamodb.engine.change(Vec::new(), |_| Ok::<_, Error>((writes, ()))).await??;
        if !page.more {
            return Ok(());
        }
        range = next;
        tokio::task::yield_now().await;
    }
}
