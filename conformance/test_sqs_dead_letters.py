"""Dead-letter queues: redrive policies, redrive-allow policies, the move itself, listing sources."""

import json
import re

import pytest

import expect
from expect import fails


def policy(arn, many=1):
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": many})


@pytest.fixture
def pair(sqs, queue):
    """pair(many, fifo=False, **attributes): (source, dead-letter queue), as URLs."""

    def make(many=1, fifo=False, **attributes):
        dead = queue(fifo=fifo)
        source = queue(fifo=fifo, RedrivePolicy=policy(expect.arn_of(sqs, dead), many), **attributes)
        return source, dead

    return make


def fail(sqs, url, clock_advance, times=1):
    """Receives without deleting, so often."""
    for _ in range(times):
        assert len(expect.receive(sqs, url)) > 0
        clock_advance("31s")


# ---- policies --------------------------------------------------------------------------


@pytest.mark.parametrize("many", [1, 1000, "5"])
def test_a_redrive_policy_is_returned_in_its_plain_form(sqs, queue, many):
    arn = expect.arn_of(sqs, queue())
    url = queue(RedrivePolicy=json.dumps({"maxReceiveCount": many, "deadLetterTargetArn": arn}))
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"]
    assert json.loads(found) == {"deadLetterTargetArn": arn, "maxReceiveCount": int(many)}


@pytest.mark.parametrize(
    "text, reason",
    [
        ("nonsense", None),
        ("[]", None),
        ("{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ('{"deadLetterTargetArn":"ARN"}', "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ('{"maxReceiveCount":1}', None),
        ('{"maxReceiveCount":0,"deadLetterTargetArn":"ARN"}', None),
        ('{"maxReceiveCount":1001,"deadLetterTargetArn":"ARN"}', None),
        ('{"maxReceiveCount":"x","deadLetterTargetArn":"ARN"}', None),
        ('{"maxReceiveCount":1,"deadLetterTargetArn":"nonsense"}', None),
        ('{"maxReceiveCount":1,"deadLetterTargetArn":"ARN-none"}', "Dead letter target does not exist."),
        (
            '{"maxReceiveCount":1,"deadLetterTargetArn":"FIFO"}',
            "Dead-letter queue must be same type of queue as the source.",
        ),
    ],
    ids=range(11),
)
def test_redrive_policies_that_are_refused(sqs, queue, text, reason):
    given = text
    for word, is_fifo in (("ARN", False), ("FIFO", True)):
        if word in given:
            given = given.replace(word, expect.arn_of(sqs, queue(fifo=is_fifo)))
    # Whether the value is repeated as it was given or rewritten is not documented.
    message = (
        re.compile(rf"^Value {{.*}} for parameter RedrivePolicy is invalid\. Reason: {reason}$") if reason else None
    )
    codes = {"InvalidParameterValue", "InvalidAttributeValue"} if reason is None else "InvalidParameterValue"
    with fails(codes, message):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={"RedrivePolicy": given})
    with fails(codes, message):
        sqs.create_queue(QueueName=expect.name(), Attributes={"RedrivePolicy": given})


@pytest.mark.parametrize("change", [("us-east-1", "eu-west-1"), ("000000000000", "111122223333")])
def test_the_target_is_in_the_same_account_and_region(sqs, queue, change):
    arn = expect.arn_of(sqs, queue()).replace(*change)
    with fails("InvalidParameterValue"):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={"RedrivePolicy": policy(arn)})


def test_an_empty_policy_takes_it_away(sqs, pair, clock_advance):
    source, dead = pair()
    sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["All"])["Attributes"]
    sqs.send_message(QueueUrl=source, MessageBody="x")
    fail(sqs, source, clock_advance, 3)
    assert expect.counts(sqs, dead) == (0, 0, 0)


@pytest.mark.parametrize(
    "allow, accepted",
    [
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["SOURCE"]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:000000000000:other"]}, False),
    ],
)
def test_the_redrive_allow_policy_decides_who_may(sqs, queue, allow, accepted):
    source, dead = queue(), queue()
    text = json.dumps(allow).replace("SOURCE", expect.arn_of(sqs, source))
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"RedriveAllowPolicy": text})
    wanted = {"QueueUrl": source, "Attributes": {"RedrivePolicy": policy(expect.arn_of(sqs, dead))}}
    if accepted:
        sqs.set_queue_attributes(**wanted)
    else:
        with fails("InvalidParameterValue"):
            sqs.set_queue_attributes(**wanted)
    found = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["RedriveAllowPolicy"])["Attributes"]
    assert json.loads(found["RedriveAllowPolicy"]) == json.loads(text)


@pytest.mark.parametrize(
    "allow",
    [
        "nonsense",
        "[]",
        "{}",
        '{"redrivePermission":"some"}',
        '{"redrivePermission":"byQueue"}',
        '{"redrivePermission":"byQueue","sourceQueueArns":[]}',
        '{"redrivePermission":"allowAll","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:a"]}',
        json.dumps(
            {
                "redrivePermission": "byQueue",
                "sourceQueueArns": [f"arn:aws:sqs:us-east-1:000000000000:q{i}" for i in range(11)],
            }
        ),
    ],
    ids=range(8),
)
def test_redrive_allow_policies_that_are_refused(sqs, queue, allow):
    with fails({"InvalidParameterValue", "InvalidAttributeValue"}):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={"RedriveAllowPolicy": allow})


# ---- the move --------------------------------------------------------------------------


@pytest.mark.parametrize("many", [1, 3])
def test_a_message_moves_after_so_many_receives(sqs, pair, clock_advance, many):
    source, dead = pair(many)
    sent = sqs.send_message(QueueUrl=source, MessageBody="poison")
    fail(sqs, source, clock_advance, many)
    assert expect.receive(sqs, source) == []
    assert expect.counts(sqs, source) == (0, 0, 0)
    got = expect.receive_one(sqs, dead, AttributeNames=["All"])
    assert (got["Body"], got["MessageId"]) == ("poison", sent["MessageId"])
    assert got["Attributes"]["DeadLetterQueueSourceArn"] == expect.arn_of(sqs, source)
    assert int(got["Attributes"]["ApproximateReceiveCount"]) == many + 1


def test_attributes_and_send_time_move_along(sqs, pair, clock_advance):
    source, dead = pair()
    attributes = {"a": {"DataType": "Number.int", "StringValue": "1"}}
    sqs.send_message(QueueUrl=source, MessageBody="x", MessageAttributes=attributes)
    before = expect.receive_one(sqs, source, AttributeNames=["All"])["Attributes"]
    clock_advance("31s")
    assert expect.receive(sqs, source) == []
    got = expect.receive_one(sqs, dead, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert got["MessageAttributes"] == attributes
    assert got["Attributes"]["SentTimestamp"] == before["SentTimestamp"]


def test_retention_goes_on_counting_from_the_first_send(sqs, queue, clock_advance):
    dead = queue(MessageRetentionPeriod=120)
    source = queue(RedrivePolicy=policy(expect.arn_of(sqs, dead)))
    sqs.send_message(QueueUrl=source, MessageBody="x")
    clock_advance("80s")
    fail(sqs, source, clock_advance)
    assert expect.receive(sqs, source) == []
    clock_advance("15s")
    assert expect.receive(sqs, dead) == []


def test_a_deleted_message_does_not_move(sqs, pair, clock_advance):
    source, dead = pair()
    sqs.send_message(QueueUrl=source, MessageBody="x")
    handle = expect.receive_one(sqs, source)["ReceiptHandle"]
    sqs.delete_message(QueueUrl=source, ReceiptHandle=handle)
    clock_advance("31s")
    assert expect.receive(sqs, source) == [] and expect.receive(sqs, dead) == []


def test_a_fifo_message_moves_with_its_group_and_frees_it(sqs, pair, clock_advance):
    source, dead = pair(fifo=True, ContentBasedDeduplication="true")
    first = sqs.send_message(QueueUrl=source, MessageBody="0", MessageGroupId="g")
    sqs.send_message(QueueUrl=source, MessageBody="1", MessageGroupId="g")
    assert expect.receive_one(sqs, source)["Body"] == "0"
    clock_advance("31s")
    assert expect.receive_one(sqs, source)["Body"] == "1"
    got = expect.receive_one(sqs, dead, AttributeNames=["All"])
    assert (got["Body"], got["MessageId"]) == ("0", first["MessageId"])
    assert got["Attributes"]["MessageGroupId"] == "g"
    assert got["Attributes"]["MessageDeduplicationId"] == first["MessageId"]


def test_without_its_target_the_queue_goes_on_delivering(sqs, pair, clock_advance):
    source, dead = pair()
    sqs.delete_queue(QueueUrl=dead)
    sqs.send_message(QueueUrl=source, MessageBody="x")
    fail(sqs, source, clock_advance, 2)
    assert len(expect.receive(sqs, source)) == 1


def test_a_move_wakes_a_receive_on_the_dead_letter_queue(sqs, pair, clock_advance):
    source, dead = pair()
    sqs.send_message(QueueUrl=source, MessageBody="x")
    fail(sqs, source, clock_advance)
    expect.receive(sqs, source)
    assert len(expect.receive(sqs, dead, WaitTimeSeconds=5)) == 1


# ---- listing sources -------------------------------------------------------------------


def test_sources_are_listed(sqs, queue):
    dead = queue()
    sources = sorted(queue(RedrivePolicy=policy(expect.arn_of(sqs, dead))) for _ in range(3))
    answer = sqs.list_dead_letter_source_queues(QueueUrl=dead)
    assert sorted(answer["queueUrls"]) == sources
    assert "NextToken" not in answer


def test_sources_are_listed_in_pages(sqs, queue):
    dead = queue()
    sources = sorted(queue(RedrivePolicy=policy(expect.arn_of(sqs, dead))) for _ in range(3))
    first = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2)
    rest = sqs.list_dead_letter_source_queues(QueueUrl=dead, MaxResults=2, NextToken=first["NextToken"])
    assert len(first["queueUrls"]) == 2 and "NextToken" not in rest
    assert sorted(first["queueUrls"] + rest["queueUrls"]) == sources


@pytest.mark.parametrize("many", [0, 1001])
def test_pages_of_sources_have_a_range(sqs, queue, many):
    with fails("InvalidParameterValue"):
        sqs.list_dead_letter_source_queues(QueueUrl=queue(), MaxResults=many)


def test_a_queue_without_sources(sqs, queue):
    assert sqs.list_dead_letter_source_queues(QueueUrl=queue()).get("queueUrls", []) == []


def test_a_source_that_is_gone_is_not_listed(sqs, pair):
    source, dead = pair()
    sqs.delete_queue(QueueUrl=source)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead).get("queueUrls", []) == []


def test_the_arn_of_a_queue_can_be_a_target_of_itself(sqs, queue):
    url = queue()
    arn = expect.arn_of(sqs, url)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy(arn, 5)})
    assert re.search(
        re.escape(arn), sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["RedrivePolicy"]
    )
