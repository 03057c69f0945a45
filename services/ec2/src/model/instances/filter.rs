//! What an instance answers the filters of DescribeInstances.

use ec2_api::{Instance, InstanceNetworkInterface, InstanceNetworkInterfaceAssociation};

use crate::model::filter::{Values, maybe, one, with_millis};

/// As the documentation of DescribeInstances lists them, without those of tags.
pub const FILTERS: &[&str] = &[
    "affinity",
    "architecture",
    "availability-zone",
    "availability-zone-id",
    "block-device-mapping.attach-time",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.status",
    "block-device-mapping.volume-id",
    "boot-mode",
    "capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-preference",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
    "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
    "client-token",
    "current-instance-boot-mode",
    "dns-name",
    "ebs-optimized",
    "ena-support",
    "enclave-options.enabled",
    "hibernation-options.configured",
    "host-id",
    "hypervisor",
    "iam-instance-profile.arn",
    "iam-instance-profile.id",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "ip-address",
    "ipv6-address",
    "kernel-id",
    "key-name",
    "launch-index",
    "launch-time",
    "maintenance-options.auto-recovery",
    "metadata-options.http-endpoint",
    "metadata-options.http-protocol-ipv4",
    "metadata-options.http-protocol-ipv6",
    "metadata-options.http-put-response-hop-limit",
    "metadata-options.http-tokens",
    "metadata-options.instance-metadata-tags",
    "metadata-options.state",
    "monitoring-state",
    "network-interface.addresses.association.allocation-id",
    "network-interface.addresses.association.association-id",
    "network-interface.addresses.association.carrier-ip",
    "network-interface.addresses.association.customer-owned-ip",
    "network-interface.addresses.association.ip-owner-id",
    "network-interface.addresses.association.public-dns-name",
    "network-interface.addresses.association.public-ip",
    "network-interface.addresses.primary",
    "network-interface.addresses.private-dns-name",
    "network-interface.addresses.private-ip-address",
    "network-interface.association.allocation-id",
    "network-interface.association.association-id",
    "network-interface.association.carrier-ip",
    "network-interface.association.customer-owned-ip",
    "network-interface.association.ip-owner-id",
    "network-interface.association.public-dns-name",
    "network-interface.association.public-ip",
    "network-interface.attachment.attach-time",
    "network-interface.attachment.attachment-id",
    "network-interface.attachment.delete-on-termination",
    "network-interface.attachment.device-index",
    "network-interface.attachment.instance-id",
    "network-interface.attachment.instance-owner-id",
    "network-interface.attachment.network-card-index",
    "network-interface.attachment.status",
    "network-interface.availability-zone",
    "network-interface.deny-all-igw-traffic",
    "network-interface.description",
    "network-interface.group-id",
    "network-interface.group-name",
    "network-interface.ipv4-prefixes.ipv4-prefix",
    "network-interface.ipv6-address",
    "network-interface.ipv6-addresses.ipv6-address",
    "network-interface.ipv6-addresses.is-primary-ipv6",
    "network-interface.ipv6-native",
    "network-interface.ipv6-prefixes.ipv6-prefix",
    "network-interface.mac-address",
    "network-interface.network-interface-id",
    "network-interface.operator.managed",
    "network-interface.operator.principal",
    "network-interface.outpost-arn",
    "network-interface.owner-id",
    "network-interface.private-dns-name",
    "network-interface.private-ip-address",
    "network-interface.public-dns-name",
    "network-interface.requester-id",
    "network-interface.requester-managed",
    "network-interface.source-dest-check",
    "network-interface.status",
    "network-interface.subnet-id",
    "network-interface.tag-key",
    "network-interface.tag-value",
    "network-interface.vpc-id",
    "network-performance-options.bandwidth-weighting",
    "operator.managed",
    "operator.principal",
    "outpost-arn",
    "owner-id",
    "placement-group-name",
    "placement-partition-number",
    "platform",
    "platform-details",
    "private-dns-name",
    "private-dns-name-options.enable-resource-name-dns-a-record",
    "private-dns-name-options.enable-resource-name-dns-aaaa-record",
    "private-dns-name-options.hostname-type",
    "private-ip-address",
    "product-code",
    "product-code.type",
    "ramdisk-id",
    "reason",
    "requester-id",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "source-dest-check",
    "spot-instance-request-id",
    "state-reason-code",
    "state-reason-message",
    "subnet-id",
    "tenancy",
    "tpm-support",
    "usage-operation",
    "usage-operation-update-time",
    "virtualization-type",
    "vpc-id",
];

/// Reservations' own (`reservation-id`, `owner-id`, `requester-id`) are answered where those are known.
pub fn value(instance: &Instance, name: &str) -> Values {
    let known = FILTERS.contains(&name);
    let answer = match name.split_once('.') {
        Some(("network-interface", part)) => of_interfaces(instance, part),
        Some(("block-device-mapping", part)) => of_devices(instance, part),
        Some(("metadata-options", part)) => of_metadata(instance, part),
        Some(("private-dns-name-options", part)) => of_names(instance, part),
        Some(("capacity-reservation-specification", part)) => of_capacity(instance, part),
        Some(_) => of_parts(instance, name),
        None => of_itself(instance, name).or_else(|| of_place(instance, name)),
    };
    answer.or_else(|| known.then(Vec::new))
}

fn of_itself(instance: &Instance, name: &str) -> Values {
    match name {
        "architecture" => maybe(instance.architecture.as_ref()),
        "boot-mode" => maybe(instance.boot_mode.as_ref()),
        "capacity-reservation-id" => maybe(instance.capacity_reservation_id.as_ref()),
        "client-token" => maybe(instance.client_token.as_ref()),
        "current-instance-boot-mode" => maybe(instance.current_instance_boot_mode.as_ref()),
        "dns-name" => maybe(instance.public_dns_name.as_ref()),
        "ebs-optimized" => maybe(instance.ebs_optimized),
        "ena-support" => maybe(instance.ena_support),
        "hypervisor" => maybe(instance.hypervisor.as_ref()),
        "image-id" => maybe(instance.image_id.as_ref()),
        "instance-id" => maybe(instance.instance_id.as_ref()),
        "instance-lifecycle" => maybe(instance.instance_lifecycle.as_ref()),
        "instance-state-code" => maybe(instance.state.as_ref().and_then(|state| state.code)),
        "instance-state-name" => maybe(instance.state.as_ref().and_then(|state| state.name.as_ref())),
        "instance-type" => maybe(instance.instance_type.as_ref()),
        "kernel-id" => maybe(instance.kernel_id.as_ref()),
        "key-name" => maybe(instance.key_name.as_ref()),
        "launch-index" => maybe(instance.ami_launch_index),
        "launch-time" => maybe(instance.launch_time.map(with_millis)),
        "monitoring-state" => {
            maybe(instance.monitoring.as_ref().and_then(|monitoring| monitoring.state.as_ref()))
        }
        "outpost-arn" => maybe(instance.outpost_arn.as_ref()),
        "platform" => maybe(instance.platform.as_ref()),
        "platform-details" => maybe(instance.platform_details.as_ref()),
        "ramdisk-id" => maybe(instance.ramdisk_id.as_ref()),
        "reason" => maybe(instance.state_transition_reason.as_ref()),
        "root-device-name" => maybe(instance.root_device_name.as_ref()),
        "root-device-type" => maybe(instance.root_device_type.as_ref()),
        "spot-instance-request-id" => maybe(instance.spot_instance_request_id.as_ref()),
        "state-reason-code" => maybe(instance.state_reason.as_ref().and_then(|reason| reason.code.as_ref())),
        "state-reason-message" => {
            maybe(instance.state_reason.as_ref().and_then(|reason| reason.message.as_ref()))
        }
        "tpm-support" => maybe(instance.tpm_support.as_ref()),
        "usage-operation" => maybe(instance.usage_operation.as_ref()),
        "usage-operation-update-time" => maybe(instance.usage_operation_update_time.map(with_millis)),
        "virtualization-type" => maybe(instance.virtualization_type.as_ref()),
        _ => None,
    }
}

fn of_place(instance: &Instance, name: &str) -> Values {
    let place = instance.placement.as_ref();
    match name {
        "affinity" => maybe(place.and_then(|place| place.affinity.as_ref())),
        "availability-zone" => maybe(place.and_then(|place| place.availability_zone.as_ref())),
        "availability-zone-id" => maybe(place.and_then(|place| place.availability_zone_id.as_ref())),
        "host-id" => maybe(place.and_then(|place| place.host_id.as_ref())),
        "ip-address" => maybe(instance.public_ip_address.as_ref()),
        "ipv6-address" => maybe(instance.ipv6_address.as_ref()),
        "placement-group-name" => maybe(place.and_then(|place| place.group_name.as_ref())),
        "placement-partition-number" => maybe(place.and_then(|place| place.partition_number)),
        "private-dns-name" => maybe(instance.private_dns_name.as_ref()),
        "private-ip-address" => maybe(instance.private_ip_address.as_ref()),
        "source-dest-check" => maybe(instance.source_dest_check),
        "subnet-id" => maybe(instance.subnet_id.as_ref()),
        "tenancy" => maybe(place.and_then(|place| place.tenancy.as_ref())),
        "vpc-id" => maybe(instance.vpc_id.as_ref()),
        _ => None,
    }
}

fn of_parts(instance: &Instance, name: &str) -> Values {
    let profile = instance.iam_instance_profile.as_ref();
    let groups = || instance.security_groups.iter().flatten();
    match name {
        "enclave-options.enabled" => {
            one(instance.enclave_options.as_ref().and_then(|options| options.enabled).unwrap_or(false))
        }
        "hibernation-options.configured" => {
            one(instance.hibernation_options.as_ref().and_then(|options| options.configured).unwrap_or(false))
        }
        "iam-instance-profile.arn" => maybe(profile.and_then(|profile| profile.arn.as_ref())),
        "iam-instance-profile.id" => maybe(profile.and_then(|profile| profile.id.as_ref())),
        "instance.group-id" => Some(groups().filter_map(|group| group.group_id.clone()).collect()),
        "instance.group-name" => Some(groups().filter_map(|group| group.group_name.clone()).collect()),
        "maintenance-options.auto-recovery" => {
            maybe(instance.maintenance_options.as_ref().and_then(|options| options.auto_recovery.as_ref()))
        }
        "network-performance-options.bandwidth-weighting" => maybe(
            instance
                .network_performance_options
                .as_ref()
                .and_then(|options| options.bandwidth_weighting.as_ref()),
        ),
        "operator.managed" => {
            one(instance.operator.as_ref().and_then(|operator| operator.managed).unwrap_or(false))
        }
        "operator.principal" => {
            maybe(instance.operator.as_ref().and_then(|operator| operator.principal.as_ref()))
        }
        _ => None,
    }
}

fn of_metadata(instance: &Instance, part: &str) -> Values {
    let options = instance.metadata_options.as_ref();
    match part {
        "http-endpoint" | "http-protocol-ipv4" => maybe(options.and_then(|it| it.http_endpoint.as_ref())),
        "http-protocol-ipv6" => maybe(options.and_then(|it| it.http_protocol_ipv6.as_ref())),
        "http-put-response-hop-limit" => maybe(options.and_then(|it| it.http_put_response_hop_limit)),
        "http-tokens" => maybe(options.and_then(|it| it.http_tokens.as_ref())),
        "instance-metadata-tags" => maybe(options.and_then(|it| it.instance_metadata_tags.as_ref())),
        "state" => maybe(options.and_then(|it| it.state.as_ref())),
        _ => None,
    }
}

fn of_names(instance: &Instance, part: &str) -> Values {
    let options = instance.private_dns_name_options.as_ref();
    match part {
        "enable-resource-name-dns-a-record" => {
            maybe(options.and_then(|it| it.enable_resource_name_dns_a_record))
        }
        "enable-resource-name-dns-aaaa-record" => {
            maybe(options.and_then(|it| it.enable_resource_name_dns_aaaa_record))
        }
        "hostname-type" => maybe(options.and_then(|it| it.hostname_type.as_ref())),
        _ => None,
    }
}

fn of_capacity(instance: &Instance, part: &str) -> Values {
    let specification = instance.capacity_reservation_specification.as_ref();
    match part {
        "capacity-reservation-preference" => {
            maybe(specification.and_then(|it| it.capacity_reservation_preference.as_ref()))
        }
        _ => None,
    }
}

fn of_devices(instance: &Instance, part: &str) -> Values {
    let devices = instance.block_device_mappings.iter().flatten();
    let disks = || instance.block_device_mappings.iter().flatten().filter_map(|device| device.ebs.as_ref());
    Some(match part {
        "device-name" => devices.filter_map(|device| device.device_name.clone()).collect(),
        "attach-time" => disks().filter_map(|disk| disk.attach_time.map(with_millis)).collect(),
        "delete-on-termination" => {
            disks().filter_map(|disk| disk.delete_on_termination).map(|on| on.to_string()).collect()
        }
        "status" => disks().filter_map(|disk| disk.status.as_ref()).map(ToString::to_string).collect(),
        "volume-id" => disks().filter_map(|disk| disk.volume_id.clone()).collect(),
        _ => return None,
    })
}

fn of_interfaces(instance: &Instance, part: &str) -> Values {
    let cards = || instance.network_interfaces.iter().flatten();
    if let Some(of_association) = part.strip_prefix("association.") {
        let all = cards().filter_map(|card| card.association.as_ref());
        return of_associations(all, of_association);
    }
    if let Some(of_association) = part.strip_prefix("addresses.association.") {
        let all = cards().flat_map(|card| card.private_ip_addresses.iter().flatten());
        return of_associations(all.filter_map(|address| address.association.as_ref()), of_association);
    }
    if let Some(of_attachment) = part.strip_prefix("attachment.") {
        return of_attachments(instance, of_attachment);
    }
    let addresses = || cards().flat_map(|card| card.private_ip_addresses.iter().flatten());
    let groups = || cards().flat_map(|card| card.groups.iter().flatten());
    let addresses6 = || cards().flat_map(|card| card.ipv6_addresses.iter().flatten());
    let texts = |of: fn(&InstanceNetworkInterface) -> Option<String>| cards().filter_map(of).collect();
    Some(match part {
        "addresses.primary" => addresses().filter_map(|it| it.primary).map(|it| it.to_string()).collect(),
        "addresses.private-dns-name" => addresses().filter_map(|it| it.private_dns_name.clone()).collect(),
        "addresses.private-ip-address" => {
            addresses().filter_map(|it| it.private_ip_address.clone()).collect()
        }
        "availability-zone" => return of_place(instance, part),
        "description" => texts(|card| card.description.clone()),
        "group-id" => groups().filter_map(|group| group.group_id.clone()).collect(),
        "group-name" => groups().filter_map(|group| group.group_name.clone()).collect(),
        "ipv4-prefixes.ipv4-prefix" => cards()
            .flat_map(|card| card.ipv4_prefixes.iter().flatten())
            .filter_map(|prefix| prefix.ipv4_prefix.clone())
            .collect(),
        "ipv6-address" | "ipv6-addresses.ipv6-address" => {
            addresses6().filter_map(|it| it.ipv6_address.clone()).collect()
        }
        "ipv6-addresses.is-primary-ipv6" => {
            addresses6().filter_map(|it| it.is_primary_ipv6).map(|it| it.to_string()).collect()
        }
        "ipv6-prefixes.ipv6-prefix" => cards()
            .flat_map(|card| card.ipv6_prefixes.iter().flatten())
            .filter_map(|prefix| prefix.ipv6_prefix.clone())
            .collect(),
        "mac-address" => texts(|card| card.mac_address.clone()),
        "network-interface-id" => texts(|card| card.network_interface_id.clone()),
        "owner-id" => texts(|card| card.owner_id.clone()),
        "private-dns-name" => texts(|card| card.private_dns_name.clone()),
        "private-ip-address" => texts(|card| card.private_ip_address.clone()),
        "public-dns-name" => texts(|card| card.association.as_ref()?.public_dns_name.clone()),
        "requester-managed" => cards().map(|_| "false".to_owned()).collect(),
        "source-dest-check" => texts(|card| card.source_dest_check.map(|on| on.to_string())),
        "status" => texts(|card| card.status.as_ref().map(ToString::to_string)),
        "subnet-id" => texts(|card| card.subnet_id.clone()),
        "vpc-id" => texts(|card| card.vpc_id.clone()),
        _ => return None,
    })
}

fn of_associations<'a>(
    all: impl Iterator<Item = &'a InstanceNetworkInterfaceAssociation>,
    part: &str,
) -> Values {
    Some(match part {
        "ip-owner-id" => all.filter_map(|it| it.ip_owner_id.clone()).collect(),
        "public-dns-name" => all.filter_map(|it| it.public_dns_name.clone()).collect(),
        "public-ip" => all.filter_map(|it| it.public_ip.clone()).collect(),
        _ => return None,
    })
}

fn of_attachments(instance: &Instance, part: &str) -> Values {
    let cards = instance.network_interfaces.iter().flatten();
    let all = cards.filter_map(|card| card.attachment.as_ref());
    Some(match part {
        "attach-time" => all.filter_map(|it| it.attach_time.map(with_millis)).collect(),
        "attachment-id" => all.filter_map(|it| it.attachment_id.clone()).collect(),
        "delete-on-termination" => {
            all.filter_map(|it| it.delete_on_termination).map(|it| it.to_string()).collect()
        }
        "device-index" => all.filter_map(|it| it.device_index).map(|it| it.to_string()).collect(),
        "instance-id" => all.filter_map(|_| instance.instance_id.clone()).collect(),
        "network-card-index" => all.filter_map(|it| it.network_card_index).map(|it| it.to_string()).collect(),
        "status" => all.filter_map(|it| it.status.as_ref()).map(ToString::to_string).collect(),
        _ => return None,
    })
}
