//! Managed prefix lists, flow logs, transit gateways and VPN connections.

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::security_groups::group;
use crate::support::{code, filter, filters, refused, subnet, vpc};

async fn list(cloud: &Cloud, entries: &[&str], max: i32) -> Result<ManagedPrefixList, Fault> {
    let entry = |cidr: &&str| AddPrefixListEntry { cidr: (*cidr).to_owned(), description: None };
    let input = CreateManagedPrefixListInput {
        prefix_list_name: "offices".to_owned(),
        address_family: "IPv4".to_owned(),
        max_entries: max,
        entries: Some(entries.iter().map(entry).collect()),
        ..CreateManagedPrefixListInput::default()
    };
    let output = cloud.call(CreateManagedPrefixList, input).await?;
    Ok(output.prefix_list.expect("a list was made"))
}

async fn entries(cloud: &Cloud, id: &str, version: Option<i64>) -> Vec<String> {
    let input = GetManagedPrefixListEntriesInput {
        prefix_list_id: id.to_owned(),
        target_version: version,
        ..GetManagedPrefixListEntriesInput::default()
    };
    let output = cloud.call(GetManagedPrefixListEntries, input).await.expect("the version exists");
    output.entries.unwrap_or_default().into_iter().filter_map(|entry| entry.cidr).collect()
}

#[tokio::test]
async fn a_prefix_lists_versions_are_kept_and_restored() {
    let cloud = Cloud::new(1).await;
    let id = list(&cloud, &["10.0.0.0/8"], 5).await.unwrap().prefix_list_id.unwrap();
    let change = |version| ModifyManagedPrefixListInput {
        prefix_list_id: id.clone(),
        current_version: Some(version),
        add_entries: Some(vec![AddPrefixListEntry { cidr: "192.0.2.0/24".to_owned(), description: None }]),
        remove_entries: Some(vec![RemovePrefixListEntry { cidr: "10.0.0.0/8".to_owned() }]),
        ..ModifyManagedPrefixListInput::default()
    };
    let changed = cloud.call(ModifyManagedPrefixList, change(1)).await.unwrap().prefix_list.unwrap();
    assert_eq!(changed.version, Some(2));
    assert_eq!(code(cloud.call(ModifyManagedPrefixList, change(1)).await), "PrefixListVersionMismatch");
    assert_eq!(entries(&cloud, &id, None).await, ["192.0.2.0/24"]);
    assert_eq!(entries(&cloud, &id, Some(1)).await, ["10.0.0.0/8"]);
    let input = RestoreManagedPrefixListVersionInput {
        prefix_list_id: id.clone(),
        previous_version: 1,
        current_version: 2,
        ..RestoreManagedPrefixListVersionInput::default()
    };
    cloud.call(RestoreManagedPrefixListVersion, input).await.unwrap();
    assert_eq!(entries(&cloud, &id, None).await, ["10.0.0.0/8"]);
    let input = DescribeManagedPrefixListsInput { prefix_list_ids: Some(vec![id]), ..Default::default() };
    let found = cloud.call(DescribeManagedPrefixLists, input).await.unwrap().prefix_lists.unwrap();
    assert_eq!(found[0].version, Some(3));
    assert_eq!(code(list(&cloud, &["10.0.0.0/8", "10.0.0.0/9"], 1).await), "PrefixListMaxEntriesExceeded");
}

#[tokio::test]
async fn a_prefix_list_that_a_rule_names_counts_with_all_its_entries_and_stays() {
    let cloud = Cloud::new(2).await;
    let group = group(&cloud, &vpc(&cloud, "10.0.0.0/16").await, "web").await;
    let allow = |id: &str| AuthorizeSecurityGroupIngressInput {
        group_id: Some(group.clone()),
        ip_permissions: Some(vec![IpPermission {
            ip_protocol: Some("-1".to_owned()),
            prefix_list_ids: Some(vec![PrefixListId {
                prefix_list_id: Some(id.to_owned()),
                description: None,
            }]),
            ..IpPermission::default()
        }]),
        ..AuthorizeSecurityGroupIngressInput::default()
    };
    let large = list(&cloud, &[], 61).await.unwrap().prefix_list_id.unwrap();
    let refused = code(cloud.call(AuthorizeSecurityGroupIngress, allow(&large)).await);
    assert_eq!(refused, "RulesPerSecurityGroupLimitExceeded");
    let small = list(&cloud, &[], 60).await.unwrap().prefix_list_id.unwrap();
    cloud.call(AuthorizeSecurityGroupIngress, allow(&small)).await.unwrap();
    let input = GetManagedPrefixListAssociationsInput { prefix_list_id: small.clone(), ..Default::default() };
    let found = cloud.call(GetManagedPrefixListAssociations, input).await.unwrap();
    assert_eq!(found.prefix_list_associations.unwrap()[0].resource_id, Some(group.clone()));
    let input = DeleteManagedPrefixListInput { prefix_list_id: small, ..Default::default() };
    assert_eq!(code(cloud.call(DeleteManagedPrefixList, input).await), "DependencyViolation");
}

#[tokio::test]
async fn flow_logs_are_made_for_what_exists_and_read_back() {
    let cloud = Cloud::new(3).await;
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    crate::flow_logs::bucket(&cloud, "logs").await;
    let ask = CreateFlowLogsInput {
        resource_ids: vec![vpc.clone(), "vpc-0123456789abcdef0".to_owned()],
        resource_type: FlowLogsResourceType::Vpc,
        traffic_type: Some(TrafficType::Reject),
        log_destination_type: Some(LogDestinationType::S3),
        log_destination: Some("arn:aws:s3:::logs/flows/".to_owned()),
        max_aggregation_interval: Some(60),
        ..CreateFlowLogsInput::default()
    };
    let made = cloud.call(CreateFlowLogs, ask.clone()).await.unwrap();
    let id = made.flow_log_ids.unwrap().remove(0);
    let failed = made.unsuccessful.unwrap().remove(0);
    assert_eq!(failed.error.unwrap().code.as_deref(), Some("InvalidVpcID.NotFound"));
    let again = cloud.call(CreateFlowLogs, ask).await.unwrap().unsuccessful.unwrap();
    assert_eq!(again[0].error.as_ref().unwrap().code.as_deref(), Some("FlowLogAlreadyExists"));
    let input = DescribeFlowLogsInput { filter: filters(&[("resource-id", &vpc)]), ..Default::default() };
    let found = cloud.call(DescribeFlowLogs, input).await.unwrap().flow_logs.unwrap().remove(0);
    assert_eq!((found.flow_log_id, found.max_aggregation_interval), (Some(id.clone()), Some(60)));
    assert_eq!(found.log_destination.as_deref(), Some("arn:aws:s3:::logs/flows/"));
    let input = DeleteFlowLogsInput { flow_log_ids: vec![id.clone()], ..DeleteFlowLogsInput::default() };
    assert_eq!(cloud.call(DeleteFlowLogs, input.clone()).await.unwrap().unsuccessful, Some(Vec::new()));
    let gone = cloud.call(DeleteFlowLogs, input).await.unwrap().unsuccessful.unwrap();
    assert_eq!(gone[0].error.as_ref().unwrap().code.as_deref(), Some("InvalidFlowLogId.NotFound"));
}

async fn gateway(cloud: &Cloud) -> TransitGateway {
    let output = cloud.call(CreateTransitGateway, CreateTransitGatewayInput::default()).await;
    output.expect("there is room").transit_gateway.expect("a gateway was made")
}

async fn attach(cloud: &Cloud, gateway: &str, vpc: &str, subnet: &str) -> Result<String, Fault> {
    let input = CreateTransitGatewayVpcAttachmentInput {
        transit_gateway_id: gateway.to_owned(),
        vpc_id: vpc.to_owned(),
        subnet_ids: vec![subnet.to_owned()],
        ..CreateTransitGatewayVpcAttachmentInput::default()
    };
    let output = cloud.call(CreateTransitGatewayVpcAttachment, input).await?;
    let attachment = output.transit_gateway_vpc_attachment.expect("an attachment was made");
    Ok(attachment.transit_gateway_attachment_id.expect("it has an id"))
}

async fn routes(cloud: &Cloud, table: &str, name: &str, value: &str) -> Vec<(String, String)> {
    let input = SearchTransitGatewayRoutesInput {
        transit_gateway_route_table_id: table.to_owned(),
        filters: vec![filter(name, &[value])],
        ..SearchTransitGatewayRoutesInput::default()
    };
    let output = cloud.call(SearchTransitGatewayRoutes, input).await.expect("the filter is known");
    let found = output.routes.unwrap_or_default().into_iter();
    found.map(|it| (it.destination_cidr_block.unwrap(), it.state.unwrap().to_string())).collect()
}

#[tokio::test]
async fn an_attached_vpc_is_routed_by_the_default_table() {
    let cloud = Cloud::new(4).await;
    let made = gateway(&cloud).await;
    let id = made.transit_gateway_id.unwrap();
    let table = made.options.unwrap().association_default_route_table_id.unwrap();
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let subnet = subnet(&cloud, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let attachment = attach(&cloud, &id, &vpc, &subnet).await.unwrap();
    assert_eq!(code(attach(&cloud, &id, &vpc, &subnet).await), "DuplicateTransitGatewayAttachment");
    let active = ("10.0.0.0/16".to_owned(), "active".to_owned());
    assert_eq!(routes(&cloud, &table, "type", "propagated").await, std::slice::from_ref(&active));
    let hole = CreateTransitGatewayRouteInput {
        destination_cidr_block: "10.0.1.0/24".to_owned(),
        transit_gateway_route_table_id: table.clone(),
        blackhole: Some(true),
        ..CreateTransitGatewayRouteInput::default()
    };
    cloud.call(CreateTransitGatewayRoute, hole.clone()).await.unwrap();
    assert_eq!(code(cloud.call(CreateTransitGatewayRoute, hole).await), "RouteAlreadyExists");
    let blackhole = ("10.0.1.0/24".to_owned(), "blackhole".to_owned());
    let longest = "route-search.longest-prefix-match";
    assert_eq!(routes(&cloud, &table, longest, "10.0.1.7").await, [blackhole]);
    assert_eq!(routes(&cloud, &table, longest, "10.0.2.7").await, [active]);
    let input = DeleteTransitGatewayInput { transit_gateway_id: id.clone(), ..Default::default() };
    assert_eq!(code(cloud.call(DeleteTransitGateway, input.clone()).await), "IncorrectState");
    let gone = DeleteTransitGatewayVpcAttachmentInput {
        transit_gateway_attachment_id: attachment,
        ..DeleteTransitGatewayVpcAttachmentInput::default()
    };
    cloud.call(DeleteTransitGatewayVpcAttachment, gone).await.unwrap();
    cloud.call(DeleteTransitGateway, input).await.unwrap();
}

#[tokio::test]
async fn two_gateways_are_peered_when_the_other_side_accepts() {
    let cloud = Cloud::new(5).await;
    let here = gateway(&cloud).await.transit_gateway_id.unwrap();
    let there = base::Region::parse("eu-west-1").unwrap();
    let account = base::AccountId::DEV;
    let other = cloud.call_as(account, there, CreateTransitGateway, Default::default()).await.unwrap();
    let input = CreateTransitGatewayPeeringAttachmentInput {
        transit_gateway_id: here,
        peer_transit_gateway_id: other.transit_gateway.unwrap().transit_gateway_id.unwrap(),
        peer_account_id: account.to_string(),
        peer_region: "eu-west-1".to_owned(),
        ..CreateTransitGatewayPeeringAttachmentInput::default()
    };
    let made = cloud.call(CreateTransitGatewayPeeringAttachment, input).await.unwrap();
    let id = made.transit_gateway_peering_attachment.unwrap().transit_gateway_attachment_id.unwrap();
    let accept = AcceptTransitGatewayPeeringAttachmentInput {
        transit_gateway_attachment_id: id.clone(),
        ..AcceptTransitGatewayPeeringAttachmentInput::default()
    };
    let own = cloud.call(AcceptTransitGatewayPeeringAttachment, accept.clone()).await;
    assert_eq!(code(own), "IncorrectState");
    cloud.call_as(account, there, AcceptTransitGatewayPeeringAttachment, accept).await.unwrap();
    let input = DescribeTransitGatewayPeeringAttachmentsInput {
        transit_gateway_attachment_ids: Some(vec![id]),
        ..DescribeTransitGatewayPeeringAttachmentsInput::default()
    };
    let found = cloud.call(DescribeTransitGatewayPeeringAttachments, input).await.unwrap();
    let found = found.transit_gateway_peering_attachments.unwrap().remove(0);
    assert_eq!(found.state, Some(TransitGatewayAttachmentState::Available));
}

#[tokio::test]
async fn a_vpn_connection_has_two_tunnels_a_configuration_and_no_pretence() {
    let cloud = Cloud::new(6).await;
    let device = CreateCustomerGatewayInput {
        r#type: GatewayType::Ipsec1,
        ip_address: Some("203.0.113.10".to_owned()),
        bgp_asn: Some(65_000),
        ..CreateCustomerGatewayInput::default()
    };
    let one = cloud.call(CreateCustomerGateway, device.clone()).await.unwrap().customer_gateway.unwrap();
    let again = cloud.call(CreateCustomerGateway, device).await.unwrap().customer_gateway.unwrap();
    assert_eq!(one.customer_gateway_id, again.customer_gateway_id);
    let customer = one.customer_gateway_id.unwrap();
    let input = CreateVpnGatewayInput { r#type: GatewayType::Ipsec1, ..CreateVpnGatewayInput::default() };
    let gateway = cloud.call(CreateVpnGateway, input).await.unwrap().vpn_gateway.unwrap();
    let gateway = gateway.vpn_gateway_id.unwrap();
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let pair =
        AttachVpnGatewayInput { vpc_id: vpc.clone(), vpn_gateway_id: gateway.clone(), ..Default::default() };
    cloud.call(AttachVpnGateway, pair).await.unwrap();
    let input = CreateVpnConnectionInput {
        customer_gateway_id: customer.clone(),
        r#type: "ipsec.1".to_owned(),
        vpn_gateway_id: Some(gateway.clone()),
        options: Some(VpnConnectionOptionsSpecification {
            static_routes_only: Some(true),
            ..VpnConnectionOptionsSpecification::default()
        }),
        ..CreateVpnConnectionInput::default()
    };
    let made = cloud.call(CreateVpnConnection, input).await.unwrap().vpn_connection.unwrap();
    let id = made.vpn_connection_id.clone().unwrap();
    let text = made.customer_gateway_configuration.unwrap();
    assert_eq!(text.matches("<ipsec_tunnel>").count(), 2);
    assert!(text.contains("203.0.113.10") && text.contains("NoBGPVPNConnection"), "{text}");
    let telemetry = made.vgw_telemetry.unwrap();
    assert!(telemetry.iter().all(|tunnel| tunnel.status == Some(TelemetryStatus::Down)));
    let route = CreateVpnConnectionRouteInput {
        destination_cidr_block: "192.168.0.0/16".to_owned(),
        vpn_connection_id: id.clone(),
    };
    cloud.call(CreateVpnConnectionRoute, route).await.unwrap();
    let input =
        DescribeVpnConnectionsInput { vpn_connection_ids: Some(vec![id.clone()]), ..Default::default() };
    let found = cloud.call(DescribeVpnConnections, input).await.unwrap().vpn_connections.unwrap().remove(0);
    let routes = found.routes.unwrap();
    assert_eq!(routes[0].destination_cidr_block.as_deref(), Some("192.168.0.0/16"));
    let input = DeleteCustomerGatewayInput { customer_gateway_id: customer, ..Default::default() };
    let (code_, message) = refused(cloud.call(DeleteCustomerGateway, input.clone()).await);
    assert_eq!((code_.as_str(), message.as_str()), ("IncorrectState", "The customer gateway is in use."));
    let gone = DeleteVpnConnectionInput { vpn_connection_id: id, ..DeleteVpnConnectionInput::default() };
    cloud.call(DeleteVpnConnection, gone).await.unwrap();
    cloud.call(DeleteCustomerGateway, input).await.unwrap();
    let gone = DeleteVpnGatewayInput { vpn_gateway_id: gateway, ..DeleteVpnGatewayInput::default() };
    assert_eq!(code(cloud.call(DeleteVpnGateway, gone).await), "IncorrectState");
}

#[tokio::test]
async fn an_analysis_tells_what_stops_a_packet() {
    let cloud = Cloud::new(7).await;
    let vpc = vpc(&cloud, "10.0.0.0/16").await;
    let subnet = subnet(&cloud, &vpc, "10.0.0.0/24", "us-east-1a").await;
    let web = group(&cloud, &vpc, "web").await;
    let mut ends = Vec::new();
    for _ in 0..2 {
        let input = CreateNetworkInterfaceInput {
            subnet_id: subnet.clone(),
            groups: Some(vec![web.clone()]),
            ..CreateNetworkInterfaceInput::default()
        };
        let made = cloud.call(CreateNetworkInterface, input).await.unwrap().network_interface.unwrap();
        ends.push(made.network_interface_id.unwrap());
    }
    let input = CreateNetworkInsightsPathInput {
        source: ends[0].clone(),
        destination: Some(ends[1].clone()),
        protocol: Protocol::Tcp,
        destination_port: Some(443),
        client_token: "one".to_owned(),
        ..CreateNetworkInsightsPathInput::default()
    };
    let path = cloud.call(CreateNetworkInsightsPath, input).await.unwrap().network_insights_path.unwrap();
    let path = path.network_insights_path_id.unwrap();
    let analyse = async |token: &str| {
        let input = StartNetworkInsightsAnalysisInput {
            network_insights_path_id: path.clone(),
            client_token: token.to_owned(),
            ..StartNetworkInsightsAnalysisInput::default()
        };
        let started = cloud.call(StartNetworkInsightsAnalysis, input).await.unwrap();
        let started = started.network_insights_analysis.unwrap();
        assert_eq!(started.status, Some(AnalysisStatus::Running));
        let input = DescribeNetworkInsightsAnalysesInput {
            network_insights_analysis_ids: started.network_insights_analysis_id.map(|id| vec![id]),
            ..DescribeNetworkInsightsAnalysesInput::default()
        };
        let found = cloud.call(DescribeNetworkInsightsAnalyses, input).await.unwrap();
        found.network_insights_analyses.unwrap().remove(0)
    };
    let found = analyse("a").await;
    assert_eq!(found.network_path_found, Some(false));
    let why = found.explanations.unwrap().remove(0);
    assert_eq!(why.explanation_code.as_deref(), Some("ENI_SG_RULES_MISMATCH"));
    let input = AuthorizeSecurityGroupIngressInput {
        group_id: Some(web.clone()),
        ip_protocol: Some("tcp".to_owned()),
        from_port: Some(443),
        to_port: Some(443),
        cidr_ip: Some("10.0.0.0/16".to_owned()),
        ..AuthorizeSecurityGroupIngressInput::default()
    };
    cloud.call(AuthorizeSecurityGroupIngress, input).await.unwrap();
    let found = analyse("b").await;
    assert_eq!(found.network_path_found, Some(true));
    let components = found.forward_path_components.unwrap();
    assert_eq!(components[0].component.as_ref().unwrap().id, Some(ends[0].clone()));
    let input =
        DeleteNetworkInsightsPathInput { network_insights_path_id: path.clone(), ..Default::default() };
    assert_eq!(code(cloud.call(DeleteNetworkInsightsPath, input).await), "DependencyViolation");
}
