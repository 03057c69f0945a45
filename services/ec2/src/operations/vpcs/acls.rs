//! Network ACLs, their entries, and which subnet has which.

use base::Ids;
use ec2_api::*;
use service::Call;

use super::first_use::first_use;
use super::tokens::Token;
use super::{dependents, lookups};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_ASSOCIATION_ID_NOT_FOUND, INVALID_PARAMETER_VALUE, NETWORK_ACL_LIMIT_EXCEEDED,
};
use crate::kind::NETWORK_ACL;
use crate::limits::ACLS_OF_VPC_MAX;
use crate::model::tags::{self, Tags};
use crate::model::vpcs::{acl_entries, made};
use crate::operations::tags::of_new;
use crate::records::Resource;
use crate::records::acls::NetworkAclRecord;
use crate::records::vpcs::VpcRecord;
use crate::resources::{self, Wanted};

fn shown(record: NetworkAclRecord, tags: &Tags) -> NetworkAcl {
    NetworkAcl { tags: Some(tags::shown(tags)), ..record.acl.0 }
}

pub async fn create_network_acl(
    ec2: &Ec2,
    call: &Call,
    input: CreateNetworkAclInput,
) -> Result<CreateNetworkAclOutput, Error> {
    let tags = &of_new(ec2, call, "CreateNetworkAcl", input.tag_specifications.as_deref(), &NETWORK_ACL, &[])
        .await?;
    let token = &Token::new("ec2.CreateNetworkAcl", input.client_token.as_deref(), (&input.vpc_id, tags));
    let (place, seed, vpc) = (call.scope(), ec2.ids.number(), input.vpc_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        if let Some(id) = token.earlier(&tx, call).await? {
            return resources::get::<NetworkAclRecord>(&tx, &place, &id).await;
        }
        let vpc: VpcRecord = resources::get(&tx, &place, vpc).await?;
        let acl = made::acl(call, &Ids::seeded(seed), &vpc, false);
        if lookups::made::<NetworkAclRecord>(&tx, &place, acl.id()).await?.is_some() {
            return Ok(acl);
        }
        let others = lookups::in_vpc::<NetworkAclRecord>(&tx, &place, vpc.id()).await?;
        if others.len() >= ACLS_OF_VPC_MAX {
            let message = "The maximum number of network ACLs has been reached.";
            return Err(Error::new(&NETWORK_ACL_LIMIT_EXCEEDED, message));
        }
        resources::create(&tx, &place, &acl, tags).await?;
        token.remember(&tx, call, acl.id()).await?;
        Ok::<_, Error>(acl)
    });
    let network_acl = Some(shown(made.await?, tags));
    Ok(CreateNetworkAclOutput { network_acl, client_token: token.shown() })
}

pub async fn describe_network_acls(
    ec2: &Ec2,
    call: &Call,
    input: DescribeNetworkAclsInput,
) -> Result<DescribeNetworkAclsOutput, Error> {
    first_use(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeNetworkAcls",
        ids: input.network_acl_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<NetworkAclRecord>(ec2, call, wanted).await?;
    let acls = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeNetworkAclsOutput { network_acls: Some(acls), next_token: page.next_token })
}

pub async fn delete_network_acl(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNetworkAclInput,
) -> Result<DeleteNetworkAclOutput, Error> {
    let (place, id) = (call.scope(), input.network_acl_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let acl: NetworkAclRecord = resources::get(&tx, &place, id).await?;
            if acl.is_default() {
                let message = format!("cannot delete default network ACL {id}");
                return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
            }
            let subnets = acl.associations().iter().filter_map(|at| at.subnet_id.clone());
            let subnets: Vec<String> = subnets.collect();
            if !subnets.is_empty() {
                return Err(dependents::violation("networkAcl", id, &subnets));
            }
            resources::remove::<NetworkAclRecord>(&tx, &place, id).await
        })
        .await?;
    Ok(DeleteNetworkAclOutput {})
}

pub async fn create_network_acl_entry(
    ec2: &Ec2,
    call: &Call,
    input: CreateNetworkAclEntryInput,
) -> Result<CreateNetworkAclEntryOutput, Error> {
    let entry = &acl_entries::parse(&input)?;
    change(ec2, call, &input.network_acl_id, |acl| acl_entries::create(acl.entries_mut(), entry.clone()))
        .await?;
    Ok(CreateNetworkAclEntryOutput {})
}

pub async fn replace_network_acl_entry(
    ec2: &Ec2,
    call: &Call,
    input: ReplaceNetworkAclEntryInput,
) -> Result<ReplaceNetworkAclEntryOutput, Error> {
    let asked = CreateNetworkAclEntryInput {
        network_acl_id: input.network_acl_id,
        rule_number: input.rule_number,
        protocol: input.protocol,
        rule_action: input.rule_action,
        egress: input.egress,
        cidr_block: input.cidr_block,
        ipv6_cidr_block: input.ipv6_cidr_block,
        icmp_type_code: input.icmp_type_code,
        port_range: input.port_range,
        ..CreateNetworkAclEntryInput::default()
    };
    let entry = &acl_entries::parse(&asked)?;
    change(ec2, call, &asked.network_acl_id, |acl| acl_entries::replace(acl.entries_mut(), entry.clone()))
        .await?;
    Ok(ReplaceNetworkAclEntryOutput {})
}

pub async fn delete_network_acl_entry(
    ec2: &Ec2,
    call: &Call,
    input: DeleteNetworkAclEntryInput,
) -> Result<DeleteNetworkAclEntryOutput, Error> {
    let (number, egress) = (input.rule_number, input.egress);
    change(ec2, call, &input.network_acl_id, |acl| acl_entries::delete(acl.entries_mut(), number, egress))
        .await?;
    Ok(DeleteNetworkAclEntryOutput {})
}

async fn change(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    rule: impl Fn(&mut NetworkAclRecord) -> Result<(), Error> + Sync,
) -> Result<(), Error> {
    let (place, rule) = (call.scope(), &rule);
    ec2.store
        .transact(|tx| async move {
            let mut acl: NetworkAclRecord = resources::get(&tx, &place, id).await?;
            rule(&mut acl)?;
            resources::put(&tx, &place, &acl).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(())
}

/// A subnet always has an ACL, so that it is given another, never none.
pub async fn replace_network_acl_association(
    ec2: &Ec2,
    call: &Call,
    input: ReplaceNetworkAclAssociationInput,
) -> Result<ReplaceNetworkAclAssociationOutput, Error> {
    let (place, seed) = (call.scope(), ec2.ids.number());
    let (id, acl) = (input.association_id.as_str(), input.network_acl_id.as_str());
    let made = ec2.store.transact(|tx| async move {
        let new: NetworkAclRecord = resources::get(&tx, &place, acl).await?;
        let ids = Ids::seeded(seed);
        let mut made = made::acl_association(&ids, acl, "");
        let again = new
            .associations()
            .iter()
            .any(|one| one.network_acl_association_id == made.network_acl_association_id);
        if again {
            return Ok(made);
        }
        let found =
            lookups::having::<NetworkAclRecord>(&tx, &place, "association.association-id", id).await?.pop();
        let Some(mut old) = found else {
            let message = format!("The association ID '{id}' does not exist");
            return Err(Error::new(&INVALID_ASSOCIATION_ID_NOT_FOUND, message));
        };
        if old.vpc() != new.vpc() {
            let message = format!("network ACL {acl} and association {id} belong to different networks");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        let is_it = |one: &&NetworkAclAssociation| one.network_acl_association_id.as_deref() == Some(id);
        made.subnet_id = old.associations().iter().find(is_it).and_then(|one| one.subnet_id.clone());
        old.associations_mut().retain(|one| one.network_acl_association_id.as_deref() != Some(id));
        resources::put(&tx, &place, &old).await?;
        let mut new: NetworkAclRecord = resources::get(&tx, &place, acl).await?;
        new.associations_mut().push(made.clone());
        resources::put(&tx, &place, &new).await?;
        Ok::<_, Error>(made)
    });
    let made = made.await?;
    ec2.networks.nudge();
    Ok(ReplaceNetworkAclAssociationOutput { new_association_id: made.network_acl_association_id })
}
