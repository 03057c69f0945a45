"""kill -9 and start again: everything that was acknowledged is there, receipts still work."""

import json
import subprocess

import pytest

import expect
import server as servers
from conftest import make_client
from expect import fails


@pytest.fixture
def cloud(durable):
    """A running cloud; cloud.crash() kills it and starts it again on the same data and port."""
    return Cloud(durable)


class Cloud:
    def __init__(self, start):
        self._start = start
        self.server = start()

    def crash(self):
        self.server.kill()
        self.server = self._start(port=self.server.port)

    def client(self, service="sqs", **more):
        return make_client(self.server.endpoint, service, **more)


def test_queues_attributes_tags_and_policies_are_there(cloud):
    sqs = cloud.client()
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "77"}, tags={"k": "v"})["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    cloud.crash()
    sqs = cloud.client()
    assert sqs.list_queues()["QueueUrls"] == [url]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] == before
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"k": "v"}


def test_messages_in_every_state_are_there(cloud):
    sqs = cloud.client()
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    attributes = {"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    for body in ("deleted", "in flight", "in flight too"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    held = {}
    for _ in range(3):
        message = expect.receive_one(sqs, url)
        held[message["Body"]] = message["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["deleted"])
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=600)
    sent = sqs.send_message(QueueUrl=url, MessageBody="visible", MessageAttributes=attributes)
    cloud.crash()
    sqs = cloud.client()
    assert expect.counts(sqs, url) == (1, 2, 1)
    got = expect.receive(sqs, url, MessageAttributeNames=["All"], AttributeNames=["All"])
    assert expect.bodies(got) == ["visible"]
    assert got[0]["MessageId"] == sent["MessageId"]
    assert got[0]["MessageAttributes"] == attributes
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["in flight"])
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=held["in flight too"], VisibilityTimeout=0)
    assert expect.bodies(expect.receive(sqs, url)) == ["in flight too"]
    assert expect.counts(sqs, url) == (0, 2, 1)


def test_a_fifo_queue_keeps_order_groups_numbers_and_memory(cloud):
    sqs = cloud.client()
    url = sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})[
        "QueueUrl"
    ]

    def send(body, group="g"):
        return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)

    last = [send(str(i)) for i in range(5)][-1]
    first = expect.receive_one(sqs, url)
    cloud.crash()
    sqs = cloud.client()
    assert expect.receive(sqs, url) == []
    assert send("4")["MessageId"] == last["MessageId"]
    assert send("5")["SequenceNumber"] > last["SequenceNumber"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert expect.bodies(expect.receive(sqs, url)) == ["1", "2", "3", "4", "5"]


def test_receive_counts_go_on(cloud):
    sqs = cloud.client()
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": expect.arn_of(sqs, dead), "maxReceiveCount": 2})
    url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    expect.receive_one(sqs, url, VisibilityTimeout=0)
    expect.receive_one(sqs, url, VisibilityTimeout=0)
    cloud.crash()
    sqs = cloud.client()
    assert expect.receive(sqs, url) == []
    assert expect.bodies(expect.receive(sqs, dead, WaitTimeSeconds=2)) == ["x"]


def test_the_rests_of_names_and_purges_go_on(cloud):
    sqs = cloud.client()
    gone = sqs.create_queue(QueueName="gone")["QueueUrl"]
    purged = sqs.create_queue(QueueName="purged")["QueueUrl"]
    sqs.send_message(QueueUrl=purged, MessageBody="x")
    sqs.delete_queue(QueueUrl=gone)
    sqs.purge_queue(QueueUrl=purged)
    cloud.crash()
    sqs = cloud.client()
    assert expect.receive(sqs, purged) == []
    with fails("AWS.SimpleQueueService.QueueDeletedRecently"):
        sqs.create_queue(QueueName="gone")
    with fails("AWS.SimpleQueueService.PurgeQueueInProgress", status=403):
        sqs.purge_queue(QueueUrl=purged)


def test_a_move_task_goes_on_or_says_that_it_failed(cloud):
    sqs = cloud.client()
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = expect.arn_of(sqs, dead)
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})
    target = sqs.create_queue(QueueName="target")["QueueUrl"]
    for i in range(20):
        sqs.send_message(QueueUrl=dead, MessageBody=str(i))
    sqs.start_message_move_task(
        SourceArn=arn, DestinationArn=expect.arn_of(sqs, target), MaxNumberOfMessagesPerSecond=2
    )
    cloud.crash()
    sqs = cloud.client()
    [entry] = sqs.list_message_move_tasks(SourceArn=arn)["Results"]
    assert entry["Status"] in ("RUNNING", "FAILED")
    # The task goes on while they are counted: only counts between which nothing moved are of one moment.
    for _ in range(20):
        before, moved, after = (sum(expect.counts(sqs, queue)) for queue in (dead, target, dead))
        if before == after:
            break
    assert before == after and before + moved == 20


def test_temporary_credentials_go_on(cloud):
    found = cloud.client("sts").get_session_token()["Credentials"]
    keys = {"key": found["AccessKeyId"], "secret": found["SecretAccessKey"], "token": found["SessionToken"]}
    cloud.crash()
    assert cloud.client("sts", **keys).get_caller_identity()["Account"] == "000000000000"


def test_other_accounts_and_regions_are_there(cloud):
    there = {"key": "123456789012", "region": "eu-west-1"}
    url = cloud.client(**there).create_queue(QueueName="q")["QueueUrl"]
    cloud.client(**there).send_message(QueueUrl=url, MessageBody="x")
    cloud.crash()
    assert expect.bodies(expect.receive(cloud.client(**there), url)) == ["x"]
    assert "QueueUrls" not in cloud.client().list_queues()


def test_a_polite_end_loses_nothing_and_returns_zero(cloud):
    sqs = cloud.client()
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert cloud.server.stop() == 0
    cloud.crash()
    assert expect.bodies(expect.receive(cloud.client(), url)) == ["x"]


def test_two_servers_on_one_folder(cloud):
    folder = cloud.server.arguments[cloud.server.arguments.index("--data") + 1]
    second = subprocess.run(
        [str(servers.binary()), "up", "--dev", "--data", folder, "--port", str(servers.free_port())],
        env=servers.clean_environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode != 0
    assert folder in second.stdout + second.stderr


def test_a_port_in_use(cloud, tmp_path):
    port = cloud.server.port
    second = subprocess.run(
        [str(servers.binary()), "up", "--dev", "--data", str(tmp_path), "--port", str(port)],
        env=servers.clean_environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode != 0
    assert str(port) in second.stdout + second.stderr
