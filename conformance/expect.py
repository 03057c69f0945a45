"""Assertions about AWS errors, and the clients' view of queues.

A message is compared only where AWS's wording is known from documentation or observation
(see services/sqs/BEHAVIOURS.md); where it is a guess the tests hold us to the code alone.
"""

import concurrent.futures
import contextlib
import functools
import hashlib
import json
import re
import struct
import threading
import time
import uuid

import botocore.config
import botocore.session
from botocore.exceptions import ClientError

import coverage_gate


@contextlib.contextmanager
def fails(code, message=None, status=400):
    """The block must raise a ClientError with this code; yields a list that gets the error."""
    seen = []
    try:
        yield seen
    except ClientError as error:
        seen.append(error)
        check_error(error.response, code, message, status)
    else:
        raise AssertionError(f"{code} was expected, and the call succeeded")


def check_error(response, code, message, status):
    error = response["Error"]
    allowed = code if isinstance(code, (tuple, set, list)) else (code,)
    assert error["Code"] in allowed, error
    if status is not None:
        assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
    if isinstance(message, re.Pattern):
        assert message.search(error["Message"]), error
    elif message is not None:
        assert error["Message"] == message, error


def name(prefix="q", fifo=False):
    """A queue name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex}" + (".fifo" if fifo else "")


def arn_of(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def counts(sqs, url):
    """(visible, in flight, delayed)"""
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return tuple(int(found[n]) for n in names)


def receive(sqs, url, many=10, **more):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=many, **more).get("Messages", [])


def receive_one(sqs, url, **more):
    messages = receive(sqs, url, many=1, **more)
    assert len(messages) == 1, messages
    return messages[0]


def bodies(messages):
    return [m["Body"] for m in messages]


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def attributes_md5(attributes):
    """The documented digest of message attributes."""
    buffer = b""
    for key in sorted(attributes):
        value = attributes[key]
        kind = value["DataType"]
        buffer += _counted(key.encode()) + _counted(kind.encode())
        if kind.split(".")[0] == "Binary":
            buffer += b"\x02" + _counted(value["BinaryValue"])
        else:
            buffer += b"\x01" + _counted(value["StringValue"].encode())
    return hashlib.md5(buffer).hexdigest()


def _counted(data):
    return struct.pack(">I", len(data)) + data


# ---- IAM -------------------------------------------------------------------------------

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SECONDS_MAX = 20


@functools.cache
def _core():
    """IAM's model is large; all clients made from this session read it once."""
    core = botocore.session.Session()
    coverage_gate.watch(core)
    return core


def caller(server, key, secret="test", token=None, service="iam", **config):
    """A client of one identity; a twelve-digit key is the root of that account."""
    settings = {"retries": {"total_max_attempts": 1}, "read_timeout": 60, **config}
    return _core().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=botocore.config.Config(**settings),
    )


def user_caller(server, iam, name, service="iam", **policy_of_user):
    """A client with a new key of a user that exists; with what an inline policy allows, if one is given."""
    if policy_of_user:
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=policy(**policy_of_user))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return caller(server, made["AccessKeyId"], made["SecretAccessKey"], service=service)


def session_caller(server, credentials, service="iam"):
    """A client with temporary credentials as STS answers them."""
    token = credentials["SessionToken"]
    return caller(server, credentials["AccessKeyId"], credentials["SecretAccessKey"], token, service=service)


def at_once(*calls):
    """Makes calls at the same time; returns the code of each one's error, or None for success."""

    def outcome(call):
        gate.wait()
        try:
            call()
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    gate = threading.Barrier(len(calls))
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(outcome, calls))


@functools.cache
def _statuses(service):
    model = _core().get_service_model(service)
    return {e.error_code: e.metadata.get("error", {}).get("httpStatusCode", 400) for e in model.error_shapes}


def refuses(code, message=None):
    """Like `fails` for IAM: the status is the one that the model gives the error."""
    status = {"ValidationError": 400, "AccessDenied": 403}.get(code) or _statuses("iam")[code]
    return fails(code, message, status)


def policy(action="sqs:SendMessage", resource="*", effect="Allow", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(effect="Allow", action="sts:AssumeRole", **principal):
    """A trust policy: trust(AWS=…), trust(Service=…)."""
    principal = principal or {"Service": "ec2.amazonaws.com"}
    statement = {"Effect": effect, "Principal": principal, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def of_size(make, characters):
    """What make(padding) returns, padded to so many characters that are no white space."""
    compact = len(re.sub(r"\s", "", make("")))
    return make("x" * (characters - compact))


def tags(**given):
    return [{"Key": key, "Value": value} for key, value in given.items()]


def tags_of(answer):
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


def all_items(client, operation, result, items=1, **given):
    """What a listing's pages of so many items hold together, and that no page has more."""
    found = []
    for page in client.get_paginator(operation).paginate(PaginationConfig={"PageSize": items}, **given):
        assert len(page[result]) <= items
        assert page["IsTruncated"] == ("Marker" in page)
        found += page[result]
    return found


def eventually(ask, is_done):
    """Asks again until it is done; for what AWS does in the background."""
    end = time.monotonic() + SECONDS_MAX
    while not is_done(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found
