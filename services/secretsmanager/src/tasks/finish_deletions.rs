//! Deletes secrets whose recovery window is over. They are gone for everyone from that moment; this takes out what is
//! left of them.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use service::{Pass, Task};
use store::Select;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::DELETIONS_AT_ONCE_MAX;
use crate::operations::deletion::due_key;
use crate::operations::replication::purge;
use crate::records::{DUE, SECRETS};

const PERIOD: Duration = Duration::from_secs(3600);

pub fn task(service: &Arc<SecretsManager>) -> Task {
    Task::of(
        service,
        "secretsmanager.finish-deletions",
        PERIOD,
        service.deletions.clone(),
        |service| async move { pass(&service).await },
    )
}

async fn pass(service: &SecretsManager) -> Result<Pass, Error> {
    let now = service.clock.now();
    service
        .store
        .transact(|tx| async move {
            let due = DUE.scan(&tx, &(), Select::ALL, DELETIONS_AT_ONCE_MAX).await?;
            for (key, record) in &due.records {
                let at = moment(key)?;
                if at > now {
                    return Ok(Pass::Again(at.since(now)));
                }
                let place = (record.account, record.region);
                // It may have been restored, and even deleted again, since.
                if let Some(secret) = SECRETS.get(&tx, &place, &record.name).await?
                    && secret.is_gone(now)
                {
                    purge(&tx, &place, &record.name, &secret).await?;
                }
                DUE.delete(&tx, &(), &due_key(at, record)).await?;
            }
            Ok(if due.next.is_some() { Pass::More } else { Pass::Done })
        })
        .await
}

fn moment(key: &str) -> Result<Timestamp, Error> {
    let millis = key.split(' ').next().and_then(|digits| digits.parse().ok());
    millis.map(Timestamp::from_millis).ok_or_else(|| Error::broken("a deletion is due at no time"))
}
