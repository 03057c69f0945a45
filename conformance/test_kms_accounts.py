"""Keys for other accounts: by the key's policy and by grant, and refused without either."""

import random
import re

import pytest

import keys
from expect import fails
from keys import denied, policy, statement


@pytest.fixture
def people(server):
    return keys.People(server)


@pytest.fixture
def theirs():
    """The account that owns the key."""
    return f"{random.randrange(10**11, 10**12)}"


@pytest.fixture
def owner(people, theirs):
    return people.root(theirs)


def encrypt(kms, key):
    return kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]


def test_nothing_is_allowed_across_accounts(people, owner, account):
    key = keys.make(owner)
    blob = encrypt(owner, key)
    powerful, _ = people.user(account, action="*")
    for kms in (people.root(account), powerful):
        with denied("kms:Encrypt", "because no resource-based policy allows the kms:Encrypt action"):
            encrypt(kms, key)
        with fails("AccessDeniedException"):
            kms.decrypt(CiphertextBlob=blob)
        with denied("kms:DescribeKey"):
            kms.describe_key(KeyId=key)


def test_a_key_policy_lets_another_account_decide(people, owner, theirs, account):
    allowed = ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"]
    key = keys.make(owner, Policy=policy(statement(theirs), statement(account, allowed)))
    root = people.root(account)
    blob = encrypt(root, key)
    assert root.decrypt(CiphertextBlob=blob)["KeyId"] == key
    assert keys.describe(root, key)["AWSAccountId"] == theirs
    nobody, _ = people.user(account)
    with denied("kms:Encrypt on resource: " + key, "because no identity-based policy allows the kms:Encrypt action"):
        encrypt(nobody, key)
    user, _ = people.user(account, action=["kms:Encrypt", "kms:GenerateDataKey"], resource=key)
    encrypt(user, key)
    with denied("kms:GenerateDataKey", "because no resource-based policy allows the kms:GenerateDataKey action"):
        user.generate_data_key(KeyId=key, KeySpec="AES_256")
    with fails("AccessDeniedException"):
        user.decrypt(CiphertextBlob=blob)


def test_a_key_policy_that_names_one_user_is_for_that_user(people, owner, theirs, account):
    user, arn = people.user(account, action="kms:*")
    other, _ = people.user(account, action="kms:*")
    nobody, nobodys = people.user(account)
    key = keys.make(owner, Policy=policy(statement(theirs), statement([arn, nobodys], "kms:Encrypt")))
    encrypt(user, key)
    for kms in (other, nobody, people.root(account)):
        with denied("kms:Encrypt"):
            encrypt(kms, key)


def test_a_grant_is_enough_for_a_principal_of_another_account(people, owner, account):
    key = keys.make(owner)
    user, arn = people.user(account)
    other, _ = people.user(account, action="kms:*")
    made = owner.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt"])
    blob = encrypt(user, key)
    assert user.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    for kms in (other, people.root(account)):
        with denied("kms:Encrypt"):
            encrypt(kms, key)
    owner.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    with denied("kms:Encrypt"):
        encrypt(user, key)
    with fails("AccessDeniedException"):
        user.decrypt(CiphertextBlob=blob)


def test_a_grant_for_a_whole_account(people, owner, account):
    key = keys.make(owner)
    root = people.root(account)
    owner.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{account}:root", Operations=["Encrypt"])
    encrypt(root, key)
    third = people.root(f"{int(account) ^ 4:012}")
    with denied("kms:Encrypt"):
        encrypt(third, key)


def test_a_grant_that_another_account_makes_and_retires(people, owner, theirs, account):
    key = keys.make(owner, Policy=policy(statement(theirs), statement(account, ["kms:CreateGrant", "kms:ListGrants"])))
    root = people.root(account)
    user, arn = people.user(account)
    mine = f"arn:aws:iam::{account}:root"
    made = root.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], RetiringPrincipal=mine)
    [found] = owner.list_grants(KeyId=key)["Grants"]
    assert (found["GrantId"], found["IssuingAccount"]) == (made["GrantId"], mine)
    assert [g["GrantId"] for g in root.list_grants(KeyId=key)["Grants"]] == [made["GrantId"]]
    assert [g["KeyId"] for g in root.list_retirable_grants(RetiringPrincipal=mine)["Grants"]] == [key]
    encrypt(user, key)
    root.retire_grant(KeyId=key, GrantId=made["GrantId"])
    with denied("kms:Encrypt"):
        encrypt(user, key)


def test_keys_of_others_are_named_in_full(people, owner, theirs, account):
    key = keys.make(owner, Policy=policy(statement(theirs), statement(account)))
    alias = keys.alias(owner, key)
    root = people.root(account)
    assert encrypt(root, key.replace(f"key/{keys.id_of(key)}", alias))
    for name in (keys.id_of(key), alias):
        with fails("NotFoundException"):
            encrypt(root, name)
    # A ciphertext names its key, so that there the id alone will do.
    blob = encrypt(root, key)
    assert root.decrypt(CiphertextBlob=blob, KeyId=keys.id_of(key))["Plaintext"] == b"x"


@pytest.mark.parametrize(
    "operation",
    [
        "DisableKey",
        "EnableKey",
        "ScheduleKeyDeletion",
        "CancelKeyDeletion",
        "GetKeyPolicy",
        "PutKeyPolicy",
        "ListKeyPolicies",
        "TagResource",
        "UntagResource",
        "ListResourceTags",
        "EnableKeyRotation",
        "DisableKeyRotation",
        "RotateKeyOnDemand",
        "ListKeyRotations",
        "UpdateKeyDescription",
        "GetKeyLastUsage",
        "CreateAlias",
    ],
)
def test_what_nobody_does_to_keys_of_others(people, owner, theirs, account, operation):
    specimen = keys.Specimen(owner, "symmetric")
    owner.put_key_policy(KeyId=specimen.arn, Policy=policy(statement(theirs), statement(account)))
    with fails({"AccessDeniedException", "NotFoundException", "InvalidArnException", "UnsupportedOperationException"}):
        specimen.call(operation, kms=people.root(account))
    assert keys.state(owner, specimen.arn) == "Enabled"


@pytest.mark.parametrize("operation", [o for o in keys.CRYPTOGRAPHIC])
def test_what_others_do_with_a_key(people, owner, theirs, account, operation):
    specimen = keys.Specimen(owner, keys.CRYPTOGRAPHIC[operation])
    root = people.root(account)
    with fails("AccessDeniedException"):
        specimen.call(operation, kms=root)
    owner.put_key_policy(KeyId=specimen.arn, Policy=policy(statement(theirs), statement(account)))
    specimen.call(operation, kms=root)


def test_data_moves_from_one_accounts_key_to_anothers(people, owner, theirs, account):
    key = keys.make(owner, Policy=policy(statement(theirs), statement(account, "kms:ReEncryptFrom")))
    root = people.root(account)
    mine = keys.make(root)
    moved = root.re_encrypt(CiphertextBlob=encrypt(owner, key), DestinationKeyId=mine)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, mine)
    with fails("AccessDeniedException"):
        owner.re_encrypt(CiphertextBlob=moved["CiphertextBlob"], DestinationKeyId=key)


def test_a_key_that_is_not_there_is_not_told_to_others(people, theirs, account):
    missing = f"arn:aws:kms:us-east-1:{theirs}:key/00000000-0000-4000-8000-000000000000"
    with fails({"AccessDeniedException", "NotFoundException"}, re.compile("does not exist|is not authorized")):
        encrypt(people.root(account), missing)
