"""The lecture's hands-on with the stock CLI: two users in two accounts, what they may do and what is refused.

Each step is one that a lecturer types; every permission shows on the very next call.
"""

import json

import pytest

import cli
import servers_cli
import totp

ALICES, BOBS = "111122223333", "444455556666"
REFUSED = "is not authorized to perform"


@pytest.fixture(scope="module")
def aws(server):
    """aws(credentials)(*arguments) runs the CLI as somebody; aws.root(account) as the root of an account."""
    path, why_not = cli.version_1()
    if path is None:
        pytest.skip(why_not)
    return servers_cli.Shell(server, path)


def policy(effect, action, resource, **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def people(aws):
    """Alice in one account, a member of the developers; Bob in another, alone. Neither may do anything yet."""
    alices, bobs = aws.root(ALICES), aws.root(BOBS)
    alices("iam", "create-group", "--group-name", "developers")
    alices("iam", "create-user", "--user-name", "alice", "--path", "/team/")
    alices("iam", "add-user-to-group", "--group-name", "developers", "--user-name", "alice")
    bobs("iam", "create-user", "--user-name", "bob")
    return {
        "alice": aws.user(alices, "alice"),
        "bob": aws.user(bobs, "bob"),
        "queue": alices("sqs", "create-queue", "--queue-name", "orders")["QueueUrl"],
    }


ORDERS = f"arn:aws:sqs:us-east-1:{ALICES}:orders"


def test_who_they_are(people):
    assert people["alice"]("sts", "get-caller-identity")["Arn"] == f"arn:aws:iam::{ALICES}:user/team/alice"
    assert people["bob"]("sts", "get-caller-identity")["Arn"] == f"arn:aws:iam::{BOBS}:user/bob"


def test_nothing_is_allowed_by_default(people):
    why = people["alice"].refused("sqs", "send-message", "--queue-url", people["queue"], "--message-body", "x")
    assert (
        f"User: arn:aws:iam::{ALICES}:user/team/alice is not authorized to perform: sqs:SendMessage "
        f"on resource: {ORDERS} because no identity-based policy allows the sqs:SendMessage action"
    ).lower() in why.lower()
    assert REFUSED in people["alice"].refused("iam", "list-users")


def test_a_groups_policy_works_on_the_next_call_and_is_gone_on_the_next(aws, people):
    root, alice = aws.root(ALICES), people["alice"]
    send = ("sqs", "send-message", "--queue-url", people["queue"], "--message-body", "x")
    document = policy("Allow", "sqs:*", ORDERS)
    made = root("iam", "create-policy", "--policy-name", "orders", "--policy-document", document)
    arn = made["Policy"]["Arn"]
    root("iam", "attach-group-policy", "--group-name", "developers", "--policy-arn", arn)
    assert alice(*send)["MessageId"]
    root("iam", "detach-group-policy", "--group-name", "developers", "--policy-arn", arn)
    assert REFUSED in alice.refused(*send)
    root("iam", "attach-group-policy", "--group-name", "developers", "--policy-arn", arn)
    assert alice(*send)["MessageId"]


def test_an_explicit_deny_wins(aws, people):
    root, alice = aws.root(ALICES), people["alice"]
    purge = ("sqs", "purge-queue", "--queue-url", people["queue"])
    deny = policy("Deny", "sqs:PurgeQueue", "*")
    root("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "no-purge", "--policy-document", deny)
    assert "with an explicit deny in an identity-based policy" in alice.refused(*purge)
    root("iam", "delete-user-policy", "--user-name", "alice", "--policy-name", "no-purge")
    alice(*purge)


def test_an_aws_managed_policy_reads_and_does_not_write(aws, people):
    root, bob = aws.root(BOBS), people["bob"]
    arn = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    root("iam", "attach-user-policy", "--user-name", "bob", "--policy-arn", arn)
    assert bob("sqs", "list-queues") == {}
    assert REFUSED in bob.refused("sqs", "create-queue", "--queue-name", "mine")
    root("iam", "detach-user-policy", "--user-name", "bob", "--policy-arn", arn)
    assert REFUSED in bob.refused("sqs", "list-queues")


def test_another_account_needs_both_sides(aws, people):
    alices, bobs, bob = aws.root(ALICES), aws.root(BOBS), people["bob"]
    send = ("sqs", "send-message", "--queue-url", people["queue"], "--message-body", "from bob")
    mine = policy("Allow", "sqs:SendMessage", ORDERS)
    bobs("iam", "put-user-policy", "--user-name", "bob", "--policy-name", "send", "--policy-document", mine)
    assert "because no resource-based policy allows the sqs:SendMessage action" in bob.refused(*send)
    theirs = policy("Allow", "sqs:SendMessage", ORDERS, Principal={"AWS": f"arn:aws:iam::{BOBS}:root"})
    attributes = json.dumps({"Policy": theirs})
    alices("sqs", "set-queue-attributes", "--queue-url", people["queue"], "--attributes", attributes)
    assert bob(*send)["MessageId"]
    bobs("iam", "delete-user-policy", "--user-name", "bob", "--policy-name", "send")
    assert "because no identity-based policy allows the sqs:SendMessage action" in bob.refused(*send)


def test_a_role_across_accounts_with_an_external_id(aws, people):
    alices, bobs, bob = aws.root(ALICES), aws.root(BOBS), people["bob"]
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{BOBS}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "shared-secret"}},
        },
    }
    made = alices(
        "iam", "create-role", "--role-name", "auditor", "--assume-role-policy-document", json.dumps(trust)
    )
    role = made["Role"]["Arn"]
    read = policy("Allow", ["sqs:ReceiveMessage", "sqs:GetQueue*"], ORDERS)
    alices("iam", "put-role-policy", "--role-name", "auditor", "--policy-name", "read", "--policy-document", read)
    assume = ("sts", "assume-role", "--role-arn", role, "--role-session-name", "audit")
    assert REFUSED in bob.refused(*assume, "--external-id", "shared-secret")
    allow = policy("Allow", "sts:AssumeRole", role)
    bobs("iam", "put-user-policy", "--user-name", "bob", "--policy-name", "audit", "--policy-document", allow)
    assert REFUSED in bob.refused(*assume)
    session = bob(*assume, "--external-id", "shared-secret")
    assert session["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ALICES}:assumed-role/auditor/audit"
    auditor = aws.session(session["Credentials"])
    assert auditor("sts", "get-caller-identity")["Account"] == ALICES
    auditor("sqs", "receive-message", "--queue-url", people["queue"])
    why = auditor.refused("sqs", "purge-queue", "--queue-url", people["queue"])
    assert f"User: arn:aws:sts::{ALICES}:assumed-role/auditor/audit is not authorized" in why
    # A session is revoked by the time its token was issued.
    revoke = policy("Deny", "*", "*", Condition={"DateLessThan": {"aws:TokenIssueTime": "2999-01-01T00:00:00Z"}})
    alices("iam", "put-role-policy", "--role-name", "auditor", "--policy-name", "revoke", "--policy-document", revoke)
    receive = ("sqs", "receive-message", "--queue-url", people["queue"])
    assert "with an explicit deny in an identity-based policy" in auditor.refused(*receive)


def test_a_boundary_caps_what_policies_give(aws, people):
    root, alice = aws.root(ALICES), people["alice"]
    arn = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    send = ("sqs", "send-message", "--queue-url", people["queue"], "--message-body", "x")
    alice(*send)
    root("iam", "put-user-permissions-boundary", "--user-name", "alice", "--permissions-boundary", arn)
    assert "because no permissions boundary allows the sqs:SendMessage action" in alice.refused(*send)
    root("iam", "delete-user-permissions-boundary", "--user-name", "alice")
    alice(*send)


def test_an_mfa_device_and_a_policy_that_asks_for_it(aws, people, tmp_path):
    root, alice = aws.root(ALICES), people["alice"]
    seed_file = tmp_path / "seed"
    device = root(
        *("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "alice"),
        *("--outfile", str(seed_file), "--bootstrap-method", "Base32StringSeed"),
    )["VirtualMFADevice"]["SerialNumber"]
    seed = seed_file.read_text().strip()
    enable = ("iam", "enable-mfa-device", "--user-name", "alice", "--serial-number", device)
    wrong = root.refused(*enable, "--authentication-code1", "000000", "--authentication-code2", "000001")
    assert "InvalidAuthenticationCode" in wrong
    now = aws.now()
    first, second = totp.code(seed, now - 30), totp.code(seed, now)
    root(*enable, "--authentication-code1", first, "--authentication-code2", second)
    only_with_mfa = policy(
        "Deny", "sqs:DeleteQueue", "*", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    )
    root("iam", "put-group-policy", "--group-name", "developers", "--policy-name", "mfa", "--policy-document", only_with_mfa)
    spare = root("sqs", "create-queue", "--queue-name", "spare")["QueueUrl"]
    everything = policy("Allow", "sqs:*", "*")
    root("iam", "put-user-policy", "--user-name", "alice", "--policy-name", "all", "--policy-document", everything)
    plain = alice("sts", "get-session-token")["Credentials"]
    assert "explicit deny" in aws.session(plain).refused("sqs", "delete-queue", "--queue-url", spare)
    aws.server.advance("30s")
    code = totp.code(seed, aws.now())
    strong = alice("sts", "get-session-token", "--serial-number", device, "--token-code", code)["Credentials"]
    again = alice.refused("sts", "get-session-token", "--serial-number", device, "--token-code", code)
    assert "MultiFactorAuthentication failed" in again, "a code works once"
    aws.session(strong)("sqs", "delete-queue", "--queue-url", spare)


def test_a_revoked_key_is_dead_at_once(aws, people):
    bobs = aws.root(BOBS)
    bobs("iam", "create-user", "--user-name", "temp")
    temp = aws.user(bobs, "temp")
    temp("sts", "get-caller-identity")
    key = temp.credentials["AccessKeyId"]
    bobs("iam", "update-access-key", "--user-name", "temp", "--access-key-id", key, "--status", "Inactive")
    assert "InvalidClientTokenId" in temp.refused("sts", "get-caller-identity")
    bobs("iam", "update-access-key", "--user-name", "temp", "--access-key-id", key, "--status", "Active")
    temp("sts", "get-caller-identity")
    bobs("iam", "delete-access-key", "--user-name", "temp", "--access-key-id", key)
    assert "InvalidClientTokenId" in temp.refused("sts", "get-caller-identity")
    assert "DeleteConflict" not in json.dumps(bobs("iam", "delete-user", "--user-name", "temp"))


def test_the_simulator_says_what_enforcement_does(aws, people):
    root = aws.root(ALICES)
    simulated = root(
        *("iam", "simulate-principal-policy"),
        *("--policy-source-arn", f"arn:aws:iam::{ALICES}:user/team/alice"),
        *("--action-names", "sqs:SendMessage", "iam:ListUsers"),
        *("--resource-arns", ORDERS),
    )
    decided = {one["EvalActionName"]: one["EvalDecision"] for one in simulated["EvaluationResults"]}
    assert decided == {"sqs:SendMessage": "allowed", "iam:ListUsers": "implicitDeny"}
    assert REFUSED in people["alice"].refused("iam", "list-users")


def test_a_service_control_policy_binds_the_root_of_a_member_account(aws):
    management = aws.root("777788889999")
    management("organizations", "create-organization", "--feature-set", "ALL")
    made = management(
        "organizations", "create-account", "--email", "member@example.com", "--account-name", "member"
    )
    request = made["CreateAccountStatus"]["Id"]
    status = aws.until(
        lambda: management("organizations", "describe-create-account-status", "--create-account-request-id", request)[
            "CreateAccountStatus"
        ],
        lambda status: status["State"] != "IN_PROGRESS",
    )
    assert status["State"] == "SUCCEEDED", status
    member = status["AccountId"]
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    admin = policy("Allow", "sts:AssumeRole", role)
    management("iam", "create-user", "--user-name", "admin")
    management("iam", "put-user-policy", "--user-name", "admin", "--policy-name", "a", "--policy-document", admin)
    operator = aws.user(management, "admin")
    session = aws.session(
        operator("sts", "assume-role", "--role-arn", role, "--role-session-name", "operations")["Credentials"]
    )
    url = session("sqs", "create-queue", "--queue-name", "q")["QueueUrl"]
    assert f"/{member}/" in url

    root_id = management("organizations", "list-roots")["Roots"][0]["Id"]
    management(
        *("organizations", "enable-policy-type", "--root-id", root_id, "--policy-type", "SERVICE_CONTROL_POLICY")
    )
    scp = management(
        *("organizations", "create-policy", "--name", "no-queues", "--description", "d"),
        *("--type", "SERVICE_CONTROL_POLICY", "--content", policy("Deny", "sqs:CreateQueue", "*")),
    )["Policy"]["PolicySummary"]["Id"]
    management("organizations", "attach-policy", "--policy-id", scp, "--target-id", member)
    create = ("sqs", "create-queue", "--queue-name", "q2")
    assert "with an explicit deny in a service control policy" in session.refused(*create)
    assert "with an explicit deny in a service control policy" in aws.root(member).refused(*create)
    management("organizations", "detach-policy", "--policy-id", scp, "--target-id", member)
    assert session(*create)["QueueUrl"]


def test_a_decision_can_be_read(aws, people):
    refused = people["bob"].refused("iam", "list-users", "--debug")
    request_id = servers_cli.request_id(refused)
    told = aws.fogbank("explain", request_id)
    assert "iam:ListUsers" in told and f"arn:aws:iam::{BOBS}:user/bob" in told
    assert "refused" in told.lower()
