"""URLs that carry their signature: of version 4, and of version 2, which boto3 makes by itself."""

import datetime
import urllib.parse

import pytest

import expect
import wire
from conftest import make_client


@pytest.fixture(params=["s3v4", "s3"], ids=["version 4", "version 2"])
def signer(server, request):
    return make_client(server.endpoint, "s3", signature_version=request.param)


@pytest.fixture
def there(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="a b/ü+%.txt", Body=b"content", ContentType="text/plain")
    return name


KEY = "a b/ü+%.txt"


def url(signer, method, expires=60, **given):
    return signer.generate_presigned_url(method, Params=given, ExpiresIn=expires)


def send(method, address, body=b"", headers=None):
    where = urllib.parse.urlsplit(address)
    return wire.send(f"{where.scheme}://{where.netloc}", method, f"{where.path}?{where.query}", body, headers)


def test_get_and_head(signer, there):
    address = url(signer, "get_object", Bucket=there, Key=KEY)
    reply = send("GET", address)
    assert (reply.status, reply.body) == (200, b"content")
    assert send("HEAD", url(signer, "head_object", Bucket=there, Key=KEY)).headers["content-length"] == "7"


def test_a_range_of_it(signer, there):
    reply = send("GET", url(signer, "get_object", Bucket=there, Key=KEY), headers={"Range": "bytes=1-3"})
    assert (reply.status, reply.body, reply.headers["content-range"]) == (206, b"ont", "bytes 1-3/7")


def test_put(signer, s3, there):
    address = url(signer, "put_object", Bucket=there, Key="new")
    reply = send("PUT", address, b"by a browser")
    assert reply.status == 200, reply
    assert s3.get_object(Bucket=there, Key="new")["Body"].read() == b"by a browser"


def test_what_was_signed_must_be_sent(signer, there):
    address = url(signer, "put_object", Bucket=there, Key="new", ContentType="text/plain")
    assert send("PUT", address, b"x", {"Content-Type": "text/plain"}).status == 200
    assert send("PUT", address, b"x", {"Content-Type": "text/html"}).status == 403
    assert send("PUT", address.replace("new", "old"), b"x", {"Content-Type": "text/plain"}).status == 403


def test_overriding_the_answer(signer, there):
    address = url(signer, "get_object", Bucket=there, Key=KEY, ResponseContentType="text/html")
    assert send("GET", address).headers["content-type"] == "text/html"


def test_delete(signer, s3, there):
    assert send("DELETE", url(signer, "delete_object", Bucket=there, Key=KEY)).status == 204
    with expect.fails("404", status=404):
        s3.head_object(Bucket=there, Key=KEY)


def test_version_2_expires(server, there):
    signer = make_client(server.endpoint, "s3", signature_version="s3")
    address = url(signer, "get_object", expires=-5, Bucket=there, Key=KEY)
    reply = send("GET", address)
    assert (reply.status, reply.code, reply.message) == (403, "AccessDenied", "Request has expired")


def test_version_4_expires(server, there):
    signer = make_client(server.endpoint, "s3", signature_version="s3v4")
    with wire.shifted(datetime.timedelta(minutes=-5)):
        address = url(signer, "get_object", expires=60, Bucket=there, Key=KEY)
    reply = send("GET", address)
    assert (reply.status, reply.code, reply.message) == (403, "AccessDenied", "Request has expired")


def test_a_changed_signature(signer, there):
    address = url(signer, "get_object", Bucket=there, Key=KEY)
    parts = urllib.parse.urlsplit(address)
    query = dict(urllib.parse.parse_qsl(parts.query))
    name = "X-Amz-Signature" if "X-Amz-Signature" in query else "Signature"
    query[name] = ("0" * 64) if name.startswith("X") else "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
    reply = send("GET", parts._replace(query=urllib.parse.urlencode(query)).geturl())
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")


def test_who_signed_may_do_no_more_than_before(server, client, there):
    iam, user = client("iam"), expect.name(prefix="u")
    iam.create_user(UserName=user)
    nobody = expect.user_caller(server, iam, user, service="s3")
    reply = send("GET", url(nobody, "get_object", Bucket=there, Key=KEY))
    assert (reply.status, reply.code) == (403, "AccessDenied")


def test_objects_of_kms_take_version_4(server, s3, there):
    s3.put_object(Bucket=there, Key="sealed", Body=b"content", ServerSideEncryption="aws:kms")
    new = make_client(server.endpoint, "s3", signature_version="s3v4")
    assert send("GET", url(new, "get_object", Bucket=there, Key="sealed")).body == b"content"
    old = make_client(server.endpoint, "s3", signature_version="s3")
    reply = send("GET", url(old, "get_object", Bucket=there, Key="sealed"))
    assert (reply.status, reply.code) == (400, "InvalidArgument")
    assert reply.message == (
        "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4."
    )
