"""The hands-on with root volumes and images, in real guests: an instance's root is a volume that outlives what happens to
the instance, and a configured instance is burnt into an image of which others are launched that are identical.

Needs root and a kernel that can hold machines and has FUSE and loop devices; elsewhere it is skipped and says what is
missing. Whoever syncs names what: sync without a name waits for every file system of the host.
"""

import os

import pytest
from botocore.exceptions import ClientError

from conftest import make_client
from ec2_lab import cloud, devices_of, ec2, lab, state, waited

PUBLIC_RANGE = "198.18.176.0/20"
COPIES = 3


@pytest.fixture(scope="module", autouse=True)
def block_devices():
    for needed in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(needed, os.W_OK):
            pytest.skip(f"volumes need {needed}")


@pytest.fixture(scope="module", autouse=True)
def no_device_left(cloud):
    yield
    ec2 = make_client(cloud.endpoint, "ec2")
    left = [one["InstanceId"] for one in instances(ec2)]
    if left:
        ec2.terminate_instances(InstanceIds=left)
        waited(lambda: not instances(ec2), 60, "termination")
    waited(lambda: devices_of(cloud) == [], 30, "what is terminated leaves no block device")


def instances(ec2):
    found = [one for reservation in ec2.describe_instances()["Reservations"] for one in reservation["Instances"]]
    return [one for one in found if one["State"]["Name"] != "terminated"]


def root_of(lab, instance):
    shown = lab.shown(instance)
    mappings = {one["DeviceName"]: one["Ebs"] for one in shown["BlockDeviceMappings"]}
    return mappings[shown["RootDeviceName"]]["VolumeId"]


def run(lab, instance, script, seconds=30):
    return lab.ssh(lab.shown(instance)["PublicIpAddress"], f"sudo sh -c '{script}'", seconds=seconds)


def stopped(ec2, instance):
    ec2.stop_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "stopped", 90, "the stop")


@pytest.fixture(scope="module")
def instance(lab):
    root = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3"}}
    made = lab.launch(lab.public, [lab.web], BlockDeviceMappings=[root])
    lab.running(made)
    return made


def test_an_instance_runs_from_its_root_volume(lab, ec2, instance):
    volume = ec2.describe_volumes(VolumeIds=[root_of(lab, instance)])["Volumes"][0]
    assert (volume["Size"], volume["VolumeType"], volume["State"]) == (9, "gp3", "in-use")
    image = ec2.describe_images(ImageIds=[lab.image()])["Images"][0]
    assert image["RootDeviceType"] == "ebs"
    snapshot = image["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    assert volume["SnapshotId"] == snapshot
    shown = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]
    assert (shown["VolumeSize"], shown["State"]) == (8, "completed")
    kib = int(run(lab, instance, "df -k / | tail -1 | tr -s \" \" | cut -d\" \" -f2"))
    assert kib > 8.5 * (1 << 20), "the file system has the volume's size, not the image's"
    assert "/dev/" in run(lab, instance, "grep \" / ext4\" /proc/mounts")


def test_a_root_volume_outlives_stop_kill_and_start(lab, ec2, cloud, instance):
    before = root_of(lab, instance)
    run(lab, instance, "echo kept > /root/file && sync -f /root/file")
    cloud.kill()
    cloud.start()
    assert run(lab, instance, "cat /root/file") == "kept"
    with pytest.raises(ClientError) as refused:
        ec2.detach_volume(VolumeId=before)
    assert refused.value.response["Error"]["Code"] == "OperationNotPermitted"
    ec2.reboot_instances(InstanceIds=[instance])
    waited(lambda: run(lab, instance, "cut -d. -f1 /proc/uptime") and run(lab, instance, "cat /root/file") == "kept", 60, "the reboot")
    stopped(ec2, instance)
    ec2.start_instances(InstanceIds=[instance])
    lab.running(instance)
    assert root_of(lab, instance) == before
    assert run(lab, instance, "cat /root/file") == "kept"


def test_a_root_volume_grows_with_the_next_start(lab, ec2, instance):
    stopped(ec2, instance)
    volume = root_of(lab, instance)
    ec2.modify_volume(VolumeId=volume, Size=11)
    waited(lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 11, 20, "the growth")
    ec2.start_instances(InstanceIds=[instance])
    lab.running(instance)
    kib = int(run(lab, instance, "df -k / | tail -1 | tr -s \" \" | cut -d\" \" -f2"))
    assert kib > 10.5 * (1 << 20)


def test_a_root_volume_is_exchanged_while_stopped(lab, ec2, instance):
    stopped(ec2, instance)
    root = root_of(lab, instance)
    ec2.detach_volume(VolumeId=root)
    ec2.get_waiter("volume_available").wait(VolumeIds=[root], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    with pytest.raises(ClientError) as refused:
        ec2.start_instances(InstanceIds=[instance])
    assert refused.value.response["Error"]["Code"] == "IncorrectInstanceState"
    ec2.attach_volume(VolumeId=root, InstanceId=instance, Device="/dev/xvda")
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[root], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    ec2.start_instances(InstanceIds=[instance])
    lab.running(instance)
    assert run(lab, instance, "cat /root/file") == "kept"
    # As at the launch: what is attached later stays unless somebody says otherwise.
    deleted = {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": True}}
    ec2.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[deleted])


def replaced(ec2, instance, **source):
    """Replaces the root of an instance that runs; the ids of the task."""
    made = ec2.create_replace_root_volume_task(InstanceId=instance, **source)["ReplaceRootVolumeTask"]
    task = made["ReplaceRootVolumeTaskId"]
    shown = lambda: ec2.describe_replace_root_volume_tasks(ReplaceRootVolumeTaskIds=[task])["ReplaceRootVolumeTasks"][0]
    waited(lambda: shown()["TaskState"] in ("succeeded", "failed", "failed-detached"), 120, "the replacement")
    assert shown()["TaskState"] == "succeeded"
    return task


def test_a_root_is_replaced_while_its_instance_runs(lab, ec2, instance):
    before = root_of(lab, instance)
    address = lab.shown(instance)["PublicIpAddress"]
    run(lab, instance, "echo precious > /root/replaced && sync -f /root/replaced")
    snapshot = ec2.create_snapshot(VolumeId=before)["SnapshotId"]
    ec2.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    # To its launch state: what was written since is gone from the root, and is there on the volume that was it.
    replaced(ec2, instance)
    lab.running(instance)
    assert lab.shown(instance)["PublicIpAddress"] == address
    assert root_of(lab, instance) != before
    assert run(lab, instance, "test -e /root/replaced || echo fresh") == "fresh"
    # To the snapshot, of a volume that was its root before.
    replaced(ec2, instance, SnapshotId=snapshot, DeleteReplacedRootVolume=True)
    lab.running(instance)
    assert run(lab, instance, "cat /root/replaced") == "precious"
    # To the volume that it began with.
    middle = root_of(lab, instance)
    replaced(ec2, instance, VolumeId=before, DeleteReplacedRootVolume=True)
    lab.running(instance)
    assert root_of(lab, instance) == before
    assert run(lab, instance, "cat /root/replaced; cat /root/file").split() == ["precious", "kept"]
    gone = lambda: middle not in [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]]
    waited(gone, 30, "the deletion of what was replaced")
    ec2.delete_snapshot(SnapshotId=snapshot)
    deleted = {"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": True}}
    ec2.modify_instance_attribute(InstanceId=instance, BlockDeviceMappings=[deleted])


def test_an_image_is_burnt_and_identical_instances_are_launched(lab, ec2, instance):
    run(lab, instance, "echo configured > /etc/burnt && sync -f /etc/burnt")
    image = ec2.create_image(InstanceId=instance, Name="golden")["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    assert state(ec2, instance) == "running"
    card = {"DeviceIndex": 0, "SubnetId": lab.public, "Groups": [lab.web], "AssociatePublicIpAddress": True}
    made = ec2.run_instances(
        ImageId=image, InstanceType="t3.micro", MinCount=COPIES, MaxCount=COPIES,
        KeyName=lab.key_name, NetworkInterfaces=[card],
    )["Instances"]
    for one in (one["InstanceId"] for one in made):
        lab.running(one)
        assert run(lab, one, "cat /etc/burnt /root/file") == "configured\nkept"
        assert run(lab, one, "hostname").startswith(lab.shown(one)["PrivateDnsName"].split(".")[0])
    snapshot = ec2.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"]
    with pytest.raises(ClientError) as refused:
        ec2.delete_snapshot(SnapshotId=snapshot)
    assert refused.value.response["Error"]["Code"] == "InvalidSnapshot.InUse"
    # What is deregistered leaves a snapshot behind, of which an image can be registered again.
    ec2.deregister_image(ImageId=image)
    mapping = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    again = ec2.register_image(
        Name="golden-again", RootDeviceName="/dev/xvda", BlockDeviceMappings=[mapping],
        VirtualizationType="hvm", Architecture=lab.shown(instance)["Architecture"],
    )["ImageId"]
    other = ec2.run_instances(
        ImageId=again, InstanceType="t3.micro", MinCount=1, MaxCount=1,
        KeyName=lab.key_name, NetworkInterfaces=[card],
    )["Instances"][0]["InstanceId"]
    lab.running(other)
    assert run(lab, other, "cat /etc/burnt") == "configured"
    done = ec2.deregister_image(ImageId=again, DeleteAssociatedSnapshots=True)
    assert [one["ReturnCode"] for one in done["DeleteSnapshotResults"]] == ["success"]
    assert run(lab, other, "cat /etc/burnt") == "configured", "its volume needs no image"


def test_an_image_is_copied_to_another_region_and_encrypted(lab, ec2, cloud, instance):
    image = ec2.create_image(InstanceId=instance, Name="to-copy", NoReboot=True)["ImageId"]
    ec2.get_waiter("image_available").wait(ImageIds=[image], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    there = make_client(cloud.endpoint, "ec2", region_name="eu-west-1")
    copied = there.copy_image(Name="copied", SourceImageId=image, SourceRegion="us-east-1", Encrypted=True)["ImageId"]
    there.get_waiter("image_available").wait(ImageIds=[copied], WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    ebs = there.describe_images(ImageIds=[copied])["Images"][0]["BlockDeviceMappings"][0]["Ebs"]
    assert ebs["Encrypted"] is True
    made = there.run_instances(ImageId=copied, InstanceType="t3.micro", MinCount=1, MaxCount=1)["Instances"][0]
    running = lambda: state(there, made["InstanceId"]) == "running"
    waited(running, 120, "the launch there")
    there.terminate_instances(InstanceIds=[made["InstanceId"]])
    waited(lambda: state(there, made["InstanceId"]) == "terminated", 60, "termination")
