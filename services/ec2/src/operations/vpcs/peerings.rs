//! Peering of two VPCs: asked for by one side, accepted by the other, which may be another account's and in another
//! region.
//!
//! Surprising: a request that cannot come to anything (blocks overlap, there is no such VPC) is not refused. A
//! connection is made all the same, and is found to have failed, so that nobody learns which VPCs others have.

use base::{Ids, Region};
use ec2_api::VpcPeeringConnectionStateReasonCode as State;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::lookups;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    ACTIVE_VPC_PEERING_CONNECTION_PER_VPC_LIMIT_EXCEEDED, INVALID_STATE_TRANSITION, OPERATION_NOT_PERMITTED,
    OUTSTANDING_VPC_PEERING_CONNECTION_LIMIT_EXCEEDED, UNSUPPORTED_OPERATION,
    VPC_PEERING_CONNECTION_ALREADY_EXISTS,
};
use crate::kind::VPC_PEERING;
use crate::limits::{
    PEERING_DELETED_SHOWN_TIME, PEERING_ENDED_SHOWN_TIME, PEERING_REQUEST_AGE_MAX, PEERINGS_OF_VPC_MAX,
    PEERINGS_OUTSTANDING_MAX,
};
use crate::model::tags::{self, Tags};
use crate::model::vpcs::blocks;
use crate::operations::tags::of_new;
use crate::records::peerings::{PeeringRecord, Side};
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

fn shown(record: PeeringRecord, tags: &Tags) -> VpcPeeringConnection {
    VpcPeeringConnection { tags: Some(tags::shown(tags)), ..record.peering.0 }
}

fn status(code: State, message: String) -> Option<VpcPeeringConnectionStateReason> {
    Some(VpcPeeringConnectionStateReason { code: Some(code), message: Some(message) })
}

/// What is told of one side; of a VPC that its owner has not agreed with, no more than its id.
fn info(side: &Side, vpc: Option<&VpcRecord>) -> VpcPeeringConnectionVpcInfo {
    let block = |block: ipnet::Ipv4Net| CidrBlock { cidr_block: Some(block.to_string()) };
    let block6 = |block: ipnet::Ipv6Net| Ipv6CidrBlock { ipv6_cidr_block: Some(block.to_string()) };
    VpcPeeringConnectionVpcInfo {
        cidr_block: vpc.and_then(|vpc| vpc.vpc.cidr_block.clone()),
        cidr_block_set: vpc.map(|vpc| vpc.blocks().into_iter().map(block).collect()),
        ipv6_cidr_block_set: vpc.map(|vpc| vpc.blocks6().into_iter().map(block6).collect()),
        owner_id: Some(side.account.to_string()),
        peering_options: vpc.map(|_| VpcPeeringConnectionOptionsDescription {
            allow_dns_resolution_from_remote_vpc: Some(false),
            allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
            allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
            ..VpcPeeringConnectionOptionsDescription::default()
        }),
        vpc_id: Some(side.vpc.clone()),
        region: Some(side.region.to_string()),
    }
}

pub async fn create_vpc_peering_connection(
    ec2: &Ec2,
    call: &Call,
    input: CreateVpcPeeringConnectionInput,
) -> Result<CreateVpcPeeringConnectionOutput, Error> {
    let tags = &of_new(
        ec2,
        call,
        "CreateVpcPeeringConnection",
        input.tag_specifications.as_deref(),
        &VPC_PEERING,
        &[],
    )
    .await?;
    if input.requester_peering_connection_options.is_some() {
        let message = "Options for multipath resilience are not supported.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let peer = input.peer_vpc_id.clone().ok_or_else(|| Error::missing("peerVpcId"))?;
    let account = match input.peer_owner_id.as_deref() {
        None => call.account,
        Some(text) => text.parse().map_err(|_| Error::invalid_value(text, "peerOwnerId", ""))?,
    };
    let region = match input.peer_region.as_deref() {
        None => call.region,
        Some(text) => Region::parse(text).ok_or_else(|| Error::invalid_value(text, "peerRegion", ""))?,
    };
    let requester = Side { account: call.account, region: call.region, vpc: input.vpc_id.clone() };
    let (sides, seed) = (&(requester, Side { account, region, vpc: peer }), ec2.ids.number());
    settle(ec2, call).await?;
    let made =
        ec2.store.transact(|tx| async move { request(&tx, call, seed, &sides.0, &sides.1, tags).await });
    let mut peering = shown(made.await?, tags);
    ec2.networks.nudge();
    // The request is on its way; who asks again finds out what came of it.
    peering.status = status(State::InitiatingRequest, format!("Initiating Request to {account}"));
    Ok(CreateVpcPeeringConnectionOutput { vpc_peering_connection: Some(peering) })
}

async fn request(
    tx: &Tx,
    call: &Call,
    seed: u64,
    requester: &Side,
    accepter: &Side,
    tags: &Tags,
) -> Result<PeeringRecord, Error> {
    let place = call.scope();
    let id = VPC_PEERING.new_id(&Ids::seeded(seed));
    if let Some(made) = lookups::made::<PeeringRecord>(tx, &place, &id).await? {
        return Ok(made);
    }
    let own: VpcRecord = resources::get(tx, &place, &requester.vpc).await?;
    if requester == accepter {
        let message = format!("User {} cannot peer a VPC with itself.", call.account);
        return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
    }
    let others = resources::all::<PeeringRecord>(tx, &place).await?;
    let same = |other: &&PeeringRecord| {
        (other.is_active() || other.is_pending()) && other.joins(&requester.vpc) && other.joins(&accepter.vpc)
    };
    if let Some(existing) = others.iter().find(same) {
        let message = format!("{} already exists between these VPCs", existing.id());
        return Err(Error::new(&VPC_PEERING_CONNECTION_ALREADY_EXISTS, message));
    }
    let outstanding = others.iter().filter(|other| other.is_pending() && other.requester.place() == place);
    if outstanding.count() >= PEERINGS_OUTSTANDING_MAX {
        let message = "The maximum number of outstanding VPC peering connection requests has been reached.";
        return Err(Error::new(&OUTSTANDING_VPC_PEERING_CONNECTION_LIMIT_EXCEEDED, message));
    }
    let other = lookups::made::<VpcRecord>(tx, &accepter.place(), &accepter.vpc).await?;
    let can_be = other.as_ref().is_some_and(|other| !overlap(&own, other));
    let (state, changes) = match can_be {
        true => (
            status(State::PendingAcceptance, format!("Pending Acceptance by {}", accepter.account)),
            call.now + PEERING_REQUEST_AGE_MAX,
        ),
        false => (
            status(
                State::Failed,
                "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range".to_owned(),
            ),
            call.now + PEERING_DELETED_SHOWN_TIME,
        ),
    };
    let record = PeeringRecord {
        peering: Kept(VpcPeeringConnection {
            accepter_vpc_info: Some(info(accepter, None)),
            expiration_time: can_be.then_some(changes),
            requester_vpc_info: Some(info(requester, Some(&own))),
            status: state,
            tags: None,
            vpc_peering_connection_id: Some(id),
            multipath_resilience_status: None,
        }),
        requester: requester.clone(),
        accepter: accepter.clone(),
        changes: Some(changes),
    };
    resources::create(tx, &place, &record, tags).await?;
    if can_be && accepter.place() != place {
        resources::put(tx, &accepter.place(), &record).await?;
    }
    Ok(record)
}

fn overlap(one: &VpcRecord, other: &VpcRecord) -> bool {
    let of_other = other.blocks();
    let four = one.blocks().iter().any(|block| of_other.iter().any(|other| blocks::overlap(*block, *other)));
    let of_other = other.blocks6();
    four || one.blocks6().iter().any(|block| of_other.iter().any(|other| blocks::overlap6(*block, *other)))
}

/// Keeps a connection on both sides.
async fn keep(tx: &Tx, record: &PeeringRecord) -> Result<(), Error> {
    for place in record.places() {
        resources::put(tx, &place, record).await?;
    }
    Ok(())
}

fn not_now(id: &str, record: &PeeringRecord) -> Error {
    let state = record.state().map(ToString::to_string).unwrap_or_default();
    let message = format!("Invalid state transition for pcx {id} from {state}");
    Error::new(&INVALID_STATE_TRANSITION, message)
}

fn not_yours(call: &Call, what: &str, id: &str) -> Error {
    let message = format!("User {} cannot {what} peering {id}", call.account);
    Error::new(&OPERATION_NOT_PERMITTED, message)
}

pub async fn accept_vpc_peering_connection(
    ec2: &Ec2,
    call: &Call,
    input: AcceptVpcPeeringConnectionInput,
) -> Result<AcceptVpcPeeringConnectionOutput, Error> {
    settle(ec2, call).await?;
    let (place, id) = (call.scope(), input.vpc_peering_connection_id.as_str());
    let accepted = ec2.store.transact(|tx| async move {
        let mut record: PeeringRecord = resources::get(&tx, &place, id).await?;
        if record.accepter.place() != place {
            return Err(not_yours(call, "accept", id));
        }
        if !record.is_pending() {
            return Err(not_now(id, &record));
        }
        let own: VpcRecord = resources::get(&tx, &place, &record.accepter.vpc).await?;
        within_quota(&tx, &place, own.id()).await?;
        record.peering.0.accepter_vpc_info = Some(info(&record.accepter, Some(&own)));
        record.peering.0.expiration_time = None;
        record.peering.0.status = status(State::Active, "Active".to_owned());
        record.changes = None;
        keep(&tx, &record).await?;
        let tags = resources::tags(&tx, &place, id).await?;
        Ok::<_, Error>((record, tags))
    });
    let (record, tags) = accepted.await?;
    ec2.networks.nudge();
    let mut peering = shown(record, &tags);
    peering.status = status(State::Provisioning, "Provisioning".to_owned());
    Ok(AcceptVpcPeeringConnectionOutput { vpc_peering_connection: Some(peering) })
}

async fn within_quota(tx: &Tx, place: &Place, vpc: &str) -> Result<(), Error> {
    let all = resources::all::<PeeringRecord>(tx, place).await?;
    let active = all.iter().filter(|record| record.is_active() && record.joins(vpc)).count();
    match active < PEERINGS_OF_VPC_MAX {
        true => Ok(()),
        false => {
            let message =
                format!("The VPC {vpc} has reached its maximum number of active VPC peering connections.");
            Err(Error::new(&ACTIVE_VPC_PEERING_CONNECTION_PER_VPC_LIMIT_EXCEEDED, message))
        }
    }
}

pub async fn reject_vpc_peering_connection(
    ec2: &Ec2,
    call: &Call,
    input: RejectVpcPeeringConnectionInput,
) -> Result<RejectVpcPeeringConnectionOutput, Error> {
    settle(ec2, call).await?;
    let (place, id) = (call.scope(), input.vpc_peering_connection_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut record: PeeringRecord = resources::get(&tx, &place, id).await?;
            if record.accepter.place() != place {
                return Err(not_yours(call, "reject", id));
            }
            if !record.is_pending() {
                return Err(not_now(id, &record));
            }
            record.peering.0.expiration_time = None;
            record.peering.0.status = status(State::Rejected, format!("Rejected by {}", call.account));
            record.changes = Some(call.now + PEERING_ENDED_SHOWN_TIME);
            keep(&tx, &record).await
        })
        .await?;
    Ok(RejectVpcPeeringConnectionOutput { r#return: Some(true) })
}

pub async fn delete_vpc_peering_connection(
    ec2: &Ec2,
    call: &Call,
    input: DeleteVpcPeeringConnectionInput,
) -> Result<DeleteVpcPeeringConnectionOutput, Error> {
    settle(ec2, call).await?;
    let (place, id) = (call.scope(), input.vpc_peering_connection_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut record: PeeringRecord = resources::get(&tx, &place, id).await?;
            let may = record.is_active() || (record.is_pending() && record.requester.place() == place);
            if record.is_pending() && !may {
                return Err(not_yours(call, "delete", id));
            }
            if !may {
                return Err(not_now(id, &record));
            }
            end(call, &mut record);
            keep(&tx, &record).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DeleteVpcPeeringConnectionOutput { r#return: Some(true) })
}

fn end(call: &Call, record: &mut PeeringRecord) {
    record.peering.0.expiration_time = None;
    record.peering.0.status = status(State::Deleted, format!("Deleted by {}", call.account));
    record.changes = Some(call.now + PEERING_DELETED_SHOWN_TIME);
}

pub async fn describe_vpc_peering_connections(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpcPeeringConnectionsInput,
) -> Result<DescribeVpcPeeringConnectionsOutput, Error> {
    settle(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeVpcPeeringConnections",
        ids: input.vpc_peering_connection_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<PeeringRecord>(ec2, call, wanted).await?;
    let peerings = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeVpcPeeringConnectionsOutput {
        vpc_peering_connections: Some(peerings),
        next_token: page.next_token,
    })
}

/// Lets requests expire that nobody answered, and forgets what came to nothing long ago.
async fn settle(ec2: &Ec2, call: &Call) -> Result<(), Error> {
    let (place, now) = (call.scope(), call.now);
    let is_due = move |record: &PeeringRecord| record.changes.is_some_and(|at| at <= now);
    let all = ec2.store.read(|tx| async move { resources::all::<PeeringRecord>(&tx, &place).await }).await?;
    if !all.iter().any(is_due) {
        return Ok(());
    }
    ec2.store
        .transact(|tx| async move {
            for mut record in resources::all::<PeeringRecord>(&tx, &place).await? {
                if !is_due(&record) {
                    continue;
                }
                if record.is_pending() {
                    record.peering.0.status = status(State::Expired, "Expired".to_owned());
                    record.changes = record.changes.map(|at| at + PEERING_ENDED_SHOWN_TIME);
                    keep(&tx, &record).await?;
                } else {
                    resources::remove::<PeeringRecord>(&tx, &place, record.id()).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await
}

pub async fn modify_vpc_peering_connection_options(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVpcPeeringConnectionOptionsInput,
) -> Result<ModifyVpcPeeringConnectionOptionsOutput, Error> {
    let (accepter, requester) =
        (&input.accepter_peering_connection_options, &input.requester_peering_connection_options);
    if accepter.is_none() && requester.is_none() {
        return Err(Error::missing("requesterPeeringConnectionOptions"));
    }
    for options in [accepter, requester].into_iter().flatten() {
        supported(options)?;
    }
    let (place, id) = (call.scope(), input.vpc_peering_connection_id.as_str());
    let changed = ec2.store.transact(|tx| async move {
        let mut record: PeeringRecord = resources::get(&tx, &place, id).await?;
        if !record.is_active() {
            return Err(not_now(id, &record));
        }
        let (of_accepter, of_requester) =
            (record.accepter.place() == place, record.requester.place() == place);
        if (accepter.is_some() && !of_accepter) || (requester.is_some() && !of_requester) {
            return Err(not_yours(call, "modify the options of the other side of", id));
        }
        let shown = (
            accepter.as_ref().map(|asked| apply(&mut record.peering.0.accepter_vpc_info, asked)),
            requester.as_ref().map(|asked| apply(&mut record.peering.0.requester_vpc_info, asked)),
        );
        keep(&tx, &record).await?;
        Ok::<_, Error>(shown)
    });
    let (accepter_peering_connection_options, requester_peering_connection_options) = changed.await?;
    Ok(ModifyVpcPeeringConnectionOptionsOutput {
        accepter_peering_connection_options,
        requester_peering_connection_options,
    })
}

/// EC2-Classic is gone, and with it what options there were about it.
fn supported(options: &PeeringConnectionOptionsRequest) -> Result<(), Error> {
    let classic = [
        options.allow_egress_from_local_classic_link_to_remote_vpc,
        options.allow_egress_from_local_vpc_to_remote_classic_link,
        options.allow_multipath_resilience,
    ];
    match classic.contains(&Some(true)) || options.multipath_resilience_mode.is_some() {
        true => Err(Error::new(&UNSUPPORTED_OPERATION, "This peering option is not supported.")),
        false => Ok(()),
    }
}

fn apply(
    info: &mut Option<VpcPeeringConnectionVpcInfo>,
    asked: &PeeringConnectionOptionsRequest,
) -> PeeringConnectionOptions {
    let options = info.get_or_insert_default().peering_options.get_or_insert_default();
    if let Some(allow) = asked.allow_dns_resolution_from_remote_vpc {
        options.allow_dns_resolution_from_remote_vpc = Some(allow);
    }
    PeeringConnectionOptions {
        allow_dns_resolution_from_remote_vpc: options.allow_dns_resolution_from_remote_vpc,
        allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
        allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
        ..PeeringConnectionOptions::default()
    }
}

/// Connections that stand in the way of deleting a VPC.
pub async fn of_vpc(tx: &Tx, place: &Place, vpc: &str) -> Result<Vec<String>, Error> {
    let mut all = resources::all::<PeeringRecord>(tx, place).await?;
    all.retain(|record| record.joins(vpc) && (record.is_active() || record.is_pending()));
    Ok(all.iter().map(|record| record.id().to_owned()).collect())
}
