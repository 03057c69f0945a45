"""Recycle Bin: what rules retain comes back, and the rules themselves."""

import botocore.exceptions
import pytest

import server as servers
from conftest import make_client
from ec2_lab import waited

MISSING = "aaaaaaaaaaa"
MISSING_ARN = f"arn:aws:rbin:us-east-1:000000000000:rule/{MISSING}"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    running = servers.Server("--dev", "--data", str(tmp_path_factory.mktemp("rbin") / "data")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def rbin(cloud):
    return make_client(cloud.endpoint, "rbin")


@pytest.fixture(scope="module")
def ec2(cloud):
    return make_client(cloud.endpoint, "ec2")


def days(count):
    return {"RetentionPeriodValue": count, "RetentionPeriodUnit": "DAYS"}


def delay(count):
    return {"UnlockDelay": {"UnlockDelayValue": count, "UnlockDelayUnit": "DAYS"}}


def refused(call, **parameters):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**parameters)
    response = error.value.response
    return response["Error"]["Code"], response.get("Reason")


def test_a_rule_reads_back_and_changes(rbin):
    made = rbin.create_rule(
        RetentionPeriod=days(14), ResourceType="EBS_SNAPSHOT", Description="Nothing is lost",
        Tags=[{"Key": "team", "Value": "ops"}],
        ResourceTags=[{"ResourceTagKey": "app", "ResourceTagValue": "shop"}],
    )
    assert made["Status"] == "available"
    shown = rbin.get_rule(Identifier=made["Identifier"])
    assert shown["Description"] == "Nothing is lost" and shown["RetentionPeriod"] == days(14)
    rbin.update_rule(Identifier=made["Identifier"], RetentionPeriod=days(3))
    listed = rbin.list_rules(
        ResourceType="EBS_SNAPSHOT", ResourceTags=[{"ResourceTagKey": "app", "ResourceTagValue": "shop"}]
    )["Rules"]
    assert [(rule["Identifier"], rule["RetentionPeriod"]) for rule in listed] == [(made["Identifier"], days(3))]
    arn = made["RuleArn"]
    rbin.tag_resource(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "prod"}])
    rbin.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert rbin.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "stage", "Value": "prod"}]
    tags = [{"Key": f"k{at}", "Value": ""} for at in range(50)]
    assert refused(rbin.tag_resource, ResourceArn=arn, Tags=tags)[0] == "ServiceQuotaExceededException"
    rbin.delete_rule(Identifier=made["Identifier"])
    assert refused(rbin.get_rule, Identifier=made["Identifier"]) == ("ResourceNotFoundException", "RULE_NOT_FOUND")


def test_a_locked_rule_waits_for_its_delay(cloud, rbin):
    made = rbin.create_rule(RetentionPeriod=days(7), ResourceType="EBS_VOLUME")["Identifier"]
    assert refused(rbin.unlock_rule, Identifier=made) == ("ConflictException", "INVALID_RULE_STATE")
    assert rbin.lock_rule(Identifier=made, LockConfiguration=delay(7))["LockState"] == "locked"
    assert refused(rbin.lock_rule, Identifier=made, LockConfiguration=delay(7))[0] == "ConflictException"
    assert refused(rbin.delete_rule, Identifier=made)[0] == "ConflictException"
    assert refused(rbin.update_rule, Identifier=made, Description="x")[0] == "ConflictException"
    assert rbin.unlock_rule(Identifier=made)["LockState"] == "pending_unlock"
    cloud.advance("8d")
    assert rbin.get_rule(Identifier=made)["LockState"] == "unlocked"
    rbin.delete_rule(Identifier=made)


@pytest.mark.parametrize("call, parameters", [
    ("get_rule", {"Identifier": MISSING}),
    ("delete_rule", {"Identifier": MISSING}),
    ("update_rule", {"Identifier": MISSING, "Description": "x"}),
    ("lock_rule", {"Identifier": MISSING, "LockConfiguration": delay(7)}),
    ("unlock_rule", {"Identifier": MISSING}),
    ("tag_resource", {"ResourceArn": MISSING_ARN, "Tags": [{"Key": "a", "Value": "b"}]}),
    ("untag_resource", {"ResourceArn": MISSING_ARN, "TagKeys": ["a"]}),
    ("list_tags_for_resource", {"ResourceArn": MISSING_ARN}),
])
def test_what_is_not_there_is_not_found(rbin, call, parameters):
    assert refused(getattr(rbin, call), **parameters) == ("ResourceNotFoundException", "RULE_NOT_FOUND")


@pytest.mark.parametrize("call, parameters", [
    ("create_rule", {"RetentionPeriod": days(366), "ResourceType": "EBS_SNAPSHOT"}),
    ("get_rule", {"Identifier": "x"}),
    ("delete_rule", {"Identifier": "x"}),
    ("update_rule", {"Identifier": "x"}),
    ("lock_rule", {"Identifier": "x", "LockConfiguration": delay(7)}),
    ("unlock_rule", {"Identifier": "x"}),
    ("list_rules", {"ResourceType": "EC2_INSTANCE"}),
    ("tag_resource", {"ResourceArn": "nonsense", "Tags": [{"Key": "a", "Value": "b"}]}),
    ("untag_resource", {"ResourceArn": "nonsense", "TagKeys": ["a"]}),
    ("list_tags_for_resource", {"ResourceArn": "nonsense"}),
])
def test_what_cannot_be_is_refused(rbin, call, parameters):
    assert refused(getattr(rbin, call), **parameters) == ("ValidationException", "INVALID_PARAMETER_VALUE")


def test_quotas_are_kept(cloud):
    rbin = make_client(cloud.endpoint, "rbin", region="eu-west-1")
    tag = [{"ResourceTagKey": "app", "ResourceTagValue": "shop"}]
    rule = {"RetentionPeriod": days(1), "ResourceType": "EBS_SNAPSHOT"}
    for _ in range(5):
        rbin.create_rule(ResourceTags=tag, **rule)
    code = "ServiceQuotaExceededException"
    assert refused(rbin.create_rule, ResourceTags=tag, **rule) == (code, "SERVICE_QUOTA_EXCEEDED")
    other = rbin.create_rule(ResourceTags=[{"ResourceTagKey": "app", "ResourceTagValue": "bank"}], **rule)
    assert refused(rbin.update_rule, Identifier=other["Identifier"], ResourceTags=tag)[0] == code


def volume(ec2):
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    try:
        made = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    except botocore.exceptions.ClientError as error:
        pytest.skip(f"this host keeps no volumes: {error}")
    state = lambda: ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"]
    waited(lambda: state() == "available", 60, "the volume")
    return made


def snapshot(ec2, of):
    made = ec2.create_snapshot(VolumeId=of)["SnapshotId"]
    state = lambda: ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"]
    waited(lambda: state() == "completed", 60, "the snapshot")
    return made


def test_what_is_deleted_comes_back_or_goes_after_its_time(cloud, rbin, ec2):
    rules = [
        rbin.create_rule(RetentionPeriod=days(2), ResourceType=kind)["Identifier"]
        for kind in ("EBS_SNAPSHOT", "EBS_VOLUME", "EC2_IMAGE")
    ]
    disk = volume(ec2)
    root = snapshot(ec2, disk)
    image = ec2.register_image(
        Name="golden", RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": root}}],
    )["ImageId"]
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=root)
    ec2.delete_volume(VolumeId=disk)
    assert refused(ec2.describe_snapshots, SnapshotIds=[root])[0] == "InvalidSnapshot.NotFound"
    kept = ec2.list_snapshots_in_recycle_bin()["Snapshots"]
    assert [one["SnapshotId"] for one in kept] == [root]
    assert (kept[0]["RecycleBinExitTime"] - kept[0]["RecycleBinEnterTime"]).days == 2
    assert [one["VolumeId"] for one in ec2.list_volumes_in_recycle_bin()["Volumes"]] == [disk]
    assert [one["ImageId"] for one in ec2.list_images_in_recycle_bin()["Images"]] == [image]
    ec2.restore_snapshot_from_recycle_bin(SnapshotId=root)
    assert ec2.restore_volume_from_recycle_bin(VolumeId=disk)["Return"]
    assert ec2.restore_image_from_recycle_bin(ImageId=image)["Return"]
    assert ec2.describe_images(ImageIds=[image])["Images"][0]["Name"] == "golden"
    assert ec2.describe_volumes(VolumeIds=[disk])["Volumes"][0]["State"] == "available"
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=root)
    ec2.delete_volume(VolumeId=disk)
    cloud.advance("3d")
    gone = lambda: not ec2.list_snapshots_in_recycle_bin()["Snapshots"]
    waited(gone, 60, "the end of the snapshot")
    waited(lambda: not ec2.list_volumes_in_recycle_bin()["Volumes"], 60, "the end of the volume")
    waited(lambda: not ec2.list_images_in_recycle_bin()["Images"], 60, "the end of the image")
    assert refused(ec2.restore_snapshot_from_recycle_bin, SnapshotId=root)[0] == "InvalidSnapshot.NotFound"
    for rule in rules:
        rbin.delete_rule(Identifier=rule)
