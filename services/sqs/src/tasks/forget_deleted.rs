//! Forgets names that were given up longer ago than they are held back.

use std::sync::Arc;
use std::time::Duration;

use service::{Nudge, Pass, Task};

use crate::Sqs;
use crate::error::Error;
use crate::limits::NAME_REUSE_DELAY;
use crate::records::{DELETED, OWNERS};

const PERIOD: Duration = Duration::from_secs(3600);
const OWNERS_AT_ONCE_MAX: usize = 200;

pub fn task(sqs: &Arc<Sqs>) -> Task {
    Task::of(sqs, "sqs.forget-deleted", PERIOD, Nudge::default(), |sqs| async move {
        pass(&sqs).await.map(|()| Pass::Done)
    })
}

/// Goes through the owners, since they tell in which accounts and regions there ever were queues.
async fn pass(sqs: &Sqs) -> Result<(), Error> {
    let now = sqs.clock.now();
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let next = sqs
            .store
            .transact(|tx| async move {
                let select = store::Select::ALL.after(position);
                let page = OWNERS.scan(&tx, &(), select, OWNERS_AT_ONCE_MAX).await?;
                for (_, owner) in &page.records {
                    let scope = (owner.account, owner.region);
                    if let Some(deleted) = DELETED.get(&tx, &scope, &owner.name).await?
                        && now.since(deleted.at) >= NAME_REUSE_DELAY
                    {
                        DELETED.delete(&tx, &scope, &owner.name).await?;
                    }
                }
                Ok::<_, Error>(page.next)
            })
            .await?;
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
