"""The Encryption SDK's newer half: keyrings of the Material Providers Library, one for each sort of key."""

import aws_encryption_sdk
import pytest
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    CreateAwsKmsEcdhKeyringInput,
    CreateAwsKmsKeyringInput,
    CreateAwsKmsMrkDiscoveryKeyringInput,
    CreateAwsKmsMrkKeyringInput,
    CreateAwsKmsRsaKeyringInput,
    DiscoveryFilter,
    KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey,
    KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery,
    KmsPrivateKeyToStaticPublicKeyInput,
    KmsPublicKeyDiscoveryInput,
)
from aws_cryptography_primitives.smithygenerated.aws_cryptography_primitives.models import ECDHCurveSpec
from cryptography.hazmat.primitives import serialization

import expect
import keys

AWAY = "eu-west-1"
CONTEXT = {"purpose": "test"}
TEXT = b"what nobody else shall read"


@pytest.fixture(scope="module")
def rings():
    return AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())


@pytest.fixture
def sdk():
    return aws_encryption_sdk.EncryptionSDKClient()


def seal(sdk, keyring, **more):
    return sdk.encrypt(source=TEXT, keyring=keyring, encryption_context=CONTEXT, **more)[0]


def opens(sdk, keyring, sealed):
    return sdk.decrypt(source=sealed, keyring=keyring, encryption_context=CONTEXT)[0] == TEXT


def test_a_symmetric_key(kms, rings, sdk):
    def keyring(key):
        return rings.create_aws_kms_keyring(CreateAwsKmsKeyringInput(kms_key_id=key, kms_client=kms))

    key = keys.make(kms)
    sealed = seal(sdk, keyring(key))
    assert opens(sdk, keyring(key), sealed)
    with pytest.raises(Exception, match="(?i)decrypt"):
        opens(sdk, keyring(keys.make(kms)), sealed)
    kms.disable_key(KeyId=key)
    with pytest.raises(Exception, match="(?i)disabled|decrypt"):
        opens(sdk, keyring(key), sealed)


def test_a_multi_region_key_is_discovered_elsewhere(client, account, rings, sdk):
    home, away = client("kms", account), client("kms", account, AWAY)
    key = keys.make(home, MultiRegion=True)
    home.replicate_key(KeyId=key, ReplicaRegion=AWAY)
    expect.eventually(lambda: keys.state(away, keys.id_of(key)), lambda state: state == "Enabled")
    sealed = seal(sdk, rings.create_aws_kms_mrk_keyring(CreateAwsKmsMrkKeyringInput(kms_key_id=key, kms_client=home)))
    found = rings.create_aws_kms_mrk_discovery_keyring(
        CreateAwsKmsMrkDiscoveryKeyringInput(
            kms_client=away, region=AWAY, discovery_filter=DiscoveryFilter(account_ids=[account], partition="aws")
        )
    )
    assert opens(sdk, found, sealed)


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
def test_an_rsa_key_that_seals_without_a_call(kms, rings, sdk, algorithm):
    key = keys.make(kms, **keys.KINDS["rsa"])
    der = kms.get_public_key(KeyId=key)["PublicKey"]
    pem = serialization.load_der_public_key(der).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    keyring = rings.create_aws_kms_rsa_keyring(
        CreateAwsKmsRsaKeyringInput(kms_key_id=key, kms_client=kms, encryption_algorithm=algorithm, public_key=pem)
    )
    # The default suite signs, for which this keyring is not made.
    suite = aws_encryption_sdk.Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
    assert opens(sdk, keyring, seal(sdk, keyring, algorithm=suite))


def test_two_keys_that_agree(kms, rings, sdk):
    sender, recipient = (keys.make(kms, **keys.KINDS["agreement"]) for _ in range(2))
    public = kms.get_public_key(KeyId=recipient)["PublicKey"]
    sending = KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(
        KmsPrivateKeyToStaticPublicKeyInput(sender_kms_identifier=sender, recipient_public_key=public)
    )
    finding = KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery(
        KmsPublicKeyDiscoveryInput(recipient_kms_identifier=recipient)
    )
    ours, theirs = (
        rings.create_aws_kms_ecdh_keyring(
            CreateAwsKmsEcdhKeyringInput(
                key_agreement_scheme=scheme, curve_spec=ECDHCurveSpec.ECC_NIST_P256, kms_client=kms
            )
        )
        for scheme in (sending, finding)
    )
    assert opens(sdk, theirs, seal(sdk, ours))
