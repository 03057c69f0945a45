"""The condition keys of KMS: each lets one request through and holds another back."""

import datetime
import os

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

import keys
from keys import denied, policy, statement
from test_kms_imports import NEVER, OAEP, wrap

ROLE = {"GranteePrincipal": "{root}"}


def equals(**given):
    return {"StringEquals": {f"kms:{key}": value for key, value in given.items()}}


def public_key():
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


SIGN = {"Message": b"x" * 32, "SigningAlgorithm": "ECDSA_SHA_256"}
OAEP_1, OAEP_256 = ({"Plaintext": b"x", "EncryptionAlgorithm": f"RSAES_OAEP_SHA_{n}"} for n in (1, 256))
WRAPPING = {"WrappingAlgorithm": OAEP, "WrappingKeySpec": "RSA_2048"}

# The condition; the sort of key and the operation; what must be let through; what must not.
ON_A_KEY = {
    "EncryptionContext": (
        equals(**{"EncryptionContext:tenant": "a"}),
        "symmetric",
        "Encrypt",
        {"Plaintext": b"x", "EncryptionContext": {"tenant": "a", "more": "b"}},
        {"Plaintext": b"x", "EncryptionContext": {"tenant": "b"}},
    ),
    "EncryptionContext with another case": (
        equals(**{"EncryptionContext:tenant": "a"}),
        "symmetric",
        "GenerateDataKey",
        {"KeySpec": "AES_256", "EncryptionContext": {"tenant": "a"}},
        {"KeySpec": "AES_256", "EncryptionContext": {"tenant": "A"}},
    ),
    "EncryptionContextKeys": (
        {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "tenant"}},
        "symmetric",
        "Encrypt",
        {"Plaintext": b"x", "EncryptionContext": {"tenant": "", "more": ""}},
        {"Plaintext": b"x", "EncryptionContext": {"more": ""}},
    ),
    "EncryptionAlgorithm": (equals(EncryptionAlgorithm="RSAES_OAEP_SHA_256"), "rsa", "Encrypt", OAEP_256, OAEP_1),
    "SigningAlgorithm": (
        {"StringLike": {"kms:SigningAlgorithm": "ECDSA*"}},
        "signing",
        "Sign",
        SIGN,
        None,
    ),
    "MessageType": (equals(MessageType="DIGEST"), "signing", "Sign", {**SIGN, "MessageType": "DIGEST"}, SIGN),
    "MacAlgorithm": (
        equals(MacAlgorithm="HMAC_SHA_256"),
        "mac",
        "GenerateMac",
        {"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"},
        None,
    ),
    "KeyAgreementAlgorithm": (
        equals(KeyAgreementAlgorithm="ECDH"),
        "agreement",
        "DeriveSharedSecret",
        {"KeyAgreementAlgorithm": "ECDH", "PublicKey": public_key()},
        None,
    ),
    "DataKeyPairSpec": (
        equals(DataKeyPairSpec="ECC_NIST_P256"),
        "symmetric",
        "GenerateDataKeyPair",
        {"KeyPairSpec": "ECC_NIST_P256"},
        {"KeyPairSpec": "ECC_NIST_P384"},
    ),
    "ScheduleKeyDeletionPendingWindowInDays": (
        {"NumericGreaterThanEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": "20"}},
        "symmetric",
        "ScheduleKeyDeletion",
        {"PendingWindowInDays": 20},
        {"PendingWindowInDays": 19},
    ),
    "RotationPeriodInDays": (
        {"NumericLessThanEquals": {"kms:RotationPeriodInDays": "180"}},
        "symmetric",
        "EnableKeyRotation",
        {"RotationPeriodInDays": 180},
        {"RotationPeriodInDays": 181},
    ),
    "WrappingAlgorithm": (
        equals(WrappingAlgorithm=OAEP),
        "imported",
        "GetParametersForImport",
        WRAPPING,
        {**WRAPPING, "WrappingAlgorithm": "RSAES_OAEP_SHA_1"},
    ),
    "WrappingKeySpec": (
        equals(WrappingKeySpec="RSA_2048"),
        "imported",
        "GetParametersForImport",
        WRAPPING,
        {**WRAPPING, "WrappingKeySpec": "RSA_3072"},
    ),
    "GrantOperations": (
        {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}},
        "symmetric",
        "CreateGrant",
        {**ROLE, "Operations": ["Decrypt"]},
        {**ROLE, "Operations": ["Decrypt", "CreateGrant"]},
    ),
    "GranteePrincipal": (
        equals(GranteePrincipal="{root}"),
        "symmetric",
        "CreateGrant",
        {**ROLE, "Operations": ["Decrypt"]},
        {"GranteePrincipal": "{user}", "Operations": ["Decrypt"]},
    ),
    "RetiringPrincipal": (
        equals(RetiringPrincipal="{root}"),
        "symmetric",
        "CreateGrant",
        {**ROLE, "Operations": ["Decrypt"], "RetiringPrincipal": "{root}"},
        {**ROLE, "Operations": ["Decrypt"]},
    ),
    "GrantConstraintType": (
        equals(GrantConstraintType="EncryptionContextEquals"),
        "symmetric",
        "CreateGrant",
        {**ROLE, "Operations": ["Decrypt"], "Constraints": {"EncryptionContextEquals": {"a": "b"}}},
        {**ROLE, "Operations": ["Decrypt"], "Constraints": {"EncryptionContextSubset": {"a": "b"}}},
    ),
    "ReplicaRegion": (
        equals(ReplicaRegion="eu-west-1"),
        "multi-region",
        "ReplicateKey",
        {"ReplicaRegion": "eu-west-1"},
        {"ReplicaRegion": "eu-west-2"},
    ),
    "TagKeys": (
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
        "symmetric",
        "TagResource",
        {"Tags": [{"TagKey": "team", "TagValue": "x"}]},
        {"Tags": [{"TagKey": "other", "TagValue": "x"}]},
    ),
    "RequestTag": (
        {"StringEquals": {"aws:RequestTag/team": "x"}},
        "symmetric",
        "TagResource",
        {"Tags": [{"TagKey": "team", "TagValue": "x"}]},
        {"Tags": [{"TagKey": "team", "TagValue": "y"}]},
    ),
}


@pytest.fixture
def people(server):
    return keys.People(server)


def filled(value, names):
    """The same with {root} and {user} filled in."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {k: filled(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, names) for v in value]
    return value


@pytest.mark.parametrize("which", ON_A_KEY)
def test_conditions_on_requests(people, account, which):
    condition, kind, operation, good, bad = ON_A_KEY[which]
    root = people.root(account)
    _, other = people.user(account)
    names = {"{root}": f"arn:aws:iam::{account}:root", "{user}": other}
    key = keys.make(root, **keys.KINDS[kind])
    # A replica asks for more than the one action.
    rest = {"Effect": "Allow", "Action": ["kms:CreateKey"], "Resource": "*"}
    allow = {"Effect": "Allow", "Action": f"kms:{operation}", "Resource": "*", "Condition": filled(condition, names)}
    user, _ = people.user(account, allow, rest)
    if bad is not None:
        with denied(f"kms:{operation}"):
            keys.call(user, operation, KeyId=key, **filled(bad, names))
    keys.call(user, operation, KeyId=key, **filled(good, names))


# What a key is, seen by any operation on it.
OF_A_KEY = {
    "KeySpec": ("SYMMETRIC_DEFAULT", {}, {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}),
    "KeyUsage": ("SIGN_VERIFY", keys.KINDS["signing"], keys.KINDS["agreement"]),
    "KeyOrigin": ("EXTERNAL", {"Origin": "EXTERNAL"}, {}),
    "MultiRegion": ("true", {"MultiRegion": True}, {}),
    "MultiRegionKeyType": ("PRIMARY", {"MultiRegion": True}, {}),
}


@pytest.mark.parametrize("which", OF_A_KEY)
def test_conditions_on_what_a_key_is(people, account, which):
    value, good, bad = OF_A_KEY[which]
    root = people.root(account)
    operator = "Bool" if value == "true" else "StringEquals"
    user, _ = people.user(account, action="kms:*", Condition={operator: {f"kms:{which}": value}})
    with denied("kms:DescribeKey"):
        user.describe_key(KeyId=keys.make(root, **bad))
    user.describe_key(KeyId=keys.make(root, **good))
    if which != "MultiRegionKeyType":
        with denied("kms:CreateKey"):
            user.create_key(**bad)
        user.create_key(**good)


def test_a_condition_on_the_kind_of_material(people, account):
    root = people.root(account)
    key = keys.make(root, Origin="EXTERNAL")
    got = root.get_parameters_for_import(KeyId=key, **WRAPPING)
    public = serialization.load_der_public_key(got["PublicKey"])
    wrapped = wrap(public, OAEP, os.urandom(32))
    given = {"KeyId": key, "ImportToken": got["ImportToken"], "EncryptedKeyMaterial": wrapped}
    user, _ = people.user(account, action="kms:*", Condition=equals(ExpirationModel="KEY_MATERIAL_EXPIRES"))
    with denied("kms:ImportKeyMaterial"):
        user.import_key_material(**given, **NEVER)
    end = keys.describe(root, key)["CreationDate"] + datetime.timedelta(days=10)
    until = {"DateLessThan": {"kms:ValidTo": (end - datetime.timedelta(days=5)).isoformat()}}
    early, _ = people.user(account, action="kms:*", Condition=until)
    with denied("kms:ImportKeyMaterial"):
        early.import_key_material(**given, ValidTo=end)
    user.import_key_material(**given, ValidTo=end)


def test_a_condition_on_who_calls(people, account):
    root = people.root(account)
    others = f"{int(account) ^ 1:012}"
    key = keys.make(
        root,
        Policy=policy(
            statement(account),
            statement("*", "kms:Encrypt", Condition=equals(CallerAccount=others)),
        ),
    )
    user, _ = people.user(others, action="kms:Encrypt")
    user.encrypt(KeyId=key, Plaintext=b"x")
    third, _ = people.user(f"{int(account) ^ 2:012}", action="kms:Encrypt")
    with denied("kms:Encrypt"):
        third.encrypt(KeyId=key, Plaintext=b"x")


def test_a_condition_on_encrypting_again_under_the_same_key(people, account):
    root = people.root(account)
    key, other = keys.make(root), keys.make(root)
    blob = root.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    user, _ = people.user(account, action="kms:ReEncrypt*", Condition={"Bool": {"kms:ReEncryptOnSameKey": "true"}})
    user.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)
    with denied("kms:ReEncrypt"):
        user.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)


def test_encrypting_again_needs_both_halves(people, account):
    root = people.root(account)
    source, target = keys.make(root), keys.make(root)
    blob = root.encrypt(KeyId=source, Plaintext=b"x")["CiphertextBlob"]
    given = {"CiphertextBlob": blob, "DestinationKeyId": target}
    leaving = {"Effect": "Allow", "Action": "kms:ReEncryptFrom", "Resource": source}
    coming = {"Effect": "Allow", "Action": "kms:ReEncryptTo", "Resource": target}
    one, _ = people.user(account, leaving)
    with denied("kms:ReEncryptTo on resource: " + target):
        one.re_encrypt(**given)
    two, _ = people.user(account, coming)
    with denied("kms:ReEncryptFrom on resource: " + source):
        two.re_encrypt(**given)
    both, _ = people.user(account, leaving, coming)
    both.re_encrypt(**given)


def test_a_condition_on_passing_over_the_safety_check(people, account):
    root = people.root(account)
    key = keys.make(root)
    refusing = {"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}}
    allow = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    user, _ = people.user(account, allow, {**allow, "Effect": "Deny", "Condition": refusing})
    document = policy(statement(account))
    with denied("kms:PutKeyPolicy", "with an explicit deny in an identity-based policy"):
        user.put_key_policy(KeyId=key, Policy=document, BypassPolicyLockoutSafetyCheck=True)
    with denied("kms:CreateKey"):
        user.create_key(BypassPolicyLockoutSafetyCheck=True)
    user.put_key_policy(KeyId=key, Policy=document)
    user.create_key(Policy=document)


def test_a_condition_on_grants_for_services(people, account):
    root = people.root(account)
    key = keys.make(root)
    user, _ = people.user(account, action="kms:CreateGrant", Condition={"Bool": {"kms:GrantIsForAWSResource": "true"}})
    with denied("kms:CreateGrant"):
        user.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{account}:root", Operations=["Decrypt"])


def test_a_key_that_is_only_for_use_through_a_service(people, account):
    root = people.root(account)
    key = keys.make(root)
    through = {"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}}
    statements = [
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "kms:*", "Resource": key, "Condition": through},
    ]
    ssm, arn = people.user(account, *statements, service="ssm")
    kms = people.client(people.root(account, "iam").create_access_key(UserName=arn.rpartition("/")[2])["AccessKey"])
    ssm.put_parameter(Name="/a", Value="secret", Type="SecureString", KeyId=key)
    assert ssm.get_parameter(Name="/a", WithDecryption=True)["Parameter"]["Value"] == "secret"
    with denied("kms:Encrypt on resource: " + key):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    secrets, _ = people.user(
        account,
        {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"},
        statements[1],
        service="secretsmanager",
    )
    with pytest.raises(Exception, match="AccessDenied|not authorized|KMS"):
        secrets.create_secret(Name="a", SecretString="x", KmsKeyId=key)
