//! Routes of a table, and whether they lead anywhere.

use ec2_api::*;
use ipnet::IpNet;
use service::Call;
use store::Tx;

use super::{lookups, propagations};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_GATEWAY_ID_NOT_FOUND, INVALID_PARAMETER_VALUE, INVALID_PREFIX_LIST_ID_NOT_FOUND,
};
use crate::model::vpcs::routes::{self as rules, Destination, Target};
use crate::records::gateways::{EgressOnlyGatewayRecord, InternetGatewayRecord, NatGatewayRecord};
use crate::records::interfaces::InterfaceRecord;
use crate::records::peerings::PeeringRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::transit::TransitAttachmentRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::vpn::VpnGatewayRecord;
use crate::records::{Place, Resource};
use crate::resources;

pub async fn create_route(
    ec2: &Ec2,
    call: &Call,
    input: CreateRouteInput,
) -> Result<CreateRouteOutput, Error> {
    let destination = &Destination::parse(
        input.destination_cidr_block.as_deref(),
        input.destination_ipv6_cidr_block.as_deref(),
        input.destination_prefix_list_id.as_deref(),
    )?;
    let target = &Target::of_create(&input)?;
    change(ec2, call, &input.route_table_id, destination, target, |record| {
        rules::create(record.routes_mut(), destination, target)
    })
    .await?;
    Ok(CreateRouteOutput { r#return: Some(true) })
}

pub async fn replace_route(
    ec2: &Ec2,
    call: &Call,
    input: ReplaceRouteInput,
) -> Result<ReplaceRouteOutput, Error> {
    let destination = &Destination::parse(
        input.destination_cidr_block.as_deref(),
        input.destination_ipv6_cidr_block.as_deref(),
        input.destination_prefix_list_id.as_deref(),
    )?;
    let target = &Target::of_replace(&input)?;
    change(ec2, call, &input.route_table_id, destination, target, |record| {
        rules::replace(record.routes_mut(), destination, target)
    })
    .await?;
    Ok(ReplaceRouteOutput {})
}

async fn change(
    ec2: &Ec2,
    call: &Call,
    table: &str,
    destination: &Destination,
    target: &Target,
    rule: impl Fn(&mut RouteTableRecord) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let (place, rule) = (call.scope(), &rule);
    ec2.store
        .transact(|tx| async move {
            let mut record: RouteTableRecord = resources::get(&tx, &place, table).await?;
            if let Destination::List(id) = destination
                && !super::prefix_lists::is_there(&tx, call, id).await?
            {
                let message = format!("The prefix list ID '{id}' does not exist");
                return Err(Error::new(&INVALID_PREFIX_LIST_ID_NOT_FOUND, message));
            }
            check_target(&tx, &place, &record, target).await?;
            if record.associations().iter().any(|association| association.gateway_id.is_some()) {
                let blocks = blocks_of(&tx, &place, record.vpc()).await?;
                rules::check_for_gateway(destination, target, &blocks, table)?;
            }
            rule(&mut record)?;
            write_interface(&tx, &place, &mut record, destination).await?;
            resources::put(&tx, &place, &record).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(())
}

/// The blocks of a VPC and of its subnets: the destinations of a gateway's table.
pub async fn blocks_of(tx: &Tx, place: &Place, vpc: &str) -> Result<Vec<IpNet>, Error> {
    let record: VpcRecord = resources::get(tx, place, vpc).await?;
    let subnets = lookups::in_vpc::<SubnetRecord>(tx, place, vpc).await?;
    let four = record.blocks().into_iter().chain(subnets.iter().filter_map(SubnetRecord::block));
    let six = record.blocks6().into_iter().chain(subnets.iter().filter_map(SubnetRecord::block6));
    Ok(four.map(IpNet::from).chain(six.map(IpNet::from)).collect())
}

/// Refuses targets that are not there or not in the table's VPC.
async fn check_target(
    tx: &Tx,
    place: &Place,
    table: &RouteTableRecord,
    target: &Target,
) -> Result<(), Error> {
    let other = |noun: &str, id: &str| {
        let message = format!("route table {} and {noun} {id} belong to different networks", table.id());
        Error::new(&INVALID_PARAMETER_VALUE, message)
    };
    match target {
        Target::InternetGateway(id) => {
            let found = lookups::made::<InternetGatewayRecord>(tx, place, id).await?;
            let missing =
                || Error::new(&INVALID_GATEWAY_ID_NOT_FOUND, format!("The gateway ID '{id}' does not exist"));
            let gateway = found.ok_or_else(missing)?;
            if gateway.vpc() != Some(table.vpc()) {
                return Err(other("network gateway", id));
            }
        }
        Target::EgressOnlyGateway(id) => {
            let gateway: EgressOnlyGatewayRecord = resources::get(tx, place, id).await?;
            if gateway.vpc() != Some(table.vpc()) {
                return Err(other("egress-only internet gateway", id));
            }
        }
        Target::NatGateway(id) => {
            let gateway: NatGatewayRecord = resources::get(tx, place, id).await?;
            if gateway.vpc() != table.vpc() {
                return Err(other("NAT gateway", id));
            }
        }
        Target::Interface(id) => {
            let interface: InterfaceRecord = resources::get(tx, place, id).await?;
            if interface.vpc() != table.vpc() {
                return Err(other("interface", id));
            }
        }
        Target::Instance(id) => {
            let all = lookups::having::<InterfaceRecord>(tx, place, "attachment.instance-id", id).await?;
            match all.as_slice() {
                [one] if one.vpc() == table.vpc() => {}
                [_] => return Err(other("instance", id)),
                [] => {
                    let message = format!("The instance ID '{id}' does not exist");
                    return Err(Error::new(&crate::error::codes::INVALID_INSTANCE_ID_NOT_FOUND, message));
                }
                _ => {
                    let message = format!(
                        "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead."
                    );
                    return Err(Error::new(&crate::error::codes::INVALID_INSTANCE_ID, message));
                }
            }
        }
        Target::VpnGateway(id) => {
            let gateway: VpnGatewayRecord = resources::get(tx, place, id).await?;
            if gateway.vpc() != Some(table.vpc()) {
                return Err(other("network gateway", id));
            }
        }
        Target::Peering(id) => {
            let peering: PeeringRecord = resources::get(tx, place, id).await?;
            if !peering.joins(table.vpc()) {
                return Err(other("VPC peering connection", id));
            }
        }
        // A gateway that is not (yet) attached is a blackhole, as one that no longer is.
        Target::Local | Target::TransitGateway(_) | Target::Endpoint(_) => {}
    }
    Ok(())
}

/// A route to an instance is one to its interface, and shows both.
async fn write_interface(
    tx: &Tx,
    place: &Place,
    record: &mut RouteTableRecord,
    destination: &Destination,
) -> Result<(), Error> {
    let is_it = |route: &&mut Route| Destination::of(route).as_ref() == Some(destination);
    let Some(route) = record.routes_mut().iter_mut().find(is_it) else { return Ok(()) };
    if let Some(instance) = &route.instance_id {
        let all = lookups::having::<InterfaceRecord>(tx, place, "attachment.instance-id", instance).await?;
        route.network_interface_id = all.first().map(|interface| interface.id().to_owned());
        route.instance_owner_id = Some(place.0.to_string());
    } else if let Some(id) = &route.network_interface_id
        && let Some(interface) = lookups::made::<InterfaceRecord>(tx, place, id).await?
        && let Some(instance) = interface.instance()
    {
        route.instance_id = Some(instance.to_owned());
        route.instance_owner_id = Some(place.0.to_string());
    }
    Ok(())
}

pub async fn delete_route(
    ec2: &Ec2,
    call: &Call,
    input: DeleteRouteInput,
) -> Result<DeleteRouteOutput, Error> {
    let destination = &rules::destination_of_delete(&input)?;
    let (place, table) = (call.scope(), input.route_table_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut record: RouteTableRecord = resources::get(&tx, &place, table).await?;
            rules::delete(record.routes_mut(), destination, table)?;
            resources::put(&tx, &place, &record).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DeleteRouteOutput {})
}

/// Shows as blackholes the routes whose targets are gone or no longer carry packets.
pub async fn look_at_targets(tx: &Tx, place: &Place, record: &mut RouteTableRecord) -> Result<(), Error> {
    propagations::learn(tx, place, record).await?;
    let vpc = record.vpc().to_owned();
    for route in record.routes_mut() {
        let carries = match Target::of(route) {
            Some(Target::InternetGateway(id)) => {
                let found = lookups::made::<InternetGatewayRecord>(tx, place, &id).await?;
                found.is_some_and(|gateway| gateway.vpc() == Some(vpc.as_str()))
            }
            Some(Target::EgressOnlyGateway(id)) => {
                lookups::made::<EgressOnlyGatewayRecord>(tx, place, &id).await?.is_some()
            }
            Some(Target::NatGateway(id)) => {
                let found = lookups::made::<NatGatewayRecord>(tx, place, &id).await?;
                found.is_some_and(|gateway| gateway.lives())
            }
            Some(Target::Interface(id)) => {
                let found = lookups::made::<InterfaceRecord>(tx, place, &id).await?;
                found.is_some_and(|interface| interface.instance().is_some())
            }
            Some(Target::VpnGateway(id)) => {
                let found = lookups::made::<VpnGatewayRecord>(tx, place, &id).await?;
                found.is_some_and(|gateway| gateway.vpc() == Some(vpc.as_str()))
            }
            Some(Target::Peering(id)) => {
                let found = lookups::made::<PeeringRecord>(tx, place, &id).await?;
                found.is_some_and(|peering| peering.is_active())
            }
            Some(Target::TransitGateway(id)) => {
                let found = lookups::having::<TransitAttachmentRecord>(tx, place, "vpc-id", &vpc).await?;
                found.iter().any(|attachment| attachment.gateway == id && attachment.is_available())
            }
            Some(_) => true,
            None => false,
        };
        route.state = Some(if carries { RouteState::Active } else { RouteState::Blackhole });
    }
    Ok(())
}
