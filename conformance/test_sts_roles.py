"""AssumeRole: who may, with what besides, for how long, and what the session may do then."""

import configparser
import json
import re
import subprocess

import pytest

import cli
import expect
import server as servers
import totp
import wire
from expect import fails
from test_iam_mfa import STEP_SECONDS, cloud_time

REFUSED = re.compile("is not authorized to perform: sts:")
EVERYTHING = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
REQUEST_ARN = "Request ARN is invalid"


class Account:
    """An account with users and roles."""

    def __init__(self, server, number):
        self.server = server
        self.number = number
        self.iam = expect.caller(server, number)

    def arn(self, role="r"):
        return f"arn:aws:iam::{self.number}:role/{role}"

    def role(self, name="r", principal=None, may="sqs:*", actions=EVERYTHING, condition=None, **more):
        """A role that trusts its account (or somebody else) and may do something; returns its ARN."""
        principal = principal or {"AWS": self.number}
        statement = {"Effect": "Allow", "Principal": principal, "Action": actions}
        if condition:
            statement["Condition"] = condition
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **more)["Role"]
        self.may(name, may)
        return made["Arn"]

    def may(self, role, action, **more):
        document = expect.policy(action, **more)
        self.iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=document)

    def user(self, name="ann", may=EVERYTHING, service="sts"):
        """A client of a new user."""
        self.iam.create_user(UserName=name)
        given = {"action": may} if may else {}
        return expect.user_caller(self.server, self.iam, name, service=service, **given)


@pytest.fixture
def home(server, account):
    return Account(server, account)


@pytest.fixture
def holder(server):
    """holder(answer, service) is a client with the credentials of an answer of STS."""
    return lambda answer, service="sqs": expect.session_caller(server, answer["Credentials"], service=service)


def assume(sts, arn, **given):
    return sts.assume_role(**{"RoleArn": arn, "RoleSessionName": "session", **given})


def may_make_queues(sqs):
    return may(sqs, "create_queue", QueueName=expect.name())


def may(client, call, **given):
    """Whether a call is let through."""
    if not given and call == "list_queues":
        given = {"QueueNamePrefix": "none"}
    [code] = expect.at_once(lambda: getattr(client, call)(**given))
    assert code in (None, "AccessDenied", "AccessDeniedException"), code
    return code is None


# ---- the answer ------------------------------------------------------------------------


def test_the_form_of_a_roles_session(server, home, holder):
    arn = home.role(Path="/team/")
    answer = assume(home.user(), arn)
    assert re.fullmatch(r"ASIA[A-Z0-9]{16}", answer["Credentials"]["AccessKeyId"])
    assert len(answer["Credentials"]["SecretAccessKey"]) == 40
    assert 0 <= answer["Credentials"]["Expiration"].timestamp() - cloud_time(server) - 3600 + 10 < 20
    role_id = home.iam.get_role(RoleName="r")["Role"]["RoleId"]
    user = answer["AssumedRoleUser"]
    assert user["AssumedRoleId"] == f"{role_id}:session"
    assert user["Arn"] == f"arn:aws:sts::{home.number}:assumed-role/r/session", "without the path"
    assert "PackedPolicySize" not in answer and "SourceIdentity" not in answer
    found = holder(answer, "sts").get_caller_identity()
    assert (found["UserId"], found["Account"], found["Arn"]) == (user["AssumedRoleId"], home.number, user["Arn"])


def test_a_token_is_filled_up_as_asked(home, holder):
    answer = assume(home.user(), home.role(), MinimumSessionTokenSize=3000)
    assert 3000 <= answer["SessionTokenSize"] == len(answer["Credentials"]["SessionToken"]) <= 4096
    assert answer["SessionTokenUtilization"] == pytest.approx(answer["SessionTokenSize"] * 100 / 4096, abs=1)
    assert may_make_queues(holder(answer))


# ---- who may ---------------------------------------------------------------------------


def test_a_session_may_what_the_role_may_and_not_what_its_maker_may(home, holder):
    ann = home.user(may=[*EVERYTHING, "sqs:ListQueues"])
    session = holder(assume(ann, home.role(may="sqs:CreateQueue")))
    assert may_make_queues(session) and not may(session, "list_queues")


def test_no_permission_no_trust_and_no_role_are_told_in_the_same_words(home):
    stranger, ann = home.user("stranger", may=None), home.user()
    trusting = home.role("trusting")
    careful = home.role("careful", principal={"Service": "ec2.amazonaws.com"})
    for sts, name, arn in [
        (stranger, "stranger", trusting),
        (ann, "ann", careful),
        (ann, "ann", home.arn("none")),
    ]:
        user = f"arn:aws:iam::{home.number}:user/{name}"
        words = f"User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}"
        with fails("AccessDenied", words, status=403):
            assume(sts, arn)


def test_a_role_that_names_a_user_of_its_account_needs_nothing_else(home):
    stranger = home.user("stranger", may=None)
    arn = home.role(principal={"AWS": f"arn:aws:iam::{home.number}:user/stranger"})
    assume(stranger, arn)
    other = home.user("other")
    with fails("AccessDenied", REFUSED, status=403):
        assume(other, arn)


def test_another_account_needs_both_sides(server, home):
    away = Account(server, str((int(home.number) + 1) % 10**12).zfill(12))
    bob, carl = away.user("bob", may=None), away.user("carl")
    by_name = home.role("by-name", principal={"AWS": f"arn:aws:iam::{away.number}:user/bob"})
    by_account = home.role("by-account", principal={"AWS": f"arn:aws:iam::{away.number}:root"})
    for arn in (by_name, by_account):
        with fails("AccessDenied", REFUSED, status=403):
            assume(bob, arn)
    assume(carl, by_account)
    with fails("AccessDenied", REFUSED, status=403):
        assume(carl, by_name)
    away.iam.put_user_policy(UserName="bob", PolicyName="p", PolicyDocument=expect.policy("sts:AssumeRole"))
    for arn in (by_name, by_account):
        found = assume(bob, arn)["AssumedRoleUser"]["Arn"]
        assert found.startswith(f"arn:aws:sts::{home.number}:assumed-role/by-")


def test_a_deny_on_either_side_wins(home):
    arn, ann = home.role(), home.user()
    deny = expect.policy("sts:AssumeRole", effect="Deny")
    home.iam.put_user_policy(UserName="ann", PolicyName="no", PolicyDocument=deny)
    with fails("AccessDenied", REFUSED, status=403):
        assume(ann, arn)
    home.iam.delete_user_policy(UserName="ann", PolicyName="no")
    assume(ann, arn)
    allowed = json.loads(expect.trust(AWS=home.number))["Statement"]
    denied = json.loads(expect.trust("Deny", AWS=f"arn:aws:iam::{home.number}:user/ann"))["Statement"]
    document = json.dumps({"Version": "2012-10-17", "Statement": allowed + denied})
    home.iam.update_assume_role_policy(RoleName="r", PolicyDocument=document)
    with fails("AccessDenied", REFUSED, status=403):
        assume(ann, arn)


def test_roots_assume_no_roles(server, home):
    arn = home.role(principal={"AWS": "*"})
    root = expect.caller(server, home.number, service="sts")
    for sts in (root, expect.session_caller(server, root.get_session_token()["Credentials"], service="sts")):
        with fails("AccessDenied", "Roles may not be assumed by root accounts.", status=403):
            assume(sts, arn)


@pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:user/u", "arn:aws:s3:::bucket/and-more", "x" * 20])
def test_the_arn_of_no_role(home, arn):
    with fails("ValidationError", REQUEST_ARN):
        assume(home.user(), arn)


def test_a_role_may_name_its_own_kind_of_sessions(home, holder):
    first = home.role("first", may="sts:AssumeRole")
    second = home.role("second", principal={"AWS": first})
    session = holder(assume(home.user(), first), "sts")
    assume(session, second)
    with fails("AccessDenied", REFUSED, status=403):
        assume(home.user("bea"), second)


# ---- conditions of the trust policy ----------------------------------------------------


def test_an_external_id_has_to_be_the_agreed_one(home):
    arn = home.role(condition={"StringEquals": {"sts:ExternalId": "agreed:1"}})
    ann = home.user()
    for given in ({}, {"ExternalId": "agreed:2"}, {"ExternalId": "AGREED:1"}):
        with fails("AccessDenied", REFUSED, status=403):
            assume(ann, arn, **given)
    assume(ann, arn, ExternalId="agreed:1")


def test_the_sessions_name_can_be_the_users(home):
    ann = home.user()
    arn = home.role(condition={"StringEquals": {"sts:RoleSessionName": "${aws:username}"}})
    with fails("AccessDenied", REFUSED, status=403):
        assume(ann, arn, RoleSessionName="bob")
    assume(ann, arn, RoleSessionName="ann")


@pytest.mark.parametrize(
    "members, text",
    [
        ({"RoleSessionName": "a b"}, "Member must satisfy regular expression pattern: [\\w+=,.@-]*"),
        ({"RoleSessionName": "a"}, "Member must have length greater than or equal to 2"),
        ({"DurationSeconds": "899"}, "Member must have value greater than or equal to 900"),
        ({"DurationSeconds": "43201"}, "Member must have value less than or equal to 43200"),
        ({"ExternalId": "x"}, "Member must have length greater than or equal to 2"),
        ({"TokenCode": "12345"}, "Member must have length greater than or equal to 6"),
    ],
)
def test_values_that_the_model_rules_out(query_sts, home, members, text):
    # Botocore checks some of them itself, so this goes below it.
    home.user()
    key = home.iam.create_access_key(UserName="ann")["AccessKey"]
    caller = wire.Caller(query_sts.endpoint, key["AccessKeyId"], key["SecretAccessKey"], service="sts")
    given = {"RoleArn": home.role(), "RoleSessionName": "session", **members}
    reply = caller.query("AssumeRole", given)
    assert (reply.status, reply.code) == (400, "ValidationError")
    assert text in reply.message


# ---- session policies ------------------------------------------------------------------


def test_an_inline_policy_takes_away_and_adds_nothing(home, holder):
    arn, ann = home.role(may=["sqs:CreateQueue", "sqs:ListQueues"]), home.user()
    answer = assume(ann, arn, Policy=expect.policy(["sqs:ListQueues", "iam:ListUsers"]))
    assert 0 < answer["PackedPolicySize"] <= 100
    session = holder(answer)
    assert may(session, "list_queues") and not may_make_queues(session)
    assert not may(holder(answer, "iam"), "list_users")


def test_managed_policies_take_away_as_well(home, holder):
    arn, ann = home.role(may=["sqs:*", "iam:*"]), home.user()
    own = home.iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("sqs:CreateQueue"))["Policy"]["Arn"]
    answer = assume(ann, arn, PolicyArns=[{"arn": own}])
    assert may_make_queues(holder(answer)) and not may(holder(answer), "list_queues")
    both = assume(ann, arn, PolicyArns=[{"arn": own}, {"arn": expect.READ_ONLY}])
    assert may_make_queues(holder(both)) and may(holder(both), "list_queues")
    assert may(holder(both, "iam"), "list_users") and not may(holder(both, "iam"), "create_group", GroupName="g")
    # What the managed policy says counts on every call.
    version = {"PolicyDocument": expect.policy("sqs:PurgeQueue"), "SetAsDefault": True}
    home.iam.create_policy_version(PolicyArn=own, **version)
    assert not may_make_queues(holder(answer))


def test_a_deny_in_a_session_policy(home, holder):
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*"},
            ],
        }
    )
    session = holder(assume(home.user(), home.role(), Policy=policy))
    with fails("AccessDenied", re.compile("with an explicit deny in a session policy$"), status=403):
        session.create_queue(QueueName="q")
    assert may(session, "list_queues")


def test_what_a_session_policy_leaves_out_is_told(home, holder):
    session = holder(assume(home.user(), home.role(), Policy=expect.policy("sqs:ListQueues")))
    words = re.compile("because no session policy allows the sqs:CreateQueue action$")
    with fails("AccessDenied", words, status=403):
        session.create_queue(QueueName="q")


@pytest.mark.parametrize("text", ["{}", "no policy", '{"Version":"2012-10-17","Statement":[{"Effect":"Perhaps"}]}'])
def test_what_is_no_policy(home, text):
    with fails("MalformedPolicyDocument"):
        assume(home.user(), home.role(), Policy=text)


def test_a_session_policy_names_no_principal(home):
    with fails("MalformedPolicyDocument"):
        assume(home.user(), home.role(), Policy=expect.policy(Principal="*"))


@pytest.mark.parametrize(
    "arns",
    [
        ["arn:aws:iam::210987654321:policy/others-own"],
        ["arn:aws:iam::123456789012:user/no-policy"],
        [f"arn:aws:iam::aws:policy/{n:02}" for n in range(11)],
        [expect.READ_ONLY + "x" * 1900],
    ],
    ids=["of another account", "of no policy", "eleven", "too long"],
)
def test_session_policies_that_are_refused(home, arns):
    given = {"PolicyArns": [{"arn": arn} for arn in arns], "Policy": expect.policy("sqs:*", resource="x" * 100)}
    with fails("ValidationError"):
        assume(home.user(), home.role(), **given)


def test_what_is_packed_too_large(home):
    ann, arn = home.user(), home.role()
    tags = expect.tags(**{f"key{n}": "x" * 250 for n in range(9)})
    words = re.compile(r"Packed size of session tags consumes \d+% of allotted space\.")
    with fails("PackedPolicyTooLarge", words):
        assume(ann, arn, Tags=tags)


# ---- MFA -------------------------------------------------------------------------------


@pytest.fixture
def device(server, home):
    """device(user) gives a user a virtual device: (serial number, a function that makes the next code)."""

    def give(user):
        made = home.iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
        serial, seed = made["SerialNumber"], made["Base32StringSeed"].decode()
        at = cloud_time(server)
        codes = [totp.code(seed, at - STEP_SECONDS), totp.code(seed, at)]
        home.iam.enable_mfa_device(
            UserName=user, SerialNumber=serial, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1]
        )

        def code():
            # A code works once, so that the next one is needed.
            server.advance(f"{STEP_SECONDS}s")
            return totp.code(seed, cloud_time(server))

        return serial, code

    return give


WITH_MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
MFA_FAILED = re.compile("MultiFactorAuthentication failed")


def test_a_role_behind_mfa(home, holder, device):
    arn = home.role("behind", condition=WITH_MFA)
    ann = home.user()
    serial, code = device("ann")
    with fails("AccessDenied", REFUSED, status=403):
        assume(ann, arn)
    good = code()
    wrong = f"{(int(good) + 1) % 10**6:06}"
    with fails("AccessDenied", MFA_FAILED, status=403):
        assume(ann, arn, SerialNumber=serial, TokenCode=wrong)
    home.may("behind", "sqs:CreateQueue", Condition=WITH_MFA)
    answer = assume(ann, arn, SerialNumber=serial, TokenCode=good)
    assert may_make_queues(holder(answer)), "the session knows that it began with MFA"
    with fails("AccessDenied", MFA_FAILED, status=403):
        assume(ann, arn, SerialNumber=serial, TokenCode=good)


def test_codes_and_devices_come_together_and_are_ones_own(home, device):
    arn, ann, bob = home.role(), home.user(), home.user("bob")
    serial, code = device("ann")
    with fails("AccessDenied", MFA_FAILED, status=403):
        assume(ann, arn, SerialNumber=serial)
    with fails("ValidationError"):
        assume(ann, arn, TokenCode=code())
    with fails("AccessDenied", MFA_FAILED, status=403):
        assume(bob, arn, SerialNumber=serial, TokenCode=code())


def test_a_users_mfa_session_hands_it_on_and_a_roles_does_not(home, holder, device):
    behind, last = home.role("behind", condition=WITH_MFA, may=EVERYTHING), home.role("last", condition=WITH_MFA)
    ann = home.user()
    serial, code = device("ann")
    plain = holder(ann.get_session_token(), "sts")
    with fails("AccessDenied", REFUSED, status=403):
        assume(plain, behind)
    strong = holder(ann.get_session_token(SerialNumber=serial, TokenCode=code()), "sts")
    handed_on = holder(assume(strong, behind), "sts")
    not_handed_on = holder(assume(handed_on, behind), "sts")
    with fails("AccessDenied", REFUSED, status=403):
        assume(not_handed_on, last)


def test_how_long_ago_the_code_was_given(server, home, holder, device):
    arn = home.role(condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "600"}})
    ann = home.user()
    serial, code = device("ann")
    strong = holder(ann.get_session_token(SerialNumber=serial, TokenCode=code()), "sts")
    assume(strong, arn)
    server.advance("601s")
    with fails("AccessDenied", REFUSED, status=403):
        assume(strong, arn)


# ---- how long --------------------------------------------------------------------------


def seconds_of(server, answer):
    return answer["Credentials"]["Expiration"].timestamp() - cloud_time(server)


@pytest.mark.parametrize(
    "most, wanted, given", [(3600, None, 3600), (43200, None, 3600), (43200, 43200, 43200), (3600, 900, 900)]
)
def test_a_session_lasts_as_long_as_asked(server, home, most, wanted, given):
    arn = home.role(MaxSessionDuration=most)
    more = {} if wanted is None else {"DurationSeconds": wanted}
    assert -10 < seconds_of(server, assume(home.user(), arn, **more)) - given <= 1


def test_no_longer_than_the_role_says(home):
    arn, ann = home.role(MaxSessionDuration=7200), home.user()
    assume(ann, arn, DurationSeconds=7200)
    words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    with fails("ValidationError", words):
        assume(ann, arn, DurationSeconds=7201)


@pytest.mark.parametrize("by", ["a role's session", "a user's session"])
def test_a_chained_session_lasts_an_hour_at_most(server, home, holder, by):
    first = home.role("first", may=EVERYTHING, MaxSessionDuration=43200)
    second = home.role("second", MaxSessionDuration=43200)
    ann = home.user()
    before = assume(ann, first, DurationSeconds=43200) if by == "a role's session" else ann.get_session_token()
    chained = holder(before, "sts")
    words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    with fails("ValidationError", words):
        assume(chained, second, DurationSeconds=3601)
    assert -10 < seconds_of(server, assume(chained, second, DurationSeconds=3600)) - 3600 <= 1


@pytest.mark.parametrize(
    "service, call", [("sqs", "list_queues"), ("sts", "get_caller_identity"), ("iam", "list_users")]
)
def test_a_session_ends(home, holder, clock_advance, service, call):
    arn = home.role(may="*")
    session = holder(assume(home.user(), arn, DurationSeconds=900), service)
    getattr(session, call)()
    clock_advance("901s")
    words = re.compile("token included in the request is expired")
    with fails({"ExpiredToken", "ExpiredTokenException"}, words, status=403):
        getattr(session, call)()


# ---- revoking --------------------------------------------------------------------------


def test_sessions_of_before_some_moment_are_revoked(home, holder, clock_advance):
    arn, ann = home.role(), home.user()
    old = holder(assume(ann, arn))
    assert may_make_queues(old)
    clock_advance("60s")
    moment = home.iam.create_group(GroupName="clock")["Group"]["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ")
    revoke = expect.policy("*", effect="Deny", Condition={"DateLessThan": {"aws:TokenIssueTime": moment}})
    home.iam.put_role_policy(RoleName="r", PolicyName="revoke", PolicyDocument=revoke)
    with fails("AccessDenied", re.compile("with an explicit deny in an identity-based policy"), status=403):
        old.create_queue(QueueName="q")
    assert may_make_queues(holder(assume(ann, arn)))


def test_who_is_no_longer_trusted_keeps_the_session_and_gets_no_other(home, holder):
    arn, ann = home.role(), home.user()
    session = holder(assume(ann, arn))
    home.iam.update_assume_role_policy(RoleName="r", PolicyDocument=expect.trust())
    assert may_make_queues(session), "as in AWS"
    with fails("AccessDenied", REFUSED, status=403):
        assume(ann, arn)


def test_a_boundary_of_the_role_caps_its_sessions(home, holder):
    session = holder(assume(home.user(), home.role()))
    assert may_make_queues(session)
    home.iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=expect.READ_ONLY)
    assert not may_make_queues(session) and may(session, "list_queues")


# ---- profiles of the stock clients -----------------------------------------------------


def test_a_profile_of_the_cli_assumes_the_role_by_itself(home, tmp_path):
    aws, why_not = cli.version_1()
    if aws is None:
        pytest.skip(why_not)
    arn = home.role(condition={"StringEquals": {"sts:ExternalId": "agreed"}})
    home.user()
    key = home.iam.create_access_key(UserName="ann")["AccessKey"]
    config = configparser.ConfigParser()
    config["profile ann"] = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    config["profile worker"] = {
        "role_arn": arn,
        "source_profile": "ann",
        "role_session_name": "by-profile",
        "external_id": "agreed",
        "region": "us-east-1",
    }
    file = tmp_path / "config"
    with file.open("w") as lines:
        config.write(lines)
    environment = servers.clean_environment(AWS_CONFIG_FILE=str(file), AWS_ENDPOINT_URL=home.server.endpoint)
    environment["HOME"] = str(tmp_path)  # The CLI keeps the session's credentials there.
    done = subprocess.run(
        [aws, "--profile", "worker", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=cli.CLI_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"arn:aws:sts::{home.number}:assumed-role/r/by-profile"
