//! What an image answers the filters of DescribeImages.

use ec2_api::{BlockDeviceMapping, EbsBlockDevice, Image};

use crate::model::filter::{Values, maybe, one};

/// As the documentation of DescribeImages lists them, without those of tags.
pub const FILTERS: &[&str] = &[
    "architecture",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.encrypted",
    "block-device-mapping.snapshot-id",
    "block-device-mapping.volume-size",
    "block-device-mapping.volume-type",
    "boot-mode",
    "creation-date",
    "description",
    "ena-support",
    "free-tier-eligible",
    "hypervisor",
    "image-allowed",
    "image-id",
    "image-type",
    "image-watermark.source-image-creation-time",
    "image-watermark.source-image-id",
    "image-watermark.source-image-region",
    "image-watermark.watermark-creation-time",
    "image-watermark.watermark-key",
    "instance-type-specification.supported-instance-type",
    "instance-type-specification.unsupported-instance-type",
    "is-public",
    "kernel-id",
    "manifest-location",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "product-code",
    "product-code.type",
    "public-ssm-parameter-name",
    "ramdisk-id",
    "root-device-name",
    "root-device-type",
    "scan-result.critical-fix-available-since",
    "scan-result.finding-scan-date",
    "scan-result.high-fix-available-since",
    "scan-result.highest-finding-severity-label",
    "scan-result.informational-fix-available-since",
    "scan-result.low-fix-available-since",
    "scan-result.medium-fix-available-since",
    "source-image-id",
    "source-image-region",
    "source-instance-id",
    "sriov-net-support",
    "state",
    "state-reason-code",
    "state-reason-message",
    "virtualization-type",
];

pub fn value(image: &Image, name: &str) -> Values {
    if let Some(part) = name.strip_prefix("block-device-mapping.") {
        let mappings = image.block_device_mappings.as_deref().unwrap_or_default();
        return FILTERS
            .contains(&name)
            .then(|| mappings.iter().filter_map(|mapping| of_mapping(mapping, part)).collect());
    }
    match name {
        "architecture" => maybe(image.architecture.as_ref()),
        "boot-mode" => maybe(image.boot_mode.as_ref()),
        "creation-date" => maybe(image.creation_date.as_ref()),
        "description" => maybe(image.description.as_ref()),
        "ena-support" => maybe(image.ena_support),
        "free-tier-eligible" => one(image.free_tier_eligible.unwrap_or(false)),
        "hypervisor" => maybe(image.hypervisor.as_ref()),
        "image-allowed" => maybe(image.image_allowed),
        "image-id" => maybe(image.image_id.as_ref()),
        "image-type" => maybe(image.image_type.as_ref()),
        "is-public" => maybe(image.public),
        "kernel-id" => maybe(image.kernel_id.as_ref()),
        "manifest-location" => maybe(image.image_location.as_ref()),
        "name" => maybe(image.name.as_ref()),
        "owner-alias" => maybe(image.image_owner_alias.as_ref()),
        "owner-id" => maybe(image.owner_id.as_ref()),
        "platform" => maybe(image.platform.as_ref()),
        "public-ssm-parameter-name" => maybe(image.public_ssm_parameter_name.as_ref()),
        "ramdisk-id" => maybe(image.ramdisk_id.as_ref()),
        "root-device-name" => maybe(image.root_device_name.as_ref()),
        "root-device-type" => maybe(image.root_device_type.as_ref()),
        "source-image-id" => maybe(image.source_image_id.as_ref()),
        "source-image-region" => maybe(image.source_image_region.as_ref()),
        "source-instance-id" => maybe(image.source_instance_id.as_ref()),
        "sriov-net-support" => maybe(image.sriov_net_support.as_ref()),
        "state" => maybe(image.state.as_ref()),
        "state-reason-code" => maybe(image.state_reason.as_ref().and_then(|reason| reason.code.as_ref())),
        "state-reason-message" => {
            maybe(image.state_reason.as_ref().and_then(|reason| reason.message.as_ref()))
        }
        "virtualization-type" => maybe(image.virtualization_type.as_ref()),
        // Scans, watermarks and product codes: no image of this cloud has any.
        other => FILTERS.contains(&other).then(Vec::new),
    }
}

fn of_mapping(mapping: &BlockDeviceMapping, part: &str) -> Option<String> {
    if part == "device-name" {
        return mapping.device_name.clone();
    }
    let EbsBlockDevice { delete_on_termination, encrypted, snapshot_id, volume_size, volume_type, .. } =
        mapping.ebs.as_ref()?;
    match part {
        "delete-on-termination" => delete_on_termination.map(|on| on.to_string()),
        "encrypted" => encrypted.map(|on| on.to_string()),
        "snapshot-id" => snapshot_id.clone(),
        "volume-size" => volume_size.map(|size| size.to_string()),
        "volume-type" => volume_type.as_ref().map(ToString::to_string),
        _ => None,
    }
}
