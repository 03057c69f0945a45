//! Settings of an account in a region: access to the serial console, encryption of new volumes.

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::operations::disk_keys::DEFAULT_KEY;
use crate::records::settings::{ACCOUNT_SETTINGS, AccountSettingsRecord, OWN};

async fn settings(ec2: &Ec2, call: &Call) -> Result<AccountSettingsRecord, Error> {
    let place = &call.scope();
    let kept = ec2.store.read(|tx| async move { ACCOUNT_SETTINGS.get(&tx, place, OWN).await }).await?;
    Ok(kept.unwrap_or_default())
}

async fn set_serial_console(ec2: &Ec2, call: &Call, on: bool) -> Result<Option<bool>, Error> {
    let place = &call.scope();
    let changed = ec2.store.transact(|tx| async move {
        let mut kept = ACCOUNT_SETTINGS.get(&tx, place, OWN).await?.unwrap_or_default();
        kept.serial_console = on;
        ACCOUNT_SETTINGS.put(&tx, place, OWN, &kept).await
    });
    changed.await?;
    Ok(Some(on))
}

pub async fn enable_serial_console_access(
    ec2: &Ec2,
    call: &Call,
    _: EnableSerialConsoleAccessInput,
) -> Result<EnableSerialConsoleAccessOutput, Error> {
    let serial_console_access_enabled = set_serial_console(ec2, call, true).await?;
    Ok(EnableSerialConsoleAccessOutput { serial_console_access_enabled })
}

pub async fn disable_serial_console_access(
    ec2: &Ec2,
    call: &Call,
    _: DisableSerialConsoleAccessInput,
) -> Result<DisableSerialConsoleAccessOutput, Error> {
    let serial_console_access_enabled = set_serial_console(ec2, call, false).await?;
    Ok(DisableSerialConsoleAccessOutput { serial_console_access_enabled })
}

pub async fn get_serial_console_access_status(
    ec2: &Ec2,
    call: &Call,
    _: GetSerialConsoleAccessStatusInput,
) -> Result<GetSerialConsoleAccessStatusOutput, Error> {
    let kept = settings(ec2, call).await?;
    Ok(GetSerialConsoleAccessStatusOutput {
        serial_console_access_enabled: Some(kept.serial_console),
        managed_by: Some(ManagedBy::Account),
    })
}

async fn set_encryption(ec2: &Ec2, call: &Call, on: bool) -> Result<Option<bool>, Error> {
    let place = &call.scope();
    let changed = ec2.store.transact(|tx| async move {
        let mut kept = ACCOUNT_SETTINGS.get(&tx, place, OWN).await?.unwrap_or_default();
        kept.encrypts_volumes = on;
        ACCOUNT_SETTINGS.put(&tx, place, OWN, &kept).await
    });
    changed.await?;
    Ok(Some(on))
}

pub async fn get_ebs_encryption_by_default(
    ec2: &Ec2,
    call: &Call,
    _: GetEbsEncryptionByDefaultInput,
) -> Result<GetEbsEncryptionByDefaultOutput, Error> {
    let on = settings(ec2, call).await?.encrypts_volumes;
    Ok(GetEbsEncryptionByDefaultOutput {
        ebs_encryption_by_default: Some(on),
        sse_type: Some(if on { SSEType::SseKms } else { SSEType::None }),
    })
}

pub async fn enable_ebs_encryption_by_default(
    ec2: &Ec2,
    call: &Call,
    _: EnableEbsEncryptionByDefaultInput,
) -> Result<EnableEbsEncryptionByDefaultOutput, Error> {
    let ebs_encryption_by_default = set_encryption(ec2, call, true).await?;
    Ok(EnableEbsEncryptionByDefaultOutput { ebs_encryption_by_default })
}

pub async fn disable_ebs_encryption_by_default(
    ec2: &Ec2,
    call: &Call,
    _: DisableEbsEncryptionByDefaultInput,
) -> Result<DisableEbsEncryptionByDefaultOutput, Error> {
    let ebs_encryption_by_default = set_encryption(ec2, call, false).await?;
    Ok(DisableEbsEncryptionByDefaultOutput { ebs_encryption_by_default })
}

async fn set_key(ec2: &Ec2, call: &Call, key: Option<&str>) -> Result<Option<String>, Error> {
    let place = &call.scope();
    let changed = ec2.store.transact(|tx| async move {
        let mut kept = ACCOUNT_SETTINGS.get(&tx, place, OWN).await?.unwrap_or_default();
        kept.volume_key = key.map(str::to_owned);
        ACCOUNT_SETTINGS.put(&tx, place, OWN, &kept).await
    });
    changed.await?;
    Ok(Some(key.unwrap_or(DEFAULT_KEY).to_owned()))
}

pub async fn get_ebs_default_kms_key_id(
    ec2: &Ec2,
    call: &Call,
    _: GetEbsDefaultKmsKeyIdInput,
) -> Result<GetEbsDefaultKmsKeyIdOutput, Error> {
    let key = settings(ec2, call).await?.volume_key.unwrap_or_else(|| DEFAULT_KEY.to_owned());
    Ok(GetEbsDefaultKmsKeyIdOutput { kms_key_id: Some(key) })
}

/// The key is not looked up: one that cannot be used shows when a volume is made.
pub async fn modify_ebs_default_kms_key_id(
    ec2: &Ec2,
    call: &Call,
    input: ModifyEbsDefaultKmsKeyIdInput,
) -> Result<ModifyEbsDefaultKmsKeyIdOutput, Error> {
    let kms_key_id = set_key(ec2, call, Some(&input.kms_key_id)).await?;
    Ok(ModifyEbsDefaultKmsKeyIdOutput { kms_key_id })
}

pub async fn reset_ebs_default_kms_key_id(
    ec2: &Ec2,
    call: &Call,
    _: ResetEbsDefaultKmsKeyIdInput,
) -> Result<ResetEbsDefaultKmsKeyIdOutput, Error> {
    Ok(ResetEbsDefaultKmsKeyIdOutput { kms_key_id: set_key(ec2, call, None).await? })
}
