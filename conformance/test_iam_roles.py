"""IAM roles, their trust policies and boundaries, instance profiles, service-linked roles."""

import re

import pytest

import expect
from expect import READ_ONLY, refuses

LINKED = "autoscaling.amazonaws.com"


@pytest.fixture
def iam(server, account):
    return expect.caller(server, account)


def test_everything_that_a_role_is_given_reads_back(iam, account):
    document = ' {"Version": "2012-10-17",\n"Statement": ' + expect.trust().partition('"Statement":')[2]
    made = iam.create_role(
        Path="/p/q/",
        RoleName="r",
        AssumeRolePolicyDocument=document,
        Description="for ü & <tests>",
        MaxSessionDuration=7200,
        PermissionsBoundary=READ_ONLY,
        Tags=expect.tags(a="1"),
    )["Role"]
    assert re.fullmatch(r"AROA[A-Z0-9]{17}", made["RoleId"])
    assert (made["Path"], made["RoleName"]) == ("/p/q/", "r")
    assert made["Arn"] == f"arn:aws:iam::{account}:role/p/q/r"
    read = iam.get_role(RoleName="r")["Role"]
    assert read["AssumeRolePolicyDocument"] == made["AssumeRolePolicyDocument"]
    assert read["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert (read["Description"], read["MaxSessionDuration"]) == ("for ü & <tests>", 7200)
    assert read["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert expect.tags_of(read) == {"a": "1"}
    # Never used: the member is there, and empty.
    assert read["RoleLastUsed"] == {}


def test_a_plain_role_lasts_an_hour(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    read = iam.get_role(RoleName="r")["Role"]
    assert (read["Path"], read["MaxSessionDuration"]) == ("/", 3600)
    assert "Tags" not in read and "PermissionsBoundary" not in read


def test_roles_are_listed_by_path_without_tags_and_boundaries(iam):
    for path, name in [("/", "a"), ("/x/", "b"), ("/x/y/", "c")]:
        iam.create_role(
            Path=path,
            RoleName=name,
            AssumeRolePolicyDocument=expect.trust(),
            PermissionsBoundary=READ_ONLY,
            Tags=expect.tags(a="1"),
        )
    listed = iam.list_roles(PathPrefix="/x/")["Roles"]
    assert [role["RoleName"] for role in listed] == ["b", "c"]
    for role in listed:
        assert not {"PermissionsBoundary", "RoleLastUsed", "Tags"} & set(role)
        assert role["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"


def test_names_differ_by_more_than_case(iam):
    iam.create_role(RoleName="Role", AssumeRolePolicyDocument=expect.trust())
    with refuses("EntityAlreadyExists"):
        iam.create_role(RoleName="rOLE", AssumeRolePolicyDocument=expect.trust())
    with refuses("EntityAlreadyExists", "Role with name Role already exists."):
        iam.create_role(RoleName="Role", AssumeRolePolicyDocument=expect.trust())


def test_descriptions_and_durations_change(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(), Description="one")
    iam.update_role(RoleName="r", Description="two", MaxSessionDuration=43200)
    read = iam.get_role(RoleName="r")["Role"]
    assert (read["Description"], read["MaxSessionDuration"]) == ("two", 43200)
    answer = iam.update_role_description(RoleName="r", Description="three")["Role"]
    assert (answer["Description"], answer["RoleName"]) == ("three", "r")
    assert iam.get_role(RoleName="r")["Role"]["Description"] == "three"


def test_an_update_without_a_duration_goes_back_to_an_hour(iam):
    # The documentation: "If you do not specify a value for this setting, the default value of one hour is applied."
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(), Description="stays", MaxSessionDuration=7200)
    iam.update_role(RoleName="r")
    read = iam.get_role(RoleName="r")["Role"]
    assert (read["Description"], read["MaxSessionDuration"]) == ("stays", 3600)


def test_a_trust_policy_is_replaced(iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=expect.trust(AWS=account))
    [statement] = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"]["AWS"] in (account, f"arn:aws:iam::{account}:root")


def test_a_principal_in_a_trust_policy_must_be_there(iam, account):
    with refuses("MalformedPolicyDocument", re.compile("Invalid principal in policy")):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=f"arn:aws:iam::{account}:user/none"))


def test_a_deleted_principal_shows_as_its_unique_id(iam, account):
    user = iam.create_user(UserName="u")["User"]
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=user["Arn"]))
    [statement] = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": user["Arn"]}
    iam.delete_user(UserName="u")
    [statement] = iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": user["UserId"]}


def test_tags_are_added_replaced_and_removed(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(), Tags=expect.tags(a="1", b="2"))
    iam.tag_role(RoleName="r", Tags=expect.tags(b="3", c="4"))
    iam.untag_role(RoleName="r", TagKeys=["a"])
    assert expect.tags_of(iam.list_role_tags(RoleName="r")) == {"b": "3", "c": "4"}


def test_a_boundary_is_set_and_lifted(iam):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=READ_ONLY)
    assert iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    iam.delete_role_permissions_boundary(RoleName="r")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="r")["Role"]
    assert iam.get_policy(PolicyArn=READ_ONLY)["Policy"]["PermissionsBoundaryUsageCount"] == 0


def test_a_role_of_the_own_account_is_assumed_with_a_permission(server, iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))
    iam.create_user(UserName="u")
    sts = expect.user_caller(server, iam, "u", service="sts")
    given = {"RoleArn": f"arn:aws:iam::{account}:role/r", "RoleSessionName": "session"}
    with refuses("AccessDenied", re.compile("is not authorized to perform: sts:AssumeRole on resource: ")):
        sts.assume_role(**given)
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=expect.policy("sts:AssumeRole"))
    sts.assume_role(**given)


def test_the_last_use_of_a_role_is_told(server, iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=expect.policy("sqs:ListQueues"))
    iam.create_user(UserName="u")
    sts = expect.user_caller(server, iam, "u", service="sts", action="sts:AssumeRole")
    arn = f"arn:aws:iam::{account}:role/r"
    session = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    as_role = expect.session_caller(server, session, service="sqs")
    as_role.list_queues()
    used = expect.eventually(lambda: iam.get_role(RoleName="r")["Role"]["RoleLastUsed"], bool)
    assert used["Region"] == "us-east-1"
    assert used["LastUsedDate"] >= iam.get_role(RoleName="r")["Role"]["CreateDate"]


def test_a_session_of_a_deleted_role_may_nothing(server, iam, account):
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=expect.policy("iam:ListUsers"))
    iam.create_user(UserName="u")
    sts = expect.user_caller(server, iam, "u", service="sts", action="sts:AssumeRole")
    arn = f"arn:aws:iam::{account}:role/r"
    session = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    as_role = expect.session_caller(server, session)
    as_role.list_users()
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    with refuses("AccessDenied"):
        as_role.list_users()
    iam.delete_role(RoleName="r")
    # One of the same name is not the same role.
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=account))
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=expect.policy("iam:ListUsers"))
    with expect.fails({"AccessDenied", "InvalidClientTokenId"}, status=403):
        as_role.list_users()


# ---- instance profiles -----------------------------------------------------------------


def test_an_instance_profile_from_its_making_to_its_end(iam, account):
    made = iam.create_instance_profile(InstanceProfileName="p", Path="/x/", Tags=expect.tags(a="1"))
    made = made["InstanceProfile"]
    assert re.fullmatch(r"AIPA[A-Z0-9]{17}", made["InstanceProfileId"])
    assert made["Arn"] == f"arn:aws:iam::{account}:instance-profile/x/p"
    assert (made["Path"], made["Roles"]) == ("/x/", [])
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust())
    iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
    read = iam.get_instance_profile(InstanceProfileName="p")["InstanceProfile"]
    assert [role["RoleName"] for role in read["Roles"]] == ["r"]
    assert read["Roles"][0]["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    assert expect.tags_of(read) == {"a": "1"}
    [of_role] = iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"]
    assert of_role["InstanceProfileName"] == "p"
    [listed] = iam.list_instance_profiles(PathPrefix="/x/")["InstanceProfiles"]
    assert listed["InstanceProfileId"] == made["InstanceProfileId"]
    assert iam.list_instance_profiles(PathPrefix="/y/")["InstanceProfiles"] == []
    iam.tag_instance_profile(InstanceProfileName="p", Tags=expect.tags(b="2"))
    iam.untag_instance_profile(InstanceProfileName="p", TagKeys=["a"])
    assert expect.tags_of(iam.list_instance_profile_tags(InstanceProfileName="p")) == {"b": "2"}
    iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="r")
    assert iam.list_instance_profiles_for_role(RoleName="r")["InstanceProfiles"] == []
    iam.delete_instance_profile(InstanceProfileName="p")
    assert iam.list_instance_profiles()["InstanceProfiles"] == []


# ---- service-linked roles --------------------------------------------------------------


def test_a_service_linked_role_from_its_making_to_its_end(iam, account):
    role = iam.create_service_linked_role(AWSServiceName=LINKED, Description="scales")["Role"]
    name = "AWSServiceRoleForAutoScaling"
    assert (role["RoleName"], role["Path"]) == (name, f"/aws-service-role/{LINKED}/")
    assert role["Arn"] == f"arn:aws:iam::{account}:role/aws-service-role/{LINKED}/{name}"
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    principal = statement["Principal"]["Service"]
    assert principal in (LINKED, [LINKED])
    [attached] = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached["PolicyArn"] == "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"
    iam.update_role_description(RoleName=name, Description="other words")
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "other words"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/{LINKED}/{name}/")
    status = expect.eventually(
        lambda: iam.get_service_linked_role_deletion_status(DeletionTaskId=task),
        lambda found: found["Status"] not in ("NOT_STARTED", "IN_PROGRESS"),
    )
    assert status["Status"] == "SUCCEEDED"
    with refuses("NoSuchEntity"):
        iam.get_role(RoleName=name)


def test_a_suffix_makes_a_role_of_its_own(iam):
    iam.create_service_linked_role(AWSServiceName=LINKED)
    role = iam.create_service_linked_role(AWSServiceName=LINKED, CustomSuffix="Two")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForAutoScaling_Two"
    message = (
        "Service role name AWSServiceRoleForAutoScaling_Two has been taken in this account, "
        "please try a different suffix."
    )
    with refuses("InvalidInput", message):
        iam.create_service_linked_role(AWSServiceName=LINKED, CustomSuffix="Two")


def test_who_may_ask_about_a_deletion(server, iam, account):
    iam.create_user(UserName="u")
    own = expect.user_caller(server, iam, "u")
    task = f"task/aws-service-role/{LINKED}/AWSServiceRoleForAutoScaling/{'0' * 36}"
    with refuses("AccessDenied", re.compile("is not authorized to perform: iam:GetServiceLinkedRoleDeletionStatus")):
        own.get_service_linked_role_deletion_status(DeletionTaskId=task)
    allowed = expect.policy("iam:GetServiceLinkedRoleDeletionStatus")
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=allowed)
    with refuses("NoSuchEntity"):
        own.get_service_linked_role_deletion_status(DeletionTaskId=task)


ON_A_LINKED_ROLE = [
    ("add_role_to_instance_profile", {"InstanceProfileName": "p"}),
    ("attach_role_policy", {"PolicyArn": READ_ONLY}),
    ("delete_role", {}),
    ("delete_role_permissions_boundary", {}),
    ("delete_role_policy", {"PolicyName": "p"}),
    ("detach_role_policy", {"PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"}),
    ("put_role_permissions_boundary", {"PermissionsBoundary": READ_ONLY}),
    ("put_role_policy", {"PolicyName": "p", "PolicyDocument": expect.policy()}),
    ("update_assume_role_policy", {"PolicyDocument": expect.trust()}),
    ("update_role", {"MaxSessionDuration": 7200}),
]


@pytest.fixture(scope="module")
def linked(server):
    """An account with a service-linked role and an instance profile."""
    iam = expect.caller(server, "271828182845")
    name = iam.create_service_linked_role(AWSServiceName=LINKED)["Role"]["RoleName"]
    iam.create_instance_profile(InstanceProfileName="p")
    return iam, name


@pytest.mark.parametrize("method, given", ON_A_LINKED_ROLE, ids=[m for m, _ in ON_A_LINKED_ROLE])
def test_only_its_service_changes_a_linked_role(linked, method, given):
    iam, name = linked
    message = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    with refuses("UnmodifiableEntity", message):
        getattr(iam, method)(RoleName=name, **given)
