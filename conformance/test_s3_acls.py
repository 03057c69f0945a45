"""Access control lists: off by default, canned, by headers, by XML, and whose objects others write."""

import json

import pytest

import unsigned
from expect import fails

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


@pytest.fixture
def listed(s3, bucket):
    """A bucket whose lists count, open to the public if they say so."""

    def make(ownership="ObjectWriter", **given):
        name = bucket(ObjectOwnership=ownership, **given)
        s3.delete_public_access_block(Bucket=name)
        return name

    return make


def test_new_buckets_take_no_lists(s3, bucket):
    name = bucket()
    with fails("AccessControlListNotSupported", "The bucket does not allow ACLs"):
        s3.put_bucket_acl(Bucket=name, ACL="private")
    with fails("AccessControlListNotSupported"):
        s3.put_object(Bucket=name, Key="k", Body=b"v", ACL="public-read")
    s3.put_object(Bucket=name, Key="k", Body=b"v", ACL="bucket-owner-full-control")
    shown = s3.get_bucket_acl(Bucket=name)
    [grant] = shown["Grants"]
    assert grant == {"Grantee": {"ID": shown["Owner"]["ID"], "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}


def test_ownership_controls_read_back(s3, bucket):
    name = bucket()
    rules = lambda: s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules() == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    assert rules() == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3.delete_bucket_ownership_controls(Bucket=name)
    with fails("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", status=404):
        rules()


def test_public_lists_are_refused_where_they_are_blocked(s3, bucket):
    with fails("InvalidBucketAclWithObjectOwnership"):
        bucket(ACL="public-read")
    with fails("InvalidBucketAclWithBlockPublicAccessError"):
        bucket(ACL="public-read", ObjectOwnership="ObjectWriter")
    name = bucket(ObjectOwnership="ObjectWriter")
    with fails("AccessDenied", status=403):
        s3.put_bucket_acl(Bucket=name, ACL="public-read")


def test_a_canned_list_opens_a_bucket(server, s3, listed):
    name = listed()
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    uris = [g["Grantee"].get("URI") for g in s3.get_bucket_acl(Bucket=name)["Grants"]]
    assert uris == [None, ALL_USERS]
    assert unsigned.get(f"{server.endpoint}/{name}").status_code == 200
    assert unsigned.get(f"{server.endpoint}/{name}/k").status_code == 403
    s3.put_bucket_acl(Bucket=name, ACL="private")
    assert unsigned.get(f"{server.endpoint}/{name}").status_code == 403


def test_an_objects_list_opens_that_object(server, s3, listed):
    name = listed()
    s3.put_object(Bucket=name, Key="open", Body=b"v", ACL="public-read")
    s3.put_object(Bucket=name, Key="closed", Body=b"v")
    assert unsigned.get(f"{server.endpoint}/{name}/open").content == b"v"
    assert unsigned.get(f"{server.endpoint}/{name}/closed").status_code == 403


def test_grants_by_header_and_by_body(s3, client, listed, account):
    name = listed()
    theirs = client("s3", account=account)
    canonical = theirs.list_buckets()["Owner"]["ID"]
    with fails("AccessDenied", status=403):
        theirs.list_objects_v2(Bucket=name)
    s3.put_bucket_acl(Bucket=name, GrantRead=f'id="{canonical}"', GrantReadACP=f'id="{canonical}"')
    theirs.list_objects_v2(Bucket=name)
    shown = theirs.get_bucket_acl(Bucket=name)
    body = {"Grants": shown["Grants"], "Owner": shown["Owner"]}
    s3.put_bucket_acl(Bucket=name, AccessControlPolicy=body)
    assert s3.get_bucket_acl(Bucket=name)["Grants"] == shown["Grants"]


@pytest.mark.parametrize(
    "given, code, status",
    [
        ({}, "MissingSecurityHeader", 400),
        ({"ACL": "private", "GrantRead": "id=a"}, "InvalidRequest", 400),
        ({"GrantRead": "id=abc"}, "InvalidArgument", 400),
        ({"GrantRead": "uri=http://example.com"}, "InvalidArgument", 400),
        ({"GrantRead": "bob"}, "InvalidArgument", 400),
        ({"GrantRead": "emailAddress=a@example.com"}, "MethodNotAllowed", 405),
        ({"AccessControlPolicy": {"Grants": []}}, "MalformedACLError", 400),
        ({"AccessControlPolicy": {"Grants": [], "Owner": {"ID": "a" * 64}}}, "AccessDenied", 403),
    ],
)
def test_what_is_no_list_is_refused(s3, listed, given, code, status):
    with fails(code, status=status):
        s3.put_bucket_acl(Bucket=listed(), **given)


def test_what_a_stranger_writes_is_the_strangers(s3, client, listed, account):
    name = listed("BucketOwnerPreferred")
    theirs = client("s3", account=account)
    canonical = theirs.list_buckets()["Owner"]["ID"]
    s3.put_bucket_acl(Bucket=name, GrantWrite=f'id="{canonical}"')
    theirs.put_object(Bucket=name, Key="kept", Body=b"v")
    # Who says whose an object is needs the permission to say so.
    with fails("AccessDenied", status=403):
        theirs.put_object(Bucket=name, Key="given", Body=b"v", ACL="bucket-owner-full-control")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": "s3:PutObjectAcl",
        "Resource": f"arn:aws:s3:::{name}/*",
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    with fails("AccessDenied", status=403):
        s3.get_object(Bucket=name, Key="kept")
    theirs.get_object(Bucket=name, Key="kept")
    theirs.put_object(Bucket=name, Key="given", Body=b"v", ACL="bucket-owner-full-control")
    s3.get_object(Bucket=name, Key="given")
    s3.delete_object(Bucket=name, Key="kept")


def test_a_key_that_is_not_there_has_no_list(s3, listed):
    name = listed()
    with fails("NoSuchKey", "The specified key does not exist.", status=404):
        s3.get_object_acl(Bucket=name, Key="missing")
    with fails("NoSuchKey", "The specified key does not exist.", status=404):
        s3.put_object_acl(Bucket=name, Key="missing", ACL="private")
