//! Route tables, routes, ACLs, DHCP options, and the places there are.

use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, filters, refused, subnet, vpc};

async fn table(cloud: &Cloud, vpc: &str) -> String {
    let input = CreateRouteTableInput { vpc_id: vpc.to_owned(), ..Default::default() };
    let output = cloud.call(CreateRouteTable, input).await.expect("the VPC is there");
    output.route_table.and_then(|table| table.route_table_id).expect("a new table has an id")
}

async fn described(cloud: &Cloud, id: &str) -> RouteTable {
    let input = DescribeRouteTablesInput { route_table_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeRouteTables, input).await.unwrap().route_tables.unwrap().remove(0)
}

async fn attached_gateway(cloud: &Cloud, vpc: &str) -> String {
    let made = cloud.call(CreateInternetGateway, CreateInternetGatewayInput::default()).await.unwrap();
    let id = made.internet_gateway.unwrap().internet_gateway_id.unwrap();
    let input = AttachInternetGatewayInput {
        internet_gateway_id: id.clone(),
        vpc_id: vpc.to_owned(),
        ..Default::default()
    };
    cloud.call(AttachInternetGateway, input).await.unwrap();
    id
}

#[tokio::test]
async fn a_subnet_uses_the_main_table_until_it_is_given_another() {
    let cloud = Cloud::new(11).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let part = subnet(&cloud, &id, "10.0.0.0/24", "us-east-1a").await;
    let (one, two) = (table(&cloud, &id).await, table(&cloud, &id).await);
    let associate = |table: &str| AssociateRouteTableInput {
        route_table_id: table.to_owned(),
        subnet_id: Some(part.clone()),
        ..Default::default()
    };
    let first = cloud.call(AssociateRouteTable, associate(&one)).await.unwrap().association_id.unwrap();
    let again = cloud.call(AssociateRouteTable, associate(&one)).await.unwrap().association_id.unwrap();
    assert_eq!(first, again);
    assert_eq!(code(cloud.call(AssociateRouteTable, associate(&two)).await), "Resource.AlreadyAssociated");
    let replace = |association: &str, table: &str| ReplaceRouteTableAssociationInput {
        association_id: association.to_owned(),
        route_table_id: table.to_owned(),
        ..Default::default()
    };
    let second = cloud.call(ReplaceRouteTableAssociation, replace(&first, &two)).await.unwrap();
    let second = second.new_association_id.unwrap();
    assert_ne!(first, second);
    let delete =
        |table: &str| DeleteRouteTableInput { route_table_id: table.to_owned(), ..Default::default() };
    let (code_of, message) = refused(cloud.call(DeleteRouteTable, delete(&two)).await);
    assert_eq!(code_of, "DependencyViolation");
    assert!(message.contains(&part), "{message}");
    let end = |id: &str| DisassociateRouteTableInput { association_id: id.to_owned(), ..Default::default() };
    assert_eq!(code(cloud.call(DisassociateRouteTable, end(&first)).await), "InvalidAssociationID.NotFound");
    cloud.call(DisassociateRouteTable, end(&second)).await.unwrap();
    cloud.call(DeleteRouteTable, delete(&two)).await.unwrap();

    // Another table becomes the main one.
    let input = DescribeRouteTablesInput {
        filters: filters(&[("vpc-id", &id), ("association.main", "true")]),
        ..Default::default()
    };
    let main = cloud.call(DescribeRouteTables, input).await.unwrap().route_tables.unwrap().remove(0);
    let association = main.associations.unwrap().remove(0).route_table_association_id.unwrap();
    assert_eq!(code(cloud.call(DisassociateRouteTable, end(&association)).await), "InvalidParameterValue");
    cloud.call(ReplaceRouteTableAssociation, replace(&association, &one)).await.unwrap();
    assert_eq!(described(&cloud, &one).await.associations.unwrap()[0].main, Some(true));
    cloud.call(DeleteRouteTable, delete(main.route_table_id.as_deref().unwrap())).await.unwrap();
}

#[tokio::test]
async fn a_route_whose_gateway_is_gone_is_a_blackhole() {
    let cloud = Cloud::new(12).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let own = table(&cloud, &id).await;
    let gateway = attached_gateway(&cloud, &id).await;
    let outward = |gateway: &str| CreateRouteInput {
        route_table_id: own.clone(),
        destination_cidr_block: Some("0.0.0.0/0".to_owned()),
        gateway_id: Some(gateway.to_owned()),
        ..Default::default()
    };
    assert_eq!(
        code(cloud.call(CreateRoute, outward("igw-0123456789abcdef0")).await),
        "InvalidGatewayID.NotFound"
    );
    cloud.call(CreateRoute, outward(&gateway)).await.unwrap();
    let inside =
        CreateRouteInput { destination_cidr_block: Some("10.0.1.0/24".to_owned()), ..outward(&gateway) };
    assert_eq!(code(cloud.call(CreateRoute, inside).await), "InvalidParameterValue");
    let route = |table: RouteTable| {
        table.routes.unwrap().into_iter().find(|route| route.gateway_id.as_ref() == Some(&gateway)).unwrap()
    };
    assert_eq!(route(described(&cloud, &own).await).state, Some(RouteState::Active));
    let detach = DetachInternetGatewayInput {
        internet_gateway_id: gateway.clone(),
        vpc_id: id.clone(),
        ..Default::default()
    };
    cloud.call(DetachInternetGateway, detach).await.unwrap();
    assert_eq!(route(described(&cloud, &own).await).state, Some(RouteState::Blackhole));
    let input =
        DescribeRouteTablesInput { filters: filters(&[("route.state", "blackhole")]), ..Default::default() };
    assert_eq!(cloud.call(DescribeRouteTables, input).await.unwrap().route_tables.unwrap().len(), 1);
    let delete = DeleteRouteInput {
        route_table_id: own.clone(),
        destination_cidr_block: Some("0.0.0.0/0".to_owned()),
        ..Default::default()
    };
    cloud.call(DeleteRoute, delete.clone()).await.unwrap();
    let (code_of, message) = refused(cloud.call(DeleteRoute, delete).await);
    assert_eq!(code_of, "InvalidRoute.NotFound");
    assert_eq!(message, format!("no route with destination-cidr-block 0.0.0.0/0 in route table {own}"));
}

#[tokio::test]
async fn a_gateways_table_leads_into_its_vpc_and_nowhere_else() {
    let cloud = Cloud::new(16).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let part = subnet(&cloud, &id, "10.0.1.0/24", "us-east-1a").await;
    let (own, gateway) = (table(&cloud, &id).await, attached_gateway(&cloud, &id).await);
    let made = cloud
        .call(CreateVpnGateway, CreateVpnGatewayInput { r#type: GatewayType::Ipsec1, ..Default::default() });
    let vpn = made.await.unwrap().vpn_gateway.unwrap().vpn_gateway_id.unwrap();
    let card = CreateNetworkInterfaceInput { subnet_id: part.clone(), ..Default::default() };
    let card = cloud.call(CreateNetworkInterface, card).await.unwrap().network_interface.unwrap();
    let associate = |gateway: &str| AssociateRouteTableInput {
        route_table_id: own.clone(),
        gateway_id: Some(gateway.to_owned()),
        ..Default::default()
    };
    let route = |to: &str| CreateRouteInput {
        route_table_id: own.clone(),
        destination_cidr_block: Some(to.to_owned()),
        network_interface_id: card.network_interface_id.clone(),
        ..Default::default()
    };
    let out = |to: &str| CreateRouteInput {
        network_interface_id: None,
        gateway_id: Some(gateway.clone()),
        ..route(to)
    };
    let delete = |to: &str| DeleteRouteInput {
        route_table_id: own.clone(),
        destination_cidr_block: Some(to.to_owned()),
        ..Default::default()
    };

    // A table with other routes cannot be for a gateway.
    cloud.call(CreateRoute, out("0.0.0.0/0")).await.unwrap();
    let (code_of, message) = refused(cloud.call(AssociateRouteTable, associate(&gateway)).await);
    assert_eq!(code_of, "InvalidParameterValue");
    assert!(message.contains("can target only local, a network interface"), "{message}");
    cloud.call(DeleteRoute, delete("0.0.0.0/0")).await.unwrap();
    cloud.call(CreateRoute, route("192.168.0.0/16")).await.unwrap();
    assert_eq!(code(cloud.call(AssociateRouteTable, associate(&gateway)).await), "InvalidParameterValue");
    cloud.call(DeleteRoute, delete("192.168.0.0/16")).await.unwrap();
    assert_eq!(
        code(cloud.call(AssociateRouteTable, associate(&vpn)).await),
        "InvalidParameterValue",
        "it is attached to no VPC"
    );
    let attach =
        AttachVpnGatewayInput { vpc_id: id.clone(), vpn_gateway_id: vpn.clone(), ..Default::default() };
    cloud.call(AttachVpnGateway, attach).await.unwrap();

    // Neither can one that learns routes, nor does a gateway's learn any.
    let propagate = EnableVgwRoutePropagationInput {
        route_table_id: own.clone(),
        gateway_id: vpn.clone(),
        ..Default::default()
    };
    cloud.call(EnableVgwRoutePropagation, propagate.clone()).await.unwrap();
    assert_eq!(code(cloud.call(AssociateRouteTable, associate(&gateway)).await), "InvalidParameterValue");
    let end = DisableVgwRoutePropagationInput {
        route_table_id: own.clone(),
        gateway_id: vpn.clone(),
        ..Default::default()
    };
    cloud.call(DisableVgwRoutePropagation, end).await.unwrap();
    for gateway in [&gateway, &vpn] {
        cloud.call(AssociateRouteTable, associate(gateway)).await.unwrap();
    }
    assert_eq!(code(cloud.call(EnableVgwRoutePropagation, propagate).await), "InvalidParameterValue");

    // A whole subnet, or the whole VPC in place of the local route, and back.
    cloud.call(CreateRoute, route("10.0.1.0/24")).await.unwrap();
    for refused in [route("10.0.1.0/25"), route("0.0.0.0/0"), out("10.1.0.0/16")] {
        assert_eq!(code(cloud.call(CreateRoute, refused).await), "InvalidParameterValue");
    }
    let list = CreateRouteInput {
        destination_cidr_block: None,
        destination_prefix_list_id: Some("pl-63a5400a".to_owned()),
        ..route("10.0.0.0/16")
    };
    assert_eq!(code(cloud.call(CreateRoute, list).await), "InvalidParameterValue");
    let local = |interface: Option<String>| ReplaceRouteInput {
        route_table_id: own.clone(),
        destination_cidr_block: Some("10.0.0.0/16".to_owned()),
        local_target: interface.is_none().then_some(true),
        network_interface_id: interface,
        ..Default::default()
    };
    cloud.call(ReplaceRoute, local(card.network_interface_id.clone())).await.unwrap();
    let shown = |table: RouteTable| {
        let all = table.routes.unwrap();
        all.into_iter().find(|one| one.destination_cidr_block.as_deref() == Some("10.0.0.0/16")).unwrap()
    };
    assert_eq!(shown(described(&cloud, &own).await).network_interface_id, card.network_interface_id);
    cloud.call(ReplaceRoute, local(None)).await.unwrap();
    assert_eq!(shown(described(&cloud, &own).await).gateway_id.as_deref(), Some("local"));

    // Only a table of the same kind takes its place.
    let other = table(&cloud, &id).await;
    cloud
        .call(CreateRoute, CreateRouteInput { route_table_id: other.clone(), ..out("0.0.0.0/0") })
        .await
        .unwrap();
    let associations = described(&cloud, &own).await.associations.unwrap();
    let replace = ReplaceRouteTableAssociationInput {
        association_id: associations[0].route_table_association_id.clone().unwrap(),
        route_table_id: other,
        ..Default::default()
    };
    assert_eq!(code(cloud.call(ReplaceRouteTableAssociation, replace).await), "InvalidParameterValue");
}

#[tokio::test]
async fn a_token_stands_for_one_route_table() {
    let cloud = Cloud::new(13).await;
    let (one, two) = (vpc(&cloud, "10.0.0.0/16").await, vpc(&cloud, "10.0.0.0/16").await);
    let input = |vpc: &str| CreateRouteTableInput {
        vpc_id: vpc.to_owned(),
        client_token: Some("t".to_owned()),
        ..Default::default()
    };
    let first = cloud.call(CreateRouteTable, input(&one)).await.unwrap();
    let again = cloud.call(CreateRouteTable, input(&one)).await.unwrap();
    assert_eq!(first.route_table.unwrap().route_table_id, again.route_table.unwrap().route_table_id);
    assert_eq!(again.client_token.as_deref(), Some("t"));
    assert_eq!(code(cloud.call(CreateRouteTable, input(&two)).await), "IdempotentParameterMismatch");
}

#[tokio::test]
async fn a_subnet_always_has_an_acl() {
    let cloud = Cloud::new(14).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let part = subnet(&cloud, &id, "10.0.0.0/24", "us-east-1a").await;
    let made = cloud
        .call(CreateNetworkAcl, CreateNetworkAclInput { vpc_id: id.clone(), ..Default::default() })
        .await
        .unwrap();
    let acl = made.network_acl.unwrap().network_acl_id.unwrap();
    let entry = |number| CreateNetworkAclEntryInput {
        network_acl_id: acl.clone(),
        rule_number: number,
        protocol: "tcp".to_owned(),
        rule_action: RuleAction::Allow,
        egress: false,
        cidr_block: Some("0.0.0.0/0".to_owned()),
        port_range: Some(PortRange { from: Some(22), to: Some(22) }),
        ..Default::default()
    };
    cloud.call(CreateNetworkAclEntry, entry(100)).await.unwrap();
    let other = CreateNetworkAclEntryInput { rule_action: RuleAction::Deny, ..entry(100) };
    assert_eq!(code(cloud.call(CreateNetworkAclEntry, other).await), "NetworkAclEntryAlreadyExists");
    let input = DescribeNetworkAclsInput {
        filters: filters(&[("association.subnet-id", &part)]),
        ..Default::default()
    };
    let default =
        cloud.call(DescribeNetworkAcls, input.clone()).await.unwrap().network_acls.unwrap().remove(0);
    assert_eq!(default.is_default, Some(true));
    let association_id = default.associations.unwrap().remove(0).network_acl_association_id.unwrap();
    let replace = ReplaceNetworkAclAssociationInput {
        association_id,
        network_acl_id: acl.clone(),
        ..Default::default()
    };
    cloud.call(ReplaceNetworkAclAssociation, replace.clone()).await.unwrap();
    assert_eq!(
        code(cloud.call(ReplaceNetworkAclAssociation, replace).await),
        "InvalidAssociationID.NotFound"
    );
    let now = cloud.call(DescribeNetworkAcls, input).await.unwrap().network_acls.unwrap().remove(0);
    assert_eq!(now.network_acl_id.as_deref(), Some(acl.as_str()));
    let delete = |id: &str| DeleteNetworkAclInput { network_acl_id: id.to_owned(), ..Default::default() };
    assert_eq!(code(cloud.call(DeleteNetworkAcl, delete(&acl)).await), "DependencyViolation");
    assert_eq!(
        code(cloud.call(DeleteNetworkAcl, delete(&default.network_acl_id.unwrap())).await),
        "InvalidParameterValue"
    );
    cloud.call(DeleteSubnet, DeleteSubnetInput { subnet_id: part, ..Default::default() }).await.unwrap();
    let remove = DeleteNetworkAclEntryInput {
        network_acl_id: acl.clone(),
        rule_number: 100,
        egress: false,
        ..Default::default()
    };
    cloud.call(DeleteNetworkAclEntry, remove.clone()).await.unwrap();
    assert_eq!(code(cloud.call(DeleteNetworkAclEntry, remove).await), "InvalidNetworkAclEntry.NotFound");
    cloud.call(DeleteNetworkAcl, delete(&acl)).await.unwrap();
}

#[tokio::test]
async fn dhcp_options_in_use_are_not_deleted() {
    let cloud = Cloud::new(15).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let option = |key: &str, value: &str| NewDhcpConfiguration {
        key: Some(key.to_owned()),
        values: Some(vec![value.to_owned()]),
    };
    let input = CreateDhcpOptionsInput {
        dhcp_configurations: vec![
            option("domain-name", "example.com"),
            option("ntp-servers", "10.0.0.9,10.0.0.10"),
        ],
        ..Default::default()
    };
    let made = cloud.call(CreateDhcpOptions, input).await.unwrap().dhcp_options.unwrap();
    assert_eq!(made.dhcp_configurations.unwrap()[1].values.as_ref().unwrap().len(), 2);
    let dhcp_options_id = made.dhcp_options_id.unwrap();
    let associate = |options: &str| AssociateDhcpOptionsInput {
        dhcp_options_id: options.to_owned(),
        vpc_id: id.clone(),
        ..Default::default()
    };
    cloud.call(AssociateDhcpOptions, associate(&dhcp_options_id)).await.unwrap();
    let delete = DeleteDhcpOptionsInput { dhcp_options_id: dhcp_options_id.clone(), ..Default::default() };
    let (code_of, message) = refused(cloud.call(DeleteDhcpOptions, delete.clone()).await);
    assert_eq!(code_of, "DependencyViolation");
    assert!(message.contains(&id), "{message}");
    cloud.call(AssociateDhcpOptions, associate("default")).await.unwrap();
    cloud.call(DeleteDhcpOptions, delete.clone()).await.unwrap();
    assert_eq!(code(cloud.call(DeleteDhcpOptions, delete).await), "InvalidDhcpOptionID.NotFound");
}

#[tokio::test]
async fn regions_and_zones_are_listed() {
    let cloud = Cloud::new(16).await;
    let regions =
        cloud.call(DescribeRegions, DescribeRegionsInput::default()).await.unwrap().regions.unwrap();
    assert!(regions.len() > 30);
    assert!(regions.iter().all(|region| !region.region_name.as_ref().unwrap().starts_with("cn-")));
    let one = DescribeRegionsInput { region_names: Some(vec!["us-east-9".to_owned()]), ..Default::default() };
    assert_eq!(refused(cloud.call(DescribeRegions, one).await).1, "Invalid region names: [us-east-9]");
    let zones =
        cloud.call(DescribeAvailabilityZones, DescribeAvailabilityZonesInput::default()).await.unwrap();
    let zones = zones.availability_zones.unwrap();
    assert_eq!(zones.len(), 6);
    assert_eq!(zones[1].zone_id.as_deref(), Some("use1-az2"));
    let lists = cloud
        .call(DescribePrefixLists, DescribePrefixListsInput::default())
        .await
        .unwrap()
        .prefix_lists
        .unwrap();
    assert_eq!(lists.len(), 2);
    let attributes =
        cloud.call(DescribeAccountAttributes, DescribeAccountAttributesInput::default()).await.unwrap();
    let attributes = attributes.account_attributes.unwrap();
    let default = attributes.iter().find(|one| one.attribute_name.as_deref() == Some("default-vpc")).unwrap();
    assert!(
        default.attribute_values.as_ref().unwrap()[0].attribute_value.as_ref().unwrap().starts_with("vpc-")
    );
}
