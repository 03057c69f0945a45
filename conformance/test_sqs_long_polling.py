"""Receives that wait, and what wakes them. Real time is measured here, so waits are short."""

import concurrent.futures
import contextlib
import time

import pytest

import expect
import wire

WAKE_SECONDS_MAX = 1.0


@contextlib.contextmanager
def polling(sqs, url, seconds=20, **more):
    """A receive under way in another thread; yields its future of (messages, end time)."""

    def poll():
        messages = expect.receive(sqs, url, WaitTimeSeconds=seconds, **more)
        return messages, time.monotonic()

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        future = pool.submit(poll)
        time.sleep(0.3)
        assert not future.done()
        yield future


def woken(future, since):
    """The messages, if the receive ended soon enough after `since`."""
    messages, ended = future.result(timeout=10)
    assert ended - since < WAKE_SECONDS_MAX
    return expect.bodies(messages)


def test_an_empty_queue_is_waited_for_as_long_as_asked(sqs, queue):
    started = time.monotonic()
    assert expect.receive(sqs, queue(), WaitTimeSeconds=1) == []
    assert 0.9 <= time.monotonic() - started < 3


def test_a_message_that_is_there_is_not_waited_for(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    started = time.monotonic()
    assert len(expect.receive(sqs, url, WaitTimeSeconds=20)) == 1
    assert time.monotonic() - started < WAKE_SECONDS_MAX


def test_a_send_wakes_the_receive(sqs, queue):
    url = queue()
    with polling(sqs, url) as future:
        started = time.monotonic()
        sqs.send_message(QueueUrl=url, MessageBody="x")
        assert woken(future, started) == ["x"]


def test_a_batch_wakes_the_receive(sqs, queue):
    url = queue()
    with polling(sqs, url) as future:
        started = time.monotonic()
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "x"}])
        assert woken(future, started) == ["x"]


def test_one_message_wakes_one_of_two_receives(sqs, queue):
    url = queue()
    with polling(sqs, url, 2) as first, polling(sqs, url, 2) as second:
        sqs.send_message(QueueUrl=url, MessageBody="x")
        got = [expect.bodies(f.result(timeout=10)[0]) for f in (first, second)]
    assert sorted(got) == [[], ["x"]]


def test_a_change_of_visibility_wakes_the_receive(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = expect.receive_one(sqs, url)["ReceiptHandle"]
    with polling(sqs, url) as future:
        started = time.monotonic()
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        assert woken(future, started) == ["x"]


@pytest.mark.parametrize("why", ["timeout", "delay"])
def test_the_clock_wakes_the_receive(sqs, queue, clock_advance, why):
    url = queue(VisibilityTimeout=600)
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=600 if why == "delay" else 0)
    if why == "timeout":
        expect.receive_one(sqs, url)
    with polling(sqs, url) as future:
        clock_advance("601s")
        assert woken(future, time.monotonic()) == ["x"]


def test_a_short_delay_ends_while_the_receive_waits(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1)
    started = time.monotonic()
    assert len(expect.receive(sqs, url, WaitTimeSeconds=10)) == 1
    assert time.monotonic() - started < 3


def test_deleting_the_first_of_a_group_wakes_for_the_next(sqs, queue):
    url = queue(fifo=True, ContentBasedDeduplication="true")
    for body in ("0", "1"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    handle = expect.receive_one(sqs, url)["ReceiptHandle"]
    with polling(sqs, url) as future:
        started = time.monotonic()
        sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
        assert woken(future, started) == ["1"]


def test_a_client_that_hangs_up_takes_no_message(sqs, queue, server):
    url = queue()
    replay = wire.Replay(wire.Caller(server.endpoint), "ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 20})
    replay.socket.sendall(replay.bytes)
    time.sleep(0.3)
    replay.close()
    time.sleep(0.3)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert expect.receive_one(sqs, url, WaitTimeSeconds=2)["Body"] == "x"
