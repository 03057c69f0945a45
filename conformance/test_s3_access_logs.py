"""Server access logs, from requests of real clients to the objects they are delivered in."""

import json
import re

import pytest

import expect
import s3_raw
from conftest import DEV_ACCOUNT, make_client

FIELDS = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
NAMES = (
    "owner bucket time ip requester request_id operation key line status error bytes size total turn_around "
    "referer agent version host_id signature cipher auth host tls access_point acl region"
).split()


def allow(s3, target, source):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/*",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"},
            "StringEquals": {"aws:SourceAccount": DEV_ACCOUNT},
        },
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.fixture
def logged(s3, bucket):
    """(bucket, target): what is asked of the first is logged in the second."""

    def make(**given):
        source, target = bucket(), bucket()
        allow(s3, target, source)
        enabled = {"TargetBucket": target, "TargetPrefix": "logs/", **given}
        s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={"LoggingEnabled": enabled})
        return source, target

    return make


def delivered(server, s3, target):
    server.advance("6m")
    found = expect.eventually(lambda: s3.list_objects_v2(Bucket=target).get("Contents"), bool)
    records = []
    for key in (entry["Key"] for entry in found):
        for line in s3.get_object(Bucket=target, Key=key)["Body"].read().decode().splitlines():
            fields = FIELDS.findall(line)
            assert len(fields) == len(NAMES), line
            records.append(dict(zip(NAMES, fields)))
    return [entry["Key"] for entry in found], records


def test_requests_are_logged_with_all_that_is_known_of_them(server, s3, bucket, logged):
    source, target = logged()
    other = bucket()
    s3.put_object(Bucket=source, Key="a b", Body=b"content")
    s3.get_object(Bucket=source, Key="a b", Range="bytes=0-2")["Body"].read()
    s3.copy_object(Bucket=source, Key="copy", CopySource={"Bucket": source, "Key": "a b"})
    s3.get_bucket_location(Bucket=source)
    s3.delete_objects(Bucket=source, Delete={"Objects": [{"Key": "copy"}]})
    with expect.fails("NoSuchKey", status=404):
        s3.get_object(Bucket=source, Key="missing")
    refused = make_client(server.endpoint, "s3", secret="wrong")
    with expect.fails("SignatureDoesNotMatch", status=403):
        refused.list_objects_v2(Bucket=source)
    s3.put_object(Bucket=other, Key="k", Body=b"x")
    keys, records = delivered(server, s3, target)
    assert all(re.fullmatch(r"logs/\d{4}(-\d\d){5}-[0-9A-F]{16}", key) for key in keys)
    assert {record["bucket"] for record in records} == {source}
    # The request that begins a log need not be in it.
    records = [record for record in records if record["operation"] != "REST.PUT.LOGGING_STATUS"]
    # Requests are logged as they end, which may be after their client went on: the order is not theirs.
    records.sort(key=lambda record: (record["operation"], record["status"]))
    assert [record["operation"] for record in records] == [
        "REST.COPY.OBJECT",
        "REST.GET.BUCKET",
        "REST.GET.LOCATION",
        "REST.GET.OBJECT",
        "REST.GET.OBJECT",
        "REST.POST.MULTI_OBJECT_DELETE",
        "REST.PUT.OBJECT",
    ]
    copy, stranger, _, get, missing, _, put = records
    owner = s3.list_buckets()["Owner"]["ID"]
    assert (put["owner"], put["requester"], put["key"], put["size"], put["bytes"]) == (owner, owner, "a%20b", "7", "-")
    assert (get["status"], get["bytes"], get["size"], get["error"]) == ("206", "3", "7", "-")
    assert (get["signature"], get["auth"], get["tls"], get["ip"]) == ("SigV4", "AuthHeader", "-", "127.0.0.1")
    assert "Boto3" in get["agent"] and get["line"].startswith(f'"GET /{source}/a%20b ')
    assert get["host"] == server.endpoint.removeprefix("http://")
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", get["time"])
    assert (copy["key"], missing["status"], missing["error"]) == ("copy", "404", "NoSuchKey")
    assert (stranger["status"], stranger["error"], stranger["requester"]) == ("403", "SignatureDoesNotMatch", "-")


def test_presigned_and_anonymous_requests(server, s3, logged):
    source, target = logged()
    s3.put_object(Bucket=source, Key="k", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": source, "Key": "k"})
    assert s3_raw.wire.send(server.endpoint, "GET", url.removeprefix(server.endpoint), b"", {}).status == 200
    assert s3_raw.wire.send(server.endpoint, "GET", s3_raw.target(source, "k"), b"", {}).status == 403
    _, records = delivered(server, s3, target)
    presigned, nobody = sorted(records[-2:], key=lambda record: record["status"])
    assert (presigned["auth"], presigned["bytes"]) == ("QueryString", "7")
    assert (nobody["requester"], nobody["auth"], nobody["error"]) == ("-", "-", "AccessDenied")


def test_partitioned_keys(server, s3, logged):
    source, target = logged(TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    s3.put_object(Bucket=source, Key="k", Body=b"content")
    keys, _ = delivered(server, s3, target)
    pattern = rf"logs/{DEV_ACCOUNT}/us-east-1/{source}/(\d{{4}})/(\d\d)/(\d\d)/\1-\2-\3-00-00-00-[0-9A-F]{{16}}"
    assert all(re.fullmatch(pattern, key) for key in keys), keys


def test_a_log_that_was_not_delivered_survives_a_kill(durable):
    own_server = durable()
    client = make_client(own_server.endpoint, "s3")
    source, target = expect.name("b"), expect.name("b")
    for name in (source, target):
        client.create_bucket(Bucket=name)
    allow(client, target, source)
    enabled = {"TargetBucket": target, "TargetPrefix": "logs/"}
    client.put_bucket_logging(Bucket=source, BucketLoggingStatus={"LoggingEnabled": enabled})
    client.put_object(Bucket=source, Key="k", Body=b"content")
    # Lines are kept within moments; a later write to the store is behind them.
    for _ in range(3):
        client.put_object(Bucket=target, Key="unlogged", Body=b"x")
    own_server.kill()
    own_server = durable()
    client = make_client(own_server.endpoint, "s3")
    client.delete_object(Bucket=target, Key="unlogged")
    _, records = delivered(own_server, client, target)
    assert "REST.PUT.OBJECT" in [record["operation"] for record in records]
