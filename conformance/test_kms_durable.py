"""Keys, secrets and parameters over a power cut: what was answered is there, and what was encrypted still opens."""

import os
import uuid

import pytest

import keys
from expect import eventually, fails
from test_kms_imports import bring

ACCOUNT = "360555127547"
HOME, AWAY = "us-east-1", "eu-west-1"
CONTEXT = {"purpose": "durable"}
KINDS = ["symmetric", "rsa", "signing", "mac", "agreement", "kem", "multi-region"]


class Cloud:
    """Clients of one run of a cloud."""

    def __init__(self, server):
        self.server = server
        self.people = keys.People(server)

    def __getattr__(self, service):
        return self.people.root(ACCOUNT, service)

    def away(self):
        return self.people.root(ACCOUNT, "kms", AWAY)


@pytest.fixture
def cut(durable):
    """cut(cloud): the power goes, and comes back; cut() starts the first cloud."""

    def again(cloud=None):
        if cloud is not None:
            cloud.server.kill()
        return Cloud(durable())

    return again


def without_metadata(answer):
    del answer["ResponseMetadata"]
    return answer


def everything(cloud):
    """All that the three services tell of an account, without what differs from request to request."""
    kms, found = cloud.kms, []
    for key in sorted(k["KeyArn"] for k in kms.list_keys()["Keys"]):
        for call in (kms.describe_key, kms.get_key_policy, kms.list_grants, kms.list_resource_tags, kms.list_aliases):
            found.append(without_metadata(call(KeyId=key)))
    found.append(without_metadata(kms.list_aliases(Limit=100)))
    found.append(without_metadata(cloud.away().list_keys()))
    found.append(without_metadata(cloud.ssm.describe_parameters()))
    found.append(without_metadata(cloud.secretsmanager.list_secrets()))
    return found


def test_everything_is_there_after_a_power_cut(cut):
    cloud = cut()
    kms, root = cloud.kms, f"arn:aws:iam::{ACCOUNT}:root"
    specimens = {kind: keys.Specimen(kms, kind) for kind in KINDS}
    key = specimens["symmetric"].arn
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.update_key_description(KeyId=key, Description="described")
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=root,
        Operations=["Encrypt", "Decrypt"],
        Constraints={"EncryptionContextSubset": CONTEXT},
        Name="named",
    )
    blob = kms.encrypt(KeyId=key, Plaintext=b"plain", EncryptionContext=CONTEXT)["CiphertextBlob"]
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    kms.rotate_key_on_demand(KeyId=key)
    eventually(lambda: kms.list_key_rotations(KeyId=key)["Rotations"], bool)
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    kms.replicate_key(KeyId=specimens["multi-region"].arn, ReplicaRegion=AWAY)
    imported = keys.make(kms, Origin="EXTERNAL")
    bring(kms, imported, os.urandom(32))
    under_imported = kms.encrypt(KeyId=imported, Plaintext=b"imported")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=keys.make(kms), PendingWindowInDays=9)
    kms.disable_key(KeyId=keys.make(kms))
    for name, given in {
        "/p/string": {"Type": "String"},
        "/p/list": {"Type": "StringList"},
        "/p/secure": {"Type": "SecureString", "KeyId": key},
        "/p/own": {"Type": "SecureString"},
    }.items():
        cloud.ssm.put_parameter(Name=name, Value=f"value,{name}", **given)
    cloud.secretsmanager.create_secret(Name="s", SecretString="secret", KmsKeyId=key)
    cloud.secretsmanager.create_secret(Name="b", SecretBinary=b"\0\xff")
    before = everything(cloud)

    cloud = cut(cloud)
    kms = cloud.kms
    assert everything(cloud) == before
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == b"plain"
    assert kms.decrypt(CiphertextBlob=data_key["CiphertextBlob"])["Plaintext"] == data_key["Plaintext"]
    assert kms.decrypt(CiphertextBlob=new)["Plaintext"] == b"new"
    assert kms.decrypt(CiphertextBlob=under_imported)["Plaintext"] == b"imported"
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 1
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 100
    for kind in ("signing", "mac", "agreement", "kem"):
        for operation in (o for o, of in keys.CRYPTOGRAPHIC.items() if of == kind):
            # Verify and VerifyMac have what the cloud before the cut signed.
            specimens[kind].call(operation, kms=kms)
    found = cloud.ssm.get_parameters_by_path(Path="/p", WithDecryption=True)["Parameters"]
    assert {p["Name"]: p["Value"] for p in found} == {
        name: f"value,{name}" for name in ("/p/string", "/p/list", "/p/secure", "/p/own")
    }
    assert cloud.secretsmanager.get_secret_value(SecretId="s")["SecretString"] == "secret"
    assert cloud.secretsmanager.get_secret_value(SecretId="b")["SecretBinary"] == b"\0\xff"


def test_what_was_ended_stays_ended(cut):
    cloud = cut()
    kms = cloud.kms
    user, arn = cloud.people.user(ACCOUNT)
    key = keys.make(kms)
    made = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"])
    user.encrypt(KeyId=key, Plaintext=b"x")
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    alias = keys.alias(kms, key)
    kms.delete_alias(AliasName=alias)
    imported = keys.make(kms, Origin="EXTERNAL")
    bring(kms, imported, os.urandom(32))
    kms.delete_imported_key_material(KeyId=imported)
    credentials = cloud.iam.create_access_key(UserName=arn.rpartition("/")[2])["AccessKey"]
    cloud = cut(cloud)
    with keys.denied("kms:Encrypt"):
        cloud.people.client(credentials).encrypt(KeyId=key, Plaintext=b"x")
    with fails("NotFoundException"):
        cloud.kms.describe_key(KeyId=alias)
    assert keys.state(cloud.kms, imported) == "PendingImport"


def test_deletions_come_true_in_a_later_run(cut):
    cloud = cut()
    going, staying = keys.make(cloud.kms), keys.make(cloud.kms)
    cloud.kms.schedule_key_deletion(KeyId=going, PendingWindowInDays=7)
    cloud = cut(cloud)
    cloud.server.advance("8d")
    eventually(lambda: [k["KeyArn"] for k in cloud.kms.list_keys()["Keys"]], lambda found: found == [staying])


def test_a_cut_in_the_middle_of_a_secrets_rotation_leaves_the_current_version_readable(cut):
    cloud = cut()
    secrets = cloud.secretsmanager
    key = keys.make(cloud.kms)
    first = secrets.create_secret(Name="s", SecretString="old", KmsKeyId=key)["VersionId"]
    pending = str(uuid.uuid4())
    secrets.put_secret_value(SecretId="s", SecretString="new", ClientRequestToken=pending, VersionStages=["AWSPENDING"])
    cloud = cut(cloud)
    secrets = cloud.secretsmanager
    got = secrets.get_secret_value(SecretId="s")
    assert (got["SecretString"], got["VersionId"]) == ("old", first)
    assert secrets.get_secret_value(SecretId="s", VersionStage="AWSPENDING")["SecretString"] == "new"
    secrets.update_secret_version_stage(
        SecretId="s", VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=first
    )
    cloud = cut(cloud)
    secrets = cloud.secretsmanager
    assert secrets.get_secret_value(SecretId="s")["SecretString"] == "new"
    assert secrets.get_secret_value(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "old"


def test_a_cut_in_the_middle_of_a_keys_rotation_loses_nothing(cut):
    cloud = cut()
    key = keys.make(cloud.kms)
    blob = cloud.kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    for many in range(1, 4):
        cloud.kms.rotate_key_on_demand(KeyId=key)
        cloud = cut(cloud)
        assert cloud.kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"
        eventually(
            lambda c=cloud: len(c.kms.list_key_rotations(KeyId=key)["Rotations"]), lambda found, m=many: found == m
        )
        blob = cloud.kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
