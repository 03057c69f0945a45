"""Inventory reports: files, manifest and checksum, read as a client would."""

import csv
import gzip
import hashlib
import io
import json
import urllib.parse

import pytest

import expect
from conftest import DEV_ACCOUNT
from expect import fails

KEYS = ["a b.txt", "folder/ä", "plain"]


@pytest.fixture
def reported(s3, bucket):
    """reported(format, **more) makes a bucket with objects whose reports go into another; (bucket, destination)."""

    def make(format, **more):
        source, destination = bucket(), bucket()
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{destination}/*",
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
                "StringEquals": {"aws:SourceAccount": DEV_ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control"},
            },
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        s3.put_bucket_policy(Bucket=destination, Policy=policy)
        for key in KEYS:
            s3.put_object(Bucket=source, Key=key, Body=key.encode())
        target = {"AccountId": DEV_ACCOUNT, "Bucket": f"arn:aws:s3:::{destination}", "Format": format, "Prefix": "inv"}
        configuration = {
            "Destination": {"S3BucketDestination": target},
            "IsEnabled": True,
            "Id": "daily",
            "IncludedObjectVersions": "Current",
            "OptionalFields": ["Size", "LastModifiedDate", "ETag", "StorageClass", "ChecksumAlgorithm"],
            "Schedule": {"Frequency": "Daily"},
            **more,
        }
        s3.put_bucket_inventory_configuration(Bucket=source, Id="daily", InventoryConfiguration=configuration)
        return source, destination

    return make


def report(server, s3, destination):
    """The manifest and the content of the only file of the first report."""
    server.advance("24h")
    list_all = lambda: [entry["Key"] for entry in s3.list_objects_v2(Bucket=destination).get("Contents", [])]
    keys = expect.eventually(list_all, lambda keys: any(key.endswith("manifest.checksum") for key in keys))
    read = lambda key: s3.get_object(Bucket=destination, Key=key)["Body"].read()
    [checksum] = [key for key in keys if key.endswith("/manifest.checksum")]
    raw = read(checksum.replace(".checksum", ".json"))
    assert read(checksum).decode() == hashlib.md5(raw).hexdigest()
    manifest = json.loads(raw)
    [file] = manifest["files"]
    content = read(file["key"])
    assert (file["size"], file["MD5checksum"]) == (len(content), hashlib.md5(content).hexdigest())
    [symlink] = [key for key in keys if "/hive/dt=" in key and key.endswith("/symlink.txt")]
    assert read(symlink).decode() == f"s3://{destination}/{file['key']}"
    return manifest, content


def test_csv(server, s3, reported):
    source, destination = reported("CSV")
    manifest, content = report(server, s3, destination)
    assert manifest["sourceBucket"] == source and manifest["destinationBucket"] == f"arn:aws:s3:::{destination}"
    assert (manifest["fileFormat"], manifest["version"]) == ("CSV", "2016-11-30")
    assert manifest["fileSchema"] == "Bucket, Key, Size, LastModifiedDate, ETag, StorageClass, ChecksumAlgorithm"
    rows = list(csv.reader(io.StringIO(gzip.decompress(content).decode())))
    assert [urllib.parse.unquote_plus(row[1]) for row in rows] == KEYS
    assert {row[0] for row in rows} == {source}
    etag = hashlib.md5(b"plain").hexdigest()
    assert (rows[2][2], rows[2][4], rows[2][5], rows[2][6]) == ("5", etag, "STANDARD", "CRC32")


def test_parquet(server, s3, reported):
    parquet = pytest.importorskip("pyarrow.parquet")
    source, destination = reported("Parquet", OptionalFields=["Size", "LastModifiedDate", "ObjectLockMode"])
    manifest, content = report(server, s3, destination)
    assert manifest["fileSchema"].startswith("message s3.inventory { required binary bucket (UTF8); ")
    rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    assert [row["key"] for row in rows] == KEYS
    assert (rows[2]["size"], rows[2]["object_lock_mode"]) == (5, None)
    assert rows[2]["last_modified_date"].year >= 2026


def test_a_format_that_is_not_made_is_refused(reported):
    with fails("NotImplemented", "Inventory reports in ORC are not made here; choose CSV or Parquet.", status=501):
        reported("ORC")
