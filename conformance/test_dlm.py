"""Data Lifecycle Manager: policies that make snapshots by the clock."""

import json
import os

import botocore.exceptions
import pytest

import server as servers
from conftest import make_client
from ec2_lab import Lab, cloud_with_machines, state, waited

# For the one test that needs instances.
PUBLIC_RANGE = "198.19.208.0/20"
FRIEND = "222222222222"

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "dlm.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
DAILY = {
    "ResourceTypes": ["VOLUME"],
    "TargetTags": [{"Key": "backup", "Value": "yes"}],
    "Schedules": [{
        "Name": "daily",
        "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["03:00"]},
        "RetainRule": {"Count": 3},
    }],
}


def schedule(**changes):
    """Details with a schedule that says something else."""
    return {"Schedules": [{**DAILY["Schedules"][0], **changes}]}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    running = servers.Server("--dev", "--data", str(tmp_path_factory.mktemp("dlm") / "data")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def role(cloud):
    return role_of(cloud, "AWSDataLifecycleManagerServiceRole")


def role_of(cloud, policy, account="test"):
    iam = make_client(cloud.endpoint, "iam", key=account)
    made = iam.create_role(RoleName="backups", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="backups", PolicyArn=f"arn:aws:iam::aws:policy/service-role/{policy}")
    return made


@pytest.fixture(scope="module")
def dlm(cloud):
    return make_client(cloud.endpoint, "dlm")


def create(dlm, role, **changes):
    details = {**DAILY, **changes}
    return dlm.create_lifecycle_policy(
        ExecutionRoleArn=role, Description="Daily backups", State="ENABLED", PolicyDetails=details,
        Tags={"team": "ops"},
    )["PolicyId"]


def test_a_policy_reads_back(dlm, role):
    made = create(dlm, role)
    shown = dlm.get_lifecycle_policy(PolicyId=made)["Policy"]
    assert shown["State"] == "ENABLED" and shown["Tags"] == {"team": "ops"}
    assert shown["PolicyDetails"]["Schedules"][0]["CreateRule"] == DAILY["Schedules"][0]["CreateRule"]
    assert shown["PolicyDetails"]["PolicyType"] == "EBS_SNAPSHOT_MANAGEMENT"
    dlm.tag_resource(ResourceArn=shown["PolicyArn"], Tags={"stage": "prod"})
    dlm.untag_resource(ResourceArn=shown["PolicyArn"], TagKeys=["team"])
    assert dlm.list_tags_for_resource(ResourceArn=shown["PolicyArn"])["Tags"] == {"stage": "prod"}
    dlm.update_lifecycle_policy(PolicyId=made, State="DISABLED")
    found = dlm.get_lifecycle_policies(PolicyIds=[made], State="DISABLED")["Policies"]
    assert [one["PolicyId"] for one in found] == [made]
    dlm.delete_lifecycle_policy(PolicyId=made)
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        dlm.get_lifecycle_policy(PolicyId=made)
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("changes, words", [
    ({"ResourceTypes": ["VOLUMES"]}, "resourceTypes"),
    ({"PolicyType": "IMAGE_MANAGEMENT"}, "ResourceTypes"),
    ({"PolicyType": "EVENT_BASED_POLICY"}, "ResourceTypes is not for event-based policies"),
    ({"CreateInterval": 1}, "default policies only"),
    (schedule(ArchiveRule={"RetainRule": {"RetentionArchiveTier": {"Count": 3}}}), "at least 28 days"),
    (schedule(DeprecateRule={"Count": 1}), "AMI policies only"),
    (schedule(FastRestoreRule={"Count": 4, "AvailabilityZones": ["us-east-1a"]}), "FastRestoreRule {4}"),
    (schedule(CreateRule={
        "Interval": 24, "IntervalUnit": "HOURS", "Scripts": [{"ExecutionHandler": "AWS_VSS_BACKUP"}],
    }), "not implemented"),
    ({"Schedules": [{**DAILY["Schedules"][0], "CreateRule": {"CronExpression": "cron(0 10 * * * *)"}}]}, "CronExpression"),
])
def test_what_is_wrong_is_named(dlm, role, changes, words):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        create(dlm, role, **changes)
    assert words in refused.value.response["Error"]["Message"]


def code(refused):
    return refused.value.response["Error"]["Code"]


MISSING = "policy-00000000000000000"
MISSING_ARN = f"arn:aws:dlm:us-east-1:000000000000:policy/{MISSING}"


@pytest.mark.parametrize("call, parameters", [
    ("get_lifecycle_policy", {"PolicyId": MISSING}),
    ("delete_lifecycle_policy", {"PolicyId": MISSING}),
    ("update_lifecycle_policy", {"PolicyId": MISSING, "State": "DISABLED"}),
    ("get_lifecycle_policies", {"PolicyIds": [MISSING]}),
    ("tag_resource", {"ResourceArn": MISSING_ARN, "Tags": {"a": "b"}}),
    ("untag_resource", {"ResourceArn": MISSING_ARN, "TagKeys": ["a"]}),
    ("list_tags_for_resource", {"ResourceArn": MISSING_ARN}),
])
def test_what_is_not_there_is_not_found(dlm, call, parameters):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(dlm, call)(**parameters)
    assert code(refused) == "ResourceNotFoundException"


@pytest.mark.parametrize("call, parameters", [
    ("update_lifecycle_policy", {"PolicyId": MISSING, "Description": "no!"}),
    ("get_lifecycle_policies", {"PolicyIds": ["x"]}),
    ("tag_resource", {"ResourceArn": "nonsense", "Tags": {"a": "b"}}),
    ("untag_resource", {"ResourceArn": "nonsense", "TagKeys": ["a"]}),
    ("list_tags_for_resource", {"ResourceArn": "nonsense"}),
])
def test_what_cannot_be_is_an_invalid_request(dlm, call, parameters):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        getattr(dlm, call)(**parameters)
    assert code(refused) == "InvalidRequestException"


def test_an_account_has_a_hundred_policies(cloud, role):
    dlm = make_client(cloud.endpoint, "dlm", region="eu-west-1")
    made = [create(dlm, role) for _ in range(100)]
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        create(dlm, role)
    assert code(refused) == "LimitExceededException"
    for policy in made:
        dlm.delete_lifecycle_policy(PolicyId=policy)


def test_three_daily_snapshots_are_kept(cloud, dlm, role):
    ec2 = make_client(cloud.endpoint, "ec2")
    made = volume(ec2)
    policy = create(dlm, role)
    kept = lambda: snapshots(ec2)
    seen = set()
    for day in range(5):
        cloud.advance("1d")
        waited(lambda: {one["SnapshotId"] for one in kept()} - seen, 20, f"the snapshot of day {day}")
        seen |= {one["SnapshotId"] for one in kept()}
        waited(lambda: len(kept()) == min(day + 1, 3), 20, f"the deletion of day {day}")
    assert len(seen) == 5 and all(one["VolumeId"] == made for one in kept())
    end(dlm, ec2, policy, made)


def volume(ec2, **changes):
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": "yes"}]}]
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    try:
        made = ec2.create_volume(AvailabilityZone=zone, Size=1, TagSpecifications=tags, **changes)["VolumeId"]
    except botocore.exceptions.ClientError as error:
        pytest.skip(f"this host keeps no volumes: {error}")
    # A run that comes while the volume is being made fails, and the next is a day later.
    shown = lambda: ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"]
    waited(lambda: shown() == "available", 60, "the volume")
    return made


def snapshots(ec2, tier=None):
    found = ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return [one for one in found if tier is None or one.get("StorageTier", "standard") == tier]


def end(dlm, ec2, policy, *volumes):
    """The policy is well to its end, and nothing of it stays."""
    shown = dlm.get_lifecycle_policy(PolicyId=policy)["Policy"]
    assert shown["State"] == "ENABLED", shown["StatusMessage"]
    dlm.delete_lifecycle_policy(PolicyId=policy)
    for one in snapshots(ec2):
        ec2.delete_snapshot(SnapshotId=one["SnapshotId"])
    for one in volumes:
        ec2.delete_volume(VolumeId=one)


def default(dlm, role, kind="VOLUME", **parameters):
    return dlm.create_lifecycle_policy(
        ExecutionRoleArn=role, Description="Everything", State="ENABLED", DefaultPolicy=kind, **parameters
    )["PolicyId"]


def test_a_default_policy_has_its_own_limits_and_no_other_of_its_kind(dlm, role):
    made = default(dlm, role)
    shown = dlm.get_lifecycle_policy(PolicyId=made)["Policy"]
    details = shown["PolicyDetails"]
    assert shown["DefaultPolicy"] is True and details["PolicyLanguage"] == "SIMPLIFIED"
    assert (details["CreateInterval"], details["RetainInterval"], details["ExtendDeletion"]) == (1, 7, False)
    dlm.update_lifecycle_policy(PolicyId=made, CreateInterval=2, ExtendDeletion=True)
    details = dlm.get_lifecycle_policy(PolicyId=made)["Policy"]["PolicyDetails"]
    assert (details["CreateInterval"], details["RetainInterval"], details["ExtendDeletion"]) == (2, 7, True)
    found = dlm.get_lifecycle_policies(DefaultPolicyType="VOLUME")["Policies"]
    assert [(one["PolicyId"], one["DefaultPolicy"]) for one in found] == [(made, True)]
    assert dlm.get_lifecycle_policies(DefaultPolicyType="INSTANCE")["Policies"] == []
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        default(dlm, role)
    assert code(refused) == "LimitExceededException"
    for wrong in ({"CreateInterval": 8}, {"RetainInterval": 15}, {"CreateInterval": 3, "RetainInterval": 3}):
        with pytest.raises(botocore.exceptions.ClientError) as refused:
            default(dlm, role, "INSTANCE", **wrong)
        assert code(refused) == "InvalidRequestException", wrong
    dlm.delete_lifecycle_policy(PolicyId=made)


def test_a_default_policy_backs_up_what_nobody_else_did(cloud, dlm, role):
    ec2 = make_client(cloud.endpoint, "ec2")
    plain, excluded, backed_up = volume(ec2), volume(ec2, VolumeType="gp3"), volume(ec2)
    policy = default(
        dlm, role, CreateInterval=2, RetainInterval=3, Exclusions={"ExcludeVolumeTypes": ["gp3"]},
    )
    cloud.advance("1d")
    ours = ec2.create_snapshot(VolumeId=backed_up)["SnapshotId"]
    cloud.advance("1d")
    waited(lambda: len(snapshots(ec2)) == 2, 30, "the snapshot of the volume without one")
    assert {one["VolumeId"] for one in snapshots(ec2)} == {plain, backed_up}
    ec2.delete_snapshot(SnapshotId=ours)
    end(dlm, ec2, policy, plain, excluded, backed_up)


def test_snapshots_are_shared_ready_and_archived_by_the_rules(cloud, dlm, role):
    ec2 = make_client(cloud.endpoint, "ec2")
    friend = make_client(cloud.endpoint, "ec2", key=FRIEND)
    made = volume(ec2)
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    policy = create(dlm, role, **schedule(
        CreateRule={"CronExpression": "cron(0 9 1 * ? *)"},
        RetainRule={"Count": 1},
        ArchiveRule={"RetainRule": {"RetentionArchiveTier": {"Count": 3}}},
        FastRestoreRule={"Count": 1, "AvailabilityZones": [zone]},
        ShareRules=[{"TargetAccounts": [FRIEND], "UnshareInterval": 1, "UnshareIntervalUnit": "WEEKS"}],
    ))
    seen = lambda: [one["SnapshotId"] for one in friend.describe_snapshots(RestorableByUserIds=["self"])["Snapshots"]]
    wanted = ("enabling", "optimizing", "enabled")
    fast = lambda: [
        one["SnapshotId"]
        for one in ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"] if one["State"] in wanted
    ]
    cloud.advance("31d")
    first = waited(lambda: snapshots(ec2), 30, "the first snapshot")[0]["SnapshotId"]
    waited(lambda: ec2.describe_snapshots(SnapshotIds=[first])["Snapshots"][0]["State"] == "completed", 60, "it")
    waited(lambda: first in seen(), 20, "that it is shared")
    cloud.advance("2m")
    waited(lambda: fast() == [first], 20, "that it is ready for fast restores")
    cloud.advance("8d")
    waited(lambda: first not in seen(), 20, "that it is shared no more")
    cloud.advance("31d")
    waited(lambda: len(snapshots(ec2)) == 2, 30, "the second snapshot")
    # What has to wait for a snapshot that is pending looks again a minute later; the way to the archive is an hour.
    archived = lambda: [one["SnapshotId"] for one in snapshots(ec2, "archive")]
    waited(lambda: cloud.advance("10m") or archived() == [first], 30, "the archive")
    waited(lambda: fast() and first not in fast(), 20, "that the second is ready instead")
    end(dlm, ec2, policy, made)


def test_what_is_shared_is_copied_by_an_event_based_policy(cloud):
    ec2, friend = (make_client(cloud.endpoint, "ec2", key=key) for key in ("test", FRIEND))
    there = make_client(cloud.endpoint, "ec2", key=FRIEND, region="eu-west-1")
    theirs = make_client(cloud.endpoint, "dlm", key=FRIEND)
    role = role_of(cloud, "AWSDataLifecycleManagerServiceRole", FRIEND)
    policy = theirs.create_lifecycle_policy(
        ExecutionRoleArn=role, Description="Copies", State="ENABLED", PolicyDetails={
            "PolicyType": "EVENT_BASED_POLICY",
            "EventSource": {"Type": "MANAGED_CWE", "Parameters": {
                "EventType": "shareSnapshot", "SnapshotOwner": ["000000000000"], "DescriptionRegex": "nightly.*",
            }},
            "Actions": [{"Name": "copy", "CrossRegionCopy": [{
                "Target": "eu-west-1", "EncryptionConfiguration": {"Encrypted": False},
                "RetainRule": {"Interval": 1, "IntervalUnit": "DAYS"},
            }]}],
        },
    )["PolicyId"]
    made = volume(ec2)
    ours = ec2.create_snapshot(VolumeId=made, Description="nightly 1")["SnapshotId"]
    other = ec2.create_snapshot(VolumeId=made, Description="by hand")["SnapshotId"]
    for one in (ours, other):
        waited(lambda: ec2.describe_snapshots(SnapshotIds=[one])["Snapshots"][0]["State"] == "completed", 60, one)
        ec2.modify_snapshot_attribute(
            SnapshotId=one, Attribute="createVolumePermission", OperationType="add", UserIds=[FRIEND]
        )
    for _ in range(2):
        cloud.advance("1m")
    waited(lambda: len(snapshots(there)) == 1, 30, "the copy")
    assert f"Copied for policy: {policy}" in snapshots(there)[0]["Description"]
    cloud.advance("25h")
    waited(lambda: snapshots(there) == [], 30, "the copy's deletion")
    assert snapshots(friend) == []
    assert theirs.get_lifecycle_policy(PolicyId=policy)["Policy"]["State"] == "ENABLED"
    theirs.delete_lifecycle_policy(PolicyId=policy)
    for one in (ours, other):
        ec2.delete_snapshot(SnapshotId=one)
    ec2.delete_volume(VolumeId=made)


def test_images_of_instances_come_go_and_are_copied(tmp_path_factory):
    for needed in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(needed, os.W_OK):
            pytest.skip(f"volumes need {needed}")
    with cloud_with_machines(tmp_path_factory, PUBLIC_RANGE) as cloud:
        ec2, dlm = make_client(cloud.endpoint, "ec2"), make_client(cloud.endpoint, "dlm")
        there = make_client(cloud.endpoint, "ec2", region="eu-west-1")
        role = role_of(cloud, "AWSDataLifecycleManagerServiceRoleForAMIManagement")
        lab = Lab(ec2, cloud.folder)
        instance = lab.launch(lab.public, [lab.web])
        waited(lambda: state(ec2, instance) == "running", 90, "the instance")
        ec2.create_tags(Resources=[instance], Tags=[{"Key": "backup", "Value": "yes"}])
        policy = create(dlm, role, PolicyType="IMAGE_MANAGEMENT", ResourceTypes=["INSTANCE"], **schedule(
            RetainRule={"Count": 1}, DeprecateRule={"Count": 1}, CopyTags=True,
            CrossRegionCopyRules=[{
                "TargetRegion": "eu-west-1", "Encrypted": False, "CopyTags": True,
                "RetainRule": {"Interval": 2, "IntervalUnit": "DAYS"},
                "DeprecateRule": {"Interval": 1, "IntervalUnit": "DAYS"},
            }],
        ))
        images = lambda ec2: ec2.describe_images(Owners=["self"], IncludeDeprecated=True)["Images"]
        well = lambda image: image["State"] == "available" and "DeprecationTime" in image
        cloud.advance("1d")
        first = waited(lambda: [one for one in images(ec2) if well(one)], 120, "the first image")[0]
        assert first["SourceInstanceId"] == instance
        assert {"Key": "backup", "Value": "yes"} in first["Tags"]
        cloud.advance("2m")
        copy = waited(lambda: [one for one in images(there) if well(one)], 120, "its copy")[0]
        assert copy["SourceImageId"] == first["ImageId"] and {"Key": "backup", "Value": "yes"} in copy["Tags"]
        cloud.advance("1d")
        waited(lambda: [one["ImageId"] for one in images(ec2)] not in ([], [first["ImageId"]]), 60, "the second")
        waited(lambda: len(images(ec2)) == 1, 60, "that the first is gone")
        waited(lambda: len(snapshots(ec2)) == 1, 60, "that its snapshot is gone")
        shown = dlm.get_lifecycle_policy(PolicyId=policy)["Policy"]
        assert shown["State"] == "ENABLED", shown["StatusMessage"]
        dlm.delete_lifecycle_policy(PolicyId=policy)
