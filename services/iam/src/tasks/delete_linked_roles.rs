//! Deletes service-linked roles whose deletion was asked for, and forgets old outcomes.

use std::sync::Arc;
use std::time::Duration;

use service::{Pass, Task};
use store::Select;

use crate::Iam;
use crate::error::Error;
use crate::limits::ROLE_DELETION_AGE_MAX;
use crate::operations::service_linked_roles;
use crate::records::{DeletionState, ROLE_DELETIONS};

const PERIOD: Duration = Duration::from_secs(3600);
const AT_ONCE_MAX: usize = 100;

pub fn task(iam: &Arc<Iam>) -> Task {
    Task::of(iam, "iam.delete-linked-roles", PERIOD, iam.deletions.clone(), |iam| async move {
        pass(&iam).await.map(|()| Pass::Done)
    })
}

async fn pass(iam: &Iam) -> Result<(), Error> {
    let now = iam.clock.now();
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = iam
            .store
            .read(|tx| async move {
                ROLE_DELETIONS.scan(&tx, &(), Select::ALL.after(position), AT_ONCE_MAX).await
            })
            .await?;
        for (key, record) in &page.records {
            let key = key.as_str();
            match record.state {
                DeletionState::Waiting => service_linked_roles::finish(iam, key, record).await?,
                DeletionState::Done { at } if now.since(at) > ROLE_DELETION_AGE_MAX => {
                    iam.store
                        .transact(|tx| async move { ROLE_DELETIONS.delete(&tx, &(), key).await })
                        .await?;
                }
                DeletionState::Done { .. } => {}
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}
