"""Creating, finding, listing and deleting queues."""

import urllib.parse

import pytest

import expect
from expect import fails

NON_EXISTENT = "AWS.SimpleQueueService.NonExistentQueue"
STANDARD_NAME = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
FIFO_NAME = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length."
)

# What each operation needs besides the queue's URL.
ON_A_QUEUE = {
    "add_permission": {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]},
    "change_message_visibility": {"ReceiptHandle": "r", "VisibilityTimeout": 1},
    "change_message_visibility_batch": {"Entries": [{"Id": "a", "ReceiptHandle": "r", "VisibilityTimeout": 1}]},
    "delete_message": {"ReceiptHandle": "r"},
    "delete_message_batch": {"Entries": [{"Id": "a", "ReceiptHandle": "r"}]},
    "delete_queue": {},
    "get_queue_attributes": {"AttributeNames": ["All"]},
    "list_dead_letter_source_queues": {},
    "list_queue_tags": {},
    "purge_queue": {},
    "receive_message": {},
    "remove_permission": {"Label": "l"},
    "send_message": {"MessageBody": "x"},
    "send_message_batch": {"Entries": [{"Id": "a", "MessageBody": "x"}]},
    "set_queue_attributes": {"Attributes": {"DelaySeconds": "1"}},
    "tag_queue": {"Tags": {"a": "b"}},
    "untag_queue": {"TagKeys": ["a"]},
}


def test_a_created_queue_has_an_url_where_the_caller_reached_us(sqs, server):
    name = expect.name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    assert url == f"{server.endpoint}/000000000000/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url


@pytest.mark.parametrize(
    "name, fifo, message",
    [
        ("with space", None, STANDARD_NAME),
        ("dot.ted", None, STANDARD_NAME),
        ("slash/ed", None, STANDARD_NAME),
        ("umlaut-ä", None, STANDARD_NAME),
        ("a" * 81, None, STANDARD_NAME),
        ("ends.fifo", None, STANDARD_NAME),
        ("plain", "true", FIFO_NAME),
        ("two.dots.fifo", "true", FIFO_NAME),
        ("a" * 76 + ".fifo", "true", FIFO_NAME),
        (".fifo", "true", FIFO_NAME),
    ],
)
def test_names_that_are_refused(sqs, name, fifo, message):
    attributes = {"FifoQueue": fifo} if fifo else {}
    with fails("InvalidParameterValue", message):
        sqs.create_queue(QueueName=name, Attributes=attributes)


@pytest.mark.parametrize("length", [1, 80])
def test_the_shortest_and_longest_names(sqs, length):
    name = expect.name().replace("-", "_").ljust(80, "Z")[:length]
    assert sqs.create_queue(QueueName=name)["QueueUrl"].endswith("/" + name)


def test_the_longest_fifo_name_counts_its_suffix(sqs):
    name = expect.name().ljust(75, "z") + ".fifo"
    assert len(name) == 80
    sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})


def test_names_differ_by_case(sqs):
    name = expect.name()
    assert sqs.create_queue(QueueName=name)["QueueUrl"] != sqs.create_queue(QueueName=name.upper())["QueueUrl"]


@pytest.mark.parametrize(
    "first, second, differs",
    [
        ({}, {}, None),
        ({"DelaySeconds": "5"}, {"DelaySeconds": "5"}, None),
        ({"DelaySeconds": "5"}, {}, None),
        ({}, {"DelaySeconds": "0", "VisibilityTimeout": "30"}, None),
        ({}, {"DelaySeconds": "1"}, "DelaySeconds"),
        ({"VisibilityTimeout": "10"}, {"VisibilityTimeout": "11"}, "VisibilityTimeout"),
        ({"DelaySeconds": "5"}, {"MessageRetentionPeriod": "60"}, "MessageRetentionPeriod"),
    ],
)
def test_creating_again_compares_only_what_is_given(sqs, first, second, differs):
    name = expect.name()
    url = sqs.create_queue(QueueName=name, Attributes=first)["QueueUrl"]
    if differs is None:
        assert sqs.create_queue(QueueName=name, Attributes=second)["QueueUrl"] == url
        return
    message = f"A queue already exists with the same name and a different value for attribute {differs}"
    with fails("QueueAlreadyExists", message) as seen:
        sqs.create_queue(QueueName=name, Attributes=second)
    assert isinstance(seen[0], sqs.exceptions.QueueNameExists)


def test_counters_do_not_matter_when_creating_again(sqs, queue):
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert sqs.create_queue(QueueName=url.rpartition("/")[2])["QueueUrl"] == url


def test_creating_again_with_other_tags_is_refused(sqs):
    name = expect.name()
    sqs.create_queue(QueueName=name, tags={"a": "1"})
    sqs.create_queue(QueueName=name, tags={"a": "1"})
    with fails("QueueAlreadyExists"):
        sqs.create_queue(QueueName=name, tags={"a": "2"})


def test_a_deleted_queue_is_gone_and_its_name_rests_for_sixty_seconds(sqs, clock_advance):
    name = expect.name()
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    sqs.delete_queue(QueueUrl=url)
    with fails(NON_EXISTENT):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    with fails(
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ):
        sqs.create_queue(QueueName=name)
    clock_advance("61s")
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    assert expect.receive(sqs, url) == []


@pytest.mark.parametrize("operation", sorted(ON_A_QUEUE))
def test_operations_on_an_unknown_queue(sqs, server, operation):
    url = f"{server.endpoint}/000000000000/{expect.name()}"
    with fails(NON_EXISTENT, "The specified queue does not exist.") as seen:
        getattr(sqs, operation)(QueueUrl=url, **ON_A_QUEUE[operation])
    assert isinstance(seen[0], sqs.exceptions.QueueDoesNotExist)


@pytest.mark.parametrize("operation", sorted(ON_A_QUEUE))
def test_operations_on_an_address_that_names_no_account(sqs, server, operation):
    with fails("InvalidAddress", status=404):
        getattr(sqs, operation)(QueueUrl=f"{server.endpoint}/not-an-account/q", **ON_A_QUEUE[operation])


def test_get_queue_url_of_an_unknown_queue(sqs):
    with fails(NON_EXISTENT, "The specified queue does not exist."):
        sqs.get_queue_url(QueueName=expect.name())


def test_get_queue_url_of_an_unknown_queue_of_another_owner(sqs):
    with fails(NON_EXISTENT, "The specified queue does not exist or you do not have access to it."):
        sqs.get_queue_url(QueueName=expect.name(), QueueOwnerAWSAccountId="111122223333")


def test_get_queue_url_with_the_callers_own_account(sqs, queue):
    url = queue()
    found = sqs.get_queue_url(QueueName=url.rpartition("/")[2], QueueOwnerAWSAccountId="000000000000")
    assert found["QueueUrl"] == url


@pytest.mark.parametrize(
    "form",
    [
        "{name}",
        "https://sqs.us-east-1.amazonaws.com/000000000000/{name}",
        "https://queue.amazonaws.com/000000000000/{name}",
        "https://us-east-1.queue.amazonaws.com/000000000000/{name}",
        "http://localhost:4566/000000000000/{name}",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/{name}",
        "http://us-east-1.queue.localhost.localstack.cloud:4566/000000000000/{name}",
        "http://some-container:9999/000000000000/{name}",
    ],
)
def test_forms_of_queue_urls(sqs, queue, form):
    url = queue()
    other = form.format(name=url.rpartition("/")[2])
    sqs.send_message(QueueUrl=other, MessageBody="through another door")
    assert expect.receive_one(sqs, url)["Body"] == "through another door"


# ---- listing ---------------------------------------------------------------------------


def create_many(sqs, prefix, many):
    return sorted(sqs.create_queue(QueueName=f"{prefix}-{i:04}")["QueueUrl"] for i in range(many))


def test_listing_by_prefix(sqs):
    prefix = expect.name("list")
    urls = create_many(sqs, prefix, 3)
    answer = sqs.list_queues(QueueNamePrefix=prefix)
    assert sorted(answer["QueueUrls"]) == urls
    assert "NextToken" not in answer


def test_listing_nothing_has_no_list(sqs):
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=expect.name("none"))


def test_listing_in_pages(sqs):
    prefix = expect.name("pages")
    urls = create_many(sqs, prefix, 5)
    found, token, pages = [], None, 0
    while True:
        more = {"NextToken": token} if token else {}
        answer = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2, **more)
        assert len(answer["QueueUrls"]) <= 2
        found += answer["QueueUrls"]
        pages += 1
        token = answer.get("NextToken")
        if token is None:
            break
    assert sorted(found) == urls
    assert pages == 3


def test_a_page_that_ends_with_the_last_queue_has_no_token(sqs):
    prefix = expect.name("exact")
    create_many(sqs, prefix, 2)
    assert "NextToken" not in sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)


@pytest.mark.parametrize("many", [-1, 0, 1001])
def test_max_results_out_of_range(sqs, many):
    with fails("InvalidParameterValue"):
        sqs.list_queues(MaxResults=many)


def test_a_token_that_we_did_not_give(sqs):
    with fails("InvalidParameterValue"):
        sqs.list_queues(MaxResults=1, NextToken="bm90IG91cnM=")


def test_without_max_results_a_thousand_and_no_token(client, account):
    sqs = client("sqs", account)
    create_many(sqs, "many", 1002)
    answer = sqs.list_queues()
    assert len(answer["QueueUrls"]) == 1000
    assert "NextToken" not in answer
    pages = sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1000})
    assert len([u for p in pages for u in p["QueueUrls"]]) == 1002


# ---- the wire --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "operation, members, code",
    [
        ("CreateQueue", {"QueueName": ""}, {"MissingParameter", "InvalidParameterValue"}),
        ("CreateQueue", {}, {"MissingParameter", "InvalidParameterValue"}),
        ("GetQueueUrl", {}, {"MissingParameter", "InvalidParameterValue"}),
        ("SendMessage", {"MessageBody": "x"}, {NON_EXISTENT, "MissingParameter"}),
        ("ReceiveMessage", {"QueueUrl": ""}, {NON_EXISTENT, "MissingParameter"}),
        ("SendMessage", {"QueueUrl": "URL"}, {"MissingParameter"}),
        ("SendMessage", {"QueueUrl": "URL", "MessageBody": ""}, {"MissingParameter"}),
        ("DeleteMessage", {"QueueUrl": "URL"}, {"MissingParameter"}),
        ("ChangeMessageVisibility", {"QueueUrl": "URL", "ReceiptHandle": "r"}, {"MissingParameter"}),
        ("SetQueueAttributes", {"QueueUrl": "URL"}, {"MissingParameter"}),
        ("TagQueue", {"QueueUrl": "URL"}, {"MissingParameter"}),
        ("UntagQueue", {"QueueUrl": "URL"}, {"MissingParameter", "InvalidParameterValue"}),
        ("AddPermission", {"QueueUrl": "URL", "Label": ""}, {"MissingParameter"}),
        ("RemovePermission", {"QueueUrl": "URL"}, {"MissingParameter"}),
        ("StartMessageMoveTask", {}, {"MissingParameter", "InvalidParameterValue"}),
        ("ListMessageMoveTasks", {}, {"MissingParameter", "InvalidParameterValue"}),
        ("CancelMessageMoveTask", {}, {"MissingParameter", "InvalidParameterValue"}),
    ],
)
def test_missing_parameters_in_json(query, queue, operation, members, code):
    given = {k: queue() if v == "URL" else v for k, v in members.items()}
    reply = query.json(operation, given)
    assert reply.status == 400
    assert reply.code in code, reply.body


def test_an_error_in_json_carries_both_names(query, server):
    reply = query.json("GetQueueUrl", {"QueueName": expect.name()})
    assert reply.status == 400
    assert reply.json["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    assert reply.headers["x-amzn-query-error"] == f"{NON_EXISTENT};Sender"
    assert reply.headers["content-type"] == "application/x-amz-json-1.0"
    assert reply.headers["x-amzn-requestid"]


def test_an_error_outside_the_model_in_json(query, queue):
    reply = query.json("ReceiveMessage", {"QueueUrl": queue(), "MaxNumberOfMessages": 11})
    assert reply.json["__type"] == "com.amazon.coral.service#InvalidParameterValueException"
    assert reply.headers["x-amzn-query-error"] == "InvalidParameterValue;Sender"


def test_urls_are_not_escaped_twice(sqs, queue):
    url = queue(fifo=True)
    assert urllib.parse.unquote(url) == url
