"""Attributes of queues: defaults, ranges, rules between them."""

import json
import time

import pytest

import expect
from expect import fails

COUNTERS = {
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
}
STANDARD = {
    "VisibilityTimeout": "30",
    "DelaySeconds": "0",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    **COUNTERS,
}
FIFO = {
    **STANDARD,
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}
CHANGING = {"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp"}


def read(sqs, url, *names):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


@pytest.mark.parametrize("fifo, expected", [(False, STANDARD), (True, FIFO)])
def test_the_attributes_of_a_new_queue(sqs, queue, fifo, expected):
    url = queue(fifo=fifo)
    found = read(sqs, url)
    assert {k: v for k, v in found.items() if k not in CHANGING} == expected
    assert found["QueueArn"] == f"arn:aws:sqs:us-east-1:000000000000:{url.rpartition('/')[2]}"
    assert all(isinstance(v, str) for v in found.values())


def test_times_are_whole_seconds(sqs, queue):
    found = read(sqs, queue())
    assert found["CreatedTimestamp"] == found["LastModifiedTimestamp"]
    assert found["CreatedTimestamp"].isdigit() and len(found["CreatedTimestamp"]) == 10


def test_a_change_moves_the_time_of_modification(sqs, queue, clock_advance):
    url = queue()
    before = read(sqs, url)
    clock_advance("90s")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
    after = read(sqs, url)
    assert after["CreatedTimestamp"] == before["CreatedTimestamp"]
    moved = int(after["LastModifiedTimestamp"]) - int(before["LastModifiedTimestamp"])
    assert 90 <= moved < 120


def test_only_the_named_attributes(sqs, queue):
    assert set(read(sqs, queue(), "DelaySeconds", "QueueArn")) == {"DelaySeconds", "QueueArn"}


def test_no_names_no_attributes(sqs, queue):
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue())


def test_known_names_that_the_queue_does_not_have_are_left_out(sqs, queue):
    assert set(read(sqs, queue(), "Policy", "RedrivePolicy", "KmsMasterKeyId", "DelaySeconds")) == {"DelaySeconds"}


def test_reading_an_unknown_attribute(sqs, queue):
    with fails("InvalidAttributeName", "Unknown Attribute Fog."):
        read(sqs, queue(), "Fog")


@pytest.mark.parametrize(
    "attribute, low, high",
    [
        ("VisibilityTimeout", 0, 43200),
        ("DelaySeconds", 0, 900),
        ("MaximumMessageSize", 1024, 1048576),
        ("MessageRetentionPeriod", 60, 1209600),
        ("ReceiveMessageWaitTimeSeconds", 0, 20),
    ],
)
def test_ranges(sqs, queue, attribute, low, high):
    url = queue()
    for value in (low, high):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: str(value)})
        assert read(sqs, url, attribute) == {attribute: str(value)}
    for value in (str(low - 1), str(high + 1), "", "ten", "1.5", "99999999999999999999"):
        with fails("InvalidAttributeValue", f"Invalid value for the parameter {attribute}."):
            sqs.set_queue_attributes(QueueUrl=url, Attributes={attribute: value})
    assert read(sqs, url, attribute) == {attribute: str(high)}


@pytest.mark.parametrize("attribute, value", [("VisibilityTimeout", "43201"), ("MaximumMessageSize", "1023")])
def test_creating_with_a_bad_value(sqs, attribute, value):
    with fails("InvalidAttributeValue", f"Invalid value for the parameter {attribute}."):
        sqs.create_queue(QueueName=expect.name(), Attributes={attribute: value})


@pytest.mark.parametrize("attribute, value", [("Fog", "1"), ("All", "1"), ("QueueArn", "a"), ("CreatedTimestamp", "1")])
def test_attributes_that_nobody_can_set(sqs, queue, attribute, value):
    with fails("InvalidAttributeName"):
        sqs.create_queue(QueueName=expect.name(), Attributes={attribute: value})
    with fails("InvalidAttributeName"):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={attribute: value})


def test_setting_nothing(sqs, queue):
    with fails("MissingParameter", "The request must contain the parameter Attribute.Name."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={})


def test_a_change_is_all_or_nothing(sqs, queue):
    url = queue()
    with fails("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "7", "VisibilityTimeout": "-1"})
    assert read(sqs, url, "DelaySeconds") == {"DelaySeconds": "0"}


# ---- FIFO ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attribute, value",
    [
        ("FifoQueue", "false"),
        ("ContentBasedDeduplication", "true"),
        ("DeduplicationScope", "queue"),
        ("FifoThroughputLimit", "perQueue"),
    ],
)
def test_fifo_attributes_on_a_standard_queue(sqs, queue, attribute, value):
    with fails("InvalidAttributeName", f"Unknown Attribute {attribute}."):
        sqs.create_queue(QueueName=expect.name(), Attributes={attribute: value})
    with fails("InvalidAttributeName", f"Unknown Attribute {attribute}."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={attribute: value})


def test_a_queue_cannot_change_its_type(sqs, queue):
    with fails("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=queue(fifo=True), Attributes={"FifoQueue": "false"})


@pytest.mark.parametrize(
    "attribute, value",
    [
        ("ContentBasedDeduplication", "yes"),
        ("DeduplicationScope", "topic"),
        ("FifoThroughputLimit", "perMessage"),
        ("FifoThroughputLimit", "perMessageGroupId"),
    ],
)
def test_bad_values_of_fifo_attributes(sqs, queue, attribute, value):
    with fails("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=queue(fifo=True), Attributes={attribute: value})


def test_high_throughput(sqs, queue):
    wanted = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    created = queue(fifo=True, **wanted)
    assert read(sqs, created, *wanted) == wanted
    changed = queue(fifo=True)
    sqs.set_queue_attributes(QueueUrl=changed, Attributes=wanted)
    assert read(sqs, changed, *wanted) == wanted
    with fails("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=changed, Attributes={"DeduplicationScope": "queue"})


# ---- policy and encryption -------------------------------------------------------------


def test_a_policy_is_kept_and_taken_away(sqs, queue):
    url = queue()
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": expect.arn_of(sqs, url)}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    assert json.loads(read(sqs, url)["Policy"]) == policy
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in read(sqs, url)


@pytest.mark.parametrize(
    "policy",
    ["{", "[]", "17", '{"Version":"2012-10-17"}', '{"Version":"1999-01-01","Statement":[]}', '{"Statement":[{}]}'],
)
def test_a_policy_that_is_none(sqs, queue, policy):
    with fails("InvalidAttributeValue", "Invalid value for the parameter Policy."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes={"Policy": policy})


def test_a_key_of_kms_replaces_the_queues_own_encryption(sqs, queue):
    url = queue()
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": "600"}
    )
    found = read(sqs, url)
    assert found["KmsMasterKeyId"] == "alias/aws/sqs"
    assert found["KmsDataKeyReusePeriodSeconds"] == "600"
    assert found["SqsManagedSseEnabled"] == "false"


@pytest.mark.parametrize("seconds", ["59", "86401", "x"])
def test_the_reuse_of_a_data_key_has_a_range(sqs, queue, seconds):
    attributes = {"KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": seconds}
    with fails("InvalidAttributeValue", "Invalid value for the parameter KmsDataKeyReusePeriodSeconds."):
        sqs.set_queue_attributes(QueueUrl=queue(), Attributes=attributes)


def test_two_kinds_of_encryption_at_once(sqs, queue):
    message = (
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    )
    with fails("InvalidAttributeName", message):
        sqs.set_queue_attributes(
            QueueUrl=queue(), Attributes={"KmsMasterKeyId": "alias/aws/sqs", "SqsManagedSseEnabled": "true"}
        )


def test_encryption_can_be_switched_off(sqs, queue):
    url = queue(SqsManagedSseEnabled="false")
    assert read(sqs, url, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "false"}


# ---- attributes at work ----------------------------------------------------------------


def test_messages_older_than_the_retention_period_are_gone(sqs, queue, clock_advance):
    url = queue(MessageRetentionPeriod=60)
    sqs.send_message(QueueUrl=url, MessageBody="old")
    clock_advance("50s")
    sqs.send_message(QueueUrl=url, MessageBody="young")
    clock_advance("15s")
    assert expect.bodies(expect.receive(sqs, url)) == ["young"]


def test_a_shorter_retention_period_takes_effect_on_what_is_there(sqs, queue, clock_advance):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="old")
    clock_advance("2m")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "60"})
    assert expect.receive(sqs, url) == []
    assert expect.counts(sqs, url) == (0, 0, 0)


def test_the_wait_of_the_queue_applies_when_the_request_has_none(sqs, queue):
    url = queue(ReceiveMessageWaitTimeSeconds=1)
    started = time.monotonic()
    assert expect.receive(sqs, url) == []
    assert time.monotonic() - started >= 0.9
    started = time.monotonic()
    assert expect.receive(sqs, url, WaitTimeSeconds=0) == []
    assert time.monotonic() - started < 0.9
