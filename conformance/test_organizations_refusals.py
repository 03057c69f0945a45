"""Organizations' refusals, as tables: no organisation, no permission, nothing of that name, no such value."""

import re

import pytest
from botocore import xform_name

import expect
import server as servers
import wire
from test_organizations import (
    BILLING,
    NO_PERMISSIONS,
    NOT_IN_USE,
    SCP,
    Organization,
    fresh_account,
    fresh_email,
    refuses,
)

ACCOUNT, ROOT, UNIT, POLICY = "999999999999", "r-none", "ou-none-00000000", "p-0000000000"
HANDSHAKE, CREATION, SERVICE = "h-" + "0" * 32, "car-" + "0" * 32, "ram.amazonaws.com"
OF_ACCOUNT, OF_ROOT, OF_POLICY = {"AccountId": ACCOUNT}, {"ParentId": ROOT}, {"PolicyId": POLICY}
OF_UNIT, OF_HANDSHAKE, OF_SERVICE = (
    {"OrganizationalUnitId": UNIT},
    {"HandshakeId": HANDSHAKE},
    {"ServicePrincipal": SERVICE},
)
OF_TYPE = {"RootId": ROOT, "PolicyType": SCP}
ATTACHMENT = {**OF_POLICY, "TargetId": ROOT}
TAGS, KEYS = {"Tags": expect.tags(a="1")}, {"TagKeys": ["a"]}
MOVE = {**OF_ACCOUNT, "SourceParentId": ROOT, "DestinationParentId": UNIT}
DELEGATION = expect.policy("organizations:DescribeAccount", Principal={"AWS": ACCOUNT})

# A well-formed request for everything that is implemented; what the ids name is nowhere.
REQUESTS = {
    "accept_handshake": OF_HANDSHAKE,
    "attach_policy": ATTACHMENT,
    "cancel_handshake": OF_HANDSHAKE,
    "close_account": OF_ACCOUNT,
    "create_account": {"Email": fresh_email(), "AccountName": "a"},
    "create_organization": {},
    "create_organizational_unit": {**OF_ROOT, "Name": "u"},
    "create_policy": {"Type": SCP, "Name": "p", "Description": "", "Content": expect.policy()},
    "decline_handshake": OF_HANDSHAKE,
    "delete_organization": {},
    "delete_organizational_unit": OF_UNIT,
    "delete_policy": OF_POLICY,
    "delete_resource_policy": {},
    "deregister_delegated_administrator": {**OF_ACCOUNT, **OF_SERVICE},
    "describe_account": OF_ACCOUNT,
    "describe_create_account_status": {"CreateAccountRequestId": CREATION},
    "describe_effective_policy": {"PolicyType": "TAG_POLICY", "TargetId": ACCOUNT},
    "describe_handshake": OF_HANDSHAKE,
    "describe_organization": {},
    "describe_organizational_unit": OF_UNIT,
    "describe_policy": OF_POLICY,
    "describe_resource_policy": {},
    "detach_policy": ATTACHMENT,
    "disable_aws_service_access": OF_SERVICE,
    "disable_policy_type": OF_TYPE,
    "enable_aws_service_access": OF_SERVICE,
    "enable_all_features": {},
    "enable_policy_type": OF_TYPE,
    "invite_account_to_organization": {"Target": {"Id": ACCOUNT, "Type": "ACCOUNT"}},
    "leave_organization": {},
    "list_aws_service_access_for_organization": {},
    "list_accounts": {},
    "list_accounts_for_parent": OF_ROOT,
    "list_children": {**OF_ROOT, "ChildType": "ACCOUNT"},
    "list_create_account_status": {},
    "list_delegated_administrators": {},
    "list_delegated_services_for_account": OF_ACCOUNT,
    "list_handshakes_for_account": {},
    "list_handshakes_for_organization": {},
    "list_organizational_units_for_parent": OF_ROOT,
    "list_parents": {"ChildId": UNIT},
    "list_policies": {"Filter": SCP},
    "list_policies_for_target": {"TargetId": ROOT, "Filter": SCP},
    "list_roots": {},
    "list_tags_for_resource": {"ResourceId": ROOT},
    "list_targets_for_policy": OF_POLICY,
    "move_account": MOVE,
    "put_resource_policy": {"Content": DELEGATION},
    "register_delegated_administrator": {**OF_ACCOUNT, **OF_SERVICE},
    "remove_account_from_organization": OF_ACCOUNT,
    "tag_resource": {"ResourceId": ROOT, **TAGS},
    "untag_resource": {"ResourceId": ROOT, **KEYS},
    "update_organizational_unit": {**OF_UNIT, "Name": "v"},
    "update_policy": {**OF_POLICY, "Name": "q"},
}

# What an account in no organisation may call: it can found one, and be asked into one.
FOR_ACCOUNTS_ALONE = {
    "accept_handshake",
    "cancel_handshake",
    "create_organization",
    "decline_handshake",
    "describe_handshake",
    "list_handshakes_for_account",
}
# What every member may call besides.
FOR_MEMBERS = FOR_ACCOUNTS_ALONE | {"describe_organization", "leave_organization"}


@pytest.fixture(scope="module")
def organization(server):
    return Organization(server)


@pytest.fixture(scope="module")
def client(organization):
    return organization.client


def names(table):
    return [f"{number}-{row[0]}" for number, row in enumerate(table)]


def test_the_table_has_every_operation():
    rows = {xform_name(operation) for service, operation in servers.implemented() if service == "organizations"}
    assert rows == set(REQUESTS)


# ---- who asks --------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(set(REQUESTS) - FOR_ACCOUNTS_ALONE))
def test_an_account_in_no_organisation_is_told_so(server, method):
    alone = expect.caller(server, ACCOUNT, service="organizations")
    with refuses("AWSOrganizationsNotInUseException", message=NOT_IN_USE):
        getattr(alone, method)(**REQUESTS[method])


@pytest.fixture(scope="module")
def member(organization):
    return organization.of(organization.invited())


@pytest.mark.parametrize("method", sorted(set(REQUESTS) - FOR_MEMBERS))
def test_what_the_management_account_may_a_member_may_not(member, method):
    with refuses("AccessDeniedException", message=NO_PERMISSIONS):
        getattr(member, method)(**REQUESTS[method])


@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_a_user_without_permissions_is_refused_whatever_the_account(organization, nobody, method):
    action = "organizations:" + {xform_name(op): op for op in nobody.meta.service_model.operation_names}[method]
    with refuses("AccessDeniedException", message=re.compile(f"is not authorized to perform: {action}\\b")):
        getattr(nobody, method)(**REQUESTS[method])


@pytest.fixture(scope="module")
def nobody(server, organization):
    iam = organization.of(organization.management, "iam")
    iam.create_user(UserName="nobody")
    return expect.user_caller(server, iam, "nobody", service="organizations")


# ---- what is not there -----------------------------------------------------------------

NOT_FOUND = [
    ("describe_account", OF_ACCOUNT, "AccountNotFoundException"),
    ("close_account", OF_ACCOUNT, "AccountNotFoundException"),
    ("move_account", MOVE, "AccountNotFoundException"),
    ("remove_account_from_organization", OF_ACCOUNT, "AccountNotFoundException"),
    ("register_delegated_administrator", {**OF_ACCOUNT, **OF_SERVICE}, "AccountNotFoundException"),
    ("deregister_delegated_administrator", {**OF_ACCOUNT, **OF_SERVICE}, "AccountNotFoundException"),
    ("list_delegated_services_for_account", OF_ACCOUNT, "AccountNotFoundException"),
    ("describe_create_account_status", {"CreateAccountRequestId": CREATION}, "CreateAccountStatusNotFoundException"),
    ("create_organizational_unit", {**OF_ROOT, "Name": "u"}, "ParentNotFoundException"),
    ("create_organizational_unit", {"ParentId": UNIT, "Name": "u"}, "ParentNotFoundException"),
    ("list_accounts_for_parent", OF_ROOT, "ParentNotFoundException"),
    ("list_accounts_for_parent", {"ParentId": UNIT}, "ParentNotFoundException"),
    ("list_organizational_units_for_parent", OF_ROOT, "ParentNotFoundException"),
    ("list_children", {**OF_ROOT, "ChildType": "ACCOUNT"}, "ParentNotFoundException"),
    ("list_children", {"ParentId": UNIT, "ChildType": "ORGANIZATIONAL_UNIT"}, "ParentNotFoundException"),
    ("list_parents", {"ChildId": UNIT}, "ChildNotFoundException"),
    ("list_parents", {"ChildId": ACCOUNT}, "ChildNotFoundException"),
    ("describe_organizational_unit", OF_UNIT, "OrganizationalUnitNotFoundException"),
    ("update_organizational_unit", {**OF_UNIT, "Name": "v"}, "OrganizationalUnitNotFoundException"),
    ("delete_organizational_unit", OF_UNIT, "OrganizationalUnitNotFoundException"),
    ("enable_policy_type", OF_TYPE, "RootNotFoundException"),
    ("disable_policy_type", OF_TYPE, "RootNotFoundException"),
    ("describe_policy", OF_POLICY, "PolicyNotFoundException"),
    ("update_policy", {**OF_POLICY, "Name": "q"}, "PolicyNotFoundException"),
    ("delete_policy", OF_POLICY, "PolicyNotFoundException"),
    ("attach_policy", ATTACHMENT, "PolicyNotFoundException"),
    ("detach_policy", ATTACHMENT, "PolicyNotFoundException"),
    ("list_targets_for_policy", OF_POLICY, "PolicyNotFoundException"),
    ("attach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": UNIT}, "TargetNotFoundException"),
    ("attach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": ACCOUNT}, "TargetNotFoundException"),
    ("detach_policy", {"PolicyId": "p-FullAWSAccess", "TargetId": ROOT}, "TargetNotFoundException"),
    ("list_policies_for_target", {"TargetId": ACCOUNT, "Filter": SCP}, "TargetNotFoundException"),
    ("describe_effective_policy", {"PolicyType": "TAG_POLICY", "TargetId": ACCOUNT}, "TargetNotFoundException"),
    ("describe_effective_policy", {"PolicyType": "TAG_POLICY"}, "EffectivePolicyNotFoundException"),
    ("tag_resource", {"ResourceId": UNIT, **TAGS}, "TargetNotFoundException"),
    ("untag_resource", {"ResourceId": ACCOUNT, **KEYS}, "TargetNotFoundException"),
    ("list_tags_for_resource", {"ResourceId": POLICY}, "TargetNotFoundException"),
    ("list_tags_for_resource", {"ResourceId": "rp-00000000"}, "TargetNotFoundException"),
    ("describe_resource_policy", {}, "ResourcePolicyNotFoundException"),
    ("delete_resource_policy", {}, "ResourcePolicyNotFoundException"),
    ("accept_handshake", OF_HANDSHAKE, "HandshakeNotFoundException"),
    ("cancel_handshake", OF_HANDSHAKE, "HandshakeNotFoundException"),
    ("decline_handshake", OF_HANDSHAKE, "HandshakeNotFoundException"),
    ("describe_handshake", OF_HANDSHAKE, "HandshakeNotFoundException"),
]


@pytest.mark.parametrize("method, given, code", NOT_FOUND, ids=names(NOT_FOUND))
def test_what_is_not_there(client, method, given, code):
    with refuses(code):
        getattr(client, method)(**given)


def test_the_parts_of_another_organisation_are_not_there(server, client):
    other = Organization(server)
    unit = other.unit("u")
    policy = other.policy(SCP, expect.policy())
    with refuses("OrganizationalUnitNotFoundException"):
        client.describe_organizational_unit(OrganizationalUnitId=unit)
    with refuses("PolicyNotFoundException"):
        client.describe_policy(PolicyId=policy)
    with refuses("AccountNotFoundException"):
        client.describe_account(AccountId=other.management)
    with refuses("HandshakeNotFoundException"):
        client.describe_handshake(HandshakeId=other.invite(fresh_account()))


# ---- what is no value ------------------------------------------------------------------

PATTERN, TOKEN, ENUM, TYPE = "INVALID_PATTERN", "INVALID_NEXT_TOKEN", "INVALID_ENUM", "INVALID_ENUM_POLICY_TYPE"
BAD_TARGET, PRINCIPAL = "INVALID_PATTERN_TARGET_ID", "UNRECOGNIZED_SERVICE_PRINCIPAL"
BAD_HANDSHAKE, BAD_ACCOUNT, NO_SERVICE = {"HandshakeId": "h-X"}, {"AccountId": "12345"}, {"ServicePrincipal": "none"}
NO_TOKEN = {"NextToken": "nonsense"}

INVALID = [
    ("accept_handshake", BAD_HANDSHAKE, PATTERN),
    ("cancel_handshake", BAD_HANDSHAKE, PATTERN),
    ("decline_handshake", BAD_HANDSHAKE, PATTERN),
    ("describe_handshake", BAD_HANDSHAKE, PATTERN),
    ("attach_policy", {"PolicyId": "p-1", "TargetId": ACCOUNT}, PATTERN),
    ("attach_policy", {**OF_POLICY, "TargetId": "x"}, BAD_TARGET),
    ("detach_policy", {**OF_POLICY, "TargetId": "x"}, BAD_TARGET),
    ("detach_policy", {"PolicyId": "x", "TargetId": ACCOUNT}, PATTERN),
    ("close_account", BAD_ACCOUNT, PATTERN),
    ("create_account", {"Email": "no address", "AccountName": "a"}, PATTERN),
    ("create_account", {"Email": fresh_email(), "AccountName": "a" * 51}, "MAX_LENGTH_EXCEEDED"),
    ("create_account", {"Email": fresh_email(), "AccountName": "a", "RoleName": "a b"}, PATTERN),
    (
        "create_account",
        {"Email": fresh_email(), "AccountName": "a", "RoleName": "AWSServiceRoleForNothing"},
        "INVALID_ROLE_NAME",
    ),
    ("create_account", {"Email": fresh_email(), "AccountName": "a", "IamUserAccessToBilling": "MAYBE"}, ENUM),
    ("create_organization", {"FeatureSet": "SOME"}, ENUM),
    ("create_organizational_unit", {"ParentId": "x", "Name": "u"}, PATTERN),
    ("create_organizational_unit", {**OF_ROOT, "Name": "u" * 129}, "MAX_LENGTH_EXCEEDED"),
    ("create_policy", {**REQUESTS["create_policy"], "Type": "NO_POLICY"}, TYPE),
    ("create_policy", {**REQUESTS["create_policy"], "Description": "d" * 513}, "MAX_LENGTH_EXCEEDED"),
    ("create_policy", {**REQUESTS["create_policy"], "Tags": expect.tags(a="1") * 2}, "DUPLICATE_TAG_KEY"),
    ("delete_organizational_unit", {"OrganizationalUnitId": ROOT}, PATTERN),
    ("describe_organizational_unit", {"OrganizationalUnitId": "ou-1"}, PATTERN),
    ("update_organizational_unit", {"OrganizationalUnitId": "ou-1"}, PATTERN),
    ("update_organizational_unit", {**OF_UNIT, "Name": "u" * 129}, "MAX_LENGTH_EXCEEDED"),
    ("delete_policy", {"PolicyId": "x"}, PATTERN),
    ("describe_policy", {"PolicyId": "p-short"}, PATTERN),
    ("update_policy", {"PolicyId": "x"}, PATTERN),
    ("list_targets_for_policy", {"PolicyId": "x"}, PATTERN),
    ("deregister_delegated_administrator", {**BAD_ACCOUNT, **OF_SERVICE}, PATTERN),
    ("deregister_delegated_administrator", {**OF_ACCOUNT, **NO_SERVICE}, PRINCIPAL),
    ("register_delegated_administrator", {**BAD_ACCOUNT, **OF_SERVICE}, PATTERN),
    ("register_delegated_administrator", {**OF_ACCOUNT, **NO_SERVICE}, PRINCIPAL),
    ("enable_aws_service_access", NO_SERVICE, PRINCIPAL),
    ("enable_aws_service_access", {"ServicePrincipal": "a b.amazonaws.com"}, PATTERN),
    ("disable_aws_service_access", NO_SERVICE, PRINCIPAL),
    ("describe_account", BAD_ACCOUNT, PATTERN),
    ("remove_account_from_organization", BAD_ACCOUNT, PATTERN),
    ("list_delegated_services_for_account", BAD_ACCOUNT, PATTERN),
    ("move_account", {**MOVE, "SourceParentId": "x"}, PATTERN),
    ("describe_create_account_status", {"CreateAccountRequestId": "car-1"}, PATTERN),
    ("describe_effective_policy", {"PolicyType": SCP}, TYPE),
    ("enable_policy_type", {"RootId": "x", "PolicyType": SCP}, PATTERN),
    ("enable_policy_type", {"RootId": ROOT, "PolicyType": "NO_POLICY"}, TYPE),
    ("disable_policy_type", {"RootId": UNIT, "PolicyType": SCP}, PATTERN),
    ("disable_policy_type", {"RootId": ROOT, "PolicyType": "NO_POLICY"}, TYPE),
    ("invite_account_to_organization", {"Target": {"Id": "12", "Type": "ACCOUNT"}}, PATTERN),
    ("invite_account_to_organization", {"Target": {"Id": "x@y", "Type": "EMAIL"}}, "INVALID_EMAIL_ADDRESS_TARGET"),
    (
        "invite_account_to_organization",
        {"Target": {"Id": "o-0000000000", "Type": "ORGANIZATION"}},
        "INVALID_PARTY_TYPE_TARGET",
    ),
    ("invite_account_to_organization", {"Target": {"Id": ACCOUNT, "Type": "PERSON"}}, ENUM),
    ("list_children", {"ParentId": "x", "ChildType": "ACCOUNT"}, PATTERN),
    ("list_children", {**OF_ROOT, "ChildType": "CHILD"}, ENUM),
    ("list_parents", {"ChildId": ROOT}, PATTERN),
    ("list_accounts_for_parent", {"ParentId": "x"}, PATTERN),
    ("list_organizational_units_for_parent", {"ParentId": "x"}, PATTERN),
    ("list_policies", {"Filter": "NO_POLICY"}, TYPE),
    ("list_policies_for_target", {"TargetId": "x", "Filter": SCP}, BAD_TARGET),
    ("list_policies_for_target", {"TargetId": ROOT, "Filter": "NO_POLICY"}, TYPE),
    ("list_create_account_status", {"States": ["DONE"]}, ENUM),
    ("list_create_account_status", NO_TOKEN, TOKEN),
    ("list_accounts", {"MaxResults": 21}, "MAX_VALUE_EXCEEDED"),
    ("list_accounts", NO_TOKEN, TOKEN),
    ("list_roots", NO_TOKEN, TOKEN),
    ("list_aws_service_access_for_organization", NO_TOKEN, TOKEN),
    ("list_delegated_administrators", NO_TOKEN, TOKEN),
    ("list_handshakes_for_account", NO_TOKEN, TOKEN),
    ("list_handshakes_for_organization", NO_TOKEN, TOKEN),
    (
        "list_handshakes_for_account",
        {"Filter": {"ActionType": "INVITE", "ParentHandshakeId": HANDSHAKE}},
        "MAX_LIMIT_EXCEEDED_FILTER",
    ),
    ("put_resource_policy", {"Content": "{"}, "INVALID_RESOURCE_POLICY_JSON"),
    ("put_resource_policy", {"Content": "x" * 40_001}, "MAX_LENGTH_EXCEEDED"),
    (
        "put_resource_policy",
        {"Content": expect.policy("sqs:SendMessage", Principal={"AWS": ACCOUNT})},
        "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
    ),
    ("tag_resource", {"ResourceId": "x", **TAGS}, PATTERN),
    ("untag_resource", {"ResourceId": "x", **KEYS}, PATTERN),
    ("list_tags_for_resource", {"ResourceId": "x"}, PATTERN),
]


@pytest.mark.parametrize("method, given, reason", INVALID, ids=names(INVALID))
def test_what_means_nothing_is_named_by_a_reason(client, method, given, reason):
    with refuses("InvalidInputException", reason):
        getattr(client, method)(**given)


# ---- without all features --------------------------------------------------------------

NEEDS_ALL_FEATURES = [
    ("close_account", OF_ACCOUNT),
    ("enable_aws_service_access", OF_SERVICE),
    ("disable_aws_service_access", OF_SERVICE),
    ("register_delegated_administrator", {**OF_ACCOUNT, **OF_SERVICE}),
    ("deregister_delegated_administrator", {**OF_ACCOUNT, **OF_SERVICE}),
    ("put_resource_policy", {"Content": DELEGATION}),
    ("delete_resource_policy", {}),
]


@pytest.fixture(scope="module")
def billing(server):
    return Organization(server, BILLING)


@pytest.mark.parametrize("method, given", NEEDS_ALL_FEATURES, ids=names(NEEDS_ALL_FEATURES))
def test_an_organisation_for_bills_has_no_more_than_that(billing, method, given):
    with refuses("ConstraintViolationException", "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"):
        getattr(billing.client, method)(**given)


def test_an_organisation_for_bills_has_no_policies(billing):
    with refuses("PolicyTypeNotAvailableForOrganizationException"):
        billing.enable(SCP)
    with refuses("PolicyTypeNotAvailableForOrganizationException"):
        billing.policy(SCP, expect.policy())
    assert billing.client.list_policies(Filter=SCP)["Policies"] == []


# ---- on the wire -----------------------------------------------------------------------


def test_a_reason_is_a_member_of_its_own(server):
    caller = wire.Caller(server.endpoint, service="organizations", key=ACCOUNT)
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AWSOrganizationsV20161128.DescribeAccount",
    }
    reply = caller.send("POST", "/", b'{"AccountId":"1"}', headers)
    assert (reply.status, reply.code) == (400, "InvalidInputException")
    assert reply.json["Message"] == "You provided a value that does not match the required pattern."
    assert reply.json["Reason"] == PATTERN
    missing = caller.send("POST", "/", b"{}", headers)
    assert (missing.code, missing.json["Reason"]) == ("InvalidInputException", "INPUT_REQUIRED")
