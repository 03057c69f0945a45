"""Rotation: new material by the clock or on demand; what was encrypted before still decrypts."""

import datetime
import re

import pytest

import expect
import keys
from expect import eventually, fails
from test_kms_keys import MATERIAL

DAY = datetime.timedelta(days=1)


@pytest.fixture
def key(kms):
    return keys.make(kms)


def status(kms, key):
    found = kms.get_key_rotation_status(KeyId=key)
    del found["ResponseMetadata"]
    return found


def rotations(kms, key, **more):
    return kms.list_key_rotations(KeyId=key, **more)["Rotations"]


def wait_for(kms, key, many):
    return eventually(lambda: rotations(kms, key), lambda found: len(found) >= many)


def encrypt(kms, key):
    return kms.encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]


def material_of(kms, blob):
    got = kms.decrypt(CiphertextBlob=blob)
    assert got["Plaintext"] == b"plain"
    return got["KeyMaterialId"]


def test_rotation_is_off_at_first_and_a_year_by_default(kms, key):
    assert status(kms, key) == {"KeyRotationEnabled": False, "KeyId": key}
    kms.enable_key_rotation(KeyId=key)
    found = status(kms, key)
    next_date = found.pop("NextRotationDate")
    assert found == {"KeyRotationEnabled": True, "KeyId": key, "RotationPeriodInDays": 365}
    assert abs(next_date - keys.describe(kms, key)["CreationDate"] - 365 * DAY) < datetime.timedelta(minutes=2)
    kms.disable_key_rotation(KeyId=key)
    assert status(kms, key)["KeyRotationEnabled"] is False and "NextRotationDate" not in status(kms, key)


@pytest.mark.parametrize("days", [90, 2560])
def test_periods(kms, key, days):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=days)
    assert status(kms, key)["RotationPeriodInDays"] == days
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=100)
    assert status(kms, key)["RotationPeriodInDays"] == 100


@pytest.mark.parametrize("days", [0, 89, 2561])
def test_periods_that_are_refused(server, key, days):
    kms = expect.caller(server, "test", service="kms", parameter_validation=False)
    with fails("ValidationException"):
        kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=days)


def test_the_clock_rotates_and_old_ciphertexts_still_decrypt(kms, key, clock_advance):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    first = keys.describe(kms, key)["CurrentKeyMaterialId"]
    assert MATERIAL.fullmatch(first) and rotations(kms, key) == []
    old = encrypt(kms, key)
    due = status(kms, key)["NextRotationDate"]
    clock_advance("89d")
    assert keys.describe(kms, key)["CurrentKeyMaterialId"] == first
    clock_advance("2d")
    [entry] = wait_for(kms, key, 1)
    assert (keys.id_of(entry["KeyId"]), entry["RotationType"]) == (keys.id_of(key), "AUTOMATIC")
    assert abs(entry["RotationDate"] - due) < 2 * DAY
    second = keys.describe(kms, key)["CurrentKeyMaterialId"]
    assert second == entry["KeyMaterialId"] != first
    assert material_of(kms, old) == first
    new = encrypt(kms, key)
    assert material_of(kms, new) == second
    assert abs(status(kms, key)["NextRotationDate"] - due - 90 * DAY) < 2 * DAY
    clock_advance("91d")
    assert len(wait_for(kms, key, 2)) == 2
    assert [material_of(kms, blob) for blob in (old, new)] == [first, second]
    assert len({first, second, keys.describe(kms, key)["CurrentKeyMaterialId"]}) == 3


def test_data_keys_of_before_a_rotation_open(kms, key):
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
    kms.rotate_key_on_demand(KeyId=key)
    wait_for(kms, key, 1)
    got = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert got["Plaintext"] == made["Plaintext"]
    again = kms.re_encrypt(
        CiphertextBlob=made["CiphertextBlob"], SourceEncryptionContext={"a": "b"}, DestinationKeyId=key
    )
    assert again["SourceKeyMaterialId"] != again["DestinationKeyMaterialId"]


def test_rotation_on_demand_leaves_the_schedule_alone(kms, key):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=200)
    before = status(kms, key)["NextRotationDate"]
    first = keys.describe(kms, key)["CurrentKeyMaterialId"]
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == key
    [entry] = wait_for(kms, key, 1)
    assert entry["RotationType"] == "ON_DEMAND"
    found = status(kms, key)
    assert found["NextRotationDate"] == before and "OnDemandRotationStartDate" not in found
    everything = rotations(kms, key, IncludeKeyMaterial="ALL_KEY_MATERIAL")
    states = {e["KeyMaterialId"]: e["KeyMaterialState"] for e in everything}
    assert states == {first: "NON_CURRENT", keys.describe(kms, key)["CurrentKeyMaterialId"]: "CURRENT"}
    assert [e.get("RotationType") for e in everything if e["KeyMaterialId"] == first] == [None]


def test_twenty_five_rotations_on_demand_and_their_pages(kms, key):
    for many in range(1, 26):
        kms.rotate_key_on_demand(KeyId=key)
        wait_for(kms, key, many)
    with fails("LimitExceededException"):
        kms.rotate_key_on_demand(KeyId=key)
    pages, marker = [], {}
    while True:
        page = kms.list_key_rotations(KeyId=key, Limit=10, **marker)
        pages.append(page["Rotations"])
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert [len(p) for p in pages] == [10, 10, 5]
    assert len({e["KeyMaterialId"] for p in pages for e in p}) == 25
    with fails("InvalidMarkerException"):
        kms.list_key_rotations(KeyId=key, Marker="nonsense")


def test_no_rotation_on_demand_shortly_before_one_by_the_clock(kms, key, clock_advance):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    clock_advance("89d23h50m")
    with fails("ConflictException"):
        kms.rotate_key_on_demand(KeyId=key)


def test_a_disabled_key_waits_with_its_rotation(kms, key, clock_advance):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    first = keys.describe(kms, key)["CurrentKeyMaterialId"]
    kms.disable_key(KeyId=key)
    assert status(kms, key)["KeyRotationEnabled"] is True
    clock_advance("100d")
    assert keys.describe(kms, key)["CurrentKeyMaterialId"] == first
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand):
        with fails("DisabledException", f"{key} is disabled."):
            call(KeyId=key)
    kms.enable_key(KeyId=key)
    wait_for(kms, key, 1)


def test_a_key_that_waits_for_its_deletion_does_not_rotate(kms, key, clock_advance):
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    clock_advance("85d")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30)
    assert status(kms, key)["KeyRotationEnabled"] is False
    clock_advance("10d")
    kms.cancel_key_deletion(KeyId=key)
    assert status(kms, key)["KeyRotationEnabled"] is True
    assert rotations(kms, key) == []


@pytest.mark.parametrize("kind", ["rsa", "signing", "mac", "agreement"])
def test_keys_that_do_not_rotate(kms, kind):
    key = keys.make(kms, **keys.KINDS[kind])
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand, kms.list_key_rotations):
        with fails("UnsupportedOperationException"):
            call(KeyId=key)
    # Observed by several tools: here there is an answer.
    assert status(kms, key)["KeyRotationEnabled"] is False


def test_keys_that_wait_for_their_material_do_not_rotate(kms):
    key = keys.make(kms, Origin="EXTERNAL")
    message = re.compile(re.escape(f"{key} origin is EXTERNAL which is not valid for this operation."))
    for call in (kms.enable_key_rotation, kms.disable_key_rotation):
        with fails("UnsupportedOperationException", message):
            call(KeyId=key)
    with fails("KMSInvalidStateException", f"{key} is pending import."):
        kms.rotate_key_on_demand(KeyId=key)
