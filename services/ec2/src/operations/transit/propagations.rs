//! Which attachments' routes a table learns. Those of a VPC are its blocks; a peering has none to give.

use base::Arn;
use ec2_api::*;
use service::Call;

use super::tables::{both, pair};
use super::tables_of;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, PROPAGATION_ALREADY_EXISTS, PROPAGATION_NOT_FOUND};
use crate::kind::{TRANSIT_GATEWAY_ATTACHMENT, TRANSIT_GATEWAY_ROUTE_TABLE};
use crate::model::filter::{Filters, one};
use crate::model::groups::NO_TAGS;
use crate::operations::lists::{self, Asked};
use crate::records::Resource;
use crate::records::transit::{AttachedTo, TransitAttachmentRecord, TransitRouteTableRecord};
use crate::resources;

pub fn by_enable(
    _: &Ec2,
    call: &Call,
    input: &EnableTransitGatewayRouteTablePropagationInput,
) -> Result<Vec<Arn>, Error> {
    let table = TRANSIT_GATEWAY_ROUTE_TABLE.arn(call, &input.transit_gateway_route_table_id);
    let attachment = input.transit_gateway_attachment_id.as_deref();
    Ok(attachment.map_or_else(|| vec![table], |id| both(call, &input.transit_gateway_route_table_id, id)))
}

pub fn by_disable(
    _: &Ec2,
    call: &Call,
    input: &DisableTransitGatewayRouteTablePropagationInput,
) -> Result<Vec<Arn>, Error> {
    let table = TRANSIT_GATEWAY_ROUTE_TABLE.arn(call, &input.transit_gateway_route_table_id);
    let attachment = input.transit_gateway_attachment_id.as_deref();
    Ok(attachment.map_or_else(|| vec![table], |id| both(call, &input.transit_gateway_route_table_id, id)))
}

pub fn by_attachment(
    _: &Ec2,
    call: &Call,
    input: &GetTransitGatewayAttachmentPropagationsInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

/// Adds an attachment to a table's propagations or takes it out of them.
async fn set(
    ec2: &Ec2,
    call: &Call,
    table: &str,
    attachment: Option<&str>,
    enabled: bool,
) -> Result<TransitGatewayPropagation, Error> {
    let attachment = attachment.ok_or_else(|| Error::missing("TransitGatewayAttachmentId"))?;
    let place = call.scope();
    let done = ec2.store.transact(|tx| async move {
        let (mut table, attachment) = pair(&tx, &place, table, attachment).await?;
        if matches!(attachment.to, AttachedTo::Peering(_)) {
            let message = "Propagation is not supported for peering attachments.";
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let changed = match enabled {
            true => table.propagations.insert(attachment.id.clone()),
            false => table.propagations.remove(&attachment.id),
        };
        match (changed, enabled) {
            (false, true) => {
                let message = format!(
                    "Propagation between route table {} and attachment {} already exists.",
                    table.id(),
                    attachment.id
                );
                return Err(Error::new(&PROPAGATION_ALREADY_EXISTS, message));
            }
            (false, false) => {
                let message = format!(
                    "Propagation between route table {} and attachment {} does not exist.",
                    table.id(),
                    attachment.id
                );
                return Err(Error::new(&PROPAGATION_NOT_FOUND, message));
            }
            _ => {}
        }
        resources::put(&tx, &place, &table).await?;
        Ok(TransitGatewayPropagation {
            transit_gateway_attachment_id: Some(attachment.id.clone()),
            resource_id: Some(attachment.resource()),
            resource_type: Some(attachment.resource_type()),
            transit_gateway_route_table_id: Some(table.id().to_owned()),
            state: Some(match enabled {
                true => TransitGatewayPropagationState::Enabled,
                false => TransitGatewayPropagationState::Disabled,
            }),
            transit_gateway_route_table_announcement_id: None,
        })
    });
    let propagation = done.await?;
    ec2.networks.nudge();
    Ok(propagation)
}

pub async fn enable_transit_gateway_route_table_propagation(
    ec2: &Ec2,
    call: &Call,
    input: EnableTransitGatewayRouteTablePropagationInput,
) -> Result<EnableTransitGatewayRouteTablePropagationOutput, Error> {
    let (table, attachment) = (&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id);
    let propagation = Some(set(ec2, call, table, attachment.as_deref(), true).await?);
    Ok(EnableTransitGatewayRouteTablePropagationOutput { propagation })
}

pub async fn disable_transit_gateway_route_table_propagation(
    ec2: &Ec2,
    call: &Call,
    input: DisableTransitGatewayRouteTablePropagationInput,
) -> Result<DisableTransitGatewayRouteTablePropagationOutput, Error> {
    let (table, attachment) = (&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id);
    let propagation = Some(set(ec2, call, table, attachment.as_deref(), false).await?);
    Ok(DisableTransitGatewayRouteTablePropagationOutput { propagation })
}

pub async fn get_transit_gateway_route_table_propagations(
    ec2: &Ec2,
    call: &Call,
    input: GetTransitGatewayRouteTablePropagationsInput,
) -> Result<GetTransitGatewayRouteTablePropagationsOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    let names = ["resource-id", "resource-type", "transit-gateway-attachment-id"];
    filters.check(&|name| names.contains(&name).then(Vec::new))?;
    let (place, id) = (call.scope(), &input.transit_gateway_route_table_id);
    let found = ec2.store.read(|tx| async move {
        let table: TransitRouteTableRecord = resources::get(&tx, &place, id).await?;
        let mut found = Vec::new();
        for id in &table.propagations {
            let Some(attachment) = TransitAttachmentRecord::TABLE.get(&tx, &place, id).await? else {
                continue;
            };
            let of = |name: &str| match name {
                "resource-id" => one(attachment.resource()),
                "resource-type" => one(attachment.resource_type()),
                "transit-gateway-attachment-id" => one(&attachment.id),
                _ => None,
            };
            if filters.admit(&NO_TAGS, &of)? {
                found.push(TransitGatewayRouteTablePropagation {
                    transit_gateway_attachment_id: Some(attachment.id.clone()),
                    resource_id: Some(attachment.resource()),
                    resource_type: Some(attachment.resource_type()),
                    state: Some(TransitGatewayPropagationState::Enabled),
                    transit_gateway_route_table_announcement_id: None,
                });
            }
        }
        Ok::<_, Error>(found)
    });
    let asked = Asked {
        operation: "GetTransitGatewayRouteTablePropagations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |it: &TransitGatewayRouteTablePropagation| {
        it.transit_gateway_attachment_id.clone().unwrap_or_default()
    };
    let (found, next_token) = lists::page(ec2, call, asked, found.await?, position)?;
    Ok(GetTransitGatewayRouteTablePropagationsOutput {
        transit_gateway_route_table_propagations: Some(found),
        next_token,
    })
}

pub async fn get_transit_gateway_attachment_propagations(
    ec2: &Ec2,
    call: &Call,
    input: GetTransitGatewayAttachmentPropagationsInput,
) -> Result<GetTransitGatewayAttachmentPropagationsOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    filters.check(&|name| (name == "transit-gateway-route-table-id").then(Vec::new))?;
    let (place, id) = (call.scope(), &input.transit_gateway_attachment_id);
    let found = ec2.store.read(|tx| async move {
        let attachment: TransitAttachmentRecord = resources::get(&tx, &place, id).await?;
        let mut found = Vec::new();
        for table in tables_of(&tx, &place, &attachment.gateway).await? {
            let admitted = filters.admit(&NO_TAGS, &|_| one(table.id()))?;
            if admitted && table.propagations.contains(id) {
                found.push(TransitGatewayAttachmentPropagation {
                    transit_gateway_route_table_id: Some(table.id().to_owned()),
                    state: Some(TransitGatewayPropagationState::Enabled),
                });
            }
        }
        Ok::<_, Error>(found)
    });
    let asked = Asked {
        operation: "GetTransitGatewayAttachmentPropagations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |it: &TransitGatewayAttachmentPropagation| {
        it.transit_gateway_route_table_id.clone().unwrap_or_default()
    };
    let (found, next_token) = lists::page(ec2, call, asked, found.await?, position)?;
    Ok(GetTransitGatewayAttachmentPropagationsOutput {
        transit_gateway_attachment_propagations: Some(found),
        next_token,
    })
}
