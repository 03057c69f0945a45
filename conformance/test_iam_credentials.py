"""IAM users' credentials: access keys and their last use, passwords and their rules, SSH keys, services' own."""

import base64
import random
import re
import struct

import pytest

import expect
from expect import refuses

PASSWORD, OTHER = "Correct-h0rse", "Battery-st4ple"


@pytest.fixture
def iam(server, account):
    found = expect.caller(server, account)
    found.create_user(UserName="u")
    return found


# ---- access keys -----------------------------------------------------------------------


def test_an_access_key_from_its_making_to_its_end(iam):
    made = iam.create_access_key(UserName="u")["AccessKey"]
    assert re.fullmatch(r"AKIA[A-Z0-9]{16}", made["AccessKeyId"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{40}", made["SecretAccessKey"])
    assert (made["UserName"], made["Status"]) == ("u", "Active")
    [listed] = iam.list_access_keys(UserName="u")["AccessKeyMetadata"]
    assert listed == {k: made[k] for k in ("UserName", "AccessKeyId", "Status", "CreateDate")}
    one = {"UserName": "u", "AccessKeyId": made["AccessKeyId"]}
    for status in ("Inactive", "Active", "Inactive"):
        iam.update_access_key(Status=status, **one)
        assert iam.list_access_keys(UserName="u")["AccessKeyMetadata"][0]["Status"] == status
    iam.delete_access_key(**one)
    assert iam.list_access_keys(UserName="u")["AccessKeyMetadata"] == []


def test_a_key_works_while_it_is_active(server, iam):
    own = expect.user_caller(server, iam, "u", action="iam:GetUser")
    own.get_user()
    [key] = iam.list_access_keys(UserName="u")["AccessKeyMetadata"]
    one = {"UserName": "u", "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(Status="Inactive", **one)
    with expect.fails("InvalidClientTokenId", status=403):
        own.get_user()
    iam.update_access_key(Status="Active", **one)
    own.get_user()
    iam.delete_access_key(**one)
    with expect.fails("InvalidClientTokenId", status=403):
        own.get_user()


def test_a_user_turns_its_own_keys(server, iam):
    own = expect.user_caller(server, iam, "u", action="iam:*AccessKey*")
    made = own.create_access_key()["AccessKey"]
    assert made["UserName"] == "u"
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 2
    own.update_access_key(AccessKeyId=made["AccessKeyId"], Status="Inactive")
    own.delete_access_key(AccessKeyId=made["AccessKeyId"])
    assert len(own.list_access_keys()["AccessKeyMetadata"]) == 1


def test_root_has_keys_of_its_own(server, iam, account):
    made = iam.create_access_key()["AccessKey"]
    own = expect.caller(server, made["AccessKeyId"], made["SecretAccessKey"], service="sts")
    assert own.get_caller_identity()["Arn"] == f"arn:aws:iam::{account}:root"
    assert [k["AccessKeyId"] for k in iam.list_access_keys()["AccessKeyMetadata"]] == [made["AccessKeyId"]]
    iam.delete_access_key(AccessKeyId=made["AccessKeyId"])


def test_the_last_use_of_a_key_is_told(server, iam):
    sqs = expect.user_caller(server, iam, "u", service="sqs", action="sqs:ListQueues")
    [key] = iam.list_access_keys(UserName="u")["AccessKeyMetadata"]

    def used():
        answer = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
        assert answer["UserName"] == "u"
        return answer["AccessKeyLastUsed"]

    assert used() == {"ServiceName": "N/A", "Region": "N/A"}
    sqs.list_queues()
    after = expect.eventually(used, lambda found: "LastUsedDate" in found)
    assert (after["ServiceName"], after["Region"]) == ("sqs", "us-east-1")
    assert after["LastUsedDate"] >= key["CreateDate"]


# ---- passwords -------------------------------------------------------------------------


def test_a_login_profile_from_its_making_to_its_end(iam):
    made = iam.create_login_profile(UserName="u", Password=PASSWORD, PasswordResetRequired=True)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == ("u", True)
    assert iam.get_login_profile(UserName="u")["LoginProfile"] == made
    with refuses("EntityAlreadyExists", "Login Profile for user u already exists."):
        iam.create_login_profile(UserName="u", Password=PASSWORD)
    iam.update_login_profile(UserName="u", Password=OTHER, PasswordResetRequired=False)
    read = iam.get_login_profile(UserName="u")["LoginProfile"]
    assert (read["CreateDate"], read["PasswordResetRequired"]) == (made["CreateDate"], False)
    iam.delete_login_profile(UserName="u")
    with refuses("NoSuchEntity", "Login Profile for User u cannot be found."):
        iam.get_login_profile(UserName="u")


def test_a_user_changes_its_own_password(server, iam):
    iam.create_login_profile(UserName="u", Password=PASSWORD, PasswordResetRequired=True)
    own = expect.user_caller(server, iam, "u", action="iam:ChangePassword")
    with expect.fails({"AccessDenied", "InvalidUserType"}, status=None):
        own.change_password(OldPassword="Wrong-passw0rd", NewPassword=OTHER)
    own.change_password(OldPassword=PASSWORD, NewPassword=OTHER)
    assert iam.get_login_profile(UserName="u")["LoginProfile"]["PasswordResetRequired"] is False
    own.change_password(OldPassword=OTHER, NewPassword=PASSWORD)


def test_only_users_change_their_own_password(iam):
    with refuses("InvalidUserType"):
        iam.change_password(OldPassword=PASSWORD, NewPassword=OTHER)


def test_a_user_without_a_password_has_none_to_change(server, iam):
    own = expect.user_caller(server, iam, "u", action="iam:ChangePassword")
    with refuses("NoSuchEntity", "Login Profile for User u cannot be found."):
        own.change_password(OldPassword=PASSWORD, NewPassword=OTHER)


def test_a_password_policy_from_its_making_to_its_end(iam, account):
    message = f"The Password Policy with domain name {account} cannot be found."
    with refuses("NoSuchEntity", message):
        iam.get_account_password_policy()
    given = {
        "MinimumPasswordLength": 10,
        "RequireSymbols": True,
        "RequireNumbers": True,
        "RequireUppercaseCharacters": True,
        "RequireLowercaseCharacters": True,
        "AllowUsersToChangePassword": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 5,
        "HardExpiry": True,
    }
    iam.update_account_password_policy(**given)
    assert iam.get_account_password_policy()["PasswordPolicy"] == {**given, "ExpirePasswords": True}
    # What is not given goes back to its default.
    iam.update_account_password_policy(MinimumPasswordLength=8)
    read = iam.get_account_password_policy()["PasswordPolicy"]
    assert read["MinimumPasswordLength"] == 8
    for name in ("RequireSymbols", "RequireNumbers", "AllowUsersToChangePassword", "ExpirePasswords", "HardExpiry"):
        assert not read.get(name), name
    assert "MaxPasswordAge" not in read and "PasswordReusePrevention" not in read
    iam.delete_account_password_policy()
    with refuses("NoSuchEntity", message):
        iam.delete_account_password_policy()


def test_an_update_without_anything_is_the_defaults(iam):
    iam.update_account_password_policy()
    read = iam.get_account_password_policy()["PasswordPolicy"]
    assert read["MinimumPasswordLength"] == 6
    assert not read.get("ExpirePasswords")


RULES = [
    ({"MinimumPasswordLength": 9}, "12345678", "123456789"),
    ({"RequireSymbols": True}, "Abcdefg1", "Abcdefg-"),
    ({"RequireNumbers": True}, "Abcdefg-", "Abcdefg1"),
    ({"RequireUppercaseCharacters": True}, "abcdefg1", "Abcdefg1"),
    ({"RequireLowercaseCharacters": True}, "ABCDEFG1", "ABCDEFg1"),
]


@pytest.mark.parametrize("rules, bad, good", RULES, ids=[next(iter(rules)) for rules, _, _ in RULES])
def test_passwords_meet_the_rules(server, iam, rules, bad, good):
    iam.update_account_password_policy(**rules, AllowUsersToChangePassword=True)
    with refuses("PasswordPolicyViolation"):
        iam.create_login_profile(UserName="u", Password=bad)
    iam.create_login_profile(UserName="u", Password=good)
    with refuses("PasswordPolicyViolation"):
        iam.update_login_profile(UserName="u", Password=bad)
    own = expect.user_caller(server, iam, "u")
    with refuses("PasswordPolicyViolation"):
        own.change_password(OldPassword=good, NewPassword=bad)


def test_without_a_policy_passwords_are_still_eight_long_and_mixed(iam):
    # The default policy: eight characters, three of the four kinds, and not the user's name.
    for bad in ("Ab1-efg", "abcdefgh", "abcdefg1"):
        with refuses("PasswordPolicyViolation"):
            iam.create_login_profile(UserName="u", Password=bad)
    iam.create_login_profile(UserName="u", Password="Abcdefg1")


def test_old_passwords_are_not_used_again(iam):
    iam.update_account_password_policy(PasswordReusePrevention=2)
    iam.create_login_profile(UserName="u", Password="first-1A")
    iam.update_login_profile(UserName="u", Password="second-1A")
    for old in ("first-1A", "second-1A"):
        with refuses("PasswordPolicyViolation"):
            iam.update_login_profile(UserName="u", Password=old)
    iam.update_login_profile(UserName="u", Password="third-1A")
    iam.update_login_profile(UserName="u", Password="first-1A")


def test_of_two_changes_at_once_one_is_told_to_wait(server, iam):
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    iam.create_login_profile(UserName="u", Password=PASSWORD)
    own = expect.user_caller(server, iam, "u")
    busy = "EntityTemporarilyUnmodifiable"

    def set_to(number):
        return lambda: iam.update_login_profile(UserName="u", Password=f"{PASSWORD}-{number}")

    outcomes = expect.at_once(*[set_to(number) for number in range(4)])
    assert None in outcomes and busy in outcomes and set(outcomes) <= {None, busy}
    iam.update_login_profile(UserName="u", Password=PASSWORD)

    def change_to(number):
        return lambda: own.change_password(OldPassword=PASSWORD, NewPassword=f"{PASSWORD}-{number}")

    outcomes = expect.at_once(*[change_to(number) for number in range(4)])
    assert outcomes.count(None) == 1
    # One that came when the first was done had the old password wrong.
    assert set(outcomes) <= {None, busy, "AccessDenied"} and busy in outcomes


def test_users_change_passwords_where_they_may(server, iam):
    iam.create_login_profile(UserName="u", Password=PASSWORD)
    own = expect.user_caller(server, iam, "u")
    with refuses("AccessDenied"):
        own.change_password(OldPassword=PASSWORD, NewPassword=OTHER)
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    own.change_password(OldPassword=PASSWORD, NewPassword=OTHER)


# ---- SSH keys --------------------------------------------------------------------------


def ssh_key(bits=2048, comment=""):
    """A public key in OpenSSH's form. Nobody can tell that no private one belongs to it."""
    modulus = random.getrandbits(bits) | (1 << (bits - 1)) | 1
    parts = [b"ssh-rsa", b"\1\0\1", b"\0" + modulus.to_bytes(bits // 8)]
    body = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return f"ssh-rsa {base64.b64encode(body).decode()} {comment}".strip()


def test_an_ssh_key_from_its_upload_to_its_end(iam):
    body = ssh_key()
    made = iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)["SSHPublicKey"]
    assert re.fullmatch(r"APKA[A-Z0-9]{16,17}", made["SSHPublicKeyId"])
    assert re.fullmatch(r"([0-9a-f]{2}:){15}[0-9a-f]{2}", made["Fingerprint"])
    assert (made["UserName"], made["Status"]) == ("u", "Active")
    assert made["SSHPublicKeyBody"].strip() == body
    one = {"UserName": "u", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    assert iam.get_ssh_public_key(Encoding="SSH", **one)["SSHPublicKey"]["SSHPublicKeyBody"].strip() == body
    pem = iam.get_ssh_public_key(Encoding="PEM", **one)["SSHPublicKey"]["SSHPublicKeyBody"]
    assert pem.startswith("-----BEGIN PUBLIC KEY-----")
    iam.update_ssh_public_key(Status="Inactive", **one)
    [listed] = iam.list_ssh_public_keys(UserName="u")["SSHPublicKeys"]
    assert listed == {**one, "Status": "Inactive", "UploadDate": made["UploadDate"]}
    iam.delete_ssh_public_key(**one)
    assert iam.list_ssh_public_keys(UserName="u")["SSHPublicKeys"] == []


def test_a_key_in_either_encoding_is_the_same_key(iam):
    iam.create_user(UserName="v")
    body = ssh_key()
    made = iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)["SSHPublicKey"]
    one = {"UserName": "u", "SSHPublicKeyId": made["SSHPublicKeyId"]}
    pem = iam.get_ssh_public_key(Encoding="PEM", **one)["SSHPublicKey"]["SSHPublicKeyBody"]
    other = iam.upload_ssh_public_key(UserName="v", SSHPublicKeyBody=pem)["SSHPublicKey"]
    assert other["Fingerprint"] == made["Fingerprint"]


def test_the_same_key_is_refused(iam):
    body = ssh_key()
    iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)
    with refuses("DuplicateSSHPublicKey"):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)


def test_a_user_has_five_ssh_keys(iam):
    for _ in range(5):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key())
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 5")):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key())


@pytest.mark.parametrize(
    "body, code",
    [
        ("ssh-rsa AAAA", "InvalidPublicKey"),
        (ssh_key(bits=1024), "InvalidPublicKey"),
        ("no key at all", {"InvalidPublicKey", "UnrecognizedPublicKeyEncoding"}),
        ("ssh-dss AAAAB3NzaC1kc3MAAACB", {"InvalidPublicKey", "UnrecognizedPublicKeyEncoding"}),
    ],
    ids=["nothing in it", "1024 bits", "text", "DSA"],
)
def test_ssh_keys_that_are_refused(iam, body, code):
    with expect.fails(code):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=body)


def test_an_encoding_that_is_not_known(server, iam, account):
    with refuses("UnrecognizedPublicKeyEncoding"):
        iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody="no key at all")
    unchecked = expect.caller(server, account, parameter_validation=False)
    made = iam.upload_ssh_public_key(UserName="u", SSHPublicKeyBody=ssh_key())["SSHPublicKey"]
    with expect.fails({"UnrecognizedPublicKeyEncoding", "ValidationError"}):
        unchecked.get_ssh_public_key(UserName="u", SSHPublicKeyId=made["SSHPublicKeyId"], Encoding="DER")


# ---- credentials of one service --------------------------------------------------------


def test_a_credential_for_git_from_its_making_to_its_end(iam, account):
    made = iam.create_service_specific_credential(UserName="u", ServiceName="codecommit.amazonaws.com")
    made = made["ServiceSpecificCredential"]
    assert re.fullmatch(r"ACCA[A-Z0-9]{16,17}", made["ServiceSpecificCredentialId"])
    assert made["ServiceUserName"] == f"u-at-{account}"
    assert made["ServicePassword"]
    assert (made["UserName"], made["Status"]) == ("u", "Active")
    one = {"UserName": "u", "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    [listed] = iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"]
    assert listed == {k: v for k, v in made.items() if k != "ServicePassword"}
    again = iam.reset_service_specific_credential(**one)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != made["ServicePassword"]
    assert again["ServiceUserName"] == made["ServiceUserName"]
    iam.update_service_specific_credential(Status="Inactive", **one)
    [listed] = iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"]
    assert listed["Status"] == "Inactive"
    iam.delete_service_specific_credential(**one)
    assert iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"] == []


def test_an_api_key_ends_by_the_clock(iam, clock_advance):
    made = iam.create_service_specific_credential(
        UserName="u", ServiceName="bedrock.amazonaws.com", CredentialAgeDays=30
    )["ServiceSpecificCredential"]
    assert made["ServiceCredentialAlias"] and made["ServiceCredentialSecret"]
    assert (made["ExpirationDate"] - made["CreateDate"]).days == 30
    clock_advance("31d")
    [listed] = iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"]
    assert listed["Status"] == "Expired"


def test_credentials_are_listed_by_service_and_for_all_users(iam):
    iam.create_user(UserName="v")
    for user in ("u", "v"):
        for service in ("codecommit.amazonaws.com", "cassandra.amazonaws.com"):
            iam.create_service_specific_credential(UserName=user, ServiceName=service)

    def listed(**given):
        found = iam.list_service_specific_credentials(**given)["ServiceSpecificCredentials"]
        return [(one["UserName"], one["ServiceName"].partition(".")[0]) for one in found]

    assert sorted(listed(UserName="u")) == [("u", "cassandra"), ("u", "codecommit")]
    assert listed(UserName="v", ServiceName="cassandra.amazonaws.com") == [("v", "cassandra")]
    assert sorted(listed(AllUsers=True, ServiceName="codecommit.amazonaws.com")) == [
        ("u", "codecommit"),
        ("v", "codecommit"),
    ]


def test_a_service_without_credentials_of_its_own(iam):
    with refuses("NotSupportedService"):
        iam.create_service_specific_credential(UserName="u", ServiceName="sqs.amazonaws.com")
    with refuses("NotSupportedService"):
        iam.list_service_specific_credentials(UserName="u", ServiceName="sqs.amazonaws.com")


def test_a_user_has_two_credentials_for_a_service(iam):
    for _ in range(2):
        iam.create_service_specific_credential(UserName="u", ServiceName="codecommit.amazonaws.com")
    iam.create_service_specific_credential(UserName="u", ServiceName="cassandra.amazonaws.com")
    with refuses("LimitExceeded"):
        iam.create_service_specific_credential(UserName="u", ServiceName="codecommit.amazonaws.com")
