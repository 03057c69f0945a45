//! Further CIDR blocks of VPCs and the IPv6 block of a subnet.
//!
//! A block that is added gets its local route in every table of the VPC at once, and one that is taken away is no
//! longer shown.

use base::Ids;
use ec2_api::*;
use ipnet::Ipv4Net;
use service::Call;
use store::Tx;

use super::{lookups, vpcs};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    CIDR_LIMIT_EXCEEDED, INVALID_CIDR_IN_USE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    INVALID_SUBNET_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND, INVALID_VPC_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND,
    MISSING_PARAMETER, OPERATION_NOT_PERMITTED,
};
use crate::limits::BLOCKS_OF_VPC_MAX;
use crate::model::groups;
use crate::model::vpcs::{blocks, made, routes};
use crate::records::acls::NetworkAclRecord;
use crate::records::groups::{GroupRecord, Matched, Peer, Rule};
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::{SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources;

/// There are no pools of addresses here, so none that is named exists.
pub fn refuse_pools(ipam: [&Option<String>; 2], pool: Option<&str>) -> Result<(), Error> {
    use crate::error::codes::{INVALID_IPAM_POOL_ID_NOT_FOUND, INVALID_IPV6_POOL_ID_NOT_FOUND};
    if let Some(id) = ipam.into_iter().flatten().next() {
        let message = format!("The ipam pool ID '{id}' does not exist");
        return Err(Error::new(&INVALID_IPAM_POOL_ID_NOT_FOUND, message));
    }
    match pool.filter(|pool| *pool != "Amazon") {
        Some(id) => {
            let message = format!("The ipv6 pool ID '{id}' does not exist");
            Err(Error::new(&INVALID_IPV6_POOL_ID_NOT_FOUND, message))
        }
        None => Ok(()),
    }
}

pub async fn associate_vpc_cidr_block(
    ec2: &Ec2,
    call: &Call,
    input: AssociateVpcCidrBlockInput,
) -> Result<AssociateVpcCidrBlockOutput, Error> {
    refuse_pools([&input.ipv4_ipam_pool_id, &input.ipv6_ipam_pool_id], input.ipv6_pool.as_deref())?;
    let wants_ipv6 = input.amazon_provided_ipv6_cidr_block == Some(true);
    let group = &vpcs::border_group(call, input.ipv6_cidr_block_network_border_group, wants_ipv6)?;
    let block = match (input.cidr_block.as_deref(), wants_ipv6) {
        (Some(text), false) => Some(blocks::of_vpc(text)?),
        (None, true) => None,
        (Some(_), true) => {
            let message = "Only one of cidrBlock and amazonProvidedIpv6CidrBlock can be specified";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        (None, false) => {
            let message = "The request must contain either cidrBlock or amazonProvidedIpv6CidrBlock";
            return Err(Error::new(&MISSING_PARAMETER, message));
        }
    };
    let (place, seed, id) = (call.scope(), ec2.ids.number(), input.vpc_id.as_str());
    let answer = ec2.store.transact(|tx| async move {
        let ids = &Ids::seeded(seed);
        let mut vpc: VpcRecord = resources::get(&tx, &place, id).await?;
        match block {
            Some(block) => add_block(&tx, &place, &mut vpc, made::block(ids, block), block).await,
            None => {
                let block = blocks::amazon_provided(ids.number());
                add_block6(&tx, &place, ids, &mut vpc, made::block6(ids, block, group)).await
            }
        }
    });
    let answer = answer.await?;
    ec2.networks.nudge();
    Ok(answer)
}

async fn add_block(
    tx: &Tx,
    place: &Place,
    vpc: &mut VpcRecord,
    made: VpcCidrBlockAssociation,
    block: Ipv4Net,
) -> Result<AssociateVpcCidrBlockOutput, Error> {
    let others = vpc.blocks();
    let existing = vpc.vpc.0.cidr_block_association_set.get_or_insert_default();
    if !existing.iter().any(|one| one.association_id == made.association_id) {
        blocks::addable(block, &others)?;
        if existing.len() >= BLOCKS_OF_VPC_MAX {
            let message = format!(
                "This network '{}' has met its maximum number of allowed CIDRs: {BLOCKS_OF_VPC_MAX}",
                vpc.id()
            );
            return Err(Error::new(&CIDR_LIMIT_EXCEEDED, message));
        }
        existing.push(made.clone());
        resources::put(tx, place, vpc).await?;
        for mut table in lookups::in_vpc::<RouteTableRecord>(tx, place, vpc.id()).await? {
            routes::add_local(table.routes_mut(), made::local(block), block)?;
            resources::put(tx, place, &table).await?;
        }
    }
    let shown = VpcCidrBlockAssociation { cidr_block_state: Some(associating()), ..made };
    let vpc_id = vpc.vpc.vpc_id.clone();
    Ok(AssociateVpcCidrBlockOutput { cidr_block_association: Some(shown), vpc_id, ..Default::default() })
}

async fn add_block6(
    tx: &Tx,
    place: &Place,
    ids: &Ids,
    vpc: &mut VpcRecord,
    made: VpcIpv6CidrBlockAssociation,
) -> Result<AssociateVpcCidrBlockOutput, Error> {
    let had_none = vpc.blocks6().is_empty();
    let existing = vpc.vpc.0.ipv6_cidr_block_association_set.get_or_insert_default();
    if !existing.iter().any(|one| one.association_id == made.association_id) {
        if existing.len() >= BLOCKS_OF_VPC_MAX {
            let message = format!(
                "This network '{}' has met its maximum number of allowed IPv6 CIDRs: {BLOCKS_OF_VPC_MAX}",
                vpc.id()
            );
            return Err(Error::new(&CIDR_LIMIT_EXCEEDED, message));
        }
        existing.push(made.clone());
        resources::put(tx, place, vpc).await?;
        let block = vpc.blocks6().pop().expect("one was added just now");
        for mut table in lookups::in_vpc::<RouteTableRecord>(tx, place, vpc.id()).await? {
            table.routes_mut().push(made::local6(block));
            resources::put(tx, place, &table).await?;
        }
        if had_none {
            open_acls(tx, place, vpc.id()).await?;
            open_groups(tx, place, ids, vpc.id()).await?;
        }
    }
    let shown = VpcIpv6CidrBlockAssociation { ipv6_cidr_block_state: Some(associating()), ..made };
    let vpc_id = vpc.vpc.vpc_id.clone();
    Ok(AssociateVpcCidrBlockOutput { ipv6_cidr_block_association: Some(shown), vpc_id, ..Default::default() })
}

/// With a VPC's first IPv6 block, its ACLs get their entries for IPv6.
async fn open_acls(tx: &Tx, place: &Place, vpc: &str) -> Result<(), Error> {
    for mut acl in lookups::in_vpc::<NetworkAclRecord>(tx, place, vpc).await? {
        if acl.entries().iter().any(|entry| entry.ipv6_cidr_block.is_some()) {
            continue;
        }
        let is_default = acl.is_default();
        for egress in [true, false] {
            acl.entries_mut().extend(made::entries6(egress, is_default));
        }
        resources::put(tx, place, &acl).await?;
    }
    Ok(())
}

/// And its groups let IPv6 out as well, unless their outbound rules were changed ("Default security groups").
async fn open_groups(tx: &Tx, place: &Place, ids: &Ids, vpc: &str) -> Result<(), Error> {
    for mut group in resources::all::<GroupRecord>(tx, place).await? {
        let out: Vec<&Rule> = group.rules(true).collect();
        let anywhere = Peer::Ipv4(Ipv4Net::default());
        let is_as_made = matches!(out[..], [rule] if rule.peer == anywhere && rule.matched == Matched::all());
        if group.vpc() == vpc && is_as_made {
            group.rules.extend(groups::outward(ids, true).pop());
            resources::put(tx, place, &group).await?;
        }
    }
    Ok(())
}

fn associating() -> VpcCidrBlockState {
    VpcCidrBlockState { state: Some(VpcCidrBlockStateCode::Associating), status_message: None }
}

fn disassociating() -> VpcCidrBlockState {
    VpcCidrBlockState { state: Some(VpcCidrBlockStateCode::Disassociating), status_message: None }
}

pub async fn disassociate_vpc_cidr_block(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateVpcCidrBlockInput,
) -> Result<DisassociateVpcCidrBlockOutput, Error> {
    let (place, id) = (call.scope(), input.association_id.as_str());
    let answer = ec2.store.transact(|tx| async move {
        for vpc in resources::all::<VpcRecord>(&tx, &place).await? {
            let of = |id_of: &Option<String>| id_of.as_deref() == Some(id);
            let mut blocks = vpc.vpc.cidr_block_association_set.iter().flatten();
            if let Some(block) = blocks.find(|block| of(&block.association_id)).cloned() {
                return remove_block(&tx, &place, vpc, block).await;
            }
            let mut blocks = vpc.vpc.ipv6_cidr_block_association_set.iter().flatten();
            if let Some(block) = blocks.find(|block| of(&block.association_id)).cloned() {
                return remove_block6(&tx, &place, vpc, block).await;
            }
        }
        let message = format!("The vpc CIDR block association ID '{id}' does not exist");
        Err(Error::new(&INVALID_VPC_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND, message))
    });
    let answer = answer.await?;
    ec2.networks.nudge();
    Ok(answer)
}

async fn remove_block(
    tx: &Tx,
    place: &Place,
    mut vpc: VpcRecord,
    block: VpcCidrBlockAssociation,
) -> Result<DisassociateVpcCidrBlockOutput, Error> {
    if block.cidr_block == vpc.vpc.cidr_block {
        let message = format!(
            "The vpc CIDR block with association ID {} may not be disassociated. It is the primary IPv4 CIDR block of the VPC",
            block.association_id.as_deref().unwrap_or_default()
        );
        return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
    }
    let text = block.cidr_block.clone().unwrap_or_default();
    let net: Ipv4Net = blocks::parse(&text, "cidrBlock")?;
    let subnets = lookups::in_vpc::<SubnetRecord>(tx, place, vpc.id()).await?;
    let inside: Vec<&str> = subnets
        .iter()
        .filter(|subnet| subnet.block().is_some_and(|inside| net.contains(&inside)))
        .map(Resource::id)
        .collect();
    in_use(&text, &inside)?;
    vpc.vpc
        .0
        .cidr_block_association_set
        .get_or_insert_default()
        .retain(|one| one.association_id != block.association_id);
    resources::put(tx, place, &vpc).await?;
    for mut table in lookups::in_vpc::<RouteTableRecord>(tx, place, vpc.id()).await? {
        table.routes_mut().retain(|route| {
            !(routes::is_local(route) && route.destination_cidr_block.as_deref() == Some(text.as_str()))
        });
        resources::put(tx, place, &table).await?;
    }
    let shown = VpcCidrBlockAssociation { cidr_block_state: Some(disassociating()), ..block };
    let vpc_id = vpc.vpc.0.vpc_id;
    Ok(DisassociateVpcCidrBlockOutput { cidr_block_association: Some(shown), vpc_id, ..Default::default() })
}

fn in_use(block: &str, inside: &[&str]) -> Result<(), Error> {
    match inside.is_empty() {
        true => Ok(()),
        false => {
            let message = format!("The CIDR block {block} is in use by subnets: {}", inside.join(", "));
            Err(Error::new(&INVALID_CIDR_IN_USE, message))
        }
    }
}

async fn remove_block6(
    tx: &Tx,
    place: &Place,
    mut vpc: VpcRecord,
    block: VpcIpv6CidrBlockAssociation,
) -> Result<DisassociateVpcCidrBlockOutput, Error> {
    let text = block.ipv6_cidr_block.clone().unwrap_or_default();
    let net = blocks::parse6(&text, "ipv6CidrBlock")?;
    let subnets = lookups::in_vpc::<SubnetRecord>(tx, place, vpc.id()).await?;
    let inside: Vec<&str> = subnets
        .iter()
        .filter(|subnet| subnet.block6().is_some_and(|inside| net.contains(&inside)))
        .map(Resource::id)
        .collect();
    in_use(&text, &inside)?;
    vpc.vpc
        .0
        .ipv6_cidr_block_association_set
        .get_or_insert_default()
        .retain(|one| one.association_id != block.association_id);
    resources::put(tx, place, &vpc).await?;
    for mut table in lookups::in_vpc::<RouteTableRecord>(tx, place, vpc.id()).await? {
        table.routes_mut().retain(|route| {
            !(routes::is_local(route) && route.destination_ipv6_cidr_block.as_deref() == Some(text.as_str()))
        });
        resources::put(tx, place, &table).await?;
    }
    let shown = VpcIpv6CidrBlockAssociation { ipv6_cidr_block_state: Some(disassociating()), ..block };
    let vpc_id = vpc.vpc.0.vpc_id;
    Ok(DisassociateVpcCidrBlockOutput {
        ipv6_cidr_block_association: Some(shown),
        vpc_id,
        ..Default::default()
    })
}

pub async fn associate_subnet_cidr_block(
    ec2: &Ec2,
    call: &Call,
    input: AssociateSubnetCidrBlockInput,
) -> Result<AssociateSubnetCidrBlockOutput, Error> {
    refuse_pools([&input.ipv6_ipam_pool_id, &None], None)?;
    let text = input.ipv6_cidr_block.as_deref().ok_or_else(|| Error::missing("ipv6CidrBlock"))?;
    let (place, seed, id) = (call.scope(), ec2.ids.number(), input.subnet_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        let mut subnet: SubnetRecord = resources::get(&tx, &place, id).await?;
        let vpc: VpcRecord = resources::get(&tx, &place, subnet.vpc()).await?;
        let others = lookups::in_vpc::<SubnetRecord>(&tx, &place, subnet.vpc()).await?;
        let others: Vec<_> =
            others.iter().filter(|other| other.id() != id).filter_map(SubnetRecord::block6).collect();
        let block = blocks::of_subnet6(text, &vpc.blocks6(), &others)?;
        let made = made::subnet_block6(&Ids::seeded(seed), block);
        let existing = subnet.subnet.0.ipv6_cidr_block_association_set.get_or_insert_default();
        if existing.iter().any(|one| one.association_id == made.association_id) {
            return Ok(made);
        }
        if !existing.is_empty() {
            let message = format!("The subnet '{id}' already has an IPv6 CIDR block associated with it");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        existing.push(made.clone());
        resources::put(&tx, &place, &subnet).await?;
        Ok::<_, Error>(made)
    });
    let made = made.await?;
    ec2.networks.nudge();
    let state =
        SubnetCidrBlockState { state: Some(SubnetCidrBlockStateCode::Associating), status_message: None };
    let shown = SubnetIpv6CidrBlockAssociation { ipv6_cidr_block_state: Some(state), ..made };
    Ok(AssociateSubnetCidrBlockOutput {
        ipv6_cidr_block_association: Some(shown),
        subnet_id: Some(input.subnet_id),
    })
}

pub async fn disassociate_subnet_cidr_block(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateSubnetCidrBlockInput,
) -> Result<DisassociateSubnetCidrBlockOutput, Error> {
    let (place, id) = (call.scope(), input.association_id.as_str());
    let answer = ec2.store.transact(|tx| async move {
        let name = "ipv6-cidr-block-association.association-id";
        let Some(mut subnet) = lookups::having::<SubnetRecord>(&tx, &place, name, id).await?.pop() else {
            let message = format!("The subnet CIDR block association ID '{id}' does not exist");
            return Err(Error::new(&INVALID_SUBNET_CIDR_BLOCK_ASSOCIATION_ID_NOT_FOUND, message));
        };
        if subnet.is_native() {
            let message = format!(
                "The IPv6 CIDR block of the IPv6 only subnet '{}' may not be disassociated",
                subnet.id()
            );
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        super::subnets::no_addresses6(&tx, &place, subnet.id()).await?;
        let block = subnet.subnet.0.ipv6_cidr_block_association_set.get_or_insert_default().pop();
        subnet.subnet.0.assign_ipv6_address_on_creation = Some(false);
        resources::put(&tx, &place, &subnet).await?;
        Ok((block, subnet.subnet.0.subnet_id))
    });
    let (block, subnet_id) = answer.await?;
    ec2.networks.nudge();
    let state =
        SubnetCidrBlockState { state: Some(SubnetCidrBlockStateCode::Disassociating), status_message: None };
    let ipv6_cidr_block_association =
        block.map(|block| SubnetIpv6CidrBlockAssociation { ipv6_cidr_block_state: Some(state), ..block });
    Ok(DisassociateSubnetCidrBlockOutput { ipv6_cidr_block_association, subnet_id })
}
