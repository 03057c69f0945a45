"""Bodies are what their senders declare, or nothing of them is kept."""

import base64
import binascii
import hashlib

import pytest

import expect
import s3_raw
import wire
from conftest import make_client

CONTENT = b"123456789"
CRC32 = base64.b64encode(binascii.crc32(CONTENT).to_bytes(4)).decode()
CRC64NVME = "rosUhgp5mIg="
SHA1 = base64.b64encode(hashlib.sha1(CONTENT).digest()).decode()
SHA256 = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
SHA512 = base64.b64encode(hashlib.sha512(CONTENT).digest()).decode()
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()

VALUES = {
    "CRC32": CRC32,
    "CRC32C": "4waSgw==",
    "CRC64NVME": CRC64NVME,
    "SHA1": SHA1,
    "SHA256": SHA256,
    "SHA512": SHA512,
    "MD5": MD5,
    "XXHASH64": "jLhB20DmroM=",
}


def shown(answer):
    """The checksums of an answer."""
    return {k.removeprefix("Checksum"): v for k, v in answer.items() if k.startswith("Checksum") and k != "ChecksumType"}


def checksums_of(s3, name, key="k"):
    return shown(s3.head_object(Bucket=name, Key=key, ChecksumMode="ENABLED"))


def test_clients_send_crc32_by_themselves(s3, bucket):
    name = bucket()
    put = s3.put_object(Bucket=name, Key="k", Body=CONTENT)
    assert (shown(put), put["ChecksumType"]) == ({"CRC32": CRC32}, "FULL_OBJECT")
    assert checksums_of(s3, name) == {"CRC32": CRC32}
    assert s3.get_object(Bucket=name, Key="k", ChecksumMode="ENABLED")["Body"].read() == CONTENT
    assert shown(s3.head_object(Bucket=name, Key="k")) == {}


def test_without_one_s3_adds_crc64nvme(server, bucket):
    plain = make_client(server.endpoint, "s3", request_checksum_calculation="when_required")
    name = bucket()
    assert shown(plain.put_object(Bucket=name, Key="k", Body=CONTENT)) == {"CRC64NVME": CRC64NVME}
    assert checksums_of(plain, name) == {"CRC64NVME": CRC64NVME}


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_the_client_computes_what_it_is_told(s3, bucket, algorithm):
    name = bucket()
    put = s3.put_object(Bucket=name, Key="k", Body=CONTENT, ChecksumAlgorithm=algorithm)
    assert shown(put) == {algorithm: VALUES[algorithm]}
    got = s3.get_object(Bucket=name, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == CONTENT and shown(got)[algorithm] == VALUES[algorithm]


@pytest.mark.parametrize("algorithm", VALUES)
def test_a_checksum_in_a_header(s3, bucket, algorithm):
    name = bucket()
    member = {f"Checksum{algorithm}": VALUES[algorithm]}
    assert shown(s3.put_object(Bucket=name, Key="k", Body=CONTENT, **member)) == {algorithm: VALUES[algorithm]}
    message = f"The {algorithm} you specified did not match the calculated checksum."
    with expect.fails("BadDigest", message):
        s3.put_object(Bucket=name, Key="k", Body=b"another", **member)
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == CONTENT


@pytest.mark.parametrize("algorithm", VALUES)
def test_a_checksum_in_a_trailer(server, s3, bucket, algorithm):
    name, trailer = bucket(), f"x-amz-checksum-{algorithm.lower()}"
    headers = {"x-amz-sdk-checksum-algorithm": algorithm}
    put = s3_raw.chunked(server, name, "k", [CONTENT], (trailer, VALUES[algorithm]), headers)
    assert (put.status, put.headers[trailer]) == (200, VALUES[algorithm]), put
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == CONTENT
    assert "ContentEncoding" not in s3.head_object(Bucket=name, Key="k"), "the framing is not the object's"
    other = s3_raw.chunked(server, name, "k", [b"another"], (trailer, VALUES[algorithm]), headers)
    assert (other.status, other.code) == (400, "BadDigest")


def test_a_trailer_alone_says_which_algorithm(server, s3, bucket):
    name = bucket()
    put = s3_raw.chunked(server, name, "k", [CONTENT], ("x-amz-checksum-sha256", SHA256))
    assert (put.status, put.headers["x-amz-checksum-sha256"]) == (200, SHA256), put
    other = s3_raw.chunked(server, name, "k", [b"another"], ("x-amz-checksum-sha256", SHA256))
    assert (other.status, other.code) == (400, "BadDigest")


def test_a_long_body_with_a_trailer(server, s3, bucket):
    name, content = bucket(), b"0123456789abcdef" * 40_000
    value = base64.b64encode(binascii.crc32(content).to_bytes(4)).decode()
    pieces = [content[at : at + 65_536] for at in range(0, len(content), 65_536)]
    trailer = ("x-amz-checksum-crc32", value)
    assert s3_raw.chunked(server, name, "k", pieces, trailer).status == 200
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == content
    wrong = s3_raw.chunked(server, name, "k", pieces[:-1], trailer)
    assert (wrong.status, wrong.code) == (400, "BadDigest")


def test_content_md5(s3, bucket):
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=CONTENT, ContentMD5=MD5)
    message = "The Content-MD5 you specified did not match what we received."
    with expect.fails("BadDigest", message) as seen:
        s3.put_object(Bucket=name, Key="k", Body=b"another", ContentMD5=MD5)
    assert {"ExpectedDigest", "CalculatedDigest"} <= seen[0].response["Error"].keys()
    with expect.fails("InvalidDigest", "The Content-MD5 you specified was invalid."):
        s3.put_object(Bucket=name, Key="k", Body=CONTENT, ContentMD5="short")


def test_values_that_are_none(s3, bucket):
    name = bucket()
    with expect.fails("InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."):
        s3.put_object(Bucket=name, Key="k", Body=CONTENT, ChecksumCRC32="AAAA")
    message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    with expect.fails("InvalidRequest", message):
        s3.put_object(Bucket=name, Key="k", Body=CONTENT, ChecksumCRC32=CRC32, ChecksumSHA1=SHA1)


def test_an_algorithm_without_a_value(server, bucket):
    at = s3_raw.target(bucket(), "k")
    reply = s3_raw.send(server, "PUT", at, CONTENT, {"x-amz-sdk-checksum-algorithm": "CRC32"})
    assert (reply.status, reply.code) == (400, "InvalidRequest")
    assert reply.message == (
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers "
        "were found."
    )
    headers = {"x-amz-sdk-checksum-algorithm": "crc32", "x-amz-checksum-crc32c": VALUES["CRC32C"]}
    reply = s3_raw.send(server, "PUT", at, CONTENT, headers)
    assert reply.message == "Value for x-amz-sdk-checksum-algorithm header is invalid."


def test_a_hash_in_the_signature(server, s3, bucket):
    name = bucket()
    reply = s3_raw.send(server, "PUT", s3_raw.target(name, "k"), b"another body", signed=CONTENT)
    assert (reply.status, reply.code) == (400, "XAmzContentSHA256Mismatch")
    with expect.fails("404", status=404):
        s3.head_object(Bucket=name, Key="k")


@pytest.mark.parametrize("length", [8, 10, 1_000_000])
def test_a_decoded_length_that_lies(server, s3, bucket, length):
    name = bucket()
    trailer = ("x-amz-checksum-crc32", CRC32)
    reply = s3_raw.chunked(server, name, "k", [CONTENT], trailer, length=length)
    assert reply.status == 400, reply
    with expect.fails("404", status=404):
        s3.head_object(Bucket=name, Key="k")


def test_a_put_is_not_too_large(server, bucket):
    at = s3_raw.target(bucket(), "k")
    headers = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "Expect": "100-continue"}
    request = s3_raw.AWSRequest("PUT", server.endpoint + at, headers=headers)
    s3_raw._Unsigned(s3_raw.Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    lines = [f"PUT {at} HTTP/1.1", f"Host: {server.endpoint.partition('//')[2]}", f"Content-Length: {(5 << 30) + 1}"]
    lines += [f"{k}: {v}" for k, v in request.headers.items() if k.lower() != "host"]
    reply = wire.raw(int(server.endpoint.rpartition(":")[2]), ("\r\n".join(lines) + "\r\n\r\n").encode())
    assert (reply.status, reply.code) == (400, "EntityTooLarge"), reply
    assert reply.text("MaxSizeAllowed") == "5368709120"


DELETE = b"<Delete><Object><Key>k</Key></Object></Delete>"
TAGGING = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
POLICY = (
    '{"Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"s3:GetObject",'
    '"Resource":"arn:aws:s3:::%s/*"}]}'
)


def md5_of(body):
    return base64.b64encode(hashlib.md5(body).digest()).decode()


def crc32_of(body):
    return base64.b64encode(binascii.crc32(body).to_bytes(4)).decode()


@pytest.mark.parametrize("method, query, body", [("POST", "delete", DELETE), ("PUT", "tagging", TAGGING)])
def test_documents_that_need_a_checksum(server, bucket, method, query, body):
    at = s3_raw.target(bucket(), **{query: ""})
    reply = s3_raw.send(server, method, at, body)
    message = "Missing required header for this request: Content-MD5"
    assert (reply.status, reply.code, reply.text("Message")) == (400, "InvalidRequest", message)
    for headers in [{"Content-MD5": md5_of(body)}, {"x-amz-checksum-crc32": crc32_of(body)}]:
        assert s3_raw.send(server, method, at, body, headers).status in (200, 204), headers


def test_a_document_is_what_its_sender_declares(server, bucket):
    name = bucket()
    at, body = s3_raw.target(name, policy=""), (POLICY % name).encode()
    assert s3_raw.send(server, "PUT", at, body).status == 204
    for headers, code, message in [
        ({"Content-MD5": md5_of(b"x")}, "BadDigest", "The Content-MD5 you specified did not match what we received."),
        ({"Content-MD5": "x"}, "InvalidDigest", "The Content-MD5 you specified was invalid."),
        (
            {"x-amz-checksum-sha1": SHA1},
            "BadDigest",
            "The SHA1 you specified did not match the calculated checksum.",
        ),
        ({"x-amz-checksum-crc32": "x"}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
        (
            {"x-amz-checksum-crc32": crc32_of(body), "x-amz-checksum-sha1": SHA1},
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        ),
        (
            {"x-amz-checksum-crc32": crc32_of(body), "x-amz-sdk-checksum-algorithm": "SHA1"},
            "InvalidRequest",
            "Value for x-amz-sdk-checksum-algorithm header is invalid.",
        ),
    ]:
        reply = s3_raw.send(server, "PUT", at, body, headers)
        assert (reply.status, reply.code, reply.text("Message")) == (400, code, message), headers
