//! Which route table is for which subnet or gateway, and which is the VPC's main one.

use base::Ids;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::{lookups, routes};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_ASSOCIATION_ID_NOT_FOUND, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    MISSING_PARAMETER, RESOURCE_ALREADY_ASSOCIATED, UNSUPPORTED_OPERATION,
};
use crate::model::vpcs::{made, routes as rules};
use crate::records::gateways::InternetGatewayRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::SubnetRecord;
use crate::records::vpn::VpnGatewayRecord;
use crate::records::{Place, Resource};
use crate::resources;

pub async fn associate_route_table(
    ec2: &Ec2,
    call: &Call,
    input: AssociateRouteTableInput,
) -> Result<AssociateRouteTableOutput, Error> {
    if input.public_ipv4_pool.is_some() {
        return Err(Error::new(
            &UNSUPPORTED_OPERATION,
            "There are no pools of public addresses in this cloud.",
        ));
    }
    let (subnet, gateway) = (input.subnet_id.as_deref(), input.gateway_id.as_deref());
    match (subnet, gateway) {
        (None, None) => {
            let message = "The request must contain either subnetId or gatewayId";
            return Err(Error::new(&MISSING_PARAMETER, message));
        }
        (Some(_), Some(_)) => {
            let message = "The request must contain exactly one of subnetId, gatewayId";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        _ => {}
    }
    let (place, seed, table) = (call.scope(), ec2.ids.number(), input.route_table_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        let mut table: RouteTableRecord = resources::get(&tx, &place, table).await?;
        let vpc = match (subnet, gateway) {
            (Some(id), _) => resources::get::<SubnetRecord>(&tx, &place, id).await?.vpc().to_owned(),
            (None, id) => of_gateway(&tx, &place, id.unwrap_or_default()).await?,
        };
        let what = subnet.or(gateway).unwrap_or_default();
        if vpc != table.vpc() {
            let noun = if subnet.is_some() { "subnet" } else { "gateway" };
            let message =
                format!("route table {} and {noun} {what} belong to different networks", table.id());
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let existing = existing(&tx, &place, subnet, gateway).await?;
        if let Some(existing) = existing {
            // The same table again: the association stays as it is.
            if existing.route_table_id.as_deref() == Some(table.id()) {
                return Ok(existing);
            }
            let message = format!(
                "the specified association for route table {} conflicts with an existing association",
                table.id()
            );
            return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
        }
        if gateway.is_some() {
            may_be_for_a_gateway(&tx, &place, &table).await?;
        }
        let owned = |id: Option<&str>| id.map(str::to_owned);
        let made = made::route_association(&Ids::seeded(seed), table.id(), owned(subnet), owned(gateway));
        table.associations_mut().push(made.clone());
        resources::put(&tx, &place, &table).await?;
        Ok::<_, Error>(made)
    });
    let made = made.await?;
    ec2.networks.nudge();
    Ok(AssociateRouteTableOutput {
        association_id: made.route_table_association_id,
        association_state: made.association_state,
    })
}

/// The VPC of a gateway that a table is to be for: what comes in by it is routed by that table.
async fn of_gateway(tx: &Tx, place: &Place, id: &str) -> Result<String, Error> {
    let vpc = match id.starts_with("vgw-") {
        true => resources::get::<VpnGatewayRecord>(tx, place, id).await?.vpc().map(str::to_owned),
        false => resources::get::<InternetGatewayRecord>(tx, place, id).await?.vpc().map(str::to_owned),
    };
    vpc.ok_or_else(|| {
        let message = format!("gateway {id} is not attached to a VPC");
        Error::new(&INVALID_PARAMETER_VALUE, message)
    })
}

/// Refuses a table whose routes are not a gateway's ("Gateway route tables", rules and considerations).
async fn may_be_for_a_gateway(tx: &Tx, place: &Place, table: &RouteTableRecord) -> Result<(), Error> {
    if table.table.propagating_vgws.as_ref().is_some_and(|all| !all.is_empty()) {
        let message = format!(
            "Route propagation is enabled for route table {}, so it cannot be associated with a gateway.",
            table.id()
        );
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let blocks = routes::blocks_of(tx, place, table.vpc()).await?;
    rules::check_all_for_gateway(table.routes(), &blocks, table.id())
}

async fn existing(
    tx: &Tx,
    place: &Place,
    subnet: Option<&str>,
    gateway: Option<&str>,
) -> Result<Option<RouteTableAssociation>, Error> {
    let (name, value) = match subnet {
        Some(id) => ("association.subnet-id", id),
        None => ("association.gateway-id", gateway.unwrap_or_default()),
    };
    let tables = lookups::having::<RouteTableRecord>(tx, place, name, value).await?;
    let all = tables.iter().flat_map(|table| table.associations());
    let mut own = all.filter(|association| match subnet {
        Some(_) => association.subnet_id.as_deref() == subnet,
        None => association.gateway_id.as_deref() == gateway,
    });
    Ok(own.next().cloned())
}

/// The table with an association, and the association.
async fn by_id(tx: &Tx, place: &Place, id: &str) -> Result<(RouteTableRecord, RouteTableAssociation), Error> {
    let name = "association.route-table-association-id";
    let found = lookups::having::<RouteTableRecord>(tx, place, name, id).await?.pop();
    let found = found.and_then(|table| {
        let mut all = table.associations().iter();
        let own = all.find(|association| association.route_table_association_id.as_deref() == Some(id));
        own.cloned().map(|association| (table, association))
    });
    found.ok_or_else(|| {
        let message = format!("The association ID '{id}' does not exist");
        Error::new(&INVALID_ASSOCIATION_ID_NOT_FOUND, message)
    })
}

pub async fn disassociate_route_table(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateRouteTableInput,
) -> Result<DisassociateRouteTableOutput, Error> {
    let (place, id) = (call.scope(), input.association_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let (mut table, association) = by_id(&tx, &place, id).await?;
            if association.main == Some(true) {
                let message = format!("cannot disassociate the main route table association {id}");
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            table.associations_mut().retain(|one| one.route_table_association_id.as_deref() != Some(id));
            resources::put(&tx, &place, &table).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DisassociateRouteTableOutput {})
}

pub async fn replace_route_table_association(
    ec2: &Ec2,
    call: &Call,
    input: ReplaceRouteTableAssociationInput,
) -> Result<ReplaceRouteTableAssociationOutput, Error> {
    let (place, seed) = (call.scope(), ec2.ids.number());
    let (id, table) = (input.association_id.as_str(), input.route_table_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        let mut made = made::route_association(&Ids::seeded(seed), table, None, None);
        let new: RouteTableRecord = resources::get(&tx, &place, table).await?;
        let again =
            |one: &&RouteTableAssociation| one.route_table_association_id == made.route_table_association_id;
        if let Some(earlier) = new.associations().iter().find(again) {
            return Ok(earlier.clone());
        }
        let (mut old, association) = by_id(&tx, &place, id).await?;
        if old.vpc() != new.vpc() {
            let message = format!("route table {table} and association {id} belong to different networks");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        if association.gateway_id.is_some() {
            may_be_for_a_gateway(&tx, &place, &new).await?;
        }
        made.main = association.main;
        made.subnet_id = association.subnet_id;
        made.gateway_id = association.gateway_id;
        old.associations_mut().retain(|one| one.route_table_association_id.as_deref() != Some(id));
        resources::put(&tx, &place, &old).await?;
        let mut new: RouteTableRecord = resources::get(&tx, &place, table).await?;
        new.associations_mut().push(made.clone());
        resources::put(&tx, &place, &new).await?;
        Ok::<_, Error>(made)
    });
    let made = made.await?;
    ec2.networks.nudge();
    Ok(ReplaceRouteTableAssociationOutput {
        new_association_id: made.route_table_association_id,
        association_state: made.association_state,
    })
}
