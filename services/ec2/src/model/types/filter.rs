//! What an instance type answers the filters of DescribeInstanceTypes.
//!
//! Each filter's name is the way to a member of the structure, in the API's other spelling, so one walk answers them
//! all.

use ec2_api::InstanceTypeInfo;
use serde_json::Value;
use service::Kept;

use crate::model::filter::Values;

/// Filters, and where in the structure their values are.
const WAYS: &[(&str, &[&str])] = &[
    ("auto-recovery-supported", &["AutoRecoverySupported"]),
    ("bare-metal", &["BareMetal"]),
    ("burstable-performance-supported", &["BurstablePerformanceSupported"]),
    ("current-generation", &["CurrentGeneration"]),
    ("dedicated-hosts-supported", &["DedicatedHostsSupported"]),
    ("ebs-info.attachment-limit-type", &["EbsInfo", "AttachmentLimitType"]),
    (
        "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "BaselineBandwidthInMbps"],
    ),
    ("ebs-info.ebs-optimized-info.baseline-iops", &["EbsInfo", "EbsOptimizedInfo", "BaselineIops"]),
    (
        "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "BaselineThroughputInMBps"],
    ),
    (
        "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "MaximumBandwidthInMbps"],
    ),
    ("ebs-info.ebs-optimized-info.maximum-iops", &["EbsInfo", "EbsOptimizedInfo", "MaximumIops"]),
    (
        "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "MaximumThroughputInMBps"],
    ),
    ("ebs-info.ebs-optimized-support", &["EbsInfo", "EbsOptimizedSupport"]),
    ("ebs-info.encryption-support", &["EbsInfo", "EncryptionSupport"]),
    ("ebs-info.maximum-ebs-attachments", &["EbsInfo", "MaximumEbsAttachments"]),
    ("ebs-info.nvme-support", &["EbsInfo", "NvmeSupport"]),
    ("free-tier-eligible", &["FreeTierEligible"]),
    ("hibernation-supported", &["HibernationSupported"]),
    ("hypervisor", &["Hypervisor"]),
    ("instance-storage-info.disk.count", &["InstanceStorageInfo", "Disks", "Count"]),
    ("instance-storage-info.disk.size-in-gb", &["InstanceStorageInfo", "Disks", "SizeInGB"]),
    ("instance-storage-info.disk.type", &["InstanceStorageInfo", "Disks", "Type"]),
    ("instance-storage-info.encryption-support", &["InstanceStorageInfo", "EncryptionSupport"]),
    ("instance-storage-info.nvme-support", &["InstanceStorageInfo", "NvmeSupport"]),
    ("instance-storage-info.total-size-in-gb", &["InstanceStorageInfo", "TotalSizeInGB"]),
    ("instance-storage-supported", &["InstanceStorageSupported"]),
    ("instance-type", &["InstanceType"]),
    ("memory-info.size-in-mib", &["MemoryInfo", "SizeInMiB"]),
    ("network-info.bandwidth-weightings", &["NetworkInfo", "BandwidthWeightings"]),
    ("network-info.efa-info.maximum-efa-interfaces", &["NetworkInfo", "EfaInfo", "MaximumEfaInterfaces"]),
    ("network-info.efa-supported", &["NetworkInfo", "EfaSupported"]),
    ("network-info.ena-support", &["NetworkInfo", "EnaSupport"]),
    ("network-info.encryption-in-transit-supported", &["NetworkInfo", "EncryptionInTransitSupported"]),
    ("network-info.flexible-ena-queues-support", &["NetworkInfo", "FlexibleEnaQueuesSupport"]),
    ("network-info.ipv4-addresses-per-interface", &["NetworkInfo", "Ipv4AddressesPerInterface"]),
    ("network-info.ipv6-addresses-per-interface", &["NetworkInfo", "Ipv6AddressesPerInterface"]),
    ("network-info.ipv6-supported", &["NetworkInfo", "Ipv6Supported"]),
    ("network-info.maximum-network-cards", &["NetworkInfo", "MaximumNetworkCards"]),
    ("network-info.maximum-network-interfaces", &["NetworkInfo", "MaximumNetworkInterfaces"]),
    ("network-info.network-performance", &["NetworkInfo", "NetworkPerformance"]),
    ("nitro-enclaves-support", &["NitroEnclavesSupport"]),
    ("nitro-tpm-info.supported-versions", &["NitroTpmInfo", "SupportedVersions"]),
    ("nitro-tpm-support", &["NitroTpmSupport"]),
    ("processor-info.supported-architecture", &["ProcessorInfo", "SupportedArchitectures"]),
    ("processor-info.supported-features", &["ProcessorInfo", "SupportedFeatures"]),
    ("processor-info.sustained-clock-speed-in-ghz", &["ProcessorInfo", "SustainedClockSpeedInGhz"]),
    ("reboot-migration-support", &["RebootMigrationSupport"]),
    ("supported-boot-mode", &["SupportedBootModes"]),
    ("supported-root-device-type", &["SupportedRootDeviceTypes"]),
    ("supported-usage-class", &["SupportedUsageClasses"]),
    ("supported-virtualization-type", &["SupportedVirtualizationTypes"]),
    ("vcpu-info.default-cores", &["VCpuInfo", "DefaultCores"]),
    ("vcpu-info.default-threads-per-core", &["VCpuInfo", "DefaultThreadsPerCore"]),
    ("vcpu-info.default-vcpus", &["VCpuInfo", "DefaultVCpus"]),
    ("vcpu-info.valid-cores", &["VCpuInfo", "ValidCores"]),
    ("vcpu-info.valid-threads-per-core", &["VCpuInfo", "ValidThreadsPerCore"]),
];

pub fn is_known(name: &str) -> bool {
    WAYS.iter().any(|(known, _)| *known == name)
}

/// A type as JSON, to be walked.
pub fn opened(info: &InstanceTypeInfo) -> Value {
    serde_json::to_value(Kept(info.clone())).unwrap_or_default()
}

pub fn value(opened: &Value, name: &str) -> Values {
    let (_, way) = WAYS.iter().find(|(known, _)| *known == name)?;
    let mut found = Vec::new();
    walk(opened, way, &mut found);
    Some(found)
}

fn walk(value: &Value, way: &[&str], found: &mut Vec<String>) {
    match (value, way) {
        (Value::Array(all), way) => all.iter().for_each(|one| walk(one, way, found)),
        (Value::Object(members), [first, rest @ ..]) => {
            if let Some(member) = members.get(*first) {
                walk(member, rest, found);
            }
        }
        (Value::String(text), []) => found.push(text.clone()),
        (Value::Bool(_) | Value::Number(_), []) => found.push(value.to_string()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::types::InstanceTypes;

    #[test]
    fn filters_find_their_values() {
        let micro = opened(&InstanceTypes::default().get("t3.micro").unwrap());
        for (name, expected) in [
            ("vcpu-info.default-vcpus", "2"),
            ("memory-info.size-in-mib", "1024"),
            ("processor-info.supported-architecture", "x86_64"),
            ("burstable-performance-supported", "true"),
            ("network-info.maximum-network-interfaces", "2"),
        ] {
            assert_eq!(value(&micro, name), Some(vec![expected.to_owned()]), "{name}");
        }
        assert_eq!(value(&micro, "colour"), None);
    }
}
