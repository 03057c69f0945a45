"""The account as IAM sees it: alias, summary, reports of credentials and of last uses, everything at once."""

import csv
import io
import re

import pytest

import expect
from expect import READ_ONLY, refuses


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


# ---- alias and preferences -------------------------------------------------------------


def test_an_account_has_one_alias(server, iam, account):
    alias = f"alias-{account}"
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    iam.create_account_alias(AccountAlias=f"{alias}-2")
    assert iam.list_account_aliases()["AccountAliases"] == [f"{alias}-2"]
    other = expect.caller(server, "173205080756")
    with refuses("EntityAlreadyExists", f"The account alias {alias}-2 already exists."):
        other.create_account_alias(AccountAlias=f"{alias}-2")
    with refuses("NoSuchEntity"):
        other.delete_account_alias(AccountAlias=f"{alias}-2")
    iam.delete_account_alias(AccountAlias=f"{alias}-2")
    assert iam.list_account_aliases()["AccountAliases"] == []


@pytest.mark.parametrize("version", ["v1Token", "v2Token"])
def test_the_version_of_global_tokens_is_kept(iam, version):
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion=version)
    assert iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"] == int(version[1])


# ---- summary ---------------------------------------------------------------------------

QUOTAS = {
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10240,
    "PolicySizeQuota": 6144,
    "AssumeRolePolicySizeQuota": 2048,
    "GroupsPerUserQuota": 10,
    "AccessKeysPerUserQuota": 2,
    "SigningCertificatesPerUserQuota": 2,
    "AttachedPoliciesPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "VersionsPerPolicyQuota": 5,
    "PolicyVersionsInUseQuota": 10000,
}
COUNTS = [
    "Users",
    "Groups",
    "Roles",
    "Policies",
    "PolicyVersionsInUse",
    "InstanceProfiles",
    "ServerCertificates",
    "Providers",
    "MFADevices",
    "MFADevicesInUse",
    "AccountMFAEnabled",
    "AccountAccessKeysPresent",
    "AccountSigningCertificatesPresent",
]


@pytest.mark.parametrize("name", QUOTAS)
def test_the_quotas_are_those_of_the_documentation(server, name):
    summary = expect.caller(server, "264575131106").get_account_summary()["SummaryMap"]
    assert summary[name] == QUOTAS[name]


def test_the_summary_counts(iam):
    before = iam.get_account_summary()["SummaryMap"]
    assert [before[name] for name in COUNTS] == [0] * len(COUNTS)
    for name in ("u", "v"):
        iam.create_user(UserName=name)
    iam.create_group(GroupName="g")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    iam.create_instance_profile(InstanceProfileName="p")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy())
    iam.create_open_id_connect_provider(Url="https://idp.example.com", ThumbprintList=["a" * 40])
    iam.create_virtual_mfa_device(VirtualMFADeviceName="d")
    iam.create_access_key()
    after = iam.get_account_summary()["SummaryMap"]
    wanted = {"Users": 2, "Groups": 1, "Roles": 1, "InstanceProfiles": 1, "Policies": 1, "Providers": 1}
    wanted |= {"MFADevices": 1, "MFADevicesInUse": 0, "AccountAccessKeysPresent": 1}
    assert {name: after[name] for name in wanted} == wanted
    iam.delete_user(UserName="v")
    assert iam.get_account_summary()["SummaryMap"]["Users"] == 1


# ---- everything at once ----------------------------------------------------------------


@pytest.fixture
def furnished(iam):
    """One of each, and what connects them."""
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("sqs:A"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy("sqs:B"))
    iam.create_group(GroupName="g", Path="/x/")
    iam.create_user(UserName="u", Path="/x/", Tags=expect.tags(a="1"), PermissionsBoundary=READ_ONLY)
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(), Tags=expect.tags(b="2"))
    iam.create_instance_profile(InstanceProfileName="ip")
    iam.add_role_to_instance_profile(InstanceProfileName="ip", RoleName="r")
    iam.put_user_policy(UserName="u", PolicyName="inline", PolicyDocument=expect.policy("sqs:U"))
    iam.put_group_policy(GroupName="g", PolicyName="inline", PolicyDocument=expect.policy("sqs:G"))
    iam.put_role_policy(RoleName="r", PolicyName="inline", PolicyDocument=expect.policy("sqs:R"))
    iam.attach_user_policy(UserName="u", PolicyArn=READ_ONLY)
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    return arn


def action_of(entry):
    return entry["PolicyDocument"]["Statement"][0]["Action"]


def test_everything_of_an_account_at_once(iam, account, furnished):
    found = iam.get_account_authorization_details()
    [user] = found["UserDetailList"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/x/u"
    assert user["GroupList"] == ["g"]
    assert [(p["PolicyName"], action_of(p)) for p in user["UserPolicyList"]] == [("inline", "sqs:U")]
    assert user["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert expect.tags_of(user) == {"a": "1"}
    [group] = found["GroupDetailList"]
    assert (group["GroupName"], group["Path"]) == ("g", "/x/")
    assert [action_of(p) for p in group["GroupPolicyList"]] == ["sqs:G"]
    assert group["AttachedManagedPolicies"] == [{"PolicyName": "p", "PolicyArn": furnished}]
    [role] = found["RoleDetailList"]
    assert role["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    assert [p["InstanceProfileName"] for p in role["InstanceProfileList"]] == ["ip"]
    assert [action_of(p) for p in role["RolePolicyList"]] == ["sqs:R"]
    assert expect.tags_of(role) == {"b": "2"}
    policies = {policy["PolicyName"]: policy for policy in found["Policies"]}
    # AWS's own are there if they are in use.
    assert set(policies) == {"p", "ReadOnlyAccess"}
    assert (policies["p"]["AttachmentCount"], policies["p"]["DefaultVersionId"]) == (2, "v1")
    versions = {v["VersionId"]: v["Document"]["Statement"][0]["Action"] for v in policies["p"]["PolicyVersionList"]}
    assert versions == {"v1": "sqs:A", "v2": "sqs:B"}
    assert policies["ReadOnlyAccess"]["PolicyVersionList"]


LISTS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}


@pytest.mark.parametrize("kind", LISTS)
def test_one_kind_of_everything(iam, furnished, kind):
    found = iam.get_account_authorization_details(Filter=[kind])
    assert {name: len(found[name]) for name in set(LISTS.values())} == {
        name: int(name == LISTS[kind]) for name in set(LISTS.values())
    }


def test_everything_in_pages_of_one(iam, furnished):
    seen = []
    for page in iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1}):
        on_it = [(name, str(entry)) for name in set(LISTS.values()) for entry in page[name]]
        assert len(on_it) <= 1
        seen += on_it
    assert len(seen) == len(set(seen)) == 5


# ---- the credential report -------------------------------------------------------------


def report(iam):
    expect.eventually(iam.generate_credential_report, lambda found: found["State"] == "COMPLETE")
    return iam.get_credential_report()


def test_a_report_is_there_once_it_was_made_and_until_it_is_too_old(iam, clock_advance):
    with refuses("ReportNotPresent"):
        iam.get_credential_report()
    assert iam.generate_credential_report()["State"] in ("STARTED", "INPROGRESS")
    first = report(iam)
    assert first["ReportFormat"] == "text/csv"
    clock_advance("1h")
    assert report(iam)["GeneratedTime"] == first["GeneratedTime"]
    clock_advance("3h1m")
    with refuses("ReportExpired"):
        iam.get_credential_report()
    assert report(iam)["GeneratedTime"] > first["GeneratedTime"]


def test_a_report_has_a_line_for_root_and_for_each_user(iam, account):
    iam.create_user(UserName="u", Path="/x/")
    iam.create_user(UserName="plain")
    iam.create_login_profile(UserName="u", Password="Correct-h0rse")
    key = iam.create_access_key(UserName="u")["AccessKey"]["AccessKeyId"]
    iam.create_access_key(UserName="u")
    iam.update_access_key(UserName="u", AccessKeyId=key, Status="Inactive")
    text = report(iam)["Content"].decode()
    assert text.startswith(
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
        "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
        "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
        "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
        "access_key_2_last_used_region,access_key_2_last_used_service,"
        "cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
    )
    lines = {line["user"]: line for line in csv.DictReader(io.StringIO(text))}
    assert list(lines) == ["<root_account>", "plain", "u"]
    assert lines["<root_account>"]["arn"] == f"arn:aws:iam::{account}:root"
    assert lines["<root_account>"]["password_enabled"] == "not_supported"
    user = lines["u"]
    assert user["arn"] == f"arn:aws:iam::{account}:user/x/u"
    assert (user["password_enabled"], user["mfa_active"]) == ("true", "false")
    assert sorted([user["access_key_1_active"], user["access_key_2_active"]]) == ["false", "true"]
    assert user["access_key_1_last_used_date"] == user["access_key_1_last_used_service"] == "N/A"
    assert user["password_next_rotation"] == "N/A"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", user["user_creation_time"])
    plain = lines["plain"]
    assert (plain["password_enabled"], plain["password_last_changed"]) == ("false", "N/A")
    assert (plain["access_key_1_active"], plain["cert_1_active"]) == ("false", "false")


# ---- last accesses ---------------------------------------------------------------------


def last_accesses(iam, arn, **given):
    job = iam.generate_service_last_accessed_details(Arn=arn, **given)["JobId"]
    found = expect.eventually(
        lambda: iam.get_service_last_accessed_details(JobId=job), lambda found: found["JobStatus"] != "IN_PROGRESS"
    )
    assert found["JobStatus"] == "COMPLETED"
    return job, {service["ServiceNamespace"]: service for service in found["ServicesLastAccessed"]}


def test_the_last_uses_of_services_are_told(server, iam, account):
    user = iam.create_user(UserName="u")["User"]
    sqs = expect.user_caller(server, iam, "u", service="sqs", action=["sqs:ListQueues", "iam:ListUsers"])
    _, before = last_accesses(iam, user["Arn"])
    assert set(before) == {"sqs", "iam"}
    assert before["sqs"]["TotalAuthenticatedEntities"] == 0 and "LastAuthenticated" not in before["sqs"]
    sqs.list_queues()
    job, after = expect.eventually(
        lambda: last_accesses(iam, user["Arn"], Granularity="ACTION_LEVEL"),
        lambda found: "LastAuthenticated" in found[1]["sqs"],
    )
    used = after["sqs"]
    assert (used["LastAuthenticatedEntity"], used["LastAuthenticatedRegion"]) == (user["Arn"], "us-east-1")
    assert used["TotalAuthenticatedEntities"] == 1
    assert [action["ActionName"] for action in used["TrackedActionsLastAccessed"]] == ["ListQueues"]
    assert "LastAuthenticated" not in after["iam"]
    found = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")
    [entity] = found["EntityDetailsList"]
    assert entity["EntityInfo"]["Arn"] == user["Arn"]
    assert (entity["EntityInfo"]["Type"], entity["EntityInfo"]["Name"]) == ("USER", "u")


def test_the_last_uses_of_a_policy_are_those_of_who_has_it(server, iam):
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("sqs:*"))["Policy"]["Arn"]
    for name in ("u", "v"):
        iam.create_user(UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    expect.user_caller(server, iam, "u", service="sqs").list_queues()
    job, _ = expect.eventually(
        lambda: last_accesses(iam, arn), lambda found: found[1]["sqs"]["TotalAuthenticatedEntities"] == 1
    )
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")
    used = {one["EntityInfo"]["Name"]: "LastAuthenticated" in one for one in entities["EntityDetailsList"]}
    assert used == {"u": True, "v": False}


def test_which_policies_grant_a_service(iam, account):
    iam.create_user(UserName="u")
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName="u")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("sqs:*"))["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    iam.put_user_policy(UserName="u", PolicyName="inline", PolicyDocument=expect.policy("iam:ListUsers"))
    found = iam.list_policies_granting_service_access(
        Arn=f"arn:aws:iam::{account}:user/u", ServiceNamespaces=["sqs", "iam", "s3"]
    )["PoliciesGrantingServiceAccess"]
    by_service = {one["ServiceNamespace"]: one["Policies"] for one in found}
    assert [(p["PolicyName"], p["PolicyType"], p["PolicyArn"]) for p in by_service["sqs"]] == [("p", "MANAGED", arn)]
    [inline] = by_service["iam"]
    assert (inline["PolicyName"], inline["PolicyType"]) == ("inline", "INLINE")
    assert (inline["EntityType"], inline["EntityName"]) == ("USER", "u")
    assert by_service["s3"] == []
