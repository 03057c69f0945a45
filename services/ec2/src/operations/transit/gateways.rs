//! Transit gateways themselves.

use std::collections::BTreeSet;

use base::Arn;
use ec2_api::*;
use ipnet::IpNet;
use service::{Call, Kept};
use store::Tx;

use super::{attachments_of, tables_of};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INCORRECT_STATE, INVALID_PARAMETER_VALUE, TRANSIT_GATEWAY_LIMIT_EXCEEDED};
use crate::kind::{TRANSIT_GATEWAY, TRANSIT_GATEWAY_ROUTE_TABLE};
use crate::limits::TRANSIT_GATEWAYS_MAX;
use crate::model::tags::shown;
use crate::operations::tags;
use crate::records::Place;
use crate::records::transit::{TransitGatewayRecord, TransitRouteTableRecord};
use crate::resources::{self, Wanted};

/// The number of the private autonomous system that AWS uses when it is told none.
const ASN_DEFAULT: i64 = 64_512;

pub fn by_create(_: &Ec2, call: &Call, _: &CreateTransitGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY.any(call)])
}

pub fn by_delete(_: &Ec2, call: &Call, input: &DeleteTransitGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY.arn(call, &input.transit_gateway_id)])
}

pub fn by_modify(_: &Ec2, call: &Call, input: &ModifyTransitGatewayInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY.arn(call, &input.transit_gateway_id)])
}

pub async fn create_transit_gateway(
    ec2: &Ec2,
    call: &Call,
    input: CreateTransitGatewayInput,
) -> Result<CreateTransitGatewayOutput, Error> {
    let options = options(input.options.unwrap_or_default())?;
    let specifications = input.tag_specifications.as_deref();
    let tags =
        &tags::of_new(ec2, call, "CreateTransitGateway", specifications, &TRANSIT_GATEWAY, &[]).await?;
    let (place, description, options) = (call.scope(), &input.description, &options);
    let made = ec2.store.transact(|tx| async move {
        let all: Vec<TransitGatewayRecord> = resources::all(&tx, &place).await?;
        if all.len() >= TRANSIT_GATEWAYS_MAX {
            let message = "You have reached the limit of transit gateways.";
            return Err(Error::new(&TRANSIT_GATEWAY_LIMIT_EXCEEDED, message));
        }
        let id = TRANSIT_GATEWAY.new_id(&ec2.ids);
        let gateway = TransitGateway {
            transit_gateway_arn: Some(TRANSIT_GATEWAY.arn(call, &id).to_string()),
            transit_gateway_id: Some(id),
            state: Some(TransitGatewayState::Available),
            owner_id: Some(call.account.to_string()),
            description: description.clone(),
            creation_time: Some(call.now),
            options: Some(options.clone()),
            tags: None,
        };
        let mut record = TransitGatewayRecord { gateway: Kept(gateway) };
        default_table(ec2, &tx, call, &mut record).await?;
        resources::create(&tx, &place, &record, tags).await?;
        Ok(record.gateway.0)
    });
    let state = Some(TransitGatewayState::Pending);
    let gateway = TransitGateway { state, tags: Some(shown(tags)), ..made.await? };
    Ok(CreateTransitGatewayOutput { transit_gateway: Some(gateway) })
}

/// The table that attachments are associated with, or propagate to, when nobody says otherwise.
async fn default_table(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    record: &mut TransitGatewayRecord,
) -> Result<(), Error> {
    let mut options = record.options();
    let associates =
        options.default_route_table_association == Some(DefaultRouteTableAssociationValue::Enable);
    let propagates =
        options.default_route_table_propagation == Some(DefaultRouteTablePropagationValue::Enable);
    if !associates && !propagates {
        return Ok(());
    }
    let id = TRANSIT_GATEWAY_ROUTE_TABLE.new_id(&ec2.ids);
    options.association_default_route_table_id = associates.then(|| id.clone());
    options.propagation_default_route_table_id = propagates.then(|| id.clone());
    let table = TransitGatewayRouteTable {
        transit_gateway_route_table_id: Some(id),
        transit_gateway_id: record.gateway.transit_gateway_id.clone(),
        state: Some(TransitGatewayRouteTableState::Available),
        default_association_route_table: Some(associates),
        default_propagation_route_table: Some(propagates),
        creation_time: Some(call.now),
        tags: None,
    };
    record.gateway.0.options = Some(options);
    let table = TransitRouteTableRecord {
        table: Kept(table),
        associations: BTreeSet::new(),
        propagations: BTreeSet::new(),
        routes: Vec::new(),
    };
    resources::put(tx, &call.scope(), &table).await
}

fn options(asked: TransitGatewayRequestOptions) -> Result<TransitGatewayOptions, Error> {
    let asn = asked.amazon_side_asn.unwrap_or(ASN_DEFAULT);
    check_asn(asn)?;
    asked.transit_gateway_cidr_blocks.as_deref().map(check_blocks).transpose()?;
    Ok(TransitGatewayOptions {
        amazon_side_asn: Some(asn),
        transit_gateway_cidr_blocks: asked.transit_gateway_cidr_blocks.filter(|blocks| !blocks.is_empty()),
        auto_accept_shared_attachments: asked
            .auto_accept_shared_attachments
            .or(Some(AutoAcceptSharedAttachmentsValue::Disable)),
        default_route_table_association: asked
            .default_route_table_association
            .or(Some(DefaultRouteTableAssociationValue::Enable)),
        default_route_table_propagation: asked
            .default_route_table_propagation
            .or(Some(DefaultRouteTablePropagationValue::Enable)),
        vpn_ecmp_support: asked.vpn_ecmp_support.or(Some(VpnEcmpSupportValue::Enable)),
        dns_support: asked.dns_support.or(Some(DnsSupportValue::Enable)),
        security_group_referencing_support: asked
            .security_group_referencing_support
            .or(Some(SecurityGroupReferencingSupportValue::Disable)),
        multicast_support: asked.multicast_support.or(Some(MulticastSupportValue::Disable)),
        ..TransitGatewayOptions::default()
    })
}

/// Private numbers, of 16 or 32 bits.
fn check_asn(asn: i64) -> Result<(), Error> {
    match (64_512..=65_534).contains(&asn) || (4_200_000_000..=4_294_967_294).contains(&asn) {
        true => Ok(()),
        false => Err(Error::invalid_value(asn, "AmazonSideAsn", "It is not a private ASN.")),
    }
}

/// Blocks of /24 or larger for IPv4, /64 or larger for IPv6.
fn check_blocks(blocks: &[String]) -> Result<(), Error> {
    for text in blocks {
        let is_fine = match text.parse::<IpNet>() {
            Ok(IpNet::V4(block)) => block.prefix_len() <= 24,
            Ok(IpNet::V6(block)) => block.prefix_len() <= 64,
            Err(_) => false,
        };
        if !is_fine {
            let message = format!("The CIDR block {text} is not valid for a transit gateway.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    Ok(())
}

pub async fn describe_transit_gateways(
    ec2: &Ec2,
    call: &Call,
    input: DescribeTransitGatewaysInput,
) -> Result<DescribeTransitGatewaysOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeTransitGateways",
        ids: input.transit_gateway_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<TransitGatewayRecord>(ec2, call, wanted).await?;
    let gateways = page
        .resources
        .into_iter()
        .map(|(record, tags)| TransitGateway { tags: Some(shown(&tags)), ..record.gateway.0 });
    Ok(DescribeTransitGatewaysOutput {
        transit_gateways: Some(gateways.collect()),
        next_token: page.next_token,
    })
}

pub async fn modify_transit_gateway(
    ec2: &Ec2,
    call: &Call,
    input: ModifyTransitGatewayInput,
) -> Result<ModifyTransitGatewayOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: TransitGatewayRecord = resources::get(&tx, &place, &input.transit_gateway_id).await?;
        if let Some(description) = &input.description {
            record.gateway.0.description = Some(description.clone());
        }
        if let Some(changes) = &input.options {
            let options = change(&tx, &place, &record, changes).await?;
            record.gateway.0.options = Some(options);
        }
        resources::put(&tx, &place, &record).await?;
        Ok::<_, Error>(record.gateway.0)
    });
    let gateway = changed.await?;
    ec2.networks.nudge();
    let gateway = TransitGateway { state: Some(TransitGatewayState::Modifying), ..gateway };
    Ok(ModifyTransitGatewayOutput { transit_gateway: Some(gateway) })
}

async fn change(
    tx: &Tx,
    place: &Place,
    record: &TransitGatewayRecord,
    changes: &ModifyTransitGatewayOptions,
) -> Result<TransitGatewayOptions, Error> {
    let mut options = record.options();
    let blocks = options.transit_gateway_cidr_blocks.get_or_insert_default();
    if let Some(added) = &changes.add_transit_gateway_cidr_blocks {
        check_blocks(added)?;
        blocks.extend(added.iter().cloned());
    }
    if let Some(removed) = &changes.remove_transit_gateway_cidr_blocks {
        blocks.retain(|block| !removed.contains(block));
    }
    if let Some(asn) = changes.amazon_side_asn {
        check_asn(asn)?;
        options.amazon_side_asn = Some(asn);
    }
    for table in [&changes.association_default_route_table_id, &changes.propagation_default_route_table_id]
        .into_iter()
        .flatten()
    {
        resources::get::<TransitRouteTableRecord>(tx, place, table).await?;
    }
    let keep = |kept: &mut Option<String>, given: &Option<String>| {
        if given.is_some() {
            kept.clone_from(given);
        }
    };
    keep(&mut options.association_default_route_table_id, &changes.association_default_route_table_id);
    keep(&mut options.propagation_default_route_table_id, &changes.propagation_default_route_table_id);
    options.vpn_ecmp_support = changes.vpn_ecmp_support.clone().or(options.vpn_ecmp_support);
    options.dns_support = changes.dns_support.clone().or(options.dns_support);
    options.security_group_referencing_support =
        changes.security_group_referencing_support.clone().or(options.security_group_referencing_support);
    options.auto_accept_shared_attachments =
        changes.auto_accept_shared_attachments.clone().or(options.auto_accept_shared_attachments);
    options.default_route_table_association =
        changes.default_route_table_association.clone().or(options.default_route_table_association);
    options.default_route_table_propagation =
        changes.default_route_table_propagation.clone().or(options.default_route_table_propagation);
    Ok(options)
}

pub async fn delete_transit_gateway(
    ec2: &Ec2,
    call: &Call,
    input: DeleteTransitGatewayInput,
) -> Result<DeleteTransitGatewayOutput, Error> {
    let (place, id) = (call.scope(), &input.transit_gateway_id);
    let gone = ec2.store.transact(|tx| async move {
        let record: TransitGatewayRecord = resources::get(&tx, &place, id).await?;
        let attachments = attachments_of(&tx, &place, id).await?;
        if !attachments.is_empty() {
            let ids: Vec<_> = attachments.iter().map(|attachment| attachment.id.as_str()).collect();
            let message = format!("{id} has non-deleted Transit Gateway Attachments: {}.", ids.join(", "));
            return Err(Error::new(&INCORRECT_STATE, message));
        }
        for table in tables_of(&tx, &place, id).await? {
            resources::bury(&tx, &place, &table, call.now).await?;
        }
        resources::bury(&tx, &place, &record, call.now).await?;
        Ok(record.gateway.0)
    });
    let gateway = gone.await?;
    ec2.networks.nudge();
    let gateway = TransitGateway { state: Some(TransitGatewayState::Deleting), ..gateway };
    Ok(DeleteTransitGatewayOutput { transit_gateway: Some(gateway) })
}
