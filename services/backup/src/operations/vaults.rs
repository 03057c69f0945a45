//! Vaults: made, shown, listed, deleted.

use std::collections::BTreeMap;

use backup_api::*;
use service::{Call, TagChange};
use store::Tx;

use super::lists::{self, Asked};
use super::{tags, vault};
use crate::Backup;
use crate::error::Error;
use crate::limits::VAULTS_MAX;
use crate::model::arns;
use crate::records::{POINTS, Place, Tags, VAULTS, VaultRecord};

/// `^[a-zA-Z0-9\-\_]{2,50}$`
fn check_name(name: &str) -> Result<(), Error> {
    let good = |sign: char| sign.is_ascii_alphanumeric() || "-_".contains(sign);
    match (2..=50).contains(&name.len()) && name.chars().all(good) {
        true => Ok(()),
        false => Err(Error::Invalid(format!("Invalid backup vault name: {name}"))),
    }
}

pub async fn create_backup_vault(
    backup: &Backup,
    call: &Call,
    input: CreateBackupVaultInput,
) -> Result<CreateBackupVaultOutput, Error> {
    let (scope, name) = (&call.scope(), input.backup_vault_name.as_str());
    check_name(name)?;
    let mut own = Tags::new();
    let given = TagChange::Put(input.backup_vault_tags.unwrap_or_default());
    given.apply(&mut own).map_err(|fault| tags::refused(&fault))?;
    if let Some(key) = &input.encryption_key_arn {
        check_key(key)?;
    }
    let fresh = &VaultRecord {
        created: call.now,
        creator_request_id: input.creator_request_id,
        key_arn: input.encryption_key_arn,
        tags: own,
        policy: None,
        lock: None,
    };
    let arn = &arns::vault(call.account, call.region, name).to_string();
    let made = backup.store.transact(|tx| async move {
        if let Some(found) = VAULTS.get(&tx, scope, name).await? {
            let is_same =
                found.creator_request_id.is_some() && found.creator_request_id == fresh.creator_request_id;
            if is_same && found.key_arn == fresh.key_arn {
                return Ok(found.created);
            }
            return Err(Error::AlreadyExists {
                message: "Backup vault with the same name already exists".to_owned(),
                arn: arn.clone(),
                creator_request_id: found.creator_request_id,
            });
        }
        if lists::all(&tx, &VAULTS, scope, "").await?.len() >= VAULTS_MAX {
            return Err(Error::Limit(format!(
                "An account has at most {VAULTS_MAX} backup vaults in a Region"
            )));
        }
        VAULTS.put(&tx, scope, name, fresh).await?;
        Ok(fresh.created)
    });
    let created = made.await?;
    Ok(CreateBackupVaultOutput {
        backup_vault_name: Some(name.to_owned()),
        backup_vault_arn: Some(arn.clone()),
        creation_date: Some(created),
    })
}

fn check_key(text: &str) -> Result<(), Error> {
    let arn: Option<base::Arn> = text.parse().ok();
    match arn.is_some_and(|arn| arn.service() == "kms" && arn.resource().starts_with("key/")) {
        true => Ok(()),
        false => Err(Error::Invalid(format!("Invalid encryption key ARN: {text}"))),
    }
}

pub async fn delete_backup_vault(
    backup: &Backup,
    call: &Call,
    input: DeleteBackupVaultInput,
) -> Result<DeleteBackupVaultOutput, Error> {
    let (scope, name) = (&call.scope(), input.backup_vault_name.as_str());
    let deleted = backup.store.transact(|tx| async move {
        vault(&tx, scope, name).await?;
        // An empty vault goes in spite of its lock.
        if counts(&tx, scope).await?.contains_key(name) {
            let message = "Backup vault cannot be deleted because it contains recovery points.";
            return Err(Error::Request(message.to_owned()));
        }
        Ok(VAULTS.delete(&tx, scope, name).await?)
    });
    deleted.await?;
    Ok(DeleteBackupVaultOutput {})
}

/// How many recovery points each vault has.
async fn counts(tx: &Tx, place: &Place) -> Result<BTreeMap<String, i64>, Error> {
    let mut counts = BTreeMap::new();
    for (_, point) in lists::all(tx, &POINTS, place, "").await? {
        *counts.entry(point.vault().to_owned()).or_insert(0) += 1;
    }
    Ok(counts)
}

fn key_type(vault: &VaultRecord) -> EncryptionKeyType {
    match vault.key_arn {
        Some(_) => EncryptionKeyType::CustomerManagedKmsKey,
        None => EncryptionKeyType::AwsOwnedKmsKey,
    }
}

fn shown(call: &Call, name: &str, vault: VaultRecord, count: i64) -> BackupVaultListMember {
    let lock = vault.lock.as_ref();
    BackupVaultListMember {
        backup_vault_name: Some(name.to_owned()),
        backup_vault_arn: Some(arns::vault(call.account, call.region, name).to_string()),
        vault_type: Some(VaultType::BackupVault),
        vault_state: Some(VaultState::Available),
        creation_date: Some(vault.created),
        number_of_recovery_points: Some(count),
        locked: Some(lock.is_some()),
        min_retention_days: lock.and_then(|lock| lock.min_days),
        max_retention_days: lock.and_then(|lock| lock.max_days),
        lock_date: lock.and_then(|lock| lock.from),
        encryption_key_type: Some(key_type(&vault)),
        encryption_key_arn: vault.key_arn,
        creator_request_id: vault.creator_request_id,
    }
}

pub async fn describe_backup_vault(
    backup: &Backup,
    call: &Call,
    input: DescribeBackupVaultInput,
) -> Result<DescribeBackupVaultOutput, Error> {
    refuse_other_account(call, input.backup_vault_account_id.as_deref())?;
    let (scope, name) = (&call.scope(), input.backup_vault_name.as_str());
    let found = backup.store.read(|tx| async move {
        let found = vault(&tx, scope, name).await?;
        let count = counts(&tx, scope).await?.get(name).copied().unwrap_or(0);
        Ok::<_, Error>(shown(call, name, found, count))
    });
    let one = found.await?;
    Ok(DescribeBackupVaultOutput {
        backup_vault_name: one.backup_vault_name,
        backup_vault_arn: one.backup_vault_arn,
        vault_type: one.vault_type,
        vault_state: one.vault_state,
        encryption_key_arn: one.encryption_key_arn,
        creation_date: one.creation_date,
        creator_request_id: one.creator_request_id,
        number_of_recovery_points: one.number_of_recovery_points,
        locked: one.locked,
        min_retention_days: one.min_retention_days,
        max_retention_days: one.max_retention_days,
        lock_date: one.lock_date,
        encryption_key_type: one.encryption_key_type,
        ..DescribeBackupVaultOutput::default()
    })
}

/// Vaults are shared with no other account here.
pub fn refuse_other_account(call: &Call, account: Option<&str>) -> Result<(), Error> {
    match account.is_none_or(|account| account == call.account.to_string()) {
        true => Ok(()),
        false => Err(Error::NotImplemented("BackupVaultAccountId of another account".to_owned())),
    }
}

pub async fn list_backup_vaults(
    backup: &Backup,
    call: &Call,
    input: ListBackupVaultsInput,
) -> Result<ListBackupVaultsOutput, Error> {
    let scope = &call.scope();
    let is_of_type = matches!(input.by_vault_type, None | Some(VaultType::BackupVault));
    let is_wanted = is_of_type && input.by_shared != Some(true);
    let found = backup.store.read(|tx| async move {
        let counts = counts(&tx, scope).await?;
        let all = lists::all(&tx, &VAULTS, scope, "").await?;
        let one = |(name, vault): (String, VaultRecord)| {
            let count = counts.get(&name).copied().unwrap_or(0);
            shown(call, &name, vault, count)
        };
        Ok::<_, Error>(all.into_iter().filter(|_| is_wanted).map(one).collect::<Vec<_>>())
    });
    let asked = Asked { operation: "ListBackupVaults", most: input.max_results, token: input.next_token };
    let position = |one: &BackupVaultListMember| one.backup_vault_name.clone().unwrap_or_default();
    let (page, next_token) = lists::page(backup, call, asked, found.await?, position)?;
    Ok(ListBackupVaultsOutput { backup_vault_list: Some(page), next_token })
}
