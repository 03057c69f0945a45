//! What a launch asks for, looked over as far as the request alone tells.

use std::net::Ipv4Addr;

use ec2_api::*;

use crate::error::Error;
use crate::error::codes::{
    INSTANCE_LIMIT_EXCEEDED, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION,
};
use crate::limits::INSTANCES_AT_ONCE_MAX;
use crate::operations::interfaces::make::NewInterface;

/// How many, at least and at most.
pub fn counts(min: i32, max: i32) -> Result<(usize, usize), Error> {
    let bad = |value: i32, name: &str, why: &str| Err(Error::invalid_value(value, name, why));
    if min < 1 {
        return bad(min, "minCount", "Minimum count must be greater than 0.");
    }
    if max < min {
        return bad(max, "maxCount", "Maximum count must not be smaller than the minimum count.");
    }
    let (Ok(min), Ok(max)) = (usize::try_from(min), usize::try_from(max)) else {
        return bad(max, "maxCount", "");
    };
    if max > INSTANCES_AT_ONCE_MAX {
        let message = format!(
            "You have requested more instances ({max}) than one request may launch: {INSTANCES_AT_ONCE_MAX}."
        );
        return Err(Error::new(&INSTANCE_LIMIT_EXCEEDED, message));
    }
    Ok((min, max))
}

/// Refuses what does not go together, and what this cloud's machines cannot be.
pub fn check(input: &RunInstancesInput) -> Result<(), Error> {
    let given = input.network_interfaces.as_deref().unwrap_or_default();
    if !given.is_empty() {
        let with = [
            ("subnet ID", input.subnet_id.is_some()),
            ("security groups", !is_empty(input.security_group_ids.as_ref())),
            ("security groups", !is_empty(input.security_groups.as_ref())),
            ("private IP address", input.private_ip_address.is_some()),
        ];
        if let Some((what, _)) = with.iter().find(|(_, is_given)| *is_given) {
            let message = format!(
                "Network interfaces and an instance-level {what} may not be specified on the same request"
            );
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
    }
    let hibernation = input.hibernation_options.as_ref().and_then(|options| options.configured);
    let enclave = input.enclave_options.as_ref().and_then(|options| options.enabled);
    let cannot = [
        ("Hibernation", hibernation == Some(true)),
        ("A Nitro enclave", enclave == Some(true)),
        ("An Elastic GPU", !is_empty(input.elastic_gpu_specification.as_ref())),
        ("An Elastic Inference accelerator", !is_empty(input.elastic_inference_accelerators.as_ref())),
        ("A secondary interface", !is_empty(input.secondary_interfaces.as_ref())),
        ("A managed operator", input.operator.is_some()),
        ("A kernel or RAM disk image", input.kernel_id.is_some() || input.ramdisk_id.is_some()),
    ];
    match cannot.iter().find(|(_, is_given)| *is_given) {
        Some((what, _)) => {
            let message = format!("{what} is not supported by the machines of this cloud.");
            Err(Error::new(&UNSUPPORTED_OPERATION, message))
        }
        None => Ok(()),
    }
}

fn is_empty<T>(list: Option<&Vec<T>>) -> bool {
    list.is_none_or(Vec::is_empty)
}

/// One network card of a launch.
#[derive(Clone, Debug)]
pub enum Card {
    New { index: i32, interface: Box<NewInterface>, public: Option<bool>, keep: bool },
    Existing { index: i32, id: String },
}

impl Card {
    pub fn index(&self) -> i32 {
        match self {
            Card::New { index, .. } | Card::Existing { index, .. } => *index,
        }
    }
}

/// The cards of a launch, by their device index. `subnet` and `groups` are for those that name none themselves.
pub fn cards(
    input: &RunInstancesInput,
    subnet: &str,
    groups: Option<Vec<String>>,
) -> Result<Vec<Card>, Error> {
    let given = input.network_interfaces.as_deref().unwrap_or_default();
    if given.is_empty() {
        let mut new = NewInterface::in_subnet(subnet);
        new.groups = groups;
        new.primary = address(input.private_ip_address.as_deref(), "privateIpAddress")?;
        new.count6 = count(input.ipv6_address_count, "ipv6AddressCount")?;
        new.addresses6 = addresses6(input.ipv6_addresses.as_deref())?;
        new.primary6 = input.enable_primary_ipv6 == Some(true);
        return Ok(vec![Card::New { index: 0, interface: Box::new(new), public: None, keep: false }]);
    }
    let mut cards = given.iter().map(|one| card(one, subnet)).collect::<Result<Vec<_>, Error>>()?;
    cards.sort_by_key(Card::index);
    if cards.windows(2).any(|pair| pair[0].index() == pair[1].index()) {
        let message = "Each network interface requires a unique device index.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if cards.first().is_some_and(|first| first.index() != 0) {
        let message = "When specifying network interfaces, you must include a device at index 0.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    if cards.len() > 1 && given.iter().any(|one| one.associate_public_ip_address == Some(true)) {
        let message = "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(cards)
}

fn card(one: &InstanceNetworkInterfaceSpecification, subnet: &str) -> Result<Card, Error> {
    let index = one.device_index.unwrap_or(0);
    if let Some(id) = &one.network_interface_id {
        if one.subnet_id.is_some() || one.groups.is_some() || one.private_ip_address.is_some() {
            let message =
                "A network interface that exists already cannot be given a subnet, groups or addresses.";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        return Ok(Card::Existing { index, id: id.clone() });
    }
    let mut new = NewInterface::in_subnet(one.subnet_id.clone().unwrap_or_else(|| subnet.to_owned()));
    new.groups.clone_from(&one.groups);
    new.description = one.description.clone().unwrap_or_default();
    new.primary = address(one.private_ip_address.as_deref(), "privateIpAddress")?;
    for listed in one.private_ip_addresses.iter().flatten() {
        let found = address(listed.private_ip_address.as_deref(), "privateIpAddress")?;
        match listed.primary {
            Some(true) => new.primary = found,
            _ => new.secondary.extend(found),
        }
    }
    new.secondary_count =
        count(one.secondary_private_ip_address_count, "secondaryPrivateIpAddressCount")?.unwrap_or(0);
    new.prefix_count = count(one.ipv4_prefix_count, "ipv4PrefixCount")?.unwrap_or(0);
    new.prefixes =
        one.ipv4_prefixes.iter().flatten().filter_map(|it| it.ipv4_prefix.as_deref()?.parse().ok()).collect();
    new.count6 = count(one.ipv6_address_count, "ipv6AddressCount")?;
    new.addresses6 = addresses6(one.ipv6_addresses.as_deref())?;
    new.prefix6_count = count(one.ipv6_prefix_count, "ipv6PrefixCount")?.unwrap_or(0);
    new.prefixes6 =
        one.ipv6_prefixes.iter().flatten().filter_map(|it| it.ipv6_prefix.as_deref()?.parse().ok()).collect();
    new.primary6 = one.primary_ipv6 == Some(true);
    new.kind =
        one.interface_type.as_deref().map_or(NetworkInterfaceType::Interface, NetworkInterfaceType::from);
    new.tracking = one.connection_tracking_specification.as_ref().map(|it| ConnectionTrackingConfiguration {
        tcp_established_timeout: it.tcp_established_timeout,
        udp_stream_timeout: it.udp_stream_timeout,
        udp_timeout: it.udp_timeout,
    });
    let keep = one.delete_on_termination == Some(false);
    Ok(Card::New { index, interface: Box::new(new), public: one.associate_public_ip_address, keep })
}

fn address(text: Option<&str>, name: &str) -> Result<Option<Ipv4Addr>, Error> {
    let parse =
        |text: &str| text.parse().map_err(|_| Error::invalid_value(text, name, "It is no IPv4 address."));
    text.map(parse).transpose()
}

fn addresses6(given: Option<&[InstanceIpv6Address]>) -> Result<Vec<std::net::Ipv6Addr>, Error> {
    let texts = given.unwrap_or_default().iter().filter_map(|one| one.ipv6_address.as_deref());
    texts
        .map(|text| {
            text.parse().map_err(|_| Error::invalid_value(text, "ipv6Address", "It is no IPv6 address."))
        })
        .collect()
}

fn count(given: Option<i32>, name: &str) -> Result<Option<usize>, Error> {
    let parse = |given: i32| usize::try_from(given).map_err(|_| Error::invalid_value(given, name, ""));
    given.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_positive_and_in_order() {
        assert_eq!(counts(1, 3).unwrap(), (1, 3));
        for (min, max) in [(0, 1), (-1, 1), (2, 1), (1, 1_001)] {
            assert!(counts(min, max).is_err(), "{min} {max}");
        }
    }

    #[test]
    fn cards_have_different_indexes_from_zero_on() {
        let card =
            |index| InstanceNetworkInterfaceSpecification { device_index: Some(index), ..Default::default() };
        let input =
            |cards: Vec<_>| RunInstancesInput { network_interfaces: Some(cards), ..Default::default() };
        let built = cards(&input(vec![card(1), card(0)]), "subnet-1", None).unwrap();
        assert_eq!(built.iter().map(Card::index).collect::<Vec<_>>(), [0, 1]);
        assert!(cards(&input(vec![card(0), card(0)]), "subnet-1", None).is_err());
        assert!(cards(&input(vec![card(1)]), "subnet-1", None).is_err());
        assert_eq!(cards(&RunInstancesInput::default(), "subnet-1", None).unwrap().len(), 1);
    }
}
