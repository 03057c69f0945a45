//! What an endpoint consists of: routes in tables, or interfaces in subnets with their names and groups.

use ec2_api::*;
use service::Call;
use store::Tx;

use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER, ROUTE_ALREADY_EXISTS};
use crate::model::vpcs::{aws_lists, endpoint_services};
use crate::operations::interfaces::make::{self, NewInterface};
use crate::records::endpoints::EndpointRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// Who has put the interfaces there.
const REQUESTER: &str = "amazon-vpce";
/// The zone in which AWS's names of endpoints are.
const HOSTED_ZONE: &str = "Z7HUB22UULQXV";

#[derive(Debug, Default)]
pub struct Changes {
    pub add_tables: Vec<String>,
    pub remove_tables: Vec<String>,
    pub add_subnets: Vec<String>,
    pub remove_subnets: Vec<String>,
    pub add_groups: Vec<String>,
    pub remove_groups: Vec<String>,
    pub private_dns: Option<bool>,
}

pub async fn change(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    record: &mut EndpointRecord,
    vpc: &VpcRecord,
    changes: &Changes,
) -> Result<(), Error> {
    let place = call.scope();
    if record.is_gateway() {
        for id in &changes.add_tables {
            add_route(tx, call, record, id).await?;
        }
        for id in &changes.remove_tables {
            remove_route(tx, &place, record, id).await?;
        }
        return Ok(());
    }
    groups(tx, &place, record, vpc, changes).await?;
    for id in &changes.remove_subnets {
        remove_interface(tx, &place, record, id).await?;
    }
    for id in &changes.add_subnets {
        add_interface(ec2, tx, call, record, id).await?;
    }
    if let Some(on) = changes.private_dns {
        if on && !(vpc.dns_support && vpc.dns_hostnames) {
            let message = format!(
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to \
                 true for {}",
                vpc.id()
            );
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        record.endpoint.0.private_dns_enabled = Some(on);
    }
    name(tx, call, record).await
}

fn without(list: &mut Option<Vec<String>>, id: &str) {
    list.get_or_insert_default().retain(|one| one != id);
}

/// A gateway endpoint is a route to the service's list in each of its tables.
async fn add_route(tx: &Tx, call: &Call, record: &mut EndpointRecord, id: &str) -> Result<(), Error> {
    let place = call.scope();
    let mut table: RouteTableRecord = resources::get(tx, &place, id).await?;
    if table.vpc() != record.vpc() {
        let message = format!("route table {id} and VPC {} belong to different networks", record.vpc());
        return Err(Error::new(&INVALID_PARAMETER, message));
    }
    let list = aws_lists::by_name(call.region, record.service());
    let list = list.ok_or_else(|| Error::Internal("a gateway service has a prefix list".into()))?;
    let taken = |route: &&Route| route.destination_prefix_list_id.as_ref() == Some(&list.id);
    match table.routes().iter().find(taken) {
        Some(route) if route.gateway_id.as_deref() == Some(record.id()) => return Ok(()),
        Some(_) => {
            let message =
                format!("route table {id} already has a route with destination-prefix-list-id {}", list.id);
            return Err(Error::new(&ROUTE_ALREADY_EXISTS, message));
        }
        None => {}
    }
    table.routes_mut().push(Route {
        destination_prefix_list_id: Some(list.id),
        gateway_id: Some(record.id().to_owned()),
        origin: Some(RouteOrigin::CreateRoute),
        state: Some(RouteState::Active),
        ..Route::default()
    });
    record.endpoint.0.route_table_ids.get_or_insert_default().push(id.to_owned());
    resources::put(tx, &place, &table).await
}

async fn remove_route(tx: &Tx, place: &Place, record: &mut EndpointRecord, id: &str) -> Result<(), Error> {
    if let Some(mut table) = lookups::made::<RouteTableRecord>(tx, place, id).await? {
        table.routes_mut().retain(|route| route.gateway_id.as_deref() != Some(record.id()));
        resources::put(tx, place, &table).await?;
    }
    without(&mut record.endpoint.0.route_table_ids, id);
    Ok(())
}

/// The endpoint's groups, which all of its interfaces have; the VPC's default one where none is named.
async fn groups(
    tx: &Tx,
    place: &Place,
    record: &mut EndpointRecord,
    vpc: &VpcRecord,
    changes: &Changes,
) -> Result<(), Error> {
    let current = record.endpoint.groups.iter().flatten().filter_map(|group| group.group_id.clone());
    let mut wanted: Vec<String> = current.filter(|id| !changes.remove_groups.contains(id)).collect();
    let is_same = changes.add_groups.is_empty() && changes.remove_groups.is_empty() && !wanted.is_empty();
    if is_same {
        return Ok(());
    }
    wanted.extend(changes.add_groups.iter().cloned());
    // The check wants a subnet for the VPC it is in, and an endpoint may have none yet.
    let anywhere = SubnetRecord {
        subnet: service::Kept(Subnet { vpc_id: vpc.vpc.vpc_id.clone(), ..Subnet::default() }),
    };
    let found = make::groups(tx, place, &anywhere, Some(&wanted)).await?;
    for id in record.endpoint.network_interface_ids.iter().flatten() {
        let mut interface: InterfaceRecord = resources::get(tx, place, id).await?;
        interface.interface.0.groups = Some(found.clone());
        resources::put(tx, place, &interface).await?;
    }
    let shown = |group: GroupIdentifier| SecurityGroupIdentifier {
        group_id: group.group_id,
        group_name: group.group_name,
    };
    record.endpoint.0.groups = Some(found.into_iter().map(shown).collect());
    Ok(())
}

async fn add_interface(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    record: &mut EndpointRecord,
    subnet: &str,
) -> Result<(), Error> {
    let place = call.scope();
    let own: SubnetRecord = resources::get(tx, &place, subnet).await?;
    if own.vpc() != record.vpc() {
        let message = format!("subnet {subnet} and VPC {} belong to different networks", record.vpc());
        return Err(Error::new(&INVALID_PARAMETER, message));
    }
    for other in record.endpoint.subnet_ids.iter().flatten() {
        let other: SubnetRecord = resources::get(tx, &place, other).await?;
        if other.zone() == own.zone() {
            let message = format!("Found another VPC endpoint subnet in the availability zone of {subnet}.");
            return Err(Error::new(&crate::error::codes::DUPLICATE_SUBNETS_IN_SAME_ZONE, message));
        }
    }
    let groups = record.endpoint.groups.iter().flatten().filter_map(|group| group.group_id.clone());
    let new = NewInterface {
        groups: Some(groups.collect()),
        description: format!("VPC Endpoint Interface {}", record.id()),
        kind: NetworkInterfaceType::VpcEndpoint,
        managed_by: Some(REQUESTER.to_owned()),
        count6: Some(0),
        ..NewInterface::in_subnet(subnet)
    };
    let mut interface = make::make(ec2, tx, call, &new).await?;
    interface.interface.0.status = Some(NetworkInterfaceStatus::InUse);
    resources::put(tx, &place, &interface).await?;
    record.endpoint.0.network_interface_ids.get_or_insert_default().push(interface.id().to_owned());
    record.endpoint.0.subnet_ids.get_or_insert_default().push(subnet.to_owned());
    Ok(())
}

async fn remove_interface(
    tx: &Tx,
    place: &Place,
    record: &mut EndpointRecord,
    subnet: &str,
) -> Result<(), Error> {
    for id in record.endpoint.network_interface_ids.clone().unwrap_or_default() {
        let Some(interface) = lookups::made::<InterfaceRecord>(tx, place, &id).await? else { continue };
        if interface.subnet() == subnet {
            make::discard(tx, place, &interface).await?;
            without(&mut record.endpoint.0.network_interface_ids, &id);
        }
    }
    without(&mut record.endpoint.0.subnet_ids, subnet);
    Ok(())
}

/// The names of an interface endpoint: one of its own, one a zone, and the service's where that is wanted.
async fn name(tx: &Tx, call: &Call, record: &mut EndpointRecord) -> Result<(), Error> {
    let service = endpoint_services::find(call.region, record.service(), &VpcEndpointType::Interface)?;
    // The end of the id makes the names as hard to guess as AWS's.
    let id = record.id().to_owned();
    let unique = &id[id.len().saturating_sub(8)..];
    let tail = format!("{}.{}.vpce.{}", service.short, call.region, call.region.dns_suffix());
    let entry =
        |name: String, zone: &str| DnsEntry { dns_name: Some(name), hosted_zone_id: Some(zone.to_owned()) };
    let mut entries = vec![entry(format!("{id}-{unique}.{tail}"), HOSTED_ZONE)];
    for subnet in record.endpoint.subnet_ids.iter().flatten() {
        let subnet: SubnetRecord = resources::get(tx, &call.scope(), subnet).await?;
        entries.push(entry(format!("{id}-{unique}-{}.{tail}", subnet.zone()), HOSTED_ZONE));
    }
    if record.endpoint.private_dns_enabled == Some(true) {
        entries.push(entry(service.host(call.region), "ZONEIDPENDING"));
    }
    record.endpoint.0.dns_entries = Some(entries);
    Ok(())
}

/// Takes away everything an endpoint consists of.
pub async fn clear(tx: &Tx, place: &Place, record: &mut EndpointRecord) -> Result<(), Error> {
    for table in record.endpoint.route_table_ids.clone().unwrap_or_default() {
        remove_route(tx, place, record, &table).await?;
    }
    for subnet in record.endpoint.subnet_ids.clone().unwrap_or_default() {
        remove_interface(tx, place, record, &subnet).await?;
    }
    Ok(())
}
