"""Ways into a VPC that are not the internet, on real packets: endpoints to this cloud's services, and site-to-site VPN."""

import json
import pathlib
import shutil
import subprocess
import time

import pytest

from conftest import make_client
from ec2_lab import Lab, cloud, ec2, lab, waited
from expect import fails

PUBLIC_RANGE = "198.18.112.0/20"


@pytest.fixture(scope="module")
def web(lab):
    script = "#!/bin/sh\nmkdir -p /srv; echo hello > /srv/index.html; httpd -p 80 -h /srv || busybox httpd -p 80 -h /srv\n"
    return lab.running(lab.launch(lab.public, [lab.web], user_data=script))


def passes_policies(lab, ec2, cloud, gateway, inside, bastion):
    """What an endpoint's policy does not allow does not pass it, and others' policies can ask for the endpoint."""
    s3 = make_client(cloud.endpoint, "s3")
    s3.create_bucket(Bucket="through")
    s3.put_object(Bucket="through", Key="page", Body=b"hello")
    signer = make_client("https://s3.us-east-1.amazonaws.com", "s3", s3={"addressing_style": "path"}, signature_version="s3v4")
    url = signer.generate_presigned_url("get_object", Params={"Bucket": "through", "Key": "page"})

    def got():
        return lab.ssh(inside, f"curl -s -m 5 '{url}'", through=bastion, seconds=30)

    assert got() == "hello"
    lists = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": "*"}
    ec2.modify_vpc_endpoint(VpcEndpointId=gateway, PolicyDocument=json.dumps({"Statement": [lists]}))
    assert "<Code>AccessDenied</Code>" in got()
    ec2.modify_vpc_endpoint(VpcEndpointId=gateway, ResetPolicy=True)
    assert got() == "hello"
    only = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::through/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": gateway}},
    }
    s3.put_bucket_policy(Bucket="through", Policy=json.dumps({"Version": "2012-10-17", "Statement": [only]}))
    assert got() == "hello"
    with fails("AccessDenied", status=403):
        s3.get_object(Bucket="through", Key="page")


def test_a_private_subnet_reaches_services_through_endpoints(lab, web, ec2, cloud):
    instance = lab.running(lab.launch(lab.private, [lab.web], public=False))
    bastion, inside = web["PublicIpAddress"], instance["PrivateIpAddress"]

    def met(url):
        """The address that answered, by TLS that the instance believes; nothing where none did."""
        command = f"curl -s -o /dev/null -m 3 -w '%{{http_code}} %{{remote_ip}}' {url}"
        code, _, address = lab.ssh(inside, command, through=bastion, seconds=30).partition(" ")
        return address if code != "000" else None

    queues, objects = "https://sqs.us-east-1.amazonaws.com/", "https://s3.us-east-1.amazonaws.com/"
    assert not met(queues), "there is no way out"
    allowed = lab.group("endpoint", [(443, "10.50.0.0/16")])
    made = ec2.create_vpc_endpoint(
        VpcId=lab.vpc, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sqs",
        SubnetIds=[lab.private], SecurityGroupIds=[allowed], PrivateDnsEnabled=True,
    )["VpcEndpoint"]
    card = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])["NetworkInterfaces"][0]
    address = card["PrivateIpAddress"]
    waited(lambda: met(queues) == address, 20, "the endpoint's answer")
    names = [entry["DnsName"] for entry in made["DnsEntries"] if entry["DnsName"].startswith("vpce-")]
    for name in names:
        assert met(f"https://{name}/") == address, name
    # Its group is asked, as that of any interface.
    lab.ec2.revoke_security_group_ingress(
        GroupId=allowed, IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp="10.50.0.0/16"
    )
    waited(lambda: not met(queues), 10, "the refusal")

    assert not met(objects)
    gateway = ec2.create_vpc_endpoint(
        VpcId=lab.vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[lab.private_table]
    )["VpcEndpoint"]["VpcEndpointId"]
    waited(lambda: met(objects), 10, "S3 by the route")
    lists = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}])
    cidr = lists["PrefixLists"][0]["Cidrs"][0]
    assert cidr == "198.18.127.254/32" and met(objects) == cidr.split("/")[0]
    passes_policies(lab, ec2, cloud, gateway, inside, bastion)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[gateway, made["VpcEndpointId"]])
    waited(lambda: not met(objects), 10, "the way's end")
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


class Device:
    """The customer's device: strongSwan in the network of an instance elsewhere, with an office behind it."""

    office = "192.168.77.1"

    def __init__(self, folder, namespace, private, public, tunnel, to):
        self.folder, self.namespace = folder, namespace
        folder.mkdir()
        vici = f"unix://{folder}/vici"
        plugins = "random nonce aes sha1 sha2 hmac kdf gmp socket-default kernel-libipsec kernel-netlink vici"
        (folder / "strongswan.conf").write_text(
            f"charon-systemd {{\nload = {plugins}\ninstall_routes = no\njournal {{\ndefault = -1\n}}\n"
            f"plugins {{\nvici {{\nsocket = {vici}\n}}\nkernel-libipsec {{\nallow_peer_ts = yes\n}}\n"
            "kernel-netlink {\nfwmark = 0x7ffe0000\n}\n}\n}\n"
        )
        outside, key = tunnel["OutsideIpAddress"], tunnel["PreSharedKey"]
        (folder / "swanctl.conf").write_text(
            f"connections {{\naws {{\nlocal_addrs = {private}\nremote_addrs = {outside}\n"
            f"proposals = aes128-sha1-modp1024\nlocal {{\nauth = psk\nid = {public}\n}}\n"
            f"remote {{\nauth = psk\nid = {outside}\n}}\nchildren {{\naws {{\nlocal_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0\n"
            "esp_proposals = aes128-sha1-modp1024\nstart_action = start\n}\n}\n}\n}\n"
            f'secrets {{\nike-aws {{\nid-1 = {public}\nid-2 = {outside}\nsecret = "{key}"\n}}\n}}\n'
        )
        inside = ["nsenter", f"--net=/run/netns/{namespace}"]
        self.inside = inside
        self.daemon = subprocess.Popen(
            [*inside, "/usr/sbin/charon-systemd"],
            env={"STRONGSWAN_CONF": str(folder / "strongswan.conf")},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        waited(lambda: (folder / "vici").exists() and "ipsec0" in self.run("ip", "-o", "link"), 10, "the device")
        self.run("ip", "address", "add", f"{self.office}/24", "dev", "lo")
        self.run("ip", "route", "add", to, "dev", "ipsec0", "src", self.office)
        subprocess.run(
            ["swanctl", "--load-all", "--file", str(folder / "swanctl.conf"), "--uri", vici],
            check=True, capture_output=True,
        )

    def run(self, *words):
        return subprocess.run([*self.inside, *words], capture_output=True, text=True, timeout=20).stdout

    def close(self):
        self.daemon.kill()
        self.daemon.wait()


def test_a_site_to_site_vpn_carries_packets(lab, web, ec2, cloud, tmp_path):
    if not shutil.which("swanctl", path="/usr/sbin:/usr/bin") or not pathlib.Path("/usr/sbin/charon-systemd").exists():
        pytest.skip("strongSwan is not installed")
    elsewhere = Lab(ec2, cloud.folder, "10.90")
    instance = elsewhere.running(elsewhere.launch(elsewhere.public, [elsewhere.web]))
    public, private = instance["PublicIpAddress"], instance["PrivateIpAddress"]
    customer = ec2.create_customer_gateway(Type="ipsec.1", IpAddress=public, BgpAsn=65000)
    customer = customer["CustomerGateway"]["CustomerGatewayId"]
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpnGatewayId=gateway, VpcId=lab.vpc)
    made = ec2.create_vpn_connection(
        Type="ipsec.1", CustomerGatewayId=customer, VpnGatewayId=gateway, Options={"StaticRoutesOnly": True}
    )["VpnConnection"]
    which = made["VpnConnectionId"]
    ec2.create_vpn_connection_route(VpnConnectionId=which, DestinationCidrBlock="192.168.77.0/24")
    ec2.enable_vgw_route_propagation(RouteTableId=lab.public_table, GatewayId=gateway)

    def telemetry():
        found = ec2.describe_vpn_connections(VpnConnectionIds=[which])["VpnConnections"][0]
        return [one["Status"] for one in found["VgwTelemetry"]]

    assert telemetry() == ["DOWN", "DOWN"]
    tunnel = made["Options"]["TunnelOptions"][0]
    namespace = f"{cloud.names}m-{instance['InstanceId']}"
    there = pathlib.Path("/run/netns") / f"{cloud.names}{which}"
    waited(there.exists, 20, "this side's end")
    device = Device(tmp_path / "device", namespace, private, public, tunnel, "10.50.0.0/16")
    try:
        waited(lambda: telemetry() == ["UP", "DOWN"], 60, "the tunnel")
        page = f"http://{web['PrivateIpAddress']}/"
        assert device.run("curl", "-s", "-m", "5", "--interface", device.office, page).strip() == "hello"
        # And the other way round, to a server in the office.
        server = subprocess.Popen(
            [*device.inside, "busybox", "httpd", "-f", "-p", f"{device.office}:8088", "-h", "/tmp"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        time.sleep(0.5)
        try:
            code = lab.ssh(
                web["PublicIpAddress"],
                f"curl -s -o /dev/null -m 5 -w '%{{http_code}}' http://{device.office}:8088/",
            )
            assert code == "404", "the office's server answers"
        finally:
            server.kill()
            server.wait()
        # Tunnels outlive the cloud that made them, as connections do.
        cloud.process.kill()
        cloud.process.wait()
        assert device.run("curl", "-s", "-m", "5", "--interface", device.office, page).strip() == "hello"
        cloud.start()
        ec2 = make_client(cloud.endpoint, "ec2")
        waited(lambda: telemetry() == ["UP", "DOWN"], 30, "the tunnel after a restart")
        ec2.delete_vpn_connection(VpnConnectionId=which)
        waited(lambda: not there.exists(), 20, "the end of this side")
        assert not device.run("curl", "-s", "-m", "2", "--interface", device.office, page)
    finally:
        device.close()
