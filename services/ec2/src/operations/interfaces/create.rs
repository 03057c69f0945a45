//! CreateNetworkInterface.

use base::Arn;
use ec2_api::*;
use service::{Call, ClientTokens, Repetition};

use super::described;
use super::make::{NewInterface, make};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    IDEMPOTENT_PARAMETER_MISMATCH, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
};
use crate::kind::{NETWORK_INTERFACE, SECURITY_GROUP, SUBNET};
use crate::limits::{ADDRESSES_OF_AN_INTERFACE_MAX, DESCRIPTION_CHARS_MAX};
use crate::model::addresses::{parse, parse_prefix, parse_prefix6, parse6};
use crate::operations::tags;
use crate::operations::vpcs::first_use::first_use;
use crate::records::Resource;
use crate::records::interfaces::InterfaceRecord;
use crate::resources;

const TOKENS: ClientTokens = ClientTokens { operation: "ec2.CreateNetworkInterface" };

pub fn by_input(_: &Ec2, call: &Call, input: &CreateNetworkInterfaceInput) -> Result<Vec<Arn>, Error> {
    let groups = input.groups.iter().flatten().map(|id| SECURITY_GROUP.arn(call, id));
    let subnet = SUBNET.arn(call, &input.subnet_id);
    Ok([NETWORK_INTERFACE.any(call), subnet].into_iter().chain(groups).collect())
}

pub async fn create_network_interface(
    ec2: &Ec2,
    call: &Call,
    input: CreateNetworkInterfaceInput,
) -> Result<CreateNetworkInterfaceOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let operation = "CreateNetworkInterface";
    let tags = &tags::of_new(ec2, call, operation, specifications, &NETWORK_INTERFACE, &[]).await?;
    let (new, place) = (&asked(&input)?, call.scope());
    let token = input.client_token.clone().filter(|token| !token.is_empty());
    let (token_ref, parameters) = (token.as_deref(), &format!("{new:?} {tags:?}"));
    first_use(ec2, call).await?;
    let made = ec2.store.transact(|tx| async move {
        if let Some(token) = token_ref {
            match TOKENS.check(&tx, place, token, parameters, call.now).await? {
                Repetition::First => {}
                Repetition::Again(id) => return resources::get::<InterfaceRecord>(&tx, &place, &id).await,
                Repetition::Mismatch | Repetition::TooLong => {
                    let message = "The client token is invalid or was used with other parameters";
                    return Err(Error::new(&IDEMPOTENT_PARAMETER_MISMATCH, message));
                }
            }
        }
        let record = make(ec2, &tx, call, new).await?;
        resources::set_tags(&tx, &place, record.id(), tags).await?;
        if let Some(token) = token_ref {
            TOKENS.remember(&tx, place, token, parameters, record.id(), call.now).await?;
        }
        Ok(record)
    });
    let record = made.await?;
    ec2.networks.nudge();
    let mut shown = described(&record, tags);
    // AWS tells of it before it is ready; the next Describe finds it so.
    shown.status = Some(NetworkInterfaceStatus::from("pending"));
    Ok(CreateNetworkInterfaceOutput { network_interface: Some(shown), client_token: token })
}

/// What the request asks for, looked over.
fn asked(input: &CreateNetworkInterfaceInput) -> Result<NewInterface, Error> {
    let mut new = NewInterface::in_subnet(&input.subnet_id);
    new.groups = input.groups.clone();
    new.description = input.description.clone().unwrap_or_default();
    if new.description.chars().count() > DESCRIPTION_CHARS_MAX {
        let why = format!("Descriptions have at most {DESCRIPTION_CHARS_MAX} characters.");
        return Err(Error::invalid_value(&new.description, "description", &why));
    }
    addresses4(input, &mut new)?;
    addresses6(input, &mut new)?;
    if let Some(kind) = &input.interface_type {
        if !matches!(kind.as_str(), "interface" | "efa" | "efa-only" | "trunk" | "branch") {
            return Err(Error::invalid_value(kind, "interfaceType", ""));
        }
        new.kind = NetworkInterfaceType::from(kind.as_str());
    }
    new.tracking = input.connection_tracking_specification.as_ref().map(tracking).transpose()?;
    Ok(new)
}

fn addresses4(input: &CreateNetworkInterfaceInput, new: &mut NewInterface) -> Result<(), Error> {
    new.primary = input.private_ip_address.as_deref().map(parse).transpose()?;
    for listed in input.private_ip_addresses.iter().flatten() {
        let text = listed.private_ip_address.as_deref();
        let address = parse(text.ok_or_else(|| Error::missing("PrivateIpAddress"))?)?;
        match listed.primary {
            Some(true) if new.primary.is_some_and(|known| known != address) => {
                let message = "Only one primary private IP address can be specified.";
                return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
            }
            Some(true) => new.primary = Some(address),
            _ => new.secondary.push(address),
        }
    }
    new.secondary_count = count(input.secondary_private_ip_address_count, "secondaryPrivateIpAddressCount")?;
    new.prefix_count = count(input.ipv4_prefix_count, "ipv4PrefixCount")?;
    for listed in input.ipv4_prefixes.iter().flatten() {
        new.prefixes.push(parse_prefix(listed.ipv4_prefix.as_deref().unwrap_or_default())?);
    }
    let ways =
        [!new.secondary.is_empty(), new.secondary_count > 0, !new.prefixes.is_empty(), new.prefix_count > 0];
    exclusive(&ways, "secondaryPrivateIpAddressCount, privateIpAddresses, ipv4Prefixes and ipv4PrefixCount")
}

fn addresses6(input: &CreateNetworkInterfaceInput, new: &mut NewInterface) -> Result<(), Error> {
    for listed in input.ipv6_addresses.iter().flatten() {
        let text = listed.ipv6_address.as_deref();
        new.addresses6.push(parse6(text.ok_or_else(|| Error::missing("Ipv6Address"))?)?);
    }
    for listed in input.ipv6_prefixes.iter().flatten() {
        new.prefixes6.push(parse_prefix6(listed.ipv6_prefix.as_deref().unwrap_or_default())?);
    }
    new.count6 = match input.ipv6_address_count {
        None if new.addresses6.is_empty() => None,
        given => Some(count(given, "ipv6AddressCount")?),
    };
    new.prefix6_count = count(input.ipv6_prefix_count, "ipv6PrefixCount")?;
    new.primary6 = input.enable_primary_ipv6 == Some(true);
    let ways = [
        !new.addresses6.is_empty(),
        new.count6.is_some_and(|count| count > 0),
        !new.prefixes6.is_empty(),
        new.prefix6_count > 0,
    ];
    exclusive(&ways, "ipv6AddressCount, ipv6Addresses, ipv6Prefixes and ipv6PrefixCount")
}

/// Refuses more than one way of asking for the same thing.
pub fn exclusive(ways: &[bool], names: &str) -> Result<(), Error> {
    match ways.iter().filter(|way| **way).count() > 1 {
        true => {
            let message = format!("Only one of {names} can be specified.");
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        false => Ok(()),
    }
}

pub fn count(given: Option<i32>, parameter: &str) -> Result<usize, Error> {
    let count = usize::try_from(given.unwrap_or_default());
    match count {
        Ok(count) if count <= ADDRESSES_OF_AN_INTERFACE_MAX => Ok(count),
        _ => Err(Error::invalid_value(given.unwrap_or_default(), parameter, "")),
    }
}

/// Timeouts of tracked connections, each within its bounds ("Connection tracking timeouts").
pub fn tracking(
    asked: &ConnectionTrackingSpecificationRequest,
) -> Result<ConnectionTrackingConfiguration, Error> {
    for (given, name, bounds) in [
        (asked.tcp_established_timeout, "TcpEstablishedTimeout", 60..=432_000),
        (asked.udp_stream_timeout, "UdpStreamTimeout", 60..=180),
        (asked.udp_timeout, "UdpTimeout", 30..=60),
    ] {
        if given.is_some_and(|seconds| !bounds.contains(&seconds)) {
            let message = format!("{name} must be from {} to {} seconds", bounds.start(), bounds.end());
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    Ok(ConnectionTrackingConfiguration {
        tcp_established_timeout: asked.tcp_established_timeout,
        udp_stream_timeout: asked.udp_stream_timeout,
        udp_timeout: asked.udp_timeout,
    })
}
