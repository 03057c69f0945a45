//! Virtual devices as resources: create with a seed and its picture, list, tag, delete. See [`super::mfa`] for their use.

use base::{Arn, Timestamp};
use bytes::Bytes;
use data_encoding::BASE32;
use iam_api::{
    AssignmentStatusType, CreateVirtualMFADeviceInput, CreateVirtualMFADeviceOutput,
    DeleteVirtualMFADeviceInput, DeleteVirtualMFADeviceOutput, ListMFADeviceTagsInput,
    ListMFADeviceTagsOutput, ListVirtualMFADevicesInput, ListVirtualMFADevicesOutput, TagMFADeviceInput,
    TagMFADeviceOutput, UntagMFADeviceInput, UntagMFADeviceOutput, User, VirtualMFADevice,
};
use service::Call;
use store::Tx;

use super::callers::second;
use super::pages::{self, Page, Part};
use super::{account, users};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, qr, tags};
use crate::records::{MFA_DEVICES, MfaDeviceRecord};

/// What seeds are sealed as.
pub const SEALED_AS: &str = "iam mfa seed";

/// AWS's seeds have 64 characters of base 32.
const SEED_BYTES: usize = 40;

/// Inputs that name a device.
pub trait OfDevice {
    fn serial_number(&self) -> &str;
}

macro_rules! of_device {
    ($($input:ident)*) => { $(impl OfDevice for iam_api::$input {
        fn serial_number(&self) -> &str {
            &self.serial_number
        }
    })* };
}

of_device! { DeleteVirtualMFADeviceInput ListMFADeviceTagsInput TagMFADeviceInput UntagMFADeviceInput }

pub fn by_serial(_: &Iam, call: &Call, input: &impl OfDevice) -> Result<Vec<Arn>, Error> {
    let serial = input.serial_number();
    Ok(vec![serial.parse().unwrap_or_else(|_| arns::plain(call.account, "mfa", serial))])
}

pub fn by_new_name(_: &Iam, call: &Call, input: &CreateVirtualMFADeviceInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, input)])
}

pub fn all(_: &Iam, call: &Call, _: &ListVirtualMFADevicesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "mfa", "")])
}

fn arn(call: &Call, input: &CreateVirtualMFADeviceInput) -> Arn {
    let path = input.path.as_deref().unwrap_or("/");
    arns::entity(call.account, "mfa", path, &input.virtual_mfa_device_name)
}

pub fn not_found(serial: &str) -> Error {
    Error::NoSuchEntity(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
}

async fn load(tx: &Tx, call: &Call, serial: &str) -> Result<MfaDeviceRecord, Error> {
    MFA_DEVICES.get(tx, &call.account, serial).await?.ok_or_else(|| not_found(serial))
}

pub async fn create_virtual_mfa_device(
    iam: &Iam,
    call: &Call,
    input: CreateVirtualMFADeviceInput,
) -> Result<CreateVirtualMFADeviceOutput, Error> {
    let serial = arn(call, &input).to_string();
    let seed: [u8; SEED_BYTES] = iam.ids.bytes();
    let record = &MfaDeviceRecord {
        sealed_seed: Some(iam.sealing.seal(SEALED_AS, &seed)),
        created: second(call),
        enabled: None,
        tags: tags::fresh(input.tags.as_deref())?,
    };
    let (scope, key) = (&call.account, serial.as_str());
    iam.change(call.account, |tx| async move {
        // The same sealed seed is an earlier run of this very transaction.
        let other = MFA_DEVICES.get(&tx, scope, key).await?;
        if other.is_some_and(|other| other.sealed_seed != record.sealed_seed) {
            let message = "MFADevice entity at the same path and name already exists.";
            return Err(Error::EntityAlreadyExists(message.to_owned()));
        }
        Ok(MFA_DEVICES.put(&tx, scope, key, record).await?)
    })
    .await?;
    let base32 = BASE32.encode(&seed);
    let alias = account::find(iam, call.account).await?.alias;
    let account_name = alias.unwrap_or_else(|| call.account.to_string());
    let picture = qr::png(&qr::uri(&input.virtual_mfa_device_name, &account_name, &base32));
    let virtual_mfa_device = VirtualMFADevice {
        serial_number: serial,
        base32_string_seed: Some(Bytes::from(base32)),
        qr_code_png: Some(Bytes::from(picture)),
        tags: tags::some(&record.tags),
        ..VirtualMFADevice::default()
    };
    Ok(CreateVirtualMFADeviceOutput { virtual_mfa_device })
}

pub async fn delete_virtual_mfa_device(
    iam: &Iam,
    call: &Call,
    input: DeleteVirtualMFADeviceInput,
) -> Result<DeleteVirtualMFADeviceOutput, Error> {
    let serial = input.serial_number.as_str();
    iam.change(call.account, |tx| async move {
        if load(&tx, call, serial).await?.enabled.is_some() {
            let message = "Cannot delete entity, must deactivate MFA device first.";
            return Err(Error::DeleteConflict(message.to_owned()));
        }
        Ok(MFA_DEVICES.delete(&tx, &call.account, serial).await?)
    })
    .await?;
    Ok(DeleteVirtualMFADeviceOutput {})
}

pub async fn list_virtual_mfa_devices(
    iam: &Iam,
    call: &Call,
    input: ListVirtualMFADevicesInput,
) -> Result<ListVirtualMFADevicesOutput, Error> {
    let page = &Page::open(iam, call, "ListVirtualMFADevices", input.marker.as_deref(), input.max_items)?;
    let wanted = match input.assignment_status {
        Some(AssignmentStatusType::Assigned) => Some(true),
        Some(AssignmentStatusType::Unassigned) => Some(false),
        _ => None,
    };
    let part = iam
        .store
        .read(|tx| async move {
            let keep = |serial: &str, record: MfaDeviceRecord| {
                let fits = wanted.is_none_or(|assigned| record.enabled.is_some() == assigned);
                (fits && record.sealed_seed.is_some()).then(|| (serial.to_owned(), record))
            };
            let Part { items, next } = page.scan(&tx, &MFA_DEVICES, "", keep).await?;
            let mut devices = Vec::with_capacity(items.len());
            for (serial, record) in items {
                devices.push(listed(&tx, call, serial, &record).await?);
            }
            Ok::<_, Error>(Part { items: devices, next })
        })
        .await?;
    let found = page.close(iam, part);
    Ok(ListVirtualMFADevicesOutput {
        virtual_mfa_devices: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

async fn listed(
    tx: &Tx,
    call: &Call,
    serial_number: String,
    record: &MfaDeviceRecord,
) -> Result<VirtualMFADevice, Error> {
    let Some(enabled) = &record.enabled else {
        return Ok(VirtualMFADevice { serial_number, ..VirtualMFADevice::default() });
    };
    let user = match &enabled.user {
        Some(name) => users::listed(call.account, &users::load(tx, call.account, name).await?),
        None => User {
            path: "/".to_owned(),
            user_id: call.account.to_string(),
            arn: arns::root(call.account).to_string(),
            ..User::default()
        },
    };
    Ok(VirtualMFADevice {
        serial_number,
        user: Some(user),
        enable_date: Some(Timestamp::from_secs(enabled.at.as_secs())),
        ..VirtualMFADevice::default()
    })
}

/// Changes one device in one transaction. The change may be made twice.
async fn update(
    iam: &Iam,
    call: &Call,
    serial: &str,
    change: impl Fn(&mut MfaDeviceRecord) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let change = &change;
    iam.change(call.account, |tx| async move {
        let mut record = load(&tx, call, serial).await?;
        change(&mut record)?;
        Ok(MFA_DEVICES.put(&tx, &call.account, serial, &record).await?)
    })
    .await
}

pub async fn tag_mfa_device(
    iam: &Iam,
    call: &Call,
    input: TagMFADeviceInput,
) -> Result<TagMFADeviceOutput, Error> {
    update(iam, call, &input.serial_number, |record| tags::put(&mut record.tags, &input.tags)).await?;
    Ok(TagMFADeviceOutput {})
}

pub async fn untag_mfa_device(
    iam: &Iam,
    call: &Call,
    input: UntagMFADeviceInput,
) -> Result<UntagMFADeviceOutput, Error> {
    update(iam, call, &input.serial_number, |record| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagMFADeviceOutput {})
}

pub async fn list_mfa_device_tags(
    iam: &Iam,
    call: &Call,
    input: ListMFADeviceTagsInput,
) -> Result<ListMFADeviceTagsOutput, Error> {
    let serial = input.serial_number.as_str();
    let record = iam.store.read(|tx| async move { load(&tx, call, serial).await }).await?;
    let all = tags::list(&record.tags);
    let found = pages::cut(iam, call, "ListMFADeviceTags", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListMFADeviceTagsOutput { tags: found.items, is_truncated: found.is_truncated, marker: found.marker })
}
