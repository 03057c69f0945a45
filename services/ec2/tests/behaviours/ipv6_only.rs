//! Subnets of IPv6 only, and instances in them.

use std::net::IpAddr;

use ec2_api::*;
use testkit::Cloud;

use crate::instances::{request, run, show, until};
use crate::support::{code, refused, vpc};

/// A VPC with an IPv6 block, and the first /64 of that.
async fn dual(cloud: &Cloud) -> (String, String) {
    let vpc = vpc(cloud, "10.0.0.0/16").await;
    let input = AssociateVpcCidrBlockInput {
        vpc_id: vpc.clone(),
        amazon_provided_ipv6_cidr_block: Some(true),
        ..AssociateVpcCidrBlockInput::default()
    };
    cloud.call(AssociateVpcCidrBlock, input).await.unwrap();
    let input = DescribeVpcsInput { vpc_ids: Some(vec![vpc.clone()]), ..DescribeVpcsInput::default() };
    let found = cloud.call(DescribeVpcs, input).await.unwrap().vpcs.unwrap().remove(0);
    let block = found.ipv6_cidr_block_association_set.unwrap().remove(0).ipv6_cidr_block.unwrap();
    (vpc, block.replace("/56", "/64"))
}

fn native(vpc: &str, block6: &str) -> CreateSubnetInput {
    CreateSubnetInput {
        vpc_id: vpc.to_owned(),
        ipv6_native: Some(true),
        ipv6_cidr_block: Some(block6.to_owned()),
        availability_zone: Some("us-east-1a".to_owned()),
        ..CreateSubnetInput::default()
    }
}

async fn made(cloud: &Cloud) -> (String, String) {
    let (vpc, block6) = dual(cloud).await;
    let subnet = cloud.call(CreateSubnet, native(&vpc, &block6)).await.unwrap().subnet.unwrap();
    (vpc, subnet.subnet_id.unwrap())
}

#[tokio::test]
async fn a_subnet_of_ipv6_only_reads_back_as_such() {
    let cloud = Cloud::new(1).await;
    let (vpc, block6) = dual(&cloud).await;
    let with_both = CreateSubnetInput { cidr_block: Some("10.0.1.0/24".to_owned()), ..native(&vpc, &block6) };
    assert_eq!(code(cloud.call(CreateSubnet, with_both).await), "InvalidParameterCombination");
    let with_none = CreateSubnetInput { ipv6_cidr_block: None, ..native(&vpc, &block6) };
    assert_eq!(code(cloud.call(CreateSubnet, with_none).await), "MissingParameter");
    let subnet = cloud.call(CreateSubnet, native(&vpc, &block6)).await.unwrap().subnet.unwrap();
    let id = subnet.subnet_id.unwrap();
    let input = DescribeSubnetsInput {
        filters: crate::support::filters(&[("ipv6-native", "true")]),
        ..DescribeSubnetsInput::default()
    };
    let found = cloud.call(DescribeSubnets, input).await.unwrap().subnets.unwrap();
    assert_eq!(found.len(), 1);
    let found = &found[0];
    assert_eq!(
        (found.subnet_id.as_ref(), found.ipv6_native, &found.cidr_block),
        (Some(&id), Some(true), &None)
    );
    assert_eq!(
        (found.available_ip_address_count, found.assign_ipv6_address_on_creation),
        (Some(0), Some(true))
    );
    let blocks = found.ipv6_cidr_block_association_set.as_ref().unwrap();
    assert_eq!(blocks[0].ipv6_cidr_block.as_ref(), Some(&block6));
    let names = found.private_dns_name_options_on_launch.as_ref().unwrap();
    assert_eq!(names.hostname_type, Some(HostnameType::ResourceName));
    let association_id = blocks[0].association_id.clone().unwrap();
    let input = DisassociateSubnetCidrBlockInput { association_id };
    assert_eq!(code(cloud.call(DisassociateSubnetCidrBlock, input).await), "OperationNotPermitted");
}

#[tokio::test]
async fn attributes_that_presuppose_ipv4_are_refused_there() {
    let cloud = Cloud::new(2).await;
    let (_, subnet) = made(&cloud).await;
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    let empty = || ModifySubnetAttributeInput { subnet_id: subnet.clone(), ..Default::default() };
    for input in [
        ModifySubnetAttributeInput { map_public_ip_on_launch: value(true), ..empty() },
        ModifySubnetAttributeInput { assign_ipv6_address_on_creation: value(false), ..empty() },
        ModifySubnetAttributeInput { enable_resource_name_dns_a_record_on_launch: value(true), ..empty() },
        ModifySubnetAttributeInput {
            private_dns_hostname_type_on_launch: Some(HostnameType::IpName),
            ..empty()
        },
    ] {
        assert_eq!(code(cloud.call(ModifySubnetAttribute, input).await), "InvalidParameterValue");
    }
    for input in [
        ModifySubnetAttributeInput { map_public_ip_on_launch: value(false), ..empty() },
        ModifySubnetAttributeInput { assign_ipv6_address_on_creation: value(true), ..empty() },
        ModifySubnetAttributeInput { enable_dns64: value(true), ..empty() },
    ] {
        cloud.call(ModifySubnetAttribute, input).await.unwrap();
    }
    let plain =
        crate::support::subnet(&cloud, &vpc(&cloud, "10.1.0.0/16").await, "10.1.0.0/24", "us-east-1a").await;
    let input = ModifySubnetAttributeInput {
        subnet_id: plain.clone(),
        assign_ipv6_address_on_creation: value(true),
        ..ModifySubnetAttributeInput::default()
    };
    let (code, message) = refused(cloud.call(ModifySubnetAttribute, input).await);
    assert_eq!(code, "InvalidParameterValue");
    let expected = format!("unless the subnet ({plain}) has an IPv6 CIDR block associated with it.");
    assert!(message.ends_with(&expected), "{message}");
}

#[tokio::test]
async fn an_instance_there_has_one_ipv6_address_and_is_named_by_its_id() {
    let cloud = Cloud::new(3).await;
    let (vpc, subnet) = made(&cloud).await;
    let input = RunInstancesInput { subnet_id: Some(subnet.clone()), ..request(&cloud, 1).await };
    let id = run(&cloud, input).await.remove(0);
    until(&cloud, &id, InstanceStateName::Running).await;
    let instance = show(&cloud, &id).await;
    let address = instance.ipv6_address.clone().expect("it has one");
    assert_eq!((instance.private_ip_address, instance.public_ip_address), (None, None));
    assert_eq!(instance.private_dns_name, Some(format!("{id}.ec2.internal")));
    let card = &instance.network_interfaces.unwrap()[0];
    assert_eq!(card.ipv6_addresses.as_ref().unwrap().len(), 1);
    assert!(card.private_ip_addresses.as_ref().unwrap().is_empty());
    let spec = cloud.machines.spec(&id).unwrap();
    assert_eq!((spec.hostname.as_str(), spec.cards[0].addresses.len()), (id.as_str(), 0));
    assert_eq!(spec.cards[0].addresses6[0].0.to_string(), address);

    let input = DescribeNetworkInterfacesInput {
        network_interface_ids: card.network_interface_id.clone().map(|id| vec![id]),
        ..DescribeNetworkInterfacesInput::default()
    };
    let shown =
        cloud.call(DescribeNetworkInterfaces, input).await.unwrap().network_interfaces.unwrap().remove(0);
    assert_eq!((shown.ipv6_native, shown.private_ip_address), (Some(true), None));
    // What the guest's requests are known by, and what its names lead to.
    let source: IpAddr = address.parse().unwrap();
    assert_eq!(cloud.ec2.guest(&vpc, source).await.unwrap().unwrap().instance.instance_id, Some(id.clone()));
    assert_eq!(cloud.ec2.instance_addresses(&vpc, &id).await.unwrap(), [source]);
    assert!(!cloud.ec2.dns64(&vpc, source).await.unwrap());
    let input = ModifySubnetAttributeInput {
        subnet_id: subnet,
        enable_dns64: Some(AttributeBooleanValue { value: Some(true) }),
        ..ModifySubnetAttributeInput::default()
    };
    cloud.call(ModifySubnetAttribute, input).await.unwrap();
    assert!(cloud.ec2.dns64(&vpc, source).await.unwrap());
    let nobody: IpAddr = "2001:db8:ffff::1".parse().unwrap();
    assert!(!cloud.ec2.dns64(&vpc, nobody).await.unwrap());
}

#[tokio::test]
async fn launches_there_that_want_ipv4_or_an_old_type_are_refused() {
    let cloud = Cloud::new(4).await;
    let (_, subnet) = made(&cloud).await;
    let base = RunInstancesInput { subnet_id: Some(subnet.clone()), ..request(&cloud, 1).await };
    let old = RunInstancesInput { instance_type: Some("t2.micro".to_owned()), ..base.clone() };
    let (code_, message) = refused(cloud.call(RunInstances, old).await);
    assert_eq!(code_, "Unsupported");
    assert!(message.contains("Nitro"), "{message}");
    let at = RunInstancesInput { private_ip_address: Some("10.0.0.9".to_owned()), ..base.clone() };
    assert_eq!(code(cloud.call(RunInstances, at).await), "InvalidParameterCombination");
    let public = InstanceNetworkInterfaceSpecification {
        device_index: Some(0),
        subnet_id: Some(subnet.clone()),
        associate_public_ip_address: Some(true),
        ..InstanceNetworkInterfaceSpecification::default()
    };
    let public =
        RunInstancesInput { subnet_id: None, network_interfaces: Some(vec![public]), ..base.clone() };
    assert_eq!(code(cloud.call(RunInstances, public).await), "InvalidParameterCombination");
    let many = RunInstancesInput { ipv6_address_count: Some(3), ..base.clone() };
    assert_eq!(
        code(cloud.call(RunInstances, many).await),
        "PrivateIpAddressLimitExceeded",
        "a t3.micro has two"
    );
    let named = RunInstancesInput {
        private_dns_name_options: Some(PrivateDnsNameOptionsRequest {
            hostname_type: Some(HostnameType::IpName),
            ..PrivateDnsNameOptionsRequest::default()
        }),
        ..base
    };
    assert_eq!(code(cloud.call(RunInstances, named).await), "InvalidParameterCombination");
    let nat = CreateNatGatewayInput {
        subnet_id: Some(subnet.clone()),
        connectivity_type: Some(ConnectivityType::Private),
        ..CreateNatGatewayInput::default()
    };
    assert_eq!(code(cloud.call(CreateNatGateway, nat).await), "InvalidParameterCombination");
    let card = CreateNetworkInterfaceInput {
        subnet_id: subnet,
        secondary_private_ip_address_count: Some(1),
        ..CreateNetworkInterfaceInput::default()
    };
    assert_eq!(code(cloud.call(CreateNetworkInterface, card).await), "InvalidParameterCombination");
}
