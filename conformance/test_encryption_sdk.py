"""The AWS Encryption SDK for Python, unmodified: it finds the cloud by AWS_ENDPOINT_URL and uses its keys."""

import collections

import aws_encryption_sdk
import boto3
import botocore.session
import pytest
from aws_encryption_sdk.exceptions import (
    AWSEncryptionSDKClientError,
    DecryptKeyError,
    GenerateKeyError,
    MasterKeyProviderError,
)
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy
from aws_encryption_sdk.key_providers.kms import (
    DiscoveryFilter,
    MRKAwareDiscoveryAwsKmsMasterKeyProvider,
    MRKAwareStrictAwsKmsMasterKeyProvider,
)
from cryptography.exceptions import InvalidSignature, InvalidTag

import coverage_gate
import expect
import keys

CONTEXT = {"purpose": "test", "tenant": "f\u00f6g"}
TEXT = b"what nobody else shall read" * 1000
HOME, AWAY = "us-east-1", "eu-west-1"


@pytest.fixture
def sdk():
    return aws_encryption_sdk.EncryptionSDKClient()


@pytest.fixture
def people(server):
    return keys.People(server)


@pytest.fixture
def session(server, monkeypatch):
    """session(credentials): what an application makes of its environment; counts its calls in session.calls."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", HOME)
    calls = collections.Counter()

    def make(key="test", secret="test", token=None):
        core = botocore.session.Session()
        core.set_credentials(key, secret, token)
        coverage_gate.watch(core)
        core.get_component("event_emitter").register("before-call.kms", lambda model, **_: calls.update([model.name]))
        return core

    make.calls = calls
    return make


def provider(session, *arns, **more):
    return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=list(arns), botocore_session=session, **more)


@pytest.mark.parametrize(
    "algorithm",
    [
        None,
        Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        Algorithm.AES_128_GCM_IV12_TAG16,
        Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
    ],
    ids=lambda a: a.name if a else "default",
)
def test_there_and_back(kms, session, algorithm):
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    if algorithm is not None and not algorithm.is_committing():
        policy = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    sdk = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)
    one = provider(session(), keys.make(kms))
    given = {"algorithm": algorithm} if algorithm else {}
    sealed, header = sdk.encrypt(source=TEXT, key_provider=one, encryption_context=CONTEXT, **given)
    assert TEXT[:27] not in sealed and CONTEXT.items() <= header.encryption_context.items()
    opened, header = sdk.decrypt(source=sealed, key_provider=one)
    assert opened == TEXT and CONTEXT.items() <= header.encryption_context.items()


def test_streams(kms, session, sdk, tmp_path):
    one = provider(session(), keys.make(kms))
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(TEXT * 20)
    with plain.open("rb") as source, sealed.open("wb") as target:
        with sdk.stream(mode="e", source=source, key_provider=one) as encryptor:
            for chunk in encryptor:
                target.write(chunk)
    with sealed.open("rb") as source, sdk.stream(mode="d", source=source, key_provider=one) as decryptor:
        assert b"".join(decryptor) == TEXT * 20


def test_several_keys_each_of_which_opens(kms, session, sdk):
    one, two = keys.make(kms), keys.make(kms)
    sealed, header = sdk.encrypt(source=TEXT, key_provider=provider(session(), one, two))
    assert len(header.encrypted_data_keys) == 2
    for key in (one, two):
        assert sdk.decrypt(source=sealed, key_provider=provider(session(), key))[0] == TEXT
    kms.disable_key(KeyId=one)
    assert sdk.decrypt(source=sealed, key_provider=provider(session(), one, two))[0] == TEXT
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=provider(session(), one))
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=provider(session(), keys.make(kms)))


def test_an_alias_encrypts_and_the_keys_own_name_decrypts(kms, session, sdk):
    key = keys.make(kms)
    alias = key.replace(f"key/{keys.id_of(key)}", keys.alias(kms, key))
    sealed, header = sdk.encrypt(source=TEXT, key_provider=provider(session(), alias))
    [data_key] = header.encrypted_data_keys
    assert data_key.key_provider.key_info == key.encode()
    assert sdk.decrypt(source=sealed, key_provider=provider(session(), key))[0] == TEXT


def test_what_was_tampered_with(kms, session, sdk):
    one = provider(session(), keys.make(kms))
    sealed, _ = sdk.encrypt(source=b"short", key_provider=one, encryption_context=CONTEXT)
    for at in (sealed.index(b"tenant"), len(sealed) // 2, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((AWSEncryptionSDKClientError, InvalidSignature, InvalidTag)):
            sdk.decrypt(source=bytes(changed), key_provider=one)
    with pytest.raises((AWSEncryptionSDKClientError, InvalidSignature)):
        sdk.decrypt(source=sealed[:-5], key_provider=one)


# ---- discovery -------------------------------------------------------------------------


def test_discovery_asks_the_message_for_its_key(people, account, session, sdk):
    kms = people.root(account)
    sealed, _ = sdk.encrypt(source=TEXT, key_provider=provider(session(account), keys.make(kms)))
    found = aws_encryption_sdk.DiscoveryAwsKmsMasterKeyProvider(botocore_session=session(account))
    assert sdk.decrypt(source=sealed, key_provider=found)[0] == TEXT
    for accounts, opens in (([account], True), (["111122223333"], False)):
        limited = aws_encryption_sdk.DiscoveryAwsKmsMasterKeyProvider(
            botocore_session=session(account),
            discovery_filter=DiscoveryFilter(account_ids=accounts, partition="aws"),
        )
        if opens:
            assert sdk.decrypt(source=sealed, key_provider=limited)[0] == TEXT
        else:
            with pytest.raises((DecryptKeyError, MasterKeyProviderError)):
                sdk.decrypt(source=sealed, key_provider=limited)


def test_a_multi_region_key_opens_in_the_other_region(people, account, session, sdk):
    home, away = people.root(account), people.root(account, region=AWAY)
    key = keys.make(home, MultiRegion=True)
    home.replicate_key(KeyId=key, ReplicaRegion=AWAY)
    replica = key.replace(HOME, AWAY)
    expect.eventually(lambda: keys.state(away, replica), lambda state: state == "Enabled")
    there = MRKAwareStrictAwsKmsMasterKeyProvider(key_ids=[key], botocore_session=session(account))
    sealed, _ = sdk.encrypt(source=TEXT, key_provider=there, encryption_context=CONTEXT)
    # The home Region is out of the way, so that only the replica can have answered.
    home.disable_key(KeyId=key)
    strict = MRKAwareStrictAwsKmsMasterKeyProvider(key_ids=[replica], botocore_session=session(account))
    assert sdk.decrypt(source=sealed, key_provider=strict)[0] == TEXT
    found = MRKAwareDiscoveryAwsKmsMasterKeyProvider(
        botocore_session=session(account),
        discovery_region=AWAY,
        discovery_filter=DiscoveryFilter(account_ids=[account], partition="aws"),
    )
    assert sdk.decrypt(source=sealed, key_provider=found)[0] == TEXT
    unaware = provider(session(account), replica)
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=unaware)


# ---- caching ---------------------------------------------------------------------------


def caching(one, **more):
    cache = aws_encryption_sdk.LocalCryptoMaterialsCache(capacity=10)
    return aws_encryption_sdk.CachingCryptoMaterialsManager(master_key_provider=one, cache=cache, max_age=600.0, **more)


def test_the_caching_materials_manager_asks_once(kms, session, sdk):
    manager = caching(provider(session(), keys.make(kms)), max_messages_encrypted=5)
    session.calls.clear()
    sealed = [sdk.encrypt(source=TEXT, materials_manager=manager, encryption_context=CONTEXT)[0] for _ in range(5)]
    assert session.calls == {"GenerateDataKey": 1} and len(set(sealed)) == 5
    sealed.append(sdk.encrypt(source=TEXT, materials_manager=manager, encryption_context=CONTEXT)[0])
    assert session.calls == {"GenerateDataKey": 2}
    for one in sealed:
        assert sdk.decrypt(source=one, materials_manager=manager)[0] == TEXT
    assert session.calls == {"GenerateDataKey": 2, "Decrypt": 2}


# ---- permissions -----------------------------------------------------------------------


def test_users_need_what_they_do(people, account, session, sdk):
    kms = people.root(account)
    key = keys.make(kms)
    iam = people.root(account, "iam")

    def somebody(*actions):
        _, arn = people.user(account, action=list(actions), resource=key)
        made = iam.create_access_key(UserName=arn.rpartition("/")[2])["AccessKey"]
        return provider(session(made["AccessKeyId"], made["SecretAccessKey"]), key)

    writing, reading = somebody("kms:GenerateDataKey"), somebody("kms:Decrypt")
    sealed, _ = sdk.encrypt(source=TEXT, key_provider=writing)
    assert sdk.decrypt(source=sealed, key_provider=reading)[0] == TEXT
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=writing)
    with pytest.raises(GenerateKeyError):
        sdk.encrypt(source=TEXT, key_provider=reading)


def test_another_account_opens_with_a_grant(people, account, session, sdk):
    kms = people.root(account)
    key = keys.make(kms)
    others = f"{int(account) ^ 8:012}"
    sealed, _ = sdk.encrypt(source=TEXT, key_provider=provider(session(account), key))
    with pytest.raises(DecryptKeyError):
        sdk.decrypt(source=sealed, key_provider=provider(session(others), key))
    root = f"arn:aws:iam::{others}:root"
    token = kms.create_grant(KeyId=key, GranteePrincipal=root, Operations=["Decrypt"])["GrantToken"]
    with_token = provider(session(others), key, grant_tokens=[token])
    assert sdk.decrypt(source=sealed, key_provider=with_token)[0] == TEXT


def test_the_environment_alone_is_enough(server, kms, sdk, monkeypatch):
    """As an application does it: nothing is said about where the cloud is but in the environment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    key = keys.make(kms)
    one = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[key])
    sealed, _ = sdk.encrypt(source=TEXT, key_provider=one)
    assert sdk.decrypt(source=sealed, key_provider=one)[0] == TEXT
    assert boto3.client("kms", region_name=HOME).describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
