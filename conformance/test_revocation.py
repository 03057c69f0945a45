"""A revoked permission is refused on the very next call, whoever calls at the same time, and after a power cut too.

Some threads call SQS without a pause while permissions come and go. A call that began after a change was answered has
to end as the change says; how one ends that was under way meanwhile is left open.
"""

import contextlib
import itertools
import threading
import time

import pytest

import expect
import wire

ROUNDS = 60
CALLERS = 3
# How many calls of each caller have to begin after a change before the next one is made.
CALLS_AFTER_CHANGE = 2
WAIT_SECONDS_MAX = 20

REFUSALS = (
    b"AccessDenied",
    b"InvalidClientTokenId",
    b"UnrecognizedClientException",
    b"ExpiredToken",
    b"is not authorized to perform",
)
POLICY = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
BOUNDARY = "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"


class Callers:
    """Threads that make the same call over and over, and note when each began and whether it was allowed."""

    def __init__(self, caller, url):
        self.calls = [wire.Replay(caller, "GetQueueAttributes", {"QueueUrl": url}) for _ in range(CALLERS)]
        self.seen = [[] for _ in self.calls]
        self.problems = []
        self.is_over = False
        self.threads = [threading.Thread(target=self._call, args=pair) for pair in zip(self.calls, self.seen)]
        for thread in self.threads:
            thread.start()

    def _call(self, call, seen):
        while not self.is_over:
            began = time.monotonic_ns()
            try:
                status, body = call.once()
            except OSError as problem:
                self.problems.append(problem)
                return
            if status != 200 and not any(code in body for code in REFUSALS):
                self.problems.append((status, body))
                return
            seen.append((began, status == 200))

    def settle(self, since):
        """Waits until every caller has made some calls that began since."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while not all(self._has_called(seen, since) for seen in self.seen):
            assert not self.problems, self.problems
            assert time.monotonic() < end, "the callers are stuck"
            time.sleep(0.0005)

    @staticmethod
    def _has_called(seen, since):
        return len(seen) >= CALLS_AFTER_CHANGE and seen[-CALLS_AFTER_CHANGE][0] > since

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(WAIT_SECONDS_MAX)
        for call in self.calls:
            call.close()
        assert not self.problems, self.problems


@contextlib.contextmanager
def calling(caller, url):
    callers = Callers(caller, url)
    try:
        yield callers
    finally:
        callers.stop()


def check_rounds(caller, url, grant, revoke, rounds=ROUNDS):
    """Grants and revokes by turns, and holds every call against what was last answered before it began."""
    changes = []
    with calling(caller, url) as callers:
        for _ in range(rounds):
            for change, allows in ((grant, True), (revoke, False)):
                begins = time.monotonic_ns()
                change()
                answered = time.monotonic_ns()
                changes.append((begins, answered, allows))
                callers.settle(answered)
    wrong, judged = judge(changes, callers.seen)
    assert judged >= rounds * 2 * CALLERS, "too few calls to say anything"
    assert not wrong, f"{len(wrong)} of {judged} calls: (nanoseconds after the answer, had to be allowed) {wrong[:5]}"


def judge(changes, seen_by_caller):
    """The calls that ended otherwise than they had to, and how many could be judged.

    A call counts if it began after a change was answered and ended before the next one began. Its end is not noted,
    but the next call of the same thread begins after it.
    """
    ends = [begins for begins, _, _ in changes[1:]] + [time.monotonic_ns()]
    wrong, judged = [], 0
    for seen in seen_by_caller:
        calls = [(began, following, allowed) for (began, allowed), (following, _) in itertools.pairwise(seen)]
        position = 0
        for (_, answered, allows), until in zip(changes, ends):
            while position < len(calls) and calls[position][0] <= answered:
                position += 1
            while position < len(calls) and calls[position][1] <= until:
                began, _, allowed = calls[position]
                judged += 1
                position += 1
                if allowed != allows:
                    wrong.append((began - answered, allows))
    return wrong, judged


@pytest.fixture
def root(server, account):
    """root(service) is a client of the account's root."""
    return lambda service="iam": expect.caller(server, account, service=service)


@pytest.fixture
def iam(root):
    iam = root()
    iam.create_user(UserName="u")
    return iam


@pytest.fixture
def url(root):
    return root("sqs").create_queue(QueueName="q")["QueueUrl"]


def signer(server, made):
    """What signs raw calls with a key of IAM's or with credentials of STS's."""
    token = made.get("SessionToken")
    return wire.Caller(server.endpoint, made["AccessKeyId"], made["SecretAccessKey"], token)


@pytest.fixture
def caller(server, iam):
    return signer(server, iam.create_access_key(UserName="u")["AccessKey"])


def by_inline_policy(iam):
    given = {"UserName": "u", "PolicyName": "p"}
    return (
        lambda: iam.put_user_policy(**given, PolicyDocument=expect.policy("sqs:*")),
        lambda: iam.delete_user_policy(**given),
    )


def by_managed_policy(iam):
    given = {"UserName": "u", "PolicyArn": POLICY}
    return lambda: iam.attach_user_policy(**given), lambda: iam.detach_user_policy(**given)


def by_explicit_deny(iam):
    iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
    given = {"UserName": "u", "PolicyName": "no"}
    return (
        lambda: iam.put_user_policy(**given, PolicyDocument=expect.policy("ec2:*", effect="Deny")),
        lambda: iam.put_user_policy(**given, PolicyDocument=expect.policy("sqs:*", effect="Deny")),
    )


def by_membership(iam):
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=POLICY)
    given = {"GroupName": "g", "UserName": "u"}
    return lambda: iam.add_user_to_group(**given), lambda: iam.remove_user_from_group(**given)


def by_policy_of_a_group(iam):
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    given = {"GroupName": "g", "PolicyArn": POLICY}
    return lambda: iam.attach_group_policy(**given), lambda: iam.detach_group_policy(**given)


def by_version(iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("sqs:*"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy("ec2:*"))
    iam.attach_user_policy(UserName="u", PolicyArn=arn)
    return (
        lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"),
        lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"),
    )


def by_boundary(iam):
    iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
    return (
        lambda: iam.delete_user_permissions_boundary(UserName="u"),
        lambda: iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=BOUNDARY),
    )


def by_tag(iam):
    condition = {"StringEquals": {"aws:PrincipalTag/may": "yes"}}
    document = expect.policy("sqs:*", Condition=condition)
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    return (
        lambda: iam.tag_user(UserName="u", Tags=expect.tags(may="yes")),
        lambda: iam.untag_user(UserName="u", TagKeys=["may"]),
    )


IDENTITY_CHANGES = [
    by_inline_policy,
    by_managed_policy,
    by_explicit_deny,
    by_membership,
    by_policy_of_a_group,
    by_version,
    by_boundary,
    by_tag,
]


@pytest.mark.parametrize("change", IDENTITY_CHANGES, ids=lambda change: change.__name__)
def test_what_iam_takes_away(iam, caller, url, change):
    if change is by_boundary:
        iam.put_user_permissions_boundary(UserName="u", PermissionsBoundary=BOUNDARY)
    check_rounds(caller, url, *change(iam))


def test_a_key_that_is_switched_off_and_on(server, iam, url):
    iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
    made = iam.create_access_key(UserName="u")["AccessKey"]

    def switch(status):
        return lambda: iam.update_access_key(UserName="u", AccessKeyId=made["AccessKeyId"], Status=status)

    check_rounds(signer(server, made), url, switch("Active"), switch("Inactive"))


def test_keys_that_are_deleted(server, iam, url):
    iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
    for _ in range(ROUNDS // 2):
        made = iam.create_access_key(UserName="u")["AccessKey"]

        def delete(key=made["AccessKeyId"]):
            iam.delete_access_key(UserName="u", AccessKeyId=key)

        check_rounds(signer(server, made), url, lambda: None, delete, rounds=1)


def test_a_policy_of_a_queue_across_accounts(server, iam, caller, account):
    iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
    owner = expect.caller(server, str((int(account) + 1) % 10**12).zfill(12), service="sqs")
    url = owner.create_queue(QueueName="theirs")["QueueUrl"]
    document = expect.policy("sqs:*", Principal={"AWS": f"arn:aws:iam::{account}:user/u"})

    def set_policy(text):
        return lambda: owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})

    check_rounds(caller, url, set_policy(document), set_policy(""))


def test_a_policy_of_a_queue_in_the_account(root, iam, caller, url, account):
    document = expect.policy("sqs:*", Principal={"AWS": f"arn:aws:iam::{account}:user/u"})

    def set_policy(text):
        return lambda: root("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})

    check_rounds(caller, url, set_policy(document), set_policy(""))


def test_a_session_of_a_role(server, iam, url, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))
    sts = expect.user_caller(server, iam, "u", service="sts", action="sts:AssumeRole")
    answer = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/r", RoleSessionName="session")
    given = {"RoleName": "r", "PolicyArn": POLICY}
    check_rounds(
        signer(server, answer["Credentials"]),
        url,
        lambda: iam.attach_role_policy(**given),
        lambda: iam.detach_role_policy(**given),
    )


def test_sessions_of_a_user_lose_what_the_user_loses(server, iam, url):
    made = iam.create_access_key(UserName="u")["AccessKey"]
    sts = expect.caller(server, made["AccessKeyId"], made["SecretAccessKey"], service="sts")
    given = {"UserName": "u", "PolicyArn": POLICY}
    check_rounds(
        signer(server, sts.get_session_token()["Credentials"]),
        url,
        lambda: iam.attach_user_policy(**given),
        lambda: iam.detach_user_policy(**given),
    )


def test_a_federated_user_loses_what_the_user_loses(server, iam, url):
    sts = expect.user_caller(server, iam, "u", service="sts", action="sts:GetFederationToken")
    guest = sts.get_federation_token(Name="guest", Policy=expect.policy("sqs:*"))["Credentials"]
    given = {"UserName": "u", "PolicyArn": POLICY}
    check_rounds(
        signer(server, guest),
        url,
        lambda: iam.attach_user_policy(**given),
        lambda: iam.detach_user_policy(**given),
    )


@pytest.fixture
def member(root):
    """(a client of an organisation's management account, the number of a member account)"""
    organizations = root("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(Email=f"{expect.name()}@example.com", AccountName="member")
    request = made["CreateAccountStatus"]["Id"]
    status = expect.eventually(
        lambda: organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"],
        lambda status: status["State"] != "IN_PROGRESS",
    )
    assert status["State"] == "SUCCEEDED", status
    root_id = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root_id, PolicyType="SERVICE_CONTROL_POLICY")
    return organizations, status["AccountId"]


@pytest.mark.parametrize("who", ["a user", "the root"])
def test_a_service_control_policy(server, member, who):
    organizations, number = member
    if who == "the root":
        caller = wire.Caller(server.endpoint, number)
    else:
        iam = expect.caller(server, number)
        iam.create_user(UserName="u")
        iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
        caller = signer(server, iam.create_access_key(UserName="u")["AccessKey"])
    url = expect.caller(server, number, service="sqs").create_queue(QueueName="q")["QueueUrl"]
    made = organizations.create_policy(
        Name="no-queues",
        Description="d",
        Type="SERVICE_CONTROL_POLICY",
        Content=expect.policy("sqs:*", effect="Deny"),
    )
    given = {"PolicyId": made["Policy"]["PolicySummary"]["Id"], "TargetId": number}
    organizations.attach_policy(**given)
    check_rounds(
        caller,
        url,
        lambda: organizations.detach_policy(**given),
        lambda: organizations.attach_policy(**given),
    )


# ---- a power cut -----------------------------------------------------------------------

ACCOUNT = "864203579135"


@pytest.fixture
def cut(durable):
    """cut(server) kills a cloud and returns the one that comes up again on the same data."""

    def cut(server):
        server.kill()
        return durable(port=server.port)

    return cut


def may(server, made, url):
    """Whether a call with these credentials is allowed."""
    call = wire.Replay(signer(server, made), "GetQueueAttributes", {"QueueUrl": url})
    try:
        status, body = call.once()
    finally:
        call.close()
    assert status == 200 or any(code in body for code in REFUSALS), (status, body)
    return status == 200


def test_keys_policies_and_sessions_outlive_a_power_cut(durable, cut):
    server = durable()
    iam = expect.caller(server, ACCOUNT)
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=POLICY)
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="sts", PolicyDocument=expect.policy("sts:*"))
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=ACCOUNT))
    iam.attach_role_policy(RoleName="r", PolicyArn=POLICY)
    url = expect.caller(server, ACCOUNT, service="sqs").create_queue(QueueName="q")["QueueUrl"]
    key = iam.create_access_key(UserName="u")["AccessKey"]
    sts = expect.caller(server, key["AccessKeyId"], key["SecretAccessKey"], service="sts")
    arn = f"arn:aws:iam::{ACCOUNT}:role/r"
    holders = {
        "key": key,
        "session": sts.get_session_token()["Credentials"],
        "role": sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"],
        "guest": sts.get_federation_token(Name="guest", Policy=expect.policy("sqs:*"))["Credentials"],
    }
    for _ in range(2):
        server = cut(server)
        assert {name: may(server, made, url) for name, made in holders.items()} == dict.fromkeys(holders, True)
    expect.caller(server, ACCOUNT).detach_group_policy(GroupName="g", PolicyArn=POLICY)
    server = cut(server)
    found = {name: may(server, made, url) for name, made in holders.items()}
    assert found == {"key": False, "session": False, "role": True, "guest": False}
    server.advance("61m")
    server = cut(server)
    assert not may(server, holders["role"], url), "its hour is over"


@pytest.mark.parametrize("what", ["key deleted", "key inactive", "policy", "membership", "role policy", "user deleted"])
def test_what_was_revoked_before_a_power_cut_stays_revoked(durable, cut, what):
    server = durable()
    iam = expect.caller(server, ACCOUNT)
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    by_group = what == "membership"
    if by_group:
        iam.attach_group_policy(GroupName="g", PolicyArn=POLICY)
        iam.add_user_to_group(GroupName="g", UserName="u")
    else:
        iam.attach_user_policy(UserName="u", PolicyArn=POLICY)
    url = expect.caller(server, ACCOUNT, service="sqs").create_queue(QueueName="q")["QueueUrl"]
    made = iam.create_access_key(UserName="u")["AccessKey"]
    key = {"UserName": "u", "AccessKeyId": made["AccessKeyId"]}
    if what == "role policy":
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=ACCOUNT))
        iam.attach_role_policy(RoleName="r", PolicyArn=POLICY)
        iam.put_user_policy(UserName="u", PolicyName="sts", PolicyDocument=expect.policy("sts:*"))
        sts = expect.caller(server, made["AccessKeyId"], made["SecretAccessKey"], service="sts")
        arn = f"arn:aws:iam::{ACCOUNT}:role/r"
        made = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    assert may(server, made, url)

    def delete_user():
        iam.delete_access_key(**key)
        iam.detach_user_policy(UserName="u", PolicyArn=POLICY)
        iam.delete_user(UserName="u")

    revoke = {
        "key deleted": lambda: iam.delete_access_key(**key),
        "key inactive": lambda: iam.update_access_key(**key, Status="Inactive"),
        "policy": lambda: iam.detach_user_policy(UserName="u", PolicyArn=POLICY),
        "membership": lambda: iam.remove_user_from_group(GroupName="g", UserName="u"),
        "role policy": lambda: iam.detach_role_policy(RoleName="r", PolicyArn=POLICY),
        "user deleted": delete_user,
    }[what]
    revoke()
    server = cut(server)
    assert not may(server, made, url)
