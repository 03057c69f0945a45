"""Tags of queues."""

import pytest

import expect
from expect import fails


def tags(sqs, url):
    return sqs.list_queue_tags(QueueUrl=url).get("Tags", {})


def test_tags_given_at_creation(sqs):
    given = {"owner": "fog", "empty": "", "ünï": "çödé 日本", "a:b/c=d+e-f@g.h_i": "x"}
    url = sqs.create_queue(QueueName=expect.name(), tags=given)["QueueUrl"]
    assert tags(sqs, url) == given


def test_tags_are_added_replaced_and_removed(sqs, queue):
    url = queue()
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)
    sqs.tag_queue(QueueUrl=url, Tags={"a": "1", "b": "2"})
    sqs.tag_queue(QueueUrl=url, Tags={"b": "3", "c": "4"})
    assert tags(sqs, url) == {"a": "1", "b": "3", "c": "4"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["a", "c", "never there"])
    assert tags(sqs, url) == {"b": "3"}


def test_keys_differ_by_case(sqs, queue):
    url = queue()
    sqs.tag_queue(QueueUrl=url, Tags={"Key": "1", "key": "2"})
    assert tags(sqs, url) == {"Key": "1", "key": "2"}


def test_the_longest_key_and_value(sqs, queue):
    url = queue()
    sqs.tag_queue(QueueUrl=url, Tags={"k" * 128: "v" * 256})
    assert tags(sqs, url) == {"k" * 128: "v" * 256}


@pytest.mark.parametrize("given", [{"k" * 129: "v"}, {"k": "v" * 257}, {"": "v"}, {"aws:mine": "v"}])
def test_tags_that_are_refused(sqs, queue, given):
    with fails({"InvalidParameterValue", "MissingParameter"}):
        sqs.tag_queue(QueueUrl=queue(), Tags=given)


def test_no_tags(sqs, queue):
    with fails("MissingParameter"):
        sqs.tag_queue(QueueUrl=queue(), Tags={})


def test_no_keys(sqs, queue):
    with fails({"InvalidParameterValue", "MissingParameter"}):
        sqs.untag_queue(QueueUrl=queue(), TagKeys=[])


def test_fifty_tags_and_no_more(sqs, queue):
    url = queue()
    sqs.tag_queue(QueueUrl=url, Tags={f"k{i}": "v" for i in range(50)})
    with fails("InvalidParameterValue"):
        sqs.tag_queue(QueueUrl=url, Tags={"k50": "v"})
    sqs.tag_queue(QueueUrl=url, Tags={"k0": "replaced"})
    assert len(tags(sqs, url)) == 50
