"""Ways to buy a machine, by boto3: the market for spot capacity, reservations, and what a month would have cost.

Machines themselves need root and are run by the journey tests: what is bought here is never launched.
"""

import datetime
import json
import tempfile

import pytest

import server as servers
from conftest import make_client
from expect import fails

IMAGE = "ami-0123456789abcdef0"


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


def test_spot_prices_are_told_hour_by_hour_below_on_demand(ec2):
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=["m5.large"], ProductDescriptions=["Linux/UNIX"], StartTime=since, PaginationConfig={"PageSize": 10}
    )
    prices = [price for page in pages for price in page["SpotPriceHistory"]]
    assert {price["AvailabilityZone"] for price in prices} == {f"us-east-1{letter}" for letter in "abcdef"}
    assert all(0.02 <= float(price["SpotPrice"]) <= 0.096 for price in prices)
    assert len({(price["AvailabilityZone"], price["Timestamp"]) for price in prices}) == len(prices)


def test_placement_scores_go_from_one_to_ten(ec2):
    found = ec2.get_spot_placement_scores(
        InstanceTypes=["m5.large", "c5.large"], TargetCapacity=1, SingleAvailabilityZone=True
    )["SpotPlacementScores"]
    assert len(found) == 6 and all(1 <= one["Score"] <= 10 for one in found)


def test_a_request_waits_below_the_price_and_is_called_off(ec2):
    asked = ec2.request_spot_instances(
        SpotPrice="0.001", InstanceCount=2, LaunchSpecification={"ImageId": IMAGE, "InstanceType": "m5.large"},
        TagSpecifications=[{"ResourceType": "spot-instances-request", "Tags": [{"Key": "team", "Value": "batch"}]}],
    )["SpotInstanceRequests"]
    ids = [one["SpotInstanceRequestId"] for one in asked]
    waiter = lambda: ec2.describe_spot_instance_requests(Filters=[{"Name": "tag:team", "Values": ["batch"]}])
    states = {one["State"] for one in waiter()["SpotInstanceRequests"]}
    assert len(ids) == 2 and states == {"open"}
    cancelled = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=ids)["CancelledSpotInstanceRequests"]
    assert {one["State"] for one in cancelled} == {"cancelled"}
    codes = {one["Status"]["Code"] for one in waiter()["SpotInstanceRequests"]}
    assert codes == {"canceled-before-fulfillment"}
    with fails("InvalidSpotInstanceRequestID.NotFound"):
        ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=["sir-00000000"])
    with fails("UnsupportedOperation"):
        ec2.request_spot_instances(LaunchGroup="all", LaunchSpecification={"ImageId": IMAGE})


def test_a_reservation_is_found_and_bought(ec2):
    found = ec2.describe_reserved_instances_offerings(
        InstanceType="m5.large", OfferingClass="standard", OfferingType="No Upfront", MaxDuration=31_536_000,
        Filters=[{"Name": "scope", "Values": ["Region"]}],
    )["ReservedInstancesOfferings"]
    assert [one["RecurringCharges"] for one in found] == [[{"Amount": 0.061, "Frequency": "Hourly"}]]
    bought = ec2.purchase_reserved_instances_offering(
        ReservedInstancesOfferingId=found[0]["ReservedInstancesOfferingId"], InstanceCount=3
    )["ReservedInstancesId"]
    shown = ec2.describe_reserved_instances(ReservedInstancesIds=[bought])["ReservedInstances"][0]
    assert (shown["State"], shown["InstanceCount"], shown["Scope"]) == ("active", 3, "Region")
    assert (shown["End"] - shown["Start"]).days == 365


def test_a_month_by_the_clock_comes_to_what_the_prices_say():
    """Addresses and a reservation need no machines, so that this month can be told exactly anywhere."""
    with tempfile.TemporaryDirectory(prefix="fogbank-month-") as data:
        running = servers.Server("--dev", "--data", data)
        try:
            running.start()
            ec2 = make_client(running.endpoint, "ec2", key="test", secret="test")
            show = lambda *words: json.loads(servers.run("cost", "--json", "--data", data, *words).stdout)
            now = servers.run("clock", "show", "--data", data).stdout.split()[0]
            now = datetime.datetime.fromisoformat(now.replace("Z", "+00:00"))
            first = (now.replace(day=1, hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=32)).replace(day=1)
            ahead = int((first - now).total_seconds()) + 1
            servers.run("clock", "advance", f"{ahead}s", "--data", data)
            address = ec2.allocate_address()["AllocationId"]
            offer = ec2.describe_reserved_instances_offerings(
                InstanceType="t3.small", OfferingClass="standard", MaxDuration=31_536_000,
                Filters=[{"Name": "scope", "Values": ["Region"]}],
            )["ReservedInstancesOfferings"][0]
            ec2.purchase_reserved_instances_offering(
                ReservedInstancesOfferingId=offer["ReservedInstancesOfferingId"], InstanceCount=1
            )
            servers.run("clock", "advance", "10d", "--data", data)
            ec2.release_address(AllocationId=address)
            servers.run("clock", "advance", "10d", "--data", data)
            told = show("--month", first.strftime("%Y-%m"))
            costs = {line["item"]: float(line["cost"]) for line in told["lines"]}
            assert costs["address:public"] == pytest.approx(240 * 0.005, abs=0.01)
            assert costs["t3.small reservation, hourly"] == pytest.approx(480 * 0.013, abs=0.02)
            assert float(told["total"]) == pytest.approx(sum(costs.values()), abs=0.001)
            days = {line["group"] for line in show("--month", first.strftime("%Y-%m"), "--by", "day")["lines"]}
            assert len(days) in (20, 21)
        finally:
            running.kill()
