"""Asymmetric keys: what they sign, encrypt and agree on, checked by a library that has only the public key."""

import hashlib
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, mlkem, padding, utils

import expect
import keys
from expect import fails
from test_kms_keys import SPECS

HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}
CURVES = {"ECC_NIST_P256": ec.SECP256R1, "ECC_NIST_P384": ec.SECP384R1, "ECC_NIST_P521": ec.SECP521R1}
SIGNATURES = [(spec, algorithm) for spec, usage, _, found in SPECS if usage == "SIGN_VERIFY" for algorithm in found]
HASHED = [(s, a) for s, a in SIGNATURES if a.startswith(("RSA", "ECDSA"))]
MESSAGE = b"what is signed"
ML_KEM_CIPHERTEXT_BYTES = {"ML_KEM_512": 768, "ML_KEM_768": 1088, "ML_KEM_1024": 1568}


@pytest.fixture(scope="module")
def key_of(kms):
    """key_of(spec, usage): made once for each, and stays as it is."""
    made = {}

    def get(spec, usage):
        if (spec, usage) not in made:
            made[spec, usage] = keys.make(kms, KeySpec=spec, KeyUsage=usage)
        return made[spec, usage]

    return get


@pytest.fixture
def signing(key_of):
    return key_of("ECC_NIST_P256", "SIGN_VERIFY")


def public_key(kms, key):
    return serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])


def hash_of(algorithm):
    return HASHES[algorithm[-3:]]()


def digest(algorithm, message=MESSAGE):
    return hashlib.new(f"sha{algorithm[-3:]}", message).digest()


def check_signature(public, algorithm, signature, message):
    """Raises InvalidSignature if the library does not find it right."""
    if algorithm.startswith("RSASSA_PSS"):
        # AWS's salt is as long as the digest.
        chosen = padding.PSS(padding.MGF1(hash_of(algorithm)), padding.PSS.DIGEST_LENGTH)
        public.verify(signature, message, chosen, hash_of(algorithm))
    elif algorithm.startswith("RSASSA_PKCS1"):
        public.verify(signature, message, padding.PKCS1v15(), hash_of(algorithm))
    elif algorithm.startswith("ECDSA"):
        public.verify(signature, message, ec.ECDSA(hash_of(algorithm)))
    else:
        public.verify(signature, message)


# ---- public keys -----------------------------------------------------------------------


@pytest.mark.parametrize("spec, usage, where, algorithms", [s for s in SPECS if not s[0].startswith(("HMAC", "SYMM"))])
def test_public_keys(kms, key_of, spec, usage, where, algorithms):
    key = key_of(spec, usage)
    got = kms.get_public_key(KeyId=key)
    assert (got["KeyId"], got["KeySpec"], got["KeyUsage"], got["CustomerMasterKeySpec"]) == (key, spec, usage, spec)
    assert sorted(got[where]) == sorted(algorithms)
    if spec == "ML_KEM_512":
        assert len(got["PublicKey"]) == 22 + 800, "the library knows no ML-KEM-512"
        return
    public = serialization.load_der_public_key(got["PublicKey"])
    if spec.startswith("RSA"):
        assert (public.key_size, public.public_numbers().e) == (int(spec[4:]), 65537)
    elif spec in CURVES:
        assert isinstance(public.curve, CURVES[spec])
    elif spec.startswith("ML"):
        module = {"ML_DSA": mldsa, "ML_KEM": mlkem}[spec[:6]]
        assert isinstance(public, getattr(module, spec.replace("_", "", 2) + "PublicKey"))


def test_a_public_key_stays_the_same(kms, signing):
    assert kms.get_public_key(KeyId=signing)["PublicKey"] == kms.get_public_key(KeyId=keys.id_of(signing))["PublicKey"]
    other = keys.make(kms, **keys.KINDS["signing"])
    assert kms.get_public_key(KeyId=signing)["PublicKey"] != kms.get_public_key(KeyId=other)["PublicKey"]


@pytest.mark.parametrize("kind", ["symmetric", "mac"])
def test_keys_without_a_public_half(kms, kind):
    with fails("UnsupportedOperationException"):
        kms.get_public_key(KeyId=keys.make(kms, **keys.KINDS[kind]))


# ---- signing ---------------------------------------------------------------------------


@pytest.mark.parametrize("spec, algorithm", [s for s in SIGNATURES if s[1] != "ED25519_PH_SHA_512"])
def test_signatures_of_messages(kms, key_of, spec, algorithm):
    key = key_of(spec, "SIGN_VERIFY")
    given = {"KeyId": key, "SigningAlgorithm": algorithm}
    signed = kms.sign(Message=MESSAGE, **given)
    signature = signed["Signature"]
    assert (signed["KeyId"], signed["SigningAlgorithm"]) == (key, algorithm)
    check_signature(public_key(kms, key), algorithm, signature, MESSAGE)
    verified = kms.verify(Message=MESSAGE, Signature=signature, MessageType="RAW", **given)
    assert (verified["KeyId"], verified["SigningAlgorithm"], verified["SignatureValid"]) == (key, algorithm, True)
    for message, wrong in ((MESSAGE + b"!", signature), (MESSAGE, signature[:-1] + bytes([signature[-1] ^ 1]))):
        with pytest.raises(InvalidSignature):
            check_signature(public_key(kms, key), algorithm, wrong, message)
        with fails("KMSInvalidSignatureException"):
            kms.verify(Message=message, Signature=wrong, **given)
    with fails("KMSInvalidSignatureException"):
        kms.verify(Message=MESSAGE, Signature=b"none", **given)


@pytest.mark.parametrize("spec, algorithm", HASHED)
def test_a_message_and_its_digest_are_the_same(kms, key_of, spec, algorithm):
    given = {"KeyId": key_of(spec, "SIGN_VERIFY"), "SigningAlgorithm": algorithm}
    of_digest = kms.sign(Message=digest(algorithm), MessageType="DIGEST", **given)["Signature"]
    check_signature(public_key(kms, given["KeyId"]), algorithm, of_digest, MESSAGE)
    assert kms.verify(Message=MESSAGE, Signature=of_digest, **given)["SignatureValid"]
    of_message = kms.sign(Message=MESSAGE, **given)["Signature"]
    assert kms.verify(Message=digest(algorithm), MessageType="DIGEST", Signature=of_message, **given)["SignatureValid"]
    # Signed as a message, the digest is hashed once more.
    twice = kms.sign(Message=digest(algorithm), MessageType="RAW", **given)["Signature"]
    check_signature(public_key(kms, given["KeyId"]), algorithm, twice, digest(algorithm))
    with fails("ValidationException"):
        kms.sign(Message=digest(algorithm)[:-1], MessageType="DIGEST", **given)
    with fails("ValidationException"):
        kms.verify(Message=digest(algorithm) + b"x", MessageType="DIGEST", Signature=of_digest, **given)


def test_ed25519_signs_messages_and_digests_differently(kms, key_of):
    key = key_of("ECC_NIST_EDWARDS25519", "SIGN_VERIFY")
    pure = {"KeyId": key, "SigningAlgorithm": "ED25519_SHA_512"}
    hashed = {"KeyId": key, "SigningAlgorithm": "ED25519_PH_SHA_512"}
    given = {"Message": digest("512"), "MessageType": "DIGEST"}
    signature = kms.sign(**hashed, **given)["Signature"]
    assert len(signature) == 64
    assert kms.verify(**hashed, **given, Signature=signature)["SignatureValid"]
    with fails("KMSInvalidSignatureException"):
        kms.verify(**hashed, Message=digest("512", b"other"), MessageType="DIGEST", Signature=signature)
    with fails("KMSInvalidSignatureException"):
        kms.verify(**pure, Message=digest("512"), Signature=signature)
    with fails("ValidationException"):
        kms.sign(**pure, **given)
    with fails("ValidationException"):
        kms.sign(**hashed, Message=MESSAGE)


@pytest.mark.parametrize("size", [44, 65, 87])
def test_ml_dsa_signs_what_was_hashed_elsewhere(kms, key_of, size):
    key = key_of(f"ML_DSA_{size}", "SIGN_VERIFY")
    given = {"KeyId": key, "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    public = public_key(kms, key)
    # FIPS 204: mu is the hash of the public key's hash, an empty context, and the message.
    tr = hashlib.shake_256(public.public_bytes_raw()).digest(64)
    mu = hashlib.shake_256(tr + b"\0\0" + MESSAGE).digest(64)
    signature = kms.sign(Message=mu, MessageType="EXTERNAL_MU", **given)["Signature"]
    public.verify(signature, MESSAGE)
    assert kms.verify(Message=MESSAGE, Signature=signature, **given)["SignatureValid"]
    assert kms.verify(Message=mu, MessageType="EXTERNAL_MU", Signature=signature, **given)["SignatureValid"]
    with fails("ValidationException"):
        kms.sign(Message=mu[:-1], MessageType="EXTERNAL_MU", **given)
    with fails("ValidationException", re.compile(f"Message type DIGEST is incompatible with key spec ML_DSA_{size}")):
        kms.sign(Message=mu, MessageType="DIGEST", **given)


def test_external_mu_is_for_ml_dsa_alone(kms, signing):
    with fails("ValidationException"):
        kms.sign(KeyId=signing, Message=b"x" * 64, MessageType="EXTERNAL_MU", SigningAlgorithm="ECDSA_SHA_256")


def test_ecdsa_signatures_are_der(kms, signing):
    signature = kms.sign(KeyId=signing, Message=MESSAGE, SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    r, s = utils.decode_dss_signature(signature)
    assert utils.encode_dss_signature(r, s) == signature


def test_signatures_of_other_keys_and_algorithms(kms, key_of):
    one = {"KeyId": key_of("RSA_2048", "SIGN_VERIFY"), "Message": MESSAGE}
    signature = kms.sign(**one, SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
    with fails("KMSInvalidSignatureException"):
        kms.verify(**one, SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256", Signature=signature)
    other = keys.make(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    with fails("KMSInvalidSignatureException"):
        kms.verify(KeyId=other, Message=MESSAGE, SigningAlgorithm="RSASSA_PSS_SHA_256", Signature=signature)


def test_algorithms_that_a_key_has_not(kms, signing, key_of):
    with fails("InvalidKeyUsageException"):
        kms.sign(KeyId=signing, Message=MESSAGE, SigningAlgorithm="ECDSA_SHA_384")
    with fails("InvalidKeyUsageException"):
        kms.verify(KeyId=signing, Message=MESSAGE, Signature=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
    encrypting = key_of("RSA_2048", "ENCRYPT_DECRYPT")
    message = f"{encrypting} key usage is ENCRYPT_DECRYPT which is not valid for Sign."
    with fails("InvalidKeyUsageException", message):
        kms.sign(KeyId=encrypting, Message=MESSAGE, SigningAlgorithm="RSASSA_PSS_SHA_256")
    with fails("InvalidKeyUsageException"):
        kms.verify(KeyId=encrypting, Message=MESSAGE, Signature=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")


def test_messages_that_are_too_long(server, signing):
    kms = expect.caller(server, "test", service="kms", parameter_validation=False)
    given = {"KeyId": signing, "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(Message=b"x" * 4096, **given)["Signature"]
    assert kms.verify(Message=b"x" * 4096, Signature=signature, **given)["SignatureValid"]
    with fails("ValidationException"):
        kms.sign(Message=b"x" * 4097, **given)
    with fails("ValidationException"):
        kms.sign(Message=b"", **given)


# ---- RSA encryption --------------------------------------------------------------------


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
@pytest.mark.parametrize("algorithm, sha", [("RSAES_OAEP_SHA_1", hashes.SHA1), ("RSAES_OAEP_SHA_256", hashes.SHA256)])
def test_rsa_encryption(kms, key_of, bits, algorithm, sha):
    given = {"KeyId": key_of(f"RSA_{bits}", "ENCRYPT_DECRYPT"), "EncryptionAlgorithm": algorithm}
    longest = bits // 8 - 2 * sha.digest_size - 2
    encrypted = kms.encrypt(Plaintext=b"m" * longest, **given)
    assert (encrypted["KeyId"], encrypted["EncryptionAlgorithm"]) == (given["KeyId"], algorithm)
    assert len(encrypted["CiphertextBlob"]) == bits // 8
    got = kms.decrypt(CiphertextBlob=encrypted["CiphertextBlob"], **given)
    assert (got["Plaintext"], got["EncryptionAlgorithm"]) == (b"m" * longest, algorithm)
    oaep = padding.OAEP(padding.MGF1(sha()), sha(), None)
    outside = public_key(kms, given["KeyId"]).encrypt(MESSAGE, oaep)
    assert kms.decrypt(CiphertextBlob=outside, **given)["Plaintext"] == MESSAGE
    with fails("ValidationException"):
        kms.encrypt(Plaintext=b"m" * (longest + 1), **given)
    for spoilt in (outside[:-1] + bytes([outside[-1] ^ 1]), outside[:-1], outside + b"x"):
        with fails("InvalidCiphertextException"):
            kms.decrypt(CiphertextBlob=spoilt, **given)
    other = {"RSAES_OAEP_SHA_1": "RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_256": "RSAES_OAEP_SHA_1"}[algorithm]
    with fails("InvalidCiphertextException"):
        kms.decrypt(CiphertextBlob=outside, KeyId=given["KeyId"], EncryptionAlgorithm=other)


def test_rsa_ciphertexts_do_not_name_their_key(kms, key_of):
    key = key_of("RSA_2048", "ENCRYPT_DECRYPT")
    oaep = {"EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", **oaep)["CiphertextBlob"]
    with fails({"InvalidCiphertextException", "ValidationException"}):
        kms.decrypt(CiphertextBlob=blob)
    with fails({"InvalidCiphertextException", "ValidationException"}):
        kms.decrypt(CiphertextBlob=blob, **oaep)
    # Without the algorithm it is a symmetric one that is asked for.
    with fails({"InvalidKeyUsageException", "ValidationException"}):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    with fails(
        {"InvalidKeyUsageException", "ValidationException", "InvalidCiphertextException", "IncorrectKeyException"}
    ):
        kms.decrypt(KeyId=key, CiphertextBlob=blob)
    with fails("ValidationException"):
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "b"}, **oaep)


# ---- shared secrets --------------------------------------------------------------------


def spki(public):
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("spec", CURVES)
def test_both_sides_derive_the_same_secret(kms, key_of, spec):
    key = key_of(spec, "KEY_AGREEMENT")
    peer = ec.generate_private_key(CURVES[spec]())
    given = {"KeyId": key, "KeyAgreementAlgorithm": "ECDH"}
    got = kms.derive_shared_secret(PublicKey=spki(peer.public_key()), **given)
    assert (got["KeyId"], got["KeyAgreementAlgorithm"], got["KeyOrigin"]) == (key, "ECDH", "AWS_KMS")
    assert got["SharedSecret"] == peer.exchange(ec.ECDH(), public_key(kms, key))


def test_two_keys_agree(kms, key_of):
    one, two = key_of("ECC_NIST_P256", "KEY_AGREEMENT"), keys.make(kms, **keys.KINDS["agreement"])
    secrets = {
        kms.derive_shared_secret(
            KeyId=mine, KeyAgreementAlgorithm="ECDH", PublicKey=kms.get_public_key(KeyId=theirs)["PublicKey"]
        )["SharedSecret"]
        for mine, theirs in ((one, two), (two, one))
    }
    assert len(secrets) == 1


def test_public_keys_that_do_not_fit(kms, key_of, signing):
    given = {"KeyId": key_of("ECC_NIST_P256", "KEY_AGREEMENT"), "KeyAgreementAlgorithm": "ECDH"}
    for curve in (ec.SECP384R1(), ec.SECP256K1()):
        with fails("ValidationException"):
            kms.derive_shared_secret(PublicKey=spki(ec.generate_private_key(curve).public_key()), **given)
    with fails("ValidationException"):
        kms.derive_shared_secret(PublicKey=b"no key", **given)
    good = spki(ec.generate_private_key(ec.SECP256R1()).public_key())
    off_the_curve = good[:-1] + bytes([good[-1] ^ 1])
    with fails("ValidationException"):
        kms.derive_shared_secret(PublicKey=off_the_curve, **given)
    with fails("InvalidKeyUsageException"):
        kms.derive_shared_secret(KeyId=signing, KeyAgreementAlgorithm="ECDH", PublicKey=good)


# ---- encapsulation ---------------------------------------------------------------------


@pytest.mark.parametrize("spec", ML_KEM_CIPHERTEXT_BYTES)
def test_secrets_in_capsules(kms, key_of, spec):
    key = key_of(spec, "ENCAPSULATE_DECAPSULATE")
    given = {"KeyId": key, "EncapsulationAlgorithm": "ML_KEM"}
    made = kms.encapsulate(**given)
    assert (made["KeyId"], made["EncapsulationAlgorithm"], len(made["SharedSecret"])) == (key, "ML_KEM", 32)
    blob = made["SharedSecretCiphertextBlob"]
    assert len(blob) == ML_KEM_CIPHERTEXT_BYTES[spec]
    got = kms.decapsulate(SharedSecretCiphertextBlob=blob, **given)
    assert (got["KeyId"], got["EncapsulationAlgorithm"], got["SharedSecret"]) == (key, "ML_KEM", made["SharedSecret"])
    # Implicit rejection: another capsule gives another secret, and no error.
    spoilt = kms.decapsulate(SharedSecretCiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), **given)["SharedSecret"]
    assert len(spoilt) == 32 and spoilt != made["SharedSecret"]
    for wrong in (blob[:-1], blob + b"x"):
        with fails("InvalidCiphertextException"):
            kms.decapsulate(SharedSecretCiphertextBlob=wrong, **given)
    if spec != "ML_KEM_512":
        secret, outside = public_key(kms, key).encapsulate()
        assert kms.decapsulate(SharedSecretCiphertextBlob=outside, **given)["SharedSecret"] == secret


def test_only_such_keys_make_capsules(kms, signing):
    with fails("InvalidKeyUsageException"):
        kms.encapsulate(KeyId=signing, EncapsulationAlgorithm="ML_KEM")
    with fails("InvalidKeyUsageException"):
        kms.decapsulate(KeyId=signing, EncapsulationAlgorithm="ML_KEM", SharedSecretCiphertextBlob=b"x" * 1088)
