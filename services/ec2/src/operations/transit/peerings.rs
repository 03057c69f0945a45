//! Attachments between two transit gateways, also of other accounts and regions. The other side must accept.

use base::{AccountId, Arn, Region};
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::attachments::leave;
use super::invalid_state;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::kind::{TRANSIT_GATEWAY, TRANSIT_GATEWAY_ATTACHMENT};
use crate::model::tags::shown;
use crate::operations::tags;
use crate::records::transit::{AttachedTo, TransitAttachmentRecord, TransitGatewayRecord};
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

pub fn by_create(
    _: &Ec2,
    call: &Call,
    input: &CreateTransitGatewayPeeringAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    let gateway = TRANSIT_GATEWAY.arn(call, &input.transit_gateway_id);
    Ok(vec![gateway, TRANSIT_GATEWAY_ATTACHMENT.any(call)])
}

pub fn by_accept(
    _: &Ec2,
    call: &Call,
    input: &AcceptTransitGatewayPeeringAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

pub fn by_reject(
    _: &Ec2,
    call: &Call,
    input: &RejectTransitGatewayPeeringAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

pub fn by_delete(
    _: &Ec2,
    call: &Call,
    input: &DeleteTransitGatewayPeeringAttachmentInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![TRANSIT_GATEWAY_ATTACHMENT.arn(call, &input.transit_gateway_attachment_id)])
}

pub async fn create_transit_gateway_peering_attachment(
    ec2: &Ec2,
    call: &Call,
    input: CreateTransitGatewayPeeringAttachmentInput,
) -> Result<CreateTransitGatewayPeeringAttachmentOutput, Error> {
    let account: AccountId = input.peer_account_id.parse().map_err(|_| {
        Error::invalid_value(&input.peer_account_id, "peerAccountId", "It is not an account ID.")
    })?;
    let region = Region::parse(&input.peer_region)
        .ok_or_else(|| Error::invalid_value(&input.peer_region, "peerRegion", "There is no such Region."))?;
    let specifications = input.tag_specifications.as_deref();
    let (operation, kind) = ("CreateTransitGatewayPeeringAttachment", &TRANSIT_GATEWAY_ATTACHMENT);
    let tags = &tags::of_new(ec2, call, operation, specifications, kind, &[]).await?;
    let (place, there, input) = (call.scope(), (account, region), &input);
    let made = ec2.store.transact(|tx| async move {
        resources::get::<TransitGatewayRecord>(&tx, &place, &input.transit_gateway_id).await?;
        resources::get::<TransitGatewayRecord>(&tx, &there, &input.peer_transit_gateway_id).await?;
        if input.transit_gateway_id == input.peer_transit_gateway_id {
            let message = "A transit gateway cannot be peered with itself.";
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let id = kind.new_id(&ec2.ids);
        let side = |place: &Place, gateway: &str| PeeringTgwInfo {
            transit_gateway_id: Some(gateway.to_owned()),
            owner_id: Some(place.0.to_string()),
            region: Some(place.1.to_string()),
            core_network_id: None,
        };
        let options = input.options.as_ref().map(|asked| TransitGatewayPeeringAttachmentOptions {
            dynamic_routing: asked.dynamic_routing.clone(),
            requester_allow_multipath_resilience: asked.allow_multipath_resilience,
            requester_multipath_resilience_mode: asked.multipath_resilience_mode.clone(),
            ..TransitGatewayPeeringAttachmentOptions::default()
        });
        let peering = TransitGatewayPeeringAttachment {
            transit_gateway_attachment_id: Some(id.clone()),
            requester_tgw_info: Some(side(&place, &input.transit_gateway_id)),
            accepter_tgw_info: Some(side(&there, &input.peer_transit_gateway_id)),
            options,
            state: Some(TransitGatewayAttachmentState::PendingAcceptance),
            creation_time: Some(call.now),
            ..TransitGatewayPeeringAttachment::default()
        };
        let record = |gateway: &str| TransitAttachmentRecord {
            id: id.clone(),
            gateway: gateway.to_owned(),
            to: AttachedTo::Peering(Kept(peering.clone())),
        };
        resources::create(&tx, &place, &record(&input.transit_gateway_id), tags).await?;
        if there != place {
            resources::put(&tx, &there, &record(&input.peer_transit_gateway_id)).await?;
        }
        Ok(peering)
    });
    let state = Some(TransitGatewayAttachmentState::InitiatingRequest);
    let peering = TransitGatewayPeeringAttachment { state, tags: Some(shown(tags)), ..made.await? };
    Ok(CreateTransitGatewayPeeringAttachmentOutput { transit_gateway_peering_attachment: Some(peering) })
}

/// Where a side of a peering is.
fn place_of(side: Option<&PeeringTgwInfo>) -> Option<Place> {
    let side = side?;
    Some((side.owner_id.as_deref()?.parse().ok()?, Region::parse(side.region.as_deref()?)?))
}

/// Both sides' places.
fn places(peering: &TransitGatewayPeeringAttachment) -> Vec<Place> {
    let sides = [&peering.requester_tgw_info, &peering.accepter_tgw_info];
    let mut places: Vec<Place> = sides.into_iter().filter_map(|side| place_of(side.as_ref())).collect();
    places.dedup();
    places
}

async fn find(tx: &Tx, place: &Place, id: &str) -> Result<TransitGatewayPeeringAttachment, Error> {
    let record: TransitAttachmentRecord = resources::get(tx, place, id).await?;
    match record.to {
        AttachedTo::Peering(Kept(peering)) => Ok(peering),
        AttachedTo::Vpc(_) => Err(TRANSIT_GATEWAY_ATTACHMENT.missing(id)),
    }
}

/// Sets the state on both sides; only the accepter may, and only while it is asked.
async fn answer(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    accepted: bool,
) -> Result<TransitGatewayPeeringAttachment, Error> {
    let place = call.scope();
    let done = ec2.store.transact(|tx| async move {
        let mut peering = find(&tx, &place, id).await?;
        let is_accepter = place_of(peering.accepter_tgw_info.as_ref()) == Some(place);
        if !is_accepter || peering.state != Some(TransitGatewayAttachmentState::PendingAcceptance) {
            return Err(invalid_state(id));
        }
        peering.state = Some(match accepted {
            true => TransitGatewayAttachmentState::Available,
            false => TransitGatewayAttachmentState::Rejected,
        });
        for side in places(&peering) {
            let mut record: TransitAttachmentRecord = resources::get(&tx, &side, id).await?;
            record.to = AttachedTo::Peering(Kept(peering.clone()));
            resources::put(&tx, &side, &record).await?;
        }
        Ok(peering)
    });
    let peering = done.await?;
    ec2.networks.nudge();
    Ok(peering)
}

pub async fn accept_transit_gateway_peering_attachment(
    ec2: &Ec2,
    call: &Call,
    input: AcceptTransitGatewayPeeringAttachmentInput,
) -> Result<AcceptTransitGatewayPeeringAttachmentOutput, Error> {
    let peering = answer(ec2, call, &input.transit_gateway_attachment_id, true).await?;
    let peering =
        TransitGatewayPeeringAttachment { state: Some(TransitGatewayAttachmentState::Pending), ..peering };
    Ok(AcceptTransitGatewayPeeringAttachmentOutput { transit_gateway_peering_attachment: Some(peering) })
}

pub async fn reject_transit_gateway_peering_attachment(
    ec2: &Ec2,
    call: &Call,
    input: RejectTransitGatewayPeeringAttachmentInput,
) -> Result<RejectTransitGatewayPeeringAttachmentOutput, Error> {
    let peering = answer(ec2, call, &input.transit_gateway_attachment_id, false).await?;
    Ok(RejectTransitGatewayPeeringAttachmentOutput { transit_gateway_peering_attachment: Some(peering) })
}

/// Either side may end it.
pub async fn delete_transit_gateway_peering_attachment(
    ec2: &Ec2,
    call: &Call,
    input: DeleteTransitGatewayPeeringAttachmentInput,
) -> Result<DeleteTransitGatewayPeeringAttachmentOutput, Error> {
    let (place, id) = (call.scope(), &input.transit_gateway_attachment_id);
    let gone = ec2.store.transact(|tx| async move {
        let peering = find(&tx, &place, id).await?;
        for side in places(&peering) {
            if let Some(record) = TransitAttachmentRecord::TABLE.get(&tx, &side, id).await? {
                leave(&tx, &side, &record, call.now).await?;
            }
        }
        Ok::<_, Error>(peering)
    });
    let state = Some(TransitGatewayAttachmentState::Deleting);
    let peering = TransitGatewayPeeringAttachment { state, ..gone.await? };
    ec2.networks.nudge();
    Ok(DeleteTransitGatewayPeeringAttachmentOutput { transit_gateway_peering_attachment: Some(peering) })
}

pub async fn describe_transit_gateway_peering_attachments(
    ec2: &Ec2,
    call: &Call,
    input: DescribeTransitGatewayPeeringAttachmentsInput,
) -> Result<DescribeTransitGatewayPeeringAttachmentsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeTransitGatewayPeeringAttachments",
        ids: input.transit_gateway_attachment_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<TransitAttachmentRecord>(ec2, call, wanted).await?;
    let peerings = page.resources.into_iter().filter_map(|(record, tags)| match record.to {
        AttachedTo::Peering(Kept(peering)) => {
            Some(TransitGatewayPeeringAttachment { tags: Some(shown(&tags)), ..peering })
        }
        AttachedTo::Vpc(_) => None,
    });
    Ok(DescribeTransitGatewayPeeringAttachmentsOutput {
        transit_gateway_peering_attachments: Some(peerings.collect()),
        next_token: page.next_token,
    })
}
