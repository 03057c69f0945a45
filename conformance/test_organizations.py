"""Organizations: the organisation itself, from its creation to its end. The other files take `Organization` from here."""

import contextlib
import itertools
import random
import re
import uuid

import pytest

import expect

SCP, RCP, TAG = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"
BILLING = "CONSOLIDATED_BILLING"
NOT_IN_USE = "Your account is not a member of an organization."
NO_PERMISSIONS = "You don't have permissions to access this resource."
STATES_OF_WORK = {"IN_PROGRESS", "PENDING_ACTIVATION", "PENDING_CLOSURE"}


@contextlib.contextmanager
def refuses(code, reason=None, message=None):
    """The block must be refused with this code, and with this reason where the error has one."""
    with expect.fails(code, message) as seen:
        yield
    assert seen[0].response.get("Reason") == reason, seen[0].response


def fresh_account():
    """The number of an account that nobody else uses."""
    return f"{random.randrange(10**11, 10**12)}"


def fresh_email():
    return f"{uuid.uuid4().hex[:16]}@example.com"


class Organization:
    """An organisation of its own, and the usual steps to fill it."""

    def __init__(self, server, features="ALL"):
        self.server = server
        self.management = fresh_account()
        self.client = expect.caller(server, self.management, service="organizations")
        self.description = self.client.create_organization(FeatureSet=features)["Organization"]
        self.id = self.description["Id"]
        self.root = self.client.list_roots()["Roots"][0]["Id"]

    def arn(self, rest):
        return f"arn:aws:organizations::{self.management}:{rest}"

    def of(self, account, service="organizations"):
        """A client of the root of an account."""
        return expect.caller(self.server, account, service=service)

    def unit(self, name, parent=None):
        made = self.client.create_organizational_unit(ParentId=parent or self.root, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def request(self, **given):
        """Asks for an account; returns the status once it is made, or is not."""
        asked = {"Email": fresh_email(), "AccountName": "created", **given}
        status = self.client.create_account(**asked)["CreateAccountStatus"]
        return expect.eventually(
            lambda: self.client.describe_create_account_status(CreateAccountRequestId=status["Id"])[
                "CreateAccountStatus"
            ],
            lambda status: status["State"] not in STATES_OF_WORK,
        )

    def created(self, **given):
        status = self.request(**given)
        assert status["State"] == "SUCCEEDED", status
        return status["AccountId"]

    def invite(self, account):
        target = {"Id": account, "Type": "ACCOUNT"}
        return self.client.invite_account_to_organization(Target=target)["Handshake"]["Id"]

    def invited(self, account=None):
        """An account that was invited and has accepted."""
        account = account or fresh_account()
        self.of(account).accept_handshake(HandshakeId=self.invite(account))
        return account

    def enable(self, kind):
        return self.client.enable_policy_type(RootId=self.root, PolicyType=kind)["Root"]

    def policy(self, kind, content, name=None):
        made = self.client.create_policy(Type=kind, Content=content, Description="", Name=name or expect.name("p"))
        return made["Policy"]["PolicySummary"]["Id"]

    def attached(self, kind, content, target):
        """A new policy that is attached."""
        policy = self.policy(kind, content)
        self.client.attach_policy(PolicyId=policy, TargetId=target)
        return policy

    def enable_access(self, service):
        self.client.enable_aws_service_access(ServicePrincipal=service)


def pages(client, operation, result, size=1, **given):
    """What a listing's pages of so many hold together, and that no page has more."""
    found = []
    for page in client.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **given):
        assert len(page[result]) <= size
        found += page[result]
    return found


@pytest.fixture
def alone(server):
    """A client of an account that is in no organisation."""
    return expect.caller(server, fresh_account(), service="organizations")


@pytest.fixture
def organization(server):
    return Organization(server)


# ---- beginning -------------------------------------------------------------------------


def test_an_organisation_reads_back_as_it_was_created(server):
    made = Organization(server)
    described = made.client.describe_organization()["Organization"]
    assert described == made.description
    assert re.fullmatch("o-[a-z0-9]{10,32}", made.id)
    management_arn = made.arn(f"account/{made.id}/{made.management}")
    assert described["Arn"] == made.arn(f"organization/{made.id}")
    assert described["FeatureSet"] == "ALL"
    assert described["MasterAccountId"] == made.management
    assert described["MasterAccountArn"] == management_arn
    assert described["AvailablePolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    account = made.client.describe_account(AccountId=made.management)["Account"]
    assert account["Arn"] == management_arn
    assert account["Email"] == described["MasterAccountEmail"]
    assert account["JoinedMethod"] == "INVITED"
    assert (account["Status"], account["State"]) == ("ACTIVE", "ACTIVE")


def test_all_features_unless_only_bills_are_to_be_shared(alone, server):
    assert alone.create_organization()["Organization"]["FeatureSet"] == "ALL"
    billing = Organization(server, BILLING).description
    assert (billing["FeatureSet"], billing["AvailablePolicyTypes"]) == (BILLING, [])


def test_one_root_without_any_type_of_policies(organization):
    listed = organization.client.list_roots()
    assert "NextToken" not in listed
    assert listed["Roots"] == [
        {
            "Id": organization.root,
            "Arn": organization.arn(f"root/{organization.id}/{organization.root}"),
            "Name": "Root",
            "PolicyTypes": [],
        }
    ]
    assert re.fullmatch("r-[a-z0-9]{4,32}", organization.root)
    assert pages(organization.client, "list_roots", "Roots") == listed["Roots"]


def test_an_account_is_in_one_organisation(organization):
    with refuses("AlreadyInOrganizationException"):
        organization.client.create_organization()
    with refuses("AlreadyInOrganizationException"):
        organization.of(organization.invited()).create_organization()


def test_creating_at_the_same_time_makes_one(server):
    client = expect.caller(server, fresh_account(), service="organizations")
    outcomes = expect.at_once(*[client.create_organization] * 4)
    assert sorted(outcomes, key=str) == ["AlreadyInOrganizationException"] * 3 + [None]


def test_both_sides_of_an_organisation_describe_it_alike(organization):
    member = organization.invited()
    assert organization.of(member).describe_organization()["Organization"] == organization.description


def test_the_role_of_organizations_itself(organization):
    iam = organization.of(organization.management, "iam")
    name = "AWSServiceRoleForOrganizations"
    roles = expect.eventually(
        lambda: [role for role in iam.list_roles()["Roles"] if role["RoleName"] == name], lambda roles: roles
    )
    assert roles[0]["Path"] == "/aws-service-role/organizations.amazonaws.com/"


NO_LINK = ("AccessDeniedForDependencyException", "ACCESS_DENIED_DURING_CREATE_SERVICE_LINKED_ROLE")


def test_who_founds_an_organisation_may_make_its_role(server):
    iam = expect.caller(server, fresh_account())
    iam.create_user(UserName="founder")
    user = expect.user_caller(server, iam, "founder", service="organizations", action="organizations:*")
    with refuses(*NO_LINK):
        user.create_organization()
    with refuses("AWSOrganizationsNotInUseException"):
        user.describe_organization()
    service = {"StringEquals": {"iam:AWSServiceName": "organizations.amazonaws.com"}}
    allowed = expect.policy("iam:CreateServiceLinkedRole", Condition=service)
    iam.put_user_policy(UserName="founder", PolicyName="link", PolicyDocument=allowed)
    user.create_organization()


def test_who_joins_may_make_the_role_or_has_it(server, organization):
    account = fresh_account()
    iam = expect.caller(server, account)
    iam.create_user(UserName="u")
    user = expect.user_caller(server, iam, "u", service="organizations", action="organizations:*")
    handshake = organization.invite(account)
    with refuses(*NO_LINK):
        user.accept_handshake(HandshakeId=handshake)
    iam.create_service_linked_role(AWSServiceName="organizations.amazonaws.com")
    user.accept_handshake(HandshakeId=handshake)


def test_sharing_bills_needs_no_role(server):
    iam = expect.caller(server, fresh_account())
    iam.create_user(UserName="u")
    user = expect.user_caller(server, iam, "u", service="organizations", action="organizations:*")
    assert user.create_organization(FeatureSet=BILLING)["Organization"]["FeatureSet"] == BILLING


# ---- end -------------------------------------------------------------------------------


def test_an_organisation_with_members_stays(organization):
    member = organization.invited()
    with refuses("OrganizationNotEmptyException"):
        organization.client.delete_organization()
    organization.client.remove_account_from_organization(AccountId=member)
    organization.client.delete_organization()


def test_nothing_is_left_of_a_deleted_organisation(organization):
    client, guest = organization.client, fresh_account()
    organization.enable(SCP)
    unit = organization.unit("u")
    policy = organization.attached(SCP, expect.policy(), unit)
    handshake = organization.invite(guest)
    client.delete_organization()
    with refuses("AWSOrganizationsNotInUseException", message=NOT_IN_USE):
        client.describe_organization()
    shown = organization.of(guest).describe_handshake(HandshakeId=handshake)["Handshake"]
    assert shown["State"] == "CANCELED"
    second = client.create_organization()["Organization"]
    assert second["Id"] != organization.id
    root = client.list_roots()["Roots"][0]
    assert root["Id"] != organization.root and root["PolicyTypes"] == []
    assert [a["Id"] for a in client.list_accounts()["Accounts"]] == [organization.management]
    with refuses("PolicyNotFoundException"):
        client.describe_policy(PolicyId=policy)
    with refuses("OrganizationalUnitNotFoundException"):
        client.describe_organizational_unit(OrganizationalUnitId=unit)


# ---- in and out ------------------------------------------------------------------------


def test_an_invited_account_leaves_when_it_likes(organization):
    member = organization.invited()
    organization.of(member).leave_organization()
    with refuses("AWSOrganizationsNotInUseException", message=NOT_IN_USE):
        organization.of(member).describe_organization()
    with refuses("AccountNotFoundException"):
        organization.client.describe_account(AccountId=member)
    organization.invited(member)


def test_the_management_account_stays(organization):
    client = organization.client
    with refuses("MasterCannotLeaveOrganizationException"):
        client.leave_organization()
    with refuses("MasterCannotLeaveOrganizationException"):
        client.remove_account_from_organization(AccountId=organization.management)


def test_a_created_account_stays_for_four_days(organization, clock_advance):
    created = organization.created()
    with refuses("ConstraintViolationException", "WAIT_PERIOD_ACTIVE"):
        organization.of(created).leave_organization()
    with refuses("ConstraintViolationException", "WAIT_PERIOD_ACTIVE"):
        organization.client.remove_account_from_organization(AccountId=created)
    clock_advance("4d")
    organization.client.remove_account_from_organization(AccountId=created)
    with refuses("AWSOrganizationsNotInUseException"):
        organization.of(created).describe_organization()


def test_all_accounts_are_listed_a_page_at_a_time(organization):
    members = {organization.management, *(organization.invited() for _ in range(4))}
    for size in (1, 2, 20):
        listed = pages(organization.client, "list_accounts", "Accounts", size)
        assert len(listed) == 5 and {account["Id"] for account in listed} == members
    first = organization.client.list_accounts(MaxResults=2)
    second = organization.client.list_accounts(MaxResults=2, NextToken=first["NextToken"])
    both = itertools.chain(first["Accounts"], second["Accounts"])
    assert len({account["Id"] for account in both}) == 4
    with refuses("InvalidInputException", "INVALID_NEXT_TOKEN"):
        organization.client.list_roots(NextToken=first["NextToken"])
