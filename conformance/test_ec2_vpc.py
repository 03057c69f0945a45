"""VPCs and what belongs to them, as the clients see them: the lecture's hands-on without the instances."""

import json
import re

import pytest

import cli as clis
from conftest import make_client
from expect import fails


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test: quotas and default VPCs are an account's."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


def tags(kind, **of):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in of.items()]}]


def main_table(ec2, vpc):
    of = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    return ec2.describe_route_tables(Filters=of)["RouteTables"][0]


def test_the_hands_on(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", Name="lab"))["Vpc"]
    assert vpc["State"] == "pending" and vpc["Tags"] == [{"Key": "Name", "Value": "lab"}]
    ec2.get_waiter("vpc_available").wait(VpcIds=[vpc["VpcId"]])
    public = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")
    private = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b")
    public, private = public["Subnet"]["SubnetId"], private["Subnet"]["SubnetId"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[public, private])
    ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    shown = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]
    assert shown["Attachments"] == [{"State": "available", "VpcId": vpc["VpcId"]}]
    outward = ec2.create_route_table(VpcId=vpc["VpcId"])["RouteTable"]["RouteTableId"]
    assert ec2.create_route(RouteTableId=outward, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"]
    association = ec2.associate_route_table(RouteTableId=outward, SubnetId=public)["AssociationId"]
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1})
    main = main_table(ec2, vpc["VpcId"])["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    with fails("DependencyViolation", re.compile(f"^The vpc '{vpc['VpcId']}' has dependencies and cannot be deleted")):
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    # And everything away again, in the order in which it can be.
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1})
    ec2.release_address(AllocationId=address)
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=outward)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    for subnet in (public, private):
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    with fails("InvalidVpcID.NotFound", f"The vpc ID '{vpc['VpcId']}' does not exist"):
        ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])


def test_the_default_vpc(ec2):
    [default] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    assert default["CidrBlock"] == "172.31.0.0/16"
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default["VpcId"]]}])["Subnets"]
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {zone["ZoneName"] for zone in zones}
    assert all(subnet["DefaultForAz"] and subnet["MapPublicIpOnLaunch"] for subnet in subnets)
    assert all(subnet["AvailableIpAddressCount"] == 4091 for subnet in subnets)
    attribute = ec2.describe_account_attributes(AttributeNames=["default-vpc"])["AccountAttributes"][0]
    assert attribute["AttributeValues"] == [{"AttributeValue": default["VpcId"]}]
    with fails("DefaultVpcAlreadyExists"):
        ec2.create_default_vpc()


def test_attributes(ec2, vpc):
    for attribute, member in (
        ("enableDnsHostnames", "EnableDnsHostnames"),
        ("enableDnsSupport", "EnableDnsSupport"),
        ("enableNetworkAddressUsageMetrics", "EnableNetworkAddressUsageMetrics"),
    ):
        for value in (True, False):
            ec2.modify_vpc_attribute(VpcId=vpc, **{member: {"Value": value}})
            assert ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)[member] == {"Value": value}
    ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")


@pytest.mark.parametrize(
    ("block", "code", "message"),
    [
        ("10.0.0.0/8", "InvalidVpc.Range", "The CIDR '10.0.0.0/8' is invalid."),
        ("10.0.0.0/29", "InvalidVpc.Range", "The CIDR '10.0.0.0/29' is invalid."),
        (
            "10.0.0.0/33",
            "InvalidParameterValue",
            "Value (10.0.0.0/33) for parameter cidrBlock is invalid. This is not a valid CIDR block.",
        ),
    ],
)
def test_bad_blocks(ec2, block, code, message):
    with fails(code, message):
        ec2.create_vpc(CidrBlock=block)


def test_bad_ids(ec2):
    with fails("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId="vpc-0123456789abcdef0")
    with fails("InvalidVpcId.Malformed"):
        ec2.delete_vpc(VpcId="nonsense")
    with fails("InvalidSubnetID.NotFound"):
        ec2.delete_subnet(SubnetId="subnet-0123456789abcdef0")
    with fails("InvalidRouteTableID.NotFound"):
        ec2.delete_route_table(RouteTableId="rtb-0123456789abcdef0")
    with fails("InvalidInternetGatewayID.NotFound"):
        ec2.delete_internet_gateway(InternetGatewayId="igw-0123456789abcdef0")
    with fails("InvalidNetworkAclID.NotFound"):
        ec2.delete_network_acl(NetworkAclId="acl-0123456789abcdef0")
    with fails("InvalidDhcpOptionID.NotFound"):
        ec2.delete_dhcp_options(DhcpOptionsId="dopt-0123456789abcdef0")
    with fails("NatGatewayNotFound"):
        ec2.delete_nat_gateway(NatGatewayId="nat-0123456789abcdef0")
    with fails("InvalidVpcPeeringConnectionID.NotFound"):
        ec2.delete_vpc_peering_connection(VpcPeeringConnectionId="pcx-0123456789abcdef0")
    with fails("InvalidVpcEndpointId.NotFound"):
        ec2.modify_vpc_endpoint(VpcEndpointId="vpce-0123456789abcdef0", ResetPolicy=True)


def test_filters_and_pages(ec2):
    made = {
        ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=tags("vpc", group="pages"))["Vpc"]["VpcId"]
        for _ in range(7)
    }
    of = [{"Name": "tag:group", "Values": ["p?ges"]}]
    pages = list(ec2.get_paginator("describe_vpcs").paginate(Filters=of, PaginationConfig={"PageSize": 5}))
    assert [len(page["Vpcs"]) for page in pages] == [5, 2]
    assert {vpc["VpcId"] for page in pages for vpc in page["Vpcs"]} == made
    with fails("InvalidParameterValue", "The filter 'colour' is invalid"):
        ec2.describe_vpcs(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_dry_run(ec2, vpc):
    message = "Request would have succeeded, but DryRun flag is set."
    with fails("DryRunOperation", message, status=412):
        ec2.delete_vpc(VpcId=vpc, DryRun=True)
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]


def test_blocks(ec2, vpc):
    with fails("InvalidVpc.Range", re.compile("is restricted")):
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="192.168.0.0/16")
    four = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.8.0.0/16")["CidrBlockAssociation"]
    six = ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    shown = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
    assert [block["CidrBlockState"]["State"] for block in shown["CidrBlockAssociationSet"]] == ["associated"] * 2
    [block] = shown["Ipv6CidrBlockAssociationSet"]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.8.0.0/24", Ipv6CidrBlock=block["Ipv6CidrBlock"].replace("/56", "/64")
    )["Subnet"]
    with fails("InvalidCidr.InUse"):
        ec2.disassociate_vpc_cidr_block(AssociationId=four["AssociationId"])
    [own] = subnet["Ipv6CidrBlockAssociationSet"]
    ec2.disassociate_subnet_cidr_block(AssociationId=own["AssociationId"])
    ec2.associate_subnet_cidr_block(SubnetId=subnet["SubnetId"], Ipv6CidrBlock=own["Ipv6CidrBlock"])
    outward = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    gateway = outward["EgressOnlyInternetGatewayId"]
    table = main_table(ec2, vpc)["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=gateway)
    assert ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    assert ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)["ReturnCode"]
    gone = [route for route in main_table(ec2, vpc)["Routes"] if route.get("EgressOnlyInternetGatewayId")]
    assert gone[0]["State"] == "blackhole"
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.disassociate_vpc_cidr_block(AssociationId=four["AssociationId"])
    ec2.disassociate_vpc_cidr_block(AssociationId=six["AssociationId"])


def test_routes_and_tables(ec2, vpc):
    table = main_table(ec2, vpc)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    way = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    with fails("InvalidParameterValue", re.compile("belong to different networks")):
        ec2.create_route(**way, GatewayId=gateway)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(**way, GatewayId=gateway)
    other = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    with fails("InvalidParameterCombination"):
        ec2.replace_route(**way, EgressOnlyInternetGatewayId=other["EgressOnlyInternetGatewayId"])
    ec2.replace_route(**way, GatewayId=gateway)
    ec2.delete_route(**way)
    with fails(
        "InvalidRoute.NotFound",
        f"no route with destination-cidr-block 0.0.0.0/0 in route table {table['RouteTableId']}",
    ):
        ec2.delete_route(**way)
    another = ec2.create_route_table(VpcId=vpc, TagSpecifications=tags("route-table", a="b"))["RouteTable"]
    association = table["Associations"][0]["RouteTableAssociationId"]
    ec2.replace_route_table_association(AssociationId=association, RouteTableId=another["RouteTableId"])
    assert main_table(ec2, vpc)["RouteTableId"] == another["RouteTableId"]
    ec2.delete_route_table(RouteTableId=table["RouteTableId"])


def test_a_gateway_has_a_route_table_of_its_own(ec2, vpc):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    with fails("InvalidParameterValue", f"gateway {gateway} is not attached to a VPC"):
        ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    card = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]

    def lead(block, **to):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=block, **to)

    lead("0.0.0.0/0", GatewayId=gateway)
    with fails("InvalidParameterValue", re.compile("can target only local, a network interface")):
        ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    made = ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)["AssociationId"]
    lead("10.0.1.0/24", NetworkInterfaceId=card)
    for block in ("10.0.1.0/25", "10.1.0.0/16"):
        with fails("InvalidParameterValue", re.compile("is not the CIDR block of its VPC or of a subnet")):
            lead(block, NetworkInterfaceId=card)
    with fails("InvalidParameterValue"):
        lead("0.0.0.0/0", GatewayId=gateway)
    vpn = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=vpn)
    with fails("InvalidParameterValue", re.compile("route propagation cannot be enabled")):
        ec2.enable_vgw_route_propagation(RouteTableId=table, GatewayId=vpn)
    second = ec2.associate_route_table(RouteTableId=table, GatewayId=vpn)["AssociationId"]
    of = [{"Name": "association.gateway-id", "Values": [vpn]}]
    shown = ec2.describe_route_tables(Filters=of)["RouteTables"][0]
    gateways = {one["RouteTableAssociationId"]: one["GatewayId"] for one in shown["Associations"]}
    assert gateways == {made: gateway, second: vpn}
    for association in (made, second):
        ec2.disassociate_route_table(AssociationId=association)


def test_acls(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    rule = {"NetworkAclId": acl, "RuleNumber": 100, "Egress": False}
    ssh = {"Protocol": "6", "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 22, "To": 22}}
    ec2.create_network_acl_entry(**rule, **ssh, RuleAction="allow")
    with fails("NetworkAclEntryAlreadyExists"):
        ec2.create_network_acl_entry(**rule, **ssh, RuleAction="deny")
    ec2.replace_network_acl_entry(**rule, **ssh, RuleAction="deny")
    shown = ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]
    [entry] = [entry for entry in shown["Entries"] if entry["RuleNumber"] == 100]
    assert entry == {**ssh, "Egress": False, "RuleAction": "deny", "RuleNumber": 100}
    of = [{"Name": "association.subnet-id", "Values": [subnet]}]
    default = ec2.describe_network_acls(Filters=of)["NetworkAcls"][0]
    [association] = default["Associations"]
    ec2.replace_network_acl_association(AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl)
    with fails("DependencyViolation"):
        ec2.delete_network_acl(NetworkAclId=acl)
    ec2.delete_network_acl_entry(**rule)
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_network_acl(NetworkAclId=acl)


def test_dhcp_options(ec2, vpc):
    options = [
        {"Key": "domain-name", "Values": ["example.com"]},
        {"Key": "domain-name-servers", "Values": ["10.0.0.2", "AmazonProvidedDNS"]},
    ]
    made = ec2.create_dhcp_options(DhcpConfigurations=options)["DhcpOptions"]["DhcpOptionsId"]
    shown = ec2.describe_dhcp_options(DhcpOptionsIds=[made])["DhcpOptions"][0]["DhcpConfigurations"]
    assert [(one["Key"], [value["Value"] for value in one["Values"]]) for one in shown] == [
        (one["Key"], one["Values"]) for one in options
    ]
    ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
    with fails("DependencyViolation"):
        ec2.delete_dhcp_options(DhcpOptionsId=made)
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=made)


def test_peering(ec2, vpc):
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    same = ec2.create_vpc(CidrBlock="10.0.0.0/20")["Vpc"]["VpcId"]
    failed = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=same)["VpcPeeringConnection"]
    failed = failed["VpcPeeringConnectionId"]
    [shown] = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[failed])["VpcPeeringConnections"]
    assert shown["Status"]["Code"] == "failed"
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    made = made["VpcPeeringConnectionId"]
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[made])
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=made)
    with fails("InvalidStateTransition"):
        ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=made)
    table = main_table(ec2, vpc)["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=made)
    wanted = {"AllowDnsResolutionFromRemoteVpc": True}
    ec2.modify_vpc_peering_connection_options(
        VpcPeeringConnectionId=made, RequesterPeeringConnectionOptions=wanted
    )
    assert ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=made)["Return"]


def test_endpoints(ec2):
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    table = main_table(ec2, vpc)["RouteTableId"]
    names = ec2.describe_vpc_endpoint_services()["ServiceNames"]
    assert "com.amazonaws.us-east-1.s3" in names
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}]})
    gateway = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table], PolicyDocument=policy
    )["VpcEndpoint"]
    interface = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.sqs", VpcEndpointType="Interface", SubnetIds=[subnet]
    )["VpcEndpoint"]
    ids = [gateway["VpcEndpointId"], interface["VpcEndpointId"]]
    shown = ec2.describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"]
    assert {one["State"] for one in shown} == {"available"}
    lists = ec2.describe_prefix_lists()["PrefixLists"]
    [route] = [route for route in main_table(ec2, vpc)["Routes"] if route.get("GatewayId") == ids[0]]
    assert route["DestinationPrefixListId"] in {one["PrefixListId"] for one in lists}
    assert ec2.modify_vpc_endpoint(VpcEndpointId=ids[0], ResetPolicy=True)["Return"]
    with fails("InvalidServiceName", "The Vpc Endpoint Service 'com.amazonaws.us-east-1.no' does not exist"):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.no")
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=ids)["Unsuccessful"] == []


def test_kept_parts_of_subnets(ec2):
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    block = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["CidrBlock"].replace("/20", "/28")
    made = ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr=block, ReservationType="prefix")
    made = made["SubnetCidrReservation"]["SubnetCidrReservationId"]
    listed = ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]
    assert [one["Cidr"] for one in listed] == [block]
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=made)


def test_places(ec2):
    names = {region["RegionName"] for region in ec2.describe_regions()["Regions"]}
    assert {"us-east-1", "eu-central-1"} <= names and "cn-north-1" not in names
    assert ec2.modify_availability_zone_group(GroupName="us-east-1-zg-1", OptInStatus="opted-in")["Return"]
    with fails("InvalidParameterValue"):
        ec2.modify_availability_zone_group(GroupName="us-east-1-nowhere-1", OptInStatus="opted-in")


def test_private_nat_gateways_have_several_addresses(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    ec2.assign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddresses=["10.0.0.50"])
    shown = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["NatGatewayAddresses"]
    assert "10.0.0.50" in {one["PrivateIp"] for one in shown}
    ec2.unassign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddresses=["10.0.0.50"])


@pytest.fixture(params=[clis.version_1, clis.version_2], ids=["cli 1", "cli 2"])
def cli(server, request):
    path, why = request.param()
    if path is None:
        pytest.skip(why)
    return clis.Cli(server, path, through_fogbank=False)


def test_a_vpc_by_the_command_line(cli):
    def ec2(*arguments):
        return cli.json("ec2", *arguments)

    vpc = ec2("create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
    place = ["--availability-zone", "us-east-1b"]
    subnet = ec2("create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.1.0/24", *place)["Subnet"]["SubnetId"]
    ec2("modify-subnet-attribute", "--subnet-id", subnet, "--map-public-ip-on-launch")
    [shown] = ec2("describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}")["Subnets"]
    assert (shown["MapPublicIpOnLaunch"], shown["AvailableIpAddressCount"]) == (True, 251)
    done = cli.run("ec2", "delete-vpc", "--vpc-id", vpc, check=False)
    assert "(DependencyViolation) when calling the DeleteVpc operation" in done.stderr
    ec2("delete-subnet", "--subnet-id", subnet)
    ec2("delete-vpc", "--vpc-id", vpc)
