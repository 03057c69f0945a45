//! Attachments of VPCs to transit gateways.

use std::collections::{BTreeMap, BTreeSet};

use base::{Arn, Timestamp};
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::{attachments_of, invalid_state, tables_of};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    DUPLICATE_SUBNETS_IN_SAME_ZONE, DUPLICATE_TRANSIT_GATEWAY_ATTACHMENT, INCORRECT_STATE,
    INVALID_PARAMETER_VALUE, INVALID_SUBNET_ID_NOT_FOUND,
};
use crate::kind::{SUBNET, TRANSIT_GATEWAY, TRANSIT_GATEWAY_ATTACHMENT, VPC};
use crate::model::tags::{Tags, shown};
use crate::operations::tags;
use crate::records::routes::RouteTableRecord;
use crate::records::transit::{
    AttachedTo, TransitAttachmentRecord, TransitGatewayRecord, TransitRouteTableRecord,
};
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

pub fn by_create(
    _: &Ec2,
    call: &Call,
    input: &CreateTransitGatewayVpcAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    let gateway = TRANSIT_GATEWAY.arn(call, &input.transit_gateway_id);
    let vpc = VPC.arn(call, &input.vpc_id);
    let subnets = input.subnet_ids.iter().map(|id| SUBNET.arn(call, id));
    Ok([gateway, TRANSIT_GATEWAY_ATTACHMENT.any(call), vpc].into_iter().chain(subnets).collect())
}

pub fn by_delete(
    _: &Ec2,
    call: &Call,
    input: &DeleteTransitGatewayVpcAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

pub fn by_modify(
    _: &Ec2,
    call: &Call,
    input: &ModifyTransitGatewayVpcAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    let subnets = input.add_subnet_ids.iter().flatten().map(|id| SUBNET.arn(call, id));
    let attachment = TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id);
    Ok([attachment].into_iter().chain(subnets).collect())
}

pub fn by_accept(
    _: &Ec2,
    call: &Call,
    input: &AcceptTransitGatewayVpcAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

pub fn by_reject(
    _: &Ec2,
    call: &Call,
    input: &RejectTransitGatewayVpcAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

pub async fn create_transit_gateway_vpc_attachment(
    ec2: &Ec2,
    call: &Call,
    input: CreateTransitGatewayVpcAttachmentInput,
) -> Result<CreateTransitGatewayVpcAttachmentOutput, Error> {
    let specifications = input.tag_specifications.as_deref();
    let (operation, kind) = ("CreateTransitGatewayVpcAttachment", &TRANSIT_GATEWAY_ATTACHMENT);
    let tags = &tags::of_new(ec2, call, operation, specifications, kind, &[]).await?;
    let (place, input) = (call.scope(), &input);
    let made = ec2.store.transact(|tx| async move {
        let gateway: TransitGatewayRecord = resources::get(&tx, &place, &input.transit_gateway_id).await?;
        let vpc: VpcRecord = resources::get(&tx, &place, &input.vpc_id).await?;
        check_subnets(&tx, &place, vpc.id(), &input.subnet_ids).await?;
        let known = attachments_of(&tx, &place, gateway.id()).await?;
        if known.iter().any(|attachment| attachment.vpc() == Some(vpc.id())) {
            let message =
                format!("{} has non-deleted Transit Gateway Attachments with same VPC ID.", gateway.id());
            return Err(Error::new(&DUPLICATE_TRANSIT_GATEWAY_ATTACHMENT, message));
        }
        let id = kind.new_id(&ec2.ids);
        let attachment = TransitGatewayVpcAttachment {
            transit_gateway_attachment_id: Some(id.clone()),
            transit_gateway_id: Some(gateway.id().to_owned()),
            vpc_id: Some(vpc.id().to_owned()),
            vpc_owner_id: Some(call.account.to_string()),
            state: Some(TransitGatewayAttachmentState::Available),
            subnet_ids: Some(input.subnet_ids.clone()),
            creation_time: Some(call.now),
            options: Some(options(input.options.as_ref())),
            tags: None,
        };
        let record = TransitAttachmentRecord {
            id,
            gateway: gateway.id().to_owned(),
            to: AttachedTo::Vpc(Kept(attachment.clone())),
        };
        resources::create(&tx, &place, &record, tags).await?;
        join_defaults(&tx, &place, &gateway, &record).await?;
        Ok(attachment)
    });
    let attachment = made.await?;
    ec2.networks.nudge();
    let state = Some(TransitGatewayAttachmentState::Pending);
    let attachment = TransitGatewayVpcAttachment { state, tags: Some(shown(tags)), ..attachment };
    Ok(CreateTransitGatewayVpcAttachmentOutput { transit_gateway_vpc_attachment: Some(attachment) })
}

fn options(
    asked: Option<&CreateTransitGatewayVpcAttachmentRequestOptions>,
) -> TransitGatewayVpcAttachmentOptions {
    let asked = asked.cloned().unwrap_or_default();
    TransitGatewayVpcAttachmentOptions {
        dns_support: asked.dns_support.or(Some(DnsSupportValue::Enable)),
        security_group_referencing_support: asked
            .security_group_referencing_support
            .or(Some(SecurityGroupReferencingSupportValue::Enable)),
        ipv6_support: asked.ipv6_support.or(Some(Ipv6SupportValue::Disable)),
        appliance_mode_support: asked.appliance_mode_support.or(Some(ApplianceModeSupportValue::Disable)),
    }
}

/// At least one subnet, all of the VPC, each in a zone of its own.
async fn check_subnets(tx: &Tx, place: &Place, vpc: &str, ids: &[String]) -> Result<(), Error> {
    if ids.is_empty() {
        return Err(Error::missing("SubnetIds"));
    }
    let mut zones = BTreeSet::new();
    for id in ids {
        let subnet: SubnetRecord = resources::get(tx, place, id).await?;
        if subnet.vpc() != vpc {
            let message = format!("The subnet ID '{id}' does not exist");
            return Err(Error::new(&INVALID_SUBNET_ID_NOT_FOUND, message));
        }
        if !zones.insert(subnet.zone().to_owned()) {
            let message = format!("Duplicate Subnets for same AZ: {}", ids.join(", "));
            return Err(Error::new(&DUPLICATE_SUBNETS_IN_SAME_ZONE, message));
        }
    }
    Ok(())
}

/// Associates a new attachment with the gateway's default table, and lets it propagate to it.
async fn join_defaults(
    tx: &Tx,
    place: &Place,
    gateway: &TransitGatewayRecord,
    attachment: &TransitAttachmentRecord,
) -> Result<(), Error> {
    let options = gateway.options();
    let associates =
        options.default_route_table_association == Some(DefaultRouteTableAssociationValue::Enable);
    let propagates =
        options.default_route_table_propagation == Some(DefaultRouteTablePropagationValue::Enable);
    for mut table in tables_of(tx, place, gateway.id()).await? {
        let id = Some(table.id().to_owned());
        let mut changed = false;
        if associates && options.association_default_route_table_id == id {
            changed |= table.associations.insert(attachment.id.clone());
        }
        if propagates && options.propagation_default_route_table_id == id {
            changed |= table.propagations.insert(attachment.id.clone());
        }
        if changed {
            resources::put(tx, place, &table).await?;
        }
    }
    Ok(())
}

/// Takes an attachment out of all tables of its gateway. Static routes to it stay, and swallow what they match.
pub async fn leave(
    tx: &Tx,
    place: &Place,
    attachment: &TransitAttachmentRecord,
    now: Timestamp,
) -> Result<(), Error> {
    for mut table in tables_of(tx, place, &attachment.gateway).await? {
        let left = table.associations.remove(&attachment.id);
        if table.propagations.remove(&attachment.id) || left {
            resources::put::<TransitRouteTableRecord>(tx, place, &table).await?;
        }
    }
    resources::bury(tx, place, attachment, now).await
}

pub async fn delete_transit_gateway_vpc_attachment(
    ec2: &Ec2,
    call: &Call,
    input: DeleteTransitGatewayVpcAttachmentInput,
) -> Result<DeleteTransitGatewayVpcAttachmentOutput, Error> {
    let (place, id) = (call.scope(), &input.transit_gateway_attachment_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: TransitAttachmentRecord = resources::get(&tx, &place, id).await?;
        let AttachedTo::Vpc(vpc) = &record.to else {
            return Err(TRANSIT_GATEWAY_ATTACHMENT.missing(id));
        };
        let tables: Vec<RouteTableRecord> = resources::all(&tx, &place).await?;
        let of_vpc = tables.iter().filter(|table| table.table.vpc_id == vpc.vpc_id);
        let routed: Vec<_> = of_vpc
            .filter(|table| {
                let mut routes = table.table.routes.iter().flatten();
                routes.any(|route| route.transit_gateway_id.as_deref() == Some(&record.gateway))
            })
            .map(|table| table.id().to_owned())
            .collect();
        if !routed.is_empty() {
            let message = format!("{id} is in use by the route tables {}.", routed.join(", "));
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        leave(&tx, &place, &record, call.now).await?;
        Ok(vpc.0.clone())
    });
    let attachment = gone.await?;
    ec2.networks.nudge();
    let state = Some(TransitGatewayAttachmentState::Deleting);
    let attachment = TransitGatewayVpcAttachment { state, ..attachment };
    Ok(DeleteTransitGatewayVpcAttachmentOutput { transit_gateway_vpc_attachment: Some(attachment) })
}

pub async fn modify_transit_gateway_vpc_attachment(
    ec2: &Ec2,
    call: &Call,
    input: ModifyTransitGatewayVpcAttachmentInput,
) -> Result<ModifyTransitGatewayVpcAttachmentOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let id = &input.transit_gateway_attachment_id;
        let mut record: TransitAttachmentRecord = resources::get(&tx, &place, id).await?;
        let AttachedTo::Vpc(vpc) = &mut record.to else {
            return Err(TRANSIT_GATEWAY_ATTACHMENT.missing(id));
        };
        let vpc_id = vpc.vpc_id.clone().unwrap_or_default();
        let subnets = vpc.0.subnet_ids.get_or_insert_default();
        for id in input.remove_subnet_ids.iter().flatten() {
            if !subnets.contains(id) {
                let message = format!("The subnet {id} is not in the attachment.");
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
        }
        subnets.retain(|id| !input.remove_subnet_ids.iter().flatten().any(|gone| gone == id));
        let added = input.add_subnet_ids.iter().flatten().filter(|id| !subnets.contains(*id));
        let added: Vec<String> = added.cloned().collect();
        subnets.extend(added);
        check_subnets(&tx, &place, &vpc_id, subnets).await?;
        if let Some(asked) = &input.options {
            let kept = vpc.0.options.get_or_insert_default();
            kept.dns_support = asked.dns_support.clone().or(kept.dns_support.take());
            kept.security_group_referencing_support = asked
                .security_group_referencing_support
                .clone()
                .or(kept.security_group_referencing_support.take());
            kept.ipv6_support = asked.ipv6_support.clone().or(kept.ipv6_support.take());
            kept.appliance_mode_support =
                asked.appliance_mode_support.clone().or(kept.appliance_mode_support.take());
        }
        let shown = vpc.0.clone();
        resources::put(&tx, &place, &record).await?;
        Ok(shown)
    });
    let attachment = changed.await?;
    ec2.networks.nudge();
    let state = Some(TransitGatewayAttachmentState::Modifying);
    let attachment = TransitGatewayVpcAttachment { state, ..attachment };
    Ok(ModifyTransitGatewayVpcAttachmentOutput { transit_gateway_vpc_attachment: Some(attachment) })
}

/// Gateways are not shared between accounts here, so no attachment waits for anybody.
async fn not_pending(ec2: &Ec2, call: &Call, id: &str) -> Result<Error, Error> {
    let place = call.scope();
    let found =
        ec2.store.read(|tx| async move { resources::get::<TransitAttachmentRecord>(&tx, &place, id).await });
    found.await.map(|record| invalid_state(&record.id))
}

pub async fn accept_transit_gateway_vpc_attachment(
    ec2: &Ec2,
    call: &Call,
    input: AcceptTransitGatewayVpcAttachmentInput,
) -> Result<AcceptTransitGatewayVpcAttachmentOutput, Error> {
    Err(not_pending(ec2, call, &input.transit_gateway_attachment_id).await?)
}

pub async fn reject_transit_gateway_vpc_attachment(
    ec2: &Ec2,
    call: &Call,
    input: RejectTransitGatewayVpcAttachmentInput,
) -> Result<RejectTransitGatewayVpcAttachmentOutput, Error> {
    Err(not_pending(ec2, call, &input.transit_gateway_attachment_id).await?)
}

pub async fn describe_transit_gateway_vpc_attachments(
    ec2: &Ec2,
    call: &Call,
    input: DescribeTransitGatewayVpcAttachmentsInput,
) -> Result<DescribeTransitGatewayVpcAttachmentsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeTransitGatewayVpcAttachments",
        ids: input.transit_gateway_attachment_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<TransitAttachmentRecord>(ec2, call, wanted).await?;
    let attachments = page.resources.into_iter().filter_map(|(record, tags)| match record.to {
        AttachedTo::Vpc(Kept(vpc)) => Some(TransitGatewayVpcAttachment { tags: Some(shown(&tags)), ..vpc }),
        AttachedTo::Peering(_) => None,
    });
    Ok(DescribeTransitGatewayVpcAttachmentsOutput {
        transit_gateway_vpc_attachments: Some(attachments.collect()),
        next_token: page.next_token,
    })
}

pub async fn describe_transit_gateway_attachments(
    ec2: &Ec2,
    call: &Call,
    input: DescribeTransitGatewayAttachmentsInput,
) -> Result<DescribeTransitGatewayAttachmentsOutput, Error> {
    let place = call.scope();
    let tables =
        ec2.store.read(|tx| async move { resources::all::<TransitRouteTableRecord>(&tx, &place).await });
    let tables = tables.await?;
    let wanted = Wanted {
        operation: "DescribeTransitGatewayAttachments",
        ids: input.transit_gateway_attachment_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        also: associations(&tables),
    };
    let page = resources::describe::<TransitAttachmentRecord>(ec2, call, wanted).await?;
    let attachments = page.resources.iter().map(|(record, tags)| generic(call, record, tags, &tables));
    Ok(DescribeTransitGatewayAttachmentsOutput {
        transit_gateway_attachments: Some(attachments.collect()),
        next_token: page.next_token,
    })
}

/// What attachments answer filters of their associations with.
fn associations(tables: &[TransitRouteTableRecord]) -> BTreeMap<String, Vec<(&'static str, String)>> {
    let mut all: BTreeMap<String, Vec<(&'static str, String)>> = BTreeMap::new();
    for table in tables {
        for id in &table.associations {
            let of_one = all.entry(id.clone()).or_default();
            of_one.push(("association.state", "associated".to_owned()));
            of_one.push(("association.transit-gateway-route-table-id", table.id().to_owned()));
        }
    }
    all
}

fn generic(
    call: &Call,
    record: &TransitAttachmentRecord,
    tags: &Tags,
    tables: &[TransitRouteTableRecord],
) -> TransitGatewayAttachment {
    let associated = tables.iter().find(|table| table.associations.contains(&record.id));
    TransitGatewayAttachment {
        transit_gateway_attachment_id: Some(record.id.clone()),
        transit_gateway_id: Some(record.gateway.clone()),
        transit_gateway_owner_id: Some(call.account.to_string()),
        resource_owner_id: record.owners().1,
        resource_type: Some(record.resource_type()),
        resource_id: Some(record.resource()),
        state: Some(record.state()),
        association: associated.map(|table| TransitGatewayAttachmentAssociation {
            transit_gateway_route_table_id: Some(table.id().to_owned()),
            state: Some(TransitGatewayAssociationState::Associated),
            ..TransitGatewayAttachmentAssociation::default()
        }),
        creation_time: match &record.to {
            AttachedTo::Vpc(vpc) => vpc.creation_time,
            AttachedTo::Peering(peering) => peering.creation_time,
        },
        tags: Some(shown(tags)),
        ..TransitGatewayAttachment::default()
    }
}
