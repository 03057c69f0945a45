"""Sending, receiving and deleting single messages; attributes of messages; checksums."""

import re

import pytest

import expect
from expect import fails

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
MILLISECONDS = re.compile(r"\d{13}\Z")


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def binary(value, kind="Binary"):
    return {"DataType": kind, "BinaryValue": value}


def test_a_message_comes_back_as_it_was_sent(sqs, queue):
    url = queue()
    sent = sqs.send_message(QueueUrl=url, MessageBody="fog on the bank")
    assert UUID.match(sent["MessageId"])
    assert sent["MD5OfMessageBody"] == expect.md5("fog on the bank")
    assert not {"MD5OfMessageAttributes", "MD5OfMessageSystemAttributes", "SequenceNumber"} & set(sent)
    got = expect.receive_one(sqs, url)
    assert set(got) == {"MessageId", "ReceiptHandle", "MD5OfBody", "Body"}
    assert got["MessageId"] == sent["MessageId"]
    assert got["Body"] == "fog on the bank"
    assert got["MD5OfBody"] == sent["MD5OfMessageBody"]


def test_an_empty_queue_answers_without_a_list(sqs, queue):
    assert "Messages" not in sqs.receive_message(QueueUrl=queue())


@pytest.mark.parametrize(
    "body",
    ["x", " ", "\t\n\r", "<a>&amp;\"'</a>", "ä€𝄞😀", "\ud7ff\ue000\ufffd", "\U0010ffff", "a" * 1048576]
    + ["é" * 524288],
    ids=["one", "blank", "white", "markup", "planes", "edges", "last", "full", "full-of-two-bytes"],
)
def test_bodies_that_are_accepted(sqs, queue, body):
    url = queue()
    assert sqs.send_message(QueueUrl=url, MessageBody=body)["MD5OfMessageBody"] == expect.md5(body)
    assert expect.receive_one(sqs, url)["Body"] == body


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"])
def test_characters_that_are_refused(sqs, queue, character):
    with fails("InvalidMessageContents"):
        sqs.send_message(QueueUrl=queue(), MessageBody=f"a{character}b")


def test_an_empty_body(sqs, queue):
    with fails("MissingParameter", "The request must contain the parameter MessageBody."):
        sqs.send_message(QueueUrl=queue(), MessageBody="")


@pytest.mark.parametrize("limit", [1024, 1048576])
def test_a_body_over_the_queues_limit(sqs, queue, limit):
    url = queue(MaximumMessageSize=limit)
    sqs.send_message(QueueUrl=url, MessageBody="a" * limit)
    message = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
    with fails("InvalidParameterValue", message):
        sqs.send_message(QueueUrl=url, MessageBody="a" * (limit + 1))


def test_the_size_counts_attributes_with_name_and_type(sqs, queue):
    url = queue(MaximumMessageSize=1024)
    attributes = {"name": text("v" * 10)}
    room = 1024 - len("name") - len("String") - 10
    sqs.send_message(QueueUrl=url, MessageBody="a" * room, MessageAttributes=attributes)
    with fails("InvalidParameterValue", re.compile("Message must be shorter than 1024 bytes")):
        sqs.send_message(QueueUrl=url, MessageBody="a" * (room + 1), MessageAttributes=attributes)


def test_the_size_does_not_count_the_trace_header(sqs, queue):
    trace = {"AWSTraceHeader": text("Root=1-5759e988-bd862e3fe1be46a994272793")}
    sqs.send_message(QueueUrl=queue(MaximumMessageSize=1024), MessageBody="a" * 1024, MessageSystemAttributes=trace)


# ---- message attributes ----------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes, digest",
    [
        ({"attribName1": text("attribValue 1")}, "19e27d4e946b072f3f58da80d94fd778"),
        (
            {"customNumberTypeAttrib": text("4563442423554324324264524243.32543234", "Number.float")},
            "9fe1b90bbd9965bdf77bac517c7d2495",
        ),
        ({"binaryAttribute": binary(b"Hello binary world!")}, "31a92b15d92f8db860eda32aceb656c3"),
    ],
)
def test_the_published_checksums(sqs, queue, attributes, digest):
    url = queue()
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == digest
    got = expect.receive_one(sqs, url, MessageAttributeNames=["All"])
    assert got["MD5OfMessageAttributes"] == digest
    assert got["MessageAttributes"] == attributes


ATTRIBUTES = {
    "Foo.a": text("1"),
    "Foo.b": text("2", "Number"),
    "Fool": text("3", "String.label"),
    "Bar": binary(bytes(range(256)), "Binary.png"),
    "_-.x": text("ünïcode 😀"),
}


@pytest.mark.parametrize(
    "asked, expected",
    [
        ([], set()),
        (["All"], set(ATTRIBUTES)),
        ([".*"], set(ATTRIBUTES)),
        (["Foo.*"], {"Foo.a", "Foo.b", "Fool"}),
        (["Foo.a"], {"Foo.a"}),
        (["Bar", "Foo.b"], {"Bar", "Foo.b"}),
        (["Bar", "nothing"], {"Bar"}),
        (["bar"], set()),
        (["nothing"], set()),
    ],
)
def test_which_attributes_are_returned(sqs, queue, asked, expected):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=ATTRIBUTES)
    got = expect.receive_one(sqs, url, MessageAttributeNames=asked)
    assert set(got.get("MessageAttributes", {})) == expected
    chosen = {k: v for k, v in ATTRIBUTES.items() if k in expected}
    assert got.get("MessageAttributes", {}) == chosen
    assert got.get("MD5OfMessageAttributes") == (expect.attributes_md5(chosen) if chosen else None)


@pytest.mark.parametrize(
    "attributes, message",
    [
        (
            {f"n{i}": text("v") for i in range(11)},
            "Number of message attributes [11] exceeds the allowed maximum [10].",
        ),
        ({"a": text("v", "Text")}, re.compile("The type of message \\(user\\) attribute 'a' is invalid")),
        ({"a": text("v", "string")}, re.compile("supported type prefixes: Binary, Number, String")),
        ({"a": text("v", "")}, None),
        ({"a": text("v", "String." + "t" * 250)}, None),
        ({"piyo": text("")}, "Message (user) attribute 'piyo' must contain a non-empty value of type 'String'."),
        ({"a": binary(b"")}, None),
        ({"a": {"DataType": "String"}}, None),
        ({"a": text("x", "Binary")}, None),
        ({"a": text("one", "Number")}, None),
        ({"": text("v")}, None),
        ({"AWS.x": text("v")}, None),
        ({"aMaZoN.x": text("v")}, None),
        ({".a": text("v")}, None),
        ({"a.": text("v")}, None),
        ({"a..b": text("v")}, None),
        ({"a b": text("v")}, None),
        ({"a" * 257: text("v")}, None),
    ],
    ids=range(18),
)
def test_attributes_that_are_refused(sqs, queue, attributes, message):
    with fails({"InvalidParameterValue", "MissingParameter"}, message):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageAttributes=attributes)


def test_ten_attributes_and_the_longest_name(sqs, queue):
    attributes = {f"n{i}": text("v") for i in range(9)} | {"a" * 256: text("v")}
    sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageAttributes=attributes)


@pytest.mark.parametrize("value", [{"StringListValues": ["a"]}, {"BinaryListValues": [b"a"]}])
def test_list_values_are_not_supported(sqs, queue, value):
    with fails("AWS.SimpleQueueService.UnsupportedOperation"):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageAttributes={"a": {"DataType": "String", **value}})


# ---- system attributes -----------------------------------------------------------------

COMMON = {"SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"}


@pytest.mark.parametrize("parameter", ["AttributeNames", "MessageSystemAttributeNames"])
def test_all_system_attributes_of_a_standard_queue(sqs, queue, parameter):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    found = expect.receive_one(sqs, url, **{parameter: ["All"]})["Attributes"]
    assert set(found) == COMMON
    assert found["SenderId"] == "000000000000"
    assert found["ApproximateReceiveCount"] == "1"
    assert MILLISECONDS.match(found["SentTimestamp"])
    assert int(found["ApproximateFirstReceiveTimestamp"]) >= int(found["SentTimestamp"])


def test_both_parameters_for_system_attributes_count(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    got = expect.receive_one(sqs, url, AttributeNames=["SenderId"], MessageSystemAttributeNames=["SentTimestamp"])
    assert set(got["Attributes"]) == {"SenderId", "SentTimestamp"}


def test_an_unknown_system_attribute(sqs, queue):
    with fails("InvalidAttributeName", "Unknown Attribute Fog."):
        sqs.receive_message(QueueUrl=queue(), AttributeNames=["Fog"])


def test_receives_are_counted_and_the_first_time_is_kept(sqs, queue, clock_advance):
    url = queue(VisibilityTimeout=10)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    first = expect.receive_one(sqs, url, AttributeNames=["All"])["Attributes"]
    clock_advance("11s")
    second = expect.receive_one(sqs, url, AttributeNames=["All"])["Attributes"]
    assert second["ApproximateReceiveCount"] == "2"
    for kept in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert second[kept] == first[kept]


def test_the_trace_header_travels_along(sqs, queue):
    url = queue()
    trace = {"AWSTraceHeader": text("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")}
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes=trace)
    assert sent["MD5OfMessageSystemAttributes"] == expect.attributes_md5(trace)
    assert "MD5OfMessageAttributes" not in sent
    found = expect.receive_one(sqs, url, MessageSystemAttributeNames=["All"])["Attributes"]
    assert found["AWSTraceHeader"] == trace["AWSTraceHeader"]["StringValue"]


@pytest.mark.parametrize(
    "attributes", [{"Other": text("x")}, {"AWSTraceHeader": text("1", "Number")}, {"AWSTraceHeader": binary(b"x")}]
)
def test_system_attributes_that_nobody_can_send(sqs, queue, attributes):
    with fails("InvalidParameterValue"):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageSystemAttributes=attributes)


def test_a_standard_queue_takes_a_group_for_fairness(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="tenant-1")
    found = expect.receive_one(sqs, url, AttributeNames=["All"])["Attributes"]
    assert found["MessageGroupId"] == "tenant-1"
    assert "SequenceNumber" not in found


def test_a_standard_queue_takes_no_deduplication_id(sqs, queue):
    message = (
        "Value d for parameter MessageDeduplicationId is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )
    with fails("InvalidParameterValue", message):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", MessageDeduplicationId="d")


# ---- receiving and deleting ------------------------------------------------------------


@pytest.mark.parametrize(
    "parameter, value, reason",
    [
        ("MaxNumberOfMessages", 0, "Must be between 1 and 10, if provided."),
        ("MaxNumberOfMessages", 11, "Must be between 1 and 10, if provided."),
        ("WaitTimeSeconds", -1, "Must be >= 0 and <= 20, if provided."),
        ("WaitTimeSeconds", 21, "Must be >= 0 and <= 20, if provided."),
    ],
)
def test_limits_of_a_receive(sqs, queue, parameter, value, reason):
    message = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    with fails("InvalidParameterValue", message):
        sqs.receive_message(QueueUrl=queue(), **{parameter: value})


@pytest.mark.parametrize("seconds", [-1, 43201])
def test_limits_of_the_timeout_of_a_receive(sqs, queue, seconds):
    with fails("InvalidParameterValue"):
        sqs.receive_message(QueueUrl=queue(), VisibilityTimeout=seconds)


def test_never_more_than_asked_and_one_by_default(sqs, queue):
    url = queue()
    for i in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=str(i))
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
    assert len(expect.receive(sqs, url, many=3)) == 3
    seen = [len(expect.receive(sqs, url)) for _ in range(4)]
    assert max(seen) <= 10 and sum(seen) == 8


def test_a_deleted_message_never_comes_back(sqs, queue, clock_advance):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = expect.receive_one(sqs, url)["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    clock_advance("1h")
    assert expect.receive(sqs, url) == []
    assert expect.counts(sqs, url) == (0, 0, 0)


def test_every_receive_gives_another_handle(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handles = {expect.receive_one(sqs, url, VisibilityTimeout=0)["ReceiptHandle"] for _ in range(3)}
    assert len(handles) == 3


def test_an_old_handle_succeeds_and_leaves_the_message(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    old = expect.receive_one(sqs, url, VisibilityTimeout=0)["ReceiptHandle"]
    new = expect.receive_one(sqs, url)["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=old)
    assert expect.counts(sqs, url) == (0, 1, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=new)
    assert expect.counts(sqs, url) == (0, 0, 0)


@pytest.mark.parametrize("handle", ["nonsense", "AQEB" + "A" * 300, "ä"])
def test_a_handle_that_we_never_gave(sqs, queue, handle):
    message = f'The input receipt handle "{handle}" is not a valid receipt handle.'
    with fails("ReceiptHandleIsInvalid", message, status=404):
        sqs.delete_message(QueueUrl=queue(), ReceiptHandle=handle)


def test_the_handle_of_another_queue(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = expect.receive_one(sqs, url)["ReceiptHandle"]
    with fails("ReceiptHandleIsInvalid", status=404):
        sqs.delete_message(QueueUrl=queue(), ReceiptHandle=handle)


def test_the_three_counts_are_right(sqs, queue):
    url = queue()
    for i in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(i), DelaySeconds=60 if i < 2 else 0)
    expect.receive_one(sqs, url)
    assert expect.counts(sqs, url) == (2, 1, 2)


# ---- delays and purging ----------------------------------------------------------------


@pytest.mark.parametrize("of_queue, of_message, seconds", [(0, 30, 30), (30, None, 30), (30, 5, 5), (30, 0, 0)])
def test_delays(sqs, queue, clock_advance, of_queue, of_message, seconds):
    url = queue(DelaySeconds=of_queue)
    more = {} if of_message is None else {"DelaySeconds": of_message}
    sqs.send_message(QueueUrl=url, MessageBody="x", **more)
    if seconds:
        assert expect.receive(sqs, url) == []
        clock_advance(f"{seconds + 1}s")
    assert len(expect.receive(sqs, url)) == 1


@pytest.mark.parametrize("seconds", [-1, 901])
def test_delays_out_of_range(sqs, queue, seconds):
    message = f"Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
    with fails("InvalidParameterValue", message):
        sqs.send_message(QueueUrl=queue(), MessageBody="x", DelaySeconds=seconds)


def test_purging_takes_everything_and_rests_for_sixty_seconds(sqs, queue, clock_advance):
    url = queue()
    for i in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(i), DelaySeconds=60 if i == 0 else 0)
    expect.receive_one(sqs, url)
    sqs.purge_queue(QueueUrl=url)
    assert expect.counts(sqs, url) == (0, 0, 0)
    name = url.rpartition("/")[2]
    with fails(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {name} is allowed every 60 seconds.",
        status=403,
    ):
        sqs.purge_queue(QueueUrl=url)
    clock_advance("61s")
    assert expect.receive(sqs, url) == []
    sqs.purge_queue(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="after")
    assert expect.receive_one(sqs, url)["Body"] == "after"
