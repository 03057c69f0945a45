//! Short ways to say what the tests do most.

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

/// The code and the message of a refusal.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Fault>) -> (String, String) {
    let fault = result.expect_err("the call is refused");
    (fault.code().to_owned(), fault.message().to_owned())
}

/// The code of a refusal.
pub fn code<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    refused(result).0
}

pub fn filter(name: &str, values: &[&str]) -> Filter {
    Filter {
        name: Some(name.to_owned()),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    }
}

pub fn filters(pairs: &[(&str, &str)]) -> Option<Vec<Filter>> {
    Some(pairs.iter().map(|(name, value)| filter(name, &[value])).collect())
}

/// Tags for a new resource of this type.
pub fn tagged(kind: &str, tags: &[(&str, &str)]) -> Option<Vec<TagSpecification>> {
    let tag =
        |(key, value): &(&str, &str)| Tag { key: Some((*key).to_owned()), value: Some((*value).to_owned()) };
    Some(vec![TagSpecification {
        resource_type: Some(kind.into()),
        tags: Some(tags.iter().map(tag).collect()),
    }])
}

/// A new VPC's id.
pub async fn vpc(cloud: &Cloud, cidr: &str) -> String {
    let input = CreateVpcInput { cidr_block: Some(cidr.to_owned()), ..CreateVpcInput::default() };
    let output = cloud.call(CreateVpc, input).await.expect("the block is good");
    output.vpc.and_then(|vpc| vpc.vpc_id).expect("a new VPC has an id")
}

/// A new subnet's id.
pub async fn subnet(cloud: &Cloud, vpc: &str, cidr: &str, zone: &str) -> String {
    let input = CreateSubnetInput {
        vpc_id: vpc.to_owned(),
        cidr_block: Some(cidr.to_owned()),
        availability_zone: Some(zone.to_owned()),
        ..CreateSubnetInput::default()
    };
    let output = cloud.call(CreateSubnet, input).await.expect("the block is free");
    output.subnet.and_then(|subnet| subnet.subnet_id).expect("a new subnet has an id")
}

/// The default VPC's id.
pub async fn default_vpc(cloud: &Cloud) -> String {
    let input =
        DescribeVpcsInput { filters: filters(&[("is-default", "true")]), ..DescribeVpcsInput::default() };
    let vpcs = cloud.call(DescribeVpcs, input).await.expect("VPCs are listed").vpcs.unwrap_or_default();
    vpcs.into_iter().next().and_then(|vpc| vpc.vpc_id).expect("every region has a default VPC")
}

/// The default VPC's subnets, by zone.
pub async fn default_subnets(cloud: &Cloud) -> Vec<String> {
    let input = DescribeSubnetsInput {
        filters: filters(&[("default-for-az", "true")]),
        ..DescribeSubnetsInput::default()
    };
    let subnets = cloud.call(DescribeSubnets, input).await.expect("subnets are listed").subnets;
    let mut subnets = subnets.unwrap_or_default();
    subnets.sort_by(|a, b| a.availability_zone.cmp(&b.availability_zone));
    subnets.into_iter().filter_map(|subnet| subnet.subnet_id).collect()
}
