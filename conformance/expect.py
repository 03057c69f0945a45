"""Assertions about AWS errors, and the clients' view of queues.

A message is compared only where AWS's wording is known from documentation or observation
(see services/sqs/BEHAVIOURS.md); where it is a guess the tests hold us to the code alone.
"""

import contextlib
import hashlib
import re
import struct
import uuid

from botocore.exceptions import ClientError


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
