"""Access of services, delegated administrators, and the organisation's own resource policy."""

import pytest

import expect
from test_organizations import NO_PERMISSIONS, SCP, TAG, Organization, pages, refuses

SERVICE, OTHER = "ram.amazonaws.com", "config.amazonaws.com"
TAGS = '{"tags": {}}'


@pytest.fixture
def organization(server):
    return Organization(server)


@pytest.fixture
def client(organization):
    return organization.client


@pytest.fixture
def member(organization):
    return organization.invited()


# ---- access of services ----------------------------------------------------------------


def test_a_service_has_access_from_when_it_was_enabled(organization, client, clock_advance):
    listing = ("list_aws_service_access_for_organization", "EnabledServicePrincipals")
    assert pages(client, *listing) == []
    organization.enable_access(SERVICE)
    first = pages(client, *listing)
    assert [service["ServicePrincipal"] for service in first] == [SERVICE] and first[0]["DateEnabled"]
    clock_advance("1h")
    organization.enable_access(SERVICE)
    organization.enable_access(OTHER)
    both = pages(client, *listing)
    assert [service["ServicePrincipal"] for service in both] == [OTHER, SERVICE]
    assert both[1] == first[0] and both[0]["DateEnabled"] > first[0]["DateEnabled"]
    client.disable_aws_service_access(ServicePrincipal=SERVICE)
    client.disable_aws_service_access(ServicePrincipal=SERVICE)
    assert pages(client, *listing) == both[:1]


# ---- delegated administrators ----------------------------------------------------------


def register(client, account, service=SERVICE):
    client.register_delegated_administrator(AccountId=account, ServicePrincipal=service)


def test_an_administrator_reads_back(organization, client, member):
    for service in (SERVICE, OTHER):
        organization.enable_access(service)
        register(client, member, service)
    second = organization.invited()
    register(client, second, OTHER)
    listed = pages(client, "list_delegated_administrators", "DelegatedAdministrators")
    assert {found["Id"] for found in listed} == {member, second} and len(listed) == 2
    account = client.describe_account(AccountId=member)["Account"]
    found = pages(client, "list_delegated_administrators", "DelegatedAdministrators", ServicePrincipal=SERVICE)
    assert [one.pop("DelegationEnabledDate").year for one in found]
    del account["Paths"]
    assert found == [account]
    services = pages(client, "list_delegated_services_for_account", "DelegatedServices", AccountId=member)
    assert [service["ServicePrincipal"] for service in services] == [OTHER, SERVICE]
    assert all(service["DelegationEnabledDate"] for service in services)


def test_an_administrator_reads_and_does_not_write(organization, client, member):
    own = organization.of(member)
    with refuses("AccessDeniedException", message=NO_PERMISSIONS):
        own.list_accounts()
    organization.enable_access(SERVICE)
    register(client, member)
    assert len(own.list_accounts()["Accounts"]) == 2
    assert own.list_policies(Filter=SCP)["Policies"]
    assert own.list_delegated_administrators()["DelegatedAdministrators"][0]["Id"] == member
    with refuses("AccessDeniedException", message=NO_PERMISSIONS):
        own.create_organizational_unit(ParentId=organization.root, Name="u")
    client.deregister_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    with refuses("AccessDeniedException", message=NO_PERMISSIONS):
        own.list_accounts()


def test_who_cannot_be_an_administrator(organization, client, member):
    with refuses("ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED"):
        register(client, member)
    organization.enable_access(SERVICE)
    with refuses("ConstraintViolationException", "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"):
        register(client, organization.management)
    closed = organization.created()
    client.close_account(AccountId=closed)
    with refuses("ConstraintViolationException", "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"):
        register(client, closed)
    register(client, member)
    with refuses("AccountAlreadyRegisteredException"):
        register(client, member)
    for _ in range(2):
        register(client, organization.invited())
    with refuses("ConstraintViolationException", "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"):
        register(client, organization.invited())


def test_an_administrator_is_not_sent_away(organization, client, member):
    organization.enable_access(SERVICE)
    register(client, member)
    refused = ("ConstraintViolationException", "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG")
    with refuses(*refused):
        client.remove_account_from_organization(AccountId=member)
    with refuses(*refused):
        organization.of(member).leave_organization()
    with refuses(*refused):
        client.close_account(AccountId=member)
    with refuses("ConstraintViolationException", "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"):
        client.disable_aws_service_access(ServicePrincipal=SERVICE)
    client.deregister_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    client.disable_aws_service_access(ServicePrincipal=SERVICE)
    organization.of(member).leave_organization()


def test_who_is_no_administrator(organization, client, member):
    with refuses("AccountNotRegisteredException"):
        client.deregister_delegated_administrator(AccountId=member, ServicePrincipal=SERVICE)
    with refuses("AccountNotRegisteredException"):
        client.list_delegated_services_for_account(AccountId=member)


# ---- the resource policy ---------------------------------------------------------------


def delegation(member, *actions, **more):
    actions = [f"organizations:{action}" for action in actions]
    return expect.policy(actions, Principal={"AWS": f"arn:aws:iam::{member}:root"}, **more)


def test_the_resource_policy_reads_back(organization, client, member):
    content = delegation(member, "ListAccounts")
    put = client.put_resource_policy(Content=content, Tags=expect.tags(a="1"))["ResourcePolicy"]
    policy = put["ResourcePolicySummary"]["Id"]
    arn = organization.arn(f"resourcepolicy/{organization.id}/{policy}")
    assert put == {"ResourcePolicySummary": {"Id": policy, "Arn": arn}, "Content": content}
    assert client.describe_resource_policy()["ResourcePolicy"] == put
    assert expect.tags_of(client.list_tags_for_resource(ResourceId=policy)) == {"a": "1"}
    content = delegation(member, "ListRoots")
    again = client.put_resource_policy(Content=content)["ResourcePolicy"]
    assert again == {**put, "Content": content}
    client.delete_resource_policy()
    with refuses("ResourcePolicyNotFoundException"):
        client.describe_resource_policy()


def test_what_is_delegated_a_member_may_and_no_more(organization, client, member):
    own = organization.of(member)
    of_type = {"StringEquals": {"organizations:PolicyType": TAG}}
    content = delegation(member, "CreatePolicy", "ListPolicies", "DescribePolicy", Condition=of_type)
    client.put_resource_policy(Content=content)
    made = own.create_policy(Type=TAG, Name="theirs", Description="", Content=TAGS)["Policy"]
    assert client.describe_policy(PolicyId=made["PolicySummary"]["Id"])["Policy"] == made
    assert own.list_policies(Filter=TAG)["Policies"] == [made["PolicySummary"]]
    for refused in (
        lambda: own.create_policy(Type=SCP, Name="p", Description="", Content=expect.policy()),
        lambda: own.list_policies(Filter=SCP),
        lambda: own.delete_policy(PolicyId=made["PolicySummary"]["Id"]),
        lambda: own.list_accounts(),
        lambda: organization.of(organization.invited()).list_policies(Filter=TAG),
    ):
        with refuses("AccessDeniedException", message=NO_PERMISSIONS):
            refused()
    client.delete_resource_policy()
    with refuses("AccessDeniedException", message=NO_PERMISSIONS):
        own.list_policies(Filter=TAG)
