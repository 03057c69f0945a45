"""Tags of objects, and policies that go by them."""

import json

import expect
from s3_versions import bucket, put, read


def tags(**given):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in given.items()]}


def test_tags_are_put_read_and_removed(s3):
    name = bucket(s3, "Enabled")
    one = put(s3, name, Tagging="a=1&b=x%20y")["VersionId"]
    given = {"Bucket": name, "Key": "k"}
    assert s3.head_object(**given)["TagCount"] == 2
    shown = s3.get_object_tagging(**given)
    assert (shown["TagSet"], shown["VersionId"]) == (tags(a="1", b="x y")["TagSet"], one)
    two = put(s3, name)["VersionId"]
    assert s3.put_object_tagging(**given, Tagging=tags(c="3"))["VersionId"] == two
    assert s3.get_object_tagging(**given, VersionId=one)["TagSet"] == tags(a="1", b="x y")["TagSet"]
    s3.delete_object_tagging(**given, VersionId=one)
    assert s3.get_object_tagging(**given, VersionId=one)["TagSet"] == []
    assert s3.get_object_tagging(**given)["TagSet"] == tags(c="3")["TagSet"]


def test_tags_keep_the_rules(s3):
    name = bucket(s3)
    put(s3, name)
    given = {"Bucket": name, "Key": "k"}
    for wrong, code, message in [
        (tags(**{f"k{n}": "v" for n in range(11)}), "BadRequest", "Object tags cannot be greater than 10"),
        (tags(**{"k" * 129: "v"}), "InvalidTag", "The TagKey you have provided is invalid"),
        (tags(k="v" * 257), "InvalidTag", "The TagValue you have provided is invalid"),
        (tags(**{"aws:x": "v"}), "InvalidTag", "System tags cannot be added/updated by requester"),
        (
            {"TagSet": 2 * tags(a="1")["TagSet"]},
            "InvalidTag",
            "Cannot provide multiple Tags with the same key",
        ),
    ]:
        with expect.fails(code, message):
            s3.put_object_tagging(**given, Tagging=wrong)
    message = (
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates."
    )
    with expect.fails("InvalidArgument", message):
        put(s3, name, Tagging="a=1&a=2")
    s3.put_object_tagging(**given, Tagging=tags(**{f"k{n}": "v" for n in range(10)}))
    with expect.fails("NoSuchKey", status=404):
        s3.get_object_tagging(Bucket=name, Key="absent")


def test_a_policy_goes_by_the_tags_that_are_there(s3, client, account):
    name = bucket(s3)
    put(s3, name, "open", Tagging="share=yes")
    put(s3, name, "closed", Tagging="share=no")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": ["s3:GetObject", "s3:GetObjectTagging"],
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"StringEquals": {"s3:ExistingObjectTag/share": "yes"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    stranger = client("s3", account=account)
    assert read(stranger, name, "open") == b"content"
    with expect.fails("AccessDenied", status=403):
        read(stranger, name, "closed")
    s3.put_object_tagging(Bucket=name, Key="closed", Tagging=tags(share="yes"))
    assert stranger.get_object_tagging(Bucket=name, Key="closed")["TagSet"] == tags(share="yes")["TagSet"]
    s3.delete_object_tagging(Bucket=name, Key="open")
    with expect.fails("AccessDenied", status=403):
        read(stranger, name, "open")
