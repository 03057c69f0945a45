"""The three batch operations: what fails the whole request, and what one entry."""

import re

import pytest

import expect
from expect import fails

PREFIX = "AWS.SimpleQueueService."
ENTRY = {
    "send_message_batch": lambda identifier: {"Id": identifier, "MessageBody": "x"},
    "delete_message_batch": lambda identifier: {"Id": identifier, "ReceiptHandle": "r"},
    "change_message_visibility_batch": lambda identifier: {
        "Id": identifier,
        "ReceiptHandle": "r",
        "VisibilityTimeout": 1,
    },
}
SHAPE = {
    "send_message_batch": "SendMessageBatchRequestEntry",
    "delete_message_batch": "DeleteMessageBatchRequestEntry",
    "change_message_visibility_batch": "ChangeMessageVisibilityBatchRequestEntry",
}
BAD_ID = (
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
    "It can be at most 80 letters long."
)
each_operation = pytest.mark.parametrize("operation", sorted(ENTRY))


def call(sqs, operation, url, ids):
    return getattr(sqs, operation)(QueueUrl=url, Entries=[ENTRY[operation](i) for i in ids])


@each_operation
def test_no_entries(sqs, queue, operation):
    message = f"There should be at least one {SHAPE[operation]} in the request."
    with fails(PREFIX + "EmptyBatchRequest", message):
        call(sqs, operation, queue(), [])


@each_operation
def test_eleven_entries(sqs, queue, operation):
    message = "Maximum number of entries per request are 10. You have sent 11."
    with fails(PREFIX + "TooManyEntriesInBatchRequest", message):
        call(sqs, operation, queue(), [str(i) for i in range(11)])


@each_operation
def test_the_same_id_twice(sqs, queue, operation):
    with fails(PREFIX + "BatchEntryIdsNotDistinct"):
        call(sqs, operation, queue(), ["a", "b", "a"])


@each_operation
@pytest.mark.parametrize("identifier", ["", "a b", "a:b", "a.b", "ä", "a" * 81])
def test_ids_that_are_refused(sqs, queue, operation, identifier):
    with fails({PREFIX + "InvalidBatchEntryId", "MissingParameter"}, None if identifier == "" else BAD_ID):
        call(sqs, operation, queue(), ["fine", identifier])


@each_operation
def test_ids_that_are_accepted(sqs, queue, operation):
    answer = call(sqs, operation, queue(), ["a" * 80, "A-z_9"])
    seen = answer.get("Successful", []) + answer.get("Failed", [])
    assert {e["Id"] for e in seen} == {"a" * 80, "A-z_9"}


def test_a_batch_that_succeeds_has_no_list_of_failures(sqs, queue):
    url = queue()
    sent = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": f"m{i}"} for i in range(10)])
    assert "Failed" not in sent
    assert [e["Id"] for e in sent["Successful"]] == [str(i) for i in range(10)]
    for i, entry in enumerate(sent["Successful"]):
        assert entry["MD5OfMessageBody"] == expect.md5(f"m{i}")
    got = []
    while len(got) < 10:
        more = expect.receive(sqs, url)
        assert more
        got += more
    assert sorted(expect.bodies(got)) == [f"m{i}" for i in range(10)]
    handles = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(got)]
    hidden = [{**h, "VisibilityTimeout": 100} for h in handles]
    assert "Failed" not in sqs.change_message_visibility_batch(QueueUrl=url, Entries=hidden)
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=handles)
    assert "Failed" not in deleted and len(deleted["Successful"]) == 10
    assert expect.counts(sqs, url) == (0, 0, 0)


def test_entries_that_fail_alone_when_sending(sqs, queue):
    url = queue(MaximumMessageSize=1024)
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "x"},
            {"Id": "contents", "MessageBody": "\x00"},
            {"Id": "large", "MessageBody": "a" * 1025},
            {"Id": "delay", "MessageBody": "x", "DelaySeconds": 901},
            {"Id": "empty", "MessageBody": ""},
            {"Id": "dedup", "MessageBody": "x", "MessageDeduplicationId": "d"},
            {"Id": "type", "MessageBody": "x", "MessageAttributes": {"a": {"DataType": "T", "StringValue": "v"}}},
            {"Id": "also-good", "MessageBody": "y", "DelaySeconds": 0},
        ],
    )
    assert [e["Id"] for e in answer["Successful"]] == ["good", "also-good"]
    failed = {e["Id"]: e for e in answer["Failed"]}
    assert {k: v["Code"] for k, v in failed.items()} == {
        "contents": "InvalidMessageContents",
        "large": "InvalidParameterValue",
        "delay": "InvalidParameterValue",
        "empty": "MissingParameter",
        "dedup": "InvalidParameterValue",
        "type": "InvalidParameterValue",
    }
    assert all(e["SenderFault"] is True for e in failed.values())
    assert "not valid for this queue type" in failed["dedup"]["Message"]
    assert expect.counts(sqs, url) == (2, 0, 0)


def test_the_sum_of_a_batch_is_limited(sqs, queue):
    url = queue()
    entries = [{"Id": str(i), "MessageBody": "a" * 200000} for i in range(6)]
    with fails(
        PREFIX + "BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes.",
    ):
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert expect.counts(sqs, url) == (0, 0, 0)


def test_a_batch_of_exactly_the_limit(sqs, queue):
    halves = [{"Id": str(i), "MessageBody": "a" * 524288} for i in range(2)]
    assert len(sqs.send_message_batch(QueueUrl=queue(), Entries=halves)["Successful"]) == 2


def test_the_checksums_of_an_entry(sqs, queue):
    attributes = {"n": {"DataType": "Number", "StringValue": "1"}}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    entry = {"Id": "a", "MessageBody": "x", "MessageAttributes": attributes, "MessageSystemAttributes": trace}
    [sent] = sqs.send_message_batch(QueueUrl=queue(), Entries=[entry])["Successful"]
    assert sent["MD5OfMessageAttributes"] == expect.attributes_md5(attributes)
    assert sent["MD5OfMessageSystemAttributes"] == expect.attributes_md5(trace)


def test_entries_that_fail_alone_when_deleting(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = expect.receive_one(sqs, url)["ReceiptHandle"]
    answer = sqs.delete_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "good", "ReceiptHandle": handle}, {"Id": "bad", "ReceiptHandle": "nonsense"}],
    )
    assert [e["Id"] for e in answer["Successful"]] == ["good"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("bad", "ReceiptHandleIsInvalid", True)


def test_entries_that_fail_alone_when_changing_visibility(sqs, queue):
    url = queue()
    for _ in range(2):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    first, second = (expect.receive_one(sqs, url)["ReceiptHandle"] for _ in range(2))
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "ReceiptHandle": first, "VisibilityTimeout": 0},
            {"Id": "range", "ReceiptHandle": second, "VisibilityTimeout": 43201},
            {"Id": "handle", "ReceiptHandle": "nonsense", "VisibilityTimeout": 1},
        ],
    )
    assert [e["Id"] for e in answer["Successful"]] == ["good"]
    codes = {e["Id"]: e["Code"] for e in answer["Failed"]}
    assert codes == {"range": "InvalidParameterValue", "handle": "ReceiptHandleIsInvalid"}
    assert expect.counts(sqs, url) == (1, 1, 0)


def test_entries_of_a_fifo_queue_keep_their_order(sqs, queue):
    url = queue(fifo=True, ContentBasedDeduplication="true")
    entries = [{"Id": f"e{i}", "MessageBody": str(i), "MessageGroupId": "g"} for i in range(10)]
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
    numbers = [e["SequenceNumber"] for e in sent]
    assert numbers == sorted(numbers) and len(set(numbers)) == 10
    assert all(re.fullmatch(r"\d{20}", n) for n in numbers)
    assert expect.bodies(expect.receive(sqs, url)) == [str(i) for i in range(10)]


def test_entries_of_a_fifo_queue_that_lack_something(sqs, queue):
    answer = sqs.send_message_batch(
        QueueUrl=queue(fifo=True),
        Entries=[
            {"Id": "group", "MessageBody": "x", "MessageDeduplicationId": "a"},
            {"Id": "dedup", "MessageBody": "x", "MessageGroupId": "g"},
            {"Id": "good", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "c"},
        ],
    )
    assert [e["Id"] for e in answer["Successful"]] == ["good"]
    codes = {e["Id"]: e["Code"] for e in answer["Failed"]}
    assert codes == {"group": "MissingParameter", "dedup": "InvalidParameterValue"}
