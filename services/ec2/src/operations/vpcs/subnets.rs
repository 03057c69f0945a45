//! Subnets: a part of a VPC's addresses, in one zone.

use base::Ids;
use ec2_api::*;
use service::Call;
use store::Tx;

use super::first_use::{default_subnet, first_use};
use super::{dependents, lookups};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    DEFAULT_SUBNET_ALREADY_EXISTS_IN_AVAILABILITY_ZONE, DEFAULT_VPC_DOES_NOT_EXIST, DEPENDENCY_VIOLATION,
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, MISSING_PARAMETER, SUBNET_LIMIT_EXCEEDED,
    UNSUPPORTED_OPERATION,
};
use crate::kind::SUBNET;
use crate::limits::SUBNETS_OF_VPC_MAX;
use crate::model::tags::{self, Tags};
use crate::model::vpcs::{blocks, made, zones};
use crate::operations::addresses;
use crate::operations::tags::of_new;
use crate::records::acls::NetworkAclRecord;
use crate::records::interfaces::InterfaceRecord;
use crate::records::routes::RouteTableRecord;
use crate::records::vpcs::{CidrReservationRecord, SubnetRecord, VpcRecord};
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

fn shown(record: SubnetRecord, tags: &Tags) -> Subnet {
    Subnet { tags: Some(tags::shown(tags)), ..record.subnet.0 }
}

/// The zone that a request names, one way or the other; any, where it names none.
fn zone_of(call: &Call, ids: &Ids, name: Option<&str>, id: Option<&str>) -> Result<String, Error> {
    let wrong = |value: &str, parameter: &str| {
        let names = zones::names(call.region).join(", ");
        let why =
            format!("Subnets can currently only be created in the following availability zones: {names}.");
        Error::invalid_value(value, parameter, &why)
    };
    match (name, id) {
        (Some(_), Some(_)) => {
            let message = "Only one of availabilityZone and availabilityZoneId can be specified";
            Err(Error::new(&INVALID_PARAMETER_COMBINATION, message))
        }
        (Some(name), None) => match zones::id_of(call.region, name) {
            Some(_) => Ok(name.to_owned()),
            None => Err(wrong(name, "availabilityZone")),
        },
        (None, Some(id)) => zones::name_of(call.region, id).ok_or_else(|| wrong(id, "availabilityZoneId")),
        (None, None) => {
            let mut names = zones::names(call.region);
            let index = usize::try_from(ids.below(names.len() as u64)).unwrap_or_default();
            Ok(names.swap_remove(index))
        }
    }
}

/// What a request asks of a new subnet, looked over.
struct Asked<'a> {
    vpc: &'a str,
    zone: &'a str,
    block: Option<&'a str>,
    block6: Option<&'a str>,
    is_native: bool,
    tags: &'a Tags,
}

pub async fn create_subnet(
    ec2: &Ec2,
    call: &Call,
    input: CreateSubnetInput,
) -> Result<CreateSubnetOutput, Error> {
    let tags = &of_new(ec2, call, "CreateSubnet", input.tag_specifications.as_deref(), &SUBNET, &[]).await?;
    super::blocks::refuse_pools([&input.ipv4_ipam_pool_id, &input.ipv6_ipam_pool_id], None)?;
    if input.outpost_arn.is_some() {
        return Err(Error::new(&UNSUPPORTED_OPERATION, "There are no Outposts in this cloud."));
    }
    let is_native = input.ipv6_native == Some(true);
    match (is_native, &input.cidr_block, &input.ipv6_cidr_block) {
        (false, None, _) => {
            let message = "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.";
            return Err(Error::new(&MISSING_PARAMETER, message));
        }
        (true, Some(_), _) => {
            let message = "An IPv4 CIDR block cannot be specified for an IPv6 only subnet";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        (true, None, None) => return Err(Error::missing("ipv6CidrBlock")),
        _ => {}
    }
    first_use(ec2, call).await?;
    let (name, id) = (input.availability_zone.as_deref(), input.availability_zone_id.as_deref());
    let zone = zone_of(call, &ec2.ids, name, id)?;
    let (block, block6) = (input.cidr_block.as_deref(), input.ipv6_cidr_block.as_deref());
    let asked = &Asked { vpc: &input.vpc_id, zone: &zone, block, block6, is_native, tags };
    let seed = ec2.ids.number();
    let made = ec2.store.transact(|tx| async move { add(&tx, call, &Ids::seeded(seed), asked).await });
    let subnet = shown(made.await?, tags);
    ec2.networks.nudge();
    Ok(CreateSubnetOutput { subnet: Some(subnet) })
}

async fn add(tx: &Tx, call: &Call, ids: &Ids, asked: &Asked<'_>) -> Result<SubnetRecord, Error> {
    let place = call.scope();
    let vpc: VpcRecord = resources::get(tx, &place, asked.vpc).await?;
    let mut record = made::subnet(call, ids, asked.vpc, asked.zone, None);
    if let Some(made) = lookups::made::<SubnetRecord>(tx, &place, record.id()).await? {
        return Ok(made);
    }
    let others = lookups::in_vpc::<SubnetRecord>(tx, &place, asked.vpc).await?;
    if others.len() >= SUBNETS_OF_VPC_MAX {
        let message = "The maximum number of subnets has been reached.";
        return Err(Error::new(&SUBNET_LIMIT_EXCEEDED, message));
    }
    if let Some(text) = asked.block {
        let existing: Vec<_> = others.iter().filter_map(SubnetRecord::block).collect();
        let block = blocks::of_subnet(text, &vpc.blocks(), &existing)?;
        record.subnet.0.cidr_block = Some(block.to_string());
        record.subnet.0.available_ip_address_count = i32::try_from(blocks::capacity(block)).ok();
    }
    if let Some(text) = asked.block6 {
        let existing: Vec<_> = others.iter().filter_map(SubnetRecord::block6).collect();
        let block = blocks::of_subnet6(text, &vpc.blocks6(), &existing)?;
        let association = made::subnet_block6(ids, block);
        record.subnet.0.ipv6_cidr_block_association_set = Some(vec![association]);
    }
    if asked.is_native {
        let subnet = &mut record.subnet.0;
        subnet.ipv6_native = Some(true);
        subnet.assign_ipv6_address_on_creation = Some(true);
        if let Some(names) = &mut subnet.private_dns_name_options_on_launch {
            names.hostname_type = Some(HostnameType::ResourceName);
            names.enable_resource_name_dns_aaaa_record = Some(true);
        }
    }
    keep(tx, &place, ids, &record, asked.tags).await?;
    Ok(record)
}

/// Keeps a new subnet, with the VPC's default ACL on its edge.
async fn keep(tx: &Tx, place: &Place, ids: &Ids, record: &SubnetRecord, tags: &Tags) -> Result<(), Error> {
    resources::create(tx, place, record, tags).await?;
    let acls = lookups::in_vpc::<NetworkAclRecord>(tx, place, record.vpc()).await?;
    let mut acl = acls
        .into_iter()
        .find(NetworkAclRecord::is_default)
        .ok_or_else(|| Error::Internal(format!("{} has no default ACL", record.vpc()).into()))?;
    let association = made::acl_association(ids, acl.id(), record.id());
    acl.associations_mut().push(association);
    resources::put(tx, place, &acl).await
}

pub async fn create_default_subnet(
    ec2: &Ec2,
    call: &Call,
    input: CreateDefaultSubnetInput,
) -> Result<CreateDefaultSubnetOutput, Error> {
    let (name, id) = (input.availability_zone.as_deref(), input.availability_zone_id.as_deref());
    if name.is_none() && id.is_none() {
        return Err(Error::missing("availabilityZone"));
    }
    if input.ipv6_native == Some(true) {
        let message = "The default VPC has no IPv6 CIDR block for an IPv6 only subnet";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    first_use(ec2, call).await?;
    let (zone, seed) = (&zone_of(call, &ec2.ids, name, id)?, ec2.ids.number());
    let made = ec2.store.transact(|tx| async move {
        let (place, ids) = (call.scope(), &Ids::seeded(seed));
        let Some(vpc) = lookups::default_vpc(&tx, call).await? else {
            let message = "No default VPC for this user";
            return Err(Error::new(&DEFAULT_VPC_DOES_NOT_EXIST, message));
        };
        let mut record = default_subnet(call, ids, vpc.id(), zone, None);
        if let Some(made) = lookups::made::<SubnetRecord>(&tx, &place, record.id()).await? {
            return Ok(made);
        }
        let others = lookups::in_vpc::<SubnetRecord>(&tx, &place, vpc.id()).await?;
        let is_there =
            |subnet: &&SubnetRecord| subnet.zone() == zone && subnet.subnet.default_for_az == Some(true);
        if let Some(existing) = others.iter().find(is_there) {
            let message = format!("'{}' is already the default subnet in {zone}.", existing.id());
            return Err(Error::new(&DEFAULT_SUBNET_ALREADY_EXISTS_IN_AVAILABILITY_ZONE, message));
        }
        let taken: Vec<_> = others.iter().filter_map(SubnetRecord::block).collect();
        let mut candidates = (0..16).filter_map(blocks::default_subnet);
        let free = candidates.find(|block| !taken.iter().any(|other| blocks::overlap(*other, *block)));
        let Some(block) = free else {
            let message = "The default VPC has no free block of the size /20";
            return Err(Error::new(&SUBNET_LIMIT_EXCEEDED, message));
        };
        record.subnet.0.cidr_block = Some(block.to_string());
        record.subnet.0.map_public_ip_on_launch = Some(true);
        record.subnet.0.available_ip_address_count = i32::try_from(blocks::capacity(block)).ok();
        keep(&tx, &place, ids, &record, &Tags::new()).await?;
        Ok::<_, Error>(record)
    });
    let subnet = shown(made.await?, &Tags::new());
    ec2.networks.nudge();
    Ok(CreateDefaultSubnetOutput { subnet: Some(subnet) })
}

pub async fn describe_subnets(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSubnetsInput,
) -> Result<DescribeSubnetsOutput, Error> {
    first_use(ec2, call).await?;
    let wanted = Wanted {
        operation: "DescribeSubnets",
        ids: input.subnet_ids,
        filters: input.filters,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<SubnetRecord>(ec2, call, wanted).await?;
    let (place, found) = (call.scope(), &page.resources);
    let subnets = ec2.store.read(|tx| async move {
        let mut subnets = Vec::with_capacity(found.len());
        for (record, tags) in found {
            let mut subnet = shown(record.clone(), tags);
            if let Some(block) = record.block() {
                let free = addresses::free(&tx, &place, record.id(), block).await?;
                subnet.available_ip_address_count = i32::try_from(free).ok();
            }
            subnets.push(subnet);
        }
        Ok::<_, Error>(subnets)
    });
    Ok(DescribeSubnetsOutput { next_token: page.next_token, subnets: Some(subnets.await?) })
}

pub async fn delete_subnet(
    ec2: &Ec2,
    call: &Call,
    input: DeleteSubnetInput,
) -> Result<DeleteSubnetOutput, Error> {
    let (place, id) = (call.scope(), input.subnet_id.as_str());
    ec2.store
        .transact(|tx| async move {
            resources::get::<SubnetRecord>(&tx, &place, id).await?;
            let in_the_way = dependents::of_subnet(&tx, &place, id).await?;
            if !in_the_way.is_empty() {
                return Err(dependents::violation("subnet", id, &in_the_way));
            }
            for mut acl in
                lookups::having::<NetworkAclRecord>(&tx, &place, "association.subnet-id", id).await?
            {
                acl.associations_mut().retain(|association| association.subnet_id.as_deref() != Some(id));
                resources::put(&tx, &place, &acl).await?;
            }
            for mut table in
                lookups::having::<RouteTableRecord>(&tx, &place, "association.subnet-id", id).await?
            {
                table.associations_mut().retain(|association| association.subnet_id.as_deref() != Some(id));
                resources::put(&tx, &place, &table).await?;
            }
            for kept in lookups::having::<CidrReservationRecord>(&tx, &place, "subnet-id", id).await? {
                resources::remove::<CidrReservationRecord>(&tx, &place, kept.id()).await?;
            }
            resources::remove::<SubnetRecord>(&tx, &place, id).await
        })
        .await?;
    ec2.networks.nudge();
    Ok(DeleteSubnetOutput {})
}

/// Refuses while an interface has an IPv6 address of the subnet.
pub async fn no_addresses6(tx: &Tx, place: &Place, subnet: &str) -> Result<(), Error> {
    let interfaces = lookups::having::<InterfaceRecord>(tx, place, "subnet-id", subnet).await?;
    match interfaces.iter().find(|interface| !interface.addresses6().is_empty()) {
        Some(interface) => {
            let message = format!("The subnet's IPv6 CIDR block has addresses in use by {}", interface.id());
            Err(Error::new(&DEPENDENCY_VIOLATION, message))
        }
        None => Ok(()),
    }
}

pub async fn modify_subnet_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifySubnetAttributeInput,
) -> Result<ModifySubnetAttributeOutput, Error> {
    let input = &input;
    let (place, id) = (call.scope(), input.subnet_id.as_str());
    ec2.store
        .transact(|tx| async move {
            let mut record: SubnetRecord = resources::get(&tx, &place, id).await?;
            modify(&mut record, input)?;
            resources::put(&tx, &place, &record).await
        })
        .await?;
    Ok(ModifySubnetAttributeOutput {})
}

/// What a subnet of IPv6 only cannot have: whatever presupposes IPv4 addresses, and interfaces without an address.
fn check_native(input: &ModifySubnetAttributeInput) -> Result<(), Error> {
    let is = |value: &Option<AttributeBooleanValue>, not: bool| {
        value.as_ref().is_some_and(|value| value.value == Some(not))
    };
    let refused = [
        (is(&input.map_public_ip_on_launch, true), "MapPublicIpOnLaunch cannot be true for"),
        (
            is(&input.assign_ipv6_address_on_creation, false),
            "AssignIpv6AddressOnCreation cannot be false for",
        ),
        (
            is(&input.enable_resource_name_dns_a_record_on_launch, true),
            "EnableResourceNameDnsARecordOnLaunch cannot be true for",
        ),
        (
            input.private_dns_hostname_type_on_launch == Some(HostnameType::IpName),
            "PrivateDnsHostnameTypeOnLaunch must be resource-name for",
        ),
    ];
    match refused.iter().find(|(is_asked, _)| *is_asked) {
        Some((_, what)) => {
            let message = format!("{what} the IPv6 only subnet '{}'.", input.subnet_id);
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
        None => Ok(()),
    }
}

/// One attribute a request; those of names count as one another's companions.
fn modify(record: &mut SubnetRecord, input: &ModifySubnetAttributeInput) -> Result<(), Error> {
    let of = |value: &Option<AttributeBooleanValue>| value.as_ref().and_then(|value| value.value);
    let names = [
        input.private_dns_hostname_type_on_launch.is_some(),
        input.enable_resource_name_dns_a_record_on_launch.is_some(),
        input.enable_resource_name_dns_aaaa_record_on_launch.is_some(),
    ];
    let given = [
        input.map_public_ip_on_launch.is_some(),
        input.assign_ipv6_address_on_creation.is_some(),
        input.map_customer_owned_ip_on_launch.is_some() || input.customer_owned_ipv4_pool.is_some(),
        input.enable_dns64.is_some(),
        input.enable_lni_at_device_index.is_some(),
        input.disable_lni_at_device_index.is_some(),
        names.contains(&true),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        let message = "Exactly one attribute must be specified";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    if given[2] || given[4] || given[5] {
        let message = "There are no Outposts in this cloud, and no local network interfaces.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let has_ipv6 = record.block6().is_some();
    if record.is_native() {
        check_native(input)?;
    }
    let subnet = &mut record.subnet.0;
    if let Some(map) = of(&input.map_public_ip_on_launch) {
        subnet.map_public_ip_on_launch = Some(map);
    }
    if let Some(assign) = of(&input.assign_ipv6_address_on_creation) {
        if assign && !has_ipv6 {
            let message = format!(
                "Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set \
                 assign-ipv6-address-on-creation to true unless the subnet ({}) has an IPv6 CIDR block associated \
                 with it.",
                input.subnet_id
            );
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        subnet.assign_ipv6_address_on_creation = Some(assign);
    }
    if let Some(dns64) = of(&input.enable_dns64) {
        subnet.enable_dns64 = Some(dns64);
    }
    let names = subnet.private_dns_name_options_on_launch.get_or_insert_default();
    if let Some(hostnames) = &input.private_dns_hostname_type_on_launch {
        names.hostname_type = Some(hostnames.clone());
    }
    if let Some(record) = of(&input.enable_resource_name_dns_a_record_on_launch) {
        names.enable_resource_name_dns_a_record = Some(record);
    }
    if let Some(record) = of(&input.enable_resource_name_dns_aaaa_record_on_launch) {
        names.enable_resource_name_dns_aaaa_record = Some(record);
    }
    Ok(())
}
