//! Recovery points: shown, given another lifecycle, deleted, let go.

pub mod lists;

use backup_api::*;
use base::Region;
use dynamodb_api::{DeleteBackup, DeleteBackupInput};
use ec2_api::{DeleteSnapshot, DeleteSnapshotInput};
use schema::Fault;
use service::{AsService, Call};
use store::Tx;

use super::authorise::vault_lets;
use super::vaults::refuse_other_account;
use super::{locks, vault};
use crate::Backup;
use crate::error::Error;
use crate::model::arns::{self, Made};
use crate::model::lifecycle;
use crate::records::{Due, POINTS, Place, PointRecord, VaultRecord, later};
use crate::tasks::PRINCIPAL;

/// A recovery point of a vault.
///
/// # Errors
/// `ResourceNotFoundException`
pub async fn find(tx: &Tx, place: &Place, vault_name: &str, arn: &str) -> Result<PointRecord, Error> {
    vault(tx, place, vault_name).await?;
    let found = POINTS.get(tx, place, arn).await?.filter(|point| point.vault() == vault_name);
    found.ok_or_else(|| missing(arn))
}

pub fn missing(arn: &str) -> Error {
    Error::NotFound(format!("Cannot find recovery point with ARN {arn}"))
}

/// A recovery point and its vault, if the vault's policy lets the caller do that.
pub async fn allowed(
    backup: &Backup,
    call: &Call,
    vault_name: &str,
    arn: &str,
    action: &str,
) -> Result<(PointRecord, VaultRecord), Error> {
    let scope = &call.scope();
    let found = backup.store.read(|tx| async move {
        let point = find(&tx, scope, vault_name, arn).await?;
        Ok::<_, Error>((point, vault(&tx, scope, vault_name).await?))
    });
    let (point, vault) = found.await?;
    vault_lets(backup, call, (vault_name, &vault), action, &point).await?;
    Ok((point, vault))
}

pub async fn describe_recovery_point(
    backup: &Backup,
    call: &Call,
    input: DescribeRecoveryPointInput,
) -> Result<DescribeRecoveryPointOutput, Error> {
    refuse_other_account(call, input.backup_vault_account_id.as_deref())?;
    let (vault, arn) = (input.backup_vault_name.as_str(), input.recovery_point_arn.as_str());
    let (point, _) = allowed(backup, call, vault, arn, "DescribeRecoveryPoint").await?;
    Ok(point.shown.0)
}

pub async fn get_recovery_point_restore_metadata(
    backup: &Backup,
    call: &Call,
    input: GetRecoveryPointRestoreMetadataInput,
) -> Result<GetRecoveryPointRestoreMetadataOutput, Error> {
    refuse_other_account(call, input.backup_vault_account_id.as_deref())?;
    let (vault, arn) = (input.backup_vault_name.as_str(), input.recovery_point_arn.as_str());
    let (point, _) = allowed(backup, call, vault, arn, "GetRecoveryPointRestoreMetadata").await?;
    Ok(GetRecoveryPointRestoreMetadataOutput {
        backup_vault_arn: point.shown.backup_vault_arn.clone(),
        recovery_point_arn: Some(arn.to_owned()),
        resource_type: point.shown.resource_type.clone(),
        restore_metadata: Some(point.metadata),
    })
}

pub async fn update_recovery_point_lifecycle(
    backup: &Backup,
    call: &Call,
    input: UpdateRecoveryPointLifecycleInput,
) -> Result<UpdateRecoveryPointLifecycleOutput, Error> {
    let wanted = &input.lifecycle;
    wanted.as_ref().map_or(Ok(()), lifecycle::check)?;
    let (scope, name, arn) =
        (&call.scope(), input.backup_vault_name.as_str(), input.recovery_point_arn.as_str());
    let (_, held) = allowed(backup, call, name, arn, "UpdateRecoveryPointLifecycle").await?;
    locks::check_unlocked(name, &held)?;
    let changed = backup.store.transact(|tx| async move {
        let mut point = find(&tx, scope, name, arn).await?;
        let shown = &mut point.shown.0;
        let created = shown.creation_date.unwrap_or(call.now);
        shown.lifecycle.clone_from(wanted);
        shown.calculated_lifecycle = lifecycle::calculated(wanted.as_ref(), created);
        // One that could not be deleted in time has another chance.
        shown.status = Some(RecoveryPointStatus::Completed);
        shown.status_message = None;
        expire_later(&tx, scope, &point).await?;
        POINTS.put(&tx, scope, arn, &point).await?;
        Ok::<_, Error>(point)
    });
    let point = changed.await?.shown.0;
    backup.due.nudge();
    Ok(UpdateRecoveryPointLifecycleOutput {
        backup_vault_arn: point.backup_vault_arn,
        recovery_point_arn: point.recovery_point_arn,
        lifecycle: point.lifecycle,
        calculated_lifecycle: point.calculated_lifecycle,
    })
}

/// Writes down when a recovery point is to be deleted.
pub async fn expire_later(tx: &Tx, place: &Place, point: &PointRecord) -> Result<(), Error> {
    let Some(at) = point.delete_at() else { return Ok(()) };
    Ok(later(tx, at, place, Due::Expire { point: point.arn().to_owned() }).await?)
}

/// Surprising: it is AWS Backup's own role that deletes, so that whoever may do this needs no permission of EC2's.
pub async fn delete_recovery_point(
    backup: &Backup,
    call: &Call,
    input: DeleteRecoveryPointInput,
) -> Result<DeleteRecoveryPointOutput, Error> {
    let (vault, arn) = (input.backup_vault_name.as_str(), input.recovery_point_arn.as_str());
    let (point, held) = allowed(backup, call, vault, arn, "DeleteRecoveryPoint").await?;
    locks::check_unlocked(vault, &held)?;
    let own = backup.aws.as_service(PRINCIPAL, call.account, call.region, call);
    delete_made(&own, call.region, point.arn()).await.map_err(|fault| match fault.status() {
        500.. => Error::Other(fault),
        _ => Error::State(fault.message().to_owned()),
    })?;
    let scope = &call.scope();
    backup.store.transact(|tx| async move { POINTS.delete(&tx, scope, arn).await }).await?;
    Ok(DeleteRecoveryPointOutput {})
}

/// Deletes what a recovery point is; what is gone already is as gone as it should be.
pub async fn delete_made(caller: &AsService, region: Region, arn: &str) -> Result<(), Fault> {
    let deleted = match Made::parse(arn) {
        Some(Made::Snapshot(id)) => {
            let input = DeleteSnapshotInput { snapshot_id: id, ..DeleteSnapshotInput::default() };
            caller.clone().in_region(region).call(DeleteSnapshot, input).await.map(drop)
        }
        Some(Made::TableBackup(backup_arn)) => caller
            .clone()
            .in_region(region)
            .call(DeleteBackup, DeleteBackupInput { backup_arn })
            .await
            .map(drop),
        None => Ok(()),
    };
    match deleted {
        Err(fault) if GONE.contains(&fault.code()) => Ok(()),
        other => other,
    }
}

/// What says that a snapshot or a table's backup is not there.
pub const GONE: [&str; 2] = ["InvalidSnapshot.NotFound", "BackupNotFoundException"];

/// Only continuous backups can be let go, and those of other types than there are here.
pub async fn disassociate_recovery_point(
    backup: &Backup,
    call: &Call,
    input: DisassociateRecoveryPointInput,
) -> Result<DisassociateRecoveryPointOutput, Error> {
    let (vault, arn) = (input.backup_vault_name.as_str(), input.recovery_point_arn.as_str());
    let (point, _) = allowed(backup, call, vault, arn, "DisassociateRecoveryPoint").await?;
    let kind = point.shown.resource_type.clone().unwrap_or_default();
    Err(Error::Request(format!(
        "Recovery points of type {kind} cannot be disassociated: only continuous backups can"
    )))
}

/// A recovery point as it is written down when a backup or a copy is completed.
pub fn new(place: &Place, vault: &str, shown: DescribeRecoveryPointOutput) -> DescribeRecoveryPointOutput {
    let created = shown.creation_date;
    let calculated = created.and_then(|created| lifecycle::calculated(shown.lifecycle.as_ref(), created));
    DescribeRecoveryPointOutput {
        backup_vault_name: Some(vault.to_owned()),
        backup_vault_arn: Some(arns::vault(place.0, place.1, vault).to_string()),
        status: Some(RecoveryPointStatus::Completed),
        calculated_lifecycle: calculated,
        storage_class: Some(StorageClass::Warm),
        is_parent: Some(false),
        vault_type: Some(VaultType::BackupVault),
        ..shown
    }
}
