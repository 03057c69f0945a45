//! Network interfaces and Elastic IP addresses.

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::security_groups::group;
use crate::support::{code, refused, subnet, vpc};

async fn place(cloud: &Cloud, cidr: &str) -> (String, String) {
    let vpc = vpc(cloud, "10.0.0.0/16").await;
    let subnet = subnet(cloud, &vpc, cidr, "us-east-1a").await;
    (vpc, subnet)
}

async fn try_interface(cloud: &Cloud, input: CreateNetworkInterfaceInput) -> Result<NetworkInterface, Fault> {
    let output = cloud.call(CreateNetworkInterface, input).await?;
    Ok(output.network_interface.expect("an interface was made"))
}

async fn interface(cloud: &Cloud, subnet: &str) -> NetworkInterface {
    let input = CreateNetworkInterfaceInput {
        subnet_id: subnet.to_owned(),
        ..CreateNetworkInterfaceInput::default()
    };
    try_interface(cloud, input).await.expect("the subnet has room")
}

async fn shown(cloud: &Cloud, id: &str) -> NetworkInterface {
    let input = DescribeNetworkInterfacesInput {
        network_interface_ids: Some(vec![id.to_owned()]),
        ..DescribeNetworkInterfacesInput::default()
    };
    let output = cloud.call(DescribeNetworkInterfaces, input).await.expect("the interface exists");
    output.network_interfaces.and_then(|mut found| found.pop()).expect("one was asked for")
}

async fn free(cloud: &Cloud, subnet: &str) -> i32 {
    let input =
        DescribeSubnetsInput { subnet_ids: Some(vec![subnet.to_owned()]), ..DescribeSubnetsInput::default() };
    let mut found = cloud.call(DescribeSubnets, input).await.unwrap().subnets.unwrap();
    found.remove(0).available_ip_address_count.unwrap()
}

async fn allocate(cloud: &Cloud) -> AllocateAddressOutput {
    cloud.call(AllocateAddress, AllocateAddressInput::default()).await.expect("there is room for one more")
}

#[tokio::test]
async fn an_interface_has_an_address_of_its_subnet_and_the_default_group() {
    let cloud = Cloud::new(1).await;
    let (vpc, subnet) = place(&cloud, "10.0.0.0/28").await;
    let made = interface(&cloud, &subnet).await;
    assert_eq!(made.status, Some(NetworkInterfaceStatus::from("pending")));
    let found = shown(&cloud, made.network_interface_id.as_deref().unwrap()).await;
    assert_eq!(found.status, Some(NetworkInterfaceStatus::Available));
    assert_eq!(found.vpc_id.as_deref(), Some(vpc.as_str()));
    assert_eq!(found.groups.unwrap()[0].group_name.as_deref(), Some("default"));
    let last: u8 = found.private_ip_address.unwrap().rsplit_once('.').unwrap().1.parse().unwrap();
    assert!((4..=14).contains(&last), "{last}");
    assert_eq!((found.source_dest_check, found.requester_managed), (Some(true), Some(false)));
}

#[tokio::test]
async fn a_subnet_runs_out_of_addresses_and_gets_them_back() {
    let cloud = Cloud::new(2).await;
    let (_, subnet) = place(&cloud, "10.0.0.0/28").await;
    let mut made = Vec::new();
    for left in (0..11).rev() {
        made.push(interface(&cloud, &subnet).await.network_interface_id.unwrap());
        assert_eq!(free(&cloud, &subnet).await, left);
    }
    let input = CreateNetworkInterfaceInput { subnet_id: subnet.clone(), ..Default::default() };
    let (code, message) = refused(try_interface(&cloud, input).await);
    assert_eq!(code, "InsufficientFreeAddressesInSubnet");
    let expected = "The specified subnet does not have enough free addresses to satisfy the request.";
    assert_eq!(message, expected);
    for id in made {
        let input = DeleteNetworkInterfaceInput { network_interface_id: id, ..Default::default() };
        cloud.call(DeleteNetworkInterface, input).await.unwrap();
    }
    assert_eq!(free(&cloud, &subnet).await, 11);
}

#[tokio::test]
async fn an_address_that_was_asked_for_must_be_free_and_the_subnets_to_give() {
    let cloud = Cloud::new(3).await;
    let (_, subnet) = place(&cloud, "10.0.0.0/24").await;
    let ask = |address: &str| CreateNetworkInterfaceInput {
        subnet_id: subnet.clone(),
        private_ip_address: Some(address.to_owned()),
        ..CreateNetworkInterfaceInput::default()
    };
    try_interface(&cloud, ask("10.0.0.10")).await.unwrap();
    for (address, code, message) in [
        ("10.0.0.10", "InvalidIPAddress.InUse", "Address 10.0.0.10 is in use."),
        ("10.0.0.3", "InvalidParameterValue", "Address 10.0.0.3 is in subnet's reserved address range"),
        (
            "10.0.1.10",
            "InvalidParameterValue",
            "Address 10.0.1.10 does not fall within the subnet's address range",
        ),
    ] {
        assert_eq!(refused(try_interface(&cloud, ask(address)).await), (code.to_owned(), message.to_owned()));
    }
}

#[tokio::test]
async fn secondary_addresses_and_prefixes_come_and_go() {
    let cloud = Cloud::new(4).await;
    let (_, subnet) = place(&cloud, "10.0.0.0/24").await;
    let id = interface(&cloud, &subnet).await.network_interface_id.unwrap();
    let input = AssignPrivateIpAddressesInput {
        network_interface_id: id.clone(),
        secondary_private_ip_address_count: Some(2),
        ..AssignPrivateIpAddressesInput::default()
    };
    let given =
        cloud.call(AssignPrivateIpAddresses, input).await.unwrap().assigned_private_ip_addresses.unwrap();
    assert_eq!(given.len(), 2);
    let input = AssignPrivateIpAddressesInput {
        network_interface_id: id.clone(),
        ipv4_prefix_count: Some(1),
        ..AssignPrivateIpAddressesInput::default()
    };
    let prefix = cloud.call(AssignPrivateIpAddresses, input).await.unwrap().assigned_ipv4_prefixes.unwrap();
    assert!(prefix[0].ipv4_prefix.as_deref().unwrap().ends_with("/28"));
    assert_eq!(free(&cloud, &subnet).await, 251 - 3 - 16);
    let input = UnassignPrivateIpAddressesInput {
        network_interface_id: id.clone(),
        private_ip_addresses: given.into_iter().map(|it| it.private_ip_address).collect(),
        ipv4_prefixes: Some(prefix.into_iter().filter_map(|it| it.ipv4_prefix).collect()),
    };
    cloud.call(UnassignPrivateIpAddresses, input).await.unwrap();
    assert_eq!(free(&cloud, &subnet).await, 250);
    let primary = shown(&cloud, &id).await.private_ip_address.unwrap();
    let input = UnassignPrivateIpAddressesInput {
        network_interface_id: id,
        private_ip_addresses: Some(vec![primary]),
        ..UnassignPrivateIpAddressesInput::default()
    };
    assert_eq!(code(cloud.call(UnassignPrivateIpAddresses, input).await), "InvalidParameterValue");
}

#[tokio::test]
async fn an_address_moves_to_another_interface_only_where_that_is_allowed() {
    let cloud = Cloud::new(5).await;
    let (_, subnet) = place(&cloud, "10.0.0.0/24").await;
    let one = interface(&cloud, &subnet).await.network_interface_id.unwrap();
    let other = interface(&cloud, &subnet).await.network_interface_id.unwrap();
    let ask = |id: &str, reassign| AssignPrivateIpAddressesInput {
        network_interface_id: id.to_owned(),
        private_ip_addresses: Some(vec!["10.0.0.100".to_owned()]),
        allow_reassignment: reassign,
        ..AssignPrivateIpAddressesInput::default()
    };
    cloud.call(AssignPrivateIpAddresses, ask(&one, None)).await.unwrap();
    assert_eq!(code(cloud.call(AssignPrivateIpAddresses, ask(&other, None)).await), "InvalidIPAddress.InUse");
    cloud.call(AssignPrivateIpAddresses, ask(&other, Some(true))).await.unwrap();
    assert_eq!(shown(&cloud, &one).await.private_ip_addresses.unwrap().len(), 1);
    assert_eq!(shown(&cloud, &other).await.private_ip_addresses.unwrap().len(), 2);
}

#[tokio::test]
async fn attributes_change_one_at_a_time_and_read_back() {
    let cloud = Cloud::new(6).await;
    let (vpc, subnet) = place(&cloud, "10.0.0.0/24").await;
    let web = group(&cloud, &vpc, "web").await;
    let id = interface(&cloud, &subnet).await.network_interface_id.unwrap();
    let base = ModifyNetworkInterfaceAttributeInput {
        network_interface_id: id.clone(),
        ..ModifyNetworkInterfaceAttributeInput::default()
    };
    let text = AttributeValue { value: Some("front".to_owned()) };
    let off = AttributeBooleanValue { value: Some(false) };
    let both = ModifyNetworkInterfaceAttributeInput {
        description: Some(text.clone()),
        source_dest_check: Some(off.clone()),
        ..base.clone()
    };
    let refused_code = code(cloud.call(ModifyNetworkInterfaceAttribute, both).await);
    assert_eq!(refused_code, "InvalidParameterCombination");
    for change in [
        ModifyNetworkInterfaceAttributeInput { description: Some(text), ..base.clone() },
        ModifyNetworkInterfaceAttributeInput { source_dest_check: Some(off), ..base.clone() },
        ModifyNetworkInterfaceAttributeInput { groups: Some(vec![web.clone()]), ..base },
    ] {
        cloud.call(ModifyNetworkInterfaceAttribute, change).await.unwrap();
    }
    let found = shown(&cloud, &id).await;
    assert_eq!((found.description.as_deref(), found.source_dest_check), (Some("front"), Some(false)));
    assert_eq!(found.groups.unwrap()[0].group_id.as_deref(), Some(web.as_str()));
    let input = DescribeNetworkInterfaceAttributeInput {
        network_interface_id: id,
        attribute: Some(NetworkInterfaceAttribute::GroupSet),
        ..DescribeNetworkInterfaceAttributeInput::default()
    };
    let found = cloud.call(DescribeNetworkInterfaceAttribute, input).await.unwrap();
    assert_eq!(found.groups.unwrap()[0].group_name.as_deref(), Some("web"));
    assert!(found.description.is_none());
}

#[tokio::test]
async fn a_client_token_makes_one_interface() {
    let cloud = Cloud::new(7).await;
    let (_, subnet) = place(&cloud, "10.0.0.0/24").await;
    let ask = |description: &str| CreateNetworkInterfaceInput {
        subnet_id: subnet.clone(),
        description: Some(description.to_owned()),
        client_token: Some("once".to_owned()),
        ..CreateNetworkInterfaceInput::default()
    };
    let first = try_interface(&cloud, ask("a")).await.unwrap().network_interface_id;
    assert_eq!(try_interface(&cloud, ask("a")).await.unwrap().network_interface_id, first);
    assert_eq!(code(try_interface(&cloud, ask("b")).await), "IdempotentParameterMismatch");
}

#[tokio::test]
async fn an_elastic_ip_moves_from_one_interface_to_another_at_once() {
    let cloud = Cloud::new(8).await;
    let (_, subnet) = place(&cloud, "10.0.0.0/24").await;
    let one = interface(&cloud, &subnet).await.network_interface_id.unwrap();
    let other = interface(&cloud, &subnet).await.network_interface_id.unwrap();
    let address = allocate(&cloud).await;
    let public = address.public_ip.clone().unwrap();
    assert!(public.starts_with("198.18.") || public.starts_with("198.19."), "{public}");
    let ask = |interface: &str, may: Option<bool>| AssociateAddressInput {
        allocation_id: address.allocation_id.clone(),
        network_interface_id: Some(interface.to_owned()),
        allow_reassociation: may,
        ..AssociateAddressInput::default()
    };
    let association = cloud.call(AssociateAddress, ask(&one, None)).await.unwrap().association_id;
    assert!(association.as_deref().unwrap().starts_with("eipassoc-"));
    assert_eq!(
        code(cloud.call(AssociateAddress, ask(&other, Some(false))).await),
        "Resource.AlreadyAssociated"
    );
    cloud.call(AssociateAddress, ask(&other, Some(true))).await.unwrap();
    assert!(shown(&cloud, &one).await.association.is_none());
    let found = shown(&cloud, &other).await.association.unwrap();
    assert_eq!(found.public_ip, Some(public.clone()));
    let release = ReleaseAddressInput { allocation_id: address.allocation_id.clone(), ..Default::default() };
    assert_eq!(code(cloud.call(ReleaseAddress, release.clone()).await), "InvalidIPAddress.InUse");
    let input = DisassociateAddressInput { association_id: found.association_id, ..Default::default() };
    cloud.call(DisassociateAddress, input).await.unwrap();
    cloud.call(ReleaseAddress, release.clone()).await.unwrap();
    assert_eq!(code(cloud.call(ReleaseAddress, release).await), "InvalidAllocationID.NotFound");
    let again = AllocateAddressInput { address: Some(public.clone()), ..AllocateAddressInput::default() };
    assert_eq!(cloud.call(AllocateAddress, again).await.unwrap().public_ip, Some(public));
}

#[tokio::test]
async fn an_account_has_five_elastic_ips_in_a_region() {
    let cloud = Cloud::new(9).await;
    for _ in 0..5 {
        allocate(&cloud).await;
    }
    let (code, message) = refused(cloud.call(AllocateAddress, AllocateAddressInput::default()).await);
    assert_eq!(code, "AddressLimitExceeded");
    assert_eq!(message, "The maximum number of addresses has been reached.");
}

#[tokio::test]
async fn the_name_an_address_resolves_back_to_is_kept() {
    let cloud = Cloud::new(10).await;
    let id = allocate(&cloud).await.allocation_id.unwrap();
    let input = ModifyAddressAttributeInput {
        allocation_id: id.clone(),
        domain_name: Some("mail.example.com".to_owned()),
        ..ModifyAddressAttributeInput::default()
    };
    cloud.call(ModifyAddressAttribute, input).await.unwrap();
    let input = DescribeAddressesAttributeInput {
        allocation_ids: Some(vec![id]),
        attribute: Some(AddressAttributeName::DomainName),
        ..DescribeAddressesAttributeInput::default()
    };
    let found = cloud.call(DescribeAddressesAttribute, input).await.unwrap().addresses.unwrap();
    assert_eq!(found[0].ptr_record.as_deref(), Some("mail.example.com."));
}
