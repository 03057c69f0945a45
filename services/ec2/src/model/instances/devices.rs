//! The block devices of a launch: those of its image, and what the request says of them.

use ec2_api::{BlockDeviceMapping, EbsBlockDevice, Image};

use crate::error::Error;
use crate::error::codes::INVALID_BLOCK_DEVICE_MAPPING;

/// The devices of a launch, before there is an instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Devices {
    /// `/dev/xvda`
    pub root: String,
    pub root_disk: EbsBlockDevice,
    pub data: Vec<DataDevice>,
}

/// A volume of a launch besides the root device.
#[derive(Clone, Debug, PartialEq)]
pub struct DataDevice {
    /// `/dev/sdf`
    pub name: String,
    pub disk: EbsBlockDevice,
}

/// The image's mappings with those of the launch laid over them.
///
/// # Errors
/// `InvalidBlockDeviceMapping`
pub fn merge(image: &Image, asked: &[BlockDeviceMapping]) -> Result<Devices, Error> {
    let root = image.root_device_name.clone().unwrap_or_else(|| "/dev/xvda".to_owned());
    let mut devices = Devices { root, ..Devices::default() };
    for mapping in image.block_device_mappings.iter().flatten() {
        let (Some(name), Some(ebs)) = (&mapping.device_name, &mapping.ebs) else { continue };
        match *name == devices.root {
            true => devices.root_disk = ebs.clone(),
            false => devices.data.push(DataDevice { name: name.clone(), disk: ebs.clone() }),
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for mapping in asked {
        let name = mapping.device_name.as_deref().ok_or_else(|| Error::missing("deviceName"))?;
        if seen.contains(&name) {
            let message = format!("The device '{name}' is used in more than one block-device mapping");
            return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
        }
        seen.push(name);
        devices.lay(mapping, name)?;
    }
    Ok(devices)
}

impl Devices {
    /// One mapping of the launch.
    fn lay(&mut self, mapping: &BlockDeviceMapping, name: &str) -> Result<(), Error> {
        let is_root = name == self.root;
        let known = self.data.iter().position(|device| device.name == name);
        match &mapping.ebs {
            Some(ebs) if is_root => self.root_disk = over(std::mem::take(&mut self.root_disk), ebs)?,
            Some(ebs) => {
                let under = known.map(|at| self.data.remove(at).disk).unwrap_or_default();
                self.data.push(DataDevice { name: name.to_owned(), disk: over(under, ebs)? });
            }
            None if is_root && mapping.no_device.is_some() => {
                let message = "The root device cannot be left out";
                return Err(Error::new(&INVALID_BLOCK_DEVICE_MAPPING, message));
            }
            None if mapping.no_device.is_some() => self.data.retain(|device| device.name != name),
            // Instance stores of types that have none are left out, as on AWS.
            None => {}
        }
        Ok(())
    }
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
    // Numbers of one type of volumes say nothing for another.
    let of_type = |number| match &asked.volume_type {
        Some(other) if Some(other) != under.volume_type.as_ref() => None,
        _ => number,
    };
    let (iops, throughput) = (of_type(under.iops), of_type(under.throughput));
    Ok(EbsBlockDevice {
        delete_on_termination: asked.delete_on_termination.or(under.delete_on_termination),
        iops: asked.iops.or(iops),
        snapshot_id: asked.snapshot_id.or(under.snapshot_id),
        volume_size: asked.volume_size.or(under.volume_size),
        volume_type: asked.volume_type.or(under.volume_type),
        kms_key_id: asked.kms_key_id.or(under.kms_key_id),
        throughput: asked.throughput.or(throughput),
        encrypted: asked.encrypted.or(under.encrypted),
        ..under
    })
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
    }

    #[test]
    fn volumes_are_added_changed_and_left_out() {
        let sized = |size| EbsBlockDevice { volume_size: Some(size), ..EbsBlockDevice::default() };
        let mut with = image();
        with.block_device_mappings.get_or_insert_default().push(mapping("/dev/sdb", sized(3)));
        let names = |devices: &Devices| devices.data.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let merged = merge(&with, &[mapping("/dev/sdf", sized(4))]).unwrap();
        assert_eq!(names(&merged), ["/dev/sdb", "/dev/sdf"]);
        let out = BlockDeviceMapping {
            device_name: Some("/dev/sdb".to_owned()),
            no_device: Some(String::new()),
            ..BlockDeviceMapping::default()
        };
        assert!(merge(&with, std::slice::from_ref(&out)).unwrap().data.is_empty());
        let twice = [mapping("/dev/sdf", sized(4)), mapping("/dev/sdf", sized(4))];
        assert!(merge(&with, &twice).is_err());
    }
}
