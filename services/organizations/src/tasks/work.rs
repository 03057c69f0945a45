//! Works off what operations left to be done: accounts to create, to close, and to be given a service-linked role.
//!
//! Each piece of work may be done twice, so each looks for what an earlier pass left behind. One that fails stays, is
//! tried again, and does not keep the others waiting.

use std::sync::Arc;
use std::time::Duration;

use base::AccountId;
use schema::{Fault, Side};
use service::{Pass, Task};
use store::Select;

use super::new_accounts;
use crate::Organizations;
use crate::error::Error;
use crate::records::{AccountState, MEMBERS, PENDING, PendingRecord, Work};

const PERIOD: Duration = Duration::from_secs(60);
const PIECES_AT_ONCE_MAX: usize = 100;
/// What is worked off here; the last kind of work waits for its time elsewhere.
const PREFIXES: [&str; 3] = ["create/", "link/", "close/"];

pub fn task(organizations: &Arc<Organizations>) -> Task {
    Task::of(
        organizations,
        "organizations.work",
        PERIOD,
        organizations.work.clone(),
        |organizations| async move { pass(&organizations).await },
    )
}

async fn pass(organizations: &Organizations) -> Result<Pass, Fault> {
    let mut outcome = Pass::Done;
    let mut failure = None;
    for prefix in PREFIXES {
        let select = Select::prefix(prefix);
        let listing = organizations
            .store
            .read(|tx| async move { PENDING.scan(&tx, &(), select, PIECES_AT_ONCE_MAX).await })
            .await
            .map_err(Error::from)?;
        if listing.next.is_some() {
            outcome = Pass::More;
        }
        for (key, pending) in &listing.records {
            if let Err(fault) = piece(organizations, key, pending).await {
                failure = Some(fault);
            }
        }
    }
    // A failure makes the driver wait a little before it tries again.
    failure.map_or(Ok(outcome), Err)
}

async fn piece(organizations: &Organizations, key: &str, pending: &PendingRecord) -> Result<(), Fault> {
    match &pending.work {
        Work::Create { request } => new_accounts::create(organizations, pending.management, request).await,
        Work::Link { account } => {
            match new_accounts::link(organizations, *account).await {
                // It was refused for good; the organisation works without.
                Err(fault) if fault.side() == Side::Sender => {
                    tracing::warn!(%account, %fault, "the service-linked role of Organizations was not made");
                }
                other => other?,
            }
            Ok(done(organizations, key).await?)
        }
        Work::Close { account } => Ok(close(organizations, key, pending.management, *account).await?),
        Work::Bury { .. } => Ok(()),
    }
}

/// Crosses a piece of work off.
async fn done(organizations: &Organizations, key: &str) -> Result<(), Error> {
    organizations.store.transact(|tx| async move { Ok(PENDING.delete(&tx, &(), key).await?) }).await
}

async fn close(
    organizations: &Organizations,
    key: &str,
    management: AccountId,
    account: AccountId,
) -> Result<(), Error> {
    let now = organizations.clock.now();
    organizations
        .store
        .transact(|tx| async move {
            let id = account.to_string();
            if let Some(mut record) = MEMBERS.get(&tx, &management, &id).await?
                && let AccountState::PendingClosure { .. } = record.state
            {
                record.state = AccountState::Closed { since: now };
                MEMBERS.put(&tx, &management, &id, &record).await?;
                let work = Work::Bury { account };
                let bury = PendingRecord::key(&work);
                PENDING.put(&tx, &(), &bury, &PendingRecord { management, work }).await?;
            }
            PENDING.delete(&tx, &(), key).await?;
            Ok::<_, Error>(())
        })
        .await?;
    organizations.directory.forget();
    Ok(())
}
