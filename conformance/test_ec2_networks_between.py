"""What joins networks, and what is asked of them: peerings of gateways and VPCs, propagation, NAT addresses, analyses."""

import pytest

from conftest import make_client
from expect import fails

OTHER = "135791357913"


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


@pytest.fixture
def other(server):
    return make_client(server.endpoint, "ec2", key=OTHER, secret="test")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.90.0.0/16")["Vpc"]["VpcId"]


def deleted(found):
    return [one["State"] for one in found]


def test_transit_gateways_are_peered_and_their_ends_are_seen(ec2, other):
    own = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    theirs = other.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]

    def ask():
        made = ec2.create_transit_gateway_peering_attachment(
            TransitGatewayId=own, PeerTransitGatewayId=theirs, PeerAccountId=OTHER, PeerRegion="us-east-1"
        )
        return made["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]

    refused = ask()
    rejected = other.reject_transit_gateway_peering_attachment(TransitGatewayAttachmentId=refused)
    assert rejected["TransitGatewayPeeringAttachment"]["State"] == "rejected"
    with fails("IncorrectState"):
        other.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=refused)
    taken = ask()
    with fails("IncorrectState"):
        ec2.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=taken)
    other.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=taken)
    shown = ec2.describe_transit_gateway_attachments(
        Filters=[{"Name": "remote-owner-id", "Values": [OTHER]}, {"Name": "state", "Values": ["available"]}]
    )
    assert [one["TransitGatewayAttachmentId"] for one in shown["TransitGatewayAttachments"]] == [taken]
    with fails("IncorrectState"):
        ec2.delete_transit_gateway(TransitGatewayId=own)
    for one in (taken, refused):
        ec2.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=one)
    gone = ec2.describe_transit_gateway_peering_attachments(TransitGatewayAttachmentIds=[taken])
    assert deleted(gone["TransitGatewayPeeringAttachments"]) == ["deleted"]
    ec2.delete_transit_gateway(TransitGatewayId=own)
    gone = ec2.describe_transit_gateways(TransitGatewayIds=[own])["TransitGateways"]
    assert deleted(gone) == ["deleted"]
    other.delete_transit_gateway(TransitGatewayId=theirs)


def test_deleted_gateways_are_forgotten_after_an_hour(ec2, clock_advance):
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.delete_vpn_gateway(VpnGatewayId=gateway)
    assert deleted(ec2.describe_vpn_gateways(VpnGatewayIds=[gateway])["VpnGateways"]) == ["deleted"]
    assert gateway in [one["VpnGatewayId"] for one in ec2.describe_vpn_gateways()["VpnGateways"]]
    clock_advance("2h")
    with fails("InvalidVpnGatewayID.NotFound"):
        ec2.describe_vpn_gateways(VpnGatewayIds=[gateway])
    assert ec2.describe_vpn_gateways()["VpnGateways"] == []


def test_a_peering_is_rejected(ec2, other, vpc):
    theirs = other.create_vpc(CidrBlock="10.91.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=theirs, PeerOwnerId=OTHER)
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    with fails("OperationNotPermitted"):
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    other.reject_vpc_peering_connection(VpcPeeringConnectionId=peering)
    shown = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"][0]
    assert shown["Status"]["Code"] == "rejected"
    other.delete_vpc(VpcId=theirs)


def test_routes_are_learnt_from_a_vpn_gateway(ec2, vpc):
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    with fails("Gateway.NotAttached"):
        ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    ec2.attach_vpn_gateway(VpnGatewayId=gateway, VpcId=vpc)

    def learns():
        shown = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
        return [one["GatewayId"] for one in shown["PropagatingVgws"]]

    ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    assert learns() == [gateway]
    ec2.disable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    assert learns() == []


def test_a_vpn_connection_moves_to_another_gateway(ec2, vpc):
    first, second = (ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"] for _ in range(2))
    device = ec2.create_customer_gateway(Type="ipsec.1", PublicIp="203.0.113.9", BgpAsn=65010)
    connection = ec2.create_vpn_connection(
        Type="ipsec.1",
        CustomerGatewayId=device["CustomerGateway"]["CustomerGatewayId"],
        VpnGatewayId=first,
        Options={"StaticRoutesOnly": True},
    )["VpnConnection"]["VpnConnectionId"]
    moved = ec2.modify_vpn_connection(VpnConnectionId=connection, VpnGatewayId=second)["VpnConnection"]
    assert moved["VpnGatewayId"] == second
    ec2.delete_vpn_connection(VpnConnectionId=connection)
    assert deleted(ec2.describe_vpn_connections(VpnConnectionIds=[connection])["VpnConnections"]) == ["deleted"]


def test_a_nat_gateway_takes_a_second_address(ec2, vpc, clock_advance):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.90.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    addresses = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2)]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=addresses[0])["NatGateway"]["NatGatewayId"]
    clock_advance("10s")
    added = ec2.associate_nat_gateway_address(NatGatewayId=nat, AllocationIds=[addresses[1]])
    second = next(one for one in added["NatGatewayAddresses"] if one.get("AllocationId") == addresses[1])
    clock_advance("10s")
    shown = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["NatGatewayAddresses"]
    second = next(one for one in shown if one["AllocationId"] == addresses[1])
    ec2.disassociate_nat_gateway_address(NatGatewayId=nat, AssociationIds=[second["AssociationId"]])
    ec2.delete_nat_gateway(NatGatewayId=nat)


def test_a_default_vpc_is_made_anew(ec2):
    default = [{"Name": "is-default", "Values": ["true"]}]
    vpc = ec2.describe_vpcs(Filters=default)["Vpcs"][0]["VpcId"]
    with fails("DefaultVpcAlreadyExists"):
        ec2.create_default_vpc()
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    subnet = ec2.describe_subnets(Filters=within)["Subnets"][0]
    zone = subnet["AvailabilityZone"]
    with fails("DefaultSubnetAlreadyExistsInAvailabilityZone"):
        ec2.create_default_subnet(AvailabilityZone=zone)
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    made = ec2.create_default_subnet(AvailabilityZone=zone)["Subnet"]
    assert (made["CidrBlock"], made["DefaultForAz"]) == (subnet["CidrBlock"], True)
    for one in ec2.describe_subnets(Filters=within)["Subnets"]:
        ec2.delete_subnet(SubnetId=one["SubnetId"])
    for one in ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=one["InternetGatewayId"], VpcId=vpc)
        ec2.delete_internet_gateway(InternetGatewayId=one["InternetGatewayId"])
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_vpcs(Filters=default)["Vpcs"] == []
    with fails("DefaultVpcDoesNotExist"):
        ec2.create_default_subnet(AvailabilityZone=zone)
    assert ec2.create_default_vpc()["Vpc"]["IsDefault"]


def test_a_path_is_analysed(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.90.1.0/24")["Subnet"]["SubnetId"]
    ends = [
        ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(2)
    ]
    path = ec2.create_network_insights_path(
        Source=ends[0], Destination=ends[1], Protocol="tcp", DestinationPort=443, ClientToken="path"
    )["NetworkInsightsPath"]["NetworkInsightsPathId"]
    analysis = ec2.start_network_insights_analysis(NetworkInsightsPathId=path, ClientToken="first")
    analysis = analysis["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
    found = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[analysis])["NetworkInsightsAnalyses"][0]
    assert (found["Status"], found["NetworkPathFound"]) == ("succeeded", True)
    assert ec2.describe_network_insights_paths()["NetworkInsightsPaths"]
    ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=analysis)
    ec2.delete_network_insights_path(NetworkInsightsPathId=path)


def test_settings_of_an_account(ec2):
    assert ec2.get_serial_console_access_status()["SerialConsoleAccessEnabled"] is False
    assert ec2.enable_serial_console_access()["SerialConsoleAccessEnabled"] is True
    assert ec2.get_serial_console_access_status()["SerialConsoleAccessEnabled"] is True
    assert ec2.disable_serial_console_access()["SerialConsoleAccessEnabled"] is False
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is False
