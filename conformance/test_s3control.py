"""S3 Control: blocks of public access for an account, access points, tags one by one."""

import json

import pytest
import expect
import unsigned
from expect import fails

ACCOUNT = "000000000000"


@pytest.fixture
def control(client):
    return client("s3control")


@pytest.fixture
def point(control, bucket):
    """point() makes an access point and gives its name, ARN, alias and bucket."""

    def make(**given):
        name, behind = expect.name(prefix="p")[:30], bucket()
        made = control.create_access_point(AccountId=ACCOUNT, Name=name, Bucket=behind, **given)
        return name, made["AccessPointArn"], made["Alias"], behind

    return make


def test_an_accounts_block_holds_for_all_its_buckets(server, client, account):
    s3, control = client("s3", account=account), client("s3control", account=account)
    name = expect.name(prefix="b")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    s3.delete_public_access_block(Bucket=name)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    s3.put_bucket_policy(Bucket=name, Policy=policy)
    status = lambda: unsigned.get(f"{server.endpoint}/{name}/k").status_code
    assert status() == 200
    with fails("NoSuchPublicAccessBlockConfiguration", status=404):
        control.get_public_access_block(AccountId=account)
    block = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
    control.put_public_access_block(AccountId=account, PublicAccessBlockConfiguration=block)
    assert control.get_public_access_block(AccountId=account)["PublicAccessBlockConfiguration"] == block
    assert status() == 403
    with fails("AccessDenied", status=403):
        s3.put_bucket_policy(Bucket=name, Policy=policy)
    control.delete_public_access_block(AccountId=account)
    assert status() == 200


def test_every_call_is_about_the_callers_account(control):
    with fails("AccessDenied", status=403):
        control.get_public_access_block(AccountId="111111111111")


def test_objects_through_a_point(s3, point):
    _, arn, alias, behind = point()
    s3.put_object(Bucket=alias, Key="k", Body=b"v")
    assert s3.get_object(Bucket=behind, Key="k")["Body"].read() == b"v"
    assert s3.list_objects_v2(Bucket=alias)["KeyCount"] == 1
    assert s3.head_bucket(Bucket=alias)["AccessPointAlias"] is True
    with fails("InvalidAccessPointAliasError"):
        s3.list_objects_v2(Bucket="p-missing-s3alias")


def test_a_points_arn_in_the_place_of_a_bucket(server, point, s3):
    from conftest import make_client

    _, arn, _, behind = point()
    s3.put_object(Bucket=behind, Key="k", Body=b"v")
    by_name = make_client(server.endpoint.replace("127.0.0.1", "localhost"), "s3")
    assert by_name.get_object(Bucket=arn, Key="k")["Body"].read() == b"v"


def test_points_are_shown_listed_and_deleted(s3, control, point):
    name, arn, alias, behind = point()
    shown = control.get_access_point(AccountId=ACCOUNT, Name=name)
    assert (shown["Bucket"], shown["Alias"], shown["NetworkOrigin"]) == (behind, alias, "Internet")
    assert shown["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True
    listed = control.list_access_points(AccountId=ACCOUNT, Bucket=behind)["AccessPointList"]
    assert [p["AccessPointArn"] for p in listed] == [arn]
    with fails("AccessPointAlreadyOwnedByYou", status=409):
        control.create_access_point(AccountId=ACCOUNT, Name=name, Bucket=behind)
    with fails("BucketHasAccessPointsAttached"):
        s3.delete_bucket(Bucket=behind)
    control.delete_access_point(AccountId=ACCOUNT, Name=name)
    with fails("NoSuchAccessPoint", status=404):
        control.get_access_point(AccountId=ACCOUNT, Name=name)
    s3.delete_bucket(Bucket=behind)
    with fails("NoSuchBucket", status=404):
        control.create_access_point(AccountId=ACCOUNT, Name=name, Bucket=behind)


def test_policies_of_points(control, point):
    name, arn, _, _ = point()
    given = {"AccountId": ACCOUNT, "Name": name}
    with fails("NoSuchAccessPointPolicy", status=404):
        control.get_access_point_policy(**given)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "s3:GetObject",
        "Resource": f"{arn}/object/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    control.put_access_point_policy(**given, Policy=policy)
    assert json.loads(control.get_access_point_policy(**given)["Policy"]) == json.loads(policy)
    assert control.get_access_point_policy_status(**given)["PolicyStatus"]["IsPublic"] is False
    with fails("AccessDenied", status=403):
        control.put_access_point_policy(**given, Policy=policy.replace(f"arn:aws:iam::{ACCOUNT}:root", "*"))
    with fails("MalformedPolicy"):
        control.put_access_point_policy(**given, Policy=policy.replace(name, "other"))
    control.delete_access_point_policy(**given)
    with fails("NoSuchAccessPointPolicy", status=404):
        control.get_access_point_policy_status(**given)


def test_tags_of_buckets_and_points(s3, control, point):
    _, arn, _, behind = point(Tags=[{"Key": "born", "Value": "1"}])
    tags = lambda arn: control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn=arn)["Tags"]
    assert tags(arn) == [{"Key": "born", "Value": "1"}]
    bucket_arn = f"arn:aws:s3:::{behind}"
    for resource in [arn, bucket_arn]:
        given = {"AccountId": ACCOUNT, "ResourceArn": resource}
        control.tag_resource(**given, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        control.untag_resource(**given, TagKeys=["a", "born"])
        assert tags(resource) == [{"Key": "b", "Value": "2"}]
    assert s3.get_bucket_tagging(Bucket=behind)["TagSet"] == [{"Key": "b", "Value": "2"}]
