"""The Query protocol as older clients speak it: at the root, at a queue's path, by GET; and its XML."""

import re
import urllib.parse

import pytest

import expect
import wire

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def path_of(url):
    return urllib.parse.urlsplit(url).path


@pytest.fixture(params=["parameter", "path", "path and parameter"])
def at(request):
    """How a client names the queue: at(url) gives the path and the fields for it."""

    def place(url):
        fields = {} if request.param == "path" else {"QueueUrl": url}
        return {"path": "/" if request.param == "parameter" else path_of(url)}, fields

    return place


def check_answer(reply, service, result):
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"].startswith("text/xml")
    operation = result.removesuffix("Result")
    assert reply.xml.tag == f"{{{wire.NAMESPACES[service]}}}{operation}Response"
    assert UUID.match(reply.text("RequestId"))
    assert reply.headers["x-amzn-requestid"] == reply.text("RequestId")


def test_the_life_of_a_queue_and_a_message(query, at):
    name = expect.name()
    created = query.query(
        "CreateQueue", {"QueueName": name, "Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0"}
    )
    check_answer(created, "sqs", "CreateQueueResult")
    url = created.text("QueueUrl")
    place, fields = at(url)

    attributes = {
        "MessageAttribute.1.Name": "a",
        "MessageAttribute.1.Value.DataType": "String",
        "MessageAttribute.1.Value.StringValue": "v",
        "MessageAttribute.2.Name": "b",
        "MessageAttribute.2.Value.DataType": "Binary",
        "MessageAttribute.2.Value.BinaryValue": "AAEC",
        "MessageSystemAttribute.1.Name": "AWSTraceHeader",
        "MessageSystemAttribute.1.Value.DataType": "String",
        "MessageSystemAttribute.1.Value.StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793",
    }
    sent = query.query("SendMessage", {**fields, "MessageBody": "<fög> & bank", **attributes}, **place)
    check_answer(sent, "sqs", "SendMessageResult")
    assert sent.text("MD5OfMessageBody") == expect.md5("<fög> & bank")
    assert sent.texts("MD5OfMessageAttributes") and sent.texts("MD5OfMessageSystemAttributes")

    asked = {"AttributeName.1": "All", "MessageAttributeName.1": "All", "MaxNumberOfMessages": 10}
    got = query.query("ReceiveMessage", {**fields, **asked}, **place)
    check_answer(got, "sqs", "ReceiveMessageResult")
    assert got.text("Body") == "<fög> & bank"
    assert {"SenderId", "SentTimestamp", "AWSTraceHeader", "a", "b"} <= set(got.texts("Name"))
    assert got.text("BinaryValue") == "AAEC"
    handle = got.text("ReceiptHandle")

    changed = query.query(
        "ChangeMessageVisibility", {**fields, "ReceiptHandle": handle, "VisibilityTimeout": 60}, **place
    )
    check_answer(changed, "sqs", "ChangeMessageVisibility")
    deleted = query.query("DeleteMessage", {**fields, "ReceiptHandle": handle}, **place)
    check_answer(deleted, "sqs", "DeleteMessage")
    assert query.query("ReceiveMessage", fields, **place).texts("Message") == []
    gone = query.query("DeleteQueue", fields, **place)
    check_answer(gone, "sqs", "DeleteQueue")


def test_batches(query, queue):
    url = queue()
    entries = {f"SendMessageBatchRequestEntry.{i}.Id": f"e{i}" for i in (1, 2)}
    entries |= {f"SendMessageBatchRequestEntry.{i}.MessageBody": f"m{i}" for i in (1, 2)}
    entries["SendMessageBatchRequestEntry.2.DelaySeconds"] = "901"
    reply = query.query("SendMessageBatch", {"QueueUrl": url, **entries})
    check_answer(reply, "sqs", "SendMessageBatchResult")
    assert reply.texts("SendMessageBatchResultEntry") and reply.texts("BatchResultErrorEntry")
    assert reply.texts("Id") == ["e1", "e2"]
    assert (reply.text("Code"), reply.text("SenderFault")) == ("InvalidParameterValue", "true")
    handle = query.query("ReceiveMessage", {"QueueUrl": url}).text("ReceiptHandle")
    for action, more in (("ChangeMessageVisibilityBatch", {"VisibilityTimeout": 9}), ("DeleteMessageBatch", {})):
        fields = {"Id": "a", "ReceiptHandle": handle, **more}
        given = {f"{action}RequestEntry.1.{k}": v for k, v in fields.items()}
        reply = query.query(action, {"QueueUrl": url, **given})
        check_answer(reply, "sqs", f"{action}Result")
        assert reply.text("Id") == "a"


def test_attributes_tags_and_permissions(query, queue, at):
    url = queue()
    place, fields = at(url)
    given = {
        "Attribute.1.Name": "DelaySeconds",
        "Attribute.1.Value": "9",
        "Attribute.2.Name": "VisibilityTimeout",
        "Attribute.2.Value": "8",
    }
    check_answer(query.query("SetQueueAttributes", {**fields, **given}, **place), "sqs", "SetQueueAttributes")
    reply = query.query(
        "GetQueueAttributes",
        {**fields, "AttributeName.1": "DelaySeconds", "AttributeName.2": "VisibilityTimeout"},
        **place,
    )
    check_answer(reply, "sqs", "GetQueueAttributesResult")
    assert dict(zip(reply.texts("Name"), reply.texts("Value"))) == {"DelaySeconds": "9", "VisibilityTimeout": "8"}
    tagged = query.query(
        "TagQueue", {**fields, "Tag.1.Key": "k", "Tag.1.Value": "v", "Tag.2.Key": "empty", "Tag.2.Value": ""}, **place
    )
    check_answer(tagged, "sqs", "TagQueue")
    reply = query.query("ListQueueTags", fields, **place)
    check_answer(reply, "sqs", "ListQueueTagsResult")
    assert dict(zip(reply.texts("Key"), reply.texts("Value"))) == {"k": "v", "empty": ""}
    check_answer(query.query("UntagQueue", {**fields, "TagKey.1": "k"}, **place), "sqs", "UntagQueue")
    added = {"Label": "l", "AWSAccountId.1": "111122223333", "ActionName.1": "SendMessage"}
    check_answer(query.query("AddPermission", {**fields, **added}, **place), "sqs", "AddPermission")
    check_answer(query.query("RemovePermission", {**fields, "Label": "l"}, **place), "sqs", "RemovePermission")
    check_answer(query.query("PurgeQueue", fields, **place), "sqs", "PurgeQueue")


def test_lists(query, queue):
    url = queue()
    name = url.rpartition("/")[2]
    reply = query.query("ListQueues", {"QueueNamePrefix": name})
    check_answer(reply, "sqs", "ListQueuesResult")
    assert reply.texts("QueueUrl") == [url]
    assert query.query("GetQueueUrl", {"QueueName": name}).text("QueueUrl") == url
    assert query.query("ListDeadLetterSourceQueues", {"QueueUrl": url}).status == 200


def test_names_without_a_number(query, queue):
    url = queue()
    query.query("SendMessage", {"QueueUrl": url, "MessageBody": "x"})
    reply = query.query("GetQueueAttributes", {"QueueUrl": url, "AttributeName": "QueueArn"})
    assert reply.texts("Name") == ["QueueArn"]
    assert "SenderId" in query.query("ReceiveMessage", {"QueueUrl": url, "AttributeName": "All"}).texts("Name")


def test_by_get(query, queue):
    url = queue()
    sent = query.query("SendMessage", {"MessageBody": "by get & more"}, path=path_of(url), method="GET")
    check_answer(sent, "sqs", "SendMessageResult")
    assert query.query("ReceiveMessage", {"QueueUrl": url}, method="GET").text("Body") == "by get & more"


def test_a_presigned_url_is_a_request(query, queue):
    url = queue()
    sent = wire.get(query.presigned("SendMessage", {"MessageBody": "presigned"}, path=path_of(url)))
    check_answer(sent, "sqs", "SendMessageResult")
    assert wire.get(query.presigned("ReceiveMessage", {"QueueUrl": url})).text("Body") == "presigned"


def test_control_characters_survive_xml(query, queue):
    url = queue()
    body = "tab\there\nline\r\nend ]]> <![CDATA[ &amp; \u0085 \ufffd 😀"
    query.query("SendMessage", {"QueueUrl": url, "MessageBody": body})
    reply = query.query("ReceiveMessage", {"QueueUrl": url})
    assert reply.text("Body") == body
    assert reply.text("MD5OfBody") == expect.md5(body)


# ---- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action, fields, status, code",
    [
        ("GetQueueUrl", {"QueueName": "NAME"}, 400, "AWS.SimpleQueueService.NonExistentQueue"),
        ("SendMessage", {"QueueUrl": "URL", "MessageBody": ""}, 400, "MissingParameter"),
        ("SendMessage", {"QueueUrl": "URL", "MessageBody": "\x0b"}, 400, "InvalidMessageContents"),
        ("ReceiveMessage", {"QueueUrl": "URL", "MaxNumberOfMessages": "11"}, 400, "InvalidParameterValue"),
        ("DeleteMessage", {"QueueUrl": "URL", "ReceiptHandle": "x"}, 404, "ReceiptHandleIsInvalid"),
        (
            "SetQueueAttributes",
            {"QueueUrl": "URL", "Attribute.1.Name": "F", "Attribute.1.Value": "1"},
            400,
            "InvalidAttributeName",
        ),
        (
            "ListMessageMoveTasks",
            {"SourceArn": "arn:aws:sqs:us-east-1:000000000000:NAME"},
            404,
            "ResourceNotFoundException",
        ),
    ],
)
def test_errors_in_xml(query, queue, action, fields, status, code):
    given = {k: (queue() if v == "URL" else v.replace("NAME", expect.name())) for k, v in fields.items()}
    reply = query.query(action, given)
    assert (reply.status, reply.code) == (status, code)
    assert reply.xml.tag == f"{{{wire.NAMESPACES['sqs']}}}ErrorResponse"
    assert reply.text("Type") == "Sender"
    assert reply.texts("Detail") == [""]
    assert UUID.match(reply.text("RequestId"))
    assert reply.headers["content-type"].startswith("text/xml")


def test_an_error_of_sts_in_xml(query_sts):
    reply = query_sts.query("GetAccessKeyInfo", {"AccessKeyId": "short"})
    assert reply.xml.tag == f"{{{wire.NAMESPACES['sts']}}}ErrorResponse"
    assert (reply.text("Type"), reply.code) == ("Sender", "ValidationError")


def test_an_empty_batch(query, queue):
    reply = query.query("SendMessageBatch", {"QueueUrl": queue()})
    assert reply.code in {"AWS.SimpleQueueService.EmptyBatchRequest", "MissingParameter"}


@pytest.mark.parametrize(
    "fields",
    [{"DelaySeconds": "ten"}, {"DelaySeconds": "1e3"}, {"MessageAttribute.1.Value.BinaryValue": "not base64!"}],
)
def test_values_of_the_wrong_type(query, queue, fields):
    more = {}
    if "MessageAttribute.1.Value.BinaryValue" in fields:
        more = {"MessageAttribute.1.Name": "a", "MessageAttribute.1.Value.DataType": "Binary"}
    reply = query.query("SendMessage", {"QueueUrl": queue(), "MessageBody": "x", **fields, **more})
    assert reply.status == 400 and reply.code
