"""The life of a key: made, described, listed, disabled, scheduled for deletion, gone."""

import datetime
import json
import re

import pytest
from botocore.exceptions import ClientError

import expect
import keys
from expect import fails

ID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MATERIAL = re.compile("[0-9a-f]{64}")
RSA_SIGNATURES = [f"RSASSA_{padding}_SHA_{bits}" for padding in ("PKCS1_V1_5", "PSS") for bits in (256, 384, 512)]
# Spec, usage, where DescribeKey lists the algorithms, and which they are.
SPECS = [
    ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["SYMMETRIC_DEFAULT"]),
    *[
        (f"RSA_{bits}", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
        for bits in (2048, 3072, 4096)
    ],
    *[(f"RSA_{bits}", "SIGN_VERIFY", "SigningAlgorithms", RSA_SIGNATURES) for bits in (2048, 3072, 4096)],
    ("ECC_NIST_P256", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]),
    ("ECC_NIST_P384", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_384"]),
    ("ECC_NIST_P521", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_512"]),
    ("ECC_SECG_P256K1", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_256"]),
    ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY", "SigningAlgorithms", ["ED25519_PH_SHA_512", "ED25519_SHA_512"]),
    *[(f"ECC_NIST_P{bits}", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]) for bits in (256, 384, 521)],
    *[(f"ML_DSA_{size}", "SIGN_VERIFY", "SigningAlgorithms", ["ML_DSA_SHAKE_256"]) for size in (44, 65, 87)],
    *[
        (f"ML_KEM_{size}", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", ["ML_KEM"])
        for size in (512, 768, 1024)
    ],
    *[(f"HMAC_{b}", "GENERATE_VERIFY_MAC", "MacAlgorithms", [f"HMAC_SHA_{b}"]) for b in (224, 256, 384, 512)],
]
LISTS = {
    "EncryptionAlgorithms",
    "SigningAlgorithms",
    "KeyAgreementAlgorithms",
    "EncapsulationAlgorithms",
    "MacAlgorithms",
}


def test_a_key_with_nothing_said_of_it(kms):
    made = kms.create_key()["KeyMetadata"]
    created, material = made.pop("CreationDate"), made.pop("CurrentKeyMaterialId")
    assert ID.fullmatch(made["KeyId"]) and MATERIAL.fullmatch(material)
    assert abs((created - datetime.datetime.now(datetime.UTC)).days) < 10_000
    assert made == {
        "AWSAccountId": "000000000000",
        "KeyId": made["KeyId"],
        "Arn": f"arn:aws:kms:us-east-1:000000000000:key/{made['KeyId']}",
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }
    described = keys.describe(kms, made["KeyId"])
    assert described == {**made, "CreationDate": created, "CurrentKeyMaterialId": material}


@pytest.mark.parametrize("spec, usage, where, algorithms", SPECS, ids=lambda v: v if isinstance(v, str) else "")
def test_the_algorithms_of_each_key_spec(kms, spec, usage, where, algorithms):
    made = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    assert (made["KeySpec"], made["KeyUsage"], made["CustomerMasterKeySpec"]) == (spec, usage, spec)
    assert sorted(made[where]) == sorted(algorithms)
    assert not (LISTS - {where}) & set(made)
    assert ("CurrentKeyMaterialId" in made) == (spec == "SYMMETRIC_DEFAULT"), "only those have several"


def test_the_old_name_of_the_spec(kms):
    made = kms.create_key(CustomerMasterKeySpec="HMAC_224", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    assert made["KeySpec"] == "HMAC_224"
    with fails("ValidationException"):
        kms.create_key(CustomerMasterKeySpec="RSA_2048", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")


@pytest.mark.parametrize(
    "spec, usage",
    [
        ("SYMMETRIC_DEFAULT", "SIGN_VERIFY"),
        ("SYMMETRIC_DEFAULT", "GENERATE_VERIFY_MAC"),
        ("HMAC_256", "ENCRYPT_DECRYPT"),
        ("RSA_2048", "KEY_AGREEMENT"),
        ("RSA_2048", "GENERATE_VERIFY_MAC"),
        ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
        ("ECC_SECG_P256K1", "KEY_AGREEMENT"),
        ("ECC_NIST_EDWARDS25519", "KEY_AGREEMENT"),
        ("ML_DSA_44", "ENCRYPT_DECRYPT"),
        ("ML_KEM_768", "SIGN_VERIFY"),
        # Optional for symmetric keys alone.
        ("RSA_2048", None),
        ("ECC_NIST_P256", None),
        ("HMAC_256", None),
    ],
)
def test_usages_that_a_spec_has_not(kms, spec, usage):
    with fails("ValidationException"):
        kms.create_key(KeySpec=spec, **({"KeyUsage": usage} if usage else {}))


def test_the_spec_of_china(kms):
    with fails({"UnsupportedOperationException", "ValidationException"}):
        kms.create_key(KeySpec="SM2", KeyUsage="SIGN_VERIFY")


def test_an_unknown_spec(server):
    kms = expect.caller(server, "test", service="kms")
    message = re.compile(
        "1 validation error detected: Value 'RSA_1' at 'keySpec' failed to satisfy constraint: "
        "Member must satisfy enum value set"
    )
    with fails("ValidationException", message):
        kms.create_key(KeySpec="RSA_1", KeyUsage="SIGN_VERIFY")


def test_the_default_key_policy(kms):
    key = keys.make(kms)
    got = kms.get_key_policy(KeyId=key)
    assert got["PolicyName"] == "default"
    assert json.loads(got["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == got["Policy"]
    listed = kms.list_key_policies(KeyId=key)
    assert (listed["PolicyNames"], listed["Truncated"]) == (["default"], False)


def test_a_description_can_change(kms):
    key = keys.make(kms, Description="one")
    assert keys.describe(kms, key)["Description"] == "one"
    kms.update_key_description(KeyId=key, Description="two")
    assert keys.describe(kms, keys.id_of(key))["Description"] == "two"
    kms.update_key_description(KeyId=key, Description="")
    assert keys.describe(kms, key)["Description"] == ""
    with fails("ValidationException"):
        kms.update_key_description(KeyId=key, Description="x" * 8193)


def test_keys_are_named_by_id_arn_alias_and_alias_arn(kms):
    key = keys.make(kms)
    alias = keys.alias(kms, key)
    for name in (key, keys.id_of(key), alias, key.replace(f"key/{keys.id_of(key)}", alias)):
        assert keys.describe(kms, name)["Arn"] == key
        assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == key


def test_managing_operations_take_no_alias(kms):
    key = keys.make(kms)
    alias = keys.alias(kms, key)
    arn = key.replace(f"key/{keys.id_of(key)}", alias)
    for operation in ("disable_key", "get_key_policy", "list_resource_tags", "schedule_key_deletion"):
        with fails({"NotFoundException", "InvalidArnException"}):
            getattr(kms, operation)(KeyId=alias)
        with fails({"NotFoundException", "InvalidArnException"}):
            getattr(kms, operation)(KeyId=arn)
    assert keys.state(kms, key) == "Enabled"


def test_keys_of_other_regions_are_not_found(kms, client):
    key = keys.make(client("kms", region="eu-west-1"))
    with fails({"NotFoundException", "InvalidArnException"}):
        kms.describe_key(KeyId=key)
    with fails("NotFoundException"):
        kms.describe_key(KeyId=keys.id_of(key))


def test_listing(client, account):
    kms = client("kms", account=account)
    assert kms.list_keys()["Keys"] == []
    made = sorted(keys.make(kms) for _ in range(5))
    listed = kms.list_keys()
    assert not listed["Truncated"] and "NextMarker" not in listed
    assert sorted(k["KeyArn"] for k in listed["Keys"]) == made
    assert all(k["KeyArn"].endswith("/" + k["KeyId"]) for k in listed["Keys"])
    pages, marker = [], {}
    while True:
        page = kms.list_keys(Limit=2, **marker)
        pages.append(page["Keys"])
        assert page["Truncated"] == ("NextMarker" in page)
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert [len(p) for p in pages] == [2, 2, 1]
    assert sorted(k["KeyArn"] for p in pages for k in p) == made
    assert kms.list_keys(ResourceOwners=["OTHER_ACCOUNTS_VIA_RAM"])["Keys"] == []
    assert len(kms.list_keys(ResourceOwners=["SELF", "OTHER_ACCOUNTS_VIA_RAM"])["Keys"]) == 5


def test_a_disabled_key_works_again_when_enabled(kms):
    key = keys.make(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    described = keys.describe(kms, key)
    assert (described["KeyState"], described["Enabled"]) == ("Disabled", False)
    with fails("DisabledException", f"{key} is disabled."):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    with fails("DisabledException", f"{key} is disabled."):
        kms.decrypt(CiphertextBlob=blob)
    kms.disable_key(KeyId=key)
    for _ in range(2):
        kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


# ---- deletion --------------------------------------------------------------------------


@pytest.mark.parametrize("days", [None, 7, 30])
def test_a_key_that_waits_for_its_deletion(kms, days):
    key = keys.make(kms)
    answer = kms.schedule_key_deletion(KeyId=key, **({"PendingWindowInDays": days} if days else {}))
    assert (answer["KeyId"], answer["KeyState"]) == (key, "PendingDeletion")
    assert answer["PendingWindowInDays"] == (days or 30)
    described = keys.describe(kms, key)
    assert (described["KeyState"], described["Enabled"]) == ("PendingDeletion", False)
    assert described["DeletionDate"] == answer["DeletionDate"]
    window = described["DeletionDate"] - described["CreationDate"]
    assert abs(window - datetime.timedelta(days=days or 30)) < datetime.timedelta(days=1, minutes=1)
    assert "PendingDeletionWindowInDays" not in described
    with fails({"KMSInvalidStateException", "DisabledException"}, f"{key} is pending deletion."):
        kms.encrypt(KeyId=key, Plaintext=b"x")


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_windows_that_are_refused(kms, days):
    key = keys.make(kms)
    with fails("ValidationException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)
    assert keys.state(kms, key) == "Enabled"


def test_a_deletion_that_is_cancelled(kms):
    key = keys.make(kms)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with fails("KMSInvalidStateException", f"{key} is pending deletion."):
        kms.schedule_key_deletion(KeyId=key)
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == key
    described = keys.describe(kms, key)
    assert described["KeyState"] == "Disabled" and "DeletionDate" not in described
    with fails("KMSInvalidStateException", f"{key} is not pending deletion."):
        kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def is_gone(kms, key):
    try:
        kms.describe_key(KeyId=key)
    except ClientError as error:
        return error.response["Error"]["Code"] == "NotFoundException"
    return False


def test_a_key_goes_when_its_window_ends_and_its_aliases_with_it(client, clock_advance, account):
    kms = client("kms", account=account)
    key, other = keys.make(kms), keys.make(kms)
    alias = keys.alias(kms, key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock_advance("6d23h")
    assert keys.state(kms, key) == "PendingDeletion"
    assert alias in [a["AliasName"] for a in kms.list_aliases(Limit=100)["Aliases"]]
    clock_advance("2h")
    expect.eventually(lambda: is_gone(kms, key), bool)
    assert [k["KeyArn"] for k in kms.list_keys()["Keys"]] == [other]
    assert alias not in [a["AliasName"] for a in kms.list_aliases(Limit=100)["Aliases"]]
    kms.create_alias(AliasName=alias, TargetKeyId=other)
    with fails("NotFoundException", re.compile(re.escape(f"'{key}' does not exist"))):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    with fails({"NotFoundException", "AccessDeniedException", "InvalidCiphertextException"}):
        kms.decrypt(CiphertextBlob=blob)
    with fails("NotFoundException"):
        kms.cancel_key_deletion(KeyId=key)


def test_a_cancelled_deletion_does_not_come_true(kms, clock_advance):
    key = keys.make(kms)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)
    clock_advance("40d")
    assert keys.state(kms, key) == "Disabled"


# ---- the last use ----------------------------------------------------------------------


def test_the_last_use_of_a_key(kms, clock_advance):
    key = keys.make(kms)
    never = kms.get_key_last_usage(KeyId=key)
    assert keys.id_of(never["KeyId"]) == keys.id_of(key)
    assert never.get("KeyLastUsage", {}) == {}
    created = keys.describe(kms, key)["CreationDate"]
    assert never["KeyCreationDate"] == created and never["TrackingStartDate"] >= created
    clock_advance("3h")
    answer = kms.encrypt(KeyId=key, Plaintext=b"x")
    used = expect.eventually(lambda: kms.get_key_last_usage(KeyId=key).get("KeyLastUsage"), bool)
    assert used["Operation"] == "Encrypt"
    assert used["Timestamp"] - created >= datetime.timedelta(hours=3)
    assert used["KmsRequestId"] == answer["ResponseMetadata"]["RequestId"]


def test_a_failed_call_is_no_use(kms):
    key = keys.make(kms)
    with pytest.raises(ClientError):
        kms.decrypt(KeyId=key, CiphertextBlob=b"nonsense")
    assert kms.get_key_last_usage(KeyId=key).get("KeyLastUsage", {}) == {}
