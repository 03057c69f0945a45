//! An instance as it is shown: its record, what its interfaces say, its tags.

use ec2_api::*;

use super::State;
use crate::model::addresses::private_domain;
use crate::model::tags::{self, Tags};
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;

/// The instance as clients see it. `interfaces` are those attached to it.
pub fn with_interfaces(record: &InstanceRecord, interfaces: &[&InterfaceRecord], tags: &Tags) -> Instance {
    complete(record.shown.0.clone(), record, interfaces, tags)
}

/// The same, of what was taken out of its record: to copy it costs as much as all the rest.
pub fn complete(
    mut instance: Instance,
    record: &InstanceRecord,
    interfaces: &[&InterfaceRecord],
    tags: &Tags,
) -> Instance {
    instance.state = Some(record.state.shown());
    instance.state_reason = record.reason.as_ref().map(|reason| reason.0.clone());
    instance.state_transition_reason = Some(transition_reason(record));
    instance.tags = Some(tags::shown(tags));
    instance.monitoring = instance
        .monitoring
        .or_else(|| Some(Monitoring { state: Some(MonitoringState::Disabled), ..Monitoring::default() }));
    instance.iam_instance_profile = record
        .profile
        .as_ref()
        .map(|profile| IamInstanceProfile { arn: Some(profile.arn.clone()), id: Some(profile.id.clone()) });
    if record.state == State::Terminated {
        return over(instance);
    }
    let mut cards: Vec<&InterfaceRecord> = interfaces.to_vec();
    cards.sort_by_key(|card| index(card));
    if let Some(primary) = cards.first().filter(|card| index(card) == 0) {
        of_primary(&mut instance, &primary.interface);
        name_by_resource(&mut instance);
    }
    instance.network_interfaces = Some(cards.iter().map(|card| interface(&card.interface)).collect());
    instance
}

fn index(card: &InterfaceRecord) -> i32 {
    card.interface.attachment.as_ref().and_then(|attachment| attachment.device_index).unwrap_or(i32::MAX)
}

/// `User initiated (2026-11-22 15:10:21 GMT)`, or nothing before the first change.
fn transition_reason(record: &InstanceRecord) -> String {
    let code = record.reason.as_ref().and_then(|reason| reason.code.as_deref()).unwrap_or_default();
    match (code, record.state) {
        (_, State::Pending | State::Running) => String::new(),
        (code, _) if code.starts_with("Client.User") => {
            let at = record.since.to_iso8601();
            let at = at.split(['.', 'Z']).next().unwrap_or_default().replace('T', " ");
            format!("User initiated ({at} GMT)")
        }
        (code, _) => code.to_owned(),
    }
}

/// Terminated instances have no network and no disks any more.
fn over(mut instance: Instance) -> Instance {
    instance.network_interfaces = Some(Vec::new());
    instance.block_device_mappings = Some(Vec::new());
    instance.security_groups = Some(Vec::new());
    instance.subnet_id = None;
    instance.vpc_id = None;
    instance.private_dns_name = Some(String::new());
    instance.public_dns_name = Some(String::new());
    instance.private_ip_address = None;
    instance.public_ip_address = None;
    instance.ipv6_address = None;
    instance
}

fn of_primary(instance: &mut Instance, primary: &NetworkInterface) {
    let association = primary.association.as_ref();
    instance.subnet_id.clone_from(&primary.subnet_id);
    instance.vpc_id.clone_from(&primary.vpc_id);
    instance.private_ip_address.clone_from(&primary.private_ip_address);
    instance.private_dns_name = primary.private_dns_name.clone().or_else(|| Some(String::new()));
    instance.public_ip_address = association.and_then(|it| it.public_ip.clone());
    instance.public_dns_name =
        association.and_then(|it| it.public_dns_name.clone()).or_else(|| Some(String::new()));
    let addresses6 = primary.ipv6_addresses.iter().flatten();
    instance.ipv6_address = addresses6.map(|address| address.ipv6_address.clone()).next().flatten();
    instance.security_groups.clone_from(&primary.groups);
    instance.source_dest_check = primary.source_dest_check;
}

/// `i-0123456789abcdef0.ec2.internal` in the place of the name by its address, where that is wished for.
fn name_by_resource(instance: &mut Instance) {
    let options = instance.private_dns_name_options.as_ref();
    let wished = options.is_some_and(|it| it.hostname_type == Some(HostnameType::ResourceName));
    let named = instance.private_dns_name.as_deref().and_then(|name| name.split_once('.'));
    let domain = match named {
        Some((_, domain)) => Some(domain.to_owned()),
        // Without an IPv4 address there is no other name.
        None if instance.private_ip_address.is_none() => domain_of_zone(instance),
        None => None,
    };
    if let (true, Some(domain), Some(id)) = (wished, domain, instance.instance_id.as_deref()) {
        instance.private_dns_name = Some(format!("{id}.{domain}"));
    }
}

/// What private names end with where the instance is.
fn domain_of_zone(instance: &Instance) -> Option<String> {
    let zone = instance.placement.as_ref()?.availability_zone.as_deref()?;
    let region = zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    base::Region::parse(region).map(private_domain)
}

/// An interface as its instance shows it.
pub fn interface(card: &NetworkInterface) -> InstanceNetworkInterface {
    let addresses = card.private_ip_addresses.iter().flatten().map(|address| InstancePrivateIpAddress {
        association: address.association.as_ref().map(association),
        primary: address.primary,
        private_dns_name: address.private_dns_name.clone(),
        private_ip_address: address.private_ip_address.clone(),
    });
    let addresses6 = card.ipv6_addresses.iter().flatten().map(|address| InstanceIpv6Address {
        ipv6_address: address.ipv6_address.clone(),
        is_primary_ipv6: address.is_primary_ipv6,
    });
    let prefixes = card.ipv4_prefixes.as_ref().map(|prefixes| {
        let prefix =
            |it: &Ipv4PrefixSpecification| InstanceIpv4Prefix { ipv4_prefix: it.ipv4_prefix.clone() };
        prefixes.iter().map(prefix).collect()
    });
    let prefixes6 = card.ipv6_prefixes.as_ref().map(|prefixes| {
        let prefix =
            |it: &Ipv6PrefixSpecification| InstanceIpv6Prefix { ipv6_prefix: it.ipv6_prefix.clone() };
        prefixes.iter().map(prefix).collect()
    });
    InstanceNetworkInterface {
        association: card.association.as_ref().map(association),
        attachment: card.attachment.as_ref().map(attachment),
        description: card.description.clone(),
        groups: card.groups.clone(),
        ipv6_addresses: Some(addresses6.collect()),
        mac_address: card.mac_address.clone(),
        network_interface_id: card.network_interface_id.clone(),
        owner_id: card.owner_id.clone(),
        private_dns_name: card.private_dns_name.clone(),
        private_ip_address: card.private_ip_address.clone(),
        private_ip_addresses: Some(addresses.collect()),
        source_dest_check: card.source_dest_check,
        status: card.status.clone(),
        subnet_id: card.subnet_id.clone(),
        vpc_id: card.vpc_id.clone(),
        interface_type: card.interface_type.as_ref().map(ToString::to_string),
        ipv4_prefixes: prefixes,
        ipv6_prefixes: prefixes6,
        operator: card.operator.clone(),
        ..InstanceNetworkInterface::default()
    }
}

fn association(of: &NetworkInterfaceAssociation) -> InstanceNetworkInterfaceAssociation {
    InstanceNetworkInterfaceAssociation {
        ip_owner_id: of.ip_owner_id.clone(),
        public_dns_name: of.public_dns_name.clone(),
        public_ip: of.public_ip.clone(),
        ..InstanceNetworkInterfaceAssociation::default()
    }
}

fn attachment(of: &NetworkInterfaceAttachment) -> InstanceNetworkInterfaceAttachment {
    InstanceNetworkInterfaceAttachment {
        attach_time: of.attach_time,
        attachment_id: of.attachment_id.clone(),
        delete_on_termination: of.delete_on_termination,
        device_index: of.device_index,
        status: of.status.clone(),
        network_card_index: of.network_card_index,
        ..InstanceNetworkInterfaceAttachment::default()
    }
}
