"""Security groups, interfaces, Elastic IPs, tags, prefix lists, flow logs, transit gateways and VPN, as clients see them."""

import json
import re

import pytest

import cli as clis
from conftest import make_client
from expect import fails, name


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test: quotas and default VPCs are an account's."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnet(ec2, vpc):
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")
    return made["Subnet"]["SubnetId"]


@pytest.fixture
def group(ec2, vpc):
    return ec2.create_security_group(GroupName="web", Description="web servers", VpcId=vpc)["GroupId"]


def tags(kind, **of):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in of.items()]}]


def port(number, cidr="0.0.0.0/0", **more):
    return {
        "IpProtocol": "tcp",
        "FromPort": number,
        "ToPort": number,
        "IpRanges": [{"CidrIp": cidr, **more}],
    }


def shown(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]


def test_rules_come_and_go(ec2, vpc, group):
    rule = port(22, "198.51.100.7/24", Description="office")
    added = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"][0]
    assert added["CidrIpv4"] == "198.51.100.0/24" and not added["IsEgress"]
    message = 'the specified rule "peer: 198.51.100.0/24, TCP, from port: 22, to port: 22, ALLOW" already exists'
    with fails("InvalidPermission.Duplicate", message):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert shown(ec2, group)["IpPermissions"] == [
        {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "IpRanges": [{"CidrIp": "198.51.100.0/24", "Description": "office"}],
            "Ipv6Ranges": [],
            "PrefixListIds": [],
            "UserIdGroupPairs": [],
        }
    ]
    ec2.modify_security_group_rules(
        GroupId=group,
        SecurityGroupRules=[
            {
                "SecurityGroupRuleId": added["SecurityGroupRuleId"],
                "SecurityGroupRule": {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "CidrIpv4": "0.0.0.0/0",
                    "Description": "all",
                },
            }
        ],
    )
    ec2.update_security_group_rule_descriptions_ingress(
        GroupId=group,
        SecurityGroupRuleDescriptions=[
            {"SecurityGroupRuleId": added["SecurityGroupRuleId"], "Description": "everybody"}
        ],
    )
    found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[added["SecurityGroupRuleId"]])
    found = found["SecurityGroupRules"][0]
    assert (found["FromPort"], found["CidrIpv4"], found["Description"]) == (443, "0.0.0.0/0", "everybody")
    gone = ec2.revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[added["SecurityGroupRuleId"]])
    assert gone["RevokedSecurityGroupRules"][0]["SecurityGroupRuleId"] == added["SecurityGroupRuleId"]
    with fails("InvalidPermission.NotFound", "The specified rule does not exist in this security group."):
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[port(443)])


def test_what_leaves_a_group(ec2, group):
    ec2.revoke_security_group_egress(
        GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    assert shown(ec2, group)["IpPermissionsEgress"] == []
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[port(53)])
    ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[port(53, Description="dns")])
    assert shown(ec2, group)["IpPermissionsEgress"][0]["IpRanges"][0]["Description"] == "dns"


@pytest.mark.parametrize(
    "rule, message",
    [
        (port(22, "10.0.0.0/33"), "CIDR block 10.0.0.0/33 is malformed"),
        (port(65536), "TCP/UDP (from) port (65536) out of range"),
        ({**port(22), "IpProtocol": "all"}, "Invalid value 'all' for IP protocol. Unknown protocol."),
        (
            {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        ),
    ],
)
def test_rules_that_cannot_be(ec2, group, rule, message):
    with fails("InvalidParameterValue", message):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def test_groups_and_what_depends_on_them(ec2, vpc, group, subnet):
    with fails("InvalidGroup.Duplicate", f"The security group 'web' already exists for VPC '{vpc}'"):
        ec2.create_security_group(GroupName="web", Description="again", VpcId=vpc)
    other = ec2.create_security_group(GroupName="db", Description="databases", VpcId=vpc)["GroupId"]
    pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])
    with fails("DependencyViolation", f"resource {group} has a dependent object"):
        ec2.delete_security_group(GroupId=group)
    found = ec2.describe_security_groups(Filters=[{"Name": "ip-permission.group-id", "Values": [group]}])
    assert [it["GroupId"] for it in found["SecurityGroups"]] == [other]
    assert ec2.delete_security_group(GroupId=other)["GroupId"] == other
    default = ec2.get_security_groups_for_vpc(
        VpcId=vpc, Filters=[{"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroupForVpcs"][0]["GroupId"]
    message = f'the specified group: "{default}" name: "default" cannot be deleted by a user'
    with fails("CannotDelete", message):
        ec2.delete_security_group(GroupId=default)
    assert ec2.describe_security_group_references(GroupId=[group])["SecurityGroupReferenceSet"] == []
    assert ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"] == []
    there = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    assert ec2.associate_security_group_vpc(GroupId=group, VpcId=there)["State"] == "associated"
    found = ec2.describe_security_group_vpc_associations(Filters=[{"Name": "vpc-id", "Values": [there]}])
    assert found["SecurityGroupVpcAssociations"][0]["GroupId"] == group
    ec2.disassociate_security_group_vpc(GroupId=group, VpcId=there)
    ec2.delete_security_group(GroupId=group)
    with fails("InvalidGroup.NotFound", f"The security group '{group}' does not exist"):
        ec2.delete_security_group(GroupId=group)


def test_an_interface_with_addresses(ec2, vpc, subnet, group):
    made = ec2.create_network_interface(
        SubnetId=subnet,
        Description="front",
        Groups=[group],
        PrivateIpAddress="10.0.0.10",
        TagSpecifications=tags("network-interface", Name="front"),
    )["NetworkInterface"]
    eni = made["NetworkInterfaceId"]
    ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[eni])
    for address, code, message in [
        ("10.0.0.10", "InvalidIPAddress.InUse", "Address 10.0.0.10 is in use."),
        ("10.0.0.1", "InvalidParameterValue", "Address 10.0.0.1 is in subnet's reserved address range"),
        ("10.9.0.1", "InvalidParameterValue", "Address 10.9.0.1 does not fall within the subnet's address range"),
    ]:
        with fails(code, message):
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address)
    given = ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=2)
    given = [it["PrivateIpAddress"] for it in given["AssignedPrivateIpAddresses"]]
    assert len(set(given)) == 2
    free = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]
    assert free == 251 - 3
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=given)
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
    attribute = ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute="sourceDestCheck")
    assert attribute["SourceDestCheck"] == {"Value": False}
    ec2.reset_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck="true")
    found = ec2.describe_network_interfaces(Filters=[{"Name": "tag:Name", "Values": ["front"]}])
    found = found["NetworkInterfaces"][0]
    assert found["SourceDestCheck"] and found["PrivateIpAddress"] == "10.0.0.10"
    assert found["Groups"] == [{"GroupId": group, "GroupName": "web"}] and found["Status"] == "available"
    permission = ec2.create_network_interface_permission(
        NetworkInterfaceId=eni, AwsAccountId="123456789012", Permission="INSTANCE-ATTACH"
    )["InterfacePermission"]["NetworkInterfacePermissionId"]
    assert ec2.describe_network_interface_permissions()["NetworkInterfacePermissions"]
    assert ec2.delete_network_interface_permission(NetworkInterfacePermissionId=permission)["Return"]
    with fails("InvalidInstanceID.NotFound"):
        ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId="i-0123456789abcdef0", DeviceIndex=1)
    with fails("InvalidAttachmentID.NotFound"):
        ec2.detach_network_interface(AttachmentId="eni-attach-0123456789abcdef0")
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    with fails("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{eni}' does not exist"):
        ec2.delete_network_interface(NetworkInterfaceId=eni)


def test_ipv6_addresses(ec2, vpc):
    ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    subnet = ec2.create_subnet(
        VpcId=vpc, CidrBlock="10.0.5.0/24", Ipv6CidrBlock=re.sub("/56$", "/64", block)
    )["Subnet"]["SubnetId"]
    eni = ec2.create_network_interface(SubnetId=subnet, Ipv6AddressCount=1)["NetworkInterface"]["NetworkInterfaceId"]
    given = ec2.assign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6AddressCount=2)["AssignedIpv6Addresses"]
    assert len(given) == 2
    ec2.unassign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6Addresses=given)
    found = ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]
    assert len(found["Ipv6Addresses"]) == 1


def test_an_elastic_ip_moves(ec2, subnet):
    one, other = (
        ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in range(2)
    )
    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", Name="front"))
    allocation = address["AllocationId"]
    ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=one)
    with fails("Resource.AlreadyAssociated"):
        ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=other, AllowReassociation=False)
    association = ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=other)["AssociationId"]
    found = ec2.describe_addresses(PublicIps=[address["PublicIp"]])["Addresses"][0]
    assert (found["NetworkInterfaceId"], found["AssociationId"]) == (other, association)
    with fails("InvalidIPAddress.InUse"):
        ec2.release_address(AllocationId=allocation)
    ec2.disassociate_address(AssociationId=association)
    ec2.modify_address_attribute(AllocationId=allocation, DomainName="mail.example.com")
    found = ec2.describe_addresses_attribute(AllocationIds=[allocation], Attribute="domain-name")["Addresses"]
    assert found[0]["PtrRecord"] == "mail.example.com."
    ec2.reset_address_attribute(AllocationId=allocation, Attribute="domain-name")
    for _ in range(4):
        ec2.allocate_address()
    with fails("AddressLimitExceeded", "The maximum number of addresses has been reached."):
        ec2.allocate_address()
    ec2.release_address(AllocationId=allocation)
    with fails("InvalidAllocationID.NotFound"):
        ec2.release_address(AllocationId=allocation)


def test_tags_of_any_kind(ec2, vpc, subnet, group):
    ec2.create_tags(Resources=[vpc, subnet, group], Tags=[{"Key": "Stage", "Value": "test"}])
    found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["Stage"]}])["Tags"]
    assert {it["ResourceType"] for it in found} == {"vpc", "subnet", "security-group"}
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "Stage", "Value": "other"}])
    assert len(ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"]) == 1
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "Stage"}])
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"] == []
    with fails("InvalidID", "The ID 'nothing' is not valid"):
        ec2.create_tags(Resources=["nothing"], Tags=[{"Key": "a", "Value": "b"}])
    with fails("InvalidVpcID.NotFound"):
        ec2.create_tags(Resources=["vpc-0123456789abcdef0"], Tags=[{"Key": "a", "Value": "b"}])


def test_prefix_lists(ec2):
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices",
        AddressFamily="IPv4",
        MaxEntries=3,
        Entries=[{"Cidr": "192.0.2.0/24", "Description": "first"}],
    )["PrefixList"]
    which = made["PrefixListId"]
    assert made["State"] == "create-in-progress" and made["Version"] == 1
    ec2.modify_managed_prefix_list(
        PrefixListId=which, CurrentVersion=1, AddEntries=[{"Cidr": "198.51.100.0/24"}]
    )
    with fails("PrefixListVersionMismatch"):
        ec2.modify_managed_prefix_list(
            PrefixListId=which, CurrentVersion=1, AddEntries=[{"Cidr": "203.0.113.0/24"}]
        )
    assert len(ec2.get_managed_prefix_list_entries(PrefixListId=which)["Entries"]) == 2
    ec2.restore_managed_prefix_list_version(PrefixListId=which, PreviousVersion=1, CurrentVersion=2)
    found = ec2.get_managed_prefix_list_entries(PrefixListId=which)["Entries"]
    assert found == [{"Cidr": "192.0.2.0/24", "Description": "first"}]
    found = ec2.describe_managed_prefix_lists(PrefixListIds=[which])["PrefixLists"][0]
    assert (found["Version"], found["MaxEntries"]) == (3, 3)
    assert ec2.get_managed_prefix_list_associations(PrefixListId=which)["PrefixListAssociations"] == []
    ec2.delete_managed_prefix_list(PrefixListId=which)
    with fails("InvalidPrefixListID.NotFound"):
        ec2.get_managed_prefix_list_entries(PrefixListId=which)


def test_flow_logs(ec2, vpc, server, account):
    make_client(server.endpoint, "s3", key=account).create_bucket(Bucket=f"logs-{vpc}")
    made = ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::logs-{vpc}/flows/",
        LogFormat="${srcaddr} ${dstaddr} ${action}",
        MaxAggregationInterval=60,
        DestinationOptions={"FileFormat": "plain-text", "HiveCompatiblePartitions": False, "PerHourPartition": True},
    )
    which = made["FlowLogIds"][0]
    found = ec2.describe_flow_logs(FlowLogIds=[which])["FlowLogs"][0]
    assert found["LogFormat"] == "${srcaddr} ${dstaddr} ${action}" and found["ResourceId"] == vpc
    assert found["DestinationOptions"]["PerHourPartition"]
    assert (found["FlowLogStatus"], found["DeliverLogsStatus"]) == ("ACTIVE", "SUCCESS")
    assert ec2.delete_flow_logs(FlowLogIds=[which])["Unsuccessful"] == []
    columns = {
        "ResourceIds": [vpc], "ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3",
        "LogDestination": f"arn:aws:s3:::logs-{vpc}",
    }
    options = {"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": False}
    which = ec2.create_flow_logs(**columns, DestinationOptions=options)["FlowLogIds"][0]
    assert ec2.describe_flow_logs(FlowLogIds=[which])["FlowLogs"][0]["DestinationOptions"] == options
    # Delivery may write into the folders of Hive as well.
    policy = make_client(server.endpoint, "s3", key=account).get_bucket_policy(Bucket=f"logs-{vpc}")["Policy"]
    assert "AWSLogs/aws-account-id=" in policy
    ec2.delete_flow_logs(FlowLogIds=[which])


def test_transit_gateways(ec2, vpc, subnet):
    made = ec2.create_transit_gateway(Description="hub")["TransitGateway"]
    hub = made["TransitGatewayId"]
    table = made["Options"]["AssociationDefaultRouteTableId"]
    attached = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet])
    attachment = attached["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    found = ec2.describe_transit_gateway_attachments(TransitGatewayAttachmentIds=[attachment])
    found = found["TransitGatewayAttachments"][0]
    assert found["ResourceId"] == vpc and found["Association"]["TransitGatewayRouteTableId"] == table
    associations = ec2.get_transit_gateway_route_table_associations(TransitGatewayRouteTableId=table)
    assert associations["Associations"][0]["TransitGatewayAttachmentId"] == attachment
    second = ec2.create_transit_gateway_route_table(TransitGatewayId=hub)["TransitGatewayRouteTable"]
    second = second["TransitGatewayRouteTableId"]
    pair = {"TransitGatewayRouteTableId": second, "TransitGatewayAttachmentId": attachment}
    with fails("Resource.AlreadyAssociated"):
        ec2.associate_transit_gateway_route_table(**pair)
    ec2.disassociate_transit_gateway_route_table(
        TransitGatewayRouteTableId=table, TransitGatewayAttachmentId=attachment
    )
    ec2.associate_transit_gateway_route_table(**pair)
    ec2.enable_transit_gateway_route_table_propagation(**pair)
    route = {"TransitGatewayRouteTableId": second, "DestinationCidrBlock": "192.168.0.0/16"}
    ec2.create_transit_gateway_route(**route, TransitGatewayAttachmentId=attachment)
    ec2.replace_transit_gateway_route(**route, Blackhole=True)
    routes = ec2.search_transit_gateway_routes(
        TransitGatewayRouteTableId=second, Filters=[{"Name": "state", "Values": ["active", "blackhole"]}]
    )["Routes"]
    kept = {it["DestinationCidrBlock"]: (it["Type"], it["State"]) for it in routes}
    assert kept == {"10.0.0.0/16": ("propagated", "active"), "192.168.0.0/16": ("static", "blackhole")}
    ec2.delete_transit_gateway_route(**route)
    assert ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=second)
    assert ec2.get_transit_gateway_attachment_propagations(TransitGatewayAttachmentId=attachment)
    ec2.disable_transit_gateway_route_table_propagation(**pair)
    ec2.disassociate_transit_gateway_route_table(**pair)
    ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=second)
    ec2.modify_transit_gateway(TransitGatewayId=hub, Options={"DnsSupport": "disable"})
    ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=attachment, Options={"ApplianceModeSupport": "enable"}
    )
    found = ec2.describe_transit_gateway_vpc_attachments(TransitGatewayAttachmentIds=[attachment])
    assert found["TransitGatewayVpcAttachments"][0]["Options"]["ApplianceModeSupport"] == "enable"
    with fails("IncorrectState"):
        ec2.delete_transit_gateway(TransitGatewayId=hub)
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment)
    ec2.delete_transit_gateway(TransitGatewayId=hub)
    assert ec2.describe_transit_gateways(TransitGatewayIds=[hub])["TransitGateways"][0]["State"] == "deleted"
    with fails("InvalidTransitGatewayID.NotFound"):
        ec2.describe_transit_gateways(TransitGatewayIds=["tgw-0123456789abcdef0"])


def test_vpn(ec2, vpc):
    customer = ec2.create_customer_gateway(Type="ipsec.1", IpAddress="203.0.113.10", BgpAsn=65000)
    customer = customer["CustomerGateway"]["CustomerGatewayId"]
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    made = ec2.create_vpn_connection(
        CustomerGatewayId=customer,
        Type="ipsec.1",
        VpnGatewayId=gateway,
        Options={"StaticRoutesOnly": True, "TunnelOptions": [{"TunnelInsideCidr": "169.254.100.0/30"}]},
    )["VpnConnection"]
    which = made["VpnConnectionId"]
    ec2.get_waiter("vpn_connection_available").wait(VpnConnectionIds=[which], WaiterConfig={"Delay": 1})
    ec2.create_vpn_connection_route(VpnConnectionId=which, DestinationCidrBlock="192.168.0.0/16")
    found = ec2.describe_vpn_connections(VpnConnectionIds=[which])["VpnConnections"][0]
    assert found["CustomerGatewayConfiguration"].count("<ipsec_tunnel>") == 2
    assert found["Options"]["TunnelOptions"][0]["TunnelInsideCidr"] == "169.254.100.0/30"
    assert {it["Status"] for it in found["VgwTelemetry"]} == {"DOWN"}
    assert found["Routes"][0]["DestinationCidrBlock"] == "192.168.0.0/16"
    ec2.delete_vpn_connection_route(VpnConnectionId=which, DestinationCidrBlock="192.168.0.0/16")
    ec2.delete_vpn_connection(VpnConnectionId=which)
    ec2.detach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    ec2.delete_vpn_gateway(VpnGatewayId=gateway)
    ec2.delete_customer_gateway(CustomerGatewayId=customer)
    gone = ec2.describe_vpn_gateways(VpnGatewayIds=[gateway])["VpnGateways"]
    gone += ec2.describe_customer_gateways(CustomerGatewayIds=[customer])["CustomerGateways"]
    assert [one["State"] for one in gone] == ["deleted", "deleted"]
    with fails("InvalidVpnGatewayID.NotFound"):
        ec2.delete_vpn_gateway(VpnGatewayId=gateway)
    with fails("InvalidCustomerGatewayID.NotFound"):
        ec2.delete_customer_gateway(CustomerGatewayId=customer)


def test_a_dry_run_changes_nothing(ec2, vpc):
    with fails("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412):
        ec2.create_security_group(GroupName="dry", Description="dry", VpcId=vpc, DryRun=True)
    found = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["dry"]}])
    assert found["SecurityGroups"] == []


@pytest.fixture(params=[clis.version_1, clis.version_2], ids=["cli 1", "cli 2"])
def cli(server, request):
    path, why = request.param()
    if path is None:
        pytest.skip(why)
    return clis.Cli(server, path, through_fogbank=False)


def test_the_hands_on_by_the_cli(cli):
    def ec2(*arguments):
        return cli.json("ec2", *arguments)

    vpc = ec2("create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
    group = ec2(
        "create-security-group", "--group-name", name("web"), "--description", "web servers", "--vpc-id", vpc
    )["GroupId"]
    cli.run(
        "ec2", "authorize-security-group-ingress", "--group-id", group,
        "--protocol", "tcp", "--port", "443", "--cidr", "0.0.0.0/0",
    )
    cli.run(
        "ec2", "authorize-security-group-ingress", "--group-id", group,
        "--protocol", "tcp", "--port", "8000-8100", "--source-group", group,
    )
    shown = ec2("describe-security-groups", "--group-ids", group)["SecurityGroups"][0]
    assert [it["FromPort"] for it in shown["IpPermissions"]] == [443, 8000]
    address = ec2("allocate-address", "--domain", "vpc")["AllocationId"]
    cli.run("ec2", "create-tags", "--resources", address, group, "--tags", "Key=Stage,Value=test")
    found = ec2("describe-tags", "--filters", "Name=key,Values=Stage", f"Name=resource-id,Values={group}")
    assert json.dumps(found["Tags"]).count(group) == 1
    cli.run("ec2", "release-address", "--allocation-id", address)
    cli.run("ec2", "delete-security-group", "--group-id", group)
    cli.run("ec2", "delete-vpc", "--vpc-id", vpc)
