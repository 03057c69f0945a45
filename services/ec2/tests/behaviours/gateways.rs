//! NAT gateways, peering, endpoints, and parts of subnets that are kept.

use std::time::Duration;

use base::{AccountId, Region};
use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, default_subnets, default_vpc, filters, refused, subnet, vpc};

async fn elastic_ip(cloud: &Cloud) -> String {
    let made =
        cloud.call(AllocateAddress, AllocateAddressInput::default()).await.expect("there are addresses left");
    made.allocation_id.expect("a new address has an id")
}

async fn nat(cloud: &Cloud, id: &str) -> NatGateway {
    let input = DescribeNatGatewaysInput { nat_gateway_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeNatGateways, input).await.unwrap().nat_gateways.unwrap().remove(0)
}

#[tokio::test]
async fn a_nat_gateway_comes_goes_and_gives_its_addresses_back() {
    let cloud = Cloud::new(21).await;
    let part = default_subnets(&cloud).await.remove(0);
    let allocation = elastic_ip(&cloud).await;
    let input = CreateNatGatewayInput {
        subnet_id: Some(part.clone()),
        allocation_id: Some(allocation.clone()),
        client_token: Some("once".to_owned()),
        ..Default::default()
    };
    let made = cloud.call(CreateNatGateway, input.clone()).await.unwrap().nat_gateway.unwrap();
    assert_eq!(made.state, Some(NatGatewayState::Pending));
    let again = cloud.call(CreateNatGateway, input.clone()).await.unwrap().nat_gateway.unwrap();
    assert_eq!(made.nat_gateway_id, again.nat_gateway_id);
    let other = CreateNatGatewayInput { client_token: None, ..input };
    assert_eq!(code(cloud.call(CreateNatGateway, other).await), "Resource.AlreadyAssociated");
    let id = made.nat_gateway_id.unwrap();
    cloud.advance(Duration::from_secs(3)).await;
    let shown = nat(&cloud, &id).await;
    assert_eq!(shown.state, Some(NatGatewayState::Available));
    let address = shown.nat_gateway_addresses.unwrap().remove(0);
    assert!(address.public_ip.is_some() && address.private_ip.unwrap().starts_with("172.31."));
    let delete = DeleteSubnetInput { subnet_id: part.clone(), ..Default::default() };
    let (code_of, message) = refused(cloud.call(DeleteSubnet, delete.clone()).await);
    assert_eq!(code_of, "DependencyViolation");
    assert!(message.contains(&id), "{message}");
    assert_eq!(
        code(
            cloud
                .call(
                    ReleaseAddress,
                    ReleaseAddressInput { allocation_id: Some(allocation.clone()), ..Default::default() }
                )
                .await
        ),
        "InvalidIPAddress.InUse"
    );

    cloud
        .call(DeleteNatGateway, DeleteNatGatewayInput { nat_gateway_id: id.clone(), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(nat(&cloud, &id).await.state, Some(NatGatewayState::Deleting));
    cloud.advance(Duration::from_secs(3)).await;
    assert_eq!(nat(&cloud, &id).await.state, Some(NatGatewayState::Deleted));
    cloud.call(DeleteSubnet, delete).await.unwrap();
    let release = ReleaseAddressInput { allocation_id: Some(allocation), ..Default::default() };
    cloud.call(ReleaseAddress, release).await.unwrap();
    cloud.advance(Duration::from_secs(3601)).await;
    let input = DescribeNatGatewaysInput { nat_gateway_ids: Some(vec![id]), ..Default::default() };
    assert_eq!(code(cloud.call(DescribeNatGateways, input).await), "NatGatewayNotFound");
}

#[tokio::test]
async fn a_public_nat_gateway_without_an_internet_gateway_fails() {
    let cloud = Cloud::new(22).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let part = subnet(&cloud, &id, "10.0.0.0/24", "us-east-1a").await;
    let public = CreateNatGatewayInput { subnet_id: Some(part.clone()), ..Default::default() };
    assert_eq!(code(cloud.call(CreateNatGateway, public.clone()).await), "MissingParameter");
    let public = CreateNatGatewayInput { allocation_id: Some(elastic_ip(&cloud).await), ..public };
    let made =
        cloud.call(CreateNatGateway, public).await.unwrap().nat_gateway.unwrap().nat_gateway_id.unwrap();
    let private = CreateNatGatewayInput {
        subnet_id: Some(part),
        connectivity_type: Some(ConnectivityType::Private),
        secondary_private_ip_address_count: Some(2),
        ..Default::default()
    };
    let inside =
        cloud.call(CreateNatGateway, private).await.unwrap().nat_gateway.unwrap().nat_gateway_id.unwrap();
    cloud.advance(Duration::from_secs(3)).await;
    let failed = nat(&cloud, &made).await;
    assert_eq!(failed.state, Some(NatGatewayState::Failed));
    assert_eq!(failed.failure_code.as_deref(), Some("Gateway.NotAttached"));
    let shown = nat(&cloud, &inside).await;
    assert_eq!(
        (shown.state, shown.nat_gateway_addresses.map(|all| all.len())),
        (Some(NatGatewayState::Available), Some(3))
    );
    let more = AssignPrivateNatGatewayAddressInput {
        nat_gateway_id: inside.clone(),
        private_ip_addresses: Some(vec!["10.0.0.77".to_owned()]),
        ..Default::default()
    };
    cloud.call(AssignPrivateNatGatewayAddress, more).await.unwrap();
    let less = UnassignPrivateNatGatewayAddressInput {
        nat_gateway_id: inside.clone(),
        private_ip_addresses: vec!["10.0.0.77".to_owned()],
        ..Default::default()
    };
    cloud.call(UnassignPrivateNatGatewayAddress, less.clone()).await.unwrap();
    assert_eq!(
        code(cloud.call(UnassignPrivateNatGatewayAddress, less).await),
        "InvalidAssociationID.NotFound"
    );
    let elastic = AssociateNatGatewayAddressInput {
        nat_gateway_id: inside,
        allocation_ids: vec![elastic_ip(&cloud).await],
        ..Default::default()
    };
    assert_eq!(code(cloud.call(AssociateNatGatewayAddress, elastic).await), "InvalidParameterValue");
}

const OTHER: u64 = 222_222_222_222;

async fn peering(cloud: &Cloud, account: AccountId, region: Region, id: &str) -> VpcPeeringConnection {
    let input = DescribeVpcPeeringConnectionsInput {
        vpc_peering_connection_ids: Some(vec![id.to_owned()]),
        ..Default::default()
    };
    let output = cloud.call_as(account, region, DescribeVpcPeeringConnections, input).await.unwrap();
    output.vpc_peering_connections.unwrap().remove(0)
}

fn state(peering: &VpcPeeringConnection) -> VpcPeeringConnectionStateReasonCode {
    peering.status.as_ref().and_then(|status| status.code.clone()).unwrap()
}

#[tokio::test]
async fn vpcs_of_two_accounts_and_regions_are_peered_when_both_agree() {
    use VpcPeeringConnectionStateReasonCode::{Active, Deleted, PendingAcceptance};
    let cloud = Cloud::new(23).await;
    let (account, region) = (AccountId::new(OTHER).unwrap(), Region::parse("eu-west-1").unwrap());
    let own = vpc(&cloud, "10.0.0.0/16").await;
    let input = CreateVpcInput { cidr_block: Some("10.1.0.0/16".to_owned()), ..Default::default() };
    let theirs = cloud.call_as(account, region, CreateVpc, input).await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let input = CreateVpcPeeringConnectionInput {
        vpc_id: own.clone(),
        peer_vpc_id: Some(theirs.clone()),
        peer_owner_id: Some(account.to_string()),
        peer_region: Some(region.to_string()),
        ..Default::default()
    };
    let made =
        cloud.call(CreateVpcPeeringConnection, input.clone()).await.unwrap().vpc_peering_connection.unwrap();
    assert_eq!(state(&made), VpcPeeringConnectionStateReasonCode::InitiatingRequest);
    assert_eq!(
        code(cloud.call(CreateVpcPeeringConnection, input).await),
        "VpcPeeringConnectionAlreadyExists"
    );
    let id = made.vpc_peering_connection_id.unwrap();
    assert_eq!(state(&peering(&cloud, account, region, &id).await), PendingAcceptance);
    let accept =
        AcceptVpcPeeringConnectionInput { vpc_peering_connection_id: id.clone(), ..Default::default() };
    assert_eq!(code(cloud.call(AcceptVpcPeeringConnection, accept.clone()).await), "OperationNotPermitted");
    cloud.call_as(account, region, AcceptVpcPeeringConnection, accept.clone()).await.unwrap();
    assert_eq!(
        code(cloud.call_as(account, region, AcceptVpcPeeringConnection, accept).await),
        "InvalidStateTransition"
    );
    let shown = peering(&cloud, AccountId::DEV, Region::US_EAST_1, &id).await;
    assert_eq!(state(&shown), Active);
    assert_eq!(shown.accepter_vpc_info.unwrap().cidr_block.as_deref(), Some("10.1.0.0/16"));
    let (code_of, message) =
        refused(cloud.call(DeleteVpc, DeleteVpcInput { vpc_id: own, ..Default::default() }).await);
    assert_eq!(code_of, "DependencyViolation");
    assert!(message.contains(&id), "{message}");
    let options = ModifyVpcPeeringConnectionOptionsInput {
        vpc_peering_connection_id: id.clone(),
        requester_peering_connection_options: Some(PeeringConnectionOptionsRequest {
            allow_dns_resolution_from_remote_vpc: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    cloud.call(ModifyVpcPeeringConnectionOptions, options.clone()).await.unwrap();
    assert_eq!(
        code(cloud.call_as(account, region, ModifyVpcPeeringConnectionOptions, options).await),
        "OperationNotPermitted"
    );
    let delete =
        DeleteVpcPeeringConnectionInput { vpc_peering_connection_id: id.clone(), ..Default::default() };
    cloud.call_as(account, region, DeleteVpcPeeringConnection, delete).await.unwrap();
    assert_eq!(state(&peering(&cloud, AccountId::DEV, Region::US_EAST_1, &id).await), Deleted);
}

#[tokio::test]
async fn peerings_that_cannot_be_fail_and_requests_nobody_answers_expire() {
    use VpcPeeringConnectionStateReasonCode::{Expired, Failed, Rejected};
    let cloud = Cloud::new(24).await;
    let (one, two, three) = (
        vpc(&cloud, "10.0.0.0/16").await,
        vpc(&cloud, "10.0.128.0/17").await,
        vpc(&cloud, "10.3.0.0/16").await,
    );
    let ask = async |peer: &str| {
        let input = CreateVpcPeeringConnectionInput {
            vpc_id: one.clone(),
            peer_vpc_id: Some(peer.to_owned()),
            ..Default::default()
        };
        let made = cloud.call(CreateVpcPeeringConnection, input).await.unwrap();
        made.vpc_peering_connection.unwrap().vpc_peering_connection_id.unwrap()
    };
    let of = async |id: &str| state(&peering(&cloud, AccountId::DEV, Region::US_EAST_1, id).await);
    assert_eq!(of(&ask(&two).await).await, Failed);
    assert_eq!(of(&ask("vpc-0123456789abcdef0").await).await, Failed);
    let rejected = ask(&three).await;
    let reject =
        RejectVpcPeeringConnectionInput { vpc_peering_connection_id: rejected.clone(), ..Default::default() };
    cloud.call(RejectVpcPeeringConnection, reject.clone()).await.unwrap();
    assert_eq!(of(&rejected).await, Rejected);
    assert_eq!(code(cloud.call(RejectVpcPeeringConnection, reject).await), "InvalidStateTransition");
    let expiring = ask(&three).await;
    cloud.advance(Duration::from_secs(7 * 24 * 3600 + 1)).await;
    assert_eq!(of(&expiring).await, Expired);
}

#[tokio::test]
async fn a_gateway_endpoint_is_a_route_in_its_tables() {
    let cloud = Cloud::new(25).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let input = DescribeRouteTablesInput { filters: filters(&[("vpc-id", &id)]), ..Default::default() };
    let table = cloud
        .call(DescribeRouteTables, input.clone())
        .await
        .unwrap()
        .route_tables
        .unwrap()
        .remove(0)
        .route_table_id
        .unwrap();
    let make = CreateVpcEndpointInput {
        vpc_id: id.clone(),
        service_name: Some("com.amazonaws.us-east-1.s3".to_owned()),
        route_table_ids: Some(vec![table.clone()]),
        ..Default::default()
    };
    let unknown = CreateVpcEndpointInput {
        service_name: Some("com.amazonaws.us-east-1.nothing".to_owned()),
        ..make.clone()
    };
    assert_eq!(code(cloud.call(CreateVpcEndpoint, unknown).await), "InvalidServiceName");
    let made = cloud.call(CreateVpcEndpoint, make.clone()).await.unwrap().vpc_endpoint.unwrap();
    assert_eq!(made.state, Some(State::from("available")));
    assert_eq!(code(cloud.call(CreateVpcEndpoint, make).await), "RouteAlreadyExists");
    let endpoint = made.vpc_endpoint_id.unwrap();
    let routes = cloud
        .call(DescribeRouteTables, input.clone())
        .await
        .unwrap()
        .route_tables
        .unwrap()
        .remove(0)
        .routes
        .unwrap();
    let route = routes.iter().find(|route| route.gateway_id.as_ref() == Some(&endpoint)).unwrap();
    assert_eq!(route.destination_prefix_list_id.as_deref(), Some("pl-63a5400a"));
    let delete = DeleteRouteInput {
        route_table_id: table.clone(),
        destination_prefix_list_id: Some("pl-63a5400a".to_owned()),
        ..Default::default()
    };
    assert_eq!(code(cloud.call(DeleteRoute, delete).await), "InvalidParameterValue");
    let change = ModifyVpcEndpointInput {
        vpc_endpoint_id: endpoint.clone(),
        remove_route_table_ids: Some(vec![table]),
        ..Default::default()
    };
    cloud.call(ModifyVpcEndpoint, change).await.unwrap();
    let routes =
        cloud.call(DescribeRouteTables, input).await.unwrap().route_tables.unwrap().remove(0).routes.unwrap();
    assert_eq!(routes.len(), 1);
    let delete = DeleteVpcEndpointsInput { vpc_endpoint_ids: vec![endpoint], ..Default::default() };
    assert!(cloud.call(DeleteVpcEndpoints, delete.clone()).await.unwrap().unsuccessful.unwrap().is_empty());
    let left = cloud.call(DeleteVpcEndpoints, delete).await.unwrap().unsuccessful.unwrap();
    assert_eq!(left[0].error.as_ref().unwrap().code.as_deref(), Some("InvalidVpcEndpoint.NotFound"));
}

#[tokio::test]
async fn an_interface_endpoint_has_addresses_in_its_subnets() {
    let cloud = Cloud::new(26).await;
    let id = default_vpc(&cloud).await;
    let parts = default_subnets(&cloud).await;
    let make = CreateVpcEndpointInput {
        vpc_id: id.clone(),
        vpc_endpoint_type: Some(VpcEndpointType::Interface),
        service_name: Some("com.amazonaws.us-east-1.sqs".to_owned()),
        subnet_ids: Some(parts[..2].to_vec()),
        ..Default::default()
    };
    let made = cloud.call(CreateVpcEndpoint, make.clone()).await.unwrap().vpc_endpoint.unwrap();
    assert_eq!(made.network_interface_ids.as_ref().map(Vec::len), Some(2));
    assert_eq!(made.groups.as_ref().unwrap()[0].group_name.as_deref(), Some("default"));
    assert_eq!(made.dns_entries.as_ref().map(Vec::len), Some(4));
    let twice =
        CreateVpcEndpointInput { subnet_ids: Some(vec![parts[0].clone(), parts[0].clone()]), ..make.clone() };
    assert_eq!(code(cloud.call(CreateVpcEndpoint, twice).await), "DuplicateSubnetsInSameZone");
    let gateway = CreateVpcEndpointInput { vpc_endpoint_type: Some(VpcEndpointType::Gateway), ..make };
    assert_eq!(code(cloud.call(CreateVpcEndpoint, gateway).await), "InvalidParameter");
    let endpoint = made.vpc_endpoint_id.unwrap();
    let delete = DeleteSubnetInput { subnet_id: parts[0].clone(), ..Default::default() };
    assert_eq!(code(cloud.call(DeleteSubnet, delete.clone()).await), "DependencyViolation");
    let fewer = ModifyVpcEndpointInput {
        vpc_endpoint_id: endpoint.clone(),
        remove_subnet_ids: Some(vec![parts[0].clone()]),
        ..Default::default()
    };
    cloud.call(ModifyVpcEndpoint, fewer).await.unwrap();
    cloud.call(DeleteSubnet, delete).await.unwrap();
    let services =
        cloud.call(DescribeVpcEndpointServices, DescribeVpcEndpointServicesInput::default()).await.unwrap();
    assert!(services.service_names.unwrap().contains(&"com.amazonaws.us-east-1.kms".to_owned()));
}

#[tokio::test]
async fn a_part_of_a_subnet_is_kept_once() {
    let cloud = Cloud::new(27).await;
    let part = default_subnets(&cloud).await.remove(0);
    let input = CreateSubnetCidrReservationInput {
        subnet_id: part.clone(),
        cidr: "172.31.0.64/28".to_owned(),
        reservation_type: SubnetCidrReservationType::Explicit,
        description: Some("ours".to_owned()),
        ..Default::default()
    };
    let made = cloud
        .call(CreateSubnetCidrReservation, input.clone())
        .await
        .unwrap()
        .subnet_cidr_reservation
        .unwrap();
    assert_eq!(code(cloud.call(CreateSubnetCidrReservation, input.clone()).await), "InvalidCidr.Conflict");
    let outside = CreateSubnetCidrReservationInput { cidr: "10.0.0.0/28".to_owned(), ..input };
    assert_eq!(code(cloud.call(CreateSubnetCidrReservation, outside).await), "InvalidParameterValue");
    let list = GetSubnetCidrReservationsInput { subnet_id: part, ..Default::default() };
    let listed = cloud.call(GetSubnetCidrReservations, list).await.unwrap();
    assert_eq!(listed.subnet_ipv4_cidr_reservations.unwrap(), std::slice::from_ref(&made));
    let id = made.subnet_cidr_reservation_id.unwrap();
    let delete = DeleteSubnetCidrReservationInput { subnet_cidr_reservation_id: id, ..Default::default() };
    cloud.call(DeleteSubnetCidrReservation, delete.clone()).await.unwrap();
    assert_eq!(
        code(cloud.call(DeleteSubnetCidrReservation, delete).await),
        "InvalidSubnetCidrReservationID.NotFound"
    );
}
