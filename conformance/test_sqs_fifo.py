"""FIFO queues: order and blocking in groups, deduplication, sequence numbers, receive attempts."""

import hashlib
import re

import pytest

import expect
from expect import fails

NO_DEDUPLICATION = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


@pytest.fixture
def fifo(queue):
    """A FIFO queue where equal bodies are duplicates."""
    return queue(fifo=True, ContentBasedDeduplication="true")


def send(sqs, url, body, group="g", **more):
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)


def delete_all(sqs, url, messages):
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_group_is_delivered_in_order(sqs, fifo):
    for i in range(25):
        send(sqs, fifo, f"{i:02}")
    got = []
    while len(got) < 25:
        messages = expect.receive(sqs, fifo)
        assert messages
        got += expect.bodies(messages)
        delete_all(sqs, fifo, messages)
    assert got == [f"{i:02}" for i in range(25)]


def test_a_group_in_flight_blocks_only_itself(sqs, fifo):
    for i in range(2):
        send(sqs, fifo, f"a{i}", "a")
        send(sqs, fifo, f"b{i}", "b")
    assert expect.receive_one(sqs, fifo)["Body"] == "a0"
    assert expect.bodies(expect.receive(sqs, fifo)) == ["b0", "b1"]
    assert expect.receive(sqs, fifo) == []


def test_deleting_unblocks_the_group(sqs, fifo):
    for i in range(2):
        send(sqs, fifo, str(i))
    first = expect.receive_one(sqs, fifo)
    assert expect.receive(sqs, fifo) == []
    delete_all(sqs, fifo, [first])
    assert expect.receive_one(sqs, fifo)["Body"] == "1"


def test_a_timeout_brings_the_groups_first_message_back_first(sqs, fifo, clock_advance):
    for i in range(3):
        send(sqs, fifo, str(i))
    expect.receive_one(sqs, fifo)
    clock_advance("31s")
    assert expect.bodies(expect.receive(sqs, fifo)) == ["0", "1", "2"]


def test_a_shorter_timeout_brings_it_back_at_once(sqs, fifo):
    for i in range(2):
        send(sqs, fifo, str(i))
    handle = expect.receive_one(sqs, fifo)["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=handle, VisibilityTimeout=0)
    assert expect.bodies(expect.receive(sqs, fifo)) == ["0", "1"]


def test_deleting_out_of_order_keeps_the_rest_in_order(sqs, fifo, clock_advance):
    for i in range(3):
        send(sqs, fifo, str(i))
    messages = expect.receive(sqs, fifo)
    delete_all(sqs, fifo, [messages[1]])
    clock_advance("31s")
    assert expect.bodies(expect.receive(sqs, fifo)) == ["0", "2"]


# ---- what a send needs -----------------------------------------------------------------


def test_a_send_needs_a_group(sqs, fifo):
    with fails("MissingParameter", "The request must contain the parameter MessageGroupId."):
        sqs.send_message(QueueUrl=fifo, MessageBody="x")


def test_a_send_needs_a_deduplication_id_or_the_content(sqs, queue):
    url = queue(fifo=True)
    with fails("InvalidParameterValue", NO_DEDUPLICATION):
        send(sqs, url, "x")
    send(sqs, url, "x", MessageDeduplicationId="d")


@pytest.mark.parametrize("parameter", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["a b", "ä", "a" * 129, "tab\t"])
def test_ids_that_are_refused(sqs, fifo, parameter, value):
    message = (
        f"Value {value} for parameter {parameter} is invalid. Reason: {parameter} can only include "
        "alphanumeric and punctuation characters. 1 to 128 in length."
    )
    given = {"MessageGroupId": "g", "MessageDeduplicationId": "d", parameter: value}
    with fails("InvalidParameterValue", message):
        sqs.send_message(QueueUrl=fifo, MessageBody="x", **given)


@pytest.mark.parametrize("value", ["a" * 128, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"])
def test_ids_that_are_accepted(sqs, fifo, value):
    send(sqs, fifo, "x", value, MessageDeduplicationId=value)
    found = expect.receive_one(sqs, fifo, AttributeNames=["All"])["Attributes"]
    assert (found["MessageGroupId"], found["MessageDeduplicationId"]) == (value, value)


def test_a_message_has_no_delay_of_its_own(sqs, fifo):
    message = (
        "Value 10 for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type."
    )
    with fails("InvalidParameterValue", message):
        send(sqs, fifo, "x", DelaySeconds=10)
    send(sqs, fifo, "x", DelaySeconds=0)


def test_the_queues_delay_applies(sqs, queue, clock_advance):
    url = queue(fifo=True, ContentBasedDeduplication="true", DelaySeconds=30)
    send(sqs, url, "x")
    assert expect.receive(sqs, url) == []
    assert expect.counts(sqs, url) == (0, 0, 1)
    clock_advance("31s")
    assert expect.receive_one(sqs, url)["Body"] == "x"


# ---- deduplication ---------------------------------------------------------------------


def test_a_duplicate_succeeds_with_the_first_ones_numbers(sqs, queue):
    url = queue(fifo=True)
    first = send(sqs, url, "one", MessageDeduplicationId="d")
    second = send(sqs, url, "two", MessageDeduplicationId="d")
    assert (first["MessageId"], first["SequenceNumber"]) == (second["MessageId"], second["SequenceNumber"])
    assert expect.bodies(expect.receive(sqs, url)) == ["one"]


def test_the_memory_lasts_five_minutes_from_the_first_send(sqs, queue, clock_advance):
    url = queue(fifo=True)
    send(sqs, url, "one", MessageDeduplicationId="d")
    clock_advance("4m")
    send(sqs, url, "two", MessageDeduplicationId="d")
    clock_advance("61s")
    send(sqs, url, "three", MessageDeduplicationId="d")
    assert expect.bodies(expect.receive(sqs, url)) == ["one", "three"]


def test_a_deleted_message_is_still_remembered(sqs, queue):
    url = queue(fifo=True)
    send(sqs, url, "one", MessageDeduplicationId="d")
    delete_all(sqs, url, expect.receive(sqs, url))
    send(sqs, url, "one", MessageDeduplicationId="d")
    assert expect.receive(sqs, url) == []


def test_the_content_without_the_attributes_is_compared(sqs, fifo):
    attributes = {"a": {"DataType": "String", "StringValue": "b"}}
    send(sqs, fifo, "same")
    send(sqs, fifo, "same", MessageAttributes=attributes)
    send(sqs, fifo, "other", MessageAttributes=attributes)
    assert expect.bodies(expect.receive(sqs, fifo)) == ["same", "other"]


def test_an_explicit_id_wins_over_the_content(sqs, fifo):
    send(sqs, fifo, "same", MessageDeduplicationId="1")
    send(sqs, fifo, "same", MessageDeduplicationId="2")
    assert expect.bodies(expect.receive(sqs, fifo)) == ["same", "same"]


def test_an_explicit_id_equal_to_the_contents_hash_is_a_duplicate(sqs, fifo):
    send(sqs, fifo, "body")
    send(sqs, fifo, "x", MessageDeduplicationId=hashlib.sha256(b"body").hexdigest())
    assert expect.bodies(expect.receive(sqs, fifo)) == ["body"]


@pytest.mark.parametrize("scope, expected", [("queue", ["a"]), ("messageGroup", ["a", "b"])])
@pytest.mark.parametrize("limit", ["perQueue", "perMessageGroupId"])
def test_the_scope_of_deduplication(sqs, queue, scope, limit, expected):
    if (scope, limit) == ("queue", "perMessageGroupId"):
        pytest.skip("a combination that cannot be made")
    url = queue(fifo=True, DeduplicationScope=scope, FifoThroughputLimit=limit)
    send(sqs, url, "a", "group-a", MessageDeduplicationId="d")
    send(sqs, url, "b", "group-b", MessageDeduplicationId="d")
    assert sorted(expect.bodies(expect.receive(sqs, url))) == expected


# ---- attributes and handles ------------------------------------------------------------


def test_system_attributes_of_a_fifo_message(sqs, fifo):
    sent = send(sqs, fifo, "x", "group")
    found = expect.receive_one(sqs, fifo, AttributeNames=["All"])["Attributes"]
    assert found["MessageGroupId"] == "group"
    assert found["SequenceNumber"] == sent["SequenceNumber"]
    assert found["MessageDeduplicationId"] == hashlib.sha256(b"x").hexdigest()
    assert re.fullmatch(r"\d{20}", sent["SequenceNumber"])


def test_sequence_numbers_grow_across_groups(sqs, fifo):
    numbers = [send(sqs, fifo, str(i), f"g{i % 3}")["SequenceNumber"] for i in range(9)]
    assert numbers == sorted(numbers) and len(set(numbers)) == 9


def test_an_expired_handle_cannot_delete(sqs, fifo, clock_advance):
    send(sqs, fifo, "x")
    handle = expect.receive_one(sqs, fifo)["ReceiptHandle"]
    clock_advance("31s")
    message = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    with fails("InvalidParameterValue", message):
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=handle)
    assert expect.counts(sqs, fifo) == (1, 0, 0)


def test_a_receive_attempt_can_be_repeated(sqs, fifo):
    for i in range(3):
        send(sqs, fifo, str(i))
    first = expect.receive(sqs, fifo, many=2, ReceiveRequestAttemptId="attempt")
    again = expect.receive(sqs, fifo, many=2, ReceiveRequestAttemptId="attempt")
    assert [m["ReceiptHandle"] for m in again] == [m["ReceiptHandle"] for m in first]
    assert expect.receive(sqs, fifo, ReceiveRequestAttemptId="another") == []


def test_a_receive_attempt_is_over_once_a_message_was_deleted(sqs, fifo):
    send(sqs, fifo, "0")
    send(sqs, fifo, "1")
    first = expect.receive(sqs, fifo, many=1, ReceiveRequestAttemptId="attempt")
    delete_all(sqs, fifo, first)
    again = expect.receive(sqs, fifo, many=1, ReceiveRequestAttemptId="attempt")
    assert expect.bodies(again) in ([], ["1"])


def test_a_receive_attempt_resets_the_timeout(sqs, fifo, clock_advance):
    send(sqs, fifo, "x")
    expect.receive(sqs, fifo, ReceiveRequestAttemptId="attempt")
    clock_advance("20s")
    expect.receive(sqs, fifo, ReceiveRequestAttemptId="attempt")
    clock_advance("20s")
    assert expect.receive(sqs, fifo) == []
    clock_advance("11s")
    assert len(expect.receive(sqs, fifo)) == 1


@pytest.mark.parametrize("value", ["a" * 129, "a b"])
def test_receive_attempts_that_are_refused(sqs, fifo, value):
    with fails("InvalidParameterValue"):
        sqs.receive_message(QueueUrl=fifo, ReceiveRequestAttemptId=value)


def test_a_standard_queue_ignores_the_receive_attempt(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(expect.receive(sqs, url, ReceiveRequestAttemptId="attempt")) == 1
