//! Devices that make one-time codes. Codes are real (see [`totp`]), are checked by the cloud's clock and good once.
//!
//! Virtual devices are resources of their own: created, enabled for a user, and deactivated before they are deleted.
//! Hardware devices' secrets are their makers'; nobody can enable one here, since no code of theirs can be checked.

use base::{AccountId, Timestamp};
use iam_api::{
    DeactivateMFADeviceInput, DeactivateMFADeviceOutput, EnableMFADeviceInput, EnableMFADeviceOutput,
    GetMFADeviceInput, GetMFADeviceOutput, ListMFADevicesInput, ListMFADevicesOutput, MFADevice,
    ResyncMFADeviceInput, ResyncMFADeviceOutput,
};
use service::{Call, Principal, PrincipalKind};
use store::Tx;

use super::callers::Owner;
use super::users::{self, ACCOUNT};
use super::virtual_mfa::{self, SEALED_AS};
use super::{pages, quotas};
use crate::Iam;
use crate::error::Error;
use crate::model::totp;
use crate::records::{ACCOUNTS, MFA_DEVICES, MfaDeviceRecord, MfaEnabled, USERS, key};

fn wrong_codes() -> Error {
    Error::InvalidAuthenticationCode("Authentication code for device is not valid.".to_owned())
}

fn not_the_users() -> Error {
    Error::NoSuchEntity("MFA Device invalid for user.".to_owned())
}

/// Root may name itself `root`, unless a user has that name.
async fn owner(tx: &Tx, call: &Call, given: Option<&str>) -> Result<Owner, Error> {
    let is_root = call.principal.kind == PrincipalKind::Root && given == Some(Owner::Root.shown());
    if is_root && USERS.get(tx, &call.account, Owner::Root.shown()).await?.is_none() {
        return Ok(Owner::Root);
    }
    Owner::of(call, given)
}

/// The owner's name as it is spelt, and the serial numbers of its devices.
async fn devices_of(tx: &Tx, account: AccountId, owner: &Owner) -> Result<(String, Vec<String>), Error> {
    match owner {
        Owner::Root => {
            let record = ACCOUNTS.get(tx, &account, ACCOUNT).await?.unwrap_or_default();
            Ok((owner.shown().to_owned(), record.root_mfa_devices))
        }
        Owner::User(name) => {
            let record = users::load(tx, account, name).await?;
            Ok((record.name, record.mfa_devices))
        }
    }
}

async fn set_devices(tx: &Tx, account: AccountId, owner: &Owner, serials: Vec<String>) -> Result<(), Error> {
    match owner {
        Owner::Root => {
            let mut record = ACCOUNTS.get(tx, &account, ACCOUNT).await?.unwrap_or_default();
            record.root_mfa_devices = serials;
            Ok(ACCOUNTS.put(tx, &account, ACCOUNT, &record).await?)
        }
        Owner::User(name) => {
            let mut record = users::load(tx, account, name).await?;
            record.mfa_devices = serials;
            users::save(tx, account, &record).await
        }
    }
}

fn owner_key(owner: &Owner) -> Option<String> {
    match owner {
        Owner::Root => None,
        Owner::User(name) => Some(key(name)),
    }
}

fn seed(iam: &Iam, record: &MfaDeviceRecord) -> Option<Vec<u8>> {
    iam.sealing.open(SEALED_AS, record.sealed_seed.as_deref()?)
}

pub async fn enable_mfa_device(
    iam: &Iam,
    call: &Call,
    input: EnableMFADeviceInput,
) -> Result<EnableMFADeviceOutput, Error> {
    let (account, input) = (call.account, &input);
    let serial = input.serial_number.as_str();
    iam.change(account, |tx| async move {
        let owner = owner(&tx, call, Some(&input.user_name)).await?;
        let (_, mut serials) = devices_of(&tx, account, &owner).await?;
        let Some(mut record) = MFA_DEVICES.get(&tx, &account, serial).await? else {
            let is_virtual = serial.starts_with("arn:");
            return Err(if is_virtual { virtual_mfa::not_found(serial) } else { wrong_codes() });
        };
        if let Some(enabled) = &record.enabled {
            // An earlier run of this very transaction may have done it.
            let is_ours = enabled.at == call.now && enabled.user == owner_key(&owner);
            let message = format!("MFA Device with serial number {serial} is already in use.");
            return if is_ours { Ok(()) } else { Err(Error::EntityAlreadyExists(message)) };
        }
        let seed = seed(iam, &record).ok_or_else(wrong_codes)?;
        let (first, second) = (&input.authentication_code1, &input.authentication_code2);
        let (step, drift) = totp::synchronise(&seed, first, second, call.now).ok_or_else(wrong_codes)?;
        quotas::MFA_DEVICES_PER_USER.check(serials.len())?;
        let enabled =
            MfaEnabled { user: owner_key(&owner), at: call.now, last_step: step, drift_steps: drift };
        record.enabled = Some(enabled);
        serials.push(serial.to_owned());
        set_devices(&tx, account, &owner, serials).await?;
        Ok(MFA_DEVICES.put(&tx, &account, serial, &record).await?)
    })
    .await?;
    Ok(EnableMFADeviceOutput {})
}

/// A device that is enabled, if it is the owner's.
async fn load(tx: &Tx, account: AccountId, owner: &Owner, serial: &str) -> Result<MfaDeviceRecord, Error> {
    let (_, serials) = devices_of(tx, account, owner).await?;
    let record = MFA_DEVICES.get(tx, &account, serial).await?;
    record.filter(|_| serials.iter().any(|own| own == serial)).ok_or_else(not_the_users)
}

pub async fn resync_mfa_device(
    iam: &Iam,
    call: &Call,
    input: ResyncMFADeviceInput,
) -> Result<ResyncMFADeviceOutput, Error> {
    let (account, input) = (call.account, &input);
    let serial = input.serial_number.as_str();
    iam.change(account, |tx| async move {
        let owner = owner(&tx, call, Some(&input.user_name)).await?;
        let mut record = load(&tx, account, &owner, serial).await?;
        let seed = seed(iam, &record).ok_or_else(wrong_codes)?;
        let enabled = record.enabled.as_mut().ok_or_else(not_the_users)?;
        let (first, second) = (&input.authentication_code1, &input.authentication_code2);
        let (step, drift) = totp::synchronise(&seed, first, second, call.now).ok_or_else(wrong_codes)?;
        // Codes that were seen are no news of the device's clock. The same step is this transaction, run again.
        if step < enabled.last_step {
            return Err(wrong_codes());
        }
        (enabled.last_step, enabled.drift_steps) = (step, drift);
        Ok(MFA_DEVICES.put(&tx, &account, serial, &record).await?)
    })
    .await?;
    Ok(ResyncMFADeviceOutput {})
}

pub async fn deactivate_mfa_device(
    iam: &Iam,
    call: &Call,
    input: DeactivateMFADeviceInput,
) -> Result<DeactivateMFADeviceOutput, Error> {
    let (account, input) = (call.account, &input);
    let serial = input.serial_number.as_str();
    iam.change(account, |tx| async move {
        let owner = owner(&tx, call, input.user_name.as_deref()).await?;
        let mut record = load(&tx, account, &owner, serial).await?;
        let (_, mut serials) = devices_of(&tx, account, &owner).await?;
        serials.retain(|own| own != serial);
        set_devices(&tx, account, &owner, serials).await?;
        record.enabled = None;
        Ok(MFA_DEVICES.put(&tx, &account, serial, &record).await?)
    })
    .await?;
    Ok(DeactivateMFADeviceOutput {})
}

pub async fn list_mfa_devices(
    iam: &Iam,
    call: &Call,
    input: ListMFADevicesInput,
) -> Result<ListMFADevicesOutput, Error> {
    let (account, given) = (call.account, input.user_name.as_deref());
    let all = iam
        .store
        .read(|tx| async move {
            let owner = owner(&tx, call, given).await?;
            let (user_name, serials) = devices_of(&tx, account, &owner).await?;
            let mut devices = Vec::with_capacity(serials.len());
            for serial_number in serials {
                let record = load(&tx, account, &owner, &serial_number).await?;
                let enabled = record.enabled.map_or(record.created, |enabled| enabled.at);
                let enable_date = Timestamp::from_secs(enabled.as_secs());
                devices.push(MFADevice { user_name: user_name.clone(), serial_number, enable_date });
            }
            Ok::<_, Error>(devices)
        })
        .await?;
    let found = pages::cut(iam, call, "ListMFADevices", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListMFADevicesOutput {
        mfa_devices: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn get_mfa_device(
    iam: &Iam,
    call: &Call,
    input: GetMFADeviceInput,
) -> Result<GetMFADeviceOutput, Error> {
    let (account, input) = (call.account, &input);
    iam.store
        .read(|tx| async move {
            let owner = owner(&tx, call, input.user_name.as_deref()).await?;
            let record = load(&tx, account, &owner, &input.serial_number).await?;
            let (user_name, _) = devices_of(&tx, account, &owner).await?;
            let enabled = record.enabled.map(|enabled| Timestamp::from_secs(enabled.at.as_secs()));
            Ok(GetMFADeviceOutput {
                user_name: Some(user_name),
                serial_number: input.serial_number.clone(),
                enable_date: enabled,
                certifications: None,
            })
        })
        .await
}

/// Checks a code of a device of the caller's own, and uses it up: it is good once. `false` if the device is not the
/// caller's, or the code is wrong or was used.
pub async fn check(
    iam: &Iam,
    principal: &Principal,
    serial: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let owner = match principal.kind {
        PrincipalKind::Root => None,
        PrincipalKind::User => principal.arn.rsplit('/').next().map(key),
        _ => return Ok(false),
    };
    use_code(iam, principal.account, owner.as_deref(), serial, code, now).await
}

/// Uses up a code of one device of an owner, by the user's key, or of root.
pub async fn use_code(
    iam: &Iam,
    account: AccountId,
    owner: Option<&str>,
    serial: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    iam.store
        .transact(|tx| async move {
            let Some(mut record) = MFA_DEVICES.get(&tx, &account, serial).await? else { return Ok(false) };
            let seed = seed(iam, &record);
            let (Some(enabled), Some(seed)) = (&mut record.enabled, seed) else { return Ok(false) };
            if enabled.user.as_deref() != owner {
                return Ok(false);
            }
            let Some(step) = totp::check_code(enabled, &seed, code, now) else { return Ok(false) };
            enabled.last_step = step;
            MFA_DEVICES.put(&tx, &account, serial, &record).await?;
            Ok(true)
        })
        .await
}
