"""GetFederationToken: sessions that a user makes for somebody else, who may do what both allow."""

import re

import pytest

import expect
from conftest import make_client
from expect import fails
from test_iam_mfa import cloud_time
from test_sts_roles import Account, assume, may, may_make_queues


@pytest.fixture
def home(server, account):
    return Account(server, account)


@pytest.fixture
def holder(server):
    """holder(answer, service) is a client with the credentials of an answer of STS."""
    return lambda answer, service="sqs": expect.session_caller(server, answer["Credentials"], service=service)


@pytest.fixture
def now(server):
    """now() is the cloud's time in seconds."""
    return lambda: cloud_time(server)


@pytest.fixture
def broker(home):
    """A user that may make queues and hand that on."""
    return home.user("broker", may=["sts:GetFederationToken", "sts:TagSession", "sqs:*", "iam:*"])


def test_a_federated_user_may_what_the_user_and_the_policy_allow(home, broker, holder):
    answer = broker.get_federation_token(Name="guest", Policy=expect.policy(["sqs:CreateQueue", "kms:*"]))
    user = answer["FederatedUser"]
    assert user["FederatedUserId"] == f"{home.number}:guest"
    assert user["Arn"] == f"arn:aws:sts::{home.number}:federated-user/guest"
    assert answer["PackedPolicySize"] > 0
    found = holder(answer, "sts").get_caller_identity()
    assert (found["Arn"], found["UserId"]) == (user["Arn"], user["FederatedUserId"])
    assert may_make_queues(holder(answer)) and not may(holder(answer), "list_queues")
    deny = expect.policy("sqs:CreateQueue", effect="Deny")
    home.iam.put_user_policy(UserName="broker", PolicyName="no", PolicyDocument=deny)
    assert not may_make_queues(holder(answer)), "what the user lost, the guest lost"


def test_without_a_policy_a_federated_user_may_nothing_but_what_resources_allow(home, broker, holder):
    answer = broker.get_federation_token(Name="guest")
    assert "PackedPolicySize" not in answer
    guest = holder(answer)
    assert not may_make_queues(guest)
    root = expect.caller(home.server, home.number, service="sqs")
    url = root.create_queue(QueueName=expect.name())["QueueUrl"]
    document = expect.policy(Principal={"AWS": answer["FederatedUser"]["Arn"]})
    root.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    guest.send_message(QueueUrl=url, MessageBody="x")


def test_managed_policies_of_a_federated_user(broker, holder):
    answer = broker.get_federation_token(Name="guest", PolicyArns=[{"arn": expect.READ_ONLY}])
    assert may(holder(answer), "list_queues") and not may_make_queues(holder(answer))


def test_tags_of_a_federated_user(home, broker, holder):
    policy = expect.policy("sqs:CreateQueue", resource="arn:aws:sqs:*:*:${aws:PrincipalTag/team}-*")
    answer = broker.get_federation_token(Name="guest", Policy=policy, Tags=expect.tags(team="red"))
    assert may(holder(answer), "create_queue", QueueName=f"red-{expect.name()}")
    assert not may(holder(answer), "create_queue", QueueName=f"blue-{expect.name()}")
    plain = home.user("plain", may="sts:GetFederationToken")
    plain.get_federation_token(Name="guest")
    with fails("AccessDenied", re.compile("sts:TagSession"), status=403):
        plain.get_federation_token(Name="guest", Tags=expect.tags(team="red"))


@pytest.mark.parametrize("wanted, of_user, of_root", [(None, 43200, 3600), (900, 900, 900), (129600, 129600, 3600)])
def test_how_long_a_federated_session_lasts(server, home, broker, now, wanted, of_user, of_root):
    root = expect.caller(server, home.number, service="sts")
    given = {} if wanted is None else {"DurationSeconds": wanted}
    for sts, lasts in ((broker, of_user), (root, of_root)):
        ends = sts.get_federation_token(Name="guest", **given)["Credentials"]["Expiration"].timestamp()
        assert -10 < ends - now() - lasts <= 1


def test_a_federated_session_ends(broker, holder, clock_advance):
    answer = broker.get_federation_token(Name="guest", Policy=expect.policy("sqs:*"), DurationSeconds=900)
    assert may(holder(answer), "list_queues")
    clock_advance("901s")
    with fails({"ExpiredToken", "ExpiredTokenException"}, status=403):
        holder(answer).list_queues()


def test_federated_sessions_call_neither_iam_nor_sts(home, broker, holder):
    arn = home.role(principal={"AWS": "*"})
    answer = broker.get_federation_token(Name="guest", Policy=expect.policy("*"))
    with fails({"InvalidClientTokenId", "AccessDenied"}, status=403):
        holder(answer, "iam").list_users()
    sts = holder(answer, "sts")
    sts.get_caller_identity()
    for call in (
        lambda: assume(sts, arn),
        lambda: sts.get_access_key_info(AccessKeyId=answer["Credentials"]["AccessKeyId"]),
        lambda: sts.decode_authorization_message(EncodedMessage="x"),
    ):
        with fails("AccessDenied", status=403):
            call()


def test_no_session_federates(home, broker, holder):
    words = "Cannot call GetFederationToken with session credentials"
    assumed = assume(home.user(), home.role(may="*"))
    for answer in (broker.get_session_token(), broker.get_federation_token(Name="guest"), assumed):
        with fails("AccessDenied", words, status=403):
            holder(answer, "sts").get_federation_token(Name="again")


def test_who_may_federate(home):
    words = re.compile("is not authorized to perform: sts:GetFederationToken on resource: ")
    with fails("AccessDenied", words, status=403):
        home.user("nobody", may=None).get_federation_token(Name="guest")


def test_what_federation_refuses(broker):
    with fails("MalformedPolicyDocument"):
        broker.get_federation_token(Name="guest", Policy="{}")
    with fails("PackedPolicyTooLarge"):
        broker.get_federation_token(Name="guest", Tags=expect.tags(**{f"key{n}": "x" * 250 for n in range(9)}))
    with fails("ValidationError", re.compile("at 'name' failed to satisfy constraint")):
        broker.get_federation_token(Name="a guest")


def test_the_name_of_a_federated_user_is_its_queues_sender(server, home, broker):
    answer = broker.get_federation_token(Name="guest", Policy=expect.policy("sqs:*"))
    given = answer["Credentials"]
    sqs = make_client(server.endpoint, "sqs", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    url = sqs.create_queue(QueueName=expect.name())["QueueUrl"]
    assert url.split("/")[-2] == home.number
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sent = expect.receive_one(sqs, url, AttributeNames=["SenderId"])["Attributes"]
    assert sent["SenderId"] == answer["FederatedUser"]["FederatedUserId"]
