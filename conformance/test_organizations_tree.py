"""The tree of an organisation: units and what is in them, moves, and tags."""

import re

import pytest

import expect
from test_organizations import SCP, Organization, pages, refuses

ACCOUNTS, UNITS = {"ChildType": "ACCOUNT"}, {"ChildType": "ORGANIZATIONAL_UNIT"}
DUPLICATE_UNIT = "DuplicateOrganizationalUnitException"


@pytest.fixture(scope="module")
def organization(server):
    return Organization(server)


@pytest.fixture(scope="module")
def client(organization):
    return organization.client


@pytest.fixture(scope="module")
def member(organization):
    return organization.invited()


@pytest.fixture
def unit(organization):
    """A unit that no other test has."""
    return organization.unit(expect.name("u"))


# ---- units -----------------------------------------------------------------------------


def test_a_unit_reads_back_as_it_was_created(organization, client):
    name = expect.name("u")
    made = client.create_organizational_unit(ParentId=organization.root, Name=name, Tags=expect.tags(a="1"))
    made = made["OrganizationalUnit"]
    assert re.fullmatch(f"ou-{organization.root[2:]}-[a-z0-9]{{8,32}}", made["Id"])
    assert made == {
        "Id": made["Id"],
        "Arn": organization.arn(f"ou/{organization.id}/{made['Id']}"),
        "Name": name,
        "Path": f"{organization.id}/{organization.root}/{made['Id']}/",
    }
    read = client.describe_organizational_unit(OrganizationalUnitId=made["Id"])["OrganizationalUnit"]
    assert read == made
    assert expect.tags_of(client.list_tags_for_resource(ResourceId=made["Id"])) == {"a": "1"}
    assert made in pages(
        client, "list_organizational_units_for_parent", "OrganizationalUnits", 20, ParentId=organization.root
    )


def test_a_units_new_name_is_what_it_is_called_from_then_on(client, unit):
    name = expect.name("v")
    updated = client.update_organizational_unit(OrganizationalUnitId=unit, Name=name)["OrganizationalUnit"]
    assert (updated["Id"], updated["Name"]) == (unit, name)
    assert client.describe_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"] == updated
    same = client.update_organizational_unit(OrganizationalUnitId=unit, Name=name)["OrganizationalUnit"]
    assert same == client.update_organizational_unit(OrganizationalUnitId=unit)["OrganizationalUnit"] == updated


def test_a_name_is_one_units_within_its_parent(organization, client, unit):
    one, other = organization.unit("one", unit), organization.unit("other", unit)
    with refuses(DUPLICATE_UNIT):
        organization.unit("one", unit)
    with refuses(DUPLICATE_UNIT):
        client.update_organizational_unit(OrganizationalUnitId=other, Name="one")
    organization.unit("one", other)
    client.delete_organizational_unit(OrganizationalUnitId=one)
    organization.unit("one", unit)


def test_of_equal_names_at_the_same_time_one_is_taken(client, unit):
    def create():
        client.create_organizational_unit(ParentId=unit, Name="once")

    assert sorted(expect.at_once(*[create] * 6), key=str) == [DUPLICATE_UNIT] * 5 + [None]
    assert len(client.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]) == 1


def test_units_are_five_deep_at_most(organization, unit):
    for level in range(2, 6):
        unit = organization.unit(f"level {level}", unit)
    with refuses("ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED"):
        organization.unit("level 6", unit)


def test_a_unit_goes_when_it_is_empty(organization, client, member, unit):
    inner = organization.unit("inner", unit)
    with refuses("OrganizationalUnitNotEmptyException"):
        client.delete_organizational_unit(OrganizationalUnitId=unit)
    client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=inner)
    with refuses("OrganizationalUnitNotEmptyException"):
        client.delete_organizational_unit(OrganizationalUnitId=inner)
    client.move_account(AccountId=member, SourceParentId=inner, DestinationParentId=organization.root)
    for gone in (inner, unit):
        client.delete_organizational_unit(OrganizationalUnitId=gone)
        with refuses("OrganizationalUnitNotFoundException"):
            client.describe_organizational_unit(OrganizationalUnitId=gone)


def test_children_and_parents_point_to_each_other(organization, client, member, unit):
    inner = organization.unit("inner", unit)
    client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    try:
        of_unit = [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
        assert pages(client, "list_parents", "Parents", ChildId=inner) == of_unit
        assert pages(client, "list_parents", "Parents", ChildId=member) == of_unit
        top = client.list_parents(ChildId=unit)["Parents"]
        assert top == [{"Id": organization.root, "Type": "ROOT"}]
        assert client.list_children(ParentId=unit, **ACCOUNTS)["Children"] == [{"Id": member, "Type": "ACCOUNT"}]
        assert client.list_children(ParentId=unit, **UNITS)["Children"] == [
            {"Id": inner, "Type": "ORGANIZATIONAL_UNIT"}
        ]
    finally:
        client.move_account(AccountId=member, SourceParentId=unit, DestinationParentId=organization.root)


def test_listings_of_a_parent_come_a_page_at_a_time(organization, client, unit):
    units = {organization.unit(f"u{number}", unit) for number in range(5)}
    members = {organization.invited() for _ in range(3)}
    for member in members:
        client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    for size in (1, 2, 20):
        found = pages(client, "list_organizational_units_for_parent", "OrganizationalUnits", size, ParentId=unit)
        assert len(found) == 5 and {each["Id"] for each in found} == units
        found = pages(client, "list_children", "Children", size, ParentId=unit, **UNITS)
        assert len(found) == 5 and {each["Id"] for each in found} == units
        found = pages(client, "list_children", "Children", size, ParentId=unit, **ACCOUNTS)
        assert len(found) == 3 and {each["Id"] for each in found} == members
        found = pages(client, "list_accounts_for_parent", "Accounts", size, ParentId=unit)
        assert len(found) == 3 and {each["Id"] for each in found} == members


# ---- moves -----------------------------------------------------------------------------


def test_a_moved_account_is_where_it_was_moved(organization, client, member, unit):
    move = {"AccountId": member, "SourceParentId": organization.root, "DestinationParentId": unit}
    client.move_account(**move)
    account = client.describe_account(AccountId=member)["Account"]
    assert account["Paths"] == [f"{organization.id}/{organization.root}/{unit}/{member}/"]
    assert client.list_accounts_for_parent(ParentId=unit)["Accounts"] == [account]
    with refuses("SourceParentNotFoundException"):
        client.move_account(**move)
    client.move_account(AccountId=member, SourceParentId=unit, DestinationParentId=organization.root)
    assert client.list_accounts_for_parent(ParentId=unit)["Accounts"] == []


def test_a_move_needs_both_ends_and_two_of_them(organization, client, member, unit):
    nowhere = f"ou-{organization.root[2:]}-00000000"
    with refuses("SourceParentNotFoundException"):
        client.move_account(AccountId=member, SourceParentId=nowhere, DestinationParentId=unit)
    with refuses("DestinationParentNotFoundException"):
        client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=nowhere)
    with refuses("DuplicateAccountException"):
        client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=organization.root)


# ---- tags ------------------------------------------------------------------------------


@pytest.fixture(params=["root", "unit", "account", "policy", "resource policy"])
def tagged(request, organization, client, member):
    """The id of one thing of each kind that takes tags."""
    if request.param == "root":
        return organization.root
    if request.param == "account":
        return member
    if request.param == "unit":
        return organization.unit(expect.name("u"))
    if request.param == "policy":
        return organization.policy(SCP, expect.policy())
    content = expect.policy("organizations:ListRoots", Principal={"AWS": member})
    return client.put_resource_policy(Content=content)["ResourcePolicy"]["ResourcePolicySummary"]["Id"]


def test_whatever_is_there_takes_tags(client, tagged):
    def found():
        return expect.tags_of(client.list_tags_for_resource(ResourceId=tagged))

    client.tag_resource(ResourceId=tagged, Tags=expect.tags(a="1", b=""))
    client.tag_resource(ResourceId=tagged, Tags=expect.tags(a="2", c="3"))
    assert found() == {"a": "2", "b": "", "c": "3"}
    client.untag_resource(ResourceId=tagged, TagKeys=["a", "none"])
    assert found() == {"b": "", "c": "3"}
    client.untag_resource(ResourceId=tagged, TagKeys=["b", "c"])
    assert found() == {}


def test_fifty_tags_and_no_more(client, unit):
    many = {f"k{number:02}": str(number) for number in range(50)}
    client.tag_resource(ResourceId=unit, Tags=expect.tags(**many))
    with refuses("ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED"):
        client.tag_resource(ResourceId=unit, Tags=expect.tags(more="1"))
    client.tag_resource(ResourceId=unit, Tags=expect.tags(k00="again"))
    listed = [page["Tags"] for page in client.get_paginator("list_tags_for_resource").paginate(ResourceId=unit)]
    found = {tag["Key"]: tag["Value"] for page in listed for tag in page}
    assert found == {**many, "k00": "again"} and sum(map(len, listed)) == 50
    with refuses("InvalidInputException", "INVALID_NEXT_TOKEN"):
        client.list_tags_for_resource(ResourceId=unit, NextToken="nonsense")


def test_tags_that_are_none(client, unit):
    with refuses("InvalidInputException", "DUPLICATE_TAG_KEY"):
        client.tag_resource(ResourceId=unit, Tags=expect.tags(a="1") + expect.tags(a="2"))
    with refuses("InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER"):
        client.tag_resource(ResourceId=unit, Tags=expect.tags(**{"aws:a": "1"}))
    with refuses("InvalidInputException", "MAX_LENGTH_EXCEEDED"):
        client.tag_resource(ResourceId=unit, Tags=expect.tags(**{"k" * 129: "1"}))
    assert client.list_tags_for_resource(ResourceId=unit)["Tags"] == []


def test_awss_own_policies_take_no_tags(client):
    with refuses("TargetNotFoundException"):
        client.tag_resource(ResourceId="p-FullAWSAccess", Tags=expect.tags(a="1"))
