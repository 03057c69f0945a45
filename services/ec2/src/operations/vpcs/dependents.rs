//! What stands in the way of deleting something. AWS says that there is something; we say what.

use store::Tx;

use super::{lookups, peerings};
use crate::error::Error;
use crate::error::codes::DEPENDENCY_VIOLATION;
use crate::records::acls::NetworkAclRecord;
use crate::records::endpoints::EndpointRecord;
use crate::records::gateways::{EgressOnlyGatewayRecord, InternetGatewayRecord, NatGatewayRecord};
use crate::records::groups::GroupRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::transit::TransitAttachmentRecord;
use crate::records::vpcs::SubnetRecord;
use crate::records::vpn::VpnGatewayRecord;
use crate::records::{Place, Resource};
use crate::resources;

fn ids<R: Resource>(records: &[R]) -> impl Iterator<Item = String> {
    records.iter().map(|record| record.id().to_owned())
}

/// Ids of all that has to go before a VPC can.
pub async fn of_vpc(tx: &Tx, place: &Place, vpc: &str) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> = ids(&lookups::in_vpc::<SubnetRecord>(tx, place, vpc).await?).collect();
    let mut groups = lookups::in_vpc::<GroupRecord>(tx, place, vpc).await?;
    groups.retain(|group| group.name() != "default");
    found.extend(ids(&groups));
    let mut tables = lookups::in_vpc::<RouteTableRecord>(tx, place, vpc).await?;
    tables.retain(|table| !table.is_main());
    found.extend(ids(&tables));
    let mut acls = lookups::in_vpc::<NetworkAclRecord>(tx, place, vpc).await?;
    acls.retain(|acl| !acl.is_default());
    found.extend(ids(&acls));
    let internet = lookups::having::<InternetGatewayRecord>(tx, place, "attachment.vpc-id", vpc).await?;
    found.extend(ids(&internet));
    let mut outward = resources::all::<EgressOnlyGatewayRecord>(tx, place).await?;
    outward.retain(|gateway| gateway.vpc() == Some(vpc));
    found.extend(ids(&outward));
    found.extend(ids(&lookups::having::<VpnGatewayRecord>(tx, place, "attachment.vpc-id", vpc).await?));
    let mut attachments = lookups::in_vpc::<TransitAttachmentRecord>(tx, place, vpc).await?;
    attachments.retain(TransitAttachmentRecord::is_available);
    found.extend(ids(&attachments));
    let mut nats = lookups::in_vpc::<NatGatewayRecord>(tx, place, vpc).await?;
    nats.retain(NatGatewayRecord::lives);
    found.extend(ids(&nats));
    found.extend(ids(&lookups::in_vpc::<EndpointRecord>(tx, place, vpc).await?));
    found.extend(peerings::of_vpc(tx, place, vpc).await?);
    found.extend(ids(&lookups::in_vpc::<InterfaceRecord>(tx, place, vpc).await?));
    Ok(found)
}

/// Ids of all that has to go before a subnet can.
pub async fn of_subnet(tx: &Tx, place: &Place, subnet: &str) -> Result<Vec<String>, Error> {
    let mut found: Vec<String> =
        ids(&lookups::having::<InterfaceRecord>(tx, place, "subnet-id", subnet).await?).collect();
    let mut nats = lookups::having::<NatGatewayRecord>(tx, place, "subnet-id", subnet).await?;
    nats.retain(NatGatewayRecord::lives);
    found.extend(ids(&nats));
    Ok(found)
}

/// `The subnet 'subnet-1' has dependencies and cannot be deleted. (eni-1)`
pub fn violation(noun: &str, id: &str, dependents: &[String]) -> Error {
    let named = if dependents.is_empty() { String::new() } else { format!(" ({})", dependents.join(", ")) };
    let message = format!("The {noun} '{id}' has dependencies and cannot be deleted.{named}");
    Error::new(&DEPENDENCY_VIOLATION, message)
}
