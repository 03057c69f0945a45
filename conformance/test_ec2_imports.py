"""Disks and images that come from S3 and go there: made with the tools of any host, brought in, and read block by block.

The journey is at the end: a disk made with dd and mkfs, mounted in a real guest. What needs a tool or the kernel is
skipped where that is missing, and says so.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import time

import pytest

from conftest import make_client
from ec2_lab import cloud, ec2, lab, waited
from expect import fails, name

PUBLIC_RANGE = "198.18.176.0/20"
MIB = 1 << 20
BLOCK = 512 << 10
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "vmie.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:Externalid": "vmimport"}},
        }
    ],
}


ROLE_ACTIONS = ("s3:GetBucketLocation", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload")


class Importer:
    """An account with a bucket and the role that the user guide asks for."""

    def __init__(self, endpoint, key="test"):
        self.ec2, self.s3, self.iam, self.ebs = (
            make_client(endpoint, service, key=key) for service in ("ec2", "s3", "iam", "ebs")
        )
        self.bucket = name(prefix="disks")
        self.s3.create_bucket(Bucket=self.bucket)

    def role(self, role="vmimport", actions=ROLE_ACTIONS):
        arns = [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": arns}],
        }
        self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
        self.iam.put_role_policy(RoleName=role, PolicyName="disks", PolicyDocument=json.dumps(policy))
        return self

    def upload(self, key, source):
        with open(source, "rb") as body:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def import_snapshot(self, key, form="raw", **more):
        container = {"Format": form, "UserBucket": {"S3Bucket": self.bucket, "S3Key": key}}
        return self.ec2.import_snapshot(DiskContainer=container, **more)["ImportTaskId"]

    def task(self, task):
        found = self.ec2.describe_import_snapshot_tasks(ImportTaskIds=[task])["ImportSnapshotTasks"]
        return found[0]["SnapshotTaskDetail"]

    def over(self, task, seconds=60):
        def ended():
            shown = self.task(task)
            return shown if shown["Status"] in ("completed", "deleted") else None

        return waited(ended, seconds, "the end of the import")

    def imported(self, key, form="raw", **more):
        done = self.over(self.import_snapshot(key, form, **more))
        assert done["Status"] == "completed", done
        return done

    def blocks(self, snapshot):
        """What a snapshot holds, by the numbers of its blocks."""
        listed = self.ebs.list_snapshot_blocks(SnapshotId=snapshot, MaxResults=1000)
        read = lambda one: self.ebs.get_snapshot_block(
            SnapshotId=snapshot, BlockIndex=one["BlockIndex"], BlockToken=one["BlockToken"]
        )["BlockData"].read()
        return {one["BlockIndex"]: read(one) for one in listed.get("Blocks", [])}


@pytest.fixture
def importer(server, account):
    return Importer(server.endpoint, account)


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory):
    """A cloud that keeps its disks in files: only there other formats are brought in."""
    import server as servers

    if os.geteuid() != 0 or shutil.which("qemu-img") is None:
        pytest.skip("other formats need root and qemu-img")
    running = servers.Server("--dev", "--data", str(tmp_path_factory.mktemp("imports") / "data")).start()
    try:
        yield Importer(running.endpoint).role()
    finally:
        running.kill()


@pytest.fixture
def raw(tmp_path):
    """A disk of three blocks and a bit, of which the second is empty."""
    path = tmp_path / "disk.raw"
    noise = random.Random(7).randbytes
    path.write_bytes(noise(BLOCK) + bytes(BLOCK) + noise(BLOCK) + noise(4096))
    return path


def qemu_img(*words):
    subprocess.run(["qemu-img", *map(str, words)], check=True, capture_output=True)


def same(blocks, raw):
    """Whether a snapshot holds a raw disk, and zeroes after it."""
    content = raw.read_bytes()
    whole = b"".join(blocks.get(index, bytes(BLOCK)) for index in range(len(content) // BLOCK + 1))
    return whole[: len(content)] == content and not any(whole[len(content) :])


def test_a_raw_disk_becomes_a_snapshot(importer, raw):
    importer.role().upload("disk.raw", raw)
    tags = [{"ResourceType": "import-snapshot-task", "Tags": [{"Key": "team", "Value": "red"}]}]
    task = importer.import_snapshot("disk.raw", Description="a disk", TagSpecifications=tags)
    assert task.startswith("import-snap-")
    done = importer.over(task)
    assert done["Status"] == "completed" and done["Format"] == "RAW" and not done["Encrypted"], done
    assert done["DiskImageSize"] == raw.stat().st_size
    assert done["UserBucket"] == {"S3Bucket": importer.bucket, "S3Key": "disk.raw"}
    shown = importer.ec2.describe_snapshots(SnapshotIds=[done["SnapshotId"]])["Snapshots"][0]
    assert (shown["State"], shown["VolumeSize"], shown["Progress"]) == ("completed", 1, "100%")
    blocks = importer.blocks(done["SnapshotId"])
    assert sorted(blocks) == [0, 2, 3] and same(blocks, raw)
    by_state = [{"Name": "task-state", "Values": ["completed"]}, {"Name": "tag:team", "Values": ["red"]}]
    listed = importer.ec2.describe_import_snapshot_tasks(Filters=by_state)["ImportSnapshotTasks"]
    assert [one["ImportTaskId"] for one in listed] == [task]


def test_a_url_names_the_object_as_well_and_the_snapshot_may_be_encrypted(importer, raw):
    importer.role("reader").upload("disk.raw", raw)
    container = {"Url": f"s3://{importer.bucket}/disk.raw"}
    asked = {"Encrypted": True, "RoleName": "reader"}
    done = importer.over(importer.ec2.import_snapshot(DiskContainer=container, **asked)["ImportTaskId"])
    assert done["Status"] == "completed" and done["Encrypted"], done
    shown = importer.ec2.describe_snapshots(SnapshotIds=[done["SnapshotId"]])["Snapshots"][0]
    assert shown["Encrypted"] and shown["KmsKeyId"] == done["KmsKeyId"]
    assert same(importer.blocks(done["SnapshotId"]), raw)


def test_without_a_role_that_trusts_the_service_nothing_is_read(importer, raw):
    importer.upload("disk.raw", raw)
    message = "The service role vmimport provided does not exist or does not have sufficient permissions"
    with fails("InvalidParameter", message):
        importer.import_snapshot("disk.raw")
    importer.iam.create_role(
        RoleName="vmimport",
        AssumeRolePolicyDocument=json.dumps(TRUST).replace("vmie.amazonaws.com", "ec2.amazonaws.com"),
    )
    with fails("InvalidParameter", message):
        importer.import_snapshot("disk.raw")
    importer.role("blind", actions=["s3:ListBucket"])
    failed = importer.over(importer.import_snapshot("disk.raw", RoleName="blind"))
    assert failed["Status"] == "deleted" and "403 Forbidden" in failed["StatusMessage"], failed


def test_requests_that_make_no_sense_are_refused(importer):
    importer.role()
    with fails("MissingParameter"):
        importer.ec2.import_snapshot()
    with fails("InvalidParameter"):
        importer.import_snapshot("disk", form="floppy")
    with fails("InvalidParameter"):
        importer.import_snapshot("disk", KmsKeyId="alias/aws/ebs")
    with fails("InvalidParameter"):
        importer.ec2.import_snapshot(DiskContainer={"Format": "raw", "Url": "https://example.com/disk"})
    with fails("InvalidConversionTaskId"):
        importer.ec2.describe_import_snapshot_tasks(ImportTaskIds=["import-snap-0123456789abcdef0"])
    with fails("InvalidConversionTaskId"):
        importer.ec2.cancel_import_task(ImportTaskId="import-snap-0123456789abcdef0")


def test_a_task_is_cancelled(on_disk, tmp_path):
    large = tmp_path / "large.raw"
    with open(large, "wb") as out:
        noise = random.Random(3).randbytes(MIB)
        for _ in range(192):
            out.write(noise)
    on_disk.upload("large.raw", large)
    task = on_disk.import_snapshot("large.raw")
    answer = on_disk.ec2.cancel_import_task(ImportTaskId=task, CancelReason="a mistake")
    assert (answer["ImportTaskId"], answer["PreviousState"], answer["State"]) == (task, "active", "deleting")
    over = on_disk.over(task)
    assert (over["Status"], over["StatusMessage"]) == ("deleted", "a mistake")
    assert "SnapshotId" not in over
    with fails("IncorrectState"):
        on_disk.ec2.cancel_import_task(ImportTaskId=task)


@pytest.mark.parametrize(
    "form, driver, options",
    [
        ("QCOW2", "qcow2", []),
        ("VMDK", "vmdk", ["-o", "subformat=streamOptimized"]),
        ("VMDK", "vmdk", ["-o", "subformat=monolithicSparse"]),
        ("VHD", "vpc", ["-o", "subformat=dynamic,force_size=on"]),
        ("VHD", "vpc", ["-o", "subformat=fixed,force_size=on"]),
    ],
)
def test_other_formats_hold_the_same_disk(on_disk, raw, tmp_path, form, driver, options):
    # Whole sectors and blocks of every format.
    with open(raw, "ab") as out:
        out.truncate(3 * MIB)
    packed = tmp_path / "packed"
    qemu_img("convert", "-f", "raw", "-O", driver, *options, raw, packed)
    on_disk.upload("packed", packed)
    done = on_disk.imported("packed", form)
    assert done["Format"] == form
    assert same(on_disk.blocks(done["SnapshotId"]), raw)
    # What it is, is found out where it is not said.
    container = {"UserBucket": {"S3Bucket": on_disk.bucket, "S3Key": "packed"}}
    found = on_disk.over(on_disk.ec2.import_snapshot(DiskContainer=container)["ImportTaskId"])
    assert (found["Status"], found["Format"]) == ("completed", form)


def test_files_that_are_no_disks_or_mean_harm_are_refused_with_a_reason(on_disk, raw, tmp_path):
    at = lambda file: tmp_path / file
    qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, at("good.qcow2"))
    at("cut.qcow2").write_bytes(at("good.qcow2").read_bytes()[:150_000])
    at("secret").write_bytes(b"s" * 65_536)
    qemu_img("create", "-f", "qcow2", "-b", at("secret"), "-F", "raw", at("child.qcow2"))
    qemu_img("create", "-f", "qcow2", at("huge.qcow2"), "17T")
    qemu_img("create", "-f", "vmdk", "-o", "subformat=monolithicFlat", at("flat.vmdk"), "1M")
    at("noise").write_bytes(random.Random(5).randbytes(MIB))
    at("empty").write_bytes(b"")
    snapshots = len(on_disk.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"])
    for file, form, why in [
        ("cut.qcow2", "qcow2", "cut off"),
        ("child.qcow2", "qcow2", "backing file"),
        ("huge.qcow2", "qcow2", "may have"),
        ("flat.vmdk", "vmdk", "name other files"),
        ("noise", "qcow2", "no qcow2"),
        ("noise", "vmdk", "no VMDK"),
        ("noise", "vhd", "no VHD"),
        ("empty", "raw", "empty"),
    ]:
        on_disk.upload(file, at(file))
        failed = on_disk.over(on_disk.import_snapshot(file, form))
        assert failed["Status"] == "deleted", (file, failed)
        assert failed["StatusMessage"].startswith("ClientError: Disk validation failed"), failed
        assert why in failed["StatusMessage"], failed
    assert len(on_disk.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]) == snapshots


def test_an_import_goes_on_after_the_cloud_was_killed(durable, tmp_path):
    running = durable()
    importer = Importer(running.endpoint).role()
    large = tmp_path / "large.raw"
    with open(large, "wb") as out:
        noise = random.Random(4).randbytes
        for _ in range(96):
            out.write(noise(MIB))
    importer.upload("large.raw", large)
    task = importer.import_snapshot("large.raw")
    time.sleep(random.Random().uniform(0.05, 0.8))
    running.kill()
    again = durable()
    importer.ec2, importer.ebs = make_client(again.endpoint, "ec2"), make_client(again.endpoint, "ebs")
    done = importer.over(task, seconds=120)
    assert done["Status"] == "completed", done
    assert same(importer.blocks(done["SnapshotId"]), large)


# ---- images ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A disk with one partition, on which there is something like a system."""
    if shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip("mkfs.ext4 is not installed")
    folder = tmp_path_factory.mktemp("root")
    tree, part, disk = folder / "tree", folder / "part", folder / "disk.raw"
    for path in ("sbin", "bin", "etc"):
        (tree / path).mkdir(parents=True)
    shutil.copy("/bin/true", tree / "sbin/init")
    shutil.copy("/bin/true", tree / "bin/sh")
    (tree / "etc/hostname").write_text("imported")
    with open(part, "wb") as out:
        out.truncate(32 * MIB)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-d", tree, part], check=True)
    # A table of the PC BIOS: one Linux partition, from the first MiB on.
    entry = bytes(4) + b"\x83" + bytes(3) + struct.pack("<II", MIB // 512, 32 * MIB // 512)
    with open(disk, "wb") as out:
        out.truncate(34 * MIB)
        out.seek(446)
        out.write(entry + bytes(48) + b"\x55\xaa")
        out.seek(MIB)
        out.write(part.read_bytes())
    return disk, part


def import_over(importer, task, seconds=60):
    def ended():
        shown = importer.ec2.describe_import_image_tasks(ImportTaskIds=[task])["ImportImageTasks"][0]
        return shown if shown["Status"] in ("completed", "deleted") else None

    return waited(ended, seconds, "the end of the import")


@pytest.fixture(scope="module")
def image(on_disk, root, tmp_path_factory):
    """An image of that disk, which came as a VMDK."""
    packed = tmp_path_factory.mktemp("packed") / "disk.vmdk"
    qemu_img("convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized", root[0], packed)
    on_disk.upload("disk.vmdk", packed)
    container = {"Format": "VMDK", "UserBucket": {"S3Bucket": on_disk.bucket, "S3Key": "disk.vmdk"}}
    task = on_disk.ec2.import_image(Description="web", DiskContainers=[container])["ImportTaskId"]
    done = import_over(on_disk, task)
    assert done["Status"] == "completed", done
    assert done["Architecture"] == "x86_64" and done["SnapshotDetails"][0]["Format"] == "VMDK"
    return done["ImageId"]


def root_snapshot(importer, image):
    shown = importer.ec2.describe_images(ImageIds=[image])["Images"][0]
    assert (shown["State"], shown["RootDeviceType"]) == ("available", "ebs")
    root = [one for one in shown["BlockDeviceMappings"] if one["DeviceName"] == shown["RootDeviceName"]]
    return root[0]["Ebs"]["SnapshotId"]


def test_the_root_of_an_imported_image_is_taken_out_of_its_partition(on_disk, root, image):
    assert same(on_disk.blocks(root_snapshot(on_disk, image)), root[1])


def test_a_disk_without_a_system_is_no_image(on_disk, raw):
    on_disk.upload("noise.raw", raw)
    container = {"Format": "RAW", "UserBucket": {"S3Bucket": on_disk.bucket, "S3Key": "noise.raw"}}
    failed = import_over(on_disk, on_disk.ec2.import_image(DiskContainers=[container])["ImportTaskId"])
    assert failed["Status"] == "deleted", failed
    assert "neither an ext4 file system nor a partition table" in failed["StatusMessage"], failed
    for wish, code in [({"Platform": "Windows"}, "UnsupportedOperation"), ({"Hypervisor": "kvm"}, "InvalidParameter")]:
        with fails(code):
            on_disk.ec2.import_image(DiskContainers=[container], **wish)
    with fails("MissingParameter"):
        on_disk.ec2.import_image()


@pytest.mark.parametrize("form, driver", [("RAW", "raw"), ("VMDK", "vmdk"), ("VHD", "vpc")])
def test_an_image_goes_out_as_a_disk_that_other_tools_read(on_disk, root, image, tmp_path, form, driver):
    location = {"S3Bucket": on_disk.bucket, "S3Prefix": "out/"}
    task = on_disk.ec2.export_image(ImageId=image, DiskImageFormat=form, S3ExportLocation=location)
    task = task["ExportImageTaskId"]

    def ended():
        shown = on_disk.ec2.describe_export_image_tasks(ExportImageTaskIds=[task])["ExportImageTasks"][0]
        return shown if shown["Status"] in ("completed", "deleted") else None

    done = waited(ended, 120, "the end of the export")
    assert done["Status"] == "completed", done
    packed, back = tmp_path / "packed", tmp_path / "back"
    on_disk.s3.download_file(on_disk.bucket, f"out/{task}.{form.lower()}", str(packed))
    qemu_img("convert", "-f", driver, "-O", "raw", packed, back)
    assert back.stat().st_size == 1024 * MIB
    with open(back, "rb") as read:
        assert read.read(32 * MIB) == root[1].read_bytes()
    with fails("InvalidParameter"):
        on_disk.ec2.cancel_export_task(ExportTaskId=task)


def test_an_export_is_cancelled(on_disk, image):
    location = {"S3Bucket": on_disk.bucket, "S3Prefix": "cancelled/"}
    task = on_disk.ec2.export_image(ImageId=image, DiskImageFormat="RAW", S3ExportLocation=location)
    on_disk.ec2.cancel_export_task(ExportTaskId=task["ExportImageTaskId"])
    asked = {"ExportImageTaskIds": [task["ExportImageTaskId"]]}
    state = lambda: on_disk.ec2.describe_export_image_tasks(**asked)["ExportImageTasks"][0]["Status"]
    waited(lambda: state() == "deleted", 30, "the end of the cancelled export")
    assert on_disk.s3.list_objects_v2(Bucket=on_disk.bucket, Prefix="cancelled/")["KeyCount"] == 0
    assert on_disk.s3.list_multipart_uploads(Bucket=on_disk.bucket).get("Uploads", []) == []
    with fails("InvalidExportTaskID.NotFound"):
        on_disk.ec2.cancel_export_task(ExportTaskId="export-ami-0123456789abcdef0")


def test_an_image_is_stored_as_an_object_and_comes_back(on_disk, root, image):
    key = on_disk.ec2.create_store_image_task(ImageId=image, Bucket=on_disk.bucket)["ObjectKey"]
    assert key == f"{image}.bin"

    def ended():
        shown = on_disk.ec2.describe_store_image_tasks(ImageIds=[image])["StoreImageTaskResults"][0]
        return shown if shown["StoreTaskState"] != "InProgress" else None

    done = waited(ended, 60, "the end of storing")
    assert (done["StoreTaskState"], done["ProgressPercentage"]) == ("Completed", 100), done
    head = on_disk.s3.head_object(Bucket=on_disk.bucket, Key=key)
    before = on_disk.ec2.describe_images(ImageIds=[image])["Images"][0]
    assert head["Metadata"]["ami-name"] == before["Name"] and head["ContentLength"] < 16 * MIB
    again = on_disk.ec2.create_restore_image_task(Bucket=on_disk.bucket, ObjectKey=key, Name="again")["ImageId"]
    on_disk.ec2.get_waiter("image_available").wait(ImageIds=[again], WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    after = on_disk.ec2.describe_images(ImageIds=[again])["Images"][0]
    for same_as in ("Description", "Architecture", "RootDeviceName", "RootDeviceType", "VirtualizationType"):
        assert after[same_as] == before[same_as]
    assert same(on_disk.blocks(root_snapshot(on_disk, again)), root[1])
    with fails("InvalidAMIName.Duplicate"):
        on_disk.ec2.create_restore_image_task(Bucket=on_disk.bucket, ObjectKey=key, Name="again")
    with fails("InvalidParameterValue"):
        on_disk.ec2.create_restore_image_task(Bucket=on_disk.bucket, ObjectKey="disk.vmdk", Name="other")


def test_a_bundle_is_refused_by_name(importer):
    with fails("UnsupportedOperation"):
        importer.ec2.register_image(Name="bundle", ImageLocation=f"{importer.bucket}/image.manifest.xml")


# ---- the journey ----------------------------------------------------------------------------


def test_a_disk_made_with_dd_and_mkfs_is_mounted_in_a_guest(lab, ec2, cloud, tmp_path):
    for needed in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(needed, os.W_OK):
            pytest.skip(f"volumes need {needed}")
    if shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin") is None:
        pytest.skip("mkfs.ext4 is not installed")
    tree, disk = tmp_path / "tree", tmp_path / "disk.raw"
    tree.mkdir()
    (tree / "letter").write_text("from another host")
    subprocess.run(["dd", "if=/dev/zero", f"of={disk}", "bs=1M", "count=0", "seek=64", "status=none"], check=True)
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-F", "-d", tree, disk], check=True)
    importer = Importer(cloud.endpoint).role()
    importer.upload("disk.raw", disk)
    snapshot = importer.imported("disk.raw")["SnapshotId"]
    instance = lab.running(lab.launch(lab.public, [lab.web]))
    zone = instance["Placement"]["AvailabilityZone"]
    volume = ec2.create_volume(AvailabilityZone=zone, SnapshotId=snapshot)["VolumeId"]
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    ec2.attach_volume(VolumeId=volume, InstanceId=instance["InstanceId"], Device="/dev/sdf")
    shown = lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Attachments"][0]["State"]
    waited(lambda: shown() == "attached", 20, "the attachment")
    run = lambda script: lab.ssh(instance["PublicIpAddress"], f"sudo sh -c '{script}'", seconds=30)
    assert run("mkdir -p /then && mount /dev/xvdf /then && cat /then/letter") == "from another host"
    run("echo and back > /then/answer && sync -f /then/answer && umount /then")
    ec2.detach_volume(VolumeId=volume)
    ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    ec2.delete_volume(VolumeId=volume)
