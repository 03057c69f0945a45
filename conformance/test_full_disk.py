"""A full disk: a clear error, nothing lost, and service resumes when there is room."""

import os
import subprocess
import time

import pytest
from botocore.exceptions import ClientError

import server as servers
from conftest import make_client

BODY = "x" * 100_000
DISK = "192m"


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, small enough to fill."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(tmp_path)], capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.fixture
def cloud(small_disk):
    running = servers.Server("--dev", "--data", str(small_disk / "data"))
    running.start()
    yield running
    running.kill()


def fill(sqs, url):
    """Sends until the disk is full; returns how many were taken, and the refusal."""
    for sent in range(10_000):
        try:
            sqs.send_message(QueueUrl=url, MessageBody=f"{sent}:{BODY}")
        except ClientError as error:
            return sent, error.response
    raise AssertionError("the disk never became full")


def receive_all(sqs, url, delete):
    bodies = []
    while True:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return bodies
        bodies += [int(message["Body"].split(":")[0]) for message in messages]
        if delete:
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
            assert "Failed" not in sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def test_a_full_disk_refuses_sends_and_nothing_else(cloud):
    sqs = make_client(cloud.endpoint, "sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    sent, refusal = fill(sqs, url)
    assert sent > 100
    assert refusal["Error"]["Code"] == "ServiceUnavailable", refusal
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert "room" in refusal["Error"]["Message"]

    # A restart on the full disk loses nothing, and what is deleted makes room.
    cloud.kill()
    cloud.start()
    sqs = make_client(cloud.endpoint, "sqs")
    assert sorted(receive_all(sqs, url, delete=True)) == list(range(sent))
    for _ in range(200):
        try:
            sqs.send_message(QueueUrl=url, MessageBody="there is room again")
            break
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ServiceUnavailable"
    else:
        raise AssertionError("service did not resume")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "there is room again"


def put_until_full(s3, bucket):
    """Puts objects of every kind until the disk is full; returns what was taken, and the refusal."""
    taken = {}
    for number in range(10_000):
        size = [500, 40_000, 600_000, 3_000_000][number % 4]
        key, content = f"{number:05}", bytes([number % 251]) * size
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=content)
        except ClientError as error:
            return taken, error.response
        taken[key] = content
    raise AssertionError("the disk never became full")


def test_a_full_disk_refuses_objects_and_loses_none(cloud):
    s3 = make_client(cloud.endpoint, "s3")
    s3.create_bucket(Bucket="full")
    s3.create_bucket(Bucket="other")
    upload = s3.create_multipart_upload(Bucket="full", Key="parts")["UploadId"]
    taken, refusal = put_until_full(s3, "full")
    assert len(taken) > 20
    assert refusal["Error"]["Code"] == "ServiceUnavailable", refusal
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 503
    with pytest.raises(ClientError) as refused:
        part = b"p" * (16 << 20)
        s3.upload_part(Bucket="full", Key="parts", UploadId=upload, PartNumber=1, Body=part)
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"

    # What was taken is whole, what was refused is not there, before and after a restart on the full disk.
    def check(s3):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="full")
        assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == sorted(taken)
        for key, content in taken.items():
            assert s3.get_object(Bucket="full", Key=key)["Body"].read() == content, key
        assert s3.list_parts(Bucket="full", Key="parts", UploadId=upload).get("Parts", []) == []

    check(s3)
    cloud.kill()
    cloud.start()
    s3 = make_client(cloud.endpoint, "s3")
    check(s3)

    # Deleting works on a full disk, and makes room in time.
    for key in list(taken)[: len(taken) // 2]:
        s3.delete_object(Bucket="full", Key=key)
        del taken[key]
    for _ in range(300):
        try:
            s3.put_object(Bucket="full", Key="again", Body=b"there is room again" * 1000)
            break
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ServiceUnavailable"
            time.sleep(0.1)
    else:
        raise AssertionError("service did not resume")
    taken["again"] = b"there is room again" * 1000
    check(s3)
    cloud.kill()
    checked = servers.run("fsck", "--data", cloud.arguments[-1], check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
