"""Central root access: features of an organisation, and sessions of its members' roots for one task."""

import http.client
import re
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import expect
from test_organizations import BILLING, SCP, Organization, fresh_account

IAM = "iam.amazonaws.com"
CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"
TASKS = "arn:aws:iam::aws:policy/root-task/"
AUDIT, DELETE, PASSWORD, UNLOCK_QUEUE, UNLOCK_BUCKET = (
    TASKS + name
    for name in (
        "IAMAuditRootUserCredentials",
        "IAMDeleteRootUserCredentials",
        "IAMCreateRootUserPassword",
        "SQSUnlockQueuePolicy",
        "S3UnlockBucketPolicy",
    )
)
ENABLING = ["enable_organizations_root_credentials_management", "enable_organizations_root_sessions"]
OPERATIONS = [
    *ENABLING,
    "disable_organizations_root_credentials_management",
    "disable_organizations_root_sessions",
    "list_organizations_features",
]


@pytest.fixture
def organization(server):
    made = Organization(server)
    made.enable_access(IAM)
    return made


@pytest.fixture
def iam(organization):
    return organization.of(organization.management, "iam")


def manager(organization, account=None, **statement):
    """An STS client of a user who may assume roots."""
    root = organization.of(account or organization.management, "iam")
    user = expect.name("u")
    root.create_user(UserName=user)
    given = {"action": "sts:AssumeRoot", **statement}
    return expect.user_caller(organization.server, root, user, service="sts", **given)


def assume(sts, account, task, **more):
    return sts.assume_root(TargetPrincipal=account, TaskPolicyArn={"arn": task}, **more)


def acting(organization, account, task, service):
    credentials = assume(manager(organization), account, task)["Credentials"]
    return expect.session_caller(organization.server, credentials, service)


def forbidden(account):
    message = f"is not authorized to perform: sts:AssumeRoot on resource: arn:aws:iam::{account}:root$"
    return expect.fails("AccessDenied", re.compile(message), status=403)


# ---- the features ----------------------------------------------------------------------


def test_features_are_switched_one_by_one(organization, iam):
    def features(operation):
        answer = getattr(iam, operation)()
        assert answer["OrganizationId"] == organization.id
        return answer["EnabledFeatures"]

    assert features("list_organizations_features") == []
    assert features("enable_organizations_root_sessions") == [SESSIONS]
    assert features("enable_organizations_root_credentials_management") == [CREDENTIALS, SESSIONS]
    assert features("list_organizations_features") == [CREDENTIALS, SESSIONS]
    assert features("disable_organizations_root_sessions") == [CREDENTIALS]
    assert features("disable_organizations_root_sessions") == [CREDENTIALS]
    assert features("disable_organizations_root_credentials_management") == []


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_is_in_the_way_of_the_features(server, operation):
    with expect.fails("OrganizationNotFoundException"):
        getattr(expect.caller(server, fresh_account()), operation)()
    billing = Organization(server, BILLING)
    with expect.fails("OrganizationNotInAllFeaturesModeException"):
        getattr(billing.of(billing.management, "iam"), operation)()
    organization = Organization(server)
    with expect.fails("ServiceAccessNotEnabledException"):
        getattr(organization.of(organization.management, "iam"), operation)()
    organization.enable_access(IAM)
    member = organization.invited()
    own = organization.of(member, "iam")
    with expect.fails("AccountNotManagementOrDelegatedAdministratorException"):
        getattr(own, operation)()
    organization.client.register_delegated_administrator(AccountId=member, ServicePrincipal=IAM)
    if operation in ENABLING:
        with expect.fails("CallerIsNotManagementAccountException"):
            getattr(own, operation)()
    else:
        assert getattr(own, operation)()["EnabledFeatures"] == []


# ---- sessions of root ------------------------------------------------------------------


@pytest.fixture
def member(organization, iam):
    """A member whose root may be assumed."""
    for operation in ENABLING:
        getattr(iam, operation)()
    return organization.created()


def test_a_session_of_root_does_its_task_and_nothing_else(organization, member, clock_advance):
    own = organization.of(member, "sqs")
    queue = expect.name()
    url = own.create_queue(QueueName=queue)["QueueUrl"]
    target = f"arn:aws:iam::{member}:root"
    answer = assume(manager(organization), target, UNLOCK_QUEUE, MinimumSessionTokenSize=2000)
    assert answer["SessionTokenSize"] >= 2000 and answer["SessionTokenUtilization"] > 0
    credentials = answer["Credentials"]
    who = expect.session_caller(organization.server, credentials, "sts").get_caller_identity()
    assert (who["Account"], who["UserId"], who["Arn"]) == (member, member, target)
    sqs = expect.session_caller(organization.server, credentials, "sqs")
    assert sqs.get_queue_url(QueueName=queue)["QueueUrl"] == url
    assert sqs.list_queues(QueueNamePrefix=queue)["QueueUrls"] == [url]
    assert "QueueArn" in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    own.set_queue_attributes(QueueUrl=url, Attributes={"Policy": expect.policy(resource="*", Principal="*")})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in own.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    with expect.fails({"AccessDenied", "AccessDeniedException"}, status=403):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    with expect.fails("AccessDenied", status=403):
        expect.session_caller(organization.server, credentials).get_user()
    clock_advance("16m")
    with expect.fails("ExpiredToken", status=403):
        expect.session_caller(organization.server, credentials, "sts").get_caller_identity()


def test_a_queue_that_denies_everybody_is_unlocked(organization, member):
    own = organization.of(member, "sqs")
    url = own.create_queue(QueueName=expect.name())["QueueUrl"]
    arn = expect.arn_of(own, url)
    policy = expect.policy("sqs:*", arn, "Deny", Principal="*")
    own.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sqs = acting(organization, member, UNLOCK_QUEUE, "sqs")
    assert "Policy" in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    own.send_message(QueueUrl=url, MessageBody="x")


def test_policies_tell_a_session_of_root_from_the_root(organization, member):
    organization.enable(SCP)
    root = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}, "Null": {"aws:AssumedRoot": "true"}}
    organization.attached(SCP, expect.policy("sqs:*", effect="Deny", Condition=root), member)
    with expect.fails({"AccessDenied", "AccessDeniedException"}, status=403):
        organization.of(member, "sqs").list_queues()
    acting(organization, member, UNLOCK_QUEUE, "sqs").list_queues()


def test_the_roots_credentials_are_seen_and_deleted(organization, member):
    root = organization.of(member, "iam")
    key = root.create_access_key()["AccessKey"]["AccessKeyId"]
    auditor = acting(organization, member, AUDIT, "iam")
    assert auditor.get_user()["User"]["Arn"] == f"arn:aws:iam::{member}:root"
    assert [found["AccessKeyId"] for found in auditor.list_access_keys()["AccessKeyMetadata"]] == [key]
    assert auditor.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    assert auditor.list_signing_certificates()["Certificates"] == []
    assert auditor.list_mfa_devices()["MFADevices"] == []
    assert auditor.get_account_summary()["SummaryMap"]["Users"] == 0
    with expect.refuses("NoSuchEntity"):
        auditor.get_login_profile()
    with expect.refuses("AccessDenied"):
        auditor.delete_access_key(AccessKeyId=key)
    root.create_user(UserName="bob")
    with expect.refuses("AccessDenied"):
        auditor.list_access_keys(UserName="bob")

    remover = acting(organization, member, DELETE, "iam")
    remover.delete_access_key(AccessKeyId=key)
    assert remover.list_access_keys()["AccessKeyMetadata"] == []
    with expect.refuses("NoSuchEntity"):
        remover.delete_login_profile()
    with expect.refuses("AccessDenied"):
        remover.delete_user(UserName="bob")


def test_the_roots_password_cannot_be_recovered(organization, member):
    recoverer = acting(organization, member, PASSWORD, "iam")
    with expect.fails("NotImplemented", re.compile("no mailbox"), status=501):
        recoverer.create_login_profile()


def test_only_managers_assume_the_roots_of_members(organization, member):
    other = organization.created()
    sts = manager(organization)
    with forbidden(organization.management):
        assume(sts, organization.management, UNLOCK_QUEUE)
    outside = fresh_account()
    with forbidden(outside):
        assume(sts, outside, UNLOCK_QUEUE)
    with forbidden(member):
        assume(organization.of(organization.management, "sts"), member, UNLOCK_QUEUE)
    with forbidden(member):
        assume(manager(organization, action="sts:AssumeRole"), member, UNLOCK_QUEUE)
    administrator = manager(organization, other)
    with forbidden(member):
        assume(administrator, member, UNLOCK_QUEUE)
    organization.client.register_delegated_administrator(AccountId=other, ServicePrincipal=IAM)
    assert assume(administrator, member, UNLOCK_QUEUE)["Credentials"]


def test_a_policy_names_the_roots_that_may_be_assumed(organization, member):
    other = organization.created()
    named = manager(organization, resource=f"arn:aws:iam::{member}:root")
    assert assume(named, member, UNLOCK_BUCKET)
    with forbidden(other):
        assume(named, other, UNLOCK_BUCKET)


def test_a_policy_names_the_tasks(organization, member):
    scoped = manager(organization, Condition={"StringEquals": {"sts:TaskPolicyArn": AUDIT}})
    assert assume(scoped, member, AUDIT)
    with forbidden(member):
        assume(scoped, member, DELETE)


def test_each_feature_brings_its_tasks(organization, iam, member):
    sts = manager(organization)
    iam.disable_organizations_root_sessions()
    assert assume(sts, member, AUDIT)
    with forbidden(member):
        assume(sts, member, UNLOCK_QUEUE)
    iam.enable_organizations_root_sessions()
    iam.disable_organizations_root_credentials_management()
    assert assume(sts, member, UNLOCK_QUEUE)
    with forbidden(member):
        assume(sts, member, AUDIT)
    organization.client.disable_aws_service_access(ServicePrincipal=IAM)
    with forbidden(member):
        assume(sts, member, UNLOCK_QUEUE)


def test_a_source_identity_stays(organization, iam, member):
    user, role = expect.name("u"), expect.name("r")
    made = iam.create_user(UserName=user)["User"]["Arn"]
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    trust = expect.trust(action=actions, AWS=organization.management)
    role_arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=expect.policy("sts:AssumeRoot"))
    sts = expect.user_caller(organization.server, iam, user, service="sts", action=actions)
    assert made
    session = sts.assume_role(RoleArn=role_arn, RoleSessionName="session", SourceIdentity="ann")["Credentials"]
    answer = assume(expect.session_caller(organization.server, session, "sts"), member, UNLOCK_QUEUE)
    assert answer["SourceIdentity"] == "ann"


def test_what_is_no_root_or_no_task_is_invalid(organization, member):
    sts = manager(organization)
    for target, task in [
        (f"arn:aws:iam::{member}:user/bob", UNLOCK_QUEUE),
        ("x" * 12, UNLOCK_QUEUE),
        (member, "arn:aws:iam::aws:policy/AdministratorAccess"),
        (member, f"arn:aws:iam::{member}:policy/root-task/SQSUnlockQueuePolicy"),
    ]:
        with expect.fails("ValidationError"):
            assume(sts, target, task)
    with expect.fails("ValidationError", re.compile("less than or equal to 900")):
        assume(sts, member, UNLOCK_QUEUE, DurationSeconds=901)


def test_the_global_endpoint_does_not_know_the_operation(organization, member):
    fields = {
        "Action": "AssumeRoot",
        "Version": "2011-06-15",
        "TargetPrincipal": member,
        "TaskPolicyArn.arn": UNLOCK_QUEUE,
    }
    body = urllib.parse.urlencode(fields)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", "http://sts.amazonaws.com/", data=body, headers=headers)
    SigV4Auth(Credentials(organization.management, "test"), "sts", "us-east-1").add_auth(request)
    where = urllib.parse.urlsplit(organization.server.endpoint)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=20)
    try:
        connection.request("POST", "/", body, {**dict(request.headers), "Host": "sts.amazonaws.com"})
        answer = connection.getresponse()
        assert answer.status == 400 and "<Code>InvalidAction</Code><Message>Unknown Operation</Message>" in answer.read().decode()
    finally:
        connection.close()
