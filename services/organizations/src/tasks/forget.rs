//! Forgets what has had its time: handshakes thirty days after their end, and closed accounts after ninety.

use std::sync::Arc;
use std::time::Duration;

use service::{Nudge, Pass, Task};
use store::Select;

use crate::Organizations;
use crate::error::Error;
use crate::limits::CLOSED_TIME;
use crate::operations::accounts::{depart, profile};
use crate::operations::handshakes;
use crate::operations::standing::Standing;
use crate::records::{
    AccountState, HANDSHAKES, MEMBERS, PENDING, PROFILES, PendingRecord, ProfileRecord, Work,
};

const PERIOD: Duration = Duration::from_secs(3600);
const AT_ONCE_MAX: usize = 200;

pub fn task(organizations: &Arc<Organizations>) -> Task {
    Task::of(organizations, "organizations.forget", PERIOD, Nudge::default(), |organizations| async move {
        forget_handshakes(&organizations).await?;
        bury_accounts(&organizations).await?;
        Ok::<_, Error>(Pass::Done)
    })
}

async fn forget_handshakes(organizations: &Organizations) -> Result<(), Error> {
    let now = organizations.clock.now();
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let next = organizations
            .store
            .transact(|tx| async move {
                let page = HANDSHAKES.scan(&tx, &(), Select::ALL.after(position), AT_ONCE_MAX).await?;
                for (id, record) in page.records.iter().filter(|(_, record)| !record.is_shown(now)) {
                    handshakes::forget(&tx, id, record).await?;
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

async fn bury_accounts(organizations: &Organizations) -> Result<(), Error> {
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix("bury/").after(after.as_deref());
        let page = organizations
            .store
            .read(|tx| async move { PENDING.scan(&tx, &(), select, AT_ONCE_MAX).await })
            .await?;
        for (key, pending) in &page.records {
            bury(organizations, key, pending).await?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Takes a closed account out of its organisation for good, once it is time.
async fn bury(organizations: &Organizations, key: &str, pending: &PendingRecord) -> Result<(), Error> {
    let now = organizations.clock.now();
    let Work::Bury { account } = pending.work else {
        return Ok(());
    };
    organizations
        .store
        .transact(|tx| async move {
            let id = account.to_string();
            let record = MEMBERS.get(&tx, &pending.management, &id).await?;
            let standing = Standing::find(&tx, pending.management).await?;
            if let (Some(record), Some(mut standing)) = (record, standing) {
                match record.state {
                    AccountState::Closed { since } if now.since(since) < CLOSED_TIME => return Ok(()),
                    AccountState::Closed { .. } => {
                        let profile = profile(&tx, account).await?;
                        depart(&tx, &mut standing, account, &record).await?;
                        PROFILES.put(&tx, &(), &id, &ProfileRecord { gone: true, ..profile }).await?;
                    }
                    _ => {}
                }
            }
            PENDING.delete(&tx, &(), key).await?;
            Ok::<_, Error>(())
        })
        .await?;
    organizations.directory.forget();
    Ok(())
}
