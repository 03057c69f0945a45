//! Network interfaces: what they answer filters with, and their hardware addresses.

use base::Ids;

use super::filter::{Values, maybe, one, with_millis};
use crate::records::interfaces::InterfaceRecord;

pub const FILTERS: &[&str] = &[
    "association.allocation-id",
    "association.association-id",
    "association.ip-owner-id",
    "association.public-ip",
    "association.public-dns-name",
    "addresses.association.owner-id",
    "addresses.association.public-ip",
    "addresses.primary",
    "addresses.private-ip-address",
    "attachment.attach-time",
    "attachment.attachment-id",
    "attachment.delete-on-termination",
    "attachment.device-index",
    "attachment.instance-id",
    "attachment.instance-owner-id",
    "attachment.network-card-index",
    "attachment.status",
    "availability-zone",
    "availability-zone-id",
    "description",
    "group-id",
    "group-name",
    "interface-type",
    "ipv6-addresses.ipv6-address",
    "mac-address",
    "network-interface-id",
    "operator.managed",
    "operator.principal",
    "owner-id",
    "private-dns-name",
    "private-ip-address",
    "requester-id",
    "requester-managed",
    "source-dest-check",
    "status",
    "subnet-id",
    "vpc-id",
];

pub fn filter(record: &InterfaceRecord, name: &str) -> Values {
    if let Some(rest) = name.strip_prefix("attachment.") {
        return attachment(record, rest);
    }
    if name.starts_with("association.") || name.starts_with("addresses.") {
        return addresses(record, name);
    }
    let interface = &record.interface;
    match name {
        "deny-all-igw-traffic" => one(interface.deny_all_igw_traffic == Some(true)),
        "ipv6-native" => one(interface.ipv6_native == Some(true)),
        "outpost-arn" => maybe(interface.outpost_arn.as_deref()),
        "availability-zone" => maybe(interface.availability_zone.as_deref()),
        "availability-zone-id" => maybe(interface.availability_zone_id.as_deref()),
        "description" => maybe(interface.description.as_deref()),
        "group-id" => Some(record.groups().map(str::to_owned).collect()),
        "group-name" => {
            let groups = interface.groups.iter().flatten();
            Some(groups.filter_map(|group| group.group_name.clone()).collect())
        }
        "interface-type" => maybe(interface.interface_type.as_ref()),
        "ipv6-addresses.ipv6-address" => {
            let listed = interface.ipv6_addresses.iter().flatten();
            Some(listed.filter_map(|address| address.ipv6_address.clone()).collect())
        }
        "mac-address" => maybe(interface.mac_address.as_deref()),
        "network-interface-id" => maybe(interface.network_interface_id.as_deref()),
        "operator.managed" => one(interface.operator.as_ref().is_some_and(|it| it.managed == Some(true))),
        "operator.principal" => maybe(interface.operator.as_ref().and_then(|it| it.principal.as_deref())),
        "owner-id" => maybe(interface.owner_id.as_deref()),
        "private-dns-name" => maybe(interface.private_dns_name.as_deref()),
        "private-ip-address" => maybe(interface.private_ip_address.as_deref()),
        "requester-id" => maybe(interface.requester_id.as_deref()),
        "requester-managed" => one(interface.requester_managed == Some(true)),
        "source-dest-check" => maybe(interface.source_dest_check),
        "status" => maybe(interface.status.as_ref()),
        "subnet-id" => maybe(interface.subnet_id.as_deref()),
        "vpc-id" => maybe(interface.vpc_id.as_deref()),
        _ => None,
    }
}

fn attachment(record: &InterfaceRecord, name: &str) -> Values {
    let attachment = record.interface.attachment.as_ref();
    match name {
        "attach-time" => maybe(attachment.and_then(|it| it.attach_time).map(with_millis)),
        "attachment-id" => maybe(attachment.and_then(|it| it.attachment_id.as_deref())),
        "delete-on-termination" => maybe(attachment.and_then(|it| it.delete_on_termination)),
        "device-index" => maybe(attachment.and_then(|it| it.device_index)),
        "instance-id" => maybe(attachment.and_then(|it| it.instance_id.as_deref())),
        "instance-owner-id" => maybe(attachment.and_then(|it| it.instance_owner_id.as_deref())),
        "network-card-index" => maybe(attachment.and_then(|it| it.network_card_index)),
        "status" => maybe(attachment.and_then(|it| it.status.as_ref())),
        _ => None,
    }
}

fn addresses(record: &InterfaceRecord, name: &str) -> Values {
    let listed = || record.interface.private_ip_addresses.iter().flatten();
    let association = record.interface.association.as_ref();
    match name {
        "association.allocation-id" => maybe(association.and_then(|it| it.allocation_id.as_deref())),
        "association.association-id" => maybe(association.and_then(|it| it.association_id.as_deref())),
        "association.ip-owner-id" => maybe(association.and_then(|it| it.ip_owner_id.as_deref())),
        "association.public-ip" => maybe(association.and_then(|it| it.public_ip.as_deref())),
        "association.public-dns-name" => maybe(association.and_then(|it| it.public_dns_name.as_deref())),
        "addresses.association.owner-id" => {
            Some(listed().filter_map(|it| it.association.as_ref()?.ip_owner_id.clone()).collect())
        }
        "addresses.association.allocation-id" => {
            Some(listed().filter_map(|it| it.association.as_ref()?.allocation_id.clone()).collect())
        }
        "addresses.association.association-id" => {
            Some(listed().filter_map(|it| it.association.as_ref()?.association_id.clone()).collect())
        }
        "addresses.association.public-ip" => {
            Some(listed().filter_map(|it| it.association.as_ref()?.public_ip.clone()).collect())
        }
        "addresses.primary" => Some(listed().filter_map(|it| it.primary).map(|it| it.to_string()).collect()),
        "addresses.private-ip-address" => {
            Some(listed().filter_map(|it| it.private_ip_address.clone()).collect())
        }
        _ => None,
    }
}

/// A hardware address that nobody's card has: locally administered, and one computer's (bits two and one of the first
/// byte), as AWS's are.
pub fn new_mac(ids: &Ids) -> String {
    let mut bytes: [u8; 6] = ids.bytes();
    bytes[0] = 0x02 | ((bytes[0] & 0x0c) << 2);
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_local_and_of_one_card() {
        let ids = Ids::seeded(3);
        for _ in 0..100 {
            let mac = new_mac(&ids);
            let first = u8::from_str_radix(&mac[..2], 16).unwrap();
            assert_eq!((first & 0b11, mac.len()), (0b10, 17));
        }
    }
}
