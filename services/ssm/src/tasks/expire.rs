//! Deletes parameters whose Expiration policy says that it is time.

use std::sync::Arc;

use service::{Pass, Task};
use store::Select;

use crate::Ssm;
use crate::error::Error;
use crate::limits::{EXPIRED_AT_ONCE_MAX, EXPIRY_PERIOD};
use crate::operations::delete::remove;
use crate::records::{EXPIRIES, ExpiryRecord, PARAMETERS, due};

pub fn task(ssm: &Arc<Ssm>) -> Task {
    Task::of(ssm, "ssm.expire", EXPIRY_PERIOD, ssm.expiry.clone(), |ssm| async move { pass(&ssm).await })
}

async fn pass(ssm: &Ssm) -> Result<Pass, Error> {
    let now = ssm.clock.now();
    let first = ssm
        .store
        .read(|tx| async move { EXPIRIES.scan(&tx, &(), Select::ALL, EXPIRED_AT_ONCE_MAX).await })
        .await?;
    for (key, entry) in first.records {
        let at = due(&key).ok_or_else(|| Error::Internal("an expiry has no time".into()))?;
        if at > now {
            return Ok(Pass::Again(at.since(now)));
        }
        expire(ssm, &key, &entry).await?;
    }
    Ok(if first.next.is_some() { Pass::More } else { Pass::Done })
}

/// Deletes one parameter, if its policies have not been changed meanwhile, and its entry.
async fn expire(ssm: &Ssm, key: &str, entry: &ExpiryRecord) -> Result<(), Error> {
    ssm.store
        .transact(|tx| async move {
            let scope = (entry.account, entry.region);
            let found = PARAMETERS.get(&tx, &scope, &entry.parameter).await?;
            if let Some(record) = found.filter(|record| record.expires == due(key)) {
                remove(&tx, scope, &entry.parameter, &record).await?;
            }
            EXPIRIES.delete(&tx, &(), key).await?;
            Ok::<_, Error>(())
        })
        .await
}
