"""Keys whose material the customer brings: wrapping it, importing it, losing it, bringing it again."""

import datetime
import hmac
import os
import re

import pytest
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import keys
from expect import eventually, fails
from test_kms_keys import MATERIAL

OAEP = "RSAES_OAEP_SHA_256"
HASHES = {"SHA_1": hashes.SHA1, "SHA_256": hashes.SHA256}
WRAPPING = [f"{how}_{sha}" for how in ("RSAES_OAEP", "RSA_AES_KEY_WRAP") for sha in HASHES]
NEVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def wrap(public, algorithm, material):
    """The material as `GetParametersForImport` wants it: encrypted, or under a key of its own that is."""
    sha = HASHES[algorithm[algorithm.index("SHA") :]]
    oaep = padding.OAEP(padding.MGF1(sha()), sha(), None)
    if algorithm.startswith("RSAES_OAEP"):
        return public.encrypt(material, oaep)
    between = os.urandom(32)
    return public.encrypt(between, oaep) + keywrap.aes_key_wrap_with_padding(between, material)


def parameters(kms, key, algorithm=OAEP, spec="RSA_2048"):
    got = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)
    return got, serialization.load_der_public_key(got["PublicKey"])


def bring(kms, key, material, algorithm=OAEP, spec="RSA_2048", **more):
    """Imports the material; it never expires unless something is said of it."""
    got, public = parameters(kms, key, algorithm, spec)
    given = more if {"ValidTo", "ExpirationModel"} & set(more) else {**NEVER, **more}
    wrapped = wrap(public, algorithm, material)
    return kms.import_key_material(KeyId=key, ImportToken=got["ImportToken"], EncryptedKeyMaterial=wrapped, **given)


@pytest.fixture
def external(kms):
    return keys.make(kms, Origin="EXTERNAL")


def now(kms):
    return keys.describe(kms, keys.make(kms))["CreationDate"]


# ---- importing -------------------------------------------------------------------------


def test_a_key_that_waits_for_its_material(kms, external):
    described = keys.describe(kms, external)
    assert (described["KeyState"], described["Enabled"], described["Origin"]) == ("PendingImport", False, "EXTERNAL")
    assert "ExpirationModel" not in described and "CurrentKeyMaterialId" not in described
    with fails("KMSInvalidStateException", f"{external} is pending import."):
        kms.encrypt(KeyId=external, Plaintext=b"x")


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
def test_the_parameters_for_an_import(kms, external, spec):
    got, public = parameters(kms, external, spec=spec)
    assert got["KeyId"] == external and public.key_size == int(spec[4:])
    assert got["ParametersValidTo"] - now(kms) - datetime.timedelta(days=1) < datetime.timedelta(minutes=1)
    again, other = parameters(kms, external, spec=spec)
    assert again["ImportToken"] != got["ImportToken"] and other != public


@pytest.mark.parametrize("algorithm", WRAPPING)
def test_symmetric_material(kms, external, algorithm):
    answer = bring(kms, external, os.urandom(32), algorithm)
    assert answer["KeyId"] == external and MATERIAL.fullmatch(answer["KeyMaterialId"])
    described = keys.describe(kms, external)
    assert (described["KeyState"], described["Enabled"]) == ("Enabled", True)
    assert described["ExpirationModel"] == "KEY_MATERIAL_DOES_NOT_EXPIRE" and "ValidTo" not in described
    assert described["CurrentKeyMaterialId"] == answer["KeyMaterialId"]
    blob = kms.encrypt(KeyId=external, Plaintext=b"plain")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"


@pytest.mark.parametrize("size", [16, 31, 33, 64])
def test_symmetric_material_of_other_sizes(kms, external, size):
    with fails({"IncorrectKeyMaterialException", "InvalidCiphertextException", "ValidationException"}):
        bring(kms, external, os.urandom(size))
    assert keys.state(kms, external) == "PendingImport"


@pytest.mark.parametrize("bits, size", [(224, 28), (256, 32), (384, 48), (512, 64)])
def test_macs_of_imported_material_are_pythons_own(kms, bits, size):
    key = keys.make(kms, Origin="EXTERNAL", KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC")
    material = os.urandom(size)
    bring(kms, key, material, "RSA_AES_KEY_WRAP_SHA_256")
    given = {"KeyId": key, "Message": b"the message", "MacAlgorithm": f"HMAC_SHA_{bits}"}
    mac = kms.generate_mac(**given)["Mac"]
    assert mac == hmac.digest(material, b"the message", f"sha{bits}")
    assert kms.verify_mac(**given, Mac=mac)["MacValid"]


def pkcs8(private):
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


PRIVATE_KEYS = {
    "RSA_2048": lambda: rsa.generate_private_key(65537, 2048),
    "ECC_NIST_P256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ECC_NIST_P384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ECC_NIST_P521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ECC_SECG_P256K1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey.generate,
}
SIGN_WITH = {
    "RSA_2048": "RSASSA_PSS_SHA_256",
    "ECC_NIST_P384": "ECDSA_SHA_384",
    "ECC_NIST_P521": "ECDSA_SHA_512",
    "ECC_NIST_EDWARDS25519": "ED25519_SHA_512",
}


@pytest.mark.parametrize("spec", PRIVATE_KEYS)
def test_private_keys_can_be_imported(kms, spec):
    key = keys.make(kms, Origin="EXTERNAL", KeySpec=spec, KeyUsage="SIGN_VERIFY")
    private = PRIVATE_KEYS[spec]()
    bring(kms, key, pkcs8(private), "RSA_AES_KEY_WRAP_SHA_256", "RSA_3072")
    assert kms.get_public_key(KeyId=key)["PublicKey"] == spki(private.public_key())
    given = {"KeyId": key, "Message": b"m", "SigningAlgorithm": SIGN_WITH.get(spec, "ECDSA_SHA_256")}
    signature = kms.sign(**given)["Signature"]
    assert kms.verify(**given, Signature=signature)["SignatureValid"]


def test_a_private_key_for_agreement_can_be_imported(kms):
    key = keys.make(kms, Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT")
    private, peer = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    bring(kms, key, pkcs8(private), OAEP)
    got = kms.derive_shared_secret(KeyId=key, KeyAgreementAlgorithm="ECDH", PublicKey=spki(peer.public_key()))
    assert got["SharedSecret"] == private.exchange(ec.ECDH(), peer.public_key())
    assert got["KeyOrigin"] == "EXTERNAL"


def test_a_private_key_of_another_spec(kms):
    key = keys.make(kms, Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    other = pkcs8(ec.generate_private_key(ec.SECP384R1()))
    with fails({"IncorrectKeyMaterialException", "ValidationException", "InvalidCiphertextException"}):
        bring(kms, key, other)


# ---- what goes wrong -------------------------------------------------------------------


def test_material_that_cannot_be_unwrapped(kms, external):
    got, public = parameters(kms, external)
    given = {"KeyId": external, "ImportToken": got["ImportToken"], **NEVER}
    for wrapped in (b"x" * 256, b"x", wrap(public, "RSAES_OAEP_SHA_1", os.urandom(32))):
        with fails("InvalidCiphertextException"):
            kms.import_key_material(EncryptedKeyMaterial=wrapped, **given)
    _, other = parameters(kms, external)
    with fails("InvalidCiphertextException"):
        kms.import_key_material(EncryptedKeyMaterial=wrap(other, OAEP, os.urandom(32)), **given)


def test_tokens_that_are_no_good(kms, external, clock_advance):
    other = keys.make(kms, Origin="EXTERNAL")
    got, public = parameters(kms, other)
    given = {"KeyId": external, "EncryptedKeyMaterial": wrap(public, OAEP, os.urandom(32)), **NEVER}
    for token in (b"nonsense", got["ImportToken"]):
        with fails("InvalidImportTokenException"):
            kms.import_key_material(ImportToken=token, **given)
    clock_advance("25h")
    with fails("ExpiredImportTokenException"):
        kms.import_key_material(ImportToken=got["ImportToken"], **{**given, "KeyId": other})


def test_wrapping_that_is_not_offered(kms, external):
    given = {"KeyId": external, "WrappingKeySpec": "RSA_2048"}
    with fails({"UnsupportedOperationException", "ValidationException"}):
        kms.get_parameters_for_import(WrappingAlgorithm="RSAES_PKCS1_V1_5", **given)
    with fails({"UnsupportedOperationException", "ValidationException"}):
        kms.get_parameters_for_import(WrappingAlgorithm="SM2PKE", KeyId=external, WrappingKeySpec="SM2")


def test_keys_that_take_no_material(kms):
    key = keys.make(kms)
    message = re.compile(re.escape(f"{key} origin is AWS_KMS which is not valid for this operation."))
    with fails("UnsupportedOperationException", message):
        parameters(kms, key)
    with fails("UnsupportedOperationException", message):
        kms.import_key_material(KeyId=key, ImportToken=b"x", EncryptedKeyMaterial=b"x", **NEVER)
    with fails("UnsupportedOperationException", message):
        kms.delete_imported_key_material(KeyId=key)


def test_rsa_keys_are_too_long_to_be_wrapped_directly(kms):
    key = keys.make(kms, Origin="EXTERNAL", KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    with fails({"UnsupportedOperationException", "ValidationException"}):
        parameters(kms, key, OAEP)


@pytest.mark.parametrize(
    "given",
    [
        {"ExpirationModel": "KEY_MATERIAL_EXPIRES"},
        {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": datetime.datetime(2020, 1, 1)},
        {"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": datetime.datetime(2100, 1, 1)},
        {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "ValidTo": datetime.datetime(2100, 1, 1)},
    ],
)
def test_expirations_that_make_no_sense(kms, external, given):
    with fails("ValidationException"):
        bring(kms, external, os.urandom(32), **given)


# ---- expiry, deletion, and the same again ----------------------------------------------


def test_material_expires_by_the_clock_and_can_be_brought_again(kms, external, clock_advance):
    material = os.urandom(32)
    end = now(kms) + datetime.timedelta(days=2)
    first = bring(kms, external, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=end)
    described = keys.describe(kms, external)
    assert described["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    assert abs(described["ValidTo"] - end) < datetime.timedelta(seconds=1)
    blob = kms.encrypt(KeyId=external, Plaintext=b"plain")["CiphertextBlob"]
    clock_advance("47h")
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"
    clock_advance("2h")
    eventually(lambda: keys.state(kms, external), lambda state: state == "PendingImport")
    with fails("KMSInvalidStateException", f"{external} is pending import."):
        kms.decrypt(CiphertextBlob=blob)
    with fails("IncorrectKeyMaterialException"):
        bring(kms, external, os.urandom(32))
    again = bring(kms, external, material)
    assert again["KeyMaterialId"] == first["KeyMaterialId"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"
    assert "ValidTo" not in keys.describe(kms, external)


def test_deleted_material_can_be_brought_again(kms, external):
    material = os.urandom(32)
    brought = bring(kms, external, material)["KeyMaterialId"]
    blob = kms.encrypt(KeyId=external, Plaintext=b"plain")["CiphertextBlob"]
    gone = kms.delete_imported_key_material(KeyId=external)
    assert (gone["KeyId"], gone["KeyMaterialId"]) == (external, brought)
    assert keys.state(kms, external) == "PendingImport"
    with fails("KMSInvalidStateException", f"{external} is pending import."):
        kms.decrypt(CiphertextBlob=blob)
    bring(kms, external, material)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"plain"


def test_other_material_is_not_the_same(kms, external):
    bring(kms, external, os.urandom(32))
    with fails("IncorrectKeyMaterialException"):
        bring(kms, external, os.urandom(32))


# ---- rotation --------------------------------------------------------------------------


def rotations(kms, key, **more):
    return kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL", **more)["Rotations"]


def test_new_material_waits_for_a_rotation_on_demand(kms, external):
    one, two = os.urandom(32), os.urandom(32)
    first = bring(kms, external, one, KeyMaterialDescription="the first")["KeyMaterialId"]
    blob = kms.encrypt(KeyId=external, Plaintext=b"old")["CiphertextBlob"]
    second = bring(kms, external, two, ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    assert keys.describe(kms, external)["CurrentKeyMaterialId"] == first != second
    states = {r["KeyMaterialId"]: (r["KeyMaterialState"], r["ImportState"]) for r in rotations(kms, external)}
    assert states == {first: ("CURRENT", "IMPORTED"), second: ("PENDING_ROTATION", "IMPORTED")}
    assert [r.get("KeyMaterialDescription") for r in rotations(kms, external) if r["KeyMaterialId"] == first] == [
        "the first"
    ]
    kms.rotate_key_on_demand(KeyId=external)
    eventually(lambda: keys.describe(kms, external)["CurrentKeyMaterialId"], lambda now: now == second)
    states = {r["KeyMaterialId"]: r["KeyMaterialState"] for r in rotations(kms, external)}
    assert states == {first: "NON_CURRENT", second: "CURRENT"}
    got = kms.decrypt(CiphertextBlob=blob)
    assert (got["Plaintext"], got["KeyMaterialId"]) == (b"old", first)
    new = kms.encrypt(KeyId=external, Plaintext=b"new")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["KeyMaterialId"] == second
    kms.delete_imported_key_material(KeyId=external, KeyMaterialId=first)
    assert keys.state(kms, external) == "PendingImport"
    bring(kms, external, one, KeyMaterialId=first)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"old"


def test_without_new_material_there_is_nothing_to_rotate_to(kms, external):
    bring(kms, external, os.urandom(32))
    with fails({"KMSInvalidStateException", "UnsupportedOperationException"}):
        kms.rotate_key_on_demand(KeyId=external)
    with fails("UnsupportedOperationException", re.compile("origin is EXTERNAL which is not valid for this operation")):
        kms.enable_key_rotation(KeyId=external)
