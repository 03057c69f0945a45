"""IAM's refusals, as tables: what is not there, what is still in use, what is no ARN, what is malformed."""

import re

import pytest

import expect
from expect import READ_ONLY, refuses
from test_iam_certificates import CERTIFICATE
from test_iam_credentials import ssh_key
from test_iam_providers import metadata

ACCOUNT = "244948974278"
ARN = f"arn:aws:iam::{ACCOUNT}:"
DEVICE = ARN + "mfa/none"
OIDC, SAML = ARN + "oidc-provider/none.example.com", ARN + "saml-provider/none"
POLICY = ARN + "policy/none"
ID = "X" * 24

NO_USER = "The user with name none cannot be found."
NO_GROUP = "The group with name none cannot be found."
NO_ROLE = "The role with name none cannot be found."
NO_PROFILE = "Instance Profile none cannot be found."
NO_POLICY = f"Policy {POLICY} was not found."
NOT_ATTACHABLE = f"Policy {POLICY} does not exist or is not attachable."
NO_CERTIFICATE = "The Server Certificate with name none cannot be found."
NO_OIDC = f"OpenIDConnect Provider not found for arn {OIDC}"
NO_SAML = f"Manifest not found for arn {SAML}"
NO_DEVICE = f"VirtualMFADevice with serial number {DEVICE} doesn't exist."
NO_KEY = f"The Access Key with id {ID} cannot be found."

USER, GROUP, ROLE, PROFILE = {"UserName": "u"}, {"GroupName": "g"}, {"RoleName": "r"}, {"InstanceProfileName": "p"}
NONE_USER, NONE_GROUP, NONE_ROLE = {"UserName": "none"}, {"GroupName": "none"}, {"RoleName": "none"}
NONE_PROFILE = {"InstanceProfileName": "none"}
TAGS, KEYS = {"Tags": expect.tags(a="1")}, {"TagKeys": ["a"]}
INLINE, NONE_INLINE = {"PolicyName": "i", "PolicyDocument": expect.policy()}, {"PolicyName": "none"}
CODES = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000001"}

# The account has a user u, a group g, a role r, an instance profile p and a policy p.
NO_SUCH_ENTITY = [
    # users
    ("get_user", NONE_USER, NO_USER),
    ("update_user", {**NONE_USER, "NewPath": "/x/"}, NO_USER),
    ("delete_user", NONE_USER, NO_USER),
    ("tag_user", {**NONE_USER, **TAGS}, NO_USER),
    ("untag_user", {**NONE_USER, **KEYS}, NO_USER),
    ("list_user_tags", NONE_USER, NO_USER),
    ("create_user", {"UserName": "new", "PermissionsBoundary": POLICY}, re.compile("does not exist")),
    ("list_groups_for_user", NONE_USER, NO_USER),
    ("list_user_policies", NONE_USER, NO_USER),
    ("put_user_policy", {**NONE_USER, **INLINE}, NO_USER),
    ("get_user_policy", {**NONE_USER, "PolicyName": "i"}, NO_USER),
    ("get_user_policy", {**USER, **NONE_INLINE}, "The user policy with name none cannot be found."),
    ("delete_user_policy", {**USER, **NONE_INLINE}, "The user policy with name none cannot be found."),
    ("delete_user_policy", {**NONE_USER, **NONE_INLINE}, NO_USER),
    ("list_attached_user_policies", NONE_USER, NO_USER),
    ("attach_user_policy", {**NONE_USER, "PolicyArn": READ_ONLY}, NO_USER),
    ("attach_user_policy", {**USER, "PolicyArn": POLICY}, NOT_ATTACHABLE),
    ("detach_user_policy", {**USER, "PolicyArn": POLICY}, NO_POLICY),
    ("put_user_permissions_boundary", {**NONE_USER, "PermissionsBoundary": READ_ONLY}, NO_USER),
    ("put_user_permissions_boundary", {**USER, "PermissionsBoundary": POLICY}, re.compile("does not exist")),
    ("delete_user_permissions_boundary", NONE_USER, NO_USER),
    # groups
    ("get_group", NONE_GROUP, NO_GROUP),
    ("update_group", {**NONE_GROUP, "NewPath": "/x/"}, NO_GROUP),
    ("delete_group", NONE_GROUP, NO_GROUP),
    ("add_user_to_group", {**NONE_GROUP, **USER}, NO_GROUP),
    ("add_user_to_group", {**GROUP, **NONE_USER}, NO_USER),
    ("remove_user_from_group", {**NONE_GROUP, **USER}, NO_GROUP),
    ("remove_user_from_group", {**GROUP, **NONE_USER}, NO_USER),
    ("list_group_policies", NONE_GROUP, NO_GROUP),
    ("put_group_policy", {**NONE_GROUP, **INLINE}, NO_GROUP),
    ("get_group_policy", {**GROUP, **NONE_INLINE}, "The group policy with name none cannot be found."),
    ("delete_group_policy", {**GROUP, **NONE_INLINE}, "The group policy with name none cannot be found."),
    ("list_attached_group_policies", NONE_GROUP, NO_GROUP),
    ("attach_group_policy", {**NONE_GROUP, "PolicyArn": READ_ONLY}, NO_GROUP),
    ("attach_group_policy", {**GROUP, "PolicyArn": POLICY}, NOT_ATTACHABLE),
    ("detach_group_policy", {**GROUP, "PolicyArn": POLICY}, NO_POLICY),
    # roles and instance profiles
    ("get_role", NONE_ROLE, NO_ROLE),
    ("update_role", NONE_ROLE, NO_ROLE),
    ("update_role_description", {**NONE_ROLE, "Description": "d"}, NO_ROLE),
    ("update_assume_role_policy", {**NONE_ROLE, "PolicyDocument": expect.trust()}, NO_ROLE),
    ("delete_role", NONE_ROLE, NO_ROLE),
    ("tag_role", {**NONE_ROLE, **TAGS}, NO_ROLE),
    ("untag_role", {**NONE_ROLE, **KEYS}, NO_ROLE),
    ("list_role_tags", NONE_ROLE, NO_ROLE),
    ("list_role_policies", NONE_ROLE, NO_ROLE),
    ("put_role_policy", {**NONE_ROLE, **INLINE}, NO_ROLE),
    ("get_role_policy", {**ROLE, **NONE_INLINE}, "The role policy with name none cannot be found."),
    ("delete_role_policy", {**ROLE, **NONE_INLINE}, "The role policy with name none cannot be found."),
    ("list_attached_role_policies", NONE_ROLE, NO_ROLE),
    ("attach_role_policy", {**NONE_ROLE, "PolicyArn": READ_ONLY}, NO_ROLE),
    ("attach_role_policy", {**ROLE, "PolicyArn": POLICY}, NOT_ATTACHABLE),
    ("detach_role_policy", {**ROLE, "PolicyArn": POLICY}, NO_POLICY),
    ("put_role_permissions_boundary", {**NONE_ROLE, "PermissionsBoundary": READ_ONLY}, NO_ROLE),
    ("delete_role_permissions_boundary", NONE_ROLE, NO_ROLE),
    ("delete_service_linked_role", NONE_ROLE, NO_ROLE),
    ("get_instance_profile", NONE_PROFILE, NO_PROFILE),
    ("delete_instance_profile", NONE_PROFILE, NO_PROFILE),
    ("add_role_to_instance_profile", {**NONE_PROFILE, **ROLE}, NO_PROFILE),
    ("add_role_to_instance_profile", {**PROFILE, **NONE_ROLE}, NO_ROLE),
    ("remove_role_from_instance_profile", {**NONE_PROFILE, **ROLE}, NO_PROFILE),
    ("remove_role_from_instance_profile", {**PROFILE, **ROLE}, None),
    ("list_instance_profiles_for_role", NONE_ROLE, NO_ROLE),
    ("tag_instance_profile", {**NONE_PROFILE, **TAGS}, NO_PROFILE),
    ("untag_instance_profile", {**NONE_PROFILE, **KEYS}, NO_PROFILE),
    ("list_instance_profile_tags", NONE_PROFILE, NO_PROFILE),
    # policies
    ("get_policy", {"PolicyArn": POLICY}, NO_POLICY),
    ("get_policy", {"PolicyArn": "arn:aws:iam::aws:policy/none"}, "Policy arn:aws:iam::aws:policy/none was not found."),
    ("delete_policy", {"PolicyArn": POLICY}, NO_POLICY),
    ("create_policy_version", {"PolicyArn": POLICY, "PolicyDocument": expect.policy()}, NO_POLICY),
    ("get_policy_version", {"PolicyArn": POLICY, "VersionId": "v1"}, None),
    ("get_policy_version", {"PolicyArn": ARN + "policy/p", "VersionId": "v9"}, re.compile("version v9")),
    ("delete_policy_version", {"PolicyArn": ARN + "policy/p", "VersionId": "v9"}, re.compile("version v9")),
    ("set_default_policy_version", {"PolicyArn": ARN + "policy/p", "VersionId": "v9"}, re.compile("version v9")),
    ("list_policy_versions", {"PolicyArn": POLICY}, NO_POLICY),
    ("list_entities_for_policy", {"PolicyArn": POLICY}, NO_POLICY),
    ("tag_policy", {"PolicyArn": POLICY, **TAGS}, NO_POLICY),
    ("untag_policy", {"PolicyArn": POLICY, **KEYS}, NO_POLICY),
    ("list_policy_tags", {"PolicyArn": POLICY}, NO_POLICY),
    # credentials
    ("create_access_key", NONE_USER, NO_USER),
    ("list_access_keys", NONE_USER, NO_USER),
    ("update_access_key", {**USER, "AccessKeyId": ID, "Status": "Active"}, NO_KEY),
    ("delete_access_key", {**USER, "AccessKeyId": ID}, NO_KEY),
    ("create_login_profile", {**NONE_USER, "Password": "Correct-h0rse"}, NO_USER),
    ("get_login_profile", NONE_USER, None),
    ("get_login_profile", USER, "Login Profile for User u cannot be found."),
    ("update_login_profile", {**USER, "Password": "Correct-h0rse"}, "Login Profile for User u cannot be found."),
    ("delete_login_profile", USER, "Login Profile for User u cannot be found."),
    ("upload_ssh_public_key", {**NONE_USER, "SSHPublicKeyBody": ssh_key()}, NO_USER),
    ("get_ssh_public_key", {**USER, "SSHPublicKeyId": ID, "Encoding": "SSH"}, None),
    ("update_ssh_public_key", {**USER, "SSHPublicKeyId": ID, "Status": "Active"}, None),
    ("delete_ssh_public_key", {**USER, "SSHPublicKeyId": ID}, None),
    ("list_ssh_public_keys", NONE_USER, NO_USER),
    ("upload_signing_certificate", {**NONE_USER, "CertificateBody": CERTIFICATE}, NO_USER),
    ("update_signing_certificate", {**USER, "CertificateId": ID, "Status": "Active"}, None),
    ("delete_signing_certificate", {**USER, "CertificateId": ID}, f"The Certificate with id {ID} cannot be found."),
    ("list_signing_certificates", NONE_USER, NO_USER),
    ("create_service_specific_credential", {**NONE_USER, "ServiceName": "codecommit.amazonaws.com"}, NO_USER),
    ("list_service_specific_credentials", NONE_USER, NO_USER),
    ("update_service_specific_credential", {**USER, "ServiceSpecificCredentialId": ID, "Status": "Active"}, None),
    ("reset_service_specific_credential", {**USER, "ServiceSpecificCredentialId": ID}, None),
    ("delete_service_specific_credential", {**USER, "ServiceSpecificCredentialId": ID}, None),
    # MFA devices
    ("enable_mfa_device", {**USER, "SerialNumber": DEVICE, **CODES}, NO_DEVICE),
    ("enable_mfa_device", {**NONE_USER, "SerialNumber": DEVICE, **CODES}, NO_USER),
    ("resync_mfa_device", {**USER, "SerialNumber": DEVICE, **CODES}, None),
    ("deactivate_mfa_device", {**USER, "SerialNumber": DEVICE}, None),
    ("get_mfa_device", {**USER, "SerialNumber": DEVICE}, None),
    ("list_mfa_devices", NONE_USER, NO_USER),
    ("delete_virtual_mfa_device", {"SerialNumber": DEVICE}, NO_DEVICE),
    ("tag_mfa_device", {"SerialNumber": DEVICE, **TAGS}, None),
    ("untag_mfa_device", {"SerialNumber": DEVICE, **KEYS}, None),
    ("list_mfa_device_tags", {"SerialNumber": DEVICE}, None),
    # providers and certificates
    ("get_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC}, NO_OIDC),
    ("add_client_id_to_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC, "ClientID": "c"}, NO_OIDC),
    ("remove_client_id_from_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC, "ClientID": "c"}, NO_OIDC),
    (
        "update_open_id_connect_provider_thumbprint",
        {"OpenIDConnectProviderArn": OIDC, "ThumbprintList": ["a" * 40]},
        NO_OIDC,
    ),
    ("tag_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC, **TAGS}, NO_OIDC),
    ("untag_open_id_connect_provider", {"OpenIDConnectProviderArn": OIDC, **KEYS}, NO_OIDC),
    ("list_open_id_connect_provider_tags", {"OpenIDConnectProviderArn": OIDC}, NO_OIDC),
    ("get_saml_provider", {"SAMLProviderArn": SAML}, NO_SAML),
    ("update_saml_provider", {"SAMLProviderArn": SAML, "SAMLMetadataDocument": metadata()}, NO_SAML),
    ("delete_saml_provider", {"SAMLProviderArn": SAML}, NO_SAML),
    ("tag_saml_provider", {"SAMLProviderArn": SAML, **TAGS}, NO_SAML),
    ("untag_saml_provider", {"SAMLProviderArn": SAML, **KEYS}, NO_SAML),
    ("list_saml_provider_tags", {"SAMLProviderArn": SAML}, NO_SAML),
    ("get_server_certificate", {"ServerCertificateName": "none"}, NO_CERTIFICATE),
    ("update_server_certificate", {"ServerCertificateName": "none", "NewPath": "/x/"}, NO_CERTIFICATE),
    ("delete_server_certificate", {"ServerCertificateName": "none"}, NO_CERTIFICATE),
    ("tag_server_certificate", {"ServerCertificateName": "none", **TAGS}, NO_CERTIFICATE),
    ("untag_server_certificate", {"ServerCertificateName": "none", **KEYS}, NO_CERTIFICATE),
    ("list_server_certificate_tags", {"ServerCertificateName": "none"}, NO_CERTIFICATE),
    # the account, reports, the simulator
    ("delete_account_alias", {"AccountAlias": "none"}, "The account alias none cannot be found."),
    ("get_account_password_policy", {}, f"The Password Policy with domain name {ACCOUNT} cannot be found."),
    ("delete_account_password_policy", {}, f"The Password Policy with domain name {ACCOUNT} cannot be found."),
    ("generate_service_last_accessed_details", {"Arn": ARN + "user/none"}, None),
    ("get_service_last_accessed_details", {"JobId": "0" * 36}, None),
    ("get_service_last_accessed_details_with_entities", {"JobId": "0" * 36, "ServiceNamespace": "sqs"}, None),
    ("list_policies_granting_service_access", {"Arn": ARN + "user/none", "ServiceNamespaces": ["sqs"]}, None),
    ("get_context_keys_for_principal_policy", {"PolicySourceArn": ARN + "user/none"}, None),
    ("simulate_principal_policy", {"PolicySourceArn": ARN + "user/none", "ActionNames": ["sqs:SendMessage"]}, None),
    (
        "get_service_linked_role_deletion_status",
        {"DeletionTaskId": "task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/" + "0" * 36},
        None,
    ),
]

BAD_ARN = "arn:aws:iam:no-such-arn"
BAD = re.compile("is not valid")
# Those of other services, types, regions and partitions.
OTHERS_ARNS = [
    "arn:aws:sqs:us-east-1:000000000000:policy",
    ARN + "role/r",
    "arn:aws:iam:us-east-1:aws:policy/ReadOnlyAccess",
    "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
]

INVALID_INPUT = [
    ("attach_user_policy", {**USER, "PolicyArn": BAD_ARN}, BAD),
    ("attach_group_policy", {**GROUP, "PolicyArn": BAD_ARN}, BAD),
    ("attach_role_policy", {**ROLE, "PolicyArn": BAD_ARN}, BAD),
    ("detach_user_policy", {**USER, "PolicyArn": BAD_ARN}, BAD),
    ("detach_group_policy", {**GROUP, "PolicyArn": BAD_ARN}, BAD),
    ("detach_role_policy", {**ROLE, "PolicyArn": BAD_ARN}, BAD),
    ("put_user_permissions_boundary", {**USER, "PermissionsBoundary": BAD_ARN}, None),
    ("put_role_permissions_boundary", {**ROLE, "PermissionsBoundary": BAD_ARN}, None),
    ("create_user", {"UserName": "new", "PermissionsBoundary": BAD_ARN}, None),
    (
        "create_role",
        {"RoleName": "new", "AssumeRolePolicyDocument": expect.trust(), "PermissionsBoundary": BAD_ARN},
        None,
    ),
    ("get_policy", {"PolicyArn": BAD_ARN}, BAD),
    *[
        (method, {**given, "PolicyArn": arn}, f"ARN {arn} is not valid.")
        for arn in OTHERS_ARNS
        for method, given in [("get_policy", {}), ("attach_user_policy", USER), ("list_entities_for_policy", {})]
    ],
    ("create_user", {"UserName": "new", "PermissionsBoundary": ARN + "role/r"}, f"ARN {ARN}role/r is not valid."),
    ("get_open_id_connect_provider", {"OpenIDConnectProviderArn": SAML}, BAD),
    ("get_saml_provider", {"SAMLProviderArn": OIDC}, BAD),
    ("delete_policy", {"PolicyArn": BAD_ARN}, BAD),
    ("create_policy_version", {"PolicyArn": BAD_ARN, "PolicyDocument": expect.policy()}, BAD),
    ("get_policy_version", {"PolicyArn": BAD_ARN, "VersionId": "v1"}, BAD),
    ("delete_policy_version", {"PolicyArn": BAD_ARN, "VersionId": "v1"}, BAD),
    ("set_default_policy_version", {"PolicyArn": BAD_ARN, "VersionId": "v1"}, BAD),
    ("list_policy_versions", {"PolicyArn": BAD_ARN}, BAD),
    ("list_entities_for_policy", {"PolicyArn": BAD_ARN}, BAD),
    ("tag_policy", {"PolicyArn": BAD_ARN, **TAGS}, BAD),
    ("untag_policy", {"PolicyArn": BAD_ARN, **KEYS}, BAD),
    ("list_policy_tags", {"PolicyArn": BAD_ARN}, BAD),
    ("get_open_id_connect_provider", {"OpenIDConnectProviderArn": BAD_ARN}, BAD),
    ("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": BAD_ARN}, BAD),
    ("add_client_id_to_open_id_connect_provider", {"OpenIDConnectProviderArn": BAD_ARN, "ClientID": "c"}, BAD),
    ("remove_client_id_from_open_id_connect_provider", {"OpenIDConnectProviderArn": BAD_ARN, "ClientID": "c"}, BAD),
    (
        "update_open_id_connect_provider_thumbprint",
        {"OpenIDConnectProviderArn": BAD_ARN, "ThumbprintList": ["a" * 40]},
        BAD,
    ),
    ("untag_open_id_connect_provider", {"OpenIDConnectProviderArn": BAD_ARN, **KEYS}, BAD),
    ("list_open_id_connect_provider_tags", {"OpenIDConnectProviderArn": BAD_ARN}, BAD),
    ("get_saml_provider", {"SAMLProviderArn": BAD_ARN}, BAD),
    ("update_saml_provider", {"SAMLProviderArn": BAD_ARN, "SAMLMetadataDocument": metadata()}, BAD),
    ("delete_saml_provider", {"SAMLProviderArn": BAD_ARN}, BAD),
    ("untag_saml_provider", {"SAMLProviderArn": BAD_ARN, **KEYS}, BAD),
    ("list_saml_provider_tags", {"SAMLProviderArn": BAD_ARN}, BAD),
    ("create_service_linked_role", {"AWSServiceName": "nothing.amazonaws.com"}, None),
    ("create_service_linked_role", {"AWSServiceName": "es.amazonaws.com", "CustomSuffix": "x"}, None),
    ("get_service_linked_role_deletion_status", {"DeletionTaskId": "no task"}, None),
    ("generate_service_last_accessed_details", {"Arn": BAD_ARN}, None),
    ("list_policies_granting_service_access", {"Arn": BAD_ARN, "ServiceNamespaces": ["sqs"]}, None),
    ("get_context_keys_for_custom_policy", {"PolicyInputList": ["{"]}, None),
    ("get_context_keys_for_principal_policy", {"PolicySourceArn": ARN + "user/u", "PolicyInputList": ["{"]}, None),
    ("simulate_principal_policy", {"PolicySourceArn": BAD_ARN, "ActionNames": ["sqs:SendMessage"]}, None),
    ("update_access_key", {**USER, "AccessKeyId": ID, "Status": "Expired"}, None),
    ("update_ssh_public_key", {**USER, "SSHPublicKeyId": ID, "Status": "Expired"}, None),
    ("update_signing_certificate", {**USER, "CertificateId": ID, "Status": "Expired"}, None),
]


@pytest.fixture(scope="module")
def iam(server):
    """An account with one of each, whose names are one letter."""
    found = expect.caller(server, ACCOUNT)
    found.create_user(**USER)
    found.create_group(**GROUP)
    found.create_role(**ROLE, AssumeRolePolicyDocument=expect.trust())
    found.create_instance_profile(**PROFILE)
    found.create_policy(PolicyName="p", PolicyDocument=expect.policy())
    return found


def names(table):
    return [f"{number}-{row[0]}" for number, row in enumerate(table)]


@pytest.mark.parametrize("method, given, message", NO_SUCH_ENTITY, ids=names(NO_SUCH_ENTITY))
def test_what_is_not_there_is_named(iam, method, given, message):
    with refuses("NoSuchEntity", message):
        getattr(iam, method)(**given)


@pytest.mark.parametrize("method, given, message", INVALID_INPUT, ids=names(INVALID_INPUT))
def test_input_that_means_nothing(iam, method, given, message):
    with refuses("InvalidInput", message):
        getattr(iam, method)(**given)


# ---- what is there already -------------------------------------------------------------


def test_names_that_are_taken(iam):
    with refuses("EntityAlreadyExists", "User with name u already exists."):
        iam.create_user(**USER)
    with refuses("EntityAlreadyExists", "Group with name g already exists."):
        iam.create_group(GroupName="g", Path="/x/")
    with refuses("EntityAlreadyExists", "Role with name r already exists."):
        iam.create_role(**ROLE, AssumeRolePolicyDocument=expect.trust())
    with refuses("EntityAlreadyExists", "Instance Profile p already exists."):
        iam.create_instance_profile(**PROFILE)
    with refuses("EntityAlreadyExists"):
        iam.create_instance_profile(InstanceProfileName="P")


def test_a_groups_new_name_is_taken(iam):
    iam.create_group(GroupName="second")
    with refuses("EntityAlreadyExists", re.compile("Group with name .* already exists")):
        iam.update_group(GroupName="second", NewGroupName="G")


# ---- what is still in use --------------------------------------------------------------


@pytest.fixture
def own(server, account):
    return expect.caller(server, account)


def conflict(what):
    return refuses("DeleteConflict", f"Cannot delete entity, must {what} first.")


USERS_BELONGINGS = [
    ("delete login profile", "create_login_profile", {"Password": "Correct-h0rse"}),
    ("delete access keys", "create_access_key", {}),
    ("delete policies", "put_user_policy", INLINE),
    ("detach all policies", "attach_user_policy", {"PolicyArn": READ_ONLY}),
    ("remove users from group", "add_user_to_group", GROUP),
    (None, "upload_signing_certificate", {"CertificateBody": CERTIFICATE}),
    (None, "upload_ssh_public_key", {"SSHPublicKeyBody": ssh_key()}),
    (None, "create_service_specific_credential", {"ServiceName": "codecommit.amazonaws.com"}),
]


@pytest.mark.parametrize("what, method, given", USERS_BELONGINGS, ids=[m for _, m, _ in USERS_BELONGINGS])
def test_a_user_who_has_something_stays(own, what, method, given):
    own.create_user(**USER)
    own.create_group(**GROUP)
    getattr(own, method)(**USER, **given)
    with conflict(what) if what else refuses("DeleteConflict"):
        own.delete_user(**USER)
    own.get_user(**USER)


def test_a_user_without_anything_goes(own):
    own.create_user(**USER, PermissionsBoundary=READ_ONLY, Tags=expect.tags(a="1"))
    own.delete_user(**USER)


def test_a_group_in_use_stays(own):
    own.create_group(**GROUP)
    own.create_user(**USER)
    own.add_user_to_group(**GROUP, **USER)
    with conflict("remove users from group"):
        own.delete_group(**GROUP)
    own.remove_user_from_group(**GROUP, **USER)
    own.put_group_policy(**GROUP, **INLINE)
    with conflict("delete policies"):
        own.delete_group(**GROUP)
    own.delete_group_policy(**GROUP, PolicyName="i")
    own.attach_group_policy(**GROUP, PolicyArn=READ_ONLY)
    with conflict("detach all policies"):
        own.delete_group(**GROUP)
    own.detach_group_policy(**GROUP, PolicyArn=READ_ONLY)
    own.delete_group(**GROUP)


def test_a_role_in_use_stays(own):
    own.create_role(**ROLE, AssumeRolePolicyDocument=expect.trust())
    own.create_instance_profile(**PROFILE)
    own.add_role_to_instance_profile(**PROFILE, **ROLE)
    with conflict("remove roles from instance profile"):
        own.delete_role(**ROLE)
    with conflict("remove roles from instance profile"):
        own.delete_instance_profile(**PROFILE)
    own.remove_role_from_instance_profile(**PROFILE, **ROLE)
    own.put_role_policy(**ROLE, **INLINE)
    with conflict("delete policies"):
        own.delete_role(**ROLE)
    own.delete_role_policy(**ROLE, PolicyName="i")
    own.attach_role_policy(**ROLE, PolicyArn=READ_ONLY)
    with conflict("detach all policies"):
        own.delete_role(**ROLE)
    own.detach_role_policy(**ROLE, PolicyArn=READ_ONLY)
    own.delete_role(**ROLE)
    own.delete_instance_profile(**PROFILE)


def test_a_policy_in_use_stays(own):
    arn = own.create_policy(PolicyName="p", PolicyDocument=expect.policy())["Policy"]["Arn"]
    own.create_user(**USER)
    own.attach_user_policy(**USER, PolicyArn=arn)
    with refuses("DeleteConflict", "Cannot delete a policy attached to entities."):
        own.delete_policy(PolicyArn=arn)
    own.detach_user_policy(**USER, PolicyArn=arn)
    own.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy())
    message = (
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        "The default version is deleted with the policy."
    )
    with refuses("DeleteConflict", message):
        own.delete_policy(PolicyArn=arn)
    with refuses("DeleteConflict", "Cannot delete the default version of a policy."):
        own.delete_policy_version(PolicyArn=arn, VersionId="v1")
    own.delete_policy_version(PolicyArn=arn, VersionId="v2")
    own.put_user_permissions_boundary(**USER, PermissionsBoundary=arn)
    with refuses("DeleteConflict"):
        own.delete_policy(PolicyArn=arn)
    own.delete_user_permissions_boundary(**USER)
    own.delete_policy(PolicyArn=arn)
