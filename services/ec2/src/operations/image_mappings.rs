//! The block device mappings of an image: which snapshots its instances' volumes are made from, and how.
//!
//! Surprising: an image of volumes needs a snapshot at its root device, and says nothing of encryption: what comes from
//! an encrypted snapshot is encrypted (RegisterImage).

use std::collections::BTreeSet;

use ec2_api::*;
use service::Call;
use store::Tx;

use super::snapshot_finding::find;
use super::volumes::attachments::check_device;
use super::volumes::create::usable;
use super::volumes::driver;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ATTACHMENT_LIMIT_EXCEEDED, INVALID_BLOCK_DEVICE_MAPPING, INVALID_PARAMETER_COMBINATION,
    INVALID_PARAMETER_VALUE,
};
use crate::limits::ATTACHED_VOLUMES_MAX;
use crate::model::transfers::images::snapshots_of;
use crate::model::volumes::measures;

/// Mappings as an image keeps them: every snapshot is there and completed, and what was not said is filled in.
///
/// # Errors
/// `InvalidBlockDeviceMapping`, those of snapshots that are named, those of volumes.
pub async fn look_over(
    ec2: &Ec2,
    call: &Call,
    root_device: &str,
    given: Vec<BlockDeviceMapping>,
) -> Result<Vec<BlockDeviceMapping>, Error> {
    driver(ec2)?;
    check_names(&given)?;
    let is_root = |mapping: &BlockDeviceMapping| mapping.device_name.as_deref() == Some(root_device);
    let root = given.iter().find(|mapping| is_root(mapping)).and_then(|mapping| mapping.ebs.as_ref());
    if root.is_none_or(|ebs| ebs.snapshot_id.as_deref().unwrap_or_default().is_empty()) {
        let message = "No root snapshot specified in device mapping.";
        return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
    }
    let mut mappings = Vec::with_capacity(given.len());
    for mut mapping in given {
        if let Some(ebs) = mapping.ebs.take() {
            mapping.ebs = Some(of_volume(ec2, call, ebs).await?);
        }
        mappings.push(mapping);
    }
    Ok(mappings)
}

/// Every device is named, once, and there are no more than an instance can have.
pub fn check_names(given: &[BlockDeviceMapping]) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for mapping in given {
        let name = mapping.device_name.as_deref().ok_or_else(|| Error::missing("DeviceName"))?;
        check_device(name)?;
        if !seen.insert(name) {
            let message = format!("The device '{name}' is used in more than one block-device mapping");
            return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
        }
    }
    if given.len() > ATTACHED_VOLUMES_MAX {
        let message =
            format!("Exceeded the maximum number of {ATTACHED_VOLUMES_MAX} volumes of an instance.");
        return Err(Error::new(&ATTACHMENT_LIMIT_EXCEEDED, message));
    }
    Ok(())
}

/// A volume that instances of the image get besides those that it was made of.
pub async fn of_volume(ec2: &Ec2, call: &Call, asked: EbsBlockDevice) -> Result<EbsBlockDevice, Error> {
    let snapshot = match asked.snapshot_id.as_deref().filter(|id| !id.is_empty()) {
        Some(id) => Some(usable(ec2, call, id, None).await?),
        None => None,
    };
    if snapshot.is_some() && asked.encrypted.is_some() {
        let message =
            "The parameter Encrypted is not supported for a device of an image that has a snapshot.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let least = snapshot.as_ref().and_then(|record| record.shown.volume_size);
    let gib = asked.volume_size.or(least).ok_or_else(|| Error::missing("VolumeSize"))?;
    if let Some(least) = least.filter(|least| gib < *least) {
        let id = asked.snapshot_id.as_deref().unwrap_or_default();
        let message =
            format!("Volume of size {gib}GB is smaller than snapshot '{id}', expect size >= {least}GB");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let volume_type = asked.volume_type.clone().unwrap_or(VolumeType::Gp2);
    measures(volume_type.clone(), gib, asked.iops, asked.throughput)?;
    let encrypted = match &snapshot {
        Some(record) => record.key.is_some(),
        None => asked.encrypted.unwrap_or(false),
    };
    Ok(EbsBlockDevice {
        delete_on_termination: asked.delete_on_termination.or(Some(true)),
        volume_size: Some(gib),
        volume_type: Some(volume_type),
        encrypted: Some(encrypted),
        ..asked
    })
}

/// Refuses an image of which a snapshot is gone by now.
pub async fn check_snapshots(tx: &Tx, call: &Call, image: &Image) -> Result<(), Error> {
    for snapshot in snapshots_of(image) {
        find(tx, call.account, call.region, &snapshot).await?;
    }
    Ok(())
}
