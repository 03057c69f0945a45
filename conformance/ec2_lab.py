"""Clouds that run instances, for the tests that need some: on real packets, as root."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import server as servers
from conftest import make_client

SSH = [
    "ssh", "-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "ConnectTimeout=3",
]


def waited(question, seconds, what):
    """The first answer that is true, asked for again and again."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.1)


def devices_of(cloud):
    """The loop devices of this cloud, by what stands behind them."""
    facts = os.stat(cloud.folder / "data" / "disks")
    prefix = f"/fogbank-{facts.st_dev:x}.{facts.st_ino:x}-"
    behind = [file.read_text().strip() for file in pathlib.Path("/sys/block").glob("loop*/loop/backing_file")]
    return [one for one in behind if one.startswith(prefix)]


@contextlib.contextmanager
def cloud_with_machines(tmp_path_factory, public_range, driver="sandbox"):
    """A cloud of its own. Clouds side by side on one host need public ranges of their own."""
    if os.geteuid() != 0:
        pytest.skip("instances need root")
    for program in ("ssh", "ssh-keygen", "nft"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin") is None:
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("ec2")
    config = folder / "fogbank.toml"
    config.write_text(f'[instances]\ndriver = "{driver}"\npublic_range = "{public_range}"\n')
    running = servers.Server("--dev", "--data", str(folder / "data"), "--config", str(config)).start()
    running.folder = folder
    digest = hashlib.sha256(str((folder / "data").resolve()).encode()).hexdigest()
    running.names = f"fb{digest[:4]}-"
    try:
        yield running
    finally:
        ec2 = make_client(running.endpoint, "ec2")
        everyone = [
            instance["InstanceId"]
            for reservation in ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] != "terminated"
        ]
        if everyone:
            ec2.terminate_instances(InstanceIds=everyone)
            waited(lambda: all(state(ec2, one) == "terminated" for one in everyone), 60, "termination")
        running.stop()
        left = [one.name for one in pathlib.Path("/run/netns").iterdir() if one.name.startswith(running.names)]
        assert not left, "a cloud that ends without instances leaves nothing in the kernel"


@pytest.fixture(scope="module")
def cloud(request, tmp_path_factory):
    """A cloud for a module, which names a range of its own: PUBLIC_RANGE."""
    with cloud_with_machines(tmp_path_factory, request.module.PUBLIC_RANGE) as running:
        yield running


@pytest.fixture(scope="module")
def ec2(cloud):
    return make_client(cloud.endpoint, "ec2")


@pytest.fixture(scope="module")
def lab(ec2, cloud):
    return Lab(ec2, cloud.folder)


def state(ec2, instance):
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return found["State"]["Name"]


class Lab:
    """A VPC with a public and a private subnet in two zones, as in the lecture."""

    def __init__(self, ec2, folder, cidr="10.50"):
        self.ec2, self.folder = ec2, folder
        self.vpc = ec2.create_vpc(CidrBlock=f"{cidr}.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
        self.public = self.subnet(f"{cidr}.1.0/24", zones[0])
        self.private = self.subnet(f"{cidr}.2.0/24", zones[1])
        self.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.public_table = self.table(self.public)
        ec2.create_route(
            RouteTableId=self.public_table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway
        )
        self.private_table = self.table(self.private)
        self.web = self.group("web", [(22, "0.0.0.0/0"), (80, "0.0.0.0/0")])
        self.key = self.folder / f"key-{self.vpc}.pem"
        made = ec2.create_key_pair(KeyName=f"key-{self.vpc}", KeyType="ed25519")
        self.key.write_text(made["KeyMaterial"])
        self.key.chmod(0o600)
        self.key_name = made["KeyName"]

    def subnet(self, cidr, zone):
        made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=zone)
        return made["Subnet"]["SubnetId"]

    def table(self, subnet):
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    def group(self, name, ports):
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        for port, source in ports:
            self.allow(made, port, source)
        return made

    def allow(self, group, port, source):
        self.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=source
        )

    def image(self):
        images = self.ec2.describe_images(Owners=["amazon"])["Images"]
        return next(image["ImageId"] for image in images if "minimal" in image["Name"].lower())

    def launch(self, subnet, groups, public=True, user_data="", **more):
        card = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": groups, "AssociatePublicIpAddress": public}
        made = self.ec2.run_instances(
            ImageId=self.image(),
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            KeyName=self.key_name,
            UserData=user_data,
            NetworkInterfaces=[card],
            **more,
        )
        return made["Instances"][0]["InstanceId"]

    def running(self, instance):
        def runs():
            found = self.shown(instance)
            assert found["State"]["Name"] in ("pending", "running"), found.get("StateReason")
            return found["State"]["Name"] == "running" and found

        return waited(runs, 120, "the launch")

    def shown(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def ssh(self, address, command, seconds=20, through=None):
        """What the command prints, tried until the server answers."""
        jump = []
        if through:
            proxy = " ".join([*SSH, "-i", str(self.key), "-W", "[%h]:%p", f"ec2-user@{through}"])
            jump = ["-o", f"ProxyCommand={proxy}"]

        def once():
            words = [*SSH, *jump, "-i", str(self.key), f"ec2-user@{address}", command]
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=seconds)
            except subprocess.TimeoutExpired:
                # A connection to an address that moved meanwhile hears of nobody.
                return None
            return done if done.returncode != 255 else None

        return waited(once, seconds, f"SSH to {address}").stdout.strip()
