//! Access policies of vaults.

use backup_api::*;
use identity::policy::{Kind, Policy};
use service::Call;

use super::vault;
use crate::Backup;
use crate::error::Error;
use crate::limits::POLICY_BYTES_MAX;
use crate::model::arns;
use crate::records::{PolicyRecord, VAULTS};

pub async fn put_backup_vault_access_policy(
    backup: &Backup,
    call: &Call,
    input: PutBackupVaultAccessPolicyInput,
) -> Result<PutBackupVaultAccessPolicyOutput, Error> {
    let document = input.policy.ok_or(Error::Missing("Policy"))?;
    if document.len() > POLICY_BYTES_MAX {
        return Err(Error::Invalid(format!("The policy is longer than {POLICY_BYTES_MAX} bytes")));
    }
    let policy = Policy::parse(Kind::Resource, &document)
        .map_err(|error| Error::Invalid(format!("The specified policy cannot be added: {error}")))?;
    let pins = backup.aws.pins(&policy).await?;
    let record = &PolicyRecord { document, pins };
    change(backup, call, &input.backup_vault_name, Some(record)).await?;
    Ok(PutBackupVaultAccessPolicyOutput {})
}

pub async fn delete_backup_vault_access_policy(
    backup: &Backup,
    call: &Call,
    input: DeleteBackupVaultAccessPolicyInput,
) -> Result<DeleteBackupVaultAccessPolicyOutput, Error> {
    change(backup, call, &input.backup_vault_name, None).await?;
    Ok(DeleteBackupVaultAccessPolicyOutput {})
}

async fn change(
    backup: &Backup,
    call: &Call,
    name: &str,
    policy: Option<&PolicyRecord>,
) -> Result<(), Error> {
    let scope = &call.scope();
    let changed = backup.store.transact(|tx| async move {
        let mut found = vault(&tx, scope, name).await?;
        found.policy = policy.cloned();
        Ok::<_, Error>(VAULTS.put(&tx, scope, name, &found).await?)
    });
    changed.await
}

pub async fn get_backup_vault_access_policy(
    backup: &Backup,
    call: &Call,
    input: GetBackupVaultAccessPolicyInput,
) -> Result<GetBackupVaultAccessPolicyOutput, Error> {
    let (scope, name) = (&call.scope(), input.backup_vault_name.as_str());
    let found = backup.store.read(|tx| async move { vault(&tx, scope, name).await }).await?;
    let missing = || Error::NotFound(format!("Backup vault {name} has no access policy"));
    let policy = found.policy.ok_or_else(missing)?;
    Ok(GetBackupVaultAccessPolicyOutput {
        backup_vault_name: Some(name.to_owned()),
        backup_vault_arn: Some(arns::vault(call.account, call.region, name).to_string()),
        policy: Some(backup.aws.shown(&policy.document, &policy.pins).await?),
    })
}
