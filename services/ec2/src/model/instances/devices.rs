//! The block devices of an instance. Its root device is the machine's own disk; others are volumes, which this cloud
//! does not have yet.

use base::{Ids, Timestamp};
use ec2_api::{
    AttachmentStatus, BlockDeviceMapping, EbsBlockDevice, EbsInstanceBlockDevice, Image,
    InstanceBlockDeviceMapping,
};

use crate::error::Error;
use crate::error::codes::{INVALID_BLOCK_DEVICE_MAPPING, UNSUPPORTED_OPERATION};
use crate::kind::VOLUME;

/// The devices of a launch, before there is an instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Devices {
    /// `/dev/xvda`
    pub root: String,
    pub root_disk: EbsBlockDevice,
}

/// The image's mappings with those of the launch laid over them.
///
/// # Errors
/// `UnsupportedOperation` for volumes besides the root device; `InvalidBlockDeviceMapping`.
pub fn merge(image: &Image, asked: &[BlockDeviceMapping]) -> Result<Devices, Error> {
    let root = image.root_device_name.clone().unwrap_or_else(|| "/dev/xvda".to_owned());
    let of_image = image.block_device_mappings.iter().flatten();
    let own = of_image.clone().find(|mapping| mapping.device_name.as_deref() == Some(&root));
    let mut disk = own.and_then(|mapping| mapping.ebs.clone()).unwrap_or_default();
    for mapping in asked {
        let name = mapping.device_name.as_deref().ok_or_else(|| Error::missing("deviceName"))?;
        match (&mapping.ebs, name == root) {
            (Some(ebs), true) => disk = over(disk, ebs)?,
            (Some(_), false) => {
                let message =
                    format!("The device '{name}' would be a volume, and this cloud has root devices only");
                return Err(Error::new(&UNSUPPORTED_OPERATION, message));
            }
            (None, true) if mapping.no_device.is_some() => {
                let message = "The root device cannot be left out";
                return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
            }
            // Instance stores of types that have none are left out, as on AWS.
            (None, _) => {}
        }
    }
    Ok(Devices { root, root_disk: disk })
}

fn over(under: EbsBlockDevice, asked: &EbsBlockDevice) -> Result<EbsBlockDevice, Error> {
    let (least, size) = (under.volume_size, asked.volume_size);
    if let (Some(least), Some(size)) = (least, size)
        && size < least
    {
        let message = format!(
            "Volume of size {size}GB is smaller than snapshot '{}', expect size >= {least}GB",
            under.snapshot_id.as_deref().unwrap_or_default()
        );
        return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
    }
    let asked = asked.clone();
    Ok(EbsBlockDevice {
        delete_on_termination: asked.delete_on_termination.or(under.delete_on_termination),
        iops: asked.iops.or(under.iops),
        snapshot_id: asked.snapshot_id.or(under.snapshot_id),
        volume_size: asked.volume_size.or(under.volume_size),
        volume_type: asked.volume_type.or(under.volume_type),
        kms_key_id: asked.kms_key_id.or(under.kms_key_id),
        throughput: asked.throughput.or(under.throughput),
        encrypted: asked.encrypted.or(under.encrypted),
        ..under
    })
}

impl Devices {
    /// As an instance shows them.
    pub fn shown(&self, ids: &Ids, now: Timestamp) -> Vec<InstanceBlockDeviceMapping> {
        vec![InstanceBlockDeviceMapping {
            device_name: Some(self.root.clone()),
            ebs: Some(EbsInstanceBlockDevice {
                attach_time: Some(now),
                delete_on_termination: Some(self.root_disk.delete_on_termination.unwrap_or(true)),
                status: Some(AttachmentStatus::Attached),
                volume_id: Some(VOLUME.new_id(ids)),
                ..EbsInstanceBlockDevice::default()
            }),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let ebs = EbsBlockDevice { volume_size: Some(8), ..EbsBlockDevice::default() };
        Image {
            root_device_name: Some("/dev/xvda".to_owned()),
            block_device_mappings: Some(vec![mapping("/dev/xvda", ebs)]),
            ..Image::default()
        }
    }

    fn mapping(name: &str, ebs: EbsBlockDevice) -> BlockDeviceMapping {
        BlockDeviceMapping {
            device_name: Some(name.to_owned()),
            ebs: Some(ebs),
            ..BlockDeviceMapping::default()
        }
    }

    #[test]
    fn a_root_disk_may_be_larger_than_its_image_and_not_smaller() {
        let sized = |size| EbsBlockDevice { volume_size: Some(size), ..EbsBlockDevice::default() };
        let merged = merge(&image(), &[mapping("/dev/xvda", sized(20))]).unwrap();
        assert_eq!(merged.root_disk.volume_size, Some(20));
        assert!(merge(&image(), &[mapping("/dev/xvda", sized(4))]).is_err());
        assert!(merge(&image(), &[mapping("/dev/sdf", sized(4))]).is_err());
    }
}
