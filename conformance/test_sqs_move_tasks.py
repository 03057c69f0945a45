"""Message move tasks: starting, listing, cancelling, and where the messages go."""

import json
import time

import pytest

import expect
from expect import fails

SETTLE_SECONDS_MAX = 10


@pytest.fixture
def redrive(sqs, queue):
    """redrive(sources=1, fifo=False): ([source URLs], dead-letter URL)."""

    def make(sources=1, fifo=False):
        more = {"ContentBasedDeduplication": "true"} if fifo else {}
        dead = queue(fifo=fifo, **more)
        text = json.dumps({"deadLetterTargetArn": expect.arn_of(sqs, dead), "maxReceiveCount": 1})
        return [queue(fifo=fifo, RedrivePolicy=text, **more) for _ in range(sources)], dead

    return make


def fill(sqs, url, many, fifo=False):
    for i in range(many):
        more = {"MessageGroupId": "g"} if fifo else {}
        sqs.send_message(QueueUrl=url, MessageBody=f"m{i}", **more)


def latest(sqs, arn):
    return sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]


def settled(sqs, arn, status="COMPLETED"):
    """Waits for the newest task to reach a status; returns its entry."""
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while (entry := latest(sqs, arn))["Status"] != status:
        assert time.monotonic() < deadline, entry
        time.sleep(0.05)
    return entry


def test_messages_move_to_the_destination(sqs, queue, redrive):
    [_], dead = redrive()
    fill(sqs, dead, 3)
    source, target = expect.arn_of(sqs, dead), queue()
    started = int(time.time() * 1000) - 1000
    handle = sqs.start_message_move_task(SourceArn=source, DestinationArn=expect.arn_of(sqs, target))["TaskHandle"]
    assert handle
    entry = settled(sqs, source)
    assert entry["SourceArn"] == source
    assert entry["DestinationArn"] == expect.arn_of(sqs, target)
    assert entry["ApproximateNumberOfMessagesMoved"] == 3
    assert entry["ApproximateNumberOfMessagesToMove"] == 3
    assert entry["StartedTimestamp"] >= started
    assert not {"TaskHandle", "FailureReason", "MaxNumberOfMessagesPerSecond"} & set(entry)
    assert expect.counts(sqs, dead) == (0, 0, 0)
    assert sorted(expect.bodies(expect.receive(sqs, target))) == ["m0", "m1", "m2"]


def test_a_moved_message_is_a_new_one(sqs, queue, redrive):
    [_], dead = redrive()
    sent = sqs.send_message(
        QueueUrl=dead, MessageBody="x", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}}
    )
    target = queue()
    sqs.start_message_move_task(SourceArn=expect.arn_of(sqs, dead), DestinationArn=expect.arn_of(sqs, target))
    settled(sqs, expect.arn_of(sqs, dead))
    got = expect.receive_one(sqs, target, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert got["MessageId"] != sent["MessageId"]
    assert got["MessageAttributes"]["a"]["StringValue"] == "b"
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"


def test_without_a_destination_each_goes_back_to_its_source(sqs, redrive, clock_advance):
    sources, dead = redrive(sources=2)
    for i, url in enumerate(sources):
        sqs.send_message(QueueUrl=url, MessageBody=f"of {i}")
        expect.receive_one(sqs, url)
    clock_advance("31s")
    for url in sources:
        assert expect.receive(sqs, url) == []
    assert expect.counts(sqs, dead) == (2, 0, 0)
    arn = expect.arn_of(sqs, dead)
    sqs.start_message_move_task(SourceArn=arn)
    entry = settled(sqs, arn)
    assert entry["ApproximateNumberOfMessagesMoved"] == 2
    assert "DestinationArn" not in entry
    for i, url in enumerate(sources):
        assert expect.bodies(expect.receive(sqs, url)) == [f"of {i}"]


def test_a_fifo_queue_keeps_its_order(sqs, queue, redrive):
    [_], dead = redrive(fifo=True)
    fill(sqs, dead, 5, fifo=True)
    target = queue(fifo=True, ContentBasedDeduplication="true")
    arn = expect.arn_of(sqs, dead)
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=expect.arn_of(sqs, target))
    settled(sqs, arn)
    assert expect.bodies(expect.receive(sqs, target)) == [f"m{i}" for i in range(5)]


def test_a_running_task_can_be_listed_and_cancelled(sqs, queue, redrive):
    [_], dead = redrive()
    fill(sqs, dead, 30)
    arn = expect.arn_of(sqs, dead)
    handle = sqs.start_message_move_task(
        SourceArn=arn, DestinationArn=expect.arn_of(sqs, queue()), MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    entry = latest(sqs, arn)
    assert entry["Status"] == "RUNNING"
    assert entry["TaskHandle"] == handle
    assert entry["MaxNumberOfMessagesPerSecond"] == 1
    with fails(
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    ):
        sqs.start_message_move_task(SourceArn=arn)
    moved = sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"]
    assert 0 <= moved < 30
    assert "TaskHandle" not in settled(sqs, arn, "CANCELLED")
    assert expect.counts(sqs, dead)[0] >= 25
    with fails("AWS.SimpleQueueService.UnsupportedOperation"):
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_tasks_are_listed_newest_first(sqs, queue, redrive, clock_advance):
    [_], dead = redrive()
    arn, targets = expect.arn_of(sqs, dead), [expect.arn_of(sqs, queue()) for _ in range(12)]
    for target in targets:
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=target)
        settled(sqs, arn)
        clock_advance("1s")
    listed = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=10)["Results"]
    assert [e["DestinationArn"] for e in listed] == targets[::-1][:10]
    assert len(sqs.list_message_move_tasks(SourceArn=arn)["Results"]) == 1


def test_a_queue_without_tasks_has_none(sqs, redrive):
    [_], dead = redrive()
    assert sqs.list_message_move_tasks(SourceArn=expect.arn_of(sqs, dead)).get("Results", []) == []


def test_the_source_must_be_a_dead_letter_queue(sqs, queue):
    with fails("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."):
        sqs.start_message_move_task(SourceArn=expect.arn_of(sqs, queue()))


def test_unknown_queues(sqs, redrive):
    [_], dead = redrive()
    unknown = f"arn:aws:sqs:us-east-1:000000000000:{expect.name()}"
    with fails("ResourceNotFoundException", status=404):
        sqs.start_message_move_task(SourceArn=unknown)
    with fails("ResourceNotFoundException", status=404):
        sqs.start_message_move_task(SourceArn=expect.arn_of(sqs, dead), DestinationArn=unknown)
    with fails("ResourceNotFoundException", status=404):
        sqs.list_message_move_tasks(SourceArn=unknown)


@pytest.mark.parametrize("rate", [0, -1, 501])
def test_rates_out_of_range(sqs, queue, redrive, rate):
    [_], dead = redrive()
    with fails("InvalidParameterValue"):
        sqs.start_message_move_task(SourceArn=expect.arn_of(sqs, dead), MaxNumberOfMessagesPerSecond=rate)


@pytest.mark.parametrize("many", [0, 11])
def test_lists_out_of_range(sqs, redrive, many):
    [_], dead = redrive()
    with fails("InvalidParameterValue"):
        sqs.list_message_move_tasks(SourceArn=expect.arn_of(sqs, dead), MaxResults=many)


def test_the_destination_must_differ_in_name_and_not_in_type(sqs, queue, redrive):
    [_], dead = redrive()
    arn = expect.arn_of(sqs, dead)
    with fails("InvalidParameterValue"):
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=arn)
    with fails({"InvalidParameterValue", "AWS.SimpleQueueService.UnsupportedOperation"}):
        sqs.start_message_move_task(SourceArn=arn, DestinationArn=expect.arn_of(sqs, queue(fifo=True)))


@pytest.mark.parametrize("handle", ["nonsense", "e30="])
def test_handles_that_we_never_gave(sqs, handle):
    with fails({"InvalidParameterValue", "ResourceNotFoundException"}, status=None):
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_the_handle_of_a_queue_that_is_gone(sqs, queue, redrive):
    [source], dead = redrive()
    fill(sqs, dead, 5)
    handle = sqs.start_message_move_task(
        SourceArn=expect.arn_of(sqs, dead), DestinationArn=expect.arn_of(sqs, queue()), MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    sqs.delete_queue(QueueUrl=dead)
    with fails("ResourceNotFoundException", status=404):
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_messages_in_flight_stay(sqs, queue, redrive):
    [_], dead = redrive()
    fill(sqs, dead, 2)
    expect.receive_one(sqs, dead)
    arn = expect.arn_of(sqs, dead)
    sqs.start_message_move_task(SourceArn=arn, DestinationArn=expect.arn_of(sqs, queue()))
    assert settled(sqs, arn)["ApproximateNumberOfMessagesMoved"] == 1
    assert expect.counts(sqs, dead) == (0, 1, 0)
