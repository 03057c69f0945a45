//! Recovery points, by their vaults and by what they are of.

use backup_api::*;
use service::Call;

use crate::Backup;
use crate::error::Error;
use crate::operations::jobs::{is, newest, within};
use crate::operations::lists::{self, Asked};
use crate::operations::vault;
use crate::operations::vaults::refuse_other_account;
use crate::records::{POINTS, PointRecord};

pub async fn list_recovery_points_by_backup_vault(
    backup: &Backup,
    call: &Call,
    input: ListRecoveryPointsByBackupVaultInput,
) -> Result<ListRecoveryPointsByBackupVaultOutput, Error> {
    refuse_other_account(call, input.backup_vault_account_id.as_deref())?;
    let (scope, name) = (&call.scope(), input.backup_vault_name.as_str());
    let found = backup.store.read(|tx| async move {
        vault(&tx, scope, name).await?;
        lists::all(&tx, &POINTS, scope, "").await
    });
    let mut points: Vec<PointRecord> = found.await?.into_iter().map(|(_, point)| point).collect();
    points.retain(|point| {
        let plan = point.shown.created_by.as_ref().and_then(|creator| creator.backup_plan_id.clone());
        point.vault() == name
            && is(&point.shown.resource_arn, &input.by_resource_arn)
            && is(&point.shown.resource_type, &input.by_resource_type)
            && is(&plan, &input.by_backup_plan_id)
            && is(&point.shown.parent_recovery_point_arn, &input.by_parent_recovery_point_arn)
            && within(point.shown.creation_date, input.by_created_after, input.by_created_before)
    });
    let asked = Asked {
        operation: "ListRecoveryPointsByBackupVault",
        most: input.max_results,
        token: input.next_token,
    };
    let (page, next_token) = lists::page(backup, call, asked, points, position)?;
    let shown = page.into_iter().map(|point| in_vault(point.shown.0)).collect();
    Ok(ListRecoveryPointsByBackupVaultOutput { next_token, recovery_points: Some(shown) })
}

fn position(point: &PointRecord) -> String {
    newest(point.shown.creation_date, Some(point.arn()))
}

fn in_vault(point: DescribeRecoveryPointOutput) -> RecoveryPointByBackupVault {
    RecoveryPointByBackupVault {
        recovery_point_arn: point.recovery_point_arn,
        backup_vault_name: point.backup_vault_name,
        backup_vault_arn: point.backup_vault_arn,
        source_backup_vault_arn: point.source_backup_vault_arn,
        resource_arn: point.resource_arn,
        resource_type: point.resource_type,
        created_by: point.created_by,
        iam_role_arn: point.iam_role_arn,
        status: point.status,
        status_message: point.status_message,
        creation_date: point.creation_date,
        initiation_date: point.initiation_date,
        completion_date: point.completion_date,
        backup_size_in_bytes: point.backup_size_in_bytes,
        calculated_lifecycle: point.calculated_lifecycle,
        lifecycle: point.lifecycle,
        encryption_key_arn: point.encryption_key_arn,
        is_encrypted: point.is_encrypted,
        last_restore_time: point.last_restore_time,
        is_parent: point.is_parent,
        vault_type: point.vault_type,
        ..RecoveryPointByBackupVault::default()
    }
}

pub async fn list_recovery_points_by_resource(
    backup: &Backup,
    call: &Call,
    input: ListRecoveryPointsByResourceInput,
) -> Result<ListRecoveryPointsByResourceOutput, Error> {
    let (scope, arn) = (&call.scope(), input.resource_arn.as_str());
    let found = backup.store.read(|tx| async move { lists::all(&tx, &POINTS, scope, "").await }).await?;
    let points: Vec<PointRecord> =
        found.into_iter().map(|(_, point)| point).filter(|point| point.resource() == arn).collect();
    if points.is_empty() {
        return Err(Error::NotFound(format!("Cannot find recovery points of resource {arn}")));
    }
    let asked =
        Asked { operation: "ListRecoveryPointsByResource", most: input.max_results, token: input.next_token };
    let (page, next_token) = lists::page(backup, call, asked, points, position)?;
    let shown = page.into_iter().map(|point| of_resource(point.shown.0)).collect();
    Ok(ListRecoveryPointsByResourceOutput { next_token, recovery_points: Some(shown) })
}

fn of_resource(point: DescribeRecoveryPointOutput) -> RecoveryPointByResource {
    RecoveryPointByResource {
        recovery_point_arn: point.recovery_point_arn,
        creation_date: point.creation_date,
        status: point.status,
        status_message: point.status_message,
        encryption_key_arn: point.encryption_key_arn,
        backup_size_bytes: point.backup_size_in_bytes,
        backup_vault_name: point.backup_vault_name,
        is_parent: point.is_parent,
        vault_type: point.vault_type,
        ..RecoveryPointByResource::default()
    }
}
