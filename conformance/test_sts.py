"""STS: who am I, temporary credentials, whose key is this, decoding refusals."""

import re

import pytest

import expect
import totp
from conftest import make_client
from expect import fails
from test_iam_mfa import cloud_time

ROOT = "arn:aws:iam::{}:root"


def session_clients(server, sts, *services, **duration):
    """Clients that use the credentials of a new session."""
    found = sts.get_session_token(**duration)["Credentials"]
    return [
        make_client(server.endpoint, s, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
        for s in services
    ]


@pytest.mark.parametrize("account", ["000000000000", "123456789012"])
def test_the_root_of_an_account(client, account):
    found = client("sts", account).get_caller_identity()
    assert (found["Account"], found["UserId"], found["Arn"]) == (account, account, ROOT.format(account))


@pytest.mark.parametrize(
    "region, partition", [("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")]
)
def test_the_partition_of_an_identity(client, region, partition):
    assert client("sts", region=region).get_caller_identity()["Arn"] == f"arn:{partition}:iam::000000000000:root"


# ---- GetSessionToken -------------------------------------------------------------------


def test_the_form_of_temporary_credentials(sts):
    found = sts.get_session_token()["Credentials"]
    assert re.fullmatch(r"ASIA[A-Z0-9]{16}", found["AccessKeyId"])
    assert len(found["SecretAccessKey"]) == 40
    assert found["SessionToken"]


@pytest.mark.parametrize("wanted, given", [(None, 3600), (900, 900), (3600, 3600), (43200, 3600), (129600, 3600)])
def test_a_session_of_root_lasts_an_hour_at_most(sqs, sts, queue, wanted, given):
    # A new queue tells the cloud's time, which other tests may have turned.
    read = sqs.get_queue_attributes(QueueUrl=queue(), AttributeNames=["CreatedTimestamp"])
    now = int(read["Attributes"]["CreatedTimestamp"])
    more = {} if wanted is None else {"DurationSeconds": wanted}
    expiration = sts.get_session_token(**more)["Credentials"]["Expiration"]
    assert 0 <= expiration.timestamp() - now - given < 10


@pytest.mark.parametrize(
    "seconds, constraint",
    [
        (899, "greater than or equal to 900"),
        (129601, "less than or equal to 129600"),
        (0, "greater than or equal to 900"),
    ],
)
def test_durations_out_of_range(query_sts, seconds, constraint):
    # Botocore checks ranges itself, so this goes below it.
    reply = query_sts.query("GetSessionToken", {"DurationSeconds": seconds})
    assert (reply.status, reply.code) == (400, "ValidationError")
    assert reply.message == (
        f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
        f"Member must have value {constraint}"
    )


def test_a_session_acts_as_its_maker(server, sts):
    mine, sqs = session_clients(server, sts, "sts", "sqs")
    found = mine.get_caller_identity()
    assert (found["UserId"], found["Arn"]) == ("000000000000", ROOT.format("000000000000"))
    url = sqs.create_queue(QueueName=expect.name())["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sent_by = expect.receive_one(sqs, url, AttributeNames=["SenderId"])["Attributes"]
    assert sent_by["SenderId"] == "000000000000"


def test_a_session_cannot_make_another(server, sts):
    [mine] = session_clients(server, sts, "sts")
    with fails("AccessDenied", "Cannot call GetSessionToken with session credentials", status=403):
        mine.get_session_token()


@pytest.mark.parametrize("service, call", [("sts", "get_caller_identity"), ("sqs", "list_queues")])
def test_a_session_ends(server, sts, clock_advance, service, call):
    [mine] = session_clients(server, sts, service, DurationSeconds=900)
    getattr(mine, call)()
    clock_advance("901s")
    with fails(
        {"ExpiredToken", "ExpiredTokenException"}, re.compile("token included in the request is expired"), status=403
    ):
        getattr(mine, call)()


@pytest.mark.parametrize("change", ["token", "none", "secret"])
def test_parts_of_a_session_that_do_not_fit(server, sts, change):
    found = sts.get_session_token()["Credentials"]
    key, secret, token = found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]
    if change == "token":
        token = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    elif change == "none":
        token = None
    else:
        secret = "x" * 40
    with fails({"InvalidClientTokenId", "SignatureDoesNotMatch"}, status=403):
        make_client(server.endpoint, "sts", key, secret, token).get_caller_identity()


def test_the_code_of_a_device_that_nobody_has(sts):
    with fails({"AccessDenied", "ValidationError"}, status=None):
        sts.get_session_token(SerialNumber="arn:aws:iam::000000000000:mfa/none", TokenCode="123456")


# ---- GetSessionToken of users ----------------------------------------------------------


@pytest.fixture
def iam(server, account):
    """The root of an account that has a user u."""
    iam = expect.caller(server, account)
    iam.create_user(UserName="u")
    return iam


def user_sts(server, iam, **allowed):
    return expect.user_caller(server, iam, "u", service="sts", **allowed)


def test_a_user_needs_no_permission_for_a_session_and_policies_cannot_deny_one(server, iam, account):
    sts = user_sts(server, iam, action="sts:*", effect="Deny")
    found = expect.session_caller(server, sts.get_session_token()["Credentials"], service="sts").get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{account}:user/u"
    assert found["UserId"] == iam.get_user(UserName="u")["User"]["UserId"]


@pytest.mark.parametrize("wanted, given", [(None, 43200), (900, 900), (129600, 129600)])
def test_a_session_of_a_user_lasts_half_a_day_or_as_asked(server, iam, wanted, given):
    more = {} if wanted is None else {"DurationSeconds": wanted}
    ends = user_sts(server, iam).get_session_token(**more)["Credentials"]["Expiration"].timestamp()
    assert -10 < ends - cloud_time(server) - given <= 1


def test_a_session_of_a_user_may_what_the_user_may_but_nothing_of_iam_without_mfa(server, iam):
    sts = user_sts(server, iam, action=["sqs:ListQueues", "iam:ListUsers", "sts:GetFederationToken"])
    found = sts.get_session_token()["Credentials"]
    sqs = expect.session_caller(server, found, service="sqs")
    sqs.list_queues()
    with fails({"AccessDenied", "AccessDeniedException"}, status=403):
        sqs.create_queue(QueueName="q")
    with fails("InvalidClientTokenId", status=403):
        expect.session_caller(server, found).list_users()
    mine = expect.session_caller(server, found, service="sts")
    for call in (lambda: mine.get_access_key_info(AccessKeyId=found["AccessKeyId"]), mine.get_session_token):
        with fails("AccessDenied", status=403):
            call()


def test_with_mfa_a_session_reaches_iam(server, iam):
    sts = user_sts(server, iam, action="iam:ListUsers")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="d")["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"].decode()
    at = cloud_time(server)
    codes = {"AuthenticationCode1": totp.code(seed, at - 30), "AuthenticationCode2": totp.code(seed, at)}
    iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes)
    server.advance("30s")
    good = totp.code(seed, cloud_time(server))
    wrong = f"{(int(good) + 1) % 10**6:06}"
    for given in ({"TokenCode": wrong, "SerialNumber": serial}, {"SerialNumber": serial}):
        with fails("AccessDenied", re.compile("MultiFactorAuthentication failed"), status=403):
            sts.get_session_token(**given)
    found = sts.get_session_token(SerialNumber=serial, TokenCode=good)["Credentials"]
    expect.session_caller(server, found).list_users()


def test_a_session_ends_with_its_user(server, iam):
    made = iam.create_access_key(UserName="u")["AccessKey"]
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=expect.policy("sqs:ListQueues"))
    sts = expect.caller(server, made["AccessKeyId"], made["SecretAccessKey"], service="sts")
    sqs = expect.session_caller(server, sts.get_session_token()["Credentials"], service="sqs")
    sqs.list_queues()
    iam.delete_access_key(UserName="u", AccessKeyId=made["AccessKeyId"])
    iam.delete_user_policy(UserName="u", PolicyName="p")
    iam.delete_user(UserName="u")
    with fails({"AccessDenied", "AccessDeniedException", "InvalidClientTokenId"}, status=403):
        sqs.list_queues()


# ---- GetAccessKeyInfo ------------------------------------------------------------------


def test_whose_key_a_session_key_is(client, account):
    key = client("sts", account).get_session_token()["Credentials"]["AccessKeyId"]
    assert client("sts").get_access_key_info(AccessKeyId=key)["Account"] == account


def test_whose_key_a_users_key_is_whatever_its_status(server, sts, iam, account):
    made = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    assert sts.get_access_key_info(AccessKeyId=made)["Account"] == account
    iam.update_access_key(UserName="u", AccessKeyId=made, Status="Inactive")
    assert sts.get_access_key_info(AccessKeyId=made)["Account"] == account


def test_a_key_that_is_nobodys(sts):
    with fails({"ValidationError", "InvalidClientTokenId"}, status=None):
        sts.get_access_key_info(AccessKeyId="AKIAIOSFODNN7EXAMPL0")


@pytest.mark.parametrize(
    "key, text",
    [
        ("short", "Member must have length greater than or equal to 16"),
        ("A" * 129, "Member must have length less than or equal to 128"),
        ("not a key at all!", "Member must satisfy regular expression pattern: [\\w]*"),
    ],
)
def test_keys_of_the_wrong_form(query_sts, key, text):
    reply = query_sts.query("GetAccessKeyInfo", {"AccessKeyId": key})
    assert (reply.status, reply.code) == (400, "ValidationError")
    assert reply.message.endswith(f"at 'accessKeyId' failed to satisfy constraint: {text}")


def test_no_key(query_sts):
    reply = query_sts.query("GetAccessKeyInfo")
    assert (reply.status, reply.code) == (400, "ValidationError")
    assert "Value null at 'accessKeyId' failed to satisfy constraint: Member must not be null" in reply.message


# ---- DecodeAuthorizationMessage --------------------------------------------------------


@pytest.mark.parametrize("text", ["nonsense", "bm90IG91cnM=", "a" * 10240])
def test_messages_that_we_never_encoded(sts, text):
    with fails("InvalidAuthorizationMessageException"):
        sts.decode_authorization_message(EncodedMessage=text)


@pytest.mark.parametrize("text", ["", "a" * 10241])
def test_messages_of_the_wrong_length(query_sts, text):
    reply = query_sts.query("DecodeAuthorizationMessage", {"EncodedMessage": text})
    assert (reply.status, reply.code) == (400, "ValidationError")


# ---- what is not there yet -------------------------------------------------------------


@pytest.mark.parametrize(
    "call, given",
    [
        ("get_web_identity_token", {"Audience": ["a"], "SigningAlgorithm": "RS256"}),
        ("get_delegated_access_token", {"TradeInToken": "x" * 20}),
    ],
)
def test_operations_of_a_later_stage_say_so(sts, call, given):
    name = "".join(w.title() for w in call.split("_"))
    with fails({"NotImplemented", "NotImplementedException", "InvalidAction"}, re.compile(name), status=None):
        getattr(sts, call)(**given)
