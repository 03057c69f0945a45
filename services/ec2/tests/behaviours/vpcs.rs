//! VPCs, their blocks and subnets, and the default VPC that every account finds.

use base::{AccountId, Region};
use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, default_subnets, default_vpc, filters, refused, subnet, tagged, vpc};

async fn described(cloud: &Cloud, id: &str) -> Vpc {
    let input = DescribeVpcsInput { vpc_ids: Some(vec![id.to_owned()]), ..DescribeVpcsInput::default() };
    cloud.call(DescribeVpcs, input).await.unwrap().vpcs.unwrap().remove(0)
}

async fn subnet_described(cloud: &Cloud, id: &str) -> Subnet {
    let input =
        DescribeSubnetsInput { subnet_ids: Some(vec![id.to_owned()]), ..DescribeSubnetsInput::default() };
    cloud.call(DescribeSubnets, input).await.unwrap().subnets.unwrap().remove(0)
}

#[tokio::test]
async fn every_account_finds_a_default_vpc_in_every_region() {
    let cloud = Cloud::new(1).await;
    let id = default_vpc(&cloud).await;
    let found = described(&cloud, &id).await;
    assert_eq!(found.cidr_block.as_deref(), Some("172.31.0.0/16"));
    assert_eq!(found.state, Some(VpcState::Available));
    assert_eq!(default_subnets(&cloud).await.len(), 6);
    let subnets =
        cloud.call(DescribeSubnets, DescribeSubnetsInput::default()).await.unwrap().subnets.unwrap();
    assert!(subnets.iter().all(|subnet| subnet.map_public_ip_on_launch == Some(true)));
    assert!(subnets.iter().all(|subnet| subnet.available_ip_address_count == Some(4091)));

    let tables = cloud.call(DescribeRouteTables, DescribeRouteTablesInput::default()).await.unwrap();
    let table = tables.route_tables.unwrap().remove(0);
    let outward = table
        .routes
        .unwrap()
        .into_iter()
        .find(|route| route.destination_cidr_block.as_deref() == Some("0.0.0.0/0"));
    assert!(outward.unwrap().gateway_id.unwrap().starts_with("igw-"));
    let acls = cloud.call(DescribeNetworkAcls, DescribeNetworkAclsInput::default()).await.unwrap();
    assert_eq!(acls.network_acls.unwrap()[0].associations.as_ref().unwrap().len(), 6);

    let elsewhere = Region::parse("eu-west-1").unwrap();
    let other = AccountId::new(7).unwrap();
    let vpcs = cloud
        .call_as(other, elsewhere, DescribeVpcs, DescribeVpcsInput::default())
        .await
        .unwrap()
        .vpcs
        .unwrap();
    assert_eq!(vpcs.len(), 1);
    assert_ne!(vpcs[0].vpc_id.as_deref(), Some(id.as_str()));
}

#[tokio::test]
async fn a_new_vpc_has_a_main_table_a_default_acl_and_a_default_group() {
    let cloud = Cloud::new(2).await;
    let id = vpc(&cloud, "10.0.0.9/16").await;
    let found = described(&cloud, &id).await;
    assert_eq!(found.cidr_block.as_deref(), Some("10.0.0.0/16"));
    assert_eq!(found.is_default, Some(false));
    assert!(found.dhcp_options_id.unwrap().starts_with("dopt-"));

    let of_vpc = filters(&[("vpc-id", &id)]);
    let input = DescribeRouteTablesInput { filters: of_vpc.clone(), ..DescribeRouteTablesInput::default() };
    let tables = cloud.call(DescribeRouteTables, input).await.unwrap().route_tables.unwrap();
    assert_eq!(tables.len(), 1);
    assert_eq!(tables[0].associations.as_ref().unwrap()[0].main, Some(true));
    assert_eq!(tables[0].routes.as_ref().unwrap()[0].gateway_id.as_deref(), Some("local"));

    let input = DescribeNetworkAclsInput { filters: of_vpc.clone(), ..DescribeNetworkAclsInput::default() };
    let acls = cloud.call(DescribeNetworkAcls, input).await.unwrap().network_acls.unwrap();
    assert_eq!((acls.len(), acls[0].is_default), (1, Some(true)));
    let numbers: Vec<_> =
        acls[0].entries.as_ref().unwrap().iter().map(|entry| entry.rule_number.unwrap()).collect();
    assert_eq!(numbers, [100, 32767, 100, 32767]);

    let attribute =
        |attribute| DescribeVpcAttributeInput { attribute, vpc_id: id.clone(), ..Default::default() };
    let support =
        cloud.call(DescribeVpcAttribute, attribute(VpcAttributeName::EnableDnsSupport)).await.unwrap();
    assert_eq!(support.enable_dns_support.unwrap().value, Some(true));
    let hostnames =
        cloud.call(DescribeVpcAttribute, attribute(VpcAttributeName::EnableDnsHostnames)).await.unwrap();
    assert_eq!(hostnames.enable_dns_hostnames.unwrap().value, Some(false));
    let input = ModifyVpcAttributeInput {
        vpc_id: id.clone(),
        enable_dns_hostnames: Some(AttributeBooleanValue { value: Some(true) }),
        ..Default::default()
    };
    cloud.call(ModifyVpcAttribute, input).await.unwrap();
    let hostnames =
        cloud.call(DescribeVpcAttribute, attribute(VpcAttributeName::EnableDnsHostnames)).await.unwrap();
    assert_eq!(hostnames.enable_dns_hostnames.unwrap().value, Some(true));
}

#[tokio::test]
async fn blocks_out_of_range_are_refused() {
    let cloud = Cloud::new(3).await;
    for (block, expected, message) in [
        ("10.0.0.0/8", "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
        (
            "10.0.0.0/33",
            "InvalidParameterValue",
            "Value (10.0.0.0/33) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
        ),
    ] {
        let input = CreateVpcInput { cidr_block: Some(block.to_owned()), ..Default::default() };
        assert_eq!(refused(cloud.call(CreateVpc, input).await), (expected.to_owned(), message.to_owned()));
    }
    assert_eq!(code(cloud.call(CreateVpc, CreateVpcInput::default()).await), "MissingParameter");
    let id = vpc(&cloud, "10.0.0.0/16").await;
    subnet(&cloud, &id, "10.0.1.0/24", "us-east-1a").await;
    for (block, zone, expected) in [
        ("10.0.1.0/25", "us-east-1b", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "us-east-1b", "InvalidSubnet.Range"),
        ("10.0.2.0/24", "us-east-1z", "InvalidParameterValue"),
        ("10.0.2.0/24", "eu-west-1a", "InvalidParameterValue"),
    ] {
        let input = CreateSubnetInput {
            vpc_id: id.clone(),
            cidr_block: Some(block.to_owned()),
            availability_zone: Some(zone.to_owned()),
            ..Default::default()
        };
        assert_eq!(code(cloud.call(CreateSubnet, input).await), expected, "{block} {zone}");
    }
}

#[tokio::test]
async fn a_vpc_with_something_in_it_is_not_deleted() {
    let cloud = Cloud::new(4).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let in_it = subnet(&cloud, &id, "10.0.1.0/24", "us-east-1a").await;
    let delete = || cloud.call(DeleteVpc, DeleteVpcInput { vpc_id: id.clone(), ..Default::default() });
    let (code_of, message) = refused(delete().await);
    assert_eq!(code_of, "DependencyViolation");
    assert!(
        message.starts_with(&format!("The vpc '{id}' has dependencies and cannot be deleted.")),
        "{message}"
    );
    assert!(message.contains(&in_it), "{message}");
    cloud.call(DeleteSubnet, DeleteSubnetInput { subnet_id: in_it, ..Default::default() }).await.unwrap();

    let gateway = cloud.call(CreateInternetGateway, CreateInternetGatewayInput::default()).await.unwrap();
    let gateway = gateway.internet_gateway.unwrap().internet_gateway_id.unwrap();
    let attach = AttachInternetGatewayInput {
        internet_gateway_id: gateway.clone(),
        vpc_id: id.clone(),
        ..Default::default()
    };
    cloud.call(AttachInternetGateway, attach.clone()).await.unwrap();
    assert_eq!(code(cloud.call(AttachInternetGateway, attach).await), "Resource.AlreadyAssociated");
    assert!(refused(delete().await).1.contains(&gateway));
    let remove = DeleteInternetGatewayInput { internet_gateway_id: gateway.clone(), ..Default::default() };
    assert_eq!(code(cloud.call(DeleteInternetGateway, remove.clone()).await), "DependencyViolation");
    let detach = DetachInternetGatewayInput {
        internet_gateway_id: gateway.clone(),
        vpc_id: id.clone(),
        ..Default::default()
    };
    cloud.call(DetachInternetGateway, detach.clone()).await.unwrap();
    assert_eq!(code(cloud.call(DetachInternetGateway, detach).await), "Gateway.NotAttached");
    cloud.call(DeleteInternetGateway, remove).await.unwrap();

    delete().await.unwrap();
    let (code_of, message) = refused(delete().await);
    assert_eq!(
        (code_of.as_str(), message),
        ("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"))
    );
    let left = DescribeRouteTablesInput { filters: filters(&[("vpc-id", &id)]), ..Default::default() };
    assert!(cloud.call(DescribeRouteTables, left).await.unwrap().route_tables.unwrap().is_empty());
}

#[tokio::test]
async fn a_default_vpc_that_was_deleted_comes_back_only_when_asked_for() {
    let cloud = Cloud::new(5).await;
    let id = default_vpc(&cloud).await;
    assert_eq!(
        code(cloud.call(CreateDefaultVpc, CreateDefaultVpcInput::default()).await),
        "DefaultVpcAlreadyExists"
    );
    for subnet_id in default_subnets(&cloud).await {
        cloud.call(DeleteSubnet, DeleteSubnetInput { subnet_id, ..Default::default() }).await.unwrap();
    }
    let input =
        CreateDefaultSubnetInput { availability_zone: Some("us-east-1c".to_owned()), ..Default::default() };
    let made = cloud.call(CreateDefaultSubnet, input.clone()).await.unwrap().subnet.unwrap();
    assert_eq!(made.cidr_block.as_deref(), Some("172.31.0.0/20"));
    assert_eq!(
        code(cloud.call(CreateDefaultSubnet, input.clone()).await),
        "DefaultSubnetAlreadyExistsInAvailabilityZone"
    );
    let delete = DeleteSubnetInput { subnet_id: made.subnet_id.unwrap(), ..Default::default() };
    cloud.call(DeleteSubnet, delete).await.unwrap();
    let gateways =
        cloud.call(DescribeInternetGateways, DescribeInternetGatewaysInput::default()).await.unwrap();
    let gateway = gateways.internet_gateways.unwrap().remove(0).internet_gateway_id.unwrap();
    let detach =
        DetachInternetGatewayInput { internet_gateway_id: gateway, vpc_id: id.clone(), ..Default::default() };
    cloud.call(DetachInternetGateway, detach).await.unwrap();
    cloud.call(DeleteVpc, DeleteVpcInput { vpc_id: id.clone(), ..Default::default() }).await.unwrap();
    let none = cloud.call(DescribeVpcs, DescribeVpcsInput::default()).await.unwrap().vpcs.unwrap();
    assert!(none.is_empty());
    assert_eq!(code(cloud.call(CreateDefaultSubnet, input).await), "DefaultVpcDoesNotExist");
    let again = cloud.call(CreateDefaultVpc, CreateDefaultVpcInput::default()).await.unwrap().vpc.unwrap();
    assert_ne!(again.vpc_id, Some(id));
    assert_eq!(default_subnets(&cloud).await.len(), 6);
}

#[tokio::test]
async fn further_blocks_bring_their_local_routes_and_go_when_unused() {
    let cloud = Cloud::new(6).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let add = |block: &str| AssociateVpcCidrBlockInput {
        vpc_id: id.clone(),
        cidr_block: Some(block.to_owned()),
        ..Default::default()
    };
    assert_eq!(code(cloud.call(AssociateVpcCidrBlock, add("192.168.0.0/16")).await), "InvalidVpc.Range");
    let added =
        cloud.call(AssociateVpcCidrBlock, add("10.7.0.0/16")).await.unwrap().cidr_block_association.unwrap();
    assert_eq!(added.cidr_block_state.unwrap().state, Some(VpcCidrBlockStateCode::Associating));
    let input = AssociateVpcCidrBlockInput {
        vpc_id: id.clone(),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..Default::default()
    };
    let six = cloud.call(AssociateVpcCidrBlock, input).await.unwrap().ipv6_cidr_block_association.unwrap();
    let block6 = six.ipv6_cidr_block.unwrap();
    assert!(block6.ends_with("/56"));

    let input = DescribeRouteTablesInput { filters: filters(&[("vpc-id", &id)]), ..Default::default() };
    let table = cloud.call(DescribeRouteTables, input).await.unwrap().route_tables.unwrap().remove(0);
    let locals = table
        .routes
        .unwrap()
        .into_iter()
        .filter(|route| route.gateway_id.as_deref() == Some("local"))
        .count();
    assert_eq!(locals, 3);

    let part = subnet(&cloud, &id, "10.7.1.0/24", "us-east-1b").await;
    let association_id = added.association_id.unwrap();
    let drop = DisassociateVpcCidrBlockInput { association_id };
    assert_eq!(code(cloud.call(DisassociateVpcCidrBlock, drop.clone()).await), "InvalidCidr.InUse");
    let block = block6.replace("/56", "/64");
    let input = AssociateSubnetCidrBlockInput {
        subnet_id: part.clone(),
        ipv6_cidr_block: Some(block.clone()),
        ..Default::default()
    };
    cloud.call(AssociateSubnetCidrBlock, input).await.unwrap();
    let shown = subnet_described(&cloud, &part).await.ipv6_cidr_block_association_set.unwrap();
    assert_eq!(shown[0].ipv6_cidr_block.as_deref(), Some(block.as_str()));
    let association_id = shown[0].association_id.clone().unwrap();
    cloud
        .call(DisassociateSubnetCidrBlock, DisassociateSubnetCidrBlockInput { association_id })
        .await
        .unwrap();
    cloud.call(DeleteSubnet, DeleteSubnetInput { subnet_id: part, ..Default::default() }).await.unwrap();
    cloud.call(DisassociateVpcCidrBlock, drop.clone()).await.unwrap();
    assert_eq!(
        code(cloud.call(DisassociateVpcCidrBlock, drop).await),
        "InvalidVpcCidrBlockAssociationID.NotFound"
    );
    let primary =
        described(&cloud, &id).await.cidr_block_association_set.unwrap().remove(0).association_id.unwrap();
    let input = DisassociateVpcCidrBlockInput { association_id: primary };
    assert_eq!(code(cloud.call(DisassociateVpcCidrBlock, input).await), "OperationNotPermitted");
}

#[tokio::test]
async fn subnets_keep_the_attributes_they_are_given() {
    let cloud = Cloud::new(7).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let input = CreateSubnetInput {
        vpc_id: id,
        cidr_block: Some("10.0.3.0/26".to_owned()),
        availability_zone_id: Some("use1-az4".to_owned()),
        tag_specifications: tagged("subnet", &[("Name", "db")]),
        ..Default::default()
    };
    let made = cloud.call(CreateSubnet, input).await.unwrap().subnet.unwrap();
    assert_eq!(made.availability_zone.as_deref(), Some("us-east-1d"));
    assert_eq!(made.available_ip_address_count, Some(59));
    let subnet_id = made.subnet_id.unwrap();
    let yes = || Some(AttributeBooleanValue { value: Some(true) });
    let base = ModifySubnetAttributeInput { subnet_id: subnet_id.clone(), ..Default::default() };
    let map = ModifySubnetAttributeInput { map_public_ip_on_launch: yes(), ..base.clone() };
    cloud.call(ModifySubnetAttribute, map.clone()).await.unwrap();
    let names = ModifySubnetAttributeInput {
        private_dns_hostname_type_on_launch: Some(HostnameType::ResourceName),
        enable_resource_name_dns_a_record_on_launch: yes(),
        ..base.clone()
    };
    cloud.call(ModifySubnetAttribute, names).await.unwrap();
    let shown = subnet_described(&cloud, &subnet_id).await;
    assert_eq!(shown.map_public_ip_on_launch, Some(true));
    let names = shown.private_dns_name_options_on_launch.unwrap();
    assert_eq!(names.hostname_type, Some(HostnameType::ResourceName));
    assert_eq!(names.enable_resource_name_dns_a_record, Some(true));
    assert_eq!(shown.tags.unwrap()[0].value.as_deref(), Some("db"));
    let two = ModifySubnetAttributeInput { enable_dns64: yes(), ..map };
    assert_eq!(code(cloud.call(ModifySubnetAttribute, two).await), "InvalidParameterCombination");
    let six = ModifySubnetAttributeInput { assign_ipv6_address_on_creation: yes(), ..base };
    assert_eq!(code(cloud.call(ModifySubnetAttribute, six).await), "InvalidParameterValue");
}
