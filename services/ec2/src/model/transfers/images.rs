//! The disks of an image that is imported: which is where.

use ec2_api::Image;

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER;

/// Where the first disk is, which has the root ("/dev/sda1" on AWS), and the others after it.
const ROOT_DEVICE: &str = "/dev/sda1";

/// The snapshot that an image's root volume is made from.
pub fn root_snapshot(image: &Image) -> Option<String> {
    let root = image.root_device_name.as_ref()?;
    let mut mappings = image.block_device_mappings.iter().flatten();
    let mapping = mappings.find(|mapping| mapping.device_name.as_ref() == Some(root))?;
    mapping.ebs.as_ref()?.snapshot_id.clone()
}

/// All the snapshots that an image's volumes are made from, without those that are there twice.
pub fn snapshots_of(image: &Image) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for mapping in image.block_device_mappings.iter().flatten() {
        let snapshot = mapping.ebs.as_ref().and_then(|ebs| ebs.snapshot_id.clone());
        found.extend(snapshot.filter(|snapshot| !found.contains(snapshot)));
    }
    found
}

/// Where a disk is that says nothing of it.
pub fn device_of(index: usize) -> String {
    match index {
        0 => ROOT_DEVICE.to_owned(),
        1..=22 => format!("/dev/sd{}", char::from(b'c' + u8::try_from(index).unwrap_or(0))),
        _ => format!("/dev/sdb{}", char::from(b'a' + u8::try_from(index - 23).unwrap_or(25).min(25))),
    }
}

/// # Errors
/// `InvalidParameter`
pub fn check_device(name: &str) -> Result<(), Error> {
    let rest = name.strip_prefix("/dev/").unwrap_or_default();
    let good = rest.starts_with("sd") || rest.starts_with("xvd");
    if good && rest.len() <= 5 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Error::new(&INVALID_PARAMETER, format!("Invalid device name {name}.")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::limits::ATTACHED_VOLUMES_MAX;

    #[test]
    fn every_disk_of_an_image_has_a_device_of_its_own() {
        let all: BTreeSet<String> = (0..ATTACHED_VOLUMES_MAX).map(device_of).collect();
        assert_eq!(all.len(), ATTACHED_VOLUMES_MAX);
        assert!(all.iter().all(|name| check_device(name).is_ok()), "{all:?}");
        assert!(all.contains("/dev/sdd"), "{all:?}");
        for bad in ["", "sda", "/dev/", "/dev/hda", "/dev/sd/../x", "/dev/xvdabcdef"] {
            assert!(check_device(bad).is_err(), "{bad}");
        }
    }
}
