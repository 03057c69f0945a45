"""Multi-Region keys: one id and one material in several Regions, everything else of their own."""

import json
import os
import re

import pytest

import keys
from expect import eventually, fails
from keys import denied, policy, statement
from test_kms_imports import bring

HOME, AWAY, THIRD = "us-east-1", "eu-west-1", "ap-southeast-2"
MULTI = re.compile("mrk-[0-9a-f]{32}")


@pytest.fixture
def regions(client, account):
    """regions(name): the account's KMS there."""
    return lambda region: client("kms", account=account, region=region)


@pytest.fixture
def kms(regions):
    return regions(HOME)


@pytest.fixture
def key(kms):
    return keys.make(kms, MultiRegion=True)


def there(key, region):
    """The ARN of the related key in that Region."""
    parts = key.split(":")
    return ":".join([*parts[:3], region, *parts[4:]])


def replicate(kms, key, regions, region=AWAY, **more):
    made = kms.replicate_key(KeyId=key, ReplicaRegion=region, **more)
    eventually(lambda: keys.state(regions(region), there(key, region)), lambda state: state != "Creating")
    return made


def test_a_primary_key(kms, key):
    assert MULTI.fullmatch(keys.id_of(key))
    described = keys.describe(kms, key)
    assert described["MultiRegion"] is True
    primary = {"Arn": key, "Region": HOME}
    assert described["MultiRegionConfiguration"] == {
        "MultiRegionKeyType": "PRIMARY",
        "PrimaryKey": primary,
        "ReplicaKeys": [],
    }
    assert "MultiRegionConfiguration" not in keys.describe(kms, keys.make(kms))


def test_a_replica(kms, key, regions, account):
    made = replicate(kms, key, regions, Description="a replica", Tags=[{"TagKey": "a", "TagValue": "b"}])
    metadata = made["ReplicaKeyMetadata"]
    assert (metadata["Arn"], metadata["KeyId"]) == (there(key, AWAY), keys.id_of(key))
    assert (metadata["Description"], made["ReplicaTags"]) == ("a replica", [{"TagKey": "a", "TagValue": "b"}])
    assert json.loads(made["ReplicaPolicy"]) == json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    configuration = {
        "PrimaryKey": {"Arn": key, "Region": HOME},
        "ReplicaKeys": [{"Arn": there(key, AWAY), "Region": AWAY}],
    }
    own = keys.describe(regions(AWAY), keys.id_of(key))
    assert own["MultiRegionConfiguration"] == {"MultiRegionKeyType": "REPLICA", **configuration}
    assert own["KeyState"] == "Enabled" and own["Arn"] == there(key, AWAY)
    theirs = keys.describe(kms, key)
    assert theirs["MultiRegionConfiguration"] == {"MultiRegionKeyType": "PRIMARY", **configuration}
    assert own["CurrentKeyMaterialId"] == theirs["CurrentKeyMaterialId"]


def test_encrypted_here_and_decrypted_there(kms, key, regions):
    replicate(kms, key, regions)
    away = regions(AWAY)
    blob = kms.encrypt(KeyId=key, Plaintext=b"plain", EncryptionContext={"a": "b"})["CiphertextBlob"]
    for name in ({}, {"KeyId": there(key, AWAY)}, {"KeyId": keys.id_of(key)}):
        got = away.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"}, **name)
        assert (got["Plaintext"], got["KeyId"]) == (b"plain", there(key, AWAY))
    back = away.generate_data_key(KeyId=there(key, AWAY), KeySpec="AES_256")
    assert kms.decrypt(CiphertextBlob=back["CiphertextBlob"])["Plaintext"] == back["Plaintext"]
    with fails({"NotFoundException", "AccessDeniedException", "InvalidCiphertextException"}):
        regions(THIRD).decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})


def test_a_key_of_one_region_stays_in_it(kms, regions):
    single = keys.make(kms)
    blob = kms.encrypt(KeyId=single, Plaintext=b"x")["CiphertextBlob"]
    with fails({"AccessDeniedException", "InvalidCiphertextException", "NotFoundException"}):
        regions(AWAY).decrypt(CiphertextBlob=blob)


def test_signatures_and_macs_are_the_same_everywhere(kms, regions):
    signing = keys.make(kms, MultiRegion=True, **keys.KINDS["signing"])
    mac = keys.make(kms, MultiRegion=True, **keys.KINDS["mac"])
    for key in (signing, mac):
        replicate(kms, key, regions)
    away = regions(AWAY)
    given = {"Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(KeyId=signing, **given)["Signature"]
    assert away.verify(KeyId=there(signing, AWAY), Signature=signature, **given)["SignatureValid"]
    assert kms.get_public_key(KeyId=signing)["PublicKey"] == away.get_public_key(KeyId=keys.id_of(signing))["PublicKey"]
    given = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    assert kms.generate_mac(KeyId=mac, **given)["Mac"] == away.generate_mac(KeyId=keys.id_of(mac), **given)["Mac"]


def test_what_replicas_have_of_their_own(kms, key, regions, account):
    replicate(kms, key, regions)
    away, replica = regions(AWAY), there(key, AWAY)
    away.update_key_description(KeyId=replica, Description="there")
    away.tag_resource(KeyId=replica, Tags=[{"TagKey": "there", "TagValue": ""}])
    away.put_key_policy(KeyId=replica, Policy=policy({**statement(account), "Sid": "there"}))
    keys.alias(away, replica)
    away.disable_key(KeyId=replica)
    assert keys.describe(kms, key)["Description"] == "" and keys.state(kms, key) == "Enabled"
    assert kms.list_resource_tags(KeyId=key)["Tags"] == [] == kms.list_aliases(KeyId=key)["Aliases"]
    assert "there" not in kms.get_key_policy(KeyId=key)["Policy"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with fails("DisabledException"):
        away.decrypt(CiphertextBlob=blob)


def test_replicas_that_are_refused(kms, key, regions):
    replicate(kms, key, regions)
    with fails("AlreadyExistsException"):
        kms.replicate_key(KeyId=key, ReplicaRegion=AWAY)
    with fails("UnsupportedOperationException"):
        regions(AWAY).replicate_key(KeyId=there(key, AWAY), ReplicaRegion=THIRD)
    with fails("UnsupportedOperationException"):
        kms.replicate_key(KeyId=keys.make(kms), ReplicaRegion=AWAY)
    for region in (HOME, "xx-nowhere-1"):
        with fails({"ValidationException", "UnsupportedOperationException", "AlreadyExistsException"}):
            kms.replicate_key(KeyId=key, ReplicaRegion=region)
    tags = [{"TagKey": "a", "TagValue": str(n)} for n in range(2)]
    with fails("TagException"):
        kms.replicate_key(KeyId=key, ReplicaRegion=THIRD, Tags=tags)
    with fails("MalformedPolicyDocumentException"):
        kms.replicate_key(KeyId=key, ReplicaRegion=THIRD, Policy="nonsense")
    with fails("LimitExceededException"):
        kms.replicate_key(KeyId=key, ReplicaRegion=THIRD, Policy="{" + " " * 33_000 + "}")


def test_replicating_needs_permissions_in_both_regions(server, kms, key, account):
    people = keys.People(server)
    both = ["kms:ReplicateKey", "kms:CreateKey"]
    for action, missing in zip(both, reversed(both)):
        user, _ = people.user(account, action=action)
        with denied(missing):
            user.replicate_key(KeyId=key, ReplicaRegion=AWAY)
    user, _ = people.user(account, action=both)
    user.replicate_key(KeyId=key, ReplicaRegion=AWAY)


# ---- rotation --------------------------------------------------------------------------


def test_rotation_is_shared(kms, key, regions, clock_advance):
    replicate(kms, key, regions)
    away, replica = regions(AWAY), there(key, AWAY)
    with fails("UnsupportedOperationException"):
        away.enable_key_rotation(KeyId=replica)
    with fails("UnsupportedOperationException"):
        away.rotate_key_on_demand(KeyId=replica)
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    eventually(lambda: away.get_key_rotation_status(KeyId=replica)["KeyRotationEnabled"], bool)
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    clock_advance("91d")
    eventually(lambda: kms.list_key_rotations(KeyId=key)["Rotations"], bool)
    current = keys.describe(kms, key)["CurrentKeyMaterialId"]
    eventually(lambda: keys.describe(away, replica)["CurrentKeyMaterialId"], lambda found: found == current)
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    assert [away.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in (old, new)] == [b"old", b"new"]


# ---- another primary -------------------------------------------------------------------


def test_a_replica_becomes_the_primary(kms, key, regions):
    replicate(kms, key, regions)
    replicate(kms, key, regions, THIRD)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.update_primary_region(KeyId=key, PrimaryRegion=AWAY)
    for region in (HOME, AWAY, THIRD):
        eventually(lambda r=region: keys.state(regions(r), there(key, r)), lambda state: state == "Enabled")
        configuration = keys.describe(regions(region), there(key, region))["MultiRegionConfiguration"]
        assert configuration["MultiRegionKeyType"] == ("PRIMARY" if region == AWAY else "REPLICA")
        assert configuration["PrimaryKey"] == {"Arn": there(key, AWAY), "Region": AWAY}
        assert sorted(r["Region"] for r in configuration["ReplicaKeys"]) == [THIRD, HOME]
        assert regions(region).decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with fails("UnsupportedOperationException"):
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-2")
    replicate(regions(AWAY), there(key, AWAY), regions, "eu-west-2")


def test_primaries_that_cannot_be(kms, key, regions):
    with fails({"NotFoundException", "UnsupportedOperationException"}):
        kms.update_primary_region(KeyId=key, PrimaryRegion=AWAY)
    replicate(kms, key, regions)
    with fails("UnsupportedOperationException"):
        regions(AWAY).update_primary_region(KeyId=there(key, AWAY), PrimaryRegion=HOME)
    with fails("UnsupportedOperationException"):
        kms.update_primary_region(KeyId=keys.make(kms), PrimaryRegion=AWAY)
    kms.disable_key(KeyId=key)
    with fails("DisabledException"):
        kms.update_primary_region(KeyId=key, PrimaryRegion=AWAY)
    with fails("DisabledException"):
        kms.replicate_key(KeyId=key, ReplicaRegion=THIRD)


def test_keys_that_are_going_do_not_change_places(kms, regions):
    one, two = keys.make(kms, MultiRegion=True), keys.make(kms, MultiRegion=True)
    for key in (one, two):
        replicate(kms, key, regions)
    kms.schedule_key_deletion(KeyId=one)
    regions(AWAY).schedule_key_deletion(KeyId=there(two, AWAY))
    for key in (one, two):
        with fails("KMSInvalidStateException"):
            kms.update_primary_region(KeyId=key, PrimaryRegion=AWAY)


# ---- deletion --------------------------------------------------------------------------


def test_a_primary_waits_for_its_replicas_to_go(kms, key, regions, clock_advance):
    replicate(kms, key, regions)
    away, replica = regions(AWAY), there(key, AWAY)
    answer = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (answer["KeyState"], answer["PendingWindowInDays"]) == ("PendingReplicaDeletion", 7)
    assert "DeletionDate" not in answer
    described = keys.describe(kms, key)
    assert described["KeyState"] == "PendingReplicaDeletion" and described["PendingDeletionWindowInDays"] == 7
    with fails("KMSInvalidStateException"):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    away.schedule_key_deletion(KeyId=replica, PendingWindowInDays=7)
    clock_advance("8d")
    eventually(lambda: [k for k in away.list_keys()["Keys"]], lambda found: not found)
    eventually(lambda: keys.state(kms, key), lambda state: state == "PendingDeletion")
    assert "DeletionDate" in keys.describe(kms, key)
    clock_advance("8d")
    eventually(lambda: kms.list_keys()["Keys"], lambda found: not found)


def test_a_deletion_of_a_primary_can_be_cancelled(kms, key, regions):
    replicate(kms, key, regions)
    kms.schedule_key_deletion(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert keys.state(kms, key) == "Disabled"
    replica = there(key, AWAY)
    assert keys.state(regions(AWAY), replica) == "Enabled"


# ---- imported material -----------------------------------------------------------------


def test_imported_material_is_brought_to_each_region(kms, regions):
    key = keys.make(kms, MultiRegion=True, Origin="EXTERNAL")
    material = os.urandom(32)
    brought = bring(kms, key, material)["KeyMaterialId"]
    made = replicate(kms, key, regions)
    away, replica = regions(AWAY), there(key, AWAY)
    assert made["ReplicaKeyMetadata"]["Origin"] == "EXTERNAL" and keys.state(away, replica) == "PendingImport"
    with fails("IncorrectKeyMaterialException"):
        bring(away, replica, os.urandom(32))
    assert bring(away, replica, material)["KeyMaterialId"] == brought
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert away.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
