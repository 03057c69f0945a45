"""The accounts of an organisation: created in the background, entered by a role, closed, and gone."""

import http.client
import json
import re
import urllib.parse

import pytest

import coverage_gate
import expect
import wire
from test_organizations import Organization, fresh_email, pages, refuses

ROLE = "OrganizationAccountAccessRole"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture(scope="module")
def organization(server):
    return Organization(server)


@pytest.fixture(scope="module")
def client(organization):
    return organization.client


def assumed(organization, account, role=ROLE, service="sqs"):
    """A client in a member account, by its role, of a user of the management account."""
    iam = organization.of(organization.management, "iam")
    name = expect.name("operator")
    iam.create_user(UserName=name)
    arn = f"arn:aws:iam::{account}:role/{role}"
    sts = expect.user_caller(organization.server, iam, name, service="sts", action="sts:AssumeRole", resource=arn)
    credentials = sts.assume_role(RoleArn=arn, RoleSessionName="operations")["Credentials"]
    return expect.session_caller(organization.server, credentials, service=service)


def burst(organization, operation, inputs):
    """Sends calls faster than any client would, all before the first is answered; returns the answers."""
    caller = wire.Caller(organization.server.endpoint, service="organizations", key=organization.management)
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSOrganizationsV20161128.{operation}",
    }
    calls = []
    for given in inputs:
        request = caller.signed("POST", "/", json.dumps(given).encode(), headers)
        connection = http.client.HTTPConnection("127.0.0.1", organization.server.port, timeout=30)
        connection.connect()
        calls.append((connection, request))
    for connection, request in calls:
        connection.request("POST", "/", request.body, dict(request.headers))
    replies = []
    for connection, _ in calls:
        answer = connection.getresponse()
        replies.append(wire.Reply(answer.status, dict(answer.headers), answer.read()))
        coverage_gate.record_reply("organizations", operation, replies[-1])
        connection.close()
    return replies


def reasons(replies):
    return {reply.json.get("Reason") for reply in replies if reply.code == "ConstraintViolationException"}


# ---- creation --------------------------------------------------------------------------


def test_an_account_is_in_progress_first_and_there_then(organization, client):
    email = fresh_email()
    asked = client.create_account(Email=email, AccountName="fresh", Tags=expect.tags(team="a"))["CreateAccountStatus"]
    assert re.fullmatch("car-[a-z0-9]{8,32}", asked["Id"])
    assert (asked["State"], asked["AccountName"]) == ("IN_PROGRESS", "fresh")
    assert not {"AccountId", "CompletedTimestamp", "FailureReason"} & set(asked)
    done = expect.eventually(
        lambda: client.describe_create_account_status(CreateAccountRequestId=asked["Id"])["CreateAccountStatus"],
        lambda status: status["State"] != "IN_PROGRESS",
    )
    assert (done["State"], done["AccountName"]) == ("SUCCEEDED", "fresh")
    assert done["RequestedTimestamp"] == asked["RequestedTimestamp"] <= done["CompletedTimestamp"]
    account = client.describe_account(AccountId=done["AccountId"])["Account"]
    joined = account.pop("JoinedTimestamp")
    assert asked["RequestedTimestamp"] <= joined <= done["CompletedTimestamp"]
    assert account == {
        "Id": done["AccountId"],
        "Arn": organization.arn(f"account/{organization.id}/{done['AccountId']}"),
        "Email": email,
        "Name": "fresh",
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "Paths": [f"{organization.id}/{organization.root}/{done['AccountId']}/"],
        "JoinedMethod": "CREATED",
    }
    assert expect.tags_of(client.list_tags_for_resource(ResourceId=done["AccountId"])) == {"team": "a"}
    assert done in pages(client, "list_create_account_status", "CreateAccountStatuses", 2)


def test_an_address_is_one_accounts_whatever_its_case(organization, client):
    email = fresh_email()
    organization.created(Email=email)
    failed = organization.request(Email=email.upper())
    assert (failed["State"], failed["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert "AccountId" not in failed and failed["CompletedTimestamp"]
    shown = pages(client, "list_create_account_status", "CreateAccountStatuses", States=["FAILED"])
    assert failed in shown and {status["State"] for status in shown} == {"FAILED"}
    assert failed not in pages(client, "list_create_account_status", "CreateAccountStatuses", States=["SUCCEEDED"])


def test_few_accounts_are_created_at_a_time(server):
    made = Organization(server)
    asked = [{"Email": fresh_email(), "AccountName": "burst"} for _ in range(20)]
    replies = burst(made, "CreateAccount", asked)
    begun = [reply.json["CreateAccountStatus"]["Id"] for reply in replies if reply.status == 200]
    assert 5 <= len(begun) < 20
    assert reasons(replies) == {"ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"}
    finished = expect.eventually(
        lambda: pages(made.client, "list_create_account_status", "CreateAccountStatuses", 3, States=["SUCCEEDED"]),
        lambda found: len(found) == len(begun),
    )
    assert {status["Id"] for status in finished} == set(begun)
    made.created()


def test_another_organisations_request_is_not_there(server, client):
    status = Organization(server).request()
    with refuses("CreateAccountStatusNotFoundException"):
        client.describe_create_account_status(CreateAccountRequestId=status["Id"])


# ---- the way in ------------------------------------------------------------------------


def test_the_management_account_enters_by_the_role(organization):
    account = organization.created()
    sqs = assumed(organization, account)
    assert f"/{account}/q" in sqs.create_queue(QueueName="q")["QueueUrl"]
    role = organization.of(account, "iam").get_role(RoleName=ROLE)["Role"]
    trust = role["AssumeRolePolicyDocument"]
    trust = trust if isinstance(trust, dict) else json.loads(urllib.parse.unquote(trust))
    assert trust["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{organization.management}:root"}
    attached = organization.of(account, "iam").list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [ADMINISTRATOR]


def test_the_role_has_the_name_that_was_asked_for(organization):
    account = organization.created(RoleName="way-in", IamUserAccessToBilling="DENY")
    assumed(organization, account, role="way-in").list_queues()
    with expect.refuses("NoSuchEntity"):
        organization.of(account, "iam").get_role(RoleName=ROLE)


def test_no_other_account_enters(server, organization):
    account, stranger = organization.created(), organization.invited()
    iam = organization.of(stranger, "iam")
    iam.create_user(UserName="s")
    arn = f"arn:aws:iam::{account}:role/{ROLE}"
    sts = expect.user_caller(server, iam, "s", service="sts", action="sts:AssumeRole", resource=arn)
    with expect.fails("AccessDenied", status=403):
        sts.assume_role(RoleArn=arn, RoleSessionName="stranger")


# ---- closing ---------------------------------------------------------------------------


def closed(client, account):
    """Waits until an account is."""
    return expect.eventually(
        lambda: client.describe_account(AccountId=account)["Account"], lambda found: found["State"] == "CLOSED"
    )


def test_a_closed_account_is_suspended_and_nobody_may_do_anything_there(organization, client):
    account = organization.created()
    sqs, root = assumed(organization, account), organization.of(account, "sqs")
    sqs.list_queues()
    client.close_account(AccountId=account)
    found = client.describe_account(AccountId=account)["Account"]
    assert (found["Status"], found["State"]) in {("PENDING_CLOSURE", "PENDING_CLOSURE"), ("SUSPENDED", "CLOSED")}
    for caller in (sqs, root):
        with expect.fails("AccessDenied", status=403):
            caller.list_queues()
    assert closed(client, account)["Status"] == "SUSPENDED"
    with refuses("AccountAlreadyClosedException"):
        client.close_account(AccountId=account)
    with refuses("InvalidInputException", "TARGET_NOT_SUPPORTED"):
        client.remove_account_from_organization(AccountId=account)


def test_an_account_that_is_being_closed_is_in_conflict(server):
    made = Organization(server)
    seen = set()
    for _ in range(20):
        account = {"AccountId": made.invited()}
        seen |= {reply.code for reply in burst(made, "CloseAccount", [account] * 8)}
        closed(made.client, account["AccountId"])
        if "ConflictException" in seen:
            break
    assert {None, "ConflictException"} <= seen <= {None, "ConflictException", "AccountAlreadyClosedException"}


def test_few_accounts_are_closed_at_a_time(server):
    made = Organization(server)
    members = [{"AccountId": made.invited()} for _ in range(16)]
    replies = burst(made, "CloseAccount", members)
    assert reasons(replies) == {"CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED"}
    assert sum(reply.status == 200 for reply in replies) >= 3


def test_the_management_account_cannot_be_closed(organization, client):
    with refuses("ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"):
        client.close_account(AccountId=organization.management)


def test_a_closed_account_is_gone_after_ninety_days(organization, client, clock_advance):
    account = organization.created()
    client.close_account(AccountId=account)
    closed(client, account)
    clock_advance("91d")
    listed = expect.eventually(
        lambda: {found["Id"] for found in pages(client, "list_accounts", "Accounts", 20)},
        lambda ids: account not in ids,
    )
    assert organization.management in listed
    with refuses("AccountNotFoundException"):
        client.describe_account(AccountId=account)
    with expect.fails("AccessDenied", status=403):
        organization.of(account, "sqs").list_queues()
