"""What goes wrong on command, and what is seen of it: zones without power, flow logs, what a killed cloud left behind."""

import gzip
import pathlib
import socket
import subprocess

import pytest

import server as servers
from conftest import make_client
from ec2_lab import Lab, cloud, state, waited
from expect import fails

PUBLIC_RANGE = "198.18.128.0/20"
SILENCE_SECONDS = 1.5


@pytest.fixture
def ec2(cloud):
    return make_client(cloud.endpoint, "ec2")


@pytest.fixture(scope="module")
def lab(cloud):
    return Lab(make_client(cloud.endpoint, "ec2"), cloud.folder)


@pytest.fixture(scope="module")
def web(lab):
    return lab.running(lab.launch(lab.public, [lab.web]))


def answers(address, port=22):
    try:
        socket.create_connection((address, port), timeout=SILENCE_SECONDS).close()
        return True
    except OSError:
        return False


def zone(cloud, *words):
    return servers.run("zone", *words, "--endpoint", cloud.endpoint).stdout


def status(ec2, instance):
    found = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"][0]
    return found["SystemStatus"]["Status"], found["InstanceStatus"]["Status"]


def test_a_zone_fails_and_recovers_as_a_whole(cloud, lab, web, ec2):
    address, name = web["PublicIpAddress"], web["Placement"]["AvailabilityZone"]
    elsewhere = lab.subnet("10.50.3.0/24", "us-east-1c")
    lab.ec2.associate_route_table(RouteTableId=lab.public_table, SubnetId=elsewhere)
    other = lab.running(lab.launch(elsewhere, [lab.web]))
    waited(lambda: answers(address) and answers(other["PublicIpAddress"]), 20, "SSH before")
    booted = lab.ssh(address, "cat /proc/sys/kernel/random/boot_id; cut -d. -f1 /proc/uptime; echo kept > kept")
    assert booted
    assert "down since" in zone(cloud, "down", name)
    assert not answers(address) and answers(other["PublicIpAddress"]), "one zone, and no other"
    assert state(ec2, web["InstanceId"]) == "running" and status(ec2, web["InstanceId"]) == ("impaired", "impaired")
    shown = ec2.describe_availability_zones(ZoneNames=[name])["AvailabilityZones"][0]
    assert shown["State"] == "unavailable"
    with fails("InsufficientInstanceCapacity", status=500):
        lab.launch(lab.public, [lab.web])
    # It stays so when the cloud is killed and started.
    cloud.process.kill()
    cloud.process.wait()
    cloud.start()
    again = make_client(cloud.endpoint, "ec2")
    waited(lambda: answers(other["PublicIpAddress"]), 10, "the other zone")
    assert not answers(address)
    assert "down since" in zone(cloud, "list")
    assert "down since" not in zone(cloud, "up", name)
    waited(lambda: answers(address), 30, "the zone's return")
    assert lab.ssh(address, "cat kept") == "kept"
    waited(lambda: status(again, web["InstanceId"]) == ("ok", "ok"), 30, "the status checks")
    again.terminate_instances(InstanceIds=[other["InstanceId"]])


def test_a_zone_is_named_right_or_not_at_all(cloud):
    done = servers.run("zone", "down", "us-east-1z", "--endpoint", cloud.endpoint, check=False)
    assert done.returncode != 0 and "Invalid availability zone: [us-east-1z]" in done.stderr


def test_a_zone_is_the_owners_to_turn(secure):
    """Outside --dev, whoever can read the cloud's key turns zones, and nobody else on the machine."""
    refused = servers.run("zone", "down", "us-east-1f", "--endpoint", secure.endpoint, check=False)
    assert refused.returncode != 0 and "for the owner of this cloud" in refused.stderr
    assert "down since" in servers.run("zone", "down", "us-east-1f", "--data", secure.data).stdout
    assert "down since" not in servers.run("zone", "up", "us-east-1f", "--data", secure.data).stdout


def test_flow_logs_tell_what_passed_and_what_did_not(cloud, lab, web):
    ec2, s3 = make_client(cloud.endpoint, "ec2"), make_client(cloud.endpoint, "s3")
    s3.create_bucket(Bucket="flows")
    made = ec2.create_flow_logs(
        ResourceIds=[lab.vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flows/vpc", MaxAggregationInterval=60,
    )
    assert made["Unsuccessful"] == []
    which, address = made["FlowLogIds"][0], web["PublicIpAddress"]
    s3.create_bucket(Bucket="columns")
    made = ec2.create_flow_logs(
        ResourceIds=[lab.vpc], ResourceType="VPC", TrafficType="REJECT", LogDestinationType="s3",
        LogDestination="arn:aws:s3:::columns", MaxAggregationInterval=60,
        DestinationOptions={"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": True},
    )
    assert made["Unsuccessful"] == []
    in_columns = made["FlowLogIds"][0]
    log = cloud.folder / "data" / "instances" / "flow-logs" / f"{which}.log"

    def minute_later():
        cloud.advance("61s")

    def recorded(ending):
        return log.exists() and any(line.endswith(ending) for line in log.read_text().splitlines())

    minute_later()
    minute_later()
    waited(lambda: recorded("OK") or recorded("NODATA"), 20, "the first interval")
    assert answers(address) and not answers(address, 9999)
    minute_later()
    minute_later()
    waited(lambda: recorded("REJECT OK"), 20, "the records")
    lines = [line.split() for line in log.read_text().splitlines()[1:]]
    card = web["NetworkInterfaces"][0]["NetworkInterfaceId"]
    seen = {(line[6], line[7], line[12]) for line in lines if line[2] == card and line[4] == web["PrivateIpAddress"]}
    assert ("22", "6", "ACCEPT") in seen and ("9999", "6", "REJECT") in seen

    def delivered():
        keys = [found["Key"] for found in s3.list_objects_v2(Bucket="flows").get("Contents", [])]
        bodies = [gzip.decompress(s3.get_object(Bucket="flows", Key=key)["Body"].read()).decode() for key in keys]
        assert all(key.startswith("vpc/AWSLogs/") and f"_{which}_" in key for key in keys)
        return any(" 9999 6 " in body and " REJECT OK" in body for body in bodies)

    waited(delivered, 20, "the delivery")
    shown = ec2.describe_flow_logs(FlowLogIds=[which])["FlowLogs"][0]
    assert (shown["FlowLogStatus"], shown["DeliverLogsStatus"]) == ("ACTIVE", "SUCCESS")
    ec2.delete_flow_logs(FlowLogIds=[which])

    def selected():
        """What S3 Select finds in the files of Parquet."""
        found = []
        for key in [one["Key"] for one in s3.list_objects_v2(Bucket="columns").get("Contents", [])]:
            assert "/aws-service=vpcflowlogs/" in key and "/hour=" in key and f"_{in_columns}_" in key, key
            answer = s3.select_object_content(
                Bucket="columns", Key=key, ExpressionType="SQL", InputSerialization={"Parquet": {}},
                Expression='SELECT s.interface_id, s.bytes, s."action" FROM S3Object s WHERE s.dstport = 9999',
                OutputSerialization={"CSV": {}},
            )
            found += [event["Records"]["Payload"].decode() for event in answer["Payload"] if "Records" in event]
        return "".join(found).splitlines()

    lines = waited(selected, 20, "the delivery in columns")
    assert all(line.startswith(f"{card},") and line.endswith(",REJECT") for line in lines), lines
    ec2.delete_flow_logs(FlowLogIds=[in_columns])


def test_what_a_killed_cloud_left_is_taken_away(cloud, web):
    cloud.process.kill()
    cloud.process.wait()
    left = [f"{cloud.names}{name}-0123456789abcdef0" for name in ("vpc", "nat", "tgw", "m-i")]
    for name in left:
        subprocess.run(["ip", "netns", "add", name], check=True)
    cloud.start()
    there = pathlib.Path("/run/netns")
    waited(lambda: not any((there / name).exists() for name in left), 20, "the clean-up")
    assert (there / f"{cloud.names}m-{web['InstanceId']}").exists()
    waited(lambda: answers(web["PublicIpAddress"]), 10, "the instance that is known")


def test_a_guest_sees_its_own_memory_and_processors(lab, web):
    address = web["PublicIpAddress"]
    total = int(lab.ssh(address, "grep MemTotal /proc/meminfo").split()[1])
    assert total == 1024 * 1024, "a t3.micro has one GiB"
    assert lab.ssh(address, "grep -c ^processor /proc/cpuinfo") == "2"
