"""IAM's MFA devices: real codes, checked by the cloud's clock."""

import datetime
import json
import re
import urllib.request

import pytest

import expect
import totp
from expect import refuses

STEP_SECONDS = 30


def cloud_time(server):
    """The cloud's time in seconds, which tests may have turned."""
    with urllib.request.urlopen(f"{server.endpoint}/_fogbank/clock", timeout=10) as answer:
        text = json.load(answer)["now"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


@pytest.fixture
def iam(server, account):
    found = expect.caller(server, account)
    found.create_user(UserName="u")
    return found


@pytest.fixture
def now(server):
    """now() is the cloud's time in seconds."""
    return lambda: cloud_time(server)


@pytest.fixture
def device(iam):
    """device(name) makes a virtual one: (serial number, seed)."""

    def make(name="d", **given):
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, **given)["VirtualMFADevice"]
        return made["SerialNumber"], made["Base32StringSeed"].decode()

    return make


@pytest.fixture
def codes(now):
    """codes(seed) are two that follow each other, the second being the present one."""

    def of(seed):
        at = now()
        return {
            "AuthenticationCode1": totp.code(seed, at - STEP_SECONDS),
            "AuthenticationCode2": totp.code(seed, at),
        }

    return of


def wrong(given):
    """Codes that are surely not these."""
    return {key: f"{(int(code) + 1) % 10**6:06}" for key, code in given.items()}


def test_a_virtual_device_from_its_making_to_its_end(iam, account, device, codes):
    made = iam.create_virtual_mfa_device(Path="/x/", VirtualMFADeviceName="d", Tags=expect.tags(a="1"))
    made = made["VirtualMFADevice"]
    serial = made["SerialNumber"]
    assert serial == f"arn:aws:iam::{account}:mfa/x/d"
    assert made["QRCodePNG"].startswith(b"\x89PNG")
    seed = made["Base32StringSeed"].decode()
    assert re.fullmatch(r"[A-Z2-7]{32,64}", seed)
    [unassigned] = iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"]
    assert unassigned["SerialNumber"] == serial
    assert "Base32StringSeed" not in unassigned and "User" not in unassigned
    iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))
    [listed] = iam.list_mfa_devices(UserName="u")["MFADevices"]
    assert (listed["UserName"], listed["SerialNumber"]) == ("u", serial)
    read = iam.get_mfa_device(SerialNumber=serial, UserName="u")
    assert (read["UserName"], read["SerialNumber"]) == ("u", serial)
    assert read["EnableDate"] == listed["EnableDate"]
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []
    [assigned] = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned["User"]["UserName"] == "u"
    assert assigned["EnableDate"] == listed["EnableDate"]
    iam.tag_mfa_device(SerialNumber=serial, Tags=expect.tags(b="2"))
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["a"])
    assert expect.tags_of(iam.list_mfa_device_tags(SerialNumber=serial)) == {"b": "2"}
    iam.deactivate_mfa_device(UserName="u", SerialNumber=serial)
    assert iam.list_mfa_devices(UserName="u")["MFADevices"] == []
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []


def test_wrong_codes_are_refused(iam, device, codes):
    serial, seed = device()
    one = {"UserName": "u", "SerialNumber": serial}
    with refuses("InvalidAuthenticationCode"):
        iam.enable_mfa_device(**one, **wrong(codes(seed)))
    right = codes(seed)
    with refuses("InvalidAuthenticationCode"):
        # The same code twice is not one after the other.
        iam.enable_mfa_device(**one, **{**right, "AuthenticationCode1": right["AuthenticationCode2"]})
    iam.enable_mfa_device(**one, **codes(seed))
    with refuses("InvalidAuthenticationCode"):
        iam.resync_mfa_device(**one, **wrong(codes(seed)))


def test_a_device_is_synchronised_again(iam, device, codes, clock_advance):
    serial, seed = device()
    iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))
    clock_advance("10m")
    iam.resync_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))


def test_a_device_is_good_for_one_user(iam, device, codes, clock_advance):
    iam.create_user(UserName="v")
    serial, seed = device()
    iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))
    clock_advance("10m")
    with refuses("EntityAlreadyExists"):
        iam.enable_mfa_device(UserName="v", SerialNumber=serial, **codes(seed))
    with refuses("NoSuchEntity"):
        iam.deactivate_mfa_device(UserName="v", SerialNumber=serial)


def test_a_name_is_taken_once(device):
    device("d")
    with refuses("EntityAlreadyExists", "MFADevice entity at the same path and name already exists."):
        device("d")


def test_a_device_in_use_cannot_be_deleted(iam, device, codes):
    serial, seed = device()
    iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))
    with refuses("DeleteConflict"):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    with refuses("DeleteConflict"):
        iam.delete_user(UserName="u")


def test_root_has_devices_too(iam, account, device, codes):
    serial, seed = device("root-account-mfa-device")
    iam.enable_mfa_device(UserName="root", SerialNumber=serial, **codes(seed))
    assert iam.get_account_summary()["SummaryMap"]["AccountMFAEnabled"] == 1
    assert [d["SerialNumber"] for d in iam.list_mfa_devices()["MFADevices"]] == [serial]
    [assigned] = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned["User"]["Arn"] == f"arn:aws:iam::{account}:root"


def test_a_user_has_eight_devices(iam, device, codes):
    for number in range(8):
        serial, seed = device(f"d{number}")
        iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))
    serial, seed = device("one-more")
    with refuses("LimitExceeded", re.compile("Cannot exceed quota for .*: 8")):
        iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))


def test_a_session_with_a_code_may_what_asks_for_it(server, iam, device, codes, now, clock_advance):
    serial, seed = device()
    iam.enable_mfa_device(UserName="u", SerialNumber=serial, **codes(seed))
    only = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=expect.policy("iam:ListUsers", Condition=only))
    key = iam.create_access_key(UserName="u")["AccessKey"]
    given = (key["AccessKeyId"], key["SecretAccessKey"])
    with refuses("AccessDenied"):
        expect.caller(server, *given).list_users()
    clock_advance("1m")
    sts = expect.caller(server, *given, service="sts")
    code = totp.code(seed, now())
    session = sts.get_session_token(SerialNumber=serial, TokenCode=code)["Credentials"]
    expect.session_caller(server, session).list_users()
    with expect.fails("AccessDenied", status=403):
        sts.get_session_token(SerialNumber=serial, TokenCode=code)
