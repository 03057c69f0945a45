"""What principals of the management account may do in Organizations: by action, resource, condition key and tag."""

import re

import pytest

import expect
from test_organizations import SCP, TAG, Organization, refuses

SERVICE, OTHER = "ram.amazonaws.com", "config.amazonaws.com"


@pytest.fixture(scope="module")
def organization(server):
    return Organization(server)


@pytest.fixture
def user(organization):
    """user(action, …) is a client of a new user with a policy of one statement."""
    iam = organization.of(organization.management, "iam")

    def make(action, **statement):
        name = expect.name("u")
        iam.create_user(UserName=name)
        action = f"organizations:{action}"
        return expect.user_caller(organization.server, iam, name, service="organizations", action=action, **statement)

    return make


def forbidden(action, resource=None):
    on = f" on resource: {re.escape(resource)} " if resource else " "
    message = re.compile(f"is not authorized to perform: organizations:{action}{on}")
    return refuses("AccessDeniedException", message=message)


def test_a_statement_names_a_part_by_its_whole_arn(organization, user):
    unit, other = organization.unit(expect.name("u")), organization.unit(expect.name("v"))
    arn, other_arn = (organization.arn(f"ou/{organization.id}/{each}") for each in (unit, other))
    someone = user("DescribeOrganizationalUnit", resource=arn)
    assert someone.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"]["Arn"] == arn
    with forbidden("DescribeOrganizationalUnit", other_arn):
        someone.describe_organizational_unit(OrganizationalUnitId=other)


def test_attaching_needs_both_ends(organization, user):
    policy, member = organization.policy(SCP, expect.policy()), organization.invited()
    names = f"policy/{organization.id}/service_control_policy/{policy}", f"account/{organization.id}/{member}"
    both = [organization.arn(name) for name in names]
    attachment = {"PolicyId": policy, "TargetId": member}
    for only in both:
        with forbidden("AttachPolicy"):
            user("AttachPolicy", resource=only).attach_policy(**attachment)
    with refuses("PolicyTypeNotEnabledException"):
        user("AttachPolicy", resource=both).attach_policy(**attachment)


def test_a_condition_names_the_type_of_policies(organization, user):
    someone = user("*", Condition={"StringEquals": {"organizations:PolicyType": TAG}})
    someone.list_policies(Filter=TAG)
    someone.create_policy(Type=TAG, Name=expect.name("p"), Description="", Content='{"tags": {}}')
    with forbidden("ListPolicies"):
        someone.list_policies(Filter=SCP)
    with forbidden("CreatePolicy"):
        someone.create_policy(Type=SCP, Name=expect.name("p"), Description="", Content=expect.policy())
    with forbidden("ListRoots"):
        someone.list_roots()


def test_a_condition_names_the_service(organization, user):
    someone = user("*", Condition={"StringEquals": {"organizations:ServicePrincipal": SERVICE}})
    someone.enable_aws_service_access(ServicePrincipal=SERVICE)
    with forbidden("EnableAWSServiceAccess"):
        someone.enable_aws_service_access(ServicePrincipal=OTHER)
    someone.disable_aws_service_access(ServicePrincipal=SERVICE)


def test_a_condition_looks_at_the_tags_that_are_there(organization, user):
    member, unit = organization.invited(), organization.unit(expect.name("u"))
    someone = user("DescribeAccount", Condition={"StringEquals": {"aws:ResourceTag/team": "a"}})
    with forbidden("DescribeAccount"):
        someone.describe_account(AccountId=member)
    organization.client.tag_resource(ResourceId=member, Tags=expect.tags(team="a"))
    someone.describe_account(AccountId=member)
    organization.client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    someone.describe_account(AccountId=member)


def test_a_condition_looks_at_the_tags_that_are_given(organization, user):
    someone = user("TagResource", Condition={"StringEquals": {"aws:RequestTag/team": "a"}})
    unit = organization.unit(expect.name("u"))
    someone.tag_resource(ResourceId=unit, Tags=expect.tags(team="a"))
    with forbidden("TagResource"):
        someone.tag_resource(ResourceId=unit, Tags=expect.tags(team="b"))


def test_a_member_reads_about_itself_with_a_permission_of_its_own(server, organization):
    member = organization.invited()
    iam = organization.of(member, "iam")
    iam.create_user(UserName="u")
    someone = expect.user_caller(server, iam, "u", service="organizations")
    with forbidden("DescribeOrganization"):
        someone.describe_organization()
    iam.put_user_policy(
        UserName="u", PolicyName="read", PolicyDocument=expect.policy("organizations:DescribeOrganization")
    )
    assert someone.describe_organization()["Organization"] == organization.description
