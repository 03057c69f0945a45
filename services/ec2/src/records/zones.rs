//! Zones that are down: they fail as a whole, for every account, until somebody brings them up again.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Select, StoreError, Table, Tx, Versioned};

use crate::limits::ZONES_MAX;

/// By the zone's name.
pub const ZONES_DOWN: Table<(), ZoneDownRecord> = Table::new("ec2.zones-down");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZoneDownRecord {
    pub since: Timestamp,
}

impl Versioned for ZoneDownRecord {
    const VERSION: u16 = 1;
}

/// Those that are down, and since when.
pub async fn down(tx: &Tx) -> Result<BTreeMap<String, Timestamp>, StoreError> {
    let page = ZONES_DOWN.scan(tx, &(), Select::ALL, ZONES_MAX).await?;
    Ok(page.records.into_iter().map(|(zone, record)| (zone, record.since)).collect())
}

/// Since when this one is down.
pub async fn down_since(tx: &Tx, zone: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(ZONES_DOWN.get(tx, &(), zone).await?.map(|record| record.since))
}
