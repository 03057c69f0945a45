"""Objects: what is put is what is got, under any key, and what is told of it."""

import datetime
import os
import re

import pytest

import expect
import s3_raw
import wire

ODD_KEYS = [
    "plain",
    "with space",
    " leading space",
    "plus+plus",
    "per%20cent",
    "a//b",
    "/leading",
    "//two",
    "trailing/",
    "a/./b",
    "a/../b",
    "..",
    "größe-🌫-日本",
    "new\nline",
    "?query&like=this#too",
    "\"quoted\" <and> 'tagged'",
    "semi;colon:at@equals=",
    "~tilde*star!bang(paren)",
    "back\\slash^caret`tick{brace}|pipe",
    "x" * 1024,
]


def body_of(answer):
    return answer["Body"].read()


@pytest.mark.parametrize("length", [0, 1, 4096, 65_504, 65_505, 262_145, 5_000_001])
def test_content_comes_back_as_it_was(s3, bucket, length):
    name, content = bucket(), os.urandom(length)
    put = s3.put_object(Bucket=name, Key="k", Body=content)
    got = s3.get_object(Bucket=name, Key="k")
    assert body_of(got) == content
    assert got["ContentLength"] == length and got["ETag"] == put["ETag"]


@pytest.fixture(scope="module")
def odd(s3):
    name = expect.name(prefix="b")
    s3.create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_keys_are_text(s3, odd, key):
    s3.put_object(Bucket=odd, Key=key, Body=key.encode())
    assert body_of(s3.get_object(Bucket=odd, Key=key)) == key.encode()
    assert s3.head_object(Bucket=odd, Key=key)["ContentLength"] == len(key.encode())


def test_a_key_has_a_length(s3, odd):
    with expect.fails("KeyTooLongError", "Your key is too long"):
        s3.put_object(Bucket=odd, Key="x" * 1025, Body=b"")


def test_what_is_said_of_an_object_comes_back(s3, bucket):
    name = bucket()
    given = {
        "CacheControl": "max-age=1",
        "ContentDisposition": 'attachment; filename="a.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de, en",
        "ContentType": "text/plain; charset=utf-8",
        "Metadata": {"colour": "grey", "with-dash": "a b  c"},
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/elsewhere",
    }
    expires = datetime.datetime(2033, 12, 1, 16, 0, tzinfo=datetime.UTC)
    s3.put_object(Bucket=name, Key="k", Body=b"x", Expires=expires, **given)
    for answer in (s3.get_object(Bucket=name, Key="k"), s3.head_object(Bucket=name, Key="k")):
        assert {member: answer[member] for member in given} == given
        assert answer["ExpiresString"] == "Thu, 01 Dec 2033 16:00:00 GMT"
        assert answer["AcceptRanges"] == "bytes"


def test_defaults(s3, bucket):
    name = bucket()
    put = s3.put_object(Bucket=name, Key="k", Body=b"content")
    assert put["ETag"] == '"9a0364b9e99bb480dd25e1f0284c8555"'
    assert put["ServerSideEncryption"] == "AES256"
    assert "VersionId" not in put
    got = s3.head_object(Bucket=name, Key="k")
    assert got["ContentType"] == "binary/octet-stream"
    assert got["Metadata"] == {}
    assert "StorageClass" not in got and "VersionId" not in got
    now = datetime.datetime.now(datetime.UTC)
    assert got["LastModified"].microsecond == 0 and abs((now - got["LastModified"]).days) < 4000


def test_metadata_that_is_no_ascii_is_wrapped(server, s3, bucket):
    name = bucket()
    headers = {"x-amz-meta-nonascii": "ÄMÄZÕÑ S3", "x-amz-meta-ascii": "AMAZONS3"}
    reply = s3_raw.send(server, "PUT", s3_raw.target(name, "k"), b"x", headers)
    assert reply.status == 200, reply
    shown = s3.head_object(Bucket=name, Key="k")["Metadata"]
    assert shown == {"ascii": "AMAZONS3", "nonascii": "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="}


def test_metadata_has_two_kibibytes(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"", Metadata={"a": "x" * 2047})
    message = "Your metadata headers exceed the maximum allowed metadata size"
    with expect.fails("MetadataTooLarge", message) as seen:
        s3.put_object(Bucket=name, Key="k", Body=b"", Metadata={"a": "x" * 2048})
    assert seen[0].response["Error"]["Size"] == "2049"


def test_classes_and_redirects_are_checked(s3, bucket):
    name = bucket()
    for storage_class in ("COLD", "OUTPOSTS", "EXPRESS_ONEZONE"):
        with expect.fails("InvalidStorageClass", "The storage class you specified is not valid"):
            s3.put_object(Bucket=name, Key="k", Body=b"", StorageClass=storage_class)
    with expect.fails("InvalidRedirectLocation"):
        s3.put_object(Bucket=name, Key="k", Body=b"", WebsiteRedirectLocation="nowhere")


def test_what_is_not_there(s3, bucket):
    name = bucket()
    with expect.fails("NoSuchKey", "The specified key does not exist.", 404) as seen:
        s3.get_object(Bucket=name, Key="missing")
    assert seen[0].response["Error"]["Key"] == "missing"
    with expect.fails("404", "Not Found", 404):
        s3.head_object(Bucket=name, Key="missing")
    with expect.fails("NoSuchBucket", "The specified bucket does not exist", 404):
        s3.get_object(Bucket=name + "-not", Key="missing")


def test_head_has_no_body_even_when_it_fails(server, s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    data = wire.send(server.endpoint, "HEAD", s3_raw.target(name, "k"))
    assert (data.status, data.body) == (403, b"")
    reply = s3_raw.send(server, "HEAD", s3_raw.target(name, "k"))
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, "7", b"")


def test_who_may_not_list_does_not_learn_what_is_there(server, client, s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    iam = client("iam")
    user = expect.name(prefix="u")
    iam.create_user(UserName=user)
    reader = expect.user_caller(
        server, iam, user, service="s3", action="s3:GetObject", resource=f"arn:aws:s3:::{name}/*"
    )
    assert body_of(reader.get_object(Bucket=name, Key="k")) == b"content"
    with expect.fails("AccessDenied", re.compile("s3:ListBucket"), 403):
        reader.get_object(Bucket=name, Key="missing")
    with expect.fails("403", "Forbidden", 403):
        reader.head_object(Bucket=name, Key="missing")


def test_answers_are_overridden(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content", ContentType="text/plain")
    expires = datetime.datetime(2033, 12, 1, 16, 0, tzinfo=datetime.UTC)
    got = s3.get_object(
        Bucket=name,
        Key="k",
        ResponseCacheControl="no-store",
        ResponseContentDisposition="inline",
        ResponseContentEncoding="identity",
        ResponseContentLanguage="fr",
        ResponseContentType="text/html",
        ResponseExpires=expires,
    )
    assert got["CacheControl"] == "no-store" and got["ContentDisposition"] == "inline"
    assert got["ContentEncoding"] == "identity" and got["ContentLanguage"] == "fr"
    assert got["ContentType"] == "text/html" and got["ExpiresString"] == "Thu, 01 Dec 2033 16:00:00 GMT"


def test_who_signs_nothing_overrides_nothing(server, s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    s3.delete_public_access_block(Bucket=name)
    allow = expect.policy("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal="*")
    s3.put_bucket_policy(Bucket=name, Policy=allow)
    assert wire.send(server.endpoint, "GET", s3_raw.target(name, "k")).body == b"content"
    at = s3_raw.target(name, "k", **{"response-content-type": "text/html"})
    reply = wire.send(server.endpoint, "GET", at)
    assert (reply.status, reply.code) == (400, "InvalidRequest")
    assert reply.message == "Request specific response headers cannot be used for anonymous GET requests."


@pytest.mark.parametrize(
    "asked, status, length",
    [
        ("bytes=0-0", 206, 1),
        ("bytes=10-", 206, 90),
        ("bytes=-10", 206, 10),
        ("bytes=-1000", 206, 100),
        ("bytes=90-1000", 206, 10),
        ("bytes=0-1,5-6", 200, 100),
        ("bytes=9-1", 200, 100),
        ("pages=1-2", 200, 100),
    ],
)
def test_ranges(s3, odd, asked, status, length):
    s3.put_object(Bucket=odd, Key="ranges", Body=bytes(range(100)))
    for answer in (s3.get_object, s3.head_object):
        got = answer(Bucket=odd, Key="ranges", Range=asked)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == status
        assert got["ContentLength"] == length
        assert ("ContentRange" in got) == (status == 206)


def test_a_range_behind_the_end(s3, odd):
    s3.put_object(Bucket=odd, Key="short", Body=b"0123456789")
    with expect.fails("InvalidRange", "The requested range is not satisfiable", 416) as seen:
        s3.get_object(Bucket=odd, Key="short", Range="bytes=10-")
    error = seen[0].response["Error"]
    assert (error["ActualObjectSize"], error["RangeRequested"]) == ("10", "bytes=10-")
    with expect.fails("416", status=416):
        s3.head_object(Bucket=odd, Key="short", Range="bytes=10-")


def test_part_numbers(s3, odd):
    s3.put_object(Bucket=odd, Key="part", Body=b"0123456789")
    got = s3.get_object(Bucket=odd, Key="part", PartNumber=1)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert (got["ContentRange"], body_of(got)) == ("bytes 0-9/10", b"0123456789")
    assert "PartsCount" not in got
    with expect.fails("InvalidPartNumber", "The requested partnumber is not satisfiable", 416):
        s3.get_object(Bucket=odd, Key="part", PartNumber=2)
    with expect.fails("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"):
        s3.get_object(Bucket=odd, Key="part", PartNumber=10_001)
    with expect.fails("InvalidRequest", "Cannot specify both Range header and partNumber query parameter"):
        s3.get_object(Bucket=odd, Key="part", PartNumber=1, Range="bytes=0-1")


def test_archived_objects_are_not_read(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"cold", StorageClass="DEEP_ARCHIVE")
    message = "The operation is not valid for the object's storage class"
    with expect.fails("InvalidObjectState", message, 403) as seen:
        s3.get_object(Bucket=name, Key="k")
    assert seen[0].response["StorageClass"] == "DEEP_ARCHIVE"
    assert s3.head_object(Bucket=name, Key="k")["StorageClass"] == "DEEP_ARCHIVE"


def test_versions_by_id(s3, bucket):
    name = bucket()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket=name, Key="k", Body=text)["VersionId"] for text in (b"one", b"two")]
    assert [body_of(s3.get_object(Bucket=name, Key="k", VersionId=id)) for id in ids] == [b"one", b"two"]
    marker = s3.delete_object(Bucket=name, Key="k")["VersionId"]
    with expect.fails("NoSuchKey", status=404) as seen:
        s3.get_object(Bucket=name, Key="k")
    headers = seen[0].response["ResponseMetadata"]["HTTPHeaders"]
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    with expect.fails("MethodNotAllowed", status=405) as seen:
        s3.get_object(Bucket=name, Key="k", VersionId=marker)
    headers = seen[0].response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true" and "last-modified" in headers
    with expect.fails("405", status=405):
        s3.head_object(Bucket=name, Key="k", VersionId=marker)
    with expect.fails("InvalidArgument", "Invalid version id specified"):
        s3.get_object(Bucket=name, Key="k", VersionId="no-id")


def test_what_appends_is_not_there(s3, bucket):
    with expect.fails("NotImplemented", status=501) as seen:
        s3.put_object(Bucket=bucket(), Key="k", Body=b"x", WriteOffsetBytes=0)
    assert seen[0].response["Error"]["Header"] == "x-amz-write-offset-bytes"


def test_there_are_no_torrents(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content")
    with expect.fails("MethodNotAllowed", status=405):
        s3.get_object_torrent(Bucket=name, Key="k")


def test_the_expected_owner(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"content", ExpectedBucketOwner="000000000000")
    with expect.fails("AccessDenied", "Access Denied", 403):
        s3.get_object(Bucket=name, Key="k", ExpectedBucketOwner="111122223333")


def test_a_big_file_by_the_transfer_manager(s3, bucket, tmp_path):
    name, here, back = bucket(), tmp_path / "here", tmp_path / "back"
    here.write_bytes(os.urandom(20_000_000))
    s3.upload_file(str(here), name, "big")
    s3.download_file(name, "big", str(back))
    assert back.read_bytes() == here.read_bytes()
    assert re.fullmatch(r'"[0-9a-f]{32}-3"', s3.head_object(Bucket=name, Key="big")["ETag"])


def test_what_was_acknowledged_survives_a_kill(durable, client):
    from conftest import make_client

    first = durable()
    s3 = make_client(first.endpoint, "s3")
    s3.create_bucket(Bucket="kept")
    small, large = os.urandom(1000), os.urandom(3_000_000)
    s3.put_object(Bucket="kept", Key="small", Body=small)
    s3.put_object(Bucket="kept", Key="large", Body=large)
    first.kill()
    s3 = make_client(durable().endpoint, "s3")
    assert body_of(s3.get_object(Bucket="kept", Key="small")) == small
    assert body_of(s3.get_object(Bucket="kept", Key="large")) == large


def test_nothing_that_was_put_lies_in_the_clear(durable):
    from conftest import make_client

    running = durable()
    s3 = make_client(running.endpoint, "s3")
    s3.create_bucket(Bucket="sealed")
    marker = b"a-marker-that-nobody-else-has" * 10
    s3.put_object(Bucket="sealed", Key="small", Body=marker)
    s3.put_object(Bucket="sealed", Key="large", Body=marker * 3000)
    data = running.arguments[running.arguments.index("--data") + 1]
    for folder, _, files in os.walk(data):
        for file in files:
            with open(os.path.join(folder, file), "rb") as opened:
                assert b"a-marker-that-nobody" not in opened.read(), file
