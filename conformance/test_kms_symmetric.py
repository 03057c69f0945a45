"""Symmetric keys: encrypting, decrypting, data keys, the context that is bound in, and everything that tampers."""

import itertools
import re

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

import expect
import keys
from expect import fails
from test_kms_keys import MATERIAL

CONTEXT = {"purpose": "test", "tenant": "f\u00f6g"}


@pytest.fixture(scope="module")
def key(kms):
    """Stays enabled and as it is."""
    return keys.make(kms)


@pytest.fixture
def lax(server):
    """A client that lets everything through to the service."""
    return expect.caller(server, "test", service="kms", parameter_validation=False)


def encrypt(kms, key, plaintext=b"plain", **more):
    return kms.encrypt(KeyId=key, Plaintext=plaintext, **more)["CiphertextBlob"]


@pytest.mark.parametrize("plaintext", [b"x", b"\0" * 32, bytes(range(256)), b"m" * 4096], ids=len)
def test_there_and_back(kms, key, plaintext):
    encrypted = kms.encrypt(KeyId=key, Plaintext=plaintext)
    assert (encrypted["KeyId"], encrypted["EncryptionAlgorithm"]) == (key, "SYMMETRIC_DEFAULT")
    blob = encrypted["CiphertextBlob"]
    assert plaintext not in blob or len(plaintext) == 1
    got = kms.decrypt(CiphertextBlob=blob)
    assert got["Plaintext"] == plaintext
    assert (got["KeyId"], got["EncryptionAlgorithm"]) == (key, "SYMMETRIC_DEFAULT")
    assert got["KeyMaterialId"] == keys.describe(kms, key)["CurrentKeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=blob, KeyId=keys.id_of(key))["Plaintext"] == plaintext


def test_a_plaintext_that_is_too_long(kms, key, lax):
    message = re.compile(
        "at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"
    )
    with fails("ValidationException", message):
        kms.encrypt(KeyId=key, Plaintext=b"x" * 4097)
    with fails("ValidationException", re.compile("Member must have length greater than or equal to 1")):
        lax.encrypt(KeyId=key, Plaintext=b"")


def test_equal_plaintexts_look_different(kms, key):
    assert len({encrypt(kms, key) for _ in range(5)}) == 5


def test_the_old_words_still_mean_the_same(kms, key):
    blob = encrypt(kms, key, EncryptionAlgorithm="SYMMETRIC_DEFAULT")
    assert kms.decrypt(CiphertextBlob=blob, EncryptionAlgorithm="SYMMETRIC_DEFAULT")["Plaintext"] == b"plain"


def test_an_algorithm_of_other_keys(kms, key):
    with fails({"InvalidKeyUsageException", "ValidationException"}):
        encrypt(kms, key, EncryptionAlgorithm="RSAES_OAEP_SHA_256")


# ---- what spoils a ciphertext ----------------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"purpose": "test"},
        {**CONTEXT, "more": ""},
        {**CONTEXT, "tenant": "Fog"},
        {"Purpose": "test", "tenant": "f\u00f6g"},
    ],
)
def test_another_context_than_the_one_it_was_encrypted_with(kms, key, context):
    blob = encrypt(kms, key, EncryptionContext=CONTEXT)
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, **({} if context is None else {"EncryptionContext": context}))


def test_the_order_of_a_context_does_not_matter(kms, key):
    pairs = list({"a": "1", "b": "2", "c": "", "": "empty name"}.items())[:3]
    blob = encrypt(kms, key, EncryptionContext=dict(pairs))
    for order in itertools.permutations(pairs):
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(order))["Plaintext"] == b"plain"


def test_a_context_where_there_was_none(kms, key):
    blob = encrypt(kms, key)
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={})["Plaintext"] == b"plain"


def test_pairs_do_not_run_into_each_other(kms, key):
    blob = encrypt(kms, key, EncryptionContext={"ab": "c"})
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "bc"})


def test_a_context_that_is_too_large(kms, key):
    with fails({"ValidationException", "LimitExceededException"}):
        encrypt(kms, key, EncryptionContext={"a": "x" * 9000})


def test_every_changed_byte_is_noticed(kms, key):
    blob = encrypt(kms, key, b"0123456789")
    # The head names the key, so that a change there may lead to another one.
    codes = {"InvalidCiphertextException", "AccessDeniedException", "NotFoundException"}
    for at in sorted({0, 1, 5, 20, len(blob) // 2, len(blob) - 17, len(blob) - 16, len(blob) - 1}):
        changed = bytearray(blob)
        changed[at] ^= 1
        with fails(codes if at < len(blob) // 2 else "InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=bytes(changed), KeyId=key)


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:16], lambda b: b[:1], lambda b: b"nonsense"]
)
def test_ciphertexts_that_are_none(kms, key, spoil):
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=spoil(encrypt(kms, key)))


def test_two_ciphertexts_cannot_be_mixed(kms, key):
    one, two = encrypt(kms, key), encrypt(kms, key)
    half = len(one) - 16
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=one[:half] + two[half:])


def test_naming_another_key_than_the_ciphertexts(kms, key):
    other = keys.make(kms)
    blob = encrypt(kms, key)
    message = re.compile("The key ID in the request does not identify a (CMK|KMS key) that can perform this operation")
    for name in (other, keys.id_of(other), keys.alias(kms, other)):
        with fails("IncorrectKeyException", message):
            kms.decrypt(CiphertextBlob=blob, KeyId=name)
        with fails("IncorrectKeyException", message):
            kms.re_encrypt(CiphertextBlob=blob, SourceKeyId=name, DestinationKeyId=other)


def test_the_wrong_kind_of_key(kms, key):
    signing = keys.make(kms, **keys.KINDS["signing"])
    message = f"{signing} key usage is SIGN_VERIFY which is not valid for Encrypt."
    with fails("InvalidKeyUsageException", message):
        kms.encrypt(KeyId=signing, Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    for operation, more in (
        ("GenerateDataKey", {"KeySpec": "AES_256"}),
        ("GenerateDataKeyWithoutPlaintext", {"KeySpec": "AES_256"}),
        ("GenerateDataKeyPair", {"KeyPairSpec": "ECC_NIST_P256"}),
        ("GenerateDataKeyPairWithoutPlaintext", {"KeyPairSpec": "ECC_NIST_P256"}),
    ):
        with fails("InvalidKeyUsageException"):
            keys.call(kms, operation, KeyId=signing, **more)
    rsa_key = keys.make(kms, **keys.KINDS["rsa"])
    with fails("InvalidKeyUsageException"):
        kms.generate_data_key(KeyId=rsa_key, KeySpec="AES_256")


# ---- encrypting again ------------------------------------------------------------------


def test_encrypting_again_under_another_key_and_context(kms, key):
    other = keys.make(kms)
    blob = encrypt(kms, key, EncryptionContext=CONTEXT)
    given = {"CiphertextBlob": blob, "SourceEncryptionContext": CONTEXT, "DestinationEncryptionContext": {"new": "1"}}
    again = kms.re_encrypt(DestinationKeyId=other, SourceKeyId=key, **given)
    assert (again["SourceKeyId"], again["KeyId"]) == (key, other)
    assert (again["SourceEncryptionAlgorithm"], again["DestinationEncryptionAlgorithm"]) == ("SYMMETRIC_DEFAULT",) * 2
    assert again["SourceKeyMaterialId"] == keys.describe(kms, key)["CurrentKeyMaterialId"]
    assert again["DestinationKeyMaterialId"] == keys.describe(kms, other)["CurrentKeyMaterialId"]
    got = kms.decrypt(CiphertextBlob=again["CiphertextBlob"], EncryptionContext={"new": "1"})
    assert (got["Plaintext"], got["KeyId"]) == (b"plain", other)
    with fails("InvalidCiphertextException"):
        kms.re_encrypt(DestinationKeyId=other, CiphertextBlob=blob)


def test_encrypting_again_between_kinds_of_keys(kms, key):
    rsa_key = keys.make(kms, **keys.KINDS["rsa"])
    oaep = {"DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    there = kms.re_encrypt(CiphertextBlob=encrypt(kms, key), DestinationKeyId=rsa_key, **oaep)
    assert there["DestinationEncryptionAlgorithm"] == "RSAES_OAEP_SHA_256" and len(there["CiphertextBlob"]) == 256
    back = {"SourceKeyId": rsa_key, "SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    again = kms.re_encrypt(CiphertextBlob=there["CiphertextBlob"], DestinationKeyId=key, **back)
    assert kms.decrypt(CiphertextBlob=again["CiphertextBlob"])["Plaintext"] == b"plain"


# ---- data keys -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, size",
    [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), *[({"NumberOfBytes": n}, n) for n in (1, 64, 1024)]],
)
def test_data_keys(kms, key, given, size):
    made = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **given)
    assert (len(made["Plaintext"]), made["KeyId"]) == (size, key)
    assert MATERIAL.fullmatch(made["KeyMaterialId"])
    got = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert got["Plaintext"] == made["Plaintext"]
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"])
    closed = kms.generate_data_key_without_plaintext(KeyId=key, EncryptionContext=CONTEXT, **given)
    assert "Plaintext" not in closed and closed["KeyId"] == key
    opened = kms.decrypt(CiphertextBlob=closed["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"]
    assert len(opened) == size


def test_data_keys_are_never_the_same(kms, key):
    made = [kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"] for _ in range(10)]
    assert len(set(made)) == 10


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"KeySpec": "AES_256", "NumberOfBytes": 32},
        {"NumberOfBytes": 0},
        {"NumberOfBytes": 1025},
        {"KeySpec": "AES_512"},
    ],
)
def test_sizes_of_data_keys_that_are_refused(lax, key, given):
    for call in (lax.generate_data_key, lax.generate_data_key_without_plaintext):
        with fails("ValidationException"):
            call(KeyId=key, **given)


CURVES = {
    "ECC_NIST_P256": ec.SECP256R1,
    "ECC_NIST_P384": ec.SECP384R1,
    "ECC_NIST_P521": ec.SECP521R1,
    "ECC_SECG_P256K1": ec.SECP256K1,
}


def is_of_spec(private, spec):
    if spec.startswith("RSA"):
        return isinstance(private, rsa.RSAPrivateKey) and private.key_size == int(spec[4:])
    if spec == "ECC_NIST_EDWARDS25519":
        return isinstance(private, ed25519.Ed25519PrivateKey)
    return isinstance(private.curve, CURVES[spec])


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096", *CURVES, "ECC_NIST_EDWARDS25519"])
def test_pairs_of_data_keys(kms, key, spec):
    given = {"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": CONTEXT}
    made = kms.generate_data_key_pair(**given)
    assert (made["KeyId"], made["KeyPairSpec"]) == (key, spec)
    private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
    assert is_of_spec(private, spec)
    assert serialization.load_der_public_key(made["PublicKey"]) == private.public_key()
    blob = made["PrivateKeyCiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == made["PrivateKeyPlaintext"]
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=blob)
    closed = kms.generate_data_key_pair_without_plaintext(**given)
    assert "PrivateKeyPlaintext" not in closed and closed["KeyPairSpec"] == spec
    opened = kms.decrypt(CiphertextBlob=closed["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"]
    private = serialization.load_der_private_key(opened, None)
    assert serialization.load_der_public_key(closed["PublicKey"]) == private.public_key()


@pytest.mark.parametrize("spec, size", [("ML_KEM_512", 800), ("ML_KEM_768", 1184), ("ML_KEM_1024", 1568)])
def test_pairs_of_data_keys_after_quanta(kms, key, spec, size):
    made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
    # SubjectPublicKeyInfo: 22 bytes stand before the key itself.
    assert len(made["PublicKey"]) == 22 + size
    got = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert got == made["PrivateKeyPlaintext"]
    if spec != "ML_KEM_512":
        # The library knows no ML-KEM-512.
        private = serialization.load_der_private_key(got, None)
        assert private.public_key().public_bytes_raw() == made["PublicKey"][22:]


def test_pairs_of_the_spec_of_china(kms, key):
    for call in (kms.generate_data_key_pair, kms.generate_data_key_pair_without_plaintext):
        with fails({"UnsupportedOperationException", "ValidationException"}):
            call(KeyId=key, KeyPairSpec="SM2")


# ---- random bytes ----------------------------------------------------------------------


def test_random_bytes(kms, lax):
    made = {n: kms.generate_random(NumberOfBytes=n)["Plaintext"] for n in (1, 32, 1024)}
    assert {n: len(v) for n, v in made.items()} == {1: 1, 32: 32, 1024: 1024}
    assert kms.generate_random(NumberOfBytes=32)["Plaintext"] != made[32]
    assert len(set(made[1024])) > 200
    for given in ({}, {"NumberOfBytes": 0}, {"NumberOfBytes": 1025}):
        with fails("ValidationException"):
            lax.generate_random(**given)
    with fails("CustomKeyStoreNotFoundException"):
        kms.generate_random(NumberOfBytes=1, CustomKeyStoreId="cks-1234567890abcdef0")
