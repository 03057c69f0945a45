"""What an organisation's policies do to calls of its members, seen from SQS."""

import re

import pytest

import expect
from test_organizations import RCP, SCP, Organization, fresh_account

FULL = "p-FullAWSAccess"
BY_SCP = "with an explicit deny in a service control policy"
NO_QUEUES = expect.policy("sqs:CreateQueue", effect="Deny")


@pytest.fixture(scope="module")
def organization(server):
    made = Organization(server)
    made.enable(SCP)
    made.enable(RCP)
    return made


@pytest.fixture(scope="module")
def client(organization):
    return organization.client


@pytest.fixture
def member(organization):
    return organization.invited()


@pytest.fixture
def sqs(organization, member):
    """The root of a member account."""
    return organization.of(member, "sqs")


def create(sqs):
    return sqs.create_queue(QueueName=expect.name())["QueueUrl"]


def denied(message):
    return expect.fails("AccessDenied", re.compile(message), status=403)


# ---- service control policies ----------------------------------------------------------


def test_a_policy_holds_for_the_very_next_call_and_no_longer(organization, client, member, sqs):
    create(sqs)
    policy = organization.attached(SCP, NO_QUEUES, member)
    with denied(BY_SCP):
        create(sqs)
    client.update_policy(PolicyId=policy, Content=expect.policy("sqs:DeleteQueue", effect="Deny"))
    url = create(sqs)
    with denied(BY_SCP):
        sqs.delete_queue(QueueUrl=url)
    client.detach_policy(PolicyId=policy, TargetId=member)
    sqs.delete_queue(QueueUrl=url)


def test_users_and_sessions_are_bound_as_the_root_is(server, organization, member):
    iam = organization.of(member, "iam")
    iam.create_user(UserName="u")
    user = expect.user_caller(server, iam, "u", service="sqs", action="*")
    create(user)
    organization.attached(SCP, NO_QUEUES, member)
    with denied(BY_SCP):
        create(user)


def test_a_policy_on_a_unit_holds_for_who_is_in_it(organization, client, member, sqs):
    outer = organization.unit(expect.name("outer"))
    inner = organization.unit("inner", outer)
    organization.attached(SCP, NO_QUEUES, outer)
    create(sqs)
    client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=inner)
    with denied(BY_SCP):
        create(sqs)
    client.move_account(AccountId=member, SourceParentId=inner, DestinationParentId=organization.root)
    create(sqs)


def test_every_level_must_allow(organization, client, member, sqs):
    unit = organization.unit(expect.name("u"))
    organization.attached(SCP, expect.policy("sqs:List*"), unit)
    client.detach_policy(PolicyId=FULL, TargetId=unit)
    client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    sqs.list_queues()
    with denied("because no service control policy allows the sqs:CreateQueue action"):
        create(sqs)
    organization.attached(SCP, expect.policy("*"), member)
    with denied("because no service control policy allows"):
        create(sqs)
    client.attach_policy(PolicyId=FULL, TargetId=unit)
    create(sqs)


def test_a_policy_gives_nobody_anything(server, organization, member):
    iam = organization.of(member, "iam")
    iam.create_user(UserName="u")
    user = expect.user_caller(server, iam, "u", service="sqs")
    organization.attached(SCP, expect.policy("sqs:*"), member)
    with denied("because no identity-based policy allows the sqs:CreateQueue action"):
        create(user)


def test_conditions_are_of_the_call(organization, member, sqs):
    elsewhere = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    organization.attached(SCP, expect.policy("*", effect="Deny", Condition=elsewhere), member)
    create(sqs)
    other = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    organization.attached(SCP, expect.policy("sqs:*", effect="Deny", Condition=other), member)
    with denied(BY_SCP):
        create(sqs)


def test_the_management_account_is_bound_by_nothing(server):
    made = Organization(server)
    made.enable(SCP)
    made.enable(RCP)
    member = made.of(made.invited(), "sqs")
    made.attached(SCP, expect.policy("*", effect="Deny"), made.root)
    made.attached(SCP, expect.policy("*", effect="Deny"), made.management)
    made.attached(RCP, expect.policy("sqs:*", effect="Deny", Principal="*"), made.root)
    create(made.of(made.management, "sqs"))
    with denied("with an explicit deny in a (service|resource) control policy"):
        create(member)


def test_a_disabled_type_binds_nobody_and_who_left_is_free(server):
    made = Organization(server)
    made.enable(SCP)
    account = made.invited()
    sqs = made.of(account, "sqs")
    made.attached(SCP, NO_QUEUES, made.root)
    with denied(BY_SCP):
        create(sqs)
    made.client.remove_account_from_organization(AccountId=account)
    create(sqs)
    made.invited(account)
    with denied(BY_SCP):
        create(sqs)
    made.client.disable_policy_type(RootId=made.root, PolicyType=SCP)
    create(sqs)


# ---- resource control policies ---------------------------------------------------------


@pytest.fixture
def open_queue(member, sqs):
    """A queue to which the whole world may send."""
    name = expect.name()
    arn = f"arn:aws:sqs:us-east-1:{member}:{name}"
    everybody = expect.policy("sqs:SendMessage", arn, Principal="*")
    return sqs.create_queue(QueueName=name, Attributes={"Policy": everybody})["QueueUrl"]


def sender(organization, account):
    """A user who may send to any queue, as far as the own account is asked."""
    iam = organization.of(account, "iam")
    name = expect.name("sender")
    iam.create_user(UserName=name)
    return expect.user_caller(organization.server, iam, name, service="sqs", action="sqs:SendMessage")


def test_a_perimeter_keeps_strangers_out_and_lets_colleagues_in(organization, client, member, open_queue):
    stranger, colleague = sender(organization, fresh_account()), sender(organization, organization.invited())
    own = sender(organization, member)
    for user in (stranger, colleague, own):
        user.send_message(QueueUrl=open_queue, MessageBody="x")
    outside = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": organization.id}}
    perimeter = expect.policy("sqs:*", effect="Deny", Principal="*", Condition=outside)
    policy = organization.attached(RCP, perimeter, member)
    for user in (colleague, own):
        user.send_message(QueueUrl=open_queue, MessageBody="x")
    with denied("with an explicit deny in a resource control policy"):
        stranger.send_message(QueueUrl=open_queue, MessageBody="x")
    client.detach_policy(PolicyId=policy, TargetId=member)
    stranger.send_message(QueueUrl=open_queue, MessageBody="x")


def test_a_resource_control_policy_binds_the_accounts_own_people(organization, member, sqs, open_queue):
    organization.attached(RCP, expect.policy("sqs:PurgeQueue", effect="Deny", Principal="*"), member)
    with denied("with an explicit deny in a resource control policy"):
        sqs.purge_queue(QueueUrl=open_queue)
    sqs.send_message(QueueUrl=open_queue, MessageBody="x")


# ---- keys ------------------------------------------------------------------------------


@pytest.fixture
def guarded_queue(organization):
    """guarded_queue(condition) is a queue of the management account that takes messages under a condition."""

    def make(condition):
        name = expect.name()
        arn = f"arn:aws:sqs:us-east-1:{organization.management}:{name}"
        given = expect.policy("sqs:SendMessage", arn, Principal="*", Condition=condition)
        sqs = organization.of(organization.management, "sqs")
        return sqs.create_queue(QueueName=name, Attributes={"Policy": given})["QueueUrl"]

    return make


def test_a_queue_knows_the_organisation_of_who_calls(organization, member, guarded_queue):
    url = guarded_queue({"StringEquals": {"aws:PrincipalOrgID": organization.id}})
    sender(organization, member).send_message(QueueUrl=url, MessageBody="x")
    with denied("because no resource-based policy allows"):
        sender(organization, fresh_account()).send_message(QueueUrl=url, MessageBody="x")


def test_a_queue_knows_where_in_the_tree_who_calls_is(organization, client, member, guarded_queue):
    unit = organization.unit(expect.name("u"))
    path = f"{organization.id}/{organization.root}/{unit}/*"
    url = guarded_queue({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": path}})
    user = sender(organization, member)
    with denied("because no resource-based policy allows"):
        user.send_message(QueueUrl=url, MessageBody="x")
    client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    user.send_message(QueueUrl=url, MessageBody="x")


def test_a_service_control_policy_knows_whose_the_resource_is(server, organization, member, open_queue):
    """A perimeter around identities: nothing may be sent out of the organisation."""
    outside = {"StringNotEqualsIfExists": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
    other = Organization(server)
    account = other.invited()
    other.enable(SCP)
    user, own = sender(other, account), create(other.of(account, "sqs"))
    user.send_message(QueueUrl=open_queue, MessageBody="x")
    other.attached(SCP, expect.policy("sqs:*", effect="Deny", Condition=outside), account)
    with denied(BY_SCP):
        user.send_message(QueueUrl=open_queue, MessageBody="x")
    user.send_message(QueueUrl=own, MessageBody="x")
