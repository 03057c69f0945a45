//! Gives the room of what was deleted back: of tables, indexes, backups and streams. Whoever is still at work with a
//! deleted table is waited for.

use std::sync::Arc;

use service::{Pass, Task};
use store::Select;
use table_engine::SpaceId;

use super::PERIOD;
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::OUTDATED_WAIT;
use crate::records::DROPPED;

const AT_ONCE_MAX: usize = 200;

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.dropped-spaces", PERIOD, dynamodb.dropping.clone(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &DynamoDB) -> Result<Pass, Error> {
    let mut outcome = Pass::Done;
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let select = Select::ALL.after(position);
        let page = dynamodb
            .store
            .read(|tx| async move { DROPPED.scan(&tx, &(), select, AT_ONCE_MAX).await })
            .await?;
        for (key, dropped) in &page.records {
            if dynamodb.directory.is_outdated(&dropped.table_id) {
                outcome = Pass::Again(OUTDATED_WAIT);
                continue;
            }
            let space = key.parse().map_err(|_| Error::internal("a dropped space has no number"))?;
            dynamodb.engine.drop_space(SpaceId(space)).await?;
            dynamodb.store.transact(|tx| async move { DROPPED.delete(&tx, &(), key).await }).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(outcome),
        }
    }
}
