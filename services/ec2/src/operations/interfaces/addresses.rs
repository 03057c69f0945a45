//! Secondary private IPv4 addresses and prefixes of interfaces.

use std::net::Ipv4Addr;

use base::Arn;
use ec2_api::*;
use ipnet::Ipv4Net;
use service::Call;
use store::Tx;

use super::attachments::check_addresses;
use super::create::{count, exclusive};
use super::make::{Names, add_prefix, add4};
use super::public;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_IP_IN_USE, INVALID_PARAMETER_VALUE, MISSING_PARAMETER};
use crate::kind::NETWORK_INTERFACE;
use crate::model::addresses::{key, parse, parse_prefix};
use crate::operations::addresses;
use crate::records::addresses::TAKEN;
use crate::records::instances::InstanceRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

pub fn by_assign(_: &Ec2, call: &Call, input: &AssignPrivateIpAddressesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

pub fn by_unassign(_: &Ec2, call: &Call, input: &UnassignPrivateIpAddressesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![NETWORK_INTERFACE.arn(call, &input.network_interface_id)])
}

struct Asked {
    addresses: Vec<Option<Ipv4Addr>>,
    prefixes: Vec<Option<Ipv4Net>>,
    reassign: bool,
}

pub async fn assign_private_ip_addresses(
    ec2: &Ec2,
    call: &Call,
    input: AssignPrivateIpAddressesInput,
) -> Result<AssignPrivateIpAddressesOutput, Error> {
    let asked = &asked(&input)?;
    let (place, id) = (call.scope(), &input.network_interface_id);
    let done = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, id).await?;
        let subnet: SubnetRecord = resources::get(&tx, &place, record.subnet()).await?;
        let vpc: VpcRecord = resources::get(&tx, &place, record.vpc()).await?;
        let names = Names { vpc_names: vpc.dns_hostnames, region: call.region };
        let (mut assigned, mut prefixes) = (Vec::new(), Vec::new());
        for wanted in &asked.addresses {
            if let Some(address) = wanted {
                if record.addresses().contains(address) {
                    continue;
                }
                make_way(&tx, &place, &record, *address, asked.reassign).await?;
            }
            let address = addresses::take(&ec2.ids, &tx, &place, &subnet, *wanted, id).await?;
            add4(&mut record, address, false, names)?;
            assigned.push(AssignedPrivateIpAddress { private_ip_address: Some(address.to_string()) });
        }
        for wanted in &asked.prefixes {
            let prefix = addresses::take_prefix(&tx, &place, &subnet, *wanted, id).await?;
            add_prefix(&mut record, prefix);
            prefixes.push(Ipv4PrefixSpecification { ipv4_prefix: Some(prefix.to_string()) });
        }
        if let Some(instance) = record.instance() {
            let instance: InstanceRecord = resources::get(&tx, &place, instance).await?;
            check_addresses(&ec2.types, &record, &instance)?;
        }
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>((assigned, prefixes))
    });
    let (assigned, prefixes) = done.await?;
    ec2.networks.nudge();
    Ok(AssignPrivateIpAddressesOutput {
        network_interface_id: Some(input.network_interface_id),
        assigned_private_ip_addresses: Some(assigned),
        assigned_ipv4_prefixes: Some(prefixes),
    })
}

fn asked(input: &AssignPrivateIpAddressesInput) -> Result<Asked, Error> {
    let number = count(input.secondary_private_ip_address_count, "secondaryPrivateIpAddressCount")?;
    let prefix_number = count(input.ipv4_prefix_count, "ipv4PrefixCount")?;
    let mut addresses = Vec::new();
    for text in input.private_ip_addresses.iter().flatten() {
        addresses.push(Some(parse(text)?));
    }
    let mut prefixes = Vec::new();
    for text in input.ipv4_prefixes.iter().flatten() {
        prefixes.push(Some(parse_prefix(text)?));
    }
    let ways = [!addresses.is_empty(), number > 0, !prefixes.is_empty(), prefix_number > 0];
    let names = "privateIpAddresses, secondaryPrivateIpAddressCount, ipv4Prefixes and ipv4PrefixCount";
    exclusive(&ways, names)?;
    if !ways.contains(&true) {
        let message = format!("One of {names} must be specified.");
        return Err(Error::new(&MISSING_PARAMETER, message));
    }
    addresses.extend((0..number).map(|_| None));
    prefixes.extend((0..prefix_number).map(|_| None));
    Ok(Asked { addresses, prefixes, reassign: input.allow_reassignment == Some(true) })
}

/// An address that another interface of the subnet has as a secondary one moves, if that is allowed.
async fn make_way(
    tx: &Tx,
    place: &Place,
    to: &InterfaceRecord,
    address: Ipv4Addr,
    reassign: bool,
) -> Result<(), Error> {
    let Some(taken) = TAKEN.get(tx, place, &key(to.subnet(), address)).await? else { return Ok(()) };
    let in_use = || Error::new(&INVALID_IP_IN_USE, format!("Address {address} is in use."));
    if !reassign {
        return Err(in_use());
    }
    let mut holder = InterfaceRecord::TABLE.get(tx, place, &taken.by).await?.ok_or_else(in_use)?;
    if holder.addresses().first() == Some(&address) {
        return Err(in_use());
    }
    drop_address(tx, place, &mut holder, address).await?;
    resources::put(tx, place, &holder).await
}

/// Takes a secondary address from an interface, and the Elastic IP that stood for it.
async fn drop_address(
    tx: &Tx,
    place: &Place,
    record: &mut InterfaceRecord,
    address: Ipv4Addr,
) -> Result<(), Error> {
    if let Some((_, public)) = record.public().iter().find(|(private, _)| *private == address) {
        public::let_go(tx, place, *public).await?;
    }
    let text = address.to_string();
    let listed = record.interface.0.private_ip_addresses.get_or_insert_default();
    listed.retain(|known| known.private_ip_address.as_deref() != Some(&text));
    addresses::give_back(tx, place, record.subnet(), address).await
}

pub async fn unassign_private_ip_addresses(
    ec2: &Ec2,
    call: &Call,
    input: UnassignPrivateIpAddressesInput,
) -> Result<UnassignPrivateIpAddressesOutput, Error> {
    let mut addresses = Vec::new();
    for text in input.private_ip_addresses.iter().flatten() {
        addresses.push(parse(text)?);
    }
    let mut prefixes = Vec::new();
    for text in input.ipv4_prefixes.iter().flatten() {
        prefixes.push(parse_prefix(text)?);
    }
    if addresses.is_empty() && prefixes.is_empty() {
        return Err(Error::missing("privateIpAddresses"));
    }
    let (place, id, addresses, prefixes) = (call.scope(), &input.network_interface_id, &addresses, &prefixes);
    let done = ec2.store.transact(|tx| async move {
        let mut record: InterfaceRecord = resources::get(&tx, &place, id).await?;
        for address in addresses {
            let known = record.addresses();
            if !known.contains(address) || known.first() == Some(address) {
                let message =
                    format!("Some of the specified addresses are not assigned to interface {}", record.id());
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            drop_address(&tx, &place, &mut record, *address).await?;
        }
        for prefix in prefixes {
            if !record.prefixes().contains(prefix) {
                let message =
                    format!("Some of the specified prefixes are not assigned to interface {}", record.id());
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            let text = prefix.to_string();
            let listed = record.interface.0.ipv4_prefixes.get_or_insert_default();
            listed.retain(|known| known.ipv4_prefix.as_deref() != Some(&text));
            crate::operations::addresses::give_back_prefix(&tx, &place, record.subnet(), *prefix).await?;
        }
        resources::put(&tx, &place, &record).await
    });
    done.await?;
    ec2.networks.nudge();
    Ok(UnassignPrivateIpAddressesOutput {})
}
