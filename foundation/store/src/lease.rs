//! Leases: one holder at a time, for a limited time.
//!
//! A lease is a record. Its token grows with every new holder, so that a holder who slept through the end of its
//! lease can be told from the next one: work that a lease protects calls [`check`] in its own transaction, which
//! then conflicts with a takeover.

use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use crate::limits::{LEASE_TIME_MAX, NAME_BYTES_MAX};
use crate::record::Versioned;
use crate::{StoreError, Table, Tx};

const LEASES: Table<(), LeaseRecord> = Table::new("store.leases");

/// A lease that is, or was, held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub name: String,
    pub holder: String,
    /// Greater than the token of every earlier holder.
    pub token: u64,
    pub expires: Timestamp,
}

/// Stays when the lease is released, so that tokens go on growing.
#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    holder: Option<String>,
    token: u64,
    expires: Timestamp,
}

impl Versioned for LeaseRecord {
    const VERSION: u16 = 1;
}

/// Takes a lease that is free or has run out, or extends the holder's own. None if another holds it.
pub async fn acquire(
    tx: &Tx,
    name: &str,
    holder: &str,
    time: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    check_name(name)?;
    let found = LEASES.get(tx, &(), name).await?;
    let token = match found {
        None => 1,
        Some(record) if record.holder.is_none() || record.expires <= now => record.token + 1,
        Some(record) if record.holder.as_deref() == Some(holder) => record.token,
        Some(_) => return Ok(None),
    };
    hold(tx, name, holder, token, now + time.min(LEASE_TIME_MAX)).await.map(Some)
}

/// Extends a lease. None if it has been lost: it ran out, or another has taken it.
pub async fn renew(
    tx: &Tx,
    lease: &Lease,
    time: Duration,
    now: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    if !check(tx, lease, now).await? {
        return Ok(None);
    }
    hold(tx, &lease.name, &lease.holder, lease.token, now + time.min(LEASE_TIME_MAX)).await.map(Some)
}

/// Gives a lease back. Does nothing if it has been lost.
pub async fn release(tx: &Tx, lease: &Lease) -> Result<(), StoreError> {
    match LEASES.get(tx, &(), &lease.name).await? {
        Some(record) if record.token == lease.token && record.holder.is_some() => {
            LEASES.put(tx, &(), &lease.name, &LeaseRecord { holder: None, ..record }).await
        }
        _ => Ok(()),
    }
}

/// Whether the lease is still held. The transaction that asks conflicts with one that takes the lease over.
pub async fn check(tx: &Tx, lease: &Lease, now: Timestamp) -> Result<bool, StoreError> {
    let found = LEASES.get(tx, &(), &lease.name).await?;
    Ok(found
        .is_some_and(|record| record.token == lease.token && record.holder.is_some() && record.expires > now))
}

async fn hold(
    tx: &Tx,
    name: &str,
    holder: &str,
    token: u64,
    expires: Timestamp,
) -> Result<Lease, StoreError> {
    let record = LeaseRecord { holder: Some(holder.to_owned()), token, expires };
    LEASES.put(tx, &(), name, &record).await?;
    Ok(Lease { name: name.to_owned(), holder: holder.to_owned(), token, expires })
}

fn check_name(name: &str) -> Result<(), StoreError> {
    if name.len() > NAME_BYTES_MAX {
        return Err(StoreError::TooLarge { what: "lease name", size: name.len(), max: NAME_BYTES_MAX });
    }
    Ok(())
}
