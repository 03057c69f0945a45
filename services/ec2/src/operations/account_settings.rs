//! Settings of an account in a region: access to the serial console, encryption of new volumes.

use ec2_api::*;
use service::Call;

use crate::Ec2;
use crate::error::Error;
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

/// What is set here holds for volumes, which come with block storage; root disks are part of the machines' folders.
pub async fn get_ebs_encryption_by_default(
    _: &Ec2,
    _: &Call,
    _: GetEbsEncryptionByDefaultInput,
) -> Result<GetEbsEncryptionByDefaultOutput, Error> {
    Ok(GetEbsEncryptionByDefaultOutput { ebs_encryption_by_default: Some(false), sse_type: None })
}
