//! Where a launch's instances are, and their network cards.

use std::collections::BTreeMap;

use base::Timestamp;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::capacity;
use super::launch::bad_zone;
use super::resolve::DEFAULT_TYPE;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ATTACHMENT_LIMIT_EXCEEDED, INVALID_NETWORK_INTERFACE_IN_USE, INVALID_PARAMETER_COMBINATION,
    INVALID_PARAMETER_VALUE, INVALID_PLACEMENT_GROUP_UNKNOWN, MISSING_PARAMETER, UNSUPPORTED,
    VPC_NOT_SPECIFIED,
};
use crate::model::instances::wish::{self, Card};
use crate::model::tags::Tags;
use crate::model::vpcs::zones;
use crate::operations::interfaces::attachments::{self, Attaching};
use crate::operations::interfaces::{make, public};
use crate::operations::security_groups;
use crate::operations::vpcs::lookups;
use crate::operations::{addresses, placement_groups};
use crate::records::Resource;
use crate::records::instances::{InstanceRecord, PlaceRecord, VPC_PLACES};
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::SubnetRecord;
use crate::records::zones::down;
use crate::resources;

/// Where instances of one launch go.
pub struct Wired {
    pub cards: Vec<Card>,
    pub zone: String,
    pub zone_id: Option<String>,
    pub names: PrivateDnsNameOptionsResponse,
    /// Whether each gets a public address while it runs.
    pub lends: bool,
    /// How many instances the subnet has addresses for.
    pub room: usize,
    /// Something in it can be had once only.
    pub is_single: bool,
    /// Of placement: id and name.
    pub group: Option<(String, String)>,
}

pub async fn plan(ec2: &Ec2, tx: &Tx, call: &Call, input: &RunInstancesInput) -> Result<Wired, Error> {
    let place = call.scope();
    let zone = wanted_zone(call, input)?;
    let down = down(tx).await?;
    let subnet = subnet(ec2, tx, call, input, zone.as_deref(), &down).await?;
    if let Some(zone) = zone.filter(|zone| zone != subnet.zone()) {
        let message = format!(
            "Value ({zone}) for parameter availabilityZone is invalid. Subnet '{}' is in the availability zone {}",
            subnet.id(),
            subnet.zone()
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let instance_type = input.instance_type.as_deref().unwrap_or_default();
    capacity::for_launch(call.region, &down, subnet.zone(), instance_type)?;
    let groups = groups(tx, call, input, &subnet).await?;
    let cards = wish::cards(input, subnet.id(), groups)?;
    check_size(ec2, input, &cards)?;
    if subnet.is_native() {
        check_native(ec2, input, &subnet)?;
    }
    let is_single = cards.iter().any(|card| match card {
        Card::Existing { .. } => true,
        Card::New { interface, .. } => interface.primary.is_some() || !interface.secondary.is_empty(),
    });
    let room = match subnet.block() {
        Some(block) if !is_single => {
            let free = addresses::free(tx, &place, subnet.id(), block).await? as usize;
            free / addresses_each(&cards, subnet.id()).max(1)
        }
        _ => usize::MAX,
    };
    let asked = cards.first().and_then(|card| match card {
        Card::New { public, .. } => *public,
        Card::Existing { .. } => Some(false),
    });
    let by_subnet = subnet.subnet.map_public_ip_on_launch == Some(true) && cards.len() == 1;
    let group = match input.placement.as_ref() {
        Some(Placement { group_name, group_id, .. }) => {
            placement_groups::named(tx, &place, group_id.as_deref(), group_name.as_deref()).await?
        }
        None => None,
    };
    let room = match &group {
        Some((id, _)) => room.min(placement_groups::room(tx, &place, id, subnet.zone()).await?),
        None => room,
    };
    Ok(Wired {
        lends: asked.unwrap_or(by_subnet) && subnet.block().is_some(),
        zone: subnet.zone().to_owned(),
        zone_id: subnet.subnet.availability_zone_id.clone(),
        names: names(input, &subnet),
        cards,
        room,
        is_single,
        group,
    })
}

/// Types bound the number of cards and of their addresses ("Maximum IP addresses per network interface").
fn check_size(ec2: &Ec2, input: &RunInstancesInput, cards: &[Card]) -> Result<(), Error> {
    let name = input.instance_type.as_deref().unwrap_or(DEFAULT_TYPE);
    let most = ec2.types.interfaces_max(name);
    if cards.len() > most {
        let message = format!("Interface count {} exceeds the limit for {name}", cards.len());
        return Err(Error::new(&ATTACHMENT_LIMIT_EXCEEDED, message));
    }
    let count = |card: &Card| match card {
        Card::New { interface, .. } => {
            1 + interface.secondary.len()
                + interface.secondary_count
                + interface.prefixes.len()
                + interface.prefix_count
        }
        Card::Existing { .. } => 1,
    };
    let count6 = |card: &Card| match card {
        Card::New { interface, .. } => {
            interface.addresses6.len()
                + interface.count6.unwrap_or(0)
                + interface.prefixes6.len()
                + interface.prefix6_count
        }
        Card::Existing { .. } => 0,
    };
    let is_within = cards.iter().all(|card| {
        count(card) <= ec2.types.addresses_max(name) && count6(card) <= ec2.types.addresses6_max(name)
    });
    if is_within { Ok(()) } else { Err(attachments::too_many_addresses()) }
}

/// "You can launch only Nitro-based instances into IPv6 only subnets", which have no public IPv4 addresses.
fn check_native(ec2: &Ec2, input: &RunInstancesInput, subnet: &SubnetRecord) -> Result<(), Error> {
    let name = input.instance_type.as_deref().unwrap_or(DEFAULT_TYPE);
    if !ec2.types.is_nitro(name) {
        let message = format!(
            "The instance type {name} is not built on the Nitro System, as instances in the IPv6 only subnet '{}' \
             have to be.",
            subnet.id()
        );
        return Err(Error::new(&UNSUPPORTED, message));
    }
    let mut cards = input.network_interfaces.iter().flatten();
    if cards.any(|card| card.associate_public_ip_address == Some(true)) {
        let message = format!(
            "AssociatePublicIpAddress cannot be true: the subnet '{}' is an IPv6 only subnet.",
            subnet.id()
        );
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let names = input.private_dns_name_options.as_ref();
    if names.is_some_and(|names| names.hostname_type == Some(HostnameType::IpName)) {
        let message = format!(
            "The hostname type must be resource-name: the subnet '{}' is an IPv6 only subnet.",
            subnet.id()
        );
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(())
}

fn wanted_zone(call: &Call, input: &RunInstancesInput) -> Result<Option<String>, Error> {
    let Some(placement) = &input.placement else { return Ok(None) };
    let by_id = placement
        .availability_zone_id
        .as_deref()
        .map(|id| zones::name_of(call.region, id).ok_or_else(|| bad_zone(id)));
    let zone = match (&placement.availability_zone, by_id) {
        (Some(zone), _) => Some(zone.clone()),
        (None, Some(found)) => Some(found?),
        (None, None) => None,
    };
    match zone {
        Some(zone) if !zones::names(call.region).contains(&zone) => Err(bad_zone(&zone)),
        zone => Ok(zone),
    }
}

/// The subnet that is named, that of the first card, or the default one of a zone.
async fn subnet(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    input: &RunInstancesInput,
    zone: Option<&str>,
    down: &BTreeMap<String, Timestamp>,
) -> Result<SubnetRecord, Error> {
    let place = call.scope();
    let mut cards = input.network_interfaces.iter().flatten();
    let first = cards.find(|card| card.device_index.unwrap_or(0) == 0);
    if let Some(id) = first.and_then(|card| card.network_interface_id.as_deref()) {
        let card: InterfaceRecord = resources::get(tx, &place, id).await?;
        return resources::get(tx, &place, card.subnet()).await;
    }
    if let Some(id) = input.subnet_id.as_deref().or_else(|| first.and_then(|card| card.subnet_id.as_deref()))
    {
        return resources::get(tx, &place, id).await;
    }
    let vpc = lookups::default_vpc(tx, call).await?;
    let vpc = vpc.ok_or_else(|| Error::new(&VPC_NOT_SPECIFIED, "No default VPC for this user"))?;
    let mut all = lookups::in_vpc::<SubnetRecord>(tx, &place, vpc.id()).await?;
    all.retain(|subnet| {
        subnet.subnet.default_for_az == Some(true) && zone.is_none_or(|zone| zone == subnet.zone())
    });
    if all.is_empty() {
        let message = match zone {
            Some(zone) => format!("No default subnet for availability zone: '{zone}'."),
            None => format!("No subnets found for the default VPC '{}'. Please specify a subnet.", vpc.id()),
        };
        return Err(Error::new(&MISSING_PARAMETER, message));
    }
    if all.iter().any(|subnet| !down.contains_key(subnet.zone())) {
        all.retain(|subnet| !down.contains_key(subnet.zone()));
    }
    let chosen = ec2.ids.below(all.len() as u64) as usize;
    Ok(all.swap_remove(chosen))
}

/// The groups by their ids, and by their names in the default VPC; nothing for the VPC's default one.
async fn groups(
    tx: &Tx,
    call: &Call,
    input: &RunInstancesInput,
    subnet: &SubnetRecord,
) -> Result<Option<Vec<String>>, Error> {
    let mut ids = input.security_group_ids.clone().unwrap_or_default();
    let names = input.security_groups.clone().unwrap_or_default();
    if !names.is_empty() && input.subnet_id.is_some() {
        let message = "The parameter groupName cannot be used with the parameter subnet";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    for name in names {
        let found = security_groups::named(tx, &call.scope(), subnet.vpc(), &name).await?;
        ids.push(found.id().to_owned());
    }
    Ok((!ids.is_empty()).then_some(ids))
}

/// Addresses of one subnet that one instance takes.
fn addresses_each(cards: &[Card], subnet: &str) -> usize {
    let of = |card: &Card| match card {
        Card::New { interface, .. } if interface.subnet == subnet => 1 + interface.secondary_count,
        _ => 0,
    };
    cards.iter().map(of).sum()
}

fn names(input: &RunInstancesInput, subnet: &SubnetRecord) -> PrivateDnsNameOptionsResponse {
    let asked = input.private_dns_name_options.clone().unwrap_or_default();
    let of_subnet = subnet.subnet.private_dns_name_options_on_launch.clone().unwrap_or_default();
    PrivateDnsNameOptionsResponse {
        hostname_type: asked.hostname_type.or(of_subnet.hostname_type).or(Some(HostnameType::IpName)),
        enable_resource_name_dns_a_record: asked
            .enable_resource_name_dns_a_record
            .or(of_subnet.enable_resource_name_dns_a_record)
            .or(Some(false)),
        enable_resource_name_dns_aaaa_record: asked
            .enable_resource_name_dns_aaaa_record
            .or(of_subnet.enable_resource_name_dns_aaaa_record)
            .or(Some(false)),
    }
}

/// Makes the cards of one instance and attaches them.
pub async fn attach_all(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    wired: &Wired,
    instance: &str,
    tags: &Tags,
) -> Result<Vec<InterfaceRecord>, Error> {
    let place = call.scope();
    let mut cards = Vec::with_capacity(wired.cards.len());
    for card in &wired.cards {
        let (mut record, keep) = match card {
            Card::New { interface, keep, .. } => {
                let record = make::make(ec2, tx, call, interface).await?;
                resources::set_tags(tx, &place, record.id(), tags).await?;
                (record, *keep)
            }
            Card::Existing { id, .. } => (existing(tx, call, wired, id).await?, true),
        };
        let how = Attaching {
            instance: instance.to_owned(),
            device: card.index(),
            card: 0,
            delete_on_termination: !keep,
            now: call.now,
        };
        attachments::attach(&ec2.ids, tx, &place, &mut record, &how).await?;
        resources::put(tx, &place, &record).await?;
        if card.index() == 0 && wired.lends {
            public::lend(ec2, tx, &place, &mut record).await?;
        }
        VPC_PLACES.put(tx, &(), record.vpc(), &PlaceRecord::of(&place)).await?;
        cards.push(record);
    }
    Ok(cards)
}

async fn existing(tx: &Tx, call: &Call, wired: &Wired, id: &str) -> Result<InterfaceRecord, Error> {
    let record: InterfaceRecord = resources::get(tx, &call.scope(), id).await?;
    if record.interface.attachment.is_some() {
        let message = format!("Interface: [{id}] in use.");
        return Err(Error::new(&INVALID_NETWORK_INTERFACE_IN_USE, message));
    }
    if record.interface.availability_zone.as_ref() != Some(&wired.zone) {
        let message = format!(
            "You may not attach a network interface to an instance if they are not in the same availability zone: {id}"
        );
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(record)
}

/// An instance that had a public address from its subnet's setting gets another when it starts again.
pub async fn lend_again(ec2: &Ec2, tx: &Tx, call: &Call, record: &InstanceRecord) -> Result<(), Error> {
    if !record.lends {
        return Ok(());
    }
    let cards = super::interfaces_of(tx, &call.scope(), &record.id).await?;
    match cards.into_iter().next() {
        Some(mut primary) => public::lend(ec2, tx, &call.scope(), &mut primary).await,
        None => Ok(()),
    }
}

/// For a placement group that is not there.
pub fn unknown_group(name: &str) -> Error {
    Error::new(&INVALID_PLACEMENT_GROUP_UNKNOWN, format!("The placement group '{name}' is unknown."))
}
