//! Locks of vaults: set, changed and taken away as long as their mode lets that happen.

use backup_api::*;
use base::Timestamp;
use service::Call;

use super::vault;
use crate::Backup;
use crate::error::Error;
use crate::model::lock::Lock;
use crate::records::{VAULTS, VaultRecord};

pub async fn put_backup_vault_lock_configuration(
    backup: &Backup,
    call: &Call,
    input: PutBackupVaultLockConfigurationInput,
) -> Result<PutBackupVaultLockConfigurationOutput, Error> {
    let days = (input.min_retention_days, input.max_retention_days);
    let lock = Lock::new(days.0, days.1, input.changeable_for_days, call.now)?;
    change(backup, call, &input.backup_vault_name, Some(&lock)).await?;
    Ok(PutBackupVaultLockConfigurationOutput {})
}

pub async fn delete_backup_vault_lock_configuration(
    backup: &Backup,
    call: &Call,
    input: DeleteBackupVaultLockConfigurationInput,
) -> Result<DeleteBackupVaultLockConfigurationOutput, Error> {
    change(backup, call, &input.backup_vault_name, None).await?;
    Ok(DeleteBackupVaultLockConfigurationOutput {})
}

async fn change(backup: &Backup, call: &Call, name: &str, lock: Option<&Lock>) -> Result<(), Error> {
    let scope = &call.scope();
    let changed = backup.store.transact(|tx| async move {
        let mut found = vault(&tx, scope, name).await?;
        check_changeable(name, &found, call.now)?;
        found.lock = lock.cloned();
        Ok::<_, Error>(VAULTS.put(&tx, scope, name, &found).await?)
    });
    changed.await
}

fn check_changeable(name: &str, vault: &VaultRecord, now: Timestamp) -> Result<(), Error> {
    match vault.lock.as_ref().is_some_and(|lock| lock.is_fixed(now)) {
        true => Err(Error::Request(format!(
            "The Vault Lock of backup vault {name} is in compliance mode and cannot be changed or deleted"
        ))),
        false => Ok(()),
    }
}

/// Refuses to delete or change what a locked vault keeps.
pub fn check_unlocked(name: &str, vault: &VaultRecord) -> Result<(), Error> {
    match &vault.lock {
        None => Ok(()),
        Some(_) => Err(Error::Request(format!(
            "Backup vault {name} is configured with Vault Lock: its recovery points cannot be deleted or changed"
        ))),
    }
}
