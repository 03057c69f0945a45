//! What is kept of snapshots besides themselves, each by the snapshot's id: locks, tiers, fast restores; and what an
//! account says of sharing them with everyone.

use ec2_api::SnapshotBlockPublicAccessState as Blocked;
use serde::{Deserialize, Serialize};
use store::{Scope, Select, Table, Tx, Versioned};

use super::Place;
use super::settings::OWN;
use crate::error::Error;
use crate::limits::{FAST_RESTORES_KEPT_MAX, PAGE_MAX, RESOURCES_MAX};
use crate::model::fast_restores::FastRestore;
use crate::model::snapshot_locks::Lock;
use crate::model::snapshot_tiers::Tiering;

pub const LOCKS: Table<Place, LockRecord> = Table::new("ec2.snapshot-locks");
pub const TIERS: Table<Place, TierRecord> = Table::new("ec2.snapshot-tiers");
/// As `snap-…/us-east-1a`, in the account that wants them: it may be another than the snapshot's.
pub const FAST_RESTORES: Table<Place, FastRestoreRecord> = Table::new("ec2.fast-restores");
/// Under [`OWN`].
pub const PUBLIC_ACCESS: Table<Place, PublicAccessRecord> = Table::new("ec2.snapshot-public-access");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockRecord {
    pub lock: Lock,
}

impl Versioned for LockRecord {
    const VERSION: u16 = 1;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierRecord {
    pub tiering: Tiering,
}

impl Versioned for TierRecord {
    const VERSION: u16 = 1;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FastRestoreRecord {
    pub snapshot: String,
    pub zone: String,
    pub restore: FastRestore,
}

impl Versioned for FastRestoreRecord {
    const VERSION: u16 = 1;
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublicAccessRecord {
    /// `block-all-sharing` or `block-new-sharing`.
    pub state: String,
}

impl Versioned for PublicAccessRecord {
    const VERSION: u16 = 1;
}

pub fn fast_restore_key(snapshot: &str, zone: &str) -> String {
    format!("{snapshot}/{zone}")
}

/// All fast restores of an account in a region.
pub async fn fast_restores(tx: &Tx, place: &Place) -> Result<Vec<FastRestoreRecord>, Error> {
    let page = FAST_RESTORES.scan(tx, place, Select::ALL, FAST_RESTORES_KEPT_MAX).await?;
    Ok(page.records.into_iter().map(|(_, record)| record).collect())
}

/// All of a table, page by page, with their ids.
pub async fn all<S: Scope, R: Versioned>(
    tx: &Tx,
    table: Table<S, R>,
    scope: &S,
) -> Result<Vec<(String, R)>, Error> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = table.scan(tx, scope, Select::ALL.after(after.as_deref()), PAGE_MAX).await?;
        found.extend(page.records);
        match page.next {
            Some(next) if found.len() < RESOURCES_MAX => after = Some(next),
            _ => return Ok(found),
        }
    }
}

/// What an account says of sharing its snapshots with everyone.
pub async fn blocked(tx: &Tx, place: &Place) -> Result<Blocked, Error> {
    let kept = PUBLIC_ACCESS.get(tx, place, OWN).await?;
    Ok(kept.map_or(Blocked::Unblocked, |record| Blocked::from(record.state.as_str())))
}

/// A snapshot is gone, and all of this with it.
pub async fn forget(tx: &Tx, place: &Place, snapshot: &str) -> Result<(), Error> {
    LOCKS.delete(tx, place, snapshot).await?;
    TIERS.delete(tx, place, snapshot).await?;
    let prefix = fast_restore_key(snapshot, "");
    let page = FAST_RESTORES.scan(tx, place, Select::prefix(&prefix), FAST_RESTORES_KEPT_MAX).await?;
    for (key, _) in page.records {
        FAST_RESTORES.delete(tx, place, &key).await?;
    }
    Ok(())
}
