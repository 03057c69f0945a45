"""IAM over a power cut: everything that was answered is there, and secrets still work."""

import pytest

import expect
import totp
from test_iam_certificates import CERTIFICATE, PRIVATE_KEY
from test_iam_credentials import ssh_key
from test_iam_mfa import cloud_time
from test_iam_providers import metadata

ACCOUNT = "360555127546"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
LISTINGS = [
    "get_account_authorization_details",
    "get_account_summary",
    "get_account_password_policy",
    "list_account_aliases",
    "list_users",
    "list_groups",
    "list_roles",
    "list_instance_profiles",
    "list_virtual_mfa_devices",
    "list_server_certificates",
    "list_saml_providers",
    "list_open_id_connect_providers",
]
OF_A_USER = [
    "get_login_profile",
    "list_access_keys",
    "list_groups_for_user",
    "list_mfa_devices",
    "list_ssh_public_keys",
    "list_signing_certificates",
    "list_service_specific_credentials",
    "list_user_tags",
]


def everything(iam):
    """All that IAM tells of an account, without what differs from request to request."""
    found = [getattr(iam, listing)() for listing in LISTINGS]
    found += [getattr(iam, listing)(UserName="u") for listing in OF_A_USER]
    found.append(iam.get_server_certificate(ServerCertificateName="c"))
    found.append(iam.get_saml_provider(SAMLProviderArn=f"arn:aws:iam::{ACCOUNT}:saml-provider/idp"))
    for answer in found:
        del answer["ResponseMetadata"]
    return found


@pytest.fixture
def furnish():
    """Makes a bit of everything; returns a key of user u and the device with its seed."""

    def furnish(server, iam):
        iam.create_account_alias(AccountAlias=f"alias-{ACCOUNT}")
        iam.update_account_password_policy(MinimumPasswordLength=9, AllowUsersToChangePassword=True)
        iam.create_group(GroupName="g")
        iam.create_user(UserName="u", Tags=expect.tags(a="1"), PermissionsBoundary=ADMINISTRATOR)
        iam.add_user_to_group(GroupName="g", UserName="u")
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=expect.trust(AWS=ACCOUNT))
        iam.create_instance_profile(InstanceProfileName="p")
        iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="r")
        arn = iam.create_policy(PolicyName="p", PolicyDocument=expect.policy("iam:List*"))["Policy"]["Arn"]
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=expect.policy())
        iam.attach_group_policy(GroupName="g", PolicyArn=arn)
        iam.put_user_policy(UserName="u", PolicyName="i", PolicyDocument=expect.policy("sts:*"))
        iam.create_login_profile(UserName="u", Password="Correct-h0rse")
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key())
        iam.upload_signing_certificate(UserName="u", CertificateBody=CERTIFICATE)
        iam.create_service_specific_credential(UserName="u", ServiceName="codecommit.amazonaws.com")
        iam.upload_server_certificate(ServerCertificateName="c", CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY)
        iam.create_saml_provider(SAMLMetadataDocument=metadata(), Name="idp", AddPrivateKey=PRIVATE_KEY)
        iam.create_open_id_connect_provider(Url="https://idp.example.com", ThumbprintList=["a" * 40])
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName="d")["VirtualMFADevice"]
        seed, now = device["Base32StringSeed"].decode(), cloud_time(server)
        iam.enable_mfa_device(
            UserName="u",
            SerialNumber=device["SerialNumber"],
            AuthenticationCode1=totp.code(seed, now - 30),
            AuthenticationCode2=totp.code(seed, now),
        )
        return iam.create_access_key(UserName="u")["AccessKey"], device["SerialNumber"], seed

    return furnish


def test_everything_is_there_after_a_power_cut(durable, furnish):
    server = durable()
    iam = expect.caller(server, ACCOUNT)
    key, serial, seed = furnish(server, iam)
    before = everything(iam)
    server.kill()
    server = durable()
    iam = expect.caller(server, ACCOUNT)
    assert everything(iam) == before
    own = (key["AccessKeyId"], key["SecretAccessKey"])
    expect.caller(server, *own).list_users()
    expect.caller(server, *own).change_password(OldPassword="Correct-h0rse", NewPassword="Battery-st4ple")
    server.advance("1m")
    code = totp.code(seed, cloud_time(server))
    expect.caller(server, *own, service="sts").get_session_token(SerialNumber=serial, TokenCode=code)


def test_what_was_revoked_stays_revoked(durable):
    server = durable()
    iam = expect.caller(server, ACCOUNT)
    iam.create_user(UserName="u")
    own = expect.user_caller(server, iam, "u", action="iam:ListUsers")
    own.list_users()
    iam.delete_user_policy(UserName="u", PolicyName="given")
    gone = iam.create_access_key(UserName="u")["AccessKey"]
    iam.delete_access_key(UserName="u", AccessKeyId=gone["AccessKeyId"])
    [left] = iam.list_access_keys(UserName="u")["AccessKeyMetadata"]
    server.kill()
    server = durable(port=server.port)
    with expect.refuses("AccessDenied"):
        own.list_users()
    with expect.fails("InvalidClientTokenId", status=403):
        expect.caller(server, gone["AccessKeyId"], gone["SecretAccessKey"]).list_users()
    assert expect.caller(server, ACCOUNT).list_access_keys(UserName="u")["AccessKeyMetadata"] == [left]
