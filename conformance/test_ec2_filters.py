"""Every filter that the model documents is taken, and finds something where there is something to find.

Those of instances are tried on instances that run, in test_ec2_instance_changes.py.
"""

import re
import time

import pytest

from conftest import make_client
from ec2_filters import documented
from expect import fails

FILTERS = documented()

# Operations with filters that are looked at with what they need besides.
NEEDS = {
    "GetSubnetCidrReservations": {"SubnetId": "subnet"},
    "GetTransitGatewayRouteTableAssociations": {"TransitGatewayRouteTableId": "tgw_table"},
    "GetTransitGatewayRouteTablePropagations": {"TransitGatewayRouteTableId": "tgw_table"},
    "GetTransitGatewayAttachmentPropagations": {"TransitGatewayAttachmentId": "tgw_attachment"},
    "GetSecurityGroupsForVpc": {"VpcId": "vpc"},
}
LISTED = [
    "DescribeAddresses", "DescribeAvailabilityZones", "DescribeCustomerGateways", "DescribeDhcpOptions",
    "DescribeFlowLogs", "DescribeImages", "DescribeInstanceTypeOfferings", "DescribeInstanceTypes",
    "DescribeInternetGateways", "DescribeKeyPairs", "DescribeLaunchTemplateVersions", "DescribeLaunchTemplates",
    "DescribeManagedPrefixLists", "DescribeNatGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces",
    "DescribePlacementGroups", "DescribePrefixLists", "DescribeRegions", "DescribeRouteTables",
    "DescribeSecurityGroupRules", "DescribeSecurityGroupVpcAssociations", "DescribeSecurityGroups", "DescribeSubnets",
    "DescribeTags", "DescribeTransitGatewayAttachments", "DescribeTransitGatewayPeeringAttachments",
    "DescribeTransitGatewayRouteTables", "DescribeTransitGatewayVpcAttachments", "DescribeTransitGateways",
    "DescribeVpcEndpointServices", "DescribeVpcEndpoints", "DescribeVpcPeeringConnections", "DescribeVpcs",
    "DescribeVpnConnections", "DescribeVpnGateways", *NEEDS,
]  # fmt: skip

# What nothing here has: what this cloud does not do, or what only other resources than those of the test would show.
AN_INSTANCE = {
    f"attachment.{name}"
    for name in (
        "attach-time", "attachment-id", "delete-on-termination", "device-index", "instance-id", "instance-owner-id",
        "status",
    )
}  # fmt: skip
OTHER_ZONES = {"group-long-name", "message", "parent-zone-id", "parent-zone-name"}
SCANS = {
    "finding-scan-date", "highest-finding-severity-label",
    *(f"{level}-fix-available-since" for level in ("critical", "high", "informational", "low", "medium")),
}  # fmt: skip
WATERMARKS = {
    "source-image-creation-time", "source-image-id", "source-image-region", "watermark-creation-time", "watermark-key",
}  # fmt: skip
NOTHING_HAS = {
    "DescribeAddresses": {"instance-id"},
    "DescribeAvailabilityZones": OTHER_ZONES,
    "DescribeFlowLogs": {"log-group-name"},  # CloudWatch Logs are not there yet
    "DescribeImages": {
        "image-allowed", "instance-type-specification.supported-instance-type",
        "instance-type-specification.unsupported-instance-type", "kernel-id", "platform", "product-code",
        "product-code.type", "ramdisk-id", "source-instance-id",
        *(f"scan-result.{name}" for name in SCANS), *(f"image-watermark.{name}" for name in WATERMARKS),
    },
    "DescribeNetworkInterfaces": AN_INSTANCE | {"operator.principal"},
    "DescribeRouteTables": {"route.instance-id"},
    "DescribeSubnets": {"customer-owned-ipv4-pool", "enable-lni-at-device-index", "outpost-arn"},
}  # fmt: skip


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


@pytest.fixture(scope="module")
def ec2(server):
    return make_client(server.endpoint, "ec2", key="246824682468", secret="test")


def failed_image(server, ec2):
    s3 = make_client(server.endpoint, "s3", key="246824682468", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="filtered")
    s3.put_object(Bucket="filtered", Key="no-archive", Body=b"no archive at all")
    image = ec2.register_image(Name="failed", ImageLocation="filtered/no-archive")["ImageId"]
    end = time.monotonic() + 30
    while ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "pending":
        assert time.monotonic() < end, "the archive is looked at"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def world(server, ec2):
    """One of everything, each with as much to it as can be."""
    tags = lambda kind: [{"ResourceType": kind, "Tags": [{"Key": "a", "Value": "b"}]}]  # noqa: E731
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16", AmazonProvidedIpv6CidrBlock=True, TagSpecifications=tags("vpc"))
    vpc = vpc["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.2.0.0/16")
    for name in ("EnableDnsHostnames", "EnableDnsSupport"):
        ec2.modify_vpc_attribute(VpcId=vpc, **{name: {"Value": True}})
    shown = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
    block6 = shown["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24", Ipv6CidrBlock=block6)["Subnet"]["SubnetId"]
    ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="10.1.1.64/28", ReservationType="prefix")
    internet = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=internet, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=internet)
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    prefixes = ec2.create_managed_prefix_list(
        PrefixListName="mine", AddressFamily="IPv4", MaxEntries=2, Entries=[{"Cidr": "10.9.0.0/24"}]
    )["PrefixList"]["PrefixListId"]
    peers = {
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
        "UserIdGroupPairs": [{"GroupId": group}],
        "PrefixListIds": [{"PrefixListId": prefixes}],
    }
    permission = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **peers}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=permission)
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=permission)
    card = ec2.create_network_interface(
        SubnetId=subnet, Groups=[group], Description="card", Ipv6AddressCount=1, SecondaryPrivateIpAddressCount=1,
        TagSpecifications=tags("network-interface"),
    )["NetworkInterface"]["NetworkInterfaceId"]  # fmt: skip
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip"))["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=card)
    second = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=second)["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.98.0.0/16", NatGatewayId=nat)
    edge = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=edge, GatewayId=internet)
    ec2.create_network_acl_entry(
        NetworkAclId=ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"], RuleNumber=7, Protocol="1",
        RuleAction="allow", Egress=False, CidrBlock="0.0.0.0/0", IcmpTypeCode={"Code": 0, "Type": 8},
    )  # fmt: skip
    acl = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"][0]["NetworkAclId"]
    ports = {"PortRange": {"From": 1, "To": 9}}
    for number, block in ((8, {"CidrBlock": "0.0.0.0/0"}), (9, {"Ipv6CidrBlock": "::/0"})):
        ec2.create_network_acl_entry(
            NetworkAclId=acl, RuleNumber=number, Protocol="6", RuleAction="allow", Egress=False, **block, **ports
        )
    options = ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}])
    ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptions"]["DhcpOptionsId"], VpcId=vpc)
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])
    other = ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]
    peering = peering["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.5.0.0/16", VpcPeeringConnectionId=peering)
    third = ec2.create_vpc(CidrBlock="10.6.0.0/16")["Vpc"]["VpcId"]
    ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=third)
    outward = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    ec2.create_route(
        RouteTableId=table, DestinationIpv6CidrBlock="::/0",
        EgressOnlyInternetGatewayId=outward["EgressOnlyInternetGatewayId"],
    )  # fmt: skip
    ec2.associate_security_group_vpc(GroupId=group, VpcId=other)
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    attachment = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])
    attachment = attachment["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    far = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    ec2.create_transit_gateway_peering_attachment(
        TransitGatewayId=gateway, PeerTransitGatewayId=far, PeerAccountId="246824682468", PeerRegion="us-east-1"
    )
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="172.16.0.0/12", TransitGatewayId=gateway)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.99.0.0/16", NetworkInterfaceId=card)
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=prefixes, GatewayId=internet)
    found = ec2.describe_transit_gateway_route_tables(Filters=[{"Name": "transit-gateway-id", "Values": [gateway]}])
    private = ec2.create_vpn_gateway(Type="ipsec.1", AmazonSideAsn=65100, AvailabilityZone="us-east-1a")
    private = private["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=private, VpcId=vpc)
    device = ec2.create_customer_gateway(Type="ipsec.1", PublicIp="203.0.113.7", BgpAsn=65001)["CustomerGateway"]
    connection = ec2.create_vpn_connection(
        Type="ipsec.1", CustomerGatewayId=device["CustomerGatewayId"], VpnGatewayId=private,
        Options={"StaticRoutesOnly": True},
    )["VpnConnection"]["VpnConnectionId"]  # fmt: skip
    ec2.create_vpn_connection_route(VpnConnectionId=connection, DestinationCidrBlock="192.168.0.0/16")
    ec2.create_vpn_connection(
        Type="ipsec.1", CustomerGatewayId=device["CustomerGatewayId"], TransitGatewayId=gateway
    )
    failed_image(server, ec2)
    ec2.create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
        LogDestination="arn:aws:s3:::filtered",
    )  # fmt: skip
    ec2.create_key_pair(KeyName="one", KeyType="ed25519")
    ec2.create_placement_group(GroupName="spread", Strategy="spread")
    source = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    ec2.copy_image(Name="mine", Description="mine", SourceImageId=source, SourceRegion="us-east-1")
    ec2.create_launch_template(
        LaunchTemplateName="one",
        LaunchTemplateData={
            "ImageId": source, "InstanceType": "t3.nano", "EbsOptimized": True, "KernelId": "aki-1", "RamDiskId": "ari-1",
            "IamInstanceProfile": {"Name": "one"}, "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
            "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkCardIndex": 0}],
            "LicenseSpecifications": [{"LicenseConfigurationArn": "arn:aws:license-manager:us-east-1:1:license-configuration:a"}],
            "Placement": {"HostResourceGroupArn": "arn:aws:resource-groups:us-east-1:1:group/a"},
        },
    )  # fmt: skip
    return {
        "vpc": vpc,
        "subnet": subnet,
        "tgw_table": found["TransitGatewayRouteTables"][0]["TransitGatewayRouteTableId"],
        "tgw_attachment": attachment,
    }


def listed(ec2, world, operation, name, value):
    member, _ = FILTERS[operation]
    more = {key: world[of] for key, of in NEEDS.get(operation, {}).items()}
    answer = getattr(ec2, snake(operation))(**{member: [{"Name": name, "Values": [value]}]}, **more)
    return next(value for key, value in answer.items() if isinstance(value, list) and key != "ServiceNames")


@pytest.mark.parametrize("operation", LISTED)
def test_each_documented_filter_finds_what_there_is(ec2, world, operation):
    empty = {name for name in FILTERS[operation][1] if not listed(ec2, world, operation, name, "*")}
    assert empty == NOTHING_HAS.get(operation, set())


@pytest.mark.parametrize("operation", LISTED)
def test_each_filter_leaves_out_what_does_not_match(ec2, world, operation):
    for name in FILTERS[operation][1]:
        assert listed(ec2, world, operation, name, "no such value") == [], name


@pytest.mark.parametrize("operation", LISTED)
def test_a_filter_that_nobody_documents_is_refused(ec2, world, operation):
    with fails("InvalidParameterValue"):
        listed(ec2, world, operation, "no-such-filter", "x")
