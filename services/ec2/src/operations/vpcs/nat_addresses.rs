//! Further addresses of NAT gateways: Elastic IPs of public ones, private addresses of private ones.

use std::net::Ipv4Addr;

use ec2_api::*;
use service::Call;
use store::Tx;

use super::nat_gateways::{address, living, take_elastic};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_ASSOCIATION_ID_NOT_FOUND, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    NAT_GATEWAY_LIMIT_EXCEEDED,
};
use crate::limits::NAT_ADDRESSES_MAX;
use crate::operations::interfaces::make::{self, Names};
use crate::operations::{addresses, elastic_ips};
use crate::records::addresses::ElasticIpRecord;
use crate::records::gateways::NatGatewayRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

pub async fn associate_nat_gateway_address(
    ec2: &Ec2,
    call: &Call,
    input: AssociateNatGatewayAddressInput,
) -> Result<AssociateNatGatewayAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let named = input.private_ip_addresses.iter().flatten();
    let named: Vec<Ipv4Addr> = named.map(|text| address(text)).collect::<Result<_, _>>()?;
    if !named.is_empty() && named.len() != input.allocation_ids.len() {
        let message = "There must be as many private IP addresses as allocation IDs";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let named = &named;
    let added = ec2.store.transact(|tx| async move {
        let mut record = living(&tx, &place, &input.nat_gateway_id, ConnectivityType::Public).await?;
        let mut added = Vec::new();
        for (index, id) in input.allocation_ids.iter().enumerate() {
            let mut interface = add(ec2, &tx, &place, &record, named.get(index).copied()).await?;
            let private = interface.addresses().pop().expect("one was added just now");
            added.push(take_elastic(ec2, &tx, &place, &mut interface, private, Some(id), false).await?);
        }
        extend(&tx, &place, &mut record, &added).await?;
        Ok::<_, Error>(added)
    });
    let added = added.await?;
    ec2.networks.nudge();
    let associating = |one: NatGatewayAddress| NatGatewayAddress {
        status: Some(NatGatewayAddressStatus::Associating),
        ..one
    };
    Ok(AssociateNatGatewayAddressOutput {
        nat_gateway_id: Some(input.nat_gateway_id.clone()),
        nat_gateway_addresses: Some(added.into_iter().map(associating).collect()),
    })
}

/// Gives the gateway's interface another address.
async fn add(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    record: &NatGatewayRecord,
    wanted: Option<Ipv4Addr>,
) -> Result<InterfaceRecord, Error> {
    let mut interface = interface_of(tx, place, record).await?;
    let subnet: SubnetRecord = resources::get(tx, place, record.subnet()).await?;
    let vpc: VpcRecord = resources::get(tx, place, record.vpc()).await?;
    let taken = addresses::take(&ec2.ids, tx, place, &subnet, wanted, interface.id()).await?;
    make::add4(&mut interface, taken, false, Names { vpc_names: vpc.dns_hostnames, region: place.1 })?;
    resources::put(tx, place, &interface).await?;
    Ok(interface)
}

async fn interface_of(tx: &Tx, place: &Place, record: &NatGatewayRecord) -> Result<InterfaceRecord, Error> {
    let id = record.addresses().first().and_then(|address| address.network_interface_id.as_deref());
    resources::get(tx, place, id.unwrap_or_default()).await
}

async fn extend(
    tx: &Tx,
    place: &Place,
    record: &mut NatGatewayRecord,
    added: &[NatGatewayAddress],
) -> Result<(), Error> {
    let all = record.gateway.0.nat_gateway_addresses.get_or_insert_default();
    all.extend_from_slice(added);
    if all.len() > NAT_ADDRESSES_MAX {
        let message = format!("A NAT gateway has at most {NAT_ADDRESSES_MAX} addresses");
        return Err(Error::new(&NAT_GATEWAY_LIMIT_EXCEEDED, message));
    }
    resources::put(tx, place, record).await
}

pub async fn disassociate_nat_gateway_address(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateNatGatewayAddressInput,
) -> Result<DisassociateNatGatewayAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let gone = ec2.store.transact(|tx| async move {
        let mut record = living(&tx, &place, &input.nat_gateway_id, ConnectivityType::Public).await?;
        let mut gone = Vec::new();
        for id in &input.association_ids {
            let is_it = |one: &NatGatewayAddress| one.association_id.as_ref() == Some(id);
            gone.push(drop_address(&tx, &place, &mut record, is_it, id).await?);
        }
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(gone)
    });
    let gone = gone.await?;
    ec2.networks.nudge();
    let disassociating = |one: NatGatewayAddress| NatGatewayAddress {
        status: Some(NatGatewayAddressStatus::Disassociating),
        ..one
    };
    Ok(DisassociateNatGatewayAddressOutput {
        nat_gateway_id: Some(input.nat_gateway_id.clone()),
        nat_gateway_addresses: Some(gone.into_iter().map(disassociating).collect()),
    })
}

/// Takes one address from the gateway and its interface. The primary one stays for as long as the gateway does.
async fn drop_address(
    tx: &Tx,
    place: &Place,
    record: &mut NatGatewayRecord,
    is_it: impl Fn(&NatGatewayAddress) -> bool,
    named: &str,
) -> Result<NatGatewayAddress, Error> {
    let all = record.gateway.0.nat_gateway_addresses.get_or_insert_default();
    let Some(at) = all.iter().position(is_it) else {
        let message = format!("The association ID '{named}' does not exist");
        return Err(Error::new(&INVALID_ASSOCIATION_ID_NOT_FOUND, message));
    };
    if all[at].is_primary == Some(true) {
        let message = format!("The primary address ({named}) of a NAT gateway cannot be taken from it");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let gone = all.remove(at);
    if let Some(id) = &gone.allocation_id {
        let mut elastic: ElasticIpRecord = resources::get(tx, place, id).await?;
        elastic_ips::unbind(tx, place, &mut elastic).await?;
    }
    let mut interface = interface_of(tx, place, record).await?;
    let listed = interface.interface.0.private_ip_addresses.get_or_insert_default();
    listed.retain(|one| one.private_ip_address != gone.private_ip);
    resources::put(tx, place, &interface).await?;
    if let Some(address) = gone.private_ip.as_deref().and_then(|text| text.parse().ok()) {
        addresses::give_back(tx, place, interface.subnet(), address).await?;
    }
    Ok(gone)
}

pub async fn assign_private_nat_gateway_address(
    ec2: &Ec2,
    call: &Call,
    input: AssignPrivateNatGatewayAddressInput,
) -> Result<AssignPrivateNatGatewayAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let named = input.private_ip_addresses.iter().flatten();
    let named: Vec<Option<Ipv4Addr>> = named.map(|text| address(text).map(Some)).collect::<Result<_, _>>()?;
    let wanted = match (named.is_empty(), input.private_ip_address_count) {
        (false, None) => named,
        (true, Some(count @ 1..)) => {
            vec![None; usize::try_from(count).unwrap_or(NAT_ADDRESSES_MAX).min(NAT_ADDRESSES_MAX)]
        }
        (true, _) => return Err(Error::missing("privateIpAddress")),
        (false, Some(_)) => {
            let message = "PrivateIpAddresses and PrivateIpAddressCount cannot be specified together";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
    };
    let wanted = &wanted;
    let added = ec2.store.transact(|tx| async move {
        let mut record = living(&tx, &place, &input.nat_gateway_id, ConnectivityType::Private).await?;
        let mut added = Vec::new();
        for wanted in wanted {
            let interface = add(ec2, &tx, &place, &record, *wanted).await?;
            added.push(NatGatewayAddress {
                network_interface_id: Some(interface.id().to_owned()),
                private_ip: interface.addresses().last().map(ToString::to_string),
                is_primary: Some(false),
                status: Some(NatGatewayAddressStatus::Succeeded),
                ..NatGatewayAddress::default()
            });
        }
        extend(&tx, &place, &mut record, &added).await?;
        Ok::<_, Error>(added)
    });
    let added = added.await?;
    ec2.networks.nudge();
    let assigning = |one: NatGatewayAddress| NatGatewayAddress {
        status: Some(NatGatewayAddressStatus::Assigning),
        ..one
    };
    Ok(AssignPrivateNatGatewayAddressOutput {
        nat_gateway_id: Some(input.nat_gateway_id.clone()),
        nat_gateway_addresses: Some(added.into_iter().map(assigning).collect()),
    })
}

pub async fn unassign_private_nat_gateway_address(
    ec2: &Ec2,
    call: &Call,
    input: UnassignPrivateNatGatewayAddressInput,
) -> Result<UnassignPrivateNatGatewayAddressOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let gone = ec2.store.transact(|tx| async move {
        let mut record = living(&tx, &place, &input.nat_gateway_id, ConnectivityType::Private).await?;
        let mut gone = Vec::new();
        for text in &input.private_ip_addresses {
            let is_it = |one: &NatGatewayAddress| one.private_ip.as_ref() == Some(text);
            gone.push(drop_address(&tx, &place, &mut record, is_it, text).await?);
        }
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(gone)
    });
    let gone = gone.await?;
    ec2.networks.nudge();
    let unassigning = |one: NatGatewayAddress| NatGatewayAddress {
        status: Some(NatGatewayAddressStatus::Unassigning),
        ..one
    };
    Ok(UnassignPrivateNatGatewayAddressOutput {
        nat_gateway_id: Some(input.nat_gateway_id.clone()),
        nat_gateway_addresses: Some(gone.into_iter().map(unassigning).collect()),
    })
}
