"""The limit on messages in flight. One signed request is replayed, or it would take minutes."""

import json

import expect
import wire
from expect import fails

IN_FLIGHT_MAX = 120_000
BATCH = 10


def fill(server, url, many):
    """Sends `many` messages and receives them all, without deleting."""
    caller = wire.Caller(server.endpoint)
    entries = [{"Id": str(i), "MessageBody": "x"} for i in range(BATCH)]
    send = wire.Replay(caller, "SendMessageBatch", {"QueueUrl": url, "Entries": entries})
    take = wire.Replay(caller, "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": BATCH})
    taken = 0
    try:
        for _ in range(many // BATCH):
            status, _ = send.once()
            assert status == 200
            status, body = take.once()
            assert status == 200, body
            taken += len(json.loads(body).get("Messages", []))
        while taken < many:
            status, body = take.once()
            assert status == 200, body
            taken += len(json.loads(body)["Messages"])
    finally:
        send.close()
        take.close()


def test_a_standard_queue_has_120_000_messages_in_flight_and_no_more(sqs, queue, server):
    url = queue(VisibilityTimeout=43200)
    fill(server, url, IN_FLIGHT_MAX)
    assert expect.counts(sqs, url) == (0, IN_FLIGHT_MAX, 0)
    sqs.send_message(QueueUrl=url, MessageBody="one more")
    with fails("OverLimit", status=403) as seen:
        sqs.receive_message(QueueUrl=url)
    assert isinstance(seen[0], sqs.exceptions.OverLimit)
    assert expect.receive(sqs, url, WaitTimeSeconds=1) == []
    sqs.purge_queue(QueueUrl=url)
    assert expect.counts(sqs, url) == (0, 0, 0)
