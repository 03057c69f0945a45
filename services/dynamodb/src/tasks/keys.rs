//! Looks whether the KMS keys of tables can still be used. Of a table whose key cannot, no item is read or written until it
//! can be again, though the keys of its spaces are at hand.

use std::sync::Arc;

use service::{Nudge, Pass, Task};

use super::{KEYS, done, table_of, work_of};
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::KEY_CHECK_PERIOD;

pub fn task(dynamodb: &Arc<DynamoDB>) -> Task {
    Task::of(dynamodb, "dynamodb.keys", KEY_CHECK_PERIOD, Nudge::default(), |dynamodb| async move {
        pass(&dynamodb).await
    })
}

async fn pass(dynamodb: &Arc<DynamoDB>) -> Result<Pass, Error> {
    for (key, work) in work_of(dynamodb, KEYS).await? {
        let Some(view) = table_of(dynamodb, &key, &work).await? else { continue };
        if !view.record.encryption.is_kms() {
            done(dynamodb, &key).await?;
            continue;
        }
        let opened = dynamodb.directory.keys.open(view.place(), &view.record.encryption).await;
        let is_usable = match opened {
            Ok(_) => true,
            Err(Error::Validation(_) | Error::AccessDenied(_)) => false,
            Err(error) => return Err(error),
        };
        note(dynamodb, &view, is_usable).await?;
    }
    Ok(Pass::Done)
}

async fn note(dynamodb: &DynamoDB, view: &TableView, is_usable: bool) -> Result<(), Error> {
    if view.record.encryption.inaccessible.is_none() == is_usable {
        return Ok(());
    }
    let now = dynamodb.clock.now();
    dynamodb
        .directory
        .change(view, |record| {
            record.encryption.inaccessible = (!is_usable).then_some(now);
            Ok(())
        })
        .await
}
