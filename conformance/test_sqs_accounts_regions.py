"""Accounts and regions do not see each other, unless a queue's policy says so."""

import json

import pytest

import expect
from expect import fails

NON_EXISTENT = "AWS.SimpleQueueService.NonExistentQueue"
DENIED = {"AccessDenied", NON_EXISTENT}


def test_the_same_name_in_two_accounts(client, account):
    name = expect.name()
    mine, theirs = client("sqs"), client("sqs", account)
    urls = [c.create_queue(QueueName=name)["QueueUrl"] for c in (mine, theirs)]
    assert urls[0] != urls[1] and f"/{account}/" in urls[1]
    mine.send_message(QueueUrl=urls[0], MessageBody="mine")
    assert expect.receive(theirs, urls[1]) == []
    assert expect.arn_of(theirs, urls[1]) == f"arn:aws:sqs:us-east-1:{account}:{name}"


@pytest.mark.parametrize("region", ["eu-west-1", "us-west-2", "cn-north-1", "us-gov-west-1", "ap-southeast-5"])
def test_the_same_name_in_two_regions(client, region):
    name = expect.name()
    here, there = client("sqs"), client("sqs", region=region)
    here_url = here.create_queue(QueueName=name)["QueueUrl"]
    with fails(NON_EXISTENT):
        there.get_queue_url(QueueName=name)
    there_url = there.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"]
    assert expect.arn_of(there, there_url).split(":")[3] == region
    here.send_message(QueueUrl=here_url, MessageBody="here")
    assert expect.counts(there, there_url) == (0, 0, 0)


def test_a_list_shows_only_the_callers_account_and_region(client, account):
    name = expect.name()
    client("sqs").create_queue(QueueName=name)
    client("sqs", account, "eu-west-1").create_queue(QueueName=name)
    assert "QueueUrls" not in client("sqs", account).list_queues(QueueNamePrefix=name)


@pytest.mark.parametrize(
    "call",
    [
        lambda c, url: c.send_message(QueueUrl=url, MessageBody="x"),
        lambda c, url: c.receive_message(QueueUrl=url),
        lambda c, url: c.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
        lambda c, url: c.delete_queue(QueueUrl=url),
        lambda c, url: c.purge_queue(QueueUrl=url),
        lambda c, url: c.tag_queue(QueueUrl=url, Tags={"a": "b"}),
    ],
    ids=["send", "receive", "attributes", "delete", "purge", "tag"],
)
def test_a_stranger_is_refused(client, account, queue, call):
    url = queue()
    with fails(DENIED, status=None):
        call(client("sqs", account), url)


def test_a_stranger_does_not_find_the_url(client, account, queue):
    url = queue()
    with fails(DENIED, status=None):
        client("sqs", account).get_queue_url(QueueName=url.rpartition("/")[2], QueueOwnerAWSAccountId="000000000000")


def test_a_queues_policy_lets_another_account_in(client, account, queue):
    mine, theirs = client("sqs"), client("sqs", account)
    url = queue()
    mine.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[account], Actions=["SendMessage", "GetQueueUrl"])
    theirs.send_message(QueueUrl=url, MessageBody="from next door")
    got = expect.receive_one(mine, url, AttributeNames=["SenderId"])
    assert got["Attributes"]["SenderId"] == account
    found = theirs.get_queue_url(QueueName=url.rpartition("/")[2], QueueOwnerAWSAccountId="000000000000")
    assert found["QueueUrl"] == url
    with fails(DENIED, status=None):
        theirs.receive_message(QueueUrl=url)
    mine.remove_permission(QueueUrl=url, Label="l")
    with fails(DENIED, status=None):
        theirs.send_message(QueueUrl=url, MessageBody="x")


def test_what_only_the_owner_may_no_policy_grants(client, account, queue):
    mine, theirs = client("sqs"), client("sqs", account)
    url = queue()
    everything = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sqs:*",
        "Resource": expect.arn_of(mine, url),
    }
    mine.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [everything]})}
    )
    theirs.send_message(QueueUrl=url, MessageBody="x")
    with fails(DENIED, status=None):
        theirs.tag_queue(QueueUrl=url, Tags={"a": "b"})
    with fails(DENIED, status=None):
        theirs.delete_queue(QueueUrl=url)
