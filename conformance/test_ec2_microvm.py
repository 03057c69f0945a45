"""Instances with a kernel of their own (driver microvm), under emulation: what the sandbox's guests have, they have too."""

import errno
import pathlib
import platform
import shutil
import socket

import pytest

from conftest import make_client
from ec2_lab import Lab, cloud_with_machines, state, waited

PUBLIC_RANGE = "198.18.208.0/22"

# A guest's processor is emulated: it takes ten times as long as the host's, and more where others work beside it.
SECONDS = 240

MARK = "#!/bin/sh\necho $(uname -r) > /first-boot\n"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    if platform.machine() != "x86_64":
        pytest.skip("virtual machines are for x86_64 only")
    if shutil.which("apt-get") is None:
        pytest.skip("QEMU and its guests' kernel come from Debian's packages")
    for needed in ("/dev/fuse", "/dev/loop-control", "/dev/net/tun"):
        if not pathlib.Path(needed).exists():
            pytest.skip(f"virtual machines need {needed}")
    with cloud_with_machines(tmp_path_factory, PUBLIC_RANGE, driver="microvm") as running:
        yield running


def emulators(instance):
    """The host's processes that are QEMU for this instance: its address is in their words."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"qemu-system" in words and instance["NetworkInterfaces"][0]["MacAddress"].encode() in words:
                found.append(folder)
    return found


def answer(address, port):
    with socket.socket() as asked:
        asked.settimeout(5)
        return asked.connect_ex((address, port))


def status_of(ec2, instance):
    found = ec2.describe_instance_status(InstanceIds=[instance])["InstanceStatuses"]
    return found and found[0]["InstanceStatus"]["Status"]


def test_an_instance_with_a_kernel_of_its_own_lives_as_any(cloud):
    ec2 = make_client(cloud.endpoint, "ec2")
    lab = Lab(ec2, cloud.folder, cidr="10.58")
    instance = lab.launch(lab.public, [lab.web], user_data=MARK)
    shown = lab.running(instance)
    address = shown["PublicIpAddress"]

    # SSH with the launch's key, through the security group, into another kernel than the host's.
    kernel = lab.ssh(address, "cat /first-boot; uname -r", SECONDS).split()
    assert kernel == [kernel[0]] * 2 and "cloud" in kernel[0] and kernel[0] != platform.release()

    # QEMU is nobody of the host's, without a capability over it, behind a filter.
    (process,) = emulators(shown)
    about = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert int(about["Uid"].split()[0]) >= 0x4000_0000
    assert about["NoNewPrivs"] == "1" and about["Seccomp"] == "2"

    # Metadata and names, from inside.
    metadata = (
        "T=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token);"
        "curl -s -H \"X-aws-ec2-metadata-token: $T\" http://169.254.169.254/latest/meta-data/instance-id;"
        "echo; nslookup sqs.us-east-1.amazonaws.com | grep -c Address"
    )
    told = lab.ssh(address, metadata, SECONDS).split()
    assert told[0] == instance and int(told[1]) >= 1

    # The security group decides what arrives: the guest itself refuses the one port, and never hears of the other.
    assert answer(address, 80) == errno.ECONNREFUSED
    assert answer(address, 81) == errno.EAGAIN
    lab.ssh(address, "echo kept | sudo tee /kept >/dev/null; sync -f /kept", SECONDS)
    waited(lambda: status_of(ec2, instance) == "ok", SECONDS, "a status check that the guest answers")

    # Fogbank goes, by force, and comes back; the machine goes on.
    boot = lab.ssh(address, "cat /proc/sys/kernel/random/boot_id", SECONDS)
    cloud.kill()
    cloud.start()
    ec2 = lab.ec2 = make_client(cloud.endpoint, "ec2")
    assert lab.ssh(address, "cat /proc/sys/kernel/random/boot_id", SECONDS) == boot

    # Stopped by its own init, started again from the same disk.
    ec2.stop_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "stopped", SECONDS, "the stop")
    assert not emulators(shown)
    ec2.start_instances(InstanceIds=[instance])
    shown = lab.running(instance)
    assert lab.ssh(shown["PublicIpAddress"], "cat /kept", SECONDS) == "kept"

    ec2.terminate_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "terminated", SECONDS, "the end")
    assert not emulators(shown)


def volume_for(ec2, instance, device):
    """A volume beside the instance, attached while that runs."""
    zone = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["Placement"]
    volume = ec2.create_volume(AvailabilityZone=zone["AvailabilityZone"], Size=1)["VolumeId"]
    waited(lambda: volume_state(ec2, volume)[0] == "available", 30, "the volume")
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
    waited(lambda: volume_state(ec2, volume)[1] == ["attached"], 60, "the attachment")
    return volume


def volume_state(ec2, volume):
    shown = ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]
    return shown["State"], [attachment["State"] for attachment in shown["Attachments"]]


def test_volumes_and_interfaces_come_and_go_while_it_runs(cloud):
    ec2 = make_client(cloud.endpoint, "ec2")
    lab = Lab(ec2, cloud.folder, cidr="10.59")
    instance = lab.launch(lab.public, [lab.web])
    address = lab.running(instance)["PublicIpAddress"]

    def guest(command):
        return lab.ssh(address, command, SECONDS)

    boot = guest("cat /proc/sys/kernel/random/boot_id")

    # A volume is there at once, under its name and its id, and keeps what the guest writes.
    volume = volume_for(ec2, instance, "/dev/sdf")
    by_id = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"
    shown = guest(f"readlink -f /dev/xvdf; readlink -f {by_id}").split()
    assert shown == [shown[0]] * 2 and shown[0].startswith("/dev/vd")
    guest(f"sudo mke2fs -q {by_id} && sudo mkdir /data && sudo mount /dev/xvdf /data")
    guest("echo kept | sudo tee /data/file >/dev/null; sync -f /data/file")

    # An interface too, with its address, and a route of its own back.
    made = ec2.create_network_interface(SubnetId=lab.public, Groups=[lab.web])["NetworkInterface"]
    second, private = made["NetworkInterfaceId"], made["PrivateIpAddress"]
    attachment = ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=1)
    waited(lambda: f" {private}/" in guest("/sbin/ip -4 address show dev eth1 2>&1"), SECONDS, "the interface")
    assert guest("cat /sys/class/net/eth1/address") == made["MacAddress"]
    elastic = ec2.allocate_address()
    public = ec2.associate_address(AllocationId=elastic["AllocationId"], NetworkInterfaceId=second)
    assert lab.ssh(elastic["PublicIp"], "cat /data/file", SECONDS) == "kept"

    # A guest that restarts by itself finds both again, without a word of the host's before.
    guest("sudo reboot")
    waited(lambda: guest("cat /proc/sys/kernel/random/boot_id") != boot, SECONDS, "the restart")
    assert guest("sudo mount /dev/xvdf /data; cat /data/file") == "kept"
    assert lab.ssh(elastic["PublicIp"], "cat /data/file", SECONDS) == "kept"
    waited(lambda: guest(f"readlink -f {by_id}").startswith("/dev/vd"), SECONDS, "the name by id")

    # What the guest has mounted stays, and goes as soon as the guest lets go of it.
    ec2.detach_volume(VolumeId=volume)
    waited(lambda: volume_state(ec2, volume)[1] == ["busy"], SECONDS, "the refusal")
    assert guest("cat /data/file") == "kept"
    guest("sudo umount /data")
    waited(lambda: volume_state(ec2, volume) == ("available", []), SECONDS, "the detachment")
    assert guest("ls /dev/xvdf /sys/block/vdb 2>&1 | grep -c 'No such'") == "2"

    # By force, the guest is not asked.
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/sdg")
    waited(lambda: volume_state(ec2, volume)[1] == ["attached"], SECONDS, "the attachment")
    guest("sudo mount /dev/xvdg /data")
    ec2.detach_volume(VolumeId=volume, Force=True)
    waited(lambda: volume_state(ec2, volume) == ("available", []), SECONDS, "the detachment by force")
    ec2.delete_volume(VolumeId=volume)

    ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])
    waited(lambda: guest("ls /sys/class/net").split() == ["eth0", "lo"], SECONDS, "the interface's end")
    ec2.disassociate_address(AssociationId=public["AssociationId"])
    ec2.release_address(AllocationId=elastic["AllocationId"])

    # What came while it ran is there after a stop and a start, which begin with another QEMU.
    volume = volume_for(ec2, instance, "/dev/sdh")
    ec2.stop_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "stopped", SECONDS, "the stop")
    ec2.start_instances(InstanceIds=[instance])
    address = lab.running(instance)["PublicIpAddress"]
    assert guest("readlink -f /dev/xvdh").startswith("/dev/vd")
    ec2.terminate_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "terminated", SECONDS, "the end")
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_network_interface(NetworkInterfaceId=second)


# Debian's own images.
DEBIAN = "136693071363"


def test_debian_has_its_kernel_and_its_devices_come_and_go(cloud):
    ec2 = make_client(cloud.endpoint, "ec2")
    lab = Lab(ec2, cloud.folder, cidr="10.60")
    (image,) = ec2.describe_images(Owners=[DEBIAN])["Images"]
    lab.image = lambda: image["ImageId"]
    instance = lab.launch(lab.public, [lab.web])
    # The image is made of Debian's packages first.
    waited(lambda: state(ec2, instance) != "pending", 2 * SECONDS, "the image and the launch")
    address = lab.running(instance)["PublicIpAddress"]

    def guest(command):
        return lab.ssh(address, command, SECONDS)

    first, kernel, system = guest("cat /proc/1/comm; uname -r; . /etc/os-release; echo $VERSION_CODENAME").split()
    assert first == "systemd" and "cloud" in kernel and system == "bookworm"
    waited(lambda: status_of(ec2, instance) == "ok", SECONDS, "a status check that the guest answers")

    volume = volume_for(ec2, instance, "/dev/sdf")
    guest("sudo mkfs.ext4 -q /dev/xvdf && sudo mount /dev/xvdf /mnt")
    made = ec2.create_network_interface(SubnetId=lab.public, Groups=[lab.web])["NetworkInterface"]
    ec2.attach_network_interface(
        NetworkInterfaceId=made["NetworkInterfaceId"], InstanceId=instance, DeviceIndex=1
    )
    waited(lambda: made["PrivateIpAddress"] in guest("cat /proc/net/fib_trie"), SECONDS, "the interface")
    ec2.detach_volume(VolumeId=volume)
    waited(lambda: volume_state(ec2, volume)[1] == ["busy"], SECONDS, "the refusal")
    guest("sudo umount /mnt")
    waited(lambda: volume_state(ec2, volume) == ("available", []), SECONDS, "the detachment")

    # Its systemd shuts down, and so unmounts: nobody cuts its power.
    ec2.stop_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "stopped", SECONDS, "the stop")
    ec2.terminate_instances(InstanceIds=[instance])
    waited(lambda: state(ec2, instance) == "terminated", SECONDS, "the end")
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
