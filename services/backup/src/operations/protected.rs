//! Resources that have recovery points.

use std::collections::BTreeMap;

use backup_api::*;
use service::Call;

use super::lists::{self, Asked};
use super::vault;
use super::vaults::refuse_other_account;
use crate::Backup;
use crate::error::Error;
use crate::records::{POINTS, PointRecord, RESTORES};

/// With the newest recovery point of each, in one vault or in all.
async fn protected(
    backup: &Backup,
    call: &Call,
    of_vault: Option<&str>,
) -> Result<Vec<ProtectedResource>, Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move {
        if let Some(name) = of_vault {
            vault(&tx, scope, name).await?;
        }
        lists::all(&tx, &POINTS, scope, "").await
    });
    let mut newest: BTreeMap<String, PointRecord> = BTreeMap::new();
    for (_, point) in found.await? {
        if of_vault.is_some_and(|name| point.vault() != name) {
            continue;
        }
        let resource = point.resource().to_owned();
        let is_newer =
            newest.get(&resource).is_none_or(|other| other.shown.creation_date <= point.shown.creation_date);
        if is_newer {
            newest.insert(resource, point);
        }
    }
    let shown = |point: PointRecord| {
        let point = point.shown.0;
        ProtectedResource {
            resource_arn: point.resource_arn,
            resource_type: point.resource_type,
            last_backup_time: point.creation_date,
            resource_name: point.resource_name,
            last_backup_vault_arn: point.backup_vault_arn,
            last_recovery_point_arn: point.recovery_point_arn,
        }
    };
    Ok(newest.into_values().map(shown).collect())
}

fn position(one: &ProtectedResource) -> String {
    one.resource_arn.clone().unwrap_or_default()
}

pub async fn list_protected_resources(
    backup: &Backup,
    call: &Call,
    input: ListProtectedResourcesInput,
) -> Result<ListProtectedResourcesOutput, Error> {
    let found = protected(backup, call, None).await?;
    let asked =
        Asked { operation: "ListProtectedResources", most: input.max_results, token: input.next_token };
    let (page, next_token) = lists::page(backup, call, asked, found, position)?;
    Ok(ListProtectedResourcesOutput { results: Some(page), next_token })
}

pub async fn list_protected_resources_by_backup_vault(
    backup: &Backup,
    call: &Call,
    input: ListProtectedResourcesByBackupVaultInput,
) -> Result<ListProtectedResourcesByBackupVaultOutput, Error> {
    refuse_other_account(call, input.backup_vault_account_id.as_deref())?;
    let found = protected(backup, call, Some(&input.backup_vault_name)).await?;
    let asked = Asked {
        operation: "ListProtectedResourcesByBackupVault",
        most: input.max_results,
        token: input.next_token,
    };
    let (page, next_token) = lists::page(backup, call, asked, found, position)?;
    Ok(ListProtectedResourcesByBackupVaultOutput { results: Some(page), next_token })
}

pub async fn describe_protected_resource(
    backup: &Backup,
    call: &Call,
    input: DescribeProtectedResourceInput,
) -> Result<DescribeProtectedResourceOutput, Error> {
    let arn = Some(input.resource_arn);
    let mut found = protected(backup, call, None).await?.into_iter();
    let missing =
        || Error::NotFound(format!("Resource {} is not protected", arn.clone().unwrap_or_default()));
    let one = found.find(|one| one.resource_arn == arn).ok_or_else(missing)?;
    let scope = &call.scope();
    let restores = backup.store.read(|tx| async move { lists::all(&tx, &RESTORES, scope, "").await }).await?;
    let of_it =
        restores.into_iter().map(|(_, record)| record.shown.0).filter(|job| job.source_resource_arn == arn);
    let last = of_it.max_by_key(|job| job.creation_date);
    Ok(DescribeProtectedResourceOutput {
        resource_arn: one.resource_arn,
        resource_type: one.resource_type,
        last_backup_time: one.last_backup_time,
        resource_name: one.resource_name,
        last_backup_vault_arn: one.last_backup_vault_arn,
        last_recovery_point_arn: one.last_recovery_point_arn,
        latest_restore_job_creation_date: last.as_ref().and_then(|job| job.creation_date),
        latest_restore_recovery_point_creation_date: last.and_then(|job| job.recovery_point_creation_date),
        latest_restore_execution_time_minutes: None,
    })
}
