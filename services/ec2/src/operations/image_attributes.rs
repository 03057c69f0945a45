//! Attributes of images: who may launch from one, what it says of itself, when it is old, whether it may be used.

use base::{AccountId, Timestamp};
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::images::{check_public, find, own, shared_key};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_AMI_ATTRIBUTE_ITEM_VALUE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    RESOURCE_LIMIT_EXCEEDED,
};
use crate::limits::{DEPRECATION_AHEAD_MAX, IMAGE_PERMISSIONS_MAX};
use crate::model::filter::with_millis;
use crate::model::images;
use crate::records::images::{ImageRecord, SHARED_IMAGES, SharedRecord};
use crate::resources;

pub async fn describe_image_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeImageAttributeInput,
) -> Result<DescribeImageAttributeOutput, Error> {
    let id = input.image_id.as_str();
    let (image, record) = ec2
        .store
        .read(|tx| async move {
            let found = find(&tx, call.account, call.region, id).await?;
            let record = match found.owner == Some(call.account) {
                true => Some(own(&tx, call, id).await?),
                false => None,
            };
            Ok::<_, Error>((found.image, record))
        })
        .await?;
    let text = |value: Option<String>| Some(AttributeValue { value });
    let mut output =
        DescribeImageAttributeOutput { image_id: Some(input.image_id.clone()), ..Default::default() };
    match input.attribute {
        ImageAttributeName::Description => output.description = text(image.description),
        ImageAttributeName::Kernel => output.kernel_id = text(image.kernel_id),
        ImageAttributeName::Ramdisk => output.ramdisk_id = text(image.ramdisk_id),
        ImageAttributeName::LaunchPermission => {
            let all = LaunchPermission { group: Some(PermissionGroup::All), ..LaunchPermission::default() };
            let given = record.map_or_else(|| vec![all], |record| record.permissions());
            output.launch_permissions = Some(given);
        }
        ImageAttributeName::ProductCodes => output.product_codes = Some(Vec::new()),
        ImageAttributeName::BlockDeviceMapping => output.block_device_mappings = image.block_device_mappings,
        ImageAttributeName::SriovNetSupport => output.sriov_net_support = text(image.sriov_net_support),
        ImageAttributeName::BootMode => output.boot_mode = text(image.boot_mode.map(|mode| mode.to_string())),
        ImageAttributeName::TpmSupport => {
            output.tpm_support = text(image.tpm_support.map(|tpm| tpm.to_string()))
        }
        ImageAttributeName::UefiData => output.uefi_data = text(record.and_then(|record| record.uefi_data)),
        ImageAttributeName::LastLaunchedTime => output.last_launched_time = text(image.last_launched_time),
        ImageAttributeName::ImdsSupport => {
            output.imds_support = text(image.imds_support.map(|support| support.to_string()));
        }
        ImageAttributeName::DeregistrationProtection => {
            output.deregistration_protection = text(image.deregistration_protection);
        }
        ImageAttributeName::Unknown(other) => return Err(Error::invalid_value(other, "attribute", "")),
    }
    Ok(output)
}

/// One change of one attribute.
enum Change {
    Description(String),
    TokensRequired,
    Launch { add: Vec<LaunchPermission>, remove: Vec<LaunchPermission> },
}

pub async fn modify_image_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifyImageAttributeInput,
) -> Result<ModifyImageAttributeOutput, Error> {
    let id = input.image_id.clone();
    let (id, change) = (id.as_str(), &change_of(input)?);
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        match change {
            Change::Description(text) => record.shown.0.description = Some(text.clone()),
            Change::TokensRequired => record.shown.0.imds_support = Some(ImdsSupportValues::V20),
            Change::Launch { add, remove } => {
                let mut permissions = record.permissions();
                permissions.retain(|permission| !remove.contains(permission));
                add.iter().for_each(|permission| {
                    if !permissions.contains(permission) {
                        permissions.push(permission.clone());
                    }
                });
                share(&tx, call, &mut record, permissions).await?;
            }
        }
        resources::put(&tx, &call.scope(), &record).await
    });
    changed.await?;
    Ok(ModifyImageAttributeOutput::default())
}

/// Sets who may launch, and whether others find the image.
async fn share(
    tx: &Tx,
    call: &Call,
    record: &mut ImageRecord,
    permissions: Vec<LaunchPermission>,
) -> Result<(), Error> {
    let is_public = images::is_public(&permissions);
    if is_public && record.shown.public != Some(true) {
        check_public(tx, &call.scope(), &record.id).await?;
    }
    // "The number of accounts in the organization or OU does not count towards the quota."
    let entities = |all: &[LaunchPermission]| all.iter().filter(|one| one.group.is_none()).count();
    let (before, after) = (entities(&record.permissions()), entities(&permissions));
    if after > IMAGE_PERMISSIONS_MAX && after > before {
        let message = format!("An AMI can be shared with at most {IMAGE_PERMISSIONS_MAX} entities.");
        return Err(Error::new(&RESOURCE_LIMIT_EXCEEDED, message));
    }
    let key = shared_key(call.region, &record.id);
    match permissions.is_empty() {
        true => SHARED_IMAGES.delete(tx, &(), &key).await?,
        false => SHARED_IMAGES.put(tx, &(), &key, &SharedRecord { owner: call.account }).await?,
    }
    record.shown.0.public = Some(is_public);
    record.launch_permissions = permissions.into_iter().map(Kept).collect();
    Ok(())
}

fn change_of(input: ModifyImageAttributeInput) -> Result<Change, Error> {
    let value = |given: Option<AttributeValue>| given.and_then(|value| value.value);
    if let Some(text) = value(input.description) {
        return Ok(Change::Description(text));
    }
    if let Some(support) = value(input.imds_support) {
        return tokens_required(&support);
    }
    if let Some(LaunchPermissionModifications { add, remove }) = input.launch_permission {
        let (add, remove) = (add.unwrap_or_default(), remove.unwrap_or_default());
        add.iter().chain(&remove).try_for_each(check_permission)?;
        return Ok(Change::Launch { add, remove });
    }
    let given = input.value;
    match input.attribute.as_deref() {
        Some("description") => Ok(Change::Description(given.ok_or_else(|| Error::missing("value"))?)),
        Some("imdsSupport") => tokens_required(&given.ok_or_else(|| Error::missing("value"))?),
        Some("launchPermission") => {
            let users = input.user_ids.unwrap_or_default().into_iter();
            let users = users.map(|id| LaunchPermission { user_id: Some(id), ..LaunchPermission::default() });
            let groups = input.user_groups.unwrap_or_default().into_iter().map(|group| LaunchPermission {
                group: Some(PermissionGroup::from(group.as_str())),
                ..LaunchPermission::default()
            });
            let organizations = input.organization_arns.unwrap_or_default().into_iter();
            let organizations = organizations
                .map(|arn| LaunchPermission { organization_arn: Some(arn), ..LaunchPermission::default() });
            let units = input.organizational_unit_arns.unwrap_or_default().into_iter();
            let units = units.map(|arn| LaunchPermission {
                organizational_unit_arn: Some(arn),
                ..LaunchPermission::default()
            });
            let all: Vec<LaunchPermission> = users.chain(groups).chain(organizations).chain(units).collect();
            all.iter().try_for_each(check_permission)?;
            match input.operation_type {
                Some(OperationType::Add) => Ok(Change::Launch { add: all, remove: Vec::new() }),
                Some(OperationType::Remove) => Ok(Change::Launch { add: Vec::new(), remove: all }),
                _ => Err(Error::missing("operationType")),
            }
        }
        Some(other) => Err(Error::invalid_value(other, "attribute", "Unknown attribute.")),
        None => Err(Error::new(&INVALID_PARAMETER_COMBINATION, "No attributes specified.")),
    }
}

fn tokens_required(support: &str) -> Result<Change, Error> {
    match support {
        "v2.0" => Ok(Change::TokensRequired),
        other => Err(Error::invalid_value(other, "imdsSupport", "")),
    }
}

fn check_permission(permission: &LaunchPermission) -> Result<(), Error> {
    let is_account = |id: &str| id.len() == 12 && id.parse::<AccountId>().is_ok();
    let known = match permission {
        LaunchPermission { user_id: Some(id), .. } => is_account(id),
        LaunchPermission { group: Some(group), .. } => *group == PermissionGroup::All,
        LaunchPermission { organization_arn: Some(arn), .. }
        | LaunchPermission { organizational_unit_arn: Some(arn), .. } => arn.starts_with("arn:"),
        _ => false,
    };
    if known {
        return Ok(());
    }
    let named = permission.user_id.clone().or_else(|| permission.group.as_ref().map(ToString::to_string));
    let message =
        format!("Invalid attribute item value \"{}\" for userId item type.", named.unwrap_or_default());
    Err(Error::new(&INVALID_AMI_ATTRIBUTE_ITEM_VALUE, message))
}

pub async fn reset_image_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ResetImageAttributeInput,
) -> Result<ResetImageAttributeOutput, Error> {
    if let ResetImageAttributeName::Unknown(other) = &input.attribute {
        return Err(Error::invalid_value(other, "attribute", ""));
    }
    let id = input.image_id.as_str();
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        share(&tx, call, &mut record, Vec::new()).await?;
        resources::put(&tx, &call.scope(), &record).await
    });
    changed.await?;
    Ok(ResetImageAttributeOutput::default())
}

pub async fn enable_image_deprecation(
    ec2: &Ec2,
    call: &Call,
    input: EnableImageDeprecationInput,
) -> Result<EnableImageDeprecationOutput, Error> {
    let at = input.deprecate_at;
    if at < call.now || at.since(call.now) > DEPRECATION_AHEAD_MAX {
        let message =
            format!("The deprecation date {} has to be in the future and within ten years.", at.to_iso8601());
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    // "Amazon EC2 rounds the seconds to the nearest minute."
    let minute = Timestamp::from_secs((at.as_secs() + 30).div_euclid(60) * 60);
    deprecate(ec2, call, &input.image_id, Some(with_millis(minute))).await?;
    Ok(EnableImageDeprecationOutput { r#return: Some(true) })
}

pub async fn disable_image_deprecation(
    ec2: &Ec2,
    call: &Call,
    input: DisableImageDeprecationInput,
) -> Result<DisableImageDeprecationOutput, Error> {
    deprecate(ec2, call, &input.image_id, None).await?;
    Ok(DisableImageDeprecationOutput { r#return: Some(true) })
}

async fn deprecate(ec2: &Ec2, call: &Call, id: &str, at: Option<String>) -> Result<(), Error> {
    let at = &at;
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        record.shown.0.deprecation_time.clone_from(at);
        resources::put(&tx, &call.scope(), &record).await
    });
    changed.await
}

pub async fn enable_image(
    ec2: &Ec2,
    call: &Call,
    input: EnableImageInput,
) -> Result<EnableImageOutput, Error> {
    let id = input.image_id.as_str();
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        record.shown.0.state = Some(ImageState::Available);
        resources::put(&tx, &call.scope(), &record).await
    });
    changed.await?;
    Ok(EnableImageOutput { r#return: Some(true) })
}

/// An image that is disabled is also shared with nobody any more.
pub async fn disable_image(
    ec2: &Ec2,
    call: &Call,
    input: DisableImageInput,
) -> Result<DisableImageOutput, Error> {
    let id = input.image_id.as_str();
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        share(&tx, call, &mut record, Vec::new()).await?;
        record.shown.0.state = Some(ImageState::Disabled);
        resources::put(&tx, &call.scope(), &record).await
    });
    changed.await?;
    Ok(DisableImageOutput { r#return: Some(true) })
}
