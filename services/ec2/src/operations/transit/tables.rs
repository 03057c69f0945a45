//! Route tables of transit gateways, and which attachments are routed by them.

use std::collections::BTreeSet;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::{invalid_state, tables_of};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INCORRECT_STATE, INVALID_ASSOCIATION_NOT_FOUND, RESOURCE_ALREADY_ASSOCIATED};
use crate::kind::{TRANSIT_GATEWAY, TRANSIT_GATEWAY_ATTACHMENT, TRANSIT_GATEWAY_ROUTE_TABLE};
use crate::model::filter::{Filters, one};
use crate::model::groups::NO_TAGS;
use crate::model::tags::shown;
use crate::operations::lists::{self, Asked};
use crate::operations::tags;
use crate::records::transit::{TransitAttachmentRecord, TransitGatewayRecord, TransitRouteTableRecord};
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

pub fn by_create(
    _: &Ec2,
    call: &Call,
    input: &CreateTransitGatewayRouteTableInput,
) -> Result<Vec<Arn>, Error> {
    let gateway = TRANSIT_GATEWAY.arn(call, &input.transit_gateway_id);
    Ok(vec![gateway, TRANSIT_GATEWAY_ROUTE_TABLE.any(call)])
}

pub fn by_delete(
    _: &Ec2,
    call: &Call,
    input: &DeleteTransitGatewayRouteTableInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ROUTE_TABLE.arn(call, &input.transit_gateway_route_table_id)])
}

pub fn by_associate(
    _: &Ec2,
    call: &Call,
    input: &AssociateTransitGatewayRouteTableInput,
) -> Result<Vec<Arn>, Error> {
    Ok(both(call, &input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id))
}

pub fn by_disassociate(
    _: &Ec2,
    call: &Call,
    input: &DisassociateTransitGatewayRouteTableInput,
) -> Result<Vec<Arn>, Error> {
    Ok(both(call, &input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id))
}

/// A table and an attachment.
pub fn both(call: &Call, table: &str, attachment: &str) -> Vec<Arn> {
    vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, attachment), TRANSIT_GATEWAY_ROUTE_TABLE.arn(call, table)]
}

pub async fn create_transit_gateway_route_table(
    ec2: &Ec2,
    call: &Call,
    input: CreateTransitGatewayRouteTableInput,
) -> Result<CreateTransitGatewayRouteTableOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let (operation, kind) = ("CreateTransitGatewayRouteTable", &TRANSIT_GATEWAY_ROUTE_TABLE);
    let tags = &tags::of_new(ec2, call, operation, specifications, kind, &[]).await?;
    let table = TransitGatewayRouteTable {
        transit_gateway_route_table_id: Some(kind.new_id(&ec2.ids)),
        transit_gateway_id: Some(input.transit_gateway_id.clone()),
        state: Some(TransitGatewayRouteTableState::Available),
        default_association_route_table: Some(false),
        default_propagation_route_table: Some(false),
        creation_time: Some(call.now),
        tags: None,
    };
    let record = &TransitRouteTableRecord {
        table: Kept(table.clone()),
        associations: BTreeSet::new(),
        propagations: BTreeSet::new(),
        routes: Vec::new(),
    };
    let (place, gateway) = (call.scope(), &input.transit_gateway_id);
    let made = ec2.store.transact(|tx| async move {
        resources::get::<TransitGatewayRecord>(&tx, &place, gateway).await?;
        resources::create(&tx, &place, record, tags).await
    });
    made.await?;
    let state = Some(TransitGatewayRouteTableState::Pending);
    let table = TransitGatewayRouteTable { state, tags: Some(shown(tags)), ..table };
    Ok(CreateTransitGatewayRouteTableOutput { transit_gateway_route_table: Some(table) })
}

pub async fn delete_transit_gateway_route_table(
    ec2: &Ec2,
    call: &Call,
    input: DeleteTransitGatewayRouteTableInput,
) -> Result<DeleteTransitGatewayRouteTableOutput, Error> {
    let (place, id) = (call.scope(), &input.transit_gateway_route_table_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: TransitRouteTableRecord = resources::get(&tx, &place, id).await?;
        if !record.associations.is_empty() {
            let message = format!("{id} has associated attachments.");
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        let table = &record.table;
        if table.default_association_route_table == Some(true)
            || table.default_propagation_route_table == Some(true)
        {
            let message = format!("{id} is the default route table of {}.", record.gateway());
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        resources::bury(&tx, &place, &record, call.now).await?;
        Ok(record.table.0)
    });
    let state = Some(TransitGatewayRouteTableState::Deleting);
    let table = TransitGatewayRouteTable { state, ..gone.await? };
    ec2.networks.nudge();
    Ok(DeleteTransitGatewayRouteTableOutput { transit_gateway_route_table: Some(table) })
}

pub async fn describe_transit_gateway_route_tables(
    ec2: &Ec2,
    call: &Call,
    input: DescribeTransitGatewayRouteTablesInput,
) -> Result<DescribeTransitGatewayRouteTablesOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeTransitGatewayRouteTables",
        ids: input.transit_gateway_route_table_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<TransitRouteTableRecord>(ec2, call, wanted).await?;
    let tables = page
        .resources
        .into_iter()
        .map(|(record, tags)| TransitGatewayRouteTable { tags: Some(shown(&tags)), ..record.table.0 });
    Ok(DescribeTransitGatewayRouteTablesOutput {
        transit_gateway_route_tables: Some(tables.collect()),
        next_token: page.next_token,
    })
}

/// A table and an attachment of the same gateway.
pub async fn pair(
    tx: &Tx,
    place: &Place,
    table: &str,
    attachment: &str,
) -> Result<(TransitRouteTableRecord, TransitAttachmentRecord), Error> {
    let table: TransitRouteTableRecord = resources::get(tx, place, table).await?;
    let attachment: TransitAttachmentRecord = resources::get(tx, place, attachment).await?;
    match attachment.gateway == table.gateway() {
        true if attachment.is_available() => Ok((table, attachment)),
        true => Err(invalid_state(&attachment.id)),
        false => Err(TRANSIT_GATEWAY_ATTACHMENT.missing(&attachment.id)),
    }
}

/// The table that routes an attachment's packets.
pub async fn of_attachment(
    tx: &Tx,
    place: &Place,
    attachment: &TransitAttachmentRecord,
) -> Result<Option<TransitRouteTableRecord>, Error> {
    let tables = tables_of(tx, place, &attachment.gateway).await?;
    Ok(tables.into_iter().find(|table| table.associations.contains(&attachment.id)))
}

fn association(
    table: &str,
    attachment: &TransitAttachmentRecord,
    state: TransitGatewayAssociationState,
) -> TransitGatewayAssociation {
    TransitGatewayAssociation {
        transit_gateway_route_table_id: Some(table.to_owned()),
        transit_gateway_attachment_id: Some(attachment.id.clone()),
        resource_id: Some(attachment.resource()),
        resource_type: Some(attachment.resource_type()),
        state: Some(state),
    }
}

pub async fn associate_transit_gateway_route_table(
    ec2: &Ec2,
    call: &Call,
    input: AssociateTransitGatewayRouteTableInput,
) -> Result<AssociateTransitGatewayRouteTableOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let (table, attachment) =
            (&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id);
        let (mut table, attachment) = pair(&tx, &place, table, attachment).await?;
        if of_attachment(&tx, &place, &attachment).await?.is_some() {
            let message = format!(
                "Transit Gateway Attachment {} is already associated to a route table.",
                attachment.id
            );
            return Err(Error::new(&RESOURCE_ALREADY_ASSOCIATED, message));
        }
        table.associations.insert(attachment.id.clone());
        resources::put(&tx, &place, &table).await?;
        Ok(association(table.id(), &attachment, TransitGatewayAssociationState::Associating))
    });
    let association = done.await?;
    ec2.networks.nudge();
    Ok(AssociateTransitGatewayRouteTableOutput { association: Some(association) })
}

pub async fn disassociate_transit_gateway_route_table(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateTransitGatewayRouteTableInput,
) -> Result<DisassociateTransitGatewayRouteTableOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let done = ec2.store.transact(|tx| async move {
        let (table, attachment) =
            (&input.transit_gateway_route_table_id, &input.transit_gateway_attachment_id);
        let (mut table, attachment) = pair(&tx, &place, table, attachment).await?;
        if !table.associations.remove(&attachment.id) {
            let message =
                format!("Transit Gateway Attachment {} is not associated to {}.", attachment.id, table.id());
            return Err(Error::new(&INVALID_ASSOCIATION_NOT_FOUND, message));
        }
        resources::put(&tx, &place, &table).await?;
        Ok(association(table.id(), &attachment, TransitGatewayAssociationState::Disassociating))
    });
    let association = done.await?;
    ec2.networks.nudge();
    Ok(DisassociateTransitGatewayRouteTableOutput { association: Some(association) })
}

pub async fn get_transit_gateway_route_table_associations(
    ec2: &Ec2,
    call: &Call,
    input: GetTransitGatewayRouteTableAssociationsInput,
) -> Result<GetTransitGatewayRouteTableAssociationsOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    let names = ["resource-id", "resource-type", "transit-gateway-attachment-id"];
    filters.check(&|name| names.contains(&name).then(Vec::new))?;
    let (place, id) = (call.scope(), &input.transit_gateway_route_table_id);
    let found = ec2.store.read(|tx| async move {
        let table: TransitRouteTableRecord = resources::get(&tx, &place, id).await?;
        let mut found = Vec::new();
        for id in &table.associations {
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
                found.push(TransitGatewayRouteTableAssociation {
                    transit_gateway_attachment_id: Some(attachment.id.clone()),
                    resource_id: Some(attachment.resource()),
                    resource_type: Some(attachment.resource_type()),
                    state: Some(TransitGatewayAssociationState::Associated),
                });
            }
        }
        Ok::<_, Error>(found)
    });
    let asked = Asked {
        operation: "GetTransitGatewayRouteTableAssociations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |it: &TransitGatewayRouteTableAssociation| {
        it.transit_gateway_attachment_id.clone().unwrap_or_default()
    };
    let (found, next_token) = lists::page(ec2, call, asked, found.await?, position)?;
    Ok(GetTransitGatewayRouteTableAssociationsOutput { associations: Some(found), next_token })
}
