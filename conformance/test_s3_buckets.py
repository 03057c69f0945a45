"""Buckets: made, listed, found from other regions, deleted; directory buckets and their sessions."""

import pytest

import expect
from conftest import make_client
from expect import fails


def made(s3, **given):
    name = expect.name(prefix="b")
    s3.create_bucket(Bucket=name, **given)
    return name


def elsewhere(region):
    return {"CreateBucketConfiguration": {"LocationConstraint": region}}


def test_a_bucket_is_made_seen_and_deleted(s3):
    name = expect.name(prefix="b")
    created = s3.create_bucket(Bucket=name)
    assert created["Location"] == f"/{name}"
    head = s3.head_bucket(Bucket=name)
    assert (head["BucketRegion"], head["AccessPointAlias"]) == ("us-east-1", False)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    assert s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with fails("404", status=404):
        s3.head_bucket(Bucket=name)
    with fails("NoSuchBucket", "The specified bucket does not exist", status=404) as seen:
        s3.list_objects_v2(Bucket=name)
    assert seen[0].response["Error"]["BucketName"] == name


def test_names_are_one_space_for_everybody(s3, client, account):
    name = made(s3)
    with fails("BucketAlreadyExists", status=409):
        client("s3", account=account).create_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    irish = client("s3", region="eu-west-1")
    name = made(irish, **elsewhere("eu-west-1"))
    with fails("BucketAlreadyOwnedByYou", status=409):
        irish.create_bucket(Bucket=name, **elsewhere("eu-west-1"))


@pytest.mark.parametrize("name", ["Upper", "under_score", "a..b", "10.0.0.1", "xn--abc", "abc-s3alias"])
def test_names_keep_the_rules(server, name):
    raw = make_client(server.endpoint, "s3", parameter_validation=False, s3={"addressing_style": "path"})
    with fails("InvalidBucketName", "The specified bucket is not valid."):
        raw.create_bucket(Bucket=name)


def test_where_a_bucket_is_has_to_be_said_outside_of_us_east_1(s3, client):
    irish = client("s3", region="eu-west-1")
    name = expect.name(prefix="b")
    with fails(
        "IllegalLocationConstraintException",
        "The unspecified location constraint is incompatible for the region specific endpoint this request was "
        "sent to.",
    ):
        irish.create_bucket(Bucket=name)
    with fails("IllegalLocationConstraintException"):
        irish.create_bucket(Bucket=name, **elsewhere("eu-central-1"))
    with fails("InvalidLocationConstraint"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    irish.create_bucket(Bucket=name, **elsewhere("EU"))
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-1"


def test_a_client_of_another_region_is_led_to_the_bucket(server, s3, client):
    name = made(client("s3", region="eu-west-1"), **elsewhere("eu-west-1"))
    # boto3 follows by itself, as it does at AWS.
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0
    assert make_client(server.endpoint, "s3").head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


def test_lists_are_paged_and_narrowed(client, account):
    s3 = client("s3", account=account)
    names = sorted(made(s3) for _ in range(3))
    irish = made(client("s3", account=account, region="eu-west-1"), **elsewhere("eu-west-1"))
    listed = s3.list_buckets()
    assert sorted(b["Name"] for b in listed["Buckets"]) == sorted([*names, irish])
    assert "BucketRegion" not in listed["Buckets"][0]
    assert len(listed["Owner"]["ID"]) == 64
    pages = s3.get_paginator("list_buckets").paginate(
        BucketRegion="us-east-1", Prefix="b-", PaginationConfig={"PageSize": 2}
    )
    found = [b for page in pages for b in page["Buckets"]]
    assert [b["Name"] for b in found] == names
    assert {b["BucketRegion"] for b in found} == {"us-east-1"}
    with fails("InvalidArgument"):
        s3.list_buckets(BucketRegion="eu-west-1")
    with fails("InvalidArgument"):
        s3.list_buckets(ContinuationToken="mine")


def test_only_an_empty_bucket_goes(s3):
    name = made(s3)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    with fails("BucketNotEmpty", "The bucket you tried to delete is not empty", status=409):
        s3.delete_bucket(Bucket=name)
    s3.delete_object(Bucket=name, Key="k")
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    s3.upload_part(Bucket=name, Key="k", UploadId=upload, PartNumber=1, Body=b"part")
    s3.delete_bucket(Bucket=name)


def test_the_expected_owner(s3):
    name = made(s3)
    s3.get_bucket_location(Bucket=name, ExpectedBucketOwner="000000000000")
    with fails("AccessDenied", "Access Denied", status=403):
        s3.get_bucket_versioning(Bucket=name, ExpectedBucketOwner="111111111111")


def test_an_own_namespace(s3, client, account):
    name = f"{expect.name(prefix='b')[:20]}-000000000000-us-east-1-an"
    with fails("InvalidBucketName"):
        client("s3", account=account).create_bucket(Bucket=name)
    s3.create_bucket(Bucket=name, BucketNamespace="account-regional")


# ---- directory buckets -----------------------------------------------------------------------


@pytest.fixture
def plain(server):
    """A client that makes no sessions by itself, as there are none before there is a bucket."""
    return make_client(server.endpoint, "s3", s3={"disable_s3_express_session_auth": True})


def directory(s3, zone="use1-az4"):
    name = f"{expect.name(prefix='d')[:20]}--{zone}--x-s3"
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={
            "Location": {"Type": "AvailabilityZone", "Name": zone},
            "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
        },
    )
    return name


@pytest.fixture
def express(server):
    return make_client(server.endpoint, "s3", s3={"addressing_style": "path"})


def test_a_directory_bucket_is_used_in_sessions(server, s3, plain, express):
    name = directory(plain)
    listed = [b["Name"] for b in s3.list_directory_buckets()["Buckets"]]
    assert name in listed
    assert name not in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    session = s3.create_session(Bucket=name)["Credentials"]
    limited = make_client(
        server.endpoint,
        "s3",
        key=session["AccessKeyId"],
        secret=session["SecretAccessKey"],
        token=session["SessionToken"],
    )
    with fails("AccessDenied", status=403):
        limited.list_buckets()
    # boto3 makes and uses sessions by itself.
    express.put_object(Bucket=name, Key="k", Body=b"fast")
    assert express.get_object(Bucket=name, Key="k")["Body"].read() == b"fast"
    express.delete_object(Bucket=name, Key="k")
    plain.delete_bucket(Bucket=name)


def test_directory_buckets_say_where_they_are(plain):
    with fails("InvalidLocationConstraint"):
        directory(plain, zone="usw2-az1")
    with fails("NoSuchBucket", status=404):
        plain.create_session(Bucket="missing--use1-az4--x-s3")
    name = directory(plain)
    head = plain.head_bucket(Bucket=name)
    assert (head["BucketLocationType"], head["BucketLocationName"]) == ("AvailabilityZone", "use1-az4")
