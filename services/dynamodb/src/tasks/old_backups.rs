//! Deletes the backups of deleted tables when their thirty-five days are over.

use std::sync::Arc;

use service::{Nudge, Pass, Task};

use super::{OLD_BACKUP, done, place_of, work_of};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::TRIM_PERIOD;
use crate::operations::backups::backup_key;
use crate::operations::making::drop_space;
use crate::records::BACKUPS;

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.old-backups", TRIM_PERIOD, Nudge::default(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    let now = dynamodb.clock.now();
    for (key, work) in work_of(dynamodb, OLD_BACKUP).await? {
        let id = key.rsplit('/').next().unwrap_or_default();
        let (place, name) = (place_of(&work), backup_key(&work.table, id));
        let name = name.as_str();
        let is_over = dynamodb
            .store
            .transact(|tx| async move {
                let Some(backup) = BACKUPS.get(&tx, &place, name).await? else { return Ok(true) };
                let is_over = backup.expires.is_some_and(|at| at <= now) && backup.restoring.is_empty();
                if is_over {
                    BACKUPS.delete(&tx, &place, name).await?;
                    drop_space(&tx, backup.space, &backup.table.id, now).await?;
                }
                Ok::<_, Error>(is_over)
            })
            .await?;
        if is_over {
            done(dynamodb, &key).await?;
        }
    }
    dynamodb.dropping.nudge();
    Ok(Pass::Done)
}
