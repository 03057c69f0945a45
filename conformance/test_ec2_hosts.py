"""Dedicated Hosts, by boto3. Machines themselves need root: what comes to hosts is in the tests of the service."""

import pytest

from conftest import make_client
from expect import fails


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


def allocate(ec2, **given):
    asked = {"AvailabilityZone": "us-east-1a", "Quantity": 1} | given
    return ec2.allocate_hosts(**asked)["HostIds"]


def test_hosts_are_allocated_changed_and_released(ec2):
    tags = [{"ResourceType": "dedicated-host", "Tags": [{"Key": "team", "Value": "licences"}]}]
    ids = allocate(ec2, InstanceType="m5.4xlarge", Quantity=2, TagSpecifications=tags, HostRecovery="on")
    shown = lambda **given: ec2.describe_hosts(**given)["Hosts"]
    found = shown(Filter=[{"Name": "tag:team", "Values": ["licences"]}])
    assert {one["HostId"] for one in found} == set(ids) and len(ids) == 2
    host = found[0]
    assert (host["State"], host["AutoPlacement"], host["HostRecovery"]) == ("available", "off", "on")
    # "you can launch up to 6 instances on that host"
    assert host["AvailableCapacity"]["AvailableInstanceCapacity"] == [
        {"InstanceType": "m5.4xlarge", "TotalCapacity": 6, "AvailableCapacity": 6}
    ]
    assert (host["HostProperties"]["Cores"], host["HostProperties"]["TotalVCpus"]) == (48, 96)
    ec2.create_tags(Resources=ids[:1], Tags=[{"Key": "rack", "Value": "1"}])
    assert {tag["Key"] for tag in shown(HostIds=ids[:1])[0]["Tags"]} == {"team", "rack"}
    other = "h-00000000000000000"
    changed = ec2.modify_hosts(HostIds=[ids[0], other], InstanceFamily="m5", AutoPlacement="on")
    assert changed["Successful"] == ids[:1]
    assert [(one["ResourceId"], one["Error"]["Code"]) for one in changed["Unsuccessful"]] == [
        (other, "Client.InvalidHostID.NotFound")
    ]
    sizes = shown(HostIds=ids[:1])[0]["AvailableCapacity"]["AvailableInstanceCapacity"]
    assert {"m5.large", "m5.24xlarge"} <= {size["InstanceType"] for size in sizes}
    assert [one["HostId"] for one in shown(Filter=[{"Name": "auto-placement", "Values": ["on"]}])] == ids[:1]
    released = ec2.release_hosts(HostIds=ids)
    assert (sorted(released["Successful"]), released["Unsuccessful"]) == (sorted(ids), [])
    assert {one["State"] for one in shown(HostIds=ids)} == {"released"}


def test_hosts_that_cannot_be_are_refused(ec2):
    with fails("InvalidHostID.NotFound"):
        ec2.describe_hosts(HostIds=["h-00000000000000000"])
    with fails("InvalidHostID.Malformed"):
        ec2.release_hosts(HostIds=["host"])
    with fails("InvalidHostConfiguration"):
        allocate(ec2, InstanceFamily="t3")
    with fails("InvalidInstanceFamily"):
        allocate(ec2, InstanceFamily="x0")
    with fails("InvalidParameterCombination"):
        allocate(ec2, InstanceFamily="m5", InstanceType="m5.large")
    with fails("UnsupportedOperation"):
        allocate(ec2, InstanceFamily="m5", OutpostArn="arn:aws:outposts:us-east-1:000000000000:outpost/op-1")
