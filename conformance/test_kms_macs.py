"""HMAC keys. That they compute what others compute is shown with imported material, in test_kms_imports.py."""

import pytest

import expect
import keys
from expect import fails

BITS = (224, 256, 384, 512)


@pytest.fixture(scope="module", params=BITS)
def given(kms, request):
    key = keys.make(kms, KeySpec=f"HMAC_{request.param}", KeyUsage="GENERATE_VERIFY_MAC")
    return {"KeyId": key, "MacAlgorithm": f"HMAC_SHA_{request.param}"}


def test_macs(kms, given):
    made = kms.generate_mac(Message=b"the message", **given)
    assert (made["KeyId"], made["MacAlgorithm"]) == (given["KeyId"], given["MacAlgorithm"])
    assert len(made["Mac"]) * 8 == int(given["MacAlgorithm"][-3:])
    assert kms.generate_mac(Message=b"the message", **given)["Mac"] == made["Mac"]
    found = kms.verify_mac(Message=b"the message", Mac=made["Mac"], **given)
    assert (found["KeyId"], found["MacAlgorithm"], found["MacValid"]) == (given["KeyId"], given["MacAlgorithm"], True)


def test_macs_that_are_wrong(kms, given):
    mac = kms.generate_mac(Message=b"the message", **given)["Mac"]
    for message, wrong in (
        (b"another", mac),
        (b"the message", mac[:-1]),
        (b"the message", mac + b"x"),
        (b"the message", bytes([mac[0] ^ 1]) + mac[1:]),
    ):
        with fails("KMSInvalidMacException"):
            kms.verify_mac(Message=message, Mac=wrong, **given)


def test_another_key_makes_another_mac(kms, given):
    spec = given["MacAlgorithm"].replace("_SHA", "")
    other = {**given, "KeyId": keys.make(kms, KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")}
    mac = kms.generate_mac(Message=b"the message", **given)["Mac"]
    assert kms.generate_mac(Message=b"the message", **other)["Mac"] != mac
    with fails("KMSInvalidMacException"):
        kms.verify_mac(Message=b"the message", Mac=mac, **other)


def test_algorithms_and_keys_that_do_not_fit(kms, given):
    other = "HMAC_SHA_256" if given["MacAlgorithm"] != "HMAC_SHA_256" else "HMAC_SHA_512"
    with fails("InvalidKeyUsageException"):
        kms.generate_mac(KeyId=given["KeyId"], MacAlgorithm=other, Message=b"m")
    with fails("InvalidKeyUsageException"):
        kms.verify_mac(KeyId=given["KeyId"], MacAlgorithm=other, Message=b"m", Mac=b"x")
    symmetric = keys.make(kms)
    message = f"{symmetric} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."
    with fails("InvalidKeyUsageException", message):
        kms.generate_mac(KeyId=symmetric, MacAlgorithm=other, Message=b"m")
    with fails("InvalidKeyUsageException"):
        kms.encrypt(KeyId=given["KeyId"], Plaintext=b"m")
    with fails({"InvalidKeyUsageException", "InvalidCiphertextException", "IncorrectKeyException"}):
        kms.decrypt(KeyId=given["KeyId"], CiphertextBlob=b"m")


def test_messages_that_are_too_long(server, given):
    kms = expect.caller(server, "test", service="kms", parameter_validation=False)
    assert kms.generate_mac(Message=b"x" * 4096, **given)["Mac"]
    for message in (b"", b"x" * 4097):
        with fails("ValidationException"):
            kms.generate_mac(Message=message, **given)
