"""IAM's listings in pages: every operation of the model that has a marker."""

import functools

import botocore
import botocore.session
import pytest

import expect
import server as servers
from expect import READ_ONLY, refuses
from test_iam_certificates import CERTIFICATE, OTHERS, PRIVATE_KEY
from test_iam_credentials import ssh_key
from test_iam_providers import metadata

ACCOUNT = "316227766016"
ARN = f"arn:aws:iam::{ACCOUNT}:"
TWO = expect.tags(a="1", b="2", c="3")

# How each listing is asked for what `furnished` has; at least two items each.
ASKED = {
    "GetAccountAuthorizationDetails": {},
    "GetGroup": {"GroupName": "g1"},
    "GetServiceLastAccessedDetails": "job",
    "GetServiceLastAccessedDetailsWithEntities": "job",
    "ListAccessKeys": {"UserName": "u1"},
    "ListAccountAliases": {},
    "ListAttachedGroupPolicies": {"GroupName": "g1"},
    "ListAttachedRolePolicies": {"RoleName": "r1"},
    "ListAttachedUserPolicies": {"UserName": "u1"},
    "ListEntitiesForPolicy": {"PolicyArn": READ_ONLY},
    "ListGroupPolicies": {"GroupName": "g1"},
    "ListGroups": {},
    "ListGroupsForUser": {"UserName": "u1"},
    "ListInstanceProfileTags": {"InstanceProfileName": "p1"},
    "ListInstanceProfiles": {},
    "ListInstanceProfilesForRole": {"RoleName": "r1"},
    "ListMFADeviceTags": {"SerialNumber": ARN + "mfa/d1"},
    "ListMFADevices": {"UserName": "u1"},
    "ListOpenIDConnectProviderTags": {"OpenIDConnectProviderArn": ARN + "oidc-provider/idp.example.com"},
    "ListPolicies": {"Scope": "Local"},
    "ListPoliciesGrantingServiceAccess": {"Arn": ARN + "user/u1", "ServiceNamespaces": ["sqs", "iam"]},
    "ListPolicyTags": {"PolicyArn": ARN + "policy/p1"},
    "ListPolicyVersions": {"PolicyArn": ARN + "policy/p1"},
    "ListRolePolicies": {"RoleName": "r1"},
    "ListRoleTags": {"RoleName": "r1"},
    "ListRoles": {},
    "ListSAMLProviderTags": {"SAMLProviderArn": ARN + "saml-provider/idp"},
    "ListSSHPublicKeys": {"UserName": "u1"},
    "ListServerCertificateTags": {"ServerCertificateName": "c1"},
    "ListServerCertificates": {},
    "ListServiceSpecificCredentials": {"UserName": "u1"},
    "ListSigningCertificates": {"UserName": "u1"},
    "ListUserPolicies": {"UserName": "u1"},
    "ListUserTags": {"UserName": "u1"},
    "ListUsers": {},
    "ListVirtualMFADevices": {},
    "SimulateCustomPolicy": {"PolicyInputList": [expect.policy()], "ActionNames": ["sqs:A", "sqs:B", "sqs:C"]},
    "SimulatePrincipalPolicy": {"PolicySourceArn": ARN + "user/u1", "ActionNames": ["sqs:A", "sqs:B", "sqs:C"]},
}
# An account has one alias; no user of the suite's has two devices here; the page's size cannot be asked for.
ONE_PAGE = {"ListAccountAliases", "ListMFADevices", "ListPoliciesGrantingServiceAccess"}


@functools.cache
def paged():
    """What is implemented and has a marker, with its lists."""
    model = botocore.session.get_session().get_service_model("iam")
    try:
        implemented = [operation for service, operation in servers.implemented() if service == "iam"]
    except (OSError, ValueError):
        return {}
    found = {}
    for operation in implemented:
        shape = model.operation_model(operation)
        if shape.input_shape is not None and "Marker" in shape.input_shape.members:
            members = shape.output_shape.members
            found[operation] = [name for name, member in members.items() if member.type_name == "list"]
    return found


@pytest.fixture(scope="module")
def furnished(server):
    """An account with at least two of everything."""
    iam = expect.caller(server, ACCOUNT)
    for n in "123":
        iam.create_group(GroupName=f"g{n}")
        iam.create_user(UserName=f"u{n}", Tags=TWO)
        iam.create_role(RoleName=f"r{n}", AssumeRolePolicyDocument=expect.trust(), Tags=TWO)
        iam.create_policy(PolicyName=f"p{n}", PolicyDocument=expect.policy(), Tags=TWO)
        iam.create_instance_profile(InstanceProfileName=f"p{n}", Tags=TWO)
        iam.add_role_to_instance_profile(InstanceProfileName=f"p{n}", RoleName="r1")
        iam.create_virtual_mfa_device(VirtualMFADeviceName=f"d{n}", Tags=TWO)
        iam.upload_server_certificate(
            ServerCertificateName=f"c{n}", CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY, Tags=TWO
        )
        iam.upload_ssh_public_key(UserName="u1", SSHPublicKeyBody=ssh_key())
        iam.create_policy_version(PolicyArn=f"{ARN}policy/p1", PolicyDocument=expect.policy())
    for n in "123":
        iam.add_user_to_group(GroupName="g1", UserName=f"u{n}")
        iam.attach_user_policy(UserName=f"u{n}", PolicyArn=READ_ONLY)
        for kind in ("user", "group", "role"):
            of = {f"{kind.title()}Name": f"{kind[0]}1"}
            getattr(iam, f"put_{kind}_policy")(PolicyName=f"i{n}", PolicyDocument=expect.policy(), **of)
            getattr(iam, f"attach_{kind}_policy")(PolicyArn=f"{ARN}policy/p{n}", **of)
    for n in "23":
        iam.add_user_to_group(GroupName=f"g{n}", UserName="u1")
    iam.attach_group_policy(GroupName="g2", PolicyArn=READ_ONLY)
    iam.attach_role_policy(RoleName="r2", PolicyArn=READ_ONLY)
    for _ in range(2):
        iam.create_access_key(UserName="u1")
        iam.create_service_specific_credential(UserName="u1", ServiceName="codecommit.amazonaws.com")
    for body in OTHERS:
        iam.upload_signing_certificate(UserName="u1", CertificateBody=body)
    iam.create_account_alias(AccountAlias=f"alias-{ACCOUNT}")
    iam.create_open_id_connect_provider(Url="https://idp.example.com", ThumbprintList=["a" * 40], Tags=TWO)
    iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp", Tags=TWO)
    return iam


def asked(iam, operation):
    given = ASKED[operation]
    if given != "job":
        return given
    job = iam.generate_service_last_accessed_details(Arn=READ_ONLY)["JobId"]
    expect.eventually(lambda: iam.get_service_last_accessed_details(JobId=job), lambda f: f["JobStatus"] == "COMPLETED")
    return {"JobId": job} | ({"ServiceNamespace": "sqs"} if operation.endswith("Entities") else {})


def test_every_listing_is_here():
    assert set(paged()) == set(ASKED)


@pytest.mark.parametrize("operation", sorted(set(ASKED) - ONE_PAGE))
@pytest.mark.parametrize("items", [1, 2])
def test_pages_hold_together_what_the_whole_has(furnished, operation, items):
    method = getattr(furnished, botocore.xform_name(operation))
    given = asked(furnished, operation)
    whole = method(MaxItems=1000, **given)
    assert whole["IsTruncated"] is False and "Marker" not in whole
    lists = [name for name in paged()[operation] if name in whole]
    assert sum(len(whole[name]) for name in lists) > 1
    found = {name: [] for name in lists}
    if operation.startswith("GetServiceLastAccessedDetails") and items == 1:
        items = 40
    marker = {}
    while True:
        page = method(MaxItems=items, **given, **marker)
        assert sum(len(page[name]) for name in lists) <= items
        for name in lists:
            found[name] += page[name]
        if not page["IsTruncated"]:
            assert "Marker" not in page
            break
        marker = {"Marker": page["Marker"]}
    assert found == {name: whole[name] for name in lists}


@pytest.mark.parametrize("operation", sorted(ONE_PAGE))
def test_short_listings_say_that_they_are_whole(furnished, operation):
    page = getattr(furnished, botocore.xform_name(operation))(**ASKED[operation])
    assert page["IsTruncated"] is False and "Marker" not in page


@pytest.mark.parametrize("operation", sorted(ASKED))
def test_markers_that_nobody_gave(furnished, operation):
    with refuses("ValidationError"):
        getattr(furnished, botocore.xform_name(operation))(Marker="nonsense", **asked(furnished, operation))


def test_a_marker_is_good_for_its_own_listing_and_account(server, furnished):
    marker = furnished.list_users(MaxItems=1)["Marker"]
    with refuses("ValidationError"):
        furnished.list_roles(Marker=marker)
    with refuses("ValidationError"):
        expect.caller(server, "331662479035").list_users(Marker=marker)


LONG_PATH = "/" + "p" * 510 + "/"


def test_markers_have_room_for_the_longest_names(server, account):
    # The model gives a marker 320 characters; names, paths and ARNs together have more.
    iam = expect.caller(server, account)
    names = [letter * 64 for letter in "abc"]
    group = "g" * 128
    iam.create_group(GroupName=group, Path=LONG_PATH)
    made = iam.create_policy(PolicyName="p" * 128, Path=LONG_PATH, PolicyDocument=expect.policy())
    arn = made["Policy"]["Arn"]
    for name in names:
        iam.create_user(UserName=name, Path=LONG_PATH)
        iam.add_user_to_group(GroupName=group, UserName=name)
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
        iam.create_virtual_mfa_device(VirtualMFADeviceName=name * 2, Path=LONG_PATH)
        iam.create_role(RoleName=name, Path=LONG_PATH, AssumeRolePolicyDocument=expect.trust())
        iam.put_group_policy(GroupName=group, PolicyName=name * 2, PolicyDocument=expect.policy())
    longest = {}
    for operation, result, given in [
        ("list_users", "Users", {}),
        ("get_group", "Users", {"GroupName": group}),
        ("list_entities_for_policy", "PolicyUsers", {"PolicyArn": arn}),
        ("list_virtual_mfa_devices", "VirtualMFADevices", {}),
        ("list_roles", "Roles", {}),
        ("list_group_policies", "PolicyNames", {"GroupName": group}),
        ("get_account_authorization_details", "UserDetailList", {"Filter": ["User"]}),
    ]:
        page = getattr(iam, operation)(MaxItems=1, **given)
        longest[operation] = len(page["Marker"])
        if longest[operation] <= 320:
            assert len(expect.all_items(iam, operation, result, **given)) == 3
    assert {operation: length for operation, length in longest.items() if length > 320} == {}


def test_a_page_has_a_hundred_items_unless_asked_otherwise(server, account):
    iam = expect.caller(server, account)
    for number in range(101):
        iam.create_group(GroupName=f"g{number:03}")
    page = iam.list_groups()
    assert (len(page["Groups"]), page["IsTruncated"]) == (100, True)
    rest = iam.list_groups(Marker=page["Marker"])
    assert [group["GroupName"] for group in rest["Groups"]] == ["g100"]
    assert len(iam.list_groups(MaxItems=1000)["Groups"]) == 101


def test_what_goes_between_two_pages_does_not_disturb_the_rest(server, account):
    iam = expect.caller(server, account)
    for name in "abcd":
        iam.create_user(UserName=name)
    page = iam.list_users(MaxItems=2)
    iam.delete_user(UserName="b")
    iam.delete_user(UserName="c")
    iam.create_user(UserName="e")
    rest = iam.list_users(Marker=page["Marker"])
    assert [user["UserName"] for user in rest["Users"]] == ["d", "e"]
