"""AddPermission and RemovePermission: the policies they write."""

import json
import re

import pytest

import expect
from expect import fails


def statements(sqs, url):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    return json.loads(found["Policy"])["Statement"] if found else []


def add(sqs, url, label="label", accounts=("111122223333",), actions=("SendMessage",)):
    sqs.add_permission(QueueUrl=url, Label=label, AWSAccountIds=list(accounts), Actions=list(actions))


def as_list(value):
    return value if isinstance(value, list) else [value]


def test_the_policy_that_a_permission_writes(sqs, queue):
    url = queue()
    add(sqs, url, "Alice-1_x", ["111122223333", "444455556666"], ["SendMessage", "ReceiveMessage"])
    [statement] = statements(sqs, url)
    arn = expect.arn_of(sqs, url)
    assert statement["Sid"] == "Alice-1_x"
    assert statement["Effect"] == "Allow"
    assert sorted(as_list(statement["Principal"]["AWS"])) == [
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::444455556666:root",
    ]
    assert [a.lower() for a in as_list(statement["Action"])] == ["sqs:sendmessage", "sqs:receivemessage"]
    assert statement["Resource"] == arn


def test_all_actions(sqs, queue):
    url = queue()
    add(sqs, url, actions=["*"])
    assert [a.lower() for a in as_list(statements(sqs, url)[0]["Action"])] == ["sqs:*"]


def test_permissions_add_up_and_go_one_by_one(sqs, queue):
    url = queue()
    add(sqs, url, "one")
    add(sqs, url, "two")
    assert [s["Sid"] for s in statements(sqs, url)] == ["one", "two"]
    sqs.remove_permission(QueueUrl=url, Label="one")
    assert [s["Sid"] for s in statements(sqs, url)] == ["two"]
    sqs.remove_permission(QueueUrl=url, Label="two")
    assert statements(sqs, url) == []


def test_a_permission_joins_a_policy_that_is_there(sqs, queue):
    url = queue()
    # Policies are enforced, so this one must not shut out the test itself.
    mine = {
        "Sid": "mine",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:SendMessage",
        "Resource": expect.arn_of(sqs, url),
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [mine]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
    add(sqs, url, "theirs")
    assert [s["Sid"] for s in statements(sqs, url)] == ["mine", "theirs"]
    sqs.remove_permission(QueueUrl=url, Label="mine")
    assert [s["Sid"] for s in statements(sqs, url)] == ["theirs"]


def test_a_label_twice(sqs, queue):
    url = queue()
    add(sqs, url)
    with fails("InvalidParameterValue"):
        add(sqs, url)


def test_a_label_that_is_not_there(sqs, queue):
    with fails("InvalidParameterValue"):
        sqs.remove_permission(QueueUrl=queue(), Label="none")


@pytest.mark.parametrize("label", ["a b", "ä", "a" * 81])
def test_labels_that_are_refused(sqs, queue, label):
    with fails("InvalidParameterValue"):
        add(sqs, queue(), label)


def test_an_empty_label(sqs, queue):
    with fails("MissingParameter", "The request must contain the parameter Label."):
        add(sqs, queue(), "")


@pytest.mark.parametrize("principal", ["*", "12345", "arn:aws:iam::111122223333:user/alice"])
def test_principals_that_are_no_accounts(sqs, queue, principal):
    with fails("InvalidParameterValue", re.compile("for parameter PrincipalId is invalid. Reason: Unable to verify")):
        add(sqs, queue(), accounts=[principal])


@pytest.mark.parametrize("action", ["Fly", "SendMessageBatch", "sqs:SendMessage", ""])
def test_actions_that_are_unknown(sqs, queue, action):
    message = re.compile("Please refer to the appropriate WSDL for a list of valid actions") if action else None
    with fails({"InvalidParameterValue", "MissingParameter"}, message):
        add(sqs, queue(), actions=[action])


@pytest.mark.parametrize("action", ["CreateQueue", "DeleteQueue", "AddPermission", "SetQueueAttributes", "TagQueue"])
def test_actions_that_only_the_owner_has(sqs, queue, action):
    with fails("InvalidParameterValue"):
        add(sqs, queue(), actions=[action])


def test_eight_actions(sqs, queue):
    actions = [
        "SendMessage",
        "ReceiveMessage",
        "DeleteMessage",
        "ChangeMessageVisibility",
        "GetQueueAttributes",
        "GetQueueUrl",
        "PurgeQueue",
    ]
    add(sqs, queue(), actions=actions)
    with fails("OverLimit", status=403):
        add(sqs, queue(), actions=[*actions, "ListDeadLetterSourceQueues"])


@pytest.mark.parametrize("members", [{"AWSAccountIds": []}, {"Actions": []}])
def test_empty_lists(sqs, queue, members):
    given = {"Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"], **members}
    with fails("MissingParameter"):
        sqs.add_permission(QueueUrl=queue(), **given)
