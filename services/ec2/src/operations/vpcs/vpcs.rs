//! VPCs: made with a route table, an ACL and a security group of their own, and deleted with them once nothing else
//! is left in them.

use base::Ids;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::first_use::{self, first_use};
use super::{dependents, lookups};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    DEFAULT_VPC_ALREADY_EXISTS, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE,
    UNSUPPORTED_OPERATION, VPC_LIMIT_EXCEEDED,
};
use crate::kind::VPC;
use crate::limits::VPCS_MAX;
use crate::model::tags::{self, Tags};
use crate::model::vpcs::{blocks, made};
use crate::operations::tags::of_new;
use crate::records::acls::NetworkAclRecord;
use crate::records::groups::GroupRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::VpcRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

pub fn shown(record: VpcRecord, tags: &Tags) -> Vpc {
    Vpc { tags: Some(tags::shown(tags)), ..record.vpc.0 }
}

pub async fn create_vpc(ec2: &Ec2, call: &Call, input: CreateVpcInput) -> Result<CreateVpcOutput, Error> {
    let tags = &of_new(ec2, call, "CreateVpc", input.tag_specifications.as_deref(), &VPC, &[]).await?;
    refuse_pools(&input)?;
    let text = input.cidr_block.as_deref();
    let text = text.ok_or_else(|| {
        Error::new(
            &crate::error::codes::MISSING_PARAMETER,
            "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.",
        )
    })?;
    let block = blocks::of_vpc(text)?;
    let tenancy = &match input.instance_tenancy {
        None | Some(Tenancy::Default) => Tenancy::Default,
        Some(Tenancy::Dedicated) => Tenancy::Dedicated,
        Some(other) => return Err(Error::invalid_value(other, "instanceTenancy", "")),
    };
    let wants_ipv6 = input.amazon_provided_ipv6_cidr_block == Some(true);
    let group = input.ipv6_cidr_block_network_border_group;
    let group = &border_group(call, group, wants_ipv6)?;
    first_use(ec2, call).await?;
    let (place, seed) = (call.scope(), ec2.ids.number());
    let record = ec2.store.transact(|tx| async move {
        let ids = &Ids::seeded(seed);
        let dhcp = first_use::default_dhcp_options(&tx, call, ids).await?;
        let mut vpc = made::vpc(call, ids, block, &dhcp, false);
        vpc.vpc.0.instance_tenancy = Some(tenancy.clone());
        if wants_ipv6 {
            let block = blocks::amazon_provided(ids.number());
            vpc.vpc.0.ipv6_cidr_block_association_set = Some(vec![made::block6(ids, block, group)]);
        }
        if lookups::made::<VpcRecord>(&tx, &place, vpc.id()).await?.is_some() {
            return Ok(vpc);
        }
        if resources::all::<VpcRecord>(&tx, &place).await?.len() >= VPCS_MAX {
            return Err(Error::new(&VPC_LIMIT_EXCEEDED, "The maximum number of VPCs has been reached."));
        }
        first_use::furnish(&tx, call, ids, &vpc, tags).await?;
        Ok::<_, Error>(vpc)
    });
    let mut vpc = shown(record.await?, tags);
    ec2.networks.nudge();
    // Clients wait for the VPC to become available, and find it so at once.
    vpc.state = Some(VpcState::Pending);
    Ok(CreateVpcOutput { vpc: Some(vpc) })
}

/// There are no pools of addresses to take blocks from, and nothing encrypts packets between instances.
fn refuse_pools(input: &CreateVpcInput) -> Result<(), Error> {
    let pools = [&input.ipv4_ipam_pool_id, &input.ipv6_ipam_pool_id];
    super::blocks::refuse_pools(pools, input.ipv6_pool.as_deref())?;
    if input.ipv6_cidr_block.is_some() {
        let message = "The parameter ipv6CidrBlock must be used with the parameter ipv6Pool";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    match input.vpc_encryption_control {
        Some(_) => Err(Error::new(
            &UNSUPPORTED_OPERATION,
            "VPC encryption control is not supported: packets between instances of this cloud are not encrypted.",
        )),
        None => Ok(()),
    }
}

/// From where IPv6 addresses are advertised: the region, which is the only such place.
pub fn border_group(call: &Call, group: Option<String>, wants_ipv6: bool) -> Result<String, Error> {
    let region = call.region.as_str();
    match group {
        None => Ok(region.to_owned()),
        Some(_) if !wants_ipv6 => {
            let message =
                "The parameter ipv6CidrBlockNetworkBorderGroup requires amazonProvidedIpv6CidrBlock";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        Some(group) if group == region => Ok(group),
        Some(group) => Err(Error::invalid_value(group, "ipv6CidrBlockNetworkBorderGroup", "")),
    }
}

pub async fn create_default_vpc(
    ec2: &Ec2,
    call: &Call,
    _: CreateDefaultVpcInput,
) -> Result<CreateDefaultVpcOutput, Error> {
    first_use(ec2, call).await?;
    let seed = ec2.ids.number();
    let vpc = ec2.store.transact(|tx| async move {
        if let Some(existing) = lookups::default_vpc(&tx, call).await? {
            // The id that this very request would make: its first run is known to have come through.
            let ids = Ids::seeded(seed);
            let dhcp = first_use::default_dhcp_options(&tx, call, &ids).await?;
            if made::vpc(call, &ids, blocks::DEFAULT_VPC, &dhcp, true).id() == existing.id() {
                return Ok(existing);
            }
            let message =
                format!("A Default VPC already exists for this account in this region ({}).", existing.id());
            return Err(Error::new(&DEFAULT_VPC_ALREADY_EXISTS, message));
        }
        first_use::make_default(&tx, call, &Ids::seeded(seed)).await
    });
    let vpc = shown(vpc.await?, &Tags::new());
    ec2.networks.nudge();
    Ok(CreateDefaultVpcOutput { vpc: Some(Vpc { state: Some(VpcState::Pending), ..vpc }) })
}

pub async fn describe_vpcs(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpcsInput,
) -> Result<DescribeVpcsOutput, Error> {
    first_use(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeVpcs",
        ids: input.vpc_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<VpcRecord>(ec2, call, wanted).await?;
    let vpcs = page.resources.into_iter().map(|(record, tags)| shown(record, &tags)).collect();
    Ok(DescribeVpcsOutput { next_token: page.next_token, vpcs: Some(vpcs) })
}

pub async fn delete_vpc(ec2: &Ec2, call: &Call, input: DeleteVpcInput) -> Result<DeleteVpcOutput, Error> {
    let (place, id) = (call.scope(), input.vpc_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let vpc: VpcRecord = resources::get(&tx, &place, id).await?;
            let in_the_way = dependents::of_vpc(&tx, &place, id).await?;
            if !in_the_way.is_empty() {
                return Err(dependents::violation("vpc", id, &in_the_way));
            }
            clear(&tx, &place, &vpc).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DeleteVpcOutput {})
}

/// Takes away a VPC and what it was made with.
async fn clear(tx: &Tx, place: &Place, vpc: &VpcRecord) -> Result<(), Error> {
    let id = vpc.id();
    for table in lookups::in_vpc::<RouteTableRecord>(tx, place, id).await? {
        resources::remove::<RouteTableRecord>(tx, place, table.id()).await?;
    }
    for acl in lookups::in_vpc::<NetworkAclRecord>(tx, place, id).await? {
        resources::remove::<NetworkAclRecord>(tx, place, acl.id()).await?;
    }
    for group in lookups::in_vpc::<GroupRecord>(tx, place, id).await? {
        resources::remove::<GroupRecord>(tx, place, group.id()).await?;
    }
    resources::remove::<VpcRecord>(tx, place, id).await
}

pub async fn describe_vpc_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeVpcAttributeInput,
) -> Result<DescribeVpcAttributeOutput, Error> {
    let (place, id) = (call.scope(), input.vpc_id.as_str());
    let vpc = ec2.store.read(|tx| async move { resources::get::<VpcRecord>(&tx, &place, id).await }).await?;
    let mut output = DescribeVpcAttributeOutput { vpc_id: Some(id.to_owned()), ..Default::default() };
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    match input.attribute {
        VpcAttributeName::EnableDnsSupport => output.enable_dns_support = value(vpc.dns_support),
        VpcAttributeName::EnableDnsHostnames => output.enable_dns_hostnames = value(vpc.dns_hostnames),
        VpcAttributeName::EnableNetworkAddressUsageMetrics => {
            output.enable_network_address_usage_metrics = value(vpc.usage_metrics);
        }
        other => return Err(Error::invalid_value(other, "attribute", "")),
    }
    Ok(output)
}

pub async fn modify_vpc_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVpcAttributeInput,
) -> Result<ModifyVpcAttributeOutput, Error> {
    let (place, id) = (call.scope(), input.vpc_id.as_str());
    let of = |value: &Option<AttributeBooleanValue>| value.as_ref().and_then(|value| value.value);
    let (support, hostnames) = (of(&input.enable_dns_support), of(&input.enable_dns_hostnames));
    let metrics = of(&input.enable_network_address_usage_metrics);
    match [support, hostnames, metrics].iter().flatten().count() {
        1 => {}
        0 => return Err(Error::new(&INVALID_PARAMETER_VALUE, "No attribute value was specified")),
        _ => {
            let message = "Fields for multiple attribute types specified";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
    }
    ec2.store
        .transact(|tx| async move {
            let mut vpc: VpcRecord = resources::get(&tx, &place, id).await?;
            vpc.dns_support = support.unwrap_or(vpc.dns_support);
            vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
            vpc.usage_metrics = metrics.unwrap_or(vpc.usage_metrics);
            resources::put(&tx, &place, &vpc).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(ModifyVpcAttributeOutput {})
}

/// From dedicated to default; there is no way back.
pub async fn modify_vpc_tenancy(
    ec2: &Ec2,
    call: &Call,
    input: ModifyVpcTenancyInput,
) -> Result<ModifyVpcTenancyOutput, Error> {
    let (place, id) = (call.scope(), input.vpc_id.as_str());
    if input.instance_tenancy != VpcTenancy::Default {
        return Err(Error::invalid_value(input.instance_tenancy, "instanceTenancy", ""));
    }
    ec2.store
        .transact(|tx| async move {
            let mut vpc: VpcRecord = resources::get(&tx, &place, id).await?;
            vpc.vpc.0.instance_tenancy = Some(Tenancy::Default);
            resources::put(&tx, &place, &vpc).await
        })
        .await?;
    Ok(ModifyVpcTenancyOutput { return_value: Some(true) })
}
