"""The hands-on of the lecture, on real packets: a VPC with public and private subnets, instances that run.

Needs root and a kernel that can hold machines; elsewhere it is skipped and says what is missing.
"""

import base64
import pathlib
import subprocess
import time

import pytest

from ec2_lab import SSH, Lab, cloud, ec2, lab, state, waited

PUBLIC_RANGE = "198.18.64.0/20"
REFUSED_SECONDS = 2


@pytest.fixture(scope="module")
def web(lab):
    """A web server in the public subnet, started by its user data."""
    script = "#!/bin/sh\nmkdir -p /srv/www; echo hello from $(hostname) > /srv/www/index.html\n"
    script += "httpd -p 80 -h /srv/www || busybox httpd -p 80 -h /srv/www\n"
    instance = lab.launch(lab.public, [lab.web], user_data=script)
    return lab.running(instance)


def fetch(address, port=80, seconds=REFUSED_SECONDS):
    done = subprocess.run(
        ["curl", "-sS", "-m", str(seconds), f"http://{address}:{port}/"], capture_output=True, text=True
    )
    return done.stdout if done.returncode == 0 else None


def test_an_instance_is_reached_with_its_key(lab, web):
    assert lab.ssh(web["PublicIpAddress"], "hostname") == web["PrivateDnsName"].split(".")[0]
    assert lab.ssh(web["PublicIpAddress"], "whoami") == "ec2-user"


def test_user_data_ran_at_the_first_boot(lab, web):
    page = waited(lambda: fetch(web["PublicIpAddress"]), 10, "the web page")
    assert page.startswith("hello from ip-10-50-1-")


def test_a_port_that_no_group_allows_is_silent(lab, web):
    lab.ssh(web["PublicIpAddress"], "(while true; do echo open | nc -l -p 8080; done) >/dev/null 2>&1 &")
    assert fetch(web["PublicIpAddress"], 8080) is None
    lab.allow(lab.web, 8080, "0.0.0.0/0")
    began = time.monotonic()
    reached = subprocess.run(
        ["bash", "-c", f"exec 3<>/dev/tcp/{web['PublicIpAddress']}/8080 && head -1 <&3"],
        capture_output=True, text=True, timeout=10,
    )
    assert reached.stdout.strip() == "open", (reached.stderr, time.monotonic() - began)
    lab.ec2.revoke_security_group_ingress(
        GroupId=lab.web, IpProtocol="tcp", FromPort=8080, ToPort=8080, CidrIp="0.0.0.0/0"
    )
    time.sleep(0.2)
    assert fetch(web["PublicIpAddress"], 8080) is None


def test_metadata_needs_a_token_and_tells_who_one_is(lab, web):
    script = (
        "T=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token);"
        "curl -sS -H \"X-aws-ec2-metadata-token: $T\" http://169.254.169.254/latest/meta-data/instance-id"
    )
    assert lab.ssh(web["PublicIpAddress"], script) == web["InstanceId"]


def test_names_resolve_inside(lab, web):
    answer = lab.ssh(web["PublicIpAddress"], f"nslookup {web['PrivateDnsName']} 169.254.169.253")
    assert web["PrivateIpAddress"] in answer


def test_a_private_instance_gets_out_through_nat_and_nobody_in(lab, web, ec2, cloud):
    group = lab.group("inner", [(22, "10.50.0.0/16")])
    inner = lab.running(lab.launch(lab.private, [group], public=False))
    assert "PublicIpAddress" not in inner
    # Without a route there is no way out.
    out = "curl -s -o /dev/null -m 2 -w '%{http_code}' http://sqs.us-east-1.amazonaws.com/"
    through = web["PublicIpAddress"]
    assert lab.ssh(inner["PrivateIpAddress"], out, through=through) == "000"
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=lab.public, AllocationId=address)["NatGateway"]["NatGatewayId"]
    waited(
        lambda: ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"] == "available",
        30, "the NAT gateway",
    )
    ec2.create_route(RouteTableId=lab.private_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    code = waited(
        lambda: (found := lab.ssh(inner["PrivateIpAddress"], out, through=through)) != "000" and found,
        10, "a way out",
    )
    assert code in ("400", "403", "404"), "the cloud's own API answers"


def test_an_elastic_address_moves_to_the_standby(lab, web, ec2):
    # Whoever gets an Elastic IP loses the address that was lent, so these are not the web server.
    active, standby = (lab.running(lab.launch(lab.public, [lab.web])) for _ in range(2))
    allocation = ec2.allocate_address(Domain="vpc")
    address = allocation["PublicIp"]
    for instance in (active, standby):
        ec2.associate_address(
            AllocationId=allocation["AllocationId"], InstanceId=instance["InstanceId"], AllowReassociation=True
        )
        name = instance["PrivateDnsName"].split(".")[0]
        waited(lambda: lab.ssh(address, "hostname") == name, 40, "the move")


def test_a_network_acl_is_stateless(lab, web, ec2):
    address = lab.shown(web["InstanceId"])["PublicIpAddress"]
    waited(lambda: fetch(address), 10, "the page before")
    found = ec2.describe_network_acls(
        Filters=[{"Name": "association.subnet-id", "Values": [lab.public]}]
    )["NetworkAcls"][0]["NetworkAclId"]
    entry = {
        "NetworkAclId": found, "RuleNumber": 50, "Protocol": "6", "RuleAction": "deny", "Egress": True,
        "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 1024, "To": 65535},
    }
    ec2.create_network_acl_entry(**entry)
    time.sleep(0.3)
    assert fetch(address) is None, "the group allows the request, the list drops its answer"
    ec2.delete_network_acl_entry(NetworkAclId=found, RuleNumber=50, Egress=True)
    assert waited(lambda: fetch(address), 10, "the page after")


def test_peered_networks_reach_each_other_and_nobody_behind(lab, web, ec2, cloud):
    others = [Lab(ec2, cloud.folder, cidr) for cidr in ("10.60", "10.70")]
    inside = []
    for other in others:
        group = other.group("all", [(80, "10.0.0.0/8"), (22, "0.0.0.0/0")])
        script = "#!/bin/sh\nmkdir -p /srv; echo peer > /srv/index.html; busybox httpd -p 80 -h /srv || httpd -p 80 -h /srv\n"
        inside.append(other.running(other.launch(other.public, [group], user_data=script)))

    def peer(one, other, tables):
        made = ec2.create_vpc_peering_connection(VpcId=one.vpc, PeerVpcId=other.vpc)
        peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        for table, cidr in tables:
            ec2.create_route(
                RouteTableId=table, DestinationCidrBlock=cidr, VpcPeeringConnectionId=peering
            )

    middle, far = others
    peer(lab, middle, [(lab.public_table, "10.60.0.0/16"), (middle.public_table, "10.50.0.0/16")])
    peer(middle, far, [(middle.public_table, "10.70.0.0/16"), (far.public_table, "10.60.0.0/16")])
    address = lab.shown(web["InstanceId"])["PublicIpAddress"]
    get = "curl -s -m 2 http://%s/ || echo nothing"
    waited(lambda: lab.ssh(address, get % inside[0]["PrivateIpAddress"]) == "peer", 20, "the peered page")
    assert lab.ssh(address, get % inside[1]["PrivateIpAddress"]) == "nothing", "peering is not transitive"


def test_an_instance_stops_starts_and_reboots(lab, ec2):
    instance = lab.launch(lab.public, [lab.web], user_data="#!/bin/sh\ndate > /var/first-boot\n")
    before = lab.running(instance)
    lab.ssh(before["PublicIpAddress"], "sudo sh -c 'echo kept > /var/kept'")
    ec2.stop_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "stopped", 60, "the stop")
    assert "PublicIpAddress" not in lab.shown(instance)
    ec2.start_instances(InstanceIds=[instance])
    after = lab.running(instance)
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert lab.ssh(after["PublicIpAddress"], "cat /var/kept") == "kept"
    ec2.reboot_instances(InstanceIds=[instance])
    waited(lambda: lab.ssh(after["PublicIpAddress"], "cut -d. -f1 /proc/uptime; echo up") != "", 30, "the reboot")
    assert state(ec2, instance) == "running"
    # A guest that powers itself off is stopped.
    words = [*SSH, "-i", str(lab.key), f"ec2-user@{after['PublicIpAddress']}", "sudo poweroff"]
    subprocess.run(words, capture_output=True, timeout=20)
    waited(lambda: state(ec2, instance) == "stopped", 60, "the stop from inside")


def test_instances_outlive_the_cloud_that_started_them(lab, web, cloud):
    address = lab.shown(web["InstanceId"])["PublicIpAddress"]
    lab.ssh(address, "echo before > before")
    cloud.process.kill()
    cloud.process.wait()
    assert fetch(address), "packets flow while the cloud is down"
    cloud.start()
    assert lab.ssh(address, "cat before") == "before"
    found = lab.shown(web["InstanceId"])
    assert found["State"]["Name"] == "running"


def test_console_output_and_status_are_the_machines(lab, web, ec2):
    output = ec2.get_console_output(InstanceId=web["InstanceId"])["Output"]
    assert base64.b64decode(output) if "\n" not in output else output
    checked = waited(
        lambda: ec2.describe_instance_status(InstanceIds=[web["InstanceId"]])["InstanceStatuses"], 10, "a status"
    )
    assert checked[0]["SystemStatus"]["Status"] in ("ok", "initializing")


def test_nothing_is_left_of_terminated_instances(lab, ec2):
    def machines():
        return sorted(name.name for name in pathlib.Path("/run/netns").iterdir() if "-m-" in name.name)

    before = machines()
    instance = lab.launch(lab.public, [lab.web])
    lab.running(instance)
    assert len(machines()) == len(before) + 1
    ec2.terminate_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "terminated", 60, "the termination")
    waited(lambda: machines() == before, 10, "the clean-up")
