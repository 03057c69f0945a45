//! Writes down who used what last, and settles accounts whose changes had no witness.
//!
//! Both are done by one pass because the second needs a transaction that comes after all that was on its way to the
//! store, and the first ends with one.

use std::sync::Arc;
use std::time::Duration;

use service::{Nudge, Pass, Task};
use store::Tx;

use crate::Iam;
use crate::directory::{Noted, NotedPrincipal, merge};
use crate::error::Error;
use crate::records::{
    ACCESS_KEYS, LastUsed, NOTED, NotedRecord, ROLES, SERVICE_USES, USERS, service_use_key,
};

const PERIOD: Duration = Duration::from_secs(60);
/// How many keys or principals one transaction writes.
const AT_ONCE_MAX: usize = 100;

pub fn task(iam: &Arc<Iam>) -> Task {
    Task::of(iam, "iam.write-notes", PERIOD, Nudge::default(), |iam| async move {
        pass(&iam).await.map(|()| Pass::Done)
    })
}

async fn pass(iam: &Iam) -> Result<(), Error> {
    let unsettled = iam.directory.unsettled();
    let noted = iam.directory.notes_to_write();
    let written = write(iam, &noted, !unsettled.is_empty()).await;
    iam.directory.notes_written(written.is_ok());
    written?;
    unsettled.into_iter().for_each(|account| iam.directory.settle(account));
    Ok(())
}

async fn write(iam: &Iam, noted: &Noted, is_barrier: bool) -> Result<(), Error> {
    let keys: Vec<(&String, &LastUsed)> = noted.keys.iter().collect();
    for keys in keys.chunks(AT_ONCE_MAX) {
        iam.store.transact(|tx| write_keys(tx, keys)).await?;
    }
    let principals: Vec<(&String, &NotedPrincipal)> = noted.principals.iter().collect();
    for principals in principals.chunks(AT_ONCE_MAX) {
        iam.store.transact(|tx| write_principals(tx, principals)).await?;
    }
    if is_barrier {
        let record = NotedRecord { at: iam.clock.now() };
        let record = &record;
        iam.store.transact(|tx| async move { NOTED.put(&tx, &(), "last", record).await }).await?;
    }
    Ok(())
}

async fn write_keys(tx: Tx, keys: &[(&String, &LastUsed)]) -> Result<(), Error> {
    for (id, used) in keys {
        let Some(mut record) = ACCESS_KEYS.get(&tx, &(), id).await? else { continue };
        if record.last_used.as_ref().is_none_or(|known| known.at < used.at) {
            record.last_used = Some((*used).clone());
            ACCESS_KEYS.put(&tx, &(), id, &record).await?;
        }
    }
    Ok(())
}

async fn write_principals(tx: Tx, principals: &[(&String, &NotedPrincipal)]) -> Result<(), Error> {
    for (id, noted) in principals {
        let (account, name) = (noted.account, noted.name.as_str());
        let is_there = if noted.is_role {
            write_role(&tx, id, noted).await?
        } else {
            USERS.get(&tx, &account, name).await?.is_some_and(|user| user.id == **id)
        };
        // Of what is gone nothing more is written: its deletion has erased the rest.
        if !is_there {
            continue;
        }
        for (service, noted) in &noted.services {
            let key = service_use_key(id, service);
            let merged = merge(SERVICE_USES.get(&tx, &account, &key).await?, noted);
            SERVICE_USES.put(&tx, &account, &key, &merged).await?;
        }
    }
    Ok(())
}

/// Whether the role is still there.
async fn write_role(tx: &Tx, id: &str, noted: &NotedPrincipal) -> Result<bool, Error> {
    let Some(mut role) = ROLES.get(tx, &noted.account, &noted.name).await?.filter(|role| role.id == id)
    else {
        return Ok(false);
    };
    if role.last_used.as_ref().is_none_or(|known| known.at < noted.last.at) {
        role.last_used = Some(noted.last.clone());
        ROLES.put(tx, &noted.account, &noted.name, &role).await?;
    }
    Ok(true)
}
