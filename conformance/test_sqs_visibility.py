"""Hiding received messages: by the queue, by the receive, by a change; the twelve-hour limit."""

import re

import pytest

import expect
from expect import fails


def received(sqs, url, **more):
    """Sends a message, receives it, returns its handle."""
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return expect.receive_one(sqs, url, **more)["ReceiptHandle"]


def change(sqs, url, handle, seconds):
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=seconds)


@pytest.mark.parametrize("of_queue, of_receive, seconds", [(30, None, 30), (10, None, 10), (10, 60, 60), (60, 10, 10)])
def test_a_received_message_stays_hidden_until_its_timeout(sqs, queue, clock_advance, of_queue, of_receive, seconds):
    url = queue(VisibilityTimeout=of_queue)
    received(sqs, url, **({} if of_receive is None else {"VisibilityTimeout": of_receive}))
    clock_advance(f"{seconds - 3}s")
    assert expect.receive(sqs, url) == []
    clock_advance("4s")
    assert len(expect.receive(sqs, url)) == 1


def test_a_timeout_of_nothing(sqs, queue):
    url = queue(VisibilityTimeout=0)
    received(sqs, url)
    assert expect.counts(sqs, url) == (1, 0, 0)
    assert len(expect.receive(sqs, url)) == 1


def test_a_change_counts_from_now(sqs, queue, clock_advance):
    url = queue(VisibilityTimeout=30)
    handle = received(sqs, url)
    clock_advance("20s")
    change(sqs, url, handle, 60)
    clock_advance("50s")
    assert expect.receive(sqs, url) == []
    clock_advance("11s")
    assert len(expect.receive(sqs, url)) == 1


def test_a_change_to_nothing_shows_the_message_at_once(sqs, queue):
    url = queue()
    change(sqs, url, received(sqs, url), 0)
    assert len(expect.receive(sqs, url)) == 1


def test_a_change_is_not_remembered_for_the_next_receive(sqs, queue, clock_advance):
    url = queue(VisibilityTimeout=10)
    change(sqs, url, received(sqs, url), 100)
    clock_advance("101s")
    expect.receive_one(sqs, url)
    clock_advance("11s")
    assert len(expect.receive(sqs, url)) == 1


def test_a_new_default_does_not_touch_messages_in_flight(sqs, queue, clock_advance):
    url = queue(VisibilityTimeout=30)
    received(sqs, url)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1000"})
    clock_advance("31s")
    assert len(expect.receive(sqs, url)) == 1


@pytest.mark.parametrize("seconds", [-1, 43201])
def test_changes_out_of_range(sqs, queue, seconds):
    url = queue()
    with fails("InvalidParameterValue"):
        change(sqs, url, received(sqs, url), seconds)


def test_all_changes_together_reach_twelve_hours_at_most(sqs, queue, clock_advance):
    url = queue(VisibilityTimeout=7200)
    handle = received(sqs, url)
    clock_advance("1h")
    message = (
        "Value 43200 for parameter VisibilityTimeout is invalid. "
        "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"
    )
    with fails("InvalidParameterValue", re.compile(re.escape(message))):
        change(sqs, url, handle, 43200)
    change(sqs, url, handle, 43200 - 3660)


def test_the_handle_of_a_deleted_message(sqs, queue):
    url = queue()
    handle = received(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    message = (
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change."
    )
    with fails("InvalidParameterValue", message):
        change(sqs, url, handle, 10)


def test_an_old_handle_cannot_hide_the_message(sqs, queue):
    url = queue()
    old = received(sqs, url, VisibilityTimeout=0)
    expect.receive_one(sqs, url)
    # Not documented which of the two it is.
    with fails({"InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"}):
        change(sqs, url, old, 10)


def test_a_message_that_is_visible_again_is_not_in_flight(sqs, queue, clock_advance):
    url = queue()
    handle = received(sqs, url)
    clock_advance("31s")
    with fails("AWS.SimpleQueueService.MessageNotInflight") as seen:
        change(sqs, url, handle, 10)
    assert isinstance(seen[0], sqs.exceptions.MessageNotInflight)


def test_a_handle_that_we_never_gave(sqs, queue):
    message = 'The input receipt handle "nonsense" is not a valid receipt handle.'
    with fails("ReceiptHandleIsInvalid", message, status=404):
        change(sqs, queue(), "nonsense", 1)


def test_the_handle_still_deletes_after_the_timeout(sqs, queue, clock_advance):
    url = queue()
    handle = received(sqs, url)
    clock_advance("31s")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert expect.counts(sqs, url) == (0, 0, 0)
