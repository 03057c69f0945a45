"""CopyObject: directives, conditions, encryption, and both sides' permissions."""

import base64
import hashlib
import json
import re

import pytest

import expect
from s3_versions import bucket, put, read, user


@pytest.fixture
def name(s3):
    return bucket(s3)


def copy(s3, name, source="a", key="b", **given):
    return s3.copy_object(Bucket=name, Key=key, CopySource={"Bucket": name, "Key": source}, **given)


def test_a_copy_is_the_same_but_for_its_class(s3, name):
    described = {"ContentType": "text/plain", "Metadata": {"colour": "grey"}, "Tagging": "team=fog"}
    put(s3, name, "a", StorageClass="STANDARD_IA", WebsiteRedirectLocation="/x", **described)
    made = copy(s3, name, key="ü b+c")["CopyObjectResult"]
    assert made["ETag"] == s3.head_object(Bucket=name, Key="a")["ETag"]
    assert made["ChecksumType"] == "FULL_OBJECT"
    head = s3.head_object(Bucket=name, Key="ü b+c")
    assert (head["ContentType"], head["Metadata"], head["TagCount"]) == ("text/plain", {"colour": "grey"}, 1)
    assert "StorageClass" not in head and "WebsiteRedirectLocation" not in head
    again = copy(s3, name, source="ü b+c", key="c")
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert read(s3, name, "c") == b"content"


def test_directives_replace(s3, name):
    put(s3, name, "a", ContentType="text/plain", Metadata={"colour": "grey"}, Tagging="team=fog")
    copy(s3, name, MetadataDirective="REPLACE", ContentType="text/html", TaggingDirective="REPLACE", Tagging="x=y")
    head = s3.head_object(Bucket=name, Key="b")
    assert (head["ContentType"], head["Metadata"]) == ("text/html", {})
    assert s3.get_object_tagging(Bucket=name, Key="b")["TagSet"] == [{"Key": "x", "Value": "y"}]
    with expect.fails("InvalidArgument", "Unknown metadata directive."):
        copy(s3, name, MetadataDirective="MERGE")


def test_a_copy_onto_itself_changes_something(s3, name):
    put(s3, name, "a")
    with expect.fails("InvalidRequest", re.compile("trying to copy an object to itself without changing")):
        copy(s3, name, key="a")
    copy(s3, name, key="a", StorageClass="GLACIER_IR")
    assert s3.head_object(Bucket=name, Key="a")["StorageClass"] == "GLACIER_IR"


def test_sources_that_are_none(s3, name):
    versioned = bucket(s3, "Enabled")
    put(s3, versioned, "a")
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    with expect.fails("NoSuchKey", status=404):
        copy(s3, versioned)
    with expect.fails("InvalidRequest", re.compile("may not specifically refer to a delete marker")):
        s3.copy_object(Bucket=name, Key="b", CopySource=f"{versioned}/a?versionId={marker}")
    with expect.fails("NoSuchBucket", status=404):
        s3.copy_object(Bucket=name, Key="b", CopySource="no-such-bucket-of-anybody/a")
    with expect.fails("InvalidArgument", re.compile("Copy Source must mention")):
        s3.copy_object(Bucket=name, Key="b", CopySource="/x")


def test_conditions_of_both_sides(s3, name):
    etag = put(s3, name, "a")["ETag"]
    put(s3, name, "b", b"other")
    for given, condition in [
        ({"CopySourceIfMatch": '"00"'}, "x-amz-copy-source-If-Match"),
        ({"CopySourceIfNoneMatch": etag}, "x-amz-copy-source-If-None-Match"),
        ({"CopySourceIfUnmodifiedSince": "2001-01-01T00:00:00Z"}, "x-amz-copy-source-If-Unmodified-Since"),
        ({"IfNoneMatch": "*"}, "If-None-Match"),
    ]:
        with expect.fails("PreconditionFailed", status=412) as seen:
            copy(s3, name, **given)
        assert seen[0].response["Error"]["Condition"] == condition
    copy(s3, name, CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince="2001-01-01T00:00:00Z")
    assert read(s3, name, "b") == b"content"


def test_every_encryption_is_copied_into_every_other(s3, kms):
    name = bucket(s3)
    s3.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [
                {
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                    "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
                }
            ]
        },
    )
    key = kms.create_key()["KeyMetadata"]["Arn"]
    customer = "k" * 32
    digest = base64.b64encode(hashlib.md5(customer.encode()).digest()).decode()
    mine = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": customer}
    ways = {
        "s3": ({}, {}),
        "kms": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}, {}),
        "dual": ({"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": key}, {}),
        "customer": (mine, mine),
    }
    for way, (writing, _) in ways.items():
        put(s3, name, way, way.encode() * 1000, **writing)
    for source, (_, reading) in ways.items():
        with_source = {f"CopySource{name}": value for name, value in reading.items()}
        for target, (writing, read_back) in ways.items():
            answer = copy(s3, name, source, f"{source}-{target}", **writing, **with_source)
            if target == "customer":
                assert answer["SSECustomerKeyMD5"] == digest
            assert read(s3, name, f"{source}-{target}", **read_back) == source.encode() * 1000
    with expect.fails("InvalidRequest"):
        copy(s3, name, "customer", "c")


def test_copies_need_leave_to_read_and_to_write(server, client, account):
    s3 = client("s3", account=account)
    name = bucket(s3)
    put(s3, name, "a", Tagging="team=fog")
    with expect.fails("AccessDenied", re.compile("s3:GetObject "), 403):
        copy(user(server, account, "s3:PutObject", "s3:ListBucket"), name)
    with expect.fails("AccessDenied", re.compile("s3:PutObject "), 403):
        copy(user(server, account, "s3:GetObject", "s3:ListBucket"), name)
    with expect.fails("AccessDenied", re.compile("s3:GetObjectTagging"), 403):
        copy(user(server, account, "s3:GetObject", "s3:PutObject"), name)
    copy(user(server, account, "s3:GetObject*", "s3:PutObject*"), name)


def test_accounts_share_by_policy_and_a_third_is_refused(client, account):
    s3, friend = client("s3"), client("s3", account=account)
    third = client("s3", account="333333333333")
    name = bucket(s3)
    put(s3, name, "a")
    allow = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "s3:GetObject*"}
    statement = {**allow, "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    source = {"Bucket": name, "Key": "a"}
    theirs = bucket(friend)
    friend.copy_object(Bucket=theirs, Key="b", CopySource=source, ExpectedSourceBucketOwner="0" * 12)
    assert read(friend, theirs, "b") == b"content"
    with expect.fails("AccessDenied", status=403):
        friend.copy_object(Bucket=theirs, Key="b", CopySource=source, ExpectedSourceBucketOwner="1" * 12)
    with expect.fails("AccessDenied", status=403):
        third.copy_object(Bucket=bucket(third), Key="b", CopySource=source)


def test_copies_cross_regions(s3, client, name):
    put(s3, name, "a")
    frankfurt = client("s3", region="eu-central-1")
    there = bucket(frankfurt, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    frankfurt.copy_object(Bucket=there, Key="b", CopySource={"Bucket": name, "Key": "a"})
    assert read(frankfurt, there, "b") == b"content"


def test_another_checksum_can_be_asked_for(s3, name):
    put(s3, name, "a", ChecksumAlgorithm="CRC32")
    assert "ChecksumCRC32" in copy(s3, name)["CopyObjectResult"]
    made = copy(s3, name, ChecksumAlgorithm="SHA1")["CopyObjectResult"]
    expected = base64.b64encode(hashlib.sha1(b"content").digest()).decode()
    assert made["ChecksumSHA1"] == expected and "ChecksumCRC32" not in made


def test_archived_sources_are_restored_first(s3, name):
    put(s3, name, "a", StorageClass="DEEP_ARCHIVE")
    with expect.fails("InvalidObjectState", "Operation is not valid for the source object's storage class", 403):
        copy(s3, name)
