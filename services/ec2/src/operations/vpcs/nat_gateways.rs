//! NAT gateways: an interface in a subnet, whose address others of the VPC go out by.
//!
//! They take a while to come and to go, and are shown for an hour after they are gone. One with a public address in a
//! VPC without an internet gateway fails, and says so only when it is looked at.

use std::net::Ipv4Addr;

use base::Ids;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::lookups;
use super::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, NAT_GATEWAY_LIMIT_EXCEEDED,
    RESOURCE_ALREADY_ASSOCIATED, UNSUPPORTED_OPERATION,
};
use crate::kind::NAT_GATEWAY;
use crate::limits::{NAT_CHANGE_TIME, NAT_DELETED_SHOWN_TIME, NAT_GATEWAYS_OF_ZONE_MAX};
use crate::model::tags::{self, Tags};
use crate::operations::elastic_ips;
use crate::operations::interfaces::make::{self, NewInterface};
use crate::operations::tags::of_new;
use crate::records::addresses::ElasticIpRecord;
use crate::records::gateways::{InternetGatewayRecord, NatGatewayRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::usage::Meter;
use crate::records::vpcs::SubnetRecord;
use crate::records::{Place, Resource, usage};
use crate::resources::{self, Wanted};

/// Who has put the interface there.
const REQUESTER: &str = "amazon-nat";

fn shown(record: NatGatewayRecord, tags: &Tags) -> NatGateway {
    NatGateway { tags: Some(tags::shown(tags)), ..record.gateway.0 }
}

pub async fn create_nat_gateway(
    ec2: &Ec2,
    call: &Call,
    input: CreateNatGatewayInput,
) -> Result<CreateNatGatewayOutput, Error> {
    let tags = &of_new(ec2, call, "CreateNatGateway", input.tag_specifications.as_deref(), &NAT_GATEWAY, &[])
        .await?;
    if input.availability_mode == Some(AvailabilityMode::Regional) || input.vpc_id.is_some() {
        let message = "Regional NAT gateways are not supported; name a subnet.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let is_public = input.connectivity_type != Some(ConnectivityType::Private);
    check(&input, is_public)?;
    let told = CreateNatGatewayInput { client_token: None, ..input.clone() };
    let token = &Token::new("ec2.CreateNatGateway", input.client_token.as_deref(), &told);
    let (place, seed, input) = (call.scope(), ec2.ids.number(), &input);
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<NatGatewayRecord>(&tx, &place, &id).await;
        }
        let id = NAT_GATEWAY.new_id(&Ids::seeded(seed));
        if let Some(made) = lookups::made::<NatGatewayRecord>(&tx, &place, &id).await? {
            return Ok(made);
        }
        let record = make_gateway(ec2, &tx, call, &id, input, is_public).await?;
        resources::create(&tx, &place, &record, tags).await?;
        token.remember(&tx, call, &id).await?;
        Ok::<_, Error>(record)
    });
    let nat_gateway = Some(shown(made.await?, tags));
    ec2.networks.nudge();
    Ok(CreateNatGatewayOutput { client_token: token.shown(), nat_gateway })
}

fn check(input: &CreateNatGatewayInput, is_public: bool) -> Result<(), Error> {
    if input.subnet_id.is_none() {
        return Err(Error::missing("subnetId"));
    }
    let has_elastic = input.allocation_id.is_some() || input.secondary_allocation_ids.is_some();
    match is_public {
        true if input.allocation_id.is_none() => return Err(Error::missing("allocationId")),
        false if has_elastic => {
            let message = "AllocationId cannot be specified for a private NAT gateway";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        _ => {}
    }
    if is_public && input.secondary_private_ip_address_count.is_some() {
        let message = "SecondaryPrivateIpAddressCount can only be specified for a private NAT gateway";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if input.secondary_private_ip_address_count.is_some() && input.secondary_private_ip_addresses.is_some() {
        let message =
            "SecondaryPrivateIpAddressCount and SecondaryPrivateIpAddresses cannot be specified together";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(())
}

pub fn address(text: &str) -> Result<Ipv4Addr, Error> {
    text.parse()
        .map_err(|_| Error::invalid_value(text, "privateIpAddress", "This is not a valid IPv4 address."))
}

async fn make_gateway(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    id: &str,
    input: &CreateNatGatewayInput,
    is_public: bool,
) -> Result<NatGatewayRecord, Error> {
    let place = call.scope();
    let subnet: SubnetRecord =
        resources::get(tx, &place, input.subnet_id.as_deref().unwrap_or_default()).await?;
    within_quota(tx, &place, &subnet).await?;
    let secondary = input.secondary_private_ip_addresses.iter().flatten();
    let elastic: Vec<&String> =
        input.allocation_id.iter().chain(input.secondary_allocation_ids.iter().flatten()).collect();
    let named: Vec<Ipv4Addr> = secondary.map(|text| address(text)).collect::<Result<_, _>>()?;
    let asked = input.secondary_private_ip_address_count.and_then(|count| usize::try_from(count).ok());
    let count = match is_public {
        true => elastic.len().saturating_sub(1 + named.len()),
        false => asked.unwrap_or_default(),
    };
    let new = NewInterface {
        primary: input.private_ip_address.as_deref().map(address).transpose()?,
        secondary: named,
        secondary_count: count,
        description: format!("Interface for NAT Gateway {id}"),
        kind: NetworkInterfaceType::NatGateway,
        source_dest_check: false,
        managed_by: Some(REQUESTER.to_owned()),
        count6: Some(0),
        ..NewInterface::in_subnet(subnet.id())
    };
    let mut interface = make::make(ec2, tx, call, &new).await?;
    interface.interface.0.groups = Some(Vec::new());
    interface.interface.0.status = Some(NetworkInterfaceStatus::InUse);
    resources::put(tx, &place, &interface).await?;
    let mut addresses = Vec::new();
    for (index, private) in interface.addresses().into_iter().enumerate() {
        let primary = index == 0;
        let allocation = elastic.get(index).map(|id| id.as_str());
        addresses.push(take_elastic(ec2, tx, &place, &mut interface, private, allocation, primary).await?);
    }
    Ok(NatGatewayRecord {
        gateway: Kept(NatGateway {
            create_time: Some(call.now),
            nat_gateway_addresses: Some(addresses),
            nat_gateway_id: Some(id.to_owned()),
            state: Some(NatGatewayState::Pending),
            subnet_id: Some(subnet.id().to_owned()),
            vpc_id: Some(subnet.vpc().to_owned()),
            connectivity_type: Some(if is_public {
                ConnectivityType::Public
            } else {
                ConnectivityType::Private
            }),
            availability_mode: Some(AvailabilityMode::Zonal),
            ..NatGateway::default()
        }),
        changes: Some(call.now + NAT_CHANGE_TIME),
    })
}

async fn within_quota(tx: &Tx, place: &Place, subnet: &SubnetRecord) -> Result<(), Error> {
    let mut in_zone = 0;
    for gateway in resources::all::<NatGatewayRecord>(tx, place).await? {
        let of = lookups::made::<SubnetRecord>(tx, place, gateway.subnet()).await?;
        let same = of.is_some_and(|of| of.zone() == subnet.zone());
        in_zone += usize::from(gateway.lives() && same);
    }
    match in_zone < NAT_GATEWAYS_OF_ZONE_MAX {
        true => Ok(()),
        false => {
            let message = format!(
                "Performing this operation would exceed the limit of {NAT_GATEWAYS_OF_ZONE_MAX} NAT gateways"
            );
            Err(Error::new(&NAT_GATEWAY_LIMIT_EXCEEDED, message))
        }
    }
}

/// One of the gateway's addresses, with the Elastic IP that stands for it.
pub async fn take_elastic(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    interface: &mut InterfaceRecord,
    private: Ipv4Addr,
    allocation: Option<&str>,
    is_primary: bool,
) -> Result<NatGatewayAddress, Error> {
    let mut address = NatGatewayAddress {
        network_interface_id: Some(interface.id().to_owned()),
        private_ip: Some(private.to_string()),
        is_primary: Some(is_primary),
        status: Some(NatGatewayAddressStatus::Succeeded),
        ..NatGatewayAddress::default()
    };
    if let Some(id) = allocation {
        let mut elastic: ElasticIpRecord = resources::get(tx, place, id).await?;
        if elastic.address.association_id.is_some() {
            let message = format!("Elastic IP address [{id}] is already associated");
            return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
        }
        let association = elastic_ips::bind(ec2, tx, place, &mut elastic, interface, private).await?;
        address.allocation_id = Some(id.to_owned());
        address.association_id = Some(association);
        address.public_ip = elastic.address.public_ip.clone();
    }
    Ok(address)
}

/// Lets gateways whose time has come change their state.
pub async fn settle(ec2: &Ec2, call: &Call) -> Result<(), Error> {
    let (place, now) = (call.scope(), call.now);
    let is_due = move |record: &NatGatewayRecord| record.changes.is_some_and(|at| at <= now);
    let all =
        ec2.store.read(|tx| async move { resources::all::<NatGatewayRecord>(&tx, &place).await }).await?;
    if !all.iter().any(is_due) {
        return Ok(());
    }
    ec2.store
        .transact(|tx| async move {
            for mut record in resources::all::<NatGatewayRecord>(&tx, &place).await? {
                if is_due(&record) {
                    change(&tx, call, &mut record).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await?;
    ec2.networks.nudge();
    Ok(())
}

async fn change(tx: &Tx, call: &Call, record: &mut NatGatewayRecord) -> Result<(), Error> {
    let place = call.scope();
    let (state, next) = match record.gateway.state {
        Some(NatGatewayState::Pending) => {
            let vpc = record.vpc().to_owned();
            let is_public = record.gateway.connectivity_type == Some(ConnectivityType::Public);
            let open =
                lookups::having::<InternetGatewayRecord>(tx, &place, "attachment.vpc-id", &vpc).await?;
            if is_public && open.is_empty() {
                record.gateway.0.failure_code = Some("Gateway.NotAttached".to_owned());
                record.gateway.0.failure_message =
                    Some(format!("Network {vpc} has no Internet gateway attached"));
                let_go(tx, &place, record).await?;
                (NatGatewayState::Failed, Some(call.now + NAT_DELETED_SHOWN_TIME))
            } else {
                usage::meter(tx, &place, (record.id(), ""), Meter::NatGateway, 1, call.now).await?;
                (NatGatewayState::Available, None)
            }
        }
        Some(NatGatewayState::Deleting) => {
            (NatGatewayState::Deleted, Some(call.now + NAT_DELETED_SHOWN_TIME))
        }
        _ => return resources::remove::<NatGatewayRecord>(tx, &place, record.id()).await,
    };
    record.gateway.0.state = Some(state);
    record.changes = next;
    resources::put(tx, &place, record).await
}

/// Takes away the interface of a gateway; its Elastic IPs are the account's to use elsewhere.
async fn let_go(tx: &Tx, place: &Place, record: &NatGatewayRecord) -> Result<(), Error> {
    let primary = record.addresses().iter().find_map(|address| address.network_interface_id.clone());
    if let Some(id) = primary
        && let Some(interface) = lookups::made::<InterfaceRecord>(tx, place, &id).await?
    {
        make::discard(tx, place, &interface).await?;
    }
    Ok(())
}

pub async fn delete_nat_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNatGatewayInput,
) -> Result<DeleteNatGatewayOutput, Error> {
    let (place, id) = (call.scope(), input.nat_gateway_id.as_str());
    settle(ec2, call).await?;
    ec2.store
        .transact(|tx| async move {
            let mut record: NatGatewayRecord = resources::get(&tx, &place, id).await?;
            if !record.lives() {
                return Ok(());
            }
            let_go(&tx, &place, &record).await?;
            usage::meter(&tx, &place, (id, ""), Meter::NatGateway, 0, call.now).await?;
            record.gateway.0.state = Some(NatGatewayState::Deleting);
            record.gateway.0.delete_time = Some(call.now);
            record.changes = Some(call.now + NAT_CHANGE_TIME);
            resources::put(&tx, &place, &record).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DeleteNatGatewayOutput { nat_gateway_id: Some(input.nat_gateway_id) })
}

pub async fn describe_nat_gateways(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNatGatewaysInput,
) -> Result<DescribeNatGatewaysOutput, Error> {
    settle(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeNatGateways",
        ids: input.nat_gateway_ids,
        filters: input.filter,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<NatGatewayRecord>(ec2, call, wanted).await?;
    let gateways = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeNatGatewaysOutput { nat_gateways: Some(gateways), next_token: page.next_token })
}

/// A gateway that is there, of the one kind or the other.
pub async fn living(
    tx: &Tx,
    place: &Place,
    id: &str,
    kind: ConnectivityType,
) -> Result<NatGatewayRecord, Error> {
    let record: NatGatewayRecord = resources::get(tx, place, id).await?;
    if !record.lives() {
        return Err(NAT_GATEWAY.missing(id));
    }
    match record.gateway.connectivity_type.as_ref() == Some(&kind) {
        true => Ok(record),
        false => {
            let message = format!("This operation is only supported on {kind} NAT gateways.");
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
    }
}
