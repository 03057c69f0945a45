"""Subnets of IPv6 only, on real packets: neighbours, names and metadata, an egress-only gateway, DNS64 and NAT64."""

import pytest

from conftest import make_client
from ec2_lab import Lab, cloud, ec2, lab, waited
from expect import fails

PUBLIC_RANGE = "198.18.144.0/20"

PAGE = "#!/bin/sh\nmkdir -p /srv; echo hello > /srv/index.html; busybox httpd -p '[::]:80' -h /srv\n"


class SixLab(Lab):
    """A VPC with a public subnet of both families, and one of IPv6 only."""

    def __init__(self, ec2, folder, cidr):
        super().__init__(ec2, folder, cidr)
        ec2.associate_vpc_cidr_block(VpcId=self.vpc, AmazonProvidedIpv6CidrBlock=True)
        [block] = ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
        self.block = block["Ipv6CidrBlock"]
        ec2.associate_subnet_cidr_block(SubnetId=self.public, Ipv6CidrBlock=self.part(0))
        made = ec2.create_subnet(VpcId=self.vpc, Ipv6Native=True, Ipv6CidrBlock=self.part(1))["Subnet"]
        self.native = made["SubnetId"]
        self.native_table = self.table(self.native)
        anywhere = [{"CidrIpv6": "::/0"}]
        ec2.authorize_security_group_ingress(
            GroupId=self.web,
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "Ipv6Ranges": anywhere} for port in (22, 80)
            ],
        )

    def part(self, number):
        """A /64 of the VPC's /56."""
        network, _, _ = self.block.partition("::")
        return f"{network[:-2]}{number:02x}::/64"

    def launched(self, **card):
        """An instance with a page, which its first boot made."""
        made = self.ec2.run_instances(
            ImageId=self.image(), InstanceType="t3.micro", MinCount=1, MaxCount=1, KeyName=self.key_name, UserData=PAGE,
            MetadataOptions={"HttpProtocolIpv6": "enabled"},
            NetworkInterfaces=[{"DeviceIndex": 0, "Groups": [self.web], **card}],
        )
        return self.running(made["Instances"][0]["InstanceId"])


@pytest.fixture(scope="module")
def six(ec2, cloud):
    return SixLab(ec2, cloud.folder, "10.60")


@pytest.fixture(scope="module")
def bastion(six):
    return six.launched(SubnetId=six.public, AssociatePublicIpAddress=True, Ipv6AddressCount=1)


@pytest.fixture(scope="module")
def inside(six, bastion):
    """Runs commands in an instance that has IPv6 only."""
    instance = six.launched(SubnetId=six.native)

    def run(command):
        return six.ssh(instance["Ipv6Address"], command, seconds=30, through=bastion["PublicIpAddress"])

    run.instance = instance
    return run


def answers(run, url, seconds=3):
    """The address that answered, or nothing."""
    told = run(f"curl -g -s -o /dev/null -m {seconds} -w '%{{http_code}} %{{remote_ip}}' '{url}'")
    code, _, address = told.partition(" ")
    return address if code != "000" else None


def test_an_instance_of_ipv6_only(six, ec2, inside):
    instance = inside.instance
    assert "PrivateIpAddress" not in instance and "PublicIpAddress" not in instance
    assert instance["PrivateDnsName"] == f"{instance['InstanceId']}.ec2.internal"
    [card] = instance["NetworkInterfaces"]
    assert not card["PrivateIpAddresses"] and len(card["Ipv6Addresses"]) == 1
    [subnet] = ec2.describe_subnets(Filters=[{"Name": "ipv6-native", "Values": ["true"]}])["Subnets"]
    assert subnet["SubnetId"] == six.native and "CidrBlock" not in subnet and subnet["Ipv6Native"]
    with fails("InvalidParameterCombination"):
        ec2.create_subnet(VpcId=six.vpc, Ipv6Native=True, CidrBlock="10.60.9.0/24", Ipv6CidrBlock=six.part(9))
    with fails("Unsupported"):
        ec2.run_instances(
            ImageId=six.image(), InstanceType="t2.micro", MinCount=1, MaxCount=1, SubnetId=six.native
        )
    with fails("InvalidParameterCombination"):
        six.launched(SubnetId=six.native, AssociatePublicIpAddress=True)
    with fails("InvalidParameterValue"):
        ec2.modify_subnet_attribute(SubnetId=six.native, MapPublicIpOnLaunch={"Value": True})

    # As the guest sees it.
    assert inside("ip -4 -o address show dev eth0") == ""
    assert inside("hostname") == instance["InstanceId"]
    assert "nameserver fd00:ec2::253" in inside("cat /etc/resolv.conf")
    asked = (
        "base=http://[fd00:ec2::254]/latest; "
        "token=$(curl -g -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $base/api/token); "
        "curl -g -s -H \"X-aws-ec2-metadata-token: $token\" $base/meta-data/"
    )
    assert inside(asked + "ipv6") == instance["Ipv6Address"]
    assert inside(asked + "local-hostname") == instance["PrivateDnsName"]
    assert not answers(inside, "http://169.254.169.254/")


def test_neighbours_by_address_and_by_name(six, inside, bastion):
    other = six.launched(SubnetId=six.native)
    page = f"http://[{other['Ipv6Address']}]/"
    waited(lambda: inside(f"curl -g -s -m 3 '{page}'") == "hello", 20, "the page")
    assert inside(f"curl -s -m 3 http://{other['InstanceId']}.ec2.internal/") == "hello"
    assert answers(inside, f"http://[{bastion['Ipv6Address']}]/") == bastion["Ipv6Address"]
    # Groups hold for IPv6 as they do for IPv4.
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    six.ec2.revoke_security_group_ingress(GroupId=six.web, IpPermissions=[rule])
    waited(lambda: not answers(inside, page, 1), 10, "the refusal")
    six.ec2.authorize_security_group_ingress(GroupId=six.web, IpPermissions=[rule])
    waited(lambda: answers(inside, page), 10, "the page again")
    six.ec2.terminate_instances(InstanceIds=[other["InstanceId"]])


def test_an_egress_only_gateway_leads_out_and_not_in(six, ec2, cloud, inside):
    elsewhere = SixLab(ec2, cloud.folder, "10.61")
    ec2.create_route(
        RouteTableId=elsewhere.public_table, DestinationIpv6CidrBlock="::/0", GatewayId=elsewhere.gateway
    )
    far = elsewhere.launched(SubnetId=elsewhere.public, AssociatePublicIpAddress=True, Ipv6AddressCount=1)
    page = f"http://[{far['Ipv6Address']}]/"
    assert not answers(inside, page), "there is no way out yet"
    gateway = ec2.create_egress_only_internet_gateway(VpcId=six.vpc)["EgressOnlyInternetGateway"]
    gateway = gateway["EgressOnlyInternetGatewayId"]
    ec2.create_route(
        RouteTableId=six.native_table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=gateway
    )
    waited(lambda: answers(inside, page) == far["Ipv6Address"], 20, "the way out")

    def back(url):
        return answers(lambda command: elsewhere.ssh(far["PublicIpAddress"], command), url)

    assert not back(f"http://[{inside.instance['Ipv6Address']}]/"), "nothing comes in"
    ec2.terminate_instances(InstanceIds=[far["InstanceId"]])


def test_dns64_and_a_nat_gateway_lead_to_ipv4(six, ec2, inside, bastion):
    queues = "https://sqs.us-east-1.amazonaws.com/"
    assert not answers(inside, queues), "its address is of IPv4"
    elastic = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=six.public, AllocationId=elastic)["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1})
    ec2.create_route(
        RouteTableId=six.native_table, DestinationIpv6CidrBlock="64:ff9b::/96", NatGatewayId=nat
    )
    page = "http://[64:ff9b::" + ":".join(
        "{:x}{:02x}".format(*pair) for pair in _pairs(bastion["PrivateIpAddress"])
    ) + "]/"
    waited(lambda: answers(inside, page), 20, "an instance of IPv4 in the VPC, through the gateway")
    assert not answers(inside, queues), "names are as before"
    ec2.modify_subnet_attribute(SubnetId=six.native, EnableDns64={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[six.native])["Subnets"][0]["EnableDns64"]
    # By TLS that the instance believes: an unmodified client of this cloud.
    found = waited(lambda: answers(inside, queues), 20, "the cloud's own service")
    assert found.startswith("64:ff9b::c612:9f"), found
    ec2.modify_subnet_attribute(SubnetId=six.native, EnableDns64={"Value": False})
    waited(lambda: not answers(inside, queues), 20, "the end of it")
    ec2.delete_route(RouteTableId=six.native_table, DestinationIpv6CidrBlock="64:ff9b::/96")
    waited(lambda: not answers(inside, page), 10, "the way's end")
    ec2.delete_nat_gateway(NatGatewayId=nat)


def _pairs(address):
    """The two halves of an IPv4 address, as numbers."""
    a, b, c, d = (int(part) for part in address.split("."))
    return (a, b), (c, d)


def test_who_has_ipv6_only_survives_a_restart(six, cloud, inside):
    cloud.process.kill()
    cloud.process.wait()
    cloud.start()
    found = make_client(cloud.endpoint, "ec2").describe_instances(InstanceIds=[inside.instance["InstanceId"]])
    assert found["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
    assert inside("hostname") == inside.instance["InstanceId"]
