//! Who used what last, as far as it has been written down; the latest is still in the directory's memory.

use std::collections::BTreeMap;

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Select, StoreError, Table, Tx};

/// `unique id of a user or role|service`.
pub const SERVICE_USES: Table<AccountId, ServiceUseRecord> = Table::new("iam.service-uses");
/// One record under the key `last`: when the background work last wrote down what was noted. It is written after
/// everything that was on its way to the store before.
pub const NOTED: Table<(), NotedRecord> = Table::new("iam.noted");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceUseRecord {
    pub at: Timestamp,
    pub region: Region,
    /// By the action's name without its service.
    pub actions: BTreeMap<String, ActionUse>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionUse {
    pub at: Timestamp,
    pub region: Region,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotedRecord {
    pub at: Timestamp,
}

super::first_version!(ServiceUseRecord, NotedRecord);

/// No principal uses more services than there are.
const SERVICES_MAX: usize = 1000;

/// All that is written down of one user or role, by service.
pub async fn service_uses(
    tx: &Tx,
    account: AccountId,
    principal_id: &str,
) -> Result<Vec<(String, ServiceUseRecord)>, StoreError> {
    let prefix = format!("{principal_id}|");
    let page = SERVICE_USES.scan(tx, &account, Select::prefix(&prefix), SERVICES_MAX).await?;
    let without_prefix = |(key, record): (String, _)| (key[prefix.len()..].to_owned(), record);
    Ok(page.records.into_iter().map(without_prefix).collect())
}

/// To be called when a user or role is deleted.
pub async fn erase_service_uses(tx: &Tx, account: AccountId, principal_id: &str) -> Result<(), StoreError> {
    for (service, _) in service_uses(tx, account, principal_id).await? {
        SERVICE_USES.delete(tx, &account, &service_use_key(principal_id, &service)).await?;
    }
    Ok(())
}

pub fn service_use_key(principal_id: &str, service: &str) -> String {
    format!("{principal_id}|{service}")
}
