"""Spot fleets and capacity reservations, by boto3.

Machines need root and are run by the journey tests: fleets here ask for less than capacity costs, so that nothing is
launched, or for a capacity of nothing.
"""

import datetime
import json
import time

import pytest

from conftest import make_client
from expect import fails

IMAGE = "ami-0123456789abcdef0"
MISSING = "sfr-00000000-0000-0000-0000-000000000000"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "spotfleet.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


@pytest.fixture
def role(server, account):
    iam = make_client(server.endpoint, "iam", key=account, secret="test")
    made = iam.create_role(RoleName="spot-fleet", AssumeRolePolicyDocument=json.dumps(TRUST))
    return made["Role"]["Arn"]


def config(role, **given):
    return {
        "IamFleetRole": role,
        "TargetCapacity": 2,
        "SpotPrice": "0.001",
        "LaunchSpecifications": [{"ImageId": IMAGE, "InstanceType": "m5.large"}],
    } | given


def waited(question):
    for _ in range(100):
        if found := question():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen in time")


def test_a_spot_fleet_waits_below_the_price_is_changed_and_cancelled(ec2, role):
    tags = [{"ResourceType": "spot-fleet-request", "Tags": [{"Key": "team", "Value": "batch"}]}]
    fleet = ec2.request_spot_fleet(SpotFleetRequestConfig=config(role, TagSpecifications=tags))["SpotFleetRequestId"]
    assert fleet.startswith("sfr-")
    shown = lambda: ec2.describe_spot_fleet_requests(SpotFleetRequestIds=[fleet])["SpotFleetRequestConfigs"][0]
    waited(lambda: shown()["SpotFleetRequestState"] == "active" and shown().get("ActivityStatus") == "error")
    told = shown()
    assert told["Tags"] == [{"Key": "team", "Value": "batch"}]
    assert (told["SpotFleetRequestConfig"]["Type"], told["SpotFleetRequestConfig"]["AllocationStrategy"]) == (
        "maintain",
        "lowestPrice",
    )
    assert ec2.describe_spot_fleet_instances(SpotFleetRequestId=fleet)["ActiveInstances"] == []

    def history(**given):
        found = ec2.describe_spot_fleet_request_history(
            SpotFleetRequestId=fleet, StartTime="2020-01-01T00:00:00Z", **given
        )["HistoryRecords"]
        return [entry["EventInformation"]["EventSubType"] for entry in found]

    assert history() == ["submitted", "active", "launchSpecUnusable"]
    assert history(EventType="information") == ["launchSpecUnusable"]
    ec2.modify_spot_fleet_request(SpotFleetRequestId=fleet, TargetCapacity=0)
    waited(lambda: shown()["SpotFleetRequestState"] == "active" and shown().get("ActivityStatus") == "fulfilled")
    assert "modify_succeeded" in history()
    done = ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=[fleet, MISSING], TerminateInstances=True)
    states = [one["CurrentSpotFleetRequestState"] for one in done["SuccessfulFleetRequests"]]
    assert states == ["cancelled_terminating"]
    assert [one["Error"]["Code"] for one in done["UnsuccessfulFleetRequests"]] == ["fleetRequestIdDoesNotExist"]
    waited(lambda: shown()["SpotFleetRequestState"] == "cancelled")
    with fails("FleetNotInModifiableState"):
        ec2.modify_spot_fleet_request(SpotFleetRequestId=fleet, TargetCapacity=1)


def test_spot_fleets_are_told_page_by_page(ec2, role):
    empty = config(role, TargetCapacity=0)
    made = {ec2.request_spot_fleet(SpotFleetRequestConfig=empty)["SpotFleetRequestId"] for _ in range(3)}
    pages = ec2.get_paginator("describe_spot_fleet_requests").paginate(PaginationConfig={"PageSize": 2})
    found = [one["SpotFleetRequestId"] for page in pages for one in page["SpotFleetRequestConfigs"]]
    assert (len(found), set(found)) == (3, made)


@pytest.mark.parametrize(
    "given, code",
    [
        ({"IamFleetRole": "arn:aws:iam::000000000000:role/nobody"}, "InvalidSpotFleetRequestConfig"),
        ({"LaunchSpecifications": []}, "InvalidSpotFleetRequestConfig"),
        ({"Type": "instant"}, "InvalidSpotFleetRequestConfig"),
        ({"InstanceInterruptionBehavior": "hibernate"}, "UnsupportedOperation"),
        ({"LoadBalancersConfig": {"ClassicLoadBalancersConfig": {"ClassicLoadBalancers": [{"Name": "web"}]}}}, "UnsupportedOperation"),
    ],
)
def test_a_spot_fleet_that_cannot_be_is_refused(ec2, role, given, code):
    with fails(code):
        ec2.request_spot_fleet(SpotFleetRequestConfig=config(role, **given))


def test_spot_fleets_that_are_not_there(ec2):
    with fails("InvalidSpotFleetRequestId.NotFound"):
        ec2.describe_spot_fleet_instances(SpotFleetRequestId=MISSING)
    with fails("InvalidSpotFleetRequestId.Malformed"):
        ec2.describe_spot_fleet_requests(SpotFleetRequestIds=["sfr-1"])


def reserve(ec2, **given):
    asked = {"InstanceType": "m5.large", "InstancePlatform": "Linux/UNIX", "InstanceCount": 2} | given
    return ec2.create_capacity_reservation(**({"AvailabilityZone": "us-east-1a"} | asked))["CapacityReservation"]


def test_capacity_is_reserved_changed_and_given_back(ec2):
    tags = [{"ResourceType": "capacity-reservation", "Tags": [{"Key": "team", "Value": "web"}]}]
    made = reserve(ec2, TagSpecifications=tags)
    name = made["CapacityReservationId"]
    assert (made["State"], made["AvailableInstanceCount"], made["InstanceMatchCriteria"]) == ("active", 2, "open")
    found = ec2.describe_capacity_reservations(Filters=[{"Name": "instance-type", "Values": ["m5.*"]}])
    assert [one["CapacityReservationId"] for one in found["CapacityReservations"]] == [name]
    # The cloud's clock was turned by other tests.
    end = made["StartDate"] + datetime.timedelta(days=30)
    changed = ec2.modify_capacity_reservation(
        CapacityReservationId=name, InstanceCount=5, EndDate=end, EndDateType="limited"
    )
    assert changed["Return"] is True
    shown = lambda: ec2.describe_capacity_reservations(CapacityReservationIds=[name])["CapacityReservations"][0]
    assert (shown()["TotalInstanceCount"], shown()["EndDateType"]) == (5, "limited")
    assert ec2.cancel_capacity_reservation(CapacityReservationId=name)["Return"] is True
    assert (shown()["State"], shown()["AvailableInstanceCount"]) == ("cancelled", 0)
    with fails("IncorrectState"):
        ec2.cancel_capacity_reservation(CapacityReservationId=name)


def test_reservations_that_cannot_be_are_refused(ec2):
    with fails("InvalidCapacityReservationId.NotFound"):
        ec2.describe_capacity_reservations(CapacityReservationIds=["cr-00000000000000000"])
    with fails("InvalidParameterValue"):
        reserve(ec2, InstanceCount=0)
    with fails("UnsupportedOperation"):
        reserve(ec2, InstancePlatform="Windows")
