"""The hands-on with disks, in real guests: a volume outlives its instance, a snapshot is of its moment, a zone is lost.

Needs root and a kernel that can hold machines and has FUSE and loop devices; elsewhere it is skipped and says what is
missing. Whoever syncs names what: sync without a name waits for every file system of the host.
"""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from ec2_lab import cloud, devices_of, ec2, lab, state, waited

PUBLIC_RANGE = "198.18.160.0/20"
GIB = 1 << 30


@pytest.fixture(scope="module", autouse=True)
def block_devices():
    for needed in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(needed, os.W_OK):
            pytest.skip(f"volumes need {needed}")


@pytest.fixture(scope="module", autouse=True)
def no_device_left(cloud):
    yield
    assert devices_of(cloud) == [], "what is detached is no block device any more"


def volume(ec2, zone, size=1, **more):
    made = ec2.create_volume(AvailabilityZone=zone, Size=size, **more)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    return made


def attached(ec2, made, instance, device="/dev/sdf"):
    ec2.attach_volume(VolumeId=made, InstanceId=instance["InstanceId"], Device=device)
    ec2.get_waiter("volume_in_use").wait(VolumeIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    shown = lambda: ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["Attachments"][0]["State"]
    waited(lambda: shown() == "attached", 10, "the attachment")


def detached(ec2, made, **more):
    ec2.detach_volume(VolumeId=made, **more)
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def completed(ec2, snapshot):
    ec2.get_waiter("snapshot_completed").wait(
        SnapshotIds=[snapshot], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


@pytest.fixture(scope="module")
def instance(lab):
    return lab.running(lab.launch(lab.public, [lab.web]))


@pytest.fixture(scope="module")
def zone(instance):
    return instance["Placement"]["AvailabilityZone"]


def run(lab, instance, script, seconds=30):
    return lab.ssh(instance["PublicIpAddress"], f"sudo sh -c '{script}'", seconds=seconds)


def test_a_volume_outlives_its_instance_and_a_snapshot_is_of_its_moment(lab, ec2, instance, zone):
    made = volume(ec2, zone)
    attached(ec2, made, instance)
    run(lab, instance, "mkfs.ext4 -q /dev/xvdf && mkdir -p /data && mount /dev/xvdf /data")
    run(lab, instance, "echo before > /data/file && sync -f /data/file")
    snapshot = ec2.create_snapshot(VolumeId=made)["SnapshotId"]
    run(lab, instance, "echo after > /data/file && sync -f /data/file")
    completed(ec2, snapshot)
    # The instance fails; its volume goes to the replacement.
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.get_waiter("volume_available").wait(VolumeIds=[made], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    standby = lab.running(lab.launch(lab.public, [lab.web]))
    attached(ec2, made, standby)
    assert run(lab, standby, "mkdir -p /data && mount /dev/xvdf /data && cat /data/file") == "after"
    restored = volume(ec2, zone, SnapshotId=snapshot)
    attached(ec2, restored, standby, "/dev/sdg")
    assert run(lab, standby, "mkdir -p /then && mount /dev/xvdg /then && cat /then/file") == "before"
    # Mounted is in use; by force it goes anyway.
    run(lab, standby, "umount /then")
    detached(ec2, restored)
    ec2.delete_volume(VolumeId=restored)
    instance.clear()
    instance.update(standby)


def test_a_volume_grows_and_keeps_what_it_holds(lab, ec2, instance, zone):
    made = volume(ec2, zone)
    attached(ec2, made, instance, "/dev/sdh")
    run(lab, instance, "mkfs.ext4 -q /dev/xvdh && mkdir -p /more && mount /dev/xvdh /more && echo kept > /more/file")
    ec2.modify_volume(VolumeId=made, Size=2)
    size = lambda: int(run(lab, instance, "blockdev --getsize64 /dev/xvdh"))
    waited(lambda: size() == 2 * GIB, 20, "the larger device")
    # Growing ext4 while it is mounted needs a capability that not every host has.
    run(lab, instance, "umount /more && fsck.ext4 -fp /dev/xvdh; resize2fs /dev/xvdh && mount /dev/xvdh /more")
    assert int(run(lab, instance, "df -k /more | tail -1 | tr -s \" \" | cut -d\" \" -f2")) > 1_500_000
    assert run(lab, instance, "cat /more/file") == "kept"
    run(lab, instance, "umount /more")
    detached(ec2, made)
    ec2.delete_volume(VolumeId=made)


def test_a_file_system_goes_on_when_the_daemon_is_killed(lab, ec2, cloud, instance, zone):
    made = volume(ec2, zone)
    attached(ec2, made, instance, "/dev/sdi")
    run(lab, instance, "mkfs.ext4 -q /dev/xvdi && mkdir -p /live && mount /dev/xvdi /live")
    script = (
        "for n in 1 2 3 4 5 6 7 8; do dd if=/dev/urandom of=/live/\\$n bs=1M count=8 2>/dev/null; "
        "sync /live/\\$n; sha256sum /live/\\$n >> /root/sums; sleep 0.2; done; echo done > /root/sums.done"
    )
    lab.ssh(instance["PublicIpAddress"], f"sudo sh -c \"({script}) >/dev/null 2>&1 &\"")
    killed = 0
    for _ in range(3):
        time.sleep(0.5)
        for process in daemons(cloud):
            os.kill(process, signal.SIGKILL)
            killed += 1
    assert killed, "there was a daemon to kill"
    waited(lambda: run(lab, instance, "cat /root/sums.done 2>/dev/null || true") == "done", 60, "the writer's end")
    assert "FAILED" not in run(lab, instance, "sha256sum -c /root/sums")
    run(lab, instance, "umount /live && fsck.ext4 -fn /dev/xvdi")
    detached(ec2, made)
    ec2.delete_volume(VolumeId=made)


def test_a_volume_whose_processes_die_waits_for_its_owner(lab, ec2, cloud, instance, zone):
    made = volume(ec2, zone)
    attached(ec2, made, instance, "/dev/sdl")
    run(lab, instance, "mkfs.ext4 -q /dev/xvdl && mkdir -p /lost && mount /dev/xvdl /lost")
    # What is not synced is lost, as in a power cut.
    run(lab, instance, "echo synced > /lost/file && sync -f /lost/file && sync -f /")
    status = lambda: ec2.describe_volume_status(VolumeIds=[made])["VolumeStatuses"][0]
    assert status()["VolumeStatus"]["Status"] == "ok"
    # The one that starts others goes first.
    for process in daemons(cloud, "fb-block-holder") + daemons(cloud):
        os.kill(process, signal.SIGKILL)
    waited(lambda: status()["VolumeStatus"]["Status"] == "impaired", 20, "the impairment")
    shown = status()
    assert [event["EventType"] for event in shown["Events"]] == ["potential-data-inconsistency"]
    assert [action["Code"] for action in shown["Actions"]] == ["enable-volume-io"]
    # The instance starts from a volume too, which its owner enables first; then it starts again by itself.
    run_of = lambda: ec2.describe_volumes(Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}])
    for one in run_of()["Volumes"]:
        ec2.enable_volume_io(VolumeId=one["VolumeId"])
    waited(lambda: status()["VolumeStatus"]["Status"] == "ok", 20, "the recovery")
    script = "mkdir -p /lost && mount /dev/xvdl /lost && cat /lost/file"
    waited(lambda: run(lab, instance, script, seconds=60) == "synced", 60, "the instance's new start")
    run(lab, instance, "umount /lost")
    detached(ec2, made)
    ec2.delete_volume(VolumeId=made)


def daemons(cloud, called="fb-block-daemon"):
    """The processes that serve this cloud's volumes: by their name, and by the files that they have open."""
    found = []
    for name in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if name.read_text().strip() != called:
                continue
            files = [os.readlink(file) for file in (name.parent / "fd").iterdir()]
        except OSError:
            continue
        if any(file.startswith(str(cloud.folder)) for file in files):
            found.append(int(name.parent.name))
    return found


def test_volumes_survive_a_kill_of_the_cloud(lab, ec2, cloud, instance, zone):
    made = volume(ec2, zone)
    attached(ec2, made, instance, "/dev/sdj")
    run(lab, instance, "mkfs.ext4 -q /dev/xvdj && mkdir -p /safe && mount /dev/xvdj /safe && echo safe > /safe/file")
    cloud.kill()
    cloud.start()
    assert run(lab, instance, "cat /safe/file; echo more >> /safe/file && sync -f /safe/file && tail -1 /safe/file").endswith("more")
    run(lab, instance, "umount /safe")
    detached(ec2, made)
    ec2.delete_volume(VolumeId=made)


def test_an_encrypted_volume_needs_its_key(lab, ec2, cloud, instance, zone):
    made = volume(ec2, zone, Encrypted=True)
    attached(ec2, made, instance, "/dev/sdk")
    secret = "a-secret-that-nobody-finds-on-the-disk"
    run(lab, instance, f"echo {secret} > /dev/xvdk && sync /dev/xvdk")
    detached(ec2, made)
    found = subprocess.run(["grep", "-rlF", secret, str(cloud.folder / "data" / "disks")], capture_output=True, text=True)
    assert found.stdout == "", "the volume's file holds no plain text"
    attached(ec2, made, instance, "/dev/sdk")
    assert run(lab, instance, "head -c 38 /dev/xvdk") == secret
    detached(ec2, made)
    ec2.delete_volume(VolumeId=made)


def test_the_last_volume_is_detached_with_its_instance(lab, ec2, instance):
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    waited(lambda: state(ec2, instance["InstanceId"]) == "terminated", 60, "termination")
    volumes = lambda: ec2.describe_volumes()["Volumes"]
    waited(lambda: all(one["State"] == "available" for one in volumes()), 30, "detachment")
    for one in volumes():
        ec2.delete_volume(VolumeId=one["VolumeId"])
    waited(lambda: not volumes(), 30, "deletion")
