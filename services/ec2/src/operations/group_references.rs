//! Security groups beyond their VPC: who refers to them, which references are dead, where else they may be used.

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::{Select, Tx};

use super::lists::{self, Asked};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{DEPENDENCY_VIOLATION, INVALID_PARAMETER, INVALID_PARAMETER_VALUE};
use crate::kind::{SECURITY_GROUP, VPC};
use crate::limits::PAGE_MAX;
use crate::model::filter::{Filters, maybe, one};
use crate::model::group_rules::shown_permissions;
use crate::model::groups::NO_TAGS;
use crate::model::tags::{Tags, shown};
use crate::records::groups::{GROUP_VPCS, GroupRecord, GroupVpcRecord, Peer, Rule};
use crate::records::interfaces::InterfaceRecord;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources;

pub fn by_references(
    _: &Ec2,
    call: &Call,
    input: &DescribeSecurityGroupReferencesInput,
) -> Result<Vec<Arn>, Error> {
    Ok(input.group_id.iter().map(|id| SECURITY_GROUP.arn(call, id)).collect())
}

pub fn by_vpc(_: &Ec2, call: &Call, input: &GetSecurityGroupsForVpcInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![VPC.arn(call, &input.vpc_id)])
}

pub fn by_associate(_: &Ec2, call: &Call, input: &AssociateSecurityGroupVpcInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![SECURITY_GROUP.arn(call, &input.group_id), VPC.arn(call, &input.vpc_id)])
}

pub fn by_disassociate(
    _: &Ec2,
    call: &Call,
    input: &DisassociateSecurityGroupVpcInput,
) -> Result<Vec<Arn>, Error> {
    Ok(vec![SECURITY_GROUP.arn(call, &input.group_id)])
}

/// The VPCs across peering connections whose groups name these.
pub async fn describe_security_group_references(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSecurityGroupReferencesInput,
) -> Result<DescribeSecurityGroupReferencesOutput, Error> {
    let (place, ids) = (call.scope(), &input.group_id);
    let found = ec2.store.read(|tx| async move {
        for id in ids {
            resources::get::<GroupRecord>(&tx, &place, id).await?;
        }
        let all: Vec<GroupRecord> = resources::all(&tx, &place).await?;
        let mut found: Vec<SecurityGroupReference> = Vec::new();
        for group in &all {
            for rule in &group.rules {
                let Peer::Group { id, peering: Some(peering), .. } = &rule.peer else { continue };
                let reference = SecurityGroupReference {
                    group_id: Some(id.clone()),
                    referencing_vpc_id: Some(group.vpc().to_owned()),
                    vpc_peering_connection_id: Some(peering.clone()),
                    transit_gateway_id: None,
                };
                if ids.contains(id) && !found.contains(&reference) {
                    found.push(reference);
                }
            }
        }
        Ok::<_, Error>(found)
    });
    Ok(DescribeSecurityGroupReferencesOutput { security_group_reference_set: Some(found.await?) })
}

/// Rules that name groups which are gone, or which cannot be reached any more.
pub async fn describe_stale_security_groups(
    ec2: &Ec2,
    call: &Call,
    input: DescribeStaleSecurityGroupsInput,
) -> Result<DescribeStaleSecurityGroupsOutput, Error> {
    let (place, vpc) = (call.scope(), &input.vpc_id);
    let found = ec2.store.read(|tx| async move {
        resources::get::<VpcRecord>(&tx, &place, vpc).await?;
        let all: Vec<GroupRecord> = resources::all(&tx, &place).await?;
        let mut found = Vec::new();
        for group in all.iter().filter(|group| group.vpc() == vpc) {
            let mut stale = Vec::new();
            for rule in &group.rules {
                if is_stale(&tx, &place, rule).await? {
                    stale.push(rule);
                }
            }
            if !stale.is_empty() {
                found.push(shown_stale(group, &stale));
            }
        }
        Ok::<_, Error>(found)
    });
    let found = found.await?;
    let asked = Asked {
        operation: "DescribeStaleSecurityGroups",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |group: &StaleSecurityGroup| group.group_id.clone().unwrap_or_default();
    let (found, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeStaleSecurityGroupsOutput { stale_security_group_set: Some(found), next_token })
}

async fn is_stale(tx: &Tx, place: &Place, rule: &Rule) -> Result<bool, Error> {
    let Peer::Group { id, owner, peering, .. } = &rule.peer else { return Ok(false) };
    if GroupRecord::TABLE.get(tx, &(*owner, place.1), id).await?.is_none() {
        return Ok(true);
    }
    match peering {
        Some(peering) => Ok(!super::group_peers::is_active(tx, place, peering).await?),
        None => Ok(false),
    }
}

fn shown_stale(group: &GroupRecord, rules: &[&Rule]) -> StaleSecurityGroup {
    let of = |egress: bool| {
        let rules = rules.iter().copied().filter(|rule| rule.egress == egress);
        let shown = shown_permissions(rules).into_iter().map(|permission| StaleIpPermission {
            from_port: permission.from_port,
            ip_protocol: permission.ip_protocol,
            to_port: permission.to_port,
            user_id_group_pairs: permission.user_id_group_pairs,
            ..StaleIpPermission::default()
        });
        Some(shown.collect())
    };
    StaleSecurityGroup {
        description: group.group.description.clone(),
        group_id: group.group.group_id.clone(),
        group_name: group.group.group_name.clone(),
        vpc_id: group.group.vpc_id.clone(),
        stale_ip_permissions: of(false),
        stale_ip_permissions_egress: of(true),
    }
}

/// The VPC's own groups and those that were associated with it.
pub async fn get_security_groups_for_vpc(
    ec2: &Ec2,
    call: &Call,
    input: GetSecurityGroupsForVpcInput,
) -> Result<GetSecurityGroupsForVpcOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    let known = ["group-id", "description", "group-name", "owner-id", "primary-vpc-id"];
    filters.check(&|name| known.contains(&name).then(Vec::new))?;
    let (place, vpc) = (call.scope(), &input.vpc_id);
    let found = ec2.store.read(|tx| async move {
        resources::get::<VpcRecord>(&tx, &place, vpc).await?;
        let mut tags_of = resources::tags_of(&tx, &place, &SECURITY_GROUP).await?;
        let mut found = Vec::new();
        for group in resources::all::<GroupRecord>(&tx, &place).await? {
            let key = format!("{}/{vpc}", group.id());
            if group.vpc() != vpc && GROUP_VPCS.get(&tx, &place, &key).await?.is_none() {
                continue;
            }
            let tags = tags_of.remove(group.id()).unwrap_or_default();
            let of = |name: &str| match name {
                "primary-vpc-id" => one(group.vpc()),
                name => group.filter(name),
            };
            if filters.admit(&tags, &of)? {
                found.push(for_vpc(&group, &tags));
            }
        }
        Ok::<_, Error>(found)
    });
    let found = found.await?;
    let asked = Asked {
        operation: "GetSecurityGroupsForVpc",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |group: &SecurityGroupForVpc| group.group_id.clone().unwrap_or_default();
    let (found, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(GetSecurityGroupsForVpcOutput { security_group_for_vpcs: Some(found), next_token })
}

fn for_vpc(group: &GroupRecord, tags: &Tags) -> SecurityGroupForVpc {
    SecurityGroupForVpc {
        description: group.group.description.clone(),
        group_name: group.group.group_name.clone(),
        owner_id: group.group.owner_id.clone(),
        group_id: group.group.group_id.clone(),
        tags: Some(shown(tags)),
        primary_vpc_id: group.group.vpc_id.clone(),
    }
}

pub async fn associate_security_group_vpc(
    ec2: &Ec2,
    call: &Call,
    input: AssociateSecurityGroupVpcInput,
) -> Result<AssociateSecurityGroupVpcOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let state = SecurityGroupVpcAssociationState::Associated;
    let (shown_state, kept_state) = (state.clone(), &state);
    let made = ec2.store.transact(|tx| async move {
        let group: GroupRecord = resources::get(&tx, &place, &input.group_id).await?;
        let vpc: VpcRecord = resources::get(&tx, &place, &input.vpc_id).await?;
        if group.name() == "default" {
            let message = "You cannot associate a default security group with another VPC.";
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        if vpc.is_default() || group.vpc() == vpc.id() {
            let message =
                format!("The security group '{}' cannot be associated with '{}'.", group.id(), vpc.id());
            return Err(Error::new(&INVALID_PARAMETER, message));
        }
        let association = SecurityGroupVpcAssociation {
            group_id: Some(group.id().to_owned()),
            vpc_id: Some(vpc.id().to_owned()),
            vpc_owner_id: Some(call.account.to_string()),
            group_owner_id: Some(call.account.to_string()),
            state: Some(kept_state.clone()),
            state_reason: None,
        };
        let record = GroupVpcRecord { association: Kept(association) };
        GROUP_VPCS.put(&tx, &place, &format!("{}/{}", group.id(), vpc.id()), &record).await?;
        Ok(())
    });
    made.await?;
    ec2.networks.nudge();
    Ok(AssociateSecurityGroupVpcOutput { state: Some(shown_state) })
}

pub async fn disassociate_security_group_vpc(
    ec2: &Ec2,
    call: &Call,
    input: DisassociateSecurityGroupVpcInput,
) -> Result<DisassociateSecurityGroupVpcOutput, Error> {
    let (place, input) = (call.scope(), &input);
    let gone = ec2.store.transact(|tx| async move {
        let group: GroupRecord = resources::get(&tx, &place, &input.group_id).await?;
        VPC.check(&input.vpc_id)?;
        let key = format!("{}/{}", group.id(), input.vpc_id);
        if GROUP_VPCS.get(&tx, &place, &key).await?.is_none() {
            let message = format!("There is no association of '{}' with '{}'.", group.id(), input.vpc_id);
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let interfaces: Vec<InterfaceRecord> = resources::all(&tx, &place).await?;
        let uses = |interface: &InterfaceRecord| {
            interface.vpc() == input.vpc_id && interface.groups().any(|id| id == group.id())
        };
        if interfaces.iter().any(uses) {
            let message = format!("resource {} has a dependent object", group.id());
            return Err(Error::new(&DEPENDENCY_VIOLATION, message));
        }
        Ok(GROUP_VPCS.delete(&tx, &place, &key).await?)
    });
    gone.await?;
    ec2.networks.nudge();
    let state = SecurityGroupVpcAssociationState::Disassociating;
    Ok(DisassociateSecurityGroupVpcOutput { state: Some(state) })
}

pub async fn describe_security_group_vpc_associations(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSecurityGroupVpcAssociationsInput,
) -> Result<DescribeSecurityGroupVpcAssociationsOutput, Error> {
    let filters = &Filters::parse(input.filters)?;
    let known = ["group-id", "group-owner-id", "state", "vpc-id", "vpc-owner-id"];
    filters.check(&|name| known.contains(&name).then(Vec::new))?;
    let place = call.scope();
    let found = ec2.store.read(|tx| async move {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = GROUP_VPCS.scan(&tx, &place, Select::ALL.after(after.as_deref()), PAGE_MAX).await?;
            for (_, GroupVpcRecord { association: Kept(association) }) in page.records {
                let of = |name: &str| match name {
                    "group-id" => maybe(association.group_id.as_deref()),
                    "group-owner-id" => maybe(association.group_owner_id.as_deref()),
                    "state" => maybe(association.state.as_ref()),
                    "vpc-id" => maybe(association.vpc_id.as_deref()),
                    "vpc-owner-id" => maybe(association.vpc_owner_id.as_deref()),
                    _ => None,
                };
                if filters.admit(&NO_TAGS, &of)? {
                    found.push(association);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok::<_, Error>(found),
            }
        }
    });
    let found = found.await?;
    let asked = Asked {
        operation: "DescribeSecurityGroupVpcAssociations",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |it: &SecurityGroupVpcAssociation| {
        format!("{}/{}", it.group_id.as_deref().unwrap_or_default(), it.vpc_id.as_deref().unwrap_or_default())
    };
    let (found, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeSecurityGroupVpcAssociationsOutput {
        security_group_vpc_associations: Some(found),
        next_token,
    })
}
