"""What is done with snapshots besides making them: shared, copied, locked, archived, restored fast."""

import pytest

from conftest import make_client
from expect import fails

OTHER = "210987654321"


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    return make_client(server.endpoint, "ec2", key=account, secret="test")


@pytest.fixture
def snapshot(ec2):
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    made = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    completed(ec2, made)
    return made


def completed(ec2, snapshot):
    ec2.get_waiter("snapshot_completed").wait(
        SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )


def test_a_snapshot_is_shared_and_no_longer(server, ec2, snapshot):
    other = make_client(server.endpoint, "ec2", key=OTHER, secret="test")
    with fails("InvalidSnapshot.NotFound"):
        other.describe_snapshots(SnapshotIds=[snapshot])
    change = {"SnapshotId": snapshot, "Attribute": "createVolumePermission", "UserIds": [OTHER]}
    ec2.modify_snapshot_attribute(**change, OperationType="add")
    shown = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    assert shown["CreateVolumePermissions"] == [{"UserId": OTHER}]
    assert len(other.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]) == 1
    ec2.reset_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    with fails("InvalidSnapshot.NotFound"):
        other.describe_snapshots(SnapshotIds=[snapshot])


def test_a_copy_in_another_region_is_a_snapshot_of_its_own(server, account, ec2, snapshot):
    there = make_client(server.endpoint, "ec2", key=account, secret="test", region="eu-west-1")
    copy = there.copy_snapshot(SourceRegion="us-east-1", SourceSnapshotId=snapshot, Description="far")["SnapshotId"]
    completed(there, copy)
    ec2.delete_snapshot(SnapshotId=snapshot)
    shown = there.describe_snapshots(SnapshotIds=[copy])["Snapshots"][0]
    assert (shown["Description"], shown["VolumeSize"]) == ("far", 1)


def test_a_locked_snapshot_stays(ec2, snapshot):
    ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=1)
    shown = ec2.describe_locked_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    assert (shown["LockState"], shown["LockDuration"]) == ("governance", 1)
    with fails("OperationNotPermitted"):
        ec2.delete_snapshot(SnapshotId=snapshot)
    ec2.unlock_snapshot(SnapshotId=snapshot)
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_a_snapshot_goes_to_the_archive_and_back(ec2, snapshot):
    ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
    found = ec2.describe_snapshot_tier_status(Filters=[{"Name": "snapshot-id", "Values": [snapshot]}])
    assert [one["SnapshotId"] for one in found["SnapshotTierStatuses"]] == [snapshot]


def test_fast_restores_are_switched_on_and_off(ec2, snapshot):
    zone = {"AvailabilityZones": ["us-east-1a"], "SourceSnapshotIds": [snapshot]}
    assert ec2.enable_fast_snapshot_restores(**zone)["Successful"][0]["SnapshotId"] == snapshot
    found = ec2.describe_fast_snapshot_restores(Filters=[{"Name": "snapshot-id", "Values": [snapshot]}])
    assert found["FastSnapshotRestores"][0]["AvailabilityZone"] == "us-east-1a"
    assert ec2.disable_fast_snapshot_restores(**zone)["Successful"][0]["SnapshotId"] == snapshot
