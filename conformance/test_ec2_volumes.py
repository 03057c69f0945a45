"""Volumes and snapshots: the control plane, with files behind it. Guests that mount them are the journey tests' affair."""

import time

import botocore.exceptions
import pytest

from conftest import make_client
from expect import fails


@pytest.fixture
def ec2(server, account):
    """An account of its own for each test."""
    client = make_client(server.endpoint, "ec2", key=account, secret="test")
    try:
        client.create_volume(AvailabilityZone="us-east-1a", Size=1, DryRun=True)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "DryRunOperation"
    return client


@pytest.fixture
def volume(ec2):
    try:
        made = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1, VolumeType="gp3")
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "Unsupported":
            pytest.skip(error.response["Error"]["Message"])
        raise
    ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]], WaiterConfig={"Delay": 1})
    return made["VolumeId"]


def test_a_volume_is_shown_with_what_its_type_gives_it(ec2, volume):
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    assert (shown["Size"], shown["Iops"], shown["Throughput"]) == (1, 3000, 125)
    assert shown["State"] == "available" and not shown["Encrypted"] and shown["Attachments"] == []
    status = ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"][0]
    assert status["VolumeStatus"]["Status"] == "ok"


@pytest.mark.parametrize(
    "code, wish",
    [
        ("InvalidParameterValue", {"Size": 70000}),
        ("InvalidParameterCombination", {"VolumeType": "gp2", "Iops": 100}),
        ("MissingParameter", {"VolumeType": "io2", "Size": 4}),
        ("UnsupportedOperation", {"VolumeType": "io2", "Iops": 100, "Size": 4, "MultiAttachEnabled": True}),
        ("InvalidZone.NotFound", {"AvailabilityZone": "us-east-1z"}),
    ],
)
def test_what_no_type_can_be_is_refused(ec2, volume, code, wish):
    with fails(code):
        ec2.create_volume(**({"AvailabilityZone": "us-east-1a", "Size": 1, "VolumeType": "gp3"} | wish))


def test_a_snapshot_becomes_a_volume_in_another_zone(ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume, Description="monday")["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    made = ec2.create_volume(AvailabilityZone="us-east-1b", SnapshotId=snapshot)
    assert (made["Size"], made["SnapshotId"]) == (1, snapshot)
    ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]], WaiterConfig={"Delay": 1})
    ec2.delete_snapshot(SnapshotId=snapshot)
    with fails("InvalidSnapshot.NotFound"):
        ec2.describe_snapshots(SnapshotIds=[snapshot])


def test_a_volume_grows_and_does_not_shrink(ec2, volume):
    ec2.modify_volume(VolumeId=volume, Size=3)
    for _ in range(50):
        change = ec2.describe_volumes_modifications(VolumeIds=[volume])["VolumesModifications"][0]
        if change["ModificationState"] != "modifying":
            break
        time.sleep(0.2)
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 3
    with fails("IncorrectModificationState"):
        ec2.modify_volume(VolumeId=volume, Size=4)


def test_encryption_by_default_holds_for_new_volumes(ec2, volume):
    ec2.enable_ebs_encryption_by_default()
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    made = ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)
    assert made["Encrypted"] and ":key/" in made["KmsKeyId"]


def test_a_deleted_volume_is_gone(ec2, volume):
    ec2.delete_volume(VolumeId=volume)
    ec2.get_waiter("volume_deleted").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})


def test_what_is_set_of_a_volume_reads_back(ec2, volume):
    ec2.modify_volume_attribute(VolumeId=volume, AutoEnableIO={"Value": True})
    shown = ec2.describe_volume_attribute(VolumeId=volume, Attribute="autoEnableIO")
    assert shown["AutoEnableIO"] == {"Value": True}
    ec2.enable_volume_io(VolumeId=volume)


def test_the_status_of_a_volume_says_what_is_to_be_done(ec2, volume):
    shown = ec2.describe_volume_status(VolumeIds=[volume])["VolumeStatuses"][0]
    assert (shown["VolumeStatus"]["Status"], shown["Events"], shown["Actions"]) == ("ok", [], [])
    asked = [{"Name": "action.code", "Values": ["enable-volume-io"]}]
    assert ec2.describe_volume_status(Filters=asked)["VolumeStatuses"] == []


def test_a_root_is_replaced_of_an_instance_that_is_there(ec2):
    for wish in ({}, {"SnapshotId": "snap-00000000000000000"}, {"VolumeId": "vol-00000000000000000"}):
        with fails("InvalidInstanceID.NotFound"):
            ec2.create_replace_root_volume_task(InstanceId="i-00000000000000000", **wish)
    with fails("InvalidParameterCombination"):
        ec2.create_replace_root_volume_task(
            InstanceId="i-00000000000000000", SnapshotId="snap-00000000000000000", VolumeId="vol-00000000000000000"
        )
    with fails("UnsupportedOperation"):
        ec2.create_replace_root_volume_task(InstanceId="i-00000000000000000", VolumeInitializationRate=150)
    assert ec2.describe_replace_root_volume_tasks()["ReplaceRootVolumeTasks"] == []
    with fails("InvalidReplaceRootVolumeTaskId.NotFound"):
        ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=["replacevol-00000000000000000"])
