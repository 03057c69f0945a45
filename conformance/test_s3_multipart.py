"""Uploads in parts, through boto3, its transfer manager and the CLI."""

import base64
import concurrent.futures
import datetime
import hashlib
import io
import zlib

import boto3.s3.transfer
import pytest

import cli
import expect
from expect import fails

MIB = 1024 * 1024
PART = 5 * MIB


@pytest.fixture
def s3(client):
    return client("s3")


@pytest.fixture
def bucket(s3):
    name = expect.name("b")
    s3.create_bucket(Bucket=name)
    return name


def upload_of(s3, bucket, *bodies, key="k", **more):
    """Begins an upload with these parts; its id, and what completes it."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)["UploadId"]
    parts = [part_of(s3, bucket, upload, number, body, key=key) for number, body in enumerate(bodies, 1)]
    return upload, parts


def part_of(s3, bucket, upload, number, body, key="k", **more):
    answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body, **more)
    checksums = {name: value for name, value in answer.items() if name.startswith("Checksum") and name != "ChecksumType"}
    return {"PartNumber": number, "ETag": answer["ETag"], **checksums}


def complete(s3, bucket, upload, parts, key="k", **more):
    named = {"Parts": parts}
    return s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload=named, **more)


def read(s3, bucket, key="k", **more):
    return s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()


def test_an_upload_from_beginning_to_end(s3, bucket):
    first, last = b"a" * PART, b"the end"
    upload, parts = upload_of(s3, bucket, first, last, ContentType="text/plain", Metadata={"Colour": "grey"})
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert [(p["PartNumber"], p["Size"], p["ETag"]) for p in listed["Parts"]] == [
        (1, PART, parts[0]["ETag"]),
        (2, len(last), parts[1]["ETag"]),
    ]
    assert listed["Initiator"]["ID"] == listed["Owner"]["ID"]
    answer = complete(s3, bucket, upload, parts)
    digests = hashlib.md5(hashlib.md5(first).digest() + hashlib.md5(last).digest()).hexdigest()
    assert answer["ETag"] == f'"{digests}-2"'
    assert answer["Key"] == "k" and answer["Bucket"] == bucket and answer["Location"].endswith(f"/{bucket}/k")
    found = s3.head_object(Bucket=bucket, Key="k")
    assert (found["ContentType"], found["Metadata"], found["ContentLength"]) == ("text/plain", {"colour": "grey"}, PART + 7)
    assert read(s3, bucket) == first + last
    assert read(s3, bucket, PartNumber=2) == last
    assert read(s3, bucket, Range=f"bytes={PART - 2}-{PART + 2}") == b"aathe"


def test_the_transfer_manager_uploads_and_copies(s3, bucket):
    body = bytes(range(256)) * (MIB // 16)  # 16 MiB
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
    s3.upload_fileobj(io.BytesIO(body), bucket, "large", Config=config)
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-4"')
    into = io.BytesIO()
    s3.download_fileobj(bucket, "large", into, Config=config)
    assert into.getvalue() == body
    s3.copy({"Bucket": bucket, "Key": "large"}, bucket, "copy", Config=config)
    assert read(s3, bucket, "copy") == body


def test_the_cli_copies_a_large_file(server, s3, bucket, tmp_path):
    path, reason = cli.version_1()
    if path is None:
        pytest.skip(reason)
    aws = cli.Cli(server, path, through_fogbank=False)
    source, back = tmp_path / "large", tmp_path / "back"
    source.write_bytes(bytes(range(251)) * (20 * MIB // 251))
    aws.run("s3", "cp", str(source), f"s3://{bucket}/folder/large")
    assert "-" in s3.head_object(Bucket=bucket, Key="folder/large")["ETag"]
    aws.run("s3", "cp", f"s3://{bucket}/folder/large", str(back))
    assert back.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("algorithm", "kind", "shown"),
    [
        ("CRC32", None, "COMPOSITE"),
        ("CRC32", "FULL_OBJECT", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT", "FULL_OBJECT"),
        ("CRC64NVME", None, "FULL_OBJECT"),
        ("SHA1", None, "COMPOSITE"),
        ("SHA256", "COMPOSITE", "COMPOSITE"),
    ],
)
def test_checksums(s3, bucket, algorithm, kind, shown):
    more = {"ChecksumAlgorithm": algorithm, **({"ChecksumType": kind} if kind else {})}
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", **more)
    assert (begun["ChecksumAlgorithm"], begun["ChecksumType"]) == (algorithm, shown)
    upload, name = begun["UploadId"], f"Checksum{algorithm}"
    if algorithm in BY_HAND:
        # boto3 computes these with a library of its own, which is not installed.
        value = checksum(algorithm, b"b" * 100)
        parts = [part_of(s3, bucket, upload, 1, b"b" * 100, **{name: value})]
    else:
        bodies = [(1, b"a" * PART), (2, b"b" * 100)]
        parts = [part_of(s3, bucket, upload, *part, ChecksumAlgorithm=algorithm) for part in bodies]
    assert all(name in part for part in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"])
    answer = complete(s3, bucket, upload, parts)
    assert answer["ChecksumType"] == shown
    assert answer[name].endswith(f"-{len(parts)}") == (shown == "COMPOSITE")
    if algorithm == "CRC32" and shown == "FULL_OBJECT":
        whole = zlib.crc32(b"a" * PART + b"b" * 100).to_bytes(4, "big")
        assert answer[name] == base64.b64encode(whole).decode()
    if algorithm in BY_HAND:
        assert answer[name] == value
    found = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (found[name], found["ChecksumType"]) == (answer[name], shown)


BY_HAND = {"CRC32C": (0x82F63B78, 32), "CRC64NVME": (0x9A6C9329AC4BC9B5, 64)}


def checksum(algorithm, body):
    polynomial, bits = BY_HAND[algorithm]
    value = (1 << bits) - 1
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
    return base64.b64encode((value ^ ((1 << bits) - 1)).to_bytes(bits // 8, "big")).decode()


def test_without_an_algorithm_the_whole_object_has_one(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a" * 100)
    parts = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"]} for part in parts]
    answer = complete(s3, bucket, upload, parts)
    assert answer["ChecksumType"] == "FULL_OBJECT" and "ChecksumCRC64NVME" in answer


def test_checksums_that_cannot_be(s3, bucket):
    with fails("InvalidRequest", "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."):
        s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")
    upload, _ = upload_of(s3, bucket, ChecksumAlgorithm="SHA256")
    parts = [part_of(s3, bucket, upload, 1, b"a", ChecksumAlgorithm="SHA256")]
    bare = [{"PartNumber": 1, "ETag": parts[0]["ETag"]}]
    with fails("InvalidRequest", "The upload was created using a sha256 checksum. The complete request must include "
               "the checksum for each part. It was missing for part 1 in the request."):
        complete(s3, bucket, upload, bare)
    with fails("InvalidRequest"):
        complete(s3, bucket, upload, parts, ChecksumType="FULL_OBJECT")
    with fails("BadDigest"):
        complete(s3, bucket, upload, parts, ChecksumSHA256=base64.b64encode(b"x" * 32).decode())


def test_no_such_upload(s3, bucket):
    s3.put_object(Bucket=bucket, Key="source", Body=b"x")
    one = {"Parts": [{"PartNumber": 1, "ETag": '"x"'}]}
    gone = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=gone)
    for upload in (gone, "gibberish"):
        named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
        for call in (
            lambda: s3.abort_multipart_upload(**named),
            lambda: s3.list_parts(**named),
            lambda: s3.upload_part(**named, PartNumber=1, Body=b"x"),
            lambda: s3.upload_part_copy(**named, PartNumber=1, CopySource=f"{bucket}/source"),
            lambda: s3.complete_multipart_upload(**named, MultipartUpload=one),
        ):
            with fails("NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the "
                       "upload may have been aborted or completed.", status=404) as seen:
                call()
            assert seen[0].response["Error"]["UploadId"] == upload


def test_parts_that_are_too_small(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a" * 1000, b"b")
    with fails("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size") as seen:
        complete(s3, bucket, upload, parts)
    error = seen[0].response["Error"]
    assert (error["ProposedSize"], error["MinSizeAllowed"], error["PartNumber"]) == ("1000", "5242880", "1")
    assert error["ETag"] == parts[0]["ETag"].strip('"')


def test_parts_that_are_not_there(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a")
    with fails("InvalidPart", "One or more of the specified parts could not be found.  The part may not have been "
               "uploaded, or the specified entity tag may not match the part's entity tag.") as seen:
        complete(s3, bucket, upload, [{"PartNumber": 134, "ETag": "e868e0f4719e394144ef36531ee6824c"}])
    error = seen[0].response["Error"]
    assert (error["UploadId"], error["PartNumber"]) == (upload, "134")
    with fails("InvalidPart"):
        complete(s3, bucket, upload, [{**parts[0], "ETag": '"wrong"'}])
    with fails("MalformedXML"):
        complete(s3, bucket, upload, [])
    with fails("MalformedXML"):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)


def test_parts_in_disorder(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a" * PART, b"b")
    for disordered in (parts[::-1], [parts[0], parts[0]]):
        with fails("InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part "
                   "number."):
            complete(s3, bucket, upload, disordered)


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_part_numbers_that_are_none(s3, bucket, number):
    upload, _ = upload_of(s3, bucket)
    with fails("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive"):
        part_of(s3, bucket, upload, number, b"x")


def test_a_part_that_is_sent_again_replaces_the_first(s3, bucket):
    upload, _ = upload_of(s3, bucket, b"first")
    last = part_of(s3, bucket, upload, 1, b"last")
    complete(s3, bucket, upload, [last])
    assert read(s3, bucket) == b"last"


def test_parts_may_come_in_any_order_and_at_once(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    bodies = {number: bytes([number]) * PART for number in range(1, 7)}
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        sent = pool.map(lambda number: part_of(s3, bucket, upload, number, bodies[number]), reversed(bodies))
    complete(s3, bucket, upload, sorted(sent, key=lambda part: part["PartNumber"]))
    assert read(s3, bucket) == b"".join(bodies.values())


def test_a_completion_that_is_repeated(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a")
    first = complete(s3, bucket, upload, parts)
    again = complete(s3, bucket, upload, parts)
    assert again["ETag"] == first["ETag"]


def test_conditions(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a")
    with fails("NoSuchKey", status=404):
        complete(s3, bucket, upload, parts, IfMatch='"x"')
    complete(s3, bucket, upload, parts, IfNoneMatch="*")
    upload, parts = upload_of(s3, bucket, b"b")
    with fails("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", status=412) as seen:
        complete(s3, bucket, upload, parts, IfNoneMatch="*")
    assert seen[0].response["Error"]["Condition"] == "If-None-Match"
    s3.delete_object(Bucket=bucket, Key="k")
    with fails("ConditionalRequestConflict", status=409):
        complete(s3, bucket, upload, parts, IfNoneMatch="*")


def test_sizes_that_are_expected(s3, bucket):
    upload, parts = upload_of(s3, bucket, b"a" * 15)
    with fails("InvalidRequest", "The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: "
               "15"):
        complete(s3, bucket, upload, parts, MpuObjectSize=5)
    complete(s3, bucket, upload, parts, MpuObjectSize=15)


def test_copies_of_ranges(s3, bucket):
    source = bytes(range(256)) * (PART // 256 + 10)
    s3.put_object(Bucket=bucket, Key="a source", Body=source)
    upload, _ = upload_of(s3, bucket)
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload, "CopySource": {"Bucket": bucket, "Key": "a source"}}
    first = s3.upload_part_copy(**named, PartNumber=1)["CopyPartResult"]
    assert first["ETag"] == f'"{hashlib.md5(source).hexdigest()}"' and first["LastModified"]
    second = s3.upload_part_copy(**named, PartNumber=2, CopySourceRange="bytes=1-9")["CopyPartResult"]
    complete(s3, bucket, upload, [{"PartNumber": 1, "ETag": first["ETag"]}, {"PartNumber": 2, "ETag": second["ETag"]}])
    assert read(s3, bucket) == source + source[1:10]
    upload, _ = upload_of(s3, bucket)
    named["UploadId"] = upload
    size = len(source)
    with fails("InvalidArgument", f"Range specified is not valid for source object of size: {size}"):
        s3.upload_part_copy(**named, PartNumber=1, CopySourceRange=f"bytes=0-{size}")
    with fails("InvalidArgument"):
        s3.upload_part_copy(**named, PartNumber=1, CopySourceRange="bytes=5-")
    with fails("PreconditionFailed", status=412):
        s3.upload_part_copy(**named, PartNumber=1, CopySourceIfMatch='"x"')
    later = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    with fails("PreconditionFailed", status=412):
        s3.upload_part_copy(**named, PartNumber=1, CopySourceIfUnmodifiedSince=later)
    with fails("NoSuchKey", status=404):
        s3.upload_part_copy(**{**named, "CopySource": f"{bucket}/missing"}, PartNumber=1)


def test_lists_of_parts_in_pages(s3, bucket):
    numbers = [1, 2, 5, 9, 10_000]
    upload, _ = upload_of(s3, bucket)
    for number in numbers:
        part_of(s3, bucket, upload, number, b"x")
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    pages = list(s3.get_paginator("list_parts").paginate(**named, PaginationConfig={"PageSize": 2}))
    assert [part["PartNumber"] for page in pages for part in page["Parts"]] == numbers
    assert [page["IsTruncated"] for page in pages] == [True, True, False]
    with fails("InvalidArgument", "Argument part-number-marker must be an integer between 0 and 2147483647"):
        s3.list_parts(**named, PartNumberMarker=-2)
    with fails("InvalidArgument", "Argument max-parts must be an integer between 0 and 2147483647"):
        s3.list_parts(**named, MaxParts=-1)


def test_lists_of_uploads_in_pages(s3, bucket):
    begun = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in ["b/1", "a b", "b/2", "c", "a b"]]
    ordered = sorted(begun, key=lambda upload: upload[0])
    for size in (1, 2, 3, 10):
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        seen = [(upload["Key"], upload["UploadId"]) for page in pages for upload in page.get("Uploads", [])]
        assert sorted(seen) == sorted(begun) and [key for key, _ in seen] == [key for key, _ in ordered]
    page = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/", EncodingType="url")
    assert [group["Prefix"] for group in page["CommonPrefixes"]] == ["b/"]
    assert {upload["Key"] for upload in page["Uploads"]} == {"a+b", "c"}
    page = s3.list_multipart_uploads(Bucket=bucket, Prefix="b/")
    assert [upload["Key"] for upload in page["Uploads"]] == ["b/1", "b/2"]
    with fails("InvalidArgument", "Invalid uploadId marker"):
        s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a b", UploadIdMarker="gibberish")


def test_a_bucket_with_uploads_can_be_deleted_once_they_are_given_up(s3, bucket):
    upload, _ = upload_of(s3, bucket, b"x")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)
