//! The groups and lists that rules name: found, and whether they may be named.

use std::collections::BTreeMap;

use base::AccountId;
use ec2_api::UserIdGroupPair;
use service::Call;
use store::Tx;

use super::security_groups::default_vpc;
use crate::error::Error;
use crate::error::codes::{INVALID_GROUP_NOT_FOUND, INVALID_PARAMETER_VALUE, VPC_NOT_SPECIFIED};
use crate::kind::SECURITY_GROUP;
use crate::model::group_rules::NamedPeer;
use crate::model::vpcs::aws_lists;
use crate::records::groups::{GROUP_VPCS, GroupRecord, Peer, Rule};
use crate::records::peerings::PeeringRecord;
use crate::records::prefix_lists::PrefixListRecord;
use crate::records::{Place, Resource};
use crate::resources;

/// What a new rule of `group` names.
///
/// # Errors
/// `InvalidGroup.NotFound` for a group that does not exist or cannot be reached from this one's VPC; the list's own.
pub async fn resolve(tx: &Tx, call: &Call, group: &GroupRecord, peer: &NamedPeer) -> Result<Peer, Error> {
    let pair = match peer {
        NamedPeer::Known(Peer::List(id)) => {
            if aws_lists::by_id(call.region, id).is_none() {
                resources::get::<PrefixListRecord>(tx, &call.scope(), id).await?;
            }
            return Ok(Peer::List(id.clone()));
        }
        NamedPeer::Known(peer) => return Ok(peer.clone()),
        NamedPeer::Group(pair) => pair,
    };
    let place = (owner(call, pair)?, call.region);
    let named = find(tx, call, place, pair).await?;
    if named.vpc() == group.vpc() || shares_vpc(tx, &place, &named, group.vpc()).await? {
        return Ok(Peer::Group { id: named.id().to_owned(), owner: place.0, vpc: None, peering: None });
    }
    let peering = peering(tx, call, group.vpc(), named.vpc()).await?;
    let Some(peering) = peering else {
        let message = "You have specified two resources that belong to different networks.";
        return Err(Error::new(&INVALID_GROUP_NOT_FOUND, message));
    };
    Ok(Peer::Group {
        id: named.id().to_owned(),
        owner: place.0,
        vpc: Some(named.vpc().to_owned()),
        peering: Some(peering),
    })
}

/// What a rule to be found names: what no longer exists may still be named.
pub async fn resolve_known(
    tx: &Tx,
    call: &Call,
    group: &GroupRecord,
    peer: &NamedPeer,
) -> Result<Peer, Error> {
    let pair = match peer {
        NamedPeer::Known(peer) => return Ok(peer.clone()),
        NamedPeer::Group(pair) => pair,
    };
    let owner = owner(call, pair)?;
    match &pair.group_id {
        Some(id) => Ok(Peer::Group { id: id.clone(), owner, vpc: None, peering: None }),
        None => resolve(tx, call, group, peer).await,
    }
}

fn owner(call: &Call, pair: &UserIdGroupPair) -> Result<AccountId, Error> {
    let Some(owner) = pair.user_id.as_deref().filter(|owner| !owner.is_empty()) else {
        return Ok(call.account);
    };
    owner.parse().map_err(|_| {
        let message = format!("Invalid value '{owner}' for UserId. It is not an account ID.");
        Error::new(&INVALID_PARAMETER_VALUE, message)
    })
}

async fn find(tx: &Tx, call: &Call, place: Place, pair: &UserIdGroupPair) -> Result<GroupRecord, Error> {
    if let Some(id) = &pair.group_id {
        return resources::get(tx, &place, id).await;
    }
    let Some(name) = &pair.group_name else {
        return Err(Error::missing("groupName or groupId"));
    };
    let Some(vpc) = default_vpc(tx, &call.scope()).await? else {
        return Err(Error::new(&VPC_NOT_SPECIFIED, "No default VPC for this user"));
    };
    let all: Vec<GroupRecord> = resources::all(tx, &place).await?;
    let found = all.into_iter().find(|group| group.name() == name && group.vpc() == vpc.id());
    found.ok_or_else(|| SECURITY_GROUP.missing(name))
}

/// Whether a group may be used in a VPC besides its own.
async fn shares_vpc(tx: &Tx, place: &Place, group: &GroupRecord, vpc: &str) -> Result<bool, Error> {
    Ok(GROUP_VPCS.get(tx, place, &format!("{}/{vpc}", group.id())).await?.is_some())
}

/// The active peering connection of two VPCs of one region.
async fn peering(tx: &Tx, call: &Call, one: &str, other: &str) -> Result<Option<String>, Error> {
    let all: Vec<PeeringRecord> = resources::all(tx, &call.scope()).await?;
    let same_region = |record: &PeeringRecord| record.requester.region == record.accepter.region;
    let joins = |record: &&PeeringRecord| {
        record.is_active() && same_region(record) && record.joins(one) && record.joins(other)
    };
    Ok(all.iter().find(joins).map(|record| record.id().to_owned()))
}

/// Whether a peering connection still connects.
pub async fn is_active(tx: &Tx, place: &Place, peering: &str) -> Result<bool, Error> {
    let record = PeeringRecord::TABLE.get(tx, place, peering).await?;
    Ok(record.is_some_and(|record| record.is_active()))
}

/// How many rules each prefix list that rules name counts as: as many as it may have entries.
pub async fn weights(
    tx: &Tx,
    place: &Place,
    group: &GroupRecord,
    fresh: &[Rule],
) -> Result<BTreeMap<String, usize>, Error> {
    let mut weights = BTreeMap::new();
    for rule in group.rules.iter().chain(fresh) {
        let Peer::List(id) = &rule.peer else { continue };
        if let Some(list) = PrefixListRecord::TABLE.get(tx, place, id).await? {
            weights.insert(id.clone(), list.entries_max());
        }
    }
    Ok(weights)
}
